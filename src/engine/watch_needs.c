/* SPDX-License-Identifier: MIT */
/* What the value of a watched expression has come from, and whether that is still there. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/engine_private.h"
#include "engine/world.h"
#include "symbol/unwind.h"
#include "target/process.h"
#include "x86/regtable.h"

#define KEPT 64 /* evaluations of one watchpoint */

struct mt_memo {
	struct mt_needs *needs[KEPT];
	size_t count; /* ever */
};

/* ---- What an evaluation reads ---------------------------------------------- */

void mt_reads_note_beyond(struct mt_debug *debug)
{
	if (debug->reads)
		debug->reads->beyond = true;
}

bool mt_needs_add_place(struct mt_needs_place *places, size_t *count, uint64_t addr, uint64_t len)
{
	for (size_t i = 0; i < *count; i++)
		if (places[i].addr == addr && places[i].len == len)
			return true;
	if (*count == MT_NEEDS_PLACES)
		return false;
	places[(*count)++] = (struct mt_needs_place){ addr, len };
	return true;
}

void mt_reads_note(struct mt_debug *debug, uint64_t addr, uint64_t len)
{
	struct mt_reads *reads = debug->reads;

	if (reads && !mt_needs_add_place(reads->places, &reads->count, addr, len))
		reads->beyond = true;
}

void mt_reads_note_register(struct mt_debug *debug, const char *name)
{
	const struct mt_register *reg = mt_register_find(name);

	if (reg && mt_register_in_xsave(reg) && !debug->frame)
		mt_reads_note_vector(debug, reg);
	else if (!reg || reg->dwarf >= MT_REG_RIP || debug->frame)
		mt_reads_note_beyond(debug);
	else if (debug->reads)
		debug->reads->regs |= UINT32_C(1) << reg->dwarf;
}

void mt_reads_note_vector(struct mt_debug *debug, const struct mt_register *reg)
{
	struct mt_reads *reads = debug->reads;

	if (!reads)
		return;
	for (size_t i = 0; i < reads->vector_count; i++)
		if (reads->vectors[i] == reg)
			return;
	if (reads->vector_count == MT_NEEDS_VECTORS)
		reads->beyond = true;
	else
		reads->vectors[reads->vector_count++] = reg;
}

/* ---- Call frame information by pc -------------------------------------------- */

#define ROWS 1024

struct row {
	uint64_t turn; /* when it was looked for */
	uint64_t pc, function;
	bool found;
	struct mt_cfi_row row;
};

struct mt_rows {
	struct mt_image *image;
	uint64_t turn;
	struct row rows[ROWS];
};

struct mt_rows *mt_rows_create(void)
{
	return mt_alloc(sizeof(struct mt_rows));
}

void mt_rows_destroy(struct mt_rows *rows)
{
	free(rows);
}

void mt_rows_begin(struct mt_rows *rows, struct mt_image *image)
{
	rows->image = image;
	rows->turn++;
}

static const struct row *row_at(struct mt_rows *rows, uint64_t pc)
{
	const struct mt_cfi_code code = mt_image_cfi_code(rows->image);
	struct row *row = &rows->rows[pc % ROWS];

	if (row->turn == rows->turn && row->pc == pc)
		return row;
	row->turn = rows->turn;
	row->pc = pc;
	row->found = code.row_at(code.arg, pc, &row->row);
	row->function = mt_function_start(rows->image, pc);
	return row;
}

/* ---- Whether all is as it was ------------------------------------------------ */

static bool same_rule(const struct mt_cfi_place *a, const struct mt_cfi_place *b)
{
	return a->how == b->how && a->reg == b->reg && a->offset == b->offset;
}

static bool same_rules(const struct mt_needs *needs, const struct mt_cfi_row *row)
{
	for (unsigned reg = 0; reg < MT_CFI_REGS; reg++)
		if (needs->ruled >> reg & 1 && !same_rule(&row->regs[reg], &needs->rules[reg]))
			return false;
	return true;
}

/* The walk up the stack begins as it did: from the same CFA, by the same rules, and with nothing
 * that it reads given up (cfi/walk.c). */
static bool walks_as_before(const struct mt_needs *needs, const struct mt_cfi_row *row,
                            enum mt_machine machine, const struct mt_regs *regs, uint32_t unknown)
{
	uint32_t used = UINT32_C(1) << row->cfa.reg | UINT32_C(1) << MT_REG_RSP;
	uint64_t rsp = regs->r[MT_REG_RSP];

	return !row->is_signal && row->cfa.how == MT_CFI_IN_REGISTER && row->cfa.reg < MT_REG_RIP &&
	       !(unknown & used) &&
	       mt_machine_wrap(machine, regs->r[row->cfa.reg] + (uint64_t)row->cfa.offset) ==
	           needs->cfa &&
	       rsp <= needs->cfa && rsp - MT_RED_ZONE <= needs->lowest_slot &&
	       same_rules(needs, row);
}

