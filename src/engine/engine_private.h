/* SPDX-License-Identifier: MIT */
/*
 * Inside src/engine: the session's state, shared by the files that each care for a part of it.
 *
 * How a stop comes about. wait.c takes what the kernel tells and hands it to the thread that it is
 * about: as something that the session deals with itself (a new thread, a site of ours that nobody
 * asked for), after which the thread goes on at once; or as something that a person may want to
 * see, which stays with the thread as `pending`. decide.c then asks the breakpoints and the rules
 * of signals whether it is a stop. If it is, all other threads are stopped (stop.c); what they
 * bring meanwhile stays pending with them, and is decided on when the session goes on.
 */
#ifndef MT_ENGINE_PRIVATE_H
#define MT_ENGINE_PRIVATE_H

#include <sys/queue.h>
#include <sys/user.h>
#include <termios.h>

#include "base/vec.h"
#include "engine/core.h"
#include "engine/debug.h"
#include "engine/mechanism.h"
#include "engine/share.h"
#include "engine/world.h"
#include "expr/expr.h"
#include "insn/ahead.h"
#include "insn/insn.h"
#include "probe/probe.h"
#include "target/event.h"
#include "target/tracee.h"
#include "x86/regtable.h"

#define MT_SIGNALS 65
#define MT_SIGNAL_BIT(signal) (UINT64_C(1) << ((signal)-1))
#define MT_SIGTRAP_BIT MT_SIGNAL_BIT(SIGTRAP)
/* Signals that an instruction brings about itself: blocked, they are a disaster. */
#define MT_OWN_SIGNALS                                                                             \
	(MT_SIGNAL_BIT(SIGSEGV) | MT_SIGNAL_BIT(SIGBUS) | MT_SIGNAL_BIT(SIGFPE) |                  \
	 MT_SIGNAL_BIT(SIGILL) | MT_SIGNAL_BIT(SIGSYS))

/* ---- Threads ------------------------------------------------------------- */

enum mt_thread_state {
	MT_THREAD_STOPPED,
	MT_THREAD_RUNNING,
	MT_THREAD_LEAVING, /* it ends, and stops no more; a leader stays so until the last thread */
	MT_THREAD_GONE,    /* it has ended; freed by mt_debug_bury() */
};

/* What a stopped thread has to tell. */
enum mt_pending_kind {
	MT_PENDING_NONE,
	MT_PENDING_SITE,     /* at an int3 of ours; pc is back on it */
	MT_PENDING_DEBUGREG, /* at the place of a hardware breakpoint */
	MT_PENDING_STEP,     /* the instruction that was asked for is done */
	MT_PENDING_SIGNAL,   /* `info` */
	MT_PENDING_SYSCALL,
	MT_PENDING_FORK,
	MT_PENDING_VFORK,
	MT_PENDING_EXEC,
	MT_PENDING_WATCH, /* what a debug register watches may have been touched */
};

struct mt_pending {
	enum mt_pending_kind kind;
	uint64_t turn; /* the earlier one is told first */
	bool entering; /* SYSCALL */
	uint64_t number;
	pid_t child; /* FORK, VFORK */
};

struct mt_thread {
	pid_t tid;
	const struct mt_core_task *task; /* of a core file */
	int number;
	struct mt_proc *proc;
	enum mt_thread_state state;
	enum mt_resume how; /* of the last resume */
	bool asked_to_stop; /* by PTRACE_INTERRUPT */
	bool new_born;      /* its first stop has not been seen */
	pid_t lends_to;     /* by vfork: until that child is done it cannot be stopped */
	bool group_stopped; /* by job control: it is to be kept with PTRACE_LISTEN */
	bool runs;          /* the session wants it to run */
	struct mt_pending pending;

	int signal;              /* to be delivered when it goes on */
	siginfo_t info;          /* of it, or of the last signal-delivery-stop */
	enum mt_event_kind stop; /* what it is stopped for */
	bool steps_out_of_exec;  /* the next step's trap is that of execve() itself */
	bool info_changed;       /* the kernel's siginfo of this stop is not `info` */
	int deferred; /* a signal that waits for the instruction under a site to be done */
	siginfo_t deferred_info;
	int sent; /* a signal that we have sent for `signal`: it passes unseen */

