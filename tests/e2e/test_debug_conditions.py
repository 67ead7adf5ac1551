# SPDX-License-Identifier: MIT
"""memtrap debug: conditions of breakpoints that the kernel decides."""

import os
import re
import signal
import subprocess

import pytest

from debugging import arguments_of, debug
from watching import MEMTRAP, Program, fixture, source_line, truth_of

UPROBE = "by a uprobe; the condition is decided in the kernel"
REGISTER = "by a debug register; the condition is decided in the kernel"
INT3 = "by an int3 in the program"


def sum_of(rounds):
    return sum(((i + i) * i - i) & i for i in range(rounds))


def hot(rounds, *more):
    return [fixture("hot"), str(rounds), *more]


def at(name):
    return f"hot.c:{source_line('hot.c', f'NEXT_LINE({name})') + 1}"


def told(done):
    """What info breakpoints says below each breakpoint, by its number."""
    tables = re.split(r"^(\d+) +(?:hw )?breakpoint .*$", done.out, flags=re.MULTILINE)[1:]
    return {int(number): text for number, text in zip(tables[::2], tables[1::2])}


def test_a_false_condition_never_stops_the_program():
    done = debug(f"break {at('wide')} if $rdi == 100000", "start", "info breakpoints", "continue", "info breakpoints",
                 program=hot(20000))
    assert UPROBE in done.out and "the condition was false 20000 times" in told(done)[1]
    assert "Breakpoint 1, " not in done.out
    assert truth_of(done.out)["sum"] == sum_of(20000)


@pytest.mark.parametrize("name, way", [("wide", UPROBE), ("one", REGISTER)])
def test_a_true_one_stops_before_the_line(name, way):
    done = debug(f"break {at(name)} if $rdi % 1000 == 999", "run", "print $rdi", "set var last = 0", "next",
                 "print last", "info breakpoints", "continue", "print $rdi", "delete", "continue", program=hot(5000))
    values = done.values()
    assert (values[1], values[3]) == ("999", "1999")
    assert values[2] == ("1" if name == "wide" else "0")
    assert way in told(done)[1] and "already hit 1 time\n" in told(done)[1]
    assert truth_of(done.out)["sum"] == sum_of(5000)


def test_when_the_registers_run_out():
    names = ["one", "two", "three", "four", "five", "wide"]
    done = debug(*[f"break {at(name)} if $rdi == 7{i}" for i, name in enumerate(names)], "run", *["continue"] * 5,
                 "info breakpoints", "continue", "info breakpoints", program=hot(200))
    ways = re.findall(r"^\t(by .*)$", done.out, re.MULTILINE)
    assert ways == [REGISTER] * 4 + [INT3, UPROBE]
    counts = told(done).values()
    assert all("already hit 1 time\n" in text and "was false 199 times" in text for text in counts) and len(counts) == 6
    assert truth_of(done.out)["sum"] == sum_of(200)


def test_what_the_kernel_cannot_know_is_asked_here():
    done = debug("set $wanted = 7", "hbreak add if round == $wanted", "run", "print round", "info breakpoints",
                 program=hot(20))
    assert done.values()[1] == "7"
    assert "by a debug register\n" in done.out and "already hit 1 time\n" in done.out


def test_the_code_is_shown_as_it_is():
    listing = debug("disassemble /r add", program=hot(1)).out
    broken = debug(f"break {at('wide')} if $rdi == 5", "start", "disassemble /r add", program=hot(1)).out
    codes = [re.findall(r"<\+\d+>:\t((?:[0-9a-f]{2} )+)", text) for text in (listing, broken)]
    assert codes[0] == codes[1] and len(codes[0]) > 10


def test_an_attached_program_outlives_sigkill():
    with subprocess.Popen(hot(100000, "wait"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        while not program.stdout.readline().startswith("ready"):
            pass
        commands = [f"break {at('wide')} if $rdi % 3 == 0", "ignore 1 1000000", f"break {at('one')}", "echo set\\n",
                    "continue"]
        command = [MEMTRAP, "debug", "-p", str(program.pid), *arguments_of(commands)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as debugger:
            while "set" not in debugger.stdout.readline():
                pass
            program.stdin.write("\n")
            program.stdin.flush()
            while "Breakpoint 2, " not in debugger.stdout.readline():
                pass
            os.kill(debugger.pid, signal.SIGKILL)
            debugger.communicate()
        assert truth_of(program.stdout.read())["sum"] == sum_of(100000)
    assert program.returncode == 0


def test_a_signal_of_its_own_that_comes_with_a_filters_hold_is_not_lost():
    """A thread has one SIGURG waiting at most, and the kernel makes one of both."""
    with Program("signalled", "urgent") as program:
        for _ in range(3):
            done = debug(f"attach {program.pid}", "handle SIGURG nostop noprint pass", "watch mark if mark % 50 == 0",
                         "ignore 1 400", "info watchpoints", "continue", "detach")
            assert "decided in the kernel" in done.out and "will be ignored" not in done.err
        assert program.finish().endswith("ok\n")
    assert program.truth["lost"] == 0 and program.truth["handled"] == program.truth["sent"] > 0
    assert program.truth["sum"] == program.truth["expected"] and program.truth["strangers"] == 0
