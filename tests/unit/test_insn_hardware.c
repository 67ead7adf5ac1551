/* SPDX-License-Identifier: MIT */
/*
 * The processor as referee. Each instruction of the tables is run in a traced child, again and
 * again, with the debug registers on every word of an arena and then on every byte of the words
 * that were hit: what trapped is what was accessed. The decoder must say the same of every byte,
 * from the registers before and after; it must name the instruction, and the value it stored.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "insn/insn.h"
#include "insn_hardware_cases.h"
#include "insn_hardware_cases_i386.h"
#include "insn_hardware_state.h"
#include "target/tracee.h"
#include "unit.h"
#include "x86/debugreg.h"

/* ---- The instructions ---------------------------------------------------- */

/* Before each, and after, other instructions, as in a function. */
#define EMIT(name, text, ...)                                                                      \
	__asm__(".pushsection .text.hw_cases, \"ax\"\n"                                            \
	        ".globl hw_" #name "_start, hw_" #name "_insn, hw_" #name "_end\n"                 \
	        "hw_" #name "_start:\n"                                                            \
	        "	push %rbp\n"                                                                     \
	        "	mov %rsp, %rbp\n"                                                                \
	        "	movabs $0x9090909090909090, %rax\n"                                              \
	        "	nopw 0(%rax,%rax)\n"                                                             \
	        "hw_" #name "_insn:\n"                                                             \
	        "	" text "\n"                                                                \
	        "hw_" #name "_end:\n"                                                              \
	        "	int3\n"                                                                          \
	        ".popsection\n");

/* Code for i386, which runs from a copy below 4 GiB. */
#define EMIT_I386(name, text, ...)                                                                 \
	__asm__(".pushsection .text.hw32_cases, \"ax\"\n"                                          \
	        ".code32\n"                                                                        \
	        ".globl hw_i386_" #name "_start, hw_i386_" #name "_insn, hw_i386_" #name "_end\n"  \
	        "hw_i386_" #name "_start:\n"                                                       \
	        "	push %ebp\n"                                                                     \
	        "	mov %esp, %ebp\n"                                                                \
	        "	inc %eax\n" /* in 64-bit code a prefix of what follows */                  \
	        "hw_i386_" #name "_insn:\n"                                                        \
	        "	" text "\n"                                                                \
	        "hw_i386_" #name "_end:\n"                                                         \
	        "	int3\n"                                                                          \
	        ".code64\n"                                                                        \
	        ".popsection\n");

#define DECLARE_I386(name, ...) DECLARE(i386_##name)
#define DECLARE(name, ...)                                                                         \
	extern const uint8_t hw_##name##_start[], hw_##name##_insn[], hw_##name##_end[];

