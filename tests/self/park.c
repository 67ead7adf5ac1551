/* SPDX-License-Identifier: MIT */
/* Threads that are held for a debugger, and reports for people. */
#include "access.h"
#include "judge.h"

static volatile unsigned long word;
static unsigned past; /* threads that have gone on after the access */

/* What standard error says goes to the judge. */
static int listen_to_stderr(void)
{
	int ends[2];

	SYS(pipe(ends));
	SYS(dup2(ends[1], STDERR_FILENO));
	close(ends[1]);
	return ends[0];
}

/* Reads on until the part has come. */
static void hear(int fd, const char *part, char *text, size_t size)
{
	size_t len = strlen(text);
	ssize_t got;

	while (!strstr(text, part)) {
		CHECK(len < size - 1);
		got = read(fd, text + len, size - 1 - len);
		CHECK(got > 0);
		len += (size_t)got;
		text[len] = '\0';
	}
}

static void park(struct memtrap_hit *hit, void *unused)
{
	(void)unused;
	memtrap_park(hit);
}

struct writer {
	pid_t tid;
	bool go;
};

static void *write_once(void *arg)
{
	struct writer *writer = arg;

	PUT(writer->tid, gettid());
	WAIT_UNTIL(GET(writer->go));
	store(&word, sizeof(long), 1);
	ADD(past, 1);
	return NULL;
}

/* The text is written before the thread is held, so that it may take a few tries. */
static void release(pid_t tid, int wanted)
{
	int released = 0;

	WAIT_UNTIL((released += memtrap_release(tid)) >= wanted);
	EQUAL(released, wanted);
}

static struct memtrap *trap_with_name(memtrap_handler handler)
{
	return set(&(struct memtrap_spec){ .addr = &word,
	                                   .len = sizeof(long),
	                                   .kind = MEMTRAP_WRITE,
	                                   .handler = handler,
	                                   .name = "the flag" });
}

CASE(a_thread_is_held_and_released)
{
	struct writer writer = { 0 };
	char text[4096] = "", command[64];
	int heard = listen_to_stderr();
	pthread_t thread = spawn(write_once, &writer);
	struct memtrap *trap = trap_with_name(park);

	EQUAL(memtrap_release(0), 0);
	PUT(writer.go, true);
	snprintf(command, sizeof(command), "gdb -p %d", getpid());
	hear(heard, command, text, sizeof(text));
	SAYS(text, "the flag");
	EQUAL(memtrap_release(getpid()), 0);
	EQUAL(GET(past), 0);
	release(writer.tid, 1);
	join(thread);
	EQUAL(past, 1);
	EQUAL(memtrap_release(0), 0);
	memtrap_remove(trap);
}

/* Others run on, hits of other traps too. */
CASE(three_are_held_and_others_run_on)
{
	struct writer writers[3] = { 0 };
	unsigned hits = 0;
	pthread_t threads[3];
	struct memtrap *trap, *other;

	listen_to_stderr();
	for (unsigned i = 0; i < 3; i++)
		threads[i] = spawn(write_once, &writers[i]);
	trap = trap_with_name(park);
	other = trap_on(&hits, sizeof(hits), MEMTRAP_WRITE, NULL, NULL);
	for (unsigned i = 0; i < 3; i++)
		PUT(writers[i].go, true);
	WAIT_UNTIL(memtrap_count(trap) == 3);
	for (unsigned i = 0; i < 100; i++)
		store(&hits, sizeof(hits), i);
	EQUAL(memtrap_count(other), 100);
	EQUAL(GET(past), 0);
	release(0, 3);
	for (unsigned i = 0; i < 3; i++)
		join(threads[i]);
	EQUAL(past, 3);
	memtrap_remove(trap);
	memtrap_remove(other);
}

static unsigned dumped;

static void dump(struct memtrap_hit *hit, void *fd)
{
	MUST(memtrap_dump(hit, *(int *)fd));
	EQUAL(memtrap_dump(hit, -1), -EBADF);
	dumped++;
}

/* By each register's own name; the culprit, and both values. */
CASE(a_report_has_what_a_person_asks_for)
{
	static const char *const registers[] = {
#ifdef __x86_64__
		"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r15", "rip",
#else
		"eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "eip",
#endif
	};
	char text[16384], number[32];
	int ends[2];
	struct memtrap *trap;

	SYS(pipe(ends));
	store(&word, sizeof(long), 0x123456);
	trap = set(&(struct memtrap_spec){ .addr = &word,
	                                   .len = sizeof(long),
	                                   .kind = MEMTRAP_WRITE,
	                                   .handler = dump,
	                                   .arg = &ends[1],
	                                   .name = "the flag" });
	store(&word, sizeof(long), 0xabcdef);
	EQUAL(dumped, 1);
	memtrap_remove(trap);
	close(ends[1]);
	read_all(ends[0], text, sizeof(text));
	SAYS(text, "the flag");
	SAYS(text, "123456");
	SAYS(text, "abcdef");
	SAYS(text, "mov");
	for (unsigned i = 0; i < sizeof(registers) / sizeof(*registers); i++)
		SAYS(text, registers[i]);
	snprintf(number, sizeof(number), "%d", gettid());
	SAYS(text, number);
	snprintf(number, sizeof(number), "%lx", (unsigned long)store_at(sizeof(long)));
	SAYS(text, number);
}

/* Waits for a debugger where JUDGE_PARK asks for it: test_library.py brings gdb. */
CASE(held_for_gdb)
{
	struct memtrap *trap = trap_with_name(park);

	if (!getenv("JUDGE_PARK")) {
		memtrap_remove(trap);
		return;
	}
	store(&word, sizeof(long), 1);
	memtrap_remove(trap);
	puts("went on");
}
