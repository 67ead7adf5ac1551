/* SPDX-License-Identifier: MIT */
/*
 * A debug session: processes under ptrace, their threads, breakpoints, stepping, and why they
 * stopped. It knows no terminal: the command line, and later editors and gdb's remote protocol,
 * drive the same calls. It never prints; what it has to say comes back as errors, stops and
 * notices.
 *
 * All-stop: when one thread of the session stops for a reason that a person wants to see, all
 * threads of all its processes are stopped before mt_debug_wait() returns.
 *
 * One session a process, all calls from one thread (the tracer) but mt_debug_interrupt().
 */
#ifndef MT_ENGINE_DEBUG_H
#define MT_ENGINE_DEBUG_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"
#include "engine/watchpoint.h"
#include "symbol/image.h"
#include "target/handover.h"
#include "x86/debugreg.h"
#include "x86/regs.h"

struct mt_debug;

/* ---- The session --------------------------------------------------------- */

/* What a session tells while it goes on; called from inside mt_debug_*(). */
enum mt_notice_kind {
	MT_NOTICE_THREAD_NEW,
	MT_NOTICE_THREAD_GONE,
	MT_NOTICE_PROCESS_NEW, /* by fork; `text` says whether it is followed or let go */
	MT_NOTICE_PROCESS_GONE,
	MT_NOTICE_EXEC,       /* `text`: the new program */
	MT_NOTICE_LIBRARY,    /* `text`: its path; its breakpoints are set */
	MT_NOTICE_BREAKPOINT, /* `number` found its place, or lost it; `text` says it */
	MT_NOTICE_SCOPE,      /* watchpoint `number` has ended with its frame, and is deleted */
	MT_NOTICE_SIGNAL,     /* `signal` passes, as `handle SIG print nostop` asks */
	MT_NOTICE_WARNING,    /* `text` */
	MT_NOTICE_STEPPING,   /* the program is single-stepped: `text` says how far it is */
	MT_NOTICE_PROGRESS, /* symbols are being read: `text` names the file; may be interrupted */
};

struct mt_notice {
	enum mt_notice_kind kind;
	pid_t pid;
	pid_t tid;
	int number;
	int signal;
	const char *text; /* valid during the call */
};

struct mt_debug_config {
	void (*notice)(const struct mt_notice *notice, void *arg); /* may be NULL */
	void *arg;
};

struct mt_error *mt_debug_create(const struct mt_debug_config *config, struct mt_debug **debug);

/* Kills what was launched and lets go what was attached, as it was before. NULL is allowed. */
void mt_debug_destroy(struct mt_debug *debug);

#define MT_RESCUED_MAX 64

/* The attached processes that were let go, and whether all of their threads were: one that sits in
 * the kernel cannot be stopped, nor let go. */
struct mt_rescued {
	size_t count;
	pid_t pids[MT_RESCUED_MAX];
	bool whole[MT_RESCUED_MAX];
};

/* Lets attached processes go as they were when memtrap itself has failed. Async-signal-safe: for
 * the handlers of SIGSEGV and its like, on the thread that the session belongs to, which must end
 * then. What was launched is left to PTRACE_O_EXITKILL. */
void mt_debug_rescue(struct mt_debug *debug, struct mt_rescued *rescued);

/* Names the program to run and to take symbols from; needs no process. "" forgets it. */
struct mt_error *mt_debug_file(struct mt_debug *debug, const char *path);
const char *mt_debug_program(const struct mt_debug *debug); /* NULL: none */

/* ---- Processes ----------------------------------------------------------- */

struct mt_debug_launch {
	char *const *argv;          /* without the program; NULL-terminated */
	char *const *env;           /* NULL: ours */
	const char *cwd;            /* NULL: ours */
	const char *in, *out, *err; /* redirections; NULL: ours */
	bool append;                /* to `out` and `err` */
	const char *tty; /* a terminal for all three and as its controlling one; NULL: ours */
	bool randomize;  /* keep address space layout randomisation on */
	/* How it is started. gdb takes a shell for globs and redirections; we do it ourselves. */
};

/* A launched program has a process group of its own. If it shares our terminal, that group is the
 * foreground one while it runs: Ctrl-C is its signal, and stops it as such.
 *
 * Starts the program, stopped at its first instruction (in the dynamic linker, if it has one). It
 * dies with the session (PTRACE_O_EXITKILL). */
struct mt_error *mt_debug_launch(struct mt_debug *debug, const struct mt_debug_launch *launch);

