/* SPDX-License-Identifier: MIT */
#include "insn/ahead.h"

#include <string.h>

#include "base/alloc.h"
#include "insn/condition.h"
#include "insn/flow.h"

#define FLAG_DF (UINT64_C(1) << 10)

/* ---- Code that was decoded ----------------------------------------------- */

#define CODE_SLOTS 1024
#define PAGE_SLOTS 4096
#define PAGE_SHIFT 12
#define READ_AHEAD 64

struct slot {
	uint64_t generation; /* when it was decoded; 0: never, or in vain */
	struct mt_flow flow;
};

/* Pages may share a bit: a write to another one is then looked at for nothing. */
struct mt_ahead_code {
	uint64_t generation; /* of what is known of it; > 0 */
	struct slot slots[CODE_SLOTS];
	bool pages[PAGE_SLOTS];
	uint64_t fs_base, gs_base; /* that are in the operands */
	/* What was read last. */
	uint64_t addr;
	size_t len;
	uint8_t bytes[READ_AHEAD];
};

struct mt_ahead_code *mt_ahead_code_create(void)
{
	struct mt_ahead_code *code = mt_alloc(sizeof(*code));

	if (code)
		code->generation = 1;
	return code;
}

void mt_ahead_code_destroy(struct mt_ahead_code *code)
{
	free(code);
}

void mt_ahead_code_forget(struct mt_ahead_code *code)
{
	code->generation++;
	memset(code->pages, 0, sizeof(code->pages));
	code->len = 0;
}

static bool *page_of(struct mt_ahead_code *code, uint64_t addr)
{
	return &code->pages[(addr >> PAGE_SHIFT) % PAGE_SLOTS];
}

/* The bytes at `addr`; how many there are. */
static size_t bytes_at(struct mt_ahead_code *code, const struct mt_ahead_query *query,
                       uint64_t addr, const uint8_t **bytes)
{
	uint64_t offset = addr - code->addr;

	if (offset >= code->len || code->len - offset < MT_INSN_MAX_LEN) {
		code->addr = addr;
		code->len = query->read_code(query->arg, addr, code->bytes, READ_AHEAD);
		offset = 0;
	}
	*bytes = code->bytes + (size_t)offset;
	return code->len - (size_t)offset;
}

/* NULL: there is no instruction. */
static const struct mt_flow *flow_at(struct mt_ahead_code *code, const struct mt_ahead_query *query,
                                     uint64_t addr)
{
	struct slot *slot = &code->slots[addr % CODE_SLOTS];
	const uint8_t *bytes;
	size_t len;

	if (slot->generation == code->generation && slot->flow.insn.addr == addr)
		return &slot->flow;
	len = bytes_at(code, query, addr, &bytes);
	slot->generation = 0;
	if (!mt_flow_decode(query->machine, bytes, len, addr, &slot->flow))
		return NULL;
	slot->generation = code->generation;
	*page_of(code, addr) = true;
	*page_of(code, addr + slot->flow.insn.len - 1) = true;
	mt_insn_resolve_segment(&slot->flow.insn, 'f', query->fs_base);
	mt_insn_resolve_segment(&slot->flow.insn, 'g', query->gs_base);
	return &slot->flow;
}

/* ---- What is known on the way -------------------------------------------- */

struct state {
	struct mt_regs regs;
	uint32_t unknown; /* a bit for each general register */
	bool flags_unknown;
	uint64_t pc;
	uint64_t previous; /* the instruction before */
	unsigned count;
};

static bool is_known(const struct state *state, uint8_t reg)
{
	return reg >= MT_REG_RIP || !(state->unknown >> reg & 1);
}

static bool is_address_known(const struct state *state, const struct mt_insn_mem *mem)
{
	return is_known(state, mem->base) && is_known(state, mem->index) &&
	       is_known(state, mem->bit_offset);
}

