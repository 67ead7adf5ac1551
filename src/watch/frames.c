/* SPDX-License-Identifier: MIT */
#include "watch/frames.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbol/unwind.h"
#include "symbol/where.h"
#include "target/process.h"
#include "target/tracee.h"

/* In the target's mirror; watches have small numbers. */
#define ENTRY_OWNER (UINT32_MAX - 1)
/* Frames that are looked at to tell which calls have ended. */
#define WALK_MAX 512
/* Made-up addresses: of a frame (aligned as the ABI has it), and of what a pointer points to. */
#define SOME_CFA UINT64_C(0x7ffff000)
#define SOME_POINTER UINT64_C(0x7fff8000)
/* Places of a function that are looked at to tell whether its local is in a register there. */
#define PROBES_MAX 1024
#define INLINES_MAX 8
/* Two frames further apart than that are on different stacks: the walk was led astray. */
#define FRAME_MAX (1u << 20)
/* Below the stack pointer, and still a function's own (System V ABI x86-64, 3.2.2). */
#define RED_ZONE 128

/* ---- Which local ----------------------------------------------------------- */

struct kept_in {
	unsigned memory, registers, unknown;
};

/* Where the local is from `low` on, to the end of its scope. */
static struct kept_in survey(struct mt_image *image, const struct mt_function_local *local,
                             uint64_t low)
{
	uint64_t step = (local->scope_high - low) / PROBES_MAX + 1;
	struct kept_in kept = { 0 };

	for (uint64_t pc = low; pc < local->scope_high; pc += step) {
		struct mt_simple_where where;

		mt_where_simple(image, pc, &local->local, &where);
		kept.memory += where.kind == MT_SIMPLE_BASED || where.kind == MT_SIMPLE_FIXED;
		kept.registers += where.kind == MT_SIMPLE_REGISTER;
		kept.unknown += where.kind == MT_SIMPLE_NONE;
	}
	return kept;
}

struct mt_error *mt_frames_check(struct mt_watch *watch)
{
	const struct mt_function_local *local = &watch->local;
	uint64_t low = watch->entry > local->scope_low ? watch->entry : local->scope_low;
	struct kept_in kept = survey(watch->target->image, local, low);

	watch->is_patchy = kept.memory && kept.unknown;
	if (!kept.registers || watch->by_value)
		return NULL;
	return mt_error_new(
	    MT_ERR_USAGE,
	    "%s is kept in a register in parts of its function: the processor traps "
	    "memory only; build it with -O0 or declare it volatile, or show it where "
	    "it is used: -x FILE:LINE --print %s",
	    watch->request->expr, local->local.name);
}

/* What is in a register, or known without lying anywhere. */
static struct mt_error *load_value(const struct mt_where_frame *frame, const struct mt_where *where,
                                   struct mt_place_local *found)
{
	struct mt_error *error = NULL;

	found->is_value = true;
	if (found->type->size && found->type->size <= sizeof(found->bits))
		error =
		    mt_where_load(frame, where, 0, &found->bits, (size_t)found->type->size, NULL);
	else
		error = mt_error_new(MT_ERR_UNSUPPORTED, "in no memory");
	if (!error)
		return NULL;
	mt_error_free(error);
	return mt_error_new(
	    MT_ERR_USAGE,
	    "it lies in no memory where the function begins, but in a register later, or it has "
	    "been optimized out: the processor traps memory only; build it with -O0 or declare it "
	    "volatile, or show it where it is used: -x FILE:LINE --print");
}

/* The local in the frame. */
static struct mt_error *find_in(const struct mt_where_frame *frame,
                                const struct mt_function_local *local, struct mt_place_local *found)
{
	struct mt_where where = { 0 };
	struct mt_error *error = NULL;

	*found = (struct mt_place_local){ .type = local->local.type };
	MT_TRY(mt_where_local(frame, &local->local, &where));
	if (where.len == 1 && where.data->kind == MT_WHERE_MEMORY)
		found->addr = where.data->addr;
	else
		error = load_value(frame, &where, found);
	mt_where_deinit(&where);
	return error;
}

struct mt_error *mt_frames_read_nothing(void *arg, uint64_t addr, void *out, size_t len)
{
	const uint64_t pointer = SOME_POINTER;
	uint8_t *bytes = out;

	(void)arg;
	(void)addr;
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(pointer >> 8 * (i % sizeof(pointer)));
	return NULL;
}

