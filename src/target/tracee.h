/* SPDX-License-Identifier: MIT */
/*
 * Tracees: launching, attaching with PTRACE_SEIZE, and the stops between.
 *
 * All calls belong to one thread, the tracer. A tracee lives on when the tracer dies, but for
 * MT_TRACE_END_WITH_US: the kernel resumes a stopped tracee whose tracer is gone (ptrace(2)).
 */
#ifndef MT_TARGET_TRACEE_H
#define MT_TARGET_TRACEE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/user.h>

#include "base/error.h"
#include "target/event.h"
#include "target/process.h"
#include "x86/regs.h"

/* What to follow; the bits are ORed. */
enum mt_trace_flags {
	MT_TRACE_EXEC = 1,         /* MT_EVENT_EXEC */
	MT_TRACE_THREADS = 2,      /* new threads become tracees */
	MT_TRACE_FORKS = 4,        /* new processes become tracees */
	MT_TRACE_EXITS = 8,        /* MT_EVENT_EXITING */
	MT_TRACE_VFORKED = 16,     /* MT_EVENT_VFORKED */
	MT_TRACE_END_WITH_US = 32, /* the kernel kills it when the tracer dies */
};

struct mt_launch {
	const char *path;         /* of the program, as mt_program_find() has it */
	char *const *argv;        /* NULL-terminated */
	sigset_t signal_mask;     /* of the program; as the tool itself was started with */
	struct rlimit open_files; /* RLIMIT_NOFILE of the program, likewise */

	/* What is NULL or false leaves it as ours is. */
	char *const *env;
	const char *cwd;
	const char *in, *out, *err; /* files for the standard streams */
	bool append;                /* to `out` and `err` */
	const char *tty;      /* a terminal for all three: the controlling one of a new session */
	bool own_group;       /* a process group of its own */
	bool fixed_addresses; /* without address space layout randomisation (personality(2)) */
};

/*
 * The file that `name` stands for: itself when it has a slash, else found in PATH as execvp(3)
 * does, but never run by a shell. Owned by the caller. MT_ERR_NOT_FOUND and MT_ERR_PERMISSION:
 * "cannot run NAME: …".
 */
struct mt_error *mt_program_find(const char *name, char **path);

/*
 * Starts a program and leaves it stopped at its first instruction (MT_EVENT_EXEC has been taken),
 * traced with `flags`. Errors: MT_ERR_NO_PROGRAM and MT_ERR_CANNOT_RUN; MT_ERR_SYSTEM and its like
 * for what else `launch` asks for, by its name: "cannot open /tmp/in: …".
 */
struct mt_error *mt_tracee_launch(const struct mt_launch *launch, unsigned flags, pid_t *pid);

/*
 * Seizes every thread of `pid`, without stopping it; lists them again until no new one turns up.
 * MT_ERR_PERMISSION says what forbids it: another tracer (by name), Yama, another user.
 */
struct mt_error *mt_tracee_seize(pid_t pid, unsigned flags);

/*
 * The same, and tells which have become tracees only now. A thread that was in the middle of
 * clone(2) when it was seized bears one that is nobody's tracee, and that no list shows yet
 * (kernel/fork.c: whether a child is traced is decided at the start, it is listed at the end). So
 * this is done again when all of these have stopped once, until there are none.
 */
struct mt_error *mt_tracee_seize_new(pid_t pid, unsigned flags, struct mt_tids *seized);

/* What is followed of a stopped tracee from here on. False: it has gone. */
bool mt_tracee_set_flags(pid_t tid, unsigned flags);

/*
 * Lets a tracee that is about to get a signal, which is none of those in `kept` (a bit each, signal
 * 1 the lowest), go on with it, without a wait for that event. A wait takes the signal from the
 * tracee until it goes on (kernel/exit.c, wait_task_stopped()): if we were killed in between it
 * would be lost. False: nobody was let go; what comes next is for mt_tracee_next().
 */
bool mt_tracee_pass_signal(uint64_t kept);

/* The next event of any tracee or child, without waiting: kind MT_EVENT_NONE when there is none. */
struct mt_event mt_tracee_next(void);

/* The same of this one; KILLED where there is no such tracee (any more). */
struct mt_event mt_tracee_next_of(pid_t tid);

/* The same, waited for: of a tracee that is certain to have one soon. */
struct mt_event mt_tracee_wait(pid_t tid);

