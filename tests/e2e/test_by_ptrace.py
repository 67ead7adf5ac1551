# SPDX-License-Identifier: MIT
"""The tests of `memtrap watch` once more, by the engine that needs neither perf events nor eBPF."""

# pylint: disable=wildcard-import,unused-wildcard-import

import signal
import subprocess

import pytest

import watching
from test_actions import *
from test_conditions import *
from test_calls import *
from test_culprits import *
from test_guard import (test_a_trap_of_the_programs_own_is_its_own, test_job_control_is_the_parents,
                        test_signals_births_and_deaths_go_on)
from test_kernel import *
from test_m32 import *
from test_prints import *
from test_processes import *
from test_ranges import *
from test_stacks import *
from test_thread_locals import *
from test_threads import *
from watching import FAILED, Attached, Program, fixture, let_go_whole, run, watch

# What holds for the kernel's engine alone: a write by read(2) that leaves the value as it was is seen, and so is what
# the kernel reads; a false condition costs next to nothing; and what looks at the first line, which tells the engine here.
del test_the_same_call_twice_is_two_hits, test_what_the_kernel_reads_is_read, test_true_once_in_200000
del test_the_text_says_what_is_armed, test_the_armed_line_says_how
# By single steps there is no such limit: test_by_steps.py.
del test_a_range_that_is_too_large_says_how_much_fits, test_a_fifth_register_is_refused_with_what_holds_the_others


@pytest.fixture(autouse=True)
def by_ptrace(monkeypatch):
    monkeypatch.setattr(watching, "ENGINE", "ptrace")


# ---- What is this engine's alone


def test_the_engine_is_told(tmp_path):
    report = watch("counter", program=[fixture("writes"), 3], tmp_path=tmp_path)
    assert report.armed["engine"] == "ptrace" and report.column("new") == [1, 2, 3]
    assert [line["text"].split(":")[0] for line in report.of_type("info")] == ["engine"]


def test_an_unknown_engine_is_refused():
    done = run("watch", "--engine=magic", "counter", program=[fixture("writes")])
    assert done.returncode == FAILED and "magic" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGQUIT])
def test_killed_at_any_moment_it_harms_nobody(number):
    """Registers that ptrace has set outlive the tracer: the next hit would end the program."""
    let_go_whole(number, (0, 1, 100))


def test_a_launched_program_outlives_a_killed_memtrap():
    command = [watching.MEMTRAP, "watch", "--engine=ptrace", "state", "--", fixture("selfcheck")]
    memtrap = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while not memtrap.stdout.readline().startswith("ready"):
        pass
    memtrap.kill()
    memtrap.wait()
    memtrap.stdin.close()
    assert memtrap.stdout.read().endswith("ok\n")
    memtrap.stdout.close()


def test_what_the_kernel_leaves_as_it_was_is_not_seen(tmp_path):
    report = watch("page.word", program=[fixture("kernelwrites"), "twice"], tmp_path=tmp_path)
    assert report.column("new_raw") == [report.truth["raw_new"]]
    report = watch("-a", "page.word", program=[fixture("kernelwrites"), "write"], tmp_path=tmp_path)
    assert not [hit for hit in report.hits if hit["origin"] == "kernel"]


@pytest.mark.parametrize("mode", ["blocked", "ignored", "own"])
def test_what_a_program_makes_of_SIGTRAP(mode, tmp_path):
    """Its own ones are its own; at a hit the kernel unblocks the signal, and no longer ignores it."""
    report = watch("steps", program=[fixture("sigtraps"), mode], tmp_path=tmp_path)
    assert report.column("new") == list(range(1, 21)) and report.summary["exit"] == 0
    assert report.truth["handled"] == (20 if mode == "own" else 0)
    assert report.truth["blocked"] == report.truth["ignored"] == 0


def test_pointers_are_not_followed():
    done = run("watch", "--deep", "head->next->refs", program=[fixture("pointers")])
    assert done.returncode == FAILED and "--engine kernel" in done.stderr


def test_changes_from_outside_are_counted():
    """Made while the program runs its own code they are nobody's; in a system call they are taken for its."""
    with Program("selfcheck") as program:
        with Attached(program.pid, "idle") as memtrap:
            with open(f"/proc/{program.pid}/mem", "r+b", buffering=0) as memory:
                memory.seek(program.truth["idle"])
                memory.write(b"12345678")
            program.process.stdin.close()
            report = memtrap.report()
        assert report.summary["outside"] + len(report.hits) == 1
        assert all(hit["origin"] == "kernel" for hit in report.hits)
