/* SPDX-License-Identifier: MIT */
/* A filter of data: its seats, its programs, and whom it has held. */
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "probe/armed.h"
#include "probe/host.h"
#include "probe/maps.h"
#include "probe/program.h"
#include "probe/ring.h"
#include "probe/seat.h"
#include "probe/space.h"

MT_DEFINE_CLEANUP(mt_armed, struct mt_armed, mt_armed_destroy)

/* ---- Seats ----------------------------------------------------------------- */

static bool is_alike(const struct mt_armed *armed, const struct mt_seat *seat, size_t i)
{
	const struct mt_armed *events = seat->events;

	return mt_hw_type(events->spec.kind) == mt_hw_type(armed->spec.kind) &&
	       events->spec.traps == armed->spec.traps && events->kernel == armed->kernel &&
	       events->pieces[0].addr == armed->pieces[i].addr &&
	       events->pieces[0].len == armed->pieces[i].len;
}

/* A number in the relay of a seat that is there already. */
static bool join_seat(struct mt_armed *armed, size_t i, struct mt_armed *const *others,
                      size_t count)
{
	for (size_t k = 0; k < count; k++) {
		for (size_t j = 0; j < others[k]->piece_count; j++) {
			struct mt_seat *seat = others[k]->seats[j];

			if (!seat || !is_alike(armed, seat, i) ||
			    !mt_relay_take(&seat->relay, &armed->in_seat[i]))
				continue;
			seat->refs++;
			armed->seats[i] = seat;
			armed->own_count--;
			return true;
		}
	}
	return false;
}

static struct mt_error *take_seats(struct mt_armed *armed, struct mt_armed *const *others,
                                   size_t count)
{
	for (size_t i = 0; i < armed->piece_count; i++) {
		if (join_seat(armed, i, others, count))
			continue;
		MT_TRY(mt_seat_create(armed->probe, &armed->spec, &armed->pieces[i], armed->pid,
		                      &armed->seats[i]));
		mt_relay_take(&armed->seats[i]->relay, &armed->in_seat[i]);
	}
	return NULL;
}

/* What is not armed in one seat is not armed. */
static struct mt_error *check_seats(struct mt_armed *armed)
{
	for (size_t i = 0; i < armed->piece_count; i++) {
		struct mt_armed *events = armed->seats[i]->events;
		const struct mt_coverage coverage = mt_armed_coverage(events);

		if (!coverage.threads && events->why)
			return MT_TAKE(events->why);
		if (!coverage.threads)
			return mt_error_new(MT_ERR_NOT_FOUND, "process %d has gone",
			                    (int)armed->pid);
		armed->threads = coverage.threads;
		if (coverage.uncovered > armed->uncovered)
			armed->uncovered = coverage.uncovered;
	}
	return NULL;
}

void mt_filter_leave(struct mt_armed *armed)
{
	for (size_t i = 0; i < MT_DR_COUNT; i++) {
		if (!armed->seats[i])
			continue;
		mt_relay_leave(&armed->seats[i]->relay, armed->in_seat[i]);
		mt_seat_put(armed->seats[i]);
		armed->seats[i] = NULL;
	}
	if (armed->exits) {
		mt_relay_leave(armed->exits, armed->in_exits);
		mt_exits_put(armed->probe);
	}
	armed->exits = NULL;
	mt_fd_cleanup(&armed->exit_program);
}

/* ---- Programs -------------------------------------------------------------- */

static struct mt_program program_of(const struct mt_armed *armed, size_t i)
{
	return (struct mt_program){
		.spec = &armed->spec,
		.piece = armed->pieces[i],
		.piece_count = (unsigned)armed->piece_count,
		.condition_in_kernel = true,
		.blocked = armed->probe->task.blocked,
		.seat = armed->seats[i],
		.in_seat = armed->in_seat[i],
		.exits = armed->exits,
		.in_exits = armed->in_exits,
		.reading = armed->probe->reading,
		.pid = armed->pid,
		.cell = armed->cell_map,
	};
}

static struct mt_error *load(const struct mt_armed *armed, size_t i,
                             struct mt_error *(*generate)(struct mt_program *program),
                             enum bpf_prog_type type, int *fd)
{
	struct mt_program program = program_of(armed, i);
	struct mt_error *error = generate(&program);

	if (!error)
		error = mt_program_load(type, program.as.insns.data, program.as.insns.len, fd);
	mt_asm_deinit(&program.as);
	return error;
}

static struct mt_error *join_relays(struct mt_armed *armed)
{
	for (size_t i = 0; i < armed->piece_count; i++) {
		MT_TRY(load(armed, i, mt_program_data_filter, BPF_PROG_TYPE_PERF_EVENT,
		            &armed->programs[i]));
		MT_TRY(
		    mt_relay_join(&armed->seats[i]->relay, armed->in_seat[i], armed->programs[i]));
	}
	if (!armed->exits)
		return NULL;
	MT_TRY(load(armed, 0, mt_program_data_exit, BPF_PROG_TYPE_RAW_TRACEPOINT,
	            &armed->exit_program));
	return mt_relay_join(armed->exits, armed->in_exits, armed->exit_program);
}

#define FIRST_TO_ASK_THE_FILTER 6011 /* Linux 6.11 */

bool mt_filter_may_trap(void)
{
	return mt_host_linux() >= FIRST_TO_ASK_THE_FILTER;
}

/* ---- Arming ---------------------------------------------------------------- */

