/* SPDX-License-Identifier: MIT */
#include "symbol/type_define.h"

#include <inttypes.h>
#include <string.h>

#include "symbol/scope.h"

/* Structs by value inside of one definition, and its length. */
#define TYPES_MAX 4096
#define LENGTH_MAX (16u << 20)

void mt_define_indent(struct mt_definition *definition, unsigned columns)
{
	mt_buf_printf(definition->writer.out, "%*s", (int)columns, "");
}

static bool is_tagged(const struct mt_type *type)
{
	return type->kind == MT_TYPE_STRUCT || type->kind == MT_TYPE_UNION ||
	       type->kind == MT_TYPE_ENUM;
}

/* In C the keyword belongs to the name. */
const char *mt_define_tag(const struct mt_definition *definition, const struct mt_type *type)
{
	const char *space =
	    definition->writer.language == MT_LANG_C && type->name ? strchr(type->name, ' ') : NULL;

	return space ? space + 1 : type->name;
}

/* ---- Enumerations ------------------------------------------------------------- */

void mt_enumerator_format(const struct mt_type *type, const struct mt_enumerator *enumerator,
                          struct mt_buf *out)
{
	bool is_qualified = type->name && mt_type_language(type) != MT_LANG_C;
	const char *last = is_qualified ? mt_scope_last_part(type->name) : NULL;

	if (is_qualified && type->is_scoped)
		mt_buf_printf(out, "%s::", type->name);
	else if (is_qualified)
		mt_buf_bytes(out, type->name, (size_t)(last - type->name));
	mt_buf_text(out, enumerator->name);
}

static void write_enumerators(struct mt_buf *out, const struct mt_type *type)
{
	int64_t expected = 0;

	mt_buf_char(out, '{');
	for (size_t i = 0; i < type->enumerator_count; i++) {
		const struct mt_enumerator *one = &type->enumerators[i];

		mt_buf_text(out, i ? ", " : "");
		mt_enumerator_format(type, one, out);
		if (one->value != expected)
			mt_buf_printf(out, " = %" PRId64, one->value);
		expected = (int64_t)((uint64_t)one->value + 1);
	}
	mt_buf_char(out, '}');
}

static void define_enum(struct mt_definition *definition, const struct mt_type *type, int show)
{
	struct mt_buf *out = definition->writer.out;
	const char *tag = mt_define_tag(definition, type);
	bool is_c = definition->writer.language == MT_LANG_C;

	mt_buf_printf(out, "enum %s%s", type->is_scoped ? "class " : "", tag ? tag : "");
	mt_buf_text(out, tag ? " " : "");
	if (show < 0 && !tag) {
		mt_buf_text(out, "{...}");
		return;
	}
	if (!is_c && type->target && type->target->name)
		mt_buf_printf(out, ": %s ", type->target->name);
	write_enumerators(out, type);
}

/* ---- Structs, classes and unions ----------------------------------------------- */

static void write_template_args(struct mt_definition *definition, const struct mt_class *of_class)
{
	struct mt_buf *out = definition->writer.out;
	const char *separator = "[with ";

	for (size_t i = 0; i < of_class->template_arg_count; i++) {
		const struct mt_template_arg *arg = &of_class->template_args[i];

		if (arg->is_value || !arg->name)
			continue;
		mt_buf_printf(out, "%s%s = ", separator, arg->name);
		mt_type_write(&definition->writer, arg->type, NULL);
		separator = ", ";
	}
	mt_buf_text(out, *separator == ',' ? "] " : "");
}

static void write_bases(struct mt_definition *definition, const struct mt_class *of_class)
{
	static const char *const words[] = {
		[MT_ACCESS_PUBLIC] = "public",
		[MT_ACCESS_PROTECTED] = "protected",
		[MT_ACCESS_PRIVATE] = "private",
	};
	struct mt_buf *out = definition->writer.out;

	for (size_t i = 0; i < of_class->base_count; i++) {
		const struct mt_base *base = &of_class->bases[i];

		mt_buf_printf(out, "%s%s%s ", i ? ", " : ": ", words[base->access],
		              base->is_virtual ? " virtual" : "");
		mt_type_write(&definition->writer, base->type, NULL);
	}
	mt_buf_text(out, of_class->base_count ? " " : "");
}

