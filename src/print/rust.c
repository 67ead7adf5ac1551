/* SPDX-License-Identifier: MIT */
/* Rust's structs, tuples, enumerations and slices, in the form that gdb gives them. */
#include <string.h>

#include "print/printer.h"
#include "symbol/type_class.h"

/* Tuples and tuple structs have numbers for names: __0, __1 … */
static bool is_tuple(const struct mt_type *type)
{
	for (size_t i = 0; i < type->member_count; i++) {
		const char *name = type->members[i].name;

		if (!name || strncmp(name, "__", 2) != 0 || strspn(name + 2, "0123456789") == 0)
			return false;
	}
	return type->member_count > 0;
}

/* The members between their brackets. `pretty`: one a line. */
static void write_members(struct mt_printer *printer, struct mt_part part, bool pretty)
{
	const struct mt_type *type = part.type;
	bool tuple = is_tuple(type);

	mt_buf_char(printer->out, tuple ? '(' : '{');
	for (size_t i = 0; i < type->member_count; i++) {
		const struct mt_member *member = &type->members[i];

		if (i)
			mt_buf_text(printer->out, pretty ? "," : ", ");
		if (pretty)
			mt_printer_break(printer, printer->depth + 1);
		if (mt_printer_is_full(printer)) {
			mt_buf_text(printer->out, "...");
			break;
		}
		if (!tuple && member->name)
			mt_buf_printf(printer->out, "%s: ", member->name);
		mt_print_member(printer, member, part);
	}
	if (pretty)
		mt_printer_break(printer, printer->depth);
	mt_buf_char(printer->out, tuple ? ')' : '}');
}

/* ---- Enumerations --------------------------------------------------------------------- */

/* The discriminant's bits, as wide as they are. */
static bool read_discriminant(const struct mt_variants *variants, struct mt_part part,
                              int64_t *value)
{
	struct mt_part at =
	    mt_part_of(part, variants->discriminant.type, variants->discriminant.offset);

	*value = 0;
	if (!at.size || at.size > sizeof(*value) || at.size < at.type->size)
		return false;
	memcpy(value, mt_part_bytes(at), at.size);
	return true;
}

static const struct mt_variant *variant_of(const struct mt_variants *variants, struct mt_part part)
{
	int64_t discriminant;

	if (!variants->has_discriminant)
		return variants->len ? &variants->data[0] : NULL;
	if (!read_discriminant(variants, part, &discriminant))
		return NULL;
	return mt_variant_of(variants, discriminant);
}

static void write_variant(struct mt_printer *printer, const struct mt_variants *variants,
                          struct mt_part part)
{
	const struct mt_variant *variant = variant_of(variants, part);
	struct mt_part inside;

	mt_buf_text(printer->out, part.type->name ? part.type->name : "");
	if (!variant) {
		mt_buf_text(printer->out, "::<no such variant>");
		return;
	}
	inside = mt_part_of(part, variant->member.type, variant->member.offset);
	mt_buf_printf(printer->out, "::%s", variant->member.name ? variant->member.name : "");
	mt_type_complete(inside.type);
	if (!inside.type->member_count)
		return;
	printer->depth++;
	write_members(printer, inside, false);
	printer->depth--;
}

/* ---- Slices ---------------------------------------------------------------------------- */

/* &str and &[T] are structs of a pointer and a length. */
static bool slice_of(struct mt_part part, struct mt_value *first, uint64_t *length)
{
	uint64_t at_pointer, at_length, addr = 0;
	const struct mt_member *pointer, *count;

	if (!part.type->name || part.type->name[0] != '&')
		return false;
	pointer = mt_type_member(part.type, "data_ptr", &at_pointer);
	count = mt_type_member(part.type, "length", &at_length);
	if (!pointer || !count || pointer->type->kind != MT_TYPE_POINTER ||
	    !pointer->type->target || part.size < at_pointer + sizeof(addr) ||
	    part.size < at_length + sizeof(*length))
		return false;
	memcpy(&addr, mt_part_bytes(part) + at_pointer, sizeof(addr));
	memcpy(length, mt_part_bytes(part) + at_length, sizeof(*length));
	*first = (struct mt_value){ .type = pointer->type->target,
		                    .home = MT_HOME_MEMORY,
		                    .addr = addr };
	return true;
}

static struct mt_error *write_string(struct mt_printer *printer, uint64_t addr, uint64_t length)
{
	const struct mt_print_options *options = printer->options;
	unsigned most = options->elements ? options->elements : MT_VALUE_MAX;
	size_t read = length < most ? (size_t)length : most;
	uint8_t *bytes = mt_arena_alloc(printer->arena, read + 1);

	if (!bytes)
		return mt_error_nomem();
	if (read && !printer->world->read)
		return mt_error_new(MT_ERR_UNREADABLE, "there is no memory to read from");
	if (read)
		MT_TRY(printer->world->read(printer->world->arg, addr, bytes, read));
	mt_print_text(options, "", bytes, read, 1, read < length, printer->out);
	return NULL;
}

static struct mt_error *write_slice(struct mt_printer *printer, struct mt_part part,
                                    struct mt_value first, uint64_t length)
{
	if (!strcmp(part.type->name, "&str"))
		return write_string(printer, first.addr, length);
	mt_buf_printf(printer->out, "%s ", part.type->name);
	if (!length) {
		mt_buf_text(printer->out, "[]");
		return NULL;
	}
	first.type =
	    printer->world->image ? mt_type_array(printer->world->image, first.type, length) : NULL;
	if (!first.type)
		return mt_error_nomem();
	return mt_print_read(printer, &first);
}

void mt_print_rust(struct mt_printer *printer, struct mt_part part)
{
	const struct mt_variants *variants = mt_type_variants(part.type);
	struct mt_error *error;
	struct mt_value first;
	uint64_t length;

	mt_type_complete(part.type);
	if (variants) {
		write_variant(printer, variants, part);
		return;
	}
	if (slice_of(part, &first, &length)) {
		printer->depth++;
		error = write_slice(printer, part, first, length);
		printer->depth--;
		if (error)
			mt_buf_printf(printer->out, "<error: %s>", mt_error_text(error));
		mt_error_free(error);
		return;
	}
	if (part.type->name && part.type->name[0] != '(')
		mt_buf_printf(printer->out, "%s%s", part.type->name,
		              part.type->member_count ? " " : "");
	if (part.type->member_count)
		write_members(printer, part, printer->options->pretty);
}
