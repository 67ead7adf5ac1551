/* SPDX-License-Identifier: MIT */
#include "engine/abi.h"

#include <string.h>

#include "symbol/rtti.h"
#include "symbol/type_class.h"

/* PARTS_MAX: more than any type has that is passed; damaged DWARF may hold one within itself. */
enum { EIGHT = 8, PARTS_MAX = 1000 };

/* ---- Classes ------------------------------------------------------------------------ */

enum abi_class {
	NONE,    /* of no size */
	INTEGER, /* a general register */
	SSE,     /* the low 8 bytes of a vector register */
	SSE_UP,  /* the next 8 bytes of the same one */
	X87,     /* with what follows, on the x87 stack */
	MEMORY,
};

/* Of each 8 bytes; one that is MEMORY stands for all. Larger values are MEMORY but for vectors,
 * which are said to be MEMORY too beyond 16 bytes: who passes them tells more than a type. */
struct abi_classes {
	size_t count;
	enum abi_class of[2];
};

static enum abi_class merge(enum abi_class a, enum abi_class b)
{
	if (a == b || b == NONE)
		return a;
	if (a == NONE)
		return b;
	if (a == MEMORY || b == MEMORY)
		return MEMORY;
	if (a == INTEGER || b == INTEGER)
		return INTEGER;
	if (a == X87 || b == X87)
		return MEMORY;
	return SSE;
}

static void add(struct abi_classes *classes, uint64_t offset, enum abi_class class)
{
	size_t i = (size_t)(offset / EIGHT);

	if (i < sizeof(classes->of) / sizeof(classes->of[0]))
		classes->of[i] = merge(classes->of[i], class);
}

static void add_all(struct abi_classes *classes, const struct mt_type *type, uint64_t offset,
                    unsigned *parts_left);

static void add_members(struct abi_classes *classes, const struct mt_type *type, uint64_t offset,
                        unsigned *parts_left)
{
	mt_type_complete(type);
	for (size_t i = 0; i < type->member_count && *parts_left; i++) {
		const struct mt_member *member = &type->members[i];

		if (member->bit_size)
			add(classes, offset + member->offset + member->bit_offset / 8, INTEGER);
		else
			add_all(classes, member->type, offset + member->offset, parts_left);
	}
}

static void add_array(struct abi_classes *classes, const struct mt_type *type, uint64_t offset,
                      unsigned *parts_left)
{
	uint64_t size = type->target ? type->target->size : 0;

	if (type->is_vector) { /* its 8 bytes go together */
		for (uint64_t at = 0; at < type->size; at += EIGHT)
			add(classes, offset + at, at ? SSE_UP : SSE);
		return;
	}
	for (uint64_t at = 0; size && at < type->size && *parts_left; at += size)
		add_all(classes, type->target, offset + at, parts_left);
}

/* A value that is cut by the border between two registers is no value of C's. */
static void add_scalar(struct abi_classes *classes, const struct mt_type *type, uint64_t offset)
{
	enum abi_class class = INTEGER;

	if (type->kind == MT_TYPE_FLOAT)
		class = type->size > EIGHT ? X87 : SSE;
	else if (type->format != MT_FLOAT_NONE)
		class = SSE;
	for (uint64_t at = 0; at < type->size; at += EIGHT)
		add(classes, offset + at, at && type->format == MT_FLOAT_QUAD ? SSE_UP : class);
}

static void add_all(struct abi_classes *classes, const struct mt_type *type, uint64_t offset,
                    unsigned *parts_left)
{
	if (!*parts_left)
		return;
	--*parts_left;
	switch (type->kind) {
	case MT_TYPE_STRUCT:
	case MT_TYPE_UNION:
		add_members(classes, type, offset, parts_left);
		break;
	case MT_TYPE_ARRAY:
		add_array(classes, type, offset, parts_left);
		break;
	case MT_TYPE_COMPLEX:
		add_scalar(classes, type->target, offset);
		add_scalar(classes, type->target, offset + type->target->size);
		break;
	default:
		add_scalar(classes, type, offset);
		break;
	}
}

