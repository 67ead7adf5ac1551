/* SPDX-License-Identifier: MIT */
/* Steps, conditions, hardware breakpoints, libraries. */
#include "engine_session.h"

static unsigned line_of(struct session *session)
{
	struct mt_frame frame;

	ck_assert_uint_eq(mt_debug_frames(session->debug, 0, &frame, 1), 1);
	return frame.has_line ? frame.line.line : 0;
}

static const char *function_of(struct session *session)
{
	struct mt_frame frame;

	ck_assert_uint_eq(mt_debug_frames(session->debug, 0, &frame, 1), 1);
	return frame.function ? frame.function : "";
}

static void go(struct session *session, const struct mt_go *how, enum mt_stop_kind kind)
{
	MT_CK_OK(mt_debug_go(session->debug, how));
	ck_assert_int_eq(session_wait(session), kind);
}

START_TEST(next_stays_in_the_function)
{
	struct session session;
	unsigned line;

	SESSION_START(&session, "walk");
	session_break(&session, "middle", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	line = line_of(&session);
	ck_assert_int_eq(session_go(&session, MT_GO_NEXT), MT_STOP_STEPPED);
	ck_assert_uint_eq(line_of(&session), line + 2);
	ck_assert_str_eq(function_of(&session), "middle");
	ck_assert_int_eq(session_go(&session, MT_GO_NEXT), MT_STOP_STEPPED);
	ck_assert_int_eq(session_go(&session, MT_GO_NEXT), MT_STOP_STEPPED);
	ck_assert_str_eq(function_of(&session), "main");
	session_end(&session);
}
END_TEST

START_TEST(step_enters_a_function)
{
	struct session session;
	const struct mt_go three = { .kind = MT_GO_STEP, .signal = -1, .count = 3 };

	SESSION_START(&session, "walk");
	session_break(&session, "middle", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_int_eq(session_go(&session, MT_GO_STEP), MT_STOP_STEPPED);
	ck_assert_str_eq(function_of(&session), "leaf");
	go(&session, &three, MT_STOP_STEPPED);
	ck_assert_str_eq(function_of(&session), "middle");
	session_end(&session);
}
END_TEST

START_TEST(finish_tells_the_value)
{
	struct session session;

	SESSION_START(&session, "walk");
	session_break(&session, "leaf", NULL);
	for (int i = 0; i < 11; i++)
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_int_eq(session_go(&session, MT_GO_FINISH), MT_STOP_FINISHED);
	ck_assert_str_eq(function_of(&session), "middle");
	ck_assert_uint_eq(session_reg(&session, "rax"), 145);
	MT_CK_OK(mt_debug_select_frame(session.debug, 5)); /* four recursions up */
	ck_assert_int_eq(session_go(&session, MT_GO_FINISH), MT_STOP_FINISHED);
	ck_assert_str_eq(function_of(&session), "recurse");
	ck_assert_uint_eq(session_reg(&session, "rax"), 150);
	session_end(&session);
}
END_TEST

START_TEST(nexti_goes_over_calls)
{
	struct session session;

	SESSION_START(&session, "walk");
	session_break(&session, "middle", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	for (int i = 0; i < 8; i++) {
		ck_assert_int_eq(session_go(&session, MT_GO_NEXT_INSN), MT_STOP_STEPPED);
		ck_assert_str_ne(function_of(&session), "leaf");
	}
	session_end(&session);
}
END_TEST

START_TEST(advance_and_until_reach_a_place)
{
	struct session session;
	const struct mt_go advance = { .kind = MT_GO_ADVANCE, .signal = -1, .location = "recurse" };

	SESSION_START(&session, "walk");
	session_break(&session, "main", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	go(&session, &advance, MT_STOP_STEPPED);
	ck_assert_str_eq(function_of(&session), "recurse");
	session_end(&session);
}
END_TEST

/* ---- Conditions ---------------------------------------------------------- */

START_TEST(a_condition_is_asked)
{
	struct session session;
	int number;

	SESSION_START(&session, "walk");
	number = session_break_entry(&session, "middle", NULL);
	MT_CK_OK(mt_debug_break_condition(session.debug, number, "$rdi == 7 || $rdi == 100"));
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(session_reg(&session, "rdi"), 7);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(session_reg(&session, "rdi"), 100);
	ck_assert_uint_eq(session_info(&session, number).hits, 2);
	ck_assert_uint_eq(session_info(&session, number).unmet, 9);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_end(&session);
}
END_TEST

START_TEST(a_wrong_condition_is_told)
{
	struct session session;
	const struct mt_break_spec spec = { .kind = MT_BREAK_SOFTWARE,
		                            .location = "leaf",
		                            .condition = "old == 1" };
	int number;

	SESSION_START(&session, "walk");
	MT_CK_FAILS(mt_debug_break(session.debug, &spec, &number), MT_ERR_SYNTAX, "old");
	session_end(&session);
}
END_TEST

/* ---- Hardware ------------------------------------------------------------ */

START_TEST(a_hardware_breakpoint_changes_no_memory)
{
	struct session session;
	const struct mt_break_spec spec = { .kind = MT_BREAK_HARDWARE, .location = "leaf" };
	int number;

	SESSION_START(&session, "walk");
	MT_CK_OK(mt_debug_break(session.debug, &spec, &number));
	ck_assert_int_eq(session_info(&session, number).places[0].way, MT_WAY_REGISTER);
	for (int i = 0; i < 11; i++)
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, number).hits, 11);
	session_printed(&session, "total=145\n");
	session_end(&session);
}
END_TEST

START_TEST(hardware_breakpoints_are_in_all_threads)
{
	struct session session;
	const struct mt_break_spec spec = { .kind = MT_BREAK_HARDWARE, .location = "hit" };
	int number;

	SESSION_START(&session, "threads", "8", "100");
	MT_CK_OK(mt_debug_break(session.debug, &spec, &number));
	MT_CK_OK(mt_debug_break_ignore(session.debug, number, 100000));
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, number).hits, 800);
	session_end(&session);
}
END_TEST

