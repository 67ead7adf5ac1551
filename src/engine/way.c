/* SPDX-License-Identifier: MIT */
/*
 * What does the work of a breakpoint at a place. A condition that the kernel can decide is best
 * decided there: by a uprobe (see detour.c), of which there may be any number and which is the
 * faster, or by a debug register, which leaves the program as it is, but of which each thread has
 * four.
 */
#include "engine/engine_private.h"

#define PROBE_RING 65536

/* ---- In the kernel ------------------------------------------------------- */

static void drop_record(const struct mt_record *record, void *arg)
{
}

/* There is something to decide, and nothing that only an evaluation here can. */
static bool has_question(const struct mt_break *breakpoint, const struct mt_break_at *at)
{
	return mt_break_cond(breakpoint, at) || (breakpoint->thread && !breakpoint->condition);
}

/* 0: any, or it is not there. */
pid_t mt_tid_of(const struct mt_proc *proc, int number)
{
	for (size_t i = 0; number && i < proc->threads.len; i++)
		if (proc->threads.data[i]->number == number)
			return proc->threads.data[i]->tid;
	return 0;
}

/* Breakpoints in the kernel send no records: they hold the thread. */
static struct mt_watch_spec spec_of(const struct mt_break *breakpoint, const struct mt_break_at *at)
{
	return (struct mt_watch_spec){
		.id = (uint32_t)breakpoint->number,
		.kind = MT_DR_EXEC,
		.addr = at->place.addr,
		.len = 1,
		.machine = mt_image_machine(at->proc->image),
		.condition = mt_break_cond(breakpoint, at),
		.tid = mt_tid_of(at->proc, breakpoint->thread),
		.hits = breakpoint->evaluated,
		.silent = true,
		.action = MT_ACTION_HOLD,
	};
}

static struct mt_error *arm_uprobe(struct mt_break_at *at, const struct mt_watch_spec *spec)
{
	return mt_detour_arm(at->proc, spec, &at->site, &at->armed);
}

/* In all threads or in none. One that is there already for another condition would hold a thread
 * for both. */
static struct mt_error *arm_register(struct mt_break_at *at, const struct mt_watch_spec *spec)
{
	struct mt_armed *armed;

	if (mt_debugreg_at(at->proc, at->place.addr))
		return mt_error_new(MT_ERR_NO_REGISTER, "a debug register stands there already");
	MT_TRY(mt_watch_arm(at->proc->debug->probe, at->proc->space, spec, at->proc->pid, NULL,
	                    NULL, 0, &armed));
	if (mt_armed_coverage(armed).uncovered) {
		mt_armed_destroy(armed);
		return mt_error_new(MT_ERR_NO_REGISTER, "not every thread has a register free");
	}
	at->armed = armed;
	return NULL;
}

static struct mt_trap trap_of(const struct mt_break *breakpoint, const struct mt_break_at *at)
{
	return (struct mt_trap){
		.owner = breakpoint->number, .kind = MT_DR_EXEC, .addr = at->place.addr, .len = 1
	};
}

struct mt_error *mt_way_need_probe(struct mt_proc *proc)
{
	if (!proc->debug->probe) {
		MT_TRY(mt_probe_check_kernel());
		MT_TRY(mt_probe_create(PROBE_RING, drop_record, NULL, &proc->debug->probe));
	}
	return proc->space ? NULL : mt_space_create(&proc->space);
}

/* `arm` may fail because of the place, and is then tried again elsewhere; not without the right. */
static bool try_kernel(struct mt_break *breakpoint, struct mt_break_at *at,
                       struct mt_error *(*arm)(struct mt_break_at *at,
                                               const struct mt_watch_spec *spec))
{
	const struct mt_watch_spec spec = spec_of(breakpoint, at);
	const struct mt_cond *cond = mt_break_cond(breakpoint, at);
	struct mt_debug *debug = at->proc->debug;
	struct mt_error *error;

	if (debug->no_probe || (cond && !mt_cond_fits_kernel(cond)))
		return false;
	error = mt_way_need_probe(at->proc);
	debug->no_probe = error != NULL;
	if (!error)
		error = arm(at, &spec);
	if (error && mt_error_kind(error) == MT_ERR_PERMISSION)
		debug->no_probe = true;
	mt_error_free(error);
	at->evaluated = breakpoint->evaluated;
	return at->armed;
}

/* ---- All places ---------------------------------------------------------- */

