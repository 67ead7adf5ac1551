/* SPDX-License-Identifier: MIT */
/* Conditions that the kernel decides: by a uprobe, by a debug register, and what comes between. */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "engine_filters.h"
#include "target/process.h"

/* The tests are of the programs of both machines, of which edi is a register. */
static const char *program = "filtered";

static void take_i386(void)
{
	program = "filtered-i386";
}

/* ---- False ones ---------------------------------------------------------- */

START_TEST(what_is_false_does_not_stop_it)
{
	struct session session;
	int by_uprobe, by_register;

	SESSION_START(&session, program, "8", "4000");
	by_uprobe = session_break_entry(&session, "at_long", "$edi == 4000");
	by_register = session_break_entry(&session, "at_short1", "$edi < 0");
	ck_assert_int_eq(way(&session, by_uprobe), MT_WAY_UPROBE_KERNEL);
	ck_assert_int_eq(way(&session, by_register), MT_WAY_REGISTER_KERNEL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, by_uprobe).unmet, 32000);
	expect_printed(&session, 32000);
	session_end(&session);
}
END_TEST

START_TEST(the_number_of_an_execution_goes_on)
{
	struct session session;
	int number;

	SESSION_START(&session, program, "1", "1000");
	number = session_break_entry(&session, "at_long", "hits == 100 || hits == 900");
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(session_reg(&session, "rdi"), 99);
	MT_CK_OK(mt_debug_break_enable(session.debug, number, false));
	MT_CK_OK(mt_debug_break_enable(session.debug, number, true));
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(session_reg(&session, "rdi"), 899);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, number).hits, 2);
	ck_assert_uint_eq(session_info(&session, number).unmet, 998);
	expect_printed(&session, 1000);
	session_end(&session);
}
END_TEST

/* ---- True ones ----------------------------------------------------------- */

static const char *const labels[] = { "at_long", "at_short1", "at_call", "at_jump" };

#define BOTH 2 /* of the first labels: by a uprobe, by a debug register */
#define ALL 4

/* Each stop is before the instruction, told once, and the instruction is carried out once. */
START_TEST(what_is_true_stops_it_each_time)
{
	struct session session;
	unsigned stops = 0;
	uint64_t pc;
	int number;

	SESSION_START(&session, program, "8", "2000");
	number = session_break_entry(&session, labels[_i], "$edi % 100 == 7");
	pc = session_info(&session, number).places[0].addr;
	while (session_continue(&session) == MT_STOP_BREAKPOINT) {
		ck_assert_uint_eq(session.stop.pc, pc);
		ck_assert_uint_eq(session_reg(&session, "rip"), pc);
		ck_assert_uint_eq(session_reg(&session, "rdi") % 100, 7);
		ck_assert_uint_eq(session.stop.number_count, 1);
		stops++;
	}
	ck_assert_uint_eq(stops, 160);
	ck_assert_uint_eq(session_info(&session, number).hits, 160);
	ck_assert_uint_eq(session_info(&session, number).unmet, 16000 - 160);
	expect_printed(&session, 16000);
	session_end(&session);
}
END_TEST

START_TEST(hits_that_are_ignored_are_counted)
{
	struct session session;
	int number;

	SESSION_START(&session, program, "8", "1000");
	number = session_break_entry(&session, labels[_i], "$edi % 10 == 0");
	MT_CK_OK(mt_debug_break_ignore(session.debug, number, 799));
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(session_info(&session, number).hits, 800);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	expect_printed(&session, 8000);
	session_end(&session);
}
END_TEST

/* The signal that holds it cannot be blocked away. */
START_TEST(threads_that_block_signals_are_held)
{
	struct session session;
	unsigned stops = 0;

	SESSION_START(&session, program, "4", "200", "blocked");
	session_break_entry(&session, labels[_i], "$edi % 10 == 0");
	while (session_continue(&session) == MT_STOP_BREAKPOINT)
		stops++;
	ck_assert_int_eq(session.stop.kind, MT_STOP_EXITED);
	ck_assert_uint_eq(stops, 80);
	expect_printed(&session, 800);
	session_end(&session);
}
END_TEST

