/* SPDX-License-Identifier: MIT */
/*
 * What the files of this room share: an instruction as Zydis tells it, and the steps that turn it
 * into an mt_insn. Not for other rooms.
 */
#ifndef MT_INSN_DECODED_H
#define MT_INSN_DECODED_H

#include <Zydis/Zydis.h>

#include "insn/insn.h"

struct mt_decoded {
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

/* The general register that `reg` is or is a part of, rip included; MT_REG_NONE for others. */
uint8_t mt_decoded_reg(ZydisRegister reg);

/* Whether the operand is a hidden one: rsp and the stack of a push, rdi and rsi of a movs. */
bool mt_decoded_hidden(const ZydisDecodedOperand *operand);

/* As mt_insn_decode(), but of `insn` fills in addr, len, bytes, klass, rep, target and memory only:
 * what the others are made of is in `decoded`. On failure both are undefined. */
bool mt_decoded_read(enum mt_machine machine, const uint8_t *code, size_t len, uint64_t addr,
                     struct mt_decoded *decoded, struct mt_insn *insn);

/* Whether it is of those that compilers make plain code of; what is not among them may do anything.
 */
bool mt_decoded_plain(const struct mt_decoded *decoded);

/* What push, pop, call and ret add to rsp; 0 when that is not a constant. */
int64_t mt_decoded_stack_movement(const struct mt_decoded *decoded);

/* Fills in mem and mem_count; addr, len and klass are known. */
void mt_decoded_memory(const struct mt_decoded *decoded, struct mt_insn *insn);

/* Fills in what is the mask of a memory operand. All else of it is there; of a gather or scatter
 * mask_bits is how many elements it has. */
void mt_decoded_mask(const struct mt_decoded *decoded, const ZydisDecodedOperand *operand,
                     struct mt_insn_mem *mem);

/* The address that an offset of the operand makes: it wraps, and the segment's base is added. */
uint64_t mt_insn_linear(const struct mt_insn_mem *mem, uint64_t offset);

/* What the elements' numbers of a gather or scatter are added to. False: a segment's base is
 * needed. */
bool mt_insn_base_before(const struct mt_insn *insn, size_t mem, const struct mt_regs *before,
                         uint64_t *base);

/* Whether the mask lets the operand's element be accessed. */
bool mt_insn_mask_lets(const struct mt_insn_mem *mem, const uint8_t *mask, size_t element);

/* Fills in port. */
void mt_decoded_port(const struct mt_decoded *decoded, struct mt_insn *insn);

/* Fills in source; addr, len, klass and mem are known. */
void mt_decoded_source(const struct mt_decoded *decoded, struct mt_insn *insn);

/* Fills in text. */
void mt_decoded_text(const struct mt_decoded *decoded, struct mt_insn *insn);

/* The length of the instruction at the start of `code`, as cheap as can be; 0: invalid, cut off. */
size_t mt_decoded_length(enum mt_machine machine, const uint8_t *code, size_t len);

#endif
