/* SPDX-License-Identifier: MIT */
#include "expr/near.h"

#include <stdint.h>
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

static bool is_listed(const struct mt_near *near, const char *name)
{
	for (size_t i = 0; i < near->count; i++)
		if (!strcmp(near->names[i], name))
			return true;
	return false;
}

void mt_near_offer(struct mt_near *near, const char *name)
{
	size_t wanted_len = strlen(near->wanted), len = strlen(name);

	if (!len || len > MAX_LEN || wanted_len > MAX_LEN || is_listed(near, name))
		return;
	size_t far = distance(near->wanted, wanted_len, name, len);
	if (far > (wanted_len + 2) / 3 || far >= len)
		return;
	size_t place = near->count;
	while (place > 0 && near->distances[place - 1] > far)
		place--;
	if (place == MT_NEAR_MAX)
		return;
	if (near->count < MT_NEAR_MAX)
		near->count++;
	for (size_t i = near->count - 1; i > place; i--) {
		near->names[i] = near->names[i - 1];
		near->distances[i] = near->distances[i - 1];
	}
	near->names[place] = name;
	near->distances[place] = far;
}

void mt_near_append(const struct mt_near *near, struct mt_buf *out)
{
	for (size_t i = 0; i < near->count; i++) {
		bool last = i + 1 == near->count;

		mt_buf_text(out, !i ? "; did you mean " : last ? " or " : ", ");
		mt_buf_text(out, near->names[i]);
	}
	if (near->count)
		mt_buf_char(out, '?');
}
