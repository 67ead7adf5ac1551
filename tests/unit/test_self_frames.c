/* SPDX-License-Identifier: MIT */
/*
 * Code and stacks as libmemtrap's signal handler sees them, in this very program. nm, dladdr(),
 * libgcc's backtrace() and __builtin_return_address() are the referees.
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <ftw.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "self/context.h"
#include "self/frames.h"
#include "self/modules.h"
#include "self/names.h"
#include "unit.h"

#ifdef __clang__
#define NOINLINE __attribute__((noinline, optnone))
#else
#define NOINLINE __attribute__((noipa))
#endif

#define MAX_FRAMES 64

static uintptr_t pc_of(const void *code)
{
	return (uintptr_t)code;
}

static uintptr_t own_base(void)
{
	struct mt_own_module module;

	ck_assert(mt_own_module_at(pc_of((const void *)own_base), &module));
	return module.base;
}

/* ---- Functions ----------------------------------------------------------- */

struct symbol {
	unsigned long addr, size;
	char type;
	char name[128];
};

/* Calls `check` for each function of ours that nm lists; returns how many. Names that begin with an
 * underscore are the C library's start files, written by hand. */
static unsigned each_function(void (*check)(const struct symbol *symbol, uintptr_t start))
{
	FILE *nm = popen("nm -S --defined-only /proc/$PPID/exe", "r");
	uintptr_t base = own_base();
	struct symbol symbol;
	char line[512];
	unsigned count = 0;

	ck_assert_ptr_nonnull(nm);
	while (fgets(line, sizeof(line), nm)) {
		if (sscanf(line, "%lx %lx %c %127s", &symbol.addr, &symbol.size, &symbol.type,
		           symbol.name) != 4 ||
		    !strchr("tT", symbol.type) || symbol.name[0] == '_')
			continue;
		check(&symbol, base + symbol.addr);
		count++;
	}
	pclose(nm);
	return count;
}

static void check_bounds(const struct symbol *symbol, uintptr_t start)
{
	uintptr_t pcs[] = { start, start + symbol->size / 2, start + symbol->size - 1 }, from, to;

	for (size_t i = 0; i < 3; i++) {
		ck_assert_msg(mt_function_bounds(pcs[i], &from, &to), "%s: none", symbol->name);
		ck_assert_msg(from == start && to == start + symbol->size,
		              "%s: %#lx … %#lx, not %#lx … %#lx", symbol->name, from, to, start,
		              start + symbol->size);
	}
}

START_TEST(bounds_are_those_of_nm)
{
	ck_assert_uint_gt(each_function(check_bounds), 20);
}
END_TEST

/* Of aliases, any is right. */
static void check_name(const struct symbol *symbol, uintptr_t start)
{
	char name[128], last[128];
	uintptr_t from, from_last;

	ck_assert_msg(mt_function_name(start, name, sizeof(name), &from), "%s: none", symbol->name);
	ck_assert_msg(strcmp(name, symbol->name) == 0, "%s is not %s", name, symbol->name);
	ck_assert_uint_eq(from, start);
	ck_assert(mt_function_name(start + symbol->size - 1, last, sizeof(last), &from_last));
	ck_assert_str_eq(last, name);
	ck_assert_uint_eq(from_last, start);
}

START_TEST(names_are_those_of_nm)
{
	ck_assert_uint_gt(each_function(check_name), 20);
}
END_TEST

START_TEST(names_in_libraries_are_the_linkers)
{
	static void *const functions[] = { (void *)lfind, (void *)hsearch, (void *)ftw };
	char name[128], cut[4];
	uintptr_t start;
	Dl_info info;

	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		ck_assert(dladdr(functions[i], &info));
		ck_assert(mt_function_name(pc_of(functions[i]) + 1, name, sizeof(name), &start));
		ck_assert_uint_eq(start, pc_of(info.dli_saddr));
		ck_assert_ptr_eq(dlsym(RTLD_DEFAULT, name), functions[i]);
	}
	ck_assert(mt_function_name(pc_of((void *)lfind), cut, sizeof(cut), &start));
	ck_assert_str_eq(cut, "lfi");
}
END_TEST

