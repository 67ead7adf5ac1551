/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "expr/arith.h"
#include "expr/member.h"
#include "expr/place_internal.h"
#include "symbol/where.h"

/* ---- Reading */

/* The type's name, for messages. */
static struct mt_error *type_error(const struct mt_resolver *resolver, const struct mt_ast *ast,
                                   const struct mt_type *type, const char *what)
{
	struct mt_buf name MT_AUTO_BUF = { 0 };

	mt_type_format(type, &name);
	if (!mt_buf_ok(&name) || !name.len)
		return mt_error_nomem();
	return mt_error_at((long)ast->start, "%.*s is of type %s: %s",
	                   MT_SOURCE(resolver->text, ast), name.data, what);
}

static void note_step(const struct mt_resolver *resolver, uint64_t addr, size_t len)
{
	struct mt_place_steps *steps = resolver->world->steps;

	if (steps && steps->count < MT_PLACE_STEPS)
		steps->data[steps->count] = (struct mt_place_step){ addr, len };
	if (steps)
		steps->count++;
}

static struct mt_error *read_bytes(struct mt_resolver *resolver, const struct mt_ast *ast,
                                   uint64_t addr, void *out, size_t len)
{
	note_step(resolver, addr, len);
	struct mt_error *error;

	if (!resolver->read)
		return mt_error_new(MT_ERR_UNREADABLE,
		                    "%.*s has no value before the program has started",
		                    MT_SOURCE(resolver->text, ast));
	resolver->followed = true;
	error = resolver->read(resolver->arg, addr, out, len);
	return mt_error_context(error, "the value of %.*s", MT_SOURCE(resolver->text, ast));
}

static bool is_integer(const struct mt_type *type)
{
	switch (type->kind) {
	case MT_TYPE_INT:
	case MT_TYPE_BOOL:
	case MT_TYPE_CHAR:
	case MT_TYPE_ENUM:
	case MT_TYPE_BYTES:
		return type->size >= 1 && type->size <= 8;
	default:
		return false;
	}
}

/* The bits of an integer, extended to 64; a bit-field's are cut out first. */
static uint64_t extend(uint64_t bits, const struct mt_operand *place)
{
	unsigned count = place->bit_size ? place->bit_size : 8 * (unsigned)place->type->size;
	unsigned first = place->bit_offset;

	if (first + count > 64)
		return 0;
	bits <<= 64 - first - count;
	if (place->type->is_signed)
		return (uint64_t)((int64_t)bits >> (64 - count));
	return bits >> (64 - count);
}

static struct mt_error *load_integer(struct mt_resolver *resolver, const struct mt_ast *ast,
                                     const struct mt_operand *place, uint64_t *bits)
{
	unsigned field_bytes = (place->bit_offset + place->bit_size + 7u) / 8;
	size_t len = place->bit_size ? field_bytes : (size_t)place->type->size;
	uint64_t raw = 0;

	if (len > sizeof(raw))
		return mt_error_at((long)ast->start, "the bit-field %.*s is too wide to be read",
		                   MT_SOURCE(resolver->text, ast));
	MT_TRY(read_bytes(resolver, ast, place->addr, &raw, len));
	*bits = extend(raw, place);
	return NULL;
}

static struct mt_error *load_pointer(struct mt_resolver *resolver, const struct mt_ast *ast,
                                     const struct mt_operand *place, uint64_t *bits)
{
	uint64_t raw = 0;

	if (place->type->size > sizeof(raw))
		return type_error(resolver, ast, place->type, "no address in memory");
	MT_TRY(read_bytes(resolver, ast, place->addr, &raw, (size_t)place->type->size));
	*bits = raw;
	return NULL;
}

/* A pointer to something that could not be read is as good as one to void. */
static const struct mt_type *behind_pointer(const struct mt_type *type)
{
	const struct mt_type *target = type->target ? type->target : mt_type_base("void");

	mt_type_complete(target);
	return target;
}

