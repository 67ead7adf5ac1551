/* SPDX-License-Identifier: MIT */
/* What of libmemtrap's core can be asked without a trap that fires: tests/self has the others. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "self/code_cache.h"
#include "self/context.h"
#include "self/culprit.h"
#include "self/peek.h"
#include "self/pieces.h"
#include "self/registry.h"
#include "self/spec.h"
#include "unit.h"

/* ---- The cache of code --------------------------------------------------- */

/* As the assembler writes them for x86-64; they mean the same on i386. */
#define MOV_EAX_4_RBX 0x89, 0x43, 0x04 /* mov %eax, 0x4(%rbx) */
#define INC_RBX 0xff, 0x03             /* incl (%rbx) */
#define MOV_RAX_RAX 0x8b, 0x00         /* mov (%rax), %eax */
#define REP_MOVSB 0xf3, 0xa4

static struct mt_insn decoded(const uint8_t *code, size_t len)
{
	struct mt_insn insn;

	ck_assert(mt_insn_decode(MT_MACHINE_SELF, code, len, (uintptr_t)code, &insn));
	return insn;
}

START_TEST(cached_code_is_found_while_it_is_there)
{
	static uint8_t code[] = { MOV_EAX_4_RBX };
	struct mt_insn insn = decoded(code, sizeof(code)), found;
	uintptr_t pc = (uintptr_t)code + insn.len;

	ck_assert(!mt_code_cache_find(pc, &found));
	mt_code_cache_keep(&insn);
	ck_assert(mt_code_cache_find(pc, &found));
	ck_assert_str_eq(found.text, insn.text);
	ck_assert_uint_eq(found.addr, (uintptr_t)code);
	ck_assert(!mt_code_cache_find(pc + 1, &found));
	code[2] = 8;
	ck_assert(!mt_code_cache_find(pc, &found));
	code[2] = 4;
	ck_assert(mt_code_cache_find(pc, &found));
}
END_TEST

/* The instruction lies on two pages, of which the first one goes away. */
START_TEST(cached_code_may_be_unmapped)
{
	static const uint8_t mov[] = { MOV_EAX_4_RBX };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages =
	    mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *code = pages + page - 1;
	struct mt_insn insn, found;

	ck_assert_ptr_ne(pages, MAP_FAILED);
	memcpy(code, mov, sizeof(mov));
	insn = decoded(code, sizeof(mov));
	mt_code_cache_keep(&insn);
	ck_assert(mt_code_cache_find((uintptr_t)code + 3, &found));
	ck_assert_int_eq(munmap(pages, page), 0);
	ck_assert(!mt_code_cache_find((uintptr_t)code + 3, &found));
}
END_TEST

#define ROUNDS 20000
#define RIVALS 4

/* So far apart that all of them fall on one entry. */
static uint8_t rival_code[RIVALS * 65536] __attribute__((aligned(65536)));

static void *keep_and_find(void *arg)
{
	const uint8_t *code = arg;
	struct mt_insn insn = decoded(code, 3), found;
	size_t torn = 0;

	for (int i = 0; i < ROUNDS; i++) {
		mt_code_cache_keep(&insn);
		if (mt_code_cache_find((uintptr_t)code + 3, &found))
			torn += memcmp(&found, &insn, sizeof(insn)) != 0;
	}
	return (void *)torn;
}

START_TEST(cached_code_is_never_torn)
{
	pthread_t threads[RIVALS];

	for (size_t i = 0; i < RIVALS; i++) {
		const uint8_t mov[] = { 0x89, 0x43, (uint8_t)(8 * i) };
		uint8_t *code = &rival_code[i * 65536];

		memcpy(code, mov, sizeof(mov));
		ck_assert_int_eq(pthread_create(&threads[i], NULL, keep_and_find, code), 0);
	}
	for (size_t i = 0; i < RIVALS; i++) {
		void *torn;

		pthread_join(threads[i], &torn);
		ck_assert_ptr_null(torn);
	}
}
END_TEST

/* ---- What an instruction touched ----------------------------------------- */

static struct mt_touch touch_of(const uint8_t *code, size_t code_len, const struct mt_regs *after,
                                uintptr_t addr, size_t len)
{
	struct mt_insn insn = decoded(code, code_len);
	struct mt_touch touch;

	mt_culprit_touch(&insn, after, addr, len, &touch);
	return touch;
}

#define TOUCH(code, after, addr, len) touch_of(code, sizeof(code), after, addr, len)

