/* SPDX-License-Identifier: MIT */
/*
 * Places, of this very process: its variables know their own addresses.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "error_case.h"
#include "expr/parser.h"
#include "own_memory.h"
#include "unit.h"

/* ---- What the places are of: all written to, so that none is optimised away */

#define KEPT __attribute__((used))

enum state { IDLE, RUNNING, FAILED = -1 };

struct node {
	int fd;
	short refs;
	struct node *next;
	unsigned low : 3, high : 11;
	char name[10];
	union {
		long as_long;
		int as_int;
	};
};

KEPT struct node table[8];
KEPT struct node *head = &table[2];
KEPT struct node *nowhere;
KEPT int *wild = (int *)16;
KEPT long grid[3][4];
KEPT int which = 3;
KEPT enum state state;
KEPT double ratio;
static KEPT int hidden;

static struct mt_image *own_image(void)
{
	struct mt_image *image = NULL;

	MT_CK_OK(mt_image_create(getpid(), &image));
	return image;
}

struct place_case {
	const char *text;
	const void *addr;
	uint64_t len;
	const char *type;
	bool followed;
};

START_TEST(places_of_this_process)
{
	const struct place_case cases[] = {
		{ "which", &which, 4, "int", false },
		{ "(which)", &which, 4, "int", false },
		{ "hidden", &hidden, 4, "int", false },
		{ "test_place.c::hidden", &hidden, 4, "int", false },
		{ "'test_place.c'::hidden", &hidden, 4, "int", false },
		{ "unit/test_place.c::hidden", &hidden, 4, "int", false },
		{ "state", &state, 4, "enum state", false },
		{ "table", table, sizeof(table), "struct node [8]", false },
		{ "table[3]", &table[3], sizeof(*table), "struct node", false },
		{ "table[3].refs", &table[3].refs, 2, "short", false },
		{ "table[1 + 2*3].fd", &table[7].fd, 4, "int", false },
		{ "table[which].fd", &table[3].fd, 4, "int", true },
		{ "table[which - 1].name[-2+3]", &table[2].name[1], 1, "char", true },
		{ "table[1].as_int", &table[1].as_int, 4, "int", false },
		{ "table[2..4]", &table[2], 3 * sizeof(*table), "struct node [3]", false },
		{ "table[1].name[2..which]", &table[1].name[2], 2, "char [2]", true },
		{ "table:16", table, 16, "16 bytes", false },
		{ "table[0].name:4", table[0].name, 4, "char [4]", false },
		{ "which:2", &which, 2, "2 bytes", false },
		{ "which:4", &which, 4, "int", false },
		{ "which:0x10", &which, 16, "16 bytes", false },
		{ "grid[2]", grid[2], 32, "long [4]", false },
		{ "grid[2][3]", &grid[2][3], 8, "long", false },
		{ "*grid[1]", grid[1], 8, "long", false },
		{ "head", &head, 8, "struct node *", false },
		{ "*head", &table[2], sizeof(*table), "struct node", true },
		{ "head->next", &table[2].next, 8, "struct node *", true },
		{ "head->next->refs", &table[5].refs, 2, "short", true },
		{ "(*head).next[1].fd", &table[6].fd, 4, "int", true },
		{ "head[-1].fd", &table[1].fd, 4, "int", true },
		{ "*(head + 1)", &table[3], sizeof(*table), "struct node", true },
		{ "(1 + head)->fd", &table[3].fd, 4, "int", true },
		{ "head[1..2]", &table[3], 2 * sizeof(*table), "struct node [2]", true },
		{ "*&which", &which, 4, "int", false },
		{ "(&table[1])->refs", &table[1].refs, 2, "short", false },
		{ "*(short *)&which", &which, 2, "short", false },
		{ "((int *)table)[3]", (int *)table + 3, 4, "int", false },
		{ "*(const unsigned char *)&ratio", &ratio, 1, "unsigned char", false },
		{ "((struct node *)(long)&table[1])->refs", &table[1].refs, 2, "short", false },
		{ "*(enum state *)&which", &which, 4, "enum state", false },
		{ "0x7f0000001000", (void *)0x7f0000001000, 8, "8 bytes", false },
		{ "0x7f0000001000:3", (void *)0x7f0000001000, 3, "3 bytes", false },
		{ "0x1000 + 8*2 : 4", (void *)0x1010, 4, "4 bytes", false },
		{ "*(long *)0x1000", (void *)0x1000, 8, "long", false },
		{ "*(struct node **)0x1000", (void *)0x1000, 8, "struct node *", false },
	};
	struct mt_image *image = own_image();

	table[2].next = &table[5];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct place_case *c = &cases[i];
		struct mt_buf type MT_AUTO_BUF = { 0 };
		struct mt_place place;

		MT_CK_OK(mt_place_check(c->text));
		MT_CK_OK(mt_place_resolve(image, c->text, read_own, NULL, &place));
		mt_type_format(place.type, &type);
		ck_assert_msg(place.addr == (uintptr_t)c->addr, "%s", c->text);
		ck_assert_msg(place.len == c->len, "%s has %llu bytes", c->text,
		              (unsigned long long)place.len);
		ck_assert_msg(!strcmp(type.data, c->type), "%s is of type %s", c->text, type.data);
		ck_assert_msg(place.followed == c->followed, "%s", c->text);
		ck_assert_int_eq(place.from_elf, false);
	}
	mt_image_destroy(image);
}
END_TEST

