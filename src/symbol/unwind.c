/* SPDX-License-Identifier: MIT */
#include "symbol/unwind.h"

#include "symbol/cfi.h"
#include "symbol/cfi_eval.h"
#include "symbol/sigreturn.h"

#define ALL_REGS ((1U << MT_CFI_REGS) - 1)

/* One frame on the way up. */
struct walk {
	struct mt_image *image;
	struct mt_cfi_state state;
	bool exact; /* pc was interrupted here; otherwise it is a return address */
	bool ended; /* at the outermost frame */
};

static size_t word_of(const struct mt_cfi_state *state)
{
	return mt_machine_word(state->machine);
}

/* ---- Signal frames that no information describes ------------------------- */

static bool leave_sigreturn(struct walk *walk, const struct mt_sigreturn *sigreturn)
{
	struct mt_cfi_state *state = &walk->state;
	uint64_t slot = state->regs.r[MT_REG_RSP] + sigreturn->offset;
	struct mt_regs regs = state->regs;

	for (size_t i = 0; i < sigreturn->reg_count; i++, slot += word_of(state)) {
		uint8_t reg = sigreturn->regs[i];

		if (reg != MT_REG_NONE &&
		    !mt_cfi_read_stack(state, slot, word_of(state), &regs.r[reg]))
			return false;
	}
	state->regs = regs;
	state->known = ALL_REGS;
	walk->exact = true;
	return true;
}

/* ---- By frame pointer ---------------------------------------------------- */

static bool is_code(struct mt_image *image, uint64_t addr)
{
	uint8_t byte;

	return mt_image_read_code(image, addr, &byte, 1) == 1;
}

/* Code without CFI (compiled at run time, written by hand) may keep a frame pointer; it counts if
 * it points up the stack, to a return address into code. */
static bool leave_by_frame_pointer(struct walk *walk)
{
	const uint32_t needed = 1U << MT_REG_RBP | 1U << MT_REG_RSP;
	struct mt_cfi_state *state = &walk->state;
	uint64_t rbp = state->regs.r[MT_REG_RBP], caller_rbp, return_address;
	size_t word = word_of(state);

	/* The outermost frame's, by the ABI. */
	walk->ended = (state->known & needed) == needed && rbp == 0;
	if ((state->known & needed) != needed || rbp < state->regs.r[MT_REG_RSP] || rbp % word)
		return false;
	if (!mt_cfi_read_stack(state, rbp, word, &caller_rbp) ||
	    !mt_cfi_read_stack(state, rbp + word, word, &return_address) ||
	    !is_code(walk->image, return_address - 1))
		return false;
	state->regs.r[MT_REG_RBP] = caller_rbp;
	state->regs.r[MT_REG_RSP] = rbp + 2 * word;
	state->regs.r[MT_REG_RIP] = return_address;
	state->known = needed | 1U << MT_REG_RIP;
	walk->exact = false;
	return true;
}

/* ---- Before a ret -------------------------------------------------------- */

/*
 * Where the next instruction is ret, the return address lies at rsp. gcc gives no CFI to the
 * functions by which i386 code learns its own address: mov (%esp), %reg; ret.
 */
static bool is_before_ret(const struct walk *walk)
{
	uint64_t pc = walk->state.regs.r[MT_REG_RIP];
	uint8_t code[4] = { 0 };

	if (!walk->exact || mt_image_read_code(walk->image, pc, code, sizeof(code)) == 0)
		return false;
	return code[0] == 0xc3 || (walk->state.machine == MT_MACHINE_I386 && code[0] == 0x8b &&
	                           (code[1] & 0xc7) == 0x04 && code[2] == 0x24 && code[3] == 0xc3);
}

static bool leave_by_ret(struct walk *walk)
{
	struct mt_cfi_state *state = &walk->state;
	uint64_t rsp = state->regs.r[MT_REG_RSP];

	if (!mt_cfi_read_stack(state, rsp, word_of(state), &state->regs.r[MT_REG_RIP]))
		return false;
	state->regs.r[MT_REG_RSP] = rsp + word_of(state);
	walk->exact = false;
	return true;
}

/* ---- By call frame information ------------------------------------------- */

struct frame {
	const struct mt_cfi_row *row;
	struct mt_cfi_value cfa;
};

static bool is_callee_saved(enum mt_machine machine, uint8_t reg)
{
	if (machine == MT_MACHINE_I386)
		return reg == MT_REG_RBX || reg == MT_REG_RBP || reg == MT_REG_RSI ||
		       reg == MT_REG_RDI;
	return reg == MT_REG_RBX || reg == MT_REG_RBP || (reg >= MT_REG_R12 && reg <= MT_REG_R15);
}

/*
 * Whether the slot of a saved register holds it no more, since an epilogue has given it back: then
 * the register itself is right. Compilers let the rule stand. Usually the slot is below rsp now,
 * where it still has the value, but a copy that starts at rsp lacks it. In a realigned frame gcc
 * finds the slots through rbp, which belongs to the caller once it is popped and leads up into its
 * frame.
 */
static bool is_given_back(const struct mt_cfi_state *state, const struct frame *frame, uint8_t reg,
                          uint64_t slot)
{
	bool below = slot < state->stack->addr && slot < state->regs.r[MT_REG_RSP];
	bool above = slot >= frame->cfa.number - word_of(state) &&
	             frame->row->regs[reg].how == MT_CFI_AT_EXPRESSION;

	return is_callee_saved(state->machine, reg) && (state->known >> reg & 1) &&
	       (below || above);
}

