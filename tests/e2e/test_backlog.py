# SPDX-License-Identifier: MIT
"""Nobody reads what memtrap writes: the program goes on, and what was refused is counted."""

import fcntl
import json
import os
import signal
import subprocess
import termios
import time

import pytest

from watching import Attached, INCOMPLETE, MEMTRAP, Program, fixture, truth_of

PAGE = 4096


class Unread:
    """memtrap watch --json with its standard error in a pipe that is full at once. Use as a context."""

    def __init__(self, *arguments):
        self.pipe, end = os.pipe()
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PAGE)
        self.process = subprocess.Popen([MEMTRAP, "watch", "--json", "--buffer", "64K", *map(str, arguments)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=end, text=True)
        os.close(end)
        self.truth = {}

    def until(self, key):
        """Reads what the program tells, up to that."""
        while key not in self.truth:
            line = self.process.stdout.readline()
            assert line, f"the program ended before it told {key}: {self.truth}"
            self.truth.update(truth_of(line))

    def go(self):
        self.until("ready")
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def read(self):
        """All of the output, now."""
        with open(self.pipe, encoding="utf-8", closefd=False) as pipe:
            return [json.loads(line) for line in pipe]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        os.close(self.pipe)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_until(condition, what):
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"never: {what}")


def hits_and_lost(lines):
    return sum(line["type"] == "hit" for line in lines), lines[-1]["lost"]


@pytest.mark.parametrize("follow", [[], ["-f"]])
def test_a_program_runs_to_its_end_though_nobody_reads(follow):
    with Unread(*follow, "total", "--", fixture("restless"), 20, 1000) as memtrap:
        memtrap.go()
        memtrap.until("done")
        wait_until(lambda: gone(memtrap.truth["ready"]), "the program's end is taken")
        assert memtrap.process.poll() is None  # it keeps what it has for whoever reads it
        hits, lost = hits_and_lost(memtrap.read())
        assert memtrap.process.wait(20) == INCOMPLETE
    assert memtrap.truth["signals"] == 20
    assert hits > 0 and lost > 0
    children = memtrap.truth["writes_of_children"] if follow else 0
    assert hits + lost == memtrap.truth["writes"] + children


def test_nothing_is_lost_where_there_is_room():
    with Unread("--buffer", "64M", "total", "--", fixture("restless"), 20, 1000) as memtrap:
        memtrap.go()
        memtrap.until("done")
        lines = memtrap.read()
        assert hits_and_lost(lines) == (memtrap.truth["writes"], 0)
        assert memtrap.process.wait(20) == 0


def test_what_the_guard_recovers_is_kept_too():
    """See test_guard.py; here there is room for the ring's, and nobody reads before the program has ended."""
    with Program("straytrap", "busy") as program:
        arguments = ["--buffer", "64M", "--guard", "-p", program.pid, "steps", "-x", f"*{program.truth['behind']:#x}"]
        with Unread(*arguments) as memtrap:
            assert b'"armed"' in os.read(memtrap.pipe, PAGE)
            assert "done=1" in program.finish()
            assert hits_and_lost(memtrap.read()) == (program.truth["writes"] + 2 * program.truth["strays"], 0)
            assert memtrap.process.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_program_though_nobody_reads(number):
    with Unread("-f", "total", "--", fixture("restless"), 0, 5000) as memtrap:
        memtrap.go()
        memtrap.until("round")
        memtrap.process.send_signal(number)
        wait_until(lambda: gone(memtrap.truth["ready"]), "the program's end")
        assert memtrap.process.poll() is None
        lines = memtrap.read()
        assert lines[-1]["exit_signal"] == number and lines[-1]["lost"] > 0
        assert memtrap.process.wait(20) == INCOMPLETE


def test_another_signal_gives_up_what_nobody_reads():
    with Unread("total", "--", fixture("restless"), 20, 1000) as memtrap:
        memtrap.go()
        memtrap.until("done")
        wait_until(lambda: gone(memtrap.truth["ready"]), "the program's end is taken")

        def ended():
            memtrap.process.send_signal(signal.SIGTERM)
            return memtrap.process.poll() is not None

        wait_until(ended, "memtrap gives up")
        assert memtrap.process.returncode == INCOMPLETE


@pytest.mark.parametrize("follow", [[], ["-f"]])
def test_an_attached_program_goes_on_though_nobody_reads(follow):
    with Program("restless", 20, 1000) as program, Unread(*follow, "-p", program.pid, "total") as memtrap:
        assert b'"armed"' in os.read(memtrap.pipe, PAGE)
        program.go()
        assert "done=1" in program.finish()
        hits, lost = hits_and_lost(memtrap.read())
        assert memtrap.process.wait(20) == INCOMPLETE
    assert hits > 0 and lost > 0
    children = program.truth["writes_of_children"] if follow else 0
    assert hits + lost == program.truth["writes"] + children


def test_interrupt_ends_an_attached_watch_though_nobody_reads():
    """What the program does after it is none of the watch's; what it did before is told or counted."""
    with Program("restless", 40, 1000) as program, Unread("-f", "-p", program.pid, "total") as memtrap:
        assert b'"armed"' in os.read(memtrap.pipe, PAGE)
        program.go()
        while program.process.stdout.readline() != "round=5\n":
            pass
        memtrap.process.send_signal(signal.SIGINT)
        assert "done=1" in program.finish()
        assert memtrap.process.poll() is None
        hits, lost = hits_and_lost(memtrap.read())
        assert 5000 < hits + lost < program.truth["writes"] + 40
        assert memtrap.process.wait(20) == INCOMPLETE


def test_a_stopped_terminal_stops_nothing_else():
    """Ctrl-S: what was written before it may be read, and the rest after Ctrl-Q."""
    master, terminal = os.openpty()
    termios.tcflow(terminal, termios.TCOOFF)
    with subprocess.Popen([MEMTRAP, "watch", "-f", "--json", "--buffer", "64K", "total", "--", fixture("restless"), "5",
                           "1000"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=terminal, text=True) as memtrap:
        truth = {}
        while "done" not in truth:
            truth.update(truth_of(memtrap.stdout.readline()))
        wait_until(lambda: gone(truth["ready"]), "the program's end is taken")
        assert memtrap.poll() is None
        termios.tcflow(terminal, termios.TCOON)
        os.close(terminal)
        hits, lost = hits_and_lost([json.loads(line) for line in lines_of_terminal(master)])
        assert hits + lost == truth["writes"] + truth["writes_of_children"]
        assert memtrap.wait(20) == (INCOMPLETE if lost else 0)


def lines_of_terminal(master):
    text = b""
    with open(master, "rb", buffering=0) as terminal:
        try:
            while True:
                text += terminal.read(PAGE)
        except OSError:  # EIO: nobody has it open any more
            return text.decode().splitlines()


def test_a_slow_reader_gets_everything():
    with Program("restless", 5, 1000) as program, Attached(program.pid, "total") as memtrap:
        fcntl.fcntl(memtrap.process.stderr, fcntl.F_SETPIPE_SZ, PAGE)
        program.go()
        program.finish()
        report = memtrap.report(program.truth)
    assert report.column("new") == list(range(1, 5001)) and report.status == 0
