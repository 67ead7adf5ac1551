/* SPDX-License-Identifier: MIT */
#include "symbol/index_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "symbol/elfhead.h"

struct mt_index_file {
	int fd;
	struct mt_index_head head;
	struct mt_index_layout layout;
	uint32_t *sums;
	uint8_t **blocks; /* those that were read; NULL: not yet */
	uint32_t *unread;
};

MT_DEFINE_CLEANUP(index_file, struct mt_index_file, mt_index_file_close)

/* ---- The format ---------------------------------------------------------- */

void mt_index_layout(const struct mt_index_head *head, struct mt_index_layout *layout)
{
	uint64_t at = MT_INDEX_BLOCK, pair = MT_INDEX_WORDS;

	layout->parents = at;
	at += pair * head->parent_count;
	for (int table = 0; table < MT_INDEX_TABLES; table++) {
		layout->places[table] = at;
		at += pair * head->place_count[table];
		layout->keys[table] = at;
		at += pair * head->key_count[table];
	}
	layout->unread = at;
	at += sizeof(uint32_t) * (uint64_t)head->unread_count;
	layout->block_count = (at - 1) / MT_INDEX_BLOCK; /* without the head's */
	layout->sums = (layout->block_count + 1) * MT_INDEX_BLOCK;
	layout->end = layout->sums + sizeof(uint32_t) * layout->block_count;
}

/* Against accidents: who can write such a file can write a right sum, too. */
uint32_t mt_index_sum(const void *bytes, size_t size, uint64_t seed)
{
	const uint64_t prime = 0x9e3779b97f4a7c15;
	const char *at = bytes;
	uint64_t sums[4] = { seed, ~seed, seed * prime, size };
	uint64_t words[4] = { 0 };

	for (; size; at += sizeof(words)) {
		size_t len = size < sizeof(words) ? size : sizeof(words);

		memset(words, 0, sizeof(words));
		memcpy(words, at, len);
		for (int i = 0; i < 4; i++) {
			sums[i] = (sums[i] ^ words[i]) * prime;
			sums[i] ^= sums[i] >> 32;
		}
		size -= len;
	}
	for (unsigned i = 1; i < 4; i++)
		sums[0] = (sums[0] ^ sums[i]) * prime + i;
	return (uint32_t)(sums[0] >> 32);
}

uint32_t mt_index_head_sum(const struct mt_index_head *head)
{
	struct mt_index_head copy = *head;

	copy.head_sum = 0;
	return mt_index_sum(&copy, sizeof(copy), 0);
}

/* ---- Opening ------------------------------------------------------------- */

static bool is_about(const struct mt_index_head *head, const struct mt_index_subject *subject)
{
	return !memcmp(&head->subject, subject, sizeof(*subject)) &&
	       head->unread_count <= subject->unit_count;
}

static bool read_head(struct mt_index_file *file, const struct mt_index_subject *subject)
{
	struct mt_index_head *head = &file->head;
	struct stat st;

	if (fstat(file->fd, &st) || !mt_read_at(file->fd, head, sizeof(*head), 0) ||
	    memcmp(head->magic, MT_INDEX_MAGIC, sizeof(head->magic)) != 0 ||
	    head->version != MT_INDEX_VERSION || head->head_sum != mt_index_head_sum(head) ||
	    !is_about(head, subject))
		return false;
	mt_index_layout(head, &file->layout);
	return (uint64_t)st.st_size == file->layout.end;
}

static bool read_sums(struct mt_index_file *file)
{
	size_t count = file->layout.block_count, size = count * sizeof(*file->sums);

	file->sums = mt_alloc_array(count + 1, sizeof(*file->sums));
	file->blocks = mt_alloc_array(count + 1, sizeof(*file->blocks));
	return file->sums && file->blocks &&
	       mt_read_at(file->fd, file->sums, size, file->layout.sums) &&
	       mt_index_sum(file->sums, size, 0) == file->head.sums_sum;
}

/* The block that holds that byte of the file, checked; NULL: it is bad, or there is no memory. */
static const uint8_t *block_at(struct mt_index_file *file, uint64_t offset)
{
	uint64_t number = offset / MT_INDEX_BLOCK - 1;
	uint8_t *block MT_AUTO_FREE = NULL;

	if (file->blocks[number])
		return file->blocks[number];
	block = mt_alloc(MT_INDEX_BLOCK);
	if (!block || !mt_read_at(file->fd, block, MT_INDEX_BLOCK, (number + 1) * MT_INDEX_BLOCK) ||
	    mt_index_sum(block, MT_INDEX_BLOCK, number) != file->sums[number])
		return NULL;
	file->blocks[number] = MT_TAKE(block);
	return file->blocks[number];
}