static struct mt_error *load(struct mt_resolver *resolver, const struct mt_ast *ast,
                             const struct mt_operand *place, struct mt_operand *value)
{
	struct mt_operand loaded = { .module = place->module };

	if (place->type->kind == MT_TYPE_ARRAY) {
		loaded.is_pointer = true;
		loaded.bits = place->addr;
		loaded.type = place->type->target;
	} else if (place->type->kind == MT_TYPE_POINTER) {
		MT_TRY(load_pointer(resolver, ast, place, &loaded.bits));
		loaded.is_pointer = true;
		loaded.type = behind_pointer(place->type);
	} else if (is_integer(place->type)) {
		MT_TRY(load_integer(resolver, ast, place, &loaded.bits));
	} else {
		return type_error(resolver, ast, place->type,
		                  "an integer or a pointer is needed here");
	}
	*value = loaded;
	return NULL;
}

struct mt_error *mt_place_value(struct mt_resolver *resolver, const struct mt_ast *ast,
                                struct mt_operand *value)
{
	struct mt_operand operand;

	MT_TRY(mt_place_operand(resolver, ast, &operand));
	if (operand.is_place)
		return load(resolver, ast, &operand, value);
	*value = operand;
	return NULL;
}

/* ---- Following pointers */

/* What the pointer, written as `pointer`, points to on the way to `whole`. */
static struct mt_error *follow(const struct mt_resolver *resolver, const struct mt_ast *whole,
                               const struct mt_ast *pointer, const struct mt_operand *value,
                               struct mt_operand *place)
{
	if (!value->is_pointer)
		return mt_error_at((long)pointer->start, "%.*s is not a pointer",
		                   MT_SOURCE(resolver->text, pointer));
	if (!value->bits)
		return mt_error_new(MT_ERR_UNREADABLE, "%.*s is NULL, so %.*s is nowhere",
		                    MT_SOURCE(resolver->text, pointer),
		                    MT_SOURCE(resolver->text, whole));
	*place = (struct mt_operand){
		.is_place = true, .addr = value->bits, .type = value->type, .module = value->module
	};
	return NULL;
}

/* A C++ reference stands for what it refers to. */
static struct mt_error *settle_reference(struct mt_resolver *resolver, const struct mt_ast *ast,
                                         struct mt_operand *operand)
{
	struct mt_operand value;

	if (!operand->is_place || operand->type->kind != MT_TYPE_POINTER ||
	    !operand->type->is_reference)
		return NULL;
	MT_TRY(load(resolver, ast, operand, &value));
	return follow(resolver, ast, ast, &value, operand);
}

static struct mt_error *dereference(struct mt_resolver *resolver, const struct mt_ast *ast,
                                    struct mt_operand *operand)
{
	struct mt_operand value;

	MT_TRY(mt_place_value(resolver, ast->a, &value));
	return follow(resolver, ast, ast->a, &value, operand);
}

/* ---- Members and elements */

static bool has_members(const struct mt_type *type)
{
	return type->kind == MT_TYPE_STRUCT || type->kind == MT_TYPE_UNION;
}

static struct mt_error *member_of(const struct mt_resolver *resolver, const struct mt_ast *ast,
                                  const struct mt_operand *whole, struct mt_operand *operand)
{
	const struct mt_member *member;
	uint64_t offset;

	if (whole->from_elf)
		return mt_error_at((long)ast->at,
		                   "%.*s comes without debug information: its members are not "
		                   "known",
		                   MT_SOURCE(resolver->text, ast->a));
	if (!has_members(whole->type))
		return type_error(resolver, ast->a, whole->type, "it has no members");
	MT_TRY(mt_member_find(whole->type, ast->name, ast->at, &member, &offset));
	*operand = *whole;
	operand->addr += offset + member->bit_offset / 8;
	operand->type = member->type;
	operand->bit_offset = member->bit_offset % 8;
	operand->bit_size = member->bit_size;
	return NULL;
}

static struct mt_error *dot(struct mt_resolver *resolver, const struct mt_ast *ast,
                            struct mt_operand *operand)
{
	struct mt_operand whole;

