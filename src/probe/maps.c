/* SPDX-License-Identifier: MIT */
#include "probe/maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

/* Most helpers that read memory are for programs under a licence that the kernel counts as GPL. */
#define PROGRAM_LICENCE "Dual MIT/GPL"
#define LOG_SIZE ((size_t)1 << 20)

static const char *permission_hint(int err)
{
	return err == EPERM || err == EACCES
	           ? " (eBPF needs root, or the capabilities CAP_BPF and CAP_PERFMON)"
	           : "";
}

struct mt_error *mt_map_create(const struct mt_map_spec *spec, int *fd)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = spec->flags);
	int got = bpf_map_create(spec->type, spec->name, spec->key_size, spec->value_size,
	                         spec->entries, &opts);

	if (got == -ENOSYS)
		return mt_error_new(MT_ERR_OLD_KERNEL,
		                    "this kernel has no eBPF (CONFIG_BPF_SYSCALL is off)");
	if (got < 0)
		return mt_error_sys(-got, "cannot create the eBPF map %s%s", spec->name,
		                    permission_hint(-got));
	*fd = got;
	return NULL;
}

/* The verifier's log ends with a summary; the line before it is the reason. */
static const char *reason_in_log(char *log)
{
	char *summary = strstr(log, "\nprocessed ");
	char *line;

	if (summary)
		*summary = '\0';
	line = strrchr(log, '\n');
	return line ? line + 1 : log;
}

struct mt_error *mt_program_load(enum bpf_prog_type type, const struct bpf_insn *insns,
                                 size_t count, int *fd)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int got = bpf_prog_load(type, "memtrap", PROGRAM_LICENCE, insns, count, &opts);

	if (got >= 0) {
		*fd = got;
		return NULL;
	}
	if (got == -EPERM)
		return mt_error_sys(EPERM, "cannot load an eBPF program%s", permission_hint(EPERM));

	/* Once more, for the reason: a log costs much more than the loading. */
	char *log MT_AUTO_FREE = mt_alloc(LOG_SIZE);

	opts.log_level = 1;
	opts.log_buf = log;
	opts.log_size = log ? LOG_SIZE : 0;

	int again = bpf_prog_load(type, "memtrap", PROGRAM_LICENCE, insns, count, &opts);

	if (again >= 0) {
		*fd = again;
		return NULL;
	}
	return mt_error_new(MT_ERR_UNSUPPORTED, "the kernel refuses the eBPF program: %s (%s)",
	                    strerror(-got), log ? reason_in_log(log) : "no log");
}

unsigned mt_map_cpus(void)
{
	int cpus = libbpf_num_possible_cpus();

	return cpus > 0 ? (unsigned)cpus : 0;
}
