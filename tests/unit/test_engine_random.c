/* SPDX-License-Identifier: MIT */
/*
 * Watchpoints over programs that engine-data/at-random.c makes by chance, by all mechanisms: each
 * hit is told, in order, with who it was, what it did, and the bytes before and after; and nothing
 * else is.
 *
 * MEMTRAP_RANDOM=FIRST,COUNT in the environment chooses the programs: as they are run by default
 * they take some seconds, thousands a minute.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "engine-data/at-random.h"
#include "engine_session.h"
#include "insn/insn.h"
#include "x86/debugreg.h"

#define MAX_LEN 24
#define MAX_WATCHES 3
#define MAX_HITS 4096

enum mechanism { BY_REGISTERS, BY_STEPPING, BY_FILTER, BY_ANY, MECHANISMS };

static const char *const mechanism_names[] = { "registers", "stepping", "filter", "any" };
static const char *const kind_names[] = { "change", "write", "read", "access" };

struct watch {
	int number;
	enum mechanism by;
	enum mt_watch_access kind;
	unsigned first, len;
	bool wants_odd;   /* a condition: the first byte is odd */
	bool sees_kernel; /* what the kernel does, also where no value changes */
};

struct hit {
	int number;
	enum mt_watch_who who;
	uint64_t pc, syscall;
	unsigned did;
	uint8_t before[MAX_LEN], now[MAX_LEN];
};

struct trial {
	struct session session;
	uint64_t made_addr, arena_addr;
	struct made *made;
	enum mechanism by;
	struct watch watches[MAX_WATCHES];
	size_t watch_count;
	struct hit *hits;
	size_t hit_count;
	unsigned long trials, told, wrong, refused;
	uint64_t state;
};

/* ---- Chance -------------------------------------------------------------- */

static uint64_t chance(struct trial *trial, uint64_t below)
{
	trial->state = trial->state * 6364136223846793005u + 1442695040888963407u;
	return (trial->state >> 33) % below;
}

static struct watch any_watch(struct trial *trial)
{
	struct watch watch = { .kind = (enum mt_watch_access)chance(trial, 4),
		               .by = trial->by == BY_ANY ? (enum mechanism)chance(trial, BY_ANY)
		                                         : trial->by };

	if (watch.by == BY_FILTER) {
		watch.kind = (enum mt_watch_access)chance(trial, 2);
		watch.len = 1u << chance(trial, 4);
		watch.first = (unsigned)chance(trial, ARENA / watch.len) * watch.len;
		watch.wants_odd = chance(trial, 2);
		return watch;
	}
	watch.len = 1 + (unsigned)chance(trial, chance(trial, 2) ? 8 : MAX_LEN);
	watch.first = (unsigned)chance(trial, ARENA - watch.len + 1);
	watch.wants_odd = chance(trial, 4) == 0;
	return watch;
}

/* ---- The truth ----------------------------------------------------------- */

static unsigned did_to(const struct event *event, const struct watch *watch)
{
	unsigned did = 0;

	for (unsigned i = 0; i < watch->len; i++)
		did |= event->did[watch->first + i];
	return did;
}

static bool is_changed(const struct trial *trial, size_t i, const struct watch *watch)
{
	return memcmp(trial->made->states[i] + watch->first,
	              trial->made->states[i + 1] + watch->first, watch->len) != 0;
}

/* Reads by the kernel, and writes of the same value, are seen in the kernel alone. */
static bool is_expected(const struct trial *trial, size_t i, const struct watch *watch)
{
	const struct event *event = &trial->made->events[i];
	unsigned did = did_to(event, watch);
	bool changed = is_changed(trial, i, watch);

	if (watch->wants_odd && !(trial->made->states[i + 1][watch->first] & 1))
		return false;
	if (event->syscall >= 0 && !watch->sees_kernel)
		return changed && watch->kind != MT_WATCH_READ;
	switch (watch->kind) {
	case MT_WATCH_CHANGE:
		return changed;
	case MT_WATCH_WRITE:
		return did & DID_WRITE;
	case MT_WATCH_READ:
		return did == DID_READ;
	default:
		return did != 0;
	}
}

/* ---- The comparison ------------------------------------------------------ */

