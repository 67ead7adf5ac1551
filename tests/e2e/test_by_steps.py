# SPDX-License-Identifier: MIT
"""memtrap watch by single steps: the tests of exactness once more, and what the registers cannot hold."""

# pylint: disable=wildcard-import,unused-wildcard-import

import signal

import pytest

import watching
from test_culprits import *
from test_kernel import test_in_a_running_program
from watching import FAILED, Attached, Program, fixture, let_go_whole, run, watch_running


@pytest.fixture(autouse=True)
def by_steps(monkeypatch):
    monkeypatch.setattr(watching, "ENGINE", "step")


@pytest.fixture
def by_ptrace(monkeypatch):
    monkeypatch.setattr(watching, "ENGINE", "ptrace")


# ---- As by registers


def test_it_is_told_before_the_program_goes_on(tmp_path):
    with Program("writes", 3) as program:
        with Attached(program.pid, "counter") as memtrap:
            armed = memtrap.until("armed") if not memtrap.lines else watching.json.loads(memtrap.lines[-1])
            assert armed["registers"] == 0 and armed["step_us"] > 0 and "--engine=step" in armed["steps_why"]


def test_threads_writes_are_told_once_each():
    report = watch_running("threads", "before", 50, watch_arguments=["last_writer"])
    assert len(report.hits) == report.truth["writes"] == 200 and report.status == 0
    stored = sorted(hit["new"] for hit in report.hits)
    assert stored == sorted(report.truth[f"tid_{i}"] << 32 | n for i in range(4) for n in range(1, 51))


def test_threads_that_are_born_meanwhile():
    report = watch_running("threads", "relay", 10, watch_arguments=["last_writer"])
    assert len(report.hits) == 10 and report.status == 0