	MT_TRY(mt_place_operand(resolver, ast->a, &whole));
	if (whole.is_pointer || (whole.is_place && whole.type->kind == MT_TYPE_POINTER))
		return mt_error_at((long)ast->at, "%.*s is a pointer: write %.*s->%.60s",
		                   MT_SOURCE(resolver->text, ast->a),
		                   MT_SOURCE(resolver->text, ast->a), ast->name);
	if (!whole.is_place)
		return mt_error_at((long)ast->at, "%.*s is a number: it has no members",
		                   MT_SOURCE(resolver->text, ast->a));
	return member_of(resolver, ast, &whole, operand);
}

static struct mt_error *arrow(struct mt_resolver *resolver, const struct mt_ast *ast,
                              struct mt_operand *operand)
{
	struct mt_operand pointer, whole;

	MT_TRY(mt_place_operand(resolver, ast->a, &pointer));
	if (pointer.is_place && has_members(pointer.type))
		return mt_error_at((long)ast->at, "%.*s is not a pointer: write %.*s.%.60s",
		                   MT_SOURCE(resolver->text, ast->a),
		                   MT_SOURCE(resolver->text, ast->a), ast->name);
	if (pointer.is_place)
		MT_TRY(load(resolver, ast->a, &pointer, &pointer));
	MT_TRY(follow(resolver, ast, ast->a, &pointer, &whole));
	return member_of(resolver, ast, &whole, operand);
}

struct mt_error *mt_place_elements(struct mt_resolver *resolver, const struct mt_ast *ast,
                                   struct mt_elements *elements)
{
	struct mt_operand base, first;

	MT_TRY(mt_place_operand(resolver, ast->a, &base));
	uint64_t count = base.is_place && base.type->kind == MT_TYPE_ARRAY ? base.type->count : 0;
	if (base.is_place)
		MT_TRY(load(resolver, ast->a, &base, &base));
	if (!base.is_pointer)
		return mt_error_at((long)ast->a->start, "%.*s is not an array or a pointer",
		                   MT_SOURCE(resolver->text, ast->a));
	MT_TRY(follow(resolver, ast, ast->a, &base, &first));
	if (!first.type->size)
		return type_error(resolver, ast->a, first.type,
		                  "the size of its elements is not known");
	*elements = (struct mt_elements){ .first = first, .count = count };
	return NULL;
}

struct mt_error *mt_place_index(struct mt_resolver *resolver, const struct mt_ast *ast,
                                const struct mt_ast *array, const struct mt_elements *elements,
                                int64_t *index)
{
	struct mt_operand value;

	MT_TRY(mt_place_value(resolver, ast, &value));
	if (value.is_pointer)
		return mt_error_at((long)ast->start, "%.*s is a pointer: a subscript is an integer",
		                   MT_SOURCE(resolver->text, ast));
	if (elements->count && value.bits >= elements->count)
		return mt_error_at((long)ast->start,
		                   "%lld is out of bounds: %.*s has the elements "
		                   "0 to %llu",
		                   (long long)value.bits, MT_SOURCE(resolver->text, array),
		                   (unsigned long long)elements->count - 1);
	*index = (int64_t)value.bits;
	return NULL;
}

static struct mt_error *element(struct mt_resolver *resolver, const struct mt_ast *ast,
                                struct mt_operand *operand)
{
	struct mt_elements elements;
	int64_t index;

	MT_TRY(mt_place_elements(resolver, ast, &elements));
	MT_TRY(mt_place_index(resolver, ast->b, ast->a, &elements, &index));
	*operand = elements.first;
	operand->addr += (uint64_t)index * elements.first.type->size;
	return NULL;
}

/* ---- Values */

static struct mt_error *address_of(struct mt_resolver *resolver, const struct mt_ast *ast,
                                   struct mt_operand *value)
{
	struct mt_operand place;

	MT_TRY(mt_place_operand(resolver, ast->a, &place));
	if (!place.is_place || place.bit_size)
		return mt_error_at((long)ast->at, "%.*s has no address",
		                   MT_SOURCE(resolver->text, ast->a));
	*value = (struct mt_operand){
		.is_pointer = true, .bits = place.addr, .type = place.type, .module = place.module
	};
	return NULL;
}

