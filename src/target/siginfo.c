/* SPDX-License-Identifier: MIT */
#include "target/siginfo.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static_assert(sizeof(siginfo_t) == MT_SIGINFO_SIZE, "siginfo_t is the kernel's");

#define HEAD 12 /* si_signo, si_errno, si_code */

/* si_code of faults that tell more (asm-generic/siginfo.h). */
enum {
	BUS_MCEERR_FIRST = 4,
	BUS_MCEERR_LAST = 5,
	SEGV_BOUNDS = 3,
	SEGV_KEY = 4,
	TRAP_OF_PERF = 6,
};

/* A member, at its offset from the struct's begin. */
struct member {
	uint8_t narrow, narrow_size, wide, wide_size;
	bool is_signed;
};

#define MAX_MEMBERS 6

struct kind {
	struct member members[MAX_MEMBERS];
};

#define PID                                                                                        \
	{                                                                                          \
		12, 4, 16, 4, false                                                                \
	}
#define UID                                                                                        \
	{                                                                                          \
		16, 4, 20, 4, false                                                                \
	}
#define ADDR                                                                                       \
	{                                                                                          \
		12, 4, 16, 8, false                                                                \
	}

static const struct kind of_kill = { { PID, UID } };
static const struct kind of_timer = { { PID, UID, { 20, 4, 24, 8, true } } };
static const struct kind of_queue = { { PID, UID, { 20, 4, 24, 8, true } } };
static const struct kind of_child = {
	{ PID, UID, { 20, 4, 24, 4, true }, { 24, 4, 32, 8, true }, { 28, 4, 40, 8, true } }
};
static const struct kind of_poll = { { { 12, 4, 16, 8, true }, { 16, 4, 24, 4, true } } };
static const struct kind of_call = { { ADDR, { 16, 4, 24, 4, true }, { 20, 4, 28, 4, false } } };
static const struct kind of_fault = { { ADDR } };
static const struct kind of_memory_error = { { ADDR, { 16, 2, 24, 2, false } } };
static const struct kind of_bounds = { { ADDR, { 20, 4, 32, 8, false }, { 24, 4, 40, 8, false } } };
static const struct kind of_key = { { ADDR, { 20, 4, 32, 4, false } } };
static const struct kind of_perf = {
	{ ADDR, { 16, 4, 24, 8, false }, { 20, 4, 32, 4, false }, { 24, 4, 36, 4, false } }
};

static const struct kind *fault(int signal, int code)
{
	if (signal == SIGBUS && code >= BUS_MCEERR_FIRST && code <= BUS_MCEERR_LAST)
		return &of_memory_error;
	if (signal == SIGSEGV && code == SEGV_BOUNDS)
		return &of_bounds;
	if (signal == SIGSEGV && code == SEGV_KEY)
		return &of_key;
	return signal == SIGTRAP && code == TRAP_OF_PERF ? &of_perf : &of_fault;
}

/* Linux kernel/signal.c, siginfo_layout(). */
static const struct kind *kind_of(int signal, int code)
{
	if (code == SI_TIMER)
		return &of_timer;
	if (code == SI_SIGIO)
		return &of_poll;
	if (code < 0)
		return &of_queue;
	if (code == SI_USER || code >= SI_KERNEL)
		return &of_kill;
	switch (signal) {
	case SIGILL:
	case SIGFPE:
	case SIGSEGV:
	case SIGBUS:
	case SIGTRAP:
		return fault(signal, code);
	case SIGCHLD:
		return &of_child;
	case SIGPOLL:
		return &of_poll;
	case SIGSYS:
		return &of_call;
	default: /* fcntl(2), F_SETSIG */
		return code <= POLL_HUP ? &of_poll : &of_kill;
	}
}

static void copy_member(const uint8_t *from, size_t from_size, uint8_t *to, size_t to_size,
                        bool is_signed)
{
	uint64_t value = 0;

	memcpy(&value, from, from_size);
	if (is_signed && from_size == sizeof(int32_t))
		value = (uint64_t)(int32_t)value;
	memcpy(to, &value, to_size);
}

void mt_siginfo_from_i386(const uint8_t bytes[MT_SIGINFO_SIZE], siginfo_t *info)
{
	uint8_t wide[MT_SIGINFO_SIZE] = { 0 };
	const struct kind *kind;

	memcpy(wide, bytes, HEAD);
	memcpy(info, wide, sizeof(*info));
	kind = kind_of(info->si_signo, info->si_code);
	for (size_t i = 0; i < MAX_MEMBERS && kind->members[i].wide; i++) {
		const struct member *member = &kind->members[i];

		copy_member(bytes + member->narrow, member->narrow_size, wide + member->wide,
		            member->wide_size, member->is_signed);
	}
	memcpy(info, wide, sizeof(*info));
}

void mt_siginfo_to_i386(const siginfo_t *info, uint8_t bytes[MT_SIGINFO_SIZE])
{
	const struct kind *kind = kind_of(info->si_signo, info->si_code);
	uint8_t wide[MT_SIGINFO_SIZE];

	memcpy(wide, info, sizeof(wide));
	memset(bytes, 0, MT_SIGINFO_SIZE);
	memcpy(bytes, wide, HEAD);
	for (size_t i = 0; i < MAX_MEMBERS && kind->members[i].wide; i++) {
		const struct member *member = &kind->members[i];

		copy_member(wide + member->wide, member->wide_size, bytes + member->narrow,
		            member->narrow_size, member->is_signed);
	}
}