/* A frame at `pc` whose registers are as the row of CFI there says, from a CFA of our own. */
static void make_frame(struct mt_image *image, uint64_t pc, struct mt_regs *regs,
                       struct mt_where_frame *frame)
{
	struct mt_cfi_rule rule;

	mt_cfi_rule_at(image, pc, &rule);
	for (int reg = 0; reg < MT_REG_COUNT; reg++)
		regs->r[reg] = SOME_POINTER;
	regs->r[MT_REG_RBP] = SOME_CFA - 2 * mt_machine_word(mt_image_machine(image));
	regs->r[MT_REG_RSP] = SOME_CFA - 4096;
	if (rule.kind == MT_CFI_SIMPLE)
		regs->r[rule.cfa_reg] = SOME_CFA - (uint64_t)(int64_t)rule.cfa_offset;
	regs->r[MT_REG_RIP] = pc;
	*frame = (struct mt_where_frame){
		.image = image,
		.pc = pc,
		.regs = regs,
		.known = (1u << MT_REG_RFLAGS) - 1,
		.has_cfa = true,
		.cfa = SOME_CFA,
		.read = mt_frames_read_nothing,
	};
}

/* Whether the code at `pc` is the function's: GCC puts cold parts elsewhere
 * (-freorder-blocks-and-partition). Copies of it have variables of their own. */
static bool is_in_function(struct mt_image *image, const struct mt_function_local *local,
                           uint64_t pc)
{
	struct mt_local found;

	if (pc >= local->entry && pc < local->end)
		return true;
	for (unsigned depth = 0; depth < INLINES_MAX; depth++)
		if (mt_local_find(image, pc, depth, local->local.name, &found) &&
		    found.die == local->local.die)
			return true;
	return false;
}

/* Past the prologue by the line table; the first instruction where that is not known. `copies`:
 * what else is called so: where it was inlined, and clones. */
static uint64_t past_prologue(struct mt_image *image, const char *function,
                              const struct mt_function_local *local, size_t *copies)
{
	struct mt_location *locations;
	struct mt_error *error;
	uint64_t past = local->entry;
	size_t count;

	*copies = 0;
	error = mt_image_locate(image, function, &locations, &count);
	mt_error_free(error);
	if (error)
		return past;
	for (size_t i = 0; i < count; i++) {
		if (locations[i].entry == local->entry)
			past = locations[i].addr;
		else if (!is_in_function(image, local, locations[i].entry))
			++*copies;
	}
	mt_locations_free(locations, count);
	return past;
}

/*
 * Where calls are held: at the first instruction, so that no write is missed, if the local can be
 * found there by the CFA alone, or is a parameter in a register; at the end of the prologue, if it
 * is a parameter that is brought to memory by then, or is found by the frame pointer.
 */
static void choose_entry(struct mt_watch *watch, const char *function)
{
	struct mt_image *image = watch->target->image;
	const struct mt_function_local *local = &watch->local;
	uint64_t past = past_prologue(image, function, local, &watch->copies);
	struct mt_place_local found;
	struct mt_where_frame frame;
	struct mt_error *error;
	struct mt_regs regs;
	bool at_entry;

	make_frame(image, local->entry, &regs, &frame);
	if (!local->local.is_parameter)
		frame.known = 0;
	error = find_in(&frame, local, &found);
	at_entry = !error && found.is_value == local->local.is_parameter;
	mt_error_free(error);
	watch->entry = at_entry ? local->entry : past;
}

/* The one that is meant, and what may be said of it before there is a call. */
static struct mt_error *choose_local(struct mt_watch *watch, const char *function, const char *name)
{
	struct mt_image *image = watch->target->image;

	if (watch->has_local)
		return mt_error_new(MT_ERR_USAGE,
		                    "%s: an expression may speak of one local variable, once",
		                    watch->request->expr);
	MT_TRY(mt_local_of_function(image, function, name, 0, &watch->local));
	watch->has_local = true;
	if (watch->local.inlined_only)
		return mt_error_new(MT_ERR_USAGE,
		                    "%s is inlined wherever it is called: there are no calls that "
		                    "could be waited for; build it with -fno-inline",
		                    function);
	choose_entry(watch, function);
	return NULL;
}