START_TEST(what_is_no_code_has_neither_bounds_nor_name)
{
	static int variable;
	uintptr_t nowhere[] = { 0,
		                1,
		                0x1000,
		                (uintptr_t)&variable,
		                (uintptr_t)&nowhere,
		                UINTPTR_MAX,
		                UINTPTR_MAX - 4096 },
	          start, end;
	char name[16];

	for (size_t i = 0; i < sizeof(nowhere) / sizeof(*nowhere); i++) {
		ck_assert(!mt_function_bounds(nowhere[i], &start, &end));
		ck_assert(!mt_function_name(nowhere[i], name, sizeof(name), &start));
	}
}
END_TEST

/* ---- Modules ------------------------------------------------------------- */

static void check_ways(const void *code)
{
	struct mt_own_module linker, table;

	ck_assert(mt_own_module_by_linker(pc_of(code), &linker));
	ck_assert(mt_own_module_by_table(pc_of(code), &table));
	ck_assert_uint_eq(linker.base, table.base);
	ck_assert_uint_eq(linker.eh_frame_hdr, table.eh_frame_hdr);
	ck_assert_str_eq(linker.path, table.path);
	ck_assert_uint_le(table.start, pc_of(code));
	ck_assert_uint_gt(table.end, pc_of(code));
}

START_TEST(the_table_says_what_the_linker_says)
{
	struct mt_own_module module;
	void *library, *code;

	ck_assert(!mt_own_module_by_table(pc_of((const void *)own_base), &module));
	mt_own_modules_list();
	check_ways((const void *)own_base);
	check_ways((const void *)lfind);
	library = dlopen("libresolv.so.2", RTLD_NOW);
	ck_assert_ptr_nonnull(library);
	code = dlsym(library, "ns_datetosecs");
	ck_assert(mt_own_module_by_linker(pc_of(code), &module));
	ck_assert(!mt_own_module_by_table(pc_of(code), &module));
	mt_own_modules_list();
	check_ways(code);
	check_ways((const void *)own_base);
	dlclose(library);
	mt_own_modules_list();
	ck_assert(!mt_own_module_by_table(pc_of(code), &module));
	ck_assert(!mt_own_module_by_linker(pc_of(code), &module));
}
END_TEST

START_TEST(modules_have_names)
{
	char name[64];

	ck_assert(mt_module_name(pc_of((const void *)own_base), name, sizeof(name)));
	ck_assert_str_eq(name, "test_self_frames");
	ck_assert(mt_module_name(pc_of((const void *)lfind), name, sizeof(name)));
	ck_assert_str_eq(name, "libc.so.6");
	ck_assert(!mt_module_name((uintptr_t)name, name, sizeof(name)));
}
END_TEST

/* ---- Stacks -------------------------------------------------------------- */

typedef size_t (*walker)(const struct mt_regs *regs, uintptr_t *frames, size_t max);

static struct {
	uintptr_t
	    told[8]; /* the return addresses that the functions saw themselves, outermost first */
	size_t told_count;
	uintptr_t frames[MAX_FRAMES];
	size_t count;
	walker walk;
	int signal; /* to send when the last function is reached; 0: look from there */
} seen;

static void tell(void *return_address)
{
	seen.told[seen.told_count++] = (uintptr_t)return_address;
}

NOINLINE static void look(const ucontext_t *context)
{
	struct mt_regs regs;

	mt_context_regs(context, &regs);
	seen.count = seen.walk(&regs, seen.frames, MAX_FRAMES);
}

NOINLINE static void inner(void)
{
	ucontext_t context;

	tell(__builtin_return_address(0));
	if (seen.signal) {
		raise(seen.signal);
	} else {
		getcontext(&context);
		look(&context);
	}
	__asm__ volatile("");
}

/* A frame of a size that is only known here: its CFA is told from rbp. */
NOINLINE static void middle(size_t size)
{
	volatile char room[32];
	volatile char *more = __builtin_alloca(size);

	tell(__builtin_return_address(0));
	more[0] = room[0] = 0;
	inner();
	more[size - 1] = room[31] = 0;
}

NOINLINE static void outer(void)
{
	tell(__builtin_return_address(0));
	middle(333);
	__asm__ volatile("");
}

