/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "symbol/unwind.h"
#include "watch/enrich_private.h"

#define MAX_INLINES 16
/* A program that recurses in ever new ways must not fill our memory: then all start anew. */
#define MAX_STACKS 65536

static void free_stack(struct mt_stack_entry *entry)
{
	if (!entry)
		return;
	free(entry->pcs);
	free(entry->stack.frames);
	free(entry->stack.text);
	free(entry);
}

MT_DEFINE_CLEANUP(stack_entry, struct mt_stack_entry, free_stack)

void mt_enricher_free_stacks(struct mt_enricher *enricher)
{
	struct mt_stack_entry *stack, *next_stack;
	struct mt_rule_entry *rule, *next_rule;

	HASH_ITER (hh, enricher->stacks, stack, next_stack) {
		HASH_DEL(enricher->stacks, stack);
		free_stack(stack);
	}
	HASH_ITER (hh, enricher->rules, rule, next_rule) {
		HASH_DEL(enricher->rules, rule);
		free(rule);
	}
}

/* ---- Rules for the kernel's walk ----------------------------------------- */

static void teach_rule(struct mt_enricher *enricher, uint64_t key)
{
	struct mt_rule_entry *known;
	struct mt_cfi_rule rule;

	HASH_FIND(hh, enricher->rules, &key, sizeof(key), known);
	if (known)
		return;
	mt_cfi_rule_at(enricher->image, key, &rule);

	struct mt_rule_value value = {
		.kind = rule.kind,
		.cfa_rbp = rule.cfa_reg == MT_REG_RBP,
		.cfa_offset = rule.cfa_offset,
		.rbp_offset = rule.rbp_saved ? rule.rbp_offset : 0,
	};

	mt_space_learn_rule(enricher->space, key, &value);
	known = mt_alloc(sizeof(*known));
	if (!known)
		return;
	known->key = key;
	HASH_ADD(hh, enricher->rules, key, sizeof(known->key), known);
}

/* ---- Frames with names --------------------------------------------------- */

typedef MT_VEC(struct mt_code) code_vec;

/*
 * One frame and the functions inlined at its pc: the innermost has the pc's line, each other one
 * the line of the call that was inlined into it.
 */
static bool add_frame(struct mt_enricher *enricher, code_vec *frames, uint64_t pc, bool is_return)
{
	struct mt_inline_frame inlines[MAX_INLINES];
	struct mt_code code = mt_enrich_code(enricher, pc, is_return, false);
	/* Without lines at hand there is no telling of inlined functions either. */
	size_t count = code.file ? mt_image_inlines_at(enricher->image, is_return ? pc - 1 : pc,
	                                               inlines, MAX_INLINES)
	                         : 0;

	for (size_t i = 0; i < count; i++) {
		struct mt_code inlined = code;

		inlined.function = inlines[i].name;
		inlined.offset = 0;
		inlined.inlined = true;
		if (!mt_vec_push(frames, inlined))
			return false;
		code.file = inlines[i].call.file;
		code.line = inlines[i].call.line;
	}
	return mt_vec_push(frames, code);
}

/*
 * Whether a frame's pc is behind the instruction that it stands for: a return address, and the pc
 * of a trap but where it is an execution, or the culprit is the call of the function that pc
 * begins.
 */
static bool is_behind(struct mt_enricher *enricher, const uint64_t *pcs, size_t i, bool executed)
{
	uint64_t start, end;

	/* What a signal frame returns to was interrupted, not called. */
	if (i > 0)
		return !mt_cfi_is_signal_frame(enricher->image, pcs[i - 1]);
	return !executed && !(mt_image_function_bounds(enricher->image, pcs[0], &start, &end) &&
	                      start == pcs[0]);
}

static bool name_frames(struct mt_enricher *enricher, const uint64_t *pcs, size_t count,
                        bool executed, struct mt_stack *stack)
{
	code_vec frames = { 0 };

	for (size_t i = 0; i < count; i++) {
		if (!add_frame(enricher, &frames, pcs[i], is_behind(enricher, pcs, i, executed))) {
			mt_vec_deinit(&frames);
			return false;
		}
	}
	stack->frames = frames.data;
	stack->count = frames.len;
	return true;
}

static struct mt_stack *intern_stack(struct mt_enricher *enricher, const uint64_t *pcs,
                                     size_t count, bool executed, bool cut)
{
	struct mt_stack_entry *entry MT_CLEANUP(stack_entry_cleanup) = NULL;
	size_t key_len = count * sizeof(*pcs);

	HASH_FIND(hh, enricher->stacks, pcs, key_len, entry);
	if (entry)
		return &MT_TAKE(entry)->stack;
	if (HASH_COUNT(enricher->stacks) >= MAX_STACKS)
		mt_enricher_free_stacks(enricher);
	entry = mt_alloc(sizeof(*entry));
	if (!entry)
		return NULL;
	entry->pcs = mt_alloc_array(count, sizeof(*pcs));
	if (!entry->pcs || !name_frames(enricher, pcs, count, executed, &entry->stack))
		return NULL;
	memcpy(entry->pcs, pcs, key_len);
	entry->key_len = key_len;
	entry->stack.cut = cut;

	struct mt_stack_entry *kept = MT_TAKE(entry);

	HASH_ADD_KEYPTR(hh, enricher->stacks, kept->pcs, kept->key_len, kept);
	return &kept->stack;
}

/* A copy of the stack: the kernel could not walk it for lack of rules, which it gets now. */
static struct mt_stack *unwind_copy(struct mt_enricher *enricher, const struct mt_record *record,
                                    bool executed)
{
	struct mt_stack_copy copy = {
		.bytes = (const uint8_t *)mt_record_tail(record),
		.addr = record->regs.r[MT_REG_RSP],
		.len = record->stack_len,
	};
	uint64_t pcs[MT_RECORD_MAX_FRAMES];
	bool cut = false;
	size_t count =
	    mt_unwind(enricher->image, &record->regs, &copy, pcs, MT_RECORD_MAX_FRAMES, &cut);

	for (size_t i = 0; i < count; i++)
		teach_rule(enricher, i ? pcs[i] - 1 : pcs[i]);
	return intern_stack(enricher, pcs, count, executed, cut || count == MT_RECORD_MAX_FRAMES);
}

struct mt_stack *mt_enrich_stack(struct mt_enricher *enricher, const struct mt_record *record,
                                 bool executed)
{
	if (record->flags & MT_RECORD_STACK_COPY)
		return unwind_copy(enricher, record, executed);
	if (record->frame_count == 0)
		return NULL;
	return intern_stack(enricher, mt_record_tail(record), record->frame_count, executed,
	                    record->flags & MT_RECORD_STACK_CUT);
}
