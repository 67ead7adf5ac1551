/* SPDX-License-Identifier: MIT */
#include "symbol/index_make.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "symbol/elfhead.h"
#include "symbol/index_entries.h"

enum { THREADS_MAX = 16, NICE = 10, RELEASE_EACH = 16 << 20 };

/* What one thread has found. */
struct worker {
	struct mt_index_make *make;
	struct mt_index_reader reader;
	struct mt_index_heap heaps[MT_INDEX_TABLES];
	MT_VEC(struct mt_index_place) parents;
	MT_VEC(uint32_t) unread;
	uint64_t read; /* bytes, since pages were given back */
};

struct mt_index_make {
	const struct mt_index_space *spaces;
	size_t space_count;
	struct mt_index_subject subject;
	int fd;
	pthread_t lead;
	unsigned thread_count;
	unsigned shifts[MT_INDEX_TABLES]; /* of a key, to its part */
	atomic_size_t next;               /* piece of work: a unit, or a part */
	atomic_bool cancelled, failed, over;
	atomic_uint stage; /* how many of the three are done */
	bool is_written;
	struct worker workers[THREADS_MAX];
	struct mt_index_part parts[MT_INDEX_TABLES][MT_INDEX_PARTS];
};

static bool goes_on(const struct mt_index_make *make)
{
	return !atomic_load_explicit(&make->cancelled, memory_order_relaxed) &&
	       !atomic_load_explicit(&make->failed, memory_order_relaxed);
}

/* ---- All threads at once ------------------------------------------------- */

struct task {
	struct worker *worker;
	void (*run)(struct worker *worker);
};

static void *run_task(void *arg)
{
	const struct task *task = arg;

	setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone, on Linux */
	task->run(task->worker);
	return NULL;
}

