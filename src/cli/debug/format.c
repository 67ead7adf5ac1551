/* SPDX-License-Identifier: MIT */
/* Values as text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/shell.h"
#include "x86/regtable.h"

/* gdb's: how much of a value is shown, and from how many on equal elements are counted instead. */
enum { MAX_PARTS = 200, REPEATS_MIN = 10 };

/* Only a program that means ill nests deeper. */
enum { MAX_NESTING = 16, MAX_BITS = 64 };

void mt_symbol_show(struct mt_shell *shell, uint64_t addr, struct mt_buf *out)
{
	struct mt_image *image = mt_debug_image(shell->debug);
	struct mt_symbol symbol;

	if (!image || !mt_image_symbol_at(image, addr, &symbol))
		return;
	mt_buf_printf(out, " <%s", symbol.name);
	if (addr != symbol.addr)
		mt_buf_printf(out, "+%" PRIu64, addr - symbol.addr);
	mt_buf_char(out, '>');
}

/* ---- Text ------------------------------------------------------------------ */

static void show_char(struct mt_buf *out, unsigned char c, char quote)
{
	static const char named[] = "\a\b\033\f\n\r\t\v", letters[] = "abefnrtv";
	const char *name = c ? strchr(named, c) : NULL;

	if (name)
		mt_buf_printf(out, "\\%c", letters[name - named]);
	else if (c == (unsigned char)quote || c == '\\')
		mt_buf_printf(out, "\\%c", c);
	else if (c >= 0x20 && c < 0x7f)
		mt_buf_char(out, (char)c);
	else
		mt_buf_printf(out, "\\%03o", c);
}

struct mt_error *mt_string_show(struct mt_shell *shell, uint64_t addr, size_t max,
                                struct mt_buf *out, uint64_t *next)
{
	uint64_t at = addr;
	unsigned char c = 0;

	MT_TRY(mt_shell_read_memory(shell, at, &c, 1));
	mt_buf_char(out, '"');
	while (c && at - addr < max) {
		struct mt_error *error;

		show_char(out, c, '"');
		error = mt_shell_read_memory(shell, ++at, &c, 1);
		if (error) {
			mt_error_free(error);
			break;
		}
	}
	mt_buf_char(out, '"');
	if (at - addr == max && c)
		mt_buf_text(out, "...");
	*next = c ? at : at + 1;
	return NULL;
}

/* ---- Numbers --------------------------------------------------------------- */

static void show_binary(uint64_t bits, size_t size, bool pad, struct mt_buf *out)
{
	unsigned digits = pad ? 8 * (unsigned)size : MAX_BITS - (unsigned)__builtin_clzll(bits | 1);

	while (digits-- > 0)
		mt_buf_char(out, bits >> digits & 1 ? '1' : '0');
}

/* More than 8 bytes: the highest first, as one number. */
static void show_wide(const uint8_t *bytes, size_t size, struct mt_buf *out)
{
	mt_buf_text(out, "0x");
	while (size > 1 && !bytes[size - 1])
		size--;
	mt_buf_printf(out, "%x", bytes[size - 1]);
	while (size-- > 1)
		mt_buf_printf(out, "%02x", bytes[size - 1]);
}

static void show_float(const uint8_t *bytes, size_t size, struct mt_buf *out)
{
	const struct mt_type *type = mt_type_base(size == 4   ? "float"
	                                          : size == 8 ? "double"
	                                                      : "long double");

	mt_value_format(NULL, type, bytes, size, out);
}

