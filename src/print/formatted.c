/* SPDX-License-Identifier: MIT */
/* Shows a value by a formatter. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "print/formatting.h"
#include "symbol/type_class.h"

/* ---- Evaluating ----------------------------------------------------------------------- */

static struct mt_error *read_outside(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct mt_world *world = ((struct mt_formatting *)arg)->printer->world;

	if (!world->read)
		return mt_error_new(MT_ERR_UNREADABLE, "there is no memory to read from");
	return world->read(world->arg, addr, out, len);
}

/* $T2, where the template's second argument is a number. */
static bool find_template_value(struct mt_formatting *formatting, const char *name,
                                struct mt_value *value)
{
	const struct mt_class *class = *name == 'T' ? mt_type_class(formatting->part.type) : NULL;
	struct mt_number number = { .size = 8, .is_signed = true };
	struct mt_error *error;

	for (size_t i = 0; class && i < class->template_arg_count; i++) {
		char text[24];

		snprintf(text, sizeof(text), "T%zu", i + 1);
		if (!class->template_args[i].is_value || strcmp(text, name) != 0)
			continue;
		number.bits = (uint64_t) class->template_args[i].value;
		error = mt_value_of_number(formatting->printer->arena, &number, NULL, value);
		mt_error_free(error);
		return !error;
	}
	return false;
}

static bool find_name(void *arg, const char *name, struct mt_value *value)
{
	struct mt_formatting *formatting = arg;

	if (find_template_value(formatting, name, value))
		return true;
	for (size_t i = formatting->name_count; i-- > 0;) {
		if (!strcmp(formatting->names[i].name, name)) {
			*value = formatting->names[i].value;
			return true;
		}
	}
	return false;
}

/* Sets $name; an earlier value of it is replaced. */
struct mt_error *mt_formatting_set(struct mt_formatting *formatting, const char *name,
                                   const struct mt_value *value)
{
	size_t i = 0;

	while (i < formatting->name_count && strcmp(formatting->names[i].name, name) != 0)
		i++;
	if (i == NAMES_MAX)
		return mt_error_new(MT_ERR_SYNTAX, "a formatter has at most %d names", NAMES_MAX);
	formatting->names[i] = (struct mt_named_value){ name, *value };
	if (i == formatting->name_count)
		formatting->name_count++;
	return NULL;
}

struct mt_error *mt_formatting_eval(struct mt_formatting *formatting, const char *text,
                                    struct mt_value *value)
{
	return mt_eval_text(&formatting->world, text, formatting->printer->arena, value);
}

struct mt_error *mt_formatting_number(struct mt_formatting *formatting, const char *text,
                                      int64_t *number)
{
	struct mt_value value;
	struct mt_number found;

	MT_TRY(mt_formatting_eval(formatting, text, &value));
	MT_TRY(mt_value_number(&formatting->world, &value, &found));
	*number = (int64_t)found.bits;
	return NULL;
}

const struct mt_formatter_step *mt_formatting_step(const struct mt_formatter *block,
                                                   enum mt_formatter_verb verb)
{
	for (size_t i = 0; i < block->steps.len; i++) {
		if (block->steps.data[i].verb == verb)
			return &block->steps.data[i];
	}
	return NULL;
}

/* ---- Writing ------------------------------------------------------------------------------ */

/* What is wrong with a part is told in its place. */
static void write_told(struct mt_formatting *formatting, struct mt_error *error)
{
	if (error)
		mt_buf_printf(formatting->printer->out, "<error: %s>", mt_error_text(error));
	mt_error_free(error);
}

void mt_formatting_write(struct mt_formatting *formatting, const struct mt_value *value)
{
	struct mt_printer *printer = formatting->printer;
	struct mt_error *error = NULL;

	printer->depth++;
	if (printer->depth < MT_PRINT_DEPTH)
		error = mt_print_read(printer, value);
	else
		mt_buf_text(printer->out, "{...}");
	printer->depth--;
	write_told(formatting, error);
}

