/* SPDX-License-Identifier: MIT */
/*
 * A watch session: expressions to watch, in a program that it starts or a process that runs; from
 * their names to armed debug registers, from the kernel's records to hits. It owns the loop; who
 * wants to show something hands in a listener.
 *
 * The program is not stopped for a hit, but by MT_ENGINE_PTRACE. By the other engine it is traced
 * (ptrace) only up to its first instruction, while something waits to be armed (a library, a
 * location), with `follow` for the sake of exec, for what each thread or call has of its own, and
 * to guard it.
 */
#ifndef MT_WATCH_SESSION_H
#define MT_WATCH_SESSION_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"
#include "probe/probe.h"
#include "record/hit.h"
#include "record/place.h"
#include "target/handover.h"

struct mt_watch_request {
	const char *expr;
	enum mt_dr_kind kind;
	bool deep; /* follow the pointers on the way when they change */
};

/* See guard.c. */
enum mt_guard {
	MT_GUARD_NONE,
	MT_GUARD_TRY,  /* unless a running process cannot be traced */
	MT_GUARD_MUST, /* that it cannot is an error */
};

/* How hits are had. */
enum mt_engine {
	MT_ENGINE_KERNEL, /* perf events and eBPF: nothing is stopped */
	MT_ENGINE_PTRACE, /* debug registers by ptrace: each hit stops its thread */
};

/* MT_ENGINE_PTRACE: what is watched by single steps, each of which costs some microseconds. */
enum mt_steps {
	MT_STEPS_NEVER,  /* what the registers cannot hold is refused */
	MT_STEPS_NEEDED, /* what they cannot hold */
	MT_STEPS_ALWAYS, /* all but executions */
};

struct mt_watch_config {
	const struct mt_watch_request *requests;
	size_t request_count;
	pid_t pid; /* attach; 0: launch argv */
	char *const *argv;
	const char *condition;     /* NULL: none */
	const char *const *prints; /* expressions that are shown with each hit */
	size_t print_count;
	const char *at; /* arm when this location is reached; NULL: at once */
	enum mt_engine engine;
	enum mt_steps steps;
	/* MT_ENGINE_PTRACE: when it becomes readable the watch ends at once, and the program is let
	 * go as it is; -1: none. */
	int lifeline;
	const char *why_traced; /* MT_ENGINE_PTRACE: told at the start; NULL: nothing to tell */
	bool follow;            /* forks, and programs that they exec */
	bool pending;           /* a name that nothing knows yet may come with a library */
	enum mt_guard guard; /* being the program's tracer, against traps that lost their reason */
	bool user_only;      /* leave the kernel's accesses out */
	bool changes_only;
	bool count_only; /* a table of places at the end, no hits */
	enum mt_stack_mode stack;
	/* NONE; STOP or KILL, at the first hit; HOLD: at the first one, or the one that max_hits
	 * names, the watch ends, and its process is handed over as it stands
	 * (mt_session_summary.handover). */
	enum mt_action action;
	bool release;      /* nobody is traced any more when the summary is told; else tracees of an
	                      attached process are let go by our exit */
	uint64_t max_hits; /* 0: no limit */
	double timeout_s;  /* 0: none */
	size_t ring_size;  /* bytes */
	/* As the tool was started, for the program that it starts. */
	sigset_t signal_mask;
	struct rlimit open_files;
};

/* Something that a person should know, as it happens. */
enum mt_session_notice_kind {
	MT_SESSION_INFO,
	MT_SESSION_WARNING, /* the watch sees less than was asked for */
};

