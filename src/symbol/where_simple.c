/* SPDX-License-Identifier: MIT */
#include "symbol/where_private.h"

/* A place that depends on one register at most, and on no memory: the evaluator is asked with
 * nothing known. */
static void simplify(enum mt_machine machine, const struct mt_where_piece *piece, uint8_t base,
                     struct mt_simple_where *simple)
{
	uint8_t reg;

	if (piece->kind == MT_WHERE_MEMORY && base == MT_REG_NONE) {
		simple->kind = MT_SIMPLE_FIXED;
		simple->addr = piece->addr;
	} else if (piece->kind == MT_WHERE_MEMORY) {
		simple->kind = MT_SIMPLE_BASED;
		simple->reg = base;
		simple->offset = (int64_t)piece->addr;
	} else if (piece->kind == MT_WHERE_REGISTER) {
		reg = mt_cfi_register(machine, piece->reg);
		if (reg >= MT_REG_RIP)
			return;
		simple->kind = MT_SIMPLE_REGISTER;
		simple->reg = reg;
	}
}

static bool is_whole(const struct mt_where *where, const struct mt_type *type)
{
	const struct mt_where_piece *piece = where->data;

	return where->len == 1 && !piece->bit_offset &&
	       (!piece->bits || piece->bits / 8 >= type->size);
}

void mt_where_simple(struct mt_image *image, uint64_t pc, const struct mt_local *local,
                     struct mt_simple_where *simple)
{
	const struct mt_where_frame frame = { .image = image, .pc = pc };
	unsigned steps = MT_WHERE_STEPS;
	uint8_t base = MT_REG_NONE;
	struct mt_where_scope scope;
	struct mt_where where = { 0 };
	Dwarf_Die die = local->die->die;
	struct mt_error *error = mt_where_scope(&frame, local->die, &steps, &scope);

	*simple = (struct mt_simple_where){ .kind = MT_SIMPLE_NONE };
	if (local->is_outer) {
		mt_error_free(error);
		return;
	}
	scope.base = &base;
	if (!error)
		error = mt_where_die(&scope, &die, &where);
	if (!error && is_whole(&where, local->type))
		simplify(mt_image_machine(image), where.data, base, simple);
	mt_error_free(error);
	mt_where_deinit(&where);
}