/* Elements without names stand side by side, as those of arrays do. */
static bool has_lines(const struct mt_formatting *formatting)
{
	return formatting->printer->options->pretty && !formatting->is_array;
}

/* False: there are as many as may be shown. */
bool mt_formatting_child(struct mt_formatting *formatting)
{
	struct mt_printer *printer = formatting->printer;
	unsigned elements = printer->options->elements;

	if (!formatting->children)
		mt_buf_text(printer->out, formatting->has_header ? " = {" : "{");
	if ((elements && formatting->children >= elements) || formatting->children >= ITEMS_MAX ||
	    mt_printer_is_full(printer)) {
		mt_buf_text(printer->out, "...");
		return false;
	}
	if (formatting->children++)
		mt_buf_text(printer->out, has_lines(formatting) ? "," : ", ");
	if (has_lines(formatting))
		mt_printer_break(printer, printer->depth + 1);
	return true;
}

static void end_children(struct mt_formatting *formatting)
{
	struct mt_printer *printer = formatting->printer;

	if (!formatting->children)
		return;
	if (has_lines(formatting))
		mt_printer_break(printer, printer->depth);
	mt_buf_char(printer->out, '}');
}

/* "{EXPR}" in a text; "{EXPR|element|elements}" is the first word where the number is 1. */
static struct mt_error *write_hole(struct mt_formatting *formatting, const char *hole, size_t len)
{
	char *text MT_AUTO_FREE = mt_strndup(hole, len);
	char *one, *many;
	struct mt_value value;
	int64_t number;

	if (!text)
		return mt_error_nomem();
	many = strrchr(text, '|');
	if (many) {
		*many++ = '\0';
		one = strrchr(text, '|');
		if (!one)
			return mt_error_new(MT_ERR_SYNTAX, "{EXPR|one|many} has two words");
		*one++ = '\0';
		MT_TRY(mt_formatting_number(formatting, text, &number));
		mt_buf_text(formatting->printer->out, number == 1 ? one : many);
		return NULL;
	}
	if (mt_formatting_type_name(formatting, text))
		return NULL;
	if (!strncmp(text, "typeof ", strlen("typeof "))) {
		MT_TRY(mt_formatting_eval(formatting, text + strlen("typeof "), &value));
		mt_formatting_write_type(formatting, value.type);
		return NULL;
	}
	MT_TRY(mt_formatting_eval(formatting, text, &value));
	return mt_print_read(formatting->printer, &value);
}

static struct mt_error *write_text(struct mt_formatting *formatting, const char *text)
{
	while (*text) {
		const char *close = *text == '{' ? strchr(text, '}') : NULL;

		if (text[0] == '{' && text[1] == '{') {
			mt_buf_char(formatting->printer->out, '{');
			text += 2;
		} else if (close) {
			MT_TRY(write_hole(formatting, text + 1, (size_t)(close - text - 1)));
			text = close + 1;
		} else {
			mt_buf_char(formatting->printer->out, *text++);
		}
	}
	return NULL;
}

/* ---- Bodies ---------------------------------------------------------------------------- */

