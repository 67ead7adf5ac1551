/* SPDX-License-Identifier: MIT */
#include "symbol/image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "symbol/image_private.h"
#include "symbol/maps.h"
#include "symbol/module.h"

#define VDSO "[vdso]"
#define VDSO_MAX (1u << 20)
#define MODULE_SPAN_MAX (1ull << 36)
#define MODULE_ALIGNMENT (1ull << 20)

static void placed_destroy(struct mt_placed *placed)
{
	if (!placed)
		return;
	mt_module_file_unref(placed->module.file);
	free((char *)(uintptr_t)placed->module.path);
	free(placed);
}

/* Takes over a reference to `file`. */
static struct mt_placed *placed_new(const char *path, struct mt_module_file *file)
{
	struct mt_placed *placed = mt_alloc(sizeof(*placed));
	char *copy = mt_strdup(path);

	if (!placed || !copy) {
		free(placed);
		free(copy);
		mt_module_file_unref(file);
		return NULL;
	}

	placed->module.path = copy;
	placed->module.name = mt_path_tail(copy);
	placed->module.file = file;
	return placed;
}

/* The vDSO is no file: a copy of its memory in an anonymous one is as good. */
static int open_vdso(pid_t pid, const struct mt_mapped_file *mapped)
{
	char path[32];
	size_t size = mapped->end - mapped->start;
	char *bytes MT_AUTO_FREE = size <= VDSO_MAX ? mt_alloc(size) : NULL;

	if (!bytes)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);

	int memory MT_AUTO_FD = open(path, O_RDONLY | O_CLOEXEC);
	int copy MT_AUTO_FD = memfd_create("memtrap-vdso", MFD_CLOEXEC);

	if (memory < 0 || copy < 0 || !mt_read_at(memory, bytes, size, mapped->start) ||
	    write(copy, bytes, size) != (ssize_t)size)
		return -1;
	return mt_take_fd(&copy);
}

/* O_NONBLOCK: a FIFO that has taken the file's place must not hold us. */
static int open_quietly(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static bool is_inode(int fd, uint64_t inode)
{
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && st.st_ino == inode;
}

/*
 * /proc/PID/map_files leads to the mapped file itself, but only for the privileged (proc(5)). The
 * path leads to what is there now, which is why its inode is compared; the device is not, since
 * btrfs and overlayfs report another one in maps than in stat.
 */
static int open_mapped(pid_t pid, const struct mt_mapped_file *mapped)
{
	char path[4200];

	if (!strcmp(mapped->path, VDSO))
		return open_vdso(pid, mapped);
	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, mapped->start,
	         mapped->first_end);

	int fd = open_quietly(path);

	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open_quietly(path);
	if (is_inode(fd, mapped->inode))
		return fd;
	if (fd >= 0)
		close(fd);
	snprintf(path, sizeof(path), "/proc/%d/root%s", pid, mapped->path);
	fd = open_quietly(path);
	if (is_inode(fd, mapped->inode))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Sets *file to NULL for a file that is mapped executable, yet is not ELF. */
static struct mt_error *file_of_mapping(pid_t pid, const struct mt_mapped_file *mapped,
                                        struct mt_module_file **file)
{
	int fd MT_AUTO_FD = open_mapped(pid, mapped);

	if (fd < 0)
		return mt_module_file_missing(
		    mapped->path,
		    mapped->deleted ? "the file was deleted" : "the file cannot be opened", file);

	struct mt_error *error = mt_module_file_open(&fd, mapped->path, file);

	if (error && mt_error_kind(error) == MT_ERR_FORMAT) {
		mt_error_free(error);
		*file = NULL;
		return NULL;
	}
	return error;
}

/* Where the mapping puts the file; .bss lies behind what is mapped of the file. */
static void place_module(struct mt_placed *placed, const struct mt_mapped_file *mapped)
{
	struct mt_module *module = &placed->module;
	const struct mt_elf_head *head = &module->file->head;
	uint64_t low, high;

	placed->dev = mapped->dev;
	placed->inode = mapped->inode;
	module->start = mapped->start;
	module->end = mapped->end;
	module->bias = mapped->start;
	if (!mt_elf_head_bias(head, mapped->code, mapped->code_offset, true, &module->bias))
		return;
	mt_elf_head_span(head, &low, &high);
	if (high - low < MODULE_SPAN_MAX && high + module->bias > module->end)
		module->end = high + module->bias;
}

static struct mt_placed *find_known(const struct mt_image *image,
                                    const struct mt_mapped_file *mapped)
{
	for (size_t i = 0; i < image->ever.len; i++) {
		struct mt_placed *placed = image->ever.data[i];

		if (placed->module.start == mapped->start && placed->dev == mapped->dev &&
		    placed->inode == mapped->inode && !strcmp(placed->module.path, mapped->path))
			return placed;
	}
	return NULL;
}

/* Keeps `placed` for good, or destroys it. */
static struct mt_error *keep(struct mt_image *image, struct mt_placed *placed)
{
	if (placed && mt_vec_push(&image->ever, placed))
		return NULL;
	placed_destroy(placed);
	return mt_error_nomem();
}

/* Sets *placed to NULL for what is not a module. */
static struct mt_error *find_or_place(struct mt_image *image, const struct mt_mapped_file *mapped,
                                      struct mt_placed **placed)
{
	struct mt_module_file *file;
	struct mt_placed *made = find_known(image, mapped);

	if (!made) {
		MT_TRY(file_of_mapping(image->pid, mapped, &file));
		if (file) {
			made = placed_new(mapped->path, file);
			MT_TRY(keep(image, made));
			place_module(made, mapped);
		}
	}
	*placed = made;
	return NULL;
}

/* The program's file, as execve() had it; the first module where that cannot be read. */
static const struct mt_module *find_executable(const struct mt_image *image,
                                               const struct mt_placed_list *now)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/exe", image->pid);
	if (!stat(path, &st))
		for (size_t i = 0; i < now->len; i++)
			if (now->data[i]->inode == st.st_ino)
				return &now->data[i]->module;
	return &now->data[0]->module;
}

