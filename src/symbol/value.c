/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/type.h"

/* A value is one line of a report: enough to recognize it by. */
#define LENGTH_MAX 200
#define ELEMENTS_MAX 32
#define DEPTH_MAX 8
#define RAW_MAX 32

struct writer {
	struct mt_image *image;
	struct mt_buf *out;
	size_t start;
};

struct value {
	const struct mt_type *type;
	const uint8_t *bytes;
	size_t size;
};

static void write_value(const struct writer *writer, struct value value, int depth);

static bool is_full(const struct writer *writer)
{
	return writer->out->len - writer->start >= LENGTH_MAX;
}

/* x86 is little-endian; `size` is 8 at most. */
static uint64_t load(const uint8_t *bytes, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, bytes, size);
	return value;
}

static int64_t sign_extend(uint64_t value, size_t size)
{
	unsigned shift = (unsigned)(64 - 8 * size);

	return (int64_t)(value << shift) >> shift;
}

static void write_raw(const struct writer *writer, const uint8_t *bytes, size_t size)
{
	if (size <= 8) {
		mt_buf_hex(writer->out, load(bytes, size));
		return;
	}
	for (size_t i = 0; i < size && i < RAW_MAX; i++)
		mt_buf_printf(writer->out, "%s%02x", i ? " " : "", bytes[i]);
	if (size > RAW_MAX)
		mt_buf_text(writer->out, " ...");
}

static void write_wide(const struct writer *writer, const uint8_t *bytes, bool is_signed)
{
	unsigned __int128 value;
	char digits[40];
	size_t at = sizeof(digits);

	memcpy(&value, bytes, sizeof(value));
	if (is_signed && (value >> 127)) {
		mt_buf_char(writer->out, '-');
		value = -value;
	}
	do
		digits[--at] = (char)('0' + (int)(value % 10));
	while (value /= 10);
	mt_buf_bytes(writer->out, digits + at, sizeof(digits) - at);
}

static void write_int(const struct writer *writer, struct value value)
{
	size_t size = value.type->size;

	if (size == 16)
		write_wide(writer, value.bytes, value.type->is_signed);
	else if (!size || size > 8)
		write_raw(writer, value.bytes, size);
	else if (value.type->is_signed)
		mt_buf_printf(writer->out, "%" PRId64, sign_extend(load(value.bytes, size), size));
	else
		mt_buf_dec(writer->out, load(value.bytes, size));
}

static void write_escaped(const struct writer *writer, uint8_t c, char quote)
{
	static const char letters[] = "\aa\bb\tt\nn\vv\ff\rr"; /* byte, letter, byte, … */
	const char *letter = c ? memchr(letters, c, sizeof(letters) - 1) : NULL;

	if (c == (uint8_t)quote || c == '\\')
		mt_buf_printf(writer->out, "\\%c", c);
	else if (c >= 0x20 && c < 0x7f)
		mt_buf_char(writer->out, (char)c);
	else if (letter)
		mt_buf_printf(writer->out, "\\%c", letter[1]);
	else
		mt_buf_printf(writer->out, "\\%03o", c);
}

static void write_char(const struct writer *writer, struct value value)
{
	write_int(writer, value);
	mt_buf_text(writer->out, " '");
	write_escaped(writer, value.bytes[0], '\'');
	mt_buf_char(writer->out, '\'');
}

static void write_bool(const struct writer *writer, struct value value)
{
	uint64_t number = value.type->size <= 8 ? load(value.bytes, value.type->size) : 2;

	if (number <= 1)
		mt_buf_text(writer->out, number ? "true" : "false");
	else
		write_raw(writer, value.bytes, value.type->size);
}

/* The shortest text that reads back as the same number. */
static void write_number(const struct writer *writer, long double number, size_t size)
{
	int most = size == 4 ? FLT_DECIMAL_DIG : size == 8 ? DBL_DECIMAL_DIG : LDBL_DECIMAL_DIG;
	char text[64];

	for (int digits = 1; digits <= most; digits++) {
		snprintf(text, sizeof(text), "%.*Lg", digits, number);
		if (size == 4   ? strtof(text, NULL) == (float)number
		    : size == 8 ? strtod(text, NULL) == (double)number
		                : strtold(text, NULL) == number)
			break;
	}
	mt_buf_text(writer->out, text);
}

