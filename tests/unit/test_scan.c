/* SPDX-License-Identifier: MIT */
/* The vector scans against a plain loop, and the comparison of qualified names. */
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "symbol/demangle.h"
#include "symbol/scan.h"
#include "symbol/scope.h"
#include "unit.h"

#define HAY_SIZE 4099

static uint8_t hay[HAY_SIZE];

/* Few different bytes, so that there are finds. */
static void fill(unsigned seed, unsigned letters)
{
	srand(seed);
	for (size_t i = 0; i < HAY_SIZE; i++)
		hay[i] = (uint8_t)((unsigned)rand() % letters);
}

static void check_bytes(size_t from, size_t to, const uint8_t *needle, size_t size)
{
	struct mt_offsets found = { 0 };
	size_t expected = 0;

	ck_assert(mt_scan_bytes((struct mt_bytes){ hay, HAY_SIZE }, from, to,
	                        (struct mt_bytes){ needle, size }, &found));
	for (size_t at = from; at + size <= to && at + size <= HAY_SIZE; at++) {
		if (memcmp(hay + at, needle, size) != 0)
			continue;
		ck_assert_uint_lt(expected, found.len);
		ck_assert_uint_eq(found.data[expected++], at);
	}
	ck_assert_uint_eq(expected, found.len);
	mt_vec_deinit(&found);
}

START_TEST(bytes_are_found_where_they_are)
{
	for (unsigned letters = 1; letters <= 4; letters++) {
		fill(letters, letters);
		for (size_t size = 1; size <= 40; size++) {
			check_bytes(0, HAY_SIZE, hay + HAY_SIZE - size, size);
			check_bytes(size, 3 * size + 17, hay + size + 3, size);
			check_bytes(HAY_SIZE - 50, SIZE_MAX, hay + HAY_SIZE - size, size);
		}
	}
}
END_TEST

START_TEST(nothing_is_found_in_nothing)
{
	struct mt_offsets found = { 0 };
	const struct mt_bytes needle = { hay, 4 };

	ck_assert(mt_scan_bytes((struct mt_bytes){ 0 }, 0, 0, needle, &found));
	ck_assert(
	    mt_scan_bytes((struct mt_bytes){ hay, HAY_SIZE }, HAY_SIZE, SIZE_MAX, needle, &found));
	ck_assert(mt_scan_bytes((struct mt_bytes){ hay, HAY_SIZE }, 0, 3, needle, &found));
	ck_assert(mt_scan_bytes((struct mt_bytes){ hay, HAY_SIZE }, 0, HAY_SIZE,
	                        (struct mt_bytes){ 0 }, &found));
	ck_assert_uint_eq(found.len, 0);
}
END_TEST

static uint32_t word_at(size_t at)
{
	uint32_t word;

	memcpy(&word, hay + at, sizeof(word));
	return word;
}

/* Few values go another way than many. */
static void check_words(size_t count)
{
	struct mt_offsets values = { 0 }, found = { 0 };
	size_t expected = 0;

	for (size_t i = 0; i < count; i++)
		ck_assert(mt_vec_push(&values, word_at((i * 37 + HAY_SIZE - 4) % (HAY_SIZE - 3))));
	mt_offsets_sort(&values);
	ck_assert(mt_scan_words((struct mt_bytes){ hay, HAY_SIZE }, values.data, values.len,
	                        (struct mt_bytes){ hay + 7, 5 }, &found));
	mt_offsets_sort(&found);
	for (size_t at = 0; at + 4 <= HAY_SIZE; at++) {
		bool wanted = at + 5 <= HAY_SIZE && !memcmp(hay + at, hay + 7, 5);

		for (size_t i = 0; i < values.len; i++)
			wanted = wanted || values.data[i] == word_at(at);
		if (wanted)
			ck_assert_uint_eq(found.data[expected++], at);
	}
	ck_assert_uint_eq(expected, found.len);
	mt_vec_deinit(&values);
	mt_vec_deinit(&found);
}

START_TEST(words_are_found_few_or_many)
{
	for (unsigned letters = 2; letters <= 256; letters *= 4) {
		fill(letters, letters);
		for (size_t count = 1; count <= 60; count++)
			check_words(count);
	}
}
END_TEST

START_TEST(numbers_are_found_in_all_their_forms)
{
	static const uint8_t bytes[] = { 0xff, 0x05, 0xff, 0x2c, 0x01, 0xff, 0xac, 0x02, 0xff };
	const struct mt_bytes all = { bytes, sizeof(bytes) };
	struct mt_offsets found = { 0 };

	ck_assert(mt_scan_number(all, 0, all.size, 5, &found));
	ck_assert_uint_eq(found.len, 1);
	ck_assert_uint_eq(found.data[0], 1);
	found.len = 0;
	ck_assert(mt_scan_number(all, 0, all.size, 300, &found)); /* 0x12c; ULEB128 ac 02 */
	mt_offsets_sort(&found);
	ck_assert_uint_eq(found.len, 2);
	ck_assert_uint_eq(found.data[0], 3);
	ck_assert_uint_eq(found.data[1], 6);
	mt_vec_deinit(&found);
}
END_TEST

