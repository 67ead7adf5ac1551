/* SPDX-License-Identifier: MIT */
/*
 * A cursor over untrusted little-endian bytes. A read past the end gives 0, moves to the end and
 * sets `failed`, which stays: a parser may read a whole record and ask once.
 */
#ifndef MT_CFI_READER_H
#define MT_CFI_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A run of bytes inside a section; owned by whoever has the section. */
struct mt_cfi_span {
	const uint8_t *bytes;
	size_t len;
};

struct mt_cfi_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static inline struct mt_cfi_reader mt_cfi_reader_of(struct mt_cfi_span span)
{
	const uint8_t *end = span.len ? span.bytes + span.len : span.bytes; /* may be NULL */

	return (struct mt_cfi_reader){ .at = span.bytes, .end = end };
}

static inline size_t mt_cfi_left(const struct mt_cfi_reader *in)
{
	return (size_t)(in->end - in->at);
}

static inline struct mt_cfi_span mt_cfi_read_span(struct mt_cfi_reader *in, uint64_t len)
{
	struct mt_cfi_span span = { .bytes = in->at, .len = (size_t)len };

	if (len > mt_cfi_left(in)) {
		in->failed = true;
		span.len = 0;
		in->at = in->end;
	}
	in->at += span.len;
	return span;
}

/* An unsigned number of 1, 2, 4 or 8 bytes. */
static inline uint64_t mt_cfi_read_uint(struct mt_cfi_reader *in, size_t size)
{
	struct mt_cfi_span span = mt_cfi_read_span(in, size);
	uint64_t value = 0;

	memcpy(&value, span.bytes, span.len);
	return value;
}

/* A signed one. */
static inline int64_t mt_cfi_read_int(struct mt_cfi_reader *in, size_t size)
{
	unsigned unused_bits = (unsigned)(64 - 8 * size);

	return (int64_t)(mt_cfi_read_uint(in, size) << unused_bits) >> unused_bits;
}

/* LEB128 (DWARF 5 section 7.6); bits beyond the 64th are dropped. */
static inline uint64_t mt_cfi_read_leb(struct mt_cfi_reader *in, bool is_signed)
{
	uint64_t value = 0, byte;
	unsigned shift = 0;

	do {
		byte = mt_cfi_read_uint(in, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (is_signed && shift < 64 && (byte & 0x40))
		value |= ~UINT64_C(0) << shift;
	return value;
}

static inline uint64_t mt_cfi_read_uleb(struct mt_cfi_reader *in)
{
	return mt_cfi_read_leb(in, false);
}

static inline int64_t mt_cfi_read_sleb(struct mt_cfi_reader *in)
{
	return (int64_t)mt_cfi_read_leb(in, true);
}

#endif
