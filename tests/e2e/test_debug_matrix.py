# SPDX-License-Identifier: MIT
"""Variables of each type at each kind of place, as each compiler describes them: what memtrap debug prints is what the
program itself says of them. Only gdb may excuse an "optimized out", on the same program at the same place."""

import functools
import itertools
import re
import subprocess

import pytest

from debugging import debug, gdb
from watching import fixture

BUILDS = [f"matrix-{how}" for how in """
    gcc-o0-4 gcc-o0-5 gcc-o2-4 gcc-o2-5 gcc-o0-g3-4 gcc-o2-g3-5 gcc-og-5 gcc-o2-types-4 gcc-o0-types-5
    gcc-o2-split-4 gcc-o2-split-5
    clang-o0-4 clang-o0-5 clang-o2-4 clang-o2-5 clang-o1-g3-5 clang-o0-macro-4 clang-o2-types-4 clang-o0-types-5
    clang-o2-split-4 clang-o2-split-5 clang-o0-split-5""".split()]

# In .dwp packages, which gdb 13 crashes on where they are of DWARF 5: beside each, the build that has the .dwo files.
PACKED = {"matrix-gcc-o2-package-4": "matrix-gcc-o2-split-4", "matrix-gcc-o2-package-5": "matrix-gcc-o2-split-5",
          "matrix-clang-o2-package-4": "matrix-clang-o2-split-4", "matrix-clang-o2-package-5": "matrix-clang-o2-split-5",
          "matrix-gcc-o0-package-types-4": "matrix-gcc-o0-4", "matrix-gcc-o0-package-types-5": "matrix-gcc-o0-5"}

# Beside what the program says: gdb's word alone.
ASKED = {
    1: ["whatis color", "whatis most", "ptype flags", "print/x large", "print/t byte", "print &number", "whatis tiny + byte"],
    3: ["ptype *record", "ptype record->grid", "whatis record->huge", "print record->at", "ptype packed", "print *record->next",
        "whatis &record->tail", "print &record->at"],
    4: ["whatis known", "ptype known", "print *known@2", "print known[1]@2"],
    8: ["ptype where", "whatis *where"],
    10: ["ptype constant", "print grid[1]", "whatis own_of_thread"],
    20: ["ptype secret", "whatis secret.of", "print second.at", "ptype second", "whatis 'matrix.c'::same"],
}


@functools.cache
def facts(build):
    """What the program says: (marker, level, expression, text)."""
    out = subprocess.run([fixture(build)], capture_output=True, text=True, check=True).stdout
    said = re.findall(r"^(\d+) (\d+) (.+?) = (.*)$", out, re.M)
    return [(int(marker), int(level), expression, text) for marker, level, expression, text in said]


@functools.cache
def questions(build):
    """What is asked at each stop: (marker, level, command)."""
    told = [(marker, level, f"print {expression}") for marker, level, expression, _ in facts(build)]
    return sorted(told + [(marker, 1, command) for marker in ASKED for command in ASKED[marker]], key=lambda q: q[:2])


def cleaned(text):
    """Without the number in the history, versions of symbols, and where the environment has put the stack."""
    text = re.sub(r"^\$\d+ = ", "", text.strip())
    return re.sub(r"0x7ff[0-9a-f]{9}", "ON_THE_STACK", re.sub(r"(<\w+)(@GLIBC_[\d.]+|\.\d+)>", r"\1>", text))


def without_addresses(text):
    """Two builds have the same functions and variables in other places, and what lies behind them."""
    return re.sub(r"0x5555[0-9a-f]{8}( <\w+(\+\d+)?>)?", "IN_THE_PROGRAM", text)


@functools.cache
def answers(build, run_it):
    """One session of that debugger: its answer to each question, an error too."""
    commands = ["set print entry-values no", "set print frame-arguments none", "break marker", "run"]
    at = questions(build)[0][0]
    for number, (marker, level, command) in enumerate(questions(build)):
        if marker != at:
            commands.append("continue")
            at = marker
        commands += [f"frame {level}", f"echo <{number}:\\n", command, r"echo >\n"]
    done = run_it(*commands, program=[fixture(build)])
    found = re.findall(r"^<(\d+):\n(.*?)^>$", done.out, re.M | re.S)
    assert len(found) == len(questions(build)), done.err
    return {questions(build)[int(number)]: cleaned(text) for number, text in found}


def is_silent(text):
    """No value, but a word of what is optimized out, or an error."""
    return not text or "optimized out" in text


def is_compilers_fault(build, expression):
    """clang 14 takes a spilled char's address for its value: DW_OP_breg7 (rsp): 56; DW_OP_convert; DW_OP_stack_value."""
    return build.startswith(("matrix-clang-o1", "matrix-clang-o2")) and expression == "letter"


@pytest.mark.parametrize("build", BUILDS)
def test_the_program_says_the_same(build):
    ours, theirs = answers(build, debug), answers(build, gdb)
    assert len(facts(build)) > 100
    for marker, level, expression, text in facts(build):
        question = (marker, level, f"print {expression}")
        if ours[question] != text and not is_compilers_fault(build, expression):
            assert is_silent(ours[question]), f"{question}: the program has {text}"
            assert theirs[question] != text, f"{question}: gdb finds it"
    for question in [q for q in questions(build) if q[2] in ASKED.get(q[0], ())]:
        # gdb 13 reads some of clang's split debug information wrongly, and says nothing of it then.
        assert ours[question] == theirs[question] or (not is_silent(ours[question]) and is_silent(theirs[question]))


@pytest.mark.parametrize("build", [build for build in BUILDS if "-o0" in build])
def test_without_optimization_nothing_is_missing(build):
    ours = answers(build, debug)
    assert not [q for q in questions(build) if is_silent(ours[q])]


@pytest.mark.parametrize("build", PACKED)
def test_a_package_says_what_its_files_say(build):
    ours, split = answers(build, debug), answers(PACKED[build], debug)
    assert len(facts(build)) > 100
    for question in questions(build):
        if "letter" not in question[2]:  # is_compilers_fault()
            assert without_addresses(ours[question]) == without_addresses(split[question]), question


SETTINGS = ["default", "no", "only", "preferred", "if-needed", "both", "compact"]


@functools.cache
def at_spent(build, run_it):
    """Where `spent` no longer needs its arguments: its frame's line by each setting, and what the calls were made with."""
    prints = ["print a@entry", "print b@entry + 1", "print *c@entry", "print d@entry", "ptype c@entry", "print (a@entry) @ 1"]
    lines = [line for how in SETTINGS for line in (f"set print entry-values {how}", "backtrace 2")]
    done = run_it("break marker if number == 9", "run", "frame 1", *prints, *lines, program=[fixture(build)])
    shown = re.findall(r"^(?:#\d|\$\d+ =|type =) .*", done.out, re.M)
    return [re.sub(r"0x7ff[0-9a-f]{9}", "ON_THE_STACK", re.sub(r" at \S+:\d+$", "", line)) for line in shown]


@pytest.mark.parametrize("build", [f"matrix-{how}" for how in (
    "gcc-o2-4", "gcc-o2-5", "gcc-o2-types-4", "gcc-o2-split-4", "gcc-o2-split-5", "clang-o2-4", "clang-o2-5")])
def test_what_functions_were_called_with(build):
    ours = at_spent(build, debug)
    assert len(ours) > 2 * len(SETTINGS)
    assert ours == at_spent(build, gdb)
