/* SPDX-License-Identifier: MIT */
/* The program has uses of its own for SIGTRAP. */
#include "judge.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static volatile unsigned long word;
static unsigned hits;

static struct memtrap *count_writes(void)
{
	return trap_on(&word, sizeof(long), MEMTRAP_WRITE, count_hit, &hits);
}

/* ---- The program's own handler ------------------------------------------- */

static volatile unsigned own_traps;
static volatile int last_code;
static volatile uintptr_t last_pc;

static void own_action(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;

	EQUAL(signal, SIGTRAP);
	own_traps++;
	last_code = info->si_code;
#ifdef __x86_64__
	last_pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
#else
	last_pc = (uintptr_t)uc->uc_mcontext.gregs[REG_EIP];
#endif
}

static void own_handler(int signal)
{
	EQUAL(signal, SIGTRAP);
	own_traps++;
}

static struct sigaction own_sigaction(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_RESTART };

	action.sa_sigaction = own_action;
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGUSR1);
	return action;
}

static void install(const struct sigaction *action)
{
	SYS(sigaction(SIGTRAP, action, NULL));
}

extern const char after_int3[] __attribute__((visibility("hidden")));

NOINLINE static void int3(void)
{
	__asm__ volatile("int3\n.globl after_int3\n.hidden after_int3\nafter_int3:" ::: "memory");
}

/* Hits are the library's, all else the program's. */
static void judge_own_action(void)
{
	own_traps = hits = 0;
	for (unsigned i = 1; i <= 10; i++) {
		word = i;
		int3();
		EQUAL(own_traps, 2 * i - 1);
		EQUAL(last_code, SI_KERNEL);
		EQUAL(last_pc, (uintptr_t)after_int3);
		word = i;
		SYS(raise(SIGTRAP));
		EQUAL(own_traps, 2 * i);
		EQUAL(last_code, SI_TKILL);
		EQUAL(hits, 2 * i);
	}
}

CASE(a_handler_that_was_there_before)
{
	const struct sigaction action = own_sigaction();

	install(&action);
	count_writes();
	judge_own_action();
}

CASE(a_handler_that_comes_after)
{
	const struct sigaction action = own_sigaction();

	if (JUDGE_STATIC)
		skip("the static library does not see it");
	count_writes();
	install(&action);
	judge_own_action();
}

/* libc adds SA_RESTORER. */
enum { FLAGS_OF_PROGRAM = (int)~0x04000000u };

static void judge_query(const struct sigaction *should)
{
	struct sigaction is;

	SYS(sigaction(SIGTRAP, NULL, &is));
	CHECK(is.sa_handler == should->sa_handler);
	EQUAL(is.sa_flags & FLAGS_OF_PROGRAM, should->sa_flags);
	EQUAL(sigismember(&is.sa_mask, SIGUSR1), sigismember(&should->sa_mask, SIGUSR1));
	EQUAL(sigismember(&is.sa_mask, SIGUSR2), 0);
}

CASE(a_question_is_answered_with_the_programs_own)
{
	const struct sigaction action = own_sigaction();
	struct sigaction untouched = { .sa_handler = SIG_DFL };
	struct memtrap *trap;

	if (JUDGE_STATIC)
		skip("the static library does not see it");
	sigemptyset(&untouched.sa_mask);
	trap = count_writes();
	judge_query(&untouched);
	install(&action);
	judge_query(&action);
	CHECK((void (*)(int))(uintptr_t)action.sa_sigaction == signal(SIGTRAP, SIG_IGN));
	CHECK(signal(SIGTRAP, own_handler) == SIG_IGN);
	SYS(raise(SIGTRAP));
	EQUAL(own_traps, 1);
	memtrap_remove(trap);
	CHECK(signal(SIGTRAP, SIG_DFL) == own_handler);
	trap = count_writes();
	word = 1;
	EQUAL(hits, 1);
	untouched.sa_flags = SA_RESTART; /* signal(2): as BSD has it */
	judge_query(&untouched);
	memtrap_remove(trap);
}

