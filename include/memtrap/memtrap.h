/* SPDX-License-Identifier: MIT */
/*
 * libmemtrap: a program traps its own memory, with a handler in C.
 *
 *	static void on_hit(struct memtrap_hit *hit, void *arg)
 *	{
 *		if (*(const int *)hit->new_value == 50)
 *			memtrap_park(hit);
 *	}
 *
 *	struct memtrap *trap;
 *	struct memtrap_spec spec = {
 *		.addr = &counter, .len = sizeof(counter), .kind = MEMTRAP_WRITE, .handler = on_hit,
 *	};
 *
 *	if (memtrap_set(&trap, &spec) < 0)
 *		fprintf(stderr, "%s\n", memtrap_error());
 *
 * The processor's four debug registers do the watching: memory costs nothing until it is touched.
 * The handler runs on the thread that touched it, right after the access (execute traps: right
 * before the instruction), inside a SIGTRAP handler of the library's.
 *
 * Errors: functions that can fail return 0 or a negative errno and change nothing on failure;
 * memtrap_error() has the sentence. Signal safety: functions marked [signal-safe] may be called
 * from a hit's handler and from any signal handler; the others may not. Threads: every function may
 * be called from any thread at any time.
 *
 * C11; usable from C++17 as it stands. Linux on x86-64 and i386.
 */
#ifndef MEMTRAP_MEMTRAP_H
#define MEMTRAP_MEMTRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <ucontext.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MEMTRAP_VERSION_MAJOR 0
#define MEMTRAP_VERSION_MINOR 1

#ifndef MEMTRAP_API
#define MEMTRAP_API __attribute__((visibility("default")))
#endif

/* What four registers of eight bytes cover at best; unaligned ranges need more registers. */
#define MEMTRAP_MAX_LEN 32

/* ---- Traps --------------------------------------------------------------- */

enum memtrap_kind {
	MEMTRAP_EXEC = 1, /* before the instruction at `addr` runs; `len` is 1 */
	MEMTRAP_WRITE,    /* after a write, also of the value that was there */
	MEMTRAP_READ,     /* after an instruction that read and did not write */
	MEMTRAP_ACCESS,   /* after either */
	MEMTRAP_CHANGE,   /* after a write that altered the value */
};

/* Values of memtrap_spec.thread besides the tid of a thread of this process. */
enum {
	MEMTRAP_ALL_THREADS = 0, /* of this process, and those that are born later */
	MEMTRAP_THIS_THREAD = -1,
};

/* Bits of memtrap_spec.flags. */
enum memtrap_flags {
	/* The back end need not cover every thread: memtrap_coverage() tells which part it does.
	 * Without it memtrap_set() fails where a thread that it should cover cannot be armed. */
	MEMTRAP_PARTIAL = 1 << 0,
	/* A child made by fork() has the trap too. Otherwise it has none. */
	MEMTRAP_INHERIT_FORK = 1 << 1,
	/* The handler is all there is: no values, no culprit, no kind, no history, and a write of
	 * any sort is a hit. The cheapest hit; not with READ or CHANGE, which need to know. */
	MEMTRAP_BARE = 1 << 2,
};

struct memtrap; /* a trap that is set */
struct memtrap_hit;

typedef void (*memtrap_handler)(struct memtrap_hit *hit, void *arg);

/* Zero what you don't name. It is copied. */
struct memtrap_spec {
	const volatile void *addr;
	size_t len; /* 1 to MEMTRAP_MAX_LEN, at any alignment, as registers suffice; EXEC: 0 or 1 */
	enum memtrap_kind kind;
	int thread;       /* MEMTRAP_ALL_THREADS, MEMTRAP_THIS_THREAD or a tid */
	unsigned flags;   /* enum memtrap_flags */
	unsigned history; /* hits that are kept; 0: 16; at most 65536; see memtrap_history() */
	memtrap_handler handler; /* NULL: hits are counted and kept */
	void *arg;               /* the handler's; never looked at */
	const char *name;        /* for reports; NULL: the address */
	uintptr_t reserved[4];   /* 0 */
};

/*
 * Sets a trap. Traps on the same piece of memory, for the same kind and threads, share a register.
 *
 *	-EINVAL     a field makes no sense: the sentence says which
 *	-EFAULT     the memory is not mapped
 *	-ENOSPC     no register is free: the sentence names the traps that hold them, or says that
 *	            somebody else does (a debugger, perf)
 *	-ESRCH      no such thread in this process
 *	-EPERM, -EACCES, -ENOSYS, -EOPNOTSUPP
 *	            the kernel, a sandbox or an emulator (valgrind) refuses: the sentence says what
 *	            would allow it
 *	-ENOMEM, -EMFILE
 */
MEMTRAP_API int memtrap_set(struct memtrap **trap, const struct memtrap_spec *spec);

