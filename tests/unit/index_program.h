/* SPDX-License-Identifier: MIT */
/* What tests of indexes share: programs, and what is found in them. */
#ifndef MT_TESTS_INDEX_PROGRAM_H
#define MT_TESTS_INDEX_PROGRAM_H

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "symbol/indexing.h"
#include "symbol/named.h"
#include "unit.h"

static inline void data_path(const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX] = { 0 };

	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	snprintf(path, PATH_MAX, "%.2000s/%s", dirname(self), name);
}

static inline struct mt_image *open_program(const char *name)
{
	char path[PATH_MAX];
	struct mt_image *image;

	data_path(name, path);
	MT_CK_OK(mt_image_open_file(*name == '/' ? name : path, &image));
	return image;
}

static inline struct mt_units *units_of(struct mt_image *image)
{
	struct mt_units *units = mt_units_of(mt_image_executable(image)->file);

	ck_assert_ptr_nonnull(units);
	return units;
}

static inline void wait_for_index(const struct mt_module *module)
{
	mt_module_index_begin(module);
	while (mt_module_index_state(module) == MT_INDEX_MAKING)
		usleep(1000);
}

/* A DIE that was found, and a sum over the addresses of those around it. */
struct found {
	const char *name; /* of the walk by names */
	Dwarf_Die target; /* of the walk by references */
	const void *die;
	uint64_t path;
	size_t order;
};

struct finds {
	struct found *data;
	size_t len;
	size_t cap;
};

static inline struct found found_at(struct mt_die_path *path)
{
	struct found found = { .die = mt_die_path_last(path)->addr };

	for (size_t i = 0; i < path->depth; i++)
		found.path = found.path * 31 + (uintptr_t)path->dies[i].addr;
	return found;
}

static inline bool take_found(struct mt_die_path *path, void *arg)
{
	return mt_vec_push((struct finds *)arg, found_at(path));
}

#endif
