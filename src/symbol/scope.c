/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/vec.h"
#include "symbol/die.h"
#include "symbol/scope.h"

#define DEPTH_MAX 64
#define NO_PARENT SIZE_MAX

/* A namespace, struct or the like of one unit. */
struct scope {
	uint64_t start, end; /* offsets of its first byte, and of what follows it */
	size_t parent;
	const char *prefix; /* of what stands in it */
};

/* libdw does not know a DIE's parent: the scopes of a unit are read once, in order. */
struct mt_scopes {
	void *unit; /* the address of its first DIE */
	UT_hash_handle hh;
	struct scope *data;
	size_t len;
	size_t cap;
};

struct reader {
	struct mt_module_file *file;
	struct mt_scopes *scopes;
};

const char *mt_scope_part(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	if (name || dwarf_tag(die) != DW_TAG_namespace)
		return name;
	return MT_SCOPE_UNNAMED;
}

static const char *join(const struct reader *reader, const char *outer, Dwarf_Die *die)
{
	const char *name = mt_scope_part(die);
	struct mt_buf text MT_AUTO_BUF = { 0 };

	if (!name)
		return outer;
	mt_buf_printf(&text, "%s%s::", outer, name);
	return mt_buf_ok(&text) ? mt_module_file_intern(reader->file, text.data) : NULL;
}

/* How many scopes start before `offset`. */
static size_t count_before(const struct mt_scopes *scopes, uint64_t offset)
{
	size_t low = 0, high = scopes->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (scopes->data[middle].start < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Of what is at `offset`: the last scope that starts before it holds it, or one around that. */
static const char *prefix_at(const struct mt_scopes *scopes, uint64_t offset)
{
	size_t count = count_before(scopes, offset);
	size_t at = count ? count - 1 : NO_PARENT;

	while (at != NO_PARENT && scopes->data[at].end <= offset)
		at = scopes->data[at].parent;
	return at == NO_PARENT ? "" : scopes->data[at].prefix;
}

/* In type units a type stands beside the namespace that declares it. */
static const char *outer_prefix(const struct reader *reader, Dwarf_Die *die, const char *around)
{
	Dwarf_Die declared;

	if (!mt_die_target(die, DW_AT_specification, &declared) || declared.cu != die->cu ||
	    declared.addr >= die->addr)
		return around;
	return prefix_at(reader->scopes, dwarf_dieoffset(&declared));
}

static bool read_scopes(const struct reader *reader, Dwarf_Die *die, const char *prefix,
                        size_t parent, uint64_t end, int depth)
{
	Dwarf_Die child, next;
	bool more = mt_die_child(die, &child);

	for (; more && depth < DEPTH_MAX; child = next) {
		more = mt_die_sibling(&child, &next);
		if (!mt_tag_is_scope(dwarf_tag(&child)) || dwarf_haschildren(&child) != 1)
			continue;

		struct scope scope = { .start = dwarf_dieoffset(&child),
			               .end = more ? dwarf_dieoffset(&next) : end,
			               .parent = parent,
			               .prefix = join(reader, outer_prefix(reader, &child, prefix),
			                              &child) };

		if (!scope.prefix || !mt_vec_push(reader->scopes, scope) ||
		    !read_scopes(reader, &child, scope.prefix, reader->scopes->len - 1, scope.end,
		                 depth + 1))
			return false;
	}
	return true;
}

static struct mt_scopes *scopes_of_unit(struct mt_module_file *file, Dwarf_Die *unit)
{
	struct mt_scopes *scopes;

	HASH_FIND_PTR(file->scopes, &unit->addr, scopes);
	if (scopes)
		return scopes;
	scopes = mt_alloc(sizeof(*scopes));
	if (!scopes)
		return NULL;
	scopes->unit = unit->addr;
	read_scopes(&(struct reader){ file, scopes }, unit, "", NO_PARENT, UINT64_MAX, 0);
	HASH_ADD_PTR(file->scopes, unit, scopes);
	if (!scopes->hh.tbl) {
		free(scopes->data);
		free(scopes);
		return NULL;
	}
	return scopes;
}

/* In type units it is the declaration that stands in its namespace. */
const char *mt_scope_prefix(struct mt_module_file *file, Dwarf_Die *described)
{
	Dwarf_Die unit, declared;
	Dwarf_Die *die =
	    mt_die_target(described, DW_AT_specification, &declared) ? &declared : described;
	struct mt_scopes *scopes =
	    dwarf_diecu(die, &unit, NULL, NULL) ? scopes_of_unit(file, &unit) : NULL;

	return scopes ? prefix_at(scopes, dwarf_dieoffset(die)) : NULL;
}

void mt_scopes_destroy(struct mt_scopes *scopes)
{
	struct mt_scopes *each, *next;

	HASH_ITER (hh, scopes, each, next) {
		HASH_DEL(scopes, each);
		free(each->data);
		free(each);
	}
}

/* Where the last part of the first `len` bytes starts; "::" inside of <…> and (…) does not count.
 */
static size_t last_part_at(const char *name, size_t len)
{
	int depth = 0;

	for (size_t at = len; at >= 2; at--) {
		char c = name[at - 1];

		if (c == '>' || c == ')')
			depth++;
		else if (c == '<' || c == '(')
			depth--;
		else if (depth <= 0 && c == ':' && name[at - 2] == ':')
			return at;
	}
	return 0;
}

const char *mt_scope_last_part(const char *name)
{
	return name + last_part_at(name, strlen(name));
}

/* Both are taken apart from behind, since that is where they agree. */
bool mt_scope_matches(const char *qualified, const char *name, bool *exact)
{
	size_t a = strlen(qualified), b = strlen(name);
	bool skipped = false;

	for (bool is_last = true; a; is_last = false) {
		size_t a_at = last_part_at(qualified, a), b_at = last_part_at(name, b);
		size_t len = a - a_at;
		bool same = b && len == b - b_at && !memcmp(qualified + a_at, name + b_at, len);

		if (!same && is_last)
			return false;
		if (same)
			b = b_at ? b_at - 2 : 0;
		else if (strncmp(qualified + a_at, MT_SCOPE_UNNAMED, len) != 0)
			skipped = true;
		a = a_at ? a_at - 2 : 0;
	}
	*exact = !skipped;
	return !b;
}

bool mt_is_path_end(const char *path, const char *end)
{
	size_t a = path ? strlen(path) : 0, b = strlen(end);

	return b && a >= b && !strcmp(path + a - b, end) && (a == b || path[a - b - 1] == '/');
}