/*
 * Removes a trap; NULL is allowed. When it returns, no handler of the trap runs on another thread
 * or will ever run, and the handle is gone. Called from a handler (of this trap or another one) it
 * does not wait: a handler that already runs on another thread may still be at work. [signal-safe]
 */
MEMTRAP_API void memtrap_remove(struct memtrap *trap);

/* Hits so far, that of a handler that is running included. [signal-safe] */
MEMTRAP_API uint64_t memtrap_count(const struct memtrap *trap);

/* The name, or the address as text. Valid as long as the trap. [signal-safe] */
MEMTRAP_API const char *memtrap_name(const struct memtrap *trap);

/* The sentence about this thread's last failure; "" before the first. Valid until the next one. */
MEMTRAP_API const char *memtrap_error(void);

/* ---- Hits ---------------------------------------------------------------- */

/* Bits of memtrap_hit.access. */
enum memtrap_access {
	MEMTRAP_DID_READ = 1,
	MEMTRAP_DID_WRITE = 2,
	MEMTRAP_DID_EXEC = 4,
};

/* Bits of memtrap_hit.flags. */
enum memtrap_hit_flags {
	/* It arrived late, as SIGTRAP was blocked at the access: `context`, `pc` and the values are
	 * those of the arrival, and no culprit is named. More hits may have been one. */
	MEMTRAP_HIT_LATE = 1 << 0,
	/* `new_value` is what the instruction stored, by its registers; else what memory had when
	 * the handler began, which with several writers may be a later value. */
	MEMTRAP_HIT_NEW_IS_STORED = 1 << 1,
};

/* Valid while the handler runs. With MEMTRAP_BARE only trap, context, pc, tid, time_ns and count
 * are set. */
struct memtrap_hit {
	struct memtrap *trap;
	uintptr_t addr;        /* the part of the trap's range that was touched; */
	size_t len;            /* the whole range where the instruction is not known, or has
	                          overwritten the registers of its own address */
	unsigned access;       /* enum memtrap_access; 0 where the instruction is not known */
	unsigned flags;        /* enum memtrap_hit_flags */
	const void *old_value; /* of the whole range, the trap's `len` bytes; aligned to 8; */
	const void *new_value; /* NULL for execute traps, and where it could not be read */
	pid_t tid;
	uintptr_t pc;        /* where the thread goes on */
	uintptr_t culprit;   /* the instruction that did it; 0: unknown. EXEC: pc */
	uint64_t time_ns;    /* CLOCK_MONOTONIC */
	uint64_t count;      /* this is the trap's count-th hit, from 1 */
	ucontext_t *context; /* the thread's registers: what is changed here, it goes on with */
};

/*
 * In a handler: the trap may be removed, others set up by another thread; the watched memory may be
 * touched without recursion (no access by any trap handler is a hit, nor by a signal handler that
 * interrupts it); longjmp out is allowed. The usual rules of signal handlers hold: printf is not
 * safe in it, though it mostly works; the functions marked [signal-safe] are.
 */

/* A value's `len` (1, 2, 4, 8) bytes as a number, unsigned or sign-extended; 0 for NULL.
 * [signal-safe] */
MEMTRAP_API uint64_t memtrap_unsigned(const void *value, size_t len);
MEMTRAP_API int64_t memtrap_signed(const void *value, size_t len);

/*
 * The call stack at the hit: frames[0] is the culprit (pc where it is unknown), the others are
 * return addresses. Returns how many; at most `max`. By call frame information where the program
 * has it, else by frame pointers. [signal-safe]
 */
MEMTRAP_API size_t memtrap_backtrace(const struct memtrap_hit *hit, uintptr_t *frames, size_t max);

/* Writes a readable report of hit, registers and stack to a file descriptor: 0, or the negative
 * errno of write(2). [signal-safe] */
MEMTRAP_API int memtrap_dump(const struct memtrap_hit *hit, int fd);

/*
 * Prints to standard error who was caught, and how to look at it (`gdb -p PID`), then holds the
 * thread. Others run on. It goes on when a debugger that has attached lets it run (`continue`, also
 * `finish` or a step of another thread; it takes up to a fifth of a second), or by
 * memtrap_release(). Who attaches, looks and leaves without letting it run (`gdb -batch`, gcore,
 * pstack) finds it parked again.
 *
 * Where a debugger has the thread already, it is stopped there by a SIGCONT of its own, which means
 * nothing to a program that runs, and goes on with it. While a thread is parked, every process of
 * the same user may attach to this one, which Yama may forbid otherwise (PR_SET_PTRACER).
 * [signal-safe]
 */
MEMTRAP_API void memtrap_park(const struct memtrap_hit *hit);

