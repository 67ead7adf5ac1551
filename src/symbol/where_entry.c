/* SPDX-License-Identifier: MIT */
/* What a function was called with, by what its caller says of the call: DWARF 5 section 3.4. */
#include <dwarf.h>
#include <string.h>

#include "symbol/die.h"
#include "symbol/function.h"
#include "symbol/where_private.h"

/* The caller, and the DIE of the call in it. */
struct call {
	struct mt_where_frame frame;
	struct mt_regs regs;
	struct mt_where_scope scope;
	Dwarf_Die function, site;
};

static struct mt_error *unknown(void)
{
	return mt_error_new(MT_ERR_UNSUPPORTED, "what the function was called with is not known");
}

static bool is_call_site(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_call_site || tag == DW_TAG_GNU_call_site;
}

/* GNU's form had the return address as DW_AT_low_pc. */
static bool returns_to(Dwarf_Die *site, uint64_t addr)
{
	Dwarf_Attribute attr;
	Dwarf_Addr found;

	return (dwarf_formaddr(dwarf_attr(site, DW_AT_call_return_pc, &attr), &found) == 0 ||
	        dwarf_formaddr(dwarf_attr(site, DW_AT_low_pc, &attr), &found) == 0) &&
	       found == addr;
}

static bool is_tail_call(Dwarf_Die *site)
{
	return mt_die_flag(site, DW_AT_call_tail_call) || mt_die_flag(site, DW_AT_GNU_tail_call);
}

static bool site_in(Dwarf_Die *scope, uint64_t return_addr, Dwarf_Die *site)
{
	Dwarf_Die child;

	if (!mt_die_child(scope, &child))
		return false;
	do {
		if (is_call_site(&child) && !is_tail_call(&child) &&
		    returns_to(&child, return_addr)) {
			*site = child;
			return true;
		}
	} while (mt_die_sibling(&child, &child));
	return false;
}

/* A call stands in the block that it is made in. */
static bool find_site(struct call *call, uint64_t addr)
{
	Dwarf_Die scopes[MT_SCOPES_MAX];
	size_t count = mt_function_scopes(&call->function, addr, scopes);

	for (size_t i = count; i > 0; i--)
		if (site_in(&scopes[i - 1], addr + 1, &call->site))
			return true;
	return site_in(&call->function, addr + 1, &call->site);
}

/* ---- Whether the call is the one that led here --------------------------- */

static bool same_name(Dwarf_Die *a, Dwarf_Die *b)
{
	static const unsigned names[] = { DW_AT_linkage_name, DW_AT_name };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		Dwarf_Attribute first, second;
		const char *one = dwarf_formstring(dwarf_attr_integrate(a, names[i], &first));
		const char *other = dwarf_formstring(dwarf_attr_integrate(b, names[i], &second));

		if (one && other)
			return !strcmp(one, other);
	}
	return false;
}

/* `target` is the function itself, its abstract instance, or a declaration of it. */
static bool is_function(Dwarf_Die *function, Dwarf_Die *target)
{
	Dwarf_Die origin;

	return target->addr == function->addr ||
	       (mt_die_target(function, DW_AT_abstract_origin, &origin) &&
	        origin.addr == target->addr) ||
	       (mt_die_flag(target, DW_AT_declaration) && same_name(function, target));
}

static bool site_target(Dwarf_Die *site, Dwarf_Die *target)
{
	return mt_die_target(site, DW_AT_call_origin, target) ||
	       mt_die_target(site, DW_AT_abstract_origin, target);
}

/* Where a call through a pointer goes, as far as the caller can still tell. */
static bool target_address(struct call *call, uint64_t *addr)
{
	struct mt_typed value;
	Dwarf_Attribute attr;
	struct mt_error *error;

	if (!dwarf_attr(&call->site, DW_AT_call_target, &attr) &&
	    !dwarf_attr(&call->site, DW_AT_GNU_call_site_target, &attr))
		return false;
	call->scope.cu = attr.cu;
	error = mt_where_attr_value(&call->scope, &attr, &value);
	mt_error_free(error);
	if (error)
		return false;
	*addr = (uint64_t)mt_typed_integer(&value);
	return true;
}

