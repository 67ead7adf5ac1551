/* SPDX-License-Identifier: MIT */
/* Source files as text. */
#include "cli/debug/source.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "cli/debug/shell.h"
#include "symbol/lines.h"

/* What is larger is no source that a person reads. */
enum { MAX_SIZE = 64 << 20 };

static void source_destroy(struct mt_source *source)
{
	free(source->path);
	free(source->found);
	free(source->text);
	mt_vec_deinit(&source->starts);
	free(source);
}

MT_DEFINE_CLEANUP(source, struct mt_source, source_destroy)

void mt_sources_forget(struct mt_sources *sources)
{
	for (size_t i = 0; i < sources->files.len; i++)
		source_destroy(sources->files.data[i]);
	sources->files.len = 0;
}

void mt_sources_deinit(struct mt_sources *sources)
{
	mt_sources_forget(sources);
	mt_vec_deinit(&sources->files);
}

/* ---- Finding --------------------------------------------------------------- */

static bool is_file(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= MAX_SIZE;
}

/* In the folder: the whole path, else fewer and fewer of its last parts. */
static char *find_below(const char *folder, size_t len, const char *path)
{
	for (const char *tail = path; tail; tail = strchr(tail, '/')) {
		struct mt_buf place MT_AUTO_BUF = { 0 };

		tail += strspn(tail, "/");
		mt_buf_printf(&place, "%.*s/%s", (int)len, folder, tail);
		if (mt_buf_ok(&place) && is_file(place.data))
			return mt_buf_take(&place);
	}
	return NULL;
}

/* A relative path as the compiler saw it. */
static char *find_relative(const struct mt_shell *shell, const char *path, uint64_t pc)
{
	struct mt_image *image = mt_debug_image(shell->debug);
	const char *folder = image && pc ? mt_source_folder_at(image, pc) : NULL;
	struct mt_buf place MT_AUTO_BUF = { 0 };
	char plain[PATH_MAX];

	if (*path == '/' || !folder)
		return NULL;
	mt_buf_printf(&place, "%s/%s", folder, path);
	if (!mt_buf_ok(&place) || !is_file(place.data) || !realpath(place.data, plain))
		return NULL;
	return mt_strdup(plain);
}

static char *find_file(const struct mt_shell *shell, const char *path, uint64_t pc)
{
	const char *folders = shell->settings.directories ? shell->settings.directories : "";
	char *found = find_relative(shell, path, pc);

	if (found || is_file(path))
		return found ? found : mt_strdup(path);
	while (*folders) {
		size_t len = strcspn(folders, ":");

		found = len ? find_below(folders, len, path) : NULL;
		if (found)
			return found;
		folders += len + (folders[len] == ':');
	}
	return is_file(mt_path_tail(path)) ? mt_strdup(mt_path_tail(path)) : NULL;
}

/* ---- Reading --------------------------------------------------------------- */

static struct mt_error *find_lines(struct mt_source *source)
{
	const char *at = source->text;

	while (*at) {
		const char *newline = strchrnul(at, '\n');

		if (!mt_vec_push(&source->starts, (size_t)(at - source->text)))
			return mt_error_nomem();
		at = *newline ? newline + 1 : newline;
	}
	return NULL;
}

static struct mt_error *read_text(struct mt_source *source)
{
	FILE *file MT_AUTO_FILE = fopen(source->found, "re");
	struct mt_buf text MT_AUTO_BUF = { 0 };
	char chunk[1 << 16];
	size_t got;

	if (!file)
		return mt_error_sys(errno, "cannot read %s", source->found);
	mt_buf_text(&text, "");
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		mt_buf_bytes(&text, chunk, got);
	source->text = mt_buf_take(&text);
	return source->text ? find_lines(source) : mt_error_nomem();
}

static struct mt_error *not_there(const char *path)
{
	return mt_error_new(MT_ERR_NOT_FOUND,
	                    "%s is not here; 'set directories DIR:DIR' says where sources are",
	                    path);
}

struct mt_error *mt_source_find(struct mt_shell *shell, const char *path, uint64_t pc,
                                const struct mt_source **source)
{
	struct mt_source *made MT_CLEANUP(source_cleanup) = NULL;

	for (size_t i = 0; i < shell->sources.files.len; i++) {
		struct mt_source *known = shell->sources.files.data[i];

		if (strcmp(known->path, path) != 0)
			continue;
		if (!known->found)
			return not_there(path);
		*source = known;
		return NULL;
	}
	made = mt_alloc(sizeof(*made));
	if (!made)
		return mt_error_nomem();
	made->path = mt_strdup(path);
	if (!made->path)
		return mt_error_nomem();
	made->found = find_file(shell, path, pc);
	if (made->found)
		MT_TRY(read_text(made));
	if (!mt_vec_push(&shell->sources.files, made))
		return mt_error_nomem();
	if (!made->found) {
		made = NULL; /* kept, so that it is not looked for at each stop */
		return not_there(path);
	}
	*source = MT_TAKE(made);
	return NULL;
}

/* ---- Showing --------------------------------------------------------------- */

const char *mt_source_line(const struct mt_source *source, unsigned number, size_t *len)
{
	const char *line;

	if (!number || number > source->starts.len)
		return NULL;
	line = source->text + source->starts.data[number - 1];
	*len = strcspn(line, "\r\n");
	return line;
}

struct mt_error *mt_source_show(struct mt_shell *shell, const struct mt_source_lines *lines,
                                unsigned *shown)
{
	const struct mt_source *source;
	unsigned number;

	MT_TRY(mt_source_find(shell, lines->path, lines->pc, &source));
	for (number = lines->first; number <= lines->last; number++) {
		size_t len;
		const char *line = mt_source_line(source, number, &len);
		bool marked = lines->here && number == lines->here;

		if (!line)
			break;
		mt_say(shell, "%s%s%u\t",
		       !lines->here ? ""
		       : marked     ? "> "
		                    : "  ",
		       marked ? mt_paint(shell, MT_PAINT_HERE) : "", number);
		mt_buf_bytes(&shell->out, line, len);
		mt_say(shell, "%s\n", marked ? mt_paint(shell, MT_PAINT_NONE) : "");
	}
	if (number == lines->first)
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "line number %u is out of range; %s has %zu lines",
		                    lines->first, mt_path_tail(lines->path), source->starts.len);
	if (shown)
		*shown = number - 1;
	return NULL;
}