/* What a cast to `type` makes pointers point to: one pointer less than is written. */
static struct mt_error *pointed_to(const struct mt_resolver *resolver, const struct mt_ast *ast,
                                   const struct mt_type *type, const struct mt_type **target)
{
	const struct mt_ast_derived *step;

	for (step = ast->type.derived->next; step; step = step->next) {
		type = mt_type_pointer(resolver->image, type);
		if (!type)
			return mt_error_nomem();
	}
	*target = type;
	return NULL;
}

static struct mt_error *cast(struct mt_resolver *resolver, const struct mt_ast *ast,
                             struct mt_operand *value)
{
	const struct mt_type *type = mt_type_find(resolver->image, ast->type.name);
	struct mt_operand converted;

	if (!type)
		return mt_error_at((long)ast->at + 1, "there is no type %.60s", ast->type.name);
	MT_TRY(mt_place_value(resolver, ast->a, &converted));
	converted.is_pointer = ast->type.derived != NULL;
	if (converted.is_pointer) {
		MT_TRY(pointed_to(resolver, ast, type, &converted.type));
	} else if (is_integer(type)) {
		converted.bits = extend(converted.bits, &(struct mt_operand){ .type = type });
	} else {
		return mt_error_at((long)ast->at + 1,
		                   "only casts to pointers and integers are possible here");
	}
	*value = converted;
	return NULL;
}

/* Pointers go in steps of what they point to; only integers are added to them. */
static struct mt_error *scale(const struct mt_resolver *resolver, const struct mt_ast *ast,
                              struct mt_operand *a, struct mt_operand *b)
{
	bool is_sum = ast->op == MT_OP_ADD, is_difference = ast->op == MT_OP_SUB;

	if (!a->is_pointer && !b->is_pointer)
		return NULL;
	if ((a->is_pointer && b->is_pointer) || (b->is_pointer && !is_sum) ||
	    (!is_sum && !is_difference))
		return mt_error_at((long)ast->at, "this cannot be done with a pointer");
	const struct mt_ast *pointer = a->is_pointer ? ast->a : ast->b;
	const struct mt_type *type = a->is_pointer ? a->type : b->type;
	if (!type->size)
		return type_error(resolver, pointer, type,
		                  "the size of what it points to is not known");
	if (a->is_pointer)
		b->bits *= type->size;
	else
		a->bits *= type->size;
	return NULL;
}

static struct mt_error *binary(struct mt_resolver *resolver, const struct mt_ast *ast,
                               struct mt_operand *value)
{
	static const struct mt_arith long_type = { .size = 8, .is_signed = true };
	struct mt_operand a, b;

	MT_TRY(mt_place_value(resolver, ast->a, &a));
	MT_TRY(mt_place_value(resolver, ast->b, &b));
	MT_TRY(scale(resolver, ast, &a, &b));
	if (ast->op == MT_OP_DIV && !b.bits)
		return mt_error_at((long)ast->at, "a division by zero");
	struct mt_operand result = a.is_pointer ? a : b;
	result.bits = mt_arith_integers(ast->op, a.bits, b.bits, long_type);
	*value = result;
	return NULL;
}

static struct mt_error *negation(struct mt_resolver *resolver, const struct mt_ast *ast,
                                 struct mt_operand *value)
{
	struct mt_operand operand;

	MT_TRY(mt_place_value(resolver, ast->a, &operand));
	if (operand.is_pointer)
		return mt_error_at((long)ast->at, "this cannot be done with a pointer");
	operand.bits = -operand.bits;
	*value = operand;
	return NULL;
}

/* ---- The tree */

/* `error` is why there is none with a fixed address. */
static struct mt_error *thread_local_variable(struct mt_resolver *resolver,
                                              const struct mt_variable_query *query,
                                              struct mt_error *error, struct mt_variable *found)
{
	struct mt_error *not_local;
	uint64_t offset;

