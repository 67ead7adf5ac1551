/* SPDX-License-Identifier: MIT */
/*
 * Inside src/probe: eBPF maps and programs, created and read back. File descriptors belong to the
 * caller.
 */
#ifndef MT_PROBE_MAPS_H
#define MT_PROBE_MAPS_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct mt_map_spec {
	const char *name;
	enum bpf_map_type type;
	uint32_t key_size, value_size, entries, flags;
};

struct mt_error *mt_map_create(const struct mt_map_spec *spec, int *fd);

/* Loads `count` instructions; the error of a refusal carries the last line of the verifier's log.
 */
struct mt_error *mt_program_load(enum bpf_prog_type type, const struct bpf_insn *insns,
                                 size_t count, int *fd);

/* How many processors a per-CPU map has values for; 0 on failure. */
unsigned mt_map_cpus(void);

#endif
