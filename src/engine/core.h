/* SPDX-License-Identifier: MIT */
/* Inside src/engine: core files of both machines as they are read (core(5), elf(5)). Any bytes are
 * safe. */
#ifndef MT_ENGINE_CORE_H
#define MT_ENGINE_CORE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"
#include "symbol/image.h"
#include "target/core_layout.h"

struct mt_core_task {
	pid_t tid;
	int signal; /* that it was in, or 0 */
	struct user_regs_struct regs;
	const uint8_t *xstate; /* in the core; NULL: none */
	size_t xstate_size;
};

/* A PT_LOAD. */
struct mt_core_segment {
	uint64_t addr, file_size, memory_size, offset;
	uint32_t flags; /* PF_R, PF_W, PF_X */
};

/* What was mapped of a file, as NT_FILE has it: a segment each, if it is in the core. */
struct mt_core_range {
	uint64_t start, end, offset;
	const char *path; /* in the core */
};

struct mt_core {
	const uint8_t *bytes;
	size_t size;
	const struct mt_core_layout *layout;
	pid_t pid;
	char name[MT_CORE_NAME + 1]; /* of the program, as the kernel has it */
	bool has_info;
	siginfo_t info;                    /* of what ended it */
	MT_VEC(struct mt_core_task) tasks; /* the first is the one that ended it */
	MT_VEC(struct mt_core_segment) segments;
	MT_VEC(struct mt_core_range) ranges;
	MT_VEC(struct mt_image_file) files; /* the same, all ranges of one file as one */
	uint64_t vdso;                      /* from auxv; 0: none */
	const uint8_t *auxv;                /* in the core, with words of its machine; NULL: none */
	size_t auxv_size;
	char arguments[MT_CORE_ARGUMENTS +
	               1]; /* the program's command line, or what there was room for */
};

/* MT_ERR_FORMAT: "/tmp/x is not a core file: …". */
struct mt_error *mt_core_open(const char *path, struct mt_core **core);
void mt_core_destroy(struct mt_core *core);

/* What was mapped: for names, lines and what of code is not in the core. */
struct mt_error *mt_core_image(const struct mt_core *core, struct mt_image **image);

/* The mappings, a line each, as proc_pid_maps(5) has them; but nobody has kept whether they were
 * shared, and the file's number. */
void mt_core_maps(const struct mt_core *core, struct mt_buf *text);

/* Whether the memory at addr was executable. */
bool mt_core_is_code(const struct mt_core *core, uint64_t addr);

/* Copies how much of `len` bytes at `addr` the core has, from the first one on. */
size_t mt_core_read(const struct mt_core *core, uint64_t addr, void *out, size_t len);

#endif
