/* SPDX-License-Identifier: MIT */
/* Breakpoints and steps where there is no room: tight loops, borders of pages, all threads at once.
 */
#include "engine_session.h"

/* ---- Instructions of one byte -------------------------------------------- */

#define LOOP_INSNS 7

/* One round of the loop, from its push on. */
static void loop_of(struct session *session, uint64_t pcs[LOOP_INSNS])
{
	pcs[0] = session->stop.pc;
	for (int i = 1; i < LOOP_INSNS; i++) {
		ck_assert_int_eq(session_go(session, MT_GO_STEP_INSN), MT_STOP_STEPPED);
		pcs[i] = session->stop.pc;
	}
	ck_assert_int_eq(session_go(session, MT_GO_STEP_INSN), MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(session->stop.pc, pcs[0]);
}

START_TEST(a_push_is_stepped_a_thousand_times)
{
	struct session session;
	uint64_t pcs[LOOP_INSNS], rsp;
	int number;

	SESSION_START(&session, "tight", "1000");
	number = session_break_entry(&session, "at_push", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	rsp = session_reg(&session, "rsp");
	loop_of(&session, pcs);
	ck_assert_uint_eq(pcs[1], pcs[0] + 2); /* push %r9, with its prefix */
	for (int i = 1; i <= 1000; i++) {
		bool at_push = i % LOOP_INSNS == 0;
		uint64_t pushed = i % LOOP_INSNS == 1 || i % LOOP_INSNS == 3 ? 8 : 0;

		ck_assert_int_eq(session_go(&session, MT_GO_STEP_INSN),
		                 at_push ? MT_STOP_BREAKPOINT : MT_STOP_STEPPED);
		ck_assert_uint_eq(session.stop.pc, pcs[i % LOOP_INSNS]);
		ck_assert_uint_eq(session_reg(&session, "rsp"), rsp - pushed);
	}
	ck_assert_uint_eq(session_info(&session, number).hits, 2 + 1000 / LOOP_INSNS);
	MT_CK_OK(mt_debug_break_ignore(session.debug, number, 1000000));
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, number).hits, 1000);
	session_printed(&session, "rounds=1000 kept=1\n");
	session_end(&session);
}
END_TEST

/* Each instruction of the loop has a breakpoint, so that each is left onto another. */
START_TEST(a_loop_of_nothing_but_breakpoints)
{
	struct session session;
	uint64_t pcs[LOOP_INSNS];
	int numbers[LOOP_INSNS];

	SESSION_START(&session, "tight", "300");
	numbers[0] = session_break_entry(&session, "at_push", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	loop_of(&session, pcs);
	for (int i = 1; i < LOOP_INSNS; i++) {
		char place[32];

		snprintf(place, sizeof(place), "*0x%lx", pcs[i]);
		numbers[i] = session_break(&session, place, NULL);
	}
	for (int i = 1; i <= 100 * LOOP_INSNS; i++) {
		enum mt_go_kind kind = i % 3 ? MT_GO_CONTINUE : MT_GO_STEP_INSN;

		ck_assert_int_eq(session_go(&session, kind), MT_STOP_BREAKPOINT);
		ck_assert_uint_eq(session.stop.pc, pcs[i % LOOP_INSNS]);
		ck_assert_uint_eq(session.stop.number_count, 1);
		ck_assert_int_eq(session.stop.numbers[0], numbers[i % LOOP_INSNS]);
	}
	for (int i = 0; i < LOOP_INSNS; i++)
		MT_CK_OK(mt_debug_break_ignore(session.debug, numbers[i], 1000000));
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, numbers[0]).hits, 300);
	for (int i = 1; i < LOOP_INSNS; i++)
		ck_assert_uint_eq(session_info(&session, numbers[i]).hits, 299);
	session_printed(&session, "rounds=300 kept=1\n");
	session_end(&session);
}
END_TEST

/* ---- Borders of pages ---------------------------------------------------- */