	struct user_regs_struct regs; /* as the program would see them */
	bool has_regs;
	bool regs_changed;
	/* For rescue.c: the pc that was written in this stop, 0: none; and whether what the kernel
	 * has are the registers of a system call of ours, not `regs`. */
	uint64_t settled_pc;
	bool injecting;
	unsigned rescue_tries; /* left for its step; 0: none is taken */
	LIST_ENTRY(mt_thread) traced;
	bool told; /* a stop at `told_pc` was shown: going on leaves it */
	uint64_t told_pc;
	size_t hidden; /* inlined functions that begin at pc, and are shown as not yet entered */
	enum mt_pending_kind decided; /* where the kernel has found a condition true: SITE or
	                                 DEBUGREG, else NONE */
	MT_VEC(siginfo_t) put_off;    /* signals that came before a hold: see hold.c */
	uint64_t unblocked, blocked;  /* signals, for the time of a step */
	bool lets_trap_in; /* SIGTRAP was not blocked before the last step, if that was the last */
	bool runs_call;    /* the step is one of a system call, which is run to its end */
	bool emulated;     /* the last step was carried out here */
	bool was_kept;     /* in the kernel, by a fault, when it was hurried: it is stepped now */
	bool flag_trap;    /* TF was set by the program itself before the last step */
	uint32_t registers_turn;         /* of the mirror that its debug registers are true to */
	uint64_t status;                 /* DR6 of its last SIGTRAP, as far as the kernel tells */
	uint64_t stepped_pc, stepped_sp; /* before the last step */
	uint64_t looked_at;              /* mt_debug.looks at the last of its steps */
	bool knows_before;               /* `before` is of the last step */
	struct user_regs_struct before;  /* all of them, where steps are watched */
	bool knows_state;                /* `before_state` is too; it is of few instructions */
	struct mt_insn_state before_state;
	uint8_t stepped_code[MT_INSN_MAX_LEN]; /* of the stepped instruction; 0 behind it */
};

/* ---- Sites --------------------------------------------------------------- */

#define MT_INT3_LEN 1
#define MT_JUMP_LEN 5

/*
 * The place of an int3 in one process. Several breakpoints, and steps, may stand in one. To leave
 * it, a thread runs a copy of the instruction elsewhere, its slot: see slot.c.
 *
 * Where a filter in the kernel decides who is to stop, there is a jump instead: see detour.c.
 */
struct mt_site {
	uint64_t addr;
	const struct mt_proc *memory; /* whose it is */
	LIST_ENTRY(mt_site) known;
	unsigned refs;                   /* of those that want every execution */
	bool inserted;                   /* or is about to be */
	uint8_t span;                    /* what is inserted: MT_INT3_LEN or MT_JUMP_LEN */
	uint8_t original[MT_JUMP_LEN];   /* `span` bytes */
	struct mt_armed *filter;         /* the jump's, or NULL */
	uint64_t detour;                 /* where the jump leads; 0: none yet */
	uint64_t slot;                   /* 0: none yet */
	uint8_t slot_insn_len, slot_len; /* of the copied instruction, and of all */
	bool slot_failed;                /* there can be none: it is stepped in place */
};

/* A piece of memory of our own in the process, for slots. */
struct mt_slot_area {
	uint64_t addr;
	uint32_t used;
};

/* The same for detours. */
struct mt_detour_area {
	uint64_t addr;
	uint32_t used;
	int file; /* what is mapped there */
};

/* ---- Processes ----------------------------------------------------------- */

/* What is stepped through by instructions until the thread has come out of it. */
enum mt_through {
	MT_THROUGH_NOTHING,
	MT_THROUGH_LONGJMP,  /* which ends in another frame; its calls may be what does that */
	MT_THROUGH_UNWINDER, /* of exceptions, the same, but for its calls */
	MT_THROUGH_RESOLVER, /* the dynamic linker, which jumps on to what it was asked for */
};

