/* SPDX-License-Identifier: MIT */
/*
 * What test_unwind.c is made of: programs are run one instruction at a time. A shadow stack is kept
 * from what the processor does: it grows when a call has pushed a return address or the kernel has
 * entered a signal handler, and shrinks when rsp has passed an entry. After each instruction the
 * walk must tell the same.
 */
#ifndef MT_TESTS_STEPPING_H
#define MT_TESTS_STEPPING_H

#include <elf.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "symbol/unwind.h"
#include "unit.h"

#define MAX_FRAMES 64
#define RED_ZONE 128
#define COPY_LEN 65536
#define MAX_STEPS 400000
#define INT3 0xcc

struct entry {
	uint64_t pc;
	uint64_t slot; /* the address that the frame ends with: rsp is higher afterwards */
	enum {
		CALLED,
		RESTORER, /* a signal handler returns here */
		INTERRUPTED,
	} how;
};

/* How exact a program can be followed. */
enum precision {
	EVERYWHERE,
	NO_CFI_IN_STUBS,  /* linkers write none for the PLT of static programs */
	IN_EXECUTABLE,    /* the library switches stacks by hand */
	OF_I386,          /* its libc's memcpy has wrong CFI, most of its vDSO none */
	BY_FRAME_POINTER, /* no CFI: before the frame pointer is set up, the caller is missed */
};

struct run {
	pid_t pid;
	pid_t tid; /* the thread that is stepped */
	enum precision precision;
	struct mt_image *image;
	size_t word; /* bytes of a slot of its stack */
	struct mt_regs regs;
	uint8_t code[16]; /* at pc */
	uint8_t bytes[RED_ZONE + COPY_LEN];
	struct mt_stack_copy copy;      /* from rsp */
	struct mt_stack_copy with_zone; /* from the red zone below it */
	MT_VEC(struct entry) shadow;    /* the innermost last */
	unsigned steps, walks, simple_walks, wrong;
	struct mt_buf report;
};

/* ---- The traced program -------------------------------------------------- */

static size_t read_memory(const struct run *run, uint64_t addr, void *out, size_t len)
{
	struct iovec local = { out, len }, remote = { (void *)(uintptr_t)addr, len };
	ssize_t n = process_vm_readv(run->tid, &local, 1, &remote, 1, 0);

	return n < 0 ? 0 : (size_t)n;
}

static uint64_t read_word(const struct run *run, uint64_t addr)
{
	uint64_t word = 0;

	ck_assert_uint_eq(read_memory(run, addr, &word, run->word), run->word);
	return word;
}

static void read_state(struct run *run)
{
	struct user_regs_struct u;
	size_t got, len = sizeof(run->bytes);

	ck_assert_int_eq(ptrace(PTRACE_GETREGS, run->tid, NULL, &u), 0);
	run->regs =
	    (struct mt_regs){ { u.rax, u.rdx, u.rcx, u.rbx, u.rsi, u.rdi, u.rbp, u.rsp, u.r8, u.r9,
		                u.r10, u.r11, u.r12, u.r13, u.r14, u.r15, u.rip, u.eflags } };
	read_memory(run, u.rip, run->code, sizeof(run->code));
	if (run->shadow.len && run->shadow.data[0].slot - u.rsp < COPY_LEN)
		len = RED_ZONE + run->shadow.data[0].slot + 8 - u.rsp;
	got = read_memory(run, u.rsp - RED_ZONE, run->bytes, len);
	ck_assert_uint_gt(got, RED_ZONE);
	run->with_zone = (struct mt_stack_copy){ run->bytes, u.rsp - RED_ZONE, got };
	run->copy = (struct mt_stack_copy){ run->bytes + RED_ZONE, u.rsp, got - RED_ZONE };
}

static bool is_marker(pid_t tid)
{
	siginfo_t info;

	return ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) == 0 && info.si_signo == SIGTRAP &&
	       info.si_code == SI_KERNEL;
}

static void fixture_path(const char *name, char *path, size_t size)
{
	char self[PATH_MAX] = { 0 };

	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	snprintf(path, size, "%s/unwind-data/%s", dirname(self), name);
}

