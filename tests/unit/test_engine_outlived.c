/* SPDX-License-Identifier: MIT */
/* An attached program whose breakpoints the kernel decides, when memtrap ends or is killed. */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "engine_filters.h"
#include "target/process.h"

/* A program that waits for a byte from `input`, and a debugger in a process of its own. */
struct pair {
	char output[32];
	pid_t program, debugger;
	int input, ready;
};

static void run_program(struct pair *pair)
{
	char path[PATH_MAX];
	int ends[2], output;

	engine_path("filtered", path);
	strcpy(pair->output, "/tmp/mt-engine-XXXXXX");
	output = mkstemp(pair->output);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pair->program = fork();
	if (pair->program == 0) {
		dup2(ends[0], STDIN_FILENO);
		dup2(output, STDOUT_FILENO);
		execl(path, path, "4", "20000", "wait", NULL);
		_exit(127);
	}
	close(output);
	close(ends[0]);
	pair->input = ends[1];
	while (mt_process_state(pair->program) != 'S')
		sched_yield();
}

static void await_ready(const struct pair *pair)
{
	char byte;

	ck_assert_int_eq(read(pair->ready, &byte, 1), 1);
}

/* `debug` writes a byte to `ready` when its breakpoints are there. */
static void begin(struct pair *pair, void (*debug)(struct session *session, pid_t pid, int ready))
{
	struct session session;
	int ends[2];

	run_program(pair);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pair->debugger = fork();
	if (pair->debugger == 0) {
		session_create(&session);
		unlink(session.output);
		debug(&session, pair->program, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	pair->ready = ends[0];
	await_ready(pair);
	ck_assert_int_eq(write(pair->input, "", 1), 1);
}

static void kill_debugger(struct pair *pair)
{
	struct session session;
	int status;

	kill(pair->debugger, SIGKILL);
	ck_assert_int_eq(waitpid(pair->debugger, &status, 0), pair->debugger);
	ck_assert_int_eq(waitpid(pair->program, &status, 0), pair->program);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x", status);
	strcpy(session.output, pair->output);
	expect_printed(&session, 80000);
	unlink(pair->output);
	close(pair->input);
	close(pair->ready);
}

/* Code is the program's own again, and what was mapped for us is gone. */
static void expect_untouched(pid_t pid, uint64_t addr)
{
	char path[64], line[512];
	uint8_t code[7];
	FILE *maps;

	MT_CK_OK(mt_process_read(pid, addr, code, sizeof(code)));
	ck_assert_mem_eq(code, "\x48\x81\x06\x01\x00\x01\x00", 7);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "r");
	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps))
		ck_assert_msg(!strstr(line, "memfd"), "%s", line);
	fclose(maps);
}

START_TEST(it_is_let_go_as_it_was)
{
	struct session session;
	struct pair pair;
	uint64_t addr;
	int number, status;

	session_create(&session);
	run_program(&pair);
	MT_CK_OK(mt_debug_attach(session.debug, pair.program));
	number = session_break_entry(&session, "at_long", "$rdi == 19000");
	addr = session_info(&session, number).places[0].addr;
	ck_assert_int_eq(way(&session, number), MT_WAY_UPROBE_KERNEL);
	ck_assert_int_eq(write(pair.input, "", 1), 1);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	MT_CK_OK(mt_debug_detach(session.debug, SIGSTOP));
	expect_untouched(pair.program, addr);
	kill(pair.program, SIGCONT);
	ck_assert_int_eq(waitpid(pair.program, &status, 0), pair.program);
	ck_assert_int_eq(status, 0);
	session_end(&session);
	strcpy(session.output, pair.output);
	expect_printed(&session, 80000);
	unlink(pair.output);
	close(pair.input);
}
END_TEST

/* Breakpoints that always pass. */
static void debug_on_and_on(struct session *session, pid_t pid, int ready)
{
	static const char *const places[][2] = { { "at_long", "$rdi % 4 == 0" },
		                                 { "at_short1", "$rdi % 64 == 0" },
		                                 { "at_short2", NULL } };

	MT_CK_OK(mt_debug_attach(session->debug, pid));
	for (size_t i = 0; i < 3; i++) {
		int number = session_break_entry(session, places[i][0], places[i][1]);

		MT_CK_OK(mt_debug_break_ignore(session->debug, number, 1000000));
	}
	ck_assert_int_eq(write(ready, "", 1), 1);
	session_continue(session);
}

/* SIGKILL takes the debugger at any moment, and the program never. */
START_TEST(an_attached_program_outlives_it)
{
	struct pair pair;

	begin(&pair, debug_on_and_on);
	usleep((unsigned)_i * 7001);
	kill_debugger(&pair);
}
END_TEST

/* Stops at a hit, and waits there for its own end. */
static void debug_to_a_hit(struct session *session, pid_t pid, int ready)
{
	MT_CK_OK(mt_debug_attach(session->debug, pid));
	session_break_entry(session, "at_long", "$rdi == 77");
	session_break_entry(session, "at_short1", "$rdi == 77");
	ck_assert_int_eq(write(ready, "", 1), 1);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(session_continue(session), MT_STOP_BREAKPOINT);
	ck_assert_int_eq(write(ready, "", 1), 1);
	pause();
}

START_TEST(it_outlives_it_at_a_hit)
{
	struct pair pair;

	begin(&pair, debug_to_a_hit);
	await_ready(&pair);
	kill_debugger(&pair);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine: outlived");
	TCase *attached = tcase_create("attached");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, attached);
	tcase_set_timeout(attached, 60);
	tcase_add_test(attached, it_outlives_it_at_a_hit);
	tcase_add_test(attached, it_is_let_go_as_it_was);
	tcase_add_loop_test(attached, an_attached_program_outlives_it, 0, 6);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
