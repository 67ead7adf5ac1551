/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <linux/capability.h>

#include "probe/host.h"
#include "probe/trial_private.h"

#define BIT(capability) (1ULL << (capability))
#define ALL_OF_A_WATCH "cap_bpf,cap_perfmon,cap_sys_ptrace"

static const struct right {
	uint64_t capabilities;
	const char *names;
	const char *container; /* flags of docker run and podman run */
	const char *setcap;
	const char *or_sysctl;
} rights[] = {
	[MT_RIGHT_PERF] = { BIT(CAP_PERFMON), "CAP_PERFMON", "--cap-add=PERFMON", ALL_OF_A_WATCH,
	                    ", or set sysctl kernel.perf_event_paranoid=2" },
	[MT_RIGHT_PERF_KERNEL] = { BIT(CAP_PERFMON), "CAP_PERFMON", "--cap-add=PERFMON",
	                           ALL_OF_A_WATCH, ", or set sysctl kernel.perf_event_paranoid=1" },
	[MT_RIGHT_BPF] = { BIT(CAP_PERFMON) | BIT(CAP_BPF), "CAP_BPF and CAP_PERFMON",
	                   "--cap-add=BPF --cap-add=PERFMON", ALL_OF_A_WATCH, "" },
	[MT_RIGHT_PTRACE] = { BIT(CAP_SYS_PTRACE), "CAP_SYS_PTRACE", "--cap-add=SYS_PTRACE",
	                      ALL_OF_A_WATCH, "" },
	/* CAP_PERFMON does not suffice (kernel/events/core.c, perf_uprobe_event_init()). */
	[MT_RIGHT_UPROBE] = { BIT(CAP_SYS_ADMIN), "CAP_SYS_ADMIN", "--cap-add=SYS_ADMIN",
	                      "cap_sys_admin", "" },
};

static bool all_capabilities(uint64_t wanted, bool (*has)(int capability))
{
	for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
		if (wanted >> capability & 1 && !has(capability))
			return false;
	return true;
}

/* See is_refused_to_all_but_admin() in trial_system.c. */
static bool wants_admin(enum mt_right which)
{
	long level;

	return (which == MT_RIGHT_PERF || which == MT_RIGHT_PERF_KERNEL || which == MT_RIGHT_BPF) &&
	       mt_host_number("/proc/sys/kernel/perf_event_paranoid", &level) && level >= 3 &&
	       !mt_host_has(CAP_SYS_ADMIN);
}

#define LOWER "sysctl -w kernel.perf_event_paranoid=2"
#define WHY_LOWER "above 2 the kernels of Debian and Ubuntu want CAP_SYS_ADMIN"

void mt_found_refused(struct mt_finding *finding, enum mt_right which)
{
	const struct right *right = &rights[which];
	const char *lower = wants_admin(which) ? " and " LOWER " (" WHY_LOWER ")" : "";
	char program[PATH_MAX];

	if (which != MT_RIGHT_PTRACE && mt_host_in_user_namespace()) {
		mt_found_remedy(finding,
		                "run outside this user namespace (a rootless container, maybe): "
		                "its capabilities don't count for perf and eBPF%s",
		                right->or_sysctl);
	} else if (mt_host_filtered() || !all_capabilities(right->capabilities, mt_host_could)) {
		/* Docker's default filter lets bpf, perf_event_open and ptrace pass for those who
		 * start with the capability (moby, profiles/seccomp/default.json). */
		mt_found_remedy(finding,
		                "start this container with %s, as root in it (where its seccomp "
		                "filter still refuses: --security-opt seccomp=unconfined), this "
		                "service with %s%s",
		                right->container, right->names, right->or_sysctl);
	} else if (!all_capabilities(right->capabilities, mt_host_can)) {
		mt_host_program(program, sizeof(program));
		mt_found_remedy(
		    finding, "run as root, or give the program what it needs: setcap %s+ep %s%s%s",
		    right->setcap, program, lower, right->or_sysctl);
	} else if (wants_admin(which)) {
		mt_found_remedy(finding, LOWER ": " WHY_LOWER);
	} else if (mt_host_locked_down()) {
		mt_found_remedy(finding, "boot without lockdown=confidentiality");
	} else {
		mt_found_remedy(finding, "a security module (SELinux, AppArmor) refuses: its log "
		                         "(dmesg, ausearch) names the rule");
	}
}

void mt_found_error(struct mt_finding *finding, struct mt_error *error, const struct mt_need *need)
{
	mt_found(finding, MT_TRIAL_NO, "%s", mt_error_text(error));
	switch (mt_error_kind(error)) {
	case MT_ERR_PERMISSION:
		mt_found_refused(finding, need->right);
		break;
	case MT_ERR_NO_REGISTER:
		mt_found_remedy(finding, "end the debugger or the 'perf record -e mem:' that holds "
		                         "the debug registers");
		break;
	case MT_ERR_NOMEM:
		break;
	default:
		mt_found_remedy(finding, "this takes %s", need->kernel);
	}
	mt_error_free(error);
}