static void write_float(const struct writer *writer, struct value value)
{
	size_t size = value.type->size;
	float narrow;
	double wide;
	long double widest = 0;

	if (size == sizeof(narrow)) {
		memcpy(&narrow, value.bytes, sizeof(narrow));
		write_number(writer, (long double)narrow, size);
	} else if (size == sizeof(wide)) {
		memcpy(&wide, value.bytes, sizeof(wide));
		write_number(writer, (long double)wide, size);
	} else { /* x87: 10 bytes, and padding to 12 or 16 */
		memcpy(&widest, value.bytes, 10);
		write_number(writer, widest, size);
	}
}

/* ---- Enumerations -------------------------------------------------------- */

static int64_t enum_value(struct value value)
{
	size_t size = value.type->size;
	uint64_t bits = load(value.bytes, size);

	return value.type->is_signed && size ? sign_extend(bits, size) : (int64_t)bits;
}

/* Whether the enumerators are flags: no two share a bit. */
static bool are_flags(const struct mt_type *type)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < type->enumerator_count; i++) {
		uint64_t bits = (uint64_t)type->enumerators[i].value;

		if (seen & bits)
			return false;
		seen |= bits;
	}
	return true;
}

static bool covers(const struct mt_type *type, uint64_t bits)
{
	for (size_t i = 0; i < type->enumerator_count; i++) {
		uint64_t flag = (uint64_t)type->enumerators[i].value;

		if ((bits & flag) == flag)
			bits &= ~flag;
	}
	return !bits;
}

static void write_flags(const struct writer *writer, const struct mt_type *type, uint64_t bits)
{
	const char *separator = "";

	for (size_t i = 0; i < type->enumerator_count; i++) {
		uint64_t flag = (uint64_t)type->enumerators[i].value;

		if (!flag || (bits & flag) != flag)
			continue;
		mt_buf_printf(writer->out, "%s%s", separator, type->enumerators[i].name);
		separator = " | ";
	}
}

static void write_enum(const struct writer *writer, struct value value)
{
	const struct mt_type *type = value.type;

	if (type->size > 8) {
		write_raw(writer, value.bytes, type->size);
		return;
	}

	int64_t number = enum_value(value);

	for (size_t i = 0; i < type->enumerator_count; i++) {
		if (type->enumerators[i].value == number) {
			mt_buf_text(writer->out, type->enumerators[i].name);
			return;
		}
	}
	if (number && are_flags(type) && covers(type, (uint64_t)number))
		write_flags(writer, type, (uint64_t)number);
	else if (type->is_signed)
		mt_buf_printf(writer->out, "%" PRId64, number);
	else
		mt_buf_dec(writer->out, (uint64_t)number);
}

/* ---- Pointers, and what is made of parts --------------------------------- */

static void write_pointer(const struct writer *writer, struct value value)
{
	struct mt_symbol symbol;
	uint64_t addr = value.type->size <= 8 ? load(value.bytes, value.type->size) : 0;

	mt_buf_hex(writer->out, addr);
	if (!addr || !writer->image || !mt_image_symbol_at(writer->image, addr, &symbol))
		return;
	mt_buf_printf(writer->out, " <%s", symbol.name);
	if (addr != symbol.addr)
		mt_buf_printf(writer->out, "+%" PRIu64, addr - symbol.addr);
	mt_buf_char(writer->out, '>');
}

/* What follows the first NUL is not told: it is what an earlier, longer text has left. */
static void write_text(const struct writer *writer, struct value value)
{
	const uint8_t *nul = memchr(value.bytes, 0, value.size);
	size_t len = nul ? (size_t)(nul - value.bytes) : value.size;

	mt_buf_char(writer->out, '"');
	for (size_t i = 0; i < len && !is_full(writer); i++)
		write_escaped(writer, value.bytes[i], '"');
	mt_buf_text(writer->out, is_full(writer) ? "\"..." : "\"");
}

static void write_array(const struct writer *writer, struct value value, int depth)
{
	const struct mt_type *element = value.type->target;
	uint64_t count = value.type->count;

	if (!element || !element->size) {
		write_raw(writer, value.bytes, value.size);
		return;
	}
	if (!count) /* flexible: as many as there are bytes */
		count = value.size / element->size;
	if (element->kind == MT_TYPE_CHAR) {
		write_text(writer, value);
		return;
	}
	mt_buf_char(writer->out, '{');
	for (uint64_t i = 0; i < count; i++) {
		if (i)
			mt_buf_text(writer->out, ", ");
		if (i == ELEMENTS_MAX || is_full(writer)) {
			mt_buf_text(writer->out, "...");
			break;
		}
		write_value(writer,
		            (struct value){ element, value.bytes + i * element->size,
		                            value.size - i * element->size },
		            depth + 1);
	}
	mt_buf_char(writer->out, '}');
}

