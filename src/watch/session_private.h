/* SPDX-License-Identifier: MIT */
/* Inside src/watch: the session's state, shared by the files that each care for a part of it. */
#ifndef MT_WATCH_SESSION_PRIVATE_H
#define MT_WATCH_SESSION_PRIVATE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/vec.h"
#include "expr/expr.h"
#include "symbol/where.h"
#include "target/event.h"
#include "watch/chain.h"
#include "watch/enrich.h"
#include "watch/fold.h"
#include "watch/session.h"

/* A function's first instructions, where calls of it stop. */
struct mt_entry {
	uint64_t addr;
	struct mt_armed *armed;
};

/* A program image that is watched: one process, and its forks as long as they run the same program.
 */
struct mt_target {
	pid_t pid;
	struct mt_image *image;
	struct mt_space *space;
	struct mt_enricher *enricher;
	struct mt_dr_mirror mirror; /* of each thread's debug registers, as far as they are ours */
	size_t first_modules;  /* at the first look; more of them: the dynamic linker has begun */
	uint64_t refreshed_ns; /* when the mappings were last read */
	struct mt_armed *hold; /* stops a thread at a location that something waits for */
	uint64_t hold_addr;
	MT_VEC(struct mt_entry) entries; /* of functions, where calls are held */
	bool at_start;                   /* first seen before its first instruction */
	bool told_waiting;               /* that names are waited for */
	bool at_pending;                 /* --at has not been reached */
	bool hold_is_at;                 /* the hold is there; else on the dynamic linker's hook */
	bool forked; /* other processes run the same program, with the same events */
	bool left;   /* its process has become another program */
	bool ended;
};

enum mt_watch_state {
	MT_WATCH_PENDING, /* its name is not known yet, or its location not reached */
	MT_WATCH_READY,   /* registers are booked for it */
	MT_WATCH_ARMED,
	MT_WATCH_ENDED,
};

/* One expression in one target. Its index in session->watches is the record's watch id. */
struct mt_watch {
	uint32_t id;
	enum mt_watch_state state;
	bool was_armed;
	struct mt_target *target;
	const struct mt_watch_request *request;
	struct mt_hit_watch view; /* as hits show it */
	uint64_t past_prologue;   /* of an execution at a function: where its locals are in place */
	bool frame_memory;        /* locals are named that are so only there */
	struct mt_cond *cond;
	MT_VEC(struct mt_capture *) captures; /* one for each of config->prints */
	MT_VEC(struct mt_hit_capture) shown;  /* of the hit that is being told */
	struct mt_armed *armed;
	struct mt_coverage coverage;
	bool from_elf;
	/* Records; as many as were sent, once the ring is empty, or the difference is a loss. */
	uint64_t sent, received;
	MT_VEC(pid_t) unmapped;   /* the processes where its memory is gone; see mappings.c */
	uint64_t seemed_unmapped; /* when it was found so first; 0: it was not */
	struct mt_chain chain;
	struct mt_fold fold;
	/* Of a thread-local variable: one for each thread; view.addr is that of the hit that is
	 * told. */
	bool per_thread;
	/* Of what a local variable is or leads to: an instance for each call; see frames.h. */
	bool in_frame;
	bool told_unwatched; /* that calls are not watched */
	struct mt_function_local local;
	uint64_t entry; /* where calls are held */
	uint64_t calls; /* that were armed */
	size_t copies;  /* of the function, inlined or cloned: nobody sees their calls */
	bool by_value;  /* the local was in a register where calls are held */
	bool has_local; /* `local` is known */
	bool is_patchy; /* in parts of the function the local's place is not known */
	bool told_waiting;
	bool waits_for_start; /* the C library has not made the thread's yet, */
	MT_VEC(struct mt_instance) instances;
	/* With --deep; see deep.h. */
	struct mt_place_steps steps; /* the pointers on the way, where they are trapped */
	struct mt_armed *step_traps[MT_PLACE_STEPS];
	uint64_t at;  /* where the trap stands */
	bool is_away; /* it stands nowhere: the pointers lead nowhere */
	uint64_t moves;
	/* By single steps; see wide.c. */
	bool stepped;
	char *why_steps; /* owned */
	/* What is more than a hit can show: `view` is then the slice that was hit. */
	bool is_wide;
	struct mt_hit_watch whole;
	char slice[96];    /* what the slice is called */
	bool single_store; /* a store's source tells the whole value: see mt_source_value */
};

