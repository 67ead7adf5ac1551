/* SPDX-License-Identifier: MIT */
/* Command text of `memtrap debug`, against what gdb's manual and the shell say of the same text. */
#include <signal.h>
#include <string.h>
#include <wordexp.h>

#include "base/cleanup.h"
#include "cli/debug/syntax.h"
#include "unit.h"

/* ---- Numbers --------------------------------------------------------------- */

START_TEST(numbers_and_ranges)
{
	struct mt_number_list list MT_CLEANUP(mt_number_list_deinit) = { 0 };

	MT_CK_OK(mt_text_numbers(" 1 3-5  8 ", "delete", &list));
	for (int number = 0; number < 10; number++)
		ck_assert_int_eq(mt_number_list_has(&list, number),
		                 number == 1 || (number >= 3 && number <= 5) || number == 8);
}
END_TEST

START_TEST(bad_numbers_get_a_sentence)
{
	static const struct {
		const char *text, *part;
	} cases[] = { { "x", "not 'x'" },
		      { "1 2x", "not '2x'" },
		      { "5-3", "5-3" },
		      { "0", "from 1 on" },
		      { "-3", "not '-3'" },
		      { "3-", "takes a number" },
		      { "99999999999", "too large" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mt_number_list list MT_CLEANUP(mt_number_list_deinit) = { 0 };

		MT_CK_FAILS(mt_text_numbers(cases[i].text, "delete", &list), MT_ERR_USAGE,
		            cases[i].part);
	}
}
END_TEST

START_TEST(counts)
{
	uint64_t count;

	MT_CK_OK(mt_text_count("", "step", 1, &count));
	ck_assert_uint_eq(count, 1);
	MT_CK_OK(mt_text_count(" 0x10 ", "step", 1, &count));
	ck_assert_uint_eq(count, 16);
	MT_CK_FAILS(mt_text_count("3 4", "step", 1, &count), MT_ERR_USAGE, "'4'");
}
END_TEST

/* ---- Formats --------------------------------------------------------------- */

START_TEST(formats)
{
	const char *text = "/8xg $rsp";
	struct mt_format format;

	MT_CK_OK(mt_format_parse(&text, "x", &format));
	ck_assert_str_eq(text, "$rsp");
	ck_assert_int_eq(format.count, 8);
	ck_assert_int_eq(format.letter, 'x');
	ck_assert_int_eq(format.size, 'g');

	text = "/-3i $pc";
	MT_CK_OK(mt_format_parse(&text, "x", &format));
	ck_assert_int_eq(format.count, -3);
	ck_assert_int_eq(format.letter, 'i');
	ck_assert_int_eq(format.size, 0);

	text = "counter";
	MT_CK_OK(mt_format_parse(&text, "x", &format));
	ck_assert_str_eq(text, "counter");
	ck_assert(!format.has_count && !format.letter);

	text = "/q x";
	MT_CK_FAILS(mt_format_parse(&text, "print", &format), MT_ERR_USAGE, "'q' is no format");
	ck_assert_str_eq(text, "/q x");
	text = "/99999999999x";
	MT_CK_FAILS(mt_format_parse(&text, "x", &format), MT_ERR_USAGE, "too large");
}
END_TEST

START_TEST(modifiers)
{
	const char *text = "/r /s main";
	unsigned given;

	MT_CK_OK(mt_modifiers_parse(&text, "disassemble", "rsm", &given));
	ck_assert_uint_eq(given, 3);
	ck_assert_str_eq(text, "main");
	text = "/rx";
	MT_CK_FAILS(mt_modifiers_parse(&text, "disassemble", "rsm", &given), MT_ERR_USAGE, "/x");
}
END_TEST

/* ---- Breakpoints and lists ------------------------------------------------- */

static void check_break(const char *text, const char *location, int thread, const char *condition)
{
	struct mt_break_text parsed;

	MT_CK_OK(mt_break_parse(text, &parsed));
	ck_assert_str_eq(parsed.location, location);
	ck_assert_int_eq(parsed.thread, thread);
	ck_assert_pstr_eq(parsed.condition, condition);
	mt_break_text_deinit(&parsed);
}

START_TEST(break_texts)
{
	struct mt_break_text parsed;

	check_break("", "", 0, NULL);
	check_break("main", "main", 0, NULL);
	check_break("a.c:3 if $rax == 1", "a.c:3", 0, "$rax == 1");
	check_break("if x", "", 0, "x");
	check_break("f thread 2", "f", 2, NULL);
	check_break("f thread 2 if tid > 3", "f", 2, "tid > 3");
	check_break("f if thread == 2", "f", 0, "thread == 2");
	check_break("thread", "thread", 0, NULL);
	check_break("'an if file.c':3", "'an if file.c':3", 0, NULL);
	MT_CK_FAILS(mt_break_parse("f if", &parsed), MT_ERR_USAGE, "missing after 'if'");
	MT_CK_FAILS(mt_break_parse("f thread x", &parsed), MT_ERR_USAGE, "'x'");
	MT_CK_FAILS(mt_break_parse("f thread 2 g", &parsed), MT_ERR_USAGE, "'g'");
}
END_TEST

static void check_list(const char *text, enum mt_list_kind kind, const char *first,
                       const char *last)
{
	struct mt_list_text parsed;

	MT_CK_OK(mt_list_parse(text, &parsed));
	ck_assert_int_eq(parsed.kind, kind);
	ck_assert_pstr_eq(parsed.first, first);
	ck_assert_pstr_eq(parsed.last, last);
	mt_list_text_deinit(&parsed);
}

START_TEST(list_texts)
{
	struct mt_list_text parsed;

	check_list("", MT_LIST_ON, NULL, NULL);
	check_list(" - ", MT_LIST_BACK, NULL, NULL);
	check_list("main", MT_LIST_AROUND, "main", NULL);
	check_list("3 , 9 ", MT_LIST_RANGE, "3", "9");
	check_list("a.c:3,", MT_LIST_FROM, "a.c:3", NULL);
	check_list(",9", MT_LIST_UP_TO, NULL, "9");
	check_list("ns::f(int, int)", MT_LIST_AROUND, "ns::f(int, int)", NULL);
	MT_CK_FAILS(mt_list_parse(",", &parsed), MT_ERR_USAGE, "comma");
}
END_TEST

/* ---- Words as a shell has them --------------------------------------------- */

START_TEST(run_words)
{
	struct mt_run_text parsed;

	MT_CK_OK(mt_run_parse("-v 'a b' \"c \\\" d\" e\\ f <in >>out 2> err g", &parsed));
	ck_assert_uint_eq(parsed.words.len, 5);
	ck_assert_str_eq(parsed.words.data[1], "'a b'");
	ck_assert_str_eq(parsed.words.data[2], "\"c \\\" d\"");
	ck_assert_str_eq(parsed.words.data[3], "e\\ f");
	ck_assert_str_eq(parsed.words.data[4], "g");
	ck_assert_str_eq(parsed.in, "in");
	ck_assert_str_eq(parsed.out, "out");
	ck_assert_str_eq(parsed.err, "err");
	ck_assert(parsed.append);
	mt_run_text_deinit(&parsed);
	MT_CK_FAILS(mt_run_parse("a | b", &parsed), MT_ERR_USAGE, "no '|'");
	MT_CK_FAILS(mt_run_parse("a >", &parsed), MT_ERR_USAGE, "missing");
	MT_CK_FAILS(mt_run_parse("'a", &parsed), MT_ERR_USAGE, "quote");
}
END_TEST

/* What we quote, libc's shell words read back as it was. */
START_TEST(quoted_words_come_back)
{
	static const char *const words[] = { "",   "plain", "a b",  "it's", "$HOME", "*", "\\",
		                             "\"", "~",     "a\tb", "`x`",  "-n",    "#" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct mt_buf quoted MT_AUTO_BUF = { 0 };
		wordexp_t expanded;

		mt_text_quote(&quoted, words[i]);
		ck_assert_int_eq(wordexp(quoted.data, &expanded, WRDE_NOCMD), 0);
		ck_assert_uint_eq(expanded.we_wordc, 1);
		ck_assert_str_eq(expanded.we_wordv[0], words[i]);
		wordfree(&expanded);
	}
}
END_TEST

/* ---- printf and echo ------------------------------------------------------- */

START_TEST(escapes)
{
	static const char text[] = "a\\tb\\n\\101\\\\\\\"\\e[m\\0007";
	struct mt_buf out MT_AUTO_BUF = { 0 };

	mt_text_unescape(&out, text, strlen(text));
	ck_assert_uint_eq(out.len, 12);
	ck_assert_mem_eq(out.data, "a\tb\nA\\\"\033[m\0007", 12);
}
END_TEST

START_TEST(printf_texts)
{
	struct mt_printf_text parsed;
	struct mt_conversion conversion;
	const char *at;

	MT_CK_OK(mt_printf_parse("\"n=%-8lu %s%%\\n\", counter, f(a, b)", &parsed));
	ck_assert_str_eq(parsed.format, "n=%-8lu %s%%\n");
	ck_assert_uint_eq(parsed.values.len, 2);
	ck_assert_str_eq(parsed.values.data[1], "f(a, b)");
	at = parsed.format;
	MT_CK_OK(mt_conversion_next(&at, &conversion));
	ck_assert_uint_eq(conversion.text_len, 2);
	ck_assert_str_eq(conversion.spec, "%-8");
	ck_assert_int_eq(conversion.letter, 'u');
	MT_CK_OK(mt_conversion_next(&at, &conversion));
	ck_assert_int_eq(conversion.letter, 's');
	MT_CK_OK(mt_conversion_next(&at, &conversion));
	ck_assert_int_eq(conversion.letter, '%');
	MT_CK_OK(mt_conversion_next(&at, &conversion));
	ck_assert_int_eq(conversion.letter, 0);
	mt_printf_text_deinit(&parsed);

	/* Nothing that writes memory or takes widths from arguments. */
	at = "%n";
	MT_CK_FAILS(mt_conversion_next(&at, &conversion), MT_ERR_USAGE, "%n");
	at = "%*d";
	MT_CK_FAILS(mt_conversion_next(&at, &conversion), MT_ERR_USAGE, "%*d");
	MT_CK_FAILS(mt_printf_parse("counter", &parsed), MT_ERR_USAGE, "format in quotes");
	MT_CK_FAILS(mt_printf_parse("\"%d\", ", &parsed), MT_ERR_USAGE, "missing after a comma");
}
END_TEST

/* ---- Signals --------------------------------------------------------------- */

START_TEST(signal_names)
{
	int signal;

	MT_CK_OK(mt_signal_parse("SIGUSR1", 7, &signal));
	ck_assert_int_eq(signal, SIGUSR1);
	MT_CK_OK(mt_signal_parse("usr2", 4, &signal));
	ck_assert_int_eq(signal, SIGUSR2);
	MT_CK_OK(mt_signal_parse("11", 2, &signal));
	ck_assert_int_eq(signal, SIGSEGV);
	MT_CK_OK(mt_signal_parse("SIGRTMIN+3", 10, &signal));
	ck_assert_int_eq(signal, SIGRTMIN + 3);
	MT_CK_FAILS(mt_signal_parse("SIGNAL", 6, &signal), MT_ERR_USAGE, "'SIGNAL' is no signal");
	MT_CK_FAILS(mt_signal_parse("0", 1, &signal), MT_ERR_USAGE, "'0'");
	MT_CK_FAILS(mt_signal_parse("65", 2, &signal), MT_ERR_USAGE, "'65'");
	for (int i = 1; i <= MT_SIGNAL_MAX; i++) {
		const char *name = mt_signal_name(i);

		if (strspn(name + 3, "0123456789") == strlen(name + 3))
			continue;
		MT_CK_OK(mt_signal_parse(name, strlen(name), &signal));
		ck_assert_int_eq(signal, i);
	}
}
END_TEST

START_TEST(handle_texts)
{
	struct mt_handle_text parsed;

	MT_CK_OK(mt_handle_parse("SIGUSR1 10-12 nostop pass", &parsed));
	ck_assert(parsed.signals[SIGUSR1] && parsed.signals[11] && parsed.signals[12]);
	ck_assert(!parsed.signals[13]);
	ck_assert_int_eq(parsed.stop, -1);
	ck_assert_int_eq(parsed.print, 0);
	ck_assert_int_eq(parsed.pass, 1);
	MT_CK_OK(mt_handle_parse("all noprint", &parsed)); /* noprint implies nostop */
	ck_assert(parsed.signals[SIGSEGV] && !parsed.signals[SIGINT] && !parsed.signals[SIGTRAP]);
	ck_assert_int_eq(parsed.stop, -1);
	MT_CK_FAILS(mt_handle_parse("nostop", &parsed), MT_ERR_USAGE, "handle takes");
	MT_CK_FAILS(mt_handle_parse("SIGUSR1 stopp", &parsed), MT_ERR_USAGE, "'stopp'");
}
END_TEST

START_TEST(operators_outside_of_brackets)
{
	ck_assert_str_eq(mt_text_outside("a[b=c] = d", '='), "= d");
	ck_assert_ptr_null(mt_text_outside("a == b", '='));
	ck_assert_ptr_null(mt_text_outside("a <= b", '='));
	ck_assert_ptr_null(mt_text_outside("a += b", '='));
	ck_assert_ptr_null(mt_text_outside("f(a, b)", ','));
	ck_assert_ptr_null(mt_text_outside("\"a,b\"", ','));
	ck_assert_str_eq(mt_text_outside("')', b", ','), ", b");
}
END_TEST

MT_UNIT_MAIN("command", numbers_and_ranges, bad_numbers_get_a_sentence, counts, formats, modifiers,
             break_texts, list_texts, run_words, quoted_words_come_back, escapes, printf_texts,
             signal_names, handle_texts, operators_outside_of_brackets)
