/* SPDX-License-Identifier: MIT */
#include "cli/in_process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "expr/expr.h"
#include "self/order.h"
#include "symbol/dynamic.h"
#include "target/libraries.h"
#include "target/tracee.h"

/* What is known of the program before it runs. */
struct program {
	const struct mt_watch_options *options;
	char *path;
	char *library; /* libmemtrap.so */
	struct mt_image *image;
	struct mt_dr_mirror mirror;
	struct mt_order order;
};

MT_DEFINE_CLEANUP(mt_image, struct mt_image, mt_image_destroy)

static void program_deinit(struct program *program)
{
	mt_order_deinit(&program->order);
	mt_image_destroy(program->image);
	free(program->library);
	free(program->path);
}

/* ---- The program --------------------------------------------------------- */

/* Whether the dynamic linker will take no LD_PRELOAD from us (ld.so(8), secure execution). */
static bool gains_privileges(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	return (st.st_mode & S_ISUID && st.st_uid != getuid()) ||
	       (st.st_mode & S_ISGID && st.st_gid != getgid()) ||
	       (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0);
}

static struct mt_error *add_libraries(struct program *program, const char *interpreter)
{
	struct mt_libraries libraries = { 0 };
	struct mt_error *error = mt_libraries_list(interpreter, program->path, &libraries);

	for (size_t i = 0; !error && i < libraries.paths.len; i++)
		error = mt_image_add_file(program->image, libraries.paths.data[i]);
	mt_libraries_deinit(&libraries);
	return error;
}

static struct mt_error *open_program(struct program *program, const char *name)
{
	const char *interpreter;

	MT_TRY(mt_program_find(name, &program->path));
	MT_TRY(mt_image_open_file(program->path, &program->image));
	interpreter = mt_module_interpreter(mt_image_executable(program->image));
	if (!interpreter)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "%s is linked statically: nothing can be preloaded into it; "
		                    "watch it without --in-process",
		                    program->path);
	if (gains_privileges(program->path))
		return mt_error_new(
		    MT_ERR_UNSUPPORTED,
		    "%s runs with more privileges than yours: nothing is preloaded into it",
		    program->path);
	MT_TRY(mt_in_process_library(mt_image_machine(program->image), &program->library));
	return add_libraries(program, interpreter);
}

/* ---- The handler --------------------------------------------------------- */

static struct mt_error *check_handler(const struct program *program)
{
	const struct mt_order *order = &program->order;
	struct mt_image *image MT_CLEANUP(mt_image_cleanup) = NULL;
	uint64_t addr;

	MT_TRY(mt_error_context(mt_image_open_file(order->library, &image), "--handler"));
	if (mt_image_machine(image) != mt_image_machine(program->image))
		return mt_error_new(MT_ERR_USAGE, "--handler: %s and %s are for different machines",
		                    order->library, program->path);
	if (mt_module_symbol(mt_image_executable(image), order->handler, &addr))
		return NULL;
	return mt_error_new(MT_ERR_NOT_FOUND,
	                    "--handler: %s has no function %s (in C++, it is declared "
	                    "extern \"C\")",
	                    order->library, order->handler);
}

/* "./cond.so:on_hit" */
static struct mt_error *take_handler(struct program *program)
{
	const char *text = program->options->handler;
	const char *colon = strrchr(text, ':');
	char *file MT_AUTO_FREE = colon ? mt_strndup(text, (size_t)(colon - text)) : NULL;

	if (!colon || colon == text || !colon[1])
		return mt_error_new(MT_ERR_USAGE,
		                    "--handler takes FILE:FUNCTION, as in ./cond.so:on_hit, "
		                    "not '%s'",
		                    text);
	if (!file)
		return mt_error_nomem();
	program->order.library = realpath(file, NULL);
	if (!program->order.library)
		return mt_error_sys(errno, "--handler: cannot open %s", file);
	program->order.handler = mt_strdup(colon + 1);
	if (!program->order.handler)
		return mt_error_nomem();
	return check_handler(program);
}

/* ---- The expressions ----------------------------------------------------- */

static enum memtrap_kind kind_of(const struct mt_watch_options *options, enum mt_dr_kind kind)
{
	switch (kind) {
	case MT_DR_EXEC:
		return MEMTRAP_EXEC;
	case MT_DR_READ:
		return MEMTRAP_READ;
	case MT_DR_ACCESS:
		return MEMTRAP_ACCESS;
	default:
		return options->config.changes_only ? MEMTRAP_CHANGE : MEMTRAP_WRITE;
	}
}

static bool may_load_later(struct mt_image *image)
{
	for (size_t i = 0; i < mt_image_module_count(image); i++)
		if (mt_module_imports(mt_image_module(image, i), "dlopen"))
			return true;
	return false;
}

/* A name whose meaning comes while the program runs, and what to do then. */
static struct mt_error *suggest_without(const struct program *program, struct mt_error *error)
{
	const char *why = NULL;
	struct mt_error *better;

	if (error && mt_error_kind(error) == MT_ERR_UNREADABLE)
		why = "without --in-process it is watched from when --at is reached";
	else if (error && mt_error_kind(error) == MT_ERR_NOT_FOUND &&
	         may_load_later(program->image))
		why = "without --in-process, --pending waits for a library that is loaded later";
	if (!why)
		return error;
	better = mt_error_new(MT_ERR_UNSUPPORTED, "%s; %s", mt_error_text(error), why);
	mt_error_free(error);
	return better;
}

