/* SPDX-License-Identifier: MIT */
/*
 * read-memory MIB: how long a debug session takes to read so much of a program's memory, and how
 * long one bare process_vm_readv() of the same bytes takes: engine_ns and bare_ns, the least of
 * some rounds in turn. The program that is read is this one, forked.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "engine/debug.h"
#include "stopwatch.h"

#define MIB (1UL << 20)
#define ROUNDS 7

static void check(struct mt_error *error, const char *doing)
{
	if (!error)
		return;
	fprintf(stderr, "%s: %s\n", doing, mt_error_text(error));
	exit(1);
}

static uint8_t *fresh_memory(size_t len)
{
	uint8_t *memory =
	    mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	memset(memory, 0x5a, len);
	return memory;
}

static uint64_t time_of_engine(struct mt_debug *debug, const uint8_t *there, uint8_t *here,
                               size_t len)
{
	uint64_t began = clock_ns(CLOCK_MONOTONIC);

	check(mt_debug_read(debug, (uintptr_t)there, here, len), "read");
	return clock_ns(CLOCK_MONOTONIC) - began;
}

static uint64_t time_of_bare(pid_t pid, uint8_t *there, uint8_t *here, size_t len)
{
	struct iovec local = { here, len }, remote = { there, len };
	uint64_t began = clock_ns(CLOCK_MONOTONIC);

	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != (ssize_t)len) {
		perror("process_vm_readv");
		exit(1);
	}
	return clock_ns(CLOCK_MONOTONIC) - began;
}

static void lessen(uint64_t *least, uint64_t value)
{
	if (value < *least)
		*least = value;
}

int main(int argc, char **argv)
{
	size_t len = (size_t)argument(argc, argv, 1, 64) * MIB;
	uint8_t *there = fresh_memory(len), *here = fresh_memory(len);
	uint64_t engine = UINT64_MAX, bare = UINT64_MAX;
	struct mt_debug_config config = { .notice = NULL };
	struct mt_debug *debug;
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	check(mt_debug_create(&config, &debug), "create");
	check(mt_debug_attach(debug, pid), "attach");
	for (int i = 0; i < ROUNDS; i++) {
		lessen(&engine, time_of_engine(debug, there, here, len));
		lessen(&bare, time_of_bare(pid, there, here, len));
	}
	tell_number("engine_ns", (int64_t)engine);
	tell_number("bare_ns", (int64_t)bare);
	check(mt_debug_kill(debug), "kill");
	mt_debug_destroy(debug);
	return 0;
}
