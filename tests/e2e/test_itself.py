# SPDX-License-Identifier: MIT
"""The program stays itself: its input, output, status and signals; and nothing is left behind in it."""

import os
import signal
import subprocess

import pytest

from watching import Attached, MEMTRAP, Program, fixture, run, watch


@pytest.mark.parametrize("status", [0, 1, 3, 77, 123, 255])
def test_the_exit_status_is_the_programs(status):
    assert run("watch", "-q", "last_words", program=[fixture("exits"), "status", status]).returncode == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGSEGV, signal.SIGKILL, signal.SIGTRAP, signal.SIGABRT])
def test_a_fatal_signal_is_the_programs(number):
    assert run("watch", "-q", "last_words", program=[fixture("exits"), "signal", int(number)]).returncode == -number


def test_input_and_output_are_the_programs(tmp_path):
    text = "one\ntwo\n\0three" * 500
    done = run("watch", "-o", tmp_path / "hits", "last_words", program=[fixture("exits"), "echo"], stdin=text)
    assert done.stdout == text
    assert done.stderr == "to standard error\n"


def test_arguments_and_environment_are_the_programs():
    done = run("watch", "-q", "last_words", program=[fixture("exits"), "status", "9", "-p", "--if"],
               env={"SOME_VARIABLE": "x"})
    assert done.returncode == 9


def test_a_program_is_found_in_the_path():
    done = run("watch", "-q", "last_words", program=["exits", "status", 4],
               env={"PATH": os.path.dirname(fixture("exits"))})
    assert done.returncode == 4


def signal_mask(pid, field):
    with open(f"/proc/{pid}/status") as status:
        return next(line.split()[1] for line in status if line.startswith(field))


@pytest.mark.parametrize("field", ["SigBlk", "SigIgn", "SigCgt"])
def test_signal_dispositions_are_the_programs(field):
    with Program("exits", "forever") as alone:
        expected = signal_mask(alone.pid, field)
    memtrap = subprocess.Popen([MEMTRAP, "watch", "-q", "last_words", "--", fixture("exits"), "forever"],
                               stdout=subprocess.PIPE, text=True)
    pid = int(memtrap.stdout.readline().partition("=")[2])
    seen = signal_mask(pid, field)
    os.kill(pid, signal.SIGTERM)
    memtrap.stdout.close()
    assert memtrap.wait(20) == -signal.SIGTERM
    assert seen == expected


def test_interrupt_ends_a_launched_program_as_the_shell_would():
    memtrap = subprocess.Popen([MEMTRAP, "watch", "last_words", "--", fixture("exits"), "forever"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert memtrap.stdout.readline().startswith("ready")
    os.killpg(memtrap.pid, signal.SIGINT)
    _, text = memtrap.communicate(timeout=20)
    assert memtrap.returncode == -signal.SIGINT
    assert "1 hit" in text  # the summary was still written


def test_text_and_data_stay_untouched():
    """The pages of code that the program runs stay those of its file, shared and clean."""
    with Program("writes", 3) as program, Attached(program.pid, "counter"):
        with open(f"/proc/{program.pid}/smaps") as smaps:
            text = smaps.read()
    code = [block for block in text.split("VmFlags") if " r-xp " in block and "/fixtures/writes" in block]
    assert code and all("Private_Dirty:         0 kB" in block for block in code)


def test_kill_9_leaves_the_program_unharmed():
    """50 times, at any moment: while it arms, while hits stream."""
    with Program("selfcheck") as program:
        for attempt in range(50):
            memtrap = subprocess.Popen([MEMTRAP, "watch", "--json", "-p", str(program.pid), "state"],
                                       stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            if attempt % 5:
                for _ in range(attempt % 5):
                    memtrap.stderr.readline()
            memtrap.kill()
            memtrap.wait()
            memtrap.stderr.close()
            assert program.process.poll() is None, f"it died at the {attempt}th kill"
        assert program.finish().endswith("ok\n")
        assert program.process.returncode == 0


def test_kill_9_leaves_a_launched_program_unharmed():
    for lines in range(0, 10, 2):
        memtrap = subprocess.Popen([MEMTRAP, "watch", "--json", "state", "--", fixture("selfcheck")],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert "addr=" in memtrap.stdout.readline()
        for _ in range(lines):
            memtrap.stderr.readline()
        memtrap.kill()
        memtrap.stdin.close()
        assert memtrap.stdout.read().endswith("ok\n")
        memtrap.wait()
        memtrap.stdout.close()
        memtrap.stderr.close()


def test_a_new_watch_finds_all_registers_free_after_a_kill():
    with Program("selfcheck") as program:
        for _ in range(8):
            with Attached(program.pid, "state", "-c"):
                pass  # leaving the context kills it
        with Attached(program.pid, "state", "-c") as memtrap:
            program.finish()
            assert memtrap.report().summary["hits"] > 0
