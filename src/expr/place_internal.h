/* SPDX-License-Identifier: MIT */
/*
 * What the files of places share: place_check.c sees from the tree alone whether it can be a place,
 * place_value.c follows it through types and memory, place.c is the rest.
 */
#ifndef MT_EXPR_PLACE_INTERNAL_H
#define MT_EXPR_PLACE_INTERNAL_H

#include "expr/arena.h"
#include "expr/ast.h"

/*
 * The tree of a text that can be a place. Then operators and operands are those that places have,
 * slices, spans and module offsets are at the root only, and the root is not a value. Errors:
 * SYNTAX with an offset.
 */
struct mt_error *mt_place_parse(const char *text, struct mt_arena *arena,
                                const struct mt_ast **ast);

/* Whether the tree is an integer constant expression: at the root, an address. */
bool mt_place_is_constant(const struct mt_ast *ast);

/* A place, or a value: what a subscript, or the operand of *, comes to. */
struct mt_operand {
	bool is_place;
	bool is_pointer;                /* of a value */
	uint64_t addr;                  /* of a place */
	uint64_t bits;                  /* of a value, extended to 64 bits */
	const struct mt_type *type;     /* of a place; for a pointer's value: what it points to */
	uint8_t bit_offset, bit_size;   /* of a place that is a bit-field; bit_size 0: none */
	const struct mt_module *module; /* of the variable at the root */
	bool from_elf;                  /* of a place: it has no debug information */
};

struct mt_resolver {
	struct mt_image *image;
	const char *text;
	mt_memory_reader read;
	void *arg;
	bool followed; /* memory was read on the way */
	bool thread_local, in_frame;
	const struct mt_place_world *world;
};

/* What the tree comes to; a place of C++ reference type is what it refers to. */
struct mt_error *mt_place_operand(struct mt_resolver *resolver, const struct mt_ast *ast,
                                  struct mt_operand *operand);

/* The same as a value: places are read, arrays become pointers to their first element. */
struct mt_error *mt_place_value(struct mt_resolver *resolver, const struct mt_ast *ast,
                                struct mt_operand *value);

/* The elements of an array, or those behind a pointer, in the tree of a subscript or a range: the
 * place of element 0. `count` is 0 when nothing bounds the index. The element's size is known. */
struct mt_elements {
	struct mt_operand first;
	uint64_t count;
};
struct mt_error *mt_place_elements(struct mt_resolver *resolver, const struct mt_ast *ast,
                                   struct mt_elements *elements);

/* The value of the subscript `ast` of `array`. SYNTAX, with the bounds, when it is outside them. */
struct mt_error *mt_place_index(struct mt_resolver *resolver, const struct mt_ast *ast,
                                const struct mt_ast *array, const struct mt_elements *elements,
                                int64_t *index);

#endif
