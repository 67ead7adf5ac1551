/* SPDX-License-Identifier: MIT */
/* The watches in an image: from names to armed registers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "expr/expr.h"
#include "symbol/dynamic.h"
#include "target/process.h"
#include "watch/deep.h"
#include "watch/frames.h"

/* ---- Watches ------------------------------------------------------------- */

struct mt_error *mt_watches_add(struct mt_session *session, struct mt_target *target)
{
	for (size_t i = 0; i < session->config->request_count; i++) {
		struct mt_watch *watch = mt_alloc(sizeof(*watch));

		if (!watch || !mt_vec_push(&session->watches, watch)) {
			free(watch);
			return mt_error_nomem();
		}
		watch->id = (uint32_t)(session->watches.len - 1);
		watch->target = target;
		watch->request = &session->config->requests[i];
		watch->view.index = (unsigned)i + 1;
		watch->view.expr = watch->request->expr;
		watch->view.kind = watch->request->kind;
		watch->view.image = target->image;
	}
	return NULL;
}

void mt_watch_destroy(struct mt_watch *watch)
{
	if (!watch)
		return;
	mt_armed_destroy(watch->armed);
	mt_cond_destroy(watch->cond);
	mt_prints_deinit(watch);
	mt_deep_deinit(watch);
	free(watch->why_steps);
	mt_vec_deinit(&watch->instances);
	mt_vec_deinit(&watch->unmapped);
	mt_chain_deinit(&watch->chain);
	mt_fold_deinit(&watch->fold);
	free(watch);
}

size_t mt_watches_pending(const struct mt_session *session, const struct mt_target *target)
{
	size_t pending = 0;

	for (size_t i = 0; i < session->watches.len; i++)
		pending += session->watches.data[i]->target == target &&
		           session->watches.data[i]->state == MT_WATCH_PENDING;
	return pending;
}

bool mt_target_linker_begun(const struct mt_target *target)
{
	return mt_image_module_count(target->image) > target->first_modules;
}

bool mt_target_can_load(const struct mt_target *target)
{
	for (size_t i = 0; i < mt_image_module_count(target->image); i++)
		if (mt_module_imports(mt_image_module(target->image, i), "dlopen"))
			return true;
	return false;
}

/* ---- Resolving ----------------------------------------------------------- */

struct mt_error *mt_target_read(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct mt_target *target = arg;

	return mt_process_read(target->pid, addr, out, len);
}

/* Inlined copies and duplicated lines: one register is one address. */
static struct mt_error *several_locations(const struct mt_watch *watch,
                                          const struct mt_location *locations, size_t count)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	for (size_t i = 0; i < count; i++)
		mt_buf_printf(&text, "%s *0x%" PRIx64 " (%s)", i ? "," : "", locations[i].addr,
		              locations[i].what);
	return mt_error_new(MT_ERR_AMBIGUOUS,
	                    "%s stands for %zu places in the code; name one of them:%s",
	                    watch->request->expr, count, text.len ? text.data : "");
}

/* An execution is watched at a location in the code: a function's first instruction, so that calls
 * count. */
static struct mt_error *resolve_location(struct mt_watch *watch)
{
	struct mt_location *locations;
	struct mt_error *error = NULL;
	size_t count;

	MT_TRY(mt_image_locate(watch->target->image, watch->request->expr, &locations, &count));
	if (count > 1)
		error = several_locations(watch, locations, count);
	watch->view.addr = locations[0].entry;
	watch->past_prologue = locations[0].addr;
	watch->view.len = 1;
	mt_locations_free(locations, count);
	return error;
}

static struct mt_error *resolve_place(struct mt_session *session, struct mt_watch *watch)
{
	struct mt_place place;

