/* SPDX-License-Identifier: MIT */
/* What becomes of traps in children, and over exec. */
#include "judge.h"

#include <signal.h>
#include <spawn.h>
#include <sys/personality.h>

extern char **environ;

static volatile unsigned long word;
static struct memtrap *trap;

/* Seen by parent and children. */
static struct counts {
	unsigned parent, child, wrong;
} * counts;

static pid_t first_process;

static void count_by_process(struct memtrap_hit *hit, void *unused)
{
	(void)unused;
	if (hit->tid != gettid())
		ADD(counts->wrong, 1);
	ADD(*(getpid() == first_process ? &counts->parent : &counts->child), 1);
}

static void begin(unsigned flags)
{
	first_process = getpid();
	counts = shared_memory(sizeof(*counts));
	trap = set(&(struct memtrap_spec){ .addr = &word,
	                                   .len = sizeof(long),
	                                   .kind = MEMTRAP_WRITE,
	                                   .flags = flags,
	                                   .handler = count_by_process });
	word = 1;
	EQUAL(counts->parent, 1);
}

static void end(unsigned parent, unsigned child)
{
	word = 2;
	EQUAL(counts->parent, parent);
	EQUAL(counts->child, child);
	EQUAL(counts->wrong, 0);
	memtrap_remove(trap);
	word = 3;
	EQUAL(counts->parent, parent);
}

/* ---- fork() -------------------------------------------------------------- */

static void write_thrice(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < 3; i++)
		word = i;
}

CASE(a_child_has_no_trap)
{
	begin(0);
	for (unsigned i = 0; i < 5; i++)
		ENDED_WELL(in_child(write_thrice, NULL));
	end(2, 0);
}

/* What the parent set is gone; a scope's end, say, may still try to remove it. */
static void remove_and_set_anew(void *unused)
{
	(void)unused;
	memtrap_remove(trap);
	word = 1;
	EQUAL(counts->child, 0);
	for (unsigned i = 0; i < 4; i++)
		trap_on(&word, sizeof(long), MEMTRAP_WRITE, count_by_process, NULL);
	word = 2;
	EQUAL(counts->child, 4);
}

CASE(a_child_sets_its_own)
{
	begin(0);
	ENDED_WELL(in_child(remove_and_set_anew, NULL));
	end(2, 4);
}

static void *write_in_thread(void *unused)
{
	word = 9;
	return unused;
}

static void write_in_threads(void *unused)
{
	(void)unused;
	write_thrice(NULL);
	EQUAL(counts->child, 3);
	if (!(coverage_of(trap).gaps & MEMTRAP_GAP_NEW_THREADS)) {
		join(spawn(write_in_thread, NULL));
		EQUAL(counts->child, 4);
		PUT(counts->child, 3);
	}
	EQUAL(coverage_of(trap).armed, 1);
	memtrap_remove(trap);
	word = 1;
	EQUAL(counts->child, 3);
}

CASE(a_child_inherits_where_it_should)
{
	begin(MEMTRAP_INHERIT_FORK);
	ENDED_WELL(in_child(write_in_threads, NULL));
	end(2, 3);
}

static void bear_a_grandchild(void *unused)
{
	(void)unused;
	ENDED_WELL(in_child(write_thrice, NULL));
	write_thrice(NULL);
}

CASE(a_grandchild_inherits_too)
{
	begin(MEMTRAP_INHERIT_FORK);
	ENDED_WELL(in_child(bear_a_grandchild, NULL));
	end(2, 6);
}

/* One trap goes along, the other one stays, though they share a register. */
CASE(a_child_inherits_what_it_should_and_nothing_else)
{
	unsigned *stays = shared_memory(sizeof(*stays));
	struct memtrap *other;

	begin(MEMTRAP_INHERIT_FORK);
	other = trap_on(&word, sizeof(long), MEMTRAP_WRITE, count_hit, stays);
	ENDED_WELL(in_child(write_thrice, NULL));
	EQUAL(*stays, 0);
	end(2, 3);
	EQUAL(*stays, 2);
	memtrap_remove(other);
}

static void *fork_here(void *unused)
{
	ENDED_WELL(in_child(write_thrice, NULL));
	word = 5;
	return unused;
}

CASE(another_thread_forks)
{
	begin(0);
	if (coverage_of(trap).gaps & MEMTRAP_GAP_NEW_THREADS)
		skip("the static library on ptrace does not cover new threads");
	join(spawn(fork_here, NULL));
	end(3, 0);
}

