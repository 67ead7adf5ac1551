/* SPDX-License-Identifier: MIT */
/* The types that a formatter's block names, and their names. */
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "print/formatting.h"
#include "symbol/type_class.h"
#include "symbol/vtable.h"

/* ---- Which type is meant ------------------------------------------------------------------ */

static const struct mt_type *numbered_argument(const struct mt_class *class, uint64_t number)
{
	if (!number || number > class->template_arg_count)
		return NULL;
	return class->template_args[number - 1].type;
}

/* One of the template's arguments: T1, T2 …, or the name of its parameter. */
static const struct mt_type *template_argument(const struct mt_class *class, const char *name)
{
	size_t number = 0;

	for (size_t i = 0; i < class->template_arg_count; i++) {
		const char *parameter = class->template_args[i].name;

		if (parameter && !strcmp(parameter, name) && !class->template_args[i].is_value)
			return class->template_args[i].type;
	}
	if (name[0] != 'T' || !name[1] || strspn(name + 1, "0123456789") != strlen(name + 1))
		return NULL;
	for (const char *digit = name + 1; *digit && number < 1000; digit++)
		number = 10 * number + (size_t)(*digit - '0');
	return numbered_argument(class, number);
}

static const struct mt_type *nested_type(const struct mt_class *class, const char *name)
{
	for (size_t i = 0; i < class->typedef_count; i++) {
		if (!strcmp(class->typedefs[i].name, name))
			return class->typedefs[i].type;
	}
	for (size_t i = 0; i < class->type_count; i++) {
		if (!strcmp(class->types[i].name, name))
			return class->types[i].type;
	}
	return NULL;
}

/* The text within the brackets of "T(…)"; NULL: it is none of that letter. */
static char *within(const char *name, char letter)
{
	size_t len = strlen(name);

	if (len < 3 || name[0] != letter || name[1] != '(' || name[len - 1] != ')')
		return NULL;
	return mt_strndup(name + 2, len - 3);
}

/* T(EXPR): the template's argument of that number. */
static struct mt_error *computed_argument(struct mt_formatting *formatting, const char *text,
                                          const struct mt_type **type)
{
	const struct mt_class *class = mt_type_class(formatting->part.type);
	int64_t number;

	MT_TRY(mt_formatting_number(formatting, text, &number));
	*type = class && number > 0 ? numbered_argument(class, (uint64_t)number) : NULL;
	return *type ? NULL
	             : mt_error_new(MT_ERR_NOT_FOUND, "the template has no argument %lld",
	                            (long long)number);
}

/* The first template arguments in a name: "int" of "Manager<int>::manage". */
static char *arguments_in(const char *name)
{
	const char *open = strchr(name, '<');
	int depth = 0;

	for (const char *at = open; at && *at; at++) {
		depth += (*at == '<') - (*at == '>');
		if (!depth)
			return mt_strndup(open + 1, (size_t)(at - open) - 1);
	}
	return NULL;
}

/* S(EXPR, TEXT): what the function at that address is an instance for, by its name, in which the
 * text stands. */
static struct mt_error *type_of_symbol(struct mt_formatting *formatting, char *text,
                                       const struct mt_type **type)
{
	char *comma = strrchr(text, ','), *name MT_AUTO_FREE = NULL;
	struct mt_symbol symbol;
	int64_t addr;
	bool is_name;

	if (!comma)
		return mt_error_new(MT_ERR_SYNTAX, "S(EXPR, TEXT) has a comma");
	*comma++ = '\0';
	comma += strspn(comma, " ");
	MT_TRY(mt_formatting_number(formatting, text, &addr));
	if (formatting->world.image &&
	    mt_image_symbol_at(formatting->world.image, (uint64_t)addr, &symbol) &&
	    strstr(symbol.name, comma))
		name = arguments_in(symbol.name);
	if (!name)
		return mt_error_new(MT_ERR_NOT_FOUND, "no function is called ...%s...", comma);
	return mt_eval_type(&formatting->world, name, formatting->printer->arena, type, &is_name);
}

