/* SPDX-License-Identifier: MIT */
#include "probe/relay.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "probe/maps.h"

#define LINKS_SIZE ((MT_RELAY_MAX + 1) * sizeof(uint32_t))

void mt_relay_init(struct mt_relay *relay)
{
	*relay = (struct mt_relay){ .programs = -1, .links_map = -1 };
}

struct mt_error *mt_relay_create(struct mt_relay *relay)
{
	const struct mt_map_spec programs = {
		"mt_relay",       BPF_MAP_TYPE_PROG_ARRAY,
		sizeof(uint32_t), sizeof(uint32_t),
		MT_RELAY_MAX,     0,
	};
	const struct mt_map_spec links = {
		"mt_links", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), LINKS_SIZE, 1, BPF_F_MMAPABLE,
	};
	void *at;

	MT_TRY(mt_map_create(&programs, &relay->programs));
	MT_TRY(mt_map_create(&links, &relay->links_map));
	at = mmap(NULL, LINKS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, relay->links_map, 0);
	if (at == MAP_FAILED)
		return mt_error_sys(errno, "cannot map the order of a relay of programs");
	relay->links = at;
	return NULL;
}

void mt_relay_deinit(struct mt_relay *relay)
{
	if (relay->links)
		munmap(relay->links, LINKS_SIZE);
	mt_fd_cleanup(&relay->links_map);
	mt_fd_cleanup(&relay->programs);
	mt_relay_init(relay);
}

/* ---- Members --------------------------------------------------------------- */

bool mt_relay_take(struct mt_relay *relay, unsigned *number)
{
	for (unsigned i = 0; i < MT_RELAY_MAX; i++) {
		if (relay->taken[i])
			continue;
		relay->taken[i] = true;
		*number = i;
		return true;
	}
	return false;
}

static void link_behind(struct mt_relay *relay, uint32_t before, uint32_t link)
{
	__atomic_store_n(&relay->links[before], link, __ATOMIC_SEQ_CST);
}

struct mt_error *mt_relay_join(struct mt_relay *relay, unsigned number, int program)
{
	uint32_t index = number, last = 0;

	if (bpf_map_update_elem(relay->programs, &index, &program, BPF_ANY) < 0)
		return mt_error_sys(errno, "cannot enter a program into a relay");
	while (relay->links[last])
		last = relay->links[last];
	link_behind(relay, number + 1, 0);
	link_behind(relay, last, number + 1);
	return NULL;
}

void mt_relay_leave(struct mt_relay *relay, unsigned number)
{
	uint32_t index = number;

	for (uint32_t at = 0; relay->links; at = relay->links[at]) {
		if (relay->links[at] == number + 1) {
			link_behind(relay, at, relay->links[number + 1]);
			break;
		}
		if (!relay->links[at])
			break;
	}
	bpf_map_delete_elem(relay->programs, &index);
	relay->taken[number] = false;
}

void mt_relay_call(struct mt_asm *as, const struct mt_relay *relay, int number, int context)
{
	mt_asm_label none = mt_asm_new_label(as);
	uint32_t link = (uint32_t)(number + 1) * sizeof(*relay->links);

	mt_asm_load_map_value(as, BPF_REG_3, relay->links_map, link);
	mt_asm_load(as, 4, BPF_REG_3, BPF_REG_3, 0);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_3, 0, none);
	mt_asm_alu_imm(as, BPF_SUB, BPF_REG_3, 1);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, context);
	mt_asm_load_map(as, BPF_REG_2, relay->programs);
	mt_asm_call(as, BPF_FUNC_tail_call);
	mt_asm_bind(as, none);
}
