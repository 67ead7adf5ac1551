/* SPDX-License-Identifier: MIT */
/*
 * Watchpoints: breakpoints (engine/debug.h) that stand for memory instead of code. What one
 * waits for, and what is told of a hit.
 */
#ifndef MT_ENGINE_WATCHPOINT_H
#define MT_ENGINE_WATCHPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "insn/insn.h"
#include "symbol/type.h"

enum mt_watch_access {
	MT_WATCH_CHANGE, /* the value has become another one */
	MT_WATCH_WRITE,  /* it was written, also the same value again */
	MT_WATCH_READ,   /* it was read, by an instruction that does not write it */
	MT_WATCH_ACCESS, /* either */
};

/* How a watchpoint is made (in struct mt_break_spec). */
struct mt_watch_kind {
	enum mt_watch_access access;
	bool at_location; /* what the expression refers to now, whatever it refers to later */
	bool by_stepping; /* not by debug registers, though they could */
	/* I/O ports instead of memory: WRITE is out, READ is in, the others are both. port_count 0:
	 * it is memory. */
	uint16_t port;
	uint32_t port_count;
};

/* Who has touched it. */
enum mt_watch_who {
	MT_WATCH_BY_UNKNOWN, /* another process, or an instruction that can't be found */
	MT_WATCH_BY_INSN,    /* `insn` */
	MT_WATCH_BY_SYSCALL, /* `syscall` has touched it on the thread's behalf */
	MT_WATCH_BY_KERNEL,  /* outside of system calls: a signal handler's frame, for example */
};

/* A value as it was: `size` bytes of `type`; or why it could not be read. */
struct mt_watch_value {
	const uint8_t *bytes; /* NULL: `error` */
	const char *error;
	uint64_t addr; /* where it lies; 0: nowhere */
};

/* One hit. All that it points to is the session's, and valid until the program goes on. */
struct mt_watch_hit {
	int number;
	enum mt_watch_access wanted;
	bool gone;          /* the memory was unmapped by `syscall`; it is watched again when
	                       something is mapped there */
	bool stepped;       /* by single steps, not by a debug register */
	unsigned did;       /* enum mt_insn_access bits; 0: not known */
	uint64_t addr, len; /* what of the watched memory it was; len 0: it was in registers */
	const char *expression;
	const struct mt_type *type;
	struct mt_watch_value before, now;
	struct mt_port_access port; /* size 0: it was memory */
	enum mt_watch_who who;
	struct mt_insn insn;
	uint64_t syscall, arguments[3];
	pid_t tid;
	int thread;
};

/* A hit of the past. */
struct mt_watch_past {
	uint64_t turn; /* counts the watchpoint's hits, from 1 */
	uint64_t ns;   /* since the epoch */
	pid_t pid, tid;
	unsigned did;
	enum mt_watch_who who;
	uint64_t pc; /* of the instruction; of the one that is next where it is not known */
	uint64_t syscall;
	uint8_t size; /* bytes of the values that are kept, at most MT_WATCH_PAST_BYTES */
	bool had_before, has_now;
	uint8_t before[16], now[16];
};

#define MT_WATCH_PAST_BYTES 16
#define MT_WATCH_PAST_COUNT 64

#endif