static bool is_aggregate(const struct mt_type *type)
{
	return type->kind == MT_TYPE_STRUCT || type->kind == MT_TYPE_UNION ||
	       type->kind == MT_TYPE_ARRAY;
}

static bool is_copying(const struct mt_method *method, const struct mt_type *type)
{
	return method->is_constructor && method->type->param_count == 2 &&
	       method->type->params[1]->is_reference &&
	       mt_type_same(method->type->params[1]->target, type);
}

/* What the class itself says; what the compiler has made for it is as its parts are. */
static bool has_own_copying(const struct mt_class *class, const struct mt_type *type)
{
	bool refuses = false, allows = false;

	for (size_t i = 0; i < class->method_count; i++) {
		const struct mt_method *method = &class->methods[i];
		bool copies = is_copying(method, type);

		if (method->is_artificial || (!copies && !method->is_destructor))
			continue;
		if (copies && method->is_deleted)
			refuses = true;
		else if (method->is_defaulted)
			allows = allows || copies;
		else
			return true;
	}
	return refuses && !allows;
}

static bool is_object(const struct mt_type *type, unsigned *parts_left)
{
	const struct mt_class *class;

	if (!*parts_left)
		return false;
	--*parts_left;
	if (type->kind == MT_TYPE_ARRAY && type->target)
		return is_object(type->target, parts_left);
	class = is_aggregate(type) ? mt_type_class(type) : NULL;
	if (!class)
		return false;
	if (class->passing != MT_PASSING_NOT_TOLD)
		return class->passing == MT_PASSING_BY_REFERENCE;
	if (mt_type_is_dynamic(type) || has_own_copying(class, type))
		return true;
	mt_type_complete(type);
	for (size_t i = 0; i < type->member_count; i++)
		if (is_object(type->members[i].type, parts_left))
			return true;
	return false;
}

/* C++ passes by reference what has a copy constructor, a move constructor or a destructor that is
 * not trivial, of its own or by its virtual functions, its bases and its members; or none of these
 * constructors at all (Itanium C++ ABI, section 3.1.1; C++17, 15.8.1). */
bool mt_abi_is_object(const struct mt_type *type)
{
	unsigned parts_left = PARTS_MAX;

	return mt_type_language(type) == MT_LANG_CPLUS && is_object(type, &parts_left);
}

static void all_memory(struct abi_classes *classes)
{
	classes->count = 1;
	classes->of[0] = MEMORY;
}

static void classify(const struct mt_type *type, struct abi_classes *classes)
{
	unsigned parts_left = PARTS_MAX;

	*classes = (struct abi_classes){ .count = (size_t)((type->size + EIGHT - 1) / EIGHT) };
	if (classes->count > 2 || mt_abi_is_object(type)) {
		/* complex long double is returned on the x87 stack, but passed in memory */
		all_memory(classes);
		return;
	}
	add_all(classes, type, 0, &parts_left);
	for (size_t i = 0; i < classes->count; i++) {
		if (classes->of[i] == MEMORY || (classes->of[i] == X87 && is_aggregate(type) &&
		                                 i != 0 && classes->of[0] != X87)) {
			all_memory(classes);
			return;
		}
	}
	if (classes->of[0] == SSE_UP)
		classes->of[0] = SSE;
}

static bool is_complex_x87(const struct mt_type *type)
{
	return type->kind == MT_TYPE_COMPLEX && type->target->size > EIGHT;
}

bool mt_abi_in_memory(enum mt_machine machine, const struct mt_type *type)
{
	struct abi_classes classes;

	if (!type->size || type->kind == MT_TYPE_VOID)
		return false;
	if (machine == MT_MACHINE_I386)
		return is_aggregate(type) ||
		       (type->kind == MT_TYPE_COMPLEX && type->target->size > sizeof(float));
	classify(type, &classes);
	return classes.of[0] == MEMORY && !is_complex_x87(type);
}

/* ---- Arguments ------------------------------------------------------------------------ */

void mt_abi_call_deinit(struct mt_abi_call *call)
{
	mt_buf_deinit(&call->stack);
}

