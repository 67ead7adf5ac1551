/* SPDX-License-Identifier: MIT */
/*
 * Instructions: length, text, memory operands and their effective addresses, what a store stored,
 * and the one question that a data breakpoint leaves open: which instruction did it?
 *
 * A data breakpoint traps after the access, with pc at the next instruction (Intel SDM volume 3,
 * 18.3.1.2). The culprit is found by decoding forward from the start of the function that holds pc,
 * never by guessing backwards.
 *
 * The only part of memtrap that knows the decoder (Zydis).
 */
#ifndef MT_INSN_INSN_H
#define MT_INSN_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "x86/machine.h"
#include "x86/regs.h"

struct mt_register_areas;
struct mt_xsave_layout;

#define MT_INSN_MAX_LEN 15
#define MT_INSN_TEXT_LEN 96
#define MT_INSN_MAX_MEM 3

/* Bits. */
enum mt_insn_access {
	MT_INSN_READ = 1,
	MT_INSN_WRITE = 2,
};

/* What says which elements of a vector in memory an instruction accesses. */
enum mt_insn_mask {
	MT_INSN_MASK_NONE,       /* it accesses all */
	MT_INSN_MASK_K,          /* a bit each of k0 … k7, the first element's is the lowest */
	MT_INSN_MASK_K_REPEATED, /* the same, where the elements are repeated to fill a vector: one
	                            is accessed if any of its bits is set (broadcasts) */
	MT_INSN_MASK_K_PACKED,   /* as many elements as bits are set, one after the other (compress)
	                          */
	MT_INSN_MASK_VECTOR,     /* the highest bit of each element of an xmm or ymm register */
	MT_INSN_MASK_MMX,        /* of each byte of an mm register */
};

/* Instructions that save and load the processor's state: which parts of their operand they access
 * depends on eax, edx, and what is in use (Intel SDM volume 1, 10.5 and
 * 13.7 to 13.11). */
enum mt_insn_saves {
	MT_INSN_SAVES_NOTHING,
	MT_INSN_FXSAVE,
	MT_INSN_FXRSTOR,
	MT_INSN_XSAVE,
	MT_INSN_XSAVEOPT,
	MT_INSN_XSAVEC,
	MT_INSN_XRSTOR,
};

/*
 * One memory operand, hidden ones (push, call, movs, stos, ret) included. Its address is
 * base + index * scale + disp in the registers as they are before the instruction: a push accesses
 * rsp - 8. Operands that are named but not accessed (lea, prefetch, nop) are left out.
 */
struct mt_insn_mem {
	uint8_t access; /* enum mt_insn_access bits; conditional ones (cmpxchg) count as possible */
	uint32_t size;  /* bytes of one access; for rep, of one iteration; 0: unknown (xsave) */
	uint8_t segment; /* MT_REG_NONE, or 'f' / 'g' for fs / gs, whose base is not in mt_regs */
	uint64_t segment_base; /* once mt_insn_resolve_segment() has told it; 0 */
	uint8_t
	    base; /* enum mt_reg or MT_REG_NONE; MT_REG_RIP is relative to the next instruction */
	uint8_t index;        /* enum mt_reg or MT_REG_NONE */
	uint8_t index_size;   /* bytes of the index that count: 8, and 1 for xlat */
	uint8_t scale;        /* 1, 2, 4 or 8 */
	uint8_t bit_offset;   /* enum mt_reg or MT_REG_NONE: bt, bts, btr and btc with a register
	                         address the element of `size` bytes that holds that bit */
	uint8_t address_size; /* bytes: where base + index * scale + disp wraps. Those of the
	                         machine's word, fewer with an address-size override */
	bool scattered; /* many addresses (gather, scatter, AMX tiles), which mt_regs cannot tell */
	int64_t disp;

