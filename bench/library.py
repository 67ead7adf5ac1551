# SPDX-License-Identifier: MIT
"""What libmemtrap costs the program that it lives in."""

import os
import subprocess

from lines import NEIGHBOUR_WRITES, ROUNDS, Row
from measures import Series
from programs import Program, wait_with_usage

HITS = 20_000
SETTINGS_OF_ONE, SETTINGS_OF_ALL = 500, 20
# Work that a library could slow down: a start, calls, and many allocations.
WORK = ["/usr/bin/python3", "-S", "-c", "d = {}\nfor i in range(1_000_000): d[i % 1000] = [i]"]


def run(bench, mode, count, backend=""):
    """Seconds of processor time, and on the clock, for each of `count`."""
    with Program(bench.program("library"), mode, count, environment={"MEMTRAP_BACKEND": backend}) as program:
        program.go()
        truth = program.finish()
    # A stray that the hypervisor garbled arrives at the bare handler too.
    if truth.get("arrived", count) < count:
        raise RuntimeError(f"library {mode}: {truth['arrived']} of {count} hits arrived")
    return truth["cpu_ns"] / count / 1e9, truth["elapsed_ns"] / count / 1e9


HITS_MEASURED = [
    ("a hit with an empty handler (`MEMTRAP_BARE`), perf back end", "empty", "perf", 1.15),
    ("the same with old, new, kind and culprit", "full", "perf", 1.35),
    ("ptrace back end, empty handler", "empty", "ptrace", 1.5),
    ("ptrace back end, with old, new, kind and culprit", "full", "ptrace", 1.5),
]


def hit_rows(bench, say):
    ratios = {line: Series() for line, *_ in HITS_MEASURED}
    for number in range(ROUNDS):
        say(f"libmemtrap, hits: round {number + 1} of {ROUNDS}")
        for line, mode, backend, _ in HITS_MEASURED[:: -1 if number % 2 else 1]:
            bare, _ = run(bench, "bare", HITS)
            ratios[line].add(run(bench, mode, HITS, backend)[0] / bare)
    return [Row(line, ratios[line], limit, "× bare handler") for line, *_, limit in HITS_MEASURED]


def setting_rows(bench, say):
    rows = []
    for line, mode, count, limit in [("set + remove, one thread", "one", SETTINGS_OF_ONE, 60e-6),
                                     ("set + remove, all of 100 threads", "all", SETTINGS_OF_ALL, 5e-3)]:
        for backend in ("perf", "ptrace"):
            took = Series()
            for number in range(ROUNDS):
                say(f"libmemtrap, {line}, {backend}: round {number + 1} of {ROUNDS}")
                took.add(run(bench, mode, count, backend)[1])
            # The limit is for the back end that is taken where there is a choice.
            rows.append(Row(f"{line}, {backend}", took, limit if backend == "perf" else None, "ms"))
    return rows


def armed_rows(bench, say):
    ratios = Series()
    for number in range(ROUNDS):
        say(f"libmemtrap, armed and never hit: round {number + 1} of {ROUNDS}")
        before, _ = run(bench, "neighbours", NEIGHBOUR_WRITES)
        armed, _ = run(bench, "armed", NEIGHBOUR_WRITES)
        after, _ = run(bench, "neighbours", NEIGHBOUR_WRITES)
        ratios.add(2 * armed / (before + after))
    return [Row("armed, never hit", ratios, 1.02, "× without")]


def work(preload):
    return wait_with_usage(subprocess.Popen(WORK, env=dict(os.environ, **preload)))


def loaded_rows(bench, say):
    """Interleaved, with and without; the middle half tells the noise."""
    library = bench.build / "lib" / "libmemtrap.so"
    ratios = Series()
    for number in range(ROUNDS):
        say(f"libmemtrap, loaded and nothing set: round {number + 1} of {ROUNDS}")
        before = work({})
        loaded = work({"LD_PRELOAD": str(library)})
        ratios.add(2 * loaded / (before + work({})))
    return [Row("loaded into a program (python3), nothing set", ratios, 1.02, "× without")]


def rows(bench, say):
    return [*hit_rows(bench, say), *setting_rows(bench, say), *armed_rows(bench, say), *loaded_rows(bench, say)]