/* Attaches to a running process, all threads stopped on return. Symbols are read after the threads
 * were asked to stop as little as possible: names are resolved lazily. */
struct mt_error *mt_debug_attach(struct mt_debug *debug, pid_t pid);

/* Takes a process over that this thread has traced until now, as it stands. One that was launched
 * is the session's as if that had launched it; another one as if it had attached. In a fresh
 * session.
 */
struct mt_error *mt_debug_adopt(struct mt_debug *debug, const struct mt_handover *handover);

/* Lets the current process go: breakpoints out, registers as they should be, `signal` delivered if
 * it is not 0. A process that was stopped (job control) when we came stays so. */
struct mt_error *mt_debug_detach(struct mt_debug *debug, int signal);

/* Ends the current process. */
struct mt_error *mt_debug_kill(struct mt_debug *debug);

/* Opens a core file; read-only: memory, registers, threads and frames answer, execution refuses. */
struct mt_error *mt_debug_core(struct mt_debug *debug, const char *path);
/* Writes the current process as a core file that gdb reads (elf(5), gcore): threads, siginfo, auxv,
 * mapped files, all of memory that /proc/PID/coredump_filter asks for. */
struct mt_error *mt_debug_write_core(struct mt_debug *debug, const char *path);

/* What the kernel keeps of the current process, or what a core file has of it: the auxiliary vector
 * (getauxval(3)), in words of the process's machine; its mappings as proc_pid_maps(5) has them,
 * where a core file tells neither whether they were shared nor the files' numbers; and its command
 * line, arguments set apart by spaces, which a core file has the first 80 bytes of. */
struct mt_error *mt_debug_auxv(struct mt_debug *debug, struct mt_buf *bytes);
struct mt_error *mt_debug_mappings(struct mt_debug *debug, struct mt_buf *text);
struct mt_error *mt_debug_command_line(struct mt_debug *debug, struct mt_buf *text);

enum mt_process_state {
	MT_PROCESS_NONE,
	MT_PROCESS_STOPPED,
	MT_PROCESS_RUNNING,
	MT_PROCESS_CORE,
};

struct mt_process_info {
	int number; /* from 1; gdb's "inferior" number */
	pid_t pid;
	enum mt_process_state state;
	const char *program;
	bool current;
	bool attached; /* else launched by us or a child of such */
};

size_t mt_debug_processes(struct mt_debug *debug, struct mt_process_info *infos, size_t max);
struct mt_error *mt_debug_select_process(struct mt_debug *debug, int number);

/* The current process's; NULL without one (then the program's file image, if it is named). Owned by
 * the session, and valid until the process execs or ends. */
struct mt_image *mt_debug_image(struct mt_debug *debug);
pid_t mt_debug_pid(const struct mt_debug *debug); /* 0: none */
enum mt_process_state mt_debug_state(const struct mt_debug *debug);

/* ---- Threads, frames, registers, memory ---------------------------------- */

struct mt_thread_info {
	int number; /* from 1, never used again in a process */
	pid_t tid;
	pid_t pid;
	char name[16];
	uint64_t pc;
	bool current;
	bool gone_zombie; /* the main thread has exited, others run */
};

size_t mt_debug_threads(struct mt_debug *debug, struct mt_thread_info *infos, size_t max);
struct mt_error *mt_debug_select_thread(struct mt_debug *debug, int number);
pid_t mt_debug_tid(const struct mt_debug *debug);         /* of the current thread; 0: none */
int mt_debug_thread_number(const struct mt_debug *debug); /* likewise */

/* One function's activation; an inlined function has one of its own. */
struct mt_frame {
	unsigned level;
	uint64_t pc;
	uint64_t
	    lookup_pc; /* pc, or pc - 1 where pc is a return address: for lines and functions */
	uint64_t cfa;  /* canonical frame address; the same for what is inlined in it */
	struct mt_regs regs;  /* as they were in this frame, as far as `known` says */
	uint32_t known;       /* bit n: regs.r[n] is recovered */
	const char *function; /* demangled, or NULL; owned by the image */
	uint64_t offset;      /* of pc in it */
	bool has_line;
	bool in_line; /* pc is not where the line's code begins: only its address tells the place */
	struct mt_line line;
	const struct mt_module *module; /* or NULL */
	bool is_inline;
	unsigned inline_depth; /* how many inlined functions are deeper at pc, shown or not */
	bool is_signal;        /* a signal handler's trampoline: the caller was interrupted */
	bool is_guess;         /* no call frame information led there, or says where it lies */
};