static uint64_t value_of(const struct mt_flow *flow, const struct state *state, uint8_t reg)
{
	if (reg == MT_REG_NONE)
		return 0;
	return reg == MT_REG_RIP ? flow->insn.addr + flow->insn.len : state->regs.r[reg];
}

static void apply(enum mt_machine machine, const struct mt_flow *flow, struct state *state)
{
	const struct mt_flow_sum *sum = &flow->sum;
	bool known =
	    sum->reg != MT_REG_NONE && is_known(state, sum->base) && is_known(state, sum->index);
	uint64_t value = known ? value_of(flow, state, sum->base) +
	                             value_of(flow, state, sum->index) * sum->scale +
	                             (uint64_t)sum->disp
	                       : 0;

	state->unknown |= flow->writes;
	state->flags_unknown |= flow->writes_flags;
	if (!known)
		return;
	state->regs.r[sum->reg] =
	    sum->size == 4 ? (uint32_t)value : mt_machine_wrap(machine, value);
	state->unknown &= ~(UINT32_C(1) << sum->reg);
}

/* ---- What it touches ----------------------------------------------------- */

/* Bytes in memory. */
struct extent {
	uint64_t start, size;
};

#define MAX_REPEATED (UINT64_C(1) << 40)

/* The count of a repetition is as wide as its addresses (SDM volume 2, REP). */
static bool repeat(const struct state *state, const struct mt_insn_mem *mem, struct extent *extent)
{
	uint64_t count = state->regs.r[MT_REG_RCX];

	if (mem->address_size == 4)
		count = (uint32_t)count;
	if (!is_known(state, MT_REG_RCX) || count > MAX_REPEATED)
		return false;
	if (state->regs.r[MT_REG_RFLAGS] & FLAG_DF)
		extent->start -= count ? (count - 1) * mem->size : 0;
	extent->size = count * mem->size;
	return true;
}

static bool extent_of(const struct mt_flow *flow, size_t i, const struct state *state,
                      struct extent *extent)
{
	const struct mt_insn_mem *mem = &flow->insn.mem[i];

	if (!mem->size || !is_address_known(state, mem) ||
	    !mt_insn_mem_addr_before(&flow->insn, i, &state->regs, &extent->start))
		return false;
	extent->size = mem->size;
	return !flow->insn.rep || repeat(state, mem, extent);
}

static bool overlaps(const struct extent *extent, uint64_t addr, uint64_t len)
{
	return extent->size && (addr - extent->start < extent->size || extent->start - addr < len);
}

static bool is_watched(const struct mt_ahead_query *query, const struct extent *extent,
                       uint8_t access)
{
	for (size_t i = 0; i < query->range_count; i++)
		if (access & query->ranges[i].access &&
		    overlaps(extent, query->ranges[i].addr, query->ranges[i].len))
			return true;
	return false;
}

static bool is_code(struct mt_ahead_code *code, const struct extent *extent)
{
	uint64_t last = extent->start + extent->size - 1;

	if (!extent->size)
		return false;
	if (extent->size > PAGE_SLOTS << PAGE_SHIFT)
		return true;
	for (uint64_t at = extent->start; at >> PAGE_SHIFT != last >> PAGE_SHIFT;
	     at += 1 << PAGE_SHIFT)
		if (*page_of(code, at))
			return true;
	return *page_of(code, last);
}

static bool asks_for(const struct mt_ahead_query *query, uint8_t access)
{
	for (size_t i = 0; i < query->range_count; i++)
		if (access & query->ranges[i].access)
			return true;
	return false;
}

/* ---- On the way ---------------------------------------------------------- */

#define MAX_VISITED 96

struct walk {
	struct mt_ahead_code *code;
	const struct mt_ahead_query *query;
	struct mt_ahead *ahead;
	size_t branches; /* not yet followed, each of which will have an end */
	size_t visited_count;
	struct visited {
		uint64_t addr;
		uint8_t len;
		unsigned count; /* of instructions before it */
	} visited[MAX_VISITED];
	size_t written_count;
	struct extent written[MAX_VISITED];
};

