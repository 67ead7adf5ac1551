/* SPDX-License-Identifier: MIT */
/* Inside src/engine: a stopped thread's frames, registers and memory, for expressions. Included by
 * engine_private.h. */
#ifndef MT_ENGINE_LOOK_PRIVATE_H
#define MT_ENGINE_LOOK_PRIVATE_H

/* ---- frame.c ------------------------------------------------------------- */

#define MT_RED_ZONE 128 /* System V ABI x86-64, 3.2.2 */

void mt_frames_forget(struct mt_debug *debug);
/* The selected frame, or NULL. */
const struct mt_frame *mt_frame_selected(struct mt_debug *debug);
/* The frame that the selected one returns to: what is inlined in it comes back to it without. */
struct mt_error *mt_frame_caller(struct mt_debug *debug, struct mt_frame *caller);

/* ---- register.c ---------------------------------------------------------- */

/* A register of the current thread, in its innermost frame. */
struct mt_error *mt_thread_register(struct mt_debug *debug, const char *name, void *out,
                                    size_t size);
/* One of the thread's in its XSAVE area; `out` has reg->size bytes. False: it cannot be had. */
bool mt_thread_vector(struct mt_thread *thread, const struct mt_register *reg, void *out);
/* What else than the general registers the accesses of the instruction depend on, which a stopped
 * thread is about to execute. False: it cannot be had, or the thread is ending. */
bool mt_thread_insn_state(struct mt_thread *thread, const struct mt_insn *insn,
                          struct mt_insn_state *state);

/* ---- world.c ------------------------------------------------------------- */

void mt_views_forget(struct mt_debug *debug);
/* What was asked of a frame since then, one after the other; NULL past the last. */
const struct mt_where_uses *mt_view_uses(const struct mt_debug *debug, size_t i, unsigned *level);

/* The name of DWARF's register, one that has `size` bytes; false: it has none. */
bool mt_world_register_name(enum mt_machine machine, unsigned reg, size_t size, char name[16]);

/* ---- moment.c ------------------------------------------------------------ */

/* The moment that expressions are in; 0: none is kept. */
uint64_t mt_moment_now(struct mt_debug *debug);
/* Reads what lies within a page as it was in this moment. False: read it anew. */
bool mt_moment_read(struct mt_debug *debug, uint64_t addr, void *out, size_t len);

/* ---- expression.c -------------------------------------------------------- */

/* The thread is looked at as if the session had stopped for it, in frame `level`, in between. */
struct mt_look {
	struct mt_debug *debug;
	struct mt_proc *proc;
	struct mt_thread *thread;
	unsigned frame;
	bool going;
};
void mt_look_begin(struct mt_thread *thread, unsigned level, struct mt_look *look);
void mt_look_end(const struct mt_look *look);

/* Evaluates the condition for the thread as it stands, in frame `level`; `scope` is whose names it
 * speaks of, NULL: the frame's own. */
struct mt_error *mt_condition_holds(struct mt_thread *thread, unsigned level,
                                    const struct mt_scope_place *scope, const char *condition,
                                    bool *holds);

#endif
