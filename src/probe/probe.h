/* SPDX-License-Identifier: MIT */
/*
 * Hardware breakpoints that talk: perf events with an eBPF program each, generated for the watch,
 * that reads the value at the hit, decides the condition, walks the stack, and sends a record
 * through a ring. The program is never stopped. Everything here ends with memtrap: breakpoints
 * belong to file descriptors.
 *
 * (perf_event_open(2), PERF_TYPE_BREAKPOINT; linux/hw_breakpoint.h; kernel/events/core.c.)
 * The only room that knows libbpf.
 */
#ifndef MT_PROBE_PROBE_H
#define MT_PROBE_PROBE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "base/error.h"
#include "expr/capture.h"
#include "expr/expr.h"
#include "probe/record.h"
#include "target/event.h"
#include "x86/debugreg.h"
#include "x86/machine.h"

/* ---- The probe: the ring ------------------------------------------------- */

struct mt_probe;

/*
 * Whether the kernel has the events that a watch is made of. MT_ERR_OLD_KERNEL: it is older than
 * Linux 5.13 (inherit_thread and remove_on_exec of perf_event_open(2)), or was built without perf
 * events. Who may have them is not asked, and no register is taken.
 */
struct mt_error *mt_probe_check_kernel(void);

typedef void (*mt_record_handler)(const struct mt_record *record, void *arg);

/*
 * Creates the ring, of at least `ring_size` bytes (rounded up to a power of two and pages).
 * MT_ERR_OLD_KERNEL: the kernel was built without eBPF.
 * `handler` is called by mt_probe_drain() for every record; the record is gone when it returns.
 */
struct mt_error *mt_probe_create(size_t ring_size, mt_record_handler handler, void *arg,
                                 struct mt_probe **probe);
void mt_probe_destroy(struct mt_probe *probe);

/* Hands over what is in the ring, but no more than some thousand records at once, and returns how
 * many there were; 0: the ring is empty. */
size_t mt_probe_drain(struct mt_probe *probe);

/*
 * Readable when a record asks for attention (a stack whose rules are missing, an action, an exec).
 * Most hits don't: waking the reader at each one doubles its cost, so drain on a timer too.
 */
int mt_probe_fd(const struct mt_probe *probe); /* -1: nobody need wait */

/* A record of kind MT_RECORD_EXEC when process `pid` runs another program; until the probe ends.
 * Who traces the process sees it for himself, and gets none. */
struct mt_error *mt_probe_watch_exec(struct mt_probe *probe, pid_t pid);

/* ---- Without perf and eBPF ------------------------------------------------
 *
 * A probe that needs no more than ptrace: debug registers are written by the tracer, and a hit
 * stops its thread for as long as it takes to tell it. All else in this header means the same; what
 * it cannot do is MT_ERR_UNSUPPORTED: a file (`file`), a silent watch with a condition. Conditions
 * are the reader's to decide, who is called while the thread stands at its hit. Writes by the
 * kernel are found by comparing, when a system call returns: those that leave the value as it was
 * are not seen, nor are the kernel's reads.
 *
 * The caller traces the process: every thread of it must be a tracee before anything is armed,
 * takes its events from mt_probe_next_event(), hands each to mt_probe_event(), and lets a thread go
 * on by mt_probe_go_on() or mt_probe_let_go(). On a probe of the kernel's these do what those of
 * target/tracee.h do.
 */
/* Puts the captures of the record's watch into it, which has the room, and room for a stack behind
 * them: called before `handler`, where there are any. */
typedef void (*mt_record_capture)(struct mt_record *record, void *arg);

struct mt_error *mt_probe_create_traced(mt_record_handler handler, mt_record_capture capture,
                                        void *arg, struct mt_probe **probe);
bool mt_probe_is_traced(const struct mt_probe *probe);

/* What it costs the program, tried on a child of ours (a few milliseconds): microseconds for a hit
 * and for a system call; 0 where that could not be measured. */
struct mt_traced_cost {
	double hit_us, call_us;
};
struct mt_traced_cost mt_probe_traced_cost(void);

