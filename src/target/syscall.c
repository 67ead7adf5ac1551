/* SPDX-License-Identifier: MIT */
#include "target/syscall.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Made at build time from asm/unistd_64.h and asm/unistd_32.h: [0] = "read", … */
static const char *const names_64[] = {
#include "syscall_names_64.inc"
};

static const char *const names_32[] = {
#include "syscall_names_32.inc"
};

/*
 * The arguments of the calls that write to the caller's memory: a letter each; f file descriptor, p
 * pointer, n size or count, d decimal, x hexadecimal.
 */
struct signature {
	const char *name;
	const char *args;
};

static const struct signature signatures[] = {
	{ "read", "fpn" },
	{ "pread64", "fpnd" },
	{ "readv", "fpn" },
	{ "preadv", "fpndd" },
	{ "preadv2", "fpnddx" },
	{ "recvfrom", "fpnxpp" },
	{ "recvmsg", "fpx" },
	{ "recvmmsg", "fpnxp" },
	{ "getrandom", "pnx" },
	{ "ioctl", "fxp" },
	{ "fstat", "fp" },
	{ "stat", "pp" },
	{ "lstat", "pp" },
	{ "newfstatat", "fppx" },
	{ "statx", "fpxxp" },
	{ "getdents64", "fpn" },
	{ "poll", "pnd" },
	{ "ppoll", "pnppn" },
	{ "select", "npppp" },
	{ "epoll_wait", "fpnd" },
	{ "clock_gettime", "dp" },
	{ "gettimeofday", "pp" },
	{ "nanosleep", "pp" },
	{ "wait4", "dpxp" },
	{ "pipe", "p" },
	{ "pipe2", "px" },
	{ "accept", "fpp" },
	{ "accept4", "fppx" },
	{ "getsockname", "fpp" },
	{ "getpeername", "fpp" },
	{ "getsockopt", "fddpp" },
	{ "uname", "p" },
	{ "getcwd", "pn" },
	{ "readlink", "ppn" },
	{ "sysinfo", "p" },
	{ "getrusage", "dp" },
	{ "prlimit64", "ddpp" },
	{ "rt_sigaction", "dppn" },
	{ "rt_sigprocmask", "dppn" },
	{ "futex", "pdxppx" },
	{ "set_tid_address", "p" },
	{ "clone", "xpppx" },
	{ "clone3", "pn" },
	{ "fgetxattr", "fppn" },
	{ "statfs", "pp" },
	{ "fstatfs", "fp" },
	{ "time", "p" },
	{ "socketpair", "dddp" },
	{ "sched_getaffinity", "dnp" },
	{ "process_vm_readv", "dpnpnx" },
	{ "mmap", "pnxxfx" },
	{ "mmap2", "pnxxfx" },
	{ "munmap", "pn" },
	{ "mremap", "pnnxp" },
	{ "madvise", "pnd" },
	{ "brk", "p" },
	{ "shmat", "dpx" },
	{ "shmdt", "p" },
};

/* Calls that i386 has alone, or that take a 64-bit number there in two halves. */
static const struct signature signatures_32[] = {
	{ "pread64", "fpnxx" },
	{ "_llseek", "fxxpd" },
	{ "_newselect", "npppp" },
	{ "socketcall", "dp" },
	{ "waitpid", "dpx" },
	{ "stat64", "pp" },
	{ "lstat64", "pp" },
	{ "fstat64", "fp" },
	{ "fstatat64", "fppx" },
	{ "statfs64", "pnp" },
	{ "fstatfs64", "fnp" },
	{ "ugetrlimit", "dp" },
	{ "clock_gettime64", "dp" },
	{ "clock_nanosleep_time64", "dxpp" },
	{ "futex_time64", "pdxppx" },
	{ "ppoll_time64", "pnppn" },
	{ "pselect6_time64", "nppppp" },
	{ "recvmmsg_time64", "fpnxp" },
	{ "olduname", "p" },
};

static const char *find_args(const struct signature *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(table[i].name, name) == 0)
			return table[i].args;
	return NULL;
}

#define FIND_ARGS(table, name) find_args(table, sizeof(table) / sizeof(*(table)), name)

static const char *signature_of(enum mt_machine machine, const char *name)
{
	const char *args = machine == MT_MACHINE_I386 ? FIND_ARGS(signatures_32, name) : NULL;

	return args ? args : FIND_ARGS(signatures, name);
}

const char *mt_syscall_name(enum mt_machine machine, uint64_t number)
{
	static char unknown[40];
	bool wide = machine == MT_MACHINE_X86_64;
	const char *const *names = wide ? names_64 : names_32;
	size_t count =
	    wide ? sizeof(names_64) / sizeof(*names_64) : sizeof(names_32) / sizeof(*names_32);

	if (number < count && names[number])
		return names[number];
	snprintf(unknown, sizeof(unknown), "syscall_%lu", (unsigned long)number);
	return unknown;
}

enum mt_reg mt_syscall_arg(enum mt_machine machine, unsigned i)
{
	static const uint8_t order_64[6] = { MT_REG_RDI, MT_REG_RSI, MT_REG_RDX,
		                             MT_REG_R10, MT_REG_R8,  MT_REG_R9 };
	static const uint8_t order_32[6] = { MT_REG_RBX, MT_REG_RCX, MT_REG_RDX,
		                             MT_REG_RSI, MT_REG_RDI, MT_REG_RBP };

	return (enum mt_reg)(machine == MT_MACHINE_X86_64 ? order_64[i] : order_32[i]);
}

void mt_syscall_args(enum mt_machine machine, const struct mt_regs *regs, uint64_t args[6])
{
	for (unsigned i = 0; i < 6; i++)
		args[i] = mt_machine_wrap(machine, regs->r[mt_syscall_arg(machine, i)]);
}

bool mt_syscall_takes_fd(enum mt_machine machine, uint64_t number)
{
	const char *args = signature_of(machine, mt_syscall_name(machine, number));

	return args && args[0] == 'f';
}

static void format_arg(char letter, uint64_t value, const char *fd_name, struct mt_buf *out)
{
	switch (letter) {
	case 'f':
		mt_buf_printf(out, "%d", (int)value);
		if (*fd_name)
			mt_buf_printf(out, " <%s>", fd_name);
		break;
	case 'd':
		mt_buf_printf(out, "%d", (int)value);
		break;
	case 'n':
		mt_buf_dec(out, value);
		break;
	default:
		if (value || letter == 'x')
			mt_buf_hex(out, value);
		else
			mt_buf_text(out, "NULL");
	}
}

void mt_syscall_format(enum mt_machine machine, uint64_t number, const uint64_t args[6],
                       const char *fd_name, struct mt_buf *out)
{
	const char *name = mt_syscall_name(machine, number);
	const char *letters = signature_of(machine, name);

	if (!letters)
		letters = "xxxxxx";
	mt_buf_text(out, name);
	mt_buf_char(out, '(');
	for (size_t i = 0; letters[i]; i++) {
		if (i)
			mt_buf_text(out, ", ");
		format_arg(letters[i], args[i], fd_name, out);
	}
	mt_buf_char(out, ')');
}
