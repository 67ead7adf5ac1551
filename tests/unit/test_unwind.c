/* SPDX-License-Identifier: MIT */
/*
 * The walk, judged at every instruction of programs of all kinds, for both machines, and where the
 * stack is cut short.
 */
#include "stepping.h"

/* ---- The programs -------------------------------------------------------- */

START_TEST(follows_optimized_code)
{
	step_through("chain_o2", EVERYWHERE, 70);
}
END_TEST

START_TEST(follows_unoptimized_code)
{
	step_through("chain_o0", EVERYWHERE, 70);
}
END_TEST

START_TEST(follows_code_without_plt)
{
	step_through("chain_noplt", EVERYWHERE, 100);
}
END_TEST

START_TEST(follows_a_static_stripped_program)
{
	step_through("chain_static", NO_CFI_IN_STUBS, 100);
}
END_TEST

START_TEST(follows_a_stripped_program)
{
	step_through("chain_stripped", EVERYWHERE, 70);
}
END_TEST

START_TEST(follows_by_debug_frame)
{
	step_through("chain_debug_frame", EVERYWHERE, 70);
}
END_TEST

START_TEST(follows_frame_pointers_where_there_is_no_cfi)
{
	step_through("chain_no_cfi", BY_FRAME_POINTER, 0);
}
END_TEST

START_TEST(follows_realigned_stacks)
{
	step_through("realigned_o2", EVERYWHERE, 0);
	step_through("realigned_o0", EVERYWHERE, 0);
}
END_TEST

START_TEST(follows_signal_handlers)
{
	step_through("signals", EVERYWHERE, 0);
}
END_TEST

START_TEST(follows_exceptions)
{
	step_through("exceptions", IN_EXECUTABLE, 80);
}
END_TEST

/* Inside, the C library's longjmp has the CFI of where it goes. */
START_TEST(follows_longjmp)
{
	step_through("jump", IN_EXECUTABLE, 80);
}
END_TEST

START_TEST(follows_a_thread)
{
	step_through("thread", EVERYWHERE, 80);
}
END_TEST

START_TEST(follows_odd_assembly)
{
	step_through("assembly", EVERYWHERE, 0);
}
END_TEST

/* gcc realigns the stack in every main() of i386, which no simple rule describes. */
START_TEST(follows_optimized_code_of_i386)
{
	step_through("chain_o2_i386", OF_I386, 0);
	step_through("chain_stripped_i386", OF_I386, 0);
	step_through("chain_noplt_i386", OF_I386, 0);
}
END_TEST

START_TEST(follows_unoptimized_code_of_i386)
{
	step_through("chain_o0_i386", OF_I386, 0);
}
END_TEST

START_TEST(follows_i386_by_debug_frame)
{
	step_through("chain_debug_frame_i386", OF_I386, 0);
}
END_TEST

START_TEST(follows_realigned_stacks_of_i386)
{
	step_through("realigned_o2_i386", EVERYWHERE, 0);
	step_through("realigned_o0_i386", EVERYWHERE, 0);
}
END_TEST

START_TEST(follows_signal_handlers_of_i386)
{
	step_through("signals_i386", EVERYWHERE, 0);
}
END_TEST

START_TEST(follows_ways_out_of_i386)
{
	step_through("exceptions_i386", IN_EXECUTABLE, 0);
	step_through("jump_i386", IN_EXECUTABLE, 0);
}
END_TEST

START_TEST(follows_a_thread_of_i386)
{
	step_through("thread_i386", EVERYWHERE, 80);
}
END_TEST

/* ---- Ends ---------------------------------------------------------------- */

/* Stops deep in the program's calls. */
static void run_to_depth(struct run *run, const char *name, size_t depth)
{
	int signal = 0;

	run_start(run, name);
	shadow_start(run);
	for (size_t start = run->shadow.len; run->shadow.len < start + depth;)
		ck_assert(run_step(run, &signal));
}

