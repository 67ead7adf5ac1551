/* SPDX-License-Identifier: MIT */
/* Which memory goes into a core file (core(5), "Controlling which mappings are written"). */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "target/core_private.h"

/* Bits of /proc/PID/coredump_filter. */
enum filter {
	ANON_PRIVATE = 1,
	ANON_SHARED = 2,
	FILE_PRIVATE = 4,
	FILE_SHARED = 8,
	ELF_HEADERS = 16,
	HUGE_PRIVATE = 32,
	HUGE_SHARED = 64,
	DEFAULT = ANON_PRIVATE | ANON_SHARED | ELF_HEADERS | HUGE_PRIVATE,
};

static unsigned read_filter(pid_t pid)
{
	char path[64];
	unsigned filter;

	snprintf(path, sizeof(path), "/proc/%d/coredump_filter", (int)pid);

	FILE *file MT_AUTO_FILE = fopen(path, "re");

	return file && fscanf(file, "%x", &filter) == 1 ? filter : DEFAULT;
}

void mt_core_areas_deinit(struct mt_core_areas *areas)
{
	for (size_t i = 0; i < areas->list.len; i++)
		free(areas->list.data[i].path);
	mt_vec_deinit(&areas->list);
}

/* ---- Reading smaps ------------------------------------------------------- */

/* "7f12-7f13 r-xp 00001000 08:01 123   /usr/lib/x.so"; false for lines of another kind. */
static bool parse_head(const char *line, struct mt_core_area *area, int *path)
{
	char perms[5];

	*path = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &area->start,
	           &area->end, perms, &area->offset, path) < 4 ||
	    !*path)
		return false;
	area->flags = (perms[0] == 'r' ? PF_R : 0u) | (perms[1] == 'w' ? PF_W : 0u) |
	              (perms[2] == 'x' ? PF_X : 0u);
	area->shared = perms[3] == 's';
	return true;
}

static bool has_flag(const char *flags, const char *flag)
{
	const char *found = strstr(flags, flag);

	return found && found[-1] == ' ';
}

static void parse_detail(const char *line, struct mt_core_area *area)
{
	uint64_t kilobytes;

	if (sscanf(line, "Anonymous: %" SCNu64, &kilobytes) == 1)
		area->has_anonymous = kilobytes > 0;
	if (strncmp(line, "VmFlags:", 8))
		return;
	area->huge = has_flag(line, "ht");
	/* dd: madvise(MADV_DONTDUMP); io: a device's memory, which reading may change. */
	area->dont_dump = has_flag(line, "dd") || has_flag(line, "io");
}

static struct mt_error *add_area(struct mt_core_areas *areas, struct mt_core_area *area,
                                 const char *path)
{
	area->path = mt_strndup(path, strcspn(path, "\n"));
	if (!area->path)
		return mt_error_nomem();
	if (mt_vec_push(&areas->list, *area))
		return NULL;
	free(area->path);
	return mt_error_nomem();
}

static struct mt_error *read_smaps(pid_t pid, struct mt_core_areas *areas)
{
	char name[64], *line MT_AUTO_FREE = NULL;
	size_t size = 0;

	snprintf(name, sizeof(name), "/proc/%d/smaps", (int)pid);

	FILE *file MT_AUTO_FILE = fopen(name, "re");

	if (!file)
		return mt_error_sys(errno, "cannot read the mappings of process %d", (int)pid);
	while (getline(&line, &size, file) > 0) {
		struct mt_core_area area = { 0 };
		int path;

		if (parse_head(line, &area, &path))
			MT_TRY(add_area(areas, &area, line + path));
		else if (areas->list.len)
			parse_detail(line, &areas->list.data[areas->list.len - 1]);
	}
	return NULL;
}

/* ---- What goes in -------------------------------------------------------- */

static bool is_file(const struct mt_core_area *area)
{
	return area->path[0] == '/';
}

/* The first page of a mapped ELF file, by which debuggers know it (build-id). */
static bool begins_elf(const struct mt_core_request *request, const struct mt_core_area *area)
{
	char magic[SELFMAG];
	struct mt_error *error;

	if (area->offset || !(area->flags & PF_R))
		return false;
	error = request->read(request->arg, area->start, magic, sizeof(magic));
	mt_error_free(error);
	return !error && !memcmp(magic, ELFMAG, SELFMAG);
}

/* As the kernel decides it (fs/coredump.c, vma_dump_size()). */
static uint64_t dumped_of(const struct mt_core_request *request, const struct mt_core_area *area,
                          unsigned filter)
{
	uint64_t whole = area->end - area->start;

	if (!strcmp(area->path, "[vdso]"))
		return whole;
	if (area->dont_dump || !strcmp(area->path, "[vsyscall]"))
		return 0;
	if (area->huge)
		return filter & (area->shared ? HUGE_SHARED : HUGE_PRIVATE) ? whole : 0;
	if (area->shared) {
		bool named = is_file(area) && !strstr(area->path, " (deleted)");

		return filter & (named ? FILE_SHARED : ANON_SHARED) ? whole : 0;
	}
	if (area->has_anonymous && filter & ANON_PRIVATE)
		return whole;
	if (!is_file(area))
		return 0;
	if (filter & FILE_PRIVATE)
		return whole;
	return filter & ELF_HEADERS && begins_elf(request, area) ? MT_PAGE : 0;
}

struct mt_error *mt_core_areas_read(const struct mt_core_request *request,
                                    struct mt_core_areas *areas)
{
	unsigned filter = read_filter(request->pid);

	/* By a thread that is there: a main thread that has ended shows no memory. */
	MT_TRY(read_smaps(request->threads[0].tid, areas));
	for (size_t i = 0; i < areas->list.len; i++)
		areas->list.data[i].dumped = dumped_of(request, &areas->list.data[i], filter);
	return NULL;
}
