/* SPDX-License-Identifier: MIT */
#include "symbol/variable.h"

#include <dwarf.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/vec.h"
#include "symbol/candidate.h"
#include "symbol/demangle.h"
#include "symbol/image_private.h"
#include "symbol/local_die.h"
#include "symbol/scope.h"
#include "symbol/suggest.h"
#include "symbol/symtab.h"
#include "symbol/type_dwarf.h"
#include "symbol/where.h"

#define LISTED_MAX 10

/* How well a candidate answers the query: what C's scopes would choose comes last. */
enum rank {
	RANK_NONE,
	RANK_DECLARED, /* somewhere, and defined nowhere */
	RANK_LOCAL,    /* it can only be told about */
	RANK_INNER,    /* a function's static, or in a namespace that was not written */
	RANK_STATIC,   /* of a file */
	RANK_EXTERNAL,
};

struct search {
	struct mt_image *image;
	const struct mt_variable_query *query;
	const char *last; /* the query's name without qualifiers */
	struct mt_candidates candidates;
};

/* ---- Does it answer the query? ------------------------------------------- */

/* The file that was compiled, or one that it includes: a header is not looked for in the
 * declarations, of which every unit has one. */
static bool in_file(const struct mt_candidate *candidate, const char *scope)
{
	return mt_is_path_end(candidate->unit, scope) ||
	       (candidate->state != MT_VAR_DECLARED &&
	        mt_is_path_end(mt_candidate_file(candidate), scope));
}

static bool in_function(const struct mt_candidate *candidate, const char *scope)
{
	bool exact;

	if (candidate->function && !strcmp(candidate->function, MT_UNNAMED_FUNCTION))
		return !strchr(scope, '.'); /* any function it may be, but no file */
	return candidate->function && mt_scope_matches(candidate->function, scope, &exact);
}

static bool in_namespace(const struct mt_candidate *candidate, const char *scope, const char *name,
                         bool *exact)
{
	struct mt_buf whole MT_AUTO_BUF = { 0 };

	mt_buf_printf(&whole, "%s::%s", scope, name);
	return mt_buf_ok(&whole) && mt_scope_matches(candidate->qualified, whole.data, exact);
}

/* In the scope that the query names: a file, a function, a namespace. */
static bool in_scope(const struct mt_candidate *candidate, const struct mt_variable_query *query,
                     bool *exact)
{
	if (!query->scope)
		return mt_scope_matches(candidate->qualified, query->name, exact);
	if (in_file(candidate, query->scope) || in_function(candidate, query->scope))
		return mt_scope_matches(candidate->qualified, query->name, exact);
	return in_namespace(candidate, query->scope, query->name, exact);
}

/* "f::total" may be the static of a function, written as one name. */
static bool in_written_function(const struct search *search, const struct mt_candidate *candidate)
{
	size_t len = (size_t)(search->last - search->query->name);
	struct mt_buf function MT_AUTO_BUF = { 0 };

	if (search->query->scope || len < 3)
		return false;
	mt_buf_bytes(&function, search->query->name, len - 2);
	return mt_buf_ok(&function) && in_function(candidate, function.data);
}

/* Rust has a program's globals below the name of its crate, which nobody writes. */
static bool in_own_crate(const struct mt_candidate *candidate, const char *name)
{
	Dwarf_Die die = candidate->die, cu;
	const char *inner = strstr(candidate->qualified, "::");

	return candidate->has_die && inner && !strcmp(inner + 2, name) &&
	       dwarf_srclang(dwarf_diecu(&die, &cu, NULL, NULL)) == DW_LANG_Rust;
}

static enum rank rank_of(const struct search *search, const struct mt_candidate *candidate)
{
	bool exact = false;

	if (!in_scope(candidate, search->query, &exact) && !in_written_function(search, candidate))
		return RANK_NONE;
	if (candidate->state == MT_VAR_DECLARED)
		return RANK_DECLARED;
	if (candidate->state == MT_VAR_LOCAL ||
	    (candidate->state == MT_VAR_REGISTER && candidate->function))
		return RANK_LOCAL;
	if (candidate->function || (!exact && !in_own_crate(candidate, search->query->name)))
		return RANK_INNER;
	return candidate->is_external ? RANK_EXTERNAL : RANK_STATIC;
}

/* ---- Choosing ------------------------------------------------------------ */

struct choice {
	enum rank rank;
	const struct mt_candidate *best;
	size_t count; /* of equal ones */
};

