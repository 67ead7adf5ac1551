/* SPDX-License-Identifier: MIT */
#include "engine/call.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"
#include "target/process.h"

#define RED_ZONE 128 /* System V ABI, AMD64 section 3.2.2 */
#define STACK_ALIGN 16
#define FLAGS_OF_CALL UINT64_C(0x500) /* DF and TF are clear where a function begins */

/* ---- What there was before ---------------------------------------------------------- */

static struct mt_error *save_vectors(struct mt_thread *thread, struct mt_dummy *dummy)
{
	size_t size = thread->proc->debug->layout.size;

	dummy->xstate = mt_alloc(size ? size : 1);
	if (!dummy->xstate)
		return mt_error_nomem();
	if (!mt_tracee_xstate(thread->tid, dummy->xstate, size, &dummy->xstate_size))
		return mt_error_new(MT_ERR_NOT_FOUND, "thread %d is ending", (int)thread->tid);
	return NULL;
}

static struct mt_error *save(struct mt_thread *thread, struct mt_dummy *dummy)
{
	uint64_t mask;

	if (!mt_thread_regs(thread))
		return mt_error_new(MT_ERR_NOT_FOUND, "thread %d is ending", (int)thread->tid);
	*dummy = (struct mt_dummy){
		.thread = thread,
		.regs = thread->regs,
		.blocks_trap = mt_tracee_signal_mask(thread->tid, &mask) && mask & MT_SIGTRAP_BIT,
		.signal = thread->signal,
		.info = thread->info,
		.info_changed = thread->info_changed,
		.deferred = thread->deferred,
		.deferred_info = thread->deferred_info,
		.told = thread->told,
		.told_pc = thread->told_pc,
		.stop = thread->proc->debug->last_stop,
		.frame = thread->proc->debug->frame,
	};
	return save_vectors(thread, dummy);
}

static void dummy_deinit(struct mt_dummy *dummy)
{
	if (dummy->site)
		mt_site_put(dummy->thread->proc, dummy->site);
	free(dummy->xstate);
}

/* The kernel forces an int3's SIGTRAP on a thread that blocks it, and takes its handler away. */
static void block_trap(const struct mt_thread *thread, bool block)
{
	uint64_t mask;

	if (mt_tracee_signal_mask(thread->tid, &mask))
		mt_tracee_set_signal_mask(thread->tid,
		                          block ? mask | MT_SIGTRAP_BIT : mask & ~MT_SIGTRAP_BIT);
}

/* The thread is where it was, with what was about to be delivered. */
static void restore(struct mt_dummy *dummy)
{
	struct mt_thread *thread = dummy->thread;

	if (dummy->xstate_size)
		mt_tracee_set_xstate(thread->tid, dummy->xstate, dummy->xstate_size);
	if (dummy->blocks_trap)
		block_trap(thread, true);
	thread->regs = dummy->regs;
	thread->has_regs = thread->regs_changed = true;
	mt_thread_flush(thread); /* as long as the dummy is there, rescue.c does it */
	thread->signal = dummy->signal;
	thread->info = dummy->info;
	thread->info_changed = dummy->info_changed || dummy->signal;
	thread->deferred = dummy->deferred;
	thread->deferred_info = dummy->deferred_info;
	thread->told = dummy->told;
	thread->told_pc = dummy->told_pc;
	mt_frames_forget(thread->proc->debug);
}

/* ---- The dummies of a session --------------------------------------------------------- */

static void drop(struct mt_debug *debug, size_t i)
{
	dummy_deinit(&debug->dummies.data[i]);
	mt_vec_remove(&debug->dummies, i);
}

void mt_dummies_forget(struct mt_thread *thread)
{
	struct mt_debug *debug = thread->proc->debug;

	for (size_t i = debug->dummies.len; i-- > 0;)
		if (debug->dummies.data[i].thread == thread)
			drop(debug, i);
}

void mt_dummies_forget_memory(struct mt_proc *proc)
{
	struct mt_debug *debug = proc->debug;

	for (size_t i = debug->dummies.len; i-- > 0;) {
		if (debug->dummies.data[i].thread->proc != proc)
			continue;
		debug->dummies.data[i].site = NULL;
		drop(debug, i);
	}
}

/* The outermost one has what the program itself had. */
void mt_dummies_undo(struct mt_thread *thread)
{
	struct mt_debug *debug = thread->proc->debug;

	for (size_t i = debug->dummies.len; i-- > 0;) {
		if (debug->dummies.data[i].thread != thread)
			continue;
		restore(&debug->dummies.data[i]);
		drop(debug, i);
	}
}

/* The innermost one of the thread. */
static size_t innermost(const struct mt_debug *debug, const struct mt_thread *thread)
{
	size_t i = debug->dummies.len;

	while (i-- > 0 && debug->dummies.data[i].thread != thread)
		;
	return i;
}

bool mt_dummy_returns(struct mt_thread *thread)
{
	struct mt_debug *debug = thread->proc->debug;
	size_t i = innermost(debug, thread);

	if (i == SIZE_MAX || thread->regs.rip != debug->dummies.data[i].return_to ||
	    thread->regs.rsp < debug->dummies.data[i].sp)
		return false;
	restore(&debug->dummies.data[i]);
	drop(debug, i);
	return true;
}

