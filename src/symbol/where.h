/* SPDX-License-Identifier: MIT */
/*
 * Where a value lies in one frame: DWARF's location expressions and lists, in full (DWARF 5
 * sections 2.5 and 2.6, GNU's forerunners of DWARF 4 too). A value may be in pieces, each in
 * memory, in a register, known without lying anywhere, or gone.
 */
#ifndef MT_SYMBOL_WHERE_H
#define MT_SYMBOL_WHERE_H

#include "base/memory.h"
#include "symbol/local.h"
#include "symbol/variable.h"
#include "x86/regs.h"

/* What was asked of a frame, besides its memory and its CFA. */
struct mt_where_uses {
	uint32_t regs; /* bit n: its regs->r[n], or whether that is known */
	uint64_t low,
	    high; /* at each pc of [low, high) the same expressions say where things are */
};

/* A frame, as location expressions see it. All is borrowed for the call. */
struct mt_where_frame {
	struct mt_image *image;
	uint64_t pc;                /* lookup_pc: pc, or in a caller's frame pc - 1 */
	const struct mt_regs *regs; /* as they were in this frame, as far as `known` says */
	uint32_t known;             /* bit n: regs->r[n] is recovered */
	bool has_cfa;
	uint64_t cfa;
	struct mt_where_uses *uses; /* is added to; `low` and `high` narrowed; NULL: nobody asks */
	mt_memory_reader read;
	void *arg; /* of all functions here */

	/* The address of what is at `offset` in the module's thread-local block of this thread
	 * (target of DW_OP_form_tls_address); NULL: not to be had. */
	struct mt_error *(*tls)(void *arg, const struct mt_module *module, uint64_t offset,
	                        uint64_t *addr);

	/* A register without a place in mt_regs (xmm0 is 17, st0 is 33: System V ABI figure 3.36):
	 * `size` bytes of it. NULL: none. UNSUPPORTED: not saved in this frame. */
	struct mt_error *(*vector)(void *arg, unsigned dwarf_register, void *out, size_t size);

	/* The frame that called this one, for entry values (DW_OP_entry_value by the caller's
	 * DW_TAG_call_site); it is valid until the function is called again. NULL: none. */
	bool (*caller)(void *arg, const struct mt_where_frame *frame,
	               struct mt_where_frame *caller);
};

enum mt_where_kind {
	MT_WHERE_MEMORY,   /* at `addr` */
	MT_WHERE_REGISTER, /* in `reg` */
	MT_WHERE_VALUE,    /* `value`: it lies nowhere, and can't be assigned to */
	MT_WHERE_POINTER,  /* points to a variable that lies nowhere: `pointee` + offset */
	MT_WHERE_GONE,     /* optimized out */
};

#define MT_WHERE_VALUE_MAX 64

struct mt_where_piece {
	enum mt_where_kind kind;
	uint64_t bits;       /* how much of the value; 0 in a location of one piece: all of it */
	uint64_t bit_offset; /* from where in memory, the register or the value */
	uint64_t addr;
	unsigned reg; /* DWARF's number */
	uint8_t value[MT_WHERE_VALUE_MAX];
	uint32_t value_size;
	const struct mt_local_die *pointee;
	int64_t pointee_offset;
};

struct mt_where {
	struct mt_where_piece *data; /* at least one, from the value's low end on */
	size_t len;
	size_t cap;
};

/*
 * Where the variable lies in that frame. What is optimized out is a success of kind GONE; errors
 * are UNREADABLE (memory on the way), UNSUPPORTED (needs a register that is not saved in this
 * frame; an operation that is not known), FORMAT (damaged). Ended by mt_where_deinit().
 */
struct mt_error *mt_where_local(const struct mt_where_frame *frame, const struct mt_local *local,
                                struct mt_where *where);
void mt_where_deinit(struct mt_where *where);

/*
 * What a parameter had when the frame's function was entered, by what the caller says of the call
 * (gdb's x@entry): a VALUE. UNSUPPORTED: nobody knows, it was inlined, or it was not passed in a
 * register.
 */
struct mt_error *mt_where_at_entry(const struct mt_where_frame *frame, const struct mt_local *local,
                                   struct mt_where *where);

/* The same for the variable that a POINTER piece points to. */
struct mt_error *mt_where_pointee(const struct mt_where_frame *frame,
                                  const struct mt_local_die *pointee, struct mt_where *where,
                                  const struct mt_type **type);

/*
 * Whether a caller's registers that functions need not keep are, where a variable is said to be in
 * one at `pc`, a return address - 1, as they were. GCC ends such a range before the call unless it
 * knows that nothing which is called there changes the register (-fipa-ra); clang's go on behind
 * it.
 */
bool mt_where_keeps_registers(struct mt_image *image, uint64_t pc);

/* `type` with what only the frame knows filled in: the bounds of variable length arrays, of
 * Fortran's too. The same type when there is nothing of that kind. Owned by the image. */
struct mt_error *mt_where_type(const struct mt_where_frame *frame, const struct mt_type *type,
                               const struct mt_type **resolved);

/*
 * Copies `size` bytes of the value from its pieces, `offset` bytes into it. `gone`, unless NULL,
 * gets `size` bytes too: of each byte of `out`, a mask of the bits that are optimized out (they are
 * 0); NULL: such bits are an error, UNSUPPORTED "optimized out".
 */
struct mt_error *mt_where_load(const struct mt_where_frame *frame, const struct mt_where *where,
                               uint64_t offset, void *out, size_t size, uint8_t *gone);

/*
 * Whether, at each pc of [low, high), the variable is at one place that a program in the kernel can
 * find: memory at register + offset, at CFA + offset, at a fixed address, or in a register. For
 * conditions that are decided there, at `pc`.
 */
enum mt_simple_kind { MT_SIMPLE_NONE, MT_SIMPLE_FIXED, MT_SIMPLE_BASED, MT_SIMPLE_REGISTER };
struct mt_simple_where {
	enum mt_simple_kind kind;
	enum mt_reg reg; /* BASED and REGISTER */
	int64_t offset;  /* BASED: from the register; the value is there */
	uint64_t addr;   /* FIXED */
};
void mt_where_simple(struct mt_image *image, uint64_t pc, const struct mt_local *local,
                     struct mt_simple_where *simple);

/*
 * Thread-local variables: glibc's and musl's layout of thread-local storage (System V ABI, "ELF
 * Handling For Thread-Local Storage", variant II). `fs_base` is the thread's. The block may not be
 * allocated yet (UNSUPPORTED: "… has not touched its copy of x yet").
 */
struct mt_error *mt_tls_address(struct mt_image *image, mt_memory_reader read, void *arg,
                                uint64_t fs_base, const struct mt_module *module, uint64_t offset,
                                uint64_t *addr);

/* A variable that exists without a frame but not at a fixed address: thread-local, by the query of
 * variable.h. `offset` is in the module's block. NOT_FOUND: none is. */
struct mt_error *mt_variable_find_tls(struct mt_image *image, const struct mt_variable_query *query,
                                      struct mt_variable *variable, uint64_t *offset);

/* One that exists without any place: a constant (C++'s static const members; globals that compilers
 * have found to be constant), and its value; or one that is optimized out, which is GONE.
 * NOT_FOUND: none is. */
struct mt_error *mt_variable_find_constant(struct mt_image *image,
                                           const struct mt_variable_query *query,
                                           struct mt_variable *variable);
struct mt_error *mt_where_constant(struct mt_image *image, const struct mt_variable *variable,
                                   struct mt_where *where);

#endif
