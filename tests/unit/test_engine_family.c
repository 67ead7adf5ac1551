/* SPDX-License-Identifier: MIT */
/* Forks, new programs, signals. */
#include <signal.h>
#include <sys/syscall.h>

#include "engine_session.h"

static int catch (struct session *session, enum mt_break_kind kind, const char *what)
{
	const struct mt_break_spec spec = { .kind = kind, .location = what };
	int number;

	MT_CK_OK(mt_debug_break(session->debug, &spec, &number));
	return number;
}

/* ---- Forks --------------------------------------------------------------- */

/* The parent is followed, and the child must not see our int3. */
static void follow_parent(const char *how, unsigned hits)
{
	struct session session;
	unsigned stops = 0;

	SESSION_START(&session, "family", how);
	session_break(&session, "marker", NULL);
	while (session_continue(&session) == MT_STOP_BREAKPOINT)
		stops++;
	ck_assert_int_eq(session.stop.kind, MT_STOP_EXITED);
	ck_assert_uint_eq(stops, hits);
	ck_assert_uint_eq(session.notices[MT_NOTICE_PROCESS_NEW], 1);
	session_end(&session);
}

START_TEST(the_parent_is_followed)
{
	follow_parent("fork", 2);
	follow_parent("vfork", 2);
	follow_parent("spawn", 2);
}
END_TEST

static void follow_child(const char *how, unsigned hits)
{
	struct session session;
	unsigned stops = 0;

	SESSION_START(&session, "family", how);
	mt_debug_settings(session.debug)->follow_fork = MT_FOLLOW_CHILD;
	session_break(&session, "marker", NULL);
	while (session_continue(&session) == MT_STOP_BREAKPOINT)
		stops++;
	ck_assert_msg(session.stop.kind == MT_STOP_EXITED, "%s: stop %d", how, session.stop.kind);
	ck_assert_int_eq(session.stop.status, 5);
	ck_assert_msg(stops == hits, "%s: %u hits", how, stops);
	session_end(&session);
}

START_TEST(the_child_is_followed)
{
	follow_child("fork", 2);
	follow_child("vfork", 3);
	follow_child("spawn", 2);
}
END_TEST

START_TEST(both_are_kept)
{
	struct session session;
	struct mt_process_info infos[4];
	const struct mt_go go = { .kind = MT_GO_CONTINUE, .signal = -1 };

	SESSION_START(&session, "family", "fork");
	mt_debug_settings(session.debug)->detach_on_fork = false;
	session_break(&session, "marker", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	catch (&session, MT_BREAK_CATCH_FORK, "");
	ck_assert_int_eq(session_continue(&session), MT_STOP_FORK);
	ck_assert_uint_eq(mt_debug_processes(session.debug, infos, 4), 2);
	ck_assert_int_eq(infos[1].pid, session.stop.child);
	ck_assert(infos[0].current);
	MT_CK_OK(mt_debug_select_process(session.debug, infos[1].number));
	MT_CK_OK(mt_debug_go(session.debug, &go));
	ck_assert_int_eq(session_wait(&session), MT_STOP_BREAKPOINT);
	ck_assert_int_eq(session.stop.pid, infos[1].pid);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_int_eq(session.stop.pid, infos[1].pid);
	ck_assert_int_eq(mt_debug_pid(session.debug), infos[0].pid);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "parent=OK\n");
	session_end(&session);
}
END_TEST

/* ---- exec ---------------------------------------------------------------- */

static void through_exec(const char *how)
{
	struct session session;
	int number;

	SESSION_START(&session, "family", how);
	number = session_break(&session, "marker", NULL);
	catch (&session, MT_BREAK_CATCH_EXEC, "");
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXEC);
	ck_assert_int_eq(session.stop.tid, mt_debug_pid(session.debug));
	ck_assert_uint_eq(session.notices[MT_NOTICE_EXEC], 1);
	ck_assert_uint_eq(mt_debug_threads(session.debug, NULL, 0), 1);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_int_eq(session.stop.status, 5);
	ck_assert_uint_eq(session_info(&session, number).hits, 2);
	session_end(&session);
}

START_TEST(a_new_program_has_the_breakpoints)
{
	through_exec("exec");
}
END_TEST

START_TEST(another_thread_than_the_first_runs_a_new_program)
{
	through_exec("threadexec");
}
END_TEST

