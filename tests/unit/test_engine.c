/* SPDX-License-Identifier: MIT */
#include <pty.h>

#include "engine_session.h"

START_TEST(it_runs_to_its_end)
{
	struct session session;

	SESSION_START(&session, "walk");
	ck_assert_int_eq(mt_debug_state(session.debug), MT_PROCESS_STOPPED);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_int_eq(session.stop.status, 7);
	ck_assert_int_eq(mt_debug_state(session.debug), MT_PROCESS_NONE);
	session_printed(&session, "total=145\n");
	session_end(&session);
}
END_TEST

START_TEST(a_breakpoint_stops_each_time)
{
	struct session session;
	int number;

	SESSION_START(&session, "walk");
	number = session_break(&session, "leaf", NULL);
	for (int i = 0; i < 11; i++) {
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
		ck_assert_int_eq(session.stop.numbers[0], number);
	}
	ck_assert_uint_eq(session_info(&session, number).hits, 11);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "total=145\n");
	session_end(&session);
}
END_TEST

/* The stop is inside of execve(), which is left behind before the first instruction. */
START_TEST(the_first_instruction_is_one)
{
	struct session session;
	uint64_t entry;
	char place[32];

	for (int with_break = 0; with_break < 2; with_break++) {
		SESSION_START(&session, "walk");
		entry = mt_debug_last_stop(session.debug)->pc;
		snprintf(place, sizeof(place), "*0x%lx", entry);
		if (with_break)
			session_break(&session, place, NULL);
		ck_assert_int_eq(session_go(&session, MT_GO_STEP_INSN), MT_STOP_STEPPED);
		ck_assert_uint_ne(session.stop.pc, entry);
		ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
		session_end(&session);
	}
}
END_TEST

START_TEST(a_breakpoint_on_the_place_of_the_stop_is_passed)
{
	struct session session;
	char place[32];
	int number;

	SESSION_START(&session, "walk");
	snprintf(place, sizeof(place), "*0x%lx", mt_debug_last_stop(session.debug)->pc);
	number = session_break(&session, place, NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, number).hits, 0);
	session_end(&session);
}
END_TEST

START_TEST(it_is_run_again)
{
	struct session session;
	int number;

	SESSION_START(&session, "walk");
	number = session_break(&session, "leaf", NULL);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
		ck_assert_uint_eq(session_info(&session, number).hits, 2);
		MT_CK_OK(mt_debug_kill(session.debug));
		session_launch(&session, NULL);
	}
	session_end(&session);
}
END_TEST

/* ---- The terminal -------------------------------------------------------- */

/* Runs in a session of its own, whose terminal is a new one. */
static int debug_in_terminal(void)
{
	const struct mt_go go = { .kind = MT_GO_CONTINUE, .signal = -1 };
	const struct mt_debug_launch launch = { 0 };
	const struct mt_debug_config config = { 0 };
	struct mt_debug *debug;
	struct mt_stop stop;
	char path[PATH_MAX];

	engine_path("walk", path);
	MT_CK_OK(mt_debug_create(&config, &debug));
	MT_CK_OK(mt_debug_file(debug, path));
	MT_CK_OK(mt_debug_launch(debug, &launch));
	ck_assert_int_eq(tcgetpgrp(STDIN_FILENO), getpgrp());
	MT_CK_OK(mt_debug_go(debug, &go));
	ck_assert_int_eq(tcgetpgrp(STDIN_FILENO), mt_debug_pid(debug));
	MT_CK_OK(mt_debug_wait(debug, -1, &stop));
	ck_assert_int_eq(stop.kind, MT_STOP_EXITED);
	ck_assert_int_eq(tcgetpgrp(STDIN_FILENO), getpgrp());
	mt_debug_destroy(debug);
	return 0;
}

START_TEST(the_terminal_is_the_programs_while_it_runs)
{
	int terminal, status;
	char output[256];
	pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

	if (pid == 0)
		_exit(debug_in_terminal());
	while (read(terminal, output, sizeof(output)) > 0)
		continue;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(terminal);
}
END_TEST

MT_UNIT_MAIN("engine", it_runs_to_its_end, a_breakpoint_stops_each_time,
             the_first_instruction_is_one, a_breakpoint_on_the_place_of_the_stop_is_passed,
             it_is_run_again, the_terminal_is_the_programs_while_it_runs)
