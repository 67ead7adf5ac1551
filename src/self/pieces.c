/* SPDX-License-Identifier: MIT */
#include "self/pieces.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "self/fail.h"
#include "self/thread.h"

static struct mt_piece *first;

static bool in_use(const struct mt_piece *piece)
{
	return __atomic_load_n(&piece->cookie, __ATOMIC_ACQUIRE) != 0;
}

void mt_pieces_each(bool (*each)(struct mt_piece *piece, void *arg), void *arg)
{
	bool more = true;

	for (struct mt_piece *piece = __atomic_load_n(&first, __ATOMIC_ACQUIRE); piece && more;
	     piece = piece->next) {
		if (in_use(piece))
			more = each(piece, arg);
	}
}

/* The fields are atomic, as the piece may be taken for another use at that time; then it has
 * another cookie. */
bool mt_piece_read(const struct mt_piece *piece, struct mt_piece *copy)
{
	uint32_t cookie = __atomic_load_n(&piece->cookie, __ATOMIC_ACQUIRE);

	*copy = (struct mt_piece){
		.range.addr = __atomic_load_n(&piece->range.addr, __ATOMIC_ACQUIRE),
		.range.len = __atomic_load_n(&piece->range.len, __ATOMIC_ACQUIRE),
		.kind = __atomic_load_n(&piece->kind, __ATOMIC_ACQUIRE),
		.thread = __atomic_load_n(&piece->thread, __ATOMIC_ACQUIRE),
	};
	return cookie && __atomic_load_n(&piece->cookie, __ATOMIC_RELAXED) == cookie;
}

static void publish(struct mt_piece *piece, const struct mt_dr_piece *range, enum mt_dr_kind kind,
                    pid_t thread, uint32_t cookie)
{
	__atomic_store_n(&piece->range.addr, range->addr, __ATOMIC_RELEASE);
	__atomic_store_n(&piece->range.len, range->len, __ATOMIC_RELEASE);
	__atomic_store_n(&piece->kind, kind, __ATOMIC_RELEASE);
	__atomic_store_n(&piece->thread, thread, __ATOMIC_RELEASE);
	piece->refs = 1;
	__atomic_store_n(&piece->cookie, cookie, __ATOMIC_RELEASE);
}

static const struct mt_piece *find(uint32_t cookie)
{
	const struct mt_piece *piece = __atomic_load_n(&first, __ATOMIC_ACQUIRE);

	while (piece && __atomic_load_n(&piece->cookie, __ATOMIC_ACQUIRE) != cookie)
		piece = piece->next;
	return piece;
}

bool mt_piece_find(uint32_t cookie, struct mt_piece *copy)
{
	const struct mt_piece *piece = find(cookie);

	return piece && mt_piece_read(piece, copy);
}

bool mt_trap_has_piece(const struct memtrap *trap, uint32_t cookie)
{
	unsigned count = __atomic_load_n(&trap->piece_count, __ATOMIC_RELAXED);

	for (unsigned i = 0; i < count; i++) {
		if (__atomic_load_n(&trap->pieces[i]->cookie, __ATOMIC_ACQUIRE) == cookie)
			return true;
	}
	return false;
}

enum mt_dr_kind mt_kind_in_hardware(enum memtrap_kind kind)
{
	switch (kind) {
	case MEMTRAP_EXEC:
		return MT_DR_EXEC;
	case MEMTRAP_WRITE:
	case MEMTRAP_CHANGE:
		return MT_DR_WRITE;
	default:
		return MT_DR_ACCESS;
	}
}

/* ---- Counting registers -------------------------------------------------- */

/* Registers in use that a thread shares with all, or has for itself. */
static unsigned used_for(pid_t thread)
{
	unsigned used = 0;

	for (const struct mt_piece *piece = first; piece; piece = piece->next)
		used += in_use(piece) && piece->thread == thread;
	return used;
}

unsigned mt_pieces_wanted(pid_t thread)
{
	return used_for(0) + (thread ? used_for(thread) : 0);
}

/* The thread that has most registers for itself. */
static pid_t fullest_thread(void)
{
	unsigned most = 0;
	pid_t fullest = 0;

	for (const struct mt_piece *piece = first; piece; piece = piece->next) {
		unsigned used;

		if (!in_use(piece) || !piece->thread)
			continue;
		used = used_for(piece->thread);
		if (used > most) {
			most = used;
			fullest = piece->thread;
		}
	}
	return fullest;
}

static bool holds_register_of(const struct memtrap *trap, pid_t thread)
{
	enum mt_trap_state state = mt_trap_state(trap);

	return (state == MT_TRAP_LIVE || state == MT_TRAP_ENDING) && trap->piece_count &&
	       (!trap->spec.thread || trap->spec.thread == thread);
}

static void say_holders(struct mt_buf *text, pid_t thread)
{
	const char *between = ": ";

	for (const struct memtrap *trap = mt_traps_first(); trap; trap = trap->next) {
		if (!holds_register_of(trap, thread))
			continue;
		mt_buf_printf(text, "%s%s", between, memtrap_name(trap));
		between = ", ";
	}
}

static int refuse(const struct memtrap *trap, unsigned needed, pid_t thread, unsigned used)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_buf_printf(&text,
	              "no debug register is free for %zu bytes at %p: it needs %u, and these traps "
	              "hold %u of the four",
	              trap->spec.len, (const void *)(uintptr_t)trap->spec.addr, needed, used);
	if (thread)
		mt_buf_printf(&text, " on thread %d", (int)thread);
	say_holders(&text, thread);
	if (!mt_buf_ok(&text))
		return mt_fail(ENOMEM, "out of memory");
	return mt_fail(ENOSPC, "%s", text.data);
}

