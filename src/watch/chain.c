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

static struct mt_chain_end *end_of(struct mt_chain *chain, uint32_t pid)
{
	for (size_t i = 0; i < chain->ends.len; i++)
		if (chain->ends.data[i].pid == pid)
			return &chain->ends.data[i];
	return NULL;
}

/* A thread's own accesses keep their order: values may repeat, and a link may only look right. */
static bool waits_for_own(const struct mt_chain *chain, const struct mt_record *record,
                          size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (chain->late.data[i].record->tid == record->tid)
			return true;
	return false;
}

static bool links(struct mt_chain *chain, const struct mt_record *record)
{
	const struct mt_chain_end *end = end_of(chain, record->pid);

	if (!end || record->flags & (MT_RECORD_OLD_UNKNOWN | MT_RECORD_UNREADABLE))
		return true;
	return !memcmp(end->kernel, record->old_value, sizeof(end->kernel));
}

bool mt_chain_follows(struct mt_chain *chain, const struct mt_record *record)
{
	return !waits_for_own(chain, record, chain->late.len) && links(chain, record);
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

static size_t find_next(struct mt_chain *chain, uint64_t round)
{
	for (size_t i = 0; i < chain->late.len; i++)
		if (!waits_for_own(chain, chain->late.data[i].record, i) &&
		    links(chain, chain->late.data[i].record))
			return i;
	return chain->late.len && chain->late.data[0].when < round ? 0 : chain->late.len;
}

bool mt_chain_take(struct mt_chain *chain, uint64_t round, struct mt_held *held)
{
	size_t next = find_next(chain, round);

	if (next == chain->late.len)
		return false;
	*held = chain->late.data[next];
	chain->late.len--;
	memmove(&chain->late.data[next], &chain->late.data[next + 1],
	        (chain->late.len - next) * sizeof(*held));
	return true;
}

void mt_chain_link(struct mt_chain *chain, const struct mt_record *record, size_t len,
                   const uint8_t *shown, uint8_t *old_value)
{
	struct mt_chain_end *end = end_of(chain, record->pid);
	struct mt_chain_end fresh = { .pid = record->pid };

	memcpy(old_value, record->old_value, len);
	if (record->flags & MT_RECORD_UNREADABLE)
		return;
	if (end && !memcmp(end->kernel, record->old_value, len))
		memcpy(old_value, end->shown, len);
	if (!end && mt_vec_push(&chain->ends, fresh))
		end = &chain->ends.data[chain->ends.len - 1];
	if (!end)
		return;
	memcpy(end->kernel, record->new_value, sizeof(end->kernel));
	memcpy(end->shown, shown, len);
}
