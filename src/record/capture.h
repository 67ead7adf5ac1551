/* SPDX-License-Identifier: MIT */
/* What was captured for an expression at a hit, as text: room print's, over the captured bytes. */
#ifndef MT_RECORD_CAPTURE_H
#define MT_RECORD_CAPTURE_H

#include "base/buf.h"
#include "record/hit.h"

/* The value's bytes, capture->size of them, where it could be read. */
static inline const uint8_t *mt_capture_bytes(const struct mt_hit_capture *capture)
{
	return (const uint8_t *)(capture->captured + 1);
}

/* As gdb's print shows it, on one line; what could not be read at the hit is told in its place. */
void mt_capture_text(struct mt_buf *out, struct mt_image *image,
                     const struct mt_hit_capture *capture);

#endif