CASE(a_plain_handler)
{
	CHECK(signal(SIGTRAP, own_handler) == SIG_DFL);
	count_writes();
	for (unsigned i = 1; i <= 5; i++) {
		word = i;
		int3();
		SYS(raise(SIGTRAP));
		EQUAL(own_traps, 2 * i);
		EQUAL(hits, i);
	}
}

static volatile bool usr1_was_blocked, trap_was_blocked;

static void look_at_mask(int signal)
{
	sigset_t mask;

	(void)signal;
	own_traps++;
	SYS(sigprocmask(SIG_BLOCK, NULL, &mask));
	usr1_was_blocked = sigismember(&mask, SIGUSR1);
	trap_was_blocked = sigismember(&mask, SIGTRAP);
}

CASE(a_handlers_mask_holds_while_it_runs)
{
	struct sigaction action = { .sa_handler = look_at_mask };
	sigset_t mask;

	if (judge_flags())
		skip("the static library does not see masks, and must keep SIGTRAP open on ptrace");
	sigaddset(&action.sa_mask, SIGUSR1);
	install(&action);
	count_writes();
	SYS(raise(SIGTRAP));
	EQUAL(own_traps, 1);
	CHECK(usr1_was_blocked && trap_was_blocked);
	SYS(sigprocmask(SIG_BLOCK, NULL, &mask));
	EQUAL(sigismember(&mask, SIGUSR1), 0);
	EQUAL(sigismember(&mask, SIGTRAP), 0);
	word = 1;
	EQUAL(hits, 1);
}

static void trap_once(void *unused)
{
	struct sigaction action = { .sa_handler = own_handler, .sa_flags = (int)SA_RESETHAND };

	(void)unused;
	install(&action);
	count_writes();
	word = 1;
	SYS(raise(SIGTRAP));
	EQUAL(own_traps, 1);
	word = 2;
	EQUAL(hits, 2);
	SYS(raise(SIGTRAP));
}

CASE(a_handler_for_once)
{
	KILLED_BY(in_child(trap_once, NULL), SIGTRAP);
}

static void write_in_own_handler(int signal)
{
	(void)signal;
	word = ++own_traps;
}

/* SIGTRAP is blocked while it runs: the hit may be told late, but it is told, and nobody dies. */
CASE(a_handler_that_writes)
{
	struct sigaction action = { .sa_handler = write_in_own_handler };

	install(&action);
	count_writes();
	for (unsigned i = 1; i <= 5; i++) {
		int3();
		EQUAL(own_traps, i);
		EQUAL(word, i);
		EQUAL(hits, i);
	}
}

/* ---- No handler of its own ----------------------------------------------- */

static void die_by(void *raises)
{
	count_writes();
	word = 1;
	if (*(bool *)raises)
		raise(SIGTRAP);
	else
		int3();
}

CASE(without_a_handler_it_dies_of_its_own_traps)
{
	bool raises = false;

	KILLED_BY(in_child(die_by, &raises), SIGTRAP);
	raises = true;
	KILLED_BY(in_child(die_by, &raises), SIGTRAP);
}

static void ignore_and_int3(void *unused)
{
	(void)unused;
	count_writes();
	hits = 0;
	word = 1;
	EQUAL(hits, 1);
	int3();
}

/* The kernel lets nobody ignore a trap of the processor's: force_sig() in kernel/signal.c. */
CASE(ignored_traps)
{
	CHECK(signal(SIGTRAP, SIG_IGN) == SIG_DFL);
	count_writes();
	for (unsigned i = 1; i <= 5; i++) {
		word = i;
		SYS(raise(SIGTRAP));
		SYS(kill(getpid(), SIGTRAP));
		EQUAL(hits, i);
	}
	KILLED_BY(in_child(ignore_and_int3, NULL), SIGTRAP);
}

/* ---- Behind the library's back ------------------------------------------- */

/* As the kernel has it, since libc's is the library's. */
struct kernel_sigaction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask[8 / sizeof(long)];
};

