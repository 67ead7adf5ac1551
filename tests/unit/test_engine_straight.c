/* SPDX-License-Identifier: MIT */
/* Straight code is run through when a line is stepped, and jumps are carried out: nobody may see.
 */
#include "engine_session.h"

static struct mt_frame frame_of(struct session *session)
{
	struct mt_frame frame;

	ck_assert_uint_eq(mt_debug_frames(session->debug, 0, &frame, 1), 1);
	ck_assert(frame.has_line);
	return frame;
}

/* What the program prints on its own. */
static void truth_of(const char *mode, char *text, size_t size)
{
	char path[PATH_MAX], command[PATH_MAX + 32];
	FILE *pipe;

	engine_path("straight", path);
	snprintf(command, sizeof(command), "%s %s", path, mode);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	ck_assert_ptr_nonnull(fgets(text, (int)size, pipe));
	ck_assert_int_eq(pclose(pipe), 0);
}

/* Each `next` from the function's first line on stays in its frame, one or two lines further. */
static void steps_through(const char *mode, enum mt_go_kind kind, unsigned steps)
{
	struct session session;
	struct mt_frame first;
	char truth[64];
	unsigned line;

	truth_of(mode, truth, sizeof(truth));
	SESSION_START(&session, "straight", mode);
	mt_debug_set_signal_rule(session.debug, SIGSEGV, (struct mt_signal_rule){ .pass = true });
	session_break(&session, mode, NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	MT_CK_OK(mt_debug_break_delete(session.debug, session.stop.numbers[0]));
	first = frame_of(&session);
	line = first.line.line;
	for (unsigned i = 0; i < steps; i++) {
		struct mt_frame frame;

		ck_assert_int_eq(session_go(&session, kind), MT_STOP_STEPPED);
		frame = frame_of(&session);
		ck_assert_str_eq(frame.function, mode);
		ck_assert_uint_eq(frame.cfa, first.cfa);
		ck_assert_uint_gt(frame.line.line, line);
		ck_assert_uint_le(frame.line.line, line + 2);
		line = frame.line.line;
	}
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, truth);
	session_end(&session);
}

START_TEST(next_runs_a_loop_in_a_line)
{
	steps_through("loop", MT_GO_NEXT, 2);
}
END_TEST

START_TEST(next_stays_in_its_activation)
{
	steps_through("recurse", MT_GO_NEXT, 3);
}
END_TEST

START_TEST(a_handler_may_run_the_same_line)
{
	steps_through("fault", MT_GO_NEXT, 3);
	steps_through("fault", MT_GO_STEP, 3);
}
END_TEST

/* Though the call is run over, with the straight code before it. */
START_TEST(breakpoints_on_the_way_are_hit)
{
	struct session session;
	unsigned hits = 0;

	SESSION_START(&session, "straight", "loop");
	session_break(&session, "loop", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	session_break(&session, "add", NULL);
	while (session_go(&session, MT_GO_NEXT) == MT_STOP_BREAKPOINT) {
		ck_assert_str_eq(frame_of(&session).function, "add");
		ck_assert_int_eq(session_go(&session, MT_GO_FINISH), MT_STOP_FINISHED);
		hits++;
	}
	ck_assert_uint_eq(hits, 666); /* those of 0 … 999 that 3 does not divide */
	session_end(&session);
}
END_TEST

/* Stopped by its breakpoint in an instruction that jumps to itself. */
static int start_spinning(struct session *session)
{
	int number;

	SESSION_START(session, "straight", "spin");
	number = session_break(session, "spin", NULL);
	ck_assert_int_eq(session_continue(session), MT_STOP_BREAKPOINT);
	return number;
}

static void go_and_interrupt(struct session *session, enum mt_go_kind kind)
{
	const struct mt_go go = { .kind = kind, .signal = -1, .count = UINT64_MAX };

	MT_CK_OK(mt_debug_go(session->debug, &go));
	mt_debug_interrupt(session->debug);
	ck_assert_int_eq(session_wait(session), MT_STOP_INTERRUPTED);
	ck_assert_str_eq(frame_of(session).function, "spin");
}

START_TEST(a_line_without_end_is_interrupted)
{
	struct session session;
	int number = start_spinning(&session);

	MT_CK_OK(mt_debug_break_delete(session.debug, number));
	go_and_interrupt(&session, MT_GO_NEXT);
	go_and_interrupt(&session, MT_GO_STEP);
	go_and_interrupt(&session, MT_GO_STEP_INSN);
	session_end(&session);
}
END_TEST

/* A thread that was stopped for another reason has not hit the breakpoint at its pc yet; and the
 * jump leads to it again. */
START_TEST(a_jump_does_not_pass_its_breakpoint)
{
	struct session session;
	int number = start_spinning(&session);
	uint64_t hits;

	MT_CK_OK(mt_debug_break_ignore(session.debug, number, UINT32_MAX));
	go_and_interrupt(&session, MT_GO_CONTINUE);
	hits = session_info(&session, number).hits;
	ck_assert_int_eq(session_go(&session, MT_GO_STEP_INSN), MT_STOP_STEPPED);
	ck_assert_uint_eq(session_info(&session, number).hits, hits + 2);
	session_end(&session);
}
END_TEST

MT_UNIT_MAIN("engine: straight code", next_runs_a_loop_in_a_line, next_stays_in_its_activation,
             a_handler_may_run_the_same_line, breakpoints_on_the_way_are_hit,
             a_line_without_end_is_interrupted, a_jump_does_not_pass_its_breakpoint)
