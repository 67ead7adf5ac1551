# SPDX-License-Identifier: MIT
"""Names in 150 MB of DWARF: with the index of names that memtrap keeps, and without; beside gdb with its own."""

import os
import re
import shutil
import subprocess
import time

from lines import ROUNDS_OF_LARGE, ROUNDS_OF_OTHERS, Row
from measures import Series
from watchers import gdb_script

NAMES = 1000  # looked up in one run, of the 3.4 million that there are; each in another place
SHOWN = r"^\$1 = 0$"
VALUES = ["tbreak main", "run", "info locals", "print counter", "kill"]
WITHOUT, COLD, CACHED = "no index", "cold", "cached"


def memtrap(bench, script, state, number):
    """With an empty cache at each round, or always the same one."""
    cache = bench.folder / (f"cache-{number}" if state == COLD else "cache")
    cache.mkdir(exist_ok=True)
    commands = bench.folder / "commands"
    commands.write_text("\n".join([*script, ""]))
    switch = "off" if state == WITHOUT else "on"
    return ["env", f"XDG_CACHE_HOME={cache}", f"MEMTRAP_INDEX_CACHE={switch}",
            bench.memtrap, "debug", "-batch", "-x", commands, bench.program("large")]


def gdb(bench, script, state, _number):
    """gdb's cache is off unless it is asked for; what it keeps are files of .gdb_index."""
    cache = bench.folder / "gdb-cache"
    cache.mkdir(exist_ok=True)
    early = [f"set index-cache directory {cache}", "set index-cache enabled on"] if state == CACHED else []
    command = [*gdb_script(bench.folder, *script), bench.program("large")]
    return [command[0], *(word for text in early for word in ("-iex", text)), *command[1:]]


def debuggers():
    return {"memtrap": memtrap, **({"gdb": gdb} if shutil.which("gdb") else {})}


def fill_caches(bench):
    """Both have looked at the program before."""
    for name, command in debuggers().items():
        script = ["index"] if name == "memtrap" else VALUES
        subprocess.run(command(bench, script, CACHED, 0), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)


def beside_gdb(took, scale, unit):
    return f"gdb {scale * took['gdb'].median:.3g} {unit}" if "gdb" in took else "gdb is not installed"


# ---- Starting ------------------------------------------------------------------------------------


def start_row(bench, say, state, text, limit):
    took = {name: Series() for name in debuggers()}
    for number in range(ROUNDS_OF_LARGE):
        say(f"debug, values in 150 MB of DWARF, {state}: round {number + 1} of {ROUNDS_OF_LARGE}")
        for name, command in debuggers().items():
            took[name].add(bench.time_to_line(command(bench, VALUES, state, number), SHOWN))
    return Row(f"exec to a stop in `main`, its locals and a global shown: 150 MB of DWARF, {text}",
               took["memtrap"], limit, "ms", note=beside_gdb(took, 1000, "ms"))


# ---- One name among a million --------------------------------------------------------------------


def name_script(count):
    return [f"print M{(7 * i) % 400}_ITEM{i % 800}_STATE{i % 8}" for i in range(count)]


def seconds(command):
    began = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
    return time.monotonic() - began, len(re.findall(r"^\$\d+ = M\d+_ITEM", done.stdout, re.MULTILINE))


def seconds_a_name(bench, command, state, names):
    """Of a script with so many, less that of one without."""
    without, _ = seconds(command(bench, [], state, 0))
    took, found = seconds(command(bench, name_script(names), state, 0))
    if found != names:
        raise RuntimeError(f"{names} names were looked up, and {found} found")
    return (took - without) / names


def name_row(bench, say, state, text, names, limit):
    took = {name: Series() for name in debuggers()}
    for number in range(ROUNDS_OF_OTHERS):
        say(f"debug, names, {text}: round {number + 1} of {ROUNDS_OF_OTHERS}")
        for name, command in debuggers().items():
            took[name].add(seconds_a_name(bench, command, state, names))
    return Row(f"a name among 3 million looked up, {text}", took["memtrap"], limit, "ms",
               note=beside_gdb(took, 1000, "ms"))


# ---- Memory --------------------------------------------------------------------------------------


def size_of_debug_sections(program):
    text = subprocess.run(["readelf", "-SW", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    return sum(int(size, 16) for size in re.findall(r"\.debug_\S+ +PROGBITS +\S+ +\S+ +(\S+)", text))


def most_memory(command):
    """Bytes of its own, of a file's pages too."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    return 1024 * usage.ru_maxrss


def memory_row(bench, say, state, script, text):
    say(f"debug, memory, {text}")
    size = size_of_debug_sections(bench.program("large"))
    took = {name: most_memory(command(bench, script, state, "memory")) for name, command in debuggers().items()}
    note = f"{took['memtrap'] / 1e6:.0f} of {size / 1e6:.0f} MB"
    if "gdb" in took:
        note += f"; gdb {took['gdb'] / 1e6:.0f} MB"
    return Row(f"memory, values and a name shown: 150 MB of DWARF, {text}", Series([took["memtrap"] / size]), 1,
               "× the debug sections", note=note)


def rows(bench, say):
    fill_caches(bench)
    script = [*VALUES, *name_script(1)]
    return [
        start_row(bench, say, COLD, "cold", 0.300),
        start_row(bench, say, CACHED, "with the cache", 0.100),
        name_row(bench, say, CACHED, "with the index", NAMES, 0.001),
        name_row(bench, say, WITHOUT, "the first ones, before there is an index", 3, None),
        memory_row(bench, say, COLD, script, "while it is indexed"),
        memory_row(bench, say, CACHED, script, "with the cache"),
    ]