static bool is_of(const struct hit *hit, const struct event *event)
{
	if (event->syscall >= 0)
		return hit->who == MT_WATCH_BY_SYSCALL && hit->syscall == (uint64_t)event->syscall;
	if (event->flags & EVENT_LEAVES && hit->who == MT_WATCH_BY_UNKNOWN)
		return true;
	return hit->who == MT_WATCH_BY_INSN && hit->pc == event->pc;
}

/* A register traps late in a repetition. What it may have done before is told apart where there is
 * another register for each that traps for reads: ptrace's have such. */
static bool is_exact(const struct trial *trial, const struct watch *watch)
{
	struct mt_dr_piece pieces[MT_DR_COUNT];
	bool reads = watch->kind == MT_WATCH_READ || watch->kind == MT_WATCH_ACCESS;

	if (watch->by == BY_STEPPING || !reads)
		return true;
	return !watch->sees_kernel && trial->watch_count == 1 &&
	       mt_dr_split(trial->arena_addr + watch->first, watch->len, pieces, MT_DR_COUNT) <= 2;
}

/* What was done in one go is told so; in several, what each has done. */
static bool did_right(const struct trial *trial, const struct hit *hit, const struct event *event,
                      const struct watch *watch)
{
	unsigned did = did_to(event, watch);

	if (hit->who != MT_WATCH_BY_INSN)
		return true;
	if (!(event->flags & EVENT_REP))
		return hit->did == did;
	return hit->did & did && (!is_exact(trial, watch) || !(hit->did & ~did));
}

static size_t event_at(const struct trial *trial, uint64_t pc)
{
	for (size_t i = 0; i < trial->made->count; i++)
		if (trial->made->events[i].pc == pc)
			return i;
	return trial->made->count;
}

static void print_event(struct trial *trial, const struct watch *watch, size_t i)
{
	const struct event *event = &trial->made->events[i];
	uint8_t bytes[MT_INSN_MAX_LEN] = { 0 };
	struct mt_insn insn = { 0 };

	if (i >= trial->made->count)
		return;
	mt_error_free(mt_debug_read(trial->session.debug, event->pc, bytes, sizeof(bytes)));
	mt_insn_decode(MT_MACHINE_X86_64, bytes, sizeof(bytes), event->pc, &insn);
	printf("\n  event %zu: %#" PRIx64 " %s, system call %d, did %u%s to", i, event->pc,
	       insn.text, event->syscall, did_to(event, watch),
	       is_changed(trial, i, watch) ? ", changed" : "");
	for (unsigned at = 0; at < ARENA; at++)
		if (event->did[at])
			printf(" %u:%u", at, event->did[at]);
}

static void describe(struct trial *trial, const struct watch *watch, const char *what, size_t i,
                     const struct hit *hit)
{
	if (trial->wrong++ >= 20)
		return;
	printf("seed %" PRIu64 ", by %s, %s of %u..%u%s: %s", trial->made->seed,
	       mechanism_names[watch->by], kind_names[watch->kind], watch->first,
	       watch->first + watch->len - 1, watch->wants_odd ? " if odd" : "", what);
	print_event(trial, watch, i);
	if (hit) {
		printf("\n  told: who %d, %#" PRIx64 ", system call %" PRIu64 ", did %u%s",
		       (int)hit->who, hit->pc, hit->syscall, hit->did,
		       memcmp(hit->before, hit->now, watch->len) != 0 ? ", changed" : "");
		print_event(trial, watch, event_at(trial, hit->pc));
	}
	printf("\n");
}

static const struct hit *next_hit(const struct trial *trial, const struct watch *watch, size_t *at)
{
	while (*at < trial->hit_count && trial->hits[*at].number != watch->number)
		++*at;
	return *at < trial->hit_count ? &trial->hits[*at] : NULL;
}

/* The hits of one event, from `*at` on: one, or some of a repetition. */
static bool take_hits(struct trial *trial, const struct watch *watch, size_t i, size_t *at)
{
	const struct event *event = &trial->made->events[i];
	const struct hit *hit = next_hit(trial, watch, at);
	const uint8_t *before = trial->made->states[i] + watch->first;
	const uint8_t *after = trial->made->states[i + 1] + watch->first;

	if (!hit || !is_of(hit, event)) {
		describe(trial, watch, "not told", i, hit);
		return false;
	}
	if (!watch->wants_odd && memcmp(hit->before, before, watch->len) != 0)
		describe(trial, watch, "another value before", i, hit);
	for (;;) {
		const struct hit *next;

		if (!did_right(trial, hit, event, watch))
			describe(trial, watch, "did something else", i, hit);
		++*at;
		next = next_hit(trial, watch, at);
		if (!(event->flags & EVENT_REP) || !next || !is_of(next, event))
			break;
		hit = next;
	}
	if (memcmp(hit->now, after, watch->len) != 0)
		describe(trial, watch, "another value now", i, hit);
	return true;
}

