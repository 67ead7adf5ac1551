/* SPDX-License-Identifier: MIT */
#include "symbol/named.h"

#include <dwarf.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "symbol/die.h"
#include "symbol/named_index.h"
#include "symbol/own_map.h"

/* A walk over one unit that enters only those DIEs which contain one of the positions. */
struct walk {
	const struct mt_offsets *positions;
	size_t next; /* the first position that is not behind us */
	bool (*matches)(Dwarf_Die *die, const void *wanted);
	const void *wanted;
	mt_die_visit visit;
	void *arg;
	struct mt_die_path path;
	bool stopped;
	const struct mt_indexing *left_by; /* only units that this index is without; NULL: all */
};

static bool has_position_before(const struct walk *walk, uint64_t end)
{
	return walk->next < walk->positions->len && walk->positions->data[walk->next] < end;
}

static void walk_children(struct walk *walk, uint64_t end);

static void walk_die(struct walk *walk, const Dwarf_Die *die, uint64_t end)
{
	if (walk->path.depth == MT_DIE_DEPTH)
		return;
	walk->path.dies[walk->path.depth++] = *die;
	if (walk->matches(mt_die_path_last(&walk->path), walk->wanted))
		walk->stopped = !walk->visit(&walk->path, walk->arg);
	if (!walk->stopped)
		walk_children(walk, end);
	walk->path.depth--;
}

static void walk_children(struct walk *walk, uint64_t end)
{
	Dwarf_Die child, next;

	if (!mt_die_child(mt_die_path_last(&walk->path), &child))
		return;
	while (!walk->stopped) {
		uint64_t start = dwarf_dieoffset(&child);
		bool more = mt_die_sibling(&child, &next);
		uint64_t child_end = more ? dwarf_dieoffset(&next) : end;

		while (has_position_before(walk, start))
			walk->next++;
		if (has_position_before(walk, child_end))
			walk_die(walk, &child, child_end);
		if (!more || !has_position_before(walk, end))
			return;
		child = next;
	}
}

static bool is_for(const struct walk *walk, const struct mt_space *space,
                   const struct mt_unit *unit)
{
	return !walk->left_by || mt_indexing_is_unread(walk->left_by, space, unit);
}

/* `positions` are in the space's section, sorted. */
static void walk_space(const struct mt_space *space, const struct mt_offsets *positions,
                       struct walk *walk)
{
	walk->positions = positions;
	walk->next = 0;
	while (walk->next < positions->len && !walk->stopped) {
		const struct mt_unit *unit = mt_unit_at(space, positions->data[walk->next]);

		if (!unit) {
			walk->next++;
			continue;
		}
		walk->path.depth = 1;
		if (is_for(walk, space, unit) &&
		    mt_space_die(space, unit->die, &walk->path.dies[0]))
			walk_children(walk, unit->end);
		while (has_position_before(walk, unit->end))
			walk->next++;
	}
}

/* Visits what an index has found, and frees that. True: there are units that it is without, which
 * the walk is for from now on. */
static bool walk_indexed(const struct mt_indexing *indexing, struct mt_indexed *found,
                         struct walk *walk)
{
	size_t count, left;

	for (size_t at = 0; at < found->len && !walk->stopped; at += count + 1) {
		count = found->data[at];
		if (mt_indexed_path(indexing, found->data + at + 1, count, &walk->path) &&
		    walk->matches(mt_die_path_last(&walk->path), walk->wanted))
			walk->stopped = !walk->visit(&walk->path, walk->arg);
	}
	mt_vec_deinit(found);
	mt_index_file_unread(indexing->file, &left);
	walk->left_by = indexing;
	return left > 0 && !walk->stopped;
}

/* ---- By name ------------------------------------------------------------- */

static bool is_of_named_kind(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return mt_tag_is_named(tag) && (tag != DW_TAG_member || mt_die_flag(die, DW_AT_external) ||
	                                mt_die_flag(die, DW_AT_declaration));
}

static bool has_name(Dwarf_Die *die, const void *wanted)
{
	Dwarf_Attribute attr;
	const char *name = dwarf_formstring(dwarf_attr(die, DW_AT_name, &attr));

	return name && !strcmp(name, wanted) && is_of_named_kind(die);
}

/* What is scanned is looked through window by window, and each is given back when it is done with:
 * as much memory as the sections have is never taken. */
#define WINDOW ((size_t)16 << 20)

static void release(bool is_own, struct mt_bytes section, size_t from)
{
	size_t left = section.size - from;

	if (is_own)
		mt_own_map_release(
		    (struct mt_bytes){ section.data + from, left < WINDOW ? left : WINDOW });
}

static bool scan_bytes(bool is_own, struct mt_bytes section, struct mt_bytes needle,
                       struct mt_offsets *found)
{
	for (size_t from = 0; from < section.size; from += WINDOW) {
		if (!mt_scan_bytes(section, from, from + WINDOW + needle.size - 1, needle, found))
			return false;
		release(is_own, section, from);
	}
	return true;
}

