/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "symbol/scope.h"
#include "symbol/type_define.h"

/* "(i32, bool)": a tuple is called by its types, and that is all there is to it. */
static bool is_tuple(const struct mt_type *type)
{
	return type->name && type->name[0] == '(';
}

/* The members of tuples, tuple structs and tuple variants are __0, __1 … */
static bool has_numbered_members(const struct mt_type *type)
{
	const char *name = type->member_count ? type->members[0].name : NULL;

	return name && name[0] == '_' && name[1] == '_' && isdigit((unsigned char)name[2]);
}

static int compare_offsets(const void *left, const void *right)
{
	const struct mt_member *a = *(const struct mt_member *const *)left;
	const struct mt_member *b = *(const struct mt_member *const *)right;

	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* As they lie in memory with ptype/o, else as they were written. NULL without memory. */
static const struct mt_member **members_in_order(const struct mt_definition *definition,
                                                 const struct mt_type *type)
{
	const struct mt_member **members =
	    mt_alloc_array(type->member_count + 1, sizeof(struct mt_member *));

	if (!members)
		return NULL;
	for (size_t i = 0; i < type->member_count; i++)
		members[i] = &type->members[i];
	if (definition->options & MT_DEFINE_OFFSETS)
		qsort(members, type->member_count, sizeof(struct mt_member *), compare_offsets);
	return members;
}

/* The last line. */
static void close_body(struct mt_definition *definition, struct mt_layout *layout,
                       const struct mt_type *type, unsigned level, char bracket)
{
	mt_layout_end(definition, layout, type, level);
	mt_layout_blank(definition);
	if (definition->options & MT_DEFINE_OFFSETS && !level)
		mt_define_indent(definition, 2);
	mt_define_indent(definition, level);
	mt_buf_char(definition->writer.out, bracket);
}

static void define_members(struct mt_definition *definition, const struct mt_type *type,
                           struct mt_layout *layout, unsigned level)
{
	const struct mt_member **members MT_AUTO_FREE = members_in_order(definition, type);
	bool is_numbered = has_numbered_members(type);
	unsigned indent = definition->options & MT_DEFINE_OFFSETS ? level + 4 : level + 2;

	for (size_t i = 0; members && i < type->member_count; i++) {
		if (members[i]->is_artificial || !mt_type_writer_goes_on(&definition->writer))
			continue;
		mt_layout_member(definition, layout, members[i]);
		mt_define_indent(definition, indent);
		mt_type_write(&definition->writer, members[i]->type,
		              is_numbered ? NULL : members[i]->name);
		mt_buf_text(definition->writer.out, ",\n");
	}
}

/* A struct or union, or with ptype/o what a variant holds; without its last line's newline. */
static void define_fields(struct mt_definition *definition, const struct mt_type *type,
                          unsigned level, uint64_t start)
{
	struct mt_layout layout = { .start = start, .is_union = type->kind == MT_TYPE_UNION };
	bool is_numbered = has_numbered_members(type);

	if (!type->member_count)
		return;
	mt_buf_text(definition->writer.out, is_numbered ? " (\n" : " {\n");
	define_members(definition, type, &layout, level);
	close_body(definition, &layout, type, level, is_numbered ? ')' : '}');
}

static void write_variant_members(struct mt_definition *definition, const struct mt_type *type)
{
	bool is_numbered = has_numbered_members(type);

	if (!type->member_count)
		return;
	mt_buf_char(definition->writer.out, is_numbered ? '(' : '{');
	for (size_t i = 0; i < type->member_count; i++) {
		mt_buf_text(definition->writer.out, i ? ", " : "");
		mt_type_write(&definition->writer, type->members[i].type,
		              is_numbered ? NULL : type->members[i].name);
	}
	mt_buf_char(definition->writer.out, is_numbered ? ')' : '}');
}

static void define_variant(struct mt_definition *definition, struct mt_layout *layout,
                           const struct mt_member *member, unsigned level)
{
	bool has_offsets = definition->options & MT_DEFINE_OFFSETS;

	layout->end = 0; /* they lie over each other */
	mt_layout_member(definition, layout, member);
	mt_define_indent(definition, has_offsets ? level + 4 : level + 2);
	mt_buf_text(definition->writer.out, member->name ? member->name : "");
	if (has_offsets)
		define_fields(definition, member->type, level + 4,
		              layout->start + 8 * member->offset);
	else
		write_variant_members(definition, member->type);
	mt_buf_text(definition->writer.out, ",\n");
}

static void define_variants(struct mt_definition *definition, const struct mt_type *type,
                            const struct mt_variants *variants, unsigned level, uint64_t start)
{
	struct mt_layout layout = { .start = start };

	mt_buf_printf(definition->writer.out, "enum %s {\n", type->name ? type->name : "");
	for (size_t i = 0; i < variants->len; i++)
		define_variant(definition, &layout, &variants->data[i].member, level);
	layout.end = 0;
	close_body(definition, &layout, type, level, '}');
}

/* An enumeration without data. */
static void define_plain_enum(struct mt_definition *definition, const struct mt_type *type)
{
	mt_buf_printf(definition->writer.out, "enum %s {\n", type->name ? type->name : "");
	for (size_t i = 0; i < type->enumerator_count; i++)
		mt_buf_printf(definition->writer.out, "  %s,\n", type->enumerators[i].name);
	mt_buf_char(definition->writer.out, '}');
}

void mt_define_rust(struct mt_definition *definition, const struct mt_type *type, unsigned level,
                    uint64_t start)
{
	const struct mt_variants *variants = mt_type_variants(type);
	bool is_struct = type->kind == MT_TYPE_STRUCT || type->kind == MT_TYPE_UNION;

	if (variants) {
		define_variants(definition, type, variants, level, start);
	} else if (is_struct && !is_tuple(type)) {
		mt_buf_printf(definition->writer.out, "%s %s", mt_type_keyword(type),
		              type->name ? type->name : "");
		define_fields(definition, type, level, start);
	} else if (type->kind == MT_TYPE_ENUM) {
		define_plain_enum(definition, type);
	} else {
		mt_type_write(&definition->writer, type, NULL);
	}
}