/* Starts the program and lets it run to STEPS_BEGIN, in whichever thread. */
static void run_start(struct run *run, const char *name)
{
	char path[PATH_MAX + 64];
	int status;

	fixture_path(name, path, sizeof(path));
	run->pid = fork();
	if (run->pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(run->pid, &status, 0), run->pid);
	ck_assert_msg(WIFSTOPPED(status), "%s does not start", path);
	ptrace(PTRACE_SETOPTIONS, run->pid, NULL, PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
	run->tid = run->pid;
	do {
		ck_assert_int_eq(ptrace(PTRACE_CONT, run->tid, NULL, NULL), 0);
		run->tid = waitpid(-1, &status, __WALL);
		ck_assert_msg(run->tid > 0 && WIFSTOPPED(status), "%s ended early", path);
	} while (!is_marker(run->tid));
	MT_CK_OK(mt_image_create(run->pid, &run->image));
	run->word = mt_machine_word(mt_image_machine(run->image));
	read_state(run);
}

static void run_end(struct run *run)
{
	kill(run->pid, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0)
		;
	mt_image_destroy(run->image);
	mt_vec_deinit(&run->shadow);
	mt_buf_deinit(&run->report);
}

static uint64_t program_entry(const struct run *run)
{
	char path[64];
	uint64_t type = 0, value = 0;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)run->pid);
	FILE *file MT_AUTO_FILE = fopen(path, "rb");
	while (file && type != AT_ENTRY && fread(&type, run->word, 1, file) == 1)
		ck_assert_uint_eq(fread(&value, run->word, 1, file), 1);
	return value;
}

/* ---- The shadow stack ---------------------------------------------------- */

static void shadow_push(struct run *run, struct entry entry)
{
	ck_assert(mt_vec_push(&run->shadow, entry));
}

/* A REX prefix, which in 32-bit code is an instruction. */
static bool is_rex(const struct run *run, uint8_t byte)
{
	return run->word == 8 && (byte & 0xf0) == 0x40;
}

static bool is_call(const struct run *run)
{
	const uint8_t *code = run->code;

	/* Operand size, address size (where ld makes a direct call of one through the GOT), bnd,
	 * notrack, gs: where i386 has the vDSO's entry. */
	while (*code == 0x66 || *code == 0x67 || *code == 0xf2 || *code == 0x3e || *code == 0x65 ||
	       is_rex(run, *code))
		code++;
	return code[0] == 0xe8 || (code[0] == 0xff && (code[1] >> 3 & 7) == 2);
}

static bool is_pop(const struct run *run)
{
	return (run->code[is_rex(run, run->code[0])] & 0xf8) == 0x58;
}

static struct entry *shadow_top(struct run *run)
{
	return run->shadow.len ? &run->shadow.data[run->shadow.len - 1] : NULL;
}

/* What rsp has passed is gone: by ret, longjmp, an exception or sigreturn. Only who pops a return
 * address is still in the function. A handler may change where the interrupted code goes on. */
static void shadow_trim(struct run *run, bool pop)
{
	struct entry *top;
	uint64_t end = run->regs.r[MT_REG_RSP] - (pop ? run->word : 0);

	while ((top = shadow_top(run)) && top->slot < end)
		run->shadow.len--;
	for (size_t i = 0; i < run->shadow.len; i++)
		if (run->shadow.data[i].how == INTERRUPTED)
			run->shadow.data[i].pc = read_word(run, run->shadow.data[i].slot);
}

/*
 * Where the kernel keeps the interrupted rip in a signal frame that starts at rsp: after the return
 * address, uc_flags, uc_link, uc_stack and 16 registers. On i386 14 words of struct sigcontext come
 * before eip, and before them the handler's argument, or its three, a siginfo, and the same again.
 */
#define SAVED_RIP (8 + 40 + 16 * 8)
#define SAVED_EIP (4 + 4 + 14 * 4)
#define SAVED_EIP_SIGINFO (4 + 12 + 128 + 20 + 14 * 4)

/* The restorer of a handler with one argument takes that away first: pop %eax. */
static uint64_t saved_pc(const struct run *run, uint64_t rsp)
{
	uint8_t byte = 0;

	if (run->word == 8)
		return rsp + SAVED_RIP;
	read_memory(run, read_word(run, rsp), &byte, 1);
	return rsp + (byte == 0x58 ? SAVED_EIP : SAVED_EIP_SIGINFO);
}

