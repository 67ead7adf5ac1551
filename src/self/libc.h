/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self, the shared library: the functions of libc (or of whoever comes after us in the
 * dynamic linker's order) that ours of the same names stand before.
 */
#ifndef MT_SELF_LIBC_H
#define MT_SELF_LIBC_H

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <threads.h>
#include <time.h>

#define MT_INTERPOSED __attribute__((visibility("default")))
/* Another name of one, with the attributes that libc's headers give to both. */
#define MT_ALIAS(name) __attribute__((alias(name), nothrow, leaf))

struct mt_libc {
	int (*sigaction)(int signal, const struct sigaction *action, struct sigaction *old);
	sighandler_t (*signal)(int signal, sighandler_t handler);
	sighandler_t (*sysv_signal)(int signal, sighandler_t handler);

	int (*sigprocmask)(int how, const sigset_t *set, sigset_t *old);
	int (*pthread_sigmask)(int how, const sigset_t *set, sigset_t *old);
	int (*sigsuspend)(const sigset_t *mask);
	int (*pselect)(int count, fd_set *in, fd_set *out, fd_set *except,
	               const struct timespec *timeout, const sigset_t *mask);
	int (*ppoll)(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
	             const sigset_t *mask);
	int (*epoll_pwait)(int epoll, struct epoll_event *events, int max, int timeout,
	                   const sigset_t *mask);

	int (*pthread_create)(pthread_t *thread, const pthread_attr_t *attr,
	                      void *(*routine)(void *), void *arg);
	int (*thrd_create)(thrd_t *thread, thrd_start_t routine, void *arg);
};

/* Never NULL, nor are its members; also before any constructor has run. Signal-safe but for the
 * first call, which a constructor makes. */
const struct mt_libc *mt_libc(void);

#endif
