/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/in_process.h"
#include "symbol/image.h"

#define VARIABLE "MEMTRAP_LIBRARY"
#define NAME "libmemtrap.so.0"

/* From the folder that memtrap lies in: of the build directory, then of an installation. */
static const char *const places[][2] = {
	[MT_MACHINE_X86_64] = { "lib", MT_LIBDIR },
	[MT_MACHINE_I386] = { "lib/i386", MT_LIBDIR_I386 },
};

MT_DEFINE_CLEANUP(mt_image, struct mt_image, mt_image_destroy)

static struct mt_error *check_machine(const char *path, enum mt_machine machine)
{
	struct mt_image *image MT_CLEANUP(mt_image_cleanup) = NULL;

	MT_TRY(mt_error_context(mt_image_open_file(path, &image), VARIABLE));
	if (mt_image_machine(image) == machine)
		return NULL;
	return mt_error_new(MT_ERR_USAGE, VARIABLE " is %s, which is not for %s as the program is",
	                    path, machine == MT_MACHINE_I386 ? "i386" : "x86-64");
}

/* ld.so(8) takes a space, too, for the end of an entry of LD_PRELOAD. */
static struct mt_error *check_name(const char *path)
{
	if (!path[strcspn(path, ": ")])
		return NULL;
	return mt_error_new(MT_ERR_USAGE,
	                    "%s cannot be preloaded: there is a space or a colon in its path; link "
	                    "to it from elsewhere, and name that in " VARIABLE,
	                    path);
}

static struct mt_error *own_folder(char folder[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", folder, PATH_MAX - 1);

	if (len <= 0)
		return mt_error_sys(errno, "cannot tell where memtrap lies");
	folder[len] = '\0';
	*strrchr(folder, '/') = '\0';
	return NULL;
}

static struct mt_error *look_around(enum mt_machine machine, char **path)
{
	struct mt_buf looked MT_AUTO_BUF = { 0 };
	char folder[PATH_MAX];

	MT_TRY(own_folder(folder));
	for (size_t i = 0; i < 2; i++) {
		struct mt_buf name MT_AUTO_BUF = { 0 };

		mt_buf_printf(&name, "%s/%s/" NAME, folder, places[machine][i]);
		if (!mt_buf_ok(&name))
			return mt_error_nomem();
		*path = realpath(name.data, NULL);
		if (*path)
			return NULL;
		mt_buf_printf(&looked, "%s%s", i ? ", " : "", name.data);
	}
	return mt_error_new(MT_ERR_NOT_FOUND,
	                    "there is no " NAME "%s (looked for: %s); name it in " VARIABLE,
	                    machine == MT_MACHINE_I386 ? " for i386, as the program is" : "",
	                    looked.data ? looked.data : "");
}

struct mt_error *mt_in_process_library(enum mt_machine machine, char **path)
{
	const char *given = getenv(VARIABLE);
	char *found MT_AUTO_FREE = given && *given ? realpath(given, NULL) : NULL;

	if (!given || !*given)
		MT_TRY(look_around(machine, &found));
	else if (!found)
		return mt_error_sys(errno, VARIABLE ": cannot open %s", given);
	MT_TRY(check_machine(found, machine));
	MT_TRY(check_name(found));
	*path = MT_TAKE(found);
	return NULL;
}