static bool read_saved(struct mt_cfi_state *state, const struct frame *frame, uint8_t reg,
                       uint64_t slot, uint64_t *value)
{
	if (!frame->row->is_signal && is_given_back(state, frame, reg, slot)) {
		*value = state->regs.r[reg];
		return true;
	}
	return mt_cfi_read_stack(state, slot, word_of(state), value);
}

static uint64_t from_cfa(const struct mt_cfi_state *state, const struct frame *frame,
                         const struct mt_cfi_place *place)
{
	return mt_machine_wrap(state->machine, frame->cfa.number + (uint64_t)place->offset);
}

/* The caller's `reg`; false when it cannot be known. */
static bool recover(struct mt_cfi_state *state, const struct frame *frame, uint8_t reg,
                    uint64_t *value)
{
	const struct mt_cfi_place *place = &frame->row->regs[reg];
	struct mt_cfi_value result = { MT_REG_NONE, 0 };

	switch (place->how) {
	case MT_CFI_UNSPECIFIED:
	case MT_CFI_UNDEFINED:
		if (reg == MT_REG_RSP)
			result = frame->cfa;
		else if (place->how == MT_CFI_UNSPECIFIED && is_callee_saved(state->machine, reg))
			result = mt_cfi_reg(state, reg);
		else
			return false;
		break;
	case MT_CFI_SAME_VALUE:
		result = mt_cfi_reg(state, reg);
		break;
	case MT_CFI_AT_OFFSET:
		return read_saved(state, frame, reg, from_cfa(state, frame, place), value);
	case MT_CFI_IS_OFFSET:
		result.number = from_cfa(state, frame, place);
		break;
	case MT_CFI_IN_REGISTER:
		result = mt_cfi_reg(state, place->reg);
		break;
	default:
		if (!mt_cfi_evaluate(state, place->expression, &frame->cfa, &result))
			return false;
		if (place->how == MT_CFI_AT_EXPRESSION)
			return result.base == MT_REG_NONE &&
			       read_saved(state, frame, reg, result.number, value);
	}
	*value = result.number;
	return result.base == MT_REG_NONE;
}

/*
 * The stack grows towards lower addresses, so a caller's rsp is higher: or the same, where the
 * innermost function has popped its return address. A signal handler may have run on a stack of its
 * own.
 */
static bool is_further_up(const struct walk *walk, const struct mt_regs *caller, bool is_signal)
{
	uint64_t rsp = walk->state.regs.r[MT_REG_RSP], caller_rsp = caller->r[MT_REG_RSP];

	return is_signal || caller_rsp > rsp || (walk->exact && caller_rsp == rsp);
}

static bool leave_by_row(struct walk *walk, const struct mt_cfi_row *row)
{
	const uint32_t needed = 1U << MT_REG_RIP | 1U << MT_REG_RSP;
	struct mt_cfi_state *state = &walk->state;
	struct mt_regs caller = state->regs;
	struct frame frame = { .row = row };
	uint32_t known = 0;

	walk->ended = row->regs[MT_REG_RIP].how == MT_CFI_UNDEFINED;
	if (walk->ended || !mt_cfi_cfa(state, row, &frame.cfa) || frame.cfa.base != MT_REG_NONE)
		return false;
	for (uint8_t reg = 0; reg < MT_CFI_REGS; reg++)
		if (recover(state, &frame, reg, &caller.r[reg]))
			known |= 1U << reg;
	if ((known & needed) != needed || !is_further_up(walk, &caller, row->is_signal))
		return false;
	state->regs = caller;
	state->known = known;
	walk->exact = row->is_signal;
	return true;
}

/* ---- The walk ------------------------------------------------------------ */

static bool leave_frame(struct walk *walk)
{
	uint64_t pc = walk->state.regs.r[MT_REG_RIP];
	struct mt_cfi_row row;
	struct mt_sigreturn sigreturn;

	if (mt_cfi_row_at(walk->image, walk->exact ? pc : pc - 1, &row))
		return leave_by_row(walk, &row);
	if (mt_sigreturn_at(walk->image, pc, &sigreturn))
		return leave_sigreturn(walk, &sigreturn);
	if (is_before_ret(walk))
		return leave_by_ret(walk);
	return leave_by_frame_pointer(walk);
}

size_t mt_unwind(struct mt_image *image, const struct mt_regs *regs,
                 const struct mt_stack_copy *stack, uint64_t *frames, size_t max, bool *truncated)
{
	struct walk walk = {
		.image = image,
		.state = { .machine = mt_image_machine(image),
		           .regs = *regs,
		           .known = ALL_REGS,
		           .stack = stack },
		.exact = true,
	};
	size_t count = 0;
	bool more = max > 0;

	while (more) {
		frames[count++] = walk.state.regs.r[MT_REG_RIP];
		more = count < max && leave_frame(&walk);
	}
	if (truncated)
		*truncated = count < max && !walk.ended;
	return count;
}

bool mt_cfi_is_signal_frame(struct mt_image *image, uint64_t pc)
{
	struct mt_cfi_row row;
	struct mt_sigreturn sigreturn;

	if (mt_cfi_row_at(image, pc - 1, &row))
		return row.is_signal;
	return mt_sigreturn_at(image, pc, &sigreturn);
}