static bool same_list(const struct mt_placed_list *a, const struct mt_placed_list *b)
{
	return a->len == b->len &&
	       (!a->len || !memcmp(a->data, b->data, a->len * sizeof(*a->data)));
}

static struct mt_error *place_all(struct mt_image *image, const struct mt_maps *maps,
                                  struct mt_placed_list *now)
{
	for (size_t i = 0; i < maps->files.len; i++) {
		struct mt_placed *placed;

		MT_TRY(find_or_place(image, &maps->files.data[i], &placed));
		if (placed && !mt_vec_push(now, placed))
			return mt_error_nomem();
	}
	if (!now->len)
		return mt_error_new(MT_ERR_FORMAT, "process %d runs no ELF program for x86",
		                    image->pid);
	return NULL;
}

/* Takes the list over. */
static void use_list(struct mt_image *image, struct mt_placed_list *now, bool *changed)
{
	const struct mt_module *executable = find_executable(image, now);
	bool is_same = same_list(&image->now, now);

	if (!is_same || executable != image->executable)
		mt_memo_forget(&image->memo);
	if (changed)
		*changed = !is_same;
	mt_vec_deinit(&image->now);
	image->now = *now;
	image->executable = executable;
}

struct mt_error *mt_image_refresh(struct mt_image *image, bool *changed)
{
	struct mt_maps maps;
	struct mt_placed_list now = { 0 };

	if (!image->pid) {
		if (changed)
			*changed = false;
		return NULL;
	}
	MT_TRY(mt_maps_read(image->pid, &maps));

	struct mt_error *error = place_all(image, &maps, &now);

	mt_maps_deinit(&maps);
	if (error) {
		mt_vec_deinit(&now);
		return error;
	}
	use_list(image, &now, changed);
	return NULL;
}

static struct mt_error *finish(struct mt_image *made, struct mt_error *error,
                               struct mt_image **image)
{
	if (error)
		mt_image_destroy(made);
	else
		*image = made;
	return error;
}

struct mt_error *mt_image_create(pid_t pid, struct mt_image **image)
{
	struct mt_image *made = mt_alloc(sizeof(*made));

	if (!made)
		return mt_error_nomem();
	made->pid = pid;
	return finish(made, mt_image_refresh(made, NULL), image);
}

static struct mt_error *place_file(struct mt_image *image, const char *path,
                                   struct mt_module **module)
{
	int fd MT_AUTO_FD = open_quietly(path);
	struct mt_module_file *file;

	if (fd < 0)
		return mt_error_sys(errno, "cannot open %s", path);
	MT_TRY(mt_module_file_open(&fd, path, &file));

	struct mt_placed *placed = placed_new(path, file);

	MT_TRY(keep(image, placed));
	mt_memo_forget(&image->memo);
	mt_elf_head_span(&file->head, &placed->module.start, &placed->module.end);
	if (!mt_vec_push(&image->now, placed))
		return mt_error_nomem();
	*module = &placed->module;
	return NULL;
}

static struct mt_error *place_executable(struct mt_image *image, const char *path)
{
	struct mt_module *module;

	MT_TRY(place_file(image, path, &module));
	image->executable = module;
	return NULL;
}

struct mt_error *mt_image_open_file(const char *path, struct mt_image **image)
{
	struct mt_image *made = mt_alloc(sizeof(*made));

	if (!made)
		return mt_error_nomem();
	return finish(made, place_executable(made, path), image);
}

struct mt_error *mt_image_add_file(struct mt_image *image, const char *path)
{
	uint64_t behind = image->now.data[image->now.len - 1]->module.end;
	struct mt_module *module;

