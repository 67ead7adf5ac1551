/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"

bool mt_break_is_placed(const struct mt_break *breakpoint)
{
	return breakpoint->kind == MT_BREAK_SOFTWARE || breakpoint->kind == MT_BREAK_HARDWARE;
}

struct mt_break *mt_break_find(struct mt_debug *debug, int number)
{
	for (size_t i = 0; i < debug->breaks.len; i++)
		if (debug->breaks.data[i]->number == number && !debug->breaks.data[i]->gone)
			return debug->breaks.data[i];
	return NULL;
}

static struct mt_error *find(struct mt_debug *debug, int number, struct mt_break **breakpoint)
{
	*breakpoint = mt_break_find(debug, number);
	return *breakpoint
	           ? NULL
	           : mt_error_new(MT_ERR_NOT_FOUND, "there is no breakpoint number %d", number);
}

static struct mt_error *need_rest(const struct mt_debug *debug)
{
	return debug->going ? mt_error_new(MT_ERR_USAGE,
	                                   "the program runs: interrupt it to change breakpoints")
	                    : NULL;
}

/* ---- Conditions ---------------------------------------------------------- */

static struct mt_error *compile(struct mt_debug *debug, const char *text, struct mt_cond **cond)
{
	static const struct mt_type nothing = { .kind = MT_TYPE_BYTES, .name = "nothing" };
	struct mt_image *image = mt_debug_image(debug);

	return mt_cond_compile(image ? mt_image_machine(image) : MT_MACHINE_X86_64, text, &nothing,
	                       cond);
}

/* What is no condition of the small kind, which the kernel can decide too, is one of the large
 * kind: any expression, evaluated here. */
static struct mt_error *compile_or_check(struct mt_debug *debug, const char *text,
                                         struct mt_cond **cond)
{
	struct mt_error *error = compile(debug, text, cond);
	struct mt_debug_world made;

	if (!error || mt_error_kind(error) == MT_ERR_NOMEM)
		return error;
	mt_error_free(error);
	mt_debug_world(debug, &made);
	return mt_eval_check(&made.world, text);
}

/* Where the breakpoint stands, or will when the program runs. */
static bool find_address(struct mt_image *image, const struct mt_break *breakpoint, uint64_t *addr)
{
	struct mt_location *locations;
	struct mt_error *error;
	size_t count;

	if (breakpoint->places.len) {
		*addr = breakpoint->places.data[0].place.addr;
		return true;
	}
	if (!image || !mt_break_is_placed(breakpoint))
		return false;
	error = mt_image_locate(image, breakpoint->location, &locations, &count);
	mt_error_free(error);
	if (error)
		return false;
	*addr = locations[0].addr;
	mt_locations_free(locations, count);
	return true;
}

/* Names in it must mean something where the breakpoint stands, as far as it stands anywhere; those
 * of a watchpoint's, somewhere. */
static struct mt_error *check_names(struct mt_debug *debug, const struct mt_break *breakpoint,
                                    const char *text)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_where_frame frame = { .image = mt_debug_image(debug) };
	const struct mt_type *type;
	struct mt_debug_world made;
	struct mt_error *error;
	struct mt_cond *cond;
	bool is_name, is_watch = breakpoint->watch && debug->thread;

	if (!breakpoint->location ||
	    !(is_watch || find_address(frame.image, breakpoint, &frame.pc)))
		return NULL;
	cond = mt_break_compile(frame.image, text, frame.pc);
	if (cond) {
		mt_cond_destroy(cond);
		return NULL;
	}
	mt_debug_world(debug, &made);
	if (!is_watch) {
		made.world.frame = &frame;
		made.world.scope = (struct mt_scope_place){ .pc = frame.pc };
	}
	error = mt_eval_type(&made.world, text, &arena, &type, &is_name);
	/* A name that is missing here is none that a library could bring. */
	if (error && mt_error_kind(error) == MT_ERR_NOT_FOUND) {
		struct mt_error *told =
		    mt_error_new(MT_ERR_SYNTAX, "the condition: %s", mt_error_text(error));

		mt_error_free(error);
		return told;
	}
	/* Of a watchpoint it may be a name of the frame that touches what is watched; an error that
	 * has its place in the text is one of the text. */
	if (error && is_watch && mt_error_kind(error) != MT_ERR_NOMEM &&
	    mt_error_offset(error) < 0) {
		mt_error_free(error);
		return NULL;
	}
	MT_TRY(error);
	return is_name ? mt_error_at(0, "%.60s is a type, and no condition", text) : NULL;
}