void mt_number_show(struct mt_shell *shell, char letter, const uint8_t *bytes, size_t size,
                    bool pad, struct mt_buf *out)
{
	int width = pad ? 2 * (int)size : 0;
	uint64_t bits = 0;
	int64_t number;

	if (letter == 'f' && (size == 4 || size == 8 || size == 16)) {
		show_float(bytes, size, out);
		return;
	}
	if (size > sizeof(bits)) {
		show_wide(bytes, size, out);
		return;
	}
	memcpy(&bits, bytes, size);
	number = size ? (int64_t)(bits << (64 - 8 * size)) >> (64 - 8 * size) : 0;
	switch (letter) {
	case 'd':
		mt_buf_printf(out, "%" PRId64, number);
		break;
	case 'o':
		mt_buf_printf(out, bits ? "0%" PRIo64 : "%" PRIo64, bits);
		break;
	case 't':
		show_binary(bits, size, pad, out);
		break;
	case 'c':
		mt_buf_printf(out, "%d '", (int)(int8_t)bits);
		show_char(out, (unsigned char)bits, '\'');
		mt_buf_char(out, '\'');
		break;
	case 'a':
		mt_buf_printf(out, "0x%" PRIx64, bits);
		mt_symbol_show(shell, bits, out);
		break;
	case 'z':
		mt_buf_printf(out, "0x%0*" PRIx64, 2 * (int)size, bits);
		break;
	case 'x':
		mt_buf_printf(out, "0x%0*" PRIx64, width, bits);
		break;
	default: /* u, and f where the size is no float's */
		mt_buf_printf(out, "%" PRIu64, bits);
		break;
	}
}

/* ---- Parts of values ------------------------------------------------------- */

struct writer {
	struct mt_shell *shell;
	char letter;  /* of the format; 0: as print shows it */
	size_t parts; /* shown so far */
	struct mt_buf *out;
};

static void show_parts(struct writer *writer, const struct mt_type *type, const uint8_t *bytes,
                       size_t size, unsigned depth);

/* How many elements from the first on are the same. */
static uint64_t count_same(const uint8_t *bytes, size_t step, uint64_t count)
{
	uint64_t same = 1;

	while (same < count && !memcmp(bytes, bytes + same * step, step))
		same++;
	return same;
}

static void show_elements(struct writer *writer, const struct mt_type *type, const uint8_t *bytes,
                          size_t size, unsigned depth)
{
	size_t step = type->target ? (size_t)type->target->size : 0;
	uint64_t count = step ? size / step : 0;

	if (count > type->count)
		count = type->count;
	mt_buf_char(writer->out, '{');
	for (uint64_t i = 0; i < count;) {
		uint64_t same = count_same(bytes + i * step, step, count - i);

		if (i)
			mt_buf_text(writer->out, ", ");
		if (writer->parts >= MAX_PARTS) {
			mt_buf_text(writer->out, "...");
			break;
		}
		show_parts(writer, type->target, bytes + i * step, step, depth + 1);
		if (same < REPEATS_MIN)
			same = 1;
		else
			mt_buf_printf(writer->out, " <repeats %" PRIu64 " times>", same);
		i += same;
	}
	mt_buf_char(writer->out, '}');
}

static void show_member(struct writer *writer, const struct mt_member *member, const uint8_t *bytes,
                        size_t size, unsigned depth)
{
	uint8_t field[MT_BIT_FIELD_MAX] = { 0 };

	if (member->is_base)
		mt_buf_printf(writer->out,
		              "<%s> = ", member->type->name ? member->type->name : "base");
	else if (member->name)
		mt_buf_printf(writer->out, "%s = ", member->name);
	if (member->bit_size) {
		if (mt_value_bit_field(member, bytes, size, field))
			show_parts(writer, member->type, field, (size_t)member->type->size,
			           depth + 1);
		return;
	}
	if (member->offset <= size && member->type->size <= size - member->offset)
		show_parts(writer, member->type, bytes + member->offset, (size_t)member->type->size,
		           depth + 1);
}

static bool is_character(const struct mt_type *type)
{
	return type && type->kind == MT_TYPE_CHAR && type->size == 1;
}

/* The text behind a char *. */
static void show_text_behind(struct mt_shell *shell, uint64_t addr, struct mt_buf *out)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_error *error;
	uint64_t next;

	if (!addr)
		return;
	error = mt_string_show(shell, addr, shell->settings.string_size, &text, &next);
	if (!error && mt_buf_ok(&text))
		mt_buf_printf(out, " %s", text.data);
	mt_error_free(error);
}

static void show_scalar(struct writer *writer, const struct mt_type *type, const uint8_t *bytes,
                        size_t size)
{
	uint64_t addr = 0;

	writer->parts++;
	if (writer->letter) {
		mt_number_show(writer->shell, writer->letter, bytes, size, false, writer->out);
		return;
	}
	mt_value_format(mt_debug_image(writer->shell->debug), type, bytes, size, writer->out);
	memcpy(&addr, bytes, size < sizeof(addr) ? size : sizeof(addr));
	if (type->kind == MT_TYPE_POINTER && is_character(type->target))
		show_text_behind(writer->shell, addr, writer->out);
}