static bool may_read(const struct trial *trial, const struct event *event,
                     const struct watch *watch)
{
	unsigned did = did_to(event, watch);

	return is_exact(trial, watch) ? did & DID_READ : did != 0;
}

/* In between, a repetition may have had other values, for which the condition holds; and if it
 * reads and writes, some of its repetitions may have read only. Of one that was not stepped it may
 * not be known that it has not read. */
static void skip_between(const struct trial *trial, const struct watch *watch, size_t i, size_t *at)
{
	const struct event *event = &trial->made->events[i];
	const struct hit *hit;

	if (!(event->flags & EVENT_REP) ||
	    !(watch->wants_odd || (watch->kind == MT_WATCH_READ && may_read(trial, event, watch))))
		return;
	while ((hit = next_hit(trial, watch, at)) && is_of(hit, event))
		++*at;
}

static void compare(struct trial *trial, const struct watch *watch)
{
	size_t at = 0;

	for (size_t i = 0; i < trial->made->count; i++) {
		if (!is_expected(trial, i, watch))
			skip_between(trial, watch, i, &at);
		else if (!take_hits(trial, watch, i, &at))
			return;
	}
	if (next_hit(trial, watch, &at))
		describe(trial, watch, "told, and nothing was done", MAX_EVENTS,
		         next_hit(trial, watch, &at));
}

/* ---- A trial ------------------------------------------------------------- */

static enum mt_break_way way_of(enum mechanism by)
{
	return by == BY_STEPPING ? MT_WAY_STEPPING
	       : by == BY_FILTER ? MT_WAY_REGISTER_KERNEL
	                         : MT_WAY_REGISTER;
}

/* What the registers have no room for is refused. */
static bool set(struct trial *trial, struct watch *watch)
{
	struct session *session = &trial->session;
	char location[96], condition[96] = "";
	const uint64_t addr = trial->arena_addr + watch->first;
	struct mt_break_spec spec = { .kind = MT_BREAK_WATCH, .location = location };
	enum mt_break_way way;
	struct mt_error *error;

	snprintf(location, sizeof(location), "*(unsigned char (*)[%u])0x%" PRIx64, watch->len,
	         addr);
	if (watch->wants_odd)
		snprintf(condition, sizeof(condition), "(*(unsigned char *)0x%" PRIx64 " & 1)%s",
		         addr,
		         watch->by == BY_FILTER ? "" : " > 0.5"); /* which the kernel cannot do */
	else if (watch->by == BY_FILTER)
		snprintf(condition, sizeof(condition), "tid == %d",
		         (int)mt_debug_tid(session->debug));
	spec.condition = *condition ? condition : NULL;
	spec.watch.access = watch->kind;
	spec.watch.by_stepping = watch->by == BY_STEPPING;
	mt_debug_settings(session->debug)->watch_stepping = watch->by == BY_STEPPING;
	error = mt_debug_break(session->debug, &spec, &watch->number);
	if (error && mt_error_kind(error) == MT_ERR_NO_REGISTER) {
		mt_error_free(error);
		trial->refused++;
		return false;
	}
	MT_CK_OK(error);
	way = session_info(session, watch->number).way;
	watch->sees_kernel = session_info(session, watch->number).sees_kernel;
	if (trial->by == BY_ANY && watch->by == BY_FILTER && way == MT_WAY_REGISTER)
		watch->by = BY_REGISTERS; /* of perf's there was none left */
	ck_assert_msg(way == way_of(watch->by), "%s (%s) of %s if %s goes another way",
	              kind_names[watch->kind], mechanism_names[watch->by], location, condition);
	return true;
}

