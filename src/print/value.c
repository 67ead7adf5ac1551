/* SPDX-License-Identifier: MIT */
/* From a value to its text: what can be read of it, what it is, and what stands before it. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "expr/dynamic.h"
#include "print/printer.h"

struct mt_print_options mt_print_defaults(void)
{
	return (struct mt_print_options){ .address = true,
		                          .symbol = true,
		                          .unions = true,
		                          .static_members = true,
		                          .elements = 200,
		                          .repeats = 10,
		                          .max_depth = 20 };
}

struct mt_print_options mt_print_line(void)
{
	struct mt_print_options options = mt_print_defaults();

	options.null_stop = true;
	options.static_members = false;
	options.shortest = true;
	options.elements = 32;
	options.max_depth = 8;
	options.limit = 200;
	return options;
}

/* ---- Layout ---------------------------------------------------------------------- */

void mt_printer_break(struct mt_printer *printer, unsigned depth)
{
	mt_buf_char(printer->out, '\n');
	for (unsigned i = 0; i < depth; i++)
		mt_buf_text(printer->out, "  ");
}

bool mt_printer_is_full(const struct mt_printer *printer)
{
	return printer->options->limit &&
	       printer->out->len - printer->start >= printer->options->limit;
}

/* ---- Parts ---------------------------------------------------------------------- */

struct mt_value mt_part_value(struct mt_part part)
{
	return (struct mt_value){
		.type = part.type,
		.home = part.whole->has_addr ? MT_HOME_MEMORY : MT_HOME_NOWHERE,
		.addr = part.whole->has_addr ? part.whole->addr + part.offset : 0,
		.bytes = part.size >= part.type->size && !part.whole->gone && !part.whole->unread
		             ? mt_part_bytes(part)
		             : NULL,
	};
}

/* The first byte of the part that has a bit, or -1. */
static int64_t first_marked(const uint8_t *bits, struct mt_part part)
{
	for (size_t i = part.offset; bits && i < part.offset + part.size; i++) {
		if (bits[i])
			return (int64_t)i;
	}
	return -1;
}

static bool all_marked(const uint8_t *bits, struct mt_part part)
{
	if (!bits || !part.size)
		return false;
	for (size_t i = part.offset; i < part.offset + part.size; i++) {
		if (bits[i] != 0xff)
			return false;
	}
	return true;
}

static bool has_parts(const struct mt_type *type)
{
	return type->kind == MT_TYPE_ARRAY || type->kind == MT_TYPE_STRUCT ||
	       type->kind == MT_TYPE_UNION;
}

/* Says what is missing of a part, if that is all that there is to say. */
static bool write_missing(struct mt_printer *printer, struct mt_part part)
{
	bool whole = has_parts(part.type) && part.type->kind != MT_TYPE_UNION &&
	             !mt_character_width(part.type->target ? part.type->target : part.type);
	int64_t unread = first_marked(part.whole->unread, part);

	if (whole ? all_marked(part.whole->gone, part)
	          : first_marked(part.whole->gone, part) >= 0) {
		mt_buf_text(printer->out, "<optimized out>");
		return true;
	}
	if (whole ? !all_marked(part.whole->unread, part) : unread < 0)
		return false;
	mt_buf_printf(printer->out, "<error: Cannot access memory at address 0x%" PRIx64 ">",
	              part.whole->addr + (uint64_t)unread);
	return true;
}

static bool is_too_deep(const struct mt_printer *printer, const struct mt_type *type)
{
	bool is_text =
	    type->kind == MT_TYPE_ARRAY && type->target && mt_character_width(type->target);

	return printer->options->max_depth && printer->depth >= printer->options->max_depth &&
	       has_parts(type) && !is_text;
}

void mt_print_raw(struct mt_printer *printer, struct mt_part part)
{
	const struct mt_type bytes = { .kind = MT_TYPE_BYTES, .size = part.size };

	part.type = &bytes;
	mt_print_scalar(printer, part);
}

