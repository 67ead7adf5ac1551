/* SPDX-License-Identifier: MIT */
#include "symbol/suggest.h"

#include <string.h>

#include "symbol/scope.h"
#include "symbol/symtab.h"

#define SUGGESTIONS_MAX 5
#define NAME_MAX_LEN 64
/* Demangling takes about a microsecond a name: this much is not felt. */
#define DEMANGLED_MAX 20000

struct suggestions {
	const char *names[SUGGESTIONS_MAX]; /* nearest first */
	size_t lengths[SUGGESTIONS_MAX];
	unsigned distances[SUGGESTIONS_MAX];
	size_t count;
};

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned smaller = a < b ? a : b;

	return smaller < c ? smaller : c;
}

/* Levenshtein's distance, one row of the table at a time. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned row[NAME_MAX_LEN + 1];

	for (unsigned j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 0; i < a_len; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < b_len; j++) {
			unsigned above = row[j + 1];

			row[j + 1] =
			    least(above + 1, row[j] + 1, diagonal + (a[i] != b[j] ? 1 : 0));
			diagonal = above;
		}
	}
	return row[b_len];
}

static bool is_listed(const struct suggestions *list, const char *name, size_t len)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->lengths[i] == len && !memcmp(list->names[i], name, len))
			return true;
	return false;
}

static void insert(struct suggestions *list, const char *name, size_t len, unsigned far)
{
	size_t at = list->count < SUGGESTIONS_MAX ? list->count++ : SUGGESTIONS_MAX;

	if (at == SUGGESTIONS_MAX && far >= list->distances[--at])
		return;
	for (; at > 0 && list->distances[at - 1] > far; at--) {
		list->names[at] = list->names[at - 1];
		list->lengths[at] = list->lengths[at - 1];
		list->distances[at] = list->distances[at - 1];
	}
	list->names[at] = name;
	list->lengths[at] = len;
	list->distances[at] = far;
}

/* A third of the letters may be wrong. */
static void consider(struct suggestions *list, const char *name, size_t name_len,
                     const char *candidate)
{
	size_t len = strcspn(candidate, ".@");
	size_t gap = len > name_len ? len - name_len : name_len - len;
	size_t allowed = name_len / 3 + 1;

	if (!len || len > NAME_MAX_LEN || gap > allowed || is_listed(list, candidate, len))
		return;

	unsigned far = distance(name, name_len, candidate, len);

	if (far && far <= allowed && far < name_len)
		insert(list, candidate, len, far);
}

void mt_suggest_names(const struct mt_module *module, const char *name, bool code,
                      struct mt_buf *text)
{
	struct mt_symtab *symtab = mt_symtab_of(module->file);
	struct suggestions list = { 0 };
	size_t len = strlen(name), demangled = 0;

	if (len > NAME_MAX_LEN)
		return;
	for (size_t i = 0; i < symtab->count; i++) {
		struct mt_elf_symbol *symbol = &symtab->symbols[i];

		if (symbol->is_code != code || (symbol->raw[0] == '_' && symbol->raw[1] != 'Z'))
			continue;
		if (symbol->raw[0] == '_' && demangled++ > DEMANGLED_MAX)
			continue;
		consider(&list, name, len, mt_scope_last_part(mt_elf_symbol_name(symbol)));
	}
	for (size_t i = 0; i < list.count; i++)
		mt_buf_printf(text, "%s%.*s", i ? ", " : "; did you mean ", (int)list.lengths[i],
		              list.names[i]);
	if (list.count)
		mt_buf_char(text, '?');
}
