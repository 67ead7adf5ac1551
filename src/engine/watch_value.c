/* SPDX-License-Identifier: MIT */
/* What a watchpoint's expression comes to, and everything that it depends on. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"

#define MAX_PARTS 64

/* ---- Contents ------------------------------------------------------------ */

void mt_watch_content_free(struct mt_watch_content *content)
{
	free(content->bytes);
	free(content->error);
	*content = (struct mt_watch_content){ 0 };
}

bool mt_watch_content_same(const struct mt_watch_content *a, const struct mt_watch_content *b)
{
	if (!a->bytes || !b->bytes)
		return !a->bytes && !b->bytes;
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static struct mt_error *keep_bytes(const uint8_t *bytes, size_t size,
                                   struct mt_watch_content *content)
{
	content->bytes = mt_alloc(size ? size : 1);
	if (!content->bytes)
		return mt_error_nomem();
	memcpy(content->bytes, bytes, size);
	content->size = size;
	return NULL;
}

/* Why there is no value is one. */
static struct mt_error *keep_error(struct mt_error *error, struct mt_watch_content *content)
{
	if (!error)
		return NULL;
	if (mt_error_kind(error) != MT_ERR_UNREADABLE && !content->gone)
		return error;
	content->error = mt_strdup(mt_error_text(error));
	mt_error_free(error);
	return content->error ? NULL : mt_error_nomem();
}

/* ---- Parts --------------------------------------------------------------- */

void mt_watched_free_parts(struct mt_watched *watched)
{
	for (size_t i = 0; i < watched->parts.len; i++)
		free(watched->parts.data[i].bytes);
	mt_vec_deinit(&watched->parts);
}

/* An evaluation that notes what it reads. */
struct reader {
	struct mt_debug_world made; /* first: the world's functions are given its address */
	struct mt_watched *watched;
	bool failed;
};

static void add_part(struct reader *reader, uint64_t addr, uint64_t len)
{
	struct mt_watched *watched = reader->watched;
	const struct mt_watch_part part = { .addr = addr, .len = len };

	for (size_t i = 0; i < watched->parts.len; i++)
		if (watched->parts.data[i].addr == addr && watched->parts.data[i].len == len)
			return;
	if (watched->parts.len == MAX_PARTS || !mt_vec_push(&watched->parts, part))
		reader->failed = true;
}

/* A variable in pieces may lie in memory and in registers. */
static void add_pieces(struct reader *reader, const struct mt_value *value)
{
	for (size_t i = 0; i < value->where->len; i++) {
		const struct mt_where_piece *piece = &value->where->data[i];

		if (piece->kind == MT_WHERE_MEMORY)
			add_part(reader, piece->addr, (piece->bits + 7) / 8);
		else if (piece->kind == MT_WHERE_REGISTER || piece->kind == MT_WHERE_VALUE)
			reader->watched->in_registers = true;
	}
}

static void note_load(void *arg, const struct mt_value *value, size_t size)
{
	struct reader *reader = arg;

	if (value->home == MT_HOME_MEMORY)
		add_part(reader, value->addr, size);
	else if (value->home == MT_HOME_REGISTER)
		reader->watched->in_registers = true;
	else if (value->home == MT_HOME_WHERE)
		add_pieces(reader, value);
}

static void note_name(void *arg, const struct mt_local *local)
{
	struct reader *reader = arg;

	reader->watched->moves = reader->watched->moves || local->moves;
}

/* ---- Evaluating ---------------------------------------------------------- */

static struct mt_error *check_type(const struct mt_value *value, const char *expression)
{
	if (value->is_function || value->type->kind == MT_TYPE_FUNCTION)
		return mt_error_new(MT_ERR_USAGE,
		                    "%.80s is a function: 'break' stops where it is called",
		                    expression);
	if (value->type->kind == MT_TYPE_VOID)
		return mt_error_new(MT_ERR_USAGE, "%.80s is void: there is no value to watch",
		                    expression);
	return NULL;
}

static struct mt_error *find_value(struct reader *reader, const char *expression,
                                   struct mt_arena *arena, struct mt_value *value)
{
	struct mt_value found;

	MT_TRY(mt_eval_text(&reader->made.world, expression, arena, &found));
	if (found.type->kind == MT_TYPE_POINTER && found.type->is_reference) {
		const struct mt_value reference = found;

		MT_TRY(mt_value_deref(&reader->made.world, arena, &reference, &found));
	}
	MT_TRY(check_type(&found, expression));
	*value = found;
	return NULL;
}

/* What was read before the value itself is the way to it. */
static void mark_way(struct mt_watched *watched, size_t way)
{
	for (size_t i = 0; i < way && i < watched->parts.len; i++)
		watched->parts.data[i].on_the_way = watched->place.type != NULL;
}

/* Of what lies in memory, and is reached without anything on the way, no evaluation is needed. */
static void note_place(struct mt_watched *watched, const struct mt_value *value, bool at_location)
{
	watched->type = value->type;
	if (value->home != MT_HOME_MEMORY)
		return;
	watched->place = (struct mt_value){ .type = value->type,
		                            .home = MT_HOME_MEMORY,
		                            .addr = value->addr,
		                            .bit_offset = value->bit_offset,
		                            .bit_size = value->bit_size };
	if (!at_location)
		return;
	mt_watched_free_parts(watched);
	watched->in_registers = watched->moves = false;
}

static bool is_gone(const struct mt_value *value)
{
	for (uint64_t i = 0; i < value->type->size; i++)
		if (!mt_value_is_gone(value, i))
			return false;
	return value->gone;
}

/* Where it had a value once, or will have one, it is not wrong to ask, but in vain. */
static struct mt_error *keep_gone(struct mt_watched *watched, struct mt_error *error)
{
	watched->now.gone = (watched->frame.cfa || (watched->moves && watched->type)) &&
	                    mt_error_kind(error) == MT_ERR_UNSUPPORTED;
	return keep_error(error, &watched->now);
}

static struct mt_error *fetch(struct reader *reader, const char *expression, struct mt_arena *arena,
                              struct mt_value *value)
{
	struct mt_watched *watched = reader->watched;
	struct mt_error *error = mt_value_fetch(&reader->made.world, arena, value);

	if (!error && !is_gone(value))
		return keep_bytes(value->bytes, (size_t)value->type->size, &watched->now);
	if (!error)
		error = mt_error_new(MT_ERR_UNSUPPORTED, "%.80s is optimized out here", expression);
	/* It may be mapped later. */
	if (value->home == MT_HOME_MEMORY && mt_error_kind(error) == MT_ERR_UNREADABLE)
		add_part(reader, value->addr, value->type->size);
	return keep_gone(watched, error);
}

static struct mt_error *evaluate(struct reader *reader, const struct mt_break *breakpoint,
                                 struct mt_arena *arena)
{
	struct mt_watched *watched = reader->watched;
	bool at_location = breakpoint->watch->kind.at_location;
	struct mt_value value;
	struct mt_error *error;
	size_t way;

	error = find_value(reader, breakpoint->location, arena, &value);
	if (error)
		return watched->parts.len || watched->frame.cfa ? keep_gone(watched, error) : error;
	if (at_location && value.home != MT_HOME_MEMORY)
		return mt_error_new(MT_ERR_USAGE,
		                    "%.80s is nowhere in memory: it has no location to watch",
		                    breakpoint->location);
	note_place(watched, &value, at_location);
	way = watched->parts.len;
	MT_TRY(fetch(reader, breakpoint->location, arena, &value));
	mark_way(watched, way);
	/* Each step shows it where it then is; a register, only where it is now. */
	watched->in_registers =
	    watched->in_registers || (watched->moves && breakpoint->watch->kind.by_stepping);
	watched->plain = watched->place.type && watched->parts.len == 1 && !watched->in_registers &&
	                 !watched->moves;
	return NULL;
}

struct mt_error *mt_watched_evaluate(struct mt_debug *debug, const struct mt_break *breakpoint,
                                     struct mt_watched *watched)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct reader reader = { .watched = watched };

	if (breakpoint->watch->kind.port_count) {
		watched->in_registers = true; /* dx, and what it is used for */
		return NULL;
	}
	mt_debug_world(debug, &reader.made);
	reader.made.world.loaded = note_load;
	reader.made.world.named = note_name;
	if (watched->frame.cfa)
		mt_debug_world_keep_scope(&reader.made, &watched->frame.scope);
	MT_TRY(evaluate(&reader, breakpoint, &arena));
	/* Which register it will be in, only the steps there tell. */
	if (watched->now.gone)
		watched->in_registers = watched->in_registers || !watched->frame.cfa;
	if (watched->now.gone)
		return NULL;
	if (reader.failed)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "%.80s depends on more than %d places in memory",
		                    breakpoint->location, MAX_PARTS);
	if (!watched->parts.len && !watched->in_registers)
		return mt_error_new(
		    MT_ERR_USAGE, "cannot watch the constant value '%.80s': nothing can change it",
		    breakpoint->location);
	return NULL;
}

