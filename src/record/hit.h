/* SPDX-License-Identifier: MIT */
/*
 * A hit: one access to watched memory, the same record everywhere, whoever asked for it.
 *
 * Pointers in a hit are valid while it is handed over; code and stacks are interned and live as
 * long as the session that made them.
 */
#ifndef MT_RECORD_HIT_H
#define MT_RECORD_HIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "expr/capture.h"
#include "insn/insn.h"
#include "symbol/type.h"
#include "x86/debugreg.h"

/* A place in the code, with the names that belong to it. */
struct mt_code {
	uint64_t pc;
	const char *function; /* NULL: unknown */
	uint64_t offset;      /* of pc from the function's start */
	const char *file;     /* NULL: no line information */
	unsigned line;
	const char *module; /* the file's name; NULL: in no module */
	bool inlined;       /* `function` was inlined into the next frame's */
};

struct mt_stack {
	struct mt_code
	    *frames; /* innermost first; inlined ones included, with the pc of their host */
	size_t count;
	bool cut;   /* there are more frames outside than could be had */
	char *text; /* as the output shows it, text or JSON; NULL until then */
	size_t text_len;
};

/* What did it: the instruction, and where it stands. */
struct mt_culprit_code {
	struct mt_culprit culprit; /* how: MT_CULPRIT_UNKNOWN leaves insn empty */
	struct mt_code code;       /* of the instruction; of the trap's pc when it is unknown */
	char *text;                /* as the output shows it, text or JSON; NULL until then */
	size_t text_len;
	void *place; /* the summary's, see record/place.h */
};

/* One watch as people named it. */
struct mt_hit_watch {
	unsigned index; /* of the expression on the command line, from 1 */
	const char *expr;
	enum mt_dr_kind kind;
	uint64_t addr, len;
	const struct mt_type *type; /* owned by `image` */
	struct mt_image *image;
};

struct mt_syscall {
	enum mt_machine machine; /* whose numbers and arguments: see target/syscall.h */
	uint64_t number;
	uint64_t args[6];
	char fd_name[128]; /* of args[0], when it is a file descriptor; empty: unknown */
};

/* An expression that is shown with the hit, and what was captured for it. */
struct mt_hit_capture {
	const struct mt_capture *capture;
	const struct mt_captured *captured;
};

struct mt_hit {
	uint64_t n;       /* from 1, over all watches */
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	pid_t pid, tid;
	const char *comm;
	const struct mt_hit_watch *watch;
	unsigned access; /* MT_INSN_READ and/or MT_INSN_WRITE; 0: not known; execution has none */
	/* It is no access: the kernel, in `syscall`, has taken the memory away. What is mapped
	 * there next is watched. */
	bool unmapped;
	uint64_t moved_to; /* with `unmapped`: where it is now, which is not watched; 0: nowhere */
	uint8_t old_value[MT_DR_MAX_RANGE], new_value[MT_DR_MAX_RANGE];
	bool old_known;
	bool new_known;        /* false: memory could not be read at the hit */
	bool from_instruction; /* new is what the instruction stored; else what memory held at the
	                          hit */
	bool undecided;        /* the condition depends on memory that could not be read: whether it
	                          holds is not known */
	bool kernel;           /* the kernel did it, in `syscall`, on behalf of the thread */
	struct mt_syscall syscall;
	unsigned pieces; /* hits of the hardware that this one access is made of */
	uint64_t pc;     /* of the trap; of the system call's return for the kernel */
	struct mt_culprit_code *code;
	struct mt_stack *stack;                /* NULL: not asked for */
	const struct mt_hit_capture *captures; /* capture_count of them, in the order of asking */
	size_t capture_count;
};

/* Whether the access left the value as it was. */
static inline bool mt_hit_unchanged(const struct mt_hit *hit)
{
	return hit->old_known && hit->new_known &&
	       __builtin_memcmp(hit->old_value, hit->new_value, hit->watch->len) == 0;
}

/* "write", "read", "access" (where it is not known which), "exec" or "unmap". */
const char *mt_hit_access_name(const struct mt_hit *hit);

/* "write", "read", "access" or "exec": what was asked for. */
const char *mt_kind_name(enum mt_dr_kind kind);

#endif
