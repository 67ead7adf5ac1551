# SPDX-License-Identifier: MIT
"""What ends a watch, what a hit does, and where the output goes."""

import os
import re
import signal
import subprocess

import pytest

from watching import Attached, MEMTRAP, Program, fixture, run, watch


def test_n_ends_after_n_hits_and_the_program_goes_on(tmp_path):
    report = watch("counter", "-n", 7, program=[fixture("writes"), 1000], tmp_path=tmp_path)
    assert report.column("new") == [1, 2, 3, 4, 5, 6, 7]
    assert report.truth["last"] == 1000
    assert report.summary["hits"] == 7
    assert report.status == 0


def test_n_ends_an_attached_watch():
    with Program("writes", 100) as program, Attached(program.pid, "counter", "-n", 3) as memtrap:
        program.go()
        report = memtrap.report()
        program.finish()
        assert program.truth["last"] == 100
    assert report.column("new") == [1, 2, 3]


def test_timeout_ends_the_watch_only():
    with Program("writes", 5) as program:
        with Attached(program.pid, "counter", "--timeout", "0.2") as memtrap:
            report = memtrap.report()
        assert report.hits == [] and report.status == 0
        program.finish()
        assert program.truth["last"] == 5


def test_changes_drops_what_stays_the_same(tmp_path):
    every = watch("steady", program=[fixture("samevalue")], tmp_path=tmp_path)
    assert len(every.hits) == every.truth["writes"]
    changes = watch("steady", "--changes", program=[fixture("samevalue")], tmp_path=tmp_path)
    assert [(hit["old"], hit["new"]) for hit in changes.hits] == [(0, 5), (5, 6), (6, 7), (7, 8)]


def test_writes_of_the_same_value_are_marked(tmp_path):
    hits = tmp_path / "hits.txt"
    run("watch", "-o", hits, "steady", program=[fixture("samevalue")])
    assert hits.read_text().count("unchanged") == 6


def test_then_stop_freezes_the_process_at_the_hit():
    with Program("writes", 1000) as program:
        with Attached(program.pid, "counter", "--if", "new == 321", "--then", "stop") as memtrap:
            program.go()
            report = memtrap.report()
        assert report.column("new") == [321]
        os.waitpid(program.pid, os.WUNTRACED)
        while state_of(program.pid) != "T":  # it runs for a moment from its tracer's stop into its own
            pass
        address = program.truth["addr"]
        with open(f"/proc/{program.pid}/mem", "rb") as memory:
            memory.seek(address)
            stopped_at = int.from_bytes(memory.read(8), "little")
        assert stopped_at == 321
        os.kill(program.pid, signal.SIGCONT)
        program.finish()
        assert program.truth["last"] == 1000


def state_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]


def test_then_stop_says_how_to_attach(tmp_path):
    with Program("writes", 10) as program:
        memtrap = subprocess.Popen([MEMTRAP, "watch", "-p", str(program.pid), "counter", "--then", "stop"],
                                   stderr=subprocess.PIPE, text=True)
        assert memtrap.stderr.readline().startswith("armed")
        program.go()
        _, text = memtrap.communicate(timeout=20)
        assert f"gdb -p {program.pid}" in text


def test_then_kill(tmp_path):
    report = watch("counter", "--then", "kill", program=[fixture("writes"), 1000], tmp_path=tmp_path)
    assert report.column("new")[:1] == [1]
    assert "last" not in report.truth
    assert report.status == -signal.SIGKILL
    assert report.summary["exit_signal"] == signal.SIGKILL


def value_in_core(program, core):
    done = run_debugger("-batch", "-ex", "print counter", "-ex", "bt 1", fixture(program), core)
    return re.search(r"^\$1 = (\d+)$", done.stdout, re.M)[1], re.search(r"^#0 +(?:0x[0-9a-f]+ in )?(\w+)", done.stdout, re.M)[1]


def run_debugger(*arguments):
    return subprocess.run([MEMTRAP, "debug", *map(str, arguments)], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("program", ["writes", "writes-i386"])
def test_then_core_of_a_program_that_we_start(program, tmp_path):
    core = tmp_path / "core file"
    report = watch("counter", "--if", "new == 321", "--then", f"core={core}", program=[fixture(program), 1000],
                   tmp_path=tmp_path)
    assert report.column("new") == [321]
    assert report.truth["last"] == 1000 and report.status == 0  # it went on to its end
    assert report.summary["core"] == str(core) and report.summary["stopped"] is None
    assert value_in_core(program, core) == ("321", "bump")


def test_then_core_of_a_running_process(tmp_path):
    core = tmp_path / "core"
    with Program("threads", "before", 200) as program:
        with Attached(program.pid, "last_writer", "--then", f"core={core}") as memtrap:
            program.go()
            report = memtrap.report()
        program.finish()
    assert len(report.hits) == 1 and report.summary["core"] == str(core)
    done = run_debugger("-batch", "-ex", "info threads", fixture("threads"), core)
    assert len(re.findall(r"^[ *] \d+ ", done.stdout, re.M)) >= 2


def test_a_core_that_cannot_be_written_is_told_and_the_program_goes_on(tmp_path):
    report = watch("counter", "-n", 1, "--then", f"core={tmp_path}/none/core", program=[fixture("writes"), 10],
                   tmp_path=tmp_path)
    assert report.truth["last"] == 10
    assert report.status == 123
    assert "goes on without a core: cannot create" in report.err
    assert "core" not in report.summary


def test_summary_alone(tmp_path):
    report = watch("counter", "-c", program=[fixture("writes"), 5000], tmp_path=tmp_path)
    assert report.hits == []
    (place,) = report.summary["places"]
    assert (place["function"], place["line"], place["hits"]) == ("bump", report.truth["line_bump"], 5000)
    assert (place["min"], place["max"]) == (1, 5000)


def test_quiet_has_hits_only(tmp_path):
    hits = tmp_path / "hits.txt"
    run("watch", "-q", "-o", hits, "counter", program=[fixture("writes"), 2])
    text = hits.read_text()
    assert text.count("counter: ") == 2 and "armed" not in text and "share" not in text


def test_text_goes_to_standard_error_without_o():
    done = run("watch", "counter", program=[fixture("writes"), 2])
    assert "armed: counter: 1 debug register on 1 of 1 thread, write, 8 bytes" in done.stderr
    assert "1 -> 2" in done.stderr and "bump" in done.stderr and "writes.c:" in done.stderr
    assert "->" not in done.stdout


def test_interrupt_detaches_and_the_program_goes_on():
    with Program("selfcheck") as program:
        with Attached(program.pid, "state", "-c") as memtrap:
            memtrap.interrupt()
            report = memtrap.report()
        assert report.status == 0 and report.lines[-1]["type"] == "summary"
        assert program.finish().endswith("ok\n")
