/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/cleanup.h"
#include "expr/eval_internal.h"
#include "expr/kept.h"
#include "expr/register_type.h"
#include "expr/value_internal.h"
#include "symbol/enumerator.h"
#include "symbol/scope.h"

/* A function's name as it may be written: without its parameters. */
static size_t name_len(const char *name)
{
	return strcspn(name, "(");
}

/* ---- Locals */

/* The value of a variable in a frame, which lasts longer than the frame that was asked: what lies
 * in registers there is read at once, unless it is the world's own frame. */
static struct mt_error *value_of_local(const struct mt_eval *eval,
                                       const struct mt_where_frame *frame,
                                       const struct mt_local *local, struct mt_value *value)
{
	struct mt_where where MT_CLEANUP(mt_where_deinit) = { 0 };
	struct mt_world there = *eval->world;
	struct mt_value made = { .home = MT_HOME_MEMORY };

	if (eval->world->named)
		eval->world->named(eval->world->arg, local);
	MT_TRY(mt_where_type(frame, local->type, &made.type));
	mt_type_complete(made.type);
	if (!eval->only_type) {
		MT_TRY(mt_where_local(frame, local, &where));
		MT_TRY(mt_value_of_where(eval->arena, &where, &made));
	}
	if (made.home == MT_HOME_WHERE && frame != eval->world->frame) {
		there.frame = frame;
		MT_TRY(mt_value_fetch(&there, eval->arena, &made));
		made.home = MT_HOME_NOWHERE;
	}
	*value = made;
	return NULL;
}

struct mt_error *mt_value_of_local(const struct mt_world *world, struct mt_arena *arena,
                                   const struct mt_local *local, struct mt_value *value)
{
	const struct mt_eval eval = { .world = world, .text = local->name, .arena = arena };

	return value_of_local(&eval, world->frame, local, value);
}

struct mt_error *mt_value_at_entry(const struct mt_world *world, struct mt_arena *arena,
                                   const struct mt_local *parameter, struct mt_value *value)
{
	struct mt_where where MT_CLEANUP(mt_where_deinit) = { 0 };
	struct mt_value made = { .type = parameter->type };

	mt_type_complete(made.type);
	MT_TRY(mt_where_at_entry(world->frame, parameter, &where));
	MT_TRY(mt_value_of_where(arena, &where, &made));
	*value = made;
	return NULL;
}

static bool find_in_scope(const struct mt_world *world, const char *name, struct mt_local *local)
{
	return mt_local_find(world->image, world->scope.pc, world->scope.inline_depth, name, local);
}

struct mt_error *mt_eval_entry(const struct mt_eval *eval, const struct mt_ast *ast,
                               struct mt_value *value)
{
	const struct mt_world *world = eval->world;
	const char *name = ast->a->name;
	struct mt_local local;

	if (!world->frame || !world->image || !find_in_scope(world, name, &local) ||
	    !local.is_parameter)
		return mt_error_at((long)ast->a->at,
		                   "@entry is of parameters alone, and %.60s is none here", name);
	return mt_value_at_entry(world, eval->arena, &local, value);
}

static bool points_to_class(const struct mt_type *type)
{
	return type->kind == MT_TYPE_POINTER && type->target &&
	       (type->target->kind == MT_TYPE_STRUCT || type->target->kind == MT_TYPE_UNION);
}

/* A variable of the frame, or a member of `this` there. *found says whether one is called so. */
static struct mt_error *find_local(const struct mt_eval *eval, const char *name, bool *found,
                                   struct mt_value *value)
{
	const struct mt_world *world = eval->world;
	const struct mt_where_frame *frame = world->frame;
	struct mt_value this, object;
	struct mt_local local;