static void push(struct mt_abi_call *call, const uint8_t *bytes, size_t size, size_t align)
{
	static const uint8_t nothing[16];

	while (call->stack.len % align)
		mt_buf_bytes(&call->stack, nothing, 1);
	mt_buf_bytes(&call->stack, bytes, size);
	while (call->stack.len % sizeof(uint32_t))
		mt_buf_bytes(&call->stack, nothing, 1);
}

/* All or nothing: a value is never half in registers. What is empty, as classes of C++ may be, or
 * padding, takes none. */
static bool fits_registers(const struct mt_abi_call *call, const struct abi_classes *classes)
{
	size_t integers = 0, vectors = 0;

	for (size_t i = 0; i < classes->count; i++) {
		integers += classes->of[i] == INTEGER;
		vectors += classes->of[i] == SSE;
		if (classes->of[i] == MEMORY || classes->of[i] == X87)
			return false;
	}
	return call->integer_count + integers <= MT_ABI_INTEGERS &&
	       call->vector_count + vectors <= MT_ABI_VECTORS;
}

static void take_registers(struct mt_abi_call *call, const struct abi_classes *classes,
                           const struct mt_abi_value *value)
{
	for (size_t i = 0; i < classes->count; i++) {
		size_t left = (size_t)value->type->size - i * EIGHT;
		size_t size = left < EIGHT ? left : EIGHT;
		const uint8_t *from = value->bytes + i * EIGHT;

		if (classes->of[i] == SSE)
			memcpy(call->vector[call->vector_count++], from, size);
		else if (classes->of[i] == SSE_UP)
			memcpy(call->vector[call->vector_count - 1] + EIGHT, from, size);
		else if (classes->of[i] == INTEGER)
			memcpy(&call->integer[call->integer_count++], from, size);
	}
}

static size_t alignment_of(const struct mt_type *type)
{
	bool wide = type->size >= 16 && (type->kind == MT_TYPE_FLOAT || type->kind == MT_TYPE_INT ||
	                                 (type->kind == MT_TYPE_ARRAY && type->is_vector));

	return wide ? 16 : EIGHT;
}

/* Integers are passed as wide as a word, extended as their type says. */
static void widen(const struct mt_abi_value *value, size_t word, uint8_t out[16], size_t *size)
{
	bool negative = value->type->is_signed && value->type->size &&
	                value->bytes[value->type->size - 1] & 0x80;

	*size = value->type->size > word ? (size_t)value->type->size : word;
	memset(out, negative ? 0xff : 0, 16);
	memcpy(out, value->bytes, (size_t)value->type->size);
}

static bool is_integral(const struct mt_type *type)
{
	return type->size && type->size <= 16 &&
	       (type->kind == MT_TYPE_INT || type->kind == MT_TYPE_BOOL ||
	        type->kind == MT_TYPE_CHAR || type->kind == MT_TYPE_ENUM);
}

static void place_on_i386(struct mt_abi_call *call, const struct mt_abi_value *value)
{
	uint8_t wide[16];
	size_t size;

	if (is_integral(value->type)) {
		widen(value, sizeof(uint32_t), wide, &size);
		push(call, wide, size, sizeof(uint32_t));
	} else {
		push(call, value->bytes, (size_t)value->type->size, sizeof(uint32_t));
	}
}

static void place_on_x86_64(struct mt_abi_call *call, const struct mt_abi_value *value)
{
	struct abi_classes classes;
	struct mt_type wide_type = *value->type;
	struct mt_abi_value wide_value = { &wide_type, NULL };
	uint8_t wide[16];
	size_t size;

	classify(value->type, &classes);
	if (is_integral(value->type)) {
		widen(value, EIGHT, wide, &size);
		wide_type.size = size;
		wide_value.bytes = wide;
		value = &wide_value;
	}
	if (fits_registers(call, &classes))
		take_registers(call, &classes, value);
	else
		push(call, value->bytes, (size_t)value->type->size, alignment_of(value->type));
	while (call->stack.len % EIGHT)
		mt_buf_bytes(&call->stack, "", 1);
}

/* What a call without a prototype, or behind `...`, makes of it (C11 6.5.2.2). */
static void promote(const struct mt_abi_value *value, double *number, struct mt_abi_value *out)
{
	float narrow;

	*out = *value;
	if (value->type->kind != MT_TYPE_FLOAT || value->type->size != sizeof(narrow))
		return;
	memcpy(&narrow, value->bytes, sizeof(narrow));
	*number = (double)narrow;
	*out = (struct mt_abi_value){ mt_type_base("double"), (const uint8_t *)number };
}

