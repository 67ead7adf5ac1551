/* SPDX-License-Identifier: MIT */
/* Where breakpoints stand: from a location to addresses. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"

/* ---- Locations ----------------------------------------------------------- */

/* The line that "+N" counts from: of the selected frame, else main's. */
static bool current_line(struct mt_debug *debug, struct mt_line *line)
{
	const struct mt_frame *frame = mt_frame_selected(debug);
	struct mt_image *image = mt_debug_image(debug);
	struct mt_location *locations;
	struct mt_error *error;
	size_t count;
	bool found;

	if (frame && frame->has_line) {
		*line = frame->line;
		return true;
	}
	error = mt_image_locate(image, "main", &locations, &count);
	if (error) {
		mt_error_free(error);
		return false;
	}
	found = mt_image_line_at(image, locations[0].addr, line);
	mt_locations_free(locations, count);
	return found;
}

static bool is_line(const char *text)
{
	if (*text == '+' || *text == '-')
		text++;
	return *text && strspn(text, "0123456789") == strlen(text);
}

struct mt_error *mt_location_absolute(struct mt_debug *debug, const char *text, char **absolute)
{
	struct mt_line line;
	long number;
	char *made = NULL;

	if (!mt_debug_image(debug))
		return mt_error_new(MT_ERR_USAGE, "no program is named");
	if (!is_line(text)) {
		made = mt_strdup(text);
	} else {
		if (!current_line(debug, &line))
			return mt_error_new(MT_ERR_NOT_FOUND,
			                    "there is no current file that line %s could be of",
			                    text);
		number = strtol(text, NULL, 10);
		if (*text == '+' || *text == '-')
			number += (long)line.line;
		if (asprintf(&made, "%s:%ld", line.file, number) < 0)
			made = NULL;
	}
	if (!made)
		return mt_error_nomem();
	*absolute = made;
	return NULL;
}

struct mt_error *mt_debug_locate(struct mt_debug *debug, const char *text,
                                 struct mt_location **locations, size_t *count)
{
	char *absolute MT_AUTO_FREE = NULL;

	MT_TRY(mt_location_absolute(debug, text, &absolute));
	return mt_image_locate(mt_debug_image(debug), absolute, locations, count);
}

struct mt_error *mt_break_check(struct mt_debug *debug, struct mt_break *breakpoint)
{
	struct mt_location *locations;
	size_t count;

	MT_TRY(mt_image_locate(mt_debug_image(debug), breakpoint->location, &locations, &count));
	mt_locations_free(locations, count);
	return NULL;
}

/* ---- Places -------------------------------------------------------------- */

static void forget_at(struct mt_break *breakpoint, size_t i)
{
	free(breakpoint->places.data[i].what);
	mt_cond_destroy(breakpoint->places.data[i].cond);
	for (; i + 1 < breakpoint->places.len; i++)
		breakpoint->places.data[i] = breakpoint->places.data[i + 1];
	breakpoint->places.len--;
}

static bool is_among(const struct mt_location *locations, size_t count, uint64_t addr)
{
	for (size_t i = 0; i < count; i++)
		if (locations[i].addr == addr)
			return true;
	return false;
}

/* Drops the places in the process that are not among the locations. */
static void drop_others(struct mt_break *breakpoint, const struct mt_proc *proc,
                        const struct mt_location *locations, size_t count)
{
	for (size_t i = breakpoint->places.len; i-- > 0;) {
		struct mt_break_at *at = &breakpoint->places.data[i];

		if ((proc && at->proc != proc) || is_among(locations, count, at->place.addr))
			continue;
		mt_way_end(breakpoint, at);
		forget_at(breakpoint, i);
	}
}

static bool has_place(const struct mt_break *breakpoint, const struct mt_proc *proc, uint64_t addr)
{
	for (size_t i = 0; i < breakpoint->places.len; i++)
		if (breakpoint->places.data[i].proc == proc &&
		    breakpoint->places.data[i].place.addr == addr)
			return true;
	return false;
}

struct mt_cond *mt_break_compile(struct mt_image *image, const char *text, uint64_t addr)
{
	const struct mt_cond_scope scope = { .machine = mt_image_machine(image),
		                             .image = image,
		                             .pc = addr };
	struct mt_cond *cond = NULL;

