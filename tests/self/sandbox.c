/* SPDX-License-Identifier: MIT */
/*
 * What the kernel refuses, by a seccomp filter as containers have them: the library goes the other
 * way, or says why there is none. Run without MEMTRAP_BACKEND.
 */
#include "access.h"
#include "judge.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static volatile unsigned long word;

/* From now on the system calls fail with that errno: seccomp(2). */
static void forbid(const long *calls, unsigned count, int error)
{
	struct sock_filter code[16];
	struct sock_fprog program = { .filter = code };

	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	                                                   offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < count; i++) {
		code[program.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		                                                   (unsigned)calls[i], 0, 1);
		code[program.len++] = (struct sock_filter)BPF_STMT(
		    BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error);
	}
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

static const long perf[] = { SYS_perf_event_open };
static const long ptrace[] = { SYS_ptrace };
static const long both[] = { SYS_perf_event_open, SYS_ptrace };

static void works_with(enum memtrap_backend backend)
{
	struct seen seen = { 0 };
	struct memtrap *trap;

	unsetenv("MEMTRAP_BACKEND");
	trap = see_writes(&seen, &word, sizeof(long));
	EQUAL(memtrap_backend(), backend);
	EQUAL(coverage_of(trap).backend, backend);
	store(&word, sizeof(long), 1);
	EQUAL(seen.count, 1);
	MUST(memtrap_prove(trap));
	memtrap_remove(trap);
}

CASE(without_perf_there_is_ptrace)
{
	forbid(perf, 1, EPERM);
	works_with(MEMTRAP_BACKEND_PTRACE);
}

CASE(in_docker_perf_is_denied)
{
	forbid(perf, 1, EACCES);
	works_with(MEMTRAP_BACKEND_PTRACE);
}

CASE(on_an_old_kernel_perf_is_unknown)
{
	forbid(perf, 1, ENOSYS);
	works_with(MEMTRAP_BACKEND_PTRACE);
}

CASE(perf_comes_first)
{
	works_with(MEMTRAP_BACKEND_PERF);
}

CASE(without_ptrace_there_is_perf)
{
	forbid(ptrace, 1, EPERM);
	works_with(MEMTRAP_BACKEND_PERF);
}

static void is_told(enum memtrap_backend backend, int error, const char *part)
{
	struct memtrap *trap = NULL;
	int result;

	unsetenv("MEMTRAP_BACKEND");
	if (backend)
		MUST(memtrap_use_backend(backend));
	result = memtrap_set(
	    &trap, &(struct memtrap_spec){ .addr = &word, .len = 4, .kind = MEMTRAP_WRITE });
	if (result != -error)
		FAIL("%d (%s), not %s", result, memtrap_error(), strerror(error));
	CHECK(!trap);
	SAYS(memtrap_error(), part);
	EQUAL(memtrap_backend(), MEMTRAP_BACKEND_NONE);
	word = 1;
}

CASE(without_both_it_is_told)
{
	forbid(both, 2, EPERM);
	is_told(MEMTRAP_BACKEND_NONE, EPERM, "ptrace");
}

CASE(perf_that_was_asked_for_is_not_replaced)
{
	forbid(perf, 1, EACCES);
	is_told(MEMTRAP_BACKEND_PERF, EACCES, "perf");
}

CASE(ptrace_that_was_asked_for_is_not_replaced)
{
	forbid(ptrace, 1, EPERM);
	is_told(MEMTRAP_BACKEND_PTRACE, EPERM, "ptrace");
}

/* It cannot be traced, root or not: PR_SET_DUMPABLE(2const). */
CASE(a_process_that_may_not_be_traced_has_perf)
{
	SYS(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
	works_with(MEMTRAP_BACKEND_PERF);
}