struct mt_error *mt_frames_find(const struct mt_frame_query *query, const char *function,
                                const char *name, struct mt_place_local *found)
{
	struct mt_watch *watch = query->watch;
	struct mt_where_frame frame;
	struct mt_regs regs;

	if (query->frame)
		return find_in(query->frame, &watch->local, found);
	MT_TRY(choose_local(watch, function, name));
	make_frame(watch->target->image, watch->entry, &regs, &frame);
	MT_TRY(mt_error_context(find_in(&frame, &watch->local, found), "%s of %s", name, function));
	watch->by_value = found->is_value;
	return NULL;
}

/* ---- The hold ---------------------------------------------------------------- */

/* One for all watches of that entry. */
static bool is_held(const struct mt_target *target, uint64_t entry)
{
	for (size_t i = 0; i < target->entries.len; i++)
		if (target->entries.data[i].addr == entry)
			return true;
	return false;
}

struct mt_error *mt_frames_begin(struct mt_session *session, struct mt_watch *watch)
{
	struct mt_target *target = watch->target;
	struct mt_entry made = { .addr = watch->entry };
	struct mt_watch_spec spec = {
		.id = UINT32_MAX,
		.kind = MT_DR_EXEC,
		.addr = watch->entry,
		.len = 1,
		.silent = true,
		.follow = session->config->follow,
		.action = MT_ACTION_HOLD,
	};

	MT_TRY(mt_instances_trace(session));
	if (is_held(target, watch->entry))
		return NULL;
	MT_TRY(mt_error_context(
	    mt_dr_insert(&target->mirror, ENTRY_OWNER, MT_DR_EXEC, watch->entry, 1, NULL, NULL),
	    "%s: the entry of its function", watch->request->expr));
	MT_TRY(mt_watch_arm(session->probe, target->space, &spec, target->pid, NULL, NULL, 0,
	                    &made.armed));
	if (mt_vec_push(&target->entries, made))
		return NULL;
	mt_armed_destroy(made.armed);
	return mt_error_nomem();
}

void mt_frames_tell_blind(struct mt_session *session, const struct mt_watch *watch)
{
	if (!watch->in_frame)
		return;
	if (watch->is_patchy)
		mt_session_notice(
		    session, MT_SESSION_WARNING,
		    "%s: in parts of the function the compiler may keep it elsewhere: "
		    "what it does there is not seen",
		    watch->request->expr);
	if (watch->copies)
		mt_session_notice(session, MT_SESSION_WARNING,
		                  "%s: the function is inlined or cloned at %zu place%s besides: "
		                  "what it does there is not seen",
		                  watch->request->expr, watch->copies,
		                  watch->copies == 1 ? "" : "s");
	session->summary->partial = session->summary->partial || watch->is_patchy || watch->copies;
}

/* ---- The stack of a stopped thread ------------------------------------------- */

static bool read_word(void *arg, uint64_t addr, size_t size, uint64_t *value)
{
	uint64_t word = 0;
	struct mt_error *error = mt_process_read(*(const pid_t *)arg, addr, &word, size);

	mt_error_free(error);
	if (!error)
		*value = word;
	return !error;
}

/* The CFAs of the frames below and above a place on the stack; 0: there is none. */
struct neighbours {
	uint64_t below, above;
};

/* The CFAs of the frames, innermost first; `ended`: to the outermost one. */
struct frames {
	uint64_t cfas[WALK_MAX];
	size_t count;
	bool ended;
};

static void walk(struct mt_image *image, pid_t tid, const struct mt_regs *regs,
                 struct frames *frames)
{
	const struct mt_cfi_code code = mt_image_cfi_code(image);
	const struct mt_cfi_memory memory = { .read = read_word, .arg = &tid };
	struct mt_cfi_walk walk;

	frames->count = 0;
	mt_cfi_walk_begin(&walk, mt_image_machine(image), regs, &code, &memory);
	while (frames->count < WALK_MAX && mt_cfi_walk_up(&walk))
		frames->cfas[frames->count++] = walk.state.regs.r[MT_REG_RSP];
	frames->ended = walk.ended;
}

/* Frames of one stack. */
static bool lies_between(uint64_t below, uint64_t cfa, uint64_t above)
{
	return cfa >= below && above > cfa && above - below <= FRAME_MAX;
}

/* On this stack, and not among its frames; on another stack, which coroutines have, it may live. */
static bool is_gone(const struct frames *frames, const struct mt_regs *regs, uint64_t cfa)
{
	uint64_t below = regs->r[MT_REG_RSP];

	for (size_t i = 0; i < frames->count; below = frames->cfas[i++]) {
		if (frames->cfas[i] == cfa)
			return false;
		if (lies_between(below, cfa, frames->cfas[i]))
			return true;
	}
	return false;
}

