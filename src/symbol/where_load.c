/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "symbol/where_private.h"

/* Larger values are read in steps of this. */
#define STEP 4096u

/* ---- Memory and registers ------------------------------------------------ */

enum mt_machine mt_where_machine(const struct mt_where_frame *frame)
{
	return frame->image ? mt_image_machine(frame->image) : MT_MACHINE_X86_64;
}

struct mt_error *mt_where_read(const struct mt_where_frame *frame, uint64_t addr, void *out,
                               size_t size)
{
	if (!frame->read)
		return mt_error_new(MT_ERR_UNREADABLE, "there is no memory to read");
	return frame->read(frame->arg, addr, out, size);
}

/* st0 … st7: System V ABI figure 3.36, and of i386 table 2.14. */
static bool is_x87(enum mt_machine machine, unsigned reg)
{
	return machine == MT_MACHINE_I386 ? reg >= 11 && reg <= 18 : reg >= 33 && reg <= 40;
}

/* A float or a double in an x87 register has its extended form there. */
static struct mt_error *read_x87(const struct mt_where_frame *frame, unsigned reg, void *out,
                                 size_t size)
{
	long double extended = 0;
	double wide;
	float narrow;

	MT_TRY(frame->vector(frame->arg, reg, &extended, 10));
	wide = (double)extended;
	narrow = (float)extended;
	memcpy(out, size == sizeof(narrow) ? (void *)&narrow : (void *)&wide, size);
	return NULL;
}

struct mt_error *mt_where_register(const struct mt_where_frame *frame, unsigned reg,
                                   uint64_t offset, void *out, size_t size)
{
	enum mt_machine machine = mt_where_machine(frame);
	uint8_t general = mt_cfi_register(machine, reg), bytes[64];

	if (general < MT_CFI_REGS) {
		mt_where_note_used(frame, 1U << general);
		if (!frame->regs || !(frame->known >> general & 1))
			return mt_where_unsaved(machine, general);
		if (offset > sizeof(uint64_t) || size > sizeof(uint64_t) - offset)
			return mt_error_new(MT_ERR_FORMAT, "register %s is too small for the value",
			                    mt_reg_name(general));
		memcpy(out, (const uint8_t *)&frame->regs->r[general] + offset, size);
		return NULL;
	}
	if (!frame->vector)
		return mt_error_new(MT_ERR_UNSUPPORTED, "register %u is not to be had here", reg);
	if (is_x87(machine, reg) && !offset && (size == sizeof(float) || size == sizeof(double)))
		return read_x87(frame, reg, out, size);
	if (offset > sizeof(bytes) || size > sizeof(bytes) - offset)
		return mt_error_new(MT_ERR_FORMAT, "register %u is too small for the value", reg);
	MT_TRY(frame->vector(frame->arg, reg, bytes, (size_t)offset + size));
	memcpy(out, bytes + offset, size);
	return NULL;
}

/* ---- Pieces -------------------------------------------------------------- */

/* Whole bytes of a piece, from `offset` on. */
static struct mt_error *read_bytes(const struct mt_where_frame *frame,
                                   const struct mt_where_piece *piece, uint64_t offset, void *out,
                                   size_t size)
{
	switch (piece->kind) {
	case MT_WHERE_MEMORY:
		return mt_where_read(frame,
		                     mt_machine_wrap(mt_where_machine(frame), piece->addr + offset),
		                     out, size);
	case MT_WHERE_REGISTER:
		return mt_where_register(frame, piece->reg, offset, out, size);
	case MT_WHERE_VALUE:
		memset(out, 0, size);
		if (offset < piece->value_size) {
			size_t left = piece->value_size - (size_t)offset;

			memcpy(out, piece->value + offset, size < left ? size : left);
		}
		return NULL;
	case MT_WHERE_POINTER:
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "it points to a variable that lies nowhere");
	default:
		return mt_error_new(MT_ERR_UNSUPPORTED, "optimized out");
	}
}

/* What is asked for: bits of the value, which stand from the first bit of `out` on. */
struct request {
	const struct mt_where_frame *frame;
	uint64_t first, count;
	uint8_t *out;
	uint8_t *gone;
};

