/* SPDX-License-Identifier: MIT */
#include "watch/enrich_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "target/process.h"

struct mt_error *mt_enricher_create(struct mt_image *image, struct mt_space *space,
                                    struct mt_enricher **out)
{
	struct mt_enricher *enricher = mt_alloc(sizeof(*enricher));

	if (!enricher)
		return mt_error_nomem();
	enricher->image = image;
	enricher->space = space;
	*out = enricher;
	return NULL;
}

static void free_culprit(struct mt_culprit_entry *entry)
{
	while (entry) {
		struct mt_culprit_entry *next = entry->next;

		free(entry->code.text);
		free(entry);
		entry = next;
	}
}

void mt_enricher_destroy(struct mt_enricher *enricher)
{
	struct mt_culprit_entry *entry, *next;

	if (!enricher)
		return;
	HASH_ITER (hh, enricher->culprits, entry, next) {
		HASH_DEL(enricher->culprits, entry);
		free_culprit(entry);
	}
	mt_enricher_free_stacks(enricher);
	free(enricher);
}

void mt_enricher_on_unknown(struct mt_enricher *enricher, bool (*refresh)(void *arg), void *arg)
{
	enricher->refresh = refresh;
	enricher->refresh_arg = arg;
}

static void forget_unknown(struct mt_enricher *enricher)
{
	struct mt_culprit_entry *entry, *next;

	HASH_ITER (hh, enricher->culprits, entry, next) {
		/* cppcheck-suppress uninitvar ; HASH_ITER sets it */
		if (entry->code.code.module)
			continue;
		HASH_DEL(enricher->culprits, entry);
		free_culprit(entry);
	}
	mt_enricher_free_stacks(enricher);
	mt_space_forget(enricher->space);
	enricher->stale = false;
}

/* ---- Names --------------------------------------------------------------- */

static const struct mt_module *find_module(struct mt_enricher *enricher, uint64_t pc)
{
	const struct mt_module *module = mt_image_module_at(enricher->image, pc);

	if (module || !enricher->refresh || !enricher->refresh(enricher->refresh_arg))
		return module;
	enricher->stale = true;
	return mt_image_module_at(enricher->image, pc);
}

struct mt_code mt_enrich_code(struct mt_enricher *enricher, uint64_t pc, bool is_return, bool lines)
{
	uint64_t lookup = is_return ? pc - 1 : pc;
	struct mt_code code = { .pc = pc };
	const struct mt_module *module = find_module(enricher, lookup);
	struct mt_symbol symbol;
	struct mt_line line;

	if (!module)
		return code;
	code.module = module->name;
	if (mt_image_symbol_at(enricher->image, lookup, &symbol)) {
		code.function = symbol.name;
		code.offset = pc - symbol.addr;
	}
	if ((lines || mt_module_lines_at_hand(module)) &&
	    mt_image_line_at(enricher->image, lookup, &line)) {
		code.file = line.file;
		code.line = line.line;
	}
	return code;
}

/* ---- The culprit --------------------------------------------------------- */

static size_t read_code(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct mt_enrich_query *query = arg;

	return mt_image_read_code(query->watch->image, addr, out, len);
}

/*
 * The word that a call has pushed, as it was at the hit: part of the watched value, or of the stack
 * that came with the record; else what is there now.
 */
static size_t read_data(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct mt_enrich_query *query = arg;
	const struct mt_record *record = query->record;
	uint64_t rsp = record->regs.r[MT_REG_RSP];
	uint64_t into_watch = addr - query->watch->addr;
	uint64_t into_stack = addr - rsp;
	const uint8_t *tail = (const uint8_t *)mt_record_tail(record);

	if (into_watch < query->watch->len && len <= query->watch->len - into_watch) {
		memcpy(out, (const uint8_t *)record->new_value + into_watch, len);
		return len;
	}
	if (record->flags & MT_RECORD_STACK_COPY && into_stack + len <= record->stack_len) {
		memcpy(out, tail + into_stack, len);
		return len;
	}

	struct mt_error *error = mt_process_read((pid_t)record->pid, addr, out, len);

	mt_error_free(error);
	return error ? 0 : len;
}

static uint64_t function_start(void *arg, uint64_t pc)
{
	const struct mt_enrich_query *query = arg;
	uint64_t start, end;

	return mt_image_function_bounds(query->watch->image, pc, &start, &end) ? start : 0;
}

static uint8_t wanted_access(const struct mt_hit_watch *watch)
{
	return watch->kind == MT_DR_WRITE ? MT_INSN_WRITE : MT_INSN_READ | MT_INSN_WRITE;
}

/* A trap's pc is just behind the culprit, which may be the last instruction of its function. */
static uint64_t start_for_trap(const struct mt_enrich_query *query, uint64_t pc)
{
	uint64_t at = function_start((void *)(uintptr_t)query, pc);
	uint64_t before = function_start((void *)(uintptr_t)query, pc - 1);

	return at == pc || !at ? (before ? before : at) : at;
}

static void find_culprit(const struct mt_enrich_query *query, struct mt_culprit *culprit)
{
	uint64_t pc = query->record->regs.r[MT_REG_RIP];
	struct mt_culprit_query search = {
		.machine = mt_image_machine(query->watch->image),
		.after = &query->record->regs,
		.watch_addr = query->watch->addr,
		.watch_len = query->watch->len,
		.access = wanted_access(query->watch),
		.function_start = start_for_trap(query, pc),
		.read_code = read_code,
		.read_data = read_data,
		.start_of = function_start,
		.arg = (void *)(uintptr_t)query,
	};

	mt_culprit_find(&search, culprit);
}

/* The instruction at `pc` itself: an execution, or the `syscall` before a return from the kernel.
 */
