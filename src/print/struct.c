/* SPDX-License-Identifier: MIT */
/* Structs and unions of C, classes of C++: their bases, members and static members. */
#include <string.h>

#include "base/cleanup.h"
#include "print/printer.h"
#include "symbol/type_class.h"

/* A struct while it is written: what stands before a member depends on the one before it. */
struct fields {
	struct mt_printer *printer;
	struct mt_part part;
	const struct mt_class *class; /* NULL: C's */
	size_t count;                 /* written */
	bool after_base;
};

/* Between two members. A person who sees a member a line is told whose they are. */
static void begin(struct fields *fields, bool is_base)
{
	struct mt_printer *printer = fields->printer;
	bool pretty = printer->options->pretty;

	if (fields->count++)
		mt_buf_text(printer->out, pretty && !fields->after_base ? "," : ", ");
	if (pretty) {
		mt_printer_break(printer, printer->depth + 1);
		if (fields->after_base && !is_base && fields->part.type->name) {
			mt_buf_printf(printer->out, "members of %s:", fields->part.type->name);
			mt_printer_break(printer, printer->depth + 1);
		}
	}
	fields->after_base = is_base;
}

static void write_inside(struct fields *fields, struct mt_part part)
{
	fields->printer->depth++;
	mt_print_part(fields->printer, part);
	fields->printer->depth--;
}

/* ---- Members ----------------------------------------------------------------------- */

/* All of a bit-field is marked where one of its bits is. NULL: none is. */
static const uint8_t *field_marks(const struct mt_member *member, struct mt_part part,
                                  const uint8_t *marks, uint8_t field[MT_BIT_FIELD_MAX])
{
	uint8_t set[MT_BIT_FIELD_MAX];
	const uint8_t zeroes[MT_BIT_FIELD_MAX] = { 0 };

	if (!marks || !mt_value_bit_field(member, marks + part.offset, part.size, set) ||
	    !memcmp(set, zeroes, sizeof(set)))
		return NULL;
	return memset(field, 0xff, MT_BIT_FIELD_MAX);
}

void mt_print_member(struct mt_printer *printer, const struct mt_member *member,
                     struct mt_part part)
{
	uint8_t bytes[MT_BIT_FIELD_MAX] = { 0 };
	uint8_t gone[MT_BIT_FIELD_MAX], unread[MT_BIT_FIELD_MAX];
	struct mt_whole whole = { .bytes = bytes, .size = sizeof(bytes) };
	size_t size = (size_t)member->type->size;
	struct mt_part inside = mt_part_of(part, member->type, member->offset);

	if (member->bit_size) {
		if (!mt_value_bit_field(member, mt_part_bytes(part), part.size, bytes)) {
			mt_buf_char(printer->out, '?');
			return;
		}
		whole.gone = field_marks(member, part, part.whole->gone, gone);
		whole.unread = field_marks(member, part, part.whole->unread, unread);
		whole.addr = part.whole->addr + part.offset + member->offset;
		inside = (struct mt_part){ member->type, &whole, 0,
			                   size < sizeof(bytes) ? size : sizeof(bytes) };
	}
	printer->depth++;
	if (!member->name && !member->is_base && !member->bit_size)
		mt_print_struct(printer, inside); /* it is no level of its own */
	else if (member->is_base)
		mt_print_part(printer, inside);
	else
		mt_print_object(printer, inside);
	printer->depth--;
}

static void write_member(struct fields *fields, const struct mt_member *member)
{
	begin(fields, member->is_base);
	if (member->is_base)
		mt_buf_printf(fields->printer->out,
		              "<%s> = ", member->type->name ? member->type->name : "base");
	else if (member->name)
		mt_buf_printf(fields->printer->out, "%s = ", member->name);
	mt_print_member(fields->printer, member, fields->part);
}

/* ---- Virtual bases ------------------------------------------------------------------ */

/* Where it lies: the object's table of virtual functions has its offset before its start. */
static bool find_virtual_base(const struct fields *fields, const struct mt_base *base,
                              uint64_t *offset)
{
	const struct mt_world *world = fields->printer->world;
	unsigned word = world->machine == MT_MACHINE_I386 ? 4 : 8;
	uint64_t vtable = 0, distance = 0;
	struct mt_error *error;

	if (!base->has_vtable_offset || !world->read || fields->part.size < word)
		return false;
	memcpy(&vtable, mt_part_bytes(fields->part), word);
	error = world->read(world->arg, vtable - base->vtable_offset, &distance, word);
	if (error) {
		mt_error_free(error);
		return false;
	}
	*offset = word == 4 ? (uint64_t)(int64_t)(int32_t)distance : distance;
	return true;
}

/* In the whole object it lies behind the part that has it as a base, or outside of all that was
 * read. */
static bool virtual_base_part(const struct fields *fields, const struct mt_base *base,
                              struct mt_part *part)
{
	struct mt_part whole = fields->part;
	uint64_t offset;

