/* SPDX-License-Identifier: MIT */
/*
 * The frame of a unit test program:
 *
 *	START_TEST(what_it_shows) { ck_assert_int_eq(1 + 1, 2); } END_TEST
 *	MT_UNIT_MAIN("room", what_it_shows, another_one)
 *
 * Results go to standard output in TAP when CK_TAP_LOG_FILE_NAME is "-" (see tools/run-tests).
 */
#ifndef MT_TESTS_UNIT_H
#define MT_TESTS_UNIT_H

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"

/* Some bytes, and how many they are. */
#define BYTES(...) ((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ })

#define MT_UNIT_MAIN(name, ...) MT_UNIT_MAIN_EACH(name, 1, __VA_ARGS__)

/* The same with each test run for _i = 0 … count - 1. */
#define MT_UNIT_MAIN_EACH(name, count, ...)                                                        \
	int main(void)                                                                             \
	{                                                                                          \
		const TTest *const tests[] = { __VA_ARGS__ };                                      \
		Suite *suite = suite_create(name);                                                 \
		TCase *tcase = tcase_create(name);                                                 \
		for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)                        \
			tcase_add_loop_test(tcase, tests[i], 0, count);                            \
		tcase_set_timeout(tcase, 60);                                                      \
		suite_add_tcase(suite, tcase);                                                     \
		SRunner *runner = srunner_create(suite);                                           \
		srunner_run_all(runner, CK_ENV);                                                   \
		int failed = srunner_ntests_failed(runner);                                        \
		srunner_free(runner);                                                              \
		return failed ? EXIT_FAILURE : EXIT_SUCCESS;                                       \
	}

/* The call must succeed; its error's text is shown otherwise. */
#define MT_CK_OK(call)                                                                             \
	do {                                                                                       \
		struct mt_error *mt_ck_error_ = (call);                                            \
		ck_assert_msg(mt_ck_error_ == NULL, "%s: %s", #call,                               \
		              mt_ck_error_ ? mt_error_text(mt_ck_error_) : "");                    \
	} while (0)

/* The call must fail with that kind, and its text must contain `part`. */
#define MT_CK_FAILS(call, wanted, part)                                                            \
	do {                                                                                       \
		struct mt_error *mt_ck_error_ = (call);                                            \
		ck_assert_msg(mt_ck_error_ != NULL, "%s: should fail", #call);                     \
		ck_assert_msg(mt_error_kind(mt_ck_error_) == (wanted), "%s: kind %d, text \"%s\"", \
		              #call, (int)mt_error_kind(mt_ck_error_),                             \
		              mt_error_text(mt_ck_error_));                                        \
		ck_assert_msg(strstr(mt_error_text(mt_ck_error_), (part)), "%s: text \"%s\"",      \
		              #call, mt_error_text(mt_ck_error_));                                 \
		mt_error_free(mt_ck_error_);                                                       \
	} while (0)

#endif
