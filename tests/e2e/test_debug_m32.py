# SPDX-License-Identifier: MIT
"""memtrap debug with programs for i386."""

import re

import pytest

from debugging import debug, gdb
from watching import fixture, truth_of

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


def test_the_number_in_a_register_is_an_address():
    """The stack is above 0x80000000, where an int is negative."""
    done = debug("break main", "run", "x/2wx $sp", "x/2wx $esp", "x/wx (int)$esp + 4", "info symbol (int)$eip",
                 program=FRAMES)
    shown = done.lines(r"^0xf[0-9a-f]{7}:")
    assert len(shown) == 3 and shown[0] == shown[1]
    assert int(shown[2][:10], 16) == int(shown[0][:10], 16) + 4 and shown[2].split()[1] == shown[0].split()[2]
    assert "main + " in done.out


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


# ---- Watchpoints

BY = pytest.mark.parametrize("by", ["", "-force-software "], ids=["registers", "stepping"])


def changes(done):
    return re.findall(r"Old value = (-?\d+)\nNew value = (-?\d+)\n", done.out)


@BY
@pytest.mark.parametrize("command, expected", [
    ("watch", ["0 1", "1 2", "2 3"]),
    ("watch -write", ["0 1", "1 1", "1 2", "2 2", "2 3", "3 3"]),  # the halves of a word
])
def test_what_is_written_is_watched(by, command, expected):
    done = debug("break bump", "run", "delete", f"{command} {by}counter", *["continue"] * 8, stdin="\n",
                 program=[fixture("writes-i386"), 3])
    assert [" ".join(change) for change in changes(done)] == expected
    assert done.out.count("Written by 0x") == done.out.count("<bump+") == len(expected)
    assert truth_of(done.out)["last"] == 3


@BY
@pytest.mark.parametrize("condition", ["counter == 2", "counter % 4 == $two"])
def test_a_watchpoint_has_a_condition(by, condition):
    done = debug("set $two = 2", "break bump", "run", "delete", f"watch {by}counter if {condition}", *["continue"] * 3,
                 stdin="\n", program=[fixture("writes-i386"), 5])
    assert changes(done) == [("1", "2")] and truth_of(done.out)["last"] == 5


@BY
def test_a_local_is_watched_until_its_frame_is_left(by):
    done = debug("break recurse if depth == 1", "run", f"watch {by}kept", *["continue"] * 3, program=FRAMES)
    assert [new for _, new in changes(done)] == ["100"]
    assert "Watchpoint 2 deleted because the program has left the block in" in done.out
    assert done.lines(r"^439 ") and "exited normally" in done.out


@pytest.mark.parametrize("program", ["kernelwrites", "kernelwrites-i386"])
@pytest.mark.parametrize("mode", ["read", "file", "getrandom"])
@pytest.mark.parametrize("others", [(), ("watch -force-software -l page.before[9]",)], ids=["alone", "beside steps"])
@BY
def test_what_a_system_call_writes_is_told_with_its_arguments(by, others, mode, program):
    done = debug(f"break do_{mode}", "run", f"watch {by}-l *(long long *)page.word", *others, "continue", "info hits 2",
                 "continue", stdin="\n", program=[fixture(program), mode])
    truth = truth_of(done.out)
    name, first, second = re.search(r"^Written by the system call (\w+)\((0x\w+), (0x\w+), 0x", done.out,
                                    re.MULTILINE).groups()
    places = {"getrandom": (truth["addr"], 8)}
    assert name == truth["syscall"]
    assert (int(first, 16), int(second, 16)) == places.get(mode, (truth.get("fd"), truth["addr"]))
    assert done.lines(rf"^1 .* by {name}$")
