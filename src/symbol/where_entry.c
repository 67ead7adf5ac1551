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

static bool has_location(Dwarf_Die *parameter, const struct mt_cfi_span *expression)
{
	Dwarf_Attribute attr;
	Dwarf_Block block;

	return dwarf_formblock(dwarf_attr(parameter, DW_AT_location, &attr), &block) == 0 &&
	       block.length == expression->len &&
	       !memcmp(block.data, expression->bytes, expression->len);
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
