/* SPDX-License-Identifier: MIT */
#include "expr/overload.h"

#include <string.h>

#include "symbol/overload.h"

/* ---- Gathering ------------------------------------------------------------- */

static void add(struct mt_choices *choices, struct mt_choice choice)
{
	/* What several modules have of one function, or of one that each file has its own of, is
	 * one. */
	for (size_t i = 0; i < choices->len && !choice.method; i++)
		if (choices->data[i].entry == choice.entry ||
		    !strcmp(choices->data[i].raw, choice.raw))
			return;
	if (choices->len < MT_CHOICES_MAX)
		choices->data[choices->len++] = choice;
}

static bool take_function(const struct mt_overload *overload, void *arg)
{
	if (overload->type && overload->type->kind == MT_TYPE_FUNCTION)
		add(arg, (struct mt_choice){ .name = overload->name,
		                             .raw = overload->raw,
		                             .type = overload->type,
		                             .entry = overload->entry,
		                             .is_template = overload->is_template });
	return true;
}

void mt_choices_add_functions(const struct mt_eval *eval, const char *name,
                              struct mt_choices *choices)
{
	if (eval->world->image)
		mt_overloads_each(eval->world->image, name, take_function, choices);
}

/* The name that the type itself has, not a typedef of it; NULL: none. */
static const char *own_name(const struct mt_type *type)
{
	while (type->alias_of)
		type = type->alias_of;
	return type->name;
}

/* Cuts the last part off the scope, template arguments and all. False: it was the last one. */
static bool cut_scope(char *scope)
{
	int depth = 0;

	for (size_t at = strlen(scope); at-- > 0;) {
		depth += scope[at] == '>';
		depth -= scope[at] == '<';
		if (depth || at < 1 || scope[at] != ':' || scope[at - 1] != ':')
			continue;
		scope[at - 1] = '\0';
		return true;
	}
	return false;
}

/* Of an inline namespace the one around it is meant too; which are inline nobody needs to know. */
static void add_from_scopes_of(const struct mt_eval *eval, const struct mt_type *type,
                               const char *name, struct mt_choices *choices)
{
	const char *of = own_name(type);
	char *scope = of ? mt_arena_text(eval->arena, of, strlen(of)) : NULL;

	while (scope && cut_scope(scope)) {
		struct mt_buf full MT_AUTO_BUF = { 0 };

		mt_buf_printf(&full, "%s::%s", scope, name);
		if (mt_buf_ok(&full))
			mt_choices_add_functions(eval, full.data, choices);
	}
}

void mt_choices_add_associated(const struct mt_eval *eval, const char *name,
                               const struct mt_value *args, size_t count,
                               struct mt_choices *choices)
{
	for (size_t i = 0; i < count; i++) {
		const struct mt_type *type = args[i].type;

		while ((type->kind == MT_TYPE_POINTER || type->kind == MT_TYPE_ARRAY) &&
		       type->target)
			type = type->target;
		if (mt_is_overloadable(type))
			add_from_scopes_of(eval, type, name, choices);
	}
}

static bool take_method(const struct mt_type *owner, const struct mt_method *method, void *arg)
{
	if (method->type && !method->is_deleted)
		add(arg, (struct mt_choice){ .name = method->name,
		                             .type = method->type,
		                             .owner = owner,
		                             .method = method });
	return true;
}

void mt_choices_add_methods(const struct mt_type *type, const char *name,
                            struct mt_choices *choices)
{
	if (type->kind != MT_TYPE_STRUCT && type->kind != MT_TYPE_UNION)
		return;
	mt_type_complete(type);
	mt_type_methods(type, name, take_method, choices);
}

/* ---- How well an argument fits a parameter (C++17, 16.3.3) ------------------ */

/* From the best on; an added qualifier counts a little. */
enum {
	RANK_EXACT = 0,
	RANK_QUALIFIED = 1,
	RANK_PROMOTED = 10,
	RANK_CONVERTED = 20,
	RANK_DERIVED = 21, /* and one more for each class in between */
	RANK_VOID = 90,
	RANK_TO_BOOL = 95,
	RANK_ANYTHING = 100, /* `...` */
	RANK_NONE = 1000,
};

static bool is_class(const struct mt_type *type)
{
	return type->kind == MT_TYPE_STRUCT || type->kind == MT_TYPE_UNION;
}

static bool is_lvalue(const struct mt_value *value)
{
	return value->home != MT_HOME_NOWHERE;
}

/* More than any class has; damaged DWARF may derive one from itself. */
enum { MAX_BASES = 200 };

/* How many classes lie between; -1: `base` is no base of it. */
static int base_distance(const struct mt_type *type, const struct mt_type *base,
                         unsigned *bases_left)
{
	const struct mt_class *class = mt_type_class(type);

	for (size_t i = 0; class && i < class->base_count && *bases_left; i++) {
		int inner;

		--*bases_left;
		if (mt_type_same(class->bases[i].type, base))
			return 0;
		inner = base_distance(class->bases[i].type, base, bases_left);
		if (inner >= 0)
			return inner + 1;
	}
	return -1;
}

