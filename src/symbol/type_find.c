/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <string.h>

#include "base/buf.h"
#include "symbol/die.h"
#include "symbol/image_private.h"
#include "symbol/named.h"
#include "symbol/scope.h"
#include "symbol/type_dwarf.h"
#include "symbol/type_spelling.h"

struct wanted {
	struct mt_module_file *file;
	const char *qualifier; /* "ns::Class::", `qualifier_len` bytes of it */
	size_t qualifier_len;
	bool (*accepts)(int tag);
	Dwarf_Die die;
	enum { NOTHING, DECLARED, LOOSE, EXACT } found;
};

static bool is_struct_or_union(int tag)
{
	return mt_tag_is_struct(tag) || tag == DW_TAG_union_type;
}

static bool is_enum(int tag)
{
	return tag == DW_TAG_enumeration_type;
}

static bool is_any_type(int tag)
{
	return is_struct_or_union(tag) || is_enum(tag) || tag == DW_TAG_typedef ||
	       tag == DW_TAG_base_type || tag == DW_TAG_unspecified_type ||
	       tag == DW_TAG_template_alias;
}

static const struct {
	const char *keyword;
	bool (*accepts)(int tag);
} keywords[] = {
	{ "struct ", is_struct_or_union },
	{ "class ", is_struct_or_union },
	{ "union ", is_struct_or_union },
	{ "enum ", is_enum },
};

/* "Class" alone also finds ns::Class, when there is no other one. */
static int rank(const struct wanted *wanted, Dwarf_Die *die)
{
	const char *prefix = mt_scope_prefix(wanted->file, die);
	size_t len = prefix ? strlen(prefix) : 0;
	size_t tail = wanted->qualifier_len;

	if (!prefix || len < tail || memcmp(prefix + len - tail, wanted->qualifier, tail) != 0)
		return NOTHING;
	if (len > tail && tail && prefix[len - tail - 1] != ':')
		return NOTHING;
	if (mt_die_flag(die, DW_AT_declaration))
		return DECLARED;
	return len == tail ? EXACT : LOOSE;
}

static bool take_type(struct mt_die_path *path, void *arg)
{
	struct wanted *wanted = arg;
	Dwarf_Die *die = mt_die_path_last(path);
	int rank_here = wanted->accepts(dwarf_tag(die)) ? rank(wanted, die) : NOTHING;

	if (rank_here > (int)wanted->found) {
		wanted->found = (unsigned)rank_here;
		wanted->die = *die;
	}
	return wanted->found != EXACT;
}

static const struct mt_type *find_in_file(struct mt_module_file *file, const char *name,
                                          struct wanted *wanted)
{
	struct mt_units *units = mt_units_of(file);

	wanted->file = file;
	wanted->found = NOTHING;
	if (!units || !mt_named_each(units, name, take_type, wanted) || wanted->found == NOTHING)
		return NULL;

	const struct mt_type *type = mt_type_of_die(file, &wanted->die);

	if (type)
		mt_type_complete(type);
	return type;
}

/* The executable's, then the others'; one that is only declared there may be defined in another. */
static const struct mt_type *find_last_part(struct mt_image *image, const char *name,
                                            const char *last, struct wanted *wanted)
{
	const struct mt_module *executable = mt_image_executable(image);
	const struct mt_type *declared;

	wanted->qualifier = name;
	wanted->qualifier_len = (size_t)(last - name);
	declared = find_in_file(executable->file, last, wanted);
	if (declared && wanted->found != DECLARED)
		return declared;
	for (size_t i = 0; i < mt_image_module_count(image); i++) {
		const struct mt_module *module = mt_image_module(image, i);
		const struct mt_type *type =
		    module != executable ? find_in_file(module->file, last, wanted) : NULL;

		if (type && wanted->found != DECLARED)
			return type;
		if (!declared)
			declared = type;
	}
	return declared;
}

/* Rust has types whose own name has such a thing as "&mut a::b" in it. */
static const struct mt_type *find_in_image(struct mt_image *image, const char *name,
                                           struct wanted *wanted)
{
	const char *last = mt_scope_last_part(name);
	const struct mt_type *type = find_last_part(image, name, last, wanted);

	return !type && last != name ? find_last_part(image, name, name, wanted) : type;
}

/* As any compiler may spell it. */
static const struct mt_type *find_template(struct mt_image *image, const char *name,
                                           struct wanted *wanted)
{
	const struct mt_type *type = NULL;

	for (unsigned spelling = 0; !type && spelling < MT_SPELLINGS; spelling++) {
		struct mt_buf text MT_AUTO_BUF = { 0 };

		mt_type_spell(name, spelling, &text);
		if (mt_buf_ok(&text) && text.len && strcmp(text.data, name) != 0)
			type = find_in_image(image, text.data, wanted);
	}
	return type;
}

/* What C's headers name is looked for in the executable alone: each library has it again. */
static const struct mt_type *find_alias(struct mt_image *image, const char *name,
                                        const struct mt_type *otherwise)
{
	struct wanted wanted = { .accepts = is_any_type, .qualifier = name };
	const struct mt_type *type = find_in_file(mt_image_executable(image)->file, name, &wanted);

	return type && wanted.found == EXACT ? type : otherwise;
}

/* What stands behind "struct " and the like, which *accepts gets what it asks for. */
static const char *skip_keyword(const char *name, bool (**accepts)(int tag))
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++) {
		size_t len = strlen(keywords[i].keyword);

		if (!strncmp(name, keywords[i].keyword, len)) {
			*accepts = keywords[i].accepts;
			return name + len + strspn(name + len, " ");
		}
	}
	return name;
}

static const struct mt_type *look_for(struct mt_image *image, const char *name)
{
	const struct mt_type *base = mt_type_base_of(mt_image_machine(image), name);
	struct wanted wanted = { .accepts = is_any_type };

	if (base)
		return base->alias_of ? find_alias(image, name, base) : base;
	name = skip_keyword(name, &wanted.accepts);

	const struct mt_type *type = find_in_image(image, name, &wanted);

	return type || !strchr(name, '<') ? type : find_template(image, name, &wanted);
}

const struct mt_type *mt_type_find(struct mt_image *image, const char *name)
{
	const struct mt_question question = { .what = MT_ASKED_TYPE, .name = name };
	struct mt_answer answer = { 0 };
	struct mt_error *error;

	if (!mt_memo_get(image->memo, &question, &answer, &error)) {
		answer.type = look_for(image, name);
		mt_memo_put(&image->memo, &question, &answer, NULL);
	}
	return answer.type;
}

const struct mt_type *mt_type_definition(struct mt_image *image, const struct mt_type *type)
{
	const struct mt_lazy_type *origin = mt_type_origin(type);
	struct wanted wanted = { .accepts =
		                     type->kind == MT_TYPE_ENUM ? is_enum : is_struct_or_union };

	mt_type_complete(type);
	if (!type->is_declared || !origin || !origin->type.name)
		return type;

	const char *name = skip_keyword(origin->type.name, &wanted.accepts);
	const struct mt_type *found = find_in_image(image, name, &wanted);

	if (!found || found->is_declared || found->kind != type->kind || wanted.found != EXACT)
		return type;
	found = mt_type_qualified(image, found, type->qualifiers);
	return found ? found : type;
}
