/* SPDX-License-Identifier: MIT */
/* Numbers: integers, floating point, enumerators, and the formats of print/FMT. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "print/printer.h"

/* x86 is little-endian; of more than 8 bytes the low ones. */
static uint64_t load(const uint8_t *bytes, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, bytes, size < sizeof(value) ? size : sizeof(value));
	return value;
}

static int64_t extend(uint64_t value, size_t size)
{
	unsigned spare = size && size < 8 ? (unsigned)(64 - 8 * size) : 0;

	return (int64_t)(value << spare) >> spare;
}

/* ---- Floating point -------------------------------------------------------------- */

static int digits_of(size_t size)
{
	return size == 4 ? FLT_DECIMAL_DIG : size == 8 ? DBL_DECIMAL_DIG : LDBL_DECIMAL_DIG;
}

static bool reads_back(const char *text, long double number, size_t size)
{
	return size == 4   ? strtof(text, NULL) == (float)number
	       : size == 8 ? strtod(text, NULL) == (double)number
	                   : strtold(text, NULL) == number;
}

static void write_float(const struct mt_print_options *options, long double number, size_t size,
                        struct mt_buf *out)
{
	int most = digits_of(size);
	char text[64];

	for (int digits = options->shortest ? 1 : most; digits <= most; digits++) {
		snprintf(text, sizeof(text), "%.*Lg", digits, number);
		if (reads_back(text, number, size))
			break;
	}
	mt_buf_text(out, text);
}

/* The bits of a NaN tell who made it. `fraction` is in the low bits. */
static void write_nan(uint64_t fraction, bool negative, struct mt_buf *out)
{
	mt_buf_printf(out, "%snan(0x%" PRIx64 ")", negative ? "-" : "", fraction);
}

static void print_float(const struct mt_print_options *options, const uint8_t *bytes, size_t size,
                        struct mt_buf *out)
{
	uint64_t bits = load(bytes, size);
	long double number = 0;
	float narrow;
	double wide;

	if (size == sizeof(narrow)) {
		memcpy(&narrow, bytes, sizeof(narrow));
		number = (long double)narrow;
		bits &= (1u << (FLT_MANT_DIG - 1)) - 1;
	} else if (size == sizeof(wide)) {
		memcpy(&wide, bytes, sizeof(wide));
		number = (long double)wide;
		bits &= (1ull << (DBL_MANT_DIG - 1)) - 1;
	} else { /* x87: 10 bytes, and padding to 12 or 16 */
		memcpy(&number, bytes, 10);
	}
	if (isnan(number))
		write_nan(bits, signbit(number), out);
	else if (isinf(number))
		mt_buf_text(out, number < 0 ? "-inf" : "inf");
	else
		write_float(options, number, size, out);
}

/* ---- Formats ------------------------------------------------------------------ */

/* The highest byte first, as one number. */
static void write_hex(const uint8_t *bytes, size_t size, size_t digits, struct mt_buf *out)
{
	size_t top = size;

	while (top > 1 && !bytes[top - 1])
		top--;
	if (digits > 2 * size)
		digits = 2 * size;
	mt_buf_text(out, "0x");
	for (; digits > 2 * top; digits--)
		mt_buf_char(out, '0');
	mt_buf_printf(out, digits == 2 * top ? "%02x" : "%x", top ? bytes[top - 1] : 0);
	while (top-- > 1)
		mt_buf_printf(out, "%02x", bytes[top - 1]);
}

static void write_binary(const uint8_t *bytes, size_t size, bool pad, struct mt_buf *out)
{
	bool any = pad;

	for (size_t bit = 8 * size; bit-- > 0;) {
		bool set = bytes[bit / 8] >> bit % 8 & 1;

		any |= set || !bit;
		if (any)
			mt_buf_char(out, set ? '1' : '0');
	}
}