/* V(EXPR): what is behind a trait object of Rust, by its table of functions. */
static struct mt_error *type_of_vtable(struct mt_formatting *formatting, const char *text,
                                       const struct mt_type **type)
{
	int64_t addr;

	MT_TRY(mt_formatting_number(formatting, text, &addr));
	*type = formatting->world.image ? mt_type_of_vtable(formatting->world.image, (uint64_t)addr)
	                                : NULL;
	return *type ? NULL : mt_error_new(MT_ERR_NOT_FOUND, "no vtable is known there");
}

struct mt_error *mt_formatting_type(struct mt_formatting *formatting, const char *name,
                                    const struct mt_type **type)
{
	const struct mt_class *class = mt_type_class(formatting->part.type);
	const struct mt_type *found = class ? template_argument(class, name) : NULL;
	char *computed MT_AUTO_FREE = within(name, 'T'), *symbol MT_AUTO_FREE = within(name, 'S');
	char *vtable MT_AUTO_FREE = within(name, 'V');
	bool is_name;

	if (computed)
		return computed_argument(formatting, computed, type);
	if (symbol)
		return type_of_symbol(formatting, symbol, type);
	if (vtable)
		return type_of_vtable(formatting, vtable, type);
	if (!found && class)
		found = nested_type(class, name);
	if (!found)
		MT_TRY(mt_eval_type(&formatting->world, name, formatting->printer->arena, &found,
		                    &is_name));
	*type = found;
	return NULL;
}

struct mt_error *mt_formatting_operand(struct mt_formatting *formatting,
                                       const struct mt_formatter_step *step, size_t operand,
                                       struct mt_value *value)
{
	struct mt_number addr;

	MT_TRY(mt_formatting_eval(formatting, step->operands[operand], value));
	if (!step->type)
		return NULL;
	MT_TRY(mt_value_number(&formatting->world, value, &addr));
	*value = (struct mt_value){ .home = MT_HOME_MEMORY, .addr = addr.bits };
	return mt_formatting_type(formatting, step->type, &value->type);
}

/* ---- What types are called ------------------------------------------------------------------ */

/* The short name whose long one the text begins with; the longest of them. */
static const struct mt_short_name *short_name(const struct mt_formatters *formatters,
                                              const char *text)
{
	const struct mt_short_name *best = NULL;

	for (size_t i = 0; formatters && i < formatters->shorts.len; i++) {
		const struct mt_short_name *name = &formatters->shorts.data[i];

		if (!strncmp(text, name->long_name, strlen(name->long_name)) &&
		    (!best || strlen(name->long_name) > strlen(best->long_name)))
			best = name;
	}
	return best;
}

void mt_formatting_write_type(struct mt_formatting *formatting, const struct mt_type *type)
{
	const struct mt_formatters *formatters = formatting->printer->options->formatters;
	struct mt_buf *out = formatting->printer->out, name MT_AUTO_BUF = { 0 };

	mt_type_format(type, &name);
	for (const char *at = mt_buf_ok(&name) && name.data ? name.data : "?"; *at;) {
		const struct mt_short_name *found = short_name(formatters, at);

		if (found) {
			mt_buf_text(out, found->short_name);
			at += strlen(found->long_name);
			at += at[0] == ' ' && at[1] == '>'; /* it stood between two of them */
		} else {
			mt_buf_char(out, *at++);
		}
	}
}

bool mt_formatting_type_name(struct mt_formatting *formatting, const char *name)
{
	const struct mt_class *class = mt_type_class(formatting->part.type);
	const struct mt_type *argument = class ? template_argument(class, name) : NULL;

	if (!strcmp(name, "type"))
		argument = formatting->part.type;
	if (argument)
		mt_formatting_write_type(formatting, argument);
	return argument != NULL;
}
