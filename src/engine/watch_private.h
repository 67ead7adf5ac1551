/* SPDX-License-Identifier: MIT */
/*
 * Inside src/engine: watchpoints. Part of engine_private.h.
 *
 * A watchpoint has an instance for each process. The instance knows what the expression depends on,
 * its parts; each is armed by a mechanism. When one of them may have been touched, it is looked at
 * what the instruction has done, and at the value.
 */
#ifndef MT_ENGINE_WATCH_PRIVATE_H
#define MT_ENGINE_WATCH_PRIVATE_H

#include "engine/engine_private.h"

/* Something in memory that the expression reads. */
struct mt_watch_part {
	uint64_t addr, len;
	bool on_the_way; /* to what is waited for: that another thing may be meant is all it does */
	const struct mt_mechanism *by; /* NULL: not armed */
	uint8_t *bytes;                /* as they were when they were looked at last; owned */
};

/* A value, or why there is none. Owned. */
struct mt_watch_content {
	uint8_t *bytes;
	size_t size;
	char *error;
	bool gone; /* the compiler has left it nowhere at this place of the code, which says nothing
	            * of whether it is still the same */
};

/* The frame in which the expression has its meaning. */
struct mt_watch_frame {
	uint64_t cfa;      /* 0: none */
	uint64_t function; /* where it begins */
	pid_t tid;
	struct mt_scope_place scope; /* whose names it speaks of, wherever the frame stands */
	bool ends;             /* and the watchpoint with it; else it was named by its means only */
	struct mt_site *end;   /* where it returns to; NULL: nowhere */
	struct mt_site *entry; /* where another call may come by in its place; NULL: not known */
};

/* Whose names a condition speaks of. Those that meant something in the selected frame when it was
 * set keep that meaning; otherwise they are those of who touches what is watched. */
enum mt_watch_names_of { MT_NAMES_OF_WHO_TOUCHES, MT_NAMES_OF_PLACE, MT_NAMES_OF_FRAME };

struct mt_watch_names {
	enum mt_watch_names_of of; /* PLACE: the same in all frames, as seen from there */
	pid_t tid;                 /* FRAME: whose it is */
	uint64_t cfa, function;    /* in it; when it is left, in the function's innermost */
	struct mt_scope_place scope;
};

struct mt_watched {
	struct mt_proc *proc;
	MT_VEC(struct mt_watch_part) parts;
	bool in_registers; /* it depends on registers of the frame too */
	bool moves;        /* the compiler keeps some of it elsewhere in other parts of the code */
	bool plain;        /* it is what lies at `place`, whatever happens */
	struct mt_value place;
	const struct mt_type *type;
	struct mt_watch_content now;
	struct mt_watch_frame frame;
	pid_t tid; /* the thread whose frame or registers it depends on; 0: none */
	bool armed;
	bool decided;   /* a filter has its condition, and its thread */
	bool lent;      /* by registers instead of a filter, as long as a child shares the memory */
	bool steps;     /* registers are looked at after each step */
	bool told_gone; /* that there are places where it has no value */
	/* Its value was found changed by nobody who has told yet: when (mt_debug.looks; 0: never),
	 * and how many steps that is ago. */
	uint64_t unclaimed_since;
	size_t unclaimed;
	struct mt_memo *memo; /* of what its evaluations needed: see watch_needs.c; NULL: none */
};

struct mt_watchpoint {
	struct mt_watch_kind kind;
	MT_VEC(struct mt_watched *) in; /* a process each */
	struct mt_cond
	    *cond; /* the condition by what is in scope everywhere; see mt_watch_cond() */
	struct mt_watch_names names; /* of the condition */
	char *why_stepping;          /* owned; NULL: registers do it */
	struct mt_watch_past past[MT_WATCH_PAST_COUNT];
	uint64_t past_count; /* ever */
};

/* ---- watch.c: setting them ----------------------------------------------- */

struct mt_error *mt_watchpoint_create(const struct mt_break_spec *spec,
                                      struct mt_watchpoint **watch);