START_TEST(a_copy_cut_short_gives_the_frames_it_has)
{
	struct run run = { .precision = EVERYWHERE };
	uint64_t all[MAX_FRAMES], some[MAX_FRAMES];
	size_t count, cut;
	bool truncated;

	run_to_depth(&run, "chain_o2", 4);
	count = mt_unwind(run.image, &run.regs, &run.copy, all, MAX_FRAMES, &truncated);
	ck_assert_uint_eq(count, run.shadow.len + 1);
	for (size_t len = 0; len < 2000; len++) {
		/* Of exactly that size, so that a sanitizer sees a read past its end. */
		uint8_t *bytes MT_AUTO_FREE = mt_alloc(len + 1);
		struct mt_stack_copy copy = { bytes + 1, run.copy.addr, len };

		memcpy(bytes + 1, run.copy.bytes, len);
		cut = mt_unwind(run.image, &run.regs, &copy, some, MAX_FRAMES, &truncated);
		ck_assert_uint_ge(cut, 1);
		ck_assert_uint_le(cut, count);
		ck_assert_mem_eq(some, all, cut * sizeof(*all));
		ck_assert_int_eq(truncated, cut < count);
		if (cut < count)
			ck_assert_uint_gt(expected(&run, cut)->slot + 8, copy.addr + len);
	}
	run_end(&run);
}
END_TEST

START_TEST(no_more_frames_than_asked_for)
{
	struct run run = { .precision = EVERYWHERE };
	uint64_t frames[4] = { 0, 0, 0, 7 };
	bool truncated = true;

	run_to_depth(&run, "chain_o2", 3);
	for (size_t max = 1; max <= 3; max++) {
		ck_assert_uint_eq(
		    mt_unwind(run.image, &run.regs, &run.copy, frames, max, &truncated), max);
		ck_assert(!truncated);
	}
	ck_assert_uint_eq(frames[2], expected(&run, 2)->pc);
	ck_assert_uint_eq(frames[3], 7);
	ck_assert_uint_eq(mt_unwind(run.image, &run.regs, &run.copy, frames, 4, NULL), 4);
	run_end(&run);
}
END_TEST

START_TEST(a_pc_in_nowhere_is_the_only_frame)
{
	struct run run = { .precision = EVERYWHERE };
	struct mt_cfi_rule rule = { .kind = MT_CFI_SIMPLE };
	uint64_t frames[MAX_FRAMES];
	bool truncated = false;

	run_to_depth(&run, "chain_o2", 1);
	run.regs.r[MT_REG_RIP] = 0;
	run.regs.r[MT_REG_RBP] = 1;
	ck_assert_uint_eq(
	    mt_unwind(run.image, &run.regs, &run.copy, frames, MAX_FRAMES, &truncated), 1);
	ck_assert_uint_eq(frames[0], 0);
	ck_assert(truncated);
	mt_cfi_rule_at(run.image, 0, &rule);
	ck_assert_int_eq(rule.kind, MT_CFI_NONE);
	mt_cfi_rule_at(run.image, expected(&run, run.shadow.len)->pc, &rule);
	ck_assert_int_eq(rule.kind, MT_CFI_END);
	run_end(&run);
}
END_TEST

MT_UNIT_MAIN("unwind", follows_optimized_code, follows_unoptimized_code, follows_code_without_plt,
             follows_a_static_stripped_program, follows_a_stripped_program, follows_by_debug_frame,
             follows_frame_pointers_where_there_is_no_cfi, follows_realigned_stacks,
             follows_signal_handlers, follows_exceptions, follows_longjmp, follows_a_thread,
             follows_odd_assembly, follows_optimized_code_of_i386, follows_unoptimized_code_of_i386,
             follows_i386_by_debug_frame, follows_realigned_stacks_of_i386,
             follows_signal_handlers_of_i386, follows_ways_out_of_i386, follows_a_thread_of_i386,
             a_copy_cut_short_gives_the_frames_it_has, no_more_frames_than_asked_for,
             a_pc_in_nowhere_is_the_only_frame)
