/* SPDX-License-Identifier: MIT */
#include "symbol/index_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/vec.h"

#define SUFFIX ".index"
#define PREFIX_NEW ".new-"
#define NEW_LIVES_S 3600 /* whoever has begun a file has ended long before */

/* ---- Whose it is --------------------------------------------------------- */

/* The mode of what is open at *fd, which is closed when it is not ours; 0: so it is. */
static mode_t mode_if_ours(int *fd)
{
	struct stat st;

	if (*fd >= 0 && fstat(*fd, &st) == 0 && st.st_uid == geteuid())
		return st.st_mode;
	if (*fd >= 0)
		close(mt_take_fd(fd));
	return 0;
}

/* The same for what is to be believed: nobody else may have written it. */
static void close_if_open_to_others(int *fd, mode_t type)
{
	mode_t mode = mode_if_ours(fd);

	if (mode && ((mode & S_IFMT) != type || mode & (S_IWGRP | S_IWOTH)))
		close(mt_take_fd(fd));
}

/* A folder in which we may make another one: our own. */
static int open_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	mode_if_ours(&fd);
	return fd;
}

static int open_below(int parent, const char *name, bool make)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && make && errno == ENOENT && mkdirat(parent, name, 0700) == 0)
		fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mode_if_ours(&fd);
	return fd;
}

/* "All paths must be absolute": one that is not is to be ignored (XDG base directories). The folder
 * of caches may not be there yet: its parent then says whose it would be. */
static int open_caches(bool make)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int own MT_AUTO_FD = -1;

	if (cache && *cache == '/') {
		const char *slash = strrchr(cache, '/');
		struct mt_buf parent MT_AUTO_BUF = { 0 };
		int fd = open_folder(cache);

		if (fd >= 0 || !make || !slash[1])
			return fd;
		mt_buf_bytes(&parent, cache, (size_t)(slash - cache));
		own = mt_buf_ok(&parent) && parent.len ? open_folder(parent.data) : -1;
		return own < 0 ? -1 : open_below(own, slash + 1, make);
	}
	own = home && *home == '/' ? open_folder(home) : -1;
	return own < 0 ? -1 : open_below(own, ".cache", make);
}

int mt_index_cache_open(bool make)
{
	int caches MT_AUTO_FD = open_caches(make);
	int fd = caches < 0 ? -1 : open_below(caches, "memtrap", make);

	close_if_open_to_others(&fd, S_IFDIR);
	return fd;
}

/* ---- Files --------------------------------------------------------------- */

static void write_name(const struct mt_index_subject *subject, char *name)
{
	size_t len = 0;

	for (size_t i = 0; i < subject->build_id_len && i < MT_INDEX_ID_MAX; i++)
		len += (size_t)snprintf(name + len, NAME_MAX - len, "%02x", subject->build_id[i]);
	snprintf(name + len, NAME_MAX - len, SUFFIX);
}

int mt_index_cache_find(int folder, const struct mt_index_subject *subject)
{
	char name[NAME_MAX + 1];
	int fd;

	write_name(subject, name);
	fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	close_if_open_to_others(&fd, S_IFREG);
	if (fd >= 0)
		futimens(fd, NULL); /* the latest used */
	return fd;
}

int mt_index_cache_create(int folder, char *name)
{
	for (unsigned i = 0; i < 16; i++) {
		struct timespec now;
		int fd;

		clock_gettime(CLOCK_MONOTONIC, &now);
		snprintf(name, NAME_MAX + 1, PREFIX_NEW "%d-%lx", getpid(),
		         (unsigned long)now.tv_nsec + i);
		fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

void mt_index_cache_drop(int folder, const char *name)
{
	unlinkat(folder, name, 0);
}

void mt_index_cache_keep(int folder, const struct mt_index_subject *subject, const char *name)
{
	char final[NAME_MAX + 1];

	write_name(subject, final);
	if (renameat(folder, name, folder, final))
		mt_index_cache_drop(folder, name);
	mt_index_cache_tidy(folder, MT_INDEX_CACHE_MAX);
}

/* ---- Tidying up ---------------------------------------------------------- */

struct kept_file {
	char name[NAME_MAX + 1];
	uint64_t size;
	struct timespec used;
};

struct kept_files {
	struct kept_file *data;
	size_t len;
	size_t cap;
};

static bool ends_in(const char *text, const char *ending)
{
	size_t len = strlen(text), tail = strlen(ending);

	return len >= tail && !strcmp(text + len - tail, ending);
}

/* Notes an index; removes what someone has begun and never ended. */
static void look_at(int folder, const char *name, time_t now, struct kept_files *files)
{
	struct kept_file file = { 0 };
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return;
	if (!strncmp(name, PREFIX_NEW, strlen(PREFIX_NEW)) && st.st_mtime + NEW_LIVES_S < now)
		unlinkat(folder, name, 0);
	if (!ends_in(name, SUFFIX))
		return;
	snprintf(file.name, sizeof(file.name), "%s", name);
	file.size = (uint64_t)st.st_blocks * 512;
	file.used = st.st_mtim;
	if (!mt_vec_push(files, file))
		return;
}

static int compare_latest_first(const void *left, const void *right)
{
	const struct kept_file *a = left, *b = right;

	if (a->used.tv_sec != b->used.tv_sec)
		return a->used.tv_sec > b->used.tv_sec ? -1 : 1;
	return a->used.tv_nsec > b->used.tv_nsec ? -1 : a->used.tv_nsec < b->used.tv_nsec;
}

void mt_index_cache_tidy(int folder, uint64_t max)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy < 0 ? NULL : fdopendir(copy);
	struct kept_files files = { 0 };
	const struct dirent *entry;
	time_t now = time(NULL);
	uint64_t total = 0;

	if (!entries) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(entries)))
		look_at(folder, entry->d_name, now, &files);
	closedir(entries);
	if (files.len)
		qsort(files.data, files.len, sizeof(*files.data), compare_latest_first);
	for (size_t i = 0; i < files.len; i++) {
		total += files.data[i].size;
		if (total > max)
			unlinkat(folder, files.data[i].name, 0);
	}
	mt_vec_deinit(&files);
}
