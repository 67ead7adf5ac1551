/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: single values on the stack of location expressions, with a base type of
 * the program or, as before DWARF 5, of the generic type: an integer of an address's size (DWARF 5
 * section 2.5.1).
 */
#ifndef MT_SYMBOL_WHERE_VALUE_H
#define MT_SYMBOL_WHERE_VALUE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

enum mt_typed_kind { MT_TYPED_GENERIC, MT_TYPED_SIGNED, MT_TYPED_UNSIGNED, MT_TYPED_FLOAT };

#define MT_TYPED_MAX 16

struct mt_typed {
	uint8_t kind;           /* enum mt_typed_kind */
	uint8_t size;           /* in bytes, MT_TYPED_MAX at most */
	unsigned __int128 bits; /* above `size`: zero */
};

static inline struct mt_typed mt_typed_generic(uint64_t number, uint8_t word)
{
	return (struct mt_typed){ .size = word, .bits = number };
}

/* A zero of the type that a base type's DIE describes. False: not one that can be computed with. */
bool mt_typed_of_type(Dwarf_Die *type, struct mt_typed *zero);

/* The integer, extended by its sign; of a float, its whole part. */
__int128 mt_typed_integer(const struct mt_typed *value);

/* DW_OP_convert and DW_OP_reinterpret to the type of `type`, whose bits don't matter. False where
 * the sizes forbid it. */
struct mt_typed mt_typed_convert(const struct mt_typed *value, const struct mt_typed *type);
bool mt_typed_reinterpret(const struct mt_typed *value, const struct mt_typed *type,
                          struct mt_typed *result);

/* Whether `op` is an operation with one or two operands; what it comes to. False: it has no meaning
 * for these values. `word`: size of the generic type, which comparisons give. */
bool mt_typed_is_unary(uint8_t op);
bool mt_typed_is_binary(uint8_t op);
bool mt_typed_unary(uint8_t op, const struct mt_typed *value, struct mt_typed *result);
bool mt_typed_binary(uint8_t op, const struct mt_typed *a, const struct mt_typed *b, uint8_t word,
                     struct mt_typed *result);

#endif