static struct mt_error *set_condition(struct mt_debug *debug, struct mt_break *breakpoint,
                                      const char *text)
{
	struct mt_cond *cond = NULL;
	char *copy = NULL;

	if (text) {
		MT_TRY(compile_or_check(debug, text, &cond));
		if (!cond)
			MT_TRY(check_names(debug, breakpoint, text));
		copy = mt_strdup(text);
		if (!copy) {
			mt_cond_destroy(cond);
			return mt_error_nomem();
		}
	}
	if (breakpoint->watch)
		mt_watch_disarm(breakpoint);
	else
		mt_break_lift(breakpoint, NULL); /* the kernel has the old condition's tree */
	mt_cond_destroy(breakpoint->cond);
	free(breakpoint->condition);
	breakpoint->cond = cond;
	breakpoint->condition = copy;
	breakpoint->evaluated = breakpoint->unmet = breakpoint->unchanged = 0;
	if (breakpoint->watch)
		mt_watch_note_names(debug, breakpoint);
	return NULL;
}

/* ---- Setting and deleting ------------------------------------------------ */

static void destroy(struct mt_break *breakpoint)
{
	mt_watchpoint_destroy(breakpoint->watch);
	mt_vec_deinit(&breakpoint->places);
	mt_vec_deinit(&breakpoint->view);
	mt_vec_deinit(&breakpoint->wanted);
	mt_vec_deinit(&breakpoint->wanted_i386);
	mt_cond_destroy(breakpoint->cond);
	free(breakpoint->condition);
	free(breakpoint->location);
	free(breakpoint);
}

MT_DEFINE_CLEANUP(break, struct mt_break, destroy)

void mt_break_destroy(struct mt_debug *debug, struct mt_break *breakpoint)
{
	size_t at = 0;

	mt_break_lift(breakpoint, NULL);
	while (debug->breaks.data[at] != breakpoint)
		at++;
	for (; at + 1 < debug->breaks.len; at++)
		debug->breaks.data[at] = debug->breaks.data[at + 1];
	debug->breaks.len--;
	destroy(breakpoint);
}

static struct mt_error *resolve_everywhere(struct mt_debug *debug, struct mt_break *breakpoint)
{
	struct mt_error *first = NULL;

	if (!debug->proc || debug->proc->core)
		return breakpoint->watch ? mt_watch_check(debug, breakpoint)
		                         : mt_break_check(debug, breakpoint);
	for (size_t i = 0; i < debug->procs.len; i++) {
		struct mt_proc *proc = debug->procs.data[i];
		struct mt_error *error = NULL;

		if (!proc->ended && !proc->lender && !proc->core)
			error = breakpoint->watch ? mt_watch_resolve(breakpoint, proc)
			                          : mt_break_resolve(breakpoint, proc);

		if (error && !first && proc == debug->proc)
			first = error;
		else
			mt_error_free(error);
	}
	return first;
}

static struct mt_error *prepare(struct mt_debug *debug, const struct mt_break_spec *spec,
                                struct mt_break *made)
{
	const char *location = spec->location ? spec->location : "";

	made->kind = spec->kind;
	made->number = debug->next_break + 1; /* who sets registers knows for whom */
	made->temporary = spec->temporary;
	made->pending_allowed = spec->pending;
	made->thread = spec->thread;
	made->enabled = true;
	if (spec->condition)
		MT_TRY(set_condition(debug, made, spec->condition));
	if (mt_break_is_placed(made))
		return mt_location_absolute(debug, location, &made->location);
	if (made->kind == MT_BREAK_WATCH)
		MT_TRY(mt_watchpoint_create(spec, &made->watch));
	made->location = mt_strdup(location);
	return made->location ? mt_catch_parse(made, location) : mt_error_nomem();
}

