/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/engine_private.h"
#include "target/process.h"

static const uint8_t int3 = 0xcc;

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

static bool write_byte(pid_t pid, uint64_t addr, const uint8_t *byte)
{
	struct mt_error *error = mt_process_write(pid, addr, byte, 1);

	mt_error_free(error);
	return !error;
}

/* The code may have been unmapped, or other code be there now. */
static bool is_int3(pid_t pid, uint64_t addr)
{
	uint8_t byte = 0;
	struct mt_error *error = mt_process_read(pid, addr, &byte, 1);

	mt_error_free(error);
	return !error && byte == int3;
}

void mt_site_lift(struct mt_proc *proc, struct mt_site *site)
{
	if (site->inserted && is_int3(mt_proc_access(proc), site->addr))
		write_byte(mt_proc_access(proc), site->addr, &site->original);
	site->inserted = false;
}

void mt_site_lower(struct mt_proc *proc, struct mt_site *site)
{
	site->inserted = write_byte(mt_proc_access(proc), site->addr, &int3);
}

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

static struct mt_site *make(struct mt_proc *memory, uint64_t addr)
{
	struct mt_site *site = mt_alloc(sizeof(*site));

	if (!site)
		return NULL;
	site->addr = addr;
	if (enter(memory, site))
		return site;
	free(site);
	return NULL;
}

struct mt_error *mt_site_get(struct mt_proc *proc, uint64_t addr, struct mt_site **site)
{
	struct mt_proc *memory = mt_proc_memory(proc);
	struct mt_site *found = mt_site_find(memory, addr);
	uint8_t original;

	if (!found)
		found = make(memory, addr);
	if (!found)
		return mt_error_nomem();
	if (!found->inserted) {
		MT_TRY(mt_process_read(mt_proc_access(proc), addr, &original, 1));
		MT_TRY(mt_process_write(mt_proc_access(proc), addr, &int3, 1));
		if (found->original != original)
			mt_slots_changed(memory, addr, 1);
		found->original = original;
		found->inserted = true;
	}
	found->refs++;
	*site = found;
	return NULL;
}

/* A site without references stays known, for its slot: a thread may be in it. */
void mt_site_put(struct mt_proc *proc, struct mt_site *site)
{
	if (--site->refs == 0)
		mt_site_lift(proc, site);
}

void mt_sites_lift(struct mt_proc *proc, pid_t from)
{
	for (size_t i = 0; i < proc->sites.len; i++)
		if (proc->sites.data[i]->inserted)
			write_byte(from, proc->sites.data[i]->addr, &proc->sites.data[i]->original);
}

void mt_sites_forget(struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->sites.len; i++)
		free(proc->sites.data[i]);
	mt_vec_deinit(&proc->sites);
}
