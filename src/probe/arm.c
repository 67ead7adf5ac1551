/* SPDX-License-Identifier: MIT */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "probe/armed.h"
#include "probe/ring.h"
#include "probe/traced.h"

MT_DEFINE_CLEANUP(mt_armed, struct mt_armed, mt_armed_destroy)

/* The piece of `other` that is the same trap as piece `i` of ours, and has an event; -1: none. */
static int same_piece(const struct mt_armed *armed, size_t i, const struct mt_armed *other)
{
	if (armed->spec.instances || other->spec.instances || armed->spec.moves ||
	    other->spec.moves)
		return -1;
	if (mt_hw_type(other->spec.kind) != mt_hw_type(armed->spec.kind) ||
	    other->kernel != armed->kernel)
		return -1;
	for (size_t j = 0; j < other->piece_count; j++)
		if (other->pieces[j].addr == armed->pieces[i].addr &&
		    other->pieces[j].len == armed->pieces[i].len)
			return (int)j;
	return -1;
}

/* Looks for hosts: the last watch that has the piece, since each one calls the next. */
static void find_hosts(struct mt_armed *armed, struct mt_armed *const *others, size_t count)
{
	for (size_t i = 0; i < armed->piece_count; i++) {
		for (size_t k = count; k-- > 0 && !armed->host[i];)
			if (same_piece(armed, i, others[k]) >= 0)
				armed->host[i] = others[k];
		armed->own_count -= armed->host[i] != NULL;
	}
}

/* From here on our programs run for the shared pieces. */
static struct mt_error *join_hosts(struct mt_armed *armed)
{
	for (size_t i = 0; i < armed->piece_count; i++) {
		struct mt_armed *host = armed->host[i];

		if (!host)
			continue;

		uint32_t index = (uint32_t)same_piece(armed, i, host);

		if (bpf_map_update_elem(host->next, &index, &armed->programs[i], BPF_ANY) < 0)
			return mt_error_sys(errno, "cannot share a debug register");
		armed->threads = host->threads;
		armed->uncovered = host->uncovered;
	}
	return NULL;
}

struct mt_armed *mt_armed_new(struct mt_probe *probe, struct mt_space *space,
                              const struct mt_watch_spec *spec)
{
	struct mt_armed *armed = mt_alloc(sizeof(*armed));

	if (!armed)
		return NULL;
	armed->probe = probe;
	armed->space = space;
	armed->spec = *spec;
	armed->next = armed->cell_map = armed->scratch = -1;
	armed->forks = armed->places = armed->exit_program = armed->exit_scratch = -1;
	for (size_t i = 0; i < MT_DR_COUNT; i++)
		armed->programs[i] = -1;
	return armed;
}

static struct mt_error *armed_create(struct mt_probe *probe, struct mt_space *space,
                                     const struct mt_watch_spec *spec, pid_t pid,
                                     struct mt_armed *const *others, size_t other_count,
                                     struct mt_armed **out)
{
	struct mt_armed *armed MT_CLEANUP(mt_armed_cleanup) = mt_armed_new(probe, space, spec);

	if (!armed)
		return mt_error_nomem();
	armed->pid = pid;
	if (!probe->traced && !spec->silent && !spec->instances)
		armed->program = mt_probe_know_memory(probe, pid, spec->follow);
	armed->condition_in_kernel =
	    !probe->traced && spec->condition && mt_cond_fits_kernel(spec->condition);
	mt_armed_decide_kernel(armed);
	if (spec->stepped) {
		*out = MT_TAKE(armed);
		return NULL;
	}
	if (!mt_dr_region_ok(spec->kind, spec->addr, spec->len))
		return mt_error_new(MT_ERR_NO_REGISTER,
		                    "%" PRIu64 " bytes at 0x%" PRIx64
		                    " are more than the four debug "
		                    "registers can watch",
		                    spec->len, spec->addr);
	armed->piece_count = mt_dr_split(spec->addr, spec->len, armed->pieces, MT_DR_COUNT);
	armed->own_count = armed->piece_count;
	find_hosts(armed, others, other_count);
	if (!probe->traced)
		MT_TRY(mt_armed_load(armed));
	*out = MT_TAKE(armed);
	return NULL;
}

/*
 * All events at once, to the instruction. Enabling and disabling them one by one would interrupt,
 * for each, the processor where its thread last ran (kernel/events/core.c, event_function_call()).
 */
static void set_live(struct mt_armed *armed, bool live)
{
	__atomic_store_n(&armed->cell->live, live, __ATOMIC_SEQ_CST);
}

struct mt_error *mt_watch_arm(struct mt_probe *probe, struct mt_space *space,
                              const struct mt_watch_spec *spec, pid_t pid, const uint8_t *initial,
                              struct mt_armed *const *others, size_t other_count,
                              struct mt_armed **out)
{
	struct mt_armed *armed MT_CLEANUP(mt_armed_cleanup) = NULL;

