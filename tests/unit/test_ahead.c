/* SPDX-License-Identifier: MIT */
/*
 * How far a thread is foreseen: of code that is written here, and of programs that are stepped,
 * whose every instruction is held against what was said before.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "code_bytes.h"
#include "insn/ahead.h"
#include "target/process.h"
#include "target/tracee.h"
#include "unit.h"

/* ---- Code that is written here ------------------------------------------- */

#define CODE UINT64_C(0x401000)
#define STACK UINT64_C(0x7ffff000)
#define DATA UINT64_C(0x500000)

/* The registers of all that follows, but for flags: rbx points to the data, rsp to the stack. */
static struct mt_ahead look(const uint8_t *bytes, size_t len, uint64_t flags, uint8_t access)
{
	struct mt_regs regs = { .r = {
		                    [MT_REG_RIP] = CODE,
		                    [MT_REG_RSP] = STACK,
		                    [MT_REG_RBP] = STACK + 64,
		                    [MT_REG_RBX] = DATA,
		                    [MT_REG_RCX] = 4,
		                    [MT_REG_RDI] = DATA - 16,
		                    [MT_REG_RSI] = DATA - 64,
		                    [MT_REG_RAX] = CODE + 1,
		                    [MT_REG_RFLAGS] = flags,
		                } };
	struct code_bytes code = { CODE, bytes, len };
	const struct mt_ahead_range range = { DATA, 8, access };
	const struct mt_ahead_query query = { .regs = &regs,
		                              .fs_base = DATA - 0x100,
		                              .ranges = &range,
		                              .range_count = 1,
		                              .read_code = code_bytes_read,
		                              .arg = &code };
	struct mt_ahead_code *known = mt_ahead_code_create();
	struct mt_ahead ahead;

	ck_assert_ptr_nonnull(known);
	mt_ahead_look(known, &query, &ahead);
	mt_ahead_code_destroy(known);
	return ahead;
}

#define ZF 0x40