	/* Gather and scatter: the element i, of `size` bytes, is at base + v[i] * scale + disp, v
	 * being the vector register of that number, of signed numbers of that many bytes. */
	uint8_t vector_index;      /* MT_REG_NONE: it is none of them */
	uint8_t vector_index_size; /* 4 or 8 */

	uint8_t mask; /* enum mt_insn_mask: which of its elements are accessed */
	uint8_t mask_reg;
	uint8_t mask_size; /* bytes of an element; of a vector's, in the register as well */
	uint8_t mask_bits; /* how many of the mask count */
	bool mask_kept;    /* the register has the same value after the instruction */

	uint8_t saves;         /* enum mt_insn_saves */
	uint8_t saves_vectors; /* how many xmm registers: 8 in 32-bit code, else 16 */

	/* The same address in the registers after the instruction; it has the same index. */
	bool told_after; /* false when the instruction overwrites its base or index */
	uint8_t after_base;
	int64_t after_disp;
};

/* Where the value that an instruction stored can be found after it ran. */
enum mt_insn_source_kind {
	MT_INSN_FROM_MEMORY,   /* only in memory: read-modify-write, SSE, movs, cmpxchg, xchg … */
	MT_INSN_FROM_REGISTER, /* `reg`, at bit `shift`: mov, stos, push of a register */
	MT_INSN_FROM_IMMEDIATE, /* `imm`: mov and push of a constant, sign-extended as the CPU does;
	                           a call's return address */
};

struct mt_insn_source {
	uint8_t kind;  /* enum mt_insn_source_kind */
	uint8_t reg;   /* enum mt_reg */
	uint8_t shift; /* 8 for ah, bh, ch, dh */
	uint8_t size;  /* bytes stored */
	uint64_t imm;
};

/* How an instruction names an I/O port: in, out, ins, outs. */
struct mt_insn_port {
	uint8_t size; /* bytes of one access: 1, 2 or 4; 0: it is none of them */
	bool out;     /* to the port, else from it */
	bool string;  /* ins, outs: the value is in memory (mem[0]), else in al, ax or eax */
	bool in_dx;   /* dx has the port's number, else it is `number` */
	uint8_t number;
};

enum mt_insn_class {
	MT_INSN_OTHER,
	MT_INSN_CALL,
	MT_INSN_RET,
	MT_INSN_JUMP,    /* conditional or not */
	MT_INSN_STRING,  /* movs, stos, cmps, scas, lods, ins, outs */
	MT_INSN_SYSCALL, /* syscall, sysenter, int */
};

struct mt_insn {
	uint64_t addr;
	uint8_t len;
	uint8_t bytes[MT_INSN_MAX_LEN];
	uint8_t klass;    /* enum mt_insn_class */
	bool rep;         /* rep, repe or repne on a string instruction */
	bool straight;    /* what follows it is run next, and rsp stays as it is */
	bool direct;      /* a call or jump whose only target is `target` */
	uint8_t rip_disp; /* where in `bytes` the 32-bit displacement of an operand relative to rip
	                     is, lea's too; 0: it has none */
	uint64_t target;
	struct mt_insn_port port;
	uint8_t mem_count;
	struct mt_insn_mem mem[MT_INSN_MAX_MEM];
	struct mt_insn_source
	    source; /* of the (first) written memory operand; FROM_MEMORY if none */
	char text[MT_INSN_TEXT_LEN]; /* Intel or AT&T syntax, see mt_insn_set_syntax(); branch
	                                targets absolute */
};

enum mt_insn_syntax {
	MT_INSN_ATT, /* as gdb and objdump print by default */
	MT_INSN_INTEL,
};

/* For the whole process, before the first decoding. The default is MT_INSN_ATT. */
void mt_insn_set_syntax(enum mt_insn_syntax syntax);

/*
 * Decodes the instruction at `addr` from `len` bytes of code for `machine`. False: not a valid
 * instruction, or it goes past the end of the bytes. Any bytes are safe.
 */
bool mt_insn_decode(enum mt_machine machine, const uint8_t *code, size_t len, uint64_t addr,
                    struct mt_insn *insn);