/* The frames of the current thread from level `from` on. Computed once a stop. Returns how many
 * were filled; fewer than `max`: the stack ends. */
size_t mt_debug_frames(struct mt_debug *debug, unsigned from, struct mt_frame *frames, size_t max);
/* Why the walk ended, as a sentence, or NULL: the outermost frame was reached. */
const char *mt_debug_frames_note(struct mt_debug *debug);
/* The selected frame: 0 after each stop. */
struct mt_error *mt_debug_select_frame(struct mt_debug *debug, unsigned level);
unsigned mt_debug_frame_level(const struct mt_debug *debug);

/* Takes the selected frame away, with all that it has called: the thread stands in its caller as if
 * it had returned, with the registers that call frame information recovers. UNSUPPORTED for an
 * inlined function, which has no return. */
struct mt_error *mt_debug_return(struct mt_debug *debug);

/* A register of the current thread by name (x86/regtable.h): raw bytes, little-endian. In frames
 * above 0 those that call frame information recovers. MT_ERR_NOT_FOUND: no such name, or not on
 * this processor; MT_ERR_UNSUPPORTED: not saved in this frame, or it cannot be written. */
struct mt_error *mt_debug_reg_read(struct mt_debug *debug, const char *name, void *out,
                                   size_t size);
struct mt_error *mt_debug_reg_write(struct mt_debug *debug, const char *name, const void *value,
                                    size_t size);

/* Memory as the program has it: our own breakpoints' bytes never show, and survive a write. What is
 * not all there is not written at all; read, it leaves `out` with whatever came before the gap. */
struct mt_error *mt_debug_read(struct mt_debug *debug, uint64_t addr, void *out, size_t len);
struct mt_error *mt_debug_write(struct mt_debug *debug, uint64_t addr, const void *bytes,
                                size_t len);

/* ---- Breakpoints --------------------------------------------------------- */

enum mt_break_kind {
	MT_BREAK_SOFTWARE,
	MT_BREAK_HARDWARE,
	MT_BREAK_CATCH_SYSCALL,
	MT_BREAK_CATCH_FORK,
	MT_BREAK_CATCH_VFORK,
	MT_BREAK_CATCH_EXEC,
	MT_BREAK_CATCH_SIGNAL,
	MT_BREAK_CATCH_LOAD,
	MT_BREAK_CATCH_UNLOAD,
	MT_BREAK_WATCH,
};

struct mt_break_spec {
	enum mt_break_kind kind;
	const char *location; /* as mt_image_locate() takes it, and "+N", "-N", "N" (lines of the
	                         current file); catch: a list of names or numbers, "" for all;
	                         WATCH: an expression, in the selected frame; of ports, how
	                         it is to be called */
	bool temporary;
	bool pending;          /* no such place yet is no error: it waits for a library */
	const char *condition; /* NULL: none */
	int thread;            /* its number; 0: any */
	struct mt_watch_kind watch;
};

/* Where a location is, in the current process or else the program's file: as mt_image_locate()
 * takes it, and "+N", "-N", "N" (lines of the current file). Free with mt_locations_free(). */
struct mt_error *mt_debug_locate(struct mt_debug *debug, const char *text,
                                 struct mt_location **locations, size_t *count);

/* `number` is the session's, from 1. Errors as of mt_image_locate(), and of the condition.
 * Breakpoints are set and changed at rest: MT_ERR_USAGE while the program runs. */
struct mt_error *mt_debug_break(struct mt_debug *debug, const struct mt_break_spec *spec,
                                int *number);
struct mt_error *mt_debug_break_delete(struct mt_debug *debug, int number);
struct mt_error *mt_debug_break_enable(struct mt_debug *debug, int number, bool enable);
/* Enables it for so many stops, which `ignore` comes before; then it is disabled, or deleted. */
struct mt_error *mt_debug_break_enable_for(struct mt_debug *debug, int number, uint64_t stops);
struct mt_error *mt_debug_break_enable_and_delete(struct mt_debug *debug, int number);
/* `text` NULL: no condition any more. */
struct mt_error *mt_debug_break_condition(struct mt_debug *debug, int number, const char *text);
struct mt_error *mt_debug_break_ignore(struct mt_debug *debug, int number, uint64_t count);

/* How a breakpoint does its work. */
enum mt_break_way {
	MT_WAY_INT3,            /* a byte in the program; a condition is evaluated here */
	MT_WAY_REGISTER,        /* a debug register; a condition is evaluated here */
	MT_WAY_REGISTER_KERNEL, /* perf event: the condition is decided in the kernel */
	MT_WAY_UPROBE,          /* a uprobe; a condition is evaluated here */
	MT_WAY_UPROBE_KERNEL,   /* a uprobe: the condition is decided in the kernel */
	MT_WAY_PTRACE,          /* catchpoints */
	MT_WAY_STEPPING,        /* watchpoints: every instruction is stepped */
};