def test_writes_of_the_same_value_and_reads():
    report = watch_running("many", watch_arguments=["-a", "word_a", "-r", "word_b", "word_b"])
    seen = [(hit["expr"], hit["access"], hit["new"]) for hit in report.hits]
    assert seen == [("word_a", "write", 1), ("word_a", "read", 1), ("word_b", "write", 2), ("word_b", "read", 2)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_let_go_at_any_moment_the_program_is_whole(number):
    """A trap flag that is left behind would end it."""
    let_go_whole(number, (0, 1, 7))


def test_the_trap_flag_is_never_seen():
    """By pushf, popf and system calls, and where a signal comes in between."""
    with Program("flags") as program:
        for hits in (1, 5, 9):
            with Attached(program.pid, "mark", "-n", hits) as memtrap:
                assert len(memtrap.report().hits) == hits
        assert program.finish().endswith("ok\n") and program.process.returncode == 0
    assert program.truth["seen"] == 0


# ---- What the registers cannot hold


def test_more_watches_than_registers(by_ptrace):
    words = [f"word_{letter}" for letter in "abcde"]
    report = watch_running("many", watch_arguments=words)
    assert [(hit["expr"], hit["new"]) for hit in report.hits] == list(zip(words, range(1, 6)))
    armed = report.of_type("armed")
    assert [line["registers"] for line in armed] == [1, 1, 1, 1, 0]
    assert "word_a" in armed[4]["steps_why"] and all("steps_why" not in line for line in armed[:4])


def test_a_range_of_any_length(by_ptrace):
    report = watch_running("many", watch_arguments=["bytes_40"])
    assert [(hit["expr"], hit["old"], hit["new"]) for hit in report.hits] == [
        (f"bytes_40[{i}]", 0, i + 1) for i in range(40)]
    assert report.armed["len"] == 40 and report.armed["step_us"] > 0


def test_a_condition_on_the_elements(by_ptrace):
    report = watch_running("many", watch_arguments=["bytes_40", "--if", "new % 10 == 0"])
    assert report.column("new") == [10, 20, 30, 40] and report.summary["unmet"] == 36


def elements(report, **wanted):
    """What was told: the element, from what to what."""
    return [(hit["expr"], hit["old"], hit["new"]) for hit in report.hits
            if all(hit[key] == value for key, value in wanted.items())]


def test_a_long_range_in_a_child(by_ptrace):
    report = watch_running("wide", "fork", watch_arguments=["-f", "table"])
    child = report.truth["child"]
    assert elements(report, pid=child) == [("table[1]", 1, 11), ("table[40]", 0, 40)]
    own = [hit for hit in report.hits if hit["pid"] != child]
    assert [(hit["expr"], hit["old"], hit["new"]) for hit in own] == [
        ("table[1]", 0, 1), ("table[1]", 1, 101), ("table[63]", 0, 63)]


def test_a_long_range_that_each_thread_has_of_its_own(by_ptrace):
    report = watch_running("wide", "threads", watch_arguments=["own"])
    told = {}
    for hit in report.hits:
        told.setdefault(hit["tid"], []).append((hit["expr"], hit["old"], hit["new"]))
    assert sorted(told.values()) == sorted(
        [(f"own[{(number * 16 + i) % 64}]", 0, number) for i in range(4)] for number in (1, 2, 3))


def test_a_long_range_in_calls(by_ptrace):
    report = watch_running("wide", "fill", watch_arguments=["fill::cells"])
    down = [(f"fill::cells[{depth}]", depth + 100) for depth in (5, 4, 3, 2, 1, 0)]
    up = [(f"fill::cells[{32 + depth}]", depth + 99) for depth in (1, 2, 3, 4, 5)]
    assert [(hit["expr"], hit["new"]) for hit in report.hits] == down + up
    assert report.truth["filled"] == 105


def test_each_element_that_one_instruction_touches(by_ptrace):
    """Those that a mask leaves out, it does not."""
    report = watch_running("wide", "vectors", watch_arguments=["table"])
    masked = [("table[17]", 0, 5), ("table[20]", 0, 5), ("table[23]", 0, 5)] if report.truth["avx2"] else []
    scattered = [("table[50]", 0, 6), ("table[2]", 0, 6), ("table[41]", 0, 6), ("table[63]", 0, 6)]
    plain = [("table[0]", 0, 1), ("table[5]", 0, 1)]
    assert elements(report) == masked + (scattered if report.truth["avx512"] else []) + plain
    report = watch_running("wide", "vectors", watch_arguments=["-r", "table"])
    assert [hit["expr"] for hit in report.hits] == (["table[3]", "table[9]", "table[33]"] if masked else [])
    assert {hit["access"] for hit in report.hits} <= {"read"}


def test_what_a_system_call_writes_into_a_long_range(by_ptrace):
    """It is one hit; with a condition each element is asked for."""
    report = watch_running("wide", "calls", watch_arguments=["table"])
    assert elements(report) == [("table[20]", 0, 7)]
    report = watch_running("wide", "calls", watch_arguments=["table", "--if", "new > 8 || new == 7"])
    assert elements(report) == [("table[20]", 0, 7), ("table[22]", 0, 9), ("table[23]", 0, 7)]


def test_an_element_that_is_gathered_and_one_that_is_not():
    report = watch_running("wide", "vectors", watch_arguments=["-r", "table[9]", "-r", "table[60]"])
    assert [hit["expr"] for hit in report.hits] == (["table[9]"] if report.truth["avx2"] else [])


@pytest.mark.parametrize("engine", ["auto", "kernel", "registers"])
def test_nobody_is_slowed_down_without_having_asked(engine, monkeypatch):
    monkeypatch.setattr(watching, "ENGINE", engine)
    done = run("watch", *[f"word_{letter}" for letter in "abcde"], program=[fixture("many")])
    assert done.returncode == FAILED and "word_a" in done.stderr and "--engine=ptrace" in done.stderr
    done = run("watch", "bytes_40", program=[fixture("many")])
    assert done.returncode == FAILED and "40 bytes" in done.stderr and "--engine=ptrace" in done.stderr
