/* SPDX-License-Identifier: MIT */
#include "probe/seat.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "probe/maps.h"
#include "probe/program.h"
#include "probe/ring.h"
#include "probe/who.h"

static void seat_destroy(struct mt_seat *seat)
{
	if (!seat)
		return;
	mt_armed_destroy(seat->events);
	mt_relay_deinit(&seat->relay);
	mt_vec_deinit(&seat->covered);
	mt_fd_cleanup(&seat->wanted);
	free(seat);
}

MT_DEFINE_CLEANUP(seat, struct mt_seat, seat_destroy)

/* ---- Its program ----------------------------------------------------------- */

void mt_seat_value(struct mt_asm *as, int map, mt_asm_label none)
{
	mt_asm_store_imm(as, 4, BPF_REG_10, MT_AT_KEY, 0);
	mt_asm_load_map(as, BPF_REG_1, map);
	mt_asm_mov(as, BPF_REG_2, BPF_REG_10);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_2, MT_AT_KEY);
	mt_asm_call(as, BPF_FUNC_map_lookup_elem);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, none);
}

/* Calls the first of the relay. */
static struct mt_error *load_caller(struct mt_asm *as, const struct mt_relay *relay,
                                    enum bpf_prog_type type, int *fd)
{
	mt_relay_call(as, relay, MT_RELAY_FIRST, MT_AT_CONTEXT);
	mt_asm_mov_imm(as, BPF_REG_0, 0);
	mt_asm_exit(as);
	MT_TRY(mt_asm_finish(as));
	return mt_program_load(type, as->insns.data, as->insns.len, fd);
}

/* What our own programs read where reads are watched is nobody's access. */
static void gen_leave_if_ours(struct mt_asm *as, int reading)
{
	mt_asm_label theirs = mt_asm_new_label(as);

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_1, MT_PT_REGS_CS);
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_1, 3);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, theirs);
	mt_seat_value(as, reading, theirs);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_0, 0);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, theirs);
	mt_asm_mov_imm(as, BPF_REG_0, 0);
	mt_asm_exit(as);
	mt_asm_bind(as, theirs);
}

static struct mt_error *load_seat(const struct mt_seat *seat, int *fd)
{
	struct mt_asm as MT_CLEANUP(mt_asm_deinit) = { 0 };
	mt_asm_label none = mt_asm_new_label(&as);

	mt_asm_store(&as, 8, BPF_REG_10, MT_AT_CONTEXT, BPF_REG_1);
	if (seat->events->spec.kind != MT_DR_WRITE)
		gen_leave_if_ours(&as, seat->events->probe->reading);
	mt_seat_value(&as, seat->wanted, none);
	mt_asm_store_imm(&as, 8, BPF_REG_0, 0, 0);
	mt_asm_bind(&as, none);
	return load_caller(&as, &seat->relay, BPF_PROG_TYPE_PERF_EVENT, fd);
}

static struct mt_error *create_value(const char *name, int *map)
{
	const struct mt_map_spec value = {
		name, BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t), sizeof(uint64_t), 1, 0,
	};

	return *map < 0 ? mt_map_create(&value, map) : NULL;
}

/* ---- Seats ----------------------------------------------------------------- */

static struct mt_error *make_events(struct mt_probe *probe, const struct mt_watch_spec *spec,
                                    const struct mt_dr_piece *piece, struct mt_armed **out)
{
	const struct mt_watch_spec own = { .kind = spec->kind,
		                           .addr = piece->addr,
		                           .len = piece->len,
		                           .silent = true,
		                           .kernel = spec->kernel,
		                           .traps = spec->traps };
	struct mt_armed *events = mt_armed_new(probe, NULL, &own);

	if (!events)
		return mt_error_nomem();
	events->kernel = spec->kernel;
	events->pieces[0] = *piece;
	events->piece_count = events->own_count = 1;
	*out = events;
	return NULL;
}

struct mt_error *mt_seat_create(struct mt_probe *probe, const struct mt_watch_spec *spec,
                                const struct mt_dr_piece *piece, pid_t pid, struct mt_seat **out)
{
	struct mt_seat *seat MT_CLEANUP(seat_cleanup) = mt_alloc(sizeof(*seat));

	if (!seat)
		return mt_error_nomem();
	seat->refs = 1;
	seat->wanted = -1;
	mt_relay_init(&seat->relay);
	MT_TRY(mt_relay_create(&seat->relay));
	MT_TRY(create_value("mt_wanted", &seat->wanted));
	MT_TRY(mt_exits_make_reading(probe));
	MT_TRY(make_events(probe, spec, piece, &seat->events));
	MT_TRY(load_seat(seat, &seat->events->programs[0]));
	MT_TRY(mt_armed_open_events(seat->events, pid));
	*out = MT_TAKE(seat);
	return NULL;
}

struct mt_error *mt_seat_cover(struct mt_seat *seat, pid_t tid)
{
	for (size_t i = 0; i < seat->covered.len; i++)
		if (seat->covered.data[i] == tid)
			return NULL;
	MT_TRY(mt_armed_open_pieces(seat->events, tid, 0));
	return mt_vec_push(&seat->covered, tid) ? NULL : mt_error_nomem();
}

void mt_seat_put(struct mt_seat *seat)
{
	if (seat && --seat->refs == 0)
		seat_destroy(seat);
}

/* ---- The ends of system calls ---------------------------------------------- */

static void forget_exits(struct mt_probe *probe)
{
	mt_fd_cleanup(&probe->exits_link);
	mt_fd_cleanup(&probe->exits_program);
	mt_relay_deinit(&probe->exits);
}

static struct mt_error *listen_to_exits(struct mt_probe *probe)
{
	struct mt_asm as MT_CLEANUP(mt_asm_deinit) = { 0 };
	int link;

	MT_TRY(mt_relay_create(&probe->exits));
	mt_asm_store(&as, 8, BPF_REG_10, MT_AT_CONTEXT, BPF_REG_1);
	MT_TRY(
	    load_caller(&as, &probe->exits, BPF_PROG_TYPE_RAW_TRACEPOINT, &probe->exits_program));
	link = bpf_raw_tracepoint_open("sys_exit", probe->exits_program);
	if (link < 0)
		return mt_error_sys(-link, "cannot listen to the ends of system calls");
	probe->exits_link = link;
	return NULL;
}

struct mt_error *mt_exits_get(struct mt_probe *probe, pid_t pid, struct mt_relay **relay)
{
	struct mt_error *error;

	if (!mt_who_is_known(pid))
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "threads have other numbers for the kernel than for us");
	error = probe->exits_refs ? NULL : listen_to_exits(probe);
	if (error) {
		forget_exits(probe);
		return error;
	}
	probe->exits_refs++;
	*relay = &probe->exits;
	return NULL;
}

struct mt_error *mt_exits_make_reading(struct mt_probe *probe)
{
	return create_value("mt_reading", &probe->reading);
}

void mt_exits_put(struct mt_probe *probe)
{
	if (--probe->exits_refs == 0)
		forget_exits(probe);
}