static struct mt_error *create(struct mt_probe *probe, struct mt_space *space,
                               const struct mt_watch_spec *spec, pid_t pid, struct mt_armed **out)
{
	struct mt_armed *armed MT_CLEANUP(mt_armed_cleanup) = mt_armed_new(probe, space, spec);

	if (!armed)
		return mt_error_nomem();
	armed->pid = pid;
	armed->spec.silent = armed->spec.kernel = true;
	armed->condition_in_kernel = spec->condition != NULL;
	mt_armed_decide_kernel(armed);
	if (!mt_dr_region_ok(spec->kind, spec->addr, spec->len))
		return mt_error_new(MT_ERR_NO_REGISTER, "it is more than four registers can watch");
	armed->piece_count = mt_dr_split(spec->addr, spec->len, armed->pieces, MT_DR_COUNT);
	armed->own_count = armed->piece_count;
	mt_probe_hear_merged(probe);
	MT_TRY(mt_probe_find_tasks(probe));
	MT_TRY(mt_armed_create_cell(armed));
	*out = MT_TAKE(armed);
	return NULL;
}

/* Without the ends of system calls there is still what breakpoints see. */
static void listen_to_exits(struct mt_armed *armed)
{
	struct mt_relay *exits;
	struct mt_error *error =
	    armed->kernel ? mt_exits_get(armed->probe, armed->pid, &exits) : NULL;

	if (!armed->kernel || error) {
		mt_error_free(error);
		return;
	}
	if (mt_relay_take(exits, &armed->in_exits))
		armed->exits = exits;
	else
		mt_exits_put(armed->probe);
}

struct mt_error *mt_filter_arm(struct mt_probe *probe, struct mt_space *space,
                               const struct mt_watch_spec *spec, pid_t pid, const void *initial,
                               struct mt_armed *const *others, size_t other_count,
                               struct mt_armed **out)
{
	struct mt_armed *armed MT_CLEANUP(mt_armed_cleanup) = NULL;

	MT_TRY(create(probe, space, spec, pid, &armed));
	armed->cell->hits = spec->hits;
	mt_filter_teach(armed, initial);
	MT_TRY(take_seats(armed, others, other_count));
	MT_TRY(check_seats(armed));
	listen_to_exits(armed);
	MT_TRY(join_relays(armed));
	__atomic_store_n(&armed->cell->live, 1, __ATOMIC_SEQ_CST);
	*out = MT_TAKE(armed);
	return NULL;
}

bool mt_filter_sees_calls(const struct mt_armed *armed)
{
	return armed->exits != NULL;
}

struct mt_error *mt_filter_cover(struct mt_armed *armed, pid_t tid)
{
	for (size_t i = 0; i < armed->piece_count; i++)
		MT_TRY(mt_seat_cover(armed->seats[i], tid));
	return NULL;
}

/* ---- Whom it has held ------------------------------------------------------ */

static bool is_of(const struct mt_hold_note *note, pid_t tid)
{
	return __atomic_load_n(&note->tid, __ATOMIC_SEQ_CST) == (uint32_t)tid;
}

static bool is_before(const struct mt_hold_note *note, const struct mt_hold_note *other)
{
	return !other || (int32_t)(note->turn - other->turn) < 0;
}

bool mt_filter_held_turn(const struct mt_armed *armed, pid_t tid, uint32_t *turn, unsigned *why)
{
	const struct mt_hold_note *first = NULL;

	*why = 0;
	for (size_t i = 0; i < MT_HOLD_NOTES; i++) {
		const struct mt_hold_note *note = &armed->cell->held[i];

		if (!is_of(note, tid))
			continue;
		*why |= (unsigned)note->why;
		if (is_before(note, first))
			first = note;
	}
	if (first)
		*turn = first->turn;
	return first != NULL;
}

bool mt_filter_take_held(struct mt_armed *armed, pid_t tid, struct mt_held_values *held)
{
	const struct mt_hold_note *first = NULL, *last = NULL;
	bool any = false;

	held->why = 0;
	for (size_t i = 0; i < MT_HOLD_NOTES; i++) {
		struct mt_hold_note *note = &armed->cell->held[i];

		if (!is_of(note, tid))
			continue;
		any = true;
		held->why |= (unsigned)note->why;
		if (note->why & MT_HOLD_VALUES) {
			first = is_before(note, first) ? note : first;
			last = last && is_before(note, last) ? last : note;
		}
		__atomic_store_n(&note->tid, 0, __ATOMIC_SEQ_CST);
	}
	if (first) {
		memcpy(held->before, first->before, sizeof(held->before));
		memcpy(held->now, last->now, sizeof(held->now));
	} else if (held->why & MT_HOLD_EXIT) {
		memcpy(held->before, armed->cell->last.value, sizeof(held->before));
	}
	return any;
}

/* ---- What it knows --------------------------------------------------------- */

bool mt_filter_knows(const struct mt_armed *armed, const void *bytes)
{
	bool unreadable = __atomic_load_n(&armed->cell->unreadable, __ATOMIC_SEQ_CST);

	if (unreadable || !bytes)
		return unreadable && !bytes;
	return memcmp(armed->cell->last.value, bytes, (size_t)armed->spec.len) == 0;
}

void mt_filter_teach(struct mt_armed *armed, const void *bytes)
{
	if (bytes)
		memcpy(armed->cell->last.value, bytes, (size_t)armed->spec.len);
	__atomic_store_n(&armed->cell->unreadable, !bytes, __ATOMIC_SEQ_CST);
}