/* One instruction, or the entry into a signal handler. False at STEPS_END. */
static bool run_step(struct run *run, int *signal)
{
	uint64_t pc = run->regs.r[MT_REG_RIP], rsp = run->regs.r[MT_REG_RSP];
	bool call = is_call(run), pop = is_pop(run);
	int status, delivered = *signal;

	if (run->code[0] == INT3)
		return false;
	ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, run->tid, NULL, delivered), 0);
	ck_assert_int_eq(waitpid(run->tid, &status, __WALL), run->tid);
	ck_assert_msg(WIFSTOPPED(status), "the program ended early");
	*signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
	read_state(run);
	rsp -= run->word;
	if (delivered) {
		rsp = run->regs.r[MT_REG_RSP];
		shadow_push(run, (struct entry){ pc, saved_pc(run, rsp), INTERRUPTED });
		shadow_push(run, (struct entry){ read_word(run, rsp), rsp, RESTORER });
	} else if (call && run->regs.r[MT_REG_RSP] == rsp &&
	           read_word(run, rsp) != run->regs.r[MT_REG_RIP]) {
		/* A call of what follows it is how i386 code may learn its own address. */
		shadow_push(run, (struct entry){ read_word(run, rsp), rsp, CALLED });
	}
	shadow_trim(run, pop);
	return true;
}

/* The frames outside the one that has STEPS_BEGIN, once checked, are the same at every step. */
static void shadow_start(struct run *run)
{
	uint64_t frames[MAX_FRAMES], slot = run->copy.addr;
	bool truncated = true;
	size_t count =
	    mt_unwind(run->image, &run->regs, &run->copy, frames, MAX_FRAMES, &truncated);

	ck_assert_uint_ge(count, 3);
	ck_assert(!truncated);
	ck_assert_uint_eq(frames[1], run->regs.r[MT_REG_RAX]);
	if (run->tid == run->pid) {
		ck_assert_uint_gt(frames[count - 1], program_entry(run));
		ck_assert_uint_lt(frames[count - 1], program_entry(run) + 64);
	}
	for (size_t i = count - 1; i > 0; i--)
		shadow_push(run, (struct entry){ frames[i], 0, CALLED });
	for (size_t i = 1; i < count; i++) {
		while (read_word(run, slot) != frames[i])
			slot += run->word;
		run->shadow.data[count - 1 - i].slot = slot;
		slot += run->word;
	}
}

/* ---- The comparison ------------------------------------------------------ */

static const struct entry *expected(const struct run *run, size_t frame)
{
	return &run->shadow.data[run->shadow.len - frame];
}

/* How many frames the copy has: a signal handler's own stack ends before those outside it. */
static size_t expected_count(const struct run *run)
{
	uint64_t end = run->copy.addr + run->copy.len;
	size_t count = 1;

	while (count <= run->shadow.len && expected(run, count)->slot < end)
		count++;
	return count;
}

static void complain(struct run *run, const char *what, size_t frame, uint64_t got)
{
	uint64_t pc = run->regs.r[MT_REG_RIP];
	const struct mt_module *module = mt_image_module_at(run->image, pc);

	if (run->wrong++ > 4)
		return;
	mt_buf_printf(&run->report, "\n%s at step %u, pc %s+%#lx, frame %zu of %zu: %#lx, not %#lx",
	              what, run->steps, module ? module->name : "?",
	              pc - (module ? module->bias : 0), frame, run->shadow.len, got,
	              frame && frame <= run->shadow.len ? expected(run, frame)->pc : 0);
}

static void check_walk(struct run *run)
{
	uint64_t frames[MAX_FRAMES];
	size_t wanted = expected_count(run), count;
	bool truncated;

	count = mt_unwind(run->image, &run->regs, &run->copy, frames, MAX_FRAMES, &truncated);
	run->walks++;
	for (size_t i = 1; i < count && i < wanted; i++) {
		if (frames[i] != expected(run, i)->pc) {
			complain(run, "wrong frame", i, frames[i]);
			return;
		}
		if (mt_cfi_is_signal_frame(run->image, frames[i]) !=
		    (expected(run, i)->how == RESTORER))
			complain(run, "signal frame", i, frames[i]);
	}
	if (count != wanted)
		complain(run, "number of frames", count, 0);
	else if (truncated != (wanted <= run->shadow.len))
		complain(run, "truncated", count, truncated);
}

