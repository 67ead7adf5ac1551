/* SPDX-License-Identifier: MIT */
/*
 * Writing a core file of a process that goes on living (core(5), elf(5)): what the kernel writes
 * when a process dies, for gdb and for ourselves: of a 32-bit program a 32-bit core.
 * /proc/PID/coredump_filter says which memory goes in.
 */
#ifndef MT_TARGET_CORE_H
#define MT_TARGET_CORE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "base/error.h"
#include "x86/machine.h"

struct mt_core_thread {
	pid_t tid; /* a stopped tracee of ours */
	struct user_regs_struct regs;
	bool has_info;
	siginfo_t info; /* the signal that it was stopped with */
};

struct mt_core_request {
	pid_t pid;
	enum mt_machine machine;              /* what the program is for */
	const struct mt_core_thread *threads; /* the first one is what a debugger shows first */
	size_t thread_count;
	size_t xsave_size; /* of the XSAVE area by CPUID; 0: none */
	/* The memory as it is to be written: as mt_process_read() has it. */
	struct mt_error *(*read)(void *arg, uint64_t addr, void *out, size_t len);
	void *arg;
};

/* Memory that cannot be read is left out. On failure there is no file at `path`. */
struct mt_error *mt_core_write(const struct mt_core_request *request, const char *path);

#endif