	MT_TRY(place_file(image, path, &module));
	module->bias = ((behind + MODULE_ALIGNMENT) & ~(MODULE_ALIGNMENT - 1)) - module->start;
	module->start += module->bias;
	module->end += module->bias;
	return NULL;
}

static struct mt_error *open_mapped_file(const struct mt_image_file *mapped,
                                         struct mt_module_file **file)
{
	int fd MT_AUTO_FD = mapped->fd >= 0 ? mapped->fd : open_quietly(mapped->path);

	if (fd < 0)
		return mt_module_file_missing(mapped->path, "the file cannot be opened", file);
	return mt_module_file_open(&fd, mapped->path, file);
}

static struct mt_error *place_mapped(struct mt_image *image, const struct mt_image_file *mapped)
{
	const struct mt_mapped_file where = { .start = mapped->start,
		                              .end = mapped->end,
		                              .code = mapped->code,
		                              .code_offset = mapped->code_offset };
	struct mt_module_file *file;
	struct mt_error *error = open_mapped_file(mapped, &file);

	if (error && mt_error_kind(error) == MT_ERR_FORMAT) {
		mt_error_free(error);
		return NULL;
	}
	if (error)
		return error;

	struct mt_placed *placed = placed_new(mapped->path, file);

	MT_TRY(keep(image, placed));
	place_module(placed, &where);
	if (!image->executable)
		image->executable = &placed->module;
	return mt_vec_push(&image->now, placed) ? NULL : mt_error_nomem();
}

static int by_start(const void *a, const void *b)
{
	uint64_t first = (*(struct mt_placed *const *)a)->module.start;
	uint64_t second = (*(struct mt_placed *const *)b)->module.start;

	return (first > second) - (first < second);
}

static struct mt_error *place_all_mapped(struct mt_image *image, const struct mt_image_file *files,
                                         size_t count)
{
	for (size_t i = 0; i < count; i++)
		MT_TRY(place_mapped(image, &files[i]));
	if (!image->now.len)
		return mt_error_new(MT_ERR_FORMAT, "no ELF program was mapped");
	qsort(image->now.data, image->now.len, sizeof(*image->now.data), by_start);
	return NULL;
}

struct mt_error *mt_image_create_mapped(const struct mt_image_file *files, size_t count,
                                        struct mt_image **image)
{
	struct mt_image *made = mt_alloc(sizeof(*made));

	if (!made)
		return mt_error_nomem();
	return finish(made, place_all_mapped(made, files, count), image);
}

void mt_image_destroy(struct mt_image *image)
{
	if (!image)
		return;
	for (size_t i = 0; i < image->ever.len; i++)
		placed_destroy(image->ever.data[i]);
	for (size_t i = 0; i < image->types.len; i++)
		free(image->types.data[i]);
	mt_vec_deinit(&image->types);
	mt_memo_forget(&image->memo);
	mt_vec_deinit(&image->ever);
	mt_vec_deinit(&image->now);
	free(image);
}

void mt_image_read_by(struct mt_image *image, pid_t tid)
{
	image->pid = tid;
}

pid_t mt_image_pid(const struct mt_image *image)
{
	return image->pid;
}

/* A process has modules of one kind; a file that could not be opened says nothing. */
enum mt_machine mt_image_machine(const struct mt_image *image)
{
	const struct mt_module_file *file = image->executable->file;

	for (size_t i = 0; file->fd < 0 && i < image->now.len; i++)
		file = image->now.data[i]->module.file;
	return file->head.machine;
}

const struct mt_module *mt_image_module_at(struct mt_image *image, uint64_t addr)
{
	size_t low = 0, high = image->now.len;

	/* The last one that starts at or below addr. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->now.data[middle]->module.start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || addr >= image->now.data[low - 1]->module.end)
		return NULL;
	return &image->now.data[low - 1]->module;
}

size_t mt_image_module_count(struct mt_image *image)
{
	return image->now.len;
}

const struct mt_module *mt_image_module(struct mt_image *image, size_t i)
{
	return &image->now.data[i]->module;
}

const struct mt_module *mt_image_executable(struct mt_image *image)
{
	return image->executable;
}

/* "libfoo", "libfoo.so" and "libfoo.so.1" all name libfoo.so.1.2: a dot or the end must follow. */
const struct mt_module *mt_image_module_named(struct mt_image *image, const char *name)
{
	size_t len = strlen(name);
	const struct mt_module *loose = NULL;

	for (size_t i = 0; len && i < image->now.len; i++) {
		const struct mt_module *module = &image->now.data[i]->module;

		if (!strcmp(module->name, name))
			return module;
		if (!loose && !strncmp(module->name, name, len) && module->name[len] == '.')
			loose = module;
	}
	return loose;
}