/* Whether the instruction may touch what is watched, or code that was read. Notes what it writes.
 */
static bool may_touch(struct walk *walk, const struct mt_flow *flow, const struct state *state)
{
	for (size_t i = 0; i < flow->insn.mem_count; i++) {
		uint8_t access = flow->insn.mem[i].access;
		bool writes = access & MT_INSN_WRITE;
		struct extent extent;

		if (!writes && !asks_for(walk->query, access))
			continue;
		if (!extent_of(flow, i, state, &extent) || is_watched(walk->query, &extent, access))
			return true;
		if (!writes)
			continue;
		if (is_code(walk->code, &extent) || walk->written_count == MAX_VISITED)
			return true;
		walk->written[walk->written_count++] = extent;
	}
	return false;
}

static uint64_t start_of(const struct walk *walk)
{
	return walk->query->regs->r[MT_REG_RIP];
}

/* One that comes back to where it began is stopped before that. */
static void add_end(struct walk *walk, const struct state *state)
{
	struct mt_ahead *ahead = walk->ahead;
	bool closes = state->pc == start_of(walk);
	struct mt_ahead_end end = { closes ? state->previous : state->pc,
		                    closes ? state->count - 1 : state->count };

	if (!state->count)
		return;
	for (size_t i = 0; i < ahead->end_count; i++) {
		if (ahead->ends[i].addr != end.addr)
			continue;
		if (end.count < ahead->ends[i].count)
			ahead->ends[i].count = end.count;
		return;
	}
	ahead->ends[ahead->end_count++] = end;
}

static bool has_room_to_branch(const struct walk *walk)
{
	return walk->ahead->end_count + walk->branches + 2 <= MT_AHEAD_MAX_ENDS;
}

static bool may_pass(struct walk *walk, const struct mt_flow *flow, const struct state *state)
{
	if (!flow || walk->visited_count == MAX_VISITED || flow->writes & walk->query->kept ||
	    (flow->writes_vectors && walk->query->keeps_vectors) || may_touch(walk, flow, state))
		return false;
	switch (flow->next) {
	case MT_FLOW_ON:
	case MT_FLOW_JUMP:
		return true;
	case MT_FLOW_BRANCH:
		return !state->flags_unknown || has_room_to_branch(walk);
	case MT_FLOW_REGISTER:
		return is_known(state, flow->target_reg);
	default:
		return false;
	}
}

/* Where it goes from here, in the registers before it; a branch that is not decided, straight on.
 */
static uint64_t next_pc(const struct walk *walk, const struct mt_flow *flow,
                        const struct state *state)
{
	uint64_t behind = mt_machine_wrap(walk->query->machine, flow->insn.addr + flow->insn.len);

	switch (flow->next) {
	case MT_FLOW_JUMP:
		return flow->insn.target;
	case MT_FLOW_REGISTER:
		return state->regs.r[flow->target_reg];
	case MT_FLOW_BRANCH:
		return !state->flags_unknown &&
		               mt_condition_met(flow->condition, state->regs.r[MT_REG_RFLAGS])
		           ? flow->insn.target
		           : behind;
	default:
		return behind;
	}
}

static void visit(struct walk *walk, const struct mt_insn *insn, const struct state *state)
{
	walk->visited[walk->visited_count++] =
	    (struct visited){ insn->addr, insn->len, state->count };
}

static void pass(const struct walk *walk, const struct mt_flow *flow, struct state *state)
{
	uint64_t pc = next_pc(walk, flow, state);

	state->previous = state->pc;
	state->pc = pc;
	state->count++;
	apply(walk->query->machine, flow, state);
}

static bool stays(const struct walk *walk, struct state *state)
{
	const struct mt_ahead_query *query = walk->query;

	state->regs.r[MT_REG_RIP] = state->pc;
	return !query->stays || query->stays(query->arg, &state->regs, state->unknown);
}

