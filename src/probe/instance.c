/* SPDX-License-Identifier: MIT */
/*
 * A watch whose variable is there more than once: for each thread, or in each frame. One program
 * serves all of them; an event says at which address it fired, and a map has the value of each.
 */
#include <bpf/bpf.h>
#include <string.h>
#include <unistd.h>

#include "probe/armed.h"
#include "probe/ring.h"
#include "probe/traced.h"

static struct mt_instance_key key_of(const struct mt_instance *instance)
{
	return (struct mt_instance_key){
		.addr = instance->addr,
		.pid_tgid = (uint64_t)(uint32_t)instance->pid << 32 | (uint32_t)instance->tid,
	};
}

/* The pieces that the watch's programs were made for must be those of this one. */
bool mt_armed_is_alike(const struct mt_armed *armed, uint64_t addr)
{
	struct mt_dr_piece pieces[MT_DR_COUNT];
	size_t count = mt_dr_split(addr, armed->spec.len, pieces, MT_DR_COUNT);

	if (count != armed->piece_count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (pieces[i].addr - addr != armed->pieces[i].addr - armed->spec.addr ||
		    pieces[i].len != armed->pieces[i].len)
			return false;
	return true;
}

struct mt_error *mt_armed_add(struct mt_armed *armed, const struct mt_instance *instance,
                              const uint8_t *initial)
{
	struct mt_instance_key key = key_of(instance);
	struct mt_instance_value value = { .cfa = instance->cfa, .call = instance->call };
	struct mt_error *error;

	if (!armed->spec.stepped && !mt_armed_is_alike(armed, instance->addr))
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "the variable of thread %d is aligned otherwise than the first",
		                    (int)instance->tid);
	if (armed->probe->traced)
		return mt_traced_add(armed, instance, initial);
	memcpy(value.value, initial, armed->spec.len);
	if (bpf_map_update_elem(armed->forks, &key, &value, BPF_ANY) < 0 ||
	    !mt_vec_push(&armed->instances, *instance))
		return mt_error_nomem();
	error = mt_armed_open_pieces(armed, instance->tid, instance->addr - armed->spec.addr);
	if (!error)
		return NULL;
	armed->instances.len--;
	bpf_map_delete_elem(armed->forks, &key);
	return error;
}

static bool find(const struct mt_armed *armed, const struct mt_instance *instance, size_t *at)
{
	for (*at = 0; *at < armed->instances.len; ++*at)
		if (armed->instances.data[*at].tid == instance->tid &&
		    armed->instances.data[*at].addr == instance->addr)
			return true;
	return false;
}

void mt_armed_remove(struct mt_armed *armed, const struct mt_instance *instance)
{
	struct mt_instance_key key = key_of(instance);
	size_t at, count = armed->piece_count, last;

	if (armed->probe->traced) {
		mt_traced_remove(armed, instance);
		return;
	}
	if (!find(armed, instance, &at))
		return;
	bpf_map_delete_elem(armed->forks, &key);
	last = armed->instances.len - 1;
	for (size_t i = 0; i < count; i++) {
		int fd = armed->events.data[at * count + i];

		armed->gone_events += mt_armed_event_count(fd);
		close(fd);
		armed->events.data[at * count + i] = armed->events.data[last * count + i];
	}
	armed->events.len -= count;
	armed->instances.data[at] = armed->instances.data[last];
	armed->instances.len--;
}

void mt_armed_exchange_instance(struct mt_armed *armed, struct mt_record *record)
{
	struct mt_instance_key key = { record->addr, (uint64_t)record->pid << 32 | record->tid };
	struct mt_instance_value value;

	if (bpf_map_lookup_elem(armed->forks, &key, &value) < 0) {
		record->flags |= MT_RECORD_OLD_UNKNOWN;
		return;
	}
	record->frame_cfa = value.cfa;
	record->call = value.call;
	memcpy(record->old_value, value.value, sizeof(record->old_value));
	memcpy(value.value, record->new_value, sizeof(value.value));
	bpf_map_update_elem(armed->forks, &key, &value, BPF_ANY);
}

/* Its cell, and the addresses that it was made with, are those of where it was first. */
struct mt_error *mt_armed_move(struct mt_armed *armed, uint64_t addr, const uint8_t *initial)
{
	struct mt_error *error;

	if (armed->probe->traced)
		return mt_error_new(
		    MT_ERR_UNSUPPORTED,
		    "a trap moves with --engine kernel only, by perf events and eBPF");
	if (addr && !mt_armed_is_alike(armed, addr))
		return mt_error_new(MT_ERR_UNSUPPORTED, "0x%llx is aligned otherwise",
		                    (unsigned long long)addr);
	__atomic_store_n(&armed->cell->live, 0, __ATOMIC_SEQ_CST);
	error = mt_armed_move_events(armed, addr - armed->spec.addr, !addr);
	if (error)
		return error;
	if (initial)
		memcpy(armed->cell->last.value, initial, armed->spec.len);
	__atomic_store_n(&armed->cell->at, addr, __ATOMIC_SEQ_CST);
	__atomic_store_n(&armed->cell->last.forgotten, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&armed->cell->live, addr != 0, __ATOMIC_SEQ_CST);
	return NULL;
}
