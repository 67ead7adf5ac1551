/* SPDX-License-Identifier: MIT */
/* What a formatter shows by numbers: `each`, and `bases`. */
#include <inttypes.h>
#include <string.h>

#include "print/formatting.h"
#include "symbol/type_class.h"

/* ---- each COUNT[, ELEMENT] ------------------------------------------------------------------ */

static struct mt_error *number_it(struct mt_formatting *formatting, int64_t i)
{
	const struct mt_number number = { .size = 8, .is_signed = true, .bits = (uint64_t)i };
	struct mt_value value;

	MT_TRY(mt_value_of_number(formatting->printer->arena, &number, NULL, &value));
	return mt_formatting_set(formatting, "i", &value);
}

/* Whether `where`, if the block has it, is true of the element. */
static struct mt_error *is_wanted(struct mt_formatting *formatting, bool *wanted)
{
	const struct mt_formatter_step *where =
	    mt_formatting_step(formatting->block, MT_FORMATTER_WHERE);
	int64_t truth = 1;

	if (where)
		MT_TRY(mt_formatting_number(formatting, where->operands[0], &truth));
	*wanted = truth != 0;
	return NULL;
}

/* *more: it was not the last that may be shown. */
static struct mt_error *write_element(struct mt_formatting *formatting,
                                      const struct mt_formatter_step *step, int64_t i, bool *more)
{
	const struct mt_formatter_step *item =
	    mt_formatting_step(formatting->block, MT_FORMATTER_ITEM);
	struct mt_value value;
	bool wanted, has_pair;

	MT_TRY(number_it(formatting, i));
	MT_TRY(mt_formatting_operand(formatting, step, 1, &value));
	MT_TRY(mt_formatting_set(formatting, "item", &value));
	MT_TRY(is_wanted(formatting, &wanted));
	*more = !wanted || mt_formatting_child(formatting);
	if (!wanted || !*more)
		return NULL;
	if (item)
		MT_TRY(mt_formatting_operand(formatting, item, 0, &value));
	MT_TRY(mt_formatting_pair(formatting, &value, &has_pair));
	mt_formatting_write(formatting, &value);
	return NULL;
}

struct mt_error *mt_formatting_each(struct mt_formatting *formatting,
                                    const struct mt_formatter_step *step)
{
	bool more = true;
	int64_t count;

	formatting->is_array = !mt_formatting_step(formatting->block, MT_FORMATTER_PAIR);
	MT_TRY(mt_formatting_number(formatting, step->operands[0], &count));
	if (count < 0 || count > COUNT_MAX)
		return mt_error_new(MT_ERR_UNREADABLE, "%" PRId64 " elements", count);
	for (int64_t i = 0; i < count && more && i < ITEMS_MAX; i++)
		MT_TRY(write_element(formatting, step, i, &more));
	return NULL;
}

/* ---- bases NAME ------------------------------------------------------------------------------ */

/* More bases than any tuple has; damaged DWARF may derive a class from itself. */
enum { BASES_MAX = 400 };

struct heads {
	struct mt_formatting *formatting;
	const char *name;
	bool is_back; /* the last base comes first */
	unsigned bases_left;
	size_t count;
	bool more;
};

/* A tuple has a base for each element, and holds it there. */
static struct mt_error *write_heads(struct heads *heads, const struct mt_value *object)
{
	const struct mt_type *type = object->type;

	mt_type_complete(type);
	for (size_t i = 0; i < type->member_count && heads->more; i++) {
		size_t at = heads->is_back ? type->member_count - 1 - i : i;
		const struct mt_member *member = &type->members[at];
		struct mt_value part;

		if (!heads->bases_left)
			return NULL;
		heads->bases_left--;
		part = mt_value_part(object, member->type, member->offset);
		if (member->is_base) {
			MT_TRY(write_heads(heads, &part));
		} else if (member->name && !strcmp(member->name, heads->name)) {
			heads->more = mt_formatting_child(heads->formatting);
			if (!heads->more)
				return NULL;
			mt_buf_printf(heads->formatting->printer->out, "[%zu] = ", ++heads->count);
			mt_formatting_write(heads->formatting, &part);
		}
	}
	return NULL;
}

struct mt_error *mt_formatting_bases(struct mt_formatting *formatting,
                                     const struct mt_formatter_step *step)
{
	struct heads heads = { .formatting = formatting,
		               .name = step->operands[0],
		               .is_back = step->operands[1] != NULL,
		               .bases_left = BASES_MAX,
		               .more = true };
	struct mt_value self;

	MT_TRY(mt_formatting_eval(formatting, "$self", &self));
	return write_heads(&heads, &self);
}
