# SPDX-License-Identifier: MIT
"""memtrap debug: how breakpoints and watchpoints are enabled, passed and deleted: as gdb does it, with gdb beside it."""

import re

import pytest

from debugging import debug, gdb
from watching import fixture

pytestmark = pytest.mark.unprivileged

PROGRAM = [fixture("writes"), 10]
STOPS = re.compile(r"^(?:Temporary breakpoint|Breakpoint) \d+, \w+ \(.*?\)|^Old value = .*|^New value = .*"
                   r"|^Will .*|^\[Inferior 1 .*exited normally\]", re.MULTILINE)
ROWS = re.compile(r"^(\d+) +((?:hw |read |acc )?(?:breakpoint|watchpoint)) +(keep|del|dis) +([yn]) .*?( thread \d+)?$"
                  r"|^\t?(?: {8})?(disable after .*|ignore next .*|breakpoint already hit .*|stop only .*)", re.MULTILINE)


def told(done):
    """Who stopped it, what was promised, and the tables."""
    out = re.sub(r"process \d+", "process N", re.sub(r"argv=0x[0-9a-f]+", "argv", done.out))
    # gdb keeps some promises to itself with -batch.
    return [line for line in STOPS.findall(out) if not line.startswith("Will")], ROWS.findall(out)


@pytest.mark.parametrize("commands", [
    ["break main", "break bump", "enable once 2", "info breakpoints", "run", "continue", "info breakpoints", "continue"],
    ["break bump", "enable once 1", "run", "enable 1", "continue", "info breakpoints", "continue"],
    ["break bump", "enable delete 1", "info breakpoints", "run", "info breakpoints", "continue"],
    ["break bump", "enable count 3 1", "info breakpoints", "run", "info breakpoints", "continue", "continue",
     "info breakpoints", "continue"],
    ["break bump", "enable count 2 1", "ignore 1 3", "info breakpoints", "run", "info breakpoints", "continue",
     "info breakpoints", "continue"],
    ["break bump", "disable 1", "enable count 1 1", "run", "info breakpoints", "continue"],
    ["break bump if value > 4", "enable once 1", "run", "info breakpoints", "continue"],
    ["break main", "run", "watch counter", "enable once 2", "info watchpoints", "continue", "info watchpoints", "continue"],
    ["break main", "run", "watch counter", "enable count 2 2", "continue", "continue", "info watchpoints", "continue"],
    ["break main", "run", "watch counter", "enable delete 2", "continue", "info watchpoints", "continue"],
    ["break main", "run", "watch counter if counter > 3", "ignore 2 2", "continue", "info watchpoints", "continue"],
    ["break main", "run", "break bump thread 1", "info breakpoints", "continue", "delete 2"],
    ["tbreak bump if value == 6", "info breakpoints", "run", "info breakpoints", "continue"],
    ["break main", "run", "tbreak bump", "disable 2", "enable 2", "continue", "info breakpoints", "continue"],
    ["break bump", "run", "disable", "enable breakpoints", "continue", "disable breakpoints 1", "info breakpoints",
     "continue"],
    ["break main", "run", "watch counter", "disable 2", "break bump if value == 8", "continue", "enable 2", "continue",
     "condition 2 counter == 10", "delete 3", "continue", "info watchpoints"],
    ["break main", "break bump", "delete 1-2", "tbreak bump", "delete", "run"],
])
def test_as_gdb_has_it(commands):
    ours, theirs = debug(*commands, program=PROGRAM), gdb(*commands, program=["--args", *PROGRAM])
    assert told(ours) == told(theirs), (ours.out, theirs.out)


@pytest.mark.parametrize("command, said", [
    ("ignore 1 1", "Will ignore next crossing of breakpoint 1."),
    ("ignore 1 2", "Will ignore next 2 crossings of breakpoint 1."),
    ("ignore 1 0", "Will stop next time breakpoint 1 is reached."),
    ("ignore 1 -3", "Will stop next time breakpoint 1 is reached."),
    ("condition 1", "Breakpoint 1 now unconditional."),
])
def test_what_is_promised(command, said):
    assert said in debug("break bump", command, program=PROGRAM).out.splitlines()


@pytest.mark.parametrize("command, part", [
    ("ignore 1", "takes a second number"),
    ("ignore", "takes a number"),
    ("enable once 7", "no breakpoint 7"),
    ("enable count x 1", "not 'x'"),
    ("enable count 2 7", "no breakpoint 7"),
    ("enable delete foo", "not 'foo'"),
])
def test_bad_input_gets_a_sentence(command, part):
    assert part in debug("break bump", command, program=PROGRAM).err


def test_a_thread_that_is_not_there_is_told():
    """gdb refuses it; here it may wait for one."""
    told_so = "There is no thread 9 now: until there is one it stops nobody."
    for command in ("watch counter thread 9", "break bump thread 9", "hbreak bump thread 9"):
        done = debug("break main", "run", command, "continue", program=PROGRAM)
        assert told_so in done.out and "exited normally" in done.out
    assert told_so not in debug("break main", "run", "watch counter thread 1", program=PROGRAM).out
