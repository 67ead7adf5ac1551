# SPDX-License-Identifier: MIT
"""memtrap watch: the memory that is watched is unmapped, moved or replaced, and others are there then; by all engines."""

import json
import subprocess

import pytest

import watching
from watching import fixture, run, truth_of, watch


@pytest.fixture(params=["kernel", "ptrace", "step"])
def engine(request):
    return request.param


def remaps(engine, way, tmp_path, *arguments):
    report = watch(f"--engine={engine}", "--at", "begin", *arguments, "*place",
                   program=[fixture("watchpoints"), "remaps", way], tmp_path=tmp_path)
    assert report.truth["place"] == 8 and report.status == 0
    return report


def told(report):
    return [(hit["access"], hit["syscall"], hit["old"], hit["new"]) for hit in report.hits]


@pytest.mark.parametrize("way, call", [("munmap", "munmap"), ("part", "munmap"), ("mremap", "mremap")])
def test_what_is_unmapped_is_told_as_gone(engine, way, call, tmp_path):
    report = remaps(engine, way, tmp_path)
    assert told(report) == [("unmap", call, 7, None), ("write", "mmap", None, 0), ("write", None, 0, 8)]
    assert (report.hits[0]["moved_to"] is not None) == (way == "mremap")
    assert report.hits[0]["stack"] and report.hits[0]["pid"] == report.armed["pid"]
    assert report.summary["unmapped"] == 1 and report.summary["lost"] == 0 and "unmap_why" not in report.armed


@pytest.mark.parametrize("way, call", [("over", "mremap"), ("mmap", "mmap"), ("madvise", "madvise")])
def test_what_is_replaced_has_another_value(engine, way, call, tmp_path):
    """The kernel does not read a page there that is not in memory: what it holds is not known, but of a new one."""
    report = remaps(engine, way, tmp_path)
    first, last = told(report)[0], told(report)[-1]
    assert first == ("write", call, 7, 0 if engine != "kernel" or way == "mmap" else None)
    assert last == ("write", None, 0, 8)
    assert "unmapped" not in report.summary


@pytest.mark.parametrize("way", ["brk", "shmdt"])
def test_a_call_that_does_not_say_what_it_unmaps(engine, way, tmp_path):
    report = watch(f"--engine={engine}", "--at", "begin", "*place", program=[fixture("watchpoints"), "detaches", way],
                   tmp_path=tmp_path)
    first, last = told(report)[0], told(report)[-1]
    if engine == "kernel" and first[0] != "unmap":  # it is looked at the mappings a moment later: others are there by then
        assert first == ("write", "mmap", 7, 0)
    else:
        assert first == ("unmap", way, 7, None)
    assert last == ("write", None, 0, 8)


def test_whatever_was_asked_for(engine, tmp_path):
    report = remaps(engine, "munmap", tmp_path, "--read")
    assert [hit["access"] for hit in report.hits] == ["read", "unmap", "read"]
    report = remaps(engine, "munmap", tmp_path, "--if", "new > 100")
    assert [hit["access"] for hit in report.hits] == ["unmap"]
    report = remaps(engine, "munmap", tmp_path, "--changes")
    assert [hit["access"] for hit in report.hits] == ["unmap", "write", "write"]


def test_what_is_kept_is_told_once(engine, tmp_path):
    report = watch(f"--engine={engine}", "--at", "begin", "*place", "*place", "sum",
                   program=[fixture("watchpoints"), "remaps", "munmap"], tmp_path=tmp_path)
    assert sorted((hit["watch"], hit["access"]) for hit in report.hits if hit["access"] == "unmap") == [
        (1, "unmap"), (2, "unmap")]
    assert report.summary["unmapped"] == 2


def test_it_is_said_in_words(engine):
    done = run("watch", f"--engine={engine}", "--at", "begin", "*place",
               program=[fixture("watchpoints"), "remaps", "mremap"])
    assert "  unmap  *place: 7 -> ?\n      by the kernel, in mremap(0x" in done.stderr
    assert "where it is not watched: nobody can touch 0x" in done.stderr
    assert "which is watched then\n" in done.stderr
    assert ", 1 watched range unmapped, 0 lost" in done.stderr


def test_the_first_hit_may_be_that_it_is_gone(engine, tmp_path):
    report = remaps(engine, "munmap", tmp_path, "-n", "1")
    assert told(report) == [("unmap", "munmap", 7, None)]


def test_code_goes_away_too(tmp_path):
    report = watch("--engine=kernel", "--pending", "-x", "plugin_run",
                   program=[fixture("loader"), watching.FIXTURES / "plugin.so"], tmp_path=tmp_path)
    assert [hit["access"] for hit in report.hits][:2] == ["exec", "unmap"]


def test_a_fork_has_its_own(tmp_path):
    """The parent's memory is not the child's."""
    report = watch("-f", "--engine=kernel", "--at", "begin", "*place",
                   program=["sh", "-c", f"{fixture('watchpoints')} remaps munmap"], tmp_path=tmp_path)
    assert told(report) == [("unmap", "munmap", 7, None), ("write", "mmap", None, 0), ("write", None, 0, 8)]


def test_where_calls_are_not_seen_it_is_looked_for():
    command = [watching.MEMTRAP, "watch", "--json", "--engine=ptrace", "--user-only", "--at", "begin", "*place", "--",
               fixture("watchpoints"), "remaps", "waits"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as memtrap:
        lines = []
        while not lines or lines[-1]["type"] != "warning":
            lines.append(json.loads(memtrap.stderr.readline()))
        assert "has been unmapped" in lines[-1]["text"] and "watched then" in lines[-1]["text"]
        assert [line["unmap_why"] for line in lines if line["type"] == "armed"]
        memtrap.stdin.write("\n")
        memtrap.stdin.close()
        lines += [json.loads(line) for line in memtrap.stderr.read().splitlines()]
        assert truth_of(memtrap.stdout.read())["place"] == 8
    assert lines[-1]["unmapped"] == 1
    assert [hit["new"] for hit in lines if hit["type"] == "hit"] == [8]