/* Addresses of a process. */
struct span {
	const struct mt_proc *proc;
	uint64_t start, end;
};

/* Calls `visit` for each place until it says that this is enough; whether it did. */
static bool visit_places(struct mt_debug *debug, const struct span *span,
                         bool (*visit)(struct mt_break *breakpoint, struct mt_break_at *at))
{
	for (size_t i = 0; i < debug->breaks.len; i++) {
		struct mt_break *breakpoint = debug->breaks.data[i];

		for (size_t j = 0; j < breakpoint->places.len; j++) {
			struct mt_break_at *at = &breakpoint->places.data[j];

			if (at->proc == span->proc && at->place.addr >= span->start &&
			    at->place.addr < span->end && visit(breakpoint, at))
				return true;
		}
	}
	return false;
}

static bool is_by_register(const struct mt_break_at *at)
{
	return at->armed && !at->site;
}

static bool find_register(struct mt_break *breakpoint, struct mt_break_at *at)
{
	return is_by_register(at);
}

bool mt_armed_at(struct mt_proc *proc, uint64_t addr)
{
	const struct span here = { mt_proc_memory(proc), addr, addr + 1 };

	return proc->debug->probe && visit_places(proc->debug, &here, find_register);
}

/* ---- Making room --------------------------------------------------------- */

/* What the kernel has found out for a thread that stands there is not known of the next way. */
static void undecide(const struct mt_break_at *at)
{
	const struct mt_debug *debug = at->proc->debug;

	for (size_t i = 0; i < debug->procs.len; i++) {
		const struct mt_proc *proc = debug->procs.data[i];

		for (size_t j = 0; j < proc->threads.len; j++)
			if (proc->threads.data[j]->has_regs &&
			    proc->threads.data[j]->regs.rip == at->place.addr)
				proc->threads.data[j]->decided = MT_PENDING_NONE;
	}
}

/* From the kernel's into our hands. */
static void evaluate_here(struct mt_break *breakpoint, struct mt_break_at *at)
{
	const struct mt_trap trap = trap_of(breakpoint, at);
	struct mt_error *error;

	mt_way_end(breakpoint, at);
	error = breakpoint->kind == MT_BREAK_HARDWARE
	            ? mt_hw_get(at->proc, &trap)
	            : mt_site_get(at->proc, at->place.addr, &at->site);
	at->place.inserted = !error;
	if (error)
		mt_warn(at->proc->debug, at->proc->pid, "breakpoint %d stands no more at %s: %s",
		        breakpoint->number, at->what, mt_error_text(error));
	mt_error_free(error);
}

/* A software breakpoint can do without a debug register. */
static bool give_up_register(struct mt_break *breakpoint, struct mt_break_at *at)
{
	if (breakpoint->kind != MT_BREAK_SOFTWARE || !is_by_register(at))
		return false;
	evaluate_here(breakpoint, at);
	return true;
}

static bool give_up_unasked(struct mt_break *breakpoint, struct mt_break_at *at)
{
	return !has_question(breakpoint, at) && give_up_register(breakpoint, at);
}

static bool make_room(struct mt_proc *proc,
                      bool (*give_up)(struct mt_break *breakpoint, struct mt_break_at *at))
{
	const struct span all = { proc, 0, UINT64_MAX };

	return visit_places(proc->debug, &all, give_up);
}

bool mt_ways_make_room(struct mt_proc *proc)
{
	return make_room(proc, give_up_unasked) || make_room(proc, give_up_register);
}

void mt_ways_name_registers(const struct mt_proc *proc, struct mt_buf *text)
{
	const struct mt_debug *debug = proc->debug;
	size_t count = 0;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		const struct mt_break *breakpoint = debug->breaks.data[i];

		for (size_t j = 0; j < breakpoint->places.len; j++)
			if (breakpoint->places.data[j].proc == proc &&
			    is_by_register(&breakpoint->places.data[j]))
				mt_buf_printf(text, "%sbreakpoint %d has one", count++ ? ", " : "",
				              breakpoint->number);
	}
}

static bool take_from_kernel(struct mt_break *breakpoint, struct mt_break_at *at)
{
	if (is_by_register(at))
		evaluate_here(breakpoint, at);
	return false;
}

static bool leave_jump(struct mt_break *breakpoint, struct mt_break_at *at)
{
	if (at->armed && at->site)
		evaluate_here(breakpoint, at);
	return false;
}

