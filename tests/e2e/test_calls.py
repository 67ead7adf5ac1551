# SPDX-License-Identifier: MIT
"""Local variables: armed when their function is entered, for that call, until it ends."""

import collections

import pytest

from watching import FAILED, INCOMPLETE, fixture, run, watch, watch_running

PROGRAMS = ["calls", "calls-fast", "calls-clang", "calls-clang-fast"]


def values(report):
    return report.column("new")


def check_whole(report, calls):
    """Nothing was lost, and all calls were watched."""
    summary = report.summary
    assert summary["calls"] == calls and "unwatched" not in summary and report.status == 0
    assert summary["lost"] == summary["unseen"] == 0 and report.truth["done"] == 1
    assert report.armed["per_call"] and report.armed["addr"] is None


def watch_calls(program, mode, expression, tmp_path, count=20, arguments=()):
    return watch(expression, *arguments, program=[fixture(program), mode, count], tmp_path=tmp_path)


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_call_is_watched_and_nothing_else_on_its_stack(program, tmp_path):
    report = watch_calls(program, "plain", "simple::depth", tmp_path)
    assert values(report) == [value for i in range(1, 21) for value in (2 * i, 2 * i + 1)]
    assert {hit["function"] for hit in report.hits} == {"simple"}
    check_whole(report, 20)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("mode", ["jumps", "throws"])
def test_calls_that_are_left_otherwise_end_too(program, mode, tmp_path):
    report = watch_calls(program, mode, "simple::depth", tmp_path)
    expected = [value for i in range(1, 21) for value in ([2 * i] if i % 2 else [2 * i, 2 * i + 1])]
    assert values(report) == expected and {hit["function"] for hit in report.hits} == {"simple"}
    check_whole(report, 20)


@pytest.mark.parametrize("program", PROGRAMS)
def test_threads_each_have_theirs(program, tmp_path):
    report = watch_calls(program, "threads", "simple::depth", tmp_path, count=25)
    threads = collections.defaultdict(list)
    for hit in report.hits:
        threads[hit["tid"]].append(hit["new"])
    expected = [[1000 * n + value for i in range(1, 26) for value in (2 * i, 2 * i + 1)] for n in range(1, 9)]
    assert sorted(threads.values()) == expected
    check_whole(report, 8 * 25)


@pytest.mark.parametrize("program", PROGRAMS)
def test_of_a_process_that_runs(program):
    report = watch_running(program, "threads", 10, watch_arguments=["simple::depth"])
    assert len(report.hits) == 8 * 10 * 2
    check_whole(report, 80)


@pytest.mark.parametrize("program", PROGRAMS)
def test_recursion_has_a_variable_for_each_call(program, tmp_path):
    """Three registers are left for three calls."""
    report = watch_calls(program, "recursive", "recursive::mine", tmp_path, count=3)
    assert values(report) == [3, 2, 1, 101, 102, 103]
    assert len({hit["addr"] for hit in report.hits}) == 3
    for first, second in zip(report.hits[:3], reversed(report.hits[3:])):
        assert first["addr"] == second["addr"] and second["old"] == first["new"]
    check_whole(report, 3)


@pytest.mark.parametrize("program", PROGRAMS)
def test_more_calls_than_registers_are_told(program, tmp_path):
    report = watch_calls(program, "recursive", "recursive::mine", tmp_path, count=10)
    assert values(report) == [10, 9, 8, 108, 109, 110]
    assert report.summary["calls"] == 3 and report.summary["unwatched"] == 7 and report.status == INCOMPLETE
    (warning,) = report.of_type("warning")
    assert "four debug registers" in warning["text"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_writes_through_a_pointer_are_seen(program, tmp_path):
    report = watch_calls(program, "pointer", "outer::mine", tmp_path, arguments=["--changes"])
    changes = [hit["new"] for hit in report.hits if hit["function"] == "inner"]
    assert changes == [value for i in range(1, 21) for value in (i, -i)]
    check_whole(report, 20)


@pytest.mark.parametrize("program", PROGRAMS)
def test_coroutines_live_on_stacks_of_their_own(program, tmp_path):
    report = watch_calls(program, "coroutines", "run_coroutine::mine", tmp_path)
    assert values(report) == [0, 1, 1, 1001] + [value for i in range(2, 21) for value in (i, 1000 + i)]
    check_whole(report, 2)


@pytest.mark.parametrize("program", PROGRAMS)
def test_members_of_this(program, tmp_path):
    """Each call's own object, and only while the method runs."""
    report = watch_calls(program, "method", "Parser::parse::this->depth", tmp_path)
    assert values(report) == [10 * i + k for i in range(1, 21) for k in range(3)]
    objects = [report.truth["parser_1"], report.truth["parser_0"]]
    assert [int(hit["addr"], 16) for hit in report.hits] == [objects[i % 2] for i in range(20) for _ in range(3)]
    check_whole(report, 20)


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_a_parameter_points_to(program, tmp_path):
    report = watch_calls(program, "list", "walk::p->value", tmp_path)
    assert values(report) == list(range(1, 21))
    check_whole(report, 20)


def test_a_condition_and_prints(tmp_path):
    report = watch_calls("calls", "plain", "simple::depth", tmp_path,
                         arguments=["--if", "new % 10 == 0", "--print", "count"])
    assert values(report) == [10, 20, 30, 40] and {hit["print"][0]["value"] for hit in report.hits} == {20}
    assert report.summary["unmet"] >= 36


def test_the_first_hits(tmp_path):
    report = watch_calls("calls", "plain", "simple::depth", tmp_path, arguments=["-n", 3])
    assert values(report) == [2, 3, 4] and report.truth["done"] == 1


@pytest.mark.parametrize("expression, why", [
    ("run_plain::i", "-x FILE:LINE --print"),
    ("run_plain::base", "-x FILE:LINE --print"),
    ("walk::p", "kept in a register"),
    ("walk::nothing", "no variable nothing"),
    ("wall::p", "no variable p in wall"),
])
def test_what_has_no_place_is_refused(expression, why):
    done = run("watch", expression, program=[fixture("calls-fast"), "plain", 2])
    assert done.returncode == FAILED and why in done.stderr and "done" not in done.stdout


def test_counting_cannot_tell_calls_apart():
    done = run("watch", "-c", "simple::depth", program=[fixture("calls"), "plain", 2])
    assert done.returncode == FAILED and "-c" in done.stderr


def test_the_text_says_what_is_armed():
    done = run("watch", "simple::depth", program=[fixture("calls"), "plain", 2])
    armed = done.stderr.splitlines()[0]
    assert "function's entry" in armed and "in each call from now on" in armed
    assert "2 calls watched" in done.stderr
