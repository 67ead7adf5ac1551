/* SPDX-License-Identifier: MIT */
#include "probe/host.h"

#include <cpuid.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Reads a small file; the text ends with a NUL, and is empty on failure. */
static void read_text(const char *path, char *text, size_t size)
{
	int fd MT_AUTO_FD = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, text, size - 1);

	text[len > 0 ? len : 0] = '\0';
}

bool mt_host_number(const char *path, long *value)
{
	char text[64], *end;
	long number;

	read_text(path, text, sizeof(text));
	errno = 0;
	number = strtol(text, &end, 10);
	if (end == text || errno)
		return false;
	*value = number;
	return true;
}

unsigned mt_host_linux(void)
{
	struct utsname name;
	unsigned major = 0, minor = 0;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return 0;
	return major * 1000 + minor;
}

/* A number of /proc/self/status; `key` is the line's begin. 0 when it is not there. */
static uint64_t status_number(const char *key, int base)
{
	char text[4096];
	const char *line;

	read_text("/proc/self/status", text, sizeof(text));
	line = strstr(text, key);
	return line ? strtoull(line + strlen(key), NULL, base) : 0;
}

static bool has(uint64_t set, int capability)
{
	bool admin_will_do = capability == CAP_PERFMON || capability == CAP_BPF;

	return set >> capability & 1 || (admin_will_do && set >> CAP_SYS_ADMIN & 1);
}

bool mt_host_can(int capability)
{
	return has(status_number("\nCapEff:", 16), capability);
}

bool mt_host_has(int capability)
{
	return status_number("\nCapEff:", 16) >> capability & 1;
}

bool mt_host_could(int capability)
{
	return has(status_number("\nCapBnd:", 16), capability);
}

bool mt_host_filtered(void)
{
	return status_number("\nSeccomp:", 10) != 0;
}

/* The first user namespace maps all ids onto themselves (user_namespaces(7)). */
bool mt_host_in_user_namespace(void)
{
	unsigned long inside = 0, outside = 0, count = UINT32_MAX;
	char text[128];

	read_text("/proc/self/uid_map", text, sizeof(text));
	sscanf(text, "%lu %lu %lu", &inside, &outside, &count);
	return inside != 0 || outside != 0 || count != UINT32_MAX;
}

/* The first pid namespace's inode is fixed (linux/proc_ns.h, PROC_PID_INIT_INO). */
bool mt_host_pid_namespace(struct stat *namespace)
{
	return stat("/proc/self/ns/pid", namespace) == 0 && namespace->st_ino != 0xeffffffc;
}

bool mt_host_locked_down(void)
{
	char text[128];

	read_text("/sys/kernel/security/lockdown", text, sizeof(text));
	return strstr(text, "[confidentiality]") != NULL;
}

bool mt_host_has_hypervisor(void)
{
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & (1U << 31);
}

void mt_host_program(char *path, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", path, size - 1);

	if (len > 0)
		path[len] = '\0';
	else
		snprintf(path, size, "memtrap");
}
