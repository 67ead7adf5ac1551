/* SPDX-License-Identifier: MIT */
/* Going to a place, from another place, and out of frames that have not returned. */
#include "engine_lines.h"

static void go_to(struct session *session, enum mt_go_kind kind, const char *mark)
{
	char location[16];
	const struct mt_go go = { .kind = kind, .signal = -1, .location = location };

	snprintf(location, sizeof(location), "%u", marked(session, mark));
	MT_CK_OK(mt_debug_go(session->debug, &go));
	session_wait(session);
}

static void delete_all(struct session *session)
{
	struct mt_break_info infos[8];
	size_t count = mt_debug_breaks(session->debug, infos, 8);

	for (size_t i = 0; i < count; i++)
		MT_CK_OK(mt_debug_break_delete(session->debug, infos[i].number));
}

/* The recursion passes the place three times; only the frame that asked is meant. */
START_TEST(until_is_for_its_frame)
{
	struct session session;
	uint64_t cfa;

	SESSION_START(&session, "going");
	run_to_line(&session, "climb: calls");
	cfa = frame_at(&session, 0).cfa;
	go_to(&session, MT_GO_UNTIL, "climb: after");
	ck_assert_int_eq(session.stop.kind, MT_STOP_STEPPED);
	at_line(&session, 0, "climb: after");
	ck_assert_uint_eq(frame_at(&session, 0).cfa, cfa);
	session_end(&session);
}
END_TEST

START_TEST(advance_is_for_any_frame)
{
	struct session session;
	uint64_t cfa;

	SESSION_START(&session, "going");
	run_to_line(&session, "climb: calls");
	cfa = frame_at(&session, 0).cfa;
	go_to(&session, MT_GO_ADVANCE, "climb: after");
	at_line(&session, 0, "climb: after");
	ck_assert_uint_lt(frame_at(&session, 0).cfa, cfa);
	session_end(&session);
}
END_TEST

START_TEST(neither_goes_further_than_the_frame)
{
	static const enum mt_go_kind kinds[] = { MT_GO_UNTIL, MT_GO_ADVANCE };
	struct session session;

	SESSION_START(&session, "going");
	run_to_line(&session, "deepest");
	go_to(&session, kinds[_i], "main: prints");
	ck_assert_str_eq(function_at(&session, 0), "deep");
	session_end(&session);
}
END_TEST

/* The frame is checked, not the place alone. */
START_TEST(next_over_a_recursion_stays_in_its_frame)
{
	struct session session;
	uint64_t cfa;

	SESSION_START(&session, "going");
	run_to_line(&session, "climb: calls");
	cfa = frame_at(&session, 0).cfa;
	steps_to(&session, MT_GO_NEXT, "climb: after");
	ck_assert_uint_eq(frame_at(&session, 0).cfa, cfa);
	session_end(&session);
}
END_TEST

START_TEST(a_jump_leaves_out_what_is_between)
{
	struct session session;
	char location[16];
	const struct mt_go go = { .kind = MT_GO_JUMP, .signal = -1, .location = location };

	SESSION_START(&session, "going");
	run_to_line(&session, "main: deep");
	snprintf(location, sizeof(location), "%u", marked(&session, "main: adds"));
	MT_CK_OK(mt_debug_go(session.debug, &go));
	ck_assert_int_eq(session_wait(&session), MT_STOP_EXITED);
	session_printed(&session, "sum=10006 count=4\n");
	session_end(&session);
}
END_TEST