	*found = false;
	if (!frame || !world->image)
		return NULL;
	if (find_in_scope(world, name, &local)) {
		*found = true;
		return value_of_local(eval, frame, &local, value);
	}
	if (!find_in_scope(world, "this", &local) || !points_to_class(local.type))
		return NULL;
	MT_TRY(value_of_local(eval, frame, &local, &this));
	MT_TRY(mt_eval_follow(eval, NULL, &this, &object));
	struct mt_error *error = mt_eval_member_of(eval, &object, name, 0, value);
	*found = !error;
	mt_error_free(error);
	return NULL;
}

/* ---- Locals of functions that are on the stack */

enum { MAX_INLINES = 32, MAX_FRAMES = 1000 };

static bool is_function_name(const char *function, const char *scope)
{
	size_t len = function ? name_len(function) : 0, scope_len = strlen(scope);

	if (len < scope_len || memcmp(function + len - scope_len, scope, scope_len) != 0)
		return false;
	return len == scope_len || function[len - scope_len - 1] == ':';
}

/* Whether the function, or what is inlined in it at pc, is the one that is meant. */
static bool is_frame_of(struct mt_image *image, uint64_t pc, const char *scope, unsigned *depth)
{
	struct mt_inline_frame inlines[MAX_INLINES];
	size_t count = mt_image_inlines_at(image, pc, inlines, MAX_INLINES);
	struct mt_symbol symbol;

	for (*depth = 0; *depth < count; ++*depth)
		if (is_function_name(inlines[*depth].name, scope))
			return true;
	return mt_image_symbol_at(image, pc, &symbol) && is_function_name(symbol.name, scope);
}

/* function::name, in the innermost frame of the function. */
static struct mt_error *find_on_stack(const struct mt_eval *eval, const char *scope,
                                      const char *name, bool *found, struct mt_value *value)
{
	struct mt_where_frame frame, caller;
	struct mt_local local;
	unsigned depth;

	*found = false;
	if (!eval->world->frame || !eval->world->image)
		return NULL;
	frame = *eval->world->frame;
	for (unsigned i = 0; i < MAX_FRAMES; i++) {
		if (is_frame_of(eval->world->image, frame.pc, scope, &depth) &&
		    mt_local_find(eval->world->image, frame.pc, depth, name, &local)) {
			*found = true;
			return value_of_local(eval, i ? &frame : eval->world->frame, &local, value);
		}
		if (!frame.caller || !frame.caller(frame.arg, &frame, &caller))
			return NULL;
		frame = caller;
	}
	return NULL;
}

/* ---- Variables */

static struct mt_error *find_thread_local(const struct mt_eval *eval,
                                          const struct mt_variable_query *query,
                                          struct mt_value *value)
{
	const struct mt_where_frame *frame = eval->world->frame;
	struct mt_variable variable;
	struct mt_value made = { .home = MT_HOME_MEMORY };
	uint64_t offset;

	MT_TRY(mt_variable_find_tls(eval->world->image, query, &variable, &offset));
	if (!frame || !frame->tls)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "%.80s is thread-local, and there is no thread to look in",
		                    query->name);
	made.type = variable.type;
	if (!eval->only_type)
		MT_TRY(frame->tls(frame->arg, variable.module, offset, &made.addr));
	*value = made;
	return NULL;
}

static struct mt_error *find_constant_variable(const struct mt_eval *eval,
                                               const struct mt_variable_query *query,
                                               struct mt_value *value)
{
	const struct mt_where_frame nowhere = { .image = eval->world->image };
	struct mt_where where MT_CLEANUP(mt_where_deinit) = { 0 };
	struct mt_value made = { .home = MT_HOME_NOWHERE };
	struct mt_variable variable;
	uint8_t *bytes, *gone;
	size_t size;

	MT_TRY(mt_variable_find_constant(eval->world->image, query, &variable));
	mt_type_complete(variable.type);
	MT_TRY(mt_where_constant(eval->world->image, &variable, &where));
	if (variable.type->size > MT_VALUE_MAX)
		return mt_error_new(MT_ERR_FORMAT, "%.80s is too large for a constant",
		                    query->name);
	size = (size_t)variable.type->size;
	bytes = mt_arena_alloc(eval->arena, 2 * size);
	if (!bytes)
		return mt_error_nomem();
	gone = bytes + size;
	MT_TRY(mt_where_load(&nowhere, &where, 0, bytes, size, gone));
	made.type = variable.type;
	made.bytes = bytes;
	made.gone = size && memchr(gone, 0xff, size) ? gone : NULL;
	*value = made;
	return NULL;
}

