/* SPDX-License-Identifier: MIT */
/*
 * pthread_create() and thrd_create(): a new thread passes through us before its own routine. All
 * do, also before the first trap, so that a thread whose birth and a trap's setting cross each
 * other is seen by one of them: it was in the list of threads, or finds the trap.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "self/interpose.h"
#include "self/libc.h"
#include "self/mask.h"
#include "self/registry.h"

struct birth {
	union {
		void *(*posix)(void *arg);
		thrd_start_t c11;
	} routine;
	void *arg;
	bool believes_blocked; /* a thread inherits its mask */
};

static struct birth *conceive(void *arg)
{
	struct birth *birth = mt_alloc(sizeof(*birth));

	if (birth) {
		birth->arg = arg;
		birth->believes_blocked = mt_mask_believes_blocked();
	}
	return birth;
}

/* On the new thread. */
static struct birth begin(void *arg)
{
	const struct mt_backend *backend = mt_backend_in_use();
	struct birth birth = *(struct birth *)arg;

	free(arg);
	/* Also where nothing is: the thread's id may be that of one that has ended. */
	mt_mask_believe(birth.believes_blocked);
	if (backend && backend->thread_born)
		backend->thread_born();
	return birth;
}

static void *begin_posix(void *arg)
{
	struct birth birth = begin(arg);

	return birth.routine.posix(birth.arg);
}

static int begin_c11(void *arg)
{
	struct birth birth = begin(arg);

	return birth.routine.c11(birth.arg);
}

MT_INTERPOSED int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                                 void *(*routine)(void *), void *arg)
{
	struct birth *birth = conceive(arg);
	int error;

	if (!birth)
		return EAGAIN;
	birth->routine.posix = routine;
	error = mt_libc()->pthread_create(thread, attr, begin_posix, birth);
	if (error)
		free(birth);
	return error;
}

/* libc's own does not pass through its pthread_create() by name. */
MT_INTERPOSED int thrd_create(thrd_t *thread, thrd_start_t routine, void *arg)
{
	struct birth *birth = conceive(arg);
	int error;

	if (!birth)
		return thrd_nomem;
	birth->routine.c11 = routine;
	error = mt_libc()->thrd_create(thread, begin_c11, birth);
	if (error != thrd_success)
		free(birth);
	return error;
}

/* Loaded by dlopen(3) we come after libc. A name that is neither ours nor libc's is another
 * interposer's (a sanitizer's), which goes on to us. */
bool mt_sees_new_threads(void)
{
	return dlsym(RTLD_DEFAULT, "pthread_create") != (void *)mt_libc()->pthread_create;
}
