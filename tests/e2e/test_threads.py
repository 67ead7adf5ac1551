# SPDX-License-Identifier: MIT
"""Many threads: none is missed, none of their values is mixed up, and what is lost is counted."""

import collections

import pytest

from watching import INCOMPLETE, fixture, watch, watch_running

STORES = 500


def check_every_store(report, threads, stores):
    """Each thread's own values, each once and in its order."""
    by_thread = collections.defaultdict(list)
    for hit in report.hits:
        by_thread[hit["tid"]].append(hit["new"])
    assert report.summary["lost"] == 0
    assert len(report.hits) == report.truth["writes"]
    assert len(by_thread) == threads
    for tid, values in by_thread.items():
        assert values == [tid << 32 | i for i in range(1, stores + 1)]


def check_chain_of_values(report):
    """Each value that was stored is replaced once, but for the last one; the first one is 0."""
    olds, news = collections.Counter(report.column("old")), collections.Counter(report.column("new"))
    assert olds[0] == 1
    assert sum((olds - news).values()) == 1  # the 0
    assert sum((news - olds).values()) == 1  # the last one


@pytest.mark.parametrize("build", ["threads", "threads-static"])
@pytest.mark.parametrize("mode", ["before", "after"])
def test_four_threads_launched(build, mode, tmp_path):
    report = watch("last_writer", program=[fixture(build), mode, STORES], tmp_path=tmp_path)
    check_every_store(report, 4, STORES)
    check_chain_of_values(report)
    assert set(report.column("tid")) == {report.truth[f"tid_{i}"] for i in range(4)}


@pytest.mark.parametrize("mode", ["before", "after"])
def test_four_threads_attached(mode):
    report = watch_running("threads", mode, STORES, watch_arguments=["last_writer"])
    check_every_store(report, 4, STORES)
    check_chain_of_values(report)
    assert report.status == 0


def test_what_a_thread_stored_comes_from_its_instruction(tmp_path):
    report = watch("last_writer", program=[fixture("threads"), "before", 100], tmp_path=tmp_path)
    assert set(report.column("new_from")) == {"instruction"}


def test_threads_that_are_born_while_arming_are_not_missed():
    """All of them, or it says that it may not be all: then again, for this machine may be too busy."""
    for _ in range(3):
        report = watch_running("threads", "relay", 300, watch_arguments=["last_writer"])
        if not report.armed["uncovered"]:
            break
        assert report.status == INCOMPLETE
    assert report.armed["uncovered"] == 0 and report.status == 0
    assert [value & 0xffffffff for value in report.column("new")] == list(range(1, 301))
    assert all(hit["new"] >> 32 == hit["tid"] for hit in report.hits)
    assert len(set(report.column("tid"))) == 300


def test_nobody_is_missed_whose_parents_were_in_the_middle_of_it():
    """Several threads bear others, which all live, while they are seized and armed; each stores once."""
    for _ in range(5):
        report = watch_running("bearers", watch_arguments=["last_writer"])
        if report.armed["uncovered"]:
            assert report.status == INCOMPLETE
            continue
        assert len(report.hits) == report.truth["writes"] and report.status == 0


def test_64_busy_threads():
    report = watch_running("busy64", 100, watch_arguments=["target"])
    assert report.armed["threads"] == report.truth["threads"]
    assert len(report.hits) == report.truth["writes"] == report.summary["hits"]
    assert len(set(report.column("tid"))) == 64
    assert collections.Counter(value >> 32 for value in report.column("new")) == \
        {number: 100 for number in range(64)}


@pytest.mark.parametrize("follow", [[], ["-f"]])
def test_a_thread_in_vfork_keeps_nobody_waiting(follow, tmp_path):
    """It cannot be stopped before its child has ended, which waits for what another thread does."""
    for report in (watch("got", *follow, program=[fixture("vforked")], tmp_path=tmp_path),
                   watch_running("vforked", watch_arguments=["got", *follow])):
        assert report.truth["done"] == 1 and report.armed["uncovered"] == 0
        assert [hit["new"] for hit in report.hits if hit["pid"] == report.truth["ready"]] == [7]


def test_a_buffer_that_overflows_is_counted_exactly():
    """What arrived and what is said to be lost make up all that was written."""
    report = watch_running("busy64", 2000, watch_arguments=["target", "--buffer", "64K"])
    assert report.summary["lost"] > 0
    assert len(report.hits) + report.summary["lost"] == report.truth["writes"]
    assert report.status == INCOMPLETE


def test_counting_in_the_kernel_loses_nothing():
    report = watch_running("busy64", 2000, watch_arguments=["target", "-c"])
    assert report.hits == []
    assert report.summary["hits"] == sum(place["hits"] for place in report.summary["places"]) == 128000
    assert {place["line"] for place in report.summary["places"]} == {report.truth["line_worker"]}
    assert report.status == 0