/* ---- Calls ------------------------------------------------------------------- */

static void drop(struct mt_watch *watch, size_t i)
{
	mt_armed_remove(watch->armed, &watch->instances.data[i]);
	mt_vec_swap_remove(&watch->instances, i);
}

static bool is_of_frames(const struct mt_watch *watch, const struct mt_target *target)
{
	return watch->in_frame && watch->target == target && watch->state == MT_WATCH_ARMED;
}

/* Calls of this thread that have ended since. */
static void drop_gone(struct mt_watch *watch, pid_t tid, const struct mt_regs *regs,
                      const struct frames *frames)
{
	for (size_t i = watch->instances.len; i-- > 0;)
		if (watch->instances.data[i].tid == tid &&
		    is_gone(frames, regs, watch->instances.data[i].cfa))
			drop(watch, i);
}

/* Those whose frames lie below the stack: they have ended, unless they are a coroutine's. */
static void drop_below(struct mt_session *session, struct mt_target *target, pid_t tid,
                       const struct mt_regs *regs)
{
	for (size_t k = 0; k < session->watches.len; k++) {
		struct mt_watch *watch = session->watches.data[k];

		for (size_t i = watch->instances.len; is_of_frames(watch, target) && i-- > 0;)
			if (watch->instances.data[i].tid == tid &&
			    watch->instances.data[i].cfa < regs->r[MT_REG_RSP])
				drop(watch, i);
	}
}

static void note_unwatched(struct mt_session *session, struct mt_watch *watch,
                           struct mt_error *error)
{
	if (!error)
		return;
	session->summary->unwatched++;
	if (!watch->told_unwatched)
		mt_session_notice(session, MT_SESSION_WARNING,
		                  "%s: a call is not watched, and others may follow: %s",
		                  watch->request->expr,
		                  mt_error_kind(error) == MT_ERR_NO_REGISTER
		                      ? "calls that have not ended hold the thread's four debug "
		                        "registers, with the function's entry"
		                      : mt_error_text(error));
	watch->told_unwatched = true;
	mt_error_free(error);
}

static struct mt_error *find_tls(void *arg, const struct mt_module *module, uint64_t offset,
                                 uint64_t *addr)
{
	(void)arg;
	(void)module;
	(void)offset;
	(void)addr;
	return mt_error_new(MT_ERR_UNSUPPORTED, "a thread-local variable of a frame");
}

static struct mt_error *read_thread(void *arg, uint64_t addr, void *out, size_t len)
{
	return mt_process_read(*(const pid_t *)arg, addr, out, len);
}

/* The call whose frame this is. One that is known comes here again by a loop, or is a new one in
 * the place of one that ended unseen: the value is as it is now. */
static struct mt_error *arm_call(struct mt_session *session, struct mt_watch *watch, pid_t tid,
                                 const struct mt_regs *regs, uint64_t cfa)
{
	const struct mt_where_frame frame = {
		.image = watch->target->image,
		.pc = regs->r[MT_REG_RIP],
		.regs = regs,
		.known = (1u << MT_REG_RFLAGS) - 1,
		.has_cfa = true,
		.cfa = cfa,
		.read = read_thread,
		.arg = &tid,
		.tls = find_tls,
	};
	struct mt_instance instance = { .pid = mt_process_of(tid), .tid = tid, .cfa = cfa };
	struct mt_place place;

	for (size_t i = watch->instances.len; i-- > 0;)
		if (watch->instances.data[i].tid == tid && watch->instances.data[i].cfa == cfa)
			drop(watch, i);
	MT_TRY(mt_instances_resolve_frame(session, watch, tid, &frame, &place));
	instance.addr = place.addr;
	instance.call = watch->calls + 1;
	MT_TRY(mt_instances_add(watch, &instance));
	watch->calls++;
	return NULL;
}

/* Registers that calls may hold that have ended are taken back when there are no others. */
static void enter(struct mt_session *session, struct mt_watch *watch, pid_t tid,
                  const struct mt_regs *regs, uint64_t cfa)
{
	struct mt_error *error = arm_call(session, watch, tid, regs, cfa);

	if (error && mt_error_kind(error) == MT_ERR_NO_REGISTER) {
		mt_error_free(error);
		drop_below(session, watch->target, tid, regs);
		error = arm_call(session, watch, tid, regs, cfa);
	}
	note_unwatched(session, watch, error);
}