static const struct {
	const char *what;
	const uint8_t *bytes;
	size_t len;
	uint64_t flags;
	uint8_t access; /* that is not to be had */
	enum mt_ahead_how how;
	unsigned ends[MT_AHEAD_MAX_ENDS], counts[MT_AHEAD_MAX_ENDS];
} cases[] = {
	{ "nop; nop; mov %rax,(%rbx)",
	  BYTES(0x90, 0x90, 0x48, 0x89, 0x03),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { 2 },
	  { 2 } },
	{ "mov %rax,(%rbx)",
	  BYTES(0x48, 0x89, 0x03),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_CARE,
	  { 0 },
	  { 0 } },
	{ "mov (%rbx),%rax; syscall, for writes",
	  BYTES(0x48, 0x8b, 0x03, 0x0f, 0x05),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { 3 },
	  { 1 } },
	{ "mov (%rbx),%rax; syscall, for reads",
	  BYTES(0x48, 0x8b, 0x03, 0x0f, 0x05),
	  0,
	  MT_INSN_READ,
	  MT_AHEAD_CARE,
	  { 0 },
	  { 0 } },
	{ "mov %rax,8(%rbx); add $8,%rbx; mov %rax,(%rbx); mov %rax,-8(%rbx)",
	  BYTES(0x48, 0x89, 0x43, 0x08, 0x48, 0x83, 0xc3, 0x08, 0x48, 0x89, 0x03, 0x48, 0x89, 0x43,
	        0xf8),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { 11 },
	  { 3 } },
	{ "mov (%rsp),%rbx; mov %rax,64(%rbx)",
	  BYTES(0x48, 0x8b, 0x1c, 0x24, 0x48, 0x89, 0x43, 0x40),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { 4 },
	  { 1 } },
	{ "push %rbp; mov %rsp,%rbp; sub $0x10,%rsp; mov %rax,-8(%rbp); leave; push %rax; ret",
	  BYTES(0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10, 0x48, 0x89, 0x45, 0xf8, 0xc9, 0x50,
	        0xc3),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { 14 },
	  { 6 } },
	{ "ret", BYTES(0xc3), 0, MT_INSN_WRITE, MT_AHEAD_STEP, { 0 }, { 0 } },
	{ "ret, for reads of elsewhere",
	  BYTES(0xc3),
	  0,
	  MT_INSN_READ,
	  MT_AHEAD_STEP,
	  { 0 },
	  { 0 } },
	{ "je +1, taken; nop; nop; syscall",
	  BYTES(0x74, 0x01, 0x90, 0x90, 0x0f, 0x05),
	  ZF,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { 4 },
	  { 2 } },
	{ "je +1, not taken; nop; nop; syscall",
	  BYTES(0x74, 0x01, 0x90, 0x90, 0x0f, 0x05),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { 4 },
	  { 3 } },
	{ "test %ecx,%ecx; je +2; syscall; syscall",
	  BYTES(0x85, 0xc9, 0x74, 0x02, 0x0f, 0x05, 0x0f, 0x05),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { 6, 4 },
	  { 2, 2 } },
	{ "dec %ecx; jne -4",
	  BYTES(0xff, 0xc9, 0x75, 0xfc, 0x0f, 0x05),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { 2, 4 },
	  { 1, 2 } },
	{ "jmp .", BYTES(0xeb, 0xfe), 0, MT_INSN_WRITE, MT_AHEAD_STEP, { 0 }, { 0 } },
	{ "rep stosb of the four bytes before; syscall",
	  BYTES(0xf3, 0xaa, 0x0f, 0x05),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { 2 },
	  { 1 } },
	{ "rep stosl up to it; syscall",
	  BYTES(0xf3, 0xab, 0x0f, 0x05),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { 2 },
	  { 1 } },
	{ "rep stosq over it",
	  BYTES(0xf3, 0x48, 0xab, 0x0f, 0x05),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_CARE,
	  { 0 },
	  { 0 } },
	{ "mov %fs:0x100,%rdx, for reads",
	  BYTES(0x64, 0x48, 0x8b, 0x14, 0x25, 0x00, 0x01, 0, 0),
	  0,
	  MT_INSN_READ,
	  MT_AHEAD_CARE,
	  { 0 },
	  { 0 } },
	{ "mov %rdx,%fs:0x108; syscall",
	  BYTES(0x64, 0x48, 0x89, 0x14, 0x25, 0x08, 0x01, 0, 0, 0x0f, 0x05),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { 9 },
	  { 1 } },
	{ "pushf", BYTES(0x9c), 0, MT_INSN_WRITE, MT_AHEAD_CARE, { 0 }, { 0 } },
	{ "int3", BYTES(0xcc), 0, MT_INSN_WRITE, MT_AHEAD_CARE, { 0 }, { 0 } },
	{ "mov %al,(%rax): itself",
	  BYTES(0x88, 0x00),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_CARE,
	  { 0 },
	  { 0 } },
	/* The prefix is left out where ZF is set: an int3 on the cmpxchg would be one within it. */
	{ "test %ecx,%ecx; je +1; lock cmpxchg %ecx,(%rsi) and what may touch",
	  BYTES(0x85, 0xc9, 0x74, 0x01, 0xf0, 0x0f, 0xb1, 0x0e, 0x48, 0x89, 0x03),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { 8 },
	  { 3 } },
	{ "a call through a register, into itself",
	  BYTES(0xff, 0xd0),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_STEP,
	  { 0 },
	  { 0 } },
	{ "a jump through a register",
	  BYTES(0xff, 0xe6),
	  0,
	  MT_INSN_WRITE,
	  MT_AHEAD_RUN,
	  { DATA - 64 - CODE },
	  { 1 } },
};

static const struct mt_ahead_end *end_at(const struct mt_ahead *ahead, uint64_t addr)
{
	for (size_t i = 0; i < ahead->end_count; i++)
		if (ahead->ends[i].addr == addr)
			return &ahead->ends[i];
	return NULL;
}

START_TEST(code_is_foreseen)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct mt_ahead ahead =
		    look(cases[i].bytes, cases[i].len, cases[i].flags, cases[i].access);
		size_t count = 0;

		ck_assert_msg(ahead.how == cases[i].how, "%s: %d", cases[i].what, (int)ahead.how);
		while (count < MT_AHEAD_MAX_ENDS && cases[i].counts[count])
			count++;
		if (ahead.how != MT_AHEAD_RUN)
			continue;
		ck_assert_msg(ahead.end_count == count, "%s: %zu ends", cases[i].what,
		              ahead.end_count);
		for (size_t j = 0; j < count; j++) {
			const struct mt_ahead_end *end = end_at(&ahead, CODE + cases[i].ends[j]);

			ck_assert_msg(end && end->count == cases[i].counts[j], "%s: end %zu: %u",
			              cases[i].what, j, end ? end->count : 0);
		}
	}
}
END_TEST

