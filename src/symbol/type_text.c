/* SPDX-License-Identifier: MIT */
#include "symbol/type_text.h"

#include <inttypes.h>

/* Types of people are shallower and shorter. */
#define DEPTH_MAX 32
#define LENGTH_MAX 65536
#define ALIASES_MAX 128

static void write_before(struct mt_type_writer *writer, const struct mt_type *type,
                         bool is_pointed_at, bool needs_space, int depth);
static void write_after(struct mt_type_writer *writer, const struct mt_type *type,
                        bool is_pointed_at, int depth);

struct mt_type_writer mt_type_writer(const struct mt_type *type, struct mt_buf *out)
{
	return (struct mt_type_writer){ .out = out,
		                        .language = mt_type_language(type),
		                        .limit = out->len + LENGTH_MAX };
}

bool mt_type_writer_goes_on(const struct mt_type_writer *writer)
{
	return writer->out->len < writer->limit && writer->depth < DEPTH_MAX &&
	       !writer->out->failed;
}

struct mt_type mt_type_unrolled(const struct mt_type *type)
{
	uint8_t qualifiers = type->qualifiers;

	mt_type_complete(type);
	for (int i = 0; i < ALIASES_MAX && type->alias_of; i++) {
		type = type->alias_of;
		qualifiers |= type->qualifiers;
	}

	struct mt_type unrolled = *type;

	unrolled.qualifiers = qualifiers;
	return unrolled;
}

/* What has no name may be spelled out, and then has to be there. */
static struct mt_type seen(const struct mt_type_writer *writer, const struct mt_type *type)
{
	if (!type->name)
		mt_type_complete(type);
	return writer->unrolls ? mt_type_unrolled(type) : *type;
}

/* Whether C writes such a type around the name that is declared. */
static bool is_derived(const struct mt_type *type)
{
	return !type->name && type->target &&
	       (type->kind == MT_TYPE_POINTER || type->kind == MT_TYPE_ARRAY ||
	        type->kind == MT_TYPE_FUNCTION || type->kind == MT_TYPE_MEMBER_POINTER);
}

/* ---- What a declaration starts with ---------------------------------------- */

const char *mt_type_keyword(const struct mt_type *type)
{
	switch (type->kind) {
	case MT_TYPE_STRUCT:
		return type->is_class ? "class" : "struct";
	case MT_TYPE_UNION:
		return "union";
	default:
		return "enum";
	}
}

static void write_base(const struct mt_type_writer *writer, const struct mt_type *type)
{
	const char *local = mt_type_names_find(writer->names, type);

	if (local)
		mt_buf_text(writer->out, local);
	else if (type->name)
		mt_type_names_write(writer->names, type->name, writer->out);
	else if (type->kind == MT_TYPE_BYTES)
		mt_buf_printf(writer->out, "%" PRIu64 " bytes", type->size);
	else if (type->kind == MT_TYPE_STRUCT || type->kind == MT_TYPE_UNION ||
	         type->kind == MT_TYPE_ENUM)
		mt_buf_printf(writer->out, "%s {...}", mt_type_keyword(type));
	else
		mt_buf_text(writer->out, is_derived(type) ? "..." : "void");
}

/* C++ has no word of its own for restrict, and compilers have one with underscores. */
static void write_qualifier_words(const struct mt_type_writer *writer, unsigned qualifiers,
                                  const char *separator)
{
	const struct {
		unsigned bit;
		const char *word;
	} words[] = {
		{ MT_QUAL_CONST, "const" },
		{ MT_QUAL_VOLATILE, "volatile" },
		{ MT_QUAL_RESTRICT,
		  writer->language == MT_LANG_CPLUS ? "__restrict__" : "restrict" },
		{ MT_QUAL_ATOMIC, writer->language == MT_LANG_CPLUS ? "std::atomic" : "_Atomic" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!(qualifiers & words[i].bit))
			continue;
		mt_buf_printf(writer->out, "%s%s", separator, words[i].word);
		separator = " ";
	}
}

void mt_type_write_qualifiers(struct mt_type_writer *writer, unsigned qualifiers)
{
	write_qualifier_words(writer, qualifiers, "");
	if (qualifiers)
		mt_buf_char(writer->out, ' ');
}

struct mt_type mt_type_base_behind(const struct mt_type_writer *writer, const struct mt_type *type)
{
	struct mt_type base = seen(writer, type);
	uint8_t qualifiers = 0;

	for (int depth = 0; depth < DEPTH_MAX && is_derived(&base); depth++) {
		/* Those of an array are its elements' (C11 section 6.7.3). */
		qualifiers = base.kind == MT_TYPE_ARRAY ? qualifiers | base.qualifiers : 0;
		base = seen(writer, base.target);
	}
	base.qualifiers |= qualifiers;
	return base;
}

/* ---- What is around the name ------------------------------------------------ */

static void write_before_pointer(struct mt_type_writer *writer, const struct mt_type *type,
                                 bool needs_space, int depth)
{
	write_before(writer, type->target, true, !type->is_reference, depth + 1);
	mt_buf_text(writer->out, type->is_rvalue ? "&&" : type->is_reference ? "&" : "*");
	write_qualifier_words(writer, type->qualifiers, " ");
	if (type->qualifiers && needs_space)
		mt_buf_char(writer->out, ' ');
}

