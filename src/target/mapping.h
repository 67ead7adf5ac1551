/* SPDX-License-Identifier: MIT */
/*
 * What system calls do to mappings: by its number, its arguments and its result a call says which
 * addresses it has unmapped, moved, or given other memory (mmap(2), mremap(2), madvise(2)).
 */
#ifndef MT_TARGET_MAPPING_H
#define MT_TARGET_MAPPING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "x86/machine.h"

#define MT_MAPPING_PAGE 4096
#define MT_MAPPING_ERRORS 4095 /* results from -4095 on are errors */

/* Which of its numbers say where. */
enum mt_mapping_class {
	MT_MAPPING_OTHER,     /* it leaves mappings as they are */
	MT_MAPPING_UNMAPS,    /* arguments 0 (address) and 1 (length) */
	MT_MAPPING_ADVISES,   /* the same, and argument 2 decides: mt_mapping_drops() */
	MT_MAPPING_MAPS,      /* the result, and argument 1 */
	MT_MAPPING_MOVES,     /* from arguments 0 and 1 to the result and argument 2 */
	MT_MAPPING_SOMEWHERE, /* they don't say it: brk, shmat, shmdt */
};
enum mt_mapping_class mt_mapping_class(enum mt_machine machine, uint64_t number);

/* Whether this advice to madvise(2) throws away what is there. */
bool mt_mapping_drops(uint64_t advice);
/* Those advices; the last is 0. */
extern const int32_t mt_mapping_dropping[];

struct mt_mapping_call {
	enum mt_machine machine;
	uint64_t number, args[6], result;
};

enum mt_mapping_effect {
	MT_MAPPING_NONE,     /* it has not failed, and did nothing there */
	MT_MAPPING_UNMAPPED, /* all of the range, or some of it */
	MT_MAPPING_MOVED,    /* the range is elsewhere now, and nothing is where it was */
	MT_MAPPING_NEW,      /* other memory is there than before, if there was any */
	MT_MAPPING_UNSURE,   /* only a look at the process's mappings can tell */
};

/* What a call that has returned has done to `len` bytes at `addr`. `to` is where they are with
 * MOVED. */
enum mt_mapping_effect mt_mapping_effect(const struct mt_mapping_call *call, uint64_t addr,
                                         uint64_t len, uint64_t *to);

/* Whether the process has mapped all of the range, readable or not (proc_pid_maps(5)). */
enum mt_mapped {
	MT_MAPPED_ALL,
	MT_MAPPED_NOT,
	MT_MAPPED_NOTHING, /* it has nothing mapped at all: it has ended, or nobody may know */
};
enum mt_mapped mt_process_mapped(pid_t pid, uint64_t addr, uint64_t len);

#endif
