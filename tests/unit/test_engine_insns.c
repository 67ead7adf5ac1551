/* SPDX-License-Identifier: MIT */
/*
 * Breakpoints on instructions that are hard to leave: engine-data/insns.c, and insns32.c for i386,
 * must come to the same with them and without, and each must have been hit as often as its
 * instruction is run.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "engine_session.h"

#define ROUNDS 20

struct insn {
	const char *name;
	unsigned a_round;
};

static const struct insn wide[] = {
	{ "at_nop", 1 },       { "at_nop_beside", 1 }, { "at_push", 1 },     { "at_pop", 1 },
	{ "at_pushf", 1 },     { "at_popf", 1 },       { "at_add_rip", 1 },  { "at_lea_rip", 1 },
	{ "at_store_rip", 1 }, { "at_loop", 5 },       { "at_jne", 1 },      { "at_je", 1 },
	{ "at_jmp", 1 },       { "at_jrcxz", 1 },      { "at_jmp_reg", 1 },  { "at_jg", 1 },
	{ "at_call", 1 },      { "at_call_reg", 1 },   { "at_call_mem", 1 }, { "at_call_rip", 1 },
	{ "at_ret", 4 },       { "at_rep_movs", 1 },   { "at_syscall", 1 },  { "at_load", 2 },
	{ "at_ud2", 1 },       { "at_own_int3", 1 },   { "at_div", 1 },      { "at_mov_9d", 1 },
	{ "at_add_9d", 1 },    { "at_mov_9c", 1 },     { "at_jmp_9d", 1 },   { "at_je_9d", 1 },
};

static const struct insn narrow[] = {
	{ "at_nop", 1 },       { "at_nop_beside", 1 }, { "at_push", 1 },     { "at_pop", 1 },
	{ "at_pushf", 1 },     { "at_popf", 1 },       { "at_pushfw", 1 },   { "at_popfw", 1 },
	{ "at_store", 1 },     { "at_add", 1 },        { "at_pusha", 1 },    { "at_popa", 1 },
	{ "at_inc", 1 },       { "at_push_esp", 1 },   { "at_loop", 5 },     { "at_jne", 1 },
	{ "at_je", 1 },        { "at_jmp", 1 },        { "at_jecxz", 1 },    { "at_jcxz", 1 },
	{ "at_jmp_reg", 1 },   { "at_jg", 1 },         { "at_call", 1 },     { "at_call_reg", 1 },
	{ "at_call_mem", 1 },  { "at_lret", 1 },       { "at_far_back", 1 }, { "at_call_esp", 1 },
	{ "at_ret", 4 },       { "at_rep_movs", 1 },   { "at_int80", 1 },    { "at_call_gs", 1 },
	{ "at_load", 2 },      { "at_ud2", 1 },        { "at_own_int3", 1 }, { "at_div", 1 },
	{ "at_into", 1 },      { "at_mov_9d", 1 },     { "at_add_9d", 1 },   { "at_mov_9c", 1 },
	{ "at_inc_pushf", 1 }, { "at_jmp_9d", 1 },     { "at_je_9d", 1 },
};
#define MAX_COUNT (sizeof(narrow) / sizeof(*narrow))

static const struct program {
	const char *name;
	const struct insn *insns;
	size_t count;
} programs[] = { { "insns", wide, sizeof(wide) / sizeof(*wide) },
	         { "insns-i386", narrow, MAX_COUNT } };

/* What the program prints when nobody debugs it. */
static void truth(const struct program *program, char text[256])
{
	char path[PATH_MAX];
	FILE *output;

	engine_path(program->name, path);
	output = popen(path, "r");
	ck_assert_ptr_nonnull(output);
	ck_assert_ptr_nonnull(fgets(text, 256, output));
	ck_assert_int_eq(pclose(output), 0);
}

static void set_all(struct session *session, const struct program *program, int *numbers)
{
	for (size_t i = 0; i < program->count; i++)
		numbers[i] = session_break_entry(session, program->insns[i].name, NULL);
}

static void check_counts(struct session *session, const struct program *program, const int *numbers)
{
	for (size_t i = 0; i < program->count; i++) {
		struct mt_break_info info = session_info(session, numbers[i]);

		ck_assert_msg(info.hits == program->insns[i].a_round * ROUNDS, "%s: %lu hits",
		              program->insns[i].name, info.hits);
	}
}

START_TEST(each_is_left_when_it_stops)
{
	const struct program *program = &programs[_i];
	struct session session;
	int numbers[MAX_COUNT];
	char text[256];

	truth(program, text);
	SESSION_START(&session, program->name);
	session_pass_signals(&session);
	set_all(&session, program, numbers);
	while (session_continue(&session) == MT_STOP_BREAKPOINT)
		ck_assert_uint_eq(session.stop.number_count, 1);
	ck_assert_int_eq(session.stop.kind, MT_STOP_EXITED);
	check_counts(&session, program, numbers);
	session_printed(&session, text);
	session_end(&session);
}
END_TEST

/* Nobody is told: the engine leaves them by itself. */
START_TEST(each_is_left_when_it_is_ignored)
{
	const struct program *program = &programs[_i];
	struct session session;
	int numbers[MAX_COUNT];
	char text[256];

	truth(program, text);
	SESSION_START(&session, program->name);
	session_pass_signals(&session);
	set_all(&session, program, numbers);
	for (size_t i = 0; i < program->count; i++)
		MT_CK_OK(mt_debug_break_ignore(session.debug, numbers[i], 1000000));
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	check_counts(&session, program, numbers);
	session_printed(&session, text);
	session_end(&session);
}
END_TEST

/* From the first instruction of main to the end of the first round, one at a time. */
static void step_through(struct session *session, const struct program *program,
                         bool with_breakpoints)
{
	int numbers[MAX_COUNT], main_break = session_break(session, "simple_ones", NULL);
	uint64_t steps = 0;

	ck_assert_int_eq(session_continue(session), MT_STOP_BREAKPOINT);
	MT_CK_OK(mt_debug_break_delete(session->debug, main_break));
	if (with_breakpoints)
		set_all(session, program, numbers);
	for (; steps < 3000; steps++) {
		enum mt_stop_kind kind = session_go(session, MT_GO_STEP_INSN);

		ck_assert_msg(kind == MT_STOP_STEPPED ||
		                  (with_breakpoints && kind == MT_STOP_BREAKPOINT),
		              "stop %d after %lu steps at %lx", kind, steps, session->stop.pc);
	}
	if (!with_breakpoints)
		return;
	for (size_t i = 0; i < program->count; i++)
		MT_CK_OK(mt_debug_break_delete(session->debug, numbers[i]));
}

START_TEST(each_is_stepped)
{
	const struct program *program = &programs[_i / 2];
	struct session session;
	char text[256];

	truth(program, text);
	SESSION_START(&session, program->name);
	session_pass_signals(&session);
	step_through(&session, program, _i % 2);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, text);
	session_end(&session);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine: instructions");
	TCase *tcase = tcase_create("instructions");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, each_is_left_when_it_stops, 0, 2);
	tcase_add_loop_test(tcase, each_is_left_when_it_is_ignored, 0, 2);
	tcase_add_loop_test(tcase, each_is_stepped, 0, 4);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
