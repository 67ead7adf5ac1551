/* SPDX-License-Identifier: MIT */
/* Inlined functions are stepped into, over and out of as if they were called. */
#include "engine_lines.h"

static const char *const programs[] = { "inlines", "inlines-fast", "inlines-clang" };
#define PROGRAMS 3

static void at_work(struct session *session, int program)
{
	SESSION_START(session, programs[program]);
	session_break(session, "main", NULL);
	ck_assert_int_eq(session_continue(session), MT_STOP_BREAKPOINT);
	for (int i = 0; i < 4 && strcmp(function_at(session, 0), "work") != 0; i++)
		ck_assert_int_eq(session_go(session, MT_GO_STEP), MT_STOP_STEPPED);
}

/* Steps until the line is shown; at most a few, since compilers begin functions differently. */
static void step_until(struct session *session, enum mt_go_kind kind, const char *mark)
{
	unsigned line = marked(session, mark);

	for (int i = 0; i < 4 && frame_at(session, 0).line.line != line; i++)
		ck_assert_int_eq(session_go(session, kind), MT_STOP_STEPPED);
	at_line(session, 0, mark);
}

START_TEST(step_enters_what_is_inlined)
{
	struct session session;
	uint64_t pc;

	at_work(&session, 0);
	step_until(&session, MT_GO_STEP, "work: calls");
	ck_assert_str_eq(function_at(&session, 0), "work");
	pc = frame_at(&session, 0).pc;
	steps_to(&session, MT_GO_STEP, "between: calls");
	steps_to(&session, MT_GO_STEP, "innermost: first");
	ck_assert_str_eq(function_at(&session, 0), "innermost");
	ck_assert_str_eq(function_at(&session, 1), "between");
	ck_assert_str_eq(function_at(&session, 2), "work");
	at_line(&session, 1, "between: calls");
	at_line(&session, 2, "work: calls");
	ck_assert_uint_le(frame_at(&session, 0).pc - pc, 16); /* calls that are no calls */
	steps_to(&session, MT_GO_STEP, "innermost: second");
	steps_to(&session, MT_GO_STEP, "innermost: third");
	steps_to(&session, MT_GO_STEP, "outside");
	session_end(&session);
}
END_TEST

START_TEST(next_goes_over_what_is_inlined)
{
	struct session session;
	struct mt_frame frame;

	at_work(&session, _i);
	session_go(&session, MT_GO_NEXT);
	while (frame_at(&session, 0).line.line != marked(&session, "work: goes on")) {
		frame = frame_at(&session, 0);
		ck_assert_str_eq(frame.function, "work");
		ck_assert_int_eq(session_go(&session, MT_GO_NEXT), MT_STOP_STEPPED);
	}
	ck_assert_str_eq(function_at(&session, 0), "work");
	session_end(&session);
}
END_TEST

START_TEST(next_stays_within_what_is_inlined)
{
	struct session session;

	at_work(&session, 0);
	step_until(&session, MT_GO_STEP, "between: calls");
	steps_to(&session, MT_GO_NEXT, "between: goes on");
	ck_assert_str_eq(function_at(&session, 0), "between");
	session_end(&session);
}
END_TEST

START_TEST(finish_leaves_what_is_inlined)
{
	struct session session;

	SESSION_START(&session, programs[_i]);
	run_to_line(&session, "outside");
	ck_assert_int_eq(session_go(&session, MT_GO_FINISH), MT_STOP_FINISHED);
	ck_assert_str_eq(function_at(&session, 0), "innermost");
	ck_assert_int_eq(session_go(&session, MT_GO_FINISH), MT_STOP_STEPPED);
	ck_assert_str_eq(function_at(&session, 0), "between");
	ck_assert_int_eq(session_go(&session, MT_GO_FINISH), MT_STOP_STEPPED);
	ck_assert_str_eq(function_at(&session, 0), "work");
	ck_assert_int_eq(session_go(&session, MT_GO_FINISH), MT_STOP_FINISHED);
	ck_assert_str_eq(function_at(&session, 0), "main");
	session_end(&session);
}
END_TEST

/* Selected from below: what it has called returns first. */
START_TEST(finish_leaves_the_selected_one)
{
	struct session session;

	SESSION_START(&session, programs[_i]);
	run_to_line(&session, "outside");
	MT_CK_OK(mt_debug_select_frame(session.debug, 2));
	ck_assert_int_eq(session_go(&session, MT_GO_FINISH), MT_STOP_STEPPED);
	ck_assert_str_eq(function_at(&session, 0), "work");
	session_end(&session);
}
END_TEST

/* At the first instruction of inlined code both lines are at the same place. */
START_TEST(a_breakpoint_shows_the_line_that_was_meant)
{
	struct session session;

	SESSION_START(&session, "inlines");
	session_break(&session, "innermost", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_str_eq(function_at(&session, 0), "innermost");
	at_line(&session, 0, "innermost: first");
	session_end(&session);

	SESSION_START(&session, "inlines");
	run_to_line(&session, "work: calls");
	ck_assert_str_eq(function_at(&session, 0), "work");
	at_line(&session, 0, "work: calls");
	session_end(&session);
}
END_TEST

/* Only a place in the middle of a line needs an address. */
START_TEST(frames_tell_whether_they_are_in_a_line)
{
	struct session session;

	SESSION_START(&session, "inlines");
	run_to_line(&session, "outside");
	ck_assert(!frame_at(&session, 0).in_line);
	ck_assert(frame_at(&session, 1).in_line);  /* innermost, in a call */
	ck_assert(!frame_at(&session, 2).in_line); /* the calls of what is inlined */
	ck_assert(!frame_at(&session, 3).in_line);
	ck_assert(frame_at(&session, 4).in_line);
	ck_assert_int_eq(session_go(&session, MT_GO_STEP_INSN), MT_STOP_STEPPED);
	ck_assert(frame_at(&session, 0).in_line);
	session_end(&session);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine: inlined");
	TCase *tests = tcase_create("inlined");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, step_enters_what_is_inlined);
	tcase_add_loop_test(tests, next_goes_over_what_is_inlined, 0, PROGRAMS);
	tcase_add_test(tests, next_stays_within_what_is_inlined);
	tcase_add_loop_test(tests, finish_leaves_what_is_inlined, 0, PROGRAMS);
	tcase_add_loop_test(tests, finish_leaves_the_selected_one, 0, PROGRAMS);
	tcase_add_test(tests, a_breakpoint_shows_the_line_that_was_meant);
	tcase_add_test(tests, frames_tell_whether_they_are_in_a_line);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
