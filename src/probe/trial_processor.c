/* SPDX-License-Identifier: MIT */
/* Trials of what the processor has. (Intel SDM volume 2, CPUID; volume 1, chapter 13, XSAVE.) */
#include <cpuid.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe/trial_private.h"

enum {
	LEAF_FEATURES = 1,
	LEAF_EXTENDED = 7,
	LEAF_XSAVE = 0xd,
	LEAF_HYPERVISOR = 0x40000000,
	HYPERVISOR_BIT = 31, /* of LEAF_FEATURES, ecx */
	PKU_BIT = 3,         /* of LEAF_EXTENDED, ecx */
	AMX_TILE_BIT = 24,   /* of LEAF_EXTENDED, edx */
};

/* ---- Protection keys ----------------------------------------------------- */

static sigjmp_buf refused;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	siglongjmp(refused, info->si_code == SEGV_PKUERR ? 1 : 2);
}

/* Reads from a page that its key closes: whether the key is what stopped it. */
static bool key_stops_read(const volatile uint8_t *page)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	int how;

	sigaction(SIGSEGV, &action, NULL);
	how = sigsetjmp(refused, 1);
	if (how == 0)
		(void)*page;
	return how == 1;
}

static void found_no_keys(struct mt_finding *finding, int err)
{
	unsigned a, b, c = 0, d;

	__get_cpuid_count(LEAF_EXTENDED, 0, &a, &b, &c, &d);
	if (c >> PKU_BIT & 1) {
		mt_found(finding, MT_TRIAL_NO, "pkey_alloc: %s", strerror(err));
		mt_found_remedy(finding, "this takes a kernel with "
		                         "CONFIG_X86_INTEL_MEMORY_PROTECTION_KEYS, and none of its "
		                         "15 keys in use");
	} else {
		mt_found(finding, MT_TRIAL_NO, "the processor has no PKU");
		mt_found_remedy(finding, "use a machine with PKU: Intel since 2017 (servers) and "
		                         "2020, AMD since Zen 3; a hypervisor may hide it");
	}
}

void mt_trial_protection_keys(struct mt_finding *finding)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	int key = pkey_alloc(0, PKEY_DISABLE_ACCESS);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (key < 0 || page == MAP_FAILED ||
	    pkey_mprotect(page, size, PROT_READ | PROT_WRITE, key) < 0) {
		found_no_keys(finding, errno);
		return;
	}
	if (key_stops_read(page))
		mt_found(finding, MT_TRIAL_OK, "a page closed by its key could not be read");
	else
		mt_found(finding, MT_TRIAL_NO, "a page closed by its key was open");
}

/* ---- CPUID --------------------------------------------------------------- */

void mt_trial_xsave(struct mt_finding *finding)
{
	unsigned a, b, c, d, edx = 0;

	if (__get_cpuid_count(LEAF_EXTENDED, 0, &a, &b, &c, &d))
		edx = d;
	if (!__get_cpuid_count(LEAF_XSAVE, 0, &a, &b, &c, &d) || b == 0) {
		mt_found(finding, MT_TRIAL_NO, "the processor has none");
		return;
	}
	mt_found(finding, MT_TRIAL_OK, "%u bytes are in use, of %u at most; %s AMX", b, c,
	         edx >> AMX_TILE_BIT & 1 ? "with" : "without");
}

void mt_trial_hypervisor(struct mt_finding *finding)
{
	unsigned a, b, c, d;
	char vendor[13] = "";

	if (!__get_cpuid(LEAF_FEATURES, &a, &b, &c, &d) || !(c >> HYPERVISOR_BIT & 1)) {
		mt_found(finding, MT_TRIAL_OK, "none tells of itself: a machine of its own");
		return;
	}
	__cpuid(LEAF_HYPERVISOR, a, b, c, d);
	memcpy(vendor, &b, 4);
	memcpy(vendor + 4, &c, 4);
	memcpy(vendor + 8, &d, 4);
	mt_found(finding, MT_TRIAL_OK, "a virtual machine: %s", vendor);
}
