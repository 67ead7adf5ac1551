/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "symbol/type.h"

#define INTEGER(text, bytes, with_sign)                                                            \
	{                                                                                          \
		.kind = MT_TYPE_INT, .name = text, .size = bytes, .is_signed = with_sign           \
	}
#define CHARACTER(text, with_sign)                                                                 \
	{                                                                                          \
		.kind = MT_TYPE_CHAR, .name = text, .size = 1, .is_signed = with_sign              \
	}
#define FLOATING(text, bytes)                                                                      \
	{                                                                                          \
		.kind = MT_TYPE_FLOAT, .name = text, .size = bytes, .is_signed = true              \
	}

#define ALIAS(text, type_kind, bytes, with_sign, base)                                             \
	{                                                                                          \
		.kind = type_kind, .name = text, .size = bytes, .is_signed = with_sign,            \
		.alias_of = &base_types[base]                                                      \
	}
#define WIDE(text, bytes, with_sign, base)                                                         \
	{                                                                                          \
		.kind = MT_TYPE_INT, .name = text, .size = bytes, .is_signed = with_sign,          \
		.is_character = true, .alias_of = &base_types[base]                                \
	}

/* The sizes are those of the System V ABI for x86-64 (figure 3.1). */
enum {
	BASE_VOID,
	BASE_BOOL,
	BASE_C_BOOL,
	BASE_CHAR,
	BASE_SCHAR,
	BASE_UCHAR,
	BASE_SHORT,
	BASE_USHORT,
	BASE_INT,
	BASE_UINT,
	BASE_LONG,
	BASE_ULONG,
	BASE_LLONG,
	BASE_ULLONG,
	BASE_INT128,
	BASE_UINT128,
	BASE_FLOAT,
	BASE_DOUBLE,
	BASE_LDOUBLE,
};

static const struct mt_type base_types[] = {
	[BASE_VOID] = { .kind = MT_TYPE_VOID, .name = "void" },
	[BASE_BOOL] = { .kind = MT_TYPE_BOOL, .name = "bool", .size = 1 },
	[BASE_C_BOOL] = { .kind = MT_TYPE_BOOL, .name = "_Bool", .size = 1 },
	[BASE_CHAR] = CHARACTER("char", true),
	[BASE_SCHAR] = CHARACTER("signed char", true),
	[BASE_UCHAR] = CHARACTER("unsigned char", false),
	[BASE_SHORT] = INTEGER("short", 2, true),
	[BASE_USHORT] = INTEGER("unsigned short", 2, false),
	[BASE_INT] = INTEGER("int", 4, true),
	[BASE_UINT] = INTEGER("unsigned int", 4, false),
	[BASE_LONG] = INTEGER("long", 8, true),
	[BASE_ULONG] = INTEGER("unsigned long", 8, false),
	[BASE_LLONG] = INTEGER("long long", 8, true),
	[BASE_ULLONG] = INTEGER("unsigned long long", 8, false),
	[BASE_INT128] = INTEGER("__int128", 16, true),
	[BASE_UINT128] = INTEGER("unsigned __int128", 16, false),
	[BASE_FLOAT] = FLOATING("float", 4),
	[BASE_DOUBLE] = FLOATING("double", 8),
	[BASE_LDOUBLE] = FLOATING("long double", 16),
};

/* What headers call them. */
static const struct mt_type named_types[] = {
	ALIAS("int8_t", MT_TYPE_CHAR, 1, true, BASE_SCHAR),
	ALIAS("uint8_t", MT_TYPE_CHAR, 1, false, BASE_UCHAR),
	ALIAS("char8_t", MT_TYPE_CHAR, 1, false, BASE_UCHAR),
	ALIAS("int16_t", MT_TYPE_INT, 2, true, BASE_SHORT),
	ALIAS("uint16_t", MT_TYPE_INT, 2, false, BASE_USHORT),
	ALIAS("int32_t", MT_TYPE_INT, 4, true, BASE_INT),
	ALIAS("uint32_t", MT_TYPE_INT, 4, false, BASE_UINT),
	ALIAS("int64_t", MT_TYPE_INT, 8, true, BASE_LONG),
	ALIAS("uint64_t", MT_TYPE_INT, 8, false, BASE_ULONG),
	ALIAS("size_t", MT_TYPE_INT, 8, false, BASE_ULONG),
	ALIAS("ssize_t", MT_TYPE_INT, 8, true, BASE_LONG),
	ALIAS("ptrdiff_t", MT_TYPE_INT, 8, true, BASE_LONG),
	ALIAS("intptr_t", MT_TYPE_INT, 8, true, BASE_LONG),
	ALIAS("uintptr_t", MT_TYPE_INT, 8, false, BASE_ULONG),
	ALIAS("off_t", MT_TYPE_INT, 8, true, BASE_LONG),
	ALIAS("pid_t", MT_TYPE_INT, 4, true, BASE_INT),
	ALIAS("time_t", MT_TYPE_INT, 8, true, BASE_LONG),
	ALIAS("__int128_t", MT_TYPE_INT, 16, true, BASE_INT128),
	ALIAS("__uint128_t", MT_TYPE_INT, 16, false, BASE_UINT128),
	WIDE("wchar_t", 4, true, BASE_INT),
	WIDE("char16_t", 2, false, BASE_USHORT),
	WIDE("char32_t", 4, false, BASE_UINT),
};

/* How often each word occurs. */
struct words {
	unsigned is_unsigned, is_signed, chars, shorts, ints, longs, floats, doubles, bools,
	    c_bools, wides, voids;
};

