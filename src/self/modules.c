/* SPDX-License-Identifier: MIT */
#include "self/modules.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

#include "base/alloc.h"
#include "base/vec.h"

/* ---- By the linker ------------------------------------------------------- */

#pragma weak _dl_find_object

bool mt_own_module_by_linker(uintptr_t addr, struct mt_own_module *module)
{
	struct dl_find_object found;

	if (!_dl_find_object || _dl_find_object((void *)addr, &found) != 0)
		return false;
	*module = (struct mt_own_module){
		.start = (uintptr_t)found.dlfo_map_start,
		.end = (uintptr_t)found.dlfo_map_end,
		.base = found.dlfo_link_map->l_addr,
		.eh_frame_hdr = (uintptr_t)found.dlfo_eh_frame,
		.path = found.dlfo_link_map->l_name,
	};
	return true;
}

/* ---- By the table -------------------------------------------------------- */

struct listing {
	MT_VEC(struct mt_own_module) modules;
	unsigned long long adds, subs; /* of modules, by the linker's count */
	bool same;                     /* as in `last`: nothing to do */
	bool incomplete;
	struct listing *last;
};

/* A handler may be looking at any of them, so none is freed: one is left behind for each change in
 * what is loaded. */
static struct listing *current;

static void list_segment(const ElfW(Phdr) * segment, struct mt_own_module *module)
{
	uintptr_t start = module->base + segment->p_vaddr, end = start + segment->p_memsz;

	if (segment->p_type == PT_GNU_EH_FRAME)
		module->eh_frame_hdr = start;
	if (segment->p_type != PT_LOAD)
		return;
	if (!module->end || start < module->start)
		module->start = start;
	if (end > module->end)
		module->end = end;
}

static int list_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct listing *listing = arg;
	struct mt_own_module module = { .base = info->dlpi_addr };

	listing->adds = info->dlpi_adds;
	listing->subs = info->dlpi_subs;
	listing->same = listing->last && listing->last->adds == info->dlpi_adds &&
	                listing->last->subs == info->dlpi_subs;
	if (listing->same)
		return 1;
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		list_segment(&info->dlpi_phdr[i], &module);
	module.path = mt_strdup(info->dlpi_name ? info->dlpi_name : "");
	listing->incomplete |= !module.path || !mt_vec_push(&listing->modules, module);
	return 0;
}

static void listing_destroy(struct listing *listing)
{
	for (size_t i = 0; i < listing->modules.len; i++)
		free((void *)(uintptr_t)listing->modules.data[i].path);
	mt_vec_deinit(&listing->modules);
	free(listing);
}

void mt_own_modules_list(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct listing *listing = mt_alloc(sizeof(*listing));

	if (!listing)
		return;
	pthread_mutex_lock(&lock);
	listing->last = current;
	dl_iterate_phdr(list_module, listing);
	if (listing->same || listing->incomplete)
		listing_destroy(listing);
	else
		__atomic_store_n(&current, listing, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&lock);
}

bool mt_own_module_by_table(uintptr_t addr, struct mt_own_module *module)
{
	const struct listing *listing = __atomic_load_n(&current, __ATOMIC_ACQUIRE);

	for (size_t i = 0; listing && i < listing->modules.len; i++) {
		const struct mt_own_module *candidate = &listing->modules.data[i];

		if (addr >= candidate->start && addr < candidate->end) {
			*module = *candidate;
			return true;
		}
	}
	return false;
}

/* ---- By either ----------------------------------------------------------- */

bool mt_own_module_at(uintptr_t addr, struct mt_own_module *module)
{
	return mt_own_module_by_linker(addr, module) || mt_own_module_by_table(addr, module);
}