/* ---- Without a frame ----------------------------------------------------- */

static bool same_parts(const struct mt_watched *a, const struct mt_watched *b)
{
	if (a->parts.len != b->parts.len || a->in_registers != b->in_registers)
		return false;
	for (size_t i = 0; i < a->parts.len; i++)
		if (a->parts.data[i].addr != b->parts.data[i].addr ||
		    a->parts.data[i].len != b->parts.data[i].len)
			return false;
	return true;
}

/* In a frame of which nothing but the place in the code is known, only what does not move is found.
 */
bool mt_watched_needs_frame(struct mt_debug *debug, const struct mt_break *breakpoint,
                            const struct mt_watched *watched)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_watched bare = { .proc = watched->proc };
	struct reader reader = { .watched = &bare };
	struct mt_error *error;
	bool needs;

	mt_debug_world(debug, &reader.made);
	if (!reader.made.world.frame)
		return false;
	if (watched->moves)
		return true;
	reader.made.world.loaded = note_load;
	reader.made.world.moment = 0;
	reader.made.frame.known = 0;
	reader.made.frame.has_cfa = false;
	reader.made.frame.caller = NULL;
	reader.made.frame.vector = NULL;
	error = evaluate(&reader, breakpoint, &arena);
	needs = error || !same_parts(watched, &bare);
	mt_error_free(error);
	mt_watched_free_parts(&bare);
	mt_watch_content_free(&bare.now);
	return needs;
}

