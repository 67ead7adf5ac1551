# SPDX-License-Identifier: MIT
"""The figures in Markdown."""

import machine
from measures import Series


def number(value, unit):
    if unit == "ms":
        return f"{1000 * value:.{2 if value < 0.001 else 1}f}"
    if unit == "hits":
        return f"{value:.0f}"
    if value < 0.05:
        return f"{value:.3f}"
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def unit_name(unit):
    return f" {unit}" if unit else ""


def limit_text(row):
    if row.limit is None:
        return ""
    limit = f"{1000 * row.limit:g}" if row.of == "ms" else f"{row.limit:g}"
    return f"{'at least ' if row.at_least else ''}{limit}{unit_name(row.of)}"


def row_text(row):
    if not row.series.values:
        return f"| {row.line} | {limit_text(row)} | not measured: {row.note} | | |"
    low, high = row.series.middle
    spread = f"{number(low, row.of)} – {number(high, row.of)}" if len(row.series.values) > 1 else ""
    holds = {True: "yes", False: "**no**", None: ""}[row.holds]
    note = f" ({row.note})" if row.note else ""
    value = f"{number(row.series.median, row.of)}{unit_name(row.of)}"
    return f"| {row.line} | {limit_text(row)} | {value}{note} | {spread} | {holds} |"


def promises(rows):
    return ["| line | at most | median | middle half | holds |", "| --- | --- | --- | --- | --- |",
            *map(row_text, rows)]


def seen_text(missed):
    if not missed.values:
        return "not told"
    return f"{100 * (1 - missed.median):.1f} %" if any(missed.values) else "all"


def cost_line(way):
    low, high = way.ratios.middle
    by = "elapsed" if way.watcher.stops else "CPU"
    return (f"| {way.watcher.name} | {1e6 * way.cpu.median:.2f} | {1e6 * way.elapsed.median:.2f} | "
            f"{way.ratios.median:.2f} × floor, {by} | {low:.2f} – {high:.2f} | {seen_text(way.missed)} |")


def costs(ways):
    return ["| who watches | program's CPU, µs a write | elapsed, µs a write | ratio | middle half | hits seen |",
            "| --- | --- | --- | --- | --- | --- |", *(cost_line(way) for way in ways.values())]


def document(bench, rows, ways, of_library, of_debugger, loads):
    facts = machine.facts(bench.memtrap)
    floor = Series(value for way in ways.values() for value in way.floor.values)
    unwatched = bench.unwatched("target", "writes", 100_000_000)
    return "\n".join([
        "# Benchmarks",
        "",
        "Written by `bench/run --keep`; `make bench` prints the same for your machine. The floor is a hardware "
        "breakpoint that only counts, on the same loop of 8-byte writes in the same program. Each run is compared "
        "with a run of the floor just before it, and runs of everything else lie in between; figures are the medians "
        "of these ratios.",
        "",
        *(f"- {name}: {value}" for name, value in facts.items()),
        f"- floor: {1e6 * floor.median:.2f} µs a write (unwatched: {1e9 * unwatched.cpu:.2f} ns)",
        f"- load average before and after: {loads[0]}, {loads[1]}",
        f"- hits that the hypervisor delivered without saying of what (an empty DR6; no watcher can see those): "
        f"{bench.strays}",
        "",
        "## What was promised",
        "",
        *promises(rows),
        "",
        "## What a write costs the program",
        "",
        "A watcher that stops the program at each hit is compared by the clock: the program's own processor time "
        "doesn't see the wait.",
        "",
        *costs(ways),
        "",
        "## What libmemtrap costs the program that it lives in",
        "",
        "The bare handler is a perf event that sends SIGTRAP to a handler in plain C which counts and returns; "
        "processor time, each run beside a run of the bare handler.",
        "",
        *promises(of_library),
        "",
        "## What `memtrap debug` costs the program that it runs",
        "",
        "Times are from one mark in the program to another, by the clock: all that the debugger does lies in between. "
        "Its runs and gdb's alternate, with the same commands, and the ratio is of each pair. The floor is a hardware "
        "breakpoint that counts.",
        "",
        *promises(of_debugger),
        "",
    ])
