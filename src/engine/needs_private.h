/* SPDX-License-Identifier: MIT */
/*
 * Inside src/engine: what the value of a watched expression has come from. Included by
 * engine_private.h.
 *
 * An expression that depends on registers, or on a frame, is evaluated after each step. What went
 * into an evaluation is kept with what came of it: registers of the thread, memory (of the
 * expression, of locations, of the stack up to its frame), and what the place in the code means.
 * Wherever all of that is found again, the same would come of it, and nothing is evaluated.
 */
#ifndef MT_ENGINE_NEEDS_PRIVATE_H
#define MT_ENGINE_NEEDS_PRIVATE_H

#include "cfi/row.h"
#include "engine/watch_private.h"

#define MT_NEEDS_PLACES 48
#define MT_NEEDS_VECTORS 4
#define MT_NEEDS_BYTES 4096 /* at most, in all of the places */

struct mt_needs_place {
	uint64_t addr, len;
};

/* ---- What an evaluation reads ---------------------------------------------- */

struct mt_reads {
	bool beyond;   /* something else than memory and the registers here */
	uint32_t regs; /* a bit for each general register of the thread, by name */
	size_t count;
	struct mt_needs_place places[MT_NEEDS_PLACES];
	size_t vector_count; /* registers of the XSAVE area */
	const struct mt_register *vectors[MT_NEEDS_VECTORS];
};

/* The session's world tells what is asked of it; debug->reads takes it, if anybody listens. */
void mt_reads_note(struct mt_debug *debug, uint64_t addr, uint64_t len);
void mt_reads_note_register(struct mt_debug *debug, const char *name);
void mt_reads_note_vector(struct mt_debug *debug, const struct mt_register *reg);
void mt_reads_note_beyond(struct mt_debug *debug);

/* ---- Call frame information by pc -------------------------------------------- */

/* Rows that were looked for once. Code comes and goes by system calls only. */
struct mt_rows;
struct mt_rows *mt_rows_create(void);
void mt_rows_destroy(struct mt_rows *rows);
void mt_rows_begin(struct mt_rows *rows, struct mt_image *image); /* nothing is known yet */

/* ---- What it needs ----------------------------------------------------------- */

struct mt_needs {
	/* Of frames: false, and it needs none. */
	bool framed;
	bool is_innermost;      /* its own frame is the thread's, and `low` and `high` count */
	uint64_t cfa, function; /* of the thread's innermost frame */
	uint64_t low, high;     /* the same locations are found in [low, high) */
	uint64_t lowest_slot;   /* of the stack's that registers were saved in */
	uint32_t ruled;         /* registers of the caller that are to be found by `rules` */
	struct mt_cfi_place rules[MT_CFI_REGS];

	uint32_t regs;                  /* registers of the thread, */
	struct user_regs_struct values; /* as they were */
	size_t place_count;
	struct mt_needs_place places[MT_NEEDS_PLACES];
	uint8_t *bytes; /* that lay there, one place after the other; owned */
	size_t total;
	size_t vector_count;
	struct {
		const struct mt_register *reg;
		uint8_t bytes[MT_REGISTER_MAX_SIZE];
	} vectors[MT_NEEDS_VECTORS];

	/* What has come of it. */
	struct mt_watch_content content;
	struct mt_watch_part *parts; /* what is armed; `by` and `bytes` mean nothing; owned */
	size_t part_count;
};

/* What was needed when the same was there as there is now for the thread, and has come to what the
 * value is taken to be. NULL: it is to be evaluated. Valid until something is learnt. */
const struct mt_needs *mt_watched_recall(const struct mt_watched *watched, struct mt_thread *thread,
                                         const struct user_regs_struct *regs, struct mt_rows *rows);
/* Whether registers and place are still what is needed. Memory is for the caller to look at. */
bool mt_needs_hold(const struct mt_needs *needs, struct mt_thread *thread,
                   const struct user_regs_struct *regs, struct mt_rows *rows);
/* Whether the place in the code, `regs`' pc, means the same, as far as registers tell that are not
 * among `unknown`. */
bool mt_needs_stay(const struct mt_needs *needs, struct mt_rows *rows, const struct mt_regs *regs,
                   uint32_t unknown);
/* False: there is no room for another place. */
bool mt_needs_add_place(struct mt_needs_place *places, size_t *count, uint64_t addr, uint64_t len);
/* Reads what lies at all places. False: it cannot be read. */
bool mt_needs_read(const struct mt_thread *thread, const struct mt_needs *needs, uint8_t *bytes);
/* Becomes the watched expression's; in place of the oldest, if there are many. */
void mt_watched_keep_needs(struct mt_watched *watched, struct mt_needs *needs);
void mt_needs_destroy(struct mt_needs *needs);
void mt_watched_forget_needs(struct mt_watched *watched);
/* Modules have come or gone. */
void mt_watches_forget_needs(const struct mt_proc *memory);

/* ---- watch_learn.c: what an evaluation has needed ----------------------------- */

/* Keeps what the evaluation of `fresh` needed, which was done right now, as that level of the
 * thread was looked at; if it can be told. */
void mt_watched_learn(struct mt_watched *watched, const char *expression, struct mt_thread *thread,
                      unsigned level, const struct mt_watched *fresh, const struct mt_reads *reads);

#endif