	whole.size = whole.whole->size - whole.offset;
	if (!find_virtual_base(fields, base, &offset) || offset > whole.size)
		return false;
	*part = mt_part_of(whole, base->type, offset);
	return part->size >= base->type->size;
}

static bool was_written(struct mt_printer *printer, const struct mt_type *type)
{
	for (size_t i = printer->virtual_start; i < printer->virtual_count; i++) {
		if (printer->virtuals[i] == type)
			return true;
	}
	if (printer->virtual_count < MT_PRINT_VIRTUALS)
		printer->virtuals[printer->virtual_count++] = type;
	return false;
}

/* One object has each virtual base once. */
static void write_virtual_base(struct fields *fields, const struct mt_base *base)
{
	struct mt_printer *printer = fields->printer;
	struct mt_part part;

	if (was_written(printer, base->type))
		return;
	begin(fields, true);
	mt_buf_printf(printer->out, "<%s> = ", base->type->name ? base->type->name : "base");
	if (virtual_base_part(fields, base, &part))
		write_inside(fields, part);
	else
		mt_buf_text(printer->out, "<invalid address>");
}

/* ---- Static members ------------------------------------------------------------------ */

/* The variable behind it, as a value in memory. */
static bool static_variable(const struct fields *fields, const char *name, struct mt_value *value)
{
	struct mt_image *image = fields->printer->world->image;
	struct mt_buf qualified MT_AUTO_BUF = { 0 };
	struct mt_variable variable;
	struct mt_error *error;

	if (!image || !fields->part.type->name)
		return false;
	mt_buf_printf(&qualified, "%s::%s", fields->part.type->name, name);
	if (!mt_buf_ok(&qualified))
		return false;
	error = mt_variable_find(image, &(struct mt_variable_query){ .name = qualified.data },
	                         &variable);
	mt_error_free(error);
	if (error)
		return false;
	*value = (struct mt_value){ .type = variable.type,
		                    .home = MT_HOME_MEMORY,
		                    .addr = variable.addr };
	return true;
}

static void write_static(struct fields *fields, const struct mt_static_member *member)
{
	struct mt_printer *printer = fields->printer;
	struct mt_value value = { 0 };
	struct mt_error *error = NULL;

	if (!printer->options->static_members)
		return;
	begin(fields, false);
	mt_buf_printf(printer->out, "static %s = ", member->name);
	if (member->has_value) {
		value = (struct mt_value){ .type = member->type,
			                   .bytes = (const uint8_t *)&member->value };
	} else if (!static_variable(fields, member->name, &value)) {
		mt_buf_text(printer->out, "<optimized out>");
		return;
	}
	printer->depth++;
	error = printer->depth < MT_PRINT_DEPTH ? mt_print_read(printer, &value) : NULL;
	printer->depth--;
	if (error)
		mt_buf_printf(printer->out, "<error: %s>", mt_error_text(error));
	mt_error_free(error);
}

/* ---- The whole ------------------------------------------------------------------------ */

static void write_virtual_bases(struct fields *fields)
{
	for (size_t i = 0; fields->class && i < fields->class->base_count; i++) {
		if (fields->class->bases[i].is_virtual)
			write_virtual_base(fields, &fields->class->bases[i]);
	}
}

/* Those that were declared before member number `before`, from *next on. */
static void write_statics(struct fields *fields, size_t *next, size_t before)
{
	while (fields->class && *next < fields->class->static_count &&
	       fields->class->statics[*next].before <= before)
		write_static(fields, &fields->class->statics[(*next)++]);
}

static void write_members(struct fields *fields)
{
	const struct mt_type *type = fields->part.type;
	size_t next = 0, i = 0;

	for (; i < type->member_count && type->members[i].is_base; i++)
		write_member(fields, &type->members[i]);
	write_virtual_bases(fields);
	for (; i < type->member_count; i++) {
		if (mt_printer_is_full(fields->printer)) {
			mt_buf_text(fields->printer->out, fields->count ? ", ..." : "...");
			return;
		}
		write_statics(fields, &next, i);
		write_member(fields, &type->members[i]);
	}
	write_statics(fields, &next, SIZE_MAX);
}

void mt_print_struct(struct mt_printer *printer, struct mt_part part)
{
	struct fields fields = { .printer = printer, .part = part };

	mt_type_complete(part.type);
	if (part.type->is_declared) {
		mt_buf_text(printer->out, "<incomplete type>");
		return;
	}
	if (part.type->kind == MT_TYPE_UNION && printer->depth && !printer->options->unions) {
		mt_buf_text(printer->out, "{...}");
		return;
	}
	if (mt_type_language(part.type) == MT_LANG_CPLUS)
		fields.class = mt_type_class(part.type);
	mt_buf_char(printer->out, '{');
	write_members(&fields);
	if (!fields.count)
		mt_buf_text(printer->out, "<No data fields>");
	else if (printer->options->pretty)
		mt_printer_break(printer, printer->depth);
	mt_buf_char(printer->out, '}');
}
