/* SPDX-License-Identifier: MIT */
#include "expr/register_type.h"

#include "x86/regtable.h"

/* Types by C's names are static, but found by a call: these repeat the few that vectors are of. */
static const struct mt_type type_float = { .kind = MT_TYPE_FLOAT, .name = "float", .size = 4 };
static const struct mt_type type_double = { .kind = MT_TYPE_FLOAT, .name = "double", .size = 8 };

#define INTEGER(bits)                                                                              \
	static const struct mt_type type_int##bits = {                                             \
		.kind = MT_TYPE_INT, .name = "int" #bits "_t", .size = bits / 8, .is_signed = true \
	}

INTEGER(8);
INTEGER(16);
INTEGER(32);
INTEGER(64);

#define LANES(bytes, of, lane)                                                                     \
	static const struct mt_type lanes_##bytes##_##of = { .kind = MT_TYPE_ARRAY,                \
		                                             .size = bytes,                        \
		                                             .target = &type_##of,                 \
		                                             .count = (bytes) / (lane) }

/* gdb's unions, by gdb's names: "v4_float" is four floats. */
#define VECTOR(bytes, f, d, i8, i16, i32, i64)                                                     \
	LANES(bytes, float, 4);                                                                    \
	LANES(bytes, double, 8);                                                                   \
	LANES(bytes, int8, 1);                                                                     \
	LANES(bytes, int16, 2);                                                                    \
	LANES(bytes, int32, 4);                                                                    \
	LANES(bytes, int64, 8);                                                                    \
	static const struct mt_member members_##bytes[] = {                                        \
		{ .name = "v" #f "_float", .type = &lanes_##bytes##_float },                       \
		{ .name = "v" #d "_double", .type = &lanes_##bytes##_double },                     \
		{ .name = "v" #i8 "_int8", .type = &lanes_##bytes##_int8 },                        \
		{ .name = "v" #i16 "_int16", .type = &lanes_##bytes##_int16 },                     \
		{ .name = "v" #i32 "_int32", .type = &lanes_##bytes##_int32 },                     \
		{ .name = "v" #i64 "_int64", .type = &lanes_##bytes##_int64 },                     \
	};                                                                                         \
	static const struct mt_type vector_##bytes = { .kind = MT_TYPE_UNION,                      \
		                                       .name = "union vec" #bytes,                 \
		                                       .size = bytes,                              \
		                                       .members = members_##bytes,                 \
		                                       .member_count = 6 }

VECTOR(8, 2, 1, 8, 4, 2, 1);
VECTOR(16, 4, 2, 16, 8, 4, 2);
VECTOR(32, 8, 4, 32, 16, 8, 4);
VECTOR(64, 16, 8, 64, 32, 16, 8);

static const struct mt_type type_void = { .kind = MT_TYPE_VOID, .name = "void" };
static const struct mt_type data_pointer = { .kind = MT_TYPE_POINTER,
	                                     .size = 8,
	                                     .target = &type_void };
static const struct mt_type code_function = { .kind = MT_TYPE_FUNCTION, .target = &type_void };
static const struct mt_type code_pointer = { .kind = MT_TYPE_POINTER,
	                                     .size = 8,
	                                     .target = &code_function };
static const struct mt_type code_pointer_i386 = { .kind = MT_TYPE_POINTER,
	                                          .size = 4,
	                                          .target = &code_function };
/* Ten bytes in registers, sixteen as C's long double. */
static const struct mt_type extended = { .kind = MT_TYPE_FLOAT, .name = "long double", .size = 16 };

static const struct mt_type *integer_type(size_t size)
{
	switch (size) {
	case 1:
		return &type_int8;
	case 2:
		return &type_int16;
	case 4:
		return mt_type_base("int");
	default:
		return mt_type_base("long");
	}
}

static const struct mt_type *vector_type(size_t size)
{
	return size == 8    ? &vector_8
	       : size == 16 ? &vector_16
	       : size == 32 ? &vector_32
	                    : &vector_64;
}

const struct mt_type *mt_register_type(const char *name)
{
	const struct mt_register *reg = mt_register_find(name);

	if (!reg)
		return NULL;
	if (reg->kind == MT_REGISTER_CODE)
		return reg->size == 8 ? &code_pointer : &code_pointer_i386;
	if (reg->size == 8 && reg->kind == MT_REGISTER_DATA)
		return &data_pointer;
	if (reg->kind == MT_REGISTER_FLOAT)
		return &extended;
	if (reg->kind == MT_REGISTER_VECTOR)
		return vector_type(reg->size);
	return integer_type(reg->size);
}