static const struct {
	const char *word;
	size_t offset;
} known_words[] = {
	{ "unsigned", offsetof(struct words, is_unsigned) },
	{ "signed", offsetof(struct words, is_signed) },
	{ "char", offsetof(struct words, chars) },
	{ "short", offsetof(struct words, shorts) },
	{ "int", offsetof(struct words, ints) },
	{ "long", offsetof(struct words, longs) },
	{ "float", offsetof(struct words, floats) },
	{ "double", offsetof(struct words, doubles) },
	{ "bool", offsetof(struct words, bools) },
	{ "_Bool", offsetof(struct words, c_bools) },
	{ "__int128", offsetof(struct words, wides) },
	{ "void", offsetof(struct words, voids) },
};

static bool count_word(const char *word, size_t len, struct words *words)
{
	for (size_t i = 0; i < sizeof(known_words) / sizeof(*known_words); i++) {
		if (strlen(known_words[i].word) == len && !memcmp(known_words[i].word, word, len)) {
			++*(unsigned *)(void *)((char *)words + known_words[i].offset);
			return true;
		}
	}
	return false;
}

static bool count_words(const char *name, struct words *words)
{
	while (*(name += strspn(name, " \t"))) {
		size_t len = strcspn(name, " \t");

		if (!count_word(name, len, words))
			return false;
		name += len;
	}
	return true;
}

/* A type that takes no sign and no size: the word alone. */
static int plain_type(const struct words *words)
{
	unsigned signs = words->is_unsigned + words->is_signed;

	if (signs || words->shorts || words->ints || words->longs || words->chars || words->wides)
		return -1;
	if (words->floats + words->bools + words->c_bools + words->voids + words->doubles != 1)
		return -1;
	if (words->floats)
		return BASE_FLOAT;
	if (words->doubles)
		return BASE_DOUBLE;
	if (words->c_bools)
		return BASE_C_BOOL;
	return words->bools ? BASE_BOOL : BASE_VOID;
}

static int integer_type(const struct words *words)
{
	unsigned others = words->chars + words->wides;
	unsigned sizes = words->shorts + words->longs;
	bool is_unsigned = words->is_unsigned;

	if (words->is_unsigned + words->is_signed > 1 || words->ints > 1 || others > 1 ||
	    words->shorts > 1 || words->longs > 2 || (words->shorts && words->longs) ||
	    (others && (sizes || words->ints)))
		return -1;
	if (words->chars)
		return is_unsigned ? BASE_UCHAR : words->is_signed ? BASE_SCHAR : BASE_CHAR;
	if (words->wides)
		return is_unsigned ? BASE_UINT128 : BASE_INT128;
	if (words->shorts)
		return is_unsigned ? BASE_USHORT : BASE_SHORT;
	if (words->longs == 1)
		return is_unsigned ? BASE_ULONG : BASE_LONG;
	if (words->longs == 2)
		return is_unsigned ? BASE_ULLONG : BASE_LLONG;
	if (!words->ints && !words->is_unsigned && !words->is_signed)
		return -1;
	return is_unsigned ? BASE_UINT : BASE_INT;
}

static int type_of_words(const struct words *words)
{
	if (words->doubles == 1 && words->longs == 1) {
		struct words rest = *words;

		rest.longs = 0;
		return plain_type(&rest) == BASE_DOUBLE ? BASE_LDOUBLE : -1;
	}
	if (words->floats || words->doubles || words->bools || words->c_bools || words->voids)
		return plain_type(words);
	return integer_type(words);
}

const struct mt_type *mt_type_base(const char *name)
{
	struct words words = { 0 };

	for (size_t i = 0; i < sizeof(base_types) / sizeof(*base_types); i++)
		if (*base_types[i].name == *name && !strcmp(base_types[i].name, name))
			return &base_types[i];
	for (size_t i = 0; i < sizeof(named_types) / sizeof(*named_types); i++)
		if (*named_types[i].name == *name && !strcmp(named_types[i].name, name))
			return &named_types[i];
	if (!count_words(name, &words))
		return NULL;

	int base = type_of_words(&words);

	return base < 0 ? NULL : &base_types[base];
}

/* Those that differ on i386 (System V ABI i386, table 2.1). */
static const struct mt_type i386_types[] = {
	INTEGER("long", 4, true),
	INTEGER("unsigned long", 4, false),
	FLOATING("long double", 12),
	ALIAS("size_t", MT_TYPE_INT, 4, false, BASE_UINT),
	ALIAS("ssize_t", MT_TYPE_INT, 4, true, BASE_INT),
	ALIAS("ptrdiff_t", MT_TYPE_INT, 4, true, BASE_INT),
	ALIAS("intptr_t", MT_TYPE_INT, 4, true, BASE_INT),
	ALIAS("uintptr_t", MT_TYPE_INT, 4, false, BASE_UINT),
	ALIAS("int64_t", MT_TYPE_INT, 8, true, BASE_LLONG),
	ALIAS("uint64_t", MT_TYPE_INT, 8, false, BASE_ULLONG),
};

const struct mt_type *mt_type_base_of(enum mt_machine machine, const char *name)
{
	const struct mt_type *type = mt_type_base(name);

	if (!type || machine != MT_MACHINE_I386)
		return type;
	if (!strcmp(type->name, "off_t") || !strcmp(type->name, "time_t"))
		return NULL;
	for (size_t i = 0; i < sizeof(i386_types) / sizeof(*i386_types); i++)
		if (!strcmp(i386_types[i].name, type->name))
			return &i386_types[i];
	return type;
}
