# SPDX-License-Identifier: MIT
"""memtrap debug with programs for i386."""

import re

import pytest

from debugging import debug, gdb
from watching import fixture

FRAMES = [fixture("frames-i386")]


def registers(done):
    """What info registers said: raw value and natural form by name; k0 and its like are not general to us."""
    listed = re.findall(r"^([a-z_]+)\s+(0x[0-9a-f]+)\s+(.*)$", done.out, re.MULTILINE)
    return {name: (raw, natural) for name, raw, natural in listed}


def test_registers_have_their_names_there():
    commands = ["break main", "run", "info registers"]
    ours, theirs = registers(debug(*commands, program=FRAMES)), registers(gdb(*commands, program=FRAMES))
    assert list(ours) == list(theirs)
    for name in ("ebx", "eip", "eflags", "cs", "ss", "gs"):
        assert ours[name] == theirs[name]
    assert ours["esp"][0] == ours["esp"][1] and ours["ebp"][0] == ours["ebp"][1]


@pytest.mark.parametrize("name", ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"])
def test_a_register_is_written_and_read_by_its_name(name):
    done = debug("break main", "run", f"set var ${name} = 0x1234", f"info registers {name}", f"print ${name}",
                 program=FRAMES)
    assert done.values()[1] == "4660"
    assert registers(done)[name][0] == "0x1234"


def test_eip_is_a_place_in_the_code():
    done = debug("break main", "run", "print $eip", "print $pc", "x/i $eip", "set view regs", "next", program=FRAMES)
    assert done.values()[1] == done.values()[2] and re.search(r"0x[0-9a-f]{8} <main\+\d+>", done.values()[1])
    assert done.lines(r"^=> 0x[0-9a-f]+ <main\+\d+>:")


def test_what_changed_is_shown_by_names_of_there():
    done = debug("set view regs", "break main", "run", "next", "next", program=FRAMES)
    changed = re.findall(r"([a-z0-9]+) = 0x", "".join(done.lines(r"^\s+changed: ")))
    assert changed and all(name in ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi") for name in changed)


def test_system_calls_are_caught_by_the_names_and_numbers_of_there():
    for call in ("write", "4"):
        done = debug(f"catch syscall {call}", "run", "print $eax", "continue", program=FRAMES)
        assert len(done.lines(r"\((call to|returned from) syscall write\)")) == 2


def test_every_instruction_of_a_function_has_a_breakpoint():
    """Calls, jumps and what pushes and pops: left when they stop, and when they are passed, the program says the same."""
    expected = re.search(r"^439 .*$", debug("run", program=FRAMES).out, re.MULTILINE)[0]
    functions = ["main", "recurse", "add_up", "deepest"]
    listing = debug("break main", "run", *(f"disassemble {name}" for name in functions), program=FRAMES).out
    places = [f"break *{place}" for place in re.findall(r"^(?:=>|  ) (0x[0-9a-f]+) <\+\d+>:", listing, re.MULTILINE)]
    assert len(places) > 40
    stopping = debug("break main", "run", *places, "while 1", "continue", "end", program=FRAMES)
    assert stopping.out.count("\nBreakpoint ") > 40 and stopping.lines(rf"^{re.escape(expected)}$")
    passing = debug("break main", "run", *places, *(f"ignore {i + 2} 100000" for i in range(len(places))), "continue",
                    program=FRAMES)
    assert passing.lines(rf"^{re.escape(expected)}$") and "exited normally" in passing.out
