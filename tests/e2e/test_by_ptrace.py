# SPDX-License-Identifier: MIT
"""The tests of `memtrap watch` once more, by the engine that needs neither perf events nor eBPF."""

# pylint: disable=wildcard-import,unused-wildcard-import

import os
import shutil
import signal
import subprocess

import pytest

import watching
from test_actions import *
from test_conditions import *
from test_culprits import *
from test_kernel import *
from test_m32 import *
from test_prints import *
from test_processes import *
from test_ranges import *
from test_stacks import *
from test_thread_locals import *
from test_threads import *
from watching import FAILED, Attached, Program, fixture, run, watch

# What holds for the kernel's engine alone: a write by read(2) that leaves the value as it was is seen,
# and a condition is decided in the kernel.
del test_the_same_call_twice_is_two_hits


@pytest.fixture(autouse=True)
def by_ptrace(monkeypatch):
    monkeypatch.setattr(watching, "ENGINE", "ptrace")
