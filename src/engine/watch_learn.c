/* SPDX-License-Identifier: MIT */
/*
 * What an evaluation has needed: by what was read meanwhile, what was asked of the frames, and
 * where these have it from, frame by frame down to the thread's own registers and the stack.
 */
#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"
#include "symbol/unwind.h"

#define MAX_FRAMES 32

MT_DEFINE_CLEANUP(needs, struct mt_needs, mt_needs_destroy)

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

	if (!mt_needs_add_place(needs->places, &needs->place_count, addr, len))
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
	if (slot < learner->frames[0].regs.r[MT_REG_RSP] - MT_RED_ZONE)
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
	size_t count = home + 1;
	unsigned level;

	for (size_t i = 0; mt_view_uses(debug, i, &level); i++) {
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
	needs->function = mt_function_start(mt_debug_image(debug), learner->frames[0].pc);
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
		if (needs->places[i].len > MT_NEEDS_BYTES - needs->total)
			return false;
		needs->total += (size_t)needs->places[i].len;
	}
	needs->bytes = mt_alloc(needs->total ? needs->total : 1);
	return needs->bytes && mt_needs_read(thread, needs, needs->bytes);
}

static bool keep_vectors(struct mt_thread *thread, const struct mt_reads *reads,
                         struct mt_needs *needs)
{
	needs->vector_count = reads->vector_count;
	for (size_t i = 0; i < reads->vector_count; i++) {
		needs->vectors[i].reg = reads->vectors[i];
		if (!mt_thread_vector(thread, reads->vectors[i], needs->vectors[i].bytes))
			return false;
	}
	return true;
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

	if (thread->tid != watched->tid || thread->proc != watched->proc || !mt_thread_regs(thread))
		return;
	needs = mt_alloc(sizeof(*needs));
	if (!needs || !find_needs(watched, level, expression, reads, needs) ||
	    !keep_memory(thread, needs) || !keep_vectors(thread, reads, needs) ||
	    !keep_content(fresh, needs) || !keep_parts(watched, fresh, needs))
		return;
	needs->values = thread->regs;
	mt_watched_keep_needs(watched, MT_TAKE(needs));
}
