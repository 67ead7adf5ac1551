/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/engine_private.h"
#include "target/process.h"

struct mt_site *mt_site_find(struct mt_proc *proc, uint64_t addr)
{
	const struct mt_proc *memory = mt_proc_memory(proc);
	size_t low = 0, high = memory->sites.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct mt_site *site = memory->sites.data[middle];

		if (site->addr == addr)
			return site;
		if (site->addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ---- What is inserted ---------------------------------------------------- */

struct patch {
	uint8_t bytes[MT_JUMP_LEN];
	uint8_t len;
};

/* int3, or jmp to the detour, which is near enough for 32 bits. */
static struct patch patch_of(const struct mt_site *site)
{
	struct patch patch = { { 0xcc }, MT_INT3_LEN };
	int32_t distance = (int32_t)(site->detour - (site->addr + MT_JUMP_LEN));

	if (!site->filter)
		return patch;
	patch.bytes[0] = 0xe9;
	memcpy(patch.bytes + 1, &distance, sizeof(distance));
	patch.len = MT_JUMP_LEN;
	return patch;
}

static bool write_code(pid_t pid, uint64_t addr, const uint8_t *bytes, size_t len)
{
	struct mt_error *error = mt_process_write(pid, addr, bytes, len);

	mt_error_free(error);
	return !error;
}

/* The code may have been unmapped, or other code be there now. */
static bool is_ours(pid_t pid, const struct mt_site *site)
{
	struct patch patch = patch_of(site);
	uint8_t bytes[MT_JUMP_LEN] = { 0 };
	struct mt_error *error = mt_process_read(pid, site->addr, bytes, patch.len);

	mt_error_free(error);
	return !error && memcmp(bytes, patch.bytes, patch.len) == 0;
}

void mt_site_lift(struct mt_proc *proc, struct mt_site *site)
{
	if (site->inserted && is_ours(mt_proc_access(proc), site))
		write_code(mt_proc_access(proc), site->addr, site->original, site->span);
	site->inserted = false;
}

/* Before it is there, all is known of it that it takes to take it out: see rescue.c. */
static void about_to_insert(struct mt_site *site)
{
	site->inserted = true;
	atomic_signal_fence(memory_order_seq_cst);
}

void mt_site_lower(struct mt_proc *proc, struct mt_site *site)
{
	struct patch patch = patch_of(site);

	about_to_insert(site);
	site->inserted = write_code(mt_proc_access(proc), site->addr, patch.bytes, patch.len);
}

/* Nothing is inserted there yet. */
static struct mt_error *insert(struct mt_proc *memory, pid_t access, struct mt_site *site)
{
	struct patch patch = patch_of(site);
	uint8_t original[MT_JUMP_LEN];
	struct mt_error *error;

	MT_TRY(mt_process_read(access, site->addr, original, patch.len));
	if (site->original[0] != original[0])
		mt_slots_changed(memory, site->addr, 1);
	memcpy(site->original, original, patch.len);
	site->span = patch.len;
	about_to_insert(site);
	error = mt_process_write(access, site->addr, patch.bytes, patch.len);
	site->inserted = !error;
	return error;
}

/* ---- Sites --------------------------------------------------------------- */

/* Keeps the order of addresses. */
static bool enter(struct mt_proc *proc, struct mt_site *site)
{
	size_t at = proc->sites.len;

	if (!mt_vec_push(&proc->sites, site))
		return false;
	for (; at > 0 && proc->sites.data[at - 1]->addr > site->addr; at--)
		proc->sites.data[at] = proc->sites.data[at - 1];
	proc->sites.data[at] = site;
	return true;
}

struct mt_site *mt_site_make(struct mt_proc *proc, uint64_t addr)
{
	struct mt_proc *memory = mt_proc_memory(proc);
	struct mt_site *site = mt_site_find(memory, addr);

	if (site)
		return site;
	site = mt_alloc(sizeof(*site));
	if (!site)
		return NULL;
	site->addr = addr;
	site->memory = memory;
	if (!enter(memory, site)) {
		free(site);
		return NULL;
	}
	atomic_signal_fence(memory_order_seq_cst);
	LIST_INSERT_HEAD(&proc->debug->known_sites, site, known);
	return site;
}

struct mt_error *mt_site_get(struct mt_proc *proc, uint64_t addr, struct mt_site **site)
{
	struct mt_proc *memory = mt_proc_memory(proc);
	struct mt_site *made = mt_site_make(memory, addr);

	if (!made)
		return mt_error_nomem();
	mt_ways_leave_jumps(memory, addr - MT_JUMP_LEN + 1, addr);
	if (!made->inserted)
		MT_TRY(insert(memory, mt_proc_access(proc), made));
	made->refs++;
	if (made->filter)
		mt_armed_hold_all(made->filter, true);
	*site = made;
	return NULL;
}

struct mt_error *mt_site_divert(struct mt_proc *proc, struct mt_site *site, struct mt_armed *filter)
{
	struct mt_proc *memory = mt_proc_memory(proc);
	struct mt_error *error;

	mt_site_lift(memory, site);
	site->filter = filter;
	if (!filter && !site->refs)
		return NULL;
	error = insert(memory, mt_proc_access(proc), site);
	if (error)
		site->filter = NULL;
	return error;
}

/* A site without references stays known, for its slot: a thread may be in it. */
void mt_site_put(struct mt_proc *proc, struct mt_site *site)
{
	if (--site->refs)
		return;
	if (site->filter)
		mt_armed_hold_all(site->filter, false);
	else
		mt_site_lift(proc, site);
}

void mt_sites_lift(struct mt_proc *proc, pid_t from)
{
	for (size_t i = 0; i < proc->sites.len; i++)
		if (proc->sites.data[i]->inserted)
			write_code(from, proc->sites.data[i]->addr, proc->sites.data[i]->original,
			           proc->sites.data[i]->span);
}

void mt_sites_forget(struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->sites.len; i++) {
		LIST_REMOVE(proc->sites.data[i], known);
		free(proc->sites.data[i]);
	}
	mt_vec_deinit(&proc->sites);
}
