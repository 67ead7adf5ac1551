/* SPDX-License-Identifier: MIT */
/* What the dynamic linker is asked before a program runs, against what it did with this one. */
#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "symbol/dynamic.h"
#include "symbol/image.h"
#include "symbol/variable.h"
#include "target/libraries.h"
#include "unit.h"

MT_DEFINE_CLEANUP(mt_image, struct mt_image, mt_image_destroy)

/* In a child, /proc/self/exe is another program. */
static const char *own_path(void)
{
	static char path[512];

	ck_assert_int_gt(readlink("/proc/self/exe", path, sizeof(path) - 1), 0);
	return path;
}

/* What readelf prints, to its end. */
static void readelf(const char *options, const char *file, struct mt_buf *text)
{
	char command[512], line[512];

	snprintf(command, sizeof(command), "readelf %s %s 2>/dev/null", options, file);

	FILE *output = popen(command, "r");

	while (fgets(line, sizeof(line), output))
		mt_buf_text(text, line);
	ck_assert_int_eq(pclose(output), 0);
}

START_TEST(interpreter_and_build_id_are_those_of_readelf)
{
	struct mt_image *image MT_CLEANUP(mt_image_cleanup) = NULL;
	struct mt_buf headers MT_AUTO_BUF = { 0 }, notes MT_AUTO_BUF = { 0 };
	const char *path = own_path();
	char wanted[600], hex[128];
	const uint8_t *id;
	size_t id_len;

	MT_CK_OK(mt_image_open_file(path, &image));
	readelf("-lW", path, &headers);
	snprintf(wanted, sizeof(wanted), "program interpreter: %s]",
	         mt_module_interpreter(mt_image_executable(image)));
	ck_assert_msg(strstr(headers.data, wanted), "%s in %s", wanted, headers.data);

	readelf("-n", path, &notes);
	id_len = mt_module_build_id(mt_image_executable(image), &id);
	ck_assert_uint_gt(id_len, 0);
	for (size_t i = 0; i < id_len && i < sizeof(hex) / 2 - 1; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	snprintf(wanted, sizeof(wanted), "Build ID: %s\n", hex);
	ck_assert_msg(strstr(notes.data, wanted), "%s in %s", wanted, notes.data);
}
END_TEST

START_TEST(a_static_program_has_no_interpreter)
{
	struct mt_image *image MT_CLEANUP(mt_image_cleanup) = NULL;

	/* Debian's ldconfig is one. */
	MT_CK_OK(mt_image_open_file("/sbin/ldconfig", &image));
	ck_assert_ptr_null(mt_module_interpreter(mt_image_executable(image)));
}
END_TEST

static bool lists(const struct mt_libraries *libraries, const char *path)
{
	for (size_t i = 0; i < libraries->paths.len; i++)
		if (!strcmp(libraries->paths.data[i], path))
			return true;
	return false;
}

struct mapped {
	const struct mt_libraries *libraries;
	size_t count;
};

static int check_mapped(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct mapped *mapped = arg;

	if (info->dlpi_name[0] != '/')
		return 0; /* this program, and the vDSO */
	ck_assert_msg(lists(mapped->libraries, info->dlpi_name), "%s is not listed",
	              info->dlpi_name);
	mapped->count++;
	return 0;
}

static void own_libraries(struct mt_image *image, struct mt_libraries *libraries)
{
	const char *interpreter = mt_module_interpreter(mt_image_executable(image));

	MT_CK_OK(mt_libraries_list(interpreter, own_path(), libraries));
}

START_TEST(libraries_are_those_that_are_mapped)
{
	struct mt_image *image MT_CLEANUP(mt_image_cleanup) = NULL;
	struct mt_libraries libraries = { 0 };
	struct mapped mapped = { .libraries = &libraries };

	MT_CK_OK(mt_image_open_file(own_path(), &image));
	own_libraries(image, &libraries);
	dl_iterate_phdr(check_mapped, &mapped);
	ck_assert_uint_gt(mapped.count, 1);
	ck_assert_uint_eq(mapped.count, libraries.paths.len);
	mt_libraries_deinit(&libraries);
}
END_TEST

START_TEST(names_of_added_libraries_are_found)
{
	struct mt_image *image MT_CLEANUP(mt_image_cleanup) = NULL;
	struct mt_libraries libraries = { 0 };
	const struct mt_module *libc;
	Dl_info info;
	uint64_t addr;
	void *real = dlsym(RTLD_DEFAULT, "gnu_get_libc_version"); /* sanitizers leave it alone */

	ck_assert(dladdr(real, &info));
	MT_CK_OK(mt_image_open_file(own_path(), &image));
	own_libraries(image, &libraries);
	for (size_t i = 0; i < libraries.paths.len; i++)
		MT_CK_OK(mt_image_add_file(image, libraries.paths.data[i]));
	ck_assert_uint_eq(mt_image_module_count(image), libraries.paths.len + 1);
	mt_libraries_deinit(&libraries);

	libc = mt_image_module_named(image, "libc.so.6");
	ck_assert_ptr_nonnull(libc);
	ck_assert(mt_module_symbol(libc, "gnu_get_libc_version", &addr));
	ck_assert_uint_eq(addr - libc->bias, (uintptr_t)real - (uintptr_t)info.dli_fbase);
	ck_assert_ptr_eq(mt_image_module_at(image, addr), libc);
	for (size_t i = 1; i < mt_image_module_count(image); i++)
		ck_assert_uint_ge(mt_image_module(image, i)->start,
		                  mt_image_module(image, i - 1)->end);
}
END_TEST

/* What was asked for before is asked for anew. */
START_TEST(variables_of_added_libraries_are_found)
{
	struct mt_image *image MT_CLEANUP(mt_image_cleanup) = NULL;
	const struct mt_variable_query query = { .name = "program_invocation_name" };
	struct mt_libraries libraries = { 0 };
	struct mt_variable variable, again;

	MT_CK_OK(mt_image_open_file(own_path(), &image));
	for (int i = 0; i < 2; i++)
		MT_CK_FAILS(mt_variable_find(image, &query, &variable), MT_ERR_NOT_FOUND,
		            "no variable program_invocation_name");
	own_libraries(image, &libraries);
	for (size_t i = 0; i < libraries.paths.len; i++)
		MT_CK_OK(mt_image_add_file(image, libraries.paths.data[i]));
	mt_libraries_deinit(&libraries);
	MT_CK_OK(mt_variable_find(image, &query, &variable));
	MT_CK_OK(mt_variable_find(image, &query, &again));
	ck_assert_ptr_eq(variable.module, mt_image_module_named(image, "libc.so.6"));
	ck_assert_uint_eq(variable.addr, again.addr);
	ck_assert_ptr_eq(variable.type, again.type);
}
END_TEST

START_TEST(a_file_that_is_no_library_is_not_added)
{
	struct mt_image *image MT_CLEANUP(mt_image_cleanup) = NULL;

	MT_CK_OK(mt_image_open_file(own_path(), &image));
	MT_CK_FAILS(mt_image_add_file(image, "/etc/passwd"), MT_ERR_FORMAT, "/etc/passwd");
	MT_CK_FAILS(mt_image_add_file(image, "/nonesuch"), MT_ERR_NOT_FOUND, "/nonesuch");
	ck_assert_uint_eq(mt_image_module_count(image), 1);
}
END_TEST

START_TEST(an_interpreter_that_is_none)
{
	struct mt_libraries libraries = { 0 };

	MT_CK_FAILS(mt_libraries_list("/nonesuch", own_path(), &libraries), MT_ERR_NOT_FOUND,
	            "/nonesuch");
	MT_CK_OK(mt_libraries_list("/bin/echo", own_path(), &libraries));
	ck_assert_uint_eq(libraries.paths.len, 0);
}
END_TEST

MT_UNIT_MAIN("symbol", interpreter_and_build_id_are_those_of_readelf,
             a_static_program_has_no_interpreter, libraries_are_those_that_are_mapped,
             names_of_added_libraries_are_found, a_file_that_is_no_library_is_not_added,
             variables_of_added_libraries_are_found, an_interpreter_that_is_none)