static struct mt_error *resolve_code(struct program *program, const char *expr,
                                     struct mt_order_trap *trap)
{
	struct mt_location *locations;
	size_t count;

	MT_TRY(mt_image_locate(program->image, expr, &locations, &count));
	trap->offset = locations[0].entry;
	trap->len = 1;
	mt_locations_free(locations, count);
	if (count > 1)
		return mt_error_new(MT_ERR_AMBIGUOUS, "%s stands for %zu places in the code", expr,
		                    count);
	return NULL;
}

static struct mt_error *resolve_data(struct program *program, const char *expr,
                                     struct mt_order_trap *trap)
{
	struct mt_place place;

	MT_TRY(
	    suggest_without(program, mt_place_resolve(program->image, expr, NULL, NULL, &place)));
	trap->offset = place.addr;
	trap->len = place.len;
	return NULL;
}

static struct mt_error *resolve(struct program *program, const struct mt_watch_request *request,
                                struct mt_order_trap *trap)
{
	if (mt_place_is_raw(request->expr))
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "where a program will be loaded is not known before it runs: "
		                    "write MODULE+0xOFFSET:LENGTH for a place in its file");
	if (request->kind == MT_DR_EXEC)
		return resolve_code(program, request->expr, trap);
	return resolve_data(program, request->expr, trap);
}

static const char *describe_owner(mt_dr_owner owner, void *arg)
{
	const struct program *program = arg;

	return program->order.traps.data[owner].name;
}

/* Alignment is the file's, as modules are loaded at whole pages. */
static struct mt_error *book_registers(struct program *program,
                                       const struct mt_watch_request *request, size_t index)
{
	const struct mt_order_trap *trap = &program->order.traps.data[index];

	return mt_dr_insert(&program->mirror, (mt_dr_owner)index, request->kind, trap->offset,
	                    trap->len, describe_owner, program);
}

static struct mt_error *name_module(const struct mt_module *module, struct mt_order_trap *trap)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	const uint8_t *id;
	size_t len = mt_module_build_id(module, &id);

	for (size_t i = 0; i < len; i++)
		mt_buf_printf(&text, "%02x", id[i]);
	trap->build_id = len ? mt_buf_take(&text) : mt_strdup("");
	trap->module = realpath(module->path, NULL);
	return trap->build_id && trap->module ? NULL : mt_error_nomem();
}

static struct mt_error *add_trap(struct program *program, const struct mt_watch_request *request)
{
	size_t index = program->order.traps.len;
	const struct mt_module *module;
	struct mt_order_trap *trap;

	if (index == MT_ORDER_TRAPS_MAX)
		return mt_error_new(MT_ERR_USAGE, "more than %d expressions", MT_ORDER_TRAPS_MAX);
	if (!mt_vec_push(&program->order.traps, (struct mt_order_trap){ 0 }))
		return mt_error_nomem();
	trap = &program->order.traps.data[index];
	trap->kind = kind_of(program->options, request->kind);
	trap->name = mt_strdup(request->expr);
	if (!trap->name)
		return mt_error_nomem();
	MT_TRY(resolve(program, request, trap));
	MT_TRY(book_registers(program, request, index));
	module = mt_image_module_at(program->image, trap->offset);
	if (!module)
		return mt_error_new(MT_ERR_NOT_FOUND, "0x%" PRIx64 " is in no module",
		                    trap->offset);
	trap->offset -= module->bias;
	return name_module(module, trap);
}

/* ---- Becoming the program ------------------------------------------------ */

/* Ours stands first, where injected.c looks for it. */
static struct mt_error *set_environment(const struct program *program)
{
	const char *others = getenv("LD_PRELOAD");
	struct mt_buf preload MT_AUTO_BUF = { 0 }, order MT_AUTO_BUF = { 0 };

	mt_buf_text(&preload, program->library);
	if (others && *others)
		mt_buf_printf(&preload, ":%s", others);
	mt_order_format(&program->order, &order);
	if (!mt_buf_ok(&preload) || !mt_buf_ok(&order))
		return mt_error_nomem();
	if (setenv("LD_PRELOAD", preload.data, 1) || setenv(MT_ORDER_VARIABLE, order.data, 1))
		return mt_error_sys(errno, "cannot set the program's environment");
	return NULL;
}

static struct mt_error *prepare(struct program *program)
{
	const struct mt_watch_config *config = &program->options->config;

	program->order.follow = config->follow;
	program->order.quiet = program->options->quiet;
	MT_TRY(open_program(program, config->argv[0]));
	MT_TRY(take_handler(program));
	for (size_t i = 0; i < config->request_count; i++)
		MT_TRY(mt_error_context(add_trap(program, &config->requests[i]), "%s",
		                        config->requests[i].expr));
	return set_environment(program);
}

struct mt_error *mt_in_process_run(const struct mt_watch_options *options)
{
	struct program program = { .options = options };
	struct mt_error *error;

	mt_dr_mirror_init(&program.mirror);
	error = prepare(&program);
	if (!error) {
		execv(program.path, options->config.argv);
		error = mt_error_new(MT_ERR_CANNOT_RUN, "cannot run %s: %s", program.path,
		                     strerror(errno));
	}
	program_deinit(&program);
	return error;
}
