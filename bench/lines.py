# SPDX-License-Identifier: MIT
"""The lines of the table: what memtrap promises, and what it does."""

import dataclasses
import time

import watchers
from measures import Series
from programs import Program

ROUNDS = 11
ROUNDS_OF_OTHERS = 5  # gdb and the like: their figures are far away from ours
ROUNDS_OF_STARTS = 9
ROUNDS_OF_LARGE = 7
ROUNDS_OF_LONG_RUNS = 3
NEIGHBOUR_WRITES = 100_000_000
DRAINED_HITS = 200_000
THREADS, HITS_PER_THREAD = 4, 50_000
IDLE_THREADS = 500


@dataclasses.dataclass
class Row:
    """A line of the table. Figures and limits are factors, or seconds with the unit "ms"."""

    line: str
    series: Series
    limit: float = None
    of: str = ""  # what the factor is a factor of
    at_least: bool = False
    note: str = ""

    @property
    def holds(self):
        if self.limit is None or not self.series.values:
            return None
        return self.series.median >= self.limit if self.at_least else self.series.median <= self.limit


@dataclasses.dataclass
class Watched:
    """One way to watch `target writes`, and what it cost, in every round."""

    watcher: watchers.Watcher
    program: str = "target"
    rounds: int = ROUNDS
    floor: Series = dataclasses.field(default_factory=Series)
    ratios: Series = dataclasses.field(default_factory=Series)  # to the floor's run just before
    added: Series = dataclasses.field(default_factory=Series)  # to the floor: seconds a write
    cpu: Series = dataclasses.field(default_factory=Series)
    elapsed: Series = dataclasses.field(default_factory=Series)
    missed: Series = dataclasses.field(default_factory=Series)

    def run(self, bench):
        floor = bench.unwatched(self.program, "writes", bench.writes, "floor")
        writes = max(200, round(bench.writes * self.watcher.share))
        cost = bench.watched(self.watcher, self.program, "writes", writes)
        self.floor.add(floor.cpu)
        # Where the program is stopped, a hit costs time on the clock, which its processor does not see.
        by_clock = self.watcher.stops
        self.ratios.add(cost.elapsed / floor.elapsed if by_clock else cost.cpu / floor.cpu)
        self.cpu.add(cost.cpu)
        self.elapsed.add(cost.elapsed)
        if cost.missed is not None:
            self.missed.add(cost.missed / writes)
        self.added.add(cost.elapsed - floor.elapsed if by_clock else cost.cpu - floor.cpu)


def ways_to_watch(bench):
    """By name: memtrap's modes, then the others."""

    def ours(name, *options, program="target"):
        return Watched(watchers.memtrap(bench.memtrap, name, *options), program)

    def other(watcher):
        return Watched(watcher, rounds=ROUNDS_OF_OTHERS)

    return {
        "false": ours("--if 'new == 0'", "--if", "new == 0"),
        "none": ours("--stack=none", "--stack=none"),
        "fp": ours("--stack=fp", "--stack=fp"),
        "dwarf": ours("--stack=dwarf", "--stack=dwarf", program="target-nofp"),
        "count": ours("-c", "-c"),
        "ptrace": other(watchers.ptrace_loop(bench.program("ptrace-loop"))),
        "perf": other(watchers.perf_record()),
        "bpftrace": other(watchers.bpftrace("count", "")),
        "bpftrace printf": other(watchers.bpftrace(
            "printf", 'printf("%lld %d %llx %lld\\n", nsecs, tid, reg("ip"), *(uint64 *)uptr(ADDR));')),
        "gdb": other(watchers.gdb("silent, continue", 0.1, "watch counter", [])),
        "gdb false": other(watchers.gdb("watch … if counter == 0", 0.1, "watch counter if counter == 0", None)),
        "gdb backtrace": other(watchers.gdb("backtrace, continue", 0.02, "watch counter", ["backtrace"])),
    }


