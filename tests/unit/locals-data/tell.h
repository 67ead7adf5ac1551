/* SPDX-License-Identifier: MIT */
/*
 * How the programs here tell the truth of their variables. Each fact is a line
 *
 *	MARKER LEVEL NAME KIND VALUE
 *
 * that says what the variable has when marker(MARKER) is called; LEVEL 1 is the function (perhaps
 * inlined) that calls it, 2 its caller. NAME^1 is the variable of that name which one inner block
 * hides, *NAME what the pointer points to. KIND is i for an integer, f for a floating point number,
 * b for its first bytes in hexadecimal. Values are passed, not addresses, so that variables can be
 *in registers.
 */
#ifndef TELL_H
#define TELL_H

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __clang__
#define NOINLINE __attribute__((noinline, unused))
#else
#define NOINLINE __attribute__((noinline, noclone, unused))
#endif

/* Callers must take it for one that uses all registers that are not theirs; but with IDLE for one
 * that uses none. */
#ifdef IDLE
#define CLOBBERED "cc"
#elif defined(__x86_64__)
#define CLOBBERED                                                                                  \
	"rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3",      \
	    "xmm4", "xmm5", "xmm6", "xmm7"
#else
#define CLOBBERED "eax", "ecx", "edx"
#endif

static NOINLINE void marker(int number)
{
	__asm__ volatile("" : : "m"(number) : "memory", CLOBBERED);
}

static NOINLINE void tell(int number, int level, const char *name, long long value)
{
	printf("%d %d %s i %lld\n", number, level, name, value);
}

static NOINLINE void tell_float(int number, int level, const char *name, long double value)
{
	printf("%d %d %s f %La\n", number, level, name, value);
}

static NOINLINE void tell_bytes(int number, int level, const char *name, const void *bytes,
                                size_t size)
{
	printf("%d %d %s b ", number, level, name);
	for (size_t i = 0; i < size; i++)
		printf("%02x", ((const unsigned char *)bytes)[i]);
	printf("\n");
}

/* The compiler can't know what it gets back. */
static NOINLINE long hidden(long value)
{
	__asm__ volatile("" : "+r"(value));
	return value;
}

#ifdef __cplusplus
}
#endif

#endif
