# SPDX-License-Identifier: MIT
"""memtrap doctor tells the truth: held against memtrap watch, and against refusals made on purpose."""

import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys

import pytest

from watching import FAILED, LIMIT, MEMTRAP, fixture, run, watch

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
STATUS = {"full": 0, "part": 1, "ptrace": 1, "none": 2}

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes processes of other users, or with other rights")

# linux/seccomp.h, linux/filter.h, linux/prctl.h; system calls of x86-64
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ERRNO, SECCOMP_RET_ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
PERF_EVENT_OPEN, BPF = 298, 321
EPERM, ENOSYS = 1, 38


class Doctor:
    """What memtrap doctor --json said."""

    def __init__(self, *before, binary=MEMTRAP, preexec=None):
        done = subprocess.run([*before, binary, "doctor", "--json"], capture_output=True, text=True, timeout=LIMIT,
                              preexec_fn=preexec)
        assert done.stderr == ""
        report = json.loads(done.stdout)
        self.status = done.returncode
        self.watch = report["watch"]
        self.trials = {trial["name"]: trial for trial in report["trials"]}
        assert report["type"] == "doctor" and len(self.trials) == len(report["trials"])
        assert self.status == STATUS[self.watch]

    def result(self, name):
        return self.trials[name]["result"]

    def remedy(self, name):
        return self.trials[name]["remedy"]

    def missing(self):
        return {name for name, trial in self.trials.items() if trial["result"] != "ok"}


def refuse(number, answer):
    """To be run before exec: a seccomp filter that gives this answer to one system call."""
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, answer), (0x06, 0, 0, SECCOMP_RET_ALLOW)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *insn) for insn in code))
    libc = ctypes.CDLL(None, use_errno=True)

    def install():
        assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        whole = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(program))
        assert libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, whole) == 0

    return install


@pytest.mark.unprivileged
def test_each_trial_has_a_result():
    doctor = Doctor()
    assert {"hw-write", "hw-access", "hw-exec", "registers", "kernel-access", "bpf", "ring", "condition", "btf",
            "exec-event", "send-signal", "sigtrap", "uprobe", "launch", "ptrace-debugreg"} <= set(doctor.trials)
    for trial in doctor.trials.values():
        assert set(trial) == {"name", "result", "detail", "remedy"}
        assert trial["result"] in ("ok", "part", "no") and trial["detail"]
        assert trial["result"] != "ok" or trial["remedy"] is None


@pytest.mark.unprivileged
def test_the_verdict_is_what_watch_does(tmp_path):
    report = watch("counter", program=[fixture("writes"), 5], tmp_path=tmp_path)
    if Doctor().watch == "none":
        assert report.status == FAILED and not report.hits
    else:
        assert len(report.hits) == 5


@pytest.mark.unprivileged
def test_text_says_the_same_as_json():
    doctor, text = Doctor(), run("doctor")
    lines = [line for line in text.stdout.splitlines() if not line.startswith(" ")]
    assert text.returncode == doctor.status
    assert [line.split()[0] for line in lines[:-1]] == [trial["result"] for trial in doctor.trials.values()]
    assert lines[-1].startswith("memtrap watch: ")
    assert (lines[-1] == "memtrap watch: everything works") == (doctor.watch == "full")


@pytest.mark.unprivileged
def test_quiet_leaves_out_what_is_well():
    lines = run("doctor", "-q").stdout.splitlines()
    assert not [line for line in lines if line.startswith("ok")]
    assert lines[-1].startswith("memtrap watch: ")


@pytest.mark.unprivileged
@pytest.mark.parametrize("arguments", [["--jason"], ["now"]])
def test_wrong_arguments(arguments):
    done = run("doctor", *arguments)
    assert done.returncode == FAILED and arguments[0].lstrip("-") in done.stderr


