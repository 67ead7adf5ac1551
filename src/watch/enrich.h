/* SPDX-License-Identifier: MIT */
/*
 * Inside src/watch: names for numbers, once for each pc and each stack. One enricher serves one
 * image, and teaches its space what the kernel's programs can use: rules of unwinding, and sources
 * of stores.
 */
#ifndef MT_WATCH_ENRICH_H
#define MT_WATCH_ENRICH_H

#include "probe/probe.h"
#include "record/hit.h"

struct mt_enricher;

/* The image and the space must outlive it. */
struct mt_error *mt_enricher_create(struct mt_image *image, struct mt_space *space,
                                    struct mt_enricher **out);
void mt_enricher_destroy(struct mt_enricher *enricher);

/* An access as the enricher needs it. */
struct mt_enrich_query {
	const struct mt_record *record;
	const struct mt_hit_watch *watch;
	bool single_store; /* teach sources for a watch of one piece of that length */
};

/*
 * The instruction that made the access, interned: two hits by one instruction have the same
 * pointer. NULL without memory only.
 */
struct mt_culprit_code *mt_enrich_culprit(struct mt_enricher *enricher,
                                          const struct mt_enrich_query *query);

/* The stack of the record, interned; NULL when the record has none, or without memory. `executed`:
 * pc is the instruction itself, as for executions. */
struct mt_stack *mt_enrich_stack(struct mt_enricher *enricher, const struct mt_record *record,
                                 bool executed);

/*
 * The names of one address: as a return address (the call before it) or exactly. Without `lines`,
 * the source line is told only where that costs little (mt_module_lines_at_hand()).
 */
struct mt_code mt_enrich_code(struct mt_enricher *enricher, uint64_t pc, bool is_return,
                              bool lines);

/*
 * `refresh` is called when a pc is in no module: it reads the mappings again, if that may help, and
 * returns whether they have changed.
 */
void mt_enricher_on_unknown(struct mt_enricher *enricher, bool (*refresh)(void *arg), void *arg);

#endif