/* Lets the parked threads go on (tid 0: all of them); returns how many there were. [signal-safe] */
MEMTRAP_API int memtrap_release(pid_t tid);

/* ---- Last writers -------------------------------------------------------- */

#define MEMTRAP_FRAMES 8

/* A hit as it is kept. The layout is the same in a core file: see memtrap_history_magic. */
struct memtrap_past_hit {
	uint64_t count; /* which hit it was, from 1; 0: nothing here yet, or being written */
	uint64_t time_ns;
	uint64_t pc;
	uint64_t culprit;
	uint64_t addr;
	uint32_t len;
	uint32_t access;
	int32_t tid;
	uint32_t flags;
	uint8_t old_value[MEMTRAP_MAX_LEN];
	uint8_t new_value[MEMTRAP_MAX_LEN];
	uint32_t value_len;
	uint32_t frame_count;
	uint64_t frames[MEMTRAP_FRAMES]; /* by frame pointers: cheap, short where there are none */
};

/*
 * Copies the trap's last hits, oldest first: returns how many, at most `max` and the trap's ring.
 * Entries that are being written are left out. At any time, from a crash handler too.
 * [signal-safe]
 */
MEMTRAP_API size_t memtrap_history(const struct memtrap *trap, struct memtrap_past_hit *hits,
                                   size_t max);

/*
 * Every ring in memory begins with these bytes and zeros up to 24 bytes, then: uint32_t version
 * (1), uint32_t entry size, uint32_t entries, uint32_t name offset from the start of the magic,
 * uint64_t address, uint32_t len, uint32_t kind, uint64_t hits so far, and at 64 the entries, the
 * n-th hit at (n - 1) % entries. So a core file tells the last writers: tools/core-history reads
 * it.
 */
#define MEMTRAP_HISTORY_MAGIC "\x7fmemtrap-history\n"

/* Writes all traps' last hits, readable, to a file descriptor: 0 or a negative errno.
 * [signal-safe] */
MEMTRAP_API int memtrap_print_history(int fd);

/*
 * From now on a fatal signal (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT) writes all traps' last hits
 * to `fd` before what would have happened happens: the program's own handler, or death with a core.
 * A signal that was reported once is left to the program from then on. -EBADF: no such descriptor.
 */
MEMTRAP_API int memtrap_report_crashes(int fd);

/* ---- Contracts ----------------------------------------------------------- */

enum memtrap_rule {
	MEMTRAP_ONLY_BY = 1, /* only the code in `writers` may write */
	MEMTRAP_FROZEN,      /* nobody may write from now on */
	MEMTRAP_GROWS,       /* the value never gets smaller */
	MEMTRAP_WITHIN,      /* the value stays from `min` to `max`, both included */
};

enum memtrap_number {
	MEMTRAP_SIGNED, /* of 1, 2, 4 or 8 bytes */
	MEMTRAP_UNSIGNED,
	MEMTRAP_FLOATING, /* float or double */
};

enum memtrap_verdict {
	MEMTRAP_CALL = 1, /* `handler` */
	MEMTRAP_ABORT,    /* memtrap_dump() to standard error and abort(3) */
	MEMTRAP_PARK,     /* memtrap_park() */
	MEMTRAP_COUNT,    /* memtrap_violations() tells */
};

/* A piece of code; `len` 0: the function that begins at `start`, as far as its unwind information
 * reaches (a part that the compiler has put elsewhere, "cold", is code of its own). */
struct memtrap_code {
	const void *start;
	size_t len;
};

union memtrap_bound {
	int64_t s;
	uint64_t u;
	double f;
};

struct memtrap_contract {
	const volatile void *addr;
	size_t len;
	enum memtrap_rule rule;
	enum memtrap_verdict verdict;
	enum memtrap_number number;         /* GROWS, WITHIN */
	union memtrap_bound min, max;       /* WITHIN; as `number` says */
	const struct memtrap_code *writers; /* ONLY_BY; copied */
	size_t writer_count;
	memtrap_handler handler; /* with MEMTRAP_CALL: called at violations only */
	void *arg;
	const char *name;
	uintptr_t reserved[4]; /* 0 */
};

/* Puts memory under a contract: a trap for all threads, removed with memtrap_remove(). Errors as of
 * memtrap_set(). */
MEMTRAP_API int memtrap_contract(struct memtrap **trap, const struct memtrap_contract *contract);

/* Violations so far; 0 for a trap that is no contract. [signal-safe] */
MEMTRAP_API uint64_t memtrap_violations(const struct memtrap *trap);

/* ---- What is armed ------------------------------------------------------- */

enum memtrap_backend {
	MEMTRAP_BACKEND_NONE = 0,
	MEMTRAP_BACKEND_PERF,   /* perf events that send SIGTRAP: since Linux 5.13 */
	MEMTRAP_BACKEND_PTRACE, /* a helper that is forked for the moment of arming */
};

