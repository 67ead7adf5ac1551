/* SPDX-License-Identifier: MIT */
/*
 * All registers by name, in one table: where each lies in the two areas that ptrace and core files
 * give, the general registers (struct user_regs_struct) and the XSAVE area.
 *
 * The XSAVE area's layout is the processor's (Intel SDM volume 1, chapter 13): CPUID tells where
 * each component is, and how large the whole; a machine with AMX has one of 11 KiB.
 */
#ifndef MT_X86_REGTABLE_H
#define MT_X86_REGTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

#include "base/buf.h"
#include "x86/regs.h"

/* State components (Intel SDM volume 1, 13.1). The first two are the legacy FXSAVE region. */
enum mt_xstate {
	MT_XSTATE_X87 = 0,
	MT_XSTATE_SSE = 1,
	MT_XSTATE_YMM = 2, /* upper halves of ymm0-15 */
	MT_XSTATE_K = 5,
	MT_XSTATE_ZMM = 6,    /* upper halves of zmm0-15 */
	MT_XSTATE_HI_ZMM = 7, /* zmm16-31, whole */
	MT_XSTATE_PKRU = 9,
	MT_XSTATE_COUNT = 32,
};

struct mt_xsave_layout {
	size_t size;      /* of the area with all that the system has enabled; 0: no XSAVE */
	uint64_t enabled; /* bit n: component n is there */
	uint64_t aligned; /* likewise: in the compacted form it begins at a multiple of 64 */
	uint32_t offset[MT_XSTATE_COUNT];
	uint32_t length[MT_XSTATE_COUNT];
};

/* This processor's, by CPUID leaf 0xD. */
void mt_xsave_layout_read(struct mt_xsave_layout *layout);

/* How the bytes of a register are to be understood. */
enum mt_register_kind {
	MT_REGISTER_INTEGER,
	MT_REGISTER_CODE,  /* an address of code: rip */
	MT_REGISTER_DATA,  /* an address of data: rsp, rbp */
	MT_REGISTER_FLAGS, /* eflags */
	MT_REGISTER_FLOAT, /* 80 bits: st0 … st7 */
	MT_REGISTER_VECTOR,
};

/* What "info registers" and its kin ask for. */
enum mt_register_group {
	MT_GROUP_GENERAL, /* the 27 of user_regs_struct */
	MT_GROUP_PART,    /* eax, ax, al, and second names (pc, sp) */
	MT_GROUP_FLOAT,
	MT_GROUP_VECTOR,
	MT_GROUP_MASK,   /* k0 … k7 */
	MT_GROUP_SYSTEM, /* pkru */
};

/* A register's bytes are those of its pieces one after the other. */
#define MT_REGISTER_MAX_PIECES 3
#define MT_REGISTER_MAX_SIZE 64

struct mt_register_piece {
	bool general;      /* in user_regs_struct; else in `component` */
	uint8_t component; /* enum mt_xstate */
	uint16_t offset;   /* from the start of the component */
	uint16_t size;
};

struct mt_register {
	char name[16];
	uint8_t kind;  /* enum mt_register_kind */
	uint8_t group; /* enum mt_register_group */
	uint8_t dwarf; /* enum mt_reg that it is, or is a part of; MT_REG_NONE */
	uint8_t
	    physical;  /* mm0-7 are numbered from the bottom of the x87 stack: 1 + number, or 0 */
	uint16_t size; /* in bytes */
	uint8_t piece_count;
	struct mt_register_piece pieces[MT_REGISTER_MAX_PIECES];
};

/* The registers in the order in which they are shown. Static storage. */
size_t mt_register_count(void);
const struct mt_register *mt_register_at(size_t i);
/* By its name, without '$'; NULL: none. */
const struct mt_register *mt_register_find(const char *name);

/* Whether the processor has all components that the register lies in. */
bool mt_register_exists(const struct mt_register *reg, const struct mt_xsave_layout *layout);
/* Whether it lies in the XSAVE area. */
bool mt_register_in_xsave(const struct mt_register *reg);

/* The two areas of one thread; `xsave` may be NULL for registers that don't lie there. */
struct mt_register_areas {
	struct user_regs_struct *general;
	uint8_t *xsave;
	size_t xsave_size;
	const struct mt_xsave_layout *layout;
};

/* Copies mt_register.size bytes. False: the area does not reach that far. */
bool mt_register_get(const struct mt_register *reg, const struct mt_register_areas *areas,
                     void *out);

/* Writes the bytes into the areas, and marks their components as in use (XSTATE_BV). As the
 * processor does it, a write to a 32-bit part clears the upper half. */
bool mt_register_put(const struct mt_register *reg, const struct mt_register_areas *areas,
                     const void *value);

/* "ZF PF": the names of the flags that are set. */
void mt_eflags_format(uint64_t eflags, struct mt_buf *out);

/* The 64-bit register of user_regs_struct that DWARF's `reg` is. */
unsigned long long *mt_user_reg(struct user_regs_struct *user, enum mt_reg reg);

#endif
