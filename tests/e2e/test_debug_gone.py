# SPDX-License-Identifier: MIT
"""memtrap debug: what is watched goes away, or is gone over late; by filters in the kernel, by ptrace's debug registers
and by single steps alike."""

import re

import pytest

from debugging import debug
from test_debug_watchpoints import Run, watched
from test_doctor import BPF, EPERM, SECCOMP_RET_ERRNO, refuse
from watching import fixture, truth_of

MECHANISMS = ["filter", "decided", "registers", "stepping"]
WAYS = {"filter": "by debug registers\n\twhat system calls do is seen in the kernel", "decided": "decided in the kernel",
        "registers": "by debug registers\n\tthe program stops at each system call", "stepping": "software"}


@pytest.fixture(params=MECHANISMS)
def mechanism(request):
    return request.param


def watch_by(mechanism, expression, command="watch"):
    """What is for one thread is decided in the kernel."""
    steps = "-force-software " if mechanism == "stepping" else ""
    return f"{command} {steps}{expression}{' thread 1' if mechanism == 'decided' else ''}"


def before(mechanism):
    """Where the kernel refuses filters, ptrace's registers are left."""
    return refuse(BPF, SECCOMP_RET_ERRNO | EPERM) if mechanism == "registers" else None


# ---- Mappings


def remaps(command, way, mechanism="filter"):
    run = Run(command, program=watched("remaps", way), before=before(mechanism))
    assert run.truth["place"] == 8
    return run


@pytest.mark.parametrize("way, call", [("munmap", "munmap"), ("part", "munmap"), ("mremap", "mremap")])
def test_memory_that_is_unmapped_is_told_as_gone(mechanism, way, call):
    run = remaps(watch_by(mechanism, "-l *place"), way, mechanism)
    assert [(hit["access"], hit.get("syscall"), hit["old"], hit["new"]) for hit in run.hits] == [
        ("unmap", call, "7", None), ("write", "mmap", None, "0"), ("write", None, "0", "8")]


@pytest.mark.parametrize("way, call", [("over", "mremap"), ("mmap", "mmap"), ("madvise", "madvise")])
def test_memory_that_is_replaced_has_another_value(mechanism, way, call):
    run = remaps(watch_by(mechanism, "-l *place"), way, mechanism)
    assert [(hit.get("syscall"), hit["old"], hit["new"]) for hit in run.hits] == [(call, "7", "0"), (None, "0", "8")]


@pytest.mark.parametrize("command", ["rwatch", "awatch", "watch -write"])
def test_whatever_was_waited_for(mechanism, command):
    run = remaps(watch_by(mechanism, "-l *place", command), "munmap", mechanism)
    gone = [hit for hit in run.hits if hit["access"] == "unmap"]
    assert [(hit["syscall"], hit["new"]) for hit in gone] == [("munmap", None)]
    reads = [hit for hit in run.hits if hit["access"] == "read"]
    assert len(reads) == {"rwatch": 2, "awatch": 2, "watch -write": 0}[command]


def test_what_a_filter_has_let_pass_is_what_was_there():
    """Others than the thread that is waited for have written meanwhile."""
    run = remaps("watch -l *place thread 1 if *place == 8 || *place == 9", "late")
    assert [(hit["access"], hit.get("syscall"), hit["old"]) for hit in run.hits][:1] == [("unmap", "munmap", "77")]


def test_a_condition_that_cannot_be_asked_any_more_keeps_nobody_from_it():
    run = remaps("watch -l *place if *place > 100", "munmap")
    assert [(hit["access"], hit["syscall"]) for hit in run.hits] == [("unmap", "munmap")]


def test_it_is_said_in_words(mechanism):
    done = debug("break begin", "run", "delete", watch_by(mechanism, "-l *place"), "info watchpoints", "continue",
                 program=watched("remaps", "munmap"), before=before(mechanism))
    assert WAYS[mechanism] in done.out
    assert re.search(r"Old value = 7\nNew value = <error: cannot read .*>\nUnmapped by the system call munmap\(.*\)\n"
                     r"It is watched again when something is mapped there\.\n", done.out), done.out


# ---- Frames


def unwinds(mode, mechanism, *commands):
    return debug("break holder", "run", "next", "delete", watch_by(mechanism, "local"), *commands,
                 program=[fixture("unwinds"), *mode.split()], before=before(mechanism))


@pytest.fixture(params=["throws", "throws reuse", "leaps", "leaps reuse"])
def mode(request):
    """How the frame is left, and whether somebody else uses its stack before there is another call in its place."""
    return request.param


def test_a_local_ends_with_its_frame_however_that_is_left(mechanism, mode):
    done = unwinds(mode, mechanism, "info watchpoints", *["continue"] * 12)
    assert WAYS[mechanism] in done.out
    assert re.findall(r"Old value = (-?\d+)\nNew value = (-?\d+)\n", done.out) == [("1", "101"), ("101", "201")]
    assert done.out.count("Watchpoint 2 deleted because the program has left the block in\n") == 1
    assert truth_of(done.out)["stores"] == 6 and truth_of(done.out)["over"] == mode.split()[0]


def test_a_stop_behind_it_tells_that_it_has_ended(mechanism, mode):
    done = unwinds(mode, mechanism, "break caught", *["continue"] * 2, "echo left\\n", "continue",
                   "echo next\\n", "continue", "info watchpoints")
    before, after = done.out.split("\nleft\n")
    assert "201" in before and "deleted" not in before
    assert after.index("Watchpoint 2 deleted because") < after.index("Breakpoint 3, caught")
    assert "Old value" not in after and "No watchpoints." in after


def test_in_a_recursion_only_its_own_frame_ends_it(mechanism):
    """Deeper calls come by the same entry."""
    done = debug("break nested if depth == 3", "run", watch_by(mechanism, "local"), *["continue"] * 12,
                 program=watched("frames"), before=before(mechanism))
    values = re.findall(r"Old value = (-?\d+)\nNew value = (-?\d+)\n", done.out)
    assert values[-2:] == [("3", "103"), ("103", "406")], values
    assert done.out.index("Watchpoint 2 deleted because") > done.out.index("New value = 406")


# ---- Copies


@pytest.mark.parametrize("command, part, access", [
    ("rwatch", 64, "read"), ("rwatch", 128, None), ("watch -write", 64, None), ("watch -write", 128, "write"),
    ("awatch", 64, "read"), ("awatch", 128, "write"),
])
@pytest.mark.parametrize("mechanism", ["registers", "stepping"])
def test_a_copy_reads_its_source_and_writes_its_target(mechanism, command, part, access):
    """Both are watched, and the values tell nothing."""
    other = "rwatch" if part == 128 else "watch -write"
    run = Run(watch_by(mechanism, f"*(long *)(area + {part + 16})", command),
              watch_by(mechanism, f"*(long *)(area + {208 - part})", other),
              program=watched("copies"), goes_on=40, before=before(mechanism))
    hits = [hit for hit in run.hits if hit["number"] == 2]
    assert {hit["access"] for hit in hits} == ({access} if access else set())
    assert {hit["access"] for hit in run.hits if hit["number"] == 3} == {"read" if part == 128 else "write"}
    assert run.truth["copied"] == 32


def test_a_filter_tells_the_same_of_a_copy():
    run = Run("watch -write *(long *)(area + 144) thread 1", "rwatch *(long *)(area + 80)", program=watched("copies"),
              goes_on=40)
    assert {hit["access"] for hit in run.hits if hit["number"] == 2} == {"write"}
    assert {hit["access"] for hit in run.hits if hit["number"] == 3} <= {"read", "read-write"}