#define ROW(name, text, written, accessed, flags)                                                  \
	{ #name, hw_##name##_start, hw_##name##_insn, hw_##name##_end, written, accessed, flags },

#define ROW_I386(name, text, written, accessed, flags)                                             \
	ROW(i386_##name, text, written, accessed, (flags) | LOW | I386)

__asm__(".pushsection .text.hw_cases, \"ax\"\n"
        ".globl hw_target, hw_landing\n"
        "hw_target:	int3\n"
        "hw_landing:	int3\n"
        ".popsection\n");
CASES(EMIT)

__asm__(".pushsection .text.hw32_cases, \"ax\"\n"
        ".globl hw32_target, hw32_end\n"
        "hw32_target:	int3\n"
        ".popsection\n");
CASES_I386(EMIT_I386)
__asm__(".pushsection .text.hw32_cases, \"ax\"\n"
        "hw32_end:	int3\n"
        ".popsection\n");

extern const uint8_t hw_target[], hw_landing[];
extern const uint8_t hw32_target[], hw32_end[];
CASES(DECLARE)
CASES_I386(DECLARE_I386)

struct hw_case {
	const char *name;
	const uint8_t *start, *insn, *end;
	unsigned written, accessed;
	unsigned flags;
};

static const struct hw_case cases[] = { CASES(ROW) CASES_I386(ROW_I386) };

/* ---- The arena and the child --------------------------------------------- */

#define ARENA 4096
#define WORDS (ARENA / 8)

/* One page of shared memory is mapped over it, and once more below 4 GiB. */
extern uint8_t hw_arena[];
__asm__(".pushsection .bss.hw_arena, \"aw\", @nobits\n"
        ".globl hw_arena\n"
        ".balign 4096\n"
        "hw_arena: .skip 4096\n"
        ".popsection\n");
static uint8_t *low_arena;
static uint8_t *low_code; /* of hw32_target and what follows it */

static uint64_t number(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static uint64_t arena_of(const struct hw_case *c)
{
	return number(c->flags & LOW ? low_arena : hw_arena);
}

static enum mt_machine machine_of(const struct hw_case *c)
{
	return c->flags & I386 ? MT_MACHINE_I386 : MT_MACHINE_X86_64;
}

/* Where a place in the code is when it runs. */
static uint64_t place(const struct hw_case *c, const uint8_t *code)
{
	return c->flags & I386 ? number(low_code) + (uint64_t)(code - hw32_target) : number(code);
}

static uint64_t target_of(const struct hw_case *c)
{
	return place(c, c->flags & I386 ? hw32_target : hw_target);
}

static void map_memory(void)
{
	int fd = memfd_create("arena", 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, ARENA), 0);
	ck_assert_ptr_eq(
	    mmap(hw_arena, ARENA, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0), hw_arena);
	low_arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_32BIT, fd, 0);
	ck_assert_ptr_ne(low_arena, MAP_FAILED);
	close(fd);
	low_code = mmap(NULL, ARENA, PROT_READ | PROT_WRITE | PROT_EXEC,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ck_assert_ptr_ne(low_code, MAP_FAILED);
	ck_assert_int_lt(hw32_end - hw32_target, ARENA);
	memcpy(low_code, hw32_target, (size_t)(hw32_end - hw32_target));
}

static pid_t start_child(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSTOPPED(status));
	return child;
}

static void stop_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void store(size_t offset, uint64_t value, size_t size)
{
	memcpy(hw_arena + offset, &value, size);
}

#define RAX UINT64_C(0x1122334455667708)
#define RDX UINT64_C(0x0123456789abcdef)

static void fill_arena(const struct hw_case *c)
{
	size_t word = mt_machine_word(machine_of(c));

	for (size_t i = 0; i < ARENA; i++)
		hw_arena[i] = (uint8_t)(i * 31 + 7);
	store(0x200, RAX, 8); /* what the successful compare-and-exchanges find */
	store(0x280, RAX, 8);
	store(0x288, RDX, 8);
	store(0x300, target_of(c), word);
	store(0xa00, c->flags & I386 ? target_of(c) : number(hw_landing), word);
	store(0xa20, target_of(c), word);
	hw_arena[0x601] = hw_arena[0x401] = 9; /* repe cmpsb stops at the first byte */
	if (c->flags & ALIGNED) {
		/* What an xrstor loads: the x87 state, and the upper halves of the first ymm. */
		memset(hw_arena + 0x200, 0, ARENA - 0x200);
		store(0x200 + 24, 0x1f80, 8);
		store(0x200 + 512, 5, 8);
	}
}

/* Selectors of a 32-bit program: arch/x86/include/asm/segment.h. */
#define USER32_CS 0x23
#define USER_DS 0x2b

/* A process may run code of both kinds; the selector in cs tells the processor which. */
static void make_i386(const struct hw_case *c, struct user_regs_struct *regs)
{
	regs->cs = USER32_CS;
	regs->ds = regs->es = regs->ss = USER_DS;
	regs->rax = (uint32_t)regs->rax;
	regs->rdx = (uint32_t)regs->rdx;
	if (c->flags & WRAPPED)
		regs->rdi = (uint32_t)-0x7ffffff0;
	if (c->flags & BITS)
		regs->rbp = (uint32_t)-70;
}

static struct user_regs_struct fill_regs(const struct hw_case *c,
                                         const struct user_regs_struct *initial)
{
	uint64_t arena = arena_of(c);
	struct user_regs_struct regs = *initial;

	regs.rip = place(c, c->insn);
	regs.orig_rax = UINT64_MAX; /* no system call to restart */
	regs.rax = RAX;
	regs.rbx = arena + 0x200;
	regs.rcx = 3;
	regs.rdx = RDX;
	regs.rsi = arena + 0x401;
	regs.rdi = arena + 0x603;
	if (c->flags & LONG) {
		regs.rcx = 600;
		regs.rsi = arena + 0x2a0;
		regs.rdi = arena + 0xd00;
	}
	regs.rbp = arena + 0x800;
	regs.rsp = arena + 0xa00;
	regs.r8 = arena + 0x308;
	if (c->flags & ALIGNED) {
		regs.rax = 0x2e7; /* all components that fit into the arena */
		regs.rdx = 0;
	}
	regs.r9 = UINT64_C(0xdeadbeefcafef00d);
	regs.r10 = 133;
	regs.r11 = (uint64_t)-70;
	regs.r14 = number(hw_target);
	regs.fs_base = arena + 0xc00;
	regs.eflags = c->flags & BACKWARD ? 0x602 : 0x202;
	if (c->flags & I386)
		make_i386(c, &regs);
	return regs;
}

static void poke_dr(pid_t child, unsigned index, uint64_t value)
{
	size_t place = offsetof(struct user, u_debugreg) + index * sizeof(uint64_t);

	ck_assert_msg(ptrace(PTRACE_POKEUSER, child, place, value) == 0, "dr%u = 0x%lx: %s", index,
	              value, strerror(errno));
}

static uint64_t peek_dr(pid_t child, unsigned index)
{
	size_t place = offsetof(struct user, u_debugreg) + index * sizeof(uint64_t);

	return (uint64_t)ptrace(PTRACE_PEEKUSER, child, place, NULL);
}

/* ---- One run ------------------------------------------------------------- */

struct trial {
	const struct hw_case *c;
	pid_t child;
	struct user_regs_struct initial;
	struct mt_insn insn;
	enum mt_dr_kind kind;
	unsigned len;      /* what each debug register watches */
	uint64_t addrs[4]; /* and where */
	struct mt_regs before, after;
	struct mt_insn_state state;
	unsigned fired; /* a bit for each */
};

static void arm(struct trial *trial)
{
	uint64_t dr7 = 0;

	poke_dr(trial->child, 7, 0);
	for (unsigned i = 0; i < 4; i++) {
		poke_dr(trial->child, i, trial->addrs[i]);
		dr7 = mt_dr7_enable(dr7, i, trial->kind, trial->len);
	}
	poke_dr(trial->child, 7, dr7);
	poke_dr(trial->child, 6, 0);
}

static void take_state(struct trial *trial)
{
	struct mt_register_areas areas = fill_state(trial->child);

	ck_assert(mt_insn_state_take(&trial->insn, &trial->before, &areas, read_arena, NULL,
	                             &trial->state));
}

static void run(struct trial *trial)
{
	struct user_regs_struct regs = fill_regs(trial->c, &trial->initial);
	int status;

	fill_arena(trial->c);
	mt_regs_from_user(&regs, &trial->before);
	if (trial->c->flags & STATE)
		take_state(trial);
	arm(trial);
	ck_assert_int_eq(ptrace(PTRACE_SETREGS, trial->child, NULL, &regs), 0);
	ck_assert_int_eq(ptrace(PTRACE_CONT, trial->child, NULL, NULL), 0);
	ck_assert_int_eq(waitpid(trial->child, &status, 0), trial->child);
	ck_assert_int_eq(ptrace(PTRACE_GETREGS, trial->child, NULL, &regs), 0);
	ck_assert_msg(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP,
	              "%s: status 0x%x, pc %s+%ld", trial->c->name, (unsigned)status,
	              trial->c->name, (long)(regs.rip - place(trial->c, trial->c->insn)));
	trial->fired = mt_dr6_hits(peek_dr(trial->child, 6));
	mt_regs_from_user(&regs, &trial->after);
}

/* ---- What the decoder says of it ----------------------------------------- */

static bool after_tells(const struct trial *trial)
{
	uint64_t addr;

	for (size_t i = 0; i < trial->insn.mem_count; i++) {
		if (!mt_insn_mem_addr_after(&trial->insn, i, &trial->after, &addr))
			return false;
	}
	return true;
}

static void compare(const struct trial *trial, unsigned index, unsigned touched, bool exactly,
                    const char *by)
{
	bool fired = trial->fired >> index & 1;
	bool said = trial->kind == MT_DR_WRITE ? touched & MT_INSN_WRITE : touched != 0;

	ck_assert_msg(
	    fired == said || (said && !exactly) || (fired && trial->c->flags & WIDE),
	    "%s: %u bytes at arena+0x%lx were %s%s, the decoder says the contrary from the "
	    "registers %s",
	    trial->c->name, trial->len, trial->addrs[index] - arena_of(trial->c),
	    fired ? "" : "not ", trial->kind == MT_DR_WRITE ? "written" : "accessed", by);
}

static size_t read_code(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct hw_case *c = arg;
	uint64_t end = place(c, c->end) + 1;

	if (addr < place(c, c->start) || addr >= end)
		return 0;
	if (len > end - addr)
		len = (size_t)(end - addr);
	memcpy(out, (const void *)(uintptr_t)addr, len);
	return len;
}

static size_t read_data(void *arg, uint64_t addr, void *out, size_t len)
{
	uint64_t offset = addr - arena_of(arg);

	if (offset >= ARENA || len > ARENA - offset)
		return 0;
	memcpy(out, hw_arena + offset, len);
	return len;
}

static uint64_t start_of(void *arg, uint64_t pc)
{
	const struct hw_case *c = arg;

	return pc == place(c, c->end) ? place(c, c->start) : 0;
}

static void check_culprit(const struct trial *trial, unsigned index)
{
	const struct hw_case *c = trial->c;
	uint64_t pc = trial->after.r[MT_REG_RIP];
	enum mt_culprit_how how = MT_CULPRIT_DECODED;
	struct mt_culprit culprit;
	union {
		const struct hw_case *in;
		void *out;
	} arg = { c };
	const struct mt_culprit_query query = {
		.machine = machine_of(c),
		.after = &trial->after,
		.watch_addr = trial->addrs[index],
		.watch_len = trial->len,
		.access = trial->kind == MT_DR_WRITE ? MT_INSN_WRITE : MT_INSN_READ | MT_INSN_WRITE,
		.function_start = c->flags & CALL ? target_of(c) : place(c, c->start),
		.read_code = read_code,
		.read_data = read_data,
		.start_of = start_of,
		.arg = arg.out,
	};

	if (c->flags & CALL)
		how = MT_CULPRIT_CALL;
	else if (pc == place(c, c->insn))
		how = MT_CULPRIT_SELF;
	else if (c->flags & LOST)
		how = MT_CULPRIT_UNKNOWN;
	mt_culprit_find(&query, &culprit);
	ck_assert_msg(culprit.how == how, "%s: culprit told as %d (0x%lx), should be %d", c->name,
	              culprit.how, culprit.insn.addr, (int)how);
	ck_assert_uint_eq(culprit.insn.addr, how == MT_CULPRIT_UNKNOWN ? 0 : place(c, c->insn));
}

/*
 * What mt_insn_stored() makes of `len` bytes at `addr`, when it is handed the complement of what
 * memory holds: right bytes where the last store went, complements elsewhere.
 */
static void check_stored_range(const struct trial *trial, uint64_t addr, size_t len)
{
	uint64_t arena = arena_of(trial->c);
	uint8_t value[16], memory[16];
	bool any = false;
	uint64_t start = 0;

	for (size_t i = 0; i < trial->insn.mem_count && start == 0; i++) {
		if (trial->insn.mem[i].access & MT_INSN_WRITE)
			mt_insn_mem_addr_after(&trial->insn, i, &trial->after, &start);
	}
	for (size_t i = 0; i < len; i++) {
		memory[i] = hw_arena[addr - arena + i];
		value[i] = (uint8_t)~memory[i];
	}

	bool told = mt_insn_stored(&trial->insn, &trial->after, addr, len, value);

	for (size_t i = 0; i < len; i++) {
		bool stored = trial->c->flags & TOLD && addr + i >= start &&
		              addr + i < start + trial->insn.source.size;

		any |= stored;
		ck_assert_msg(value[i] == (uint8_t)(stored ? memory[i] : ~memory[i]),
		              "%s: byte %zu of %zu is 0x%x, memory has 0x%x", trial->c->name, i,
		              len, value[i], memory[i]);
	}
	ck_assert_msg(told == any, "%s: %zu bytes", trial->c->name, len);
}

static void check_stored(const struct trial *trial, unsigned index)
{
	uint64_t addr = trial->addrs[index];

	check_stored_range(trial, addr, trial->len);
	check_stored_range(trial, addr, 16);
	check_stored_range(trial, addr - 5, 8);
	check_stored_range(trial, addr + 3, 2);
}

/* It went on to what is behind it, where an int3 is, with the stack as before. */
static void check_straight(const struct trial *trial)
{
	uint64_t behind = trial->insn.addr + trial->insn.len, pc = trial->after.r[MT_REG_RIP];

	if (!trial->insn.straight || trial->insn.rep)
		return;
	ck_assert_msg(pc == (trial->fired ? behind : behind + 1), "%s: pc is +%ld", trial->c->name,
	              (long)(pc - trial->insn.addr));
	ck_assert_msg(trial->after.r[MT_REG_RSP] == trial->before.r[MT_REG_RSP], "%s: moves rsp",
	              trial->c->name);
}

/* One run; the bits of the registers that fired. */
static unsigned judge(struct trial *trial)
{
	bool exactly = !(trial->c->flags & (LOOSE | FAR_BASE)) && !trial->insn.rep;

	run(trial);
	check_straight(trial);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t addr = trial->addrs[i];

		compare(trial, i, mt_insn_touched(&trial->insn, &trial->after, addr, trial->len),
		        exactly && after_tells(trial) && !(trial->c->flags & STATE), "after");
		if (!trial->insn.rep)
			compare(trial, i,
			        mt_insn_will_touch(&trial->insn, &trial->before,
			                           trial->c->flags & STATE ? &trial->state : NULL,
			                           addr, trial->len),
			        exactly, "before");
		if (!(trial->fired >> i & 1))
			continue;
		check_culprit(trial, i);
		if (trial->kind == MT_DR_WRITE)
			check_stored(trial, i);
	}
	return trial->fired;
}

