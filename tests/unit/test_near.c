/* SPDX-License-Identifier: MIT */
/* "Did you mean …?" */
#include <stdio.h>
#include <string.h>

#include "base/near.h"
#include "unit.h"

/* What is said of `wanted`, when these names are known. */
static const char *hint(const char *wanted, const char *const *names)
{
	static char said[256];
	struct mt_near near = { .wanted = wanted };
	struct mt_buf text MT_AUTO_BUF = { 0 };

	for (; *names; names++)
		mt_near_offer(&near, *names);
	mt_near_append(&near, &text);
	snprintf(said, sizeof(said), "%s", text.data ? text.data : "");
	return said;
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

START_TEST(a_key_missed_doubled_swapped_or_mistaken_is_near)
{
	ck_assert_str_eq(hint("conter", NAMES("counter")), "; did you mean counter?");
	ck_assert_str_eq(hint("countter", NAMES("counter")), "; did you mean counter?");
	ck_assert_str_eq(hint("coutner", NAMES("counter")), "; did you mean counter?");
	ck_assert_str_eq(hint("cointer", NAMES("counter")), "; did you mean counter?");
	ck_assert_str_eq(hint("nwe", NAMES("new")), "; did you mean new?");
}
END_TEST

START_TEST(what_is_far_is_not_named)
{
	ck_assert_str_eq(hint("counter", NAMES("total", "c", "counter_of_everything", "")), "");
	ck_assert_str_eq(hint("x", NAMES("y")), "");
	ck_assert_str_eq(hint("counter", NAMES("counter")), "");
}
END_TEST

START_TEST(the_nearest_come_first_each_once_and_no_more_than_three)
{
	ck_assert_str_eq(hint("counter", NAMES("mounted", "counted", "counters")),
	                 "; did you mean counted, counters or mounted?");
	ck_assert_str_eq(hint("counter", NAMES("counted", "counted")), "; did you mean counted?");
	ck_assert_str_eq(hint("counter", NAMES("mounted", "pointer", "counted", "counters",
	                                       "encounter", "cunter")),
	                 "; did you mean counted, counters or cunter?");
}
END_TEST

START_TEST(a_name_may_go_on_behind_its_end)
{
	struct mt_near near = { .wanted = "wrok" };
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_near_offer_part(&near, "work.cold", 4);
	mt_near_offer_part(&near, "work@@V1", 4);
	mt_near_append(&near, &text);
	ck_assert_str_eq(text.data, "; did you mean work?");
}
END_TEST

START_TEST(names_of_any_length_are_safe)
{
	char name[200];

	for (size_t len = 0; len < sizeof(name); len++) {
		memset(name, 'a', len);
		name[len] = '\0';
		hint(name, NAMES("aaaa", name));
		hint("aaaa", NAMES(name));
	}
}
END_TEST

MT_UNIT_MAIN("near", a_key_missed_doubled_swapped_or_mistaken_is_near, what_is_far_is_not_named,
             the_nearest_come_first_each_once_and_no_more_than_three,
             a_name_may_go_on_behind_its_end, names_of_any_length_are_safe)