/* Of equal ones, a variable that has a place in memory is meant rather than one that has none. Of
 * several external ones, the first module's, as for the dynamic linker. */
static void consider(const struct mt_candidate *candidate, enum rank rank, struct choice *choice)
{
	bool fixed = candidate->state == MT_VAR_FIXED;

	if (rank == RANK_NONE || rank < choice->rank)
		return;
	if (rank == choice->rank) {
		bool best_fixed = choice->best->state == MT_VAR_FIXED;

		if (fixed < best_fixed ||
		    (rank == RANK_EXTERNAL && candidate->module != choice->best->module))
			return;
		if (fixed == best_fixed) {
			choice->count++;
			return;
		}
	}
	*choice = (struct choice){ rank, candidate, 1 };
}

static struct choice choose(const struct search *search)
{
	struct choice choice = { 0 };

	for (size_t i = 0; i < search->candidates.len; i++) {
		const struct mt_candidate *candidate = &search->candidates.data[i];

		consider(candidate, rank_of(search, candidate), &choice);
	}
	return choice;
}

static struct mt_error *gather(struct search *search, const struct mt_module *module)
{
	MT_TRY(mt_candidates_from_dwarf(module, search->last, &search->candidates));
	return mt_candidates_from_elf(module, search->last, &search->candidates);
}

/* A library's DWARF is opened only when its symbols have such a name. */
static struct mt_error *gather_libraries(struct search *search)
{
	const struct mt_module *executable = mt_image_executable(search->image);

	for (size_t i = 0; i < mt_image_module_count(search->image); i++) {
		const struct mt_module *module = mt_image_module(search->image, i);

		if (module != executable && mt_elf_mentions(module, search->last))
			MT_TRY(gather(search, module));
	}
	return NULL;
}

/* Only the module that the scope names. */
static struct mt_error *gather_module(struct search *search, const struct mt_module *module,
                                      struct mt_variable_query *bare)
{
	search->candidates.len = 0;
	*bare = (struct mt_variable_query){ .name = search->query->name };
	search->query = bare;
	return gather(search, module);
}

/* Fills in *bare, which the search keeps, when the scope turns out to be a module. */
static struct mt_error *search_all(struct search *search, struct mt_variable_query *bare,
                                   struct choice *choice)
{
	const struct mt_module *named =
	    search->query->scope ? mt_image_module_named(search->image, search->query->scope)
	                         : NULL;

	MT_TRY(gather(search, mt_image_executable(search->image)));
	*choice = choose(search);
	if (choice->rank > RANK_LOCAL)
		return NULL;
	if (named) {
		MT_TRY(gather_module(search, named, bare));
		*choice = choose(search);
		return NULL;
	}

	size_t own = search->candidates.len;
	bool has_local = choice->rank == RANK_LOCAL;

	MT_TRY(gather_libraries(search));
	*choice = choose(search);
	/* The program's own local is meant, rather than some library's static. */
	if (has_local && choice->rank != RANK_EXTERNAL) {
		search->candidates.len = own;
		*choice = choose(search);
	}
	return NULL;
}

/* ---- Telling why not ----------------------------------------------------- */

static void write_declaration(const struct mt_candidate *candidate, struct mt_buf *text)
{
	const char *file = mt_candidate_file(candidate);

	if (file)
		mt_buf_printf(text, " (%s:%u)", mt_path_tail(file), candidate->line);
}

/* "a.c::count (a.c:3)", "f::count (a.c:9)", "libx.so::count". */
static void write_candidate(const struct mt_candidate *candidate, struct mt_buf *text)
{
	const char *scope = candidate->function ? candidate->function
	                    : candidate->unit   ? mt_path_tail(candidate->unit)
	                                        : candidate->module->name;

	if (!candidate->function && strstr(candidate->qualified, "::"))
		mt_buf_text(text, candidate->qualified);
	else
		mt_buf_printf(text, "%s::%s", scope, candidate->qualified);
	write_declaration(candidate, text);
}