static struct mt_error *find_without_address(const struct mt_eval *eval,
                                             const struct mt_variable_query *query,
                                             struct mt_value *value)
{
	struct mt_error *error = find_thread_local(eval, query, value);

	if (!error || mt_error_kind(error) != MT_ERR_NOT_FOUND)
		return error;
	mt_error_free(error);
	return find_constant_variable(eval, query, value);
}

static struct mt_error *find_variable(const struct mt_eval *eval, const char *scope,
                                      const char *name, struct mt_value *value)
{
	struct mt_variable_query query = { .scope = scope, .name = name, .is_guess = true };
	struct mt_variable variable;
	struct mt_error *error = mt_variable_find(eval->world->image, &query, &variable), *other;

	if (error && mt_error_kind(error) == MT_ERR_UNSUPPORTED) {
		other = find_without_address(eval, &query, value);
		if (!other || mt_error_kind(other) != MT_ERR_NOT_FOUND) {
			mt_error_free(error);
			return other;
		}
		mt_error_free(other);
	}
	MT_TRY(error);
	*value = (struct mt_value){ .type = variable.type,
		                    .home = MT_HOME_MEMORY,
		                    .addr = variable.addr };
	mt_type_complete(value->type);
	return NULL;
}

static bool has_variable(const struct mt_eval *eval, const char *scope, const char *name,
                         struct mt_value *value)
{
	struct mt_error *error = find_variable(eval, scope, name, value);

	mt_error_free(error);
	return !error;
}

/* What the frame's function stands in, from the inside out: of ns::Class::f, ns::Class and ns. */
static bool has_enclosing(const struct mt_eval *eval, uint64_t pc, const char *name,
                          struct mt_value *value)
{
	struct mt_symbol symbol;
	char *scope;

	if (!mt_image_symbol_at(eval->world->image, pc, &symbol))
		return false;
	scope = mt_arena_text(eval->arena, symbol.name, name_len(symbol.name));
	while (scope) {
		char *mark = NULL;

		for (char *at = strstr(scope, "::"); at; at = strstr(at + 2, "::"))
			mark = at;
		if (!mark)
			return false;
		*mark = '\0';
		if (has_variable(eval, scope, name, value))
			return true;
	}
	return false;
}

/* A static of the frame's file comes before a global of another one, as in C. */
static bool has_near_variable(const struct mt_eval *eval, const char *name, struct mt_value *value)
{
	uint64_t pc = eval->world->scope.pc;
	struct mt_line line;

	return has_enclosing(eval, pc, name, value) ||
	       (mt_image_line_at(eval->world->image, pc, &line) && line.file &&
	        has_variable(eval, line.file, name, value));
}

/* ---- Functions and enumerators */

const struct mt_type mt_eval_unknown_function = {
	.kind = MT_TYPE_FUNCTION,
	.name = "<text variable, no debug info>",
};

/* ns::C::C, without parameters. */
static bool names_constructor(const char *name)
{
	const char *last = mt_scope_last_part(name);
	size_t len = strlen(last), before = (size_t)(last - name);

	return before >= len + 2 && !memcmp(last - 2 - len, last, len) &&
	       (before == len + 2 || last[-3 - (ptrdiff_t)len] == ':');
}

/* ns::C means the class, though its constructor may be searched for by that name. */
static bool is_mere_constructor(const struct mt_eval *eval, const char *function, const char *text)
{
	const char *plain = mt_arena_text(eval->arena, function, name_len(function));

	return plain && names_constructor(plain) && !names_constructor(text);
}

