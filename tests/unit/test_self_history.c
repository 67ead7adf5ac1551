/* SPDX-License-Identifier: MIT */
/*
 * The ring of last hits, and the numbers in reports: entries that many threads write while another
 * one reads, and the layout that a core file is read by.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#include "self/history.h"
#include "unit.h"

#define WRITERS 8
#define HITS_EACH 500000
#define ENTRIES 4
#define FEW 2 /* so that writers meet in one entry */

static struct mt_history *history;
static uint64_t next_count;
static unsigned working;

static struct mt_history *make(size_t len, unsigned entries)
{
	const struct memtrap_spec spec = { .addr = (void *)0x1234,
		                           .len = len,
		                           .kind = MEMTRAP_WRITE };
	struct mt_history *made = mt_history_create("the name", &spec, entries);

	ck_assert_ptr_nonnull(made);
	return made;
}

/* ---- Hits that tell their number in each field --------------------------- */

static uint64_t mixed(uint64_t count, uint64_t what)
{
	return (count * 0x9e3779b97f4a7c15) ^ what;
}

static void fill(uint64_t *value, uint64_t count, uint64_t what)
{
	for (size_t i = 0; i < MEMTRAP_MAX_LEN / 8; i++)
		value[i] = mixed(count, what + i);
}

static void add(struct mt_history *to, uint64_t count, ucontext_t *context)
{
	uint64_t old_value[MEMTRAP_MAX_LEN / 8], new_value[MEMTRAP_MAX_LEN / 8];
	struct memtrap_hit hit = {
		.addr = (uintptr_t)mixed(count, 1),
		.len = (uint32_t)mixed(count, 2),
		.access = (unsigned)mixed(count, 3),
		.flags = (unsigned)mixed(count, 4),
		.old_value = old_value,
		.new_value = new_value,
		.tid = (pid_t)mixed(count, 5),
		.pc = (uintptr_t)mixed(count, 6),
		.culprit = (uintptr_t)mixed(count, 7),
		.time_ns = mixed(count, 8),
		.count = count,
		.context = context,
	};

	fill(old_value, count, 100);
	fill(new_value, count, 200);
	mt_history_add(to, &hit, MEMTRAP_MAX_LEN);
}

/* False: a word of another hit is in it. */
static bool is_whole(const struct memtrap_past_hit *hit)
{
	uint64_t count = hit->count, old_value[MEMTRAP_MAX_LEN / 8], new_value[MEMTRAP_MAX_LEN / 8];

	fill(old_value, count, 100);
	fill(new_value, count, 200);
	return hit->addr == (uintptr_t)mixed(count, 1) && hit->len == (uint32_t)mixed(count, 2) &&
	       hit->access == (unsigned)mixed(count, 3) &&
	       hit->flags == (unsigned)mixed(count, 4) && hit->tid == (pid_t)mixed(count, 5) &&
	       hit->pc == (uintptr_t)mixed(count, 6) &&
	       hit->culprit == (uintptr_t)mixed(count, 7) && hit->time_ns == mixed(count, 8) &&
	       hit->value_len == MEMTRAP_MAX_LEN &&
	       memcmp(hit->old_value, old_value, MEMTRAP_MAX_LEN) == 0 &&
	       memcmp(hit->new_value, new_value, MEMTRAP_MAX_LEN) == 0 && hit->frame_count >= 1 &&
	       hit->frame_count <= MEMTRAP_FRAMES && hit->frames[0] == hit->culprit;
}

/* ---- One thread ---------------------------------------------------------- */

START_TEST(the_last_hits_come_oldest_first)
{
	struct memtrap_past_hit hits[ENTRIES + 1];
	ucontext_t context;
	size_t should;

	getcontext(&context);
	history = make(32, ENTRIES);
	ck_assert_uint_eq(mt_history_read(history, hits, ENTRIES), 0);
	for (uint64_t count = 1; count <= 3 * ENTRIES + 1; count++) {
		add(history, count, &context);
		should = count < ENTRIES ? (size_t)count : ENTRIES;
		ck_assert_uint_eq(mt_history_hits(history), count);
		ck_assert_uint_eq(mt_history_read(history, hits, ENTRIES + 1), should);
		for (size_t i = 0; i < should; i++) {
			ck_assert_uint_eq(hits[i].count, count - should + 1 + i);
			ck_assert(is_whole(&hits[i]));
		}
	}
	ck_assert_uint_eq(mt_history_read(history, hits, 2), 2);
	ck_assert_uint_eq(hits[1].count, 3 * ENTRIES + 1);
	ck_assert_uint_eq(mt_history_read(history, hits, 0), 0);
	ck_assert(!mt_history_get(history, 1, hits));
	ck_assert(!mt_history_get(history, 3 * ENTRIES + 2, hits));
	mt_history_destroy(history);
	mt_history_destroy(NULL);
}
END_TEST

/* A thread that was held up between its hit and its entry. */
START_TEST(an_old_hit_is_not_put_over_a_newer_one)
{
	struct memtrap_past_hit hits[ENTRIES];
	ucontext_t context;

	getcontext(&context);
	history = make(32, ENTRIES);
	add(history, ENTRIES + 1, &context);
	add(history, 1, &context);
	ck_assert_uint_eq(mt_history_hits(history), ENTRIES + 1);
	ck_assert_uint_eq(mt_history_read(history, hits, ENTRIES), 1);
	ck_assert_uint_eq(hits[0].count, ENTRIES + 1);
	ck_assert(is_whole(&hits[0]));
	mt_history_destroy(history);
}
END_TEST

