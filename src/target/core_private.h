/* SPDX-License-Identifier: MIT */
/* Inside src/target only: the parts of a core file. */
#ifndef MT_TARGET_CORE_PRIVATE_H
#define MT_TARGET_CORE_PRIVATE_H

#include "base/buf.h"
#include "base/vec.h"
#include "target/core.h"
#include "target/core_layout.h"

#define MT_PAGE 4096u

/* One line of /proc/PID/smaps. */
struct mt_core_area {
	uint64_t start, end, offset;
	uint32_t flags; /* PF_R, PF_W, PF_X */
	bool shared, dont_dump, huge;
	bool has_anonymous; /* pages of its own */
	char *path;         /* "": no file */
	uint64_t dumped;    /* bytes from the start that go into the file */
};

struct mt_core_areas {
	MT_VEC(struct mt_core_area) list;
};

/* Reads the process's mappings, and decides what of each goes into the file. */
struct mt_error *mt_core_areas_read(const struct mt_core_request *request,
                                    struct mt_core_areas *areas);
void mt_core_areas_deinit(struct mt_core_areas *areas);

/* The PT_NOTE segment. */
struct mt_error *mt_core_notes(const struct mt_core_request *request,
                               const struct mt_core_areas *areas, struct mt_buf *notes);

#endif