	watch->waits_for_start = watch->has_local = false;
	if (watch->request->deep)
		MT_TRY(mt_deep_resolve(watch, &place));
	else
		MT_TRY(mt_instances_resolve(session, watch, 0, &place));
	watch->per_thread = place.thread_local;
	watch->in_frame = place.in_frame;
	if (watch->in_frame && !place.followed)
		MT_TRY(mt_frames_check(watch));
	watch->view.addr = place.addr;
	watch->view.len = place.len;
	watch->view.type = place.type;
	watch->from_elf = place.from_elf;
	return mt_watch_make_wide(session, watch);
}

static struct mt_error *resolve(struct mt_session *session, struct mt_watch *watch)
{
	return watch->view.kind == MT_DR_EXEC ? resolve_location(watch)
	                                      : resolve_place(session, watch);
}

void mt_watches_tell_pending(struct mt_session *session, struct mt_target *target)
{
	for (size_t i = 0; i < session->watches.len; i++) {
		struct mt_watch *watch = session->watches.data[i];

		if (watch->target != target || watch->state != MT_WATCH_PENDING)
			continue;

		struct mt_error *error = resolve(session, watch);

		mt_session_notice(session, MT_SESSION_WARNING,
		                  "%s: not armed yet, waiting for a library: %s",
		                  watch->request->expr, error ? mt_error_text(error) : "");
		mt_error_free(error);
	}
}

/* ---- Arming -------------------------------------------------------------- */

/* A value that one store of its own width replaces: what a condition can rely on. */
static bool is_single_store(const struct mt_watch *watch)
{
	struct mt_dr_piece pieces[MT_DR_COUNT];

	return watch->view.kind == MT_DR_WRITE &&
	       mt_dr_split(watch->view.addr, watch->view.len, pieces, MT_DR_COUNT) == 1;
}

static struct mt_watch_spec make_spec(const struct mt_session *session,
                                      const struct mt_watch *watch)
{
	const struct mt_watch_config *config = session->config;

	return (struct mt_watch_spec){
		.id = watch->id,
		.machine = mt_image_machine(watch->target->image),
		.kind = watch->view.kind,
		.addr = mt_watch_whole(watch)->addr,
		.len = mt_watch_whole(watch)->len,
		.stepped = watch->stepped,
		.element = watch->is_wide && watch->view.type ? watch->view.len : 0,
		.is_signed = watch->view.type && watch->view.type->is_signed,
		.follow = config->follow,
		.instances = mt_watch_has_instances(watch),
		.moves = watch->request->deep,
		.may_pause = session->tracees.len == 0,
		.kernel = !config->user_only,
		.stack = watch->in_frame      ? MT_STACK_DWARF
		         : config->count_only ? MT_STACK_NONE
		                              : config->stack,
		.condition = watch->cond,
		.captures = (const struct mt_capture *const *)watch->captures.data,
		.capture_count = watch->captures.len,
		.changes_only = config->changes_only && watch->view.kind != MT_DR_EXEC,
		.count_only = config->count_only && watch->view.kind != MT_DR_READ,
		.action = watch->in_frame && config->action != MT_ACTION_HOLD ? MT_ACTION_NONE
		                                                              : config->action,
	};
}

/* The watches that are armed in the same target, for sharing registers. */
static size_t armed_before(const struct mt_session *session, const struct mt_target *target,
                           struct mt_armed **others, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < session->watches.len && count < max; i++) {
		const struct mt_watch *watch = session->watches.data[i];

		if (watch->target == target && watch->state == MT_WATCH_ARMED)
			others[count++] = watch->armed;
	}
	return count;
}

static bool speaks_of_values(const struct mt_cond_node *node)
{
	return mt_cond_node_uses(node, MT_OP_OLD) || mt_cond_node_uses(node, MT_OP_NEW);
}