struct mt_error *mt_debug_break(struct mt_debug *debug, const struct mt_break_spec *spec,
                                int *number)
{
	struct mt_break *made MT_CLEANUP(break_cleanup) = mt_alloc(sizeof(*made));
	struct mt_error *error;

	if (!made)
		return mt_error_nomem();
	MT_TRY(need_rest(debug));
	MT_TRY(prepare(debug, spec, made));
	if (made->watch)
		mt_watch_note_names(debug, made);
	error = mt_break_is_placed(made) || made->watch ? resolve_everywhere(debug, made) : NULL;
	if (error && spec->pending && mt_error_kind(error) == MT_ERR_NOT_FOUND) {
		mt_error_free(error);
		error = NULL;
	}
	if (!error && made->condition && !made->cond)
		error = check_names(debug, made, made->condition);
	if (!error && !mt_vec_push(&debug->breaks, made))
		error = mt_error_nomem();
	if (error) {
		mt_break_lift(made, NULL);
		return error;
	}
	debug->next_break = made->number;
	*number = made->number;
	made = NULL;
	return NULL;
}

struct mt_error *mt_debug_break_delete(struct mt_debug *debug, int number)
{
	struct mt_break *breakpoint;

	MT_TRY(find(debug, number, &breakpoint));
	MT_TRY(need_rest(debug));
	mt_break_destroy(debug, breakpoint);
	mt_ways_improve(debug);
	return NULL;
}

static void count_stop(struct mt_debug *debug, struct mt_break *breakpoint)
{
	if (breakpoint->stops_left)
		breakpoint->stops_left--;
	if (breakpoint->disables && !breakpoint->stops_left)
		mt_error_free(mt_debug_break_enable(debug, breakpoint->number, false));
}

void mt_breaks_have_stopped(struct mt_debug *debug, const struct mt_stop *stop)
{
	for (size_t i = 0; i < stop->number_count; i++) {
		struct mt_break *breakpoint = mt_break_find(debug, stop->numbers[i]);

		if (breakpoint && (breakpoint->temporary || stop->kind == MT_STOP_SCOPE))
			mt_break_destroy(debug, breakpoint);
		else if (breakpoint)
			count_stop(debug, breakpoint);
	}
}

void mt_breaks_bury(struct mt_debug *debug)
{
	for (size_t i = debug->breaks.len; i-- > 0;)
		if (debug->breaks.data[i]->gone) {
			if (!debug->breaks.data[i]->end_told)
				mt_notify(debug, &(struct mt_notice){
				                     .kind = MT_NOTICE_SCOPE,
				                     .pid = mt_debug_pid(debug),
				                     .number = debug->breaks.data[i]->number });
			mt_break_destroy(debug, debug->breaks.data[i]);
		}
}

/* ---- Changing ------------------------------------------------------------ */

/* How it does its work may depend on what was changed: its places are made anew. */
static struct mt_error *renew(struct mt_debug *debug, struct mt_break *breakpoint)
{
	struct mt_error *error;

	if (breakpoint->watch)
		return mt_watch_renew(breakpoint);
	if (!mt_break_is_placed(breakpoint) || !debug->proc || debug->proc->core)
		return NULL;
	mt_break_lift(breakpoint, NULL);
	error = resolve_everywhere(debug, breakpoint);
	if (error && mt_error_kind(error) == MT_ERR_NOT_FOUND) {
		mt_error_free(error);
		return NULL;
	}
	return error;
}

struct mt_error *mt_debug_break_enable(struct mt_debug *debug, int number, bool enable)
{
	struct mt_break *breakpoint;

	MT_TRY(find(debug, number, &breakpoint));
	MT_TRY(need_rest(debug));
	if (breakpoint->enabled == enable)
		return NULL;
	breakpoint->enabled = enable;
	MT_TRY(renew(debug, breakpoint));
	if (!enable)
		mt_ways_improve(debug);
	return NULL;
}

struct mt_error *mt_debug_break_enable_for(struct mt_debug *debug, int number, uint64_t stops)
{
	struct mt_break *breakpoint;

	MT_TRY(mt_debug_break_enable(debug, number, true));
	MT_TRY(find(debug, number, &breakpoint));
	breakpoint->temporary = false;
	breakpoint->disables = true;
	breakpoint->stops_left = stops;
	return NULL;
}

struct mt_error *mt_debug_break_enable_and_delete(struct mt_debug *debug, int number)
{
	struct mt_break *breakpoint;

	MT_TRY(mt_debug_break_enable(debug, number, true));
	MT_TRY(find(debug, number, &breakpoint));
	breakpoint->temporary = true;
	breakpoint->disables = false;
	return NULL;
}

struct mt_error *mt_debug_break_condition(struct mt_debug *debug, int number, const char *text)
{
	struct mt_break *breakpoint;