static bool scan_words(const struct mt_space *space, const struct mt_offsets *values,
                       struct mt_bytes also, struct mt_offsets *found)
{
	size_t over = also.size > sizeof(uint32_t) ? also.size : sizeof(uint32_t);

	for (size_t from = 0; from < space->bytes.size; from += WINDOW) {
		size_t left = space->bytes.size - from, first = found->len;
		struct mt_bytes window = { space->bytes.data + from,
			                   left < WINDOW + over ? left : WINDOW + over };

		if (!mt_scan_words(window, values->data, values->len, also, found))
			return false;
		for (size_t i = first; i < found->len; i++)
			found->data[i] += from;
		release(space->is_own, space->bytes, from);
	}
	return true;
}

/*
 * Where the string is in a string section: by itself, or, since linkers merge a string with a
 * longer one that ends in it, at the end of others. A linker that has kept it by itself uses that
 * everywhere. `framed` is the name between two NULs, `len` without them.
 */
static bool find_strings(bool is_own, struct mt_bytes section, const uint8_t *framed, size_t len,
                         struct mt_offsets *found)
{
	struct mt_bytes whole = { framed, len + 2 }, ending = { framed + 1, len + 1 };
	size_t before = found->len;

	if (section.size > len && !memcmp(section.data, ending.data, ending.size) &&
	    !mt_vec_push(found, 0))
		return false;

	size_t first = found->len;

	if (!scan_bytes(is_own, section, whole, found))
		return false;
	for (size_t i = first; i < found->len; i++)
		found->data[i]++;
	return found->len > before || scan_bytes(is_own, section, ending, found);
}

/* DW_FORM_strx: the DIE has an index into its unit's part of .debug_str_offsets. */
static bool scan_indices(struct mt_units *units, const struct mt_space *space,
                         const struct mt_offsets *strings, struct mt_offsets *positions)
{
	struct mt_offsets entries = { 0 };
	bool ok = mt_scan_words(units->str_offsets, strings->data, strings->len,
	                        (struct mt_bytes){ 0 }, &entries);

	for (size_t i = 0; ok && i < entries.len; i++) {
		const struct mt_unit_root *root = mt_units_root_of_string(units, entries.data[i]);
		uint64_t base = root ? root->str_base : 0;

		for (; ok && root && root < units->roots + units->root_count &&
		       root->str_base == base;
		     root++)
			ok = mt_scan_number(space->bytes, root->unit->die, root->unit->end,
			                    (uint32_t)((entries.data[i] - base) / 4), positions);
	}
	mt_vec_deinit(&entries);
	return ok;
}

/* Where in the space's section a DIE of that name may be, sorted. */
static bool scan_name(struct mt_units *units, const struct mt_space *space, const uint8_t *framed,
                      size_t len, struct mt_offsets *positions)
{
	bool is_alt = space->dwarf != units->spaces[0].dwarf;
	struct mt_bytes inlined = { framed + 1, len + 1 }; /* DW_FORM_string */
	struct mt_offsets strings = { 0 };
	bool ok = find_strings(!is_alt && units->str_is_own, is_alt ? units->alt_str : units->str,
	                       framed, len, &strings);

	if (ok && strings.len && units->str_offsets.size && space == units->spaces)
		ok = scan_indices(units, space, &strings, positions);
	if (ok && !is_alt) /* DW_FORM_GNU_strp_alt */
		ok = find_strings(false, units->alt_str, framed, len, &strings);
	mt_offsets_sort(&strings);
	ok = ok && scan_words(space, &strings, inlined, positions);
	mt_vec_deinit(&strings);
	mt_offsets_sort(positions);
	return ok;
}

static bool find_name(struct mt_units *units, struct mt_space *space, const uint8_t *framed,
                      size_t len, struct mt_offsets *positions)
{
	const char *name = (const char *)framed + 1;

	if (mt_recent_get(&space->recent, name, positions))
		return true;
	if (!scan_name(units, space, framed, len, positions))
		return false;
	mt_recent_put(&space->recent, name, positions);
	return true;
}

/* False without memory. */
static bool search_names(struct mt_units *units, const uint8_t *framed, size_t len,
                         struct walk *walk)
{
	bool ok = true;

	for (size_t i = 0; ok && i < units->space_count && !walk->stopped; i++) {
		struct mt_offsets positions = { 0 };

		ok = find_name(units, &units->spaces[i], framed, len, &positions);
		if (ok)
			walk_space(&units->spaces[i], &positions, walk);
		mt_vec_deinit(&positions);
	}
	for (size_t i = 0; ok && i < units->split_count && !walk->stopped; i++)
		ok = search_names(units->splits[i], framed, len, walk);
	return ok;
}

