/* SPDX-License-Identifier: MIT */
/* The back end "ptrace" from below: debug registers of a real child that is traced, and the list of
 * this process's threads. What traps do with it, tests/self judges. */
#include <errno.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "self/registers.h"
#include "self/tasks.h"
#include "unit.h"

static volatile uint8_t watched[32] __attribute__((aligned(32)));

static struct mt_piece piece_at(unsigned offset, uint8_t len, enum mt_dr_kind kind)
{
	return (struct mt_piece){
		.range = { .addr = (uintptr_t)&watched[offset], .len = len },
		.kind = kind,
	};
}

/* ---- What the registers hold --------------------------------------------- */

START_TEST(a_piece_is_held_once)
{
	struct mt_registers registers = { 0 };
	struct mt_piece piece = piece_at(8, 8, MT_DR_WRITE);
	uint64_t dr7;

	ck_assert(!mt_registers_hold(&registers, &piece));
	ck_assert(mt_registers_add(&registers, &piece));
	ck_assert(mt_registers_hold(&registers, &piece));
	dr7 = registers.dr7;
	ck_assert(mt_registers_add(&registers, &piece));
	ck_assert_uint_eq(registers.dr7, dr7);
	mt_registers_remove(&registers, &piece);
	ck_assert(!mt_registers_hold(&registers, &piece));
	ck_assert_uint_eq(registers.dr7, 0);
}
END_TEST

START_TEST(a_piece_is_another_with_another_kind_length_or_place)
{
	struct mt_registers registers = { 0 };
	struct mt_piece piece = piece_at(0, 4, MT_DR_WRITE);
	const struct mt_piece others[] = {
		piece_at(0, 4, MT_DR_ACCESS),
		piece_at(0, 8, MT_DR_WRITE),
		piece_at(4, 4, MT_DR_WRITE),
	};

	ck_assert(mt_registers_add(&registers, &piece));
	for (size_t i = 0; i < 3; i++) {
		ck_assert(!mt_registers_hold(&registers, &others[i]));
		mt_registers_remove(&registers, &others[i]);
	}
	ck_assert(mt_registers_hold(&registers, &piece));
	for (size_t i = 0; i < 3; i++)
		ck_assert(mt_registers_add(&registers, &others[i]));
	piece = piece_at(16, 1, MT_DR_EXEC);
	ck_assert(!mt_registers_add(&registers, &piece));
}
END_TEST

/* ---- Of a traced child --------------------------------------------------- */

/* Bytes that the child writes, in turn, when it is let go; each time it stops itself. */
static pid_t stopped_child(void (*run)(void))
{
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		run();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	return child;
}

static void write_first_bytes(void)
{
	for (size_t i = 0; i < sizeof(watched); i += 8)
		watched[i] = 1;
}

/* Lets the child run to its end and counts its SIGTRAPs; `fired`: the registers of each, in turn.
 */
static unsigned count_traps(pid_t child, unsigned fired[])
{
	unsigned traps = 0;
	int status;

	for (;;) {
		ck_assert_int_eq(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		if (!WIFSTOPPED(status))
			return traps;
		ck_assert_int_eq(WSTOPSIG(status), SIGTRAP);
		fired[traps++] = mt_registers_fired(child);
	}
}

/* With all its threads: while one is a tracee of ours and has not been waited for, the process is
 * not over. */
static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0)
		;
}

static void change(pid_t child, const struct mt_piece *away, const struct mt_piece *to)
{
	struct mt_registers from, wanted;

	ck_assert_int_eq(mt_registers_read(child, &from), 0);
	wanted = from;
	if (away)
		mt_registers_remove(&wanted, away);
	if (to)
		ck_assert(mt_registers_add(&wanted, to));
	ck_assert_int_eq(mt_registers_write(child, &from, &wanted), 0);
	ck_assert_int_eq(mt_registers_read(child, &from), 0);
	ck_assert(!to || mt_registers_hold(&from, to));
	ck_assert(!away || !mt_registers_hold(&from, away));
}

START_TEST(what_is_written_traps)
{
	struct mt_piece pieces[4];
	unsigned fired[8];
	pid_t child = stopped_child(write_first_bytes);

	for (unsigned i = 0; i < 4; i++) {
		pieces[i] = piece_at(i * 8, 8, MT_DR_WRITE);
		change(child, NULL, &pieces[i]);
	}
	change(child, &pieces[2], NULL);
	ck_assert_uint_eq(count_traps(child, fired), 3);
	ck_assert_uint_eq(fired[0], 1);
	ck_assert_uint_eq(fired[1], 2);
	ck_assert_uint_eq(fired[2], 8);
}
END_TEST

/* A register that had 8 bytes takes a single one at an odd address, and the other way round. */
START_TEST(a_register_takes_any_piece_after_any)
{
	static const uint8_t lens[] = { 8, 1, 4, 2, 8, 2, 1, 8 };
	struct mt_piece piece, before = piece_at(0, 8, MT_DR_WRITE);
	pid_t child = stopped_child(write_first_bytes);

	change(child, NULL, &before);
	for (size_t i = 0; i < sizeof(lens); i++) {
		uint8_t len = lens[i];

		piece = piece_at(16U - len, len, i % 2 ? MT_DR_ACCESS : MT_DR_WRITE);
		change(child, &before, &piece);
		before = piece;
	}
	piece = piece_at(3, 1, MT_DR_EXEC);
	change(child, &before, &piece);
	end_child(child);
}
END_TEST

