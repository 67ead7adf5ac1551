/* SPDX-License-Identifier: MIT */
/*
 * Software watchpoints of what depends on registers and frames, which are evaluated only where
 * something that they came from has changed: the same is told, at the same instructions, as when
 * each instruction is stepped and everything evaluated after it (engine-data/valued.c).
 */
#include "engine_session.h"

#include "base/vec.h"

#define ROUNDS 8
#define ROUNDS_TEXT "8"
#define MAX_TOLD 100 /* what the C library does later depends on the file that it prints to */

static const char *const programs[] = { "valued", "valued-clang", "valued-frames", "valued-i386" };

static const struct {
	const char *mode, *expression;
} cases[] = {
	{ "loops", "watched" },
	{ "loops", "watched % 2" },
	{ "calls", "watched" },
	{ "calls", "watched + sink" },
	{ "recurses", "watched" },
	{ "jumps", "watched" },
	{ "signals", "watched->x" },
	{ "signals", "watched" },
	{ "contexts", "watched" },
	{ "points", "watched->x" },
	{ "points", "*watched" },
	{ "points", "watched" },
	{ "points", "watched->x > 1003 ? watched->behind : sink" },
	{ "passes", "watched" },
	{ "grows", "watched" },
	{ "grows", "text[1]" },
	{ "doubles", "watched" },
	{ "spoils", "watched" },
	{ "pieces", "watched" },
	{ "pieces", "watched.second" },
	{ "calls", "$bx" },
	{ "calls", "$ax & 0xf0" },
	{ "calls", "*(long *)$sp" },
	{ "recurses", "$sp" },
};

#define CASES (sizeof(cases) / sizeof(*cases))
#define PROGRAMS (sizeof(programs) / sizeof(*programs))

/* What a watchpoint has told: where, and the values' bytes. */
struct told {
	enum mt_stop_kind kind;
	uint64_t pc;
	size_t size[2];
	uint8_t bytes[2][32];
	uint64_t culprit;
};

struct account {
	bool is_set;
	MT_VEC(struct told) told;
	char printed[64];
};

static void keep_value(const struct mt_watch_value *value, size_t size, struct told *told, int i)
{
	if (!value->bytes)
		return;
	told->size[i] = size < sizeof(told->bytes[i]) ? size : sizeof(told->bytes[i]);
	memcpy(told->bytes[i], value->bytes, told->size[i]);
}

static void keep(struct session *session, struct account *account)
{
	const struct mt_stop *stop = &session->stop;
	struct told told;

	memset(&told, 0, sizeof(told));
	told.kind = stop->kind;
	told.pc = session_reg(session, "rip");
	if (stop->kind == MT_STOP_WATCH) {
		const struct mt_watch_hit *hit = &stop->hits[0];

		told.culprit = hit->insn.len ? hit->insn.addr : 0;
		keep_value(&hit->before, (size_t)hit->type->size, &told, 0);
		keep_value(&hit->now, (size_t)hit->type->size, &told, 1);
	}
	ck_assert(mt_vec_push(&account->told, told));
}

/* Sets the watchpoint in the frame that has called begin(). */
static bool watch(struct session *session, const char *expression)
{
	const struct mt_break_spec spec = { .kind = MT_BREAK_WATCH,
		                            .location = expression,
		                            .watch = { .access = MT_WATCH_CHANGE,
		                                       .by_stepping = true } };
	struct mt_error *error;
	int number;
	bool is_set;

	/* Of the frame by its means: $names are of the innermost one. */
	MT_CK_OK(mt_debug_select_frame(session->debug,
	                               expression[0] == '$' || strstr(expression, ")$") ? 0 : 1));
	error = mt_debug_break(session->debug, &spec, &number);
	is_set = !error;
	mt_error_free(error);
	return is_set;
}

static const char *printed(const struct session *session, char text[64])
{
	FILE *file = fopen(session->output, "r");
	size_t len;

	ck_assert_ptr_nonnull(file);
	len = fread(text, 1, 63, file);
	fclose(file);
	text[len] = '\0';
	return text;
}

static void run(const char *program, size_t i, bool ahead, struct account *account)
{
	struct session session;

	SESSION_START(&session, program, cases[i].mode, ROUNDS_TEXT);
	mt_debug_settings(session.debug)->watch_ahead = ahead;
	session_pass_signals(&session);
	session_break_entry(&session, "begin", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	account->is_set = watch(&session, cases[i].expression);
	while (account->is_set && account->told.len < MAX_TOLD &&
	       (session_continue(&session) == MT_STOP_WATCH || session.stop.kind == MT_STOP_SCOPE))
		keep(&session, account);
	if (account->told.len < MAX_TOLD) {
		while (session.stop.kind != MT_STOP_EXITED)
			session_continue(&session);
		printed(&session, account->printed);
	}
	session_end(&session);
}

static void compare(const struct account *ahead, const struct account *plain)
{
	ck_assert_int_eq(ahead->is_set, plain->is_set);
	for (size_t i = 0; i < ahead->told.len && i < plain->told.len; i++) {
		const struct told *one = &ahead->told.data[i], *other = &plain->told.data[i];

		ck_assert_msg(!memcmp(one, other, sizeof(*one)),
		              "hit %zu: at %#lx by %#lx; stepped: at %#lx by %#lx", i, one->pc,
		              one->culprit, other->pc, other->culprit);
	}
	ck_assert_uint_eq(ahead->told.len, plain->told.len);
	ck_assert_str_eq(ahead->printed, plain->printed);
}

START_TEST(it_tells_what_steps_tell)
{
	const char *program = programs[(size_t)_i / CASES];
	struct account ahead = { 0 }, plain = { 0 };

	run(program, (size_t)_i % CASES, true, &ahead);
	run(program, (size_t)_i % CASES, false, &plain);
	compare(&ahead, &plain);
	mt_vec_deinit(&ahead.told);
	mt_vec_deinit(&plain.told);
}
END_TEST

/* By the program's own account: each change is by one, and told once. */
START_TEST(each_change_is_told)
{
	static const struct {
		size_t at;
		unsigned changes;
	} sure[] = { { 0, (ROUNDS + 2) / 3 }, { 2, ROUNDS / 2 }, { 4, ROUNDS } };
	struct account ahead = { 0 };
	unsigned changes = 0;

	run("valued", sure[_i].at, true, &ahead);
	ck_assert(ahead.is_set);
	for (size_t i = 0; i < ahead.told.len; i++) {
		const struct told *told = &ahead.told.data[i];
		long before, now;

		if (told->kind != MT_STOP_WATCH)
			continue;
		memcpy(&before, told->bytes[0], sizeof(before));
		memcpy(&now, told->bytes[1], sizeof(now));
		ck_assert_int_eq(before, 1000 + (long)changes);
		ck_assert_int_eq(now, before + 1);
		changes++;
	}
	ck_assert_uint_eq(changes, sure[_i].changes);
	mt_vec_deinit(&ahead.told);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine: valued");
	TCase *tcase = tcase_create("valued");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, it_tells_what_steps_tell, 0, PROGRAMS * CASES);
	tcase_add_loop_test(tcase, each_change_is_told, 0, 3);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