/* ---- Programs that are stepped ------------------------------------------- */

#define INSTRUCTIONS 30000
#define MAX_AHEAD 400

struct stepped {
	pid_t pid;
	struct user_regs_struct user;
	struct mt_regs regs;
	struct mt_insn insn; /* that is next */
	struct mt_ahead_range range;
	uint32_t kept; /* registers that are not to be written */
	bool keeps_vectors;
	uint64_t state; /* of chance */
	unsigned long runs, instructions, foreseen;
};

static size_t read_program(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct stepped *stepped = arg;

	return mt_process_read_some(stepped->pid, addr, out, len);
}

static uint64_t chance(struct stepped *stepped, uint64_t below)
{
	stepped->state = stepped->state * 6364136223846793005u + 1442695040888963407u;
	return (stepped->state >> 33) % below;
}

/* False: what is next cannot be decoded. */
static bool stand(struct stepped *stepped)
{
	uint8_t code[MT_INSN_MAX_LEN];

	ck_assert(mt_tracee_user_regs(stepped->pid, &stepped->user));
	mt_regs_from_user(&stepped->user, &stepped->regs);
	if (!mt_insn_decode(
	        MT_MACHINE_X86_64, code,
	        mt_process_read_some(stepped->pid, stepped->user.rip, code, sizeof(code)),
	        stepped->user.rip, &stepped->insn))
		return false;
	mt_insn_resolve_segment(&stepped->insn, 'f', stepped->user.fs_base);
	mt_insn_resolve_segment(&stepped->insn, 'g', stepped->user.gs_base);
	return true;
}

/* False: it has ended, or got a signal. */
static bool step(struct stepped *stepped)
{
	int status;

	stepped->instructions++;
	return ptrace(PTRACE_SINGLESTEP, stepped->pid, NULL, NULL) == 0 &&
	       waitpid(stepped->pid, &status, 0) == stepped->pid && WIFSTOPPED(status) &&
	       WSTOPSIG(status) == SIGTRAP && stand(stepped);
}

/* What the program uses right now is what it is likely to use again. */
static void choose_range(struct stepped *stepped)
{
	uint64_t addr;

	if (stepped->insn.mem_count && chance(stepped, 8) == 0 &&
	    mt_insn_mem_addr_before(&stepped->insn, 0, &stepped->regs, &addr))
		stepped->range =
		    (struct mt_ahead_range){ addr - chance(stepped, 16), 1 + chance(stepped, 64),
			                     (uint8_t)(1 + chance(stepped, 3)) };
}

static void choose_registers(struct stepped *stepped)
{
	stepped->kept = chance(stepped, 2) ? 1u << chance(stepped, MT_REG_RIP) : 0;
	stepped->keeps_vectors = chance(stepped, 2);
}

/* Some places are not to be come by. */
static bool is_well(uint64_t pc)
{
	return pc % 61 != 0;
}

static bool stays(void *arg, const struct mt_regs *regs, uint32_t unknown)
{
	(void)arg;
	(void)unknown;
	return is_well(regs->r[MT_REG_RIP]);
}

/* The state of x87 and SSE behind the words of control. */
static void take_vectors(const struct stepped *stepped, struct user_fpregs_struct *vectors)
{
	ck_assert_int_eq(ptrace(PTRACE_GETFPREGS, stepped->pid, NULL, vectors), 0);
}

static void kept_all(const struct stepped *stepped, const struct mt_regs *before,
                     const struct user_fpregs_struct *vectors)
{
	struct user_fpregs_struct now;

	for (unsigned reg = 0; reg < MT_REG_RIP; reg++)
		if (stepped->kept >> reg & 1)
			ck_assert_msg(stepped->regs.r[reg] == before->r[reg],
			              "before %#lx register %u is written",
			              (unsigned long)stepped->user.rip, reg);
	if (!stepped->keeps_vectors)
		return;
	take_vectors(stepped, &now);
	ck_assert_msg(!memcmp(now.st_space, vectors->st_space, sizeof(now.st_space)) &&
	                  !memcmp(now.xmm_space, vectors->xmm_space, sizeof(now.xmm_space)),
	              "before %#lx a vector register is written", (unsigned long)stepped->user.rip);
}