bool mt_value_bit_field(const struct mt_member *member, const uint8_t *bytes, size_t size,
                        uint8_t out[MT_BIT_FIELD_MAX])
{
	unsigned __int128 bits = 0;
	size_t needed = (member->bit_offset + member->bit_size + 7u) / 8;

	if (member->offset > size || needed > size - member->offset)
		return false;
	memcpy(&bits, bytes + member->offset, needed < sizeof(bits) ? needed : sizeof(bits));
	bits >>= member->bit_offset;
	if (member->bit_size < 128) {
		unsigned unused = 128u - member->bit_size;

		bits <<= unused;
		if (member->type->is_signed)
			bits = (unsigned __int128)((__int128)bits >> unused);
		else
			bits >>= unused;
	}
	memcpy(out, &bits, sizeof(bits));
	return true;
}

static void write_bit_field(const struct writer *writer, const struct mt_member *member,
                            struct value whole, int depth)
{
	uint8_t bytes[MT_BIT_FIELD_MAX];
	size_t size = member->type->size;

	if (mt_value_bit_field(member, whole.bytes, whole.size, bytes))
		write_value(writer,
		            (struct value){ member->type, bytes,
		                            size < sizeof(bytes) ? size : sizeof(bytes) },
		            depth);
	else
		mt_buf_char(writer->out, '?');
}

static void write_member(const struct writer *writer, const struct mt_member *member,
                         struct value whole, int depth)
{
	if (member->is_base) {
		mt_buf_printf(writer->out,
		              "<%s> = ", member->type->name ? member->type->name : "base");
	} else if (member->name) {
		mt_buf_printf(writer->out, "%s = ", member->name);
	}
	if (member->bit_size)
		write_bit_field(writer, member, whole, depth);
	else if (member->offset > whole.size)
		mt_buf_char(writer->out, '?');
	else
		write_value(writer,
		            (struct value){ member->type, whole.bytes + member->offset,
		                            whole.size - member->offset },
		            depth);
}

static void write_struct(const struct writer *writer, struct value value, int depth)
{
	mt_type_complete(value.type);
	mt_buf_char(writer->out, '{');
	for (size_t i = 0; i < value.type->member_count; i++) {
		if (i)
			mt_buf_text(writer->out, ", ");
		if (is_full(writer)) {
			mt_buf_text(writer->out, "...");
			break;
		}
		write_member(writer, &value.type->members[i], value, depth + 1);
	}
	mt_buf_char(writer->out, '}');
}

/* `value` has at least the bytes that its type needs. */
static void write_whole(const struct writer *writer, struct value value, int depth)
{
	switch (value.type->kind) {
	case MT_TYPE_INT:
		write_int(writer, value);
		break;
	case MT_TYPE_BOOL:
		write_bool(writer, value);
		break;
	case MT_TYPE_CHAR:
		write_char(writer, value);
		break;
	case MT_TYPE_FLOAT:
		write_float(writer, value);
		break;
	case MT_TYPE_ENUM:
		write_enum(writer, value);
		break;
	case MT_TYPE_POINTER:
		write_pointer(writer, value);
		break;
	case MT_TYPE_ARRAY:
		write_array(writer, value, depth);
		break;
	case MT_TYPE_STRUCT:
	case MT_TYPE_UNION:
		write_struct(writer, value, depth);
		break;
	default:
		write_raw(writer, value.bytes, value.size);
	}
}

static void write_value(const struct writer *writer, struct value value, int depth)
{
	uint64_t size = value.type->size;

	if (depth > DEPTH_MAX) {
		mt_buf_text(writer->out, "{...}");
		return;
	}
	if (value.size < size) {
		write_raw(writer, value.bytes, value.size);
		return;
	}
	if (size) /* without: a flexible array, or a type that is only declared */
		value.size = size;
	write_whole(writer, value, depth);
}

void mt_value_format(struct mt_image *image, const struct mt_type *type, const uint8_t *bytes,
                     size_t size, struct mt_buf *out)
{
	struct writer writer = { .image = image, .out = out, .start = out->len };

	write_value(&writer, (struct value){ type, bytes, size }, 0);
}