void mt_print_part(struct mt_printer *printer, struct mt_part part)
{
	if (is_too_deep(printer, part.type)) {
		mt_buf_text(printer->out, "{...}");
		return;
	}
	if (write_missing(printer, part))
		return;
	if (part.size < part.type->size) {
		mt_print_raw(printer, part);
		return;
	}
	switch (part.type->kind) {
	case MT_TYPE_VOID:
		mt_buf_text(printer->out, "void");
		break;
	case MT_TYPE_POINTER:
		mt_print_pointer(printer, part);
		break;
	case MT_TYPE_MEMBER_POINTER:
		mt_print_member_pointer(printer, part);
		break;
	case MT_TYPE_ARRAY:
		mt_print_array(printer, part);
		break;
	case MT_TYPE_STRUCT:
	case MT_TYPE_UNION:
		if (mt_print_formatted(printer, part))
			break;
		if (mt_type_language(part.type) == MT_LANG_RUST)
			mt_print_rust(printer, part);
		else
			mt_print_struct(printer, part);
		break;
	default:
		mt_print_scalar(printer, part);
		break;
	}
}

void mt_print_object(struct mt_printer *printer, struct mt_part part)
{
	size_t start = printer->virtual_start;

	printer->virtual_start = printer->virtual_count;
	mt_print_part(printer, part);
	printer->virtual_count = printer->virtual_start;
	printer->virtual_start = start;
}

/* ---- Reading -------------------------------------------------------------------- */

/* As much of the value as can be read, a page at a time. False: nothing can. */
static bool read_pages(const struct mt_world *world, const struct mt_value *value, uint8_t *bytes,
                       uint8_t *unread, size_t size)
{
	enum { PAGE = 4096 };
	bool any = false;

	for (size_t at = 0; at < size;) {
		size_t step = PAGE - (size_t)((value->addr + at) % PAGE);
		struct mt_error *error;

		if (step > size - at)
			step = size - at;
		error = world->read(world->arg, value->addr + at, bytes + at, step);
		any |= !error;
		if (error) {
			memset(bytes + at, 0, step);
			memset(unread + at, 0xff, step);
		}
		mt_error_free(error);
		at += step;
	}
	return any;
}

/* The value's bytes after reading it at once has failed. Takes the error over. */
static struct mt_error *read_rest(struct mt_printer *printer, struct mt_error *error,
                                  const struct mt_value *value, struct mt_whole *whole)
{
	size_t size = (size_t)value->type->size;
	uint8_t *bytes, *unread;

	if (mt_error_kind(error) != MT_ERR_UNREADABLE || value->home != MT_HOME_MEMORY ||
	    !has_parts(value->type) || !printer->world->read || size > MT_VALUE_MAX)
		return error;
	bytes = mt_arena_alloc(printer->arena, size);
	unread = mt_arena_alloc(printer->arena, size);
	if (!bytes || !unread || !read_pages(printer->world, value, bytes, unread, size))
		return error;
	mt_error_free(error);
	whole->bytes = bytes;
	whole->unread = unread;
	return NULL;
}

/* A function has an address instead of bytes. */
static void write_function(struct mt_printer *printer, const struct mt_value *value)
{
	mt_buf_char(printer->out, '{');
	mt_type_format(value->type, printer->out);
	mt_buf_printf(printer->out, "} 0x%" PRIx64, value->addr);
	mt_print_symbol(printer->world->image, value->addr, printer->out);
}

struct mt_error *mt_print_read(struct mt_printer *printer, const struct mt_value *value)
{
	struct mt_value fetched = *value;
	struct mt_whole whole = { .size = (size_t)value->type->size };
	struct mt_error *error = NULL;

	if (value->type->kind == MT_TYPE_FUNCTION) {
		write_function(printer, value);
		return NULL;
	}
	whole.has_addr = value->home == MT_HOME_MEMORY && !value->bit_size;
	whole.addr = value->addr;
	if (value->type->size)
		error = mt_value_fetch(printer->world, printer->arena, &fetched);
	whole.bytes = fetched.bytes;
	whole.gone = fetched.gone;
	if (error)
		error = read_rest(printer, error, value, &whole);
	if (error)
		return error;
	mt_print_object(printer, (struct mt_part){ value->type, &whole, 0, whole.size });
	return NULL;
}

struct mt_error *mt_print_value(const struct mt_world *world, const struct mt_value *value,
                                const struct mt_print_options *options, struct mt_buf *out)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_printer printer = { world, options, &arena, out, out->len, 0, { NULL }, 0, 0 };

	MT_TRY(mt_print_read(&printer, value));
	return mt_buf_ok(out) ? NULL : mt_error_nomem();
}

/* ---- What print puts before a value ------------------------------------------------ */

