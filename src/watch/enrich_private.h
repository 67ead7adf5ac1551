/* SPDX-License-Identifier: MIT */
/* Inside src/watch: what enrich.c and stacks.c share. */
#ifndef MT_WATCH_ENRICH_PRIVATE_H
#define MT_WATCH_ENRICH_PRIVATE_H

#include "base/hash.h"

#include "watch/enrich.h"

/* An instruction that touched watched memory, by its own address and how it was found. */
struct mt_culprit_entry {
	uint64_t pc; /* key: of the trap */
	struct mt_culprit_code code;
	struct mt_culprit_entry
	    *next; /* others with the same pc: calls from several places, rep … */
	UT_hash_handle hh;
};

struct mt_stack_entry {
	uint64_t *pcs; /* key */
	size_t key_len;
	struct mt_stack stack;
	UT_hash_handle hh;
};

/* A pc whose rule the space has learnt. */
struct mt_rule_entry {
	uint64_t key;
	UT_hash_handle hh;
};

struct mt_enricher {
	struct mt_image *image;
	struct mt_space *space;
	struct mt_culprit_entry *culprits;
	struct mt_stack_entry *stacks;
	struct mt_rule_entry *rules;
	bool (*refresh)(void *arg);
	void *refresh_arg;
	bool stale; /* mappings have changed: what was not found may be found now */
};

void mt_enricher_free_stacks(struct mt_enricher *enricher);

#endif