/* ---- All of them --------------------------------------------------------- */

/* One at a time, in all four registers: a rep instruction stops at the first byte that is hit. */
static unsigned bytes_of_word(struct trial *trial, uint64_t word)
{
	unsigned count = 0;

	trial->len = 1;
	for (unsigned byte = 0; byte < 8; byte++) {
		for (unsigned i = 0; i < 4; i++)
			trial->addrs[i] = word + byte;
		count += judge(trial) != 0;
	}
	return count;
}

/* How many bytes the hardware sees accessed. */
static unsigned sweep(struct trial *trial, enum mt_dr_kind kind)
{
	uint64_t arena = arena_of(trial->c);
	unsigned count = 0;

	trial->kind = kind;
	for (unsigned word = 0; word < WORDS; word += 4) {
		trial->len = 8;
		for (unsigned i = 0; i < 4; i++)
			trial->addrs[i] = arena + 8 * (word + i);

		unsigned fired = judge(trial);

		for (unsigned i = 0; i < 4; i++) {
			if (fired >> i & 1 || (fired && trial->insn.rep))
				count += bytes_of_word(trial, arena + 8 * (word + i));
		}
	}
	return count;
}

static void check_case(pid_t child, const struct user_regs_struct *initial, const struct hw_case *c)
{
	struct trial trial = { .c = c, .child = child, .initial = *initial };

	ck_assert_msg(mt_insn_decode(machine_of(c), c->insn, (size_t)(c->end - c->insn),
	                             place(c, c->insn), &trial.insn),
	              "%s does not decode", c->name);
	ck_assert_msg(c->insn + trial.insn.len == c->end, "%s: length %u", c->name, trial.insn.len);

	unsigned written = sweep(&trial, MT_DR_WRITE);
	unsigned accessed = sweep(&trial, MT_DR_ACCESS);

	ck_assert_msg(c->flags & (LOOSE | ALIGNED) || (is_count(c->flags, written, c->written) &&
	                                               is_count(c->flags, accessed, c->accessed)),
	              "%s: %u bytes written, %u accessed", c->name, written, accessed);
}

START_TEST(decoder_agrees_with_the_processor)
{
	const struct hw_case *c = &cases[_i];
	struct user_regs_struct initial;

	if (!processor_has(c->flags))
		return;
	map_memory();

	pid_t child = start_child();

	ck_assert_int_eq(ptrace(PTRACE_GETREGS, child, NULL, &initial), 0);
	check_case(child, &initial, c);
	stop_child(child);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("insn_hardware");
	TCase *tcase = tcase_create("insn_hardware");

	tcase_add_loop_test(tcase, decoder_agrees_with_the_processor, 0,
	                    sizeof(cases) / sizeof(*cases));
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_ENV);

	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
