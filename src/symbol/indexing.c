/* SPDX-License-Identifier: MIT */
#include "symbol/indexing.h"

#include <elfutils/libdwelf.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "symbol/index_cache.h"

static struct mt_index_policy policy;

void mt_index_set_policy(const struct mt_index_policy *wanted)
{
	policy = *wanted;
}

bool mt_index_cache_wanted(void)
{
	const char *wanted = getenv("MEMTRAP_INDEX_CACHE");

	return !wanted || strcmp(wanted, "off") != 0;
}

/* ---- What is indexed ----------------------------------------------------- */

static size_t count_spaces(const struct mt_units *units)
{
	size_t count = units->space_count;

	for (size_t i = 0; i < units->split_count; i++)
		count += count_spaces(units->splits[i]);
	return count;
}

static void add_space(struct mt_indexing *indexing, const struct mt_units *units, size_t i)
{
	const struct mt_space *space = &units->spaces[i];
	bool is_alt = space->dwarf != units->spaces[0].dwarf;
	struct mt_index_space *added = &indexing->spaces[indexing->space_count++];

	added->space = space;
	added->units = units;
	added->bytes = space->bytes;
	added->abbrev = is_alt ? units->alt_abbrev : units->abbrev;
	added->str = is_alt ? units->alt_str : units->str;
	if (!is_alt) {
		added->alt_str = units->alt_str;
		added->line_str = units->line_str;
		added->str_offsets = units->str_offsets;
	}
	added->is_split = units->is_split;
	added->has_references = i == 0 && !space->is_types;
}

/* In the order of search_names() in named.c. */
static void add_spaces(struct mt_indexing *indexing, const struct mt_units *units)
{
	for (size_t i = 0; i < units->space_count; i++)
		add_space(indexing, units, i);
	for (size_t i = 0; i < units->split_count; i++)
		add_spaces(indexing, units->splits[i]);
}

/* The dwz alternate's space follows those that refer to it. */
static void find_alternate(struct mt_indexing *indexing, const struct mt_units *units)
{
	const struct mt_index_space *alt = &indexing->spaces[units->space_count - 1];

	if (alt->space->dwarf == indexing->spaces[0].space->dwarf)
		return;
	for (size_t i = 0; i + 1 < units->space_count; i++) {
		indexing->spaces[i].alt_base = alt->base;
		indexing->spaces[i].alt_size = (uint32_t)alt->bytes.size;
	}
}

/* Gives each space its positions. False: there are more than 32 bits have. */
static bool lay_out(struct mt_indexing *indexing, const struct mt_units *units)
{
	uint64_t at = 0;

	for (size_t i = 0; i < indexing->space_count; i++) {
		indexing->spaces[i].base = (uint32_t)at;
		at += indexing->spaces[i].bytes.size;
		if (at >= UINT32_MAX)
			return false;
	}
	find_alternate(indexing, units);
	return at >= policy.least;
}

static void mix(uint64_t *hash, uint64_t value)
{
	*hash = mt_index_sum(&value, sizeof(value), *hash) | *hash << 32;
}

static void describe(struct mt_indexing *indexing, const struct mt_units *units)
{
	Elf *elf = mt_module_file_elf(units->file);
	const void *id;
	ssize_t len = elf ? dwelf_elf_gnu_build_id(elf, &id) : 0;
	struct mt_index_subject *subject = &indexing->subject;

	if (len > 0 && len <= MT_INDEX_ID_MAX) {
		memcpy(subject->build_id, id, (size_t)len);
		subject->build_id_len = (uint32_t)len;
	}
	for (size_t i = 0; i < indexing->space_count; i++) {
		const struct mt_index_space *space = &indexing->spaces[i];

		subject->unit_count += (uint32_t)space->space->count;
		mix(&subject->fingerprint, space->bytes.size);
		mix(&subject->fingerprint, space->abbrev.size);
		mix(&subject->fingerprint, space->str.size);
		mix(&subject->fingerprint, space->line_str.size);
		mix(&subject->fingerprint, space->alt_str.size);
		mix(&subject->fingerprint, space->str_offsets.size);
		mix(&subject->fingerprint, space->space->count);
	}
}

/* False: the file is not one to be indexed, or there is no memory. */
static bool prepare(struct mt_indexing *indexing, const struct mt_units *units)
{
	size_t count = count_spaces(units);

	if (!count || !units->space_count)
		return false;
	indexing->spaces = mt_alloc_array(count, sizeof(*indexing->spaces));
	if (!indexing->spaces)
		return false;
	add_spaces(indexing, units);
	if (!lay_out(indexing, units))
		return false;
	describe(indexing, units);
	return true;
}

/* ---- What becomes of it -------------------------------------------------- */