START_TEST(places_in_modules)
{
	static const char *const offsets[] = { "+0x10:4", "+16:4", " + 0x10 : 4" };
	struct mt_image *image = own_image();
	const struct mt_module *module = mt_image_executable(image);
	struct mt_place place;
	char text[256];

	for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		snprintf(text, sizeof(text), "%s%s", module->name, offsets[i]);
		MT_CK_OK(mt_place_check(text));
		MT_CK_OK(mt_place_resolve(image, text, read_own, NULL, &place));
		ck_assert_uint_eq(place.addr, module->start + 16);
		ck_assert_uint_eq(place.len, 4);
		ck_assert_ptr_eq(place.module, module);
	}
	MT_CK_OK(mt_place_resolve(image, "libc.so.6+0x40", read_own, NULL, &place));
	ck_assert_str_eq(place.module->name, "libc.so.6");
	ck_assert_uint_eq(place.addr, place.module->start + 0x40);
	ck_assert_uint_eq(place.len, 8);
	MT_CK_OK(mt_place_resolve(image, "libc.so.6::environ", read_own, NULL, &place));
	ck_assert_uint_eq(place.len, sizeof(char *));
	MT_CK_FAILS(mt_place_resolve(image, "libno-such.so.1+0x10:4", read_own, NULL, &place),
	            MT_ERR_NOT_FOUND, "no module is called libno-such.so.1");
	mt_image_destroy(image);
}
END_TEST