static void decode_at(const struct mt_enrich_query *query, uint64_t pc, struct mt_culprit *culprit)
{
	uint8_t bytes[MT_INSN_MAX_LEN];
	size_t len = read_code((void *)(uintptr_t)query, pc, bytes, sizeof(bytes));

	memset(culprit, 0, sizeof(*culprit));
	if (mt_insn_decode(mt_image_machine(query->watch->image), bytes, len, pc, &culprit->insn))
		culprit->how = MT_CULPRIT_DECODED;
}

/* `syscall`, `sysenter` and `int 0x80` are two bytes long. */
#define SYSCALL_LEN 2

static void identify(const struct mt_enrich_query *query, struct mt_culprit *culprit)
{
	uint64_t pc = query->record->regs.r[MT_REG_RIP];

	if (query->record->flags & MT_RECORD_KERNEL)
		decode_at(query, pc - SYSCALL_LEN, culprit);
	else if (query->record->flags & MT_RECORD_STEPPED)
		decode_at(query, query->record->stepped_pc, culprit);
	else if (query->watch->kind == MT_DR_EXEC)
		decode_at(query, pc, culprit);
	else
		find_culprit(query, culprit);
}

/* Whether a culprit that was found before for the same pc did this access too. */
static bool did_it(const struct mt_culprit_entry *entry, const struct mt_enrich_query *query)
{
	const struct mt_record *record = query->record;

	if (record->flags & MT_RECORD_KERNEL || query->watch->kind == MT_DR_EXEC)
		return true;
	if (record->flags & MT_RECORD_STEPPED)
		return entry->code.culprit.insn.addr == record->stepped_pc;
	return entry->code.culprit.how == MT_CULPRIT_DECODED &&
	       mt_insn_touched(&entry->code.culprit.insn, &record->regs, query->watch->addr,
	                       query->watch->len) &
	           wanted_access(query->watch);
}

static struct mt_culprit_entry *find_known(struct mt_culprit_entry *first,
                                           const struct mt_culprit *culprit)
{
	for (struct mt_culprit_entry *entry = first; entry; entry = entry->next)
		if (entry->code.culprit.how == culprit->how &&
		    entry->code.culprit.insn.addr == culprit->insn.addr)
			return entry;
	return NULL;
}

/* Whether the instruction, whatever it touched this time, never stores. */
static bool only_reads(const struct mt_culprit *culprit)
{
	if (culprit->how != MT_CULPRIT_DECODED)
		return false;
	for (size_t i = 0; i < culprit->insn.mem_count; i++)
		if (culprit->insn.mem[i].access & MT_INSN_WRITE)
			return false;
	return true;
}

/* What the kernel's program may rely on at this pc: see struct mt_source_value. */
static void teach_source(struct mt_enricher *enricher, const struct mt_enrich_query *query,
                         const struct mt_culprit *culprit)
{
	const struct mt_insn_source *source = &culprit->insn.source;
	struct mt_source_value value = { .kind = MT_SOURCE_MEMORY };
	bool whole = query->single_store && culprit->how == MT_CULPRIT_DECODED &&
	             source->size == query->watch->len;

	if (query->record->flags & MT_RECORD_KERNEL)
		return;
	if (only_reads(culprit)) {
		value.kind = MT_SOURCE_NONE;
	} else if (whole && source->kind == MT_INSN_FROM_REGISTER) {
		value.kind = MT_SOURCE_REGISTER;
		value.reg = source->reg;
		value.shift = source->shift;
	} else if (whole && source->kind == MT_INSN_FROM_IMMEDIATE) {
		value.kind = MT_SOURCE_CONSTANT;
		value.constant = source->imm;
	}
	mt_space_learn_source(enricher->space, query->record->regs.r[MT_REG_RIP], &value);
}

/* The names of the instruction, with the function that was inlined there where there is one. */
static struct mt_code name_culprit(struct mt_enricher *enricher, const struct mt_culprit *culprit,
                                   uint64_t pc)
{
	uint64_t at = culprit->how == MT_CULPRIT_UNKNOWN ? pc : culprit->insn.addr;
	struct mt_code code = mt_enrich_code(enricher, at, false, true);
	struct mt_inline_frame inlined;

	if (code.module && mt_image_inlines_at(enricher->image, at, &inlined, 1)) {
		code.function = inlined.name;
		code.inlined = true;
	}
	return code;
}

static struct mt_culprit_entry *intern(struct mt_enricher *enricher, uint64_t pc,
                                       struct mt_culprit_entry *first,
                                       const struct mt_culprit *culprit)
{
	struct mt_culprit_entry *entry = mt_alloc(sizeof(*entry));

	if (!entry)
		return NULL;
	entry->pc = pc;
	entry->code.culprit = *culprit;
	entry->code.code = name_culprit(enricher, culprit, pc);
	if (first) {
		entry->next = first->next;
		first->next = entry;
	} else {
		HASH_ADD(hh, enricher->culprits, pc, sizeof(entry->pc), entry);
	}
	return entry;
}

struct mt_culprit_code *mt_enrich_culprit(struct mt_enricher *enricher,
                                          const struct mt_enrich_query *query)
{
	uint64_t pc = query->record->regs.r[MT_REG_RIP];
	struct mt_culprit_entry *first, *entry;
	struct mt_culprit culprit;

	if (enricher->stale)
		forget_unknown(enricher);
	HASH_FIND(hh, enricher->culprits, &pc, sizeof(pc), first);
	if (!first)
		find_module(enricher, pc);
	if (first && did_it(first, query))
		return &first->code;
	identify(query, &culprit);
	entry = find_known(first, &culprit);
	if (!entry) {
		teach_source(enricher, query, &culprit);
		entry = intern(enricher, pc, first, &culprit);
	}
	return entry ? &entry->code : NULL;
}
