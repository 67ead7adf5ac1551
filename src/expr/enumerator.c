/* SPDX-License-Identifier: MIT */
#include "expr/enumerator.h"

#include <string.h>

/* More types than any watched range has; damaged DWARF may nest them without end. */
enum { MAX_TYPES = 1000, MAX_NESTING = 20 };

/* False ends the walk. */
typedef bool (*enum_visit)(const struct mt_type *type, void *arg);

struct walk {
	enum_visit visit;
	void *arg;
	unsigned types_left;
};

/* Visits the enumerations in `type`; false when a visit ended the walk. */
static bool walk_type(struct walk *walk, const struct mt_type *type, unsigned nesting)
{
	if (!walk->types_left || nesting > MAX_NESTING)
		return true;
	walk->types_left--;
	if (type->kind == MT_TYPE_ENUM)
		return walk->visit(type, walk->arg);
	if (type->kind == MT_TYPE_ARRAY)
		return walk_type(walk, type->target, nesting + 1);
	for (size_t i = 0; i < type->member_count; i++)
		if (!walk_type(walk, type->members[i].type, nesting + 1))
			return false;
	return true;
}

struct search {
	const char *scope, *name;
	const struct mt_enumerator *found;
};

/* "enum state", "Task::state" and "state" are all called state. */
static bool is_called(const struct mt_type *type, const char *scope)
{
	size_t scope_len = strlen(scope), len = type->name ? strlen(type->name) : 0;

	if (scope_len > len || strcmp(type->name + len - scope_len, scope) != 0)
		return false;
	return scope_len == len || strchr(" :", type->name[len - scope_len - 1]);
}

static bool search_enum(const struct mt_type *type, void *arg)
{
	struct search *search = arg;

	if (search->scope && !is_called(type, search->scope))
		return true;
	for (size_t i = 0; i < type->enumerator_count; i++)
		if (!strcmp(type->enumerators[i].name, search->name))
			search->found = &type->enumerators[i];
	return !search->found;
}

const struct mt_enumerator *mt_enumerator_find(const struct mt_type *watched, const char *scope,
                                               const char *name)
{
	struct search search = { .scope = scope, .name = name };
	struct walk walk = { .visit = search_enum, .arg = &search, .types_left = MAX_TYPES };

	walk_type(&walk, watched, 0);
	return search.found;
}

static bool offer_enum(const struct mt_type *type, void *arg)
{
	for (size_t i = 0; i < type->enumerator_count; i++)
		mt_near_offer(arg, type->enumerators[i].name);
	return true;
}

void mt_enumerator_offer(const struct mt_type *watched, struct mt_near *near)
{
	struct walk walk = { .visit = offer_enum, .arg = near, .types_left = MAX_TYPES };

	walk_type(&walk, watched, 0);
}
