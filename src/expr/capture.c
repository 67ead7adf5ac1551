/* SPDX-License-Identifier: MIT */
#include "expr/capture.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "expr/cond_internal.h"
#include "expr/parser.h"

/* Types may hold themselves, in hostile debug information. */
#define DEPTH_MAX 8
#define PARTS_MAX 1024

struct owned {
	struct mt_capture capture;
	struct mt_arena arena;
};

static void owned_destroy(struct owned *owned)
{
	if (!owned)
		return;
	mt_arena_deinit(&owned->arena);
	free(owned);
}

MT_DEFINE_CLEANUP(owned, struct owned, owned_destroy)

/* ---- What cannot be had while the program runs ------------------------------------------- */

static const char *why_not(const struct mt_ast *ast)
{
	switch (ast->kind) {
	case MT_AST_ASSIGN:
	case MT_AST_UPDATE:
	case MT_AST_BEFORE:
	case MT_AST_AFTER:
		return "what is shown with a hit changes nothing in the program";
	case MT_AST_CALL:
		return mt_cond_is_comparison(ast) || ast->a->kind == MT_AST_REGISTER
		           ? NULL
		           : "the program is not stopped at a hit: no function can be called";
	case MT_AST_COMMA:
		return "one expression at a time: --print may be given again";
	case MT_AST_STRING:
	case MT_AST_SIZEOF:
	case MT_AST_ALIGNOF:
		return "this is the same at each hit";
	case MT_AST_ENTRY:
		return "only a debugger tells what a function was called with";
	case MT_AST_REPEAT:
	case MT_AST_SLICE:
		return "an array of one's own making, as in x@8, is shown as a whole only";
	default:
		return NULL;
	}
}

static struct mt_error *refuse(const struct mt_ast *ast)
{
	const char *why = ast ? why_not(ast) : NULL;

	if (!ast)
		return NULL;
	if (why)
		return mt_error_at((long)ast->at, "%s", why);
	if (ast->kind == MT_AST_CALL)
		return NULL; /* strcmp(): its arguments are checked where it is typed */
	MT_TRY(refuse(ast->a));
	MT_TRY(refuse(ast->b));
	return refuse(ast->c);
}

/* ---- The value's type ---------------------------------------------------------------------- */

static const struct mt_type *type_of_number(const struct mt_cond_typer *typer,
                                            struct mt_arith arith)
{
	bool is_long = typer->machine != MT_MACHINE_I386;
	const char *name;

	if (arith.size == 1)
		name = arith.is_signed ? "char" : "unsigned char";
	else if (arith.size == 2)
		name = arith.is_signed ? "short" : "unsigned short";
	else if (arith.size == 4)
		name = arith.is_signed ? "int" : "unsigned int";
	else if (is_long)
		name = arith.is_signed ? "long" : "unsigned long";
	else
		name = arith.is_signed ? "long long" : "unsigned long long";
	return mt_type_base_of(typer->machine, name);
}

static struct mt_error *take_number(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                    const struct mt_cond_place *place, struct mt_capture *capture)
{
	const struct mt_cond_typed *value = &place->value;
	/* A bit-field may be of a type that is wider than it. */
	bool has_type = place->type && place->type->size <= sizeof(uint64_t);

	capture->is_number = true;
	capture->node = value->node;
	capture->type = place->type;
	if (value->is_pointer && (!place->type || place->type->kind != MT_TYPE_POINTER))
		capture->type = mt_type_pointer(
		    typer->image, value->pointer ? value->pointer : mt_type_base("void"));
	else if (!has_type && !value->node->type.is_float)
		capture->type = type_of_number(typer, value->node->type);
	if (mt_cond_node_has_floats(value->node))
		return mt_error_at((long)ast->start,
		                   "the kernel has no floating point arithmetic: show the parts");
	return capture->type ? NULL : mt_error_nomem();
}

