/* SPDX-License-Identifier: MIT */
/* A watch's maps and programs. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "probe/armed.h"
#include "probe/maps.h"
#include "probe/program.h"
#include "probe/ring.h"
#include "probe/seat.h"
#include "probe/space.h"

#define MAX_FORKS 65536
#define MAX_PLACES 16384

static struct mt_error *create_optional_maps(struct mt_armed *armed)
{
	const struct mt_map_spec forks = {
		"mt_forks", BPF_MAP_TYPE_HASH, sizeof(uint64_t), sizeof(struct mt_last_value),
		MAX_FORKS,  BPF_F_NO_PREALLOC,
	};
	const struct mt_map_spec instances = {
		"mt_instances",
		BPF_MAP_TYPE_HASH,
		sizeof(struct mt_instance_key),
		sizeof(struct mt_instance_value),
		MAX_FORKS,
		BPF_F_NO_PREALLOC,
	};
	const struct mt_map_spec places = {
		"mt_places",
		BPF_MAP_TYPE_PERCPU_HASH,
		sizeof(struct mt_place_key),
		sizeof(struct mt_place_value),
		MAX_PLACES,
		BPF_F_NO_PREALLOC,
	};

	if (armed->spec.instances)
		MT_TRY(mt_map_create(&instances, &armed->forks));
	else if (armed->spec.follow)
		MT_TRY(mt_map_create(&forks, &armed->forks));
	if (armed->spec.count_only)
		MT_TRY(mt_map_create(&places, &armed->places));
	return NULL;
}

struct mt_error *mt_armed_create_cell(struct mt_armed *armed)
{
	const struct mt_map_spec cell = {
		"mt_cell", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct mt_watch_cell),
		1,         BPF_F_MMAPABLE,
	};
	void *cell_at;

	MT_TRY(mt_map_create(&cell, &armed->cell_map));
	cell_at = mmap(NULL, sizeof(struct mt_watch_cell), PROT_READ | PROT_WRITE, MAP_SHARED,
	               armed->cell_map, 0);
	if (cell_at == MAP_FAILED)
		return mt_error_sys(errno, "cannot map a watch's cell");
	armed->cell = cell_at;
	return NULL;
}

struct mt_error *mt_armed_create_scratch(int *map)
{
	const struct mt_map_spec scratch = {
		"mt_scratch",
		BPF_MAP_TYPE_PERCPU_ARRAY,
		sizeof(uint32_t),
		sizeof(struct mt_watch_scratch),
		1,
		0,
	};

	return mt_map_create(&scratch, map);
}

static struct mt_error *create_maps(struct mt_armed *armed)
{
	const struct mt_map_spec next = {
		"mt_next", BPF_MAP_TYPE_PROG_ARRAY, sizeof(uint32_t), sizeof(uint32_t), MT_DR_COUNT,
		0,
	};

	MT_TRY(mt_armed_create_cell(armed));
	if (armed->spec.silent)
		return NULL;
	MT_TRY(mt_armed_create_scratch(&armed->scratch));
	MT_TRY(mt_map_create(&next, &armed->next));
	return create_optional_maps(armed);
}

struct mt_program mt_armed_program(const struct mt_armed *armed, size_t index)
{
	return (struct mt_program){
		.spec = &armed->spec,
		.piece = armed->pieces[index],
		.piece_index = (unsigned)index,
		.piece_count = (unsigned)armed->piece_count,
		.condition_in_kernel = armed->condition_in_kernel,
		.shared = armed->host[index] != NULL,
		.blocked = armed->probe->task.blocked,
		.reading = armed->probe->reading,
		.memories = -1,
		.pid = armed->pid,
		.next = armed->next,
		.ring = armed->probe->ring,
		.cell = armed->cell_map,
		.scratch = armed->scratch,
		.forks = armed->forks,
		.places = armed->places,
		.rules = armed->space->rules,
		.sources = armed->space->sources,
	};
}

/* The program of register `index`. */
static struct mt_error *load_program(const struct mt_armed *armed, size_t index, int *fd)
{
	struct mt_program program = mt_armed_program(armed, index);
	struct mt_error *error;

	if (armed->spec.follow && armed->program)
		program.memories = armed->probe->memories;
	error = mt_program_generate(&program);
	if (!error)
		error = mt_program_load(armed->spec.file ? BPF_PROG_TYPE_KPROBE
		                                         : BPF_PROG_TYPE_PERF_EVENT,
		                        program.as.insns.data, program.as.insns.len, fd);
	mt_asm_deinit(&program.as);
	return error;
}

static struct mt_error *load_programs(struct mt_armed *armed)
{
	for (size_t i = 0; i < armed->piece_count; i++) {
		mt_fd_cleanup(&armed->programs[i]);
		armed->programs[i] = -1;
		MT_TRY(load_program(armed, i, &armed->programs[i]));
	}
	return NULL;
}

struct mt_error *mt_armed_load(struct mt_armed *armed)
{
	struct mt_error *error;

	MT_TRY(create_maps(armed));
	if (!armed->spec.silent)
		MT_TRY(mt_exits_make_reading(armed->probe));
	if (armed->spec.action == MT_ACTION_HOLD)
		mt_probe_hear_merged(armed->probe);
	if (armed->spec.silent)
		MT_TRY(mt_probe_find_tasks(armed->probe));
	else if (armed->spec.action == MT_ACTION_HOLD) /* without it a thread may put a hold off */
		mt_error_free(mt_probe_find_tasks(armed->probe));
	error = load_programs(armed);
	if (!error || !armed->condition_in_kernel || armed->spec.silent ||
	    mt_error_kind(error) != MT_ERR_UNSUPPORTED)
		return error;
	mt_error_free(error);
	armed->condition_in_kernel = false;
	return load_programs(armed);
}
