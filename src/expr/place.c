/* SPDX-License-Identifier: MIT */
#include "expr/place_internal.h"

/* Raw addresses without a length. */
enum { DEFAULT_LEN = 8 };

static struct mt_error *resolve_slice(struct mt_resolver *resolver, const struct mt_ast *ast,
                                      struct mt_operand *place)
{
	struct mt_elements elements;
	int64_t first, last;
	uint64_t count;

	MT_TRY(mt_place_elements(resolver, ast, &elements));
	MT_TRY(mt_place_index(resolver, ast->b, ast->a, &elements, &first));
	MT_TRY(mt_place_index(resolver, ast->c, ast->a, &elements, &last));
	if (last < first)
		return mt_error_at((long)ast->c->start, "the range ends before it begins");
	if (__builtin_sub_overflow(last, first, (int64_t *)&count) || count >= INT64_MAX)
		return mt_error_at((long)ast->c->start, "the range is too long");
	*place = elements.first;
	place->addr += (uint64_t)first * place->type->size;
	place->type = mt_type_array(resolver->image, place->type, count + 1);
	return place->type ? NULL : mt_error_nomem();
}

/* `x+1` may have meant a variable. */
static struct mt_error *no_module(const struct mt_resolver *resolver, const struct mt_ast *ast)
{
	struct mt_variable_query query = { .name = ast->name };
	struct mt_variable ignored;
	struct mt_error *error = mt_variable_find(resolver->image, &query, &ignored);

	if (!error)
		return mt_error_at((long)ast->start, "%.*s is a value, not a place in memory",
		                   MT_SOURCE(resolver->text, ast));
	mt_error_free(error);
	return mt_error_new(MT_ERR_NOT_FOUND, "no module is called %.80s", ast->name);
}

static struct mt_error *resolve_module(struct mt_resolver *resolver, const struct mt_ast *ast,
                                       struct mt_operand *place)
{
	const struct mt_module *module = mt_image_module_named(resolver->image, ast->name);
	const struct mt_type *type = mt_type_bytes(resolver->image, DEFAULT_LEN);

	if (!module)
		return no_module(resolver, ast);
	if (!type)
		return mt_error_nomem();
	*place = (struct mt_operand){ .is_place = true,
		                      .addr = module->start + ast->number.integer,
		                      .type = type,
		                      .module = module };
	return NULL;
}

static struct mt_error *resolve_raw(struct mt_resolver *resolver, const struct mt_ast *ast,
                                    struct mt_operand *place)
{
	const struct mt_type *type = mt_type_bytes(resolver->image, DEFAULT_LEN);
	struct mt_operand address;

	MT_TRY(mt_place_value(resolver, ast, &address));
	if (!type)
		return mt_error_nomem();
	*place = (struct mt_operand){ .is_place = true, .addr = address.bits, .type = type };
	return NULL;
}

static struct mt_error *resolve_root(struct mt_resolver *resolver, const struct mt_ast *ast,
                                     struct mt_operand *place)
{
	if (ast->kind == MT_AST_SLICE)
		return resolve_slice(resolver, ast, place);
	if (ast->kind == MT_AST_MODULE)
		return resolve_module(resolver, ast, place);
	if (mt_place_is_constant(ast))
		return resolve_raw(resolver, ast, place);
	MT_TRY(mt_place_operand(resolver, ast, place));
	if (!place->is_place)
		return mt_error_at(
		    (long)ast->start,
		    "%.*s is kept in a register, or nowhere: the processor traps "
		    "memory only; build it with -O0 or declare it volatile, or show it "
		    "where it is used: -x FILE:LINE --print",
		    MT_SOURCE(resolver->text, ast));
	if (!place->bit_size)
		return NULL;
	unsigned bytes = (place->bit_offset + place->bit_size + 7u) / 8;
	return mt_error_at((long)ast->at,
	                   "%.*s is a bit-field and has no address of its own; the bytes that hold "
	                   "it are 0x%llx:%u",
	                   MT_SOURCE(resolver->text, ast), (unsigned long long)place->addr, bytes);
}

/* The type of the first `len` bytes: whole elements keep their type. */
static const struct mt_type *type_of_span(const struct mt_resolver *resolver,
                                          const struct mt_type *type, uint64_t len)
{
	if (len == type->size)
		return type;
	if (type->kind == MT_TYPE_ARRAY && type->target->size && len % type->target->size == 0)
		return mt_type_array(resolver->image, type->target, len / type->target->size);
	return mt_type_bytes(resolver->image, len);
}

static struct mt_error *take_span(struct mt_resolver *resolver, const struct mt_ast *ast,
                                  struct mt_operand *place)
{
	struct mt_operand len;

	MT_TRY(mt_place_value(resolver, ast, &len));
	if (!len.bits || len.bits > INT64_MAX)
		return mt_error_at((long)ast->start, "a length is 1 or more");
	place->type = type_of_span(resolver, place->type, len.bits);
	return place->type ? NULL : mt_error_nomem();
}

static struct mt_error *check_extent(const struct mt_resolver *resolver, const struct mt_ast *ast,
                                     const struct mt_operand *place)
{
	if (!place->type->size)
		return mt_error_at((long)ast->start,
		                   "the size of %.*s is not known: write it behind a colon, as in "
		                   "%.*s:8",
		                   MT_SOURCE(resolver->text, ast), MT_SOURCE(resolver->text, ast));
	if (place->addr + (place->type->size - 1) < place->addr)
		return mt_error_at((long)ast->start, "this reaches past the end of memory");
	return NULL;
}

/* A pointer that was followed may lead anywhere. */
static struct mt_error *check_mapped(struct mt_resolver *resolver, const struct mt_ast *ast,
                                     const struct mt_operand *place)
{
	uint8_t first;

	if (!resolver->followed)
		return NULL;
	return mt_error_context(resolver->read(resolver->arg, place->addr, &first, 1),
	                        "%.*s leads to 0x%llx, which is not mapped",
	                        MT_SOURCE(resolver->text, ast), (unsigned long long)place->addr);
}

struct mt_error *mt_place_resolve(struct mt_image *image, const char *text, mt_memory_reader read,
                                  void *arg, struct mt_place *place)
{
	const struct mt_place_world world = { .image = image, .read = read, .arg = arg };

	return mt_place_resolve_in(&world, text, place);
}

struct mt_error *mt_place_resolve_in(const struct mt_place_world *world, const char *text,
                                     struct mt_place *place)
{
	struct mt_resolver resolver = { .image = world->image,
		                        .text = text,
		                        .read = world->read,
		                        .arg = world->arg,
		                        .world = world };
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_operand found = { 0 };
	const struct mt_ast *ast;

	MT_TRY(mt_place_parse(text, &arena, &ast));
	const struct mt_ast *whole = ast->kind == MT_AST_SPAN ? ast->a : ast;
	MT_TRY(resolve_root(&resolver, whole, &found));
	if (ast->kind == MT_AST_SPAN)
		MT_TRY(take_span(&resolver, ast->b, &found));
	MT_TRY(check_extent(&resolver, whole, &found));
	MT_TRY(check_mapped(&resolver, whole, &found));
	*place = (struct mt_place){ .addr = found.addr,
		                    .len = found.type->size,
		                    .type = found.type,
		                    .from_elf = found.from_elf,
		                    .followed = resolver.followed,
		                    .thread_local = resolver.thread_local,
		                    .in_frame = resolver.in_frame,
		                    .module = found.module };
	return NULL;
}