void mt_watchpoint_destroy(struct mt_watchpoint *watch);
/* Without a process: whether the expression means something in the program's file. */
struct mt_error *mt_watch_check(struct mt_debug *debug, const struct mt_break *breakpoint);
/* Gives it its instance in the process, if it has none there. */
struct mt_error *mt_watch_resolve(struct mt_break *breakpoint, struct mt_proc *proc);
/* It is enabled or disabled, or has another condition. */
struct mt_error *mt_watch_renew(struct mt_break *breakpoint);
void mt_watch_disarm(struct mt_break *breakpoint);
/* Takes its instance in the process away; NULL: all. */
void mt_watch_lift(struct mt_break *breakpoint, const struct mt_proc *proc);
/* The same where the memory is gone. One that needed a frame is then gone too. */
void mt_watch_forget(struct mt_break *breakpoint, const struct mt_proc *proc);
/* A child that was forked has the parent's watchpoints. */
void mt_watches_inherit(const struct mt_proc *parent, struct mt_proc *child);
struct mt_watched *mt_watch_in(const struct mt_break *breakpoint, const struct mt_proc *proc);
/*
 * Where a child has begun or ended to share a process's memory, filters give way to registers, or
 * come back; everybody is stopped for that. False: somebody has something to tell first.
 */
bool mt_watches_follow_lending(struct mt_debug *debug);
/* The parts are others now. */
struct mt_error *mt_watched_rearm(struct mt_break *breakpoint, struct mt_watched *watched,
                                  struct mt_watched *fresh);
void mt_watch_describe(struct mt_debug *debug, const struct mt_break *breakpoint,
                       struct mt_break_info *info);
/* The condition as a tree of the small kind, which the kernel can have too; NULL: it is none. */
const struct mt_cond *mt_watch_cond(const struct mt_break *breakpoint);
/* What a part is armed with. */
struct mt_trap mt_watch_trap(const struct mt_break *breakpoint, const struct mt_watch_part *part);

/* ---- watch_value.c: what it is ------------------------------------------- */

/* Evaluates the expression in the frame that the session looks at: fills in parts, place, type and
 * content. What cannot be read is no error as long as there is something to wait for. */
struct mt_error *mt_watched_evaluate(struct mt_debug *debug, const struct mt_break *breakpoint,
                                     struct mt_watched *watched);
/* Whether it means the same without a frame. */
bool mt_watched_needs_frame(struct mt_debug *debug, const struct mt_break *breakpoint,
                            const struct mt_watched *watched);
/* Reads the value of one that is plain. */
struct mt_error *mt_watched_read(const struct mt_watched *watched,
                                 struct mt_watch_content *content);
/* Notes the parts as they are; whether they are others than noted last. One read. */
void mt_watched_note_parts(struct mt_watched *watched);
/* The same from the value of one that is plain, which was just read. */
void mt_watched_note_value(struct mt_watched *watched, const struct mt_watch_content *content);
bool mt_watched_parts_changed(const struct mt_watched *watched);
/* Whether not all of the part can be read. */
bool mt_watched_is_unmapped(const struct mt_watched *watched, const struct mt_watch_part *part);
bool mt_watch_content_same(const struct mt_watch_content *a, const struct mt_watch_content *b);
void mt_watch_content_free(struct mt_watch_content *content);
void mt_watched_free_parts(struct mt_watched *watched);

/* ---- watch_frame.c: how long it lasts ------------------------------------ */

/* Where the function at pc begins; 0: that is not known. */
uint64_t mt_function_start(struct mt_image *image, uint64_t pc);
/* Ties it to the selected frame; `ends`: for life and death. */
struct mt_error *mt_watched_tie(struct mt_debug *debug, struct mt_watched *watched, bool ends);
/*
 * The thread in which the expression has its meaning, and the level of its frame there: the one
 * that has touched it if it can be, else the one that it was set for, which is stopped. NULL: that
 * one does not stop, or is gone, or its frame is.
 */
struct mt_thread *mt_watched_thread(const struct mt_watched *watched, struct mt_thread *thread,
                                    unsigned *level);
