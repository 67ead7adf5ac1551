/* SPDX-License-Identifier: MIT */
/*
 * Inside src/probe: watches without perf events and eBPF. Debug registers are written by ptrace,
 * and a hit is a stop: the tracer, who keeps all threads as tracees, hands every event in here, and
 * lets threads go on through here, since that is when their registers are written.
 *
 * Debug registers that ptrace has set belong to the thread and outlive the tracer
 * (arch/x86/kernel/ptrace.c: nothing clears them at a detach): what is let go must be cleared
 * first.
 */
#ifndef MT_PROBE_TRACED_H
#define MT_PROBE_TRACED_H

#include "base/hash.h"
#include "base/vec.h"
#include "insn/insn.h"
#include "probe/armed.h"
#include "target/tracee.h"
#include "x86/regtable.h"

/* DR0 to DR3 and DR7; without padding, to be compared. */
struct mt_traced_registers {
	struct mt_dr_slot_state {
		uint64_t addr;
		uint32_t type; /* mt_hw_type() */
		uint32_t len;  /* 0: free */
	} slots[MT_DR_COUNT];
};

#define MT_TRACED_CODE 15 /* the longest instruction */

struct mt_traced_thread {
	pid_t tid, pid;
	pid_t memory; /* the process whose memory it has: see mt_record.memory */
	/* Which program image: forks have their parent's, exec brings a new one. */
	uint64_t program;
	bool stopped;
	struct mt_traced_registers written;
	/* Of one that is single-stepped: the instruction that it was let go at, and whether that
	 * has not been told of yet. */
	bool steps;
	struct user_regs_struct before;
	bool knows_state;
	struct mt_insn_state state; /* where its accesses depend on more than registers */
	uint8_t code[MT_TRACED_CODE];
	size_t code_len;
	char comm[16];
	uint64_t comm_ns; /* when it was read */
	UT_hash_handle hh;
};

/* An event that came while somebody waited for another one. */
struct mt_traced_held {
	struct mt_event event;
	bool told;               /* its hits are, already */
	enum mt_probe_stop stop; /* then: what mt_probe_event() says of it */
};

/* Instructions that were decoded before: most are run again soon. */
#define MT_TRACED_INSNS 1024
struct mt_traced_insn {
	uint8_t code[MT_TRACED_CODE];
	bool valid;
	struct mt_insn insn; /* its address is the key */
};

struct mt_traced {
	struct mt_traced_thread *threads; /* by tid */
	MT_VEC(struct mt_armed *) armed;
	MT_VEC(struct mt_traced_held) held;
	struct mt_traced_held next; /* the one that was handed out last */
	uint64_t last_program;
	struct mt_traced_insn *insns; /* NULL: nothing was stepped yet */
	struct mt_xsave_layout layout;
	uint8_t *xsave; /* of that size, for one look at a thread's; NULL: none was needed yet */
	uint64_t told;  /* hits, ever */
};

/* ---- traced.c ------------------------------------------------------------ */

struct mt_error *mt_traced_create(struct mt_traced **traced);
void mt_traced_destroy(struct mt_traced *traced);

/* The thread; known from now on. NULL without memory, or where it has gone. */
struct mt_traced_thread *mt_traced_thread(struct mt_traced *traced, pid_t tid);

/* Arms the watch on all threads of `pid`, which must all be tracees: mt_watch_arm(). */
struct mt_error *mt_traced_arm(struct mt_armed *armed, pid_t pid, const uint8_t *initial);
/* Takes the watch out; threads that run keep a register that nothing is told of until they stop. */
void mt_traced_disarm(struct mt_armed *armed);

/* Arms an instance on its thread, which is stopped; takes it away, at the thread's next stop. */
struct mt_error *mt_traced_add(struct mt_armed *armed, const struct mt_instance *instance,
                               const uint8_t *initial);
void mt_traced_remove(struct mt_armed *armed, const struct mt_instance *instance);

/* Whether a register is for the watch's piece `i`, `by` bytes further on. */
bool mt_traced_holds(const struct mt_dr_slot_state *slot, const struct mt_armed *armed, size_t i,
                     uint64_t by);

