/* SPDX-License-Identifier: MIT */
/* Indexes that are kept: found again, made anew when they are not ours or not whole. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "index_program.h"
#include "symbol/index_cache.h"

static const struct mt_index_policy made = { .make = true };

/* Large enough for some blocks. */
#define KEPT "/lib/x86_64-linux-gnu/libc.so.6"

static const struct mt_index_policy cached = { .make = true, .cache = true };
static const struct mt_index_policy cached_only = { .cache = true };
static char cache[] = "/tmp/memtrap-index-XXXXXX";

static void begin_cache(void)
{
	ck_assert_ptr_nonnull(mkdtemp(cache));
	ck_assert_int_eq(setenv("XDG_CACHE_HOME", cache, 1), 0);
	mt_index_set_policy(&cached);
}

static void end_cache(void)
{
	struct mt_buf command MT_AUTO_BUF = { 0 };

	mt_buf_printf(&command, "rm -rf %s", cache);
	ck_assert_int_eq(system(command.data), 0);
}

/* The path of the only file that is kept; empty without one. */
static void kept_path(char path[PATH_MAX])
{
	char pattern[PATH_MAX];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/memtrap/*.index", cache);
	path[0] = '\0';
	if (glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1)
		snprintf(path, PATH_MAX, "%s", found.gl_pathv[0]);
	globfree(&found);
}

/* What is known of some names, and where the index that told it came from. */
static enum mt_index_state ask(size_t counts[4])
{
	static const char *const names[4] = { "malloc", "FILE", "i", "no_such_name" };
	struct mt_image *image = open_program(KEPT);
	const struct mt_module *module = mt_image_executable(image);
	enum mt_index_state state;

	mt_module_index_begin(module);
	state = mt_module_index_state(module);
	for (size_t i = 0; i < 4; i++) {
		struct finds finds = { 0 };

		ck_assert(mt_named_each(units_of(image), names[i], take_found, &finds));
		counts[i] = finds.len;
		mt_vec_deinit(&finds);
	}
	wait_for_index(module);
	mt_image_destroy(image);
	return state;
}

static void check_answers(enum mt_index_state wanted, const char *what)
{
	size_t counts[4];
	enum mt_index_state state = ask(counts);

	ck_assert_msg(state == wanted, "%s: %d instead of %d", what, (int)state, (int)wanted);
	ck_assert_msg(counts[0] > 0 && counts[1] > 0 && counts[2] > 100 && !counts[3],
	              "%s: %zu %zu %zu %zu", what, counts[0], counts[1], counts[2], counts[3]);
}

/* That it is made in memory where the cache does not take it. */
static void check_is_not_kept(const char *what)
{
	struct mt_image *image = open_program(KEPT);
	const struct mt_module *module = mt_image_executable(image);
	struct finds finds = { 0 };

	wait_for_index(module);
	ck_assert_msg(mt_module_index_state(module) == MT_INDEX_UNKEPT, "%s: %d", what,
	              (int)mt_module_index_state(module));
	ck_assert(mt_named_each(units_of(image), "i", take_found, &finds));
	ck_assert_msg(finds.len > 100, "%s: %zu", what, finds.len);
	mt_vec_deinit(&finds);
	mt_image_destroy(image);
}

START_TEST(an_index_is_kept_and_found_again)
{
	char path[PATH_MAX];
	struct stat st;

	begin_cache();
	check_answers(MT_INDEX_MAKING, "first");
	kept_path(path);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	check_answers(MT_INDEX_CACHED, "second");
	mt_index_set_policy(&cached_only);
	check_answers(MT_INDEX_CACHED, "by one who makes none");
	ck_assert_int_eq(unlink(path), 0);
	check_answers(MT_INDEX_NONE, "by one who makes none, without one");
	mt_index_set_policy(&made);
	check_answers(MT_INDEX_MAKING, "without a cache");
	kept_path(path);
	ck_assert_str_eq(path, "");
	end_cache();
}
END_TEST

/* What others may have written, or have written, is none of ours. */
START_TEST(what_others_may_write_to_is_not_believed)
{
	char path[PATH_MAX], other[PATH_MAX], folder[PATH_MAX];

	begin_cache();
	check_answers(MT_INDEX_MAKING, "first");
	kept_path(path);
	ck_assert_int_eq(chmod(path, 0620), 0);
	check_answers(MT_INDEX_MAKING, "of a group");
	check_answers(MT_INDEX_CACHED, "made anew");
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path, 1, 1), 0);
		check_answers(MT_INDEX_MAKING, "of somebody");
		check_answers(MT_INDEX_CACHED, "made anew");
	}
	snprintf(other, sizeof(other), "%s/other", cache);
	ck_assert_int_eq(rename(path, other), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	check_answers(MT_INDEX_MAKING, "a link");
	ck_assert_int_eq(unlink(path), 0);
	snprintf(folder, sizeof(folder), "%s/memtrap", cache);
	ck_assert_int_eq(chmod(folder, 0777), 0);
	check_answers(MT_INDEX_MAKING, "a folder for all");
	kept_path(path);
	ck_assert_str_eq(path, "");
	end_cache();
}
END_TEST