static struct mt_error *write_characters(struct mt_formatting *formatting,
                                         const struct mt_formatter_step *step)
{
	struct mt_printer *printer = formatting->printer;
	unsigned most = printer->options->elements ? printer->options->elements : ITEMS_MAX;
	const struct mt_type *unit = NULL;
	struct mt_value first;
	struct mt_number addr;
	uint64_t next;
	int64_t count;
	unsigned width;
	uint8_t *bytes;
	size_t read;

	MT_TRY(mt_formatting_eval(formatting, step->operands[0], &first));
	MT_TRY(mt_value_number(&formatting->world, &first, &addr));
	if (first.type->target && mt_character_width(first.type->target))
		unit = first.type->target;
	width = unit ? mt_character_width(unit) : 1;
	if (!step->operands[1])
		return mt_print_text_at(&formatting->world, addr.bits, unit, most, printer->options,
		                        printer->out, &next);
	MT_TRY(mt_formatting_number(formatting, step->operands[1], &count));
	if (count < 0 || count > COUNT_MAX)
		return mt_error_new(MT_ERR_UNREADABLE, "a text of length %" PRId64, count);
	read = count < most ? (size_t)count : most;
	bytes = mt_arena_alloc(printer->arena, read * width + 1);
	if (!bytes)
		return mt_error_nomem();
	if (read)
		MT_TRY(read_outside(formatting, addr.bits, bytes, read * width));
	mt_print_text(printer->options,
	              first.type->target ? mt_character_prefix(first.type->target) : "", bytes,
	              read, width, read < (size_t)count, printer->out);
	return NULL;
}

static struct mt_error *write_array(struct mt_formatting *formatting,
                                    const struct mt_formatter_step *step)
{
	struct mt_image *image = formatting->world.image;
	struct mt_value first;
	struct mt_number addr;
	const struct mt_type *element;
	int64_t count;

	MT_TRY(mt_formatting_eval(formatting, step->operands[0], &first));
	MT_TRY(mt_value_number(&formatting->world, &first, &addr));
	MT_TRY(mt_formatting_number(formatting, step->operands[1], &count));
	element = first.type->target;
	if (step->type)
		MT_TRY(mt_formatting_type(formatting, step->type, &element));
	if (!element || !element->size || !image)
		return mt_error_new(MT_ERR_NOT_FOUND, "%s points to nothing of a known size",
		                    step->operands[0]);
	if (count < 0 || count > COUNT_MAX)
		return mt_error_new(MT_ERR_UNREADABLE, "%" PRId64 " elements", count);
	if (!count) {
		mt_buf_text(formatting->printer->out, formatting->has_header ? "" : "{}");
		return NULL;
	}
	first = (struct mt_value){ .type = mt_type_array(image, element, (uint64_t)count),
		                   .home = MT_HOME_MEMORY,
		                   .addr = addr.bits };
	if (!first.type)
		return mt_error_nomem();
	if (formatting->has_header)
		mt_buf_text(formatting->printer->out, " = ");
	write_told(formatting, mt_print_read(formatting->printer, &first));
	return NULL;
}

struct mt_error *mt_formatting_pair(struct mt_formatting *formatting, struct mt_value *value,
                                    bool *has_pair)
{
	const struct mt_formatter_step *pair =
	    mt_formatting_step(formatting->block, MT_FORMATTER_PAIR);
	struct mt_value key;

	*has_pair = pair != NULL;
	if (!pair)
		return NULL;
	MT_TRY(mt_formatting_eval(formatting, pair->operands[0], &key));
	MT_TRY(mt_formatting_eval(formatting, pair->operands[1], value));
	mt_buf_char(formatting->printer->out, '[');
	mt_formatting_write(formatting, &key);
	mt_buf_text(formatting->printer->out, "] = ");
	return NULL;
}

/* One child: [key] = value where the block has a pair, [0] = value otherwise. */
static struct mt_error *write_item(struct mt_formatting *formatting)
{
	const struct mt_formatter_step *item =
	    mt_formatting_step(formatting->block, MT_FORMATTER_ITEM);
	struct mt_value value;
	bool has_pair;

	find_name(formatting, "node", &value);
	if (item)
		MT_TRY(mt_formatting_operand(formatting, item, 0, &value));
	MT_TRY(mt_formatting_set(formatting, "item", &value));
	MT_TRY(mt_formatting_pair(formatting, &value, &has_pair));
	if (!has_pair)
		mt_buf_printf(formatting->printer->out, "[%zu] = ", formatting->children - 1);
	mt_formatting_write(formatting, &value);
	return NULL;
}

