/* SPDX-License-Identifier: MIT */
/* Inside src/symbol only: how expressions are evaluated. */
#ifndef MT_SYMBOL_WHERE_PRIVATE_H
#define MT_SYMBOL_WHERE_PRIVATE_H

#include "base/vec.h"
#include "cfi/eval.h"
#include "symbol/local_die.h"
#include "symbol/where.h"
#include "symbol/where_value.h"

/* All expressions that one question leads to may take that many steps, and be nested that deep. */
enum { MT_WHERE_STEPS = 20000, MT_WHERE_DEPTH = 16 };

/* What an expression stands in. */
struct mt_where_scope {
	const struct mt_where_frame *frame; /* with a file by itself it has no image */
	struct mt_module_file *file;
	const struct mt_module *module; /* NULL: the file by itself */
	uint64_t bias;                  /* of the module */
	Dwarf_CU *cu;                   /* of the attribute that has the expression */
	Dwarf_Die unit; /* the file's own: the skeleton where `cu` is in a .dwo file */
	unsigned depth;
	unsigned *steps; /* that are left */
	/* A place that depends on a register which is not known: NULL, and it is an error, or this
	 * gets the register and the piece's `addr` what is added to it. */
	uint8_t *base;
};

/* The surroundings of the DIE in that frame, for as many steps. NOT_FOUND: its module is gone. */
struct mt_error *mt_where_scope(const struct mt_where_frame *frame, const struct mt_local_die *die,
                                unsigned *steps, struct mt_where_scope *scope);

/* Counts what takes longer than a step does. FORMAT: it is too much. */
struct mt_error *mt_where_charge(const struct mt_where_scope *scope, unsigned steps);

/* ---- where_run.c --------------------------------------------------------- */

/* Where the value is that the expression, or the location list's at the frame's pc, describes. */
struct mt_error *mt_where_attr(const struct mt_where_scope *scope, Dwarf_Attribute *attr,
                               struct mt_where *where);

/* The value that an attribute comes to which is a number or an expression for one (DW_AT_count,
 * DW_AT_call_value). UNSUPPORTED: optimized out. */
struct mt_error *mt_where_attr_value(const struct mt_where_scope *scope, Dwarf_Attribute *attr,
                                     struct mt_typed *value);

/* An address that is a place's, or what a register has. */
struct mt_error *mt_where_attr_base(const struct mt_where_scope *scope, Dwarf_Attribute *attr,
                                    struct mt_cfi_value *base);

/* ---- where.c ------------------------------------------------------------- */

/* Where the variable lies in that frame. */
struct mt_error *mt_where_locate(const struct mt_where_frame *frame,
                                 const struct mt_local_die *local, unsigned *steps,
                                 struct mt_where *where);

/* The value of a variable that fits into a word. */
struct mt_error *mt_where_die_value(const struct mt_where_scope *scope, Dwarf_Die *die,
                                    struct mt_typed *value);

/* Where the variable is, by all that its DIE says. */
struct mt_error *mt_where_die(const struct mt_where_scope *scope, Dwarf_Die *die,
                              struct mt_where *where);

/* ---- where_base.c -------------------------------------------------------- */

/* The base that DW_OP_fbreg counts from, and the CFA; each perhaps relative to an unknown register.
 */
struct mt_error *mt_where_frame_base(const struct mt_where_scope *scope, struct mt_cfi_value *base);
struct mt_error *mt_where_cfa(const struct mt_where_scope *scope, struct mt_cfi_value *cfa);

/* The registers of the frame for the evaluator; and when it is done, notes which it has used. */
void mt_where_state(const struct mt_where_scope *scope, struct mt_cfi_state *state);
void mt_where_note_used(const struct mt_where_frame *frame, uint32_t regs);

/* "register rbx is not saved in this frame", as the machine calls it. */
struct mt_error *mt_where_unsaved(enum mt_machine machine, enum mt_reg reg);

/* ---- where_list.c -------------------------------------------------------- */

/* The expression of the attribute at the frame's pc; an empty one where a list has none. */
struct mt_error *mt_where_expression(const struct mt_where_scope *scope, Dwarf_Attribute *attr,
                                     struct mt_cfi_span *expression);

/* Entry `index` of the unit's part of .debug_addr, a file address. */
struct mt_error *mt_where_indexed(const struct mt_where_scope *scope, uint64_t index,
                                  uint64_t *addr);

/* ---- where_entry.c ------------------------------------------------------- */

/* What the caller passed: in the register (or place) of `expression`, or as `parameter`, of which
 * one is NULL. UNSUPPORTED: not known. */
struct mt_error *mt_where_entry_value(const struct mt_where_scope *scope,
                                      const struct mt_cfi_span *expression,
                                      const Dwarf_Die *parameter, struct mt_typed *value);

/* ---- where_outer.c ------------------------------------------------------- */

/* Where a variable is of the function that this frame's is nested in. */
struct mt_error *mt_where_outer(const struct mt_where_frame *frame, const struct mt_local_die *die,
                                unsigned *steps, struct mt_where *where);

/* ---- where_load.c -------------------------------------------------------- */

/* What the frame's program was built for. */
enum mt_machine mt_where_machine(const struct mt_where_frame *frame);

/* Memory, where there is any. */
struct mt_error *mt_where_read(const struct mt_where_frame *frame, uint64_t addr, void *out,
                               size_t size);

/* `size` bytes of the register, from `offset` on. */
struct mt_error *mt_where_register(const struct mt_where_frame *frame, unsigned reg,
                                   uint64_t offset, void *out, size_t size);

/* ---- tls.c --------------------------------------------------------------- */

/* The offset in the file's thread-local block that an expression means. GCC 12 writes, with
 * -gsplit-dwarf, the variable's place in the file instead. */
uint64_t mt_tls_offset(struct mt_module_file *file, uint64_t offset);

#endif