struct mt_session {
	const struct mt_watch_config *config;
	const struct mt_listener *listener;
	struct mt_probe *probe;
	/* Pointers: targets and watches don't move. */
	MT_VEC(struct mt_target *) targets;
	MT_VEC(struct mt_watch *) watches;
	struct mt_session_summary *summary;

	pid_t root;       /* the process that was launched or attached to */
	char *program;    /* the file that was launched; NULL for a process that ran already */
	int root_fd;      /* a pidfd of it */
	bool root_gone;   /* it has ended */
	bool root_execed; /* without `follow`: it runs another program, which is not watched */
	MT_VEC(pid_t) tracees;
	MT_VEC(struct mt_record *) recovered; /* by the guard, in the order of time; on the heap */
	bool traces_births; /* tracees they stay, for the sake of variables of threads to come */
	bool seizing;       /* they are becoming so */
	bool seized;        /* all threads of a process that is not ours are tracees */
	pid_t held;         /* the tracee that is stopped, and being dealt with; 0: none */
	struct mt_event held_event; /* of one that was held for our own sake: to be answered yet */
	bool guarded;               /* tracees they stay, for the sake of the guard */
	bool releasing;             /* tracees are being let go */
	struct mt_error *passed_over; /* why the last program that was let be was, or NULL */
	struct mt_error *fatal;       /* the session cannot go on */
	bool acted;                   /* --then has been carried out */
	/* MT_ACTION_HOLD; see handover.c. */
	pid_t holder;              /* the tracee that stands, and whose hits are decided; 0: none */
	bool holder_seen;          /* a record of it has come */
	pid_t hit_pid;             /* the process that is to be handed over, 0: none yet … */
	bool handed;               /* … or has been */
	struct mt_event event;     /* that is being dealt with */
	MT_VEC(siginfo_t) put_off; /* signals of threads that had a hold waiting behind them, … */
	MT_VEC(pid_t) put_off_of;  /* … whose they are */
	bool ending;               /* the watch is over: only the program's end is waited for */
	bool orphaned;             /* whoever waits for us is gone */
	bool at_hit;               /* the thread of the record stands at its hit */
	bool given_up;             /* nor is it waited for what the listener has not got rid of */
	enum mt_backlog backlog;   /* of the listener, when last asked */
	uint64_t round;            /* of reading the ring */
	uint64_t start_ns, end_ns;
	double step_us; /* measured; 0: not yet */
};

/* Whether there are several of what is watched, at addresses of their own. */
static inline bool mt_watch_has_instances(const struct mt_watch *watch)
{
	return watch->per_thread || watch->in_frame;
}

/* Whether each hit has an address of its own. */
static inline bool mt_watch_moves(const struct mt_watch *watch)
{
	return mt_watch_has_instances(watch) || watch->request->deep || watch->is_wide;
}

/* All that is watched; of one with instances, as it was where it was looked at first. */
static inline const struct mt_hit_watch *mt_watch_whole(const struct mt_watch *watch)
{
	return watch->is_wide ? &watch->whole : &watch->view;
}