static int rank_class(const struct mt_type *from, const struct mt_type *to)
{
	unsigned bases_left = MAX_BASES;
	int distance;

	if (mt_type_same(from, to))
		return RANK_EXACT;
	if (!is_class(from) || !is_class(to))
		return RANK_NONE;
	distance = base_distance(from, to, &bases_left);
	return distance < 0 ? RANK_NONE : RANK_DERIVED + distance;
}

static bool is_null_constant(const struct mt_ast *ast)
{
	return (ast->kind == MT_AST_NUMBER && !ast->number.type.is_float && !ast->number.name &&
	        !ast->number.integer) ||
	       (ast->kind == MT_AST_NAME && !ast->scope &&
	        (!strcmp(ast->name, "NULL") || !strcmp(ast->name, "nullptr")));
}

static int rank_pointer(const struct mt_value *arg, const struct mt_ast *ast,
                        const struct mt_type *to)
{
	const struct mt_type *from =
	    arg->type->kind == MT_TYPE_FUNCTION ? arg->type : arg->type->target;
	const struct mt_type *target = to->target;
	bool drops = from && target && (from->qualifiers & ~target->qualifiers & MT_QUAL_CONST);
	int rank;

	if (is_null_constant(ast))
		return RANK_CONVERTED;
	if (arg->type->kind != MT_TYPE_POINTER && arg->type->kind != MT_TYPE_ARRAY &&
	    arg->type->kind != MT_TYPE_FUNCTION)
		return RANK_NONE;
	if (drops)
		return RANK_NONE;
	if (!target || target->kind == MT_TYPE_VOID)
		return from && from->kind != MT_TYPE_VOID ? RANK_VOID : RANK_EXACT;
	rank = from ? rank_class(from, target) : RANK_NONE;
	return rank +
	       (rank < RANK_NONE && target->qualifiers != from->qualifiers ? RANK_QUALIFIED : 0);
}

/* An int holds it, or it is a float (C++17, 7.6 and 7.7). */
static bool is_promotion(const struct mt_type *from, const struct mt_type *to)
{
	if (from->kind == MT_TYPE_FLOAT)
		return from->size == 4 && to->kind == MT_TYPE_FLOAT && to->size == 8;
	if (from->kind == MT_TYPE_ENUM)
		return to->kind == MT_TYPE_INT && to->size == from->size && to->size >= 4 &&
		       to->is_signed == from->is_signed;
	return from->size < 4 && to->kind == MT_TYPE_INT && to->size == 4 && to->is_signed;
}

static int rank_scalar(const struct mt_value *arg, const struct mt_ast *ast,
                       const struct mt_type *to)
{
	const struct mt_type *from = arg->type;
	bool is_address = from->kind == MT_TYPE_POINTER || from->kind == MT_TYPE_ARRAY ||
	                  from->kind == MT_TYPE_FUNCTION;

	if (to->kind == MT_TYPE_POINTER)
		return rank_pointer(arg, ast, to);
	if (mt_type_same(from, to))
		return RANK_EXACT;
	if (to->kind == MT_TYPE_BOOL && is_address)
		return RANK_TO_BOOL;
	if (to->kind == MT_TYPE_ENUM || (from->kind == MT_TYPE_ENUM && from->is_scoped) ||
	    is_address || !mt_type_is_scalar(from))
		return RANK_NONE;
	return is_promotion(from, to) ? RANK_PROMOTED : RANK_CONVERTED;
}

static int rank_value(const struct mt_value *arg, const struct mt_ast *ast,
                      const struct mt_type *to)
{
	if (mt_type_is_scalar(to))
		return rank_scalar(arg, ast, to);
	return rank_class(arg->type, to);
}

/* A reference that may change what it refers to takes no mere value, and an && nothing else. */
static int rank_reference(const struct mt_value *arg, const struct mt_ast *ast,
                          const struct mt_type *to)
{
	const struct mt_type *target = to->target;
	bool is_const = target->qualifiers & MT_QUAL_CONST;
	bool was_const = arg->type->qualifiers & MT_QUAL_CONST;
	int rank = rank_class(arg->type, target);

	if (to->is_rvalue ? is_lvalue(arg) : !is_const && !is_lvalue(arg))
		return RANK_NONE;
	if (was_const && !is_const)
		return RANK_NONE;
	/* What it does not refer to directly is made for it. */
	if (rank == RANK_NONE && (is_const || to->is_rvalue))
		return rank_value(arg, ast, target);
	return rank + (rank < RANK_NONE && is_const && !was_const ? RANK_QUALIFIED : 0);
}

static int rank_argument(const struct mt_value *arg, const struct mt_ast *ast,
                         const struct mt_type *to)
{
	mt_type_complete(to);
	if (to->kind == MT_TYPE_POINTER && to->is_reference && to->target)
		return rank_reference(arg, ast, to);
	return rank_value(arg, ast, to);
}

/* ---- Choosing --------------------------------------------------------------- */

struct ranks {
	int of[64 + 1]; /* of the object, and of each argument */
	bool fits;
};