# ---- What a write costs --------------------------------------------------------------------------


def measure_costs(bench, say):
    """All ways to watch, interleaved, every other round backwards; and which ways there are not, and why."""
    ways = ways_to_watch(bench)
    missing = {name: "not installed" for name, way in ways.items() if not way.watcher.installed}
    for number in range(ROUNDS):
        say(f"what a write costs: round {number + 1} of {ROUNDS}")
        for name in list(ways)[:: -1 if number % 2 else 1]:
            if name not in missing and number < ways[name].rounds:
                try:
                    ways[name].run(bench)
                except RuntimeError as error:
                    if not ways[name].watcher.needs:
                        raise
                    missing[name] = str(error).splitlines()[0]
    for name, why in missing.items():
        say(f"{ways[name].watcher.name} is left out: {why}")
    return {name: way for name, way in ways.items() if name not in missing}


def cost_rows(ways):
    floor = "× floor"
    return [
        Row("false condition, program's CPU", ways["false"].ratios, 1.08, floor),
        Row("hit with old, new, tid, pc, time (`--stack=none`)", ways["none"].ratios, 1.15, floor),
        Row("with a frame-pointer stack of 5 frames", ways["fp"].ratios, 1.18, floor),
        Row("with `--stack=dwarf`", ways["dwarf"].ratios, 1.40, floor),
        Row("`-c` (counted in the kernel per place)", ways["count"].ratios, 1.06, floor),
    ]


def gdb_rows(ways):
    """How many times cheaper a write is than under gdb; and the same without what the hardware takes for itself."""
    rows = []
    for text, gdb, ours, limit in [("false condition", "gdb false", "false", 25),
                                   ("hit with backtrace", "gdb backtrace", "dwarf", 100)]:
        if gdb not in ways:
            continue
        theirs, mine = ways[gdb], ways[ours]
        whole = [gdb / memtrap for gdb, memtrap in zip(theirs.elapsed.values, mine.elapsed.values)]
        rows.append(Row(f"against gdb, time a write: {text}", Series(whole), limit, "× cheaper", at_least=True))
        if mine.added.median > 0:  # else it is lost in the noise
            rows.append(Row(f"against gdb, what it adds to the floor: {text}",
                            Series(added / mine.added.median for added in theirs.added.values), None, "× cheaper"))
    return rows


# ---- Threads -------------------------------------------------------------------------------------


def thread_rows(bench, say):
    ratios, lost = Series(), Series()
    run = ("target-nofp", "threads", HITS_PER_THREAD, THREADS)
    for number in range(ROUNDS_OF_LONG_RUNS):
        say(f"{THREADS} threads: round {number + 1} of {ROUNDS_OF_LONG_RUNS}")
        floor = bench.unwatched(*run, "floor", threads=THREADS)
        cost = bench.watched(watchers.memtrap(bench.memtrap, "threads"), *run, threads=THREADS)
        ratios.add(cost.cpu / floor.cpu)
        lost.add(cost.missed)
    name = f"with `--stack=dwarf`, {THREADS} threads × {HITS_PER_THREAD:,}"
    return [Row(name, ratios, 1.40, "× floor"), Row(f"{name}: lost", Series([max(lost.values)]), 0, "hits")]


# ---- Armed and never hit -------------------------------------------------------------------------


def neighbour_rows(bench, say):
    ratios = Series()
    watcher = watchers.memtrap(bench.memtrap, "neighbours", expression="page.watched")
    for number in range(ROUNDS):
        say(f"armed, never hit: round {number + 1} of {ROUNDS}")
        without = bench.unwatched("target", "neighbours", NEIGHBOUR_WRITES)
        armed = bench.watched(watcher, "target", "neighbours", NEIGHBOUR_WRITES)
        after = bench.unwatched("target", "neighbours", NEIGHBOUR_WRITES)
        ratios.add(2 * armed.cpu / (without.cpu + after.cpu))
    return [Row("armed, never hit, neighbours on the line and the page written constantly", ratios, 1.02,
                "× unwatched")]


