/* SPDX-License-Identifier: MIT */
/* What a formatter shows by numbers: `each`, `btree` and `bases`. */
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

/* ---- btree ROOT, HEIGHT, COUNT, CHILD ---------------------------------------------------------
 */

/* No node of a B-tree has more elements, and none is higher: damaged ones are told. */
enum { NODE_MAX = 4096, HEIGHT_MAX = 32 };

struct btree {
	struct mt_formatting *formatting;
	const struct mt_formatter_step *step;
	bool more; /* the last one was not the last that may be shown */
};

static struct mt_error *write_subtree(struct btree *btree, const struct mt_value *node,
                                      int64_t height);

/* Child `i` of the node, and all below it. */
static struct mt_error *write_child(struct btree *btree, const struct mt_value *node, int64_t i,
                                    int64_t height)
{
	struct mt_number addr;
	struct mt_value child;

	MT_TRY(mt_formatting_set(btree->formatting, "node", node));
	MT_TRY(number_it(btree->formatting, i));
	MT_TRY(mt_formatting_eval(btree->formatting, btree->step->operands[3], &child));
	MT_TRY(mt_value_number(&btree->formatting->world, &child, &addr));
	MT_TRY(mt_value_of_number(btree->formatting->printer->arena, &addr, node->type, &child));
	return write_subtree(btree, &child, height - 1);
}

static struct mt_error *write_own(struct btree *btree, const struct mt_value *node, int64_t i)
{
	struct mt_formatting *formatting = btree->formatting;
	const struct mt_formatter_step *item =
	    mt_formatting_step(formatting->block, MT_FORMATTER_ITEM);
	struct mt_value value = *node;
	bool has_pair;

	btree->more = mt_formatting_child(formatting);
	if (!btree->more)
		return NULL;
	MT_TRY(mt_formatting_set(formatting, "node", node));
	MT_TRY(number_it(formatting, i));
	if (item)
		MT_TRY(mt_formatting_operand(formatting, item, 0, &value));
	MT_TRY(mt_formatting_set(formatting, "item", &value));
	MT_TRY(mt_formatting_pair(formatting, &value, &has_pair));
	mt_formatting_write(formatting, &value);
	return NULL;
}

/* A node's elements stand between its children, of which it has one more. */
static struct mt_error *write_subtree(struct btree *btree, const struct mt_value *node,
                                      int64_t height)
{
	int64_t count;

	MT_TRY(mt_formatting_set(btree->formatting, "node", node));
	MT_TRY(mt_formatting_number(btree->formatting, btree->step->operands[2], &count));
	if (count < 0 || count > NODE_MAX)
		return mt_error_new(MT_ERR_UNREADABLE, "a node of %" PRId64 " elements", count);
	for (int64_t i = 0; i <= count && btree->more; i++) {
		if (height > 0)
			MT_TRY(write_child(btree, node, i, height));
		if (i < count && btree->more)
			MT_TRY(write_own(btree, node, i));
	}
	return NULL;
}

struct mt_error *mt_formatting_btree(struct mt_formatting *formatting,
                                     const struct mt_formatter_step *step)
{
	struct btree btree = { .formatting = formatting, .step = step, .more = true };
	struct mt_value root;
	struct mt_number addr;
	int64_t height;

	formatting->is_array = !mt_formatting_step(formatting->block, MT_FORMATTER_PAIR);
	MT_TRY(mt_formatting_eval(formatting, step->operands[0], &root));
	MT_TRY(mt_value_number(&formatting->world, &root, &addr));
	if (!addr.bits)
		return NULL;
	MT_TRY(mt_formatting_number(formatting, step->operands[1], &height));
	if (height < 0 || height > HEIGHT_MAX)
		return mt_error_new(MT_ERR_UNREADABLE, "a tree of height %" PRId64, height);
	return write_subtree(&btree, &root, height);
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