static struct mt_error *take_place(const struct mt_ast *ast, const struct mt_cond_place *place,
                                   struct mt_capture *capture)
{
	capture->node = place->addr;
	capture->type = place->type;
	if (mt_cond_node_has_floats(place->addr))
		return mt_error_at((long)ast->start,
		                   "the kernel has no floating point arithmetic: show the parts");
	return NULL;
}

/* x@8: `count` elements from the place on. */
static struct mt_error *repeat(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                               struct mt_cond_place *place)
{
	const struct mt_cond_node *count;

	MT_TRY(mt_cond_type(typer, ast->b, &count));
	if (count->op != MT_OP_CONST || !count->u.constant ||
	    count->u.constant > MT_CAPTURE_SIZE_MAX)
		return mt_error_at((long)ast->b->start,
		                   "the number of elements is a constant from 1 to %d",
		                   MT_CAPTURE_SIZE_MAX);
	if (!place->addr)
		return mt_error_at((long)ast->a->start, "%.*s does not lie in memory",
		                   MT_SOURCE(typer->text, ast->a));
	place->type = mt_type_array(typer->image, place->type, count->u.constant);
	return place->type ? NULL : mt_error_nomem();
}

static struct mt_error *check_size(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                   struct mt_capture *capture)
{
	mt_type_complete(capture->type);
	if (!capture->type->size)
		return mt_error_at((long)ast->start, "the size of %.*s is not known",
		                   MT_SOURCE(typer->text, ast));
	if (capture->type->size > MT_CAPTURE_SIZE_MAX)
		return mt_error_at((long)ast->start,
		                   "%.*s has %llu bytes, and %d at most are captured at a hit: "
		                   "name a member, an element, or some (x[0]@8)",
		                   MT_SOURCE(typer->text, ast),
		                   (unsigned long long)capture->type->size, MT_CAPTURE_SIZE_MAX);
	capture->size = (uint32_t)capture->type->size;
	capture->word = mt_machine_word(typer->machine);
	return NULL;
}

/* ---- Text behind pointers ------------------------------------------------------------------ */

struct text_search {
	struct mt_capture *capture;
	unsigned parts; /* met so far */
};

static bool points_to_text(const struct mt_type *type)
{
	const struct mt_type *target = type->kind == MT_TYPE_POINTER ? type->target : NULL;

	return target && !type->is_reference && target->kind == MT_TYPE_CHAR && target->size == 1;
}

static void find_texts(struct text_search *search, const struct mt_type *type, uint64_t at,
                       int depth)
{
	struct mt_capture *capture = search->capture;

	if (depth == DEPTH_MAX || search->parts++ == PARTS_MAX ||
	    capture->text_count == MT_CAPTURE_TEXTS_MAX || at + type->size > capture->size ||
	    (type->kind == MT_TYPE_POINTER && type->size != capture->word))
		return;
	if (points_to_text(type)) {
		capture->texts[capture->text_count++] = (uint32_t)at;
		return;
	}
	mt_type_complete(type);
	if (type->kind == MT_TYPE_ARRAY && type->target && type->target->size)
		for (uint64_t i = 0; i < type->count && i < MT_CAPTURE_TEXTS_MAX; i++)
			find_texts(search, type->target, at + i * type->target->size, depth + 1);
	if (type->kind != MT_TYPE_STRUCT)
		return;
	for (size_t i = 0; i < type->member_count; i++)
		if (type->members[i].type && !type->members[i].bit_size)
			find_texts(search, type->members[i].type, at + type->members[i].offset,
			           depth + 1);
}

/* ---- Compiling ----------------------------------------------------------------------------- */

static struct mt_error *take_value(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                   struct mt_capture *capture)
{
	const struct mt_ast *whole = ast->kind == MT_AST_REPEAT ? ast->a : ast;
	struct mt_cond_place place = { 0 };
	struct text_search search = { .capture = capture };

