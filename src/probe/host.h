/* SPDX-License-Identifier: MIT */
/*
 * What the machine and the kernel say of themselves and of this process (proc(5), capabilities(7)).
 */
#ifndef MT_PROBE_HOST_H
#define MT_PROBE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* The number that a file holds; false when it is not there, not ours to read, or no number. */
bool mt_host_number(const char *path, long *value);

/* The version of Linux as major * 1000 + minor: 6001 for 6.1; 0 when it does not say. */
unsigned mt_host_linux(void);

/*
 * `capability` is of linux/capability.h. CAP_SYS_ADMIN stands for CAP_PERFMON and CAP_BPF, as in
 * the kernel (perfmon_capable() and bpf_capable() in linux/capability.h).
 */
bool mt_host_can(int capability);

/* That capability itself: CAP_SYS_ADMIN stands for no other. */
bool mt_host_has(int capability);

/* Whether executing a program as root, or with file capabilities, could bring it. */
bool mt_host_could(int capability);

/* A seccomp filter watches over our system calls. */
bool mt_host_filtered(void);

/* Capabilities are of a user namespace, and don't count for perf and eBPF. */
bool mt_host_in_user_namespace(void);

/* Process ids here are not the machine's, but of that namespace. */
bool mt_host_pid_namespace(struct stat *namespace);

/* The kernel is locked down against reading its memory, by root too (kernel_lockdown(7)). */
bool mt_host_locked_down(void);

/* The processor says that a hypervisor runs it (CPUID leaf 1, ECX bit 31). */
bool mt_host_has_hypervisor(void);

/* The path of this program; "memtrap" when it is unknown. */
void mt_host_program(char *path, size_t size);

#endif
