/* SPDX-License-Identifier: MIT */
/*
 * Expressions in C's syntax: one lexer and one parser, used for what to watch (a place in memory)
 * and for conditions (a value, computed at every hit).
 *
 * Source positions are byte offsets into the text; errors carry one (mt_error_offset), and
 * mt_expr_caret() draws it.
 */
#ifndef MT_EXPR_EXPR_H
#define MT_EXPR_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/memory.h"
#include "symbol/variable.h"

/* ---- Places: what a watch expression means --------------------------------
 *
 *	counter            cache.c::lru_head     'dir/cache.c'::lru_head     parse::depth_max
 *	ns::Class::total   libfoo.so::x          table[3].refs               a[2..5]   (elements 2
 *to 5) *p                 p->f.g                *(struct conn *)0x7f…       ((int *)buf)[4] &x is
 *not a place: it is an error that says to leave the & out 0x7f12a0001040:8   raw address and length
 *(1 byte to 32; without a length: 8) module+0xoff:len   libfoo.so+0x4010:4, sqlite3+0x1234:8; an
 *offset from the module's first byte counter:4          any place with a length of one's own: its
 *first 4 bytes
 *
 * Integer constants, and + - * / on them, may be subscripts and addresses; so may variables
 *(table[i]), read when the place is resolved.
 */

struct mt_place {
	uint64_t addr;
	uint64_t len;               /* bytes */
	const struct mt_type *type; /* of the whole; owned by the image */
	bool from_elf;              /* no debug information: the type is a guess by size */
	bool followed; /* a pointer or a variable was read on the way: the address holds for now */
	bool in_frame; /* a local variable is on the way: the address is that of one call's */
	bool thread_local; /* its root is thread-local: the address is that of one thread's */
	const struct mt_module *module; /* of the variable at its root, or NULL */
};

/*
 * What `text` names in `image`. Errors: SYNTAX with an offset; those of mt_variable_find(); no such
 * member (with near names); a null or unmapped pointer on the way ("p is NULL, so p->f is
 * nowhere"); a bit-field (the bytes that hold it are named); a value that is no place ("x + 1 is a
 * value, not a place in memory"); an array index out of bounds (an error that gives the bounds: a
 * pointer has none). The length is not checked against the registers. `read` may be NULL where
 * there is no process yet: what needs memory is UNREADABLE then.
 */
struct mt_error *mt_place_resolve(struct mt_image *image, const char *text, mt_memory_reader read,
                                  void *arg, struct mt_place *place);

/* A local variable: where it is, or, where it lies in no memory, its value. */
struct mt_place_local {
	const struct mt_type *type;
	uint64_t addr;
	bool is_value;
	uint64_t bits;
};

/* What was read on the way to a place, in the order of reading: while none of it changes, the
 * place stays. `count` may be more than there is room for. */
#define MT_PLACE_STEPS 3
struct mt_place_step {
	uint64_t addr, len;
};
struct mt_place_steps {
	struct mt_place_step data[MT_PLACE_STEPS];
	size_t count;
};

/* What a place may be looked for in. */
struct mt_place_world {
	struct mt_image *image;
	mt_memory_reader read; /* may be NULL */
	/* Where a thread-local variable's copy of the thread that is meant is; NULL: they are an
	 * error, UNSUPPORTED. */
	struct mt_error *(*tls)(void *arg, const struct mt_module *module, uint64_t offset,
	                        uint64_t *addr);
	/* The local variable `name` of `function` in the frame that is meant; NULL: locals are an
	 * error, UNSUPPORTED. */
	struct mt_error *(*local)(void *arg, const char *function, const char *name,
	                          struct mt_place_local *found);
	struct mt_place_steps *steps; /* are added, also where the place is not reached; or NULL */
	void *arg;                    /* of all functions */
};

/* As above, with the errors of `tls` too. */
struct mt_error *mt_place_resolve_in(const struct mt_place_world *world, const char *text,
                                     struct mt_place *place);

