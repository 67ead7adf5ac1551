# SPDX-License-Identifier: MIT
"""Bad input: a clear sentence, the documented exit status, and the program was not started."""

import os
import re
import shutil
import subprocess

import pytest

from test_doctor import BPF, ENOSYS, EPERM, PERF_EVENT_OPEN, SECCOMP_RET_ERRNO, refuse
from watching import CANNOT_EXECUTE, FAILED, INCOMPLETE, LIMIT, MEMTRAP, NO_PROGRAM, Program, fixture, run, watch

pytestmark = pytest.mark.unprivileged


def refused(*arguments, program=(fixture("writes"), 3), status=FAILED):
    """What memtrap said, on standard error only, when it refused."""
    done = run("watch", *arguments, program=program)
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith(("memtrap: ", "memtrap watch: "))
    return done.stderr


def test_no_such_variable_suggests_near_names():
    assert "counter" in refused("countr")


def test_no_such_variable_at_all():
    text = refused("utterly_unknown_thing")
    assert "utterly_unknown_thing" in text


def test_no_such_member_suggests_near_names():
    text = refused("v_conn.nam", program=[fixture("types")])
    assert "has no member nam" in text and "name" in text.replace("no member nam", "")


def test_no_such_file_scope():
    assert "nowhere.c" in refused("nowhere.c::count", program=[fixture("statics")])


def test_a_local_is_told_as_what_it_is():
    text = refused("local", program=[fixture("statics")])
    assert "local of tally (statics.c:" in text and "; tally::local names that of each call" in text


def test_a_bit_field_is_told_as_what_it_is():
    assert "bit-field" in refused("v_conn.level", program=[fixture("types")])


def test_an_index_out_of_bounds():
    text = refused("v_array[3]", program=[fixture("types")])
    assert "3" in text and "v_array" in text


def test_a_null_pointer_on_the_way():
    assert "NULL" in refused("head->next->refs", program=[fixture("pointers")])


@pytest.mark.parametrize("expression", ["counter +", "counter[", "counter..", "*", "(int)counter", "1 + 1", "&counter",
                                        "counter:0", "counter:33", "0x:8", "counter[1", "a::b::", "'x", "$rax"])
def test_expressions_that_are_no_place(expression):
    refused(expression)


def test_a_syntax_error_has_a_caret():
    lines = refused("counter[").splitlines()
    assert any(line.strip() == "^" for line in lines)


def test_no_such_process():
    done = run("watch", "-p", 4194304, "counter")
    assert done.returncode == FAILED and "4194304" in done.stderr


@pytest.mark.parametrize("pid", ["", "abc", "-1", "0", "99999999999999999999"])
def test_a_pid_that_is_none(pid):
    assert run("watch", "-p", pid, "counter").returncode == FAILED


def test_no_such_program():
    assert "nonesuch" in refused("counter", program=["/tmp/nonesuch"], status=NO_PROGRAM)
    refused("counter", program=["nonesuch-in-path"], status=NO_PROGRAM)


def test_a_program_that_may_not_be_executed(tmp_path):
    file = tmp_path / "plain"
    file.write_text("not a program")
    refused("counter", program=[file], status=CANNOT_EXECUTE)
    refused("counter", program=[tmp_path], status=CANNOT_EXECUTE)


def executable(path, content):
    path.write_bytes(content)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("content, said", [
    (b"", "empty"), (b"garbage\n", ""), (b"\x7fELF", ""), (b"\x7fELF" + b"\xff" * 2000, ""),
], ids=["empty", "garbage", "magic", "hostile"])
def test_a_program_that_is_no_elf(content, said, tmp_path):
    text = refused("counter", program=[executable(tmp_path / "p", content)], status=CANNOT_EXECUTE)
    assert said in text


def test_a_script_is_told_as_one(tmp_path):
    script = executable(tmp_path / "script", b"#!/bin/sh\nexit 0\n")
    done = run("watch", "counter", program=[script])
    assert done.returncode == FAILED and "script" in done.stderr


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
def test_truncated_programs_do_no_harm(keep, tmp_path):
    with open(fixture("writes"), "rb") as whole:
        image = whole.read()
    program = executable(tmp_path / "p", image[: int(len(image) * keep)])
    done = run("watch", "counter", program=[program])
    # What it lacks, the kernel finds out before the program is another one, or too late: then it is killed.
    assert done.returncode >= 0 and (done.stderr.startswith("memtrap: ") or "counter was never armed" in done.stderr)


def test_scribbled_debug_information_does_no_harm(tmp_path):
    """Every 97th byte of the debug sections is another one; the program itself is whole."""
    with open(fixture("writes"), "rb") as whole:
        image = bytearray(whole.read())
    headers = subprocess.run(["readelf", "-SW", fixture("writes")], capture_output=True, text=True, check=True).stdout
    for _, offset, size in re.findall(r" (\.debug_\w+) +PROGBITS +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+)", headers):
        for i in range(int(offset, 16), int(offset, 16) + int(size, 16), 97):
            image[i] ^= 0x5A
    program = executable(tmp_path / "p", bytes(image))
    done = run("watch", "counter", program=[program, 3], limit=20)
    assert done.returncode in (0, FAILED)


@pytest.mark.parametrize("arguments", [
    [], ["--nope", "counter"], ["counter", "--stack=maybe"], ["counter", "-n", "x"], ["counter", "-n", "-3"],
    ["counter", "--timeout", "soon"], ["counter", "--then", "dance"], ["counter", "--buffer", "tiny"], ["--if"],
])
def test_bad_usage(arguments):
    refused(*arguments)