void mt_ways_leave_jumps(struct mt_proc *proc, uint64_t start, uint64_t end)
{
	const struct span span = { proc, start, end };

	if (proc->detours.len)
		visit_places(proc->debug, &span, leave_jump);
}

/* ---- Beginning and ending ------------------------------------------------ */

/* Without a condition too: a register that ptrace has had once is not free again before the thread
 * execs (arch/x86/kernel/ptrace.c, thread.ptrace_bps), and its SIGTRAP is forced on threads that
 * block it. */
static struct mt_error *begin_hardware(struct mt_break *breakpoint, struct mt_break_at *at)
{
	const struct span here = { at->proc, at->place.addr, at->place.addr + 1 };
	const struct mt_trap trap = trap_of(breakpoint, at);

	if (!mt_debugreg_at(at->proc, at->place.addr) &&
	    (try_kernel(breakpoint, at, arm_register) ||
	     (make_room(at->proc, give_up_register) && try_kernel(breakpoint, at, arm_register))))
		return NULL;
	/* Both would tell of one hit: so the register there is to be ptrace's alone. */
	visit_places(at->proc->debug, &here, take_from_kernel);
	return mt_hw_get(at->proc, &trap);
}

/*
 * Without a condition an int3 costs less than the others, to put in and to meet. But where memtrap
 * is killed, it stays, and kills a program that was attached to.
 */
static struct mt_error *begin_software(struct mt_break *breakpoint, struct mt_break_at *at)
{
	bool asks = has_question(breakpoint, at);

	if ((asks && try_kernel(breakpoint, at, arm_uprobe)) ||
	    ((asks || at->proc->attached) && try_kernel(breakpoint, at, arm_register)) ||
	    (asks && make_room(at->proc, give_up_unasked) &&
	     try_kernel(breakpoint, at, arm_register)))
		return NULL;
	return mt_site_get(at->proc, at->place.addr, &at->site);
}

struct mt_error *mt_way_begin(struct mt_break *breakpoint, struct mt_break_at *at)
{
	MT_TRY(breakpoint->kind == MT_BREAK_HARDWARE ? begin_hardware(breakpoint, at)
	                                             : begin_software(breakpoint, at));
	at->place.inserted = true;
	return NULL;
}

static void disarm(struct mt_break *breakpoint, struct mt_break_at *at)
{
	struct mt_counts counts;

	if (!at->armed)
		return;
	counts = mt_armed_counts(at->armed);
	breakpoint->unmet += counts.unmet;
	breakpoint->evaluated += counts.runs - at->evaluated;
	undecide(at);
	mt_armed_destroy(at->armed);
	at->armed = NULL;
}

void mt_way_end(struct mt_break *breakpoint, struct mt_break_at *at)
{
	const struct mt_trap trap = trap_of(breakpoint, at);

	if (!at->place.inserted)
		return;
	at->place.inserted = false;
	if (at->armed && at->site)
		mt_detour_remove(at->proc, at->site);
	else if (at->site)
		mt_site_put(at->proc, at->site);
	else if (!at->armed)
		mt_hw_put(at->proc, &trap);
	disarm(breakpoint, at);
	at->site = NULL;
}

void mt_way_forget(struct mt_break *breakpoint, struct mt_break_at *at)
{
	disarm(breakpoint, at);
}

static bool improve(struct mt_break *breakpoint, struct mt_break_at *at)
{
	if (!at->place.inserted || !at->site || at->armed ||
	    (!has_question(breakpoint, at) && !at->proc->attached))
		return false;
	mt_way_end(breakpoint, at);
	mt_error_free(mt_way_begin(breakpoint, at));
	return false;
}

void mt_ways_improve(struct mt_debug *debug)
{
	struct span all = { .end = UINT64_MAX };

	for (size_t i = 0; i < debug->procs.len; i++) {
		all.proc = debug->procs.data[i];
		visit_places(debug, &all, improve);
	}
}

enum mt_break_way mt_way_of(const struct mt_break *breakpoint, const struct mt_break_at *at)
{
	bool kernel = at->armed && has_question(breakpoint, at);

	if (!at->site)
		return kernel ? MT_WAY_REGISTER_KERNEL : MT_WAY_REGISTER;
	if (!at->site->filter)
		return MT_WAY_INT3;
	return kernel && !at->site->refs ? MT_WAY_UPROBE_KERNEL : MT_WAY_UPROBE;
}
