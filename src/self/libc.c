/* SPDX-License-Identifier: MIT */
#include "self/libc.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define NAME(function)                                                                             \
	{                                                                                          \
#function, offsetof(struct mt_libc, function)                                      \
	}

static const struct {
	const char *name;
	size_t offset;
} names[] = {
	NAME(sigaction),       NAME(signal),         NAME(sysv_signal), NAME(sigprocmask),
	NAME(pthread_sigmask), NAME(sigsuspend),     NAME(pselect),     NAME(ppoll),
	NAME(epoll_pwait),     NAME(pthread_create), NAME(thrd_create),
};

static struct mt_libc libc;
static bool known;

/* Threads that do it at once find the same. */
static __attribute__((constructor)) void find_all(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void *function = dlsym(RTLD_NEXT, names[i].name);

		memcpy((char *)&libc + names[i].offset, &function, sizeof(function));
	}
	__atomic_store_n(&known, true, __ATOMIC_RELEASE);
}

const struct mt_libc *mt_libc(void)
{
	if (!__atomic_load_n(&known, __ATOMIC_ACQUIRE))
		find_all();
	return &libc;
}