def test_neither_program_nor_pid():
    done = run("watch", "counter")
    assert done.returncode == FAILED and "memtrap watch" in done.stderr


def test_both_program_and_pid():
    assert run("watch", "-p", os.getpid(), "counter", program=["/bin/true"]).returncode == FAILED


def test_an_unknown_command():
    done = run("wacth")
    assert done.returncode == FAILED and "'wacth'" in done.stderr and "--help" in done.stderr


def test_an_output_file_that_cannot_be_written():
    assert "/nonexistent/hits" in refused("counter", "-o", "/nonexistent/hits")


def as_nobody(*command):
    if os.getuid() != 0:
        pytest.skip("needs root, to become nobody")
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=30,
                          user=65534, group=65534, extra_groups=[], cwd="/")


def test_ordinary_users_are_told_what_is_missing(copy):
    """Run as nobody, where nothing is allowed: the sentence names a capability or a sysctl."""
    program = shutil.copy(fixture("writes"), copy.parent)
    done = as_nobody(copy, "watch", "--engine=kernel", "counter", "--", program, 3)
    assert done.returncode == FAILED, done.stderr
    assert "CAP_" in done.stderr or "perf_event_paranoid" in done.stderr or "unprivileged_bpf" in done.stderr


def test_ordinary_users_can_watch_by_ptrace(copy):
    """They see what root sees, and are told by what, and why."""
    program = shutil.copy(fixture("writes"), copy.parent)
    done = as_nobody(copy, "watch", "counter", "--", program, 3)
    assert done.returncode == 0, done.stderr
    first, *_ = done.stderr.splitlines()
    assert first.startswith("engine: ptrace: a hit stops its thread, for about ") and "CAP_" in first
    assert [f"counter: {n} -> {n + 1}" in done.stderr for n in range(3)] == [True] * 3
    assert "3 hits in" in done.stderr


@pytest.mark.unprivileged
@pytest.mark.parametrize("number, missing", [(PERF_EVENT_OPEN, "CONFIG_PERF_EVENTS"), (BPF, "CONFIG_BPF_SYSCALL")])
def test_a_kernel_that_was_built_without_is_watched_by_ptrace(number, missing):
    done = subprocess.run([MEMTRAP, "watch", "counter", "--", fixture("writes"), "3"], capture_output=True, text=True,
                          timeout=LIMIT, stdin=subprocess.DEVNULL, preexec_fn=refuse(number, SECCOMP_RET_ERRNO | ENOSYS))
    assert done.returncode == 0 and "3 hits in" in done.stderr
    assert done.stderr.startswith("engine: ptrace: ") and missing in done.stderr.splitlines()[0]
    assert done.stdout.count("ready=") == 1


def test_an_older_kernel_is_watched_by_ptrace(tmp_path):
    older = {"LD_PRELOAD": fixture("older-kernel.so")}
    report = watch("counter", "--if", "new != 2", program=[fixture("writes"), 3], tmp_path=tmp_path, env=older)
    assert report.status == 0 and report.armed["engine"] == "ptrace" and report.column("new") == [1, 3]
    assert "Linux 5.13 was the first" in report.of_type("info")[0]["text"]
    done = run("watch", "--engine=kernel", "counter", program=[fixture("writes"), 3], env=older)
    assert done.returncode == FAILED and "Linux 5.13 was the first" in done.stderr and "ready=" not in done.stdout


@pytest.mark.parametrize("number", [PERF_EVENT_OPEN, BPF])
@pytest.mark.parametrize("by_shell", [False, True])
def test_children_are_followed_by_ptrace_whatever_is_refused(number, by_shell):
    program = ["sh", "-c", f"{fixture('writes')} 3; true"] if by_shell else [fixture("writes"), "3"]
    done = subprocess.run([MEMTRAP, "watch", "-f", "counter", "--", *program], capture_output=True, text=True, timeout=LIMIT,
                          stdin=subprocess.DEVNULL, preexec_fn=refuse(number, SECCOMP_RET_ERRNO | EPERM))
    assert done.returncode == 0 and "engine: ptrace" in done.stderr and "3 hits in" in done.stderr
    assert done.stdout.count("ready=") == 1


def test_another_users_process(copy):
    with Program("writes", 3) as program:
        done = as_nobody(copy, "watch", "-p", program.pid, "counter")
        assert done.returncode == FAILED and done.stderr.startswith("memtrap: ")


def test_a_variable_that_never_comes_is_an_incomplete_watch():
    done = run("watch", "--pending", "never_there", program=[fixture("writes"), 3])
    assert done.returncode == INCOMPLETE and "never_there" in done.stderr


def test_a_location_that_is_never_reached_is_an_incomplete_watch():
    done = run("watch", "--at", "never_called", "counter", program=[fixture("writes"), 3])
    assert done.returncode == INCOMPLETE and "never_called" in done.stderr


def test_an_unknown_location():
    assert "nowhere" in refused("--at", "nowhere", "counter")
    assert "writes.c" in refused("--at", "writes.c:9999", "counter")


def test_i386_programs_are_refused_or_right(tmp_path):
    done = run("watch", "counter", program=[fixture("writes-i386"), 3])
    assert done.returncode in (0, FAILED)
    assert done.returncode == 0 or "32-bit" in done.stderr or "i386" in done.stderr