struct mt_break_place {
	uint64_t addr;
	const char *what; /* "main at demo.c:12" */
	enum mt_break_way way;
	bool inserted;
};

struct mt_break_info {
	int number;
	enum mt_break_kind kind;
	bool enabled, temporary, pending;
	bool disables;       /* once it has stopped the program */
	uint64_t stops_left; /* until then; 0: it is the next one */
	const char *location;
	const char *condition;
	int thread;
	uint64_t hits;  /* stops, and passes that `ignore` swallowed */
	uint64_t unmet; /* times the condition was false, where that is known */
	uint64_t ignore;
	const struct mt_break_place *places;
	size_t place_count;
	/* Of a watchpoint: */
	uint64_t unchanged; /* one that waits for changes: writes that were noticed, after which the
	                       value was what it had been. With several threads such a write may
	                       have changed it too: then that was told as a part of the change
	                       that another thread made at the same time. */
	struct mt_watch_kind watch;
	enum mt_break_way way;
	const char *why_stepping; /* why it goes by steps, as a sentence; NULL: it does not */
	/* Of a watchpoint that goes by registers: what system calls do is seen by them. Else all of
	 * the program's calls are stopped at, and the bytes compared. */
	bool sees_kernel;
	uint64_t step_ns;           /* what a stepped instruction costs then; 0: not known yet */
	bool foresees;              /* only what the registers before it do not tell is stepped */
	const struct mt_type *type; /* of its value; NULL: not known */
	uint64_t addr, len;         /* of what it waits for in the current process; len 0: of
	                               several things, or nothing in memory */
	bool scoped;                /* it ends with a frame */
	bool moves; /* some of it lies elsewhere in other parts of the code, where it isn't seen */
};

/* The last hits of a watchpoint, the oldest first. NOT_FOUND: no watchpoint has that number. */
struct mt_error *mt_debug_watch_past(struct mt_debug *debug, int number,
                                     struct mt_watch_past past[MT_WATCH_PAST_COUNT], size_t *count);

/* Hits that somebody else has seen before, the oldest first, enter the past of the watchpoint and
 * count as hits of its; their turns are given anew. */
struct mt_error *mt_debug_watch_add_past(struct mt_debug *debug, int number,
                                         const struct mt_watch_past *past, size_t count);

/* In the order of their numbers; valid until the next call that changes breakpoints. */
size_t mt_debug_breaks(struct mt_debug *debug, struct mt_break_info *infos, size_t max);

/* ---- Going on and stopping ----------------------------------------------- */

enum mt_go_kind {
	MT_GO_CONTINUE,
	MT_GO_STEP_INSN, /* stepi */
	MT_GO_NEXT_INSN, /* nexti: over calls */
	MT_GO_STEP,      /* to another line, into functions that have lines */
	MT_GO_NEXT,      /* to another line, over calls */
	MT_GO_FINISH,    /* until the selected frame has returned */
	MT_GO_UNTIL,     /* as NEXT, and never backwards in this frame */
	MT_GO_ADVANCE,   /* until `location`, or until the selected frame has returned */
	MT_GO_JUMP,      /* on from `location`, whatever that does to the program */
};

struct mt_go {
	enum mt_go_kind kind;
	uint64_t count; /* steps; 0 and 1: one. Ends early at another reason to stop */
	int signal;     /* deliver this instead of what stopped the thread; -1: as `handle` says; 0:
	                   none */
	const char *location; /* ADVANCE, JUMP, and UNTIL with a place */
	bool only_thread;     /* the others stay stopped (scheduler-locking) */
};

/* Lets the program go on. It runs until mt_debug_wait() reports a stop. */
struct mt_error *mt_debug_go(struct mt_debug *debug, const struct mt_go *go);

