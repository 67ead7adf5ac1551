/* SPDX-License-Identifier: MIT */
/* The columns of gdb's ptype/o, whose forms are those of gdb 13. */
#include <inttypes.h>

#include "symbol/type_define.h"

#define COLUMNS 27

static void write_size(const struct mt_definition *definition, uint64_t size)
{
	if (definition->options & MT_DEFINE_HEX)
		mt_buf_printf(definition->writer.out, "0x%04" PRIx64, size);
	else
		mt_buf_printf(definition->writer.out, "%6" PRIu64, size);
}

void mt_layout_blank(struct mt_definition *definition)
{
	if (definition->options & MT_DEFINE_OFFSETS)
		mt_define_indent(definition, COLUMNS);
}

static void write_hole(struct mt_definition *definition, struct mt_layout *layout, uint64_t bit,
                       const char *what)
{
	struct mt_buf *out = definition->writer.out;
	uint64_t hole = bit - layout->end;

	if (!layout->end || bit <= layout->end)
		return;
	if (hole % 8)
		mt_buf_printf(out, "/* XXX %2" PRIu64 "-bit %-7s    */\n", hole % 8, what);
	if (hole / 8)
		mt_buf_printf(out, "/* XXX %2" PRIu64 "-byte %-7s   */\n", hole / 8, what);
}

static void write_offset(const struct mt_definition *definition, uint64_t bit, bool is_bit_field)
{
	struct mt_buf *out = definition->writer.out;
	bool is_hex = definition->options & MT_DEFINE_HEX;

	write_size(definition, bit / 8);
	if (is_bit_field && is_hex)
		mt_buf_printf(out, ": 0x%" PRIx64, bit % 8);
	else if (is_bit_field)
		mt_buf_printf(out, ":%2" PRIu64 "  ", bit % 8);
	else
		mt_buf_text(out, "     ");
}

void mt_layout_member(struct mt_definition *definition, struct mt_layout *layout,
                      const struct mt_member *member)
{
	struct mt_buf *out = definition->writer.out;
	uint64_t bit = 8 * member->offset + member->bit_offset;

	if (!(definition->options & MT_DEFINE_OFFSETS))
		return;
	if (layout->is_union) {
		mt_buf_text(out, "/*                ");
		write_size(definition, member->type->size);
		mt_buf_text(out, " */");
		return;
	}
	write_hole(definition, layout, bit, "hole");
	mt_buf_text(out, "/* ");
	write_offset(definition, layout->start + bit, member->bit_size);
	mt_buf_text(out, " |  ");
	write_size(definition, member->type->size);
	mt_buf_text(out, " */");
	layout->end = bit + (member->bit_size ? member->bit_size : 8 * member->type->size);
}

void mt_layout_end(struct mt_definition *definition, struct mt_layout *layout,
                   const struct mt_type *type, unsigned level)
{
	if (!(definition->options & MT_DEFINE_OFFSETS))
		return;
	if (!layout->is_union)
		write_hole(definition, layout, 8 * type->size, "padding");
	mt_buf_char(definition->writer.out, '\n');
	mt_define_indent(definition, COLUMNS + level + 4);
	mt_buf_printf(definition->writer.out, "/* total size (bytes): %4" PRIu64 " */\n",
	              type->size);
}