/* Signals with smaller numbers than that of the hold would be delivered before it. */
START_TEST(signals_come_after_the_hit)
{
	struct session session;
	int number;

	SESSION_START(&session, program, "4", "3000", "storm");
	number = session_break_entry(&session, labels[_i], "$edi % 2 == 0");
	mt_debug_set_signal_rule(session.debug, SIGUSR1, (struct mt_signal_rule){ .pass = true });
	mt_debug_set_signal_rule(session.debug, SIGUSR2, (struct mt_signal_rule){ .pass = true });
	MT_CK_OK(mt_debug_break_ignore(session.debug, number, 1000000));
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, number).hits, 6000);
	ck_assert_uint_eq(session_info(&session, number).unmet, 6000);
	session_printed(&session, "long=12000 short=12000 call=12000\nhandled=400\n");
	session_end(&session);
}
END_TEST

/* Interrupted anywhere on its way, it is shown in its own code only, and goes on. */
START_TEST(interrupts_find_it_in_its_own_code)
{
	const struct mt_go go = { .kind = MT_GO_CONTINUE, .signal = -1 };
	struct mt_thread_info threads[8];
	struct session session;
	uint64_t addr;

	SESSION_START(&session, program, "3", "20000");
	for (int i = 0; i < ALL; i++)
		session_break_entry(&session, labels[i], "$edi < 0 && $edi == 1");
	addr = session_info(&session, 1).places[0].addr;
	for (int i = 0; i < 100; i++) {
		MT_CK_OK(mt_debug_go(session.debug, &go));
		mt_debug_interrupt(session.debug);
		if (session_wait(&session) != MT_STOP_INTERRUPTED)
			break;
		size_t count = mt_debug_threads(session.debug, threads, 8);

		for (size_t j = 0; j < count && j < 8; j++)
			ck_assert_msg(threads[j].pc >> 32 == addr >> 32 ||
			                  threads[j].pc >> 40 == 0x7f,
			              "pc 0x%lx", threads[j].pc);
	}
	while (session.stop.kind != MT_STOP_EXITED)
		session_continue(&session);
	for (int i = 1; i <= ALL; i++)
		ck_assert_uint_eq(session_info(&session, i).unmet, 60000);
	expect_printed(&session, 60000);
	session_end(&session);
}
END_TEST

START_TEST(it_steps_from_there)
{
	struct session session;
	uint32_t before, after; /* begin with what they are on either machine */
	uint64_t counts, len;
	int number;

	SESSION_START(&session, program, "1", "100");
	number = session_break_entry(&session, "at_long", "$edi == 50");
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	counts = session_reg(&session, "rsi");
	MT_CK_OK(mt_debug_read(session.debug, counts, &before, sizeof(before)));
	ck_assert_uint_eq(before, 50 * 0x10001);

	ck_assert_int_eq(session_go(&session, MT_GO_STEP_INSN), MT_STOP_STEPPED);
	len = session.stop.pc - session_info(&session, number).places[0].addr;
	ck_assert_uint_eq(len, strcmp(program, "filtered") ? 6 : 7);
	MT_CK_OK(mt_debug_read(session.debug, counts, &after, sizeof(after)));
	ck_assert_uint_eq(after - before, 0x10001);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	expect_printed(&session, 100);
	session_end(&session);
}
END_TEST

