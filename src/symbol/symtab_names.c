/* SPDX-License-Identifier: MIT */
#include "symbol/symtab_names.h"

#include <string.h>

#include "base/alloc.h"
#include "symbol/index_read.h"

struct link {
	uint32_t hash, symbol, next;
};

/* Symbols in chains, by the hash of what they may be called; a symbol may be in two. */
struct mt_symtab_names {
	uint32_t *heads; /* of the chains: a number of a link plus 1; 0: empty */
	uint32_t mask;
	MT_VEC(struct link) links;
	struct mt_symbol_choice underscored;
};

static uint32_t hash_of_stem(const char *text)
{
	return mt_index_hash(text, strcspn(text, ".@"));
}

static bool add(struct mt_symtab_names *names, const char *text, uint32_t symbol)
{
	struct link link = { .hash = hash_of_stem(text), .symbol = symbol };
	uint32_t *head = &names->heads[link.hash & names->mask];

	link.next = *head;
	if (!mt_vec_push(&names->links, link))
		return false;
	*head = (uint32_t)names->links.len;
	return true;
}

static bool add_symbol(struct mt_symtab_names *names, const char *raw, uint32_t symbol)
{
	const char *dot = strchr(raw, '.');

	if (*raw == '_' && !mt_vec_push(&names->underscored, symbol))
		return false;
	return add(names, raw, symbol) && (!dot || add(names, dot + 1, symbol));
}

static bool fill(struct mt_symtab_names *names, const struct mt_symtab *symtab)
{
	size_t size = 64;

	if (symtab->count > UINT32_MAX / 4)
		return false;
	while (size < symtab->count)
		size *= 2;
	names->mask = (uint32_t)size - 1;
	names->heads = mt_alloc_array(size, sizeof(*names->heads));
	if (!names->heads || !mt_vec_reserve(&names->links, symtab->count + 1))
		return false;
	for (size_t i = 0; i < symtab->count; i++)
		if (!add_symbol(names, symtab->symbols[i].raw, (uint32_t)i))
			return false;
	return true;
}

static const struct mt_symtab_names *names_of(struct mt_symtab *symtab)
{
	struct mt_symtab_names *names;

	if (symtab->names)
		return symtab->names;
	names = mt_alloc(sizeof(*names));
	if (names && fill(names, symtab)) {
		symtab->names = names;
		return names;
	}
	mt_symtab_names_destroy(names);
	return NULL;
}

void mt_symtab_names_destroy(struct mt_symtab_names *names)
{
	if (!names)
		return;
	free(names->heads);
	mt_vec_deinit(&names->links);
	mt_vec_deinit(&names->underscored);
	free(names);
}

static int compare_symbols(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static void sort(struct mt_symbol_choice *choice)
{
	size_t kept = 0;

	if (choice->len)
		qsort(choice->data, choice->len, sizeof(*choice->data), compare_symbols);
	for (size_t i = 0; i < choice->len; i++)
		if (!kept || choice->data[i] != choice->data[kept - 1])
			choice->data[kept++] = choice->data[i];
	choice->len = kept;
}

bool mt_symtab_named(struct mt_symtab *symtab, const char *name, struct mt_symbol_choice *choice)
{
	const struct mt_symtab_names *names = symtab->count ? names_of(symtab) : NULL;
	uint32_t hash = hash_of_stem(name);
	const struct link *link;

	if (!names)
		return symtab->count == 0;
	for (uint32_t at = names->heads[hash & names->mask]; at; at = link->next) {
		link = &names->links.data[at - 1];
		if (link->hash == hash && !mt_vec_push(choice, link->symbol))
			return false;
	}
	for (size_t i = 0; i < names->underscored.len; i++) {
		uint32_t symbol = names->underscored.data[i];

		if (strstr(symtab->symbols[symbol].raw, name) && !mt_vec_push(choice, symbol))
			return false;
	}
	sort(choice);
	return true;
}
