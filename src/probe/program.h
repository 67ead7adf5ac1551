/* SPDX-License-Identifier: MIT */
/*
 * Inside src/probe: the eBPF program of a watch, generated instruction by instruction. One program
 *serves one register (piece) of one watch; all that it needs to know is in
 *its constants.
 *
 * Its course, in the order of the functions that write it:
 *
 *	begin      find the scratch area; count the run; leave if the watch is not live
 *	origin     user mode: the registers of the trap; kernel mode: those of the system call
 *	fold       leave if the same access was reported by another register of the same watch
 *	value      read the new value, exchange it for the old one
 *	decide     sure of the new value? changed? the condition?
 *	send       fill the record, capture what is shown with it, walk the stack, into the ring;
 *	           or count the place
 *	act        stop, kill or hold
 *	next       another watch that shares the register
 *
 * Registers: r6 is the context up to `origin`; r7 the scratch area throughout; r8 and r9 are free
 *for each step. What the steps share lies on the eBPF stack (MT_AT_*) and in the scratch area's
 *record.
 */
#ifndef MT_PROBE_PROGRAM_H
#define MT_PROBE_PROGRAM_H

#include "probe/asm.h"
#include "probe/condgen.h"
#include "probe/probe.h"
#include "probe/relay.h"

/* Offsets from r10, the frame pointer; the frame has 512 bytes. */
enum mt_frame_slot {
	MT_AT_NEW = -MT_DR_MAX_RANGE,
	MT_AT_OLD = MT_AT_NEW - MT_DR_MAX_RANGE,
	MT_AT_PID_TGID = MT_AT_OLD - 8,
	MT_AT_HITS = MT_AT_PID_TGID - 8,
	MT_AT_COMM = MT_AT_HITS - 16,
	MT_AT_KEY = MT_AT_COMM - 16,
	MT_AT_TEMP = MT_AT_KEY - 32,
	MT_AT_CONTEXT = MT_AT_TEMP - 8,
	MT_AT_REGS = MT_AT_CONTEXT - (int)sizeof(struct mt_regs),
	MT_AT_SCRATCH = -512,
	MT_AT_SCRATCH_SIZE = 512 + MT_AT_REGS,
};

/* Where expressions find what they speak of. */
extern const struct mt_cond_frame mt_program_frame; /* program_decide.c */

/* Offset of a field of the scratch area, and of its record, from r7. */
#define MT_SCRATCH(field) ((int)offsetof(struct mt_watch_scratch, field))
#define MT_RECORD(field) ((int)offsetof(struct mt_watch_scratch, record.field))

struct mt_seat;

struct mt_program {
	const struct mt_watch_spec *spec;
	struct mt_dr_piece piece;
	unsigned piece_index, piece_count;
	bool condition_in_kernel;
	bool shared; /* runs after another watch's program, on that watch's event */
	int blocked; /* where it holds threads: mt_probe.blocked */
	/* Of a filter of data: whom it shares the register and the ends of system calls with, and
	 * its number among them. */
	const struct mt_seat *seat;
	const struct mt_relay *exits; /* NULL: it does not see them */
	unsigned in_seat, in_exits;
	int reading; /* mt_probe.reading */
	/* mt_probe.memories, where others than processes that are meant may come; -1: they don't */
	int memories;
	uint32_t image; /* the program that processes run; see mt_probe_know_memory() */
	pid_t pid;
	/* Maps; -1: not needed by this watch. */
	int ring, cell, scratch, places, rules, sources, next;
	int forks; /* the values of forks, or of instances */

	struct mt_asm as;
	mt_asm_label out;  /* leave, saying nothing; the next watch of this register takes over */
	mt_asm_label send; /* from `decide` on: the access is to be told */
	mt_asm_label act;
};

/* Bytes of the watched value in whole words: how many. */
static inline unsigned mt_program_words(const struct mt_program *program)
{
	return (unsigned)((program->spec->len + 7) / 8);
}

/* Writes the whole program into program->as, ready to be loaded. */
struct mt_error *mt_program_generate(struct mt_program *program);

/* More offsets there, which no register of ours has. */
enum {
	MT_PT_REGS_RAX = 80,
	MT_PT_REGS_RDI = 112,
	MT_PT_REGS_ORIG_RAX = 120,
	MT_PT_REGS_CS = 136,
};

