/* SPDX-License-Identifier: MIT */
/* What the value of a watched expression has come from, and whether that is still there. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"
#include "engine/world.h"
#include "symbol/unwind.h"
#include "target/process.h"
#include "x86/regtable.h"

#define RED_ZONE 128 /* what the unwinder takes for stack: see frame.c */
#define MAX_BYTES 4096
#define MAX_FRAMES 32
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

static bool add_place(struct mt_needs_place *places, size_t *count, uint64_t addr, uint64_t len)
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

	if (reads && !add_place(reads->places, &reads->count, addr, len))
		reads->beyond = true;
}

void mt_reads_note_register(struct mt_debug *debug, const char *name)
{
	const struct mt_register *reg = mt_register_find(name);

	if (!reg || reg->dwarf >= MT_REG_RIP || debug->frame)
		mt_reads_note_beyond(debug);
	else if (debug->reads)
		debug->reads->regs |= UINT32_C(1) << reg->dwarf;
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

static uint64_t function_at(struct mt_image *image, uint64_t pc)
{
	uint64_t start, end;

	return mt_image_function_bounds(image, pc, &start, &end) ? start : 0;
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
	row->function = function_at(rows->image, pc);
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
	       rsp <= needs->cfa && rsp - RED_ZONE <= needs->lowest_slot && same_rules(needs, row);
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

bool mt_needs_hold(const struct mt_needs *needs, struct mt_rows *rows,
                   const struct user_regs_struct *user)
{
	struct mt_regs regs;

	mt_regs_from_user(user, &regs);
	return user->fs_base == needs->values.fs_base && user->gs_base == needs->values.gs_base &&
	       same_registers(needs, &regs) && mt_needs_stay(needs, rows, &regs, 0);
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

static bool read_places(const struct mt_thread *thread, const struct mt_needs *needs,
                        uint8_t *bytes)
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
	uint8_t bytes[MAX_BYTES];

	return read_places(thread, needs, bytes) && !memcmp(bytes, needs->bytes, needs->total);
}

const struct mt_needs *mt_watched_recall(const struct mt_watched *watched,
                                         const struct mt_thread *thread,
                                         const struct user_regs_struct *regs, struct mt_rows *rows)
{
	const struct mt_memo *memo = watched->memo;
	size_t kept = !memo ? 0 : memo->count < KEPT ? memo->count : KEPT;

	for (size_t i = 1; i <= kept; i++) {
		const struct mt_needs *needs = memo->needs[(memo->count - i) % KEPT];

		if (mt_needs_hold(needs, rows, regs) && says_nothing(watched, needs) &&
		    is_armed(watched, needs) && same_memory(thread, needs))
			return needs;
	}
	return NULL;
}

static void needs_destroy(struct mt_needs *needs)
{
	if (!needs)
		return;
	mt_watch_content_free(&needs->content);
	free(needs->bytes);
	free(needs->parts);
	free(needs);
}

MT_DEFINE_CLEANUP(needs, struct mt_needs, needs_destroy)

void mt_watched_forget_needs(struct mt_watched *watched)
{
	for (size_t i = 0; watched->memo && i < KEPT; i++)
		needs_destroy(watched->memo->needs[i]);
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

/* ---- Where registers of a frame come from ------------------------------------ */

/* The frames from the thread's to the last one that anything was asked of, without what is inlined
 * in them. */
struct learner {
	struct mt_debug *debug;
	struct mt_needs *needs;
	size_t count;
	struct mt_frame frames[MAX_FRAMES];
	struct mt_cfi_row rows[MAX_FRAMES];
	bool failed;
};

static void need_place(struct learner *learner, uint64_t addr, uint64_t len)
{
	struct mt_needs *needs = learner->needs;

	if (!add_place(needs->places, &needs->place_count, addr, len))
		learner->failed = true;
}

static void need_register(struct learner *learner, size_t level, uint8_t reg);

static void need_cfa(struct learner *learner, size_t level) // NOLINT(misc-no-recursion)
{
	const struct mt_cfi_place *rule = &learner->rows[level].cfa;

	if (rule->how != MT_CFI_IN_REGISTER)
		learner->failed = true;
	else if (level)
		need_register(learner, level, rule->reg);
}

/* What the walk gives up as below the stack is not followed here. */
static void need_slot(struct learner *learner, size_t level, const struct mt_cfi_place *rule)
{ // NOLINT(misc-no-recursion)
	struct mt_needs *needs = learner->needs;
	enum mt_machine machine = mt_image_machine(mt_debug_image(learner->debug));
	uint64_t slot =
	    mt_machine_wrap(machine, learner->frames[level].cfa + (uint64_t)(int64_t)rule->offset);

	need_cfa(learner, level);
	need_place(learner, slot, mt_machine_word(machine));
	if (slot < needs->lowest_slot)
		needs->lowest_slot = slot;
	if (slot < learner->frames[0].regs.r[MT_REG_RSP] - RED_ZONE)
		learner->failed = true;
}

static bool is_known(const struct learner *learner, size_t level, uint8_t reg)
{
	return learner->frames[level].known >> reg & 1;
}

/* What is lost on the way up may still be as it is further down: see world.c, keep_registers(). */
static void need_kept(struct learner *learner, size_t level, uint8_t reg)
{ // NOLINT(misc-no-recursion)
	do
		level--;
	while (level && !is_known(learner, level, reg));
	need_register(learner, level, reg);
}

/* By the rule of the frame below for it. */
static void need_recovered(struct learner *learner, size_t level, uint8_t reg)
{ // NOLINT(misc-no-recursion)
	const struct mt_cfi_place *rule = &learner->rows[level - 1].regs[reg];

	switch (rule->how) {
	case MT_CFI_UNSPECIFIED:
	case MT_CFI_UNDEFINED:
		if (reg == MT_REG_RSP)
			need_cfa(learner, level - 1);
		else if (is_known(learner, level, reg))
			need_register(learner, level - 1, reg);
		return;
	case MT_CFI_SAME_VALUE:
		need_register(learner, level - 1, reg);
		return;
	case MT_CFI_AT_OFFSET:
		need_slot(learner, level - 1, rule);
		return;
	case MT_CFI_IS_OFFSET:
		need_cfa(learner, level - 1);
		return;
	case MT_CFI_IN_REGISTER:
		need_register(learner, level - 1, rule->reg);
		return;
	default:
		learner->failed = true;
	}
}

static void need_rule(struct learner *learner, uint8_t reg)
{
	learner->needs->ruled |= UINT32_C(1) << reg;
	learner->needs->rules[reg] = learner->rows[0].regs[reg];
}

static void need_register(struct learner *learner, size_t level, uint8_t reg)
{ // NOLINT(misc-no-recursion)
	if (learner->failed)
		return;
	if (!level && reg >= MT_REG_RIP)
		learner->failed = true;
	if (!level) {
		learner->needs->regs |= UINT32_C(1) << reg;
		return;
	}
	if (level == 1)
		need_rule(learner, reg);
	need_recovered(learner, level, reg);
	if (!is_known(learner, level, reg))
		need_kept(learner, level, reg);
}

/* ---- What was asked of the frames -------------------------------------------- */

/* How many frames are below that level, of those that are not inlined. */
static size_t count_below(struct mt_debug *debug, unsigned level)
{
	struct mt_frame frame;
	size_t count = 0;

	for (unsigned i = 0; i < level && mt_debug_frames(debug, i, &frame, 1) == 1; i++)
		count += !frame.is_inline;
	return count;
}

static void take_frames(struct learner *learner, size_t count)
{
	const struct mt_cfi_code code = mt_image_cfi_code(mt_debug_image(learner->debug));
	struct mt_frame frame;

	for (unsigned i = 0; learner->count < count && !learner->failed; i++) {
		if (learner->count == MAX_FRAMES ||
		    mt_debug_frames(learner->debug, i, &frame, 1) != 1) {
			learner->failed = true;
			return;
		}
		if (frame.is_inline)
			continue;
		learner->failed =
		    !frame.cfa || frame.is_guess ||
		    !code.row_at(code.arg, frame.lookup_pc, &learner->rows[learner->count]);
		learner->frames[learner->count++] = frame;
	}
}

/* Where each frame is, so that each is found, and where its code goes on. */
static void need_stack(struct learner *learner, size_t home)
{
	for (size_t level = 1; level < learner->count && !learner->failed; level++) {
		need_register(learner, level, MT_REG_RIP);
		need_cfa(learner, level - 1);
	}
	if (!learner->failed)
		need_cfa(learner, home);
	/* Whether that is known tells a caller's frame (where.c). */
	if (learner->count > 1)
		need_rule(learner, MT_REG_RAX);
}

static void need_used(struct learner *learner, size_t level, const struct mt_where_uses *uses)
{
	struct mt_needs *needs = learner->needs;

	learner->failed = learner->failed || uses->others;
	for (uint8_t reg = 0; reg < MT_CFI_REGS; reg++)
		if (uses->regs >> reg & 1)
			need_register(learner, level, reg);
	if (level)
		return;
	needs->low = uses->low > needs->low ? uses->low : needs->low;
	needs->high = uses->high < needs->high ? uses->high : needs->high;
}

static size_t count_asked(struct mt_debug *debug, size_t home)
{
	const struct mt_where_uses *uses;
	size_t count = home + 1;
	unsigned level;

	for (size_t i = 0; (uses = mt_view_uses(debug, i, &level)); i++) {
		size_t below = count_below(debug, level);

		count = below + 1 > count ? below + 1 : count;
	}
	return count;
}

static bool need_frames(struct learner *learner, unsigned level)
{
	struct mt_debug *debug = learner->debug;
	struct mt_needs *needs = learner->needs;
	size_t home = count_below(debug, level);
	const struct mt_where_uses *uses;

	take_frames(learner, count_asked(debug, home));
	if (learner->failed || debug->dummies.len)
		return false;
	needs->framed = true;
	needs->is_innermost = home == 0;
	needs->cfa = learner->frames[0].cfa;
	needs->function = function_at(mt_debug_image(debug), learner->frames[0].pc);
	need_stack(learner, home);
	for (size_t i = 0; (uses = mt_view_uses(debug, i, &level)); i++)
		need_used(learner, count_below(debug, level), uses);
	return !learner->failed;
}

/* ---- Without a frame --------------------------------------------------------- */

static bool is_type_word(const char *word, size_t len)
{
	static const char *const words[] = { "char",  "short",  "int",      "long",
		                             "float", "double", "unsigned", "signed" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i]) == len && !memcmp(words[i], word, len))
			return true;
	return false;
}

/* Whether it means the same in whatever function: it has no names but those of registers, numbers
 * and types that are the same everywhere. */
static bool names_nothing(const char *text)
{
	while (*text) {
		size_t len = 1;

		while (isalnum((unsigned char)text[len]) || text[len] == '_')
			len++;
		if ((isalpha((unsigned char)*text) || *text == '_') && !is_type_word(text, len))
			return false;
		if (*text == '\'' || *text == '"' || *text == '@')
			return false;
		text += len;
	}
	return true;
}

/* ---- Learning ---------------------------------------------------------------- */

static bool keep_memory(const struct mt_thread *thread, struct mt_needs *needs)
{
	for (size_t i = 0; i < needs->place_count; i++) {
		if (needs->places[i].len > MAX_BYTES - needs->total)
			return false;
		needs->total += (size_t)needs->places[i].len;
	}
	needs->bytes = mt_alloc(needs->total ? needs->total : 1);
	return needs->bytes && read_places(thread, needs, needs->bytes);
}

static bool keep_content(const struct mt_watched *fresh, struct mt_needs *needs)
{
	const struct mt_watch_content *now = &fresh->now;

	needs->content.gone = now->gone;
	if (now->gone || !now->bytes)
		return now->gone;
	needs->content.bytes = mt_alloc(now->size ? now->size : 1);
	if (!needs->content.bytes)
		return false;
	memcpy(needs->content.bytes, now->bytes, now->size);
	needs->content.size = now->size;
	return true;
}

/* What will be armed from now on: see watch_hit.c, evaluate_again(). */
static bool keep_parts(const struct mt_watched *watched, const struct mt_watched *fresh,
                       struct mt_needs *needs)
{
	const struct mt_watched *armed = fresh->parts.len && !fresh->now.gone ? fresh : watched;

	needs->part_count = armed->parts.len;
	needs->parts = mt_alloc((needs->part_count + 1) * sizeof(*needs->parts));
	for (size_t i = 0; needs->parts && i < needs->part_count; i++)
		needs->parts[i] = armed->parts.data[i];
	return needs->parts != NULL;
}

static bool find_needs(struct mt_watched *watched, unsigned level, const char *expression,
                       const struct mt_reads *reads, struct mt_needs *needs)
{
	struct learner *learner MT_AUTO_FREE = NULL;

	needs->high = needs->lowest_slot = UINT64_MAX;
	needs->regs = reads->regs;
	for (size_t i = 0; i < reads->count; i++)
		needs->places[i] = reads->places[i];
	needs->place_count = reads->count;
	if (reads->beyond || (!watched->frame.cfa && !names_nothing(expression)))
		return false;
	if (!watched->frame.cfa)
		return true;
	learner = mt_alloc(sizeof(*learner));
	if (!learner)
		return false;
	learner->debug = watched->proc->debug;
	learner->needs = needs;
	return need_frames(learner, level);
}

void mt_watched_learn(struct mt_watched *watched, const char *expression, struct mt_thread *thread,
                      unsigned level, const struct mt_watched *fresh, const struct mt_reads *reads)
{
	struct mt_needs *needs MT_CLEANUP(needs_cleanup) = NULL;
	struct mt_needs **place;

	if (thread->tid != watched->tid || thread->proc != watched->proc || !mt_thread_regs(thread))
		return;
	if (!watched->memo)
		watched->memo = mt_alloc(sizeof(*watched->memo));
	needs = watched->memo ? mt_alloc(sizeof(*needs)) : NULL;
	if (!needs || !find_needs(watched, level, expression, reads, needs) ||
	    !keep_memory(thread, needs) || !keep_content(fresh, needs) ||
	    !keep_parts(watched, fresh, needs))
		return;
	needs->values = thread->regs;
	place = &watched->memo->needs[watched->memo->count++ % KEPT];
	needs_destroy(*place);
	*place = needs;
	needs = NULL;
}