static bool read_unread(struct mt_index_file *file)
{
	size_t count = file->head.unread_count;

	file->unread = mt_alloc_array(count + 1, sizeof(*file->unread));
	for (size_t i = 0; file->unread && i < count; i++) {
		uint64_t offset = file->layout.unread + i * sizeof(*file->unread);
		const uint8_t *block = block_at(file, offset);

		if (!block)
			return false;
		memcpy(&file->unread[i], block + offset % MT_INDEX_BLOCK, sizeof(*file->unread));
		if (file->unread[i] >= file->head.subject.unit_count ||
		    (i && file->unread[i] <= file->unread[i - 1]))
			return false;
	}
	return file->unread != NULL;
}

struct mt_index_file *mt_index_file_open(int *fd, const struct mt_index_subject *subject)
{
	int own MT_AUTO_FD = mt_take_fd(fd);
	struct mt_index_file *file MT_CLEANUP(index_file_cleanup) = mt_alloc(sizeof(*file));

	if (!file)
		return NULL;
	file->fd = mt_take_fd(&own);
	if (!read_head(file, subject) || !read_sums(file) || !read_unread(file))
		return NULL;
	return MT_TAKE(file);
}

void mt_index_file_close(struct mt_index_file *file)
{
	if (!file)
		return;
	for (size_t i = 0; file->blocks && i < file->layout.block_count; i++)
		free(file->blocks[i]);
	close(file->fd);
	free(file->blocks);
	free(file->sums);
	free(file->unread);
	free(file);
}

/* ---- Looking up ---------------------------------------------------------- */

struct pair {
	uint32_t first, second;
};

/* The i-th pair of the part that begins at `part`. Pairs don't lie across blocks. */
static bool read_pair(struct mt_index_file *file, uint64_t part, uint64_t i, struct pair *pair)
{
	uint64_t offset = part + i * sizeof(*pair);
	const uint8_t *block = block_at(file, offset);

	if (block)
		memcpy(pair, block + offset % MT_INDEX_BLOCK, sizeof(*pair));
	return block != NULL;
}

/* Of `count` pairs, by `first`, the number of the first one that is not below `wanted`. */
static bool search(struct mt_index_file *file, uint64_t part, uint32_t count, uint32_t wanted,
                   uint32_t *found)
{
	uint32_t low = 0, high = count;
	struct pair pair;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (!read_pair(file, part, middle, &pair))
			return false;
		if (pair.first < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low;
	return true;
}

static bool add_places(struct mt_index_file *file, enum mt_index_table table, uint32_t from,
                       uint32_t to, struct mt_index_places *places)
{
	struct pair pair;

	if (from > to || to > file->head.place_count[table])
		return false;
	for (uint32_t i = from; i < to; i++) {
		const struct mt_index_place *last =
		    i > from ? &places->data[places->len - 1] : NULL;

		if (!read_pair(file, file->layout.places[table], i, &pair) ||
		    pair.second >= pair.first || (last && pair.first <= last->die) ||
		    !mt_vec_push(places, ((struct mt_index_place){ pair.first, pair.second })))
			return false;
	}
	return true;
}

bool mt_index_file_find(struct mt_index_file *file, enum mt_index_table table, uint32_t key,
                        struct mt_index_places *places)
{
	uint64_t keys = file->layout.keys[table];
	uint32_t count = file->head.key_count[table], at;
	struct pair pair, next = { .second = file->head.place_count[table] };

	if (!search(file, keys, count, key, &at))
		return false;
	if (at == count)
		return true;
	if (!read_pair(file, keys, at, &pair) ||
	    (at + 1 < count && !read_pair(file, keys, at + 1, &next)))
		return false;
	return pair.first != key || add_places(file, table, pair.second, next.second, places);
}

bool mt_index_file_parent(struct mt_index_file *file, uint32_t die, uint32_t *parent)
{
	uint32_t at;
	struct pair pair;

	if (!search(file, file->layout.parents, file->head.parent_count, die, &at) ||
	    at == file->head.parent_count || !read_pair(file, file->layout.parents, at, &pair) ||
	    pair.first != die || pair.second >= die)
		return false;
	*parent = pair.second;
	return true;
}

const uint32_t *mt_index_file_unread(const struct mt_index_file *file, size_t *count)
{
	*count = file ? file->head.unread_count : 0;
	return file ? file->unread : NULL;
}
