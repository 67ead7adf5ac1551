/* SPDX-License-Identifier: MIT */
/*
 * A program that stops all the time shares our processor meanwhile, and is never shown that: each
 * way of stopping, over engine-data/shared.c, which asks for its processors in every way.
 */
#include <sched.h>
#include <sys/sysinfo.h>

#include "engine_session.h"

/* So many of our stops must have found us on one processor. */
#define SHARED_STOPS 1000

enum way { BY_FILTER, BY_INT3, BY_REGISTER, BY_STEPS, WAYS };

static const char *const programs[] = { "shared", "shared-i386" };
#define PROGRAMS (sizeof(programs) / sizeof(*programs))

static size_t count_processors(void)
{
	cpu_set_t ours;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(ours), &ours), 0);
	return (size_t)CPU_COUNT(&ours);
}

static void arm(struct session *session, enum way way)
{
	const struct mt_break_spec watch = { .kind = MT_BREAK_WATCH,
		                             .location = "counter",
		                             .watch = { .access = MT_WATCH_WRITE } };
	const struct mt_break_spec hardware = { .kind = MT_BREAK_HARDWARE, .location = "called" };
	int number;

	switch (way) {
	case BY_FILTER:
		MT_CK_OK(mt_debug_break(session->debug, &watch, &number));
		break;
	case BY_REGISTER:
		MT_CK_OK(mt_debug_break(session->debug, &hardware, &number));
		break;
	default:
		session_break(session, "called", NULL);
		break;
	}
}

static void go(struct session *session, enum way way)
{
	const struct mt_go step = { .kind = MT_GO_STEP_INSN, .count = 40, .signal = -1 };
	const struct mt_go on = { .kind = MT_GO_CONTINUE, .signal = -1 };

	MT_CK_OK(mt_debug_go(session->debug, way == BY_STEPS ? &step : &on));
	session_wait(session);
}

static void start(struct session *session, int i, const char *mode)
{
	SESSION_START(session, programs[(size_t)i % PROGRAMS], mode);
	session_pass_signals(session);
	session_break(session, "called", NULL);
	ck_assert_int_eq(session_continue(session), MT_STOP_BREAKPOINT);
	MT_CK_OK(mt_debug_break_delete(session->debug, session->stop.numbers[0]));
	arm(session, (enum way)((size_t)i / PROGRAMS));
}

/* As long as it takes: on a busy machine quick stops are rare. */
static void run_until_shared(struct session *session, int i, size_t all)
{
	for (unsigned shared = 0; shared < SHARED_STOPS; shared += count_processors() < all)
		go(session, (enum way)((size_t)i / PROGRAMS));
}

static void say_enough(struct session *session)
{
	const uint64_t enough = 1;

	MT_CK_OK(mt_debug_write(session->debug, session_address(session, "enough"), &enough,
	                        sizeof(enough)));
}

/* It goes on to its end from there; how many processors there are. */
static size_t start_and_share(struct session *session, int i)
{
	size_t all = count_processors();

	start(session, i, "");
	run_until_shared(session, i, all);
	say_enough(session);
	return all;
}

START_TEST(the_program_is_not_shown_it)
{
	struct session session;
	size_t all = start_and_share(&session, _i);

	while (session.stop.kind != MT_STOP_EXITED)
		go(&session, (enum way)((size_t)_i / PROGRAMS));
	session_printed(&session, "kept\n");
	session_end(&session);
	ck_assert_uint_eq(count_processors(), all);
}
END_TEST

START_TEST(it_is_over_when_the_program_is_let_go)
{
	struct session session;
	size_t all = start_and_share(&session, _i);
	pid_t pid;

	while (count_processors() == all)
		go(&session, (enum way)((size_t)_i / PROGRAMS));
	pid = mt_debug_pid(session.debug);
	MT_CK_OK(mt_debug_detach(session.debug, 0));
	ck_assert_uint_eq(count_processors(), all);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	session_printed(&session, "kept\n");
	session_end(&session);
}
END_TEST

START_TEST(it_is_over_when_we_rest)
{
	size_t all = count_processors();
	cpu_set_t theirs;
	struct session session;

	start(&session, _i, "steady");
	run_until_shared(&session, _i, all);
	mt_debug_rest(session.debug);
	ck_assert_uint_eq(count_processors(), all);
	ck_assert_int_eq(sched_getaffinity(mt_debug_pid(session.debug), sizeof(theirs), &theirs),
	                 0);
	ck_assert_uint_eq((size_t)CPU_COUNT(&theirs), all);
	session_end(&session);
}
END_TEST

/* What outlives us is left alone. */
START_TEST(who_was_attached_to_does_not_share)
{
	static const char *const arguments[] = { "waits", NULL };
	size_t all = count_processors();
	struct session session;
	int input;
	pid_t pid;

	session_create(&session);
	pid = session_spawn(&session, &input, programs[0], arguments);
	while (mt_process_state(pid) != 'S')
		continue;
	MT_CK_OK(mt_debug_attach(session.debug, pid));
	session_pass_signals(&session);
	arm(&session, (enum way)_i);
	ck_assert_int_eq(write(input, "\n", 1), 1);
	for (unsigned i = 0; i < SHARED_STOPS; i++) {
		go(&session, (enum way)_i);
		ck_assert_uint_eq(count_processors(), all);
	}
	say_enough(&session);
	MT_CK_OK(mt_debug_detach(session.debug, 0));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	session_printed(&session, "kept\n");
	close(input);
	session_end(&session);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine: shared");
	TCase *tcase = tcase_create("shared");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 120);
	if (get_nprocs() > 1) {
		tcase_add_loop_test(tcase, the_program_is_not_shown_it, 0, WAYS * PROGRAMS);
		tcase_add_loop_test(tcase, it_is_over_when_the_program_is_let_go, 0,
		                    WAYS * PROGRAMS);
		tcase_add_loop_test(tcase, it_is_over_when_we_rest, 0, WAYS * PROGRAMS);
	}
	tcase_add_loop_test(tcase, who_was_attached_to_does_not_share, 0, WAYS);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