static struct mt_error *place_one(enum mt_machine machine, const struct mt_type *type, size_t i,
                                  const struct mt_abi_value *arg, struct mt_abi_call *call)
{
	struct mt_abi_value value;
	double number;

	promote(arg, &number, &value);
	if (type && i < type->param_count)
		value = *arg; /* as it was converted for its parameter */
	if (mt_abi_is_object(value.type))
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "argument %zu is an object that C++ passes by reference to a "
		                    "copy: pass a reference or a pointer to one",
		                    i + 1);
	if (machine == MT_MACHINE_I386)
		place_on_i386(call, &value);
	else
		place_on_x86_64(call, &value);
	return NULL;
}

struct mt_error *mt_abi_place(enum mt_machine machine, const struct mt_type *type,
                              const struct mt_abi_value *args, size_t count, uint64_t result_at,
                              struct mt_abi_call *call)
{
	const struct mt_type *result = type ? type->target : NULL;

	if (result && mt_abi_in_memory(machine, result)) {
		call->result_in_memory = true;
		if (machine == MT_MACHINE_I386)
			push(call, (const uint8_t *)&result_at, sizeof(uint32_t), sizeof(uint32_t));
		else
			call->integer[call->integer_count++] = result_at;
	}
	for (size_t i = 0; i < count; i++)
		MT_TRY(place_one(machine, type, i, &args[i], call));
	return mt_buf_ok(&call->stack) ? NULL : mt_error_nomem();
}

/* ---- Results --------------------------------------------------------------------------- */

static void result_from_x87(const struct mt_type *type, const struct mt_abi_registers *registers,
                            uint8_t *out)
{
	size_t half = is_complex_x87(type) ? (size_t)type->target->size : (size_t)type->size;

	memset(out, 0, (size_t)type->size);
	memcpy(out, registers->st[0], 10);
	if (half < type->size)
		memcpy(out + half, registers->st[1], 10);
}

/* i386 returns all floating point on the x87 stack, as wide as that is. */
static void result_of_i386(const struct mt_type *type, const struct mt_abi_registers *registers,
                           uint8_t *out)
{
	uint64_t both = (registers->rax & UINT32_MAX) | registers->rdx << 32;
	long double number = 0;
	double wide;
	float narrow;

	if (type->kind != MT_TYPE_FLOAT) {
		memcpy(out, &both, type->size < sizeof(both) ? (size_t)type->size : sizeof(both));
		return;
	}
	memcpy(&number, registers->st[0], 10);
	wide = (double)number;
	narrow = (float)number;
	if (type->size == sizeof(narrow))
		memcpy(out, &narrow, sizeof(narrow));
	else if (type->size == sizeof(wide))
		memcpy(out, &wide, sizeof(wide));
	else
		memcpy(out, registers->st[0], 10);
}

void mt_abi_result(enum mt_machine machine, const struct mt_type *type,
                   const struct mt_abi_registers *registers, uint8_t *out)
{
	const uint64_t integers[] = { registers->rax, registers->rdx };
	size_t integer = 0, vector = 0;
	struct abi_classes classes;

	if (machine == MT_MACHINE_I386) {
		result_of_i386(type, registers, out);
		return;
	}
	classify(type, &classes);
	if (is_complex_x87(type) || classes.of[0] == X87) {
		result_from_x87(type, registers, out);
		return;
	}
	for (size_t i = 0; i < classes.count; i++) {
		size_t left = (size_t)type->size - i * EIGHT;
		size_t size = left < EIGHT ? left : EIGHT;

		if (classes.of[i] == SSE)
			memcpy(out + i * EIGHT, registers->xmm[vector++], size);
		else if (classes.of[i] == SSE_UP)
			memcpy(out + i * EIGHT, registers->xmm[vector ? vector - 1 : 0] + EIGHT,
			       size);
		else if (classes.of[i] == INTEGER)
			memcpy(out + i * EIGHT, &integers[integer++], size);
	}
}
