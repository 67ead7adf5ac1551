/* SPDX-License-Identifier: MIT */
/*
 * An expression whose value is shown with each hit (`watch --print`): what has to be captured at
 * the moment of the hit, while the program is not stopped, so that it can be printed later. It is
 * typed as a condition is (expr.h), so that the same loads from computed addresses are made in the
 * kernel; but its value may be anything in memory of a bounded size, and text behind pointers to
 * characters is captured with it.
 */
#ifndef MT_EXPR_CAPTURE_H
#define MT_EXPR_CAPTURE_H

#include "expr/expr.h"

enum {
	MT_CAPTURE_SIZE_MAX = 1024, /* bytes of one value */
	MT_CAPTURE_TEXTS_MAX = 4,   /* pointers to characters in it, whose text is captured */
	MT_CAPTURE_TEXT_LEN = 200,  /* characters of a text, as many as gdb shows */
};

enum mt_capture_state {
	MT_CAPTURE_READ,
	MT_CAPTURE_UNREAD, /* `addr` could not be read at the hit: the value's, or one on the way */
};

/* What the kernel writes for one expression: this, the value's bytes, then the texts (mt_captured_
 * text), each part padded to a multiple of 8. */
struct mt_captured {
	uint64_t state; /* enum mt_capture_state */
	uint64_t addr;  /* of a value that lies in memory */
};

struct mt_captured_text {
	int64_t len; /* with its NUL, and cut to the room there is; negative: could not be read */
	char bytes[(MT_CAPTURE_TEXT_LEN + 1 + 7) / 8 * 8];
};

struct mt_capture {
	const char *expr;
	const struct mt_type *type; /* owned by the image */
	/* The address of what is captured; where `is_number` the value itself. */
	const struct mt_cond_node *node;
	bool is_number;
	bool is_watched;                      /* made of old or new */
	uint32_t size;                        /* of the value */
	uint8_t word;                         /* bytes of a pointer */
	uint32_t texts[MT_CAPTURE_TEXTS_MAX]; /* where in it pointers to characters are */
	size_t text_count;
};

/*
 * Parses and types `text`, in the scope of a condition. Errors: SYNTAX with an offset, for what
 * cannot be computed while the program runs too: calls, changes, floating arithmetic, values of
 * more than MT_CAPTURE_SIZE_MAX bytes. Others as mt_cond_compile_in() has them.
 */
struct mt_error *mt_capture_compile(const struct mt_cond_scope *scope, const char *text,
                                    struct mt_capture **capture);
void mt_capture_destroy(struct mt_capture *capture);

/* The bytes that it takes in a record. */
static inline uint32_t mt_capture_value_room(const struct mt_capture *capture)
{
	return (capture->size + 7) / 8 * 8;
}

static inline uint32_t mt_capture_room(const struct mt_capture *capture)
{
	return (uint32_t)sizeof(struct mt_captured) + mt_capture_value_room(capture) +
	       (uint32_t)(capture->text_count * sizeof(struct mt_captured_text));
}

/* Does in memtrap what the kernel does, for a hit that it was not asked for: fills
 * mt_capture_room() bytes at `captured`. */
void mt_capture_take(const struct mt_capture *capture, const struct mt_cond_input *input,
                     struct mt_captured *captured);

#endif
