/* SPDX-License-Identifier: MIT */
#include "symbol/suggest.h"

#include <string.h>

#include "base/near.h"
#include "symbol/scope.h"
#include "symbol/symtab.h"

/* Demangling takes about a microsecond a name: this much is not felt. */
#define DEMANGLED_MAX 20000

void mt_suggest_names(const struct mt_module *module, const char *name, bool code,
                      struct mt_buf *text)
{
	struct mt_symtab *symtab = mt_symtab_of(module->file);
	struct mt_near near = { .wanted = name };
	size_t demangled = 0;

	for (size_t i = 0; i < symtab->count; i++) {
		struct mt_elf_symbol *symbol = &symtab->symbols[i];
		const char *candidate;

		if (symbol->is_code != code || (symbol->raw[0] == '_' && symbol->raw[1] != 'Z'))
			continue;
		if (symbol->raw[0] == '_' && demangled++ > DEMANGLED_MAX)
			continue;
		candidate = mt_scope_last_part(mt_elf_symbol_name(symbol));
		mt_near_offer_part(&near, candidate, strcspn(candidate, ".@"));
	}
	mt_near_append(&near, text);
}
