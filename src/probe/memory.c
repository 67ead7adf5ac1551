/* SPDX-License-Identifier: MIT */
/*
 * Whose memory a process has. A child of vfork(2), and of clone(2) with CLONE_VM, borrows its
 * parent's: what it writes the parent finds. The kernel's tracepoints tell of births before the
 * child runs, of exec before the new program does, and of ends; programs there keep a map from
 * processes to those whose memory it is, for the programs of watches.
 */
#include <bpf/bpf.h>
#include <stddef.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "probe/asm.h"
#include "probe/host.h"
#include "probe/maps.h"
#include "probe/ring.h"

#define MAX_PROCESSES 65536

/* The tracepoints' arguments: of sched_process_fork the parent and its child, of sched_process_free
 * a task, which may be a thread (TP_PROTO; trace/events/sched.h). */
#define ARG_TASK 0
#define ARG_CHILD 8

/* A value of the map: which program the process runs, by a number of ours, and the process whose
 * memory it is; the number is in the upper half. Of nobody: how many have borrowed a memory. */
#define NOBODY 0

/* On the program's stack; keys have four bytes. */
#define AT_KEY (-8)
#define AT_OWNER (-16)
#define AT_THEIRS (-24)
#define AT_OURS (-32)

struct generation {
	struct mt_asm as;
	const struct mt_task_layout *layout;
	int map;
	bool follow;
	mt_asm_label out;
};

static void gen_read(struct generation *gen, int to, int size, int from, int offset)
{
	mt_asm_read_kernel(&gen->as, to, size, from, offset);
	mt_asm_jump_if_imm(&gen->as, BPF_JNE, BPF_REG_0, 0, gen->out);
}

/* r1 and r2 of a call on the map, with the key at AT_KEY. */
static void gen_key(struct generation *gen)
{
	mt_asm_load_map(&gen->as, BPF_REG_1, gen->map);
	mt_asm_mov(&gen->as, BPF_REG_2, BPF_REG_10);
	mt_asm_alu_imm(&gen->as, BPF_ADD, BPF_REG_2, AT_KEY);
}

static void gen_delete(struct generation *gen)
{
	gen_key(gen);
	mt_asm_call(&gen->as, BPF_FUNC_map_delete_elem);
}

/* ---- Births ------------------------------------------------------------------ */

/* r8: the value of the parent; r6 and r7: the parent and the child. Leaves where the
 * parent is nobody's, or the child is a thread. */
static void gen_parent(struct generation *gen)
{
	struct mt_asm *as = &gen->as;

	mt_asm_mov(as, BPF_REG_9, BPF_REG_1);
	mt_asm_load(as, 8, BPF_REG_6, BPF_REG_9, ARG_TASK);
	mt_asm_load(as, 8, BPF_REG_7, BPF_REG_9, ARG_CHILD);
	gen_read(gen, AT_KEY, 4, BPF_REG_6, gen->layout->tgid);
	gen_key(gen);
	mt_asm_call(as, BPF_FUNC_map_lookup_elem);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, gen->out);
	mt_asm_load(as, 8, BPF_REG_8, BPF_REG_0, 0);
	mt_asm_load(as, 4, BPF_REG_9, BPF_REG_10, AT_KEY);
	gen_read(gen, AT_KEY, 4, BPF_REG_7, gen->layout->tgid);
	mt_asm_load(as, 4, BPF_REG_1, BPF_REG_10, AT_KEY);
	mt_asm_jump_if(as, BPF_JEQ, BPF_REG_1, BPF_REG_9, gen->out);
}

/* One more that borrows: children with a copy are not kept where none is followed. */
static void gen_count(struct generation *gen)
{
	struct mt_asm *as = &gen->as;

	mt_asm_store_imm(as, 4, BPF_REG_10, AT_KEY, NOBODY);
	gen_key(gen);
	mt_asm_call(as, BPF_FUNC_map_lookup_elem);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, gen->out);
	mt_asm_mov_imm(as, BPF_REG_1, 1);
	mt_asm_atomic(as, BPF_ADD, BPF_REG_0, 0, BPF_REG_1);
}

static void gen_birth(struct generation *gen)
{
	struct mt_asm *as = &gen->as;
	mt_asm_label known = mt_asm_new_label(as);

	gen_parent(gen);
	gen_read(gen, AT_OURS, 8, BPF_REG_6, gen->layout->mm);
	gen_read(gen, AT_THEIRS, 8, BPF_REG_7, gen->layout->mm);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, AT_OURS);
	mt_asm_load(as, 8, BPF_REG_2, BPF_REG_10, AT_THEIRS);
	mt_asm_jump_if(as, BPF_JEQ, BPF_REG_1, BPF_REG_2, known);
	if (gen->follow) {
		mt_asm_alu_imm(as, BPF_RSH, BPF_REG_8, 32);
		mt_asm_alu_imm(as, BPF_LSH, BPF_REG_8, 32);
		mt_asm_load(as, 4, BPF_REG_1, BPF_REG_10, AT_KEY);
		mt_asm_alu(as, BPF_OR, BPF_REG_8, BPF_REG_1);
	} else {
		gen_delete(gen);
		mt_asm_jump(as, gen->out);
	}
	mt_asm_bind(as, known);
	mt_asm_store(as, 8, BPF_REG_10, AT_OWNER, BPF_REG_8);
	gen_key(gen);
	mt_asm_mov(as, BPF_REG_3, BPF_REG_10);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_3, AT_OWNER);
	mt_asm_mov_imm(as, BPF_REG_4, BPF_ANY);
	mt_asm_call(as, BPF_FUNC_map_update_elem);
	if (!gen->follow)
		gen_count(gen);
}

