/* SPDX-License-Identifier: MIT */
/* Images: as they come and go. */
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

#define REFRESH_NS 20000000

MT_DEFINE_CLEANUP(mt_target, struct mt_target, mt_target_destroy)

/* ---- Targets ------------------------------------------------------------- */

bool mt_target_refresh(struct mt_target *target, uint64_t min_ns)
{
	uint64_t now = mt_now_ns();
	bool changed = false;

	if (now - target->refreshed_ns < min_ns)
		return false;
	target->refreshed_ns = now;
	mt_error_free(mt_image_refresh(target->image, &changed));
	return changed;
}

/* Unknown code is looked for among the mappings, but not at each hit of code in no file. */
static bool refresh_for_names(void *arg)
{
	struct mt_target *target = arg;

	/* What its process runs by now says nothing about this program. */
	return !target->left && mt_target_refresh(target, REFRESH_NS);
}

struct mt_error *mt_target_add(struct mt_session *session, pid_t pid, struct mt_target **out)
{
	struct mt_target *target MT_CLEANUP(mt_target_cleanup) = mt_alloc(sizeof(*target));

	if (!target)
		return mt_error_nomem();
	target->pid = pid;
	mt_dr_mirror_init(&target->mirror);
	MT_TRY(mt_image_create(pid, &target->image));
	if (!mt_probe_is_traced(session->probe))
		MT_TRY(mt_space_create(&target->space));
	MT_TRY(mt_enricher_create(target->image, target->space, &target->enricher));
	mt_enricher_on_unknown(target->enricher, refresh_for_names, target);
	target->first_modules = mt_image_module_count(target->image);
	target->refreshed_ns = mt_now_ns();
	target->at_pending = session->config->at != NULL;
	if (!mt_vec_push(&session->targets, target))
		return mt_error_nomem();
	*out = MT_TAKE(target);
	return NULL;
}

static void forget_entries(struct mt_target *target)
{
	while (target->entries.len)
		mt_armed_destroy(target->entries.data[--target->entries.len].armed);
}

void mt_target_destroy(struct mt_target *target)
{
	if (!target)
		return;
	mt_armed_destroy(target->hold);
	forget_entries(target);
	mt_vec_deinit(&target->entries);
	mt_enricher_destroy(target->enricher);
	mt_space_destroy(target->space);
	mt_image_destroy(target->image);
	free(target);
}

struct mt_target *mt_target_of(struct mt_session *session, pid_t pid)
{
	for (size_t i = session->targets.len; i-- > 0;)
		if (session->targets.data[i]->pid == pid && !session->targets.data[i]->ended)
			return session->targets.data[i];
	return NULL;
}

/* ---- The end ------------------------------------------------------------- */

static void take_counts(struct mt_session *session, struct mt_watch *watch)
{
	struct mt_session_summary *summary = session->summary;
	struct mt_counts counts = mt_armed_counts(watch->armed);

	summary->unmet += counts.unmet;
	summary->unchanged += counts.unchanged;
	summary->lost += counts.lost;
	watch->sent = counts.sent;
	summary->uncounted += counts.uncounted;
	summary->outside += counts.outside;
	/*
	 * An access that our own program makes while it reads the value fires the breakpoint again
	 * where reads are watched; those have no run of their own, and are no loss.
	 */
	if (counts.events > counts.runs && watch->view.kind == MT_DR_WRITE)
		summary->unseen += counts.events - counts.runs;
	if (session->config->count_only && !mt_probe_is_traced(session->probe))
		mt_session_count_places(session, watch);
}

static void end_watch(struct mt_session *session, struct mt_watch *watch)
{
	if (watch->state == MT_WATCH_ARMED)
		take_counts(session, watch);
	mt_armed_destroy(watch->armed);
	watch->armed = NULL;
	mt_deep_deinit(watch);
	watch->instances.len = 0;
	watch->state = MT_WATCH_ENDED;
}

void mt_target_drop(struct mt_session *session, struct mt_target *target)
{
	mt_target_end(session, target);
	mt_enricher_destroy(target->enricher);
	mt_space_destroy(target->space);
	mt_image_destroy(target->image);
	target->enricher = NULL;
	target->space = NULL;
	target->image = NULL;
}

void mt_target_disable(struct mt_session *session, struct mt_target *target)
{
	for (size_t i = 0; i < session->watches.len; i++)
		if (session->watches.data[i]->target == target && session->watches.data[i]->armed)
			mt_armed_disable(session->watches.data[i]->armed);
}

void mt_target_end(struct mt_session *session, struct mt_target *target)
{
	if (target->ended)
		return;
	target->ended = true;
	mt_armed_destroy(target->hold);
	target->hold = NULL;
	forget_entries(target);
	/* Watches that share a register end before the one that owns it. */
	for (size_t i = session->watches.len; i-- > 0;)
		if (session->watches.data[i]->target == target)
			end_watch(session, session->watches.data[i]);
}