static bool word_at(const struct run *run, uint64_t addr, uint64_t *word)
{
	const struct mt_stack_copy *copy = &run->with_zone;

	if (addr < copy->addr || addr - copy->addr > copy->len - run->word)
		return false;
	*word = 0;
	memcpy(word, copy->bytes + (addr - copy->addr), run->word);
	return true;
}

/* The walk as an eBPF program does it: simple rules and two registers. */
static void check_simple_walk(struct run *run)
{
	uint64_t pc = run->regs.r[MT_REG_RIP], rsp = run->regs.r[MT_REG_RSP];
	uint64_t rbp = run->regs.r[MT_REG_RBP], cfa;
	struct mt_cfi_rule rule;
	size_t frame = 1;

	for (;; frame++) {
		mt_cfi_rule_at(run->image, frame == 1 ? pc : pc - 1, &rule);
		if (rule.kind != MT_CFI_SIMPLE)
			break;
		cfa = (rule.cfa_reg == MT_REG_RSP ? rsp : rbp) + (uint64_t)(int64_t)rule.cfa_offset;
		if (!word_at(run, cfa - run->word, &pc))
			break;
		if (frame > run->shadow.len || pc != expected(run, frame)->pc) {
			complain(run, "wrong simple frame", frame, pc);
			return;
		}
		if (rule.rbp_saved && !word_at(run, cfa + (uint64_t)(int64_t)rule.rbp_offset, &rbp))
			break;
		rsp = cfa;
	}
	if (rule.kind == MT_CFI_END) {
		run->simple_walks++;
		if (frame != run->shadow.len + 1)
			complain(run, "simple walk ended", frame, pc);
	}
}

static bool starts_with(const uint8_t *code, const char *bytes, size_t len)
{
	return memcmp(code, bytes, len) == 0;
}

static bool is_in(const struct run *run, const char *name)
{
	const struct mt_module *module = mt_image_module_at(run->image, run->regs.r[MT_REG_RIP]);

	return module && strcmp(module->name, name) == 0;
}

static bool is_judged(const struct run *run)
{
	bool in_executable = mt_image_module_at(run->image, run->regs.r[MT_REG_RIP]) ==
	                     mt_image_executable(run->image);
	struct mt_cfi_rule rule;

	mt_cfi_rule_at(run->image, run->regs.r[MT_REG_RIP], &rule);
	if (run->precision == IN_EXECUTABLE)
		return in_executable;
	if (run->precision == OF_I386)
		return !is_in(run, "libc.so.6") &&
		       (!is_in(run, "[vdso]") || rule.kind != MT_CFI_NONE);
	if (run->precision == NO_CFI_IN_STUBS)
		return rule.kind != MT_CFI_NONE || !starts_with(run->code, "\xff\x25", 2);
	if (run->precision == BY_FRAME_POINTER)
		return !starts_with(run->code, "\xf3\x0f\x1e\xfa", 4) && /* endbr64 */
		       !starts_with(run->code, "\x55", 1) &&             /* push %rbp */
		       !starts_with(run->code, "\x48\x89\xe5", 3);       /* mov %rsp, %rbp */
	return true;
}

static void step_through(const char *name, enum precision precision, unsigned min_simple_percent)
{
	struct run run = { .precision = precision };
	int signal = 0;

	run_start(&run, name);
	shadow_start(&run);
	while (run_step(&run, &signal)) {
		ck_assert_msg(run.steps++ < MAX_STEPS, "%s: does not end", name);
		if (!is_judged(&run))
			continue;
		check_walk(&run);
		check_simple_walk(&run);
	}
	ck_assert_msg(run.wrong == 0, "%s: %u wrong in %u walks%s", name, run.wrong, run.walks,
	              run.report.data ? run.report.data : "");
	ck_assert_msg(run.walks > 100, "%s: only %u walks", name, run.walks);
	ck_assert_msg(run.simple_walks * 100 >= run.walks * min_simple_percent,
	              "%s: only %u of %u walks by simple rules", name, run.simple_walks, run.walks);
	run_end(&run);
}

#endif