static void copy_bits(uint8_t *to, uint64_t to_bit, const uint8_t *from, uint64_t from_bit,
                      uint64_t count)
{
	if (!(to_bit % 8) && !(from_bit % 8)) {
		memcpy(to + to_bit / 8, from + from_bit / 8, (size_t)(count / 8));
		to_bit += count & ~UINT64_C(7);
		from_bit += count & ~UINT64_C(7);
		count %= 8;
	}
	for (uint64_t i = 0; i < count; i++)
		if (from[(from_bit + i) / 8] >> (from_bit + i) % 8 & 1)
			to[(to_bit + i) / 8] |= (uint8_t)(1 << (to_bit + i) % 8);
}

static void mark_gone(const struct request *request, uint64_t at, uint64_t count)
{
	for (uint64_t end = at + count; at < end;) {
		unsigned first = at % 8, left = 8 - first;
		unsigned bits = end - at < left ? (unsigned)(end - at) : left;

		request->gone[at / 8] |= (uint8_t)((0xffu >> (8 - bits)) << first);
		at += bits;
	}
}

/* `count` bits of the piece from its bit `from` on become those of `out` from bit `at` on. */
static struct mt_error *load_piece(const struct request *request,
                                   const struct mt_where_piece *piece, uint64_t from, uint64_t at,
                                   uint64_t count)
{
	bool exists = piece->kind != MT_WHERE_GONE && piece->kind != MT_WHERE_POINTER;
	uint64_t bit = piece->bit_offset + from;

	if (!exists && request->gone) {
		mark_gone(request, at, count);
		return NULL;
	}
	while (count) {
		uint8_t bytes[STEP];
		uint64_t most = (STEP - 1) * 8, part = count < most ? count : most;

		MT_TRY(read_bytes(request->frame, piece, bit / 8, bytes,
		                  (size_t)((bit % 8 + part + 7) / 8)));
		copy_bits(request->out, at, bytes, bit % 8, part);
		bit += part;
		at += part;
		count -= part;
	}
	return NULL;
}

/* What lies behind the last piece is as good as optimized out. */
static struct mt_error *load_rest(const struct request *request, uint64_t at)
{
	static const struct mt_where_piece nothing = { .kind = MT_WHERE_GONE };

	return at < request->count ? load_piece(request, &nothing, 0, at, request->count - at)
	                           : NULL;
}

static struct mt_error *load_pieces(const struct request *request, const struct mt_where *where)
{
	uint64_t start = 0; /* of the piece */

	for (size_t i = 0; i < where->len; i++) {
		const struct mt_where_piece *piece = &where->data[i];
		uint64_t bits = piece->bits ? piece->bits : UINT64_MAX - start, end;
		uint64_t last = request->first + request->count;

		if (__builtin_add_overflow(start, bits, &end))
			end = UINT64_MAX;

		uint64_t from = request->first > start ? request->first : start;
		uint64_t to = last < end ? last : end;

		if (from < to)
			MT_TRY(load_piece(request, piece, from - start, from - request->first,
			                  to - from));
		start = end;
	}
	return load_rest(request, start > request->first ? start - request->first : 0);
}

struct mt_error *mt_where_load(const struct mt_where_frame *frame, const struct mt_where *where,
                               uint64_t offset, void *out, size_t size, uint8_t *gone)
{
	const struct request request = {
		.frame = frame, .first = offset * 8, .count = size * 8, .out = out, .gone = gone
	};

	if (offset >= UINT64_MAX / 8 - size)
		return mt_error_new(MT_ERR_UNREADABLE, "no value has a byte %" PRIu64, offset);
	if (!size)
		return NULL;
	memset(out, 0, size);
	if (gone)
		memset(gone, 0, size);
	/* By far the most variables are in one piece. */
	if (where->len == 1 && !where->data[0].bits && !where->data[0].bit_offset &&
	    where->data[0].kind == MT_WHERE_MEMORY)
		return read_bytes(frame, &where->data[0], offset, out, size);
	return load_pieces(&request, where);
}