/* ---- Exec, and ends ---------------------------------------------------------- */

/* The process has a new memory. */
static void gen_exec(struct generation *gen)
{
	struct mt_asm *as = &gen->as;

	mt_asm_call(as, BPF_FUNC_get_current_pid_tgid);
	mt_asm_alu_imm(as, BPF_RSH, BPF_REG_0, 32);
	mt_asm_store(as, 4, BPF_REG_10, AT_KEY, BPF_REG_0);
	gen_delete(gen);
}

/* A process has gone, all threads of it, when its first thread is freed. */
static void gen_end(struct generation *gen)
{
	struct mt_asm *as = &gen->as;

	mt_asm_load(as, 8, BPF_REG_6, BPF_REG_1, ARG_TASK);
	gen_read(gen, AT_KEY, 4, BPF_REG_6, gen->layout->pid);
	gen_read(gen, AT_OWNER, 4, BPF_REG_6, gen->layout->tgid);
	mt_asm_load(as, 4, BPF_REG_1, BPF_REG_10, AT_KEY);
	mt_asm_load(as, 4, BPF_REG_2, BPF_REG_10, AT_OWNER);
	mt_asm_jump_if(as, BPF_JNE, BPF_REG_1, BPF_REG_2, gen->out);
	gen_delete(gen);
}

/* ---- Listening --------------------------------------------------------------- */

static const struct {
	const char *tracepoint;
	void (*generate)(struct generation *gen);
} events[MT_MEMORY_EVENTS] = {
	{ "sched_process_fork", gen_birth },
	{ "sched_process_exec", gen_exec },
	{ "sched_process_free", gen_end },
};

static struct mt_error *load(const struct mt_probe *probe, size_t i, bool follow, int *fd)
{
	struct generation gen = { .layout = &probe->task,
		                  .map = probe->memories,
		                  .follow = follow };
	struct mt_error *error;

	gen.out = mt_asm_new_label(&gen.as);
	events[i].generate(&gen);
	mt_asm_bind(&gen.as, gen.out);
	mt_asm_mov_imm(&gen.as, BPF_REG_0, 0);
	mt_asm_exit(&gen.as);
	error = mt_asm_finish(&gen.as);
	if (!error)
		error = mt_program_load(BPF_PROG_TYPE_RAW_TRACEPOINT, gen.as.insns.data,
		                        gen.as.insns.len, fd);
	mt_asm_deinit(&gen.as);
	return error;
}

static struct mt_error *listen_all(struct mt_probe *probe, bool follow)
{
	const struct mt_map_spec map = {
		"mt_memories",    BPF_MAP_TYPE_HASH, sizeof(uint32_t),
		sizeof(uint64_t), MAX_PROCESSES,     BPF_F_NO_PREALLOC,
	};

	struct stat namespace;

	if (mt_host_pid_namespace(&namespace))
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "processes have other numbers for the kernel than for us");
	MT_TRY(mt_probe_find_tasks(probe));
	if (!probe->task.mm)
		return mt_error_new(MT_ERR_UNSUPPORTED, "the kernel does not describe its tasks");
	MT_TRY(mt_map_create(&map, &probe->memories));
	bpf_map_update_elem(probe->memories, &(uint32_t){ NOBODY }, &(uint64_t){ 0 }, BPF_ANY);
	for (size_t i = 0; i < MT_MEMORY_EVENTS; i++) {
		MT_TRY(load(probe, i, follow, &probe->memory_programs[i]));
		probe->memory_links[i] =
		    bpf_raw_tracepoint_open(events[i].tracepoint, probe->memory_programs[i]);
		if (probe->memory_links[i] < 0)
			return mt_error_sys(-probe->memory_links[i], "cannot listen for births");
	}
	return NULL;
}

void mt_probe_init_memories(struct mt_probe *probe)
{
	for (size_t i = 0; i < MT_MEMORY_EVENTS; i++)
		probe->memory_links[i] = probe->memory_programs[i] = -1;
	probe->memories = -1;
}

void mt_probe_forget_memories(struct mt_probe *probe)
{
	for (size_t i = 0; i < MT_MEMORY_EVENTS; i++) {
		mt_fd_cleanup(&probe->memory_links[i]);
		mt_fd_cleanup(&probe->memory_programs[i]);
	}
	mt_fd_cleanup(&probe->memories);
	mt_probe_init_memories(probe);
}

uint32_t mt_probe_know_memory(struct mt_probe *probe, pid_t pid, bool follow)
{
	uint32_t key = (uint32_t)pid;
	uint64_t value;
	struct mt_error *error;

	if (!probe->tried_memories) {
		probe->tried_memories = true;
		error = listen_all(probe, follow);
		if (error)
			mt_probe_forget_memories(probe);
		mt_error_free(error);
	}
	if (probe->memories < 0)
		return 0;
	if (bpf_map_lookup_elem(probe->memories, &key, &value) == 0)
		return (uint32_t)(value >> 32);
	value = (uint64_t)++probe->last_program << 32 | key;
	return bpf_map_update_elem(probe->memories, &key, &value, BPF_ANY) == 0
	           ? probe->last_program
	           : 0;
}

uint64_t mt_probe_borrowers(const struct mt_probe *probe)
{
	uint64_t count = 0;

	if (probe->memories >= 0)
		bpf_map_lookup_elem(probe->memories, &(uint32_t){ NOBODY }, &count);
	return count;
}