static int check_room(const struct memtrap *trap, unsigned needed)
{
	pid_t thread = trap->spec.thread ? trap->spec.thread : fullest_thread();
	unsigned used = mt_pieces_wanted(thread);

	return used + needed <= MT_DR_COUNT ? 0 : refuse(trap, needed, thread, used);
}

/* ---- Taking and giving --------------------------------------------------- */

static struct mt_piece *find_same(const struct memtrap *trap, const struct mt_dr_piece *range)
{
	enum mt_dr_kind kind = mt_kind_in_hardware(trap->spec.kind);

	for (struct mt_piece *piece = first; piece; piece = piece->next) {
		if (in_use(piece) && piece->kind == kind && piece->thread == trap->spec.thread &&
		    piece->range.addr == range->addr && piece->range.len == range->len)
			return piece;
	}
	return NULL;
}

static struct mt_piece *find_unused(void)
{
	struct mt_piece *piece = first;

	while (piece && in_use(piece))
		piece = piece->next;
	if (piece)
		return piece;
	piece = mt_alloc(sizeof(*piece));
	if (!piece)
		return NULL;
	piece->next = first;
	__atomic_store_n(&first, piece, __ATOMIC_RELEASE);
	return piece;
}

static uint32_t next_cookie(void)
{
	static uint32_t last;

	do
		last++;
	while (last == 0 || find(last));
	return last;
}

static void let_go(struct mt_piece *piece)
{
	if (--piece->refs == 0)
		__atomic_store_n(&piece->cookie, 0, __ATOMIC_RELEASE);
}

/* A piece of its own for the trap, armed. Back ends find it by mt_pieces_each() while it is. */
static int arm_new(const struct mt_backend *backend, const struct memtrap *trap,
                   const struct mt_dr_piece *range, struct mt_piece **out,
                   struct mt_piece_cover *cover)
{
	struct mt_piece *piece = find_unused();
	int err;

	if (!piece)
		return mt_fail(ENOMEM, "out of memory");
	publish(piece, range, mt_kind_in_hardware(trap->spec.kind), trap->spec.thread,
	        next_cookie());
	err = backend->arm(piece, cover);
	if (err < 0) {
		let_go(piece);
		return err;
	}
	*out = piece;
	return 0;
}

static void keep_worst(struct mt_piece_cover *worst, const struct mt_piece_cover *cover)
{
	unsigned gaps = worst->gaps | cover->gaps;

	if (cover->threads - cover->armed >= worst->threads - worst->armed)
		*worst = *cover;
	worst->gaps = gaps;
}

static int take_one(const struct mt_backend *backend, struct memtrap *trap,
                    const struct mt_dr_piece *range, struct mt_piece_cover *worst)
{
	struct mt_piece_cover cover = { 0 };
	struct mt_piece *piece = find_same(trap, range);

	if (piece) {
		piece->refs++;
		trap->shared++;
		backend->cover(piece, &cover);
		cover.why = 0;
	} else {
		int err = arm_new(backend, trap, range, &piece, &cover);

		if (err < 0)
			return err;
	}
	trap->pieces[trap->piece_count++] = piece;
	keep_worst(worst, &cover);
	return 0;
}

int mt_pieces_take(const struct mt_backend *backend, struct memtrap *trap,
                   struct mt_piece_cover *cover)
{
	struct mt_dr_piece ranges[MT_DR_COUNT];
	uintptr_t addr = (uintptr_t)trap->spec.addr;
	unsigned count = (unsigned)mt_dr_split(addr, trap->spec.len, ranges, MT_DR_COUNT);
	struct mt_piece_cover worst = { 0 };
	unsigned needed = 0;
	int err;

	for (unsigned i = 0; i < count; i++)
		needed += !find_same(trap, &ranges[i]);
	err = check_room(trap, needed);
	for (unsigned i = 0; i < count && err == 0; i++)
		err = take_one(backend, trap, &ranges[i], &worst);
	if (err < 0) {
		mt_pieces_give(backend, trap);
		return err;
	}
	*cover = worst;
	return 0;
}

void mt_pieces_give(const struct mt_backend *backend, struct memtrap *trap)
{
	for (unsigned i = 0; i < trap->piece_count; i++) {
		struct mt_piece *piece = trap->pieces[i];

		let_go(piece);
		if (!piece->refs)
			backend->disarm(piece);
	}
	__atomic_store_n(&trap->piece_count, 0, __ATOMIC_RELAXED);
}

void mt_pieces_forget(struct memtrap *trap)
{
	for (unsigned i = 0; i < trap->piece_count; i++)
		let_go(trap->pieces[i]);
	__atomic_store_n(&trap->piece_count, 0, __ATOMIC_RELAXED);
}

bool mt_trap_survives_fork(const struct memtrap *trap, pid_t parent_tid)
{
	return mt_trap_state(trap) == MT_TRAP_LIVE && (trap->spec.flags & MEMTRAP_INHERIT_FORK) &&
	       (!trap->spec.thread || trap->spec.thread == parent_tid);
}

static void follow_fork(const struct memtrap *trap)
{
	for (unsigned i = 0; i < trap->piece_count; i++) {
		trap->pieces[i]->fork_too = true;
		if (trap->spec.thread)
			trap->pieces[i]->thread = mt_thread_id();
	}
}

void mt_pieces_forked(pid_t parent_tid)
{
	for (struct mt_piece *piece = first; piece; piece = piece->next)
		piece->fork_too = false;
	for (struct memtrap *trap = mt_traps_first(); trap; trap = trap->next) {
		if (mt_trap_survives_fork(trap, parent_tid))
			follow_fork(trap);
	}
}
