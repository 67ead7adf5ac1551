/* SPDX-License-Identifier: MIT */
/*
 * Errors with a place in the text, as tables of cases.
 */
#ifndef MT_TESTS_ERROR_CASE_H
#define MT_TESTS_ERROR_CASE_H

#include <string.h>

#include "unit.h"

/* `at` is -1 for errors without a place. */
struct error_case {
	const char *text;
	long at;
	const char *part;
};

static inline void check_error(const struct error_case *c, struct mt_error *error)
{
	ck_assert_msg(error != NULL, "%s should fail", c->text);
	ck_assert_msg(strstr(mt_error_text(error), c->part), "%s: %s", c->text,
	              mt_error_text(error));
	ck_assert_msg(mt_error_offset(error) == c->at, "%s: %s at %ld", c->text,
	              mt_error_text(error), mt_error_offset(error));
	ck_assert_msg(c->at < 0 || mt_error_kind(error) == MT_ERR_SYNTAX, "%s", c->text);
	mt_error_free(error);
}

#endif
