/* SPDX-License-Identifier: MIT */
/* Signals in numbers, the program's own traps, and job control. */
#include <poll.h>
#include <sched.h>
#include <signal.h>

#include "engine_session.h"
#include "target/process.h"

#define COUNT "400"
#define PRINTED "values=400 wrong=0 usr1=400\n"

/* ---- Each once, in its order --------------------------------------------- */

START_TEST(signals_come_once_while_it_is_stepped)
{
	struct session session;

	SESSION_START(&session, "signalled", COUNT);
	session_pass_signals(&session);
	session_break(&session, "spin", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	for (int i = 0; i < 3000; i++) {
		enum mt_stop_kind kind = session_go(&session, MT_GO_STEP_INSN);

		ck_assert_msg(kind == MT_STOP_STEPPED || kind == MT_STOP_BREAKPOINT,
		              "step %d: stop %d", i, kind);
	}
	MT_CK_OK(mt_debug_break_ignore(session.debug, 1, 1000000000));
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, PRINTED);
	session_end(&session);
}
END_TEST

/* Lines are stepped, with breakpoints inside of what interrupts them. */
START_TEST(signals_come_once_while_lines_are_stepped)
{
	struct session session;
	unsigned handlers = 0;
	int number;

	SESSION_START(&session, "signalled", "100");
	session_pass_signals(&session);
	number = session_break(&session, "on_value", NULL);
	handlers += session_continue(&session) == MT_STOP_BREAKPOINT;
	for (int i = 0; i < 400 && session.stop.kind != MT_STOP_EXITED; i++) {
		session_go(&session, i % 2 ? MT_GO_NEXT : MT_GO_STEP);
		handlers += session.stop.kind == MT_STOP_BREAKPOINT;
	}
	while (session.stop.kind != MT_STOP_EXITED)
		handlers += session_continue(&session) == MT_STOP_BREAKPOINT;
	ck_assert_uint_eq(session_info(&session, number).hits, 100);
	ck_assert_uint_eq(handlers, 100);
	session_printed(&session, "values=100 wrong=0 usr1=100\n");
	session_end(&session);
}
END_TEST

/* Told with the value that came along, before the program sees it. */
START_TEST(each_queued_signal_stops_it)
{
	struct session session;
	int values = 0, others = 0;

	SESSION_START(&session, "signalled", COUNT);
	while (session_continue(&session) == MT_STOP_SIGNAL) {
		if (session.stop.signal != SIGRTMIN + 1) {
			ck_assert_int_eq(session.stop.signal, SIGUSR1);
			others++;
			continue;
		}
		ck_assert_int_eq(session.stop.siginfo.si_value.sival_int, values);
		values++;
	}
	ck_assert_int_eq(session.stop.kind, MT_STOP_EXITED);
	ck_assert_int_eq(values, 400);
	ck_assert_int_eq(others, 400);
	session_printed(&session, PRINTED);
	session_end(&session);
}
END_TEST

/* Stopped for each, then stepped: into the handler, or onto the next instruction. */
START_TEST(steps_deliver_what_stopped_it)
{
	struct session session;

	SESSION_START(&session, "signalled", "100");
	while (session.stop.kind != MT_STOP_EXITED) {
		session_go(&session,
		           session.stop.kind == MT_STOP_SIGNAL ? MT_GO_STEP_INSN : MT_GO_CONTINUE);
		ck_assert_int_ne(session.stop.kind, MT_STOP_KILLED);
	}
	session_printed(&session, "values=100 wrong=0 usr1=100\n");
	session_end(&session);
}
END_TEST

START_TEST(a_signal_is_told_and_not_stopped_for)
{
	const struct mt_signal_rule told = { .print = true, .pass = true };
	struct session session;

	SESSION_START(&session, "signalled", COUNT);
	session_pass_signals(&session);
	mt_debug_set_signal_rule(session.debug, SIGUSR1, told);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session.notices[MT_NOTICE_SIGNAL], 400);
	session_printed(&session, PRINTED);
	session_end(&session);
}
END_TEST

/* ---- The program's own traps --------------------------------------------- */