static void write_decimal(const uint8_t *bytes, size_t size, bool is_signed, struct mt_buf *out)
{
	unsigned __int128 value = 0;
	char digits[40];
	size_t at = sizeof(digits);

	if (size <= 8) {
		if (is_signed)
			mt_buf_printf(out, "%" PRId64, extend(load(bytes, size), size));
		else
			mt_buf_dec(out, load(bytes, size));
		return;
	}
	memcpy(&value, bytes, size < sizeof(value) ? size : sizeof(value));
	if (is_signed && value >> 127) {
		mt_buf_char(out, '-');
		value = -value;
	}
	do
		digits[--at] = (char)('0' + (int)(value % 10));
	while (value /= 10);
	mt_buf_bytes(out, digits + at, sizeof(digits) - at);
}

static void write_octal(const uint8_t *bytes, size_t size, struct mt_buf *out)
{
	uint64_t bits = load(bytes, size);

	mt_buf_printf(out, bits ? "0%" PRIo64 : "%" PRIo64, bits);
}

/* gdb takes a number of more bytes for the character of its lowest one. */
static void write_as_character(const uint8_t *bytes, bool is_signed, struct mt_buf *out)
{
	const struct mt_print_options options = { 0 };

	mt_print_character(&options, mt_type_base(is_signed ? "char" : "unsigned char"), bytes,
	                   out);
}

static void write_number(struct mt_image *image, char letter, const uint8_t *bytes, size_t size,
                         bool pad, bool is_signed, struct mt_buf *out)
{
	switch (letter) {
	case 'd':
		write_decimal(bytes, size, true, out);
		break;
	case 'u':
		write_decimal(bytes, size, false, out);
		break;
	case 'o':
		write_octal(bytes, size, out);
		break;
	case 't':
		write_binary(bytes, size, pad, out);
		break;
	case 'c':
		write_as_character(bytes, is_signed, out);
		break;
	case 'a':
		write_hex(bytes, size < 8 ? size : 8, 0, out);
		mt_print_symbol(image, load(bytes, size), out);
		break;
	case 'z':
		write_hex(bytes, size, 2 * size, out);
		break;
	case 'x':
		write_hex(bytes, size, pad ? 2 * size : 0, out);
		break;
	default: /* f and s, where neither fits */
		write_decimal(bytes, size, is_signed, out);
		break;
	}
}

static bool is_float_size(size_t size)
{
	return size == 4 || size == 8 || size == 10 || size == 16;
}

void mt_print_number(struct mt_image *image, char letter, const uint8_t *bytes, size_t size,
                     bool pad, struct mt_buf *out)
{
	const struct mt_print_options options = { 0 };

	if (letter == 'f' && is_float_size(size))
		print_float(&options, bytes, size, out);
	else
		write_number(image, letter, bytes, size, pad, letter != 'f', out);
}

static void write_complex(struct mt_printer *printer, struct mt_part part)
{
	size_t half = (size_t)part.type->target->size;

	print_float(printer->options, mt_part_bytes(part), half, printer->out);
	mt_buf_text(printer->out, " + ");
	print_float(printer->options, mt_part_bytes(part) + half, half, printer->out);
	mt_buf_char(printer->out, 'i');
}

/* ---- Enumerations ----------------------------------------------------------------- */

/* Whether the enumerators are flags, as gdb has it: each of one bit, and none of the same one. */
static bool are_flags(const struct mt_type *type)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < type->enumerator_count; i++) {
		uint64_t bits = (uint64_t)type->enumerators[i].value;

		if ((seen & bits) || (bits & (bits - 1)))
			return false;
		seen |= bits;
	}
	return true;
}

static void write_flags(const struct mt_type *type, uint64_t bits, struct mt_buf *out)
{
	const char *separator = "(";

	for (size_t i = 0; i < type->enumerator_count; i++) {
		uint64_t flag = (uint64_t)type->enumerators[i].value;

		if (!(bits & flag))
			continue;
		mt_buf_text(out, separator);
		mt_enumerator_format(type, &type->enumerators[i], out);
		separator = " | ";
		bits &= ~flag;
	}
	if (bits)
		mt_buf_printf(out, "%sunknown: 0x%" PRIx64, separator, bits);
	mt_buf_char(out, ')');
}

