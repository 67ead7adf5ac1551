/* SPDX-License-Identifier: MIT */
/*
 * What a process is to the processor: a program for x86-64, or one for i386 that a 64-bit kernel
 * runs in compatibility mode. Its registers are the low halves of struct mt_regs, the upper ones
 * zero.
 */
#ifndef MT_X86_MACHINE_H
#define MT_X86_MACHINE_H

#include <stdint.h>

enum mt_machine {
	MT_MACHINE_X86_64,
	MT_MACHINE_I386,
};

/* Bytes of a pointer, of a slot of the stack, of a return address. */
static inline uint8_t mt_machine_word(enum mt_machine machine)
{
	return machine == MT_MACHINE_I386 ? 4 : 8;
}

/* `addr` as the machine computes it: addresses wrap at their width. */
static inline uint64_t mt_machine_wrap(enum mt_machine machine, uint64_t addr)
{
	return machine == MT_MACHINE_I386 ? (uint32_t)addr : addr;
}

#endif