/*
 * The address that operand `mem` of `insn` accessed, from the registers as they are *after* the
 * instruction. False when they no longer tell it: the base or index was overwritten, or an fs/gs
 * base is needed. Knows the instructions that move their own address registers: push and call (rsp
 * after the decrement is the address), pop and ret, and the string instructions (rdi and rsi have
 * moved by the size, in the direction of the flag DF in rflags; the answer is the last element
 * accessed).
 */
bool mt_insn_mem_addr_after(const struct mt_insn *insn, size_t mem, const struct mt_regs *after,
                            uint64_t *addr);

/* The same, from the registers *before* the instruction (always known but for fs/gs). */
bool mt_insn_mem_addr_before(const struct mt_insn *insn, size_t mem, const struct mt_regs *before,
                             uint64_t *addr);

/* From now on operands relative to `segment` ('f' or 'g') name their places themselves, as they are
 * in a thread where that has this base. */
void mt_insn_resolve_segment(struct mt_insn *insn, uint8_t segment, uint64_t base);

/*
 * Memory as the caller has it: reads `len` bytes at `addr` into `out` and returns how many could be
 * read (0 … len).
 */
typedef size_t (*mt_code_reader)(void *arg, uint64_t addr, void *out, size_t len);

/* ---- What it will access -------------------------------------------------- */

/* What of the XSAVE area an instruction's accesses depend on. */
struct mt_insn_state {
	uint8_t mask[64];  /* the register that is its mask; of k0 … k7 the first 8 bytes */
	uint8_t index[64]; /* its vector_index */
	/* Of one that saves or loads: what the processor has, borrowed; the components that are
	 * not in their initial state; the first words of the header that is loaded. */
	const struct mt_xsave_layout *layout;
	uint64_t in_use;
	uint64_t header[2];
};

/* Whether the general registers alone do not tell what it accesses, and a state does. */
bool mt_insn_has_state(const struct mt_insn *insn);

/* Whether bytes of code, 4 at least, may begin an instruction for which that is so: without
 * decoding it, which costs more. */
bool mt_insn_may_have_state(const uint8_t *code);

/* Takes it from the areas of a thread (the XSAVE area is needed, `general` is not) whose general
 * registers are `before`; `read` tells what is in memory. False: it is not there. */
bool mt_insn_state_take(const struct mt_insn *insn, const struct mt_regs *before,
                        const struct mt_register_areas *areas, mt_code_reader read, void *arg,
                        struct mt_insn_state *state);

/* Whether an access to an operand with a mask, which lies at `start`, touches [addr, addr+len):
 * `mask` are the 64 bytes of mt_insn_state. */
bool mt_insn_mask_touches(const struct mt_insn_mem *mem, const uint8_t *mask, uint64_t start,
                          uint64_t addr, size_t len);

/*
 * Which of read and write `insn` does to [addr, addr+len), as mt_insn_touched(), from the registers
 * before it: exactly, with the first element of a repetition, if there is one. `state` may be NULL:
 * then all that it would tell counts as touching.
 */
unsigned mt_insn_will_touch(const struct mt_insn *insn, const struct mt_regs *before,
                            const struct mt_insn_state *state, uint64_t addr, size_t len);

/* What of [addr, addr+len) it accesses in one of the ways of `wanted`, in the order of operands and
 * elements; all of it for an operand of which that is not known. Returns how many places. */
struct mt_insn_place {
	uint64_t addr, len;
};
#define MT_INSN_MAX_PLACES (64 + MT_INSN_MAX_MEM)
size_t mt_insn_places(const struct mt_insn *insn, const struct mt_regs *before,
                      const struct mt_insn_state *state, unsigned wanted, uint64_t addr, size_t len,
                      struct mt_insn_place *places);

/* ---- I/O ports ------------------------------------------------------------ */

