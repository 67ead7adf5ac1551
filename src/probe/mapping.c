/* SPDX-License-Identifier: MIT */
/* A watch hears of system calls that unmap, move or replace the memory that it watches. */
#include <bpf/bpf.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/armed.h"
#include "probe/maps.h"
#include "probe/program.h"
#include "probe/ring.h"
#include "probe/seat.h"
#include "probe/space.h"

static struct mt_error *load(struct mt_armed *armed)
{
	struct mt_program program = mt_armed_program(armed, 0);
	struct mt_error *error;

	program.exits = armed->exits;
	program.in_exits = armed->in_exits;
	program.memories = armed->probe->memories;
	program.image = (uint32_t)armed->program;
	program.scratch = armed->exit_scratch;
	error = mt_program_mapping(&program);
	if (!error)
		error = mt_program_load(BPF_PROG_TYPE_RAW_TRACEPOINT, program.as.insns.data,
		                        program.as.insns.len, &armed->exit_program);
	mt_asm_deinit(&program.as);
	return error;
}

static struct mt_error *hear(struct mt_armed *armed)
{
	struct mt_relay *exits;

	if (armed->probe->memories < 0)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "the kernel does not say which processes share their memory");
	MT_TRY(mt_exits_make_reading(armed->probe));
	/* Where that is known, all processes have the machine's numbers. */
	MT_TRY(mt_exits_get(armed->probe, getpid(), &exits));
	if (!mt_relay_take(exits, &armed->in_exits)) {
		mt_exits_put(armed->probe);
		return mt_error_new(MT_ERR_UNSUPPORTED, "there are too many watches");
	}
	armed->exits = exits;
	/* It may run while the hit's program does, on the same processor: each has its own. */
	MT_TRY(mt_armed_create_scratch(&armed->exit_scratch));
	MT_TRY(load(armed));
	return mt_relay_join(exits, armed->in_exits, armed->exit_program);
}

void mt_armed_hear_mappings(struct mt_armed *armed)
{
	armed->unheard = hear(armed);
	if (armed->unheard)
		mt_filter_leave(armed);
}

void mt_armed_forget(struct mt_armed *armed, pid_t pid)
{
	uint64_t key = (uint64_t)(uint32_t)pid;
	struct mt_last_value last;

	if (armed->probe->traced || armed->spec.instances)
		return;
	if (armed->forks < 0) {
		__atomic_store_n(&armed->cell->last.forgotten, 1, __ATOMIC_SEQ_CST);
	} else if (bpf_map_lookup_elem(armed->forks, &key, &last) == 0) {
		last.forgotten = 1;
		bpf_map_update_elem(armed->forks, &key, &last, BPF_EXIST);
	}
}
