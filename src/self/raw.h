/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: system calls without libc. The helper (visit.h) shares memory and thread pointer
 * with the thread that waits for it, so it must leave errno, cancellation and every lock of libc
 * alone; and what is called in a signal handler is best without them too.
 */
#ifndef MT_SELF_RAW_H
#define MT_SELF_RAW_H

#include <stdint.h>

/* The kernel's set of signals: bit n - 1 is signal n. */
typedef uint64_t mt_sigset;

#define MT_SIGBIT(signal) (UINT64_C(1) << ((signal)-1))

/* An argument of any type as the register's worth that the kernel takes. */
#define MT_ARG(value) ((long)(value))

/* The result, or a negative errno. */
static inline long mt_raw(long number, long a, long b, long c, long d, long e)
{
	long result;

#ifdef __x86_64__
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;

	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
	                 : "rcx", "r11", "memory");
#else
	/* The way in that the vDSO knows, as libc keeps it for each thread: int $0x80 is far
	 * slower. */
	__asm__ volatile("call *%%gs:0x10"
	                 : "=a"(result)
	                 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
	                 : "memory");
#endif
	return result;
}

#endif
