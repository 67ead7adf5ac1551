/* SPDX-License-Identifier: MIT */
/* The two places where records are put in order: copies by the kernel, and the chain of values. */
#include <string.h>

#include "base/alloc.h"
#include "unit.h"
#include "watch/chain.h"
#include "watch/fold.h"

/* ---- Copies by the kernel ------------------------------------------------ */

static struct mt_record piece(uint32_t tid, uint64_t di, uint64_t cx, uint64_t old_value,
                              uint64_t new_value)
{
	struct mt_record record = {
		.flags = MT_RECORD_KERNEL,
		.tid = tid,
		.pid = 1,
		.memory = 1,
		.kernel_ip = 0xffffffff81000000,
		.kernel_di = di,
		.kernel_cx = cx,
		.old_value = { old_value },
		.new_value = { new_value },
	};

	return record;
}

/* Adds a piece that must not complete a copy. */
static void add(struct mt_fold *fold, struct mt_record record, uint64_t round)
{
	struct mt_held done;
	bool lost = false;

	ck_assert(!mt_fold_add(fold, &record, round, &done, &lost));
	ck_assert(!lost);
}

START_TEST(pieces_of_one_copy_become_one_access)
{
	struct mt_fold fold = { 0 };
	struct mt_held done;

	for (uint64_t i = 0; i < 8; i++)
		add(&fold, piece(7, 0x1001 + i, 7 - i, i, i + 1), 1);
	ck_assert(!mt_fold_take(&fold, 1, &done));
	ck_assert(mt_fold_take(&fold, 2, &done));
	ck_assert_uint_eq(done.pieces, 8);
	ck_assert_uint_eq(done.record->old_value[0], 0);
	ck_assert_uint_eq(done.record->new_value[0], 8);
	free(done.record);
	ck_assert(!mt_fold_take(&fold, UINT64_MAX, &done));
	mt_fold_deinit(&fold);
}
END_TEST

START_TEST(the_same_call_again_is_another_access)
{
	struct mt_fold fold = { 0 };
	struct mt_held done;
	bool lost = false;
	struct mt_record again = piece(7, 0x1001, 7, 8, 9);

	for (uint64_t i = 0; i < 8; i++)
		add(&fold, piece(7, 0x1001 + i, 7 - i, i, i + 1), 1);
	ck_assert(mt_fold_add(&fold, &again, 1, &done, &lost));
	ck_assert_uint_eq(done.pieces, 8);
	free(done.record);
	ck_assert(mt_fold_take(&fold, 2, &done));
	ck_assert_uint_eq(done.pieces, 1);
	ck_assert_uint_eq(done.record->old_value[0], 8);
	free(done.record);
	mt_fold_deinit(&fold);
}
END_TEST

START_TEST(a_call_that_stores_once_is_not_folded_with_the_next)
{
	struct mt_fold fold = { 0 };
	struct mt_held done;
	bool lost = false;
	struct mt_record next = piece(7, 0x1000, 0, 1, 2);

	add(&fold, piece(7, 0x1000, 0, 0, 1), 1);
	ck_assert(mt_fold_add(&fold, &next, 1, &done, &lost));
	ck_assert_uint_eq(done.pieces, 1);
	free(done.record);
	mt_fold_deinit(&fold);
}
END_TEST

START_TEST(threads_copy_side_by_side)
{
	struct mt_fold fold = { 0 };
	struct mt_held done;

	for (uint64_t i = 0; i < 4; i++) {
		add(&fold, piece(7, 0x1001 + i, 7 - i, i, i + 1), 1);
		add(&fold, piece(8, 0x2001 + i, 7 - i, i, i + 1), 1);
	}
	ck_assert(mt_fold_take(&fold, 2, &done));
	ck_assert_uint_eq(done.record->tid, 7);
	ck_assert_uint_eq(done.pieces, 4);
	free(done.record);
	ck_assert(mt_fold_take(&fold, 2, &done));
	ck_assert_uint_eq(done.record->tid, 8);
	free(done.record);
	mt_fold_deinit(&fold);
}
END_TEST

START_TEST(a_copy_without_memory_is_told_as_lost)
{
	struct mt_fold fold = { 0 };
	struct mt_record record = piece(7, 0x1001, 7, 0, 1);
	struct mt_held done;
	bool lost = false;

	mt_alloc_fail_after(0);
	ck_assert(!mt_fold_add(&fold, &record, 1, &done, &lost));
	mt_alloc_fail_after(-1);
	ck_assert(lost);
	mt_fold_deinit(&fold);
}
END_TEST

/* ---- The chain of values ------------------------------------------------- */

static struct mt_record write_of(uint64_t turn, uint64_t old_value, uint64_t new_value)
{
	struct mt_record record = {
		.turn = turn,
		.tid = 1,
		.pid = 1,
		.memory = 1,
		.old_value = { old_value },
		.new_value = { new_value },
	};

	return record;
}

/* Links a record whose instruction stored `stored`; returns the old value to show. */
static uint64_t link_record(struct mt_chain *chain, struct mt_record record, uint64_t stored)
{
	uint64_t old_value = 0;

	mt_chain_link(chain, &record, 1, sizeof(stored), (uint8_t *)&stored, (uint8_t *)&old_value);
	return old_value;
}

static uint64_t take_new_value(struct mt_chain *chain, uint64_t round)
{
	struct mt_held held = { 0 };
	uint64_t value;

	ck_assert(mt_chain_take(chain, round, &held));
	value = held.record->new_value[0];
	link_record(chain, *held.record, value);
	free(held.record);
	return value;
}