START_TEST(the_part_that_was_touched)
{
	static const uint8_t mov[] = { MOV_EAX_4_RBX }, inc[] = { INC_RBX };
	const struct mt_regs regs = { .r[MT_REG_RBX] = 0x1000 };
	struct mt_touch touch = TOUCH(mov, &regs, 0x1000, 32);

	ck_assert(touch.certain);
	ck_assert_uint_eq(touch.access, MT_INSN_WRITE);
	ck_assert_uint_eq(touch.addr, 0x1004);
	ck_assert_uint_eq(touch.len, 4);

	touch = TOUCH(mov, &regs, 0x1006, 8);
	ck_assert_uint_eq(touch.addr, 0x1006);
	ck_assert_uint_eq(touch.len, 2);

	touch = TOUCH(inc, &regs, 0x1000, 2);
	ck_assert_uint_eq(touch.access, MT_INSN_READ | MT_INSN_WRITE);
	ck_assert_uint_eq(touch.len, 2);

	ck_assert_uint_eq(TOUCH(mov, &regs, 0x1000, 4).access, 0);
	ck_assert_uint_eq(TOUCH(mov, &regs, 0x1008, 8).access, 0);
}
END_TEST

START_TEST(what_cannot_be_known_is_not_certain)
{
	static const uint8_t load[] = { MOV_RAX_RAX }, rep[] = { REP_MOVSB };
	const struct mt_regs regs = { .r[MT_REG_RSI] = 0x5000, .r[MT_REG_RDI] = 0x1010 };
	struct mt_touch touch = TOUCH(load, &regs, 0x1000, 8);

	ck_assert(!touch.certain);
	ck_assert_uint_eq(touch.access, MT_INSN_READ);
	ck_assert_uint_eq(touch.addr, 0x1000);
	ck_assert_uint_eq(touch.len, 8);

	/* The last byte went to 0x100f; what was before may have been in the same batch. */
	touch = TOUCH(rep, &regs, 0x1008, 8);
	ck_assert(touch.certain);
	ck_assert_uint_eq(touch.access, MT_INSN_WRITE);
	ck_assert(!TOUCH(rep, &regs, 0x1000, 8).certain);
	ck_assert_uint_eq(TOUCH(rep, &regs, 0x2000, 8).access, 0);
}
END_TEST

/* ---- Pieces -------------------------------------------------------------- */

/* A back end that arms nothing, and refuses at a given address. */
static unsigned arms, disarms;
static uint64_t refused;

static int fake_arm(struct mt_piece *piece, struct mt_piece_cover *cover)
{
	if (piece->range.addr == refused)
		return -EPERM;
	arms++;
	*cover = (struct mt_piece_cover){ .armed = 1, .threads = 1 };
	return 0;
}

static void fake_disarm(struct mt_piece *piece)
{
	disarms++;
}

static void fake_cover(const struct mt_piece *piece, struct mt_piece_cover *cover)
{
	*cover = (struct mt_piece_cover){ .armed = 1, .threads = 1 };
}

static const struct mt_backend fake = {
	.arm = fake_arm,
	.disarm = fake_disarm,
	.cover = fake_cover,
};

static struct memtrap *claimed(const char *name, uintptr_t addr, size_t len, pid_t thread)
{
	struct memtrap *trap = mt_trap_claim();

	ck_assert_ptr_nonnull(trap);
	trap->spec = (struct memtrap_spec){
		.addr = (const volatile void *)addr,
		.len = len,
		.kind = MEMTRAP_WRITE,
		.thread = thread,
	};
	snprintf(trap->name, sizeof(trap->name), "%s", name);
	return trap;
}

static int take(struct memtrap *trap)
{
	struct mt_piece_cover cover;
	int err = mt_pieces_take(&fake, trap, &cover);

	if (err == 0)
		ck_assert(mt_trap_turn(trap, MT_TRAP_SETTING, MT_TRAP_LIVE));
	return err;
}

START_TEST(pieces_are_shared_and_counted)
{
	struct memtrap *whole = claimed("whole", 0x1000, 16, 0);
	struct memtrap *half = claimed("half", 0x1008, 8, 0);
	struct memtrap *own = claimed("own", 0x1008, 8, 4242);

	ck_assert_int_eq(take(whole), 0);
	ck_assert_int_eq(take(half), 0);
	ck_assert_uint_eq(half->shared, 1);
	ck_assert_uint_eq(arms, 2);
	/* For one thread alone it is another piece. */
	ck_assert_int_eq(take(own), 0);
	ck_assert_uint_eq(own->shared, 0);
	ck_assert_uint_eq(arms, 3);
	ck_assert(mt_trap_has_piece(whole, half->pieces[0]->cookie));
	ck_assert(!mt_trap_has_piece(half, whole->pieces[0]->cookie));

	mt_pieces_give(&fake, whole);
	ck_assert_uint_eq(disarms, 1);
	mt_pieces_give(&fake, half);
	ck_assert_uint_eq(disarms, 2);
}
END_TEST

