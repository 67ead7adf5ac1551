/* SPDX-License-Identifier: MIT */
/*
 * Inside src/watch: a watch that moves along (--deep). The pointers on the way to what is watched
 * are watched too: whoever changes one is stopped behind the store, until the trap stands where the
 * pointers lead now. The others run on meanwhile, so what they do to the new place in that moment
 * is not seen.
 */
#ifndef MT_WATCH_DEEP_H
#define MT_WATCH_DEEP_H

#include "watch/session_private.h"

/*
 * The place of the watch's expression, and the pointers on the way. Where they lead nowhere at the
 * moment (a null pointer), the place is a made-up one, of the same length and alignment.
 */
struct mt_error *mt_deep_resolve(struct mt_watch *watch, struct mt_place *place);

/* Arms the pointers, when the watch itself has been armed. */
struct mt_error *mt_deep_begin(struct mt_session *session, struct mt_watch *watch);

/* A thread of the target has been held: traps whose pointers have changed move along. Whether there
 * were such. */
bool mt_deep_follow(struct mt_session *session, struct mt_target *target);

/* Whether the target has such watches. */
bool mt_deep_any(const struct mt_session *session, const struct mt_target *target);

void mt_deep_deinit(struct mt_watch *watch);

#endif
