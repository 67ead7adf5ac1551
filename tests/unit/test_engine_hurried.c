/* SPDX-License-Identifier: MIT */
/*
 * Software watchpoints in programs that make it hard to take them on faster than by single steps:
 * each change is told, once, and the program comes to what it comes to alone
 * (engine-data/hurried.c).
 */
#include "engine_session.h"

#define ROUNDS 100
#define ROUNDS_TEXT "100"

static const struct {
	const char *mode;
	unsigned changes;
} modes[] = {
	{ "own", ROUNDS / 16 + 1 }, { "affinity", ROUNDS }, { "signals", ROUNDS },
	{ "calls", ROUNDS },        { "reads", ROUNDS },    { "prefix", ROUNDS / 16 + 1 },
	{ "strings", ROUNDS },      { "fault", ROUNDS },    { "forks", ROUNDS },
	{ "spins", 2 * ROUNDS },
};

/* Of the modes, those that write to place.around[1]. */
#define FIRST_BESIDE 3
#define LAST_BESIDE 4
#define MODES (sizeof(modes) / sizeof(*modes))

static void start(struct session *session, const char *program, const char *mode)
{
	SESSION_START(session, program, mode, ROUNDS_TEXT);
	session_break_entry(session, "begin", NULL);
	session_break_entry(session, "over", NULL);
	ck_assert_int_eq(session_continue(session), MT_STOP_BREAKPOINT);
}

static void watch(struct session *session, enum mt_watch_access access)
{
	const struct mt_break_spec spec = { .kind = MT_BREAK_WATCH,
		                            .location = "place.counter",
		                            .watch = { .access = access, .by_stepping = true } };
	int number;

	MT_CK_OK(mt_debug_break(session->debug, &spec, &number));
}

/* From begin() to over(): how many hits there were, each of which is the next number. */
static unsigned count_hits(struct session *session)
{
	unsigned hits = 0;

	for (; session_continue(session) == MT_STOP_WATCH; hits++) {
		uint64_t before, now;

		memcpy(&before, session->stop.hits[0].before.bytes, sizeof(before));
		memcpy(&now, session->stop.hits[0].now.bytes, sizeof(now));
		ck_assert_uint_eq(before, hits);
		ck_assert_uint_eq(now, hits + 1);
	}
	ck_assert_int_eq(session->stop.kind, MT_STOP_BREAKPOINT);
	return hits;
}

/* A storm of signals goes on until there were so many. */
static void comes_to_its_end(struct session *session, size_t mode, unsigned hits)
{
	char printed[64];

	ck_assert_uint_ge(hits, modes[mode].changes);
	if (strcmp(modes[mode].mode, "signals") != 0)
		ck_assert_uint_eq(hits, modes[mode].changes);
	snprintf(printed, sizeof(printed), "changes=%u sum=%u\n", hits, ROUNDS);
	ck_assert_int_eq(session_continue(session), MT_STOP_EXITED);
	session_printed(session, printed);
	session_end(session);
}

START_TEST(each_change_is_told)
{
	size_t mode = (size_t)_i % MODES;
	struct session session;

	start(&session, (size_t)_i < MODES ? "hurried" : "hurried-plain", modes[mode].mode);
	watch(&session, MT_WATCH_CHANGE);
	comes_to_its_end(&session, mode, count_hits(&session));
}
END_TEST

START_TEST(each_write_is_told)
{
	struct session session;

	start(&session, "hurried", modes[_i].mode);
	watch(&session, MT_WATCH_WRITE);
	comes_to_its_end(&session, (size_t)_i, count_hits(&session));
}
END_TEST

/* What a debug register watches beside it is told too, by whatever it is written. */
START_TEST(a_register_goes_along)
{
	const struct mt_break_spec spec = { .kind = MT_BREAK_WATCH,
		                            .location = "place.around[1]",
		                            .watch = { .access = MT_WATCH_WRITE } };
	struct session session;
	int number;
	unsigned hits = 0, others = 0;

	start(&session, "hurried", modes[_i].mode);
	watch(&session, MT_WATCH_WRITE);
	MT_CK_OK(mt_debug_break(session.debug, &spec, &number));
	while (session_continue(&session) == MT_STOP_WATCH)
		*(session.stop.numbers[0] == number ? &others : &hits) += 1;
	ck_assert_uint_eq(others, ROUNDS);
	comes_to_its_end(&session, (size_t)_i, hits);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine: hurried");
	TCase *tcase = tcase_create("hurried");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, each_change_is_told, 0, 2 * MODES);
	tcase_add_loop_test(tcase, each_write_is_told, 0, MODES);
	tcase_add_loop_test(tcase, a_register_goes_along, FIRST_BESIDE, LAST_BESIDE + 1);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