/* Parses only; for telling a bad expression before a program is started. */
struct mt_error *mt_place_check(const char *text);

/* Whether the place is an address of its own, needing no symbols at all ("0x7f…:8"). */
bool mt_place_is_raw(const char *text);

/* ---- Conditions -----------------------------------------------------------
 *
 * A C expression over: old, new (the watched value before and after, in its type; members and
 * elements of small structs and arrays as new.refs, old[2]), tid, pid, hits (accesses to this watch
 * so far, this one included), pc, comm (compared with == and != to a string: comm == "worker"),
 * registers ($rax, $eax, $al, $rip … as they are after the access), true, false, NULL, enumerators
 * of the watched type, integer, character and floating constants, and the operators ! ~ - + * / %
 * << >> < <= > >= == != & ^ | && || ?: and casts to C's base types.
 *
 * Where there is a program, also over its memory: global variables and statics, and at a breakpoint
 * parameters and locals that are in one place there; & * -> . [] and pointer arithmetic on all of
 * them and on `new` where it is a pointer; casts to pointers; enumerators; strcmp(p, "abc") == 0,
 * strncmp(p, "ab", 2) == 0 and $_streq(p, "abc") on texts of up to 63 bytes.
 *
 * Types and conversions are C's on the machine (a long has 8 bytes, 4 on i386): integer promotions,
 * the usual arithmetic conversions, unsigned wins at equal rank; a bit-field promotes by its width.
 * tid and pid are int, hits and pc unsigned long, registers unsigned integers of their part's size.
 * Pointers compare and subtract as unsigned integers; raw bytes up to 8 are an unsigned integer.
 * Defined where C leaves it open, and the same in the kernel: signed arithmetic wraps; a shift
 * counts modulo the width; x / 0 is 0 and x % 0 is x; INT64_MIN / -1 wraps; a floating value that
 * an integer type cannot hold becomes the nearest one that it can, NaN becomes 0.
 */

enum mt_op {
	MT_OP_CONST,  /* u.constant, in canonical form */
	MT_OP_FCONST, /* u.fconstant */
	MT_OP_OLD,    /* `offset`, `width` bytes of the old value */
	MT_OP_NEW,    /* the same of the new */
	MT_OP_TID,
	MT_OP_PID,
	MT_OP_HITS,
	MT_OP_PC,
	MT_OP_REG,     /* u.reg */
	MT_OP_COMM_EQ, /* u.comm: 1 when the thread's name is that */
	MT_OP_LOAD,    /* u.part: `width` bytes of the program's memory at a, its address */
	MT_OP_TEXT_EQ, /* u.text: 1 when the characters at a, an address, are those */
	MT_OP_CAST,    /* a converted to this node's type */
	MT_OP_NEG,
	MT_OP_NOT /* ~ */,
	MT_OP_LNOT /* ! */,
	MT_OP_ADD,
	MT_OP_SUB,
	MT_OP_MUL,
	MT_OP_DIV,
	MT_OP_MOD,
	MT_OP_SHL,
	MT_OP_SHR,
	MT_OP_AND,
	MT_OP_OR,
	MT_OP_XOR,
	MT_OP_EQ,
	MT_OP_NE,
	MT_OP_LT,
	MT_OP_LE,
	MT_OP_GT,
	MT_OP_GE,
	MT_OP_LAND,
	MT_OP_LOR,
	MT_OP_COND, /* a ? b : c */
};

/*
 * The arithmetic type of a node. Integers are held in canonical form: 64 bits, sign- or
 * zero-extended from `size`. By C's promotions operands of arithmetic have size 4 or 8.
 */
struct mt_arith {
	uint8_t size; /* 1, 2, 4, 8 */
	bool is_signed;
	bool is_float; /* evaluated in double; size 4 or 8 */
};

