/* SPDX-License-Identifier: MIT */
#include "cfi/eval.h"

#include "cfi/constants.h"

/* ---- What expressions are made from -------------------------------------- */

struct mt_cfi_value mt_cfi_reg(struct mt_cfi_state *state, uint8_t reg)
{
	state->used |= 1U << reg;
	if (state->known >> reg & 1)
		return (struct mt_cfi_value){ MT_REG_NONE, state->regs.r[reg] };
	return (struct mt_cfi_value){ reg, 0 };
}

bool mt_cfi_read_memory(struct mt_cfi_state *state, uint64_t addr, size_t size, uint64_t *value)
{
	const struct mt_cfi_memory *memory = state->memory;

	return memory && memory->read(memory->arg, addr, size, value);
}

bool mt_cfi_push(struct mt_cfi_evaluation *e, struct mt_cfi_value value)
{
	if (e->depth == MT_CFI_MAX_STACK)
		return false;
	if (value.base == MT_REG_NONE)
		value.number = mt_machine_wrap(e->state->machine, value.number);
	e->stack[e->depth++] = value;
	return true;
}

static bool push_number(struct mt_cfi_evaluation *e, uint64_t number)
{
	return mt_cfi_push(e, (struct mt_cfi_value){ MT_REG_NONE, number });
}

static bool push_register(struct mt_cfi_evaluation *e, uint64_t column, int64_t offset)
{
	uint8_t reg = mt_cfi_register(e->state->machine, column);
	struct mt_cfi_value value;

	if (reg >= MT_CFI_REGS)
		return false;
	value = mt_cfi_reg(e->state, reg);
	value.number += (uint64_t)offset;
	return mt_cfi_push(e, value);
}

bool mt_cfi_pop(struct mt_cfi_evaluation *e, struct mt_cfi_value *value)
{
	if (!e->depth)
		return false;
	*value = e->stack[--e->depth];
	return true;
}

/* Pops what must be a number. */
static bool pop_number(struct mt_cfi_evaluation *e, uint64_t *number)
{
	struct mt_cfi_value value;

	if (!mt_cfi_pop(e, &value) || value.base != MT_REG_NONE)
		return false;
	*number = value.number;
	return true;
}

static int64_t as_signed(const struct mt_cfi_evaluation *e, uint64_t number)
{
	return e->state->machine == MT_MACHINE_I386 ? (int32_t)number : (int64_t)number;
}

/* ---- The operations, by kind (DWARF 5 section 2.5.1) --------------------- */

static bool run_constant(struct mt_cfi_evaluation *e, uint8_t op)
{
	switch (op) {
	case DW_OP_const1u:
		return push_number(e, mt_cfi_read_uint(&e->in, 1));
	case DW_OP_const1s:
		return push_number(e, (uint64_t)mt_cfi_read_int(&e->in, 1));
	case DW_OP_const2u:
		return push_number(e, mt_cfi_read_uint(&e->in, 2));
	case DW_OP_const2s:
		return push_number(e, (uint64_t)mt_cfi_read_int(&e->in, 2));
	case DW_OP_const4u:
		return push_number(e, mt_cfi_read_uint(&e->in, 4));
	case DW_OP_const4s:
		return push_number(e, (uint64_t)mt_cfi_read_int(&e->in, 4));
	case DW_OP_const8u:
	case DW_OP_const8s:
		return push_number(e, mt_cfi_read_uint(&e->in, 8));
	case DW_OP_constu:
		return push_number(e, mt_cfi_read_uleb(&e->in));
	default: /* DW_OP_consts */
		return push_number(e, (uint64_t)mt_cfi_read_sleb(&e->in));
	}
}

static bool pick(struct mt_cfi_evaluation *e, uint64_t index)
{
	return index < e->depth && mt_cfi_push(e, e->stack[e->depth - 1 - index]);
}

/* Moves the top below the `count` - 1 values under it. */
static bool rotate(struct mt_cfi_evaluation *e, size_t count)
{
	struct mt_cfi_value top, *place;

	if (e->depth < count)
		return false;
	place = &e->stack[e->depth - count];
	top = e->stack[e->depth - 1];
	memmove(place + 1, place, (count - 1) * sizeof(*place));
	*place = top;
	return true;
}

