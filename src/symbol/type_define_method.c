/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "symbol/type_define.h"
#include "symbol/type_spelling.h"

static bool is_shown(const struct mt_method *method)
{
	return !method->is_artificial;
}

/* "operator int", but not "operator new". */
static bool is_conversion(const char *name)
{
	if (strncmp(name, "operator", 8) != 0 || name[8] != ' ')
		return false;
	name += 9;
	return !((!strncmp(name, "new", 3) || !strncmp(name, "delete", 6)) &&
	         !isalnum((unsigned char)name[name[0] == 'n' ? 3 : 6]));
}

static void write_method_qualifiers(struct mt_definition *definition,
                                    const struct mt_method *method)
{
	const struct mt_type *function = method->type;
	const struct mt_type *self =
	    !method->is_static && function->param_count ? function->params[0]->target : NULL;
	struct mt_buf *out = definition->writer.out;

	if (self && self->qualifiers & MT_QUAL_CONST)
		mt_buf_text(out, " const");
	if (self && self->qualifiers & MT_QUAL_VOLATILE)
		mt_buf_text(out, " volatile");
}

/* Of a template's instance it has the arguments. */
static void write_name(struct mt_buf *out, const char *name)
{
	if (strncmp(name, "operator", 8) != 0)
		mt_type_spell(name, MT_SPELLING_GDB, out);
	else
		mt_buf_text(out, name);
}

static void define_method(struct mt_definition *definition, const struct mt_method *method,
                          unsigned level)
{
	struct mt_type_writer *writer = &definition->writer;
	bool has_result =
	    !method->is_constructor && !method->is_destructor && !is_conversion(method->name);

	mt_define_indent(definition, level + 4);
	if (method->has_vtable_index)
		mt_buf_text(writer->out, "virtual ");
	else if (method->is_static)
		mt_buf_text(writer->out, "static ");
	if (has_result) {
		mt_type_write(writer, method->type->target, NULL);
		mt_buf_char(writer->out, ' ');
	}
	write_name(writer->out, method->name);
	mt_type_write_params(writer, method->type, method->is_static ? 0 : 1);
	write_method_qualifiers(definition, method);
	mt_buf_text(writer->out, ";\n");
}

static bool any_shown(const struct mt_class *of_class)
{
	for (size_t i = 0; i < of_class->method_count; i++)
		if (is_shown(&of_class->methods[i]))
			return true;
	return false;
}

/* ---- Their order: those of one name together, where the first one is -------------- */

struct place {
	const struct mt_method *method;
	const struct mt_method *first; /* of that name */
};

static int compare_methods(const struct mt_method *a, const struct mt_method *b)
{
	return a < b ? -1 : a > b;
}

static int by_name(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	int order = strcmp(a->method->name, b->method->name);

	return order ? order : compare_methods(a->method, b->method);
}

static int by_first(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	int order = compare_methods(a->first, b->first);

	return order ? order : compare_methods(a->method, b->method);
}

/* NULL without memory. */
static struct place *order_methods(const struct mt_class *of_class)
{
	size_t count = of_class->method_count;
	struct place *places = mt_alloc_array(count + 1, sizeof(*places));

	if (!places)
		return NULL;
	for (size_t i = 0; i < count; i++)
		places[i].method = &of_class->methods[i];
	qsort(places, count, sizeof(*places), by_name);
	for (size_t i = 0; i < count; i++) {
		bool is_next = i && !strcmp(places[i].method->name, places[i - 1].method->name);

		places[i].first = is_next ? places[i - 1].first : places[i].method;
	}
	qsort(places, count, sizeof(*places), by_first);
	return places;
}

void mt_define_methods(struct mt_definition *definition, const struct mt_class *of_class,
                       struct mt_section *section, unsigned level)
{
	struct place *places MT_AUTO_FREE = order_methods(of_class);

	if (section->is_open && any_shown(of_class))
		mt_buf_char(definition->writer.out, '\n');
	for (size_t i = 0; places && i < of_class->method_count; i++) {
		const struct mt_method *method = places[i].method;

		if (!is_shown(method) || !mt_type_writer_goes_on(&definition->writer))
			continue;
		mt_define_label(definition, section, method->access, level);
		define_method(definition, method, level);
	}
}