static void touches_nothing(const struct stepped *stepped)
{
	unsigned did = mt_insn_will_touch(&stepped->insn, &stepped->regs, NULL, stepped->range.addr,
	                                  (size_t)stepped->range.len);

	ck_assert_msg(!(did & stepped->range.access), "%s at %#lx touches %#lx", stepped->insn.text,
	              (unsigned long)stepped->insn.addr, (unsigned long)stepped->range.addr);
}

/* It comes to one of the ends, by no fewer instructions than were told. A repetition is stepped as
 * one each time. */
static bool follow(struct stepped *stepped, const struct mt_ahead *ahead)
{
	uint64_t began = stepped->user.rip;
	const struct mt_regs before = stepped->regs;
	struct user_fpregs_struct vectors;
	const struct mt_ahead_end *end;
	unsigned long done = 0;

	take_vectors(stepped, &vectors);
	do {
		bool repeats = stepped->insn.rep;
		uint64_t pc = stepped->user.rip;

		touches_nothing(stepped);
		if (!step(stepped))
			return false;
		kept_all(stepped, &before, &vectors);
		if (repeats && stepped->user.rip == pc)
			continue;
		ck_assert(is_well(stepped->user.rip));
		done++;
		ck_assert_msg(done <= MAX_AHEAD, "from %#lx it comes to no end", (long)began);
	} while (!(end = end_at(ahead, stepped->user.rip)));
	ck_assert_uint_ge(done, end->count);
	stepped->foreseen += done;
	stepped->runs++;
	return true;
}

static bool move(struct stepped *stepped, struct mt_ahead_code *code)
{
	choose_range(stepped);
	choose_registers(stepped);

	const struct mt_ahead_query query = { .regs = &stepped->regs,
		                              .fs_base = stepped->user.fs_base,
		                              .gs_base = stepped->user.gs_base,
		                              .ranges = &stepped->range,
		                              .range_count = 1,
		                              .kept = stepped->kept,
		                              .keeps_vectors = stepped->keeps_vectors,
		                              .stays = stays,
		                              .read_code = read_program,
		                              .arg = stepped };
	struct mt_ahead ahead;

	mt_ahead_look(code, &query, &ahead);
	if (ahead.how == MT_AHEAD_CARE)
		mt_ahead_code_forget(code); /* it may have written code */
	else
		touches_nothing(stepped);
	return ahead.how == MT_AHEAD_RUN ? follow(stepped, &ahead) : step(stepped);
}

static void run(const char *path, uint64_t seed)
{
	char *const argv[] = { (char *)(uintptr_t)path, NULL };
	const struct mt_launch launch = {
		.path = path, .argv = argv, .out = "/dev/null", .open_files = { 1024, 1024 }
	};
	struct stepped stepped = { .state = seed };
	struct mt_ahead_code *code = mt_ahead_code_create();

	ck_assert_ptr_nonnull(code);
	MT_CK_OK(mt_tracee_launch(&launch, MT_TRACE_END_WITH_US, &stepped.pid));
	ck_assert(stand(&stepped));
	while (stepped.instructions < INSTRUCTIONS && move(&stepped, code))
		continue;
	kill(stepped.pid, SIGKILL);
	while (waitpid(stepped.pid, NULL, __WALL) == stepped.pid)
		continue;
	mt_ahead_code_destroy(code);
	ck_assert_uint_gt(stepped.runs, 100);
	ck_assert_uint_gt(stepped.foreseen, 2 * stepped.runs);
	if (getenv("MEMTRAP_AHEAD"))
		printf("%s: %lu instructions, %lu of them in %lu runs\n", path,
		       stepped.instructions, stepped.foreseen, stepped.runs);
}

/* MEMTRAP_AHEAD=PROGRAM in the environment chooses another one, which gets no arguments. */
START_TEST(a_program_does_what_was_foreseen)
{
	const char *path = getenv("MEMTRAP_AHEAD");

	run(path ? path : "/bin/ls", (uint64_t)_i);
}
END_TEST

MT_UNIT_MAIN("insn: ahead", code_is_foreseen, a_program_does_what_was_foreseen)