	MT_TRY(armed_create(probe, space, spec, pid, others, other_count, &armed));
	if (probe->traced) {
		MT_TRY(mt_traced_arm(armed, pid, initial));
		*out = MT_TAKE(armed);
		return NULL;
	}
	armed->cell->hits = spec->hits;
	if (initial) {
		memcpy(armed->cell->last.value, initial, spec->len);
		mt_armed_seed(armed, pid, initial);
	}
	MT_TRY(join_hosts(armed));
	if (spec->instances) {
		set_live(armed, true);
		*out = MT_TAKE(armed);
		return NULL;
	}
	armed->cell->at = spec->addr;
	if (!spec->silent)
		mt_armed_hear_mappings(armed);
	if (spec->file)
		MT_TRY(mt_armed_open_uprobe(armed));
	else if (armed->own_count)
		MT_TRY(mt_armed_open_events(armed, pid));
	if (armed->threads == 0)
		return armed->why ? MT_TAKE(armed->why)
		                  : mt_error_new(MT_ERR_NOT_FOUND, "process %d has gone", (int)pid);
	set_live(armed, true);
	*out = MT_TAKE(armed);
	return NULL;
}

void mt_armed_hold_all(struct mt_armed *armed, bool all)
{
	__atomic_store_n(&armed->cell->all, all, __ATOMIC_SEQ_CST);
}

uint64_t mt_armed_take_hit(struct mt_armed *armed)
{
	return __atomic_add_fetch(&armed->cell->hits, 1, __ATOMIC_SEQ_CST);
}

void mt_armed_disable(struct mt_armed *armed)
{
	set_live(armed, false);
}

void mt_armed_destroy(struct mt_armed *armed)
{
	if (!armed)
		return;
	if (armed->probe->traced)
		mt_traced_disarm(armed);
	if (armed->cell)
		set_live(armed, false); /* uprobes are closed later */
	mt_filter_leave(armed);
	mt_armed_close_events(armed);
	mt_vec_deinit(&armed->events);
	mt_vec_deinit(&armed->instances);
	mt_vec_deinit(&armed->values);
	mt_vec_deinit(&armed->gone);
	mt_traced_shadows_deinit(armed);
	for (size_t i = 0; i < MT_DR_COUNT; i++)
		mt_fd_cleanup(&armed->programs[i]);
	if (armed->cell)
		munmap(armed->cell, sizeof(*armed->cell));
	mt_fd_cleanup(&armed->next);
	mt_fd_cleanup(&armed->cell_map);
	mt_fd_cleanup(&armed->scratch);
	mt_fd_cleanup(&armed->forks);
	mt_fd_cleanup(&armed->places);
	mt_fd_cleanup(&armed->exit_scratch);
	mt_error_free(armed->unheard);
	free(armed);
}

bool mt_armed_condition_in_kernel(const struct mt_armed *armed)
{
	return armed->condition_in_kernel;
}

void mt_armed_seed(struct mt_armed *armed, pid_t pid, const uint8_t *value)
{
	uint64_t key = (uint64_t)(uint32_t)pid;
	struct mt_last_value last = { .forgotten = 0 };

	if (armed->probe->traced)
		mt_traced_seed(armed, pid, value);
	if (armed->forks < 0 || armed->spec.instances)
		return;
	memcpy(last.value, value, armed->spec.len);
	bpf_map_update_elem(armed->forks, &key, &last, BPF_NOEXIST);
}

void mt_armed_exchange(struct mt_armed *armed, struct mt_record *record)
{
	struct mt_watch_cell *cell = armed->cell;

	if (armed->probe->traced) {
		mt_traced_exchange(armed, record);
		return;
	}
	record->turn = __atomic_add_fetch(&cell->turn, 1, __ATOMIC_SEQ_CST);
	if (armed->spec.instances)
		mt_armed_exchange_instance(armed, record);
	for (size_t i = 0; !armed->spec.instances && i < MT_RECORD_WORDS; i++)
		record->old_value[i] = __atomic_exchange_n(&cell->last.value[i],
		                                           record->new_value[i], __ATOMIC_SEQ_CST);
	if (armed->spec.condition || armed->spec.capture_count)
		record->hits = __atomic_add_fetch(&cell->hits, 1, __ATOMIC_SEQ_CST);
}

void mt_armed_reseed(struct mt_armed *armed, const uint8_t *before, const uint8_t *now)
{
	uint64_t was[MT_RECORD_WORDS] = { 0 }, is[MT_RECORD_WORDS] = { 0 };

	memcpy(was, before, armed->spec.len);
	memcpy(is, now, armed->spec.len);
	for (size_t i = 0; i < MT_RECORD_WORDS; i++)
		__atomic_compare_exchange_n(&armed->cell->last.value[i], &was[i], is[i], false,
		                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void mt_armed_rules_learnt(struct mt_armed *armed)
{
	if (__atomic_load_n(&armed->cell->rule_asked, __ATOMIC_RELAXED))
		__atomic_store_n(&armed->cell->rule_asked, 0, __ATOMIC_SEQ_CST);
}