/* ---- Reading again ------------------------------------------------------- */

static struct mt_error *read_memory(void *proc, uint64_t addr, void *out, size_t len)
{
	return mt_proc_read(proc, addr, out, len);
}

static struct mt_error *read_place(const struct mt_watched *watched,
                                   struct mt_watch_content *content)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	const struct mt_world world = { .arg = watched->proc, .read = read_memory };
	struct mt_value value = watched->place;

	MT_TRY(mt_value_fetch(&world, &arena, &value));
	return keep_bytes(value.bytes, (size_t)value.type->size, content);
}

struct mt_error *mt_watched_read(const struct mt_watched *watched, struct mt_watch_content *content)
{
	struct mt_watch_content read = { 0 };

	MT_TRY(keep_error(read_place(watched, &read), &read));
	*content = read;
	return NULL;
}

/* ---- Parts as they were -------------------------------------------------- */

void mt_watched_note_parts(struct mt_watched *watched)
{
	for (size_t i = 0; i < watched->parts.len; i++) {
		struct mt_watch_part *part = &watched->parts.data[i];

		if (!part->bytes)
			part->bytes = mt_alloc((size_t)part->len);
		if (part->bytes)
			mt_error_free(mt_proc_read(watched->proc, part->addr, part->bytes,
			                           (size_t)part->len));
	}
}

void mt_watched_note_value(struct mt_watched *watched, const struct mt_watch_content *content)
{
	struct mt_watch_part *part = &watched->parts.data[0];

	if (part->bytes && content->bytes && content->size == part->len)
		memcpy(part->bytes, content->bytes, content->size);
	else
		mt_watched_note_parts(watched);
}

static bool part_changed(const struct mt_watched *watched, const struct mt_watch_part *part)
{
	uint8_t small[64], *now MT_AUTO_FREE = NULL;
	struct mt_error *error;
	bool changed;

	if (!part->bytes)
		return true;
	if (part->len > sizeof(small))
		now = mt_alloc((size_t)part->len);
	error = mt_proc_read(watched->proc, part->addr, now ? now : small, (size_t)part->len);
	changed = error || memcmp(now ? now : small, part->bytes, (size_t)part->len) != 0;
	mt_error_free(error);
	return changed;
}

bool mt_watched_parts_changed(const struct mt_watched *watched)
{
	for (size_t i = 0; i < watched->parts.len; i++)
		if (part_changed(watched, &watched->parts.data[i]))
			return true;
	return false;
}

bool mt_watched_is_unmapped(const struct mt_watched *watched, const struct mt_watch_part *part)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), end = part->addr + part->len;
	uint8_t byte;

	for (uint64_t addr = part->addr; addr < end; addr = (addr / page + 1) * page)
		if (mt_proc_read_some(watched->proc, addr, &byte, 1) != 1)
			return true;
	return false;
}
