/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: hits as text, in the form that `memtrap watch` gives them:
 *
 *	#50  12:33:01.123456  worker 4242/4250  write  counter: 49 -> 50
 *	      account_add+0x1f [server]  mov %eax,(%rdx)
 *	      serve+0x88 [server]
 *
 * Signal-safe.
 */
#ifndef MT_SELF_REPORT_H
#define MT_SELF_REPORT_H

#include "memtrap/memtrap.h"
#include "self/say.h"
#include "x86/regs.h"

#define MT_INDENT "      "

/* A hit whose handler is running: what was touched, by which instruction, and the stack. */
void mt_report_hit(struct mt_say *say, const struct memtrap_hit *hit);

/* The same with the address of each frame before its name, and with the registers. */
void mt_report_hit_fully(struct mt_say *say, const struct memtrap_hit *hit);

/* Registers by their names, and the flags that are set. */
void mt_report_registers(struct mt_say *say, const struct mt_regs *regs);

/* What a trap has kept: how much that is, and each hit, oldest first. */
void mt_report_history(struct mt_say *say, const struct memtrap *trap);

/* "worker 4242/4250": name, process and id of the calling thread. */
void mt_report_thread(struct mt_say *say);

#endif
