/* SPDX-License-Identifier: MIT */
/*
 * Inside src/watch: a watch on what a local variable is or leads to, for each call of its function.
 *
 * The function's entry is a hold: each call stops its thread there for as long as it takes to find
 * the variable in the new frame and to open events for it on that thread. When the frame ends is
 * not waited for: it may return, be left by longjmp or an exception, or its thread may end. Instead
 * each hit proves that it is in the frame's life, by the frame being on the stack, which is walked
 * for the hit anyway; the first one that isn't, or the thread's next call of the function, has the
 * events closed.
 */
#ifndef MT_WATCH_FRAMES_H
#define MT_WATCH_FRAMES_H

#include "watch/session_private.h"

/* The frame whose local is meant; NULL for the frame: as it will be in any. */
struct mt_frame_query {
	struct mt_watch *watch;
	const struct mt_where_frame *frame;
};

/*
 * Where the function's local is in that frame, as `found`. The function becomes the watch's, which
 * is a watch of frames then. Without a frame, its address is a made-up one with a true alignment;
 * what cannot be watched in any frame (in a register, optimized out, of an inlined function) is an
 * error then.
 */
struct mt_error *mt_frames_find(const struct mt_frame_query *query, const char *function,
                                const char *name, struct mt_place_local *found);

/* Whether the local, which is itself what is watched, is in memory all the time. */
struct mt_error *mt_frames_check(struct mt_watch *watch);

/* What memory holds in a frame that is not there yet: pointers to nowhere in particular. */
struct mt_error *mt_frames_read_nothing(void *arg, uint64_t addr, void *out, size_t len);

/* Holds the calls of the watch's function. */
struct mt_error *mt_frames_begin(struct mt_session *session, struct mt_watch *watch);

/* Warns of what the watch, which is armed now, does not see of its function. */
void mt_frames_tell_blind(struct mt_session *session, const struct mt_watch *watch);

/* The hold of a stopped thread: is it a call of a watched function? Then its variables are armed.
 */
bool mt_frames_entered(struct mt_session *session, struct mt_target *target, pid_t tid);

/* A hold at no place that is known: the call that it was for has run on unseen. */
void mt_frames_missed(struct mt_session *session, struct mt_target *target);

/* Whether the access was made while the frame lived that its variable is in. One that was not has
 * the variable disarmed. */
bool mt_frames_alive(struct mt_watch *watch, const struct mt_record *record);

#endif