static bool over;

static void *set_and_remove(void *unused)
{
	while (!GET(over))
		memtrap_remove(trap_on(&counts, sizeof(long), MEMTRAP_WRITE, NULL, NULL));
	return unused;
}

static void set_in_child(void *unused)
{
	(void)unused;
	memtrap_remove(trap_on(&word, sizeof(long), MEMTRAP_WRITE, NULL, NULL));
}

/* The child finds no lock held by a thread that it does not have. */
CASE(fork_while_another_thread_sets_traps)
{
	pthread_t thread;

	begin(0);
	thread = spawn(set_and_remove, NULL);
	for (unsigned i = 0; i < 50; i++)
		ENDED_WELL(in_child(set_in_child, NULL));
	PUT(over, true);
	join(thread);
	end(2, 0);
}

/* ---- exec ---------------------------------------------------------------- */

static int wait_for(pid_t pid)
{
	int status;

	SYS(waitpid(pid, &status, 0));
	return status;
}

CASE(vfork_and_exec)
{
	pid_t pid;

	begin(0);
	for (unsigned i = 0; i < 5; i++) {
		pid = vfork();
		SYS(pid);
		if (!pid) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(1);
		}
		ENDED_WELL(wait_for(pid));
	}
	end(2, 0);
}

CASE(spawned_programs)
{
	char name[] = "true", *const arguments[] = { name, NULL };
	pid_t pid;

	begin(MEMTRAP_INHERIT_FORK);
	EQUAL(posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environ), 0);
	ENDED_WELL(wait_for(pid));
	EQUAL(system("true"), 0);
	end(2, 0);
}

/* Runs the case in a process whose addresses are those of the program that it will exec: a trap
 * that outlived exec would hit there. */
static void fix_addresses(const char *name)
{
	int persona = personality(0xffffffff);

	SYS(persona);
	if (persona & ADDR_NO_RANDOMIZE)
		return;
	SYS(personality((unsigned long)persona | ADDR_NO_RANDOMIZE));
	execl("/proc/self/exe", "judge", name, (char *)NULL);
	FAIL("exec: %s", strerror(errno));
}

/* What the cases below exec. */
CASE(writer)
{
	const char *address = getenv("JUDGE_WORD");

	if (address)
		EQUAL(strtoull(address, NULL, 16), (uintptr_t)&word);
	for (unsigned i = 0; i < 10; i++)
		word = i;
	EQUAL(word, 9);
}

static void become_writer(void *unused)
{
	char address[32];

	(void)unused;
	snprintf(address, sizeof(address), "%lx", (unsigned long)&word);
	setenv("JUDGE_WORD", address, 1);
	execl("/proc/self/exe", "judge", "writer", (char *)NULL);
	FAIL("exec: %s", strerror(errno));
}

static void *exec_in_thread(void *unused)
{
	become_writer(NULL);
	return unused;
}

static void become_writer_in_thread(void *unused)
{
	(void)unused;
	begin(0);
	join(spawn(exec_in_thread, NULL));
}

static void trap_and_become_writer(void *unused)
{
	begin(0);
	become_writer(unused);
}

CASE(traps_end_with_exec)
{
	fix_addresses("traps_end_with_exec");
	ENDED_WELL(in_child(trap_and_become_writer, NULL));
	ENDED_WELL(in_child(become_writer_in_thread, NULL));
}

static void fork_and_become_writer(void *unused)
{
	(void)unused;
	begin(MEMTRAP_INHERIT_FORK);
	ENDED_WELL(in_child(become_writer, NULL));
}

CASE(inherited_traps_end_with_exec)
{
	fix_addresses("inherited_traps_end_with_exec");
	ENDED_WELL(in_child(fork_and_become_writer, NULL));
}

static void *hammer(void *unused)
{
	while (!GET(over))
		word = 1;
	return unused;
}

static void exec_among_hammers(void *unused)
{
	(void)unused;
	begin(0);
	for (unsigned i = 0; i < 4; i++)
		spawn(hammer, NULL);
	become_writer(NULL);
}

CASE(exec_while_others_are_hit)
{
	fix_addresses("exec_while_others_are_hit");
	for (unsigned i = 0; i < 10; i++)
		ENDED_WELL(in_child(exec_among_hammers, NULL));
}
