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

#include <sys/user.h>
#include <termios.h>

#include "base/vec.h"
#include "engine/core.h"
#include "engine/debug.h"
#include "expr/expr.h"
#include "insn/insn.h"
#include "probe/probe.h"
#include "target/event.h"
#include "target/tracee.h"
#include "x86/regtable.h"

#define MT_SIGNALS 65
#define MT_SIGTRAP_BIT (UINT64_C(1) << (SIGTRAP - 1))

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
	bool lends_memory;  /* by vfork: until the child is done it cannot be stopped */
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
	bool told; /* a stop at `told_pc` was shown: going on leaves it */
	uint64_t told_pc;
	bool decided;                    /* the kernel has found a condition true */
	bool unblocked;                  /* SIGTRAP, for the time of a step */
	bool flag_trap;                  /* TF was set by the program itself before the last step */
	uint64_t stepped_pc, stepped_sp; /* before the last step */
	uint8_t stepped_code[2];         /* the first bytes of the stepped instruction */
};

/* ---- Sites --------------------------------------------------------------- */

/*
 * The place of an int3 in one process. Several breakpoints, and steps, may stand in one. To leave
 * it, a thread runs a copy of the instruction elsewhere, its slot: see slot.c.
 */
struct mt_site {
	uint64_t addr;
	unsigned refs;
	bool inserted;
	uint8_t original;
	uint64_t slot;                   /* 0: none yet */
	uint8_t slot_insn_len, slot_len; /* of the copied instruction, and of all */
	bool slot_failed;                /* there can be none: it is stepped in place */
};

/* A piece of memory of our own in the process, for slots. */
struct mt_slot_area {
	uint64_t addr;
	uint32_t used;
};

/* ---- Processes ----------------------------------------------------------- */

/* A debug register that a hardware breakpoint has. */
struct mt_hw_slot {
	uint64_t addr; /* 0: free */
	unsigned refs;
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
	struct mt_core *core;   /* it is a core file: it only answers */
	char *program;
	struct mt_image *image;
	MT_VEC(struct mt_thread *) threads;
	int next_thread;
	MT_VEC(struct mt_site *) sites; /* by rising address */
	MT_VEC(struct mt_slot_area) areas;
	struct mt_hw_slot hw[MT_DR_COUNT];
	struct mt_space *space; /* of the breakpoints in the kernel */
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
	struct mt_site *site;   /* MT_WAY_INT3 */
	struct mt_armed *armed; /* MT_WAY_REGISTER_KERNEL */
};

struct mt_break {
	int number;
	enum mt_break_kind kind;
	bool enabled, temporary, pending_allowed, gone;
	char *location;
	char *condition;
	struct mt_cond *cond;
	int thread;
	uint64_t hits, unmet, ignore;
	uint64_t evaluated; /* times the condition was asked: its `hits` */
	MT_VEC(struct mt_break_at) places;
	MT_VEC(struct mt_break_place) view; /* of the current process, for mt_break_info */
	MT_VEC(uint64_t) wanted;            /* a catchpoint's system calls or signals; none: all */
};

/* ---- A plan: what a go is to reach --------------------------------------- */

#define MT_PLAN_MAX_PLACES 34

