/* SPDX-License-Identifier: MIT */
/*
 * Processes as /proc shows them (proc(5)), and their memory. Nothing here needs the process to be
 * stopped or traced.
 */
#ifndef MT_TARGET_PROCESS_H
#define MT_TARGET_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"
#include "x86/machine.h"

#define MT_COMM_LEN 16

/* Thread ids, in rising order. Zeroed: none. */
struct mt_tids {
	MT_VEC(pid_t) list;
};

/*
 * The threads that `pid` has now, as many as the kernel counts; a process that begins and ends
 * threads all the time may show a list that is already old. MT_ERR_NOT_FOUND: "there is no process
 * 4242".
 */
struct mt_error *mt_process_threads(pid_t pid, struct mt_tids *tids);
bool mt_tids_contains(const struct mt_tids *tids, pid_t tid);
void mt_tids_deinit(struct mt_tids *tids);

/*
 * Calls `each` once for every thread of `pid`: lists them, visits those that are new, and lists
 * again until a list brings none, or only threads for which `each` sets *done: those need no visit,
 * since they were born of one that was visited. Stops at the first error of `each`.
 */
typedef struct mt_error *(*mt_thread_visitor)(pid_t tid, bool *done, void *arg);

struct mt_error *mt_process_each_thread(pid_t pid, mt_thread_visitor each, void *arg);

/* The thread's name; "?" when it has gone. */
void mt_process_comm(pid_t tid, char comm[MT_COMM_LEN]);

/* The process that traces it, or 0. */
pid_t mt_process_tracer(pid_t tid);

/* Whether a seccomp filter watches over its system calls. */
bool mt_process_filtered(pid_t tid);

/* The process that thread `tid` is of, or 0 when it has gone. */
pid_t mt_process_of(pid_t tid);

/* The parent of the process, or 0. */
pid_t mt_process_parent(pid_t pid);

/* Whether both have one and the same memory (kcmp(2)), as after vfork(2) or clone(2) with CLONE_VM.
 */
bool mt_process_shares_memory(pid_t a, pid_t b);

/* In a child that was just forked by `parent`: it ends when that does, be it by SIGKILL. Nobody
 * would let it go otherwise where it stands for us, with our files open. */
void mt_process_end_with(pid_t parent);

/* The state letter of /proc/TID/stat ('R', 'S', 'T', 't', 'Z' …), or 0 when it has gone. */
char mt_process_state(pid_t tid);

/* Whether it waits in the kernel for something, be it a signal's arrival or a page's. */
bool mt_process_sleeps(pid_t tid);

/* Whether it has gone, or has ended and is not waited for yet. */
bool mt_process_has_ended(pid_t tid);

/* Where a thread that waits in the kernel will go on (proc_pid_syscall(5)); 0: it runs, or nobody
 * may know. */
uint64_t mt_process_pc(pid_t tid);

/* A number of /proc/PID/auxv (getauxval(3)), which has the process's own words; 0: not there. */
uint64_t mt_process_auxv(pid_t pid, enum mt_machine machine, uint64_t type);

/* What file descriptor `fd` of the process is: "/tmp/data", "pipe:[123]"; empty when unknown. */
void mt_process_fd_name(pid_t pid, int fd, char *name, size_t size);

/*
 * Reads `len` bytes at `addr`, all of them: process_vm_readv(2), else /proc/PID/mem.
 * MT_ERR_UNREADABLE: "cannot read 8 bytes at 0x7f12 in process 4242: Bad address".
 */
struct mt_error *mt_process_read(pid_t pid, uint64_t addr, void *out, size_t len);

/* Reads from `addr` on, up to the first page that cannot be read; at most `len` bytes, 64 KiB.
 * Returns how many were. */
size_t mt_process_read_some(pid_t pid, uint64_t addr, void *out, size_t len);

/* Writes `len` bytes at `addr`, read-only pages included where we trace the process
 * (proc_pid_mem(5)). MT_ERR_UNREADABLE as above; then a part may have been written. */
struct mt_error *mt_process_write(pid_t pid, uint64_t addr, const void *bytes, size_t len);

/* /proc/PID/mem, for who writes often; -1: it cannot be opened. The caller closes it. */
int mt_process_open_memory(pid_t pid, int flags);

#endif
