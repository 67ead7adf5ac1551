/* SPDX-License-Identifier: MIT */
#include "cli/debug/paths.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"

char *mt_path_of_person(const char *text)
{
	const char *home = getenv("HOME");
	struct mt_buf path MT_AUTO_BUF = { 0 };

	if (*text != '~' || (text[1] && text[1] != '/') || !home)
		return mt_strdup(text);
	mt_buf_printf(&path, "%s%s", home, text + 1);
	return mt_buf_take(&path);
}

char *mt_path_of_xdg(const char *variable, const char *below_home, const char *name)
{
	struct mt_buf path MT_AUTO_BUF = { 0 };
	const char *folder = getenv(variable);
	const char *home = getenv("HOME");

	/* "All paths must be absolute": one that is not is to be ignored. */
	if (folder && *folder == '/')
		mt_buf_printf(&path, "%s/memtrap/%s", folder, name);
	else if (home && *home == '/')
		mt_buf_printf(&path, "%s/%s/memtrap/%s", home, below_home, name);
	else
		return NULL;
	return mt_buf_take(&path);
}
