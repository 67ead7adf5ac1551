/* SPDX-License-Identifier: MIT */
/*
 * Hits as text for people. What repeats (the culprit's line, the stack) is formatted once and kept
 * with it.
 */
#ifndef MT_RECORD_TEXT_H
#define MT_RECORD_TEXT_H

#include "base/buf.h"
#include "record/hit.h"
#include "record/place.h"

/* CLOCK_MONOTONIC as the time of day, "14:02:11.083412"; the difference of the clocks is taken
 * once. */
void mt_text_time(struct mt_buf *out, uint64_t monotonic_ns);

/*
 * #1  14:02:11.083412  worker 4242/4250  write  counter: 41 -> 42
 *       account_add+0x1f (account.c:57) [server]  addq $1, 0x2ed5(%rip)
 *       main+0x8a (main.c:112) [server]
 */
void mt_text_hit(struct mt_buf *out, const struct mt_hit *hit);

/* The table of places: share, hits, place, first and last time since `start_ns`, range of values.
 */
void mt_text_places(struct mt_buf *out, struct mt_places *places, uint64_t start_ns,
                    size_t watches);

/* The value of a watch, in its type; "?" when it is not known. */
void mt_text_value(struct mt_buf *out, const struct mt_hit_watch *watch, const uint8_t *value,
                   bool known);

#endif