/* Whether it stands at a stop that has been reported. */
bool mt_tracee_stands(pid_t tid);

/*
 * The next event of a tracee that was asked to stop, or that is certain to stop soon; waited for.
 * NONE: there will be none before something else happens. It stands already; or it sleeps where
 * only SIGKILL wakes it (vfork(2), file systems), and stops before its next instruction; or it has
 * ended, and others of its process have not.
 */
struct mt_event mt_tracee_next_stop(pid_t tid);

/* The siginfo of a signal-delivery-stop. False: the tracee has gone. */
bool mt_tracee_siginfo(pid_t tid, siginfo_t *info);

/* The general registers of a stopped tracee. False: it has gone. */
bool mt_tracee_regs(pid_t tid, struct mt_regs *regs);

/* All 27 as ptrace has them; for a 32-bit program too in 64-bit form. False: it has gone. */
bool mt_tracee_user_regs(pid_t tid, struct user_regs_struct *regs);
/* The program counter alone. */
bool mt_tracee_pc(pid_t tid, uint64_t *pc);
bool mt_tracee_set_user_regs(pid_t tid, const struct user_regs_struct *regs);
void mt_regs_from_user(const struct user_regs_struct *user, struct mt_regs *regs);

/* A register set by the type of its note (elf.h, NT_…), with the layout of the thread's machine.
 * `got` is how much of `area` it takes. False: it has gone, or its machine has no such set. */
bool mt_tracee_register_set(pid_t tid, uint32_t type, void *area, size_t size, size_t *got);

/*
 * The XSAVE area (NT_X86_XSTATE), of `size` bytes as CPUID has it. `got` is how much the kernel
 * gave. False: it has gone, or the processor has no XSAVE.
 */
bool mt_tracee_xstate(pid_t tid, void *area, size_t size, size_t *got);
bool mt_tracee_set_xstate(pid_t tid, const void *area, size_t size);

/* A debug register, 0 to 7. False: it has gone, or the register holds what the kernel refuses. */
bool mt_tracee_set_debugreg(pid_t tid, unsigned index, uint64_t value);
bool mt_tracee_debugreg(pid_t tid, unsigned index, uint64_t *value);

/* Whether a SIGTRAP of an instruction that has been executed waits for the stopped thread: an
 * interrupt's stop comes before it (kernel/signal.c, get_signal()). */
bool mt_tracee_trap_waits(pid_t tid);

/* Whether a signal of its own for which `is_it` waits for the stopped thread. */
bool mt_tracee_signal_waits(pid_t tid, bool (*is_it)(const siginfo_t *info));

/* Replaces the siginfo of a signal-delivery-stop. */
bool mt_tracee_set_siginfo(pid_t tid, const siginfo_t *info);

/* The mask of blocked signals, the kernel's 64 bits. False: it has gone. */
bool mt_tracee_signal_mask(pid_t tid, uint64_t *mask);
bool mt_tracee_set_signal_mask(pid_t tid, uint64_t mask);

/* What a MT_EVENT_SYSCALL stop is: entering, or leaving a call. False: neither, or it has gone. */
struct mt_syscall_stop {
	bool entering;
	uint64_t number; /* when entering */
};
bool mt_tracee_syscall_stop(pid_t tid, struct mt_syscall_stop *stop);

/* How a stopped tracee goes on. */
enum mt_resume {
	MT_RESUME_CONTINUE,
	MT_RESUME_STEP,    /* one instruction, then SIGTRAP */
	MT_RESUME_SYSCALL, /* until it enters or leaves a system call */
};
/* As mt_tracee_resume(). False: it has gone, or is not stopped. */
bool mt_tracee_go(pid_t tid, enum mt_resume how, int signal);

/* Lets a stopped tracee go on, with `signal` (0: none). A tracee that was killed meanwhile is no
 * error: its end is an event of its own. */
void mt_tracee_resume(pid_t tid, int signal);

/* Keeps a tracee in its group-stop and lets SIGCONT end it. */
void mt_tracee_listen(pid_t tid);

/* Gives a stopped tracee its freedom, with `signal`. */
void mt_tracee_detach(pid_t tid, int signal);

/* Asks a running tracee to stop (MT_EVENT_STOPPED comes). */
void mt_tracee_interrupt(pid_t tid);

#endif
