/* SPDX-License-Identifier: MIT */
#include "probe/space.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "probe/maps.h"

#define MAX_RULES 16384
#define MAX_SOURCES 16384

MT_DEFINE_CLEANUP(mt_space, struct mt_space, mt_space_destroy)

struct mt_error *mt_space_create(struct mt_space **space)
{
	static const struct mt_map_spec rules = {
		"mt_rules", BPF_MAP_TYPE_HASH, sizeof(uint64_t), sizeof(struct mt_rule_value),
		MAX_RULES,  BPF_F_NO_PREALLOC,
	};
	static const struct mt_map_spec sources = {
		"mt_sources", BPF_MAP_TYPE_HASH, sizeof(uint64_t), sizeof(struct mt_source_value),
		MAX_SOURCES,  BPF_F_NO_PREALLOC,
	};
	struct mt_space *made MT_CLEANUP(mt_space_cleanup) = mt_alloc(sizeof(*made));

	if (!made)
		return mt_error_nomem();
	made->rules = made->sources = -1;
	MT_TRY(mt_map_create(&rules, &made->rules));
	MT_TRY(mt_map_create(&sources, &made->sources));
	*space = MT_TAKE(made);
	return NULL;
}

void mt_space_destroy(struct mt_space *space)
{
	if (!space)
		return;
	mt_fd_cleanup(&space->rules);
	mt_fd_cleanup(&space->sources);
	free(space);
}

void mt_space_learn_rule(struct mt_space *space, uint64_t key, const struct mt_rule_value *rule)
{
	if (space)
		bpf_map_update_elem(space->rules, &key, rule, BPF_ANY);
}

void mt_space_learn_source(struct mt_space *space, uint64_t pc,
                           const struct mt_source_value *source)
{
	if (space)
		bpf_map_update_elem(space->sources, &pc, source, BPF_ANY);
}

static void forget_all(int map)
{
	uint64_t key;

	while (bpf_map_get_next_key(map, NULL, &key) == 0)
		if (bpf_map_delete_elem(map, &key) != 0)
			return;
}

void mt_space_forget(struct mt_space *space)
{
	if (!space)
		return;
	forget_all(space->rules);
	forget_all(space->sources);
}
