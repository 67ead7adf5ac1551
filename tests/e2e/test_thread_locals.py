# SPDX-License-Identifier: MIT
"""Thread-local variables: each thread's own, at its own address, from its first instruction on."""

import collections

import pytest

from watching import fixture, run, watch, watch_running

PROGRAMS = ["tls", "tls-fast", "tls-clang-fast", "tls-i386", "tls-static"]


def per_thread(report, field="new"):
    """The values of each thread's hits in their order."""
    threads = collections.defaultdict(list)
    for hit in report.hits:
        threads[hit["tid"]].append(hit[field])
    return threads


def check(report):
    count, rounds, main = (report.truth[key] for key in ("count", "rounds", "main"))
    threads = per_thread(report)
    assert len(threads) == count + 1 and threads.pop(main) == [1, 2]
    for tid, values in threads.items():
        number = report.truth[f"number_{tid}"]
        assert values == [1000 * number + i for i in range(rounds + 1)]
    for tid, old in per_thread(report, "old").items():
        assert old[0] == 0 and old[1:] == per_thread(report)[tid][:-1]
    for hit in report.hits:
        own = report.truth["main_own" if hit["tid"] == main else f"own_{hit['tid']}"]
        assert int(hit["addr"], 16) == own
    assert report.armed["per_thread"] and report.summary["uncovered"] == 0
    assert report.summary["lost"] == report.summary["unseen"] == 0


@pytest.mark.parametrize("program", PROGRAMS)
def test_threads_of_a_program_that_is_launched(program, tmp_path):
    check(watch("own", program=[fixture(program), 30, 10], tmp_path=tmp_path))


@pytest.mark.parametrize("program", PROGRAMS)
def test_threads_that_come_after_memtrap(program):
    check(watch_running(program, 30, 10, watch_arguments=["own"]))


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("guard", ["--guard", "--no-guard"])
def test_threads_that_were_there_before(program, guard):
    report = watch_running(program, 20, 10, "early", watch_arguments=["own", guard])
    assert report.armed["threads"] == 21
    check(report)


@pytest.mark.parametrize("program", PROGRAMS)
def test_parts(program, tmp_path):
    report = watch("pair.value", "wide[1]", "--print", "tls.c::shared", program=[fixture(program), 5, 4], tmp_path=tmp_path)
    first = [hit for hit in report.hits if hit["watch"] == 1]
    second = [hit for hit in report.hits if hit["watch"] == 2 and hit["changed"]]  # gcc -O2 stores the last value twice
    assert len(first) == len(second) == 20 and report.summary["lost"] == 0
    for hit in first:
        assert hit["new"] - hit["old"] == report.truth[f"number_{hit['tid']}"]
    assert collections.Counter(hit["new"] for hit in second) == {i: 5 for i in range(1, 5)}
    assert {hit["print"][0]["value"] for hit in report.hits} == {0}


def test_a_condition_and_a_count(tmp_path):
    report = watch("own", "--if", "new % 1000 == 3", program=[fixture("tls"), 8, 5], tmp_path=tmp_path)
    assert sorted(report.column("new")) == [1000 * i + 3 for i in range(1, 9)]
    assert report.summary["unmet"] == 8 * 5 + 2
    counted = watch("own", "-c", program=[fixture("tls"), 8, 5], tmp_path=tmp_path)
    assert counted.summary["hits"] == 8 * 6 + 2 and counted.summary["uncounted"] == 0


def test_forked_processes_have_theirs_too(tmp_path):
    report = watch("-f", "own", program=["sh", "-c", f"{fixture('tls')} 3 2; {fixture('tls')} 2 2"], tmp_path=tmp_path)
    assert len(report.hits) == 3 * 3 + 2 + 2 * 3 + 2 and len({hit["pid"] for hit in report.hits}) == 2


def test_beside_what_all_threads_share():
    report = watch_running("tls", 5, 4, "early", watch_arguments=["tls.c::shared", "own"])
    assert [line["threads"] for line in report.of_type("armed")] == [6, 6]
    assert report.summary["uncovered"] == 0 and len(report.hits) == 5 * 5 + 2


def test_reads(tmp_path):
    report = watch("-a", "pair.value", program=[fixture("tls"), 2, 3], tmp_path=tmp_path)
    assert sum(hit["old"] != hit["new"] for hit in report.hits) == 6 and len(report.hits) == 12


def test_the_armed_line_says_how():
    done = run("watch", "own", "-n", 1, program=[fixture("tls"), 1, 1])
    armed = done.stderr.splitlines()[0]
    assert "4 bytes in each thread, at its own address, and in those to come" in armed