/* ---- Libraries ----------------------------------------------------------- */

START_TEST(a_breakpoint_waits_for_its_library)
{
	struct session session;
	const struct mt_break_spec spec = { .kind = MT_BREAK_SOFTWARE,
		                            .location = "plugged",
		                            .pending = true };
	char library[PATH_MAX];
	int number;

	engine_path("plugin.so", library);
	SESSION_START(&session, "loads", library);
	MT_CK_OK(mt_debug_break(session.debug, &spec, &number));
	ck_assert(session_info(&session, number).pending);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
		ck_assert_str_eq(function_of(&session), "plugged");
	}
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_ge(session.notices[MT_NOTICE_LIBRARY], 3);
	ck_assert_uint_eq(session.notices[MT_NOTICE_BREAKPOINT], 6);
	session_printed(&session, "value=3\n");
	session_end(&session);
}
END_TEST

START_TEST(a_temporary_breakpoint_stops_once)
{
	struct session session;
	const struct mt_break_spec spec = { .kind = MT_BREAK_SOFTWARE,
		                            .location = "leaf",
		                            .temporary = true };
	int number;

	SESSION_START(&session, "walk");
	MT_CK_OK(mt_debug_break(session.debug, &spec, &number));
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(mt_debug_breaks(session.debug, NULL, 0), 0);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_end(&session);
}
END_TEST

MT_UNIT_MAIN("engine: steps", next_stays_in_the_function, step_enters_a_function,
             finish_tells_the_value, nexti_goes_over_calls, advance_and_until_reach_a_place,
             a_condition_is_asked, a_wrong_condition_is_told,
             a_hardware_breakpoint_changes_no_memory, hardware_breakpoints_are_in_all_threads,
             a_breakpoint_waits_for_its_library, a_temporary_breakpoint_stops_once)