struct mt_event mt_probe_next_event(struct mt_probe *probe);

enum mt_probe_stop {
	MT_PROBE_NOT_OURS, /* nothing to do with a watch */
	MT_PROBE_OURS,     /* done: the thread can go on, without a signal */
	MT_PROBE_HELD,     /* a watch with MT_ACTION_HOLD was reached */
};
enum mt_probe_stop mt_probe_event(struct mt_probe *probe, const struct mt_event *event);

/* How many children have borrowed the memory of what is watched (vfork(2), clone(2) with CLONE_VM)
 * and were not followed; 0 also where the kernel does not tell. */
uint64_t mt_probe_borrowers(const struct mt_probe *probe);

/* Whether the tracee, which is known, has the memory of another process. */
bool mt_probe_borrows(struct mt_probe *probe, pid_t tid);

void mt_probe_go_on(struct mt_probe *probe, pid_t tid, int signal);
void mt_probe_listen(struct mt_probe *probe, pid_t tid); /* mt_tracee_listen() */
/* For good, without a watch. False: it has something to report first, and is let go at that. */
bool mt_probe_let_go(struct mt_probe *probe, pid_t tid, int signal);
/* For good, too, but it stays a tracee and stands: its traps have all been told. */
void mt_probe_hand_over(struct mt_probe *probe, pid_t tid);

/* ---- A space: what holds for one program image ----------------------------
 *
 * Rules of unwinding and sources of stores, by pc; learnt while the program runs. Processes with
 * the same code at the same addresses (forks) share one. A probe without eBPF has no use for one:
 * NULL stands for a space that learns nothing.
 */

struct mt_space;

struct mt_error *mt_space_create(struct mt_space **space);
void mt_space_destroy(struct mt_space *space);

/* Teach; a pc taught before is overwritten. Full tables are no error: what is not there is handled
 * in memtrap, at a higher cost. */
void mt_space_learn_rule(struct mt_space *space, uint64_t key, const struct mt_rule_value *rule);
void mt_space_learn_source(struct mt_space *space, uint64_t pc,
                           const struct mt_source_value *source);

/* Forgets all rules and sources: code was unmapped. */
void mt_space_forget(struct mt_space *space);

/* ---- A watch ------------------------------------------------------------- */

enum mt_stack_mode {
	MT_STACK_NONE,
	MT_STACK_FP,    /* the chain of frame pointers */
	MT_STACK_DWARF, /* by rules that the space has learnt; else a copy of the stack */
};

enum mt_action {
	MT_ACTION_NONE,
	MT_ACTION_STOP, /* SIGSTOP for the process, from inside the hit */
	MT_ACTION_KILL, /* SIGKILL */
	MT_ACTION_HOLD, /* MT_HOLD_SIGNAL for the thread: its tracer sees it stop */
};

/*
 * The signal of a hold. It is queued by the kernel (si_code SI_KERNEL), caught by the tracer and
 * dropped. If the tracer dies between the two, the program gets it, and its default is to be
 * ignored. A thread that blocks it would run on: a filter sends it the other one, which cannot be
 * blocked.
 */
#define MT_HOLD_SIGNAL SIGURG
#define MT_HOLD_SIGNAL_BLOCKED SIGSTOP

/*
 * What a filter of data may hold by instead: the event's own SIGTRAP (perf_event_open(2),
 * `sigtrap`), which takes no interrupt of the processor by itself, as the others do from where
 * breakpoints trap (kernel/trace/bpf_trace.c, bpf_send_signal_common()): under a hypervisor half of
 * what a hit costs. But it kills a process whose tracer dies before it takes it: so it is for those
 * that die with it anyway. A thread that blocks it is held by one of the others.
 *
 * Before Linux 6.11 the event sends its signal before it asks the filter, false conditions
 * included, and at once: a system call that waits for more would return with less
 * (kernel/events/core.c, __perf_event_overflow()). There it is not for filters.
 */
