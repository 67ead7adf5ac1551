/* SPDX-License-Identifier: MIT */
#include "expr/member.h"

#include "base/near.h"

/* Damaged DWARF may nest anonymous members without end. */
enum { MAX_MEMBERS = 2000, MAX_NESTING = 32 };

static void offer_members(const struct mt_type *type, struct mt_near *near, unsigned nesting,
                          unsigned *members_left)
{
	for (size_t i = 0; i < type->member_count && *members_left; i++) {
		const struct mt_member *member = &type->members[i];

		--*members_left;
		if ((!member->name || member->is_base) && nesting < MAX_NESTING)
			offer_members(member->type, near, nesting + 1, members_left);
		else if (!member->name)
			continue;
		else
			mt_near_offer(near, member->name);
	}
}

static struct mt_error *no_member(const struct mt_type *type, const char *name, size_t at)
{
	struct mt_near near = { .wanted = name };
	struct mt_buf hint MT_AUTO_BUF = { 0 };
	struct mt_buf type_name MT_AUTO_BUF = { 0 };
	unsigned members_left = MAX_MEMBERS;

	mt_type_format(type, &type_name);
	offer_members(type, &near, 0, &members_left);
	mt_near_append(&near, &hint);
	if (!mt_buf_ok(&type_name) || !mt_buf_ok(&hint))
		return mt_error_nomem();
	return mt_error_at((long)at, "%s has no member %.60s%s", type_name.data, name,
	                   hint.len ? hint.data : "");
}

struct mt_error *mt_member_find(const struct mt_type *type, const char *name, size_t at,
                                const struct mt_member **member, uint64_t *offset)
{
	const struct mt_member *found = mt_type_member(type, name, offset);

	if (!found)
		return no_member(type, name, at);
	*member = found;
	return NULL;
}