/* A place at which the plan's thread has arrived, if its stack pointer is at least `min_sp`. */
struct mt_plan_place {
	struct mt_site *site;
	uint64_t min_sp;
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
	/* Of steps by line. */
	uint64_t start, end; /* the line's instructions */
	uint64_t frame;      /* canonical frame address at the start */
	uint64_t function;   /* where its function begins */
	bool entered;        /* the last instruction was a call that is entered */
	bool arrives;        /* it runs to where a function begins its work */
	struct mt_line line;
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
	MT_VEC(struct mt_event) held; /* taken from the kernel, not dealt with yet */
	MT_VEC(pid_t) orphans;        /* stopped children whose parents have not told of them */
	struct mt_probe *probe;       /* of breakpoints in the kernel; made on demand */
	bool no_probe;                /* the kernel refuses */
	int wake;                     /* an eventfd */
	int signals;                  /* a signalfd for SIGCHLD */
	int poll;                     /* an epoll of both */
	sigset_t old_mask;
	volatile sig_atomic_t interrupted;
	bool has_terminal;  /* the programs and we share one, and we are in its foreground */
	bool lent_terminal; /* the program has it */
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
struct mt_thread *mt_thread_find(struct mt_debug *debug, pid_t tid);
void mt_thread_select(struct mt_debug *debug, struct mt_thread *thread);
/* A thread of the process that is stopped, if there is one: the leader if possible. */
struct mt_thread *mt_thread_stopped(struct mt_proc *proc);

/* The registers of a stopped thread, as the program would see them. False: it is being killed. */
bool mt_thread_regs(struct mt_thread *thread);
/* Writes back what was changed. */
void mt_thread_flush(struct mt_thread *thread);
/* Sets pc as a jump does: a system call that was interrupted is not begun again. */
void mt_thread_set_pc(struct mt_thread *thread, uint64_t pc);

/* ---- site.c -------------------------------------------------------------- */

struct mt_site *mt_site_find(struct mt_proc *proc, uint64_t addr);
/* One reference more to the site at addr, which is inserted if it is new. */
struct mt_error *mt_site_get(struct mt_proc *proc, uint64_t addr, struct mt_site **site);
void mt_site_put(struct mt_proc *proc, struct mt_site *site);
/* Takes all int3 out, or forgets them because the memory is gone. */
void mt_sites_lift(struct mt_proc *proc, pid_t from);
void mt_sites_forget(struct mt_proc *proc);
void mt_site_lift(struct mt_proc *proc, struct mt_site *site);
void mt_site_lower(struct mt_proc *proc, struct mt_site *site);

/* ---- memory.c ------------------------------------------------------------ */

struct mt_error *mt_proc_read(struct mt_proc *proc, uint64_t addr, void *out, size_t len);
struct mt_error *mt_proc_write(struct mt_proc *proc, uint64_t addr, const void *bytes, size_t len);
/* As much code as can be read, up to `len` bytes. */
size_t mt_proc_read_some(struct mt_proc *proc, uint64_t addr, void *out, size_t len);
/* The instruction at addr, without our int3. */
bool mt_proc_decode(struct mt_proc *proc, uint64_t addr, struct mt_insn *insn);

/* ---- inject.c ------------------------------------------------------------ */

/* Has the stopped thread carry out a system call; its registers and signals are as before. False:
 * the thread is in the middle of a call of its own, or is ending. */
bool mt_inject_syscall(struct mt_thread *thread, long number, const uint64_t args[6],
                       int64_t *result);

/* ---- slot.c -------------------------------------------------------------- */

/* The slot of the site, made if need be, with a copy of `insn`. False: there can be none. */
bool mt_slot_get(struct mt_thread *thread, struct mt_site *site, const struct mt_insn *insn);
/* Where pc is in a slot, makes registers that were just read what they would be without. */
void mt_slot_translate(struct mt_thread *thread);
/* Code has changed: slots that were made from it are made anew when they are needed. */
void mt_slots_changed(struct mt_proc *proc, uint64_t addr, size_t len);
void mt_slots_forget(struct mt_proc *proc);
/* Gives the memory back, by a thread that can be made to. */
void mt_slots_release(struct mt_proc *proc);

/* ---- leave.c ------------------------------------------------------------- */

enum mt_leave {
	MT_LEAVE_READY, /* the thread stands where it can be resumed */
	MT_LEAVE_DONE,  /* the instruction has been carried out already */
	MT_LEAVE_EVENT, /* it has brought something else: see pending */
	MT_LEAVE_GONE,
};
/* Takes the thread off the site at its pc. */
enum mt_leave mt_leave_site(struct mt_thread *thread, struct mt_site *site);

/* ---- emulate.c ----------------------------------------------------------- */

/* Carries out `insn`, at the thread's pc, in registers and memory, if it is a direct branch, a call
 * or popf. False: it is none, or it can't be done so. */
bool mt_emulate(struct mt_thread *thread, const struct mt_insn *insn);
/* Before a step, which must not be one of popf: whether it was that, and is done. */
bool mt_emulate_popf(struct mt_thread *thread);

/* ---- wait.c: events ------------------------------------------------------ */

/* The next event; NONE: `deadline_ns` (CLOCK_MONOTONIC; 0: none) has passed, or an interrupt came
 * and `may_interrupt`. */
struct mt_event mt_event_next(struct mt_debug *debug, uint64_t deadline_ns, bool may_interrupt);
/* Waits for the next event of this thread; those of others stay with the kernel. */
struct mt_event mt_event_of(struct mt_debug *debug, pid_t tid);
/* Gives an event back, to be dealt with later. */
void mt_event_hold(struct mt_debug *debug, const struct mt_event *event);
/* Enters the event: threads come, go, stop; what they have to tell is pending. */
void mt_event_record(struct mt_debug *debug, struct mt_event *event);
uint64_t mt_deadline(int timeout_ms);

/* ---- stop.c -------------------------------------------------------------- */

/* Stops all threads that run; what they bring is pending. */
void mt_stop_all(struct mt_debug *debug);
/* The last stop, of the current thread, is shown: its pc is filled in. */
void mt_stop_tell(struct mt_debug *debug);
/* Stops all, and keeps `stop` to be told. */
void mt_stop_now(struct mt_debug *debug, const struct mt_stop *stop);
/* A thread has something to tell. */
void mt_pend(struct mt_thread *thread, enum mt_pending_kind kind);

/* ---- resume.c ------------------------------------------------------------ */

/* Lets the thread go on, as the plan wants it. */
void mt_thread_resume(struct mt_thread *thread);
/* Before an instruction is stepped: what is needed to put right what it shows of that. */
void mt_thread_note_step(struct mt_thread *thread);
/* After it. */
void mt_thread_step_done(struct mt_thread *thread);
/* Decides on all that is pending, and resumes what is to run. True: there is a stop. */
bool mt_resume_all(struct mt_debug *debug);

/* ---- trap.c -------------------------------------------------------------- */

/* What a SIGTRAP of the thread is; sets its pending, or leaves NONE for what is nobody's. */
void mt_trap_classify(struct mt_thread *thread);
/* What the program's own trap is, in words; NULL: not one. */
const char *mt_trap_note(struct mt_thread *thread);

/* ---- decide.c ------------------------------------------------------------ */

/* Whether what the thread has pending is a stop; fills it in. If not, it is dealt with. */
bool mt_decide(struct mt_thread *thread, struct mt_stop *stop);

/* ---- plan.c -------------------------------------------------------------- */

enum mt_plan_answer {
	MT_PLAN_GO_ON,
	MT_PLAN_STEPPED, /* reached */
	MT_PLAN_FINISHED,
};
struct mt_error *mt_plan_begin(struct mt_debug *debug, const struct mt_go *go);
void mt_plan_end(struct mt_debug *debug);
/* The thread has done an instruction, or is at a site. */
enum mt_plan_answer mt_plan_stepped(struct mt_debug *debug);
enum mt_plan_answer mt_plan_at_site(struct mt_thread *thread, struct mt_site *site);
/* Whether the thread is to be stepped for the plan. */
bool mt_plan_wants_step(const struct mt_thread *thread);
/* The plan's thread runs until it is at addr with at least that stack pointer. */
struct mt_error *mt_plan_run_to(struct mt_debug *debug, uint64_t addr, uint64_t min_sp);

/* ---- step_line.c --------------------------------------------------------- */

struct mt_error *mt_line_begin(struct mt_debug *debug);
enum mt_plan_answer mt_line_stepped(struct mt_debug *debug);
void mt_line_next_insn(struct mt_debug *debug);

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
/* The linker was there: reads the mappings, sets what waited. Whether anything changed. */
bool mt_library_changed(struct mt_proc *proc);

/* ---- break.c, place.c, hit.c, catch.c, hardware.c ------------------------ */

struct mt_break *mt_break_find(struct mt_debug *debug, int number);
/* Gives the breakpoint its places in the process, or takes them all away. */
struct mt_error *mt_break_resolve(struct mt_break *breakpoint, struct mt_proc *proc);
void mt_break_destroy(struct mt_debug *debug, struct mt_break *breakpoint);
/* Where `text` is, in the current process or else the program's file; "+N", "-N" and "N" are lines
 * of the current file. */
struct mt_error *mt_location_resolve(struct mt_debug *debug, const char *text,
                                     struct mt_location **locations, size_t *count);
/* The same as a text that means the same later: "file.c:12" for "+2". Owned by the caller. */
struct mt_error *mt_location_absolute(struct mt_debug *debug, const char *text, char **absolute);
/* Without a process: whether the program's file has the location. */
struct mt_error *mt_break_check(struct mt_debug *debug, struct mt_break *breakpoint);
/* Whether it stands at places in the code; else it is a catchpoint. */
bool mt_break_is_placed(const struct mt_break *breakpoint);
/* Whether a breakpoint whose condition the kernel decides is there. */
bool mt_armed_at(const struct mt_proc *proc, uint64_t addr);
void mt_break_lift(struct mt_break *breakpoint, struct mt_proc *proc);
/* All breakpoints, in a new program or after libraries came. */
void mt_breaks_resolve(struct mt_proc *proc);
void mt_breaks_lift(struct mt_proc *proc);
/* Forgets the places without touching memory that is gone. */
void mt_breaks_forget(struct mt_proc *proc);
/* Asks every breakpoint with a place at the thread's pc; true: stop, `stop` has their numbers. */
bool mt_breaks_hit(struct mt_thread *thread, struct mt_stop *stop);
/* Whether the breakpoint's thread, condition and ignore count let it stop. Counts. */
bool mt_break_asks(struct mt_break *breakpoint, struct mt_thread *thread, bool decided);
void mt_stop_add_number(struct mt_stop *stop, int number);
/* Reads a catchpoint's list of names and numbers. */
struct mt_error *mt_catch_parse(struct mt_break *breakpoint, const char *names);
/* Asks the catchpoints of that kind; `what`: a system call or signal. */
bool mt_catch_wants(struct mt_thread *thread, enum mt_break_kind kind, uint64_t what,
                    struct mt_stop *stop);
bool mt_catch_syscalls(const struct mt_debug *debug);
/* Deletes the temporary ones among those that have stopped it. */
void mt_breaks_delete_temporary(struct mt_debug *debug, const struct mt_stop *stop);

struct mt_error *mt_hw_get(struct mt_proc *proc, uint64_t addr);
void mt_hw_put(struct mt_proc *proc, uint64_t addr);
/* Whether a debug register stands for that instruction, ptrace's or a perf event's. */
bool mt_debugreg_at(const struct mt_proc *proc, uint64_t addr);
/* Gives a new thread the registers of its process; clears those of one that leaves. */
void mt_hw_arm_thread(struct mt_thread *thread);
void mt_hw_clear_thread(struct mt_thread *thread);

/* ---- frame.c ------------------------------------------------------------- */

void mt_frames_forget(struct mt_debug *debug);
/* The selected frame, or NULL. */
const struct mt_frame *mt_frame_selected(struct mt_debug *debug);

/* ---- terminal.c ---------------------------------------------------------- */

void mt_terminal_init(struct mt_debug *debug);
void mt_terminal_to_program(struct mt_proc *proc);
void mt_terminal_to_us(struct mt_debug *debug);

#endif
