# SPDX-License-Identifier: MIT
"""Writes by the kernel into the watched variable."""

import pytest

from watching import Attached, Program, fixture, run, watch, watch_running

pytestmark = pytest.mark.needs("kernel-access", "btf")

ONE_CALL = ["read", "wide", "partial", "recv", "getrandom", "file", "readv"]


@pytest.mark.parametrize("mode", ONE_CALL)
def test_one_call_is_one_hit(mode, tmp_path):
    report = watch("page.word", program=[fixture("kernelwrites"), mode], tmp_path=tmp_path)
    (hit,) = report.hits
    assert (hit["origin"], hit["syscall"]) == ("kernel", report.truth["syscall"])
    assert (hit["old_raw"], hit["new_raw"]) == (report.truth["raw_old"], report.truth["raw_new"])
    assert hit["access"] == "write"
    assert report.summary["hits"] == 1


@pytest.mark.parametrize("mode", ["read", "recv"])
def test_in_a_running_program(mode):
    report = watch_running("kernelwrites", mode, watch_arguments=["page.word"])
    (hit,) = report.hits
    assert (hit["origin"], hit["syscall"], hit["new_raw"]) == ("kernel", report.truth["syscall"], report.truth["raw_new"])


def test_the_same_call_twice_is_two_hits(tmp_path):
    report = watch("page.word", program=[fixture("kernelwrites"), "twice"], tmp_path=tmp_path)
    assert len(report.hits) == 2
    assert [hit["old_raw"] for hit in report.hits] == [report.truth["raw_old"], report.truth["raw_new"]]
    assert [hit["new_raw"] for hit in report.hits] == [report.truth["raw_new"]] * 2


def test_what_the_kernel_reads_is_read(tmp_path):
    report = watch("-a", "page.word", program=[fixture("kernelwrites"), "write"], tmp_path=tmp_path)
    (hit,) = [hit for hit in report.hits if hit["origin"] == "kernel"]
    assert (hit["access"], hit["syscall"], hit["changed"]) == ("read", "write", False)


def test_the_stack_is_the_callers(tmp_path):
    report = watch("page.word", program=[fixture("kernelwrites"), "read"], tmp_path=tmp_path)
    functions = [frame["function"] for frame in report.hits[0]["stack"] if frame["module"] == "kernelwrites"]
    assert functions[:2] == ["do_read", "main"]


def test_user_only_leaves_them_out(tmp_path):
    report = watch("page.word", "--user-only", program=[fixture("kernelwrites"), "read"], tmp_path=tmp_path)
    assert report.hits == []
    assert report.status == 0


def test_the_armed_line_says_that_they_are_seen(tmp_path):
    report = watch("page.word", program=[fixture("kernelwrites"), "read"], tmp_path=tmp_path)
    assert report.armed["kernel"] is True
    without = watch("page.word", "--user-only", program=[fixture("kernelwrites"), "read"], tmp_path=tmp_path)
    assert without.armed["kernel"] is False


def test_text_names_call_and_file(tmp_path):
    hits = tmp_path / "hits.txt"
    run("watch", "-o", hits, "page.word", program=[fixture("kernelwrites"), "file"])
    assert "by the kernel, in pread64(3" in hits.read_text()


def test_the_file_is_named():
    """As long as the program lives: what a descriptor is, is asked when the hit arrives."""
    with Program("kernelwrites", "file") as program, Attached(program.pid, "page.word") as memtrap:
        program.go()
        hit = memtrap.until("hit")
        assert (hit["syscall"], hit["syscall_fd"]) == ("pread64", fixture("kernelwrites"))
