/* SPDX-License-Identifier: MIT */
#include "watch/deep.h"

#include <string.h>

/* Of a pointer that other threads change all the time. */
#define TRIES 8
/* Where a pointer is looked for that leads nowhere yet: a page that nobody maps. */
#define NOWHERE UINT64_C(0x1000)

/* What a pointer to nowhere in particular leads to, aligned as objects are. */
#define SOME_POINTER UINT64_C(0x7fff8000)

/* ---- Where the pointers lead ---------------------------------------------- */

/* Memory in which all pointers are that one, and all else is 0. */
static struct mt_error *read_nothing(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct mt_target *target = arg;
	const uint64_t pointer = SOME_POINTER;
	size_t word = mt_machine_word(mt_image_machine(target->image));

	(void)addr;
	memset(out, 0, len);
	if (len == word)
		memcpy(out, &pointer, word);
	return NULL;
}

static struct mt_error *resolve(struct mt_watch *watch, mt_memory_reader read, void *arg,
                                struct mt_place_steps *steps, struct mt_place *place)
{
	const struct mt_place_world world = {
		.image = watch->target->image,
		.read = read,
		.steps = steps,
		.arg = arg,
	};

	*steps = (struct mt_place_steps){ 0 };
	return mt_place_resolve_in(&world, watch->request->expr, place);
}

static struct mt_error *check_steps(const struct mt_watch *watch,
                                    const struct mt_place_steps *steps)
{
	if (!steps->count)
		return mt_error_new(MT_ERR_USAGE,
		                    "--deep: %s follows no pointer: it stays where it is",
		                    watch->request->expr);
	if (steps->count > MT_PLACE_STEPS)
		return mt_error_new(MT_ERR_NO_REGISTER,
		                    "--deep: %s follows %zu pointers: the processor has 4 debug "
		                    "registers, for them and for what they lead to",
		                    watch->request->expr, steps->count);
	return NULL;
}

struct mt_error *mt_deep_resolve(struct mt_watch *watch, struct mt_place *place)
{
	struct mt_place_steps steps;
	struct mt_place now;
	struct mt_error *error;

	MT_TRY(resolve(watch, read_nothing, watch->target, &steps, place));
	MT_TRY(check_steps(watch, &steps));
	watch->steps = steps;
	error = resolve(watch, mt_target_read, watch->target, &steps, &now);
	watch->is_away = error != NULL;
	if (!error)
		*place = now;
	for (size_t i = 0; i < watch->steps.count; i++)
		watch->steps.data[i].addr = i < steps.count ? steps.data[i].addr : NOWHERE + 8 * i;
	if (error && mt_error_kind(error) != MT_ERR_UNREADABLE)
		return error;
	mt_error_free(error);
	return NULL;
}

/* ---- Moving --------------------------------------------------------------- */

/* A pointer that cannot be reached itself is watched nowhere. */
static struct mt_error *move_steps(struct mt_watch *watch, const struct mt_place_steps *steps)
{
	for (size_t i = 0; i < watch->steps.count; i++) {
		uint64_t addr = i < steps->count ? steps->data[i].addr : NOWHERE + 8 * i;

		if (addr == watch->steps.data[i].addr)
			continue;
		MT_TRY(mt_armed_move(watch->step_traps[i], addr, NULL));
		watch->steps.data[i].addr = addr;
	}
	return NULL;
}

static struct mt_error *move_watch(struct mt_watch *watch, const struct mt_place *place)
{
	uint8_t value[MT_DR_MAX_RANGE] = { 0 };

	if (!watch->is_away && place->addr == watch->at)
		return NULL;
	MT_TRY(mt_target_read(watch->target, place->addr, value, watch->view.len));
	MT_TRY(mt_armed_move(watch->armed, place->addr, value));
	watch->at = place->addr;
	watch->is_away = false;
	watch->unmapped.len = 0;
	watch->moves++;
	return NULL;
}

