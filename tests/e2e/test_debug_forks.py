# SPDX-License-Identifier: MIT
"""memtrap debug over forks: who is followed, and where a step over a fork ends."""

import re

import pytest

from debugging import debug, gdb
from watching import BUILD

FAMILY = BUILD / "tests" / "unit" / "engine-data" / "family"
SOURCE = BUILD.parent / "tests" / "unit" / "engine-data" / "family.c"


def line_of(part):
    return 1 + next(i for i, line in enumerate(SOURCE.read_text().splitlines()) if part in line)


def shown_lines(done):
    """The numbers of the source lines that stops have shown."""
    return [int(number) for number in re.findall(r"^(?:0x[0-9a-f]+\t)?(\d+)\t", done.out, re.MULTILINE)]


def test_vfork_is_caught():
    done = debug("catch vfork", "run", "info breakpoints", "continue", program=[FAMILY, "vfork"])
    caught = re.search(r"^Catchpoint 1 \(vforked process (\d+)\), ", done.out, re.MULTILINE)
    assert caught and int(caught[1]) > 1
    assert re.search(r"^1 +catchpoint +keep +y.*\n\s+breakpoint already hit 1 time", done.out, re.MULTILINE)
    assert "done=1\n" in done.out and "parent=OK\n" in done.out and "exited normally" in done.out


def test_fork_is_not_vfork():
    assert "Catchpoint" not in debug("catch vfork", "run", program=[FAMILY, "fork"]).out.split("\n", 1)[1]
    assert "Catchpoint" not in debug("catch fork", "run", program=[FAMILY, "vfork"]).out.split("\n", 1)[1]


def test_a_vfork_that_is_caught_is_gone_through():
    """The child has the parent's memory, and with it what is set there while both stand."""
    done = debug("catch vfork", "run", "break marker", "continue", "continue", "info breakpoints",
                 program=[FAMILY, "vfork"])
    assert len(done.lines("hit Breakpoint 2|^Breakpoint 2, marker")) == 1
    assert "parent=OK\n" in done.out and "exited normally" in done.out


@pytest.mark.parametrize("how", ["fork", "vfork"])
def test_a_line_with_a_fork_ends_in_the_child(how):
    line = line_of(f"child = {how}();")
    commands = ["set follow-fork-mode child", f"break {line}", f"run {how}", "next", "print child", "next", "step",
                "continue"]
    done = debug(*commands, program=[FAMILY])
    assert shown_lines(done)[:3] == [line, line + 1, line + 2]
    assert done.values()[1] == "0" == gdb(*commands, program=[FAMILY]).values()[1]


@pytest.mark.parametrize("how", ["fork", "vfork"])
def test_a_line_with_a_fork_ends_in_the_parent(how):
    line = line_of(f"child = {how}();")
    done = debug(f"break {line}", "run", "next", "print child > 0", "continue", program=[FAMILY, how])
    assert shown_lines(done)[:2] == [line, line + 1]
    assert done.values()[1] == "1"
    assert "parent=OK\n" in done.out


def test_finish_out_of_fork_ends_in_the_child():
    done = debug("set follow-fork-mode child", "break fork", "run", "finish", "next", "print child", "continue",
                 program=[FAMILY, "fork"])
    assert re.search(r"^Run till exit from #0 .*fork", done.out, re.MULTILINE)
    assert done.lines(r"^Value returned is \$1 = 0$") and done.values()[2] == "0"
    assert "exited with code 05" in done.out


def test_instructions_are_stepped_through_a_fork_into_the_child():
    """From the fork's entry on, one by one: the step of the system call itself ends in the child."""
    script = ["set follow-fork-mode child", f"break {line_of('child = fork();')}", "run", "set $n = 0",
              "while $_inferior == 1 && $n++ < 3000", "stepi", "end", "print $_inferior", "finish", "continue"]
    done = debug(*script, program=[FAMILY, "fork"])
    assert done.values()[1] == "2"
    assert "exited with code 05" in done.out