const struct user_regs_struct *mt_dummy_behind(const struct mt_thread *thread, uint64_t pc,
                                               uint64_t sp)
{
	const struct mt_debug *debug = thread->proc->debug;

	for (size_t i = 0; i < debug->dummies.len; i++) {
		const struct mt_dummy *dummy = &debug->dummies.data[i];

		if (dummy->thread == thread && dummy->return_to == pc && sp >= dummy->sp &&
		    sp <= dummy->sp + sizeof(uint32_t))
			return &dummy->regs;
	}
	return NULL;
}

/* ---- Making one -------------------------------------------------------------------------- */

/* The program's first instruction is behind it for good: nobody else comes there. */
static struct mt_error *find_return(struct mt_thread *thread, struct mt_dummy *dummy)
{
	struct mt_proc *proc = thread->proc;

	dummy->return_to = mt_process_auxv(thread->tid, mt_proc_machine(proc), AT_ENTRY);
	if (!dummy->return_to)
		return mt_error_new(
		    MT_ERR_UNSUPPORTED,
		    "the program's entry point is not known, where calls return to");
	return mt_site_get(proc, dummy->return_to, &dummy->site);
}

static const struct mt_type *result_type(const struct mt_call *call)
{
	return call->type ? call->type->target : mt_type_base("int");
}

/* Where a result lies that is passed in memory: above the arguments. */
static uint64_t result_room(struct mt_thread *thread, const struct mt_call *call)
{
	const struct mt_type *result = result_type(call);
	uint64_t size = result && !call->result_at ? result->size : 0;

	return (thread->regs.rsp - RED_ZONE - size) & ~(uint64_t)(STACK_ALIGN - 1);
}

/* The arguments, and below them the address to return to: as a call leaves them. */
static struct mt_error *push_frame(struct mt_thread *thread, const struct mt_abi_call *placed,
                                   uint64_t below, struct mt_dummy *dummy)
{
	size_t word = mt_machine_word(mt_proc_machine(thread->proc));
	uint64_t args = (below - placed->stack.len) & ~(uint64_t)(STACK_ALIGN - 1);

	if (placed->stack.len)
		MT_TRY(mt_proc_write(thread->proc, args, placed->stack.data, placed->stack.len));
	MT_TRY(mt_proc_write(thread->proc, args - word, &dummy->return_to, word));
	dummy->sp = args;
	thread->regs.rsp = args - word;
	return NULL;
}

/* The vector registers in the layout of FXSAVE, with which the XSAVE area begins. */
static void put_vectors(struct mt_thread *thread, const struct mt_abi_call *placed,
                        const struct mt_dummy *dummy)
{
	enum { XMM = 160, XMM_SIZE = 16, XSTATE_BV = 512, SSE = 1 << 1 };
	uint8_t *area MT_AUTO_FREE = NULL;

	if (!placed->vector_count || dummy->xstate_size < XMM + 16 * XMM_SIZE)
		return;
	area = mt_alloc(dummy->xstate_size);
	if (!area)
		return;
	memcpy(area, dummy->xstate, dummy->xstate_size);
	for (size_t i = 0; i < placed->vector_count; i++)
		memcpy(area + XMM + i * XMM_SIZE, placed->vector[i], XMM_SIZE);
	if (dummy->xstate_size > XSTATE_BV)
		area[XSTATE_BV] |= SSE;
	mt_tracee_set_xstate(thread->tid, area, dummy->xstate_size);
}

static void put_registers(struct mt_thread *thread, const struct mt_call *call,
                          const struct mt_abi_call *placed)
{
	struct user_regs_struct *regs = &thread->regs;
	unsigned long long *const integers[MT_ABI_INTEGERS] = { &regs->rdi, &regs->rsi, &regs->rdx,
		                                                &regs->rcx, &regs->r8,  &regs->r9 };

	for (size_t i = 0; i < placed->integer_count; i++)
		*integers[i] = placed->integer[i];
	regs->rax = placed->vector_count;
	regs->eflags &= ~FLAGS_OF_CALL;
	mt_thread_set_pc(thread, call->function);
	thread->signal = 0;
	thread->deferred = 0;
	thread->told = false;
}

static struct mt_error *enter(struct mt_thread *thread, const struct mt_call *call,
                              struct mt_dummy *dummy)
{
	struct mt_abi_call placed = { 0 };
	uint64_t below = result_room(thread, call);
	struct mt_error *error =
	    mt_abi_place(mt_proc_machine(thread->proc), call->type, call->args, call->arg_count,
	                 call->result_at ? call->result_at : below, &placed);

	if (!error)
		error = find_return(thread, dummy);
	if (!error)
		error = push_frame(thread, &placed, below, dummy);
	if (!error) {
		put_vectors(thread, &placed, dummy);
		put_registers(thread, call, &placed);
	}
	mt_abi_call_deinit(&placed);
	return error;
}

/* ---- The result ---------------------------------------------------------------------------- */