/* As root with a user's HOME: nothing of ours is to be left there. */
START_TEST(nothing_is_left_in_the_folder_of_another)
{
	char path[PATH_MAX];

	if (geteuid() != 0)
		return;
	begin_cache();
	ck_assert_int_eq(unsetenv("XDG_CACHE_HOME"), 0);
	ck_assert_int_eq(setenv("HOME", cache, 1), 0);
	ck_assert_int_eq(chown(cache, 1, 1), 0);
	check_answers(MT_INDEX_MAKING, "in another's home");
	snprintf(path, sizeof(path), "%s/.cache", cache);
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_assert_int_eq(chown(cache, 0, 0), 0);
	check_answers(MT_INDEX_MAKING, "in our own");
	check_answers(MT_INDEX_CACHED, "in our own, again");
	end_cache();
}
END_TEST

/* A file system for the cache alone, seen by nobody else. */
static bool mount_cache(const char *options)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", cache, "tmpfs", 0, options) == 0;
}

static size_t count_files(const char *pattern)
{
	char path[PATH_MAX];
	glob_t found = { 0 };
	size_t count;

	snprintf(path, sizeof(path), "%s/%s", cache, pattern);
	count = glob(path, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);
	return count;
}

/* Names are looked up in an index all the same, and no half of one is left. */
START_TEST(a_full_or_unwritable_disk_costs_the_cache_only)
{
	begin_cache();
	if (!mount_cache("size=64k"))
		ck_assert_int_eq(errno, EPERM);
	else {
		check_is_not_kept("a full disk");
		ck_assert_uint_eq(count_files("memtrap"), 1);
		ck_assert_uint_eq(count_files("memtrap/*") + count_files("memtrap/.new*"), 0);
		ck_assert_int_eq(mount(NULL, cache, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
		check_is_not_kept("a disk to be read only");
		ck_assert_int_eq(umount(cache), 0);
	}
	end_cache();
}
END_TEST

static void read_file(const char *path, struct mt_buf *bytes)
{
	FILE *file MT_AUTO_FILE = fopen(path, "r");
	char part[4096];
	size_t got;

	ck_assert_ptr_nonnull(file);
	while ((got = fread(part, 1, sizeof(part), file)) > 0)
		mt_buf_bytes(bytes, part, got);
	ck_assert(mt_buf_ok(bytes));
}

static void write_file(const char *path, const char *bytes, size_t len)
{
	FILE *file MT_AUTO_FILE = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
}

/* Cut anywhere, or with any byte changed: it is made anew, at once or when that place is read, and
 * the answers are the same. */
START_TEST(a_damaged_file_is_made_anew)
{
	struct mt_buf good MT_AUTO_BUF = { 0 };
	char path[PATH_MAX];

	begin_cache();
	check_answers(MT_INDEX_MAKING, "first");
	kept_path(path);
	read_file(path, &good);
	ck_assert_uint_gt(good.len, 4 * MT_INDEX_BLOCK);
	for (size_t len = 0; len < good.len; len += good.len / 7 + 1) {
		write_file(path, good.data, len);
		check_answers(MT_INDEX_MAKING, "cut");
		check_answers(MT_INDEX_CACHED, "made anew");
	}
	srandom(1);
	for (int i = 0; i < 40; i++) {
		size_t at = (size_t)random() % good.len;
		size_t counts[4];

		good.data[at] ^= 0x10;
		write_file(path, good.data, good.len);
		good.data[at] ^= 0x10;
		ask(counts);
		ck_assert_msg(counts[0] && counts[1] && counts[2] > 100 && !counts[3], "byte %zu",
		              at);
	}
	write_file(path, good.data, sizeof(struct mt_index_head) - 1);
	check_answers(MT_INDEX_MAKING, "less than a head");
	end_cache();
}
END_TEST

/* A right file under a wrong name. */
START_TEST(the_index_of_another_file_is_refused)
{
	char path[PATH_MAX];
	struct mt_buf foreign MT_AUTO_BUF = { 0 };
	struct mt_image *image;

	begin_cache();
	image = open_program("type-data/cc_gcc");
	mt_module_index_begin(mt_image_executable(image));
	wait_for_index(mt_image_executable(image));
	mt_image_destroy(image);
	kept_path(path);
	read_file(path, &foreign);
	ck_assert_int_eq(unlink(path), 0);
	check_answers(MT_INDEX_MAKING, "first");
	kept_path(path);
	write_file(path, foreign.data, foreign.len);
	check_answers(MT_INDEX_MAKING, "another's");
	end_cache();
}
END_TEST

START_TEST(the_least_used_go_when_there_are_too_many)
{
	static const char *const names[] = { "a.index", "b.index", "c.index", "other" };
	char path[PATH_MAX];
	char bytes[8192];
	int folder;

	begin_cache();
	folder = mt_index_cache_open(true);
	ck_assert_int_ge(folder, 0);
	memset(bytes, 1, sizeof(bytes));
	for (int i = 0; i < 4; i++) {
		const struct timespec times[2] = { { .tv_sec = 1000 - i }, { .tv_sec = 1000 - i } };

		snprintf(path, sizeof(path), "%s/memtrap/%s", cache, names[i]);
		write_file(path, bytes, sizeof(bytes));
		ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	}
	mt_index_cache_tidy(folder, 2 * sizeof(bytes));
	ck_assert_int_eq(faccessat(folder, "a.index", F_OK, 0), 0);
	ck_assert_int_eq(faccessat(folder, "b.index", F_OK, 0), 0);
	ck_assert_int_ne(faccessat(folder, "c.index", F_OK, 0), 0);
	ck_assert_int_eq(faccessat(folder, "other", F_OK, 0), 0);
	close(folder);
	end_cache();
}
END_TEST

/* Whoever leaves while an index is being made leaves no part of it. */
START_TEST(a_half_made_index_is_taken_away)
{
	begin_cache();
	for (int i = 0; i < 20; i++) {
		struct mt_image *image = open_program("/proc/self/exe");

		mt_module_index_begin(mt_image_executable(image));
		usleep((useconds_t)(i * 200));
		mt_image_destroy(image);
	}
	ck_assert_uint_eq(count_files("memtrap/.new*"), 0);
	end_cache();
}
END_TEST

MT_UNIT_MAIN("index_cache", an_index_is_kept_and_found_again,
             what_others_may_write_to_is_not_believed, nothing_is_left_in_the_folder_of_another,
             a_full_or_unwritable_disk_costs_the_cache_only, a_damaged_file_is_made_anew,
             the_index_of_another_file_is_refused, the_least_used_go_when_there_are_too_many,
             a_half_made_index_is_taken_away)
