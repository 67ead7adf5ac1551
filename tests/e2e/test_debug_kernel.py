# SPDX-License-Identifier: MIT
"""memtrap debug: watchpoints over what the kernel does on a program's behalf, seen there, without a stop at any call."""

import re
import shutil
import signal
import subprocess

import pytest

from debugging import LIMIT, arguments_of, debug
from test_doctor import BPF, EPERM, PERF_EVENT_OPEN, SECCOMP_RET_ERRNO, refuse
from watching import MEMTRAP, fixture, truth_of

SEEN = "\twhat system calls do is seen in the kernel\n"
COMPARED = "\tthe program stops at each system call, and the bytes are compared\n"
NAMES = {"read": "read", "pread": "pread64", "readv": "readv", "recv": "recvfrom"}


@pytest.fixture(params=["incalls", "incalls-i386"])
def incalls(request):
    return fixture(request.param)


def watched(command, *arguments, more=6):
    return debug("break begin", "run", "delete", command, "info watchpoints", *["continue"] * more, program=arguments)


# ---- The same value


@pytest.mark.parametrize("mode", NAMES)
@pytest.mark.parametrize("command", ["watch -write word", "awatch word"])
def test_a_call_that_writes_the_same_value_is_a_hit(incalls, command, mode):
    done = watched(command, incalls, mode)
    calls = re.findall(r"^Written by the system call (\w+)\(", done.out, re.MULTILINE)
    name = "socketcall" if mode == "recv" and calls[:1] == ["socketcall"] else NAMES[mode]
    assert SEEN in done.out and calls == [name] * 2
    assert truth_of(done.out)["over"] == mode


@pytest.mark.parametrize("mode", NAMES)
@pytest.mark.parametrize("command", ["watch word", "rwatch word"])
def test_it_is_no_change_and_no_read(incalls, command, mode):
    done = watched(command, incalls, mode)
    assert SEEN in done.out and "system call" not in done.out.split(SEEN)[1]
    assert truth_of(done.out)["over"] == mode


def test_every_call_is_told_until_the_value_stays(incalls):
    done = watched("watch -write word", incalls, "getrandom", more=2000)
    values = re.findall(r"^Old value = (\d+)\nNew value = (\d+)\nWritten by the system call getrandom\(", done.out,
                        re.MULTILINE)
    assert len(values) == int(truth_of(done.out)["calls"])
    assert [old == new for old, new in values] == [False] * (len(values) - 1) + [True]


@pytest.mark.parametrize("command, told", [("rwatch word", 1), ("awatch word", 1), ("watch -write word", 0)])
def test_a_call_that_reads_is_told_to_who_waits_for_reads(incalls, command, told):
    done = watched(command, incalls, "write")
    assert len(done.lines(r"^Read by the system call write\(0x\w+, 0x\w+, 0x8\)$")) == told
    assert "Written" not in done.out


def test_what_is_written_for_no_call_is_told_as_the_kernels(incalls):
    """The frame of a signal's handler, which an instruction has brought about."""
    done = watched("watch -write frame[8150]", incalls, "frame")
    assert done.lines(r"^Written by the kernel, in no system call")
    assert truth_of(done.out)["seen"] == 1


# ---- What the program notices


def test_no_call_returns_earlier(incalls):
    """recv(2) with MSG_WAITALL returns what it has when a signal comes, handled or not."""
    done = watched("watch word", incalls, "all")
    assert done.lines(r"^Written by the system call (recvfrom|recv|socketcall)\(")
    assert (truth_of(done.out)["got"], truth_of(done.out)["word"]) == (8, 0x807060504030201)