START_TEST(a_jump_meets_the_breakpoint_there)
{
	struct session session;

	SESSION_START(&session, "going");
	run_to_line(&session, "main: deep");
	session_break(&session, "deepest", NULL);
	go_to(&session, MT_GO_JUMP, "main: deep"); /* where it stands */
	ck_assert_int_eq(session.stop.kind, MT_STOP_BREAKPOINT);
	go_to(&session, MT_GO_JUMP, "deepest"); /* the same */
	ck_assert_int_eq(session.stop.kind, MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(session_info(&session, 2).hits, 2);
	session_end(&session);
}
END_TEST

START_TEST(a_jump_to_nowhere_changes_nothing)
{
	struct session session;
	const struct mt_go go = { .kind = MT_GO_JUMP, .signal = -1, .location = "nosuch" };
	uint64_t pc;

	SESSION_START(&session, "going");
	pc = session_reg(&session, "rip");
	MT_CK_FAILS(mt_debug_go(session.debug, &go), MT_ERR_NOT_FOUND, "nosuch");
	ck_assert_uint_eq(session_reg(&session, "rip"), pc);
	session_end(&session);
}
END_TEST

/* Two frames go; callee-saved registers are those of the caller. */
START_TEST(a_frame_is_taken_away)
{
	struct session session;
	const uint64_t value = 7;
	uint64_t sp, bp;

	SESSION_START(&session, "going");
	run_to_line(&session, "main: deep");
	sp = session_reg(&session, "rsp");
	bp = session_reg(&session, "rbp");
	run_to_line(&session, "deepest");
	MT_CK_OK(mt_debug_select_frame(session.debug, 1));
	MT_CK_OK(mt_debug_return(session.debug));
	ck_assert_str_eq(function_at(&session, 0), "main");
	ck_assert_uint_eq(session_reg(&session, "rsp"), sp);
	ck_assert_uint_eq(session_reg(&session, "rbp"), bp);
	MT_CK_OK(mt_debug_reg_write(session.debug, "rax", &value, sizeof(value)));
	delete_all(&session);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "sum=10013 count=4\n");
	session_end(&session);
}
END_TEST

START_TEST(what_has_no_return_stays)
{
	struct session session;

	SESSION_START(&session, "inlines");
	session_break(&session, "innermost", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	MT_CK_FAILS(mt_debug_return(session.debug), MT_ERR_UNSUPPORTED,
	            "innermost is inlined in its caller");
	session_end(&session);
}
END_TEST

/* ---- Libraries ----------------------------------------------------------- */

/* The mappings are read by a thread that is left. */
START_TEST(libraries_come_when_the_main_thread_has_ended)
{
	struct session session;
	const struct mt_break_spec spec = { .kind = MT_BREAK_SOFTWARE,
		                            .location = "plugged",
		                            .pending = true };
	char library[PATH_MAX];
	int number;

	engine_path("plugin.so", library);
	SESSION_START(&session, "loads", "alone", library);
	MT_CK_OK(mt_debug_break(session.debug, &spec, &number));
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
		ck_assert_str_eq(function_at(&session, 0), "plugged");
	}
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "value=3\n");
	session_end(&session);
}
END_TEST

START_TEST(loads_and_unloads_are_caught)
{
	static const enum mt_break_kind kinds[] = { MT_BREAK_CATCH_LOAD, MT_BREAK_CATCH_UNLOAD };
	struct session session;
	const struct mt_break_spec spec = { .kind = kinds[_i], .temporary = false };
	char library[PATH_MAX];
	int number, stops = 0;

	engine_path("plugin.so", library);
	SESSION_START(&session, "loads", library);
	session_break(&session, "main", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	MT_CK_OK(mt_debug_break(session.debug, &spec, &number));
	while (session_continue(&session) == MT_STOP_LOAD) {
		ck_assert_int_eq(session.stop.numbers[0], number);
		stops++;
	}
	ck_assert_int_eq(session.stop.kind, MT_STOP_EXITED);
	ck_assert_int_eq(stops, 3);
	session_end(&session);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine: going");
	TCase *tests = tcase_create("going");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, until_is_for_its_frame);
	tcase_add_test(tests, advance_is_for_any_frame);
	tcase_add_loop_test(tests, neither_goes_further_than_the_frame, 0, 2);
	tcase_add_test(tests, next_over_a_recursion_stays_in_its_frame);
	tcase_add_test(tests, a_jump_leaves_out_what_is_between);
	tcase_add_test(tests, a_jump_meets_the_breakpoint_there);
	tcase_add_test(tests, a_jump_to_nowhere_changes_nothing);
	tcase_add_test(tests, a_frame_is_taken_away);
	tcase_add_test(tests, what_has_no_return_stays);
	tcase_add_test(tests, libraries_come_when_the_main_thread_has_ended);
	tcase_add_loop_test(tests, loads_and_unloads_are_caught, 0, 2);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