/* Where longjmp() or the unwinder begins. */
struct mt_leap {
	uint64_t addr;
	enum mt_through what;
};

struct mt_proc {
	struct mt_debug *debug;
	int number; /* 0: never shown, a child that borrows memory */
	pid_t pid;
	bool attached;          /* else launched, or a child of such */
	bool leader_untraced;   /* its main thread had ended before we came */
	bool ended;             /* freed by mt_debug_bury() */
	bool quiet;             /* it is let go as soon as it no longer shares memory */
	struct mt_proc *lender; /* whose memory, and sites, it shares */
	bool lending_changed;   /* a child has begun or ended to share its memory; see watch.c */
	struct mt_core *core;   /* it is a core file: it only answers */
	char *program;
	struct mt_image *image;
	MT_VEC(struct mt_thread *) threads;
	int next_thread;
	MT_VEC(struct mt_site *) sites; /* by rising address */
	MT_VEC(struct mt_slot_area) areas;
	MT_VEC(struct mt_detour_area) detours;
	struct mt_dr_mirror registers; /* what ptrace's debug registers are to hold */
	uint32_t registers_turn;       /* counts its changes */
	bool twinless; /* registers that are free are left to others: see mt_dr_add_twins() */
	MT_VEC(struct mt_filtered) filtered;
	struct mt_dr_mirror filter_registers; /* which these have taken */
	unsigned stepped_traps;               /* for which every instruction is stepped */
	struct mt_space *space;               /* of the breakpoints in the kernel */
	MT_VEC(struct mt_leap) leaps;
	bool knows_leaps;
	uint64_t hook; /* where the dynamic linker calls after (un)mapping; 0: not yet known */
	struct mt_site *hook_site;
	struct termios modes; /* of the terminal while the process had it */
	bool has_modes;
	bool own_terminal; /* another one than ours */
};

/* ---- Breakpoints --------------------------------------------------------- */

struct mt_break_at {
	struct mt_proc *proc;
	struct mt_break_place place;
	char *what;
	struct mt_cond *cond; /* the condition by what is in scope there; see mt_break_cond() */
	struct mt_site *site; /* MT_WAY_INT3, and those of uprobes */
	struct mt_armed
	    *armed;         /* where the kernel decides: with a site a uprobe, else a register */
	uint64_t evaluated; /* the breakpoint's, when `armed` began to count on from it */
};

struct mt_break {
	int number;
	enum mt_break_kind kind;
	bool enabled, temporary, pending_allowed, gone;
	bool end_told; /* that and why it is gone */
	char *location;
	char *condition;
	struct mt_cond *cond;
	int thread;
	bool disables; /* when it has stopped `stops_left` times more */
	uint64_t stops_left;
	uint64_t hits, unmet, ignore;
	uint64_t unchanged; /* of a watchpoint; see mt_break_info */
	uint64_t evaluated; /* times the condition was asked: its `hits` */
	MT_VEC(struct mt_break_at) places;
	MT_VEC(struct mt_break_place) view; /* of the current process, for mt_break_info */
	MT_VEC(uint64_t) wanted;            /* catch: system calls by x86-64's numbers, signals */
	MT_VEC(uint64_t) wanted_i386;       /* the same system calls by i386's numbers */
	struct mt_watchpoint *watch;        /* WATCH */
};

/* The condition as a tree of the small kind, which the kernel can have too: the same everywhere, or
 * by what is in scope at the place. NULL: there is none, or it takes the evaluator. */
static inline const struct mt_cond *mt_break_cond(const struct mt_break *breakpoint,
                                                  const struct mt_break_at *at)
{
	return breakpoint->cond ? breakpoint->cond : at ? at->cond : NULL;
}

/* ---- A plan: what a go is to reach --------------------------------------- */

#define MT_PLAN_MAX_PLACES 34
#define MT_PLAN_MAX_LEAPS 16
#define MT_INLINES_MAX 32

/* A place at which the plan's thread has arrived, if its stack pointer is at least `min_sp`, and if
 * it is in the frame of `cfa`. */
struct mt_plan_place {
	struct mt_site *site;
	uint64_t min_sp;
	uint64_t cfa; /* 0: any */
};