CASE(a_handler_that_was_replaced_is_told)
{
	struct kernel_sigaction ours, ignore = { .handler = SIG_IGN };
	struct memtrap *trap = count_writes();

	word = 1;
	EQUAL(coverage_of(trap).gaps & MEMTRAP_GAP_HANDLER, 0);
	SYS(syscall(SYS_rt_sigaction, SIGTRAP, &ignore, &ours, 8));
	EQUAL(coverage_of(trap).gaps & MEMTRAP_GAP_HANDLER, MEMTRAP_GAP_HANDLER);
	SYS(syscall(SYS_rt_sigaction, SIGTRAP, &ours, NULL, 8));
	EQUAL(coverage_of(trap).gaps & MEMTRAP_GAP_HANDLER, 0);
	word = 2;
	EQUAL(hits, 2);
}

/* ---- Stacks -------------------------------------------------------------- */

/* Ends at a page that may not be touched, below. */
static void use_small_stack(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = (size + page - 1) / page * page;
	char *memory =
	    mmap(NULL, page + pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_sp = memory + page, .ss_size = size };

	CHECK(memory != MAP_FAILED);
	SYS(mprotect(memory, page, PROT_NONE));
	SYS(sigaltstack(&stack, NULL));
}

static void be_on_stack(struct memtrap_hit *hit, void *stack_of_thread)
{
	char here;
	uintptr_t frames[16];

	count_hit(hit, &hits);
	CHECK(llabs((intptr_t)&here - (intptr_t)stack_of_thread) > 64 * 1024);
	memtrap_backtrace(hit, frames, 16);
}

/* As little as a program may give for a handler that does anything: sysconf(3), sigaltstack(2). */
CASE(a_small_stack_for_signals)
{
	char here;

	use_small_stack((size_t)sysconf(_SC_MINSIGSTKSZ) + 12 * 1024);
	trap_on(&word, sizeof(long), MEMTRAP_WRITE, be_on_stack, &here);
	trap_on(&word, sizeof(long), MEMTRAP_ACCESS, be_on_stack, &here);
	for (unsigned i = 1; i <= 10; i++) {
		word = i;
		EQUAL(hits, 2 * i);
	}
}

/* ---- Other signals ------------------------------------------------------- */

static volatile sig_atomic_t signals;
static volatile unsigned long word_of_signals;

static void write_at_signal(int signal)
{
	(void)signal;
	word_of_signals = (unsigned long)++signals;
}

struct storm {
	pthread_t target;
	unsigned writes;
	bool over;
};

/* A signal that comes before the last one is handled would keep the target from ever going on. */
static void *send_signals(void *arg)
{
	struct storm *storm = arg;

	while (!GET(storm->over)) {
		unsigned writes = GET(storm->writes);

		pthread_kill(storm->target, SIGUSR1);
		while (GET(storm->writes) == writes && !GET(storm->over))
			sched_yield();
	}
	return NULL;
}

/* A signal may interrupt the handler of a hit; its writes count as that handler's then, so that
 * only the others are counted exactly. */
CASE(hits_in_a_storm_of_signals)
{
	enum { WRITES = 3000, SIGNALS = 300 };
	struct sigaction action = { .sa_handler = write_at_signal, .sa_flags = SA_RESTART };
	struct storm storm = { .target = pthread_self() };
	unsigned hits_of_signals = 0;
	pthread_t sender;

	SYS(sigaction(SIGUSR1, &action, NULL));
	count_writes();
	trap_on(&word_of_signals, sizeof(long), MEMTRAP_WRITE, count_hit, &hits_of_signals);
	sender = spawn(send_signals, &storm);
	for (unsigned i = 1; i <= WRITES || signals < SIGNALS; i++) {
		word = i;
		EQUAL(hits, i);
		PUT(storm.writes, i);
	}
	PUT(storm.over, true);
	join(sender);
	CHECK(hits_of_signals > 0 && hits_of_signals <= (unsigned)signals);
}
