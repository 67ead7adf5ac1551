/* SPDX-License-Identifier: MIT */
/*
 * What an eBPF program of ours writes and memtrap reads: the records of the ring, and the values of
 * the maps. Both sides are built from these structs (the generator takes offsets with offsetof).
 */
#ifndef MT_PROBE_RECORD_H
#define MT_PROBE_RECORD_H

#include <stdint.h>

#include "x86/debugreg.h"
#include "x86/regs.h"

#define MT_RECORD_WORDS (MT_DR_MAX_RANGE / 8)
#define MT_RECORD_MAX_FRAMES 64
/* How much stack is copied where the kernel cannot walk it, in steps that may fail at the stack's
 * end. */
#define MT_RECORD_STACK_STEP 1024
#define MT_RECORD_STACK_MAX (16 * MT_RECORD_STACK_STEP)
/* What is captured at a hit besides (expr/capture.h). */
#define MT_RECORD_CAPTURE_MAX 8192

enum mt_record_kind {
	MT_RECORD_HIT,
	MT_RECORD_EXEC, /* the process runs another program now; its breakpoints are gone */
};

enum mt_record_flags {
	MT_RECORD_KERNEL = 1, /* the kernel did it, on behalf of the thread: `regs` are the
	                         system call's, `kernel_*` tell where in the copy it was */
	MT_RECORD_UNDECIDED =
	    2, /* the condition is left to the reader: see mt_watch_spec.condition */
	MT_RECORD_OLD_UNKNOWN = 4, /* the first hit of a process whose memory nobody had read */
	MT_RECORD_UNREADABLE = 8,  /* the value could not be read at the hit */
	MT_RECORD_STACK_COPY = 16, /* the tail is `stack_len` bytes from rsp on, not frames */
	MT_RECORD_STACK_CUT =
	    32,                /* the walk ended at MT_RECORD_MAX_FRAMES or at unreadable memory */
	MT_RECORD_UNREAD = 64, /* with UNDECIDED: the condition could not read `unread` */
	MT_RECORD_STEPPED = 128, /* by a single step, which says exactly who did what */
	MT_RECORD_MAPPING =
	    256, /* with KERNEL: the call has returned `result`, and may have changed
	            what is mapped there (target/mapping.h); nobody has touched it */
};

struct mt_record {
	uint16_t kind;     /* enum mt_record_kind */
	uint16_t flags;    /* enum mt_record_flags */
	uint32_t watch;    /* mt_watch_spec.id */
	uint32_t tid, pid; /* in this order: bpf_get_current_pid_tgid(), little-endian */
	uint64_t memory;   /* the process whose memory it is: one that has called vfork(2) or
	                      clone(2) with CLONE_VM lends it to its child, else `pid` */
	uint64_t time_ns;  /* CLOCK_MONOTONIC */
	uint64_t turn;     /* the watch's accesses are numbered from 1 on, in the order in which the
	                      values are chained; 0: it has no place in the chain */
	uint64_t hits;     /* accesses to the watch so far; only where there is a condition, or
	                  something to show */
	char comm[16];
	struct mt_regs regs; /* of user mode, after the access */
	uint64_t syscall;    /* KERNEL: orig_rax; its arguments are in regs */
	uint64_t result;     /* MAPPING: of the system call */
	uint64_t kernel_ip, kernel_di, kernel_cx, kernel_sp;
	uint64_t stepped_pc, did; /* STEPPED: the instruction, and its MT_INSN_* bits */
	uint64_t unread;          /* an address that the condition depends on */
	uint64_t addr;            /* of the watched range: of instances it is each one's own */
	uint64_t len;             /* of a slice of it, at `addr`; 0: it is all of it */
	uint64_t whole;           /* with `len`: where the range begins that it is a slice of */
	/* Of an instance in a frame: its CFA; the pc of the frame with that CFA that the walk of
	 * the stack has met, 0: it has met none; the last CFA below it and the first one above it
	 * that it has come to, 0: none. */
	uint64_t frame_cfa, frame_pc, frame_below, frame_above;
	uint64_t call; /* mt_instance.call */
	uint64_t old_value[MT_RECORD_WORDS];
	uint64_t new_value[MT_RECORD_WORDS];
	uint32_t frame_count; /* in the tail (mt_record_tail()), where STACK_COPY is not set;
	                         frames[0] is the pc */
	uint32_t stack_len;
	uint64_t capture_len; /* in bytes, a multiple of 8; before the frames */
};

/* What follows a record: what was captured for it, … */
static inline const uint64_t *mt_record_captured(const struct mt_record *record)
{
	return (const uint64_t *)(record + 1);
}

/* … and its frames, or a copy of the stack. */
static inline const uint64_t *mt_record_tail(const struct mt_record *record)
{
	return mt_record_captured(record) + record->capture_len / 8;
}

/* One with room for MT_RECORD_CAPTURE_MAX and MT_RECORD_STACK_MAX, all zeros; NULL without memory.
 * For free(). */
struct mt_record *mt_record_new(void);

/* As much as can be read of the stack of its thread, which stands, behind what was captured. */
void mt_record_copy_stack(struct mt_record *record);

