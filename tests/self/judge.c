/* SPDX-License-Identifier: MIT */
#include "judge.h"

#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum {
	CASE_LIMIT = 80, /* seconds; then SIGALRM ends it */
	CHILD_LIMIT = 20,
	WRONG = 1,
	SKIPPED = 77,
};

static struct judge_case *first_case;
static const char *current = "judge";

void judge_add(struct judge_case *c)
{
	struct judge_case **end = &first_case;

	while (*end)
		end = &(*end)->next;
	*end = c;
}

void judge_fail(const char *file, int line, const char *fmt, ...)
{
	char text[1024];
	const char *slash = strrchr(file, '/');
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	dprintf(STDOUT_FILENO, "%s: %s:%d: %s\n", current, slash ? slash + 1 : file, line, text);
	_exit(WRONG);
}

void skip(const char *why)
{
	dprintf(STDOUT_FILENO, "skipped %s: %s\n", current, why);
	_exit(SKIPPED);
}

/* ---- Traps --------------------------------------------------------------- */

void see(struct memtrap_hit *hit, void *arg)
{
	struct seen *seen = arg;
	unsigned n = __atomic_fetch_add(&seen->count, 1, __ATOMIC_RELAXED);

	if (n >= SEEN_MAX)
		return;
	seen->hits[n] = *hit;
	if (hit->old_value)
		memcpy(seen->old_value[n], hit->old_value, seen->len);
	if (hit->new_value)
		memcpy(seen->new_value[n], hit->new_value, seen->len);
}

void count_hit(struct memtrap_hit *hit, void *counter)
{
	(void)hit;
	__atomic_fetch_add((unsigned *)counter, 1, __ATOMIC_RELAXED);
}

unsigned judge_flags(void)
{
	const char *backend = getenv("MEMTRAP_BACKEND");

	return JUDGE_STATIC && backend && !strcmp(backend, "ptrace") ? MEMTRAP_PARTIAL : 0;
}

struct memtrap *set(const struct memtrap_spec *spec)
{
	struct memtrap_spec with_flags = *spec;
	struct memtrap *trap = NULL;

	with_flags.flags |= judge_flags();
	MUST(memtrap_set(&trap, &with_flags));
	CHECK(trap != NULL);
	return trap;
}

struct memtrap *trap_on(const volatile void *addr, size_t len, enum memtrap_kind kind,
                        memtrap_handler handler, void *arg)
{
	return set(&(struct memtrap_spec){
	    .addr = addr, .len = len, .kind = kind, .handler = handler, .arg = arg });
}

struct memtrap *see_it(struct seen *seen, const volatile void *addr, size_t len,
                       enum memtrap_kind kind)
{
	seen->count = 0;
	seen->len = len;
	return trap_on(addr, len, kind, see, seen);
}

struct memtrap *see_writes(struct seen *seen, const volatile void *addr, size_t len)
{
	return see_it(seen, addr, len, MEMTRAP_WRITE);
}

static uint64_t number(const uint8_t *value, size_t len)
{
	uint64_t n = 0;

	memcpy(&n, value, len);
	return n;
}

uint64_t old_of(const struct seen *seen, unsigned n)
{
	CHECK(n < seen->count && n < SEEN_MAX && seen->hits[n].old_value);
	return number(seen->old_value[n], seen->len);
}

uint64_t new_of(const struct seen *seen, unsigned n)
{
	CHECK(n < seen->count && n < SEEN_MAX && seen->hits[n].new_value);
	return number(seen->new_value[n], seen->len);
}

struct memtrap_coverage coverage_of(const struct memtrap *trap)
{
	struct memtrap_coverage coverage;

	MUST(memtrap_coverage(trap, &coverage));
	return coverage;
}

/* ---- Threads, processes, output ------------------------------------------ */

pthread_t spawn(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	EQUAL(pthread_create(&thread, NULL, run, arg), 0);
	return thread;
}

void join(pthread_t thread)
{
	EQUAL(pthread_join(thread, NULL), 0);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		CHECK(errno == EINTR);
	return status;
}

static void be_child(void (*run)(void *arg), void *arg)
{
	const struct rlimit none = { 0, 0 };

	alarm(CHILD_LIMIT);
	setrlimit(RLIMIT_CORE, &none);
	run(arg);
	_exit(0);
}

int in_child(void (*run)(void *arg), void *arg)
{
	pid_t pid = fork();

	SYS(pid);
	if (!pid)
		be_child(run, arg);
	return wait_for(pid);
}

int in_child_heard(void (*run)(void *arg), void *arg, char *text, size_t size)
{
	int ends[2];
	pid_t pid;

	SYS(pipe(ends));
	pid = fork();
	SYS(pid);
	if (!pid) {
		SYS(dup2(ends[1], STDERR_FILENO));
		close(ends[0]);
		close(ends[1]);
		be_child(run, arg);
	}
	close(ends[1]);
	read_all(ends[0], text, size);
	close(ends[0]);
	return wait_for(pid);
}

void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(memory != MAP_FAILED);
	return memory;
}

static void *map_of(int fd, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(memory != MAP_FAILED);
	return memory;
}

void *twin_memory(size_t size, void **mirror)
{
	int fd = memfd_create("judge", 0);
	void *memory;

	SYS(fd);
	SYS(ftruncate(fd, (off_t)size));
	memory = map_of(fd, size);
	*mirror = map_of(fd, size);
	close(fd);
	return memory;
}

void read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got;

	while (len < size - 1 && (got = read(fd, text + len, size - 1 - len)) != 0) {
		if (got > 0)
			len += (size_t)got;
		else
			CHECK(errno == EINTR);
	}
	text[len] = '\0';
}

unsigned names_in(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned count = 0;

	CHECK(dir != NULL);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* ---- The program --------------------------------------------------------- */

static int run_here(const struct judge_case *c)
{
	current = c->name;
	c->run();
	return 0;
}

/* A process that has been through exec knows nothing of the cases before it. An alarm outlives
 * exec: alarm(2). */
static bool run_apart(const struct judge_case *c)
{
	int status, ended;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	SYS(pid);
	if (!pid) {
		alarm(CASE_LIMIT);
		execl("/proc/self/exe", program_invocation_name, c->name, (char *)NULL);
		_exit(127);
	}
	status = wait_for(pid);
	ended = judge_ended(status);
	if (ended == 0)
		printf("ok %s\n", c->name);
	else if (ended < 0)
		printf("%s: killed by signal %d (%s)\n", c->name, -ended, strsignal(-ended));
	else if (ended != WRONG && ended != SKIPPED)
		printf("%s: exit status %d\n", c->name, ended);
	return ended == 0 || ended == SKIPPED;
}

int main(int argc, char **argv)
{
	const struct judge_case *c;
	bool all_well = true;

	for (c = first_case; c; c = c->next) {
		if (argc < 2)
			all_well &= run_apart(c);
		else if (!strcmp(argv[1], c->name))
			return run_here(c);
	}
	if (argc < 2)
		return all_well ? 0 : WRONG;
	fprintf(stderr, "%s: no such case\n", argv[1]);
	return 2;
}
