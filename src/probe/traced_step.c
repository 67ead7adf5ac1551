/* SPDX-License-Identifier: MIT */
/*
 * Watches without registers: every instruction of every thread is single-stepped. What it has
 * touched is told by the instruction itself and the registers before it (insn/insn.h), so that
 * reads, and writes that leave the value as it was, are hits as by a debug register. What a system
 * call writes is compared, as ever.
 */
#include <signal.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "probe/ring.h"
#include "probe/traced.h"
#include "target/process.h"
#include "target/step.h"

/* So long a step is looked for before somebody else is. */
#define LOOKING_NS 60000
/* Before it is looked whether somebody else wants something. */
#define STEPS_IN_A_ROW 512

#define OPCODE_INT1 0xf1
#define OPCODE_POPF 0x9d

static bool is_stepped(const struct mt_armed *armed, const struct mt_traced_thread *thread)
{
	return armed->spec.stepped && mt_traced_applies(armed, thread);
}

bool mt_traced_wants_steps(const struct mt_traced *traced, const struct mt_traced_thread *thread)
{
	for (size_t i = 0; i < traced->armed.len; i++)
		if (is_stepped(traced->armed.data[i], thread))
			return true;
	return false;
}

/* ---- Which instruction --------------------------------------------------- */

/* All watches of a thread are of its program, and that is of one machine. */
static enum mt_machine machine_of(const struct mt_traced *traced,
                                  const struct mt_traced_thread *thread)
{
	for (size_t i = 0; i < traced->armed.len; i++)
		if (is_stepped(traced->armed.data[i], thread))
			return traced->armed.data[i]->spec.machine;
	return MT_MACHINE_X86_64;
}

/* NULL: it is none that can be decoded. */
static const struct mt_insn *decode_once(struct mt_traced *traced,
                                         const struct mt_traced_thread *thread)
{
	uint64_t pc = thread->before.rip;
	struct mt_traced_insn *known;

	if (!traced->insns)
		traced->insns = mt_alloc_array(MT_TRACED_INSNS, sizeof(*traced->insns));
	if (!traced->insns)
		return NULL;
	known = &traced->insns[pc % MT_TRACED_INSNS];
	if (!known->valid || known->insn.addr != pc || known->insn.len > thread->code_len ||
	    memcmp(known->code, thread->code, known->insn.len) != 0) {
		known->valid = mt_insn_decode(machine_of(traced, thread), thread->code,
		                              thread->code_len, pc, &known->insn);
		memcpy(known->code, thread->code, sizeof(known->code));
	}
	return known->valid ? &known->insn : NULL;
}

static bool decode(struct mt_traced *traced, const struct mt_traced_thread *thread,
                   struct mt_insn *insn)
{
	const struct mt_insn *known = thread->code_len ? decode_once(traced, thread) : NULL;

	if (!known)
		return false;
	*insn = *known;
	mt_insn_resolve_segment(insn, 'f', thread->before.fs_base);
	mt_insn_resolve_segment(insn, 'g', thread->before.gs_base);
	return true;
}

/* ---- What it has left behind --------------------------------------------- */

/*
 * The kernel takes its trap flag back by itself, but for where the next instruction may change it
 * (iret; arch/x86/kernel/step.c, is_setting_trap_flag()): there it stays if the thread has stopped
 * before that.
 */
void mt_traced_step_left(struct mt_traced_thread *thread)
{
	struct user_regs_struct now;

	if (!thread->steps || !mt_tracee_user_regs(thread->tid, &now) ||
	    now.rip != thread->before.rip || thread->before.eflags & MT_TRAP_FLAG ||
	    !(now.eflags & MT_TRAP_FLAG))
		return;
	now.eflags &= ~(unsigned long long)MT_TRAP_FLAG;
	mt_tracee_set_user_regs(thread->tid, &now);
}

static void hide_flag(const struct mt_traced_thread *thread, struct user_regs_struct *now)
{
	if (thread->code_len > 1 && !(thread->before.eflags & MT_TRAP_FLAG) &&
	    mt_step_hide_flag(thread->tid, thread->code, now))
		mt_tracee_set_user_regs(thread->tid, now);
}

/* ---- What it has touched ------------------------------------------------- */

struct step {
	struct mt_insn insn;
	struct mt_regs before, after;
	const struct mt_insn_state *state; /* NULL: not needed, or not known */
};

static unsigned wanted_access(enum mt_dr_kind kind)
{
	return kind == MT_DR_WRITE ? MT_INSN_WRITE : MT_INSN_WRITE | MT_INSN_READ;
}

/* What the instruction has done to the part that is told. */
static void send_part(struct mt_probe *probe, struct mt_armed *armed,
                      struct mt_traced_thread *thread, const struct step *step,
                      struct mt_record *record)
{
	size_t len = record->len ? record->len : armed->spec.len;

