/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: how a piece of memory is put into the debug registers of threads of this
 * process, and what a SIGTRAP says of it. Two back ends do it: perf events (perf.c), and a forked
 * helper that attaches with ptrace (helper.c). All calls but those marked are made under the
 * registry's lock.
 */
#ifndef MT_SELF_BACKEND_H
#define MT_SELF_BACKEND_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "memtrap/memtrap.h"
#include "x86/debugreg.h"

/* One debug register's worth, on one thread or on all of them; shared by the traps that need it.
 * Pieces live in the registry and are never freed: a signal that comes late may still name one. */
struct mt_piece {
	struct mt_dr_piece range __attribute__((aligned(8)));
	enum mt_dr_kind kind;  /* EXEC, WRITE or ACCESS */
	pid_t thread;          /* 0: all threads */
	bool fork_too;         /* children made by fork() have it too */
	unsigned refs;         /* traps that use it; 0: free for another use */
	uint32_t cookie;       /* names it in a signal; another one at each use; never 0 */
	void *armed;           /* perf's: made at the first use and kept */
	struct mt_piece *next; /* of all that ever were; the registry's */
};

struct mt_piece_cover {
	unsigned armed;   /* threads on which it is armed now */
	unsigned threads; /* on which it should be */
	unsigned gaps;    /* MEMTRAP_GAP_THREADS, _NEW_THREADS, _BLOCKED */
	int why; /* of arm(): the negative errno of a thread that is not armed, whose sentence
	            was left; 0: all are */
};

struct mt_backend {
	enum memtrap_backend id;
	const char *name; /* "perf", "ptrace" */

	/* Whether it works here, tried on a variable of its own: 0, or a negative errno with the
	 * sentence (self/fail.h) that says what would allow it. Called once. */
	int (*try)(void);

	/*
	 * Arms the piece on its threads. 0, also where some threads could not be covered, which
	 * `cover` tells; a negative errno with the sentence where nothing was armed: -ESRCH,
	 * -ENOSPC (the registers of a thread are taken by somebody outside the library), -EPERM,
	 * -EMFILE …
	 */
	int (*arm)(struct mt_piece *piece, struct mt_piece_cover *cover);

	/* Disarms it everywhere; what can't be undone is harmless. Signal-safe: may be called from
	 * a hit's handler. */
	void (*disarm)(struct mt_piece *piece);

	/* Looks again. */
	void (*cover)(const struct mt_piece *piece, struct mt_piece_cover *cover);

	/*
	 * Whether a SIGTRAP is of this back end's making, without the lock, in the signal handler.
	 * `cookie` becomes that of the piece that fired, or 0 where the signal does not tell
	 * (ptrace: the instruction does). `late`: SIGTRAP was blocked at the access.
	 */
	bool (*owns)(const siginfo_t *info, uint32_t *cookie, bool *late);

	/*
	 * Where the signal does not tell: the cookies of the pieces whose registers the calling
	 * thread's last trap was of. Returns how many, at most `max`; 0 when it can't be told. NULL
	 * where owns() tells. Signal-safe, without the lock; slow, asked only where decoding fails.
	 */
	size_t (*fired)(uint32_t *cookies, size_t max);

	/* The thread has just been born by the wrapped pthread_create(), and calls this itself.
	 * NULL where new threads inherit. */
	void (*thread_born)(void);

	/* In a child of fork(): what was armed here is not armed there; forget it, or (fork_too)
	 * arm it. */
	void (*forked)(void);

	/* Whether a blocked SIGTRAP kills the program at a hit, instead of delaying it: then
	 * interpose.c keeps it unblocked. Known after try(); signal-safe. */
	bool (*blocked_is_fatal)(void);
};

extern const struct mt_backend mt_backend_perf;
extern const struct mt_backend mt_backend_ptrace;

/* Every piece that is in use, for back ends that must walk them: calls `each` until it returns
 * false. Signal-safe; pieces that are being set or removed meanwhile may be seen or not. In
 * registry.c. */
void mt_pieces_each(bool (*each)(struct mt_piece *piece, void *arg), void *arg);

#endif
