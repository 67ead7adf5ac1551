# SPDX-License-Identifier: MIT
"""libmemtrap before its judges: tests/self has programs that know their own truth and check themselves."""

import itertools
import os
import pathlib
import re
import subprocess
import sys

import pytest

from watching import BUILD, ROOT

SOURCES = ROOT / "tests" / "self"
PROGRAMS = sorted(path.stem for path in SOURCES.iterdir() if re.search(r"^CASE\(", path.read_text(), re.MULTILINE))
BUILDS = ("shared", "static", "i386")
BACKENDS = ("perf", "ptrace")
CHURN = "10" if os.environ.get("CI") else "30"  # seconds
TSAN = [("churn", "threads_and_traps_come_and_go"), ("history", "eight_writers_and_a_reader"),
        ("removal", "no_handler_after_the_removal"), ("removal", "the_argument_may_be_freed"),
        ("threads", "eight_threads_are_counted_exactly"), ("threads", "the_old_values_are_the_new_ones_of_others"),
        ("threads", "a_trap_of_one_thread_is_blind_to_the_rest")]
ASAN = ("contracts", "culprits", "errors", "handlers", "history", "kinds", "park", "values")

# What a build may say that it does not show; anything else that is skipped is a failure.
SKIPS = {
    "shared": (),
    "i386": (),
    "static": (r"the static library does not see", r"the static library on ptrace"),
    "asan": (r"the static library does not see", r"the static library on ptrace"),
}


def judge(program, build):
    if build == "i386" and not (BUILD / "lib" / "i386" / "libmemtrap.so").exists():
        pytest.skip("there is no library for i386: libzydis-dev:i386 was not to be had")
    return str(BUILD / "tests" / "self" / f"{program}-{build}")


def environment(backend=None, **more):
    env = {key: value for key, value in os.environ.items() if key != "MEMTRAP_BACKEND"}
    return env | ({"MEMTRAP_BACKEND": backend} if backend else {}) | more


def run(command, cwd, env):
    return subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=85)


def judged(program, build, cwd, backend=None, **more):
    """Runs all its cases: each is well, or skipped for a reason that the build has."""
    done = run([judge(program, build)], cwd, environment(backend, **more))
    skipped = re.findall(r"^skipped \w+: (.*)", done.stdout, re.MULTILINE)
    unknown = [why for why in skipped if not any(re.match(known, why) for known in SKIPS[build])]
    assert done.returncode == 0 and not unknown, done.stdout
    assert re.search(r"^ok ", done.stdout, re.MULTILINE) or skipped, done.stdout


def cases_of(programs, builds):
    """Contracts are for all threads, which the static library on ptrace can't have."""
    impossible = {("contracts", "static", "ptrace"), ("contracts", "asan", "ptrace")}
    return [case for case in itertools.product(programs, builds, BACKENDS) if case not in impossible]


ORDINARY = [program for program in PROGRAMS if program not in ("churn", "sandbox")]


@pytest.mark.parametrize("program, build, backend", cases_of(ORDINARY, BUILDS))
def test_the_library(program, build, backend, tmp_path):
    judged(program, build, tmp_path, backend)


@pytest.mark.parametrize("build", ["shared", "i386"])
def test_what_a_sandbox_refuses(build, tmp_path):
    judged("sandbox", build, tmp_path)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("build, seconds", [("shared", CHURN), ("static", "2"), ("i386", "5")])
def test_threads_and_traps_that_come_and_go(build, seconds, backend, tmp_path):
    judged("churn", build, tmp_path, backend, JUDGE_SECONDS=seconds)


@pytest.mark.parametrize("program, case", TSAN)
def test_under_the_thread_sanitizer(program, case, tmp_path):
    done = run([judge(program, "tsan"), case], tmp_path, environment("perf", JUDGE_SECONDS=CHURN))
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("program, build, backend", cases_of(ASAN, ["asan"]))
def test_under_the_address_sanitizer(program, build, backend, tmp_path):
    """Crashes are the program's own, and so is memory at a process's sudden end."""
    own = ":".join(f"handle_{signal}=0" for signal in ("segv", "sigbus", "sigill", "sigfpe", "abort"))
    judged(program, build, tmp_path, backend, ASAN_OPTIONS=f"detect_leaks=0:{own}",
           UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")


# ---- Other tools


UNDER_GDB = [("kinds", "writes"), ("culprits", "all_kinds_at_once"), ("threads", "eight_threads_are_counted_exactly"),
             ("signals", "a_handler_that_was_there_before"), ("execute", "each_execution_is_a_hit_before_it_runs")]


@pytest.mark.parametrize("program, case", UNDER_GDB)
def test_under_gdb_it_runs_to_its_end(program, case, tmp_path):
    """As docs/LIBRARY.md says: gdb keeps SIGTRAP for itself until it is told to pass it on, after its own ones."""
    commands = ("start", "handle SIGTRAP nostop noprint pass", "signal 0")
    done = run(["gdb", "-nx", "-batch", *(word for command in commands for word in ("-ex", command)), "--args",
                judge(program, "shared"), case], tmp_path, environment("perf"))
    assert "exited normally]" in done.stdout, done.stdout


def test_under_valgrind_it_is_refused(tmp_path):
    done = run(["valgrind", "-q", "--error-exitcode=9", judge("errors", "shared"), "an_emulator"], tmp_path,
               environment(JUDGE_VALGRIND="1"))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("build", ["shared", "i386"])
def test_the_last_hits_are_in_a_core_file(build, tmp_path):
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith(("|", "/")):
        pytest.skip(f"core files go elsewhere: {pattern}")
    done = run([judge("history", build), "core"], tmp_path, environment(JUDGE_CORE="1"))
    assert done.returncode == -6, done.stdout
    (core,) = tmp_path.iterdir()
    told = run([sys.executable, str(ROOT / "tools" / "core-history"), str(core)], tmp_path, environment())
    assert told.returncode == 0, told.stdout
    for text in ("the flag", "beef00", "beef01", "beef02", "the other", "c0ffe3", "c0ffe4", "c0ffe5"):
        assert text in told.stdout
    assert "c0ffe1" not in told.stdout


@pytest.mark.parametrize("build", ["shared", "i386"])
def test_gdb_finds_the_culprit_of_a_parked_thread(build, tmp_path):
    """Who looks and leaves finds it parked again; it goes on when a debugger lets it."""
    program = subprocess.Popen([judge("park", build), "held_for_gdb"], cwd=tmp_path, env=environment(JUDGE_PARK="1"),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for line in program.stderr:
            if f"gdb -p {program.pid}" in line:
                break
        for leave, said in (("detach", "detached]"), ("continue", "exited normally]")):
            gdb = ["gdb", "-nx", "-batch", "-p", str(program.pid), "-ex", "bt", "-ex", leave]
            seen = run(gdb, tmp_path, environment()).stdout
            assert re.search(r"<signal handler called>\n.*\bstore \(", seen) and "held_for_gdb ()" in seen, seen
            assert said in seen
        assert program.communicate(timeout=40)[0] == "went on\n"
        assert program.returncode == 0
    finally:
        program.kill()
