/* SPDX-License-Identifier: MIT */
/*
 * A program that is killed at any moment, by another process, while each kind of call is made:
 * every call may fail, none may hang, and in the end the session has told of the end.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include "engine_session.h"
#include "symbol/image.h"

#define RUNS 20
#define CALL 16 /* of these parts is a call, for the killer */

/* Counts on while the test works: it is how the killer knows that time goes by. */
struct killer {
	unsigned *calls;
	pid_t pid;
};

static void killer_start(struct killer *killer, pid_t victim, unsigned after)
{
	*killer->calls = 0;
	killer->pid = fork();
	if (killer->pid == 0) {
		/* So many calls, and then some part of one. */
		while (__atomic_load_n(killer->calls, __ATOMIC_RELAXED) < after / CALL)
			sched_yield();
		for (volatile unsigned i = 0; i < after % CALL * 2000; i++)
			continue;
		kill(victim, SIGKILL);
		_exit(0);
	}
}

static bool has_ended(const struct session *session)
{
	return session->stop.kind == MT_STOP_KILLED || session->stop.kind == MT_STOP_EXITED;
}

/* An error is an answer. */
static void may_fail(struct mt_error *error)
{
	mt_error_free(error);
}

static void go(struct session *session, enum mt_go_kind kind)
{
	const struct mt_go how = { .kind = kind, .signal = -1 };
	struct mt_error *error = mt_debug_go(session->debug, &how);

	if (!error) {
		MT_CK_OK(mt_debug_wait(session->debug, WAIT_MS, &session->stop));
		ck_assert_int_ne(session->stop.kind, MT_STOP_NONE);
	}
	mt_error_free(error);
}

/* ---- The calls ----------------------------------------------------------- */

static void asks_for_registers(struct session *session)
{
	uint8_t value[64] = { 0 };

	may_fail(mt_debug_reg_read(session->debug, "rax", value, 8));
	may_fail(mt_debug_reg_write(session->debug, "rax", value, 8));
	may_fail(mt_debug_reg_read(session->debug, "xmm0", value, 16));
	may_fail(mt_debug_reg_write(session->debug, "xmm0", value, 16));
}

static void asks_for_memory(struct session *session)
{
	uint64_t value = 0, rsp = 0;

	may_fail(mt_debug_reg_read(session->debug, "rsp", &rsp, sizeof(rsp)));
	may_fail(mt_debug_read(session->debug, rsp, &value, sizeof(value)));
	may_fail(mt_debug_write(session->debug, rsp, &value, sizeof(value)));
}

static void asks_for_frames(struct session *session)
{
	struct mt_frame frames[8];
	struct mt_thread_info infos[16];

	mt_debug_frames(session->debug, 0, frames, 8);
	if (mt_debug_threads(session->debug, infos, 16) > 1)
		may_fail(mt_debug_select_thread(session->debug, infos[1].number));
	mt_debug_frames(session->debug, 0, frames, 8);
}

static void set(struct session *session, enum mt_break_kind kind, const char *where)
{
	const struct mt_break_spec spec = { .kind = kind, .location = where };
	struct mt_error *error;
	int number;

	error = mt_debug_break(session->debug, &spec, &number);
	if (!error)
		may_fail(mt_debug_break_delete(session->debug, number));
	mt_error_free(error);
}

static void sets_breakpoints(struct session *session)
{
	set(session, MT_BREAK_SOFTWARE, "work");
	set(session, MT_BREAK_HARDWARE, "work");
	set(session, MT_BREAK_CATCH_SYSCALL, "");
}

static void steps(struct session *session)
{
	go(session, MT_GO_STEP_INSN);
}

static void steps_lines(struct session *session)
{
	go(session, MT_GO_STEP);
	go(session, MT_GO_NEXT);
}

static void finishes(struct session *session)
{
	go(session, MT_GO_CONTINUE);
	go(session, MT_GO_FINISH);
}

static void continues(struct session *session)
{
	go(session, MT_GO_CONTINUE);
}

static void interrupts(struct session *session)
{
	mt_debug_interrupt(session->debug);
	go(session, MT_GO_CONTINUE);
}

static void writes_core(struct session *session)
{
	char path[64];

	snprintf(path, sizeof(path), "%s.core", session->output);
	may_fail(mt_debug_write_core(session->debug, path));
	unlink(path);
}

static void comes_and_goes(struct session *session)
{
	pid_t pid = mt_debug_pid(session->debug);

	may_fail(mt_debug_detach(session->debug, 0));
	may_fail(mt_debug_attach(session->debug, pid));
	if (!mt_debug_pid(session->debug))
		session->stop.kind = MT_STOP_KILLED;
}

static void kills(struct session *session)
{
	may_fail(mt_debug_kill(session->debug));
	session->stop.kind = MT_STOP_KILLED;
}

static void (*const calls[])(struct session *) = {
	asks_for_registers, asks_for_memory, asks_for_frames, sets_breakpoints, steps,
	steps_lines,        finishes,        continues,       interrupts,       writes_core,
	comes_and_goes,     kills,
};
#define CALLS ((int)(sizeof(calls) / sizeof(*calls)))

/* ---- One of them, again and again ---------------------------------------- */

static void run(struct killer *killer, int call, unsigned after)
{
	struct session session;

	SESSION_START(&session, "threads", "4", "1000000");
	session_break(&session, "hit", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	killer_start(killer, mt_debug_pid(session.debug), after);
	for (unsigned i = 0; !has_ended(&session); i++) {
		calls[call](&session);
		__atomic_fetch_add(killer->calls, 1, __ATOMIC_RELAXED);
		/* What only asks does not hear of the end; going on does. */
		if (i > after / CALL)
			go(&session, MT_GO_CONTINUE);
	}
	ck_assert_uint_eq(mt_debug_processes(session.debug, NULL, 0), 0);
	__atomic_store_n(killer->calls, UINT_MAX, __ATOMIC_RELAXED); /* it may still wait */
	session_end(&session);
}

START_TEST(it_is_killed_during_a_call)
{
	struct mt_image *libraries; /* ours and the program's: open, they are read but once */
	struct killer killer = { .calls = mmap(NULL, sizeof(unsigned), PROT_READ | PROT_WRITE,
		                               MAP_SHARED | MAP_ANONYMOUS, -1, 0) };

	ck_assert_ptr_ne(killer.calls, MAP_FAILED);
	MT_CK_OK(mt_image_create(getpid(), &libraries));
	for (unsigned i = 0; i < RUNS; i++)
		run(&killer, _i, i * 3);
	mt_image_destroy(libraries);
	munmap(killer.calls, sizeof(unsigned));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine: killed");
	TCase *tcase = tcase_create("killed");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, it_is_killed_during_a_call, 0, CALLS);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
