/* SPDX-License-Identifier: MIT */
/*
 * Inside src/watch: one copy by the kernel, one hit. The kernel's copy to user memory may go in
 * pieces, each of which fires the breakpoint; they share the system call's registers and move on
 * through the buffer.
 */
#ifndef MT_WATCH_FOLD_H
#define MT_WATCH_FOLD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/vec.h"
#include "watch/held.h"

/* One watch's copies in progress, at most one a thread. Zeroed: none. */
struct mt_fold {
	MT_VEC(struct mt_held) copies;
};

void mt_fold_deinit(struct mt_fold *fold);

/*
 * Adds a record of the kernel's to the copy that it continues, or begins a new one. A copy of the
 * same thread that it does not continue is complete: it is handed out in `done` (then true is
 * returned) and is the caller's. Without memory the record itself becomes nobody's: `lost` is set.
 */
bool mt_fold_add(struct mt_fold *fold, const struct mt_record *record, uint64_t time,
                 struct mt_held *done, bool *lost);

/* Takes out a copy of the thread's; false: there is none. */
bool mt_fold_take_of(struct mt_fold *fold, pid_t tid, struct mt_held *done);

/* Takes out the oldest copy whose last piece came before `time`; false: there is none. */
bool mt_fold_take(struct mt_fold *fold, uint64_t time, struct mt_held *done);

#endif