/* The level of its frame, as the session looks at the thread. UNKNOWN: the walk has ended before it
 * would be there, or the thread stands on another stack. */
enum mt_watch_found { MT_WATCH_FRAME_GONE, MT_WATCH_FRAME_UNKNOWN, MT_WATCH_FRAME_FOUND };
enum mt_watch_found mt_watched_find_frame(struct mt_debug *debug, const struct mt_watched *watched,
                                          unsigned *level);
/* The condition is set anew: notes whose names it speaks of, by the selected frame. */
void mt_watch_note_names(struct mt_debug *debug, struct mt_break *breakpoint);
/* The frame in which the condition is asked when a thread has hit it: in which thread (NULL: it is
 * gone), its level, and the scope of its names; NULL: the frame's own. */
struct mt_thread *mt_watch_level(const struct mt_break *breakpoint, struct mt_thread *thread,
                                 unsigned *level, const struct mt_scope_place **scope);
/* The thread is gone, or shares the memory no longer: those on what its frames have are deleted. */
void mt_watches_end_with(struct mt_thread *thread);
/* The thread is where frames return to, or where a call in their place begins: adds the numbers of
 * all watchpoints that end with that. */
bool mt_watches_end_at(struct mt_thread *thread, const struct mt_site *site, struct mt_stop *stop);
/* Whether it ends with a frame that its thread, which is stopped, has left, for all that can be
 * told. */
bool mt_watched_has_ended(struct mt_debug *debug, const struct mt_watched *watched);
/* The program has stopped, for whatever reason: tells which watchpoints' frames have been left
 * unseen, and deletes these. */
void mt_watches_end_unseen(struct mt_debug *debug);

/* ---- watch_look.c: what is to be looked at ------------------------------- */

/* The breakpoint's instance in the thread's memory, if it is a watchpoint that is armed there. */
struct mt_watched *mt_watched_of(const struct mt_break *breakpoint, const struct mt_thread *thread);
/* Whether filters do it, which see what system calls do as well. */
bool mt_watched_is_filtered(const struct mt_watched *watched);
bool mt_watches_any(const struct mt_thread *thread);
/* The session itself has written there, for whoever uses it: that is no hit, and what lies there
 * now is what the next one finds. */
void mt_watches_rewritten(struct mt_proc *memory, uint64_t addr, uint64_t len);

/* ---- watch_hit.c: hits --------------------------------------------------- */

/* The thread has stopped by a mechanism, or has done a step: asks all watchpoints. True: stop. */
bool mt_watches_hit(struct mt_thread *thread, struct mt_stop *stop);
/* Whether something is changed, when the thread has come out of a system call. It may be that
 * others have done it, who have their hits pending: these are to be asked first. All threads are
 * stopped where that has to be known. */
enum mt_watch_written { MT_WATCH_NOT_WRITTEN, MT_WATCH_WRITTEN, MT_WATCH_ASK_OTHERS };
enum mt_watch_written mt_watches_look(struct mt_thread *thread);
/* The same as mt_watches_hit() when it has come out of a system call. */
bool mt_watches_written(struct mt_thread *thread, uint64_t number, struct mt_stop *stop);
/* Whether the thread's steps are to be looked at. */
bool mt_watches_see_step(const struct mt_thread *thread);
/* Whether its system calls are to be looked at: what they write is no instruction's doing. */
bool mt_watches_see_syscalls(const struct mt_thread *thread);
/* Whether the instruction, which is to be carried out for the thread, touches what is watched. */
bool mt_watches_care(struct mt_thread *thread, const struct mt_insn *insn);
void mt_watch_hits_forget(struct mt_debug *debug);
/* Whether a filter in the kernel decides for it there. */
bool mt_watch_is_decided(const struct mt_break *breakpoint, const struct mt_thread *thread);

/* ---- watch_access.c: who it was ------------------------------------------ */

