/* SPDX-License-Identifier: MIT */
/*
 * Holding a thread at a location: an execution breakpoint that sends the thread a signal, which its
 * tracer (we) sees before the thread does. So variables of a library are armed when it has been
 * mapped and before its constructors run, and --at arms exactly there. Nothing is written into the
 * program.
 */
#include <elf.h>

#include "base/cleanup.h"
#include "symbol/dynamic.h"
#include "target/process.h"
#include "watch/session_private.h"

/* The owner of the hold's register in the target's mirror; watches have small numbers. */
#define HOLD_OWNER UINT32_MAX

/*
 * The dynamic linker calls an empty function whenever it has mapped or unmapped something, for
 * debuggers to stop at (glibc elf/dl-debug.c; link.h, struct r_debug.r_brk; musl has the same). At
 * start it is called with everything mapped and no constructor run; in dlopen likewise.
 */
static bool linker_hook(const struct mt_target *target, uint64_t *addr)
{
	uint64_t base = mt_process_auxv(target->pid, mt_image_machine(target->image), AT_BASE);
	const struct mt_module *linker = base ? mt_image_module_at(target->image, base) : NULL;

	return linker && mt_module_symbol(linker, "_dl_debug_state", addr);
}

/* The place of --at, once something that knows it is mapped. */
static struct mt_error *at_location(const struct mt_session *session,
                                    const struct mt_target *target, uint64_t *addr)
{
	struct mt_location *locations;
	size_t count;

	MT_TRY(mt_image_locate(target->image, session->config->at, &locations, &count));
	*addr = locations[0].entry;
	mt_locations_free(locations, count);
	return NULL;
}

static bool may_load_later(const struct mt_session *session, const struct mt_target *target)
{
	uint64_t hook;

	if (!linker_hook(target, &hook))
		return false;
	if (session->config->pending)
		return true;
	/* Before the linker has begun nothing can be said; afterwards it takes dlopen. */
	if (target->at_start && !mt_target_linker_begun(target))
		return true;
	return target->at_start && mt_target_can_load(target);
}

/* Whether thread-local variables are waited for, which the C library makes. */
static bool waits_for_start(const struct mt_session *session, const struct mt_target *target)
{
	for (size_t i = 0; i < session->watches.len; i++)
		if (session->watches.data[i]->target == target &&
		    session->watches.data[i]->state == MT_WATCH_PENDING &&
		    session->watches.data[i]->waits_for_start)
			return true;
	return false;
}

/* A program without a dynamic linker has its thread-local variables by then. */
static void main_entry(struct mt_session *session, const struct mt_target *target, uint64_t *addr)
{
	struct mt_location *locations;
	struct mt_error *error;
	size_t count;

	error = mt_image_locate(target->image, "main", &locations, &count);
	mt_error_free(error);
	if (error)
		return;
	*addr = locations[0].entry;
	mt_locations_free(locations, count);
	mt_session_notice(session, MT_SESSION_INFO,
	                  "%s has no dynamic linker: thread-local variables are armed at main, and "
	                  "what comes before is not seen",
	                  mt_image_executable(target->image)->name);
}

/* What the hold has to wait at: 0 for nothing. */
static struct mt_error *wanted_location(struct mt_session *session, struct mt_target *target,
                                        uint64_t *addr)
{
	struct mt_error *error;

	*addr = 0;
	target->hold_is_at = false;
	if (target->at_pending) {
		error = at_location(session, target, addr);
		target->hold_is_at = !error;
		if (error && may_load_later(session, target)) {
			mt_error_free(error);
			linker_hook(target, addr);
			return NULL;
		}
		return error;
	}
	/* Also for its names alone: a short program is gone before its first hit is read. */
	if (mt_watches_pending(session, target) ||
	    (target->at_start && !mt_target_linker_begun(target)))
		linker_hook(target, addr);
	if (!*addr && waits_for_start(session, target))
		main_entry(session, target, addr);
	return NULL;
}

static void take_away(struct mt_target *target)
{
	if (!target->hold)
		return;
	mt_armed_destroy(target->hold);
	target->hold = NULL;
	mt_error_free(mt_dr_remove(&target->mirror, HOLD_OWNER, MT_DR_EXEC, target->hold_addr, 1));
}

static struct mt_error *place_hold(struct mt_session *session, struct mt_target *target,
                                   uint64_t addr)
{
	struct mt_watch_spec spec = {
		.id = HOLD_OWNER,
		.kind = MT_DR_EXEC,
		.addr = addr,
		.len = 1,
		.silent = true,
		.action = MT_ACTION_HOLD,
	};
	struct mt_error *error;

	MT_TRY(mt_dr_insert(&target->mirror, HOLD_OWNER, MT_DR_EXEC, addr, 1, NULL, NULL));
	error = mt_watch_arm(session->probe, target->space, &spec, target->pid, NULL, NULL, 0,
	                     &target->hold);
	if (error)
		mt_error_free(mt_dr_remove(&target->mirror, HOLD_OWNER, MT_DR_EXEC, addr, 1));
	else
		target->hold_addr = addr;
	return error;
}

struct mt_error *mt_hold_update(struct mt_session *session, struct mt_target *target)
{
	struct mt_error *error;
	uint64_t addr;

	MT_TRY(wanted_location(session, target, &addr));
	if (target->hold && target->hold_addr == addr)
		return NULL;
	take_away(target);
	if (!addr)
		return NULL;
	error = place_hold(session, target, addr);
	/* All registers taken, and only names wanted: they are looked up when code is met. */
	if (error && !target->at_pending && !mt_watches_pending(session, target)) {
		mt_error_free(error);
		return NULL;
	}
	return error;
}

/* The register of the hold is one that the watches may need. */
static struct mt_error *arm_what_can_be(struct mt_session *session, struct mt_target *target)
{
	if (mt_watches_pending(session, target))
		take_away(target);
	MT_TRY(mt_watches_arm(session, target, may_load_later(session, target)));
	return mt_hold_update(session, target);
}

struct mt_error *mt_hold_reached(struct mt_session *session, struct mt_target *target)
{
	if (target->hold_is_at)
		target->at_pending = false;
	mt_target_refresh(target, 0);
	MT_TRY(arm_what_can_be(session, target));
	if (!target->told_waiting && mt_watches_pending(session, target) &&
	    mt_target_linker_begun(target)) {
		target->told_waiting = true;
		mt_watches_tell_pending(session, target);
	}
	return NULL;
}

struct mt_error *mt_session_begin(struct mt_session *session, pid_t pid, bool at_start)
{
	struct mt_target *target;
	struct mt_error *error;

	MT_TRY(mt_target_add(session, pid, &target));
	target->at_start = at_start;
	MT_TRY(mt_watches_add(session, target));
	error = arm_what_can_be(session, target);
	mt_instances_let_go(session);
	return error;
}