@pytest.mark.unprivileged
def test_output_that_cannot_be_written_is_a_failure():
    with open("/dev/full", "w") as full:
        done = subprocess.run([MEMTRAP, "doctor"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=LIMIT)
    assert done.returncode == FAILED and "cannot write" in done.stderr


@as_root
@pytest.mark.unprivileged
def test_nobody_is_told_what_to_do(copy):
    doctor = Doctor(*NOBODY, binary=copy)
    assert doctor.watch in ("ptrace", "none")
    for name in ("bpf", "ring", "condition", "capabilities"):
        assert doctor.result(name) == "no"
        assert "cap_bpf,cap_perfmon" in doctor.remedy(name) or "--cap-add=BPF" in doctor.remedy(name)


@as_root
@pytest.mark.unprivileged
def test_without_a_bounding_set_the_remedy_is_the_containers(copy):
    doctor = Doctor(*NOBODY, "--bounding-set=-all", "--inh-caps=-all", binary=copy)
    assert doctor.watch in ("ptrace", "none")
    assert "--cap-add=BPF --cap-add=PERFMON" in doctor.remedy("bpf")


@as_root
def test_the_remedy_works(copy):
    """Does what the doctor tells nobody to do: then nobody can watch."""
    command = Doctor(*NOBODY, binary=copy).remedy("bpf")
    setcap = command[command.index("setcap"):].split()[:3]
    assert setcap[2] == str(copy)
    subprocess.run(setcap, check=True)
    with paranoid_at_most(2 if "sysctl -w kernel.perf_event_paranoid=2" in command else sys.maxsize):
        see_that_nobody_can_watch(copy)


@contextlib.contextmanager
def paranoid_at_most(level):
    """The kernels of Debian and Ubuntu have values above 2."""
    sysctl = pathlib.Path("/proc/sys/kernel/perf_event_paranoid")
    before = int(sysctl.read_text())
    if before <= level:
        yield
        return
    sysctl.write_text(str(level))
    try:
        yield
    finally:
        sysctl.write_text(str(before))


def see_that_nobody_can_watch(copy):
    doctor = Doctor(*NOBODY, binary=copy)
    assert doctor.watch == "full"
    assert doctor.result("uprobe") == "no" and "cap_sys_admin" in doctor.remedy("uprobe")
    done = subprocess.run([*NOBODY, copy, "watch", "--json", "counter", "--", shutil.copy(fixture("writes"), copy.parent),
                           "5"], capture_output=True, text=True, timeout=LIMIT)
    hits = [line for line in map(json.loads, done.stderr.splitlines()) if line["type"] == "hit"]
    assert done.returncode == 0 and len(hits) == 5


@pytest.mark.unprivileged
@pytest.mark.parametrize("call, name", [(PERF_EVENT_OPEN, "hw-write"), (BPF, "ring")])
def test_a_filter_that_refuses(call, name):
    """As Docker's default profile does it."""
    doctor = Doctor(preexec=refuse(call, SECCOMP_RET_ERRNO | EPERM))
    assert doctor.watch in ("ptrace", "none")
    assert doctor.result(name) == "no" and doctor.result("seccomp") == "part"
    assert "--cap-add=" in doctor.remedy(name) and "seccomp=unconfined" in doctor.remedy(name)


@pytest.mark.unprivileged
def test_a_kernel_without_ebpf():
    doctor = Doctor(preexec=refuse(BPF, SECCOMP_RET_ERRNO | ENOSYS))
    assert doctor.watch in ("ptrace", "none") and doctor.result("ring") == "no"
    assert "CONFIG_BPF_SYSCALL" in doctor.trials["ring"]["detail"]


def test_a_kernel_older_than_ours():
    doctor = Doctor("env", f"LD_PRELOAD={fixture('older-kernel.so')}")
    assert doctor.watch == "ptrace"
    assert {"new-threads", "condition", "sigtrap"} <= doctor.missing() and doctor.result("hw-write") == "ok"
    assert "Linux 5.13" in doctor.trials["condition"]["detail"]
    assert all("5.13" in doctor.remedy(name) for name in ("new-threads", "condition", "send-signal", "sigtrap"))


@pytest.mark.unprivileged
def test_a_filter_that_kills_does_not_kill_the_doctor():
    doctor = Doctor(preexec=refuse(BPF, SECCOMP_RET_KILL_PROCESS))
    assert doctor.watch in ("ptrace", "none")
    assert doctor.result("bpf") == "no" and "seccomp" in doctor.trials["bpf"]["detail"]
    assert doctor.result("kernel") == "ok"


def unshare(*options):
    """unshare(1) with these options, where it works at all: not in a chroot, for one."""
    tried = subprocess.run(["unshare", *options, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(tried.stderr.strip())
    return ["unshare", *options]


@as_root
def test_another_pid_namespace_takes_nothing_away():
    doctor = Doctor(*unshare("--pid", "--fork", "--mount-proc"))
    assert doctor.watch == Doctor().watch
    assert doctor.missing() == Doctor().missing()


@as_root
def test_a_user_namespace_has_no_rights():
    doctor = Doctor(*unshare("--user", "--map-root-user"))
    assert doctor.watch in ("ptrace", "none")
    assert "user namespace" in doctor.remedy("bpf")