/* Why a trap may miss accesses: bits of memtrap_coverage.gaps. */
enum memtrap_gap {
	MEMTRAP_GAP_THREADS = 1 << 0,     /* some thread is not armed */
	MEMTRAP_GAP_NEW_THREADS = 1 << 1, /* threads that are born from now on will not be */
	MEMTRAP_GAP_HANDLER = 1 << 2,     /* the program has replaced the SIGTRAP handler */
	MEMTRAP_GAP_BLOCKED = 1 << 3, /* a thread has SIGTRAP blocked: its hits come late (perf) */
};

struct memtrap_coverage {
	enum memtrap_backend backend;
	unsigned registers; /* debug registers that it needs on each thread */
	unsigned shared;    /* those that another trap had armed already */
	unsigned armed;     /* threads that are armed now */
	unsigned threads;   /* threads that should be */
	unsigned gaps;      /* enum memtrap_gap */
	uint64_t late;      /* hits that arrived late */
	uint64_t unread;    /* hits whose value or instruction could not be told */
};

MEMTRAP_API int memtrap_coverage(const struct memtrap *trap, struct memtrap_coverage *coverage);

/* The same as one line of text, such as "perf: 2 registers on 17 of 17 threads". Returns its length
 * as snprintf(3) does, or a negative errno. */
MEMTRAP_API int memtrap_describe(const struct memtrap *trap, char *text, size_t size);

/*
 * Fires the trap on the calling thread and sees whether it arrives: 0 when it did, -ENODATA when
 * nothing came. The access changes nothing (`lock orb $0` on a byte, or a load), is no hit, and
 * runs no handler; an execute trap, and memory that can't be written, are proven by a canary of the
 * same kind of the library's own, for which a register must be free (-ENOSPC). -EINVAL: the trap is
 * not for this thread.
 */
MEMTRAP_API int memtrap_prove(struct memtrap *trap);

/*
 * Which back end serves traps set from now on; NONE lets the library choose (perf where the kernel
 * allows it). The environment variable MEMTRAP_BACKEND (perf, ptrace) has the same effect before
 * the first trap. -EINVAL; -EBUSY while traps are set.
 */
MEMTRAP_API int memtrap_use_backend(enum memtrap_backend backend);

/* The one in use, or NONE before the first trap. */
MEMTRAP_API enum memtrap_backend memtrap_backend(void);

/* ---- Scopes -------------------------------------------------------------- */

/* For MEMTRAP_SCOPE: removes the trap, and sets *trap to NULL. */
MEMTRAP_API void memtrap_scope_end(struct memtrap **trap);

/* Sets a trap on the calling thread; NULL, with the sentence on standard error, where it can't. */
MEMTRAP_API struct memtrap *memtrap_scope_begin(const volatile void *addr, size_t len,
                                                enum memtrap_kind kind, memtrap_handler handler,
                                                void *arg);

#define MEMTRAP_JOIN_(a, b) a##b
#define MEMTRAP_JOIN(a, b) MEMTRAP_JOIN_(a, b)

/* Traps this thread's accesses until the block is left: for locals. */
#define MEMTRAP_SCOPE(addr, len, kind, handler, arg)                                               \
	__attribute__((cleanup(memtrap_scope_end), unused)) struct memtrap *MEMTRAP_JOIN(          \
	    memtrap_scope_, __LINE__) = memtrap_scope_begin(addr, len, kind, handler, arg)

#ifdef __cplusplus
} /* extern "C" */

/* A trap that lives as long as the object: empty, with memtrap_error(), where it can't be set. */
class memtrap_scope
{
      public:
	explicit memtrap_scope(const memtrap_spec &spec) noexcept
	{
		if (memtrap_set(&trap_, &spec) < 0)
			trap_ = nullptr;
	}
	memtrap_scope(const volatile void *addr, size_t len, memtrap_kind kind,
	              memtrap_handler handler, void *arg = nullptr) noexcept
	    : trap_(memtrap_scope_begin(addr, len, kind, handler, arg))
	{
	}
	~memtrap_scope()
	{
		memtrap_remove(trap_);
	}
	memtrap_scope(memtrap_scope &&other) noexcept : trap_(other.trap_)
	{
		other.trap_ = nullptr;
	}
	memtrap_scope(const memtrap_scope &) = delete;
	memtrap_scope &operator=(const memtrap_scope &) = delete;
	memtrap_scope &operator=(memtrap_scope &&) = delete;
	explicit operator bool() const noexcept
	{
		return trap_ != nullptr;
	}
	struct memtrap *get() const noexcept
	{
		return trap_;
	}

      private:
	struct memtrap *trap_ = nullptr;
};
#endif

#endif