static struct mt_error *is_address(struct mt_formatting *formatting, const struct mt_value *node,
                                   uint64_t addr, bool *is)
{
	struct mt_number number;

	MT_TRY(mt_value_number(&formatting->world, node, &number));
	*is = !number.bits || number.bits == addr;
	return NULL;
}

static struct mt_error *write_list(struct mt_formatting *formatting,
                                   const struct mt_formatter_step *step)
{
	struct mt_value node;
	int64_t end = 0;
	bool is_end;

	if (step->operands[2])
		MT_TRY(mt_formatting_number(formatting, step->operands[2], &end));
	MT_TRY(mt_formatting_eval(formatting, step->operands[0], &node));
	for (;;) {
		MT_TRY(is_address(formatting, &node, (uint64_t)end, &is_end));
		if (is_end || !mt_formatting_child(formatting))
			return NULL;
		MT_TRY(mt_formatting_set(formatting, "node", &node));
		MT_TRY(write_item(formatting));
		MT_TRY(mt_formatting_eval(formatting, step->operands[1], &node));
	}
}

/* A child of $node, operand `which`; null where it has none. */
static struct mt_error *go_down(struct mt_formatting *formatting, const char *which,
                                struct mt_value *node, bool *is_null)
{
	MT_TRY(mt_formatting_set(formatting, "node", node));
	MT_TRY(mt_formatting_eval(formatting, which, node));
	return is_address(formatting, node, 0, is_null);
}

/* From the leftmost node to the rightmost one. */
static struct mt_error *write_tree(struct mt_formatting *formatting,
                                   const struct mt_formatter_step *step)
{
	struct mt_value above[TREE_MAX], node;
	size_t depth = 0;
	bool is_null;

	MT_TRY(mt_formatting_eval(formatting, step->operands[0], &node));
	MT_TRY(is_address(formatting, &node, 0, &is_null));
	while (!is_null || depth) {
		while (!is_null) {
			if (depth == TREE_MAX)
				return mt_error_new(MT_ERR_FORMAT, "a tree deeper than %d",
				                    TREE_MAX);
			above[depth++] = node;
			MT_TRY(go_down(formatting, step->operands[1], &node, &is_null));
		}
		node = above[--depth];
		if (!mt_formatting_child(formatting))
			return NULL;
		MT_TRY(mt_formatting_set(formatting, "node", &node));
		MT_TRY(write_item(formatting));
		MT_TRY(go_down(formatting, step->operands[2], &node, &is_null));
	}
	return NULL;
}

static struct mt_error *write_field(struct mt_formatting *formatting,
                                    const struct mt_formatter_step *step)
{
	struct mt_value value;

	MT_TRY(mt_formatting_operand(formatting, step, 0, &value));
	if (!mt_formatting_child(formatting))
		return NULL;
	mt_buf_printf(formatting->printer->out, "%s = ", step->name);
	mt_formatting_write(formatting, &value);
	return NULL;
}

static struct mt_error *write_instead(struct mt_formatting *formatting,
                                      const struct mt_formatter_step *step)
{
	struct mt_value value;

	MT_TRY(mt_formatting_operand(formatting, step, 0, &value));
	if (formatting->has_header)
		mt_buf_char(formatting->printer->out, ' ');
	mt_formatting_write(formatting, &value);
	return NULL;
}

/* ---- A block ------------------------------------------------------------------------------ */

/* The verbs that decide whether and how the block is for the value. *done: nothing follows. */
static struct mt_error *prepare(struct mt_formatting *formatting,
                                const struct mt_formatter_step *step, bool *fits, bool *done)
{
	struct mt_value value;
	int64_t truth;

	switch (step->verb) {
	case MT_FORMATTER_LET:
		MT_TRY(mt_formatting_operand(formatting, step, 0, &value));
		return mt_formatting_set(formatting, step->name, &value);
	case MT_FORMATTER_WHEN:
		MT_TRY(mt_formatting_number(formatting, step->operands[0], &truth));
		*fits = truth != 0;
		return NULL;
	case MT_FORMATTER_ONLY:
		MT_TRY(mt_formatting_number(formatting, step->operands[0], &truth));
		*done = truth != 0;
		return truth ? write_text(formatting, step->text) : NULL;
	case MT_FORMATTER_HEADER:
		formatting->has_header = true;
		return write_text(formatting, step->text);
	default:
		return NULL;
	}
}

