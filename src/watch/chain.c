/* SPDX-License-Identifier: MIT */
#include "watch/chain.h"

#include <stdlib.h>
#include <string.h>

/* Records of different processors are apart by a few at most; more than that is a loss, not a
 * disorder. */
#define MAX_LATE 64

void mt_chain_deinit(struct mt_chain *chain)
{
	for (size_t i = 0; i < chain->late.len; i++)
		free(chain->late.data[i].record);
	mt_vec_deinit(&chain->late);
	mt_vec_deinit(&chain->ends);
}

static struct mt_chain_end *end_of(struct mt_chain *chain, uint64_t memory)
{
	for (size_t i = 0; i < chain->ends.len; i++)
		if (chain->ends.data[i].memory == memory)
			return &chain->ends.data[i];
	return NULL;
}

/* A turn below the last one was given up waiting for; it holds nobody up any more. */
bool mt_chain_follows(const struct mt_chain *chain, const struct mt_record *record, unsigned pieces)
{
	return record->turn < chain->last_turn + 1 + pieces;
}

bool mt_chain_hold(struct mt_chain *chain, const struct mt_record *record, unsigned pieces,
                   uint64_t round)
{
	struct mt_held held = { .pieces = pieces, .when = round };

	if (chain->late.len >= MAX_LATE)
		return false;
	held.record = mt_record_copy(record);
	if (held.record && mt_vec_push(&chain->late, held))
		return true;
	free(held.record);
	return false;
}

static size_t find_earliest(const struct mt_chain *chain)
{
	size_t earliest = 0;

	for (size_t i = 1; i < chain->late.len; i++)
		if (chain->late.data[i].record->turn < chain->late.data[earliest].record->turn)
			earliest = i;
	return earliest;
}

bool mt_chain_take(struct mt_chain *chain, uint64_t round, struct mt_held *held)
{
	size_t next = find_earliest(chain);

	if (chain->late.len == 0)
		return false;
	*held = chain->late.data[next];
	if (!mt_chain_follows(chain, held->record, held->pieces) &&
	    chain->late.data[0].when >= round)
		return false;
	mt_vec_remove(&chain->late, next);
	return true;
}

void mt_chain_link(struct mt_chain *chain, const struct mt_record *record, unsigned pieces,
                   size_t len, const uint8_t *shown, uint8_t *old_value)
{
	struct mt_chain_end *end = end_of(chain, record->memory);
	struct mt_chain_end fresh = { .memory = record->memory };
	bool whole = mt_chain_follows(chain, record, pieces) && record->turn > chain->last_turn;

	if (record->turn > chain->last_turn)
		chain->last_turn = record->turn;
	memcpy(old_value, record->old_value, len);
	if (record->flags & MT_RECORD_UNREADABLE)
		return;
	if (end && (whole || !memcmp(end->kernel, record->old_value, len)))
		memcpy(old_value, end->shown, len);
	if (!end && mt_vec_push(&chain->ends, fresh))
		end = &chain->ends.data[chain->ends.len - 1];
	if (!end)
		return;
	memcpy(end->kernel, record->new_value, sizeof(end->kernel));
	memcpy(end->shown, shown, len);
}
