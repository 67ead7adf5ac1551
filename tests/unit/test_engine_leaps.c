/* SPDX-License-Identifier: MIT */
/* Steps over what does not return: longjmp() and exceptions land where a step stops. */
#include "engine_lines.h"

START_TEST(next_over_longjmp_stops_where_it_lands)
{
	struct session session;

	SESSION_START(&session, "leaps");
	run_to_line(&session, "function: calls");
	steps_to(&session, MT_GO_NEXT, "function: lands");
	steps_to(&session, MT_GO_NEXT, "function: goes on");
	session_end(&session);
}
END_TEST

/* Every form of going on that waits for a return. */
START_TEST(what_waits_for_a_return_stops_where_it_lands)
{
	static const enum mt_go_kind kinds[] = { MT_GO_NEXT, MT_GO_UNTIL, MT_GO_FINISH };
	struct session session;

	SESSION_START(&session, "leaps");
	run_to_line(&session, "leap");
	steps_to(&session, kinds[_i], "function: lands");
	ck_assert_str_eq(function_at(&session, 0), "from_function");
	session_end(&session);
}
END_TEST

START_TEST(a_leap_out_of_a_recursion_lands)
{
	struct session session;

	SESSION_START(&session, "leaps");
	run_to_line(&session, "recursion: calls");
	steps_to(&session, MT_GO_NEXT, "recursion: lands");
	session_end(&session);

	SESSION_START(&session, "leaps");
	run_to_line(&session, "dive");
	steps_to(&session, MT_GO_NEXT, "recursion: lands");
	session_end(&session);
}
END_TEST

START_TEST(a_leap_among_those_that_were_called_is_none_of_ours)
{
	struct session session;

	SESSION_START(&session, "leaps");
	run_to_line(&session, "main: within");
	steps_to(&session, MT_GO_NEXT, "main: goes on");
	session_end(&session);
}
END_TEST

START_TEST(a_handler_leaps_out)
{
	const struct mt_signal_rule quiet = { .pass = true };
	struct session session;

	SESSION_START(&session, "leaps");
	mt_debug_set_signal_rule(session.debug, SIGUSR1, quiet);
	run_to_line(&session, "handler: calls");
	steps_to(&session, MT_GO_NEXT, "handler: lands");
	steps_to(&session, MT_GO_NEXT, "handler: goes on");
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "leaps=4\n");
	session_end(&session);
}
END_TEST

/* ---- Exceptions ---------------------------------------------------------- */

START_TEST(next_over_a_throw_stops_where_it_is_caught)
{
	struct session session;

	SESSION_START(&session, "throws");
	run_to_line(&session, "here: calls");
	steps_to(&session, MT_GO_NEXT, "here: catches");
	steps_to(&session, MT_GO_NEXT, "here: goes on");
	session_end(&session);

	SESSION_START(&session, "throws");
	run_to_line(&session, "far: calls");
	steps_to(&session, MT_GO_NEXT, "far: catches");
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "caught=3\n");
	session_end(&session);
}
END_TEST

START_TEST(a_throw_is_left_to_where_it_is_caught)
{
	static const enum mt_go_kind kinds[] = { MT_GO_NEXT, MT_GO_UNTIL, MT_GO_FINISH };
	struct session session;

	SESSION_START(&session, "throws");
	run_to_line(&session, "throws");
	steps_to(&session, kinds[_i], "here: catches");
	session_end(&session);
}
END_TEST

/* What is cleaned up in the frame of the step is a place of that frame. */
START_TEST(the_frame_of_the_step_cleans_up)
{
	struct session session;

	SESSION_START(&session, "throws");
	run_to_line(&session, "passes: calls");
	ck_assert_int_eq(session_go(&session, MT_GO_NEXT), MT_STOP_STEPPED);
	ck_assert_ptr_nonnull(strstr(function_at(&session, 0), "pass_on"));
	ck_assert_int_eq(session_go(&session, MT_GO_FINISH), MT_STOP_STEPPED);
	at_line(&session, 0, "far: catches");
	session_end(&session);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine: leaps");
	TCase *tests = tcase_create("leaps");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, next_over_longjmp_stops_where_it_lands);
	tcase_add_loop_test(tests, what_waits_for_a_return_stops_where_it_lands, 0, 3);
	tcase_add_test(tests, a_leap_out_of_a_recursion_lands);
	tcase_add_test(tests, a_leap_among_those_that_were_called_is_none_of_ours);
	tcase_add_test(tests, a_handler_leaps_out);
	tcase_add_test(tests, next_over_a_throw_stops_where_it_is_caught);
	tcase_add_loop_test(tests, a_throw_is_left_to_where_it_is_caught, 0, 3);
	tcase_add_test(tests, the_frame_of_the_step_cleans_up);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