/* Otherwise the function that was called has ended in a jump to this one, with other arguments. */
static bool calls(struct call *call, const struct mt_where_scope *scope, Dwarf_Die *function)
{
	Dwarf_Die target;
	Dwarf_Addr entry;
	uint64_t addr;

	if (site_target(&call->site, &target))
		return is_function(function, &target);
	return dwarf_entrypc(function, &entry) == 0 && target_address(call, &addr) &&
	       addr == entry + scope->bias;
}

/* Whether a function may jump to its own beginning, with other arguments than it was called with.
 */
static bool calls_itself_at_end(Dwarf_Die *function, Dwarf_Die *scope, int depth)
{
	Dwarf_Die child, target;

	if (depth == MT_SCOPES_MAX || !mt_die_child(scope, &child))
		return false;
	do {
		int tag = dwarf_tag(&child);

		if (is_call_site(&child) && is_tail_call(&child) &&
		    (!site_target(&child, &target) || is_function(function, &target)))
			return true;
		if ((tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) &&
		    calls_itself_at_end(function, &child, depth + 1))
			return true;
	} while (mt_die_sibling(&child, &child));
	return false;
}

static struct mt_error *enter_caller(const struct mt_where_scope *scope, struct call *call)
{
	const struct mt_where_frame *frame = scope->frame;
	const struct mt_module *module;
	Dwarf_Die unit, function;

	if (!frame->caller || !frame->caller(frame->arg, frame, &call->frame) || !call->frame.regs)
		return unknown();
	call->regs = *call->frame.regs; /* it is lent until a caller is asked for again */
	call->frame.regs = &call->regs;
	module = mt_image_module_at(call->frame.image, call->frame.pc);
	call->scope = (struct mt_where_scope){ .frame = &call->frame,
		                               .depth = scope->depth,
		                               .steps = scope->steps };
	if (!module || !mt_function_die_at(module->file, call->frame.pc - module->bias,
	                                   &call->scope.unit, &call->function))
		return unknown();
	call->scope.file = module->file;
	call->scope.module = module;
	call->scope.bias = module->bias;
	if (!find_site(call, call->frame.pc - module->bias) ||
	    !mt_function_die_at(scope->file, frame->pc - scope->bias, &unit, &function) ||
	    !calls(call, scope, &function) || calls_itself_at_end(&function, &function, 0))
		return unknown();
	return NULL;
}

/* ---- The parameter ------------------------------------------------------- */

/* Whether the expression is no more than a register, perhaps as a value of some type. */
static bool is_register(const struct mt_cfi_span *expression, uint64_t *reg)
{
	struct mt_cfi_reader in = mt_cfi_reader_of(*expression);
	uint64_t op = mt_cfi_read_uint(&in, 1);

	if (op >= DW_OP_reg0 && op <= DW_OP_reg31)
		*reg = op - DW_OP_reg0;
	else if (op == DW_OP_regx || op == DW_OP_regval_type || op == DW_OP_GNU_regval_type)
		*reg = mt_cfi_read_uleb(&in);
	else
		return false;
	if (op == DW_OP_regval_type || op == DW_OP_GNU_regval_type)
		mt_cfi_read_uleb(&in);
	return !in.failed && !mt_cfi_left(&in);
}

static bool has_location(Dwarf_Die *parameter, const struct mt_cfi_span *expression)
{
	struct mt_cfi_span own;
	Dwarf_Attribute attr;
	Dwarf_Block block;
	uint64_t reg, wanted;

	if (dwarf_formblock(dwarf_attr(parameter, DW_AT_location, &attr), &block) != 0)
		return false;
	own = (struct mt_cfi_span){ block.data, block.length };
	if (is_register(&own, &reg) && is_register(expression, &wanted))
		return reg == wanted;
	return own.len == expression->len && !memcmp(own.bytes, expression->bytes, own.len);
}

static bool is_of(Dwarf_Die *parameter, const Dwarf_Die *wanted)
{
	Dwarf_Die target, origin, own = *wanted;

	if (!mt_die_target(parameter, DW_AT_call_parameter, &target) &&
	    !mt_die_target(parameter, DW_AT_abstract_origin, &target))
		return false;
	return target.addr == wanted->addr ||
	       (mt_die_target(&own, DW_AT_abstract_origin, &origin) && origin.addr == target.addr);
}