/* Branches that are not decided are followed both ways: at most MT_AHEAD_MAX_ENDS at once. */
static void follow(struct walk *walk, struct state state) // NOLINT(misc-no-recursion)
{
	for (;;) {
		const struct mt_flow *flow = state.count && state.pc == start_of(walk)
		                                 ? NULL
		                                 : flow_at(walk->code, walk->query, state.pc);
		bool passes = may_pass(walk, flow, &state);
		bool undecided = passes && flow->next == MT_FLOW_BRANCH && state.flags_unknown;
		struct state next = state, taken;

		if (passes)
			pass(walk, flow, &next);
		taken = next;
		if (undecided)
			taken.pc = flow->insn.target;
		if (!passes || !stays(walk, &next) || (undecided && !stays(walk, &taken))) {
			add_end(walk, &state);
			return;
		}
		visit(walk, &flow->insn, &state);
		state = next;
		if (undecided) {
			walk->branches++;
			follow(walk, taken);
			walk->branches--;
		}
	}
}

/* ---- The answer ---------------------------------------------------------- */

/* Code that is decoded in two ways, as where a jump leaves a prefix out, has no place for an int3
 * within an instruction. */
static bool is_within_code(const struct walk *walk, uint64_t end)
{
	for (size_t i = 0; i < walk->visited_count; i++)
		if (end != walk->visited[i].addr &&
		    end - walk->visited[i].addr < walk->visited[i].len)
			return true;
	return false;
}

/* Another way may lead through it before. */
static void count_early_arrivals(const struct walk *walk, struct mt_ahead_end *end)
{
	for (size_t i = 0; i < walk->visited_count; i++)
		if (walk->visited[i].addr == end->addr && walk->visited[i].count < end->count)
			end->count = walk->visited[i].count;
}

/* Code may have been read only after something on the way there had written to it. */
static bool writes_code(const struct walk *walk)
{
	for (size_t i = 0; i < walk->written_count; i++)
		if (is_code(walk->code, &walk->written[i]))
			return true;
	return false;
}

static bool can_run(const struct walk *walk)
{
	for (size_t i = 0; i < walk->ahead->end_count; i++)
		if (walk->ahead->ends[i].addr == start_of(walk) ||
		    is_within_code(walk, walk->ahead->ends[i].addr))
			return false;
	return walk->ahead->end_count && !writes_code(walk);
}

/* Where there is no way ahead: what the next instruction alone does. */
static enum mt_ahead_how how_alone(struct walk *walk, const struct state *state)
{
	const struct mt_flow *flow = flow_at(walk->code, walk->query, state->pc);

	return !flow || flow->next == MT_FLOW_UNKNOWN || may_touch(walk, flow, state)
	           ? MT_AHEAD_CARE
	           : MT_AHEAD_STEP;
}

void mt_ahead_look(struct mt_ahead_code *code, const struct mt_ahead_query *query,
                   struct mt_ahead *ahead)
{
	const struct state start = { .regs = *query->regs, .pc = query->regs->r[MT_REG_RIP] };
	struct walk walk;

	walk.code = code;
	walk.query = query;
	walk.ahead = ahead;
	walk.branches = walk.visited_count = walk.written_count = 0;
	if (query->fs_base != code->fs_base || query->gs_base != code->gs_base)
		mt_ahead_code_forget(code);
	code->fs_base = query->fs_base;
	code->gs_base = query->gs_base;
	ahead->end_count = 0;
	ahead->how = how_alone(&walk, &start);
	if (ahead->how == MT_AHEAD_CARE)
		return;
	follow(&walk, start);
	if (!can_run(&walk))
		return;
	ahead->how = MT_AHEAD_RUN;
	for (size_t i = 0; i < ahead->end_count; i++)
		count_early_arrivals(&walk, &ahead->ends[i]);
}