/* ---- Values of maps ------------------------------------------------------ */

#define MT_HOLD_NOTES 512 /* a power of two */
#define MT_LATE_HOLDS 64  /* a power of two */

/* Why a filter of data has held a thread. */
enum mt_hold_why {
	MT_HOLD_KERNEL = 1, /* the kernel has touched it on the thread's behalf, no instruction */
	MT_HOLD_INTO = 2,   /* with KERNEL: it was copying to there */
	MT_HOLD_VALUES = 4, /* `before` and `now` are known */
	MT_HOLD_EXIT = 8,   /* at the end of a system call it was not what it was known to be */
};

/* The last value known: the next hit's old. Its words are exchanged atomically. */
struct mt_last_value {
	uint64_t value[MT_RECORD_WORDS];
	uint64_t forgotten; /* it is of memory that is gone, or was replaced */
};

/* One per watch, shared with memtrap by mmap. */
struct mt_watch_cell {
	uint64_t live; /* 0: events are being opened, or the watch has ended */
	struct mt_last_value last;
	uint64_t turn;       /* the last one given out */
	uint64_t hits;       /* counted where the condition speaks of hits */
	uint64_t acted;      /* the action was taken: the first hit takes it */
	uint64_t rule_asked; /* a stack waits for its rules: the reader has been woken */
	uint64_t all;        /* of a filter: all executions are held, and none is decided */
	uint64_t unmet;      /* by a filter: its condition was false */
	uint64_t at;         /* where the watch is, of one that moves */
	/* By a filter of data: what is watched is known to be nothing that could be read. */
	uint64_t unreadable;
	/* Who is to be held at the end of the system call that it is in: the thread's number in the
	 * upper half, that of its note in the lower one. Its place is by the thread's number. */
	uint64_t late[MT_LATE_HOLDS];
	/* Whom it has held, in a ring. It is the last: offsets in programs are short. */
	uint64_t holds;
	struct mt_hold_note {
		uint32_t tid; /* 0: it has been read */
		uint32_t turn;
		uint64_t why; /* enum mt_hold_why */
		uint64_t before[MT_RECORD_WORDS], now[MT_RECORD_WORDS];
	} held[MT_HOLD_NOTES];
};

/* Of a watch's instance, by address and thread. */
struct mt_instance_key {
	uint64_t addr;
	uint64_t pid_tgid; /* as bpf_get_current_pid_tgid() gives it */
};

struct mt_instance_value {
	uint64_t value[MT_RECORD_WORDS]; /* the last one known */
	uint64_t cfa;                    /* of the frame that it is in; 0: in none */
	uint64_t call;
};

/* One per watch and processor: counters, and the record in the making. */
struct mt_watch_scratch {
	uint64_t runs;      /* the program ran; the events' own count is compared with it */
	uint64_t folded;    /* another register's share of an access that was counted already */
	uint64_t unchanged; /* left out: the value stayed as it was */
	uint64_t unmet;     /* left out: the condition was false */
	uint64_t sent;
	uint64_t lost;      /* the ring was full */
	uint64_t counted;   /* with count_only: entered in the table of places */
	uint64_t uncounted; /* the table of places was full */
	uint64_t fold_sum, fold_tid,
	    fold_pieces; /* the last access: its registers' sum, and pieces seen */
	struct mt_record record;
	uint8_t tail[MT_RECORD_CAPTURE_MAX + MT_RECORD_STACK_MAX]; /* the record's */
};

/* CFI's rule for one pc (symbol/unwind.h) as the kernel's walk takes it. The key is the pc of the
 * innermost frame, the return address minus 1 of the others. */
struct mt_rule_value {
	uint32_t kind;    /* enum mt_cfi_kind */
	uint32_t cfa_rbp; /* 1: CFA = rbp + cfa_offset, 0: rsp + cfa_offset */
	int64_t cfa_offset;
	int64_t rbp_offset; /* the caller's rbp is at CFA + rbp_offset; 0: it is unchanged */
};

/*
 * What the instruction before a pc stored (insn/insn.h), as far as a condition needs it. Where
 * several threads write, memory at the hit may already hold another thread's value; what the
 * register says decides.
 */
enum mt_source_value_kind {
	MT_SOURCE_MEMORY,   /* only memory knows */
	MT_SOURCE_REGISTER, /* the whole watched value: (regs.r[reg] >> shift), cut to the watch's
	                       length */
	MT_SOURCE_CONSTANT, /* `constant`, cut to the watch's length */
	MT_SOURCE_NONE,     /* the instruction stores nothing: it only reads */
};

struct mt_source_value {
	uint32_t kind;
	uint16_t reg;
	uint16_t shift;
	uint64_t constant;
};

/* The table of places, with count_only. */
struct mt_place_key {
	uint64_t pc;
};

struct mt_place_value {
	uint64_t hits;
	uint64_t first_ns, last_ns;
	uint64_t min,
	    max; /* of the value as a signed or unsigned integer, as the watch's type says */
	uint32_t tid, pid; /* of the first hit */
	struct mt_regs regs;
};

#endif