static void tell_armed(struct mt_session *session, struct mt_watch *watch)
{
	struct mt_coverage own = watch->coverage;
	struct mt_armed_info info = {
		.watch = mt_watch_whole(watch),
		.pid = watch->target->pid,
		.coverage = mt_armed_coverage(watch->armed),
		.has_condition = watch->cond != NULL,
		.condition_in_kernel = mt_armed_condition_in_kernel(watch->armed),
		.condition_of_values = watch->cond && speaks_of_values(mt_cond_root(watch->cond)),
		.from_elf = watch->from_elf,
		.per_thread = watch->per_thread,
		.per_call = watch->in_frame,
		.traced = mt_probe_is_traced(session->probe),
		.why_steps = watch->stepped ? watch->why_steps : NULL,
		.step_us = session->step_us,
		.pointers = watch->steps.count,
		.is_away = watch->is_away,
	};

	if (mt_watch_has_instances(watch)) {
		info.coverage.threads = own.threads;
		info.coverage.uncovered = own.uncovered;
		info.coverage.why = own.why;
	}
	watch->coverage = info.coverage;
	session->listener->armed(session->listener->arg, &info);
}

/* Opens the events; what the value was before and after that must be told apart from hits. */
static struct mt_error *open_watch(struct mt_session *session, struct mt_watch *watch)
{
	struct mt_watch_spec spec = make_spec(session, watch);
	struct mt_target *target = watch->target;
	struct mt_armed *others[MT_DR_MAX_OWNERS];
	size_t count = armed_before(session, target, others, MT_DR_MAX_OWNERS);
	uint8_t before[MT_DR_MAX_RANGE] = { 0 }, now[MT_DR_MAX_RANGE] = { 0 };
	bool exec = watch->view.kind == MT_DR_EXEC;

	if (watch->per_thread) {
		MT_TRY(mt_watch_arm(session->probe, target->space, &spec, target->pid, NULL, NULL,
		                    0, &watch->armed));
		return mt_instances_arm(session, watch);
	}
	if (watch->in_frame) {
		MT_TRY(mt_watch_arm(session->probe, target->space, &spec, target->pid, NULL, NULL,
		                    0, &watch->armed));
		return mt_frames_begin(session, watch);
	}
	if (watch->is_wide)
		return mt_watch_arm(session->probe, target->space, &spec, target->pid, NULL, NULL,
		                    0, &watch->armed);
	if (!exec && !watch->is_away)
		MT_TRY(mt_target_read(target, watch->view.addr, before, watch->view.len));
	MT_TRY(mt_watch_arm(session->probe, target->space, &spec, target->pid, exec ? NULL : before,
	                    others, count, &watch->armed));
	if (watch->request->deep)
		return mt_deep_begin(session, watch);
	if (!exec) {
		struct mt_error *error =
		    mt_target_read(target, watch->view.addr, now, watch->view.len);

		if (!error)
			mt_armed_reseed(watch->armed, before, now);
		mt_error_free(error);
	}
	return NULL;
}

static void give_back(struct mt_watch *watch)
{
	mt_armed_destroy(watch->armed);
	watch->armed = NULL;
	mt_deep_deinit(watch);
	watch->instances.len = 0;
	mt_watch_unbook(watch);
	watch->state = MT_WATCH_PENDING;
}

static struct mt_error *compile_expressions(const struct mt_session *session,
                                            struct mt_watch *watch)
{
	const struct mt_cond_scope scope = mt_watch_scope(watch);
	const char *condition = session->config->condition;

	if (condition && !watch->cond)
		MT_TRY(
		    mt_error_context(mt_cond_compile_in(&scope, condition, &watch->cond), "--if"));
	return watch->captures.len ? NULL : mt_prints_compile(session, watch);
}

/*
 * At a place in the code they see what is in scope there. At a function's first instruction its
 * parameters and locals have not come to their places in the frame: where they are asked for, the
 * place is the end of the prologue.
 */
