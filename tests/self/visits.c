/* SPDX-License-Identifier: MIT */
/*
 * Whoever comes to write the threads' registers leaves all else as it was: signals, stops,
 * children, and how threads are born and end.
 */
#include "judge.h"

#include <signal.h>

static volatile unsigned long word;
static unsigned over;

static void come_and_go(void)
{
	memtrap_remove(trap_on(&word, sizeof(long), MEMTRAP_WRITE, NULL, NULL));
}

/* ---- Signals ------------------------------------------------------------- */

#define CREW 6
#define NUMBERED (SIGRTMIN + 3)

struct sailor {
	int came; /* signals so far: the next one bears this number */
	bool ready;
	void (*idle)(void);
};

static __thread struct sailor *self;

static void count_in_order(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (info->si_value.sival_int != self->came)
		FAIL("signal %d came as number %d", info->si_value.sival_int, self->came);
	ADD(self->came, 1);
}

static void spin(void)
{
	for (volatile int i = 0; i < 100; i++)
		;
}

static void call_the_kernel(void)
{
	getppid();
}

static void sleep_shortly(void)
{
	usleep(300);
}

static void *sail(void *sailor)
{
	self = sailor;
	PUT(self->ready, true);
	while (!GET(over))
		self->idle();
	return NULL;
}

/* Queued, so that one that got lost would make a hole, and one that came twice a step back. */
CASE(signals_on_their_way_come_once_and_in_order)
{
	static void (*const idle[])(void) = { spin, call_the_kernel, sleep_shortly };
	struct sigaction action = { .sa_sigaction = count_in_order, .sa_flags = SA_SIGINFO };
	struct sailor sailors[CREW] = { 0 };
	pthread_t threads[CREW];
	int sent = 0;

	SYS(sigaction(NUMBERED, &action, NULL));
	for (unsigned i = 0; i < CREW; i++) {
		sailors[i].idle = idle[i % 3];
		threads[i] = spawn(sail, &sailors[i]);
		WAIT_UNTIL(GET(sailors[i].ready));
	}
	for (; sent < 200; sent++) {
		for (unsigned i = 0; i < CREW; i++)
			EQUAL(pthread_sigqueue(threads[i], NUMBERED,
			                       (union sigval){ .sival_int = sent }),
			      0);
		if (sent % 4 == 0)
			come_and_go();
	}
	for (unsigned i = 0; i < CREW; i++)
		WAIT_UNTIL(GET(sailors[i].came) == sent);
	PUT(over, 1);
	for (unsigned i = 0; i < CREW; i++)
		join(threads[i]);
}

/* ---- Stops --------------------------------------------------------------- */

static void set_for_ever(unsigned *turns)
{
	static struct sailor sailor = { .idle = sleep_shortly };

	spawn(sail, &sailor);
	for (;;) {
		come_and_go();
		ADD(*turns, 1);
	}
}

/* What is stopped makes no turn; and it stays stopped, though a visit was under way. */
CASE(a_stopped_process_stays_stopped)
{
	unsigned *turns = shared_memory(sizeof(*turns)), before;
	pid_t child = fork();
	int status;

	SYS(child);
	if (child == 0)
		set_for_ever(turns);
	for (unsigned i = 0; i < 50; i++) {
		before = GET(*turns);
		WAIT_UNTIL(GET(*turns) > before);
		SYS(kill(child, SIGSTOP));
		EQUAL(waitpid(child, &status, WUNTRACED), child);
		CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
		before = GET(*turns);
		usleep(1000);
		EQUAL(GET(*turns), before);
		SYS(kill(child, SIGCONT));
		EQUAL(waitpid(child, &status, WCONTINUED), child);
		CHECK(WIFCONTINUED(status));
	}
	SYS(kill(child, SIGKILL));
	EQUAL(waitpid(child, &status, 0), child);
}

/* ---- Children ------------------------------------------------------------ */

static unsigned children_ended;

static void note_child(int signal)
{
	(void)signal;
	ADD(children_ended, 1);
}

static void *wait_for_children(void *unused)
{
	while (!GET(over)) {
		EQUAL(waitpid(-1, NULL, 0), -1);
		EQUAL(errno, ECHILD);
	}
	return unused;
}

CASE(no_wait_and_no_signal_tells_of_a_child)
{
	struct sigaction action = { .sa_handler = note_child };
	pthread_t thread;

	SYS(sigaction(SIGCHLD, &action, NULL));
	thread = spawn(wait_for_children, NULL);
	for (unsigned i = 0; i < 100; i++)
		come_and_go();
	PUT(over, 1);
	join(thread);
	EQUAL(children_ended, 0);
}