START_TEST(its_own_traps_are_told_and_reach_it)
{
	static const struct {
		int signal;
		const char *note;
	} wanted[] = {
		{ SIGSEGV, NULL }, { SIGILL, "ud2" }, { SIGTRAP, "its own int3" }, { SIGFPE, NULL }
	};
	struct session session;

	SESSION_START(&session, "insns");
	for (int i = 0; i < 20 * 4; i++) {
		ck_assert_int_eq(session_continue(&session), MT_STOP_SIGNAL);
		ck_assert_int_eq(session.stop.signal, wanted[i % 4].signal);
		if (wanted[i % 4].note)
			ck_assert_str_eq(session.stop.signal_note, wanted[i % 4].note);
		else
			ck_assert_ptr_null(session.stop.signal_note);
	}
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_int_eq(session.stop.status, 0);
	session_end(&session);
}
END_TEST

/* What it does with SIGTRAP stays as it is while it blocks it, and is stepped. */
static void step_through_blocks(const char *program)
{
	struct session session;
	int number;

	SESSION_START(&session, program);
	session_pass_signals(&session);
	number = session_break(&session, "begin", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	while (session_info(&session, number).hits < 20) {
		session_go(&session, MT_GO_STEP_INSN);
		ck_assert(session.stop.kind == MT_STOP_STEPPED ||
		          session.stop.kind == MT_STOP_BREAKPOINT);
	}
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "traps=40 usr1=20 work=60\n");
	session_end(&session);
}

START_TEST(a_blocked_sigtrap_outlasts_steps)
{
	step_through_blocks("masked");
}
END_TEST

START_TEST(a_blocked_sigtrap_outlasts_steps_of_i386)
{
	step_through_blocks("masked-i386");
}
END_TEST

/* ---- Job control --------------------------------------------------------- */

/*
 * A shell, so to speak: the program's parent, which is told of its stops as if nobody debugged it.
 * Our own waitpid() would take the stops that the session waits for.
 */
struct shell {
	pid_t pid, program;
	int input; /* of the program */
	int tells; /* the program's number, then what waitpid() says of it */
};

static void be_shell(const struct session *session, int input, int tells)
{
	static const char *const arguments[] = { "4", "1000", "wait", NULL };
	pid_t program = fork();
	int said = (int)program;

	if (program == 0)
		session_become(session, input, "threads", arguments);
	while (write(tells, &said, sizeof(said)) == sizeof(said))
		if (waitpid(program, &said, WUNTRACED | WCONTINUED) != program)
			break;
	_exit(0);
}

static void shell_start(const struct session *session, struct shell *shell)
{
	int input[2], tells[2];

	ck_assert_int_eq(pipe2(input, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(tells, O_CLOEXEC), 0);
	shell->pid = fork();
	if (shell->pid == 0) {
		close(input[1]);
		be_shell(session, input[0], tells[1]);
	}
	close(input[0]);
	close(tells[1]);
	shell->input = input[1];
	shell->tells = tells[0];
	ck_assert_int_eq(read(shell->tells, &shell->program, sizeof(pid_t)), sizeof(pid_t));
	session_await_threads(shell->program, 5);
}

static int shell_tells(const struct shell *shell)
{
	int status;

	ck_assert_int_eq(read(shell->tells, &status, sizeof(status)), sizeof(status));
	return status;
}

/* What the shell is told next; meanwhile the session, which must not stop, does its work. */
static int shell_told(struct session *session, const struct shell *shell)
{
	struct pollfd fds[] = { { .fd = shell->tells, .events = POLLIN },
		                { .fd = mt_debug_fd(session->debug), .events = POLLIN } };

	while (poll(fds, 2, WAIT_MS) > 0 && !fds[0].revents) {
		MT_CK_OK(mt_debug_wait(session->debug, 0, &session->stop));
		ck_assert_int_eq(session->stop.kind, MT_STOP_NONE);
	}
	return shell_tells(shell);
}

/* It begins its work, and comes to its end as it would without us. */
static void shell_end(struct session *session, const struct shell *shell)
{
	int status;

	close(shell->tells);
	close(shell->input);
	ck_assert_int_eq(waitpid(shell->pid, &status, 0), shell->pid);
	session_printed(session, "hits=4000\n");
	session_end(session);
}

static void attach_and_go(struct session *session, const struct shell *shell)
{
	const struct mt_go go = { .kind = MT_GO_CONTINUE, .signal = -1 };

	MT_CK_OK(mt_debug_attach(session->debug, shell->program));
	session_pass_signals(session);
	MT_CK_OK(mt_debug_go(session->debug, &go));
}

static void interrupt(struct session *session)
{
	mt_debug_interrupt(session->debug);
	ck_assert_int_eq(session_wait(session), MT_STOP_INTERRUPTED);
}

/* A stop that passes keeps all its threads, also when we stop and go on, until SIGCONT. */
START_TEST(a_group_stop_lasts_until_sigcont)
{
	const struct mt_go go = { .kind = MT_GO_CONTINUE, .signal = -1 };
	struct session session;
	struct shell shell;
	int status, number;

	session_create(&session);
	shell_start(&session, &shell);
	attach_and_go(&session, &shell);
	for (int i = 0; i < 10; i++) {
		kill(shell.program, i % 2 ? SIGSTOP : SIGTSTP);
		status = shell_told(&session, &shell);
		ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == (i % 2 ? SIGSTOP : SIGTSTP));
		interrupt(&session);
		MT_CK_OK(mt_debug_go(session.debug, &go));
		kill(shell.program, SIGCONT);
		ck_assert(WIFCONTINUED(shell_told(&session, &shell)));
	}
	interrupt(&session);
	number = session_break(&session, "hit", NULL);
	MT_CK_OK(mt_debug_break_ignore(session.debug, number, 1000000));
	ck_assert_int_eq(write(shell.input, "", 1), 1);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, number).hits, 4000);
	shell_end(&session, &shell);
}
END_TEST