enum mt_stop_kind {
	MT_STOP_NONE,        /* nothing yet: `timeout_ms` passed */
	MT_STOP_BREAKPOINT,  /* `numbers` */
	MT_STOP_STEPPED,     /* the step is done */
	MT_STOP_FINISHED,    /* the function returned; regs hold what it returned */
	MT_STOP_SIGNAL,      /* `signal`, not delivered yet */
	MT_STOP_INTERRUPTED, /* mt_debug_interrupt() */
	MT_STOP_EXITED,      /* `status` */
	MT_STOP_KILLED,      /* by `signal` */
	MT_STOP_SYSCALL_ENTRY,
	MT_STOP_SYSCALL_RETURN,
	MT_STOP_FORK, /* `child` */
	MT_STOP_VFORK,
	MT_STOP_EXEC,
	MT_STOP_LOAD,   /* libraries came or went */
	MT_STOP_CAUGHT, /* a signal that `catch signal` waits for */
	MT_STOP_WATCH,  /* `hits`; `numbers` has them too */
	MT_STOP_SCOPE,  /* the frame of the watchpoints `numbers` is left: they are deleted */
	MT_STOP_ATTACHED,
	MT_STOP_LAUNCHED,
};

#define MT_STOP_MAX_NUMBERS 16

struct mt_stop {
	enum mt_stop_kind kind;
	pid_t pid;
	int process; /* with EXITED and KILLED: its number, which is in no list any more */
	pid_t tid;
	uint64_t pc;
	int numbers[MT_STOP_MAX_NUMBERS]; /* breakpoints and catchpoints at once */
	size_t number_count;
	int signal;
	siginfo_t siginfo; /* with SIGNAL */
	const char
	    *signal_note; /* what a trap of the program's own is: "its own int3", "ud2"; or NULL */
	int status;
	uint64_t syscall; /* its number; SYSCALL_* */
	pid_t child;
	const struct mt_watch_hit *hits; /* of watchpoints; valid until the program goes on */
	size_t hit_count;
};

/* gdb's three questions about a stop: was it by a watchpoint, at which data, was it by a debug
 * register that stands for an instruction. */
bool mt_stopped_by_watchpoint(const struct mt_stop *stop);
bool mt_stopped_data_address(const struct mt_stop *stop, uint64_t *addr);
bool mt_debug_stopped_by_hw_breakpoint(struct mt_debug *debug, const struct mt_stop *stop);

/* Waits for a stop; `timeout_ms` -1: as long as it takes. */
struct mt_error *mt_debug_wait(struct mt_debug *debug, int timeout_ms, struct mt_stop *stop);

/* Nobody lets the program go on for a while: it and we have our processors back, where a program
 * that stopped all the time shared ours (engine/share.c). Before a person is asked, and before a
 * program is started. */
void mt_debug_rest(struct mt_debug *debug);

/* The last stop again, of the selected process. */
const struct mt_stop *mt_debug_last_stop(const struct mt_debug *debug);

/* What the kernel says of the signal, SIGTRAP too, that the selected thread has stopped with, or
 * died of in a core file. False: it has stopped for another reason. */
bool mt_debug_siginfo(const struct mt_debug *debug, siginfo_t *info);

/* Asks what runs to stop: mt_debug_wait() reports INTERRUPTED. Signal-safe, from any thread. */
void mt_debug_interrupt(struct mt_debug *debug);

/* How often Ctrl-C was typed, since this was asked last, at a terminal that a launched program has
 * from us. It is the program's own: it stops as by any signal, unless it keeps SIGINT to itself
 * (blocked, or by sigwait(3)); then it is for the front end to interrupt it. */
unsigned mt_debug_typed_interrupts(struct mt_debug *debug);

/* Readable when mt_debug_wait() has something to do: for poll(2) in front ends with other inputs.
 */
int mt_debug_fd(const struct mt_debug *debug);

/* ---- How signals, forks and execs are treated ---------------------------- */

struct mt_signal_rule {
	bool stop, print, pass;
};

struct mt_signal_rule mt_debug_signal_rule(const struct mt_debug *debug, int signal);
void mt_debug_set_signal_rule(struct mt_debug *debug, int signal, struct mt_signal_rule rule);

enum mt_follow_fork { MT_FOLLOW_PARENT, MT_FOLLOW_CHILD };

struct mt_debug_settings {
	enum mt_follow_fork follow_fork;
	bool detach_on_fork;    /* the one that is not followed runs free */
	bool lock_scheduler;    /* `set scheduler-locking on` */
	bool step_into_unknown; /* step enters functions without lines */
	bool unwind_on_signal;  /* a call (call.h) that gets a signal is undone */
	bool watch_registers;   /* watchpoints may take debug registers */
	bool watch_stepping;    /* they may go by single steps; else what cannot is refused */
	bool watch_ahead;       /* what can be told of the next instructions is not stepped */
};

/* The session's own; to be written at any time. */
struct mt_debug_settings *mt_debug_settings(struct mt_debug *debug);

#endif