START_TEST(a_cookie_is_never_used_again)
{
	struct memtrap *trap = claimed("first", 0x1000, 8, 0);
	struct mt_piece piece;
	uint32_t cookie;

	ck_assert_int_eq(take(trap), 0);
	cookie = trap->pieces[0]->cookie;
	ck_assert(mt_piece_find(cookie, &piece));
	ck_assert_uint_eq(piece.range.addr, 0x1000);
	ck_assert_uint_eq(piece.range.len, 8);
	ck_assert_int_eq(piece.kind, MT_DR_WRITE);
	mt_pieces_give(&fake, trap);
	ck_assert(!mt_piece_find(cookie, &piece));
	trap = claimed("second", 0x1000, 8, 0);
	ck_assert_int_eq(take(trap), 0);
	ck_assert_uint_ne(trap->pieces[0]->cookie, cookie);
	ck_assert(!mt_piece_find(cookie, &piece));
}
END_TEST

static void ck_refused(struct memtrap *trap, const char *holders)
{
	unsigned before = arms;

	ck_assert_int_eq(take(trap), -ENOSPC);
	ck_assert_msg(strstr(memtrap_error(), holders), "\"%s\"", memtrap_error());
	ck_assert_uint_eq(trap->piece_count, 0);
	ck_assert_uint_eq(arms, before);
}

START_TEST(a_thread_has_four_registers)
{
	struct memtrap *all = claimed("all", 0x1000, 16, 0);
	struct memtrap *some = claimed("some", 0x2000, 8, 4242);

	ck_assert_int_eq(take(all), 0);
	ck_assert_int_eq(take(some), 0);
	/* One is left on 4242, two on the others. */
	ck_refused(claimed("a", 0x3000, 16, 4242), "hold 3 of the four on thread 4242: ");
	ck_refused(claimed("b", 0x3000, 16, 0), "hold 3 of the four on thread 4242: ");
	ck_assert_ptr_nonnull(strstr(memtrap_error(), "all"));
	ck_assert_ptr_nonnull(strstr(memtrap_error(), "some"));
	ck_assert_int_eq(take(claimed("c", 0x3000, 16, 4343)), 0);
	ck_refused(claimed("d", 0x4000, 8, 4343), "hold 4 of the four on thread 4343: ");
	ck_refused(claimed("e", 0x4000, 8, 0), "hold 4 of the four on thread 4343: ");
	ck_assert_int_eq(take(claimed("f", 0x4000, 8, 4242)), 0);
}
END_TEST

START_TEST(all_pieces_or_none)
{
	struct memtrap *trap = claimed("trap", 0x1000, 24, 0);

	refused = 0x1010;
	ck_assert_int_eq(take(trap), -EPERM);
	ck_assert_uint_eq(arms, 2);
	ck_assert_uint_eq(disarms, 2);
	ck_assert_uint_eq(trap->piece_count, 0);
}
END_TEST

/* ---- Slots --------------------------------------------------------------- */

static bool count_trap(struct memtrap *trap, void *count)
{
	ck_assert_uint_eq(trap->in_use, 1);
	++*(unsigned *)count;
	return true;
}