struct mt_plan {
	bool active;
	enum mt_go_kind kind;
	struct mt_proc *proc;
	struct mt_thread *thread; /* NULL: it has ended meanwhile */
	uint64_t left;            /* steps */
	bool only_thread;
	bool running;     /* to a place; else it steps */
	bool until_place; /* UNTIL with a location */
	struct mt_plan_place places[MT_PLAN_MAX_PLACES];
	size_t place_count;
	/* Frames may go without a return. */
	struct mt_site *leaps[MT_PLAN_MAX_LEAPS]; /* where that begins */
	size_t leap_count;
	uint64_t
	    gone_sp; /* a leap that ends at or above has left what is run through; 0: none can */
	enum mt_through through;
	uint64_t through_sp; /* at its first instruction */
	bool leaves_inlined; /* FINISH of an inlined function */
	/* Of steps by line. */
	uint64_t start, end; /* instructions that need no look at the line table */
	struct mt_line line; /* to be left */
	uint64_t frame;      /* canonical frame address of the function to be stepped in */
	uint64_t function;   /* where that function begins */
	uint64_t inlined[MT_INLINES_MAX]; /* what is inlined there: mt_inline_frame.start, outermost
	                                     first */
	size_t depth;
	bool entered; /* the last instruction was a call that is entered */
	bool arrives; /* it runs to where a function begins its work */
	bool reveals; /* a function that was hidden is entered: pc stays */
};

/* ---- Dummy frames: see call.c -------------------------------------------- */

/* What a thread was and had before we made it call a function. */
struct mt_dummy {
	struct mt_thread *thread;
	uint64_t return_to; /* where the function returns to: a site, which the dummy holds */
	struct mt_site *site;
	uint64_t sp; /* the stack pointer is at least that then */
	struct user_regs_struct regs;
	bool blocks_trap; /* SIGTRAP, which the return would be told by: it is not meanwhile */
	uint8_t *xstate;  /* owned */
	size_t xstate_size;
	int signal;
	siginfo_t info;
	bool info_changed;
	int deferred;
	siginfo_t deferred_info;
	bool told;
	uint64_t told_pc;
	struct mt_stop stop; /* the session's last one, and the frame that was selected */
	unsigned frame;
};

/* A process of ours in the group that has the terminal: see terminal.c. */
struct mt_listener {
	pid_t pid; /* 0: none */
	pid_t group;
	int fd; /* a byte for each Ctrl-C */
};

/* ---- The session --------------------------------------------------------- */

