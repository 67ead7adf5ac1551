# SPDX-License-Identifier: MIT
"""What memtrap debug costs the program that it runs, and the person who waits for it; beside gdb."""

import contextlib
import re
import shutil
import subprocess

import names
from lines import IDLE_THREADS, ROUNDS_OF_LARGE, ROUNDS_OF_OTHERS, ROUNDS_OF_STARTS, Row
from measures import Series
from programs import Program
from watchers import gdb_script

CALLS, STEPS, CALLS_OF_LINE, EVALUATIONS = 10_000, 10_000, 10_000, 100_000
MEGABYTES = 64
# A lost DR6 (see docs/ARCHITECTURE.md) is a signal to gdb, and to the floor, and ends them.
TRIES = 3
FALSE = "$rdi == 0"  # of `called`, whose argument counts from 1


# ---- The debuggers -------------------------------------------------------------------------------


def memtrap_command(bench, lines, *arguments):
    script = bench.folder / "commands"
    script.write_text("\n".join([*lines, ""]))
    return [bench.memtrap, "debug", "-batch", "-x", script, *arguments]


def gdb_command(bench, lines, *arguments):
    return [*gdb_script(bench.folder, *lines), *arguments]


def debuggers():
    """Their commands, by name."""
    return {"memtrap": memtrap_command, **({"gdb": gdb_command} if shutil.which("gdb") else {})}


def timed(command):
    """Runs a command in which the debuggee runs: what that tells of its time, and all that was printed."""
    for _ in range(TRIES):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        told = re.search(r"^elapsed_ns=(\d+)$", done.stdout, re.MULTILINE)
        if told:
            return int(told[1]) / 1e9, done.stdout
    raise RuntimeError(f"{command[0]} did not run the program to its end: {done.stdout[-2000:]}")


def debuggee(bench, *arguments):
    return [bench.program("debuggee"), *map(str, arguments)]


def debugged(bench, command, lines, *arguments):
    return timed(command(bench, lines, "--args", *debuggee(bench, *arguments)))


def way_of(printed):
    """How memtrap says that its breakpoint does its work, where the script has asked."""
    return next(iter(re.findall(r"^\s+(by .*)$", printed, re.MULTILINE)), "")


# ---- Beside the floor ----------------------------------------------------------------------------


# line of the table, the script, the debuggee's arguments, at most × floor
FLOORS = [
    ("false condition, hardware breakpoint", ["start", f"hbreak called if {FALSE}", "info breakpoints", "continue"],
     ("calls", CALLS), 1.10),
    ("false condition, watchpoint", ["start", "watch written if written == 0", "info watchpoints", "continue"],
     ("writes", CALLS), 1.10),
    ("a watchpoint's hit with a list of commands, and on",
     ["start", "watch written", "commands", "silent", "continue", "end", "info watchpoints", "continue"],
     ("writes", CALLS), 4),
]


def floor_row(bench, say, line, script, arguments, limit):
    ratios, ways = Series(), set()
    for number in range(ROUNDS_OF_OTHERS):
        say(f"debug, {line}: round {number + 1} of {ROUNDS_OF_OTHERS}")
        floor, _ = timed(debuggee(bench, *arguments, "floor"))
        took, printed = debugged(bench, memtrap_command, script, *arguments)
        ratios.add(took / floor)
        ways.add(way_of(printed))
    return Row(line, ratios, limit, "× floor", note=", ".join(sorted(ways)))


def step_row(bench, say):
    """A watchpoint without a register, beside single steps by ptrace that look at nothing."""
    ratios, took = Series(), Series()
    line = "a step with the check of a watchpoint"
    script = ["start", "watch -force-software untouched", "continue"]
    for number in range(ROUNDS_OF_OTHERS):
        say(f"debug, {line}: round {number + 1} of {ROUNDS_OF_OTHERS}")
        bare, _ = timed([bench.program("step-loop"), *debuggee(bench, "steps", STEPS)])
        ours, _ = debugged(bench, memtrap_command, script, "steps", STEPS)
        took.add(ours / STEPS)
        ratios.add(ours / bare)
    return Row(line, ratios, 1.3, "× bare step", note=f"{microseconds(took)} a round of the loop")


def floor_rows(bench, say):
    return [*(floor_row(bench, say, *floor) for floor in FLOORS), step_row(bench, say)]


# ---- Beside gdb ----------------------------------------------------------------------------------

AT_HIT = ["commands", "silent", "print $rdi", "continue", "end"]

# line of the table, the script, the debuggee's arguments, how many, at most × gdb
SCRIPTS = [
    ("false condition, software breakpoint", ["start", f"break called if {FALSE}", "info breakpoints", "continue"],
     ("calls", CALLS), CALLS, 0.10),
    ("a hit with a list of commands, and on", ["break called", *AT_HIT, "run"], ("calls", CALLS), CALLS, 0.20),
    (f"`stepi`, {STEPS:,} in a script", ["break stepped", "run", "delete", *["stepi"] * STEPS, "continue"],
     ("steps", STEPS), STEPS, 0.25),
    (f"`next` over a line with {CALLS_OF_LINE:,} calls", ["break looped", "run", "next", "next", "continue"],
     ("line", CALLS_OF_LINE), CALLS_OF_LINE, 0.25),
    ("a software watchpoint", ["start", "set can-use-hw-watchpoints 0", "watch untouched", "continue"],
     ("steps", STEPS), STEPS, 0.25),
    (f"`p->next->len`, evaluated {EVALUATIONS:,} times as a script's condition",
     ["break listed", "run", "set $i = 0", f"while p->next->len && $i++ < {EVALUATIONS}", "end", "continue"],
     ("list",), EVALUATIONS, 0.10),
    (f"`print p->next->len`, {EVALUATIONS:,} times in a script's loop",
     ["break listed", "run", "set $i = 0", f"while $i++ < {EVALUATIONS}", "print p->next->len", "end", "continue"],
     ("list",), EVALUATIONS, 0.10),
]