static struct mt_error *compile(const struct mt_session *session, struct mt_watch *watch)
{
	MT_TRY(compile_expressions(session, watch));
	if (watch->view.kind != MT_DR_EXEC || !watch->frame_memory ||
	    watch->view.addr == watch->past_prologue)
		return NULL;
	watch->view.addr = watch->past_prologue;
	mt_cond_destroy(watch->cond);
	watch->cond = NULL;
	mt_prints_forget(watch);
	return compile_expressions(session, watch);
}

/* Up to the registers, which are booked: nothing is armed before everything can be. */
static struct mt_error *prepare_watch(struct mt_session *session, struct mt_watch *watch)
{
	MT_TRY(resolve(session, watch));
	if (watch->in_frame && session->config->count_only)
		return mt_error_new(
		    MT_ERR_USAGE,
		    "%s is a local variable: whether an access is in its call is not "
		    "decided in the kernel, where -c counts",
		    watch->request->expr);
	MT_TRY(compile(session, watch));
	watch->single_store = is_single_store(watch);
	MT_TRY(mt_error_context(mt_watch_book(session, watch), "%s", watch->request->expr));
	watch->state = MT_WATCH_READY;
	return NULL;
}

static struct mt_error *arm_watch(struct mt_session *session, struct mt_watch *watch)
{
	struct mt_error *error = open_watch(session, watch);

	if (error) {
		give_back(watch);
		return error;
	}
	watch->state = MT_WATCH_ARMED;
	watch->was_armed = true;
	tell_armed(session, watch);
	mt_frames_tell_blind(session, watch);
	return NULL;
}

/*
 * Whether a library may give the name a meaning. Before the dynamic linker has begun, what the
 * program itself makes of the name says little; afterwards only a name that nothing knows is waited
 * for.
 */
static bool may_change(const struct mt_target *target, const struct mt_error *error)
{
	switch (mt_error_kind(error)) {
	case MT_ERR_NOT_FOUND:
		return true;
	case MT_ERR_AMBIGUOUS:
	case MT_ERR_UNSUPPORTED:
		return target->at_start && !mt_target_linker_begun(target);
	default:
		return false;
	}
}

/* What a thread has not made yet may never be found: how often it is looked for is not up to us. */
static void tell_waiting(struct mt_session *session, struct mt_watch *watch,
                         const struct mt_error *error)
{
	if (!watch->waits_for_start || watch->told_waiting ||
	    !mt_target_linker_begun(watch->target))
		return;
	watch->told_waiting = true;
	mt_session_notice(session, MT_SESSION_WARNING, "%s: not armed yet: %s",
	                  watch->request->expr, mt_error_text(error));
}

static struct mt_error *prepare_all(struct mt_session *session, struct mt_target *target,
                                    bool may_wait)
{
	for (size_t i = 0; i < session->watches.len; i++) {
		struct mt_watch *watch = session->watches.data[i];

		if (watch->target != target || watch->state != MT_WATCH_PENDING)
			continue;

		struct mt_error *error = prepare_watch(session, watch);

		if (error && !watch->waits_for_start && !(may_wait && may_change(target, error)))
			return error;
		if (error)
			tell_waiting(session, watch, error);
		mt_error_free(error);
	}
	return NULL;
}

static struct mt_error *arm_all(struct mt_session *session, struct mt_target *target)
{
	for (size_t i = 0; i < session->watches.len; i++) {
		struct mt_watch *watch = session->watches.data[i];

		if (watch->target == target && watch->state == MT_WATCH_READY)
			MT_TRY(arm_watch(session, watch));
	}
	return NULL;
}

struct mt_error *mt_watches_arm(struct mt_session *session, struct mt_target *target, bool may_wait)
{
	struct mt_error *error;

	if (target->at_pending)
		return NULL;
	error = prepare_all(session, target, may_wait);
	if (!error)
		error = arm_all(session, target);
	for (size_t i = 0; error && i < session->watches.len; i++) {
		struct mt_watch *watch = session->watches.data[i];

		if (watch->target == target && watch->state == MT_WATCH_READY)
			give_back(watch);
	}
	return error;
}