/* "a b.c"::f, ns::f or f, as mt_image_locate() takes it. `why`: that several are called so. */
static bool find_function(const struct mt_eval *eval, const char *scope, const char *name,
                          struct mt_error **why, struct mt_value *value)
{
	struct mt_image *image = eval->world->image;
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_location *locations;
	struct mt_symbol symbol;
	struct mt_error *error;
	uint64_t entry;
	bool is_inlined;
	size_t count;

	if (scope && *scope)
		mt_buf_printf(&text, strpbrk(scope, "./ ") ? "'%s'::" : "%s::", scope);
	mt_buf_text(&text, name);
	if (!mt_buf_ok(&text))
		return false;
	error = mt_image_locate_guess(image, text.data, &locations, &count);
	if (error && mt_error_kind(error) == MT_ERR_AMBIGUOUS)
		*why = error;
	else
		mt_error_free(error);
	if (error)
		return false;
	entry = locations[0].entry;
	is_inlined = locations[0].is_inlined;
	mt_locations_free(locations, count);
	if (is_inlined || (mt_image_symbol_at(image, entry, &symbol) && symbol.addr == entry &&
	                   is_mere_constructor(eval, symbol.name, text.data)))
		return false;
	*value = (struct mt_value){ .home = MT_HOME_MEMORY, .addr = entry, .is_function = true };
	value->type = mt_type_of_function(image, value->addr);
	if (!value->type)
		value->type = &mt_eval_unknown_function;
	return true;
}

static bool find_enumerator(const struct mt_eval *eval, const char *scope, const char *name,
                            struct mt_value *value)
{
	struct mt_number number = { .size = 8, .is_signed = true };
	const struct mt_type *type;
	struct mt_error *error;
	int64_t constant;

	if (!mt_enumerator_of_image(eval->world->image, scope && *scope ? scope : NULL, name, &type,
	                            &constant))
		return false;
	number.bits = (uint64_t)constant;
	error = mt_value_of_number(eval->arena, &number, type, value);
	mt_error_free(error);
	return !error;
}

/* ---- What is always there */

static bool find_constant(const struct mt_eval *eval, const char *name, bool *found,
                          struct mt_error **error, struct mt_value *value)
{
	static const struct mt_type nothing = { .kind = MT_TYPE_VOID, .name = "void" };
	struct mt_number zero = { .size = 8 };
	const struct mt_type *type;

	*found = true;
	*error = NULL;
	if (!strcmp(name, "true") || !strcmp(name, "false"))
		*error = mt_eval_integer_of(eval, "bool", *name == 't', value);
	else if (strcmp(name, "NULL") != 0 && strcmp(name, "nullptr") != 0)
		*found = false;
	else if (!(*error = mt_eval_pointer_to(eval, &nothing, &type)))
		*error = mt_value_of_number(eval->arena, &zero, type, value);
	return *found;
}

/* ---- Names, in C's order and gdb's */

/* Nothing is called so: the error that says what is nearly. */
static struct mt_error *with_near_names(const struct mt_eval *eval, const char *scope,
                                        const char *name, struct mt_error *error)
{
	const struct mt_variable_query query = { .scope = scope, .name = name };
	struct mt_variable variable;
	struct mt_error *fuller;

	if (mt_error_kind(error) != MT_ERR_NOT_FOUND)
		return error;
	fuller = mt_variable_find(eval->world->image, &query, &variable);
	if (!fuller)
		return error;
	mt_error_free(error);
	return fuller;
}

static struct mt_error *find_global(const struct mt_eval *eval, const char *scope, const char *name,
                                    struct mt_value *value)
{
	const char *narrowed = scope && *scope ? scope : NULL;
	struct mt_error *error, *ambiguous = NULL;

	if (!scope && eval->world->frame && has_near_variable(eval, name, value))
		return NULL;
	error = find_variable(eval, narrowed, name, value);
	if (!error || mt_error_kind(error) == MT_ERR_AMBIGUOUS)
		return error;
	/* A local of some function must not hide the function of that name. */
	if (find_function(eval, narrowed, name, &ambiguous, value) ||
	    find_enumerator(eval, narrowed, name, value)) {
		mt_error_free(error);
		mt_error_free(ambiguous);
		return NULL;
	}
	if (!ambiguous)
		return with_near_names(eval, narrowed, name, error);
	mt_error_free(error);
	return ambiguous;
}

