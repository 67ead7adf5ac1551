/* SPDX-License-Identifier: MIT */
#include "base/near.h"

#include <string.h>

enum { MAX_LEN = 64 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Damerau's distance with adjacent swaps: how many keys were hit wrongly. Both at most MAX_LEN. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][MAX_LEN + 1];
	size_t *above2 = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		above[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t change = a[i - 1] != b[j - 1];

			row[j] = least(above[j - 1] + change, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], above2[j - 2] + 1);
		}
		size_t *free_row = above2;
		above2 = above;
		above = row;
		row = free_row;
	}
	return above[b_len];
}

static bool is_listed(const struct mt_near *near, const char *name, size_t len)
{
	for (size_t i = 0; i < near->count; i++)
		if (near->names[i].len == len && !memcmp(near->names[i].text, name, len))
			return true;
	return false;
}

/* In its place by distance; the farthest one falls out of a full list. */
static void insert(struct mt_near *near, struct mt_near_name name)
{
	size_t at = near->count < MT_NEAR_MAX ? near->count++ : MT_NEAR_MAX;

	if (at == MT_NEAR_MAX && name.distance >= near->names[--at].distance)
		return;
	for (; at > 0 && near->names[at - 1].distance > name.distance; at--)
		near->names[at] = near->names[at - 1];
	near->names[at] = name;
}

void mt_near_offer_part(struct mt_near *near, const char *name, size_t len)
{
	size_t wanted_len = strlen(near->wanted);
	size_t gap = len > wanted_len ? len - wanted_len : wanted_len - len;
	size_t allowed = (wanted_len + 2) / 3;
	size_t far;

	if (!len || len > MAX_LEN || wanted_len > MAX_LEN || gap > allowed ||
	    is_listed(near, name, len))
		return;
	far = distance(near->wanted, wanted_len, name, len);
	if (far && far <= allowed && far < len)
		insert(near, (struct mt_near_name){ name, len, far });
}

void mt_near_offer(struct mt_near *near, const char *name)
{
	mt_near_offer_part(near, name, strlen(name));
}

void mt_near_append(const struct mt_near *near, struct mt_buf *out)
{
	for (size_t i = 0; i < near->count; i++) {
		bool last = i + 1 == near->count;

		mt_buf_text(out, !i ? "; did you mean " : last ? " or " : ", ");
		mt_buf_bytes(out, near->names[i].text, near->names[i].len);
	}
	if (near->count)
		mt_buf_char(out, '?');
}
