/* SPDX-License-Identifier: MIT */
/*
 * Watchpoints over engine-data/watched.c: many threads at once by every mechanism, each hit counted
 * against what the program knows of itself; and what is left of them when it is let go.
 */
#include <inttypes.h>
#include <sys/wait.h>

#include "engine_session.h"

enum mechanism { BY_REGISTERS, BY_STEPPING, BY_FILTER, MECHANISMS };

static const enum mt_break_way ways[] = { MT_WAY_REGISTER, MT_WAY_STEPPING,
	                                  MT_WAY_REGISTER_KERNEL };

#define MAX_HITS 4096
#define MAX_THREADS 64

struct told {
	uint64_t before, now;
	pid_t tid;
};

struct crowd {
	struct session session;
	int number;
	size_t hits;
	struct told told[MAX_HITS];
};

static int watch(struct session *session, enum mechanism by, enum mt_watch_access access)
{
	const struct mt_break_spec spec = {
		.kind = MT_BREAK_WATCH,
		.location = "counter",
		/* It holds, and the kernel can tell. */
		.condition = by == BY_FILTER ? "counter != 0xffffffffffffff" : NULL,
		.watch = { .access = access, .by_stepping = by == BY_STEPPING },
	};
	int number;

	MT_CK_OK(mt_debug_break(session->debug, &spec, &number));
	ck_assert_int_eq(session_info(session, number).way, ways[by]);
	return number;
}

static void keep(struct crowd *crowd)
{
	const struct mt_stop *stop = &crowd->session.stop;
	struct told *told = &crowd->told[crowd->hits++];

	ck_assert_uint_lt(crowd->hits, MAX_HITS);
	ck_assert_uint_eq(stop->hit_count, 1);
	told->tid = stop->tid;
	memcpy(&told->before, stop->hits[0].before.bytes, 8);
	memcpy(&told->now, stop->hits[0].now.bytes, 8);
}

/* From begin() to over(), where the watchpoint is still there. */
static void run(struct crowd *crowd, enum mechanism by, enum mt_watch_access access,
                const char *mode, const char *threads, const char *rounds)
{
	struct session *session = &crowd->session;

	crowd->hits = 0;
	SESSION_START(session, "watched", mode, threads, rounds);
	session_break_entry(session, "begin", NULL);
	session_break_entry(session, "over", NULL);
	ck_assert_int_eq(session_continue(session), MT_STOP_BREAKPOINT);
	crowd->number = watch(session, by, access);
	while (session_continue(session) == MT_STOP_WATCH)
		keep(crowd);
	ck_assert_int_eq(session->stop.kind, MT_STOP_BREAKPOINT);
}

static void end(struct crowd *crowd, const char *printed)
{
	ck_assert_int_eq(session_continue(&crowd->session), MT_STOP_EXITED);
	session_printed(&crowd->session, printed);
	session_end(&crowd->session);
}

/* Each thread must have that many. */
static void expect_per_thread(const struct crowd *crowd, size_t threads, size_t rounds)
{
	pid_t tids[MAX_THREADS];
	size_t counts[MAX_THREADS] = { 0 }, known = 0;

	for (size_t i = 0; i < crowd->hits; i++) {
		size_t at = 0;

		while (at < known && tids[at] != crowd->told[i].tid)
			at++;
		if (at == known)
			tids[known++] = crowd->told[i].tid;
		ck_assert_uint_le(known, threads);
		counts[at]++;
	}
	ck_assert_uint_eq(known, threads);
	for (size_t i = 0; i < known; i++)
		ck_assert_uint_eq(counts[i], rounds);
}

START_TEST(fifty_threads_are_all_told)
{
	static struct crowd crowd;

	run(&crowd, (enum mechanism)_i, MT_WATCH_CHANGE, "locked", "50", "8");
	ck_assert_uint_eq(crowd.hits, 400);
	for (size_t i = 0; i < crowd.hits; i++) {
		ck_assert_uint_eq(crowd.told[i].before, i);
		ck_assert_uint_eq(crowd.told[i].now, i + 1);
	}
	expect_per_thread(&crowd, 50, 8);
	ck_assert_uint_eq(session_info(&crowd.session, crowd.number).unchanged, 0);
	end(&crowd, "190\n");
}
END_TEST

/* Two threads: what one has done may be told with what the other has, and is counted then. */
START_TEST(racing_changes_are_told_or_counted)
{
	static struct crowd crowd;
	uint64_t last = 0;

	run(&crowd, (enum mechanism)_i, MT_WATCH_CHANGE, "racing", "2", "200");
	for (size_t i = 0; i < crowd.hits; i++) {
		ck_assert_uint_eq(crowd.told[i].before, last);
		ck_assert_uint_ne(crowd.told[i].now, last);
		last = crowd.told[i].now;
	}
	ck_assert_uint_eq(last, UINT64_C(200) << 16 | UINT64_C(200) << 32);
	ck_assert_uint_eq(crowd.hits + session_info(&crowd.session, crowd.number).unchanged, 400);
	end(&crowd, "c800c80000\n");
}
END_TEST