static unsigned processors(void)
{
	cpu_set_t set;

	if (policy.threads)
		return policy.threads;
	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* Of the cache, if the index is to be kept there; else -1. */
static int folder_for(struct mt_indexing *indexing)
{
	if (!policy.cache || !indexing->subject.build_id_len || indexing->is_refused)
		return -1;
	if (indexing->folder < 0)
		indexing->folder = mt_index_cache_open(true);
	return indexing->folder;
}

/* A file of the cache, or one in memory. */
static int new_file(struct mt_indexing *indexing)
{
	char name[NAME_MAX + 1];
	int folder = folder_for(indexing);
	int fd = folder < 0 ? -1 : mt_index_cache_create(folder, name);

	if (fd < 0)
		return memfd_create("memtrap-index", MFD_CLOEXEC);
	indexing->name = mt_strdup(name);
	if (!indexing->name)
		mt_index_cache_drop(indexing->folder, name);
	return fd;
}

static void begin_to_make(struct mt_indexing *indexing)
{
	int fd MT_AUTO_FD = -1;

	indexing->state = MT_INDEX_NONE;
	if (!policy.make)
		return;
	fd = new_file(indexing);
	if (fd < 0)
		return;
	indexing->make = mt_index_make_begin(indexing->spaces, indexing->space_count,
	                                     &indexing->subject, processors(), &fd);
	if (indexing->make)
		indexing->state = MT_INDEX_MAKING;
}

static bool find_in_cache(struct mt_indexing *indexing)
{
	int fd MT_AUTO_FD = -1;

	if (!policy.cache || !indexing->subject.build_id_len)
		return false;
	indexing->folder = mt_index_cache_open(false);
	if (indexing->folder < 0)
		return false;
	fd = mt_index_cache_find(indexing->folder, &indexing->subject);
	if (fd >= 0)
		indexing->file = mt_index_file_open(&fd, &indexing->subject);
	return indexing->file != NULL;
}

static void begin(struct mt_indexing *indexing, const struct mt_units *units)
{
	if (!prepare(indexing, units))
		indexing->state = MT_INDEX_NONE;
	else if (find_in_cache(indexing))
		indexing->state = MT_INDEX_CACHED;
	else
		begin_to_make(indexing);
}

/* Waits for its end. */
static void finish(struct mt_indexing *indexing)
{
	char *name MT_AUTO_FREE = MT_TAKE(indexing->name);
	int fd MT_AUTO_FD = -1;

	if (mt_index_make_end(indexing->make, &fd))
		indexing->file = mt_index_file_open(&fd, &indexing->subject);
	indexing->make = NULL;
	indexing->is_refused = name && !indexing->file;
	if (indexing->is_refused)
		mt_index_cache_drop(indexing->folder, name);
	else if (name)
		mt_index_cache_keep(indexing->folder, &indexing->subject, name);
	if (!indexing->file)
		indexing->state = MT_INDEX_NONE;
	else
		indexing->state = name || !policy.cache ? MT_INDEX_MADE : MT_INDEX_UNKEPT;
}

/* What the folder of caches has no room for is made again, in memory. */
static void finish_or_retry(struct mt_indexing *indexing)
{
	finish(indexing);
	if (indexing->is_refused)
		begin_to_make(indexing);
}

static bool is_begun(struct mt_units *units)
{
	if (units->indexing || (!policy.make && !policy.cache))
		return units->indexing != NULL;
	units->indexing = mt_alloc(sizeof(*units->indexing));
	if (!units->indexing)
		return false;
	units->indexing->folder = -1;
	begin(units->indexing, units);
	return true;
}

struct mt_indexing *mt_indexing_of(struct mt_units *units)
{
	struct mt_indexing *indexing;

	if (!is_begun(units))
		return NULL;
	indexing = units->indexing;
	if (indexing->state == MT_INDEX_MAKING && mt_index_make_is_over(indexing->make))
		finish_or_retry(indexing);
	return indexing->file ? indexing : NULL;
}

/* What was read from the cache is made anew. */
void mt_indexing_refuse(struct mt_indexing *indexing)
{
	bool is_cached = indexing->state == MT_INDEX_CACHED;

	mt_index_file_close(indexing->file);
	indexing->file = NULL;
	indexing->state = MT_INDEX_NONE;
	if (is_cached)
		begin_to_make(indexing);
}

void mt_indexing_destroy(struct mt_indexing *indexing)
{
	if (!indexing)
		return;
	if (indexing->make)
		finish(indexing);
	mt_index_file_close(indexing->file);
	if (indexing->folder >= 0)
		close(indexing->folder);
	free(indexing->spaces);
	free(indexing);
}

enum mt_index_state mt_module_index_state(const struct mt_module *module)
{
	struct mt_units *units = module->file->units;

	if (!units || !units->indexing)
		return MT_INDEX_UNTRIED;
	mt_indexing_of(units);
	return units->indexing->state;
}

void mt_module_index_begin(const struct mt_module *module)
{
	struct mt_units *units = mt_units_of(module->file);

	if (units)
		is_begun(units);
}

unsigned mt_module_index_percent(const struct mt_module *module)
{
	return mt_module_index_state(module) == MT_INDEX_MAKING
	           ? mt_index_make_percent(module->file->units->indexing->make)
	           : 100;
}

/* ---- Positions ----------------------------------------------------------- */

const struct mt_index_space *mt_indexing_space(const struct mt_indexing *indexing,
                                               uint32_t position)
{
	size_t low = 0, high = indexing->space_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (indexing->spaces[middle].base <= position)
			low = middle + 1;
		else
			high = middle;
	}
	return low && position - indexing->spaces[low - 1].base <
	                   indexing->spaces[low - 1].bytes.size
	           ? &indexing->spaces[low - 1]
	           : NULL;
}

bool mt_indexing_is_unread(const struct mt_indexing *indexing, const struct mt_space *space,
                           const struct mt_unit *unit)
{
	size_t count, number = 0, i = 0;
	const uint32_t *unread = mt_index_file_unread(indexing->file, &count);

	if (!count)
		return false;
	while (i < indexing->space_count && indexing->spaces[i].space != space)
		number += indexing->spaces[i++].space->count;
	number += (size_t)(unit - space->units);
	for (size_t low = 0, high = count; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (unread[middle] == number)
			return true;
		if (unread[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}