/* A step arrives at the place: it is asked there, and only once. */
START_TEST(a_step_that_arrives_asks)
{
	struct session session;
	int number;

	SESSION_START(&session, program, "1", "10");
	session_break_entry(&session, "before_long", NULL);
	number = session_break_entry(&session, "at_long", "$edi == 1");
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	while (session.stop.pc != session_info(&session, number).places[0].addr)
		ck_assert_int_eq(session_go(&session, MT_GO_STEP_INSN), MT_STOP_STEPPED);
	ck_assert_int_eq(session_go(&session, MT_GO_STEP_INSN), MT_STOP_STEPPED);
	ck_assert_uint_eq(session_info(&session, number).unmet, 1);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	while (session.stop.pc != session_info(&session, number).places[0].addr)
		session_go(&session, MT_GO_STEP_INSN);
	ck_assert_int_eq(session.stop.kind, MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(session_info(&session, number).hits, 1);
	session_end(&session);
}
END_TEST

/* ---- What else stands there ---------------------------------------------- */

static unsigned count_stops(struct session *session, int number)
{
	unsigned stops = 0;

	while (session_continue(session) == MT_STOP_BREAKPOINT)
		for (size_t i = 0; i < session->stop.number_count; i++)
			stops += session->stop.numbers[i] == number;
	return stops;
}

START_TEST(one_without_a_condition_stands_there_too)
{
	struct session session;
	int conditional, plain;

	SESSION_START(&session, program, "4", "50");
	conditional = session_break_entry(&session, labels[_i], "$edi % 10 == 3");
	plain = session_break_entry(&session, labels[_i], NULL);
	ck_assert_uint_eq(count_stops(&session, conditional), 20);
	ck_assert_uint_eq(session_info(&session, plain).hits, 200);
	ck_assert_uint_eq(session_info(&session, conditional).hits, 20);
	ck_assert_uint_eq(session_info(&session, conditional).unmet, 180);
	expect_printed(&session, 200);
	session_end(&session);
}
END_TEST

START_TEST(two_conditions_stand_there)
{
	struct session session;
	int one, other;

	SESSION_START(&session, program, "4", "50");
	one = session_break_entry(&session, labels[_i], "$edi % 10 == 3");
	other = session_break_entry(&session, labels[_i], "$edi % 5 == 3");
	ck_assert_uint_eq(count_stops(&session, other), 40);
	ck_assert_uint_eq(session_info(&session, one).hits, 20);
	ck_assert_uint_eq(session_info(&session, one).unmet, 180);
	ck_assert_uint_eq(session_info(&session, other).hits, 40);
	ck_assert_uint_eq(session_info(&session, other).unmet, 160);
	expect_printed(&session, 200);
	session_end(&session);
}
END_TEST

START_TEST(the_kernel_goes_on_alone)
{
	struct session session;
	int conditional, plain;

	SESSION_START(&session, program, "2", "1000");
	plain = session_break_entry(&session, labels[_i], NULL);
	conditional = session_break_entry(&session, labels[_i], "$edi == 700");
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_int_eq(way(&session, plain), MT_WAY_INT3);
	MT_CK_OK(mt_debug_break_delete(session.debug, plain));
	ck_assert_int_eq(way(&session, conditional), MT_WAY_REGISTER_KERNEL);
	ck_assert_uint_eq(count_stops(&session, conditional), 2);
	ck_assert_uint_eq(session_info(&session, conditional).unmet, 1998);
	expect_printed(&session, 2000);
	session_end(&session);
}
END_TEST

/* Where the registers run out, and where one is wanted for what can't do without. */
START_TEST(registers_are_given_up)
{
	static const char *const shorts[] = { "at_short1", "at_short2", "at_short3", "at_short4",
		                              "at_short5" };
	struct mt_break_spec hardware = { .kind = MT_BREAK_HARDWARE, .location = "visit" };
	struct session session;
	int numbers[5], hard;

	SESSION_START(&session, program, "2", "500");
	for (int i = 0; i < 5; i++)
		numbers[i] = session_break_entry(&session, shorts[i], "$edi % 100 == 50");
	ck_assert_int_eq(way(&session, numbers[3]), MT_WAY_REGISTER_KERNEL);
	ck_assert_int_eq(way(&session, numbers[4]), MT_WAY_INT3);
	MT_CK_OK(mt_debug_break(session.debug, &hardware, &hard));
	ck_assert_int_eq(way(&session, numbers[0]), MT_WAY_INT3);
	MT_CK_OK(mt_debug_break_delete(session.debug, hard));
	ck_assert_int_eq(way(&session, numbers[0]), MT_WAY_REGISTER_KERNEL);
	while (session_continue(&session) == MT_STOP_BREAKPOINT)
		continue;
	for (int i = 0; i < 5; i++) {
		ck_assert_uint_eq(session_info(&session, numbers[i]).hits, 10);
		ck_assert_uint_eq(session_info(&session, numbers[i]).unmet, 990);
	}
	expect_printed(&session, 1000);
	session_end(&session);
}
END_TEST

/* What is written over the instruction is what runs from then on: two nops less one addition. */
START_TEST(code_changes_under_it)
{
	static const uint8_t nops[7] = { 0x66, 0x90, 0x66, 0x90, 0x66, 0x66, 0x90 };
	uint8_t code[7];
	struct session session;
	uint64_t addr;
	int number;

	SESSION_START(&session, program, "1", "100");
	number = session_break_entry(&session, "at_long", "$edi == 60");
	addr = session_info(&session, number).places[0].addr;
	MT_CK_OK(mt_debug_read(session.debug, addr, code, sizeof(code)));
	ck_assert_mem_eq(code, "\x48\x81\x06\x01\x00\x01\x00", 7);
	MT_CK_OK(mt_debug_read(session.debug, addr + 2, code, 3));
	ck_assert_mem_eq(code, "\x06\x01\x00", 3);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	MT_CK_OK(mt_debug_write(session.debug, addr, nops, sizeof(nops)));
	MT_CK_OK(mt_debug_read(session.debug, addr, code, sizeof(code)));
	ck_assert_mem_eq(code, nops, sizeof(nops));
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	session_printed(&session, "long=60 short=100 call=100\n");
	session_end(&session);
}
END_TEST

START_TEST(it_changes_while_the_program_stands)
{
	struct session session;
	int number;

	SESSION_START(&session, program, "1", "1000");
	number = session_break_entry(&session, labels[_i], "$edi == 100");
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	MT_CK_OK(mt_debug_break_condition(session.debug, number, "$edi >= 900"));
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(session_info(&session, number).hits, 41);
	ck_assert_uint_eq(session_info(&session, number).unmet, 799);
	MT_CK_OK(mt_debug_break_enable(session.debug, number, false));
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	expect_printed(&session, 1000);
	session_end(&session);
}
END_TEST

/* ---- Other processes ----------------------------------------------------- */

START_TEST(children_are_let_go_unharmed)
{
	struct session session;
	int number;

	SESSION_START(&session, program, "1", "20", "fork");
	number = session_break_entry(&session, labels[_i], "$edi % 2 == 0");
	MT_CK_OK(mt_debug_break_ignore(session.debug, number, 1000));
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, number).hits, 10);
	session_printed(&session, "children=20\nlong=20 short=20 call=20\n");
	session_end(&session);
}
END_TEST