/* What an instruction will do to ports, of which an access of several bytes takes as many. */
struct mt_port_access {
	uint16_t port;
	uint8_t size;
	bool out;
	uint64_t count; /* how often: of a repetition what is left, else 1 */
	bool has_value; /* out: what is written; of the others no register tells it before */
	uint32_t value;
};

/* From the registers before it. False: the instruction accesses no port. */
bool mt_insn_port_access(const struct mt_insn *insn, const struct mt_regs *before,
                         struct mt_port_access *access);

/* ---- The culprit --------------------------------------------------------- */

/* How sure the answer is. */
enum mt_culprit_how {
	MT_CULPRIT_UNKNOWN, /* no function start, or decoding did not arrive at pc */
	MT_CULPRIT_DECODED, /* decoded forward from the function's start, ends exactly at pc */
	MT_CULPRIT_SELF, /* a rep string instruction, interrupted between iterations: pc is on it */
	MT_CULPRIT_CALL, /* pc is a function's entry: the call whose return address is at rsp */
};

struct mt_culprit {
	uint8_t how; /* enum mt_culprit_how */
	struct mt_insn insn;
};

/*
 * Finds the instruction whose data access trapped with pc = after->r[MT_REG_RIP], while
 * [watch_addr, watch_addr + watch_len) was watched for `access` (MT_INSN_READ and/or
 * MT_INSN_WRITE). `function_start` is where to decode from, 0 when unknown. In order:
 *
 * 1. pc is on a rep string instruction that touched the range, and RF in rflags says that it was
 *    interrupted between iterations: SELF.
 * 2. the instruction that ends at pc, by decoding forward, touched the range (mt_insn_touched()) in
 *    the right way, and is not one that jumps: DECODED.
 * 3. pc is on a rep string instruction that touched the range and is not finished (rcx != 0): SELF,
 *    for processors and emulators that leave RF alone.
 * 4. the word at rsp (read through `read_data`) is in the watched range, or a function begins at
 * pc: the call that ends at the return address it holds, found by decoding forward from the start
 * of the function that the call is in: CALL. `start_of(arg, pc)` says where the function at `pc`
 *    begins; 0 when unknown.
 * 5. UNKNOWN, and insn is zero. An instruction that provably did not touch the range is never
 *    named.
 *
 * Code may be reached through decoding over padding and past other functions' ends; the decoder
 * stops with UNKNOWN at the first invalid instruction and after 1 MiB.
 */
struct mt_culprit_query {
	enum mt_machine machine; /* that the code is for */
	const struct mt_regs *after;
	uint64_t watch_addr;
	uint64_t watch_len;
	uint8_t access;
	uint64_t function_start;
	mt_code_reader read_code;
	mt_code_reader read_data;                     /* may be NULL: then step 4 is left out */
	uint64_t (*start_of)(void *arg, uint64_t pc); /* likewise */
	void *arg;
};

void mt_culprit_find(const struct mt_culprit_query *query, struct mt_culprit *culprit);

/*
 * What `insn` stored into the watched range, told by its source and the registers after it. `value`
 * holds the `len` bytes at `addr` as memory had them (read at the hit); the bytes that the
 * instruction is known to have stored are replaced. Returns true when every byte of the watched
 * range that the operand overlaps was replaced by what the instruction says, false (and `value`
 * untouched) when only memory knows. Partial overlap, unaligned and narrower stores are handled.
 */
bool mt_insn_stored(const struct mt_insn *insn, const struct mt_regs *after, uint64_t addr,
                    size_t len, uint8_t *value);

/*
 * Which of read and write `insn` did to [addr, addr+len): MT_INSN_* bits; 0 when it provably
 * touched neither. An operand whose address is unknown counts as touching, and so do the 256 bytes
 * that a rep string instruction went over before its last element: the processor moves them as one
 * and traps late.
 */
unsigned mt_insn_touched(const struct mt_insn *insn, const struct mt_regs *after, uint64_t addr,
                         size_t len);

#endif
