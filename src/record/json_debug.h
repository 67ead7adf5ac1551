/* SPDX-License-Identifier: MIT */
/*
 * What `memtrap debug --json` says, one object a line (docs/debug.schema.json). The names and their
 * meaning are kept stable.
 */
#ifndef MT_RECORD_JSON_DEBUG_H
#define MT_RECORD_JSON_DEBUG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

/* `type` is "output" or "error". What is not UTF-8 in the text becomes U+FFFD. */
void mt_json_debug_text(struct mt_buf *out, const char *type, const char *text);

/* A hit of a watchpoint. */
struct mt_json_watch {
	int number;
	const char *expression;
	const char *access;       /* "read", "write", "read-write", "unmap", "unknown" */
	uint64_t address, length; /* of what was touched; length 0: nothing in memory */
	bool is_port;             /* it was an I/O port: `address` is its number */
	const char *before, *now; /* values as print shows them; NULL: not known */
	const char *syscall;      /* that has written it, or NULL */
	const char *insn;         /* that has touched it, or NULL: */
	uint64_t insn_address;
};

struct mt_json_stop {
	const char *reason; /* "breakpoint", "stepped", "signal", "exited" … */
	pid_t pid, tid;
	int thread;         /* its number; 0: none */
	const int *numbers; /* of breakpoints and catchpoints */
	size_t number_count;
	const char *signal;  /* NULL: none */
	const char *syscall; /* NULL: none */
	int status;          /* of an exit; -1: none */
	pid_t child;         /* 0: none */
	uint64_t pc;
	const char *function; /* NULL: unknown */
	uint64_t offset;
	const char *file; /* NULL: unknown */
	unsigned line;
	const char *module; /* NULL: unknown */
	const struct mt_json_watch *watches;
	size_t watch_count;
};

void mt_json_debug_stop(struct mt_buf *out, const struct mt_json_stop *stop);

struct mt_json_debug_notice {
	const char *kind; /* "thread-new", "library", "breakpoint" … */
	pid_t pid, tid;
	int number;         /* of a breakpoint; 0: none */
	const char *signal; /* NULL: none */
	const char *text;   /* NULL: none */
};

void mt_json_debug_notice(struct mt_buf *out, const struct mt_json_debug_notice *notice);

/* The last line: the exit status of memtrap. */
void mt_json_debug_end(struct mt_buf *out, int status);

#endif
