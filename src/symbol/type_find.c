/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <string.h>

#include "base/buf.h"
#include "symbol/die.h"
#include "symbol/named.h"
#include "symbol/scope.h"
#include "symbol/type_dwarf.h"

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
	       tag == DW_TAG_base_type || tag == DW_TAG_unspecified_type;
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

const struct mt_type *mt_type_find(struct mt_image *image, const char *name)
{
	const struct mt_type *base = mt_type_base_of(mt_image_machine(image), name);
	struct wanted wanted = { .accepts = is_any_type };

	if (base)
		return base;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++) {
		size_t len = strlen(keywords[i].keyword);

		if (!strncmp(name, keywords[i].keyword, len)) {
			wanted.accepts = keywords[i].accepts;
			name += len + strspn(name + len, " ");
			break;
		}
	}

	const char *last = mt_scope_last_part(name);
	const struct mt_module *executable = mt_image_executable(image);

	wanted.qualifier = name;
	wanted.qualifier_len = (size_t)(last - name);

	const struct mt_type *type = find_in_file(executable->file, last, &wanted);

	for (size_t i = 0; !type && i < mt_image_module_count(image); i++)
		if (mt_image_module(image, i) != executable)
			type = find_in_file(mt_image_module(image, i)->file, last, &wanted);
	return type;
}