static void write_before_member_pointer(struct mt_type_writer *writer, const struct mt_type *type,
                                        int depth)
{
	const struct mt_type *container = type->container;

	write_before(writer, type->target, type->target->kind == MT_TYPE_FUNCTION, false,
	             depth + 1);
	mt_buf_printf(writer->out, "%s::*", container && container->name ? container->name : "");
}

static void write_before(struct mt_type_writer *writer, const struct mt_type *given,
                         bool is_pointed_at, bool needs_space, int depth)
{
	struct mt_type type = seen(writer, given);

	if (!is_derived(&type) || depth > DEPTH_MAX)
		return;
	switch (type.kind) {
	case MT_TYPE_POINTER:
		write_before_pointer(writer, &type, needs_space, depth);
		break;
	case MT_TYPE_MEMBER_POINTER:
		write_before_member_pointer(writer, &type, depth);
		break;
	default:
		write_before(writer, type.target, false, needs_space, depth + 1);
		mt_buf_text(writer->out, is_pointed_at ? "(" : "");
	}
}

static void write_bounds(struct mt_type_writer *writer, const struct mt_type *array)
{
	mt_buf_text(writer->out, array->is_vector ? " __attribute__ ((vector_size(" : "[");
	if (array->is_variable)
		mt_buf_text(writer->out, "variable length");
	else if (array->count || array->is_empty)
		mt_buf_dec(writer->out, array->count);
	mt_buf_text(writer->out, array->is_vector ? ")))" : "]");
}

void mt_type_write_params(struct mt_type_writer *writer, const struct mt_type *function,
                          size_t from)
{
	const char *separator = "";
	bool unrolls = writer->unrolls;

	writer->unrolls = false;
	mt_buf_char(writer->out, '(');
	for (size_t i = from; i < function->param_count && mt_type_writer_goes_on(writer); i++) {
		mt_buf_text(writer->out, separator);
		mt_type_write(writer, function->params[i], NULL);
		separator = ", ";
	}
	if (function->is_varargs && (*separator || function->is_prototyped))
		mt_buf_printf(writer->out, "%s...", separator);
	else if (!*separator && function->is_prototyped)
		mt_buf_text(writer->out, "void");
	mt_buf_char(writer->out, ')');
	writer->unrolls = unrolls;
}

static void write_after(struct mt_type_writer *writer, const struct mt_type *given,
                        bool is_pointed_at, int depth)
{
	struct mt_type type = seen(writer, given);
	bool goes_on_pointed_at = type.kind == MT_TYPE_POINTER;

	if (!is_derived(&type) || depth > DEPTH_MAX || !mt_type_writer_goes_on(writer))
		return;
	if (type.kind == MT_TYPE_MEMBER_POINTER)
		goes_on_pointed_at = type.target->kind == MT_TYPE_FUNCTION;
	if (is_pointed_at && (type.kind == MT_TYPE_ARRAY || type.kind == MT_TYPE_FUNCTION))
		mt_buf_char(writer->out, ')');
	if (type.kind == MT_TYPE_ARRAY)
		write_bounds(writer, &type);
	else if (type.kind == MT_TYPE_FUNCTION)
		mt_type_write_params(writer, &type, 0);
	write_after(writer, type.target, goes_on_pointed_at, depth + 1);
}

void mt_type_write_around(struct mt_type_writer *writer, const struct mt_type *given,
                          const char *name)
{
	struct mt_type type = seen(writer, given);
	bool has_name = name && *name;

	if (has_name || (is_derived(&type) && !type.is_vector))
		mt_buf_char(writer->out, ' ');
	write_before(writer, given, false, has_name, 0);
	mt_buf_text(writer->out, has_name ? name : "");
	write_after(writer, given, false, 0);
}

/* ---- The whole -------------------------------------------------------------- */

static void write_c(struct mt_type_writer *writer, const struct mt_type *type, const char *name)
{
	const char *local = type->name ? NULL : mt_type_names_find(writer->names, type);
	struct mt_type base = mt_type_base_behind(writer, type);

	if (local) {
		mt_buf_printf(writer->out, "%s%s%s", local, name ? " " : "", name ? name : "");
		return;
	}
	mt_type_write_qualifiers(writer, base.qualifiers);
	write_base(writer, &base);
	mt_type_write_around(writer, type, name);
}

void mt_type_write(struct mt_type_writer *writer, const struct mt_type *type, const char *name)
{
	if (!mt_type_writer_goes_on(writer)) {
		mt_buf_text(writer->out, "...");
		return;
	}
	writer->depth++;
	if (writer->language == MT_LANG_RUST) {
		if (name && *name)
			mt_buf_printf(writer->out, "%s: ", name);
		mt_type_write_rust(writer, type);
	} else {
		write_c(writer, type, name);
	}
	writer->depth--;
}

void mt_type_declare(const struct mt_type *type, const char *name, struct mt_buf *out)
{
	struct mt_type_writer writer = mt_type_writer(type, out);

	mt_type_write(&writer, type, name);
}

void mt_type_format(const struct mt_type *type, struct mt_buf *out)
{
	mt_type_declare(type, NULL, out);
}
