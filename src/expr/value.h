/* SPDX-License-Identifier: MIT */
/*
 * Values: what an expression comes to. A value has a type and a home; its bytes are read when they
 * are needed, so `big_table` costs nothing until an element of it is shown.
 *
 * Values live in the arena that they were made in, and name types of the image.
 */
#ifndef MT_EXPR_VALUE_H
#define MT_EXPR_VALUE_H

#include "expr/arena.h"
#include "expr/expr.h"
#include "symbol/where.h"

enum mt_value_home {
	MT_HOME_NOWHERE,  /* the result of an operator: `bytes` */
	MT_HOME_MEMORY,   /* at `addr` */
	MT_HOME_REGISTER, /* a register of the thread: `name` without $, `offset` bytes into it */
	MT_HOME_WHERE,    /* a variable in registers or pieces: `where`, `offset` bytes into it */
	MT_HOME_OWN,      /* the debugger's variable `name`: `bytes`, `offset` bytes into it */
};

struct mt_value {
	const struct mt_type *type;
	enum mt_value_home home;
	uint64_t addr;
	const struct mt_where *where;
	uint64_t offset;
	uint8_t bit_offset,
	    bit_size;     /* of a bit-field, from the byte at addr/offset; bit_size 0: none */
	bool is_function; /* a function designator: addr is its entry */
	const char *name;
	const uint8_t *bytes; /* type->size of them (of a bit-field: as many as its type has) */
	const uint8_t *gone; /* of each of `bytes`, a mask of the bits that are optimized out; NULL:
	                        none is */
	const uint8_t *field; /* of a bit-field: the bytes that hold it, if its struct was read */
	const uint8_t *field_gone; /* the mask of those; NULL: none is gone */
};

/* Whether a bit of byte `i` of the value, whose bytes were fetched, is optimized out. */
static inline bool mt_value_is_gone(const struct mt_value *value, uint64_t i)
{
	return value->gone && value->gone[i];
}

/* ---- The world: what an evaluation may ask for ------------------------------ */

/*
 * Whose names are in scope: those of the blocks around pc in the function that is `inline_depth` up
 * from the innermost that is inlined there (symbol/local.h). Where a frame is looked at it is where
 * the frame stands. An expression that keeps its meaning while the frame goes on keeps its own.
 */
struct mt_scope_place {
	uint64_t pc;
	unsigned inline_depth;
};

/*
 * All functions take `arg`. What is NULL is not to be had there, and an expression that needs it
 * fails with a sentence (UNSUPPORTED, with the place in the text).
 */
struct mt_world {
	struct mt_image *image; /* may be NULL: constants and base types only */
	enum mt_machine machine;
	void *arg;
	mt_memory_reader read; /* NULL: there is no process */
	mt_memory_writer write;

	/* Registers by name, without $ (x86/regtable.h), little-endian bytes. NOT_FOUND: no such
	 * register on this machine. */
	struct mt_error *(*reg_read)(void *arg, const char *name, void *out, size_t size);
	struct mt_error *(*reg_write)(void *arg, const char *name, const void *value, size_t size);

	/* The frame whose variables are in scope; NULL: none, then locals are not. */
	const struct mt_where_frame *frame;
	struct mt_scope_place scope;

	/* A register of this frame by DWARF's number is written (an assignment to a variable that
	 * lives there). UNSUPPORTED: not saved. */
	struct mt_error *(*frame_write)(void *arg, unsigned dwarf_register, uint64_t bit_offset,
	                                const void *bytes, size_t size);

	/* $NAME that is no register: history ("1", "", "$", "$2": what stands after the first $)
	 * and the debugger's variables. An unknown one is void (gdb's habit): false. */
	bool (*own_find)(void *arg, const char *name, struct mt_value *value);
	struct mt_error *(*own_set)(void *arg, const char *name, const struct mt_value *value);

	/* Calls the function at `addr` of that function type (its target: what it returns; NULL:
	 * int) in the stopped program. `result` is made in the arena. */
	struct mt_error *(*call)(void *arg, struct mt_arena *arena, uint64_t addr,
	                         const struct mt_type *type, const struct mt_value *args,
	                         size_t count, struct mt_value *result);

	/* Puts bytes into the program's memory, for string literals that are passed to it
	 * (`call puts("x")`). NULL: refused. */
	struct mt_error *(*place)(void *arg, const void *bytes, size_t size, uint64_t *addr);

	/* Told of each variable of a frame that a name comes to. NULL: nobody wants to know. */
	void (*named)(void *arg, const struct mt_local *local);

	/* Told of each part of an lvalue that was read, from its home, which is not NOWHERE: `size`
	 * bytes. What a value depends on is the sum of them. NULL: nobody wants to know. */
	void (*loaded)(void *arg, const struct mt_value *value, size_t size);

	bool may_write; /* assignments, ++ and calls are asked for; else they are refused */

	/* x->m is looked for in the whole object that x leads to (dynamic.h), not only in what its
	 * type says. */
	bool whole_objects;

	/* Trees of texts that were evaluated before; NULL: none are kept. */
	struct mt_kept *kept;
	/* As long as this number stays, so do memory, registers, frame and image: what a name came
	 * to needs not be found again. 0: nothing is known of that. */
	uint64_t moment;
};

/* Keeps the trees of what is evaluated again and again. Belongs to no image. */
struct mt_error *mt_kept_create(struct mt_kept **kept);
void mt_kept_destroy(struct mt_kept *kept); /* NULL is allowed */

/* ---- Evaluating (eval.c) ----------------------------------------------------- */

