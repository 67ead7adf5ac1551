/* SPDX-License-Identifier: MIT */
/*
 * Memory that is unmapped, moved or replaced. No breakpoint sees that, and a watch that nobody can
 * touch any more would be silent for no good reason. System calls that may have done it come as
 * records of MT_RECORD_MAPPING; where those cannot be had, it is looked after from time to time.
 */
#include <inttypes.h>
#include <string.h>

#include "target/mapping.h"
#include "target/process.h"
#include "target/syscall.h"
#include "watch/session_private.h"

/* What is found to be unmapped must be so again after that time: a process may be about to exec,
 * or to end, which are told by others. */
#define SEEMING_NS 50000000

/* ---- What is gone ---------------------------------------------------------- */

static bool find_gone(const struct mt_watch *watch, pid_t pid, size_t *at)
{
	for (*at = 0; *at < watch->unmapped.len; ++*at)
		if (watch->unmapped.data[*at] == pid)
			return true;
	return false;
}

/* False: it was so already. */
static bool note_gone(struct mt_session *session, struct mt_watch *watch, pid_t pid)
{
	size_t at;

	if (find_gone(watch, pid, &at))
		return false;
	mt_vec_push(&watch->unmapped, pid);
	session->summary->unmapped++;
	return true;
}

/* Whether it was gone. */
static bool note_back(struct mt_watch *watch, pid_t pid)
{
	size_t at;

	if (!find_gone(watch, pid, &at))
		return false;
	mt_vec_swap_remove(&watch->unmapped, at);
	return true;
}

/* ---- Records ---------------------------------------------------------------- */

/* What the call's numbers don't say. */
static enum mt_mapping_effect look_for_effect(struct mt_watch *watch, pid_t pid, uint64_t addr)
{
	enum mt_mapped mapped = mt_process_mapped(pid, addr, mt_watch_whole(watch)->len);
	size_t at;
	bool gone = find_gone(watch, pid, &at);

	if (mapped == MT_MAPPED_ALL)
		return gone ? MT_MAPPING_NEW : MT_MAPPING_NONE;
	if (mapped == MT_MAPPED_NOTHING || gone)
		return MT_MAPPING_NONE;
	mt_armed_forget(watch->armed, pid);
	return MT_MAPPING_UNMAPPED;
}

static enum mt_mapping_effect effect_of(struct mt_watch *watch, const struct mt_record *record,
                                        uint64_t *moved_to)
{
	enum mt_machine machine = mt_image_machine(watch->view.image);
	struct mt_mapping_call call = {
		.machine = machine,
		.number = record->syscall,
		.result = mt_machine_wrap(machine, record->result),
	};
	uint64_t addr = watch->is_wide ? record->whole : record->addr;
	enum mt_mapping_effect effect;

	mt_syscall_args(machine, &record->regs, call.args);
	effect = mt_mapping_effect(&call, addr, mt_watch_whole(watch)->len, moved_to);
	return effect == MT_MAPPING_UNSURE ? look_for_effect(watch, (pid_t)record->memory, addr)
	                                   : effect;
}

/* Other memory is there. Where it is as it was before, nobody has lost anything. */
static bool judge_new(const struct mt_session *session, struct mt_watch *watch,
                      const struct mt_record *record, struct mt_hit *hit)
{
	if (note_back(watch, (pid_t)record->memory))
		hit->old_known = false;
	hit->access = MT_INSN_WRITE;
	return watch->view.kind != MT_DR_EXEC && !session->config->user_only &&
	       !mt_hit_unchanged(hit);
}

bool mt_mappings_judge(struct mt_session *session, struct mt_watch *watch,
                       const struct mt_record *record, struct mt_hit *hit)
{
	uint64_t moved_to = 0;

	switch (effect_of(watch, record, &moved_to)) {
	case MT_MAPPING_NEW:
		return judge_new(session, watch, record, hit);
	case MT_MAPPING_MOVED:
	case MT_MAPPING_UNMAPPED:
		hit->unmapped = true;
		hit->moved_to = moved_to;
		hit->access = 0;
		hit->new_known = false;
		return note_gone(session, watch, (pid_t)record->memory);
	default:
		return false;
	}
}

/* ---- Where there are none --------------------------------------------------- */

static bool can_be_looked_at(const struct mt_session *session, const struct mt_watch *watch)
{
	return watch->state == MT_WATCH_ARMED && watch->coverage.unheard &&
	       !mt_watch_has_instances(watch) && !watch->is_away && !watch->target->left &&
	       !session->root_execed;
}

static void look(struct mt_session *session, struct mt_watch *watch)
{
	const struct mt_hit_watch *whole = mt_watch_whole(watch);
	uint64_t addr = watch->request->deep ? watch->at : whole->addr, now;
	pid_t pid = watch->target->pid;
	uint8_t byte;

	if (mt_process_read_some(pid, addr, &byte, sizeof(byte)) == sizeof(byte) ||
	    mt_process_mapped(pid, addr, whole->len) != MT_MAPPED_NOT) {
		watch->seemed_unmapped = 0;
		note_back(watch, pid);
		return;
	}
	now = mt_now_ns();
	if (!watch->seemed_unmapped)
		watch->seemed_unmapped = now;
	if (now - watch->seemed_unmapped < SEEMING_NS || !note_gone(session, watch, pid))
		return;
	mt_session_notice(session, MT_SESSION_WARNING,
	                  "%s: its memory, %" PRIu64 " bytes at 0x%" PRIx64
	                  ", has been unmapped, it is not known by whom (%s): nobody can touch it "
	                  "until something is mapped there again, which is watched then",
	                  watch->request->expr, whole->len, addr, watch->coverage.unheard);
}

void mt_mappings_look(struct mt_session *session)
{
	for (size_t i = 0; i < session->watches.len; i++)
		if (can_be_looked_at(session, session->watches.data[i]))
			look(session, session->watches.data[i]);
}