/* From `first` on, the frames are those that the functions saw, innermost first. */
static void check_told(size_t first, size_t told, size_t count)
{
	ck_assert_uint_ge(seen.count, first + count);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(seen.frames[first + i] == seen.told[told + count - 1 - i],
		              "frame %zu is %#lx, not %#lx", first + i, seen.frames[first + i],
		              seen.told[told + count - 1 - i]);
}

static void check_callers(walker walk)
{
	uintptr_t start, end;

	seen.walk = walk;
	outer();
	check_told(1, 0, 3);
	ck_assert(mt_function_bounds(seen.frames[0], &start, &end));
	ck_assert_uint_eq(start, pc_of((const void *)inner));
}

START_TEST(a_walk_by_call_frame_information_finds_the_callers)
{
	check_callers(mt_frames_walk);
}
END_TEST

START_TEST(a_walk_by_frame_pointers_finds_the_callers)
{
	check_callers(mt_frames_by_pointer);
}
END_TEST

/* A sanitizer's backtrace() has a frame of its own on top. */
static int compare_with_backtrace(const void *a, const void *b)
{
	void *wanted[MAX_FRAMES];
	ucontext_t context;
	size_t count = (size_t)backtrace(wanted, MAX_FRAMES), extra;

	getcontext(&context);
	look(&context);
	ck_assert_uint_ge(count, seen.count);
	extra = count - seen.count;
	ck_assert_uint_le(extra, 1);
	for (size_t i = 1; i < seen.count; i++)
		ck_assert_uint_eq(seen.frames[i], (uintptr_t)wanted[i + extra]);
	return 0;
}

/* Down to the start of the program, as libgcc has it. */
START_TEST(a_walk_through_libraries_is_backtraces)
{
	size_t count = 1;
	int number = 1;
	char name[32];

	seen.walk = mt_frames_walk;
	ck_assert_ptr_eq(lfind(&number, &number, &count, sizeof(number), compare_with_backtrace),
	                 &number);
	ck_assert_uint_gt(seen.count, 5);
	ck_assert(mt_module_name(seen.frames[1], name, sizeof(name)));
	ck_assert_str_eq(name, "libc.so.6");
}
END_TEST

/* ---- Through signal handlers --------------------------------------------- */

static void look_at_interrupted(int signal, siginfo_t *info, void *context)
{
	look(context);
}

static void go_deeper(int signal, siginfo_t *info, void *context)
{
	seen.signal = SIGUSR2;
	inner();
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	ck_assert_int_eq(sigaction(signal, &action, NULL), 0);
}

/* The place of the first frame that the functions told from `told` on. */
static size_t find_told(size_t told)
{
	size_t i = 0;

	while (i < seen.count && seen.frames[i] != seen.told[told])
		i++;
	return i;
}

/*
 * SIGUSR1 interrupts inner() below outer(); its handler calls inner(), which SIGUSR2 interrupts,
 * whose handler looks. Signals come on a stack of their own, above or below the other one.
 */
START_TEST(a_walk_goes_through_signal_frames)
{
	static uint8_t room[65536] __attribute__((aligned(16)));
	stack_t stack = { .ss_sp = room, .ss_size = sizeof(room) };

	ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
	handle(SIGUSR1, go_deeper);
	handle(SIGUSR2, look_at_interrupted);
	seen.walk = mt_frames_walk;
	seen.signal = SIGUSR1;
	outer();
	ck_assert_uint_eq(seen.told_count, 4);
	ck_assert_uint_lt(find_told(3), find_told(2));
	check_told(find_told(3), 3, 1);
	check_told(find_told(2), 0, 3);
}
END_TEST

/* ---- Hostile stacks ------------------------------------------------------ */

static uint64_t random_number(void)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Now and then an address that is good, at the edge of what is mapped, or no address. */
static uint64_t random_word(uintptr_t edge, const uint8_t *room, size_t size)
{
	switch (random_number() % 6) {
	case 0:
		return edge - random_number() % 64;
	case 1:
		return (uintptr_t)room + random_number() % size / 8 * 8;
	case 2:
		return pc_of((const void *)own_base) + random_number() % 4096;
	case 3:
		return pc_of((const void *)lfind) + random_number() % 4096;
	case 4:
		return random_number() % 4096;
	default:
		return random_number();
	}
}