START_TEST(children_that_are_kept_are_filtered_too)
{
	struct session session;
	int number;

	SESSION_START(&session, program, "1", "3", "fork");
	mt_debug_settings(session.debug)->follow_fork = MT_FOLLOW_CHILD;
	number = session_break_entry(&session, labels[_i], "$edi == 0");
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_uint_eq(session_info(&session, number).hits, 1);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_int_eq(session.stop.status, 0);
	session_end(&session);
}
END_TEST

START_TEST(it_is_there_again_after_exec)
{
	struct session session;
	int number;

	SESSION_START(&session, program, "2", "500", "exec");
	number = session_break_entry(&session, "at_long", "$edi == 250");
	MT_CK_OK(mt_debug_break_ignore(session.debug, number, 1000));
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session_info(&session, number).hits, 4);
	ck_assert_uint_eq(session_info(&session, number).unmet, 1996);
	session_printed(&session, "long=1000 short=1000 call=1000\n"
	                          "long=1000 short=1000 call=1000\n");
	session_end(&session);
}
END_TEST

static void add_tests(TCase *once)
{
	tcase_set_timeout(once, 60);
	tcase_add_test(once, what_is_false_does_not_stop_it);
	tcase_add_test(once, the_number_of_an_execution_goes_on);
	tcase_add_test(once, interrupts_find_it_in_its_own_code);
	tcase_add_test(once, it_steps_from_there);
	tcase_add_test(once, a_step_that_arrives_asks);
	tcase_add_test(once, registers_are_given_up);
	tcase_add_test(once, it_is_there_again_after_exec);
	tcase_add_loop_test(once, what_is_true_stops_it_each_time, 0, ALL);
	tcase_add_loop_test(once, hits_that_are_ignored_are_counted, 0, BOTH);
	tcase_add_loop_test(once, threads_that_block_signals_are_held, 0, BOTH);
	tcase_add_loop_test(once, signals_come_after_the_hit, 0, ALL);
	tcase_add_loop_test(once, one_without_a_condition_stands_there_too, 0, BOTH);
	tcase_add_loop_test(once, two_conditions_stand_there, 0, BOTH);
	tcase_add_loop_test(once, the_kernel_goes_on_alone, 0, BOTH);
	tcase_add_loop_test(once, it_changes_while_the_program_stands, 0, BOTH);
	tcase_add_loop_test(once, children_are_let_go_unharmed, 0, BOTH);
	tcase_add_loop_test(once, children_that_are_kept_are_filtered_too, 0, BOTH);
}

int main(void)
{
	Suite *suite = suite_create("engine: filters");
	TCase *once = tcase_create("filters"), *narrow = tcase_create("filters of i386");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, once);
	suite_add_tcase(suite, narrow);
	tcase_add_checked_fixture(narrow, take_i386, NULL);
	add_tests(once);
	tcase_add_test(once, code_changes_under_it);
	add_tests(narrow);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
