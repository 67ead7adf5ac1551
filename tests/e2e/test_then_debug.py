# SPDX-License-Identifier: MIT
"""memtrap watch --then debug: the debugger opens in the program as the hit has left it."""

import re
import subprocess

import pytest

import watching
from debugging import Terminal
from watching import FAILED, MEMTRAP, Program, fixture, source_line

LIMIT = 40


@pytest.fixture(autouse=True, params=["kernel", "ptrace"])
def engine(request, monkeypatch):
    monkeypatch.setattr(watching, "ENGINE", request.param)
    return request.param


class Session:
    """What a watch with --then debug --batch said: `hits` by the watch, `out` by the debugger and the program."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.truth = watching.truth_of(done.stdout)

    @property
    def hits(self):
        return [int(new) for new in re.findall(r"^#\d+ .* -> (\d+)", self.err, re.MULTILINE)]

    @property
    def printed(self):
        return [int(value) for value in re.findall(r"^\$\d+ = (-?\d+)$", self.out, re.MULTILINE)]

    @property
    def past(self):
        """The rows of the last info hits: thread, from, to."""
        rows = re.findall(r"^\d+ +[\d:.]+ +(\d+) +(\S+) -> (\S+) ", self.out, re.MULTILINE)
        return [(int(tid), old, new) for tid, old, new in rows]


def then_debug(*arguments, commands=(), program=(), pid=None, options=("--batch",), stdin=""):
    words = ["watch", *(["-p", pid] if pid else []), *arguments, "--then", "debug", *options]
    words += [word for command in commands for word in ("--ex", command)]
    done = watching.run(*words, program=program, stdin=stdin)
    return Session(done)


COUNT_ON = ["ignore 1 1000000", "continue", "info watchpoints"]


def counted(session):
    return int(re.findall(r"already hit (\d+) time", session.out)[-1])


# ---- Where it stands, and what is there


def test_a_launched_program_stands_behind_its_hit():
    session = then_debug("counter", "--if", "new == 5", program=[fixture("writes"), 10],
                         commands=["print counter", "info hits 1", "bt 1", "info watchpoints"])
    assert session.hits == [5] and session.printed == [5] and session.status == 0
    assert [(old, new) for _, old, new in session.past] == [("4", "5")]
    assert "bump (value=5)" in session.out and "wr watchpoint" in session.out
    assert "without the condition" in session.out and "last" not in session.truth  # quit has ended it


def test_with_n_it_is_the_hit_of_that_number():
    session = then_debug("counter", "-n", 4, program=[fixture("writes"), 10],
                         commands=["info hits 1", *COUNT_ON])
    assert session.hits == [1, 2, 3, 4]
    assert [new for _, _, new in session.past] == ["1", "2", "3", "4"]
    assert counted(session) == 10 and session.truth["last"] == 10


def test_going_on_stops_at_the_next_write_and_not_at_the_same_again():
    session = then_debug("counter", "--changes", program=[fixture("writes"), 10],
                         commands=["continue", "print counter", "delete 1", "continue"])
    assert session.hits == [1] and session.printed == [2]
    assert "Old value = 1\nNew value = 2" in session.out and session.truth["last"] == 10


def test_an_attached_program_is_let_go_whole():
    with Program("selfcheck") as program:
        for hits in (1, 7, 50):
            session = then_debug("state", "-q", "-n", hits, pid=program.pid, commands=["info hits 1"])
            assert len(session.hits if hits < 10 else session.past) == hits and session.status == 0
        assert program.finish().endswith("ok\n") and program.process.returncode == 0


def test_a_condition_that_the_debugger_knows_goes_with_it():
    session = then_debug("counter", "--if", "hits > 2 && tid", program=[fixture("writes"), 10],
                         commands=["info watchpoints"])
    assert session.hits == [3] and "stop only if hits > 2 && tid" in session.out


# ---- Nothing is lost, nothing told twice


def count_over_both(mode):
    """What the threads have written, and what the watch and the debugger have told of it together."""
    with Program("threads", mode, 200) as program:
        memtrap = subprocess.Popen([MEMTRAP, *watching.with_engine(["watch", "-p", str(program.pid), "last_writer", "-n", "30",
                                                                    "--then", "debug", "--batch"]),
                                    *[word for command in COUNT_ON for word in ("--ex", command)]],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "armed" not in memtrap.stderr.readline():
            pass
        program.go()
        out, err = memtrap.communicate(timeout=LIMIT)
        program.finish()
    assert 30 <= len(re.findall(r"^#\d", err, re.MULTILINE)) < 40
    return program.truth["writes"], int(re.findall(r"already hit (\d+) times", out)[-1])


@pytest.mark.parametrize("mode", ["before", "after"])
def test_all_threads_writes_are_told_once(mode):
    """What they do until all of them stand is told by the watch, the rest by the debugger.

    On a machine under heavy load a hit was missed in one of some 100 runs, and it is not known by whom
    (see docs/ARCHITECTURE.md, "A miss that is not understood"): such a run is done again, and only such a one.
    """
    for _ in range(3):
        writes, told = count_over_both(mode)
        assert writes - 2 <= told <= writes
        if told == writes:
            break
    assert told == writes


def test_signals_are_neither_lost_nor_made_up():
    with Program("signalled") as program:
        for hits in (1, 2, 3, 5, 8, 13, 21, 34):
            session = then_debug("mark", "-q", "-n", hits, pid=program.pid, commands=["info hits 1"])
            assert len(session.past) >= hits
        assert program.finish().endswith("ok\n")
    assert program.truth["handled"] == program.truth["sent"] > 0
    assert program.truth["sum"] == program.truth["expected"] and program.truth["strangers"] == 0


def test_a_signal_of_its_own_that_is_that_of_a_hold_is_not_lost_with_it():
    """The kernel makes one of both."""
    with Program("signalled", "urgent") as program:
        for hits in (1, 5, 20, 100, 300):
            session = then_debug("mark", "-q", "-n", hits, pid=program.pid, commands=["info hits 1"])
            assert session.past
        assert program.finish().endswith("ok\n")
    assert program.truth["lost"] == 0 and program.truth["handled"] == program.truth["sent"] > 0
    assert program.truth["sum"] == program.truth["expected"] and program.truth["strangers"] == 0


def test_threads_that_are_born_all_the_time():
    with Program("threads", "relay", 60) as program:
        memtrap = subprocess.Popen([MEMTRAP, *watching.with_engine(["watch", "-p", str(program.pid), "last_writer", "-n", "3",
                                                                    "--then", "debug", "--batch"]),
                                    *[word for command in COUNT_ON for word in ("--ex", command)]],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "armed" not in memtrap.stderr.readline():
            pass
        program.go()
        out, _ = memtrap.communicate(timeout=LIMIT)
        program.finish()
    assert "already hit 60 times" in out


# ---- Other kinds of watches


def test_a_local_ends_with_its_frame():
    session = then_debug("simple::depth", program=[fixture("calls"), "plain", 3],
                         commands=["info watchpoints", "continue", "continue"])
    assert session.hits == [2] and "wr watchpoint" in session.out
    assert "New value = 3" in session.out and "the block in" in session.out


def test_the_copy_of_the_thread_that_was_hit():
    session = then_debug("own", "-n", 2, program=[fixture("tls"), 2, 5], commands=["print own", "info hits 1"])
    assert session.printed == session.hits[1:2] and "each thread has its own" in session.out


def test_a_function_that_is_entered():
    session = then_debug("-x", "bump", program=[fixture("writes"), 3],
                         commands=["print/d $rdi", "continue", "print/d $rdi", "delete", "continue"])
    assert session.printed == [1, 2] and session.truth["last"] == 3


def test_what_the_kernel_writes():
    session = then_debug("page.word", program=[fixture("kernelwrites"), "read"], commands=["info hits 1"])
    assert "by read" in session.out


def test_only_the_process_that_was_hit_is_taken_over():
    session = then_debug("-f", "total", "-n", 1, program=[fixture("restless"), 3, 4], commands=["info inferiors"])
    assert session.status == 0 and len(re.findall(r"^[* ] +\d+ +process", session.out, re.MULTILINE)) == 1


# ---- How it is asked for


def test_commands_come_from_a_file_and_from_standard_input(tmp_path):
    script = tmp_path / "commands"
    script.write_text("print counter\nprint counter + 1\n")
    session = then_debug("counter", program=[fixture("writes"), 3], options=["--command", script, "--batch"])
    assert session.printed == [1, 2]
    with Program("selfcheck") as program:
        session = then_debug("state", "-q", pid=program.pid, options=[], stdin="print 40 + 2\nquit\n")
        assert session.printed == [42] and session.status == 0
        assert program.finish().endswith("ok\n")


def test_the_debuggers_options_need_the_debugger():
    done = watching.run("watch", "counter", "--ex", "bt", program=[fixture("writes")])
    assert done.returncode == FAILED and "--then debug" in done.stderr


def test_a_program_without_a_hit_ends_as_ever():
    session = then_debug("counter", "--if", "new == 77", program=[fixture("writes"), 3], commands=["print 1"])
    assert session.status == 0 and session.truth["last"] == 3 and session.printed == []


@pytest.mark.parametrize("end", ["detach", "quit"])
def test_at_a_terminal(end, engine, tmp_path):
    with Program("selfcheck") as program:
        words = [f"--engine={engine}", "-p", program.pid, "state", "--then", "debug"]
        with Terminal(*words, home=tmp_path, command="watch") as terminal:
            assert "wr watchpoint" in terminal.do("info watchpoints")
            assert "step" in terminal.do("bt 1")
            assert "New value" in terminal.do("continue")
            if end == "detach":
                assert "goes on" in terminal.do("detach")
                terminal.type("quit\n")
            else:
                terminal.type("quit\n")
                terminal.until("y or n")
                terminal.type("y\n")
            assert terminal.end() == 0
        assert program.finish().endswith("ok\n")
        assert program.process.returncode == 0


def test_run_starts_it_again(engine, tmp_path):
    words = [f"--engine={engine}", "counter", "--then", "debug", "--", fixture("writes"), 4]
    watch = Terminal(*words, home=tmp_path, command="watch")
    watch.type("\n")  # which the program waits for
    with watch as terminal:
        terminal.do("delete", until="y or n")
        terminal.do("y")
        terminal.do(f"break writes.c:{source_line('writes.c', 'neighbour = value')}")
        terminal.do("run", until="y or n")
        terminal.type("y\n")
        terminal.until("ready=")
        terminal.type("\n")
        assert "Breakpoint" in terminal.until(Terminal.PROMPT)
        assert "= 1" in terminal.do("print counter")
        terminal.type("kill\n")
        terminal.until("y or n")
        terminal.do("y")
        terminal.type("quit\n")
        assert terminal.end() == 0


def test_an_interrupt_stops_a_program_that_we_have_started(engine, tmp_path):
    words = [f"--engine={engine}", "state", "--then", "debug", "--", fixture("selfcheck")]
    with Terminal(*words, home=tmp_path, command="watch") as terminal:
        terminal.do("delete", until="y or n")
        terminal.do("y")
        terminal.type("continue\n")
        terminal.until("Continuing")
        terminal.insist("\x03", "(memtrap) ")
        assert "#0" in terminal.do("bt 1")
