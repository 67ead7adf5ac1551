/* SPDX-License-Identifier: MIT */
#include "symbol/enumerator.h"

#include <dwarf.h>
#include <string.h>

#include "symbol/image_private.h"
#include "symbol/named.h"
#include "symbol/scope.h"
#include "symbol/type_dwarf.h"

struct search {
	struct mt_module_file *file;
	const char *scope, *name;
	const struct mt_type *type;
	int64_t value;
};

/* "ns::Task::" ends in Task, and in ns::Task. */
static bool ends_in(const char *prefix, const char *scope)
{
	size_t len = strlen(prefix), scope_len = strlen(scope);

	if (len < 2 || scope_len > len - 2 ||
	    memcmp(prefix + len - 2 - scope_len, scope, scope_len) != 0)
		return false;
	return len - 2 == scope_len || prefix[len - 3 - scope_len] == ':';
}

/* Enumerations are called by their own name, or by what they stand in; those that are anonymous
 * only by the latter. */
static bool is_in_scope(const struct search *search, Dwarf_Die *enumeration)
{
	const char *prefix = mt_scope_prefix(search->file, enumeration);
	const char *own = dwarf_diename(enumeration);
	const char *last;

	if (!search->scope)
		return true;
	if (!prefix)
		return false;
	if (ends_in(prefix, search->scope))
		return true;
	last = mt_scope_last_part(search->scope);
	if (!own || strcmp(own, last) != 0)
		return false;
	if (last == search->scope)
		return true;

	char before[256];
	size_t len = (size_t)(last - search->scope) - 2;
	if (len >= sizeof(before))
		return false;
	memcpy(before, search->scope, len);
	before[len] = '\0';
	return ends_in(prefix, before);
}

static bool take_enumerator(struct mt_die_path *path, void *arg)
{
	struct search *search = arg;
	Dwarf_Die *parent;
	const struct mt_type *type;

	if (path->depth < 2 || dwarf_tag(mt_die_path_last(path)) != DW_TAG_enumerator)
		return true;
	parent = &path->dies[path->depth - 2];
	if (dwarf_tag(parent) != DW_TAG_enumeration_type || !is_in_scope(search, parent))
		return true;
	type = mt_type_of_die(search->file, parent);
	if (!type)
		return true;
	mt_type_complete(type);
	for (size_t i = 0; i < type->enumerator_count; i++) {
		if (strcmp(type->enumerators[i].name, search->name) != 0)
			continue;
		search->type = type;
		search->value = type->enumerators[i].value;
		return false;
	}
	return true;
}

static bool find_in_module(const struct mt_module *module, struct search *search)
{
	struct mt_units *units = mt_units_of(module->file);

	search->file = module->file;
	if (units)
		mt_named_each(units, search->name, take_enumerator, search);
	return search->type != NULL;
}

static void look_for(struct mt_image *image, struct search *search)
{
	const struct mt_module *executable = mt_image_executable(image);
	bool found = executable && find_in_module(executable, search);

	for (size_t i = 0; !found && i < mt_image_module_count(image); i++)
		if (mt_image_module(image, i) != executable)
			found = find_in_module(mt_image_module(image, i), search);
}

bool mt_enumerator_of_image(struct mt_image *image, const char *scope, const char *name,
                            const struct mt_type **type, int64_t *value)
{
	const struct mt_question question = { .what = MT_ASKED_ENUMERATOR,
		                              .scope = scope,
		                              .name = name };
	struct mt_answer answer = { 0 };
	struct mt_error *error;

	if (!mt_memo_get(image->memo, &question, &answer, &error)) {
		struct search search = { .scope = scope, .name = name };

		look_for(image, &search);
		answer = (struct mt_answer){ .type = search.type, .value = search.value };
		mt_memo_put(&image->memo, &question, &answer, NULL);
	}
	if (!answer.type)
		return false;
	*type = answer.type;
	*value = answer.value;
	return true;
}
