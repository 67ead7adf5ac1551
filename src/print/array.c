/* SPDX-License-Identifier: MIT */
/* Arrays, and the text that arrays of characters are. */
#include <inttypes.h>
#include <string.h>

#include "print/printer.h"

static size_t step_of(const struct mt_type *array)
{
	return (size_t)(array->stride ? array->stride : array->target->size);
}

static bool same_bits(const uint8_t *bits, size_t a, size_t b, size_t count)
{
	return !bits || !memcmp(bits + a, bits + b, count);
}

/* How many elements from the first one on are the same, at most `count`. */
static uint64_t count_same(struct mt_part first, size_t step, uint64_t count)
{
	const struct mt_whole *whole = first.whole;
	uint64_t same = 1;

	for (; same < count; same++) {
		size_t at = first.offset + (size_t)same * step;

		if (memcmp(whole->bytes + first.offset, whole->bytes + at, first.size) != 0 ||
		    !same_bits(whole->gone, first.offset, at, first.size) ||
		    !same_bits(whole->unread, first.offset, at, first.size))
			break;
	}
	return same;
}

/* What stands before an element: a comma, a new line, its index. */
static void begin_element(struct mt_printer *printer, const struct mt_type *array, uint64_t i)
{
	if (i)
		mt_buf_text(printer->out, printer->options->array ? "," : ", ");
	if (printer->options->array)
		mt_printer_break(printer, printer->depth + 1);
	if (printer->options->array_indexes)
		mt_buf_printf(printer->out, "[%" PRId64 "] = ", array->lower + (int64_t)i);
}

static void write_elements(struct mt_printer *printer, struct mt_part part, uint64_t count)
{
	const struct mt_print_options *options = printer->options;
	const struct mt_type *element = part.type->target;
	size_t step = step_of(part.type);
	uint64_t shown = 0;

	for (uint64_t i = 0; i < count;) {
		struct mt_part at = mt_part_of(part, element, i * step);
		uint64_t same = count_same(at, step, count - i);

		if ((options->elements && shown >= options->elements) ||
		    mt_printer_is_full(printer)) {
			mt_buf_text(printer->out, "...");
			break;
		}
		begin_element(printer, part.type, i);
		printer->depth++;
		mt_print_object(printer, at);
		printer->depth--;
		if (!options->repeats || same <= options->repeats) {
			same = 1;
			shown++;
		} else {
			mt_buf_printf(printer->out, " <repeats %" PRIu64 " times>", same);
			shown += options->repeats;
		}
		i += same;
	}
}

/* A text: one byte a character in any format that leaves it one. */
static unsigned text_width(const struct mt_printer *printer, const struct mt_type *element)
{
	char letter = printer->options->letter;

	if (letter && letter != 's')
		return 0;
	if (letter && element->kind == MT_TYPE_INT && element->size == 1)
		return 1;
	return mt_character_width(element);
}

static bool is_nul(const uint8_t *bytes, unsigned width)
{
	static const uint8_t nul[4];

	return !memcmp(bytes, nul, width);
}

/* One NUL at the end goes without saying. A line has its own bound of texts. */
static void write_text(struct mt_printer *printer, struct mt_part part, size_t count,
                       unsigned width)
{
	struct mt_print_options options = *printer->options;
	const uint8_t *bytes = mt_part_bytes(part);
	size_t len = 0;

	if (options.null_stop) {
		while (len < count && !is_nul(bytes + len * width, width))
			len++;
	} else {
		len = count && is_nul(bytes + (count - 1) * width, width) ? count - 1 : count;
	}
	if (options.limit)
		options.elements = (unsigned)options.limit;
	mt_print_text(&options, mt_character_prefix(part.type->target), bytes, len, width, false,
	              printer->out);
}

/* int a[]: as many elements as there are bytes; where there are none, where it begins. */
static bool write_flexible(struct mt_printer *printer, struct mt_part part)
{
	const struct mt_type *type = part.type;
	struct mt_part pointer = part;
	struct mt_whole whole = { .size = sizeof(uint64_t) };
	uint64_t addr = part.whole->addr + part.offset;

	if (type->count || type->is_empty || part.size >= step_of(type) || !part.whole->has_addr ||
	    !printer->world->image)
		return false;
	whole.bytes = (const uint8_t *)&addr;
	pointer.type = mt_type_pointer(printer->world->image, type->target);
	pointer.whole = &whole;
	pointer.offset = 0;
	if (!pointer.type)
		return false;
	pointer.size = (size_t)pointer.type->size;
	mt_print_pointer(printer, pointer);
	return true;
}

void mt_print_array(struct mt_printer *printer, struct mt_part part)
{
	const struct mt_type *element = part.type->target;
	bool is_rust = mt_type_language(part.type) == MT_LANG_RUST;
	uint64_t count;
	unsigned width;

	if (!element || !step_of(part.type)) {
		mt_print_raw(printer, part);
		return;
	}
	if (write_flexible(printer, part))
		return;
	count = part.size / step_of(part.type);
	if (part.type->count && count > part.type->count)
		count = part.type->count;
	width = part.type->is_vector ? 0 : text_width(printer, element);
	if (width && element->size == width) {
		write_text(printer, part, (size_t)count, width);
		return;
	}
	mt_buf_char(printer->out, is_rust ? '[' : '{');
	write_elements(printer, part, count);
	if (printer->options->array && count)
		mt_printer_break(printer, printer->depth);
	mt_buf_char(printer->out, is_rust ? ']' : '}');
}