bool mt_filter_may_trap(void);
#define MT_HOLD_TRAP UINT64_C(0x6d656d747261702e) /* si_perf_data */
#define MT_TRAP_PERF 6
#define MT_SI_PERF_DATA 24 /* offset; asm/siginfo.h, which libc's siginfo_t does not have yet */

static inline bool mt_is_hold_trap(const siginfo_t *info)
{
	uint64_t data;

	memcpy(&data, (const char *)info + MT_SI_PERF_DATA, sizeof(data));
	return info->si_signo == SIGTRAP && info->si_code == MT_TRAP_PERF && data == MT_HOLD_TRAP;
}

/* Whether a signal that was caught is a filter's hold. */
static inline bool mt_is_hold(const siginfo_t *info)
{
	if (mt_is_hold_trap(info))
		return true;
	return info->si_code == SI_KERNEL &&
	       (info->si_signo == MT_HOLD_SIGNAL || info->si_signo == MT_HOLD_SIGNAL_BLOCKED);
}

/*
 * A thread has one such signal waiting at most: of a hold and one of the program's own that come
 * together the kernel throws the later one away. Asked at the stop of each MT_HOLD_SIGNAL, whose
 * `info` it is: whether that one stands for another as well, since it came. Of the program's own
 * `info` is then what it would have been. Where the kernel does not tell, none ever does.
 */
struct mt_probe;
enum mt_merged { MT_MERGED_NOTHING, MT_MERGED_OWN, MT_MERGED_HOLD };
enum mt_merged mt_probe_merged(const struct mt_probe *probe, pid_t tid, siginfo_t *info);

#define MT_STEPPED_MAX ((uint64_t)64 << 10)

struct mt_watch_spec {
	uint32_t id; /* mt_record.watch */
	enum mt_dr_kind kind;
	uint64_t addr; /* 1 to MT_DR_MAX_RANGE bytes, in any alignment; execution: 1 */
	uint64_t len;
	bool is_signed; /* how values are compared for the range of a place */
	bool follow;    /* forks too */
	/*
	 * There are several of it, one for each thread or frame, at addresses of their own: they
	 * are added and taken away one by one (mt_armed_add()). `addr` is any of them, for its
	 * alignment. Stacks are walked by MT_STACK_DWARF where they are in frames.
	 */
	bool instances;
	/*
	 * On a probe without perf: by single steps of all threads, not by registers. `len` may be
	 * up to MT_STEPPED_MAX then; of more than MT_DR_MAX_RANGE bytes each hit has a slice, which
	 * is what was touched, or the element of `element` bytes (0: none) that was: one for each
	 * element that an instruction touches, and one for a system call, or, with a condition, one
	 * for each that it has changed.
	 */
	bool stepped;
	uint64_t element;
	bool moves;     /* mt_armed_move() may be called: it shares no register */
	bool may_pause; /* the process may be stopped while its events are opened, if it bears
	                   threads faster than they can be armed; it must not be traced by us */
	bool kernel;    /* accesses by the kernel too */
	enum mt_machine machine; /* of the process: how wide the slots of its stack are */
	enum mt_stack_mode stack;
	/*
	 * NULL: none. It is decided in the kernel where mt_cond_fits_kernel(); the reader decides
	 * MT_RECORD_UNDECIDED records: kernel accesses, and those where memory and the storing
	 * instruction disagree or the instruction is not known yet (teach mt_space_learn_source()).
	 */
	const struct mt_cond *condition;
	/* What is captured at each hit that is sent, one behind the other in the record; together
	 * at most MT_RECORD_CAPTURE_MAX bytes. Read by mt_watch_arm() only. */
	const struct mt_capture *const *captures;
	size_t capture_count;
	bool changes_only; /* drop accesses that leave the value as it was */
	bool count_only;   /* user accesses go into the table of places only */
	/*
	 * A filter: an execution that is only held, if its condition holds, and of which nothing is
	 * sent. MT_ERR_UNSUPPORTED: the kernel cannot decide the condition.
	 */
	bool silent;
	/*
	 * With `silent`, where not NULL: the instruction is at `offset` in this file, and a uprobe
	 * is what traps, in every process that maps the file. `addr` is what the condition's `pc`
	 * is.
	 */
	const char *file;
	uint64_t offset;
	pid_t tid;     /* with `silent`: of the thread that it is for; 0: all */
	uint64_t hits; /* with `silent`: executions that were counted before */
	bool traps;    /* of a filter of data: see MT_HOLD_TRAP */
	enum mt_action action;
};