CASE(children_leave_no_zombies)
{
	unsigned before;

	come_and_go();
	before = names_in("/proc/self/fd");
	for (unsigned i = 0; i < 50; i++)
		come_and_go();
	EQUAL(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	EQUAL(errno, ECHILD);
	EQUAL(names_in("/proc/self/fd"), before);
}

/* ---- A thread that does not stop ----------------------------------------- */

static int hold[2]; /* the child of the vfork() is there until something comes */

static void *wait_in_vfork(void *tid)
{
	char byte;

	PUT(*(pid_t *)tid, gettid());
	if (vfork() == 0) {
		while (read(hold[0], &byte, 1) < 0)
			;
		_exit(0);
	}
	word = 1;
	return NULL;
}

static bool is_in_vfork(pid_t tid)
{
	char path[64], text[256] = { 0 }, *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	CHECK(file && fgets(text, sizeof(text), file));
	fclose(file);
	end = strrchr(text, ')');
	return end && end[2] == 'D';
}

/* It is armed, or told to be missing; the others are armed, and nobody waits for ever. */
CASE(a_thread_that_waits_in_vfork_holds_nobody_up)
{
	unsigned hits = 0;
	struct memtrap_spec spec = { .addr = &word,
		                     .len = sizeof(long),
		                     .kind = MEMTRAP_WRITE,
		                     .flags = MEMTRAP_PARTIAL,
		                     .handler = count_hit,
		                     .arg = &hits };
	struct memtrap_coverage coverage;
	struct memtrap *trap;
	pid_t tid = 0;
	pthread_t thread;

	SYS(pipe(hold));
	thread = spawn(wait_in_vfork, &tid);
	WAIT_UNTIL(GET(tid) && is_in_vfork(GET(tid)));
	MUST(memtrap_set(&trap, &spec));
	coverage = coverage_of(trap);
	EQUAL(coverage.threads, 2);
	EQUAL(coverage.armed, coverage.gaps & MEMTRAP_GAP_THREADS ? 1 : 2);
	word = 1;
	EQUAL(hits, 1);
	EQUAL(write(hold[1], "x", 1), 1);
	join(thread);
	EQUAL(hits, coverage.armed);
	memtrap_remove(trap);
}

/* ---- Births and ends ----------------------------------------------------- */

static void *end_early(void *value)
{
	word = 1;
	pthread_exit(value);
}

static bool cleaned_up;

static void clean_up(void *unused)
{
	(void)unused;
	PUT(cleaned_up, true);
}

static void *wait_to_be_cancelled(void *unused)
{
	pthread_cleanup_push(clean_up, NULL);
	word = 1;
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return unused;
}

static size_t stack_of_this_thread(void)
{
	pthread_attr_t attr;
	size_t size;

	EQUAL(pthread_getattr_np(pthread_self(), &attr), 0);
	EQUAL(pthread_attr_getstacksize(&attr, &size), 0);
	pthread_attr_destroy(&attr);
	return size;
}

static void *tell_stack_size(void *size)
{
	PUT(*(size_t *)size, stack_of_this_thread());
	return NULL;
}

CASE(threads_are_born_and_end_as_ever)
{
	enum { STACK = 1 << 20 };
	unsigned hits = 0;
	size_t size = 0;
	void *value = NULL;
	pthread_attr_t attr;
	pthread_t thread;
	struct memtrap *trap = trap_on(&word, sizeof(long), MEMTRAP_WRITE, count_hit, &hits);
	bool sees_births = !(coverage_of(trap).gaps & MEMTRAP_GAP_NEW_THREADS);

	EQUAL(pthread_join(spawn(end_early, &attr), &value), 0);
	CHECK(value == &attr);
	thread = spawn(wait_to_be_cancelled, NULL);
	EQUAL(pthread_cancel(thread), 0);
	EQUAL(pthread_join(thread, &value), 0);
	CHECK(value == PTHREAD_CANCELED);
	EQUAL(pthread_attr_init(&attr), 0);
	EQUAL(pthread_attr_setstacksize(&attr, STACK), 0);
	EQUAL(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
	EQUAL(pthread_create(&thread, &attr, tell_stack_size, &size), 0);
	WAIT_UNTIL(GET(size));
	EQUAL(size, STACK);
	EQUAL(pthread_attr_setstacksize(&attr, SIZE_MAX / 8 * 7), 0);
	CHECK(pthread_create(&thread, &attr, tell_stack_size, &size) != 0);
	EQUAL(hits, sees_births * (1 + GET(cleaned_up)));
	memtrap_remove(trap);
}
