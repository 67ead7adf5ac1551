/* SPDX-License-Identifier: MIT */
/* What an armed watch can be asked: whether it is armed, what it counted, and where. */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "probe/armed.h"
#include "probe/maps.h"
#include "probe/ring.h"

/* PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING */
struct event_count {
	uint64_t value, time_enabled, time_running;
};

/* False when the event is not armed: one in error state reads as end of file (perf_event_open(2)).
 */
static bool read_event(int fd, struct event_count *count)
{
	return read(fd, count, sizeof(*count)) == sizeof(*count);
}

uint64_t mt_armed_event_count(int fd)
{
	struct event_count count;

	return read_event(fd, &count) ? count.value : 0;
}

static const char *unheard(const struct mt_armed *armed)
{
	if (armed->unheard)
		return mt_error_text(armed->unheard);
	return armed->probe->traced && !armed->kernel && !armed->spec.instances
	           ? "the program does not stop at system calls"
	           : NULL;
}

struct mt_coverage mt_armed_coverage(const struct mt_armed *armed)
{
	struct mt_coverage coverage = {
		.registers = (unsigned)armed->own_count,
		.shared = (unsigned)(armed->piece_count - armed->own_count),
		.threads = armed->threads,
		.uncovered = armed->uncovered,
		.why = armed->why ? mt_error_text(armed->why) : NULL,
		.stepped = armed->spec.stepped,
		.kernel = armed->kernel,
		.kernel_compared = armed->kernel && armed->probe->traced,
		.kernel_why = armed->kernel_why,
		.unheard = unheard(armed),
	};
	struct event_count count;

	for (size_t i = 0; i < armed->events.len; i += armed->own_count) {
		bool armed_whole = true;

		for (size_t j = i; j < i + armed->own_count; j++)
			armed_whole = armed_whole && read_event(armed->events.data[j], &count);
		if (!armed_whole) {
			coverage.threads--;
			coverage.uncovered++;
			if (!coverage.why)
				coverage.why = "the kernel could not keep its breakpoint";
		}
	}
	return coverage;
}

static void add_scratch(struct mt_counts *counts, const struct mt_watch_scratch *scratch)
{
	counts->runs += scratch->runs;
	counts->folded += scratch->folded;
	counts->unchanged += scratch->unchanged;
	counts->unmet += scratch->unmet;
	counts->sent += scratch->sent;
	counts->lost += scratch->lost;
	counts->counted += scratch->counted;
	counts->uncounted += scratch->uncounted;
}

/* Of all processors. */
static void add_scratches(struct mt_counts *counts, int map)
{
	size_t stride = (sizeof(struct mt_watch_scratch) + 7) & ~(size_t)7;
	unsigned cpus = mt_map_cpus();
	uint8_t *values MT_AUTO_FREE = mt_alloc_array(cpus, stride);
	uint32_t key = 0;

	if (map < 0 || !values || bpf_map_lookup_elem(map, &key, values) < 0)
		return;
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		add_scratch(counts, (const void *)(values + cpu * stride));
}

struct mt_counts mt_armed_counts(const struct mt_armed *armed)
{
	struct mt_counts counts = { 0 };

	if (armed->probe->traced)
		return (struct mt_counts){
			.events = armed->sent,
			.runs = armed->sent,
			.sent = armed->sent,
			.outside = armed->outside,
		};

	counts.events = armed->gone_events;
	for (size_t i = 0; i < armed->events.len; i++)
		counts.events += mt_armed_event_count(armed->events.data[i]);
	add_scratches(&counts, armed->scratch);
	add_scratches(&counts, armed->exit_scratch);
	if (armed->spec.silent) {
		counts.runs = __atomic_load_n(&armed->cell->hits, __ATOMIC_RELAXED);
		counts.unmet = __atomic_load_n(&armed->cell->unmet, __ATOMIC_RELAXED);
	}
	return counts;
}

/* ---- Places -------------------------------------------------------------- */

/* Adds what one processor counted to the sum; `sum->hits` is 0 at the first. */
static void add_place(struct mt_place_value *sum, const struct mt_place_value *value,
                      bool is_signed)
{
	if (value->hits == 0)
		return;
	if (sum->hits == 0) {
		*sum = *value;
		return;
	}

	bool less = is_signed ? (int64_t)value->min < (int64_t)sum->min : value->min < sum->min;
	bool more = is_signed ? (int64_t)value->max > (int64_t)sum->max : value->max > sum->max;

	sum->hits += value->hits;
	if (less)
		sum->min = value->min;
	if (more)
		sum->max = value->max;
	if (value->first_ns < sum->first_ns)
		sum->first_ns = value->first_ns;
	if (value->last_ns > sum->last_ns)
		sum->last_ns = value->last_ns;
}

void mt_armed_places(const struct mt_armed *armed,
                     void (*each)(const struct mt_place_key *key,
                                  const struct mt_place_value *value, void *arg),
                     void *arg)
{
	unsigned cpus = mt_map_cpus();
	struct mt_place_value *values MT_AUTO_FREE = mt_alloc_array(cpus, sizeof(*values));
	struct mt_place_key key, *before = NULL;

	if (armed->places < 0 || !values)
		return;
	while (bpf_map_get_next_key(armed->places, before, &key) == 0) {
		struct mt_place_value sum = { 0 };

		if (bpf_map_lookup_elem(armed->places, &key, values) == 0) {
			for (unsigned cpu = 0; cpu < cpus; cpu++)
				add_place(&sum, &values[cpu], armed->spec.is_signed);
			each(&key, &sum, arg);
		}
		before = &key;
	}
}