static int break_at(struct session *session, uint64_t addr)
{
	char place[32];

	snprintf(place, sizeof(place), "*0x%lx", addr);
	return session_break(session, place, NULL);
}

/* In ready(), where the places are known. */
#define EDGE_START(session, ...)                                                                   \
	do {                                                                                       \
		int ready_;                                                                        \
		SESSION_START(session, "edge", __VA_ARGS__);                                       \
		ready_ = session_break(session, "ready", NULL);                                    \
		ck_assert_int_eq(session_continue(session), MT_STOP_BREAKPOINT);                   \
		MT_CK_OK(mt_debug_break_delete((session)->debug, ready_));                         \
	} while (0)

START_TEST(the_last_instruction_of_a_page_has_a_breakpoint)
{
	struct session session;
	int across, last;

	EDGE_START(&session, "1", "50");
	across = break_at(&session, session_variable(&session, "across"));
	last = break_at(&session, session_variable(&session, "last"));
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
		ck_assert_int_eq(session.stop.numbers[0], across);
		ck_assert_uint_eq(session_reg(&session, "rdi"), (uint64_t)i);
		ck_assert_int_eq(session_go(&session, MT_GO_STEP_INSN), MT_STOP_STEPPED);
		ck_assert_uint_eq(session_reg(&session, "rax"), (uint64_t)i + 1);
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
		ck_assert_int_eq(session.stop.numbers[0], last);
	}
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "sum=50\n");
	session_end(&session);
}
END_TEST

START_TEST(threads_meet_at_the_borders)
{
	struct session session;
	int across, last;

	EDGE_START(&session, "8", "1000");
	across = break_at(&session, session_variable(&session, "across"));
	last = break_at(&session, session_variable(&session, "last"));
	MT_CK_OK(mt_debug_break_ignore(session.debug, across, 1000000));
	MT_CK_OK(mt_debug_break_ignore(session.debug, last, 1000000));
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, across).hits, 8000);
	ck_assert_uint_eq(session_info(&session, last).hits, 8000);
	session_printed(&session, "sum=8000\n");
	session_end(&session);
}
END_TEST

/* Of any size: whole, or it is an error. */
START_TEST(memory_is_read_up_to_a_hole)
{
	struct session session;
	static uint8_t bytes[3 * 4096];
	uint64_t hole;

	EDGE_START(&session, "1", "1");
	hole = session_variable(&session, "hole");
	for (size_t len = 1; len <= 4096 + 64; len += len < 40 || len > 4090 ? 1 : 41) {
		MT_CK_OK(mt_debug_read(session.debug, hole - len, bytes, len));
		ck_assert_uint_eq(bytes[len - 1], 0xc3);
		MT_CK_FAILS(mt_debug_read(session.debug, hole - len, bytes, len + 1),
		            MT_ERR_UNREADABLE, "cannot read");
		MT_CK_FAILS(mt_debug_read(session.debug, hole - len, bytes, len + 4096 + 1),
		            MT_ERR_UNREADABLE, "cannot read"); /* what is behind it is readable */
		MT_CK_FAILS(mt_debug_read(session.debug, hole + 4096 - len % 4096 - 1, bytes, 8192),
		            MT_ERR_UNREADABLE, "cannot read");
	}
	MT_CK_OK(mt_debug_read(session.debug, hole + 4096, bytes, 4096));
	ck_assert_uint_eq(bytes[0], 0x5a);
	session_end(&session);
}
END_TEST