# ---- memtrap's own -------------------------------------------------------------------------------


def drain_rows(bench, say):
    """memtrap's processor time for a hit, beside what the hit costs the program at least."""
    ratios = Series()
    watcher = watchers.memtrap(bench.memtrap, "drain")
    for number in range(ROUNDS_OF_LONG_RUNS):
        say(f"memtrap's own CPU: round {number + 1} of {ROUNDS_OF_LONG_RUNS}")
        floor = bench.unwatched("target", "writes", bench.writes, "floor")
        cost = bench.watched(watcher, "target", "writes", DRAINED_HITS)
        ratios.add(cost.watcher_cpu / floor.cpu)
    return [Row("memtrap's own CPU per hit, text to a file with stacks", ratios, 1.0, "× floor")]


def memory_rows(bench, say):
    """Its memory after a fifth of a long run, and the most that it has later. The log is emptied as it grows."""
    hits = 10_000_000 if bench.long else 1_000_000
    samples = []

    def sample(watching):
        samples.append(watching.memory_kb())
        watching.forget_log()

    say(f"memtrap's memory over {hits:,} hits")
    bench.watched(watchers.memtrap(bench.memtrap, "memory"), "target", "writes", hits, meanwhile=sample)
    early, late = samples[len(samples) // 5], max(samples[len(samples) // 5:])
    return [Row(f"memtrap's memory over {hits:,} hits, against after a fifth of them", Series([late / early]), 1.01,
                f"× {early / 1024:.0f} MB")]


# ---- Starting ------------------------------------------------------------------------------------


def start_rows(bench, say, program, line, limit, rounds):
    """From exec to a hit that names its line: memtrap and gdb in turn."""
    path = bench.program(program)
    commands = {"memtrap": [bench.memtrap, "watch", "counter", "--", path],
                "gdb": [*watchers.gdb_script(bench.folder, "watch counter", "run", "kill"), path]}
    took = {"memtrap": Series(), "gdb": Series()}
    for number in range(rounds):
        say(f"{line}: round {number + 1} of {rounds}")
        for name, command in commands.items():
            took[name].add(bench.time_to_line(command, rf"\b{line_of(program)}:\d"))
    return [Row(f"exec to the first hit with its source line: {line}", took["memtrap"], limit, "ms",
                note=f"gdb {1000 * took['gdb'].median:.0f} ms")]


def line_of(program):
    return {"first": r"first\.c", "large": r"main\.c"}[program]


# ---- Arming --------------------------------------------------------------------------------------


def arming_time(bench, threads):
    """From exec to armed."""
    with Program(bench.program("target"), "idle", threads) as program, bench.attached(program.pid) as took:
        return took


def longest_pauses(bench):
    """Of a thread that looks for pauses, while memtrap arms and for as long without it."""
    with Program(bench.program("target"), "idle", IDLE_THREADS) as program:
        program.go()
        program.longest_pause()
        with bench.attached(program.pid) as took:
            armed = program.longest_pause()
        program.longest_pause()
        time.sleep(took)
        return armed, program.longest_pause()


def arming_rows(bench, say):
    """Arming one thread takes as long as starting does; what more threads take is beyond that."""
    took, paused, quiet = Series(), Series(), Series()
    for number in range(ROUNDS):
        say(f"arming {IDLE_THREADS} threads: round {number + 1} of {ROUNDS}")
        took.add(arming_time(bench, IDLE_THREADS) - arming_time(bench, 0))
        during, without = longest_pauses(bench)
        paused.add(during)
        quiet.add(without)
    return [Row(f"arming {IDLE_THREADS} threads", took, 0.015, "ms"),
            Row("longest pause of the target meanwhile", paused, max(0.001, *quiet.values), "ms",
                note=f"without memtrap {1000 * quiet.median:.2f} ms")]
