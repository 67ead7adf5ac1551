/* SPDX-License-Identifier: MIT */
/* /proc/PID/maps, with the mappings of one file taken together. */
#ifndef MT_SYMBOL_MAPS_H
#define MT_SYMBOL_MAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"

/* Neighbouring mappings of one file: a module, when the file is ELF. */
struct mt_mapped_file {
	char *path; /* without a " (deleted)" at its end */
	bool deleted;
	uint64_t dev;
	uint64_t inode;
	uint64_t start;
	uint64_t end;
	uint64_t first_end; /* where the first mapping ends: names it in /proc/PID/map_files */
	uint64_t code; /* where the first executable mapping lies, and its offset in the file */
	uint64_t code_offset;
	bool has_code;
};

struct mt_maps {
	MT_VEC(struct mt_mapped_file) files;
};

/* Only files with an executable mapping are kept, in the order of their addresses. */
struct mt_error *mt_maps_read(pid_t pid, struct mt_maps *maps);
void mt_maps_deinit(struct mt_maps *maps);

#endif