/* Shown, and not passed on: it has not been stopped at all. */
START_TEST(a_stop_may_be_dropped)
{
	const struct mt_go drop = { .kind = MT_GO_CONTINUE, .signal = 0 };
	struct session session;
	struct shell shell;

	session_create(&session);
	shell_start(&session, &shell);
	attach_and_go(&session, &shell);
	interrupt(&session);
	for (int i = 0; i < 10; i++) {
		mt_debug_set_signal_rule(session.debug, SIGSTOP,
		                         (struct mt_signal_rule){ .stop = true, .pass = true });
		MT_CK_OK(mt_debug_go(session.debug, &drop));
		kill(shell.program, SIGSTOP);
		ck_assert_int_eq(session_wait(&session), MT_STOP_SIGNAL);
		ck_assert_int_eq(session.stop.signal, SIGSTOP);
	}
	ck_assert_int_eq(write(shell.input, "", 1), 1);
	MT_CK_OK(mt_debug_go(session.debug, &drop));
	ck_assert_int_eq(session_wait(&session), MT_STOP_EXITED);
	ck_assert(WIFEXITED(shell_tells(&shell)));
	shell_end(&session, &shell);
}
END_TEST

/* Let go in its stop, it stays in it; SIGCONT is enough then. */
START_TEST(a_group_stop_outlasts_us)
{
	struct session session;
	struct shell shell;
	int status;

	session_create(&session);
	shell_start(&session, &shell);
	attach_and_go(&session, &shell);
	kill(shell.program, SIGTSTP);
	ck_assert(WIFSTOPPED(shell_told(&session, &shell)));
	interrupt(&session);
	MT_CK_OK(mt_debug_detach(session.debug, 0));
	while (mt_process_state(shell.program) != 'T')
		sched_yield();
	ck_assert_int_eq(write(shell.input, "", 1), 1);
	kill(shell.program, SIGCONT);
	do /* what comes in between may be told or, when the next has come already, not */
		status = shell_tells(&shell);
	while (WIFSTOPPED(status) || WIFCONTINUED(status));
	ck_assert(WIFEXITED(status));
	shell_end(&session, &shell);
}
END_TEST

MT_UNIT_MAIN("engine: signals", signals_come_once_while_it_is_stepped,
             signals_come_once_while_lines_are_stepped, each_queued_signal_stops_it,
             steps_deliver_what_stopped_it, a_signal_is_told_and_not_stopped_for,
             its_own_traps_are_told_and_reach_it, a_blocked_sigtrap_outlasts_steps,
             a_blocked_sigtrap_outlasts_steps_of_i386, a_group_stop_lasts_until_sigcont,
             a_stop_may_be_dropped, a_group_stop_outlasts_us)
