/* SPDX-License-Identifier: MIT */
/* Macros in expressions: the examples of C11 6.10.3.5 and more, as gcc -E expands them. */
#include <string.h>

#include "base/cleanup.h"
#include "expr/preprocess.h"
#include "unit.h"

static const char *const definitions[] = {
	"x 3",
	"f(a) f(x * (a))",
	"g f",
	"z z[0]",
	"h g(~",
	"m(a) a(w)",
	"w 0,1",
	"t(a) a",
	"p() int",
	"q(x) x",
	"r(x,y) x ## y",
	"str(x) # x",
	"xstr(s) str(s)",
	"debug(s,t) printf(\"x\" # s \"= %d, x\" # t \"= %s\", x ## s, x ## t)",
	"INCFILE(n) vers ## n",
	"glue(a,b) a##b",
	"xglue(a,b) glue(a, b)",
	"HIGHLOW \"hello\"",
	"LOW LOW \", world\"",
	"tt(x,y,z) x ## y ## z",
	"showlist(...) puts(#__VA_ARGS__)",
	"report(test,...) ((test)?puts(#test): printf(__VA_ARGS__))",
	"named(args...) call(args)",
	"loop1 loop2 + 1",
	"loop2 loop1 + 2",
	"empty",
	"twice(a) ((a) + (a))",
	"bomb0 bomb1 bomb1 bomb1 bomb1",
	"bomb1 bomb2 bomb2 bomb2 bomb2",
	"bomb2 bomb3 bomb3 bomb3 bomb3",
	"bomb3 bomb4 bomb4 bomb4 bomb4",
	"bomb4 bomb5 bomb5 bomb5 bomb5",
	"bomb5 bomb6 bomb6 bomb6 bomb6",
	"bomb6 bomb7 bomb7 bomb7 bomb7",
	"bomb7 bomb8 bomb8 bomb8 bomb8",
	"bomb8 0+0+0+0+0+0+0+0+0+0+0+0",
};

static bool find(void *arg, const char *name, size_t len, const char **definition)
{
	(void)arg;
	for (size_t i = 0; i < sizeof(definitions) / sizeof(*definitions); i++) {
		if (!strncmp(definitions[i], name, len) && strcspn(definitions[i], " (") == len) {
			*definition = definitions[i];
			return true;
		}
	}
	return false;
}

static const struct mt_macro_source source = { .find = find };

/* Blanks do not matter here, but that strings keep theirs. */
static void squeeze(const char *text, struct mt_buf *out)
{
	bool in_string = false;

	for (; *text; text++) {
		in_string ^= *text == '"';
		if (*text != ' ' || in_string)
			mt_buf_char(out, *text);
	}
	mt_buf_char(out, '\0');
}

START_TEST(as_the_compiler_does)
{
	static const struct {
		const char *text, *expanded;
	} cases[] = {
		{ "t(t(g)(0) + t)(1);", "f(3 * (0)) + t(1);" },
		{ "g(x+(3,4)-w) | h 5) & m", "f(3 * (3 +(3,4)-0,1)) | f(3 * (~ 5)) & m" },
		{ "(f)^m(m);", "(f)^m(0,1);" },
		{ "{ q(x)+r(2,3)+r(4,)+r(,5)+r(,) };", "{ 3 +23 +4 +5 + };" },
		{ "debug(1, 2);", "printf(\"x\" \"1\" \"= %d, x\" \"2\" \"= %s\", x1, x2);" },
		{ "str(strncmp(\"abc\\0d\", \"abc\", '\\4') == 0)",
		  "\"strncmp(\\\"abc\\\\0d\\\", \\\"abc\\\", '\\\\4') == 0\"" },
		{ "xstr(INCFILE(2).y)", "\"vers2.y\"" },
		{ "glue(HIGH, LOW);", "\"hello\";" },
		{ "xglue(HIGH, LOW)", "\"hello\" \", world\"" },
		{ "tt(1,2,3)+tt(,4,5)+tt(6,,7)+tt(8,9,)", "123 +45 +67 +89" },
		{ "showlist(The first, second, and third items.);",
		  "puts(\"The first, second, and third items.\");" },
		{ "report(v>y, \"x is %d but y is %d\", v, y);",
		  "((v>y)?puts(\"v>y\"): printf(\"x is %d but y is %d\", v, y));" },
		{ "named(1, 2) + named()", "call(1, 2) + call()" },
		{ "loop1 * loop2", "loop1 + 2 + 1 * loop2 + 1 + 2" },
		{ "q(loop1) + twice(loop2)",
		  "loop1 + 2 + 1 + ((loop2 + 1 + 2) + (loop2 + 1 + 2))" },
		{ "p() q(q)(7) str( a  b )", "int q(7) \"a  b\"" },
		{ "f + f (1) + z", "f + f(3 * (1)) + z[0]" },
		{ "empty + empty", "+" },
		{ "$x + ns::x + x::y + 'x' + \"x\"", "$x + ns::x + x::y + 'x' + \"x\"" },
		{ "0x3e1 + x1 + 1.e5f + 1x", "0x3e1 + x1 + 1.e5f + 1x" },
		{ "\"x", "\"x" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mt_buf out MT_AUTO_BUF = { 0 }, ours MT_AUTO_BUF = { 0 };
		struct mt_buf theirs MT_AUTO_BUF = { 0 };
		bool any;

		MT_CK_OK(mt_preprocess(&source, cases[i].text, &out, &any));
		mt_buf_char(&out, '\0');
		squeeze(out.data, &ours);
		squeeze(cases[i].expanded, &theirs);
		ck_assert_str_eq(ours.data, theirs.data);
		ck_assert(any || !strcmp(cases[i].text, out.data));
	}
}
END_TEST

START_TEST(what_is_wrong_is_told)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{ "f(1, 2)", "the macro f takes 1 argument, not 2" },
		{ "r(1)", "the macro r takes 2 arguments, not 1" },
		{ "f(1", "the arguments of the macro f do not end" },
		{ "p(1)", "the macro p takes 0 arguments, not 1" },
		{ "bomb0", "too long" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mt_buf out MT_AUTO_BUF = { 0 };
		bool any;

		MT_CK_FAILS(mt_preprocess(&source, cases[i].text, &out, &any), MT_ERR_SYNTAX,
		            cases[i].part);
	}
}
END_TEST

MT_UNIT_MAIN("preprocess", as_the_compiler_does, what_is_wrong_is_told)
