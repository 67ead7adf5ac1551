/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "self/fail.h"
#include "self/lock.h"
#include "self/registry.h"

/* A thread is armed when all pieces are. */
static void add_piece(const struct mt_backend *backend, const struct mt_piece *piece, bool first,
                      struct memtrap_coverage *coverage)
{
	struct mt_piece_cover cover = { 0 };

	backend->cover(piece, &cover);
	if (first || cover.armed < coverage->armed)
		coverage->armed = cover.armed;
	if (first || cover.threads > coverage->threads)
		coverage->threads = cover.threads;
	coverage->gaps |= cover.gaps;
}

static void look(const struct memtrap *trap, struct memtrap_coverage *coverage)
{
	const struct mt_backend *backend = mt_backend_in_use();

	*coverage = (struct memtrap_coverage){
		.backend = backend->id,
		.registers = trap->piece_count,
		.shared = trap->shared,
		.late = __atomic_load_n(&trap->late, __ATOMIC_RELAXED),
		.unread = __atomic_load_n(&trap->unread, __ATOMIC_RELAXED),
	};
	for (unsigned i = 0; i < trap->piece_count; i++)
		add_piece(backend, trap->pieces[i], i == 0, coverage);
	if (!mt_handler_is_ours())
		coverage->gaps |= MEMTRAP_GAP_HANDLER;
}

int memtrap_coverage(const struct memtrap *trap, struct memtrap_coverage *coverage)
{
	mt_lock();
	look(trap, coverage);
	mt_unlock();
	return 0;
}

/* ---- As text ------------------------------------------------------------- */

static void say_gaps(struct mt_buf *text, const struct memtrap_coverage *coverage)
{
	if (coverage->gaps & MEMTRAP_GAP_NEW_THREADS)
		mt_buf_text(text, "; threads that are born from now on are not armed");
	if (coverage->gaps & MEMTRAP_GAP_HANDLER)
		mt_buf_text(text, "; the program has replaced the handler of SIGTRAP");
	if (coverage->gaps & MEMTRAP_GAP_BLOCKED)
		mt_buf_text(text, "; a thread has SIGTRAP blocked");
	if (coverage->late)
		mt_buf_printf(text, "; %llu hits came late", (unsigned long long)coverage->late);
	if (coverage->unread)
		mt_buf_printf(text, "; %llu hits could not be read in full",
		              (unsigned long long)coverage->unread);
}

int memtrap_describe(const struct memtrap *trap, char *text, size_t size)
{
	struct mt_buf line MT_AUTO_BUF = { 0 };
	struct memtrap_coverage coverage;
	int err = memtrap_coverage(trap, &coverage);

	if (err < 0)
		return err;
	mt_buf_printf(&line, "%s: %u register%s on %u of %u thread%s", mt_backend_in_use()->name,
	              coverage.registers, coverage.registers == 1 ? "" : "s", coverage.armed,
	              coverage.threads, coverage.threads == 1 ? "" : "s");
	say_gaps(&line, &coverage);
	if (!mt_buf_ok(&line))
		return mt_fail(ENOMEM, "out of memory");
	return snprintf(text, size, "%s", line.data);
}