bool mt_needs_stay(const struct mt_needs *needs, struct mt_rows *rows, const struct mt_regs *regs,
                   uint32_t unknown)
{
	uint64_t pc = regs->r[MT_REG_RIP];
	const struct row *row;

	if (!needs->framed)
		return true;
	if (needs->is_innermost && (pc < needs->low || pc >= needs->high))
		return false;
	row = row_at(rows, pc);
	return row->found && row->function == needs->function &&
	       walks_as_before(needs, &row->row, mt_image_machine(rows->image), regs, unknown);
}

static bool same_registers(const struct mt_needs *needs, const struct mt_regs *regs)
{
	struct mt_regs then;

	mt_regs_from_user(&needs->values, &then);
	for (unsigned reg = 0; reg < MT_REG_RIP; reg++)
		if (needs->regs >> reg & 1 && then.r[reg] != regs->r[reg])
			return false;
	return true;
}

static bool same_vectors(const struct mt_needs *needs, struct mt_thread *thread)
{
	for (size_t i = 0; i < needs->vector_count; i++) {
		uint8_t now[MT_REGISTER_MAX_SIZE] = { 0 };

		if (!mt_thread_vector(thread, needs->vectors[i].reg, now) ||
		    memcmp(now, needs->vectors[i].bytes, sizeof(now)) != 0)
			return false;
	}
	return true;
}

bool mt_needs_hold(const struct mt_needs *needs, struct mt_thread *thread,
                   const struct user_regs_struct *user, struct mt_rows *rows)
{
	struct mt_regs regs;

	mt_regs_from_user(user, &regs);
	return user->fs_base == needs->values.fs_base && user->gs_base == needs->values.gs_base &&
	       same_registers(needs, &regs) && mt_needs_stay(needs, rows, &regs, 0) &&
	       same_vectors(needs, thread);
}

/* ---- What was needed before -------------------------------------------------- */

static bool is_armed(const struct mt_watched *watched, const struct mt_needs *needs)
{
	if (watched->parts.len != needs->part_count)
		return false;
	for (size_t i = 0; i < needs->part_count; i++)
		if (watched->parts.data[i].addr != needs->parts[i].addr ||
		    watched->parts.data[i].len != needs->parts[i].len ||
		    watched->parts.data[i].on_the_way != needs->parts[i].on_the_way)
			return false;
	return true;
}

/* Where it has no value, it is taken to be what it was. */
static bool says_nothing(const struct mt_watched *watched, const struct mt_needs *needs)
{
	return needs->content.gone ||
	       (watched->now.bytes && mt_watch_content_same(&watched->now, &needs->content));
}

bool mt_needs_read(const struct mt_thread *thread, const struct mt_needs *needs, uint8_t *bytes)
{
	for (size_t i = 0; i < needs->place_count; i++) {
		size_t len = (size_t)needs->places[i].len;

		if (mt_process_read_some(thread->tid, needs->places[i].addr, bytes, len) != len)
			return false;
		bytes += len;
	}
	return true;
}

static bool same_memory(const struct mt_thread *thread, const struct mt_needs *needs)
{
	uint8_t bytes[MT_NEEDS_BYTES];

	return mt_needs_read(thread, needs, bytes) && !memcmp(bytes, needs->bytes, needs->total);
}

const struct mt_needs *mt_watched_recall(const struct mt_watched *watched, struct mt_thread *thread,
                                         const struct user_regs_struct *regs, struct mt_rows *rows)
{
	const struct mt_memo *memo = watched->memo;
	size_t kept = !memo ? 0 : memo->count < KEPT ? memo->count : KEPT;

	for (size_t i = 1; i <= kept; i++) {
		const struct mt_needs *needs = memo->needs[(memo->count - i) % KEPT];

		if (says_nothing(watched, needs) && mt_needs_hold(needs, thread, regs, rows) &&
		    is_armed(watched, needs) && same_memory(thread, needs))
			return needs;
	}
	return NULL;
}

void mt_needs_destroy(struct mt_needs *needs)
{
	if (!needs)
		return;
	mt_watch_content_free(&needs->content);
	free(needs->bytes);
	free(needs->parts);
	free(needs);
}

void mt_watched_forget_needs(struct mt_watched *watched)
{
	for (size_t i = 0; watched->memo && i < KEPT; i++)
		mt_needs_destroy(watched->memo->needs[i]);
	free(watched->memo);
	watched->memo = NULL;
}

void mt_watches_forget_needs(const struct mt_proc *memory)
{
	const struct mt_debug *debug = memory->debug;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		const struct mt_break *breakpoint = debug->breaks.data[i];
		struct mt_watched *watched =
		    breakpoint->watch ? mt_watch_in(breakpoint, memory) : NULL;

		if (watched)
			mt_watched_forget_needs(watched);
	}
}

void mt_watched_keep_needs(struct mt_watched *watched, struct mt_needs *needs)
{
	struct mt_needs **place;

	if (!watched->memo)
		watched->memo = mt_alloc(sizeof(*watched->memo));
	if (!watched->memo) {
		mt_needs_destroy(needs);
		return;
	}
	place = &watched->memo->needs[watched->memo->count++ % KEPT];
	mt_needs_destroy(*place);
	*place = needs;
}