/* ---- Signals ------------------------------------------------------------- */

START_TEST(a_signal_stops_and_is_delivered_once)
{
	struct session session;

	SESSION_START(&session, "signals");
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(session_continue(&session), MT_STOP_SIGNAL);
		ck_assert_int_eq(session.stop.signal, i % 2 ? SIGUSR2 : SIGUSR1);
		ck_assert_int_eq(session.stop.siginfo.si_pid, mt_debug_pid(session.debug));
	}
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "usr1=5 usr2=5\n");
	session_end(&session);
}
END_TEST

START_TEST(a_signal_is_swallowed_or_replaced)
{
	struct session session;
	struct mt_go none = { .kind = MT_GO_CONTINUE, .signal = 0 };
	struct mt_go other = { .kind = MT_GO_CONTINUE, .signal = SIGUSR1 };

	SESSION_START(&session, "signals");
	ck_assert_int_eq(session_continue(&session), MT_STOP_SIGNAL);
	for (int i = 1; i < 10; i++) {
		MT_CK_OK(mt_debug_go(session.debug, i % 2 ? &none : &other));
		ck_assert_int_eq(session_wait(&session), MT_STOP_SIGNAL);
	}
	MT_CK_OK(mt_debug_go(session.debug, &other));
	ck_assert_int_eq(session_wait(&session), MT_STOP_EXITED);
	session_printed(&session, "usr1=5 usr2=0\n");
	session_end(&session);
}
END_TEST

/* The handlers are stepped into and out of, over breakpoints too. */
START_TEST(handlers_have_breakpoints)
{
	struct session session;
	const struct mt_signal_rule quiet = { .pass = true };
	unsigned stops = 0;

	SESSION_START(&session, "signals");
	mt_debug_set_signal_rule(session.debug, SIGUSR1, quiet);
	mt_debug_set_signal_rule(session.debug, SIGUSR2, quiet);
	session_break(&session, "on_usr1", NULL);
	session_break(&session, "between", NULL);
	while (session_continue(&session) == MT_STOP_BREAKPOINT) {
		stops++;
		for (int i = 0; i < 40; i++) {
			session_go(&session, MT_GO_STEP_INSN);
			if (session.stop.kind == MT_STOP_BREAKPOINT)
				stops++;
		}
	}
	ck_assert_int_eq(session.stop.kind, MT_STOP_EXITED);
	ck_assert_uint_eq(stops, 10);
	session_printed(&session, "usr1=5 usr2=5\n");
	session_end(&session);
}
END_TEST

START_TEST(a_system_call_is_caught)
{
	struct session session;
	const struct mt_signal_rule quiet = { .pass = true };

	SESSION_START(&session, "signals");
	mt_debug_set_signal_rule(session.debug, SIGUSR1, quiet);
	mt_debug_set_signal_rule(session.debug, SIGUSR2, quiet);
	catch (&session, MT_BREAK_CATCH_SYSCALL, "kill");
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(session_continue(&session), MT_STOP_SYSCALL_ENTRY);
		ck_assert_uint_eq(session.stop.syscall, SYS_kill);
		ck_assert_int_eq(session_continue(&session), MT_STOP_SYSCALL_RETURN);
		ck_assert_uint_eq(session.stop.syscall, SYS_kill);
		ck_assert_uint_eq(session_reg(&session, "rax"), 0);
	}
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "usr1=5 usr2=5\n");
	session_end(&session);
}
END_TEST

START_TEST(a_signal_is_caught)
{
	struct session session;

	SESSION_START(&session, "signals");
	catch (&session, MT_BREAK_CATCH_SIGNAL, "SIGUSR2");
	mt_debug_set_signal_rule(session.debug, SIGUSR1, (struct mt_signal_rule){ .pass = true });
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(session_continue(&session), MT_STOP_CAUGHT);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "usr1=5 usr2=5\n");
	session_end(&session);
}
END_TEST

MT_UNIT_MAIN("engine: family", the_parent_is_followed, the_child_is_followed, both_are_kept,
             a_new_program_has_the_breakpoints, another_thread_than_the_first_runs_a_new_program,
             a_signal_stops_and_is_delivered_once, a_signal_is_swallowed_or_replaced,
             handlers_have_breakpoints, a_system_call_is_caught, a_signal_is_caught)