/* The bytes of a record's captures. */
size_t mt_watch_capture_room(const struct mt_capture *const *captures, size_t count);

struct mt_armed;

/* Decided here and told: some conditions are too large for the kernel. */
bool mt_armed_condition_in_kernel(const struct mt_armed *armed);

/*
 * Loads the watch's program and opens its events on every thread of `pid`, present and future.
 * `initial` is the first old value. On success every thread of the process is covered, or
 * `uncovered` of mt_armed_coverage() says how many are not and why. Errors: MT_ERR_NO_REGISTER when
 * no thread has the registers free, MT_ERR_PERMISSION with what would allow it, MT_ERR_UNSUPPORTED,
 * MT_ERR_NOT_FOUND.
 *
 * `others` are the watches that are armed on the same process: an aligned piece that one of them
 * watches for the same kind of access is shared, and takes no register. They must outlive this one.
 */
struct mt_error *mt_watch_arm(struct mt_probe *probe, struct mt_space *space,
                              const struct mt_watch_spec *spec, pid_t pid, const uint8_t *initial,
                              struct mt_armed *const *others, size_t other_count,
                              struct mt_armed **armed);

/* Of a filter: whether all executions are held, without being decided or counted. */
void mt_armed_hold_all(struct mt_armed *armed, bool all);

/* The number of an execution that the filter's program has not counted: the condition's `hits`. */
uint64_t mt_armed_take_hit(struct mt_armed *armed);

/* ---- A filter of data (data_filter.c) ----
 *
 * It holds the thread that has touched what is watched, if its condition holds: also where the
 * kernel has done it on the thread's behalf. That one is held when its system call is over, so that
 * no call returns earlier than it would. And a thread is held whose system call has left other
 * bytes there than are known, for whatever reason: another mapping, a page of a file.
 *
 * Filters of the same piece and kind share a debug register, whatever their conditions are.
 */

/*
 * As mt_watch_arm(), of `kind` WRITE, READ or ACCESS; `initial` is what is there. Of the spec
 * counts: id, kind, addr, len, machine, condition, tid, hits, traps. A condition is decided where
 * `addr` is one piece, and of writes. `others` are filters of the same process; none need outlive
 * this one. MT_ERR_UNSUPPORTED: the kernel cannot decide the condition.
 */
struct mt_error *mt_filter_arm(struct mt_probe *probe, struct mt_space *space,
                               const struct mt_watch_spec *spec, pid_t pid, const void *initial,
                               struct mt_armed *const *others, size_t other_count,
                               struct mt_armed **armed);

/* Whether it sees what system calls do; else `pid` has another number for the kernel than for us,
 * or the kernel lets nobody listen. */
bool mt_filter_sees_calls(const struct mt_armed *armed);

/* Holds the thread of another process, which shares the memory, too. It stands. */
struct mt_error *mt_filter_cover(struct mt_armed *armed, pid_t tid);

/* What a filter has held a thread for, since this was asked last: why (enum mt_hold_why), and, with
 * VALUES, the bytes before the first of these accesses, and those that the last one has left; with
 * EXIT alone, in `before` those that it takes for the last ones. The thread stands still. False:
 * for nothing. */
struct mt_held_values {
	unsigned why;
	uint64_t before[MT_RECORD_WORDS], now[MT_RECORD_WORDS];
};
bool mt_filter_take_held(struct mt_armed *armed, pid_t tid, struct mt_held_values *held);

/* The turn of the first of these accesses among all that it has held somebody for, which wraps
 * around, and why. Nothing is taken. False: there are none. */