	MT_TRY(find(debug, number, &breakpoint));
	MT_TRY(need_rest(debug));
	MT_TRY(set_condition(debug, breakpoint, text));
	return renew(debug, breakpoint);
}

struct mt_error *mt_debug_break_ignore(struct mt_debug *debug, int number, uint64_t count)
{
	struct mt_break *breakpoint;

	MT_TRY(find(debug, number, &breakpoint));
	breakpoint->ignore = count;
	return NULL;
}

/* ---- Looking ------------------------------------------------------------- */

static uint64_t count_unmet(const struct mt_break *breakpoint)
{
	uint64_t unmet = breakpoint->unmet;

	for (size_t i = 0; i < breakpoint->places.len; i++)
		if (breakpoint->places.data[i].armed)
			unmet += mt_armed_counts(breakpoint->places.data[i].armed).unmet;
	return unmet;
}

/* The places in the current process. */
static void fill_view(const struct mt_debug *debug, struct mt_break *breakpoint)
{
	breakpoint->view.len = 0;
	for (size_t i = 0; i < breakpoint->places.len; i++) {
		struct mt_break_at *at = &breakpoint->places.data[i];

		at->place.way = mt_way_of(breakpoint, at);
		if (at->proc == debug->proc && !mt_vec_push(&breakpoint->view, at->place))
			return;
	}
}

static void describe(struct mt_debug *debug, struct mt_break *breakpoint,
                     struct mt_break_info *info)
{
	fill_view(debug, breakpoint);
	*info = (struct mt_break_info){
		.number = breakpoint->number,
		.kind = breakpoint->kind,
		.enabled = breakpoint->enabled,
		.temporary = breakpoint->temporary,
		.disables = breakpoint->disables,
		.stops_left = breakpoint->stops_left,
		.pending = mt_break_is_placed(breakpoint) && breakpoint->view.len == 0,
		.location = breakpoint->location,
		.condition = breakpoint->condition,
		.thread = breakpoint->thread,
		.hits = breakpoint->hits,
		.unmet = count_unmet(breakpoint),
		.unchanged = breakpoint->unchanged,
		.ignore = breakpoint->ignore,
		.places = breakpoint->view.data,
		.place_count = breakpoint->view.len,
	};
	if (breakpoint->watch)
		mt_watch_describe(debug, breakpoint, info);
}

static struct mt_error *find_watch(struct mt_debug *debug, int number, struct mt_break **breakpoint)
{
	MT_TRY(find(debug, number, breakpoint));
	if ((*breakpoint)->watch)
		return NULL;
	return mt_error_new(MT_ERR_USAGE,
	                    "breakpoint %d is no watchpoint: only those keep their hits", number);
}

struct mt_error *mt_debug_watch_past(struct mt_debug *debug, int number,
                                     struct mt_watch_past past[MT_WATCH_PAST_COUNT], size_t *count)
{
	struct mt_break *breakpoint;
	const struct mt_watchpoint *watch;
	uint64_t first;

	MT_TRY(find_watch(debug, number, &breakpoint));
	watch = breakpoint->watch;
	first =
	    watch->past_count > MT_WATCH_PAST_COUNT ? watch->past_count - MT_WATCH_PAST_COUNT : 0;
	*count = (size_t)(watch->past_count - first);
	for (uint64_t i = first; i < watch->past_count; i++)
		past[i - first] = watch->past[i % MT_WATCH_PAST_COUNT];
	return NULL;
}

struct mt_error *mt_debug_watch_add_past(struct mt_debug *debug, int number,
                                         const struct mt_watch_past *past, size_t count)
{
	struct mt_break *breakpoint;
	struct mt_watchpoint *watch;

	MT_TRY(find_watch(debug, number, &breakpoint));
	watch = breakpoint->watch;
	for (size_t i = 0; i < count; i++) {
		struct mt_watch_past *entry =
		    &watch->past[watch->past_count++ % MT_WATCH_PAST_COUNT];

		*entry = past[i];
		entry->turn = watch->past_count;
	}
	breakpoint->hits += count;
	return NULL;
}

size_t mt_debug_breaks(struct mt_debug *debug, struct mt_break_info *infos, size_t max)
{
	for (size_t i = 0; i < debug->breaks.len && i < max; i++)
		describe(debug, debug->breaks.data[i], &infos[i]);
	return debug->breaks.len;
}