START_TEST(names_match_with_parts_left_out)
{
	static const struct {
		const char *qualified, *name;
		bool matches, exact;
	} cases[] = {
		{ "x", "x", true, true },
		{ "ns::x", "x", true, false },
		{ "ns::x", "ns::x", true, true },
		{ "ns::x", "other::x", false, false },
		{ "ns::v1::x", "ns::x", true, false },
		{ "ns::Class::x", "Class::x", true, false },
		{ "ns::Class::x", "Class::ns::x", false, false },
		{ "ns::x", "n::x", false, false },
		{ "xx", "x", false, false },
		{ "x", "ns::x", false, false },
		{ "ns::(anonymous namespace)::x", "ns::x", true, true },
		{ "(anonymous namespace)::x", "x", true, true },
		{ "(anonymous namespace)::x", "(anonymous namespace)::x", true, true },
		{ "Box<a::b>::x", "x", true, false },
		{ "Box<a::b>::x", "Box<a::b>::x", true, true },
		{ "Box<a::b>", "b>", false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool exact = false;
		bool matches = mt_scope_matches(cases[i].qualified, cases[i].name, &exact);

		ck_assert_msg(matches == cases[i].matches, "%s as %s", cases[i].qualified,
		              cases[i].name);
		ck_assert_msg(!matches || exact == cases[i].exact, "%s as %s exactly",
		              cases[i].qualified, cases[i].name);
	}
	ck_assert_str_eq(mt_scope_last_part("a::b<c::d>::e"), "e");
	ck_assert_str_eq(mt_scope_last_part("e"), "e");
}
END_TEST

START_TEST(paths_match_from_their_end)
{
	ck_assert(mt_is_path_end("/src/dir/a.c", "a.c"));
	ck_assert(mt_is_path_end("/src/dir/a.c", "dir/a.c"));
	ck_assert(mt_is_path_end("a.c", "a.c"));
	ck_assert(!mt_is_path_end("/src/dir/ba.c", "a.c"));
	ck_assert(!mt_is_path_end("a.c", "dir/a.c"));
	ck_assert(!mt_is_path_end("a.c", ""));
	ck_assert(!mt_is_path_end(NULL, "a.c"));
}
END_TEST

static void check_demangled(const char *raw, const char *expected)
{
	char *name MT_AUTO_FREE = mt_demangle(raw);

	if (expected)
		ck_assert_str_eq(name, expected);
	else
		ck_assert_ptr_null(name);
}

START_TEST(linker_names_become_readable)
{
	check_demangled("main", NULL);
	check_demangled("_start", NULL);
	check_demangled("_Zebra", NULL);
	check_demangled("memcpy@@GLIBC_2.14", "memcpy");
	check_demangled("_ZN2ns5Class6methodEi", "ns::Class::method");
	check_demangled("_ZNSt6vectorIiSaIiEE9push_backEOi",
	                "std::vector<int, std::allocator<int> >::push_back");
	check_demangled("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write");
	check_demangled("_RNvCs1234_7mycrate3foo", "mycrate::foo");
}
END_TEST

/* f<P<int, int>, P<the last, the last>, …>: each argument is twice as long as the one before, so
 * that a few hundred bytes stand for terabytes. The Itanium ABI numbers what was named before: S0_
 * is P, S1_ the first argument. */
START_TEST(a_name_that_explodes_is_left_alone)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	struct mt_buf raw MT_AUTO_BUF = { 0 };

	mt_buf_text(&raw, "_Z1fI1PIiiE");
	check_demangled("_Z1fI1PIiiES0_IS1_S1_EEvv",
	                "f<P<int, int>, P<P<int, int>, P<int, int> > >");
	for (size_t i = 1; i < 35; i++)
		mt_buf_printf(&raw, "S0_IS%c_S%c_E", digits[i], digits[i]);
	mt_buf_text(&raw, "Evv");
	check_demangled(raw.data, NULL);
}
END_TEST

MT_UNIT_MAIN("scan", bytes_are_found_where_they_are, nothing_is_found_in_nothing,
             words_are_found_few_or_many, numbers_are_found_in_all_their_forms,
             names_match_with_parts_left_out, paths_match_from_their_end,
             linker_names_become_readable, a_name_that_explodes_is_left_alone)