def resumes_of(command, *program):
    """How often the program was resumed, by whatever it had been stopped."""
    commands = ["break begin", "run", "delete", command, "continue"]
    strace = ["strace", "-qq", "-e", "trace=ptrace", MEMTRAP, "debug", "-batch", *arguments_of(commands), *program]
    done = subprocess.run(list(map(str, strace)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT,
                          check=True)
    assert "over=calls" in done.stdout
    return len(re.findall(r"PTRACE_(CONT|SYSCALL|SINGLESTEP),", done.stderr))


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("command", ["watch word", "rwatch word", "watch word if word == 3"])
def test_calls_that_do_nothing_to_it_stop_nobody(incalls, command):
    assert resumes_of(command, incalls, "calls", 5000) == resumes_of(command, incalls, "calls", 10)


# ---- Registers that are shared


def test_many_watchpoints_on_the_same_bytes_take_one_register():
    """Beside three others."""
    others = ["watch frame[1]", "watch frame[2]", "rwatch frame[3]"]
    several = ["watch word", "watch -write word", "watch word if word > 3", "watch word if word == 5", "watch word if word == 7 && tid",
               "watch -write word thread 1", "watch -l word", "watch word if (double)word > 8.5"]
    done = debug("break begin", "run", "delete", *others, *several, "info watchpoints", *["continue"] * 10,
                 program=[fixture("incalls"), "hits", "10"])
    assert "software" not in done.out and not done.err
    hits = [done.out.count(f"atchpoint {number}: word\n\nOld") + done.out.count(f"atchpoint {number}: -location word\n\nOld")
            for number in range(5, 13)]
    assert hits == [10, 10, 7, 1, 1, 10, 10, 2]


def test_one_that_is_deleted_leaves_the_others():
    done = debug("break begin", "run", "delete", "watch word", "watch -write word", "watch word if word % 2", "delete 2",
                 "continue", "delete 3", "continue", "watch -write word", "delete 4", "continue", "delete 5", "continue",
                 program=[fixture("incalls"), "hits", "10"])
    assert re.findall(r"atchpoint (\d): word\n\nOld value = (\d+)\n", done.out) == [
        ("3", "0"), ("4", "0"), ("4", "2"), ("5", "3")]
    assert truth_of(done.out)["word"] == 10


# ---- Where the kernel refuses


@pytest.mark.unprivileged
@pytest.mark.parametrize("number", [PERF_EVENT_OPEN, BPF])
def test_where_it_is_refused_the_bytes_are_compared(number):
    command = [MEMTRAP, "debug", "-batch", *arguments_of(["break begin", "run", "delete", "watch word", "info watchpoints",
                                                          "continue"]), fixture("incalls"), "getrandom"]
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT,
                          preexec_fn=refuse(number, SECCOMP_RET_ERRNO | EPERM), check=True)
    assert COMPARED in done.stdout and re.search(r"^Written by the system call getrandom\(", done.stdout, re.MULTILINE)


# ---- Other processes, and the end of memtrap


def test_a_child_that_has_the_memory_is_watched():
    done = debug("break begin", "run", "delete", "watch word", "continue", "kill", program=[fixture("incalls"), "vfork"])
    assert "Old value = 0\nNew value = 77\nWritten by 0x" in done.out


@pytest.mark.parametrize("turn", range(6))
def test_an_attached_program_outlives_sigkill_amid_hits(turn):
    """No register is left with it, and no signal that ends it."""
    with subprocess.Popen([fixture("writes"), "20000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        while not program.stdout.readline().startswith("ready"):
            pass
        commands = ["watch -write counter", "commands", "silent", "printf \"%d\\n\", counter", "continue", "end",
                    "echo set\\n", "continue"]
        command = [MEMTRAP, "debug", "-batch", "-p", str(program.pid), *arguments_of(commands)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as debugger:
            while "set" not in debugger.stdout.readline():
                pass
            program.stdin.write("\n")
            program.stdin.flush()
            for _ in range(20 + 37 * turn):
                debugger.stdout.readline()
            debugger.send_signal(signal.SIGKILL)
            debugger.stdout.read()
        program.stdin.close()
        assert truth_of(program.stdout.read())["last"] == 20000
    assert program.returncode == 0
