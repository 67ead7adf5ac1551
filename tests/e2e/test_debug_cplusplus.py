# SPDX-License-Identifier: MIT
"""Expressions of C++ in memtrap debug: overloads, operators, virtual functions, casts, against what the program says."""

import re
import subprocess

import pytest

from debugging import debug, gdb, line_of
from watching import fixture

pytestmark = pytest.mark.unprivileged

PROGRAMS = ["overloads", "overloads-clang"]
FIRST = line_of("tell_number(\"p == q\"", "overloads.cc")


def at_told(name, *commands):
    return debug(f"break overloads.cc:{FIRST}", "run", *commands, program=[fixture(name)])


def truth_of(name):
    """The expressions, in the order in which the program has evaluated them, and what they came to."""
    said = subprocess.run([fixture(name)], capture_output=True, text=True, check=True).stdout
    return [line.rsplit("=", 1) for line in said.splitlines()]


def shown(value):
    """A value as the program tells it: without its type's name, true as 1, 'a' as 97, &1 as 1."""
    value = re.sub(r"^\(.*(&|reference)\) @0x[0-9a-f]+: ", "", value)
    value = {"true": "1", "false": "0"}.get(value, value)
    value = re.sub(r"^0x[0-9a-f]+ (<[^>]*> )?(?=\")", "", value)
    return re.sub(r"^(-?\d+) '.*'$", r"\1", value)


@pytest.mark.parametrize("name", PROGRAMS)
def test_expressions_are_what_the_program_makes_of_them(name):
    truth = truth_of(name)
    assert len(truth) > 60
    done = at_told(name, *[f"print {expression}" for expression, _ in truth])
    assert done.err == ""
    values = done.values()
    for number, (expression, value) in enumerate(truth, 1):
        assert (expression, shown(values[number])) == (expression, value)


WRONG = [
    ("over(p)", "no over takes these arguments; there is over(int"),
    ("p + 1", "the program has no operator+ that takes it"),
    ("p - r", "the program has no operator- that takes it"),
    ("L.pick()", "no pick takes these arguments"),
    ("fixed.x = fixed++", "the program has no operator++"),
    ("dynamic_cast<leaf &>(plain)", "it is no object of that class"),
    ("dynamic_cast<int *>(bp)", "leads to a pointer or a reference to a class"),
    ("dynamic_cast<leaf *>(1)", "it is no pointer to a class"),
    ("v.capacity()", "cannot be called: the program has no code for it"),
    ("s * 2", "the program has no operator*"),
    ("guard_of(safe)", "argument 1 is an object that C++ passes by reference to a copy"),
    ("twice_of(said)", "argument 1 is an object that C++ passes by reference to a copy"),
]


def test_what_no_function_takes_is_told():
    done = at_told("overloads", *[f"print {expression}" for expression, _ in WRONG])
    for expression, reason in WRONG:
        assert reason in done.err, (expression, done.err)
    assert not done.values()


def test_an_ambiguous_call_tells_what_it_may_mean():
    done = at_told("overloads", "print over(5L)")
    assert "this may mean any of: over(int), over(double)" in done.err


def test_who_only_looks_calls_nothing():
    done = debug(f"break overloads.cc:{FIRST} if p == q", "run", program=[fixture("overloads")])
    assert "functions cannot be called here" in done.out + done.err


# ---- What objects are

OBJECTS = ["print bp", "print *bp", "print op", "print br", "print L.o", "whatis bp", "whatis L", "ptype op", "print pp",
           "print &L", "print p", "whatis p", "print bp->l", "print op->d", "print bp->b", "print pp->b"]


def same(text):
    """Without addresses, which differ from one debugger's run to the other's."""
    return [re.sub(r"0x7ff[0-9a-f]+", "0x7ff", line) for line in text.splitlines() if re.match(r"\$|type|\w+ [*&]", line)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_objects_are_shown_as_what_they_are(name):
    ours = at_told(name, "set print object on", *OBJECTS)
    theirs = gdb(f"break overloads.cc:{FIRST}", "run", "set print object on", *OBJECTS, program=[fixture(name)])
    assert ours.err == ""
    assert same(ours.out) == same(theirs.out)
    assert "(leaf) {<derived> = " in ours.out and "/* real type = leaf * */" in ours.out


def test_vtables():
    done = at_told("overloads", "info vtbl bp", "info vtbl p")
    tables = re.findall(r"^vtable for '(\w+)' @ 0x[0-9a-f]+ \(subobject @ 0x[0-9a-f]+\):", done.out, re.MULTILINE)
    assert tables == ["base"]
    assert done.lines(r"^\[2\]: 0x[0-9a-f]+ <derived::who") and "does not have a virtual function table" in done.out
    done = at_told("overloads", "info vtbl L")
    assert re.findall(r"^vtable for '(\w+)'", done.out, re.MULTILINE) == ["leaf", "other"]
    assert done.lines(r"^\[2\]: 0x[0-9a-f]+ <non-virtual thunk to derived::which")
