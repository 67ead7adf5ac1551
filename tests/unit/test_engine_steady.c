/* SPDX-License-Identifier: MIT */
/*
 * Come and gone 500 times: engine-data/steady.c must not notice. It checks its registers, system
 * calls, signals, timers, threads, and at the end its code and mappings.
 */
#include <signal.h>

#include "engine_session.h"

#define VISITS 500

struct visited {
	const char *name;
	struct session session;
	struct mt_image *image; /* keeps open what each visit reads of: symbol/image.h */
	pid_t pid;
	int input;
};

/* Each test is run with the programs of both machines. */
static const char *const steady[] = { "steady", "steady-i386" };
static const char *const births[] = { "births", "births-i386" };

/* A thread of its own and one more are always there, the rest comes and goes. */
static void begin(struct visited *visited, const char *name)
{
	static const char *const none[] = { NULL };

	visited->name = name;
	session_create(&visited->session);
	visited->pid = session_spawn(&visited->session, &visited->input, name, none);
	session_await_threads(visited->pid, 8);
	MT_CK_OK(mt_image_create(visited->pid, &visited->image));
}

/* It tells what it has found. */
static void end(struct visited *visited)
{
	char expected[32];
	int status;

	close(visited->input);
	ck_assert_int_eq(waitpid(visited->pid, &status, 0), visited->pid);
	mt_image_destroy(visited->image);
	ck_assert_msg(!WIFSIGNALED(status), "it was killed by signal %d", WTERMSIG(status));
	snprintf(expected, sizeof(expected), "%.*s\nok\n", (int)strcspn(visited->name, "-"),
	         visited->name);
	session_printed(&visited->session, expected);
	session_end(&visited->session);
}

static void attach(struct visited *visited)
{
	struct mt_error *error = mt_debug_attach(visited->session.debug, visited->pid);
	int status = 0;

	if (error)
		waitpid(visited->pid, &status, 0); /* what it has died of says more */
	ck_assert_msg(!error, "%s: status 0x%x", mt_error_text(error), status);
	session_pass_signals(&visited->session);
}

static void detach(struct visited *visited)
{
	MT_CK_OK(mt_debug_detach(visited->session.debug, 0));
}

START_TEST(it_is_looked_at_500_times)
{
	struct visited visited;
	struct mt_frame frame;

	begin(&visited, steady[_i]);
	for (int i = 0; i < VISITS; i++) {
		attach(&visited);
		ck_assert_uint_eq(mt_debug_frames(visited.session.debug, 0, &frame, 1), 1);
		detach(&visited);
	}
	end(&visited);
}
END_TEST

/* Breakpoints come and go with us; threads are hit, are in slots, or on their way out of them. */
START_TEST(it_is_stopped_and_let_go_500_times)
{
	struct visited visited;
	struct session *session = &visited.session;
	int number = 0;

	begin(&visited, steady[_i]);
	for (int i = 0; i < VISITS; i++) {
		attach(&visited);
		if (!number)
			number = session_break_entry(session, "touched", NULL);
		for (int j = 0; j < i % 4; j++)
			session_go(session, j % 2 ? MT_GO_STEP_INSN : MT_GO_CONTINUE);
		detach(&visited);
	}
	MT_CK_OK(mt_debug_break_delete(session->debug, number));
	end(&visited);
}
END_TEST

/* All threads pass it, and nobody stops; then it is interrupted anywhere. */
START_TEST(it_is_interrupted_anywhere_and_let_go)
{
	const struct mt_go go = { .kind = MT_GO_CONTINUE, .signal = -1 };
	struct visited visited;
	struct session *session = &visited.session;

	begin(&visited, steady[_i]);
	for (int i = 0; i < 100; i++) {
		int number;

		attach(&visited);
		number = session_break_entry(session, "touched", NULL);
		MT_CK_OK(mt_debug_break_ignore(session->debug, number, 1000000));
		MT_CK_OK(mt_debug_go(session->debug, &go));
		while (session_info(session, number).hits < 20)
			MT_CK_OK(mt_debug_wait(session->debug, 0, &session->stop));
		mt_debug_interrupt(session->debug);
		ck_assert_int_eq(session_wait(session), MT_STOP_INTERRUPTED);
		if (i % 2)
			MT_CK_OK(mt_debug_break_delete(session->debug, number));
		detach(&visited);
	}
	end(&visited);
}
END_TEST

START_TEST(hardware_breakpoints_leave_nothing)
{
	const struct mt_break_spec spec = { .kind = MT_BREAK_HARDWARE, .location = "touched" };
	struct visited visited;
	struct session *session = &visited.session;
	int number;

	begin(&visited, steady[_i]);
	for (int i = 0; i < 100; i++) {
		attach(&visited);
		MT_CK_OK(mt_debug_break(session->debug, &spec, &number));
		for (int j = 0; j < i % 4; j++)
			ck_assert_int_eq(session_continue(session), MT_STOP_BREAKPOINT);
		if (i % 2)
			MT_CK_OK(mt_debug_break_delete(session->debug, number));
		detach(&visited);
	}
	end(&visited);
}
END_TEST

/* System calls and threads that are caught, wherever they are when we leave. */
START_TEST(catchpoints_leave_nothing)
{
	const struct mt_break_spec calls = { .kind = MT_BREAK_CATCH_SYSCALL, .location = "read" };
	struct visited visited;
	struct session *session = &visited.session;
	int number;

	begin(&visited, steady[_i]);
	for (int i = 0; i < 100; i++) {
		attach(&visited);
		MT_CK_OK(mt_debug_break(session->debug, &calls, &number));
		for (int j = 0; j < i % 5; j++) {
			session_continue(session);
			ck_assert(session->stop.kind == MT_STOP_SYSCALL_ENTRY ||
			          session->stop.kind == MT_STOP_SYSCALL_RETURN);
		}
		MT_CK_OK(mt_debug_break_delete(session->debug, number));
		detach(&visited);
	}
	end(&visited);
}
END_TEST

/* One that is on its way when its parent is seized is nobody's yet. */
static void check_all_are_ours(pid_t pid)
{
	struct mt_tids tids = { 0 };

	MT_CK_OK(mt_process_threads(pid, &tids));
	for (size_t i = 0; i < tids.list.len; i++)
		ck_assert_msg(mt_process_tracer(tids.list.data[i]) == getpid() ||
		                  mt_process_has_ended(tids.list.data[i]),
		              "thread %d is not traced", tids.list.data[i]);
	mt_tids_deinit(&tids);
}

START_TEST(no_thread_is_missed_that_is_born_meanwhile)
{
	struct visited visited;

	begin(&visited, births[_i]);
	for (int i = 0; i < VISITS; i++) {
		attach(&visited);
		check_all_are_ours(visited.pid);
		detach(&visited);
	}
	end(&visited);
}
END_TEST

MT_UNIT_MAIN_EACH("engine: steady", 2, it_is_looked_at_500_times,
                  it_is_stopped_and_let_go_500_times, it_is_interrupted_anywhere_and_let_go,
                  hardware_breakpoints_leave_nothing, catchpoints_leave_nothing,
                  no_thread_is_missed_that_is_born_meanwhile)
