/* SPDX-License-Identifier: MIT */
/*
 * Hits as JSON, one object a line (docs/hit.schema.json). The names and their meaning are kept
 * stable. The only room that knows jansson.
 */
#ifndef MT_RECORD_JSON_H
#define MT_RECORD_JSON_H

#include "base/buf.h"
#include "record/hit.h"
#include "record/place.h"

/* One watch of the armed line. */
struct mt_json_armed {
	const struct mt_hit_watch *watch;
	pid_t pid;
	unsigned registers, shared, threads, uncovered;
	const char *why;    /* of uncovered; may be NULL */
	const char *engine; /* "kernel" or "ptrace" */
	bool kernel;
	const char *kernel_why; /* may be NULL */
	const char *unheard;    /* why it is not seen who unmaps it; NULL: it is */
	bool per_call;          /* each call of its function has its own: addr is not known yet */
	size_t pointers;        /* with --deep: addr is where it is first */
	bool is_away;           /* they lead nowhere */
	bool per_thread;        /* each thread has its own: addr is one of them */
	const char *condition;  /* "kernel", "stream" or NULL */
	const char *why_steps;  /* by single steps, and why; NULL: not */
	double step_us;         /* what one costs */
};
void mt_json_armed(struct mt_buf *out, const struct mt_json_armed *armed);

void mt_json_hit(struct mt_buf *out, const struct mt_hit *hit);

/* `kind` is "info" or "warning". */
void mt_json_notice(struct mt_buf *out, const char *kind, const char *text);

struct mt_json_summary {
	uint64_t hits, lost, unseen, outside, uncounted, unmet, unchanged;
	unsigned threads, uncovered, never_armed;
	uint64_t calls, unwatched, moves, unmapped, borrowers;
	double seconds;
	uint64_t start_ns;
	bool exited;
	int exit_status, exit_signal; /* -1 and 0 where they do not apply */
	pid_t stopped;
	const char *core; /* the file that was written; NULL: none was */
	struct mt_places *places;
};
void mt_json_summary(struct mt_buf *out, const struct mt_json_summary *summary);

#endif
