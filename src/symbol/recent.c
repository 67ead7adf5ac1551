/* SPDX-License-Identifier: MIT */
#include "symbol/recent.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Names of one letter are found everywhere, by chance. */
#define MAX_POSITIONS 65536

static bool copy(const struct mt_offsets *from, struct mt_offsets *to)
{
	uint64_t *data = mt_alloc_array(from->len + 1, sizeof(*data));

	if (!data)
		return false;
	if (from->len)
		memcpy(data, from->data, from->len * sizeof(*data));
	*to = (struct mt_offsets){ .data = data, .len = from->len, .cap = from->len + 1 };
	return true;
}

static void forget(struct mt_recent_name *entry)
{
	free(entry->name);
	mt_vec_deinit(&entry->positions);
	entry->name = NULL;
}

bool mt_recent_get(const struct mt_recent *recent, const char *name, struct mt_offsets *positions)
{
	for (size_t i = 0; i < MT_RECENT_NAMES; i++)
		if (recent->names[i].name && !strcmp(recent->names[i].name, name))
			return copy(&recent->names[i].positions, positions);
	return false;
}

void mt_recent_put(struct mt_recent *recent, const char *name, const struct mt_offsets *positions)
{
	struct mt_recent_name *entry = &recent->names[recent->next];
	struct mt_recent_name made = { 0 };

	if (positions->len > MAX_POSITIONS || !copy(positions, &made.positions))
		return;
	made.name = mt_strdup(name);
	if (!made.name) {
		forget(&made);
		return;
	}
	forget(entry);
	*entry = made;
	recent->next = (recent->next + 1) % MT_RECENT_NAMES;
}

void mt_recent_deinit(struct mt_recent *recent)
{
	for (size_t i = 0; i < MT_RECENT_NAMES; i++)
		forget(&recent->names[i]);
}