	if (mt_error_kind(error) != MT_ERR_UNSUPPORTED || !resolver->world->tls)
		return error;
	not_local = mt_variable_find_tls(resolver->image, query, found, &offset);
	if (not_local) {
		mt_error_free(not_local);
		return error;
	}
	mt_error_free(error);
	resolver->thread_local = true;
	return resolver->world->tls(resolver->arg, found->module, offset, &found->addr);
}

/* As an operand. One that lies in no memory can be followed, if it is a pointer. */
static void take_local(const struct mt_place_local *local, struct mt_operand *operand)
{
	bool is_pointer = local->type->kind == MT_TYPE_POINTER;

	*operand =
	    (struct mt_operand){ .is_place = true, .addr = local->addr, .type = local->type };
	if (local->is_value)
		*operand = (struct mt_operand){ .is_pointer = is_pointer,
			                        .bits = local->bits,
			                        .type = is_pointer ? behind_pointer(local->type)
			                                           : local->type };
}

/* `error` is why there is none without a frame. A name that is unknown is told as such, unless it
 * is a function's. */
static struct mt_error *local_variable(struct mt_resolver *resolver,
                                       const struct mt_variable_query *query,
                                       struct mt_error *error, struct mt_operand *operand)
{
	bool is_unknown = mt_error_kind(error) == MT_ERR_NOT_FOUND;
	struct mt_place_local found = { 0 };
	struct mt_error *why;

	if ((mt_error_kind(error) != MT_ERR_UNSUPPORTED && !is_unknown) ||
	    !resolver->world->local || !query->scope)
		return error;
	why = resolver->world->local(resolver->arg, query->scope, query->name, &found);
	if (why && is_unknown && mt_error_kind(why) == MT_ERR_NOT_FOUND) {
		mt_error_free(why);
		return error;
	}
	mt_error_free(error);
	if (why)
		return why;
	resolver->in_frame = true;
	take_local(&found, operand);
	return NULL;
}

static struct mt_error *variable(struct mt_resolver *resolver, const struct mt_ast *ast,
                                 struct mt_operand *operand)
{
	struct mt_variable_query query = { .scope = ast->scope, .name = ast->name };
	struct mt_error *error;
	struct mt_variable found;

	error = mt_variable_find(resolver->image, &query, &found);
	if (error)
		error = thread_local_variable(resolver, &query, error, &found);
	if (error)
		return local_variable(resolver, &query, error, operand);
	*operand = (struct mt_operand){ .is_place = true,
		                        .addr = found.addr,
		                        .type = found.type,
		                        .module = found.module,
		                        .from_elf = found.from_elf };
	return NULL;
}

static struct mt_error *resolve(struct mt_resolver *resolver, const struct mt_ast *ast,
                                struct mt_operand *operand)
{
	switch (ast->kind) {
	case MT_AST_NUMBER:
		*operand = (struct mt_operand){ .bits = ast->number.integer };
		return NULL;
	case MT_AST_NAME:
		return variable(resolver, ast, operand);
	case MT_AST_DEREF:
		return dereference(resolver, ast, operand);
	case MT_AST_ADDRESS:
		return address_of(resolver, ast, operand);
	case MT_AST_CAST:
		return cast(resolver, ast, operand);
	case MT_AST_MEMBER:
		return dot(resolver, ast, operand);
	case MT_AST_ARROW:
		return arrow(resolver, ast, operand);
	case MT_AST_INDEX:
		return element(resolver, ast, operand);
	case MT_AST_BINARY:
		return binary(resolver, ast, operand);
	case MT_AST_PLUS:
		return mt_place_value(resolver, ast->a, operand);
	default: /* MT_AST_UNARY: place_check.c lets a minus through only */
		return negation(resolver, ast, operand);
	}
}

struct mt_error *mt_place_operand(struct mt_resolver *resolver, const struct mt_ast *ast,
                                  struct mt_operand *operand)
{
	struct mt_operand result = { 0 };

	MT_TRY(resolve(resolver, ast, &result));
	MT_TRY(settle_reference(resolver, ast, &result));
	*operand = result;
	return NULL;
}
