/* SPDX-License-Identifier: MIT */
/* Pointers and references: the address, what lies there by name, and text behind char *. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "print/printer.h"

void mt_print_symbol(struct mt_image *image, uint64_t addr, struct mt_buf *out)
{
	struct mt_symbol symbol;

	if (!addr || !image || !mt_image_symbol_at(image, addr, &symbol))
		return;
	mt_buf_printf(out, " <%s", symbol.name);
	if (addr != symbol.addr)
		mt_buf_printf(out, "+%" PRIu64, addr - symbol.addr);
	mt_buf_char(out, '>');
}

static uint64_t address_of(struct mt_part part)
{
	uint64_t addr = 0;

	memcpy(&addr, mt_part_bytes(part), part.size < sizeof(addr) ? part.size : sizeof(addr));
	return addr;
}

/* " <counter>" behind an address, or alone where addresses are not shown. */
static void write_symbol(struct mt_printer *printer, uint64_t addr)
{
	struct mt_buf name MT_AUTO_BUF = { 0 };

	mt_print_symbol(printer->world->image, addr, &name);
	if (name.len)
		mt_buf_text(printer->out, name.data + (printer->options->address ? 0 : 1));
}

/* gdb reads as much text as an array would show. Without a limit, a string of its own does. */
static void write_text_behind(struct mt_printer *printer, uint64_t addr, const struct mt_type *type)
{
	enum { ALL = 1 << 20 };
	unsigned elements = printer->options->elements;
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_error *error;
	uint64_t next;

	if (!addr || !printer->world->read)
		return;
	error = mt_print_text_at(printer->world, addr, type, elements ? elements : ALL,
	                         printer->options, &text, &next);
	if (error)
		mt_print_unreadable(printer->options, addr, &text);
	mt_error_free(error);
	mt_buf_printf(printer->out, "%s%s", printer->options->address ? " " : "",
	              mt_buf_ok(&text) ? text.data : "");
}

void mt_print_pointer(struct mt_printer *printer, struct mt_part part)
{
	const struct mt_print_options *options = printer->options;
	const struct mt_type *target = part.type->target;
	bool is_code = target && target->kind == MT_TYPE_FUNCTION;
	uint64_t addr = address_of(part);

	if (part.type->is_reference) {
		mt_buf_printf(printer->out, "@0x%" PRIx64, addr);
		return;
	}
	if (options->letter && options->letter != 's') {
		mt_print_scalar(printer, part);
		return;
	}
	if (options->address)
		mt_buf_hex(printer->out, addr);
	if (is_code || options->symbol)
		write_symbol(printer, addr);
	if (target && mt_character_width(target))
		write_text_behind(printer, addr, target);
}

/* ---- Pointers to members (Itanium C++ ABI, section 2.3) --------------------------- */

static const struct mt_member *member_at(const struct mt_type *type, uint64_t offset)
{
	mt_type_complete(type);
	for (size_t i = 0; i < type->member_count; i++) {
		const struct mt_member *member = &type->members[i];

		if (member->name && member->offset == offset && !member->bit_size)
			return member;
	}
	return NULL;
}

static void write_data_member(struct mt_printer *printer, struct mt_part part)
{
	const struct mt_type *container = part.type->container;
	int64_t offset = (int64_t)address_of(part);
	const struct mt_member *member;

	if (offset == -1) {
		mt_buf_text(printer->out, "NULL");
		return;
	}
	member = container && offset >= 0 ? member_at(container, (uint64_t)offset) : NULL;
	if (member && container->name)
		mt_buf_printf(printer->out, "&%s::%s", container->name, member->name);
	else
		mt_buf_printf(printer->out, "%" PRId64, offset);
}

/* Odd: an offset into the table of virtual functions. */
static void write_method(struct mt_printer *printer, struct mt_part part)
{
	uint64_t addr = address_of(part);

	if (!addr) {
		mt_buf_text(printer->out, "NULL");
	} else if (addr & 1) {
		mt_buf_printf(printer->out, "&virtual table offset %" PRIu64, addr - 1);
	} else {
		mt_buf_hex(printer->out, addr);
		mt_print_symbol(printer->world->image, addr, printer->out);
	}
}

void mt_print_member_pointer(struct mt_printer *printer, struct mt_part part)
{
	const struct mt_type *target = part.type->target;
	char letter = printer->options->letter;

	if (target && target->kind == MT_TYPE_FUNCTION)
		write_method(printer, part);
	else if (letter && letter != 's')
		mt_print_number(printer->world->image, letter, mt_part_bytes(part), part.size,
		                false, printer->out);
	else
		write_data_member(printer, part);
}
