# SPDX-License-Identifier: MIT
"""memtrap debug that fails itself: what it is attached to goes on unharmed."""

import contextlib
import random
import re
import signal
import subprocess
import time

import pytest

from debugging import arguments_of, debug
from watching import BUILD, MEMTRAP, fixture

STEADY = BUILD / "tests" / "unit" / "engine-data" / "steady"
FAILURES = [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL]

# The registers are taken: what every thread passes all the time has an int3.
INT3 = ["hbreak main", "hbreak exit", "hbreak abort", "hbreak raise", "break touched", "info breakpoints",
        "handle SIGALRM nostop noprint pass", "handle SIG35 nostop noprint pass", "ignore 5 1000000000"]
WAYS = {
    "runs": ["continue"],
    "waits": [],
    "stops": ["ignore 5 0", "while 1", "continue", "end"],
    "steps": ["while 1", "stepi", "end"],
    "steps lines": ["while 1", "next", "end"],
    "calls": ["while 1", "print (int)getppid()", "end"],
    "sets and deletes": ["while 1", "break touched", "delete $bpnum", "end"],
}


@contextlib.contextmanager
def steady():
    with subprocess.Popen([STEADY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout.readline() == "steady\n"
            yield program
        finally:
            program.kill()


@contextlib.contextmanager
def attached(pid, commands):
    """memtrap debug that has set its breakpoints, and now does the commands."""
    command = [MEMTRAP, "debug", "-q", "-p", str(pid), *arguments_of([*INT3, "echo ready\\n", *commands])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as session:
        try:
            told = ""
            while not told.endswith("ready\n"):
                line = session.stdout.readline()
                assert line, f"memtrap ended: {told}{session.stderr.read()}"
                told += line
            assert re.search(r"^5 .*touched.*\n\s+by an int3", told, re.MULTILINE), told
            yield session
        finally:
            session.kill()


# The memory of slots remains. A step by line has an int3 where a thread may come that blocks SIGTRAP, and then loses its
# handler: docs/DEBUGGER.md.
EXPECTED = {"ok", "wrong: mappings_of_code() == mappings"}
EXPECTED_OF_LINES = EXPECTED | {"wrong: traps_are_untouched()"}


def wrong_of(program, expected):
    """What the program finds wrong with itself at its end."""
    out, _ = program.communicate()
    return [line for line in out.splitlines() if line not in expected]


@pytest.mark.parametrize("number", FAILURES)
@pytest.mark.parametrize("way", WAYS)
def test_a_failure_leaves_what_it_attached_to_whole(way, number):
    with steady() as program:
        with attached(program.pid, WAYS[way]) as session:
            time.sleep(random.uniform(0, 0.02))  # any moment will do
            session.send_signal(number)
            _, err = session.communicate()
        assert session.returncode == -number
        assert f"memtrap debug: internal error: {signal.Signals(number).name}, sent by process " in err
        assert f"process {program.pid} goes on without our breakpoints\n" in err
        assert program.poll() is None
        assert wrong_of(program, EXPECTED_OF_LINES if way == "steps lines" else EXPECTED) == []
    assert program.returncode in (0, 1)
