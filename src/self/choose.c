/* SPDX-License-Identifier: MIT */
#include "self/choose.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "self/fail.h"
#include "self/lock.h"
#include "self/registry.h"

static const struct mt_backend *const backends[] = { &mt_backend_perf, &mt_backend_ptrace };

#define BACKENDS (sizeof(backends) / sizeof(*backends))

static const struct mt_backend *in_use;
static bool was_used[BACKENDS];
static enum memtrap_backend wanted;

const struct mt_backend *mt_backend_in_use(void)
{
	return __atomic_load_n(&in_use, __ATOMIC_ACQUIRE);
}

bool mt_backend_owns(const siginfo_t *info, uint32_t *cookie, bool *late)
{
	for (size_t i = 0; i < BACKENDS; i++) {
		if (__atomic_load_n(&was_used[i], __ATOMIC_ACQUIRE) &&
		    backends[i]->owns(info, cookie, late))
			return true;
	}
	return false;
}

/* ---- Valgrind ------------------------------------------------------------ */

/*
 * Valgrind runs a program on a processor of its own making, which has no debug registers. Its
 * client requests are a sequence of instructions that do nothing elsewhere (Valgrind manual, 3.1
 * "The Client Request mechanism"; valgrind.h): the answer stays what it was, 0, on a real one.
 */
#define RUNNING_ON_VALGRIND 0x1001

static bool is_on_valgrind(void)
{
	unsigned long request[6] = { RUNNING_ON_VALGRIND };
	unsigned long answer = 0;

#ifdef __x86_64__
	__asm__ volatile("rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi; rolq $51, %%rdi\n\t"
	                 "xchgq %%rbx, %%rbx"
	                 : "+d"(answer)
	                 : "a"(request)
	                 : "cc", "memory");
#else
	__asm__ volatile("roll $3, %%edi; roll $13, %%edi; roll $29, %%edi; roll $19, %%edi\n\t"
	                 "xchgl %%ebx, %%ebx"
	                 : "+d"(answer)
	                 : "a"(request)
	                 : "cc", "memory");
#endif
	return answer != 0;
}

/* ---- Choosing ------------------------------------------------------------ */

static int use(size_t index)
{
	int err = backends[index]->try();

	if (err < 0)
		return err;
	__atomic_store_n(&was_used[index], true, __ATOMIC_RELEASE);
	__atomic_store_n(&in_use, backends[index], __ATOMIC_RELEASE);
	return 0;
}

static int use_any(void)
{
	char perf[256];
	int err = use(0);

	if (err == 0)
		return 0;
	snprintf(perf, sizeof(perf), "%s", memtrap_error());
	if (use(1) == 0)
		return 0;
	return mt_fail(-err, "no back end can be used; perf: %s; ptrace: %s", perf,
	               memtrap_error());
}

static int use_wanted(void)
{
	for (size_t i = 0; i < BACKENDS; i++) {
		if (backends[i]->id == wanted)
			return use(i);
	}
	return use_any();
}

static int read_environment(void)
{
	const char *name = secure_getenv("MEMTRAP_BACKEND");

	if (!name || !*name)
		return 0;
	for (size_t i = 0; i < BACKENDS; i++) {
		if (strcmp(backends[i]->name, name) == 0) {
			wanted = backends[i]->id;
			return 0;
		}
	}
	return mt_fail(EINVAL, "the environment's MEMTRAP_BACKEND is \"%s\", not perf or ptrace",
	               name);
}

int mt_backend_choose(const struct mt_backend **backend)
{
	static bool asked;
	int err = 0;

	if (!in_use && is_on_valgrind())
		return mt_fail(ENOSYS, "valgrind emulates a processor without debug registers: "
		                       "nothing can be trapped under it");
	if (!asked && wanted == MEMTRAP_BACKEND_NONE)
		err = read_environment();
	if (err < 0)
		return err;
	asked = true;
	if (!in_use || (wanted != MEMTRAP_BACKEND_NONE && in_use->id != wanted))
		err = use_wanted();
	if (err < 0)
		return err;
	*backend = in_use;
	return 0;
}

/* ---- The interface ------------------------------------------------------- */

static bool any_trap(void)
{
	struct memtrap *trap = mt_trap_hold_next(NULL, 0);

	if (trap)
		mt_trap_release(trap);
	return trap;
}

static int want(enum memtrap_backend backend)
{
	if (any_trap())
		return mt_fail(EBUSY, "the back end can't be changed while traps are set");
	wanted = backend;
	return 0;
}

int memtrap_use_backend(enum memtrap_backend backend)
{
	int err;

	if (backend != MEMTRAP_BACKEND_NONE && backend != MEMTRAP_BACKEND_PERF &&
	    backend != MEMTRAP_BACKEND_PTRACE)
		return mt_fail(EINVAL, "there is no back end %d", (int)backend);
	mt_lock();
	err = want(backend);
	mt_unlock();
	return err;
}

enum memtrap_backend memtrap_backend(void)
{
	const struct mt_backend *backend = mt_backend_in_use();

	return backend ? backend->id : MEMTRAP_BACKEND_NONE;
}
