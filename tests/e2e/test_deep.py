# SPDX-License-Identifier: MIT
"""--deep: what a pointer leads to, also when the pointer is changed."""

import pytest

from watching import FAILED, fixture, run, watch, watch_running

PROGRAMS = ["deep", "deep-fast", "deep-clang-fast", "deep-i386"]
COUNT = 30


def check(report):
    """Each write of what `current` led to, where it led then, and no other."""
    assert report.column("new") == list(range(1, COUNT + 1))
    places = [report.truth[f"refs_{i % 3}"] for i in range(1, COUNT + 1)]
    assert [int(hit["addr"], 16) for hit in report.hits] == places
    assert report.truth["done"] == 1 and report.status == 0
    assert report.summary["lost"] == report.summary["unseen"] == 0
    assert report.armed["pointers"] == 1


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("mode", ["plain", "nulls", "threads", "kernel"])
def test_the_trap_moves_along(program, mode, tmp_path):
    report = watch("--deep", "current->refs", program=[fixture(program), mode, COUNT], tmp_path=tmp_path)
    check(report)
    assert report.summary["moves"] == COUNT


@pytest.mark.parametrize("program", PROGRAMS)
def test_of_a_process_that_runs(program):
    check(watch_running(program, "threads", COUNT, watch_arguments=["--deep", "current->refs"]))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_chain_of_pointers(program, tmp_path):
    report = watch("--deep", "head->next->len", program=[fixture(program), "chain", COUNT], tmp_path=tmp_path)
    assert report.column("new") == list(range(1, COUNT + 1))
    assert report.armed["pointers"] == 2 and report.status == 0


def test_old_values_are_those_of_the_place(tmp_path):
    report = watch("--deep", "current->refs", program=[fixture("deep"), "plain", 6], tmp_path=tmp_path)
    assert report.column("old") == [0, -1, -2, -3, -4, -5]


def test_a_condition(tmp_path):
    report = watch("--deep", "current->refs", "--if", "new % 7 == 0", "--print", "current->id",
                   program=[fixture("deep"), "plain", COUNT], tmp_path=tmp_path)
    assert report.column("new") == [7, 14, 21, 28] and report.summary["unmet"] == COUNT - 4


@pytest.mark.parametrize("arguments, why", [
    (["--deep", "count"], "follows no pointer"),
    (["--engine=ptrace", "--deep", "current->refs"], "--engine kernel"),
    (["--deep", "-x", "main"], "-x"),
    (["-f", "--deep", "current->refs"], "-f"),
    (["current->refs", "--deep"], "before no expression"),
    (["--deep", "current->reefs"], "did you mean refs"),
])
def test_what_is_refused(arguments, why):
    done = run("watch", *arguments, program=[fixture("deep"), "plain", 1])
    assert done.returncode == FAILED and why in done.stderr and "done" not in done.stdout


def test_the_text_says_what_it_costs():
    done = run("watch", "--deep", "current->refs", program=[fixture("deep"), "plain", 3])
    assert "who changes one is stopped until the trap has moved" in done.stderr
    assert "3 moves of the trap" in done.stderr