struct mt_watch_doer {
	enum mt_watch_who who;
	struct mt_insn insn;
	unsigned did;    /* to the range that was asked for */
	bool maybe_less; /* one of reading and writing, or both */
};
/* The instruction that the thread has just stepped; what it did is not filled in. */
void mt_watch_find_stepped(struct mt_thread *thread, struct mt_watch_doer *doer);
/* What the thread has just done to the range, which was armed for that kind of access. */
void mt_watch_find_doer(struct mt_thread *thread, uint64_t addr, uint64_t len, enum mt_dr_kind kind,
                        struct mt_watch_doer *doer);

/* ---- watch_port.c: I/O ports ---------------------------------------------- */

/* UNSUPPORTED: programs have none under this kernel. */
struct mt_error *mt_watch_check_ports(void);
/* Whether the thread's last step has accessed one of these ports in that way; who, and what. */
bool mt_watch_port_accessed(struct mt_thread *thread, const struct mt_watch_kind *kind,
                            struct mt_watch_doer *doer, struct mt_port_access *access);
/* A SIGSEGV that is for an access to a port, in words; NULL: it is not. The session's. */
const char *mt_port_note(struct mt_thread *thread);

/* ---- filtered.c ---------------------------------------------------------- */

/* A trap that a filter in the kernel watches over. */
struct mt_filtered {
	struct mt_trap trap;
	struct mt_armed *armed;
	/* Of the thread that is being looked at: see mt_filtered_take(). */
	bool holds;
	struct mt_held_values held;
};

/* The process's memory, or the process, is gone. */
void mt_filtered_forget(struct mt_proc *proc);
/* The thread, of another process, shares the memory. It stands. */
void mt_filtered_cover(struct mt_thread *thread);
/* Asks all filters what they have held the thread for since they were asked last. */
void mt_filtered_take(struct mt_thread *thread);
/* Whether another thread, which has something to tell too, has written first what the same filter
 * watches. */
bool mt_filtered_gives_way(struct mt_thread *thread);
/* What the trap's filter has answered; NULL: nothing. */
const struct mt_held_values *mt_filtered_held(struct mt_proc *proc, const struct mt_trap *trap);
/* Whether other bytes lie there than the trap's filter takes for the last ones; it knows them then.
 */
bool mt_filtered_learn(struct mt_proc *proc, const struct mt_trap *trap);
/* The same of all filters: we have written there. */
void mt_filtered_rewritten(struct mt_proc *proc, uint64_t addr, uint64_t len);
/* How often its condition was false. */
uint64_t mt_filtered_unmet(struct mt_proc *proc, const struct mt_trap *trap);

/* ---- hurry.c ------------------------------------------------------------- */

/*
 * Takes a stopped thread, which is to be stepped for watchpoints and is free to go, as far as
 * nothing comes that the session has to look at; a while at most. False: it stands, and goes on as
 * it would have. True: something has come, and is held (mt_event_hold()).
 */
bool mt_hurry(struct mt_thread *thread);

/* ---- stepping.c ---------------------------------------------------------- */

/* Whether it is one of those that are stepped in turn. */
bool mt_stepping_takes_turns(const struct mt_thread *thread);
/* Whose turn it is: nobody else of those is resumed. NULL: nobody's. */
struct mt_thread *mt_stepping_turn(struct mt_debug *debug);
/* When it is to be asked again whose turn it is, if nothing comes before; `deadline_ns`, if that is
 * earlier (0: there is none). */
uint64_t mt_stepping_deadline(const struct mt_debug *debug, uint64_t deadline_ns);
/* Whether the thread, which runs, is stepped over a system call, and comes to nothing else before
 * it stops. */
bool mt_stepping_is_in_call(const struct mt_thread *thread);
/* Tells now and then how far it has come. */
void mt_stepping_tell(struct mt_debug *debug);
/* Whether any process is stepped. */
bool mt_stepping_any(const struct mt_debug *debug);
/* Whether the thread goes on by single steps for the sake of watchpoints. */
static inline bool mt_stepping_on(const struct mt_proc *memory)
{
	return memory->stepped_traps > 0;
}

#endif
