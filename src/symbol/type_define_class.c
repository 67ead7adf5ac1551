/* SPDX-License-Identifier: MIT */
/* The body of C's structs and C++'s classes, in gdb's order and with its labels. */
#include <string.h>

#include "symbol/type_define.h"

/* ---- Access labels -------------------------------------------------------------- */

/* gdb leaves labels out where all is as the keyword has it; what compilers made counts as private.
 */
static bool needs_labels(const struct mt_type *type, const struct mt_class *of_class)
{
	enum mt_access usual = type->is_class ? MT_ACCESS_PRIVATE : MT_ACCESS_PUBLIC;
	bool needed = false;

	for (size_t i = 0; i < type->member_count; i++) {
		const struct mt_member *member = &type->members[i];
		enum mt_access access =
		    member->is_artificial ? MT_ACCESS_PRIVATE : mt_class_access(of_class, i);

		needed |= !member->is_base && access != usual;
	}
	for (size_t i = 0; i < of_class->static_count; i++)
		needed |= of_class->statics[i].access != usual;
	for (size_t i = 0; i < of_class->method_count; i++)
		needed |= of_class->methods[i].access != usual;
	for (size_t i = 0; i < of_class->typedef_count; i++)
		needed |= of_class->typedefs[i].access != usual;
	return needed;
}

void mt_define_label(struct mt_definition *definition, struct mt_section *section,
                     enum mt_access access, unsigned level)
{
	static const char *const labels[] = {
		[MT_ACCESS_PUBLIC] = "public:\n",
		[MT_ACCESS_PROTECTED] = "protected:\n",
		[MT_ACCESS_PRIVATE] = "private:\n",
	};

	if (section->is_open && section->access == access)
		return;
	*section = (struct mt_section){ .is_open = true, .access = access };
	mt_layout_blank(definition);
	mt_define_indent(definition, level + 2);
	mt_buf_text(definition->writer.out, labels[access]);
}

/* ---- Fields ---------------------------------------------------------------------- */

struct body {
	struct mt_definition *definition;
	const struct mt_type *type;
	const struct mt_class *of_class; /* NULL: without memory */
	struct mt_section section;
	struct mt_layout layout;
	bool has_labels;
	int show;
	unsigned level;
};

static void label(struct body *body, enum mt_access access)
{
	if (body->has_labels)
		mt_define_label(body->definition, &body->section, access, body->level);
}

static void define_member(struct body *body, size_t i)
{
	struct mt_definition *definition = body->definition;
	const struct mt_member *member = &body->type->members[i];
	bool is_struct =
	    member->type->kind == MT_TYPE_STRUCT || member->type->kind == MT_TYPE_UNION;
	bool is_spelled_out =
	    is_struct && !member->type->alias_of && definition->options & MT_DEFINE_OFFSETS;

	if (body->of_class)
		label(body, mt_class_access(body->of_class, i));
	mt_layout_member(definition, &body->layout, member);
	mt_define_indent(definition, body->level + 4);
	mt_define(definition, member->type, member->name,
	          is_spelled_out ? body->show : body->show - 1, body->level + 4,
	          body->layout.start + 8 * member->offset);
	if (member->bit_size)
		mt_buf_printf(definition->writer.out, " : %u", member->bit_size);
	mt_buf_text(definition->writer.out, ";\n");
}

/* The static members that were declared before member i. */
static void define_statics(struct body *body, size_t i, size_t *at)
{
	struct mt_definition *definition = body->definition;
	const struct mt_class *of_class = body->of_class;

	for (; of_class && *at < of_class->static_count && of_class->statics[*at].before <= i;
	     ++*at) {
		const struct mt_static_member *member = &of_class->statics[*at];

		label(body, member->access);
		mt_layout_blank(definition);
		mt_define_indent(definition, body->level + 4);
		mt_buf_text(definition->writer.out, "static ");
		mt_define(definition, member->type, member->name, body->show - 1, body->level + 4,
		          0);
		mt_buf_text(definition->writer.out, ";\n");
	}
}

static void define_fields(struct body *body)
{
	size_t next_static = 0;

	for (size_t i = 0; i < body->type->member_count; i++) {
		const struct mt_member *member = &body->type->members[i];

		if (!mt_type_writer_goes_on(&body->definition->writer))
			return;
		define_statics(body, i, &next_static);
		if (!member->is_base && !member->is_artificial)
			define_member(body, i);
	}
	define_statics(body, SIZE_MAX, &next_static);
}

/* ---- Nothing, and the rest --------------------------------------------------------- */

static void define_nothing(struct body *body)
{
	struct mt_definition *definition = body->definition;
	const struct mt_class *of_class = body->of_class;

	if (body->type->member_count ||
	    (of_class && (of_class->method_count || of_class->typedef_count ||
	                  of_class->static_count || of_class->base_count)))
		return;
	mt_layout_blank(definition);
	mt_define_indent(definition, body->level + 4);
	mt_buf_text(definition->writer.out,
	            body->type->is_declared ? "<incomplete type>\n" : "<no data fields>\n");
}

/* What they stand for is told in the words that the class's typedefs don't add to. */
static void define_typedefs(struct body *body)
{
	struct mt_definition *definition = body->definition;
	const struct mt_class *of_class = body->of_class;

	if (!of_class->typedef_count)
		return;
	if (body->type->member_count || of_class->method_count || of_class->static_count)
		mt_buf_char(definition->writer.out, '\n');
	for (size_t i = 0; i < of_class->typedef_count; i++) {
		const struct mt_nested *one = &of_class->typedefs[i];

		label(body, one->access);
		mt_define_indent(definition, body->level + 4);
		mt_buf_text(definition->writer.out, "typedef ");
		mt_define(definition, one->type->alias_of ? one->type->alias_of : one->type,
		          one->name, body->show - 1, body->level + 4, 0);
		mt_buf_text(definition->writer.out, ";\n");
	}
}

void mt_define_body(struct mt_definition *definition, const struct mt_type *type, int show,
                    unsigned level, uint64_t start)
{
	const struct mt_type_names *outer = definition->writer.names;
	struct mt_type_names names = { .outer = outer };
	struct body body = { .definition = definition,
		             .type = type,
		             .of_class = mt_type_class(type),
		             .layout = { .start = start, .is_union = type->kind == MT_TYPE_UNION },
		             .show = show,
		             .level = level };
	unsigned options = definition->options;

	if (options & MT_DEFINE_OFFSETS)
		options |= MT_DEFINE_NO_METHODS | MT_DEFINE_NO_TYPEDEFS;
	mt_buf_text(definition->writer.out, "{\n");
	if (body.of_class && !(options & MT_DEFINE_RAW)) {
		mt_type_names_add_typedefs(&names, body.of_class);
		definition->writer.names = &names;
	}
	body.has_labels = body.of_class && needs_labels(type, body.of_class);
	define_nothing(&body);
	define_fields(&body);
	if (body.of_class && !(options & MT_DEFINE_NO_METHODS))
		mt_define_methods(definition, body.of_class, &body.section, level);
	definition->writer.names = outer;
	mt_type_names_deinit(&names);
	if (body.of_class && !(options & MT_DEFINE_NO_TYPEDEFS))
		define_typedefs(&body);
	mt_layout_end(definition, &body.layout, type, level);
	mt_layout_blank(definition);
	if (definition->options & MT_DEFINE_OFFSETS && !level)
		mt_define_indent(definition, 2);
	mt_define_indent(definition, level);
	mt_buf_char(definition->writer.out, '}');
}