void mt_session_notice(struct mt_session *session, enum mt_session_notice_kind kind,
                       const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- targets.c: images, and the watches in them -------------------------- */

/* A target for `pid`, which runs its program already (it may be stopped before the first
 * instruction). */
struct mt_error *mt_target_add(struct mt_session *session, pid_t pid, struct mt_target **target);
void mt_target_destroy(struct mt_target *target);

/* The target whose image `pid` runs: its own, or that of the process it was forked from. */
struct mt_target *mt_target_of(struct mt_session *session, pid_t pid);

/* Reads the mappings again, unless that was done within `min_ns`. Returns whether they have
 * changed. */
bool mt_target_refresh(struct mt_target *target, uint64_t min_ns);

/* Creates the target's watches, all pending. */
struct mt_error *mt_watches_add(struct mt_session *session, struct mt_target *target);
void mt_watch_destroy(struct mt_watch *watch);

/*
 * Resolves and arms what is pending in the target. What has no name yet stays pending where
 * `may_wait`; else its error is returned.
 */
struct mt_error *mt_watches_arm(struct mt_session *session, struct mt_target *target,
                                bool may_wait);

/* Ends a target that has nothing to watch, and forgets its names. */
void mt_target_drop(struct mt_session *session, struct mt_target *target);

/* Whether the dynamic linker has mapped something since the target was first seen. */
bool mt_target_linker_begun(const struct mt_target *target);

/* Whether the program may load libraries by itself: it, or a library of it, imports dlopen. */
bool mt_target_can_load(const struct mt_target *target);

/* Its memory; an mt_memory_reader with the target for its argument. */
struct mt_error *mt_target_read(void *target, uint64_t addr, void *out, size_t len);

/* Says which expressions wait for a library, each with the reason why it has no meaning yet. */
void mt_watches_tell_pending(struct mt_session *session, struct mt_target *target);

/* ---- wide.c: what the registers cannot hold ------------------------------- */

/* Books the registers that the watch needs, or decides that it goes by single steps. NO_REGISTER:
 * it may not, and what holds them. */
struct mt_error *mt_watch_book(struct mt_session *session, struct mt_watch *watch);
void mt_watch_unbook(struct mt_watch *watch);

/* The place of the watch is in `view`: whether single steps could watch that much. */
struct mt_error *mt_watch_make_wide(const struct mt_session *session, struct mt_watch *watch);

/* Of one that is wide: `view` is the slice that the record is of. */
void mt_watch_show_slice(struct mt_watch *watch, const struct mt_record *record);

/* ---- prints.c: what is shown with each hit ------------------------------- */

/* What expressions of the watch may speak of. */
struct mt_cond_scope mt_watch_scope(struct mt_watch *watch);

/* What they are computed from at the record's hit; memory is the target's as it is now. */
struct mt_cond_input mt_watch_input(const struct mt_watch *watch, const struct mt_record *record);

/* Compiles config->prints for the watch, whose place is resolved. */
struct mt_error *mt_prints_compile(const struct mt_session *session, struct mt_watch *watch);
void mt_prints_forget(struct mt_watch *watch);
void mt_prints_deinit(struct mt_watch *watch);

/* hit->captures: what the record has of them. */
void mt_prints_tell(struct mt_watch *watch, const struct mt_record *record, struct mt_hit *hit);

/* Captures for a hit that the kernel was not asked for, of a stopped thread, into the record's
 * tail. The record has room for MT_RECORD_CAPTURE_MAX bytes. */
void mt_prints_take(const struct mt_watch *watch, struct mt_record *record);

/* How many are pending. */
size_t mt_watches_pending(const struct mt_session *session, const struct mt_target *target);

/* No more hits; what is in the ring stays. */
void mt_target_disable(struct mt_session *session, struct mt_target *target);

/* Ends the target's watches: their counts are taken over, the events closed. Its names stay. */
void mt_target_end(struct mt_session *session, struct mt_target *target);

/* ---- hold.c: stopping a thread at a location ----------------------------- */

/* Puts the hold where the target's pending watches need it, or takes it away. */
struct mt_error *mt_hold_update(struct mt_session *session, struct mt_target *target);

/* A thread of the target has been stopped by our signal: what waited is armed. */
struct mt_error *mt_hold_reached(struct mt_session *session, struct mt_target *target);

/* ---- seize.c ------------------------------------------------------------- */

/* What is followed of tracees. */
unsigned mt_session_trace_flags(const struct mt_session *session);

/* Makes all threads of the root tracees, now and to come: each is stopped for a moment. */
struct mt_error *mt_session_seize(struct mt_session *session);

/* The same while hits are on their way, so that nobody is stopped: one that is born of a thread in
 * the middle of clone(2) may be missed. */
struct mt_error *mt_session_seize_running(struct mt_session *session);

/* ---- instances.c: a variable of each thread ------------------------------- */

/*
 * The place of watch->request->expr, as thread `tid` has it, which is stopped. `tid` 0: where it is
 * thread-local, as some thread has it, which is held then until mt_instances_let_go().
 */
struct mt_error *mt_instances_resolve(struct mt_session *session, struct mt_watch *watch, pid_t tid,
                                      struct mt_place *place);
void mt_instances_let_go(struct mt_session *session);

/* The same in a frame of that thread, which has what the watch's local leads to. */
struct mt_error *mt_instances_resolve_frame(struct mt_session *session, struct mt_watch *watch,
                                            pid_t tid, const struct mt_where_frame *frame,
                                            struct mt_place *place);

/* From here on all threads are tracees, for births and holds. */
struct mt_error *mt_instances_trace(struct mt_session *session);

/* Arms a thread-local watch, whose program is loaded, in all threads of its target. */
struct mt_error *mt_instances_arm(struct mt_session *session, struct mt_watch *watch);

/* A thread has been born, and has not run yet; a thread has ended. */
void mt_instances_birth(struct mt_session *session, struct mt_target *target, pid_t tid);
void mt_instances_death(struct mt_session *session, pid_t tid);

/* The instance of a thread; NULL: it has none. */
const struct mt_instance *mt_instances_of(const struct mt_watch *watch, pid_t tid);

/* Arms one on its thread, which is stopped. */
struct mt_error *mt_instances_add(struct mt_watch *watch, const struct mt_instance *instance);

/* ---- mappings.c: memory that goes away ------------------------------------ */

/* A system call may have unmapped what is watched, or have mapped something there: fills in what
 * the hit is, which has its values. False: it is none. */
bool mt_mappings_judge(struct mt_session *session, struct mt_watch *watch,
                       const struct mt_record *record, struct mt_hit *hit);

/* Says what has been unmapped without anybody seeing who did it, where nobody does. */
void mt_mappings_look(struct mt_session *session);

/* ---- follow.c: what the tracees do --------------------------------------- */

/* Handles the waiting events of tracees and of the child, but no more than some hundred at once.
 * Returns whether there may be more. */
bool mt_follow_events(struct mt_session *session);

/* Whether something still needs tracees: a hold, or exec to follow. */
bool mt_follow_needed(const struct mt_session *session);

/* A stopped tracee goes on, with `signal`: as a tracee where one is needed, else free. */
void mt_follow_go_on(struct mt_session *session, pid_t tid, int signal);

/* Begins with the program that was launched, before its first instruction; with `follow` one that
 * knows none of the names is let be. */
struct mt_error *mt_follow_begin(struct mt_session *session, pid_t pid);

/* Answers a tracee's event. */
void mt_follow_handle(struct mt_session *session, const struct mt_event *event);

bool mt_follow_add(struct mt_session *session, pid_t tid);

/* Lets all tracees go, when nothing needs them any more: each at its next stop. */
void mt_follow_release(struct mt_session *session);

/* ---- handover.c: the debugger takes over ---------------------------------- */

/* Whether each hit holds its thread, for this session to decide what becomes of it. */
bool mt_handover_is_wanted(const struct mt_session *session);

/* A thread stands at a hold: tells what it has hit. Whether it had. */
bool mt_handover_decide(struct mt_session *session, pid_t tid);

/* The record is of the hit that ends the watch: its process is to be handed over. */
void mt_handover_choose(struct mt_session *session, const struct mt_record *record);

/* From then on until it is done. */
bool mt_handover_goes_on(const struct mt_session *session);

/* A tracee, which stands at session->event, is to go on, with `signal`. True: it stays, since it is
 * handed over. */
bool mt_handover_keeps(struct mt_session *session, pid_t tid, int signal);

/* The same of an event that nobody else is to answer. */
bool mt_handover_keeps_event(struct mt_session *session, const struct mt_event *event);

/* All threads come to stand and are no longer the session's. */
void mt_handover_make(struct mt_session *session);

/* ---- guard.c: traps without a reason --------------------------------------- */

/* Whether the signal of this stop is a debug exception that has lost its reason. */
bool mt_guard_is_stray(pid_t tid, int signal);

/* Keeps the hit that such a stop of `tid` stands for, to be told in its turn. False: it cannot be
 * told which it was. */
bool mt_guard_recover(struct mt_session *session, struct mt_target *target, pid_t tid);

/* ---- hold.c, again ------------------------------------------------------- */

/* The root's image is there: watches are resolved, armed, or left pending where they may. The root
 * is stopped before its first instruction, or runs. */
struct mt_error *mt_session_begin(struct mt_session *session, pid_t pid, bool at_start);

/* ---- records.c: from records to hits ------------------------------------- */

void mt_session_record(const struct mt_record *record, void *session);

/* The same while the record's thread stands at its hit. It is lost while the listener's backlog is
 * full. */
void mt_session_record_at_hit(const struct mt_record *record, void *session);

/* What --print shows with the record's hit: an mt_record_capture. */
void mt_session_capture(struct mt_record *record, void *session);

/* Tells what is in the ring of a thread that stands, and what it waits behind, whatever the
 * listener's backlog is. */
void mt_session_settle(struct mt_session *session, pid_t tid);

/* Tells what is in the ring, some thousand records of it, and returns how many there were. While
 * the listener's backlog is full they stay where they are. */
size_t mt_session_drain(struct mt_session *session);

/* What the kernel has counted by place, entered in the summary. */
void mt_session_count_places(struct mt_session *session, struct mt_watch *watch);

/* After a drain: what was held back and has waited long enough; everything when `all`. */
void mt_session_flush(struct mt_session *session, bool all);

#endif
