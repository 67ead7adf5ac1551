/* SPDX-License-Identifier: MIT */
/* What the files of the room share. */
#ifndef MT_PRINT_PRINTER_H
#define MT_PRINT_PRINTER_H

#include "print/print.h"

/* The bytes that a value was read as, and which of them there are. */
struct mt_whole {
	const uint8_t *bytes;
	size_t size;
	const uint8_t *gone;   /* of each byte, the bits that are optimized out; NULL: none is */
	const uint8_t *unread; /* the same of those that can't be read */
	bool has_addr;
	uint64_t addr;
};

/* A value in them. A bit-field's bytes were extended to its type, in a whole of their own. */
struct mt_part {
	const struct mt_type *type;
	const struct mt_whole *whole;
	size_t offset;
	size_t size; /* that may be read: as many as the type has, or as there are */
};

/* Deeper than any sane value: static members and formatters lead out of a value, perhaps into
 * itself. */
enum { MT_PRINT_DEPTH = 64, MT_PRINT_VIRTUALS = 16 };

struct mt_printer {
	const struct mt_world *world;
	const struct mt_print_options *options;
	struct mt_arena *arena;
	struct mt_buf *out;
	size_t start;   /* of the text in `out` */
	unsigned depth; /* of structs and arrays around */

	/* Virtual bases that were written: an object has each of them once. */
	const struct mt_type *virtuals[MT_PRINT_VIRTUALS];
	size_t virtual_count, virtual_start; /* those of this object begin there */
};

/* Any value. mt_print_object(): one that is no base class of what is around it. */
void mt_print_part(struct mt_printer *printer, struct mt_part part);
void mt_print_object(struct mt_printer *printer, struct mt_part part);

/* Reads the value, and prints it as any. An error where nothing of it can be read. */
struct mt_error *mt_print_read(struct mt_printer *printer, const struct mt_value *value);

/* Where something at `addr` would stand that can't be read. */
static inline void mt_print_unreadable(const struct mt_print_options *options, uint64_t addr,
                                       struct mt_buf *out)
{
	if (options->captured)
		mt_buf_text(out, "<not read at the hit>");
	else
		mt_buf_printf(out, "<error: Cannot access memory at address 0x%llx>",
		              (unsigned long long)addr);
}

static inline const uint8_t *mt_part_bytes(struct mt_part part)
{
	return part.whole->bytes + part.offset;
}

/* The member or element at `offset` of it. */
static inline struct mt_part mt_part_of(struct mt_part part, const struct mt_type *type,
                                        uint64_t offset)
{
	size_t left = offset <= part.size ? part.size - (size_t)offset : 0;

	return (struct mt_part){ type, part.whole, part.offset + (part.size - left),
		                 type->size && type->size < left ? (size_t)type->size : left };
}

/* It as a value of its own, for those who evaluate. */
struct mt_value mt_part_value(struct mt_part part);

/* Whether the text is as long as it may be. */
bool mt_printer_is_full(const struct mt_printer *printer);

/* A new line at the depth of the printer's members, or of what encloses them. */
void mt_printer_break(struct mt_printer *printer, unsigned depth);

/* The bytes as they are: of what has no type, or not all of its bytes. */
void mt_print_raw(struct mt_printer *printer, struct mt_part part);

/* scalar.c */
void mt_print_scalar(struct mt_printer *printer, struct mt_part part);

/* pointer.c: without a type before it. */
void mt_print_pointer(struct mt_printer *printer, struct mt_part part);
void mt_print_member_pointer(struct mt_printer *printer, struct mt_part part);

/* array.c, struct.c, rust.c */
void mt_print_array(struct mt_printer *printer, struct mt_part part);
void mt_print_struct(struct mt_printer *printer, struct mt_part part);
void mt_print_rust(struct mt_printer *printer, struct mt_part part);

/* The value of the member of `part`, without its name. */
void mt_print_member(struct mt_printer *printer, const struct mt_member *member,
                     struct mt_part part);

/* formatted.c: by a formatter. False: there is none for it. */
bool mt_print_formatted(struct mt_printer *printer, struct mt_part part);

/* ---- Text (text.c) ----------------------------------------------------------- */

/* How wide the characters of a textual type are; 0: it is no character. */
unsigned mt_character_width(const struct mt_type *type);
/* What stands before the quote: "", "L", "u", "U". */
const char *mt_character_prefix(const struct mt_type *type);

/* 97 'a': number and all. */
void mt_print_character(const struct mt_print_options *options, const struct mt_type *type,
                        const uint8_t *bytes, struct mt_buf *out);

/* Characters in quotes, runs counted, up to options->elements; `more`: they are not all. */
void mt_print_text(const struct mt_print_options *options, const char *prefix, const uint8_t *bytes,
                   size_t count, unsigned width, bool more, struct mt_buf *out);

#endif