static struct mt_error *find(const struct mt_eval *eval, const char *scope, const char *name,
                             struct mt_value *value)
{
	struct mt_error *error;
	bool found = false;

	if (!scope)
		MT_TRY(find_local(eval, name, &found, value));
	else if (*scope)
		MT_TRY(find_on_stack(eval, scope, name, &found, value));
	if (found)
		return NULL;
	if (!scope && find_constant(eval, name, &found, &error, value))
		return error;
	if (!eval->world->image)
		return mt_error_new(MT_ERR_NOT_FOUND, "%.60s is not known: there is no program",
		                    name);
	return find_global(eval, scope, name, value);
}

bool mt_eval_has_value(const struct mt_eval *eval, const char *scope, const char *name,
                       struct mt_value *value)
{
	struct mt_error *error = find(eval, scope, name, value);

	mt_error_free(error);
	return !error;
}

/* A place in memory stays where it is until something changes; other values are found anew. */
static void note_place(const struct mt_eval *eval, const struct mt_ast *ast,
                       const struct mt_value *value)
{
	if (eval->tree && eval->world->moment && !eval->only_type &&
	    value->home == MT_HOME_MEMORY && !value->bytes && !value->bit_size)
		mt_binding_note(eval->tree, ast->at, eval->world->moment, value);
}

struct mt_error *mt_eval_name(const struct mt_eval *eval, const struct mt_ast *ast,
                              struct mt_value *value)
{
	struct mt_error *error;

	if (eval->tree && eval->world->moment &&
	    mt_binding_find(eval->tree, ast->at, eval->world->moment, value))
		return NULL;
	error = find(eval, ast->scope, ast->name, value);
	if (!error)
		note_place(eval, ast, value);
	if (!error || ast->scope || !mt_eval_find_type(eval, ast->name))
		return error;
	mt_error_free(error);
	return mt_error_at((long)ast->at, "%.60s is a type, and no value", ast->name);
}

/* ---- $names */

/* "", "$", "$3" and "5" are of the history. */
static bool is_history(const char *name)
{
	name += *name == '$';
	return strspn(name, "0123456789") == strlen(name);
}

/* A variable of the debugger's may be set while its old value is still in use. */
static struct mt_error *keep_apart(const struct mt_eval *eval, const char *name,
                                   struct mt_value *value)
{
	size_t size = (size_t)value->type->size;
	uint8_t *copy;

	if (value->home != MT_HOME_OWN)
		return NULL;
	value->name = name;
	if (!value->bytes)
		return NULL;
	copy = mt_arena_alloc(eval->arena, size);
	if (!copy)
		return mt_error_nomem();
	value->bytes = memcpy(copy, value->bytes, size);
	return NULL;
}

struct mt_error *mt_eval_dollar(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value)
{
	static const struct mt_type nothing = { .kind = MT_TYPE_VOID, .name = "void" };
	const struct mt_world *world = eval->world;
	const struct mt_type *type = mt_register_type(ast->name);

	if (type && !is_history(ast->name)) {
		*value =
		    (struct mt_value){ .type = type, .home = MT_HOME_REGISTER, .name = ast->name };
		return NULL;
	}
	if (world->own_find && world->own_find(world->arg, ast->name, value))
		return keep_apart(eval, ast->name, value);
	if (is_history(ast->name) && *ast->name && *ast->name != '$')
		return mt_error_new(
		    MT_ERR_NOT_FOUND,
		    "there is no value $%.20s: none was printed yet, or it was of a program "
		    "that is gone",
		    ast->name);
	*value = (struct mt_value){ .type = &nothing, .home = MT_HOME_OWN, .name = ast->name };
	return NULL;
}
