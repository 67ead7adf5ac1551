/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "symbol/type_text.h"

/* More bases behind a class are damage: it derives from itself. */
#define CLASSES_MAX 256
#define DEPTH_MAX 32
/* More names than people can give: the rest is called as everywhere. */
#define NAMES_MAX 1024

static bool has_same_qualifiers(const struct mt_type *a, const struct mt_type *b)
{
	for (int depth = 0; depth < DEPTH_MAX && a && b; depth++) {
		if (a->qualifiers != b->qualifiers)
			return false;
		a = a->target;
		b = b->target;
	}
	return true;
}

/* What has no name of its own is called as the template's argument that it is, also through a
 * typedef: as with gdb. */
static bool is_argument(const struct mt_type *argument, const struct mt_type *type)
{
	struct mt_type plain = mt_type_unrolled(type);

	return !plain.name && argument->target && mt_type_same(argument, type) &&
	       has_same_qualifiers(argument, &plain);
}

/* Whether `type` is called by the entry's name. A typedef is, by its own name in the class, and no
 * other typedef of the same type. */
static bool is_called(const struct mt_type *entry, const struct mt_type *type)
{
	if (!entry->name)
		return is_argument(entry, type);
	if (!entry->alias_of != !type->alias_of || !mt_type_same(entry, type) || !type->name)
		return false;
	return !type->alias_of || !strcmp(entry->name, type->name);
}

/* The first name of a type is kept, be it an outer class's. */
static void add(struct mt_type_names *names, const char *name, const struct mt_type *type)
{
	struct mt_nested entry = { .name = name, .type = type };

	if (names->own.len < NAMES_MAX && !mt_type_names_find(names, type))
		mt_vec_push(&names->own, entry); /* without memory: called as everywhere */
}

void mt_type_names_add_template(struct mt_type_names *names, const struct mt_class *of_class)
{
	for (size_t i = 0; of_class && i < of_class->template_arg_count; i++) {
		const struct mt_template_arg *arg = &of_class->template_args[i];

		if (arg->name && !arg->is_value)
			add(names, arg->name, arg->type);
	}
}

static void add_typedefs(struct mt_type_names *names, const struct mt_class *of_class,
                         unsigned *classes_left, int depth)
{
	for (size_t i = 0; i < of_class->typedef_count; i++)
		add(names, of_class->typedefs[i].name, of_class->typedefs[i].type);
	for (size_t i = 0; i < of_class->base_count && *classes_left && depth < DEPTH_MAX; i++) {
		const struct mt_class *base = mt_type_class(of_class->bases[i].type);

		--*classes_left;
		if (base)
			add_typedefs(names, base, classes_left, depth + 1);
	}
}

void mt_type_names_add_typedefs(struct mt_type_names *names, const struct mt_class *of_class)
{
	unsigned classes_left = CLASSES_MAX;

	if (of_class)
		add_typedefs(names, of_class, &classes_left, 0);
}

void mt_type_names_deinit(struct mt_type_names *names)
{
	mt_vec_deinit(&names->own);
}

const char *mt_type_names_find(const struct mt_type_names *names, const struct mt_type *type)
{
	for (; names; names = names->outer)
		for (size_t i = 0; i < names->own.len; i++)
			if (is_called(names->own.data[i].type, type))
				return names->own.data[i].name;
	return NULL;
}

/* ---- Inside of a template's arguments -------------------------------------- */

/* The length of the type at the start of an argument, template arguments of its own included:
 * "std::vector<int> const*" has that of "std::vector<int>". */
static size_t component_length(const char *text)
{
	size_t len = 0, nesting = 0;

	for (; text[len]; len++) {
		if (text[len] == '<')
			nesting++;
		else if (!nesting && strchr(",> *&([", text[len]))
			break;
		else if (text[len] == '>')
			nesting--;
	}
	return len;
}

static const char *find_text(const struct mt_type_names *names, const char *text, size_t len)
{
	for (; names; names = names->outer) {
		for (size_t i = 0; i < names->own.len; i++) {
			const char *name = names->own.data[i].type->name;

			if (name && strlen(name) == len && !strncmp(name, text, len))
				return names->own.data[i].name;
		}
	}
	return NULL;
}

/* Where a type may start in a name with template arguments. */
static bool starts_component(const char *start, const char *at, size_t nesting)
{
	return nesting && at > start && (at[-1] == '<' || at[-1] == ' ' || at[-1] == '(');
}

void mt_type_names_write(const struct mt_type_names *names, const char *text, struct mt_buf *out)
{
	size_t nesting = 0;

	for (const char *at = text; *at; at++) {
		size_t len = starts_component(text, at, nesting) ? component_length(at) : 0;
		const char *name = len ? find_text(names, at, len) : NULL;

		if (name) {
			mt_buf_text(out, name);
			at += len - 1;
			/* The space of "> >" is for what was there. */
			if (!strncmp(at + 1, " >", 2) && name[strlen(name) - 1] != '>')
				at++;
			continue;
		}
		if (*at == '<')
			nesting++;
		else if (*at == '>' && nesting)
			nesting--;
		mt_buf_char(out, *at);
	}
}