static struct mt_error *write_body(struct mt_formatting *formatting,
                                   const struct mt_formatter_step *step)
{
	switch (step->verb) {
	case MT_FORMATTER_TEXT:
		return write_characters(formatting, step);
	case MT_FORMATTER_ARRAY:
		return write_array(formatting, step);
	case MT_FORMATTER_LIST:
		return write_list(formatting, step);
	case MT_FORMATTER_TREE:
		return write_tree(formatting, step);
	case MT_FORMATTER_BTREE:
		return mt_formatting_btree(formatting, step);
	case MT_FORMATTER_EACH:
		return mt_formatting_each(formatting, step);
	case MT_FORMATTER_BASES:
		return mt_formatting_bases(formatting, step);
	case MT_FORMATTER_FIELD:
		return write_field(formatting, step);
	case MT_FORMATTER_SHOW:
		return write_instead(formatting, step);
	default:
		return NULL;
	}
}

/* Memory that can't be read is the value's fault, and told; all else is the block's. */
static bool is_told(const struct mt_error *error)
{
	return mt_error_kind(error) == MT_ERR_UNREADABLE || mt_error_kind(error) == MT_ERR_FORMAT;
}

static struct mt_error *run(struct mt_formatting *formatting, bool *fits)
{
	bool done = false;

	for (size_t i = 0; *fits && !done && i < formatting->block->steps.len; i++) {
		const struct mt_formatter_step *step = &formatting->block->steps.data[i];

		MT_TRY(prepare(formatting, step, fits, &done));
		if (*fits && !done)
			MT_TRY(write_body(formatting, step));
	}
	return NULL;
}

/* False: the block is not for it, and nothing was written. */
static bool apply(struct mt_printer *printer, const struct mt_formatter *block, struct mt_part part)
{
	struct mt_formatting formatting = { .printer = printer, .block = block, .part = part };
	struct mt_value self = mt_part_value(part);
	size_t start = printer->out->len;
	struct mt_error *error;
	bool fits = true;

	formatting.world = (struct mt_world){ .image = printer->world->image,
		                              .kept = printer->world->kept,
		                              .machine = printer->world->machine,
		                              .arg = &formatting,
		                              .read = read_outside,
		                              .own_find = find_name };
	error = mt_formatting_set(&formatting, "self", &self);
	if (!error)
		error = run(&formatting, &fits);
	if (!fits || (error && !is_told(error))) {
		mt_error_free(error);
		printer->out->len = start;
		mt_buf_text(printer->out, "");
		return false;
	}
	if (error)
		mt_buf_printf(printer->out, "<error: %s>", mt_error_text(error));
	end_children(&formatting);
	mt_error_free(error);
	return true;
}

/* By its name, or one of those that it stands for. */
static bool is_for(const struct mt_formatter *block, const struct mt_type *type)
{
	for (; type; type = type->alias_of) {
		if (type->name && mt_formatter_matches(block->pattern, type->name))
			return true;
	}
	return false;
}

bool mt_print_formatted(struct mt_printer *printer, struct mt_part part)
{
	const struct mt_formatters *formatters = printer->options->formatters;

	if (!formatters || printer->options->raw || printer->depth >= MT_PRINT_DEPTH)
		return false;
	for (size_t i = formatters->blocks.len; i-- > 0;) {
		const struct mt_formatter *block = &formatters->blocks.data[i];

		if (block->enabled && is_for(block, part.type) && apply(printer, block, part))
			return true;
	}
	return false;
}