static void write_enum(struct mt_part part, struct mt_buf *out)
{
	const struct mt_type *type = part.type;
	uint64_t bits = load(mt_part_bytes(part), (size_t)type->size);
	int64_t number = type->is_signed ? extend(bits, (size_t)type->size) : (int64_t)bits;

	mt_type_complete(type);
	for (size_t i = 0; i < type->enumerator_count; i++) {
		if (type->enumerators[i].value != number)
			continue;
		mt_enumerator_format(type, &type->enumerators[i], out);
		return;
	}
	if (bits && type->enumerator_count && are_flags(type))
		write_flags(type, bits, out);
	else
		write_decimal(mt_part_bytes(part), (size_t)type->size, type->is_signed, out);
}

/* ---- By type ------------------------------------------------------------------------ */

static void write_raw(struct mt_part part, struct mt_buf *out)
{
	enum { RAW_MAX = 32 };
	const uint8_t *bytes = mt_part_bytes(part);

	if (part.size <= 8) {
		mt_buf_hex(out, load(bytes, part.size));
		return;
	}
	for (size_t i = 0; i < part.size && i < RAW_MAX; i++)
		mt_buf_printf(out, "%s%02x", i ? " " : "", bytes[i]);
	if (part.size > RAW_MAX)
		mt_buf_text(out, " ...");
}

static void write_bool(struct mt_part part, struct mt_buf *out)
{
	uint64_t number = load(mt_part_bytes(part), (size_t)part.type->size);

	if (number <= 1)
		mt_buf_text(out, number ? "true" : "false");
	else
		mt_buf_dec(out, number);
}

/* In the format that was asked for. */
static void write_formatted(struct mt_printer *printer, struct mt_part part)
{
	char letter = printer->options->letter;
	size_t size = (size_t)part.type->size;

	if (letter == 'f' && is_float_size(size) && part.type->kind != MT_TYPE_POINTER &&
	    part.type->kind != MT_TYPE_BOOL)
		print_float(printer->options, mt_part_bytes(part), size, printer->out);
	else
		write_number(printer->world->image, letter, mt_part_bytes(part), size, false,
		             part.type->is_signed, printer->out);
}

static void write_natural(struct mt_printer *printer, struct mt_part part)
{
	const struct mt_type *type = part.type;

	switch (type->kind) {
	case MT_TYPE_INT:
		if (mt_character_width(type))
			mt_print_character(printer->options, type, mt_part_bytes(part),
			                   printer->out);
		else
			write_decimal(mt_part_bytes(part), (size_t)type->size, type->is_signed,
			              printer->out);
		break;
	case MT_TYPE_CHAR:
		mt_print_character(printer->options, type, mt_part_bytes(part), printer->out);
		break;
	case MT_TYPE_BOOL:
		write_bool(part, printer->out);
		break;
	case MT_TYPE_FLOAT:
		print_float(printer->options, mt_part_bytes(part), (size_t)type->size,
		            printer->out);
		break;
	case MT_TYPE_COMPLEX:
		write_complex(printer, part);
		break;
	case MT_TYPE_ENUM:
		write_enum(part, printer->out);
		break;
	default:
		write_raw(part, printer->out);
		break;
	}
}

/* Integers of sizes that C has none of are raw bytes. */
static bool is_number(const struct mt_type *type)
{
	return type->kind != MT_TYPE_BYTES && type->size && type->size <= 16;
}

void mt_print_scalar(struct mt_printer *printer, struct mt_part part)
{
	char letter = printer->options->letter;

	if (part.size < part.type->size || !is_number(part.type))
		write_raw(part, printer->out);
	else if (letter && letter != 's' && part.type->kind != MT_TYPE_COMPLEX)
		write_formatted(printer, part);
	else
		write_natural(printer, part);
}
