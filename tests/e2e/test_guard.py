# SPDX-License-Identifier: MIT
"""What a hypervisor loses, the tracer makes good (src/watch/guard.c); and being traced does no harm."""

import collections
import os
import signal
import subprocess

import pytest

from watching import Attached, FAILED, INCOMPLETE, MEMTRAP, Program, fixture, run, watch, watch_running


def under_a_hypervisor():
    with open("/proc/cpuinfo", encoding="ascii") as info:
        return " hypervisor" in info.read()


def field_of(pid, name):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(line.split()[1] for line in status if line.startswith(name))


def check_stray(report):
    """Which access the trap stands for cannot be told: it stands for none."""
    assert report.column("new") == [1, 2, 3]
    assert report.summary["lost"] == 1 and report.status == INCOMPLETE


# ---- Who is guarded


@pytest.mark.parametrize("arguments, traced", [
    ([], under_a_hypervisor()),
    (["--guard"], True),
    (["--no-guard"], False),
])
def test_an_attached_program_is_traced_to_guard_it(arguments, traced):
    with Program("writes", 3) as program, Attached(program.pid, "counter", *arguments) as memtrap:
        assert int(field_of(program.pid, "TracerPid")) == (memtrap.process.pid if traced else 0)


# ---- Traps without a reason


def test_a_trap_without_a_reason_does_not_kill_a_launched_program(tmp_path):
    report = watch("steps", "--guard", program=[fixture("straytrap")], tmp_path=tmp_path)
    check_stray(report)
    assert report.summary["exit"] == 0 and report.summary["exit_signal"] is None


def test_a_trap_without_a_reason_does_not_kill_an_attached_program():
    report = watch_running("straytrap", watch_arguments=["steps", "--guard"])
    check_stray(report)


def test_the_hit_that_such_a_trap_stands_for_is_told_in_its_turn():
    """Of the instruction that is next where the trap stops it: once for the trap, and once as it is executed."""
    with Program("straytrap", "busy") as program:
        arguments = ["--guard", "steps", "-x", f"*{program.truth['behind']:#x}", "--print", "steps"]
        with Attached(program.pid, *arguments) as memtrap:
            program.finish()
            report = memtrap.report(program.truth)
    per_stray = report.truth["writes"] // report.truth["strays"]
    expected = []
    for step in range(1, report.truth["writes"] + 1):
        expected += [step] + ([None, None] if step % per_stray == 0 else [])
    assert [hit["new"] if hit["watch"] == 1 else None for hit in report.hits] == expected
    steps = [step for step in expected if step]
    assert [hit["print"][0]["value"] for hit in report.hits if hit["watch"] == 1] == steps
    assert report.status == 0


def test_a_trap_of_the_programs_own_is_its_own(tmp_path):
    report = watch("steps", "--guard", program=[fixture("straytrap"), "int1"], tmp_path=tmp_path)
    assert report.summary["exit_signal"] == signal.SIGTRAP


def test_without_the_guard_the_program_is_let_go(tmp_path):
    report = watch("steps", "--no-guard", program=[fixture("straytrap")], tmp_path=tmp_path)
    assert report.summary["exit_signal"] == signal.SIGTRAP


# ---- What cannot be guarded


def test_a_program_that_is_traced_already_is_watched_without_a_guard():
    with Program("writes", 3) as program, Attached(program.pid, "counter", "--guard") as first:
        with Attached(program.pid, "counter") as second:
            program.finish()
            report = second.report()
        assert report.column("new") == first.report().column("new") == [1, 2, 3]
        assert report.status == 0
        if under_a_hypervisor():
            assert [line for line in report.of_type("info") if "memtrap" in line["text"] and "traces it" in line["text"]]


def test_a_guard_that_was_asked_for_and_cannot_be_is_an_error():
    with Program("writes", 3) as program, Attached(program.pid, "counter", "--guard"):
        done = run("watch", "--guard", "-p", program.pid, "counter")
        assert done.returncode == FAILED and "--guard: cannot trace process" in done.stderr
        assert program.finish()


# ---- Being traced does no harm


def test_50_busy_threads_are_guarded():
    """64 of them."""
    report = watch_running("busy64", 20, watch_arguments=["target", "--guard"])
    assert report.armed["uncovered"] == 0 and report.summary["lost"] == 0
    assert collections.Counter(value >> 32 for value in report.column("new")) == \
        {number: 20 for number in range(64)}


def test_signals_births_and_deaths_go_on():
    report = watch_running("restless", 20, 100, watch_arguments=["total", "--guard"])
    assert report.truth["signals"] == 20
    assert report.column("new") == list(range(1, 2001))
    assert report.summary["exit"] == 0 and report.status == 0


def test_kill_9_leaves_a_guarded_program_unharmed():
    """50 times, while its threads and children come and go; each signal is delivered, and once."""
    with Program("restless", 0, 20) as program:
        program.go()
        for attempt in range(50):
            memtrap = subprocess.Popen([MEMTRAP, "watch", "--json", "--guard", "-p", str(program.pid), "total"],
                                       stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for _ in range(attempt % 7):
                memtrap.stderr.readline()
            memtrap.kill()
            memtrap.wait()
            memtrap.stderr.close()
            assert program.process.poll() is None, f"it died at the {attempt}th kill"
        os.kill(program.pid, signal.SIGUSR2)
        program.finish()
        assert program.truth["signals"] == program.truth["rounds"] > 50
        assert program.truth["writes"] == 20 * program.truth["rounds"]
        assert program.process.returncode == 0


def test_job_control_is_the_parents():
    """The parent of a guarded process sees it stop and go on."""
    with Program("restless", 0, 20) as program, Attached(program.pid, "total", "--guard", "-c"):
        program.go()
        for _ in range(3):
            program.process.send_signal(signal.SIGSTOP)
            _, status = os.waitpid(program.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP
            assert field_of(program.pid, "State") in "Tt"
            program.process.send_signal(signal.SIGCONT)
            _, status = os.waitpid(program.pid, os.WCONTINUED)
            assert os.WIFCONTINUED(status)
        program.process.send_signal(signal.SIGUSR2)
        assert "rounds=" in program.finish()


def test_the_terminals_stop_is_not_for_a_tracer():
    """Else what memtrap traces would wait for it."""
    with Program("restless", 0, 20) as program, Attached(program.pid, "total", "--guard", "-c") as memtrap:
        program.go()
        memtrap.process.send_signal(signal.SIGTSTP)
        program.process.send_signal(signal.SIGUSR2)
        assert "rounds=" in program.finish()
        assert memtrap.report().status == 0