	MT_TRY(refuse(whole));
	MT_TRY(mt_cond_place(typer, whole, &place));
	if (ast != whole)
		MT_TRY(repeat(typer, ast, &place));
	MT_TRY(place.addr ? take_place(whole, &place, capture)
	                  : take_number(typer, whole, &place, capture));
	MT_TRY(check_size(typer, ast, capture));
	capture->is_watched = mt_cond_node_uses(capture->node, MT_OP_OLD) ||
	                      mt_cond_node_uses(capture->node, MT_OP_NEW);
	find_texts(&search, capture->type, 0, 0);
	return NULL;
}

struct mt_error *mt_capture_compile(const struct mt_cond_scope *scope, const char *text,
                                    struct mt_capture **capture)
{
	struct owned *made MT_CLEANUP(owned_cleanup) = mt_alloc(sizeof(*made));
	struct mt_arena trees MT_AUTO_ARENA = { 0 };
	const struct mt_ast *ast;

	if (!made)
		return mt_error_nomem();
	made->capture.expr = mt_arena_text(&made->arena, text, strlen(text));
	if (!made->capture.expr)
		return mt_error_nomem();

	const struct mt_cond_typer typer = { .machine = scope->machine,
		                             .text = made->capture.expr,
		                             .watched = scope->watched,
		                             .image = scope->image,
		                             .pc = scope->pc,
		                             .frame_memory = scope->frame_memory,
		                             .arena = &made->arena };

	MT_TRY(mt_cond_parse(&typer, &trees, &ast));
	MT_TRY(take_value(&typer, ast, &made->capture));
	*capture = &MT_TAKE(made)->capture;
	return NULL;
}

void mt_capture_destroy(struct mt_capture *capture)
{
	owned_destroy((struct owned *)capture); /* its first member */
}

/* ---- In the kernel's place ----------------------------------------------------------------- */

/* Remembers what could not be read. */
struct reading {
	const struct mt_cond_input *input;
	uint64_t unread;
	bool failed;
};

static struct mt_error *read_noting(void *arg, uint64_t addr, void *out, size_t len)
{
	struct reading *reading = arg;
	struct mt_error *error = reading->input->read(reading->input->arg, addr, out, len);

	if (error && !reading->failed) {
		reading->failed = true;
		reading->unread = addr;
	}
	return error;
}

/* A byte at a time: text may end where memory does. */
static void take_text(const struct mt_cond_input *input, uint64_t addr,
                      struct mt_captured_text *text)
{
	text->len = 0;
	while (text->len < MT_CAPTURE_TEXT_LEN) {
		char *to = &text->bytes[text->len];
		struct mt_error *error = input->read(input->arg, addr + (uint64_t)text->len, to, 1);

		mt_error_free(error);
		if (error) {
			text->len = -1;
			return;
		}
		text->len++;
		if (!*to)
			return;
	}
	text->bytes[text->len++] = '\0';
}

static void take_texts(const struct mt_capture *capture, const struct mt_cond_input *input,
                       uint8_t *value)
{
	struct mt_captured_text *text =
	    (struct mt_captured_text *)(value + mt_capture_value_room(capture));

	for (size_t i = 0; i < capture->text_count; i++) {
		uint64_t addr = 0;

		memcpy(&addr, value + capture->texts[i], capture->word);
		take_text(input, addr, &text[i]);
	}
}

void mt_capture_take(const struct mt_capture *capture, const struct mt_cond_input *input,
                     struct mt_captured *captured)
{
	struct reading reading = { .input = input };
	struct mt_cond_input noting = *input;
	uint8_t *value = (uint8_t *)(captured + 1);
	uint64_t bits;

	memset(captured, 0, mt_capture_room(capture));
	noting.read = read_noting;
	noting.arg = &reading;
	bits = mt_cond_eval_int(capture->node, &noting);
	if (capture->is_number)
		memcpy(value, &bits, capture->size);
	else if (!reading.failed)
		mt_error_free(read_noting(&reading, bits, value, capture->size));
	captured->addr = reading.failed ? reading.unread : capture->is_number ? 0 : bits;
	captured->state = reading.failed ? MT_CAPTURE_UNREAD : MT_CAPTURE_READ;
	if (!reading.failed)
		take_texts(capture, input, value);
}