static void read_vectors(struct mt_thread *thread, struct mt_abi_registers *registers)
{
	enum { ST = 32, ST_STEP = 16, XMM = 160, FXSAVE = 512 };
	size_t size = thread->proc->debug->layout.size, got = 0;
	uint8_t *area MT_AUTO_FREE = mt_alloc(size ? size : 1);

	if (!area || !mt_tracee_xstate(thread->tid, area, size, &got) || got < FXSAVE)
		return;
	for (size_t i = 0; i < 2; i++) {
		memcpy(registers->st[i], area + ST + i * ST_STEP, sizeof(registers->st[i]));
		memcpy(registers->xmm[i], area + XMM + i * sizeof(registers->xmm[i]),
		       sizeof(registers->xmm[i]));
	}
}

static struct mt_error *read_result(struct mt_thread *thread, const struct mt_type *type,
                                    uint8_t *out)
{
	enum mt_machine machine = mt_proc_machine(thread->proc);
	struct mt_abi_registers registers = { .rax = thread->regs.rax, .rdx = thread->regs.rdx };

	if (mt_abi_in_memory(machine, type))
		return mt_proc_read(thread->proc, registers.rax, out, (size_t)type->size);
	read_vectors(thread, &registers);
	mt_abi_result(machine, type, &registers, out);
	return NULL;
}

struct mt_error *mt_debug_result(struct mt_debug *debug, const struct mt_type *type, uint8_t *out)
{
	MT_TRY(mt_need_stopped(debug));
	if (!debug->thread || !mt_thread_regs(debug->thread))
		return mt_error_new(MT_ERR_USAGE, "there is no thread that has returned");
	return read_result(debug->thread, type, out);
}

/* ---- The call -------------------------------------------------------------------------------- */

static struct mt_error *interrupted(const struct mt_call *call, const struct mt_stop *stop)
{
	char name[32];

	snprintf(name, sizeof(name), "0x%" PRIx64, call->function);
	if (stop->kind == MT_STOP_SIGNAL)
		return mt_error_new(MT_ERR_USAGE, "%s received %s: the call was undone",
		                    call->name ? call->name : name, strsignal(stop->signal));
	return mt_error_new(MT_ERR_USAGE, "the call of %s was interrupted, and undone",
	                    call->name ? call->name : name);
}

/* The session is at the stop again at which the call was made. */
static void come_back(struct mt_debug *debug, const struct mt_dummy *dummy)
{
	debug->proc = dummy->thread->proc;
	mt_thread_select(debug, dummy->thread);
	debug->frame = dummy->frame;
	debug->last_stop = dummy->stop;
}

static bool is_undone(const struct mt_debug *debug, const struct mt_stop *stop)
{
	return stop->kind == MT_STOP_INTERRUPTED ||
	       (stop->kind == MT_STOP_SIGNAL && debug->settings.unwind_on_signal);
}

/* The dummy is the session's from here on, until the call has ended. */
static struct mt_error *run(struct mt_debug *debug, const struct mt_call *call, uint8_t *result,
                            enum mt_call_end *end, struct mt_stop *stop)
{
	const struct mt_type *type = result_type(call);
	struct mt_thread *thread = debug->thread;
	struct mt_error *error = NULL;
	size_t i = debug->dummies.len - 1;

	if (debug->dummies.data[i].blocks_trap)
		block_trap(thread, false);
	error =
	    mt_debug_go_back_to(debug, debug->dummies.data[i].return_to, debug->dummies.data[i].sp);
	if (error) {
		restore(&debug->dummies.data[i]);
		drop(debug, i);
		return error;
	}
	debug->calling = true;
	error = mt_debug_wait(debug, -1, stop);
	debug->calling = false;
	if (error)
		return error;
	i = innermost(debug, thread);
	if (i == SIZE_MAX) { /* the thread, or the program, is gone */
		*end = MT_CALL_STOPPED;
		return NULL;
	}
	if (stop->kind == MT_STOP_FINISHED && stop->tid == thread->tid)
		error = result && type && type->size ? read_result(thread, type, result) : NULL;
	else if (is_undone(debug, stop))
		error = interrupted(call, stop);
	else {
		*end = MT_CALL_STOPPED;
		return NULL;
	}
	restore(&debug->dummies.data[i]);
	come_back(debug, &debug->dummies.data[i]);
	drop(debug, i);
	*end = MT_CALL_RETURNED;
	return error;
}

struct mt_error *mt_debug_call(struct mt_debug *debug, const struct mt_call *call, uint8_t *result,
                               enum mt_call_end *end, struct mt_stop *stop)
{
	struct mt_dummy dummy = { 0 };
	struct mt_error *error;

	MT_TRY(mt_need_stopped(debug));
	if (!debug->thread)
		return mt_error_new(MT_ERR_USAGE, "no thread can call a function");
	error = save(debug->thread, &dummy);
	if (!error)
		error = enter(debug->thread, call, &dummy);
	if (!error && !mt_vec_push(&debug->dummies, dummy))
		error = mt_error_nomem();
	if (error) {
		if (dummy.xstate_size)
			restore(&dummy);
		dummy_deinit(&dummy);
		return error;
	}
	return run(debug, call, result, end, stop);
}