struct mt_debug {
	struct mt_debug_config config;
	struct mt_debug_settings settings;
	struct mt_signal_rule rules[MT_SIGNALS];
	struct mt_xsave_layout layout;
	char *program;
	struct mt_image *file_image;
	MT_VEC(struct mt_proc *) procs;
	/* All threads and sites there are. Unlike vectors the lists are whole at each moment: a
	 * signal handler may read them (rescue.c). */
	LIST_HEAD(mt_traced, mt_thread) traced;
	LIST_HEAD(mt_known_sites, mt_site) known_sites;
	struct mt_proc *proc;     /* the current one; NULL: none */
	struct mt_thread *thread; /* the current one */
	unsigned frame;
	int next_proc;
	MT_VEC(struct mt_break *) breaks;
	int next_break;
	struct mt_plan plan;
	struct mt_stop last_stop;
	bool has_stop; /* found while going on: the next wait tells it */
	bool going;    /* between mt_debug_go() and the stop */
	bool recheck;  /* threads have something pending, or are to be resumed */
	bool stopping; /* what happens stays pending */
	uint64_t turn;
	struct mt_frames *frames;
	MT_VEC(struct mt_watch_hit) hits;  /* of the last stop */
	struct mt_arena hit_arena;         /* what they point to */
	uint64_t step_ns[2];               /* what a step costs here, of an attached process and of
	                                      one of ours; 0: not measured */
	uint64_t steps;                    /* for watchpoints, since the program goes on */
	uint64_t looks;                    /* at steps of any thread, for watchpoints */
	uint64_t steps_told_ns;            /* when that was told last */
	struct mt_thread *stepper;         /* whose turn it is; NULL: nobody's */
	uint64_t turn_until_ns;            /* and how long */
	struct mt_ahead_code *ahead_code;  /* of hurry.c; NULL: none yet */
	struct mt_rows *rows;              /* likewise */
	struct mt_reads *reads;            /* what an evaluation under way reads; NULL: no matter */
	struct mt_shared_processor shared; /* with a thread that stops all the time */
	struct mt_pace pace;
	MT_VEC(struct mt_dummy) dummies; /* of a thread the innermost one is the last */
	bool calling;                    /* mt_debug_call() waits for one of them */
	MT_VEC(struct mt_view *) views;  /* of frames: see world.h */
	struct mt_debug_names names;
	struct mt_kept *kept;         /* trees of expressions */
	struct mt_moment *moment;     /* see moment.c; NULL: none was ever kept */
	MT_VEC(struct mt_event) held; /* taken from the kernel, not dealt with yet */
	MT_VEC(pid_t) orphans;        /* stopped children whose parents have not told of them */
	struct mt_probe *probe;       /* of breakpoints in the kernel; made on demand */
	bool no_probe;                /* the kernel refuses */
	int wake;                     /* an eventfd */
	int signals;                  /* a signalfd for SIGCHLD */
	int poll;                     /* an epoll of both */
	sigset_t old_mask;
	volatile sig_atomic_t interrupted;
	char note[160];         /* of the last stop by a signal */
	unsigned looks_to_skip; /* see wait.c */
	bool drained;           /* of what is waiting to be taken `poll` may say nothing */
	bool has_terminal;      /* the programs and we share one, and we are in its foreground */
	bool lent_terminal;     /* the program has it */
	struct mt_listener listener;
	struct termios our_modes;
};