	mt_error_free(mt_cond_compile_in(&scope, text, &cond));
	return cond;
}

static struct mt_error *add_place(struct mt_break *breakpoint, struct mt_proc *proc,
                                  const struct mt_location *location)
{
	struct mt_break_at at = { .proc = proc, .place.addr = location->addr };
	struct mt_error *error = NULL;

	at.what = mt_strdup(location->what);
	at.place.what = at.what;
	if (!at.what)
		return mt_error_nomem();
	if (breakpoint->condition && !breakpoint->cond)
		at.cond = mt_break_compile(proc->image, breakpoint->condition, location->addr);
	if (breakpoint->enabled)
		error = mt_way_begin(breakpoint, &at);
	if (!error && !mt_vec_push(&breakpoint->places, at)) {
		mt_way_end(breakpoint, &at);
		error = mt_error_nomem();
	}
	if (error) {
		mt_cond_destroy(at.cond);
		free(at.what);
	}
	return error;
}

struct mt_error *mt_break_resolve(struct mt_break *breakpoint, struct mt_proc *proc)
{
	struct mt_location *locations = NULL;
	size_t count = 0;
	struct mt_error *error =
	    mt_image_locate(proc->image, breakpoint->location, &locations, &count);

	drop_others(breakpoint, proc, locations, count);
	for (size_t i = 0; !error && i < count; i++)
		if (!has_place(breakpoint, proc, locations[i].addr))
			error = add_place(breakpoint, proc, &locations[i]);
	mt_locations_free(locations, count);
	return error;
}

void mt_break_lift(struct mt_break *breakpoint, struct mt_proc *proc)
{
	if (breakpoint->watch)
		mt_watch_lift(breakpoint, proc);
	drop_others(breakpoint, proc, NULL, 0);
}

/* ---- All breakpoints ----------------------------------------------------- */

static size_t count_places(const struct mt_break *breakpoint, const struct mt_proc *proc)
{
	size_t count = 0;

	for (size_t i = 0; i < breakpoint->places.len; i++)
		count += breakpoint->places.data[i].proc == proc;
	return count;
}

/* Tells when it has come to stand somewhere, or stands nowhere any more. */
static void tell_change(const struct mt_break *breakpoint, const struct mt_proc *proc,
                        size_t before, const struct mt_error *error)
{
	size_t now = count_places(breakpoint, proc);
	struct mt_notice notice = { .kind = MT_NOTICE_BREAKPOINT,
		                    .pid = proc->pid,
		                    .number = breakpoint->number };

	if (error && mt_error_kind(error) != MT_ERR_NOT_FOUND)
		notice.text = mt_error_text(error);
	else if (!before == !now)
		return;
	else
		notice.text = now ? breakpoint->places.data[breakpoint->places.len - 1].what
		                  : "its code is gone: it waits";
	mt_notify(proc->debug, &notice);
}

void mt_breaks_resolve(struct mt_proc *proc)
{
	struct mt_debug *debug = proc->debug;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		struct mt_break *breakpoint = debug->breaks.data[i];
		size_t before = count_places(breakpoint, proc);
		struct mt_error *error = NULL;

		if (mt_break_is_placed(breakpoint))
			error = mt_break_resolve(breakpoint, proc);
		else if (breakpoint->watch)
			error = mt_watch_resolve(breakpoint, proc);

		tell_change(breakpoint, proc, before, error);
		mt_error_free(error);
	}
}

void mt_breaks_lift(struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->debug->breaks.len; i++)
		mt_break_lift(proc->debug->breaks.data[i], proc);
}

void mt_breaks_forget(struct mt_proc *proc)
{
	const struct mt_debug *debug = proc->debug;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		struct mt_break *breakpoint = debug->breaks.data[i];

		if (breakpoint->watch)
			mt_watch_forget(breakpoint, proc);
		for (size_t j = breakpoint->places.len; j-- > 0;) {
			struct mt_break_at *at = &breakpoint->places.data[j];

			if (at->proc != proc)
				continue;
			mt_way_forget(breakpoint, at);
			forget_at(breakpoint, j);
		}
	}
}
