# SPDX-License-Identifier: MIT
"""memtrap watch: a child that borrows its parent's memory (vfork, clone with CLONE_VM) writes to what is watched."""

import pytest

from watching import Attached, Program, fixture, watch


def check(report, child_is_seen):
    """Who has written, and which values."""
    parent, child = report.truth["parent"], report.truth["child"]
    told = [(hit["pid"], hit["syscall"], hit["old"], hit["new"]) for hit in report.hits]
    if child_is_seen:
        assert told == [(parent, None, 0, 1), (child, None, 1, 2), (child, None, 2, 3), (child, "read", 3, 4),
                        (parent, None, 4, 5)]
    else:
        assert told == [(parent, None, 0, 1), (parent, None, 1, 5)]
    assert report.truth["last"] == 5
    assert report.status == 0 and report.summary["lost"] == report.summary["unseen"] == 0


@pytest.mark.parametrize("how", [["--engine=kernel", "-f"], ["--engine=ptrace"], ["--engine=ptrace", "-f"]])
@pytest.mark.parametrize("way", ["vfork", "clone", "silent"])
def test_who_borrows_the_memory_is_seen(way, how, tmp_path):
    check(watch(*how, "lent", program=[fixture("borrows"), way], tmp_path=tmp_path), True)


@pytest.mark.parametrize("way", ["vfork", "clone", "silent"])
@pytest.mark.parametrize("how", [["--engine=kernel", "-f", "--guard"], ["--engine=kernel", "-f", "--no-guard"], ["--engine=ptrace"]])
def test_also_of_a_process_that_runs(way, how):
    with Program("borrows", way) as program, Attached(program.pid, *how, "lent") as memtrap:
        program.go()
        program.finish()
        check(memtrap.report(program.truth), True)


@pytest.mark.parametrize("engine", ["kernel", "ptrace"])
def test_who_has_a_copy_is_not(engine, tmp_path):
    check(watch(f"--engine={engine}", "lent", program=[fixture("borrows"), "fork"], tmp_path=tmp_path), False)


@pytest.mark.parametrize("engine", ["kernel", "ptrace"])
def test_nor_who_has_another_program(engine, tmp_path):
    """true borrows nothing any more once it is another program."""
    report = watch(f"--engine={engine}", "lent", program=[fixture("borrows"), "exec"], tmp_path=tmp_path)
    assert [hit["access"] for hit in report.hits] == ["write"] * len(report.hits)
    check(report, False)


@pytest.mark.parametrize("way, borrowers", [("vfork", 1), ("clone", 1), ("fork", None)])
def test_without_f_the_kernel_leaves_it_alone_and_says_so(way, borrowers, tmp_path):
    report = watch("--engine=kernel", "lent", program=[fixture("borrows"), way], tmp_path=tmp_path)
    parent = report.truth["parent"]
    assert [(hit["pid"], hit["new"]) for hit in report.hits] == [(parent, 1), (parent, 5)]
    assert report.summary.get("borrowers") == borrowers


def test_a_condition_sees_what_the_child_has_written(tmp_path):
    report = watch("--engine=kernel", "-f", "--if", "old == 4", "lent", program=[fixture("borrows"), "vfork"], tmp_path=tmp_path)
    assert [(hit["pid"], hit["new"]) for hit in report.hits] == [(report.truth["parent"], 5)]
    report = watch("--engine=kernel", "-f", "-c", "lent", program=[fixture("borrows"), "vfork"], tmp_path=tmp_path)
    assert report.summary["hits"] == 5
