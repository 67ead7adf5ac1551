/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>

#include "engine_session.h"
#include "target/process.h"

START_TEST(each_hit_stops_and_is_counted)
{
	struct session session;
	int number;

	SESSION_START(&session, "threads", "8", "50");
	number = session_break(&session, "hit", NULL);
	for (unsigned i = 1; i <= 400; i++) {
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
		ck_assert_uint_eq(session_info(&session, number).hits, i);
	}
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "hits=400\n");
	session_end(&session);
}
END_TEST

START_TEST(a_hundred_threads_are_counted)
{
	struct session session;
	int number;

	SESSION_START(&session, "threads", "100", "10000");
	number = session_break(&session, "hit", NULL);
	MT_CK_OK(mt_debug_break_ignore(session.debug, number, 10000000));
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, number).hits, 1000000);
	ck_assert_uint_eq(session.notices[MT_NOTICE_THREAD_NEW], 100);
	ck_assert_uint_eq(session.notices[MT_NOTICE_THREAD_GONE], 100);
	session_printed(&session, "hits=1000000\n");
	session_end(&session);
}
END_TEST

/* No thread passes unseen what another one is just leaving. */
START_TEST(threads_for_i386_are_counted)
{
	struct session session;
	int number;

	SESSION_START(&session, "threads-i386", "16", "500");
	number = session_break(&session, "hit", NULL);
	for (unsigned i = 1; i <= 100; i++) {
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
		ck_assert_uint_eq(session_info(&session, number).hits, i);
	}
	MT_CK_OK(mt_debug_break_ignore(session.debug, number, 1000000));
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, number).hits, 8000);
	session_printed(&session, "hits=8000\n");
	session_end(&session);
}
END_TEST

/* Others go on while one is stepped, and none passes the place unseen. */
START_TEST(a_stepping_thread_loses_no_hits)
{
	struct session session;
	unsigned stops = 0, stepped = 0;
	int number;

	SESSION_START(&session, "threads", "8", "100");
	number = session_break(&session, "hit", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	for (stops = 1; stops < 800;) {
		enum mt_stop_kind kind = session_go(&session, MT_GO_STEP_INSN);

		stops += kind == MT_STOP_BREAKPOINT;
		stepped += kind == MT_STOP_STEPPED;
		ck_assert_msg(kind == MT_STOP_BREAKPOINT || kind == MT_STOP_STEPPED,
		              "stop %d after %u hits", kind, stops);
		if (stepped % 5 == 0) {
			kind = session_continue(&session);
			stops += kind == MT_STOP_BREAKPOINT;
		}
		if (kind == MT_STOP_EXITED)
			break;
	}
	ck_assert_uint_eq(stops, 800);
	ck_assert_uint_eq(session_info(&session, number).hits, 800);
	while (session.stop.kind != MT_STOP_EXITED)
		session_continue(&session);
	session_printed(&session, "hits=800\n");
	session_end(&session);
}
END_TEST

/* What other threads had run into is forgotten with the breakpoint. */
START_TEST(a_breakpoint_goes_while_threads_are_at_it)
{
	struct session session;
	int number;

	SESSION_START(&session, "threads", "16", "300");
	for (int i = 0; i < 20; i++) {
		number = session_break(&session, "hit", NULL);
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
		MT_CK_OK(mt_debug_break_delete(session.debug, number));
	}
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "hits=4800\n");
	session_end(&session);
}
END_TEST

START_TEST(the_main_thread_ends_first)
{
	struct session session;
	int number;

	SESSION_START(&session, "threads", "4", "100", "leader");
	number = session_break(&session, "hit", NULL);
	for (int i = 0; i < 400; i++)
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(session_info(&session, number).hits, 400);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_int_eq(session.stop.status, 0);
	session_printed(&session, "hits=400\n");
	session_end(&session);
}
END_TEST

/* A breakpoint that is for one thread, and a condition on the thread. */
START_TEST(a_breakpoint_may_be_one_threads)
{
	struct session session;
	struct mt_break_spec spec = { .kind = MT_BREAK_SOFTWARE, .location = "hit", .thread = 3 };
	int number, stops = 0;

	SESSION_START(&session, "threads", "4", "100");
	MT_CK_OK(mt_debug_break(session.debug, &spec, &number));
	while (session_continue(&session) == MT_STOP_BREAKPOINT)
		stops++;
	ck_assert_int_eq(stops, 100);
	session_printed(&session, "hits=400\n");
	session_end(&session);
}
END_TEST

/* ---- Attaching ----------------------------------------------------------- */

/* Runs on its own, and waits for a byte from `input`, unless `how` says otherwise. */
static pid_t run(struct session *session, const char *threads, const char *rounds, const char *how,
                 int *input)
{
	const char *arguments[] = { threads, rounds, how, NULL };

	return session_spawn(session, input, "threads", arguments);
}

