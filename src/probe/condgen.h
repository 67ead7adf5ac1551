/* SPDX-License-Identifier: MIT */
/*
 * A condition as eBPF: generated from the typed tree, with the answer of mt_cond_eval() in every
 * case.
 */
#ifndef MT_PROBE_CONDGEN_H
#define MT_PROBE_CONDGEN_H

#include "expr/expr.h"
#include "probe/asm.h"

/*
 * Where the program keeps what the condition speaks of: offsets from r10 (all negative), 8-byte
 * aligned.
 */
struct mt_cond_frame {
	int old_value; /* the watched bytes, at their natural order, padded with zeroes to a
	                  multiple of 8 */
	int new_value;
	int regs;     /* struct mt_regs */
	int pid_tgid; /* as bpf_get_current_pid_tgid() gives it: tgid << 32 | tid */
	int hits;
	int comm;    /* 16 bytes; filled by the caller when mt_cond_uses_comm() */
	int unread;  /* gets the address that could not be read; 0: nobody asks */
	int scratch; /* the lowest address of `scratch_size` free bytes for temporaries */
	int scratch_size;
};

bool mt_cond_uses_comm(const struct mt_cond *cond);
bool mt_cond_uses_regs(const struct mt_cond *cond);
/* The same of a tree. */
bool mt_cond_node_uses_comm(const struct mt_cond_node *node);
bool mt_cond_node_uses_regs(const struct mt_cond_node *node);

/*
 * Appends code that goes on when the condition holds and jumps to `is_false` when it doesn't, or to
 * `unreadable` when memory that the answer depends on can't be read. Uses r0-r5 freely, keeps
 * r6-r9, and calls no helper unless it reads memory (mt_cond_reads_memory()). MT_ERR_UNSUPPORTED
 * when the tree needs floats or more temporaries than the scratch space has: then it is evaluated
 * on the stream.
 */
struct mt_error *mt_cond_generate(struct mt_asm *as, const struct mt_cond *cond,
                                  const struct mt_cond_frame *frame, mt_asm_label is_false,
                                  mt_asm_label unreadable);

/* Appends code that computes a tree of integers into r0, in canonical form, or jumps to
 * `unreadable`. Otherwise as above. */
struct mt_error *mt_cond_generate_value(struct mt_asm *as, const struct mt_cond_node *node,
                                        const struct mt_cond_frame *frame, mt_asm_label unreadable);

#endif