/* Text needs no type to be known as what it is, unless it is of an unusual one. */
static bool shows_type(const struct mt_type *type, const struct mt_print_options *options)
{
	const struct mt_type *target = type->target;

	if (options->letter && options->letter != 's' && options->letter != 'a')
		return false;
	if (type->kind != MT_TYPE_POINTER || options->letter)
		return false;
	if (target && mt_character_width(target) > 1)
		return type->is_reference || type->alias_of;
	return type->is_reference || type->alias_of || !target || target->kind != MT_TYPE_CHAR ||
	       target->alias_of || !target->name || strcmp(target->name, "char") != 0;
}

/* ": 5", what a reference refers to. */
static struct mt_error *write_referred(struct mt_printer *printer, const struct mt_value *reference)
{
	struct mt_value target = { 0 };
	struct mt_error *error = mt_value_deref(printer->world, printer->arena, reference, &target);

	mt_buf_text(printer->out, ": ");
	if (!error)
		error = mt_print_read(printer, &target);
	if (error && mt_error_kind(error) == MT_ERR_UNREADABLE) {
		mt_buf_printf(printer->out,
		              "<error: Cannot access memory at address 0x%" PRIx64 ">",
		              target.addr);
		mt_error_free(error);
		return NULL;
	}
	return error;
}

/* What a formatter shows of a reference is what it refers to, and no more. */
static bool write_formatted(struct mt_printer *printer, const struct mt_value *reference)
{
	struct mt_value target = { 0 };
	struct mt_error *error = mt_value_deref(printer->world, printer->arena, reference, &target);

	if (!error && mt_type_is_scalar(target.type))
		return false;
	if (!error)
		error = mt_value_fetch(printer->world, printer->arena, &target);
	if (error) {
		mt_error_free(error);
		return false;
	}
	const struct mt_whole whole = { .bytes = target.bytes,
		                        .gone = target.gone,
		                        .size = (size_t)target.type->size,
		                        .has_addr = target.home == MT_HOME_MEMORY,
		                        .addr = target.addr };
	return mt_print_formatted(printer, (struct mt_part){ target.type, &whole, 0, whole.size });
}

/* The whole object that it is a part of, or that it leads to, takes its place: "(leaf *) 0x404010",
 * "(leaf) {…}". */
static void become_whole(struct mt_printer *printer, struct mt_value *value)
{
	const struct mt_print_options *options = printer->options;
	struct mt_value whole;

	if (!options->object || options->untyped)
		return;
	if (mt_value_whole_target(printer->world, printer->arena, value, &whole)) {
		*value = whole;
	} else if (mt_value_whole_object(printer->world, value, &whole)) {
		*value = whole;
		mt_buf_char(printer->out, '(');
		mt_type_format(value->type, printer->out);
		mt_buf_text(printer->out, ") ");
	}
}

static struct mt_error *write_top(struct mt_printer *printer, const struct mt_value *given)
{
	struct mt_value shown = *given;
	const struct mt_value *value = &shown;
	bool is_reference;

	become_whole(printer, &shown);
	is_reference = value->type->kind == MT_TYPE_POINTER && value->type->is_reference;

	if (is_reference && write_formatted(printer, value))
		return NULL;
	if (!printer->options->untyped && shows_type(value->type, printer->options)) {
		mt_buf_char(printer->out, '(');
		mt_type_format(value->type, printer->out);
		mt_buf_text(printer->out, ") ");
	}
	MT_TRY(mt_print_read(printer, value));
	return is_reference ? write_referred(printer, value) : NULL;
}

struct mt_error *mt_print_top(const struct mt_world *world, const struct mt_value *value,
                              const struct mt_print_options *options, struct mt_buf *out)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_printer printer = { world, options, &arena, out, out->len, 0, { NULL }, 0, 0 };
	struct mt_buf text MT_AUTO_BUF = { 0 };

	printer.out = &text;
	printer.start = 0;
	MT_TRY(write_top(&printer, value));
	if (!mt_buf_ok(&text))
		return mt_error_nomem();
	mt_buf_text(out, text.data ? text.data : "");
	return mt_buf_ok(out) ? NULL : mt_error_nomem();
}

void mt_value_format(struct mt_image *image, const struct mt_type *type, const uint8_t *bytes,
                     size_t size, struct mt_buf *out)
{
	const struct mt_print_options options = mt_print_line();
	const struct mt_world world = { .image = image };
	const struct mt_whole whole = { .bytes = bytes, .size = size };
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_printer printer = { &world, &options, &arena, out, out->len, 0, { NULL }, 0, 0 };
	size_t known = type->size && type->size < size ? (size_t)type->size : size;

	mt_print_part(&printer, (struct mt_part){ type, &whole, 0, known });
}