bool mt_frames_entered(struct mt_session *session, struct mt_target *target, pid_t tid)
{
	struct frames frames = { 0 };
	struct mt_regs regs;

	if (!mt_tracee_regs(tid, &regs) || !is_held(target, regs.r[MT_REG_RIP]))
		return false;
	walk(target->image, tid, &regs, &frames);
	for (size_t i = 0; i < session->watches.len && frames.count; i++) {
		struct mt_watch *watch = session->watches.data[i];

		if (!is_of_frames(watch, target))
			continue;
		drop_gone(watch, tid, &regs, &frames);
		if (watch->entry == regs.r[MT_REG_RIP])
			enter(session, watch, tid, &regs, frames.cfas[0]);
	}
	return true;
}

void mt_frames_missed(struct mt_session *session, struct mt_target *target)
{
	for (size_t i = 0; i < session->watches.len; i++)
		if (is_of_frames(session->watches.data[i], target)) {
			note_unwatched(
			    session, session->watches.data[i],
			    mt_error_new(MT_ERR_SYSTEM, "its thread was not stopped in time"));
			return;
		}
}

/* ---- Whether a frame lives --------------------------------------------------- */

/* Whether a variable of an inner block is in scope there: its place may be another one's else. */
static bool is_in_scope(const struct mt_watch *watch, uint64_t pc)
{
	bool found = !watch->local.local.block;

	for (unsigned depth = 0; depth < INLINES_MAX && !found; depth++) {
		struct mt_locals locals = { 0 };
		struct mt_error *error = mt_locals_at(watch->target->image, pc, depth, &locals);

		for (size_t i = 0; i < locals.len && !found; i++)
			found = locals.data[i].line == watch->local.local.line &&
			        !strcmp(locals.data[i].name, watch->local.local.name);
		mt_locals_deinit(&locals);
		mt_error_free(error);
		if (error)
			break;
	}
	return found;
}

/* The pc of the frame with that CFA in a copy of the stack, and its neighbours, as the kernel's
 * walk has them. */
static uint64_t find_in_copy(const struct mt_watch *watch, const struct mt_record *record,
                             struct neighbours *around)
{
	struct mt_image *image = watch->target->image;
	const struct mt_cfi_code code = mt_image_cfi_code(image);
	struct mt_stack_copy copy = { (const uint8_t *)mt_record_tail(record),
		                      record->regs.r[MT_REG_RSP], record->stack_len };
	const struct mt_cfi_memory memory = mt_stack_copy_memory(&copy);
	struct mt_cfi_walk walk;

	*around = (struct neighbours){ 0 };
	mt_cfi_walk_begin(&walk, mt_image_machine(image), &record->regs, &code, &memory);
	while (!around->above) {
		uint64_t pc = mt_cfi_walk_pc(&walk), cfa;

		if (!mt_cfi_walk_up(&walk))
			return 0;
		cfa = walk.state.regs.r[MT_REG_RSP];
		if (cfa == record->frame_cfa)
			return pc;
		*(cfa < record->frame_cfa ? &around->below : &around->above) = cfa;
	}
	return 0;
}

/* Whether the frame would have been met on this stack: it lies between two that were. On another
 * stack, which coroutines have, it may live unseen. */
static bool is_on_stack(const struct mt_record *record, const struct neighbours *around)
{
	uint64_t rsp = record->regs.r[MT_REG_RSP], cfa = record->frame_cfa;

	if (cfa < rsp)
		return rsp - cfa <= RED_ZONE;
	return lies_between(around->below ? around->below : rsp, cfa, around->above);
}

static void disarm(struct mt_watch *watch, uint64_t call)
{
	for (size_t i = watch->instances.len; i-- > 0;)
		if (watch->instances.data[i].call == call)
			drop(watch, i);
}

bool mt_frames_alive(struct mt_watch *watch, const struct mt_record *record)
{
	struct neighbours around = { record->frame_below, record->frame_above };
	uint64_t pc = record->frame_pc;

	if (!pc && record->flags & MT_RECORD_STACK_COPY)
		pc = find_in_copy(watch, record, &around);
	/* Behind the access, or behind a call: the function may end there. */
	if (pc && is_in_function(watch->target->image, &watch->local, pc - 1))
		return is_in_scope(watch, pc - 1);
	if (!pc && !is_on_stack(record, &around))
		return true;
	disarm(watch, record->call);
	return false;
}
