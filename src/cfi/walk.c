/* SPDX-License-Identifier: MIT */
#include "cfi/walk.h"

#include "cfi/sigreturn.h"

#define ALL_REGS ((1U << MT_CFI_REGS) - 1)

static size_t word_of(const struct mt_cfi_state *state)
{
	return mt_machine_word(state->machine);
}

/* ---- Signal frames that no information describes ------------------------- */

static bool leave_sigreturn(struct mt_cfi_walk *walk, const struct mt_sigreturn *sigreturn)
{
	struct mt_cfi_state *state = &walk->state;
	uint64_t slot = state->regs.r[MT_REG_RSP] + sigreturn->offset;
	struct mt_regs regs = state->regs;

	for (size_t i = 0; i < sigreturn->reg_count; i++, slot += word_of(state)) {
		uint8_t reg = sigreturn->regs[i];

		if (reg != MT_REG_NONE &&
		    !mt_cfi_read_memory(state, slot, word_of(state), &regs.r[reg]))
			return false;
	}
	state->regs = regs;
	state->known = ALL_REGS;
	walk->exact = true;
	return true;
}

/* ---- By frame pointer ---------------------------------------------------- */

static bool is_code(const struct mt_cfi_code *code, uint64_t addr)
{
	uint8_t byte;

	return code->read(code->arg, addr, &byte, 1) == 1;
}

/* Code without CFI (compiled at run time, written by hand) may keep a frame pointer; it counts if
 * it points up the stack, to a return address into code. */
static bool leave_by_frame_pointer(struct mt_cfi_walk *walk)
{
	const uint32_t needed = 1U << MT_REG_RBP | 1U << MT_REG_RSP;
	struct mt_cfi_state *state = &walk->state;
	uint64_t rbp = state->regs.r[MT_REG_RBP], caller_rbp, return_address;
	size_t word = word_of(state);

	/* The outermost frame's, by the ABI. */
	walk->ended = (state->known & needed) == needed && rbp == 0;
	if ((state->known & needed) != needed || rbp < state->regs.r[MT_REG_RSP] || rbp % word)
		return false;
	if (!mt_cfi_read_memory(state, rbp, word, &caller_rbp) ||
	    !mt_cfi_read_memory(state, rbp + word, word, &return_address) ||
	    !is_code(walk->code, return_address - 1))
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
static bool is_before_ret(const struct mt_cfi_walk *walk)
{
	uint64_t pc = walk->state.regs.r[MT_REG_RIP];
	uint8_t bytes[4] = { 0 };

	if (!walk->exact || walk->code->read(walk->code->arg, pc, bytes, sizeof(bytes)) == 0)
		return false;
	return bytes[0] == 0xc3 ||
	       (walk->state.machine == MT_MACHINE_I386 && bytes[0] == 0x8b &&
	        (bytes[1] & 0xc7) == 0x04 && bytes[2] == 0x24 && bytes[3] == 0xc3);
}

static bool leave_by_ret(struct mt_cfi_walk *walk)
{
	struct mt_cfi_state *state = &walk->state;
	uint64_t rsp = state->regs.r[MT_REG_RSP];

	if (!mt_cfi_read_memory(state, rsp, word_of(state), &state->regs.r[MT_REG_RIP]))
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
	bool below = slot < state->memory->start && slot < state->regs.r[MT_REG_RSP];
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
	return mt_cfi_read_memory(state, slot, word_of(state), value);
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
		if (!mt_cfi_evaluate(state, mt_cfi_expression(frame->row, place), &frame->cfa,
		                     &result))
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
static bool is_further_up(const struct mt_cfi_walk *walk, const struct mt_regs *caller,
                          bool is_signal)
{
	uint64_t rsp = walk->state.regs.r[MT_REG_RSP], caller_rsp = caller->r[MT_REG_RSP];

	return is_signal || caller_rsp > rsp || (walk->exact && caller_rsp == rsp);
}

static bool leave_by_row(struct mt_cfi_walk *walk, const struct mt_cfi_row *row)
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

void mt_cfi_walk_begin(struct mt_cfi_walk *walk, enum mt_machine machine,
                       const struct mt_regs *regs, const struct mt_cfi_code *code,
                       const struct mt_cfi_memory *memory)
{
	*walk = (struct mt_cfi_walk){
		.code = code,
		.state = { .machine = machine, .regs = *regs, .known = ALL_REGS, .memory = memory },
		.exact = true,
	};
}

uint64_t mt_cfi_walk_pc(const struct mt_cfi_walk *walk)
{
	return walk->state.regs.r[MT_REG_RIP];
}

bool mt_cfi_walk_up(struct mt_cfi_walk *walk)
{
	const struct mt_cfi_code *code = walk->code;
	uint64_t pc = mt_cfi_walk_pc(walk);
	struct mt_cfi_row row;
	struct mt_sigreturn sigreturn;

	if (code->row_at(code->arg, walk->exact ? pc : pc - 1, &row))
		return leave_by_row(walk, &row);
	if (mt_sigreturn_at(code, walk->state.machine, pc, &sigreturn))
		return leave_sigreturn(walk, &sigreturn);
	if (is_before_ret(walk))
		return leave_by_ret(walk);
	return leave_by_frame_pointer(walk);
}

bool mt_cfi_frame_row(const struct mt_cfi_section *section, const struct mt_cfi_fde *fde,
                      enum mt_machine machine, uint64_t addr, struct mt_cfi_row *row)
{
	uint8_t how;

	if (section->machine != machine ||
	    mt_cfi_register(machine, fde->cie.return_column) != MT_REG_RIP ||
	    !mt_cfi_row_compute(section, fde, addr, row))
		return false;
	/* A return address that is nowhere makes no frame; "undefined" is how the last one ends. */
	how = row->regs[MT_REG_RIP].how;
	return how != MT_CFI_UNSPECIFIED && how != MT_CFI_SAME_VALUE;
}
