/* SPDX-License-Identifier: MIT */
/* Threads that wait in the kernel go on waiting while traps are set and removed: nothing says
 * EINTR. */
#include "judge.h"

#include <poll.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <time.h>

static volatile unsigned long word;
static unsigned hits;

struct sleeper {
	int ends[2]; /* of a socket pair: a byte into the first wakes who reads the second */
	pid_t tid;
	sem_t semaphore;
	int (*wait)(struct sleeper *sleeper);
};

static int by_read(struct sleeper *s)
{
	char byte;

	return (int)read(s->ends[1], &byte, 1);
}

static int by_recv(struct sleeper *s)
{
	char byte;

	return (int)recv(s->ends[1], &byte, 1, 0);
}

static int by_poll(struct sleeper *s)
{
	struct pollfd fd = { .fd = s->ends[1], .events = POLLIN };

	return poll(&fd, 1, 60000);
}

static int by_select(struct sleeper *s)
{
	struct timeval limit = { .tv_sec = 60 };
	fd_set fds;

	FD_ZERO(&fds);
	FD_SET(s->ends[1], &fds);
	return select(s->ends[1] + 1, &fds, NULL, NULL, &limit);
}

static int by_semaphore(struct sleeper *s)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 60;
	return sem_timedwait(&s->semaphore, &limit) == 0 ? 1 : -1;
}

static void *sleep_and_write(void *arg)
{
	struct sleeper *s = arg;

	PUT(s->tid, gettid());
	errno = 0;
	if (s->wait(s) != 1)
		FAIL("the wait ended with %s", strerror(errno));
	word = 1;
	return NULL;
}

/* Whether the thread sleeps: the state in its stat file, proc(5). */
static bool sleeps(pid_t tid)
{
	char path[64], text[256], *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	CHECK(file && fgets(text, sizeof(text), file));
	fclose(file);
	end = strrchr(text, ')');
	return end && end[2] == 'S';
}

static void judge_sleeper(int (*wait)(struct sleeper *))
{
	struct sleeper s = { .wait = wait };
	struct memtrap *trap = NULL;
	pthread_t thread;

	SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, s.ends));
	SYS(sem_init(&s.semaphore, 0, 0));
	thread = spawn(sleep_and_write, &s);
	WAIT_UNTIL(GET(s.tid) && sleeps(GET(s.tid)));
	for (unsigned i = 0; i < 20; i++) {
		memtrap_remove(trap);
		trap = trap_on(&word, sizeof(long), MEMTRAP_WRITE, count_hit, &hits);
		EQUAL(coverage_of(trap).armed, 2);
	}
	EQUAL(write(s.ends[0], "x", 1), 1);
	SYS(sem_post(&s.semaphore));
	join(thread);
	memtrap_remove(trap);
	EQUAL(hits, 1);
}

CASE(in_read)
{
	judge_sleeper(by_read);
}

CASE(in_recv)
{
	judge_sleeper(by_recv);
}

CASE(in_poll)
{
	judge_sleeper(by_poll);
}

CASE(in_select)
{
	judge_sleeper(by_select);
}

CASE(in_a_semaphore)
{
	judge_sleeper(by_semaphore);
}

/* ---- Time ---------------------------------------------------------------- */

static void *sleep_a_while(void *arg)
{
	const struct timespec a_while = { .tv_nsec = 300000000 };
	struct timespec before, after;
	int64_t slept;

	PUT(*(pid_t *)arg, gettid());
	clock_gettime(CLOCK_MONOTONIC, &before);
	EQUAL(nanosleep(&a_while, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	slept = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
	CHECK(slept >= a_while.tv_nsec);
	return NULL;
}

CASE(a_sleep_is_not_cut_short)
{
	pid_t tid = 0;
	pthread_t thread = spawn(sleep_a_while, &tid);

	WAIT_UNTIL(GET(tid));
	for (unsigned i = 0; i < 50; i++)
		memtrap_remove(trap_on(&word, sizeof(long), MEMTRAP_WRITE, NULL, NULL));
	join(thread);
}