/* Inside of a class its template's parameters hold, and then its typedefs. */
static void define_class(struct mt_definition *definition, const struct mt_type *type, int show,
                         unsigned level, uint64_t start)
{
	const struct mt_type_names *outer = definition->writer.names;
	const struct mt_class *of_class = mt_type_class(type);
	struct mt_type_names names = { .outer = outer };

	if (of_class && !(definition->options & MT_DEFINE_RAW)) {
		write_template_args(definition, of_class);
		mt_type_names_add_template(&names, of_class);
		definition->writer.names = &names;
	}
	if (of_class)
		write_bases(definition, of_class);
	mt_define_body(definition, type, show, level, start);
	definition->writer.names = outer;
	mt_type_names_deinit(&names);
}

static void define_struct(struct mt_definition *definition, const struct mt_type *type, int show,
                          unsigned level, uint64_t start)
{
	const char *tag = mt_define_tag(definition, type);

	mt_buf_printf(definition->writer.out, "%s ", mt_type_keyword(type));
	if (tag) {
		mt_type_names_write(definition->writer.names, tag, definition->writer.out);
		mt_buf_char(definition->writer.out, ' ');
	}
	if (show < 0 || !definition->types_left) {
		mt_buf_text(definition->writer.out, "{...}");
		return;
	}
	definition->types_left--;
	define_class(definition, type, show, level, start);
}

/* ---- Any type ------------------------------------------------------------------- */

static void define_c(struct mt_definition *definition, const struct mt_type *type, const char *name,
                     int show, unsigned level, uint64_t start)
{
	struct mt_type_writer *writer = &definition->writer;
	bool unrolls = writer->unrolls;

	writer->unrolls = show > 0;

	struct mt_type base = mt_type_base_behind(writer, type);

	if (!is_tagged(&base) || (show <= 0 && base.name) ||
	    mt_type_names_find(writer->names, type)) {
		mt_type_write(writer, type, name);
	} else {
		mt_type_write_qualifiers(writer, base.qualifiers);
		writer->unrolls = false;
		if (base.kind == MT_TYPE_ENUM)
			define_enum(definition, &base, show);
		else
			define_struct(definition, &base, show, level, start);
		writer->unrolls = show > 0;
		mt_type_write_around(writer, type, name);
	}
	writer->unrolls = unrolls;
}

void mt_define(struct mt_definition *definition, const struct mt_type *type, const char *name,
               int show, unsigned level, uint64_t start)
{
	struct mt_type_writer *writer = &definition->writer;

	if (!mt_type_writer_goes_on(writer)) {
		mt_buf_text(writer->out, "...");
		return;
	}
	writer->depth++;
	if (writer->language == MT_LANG_RUST && show > 0)
		mt_define_rust(definition, type, level, start);
	else
		define_c(definition, type, name, show, level, start);
	writer->depth--;
}

void mt_type_print_definition(const struct mt_type *type, unsigned options, struct mt_buf *out)
{
	struct mt_definition definition = { .writer = mt_type_writer(type, out),
		                            .options = options,
		                            .types_left = TYPES_MAX };
	bool is_struct = type->kind == MT_TYPE_STRUCT || type->kind == MT_TYPE_UNION;
	const struct mt_type *alias = type->alias_of;
	bool has_columns =
	    is_struct &&
	    (!alias || (alias->name && type->name && !strcmp(alias->name, type->name)));

	definition.writer.limit = out->len + LENGTH_MAX;
	if (options & MT_DEFINE_OFFSETS && has_columns)
		mt_buf_text(out, "/* offset      |    size */  ");
	mt_buf_text(out, "type = ");
	mt_type_complete(type);
	mt_define(&definition, type, NULL, MT_SHOW_BODY, 0, 0);
}