START_TEST(racing_writes_are_all_told)
{
	static struct crowd crowd;

	run(&crowd, (enum mechanism)_i, MT_WATCH_WRITE, "racing", "4", "100");
	expect_per_thread(&crowd, 4, 100);
	end(&crowd, "64006400640064\n");
}
END_TEST

/* Each store is told with the value that it has stored. */
START_TEST(racing_stores_are_told_with_their_own_values)
{
	static struct crowd crowd;
	uint64_t next[5] = { 0, 1000, 2000, 3000, 4000 };

	run(&crowd, (enum mechanism)_i, MT_WATCH_WRITE, "storing", "4", "50");
	ck_assert_uint_eq(crowd.hits, 200);
	for (size_t i = 0; i < crowd.hits; i++) {
		uint64_t now = crowd.told[i].now;

		ck_assert_uint_lt(now / 1000, 5);
		ck_assert_uint_eq(now, next[now / 1000]++);
	}
	session_end(&crowd.session);
}
END_TEST

/* ---- How far it is --------------------------------------------------------- */

/* Some seconds of steps: it is told how many there were, and an interrupt is answered. */
START_TEST(steps_are_told_and_can_be_interrupted)
{
	const struct mt_go go = { .kind = MT_GO_CONTINUE, .signal = -1 };
	struct session session;

	SESSION_START(&session, "watched", "racing", _i ? "4" : "1", "100000000");
	session_break_entry(&session, "begin", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	MT_CK_OK(mt_debug_break_enable(session.debug, watch(&session, BY_STEPPING, MT_WATCH_CHANGE),
	                               false));
	MT_CK_OK(mt_debug_break(session.debug,
	                        &(struct mt_break_spec){ .kind = MT_BREAK_WATCH,
	                                                 .location = "neighbour",
	                                                 .watch = { .by_stepping = true } },
	                        &(int){ 0 }));
	MT_CK_OK(mt_debug_go(session.debug, &go));
	while (!session.notices[MT_NOTICE_STEPPING]) {
		MT_CK_OK(mt_debug_wait(session.debug, 100, &session.stop));
		ck_assert_int_eq(session.stop.kind, MT_STOP_NONE);
	}
	mt_debug_interrupt(session.debug);
	ck_assert_int_eq(session_wait(&session), MT_STOP_INTERRUPTED);
	session_end(&session);
}
END_TEST

/* ---- Frames -------------------------------------------------------------- */

START_TEST(an_exception_ends_a_local)
{
	const struct mt_break_spec spec = { .kind = MT_BREAK_WATCH,
		                            .location = "held",
		                            .watch = { .by_stepping = _i == BY_STEPPING } };
	struct session session;
	int number, value = 0;

	SESSION_START(&session, "throws");
	session_break(&session, "pass_on", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	MT_CK_OK(mt_debug_break(session.debug, &spec, &number));
	while (session_continue(&session) == MT_STOP_WATCH)
		memcpy(&value, session.stop.hits[0].now.bytes, sizeof(value));
	ck_assert_int_eq(value, 3);
	ck_assert_int_eq(session.stop.kind, MT_STOP_SCOPE);
	ck_assert_int_eq(session.stop.numbers[0], number);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "caught=3\n");
	session_end(&session);
}
END_TEST

/* ---- Letting go ---------------------------------------------------------- */

/* In the middle of hits, of which other threads have some too. It checks itself. */
START_TEST(what_is_let_go_is_as_it_was)
{
	static const char *const arguments[] = { "checked", "8", "300", NULL };
	enum mechanism by = (enum mechanism)(_i % MECHANISMS);
	unsigned stops = (unsigned)_i / MECHANISMS * 7;
	struct session session;
	int input, status;
	pid_t pid;

	session_create(&session);
	pid = session_spawn(&session, &input, "watched", arguments);
	session_await_threads(pid, 1);
	while (mt_process_state(pid) != 'S')
		continue;
	MT_CK_OK(mt_debug_attach(session.debug, pid));
	watch(&session, by, MT_WATCH_WRITE);
	ck_assert_int_eq(write(input, "\n", 1), 1);
	for (unsigned i = 0; i < stops; i++)
		ck_assert_int_eq(session_continue(&session), MT_STOP_WATCH);
	MT_CK_OK(mt_debug_detach(session.debug, 0));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "status %#x after %u stops", (unsigned)status, stops);
	session_printed(&session, "258025802580258\n");
	close(input);
	session_end(&session);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine: watch");
	TCase *tcase = tcase_create("engine: watch");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, fifty_threads_are_all_told, 0, MECHANISMS);
	tcase_add_loop_test(tcase, racing_changes_are_told_or_counted, 0, MECHANISMS);
	tcase_add_loop_test(tcase, racing_writes_are_all_told, 0, MECHANISMS);
	tcase_add_loop_test(tcase, racing_stores_are_told_with_their_own_values, 0, MECHANISMS);
	tcase_add_loop_test(tcase, steps_are_told_and_can_be_interrupted, 0, 2);
	tcase_add_loop_test(tcase, an_exception_ends_a_local, 0, BY_FILTER);
	tcase_add_loop_test(tcase, what_is_let_go_is_as_it_was, 0, 4 * MECHANISMS);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