static bool run_deref(struct mt_cfi_evaluation *e, size_t size)
{
	uint64_t addr, value;

	return size >= 1 && size <= 8 && pop_number(e, &addr) &&
	       mt_cfi_read_memory(e->state, addr, size, &value) && push_number(e, value);
}

static bool run_unary(struct mt_cfi_evaluation *e, uint8_t op)
{
	uint64_t number;

	if (!pop_number(e, &number))
		return false;
	if (op == DW_OP_not)
		return push_number(e, ~number);
	if (op == DW_OP_neg || as_signed(e, number) < 0)
		number = -number;
	return push_number(e, number);
}

static bool run_division(struct mt_cfi_evaluation *e, uint8_t op, uint64_t a, uint64_t b)
{
	if (!b)
		return false;
	if (op == DW_OP_mod)
		return push_number(e, a % b);
	if (as_signed(e, b) == -1) /* the one case that could overflow */
		return push_number(e, -a);
	return push_number(e, (uint64_t)(as_signed(e, a) / as_signed(e, b)));
}

static uint64_t shifted(const struct mt_cfi_evaluation *e, uint8_t op, uint64_t a, uint64_t count)
{
	if (op == DW_OP_shra)
		return (uint64_t)(as_signed(e, a) >> (count < 64 ? count : 63));
	if (count >= 64)
		return 0;
	return op == DW_OP_shl ? a << count : a >> count;
}

static bool run_binary(struct mt_cfi_evaluation *e, uint8_t op)
{
	uint64_t ua, ub;
	int64_t a, b;

	if (!pop_number(e, &ub) || !pop_number(e, &ua))
		return false;
	a = as_signed(e, ua);
	b = as_signed(e, ub);
	switch (op) {
	case DW_OP_and:
		return push_number(e, ua & ub);
	case DW_OP_or:
		return push_number(e, ua | ub);
	case DW_OP_xor:
		return push_number(e, ua ^ ub);
	case DW_OP_mul:
		return push_number(e, ua * ub);
	case DW_OP_div:
	case DW_OP_mod:
		return run_division(e, op, ua, ub);
	case DW_OP_shl:
	case DW_OP_shr:
	case DW_OP_shra:
		return push_number(e, shifted(e, op, ua, ub));
	case DW_OP_eq:
		return push_number(e, a == b);
	case DW_OP_ne:
		return push_number(e, a != b);
	case DW_OP_lt:
		return push_number(e, a < b);
	case DW_OP_le:
		return push_number(e, a <= b);
	case DW_OP_gt:
		return push_number(e, a > b);
	default: /* DW_OP_ge */
		return push_number(e, a >= b);
	}
}

/* Sums and differences are where an unknown register may take part. */
static bool run_sum(struct mt_cfi_evaluation *e, uint8_t op)
{
	struct mt_cfi_value a, b;

	if (!mt_cfi_pop(e, &b) || !mt_cfi_pop(e, &a))
		return false;
	if (op == DW_OP_plus) {
		if (a.base != MT_REG_NONE && b.base != MT_REG_NONE)
			return false;
		a.base = a.base == MT_REG_NONE ? b.base : a.base;
		a.number += b.number;
		return mt_cfi_push(e, a);
	}
	if (a.base == b.base)
		a.base = MT_REG_NONE;
	else if (b.base != MT_REG_NONE)
		return false;
	a.number -= b.number;
	return mt_cfi_push(e, a);
}

static bool add_constant(struct mt_cfi_evaluation *e)
{
	uint64_t addend = mt_cfi_read_uleb(&e->in);
	struct mt_cfi_value top;

	if (!e->depth)
		return false;
	top = e->stack[--e->depth];
	top.number += addend;
	return mt_cfi_push(e, top);
}

static bool run_branch(struct mt_cfi_evaluation *e, uint8_t op)
{
	int64_t delta = mt_cfi_read_int(&e->in, 2);
	int64_t target = e->in.at - e->code.bytes + delta;
	uint64_t condition = 1;

	if (op == DW_OP_bra && !pop_number(e, &condition))
		return false;
	if (!condition)
		return true;
	if (target < 0 || (uint64_t)target > e->code.len)
		return false;
	e->in.at = e->code.bytes + target;
	return true;
}