static bool scan_for_name(struct mt_units *units, const char *name, struct walk *walk)
{
	size_t len = strlen(name);
	uint8_t *framed MT_AUTO_FREE = mt_alloc(len + 2);

	if (!framed)
		return false;
	memcpy(framed + 1, name, len);
	return search_names(units, framed, len, walk);
}

bool mt_named_each(struct mt_units *units, const char *name, mt_die_visit visit, void *arg)
{
	struct walk walk = { .matches = has_name, .wanted = name, .visit = visit, .arg = arg };
	struct mt_indexing *indexing = *name ? mt_indexing_of(units) : NULL;
	struct mt_indexed found = { 0 };

	if (!*name)
		return true;
	if (indexing && mt_indexed_names(indexing, name, &found))
		return !walk_indexed(indexing, &found, &walk) || scan_for_name(units, name, &walk);
	mt_vec_deinit(&found);
	if (indexing)
		mt_indexing_refuse(indexing);
	return scan_for_name(units, name, &walk);
}

/* ---- By what they refer to ----------------------------------------------- */

struct targets {
	void **addrs; /* sorted */
	size_t count;
};

bool mt_die_origin(Dwarf_Die *die, Dwarf_Die *origin)
{
	return mt_die_target(die, DW_AT_specification, origin) ||
	       mt_die_target(die, DW_AT_abstract_origin, origin);
}

static int compare_pointers(const void *left, const void *right)
{
	const char *a = *(char *const *)left, *b = *(char *const *)right;

	return a < b ? -1 : a > b;
}

static bool refers_to(Dwarf_Die *die, const void *wanted)
{
	const struct targets *targets = wanted;
	Dwarf_Die origin;

	return mt_die_origin(die, &origin) && bsearch(&origin.addr, targets->addrs, targets->count,
	                                              sizeof(void *), compare_pointers);
}

/* In the target's own unit a reference is relative to the unit, and may be short. */
static bool scan_unit_references(const struct mt_space *space, Dwarf_Die *target,
                                 struct mt_offsets *positions)
{
	uint64_t offset = dwarf_dieoffset(target);
	const struct mt_unit *unit = mt_unit_at(space, offset);

	return !unit || mt_scan_number(space->bytes, unit->die, unit->end,
	                               (uint32_t)(offset - unit->offset), positions);
}

bool mt_die_is_shared(Dwarf_Die *target)
{
	Dwarf_Die unit;

	return !mt_die_flag(target, DW_AT_declaration) ||
	       (dwarf_diecu(target, &unit, NULL, NULL) && dwarf_tag(&unit) == DW_TAG_partial_unit);
}

static bool scan_references(struct mt_space *space, Dwarf_Die *targets, size_t count,
                            struct mt_offsets *positions)
{
	struct mt_offsets shared = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < count; i++) {
		if (dwarf_cu_getdwarf(targets[i].cu) == space->dwarf)
			ok = scan_unit_references(space, &targets[i], positions);
		if (ok && mt_die_is_shared(&targets[i]))
			ok = mt_vec_push(&shared, dwarf_dieoffset(&targets[i]));
	}
	mt_offsets_sort(&shared);
	if (ok && shared.len)
		ok = scan_words(space, &shared, (struct mt_bytes){ 0 }, positions);
	mt_vec_deinit(&shared);
	mt_offsets_sort(positions);
	return ok;
}

static bool search_referrers(struct mt_units *units, Dwarf_Die *targets, size_t count,
                             struct walk *walk)
{
	struct mt_offsets positions = { 0 };

	if (!units->space_count)
		return true;

	bool ok = scan_references(&units->spaces[0], targets, count, &positions);

	if (ok)
		walk_space(&units->spaces[0], &positions, walk);
	mt_vec_deinit(&positions);
	for (size_t i = 0; ok && i < units->split_count && !walk->stopped; i++)
		ok = search_referrers(units->splits[i], targets, count, walk);
	return ok;
}

bool mt_referrers_each(struct mt_units *units, Dwarf_Die *targets, size_t count, mt_die_visit visit,
                       void *arg)
{
	void **addrs MT_AUTO_FREE = mt_alloc_array(count + 1, sizeof(*addrs));
	struct targets wanted = { addrs, count };
	struct walk walk = { .matches = refers_to, .wanted = &wanted, .visit = visit, .arg = arg };
	struct mt_indexing *indexing = mt_indexing_of(units);
	struct mt_indexed found = { 0 };

	if (!addrs)
		return false;
	for (size_t i = 0; i < count; i++)
		addrs[i] = targets[i].addr;
	qsort(addrs, count, sizeof(*addrs), compare_pointers);
	if (indexing && mt_indexed_referrers(indexing, targets, count, &found))
		return !walk_indexed(indexing, &found, &walk) ||
		       search_referrers(units, targets, count, &walk);
	mt_vec_deinit(&found);
	if (indexing)
		mt_indexing_refuse(indexing);
	return search_referrers(units, targets, count, &walk);
}