static bool find_parameter(Dwarf_Die *site, const struct mt_cfi_span *expression,
                           const Dwarf_Die *wanted, Dwarf_Die *found)
{
	Dwarf_Die child;

	if (!mt_die_child(site, &child))
		return false;
	do {
		int tag = dwarf_tag(&child);

		if (tag != DW_TAG_call_site_parameter && tag != DW_TAG_GNU_call_site_parameter)
			continue;
		if (expression ? has_location(&child, expression) : is_of(&child, wanted)) {
			*found = child;
			return true;
		}
	} while (mt_die_sibling(&child, &child));
	return false;
}

struct mt_error *mt_where_entry_value(const struct mt_where_scope *scope,
                                      const struct mt_cfi_span *expression,
                                      const Dwarf_Die *parameter, struct mt_typed *value)
{
	struct call call;
	Dwarf_Die found;
	Dwarf_Attribute attr;

	MT_TRY(mt_where_charge(scope, MT_WHERE_STEPS / 50));
	MT_TRY(enter_caller(scope, &call));
	if (!find_parameter(&call.site, expression, parameter, &found) ||
	    (!dwarf_attr(&found, DW_AT_call_value, &attr) &&
	     !dwarf_attr(&found, DW_AT_GNU_call_site_value, &attr)))
		return unknown();
	call.scope.cu = attr.cu;
	return mt_where_attr_value(&call.scope, &attr, value);
}

/* ---- A parameter by itself ----------------------------------------------- */

/* Whether it is the function's own, and of nothing that is inlined there. */
static bool is_own(Dwarf_Die *function, const Dwarf_Die *parameter)
{
	Dwarf_Die child;

	if (!mt_die_child(function, &child))
		return false;
	do {
		if (child.addr == parameter->addr)
			return dwarf_tag(&child) == DW_TAG_formal_parameter;
	} while (mt_die_sibling(&child, &child));
	return false;
}

/* The expression for where the parameter is at the function's first instruction. */
static struct mt_error *place_at_entry(const struct mt_where_scope *scope, Dwarf_Die *parameter,
                                       struct mt_cfi_span *expression)
{
	struct mt_where_frame entered = *scope->frame;
	struct mt_where_scope at_entry = *scope;
	Dwarf_Die unit, function;
	Dwarf_Attribute attr;
	Dwarf_Addr entry;
	uint64_t reg;

	if (!mt_function_die_at(scope->file, entered.pc - scope->bias, &unit, &function) ||
	    !is_own(&function, parameter) || dwarf_entrypc(&function, &entry) != 0 ||
	    !dwarf_attr_integrate(parameter, DW_AT_location, &attr))
		return unknown();
	entered.pc = entry + scope->bias;
	entered.uses = NULL; /* that place is the same wherever the frame stands */
	at_entry.frame = &entered;
	at_entry.cu = attr.cu;
	MT_TRY(mt_where_expression(&at_entry, &attr, expression));
	return is_register(expression, &reg) ? NULL : unknown();
}

struct mt_error *mt_where_at_entry(const struct mt_where_frame *frame, const struct mt_local *local,
                                   struct mt_where *where)
{
	struct mt_where_piece piece = { .kind = MT_WHERE_VALUE };
	unsigned steps = MT_WHERE_STEPS;
	struct mt_where_scope scope;
	struct mt_cfi_span expression;
	struct mt_typed value;
	struct mt_where found = { 0 };
	Dwarf_Die die = local->die->die;

	MT_TRY(mt_where_scope(frame, local->die, &steps, &scope));
	MT_TRY(place_at_entry(&scope, &die, &expression));
	MT_TRY(mt_where_entry_value(&scope, &expression, NULL, &value));
	if (local->type->size > value.size) /* a struct, of which this is the beginning */
		return unknown();
	piece.value_size = value.size;
	memcpy(piece.value, &value.bits, value.size);
	if (!mt_vec_push(&found, piece))
		return mt_error_nomem();
	*where = found;
	return NULL;
}