START_TEST(wrong_places_by_their_text)
{
	static const struct error_case cases[] = {
		{ "", 0, "is empty" },
		{ "  ", 2, "is empty" },
		{ "&which", 0, "leave the & out" },
		{ "which == 3", 0, "which == 3 is a value, not a place" },
		{ "p + i", 0, "p + i is a value, not a place" },
		{ "(p + i) * 2", 0, "(p + i) * 2 is a value, not a place" },
		{ "(int *)0x1000", 0, "put a * before it" },
		{ "table[", 6, "a value is missing" },
		{ "table[1", 5, "this [ is never closed" },
		{ "(table", 0, "this ( is never closed" },
		{ "table]", 5, "this ] closes nothing" },
		{ "table[1..", 9, "a value is missing" },
		{ "1..2", 1, "written in brackets" },
		{ "table[1..2].fd", 6, "can only come last" },
		{ "table.", 6, "member's name is missing" },
		{ "table[a && b]", 8, "only the operators" },
		{ "table[a ? b : c]", 8, "only the operators" },
		{ "table[1.5]", 6, "floating constant" },
		{ "table[\"x\"]", 6, "string" },
		{ "*$rsp", 1, "registers have no use" },
		{ "which:n", 6, "integer constant" },
		{ "which:4:4", 7, "this : has no ?" },
		{ "f(x)", 1, "functions cannot be called" },
		{ "x = 5", 2, "would assign" },
		{ "x++", 1, "++ would change the value" },
		{ "a b", 2, "operator is missing before b" },
		{ "a # b", 2, "'#' has no meaning" },
		{ "a\x01", 1, "the byte 0x01" },
		{ "'file.c", 0, "has no mate" },
		{ "''::x", 0, "name between the quotes is missing" },
		{ "0x", 2, "digits of a hexadecimal constant are missing" },
		{ "18446744073709551616", 0, "too large for 64 bits" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_error(&cases[i], mt_place_check(cases[i].text));
}
END_TEST

START_TEST(wrong_places_in_this_process)
{
	static const struct error_case cases[] = {
		{ "table[8].fd", 6, "table has the elements 0 to 7" },
		{ "table[-1].fd", 6, "-1 is out of bounds" },
		{ "table[1].name[10]", 14, "table[1].name has the elements 0 to 9" },
		{ "table[4..8]", 9, "8 is out of bounds" },
		{ "table[4..2]", 9, "ends before it begins" },
		{ "table[1].ref", 9, "struct node has no member ref; did you mean refs?" },
		{ "table[1].low", 9, "is a bit-field" },
		{ "head.fd", 5, "head is a pointer: write head->fd" },
		{ "table[1]->fd", 10, "write table[1].fd" },
		{ "which.x", 0, "which is of type int: it has no members" },
		{ "which[0]", 0, "which is not an array or a pointer" },
		{ "*which", 1, "which is not a pointer" },
		{ "table[ratio]", 6, "ratio is of type double: an integer" },
		{ "table[head]", 6, "head is a pointer" },
		{ "*(head * 2)", 7, "cannot be done with a pointer" },
		{ "table[1/0]", 7, "division by zero" },
		{ "*(struct no_such *)head", 2, "there is no type struct no_such" },
		{ "*(void *)head", 0, "the size of *(void *)head is not known" },
		{ "which+4", 0, "which+4 is a value, not a place" },
		{ "which:0", 6, "a length is 1 or more" },
		{ "which:-1", 6, "a length is 1 or more" },
		{ "0xffffffffffffffff:2", 0, "past the end of memory" },
		{ "nowhere->fd", -1, "nowhere is NULL, so nowhere->fd is nowhere" },
		{ "head->next->next->fd", -1, "head->next->next is NULL" },
		{ "*nowhere", -1, "nowhere is NULL" },
		{ "nowhere[3]", -1, "nowhere is NULL" },
		{ "*wild", -1, "*wild leads to 0x10, which is not mapped" },
		{ "**(int **)wild", -1, "the value of *(int **)wild" },
		{ "whitch", -1, "which" },
	};
	struct mt_image *image = own_image();
	struct mt_place place;

	table[2].next = &table[5];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_error(&cases[i],
		            mt_place_resolve(image, cases[i].text, read_own, NULL, &place));
	MT_CK_FAILS(mt_place_resolve(image, "*head", NULL, NULL, &place), MT_ERR_UNREADABLE,
	            "before the program has started");
	mt_image_destroy(image);
}
END_TEST

START_TEST(raw_places_need_no_symbols)
{
	static const char *const raw[] = { "0x1000", "0x1000:4", "(0x1000)", " 4096 + 8*2 : 32" };
	static const char *const named[] = { "x",   "x:8", "libc.so.6+0x10:8", "*(int *)0x1000",
		                             "1.5", "",    "0x1000:",          "0x1000 == 1" };

	for (size_t i = 0; i < sizeof(raw) / sizeof(*raw); i++)
		ck_assert_msg(mt_place_is_raw(raw[i]), "%s", raw[i]);
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
		ck_assert_msg(!mt_place_is_raw(named[i]), "%s", named[i]);
}
END_TEST

START_TEST(names_with_scopes)
{
	static const struct {
		const char *text, *scope, *name;
	} cases[] = {
		{ "counter", NULL, "counter" },
		{ "cache.c::lru_head", "cache.c", "lru_head" },
		{ "../src/my-cache.c::x", "../src/my-cache.c", "x" },
		{ "/a/b~1.c::x", "/a/b~1.c", "x" },
		{ "lib-foo.so.1::x", "lib-foo.so.1", "x" },
		{ "libstdc++.so.6::x", "libstdc++.so.6", "x" },
		{ "7zip.c::x", "7zip.c", "x" },
		{ "'dir with blanks/a.c'::x", "dir with blanks/a.c", "x" },
		{ "'v<int>'::count", "v<int>", "count" },
		{ "parse::depth_max", "parse", "depth_max" },
		{ "ns::Class::total", "ns::Class", "total" },
		{ "cache.c::parse::depth", "cache.c", "parse::depth" },
		{ "*main.c::p", "main.c", "p" },
		{ "(int)main.c::p", "main.c", "p" },
		{ "- main.c::p", "main.c", "p" },
		{ "größe", NULL, "größe" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mt_arena arena MT_AUTO_ARENA = { 0 };
		const struct mt_ast *ast;

		MT_CK_OK(mt_parse_place(cases[i].text, &arena, &ast));
		while (ast->a)
			ast = ast->a;
		ck_assert_int_eq(ast->kind, MT_AST_NAME);
		ck_assert_str_eq(ast->name, cases[i].name);
		ck_assert_pstr_eq(ast->scope, cases[i].scope);
	}
}
END_TEST

START_TEST(names_of_modules)
{
	static const struct {
		const char *text, *name;
		uint64_t offset;
	} cases[] = {
		{ "sqlite3+0x1234:8", "sqlite3", 0x1234 },
		{ "libfoo.so.1+16", "libfoo.so.1", 16 },
		{ "libstdc++.so.6+0x10", "libstdc++.so.6", 16 },
		{ "g++ + 010 :4", "g++", 8 },
		{ "my-lib.so+1", "my-lib.so", 1 },
		{ "7zip+1", "7zip", 1 },
		{ "[vdso]+1", NULL, 0 },
		{ "1+2", NULL, 0 },
		{ "0x10-8+4:8", NULL, 0 },
		{ "-5+3", NULL, 0 },
		{ "x+1+y", NULL, 0 },
		{ "x+1.5", NULL, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mt_arena arena MT_AUTO_ARENA = { 0 };
		const struct mt_ast *ast = NULL;

		mt_error_free(mt_parse_place(cases[i].text, &arena, &ast));
		if (ast && ast->kind == MT_AST_SPAN)
			ast = ast->a;
		ck_assert_msg((ast && ast->kind == MT_AST_MODULE) == (cases[i].name != NULL), "%s",
		              cases[i].text);
		if (!cases[i].name)
			continue;
		ck_assert_str_eq(ast->name, cases[i].name);
		ck_assert_uint_eq(ast->number.integer, cases[i].offset);
	}
}
END_TEST

/* With an image of its own each time: nothing is known from the time before. */
static struct mt_error *resolve_with_allocations(const char *text, long count)
{
	struct mt_image *image = own_image();
	struct mt_place place;

	mt_alloc_fail_after(count);
	struct mt_error *error = mt_place_resolve(image, text, read_own, NULL, &place);
	mt_alloc_fail_after(-1);
	mt_image_destroy(image);
	return error;
}

START_TEST(memory_may_run_out_anywhere)
{
	struct mt_error *error = mt_error_nomem();
	long count;

	for (count = 0; error; count++) {
		ck_assert_int_eq(mt_error_kind(error), MT_ERR_NOMEM);
		mt_error_free(error);
		error =
		    resolve_with_allocations("(*(struct node **)&head)[1].name[which..4]:1", count);
	}
	ck_assert_int_gt(count, 10);
}
END_TEST

MT_UNIT_MAIN("place", places_of_this_process, places_in_modules, wrong_places_by_their_text,
             wrong_places_in_this_process, raw_places_need_no_symbols, names_with_scopes,
             names_of_modules, memory_may_run_out_anywhere)
