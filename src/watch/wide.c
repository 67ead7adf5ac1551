/* SPDX-License-Identifier: MIT */
/*
 * What the four registers cannot hold: more watches than there are, and ranges that take more than
 * are left. Where that was allowed, all threads are single-stepped for them. A hit shows no more
 * than MT_DR_MAX_RANGE bytes, so of a longer range each hit has a slice: the element of an array
 * that was touched, or else the bytes that were.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "target/step.h"
#include "watch/session_private.h"

static bool may_step(const struct mt_session *session, const struct mt_watch *watch)
{
	return session->config->engine == MT_ENGINE_PTRACE &&
	       session->config->steps != MT_STEPS_NEVER && watch->view.kind != MT_DR_EXEC;
}

/* With what else there is to do. */
static struct mt_error *refuse(const struct mt_watch *watch, const char *why)
{
	return mt_error_new(MT_ERR_NO_REGISTER, "%s%s", why,
	                    watch->view.kind == MT_DR_EXEC
	                        ? ""
	                        : "; --engine=ptrace can, by single-stepping, which takes some "
	                          "microseconds for each instruction of the program");
}

/* ---- Long ranges --------------------------------------------------------- */

static struct mt_error *too_long(const struct mt_watch *watch)
{
	struct mt_dr_piece pieces[1];
	char where[32] = "", text[512];
	size_t needed = mt_dr_split(watch->view.addr, watch->view.len, pieces, 1);

	if (needed == 0)
		return mt_error_new(MT_ERR_USAGE, "%s has no bytes to watch", watch->request->expr);
	if (!mt_watch_has_instances(watch))
		snprintf(where, sizeof(where), " at 0x%" PRIx64, watch->view.addr);
	snprintf(text, sizeof(text),
	         "%.100s is %" PRIu64
	         " bytes%s, which takes %zu debug registers: the processor has 4, for at most 32 "
	         "bytes; name a member, an element, a slice (a[2..5]) or a length (%.100s:8)",
	         watch->request->expr, watch->view.len, where, needed, watch->request->expr);
	return refuse(watch, text);
}

static struct mt_error *too_long_for_steps(const struct mt_watch *watch)
{
	if (watch->view.len > MT_STEPPED_MAX)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "%s is %" PRIu64 " bytes: single steps watch up to %" PRIu64,
		                    watch->request->expr, watch->view.len, MT_STEPPED_MAX);
	return NULL;
}

/* `view` is the first slice, for the condition and for what is shown. */
static void begin_with_slice(struct mt_watch *watch)
{
	const struct mt_type *type = watch->view.type;
	const struct mt_type *element =
	    type && type->kind == MT_TYPE_ARRAY && !type->stride ? type->target : NULL;

	watch->is_wide = true;
	watch->whole = watch->view;
	watch->view.type = NULL;
	watch->view.len = 8;
	if (!element || !element->size || element->size > MT_DR_MAX_RANGE)
		return;
	watch->view.type = element;
	watch->view.len = element->size;
}

struct mt_error *mt_watch_make_wide(const struct mt_session *session, struct mt_watch *watch)
{
	watch->is_wide = false;
	if (mt_dr_region_ok(watch->view.kind, watch->view.addr, watch->view.len))
		return NULL;
	if (!watch->view.len || !may_step(session, watch))
		return too_long(watch);
	if (watch->view.len <= MT_DR_MAX_RANGE)
		return NULL; /* it is not aligned: mt_watch_book() will see */
	MT_TRY(too_long_for_steps(watch));
	begin_with_slice(watch);
	return NULL;
}

void mt_watch_show_slice(struct mt_watch *watch, const struct mt_record *record)
{
	const struct mt_type *array = watch->whole.type;
	uint64_t by = record->addr - record->whole;

	watch->view.addr = record->addr;
	watch->view.len = record->len;
	if (watch->view.type)
		snprintf(watch->slice, sizeof(watch->slice), "%.64s[%" PRId64 "]",
		         watch->request->expr,
		         array->lower + (int64_t)(by / watch->view.type->size));
	else
		snprintf(watch->slice, sizeof(watch->slice), "%.64s+0x%" PRIx64 ":%" PRIu64,
		         watch->request->expr, by, record->len);
	watch->view.expr = watch->slice;
}

/* ---- Registers, or steps ------------------------------------------------- */

static const char *describe_owner(mt_dr_owner owner, void *arg)
{
	const struct mt_session *session = arg;

	return owner < session->watches.len ? session->watches.data[owner]->request->expr
	                                    : "the stop at a location";
}

static struct mt_error *step(struct mt_session *session, struct mt_watch *watch, const char *why)
{
	free(watch->why_steps);
	watch->why_steps = mt_strdup(why);
	if (!watch->why_steps)
		return mt_error_nomem();
	if (session->step_us <= 0)
		session->step_us = (double)mt_step_cost(false) / 1e3;
	watch->stepped = true;
	return NULL;
}

static struct mt_error *book(struct mt_session *session, struct mt_watch *watch)
{
	return mt_dr_insert(&watch->target->mirror, watch->id, watch->view.kind, watch->view.addr,
	                    watch->view.len, describe_owner, session);
}

struct mt_error *mt_watch_book(struct mt_session *session, struct mt_watch *watch)
{
	struct mt_error *error, *other;

	watch->stepped = false;
	if (watch->is_wide)
		return step(session, watch, "it is more than four debug registers can hold");
	if (may_step(session, watch) && session->config->steps == MT_STEPS_ALWAYS)
		return step(session, watch, "--engine=step asks for it");
	error = book(session, watch);
	if (!error || mt_error_kind(error) != MT_ERR_NO_REGISTER)
		return error;
	other = may_step(session, watch) ? step(session, watch, mt_error_text(error))
	                                 : refuse(watch, mt_error_text(error));
	mt_error_free(error);
	return other;
}

void mt_watch_unbook(struct mt_watch *watch)
{
	if (!watch->stepped)
		mt_error_free(mt_dr_remove(&watch->target->mirror, watch->id, watch->view.kind,
		                           watch->view.addr, watch->view.len));
}