def microseconds(took):
    return f"{1e6 * took.median:.{1 if took.median < 10e-6 else 0}f} µs"


def script_row(bench, say, line, script, arguments, count, limit):
    took, way = {name: Series() for name in debuggers()}, ""
    for number in range(ROUNDS_OF_OTHERS):
        say(f"debug, {line}: round {number + 1} of {ROUNDS_OF_OTHERS}")
        for name, command in list(debuggers().items())[:: -1 if number % 2 else 1]:
            elapsed, printed = debugged(bench, command, script, *arguments)
            took[name].add(elapsed / count)
            way = way_of(printed) or way
    note = f"{microseconds(took['memtrap'])} each{', ' if way else ''}{way}"
    if "gdb" not in took:
        return Row(line, Series(), limit, "× gdb", note=f"{note}; gdb is not installed")
    ratios = Series(ours / theirs for ours, theirs in zip(took["memtrap"].values, took["gdb"].values))
    return Row(line, ratios, limit, "× gdb", note=f"{note}, gdb {microseconds(took['gdb'])}")


def script_rows(bench, say):
    return [script_row(bench, say, *script) for script in SCRIPTS]


# ---- Starting ------------------------------------------------------------------------------------


def beside_gdb(took):
    return f"gdb {1000 * took['gdb'].median:.0f} ms" if "gdb" in took else "gdb is not installed"


def start_row(bench, say, program, line, limit, rounds):
    return shown_row(bench, say, f"exec to a stop in `main`, its line shown: {line}",
                     bench.program(program), ["tbreak main", "run", "kill"], r"^\d+\t\s+counter = 1;", limit, rounds)


def shown_row(bench, say, line, program, script, shown, limit, rounds):
    """From the debugger's start until it has shown what it was asked for."""
    took = {name: Series() for name in debuggers()}
    for number in range(rounds):
        say(f"debug, {line}: round {number + 1} of {rounds}")
        for name, command in debuggers().items():
            took[name].add(bench.time_to_line(command(bench, script, program), shown))
    return Row(line, took["memtrap"], limit, "ms", note=beside_gdb(took))


# ---- Attaching -----------------------------------------------------------------------------------


@contextlib.contextmanager
def held(bench, command, pid):
    """A debugger that has stopped a process, and lets it go on as soon as it takes commands."""
    script = ["echo attached\\n", "continue"]
    process = subprocess.Popen(command(bench, script, "-p", str(pid)), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        if not any("attached\n" in line for line in process.stdout):
            raise RuntimeError(f"{process.args[0]} did not attach to {pid}")
        yield
    finally:
        process.terminate()
        process.stdout.read()
        process.wait()
        process.stdout.close()


def longest_pause(bench, command):
    """Of a thread that looks for pauses, from before a debugger comes until it has let it go on."""
    with Program(bench.program("target"), "idle", IDLE_THREADS) as program:
        program.go()
        program.longest_pause()
        with held(bench, command, program.pid):
            return program.longest_pause()


def attach_rows(bench, say):
    paused = {name: Series() for name in debuggers()}
    for number in range(ROUNDS_OF_OTHERS):
        say(f"debug, attaching to {IDLE_THREADS} threads: round {number + 1} of {ROUNDS_OF_OTHERS}")
        for name, command in debuggers().items():
            paused[name].add(longest_pause(bench, command))
    return [Row(f"attach to {IDLE_THREADS} threads: longest pause of the target until `continue`", paused["memtrap"],
                0.030, "ms", note=beside_gdb(paused))]


# ---- Memory --------------------------------------------------------------------------------------


def memory_rows(bench, say):
    """The engine's read, with breakpoints set, beside the bare system call: both told by one program."""
    ratios = Series()
    for number in range(ROUNDS_OF_OTHERS):
        say(f"debug, reading memory: round {number + 1} of {ROUNDS_OF_OTHERS}")
        done = subprocess.run([bench.program("read-memory"), str(MEGABYTES)], stdout=subprocess.PIPE, text=True,
                              check=True)
        told = dict(line.split("=") for line in done.stdout.split())
        ratios.add(int(told["engine_ns"]) / int(told["bare_ns"]))
    return [Row(f"reading {MEGABYTES} MiB of its memory", ratios, 1.20, "× process_vm_readv")]


def rows(bench, say):
    return [
        *floor_rows(bench, say),
        *script_rows(bench, say),
        start_row(bench, say, "first", "small program", 0.060, ROUNDS_OF_STARTS),
        start_row(bench, say, "large", "150 MB of DWARF", 0.250, ROUNDS_OF_LARGE),
        *names.rows(bench, say),
        *attach_rows(bench, say),
        *memory_rows(bench, say),
    ]
