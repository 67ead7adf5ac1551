/* SPDX-License-Identifier: MIT */
#include "self/code_cache.h"

#include <string.h>

#include "self/peek.h"

#define ENTRIES 256
#define PAGE 4096

#define WORDS (sizeof(struct mt_insn) / sizeof(unsigned long))

_Static_assert(sizeof(struct mt_insn) % sizeof(unsigned long) == 0, "it is copied by words");

union words {
	struct mt_insn insn;
	unsigned long word[WORDS];
};

/* A sequence lock: `turn` is odd while the entry is being written. Its words are atomic ones, since
 * they may be read at that time. */
struct entry {
	uint32_t turn;
	union words words;
};

static struct entry entries[ENTRIES];

static struct entry *entry_of(uint64_t pc)
{
	return &entries[(pc ^ pc >> 8) % ENTRIES];
}

/*
 * The page of `pc` is mapped, as the thread is about to go on there; the one before need not be,
 * nor need its protection key be open to a signal handler.
 */
static bool is_still_there(const struct mt_insn *insn, uint64_t pc)
{
	uint8_t now[MT_INSN_MAX_LEN];

	if (insn->addr / PAGE == pc / PAGE)
		return memcmp((const void *)(uintptr_t)insn->addr, insn->bytes, insn->len) == 0;
	return mt_peek((uintptr_t)insn->addr, now, insn->len) == insn->len &&
	       memcmp(now, insn->bytes, insn->len) == 0;
}

bool mt_code_cache_find(uintptr_t pc, struct mt_insn *insn)
{
	struct entry *entry = entry_of(pc);
	uint32_t turn = __atomic_load_n(&entry->turn, __ATOMIC_ACQUIRE);
	union words copy;

	for (size_t i = 0; i < WORDS; i++)
		copy.word[i] = __atomic_load_n(&entry->words.word[i], __ATOMIC_ACQUIRE);
	if (turn % 2 || __atomic_load_n(&entry->turn, __ATOMIC_RELAXED) != turn)
		return false;
	if (!copy.insn.len || copy.insn.addr + copy.insn.len != pc)
		return false;
	*insn = copy.insn;
	return is_still_there(insn, pc);
}

void mt_code_cache_keep(const struct mt_insn *insn)
{
	const union words words = { .insn = *insn };
	struct entry *entry = entry_of(insn->addr + insn->len);
	uint32_t turn = __atomic_load_n(&entry->turn, __ATOMIC_RELAXED);

	if (turn % 2 || !__atomic_compare_exchange_n(&entry->turn, &turn, turn + 1, false,
	                                             __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	for (size_t i = 0; i < WORDS; i++)
		__atomic_store_n(&entry->words.word[i], words.word[i], __ATOMIC_RELEASE);
	__atomic_store_n(&entry->turn, turn + 2, __ATOMIC_RELEASE);
}