	record->flags = MT_RECORD_STEPPED;
	record->regs = step->after;
	record->stepped_pc = step->insn.addr;
	record->did =
	    mt_insn_will_touch(&step->insn, &step->before, step->state, record->addr, len);
	mt_traced_send_at(probe, armed, thread, record);
}

/* Each slice that was touched is a hit; those of an instruction, in the order of its operands. */
static void send_slices(struct mt_probe *probe, struct mt_armed *armed,
                        struct mt_traced_thread *thread, const struct step *step,
                        struct mt_record *record)
{
	struct mt_insn_place places[MT_INSN_MAX_PLACES];
	size_t count =
	    mt_insn_places(&step->insn, &step->before, step->state, wanted_access(armed->spec.kind),
	                   record->whole, armed->spec.len, places);
	uint64_t told_from = 0, told_to = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t end = places[i].addr + places[i].len;

		for (uint64_t at = places[i].addr; at < end; at = record->addr + record->len) {
			mt_traced_choose_slice(armed, at, end - at, record);
			if (record->addr >= told_from && record->addr + record->len <= told_to)
				continue;
			send_part(probe, armed, thread, step, record);
			told_from = record->addr;
			told_to = record->addr + record->len;
		}
	}
}

static void look_at(struct mt_probe *probe, struct mt_armed *armed, struct mt_traced_thread *thread,
                    const struct step *step, const struct mt_instance *instance)
{
	struct mt_record *record MT_AUTO_FREE = NULL;
	uint64_t addr = instance ? instance->addr : armed->spec.addr;

	if (!(mt_insn_will_touch(&step->insn, &step->before, step->state, addr, armed->spec.len) &
	      wanted_access(armed->spec.kind)))
		return;
	record = mt_record_new();
	if (!record)
		return;
	record->addr = record->whole = addr;
	if (instance) {
		record->frame_cfa = instance->cfa;
		record->call = instance->call;
	}
	if (mt_traced_is_wide(armed))
		send_slices(probe, armed, thread, step, record);
	else
		send_part(probe, armed, thread, step, record);
}

/* One that is told may be taken away, so from the last one on. */
static void look_at_all(struct mt_probe *probe, struct mt_traced_thread *thread,
                        const struct step *step)
{
	struct mt_traced *traced = probe->traced;

	for (size_t i = 0; i < traced->armed.len; i++) {
		struct mt_armed *armed = traced->armed.data[i];

		if (!is_stepped(armed, thread))
			continue;
		if (!armed->spec.instances)
			look_at(probe, armed, thread, step, NULL);
		for (size_t j = armed->instances.len; j-- > 0;) {
			const struct mt_instance instance = armed->instances.data[j];

			if (instance.tid == thread->tid)
				look_at(probe, armed, thread, step, &instance);
		}
	}
}

/* The end of a step, or that of a system call (user_single_step_report()), which is TRAP_BRKPT. */
static bool is_step(const struct mt_traced_thread *thread)
{
	siginfo_t info;

	if (!thread->steps || !mt_tracee_siginfo(thread->tid, &info))
		return false;
	return info.si_code == TRAP_TRACE || info.si_code == SIGTRAP ||
	       (info.si_code == TRAP_BRKPT && thread->code[0] != OPCODE_INT1);
}

enum mt_probe_stop mt_traced_stepped(struct mt_probe *probe, struct mt_traced_thread *thread)
{
	struct user_regs_struct now;
	struct step step;

	if (!is_step(thread)) {
		mt_traced_step_left(thread);
		return MT_PROBE_NOT_OURS;
	}
	thread->steps = false;
	if (!mt_tracee_user_regs(thread->tid, &now))
		return MT_PROBE_OURS;
	hide_flag(thread, &now);
	if (!decode(probe->traced, thread, &step.insn))
		return MT_PROBE_OURS;
	step.state = thread->knows_state ? &thread->state : NULL;
	mt_regs_from_user(&thread->before, &step.before);
	mt_regs_from_user(&now, &step.after);
	if (step.insn.klass == MT_INSN_SYSCALL)
		mt_traced_compare(probe, thread, false);
	else if (step.insn.mem_count)
		look_at_all(probe, thread, &step);
	return MT_PROBE_OURS;
}

/* ---- Letting it go ------------------------------------------------------- */

static bool may_be_popf(const struct mt_traced_thread *thread)
{
	return thread->code_len > 1 &&
	       (thread->code[0] == OPCODE_POPF || thread->code[1] == OPCODE_POPF);
}