/* The low `size` bytes of `value` in canonical form. */
static inline uint64_t mt_arith_canonical(uint64_t value, struct mt_arith type)
{
	unsigned spare = 64 - 8u * type.size;

	if (type.is_signed)
		return (uint64_t)((int64_t)(value << spare) >> spare);
	return value << spare >> spare;
}

struct mt_cond_node {
	enum mt_op op;
	struct mt_arith type; /* of the result; comparisons and logic give int */
	const struct mt_cond_node *a, *b, *c;
	/* Operands of binary operators have been converted to one type by MT_OP_CAST nodes (but for
	 * shifts). */
	union {
		uint64_t constant;
		double fconstant;
		const struct mt_reg_part *reg;
		char comm[16];
		struct {
			const char *bytes; /* in the condition's arena, with a NUL behind them */
			uint8_t len;
			bool is_prefix; /* more may follow */
		} text;
		struct {
			uint16_t
			    offset; /* of old and new: bytes from the start of the watched range */
			uint8_t width;                /* 1, 2, 4 or 8 */
			uint8_t bit_offset, bit_size; /* of a bit-field; bit_size 0: none */
		} part;
	} u;
};

/* Whether a node of the tree has that operator, and whether one reads the program's memory. */
bool mt_cond_node_uses(const struct mt_cond_node *node, enum mt_op op);
bool mt_cond_node_reads_memory(const struct mt_cond_node *node);

struct mt_cond;

enum { MT_COND_TEXT_MAX = 63 };

/* What a condition may speak of. */
struct mt_cond_scope {
	enum mt_machine machine;
	const struct mt_type *watched; /* of old and new; NULL: there are none */
	struct mt_image *image;        /* whose variables; NULL: no memory is read */
	uint64_t pc;        /* of the breakpoint that it is for, whose locals are seen; 0: none */
	bool *frame_memory; /* set when a local that lies in the frame's memory is named: what lies
	                       there before the prologue has run is not its value. May be NULL */
};

/* Parses and types `text`. Errors: SYNTAX with an offset. UNSUPPORTED: C has a meaning for it that
 * only a value of the debugger's (value.h) can have: a call, a local that moves, long double. */
struct mt_error *mt_cond_compile_in(const struct mt_cond_scope *scope, const char *text,
                                    struct mt_cond **cond);

/* The same over the watched value alone. */
struct mt_error *mt_cond_compile(enum mt_machine machine, const char *text,
                                 const struct mt_type *type, struct mt_cond **cond);
void mt_cond_destroy(struct mt_cond *cond);

const struct mt_cond_node *mt_cond_root(const struct mt_cond *cond);
const char *mt_cond_text(const struct mt_cond *cond);

/* False when it has floating arithmetic: then it is evaluated on the stream, by mt_cond_eval(). */
bool mt_cond_fits_kernel(const struct mt_cond *cond);

/* What a condition is evaluated on. `old` and `new` hold the watched bytes, `len` of them. */
struct mt_cond_input {
	const uint8_t *old_value;
	const uint8_t *new_value;
	size_t len;
	uint32_t tid, pid;
	uint64_t hits;
	const char *comm;
	const struct mt_regs *regs;
	mt_memory_reader read; /* NULL: none of the program's memory can be read */
	void *arg;
	bool *unreadable; /* set when memory that the answer depends on can't be read: there is no
	                     answer. May be NULL where the condition reads none */
};

/* Whether it reads the program's memory. */
bool mt_cond_reads_memory(const struct mt_cond *cond);

/* The same answer as the kernel's, always. */
bool mt_cond_eval(const struct mt_cond *cond, const struct mt_cond_input *input);

/* ---- Errors for people ----------------------------------------------------
 *
 * Appends the text on a line of its own and a caret under the place of `error`, both indented by
 * two spaces; nothing when the error has no place. Tabs and UTF-8 in the text keep the caret in
 * place.
 */
void mt_expr_caret(struct mt_buf *out, const char *text, const struct mt_error *error);

#endif