bool mt_filter_held_turn(const struct mt_armed *armed, pid_t tid, uint32_t *turn, unsigned *why);

/* Whether these bytes are what it takes for the last ones; NULL: that they cannot be read. */
bool mt_filter_knows(const struct mt_armed *armed, const void *bytes);
void mt_filter_teach(struct mt_armed *armed, const void *bytes);

/* No more hits from here on; counts can still be read. */
void mt_armed_disable(struct mt_armed *armed);

/* Disarms. What is in the ring stays there. */
void mt_armed_destroy(struct mt_armed *armed);

/* The old value of a process that has joined by fork, so that its first hit knows it. */
void mt_armed_seed(struct mt_armed *armed, pid_t pid, const uint8_t *value);

/* Its memory is gone in that process: the next hit there does not know what was there before. */
void mt_armed_forget(struct mt_armed *armed, pid_t pid);

/*
 * What the watch's program does with a value, for a hit that the program was not run for: the
 * record's new value becomes the last one known; its old value, its turn and, where accesses are
 * counted, its count are filled in.
 */
void mt_armed_exchange(struct mt_armed *armed, struct mt_record *record);

/* ---- Instances (instance.c) ---- */

/* One copy of what is watched: of a thread, or in a frame of it. */
struct mt_instance {
	pid_t pid, tid;
	uint64_t addr;
	uint64_t cfa;  /* of the frame; 0: it is in none */
	uint64_t call; /* a number that tells the frame from those that have the same place later */
};

/* Arms an instance on its thread, which is stopped, so that `initial` is its value. Errors as
 * mt_watch_arm() has them; UNSUPPORTED: it is aligned otherwise than the watch's first one. */
struct mt_error *mt_armed_add(struct mt_armed *armed, const struct mt_instance *instance,
                              const uint8_t *initial);

/* Disarms it: its thread has ended, or its frame. The thread may run. */
void mt_armed_remove(struct mt_armed *armed, const struct mt_instance *instance);

/*
 * Has it watch another place of the same length and alignment, in all threads, of which `initial`
 * is the value (NULL: it is not one that has values); `addr` 0: none, until it moves again. Hits of
 * other threads are left out while it moves. UNSUPPORTED: the alignment is another.
 */
struct mt_error *mt_armed_move(struct mt_armed *armed, uint64_t addr, const uint8_t *initial);

/* Corrects the first old value, as long as no hit has replaced it. */
void mt_armed_reseed(struct mt_armed *armed, const uint8_t *before, const uint8_t *now);

struct mt_coverage {
	unsigned registers;     /* debug registers that each thread gives for this watch alone */
	unsigned shared;        /* those that it shares with an earlier watch */
	unsigned threads;       /* armed */
	unsigned uncovered;     /* threads that could not be armed */
	const char *why;        /* the first reason, or NULL; owned by the armed watch */
	bool kernel;            /* accesses by the kernel are seen */
	bool stepped;           /* by single steps */
	bool kernel_compared;   /* those that change the value are, by comparing */
	const char *kernel_why; /* why not, or NULL */
	const char *unheard;    /* why system calls that change mappings are not heard, or NULL */
};
/* Reads the events back from the kernel. */
struct mt_coverage mt_armed_coverage(const struct mt_armed *armed);

struct mt_counts {
	uint64_t events;  /* what the breakpoints themselves counted, in all threads */
	uint64_t outside; /* on a probe without perf: changes that no thread of the process made */
	uint64_t runs, folded, unchanged, unmet, sent, lost, counted, uncounted;
};
struct mt_counts mt_armed_counts(const struct mt_armed *armed);

/* With count_only: calls `each` for every place. */
void mt_armed_places(const struct mt_armed *armed,
                     void (*each)(const struct mt_place_key *key,
                                  const struct mt_place_value *value, void *arg),
                     void *arg);

/* The reader has drained: a stack without rules may wake it again. */
void mt_armed_rules_learnt(struct mt_armed *armed);

#endif