START_TEST(a_record_that_comes_too_early_waits_for_the_one_between)
{
	struct mt_chain chain = { 0 };
	struct mt_record first = write_of(1, 0, 10), second = write_of(2, 10, 20),
	                 third = write_of(3, 20, 30), fourth = write_of(4, 30, 40);
	struct mt_held held;

	ck_assert(mt_chain_follows(&chain, &first, 1));
	ck_assert_uint_eq(link_record(&chain, first, 10), 0);
	ck_assert(!mt_chain_follows(&chain, &fourth, 1));
	ck_assert(mt_chain_hold(&chain, &fourth, 1, 5));
	ck_assert(!mt_chain_follows(&chain, &third, 1));
	ck_assert(mt_chain_hold(&chain, &third, 1, 5));
	ck_assert(!mt_chain_take(&chain, 0, &held));
	ck_assert(mt_chain_follows(&chain, &second, 1));
	ck_assert_uint_eq(link_record(&chain, second, 20), 10);
	ck_assert_uint_eq(take_new_value(&chain, 0), 30);
	ck_assert_uint_eq(take_new_value(&chain, 0), 40);
	mt_chain_deinit(&chain);
}
END_TEST

START_TEST(a_record_whose_forerunner_is_lost_is_let_go_after_its_round)
{
	struct mt_chain chain = { 0 };
	struct mt_record stray = write_of(9, 55, 60);
	struct mt_held held;

	link_record(&chain, write_of(1, 0, 10), 10);
	ck_assert(mt_chain_hold(&chain, &stray, 1, 5));
	ck_assert(!mt_chain_take(&chain, 5, &held));
	ck_assert(mt_chain_take(&chain, 6, &held));
	/* What was lost in between is not known: the old value is what the kernel had. */
	ck_assert_uint_eq(link_record(&chain, *held.record, 60), 55);
	free(held.record);
	mt_chain_deinit(&chain);
}
END_TEST

START_TEST(what_the_instruction_stored_is_the_next_ones_old_value)
{
	struct mt_chain chain = { 0 };

	/* Memory already held another thread's 20 when the store of 10 was read. */
	ck_assert_uint_eq(link_record(&chain, write_of(1, 0, 20), 10), 0);
	ck_assert_uint_eq(link_record(&chain, write_of(2, 20, 20), 20), 10);
	ck_assert_uint_eq(link_record(&chain, write_of(3, 20, 30), 30), 20);
	mt_chain_deinit(&chain);
}
END_TEST

START_TEST(two_processors_that_cross_between_turn_and_exchange_are_put_right)
{
	struct mt_chain chain = { 0 };

	link_record(&chain, write_of(1, 0, 10), 10);
	/* The third took its turn later and exchanged earlier. */
	ck_assert_uint_eq(link_record(&chain, write_of(2, 30, 20), 20), 10);
	ck_assert_uint_eq(link_record(&chain, write_of(3, 10, 30), 30), 20);
	ck_assert_uint_eq(link_record(&chain, write_of(4, 20, 40), 40), 30);
	mt_chain_deinit(&chain);
}
END_TEST

START_TEST(pieces_of_one_copy_take_a_turn_each)
{
	struct mt_chain chain = { 0 };
	struct mt_record copy = write_of(5, 10, 99), next = write_of(6, 99, 7);
	uint64_t shown = 99, old_value;

	link_record(&chain, write_of(1, 0, 10), 10);
	ck_assert(!mt_chain_follows(&chain, &copy, 3));
	ck_assert(mt_chain_follows(&chain, &copy, 4));
	mt_chain_link(&chain, &copy, 4, sizeof(shown), (uint8_t *)&shown, (uint8_t *)&old_value);
	ck_assert_uint_eq(old_value, 10);
	ck_assert(mt_chain_follows(&chain, &next, 1));
	mt_chain_deinit(&chain);
}
END_TEST

START_TEST(processes_have_chains_of_their_own)
{
	struct mt_chain chain = { 0 };
	struct mt_record child = write_of(2, 10, 99), parent = write_of(3, 10, 11);

	child.pid = 2;
	child.memory = 2;
	link_record(&chain, write_of(1, 0, 10), 10);
	ck_assert(mt_chain_follows(&chain, &child, 1));
	ck_assert_uint_eq(link_record(&chain, child, 99), 10);
	ck_assert(mt_chain_follows(&chain, &parent, 1));
	ck_assert_uint_eq(link_record(&chain, parent, 11), 10);
	mt_chain_deinit(&chain);
}
END_TEST

START_TEST(only_so_many_records_wait)
{
	struct mt_chain chain = { 0 };
	size_t held = 0;

	link_record(&chain, write_of(1, 0, 1), 1);
	for (uint64_t i = 0; i < 1000; i++) {
		struct mt_record stray = write_of(9 + i, 1000 + i, 5000 + i);

		held += mt_chain_hold(&chain, &stray, 1, 1);
	}
	ck_assert_uint_gt(held, 1);
	ck_assert_uint_lt(held, 1000);
	mt_chain_deinit(&chain);
}
END_TEST

MT_UNIT_MAIN("watch", pieces_of_one_copy_become_one_access, the_same_call_again_is_another_access,
             a_call_that_stores_once_is_not_folded_with_the_next, threads_copy_side_by_side,
             a_copy_without_memory_is_told_as_lost,
             a_record_that_comes_too_early_waits_for_the_one_between,
             a_record_whose_forerunner_is_lost_is_let_go_after_its_round,
             what_the_instruction_stored_is_the_next_ones_old_value,
             two_processors_that_cross_between_turn_and_exchange_are_put_right,
             pieces_of_one_copy_take_a_turn_each, processes_have_chains_of_their_own,
             only_so_many_records_wait)