START_TEST(values_that_could_not_be_read_are_not_there)
{
	struct memtrap_past_hit past;
	struct memtrap_hit hit = { .count = 1 };
	ucontext_t context;

	getcontext(&context);
	hit.context = &context;
	history = make(4, 1);
	mt_history_add(history, &hit, 4);
	ck_assert(mt_history_get(history, 1, &past));
	ck_assert_uint_eq(past.value_len, 0);
	ck_assert_uint_eq(past.culprit, 0);
	mt_history_destroy(history);
}
END_TEST

/* ---- Eight writers and a reader ------------------------------------------ */

/* A thread without a stack to look at: then nearly all of its time goes into entries. */
static void *write_hits(void *unused)
{
	ucontext_t context = { 0 };

	for (int i = 0; i < HITS_EACH; i++)
		add(history, __atomic_add_fetch(&next_count, 1, __ATOMIC_SEQ_CST), &context);
	__atomic_sub_fetch(&working, 1, __ATOMIC_SEQ_CST);
	return unused;
}

START_TEST(no_entry_is_ever_torn)
{
	struct memtrap_past_hit hits[FEW];
	pthread_t writers[WRITERS];
	uint64_t read = 0, last = 0;
	size_t count;

	history = make(32, FEW);
	working = WRITERS;
	for (size_t i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_create(&writers[i], NULL, write_hits, NULL), 0);
	while (__atomic_load_n(&working, __ATOMIC_SEQ_CST)) {
		count = mt_history_read(history, hits, FEW);
		for (size_t i = 0; i < count; i++) {
			if (!is_whole(&hits[i]))
				ck_abort_msg("hit %lu is mixed with another", hits[i].count);
			if (i && hits[i].count <= hits[i - 1].count)
				ck_abort_msg("hit %lu comes before %lu", hits[i - 1].count,
				             hits[i].count);
		}
		read += count;
		last = count ? hits[count - 1].count : last;
	}
	for (size_t i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	ck_assert_uint_gt(read, 0);
	ck_assert_uint_gt(last, HITS_EACH);
	ck_assert_uint_eq(mt_history_hits(history), WRITERS * HITS_EACH);
	mt_history_destroy(history);
}
END_TEST

/* ---- A writer that is interrupted ---------------------------------------- */

static volatile unsigned interrupted;

static void write_between(int signal)
{
	ucontext_t context = { 0 };

	add(history, ++next_count, &context);
	interrupted++;
}

/* By a signal handler that has a hit of its own, for the same entry. */
START_TEST(an_interrupted_entry_is_not_mixed_with_another)
{
	const struct itimerval often = { { 0, 50 }, { 0, 50 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = write_between };
	struct memtrap_past_hit past;
	ucontext_t context = { 0 };
	uint64_t count;

	history = make(32, 1);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	while (interrupted < 2000) {
		count = __atomic_add_fetch(&next_count, 1, __ATOMIC_SEQ_CST);
		add(history, count, &context);
		if (mt_history_get(history, count, &past) && !is_whole(&past))
			ck_abort_msg("hit %lu is mixed with another", count);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	mt_history_destroy(history);
}
END_TEST

/* ---- The layout of a core file ------------------------------------------- */

static uint32_t word_at(size_t offset)
{
	uint32_t word;

	memcpy(&word, (const char *)history + offset, sizeof(word));
	return word;
}

static uint64_t long_at(size_t offset)
{
	uint64_t number;

	memcpy(&number, (const char *)history + offset, sizeof(number));
	return number;
}

/* By the numbers of <memtrap/memtrap.h>. */
START_TEST(the_layout_is_the_one_that_is_promised)
{
	static const char magic[24] = MEMTRAP_HISTORY_MAGIC;
	ucontext_t context;

	getcontext(&context);
	history = make(32, ENTRIES);
	for (uint64_t count = 1; count <= ENTRIES + 2; count++)
		add(history, count, &context);
	ck_assert_mem_eq(history, magic, sizeof(magic));
	ck_assert_uint_eq(word_at(24), 1);
	ck_assert_uint_eq(word_at(28), sizeof(struct memtrap_past_hit));
	ck_assert_uint_eq(word_at(32), ENTRIES);
	ck_assert_str_eq((const char *)history + word_at(36), "the name");
	ck_assert_uint_eq(long_at(40), 0x1234);
	ck_assert_uint_eq(word_at(48), 32);
	ck_assert_uint_eq(word_at(52), MEMTRAP_WRITE);
	ck_assert_uint_eq(long_at(56), ENTRIES + 2);
	for (uint64_t count = 3; count <= ENTRIES + 2; count++)
		ck_assert_uint_eq(long_at(64 + (count - 1) % ENTRIES * word_at(28)), count);
	mt_history_destroy(history);
}
END_TEST

MT_UNIT_MAIN("self_history", the_last_hits_come_oldest_first,
             an_old_hit_is_not_put_over_a_newer_one, values_that_could_not_be_read_are_not_there,
             no_entry_is_ever_torn, an_interrupted_entry_is_not_mixed_with_another,
             the_layout_is_the_one_that_is_promised)
