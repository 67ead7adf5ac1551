/* SPDX-License-Identifier: MIT */
#include "probe/ring.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "probe/asm.h"
#include "probe/maps.h"
#include "probe/program.h"
#include "probe/traced.h"
#include "probe/who.h"

/* Records that one mt_probe_drain() hands over. */
#define MAX_DRAIN 4096

MT_DEFINE_CLEANUP(mt_probe, struct mt_probe, mt_probe_destroy)

static int on_record(void *context, void *data, size_t size)
{
	struct mt_probe *probe = context;

	if (size >= sizeof(struct mt_record))
		probe->handler(data, probe->arg);
	/* A program that writes faster than we read must not keep us here: the caller has other
	 * duties. */
	return ++probe->drained < MAX_DRAIN ? 0 : -ECANCELED;
}

/* A ring's size is a power of two and a multiple of the page. */
static uint32_t ring_bytes(size_t wanted)
{
	uint32_t size = (uint32_t)sysconf(_SC_PAGESIZE);

	while (size < wanted && size < (UINT32_C(1) << 30))
		size *= 2;
	return size;
}

struct mt_error *mt_probe_create(size_t ring_size, mt_record_handler handler, void *arg,
                                 struct mt_probe **probe)
{
	struct mt_map_spec ring = {
		.name = "mt_ring",
		.type = BPF_MAP_TYPE_RINGBUF,
		.entries = ring_bytes(ring_size),
	};
	struct mt_probe *made MT_CLEANUP(mt_probe_cleanup) = mt_alloc(sizeof(*made));

	if (!made)
		return mt_error_nomem();
	made->ring = made->exec_program = made->exec_link = -1;
	made->exits_program = made->exits_link = made->reading = -1;
	mt_relay_init(&made->exits);
	made->merged = made->merged_program = made->merged_link = -1;
	mt_probe_init_memories(made);
	made->handler = handler;
	made->arg = arg;
	libbpf_set_print(NULL); /* libraries don't print: what matters is in our errors */
	MT_TRY(mt_map_create(&ring, &made->ring));
	made->buffer = ring_buffer__new(made->ring, on_record, made, NULL);
	if (!made->buffer)
		return mt_error_sys(errno, "cannot map the ring of %u bytes", ring.entries);
	*probe = MT_TAKE(made);
	return NULL;
}

struct mt_error *mt_probe_create_traced(mt_record_handler handler, mt_record_capture capture,
                                        void *arg, struct mt_probe **probe)
{
	struct mt_probe *made MT_CLEANUP(mt_probe_cleanup) = mt_alloc(sizeof(*made));

	if (!made)
		return mt_error_nomem();
	made->ring = made->exec_program = made->exec_link = -1;
	made->exits_program = made->exits_link = made->reading = -1;
	mt_relay_init(&made->exits);
	made->merged = made->merged_program = made->merged_link = -1;
	mt_probe_init_memories(made);
	made->handler = handler;
	made->capture = capture;
	made->arg = arg;
	MT_TRY(mt_traced_create(&made->traced));
	*probe = MT_TAKE(made);
	return NULL;
}

bool mt_probe_is_traced(const struct mt_probe *probe)
{
	return probe->traced != NULL;
}

void mt_probe_destroy(struct mt_probe *probe)
{
	if (!probe)
		return;
	mt_traced_destroy(probe->traced);
	if (probe->buffer)
		ring_buffer__free(probe->buffer);
	mt_probe_forget_memories(probe);
	mt_fd_cleanup(&probe->reading);
	mt_fd_cleanup(&probe->merged_link);
	mt_fd_cleanup(&probe->merged_program);
	mt_fd_cleanup(&probe->merged);
	mt_fd_cleanup(&probe->exec_link);
	mt_fd_cleanup(&probe->exec_program);
	mt_fd_cleanup(&probe->ring);
	free(probe);
}

size_t mt_probe_drain(struct mt_probe *probe)
{
	probe->drained = 0;
	if (probe->traced)
		return 0;
	ring_buffer__consume(probe->buffer);
	return probe->drained;
}

int mt_probe_fd(const struct mt_probe *probe)
{
	return probe->traced ? -1 : ring_buffer__epoll_fd(probe->buffer);
}

/* ---- exec ---------------------------------------------------------------- */

#define RECORD(field) ((int)offsetof(struct mt_record, field))

/* At every exec of the machine: is it `pid`'s? Then a record without a tail. */
static struct mt_error *generate_exec_program(struct mt_probe *probe, pid_t pid, struct mt_asm *as)
{
	mt_asm_label out = mt_asm_new_label(as);

	mt_asm_who(as, -8);
	mt_asm_mov(as, BPF_REG_6, BPF_REG_0);
	mt_asm_alu_imm(as, BPF_RSH, BPF_REG_0, 32);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_0, pid, out);

	mt_asm_load_map(as, BPF_REG_1, probe->ring);
	mt_asm_mov_imm(as, BPF_REG_2, sizeof(struct mt_record));
	mt_asm_mov_imm(as, BPF_REG_3, 0);
	mt_asm_call(as, BPF_FUNC_ringbuf_reserve);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, out);
	mt_asm_store_imm(as, 2, BPF_REG_0, RECORD(kind), MT_RECORD_EXEC);
	mt_asm_store_imm(as, 2, BPF_REG_0, RECORD(flags), 0);
	mt_asm_store(as, 8, BPF_REG_0, RECORD(tid), BPF_REG_6);
	mt_asm_mov(as, BPF_REG_1, BPF_REG_0);
	mt_asm_mov_imm(as, BPF_REG_2, BPF_RB_FORCE_WAKEUP);
	mt_asm_call(as, BPF_FUNC_ringbuf_submit);
	mt_asm_bind(as, out);
	mt_asm_mov_imm(as, BPF_REG_0, 0);
	mt_asm_exit(as);
	return mt_asm_finish(as);
}

struct mt_error *mt_probe_watch_exec(struct mt_probe *probe, pid_t pid)
{
	struct mt_asm as MT_CLEANUP(mt_asm_deinit) = { 0 };

	if (probe->traced)
		return NULL;
	MT_TRY(generate_exec_program(probe, pid, &as));
	MT_TRY(mt_program_load(BPF_PROG_TYPE_RAW_TRACEPOINT, as.insns.data, as.insns.len,
	                       &probe->exec_program));

	int link = bpf_raw_tracepoint_open("sched_process_exec", probe->exec_program);

	if (link < 0)
		return mt_error_sys(-link, "cannot listen for exec");
	probe->exec_link = link;
	return NULL;
}