START_TEST(what_is_not_ours_stays)
{
	size_t place = offsetof(struct user, u_debugreg);
	pid_t child = stopped_child(write_first_bytes);
	struct mt_piece ours = piece_at(8, 8, MT_DR_WRITE);
	unsigned fired[8];

	ck_assert_int_eq(ptrace(PTRACE_POKEUSER, child, place, &watched[24]), 0);
	ck_assert_int_eq(ptrace(PTRACE_POKEUSER, child, place + 7 * sizeof(long), 0x10001), 0);
	change(child, NULL, &ours);
	change(child, &ours, NULL);
	ck_assert_uint_eq(count_traps(child, fired), 1);
	ck_assert_uint_eq(fired[0], 1);
}
END_TEST

/* A thread is born with its mother's DR7, as ptrace shows it, and without her breakpoints. */
static void *write_as_thread(void *unused)
{
	raise(SIGSTOP);
	write_first_bytes();
	return unused;
}

static void bear_a_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, write_as_thread, NULL) == 0)
		pthread_join(thread, NULL);
}

static pid_t next_stop(int *status)
{
	pid_t tid = waitpid(-1, status, __WALL);

	ck_assert_int_gt(tid, 0);
	return tid;
}

START_TEST(a_thread_is_born_without)
{
	struct mt_piece piece = piece_at(8, 8, MT_DR_WRITE);
	struct mt_registers registers;
	pid_t tid, child = stopped_child(bear_a_thread);
	int status;

	change(child, NULL, &piece);
	ck_assert_int_eq(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACECLONE), 0);
	ck_assert_int_eq(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
	do {
		tid = next_stop(&status);
		if (tid == child)
			ptrace(PTRACE_CONT, child, NULL, NULL);
	} while (tid == child);
	ck_assert_int_eq(mt_registers_read(tid, &registers), 0);
	ck_assert_uint_eq(registers.dr7 & 0xff, 0);
	change(tid, NULL, &piece);
	end_child(child);
}
END_TEST

/* Perf gives the kernel's four registers away too: what then has no room changes nothing. */
START_TEST(registers_that_perf_has_are_refused)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_len = HW_BREAKPOINT_LEN_8,
		.exclude_kernel = 1,
	};
	pid_t child = stopped_child(write_first_bytes);
	struct mt_piece held = piece_at(24, 8, MT_DR_WRITE), more = piece_at(0, 8, MT_DR_WRITE);
	struct mt_registers from, wanted;
	unsigned fired[8];

	change(child, NULL, &held);
	for (unsigned i = 0; i < 3; i++) {
		attr.bp_addr = (uintptr_t)&watched[i * 8];
		ck_assert_int_ge(syscall(SYS_perf_event_open, &attr, child, -1, -1, 0), 0);
	}
	ck_assert_int_eq(mt_registers_read(child, &from), 0);
	wanted = from;
	ck_assert(mt_registers_add(&wanted, &more));
	ck_assert_int_eq(mt_registers_write(child, &from, &wanted), -ENOSPC);
	ck_assert_uint_eq(count_traps(child, fired), 1);
}
END_TEST

/* ---- The list of threads ------------------------------------------------- */

static int hold[2]; /* threads wait for its end */

static void *wait_for_end(void *unused)
{
	char byte;

	while (read(hold[0], &byte, 1) < 0 && errno == EINTR)
		;
	return unused;
}

static bool listed(const struct mt_tasks *tasks, pid_t tid)
{
	for (size_t i = 0; i < tasks->count; i++)
		if (tasks->tids[i] == tid)
			return true;
	return false;
}

START_TEST(every_thread_is_listed_once)
{
	enum { THREADS = 1500 }; /* more than there is room for at first */
	int fd MT_AUTO_FD = open("/proc/self/task", O_RDONLY | O_DIRECTORY);
	static pthread_t threads[THREADS];
	struct mt_tasks tasks;
	bool whole = false;

	ck_assert_int_eq(pipe(hold), 0);
	ck_assert_int_eq(mt_tasks_begin(&tasks, fd), 0);
	ck_assert_int_eq(mt_tasks_list(&tasks, &whole), 0);
	ck_assert(whole);
	ck_assert_uint_eq(tasks.count, 1);
	ck_assert_int_eq(tasks.tids[0], gettid());
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_for_end, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(mt_tasks_list(&tasks, &whole), 0);
		ck_assert(whole);
		ck_assert_uint_eq(tasks.count, THREADS + 1);
	}
	for (size_t i = 0; i < tasks.count; i++)
		ck_assert_int_eq(tgkill(getpid(), tasks.tids[i], 0), 0);
	close(hold[1]);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

static pid_t first_thread;

static void *look_for_the_dead(void *unused)
{
	int fd MT_AUTO_FD = open("/proc/self/task", O_RDONLY | O_DIRECTORY);
	struct mt_tasks tasks;
	bool whole;

	while (mt_task_state(first_thread) != 'Z')
		usleep(1000);
	if (mt_tasks_begin(&tasks, fd) || mt_tasks_list(&tasks, &whole))
		_exit(2);
	_exit(listed(&tasks, first_thread) && mt_task_state(gettid()) == 'R' ? 0 : 1);
	return unused;
}

START_TEST(a_first_thread_that_has_ended_is_dead)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		pthread_t thread;

		first_thread = getpid();
		pthread_create(&thread, NULL, look_for_the_dead, NULL);
		pthread_exit(NULL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

MT_UNIT_MAIN("self_ptrace", a_piece_is_held_once,
             a_piece_is_another_with_another_kind_length_or_place, what_is_written_traps,
             a_register_takes_any_piece_after_any, what_is_not_ours_stays, a_thread_is_born_without,
             registers_that_perf_has_are_refused, every_thread_is_listed_once,
             a_first_thread_that_has_ended_is_dead)