START_TEST(who_lets_go_last_frees_the_slot)
{
	struct memtrap *trap = claimed("trap", 0x1000, 8, 0);
	unsigned count = 0;

	ck_assert(!mt_trap_hold(trap));
	ck_assert(mt_trap_turn(trap, MT_TRAP_SETTING, MT_TRAP_LIVE));
	mt_traps_each(count_trap, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert(mt_trap_hold(trap));
	ck_assert(mt_trap_hold(trap));
	ck_assert(mt_trap_turn(trap, MT_TRAP_LIVE, MT_TRAP_ENDING));
	ck_assert(!mt_trap_hold(trap));
	mt_trap_release(trap);
	ck_assert_int_eq(mt_trap_state(trap), MT_TRAP_ENDING);
	mt_trap_release(trap);
	ck_assert_int_eq(mt_trap_state(trap), MT_TRAP_FREE);
	ck_assert_ptr_eq(mt_trap_claim(), trap);
	ck_assert_str_eq(trap->name, "");
}
END_TEST

/* ---- What is asked for --------------------------------------------------- */

static uint64_t memory[8];

static void ck_spec(struct memtrap_spec spec, int err, const char *part)
{
	struct memtrap_spec checked;

	ck_assert_int_eq(mt_spec_check(&spec, &checked), -err);
	ck_assert_msg(strstr(memtrap_error(), part), "\"%s\"", memtrap_error());
}

START_TEST(fields_that_make_no_sense)
{
	const struct memtrap_spec good = { .addr = memory, .len = 8, .kind = MEMTRAP_WRITE };
	struct memtrap_spec spec;

#define BAD(part, ...)                                                                             \
	do {                                                                                       \
		spec = good;                                                                       \
		__VA_ARGS__;                                                                       \
		ck_spec(spec, EINVAL, part);                                                       \
	} while (0)
	BAD("kind", spec.kind = 0);
	BAD("kind", spec.kind = MEMTRAP_CHANGE + 1);
	BAD("flag 0x100", spec.flags = 0x100 | MEMTRAP_BARE);
	BAD("bare", spec.flags = MEMTRAP_BARE; spec.kind = MEMTRAP_READ);
	BAD("bare", spec.flags = MEMTRAP_BARE; spec.kind = MEMTRAP_CHANGE);
	BAD("65537", spec.history = 65537);
	BAD("reserved", spec.reserved[3] = 1);
	BAD("length is 0", spec.len = 0);
	BAD("length 1, not 2", spec.kind = MEMTRAP_EXEC; spec.len = 2);
	BAD("33 bytes", spec.len = 33);
	BAD("need 5", spec.addr = (char *)memory + 4; spec.len = 32);
	BAD("past the end", spec.addr = (void *)-4L);
	BAD("-2", spec.thread = -2);
#undef BAD
}
END_TEST

START_TEST(what_is_not_there)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *hole = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct memtrap_spec spec = { .addr = hole, .len = 8, .kind = MEMTRAP_WRITE };

	ck_assert_int_eq(munmap(hole, page), 0);
	ck_spec(spec, EFAULT, "mapped");
	spec.addr = memory;
	spec.thread = 1; /* init is no thread of ours */
	ck_spec(spec, ESRCH, "thread 1");
}
END_TEST

START_TEST(what_is_left_out)
{
	struct memtrap_spec spec = { .addr = memory, .kind = MEMTRAP_EXEC }, checked;

	spec.thread = MEMTRAP_THIS_THREAD;
	ck_assert_int_eq(mt_spec_check(&spec, &checked), 0);
	ck_assert_uint_eq(checked.len, 1);
	ck_assert_uint_eq(checked.history, 16);
	ck_assert_int_eq(checked.thread, gettid());
}
END_TEST

/* ---- The action behind ours ---------------------------------------------- */

static bool over;

/* All bytes of an action are the same. */
static void *set_actions(void *arg)
{
	struct sigaction action;

	for (unsigned i = 0; !__atomic_load_n(&over, __ATOMIC_RELAXED); i++) {
		memset(&action, (int)(i % 256), sizeof(action));
		mt_next_action_set(&action);
	}
	return NULL;
}

START_TEST(the_next_action_is_never_torn)
{
	struct sigaction action, same;
	pthread_t writers[2];

	memset(&action, 0, sizeof(action));
	mt_next_action_set(&action);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&writers[i], NULL, set_actions, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		mt_next_action_get(&action);
		memset(&same, *(const unsigned char *)&action, sizeof(same));
		ck_assert_mem_eq(&action, &same, sizeof(action));
	}
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < 2; i++)
		pthread_join(writers[i], NULL);
}
END_TEST

/* ---- Reading ourselves --------------------------------------------------- */

START_TEST(peeking_stops_where_nothing_is)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages =
	    mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char out[64];

	memset(pages, 'x', 2 * page);
	ck_assert_uint_eq(mt_peek((uintptr_t)pages + page - 8, out, 64), 64);
	ck_assert_int_eq(out[63], 'x');
	ck_assert_int_eq(mprotect(pages + page, page, PROT_NONE), 0);
	ck_assert_uint_eq(mt_peek((uintptr_t)pages + page - 8, out, 64), 8);
	ck_assert_uint_eq(mt_peek((uintptr_t)pages + page, out, 64), 0);
	ck_assert_uint_eq(mt_peek(0, out, 64), 0);
}
END_TEST

MT_UNIT_MAIN("self", cached_code_is_found_while_it_is_there, cached_code_may_be_unmapped,
             cached_code_is_never_torn, the_part_that_was_touched,
             what_cannot_be_known_is_not_certain, pieces_are_shared_and_counted,
             a_cookie_is_never_used_again, a_thread_has_four_registers, all_pieces_or_none,
             who_lets_go_last_frees_the_slot, fields_that_make_no_sense, what_is_not_there,
             what_is_left_out, the_next_action_is_never_torn, peeking_stops_where_nothing_is)