START_TEST(no_stack_faults_or_goes_on_for_ever)
{
	static uint64_t room[1024];
	uint8_t *pages =
	    mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t frames[MAX_FRAMES], edge = (uintptr_t)pages + 4096;
	struct mt_regs regs;
	size_t count, longest = 0;

	ck_assert_int_eq(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	for (int turn = 0; turn < 20000; turn++) {
		for (size_t i = 0; i < 8; i++)
			room[random_number() % 1024] =
			    random_word(edge, (uint8_t *)room, sizeof(room));
		for (size_t i = 0; i < MT_REG_COUNT; i++)
			regs.r[i] = random_word(edge, (uint8_t *)room, sizeof(room));
		count = mt_frames_walk(&regs, frames, MAX_FRAMES);
		ck_assert_uint_ge(count, 1);
		ck_assert_uint_le(count, MAX_FRAMES);
		longest = count > longest ? count : longest;
		ck_assert_uint_ge(mt_frames_by_pointer(&regs, frames, MAX_FRAMES), 1);
	}
	ck_assert_uint_gt(longest, 2); /* else all of this was no test */
}
END_TEST

START_TEST(no_more_frames_than_asked_for)
{
	uintptr_t frames[4] = { 7, 7, 7, 7 };
	struct mt_regs regs;
	ucontext_t context;

	getcontext(&context);
	mt_context_regs(&context, &regs);
	ck_assert_uint_eq(mt_frames_walk(&regs, frames, 0), 0);
	ck_assert_uint_eq(mt_frames_by_pointer(&regs, frames, 0), 0);
	ck_assert_uint_eq(frames[0], 7);
	ck_assert_uint_eq(mt_frames_walk(&regs, frames, 2), 2);
	ck_assert_uint_eq(frames[2], 7);
}
END_TEST

/* ---- The culprit's frame ------------------------------------------------- */

START_TEST(the_culprit_takes_the_place_of_pc)
{
	const uintptr_t stack[] = { 0x1007, 0x2000, 0x3000 };
	uintptr_t frames[3];

	memcpy(frames, stack, sizeof(stack));
	ck_assert_uint_eq(mt_frames_put_culprit(frames, 3, 0), 3);
	ck_assert_uint_eq(frames[0], 0x1007);
	ck_assert_uint_eq(mt_frames_put_culprit(frames, 3, 0x1000), 3);
	ck_assert_uint_eq(frames[0], 0x1000);
	ck_assert_uint_eq(frames[1], 0x2000);
	/* A rep instruction that was interrupted, and a trap before the instruction. */
	frames[0] = 0x1007;
	ck_assert_uint_eq(mt_frames_put_culprit(frames, 3, 0x1007), 3);
	ck_assert_uint_eq(mt_frames_put_culprit(frames, 0, 0x1000), 0);
}
END_TEST

/* A call stored its return address: pc is where it went. */
START_TEST(of_a_call_the_callee_is_left_out)
{
	uintptr_t frames[] = { 0x9000, 0x2000, 0x3000 };

	ck_assert_uint_eq(mt_frames_put_culprit(frames, 3, 0x1ffb), 2);
	ck_assert_uint_eq(frames[0], 0x1ffb);
	ck_assert_uint_eq(frames[1], 0x3000);
}
END_TEST

MT_UNIT_MAIN("self_frames", bounds_are_those_of_nm, names_are_those_of_nm,
             names_in_libraries_are_the_linkers, what_is_no_code_has_neither_bounds_nor_name,
             the_table_says_what_the_linker_says, modules_have_names,
             a_walk_by_call_frame_information_finds_the_callers,
             a_walk_by_frame_pointers_finds_the_callers, a_walk_through_libraries_is_backtraces,
             a_walk_goes_through_signal_frames, no_stack_faults_or_goes_on_for_ever,
             no_more_frames_than_asked_for, the_culprit_takes_the_place_of_pc,
             of_a_call_the_callee_is_left_out)