/* With fewer threads than wanted the others do more. */
static void run_on_all(struct mt_index_make *make, void (*run)(struct worker *worker))
{
	pthread_t threads[THREADS_MAX];
	struct task tasks[THREADS_MAX];
	unsigned started = 1;

	atomic_store(&make->next, 0);
	for (; started < make->thread_count; started++) {
		tasks[started] = (struct task){ &make->workers[started], run };
		if (pthread_create(&threads[started], NULL, run_task, &tasks[started]))
			break;
	}
	run(&make->workers[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(threads[i], NULL);
}

/* ---- First: every unit is read ------------------------------------------- */

/* A unit may be a whole program's: link-time optimisation makes such. */
static bool take_entry(void *arg, enum mt_index_table table, const struct mt_index_entry *entry)
{
	struct worker *worker = arg;

	return goes_on(worker->make) &&
	       mt_index_heap_add(&worker->heaps[table], worker->make->shifts[table], entry);
}

static bool take_parent(void *arg, const struct mt_index_place *parent)
{
	struct worker *worker = arg;

	return mt_vec_push(&worker->parents, *parent);
}

static bool read_unit(struct worker *worker, const struct mt_index_space *space, size_t unit,
                      size_t number)
{
	const struct mt_index_sink sink = { .entry = take_entry,
		                            .parent = take_parent,
		                            .arg = worker };

	switch (mt_index_read_unit(&worker->reader, space, &space->space->units[unit], &sink)) {
	case MT_INDEX_READ:
		return true;
	case MT_INDEX_UNREADABLE:
		return mt_vec_push(&worker->unread, (uint32_t)number);
	default:
		return false;
	}
}

static void release(const struct mt_index_make *make)
{
	for (size_t i = 0; i < make->space_count; i++)
		mt_space_release(make->spaces[i].space, make->spaces[i].units);
}

/* What was read is not needed again; another thread that was reading there waits a little. */
static void note_read(struct worker *worker, const struct mt_unit *unit)
{
	worker->read += unit->end - unit->offset;
	if (worker->read < RELEASE_EACH)
		return;
	worker->read = 0;
	release(worker->make);
}

/* Units are numbered through all spaces. */
static void read_units(struct worker *worker)
{
	struct mt_index_make *make = worker->make;
	size_t space = 0, first = 0; /* unit of that space */

	while (goes_on(make)) {
		size_t number = atomic_fetch_add(&make->next, 1);

		while (space < make->space_count &&
		       number - first >= make->spaces[space].space->count)
			first += make->spaces[space++].space->count;
		if (space == make->space_count)
			break;
		if (!read_unit(worker, &make->spaces[space], number - first, number))
			atomic_store(&make->failed, true);
		note_read(worker, &make->spaces[space].space->units[number - first]);
	}
	release(make);
	mt_index_reader_deinit(&worker->reader);
}

/* ---- Then: every part is sorted ------------------------------------------ */

static void sort_parts(struct worker *worker)
{
	struct mt_index_make *make = worker->make;

	while (goes_on(make)) {
		size_t number = atomic_fetch_add(&make->next, 1);
		size_t table = number / MT_INDEX_PARTS, part = number % MT_INDEX_PARTS;

		if (table >= MT_INDEX_TABLES)
			return;
		if (!mt_index_part_take(&make->parts[table][part], &make->workers[0].heaps[table],
		                        sizeof(struct worker), make->thread_count, part))
			atomic_store(&make->failed, true);
	}
}

/* ---- At last: all is written --------------------------------------------- */

struct output {
	int fd;
	uint64_t offset;
	struct mt_index_place *pairs;
	size_t len;
	bool failed;
};

enum { OUTPUT_PAIRS = 8192 };

static bool write_at(int fd, const void *bytes, size_t len, uint64_t offset)
{
	const char *at = bytes;

	while (len) {
		ssize_t wrote = pwrite(fd, at, len, (off_t)offset);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return false;
		at += wrote;
		len -= (size_t)wrote;
		offset += (uint64_t)wrote;
	}
	return true;
}

static void flush(struct output *output)
{
	size_t size = output->len * sizeof(*output->pairs);

	if (!output->failed)
		output->failed = !write_at(output->fd, output->pairs, size, output->offset);
	output->offset += size;
	output->len = 0;
}

static void put_pair(struct output *output, uint32_t first, uint32_t second)
{
	output->pairs[output->len++] = (struct mt_index_place){ first, second };
	if (output->len == OUTPUT_PAIRS)
		flush(output);
}

static void write_places(const struct mt_index_make *make, struct output *output,
                         const struct mt_index_part *parts)
{
	for (size_t i = 0; i < MT_INDEX_PARTS && goes_on(make); i++)
		for (uint32_t j = 0; j < parts[i].count; j++)
			put_pair(output, parts[i].entries[j].die, parts[i].entries[j].parent);
	flush(output);
}

/* Frees the parts, which nobody needs any more. */
static void write_keys(const struct mt_index_make *make, struct output *output,
                       struct mt_index_part *parts)
{
	uint32_t number = 0;

	for (size_t i = 0; i < MT_INDEX_PARTS && goes_on(make); i++) {
		for (uint32_t j = 0; j < parts[i].count; j++, number++) {
			uint32_t key = parts[i].entries[j].key;

			if (!j || parts[i].entries[j - 1].key != key)
				put_pair(output, key, number);
		}
		free(parts[i].entries);
		parts[i] = (struct mt_index_part){ 0 };
	}
	flush(output);
}

static int compare_numbers(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* Into the first worker's lists, sorted. */
static bool join_lists(struct mt_index_make *make)
{
	struct worker *all = &make->workers[0];

	for (unsigned i = 1; i < make->thread_count; i++) {
		struct worker *worker = &make->workers[i];

		if (!mt_vec_reserve(&all->parents, all->parents.len + worker->parents.len + 1) ||
		    !mt_vec_reserve(&all->unread, all->unread.len + worker->unread.len + 1))
			return false;
		for (size_t j = 0; j < worker->parents.len; j++)
			all->parents.data[all->parents.len++] = worker->parents.data[j];
		for (size_t j = 0; j < worker->unread.len; j++)
			all->unread.data[all->unread.len++] = worker->unread.data[j];
		mt_vec_deinit(&worker->parents);
	}
	if (all->parents.len)
		qsort(all->parents.data, all->parents.len, sizeof(*all->parents.data),
		      mt_index_compare_places);
	if (all->unread.len)
		qsort(all->unread.data, all->unread.len, sizeof(uint32_t), compare_numbers);
	return true;
}

static bool fill_head(const struct mt_index_make *make, struct mt_index_head *head)
{
	uint64_t places[MT_INDEX_TABLES] = { 0 };

	memcpy(head->magic, MT_INDEX_MAGIC, sizeof(head->magic));
	head->version = MT_INDEX_VERSION;
	head->subject = make->subject;
	head->parent_count = (uint32_t)make->workers[0].parents.len;
	head->unread_count = (uint32_t)make->workers[0].unread.len;
	for (size_t i = 0; i < MT_INDEX_TABLES; i++) {
		for (size_t j = 0; j < MT_INDEX_PARTS; j++) {
			places[i] += make->parts[i][j].count;
			head->key_count[i] += make->parts[i][j].key_count;
		}
		if (places[i] > UINT32_MAX)
			return false;
		head->place_count[i] = (uint32_t)places[i];
	}
	return true;
}

static bool write_body(struct mt_index_make *make, struct output *output)
{
	const struct worker *all = &make->workers[0];

	for (size_t i = 0; i < all->parents.len; i++)
		put_pair(output, all->parents.data[i].die, all->parents.data[i].parent);
	flush(output);
	for (size_t i = 0; i < MT_INDEX_TABLES && goes_on(make); i++) {
		write_places(make, output, make->parts[i]);
		write_keys(make, output, make->parts[i]);
	}
	return !output->failed && goes_on(make) &&
	       write_at(output->fd, all->unread.data, all->unread.len * sizeof(uint32_t),
	                output->offset);
}

/* Reads back what was written: the sums are of what is in the file. */
static bool write_sums(struct mt_index_make *make, struct mt_index_head *head)
{
	struct mt_index_layout layout;
	uint32_t *sums MT_AUTO_FREE = NULL;
	char *block MT_AUTO_FREE = mt_alloc(MT_INDEX_BLOCK);
	size_t size;

	mt_index_layout(head, &layout);
	sums = mt_alloc_array(layout.block_count + 1, sizeof(*sums));
	size = layout.block_count * sizeof(*sums);
	if (!sums || !block || ftruncate(make->fd, (off_t)layout.sums))
		return false;
	for (uint64_t i = 0; i < layout.block_count; i++) {
		if (!goes_on(make) ||
		    !mt_read_at(make->fd, block, MT_INDEX_BLOCK, (i + 1) * MT_INDEX_BLOCK))
			return false;
		sums[i] = mt_index_sum(block, MT_INDEX_BLOCK, i);
	}
	head->sums_sum = mt_index_sum(sums, size, 0);
	head->head_sum = mt_index_head_sum(head);
	return write_at(make->fd, sums, size, layout.sums) &&
	       write_at(make->fd, head, sizeof(*head), 0);
}

static bool write_all(struct mt_index_make *make)
{
	struct mt_index_place *pairs MT_AUTO_FREE = mt_alloc_array(OUTPUT_PAIRS, sizeof(*pairs));
	struct output output = { .fd = make->fd, .offset = MT_INDEX_BLOCK, .pairs = pairs };
	struct mt_index_head head = { 0 };

	return pairs && goes_on(make) && join_lists(make) && fill_head(make, &head) &&
	       write_body(make, &output) && write_sums(make, &head);
}

/* ---- The thread that leads ----------------------------------------------- */

/*
 * Descriptors of its own, and none but the one that it needs and the standard ones: in a table that
 * threads share, opening one may take milliseconds (see base/writer.c); and a uprobe or a pipe that
 * is closed must be so.
 */
static void leave_files(int fd)
{
	unsigned first = STDERR_FILENO + 1, own = (unsigned)fd;

	if (own > first)
		close_range(first, own - 1, CLOSE_RANGE_UNSHARE);
	close_range(own < first ? first : own + 1, ~0u, own > first ? 0 : CLOSE_RANGE_UNSHARE);
}

static void *lead(void *arg)
{
	struct mt_index_make *make = arg;

	leave_files(make->fd);
	setpriority(PRIO_PROCESS, 0, NICE);
	run_on_all(make, read_units);
	atomic_store(&make->stage, 1);
	if (goes_on(make))
		run_on_all(make, sort_parts);
	atomic_store(&make->stage, 2);
	make->is_written = goes_on(make) && write_all(make);
	atomic_store(&make->over, true);
	return NULL;
}

static void make_destroy(struct mt_index_make *make)
{
	for (size_t i = 0; i < THREADS_MAX; i++) {
		struct worker *worker = &make->workers[i];

		for (size_t j = 0; j < MT_INDEX_TABLES; j++)
			mt_index_heap_deinit(&worker->heaps[j]);
		mt_vec_deinit(&worker->parents);
		mt_vec_deinit(&worker->unread);
	}
	for (size_t i = 0; i < MT_INDEX_TABLES; i++)
		for (size_t j = 0; j < MT_INDEX_PARTS; j++)
			free(make->parts[i][j].entries);
	if (make->fd >= 0)
		close(make->fd);
	free(make);
}

/* Signals are for those who wait for them. */
static bool start(struct mt_index_make *make)
{
	sigset_t all, before;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = pthread_create(&make->lead, NULL, lead, make) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

/* Keys of references are positions, which need not have 32 bits. */
static unsigned shift_for(uint64_t positions)
{
	unsigned shift = 0;

	while (positions >> shift >= MT_INDEX_PARTS)
		shift++;
	return shift;
}

struct mt_index_make *mt_index_make_begin(const struct mt_index_space *spaces, size_t count,
                                          const struct mt_index_subject *subject, unsigned threads,
                                          int *fd)
{
	int own MT_AUTO_FD = mt_take_fd(fd);
	struct mt_index_make *make = mt_alloc(sizeof(*make));
	const struct mt_index_space *last = &spaces[count - 1];

	if (!make)
		return NULL;
	make->spaces = spaces;
	make->space_count = count;
	make->subject = *subject;
	make->fd = mt_take_fd(&own);
	make->thread_count = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
	make->shifts[MT_INDEX_NAMES] = 24;
	make->shifts[MT_INDEX_REFERENCES] = shift_for(last->base + last->bytes.size);
	for (size_t i = 0; i < THREADS_MAX; i++)
		make->workers[i].make = make;
	if (start(make))
		return make;
	make_destroy(make);
	return NULL;
}

bool mt_index_make_is_over(const struct mt_index_make *make)
{
	return atomic_load(&make->over);
}

unsigned mt_index_make_percent(const struct mt_index_make *make)
{
	size_t done = atomic_load(&make->next), units = make->subject.unit_count;

	switch (atomic_load(&make->stage)) {
	case 0:
		return units > done ? (unsigned)(80 * done / units) : 80;
	case 1:
		return 80;
	default:
		return 90;
	}
}

bool mt_index_make_end(struct mt_index_make *make, int *fd)
{
	bool is_written;

	if (!make)
		return false;
	atomic_store(&make->cancelled, true);
	pthread_join(make->lead, NULL);
	is_written = make->is_written;
	if (is_written)
		*fd = mt_take_fd(&make->fd);
	make_destroy(make);
	return is_written;
}
