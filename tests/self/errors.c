/* SPDX-License-Identifier: MIT */
/* What is refused, and that the sentence says which thing it is. */
#include "judge.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

static volatile uint64_t words[8];

static struct memtrap_spec good(void)
{
	return (struct memtrap_spec){ .addr = words, .len = 8, .kind = MEMTRAP_WRITE };
}

/* The handle stays what it was, and the sentence has that part. */
static void refused(struct memtrap_spec spec, int error, const char *part)
{
	struct memtrap *const before = (struct memtrap *)&spec, *trap = before;
	int result = memtrap_set(&trap, &spec);

	if (result != -error)
		FAIL("%s: %d (%s), not -%d (%s)", part, result, memtrap_error(), error,
		     strerror(error));
	CHECK(trap == before);
	SAYS(memtrap_error(), part);
}

CASE(there_is_no_error_before_the_first)
{
	CHECK(!*memtrap_error());
	memtrap_remove(trap_on(words, 8, MEMTRAP_WRITE, NULL, NULL));
	CHECK(!*memtrap_error());
}

CASE(fields_that_make_no_sense)
{
	struct memtrap_spec spec = good();

	spec.kind = (enum memtrap_kind)0;
	refused(spec, EINVAL, "kind");
	spec.kind = (enum memtrap_kind)6;
	refused(spec, EINVAL, "kind");
	spec = good();
	spec.len = 0;
	refused(spec, EINVAL, "len");
	spec.len = MEMTRAP_MAX_LEN + 1;
	refused(spec, EINVAL, "33");
	spec = good();
	spec.history = 65537;
	refused(spec, EINVAL, "history");
	spec = good();
	spec.flags = 1u << 3;
	refused(spec, EINVAL, "flag");
	spec.flags = 1u << 31;
	refused(spec, EINVAL, "flag");
	for (unsigned i = 0; i < 4; i++) {
		spec = good();
		spec.reserved[i] = 1;
		refused(spec, EINVAL, "reserved");
	}
	spec = good();
	spec.thread = -2;
	refused(spec, EINVAL, "thread");
}

CASE(what_a_bare_trap_cannot_know)
{
	struct memtrap_spec spec = good();

	spec.flags = MEMTRAP_BARE;
	spec.kind = MEMTRAP_READ;
	refused(spec, EINVAL, "bare trap");
	spec.kind = MEMTRAP_CHANGE;
	refused(spec, EINVAL, "bare trap");
}

CASE(an_instruction_has_no_length)
{
	struct memtrap_spec spec = good();

	spec.addr = (const void *)good;
	spec.kind = MEMTRAP_EXEC;
	spec.len = 2;
	refused(spec, EINVAL, "len");
	spec.len = 1;
	memtrap_remove(set(&spec));
}

CASE(memory_that_is_not_mapped)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory =
	    mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct memtrap_spec spec = good();
	char address[32];

	CHECK(memory != MAP_FAILED);
	/* The first trap of all makes the library allocate, which might fill the hole. */
	spec.addr = memory;
	memtrap_remove(set(&spec));
	SYS(munmap(memory + page, page));
	snprintf(address, sizeof(address), "%lx", (unsigned long)(memory + page));
	spec.addr = memory + page;
	refused(spec, EFAULT, address);
	spec.addr = memory + page - 4;
	refused(spec, EFAULT, "mapped");
	spec.addr = memory + 2 * page - 4;
	refused(spec, EFAULT, "mapped");
	spec.addr = memory + page;
	spec.kind = MEMTRAP_EXEC;
	spec.len = 1;
	refused(spec, EFAULT, "mapped");
	spec = good();
	spec.addr = memory + page - 8;
	memtrap_remove(set(&spec));
	spec.addr = (const void *)8;
	refused(spec, EFAULT, "0x8");
}

/* The kernel's half, and the end of it all. */
CASE(addresses_that_are_nobodys)
{
	static const unsigned long addresses[] = {
#ifdef __x86_64__
		0xffff888000000000,
		0x8000000000000000,
		0x00007ffffffff000,
		0xffffffffff600000,
#endif
		-8ul,
		-4ul,
		-1ul,
	};
	struct memtrap *trap = NULL;

	for (unsigned i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		struct memtrap_spec spec = good();
		int result;

		spec.addr = (const void *)addresses[i];
		result = memtrap_set(&trap, &spec);
		if (result != -EFAULT && result != -EINVAL)
			FAIL("%#lx: %d", addresses[i], result);
		CHECK(*memtrap_error() && !trap);
	}
	memtrap_remove(trap_on(words, 8, MEMTRAP_WRITE, NULL, NULL));
}

/* ---- Threads ------------------------------------------------------------- */

static void *tell_tid(void *place)
{
	*(pid_t *)place = gettid();
	return NULL;
}

static void wait_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
}

