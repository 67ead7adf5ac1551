/* SPDX-License-Identifier: MIT */
#include "symbol/index_entries.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { CHUNK = 340, DIGITS = 256 }; /* a chunk is a page */

struct mt_index_chunk {
	struct mt_index_chunk *next;
	size_t count;
	struct mt_index_entry entries[CHUNK];
};

bool mt_index_heap_add(struct mt_index_heap *heap, unsigned shift,
                       const struct mt_index_entry *entry)
{
	struct mt_index_chunk **part = &heap->parts[entry->key >> shift];

	if (!*part || (*part)->count == CHUNK) {
		struct mt_index_chunk *chunk = mt_alloc(sizeof(*chunk));

		if (!chunk)
			return false;
		chunk->next = *part;
		*part = chunk;
	}
	(*part)->entries[(*part)->count++] = *entry;
	return true;
}

static void free_chunks(struct mt_index_chunk **part)
{
	while (*part) {
		struct mt_index_chunk *next = (*part)->next;

		free(*part);
		*part = next;
	}
}

void mt_index_heap_deinit(struct mt_index_heap *heap)
{
	for (size_t i = 0; i < MT_INDEX_PARTS; i++)
		free_chunks(&heap->parts[i]);
}

/* ---- Parts --------------------------------------------------------------- */

static struct mt_index_heap *heap_at(struct mt_index_heap *first, size_t stride, size_t i)
{
	return (struct mt_index_heap *)(void *)((char *)first + i * stride);
}

static uint32_t digit_of(const struct mt_index_entry *entry, unsigned digit)
{
	return (digit < 4 ? entry->die >> 8 * digit : entry->key >> 8 * (digit - 4)) & 0xff;
}

/* One pass of a radix sort; false when all have the same digit, and nothing was moved. */
static bool sort_by_digit(const struct mt_index_entry *from, struct mt_index_entry *to,
                          size_t count, unsigned digit)
{
	size_t starts[DIGITS] = { 0 }, at = 0;

	for (size_t i = 0; i < count; i++)
		starts[digit_of(&from[i], digit)]++;
	if (starts[digit_of(&from[0], digit)] == count)
		return false;
	for (size_t i = 0; i < DIGITS; i++) {
		size_t with_it = starts[i];

		starts[i] = at;
		at += with_it;
	}
	for (size_t i = 0; i < count; i++)
		to[starts[digit_of(&from[i], digit)]++] = from[i];
	return true;
}

/* By key and die. The order is in one of the two afterwards, which is returned. */
static struct mt_index_entry *sort(struct mt_index_entry *entries, struct mt_index_entry *spare,
                                   size_t count)
{
	for (unsigned digit = 0; count && digit < 8; digit++) {
		if (sort_by_digit(entries, spare, count, digit)) {
			struct mt_index_entry *sorted = spare;

			spare = entries;
			entries = sorted;
		}
	}
	return entries;
}

static void drop_doubles(struct mt_index_part *part)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < part->count; i++) {
		const struct mt_index_entry *entry = &part->entries[i];
		const struct mt_index_entry *last = kept ? &part->entries[kept - 1] : NULL;

		if (last && last->key == entry->key && last->die == entry->die)
			continue;
		if (!last || last->key != entry->key)
			part->key_count++;
		part->entries[kept++] = *entry;
	}
	part->count = kept;
}

static size_t move_out(struct mt_index_chunk **part, struct mt_index_entry *out)
{
	size_t count = 0;

	for (const struct mt_index_chunk *chunk = *part; chunk; chunk = chunk->next) {
		memcpy(out + count, chunk->entries, chunk->count * sizeof(*out));
		count += chunk->count;
	}
	free_chunks(part);
	return count;
}

bool mt_index_part_take(struct mt_index_part *part, struct mt_index_heap *first, size_t stride,
                        size_t count, size_t number)
{
	struct mt_index_entry *spare, *sorted;
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		for (const struct mt_index_chunk *chunk = heap_at(first, stride, i)->parts[number];
		     chunk; chunk = chunk->next)
			total += chunk->count;
	if (total > UINT32_MAX)
		return false;
	part->entries = mt_alloc_array(total + 1, sizeof(*part->entries));
	spare = mt_alloc_array(total + 1, sizeof(*spare));
	if (!part->entries || !spare) {
		free(spare);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		part->count += (uint32_t)move_out(&heap_at(first, stride, i)->parts[number],
		                                  part->entries + part->count);
	sorted = sort(part->entries, spare, part->count);
	free(sorted == spare ? part->entries : spare);
	part->entries = sorted;
	drop_doubles(part);
	return true;
}
