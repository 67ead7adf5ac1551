# SPDX-License-Identifier: MIT
"""Every write to a global variable, however the program was built, started or attached to."""

import pytest

from watching import Attached, Program, base_name, fixture, run, watch, watch_running

BUILDS = ["writes", "writes-nopie", "writes-static", "writes-static-pie", "writes-fast", "writes-clang",
          "writes-dwarf4", "writes-debuglink", "writes-dwz"]
WITHOUT_DWARF = ["writes-nodebug", "writes-minidebug"]


def check_values(report, writes):
    assert report.column("new") == list(range(1, writes + 1))
    assert report.column("old") == list(range(writes))
    assert report.column("n") == list(range(1, writes + 1))
    assert report.summary["hits"] == writes
    assert report.summary["lost"] == 0
    assert all(int(hit["addr"], 16) == report.truth["addr"] for hit in report.hits)
    assert all(hit["access"] == "write" and hit["origin"] == "user" and hit["len"] == 8 for hit in report.hits)


def check_place(report):
    assert {hit["function"] for hit in report.hits} == {"bump"}
    assert {(base_name(hit["file"]), hit["line"]) for hit in report.hits} == {("writes.c", report.truth["line_bump"])}


@pytest.mark.parametrize("build", BUILDS)
def test_every_write_of_a_launched_program(build, tmp_path):
    report = watch("counter", program=[fixture(build), 1000], tmp_path=tmp_path)
    check_values(report, 1000)
    check_place(report)
    assert report.status == 0


@pytest.mark.parametrize("build", BUILDS)
def test_every_write_of_a_running_program(build):
    report = watch_running(build, 1000, watch_arguments=["counter"])
    check_values(report, 1000)
    check_place(report)
    assert report.status == 0


@pytest.mark.parametrize("build", WITHOUT_DWARF)
def test_elf_symbols_do_where_there_is_no_dwarf(build, tmp_path):
    report = watch("counter", program=[fixture(build), 10], tmp_path=tmp_path)
    assert [int.from_bytes(bytes.fromhex(raw), "little") for raw in report.column("new_raw")] == list(range(1, 11))
    assert report.summary["hits"] == 10
    said = run("watch", "counter", program=[fixture(build), 1]).stderr
    assert "no debug information for counter" in said


def watch_running_at_its_address(build):
    with Program(build, 10) as program, Attached(program.pid, f"{program.truth['addr']:#x}:8") as memtrap:
        program.go()
        program.finish()
        return memtrap.report(program.truth)


def test_a_stripped_program_by_address():
    report = watch_running_at_its_address("writes-stripped")
    assert report.summary["hits"] == 10
    assert {hit["module"] for hit in report.hits} == {"writes-stripped"}


def test_times_rise_and_threads_are_named(tmp_path):
    report = watch("counter", program=[fixture("writes"), 200], tmp_path=tmp_path)
    times = report.column("time_ns")
    assert times == sorted(times)
    assert {(hit["pid"], hit["tid"], hit["comm"]) for hit in report.hits} == \
        {(report.truth["ready"], report.truth["ready"], "writes")}


def test_the_armed_line_comes_first_and_the_summary_last(tmp_path):
    report = watch("counter", program=[fixture("writes"), 3], tmp_path=tmp_path)
    assert [line["type"] for line in report.lines] == ["armed", "hit", "hit", "hit", "summary"]
    assert report.summary["exit"] == 0


def test_summary_has_the_places(tmp_path):
    report = watch("counter", program=[fixture("writes"), 30], tmp_path=tmp_path)
    (place,) = report.summary["places"]
    assert place["function"] == "bump" and place["line"] == report.truth["line_bump"] and place["hits"] == 30
