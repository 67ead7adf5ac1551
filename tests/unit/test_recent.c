/* SPDX-License-Identifier: MIT */
/* What was found for names is found again, as long as few others came after it. */
#include <stdio.h>
#include <stdlib.h>

#include "symbol/recent.h"
#include "unit.h"

static void put(struct mt_recent *recent, const char *name, size_t count)
{
	struct mt_offsets found = { 0 };

	for (size_t i = 0; i < count; i++)
		ck_assert(mt_vec_push(&found, 3 * i + 1));
	mt_recent_put(recent, name, &found);
	mt_vec_deinit(&found);
}

static bool has(const struct mt_recent *recent, const char *name, size_t count)
{
	struct mt_offsets found = { 0 };

	if (!mt_recent_get(recent, name, &found))
		return false;
	ck_assert_uint_eq(found.len, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_uint_eq(found.data[i], 3 * i + 1);
	mt_vec_deinit(&found);
	return true;
}

START_TEST(what_was_found_is_found_again)
{
	struct mt_recent recent = { 0 };

	ck_assert(!has(&recent, "main", 0));
	put(&recent, "main", 1000);
	put(&recent, "nowhere", 0);
	ck_assert(has(&recent, "main", 1000));
	ck_assert(has(&recent, "main", 1000)); /* a copy: the first was given back */
	ck_assert(has(&recent, "nowhere", 0));
	ck_assert(!has(&recent, "mai", 0));
	mt_recent_deinit(&recent);
}
END_TEST

START_TEST(the_oldest_gives_way)
{
	struct mt_recent recent = { 0 };
	char name[16];

	for (int i = 0; i <= MT_RECENT_NAMES; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		put(&recent, name, (size_t)i);
	}
	ck_assert(!has(&recent, "name0", 0));
	for (int i = 1; i <= MT_RECENT_NAMES; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		ck_assert(has(&recent, name, (size_t)i));
	}
	mt_recent_deinit(&recent);
}
END_TEST

START_TEST(much_is_not_kept)
{
	struct mt_recent recent = { 0 };

	put(&recent, "main", 1);
	put(&recent, "i", 100000);
	ck_assert(!has(&recent, "i", 100000));
	ck_assert(has(&recent, "main", 1));
	mt_recent_deinit(&recent);
}
END_TEST

MT_UNIT_MAIN("recent", what_was_found_is_found_again, the_oldest_gives_way, much_is_not_kept)