static void await_end(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Its threads sit in system calls, which must go on as if nothing had been. */
START_TEST(it_attaches_and_lets_go)
{
	struct session session;
	int number, input;
	pid_t pid;

	session_create(&session);
	pid = run(&session, "20", "1000", "wait", &input);
	session_await_threads(pid, 21);
	MT_CK_OK(mt_debug_attach(session.debug, pid));
	ck_assert_int_eq(mt_debug_last_stop(session.debug)->kind, MT_STOP_ATTACHED);
	ck_assert_uint_eq(mt_debug_threads(session.debug, NULL, 0), 21);
	number = session_break(&session, "hit", NULL);
	ck_assert_int_eq(write(input, "", 1), 1);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(session_info(&session, number).hits, 200);
	MT_CK_OK(mt_debug_detach(session.debug, 0));
	await_end(pid);
	session_printed(&session, "hits=20000\n");
	session_end(&session);
	close(input);
}
END_TEST

/* Job control: what was stopped when we came is so when we go. */
START_TEST(a_stopped_process_stays_stopped)
{
	struct session session;
	int status, input;
	pid_t pid;

	session_create(&session);
	pid = run(&session, "4", "1000", "wait", &input);
	session_await_threads(pid, 5);
	kill(pid, SIGSTOP);
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	MT_CK_OK(mt_debug_attach(session.debug, pid));
	ck_assert_int_eq(write(input, "", 1), 1);
	MT_CK_OK(mt_debug_detach(session.debug, 0));
	while (mt_process_state(pid) != 'T') /* it falls back into its stop by itself */
		continue;
	kill(pid, SIGCONT);
	await_end(pid);
	session_printed(&session, "hits=4000\n");
	session_end(&session);
	close(input);
}
END_TEST

/* Going on leaves it in its stop, until somebody continues it. */
START_TEST(a_stopped_process_goes_on_with_sigcont)
{
	const struct mt_go go = { .kind = MT_GO_CONTINUE, .signal = -1 };
	struct session session;
	int status, input;
	pid_t pid;

	session_create(&session);
	pid = run(&session, "4", "1000", "wait", &input);
	session_await_threads(pid, 5);
	kill(pid, SIGSTOP);
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	MT_CK_OK(mt_debug_attach(session.debug, pid));
	mt_debug_set_signal_rule(session.debug, SIGCONT, (struct mt_signal_rule){ .pass = true });
	ck_assert_int_eq(write(input, "", 1), 1);
	MT_CK_OK(mt_debug_go(session.debug, &go));
	MT_CK_OK(mt_debug_wait(session.debug, 50, &session.stop));
	ck_assert_int_eq(session.stop.kind, MT_STOP_NONE);
	mt_debug_interrupt(session.debug);
	ck_assert_int_eq(session_wait(&session), MT_STOP_INTERRUPTED);
	MT_CK_OK(mt_debug_go(session.debug, &go));
	kill(pid, SIGCONT);
	ck_assert_int_eq(session_wait(&session), MT_STOP_EXITED);
	session_printed(&session, "hits=4000\n");
	session_end(&session);
	close(input);
}
END_TEST

/* The main thread ended before we came: it cannot be traced, and shows no memory. */
START_TEST(it_attaches_behind_the_main_thread)
{
	struct session session;
	int number, input;
	pid_t pid;

	session_create(&session);
	pid = run(&session, "4", "1000000000", "leader", &input);
	while (mt_process_state(pid) != 'Z')
		continue;
	MT_CK_OK(mt_debug_attach(session.debug, pid));
	number = session_break(&session, "hit", NULL);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(session_info(&session, number).hits, 100);
	MT_CK_OK(mt_debug_detach(session.debug, 0));
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0); /* it lives */
	kill(pid, SIGKILL);
	session_end(&session);
	close(input);
}
END_TEST

START_TEST(it_is_killed_at_any_moment)
{
	struct session session;
	int number;

	for (int i = 0; i < 20; i++) {
		enum mt_stop_kind kind;

		SESSION_START(&session, "threads", "8", "100000");
		number = session_break(&session, "hit", NULL);
		if (i & 1)
			MT_CK_OK(mt_debug_break_ignore(session.debug, number, (uint64_t)i * 50));
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
		kill(mt_debug_pid(session.debug), SIGKILL);
		do
			kind = session_continue(&session);
		while (kind == MT_STOP_BREAKPOINT);
		ck_assert_int_eq(kind, MT_STOP_KILLED);
		ck_assert_int_eq(session.stop.signal, SIGKILL);
		session_end(&session);
	}
}
END_TEST

START_TEST(an_interrupt_stops_it)
{
	struct session session;
	const struct mt_go go = { .kind = MT_GO_CONTINUE, .signal = -1 };

	SESSION_START(&session, "threads", "8", "10000000");
	for (int i = 0; i < 50; i++) {
		MT_CK_OK(mt_debug_go(session.debug, &go));
		mt_debug_interrupt(session.debug);
		ck_assert_int_eq(session_wait(&session), MT_STOP_INTERRUPTED);
	}
	MT_CK_OK(mt_debug_kill(session.debug));
	ck_assert_int_eq(mt_debug_state(session.debug), MT_PROCESS_NONE);
	session_end(&session);
}
END_TEST

MT_UNIT_MAIN("engine: threads", each_hit_stops_and_is_counted, threads_for_i386_are_counted,
             a_hundred_threads_are_counted, a_stepping_thread_loses_no_hits,
             a_breakpoint_goes_while_threads_are_at_it, the_main_thread_ends_first,
             a_breakpoint_may_be_one_threads, it_attaches_and_lets_go,
             a_stopped_process_stays_stopped, a_stopped_process_goes_on_with_sigcont,
             it_attaches_behind_the_main_thread, it_is_killed_at_any_moment, an_interrupt_stops_it)