CASE(threads_that_are_not_ours)
{
	struct memtrap_spec spec = good();
	char number[16];
	pid_t gone = 0, child;

	spec.thread = 1;
	refused(spec, ESRCH, "1");
	spec.thread = getppid();
	refused(spec, ESRCH, "thread");
	join(spawn(tell_tid, &gone));
	WAIT_UNTIL(names_in("/proc/self/task") == 3);
	spec.thread = gone;
	snprintf(number, sizeof(number), "%d", gone);
	refused(spec, ESRCH, number);
	spec.thread = 0x7fffffff;
	refused(spec, ESRCH, "2147483647");
	child = fork();
	SYS(child);
	if (!child)
		wait_for_ever(NULL);
	spec.thread = child;
	refused(spec, ESRCH, "thread");
	SYS(kill(child, SIGKILL));
	SYS(waitpid(child, NULL, 0));
}

static void *fail_here(void *unused)
{
	struct memtrap *trap;
	struct memtrap_spec spec = good();

	CHECK(!*memtrap_error());
	spec.len = 0;
	CHECK(memtrap_set(&trap, &spec) == -EINVAL);
	CHECK(*memtrap_error());
	return unused;
}

CASE(each_thread_has_its_own_last_error)
{
	struct memtrap_spec spec = good();
	char before[512];

	spec.addr = (const void *)8;
	refused(spec, EFAULT, "0x8");
	snprintf(before, sizeof(before), "%s", memtrap_error());
	join(spawn(fail_here, NULL));
	EQUAL(strcmp(before, memtrap_error()), 0);
}

/* Nothing that was refused holds anything. */
CASE(refusals_cost_nothing)
{
	struct memtrap_spec bad = good();
	struct memtrap *trap;
	unsigned fds;

	memtrap_remove(trap_on(words, 8, MEMTRAP_WRITE, NULL, NULL));
	fds = names_in("/proc/self/fd");
	bad.addr = (const void *)8;
	for (unsigned i = 0; i < 500; i++)
		CHECK(memtrap_set(&trap, &bad) == -EFAULT);
	bad = good();
	bad.thread = 1;
	for (unsigned i = 0; i < 100; i++)
		CHECK(memtrap_set(&trap, &bad) == -ESRCH);
	EQUAL(names_in("/proc/self/fd"), fds);
	memtrap_remove(trap_on(words, 32, MEMTRAP_WRITE, NULL, NULL));
}

/* With ptrace, new threads are only seen by the shared library's pthread_create(). */
CASE(threads_that_will_not_be_seen)
{
	struct memtrap_spec spec = good();
	struct memtrap *trap;

	memtrap_remove(set(&spec));
	if (!JUDGE_STATIC || memtrap_backend() != MEMTRAP_BACKEND_PTRACE) {
		MUST(memtrap_set(&trap, &spec));
		EQUAL(coverage_of(trap).gaps, 0);
		return;
	}
	refused(spec, EOPNOTSUPP, "MEMTRAP_PARTIAL");
	spec.flags = MEMTRAP_PARTIAL;
	MUST(memtrap_set(&trap, &spec));
	EQUAL(coverage_of(trap).gaps, MEMTRAP_GAP_NEW_THREADS);
}

static pid_t start_tracer(int *asks)
{
	const pid_t judged = getpid();
	int ends[2];
	char byte = 0;
	pid_t tracer;

	SYS(pipe(ends));
	tracer = fork();
	SYS(tracer);
	if (tracer) {
		close(ends[1]);
		*asks = ends[0];
		return tracer;
	}
	WAIT_UNTIL(ptrace(PTRACE_SEIZE, judged, 0, 0) == 0);
	EQUAL(write(ends[1], &byte, 1), 1);
	wait_for_ever(NULL);
	_exit(0);
}

/* Who is traced already cannot be traced by the library's helper. */
CASE(a_debugger_is_attached)
{
	struct memtrap_spec spec = good();
	struct memtrap *trap;
	pid_t tracer;
	int asks;
	char byte;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* fails where there is no Yama */
	spec.flags = judge_flags();
	memtrap_remove(set(&spec));
	tracer = start_tracer(&asks);
	EQUAL(read(asks, &byte, 1), 1);
	if (memtrap_backend() == MEMTRAP_BACKEND_PTRACE)
		REFUSED(memtrap_set(&trap, &spec), EPERM);
	else
		memtrap_remove(set(&spec));
	SYS(kill(tracer, SIGKILL));
	SYS(waitpid(tracer, NULL, 0));
	memtrap_remove(set(&spec));
}

/* valgrind has no debug registers: test_library.py runs this in it. */
CASE(an_emulator)
{
	struct memtrap_spec spec = good();

	if (!getenv("JUDGE_VALGRIND"))
		memtrap_remove(set(&spec));
	else
		refused(spec, ENOSYS, "valgrind");
}
