/* SPDX-License-Identifier: MIT */
#include "symbol/maps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/alloc.h"
#include "base/cleanup.h"

#define DELETED " (deleted)"

struct mapping {
	uint64_t start, end, offset, dev, inode;
	bool executable;
	const char *path;
};

/* One line of the file; see proc_pid_maps(5). False for a line of another form. */
static bool parse_line(char *line, struct mapping *mapping)
{
	unsigned major, minor;
	char perms[5];
	int path_at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
	           &mapping->start, &mapping->end, perms, &mapping->offset, &major, &minor,
	           &mapping->inode, &path_at) < 7 ||
	    !path_at)
		return false;
	line[strcspn(line, "\n")] = '\0';
	mapping->dev = makedev(major, minor);
	mapping->executable = perms[2] == 'x';
	mapping->path = line + path_at;
	return true;
}

/* A file's mappings come with rising offsets; offset 0 again is the same file loaded once more. */
static bool continues(const struct mt_mapped_file *file, const struct mapping *mapping)
{
	return file->inode && file->dev == mapping->dev && file->inode == mapping->inode &&
	       mapping->offset > 0;
}

static bool is_file(const struct mapping *mapping)
{
	return mapping->inode || !strcmp(mapping->path, "[vdso]");
}

static struct mt_error *begin_file(struct mt_maps *maps, const struct mapping *mapping)
{
	size_t len = strlen(mapping->path);
	size_t tail = strlen(DELETED);
	bool deleted = len > tail && !strcmp(mapping->path + len - tail, DELETED);
	struct mt_mapped_file file = { .deleted = deleted,
		                       .dev = mapping->dev,
		                       .inode = mapping->inode,
		                       .start = mapping->start,
		                       .end = mapping->end,
		                       .first_end = mapping->end };

	file.path = mt_strndup(mapping->path, deleted ? len - tail : len);
	if (!file.path)
		return mt_error_nomem();
	if (!mt_vec_push(&maps->files, file)) {
		free(file.path);
		return mt_error_nomem();
	}
	return NULL;
}

static struct mt_error *add_mapping(struct mt_maps *maps, const struct mapping *mapping)
{
	struct mt_mapped_file *last =
	    maps->files.len ? &maps->files.data[maps->files.len - 1] : NULL;

	if (!is_file(mapping))
		return NULL;
	if (!last || !continues(last, mapping)) {
		MT_TRY(begin_file(maps, mapping));
		last = &maps->files.data[maps->files.len - 1];
	}
	last->end = mapping->end;
	if (mapping->executable && !last->has_code) {
		last->has_code = true;
		last->code = mapping->start;
		last->code_offset = mapping->offset;
	}
	return NULL;
}

static void drop_files_without_code(struct mt_maps *maps)
{
	size_t kept = 0;

	for (size_t i = 0; i < maps->files.len; i++) {
		if (maps->files.data[i].has_code)
			maps->files.data[kept++] = maps->files.data[i];
		else
			free(maps->files.data[i].path);
	}
	maps->files.len = kept;
}

static struct mt_error *read_lines(FILE *stream, pid_t pid, struct mt_maps *maps)
{
	char *line MT_AUTO_FREE = NULL;
	size_t cap = 0;
	struct mapping mapping;

	while (getline(&line, &cap, stream) >= 0)
		if (parse_line(line, &mapping))
			MT_TRY(add_mapping(maps, &mapping));
	if (ferror(stream))
		return mt_error_sys(errno, "cannot read the mappings of process %d", pid);
	drop_files_without_code(maps);
	if (!maps->files.len)
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "process %d has no program mapped: it has "
		                    "ended, or is the kernel's own",
		                    pid);
	return NULL;
}

struct mt_error *mt_maps_read(pid_t pid, struct mt_maps *maps)
{
	char path[32];
	struct mt_maps found = { 0 };

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);

	FILE *stream MT_AUTO_FILE = fopen(path, "re");

	if (!stream)
		return mt_error_sys(errno == ENOENT ? ESRCH : errno,
		                    "cannot read the mappings of process %d", pid);

	struct mt_error *error = read_lines(stream, pid, &found);

	if (error) {
		mt_maps_deinit(&found);
		return error;
	}
	*maps = found;
	return NULL;
}

void mt_maps_deinit(struct mt_maps *maps)
{
	for (size_t i = 0; i < maps->files.len; i++)
		free(maps->files.data[i].path);
	mt_vec_deinit(&maps->files);
}