static bool run_stack_operation(struct mt_cfi_evaluation *e, uint8_t op)
{
	struct mt_cfi_value dropped;

	switch (op) {
	case DW_OP_dup:
		return pick(e, 0);
	case DW_OP_over:
		return pick(e, 1);
	case DW_OP_pick:
		return pick(e, mt_cfi_read_uint(&e->in, 1));
	case DW_OP_swap:
		return rotate(e, 2);
	case DW_OP_rot:
		return rotate(e, 3);
	default: /* DW_OP_drop */
		return mt_cfi_pop(e, &dropped);
	}
}

bool mt_cfi_operation(struct mt_cfi_evaluation *e, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case DW_OP_lit0 ... DW_OP_lit31:
		return push_number(e, op - (uint64_t)DW_OP_lit0);
	case DW_OP_breg0 ... DW_OP_breg31:
		return push_register(e, op - (uint64_t)DW_OP_breg0, mt_cfi_read_sleb(&e->in));
	case DW_OP_bregx:
		reg = mt_cfi_read_uleb(&e->in);
		return push_register(e, reg, mt_cfi_read_sleb(&e->in));
	case DW_OP_const1u ... DW_OP_consts:
		return run_constant(e, op);
	case DW_OP_dup ... DW_OP_swap:
	case DW_OP_rot:
		return run_stack_operation(e, op);
	case DW_OP_deref:
		return run_deref(e, mt_machine_word(e->state->machine));
	case DW_OP_deref_size:
		return run_deref(e, (size_t)mt_cfi_read_uint(&e->in, 1));
	case DW_OP_plus:
	case DW_OP_minus:
		return run_sum(e, op);
	case DW_OP_plus_uconst:
		return add_constant(e);
	case DW_OP_abs:
	case DW_OP_neg:
	case DW_OP_not:
		return run_unary(e, op);
	case DW_OP_and:
	case DW_OP_div:
	case DW_OP_mod:
	case DW_OP_mul:
	case DW_OP_or:
	case DW_OP_shl ... DW_OP_xor:
	case DW_OP_eq ... DW_OP_ne:
		return run_binary(e, op);
	case DW_OP_bra:
	case DW_OP_skip:
		return run_branch(e, op);
	case DW_OP_nop:
		return true;
	default:
		return false;
	}
}

void mt_cfi_evaluation_begin(struct mt_cfi_evaluation *e, struct mt_cfi_state *state,
                             struct mt_cfi_span code)
{
	e->state = state;
	e->code = code;
	e->in = mt_cfi_reader_of(code);
	e->depth = 0;
}

bool mt_cfi_evaluate(struct mt_cfi_state *state, struct mt_cfi_span expression,
                     const struct mt_cfi_value *initial, struct mt_cfi_value *value)
{
	struct mt_cfi_evaluation e;
	unsigned steps = 0;

	mt_cfi_evaluation_begin(&e, state, expression);
	if (initial)
		mt_cfi_push(&e, *initial);
	while (mt_cfi_left(&e.in)) {
		if (++steps > MT_CFI_MAX_STEPS ||
		    !mt_cfi_operation(&e, (uint8_t)mt_cfi_read_uint(&e.in, 1)) || e.in.failed)
			return false;
	}
	return mt_cfi_pop(&e, value);
}

bool mt_cfi_cfa(struct mt_cfi_state *state, const struct mt_cfi_row *row, struct mt_cfi_value *cfa)
{
	struct mt_cfi_value value;

	if (row->cfa.how == MT_CFI_IS_EXPRESSION)
		return mt_cfi_evaluate(state, mt_cfi_expression(row, &row->cfa), NULL, cfa);
	value = mt_cfi_reg(state, row->cfa.reg);
	value.number += (uint64_t)row->cfa.offset;
	if (value.base == MT_REG_NONE)
		value.number = mt_machine_wrap(state->machine, value.number);
	*cfa = value;
	return true;
}
