/* SPDX-License-Identifier: MIT */
/*
 * The frame of the programs that judge libmemtrap. Each knows its own truth and uses the public API
 * only:
 *
 *	CASE(a_write_is_seen)
 *	{
 *		struct seen seen = { 0 };
 *		struct memtrap *trap = see_writes(&seen, &word, sizeof(word));
 *
 *		word = 7;
 *		memtrap_remove(trap);
 *		EQUAL(seen.count, 1);
 *	}
 *
 * Without an argument a program runs all its cases, each in a process of its own, says "ok NAME",
 * "skipped NAME: why" or what was wrong, and exits with 1 where something was. With the name of a
 *case it runs that one, in this process.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memtrap/memtrap.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

/* The static library stands before no function of libc: it sees neither the program's sigaction()
 * nor its pthread_create(). */
#ifndef JUDGE_STATIC
#define JUDGE_STATIC 0
#endif

/* ---- Cases --------------------------------------------------------------- */

struct judge_case {
	const char *name;
	void (*run)(void);
	struct judge_case *next;
};

void judge_add(struct judge_case *c);

#define CASE(name)                                                                                 \
	static void name(void);                                                                    \
	static struct judge_case judge_##name = { #name, name, NULL };                             \
	__attribute__((constructor)) static void judge_add_##name(void)                            \
	{                                                                                          \
		judge_add(&judge_##name);                                                          \
	}                                                                                          \
	static void name(void)

/* Ends the process with the sentence; from a handler or another thread too. */
void judge_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

/* Ends the case: this machine cannot show it. */
void skip(const char *why) __attribute__((noreturn));

#define FAIL(...) judge_fail(__FILE__, __LINE__, __VA_ARGS__)

/* What handlers have done to memory meanwhile is looked at anew. */
#define LOOK_AGAIN() __asm__ volatile("" ::: "memory")

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		LOOK_AGAIN();                                                                      \
		if (!(condition))                                                                  \
			FAIL("not so: %s", #condition);                                            \
	} while (0)

/* Two integers. */
#define EQUAL(is, should)                                                                          \
	do {                                                                                       \
		LOOK_AGAIN();                                                                      \
		long long is_ = (long long)(is), should_ = (long long)(should);                    \
		if (is_ != should_)                                                                \
			FAIL("%s is %lld (0x%llx), not %lld (0x%llx)", #is, is_,                   \
			     (unsigned long long)is_, should_, (unsigned long long)should_);       \
	} while (0)

/* The text has the part in it. */
#define SAYS(text, part)                                                                           \
	do {                                                                                       \
		const char *text_ = (text), *part_ = (part);                                       \
		if (!strstr(text_, part_))                                                         \
			FAIL("\"%s\" is not in: %s", part_, text_);                                \
	} while (0)

/* The call into the library succeeds. */
#define MUST(call)                                                                                 \
	do {                                                                                       \
		int must_ = (call);                                                                \
		if (must_ < 0)                                                                     \
			FAIL("%s: %s: %s", #call, strerror(-must_), memtrap_error());              \
	} while (0)

/* The call into libc or the kernel succeeds, and sets errno where it does not. */
#define SYS(call)                                                                                  \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			FAIL("%s: %s", #call, strerror(errno));                                    \
	} while (0)

/* The call into the library fails with that errno and a sentence. */
#define REFUSED(call, error)                                                                       \
	do {                                                                                       \
		int refused_ = (call);                                                             \
		if (refused_ != -(error))                                                          \
			FAIL("%s returned %d (%s), not -%s; \"%s\"", #call, refused_,              \
			     refused_ < 0 ? strerror(-refused_) : "success", #error,               \
			     memtrap_error());                                                     \
		if (!*memtrap_error())                                                             \
			FAIL("%s failed without a sentence", #call);                               \
	} while (0)

/* ---- Traps --------------------------------------------------------------- */

#define SEEN_MAX 64

/* The hits of a trap, and copies of their values. More than SEEN_MAX are counted only. */
struct seen {
	unsigned count;
	size_t len; /* of the values */
	struct memtrap_hit hits[SEEN_MAX];
	uint8_t old_value[SEEN_MAX][MEMTRAP_MAX_LEN];
	uint8_t new_value[SEEN_MAX][MEMTRAP_MAX_LEN];
};

/* The handler that fills a struct seen, which is its argument. */
void see(struct memtrap_hit *hit, void *seen);

/* A handler that counts: its argument is an atomic unsigned. */
void count_hit(struct memtrap_hit *hit, void *counter);

/* The static library on ptrace cannot trap threads that are born later, and says so: then this is
 * MEMTRAP_PARTIAL, and otherwise 0. */
unsigned judge_flags(void);

/* Sets the trap, with judge_flags() too, or ends the case. */
struct memtrap *set(const struct memtrap_spec *spec);

/* A trap for all threads. */
struct memtrap *trap_on(const volatile void *addr, size_t len, enum memtrap_kind kind,
                        memtrap_handler handler, void *arg);
struct memtrap *see_it(struct seen *seen, const volatile void *addr, size_t len,
                       enum memtrap_kind kind);
struct memtrap *see_writes(struct seen *seen, const volatile void *addr, size_t len);

/* The values of the n-th hit (from 0) of a trap of up to 8 bytes. */
uint64_t old_of(const struct seen *seen, unsigned n);
uint64_t new_of(const struct seen *seen, unsigned n);

/* What memtrap_coverage() says of the trap. */
struct memtrap_coverage coverage_of(const struct memtrap *trap);

/* ---- Threads, processes, output ------------------------------------------ */

pthread_t spawn(void *(*run)(void *), void *arg);
void join(pthread_t thread);

/* Waits until another thread, a handler or a signal handler has made it so. */
#define WAIT_UNTIL(condition)                                                                      \
	do {                                                                                       \
		while (!(condition))                                                               \
			sched_yield();                                                             \
	} while (0)

#define GET(place) __atomic_load_n(&(place), __ATOMIC_ACQUIRE)
#define PUT(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELEASE)
#define ADD(place, value) __atomic_add_fetch(&(place), (value), __ATOMIC_ACQ_REL)

/* Runs it in a child made by fork(), which ends with _exit(0) if it comes back: its wait status. A
 * child that hangs dies of SIGALRM. */
int in_child(void (*run)(void *arg), void *arg);

/* The same, and what the child wrote to standard error. */
int in_child_heard(void (*run)(void *arg), void *arg, char *text, size_t size);

/* The wait status is exit(0), death by that signal. */
#define ENDED_WELL(status) EQUAL(judge_ended(status), 0)
#define KILLED_BY(status, signal) EQUAL(judge_ended(status), -(signal))

/* The exit status, or a signal's negative number. */
static inline int judge_ended(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Zeroed memory that this process and its children share. */
void *shared_memory(size_t size);

/*
 * `size` bytes that are mapped twice: accesses through the one address are no accesses to the
 * other. So the judge looks at what he watches, by way of `*mirror`, without being seen.
 */
void *twin_memory(size_t size, void **mirror);

/* Reads a file descriptor to its end, or until `size` - 1 bytes; ends the text with a zero. */
void read_all(int fd, char *text, size_t size);

/* How many names a folder such as /proc/self/fd has. */
unsigned names_in(const char *folder);

#ifdef __cplusplus
}
#endif

#endif