/* What is armed, told at the start and whenever it changes. */
struct mt_armed_info {
	const struct mt_hit_watch *watch;
	pid_t pid;
	struct mt_coverage coverage;
	bool has_condition;
	bool condition_in_kernel; /* false: evaluated on the stream */
	bool condition_of_values; /* it speaks of old or new */
	bool from_elf;            /* no debug information for the variable */
	bool per_thread;          /* each thread has its own, at an address of its own */
	bool per_call;            /* each call has its own: armed when the function is entered */
	size_t pointers;          /* on the way, whose changes have the trap move along */
	bool is_away;             /* they lead nowhere now */
	bool traced;              /* by ptrace: each hit stops its thread */
	const char *why_steps;    /* every instruction is single-stepped, and why; NULL: not */
	double step_us;           /* what that costs each; 0: it could not be measured */
};

struct mt_session_summary {
	uint64_t hits;             /* shown, or counted with count_only */
	uint64_t unmet, unchanged; /* accesses that the condition or --changes left out */
	uint64_t lost;             /* the ring, or the listener's backlog, was full */
	uint64_t unseen;           /* counted by the breakpoint, but no program ran for them */
	/* Traps that lost their reason on the way (guard.c): told all the same, or not to be told.
	 */
	uint64_t recovered, unexplained;
	uint64_t outside;     /* MT_ENGINE_PTRACE: changes that no thread of the process made */
	uint64_t uncounted;   /* the table of places was full */
	unsigned threads;     /* armed, inheriting ones not counted */
	unsigned uncovered;   /* threads that could not be armed */
	uint64_t calls;       /* whose locals were armed */
	uint64_t unwatched;   /* calls whose locals could not be armed */
	bool partial;         /* some of the code of watched functions is not seen */
	uint64_t moves;       /* of traps whose pointers were changed */
	uint64_t unmapped;    /* watched ranges whose memory was taken away */
	uint64_t borrowers;   /* children that borrowed the memory, and were not watched */
	unsigned never_armed; /* expressions that were never armed */
	double seconds;
	uint64_t start_ns; /* CLOCK_MONOTONIC */
	struct mt_places *places;
	bool launched;
	bool exited;     /* the program has ended, with … */
	int exit_status; /* its exit code, or -1 */
	int exit_signal; /* the signal that ended it, or 0 */
	pid_t stopped;   /* --then stop: the process that is stopped now; 0: none */
	/* MT_ACTION_HOLD: all threads stand behind the hit and what came with it, all of which was
	 * told, and nothing of the watch is left in them. The caller's to let go, and to free. */
	struct mt_handover handover;
};

/* How far a listener is behind. */
enum mt_backlog {
	MT_BACKLOG_NONE, /* everything that was told is out */
	MT_BACKLOG_SOME,
	MT_BACKLOG_FULL, /* no more hits, please */
};

/*
 * Who is told. No call may wait for anything: the session may be the program's tracer, and the
 * program would wait with it. A listener that cannot get rid of what it was told keeps it and says
 * so: hits then stay in the ring, which may overflow, and what it refuses is counted as lost.
 */
struct mt_listener {
	void (*armed)(void *arg, const struct mt_armed_info *info);
	void (*hit)(void *arg, const struct mt_hit *hit);
	void (*notice)(void *arg, enum mt_session_notice_kind kind, const char *text);
	void (*summary)(void *arg, const struct mt_session_summary *summary);
	/* After each round of reading, and when `wake` is readable: a good moment to write out. */
	enum mt_backlog (*pause)(void *arg);
	int wake;
	void *arg;
};

/* What a session waits for: SIGINT, SIGTERM and SIGHUP, which end it, and SIGCHLD. */
void mt_session_signals(sigset_t *set);

/*
 * Runs a session to its end: the program's end, max_hits, the timeout, or a signal (all of
 * mt_session_signals() must be blocked by the caller). A program that it launched is waited for in
 * any case, and the summary says how it ended. Then the listener's backlog is waited for, unless a
 * signal comes while it is. Errors are those of the beginning; nothing runs then.
 */
struct mt_error *mt_session_run(const struct mt_watch_config *config,
                                const struct mt_listener *listener,
                                struct mt_session_summary *summary);

#endif