static void show_members(struct writer *writer, const struct mt_type *type, const uint8_t *bytes,
                         size_t size, unsigned depth)
{
	mt_type_complete(type);
	mt_buf_char(writer->out, '{');
	for (size_t i = 0; i < type->member_count; i++) {
		if (i)
			mt_buf_text(writer->out, ", ");
		show_member(writer, &type->members[i], bytes, size, depth);
	}
	mt_buf_char(writer->out, '}');
}

static void show_parts(struct writer *writer, const struct mt_type *type, const uint8_t *bytes,
                       size_t size, unsigned depth)
{
	bool is_text = type->kind == MT_TYPE_ARRAY && is_character(type->target);

	if (depth > MAX_NESTING)
		mt_buf_text(writer->out, "{...}");
	else if (type->kind == MT_TYPE_ARRAY && (!is_text || writer->letter))
		show_elements(writer, type, bytes, size, depth);
	else if (type->kind == MT_TYPE_STRUCT || type->kind == MT_TYPE_UNION)
		show_members(writer, type, bytes, size, depth);
	else
		show_scalar(writer, type, bytes, size);
}

/* ---- Values as print shows them -------------------------------------------- */

/* "int *", "void (*)()" */
static void show_pointer_type(const struct mt_type *type, struct mt_buf *out)
{
	struct mt_buf target MT_AUTO_BUF = { 0 };
	const char *parameters = NULL;

	if (type->target && type->target->kind == MT_TYPE_FUNCTION) {
		mt_type_format(type->target, &target);
		parameters = mt_buf_ok(&target) ? strchr(target.data, '(') : NULL;
	}
	if (parameters)
		mt_buf_printf(out, "%.*s(*)%s", (int)(parameters - target.data), target.data,
		              parameters);
	else
		mt_type_format(type, out);
}

/* (int *) 0x404010 <counter> */
static void show_pointer(struct writer *writer, const struct mt_type *type, const uint8_t *bytes)
{
	if (!is_character(type->target) && !type->is_reference) {
		mt_buf_char(writer->out, '(');
		show_pointer_type(type, writer->out);
		mt_buf_text(writer->out, ") ");
	}
	show_scalar(writer, type, bytes, (size_t)type->size);
}

static bool is_flags(const struct mt_value *value)
{
	return value->home == MT_HOME_REGISTER && !strcmp(value->name, "eflags");
}

static void show_flags(const uint8_t *bytes, struct mt_buf *out)
{
	uint64_t flags = 0;

	memcpy(&flags, bytes, sizeof(uint32_t));
	mt_buf_text(out, "[ ");
	mt_eflags_format(flags, out);
	mt_buf_text(out, " ]");
}

/* What has an address instead of bytes. */
static void show_code(struct mt_shell *shell, const struct mt_value *value, struct mt_buf *out)
{
	mt_buf_char(out, '{');
	mt_type_format(value->type, out);
	mt_buf_printf(out, "} 0x%" PRIx64, value->addr);
	mt_symbol_show(shell, value->addr, out);
}

struct mt_error *mt_value_show(struct mt_shell *shell, const struct mt_value *value,
                               const struct mt_format *format, struct mt_buf *out)
{
	const struct mt_type *type = value->type;
	struct writer writer = { .shell = shell, .letter = format->letter, .out = out };
	uint8_t *bytes MT_AUTO_FREE = NULL;

	if (type->kind == MT_TYPE_FUNCTION) {
		show_code(shell, value, out);
		return NULL;
	}
	MT_TRY(mt_value_load(shell, value, &bytes));
	if (writer.letter == 's' || writer.letter == 'i')
		writer.letter = '\0';
	if (!writer.letter && type->kind == MT_TYPE_POINTER)
		show_pointer(&writer, type, bytes);
	else if (!writer.letter && is_flags(value))
		show_flags(bytes, out);
	else
		show_parts(&writer, type, bytes, (size_t)type->size, 0);
	return NULL;
}
