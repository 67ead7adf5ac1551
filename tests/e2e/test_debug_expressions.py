# SPDX-License-Identifier: MIT
"""memtrap debug: expressions over the frame, with gdb as the judge, and in conditions of breakpoints."""

import functools

import pytest

from debugging import debug, debuggee, gdb, marked
from watching import fixture

pytestmark = pytest.mark.unprivileged

IN_LEAF = [
    "a", "b", "a * 10 + b", "&numbers[a] - numbers", "a == 4 && b == 0", "sizeof a", "sizeof(struct node)", "head->next->id + a",
    "(char)(a + 61)", "a, b", "(short)70000", "numbers[a]@2", "RUNNING", "first.state == RUNNING", "(enum state)2", "sizeof(int[3])",
    "1.5L * a", "\"ab\" \"cd\"", "sizeof(\"abc\")", "{short} &numbers[1]", "*head->next->name@3", "middle::a",
    "middle::sum", "main::argc", "::counter", "'debuggee.c'::counter", "debuggee.c::tiny", "(long)&((struct node *)0)->weight", "*(short (*)[4])first.vector",
    "a ? 1.5 : 2", "-a >> 1", "(unsigned char)-1 + 1", "counter = 100", "counter += a", "counter++", "counter", "first.low = 9", "first.high",
    "second = first", "second.vector", "numbers[0] = numbers[1] = 7", "numbers", "a = 11", "a", "$x = a", "$x * 2", "$x += 1", "$x",
    "$node = first", "$node.id", "tiny--", "tiny", "leaf", "*leaf", "&leaf", "unsigned(7)/2",
]


@functools.cache
def session(run_it):
    return run_it("break leaf", "run", *(f"print {expression}" for expression in IN_LEAF), program=debuggee())


# What gdb itself says differently, or cannot: 'unsigned(7)' in C, and a file's name without quotes.
@pytest.mark.parametrize("expression", [e for e in IN_LEAF if e not in ("unsigned(7)/2", "debuggee.c::tiny", "::counter")])
def test_print_says_what_gdb_says(expression):
    theirs = gdb("break leaf", "run", *(f"print {e}" for e in before(expression)), f"print {expression}", program=debuggee())
    ours = debug("break leaf", "run", *(f"print {e}" for e in before(expression)), f"print {expression}", program=debuggee())
    assert list(ours.values().values())[-1] == list(theirs.values().values())[-1]


def before(expression):
    """The changes that come before it in the list: the answer depends on them."""
    return [e for e in IN_LEAF[:IN_LEAF.index(expression)] if "=" in e.replace("==", "") or "++" in e or "--" in e]


def test_all_of_them_have_a_value():
    assert len(session(debug).values()) == len(IN_LEAF), session(debug).err


def test_locals_of_outer_frames():
    done = debug(f"break {marked('leaf')} if b == 2", "run", "print middle::sum", "up", "print i", "print sum", "print a", "set var sum = 1000",
                 "delete", "finish", "print $", program=debuggee())
    # middle(4) has added 4*0 and 4*1 so far; 4*2 is still to come.
    assert list(done.values().values())[:4] == ["4", "2", "4", "4"]
    assert list(done.values().values())[4].startswith("1008")


@pytest.mark.parametrize("condition, b", [
    ("b == 1", "1"), ("a + b > 5", "2"), ("numbers[b] == 30", "2"), ("head->id == b", "1"), ("ratio * b > 0.4", "2"), ("sizeof(a) == b + 2", "2"),
])
def test_conditions_over_the_frame(condition, b):
    done = debug(f"break {marked('leaf')} if {condition}", "run", "print b", "info breakpoints", program=debuggee())
    assert done.values()[1] == b
    assert f"stop only if {condition}" in done.out and f"the condition was false {b} time" in done.out


def test_a_condition_that_cannot_be_told_stops_and_says_why():
    done = debug(f"break {marked('leaf')} if *(int *)(long)b == 1", "run", "print b", program=debuggee())
    assert done.values()[1] == "0"
    assert "the condition of breakpoint 1 " in done.out + done.err


@pytest.mark.parametrize("condition, sentence", [
    ("nosuch == 1", "nosuch"), ("b = 1", "did you mean ==?"), ("b == ", "a value is missing"), ("b++ == 1", "would change"),
    ("first == 1", "is of type struct node"),
])
def test_conditions_that_make_no_sense(condition, sentence):
    done = debug(f"break {marked('leaf')} if {condition}", "info breakpoints", program=debuggee())
    assert sentence in done.err and "No breakpoints" in done.out


def test_own_variables_in_conditions():
    done = debug("set $wanted = 2", f"break {marked('leaf')} if b == $wanted", "run", "print b", program=debuggee())
    assert done.values()[1] == "2"


def test_calls():
    done = debug("break main", "run", "print leaf(3, 4)", "print leaf(2, leaf(2, 3)) + 1", "call recurse(2)", "print counter", "print leaf(1)",
                 program=debuggee())
    values = done.values()
    # recurse(2) calls leaf(7, 6) at its end; counter is 41 and takes 3+4, 2+3, 2+6 and 7+6.
    assert (values[1], values[2], values[3], values[4]) == ("12", "13", "44", str(41 + 7 + 5 + 8 + 13))
    assert "takes 2 arguments, not 1" in done.err


def test_a_label_within_a_function_is_a_place():
    done = debug("print at_spilled", "whatis at_spilled", "break *at_spilled", "run", "print $pc == &at_spilled",
                 program=[fixture("scopes-clang-fast")])
    assert done.lines(r"^\$1 = \{<text variable, no debug info>\} 0x\w+ <spills\+\d+>$")
    assert done.lines(r"^type = <text variable, no debug info>$")
    assert done.lines(r"^Breakpoint 1, spills \(n=\d+\)") and done.lines(r"^\$2 = 1$")