/*
 * The value of a C expression in that world, made in `arena`, as C types it (on the machine):
 *
 *	integer promotions and the usual conversions; pointer arithmetic and differences; float,
 *	double, long double; sizeof x, sizeof (T), _Alignof; casts to any named type, also T(x); ?:
 *; comma; = += … ++ -- where the world may be written; . -> [] * & ! ~ -; string literals; x@8 (an
 *array of 8 from x on), x@entry (what the parameter was at the call), a[2..5] (elements 2 to 5),
 *{T} addr as gdb has it; file.c::x, func::x, ns::Class::member, this->x and x inside of methods;
 *$rax, $1, $, $$2, $_, $name; f(1, 2); true, false, NULL, nullptr; enumerators; type names alone
 *are an error here: see mt_eval_type().
 *
 * Undefined in C and defined here as expr.h says, but for a division by zero, which is an error to
 * a person. Errors are SYNTAX, NOT_FOUND, AMBIGUOUS, UNREADABLE and UNSUPPORTED; those that have a
 * place carry its offset.
 */
struct mt_error *mt_eval_text(const struct mt_world *world, const char *text,
                              struct mt_arena *arena, struct mt_value *value);

/* The type that a type name or an expression has, without reading memory or effects: for ptype,
 * whatis and sizeof. `is_name`: the text was a type's name. */
struct mt_error *mt_eval_type(const struct mt_world *world, const char *text,
                              struct mt_arena *arena, const struct mt_type **type, bool *is_name);

/* What the preprocessor makes of the text at the frame's line, in the arena; `text` itself where no
 * macro stands in it. The others here do that first. SYNTAX, without a place in the text. */
struct mt_error *mt_eval_macros(const struct mt_world *world, const char *text,
                                struct mt_arena *arena, const char **expanded);

/* Whether the text is an expression at all; no name in it is looked up but types'. SYNTAX. */
struct mt_error *mt_eval_check(const struct mt_world *world, const char *text);

/* The truth of a condition over the world; a void or aggregate value is an error. */
struct mt_error *mt_eval_truth(const struct mt_world *world, const char *text, bool *truth);

/* A variable of the world's frame, as symbol/local.h has found it: without its name, so that one
 * that an inner block hides is had too. */
struct mt_error *mt_value_of_local(const struct mt_world *world, struct mt_arena *arena,
                                   const struct mt_local *local, struct mt_value *value);

/* What a parameter had when the frame's function was entered. UNSUPPORTED: nobody knows. */
struct mt_error *mt_value_at_entry(const struct mt_world *world, struct mt_arena *arena,
                                   const struct mt_local *parameter, struct mt_value *value);

/* ---- Reading and writing values ---------------------------------------------- */

/* Makes `bytes` (and `gone`) available in the arena; a value that has them is left as it is.
 * UNREADABLE; UNSUPPORTED: larger than MT_VALUE_MAX, or incomplete. */
#define MT_VALUE_MAX (16u << 20)
struct mt_error *mt_value_fetch(const struct mt_world *world, struct mt_arena *arena,
                                struct mt_value *value);

/* A part of the value, without reading it. */
struct mt_value mt_value_part(const struct mt_value *value, const struct mt_type *type,
                              uint64_t offset);
struct mt_error *mt_value_member(const struct mt_world *world, const struct mt_value *value,
                                 const char *name, struct mt_value *member);
/* The part of an object that is its base class, a virtual one too; the whole where that is its own.
 * SYNTAX: it is derived from no such class. */
struct mt_error *mt_value_base(const struct mt_world *world, const struct mt_value *object,
                               const struct mt_type *base, struct mt_value *value);
struct mt_error *mt_value_element(const struct mt_world *world, const struct mt_value *array,
                                  int64_t index, struct mt_value *element);
/* What a pointer or reference points to. UNREADABLE only where the pointer itself can't be read. */
struct mt_error *mt_value_deref(const struct mt_world *world, struct mt_arena *arena,
                                const struct mt_value *pointer, struct mt_value *target);

/* An integer, pointer, enumerator, bool, character or float as a number; an array or function is
 * its address. SYNTAX: an aggregate; UNSUPPORTED: optimized out. */
struct mt_number {
	bool is_float, is_signed;
	uint8_t size;
	uint64_t bits; /* extended by its sign to 64 bits */
	uint64_t high; /* of 128 bits (size 16): the upper half */
	long double floating;
};
struct mt_error *mt_value_number(const struct mt_world *world, const struct mt_value *value,
                                 struct mt_number *number);

/* The number as a value of that scalar type, converted as C does. NULL type: that of the number. */
struct mt_error *mt_value_of_number(struct mt_arena *arena, const struct mt_number *number,
                                    const struct mt_type *type, struct mt_value *value);

/* The number as the bytes of that scalar type, at most MT_NUMBER_MAX. */
#define MT_NUMBER_MAX 16
void mt_number_to_bytes(const struct mt_number *number, const struct mt_type *type,
                        uint8_t bytes[MT_NUMBER_MAX]);

bool mt_number_is_true(const struct mt_number *number);

/* An integer with as many bits as any has, extended by its sign; and as a number of 128 bits. */
unsigned __int128 mt_number_wide(const struct mt_number *number);
struct mt_number mt_number_of_wide(unsigned __int128 wide, bool is_signed);

/* Writes `from` to where `to` lives, converted to its type. */
struct mt_error *mt_value_assign(const struct mt_world *world, const struct mt_value *to,
                                 const struct mt_value *from);

#endif