static struct mt_error *ambiguous_error(const struct search *search, const struct choice *choice)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	bool fixed = choice->best->state == MT_VAR_FIXED;
	size_t listed = 0;

	for (size_t i = 0; i < search->candidates.len; i++) {
		const struct mt_candidate *candidate = &search->candidates.data[i];

		if (rank_of(search, candidate) != choice->rank ||
		    fixed != (candidate->state == MT_VAR_FIXED))
			continue;
		if (listed == LISTED_MAX) {
			mt_buf_text(&text, ", ...");
			break;
		}
		mt_buf_text(&text, listed++ ? ", " : "");
		write_candidate(candidate, &text);
	}
	return mt_error_new(MT_ERR_AMBIGUOUS, "%s is ambiguous: %s", search->query->name,
	                    mt_buf_ok(&text) ? text.data : "");
}

static const char *reason(enum mt_var_state state)
{
	switch (state) {
	case MT_VAR_THREAD:
		return "is thread-local: every thread has one of its own, at another address";
	case MT_VAR_REGISTER:
		return "is kept in a register: it has no place in memory";
	case MT_VAR_LOCAL:
		return "is a local variable: it has no fixed address";
	case MT_VAR_CONSTANT:
		return "is a constant: it has no place in memory";
	case MT_VAR_DECLARED:
		return "is only declared: nothing that is loaded defines it";
	default:
		return "has been optimised out: it has no place in memory";
	}
}

static struct mt_error *no_place_error(const struct mt_candidate *candidate)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_buf_text(&text, candidate->qualified);
	if (candidate->function)
		mt_buf_printf(&text, " of %s", candidate->function);
	write_declaration(candidate, &text);
	mt_buf_printf(&text, " %s", reason(candidate->state));
	if (candidate->state == MT_VAR_LOCAL && candidate->function)
		mt_buf_printf(&text, "; %s::%s names that of each call", candidate->function,
		              candidate->qualified);
	return mt_error_new(candidate->state == MT_VAR_DECLARED ? MT_ERR_NOT_FOUND
	                                                        : MT_ERR_UNSUPPORTED,
	                    "%s", mt_buf_ok(&text) ? text.data : candidate->qualified);
}

static struct mt_error *not_found_error(const struct search *search,
                                        const struct mt_variable_query *query)
{
	const struct mt_module *executable = mt_image_executable(search->image);
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_buf_printf(&text, "no variable %s in %s", query->name,
	              query->scope ? query->scope : executable->name);
	if (!mt_module_has_symbols(executable) && !mt_module_has_dwarf(executable))
		mt_buf_printf(&text, "; %s is stripped: it has no symbols", executable->name);
	if (mt_module_note(executable))
		mt_buf_printf(&text, "; %s", mt_module_note(executable));
	if (!query->is_guess)
		mt_suggest_names(executable, search->last, false, &text);
	return mt_error_new(MT_ERR_NOT_FOUND, "%s", mt_buf_ok(&text) ? text.data : query->name);
}

/* ---- The answer ---------------------------------------------------------- */

/* A library's variable that the executable has a copy of: the dynamic linker has everyone use the
 * copy (R_X86_64_COPY). */
static bool find_copy(const struct mt_module *executable, const struct mt_candidate *candidate,
                      uint64_t *addr)
{
	struct mt_symtab *symtab = mt_symtab_of(executable->file);

	if (candidate->module == executable || !candidate->is_external)
		return false;
	for (size_t i = 0; i < symtab->count; i++) {
		struct mt_elf_symbol *symbol = &symtab->symbols[i];

		if (!symbol->is_code && symbol->type == STT_OBJECT &&
		    symbol->binding != STB_LOCAL &&
		    mt_elf_symbol_is(symbol, candidate->qualified)) {
			*addr = symbol->addr + executable->bias;
			return true;
		}
	}
	return false;
}

/* `extern int table[];` leaves the count to the definition, which may be elsewhere. */
static const struct mt_type *type_of(struct mt_image *image, const struct mt_candidate *candidate)
{
	if (!candidate->has_die)
		return mt_type_bytes(image, candidate->size);

	Dwarf_Die die = candidate->die;
	const struct mt_type *type = mt_type_of_attr(candidate->module->file, &die);

	if (!type)
		return NULL;
	mt_type_complete(type);
	if (type->kind == MT_TYPE_ARRAY && !type->count && candidate->size && type->target &&
	    type->target->size)
		return mt_type_array(image, type->target, candidate->size / type->target->size);
	return type;
}

static const struct mt_local_die *local_die_of(const struct mt_candidate *candidate)
{
	Dwarf_Die die = candidate->die, unit;

	return dwarf_diecu(&die, &unit, NULL, NULL)
	           ? mt_local_die_of(candidate->module->file, &unit, &die)
	           : NULL;
}

