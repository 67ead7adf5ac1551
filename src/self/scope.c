/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "memtrap/memtrap.h"
#include "self/say.h"

struct memtrap *memtrap_scope_begin(const volatile void *addr, size_t len, enum memtrap_kind kind,
                                    memtrap_handler handler, void *arg)
{
	const struct memtrap_spec spec = {
		.addr = addr,
		.len = len,
		.kind = kind,
		.thread = MEMTRAP_THIS_THREAD,
		.handler = handler,
		.arg = arg,
	};
	struct memtrap *trap;
	struct mt_say say;

	if (memtrap_set(&trap, &spec) == 0)
		return trap;
	mt_say_begin(&say, STDERR_FILENO);
	mt_say_text(&say, "memtrap: ");
	mt_say_text(&say, memtrap_error());
	mt_say_text(&say, "\n");
	mt_say_end(&say);
	return NULL;
}

void memtrap_scope_end(struct memtrap **trap)
{
	memtrap_remove(*trap);
	*trap = NULL;
}