static bool has_this(const struct mt_choice *choice)
{
	return choice->method && !choice->method->is_static;
}

static int rank_object(const struct mt_choice *choice, const struct mt_value *object)
{
	const struct mt_type *this = choice->type->param_count ? choice->type->params[0] : NULL;
	bool is_const = object->type->qualifiers & MT_QUAL_CONST;

	if (!has_this(choice))
		return RANK_EXACT;
	if (!this || !this->target)
		return RANK_NONE;
	if (is_const && !(this->target->qualifiers & MT_QUAL_CONST))
		return RANK_NONE;
	return !is_const && this->target->qualifiers & MT_QUAL_CONST ? RANK_QUALIFIED : RANK_EXACT;
}

static void rank_choice(const struct mt_choice *choice, const struct mt_callee *callee,
                        struct ranks *ranks)
{
	size_t first = has_this(choice), wanted = choice->type->param_count - first;

	ranks->fits = false;
	if (choice->type->param_count < first || callee->arg_count < wanted ||
	    (callee->arg_count > wanted && !choice->type->is_varargs))
		return;
	ranks->of[0] = callee->object ? rank_object(choice, callee->object) : RANK_EXACT;
	for (size_t i = 0; i < callee->arg_count; i++)
		ranks->of[i + 1] = i < wanted ? rank_argument(&callee->args[i], callee->arg_asts[i],
		                                              choice->type->params[i + first])
		                              : RANK_ANYTHING;
	ranks->fits = true;
	for (size_t i = 0; i <= callee->arg_count; i++)
		if (ranks->of[i] >= RANK_NONE)
			ranks->fits = false;
}

/* No argument fits worse, and one fits better; or the other one is but a template's (16.3.3). */
static bool is_better(const struct ranks *a, const struct mt_choice *a_choice,
                      const struct ranks *b, const struct mt_choice *b_choice, size_t count)
{
	bool better = false;

	for (size_t i = 0; i <= count; i++) {
		if (a->of[i] > b->of[i])
			return false;
		better = better || a->of[i] < b->of[i];
	}
	return better || (b_choice->is_template && !a_choice->is_template);
}

static void append_choice(const struct mt_choice *choice, struct mt_buf *text)
{
	size_t first = has_this(choice);

	mt_buf_printf(text, "%.*s(", (int)strcspn(choice->name, "(<"), choice->name);
	for (size_t i = first; i < choice->type->param_count; i++) {
		mt_buf_text(text, i > first ? ", " : "");
		mt_type_format(choice->type->params[i], text);
	}
	mt_buf_text(text, choice->type->is_varargs ? ", ...)" : ")");
}

enum { SHOWN_MAX = 8 };

static struct mt_error *ambiguous(const struct mt_choices *choices, const struct ranks *ranks,
                                  const struct mt_callee *callee)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	unsigned shown = 0;

	for (size_t i = 0; i < choices->len && shown < SHOWN_MAX; i++) {
		if (!ranks[i].fits)
			continue;
		mt_buf_text(&text, shown++ ? ", " : "");
		append_choice(&choices->data[i], &text);
	}
	if (!mt_buf_ok(&text))
		return mt_error_nomem();
	return mt_error_at((long)callee->ast->at, "this may mean any of: %s; a cast tells",
	                   text.data);
}

struct mt_error *mt_no_choice(const struct mt_choices *choices, const struct mt_callee *callee,
                              const char *name)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	for (size_t i = 0; i < choices->len && i < SHOWN_MAX; i++) {
		mt_buf_text(&text, i ? ", " : "");
		append_choice(&choices->data[i], &text);
	}
	if (!mt_buf_ok(&text))
		return mt_error_nomem();
	if (!choices->len)
		return mt_error_at((long)callee->ast->at, "there is no %.80s", name);
	return mt_error_at((long)callee->ast->at, "no %.80s takes these arguments; there is %s",
	                   name, text.data);
}

struct mt_error *mt_choose(const struct mt_eval *eval, const struct mt_choices *choices,
                           const struct mt_callee *callee, const struct mt_choice **chosen)
{
	struct ranks *ranks = mt_arena_alloc(eval->arena, (choices->len + 1) * sizeof(*ranks));
	size_t best = SIZE_MAX;

	if (!ranks)
		return mt_error_nomem();
	for (size_t i = 0; i < choices->len; i++) {
		rank_choice(&choices->data[i], callee, &ranks[i]);
		if (ranks[i].fits &&
		    (best == SIZE_MAX || is_better(&ranks[i], &choices->data[i], &ranks[best],
		                                   &choices->data[best], callee->arg_count)))
			best = i;
	}
	*chosen = NULL;
	if (best == SIZE_MAX)
		return NULL;
	for (size_t i = 0; i < choices->len; i++)
		if (i != best && ranks[i].fits &&
		    !is_better(&ranks[best], &choices->data[best], &ranks[i], &choices->data[i],
		               callee->arg_count))
			return ambiguous(choices, ranks, callee);
	*chosen = &choices->data[best];
	return NULL;
}
