/* SPDX-License-Identifier: MIT */
#include "symbol/overload.h"

#include <stdio.h>
#include <string.h>

#include "symbol/scope.h"
#include "symbol/symtab.h"
#include "symbol/type_spelling.h"

/* ---- What mangled names contain ------------------------------------------- */

/* Itanium C++ ABI, section 5.1.3.1. */
static const struct {
	const char *name, *codes; /* of one and of two operands */
} operators[] = {
	{ "operator+", "pl ps" }, { "operator-", "mi ng" }, { "operator*", "ml de" },
	{ "operator/", "dv" },    { "operator%", "rm" },    { "operator^", "eo" },
	{ "operator&", "an ad" }, { "operator|", "or" },    { "operator~", "co" },
	{ "operator!", "nt" },    { "operator=", "aS" },    { "operator<", "lt" },
	{ "operator>", "gt" },    { "operator+=", "pL" },   { "operator-=", "mI" },
	{ "operator*=", "mL" },   { "operator/=", "dV" },   { "operator%=", "rM" },
	{ "operator^=", "eO" },   { "operator&=", "aN" },   { "operator|=", "oR" },
	{ "operator<<", "ls" },   { "operator>>", "rs" },   { "operator<<=", "lS" },
	{ "operator>>=", "rS" },  { "operator==", "eq" },   { "operator!=", "ne" },
	{ "operator<=", "le" },   { "operator>=", "ge" },   { "operator&&", "aa" },
	{ "operator||", "oo" },   { "operator++", "pp" },   { "operator--", "mm" },
	{ "operator,", "cm" },    { "operator->", "pt" },   { "operator()", "cl" },
	{ "operator[]", "ix" },   { "operator->*", "pm" },  { "operator<=>", "ss" },
};

/* One name, as it is looked for. */
struct wanted {
	const char *name;
	size_t len;          /* of the name without template arguments */
	char encoded[2][24]; /* parts of mangled names, one of which is there; "": none */
};

/* Where the last part's template arguments begin; the name's end without any. */
static size_t plain_len(const char *name)
{
	const char *last = mt_scope_last_part(name);
	const char *angle = strncmp(last, "operator", 8) != 0 ? strchr(last, '<') : NULL;

	return angle ? (size_t)(angle - name) : strlen(name);
}

static void encode(struct wanted *wanted)
{
	const char *last = mt_scope_last_part(wanted->name);
	size_t len = wanted->len - (size_t)(last - wanted->name);

	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		const char *codes = operators[i].codes;

		if (strcmp(operators[i].name, last) != 0)
			continue;
		snprintf(wanted->encoded[0], sizeof(wanted->encoded[0]), "%.2s", codes);
		snprintf(wanted->encoded[1], sizeof(wanted->encoded[1]), "%s",
		         codes[2] ? codes + 3 : "");
		return;
	}
	snprintf(wanted->encoded[0], sizeof(wanted->encoded[0]), "%zu%.*s", len,
	         (int)(len < 16 ? len : 16), last);
}

static bool may_be(const struct wanted *wanted, const char *raw)
{
	if (raw[0] != '_' || raw[1] != 'Z')
		return !strcmp(raw, wanted->name);
	return strstr(raw, wanted->encoded[0]) ||
	       (wanted->encoded[1][0] && strstr(raw, wanted->encoded[1]));
}

/* ---- What demangled names say ---------------------------------------------- */

/* Past the template arguments at `at`, or `at` itself. */
static const char *past_arguments(const char *at)
{
	int depth = 0;

	if (*at != '<')
		return at;
	for (const char *end = at; *end; end++) {
		depth += *end == '<';
		depth -= *end == '>' && end[-1] != '-';
		if (!depth)
			return end + 1;
	}
	return at;
}

/* Whether the name that was found at `at` is all of one, but for unnamed namespaces. */
static bool begins_name(const char *text, const char *at)
{
	size_t unnamed = strlen(MT_SCOPE_UNNAMED "::");

	while ((size_t)(at - text) >= unnamed &&
	       !memcmp(at - unnamed, MT_SCOPE_UNNAMED "::", unnamed))
		at -= unnamed;
	return at == text;
}

/* Whether nothing follows the name but arguments of its template, those that are wanted.
 * "operator<<" is none of "operator<". */
static bool ends_name(const struct wanted *wanted, const char *at, bool *is_template)
{
	const char *arguments = *at == ' ' ? at + 1 : at, *end;

	if (at[-1] == '<' && *at == '<')
		return false;
	end = past_arguments(arguments);
	*is_template = end > arguments;
	return !*end &&
	       (!wanted->name[wanted->len] ||
	        mt_same_spelling(arguments, (size_t)(end - arguments), wanted->name + wanted->len));
}

static bool is_named(const struct wanted *wanted, const char *shown, bool *is_template)
{
	char plain[256];

	*is_template = false;
	if (!strcmp(shown, wanted->name))
		return true;
	if (wanted->len >= sizeof(plain))
		return false;
	memcpy(plain, wanted->name, wanted->len);
	plain[wanted->len] = '\0';
	for (const char *at = strstr(shown, plain); at; at = strstr(at + 1, plain))
		if (begins_name(shown, at) && ends_name(wanted, at + wanted->len, is_template))
			return true;
	return false;
}

/* ---- The modules ------------------------------------------------------------ */

static bool each_in_module(struct mt_image *image, const struct mt_module *module,
                           const struct wanted *wanted,
                           bool (*visit)(const struct mt_overload *overload, void *arg), void *arg)
{
	struct mt_symtab *symtab = mt_symtab_of(module->file);

	for (size_t i = 0; i < symtab->count; i++) {
		struct mt_elf_symbol *symbol = &symtab->symbols[i];
		struct mt_overload found = { .entry = symbol->addr + module->bias };

		if (!symbol->is_code || !may_be(wanted, symbol->raw) || strchr(symbol->raw, '.'))
			continue;
		found.raw = symbol->raw;
		found.name = mt_elf_symbol_name(symbol);
		if (!is_named(wanted, found.name, &found.is_template))
			continue;
		found.type = mt_type_of_function(image, found.entry);
		if (!visit(&found, arg))
			return false;
	}
	return true;
}

void mt_overloads_each(struct mt_image *image, const char *name,
                       bool (*visit)(const struct mt_overload *overload, void *arg), void *arg)
{
	struct wanted wanted = { .name = name, .len = plain_len(name) };

	if (!wanted.len)
		return;
	encode(&wanted);
	for (size_t i = 0; i < mt_image_module_count(image); i++)
		if (!each_in_module(image, mt_image_module(image, i), &wanted, visit, arg))
			return;
}

bool mt_overload_entry(struct mt_image *image, const char *linkage_name, uint64_t *entry)
{
	for (size_t i = 0; i < mt_image_module_count(image); i++) {
		const struct mt_module *module = mt_image_module(image, i);
		const struct mt_symtab *symtab = mt_symtab_of(module->file);

		for (size_t j = 0; j < symtab->count; j++) {
			if (!symtab->symbols[j].is_code ||
			    strcmp(symtab->symbols[j].raw, linkage_name) != 0)
				continue;
			*entry = symtab->symbols[j].addr + module->bias;
			return true;
		}
	}
	return false;
}
