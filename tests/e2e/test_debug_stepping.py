# SPDX-License-Identifier: MIT
"""memtrap debug: where steps go, beside gdb; jumps and returns; what is caught; an interrupt on the way."""

import os
import re
import time

import pytest

from debugging import LIMIT, Terminal, debug, debuggee, gdb, line_of, marked
from watching import fixture, truth_of

pytestmark = pytest.mark.unprivileged


def lines(done):
    """The lines of source that stops showed, with an address before them or not."""
    return [int(number) for number in re.findall(r"^(?:0x[0-9a-f]+\t)?(\d+)\t", done.out, re.MULTILINE)]


# ---- Beside gdb


@pytest.mark.parametrize("name", ["inlines", "inlines-fast", "inlines-clang"])
@pytest.mark.parametrize("command", ["step", "next"])
def test_inlined_functions_are_stepped_as_gdb_does(name, command):
    commands = ["break *work", "run", *[command] * 5]
    ours, theirs = (run(*commands, program=[fixture(name)]) for run in (debug, gdb))
    assert lines(ours) == lines(theirs)
    assert len(lines(ours)) == 6


@pytest.mark.parametrize("bind", ["", "1"])
def test_step_enters_a_library_through_its_stub(bind):
    """LD_BIND_NOW (ld.so(8)): else the dynamic linker looks the function up in the first call."""
    call = line_of("library_bump(i)", "loader.c")
    done = debug(f"break loader.c:{call}", "run", "step", "backtrace", program=[fixture("loader")], stdin="\n",
                 env={"LD_BIND_NOW": bind})
    assert f"{line_of('library_counter = value', 'libfixture.c')}\t" in done.out
    assert re.search(rf"^#0 +library_bump .*\n#1 .* main .*:{call}$", done.out, re.MULTILINE)


# ---- From another place, and out of frames


def test_jump_leaves_out_what_is_between():
    line = marked("after")
    done = debug("break middle", "run", f"break {line}", f"jump {line}", "print sum", "jump", "jump nosuch", program=debuggee())
    assert re.search(r"^Continuing at 0x[0-9a-f]+\.$", done.out, re.MULTILINE)
    assert "Breakpoint 2, middle (" in done.out
    assert "jump takes the place" in done.err and "nosuch" in done.err


def test_return_takes_frames_away():
    done = debug("break leaf if $edi == 7", "run", "return 1000", "delete", "continue", program=debuggee())
    assert re.search(r"^#0 +0x[0-9a-f]+ in recurse \(", done.out, re.MULTILINE)
    assert truth_of(done.out)["result"] == 4 * (0 + 1 + 2) + 1000 + 3


# ---- What is caught


def test_tcatch_stops_once():
    done = debug("tcatch syscall getcwd", "info breakpoints", "run", "info breakpoints", "continue", program=debuggee("args"))
    assert done.lines(r"^1 +catchpoint +del +y +syscall getcwd$")
    assert len(done.lines(r"syscall getcwd\), ")) == 1
    assert "No breakpoints, watchpoints or catchpoints" in done.out
    assert "result" in truth_of(done.out)


@pytest.mark.parametrize("kind", ["load", "unload"])
def test_loads_and_unloads_are_caught(kind):
    done = debug("break main", "run", f"catch {kind}", f"tcatch {kind}", "info breakpoints", "continue", "continue", "continue",
                 program=[fixture("loader"), fixture("plugin.so")], stdin="\n")
    assert done.lines(rf"^2 +catchpoint +keep +y +{kind}") and done.lines(rf"^3 +catchpoint +del +y +{kind}")
    assert len(done.lines(r"libraries came or went")) == 2
    assert "load" in debug("catch load libc", program=[fixture("loader")]).err


# ---- Interrupts


def sleeps(pid):
    """Whether it is in clock_nanosleep(), number 230 (proc(5), /proc/PID/syscall)."""
    with open(f"/proc/{pid}/syscall", encoding="ascii") as syscall:
        return syscall.read().startswith("230 ")


def test_an_interrupt_stops_a_step_over_a_long_call(tmp_path):
    with Terminal("-q", *debuggee("loop"), home=tmp_path) as terminal:
        terminal.do(f"break {line_of('do_one(argv[1]')}")
        terminal.do("run")
        terminal.type("next\n")
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:  # the program has the terminal, and is in the call
            group = os.tcgetpgrp(terminal.fd)
            if group != terminal.pid and sleeps(group):
                break
        terminal.type("\x03")
        assert "SIGINT" in terminal.until(terminal.PROMPT)
        assert "do_one (" in terminal.do("backtrace")