static void keep_hits(struct trial *trial)
{
	const struct mt_stop *stop = &trial->session.stop;

	for (size_t i = 0; i < stop->hit_count; i++) {
		const struct mt_watch_hit *hit = &stop->hits[i];
		struct hit *kept = &trial->hits[trial->hit_count++];
		size_t len = (size_t)hit->type->size;

		ck_assert_uint_lt(trial->hit_count, MAX_HITS);
		ck_assert_uint_le(len, MAX_LEN);
		*kept = (struct hit){ .number = hit->number,
			              .who = hit->who,
			              .pc = hit->insn.addr,
			              .syscall = hit->syscall,
			              .did = hit->did };
		ck_assert(hit->before.bytes && hit->now.bytes);
		memcpy(kept->before, hit->before.bytes, len);
		memcpy(kept->now, hit->now.bytes, len);
	}
}

/* From begin() to over(). */
static void run(struct trial *trial)
{
	struct session *session = &trial->session;

	trial->hit_count = 0;
	while (session_continue(session) == MT_STOP_WATCH)
		keep_hits(trial);
	ck_assert_msg(session->stop.kind == MT_STOP_BREAKPOINT,
	              "seed %" PRIu64 ", by %s: stop %d, signal %d", trial->made->seed,
	              mechanism_names[trial->by], (int)session->stop.kind, session->stop.signal);
	trial->told += trial->hit_count;
	trial->trials++;
}

static void try_one(struct trial *trial)
{
	struct session *session = &trial->session;
	size_t wanted = chance(trial, 3) ? 1 : 2 + chance(trial, 2);

	trial->watch_count = 0;
	for (size_t i = 0; i < wanted; i++) {
		trial->watches[trial->watch_count] = any_watch(trial);
		trial->watch_count += set(trial, &trial->watches[trial->watch_count]);
	}
	MT_CK_OK(
	    mt_debug_read(session->debug, trial->made_addr, trial->made, sizeof(*trial->made)));
	run(trial);
	for (size_t i = 0; i < trial->watch_count; i++) {
		compare(trial, &trial->watches[i]);
		MT_CK_OK(mt_debug_break_delete(session->debug, trial->watches[i].number));
	}
}

static void choose(uint64_t *first, uint64_t *count)
{
	const char *text = getenv("MEMTRAP_RANDOM");
	char *end;

	*first = 1;
	*count = 150;
	if (!text)
		return;
	*first = strtoull(text, &end, 10);
	if (*end == ',')
		*count = strtoull(end + 1, NULL, 10);
}

START_TEST(random_programs_are_told_exactly)
{
	struct trial trial = { .by = (enum mechanism)_i };
	struct session *session = &trial.session;
	uint64_t first, count;
	char seed[24], rounds[24];

	setvbuf(stdout, NULL, _IOLBF, 0);
	choose(&first, &count);
	snprintf(seed, sizeof(seed), "%" PRIu64, first);
	snprintf(rounds, sizeof(rounds), "%" PRIu64, count);
	trial.made = calloc(1, sizeof(*trial.made));
	trial.hits = calloc(MAX_HITS, sizeof(*trial.hits));
	trial.state = first * 77 + (uint64_t)_i;
	SESSION_START(session, "at-random", seed, rounds);
	session_break_entry(session, "begin", NULL);
	session_break_entry(session, "over", NULL);
	ck_assert_int_eq(session_continue(session), MT_STOP_BREAKPOINT);
	trial.made_addr = session_address(session, "made");
	trial.arena_addr = session_address(session, "arena");
	for (uint64_t i = 0; i < count; i++) {
		try_one(&trial);
		session_continue(session);
		if (i + 1 < count && session->stop.kind == MT_STOP_EXITED)
			session_printed(session, "done\n"); /* it says what we have changed */
	}
	ck_assert_int_eq(session->stop.kind, MT_STOP_EXITED);
	printf("by %s: %lu programs, %lu hits, %lu watchpoints for which there was no register\n",
	       mechanism_names[_i], trial.trials, trial.told, trial.refused);
	ck_assert_msg(!trial.wrong, "%lu were wrong", trial.wrong);
	session_printed(session, "done\n");
	session_end(session);
	free(trial.made);
	free(trial.hits);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine: random");
	TCase *tcase = tcase_create("engine: random");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, random_programs_are_told_exactly, 0, MECHANISMS);
	tcase_set_timeout(tcase, getenv("MEMTRAP_RANDOM") ? 3600 : 60);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