static bool is_call(struct mt_traced *traced, const struct mt_traced_thread *thread)
{
	const struct mt_insn *insn = thread->code_len ? decode_once(traced, thread) : NULL;

	return insn && insn->klass == MT_INSN_SYSCALL;
}

/* It has not come out of its system call yet (clone(2) stops in the middle of it). */
static bool is_in_call(struct mt_traced *traced, const struct mt_traced_thread *thread,
                       const struct user_regs_struct *now)
{
	return thread->steps && is_call(traced, thread) &&
	       now->rip == thread->before.rip + decode_once(traced, thread)->len;
}

static size_t read_memory(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct mt_traced_thread *thread = arg;

	return mt_process_read_some(thread->pid, addr, out, len);
}

static bool take_state(struct mt_traced *traced, struct mt_traced_thread *thread)
{
	struct mt_register_areas areas = { .layout = &traced->layout };
	struct mt_regs before;
	struct mt_insn insn;

	if (!decode(traced, thread, &insn) || !mt_insn_has_state(&insn))
		return false;
	if (!traced->xsave) {
		mt_xsave_layout_read(&traced->layout);
		traced->xsave = mt_alloc(traced->layout.size);
	}
	if (!traced->xsave ||
	    !mt_tracee_xstate(thread->tid, traced->xsave, traced->layout.size, &areas.xsave_size))
		return false;
	areas.xsave = traced->xsave;
	mt_regs_from_user(&thread->before, &before);
	return mt_insn_state_take(&insn, &before, &areas, read_memory, thread, &thread->state);
}

/* Where the thread stands, which is at an instruction of its own. */
static bool note_before(struct mt_traced *traced, struct mt_traced_thread *thread)
{
	struct user_regs_struct now;

	if (!mt_tracee_user_regs(thread->tid, &now) || is_in_call(traced, thread, &now))
		return false;
	thread->before = now;
	thread->code_len =
	    mt_process_read_some(thread->pid, now.rip, thread->code, sizeof(thread->code));
	thread->knows_state =
	    thread->code_len && mt_insn_may_have_state(thread->code) && take_state(traced, thread);
	return true;
}

/* A popf is carried out in the registers. Whether it was one. */
static bool run_popf(struct mt_probe *probe, struct mt_traced_thread *thread)
{
	struct user_regs_struct now = thread->before;
	struct step step;
	size_t size;

	if (!may_be_popf(thread) || !decode(probe->traced, thread, &step.insn))
		return false;
	size = mt_step_popf_size(step.insn.bytes, step.insn.len,
	                         mt_machine_word(machine_of(probe->traced, thread)));
	if (!size || !mt_step_popf(thread->tid, step.insn.len, size, &now))
		return false;
	mt_tracee_set_user_regs(thread->tid, &now);
	step.state = NULL;
	mt_regs_from_user(&thread->before, &step.before);
	mt_regs_from_user(&now, &step.after);
	look_at_all(probe, thread, &step);
	return true;
}

static void step(struct mt_probe *probe, struct mt_traced_thread *thread, int signal)
{
	bool noted = note_before(probe->traced, thread);

	while (noted && !signal && run_popf(probe, thread))
		noted = note_before(probe->traced, thread);
	if (noted && signal)
		thread->code_len = 0; /* it goes into the handler, and executes nothing here */
	else if (noted && is_call(probe->traced, thread))
		mt_traced_compare(probe, thread, true);
	thread->steps = true;
	thread->stopped = false;
	mt_tracee_go(thread->tid, MT_RESUME_STEP, signal);
}

/* Whether it was a step and nothing else. What it was is kept, with what was told of it. */
static bool is_plain(struct mt_probe *probe, struct mt_traced_thread *thread,
                     const struct mt_event *event)
{
	struct mt_traced *traced = probe->traced;
	struct mt_traced_held held = { .event = *event };
	uint64_t told = traced->told;

	thread->stopped = event->kind != MT_EVENT_NONE && !mt_event_is_end(event);
	if (event->kind == MT_EVENT_SIGNAL && event->signal == SIGTRAP) {
		held.stop = mt_traced_trapped(probe, thread);
		held.told = held.stop != MT_PROBE_NOT_OURS;
		if (held.stop == MT_PROBE_OURS && traced->told == told)
			return true;
	}
	mt_traced_keep(traced, &held);
	return false;
}

void mt_traced_step(struct mt_probe *probe, struct mt_traced_thread *thread, int signal)
{
	struct mt_event event;

	for (int i = 0; i < STEPS_IN_A_ROW; i++) {
		step(probe, thread, signal);
		signal = 0;
		event = mt_step_look(thread->tid, false, LOOKING_NS);
		if (!is_plain(probe, thread, &event))
			return;
	}
	step(probe, thread, 0);
}
