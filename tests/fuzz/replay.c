/* SPDX-License-Identifier: MIT */
/*
 * A fuzz target as a test: feeds it, in a process of its own each, the files of the folder CORPUS
 * and cut and bit-flipped versions of them.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../unit/unit.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "fuzz.h"

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void read_file(const char *folder, const char *name, struct mt_buf *bytes)
{
	struct mt_buf path MT_AUTO_BUF = { 0 };
	char block[4096];
	size_t got;

	mt_buf_printf(&path, "%s/%s", folder, name);
	FILE *file MT_AUTO_FILE = fopen(path.data, "rb");
	ck_assert_msg(file != NULL, "cannot open %s", path.data);
	while ((got = fread(block, 1, sizeof(block), file)) > 0)
		mt_buf_bytes(bytes, block, got);
}

/* In a block of exactly that size, so that a sanitizer sees a read past its end. */
static void feed(const char *data, size_t len)
{
	uint8_t *exact MT_AUTO_FREE = mt_alloc(len ? len : 1);

	memcpy(exact, data, len);
	LLVMFuzzerTestOneInput(exact, len);
}

static void feed_variants(struct mt_buf *bytes)
{
	size_t step = bytes->len / 64 + 1;

	feed(bytes->data, bytes->len);
	for (size_t len = 0; len < bytes->len; len += step)
		feed(bytes->data, len);
	for (size_t i = 0; i < bytes->len; i += step) {
		bytes->data[i] ^= (char)(1 << (i % 8));
		feed(bytes->data, bytes->len);
		bytes->data[i] ^= (char)(1 << (i % 8));
	}
}

START_TEST(corpus_is_survived)
{
	const char *folder = getenv("CORPUS");
	struct dirent **entries;

	ck_assert(folder != NULL);
	int count = scandir(folder, &entries, is_visible, alphasort);
	ck_assert_msg(count > 0, "no corpus in %s", folder);
	for (int i = 0; i < count; i++) {
		struct mt_buf bytes MT_AUTO_BUF = { 0 };

		read_file(folder, entries[i]->d_name, &bytes);
		mt_buf_text(&bytes, "");
		feed_variants(&bytes);
		free(entries[i]);
	}
	free(entries);
}
END_TEST

MT_UNIT_MAIN("replay", corpus_is_survived)