void mt_notify(struct mt_debug *debug, const struct mt_notice *notice);
void mt_warn(struct mt_debug *debug, pid_t pid, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- process.c ----------------------------------------------------------- */

struct mt_error *mt_proc_add(struct mt_debug *debug, pid_t pid, struct mt_proc **proc);
/* It is no longer ours, nor are its threads. It stays readable until mt_debug_bury(). */
void mt_proc_remove(struct mt_proc *proc);
/* Frees what is gone; where nobody holds a thread or a process. */
void mt_debug_bury(struct mt_debug *debug);
struct mt_proc *mt_proc_find(struct mt_debug *debug, pid_t pid);
/* A thread by which its memory can be reached: that of a main thread that has ended cannot. */
pid_t mt_proc_access(const struct mt_proc *proc);
/* Whose memory it runs in: itself, or its lender. */
struct mt_proc *mt_proc_memory(struct mt_proc *proc);
/* Whether a child shares its memory. */
bool mt_proc_lends(const struct mt_proc *proc);
/* Begins to share the lender's memory; NULL: has one of its own from now on. */
void mt_proc_borrow(struct mt_proc *proc, struct mt_proc *lender);
void mt_proc_select(struct mt_debug *debug, struct mt_proc *proc);
/* MT_ERR_USAGE: "no process is being debugged"; or it runs, or it is a core file. */
struct mt_error *mt_need_stopped(struct mt_debug *debug);
/* Reads its program's name and image anew: after launch and exec. */
struct mt_error *mt_proc_read_image(struct mt_proc *proc);
bool mt_proc_runs(const struct mt_proc *proc);
/* Whether a thread of it is left. */
bool mt_proc_lives(const struct mt_proc *proc);

/* ---- thread.c ------------------------------------------------------------ */

/* Runs, as far as is known; NULL without memory. */
struct mt_thread *mt_thread_add(struct mt_proc *proc, pid_t tid);
/* It is no longer ours. It stays readable until mt_debug_bury(). */
void mt_thread_remove(struct mt_thread *thread);
void mt_thread_free(struct mt_thread *thread);
struct mt_thread *mt_thread_find(struct mt_debug *debug, pid_t tid);
void mt_thread_select(struct mt_debug *debug, struct mt_thread *thread);
/* A thread of the process that is stopped, if there is one: the leader if possible. */
struct mt_thread *mt_thread_stopped(struct mt_proc *proc);
/* The next of the other threads that see the same memory, children's that share it too, after
 * `other`; NULL: the first, or that was the last. */
struct mt_thread *mt_thread_beside(const struct mt_thread *thread, const struct mt_thread *other);
/* One that is stopped and sees that memory: the session's if it does; a child's that shares it. */
struct mt_thread *mt_thread_in_memory(const struct mt_proc *memory);

/* The registers of a stopped thread, as the program would see them. False: it is being killed. */
bool mt_thread_regs(struct mt_thread *thread);
/* Writes back what was changed. */
void mt_thread_flush(struct mt_thread *thread);
/* Sets pc as a jump does: a system call that was interrupted is not begun again. */
void mt_thread_set_pc(struct mt_thread *thread, uint64_t pc);

/* ---- wait.c: events ------------------------------------------------------ */

/* The next event; NONE: `deadline_ns` (CLOCK_MONOTONIC; 0: none) has passed, or an interrupt came
 * and `may_interrupt`. */
struct mt_event mt_event_next(struct mt_debug *debug, uint64_t deadline_ns, bool may_interrupt);
/* Waits for the next event of this thread; KILLED where there is no such thread. Those of others
 * stay with the kernel, or are held where its end depends on theirs. */
struct mt_event mt_event_of(struct mt_debug *debug, pid_t tid);
/* Gives an event back, to be dealt with later. */
void mt_event_hold(struct mt_debug *debug, const struct mt_event *event);
/* Enters the event: threads come, go, stop; what they have to tell is pending. */
void mt_event_record(struct mt_debug *debug, struct mt_event *event);
uint64_t mt_deadline(int timeout_ms);

/* ---- stop.c -------------------------------------------------------------- */

/* Stops all threads that run; what they bring is pending. */
void mt_stop_all(struct mt_debug *debug);
/* If we die, a signal that a thread has stopped for is delivered (kernel/signal.c,
 * ptrace_signal()), and a SIGTRAP of ours kills the program. So where it was attached to, a thread
 * that is to get none is moved on to another stop. */
void mt_thread_rest(struct mt_thread *thread);
/* The last stop, of the current thread, is shown: its pc is filled in. */
void mt_stop_tell(struct mt_debug *debug);
/* Stops all, and keeps `stop` to be told. */
void mt_stop_now(struct mt_debug *debug, const struct mt_stop *stop);
/* A thread has something to tell. */
void mt_pend(struct mt_thread *thread, enum mt_pending_kind kind);

/* ---- resume.c ------------------------------------------------------------ */

/* Lets the thread go on, as the plan wants it. */
void mt_thread_resume(struct mt_thread *thread);
/* The signal that the thread takes along when it goes on, or is let go. One that its stop cannot
 * take is sent to it, and passes unseen. */
int mt_thread_take_signal(struct mt_thread *thread);
/* The signal that had to wait need wait no longer. */
void mt_thread_take_deferred(struct mt_thread *thread);
/* The name of the system call that is stepped, from the registers before it. */
const char *mt_stepped_call(const struct mt_thread *thread, const struct user_regs_struct *before);
/* Before an instruction is stepped: what is needed to put right what it shows of that. */
void mt_thread_note_step(struct mt_thread *thread);
/* After it. */
void mt_thread_step_done(struct mt_thread *thread);
/* Decides on all that is pending, and resumes what is to run. True: there is a stop. */
bool mt_resume_all(struct mt_debug *debug);

/* ---- trap.c -------------------------------------------------------------- */

/* What a SIGTRAP of the thread is; sets its pending, or leaves NONE for what is nobody's. */
void mt_trap_classify(struct mt_thread *thread);
/* Whether these bytes are a system call: syscall, sysenter, int $0x80. */
bool mt_trap_is_syscall(const uint8_t code[2]);
/* Whether the instruction that is or was stepped last is one, which may have prefixes. */
bool mt_trap_stepped_call(const struct mt_thread *thread);
/* The instruction is done that it was stepped for; its registers are read. */
void mt_trap_stepped(struct mt_thread *thread);
/* What the program's own trap is, in words; NULL: not one. */
const char *mt_trap_note(struct mt_thread *thread);

/* ---- decide.c ------------------------------------------------------------ */

/* Whether what the thread has pending is a stop; fills it in. If not, it is dealt with. */
bool mt_decide(struct mt_thread *thread, struct mt_stop *stop);

/* ---- signal.c ------------------------------------------------------------ */

void mt_signal_rules_init(struct mt_debug *debug);
/* A signal-delivery-stop that is no trap. */
void mt_signal_seen(struct mt_thread *thread);
/* Whether the pending signal is a stop; else it passes or not, as its rule says. */
bool mt_signal_decide(struct mt_thread *thread, struct mt_stop *stop);

/* ---- fork.c -------------------------------------------------------------- */

void mt_fork_seen(struct mt_thread *parent, const struct mt_event *event);
void mt_vfork_done(struct mt_thread *parent);
void mt_exec_seen(struct mt_debug *debug, const struct mt_event *event);
/* Whether the child has stopped already; it is no longer an orphan then. */
bool mt_orphan_take(struct mt_debug *debug, pid_t child);
/* An unknown task has stopped. */
void mt_stranger_seen(struct mt_debug *debug, const struct mt_event *event);
void mt_proc_ended(struct mt_proc *proc, const struct mt_event *event);
/* The first stop of a child that the kernel has attached us to. False: it is gone already. */
bool mt_child_await(struct mt_debug *debug, pid_t child);

/* ---- attach.c ------------------------------------------------------------ */

void mt_proc_let_go(struct mt_proc *proc, int signal);
void mt_proc_kill(struct mt_proc *proc);
/* What it takes to debug a process that is stopped: names, the linker, breakpoints. */
struct mt_error *mt_proc_begin(struct mt_proc *proc);
/* What is traced of every process. */
#define MT_DEBUG_TRACE                                                                             \
	(MT_TRACE_EXEC | MT_TRACE_THREADS | MT_TRACE_FORKS | MT_TRACE_VFORKED | MT_TRACE_EXITS)

/* ---- core.c -------------------------------------------------------------- */

struct mt_error *mt_proc_core_read(const struct mt_proc *proc, uint64_t addr, void *out,
                                   size_t len);
/* Forgets the core file that is open, if there is one. */
void mt_core_close(struct mt_debug *debug);

/* ---- library.c ----------------------------------------------------------- */

/* Watches the dynamic linker of the process. */
void mt_library_watch(struct mt_proc *proc);
/* What the linker has done. */
struct mt_library_change {
	bool loaded, unloaded;
};
/* The linker was there: reads the mappings, sets what waited. Whether anything changed. */
bool mt_library_changed(struct mt_proc *proc, struct mt_library_change *change);

/* ---- call.c -------------------------------------------------------------- */

/* The thread, at a site, has come back from a function that we have called: it is where it was
 * before. */
bool mt_dummy_returns(struct mt_thread *thread);
/* The registers behind a dummy frame: of the thread's activation that is at `pc`, with that stack
 * pointer; NULL: it is none of ours. */
const struct user_regs_struct *mt_dummy_behind(const struct mt_thread *thread, uint64_t pc,
                                               uint64_t sp);
/* Takes the thread back to before all calls of ours; or forgets them, since it is gone, or the
 * memory of the whole process. */
void mt_dummies_undo(struct mt_thread *thread);
void mt_dummies_forget(struct mt_thread *thread);
void mt_dummies_forget_memory(struct mt_proc *proc);

/* ---- terminal.c ---------------------------------------------------------- */

void mt_terminal_init(struct mt_debug *debug);
void mt_terminal_deinit(struct mt_debug *debug);
void mt_terminal_to_program(struct mt_proc *proc);
void mt_terminal_to_us(struct mt_debug *debug);

/* More of the same, by topic: what is done to the program's code, how a stopped thread is looked
 * at, and what a go is to reach. */
#include "engine/code_private.h"
#include "engine/look_private.h"
#include "engine/needs_private.h"
#include "engine/plan_private.h"

#endif
