/* SPDX-License-Identifier: MIT */
/*
 * `memtrap watch --in-process`: the library has been preloaded into a program and finds an order in
 * the environment (order.h). It sets the traps before main(), in which it speaks as memtrap does:
 * to standard error, and with its exit status where the program would run unwatched.
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "self/mapped.h"
#include "self/order.h"

#define EXIT_FAILED 125 /* as memtrap(1) has it */

/* What the end of the program looks at. */
static struct {
	pid_t process;
	struct memtrap **traps;
	size_t count;
} watched;

/* ---- Speaking ------------------------------------------------------------ */

/* What cannot be written has nobody who reads it. */
static void say(struct mt_buf *text)
{
	for (size_t done = 0; done < text->len;) {
		ssize_t wrote = write(STDERR_FILENO, text->data + done, text->len - done);

		if (wrote < 0 && errno != EINTR)
			break;
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	mt_buf_deinit(text);
}

static void __attribute__((noreturn)) give_up(struct mt_error *error)
{
	struct mt_buf text = { 0 };

	mt_buf_printf(&text, "memtrap: %s\n", mt_error_text(error));
	say(&text);
	mt_error_free(error);
	_exit(EXIT_FAILED);
}

static void put_trap(struct mt_buf *text, const struct memtrap *trap)
{
	char words[256];

	mt_buf_printf(text, "%s: ", memtrap_name(trap));
	if (memtrap_describe(trap, words, sizeof(words)) >= 0)
		mt_buf_text(text, words);
}

static void say_armed(const struct memtrap *trap)
{
	struct mt_buf text = { 0 };

	mt_buf_text(&text, "armed: ");
	put_trap(&text, trap);
	mt_buf_char(&text, '\n');
	say(&text);
}

/* A fork has the list too, but what it says of hits is the parent's. */
static void say_summary(void)
{
	struct mt_buf text = { 0 };

	if (getpid() != watched.process)
		return;
	for (size_t i = 0; i < watched.count; i++) {
		uint64_t hits = memtrap_count(watched.traps[i]);

		mt_buf_printf(&text, "%" PRIu64 " hit%s: ", hits, hits == 1 ? "" : "s");
		put_trap(&text, watched.traps[i]);
		mt_buf_char(&text, '\n');
	}
	say(&text);
}

/* ---- The environment ----------------------------------------------------- */

/* Our own entry is the first one; the others stay. */
static void leave_preload(void)
{
	char *list = getenv("LD_PRELOAD");
	Dl_info self;
	size_t len;

	if (!list || !dladdr((void *)(uintptr_t)say_summary, &self) || !self.dli_fname)
		return;
	len = strcspn(list, ": ");
	if (strncmp(list, self.dli_fname, len) != 0 || self.dli_fname[len])
		return;
	len += strspn(list + len, ": ");
	memmove(list, list + len, strlen(list + len) + 1);
	if (!*list)
		unsetenv("LD_PRELOAD");
}

/* ---- The traps ----------------------------------------------------------- */

static struct mt_error *load_handler(const struct mt_order *order, memtrap_handler *handler)
{
	void *library = dlopen(order->library, RTLD_NOW | RTLD_LOCAL);
	void *found = library ? dlsym(library, order->handler) : NULL;

	if (!library)
		return mt_error_new(MT_ERR_NOT_FOUND, "cannot load the handler: %s", dlerror());
	if (!found)
		return mt_error_new(MT_ERR_NOT_FOUND, "%s has no function %s", order->library,
		                    order->handler);
	*handler = (memtrap_handler)(uintptr_t)found;
	return NULL;
}

static struct mt_error *set_trap(const struct mt_order *order, const struct mt_order_trap *wanted,
                                 memtrap_handler handler)
{
	struct memtrap_spec spec = {
		.len = (size_t)wanted->len,
		.kind = wanted->kind,
		.flags = order->follow ? MEMTRAP_INHERIT_FORK : 0,
		.handler = handler,
		.name = wanted->name,
	};
	struct memtrap **trap = &watched.traps[watched.count];
	uintptr_t base;

	if (!mt_mapped_module(wanted->module, wanted->build_id, &base))
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "%s: %s is not mapped, or no longer the file that it was",
		                    wanted->name, wanted->module);
	spec.addr = (const void *)(base + (uintptr_t)wanted->offset);
	if (memtrap_set(trap, &spec) < 0)
		return mt_error_new(MT_ERR_SYSTEM, "%s: %s", wanted->name, memtrap_error());
	watched.count++;
	if (!order->quiet)
		say_armed(*trap);
	return NULL;
}

static struct mt_error *set_traps(const struct mt_order *order)
{
	memtrap_handler handler;

	MT_TRY(load_handler(order, &handler));
	watched.traps = mt_alloc_array(order->traps.len, sizeof(*watched.traps));
	if (!watched.traps)
		return mt_error_nomem();
	watched.process = getpid();
	for (size_t i = 0; i < order->traps.len; i++)
		MT_TRY(set_trap(order, &order->traps.data[i], handler));
	if (!order->quiet && atexit(say_summary))
		return mt_error_nomem();
	return NULL;
}

/* A child that runs another program is let be, where children are followed. */
static bool is_for_us(const struct mt_order *order)
{
	uintptr_t base;

	for (size_t i = 0; i < order->traps.len; i++)
		if (mt_mapped_module(order->traps.data[i].module, order->traps.data[i].build_id,
		                     &base))
			return true;
	return !order->follow;
}

static struct mt_error *obey(const char *text, struct mt_order *order)
{
	MT_TRY(mt_error_context(mt_order_parse(text, order), MT_ORDER_VARIABLE));
	if (!order->follow) {
		leave_preload();
		unsetenv(MT_ORDER_VARIABLE);
	}
	return is_for_us(order) ? set_traps(order) : NULL;
}

/* secure_getenv: whoever sets the environment of a privileged program has no say in its code. */
__attribute__((constructor)) static void on_load(void)
{
	const char *text = secure_getenv(MT_ORDER_VARIABLE);
	struct mt_order order = { 0 };
	struct mt_error *error = text ? obey(text, &order) : NULL;

	mt_order_deinit(&order);
	if (error)
		give_up(error);
}