bool mt_traced_applies(const struct mt_armed *armed, const struct mt_traced_thread *thread);

/* Keeps an event for later. */
void mt_traced_keep(struct mt_traced *traced, const struct mt_traced_held *held);

/* Stops all other threads that have its memory, keeping what else they report for later. */
void mt_traced_stop_others(struct mt_traced *traced, const struct mt_traced_thread *thread);

/* ---- traced_hit.c -------------------------------------------------------- */

/* A stop by SIGTRAP: what has been stepped, and whose debug register fired. */
enum mt_probe_stop mt_traced_trapped(struct mt_probe *probe, struct mt_traced_thread *thread);

/* The last value known; NULL: of an instance that is not known. */
const uint64_t *mt_traced_value(struct mt_armed *armed, const struct mt_traced_place *place);
/* Replaces it by the record's, and numbers the access. */
void mt_traced_exchange(struct mt_armed *armed, struct mt_record *record);
void mt_traced_seed(struct mt_armed *armed, pid_t pid, const uint8_t *bytes);
/* The first value of an instance; false without memory. */
bool mt_traced_know(struct mt_armed *armed, const struct mt_instance *instance,
                    const uint8_t *bytes);
void mt_traced_unknow(struct mt_armed *armed, const struct mt_instance *instance);

/* Fills in and hands over a record, whose registers, address, new value and flags are there. */
void mt_traced_send(struct mt_probe *probe, struct mt_armed *armed, struct mt_traced_thread *thread,
                    struct mt_record *record);

/* The same of a hit at record->addr, whose registers, address and, of a slice, length are there. */
void mt_traced_send_at(struct mt_probe *probe, struct mt_armed *armed,
                       struct mt_traced_thread *thread, struct mt_record *record);

/* ---- traced_slice.c: watches of more than MT_DR_MAX_RANGE bytes ------------ */

bool mt_traced_is_wide(const struct mt_armed *armed);

/* What a process, or an instance, has at first; nothing where it is known already. False without
 * memory. */
bool mt_traced_shadow_add(struct mt_armed *armed, const struct mt_traced_place *place,
                          const uint8_t *bytes);
void mt_traced_shadow_remove(struct mt_armed *armed, const struct mt_traced_place *place);
void mt_traced_shadows_deinit(struct mt_armed *armed);

/* Which slice it is, of what was touched, in the range at record->whole: its addr and len. */
void mt_traced_choose_slice(const struct mt_armed *armed, uint64_t at, uint64_t len,
                            struct mt_record *record);
/* Exchanges the slice's old value for its new one. */
void mt_traced_exchange_slice(struct mt_armed *armed, struct mt_record *record);
/* Whether memory is another than known: then the first slice that is, and what it is now. */
bool mt_traced_differs(struct mt_armed *armed, struct mt_record *record);

/* ---- traced_step.c ------------------------------------------------------- */

/* Whether the thread is to go on by single steps. */
bool mt_traced_wants_steps(const struct mt_traced *traced, const struct mt_traced_thread *thread);

/* Lets it go on by one; and by more, as long as there is nothing to tell. */
void mt_traced_step(struct mt_probe *probe, struct mt_traced_thread *thread, int signal);

/* A stop by SIGTRAP: is it the end of its step, and what has that touched? */
enum mt_probe_stop mt_traced_stepped(struct mt_probe *probe, struct mt_traced_thread *thread);

/* It stands for another reason: what the step has left behind is taken away. */
void mt_traced_step_left(struct mt_traced_thread *thread);

/* ---- traced_call.c ------------------------------------------------------- */

/* A system call begins or has returned: what has it changed? */
void mt_traced_call(struct mt_probe *probe, struct mt_traced_thread *thread);

/* The same, of one that is single-stepped over it. */
void mt_traced_compare(struct mt_probe *probe, struct mt_traced_thread *thread, bool entering);

/* Whether the thread's system calls are looked at. */
bool mt_traced_wants_calls(const struct mt_traced *traced, const struct mt_traced_thread *thread);

#endif
