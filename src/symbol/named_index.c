/* SPDX-License-Identifier: MIT */
#include "symbol/named_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* The unit that has the DIE, if it is one of those that were read whole. */
static const struct mt_unit *unit_of(const struct mt_indexing *indexing, uint32_t position,
                                     const struct mt_index_space **space)
{
	const struct mt_unit *unit;

	*space = mt_indexing_space(indexing, position);
	if (!*space)
		return NULL;
	unit = mt_unit_at((*space)->space, position - (*space)->base);
	return unit && !mt_indexing_is_unread(indexing, (*space)->space, unit) ? unit : NULL;
}

/* ---- Paths --------------------------------------------------------------- */

/* Appends the path to a place; those of a unit that is scanned anyway are left out. */
static bool append_path(const struct mt_indexing *indexing, const struct mt_index_place *place,
                        struct mt_indexed *found)
{
	const struct mt_index_space *space;
	uint32_t around[MT_DIE_DEPTH];
	uint32_t parent = place->parent;
	size_t count = 0;

	if (!unit_of(indexing, place->die, &space))
		return true;
	for (; parent; count++) {
		if (count + 2 >= MT_DIE_DEPTH)
			return false;
		around[count] = parent;
		if (!mt_index_file_parent(indexing->file, around[count], &parent))
			return false;
	}
	if (!mt_vec_push(found, (uint32_t)count + 1))
		return false;
	while (count)
		if (!mt_vec_push(found, around[--count]))
			return false;
	return mt_vec_push(found, place->die);
}

/* Neighbours in a struct or a function have the same DIEs around them. */
static bool append_beside(const struct mt_index_place *place, size_t last, struct mt_indexed *found)
{
	size_t count = found->data[last];

	if (!mt_vec_reserve(found, found->len + count + 1))
		return false;
	memcpy(found->data + found->len, found->data + last, count * sizeof(*found->data));
	found->data[found->len + count] = place->die;
	found->len += count + 1;
	return true;
}

static bool append_paths(const struct mt_indexing *indexing, const struct mt_index_places *places,
                         struct mt_indexed *found)
{
	size_t last = SIZE_MAX;

	for (size_t i = 0; i < places->len; i++) {
		const struct mt_index_place *place = &places->data[i];
		size_t start = found->len;
		bool is_beside = last != SIZE_MAX && place->parent &&
		                 places->data[i - 1].parent == place->parent;

		if (!(is_beside ? append_beside(place, last, found)
		                : append_path(indexing, place, found)))
			return false;
		last = found->len > start ? start : SIZE_MAX;
	}
	return true;
}

bool mt_indexed_path(const struct mt_indexing *indexing, const uint32_t *positions, size_t count,
                     struct mt_die_path *path)
{
	const struct mt_index_space *space;
	const struct mt_unit *unit = unit_of(indexing, positions[0], &space);

	if (!unit || !mt_space_die(space->space, unit->die, &path->dies[0]))
		return false;
	path->depth = 1;
	for (size_t i = 0; i < count; i++) {
		uint64_t offset = positions[i] - space->base;

		if (offset <= unit->die || offset >= unit->end ||
		    !mt_space_die(space->space, offset, &path->dies[path->depth++]))
			return false;
	}
	return true;
}

/* ---- Names --------------------------------------------------------------- */

bool mt_indexed_names(const struct mt_indexing *indexing, const char *name,
                      struct mt_indexed *found)
{
	struct mt_index_places places = { 0 };
	uint32_t key = mt_index_hash(name, strlen(name));
	bool ok = mt_index_file_find(indexing->file, MT_INDEX_NAMES, key, &places) &&
	          append_paths(indexing, &places, found);

	mt_vec_deinit(&places);
	return ok;
}

/* ---- References ---------------------------------------------------------- */

/* The position of a DIE that others refer to; 0: no reference to it is in the index. */
static uint32_t position_of(const struct mt_indexing *indexing, Dwarf_Die *die)
{
	const Dwarf *dwarf = dwarf_cu_getdwarf(die->cu);
	uint64_t offset = dwarf_dieoffset(die);

	for (size_t i = 0; i < indexing->space_count; i++) {
		const struct mt_index_space *space = &indexing->spaces[i];

		if (space->space->dwarf == dwarf && !space->space->is_types)
			return offset < space->bytes.size ? space->base + (uint32_t)offset : 0;
	}
	return 0;
}

static bool is_in_unit_of(const struct mt_indexing *indexing, uint32_t die, uint32_t other)
{
	const struct mt_index_space *space, *others;
	const struct mt_unit *unit = unit_of(indexing, die, &space);

	return unit && unit == unit_of(indexing, other, &others);
}

/* What only its own unit may refer to (see mt_die_is_shared()) has no referrers elsewhere. */
static bool find_referrers(const struct mt_indexing *indexing, Dwarf_Die *target,
                           struct mt_index_places *places)
{
	uint32_t position = position_of(indexing, target);
	size_t kept = places->len, from = kept;

	if (!position)
		return true;
	if (!mt_index_file_find(indexing->file, MT_INDEX_REFERENCES, position, places))
		return false;
	if (mt_die_is_shared(target))
		return true;
	for (size_t i = from; i < places->len; i++)
		if (is_in_unit_of(indexing, places->data[i].die, position))
			places->data[kept++] = places->data[i];
	places->len = kept;
	return true;
}

/* In the order of the section, each once. */
static void sort_places(struct mt_index_places *places)
{
	size_t kept = 0;

	if (places->len)
		qsort(places->data, places->len, sizeof(*places->data), mt_index_compare_places);
	for (size_t i = 0; i < places->len; i++)
		if (!kept || places->data[i].die != places->data[kept - 1].die)
			places->data[kept++] = places->data[i];
	places->len = kept;
}

bool mt_indexed_referrers(const struct mt_indexing *indexing, Dwarf_Die *targets, size_t count,
                          struct mt_indexed *found)
{
	struct mt_index_places places = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < count; i++)
		ok = find_referrers(indexing, &targets[i], &places);
	sort_places(&places);
	ok = ok && append_paths(indexing, &places, found);
	mt_vec_deinit(&places);
	return ok;
}
