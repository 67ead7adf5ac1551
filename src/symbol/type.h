/* SPDX-License-Identifier: MIT */
/*
 * Types of the program, and values of them as text. Types belong to the image's files and live as
 * long as the image; they are immutable and compared by mt_type_same().
 */
#ifndef MT_SYMBOL_TYPE_H
#define MT_SYMBOL_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "symbol/image.h"

enum mt_type_kind {
	MT_TYPE_VOID,
	MT_TYPE_INT, /* with is_signed */
	MT_TYPE_BOOL,
	MT_TYPE_CHAR,  /* character types of one byte (DW_ATE_signed_char, _unsigned_char, _UTF) */
	MT_TYPE_FLOAT, /* size 4, 8 or 16 (x87 long double) */
	MT_TYPE_ENUM,
	MT_TYPE_POINTER, /* also C++ references, `is_reference` */
	MT_TYPE_ARRAY,
	MT_TYPE_STRUCT, /* class too */
	MT_TYPE_UNION,
	MT_TYPE_FUNCTION,
	MT_TYPE_BYTES, /* no type known, `size` raw bytes: shown as a hexadecimal integer up to 8
	                  bytes */
};

struct mt_type;
struct mt_lazy_type;

struct mt_member {
	const char *name; /* NULL: anonymous struct or union, or a base class (is_base) */
	const struct mt_type *type;
	uint64_t offset; /* bytes from the start of the struct */
	uint8_t bit_offset,
	    bit_size; /* of a bit-field, bit_size 0 otherwise; from the byte at offset */
	bool is_base;
};

struct mt_enumerator {
	const char *name;
	int64_t value;
};

struct mt_type {
	enum mt_type_kind kind;
	const char
	    *name; /* as written in C: "unsigned int", "struct conn", "enum state"; NULL if none */
	uint64_t size; /* in bytes; 0: incomplete */
	bool is_signed;
	bool is_reference;
	const struct mt_type
	    *target; /* pointer: what it points to; array: the element; function: what it returns */
	uint64_t
	    count; /* of an array; 0: unknown ([]), multi-dimensional ones are arrays of arrays */
	const struct mt_member *members;
	size_t member_count;
	const struct mt_enumerator *enumerators;
	size_t enumerator_count;
	struct mt_lazy_type *lazy; /* src/symbol's own: where to read more; may be NULL */
};

/* typedefs and qualifiers are already stripped in mt_type; the name keeps the typedef's. */

/*
 * Programs' types hang together through pointers, tens of thousands of them, so what lies behind a
 * pointer is read on demand: this makes sure that the members of `type` (a struct or union, or what
 * an array is made of) are there, and that a struct which is only declared here is replaced by its
 * definition elsewhere. Types that this room hands out are complete, and mt_type_member() and
 * mt_value_format() complete what they are given: it is for those who read `members` behind a
 * pointer themselves.
 */
void mt_type_complete(const struct mt_type *type);

/* A type of our own making, static or owned by the image. */
const struct mt_type *mt_type_bytes(struct mt_image *image,
                                    uint64_t size); /* NULL without memory */
const struct mt_type *mt_type_array(struct mt_image *image, const struct mt_type *element,
                                    uint64_t count);
const struct mt_type *mt_type_pointer(struct mt_image *image, const struct mt_type *target);

/* The C base types by name, known without DWARF: "char", "unsigned long", "int32_t", "uint8_t",
 * "size_t", "float", "double", "bool", "long long" … in any order of the words. NULL: not one. */
const struct mt_type *mt_type_base(const char *name);

/* The same with the machine's sizes: those above are x86-64's. What a program for i386 may choose
 * the size of (off_t, time_t) is NULL there. */
const struct mt_type *mt_type_base_of(enum mt_machine machine, const char *name);

/* A named type of the program: "struct conn", "conn" (typedef, C++ class), "enum state",
 * "ns::Class". NULL: none. Base types are found too. */
const struct mt_type *mt_type_find(struct mt_image *image, const char *name);

bool mt_type_same(const struct mt_type *a, const struct mt_type *b);
bool mt_type_is_scalar(
    const struct mt_type *type); /* int, bool, char, float, enum, pointer, bytes ≤ 8 */

/* Looks a member up by name, through anonymous members and base classes too. `offset` is from the
 * start of `type`. NULL: no such member. */
const struct mt_member *mt_type_member(const struct mt_type *type, const char *name,
                                       uint64_t *offset);

/* "struct conn *", "int [4]". */
void mt_type_format(const struct mt_type *type, struct mt_buf *out);

/*
 * `bytes`, `size` of them, as a value of `type`, on one line and bounded: -5, 4096, true, 65 'A',
 * RUNNING (or 7 where no enumerator has the value; flags or-ed), 0x55… <table+16>, 0.25,
 * {a = 1, b = {2, 3}}, "text" for char arrays, 0xdeadbeef for bytes. `image` finds symbols for
 * pointers and may be NULL. Fewer bytes than the type needs: what there is, as raw hexadecimal.
 */
void mt_value_format(struct mt_image *image, const struct mt_type *type, const uint8_t *bytes,
                     size_t size, struct mt_buf *out);

/* A bit-field among the `size` bytes of its struct as a value of its type, extended by its sign to
 * all of `out`. False: it lies past them. */
#define MT_BIT_FIELD_MAX 16
bool mt_value_bit_field(const struct mt_member *member, const uint8_t *bytes, size_t size,
                        uint8_t out[MT_BIT_FIELD_MAX]);

#endif
