/* SPDX-License-Identifier: MIT */
#include "self/history.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "self/context.h"
#include "self/frames.h"

#define MAGIC_SIZE 24

/* For i386, whose own alignment of it is 4: one instruction loads and stores it only so. */
typedef uint64_t counter __attribute__((aligned(8)));

/* A reader may look on while an entry is written: it is copied word by word, each of them whole. */
#define WORDS (sizeof(struct memtrap_past_hit) / sizeof(unsigned long))

union entry {
	struct memtrap_past_hit hit;
	unsigned long words[WORDS];
};

/* The layout is the one that <memtrap/memtrap.h> promises. Behind the entries stand their claims (a
 * byte each: 1 while a thread writes the entry), and the name. */
struct mt_history {
	char magic[MAGIC_SIZE];
	uint32_t version;
	uint32_t entry_size;
	uint32_t entry_count;
	uint32_t name_offset;
	counter addr;
	uint32_t len;
	uint32_t kind;
	counter hits;
	union entry entries[];
};

static_assert(sizeof(MEMTRAP_HISTORY_MAGIC) <= MAGIC_SIZE, "the magic fits");
static_assert(sizeof(struct mt_history) == 64, "the head is what the header says");
static_assert(sizeof(union entry) == 192, "of the same size on i386");

/* ---- The memory ---------------------------------------------------------- */

static size_t claims_offset(unsigned entries)
{
	return sizeof(struct mt_history) + entries * sizeof(union entry);
}

static size_t size_of(const struct mt_history *history)
{
	return history->name_offset + strlen((const char *)history + history->name_offset) + 1;
}

struct mt_history *mt_history_create(const char *name, const struct memtrap_spec *spec,
                                     unsigned entries)
{
	size_t name_offset = claims_offset(entries) + entries;
	size_t size = name_offset + strlen(name) + 1;
	struct mt_history *history =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (history == MAP_FAILED)
		return NULL;
	memcpy(history->magic, MEMTRAP_HISTORY_MAGIC, sizeof(MEMTRAP_HISTORY_MAGIC));
	history->version = MT_HISTORY_VERSION;
	history->entry_size = sizeof(union entry);
	history->entry_count = entries;
	history->name_offset = (uint32_t)name_offset;
	history->addr = (uintptr_t)spec->addr;
	history->len = (uint32_t)spec->len;
	history->kind = spec->kind;
	memcpy((char *)history + name_offset, name, size - name_offset);
	return history;
}

void mt_history_destroy(struct mt_history *history)
{
	if (history)
		munmap(history, size_of(history));
}

/* ---- Entries, word by word ----------------------------------------------- */

/* Release and acquire: whoever sees one word of a new entry sees that its count is gone, too. */
static void store_words(union entry *to, const union entry *from)
{
	for (size_t i = 0; i < WORDS; i++)
		__atomic_store_n(&to->words[i], from->words[i], __ATOMIC_RELEASE);
}

static void load_words(union entry *to, const union entry *from)
{
	for (size_t i = 0; i < WORDS; i++)
		to->words[i] = __atomic_load_n(&from->words[i], __ATOMIC_ACQUIRE);
}

static counter *count_of(const union entry *entry)
{
	return (counter *)(uintptr_t)&entry->hit.count;
}

/* ---- Writing ------------------------------------------------------------- */

static void describe(const struct memtrap_hit *hit, size_t value_len, struct memtrap_past_hit *past)
{
	uintptr_t frames[MEMTRAP_FRAMES];
	struct mt_regs regs;

	*past = (struct memtrap_past_hit){
		.time_ns = hit->time_ns,
		.pc = hit->pc,
		.culprit = hit->culprit,
		.addr = hit->addr,
		.len = (uint32_t)hit->len,
		.access = hit->access,
		.tid = hit->tid,
		.flags = hit->flags,
	};
	if (hit->old_value && hit->new_value) {
		past->value_len = (uint32_t)value_len;
		memcpy(past->old_value, hit->old_value, value_len);
		memcpy(past->new_value, hit->new_value, value_len);
	}
	mt_context_regs(hit->context, &regs);
	past->frame_count = (uint32_t)mt_frames_put_culprit(
	    frames, mt_frames_by_pointer(&regs, frames, MEMTRAP_FRAMES), hit->culprit);
	for (size_t i = 0; i < past->frame_count; i++)
		past->frames[i] = frames[i];
}

static void raise_to(counter *hits, uint64_t count)
{
	uint64_t seen = __atomic_load_n(hits, __ATOMIC_RELAXED);

	while (seen < count && !__atomic_compare_exchange_n(hits, &seen, count, true,
	                                                    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

static void fill(union entry *entry, const union entry *past, uint64_t count)
{
	__atomic_store_n(count_of(entry), 0, __ATOMIC_RELAXED);
	store_words(entry, past);
	__atomic_store_n(count_of(entry), count, __ATOMIC_RELEASE);
}

void mt_history_add(struct mt_history *history, const struct memtrap_hit *hit, size_t value_len)
{
	size_t index = (size_t)((hit->count - 1) % history->entry_count);
	union entry *entry = &history->entries[index], past;
	char *claim = (char *)history + claims_offset(history->entry_count) + index;

	describe(hit, value_len, &past.hit);
	if (__atomic_exchange_n(claim, 1, __ATOMIC_ACQUIRE))
		return;
	/* A writer that was held up must not put an old hit over a newer one. */
	if (__atomic_load_n(count_of(entry), __ATOMIC_RELAXED) < hit->count)
		fill(entry, &past, hit->count);
	__atomic_store_n(claim, 0, __ATOMIC_RELEASE);
	raise_to(&history->hits, hit->count);
}

/* ---- Reading ------------------------------------------------------------- */

unsigned mt_history_room(const struct mt_history *history)
{
	return history->entry_count;
}

uint64_t mt_history_hits(const struct mt_history *history)
{
	return __atomic_load_n(&history->hits, __ATOMIC_ACQUIRE);
}

bool mt_history_get(const struct mt_history *history, uint64_t count, struct memtrap_past_hit *hit)
{
	const union entry *entry = &history->entries[(count - 1) % history->entry_count];
	union entry read;

	if (__atomic_load_n(count_of(entry), __ATOMIC_ACQUIRE) != count)
		return false;
	load_words(&read, entry);
	if (__atomic_load_n(count_of(entry), __ATOMIC_RELAXED) != count)
		return false;
	*hit = read.hit;
	hit->count = count;
	return true;
}

size_t mt_history_read(const struct mt_history *history, struct memtrap_past_hit *hits, size_t max)
{
	uint64_t last = mt_history_hits(history);
	uint64_t span = max < history->entry_count ? max : history->entry_count;
	size_t found = 0;

	for (uint64_t count = last > span ? last - span + 1 : 1; count <= last; count++)
		found += mt_history_get(history, count, &hits[found]);
	return found;
}
