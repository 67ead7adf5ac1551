/* SPDX-License-Identifier: MIT */
/* The first line is a text; each line behind it is a macro's definition. */
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "expr/preprocess.h"
#include "fuzz.h"

static bool find(void *arg, const char *name, size_t len, const char **definition)
{
	for (const char *at = arg; *at; at += strlen(at) + 1) {
		if (len && !strncmp(at, name, len) && strcspn(at, " (") == len) {
			*definition = at;
			return true;
		}
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text MT_AUTO_FREE = mt_alloc(size + 3);
	struct mt_buf out MT_AUTO_BUF = { 0 };
	bool any;

	if (!text)
		return 0;
	for (size_t i = 0; i < size; i++)
		text[i] = (char)(data[i] == '\n' ? 0 : data[i] ? data[i] : ' ');

	const struct mt_macro_source source = { .find = find, .arg = text + strlen(text) + 1 };

	mt_error_free(mt_preprocess(&source, text, &out, &any));
	return 0;
}
