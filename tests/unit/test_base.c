/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "unit.h"

START_TEST(error_has_kind_text_and_place)
{
	struct mt_error *error = mt_error_new(MT_ERR_USAGE, "bad %d", 7);

	ck_assert_int_eq(mt_error_kind(error), MT_ERR_USAGE);
	ck_assert_str_eq(mt_error_text(error), "bad 7");
	ck_assert_int_eq(mt_error_offset(error), -1);
	error = mt_error_context(error, "in %s", "here");
	ck_assert_str_eq(mt_error_text(error), "in here: bad 7");
	mt_error_free(error);

	error = mt_error_at(3, "no");
	ck_assert_int_eq(mt_error_kind(error), MT_ERR_SYNTAX);
	ck_assert_int_eq(mt_error_offset(error), 3);
	mt_error_free(error);
}
END_TEST

START_TEST(error_of_a_system_call_takes_its_kind_from_errno)
{
	struct mt_error *error = mt_error_sys(EPERM, "cannot open %s", "x");

	ck_assert_str_eq(mt_error_text(error), "cannot open x: Operation not permitted");
	ck_assert_int_eq(mt_error_kind(error), MT_ERR_PERMISSION);
	mt_error_free(error);
	MT_CK_FAILS(mt_error_sys(ESRCH, "p"), MT_ERR_NOT_FOUND, "No such process");
	MT_CK_FAILS(mt_error_sys(EIO, "p"), MT_ERR_SYSTEM, "p: ");
	mt_error_free(NULL);
	ck_assert_ptr_null(mt_error_context(NULL, "nothing"));
}
END_TEST

START_TEST(error_without_memory_is_the_static_one)
{
	mt_alloc_fail_after(0);
	struct mt_error *error = mt_error_new(MT_ERR_USAGE, "x");

	mt_alloc_fail_after(-1);
	ck_assert_ptr_eq(error, mt_error_nomem());
	ck_assert_str_eq(mt_error_text(error), "out of memory");
	mt_error_free(mt_error_context(error, "more"));
}
END_TEST

START_TEST(buf_appends_and_pads)
{
	struct mt_buf buf MT_AUTO_BUF = { 0 };

	mt_buf_text(&buf, "one\ntwo");
	mt_buf_pad(&buf, 6);
	mt_buf_char(&buf, '|');
	mt_buf_hex(&buf, 0xdeadbeef);
	mt_buf_char(&buf, ' ');
	mt_buf_dec(&buf, UINT64_MAX);
	mt_buf_printf(&buf, " %s", "end");
	ck_assert_str_eq(buf.data, "one\ntwo   |0xdeadbeef 18446744073709551615 end");
	ck_assert(mt_buf_ok(&buf));

	char *text MT_AUTO_FREE = mt_buf_take(&buf);

	ck_assert_uint_eq(strlen(text), 46);
	ck_assert_uint_eq(buf.len, 0);
}
END_TEST

START_TEST(buf_remembers_that_memory_ran_out)
{
	struct mt_buf buf MT_AUTO_BUF = { 0 };

	mt_alloc_fail_after(0);
	mt_buf_text(&buf, "x");
	mt_alloc_fail_after(-1);
	ck_assert(!mt_buf_ok(&buf));
	ck_assert_ptr_null(mt_buf_take(&buf));
	mt_buf_clear(&buf);
	mt_buf_text(&buf, "y");
	ck_assert_str_eq(buf.data, "y");
}
END_TEST

START_TEST(vec_grows_and_keeps_its_content_without_memory)
{
	MT_VEC(int) vec = { 0 };

	for (int i = 0; i < 1000; i++)
		ck_assert(mt_vec_push(&vec, i));
	ck_assert_uint_eq(vec.len, 1000);
	ck_assert_int_eq(vec.data[999], 999);
	mt_vec_swap_remove(&vec, 0);
	ck_assert_int_eq(vec.data[0], 999);

	size_t cap = vec.cap;

	mt_alloc_fail_after(0);
	ck_assert(!mt_vec_reserve(&vec, cap + 1));
	mt_alloc_fail_after(-1);
	ck_assert_int_eq(vec.data[998], 998);
	mt_vec_deinit(&vec);
	ck_assert_ptr_null(vec.data);
}
END_TEST

START_TEST(vec_removes_and_keeps_its_order)
{
	MT_VEC(int) vec = { 0 };

	for (int i = 0; i < 4; i++)
		ck_assert(mt_vec_push(&vec, i));
	mt_vec_remove(&vec, 1);
	ck_assert_uint_eq(vec.len, 3);
	ck_assert_mem_eq(vec.data, ((int[]){ 0, 2, 3 }), 3 * sizeof(int));
	mt_vec_remove(&vec, 2);
	mt_vec_remove(&vec, 0);
	ck_assert_uint_eq(vec.len, 1);
	ck_assert_int_eq(vec.data[0], 2);
	mt_vec_deinit(&vec);
}
END_TEST

MT_UNIT_MAIN("base", error_has_kind_text_and_place,
             error_of_a_system_call_takes_its_kind_from_errno,
             error_without_memory_is_the_static_one, buf_appends_and_pads,
             buf_remembers_that_memory_ran_out, vec_grows_and_keeps_its_content_without_memory,
             vec_removes_and_keeps_its_order)
