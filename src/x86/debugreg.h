/* SPDX-License-Identifier: MIT */
/*
 * The x86 debug registers as data: encoding, splitting, and who holds which. Pure functions and one
 * small struct, no system call (Intel SDM volume 3, section 18.2 "Debug Registers").
 *
 * The design is that of gdb's x86 layer: a mirror of the four address registers with a reference
 * count each, so that several traps on the same piece share one register.
 */
#ifndef MT_X86_DEBUGREG_H
#define MT_X86_DEBUGREG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define MT_DR_COUNT 4
/* What the four registers cover at best: four aligned pieces of eight bytes. */
#define MT_DR_MAX_RANGE 32

/*
 * The kinds of access that DR7's R/W field can name. x86 has no read-only data breakpoint: READ
 * asks for the hardware's read-or-write, and who armed it tells reads from writes by the
 * instruction.
 */
enum mt_dr_kind {
	MT_DR_EXEC,   /* R/W 00: traps before the instruction; length 1 */
	MT_DR_WRITE,  /* R/W 01: traps after the access */
	MT_DR_READ,   /* R/W 11 */
	MT_DR_ACCESS, /* R/W 11 */
	MT_DR_IO,     /* R/W 10: I/O ports, with CR4.DE only */
};

/* An aligned piece that one register can watch: `len` is 1, 2, 4 or 8 and divides `addr`. */
struct mt_dr_piece {
	uint64_t addr;
	uint8_t len;
};

/*
 * Covers addr … addr+len-1 by the fewest aligned pieces, in order of address, exactly: no byte
 * outside is watched. Returns how many pieces the range needs, which may be more than MT_DR_COUNT;
 * at most `max` are written. A length of 0, or a range that wraps around the address space, needs 0
 * pieces.
 */
size_t mt_dr_split(uint64_t addr, uint64_t len, struct mt_dr_piece *pieces, size_t max);

/* ---- DR7 and DR6 --------------------------------------------------------- */

/* The four bits R/W and LEN of one register in DR7: LEN << 2 | R/W. A length of 8 is 10b, 4 is 11b.
 */
unsigned mt_dr7_control(enum mt_dr_kind kind, unsigned len);

/* `dr7` with register `index` enabled locally (L bit) for that kind and length. */
uint64_t mt_dr7_enable(uint64_t dr7, unsigned index, enum mt_dr_kind kind, unsigned len);

/* `dr7` with register `index` disabled and its fields cleared. */
uint64_t mt_dr7_disable(uint64_t dr7, unsigned index);

/* What `dr7` says of register `index`; false when it is disabled. READ is told as ACCESS. */
bool mt_dr7_decode(uint64_t dr7, unsigned index, enum mt_dr_kind *kind, unsigned *len);

/* Bit i set: the condition of register i was met (B0-B3). */
unsigned mt_dr6_hits(uint64_t dr6);
/* BS, bit 14: a single step. */
bool mt_dr6_single_step(uint64_t dr6);

/* ---- The mirror: which registers are in use, and by whom ----------------- */

/* A trap's identity, chosen by the caller; unique within one mirror. */
typedef uint32_t mt_dr_owner;

#define MT_DR_MAX_OWNERS 64

struct mt_dr_slot {
	uint64_t addr;
	enum mt_dr_kind kind; /* READ is kept as ACCESS: the hardware cannot tell them apart */
	uint8_t len;          /* 0: free */
	uint8_t refs;
	mt_dr_owner owners[MT_DR_MAX_OWNERS];
};

struct mt_dr_mirror {
	struct mt_dr_slot slots[MT_DR_COUNT];
};

/* All four free. */
void mt_dr_mirror_init(struct mt_dr_mirror *mirror);

/* Whether a range could be watched by an otherwise empty set of registers. */
bool mt_dr_region_ok(enum mt_dr_kind kind, uint64_t addr, uint64_t len);

/*
 * Takes registers for the range on behalf of `owner`, all or none; a register that already holds
 * the same piece and kind gets one more reference, up to MT_DR_MAX_OWNERS. Errors:
 * MT_ERR_NO_REGISTER, whose text says how many registers the range needs, how many are free, and
 * the range and owner that hold each of the others; MT_ERR_USAGE for a range that can never be
 * watched (length 0, an execute trap longer than 1). `describe`, which may be NULL, turns an owner
 * into words for the text (the string stays the callee's).
 */
struct mt_error *mt_dr_insert(struct mt_dr_mirror *mirror, mt_dr_owner owner, enum mt_dr_kind kind,
                              uint64_t addr, uint64_t len,
                              const char *(*describe)(mt_dr_owner owner, void *arg), void *arg);

/* Gives back what mt_dr_insert() took with the same arguments. MT_ERR_NOT_FOUND: it holds no such
 * thing. */
struct mt_error *mt_dr_remove(struct mt_dr_mirror *mirror, mt_dr_owner owner, enum mt_dr_kind kind,
                              uint64_t addr, uint64_t len);

/* Registers in use. */
size_t mt_dr_used(const struct mt_dr_mirror *mirror);

/* DR7 for the whole mirror, on top of `dr7`'s bits that are not ours (LE, GE, reserved). */
uint64_t mt_dr_mirror_dr7(const struct mt_dr_mirror *mirror, uint64_t dr7);

/*
 * The owners of all registers that `dr6` reports, each once, in the order of the registers. Bits of
 * registers that the mirror does not hold are passed over: the processor sets B bits for disabled
 * registers too (SDM 18.2.3). Returns how many; at most `max` are written.
 */
size_t mt_dr_hit_owners(const struct mt_dr_mirror *mirror, uint64_t dr6, mt_dr_owner *owners,
                        size_t max);

/*
 * A register for reads traps for writes too, and does not tell which it was. Where others are free,
 * each such piece gets a twin there, for writes alone, which tells it. Nobody owns them; they are
 * for what the registers are to hold, not for the mirror that is kept.
 */
void mt_dr_add_twins(struct mt_dr_mirror *mirror);

/* Whether what `dr6` reports of [addr, addr+len) was, or was also, a write. */
enum mt_dr_written { MT_DR_NOT_WRITTEN, MT_DR_WRITTEN, MT_DR_MAYBE_WRITTEN };
enum mt_dr_written mt_dr_written(const struct mt_dr_mirror *mirror, uint64_t dr6, uint64_t addr,
                                 uint64_t len);

/* The address of the first register that `dr6` reports and the mirror holds as a data trap. */
bool mt_dr_stopped_data_address(const struct mt_dr_mirror *mirror, uint64_t dr6, uint64_t *addr);

#endif