static struct mt_error *answer(const struct search *search, const struct mt_candidate *candidate,
                               struct mt_variable *variable)
{
	const struct mt_module *executable = mt_image_executable(search->image);
	struct mt_variable found = { .name = candidate->qualified,
		                     .addr = candidate->addr + candidate->module->bias,
		                     .type = type_of(search->image, candidate),
		                     .file = mt_candidate_file(candidate),
		                     .line = candidate->line,
		                     .function = candidate->function,
		                     .module = candidate->module,
		                     .from_elf = !candidate->has_die };

	bool has_place = candidate->state != MT_VAR_CONSTANT && candidate->state != MT_VAR_GONE;

	if (!has_place)
		found.constant = local_die_of(candidate);
	if (!found.type || (!has_place && !found.constant))
		return mt_error_nomem();
	if (find_copy(executable, candidate, &found.addr))
		found.module = executable;
	*variable = found;
	return NULL;
}

static struct mt_error *find(struct search *search, enum mt_var_state wanted,
                             struct mt_variable *variable)
{
	const struct mt_variable_query *query = search->query;
	struct mt_variable_query bare;
	struct choice choice;

	MT_TRY(search_all(search, &bare, &choice));
	/* Of what nothing is left, DWARF still has the type. */
	if (wanted == MT_VAR_CONSTANT && choice.rank != RANK_NONE && choice.best->has_die &&
	    choice.best->state == MT_VAR_GONE)
		wanted = MT_VAR_GONE;
	if (choice.rank == RANK_NONE)
		return not_found_error(search, query);
	if (choice.best->state != wanted && wanted == MT_VAR_THREAD)
		return mt_error_new(MT_ERR_NOT_FOUND, "%s is not thread-local", query->name);
	if (choice.best->state != wanted && wanted == MT_VAR_CONSTANT)
		return mt_error_new(MT_ERR_NOT_FOUND, "%s is no constant", query->name);
	if (choice.best->state != wanted)
		return no_place_error(choice.best);
	/* A class's constant is in every unit that has the class. */
	if (choice.count > 1 && !(wanted == MT_VAR_CONSTANT && choice.best->is_external))
		return ambiguous_error(search, &choice);
	return answer(search, choice.best, variable);
}

static struct mt_error *look_for(struct mt_image *image, const struct mt_variable_query *query,
                                 enum mt_var_state wanted, struct mt_variable *variable)
{
	char *demangled MT_AUTO_FREE = mt_demangle(query->name);
	struct mt_variable_query plain = { .scope = query->scope,
		                           .name = demangled ? demangled : query->name,
		                           .is_guess = query->is_guess };
	struct search search = { .image = image,
		                 .query = &plain,
		                 .last = mt_scope_last_part(plain.name) };
	struct mt_error *error = find(&search, wanted, variable);

	mt_vec_deinit(&search.candidates);
	return error;
}

static struct mt_error *find_variable(struct mt_image *image, const struct mt_variable_query *query,
                                      enum mt_var_state wanted, struct mt_variable *variable)
{
	const struct mt_question question = { .what = MT_ASKED_VARIABLE + (unsigned)wanted,
		                              .scope = query->scope,
		                              .name = query->name,
		                              .is_guess = query->is_guess };
	struct mt_answer answer = { 0 };
	struct mt_error *error;

	if (!mt_memo_get(image->memo, &question, &answer, &error)) {
		error = look_for(image, query, wanted, &answer.variable);
		mt_memo_put(&image->memo, &question, &answer, error);
	}
	MT_TRY(error);
	*variable = answer.variable;
	return NULL;
}

struct mt_error *mt_variable_find(struct mt_image *image, const struct mt_variable_query *query,
                                  struct mt_variable *variable)
{
	return find_variable(image, query, MT_VAR_FIXED, variable);
}

struct mt_error *mt_variable_find_tls(struct mt_image *image, const struct mt_variable_query *query,
                                      struct mt_variable *variable, uint64_t *offset)
{
	MT_TRY(find_variable(image, query, MT_VAR_THREAD, variable));
	*offset = variable->addr - variable->module->bias;
	variable->addr = 0;
	return NULL;
}

struct mt_error *mt_variable_find_constant(struct mt_image *image,
                                           const struct mt_variable_query *query,
                                           struct mt_variable *variable)
{
	MT_TRY(find_variable(image, query, MT_VAR_CONSTANT, variable));
	variable->addr = 0;
	return NULL;
}