/* Offset of a register in struct pt_regs, which is also the head of an eBPF context of a perf event
 * and the whole of one of a uprobe. */
int mt_program_pt_regs(enum mt_reg reg);

/* A silent watch has a program of its own, which is short: see filter.c. */
struct mt_error *mt_program_filter(struct mt_program *program);

/* One of data: what runs where it is touched, and at the ends of system calls (data_filter.c,
 * data_exit.c). */
struct mt_error *mt_program_data_filter(struct mt_program *program);
struct mt_error *mt_program_data_exit(struct mt_program *program);
/* Notes at r7, the cell, that the thread is held, with what is at MT_AT_OLD and MT_AT_NEW. `why` is
 * where that lies on the stack. Leaves the note's number in r9. */
void mt_program_data_note(struct mt_program *program, int why);
/* What is watched into MT_AT_NEW; jumps where it cannot be read. */
void mt_program_data_read(struct mt_program *program, mt_asm_label unreadable);

/* filter.c: steps of both kinds. The first leaves if the filter is for another thread; the second
 * jumps to `hold`, or leaves. r6 is the context and r7 the cell. */
void mt_program_filter_thread(struct mt_program *program);
struct mt_error *mt_program_filter_condition(struct mt_program *program, mt_asm_label hold);

/* filter.c: sends the thread that was hit the signal of a hold. */
void mt_program_hold(struct mt_program *program);

/* The steps that stand in files of their own. */
void mt_program_decide(struct mt_program *program, struct mt_error **error);  /* program_decide.c */
void mt_program_send(struct mt_program *program, struct mt_error **error);    /* program_send.c */
void mt_program_capture(struct mt_program *program, struct mt_error **error); /* …_capture.c */
void mt_program_stack(struct mt_program *program);                            /* program_stack.c */

/* What trees speak of that is not on the stack yet: the registers, the thread's name. */
void mt_program_inputs(struct mt_program *program, bool regs, bool comm); /* program_decide.c */

/* Where the frames begin in the tail: behind what was captured. */
static inline int mt_program_frames_at(const struct mt_program *program)
{
	return MT_SCRATCH(tail) +
	       (int)mt_watch_capture_room(program->spec->captures, program->spec->capture_count);
}

/* program.c: steps of the hit's program, and of the one of mappings. */

/* Copies the registers from the struct pt_regs at `base` into the record. Uses r1. */
void mt_program_copy_regs(struct mt_program *program, int base);
/* record.memory, of the process at MT_AT_PID_TGID; leaves if it is nobody's that is watched. */
void mt_program_memory(struct mt_program *program);
/* record.flags |= flag. Uses r1. */
void mt_program_or_flag(struct mt_program *program, unsigned flag);
/* record.turn: the next one. Two atomic operations, on the turn and on the value, may cross between
 * processors: it is the turn that orders the records (watch/chain.h). */
void mt_program_turn(struct mt_program *program);
/* r8: the cell that holds the process's last value. Processes that came by fork have one each. */
void mt_program_find_cell(struct mt_program *program, mt_asm_label unknown);
/* The new value from memory, at MT_AT_NEW; or the flag that it could not be read, and a jump. */
void mt_program_read_value(struct mt_program *program, mt_asm_label unreadable);
/* The cell at r8 gets what is at MT_AT_NEW; what it had is at MT_AT_OLD then. */
void mt_program_exchange(struct mt_program *program);

/* What runs at the ends of system calls, for those that change mappings (program_mapping.c). */
struct mt_error *mt_program_mapping(struct mt_program *program);

/* scratch.counter += 1 */
void mt_program_count(struct mt_program *program, int counter);

/* r1 = ++cell.counter, atomically: all processors share the cell. Uses r2. */
void mt_program_take_number(struct mt_program *program, uint32_t counter);

/* Calls bpf_map_lookup_elem(map, &key) with the key at MT_AT_KEY; r0 is the value or 0. */
void mt_program_lookup(struct mt_program *program, int map);

/*
 * What is known of the instruction before the record's pc (struct mt_source_value): its kind into
 * r1, the value that it stored into r2, cut to the watch's length; to `unknown` where nothing is.
 * Uses r3.
 */
void mt_program_source(struct mt_program *program, mt_asm_label unknown);

#endif