/* Into code that the program itself may not write, across an int3 of ours, and never past it. */
START_TEST(memory_is_written_up_to_a_hole)
{
	struct session session;
	const uint8_t ret = 0xc3, nops[2] = { 0x90, 0x90 };
	uint8_t byte;
	uint64_t hole;
	int last;

	EDGE_START(&session, "1", "1");
	hole = session_variable(&session, "hole");
	last = break_at(&session, hole - 1);
	MT_CK_FAILS(mt_debug_write(session.debug, hole - 1, nops, 2), MT_ERR_UNREADABLE, "0x");
	MT_CK_FAILS(mt_debug_write(session.debug, hole, nops, 1), MT_ERR_UNREADABLE, "0x");
	MT_CK_OK(mt_debug_read(session.debug, hole - 1, &byte, 1));
	ck_assert_uint_eq(byte, ret);
	MT_CK_OK(mt_debug_write(session.debug, hole - 3, nops, 2));
	MT_CK_OK(mt_debug_write(session.debug, hole - 1, &ret, 1));
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_int_eq(session.stop.numbers[0], last);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "sum=1\n");
	session_end(&session);
}
END_TEST

/* ---- All threads at once ------------------------------------------------- */

static void meet_at_hard_instructions(const char *program)
{
	static const struct {
		const char *name;
		unsigned a_round;
	} insns[] = {
		{ "at_rep_movs", 1 },  { "at_syscall", 1 },     { "at_call", 1 },
		{ "at_call_back", 1 }, { "at_call_target", 2 }, { "at_load", 2 },
		{ "at_ud2", 1 },
	};
	enum { COUNT = sizeof(insns) / sizeof(*insns), THREADS = 8, ROUNDS = 200 };
	struct session session;
	int numbers[COUNT];

	SESSION_START(&session, program, "8", "200");
	session_pass_signals(&session);
	for (int i = 0; i < COUNT; i++) {
		numbers[i] = session_break_entry(&session, insns[i].name, NULL);
		MT_CK_OK(mt_debug_break_ignore(session.debug, numbers[i], 1000000));
	}
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	for (int i = 0; i < COUNT; i++) {
		struct mt_break_info info = session_info(&session, numbers[i]);

		ck_assert_msg(info.hits == insns[i].a_round * THREADS * ROUNDS, "%s: %lu hits",
		              insns[i].name, info.hits);
	}
	session_printed(&session, "wrong=0 faults=1600 illegals=1600\n");
	session_end(&session);
}

START_TEST(threads_meet_at_hard_instructions)
{
	meet_at_hard_instructions("crowd");
}
END_TEST

START_TEST(threads_for_i386_meet_at_hard_instructions)
{
	meet_at_hard_instructions("crowd-i386");
}
END_TEST

/* The same with each hit told, and steps in between. */
static void stop_at_hard_instructions(const char *program)
{
	static const char *const places[] = { "at_rep_movs",    "at_syscall", "at_call",
		                              "at_call_target", "at_load",    "at_ud2" };
	struct session session;
	enum mt_stop_kind kind = MT_STOP_NONE;

	SESSION_START(&session, program, "4", "20");
	session_pass_signals(&session);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		session_break_entry(&session, places[i], NULL);
	for (unsigned i = 0; kind != MT_STOP_EXITED; i++) {
		kind = session_go(&session, i % 3 ? MT_GO_CONTINUE : MT_GO_STEP_INSN);
		ck_assert_msg(kind == MT_STOP_BREAKPOINT || kind == MT_STOP_STEPPED ||
		                  kind == MT_STOP_EXITED,
		              "stop %d, signal %d", kind, session.stop.signal);
	}
	session_printed(&session, "wrong=0 faults=80 illegals=80\n");
	session_end(&session);
}

START_TEST(threads_stop_at_hard_instructions)
{
	stop_at_hard_instructions("crowd");
}
END_TEST

START_TEST(threads_for_i386_stop_at_hard_instructions)
{
	stop_at_hard_instructions("crowd-i386");
}
END_TEST

MT_UNIT_MAIN("engine: hard places", a_push_is_stepped_a_thousand_times,
             a_loop_of_nothing_but_breakpoints, the_last_instruction_of_a_page_has_a_breakpoint,
             threads_meet_at_the_borders, memory_is_read_up_to_a_hole,
             memory_is_written_up_to_a_hole, threads_meet_at_hard_instructions,
             threads_stop_at_hard_instructions, threads_for_i386_meet_at_hard_instructions,
             threads_for_i386_stop_at_hard_instructions)
