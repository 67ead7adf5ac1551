/* SPDX-License-Identifier: MIT */
#include "probe/who.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "probe/host.h"

#define KERNEL_MINOR_BITS 20 /* linux/kdev_t.h */

static uint64_t kernel_device(dev_t device)
{
	return (uint64_t)major(device) << KERNEL_MINOR_BITS | minor(device);
}

/* A struct bpf_pidns_info has both in the order of the halves. */
static void ask_namespace(struct mt_asm *as, int slot, const struct stat *namespace)
{
	_Static_assert(sizeof(struct bpf_pidns_info) == 8 &&
	                   offsetof(struct bpf_pidns_info, tgid) == 4,
	               "the thread is in the lower half");
	mt_asm_load_imm64(as, BPF_REG_1, kernel_device(namespace->st_dev));
	mt_asm_load_imm64(as, BPF_REG_2, namespace->st_ino);
	mt_asm_mov(as, BPF_REG_3, BPF_REG_10);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_3, slot);
	mt_asm_mov_imm(as, BPF_REG_4, sizeof(struct bpf_pidns_info));
	mt_asm_call(as, BPF_FUNC_get_ns_current_pid_tgid);
}

void mt_asm_who(struct mt_asm *as, int slot)
{
	mt_asm_label found = mt_asm_new_label(as);
	struct stat namespace;

	if (mt_host_pid_namespace(&namespace)) {
		mt_asm_store_imm(as, 8, BPF_REG_10, slot, 0);
		ask_namespace(as, slot, &namespace);
		mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, found);
	}
	mt_asm_call(as, BPF_FUNC_get_current_pid_tgid);
	mt_asm_store(as, 8, BPF_REG_10, slot, BPF_REG_0);
	mt_asm_bind(as, found);
	mt_asm_load(as, 8, BPF_REG_0, BPF_REG_10, slot);
}

bool mt_who_is_known(pid_t pid)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	return !mt_host_pid_namespace(&ours) ||
	       (stat(path, &theirs) == 0 && theirs.st_ino == ours.st_ino);
}