static struct mt_error *leave(struct mt_watch *watch)
{
	if (watch->is_away)
		return NULL;
	watch->is_away = true;
	watch->at = 0;
	return mt_armed_move(watch->armed, 0, NULL);
}

/* One look at the pointers. `moved`: one of them was elsewhere than its trap, so that it may have
 * changed again before that stood. */
static struct mt_error *look(struct mt_watch *watch, bool *moved)
{
	struct mt_place_steps before = watch->steps, steps;
	struct mt_place place;
	struct mt_error *error = resolve(watch, mt_target_read, watch->target, &steps, &place);
	bool leads = !error;

	if (error && mt_error_kind(error) != MT_ERR_UNREADABLE)
		return error;
	mt_error_free(error);
	MT_TRY(move_steps(watch, &steps));
	*moved = memcmp(&before, &watch->steps, sizeof(before)) != 0 || leads == watch->is_away ||
	         (leads && place.addr != watch->at);
	return leads ? move_watch(watch, &place) : leave(watch);
}

/* Whether it has moved. */
static bool follow(struct mt_session *session, struct mt_watch *watch)
{
	struct mt_error *error = NULL;
	bool moved = true, any = false;

	for (int i = 0; i < TRIES && moved && !error; i++) {
		error = look(watch, &moved);
		any = any || moved;
	}
	if (!error)
		return any;
	session->summary->unwatched++;
	mt_session_notice(session, MT_SESSION_WARNING, "%s: the trap could not move along: %s",
	                  watch->request->expr, mt_error_text(error));
	mt_error_free(error);
	mt_error_free(leave(watch));
	return true;
}

static bool is_deep(const struct mt_watch *watch, const struct mt_target *target)
{
	return watch->request->deep && watch->target == target && watch->state == MT_WATCH_ARMED;
}

bool mt_deep_any(const struct mt_session *session, const struct mt_target *target)
{
	for (size_t i = 0; i < session->watches.len; i++)
		if (is_deep(session->watches.data[i], target))
			return true;
	return false;
}

bool mt_deep_follow(struct mt_session *session, struct mt_target *target)
{
	bool any = false;

	for (size_t i = 0; i < session->watches.len; i++)
		if (is_deep(session->watches.data[i], target))
			any = follow(session, session->watches.data[i]) || any;
	return any;
}

/* ---- Arming ---------------------------------------------------------------- */

static struct mt_error *arm_step(struct mt_session *session, struct mt_watch *watch, size_t i)
{
	const struct mt_place_step *step = &watch->steps.data[i];
	const struct mt_watch_spec spec = {
		.id = UINT32_MAX,
		.kind = MT_DR_WRITE,
		.addr = step->addr,
		.len = step->len,
		.kernel = !session->config->user_only,
		.silent = true,
		.action = MT_ACTION_HOLD,
	};

	MT_TRY(mt_dr_insert(&watch->target->mirror, watch->id, MT_DR_WRITE, step->addr, step->len,
	                    NULL, NULL));
	return mt_watch_arm(session->probe, watch->target->space, &spec, watch->target->pid, NULL,
	                    NULL, 0, &watch->step_traps[i]);
}

/* A pointer may have changed before its trap stood. */
struct mt_error *mt_deep_begin(struct mt_session *session, struct mt_watch *watch)
{
	MT_TRY(mt_instances_trace(session));
	watch->at = watch->view.addr;
	for (size_t i = 0; i < watch->steps.count; i++)
		MT_TRY(mt_error_context(arm_step(session, watch, i), "--deep: %s",
		                        watch->request->expr));
	/* Also tells at once, where traps cannot move. */
	MT_TRY(mt_error_context(mt_armed_move(watch->armed, watch->is_away ? 0 : watch->at, NULL),
	                        "--deep: %s", watch->request->expr));
	follow(session, watch);
	watch->moves = 0;
	return NULL;
}

void mt_deep_deinit(struct mt_watch *watch)
{
	for (size_t i = 0; i < MT_PLACE_STEPS; i++) {
		mt_armed_destroy(watch->step_traps[i]);
		watch->step_traps[i] = NULL;
	}
}
