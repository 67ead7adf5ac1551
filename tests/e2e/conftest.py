# SPDX-License-Identifier: MIT
"""A time limit for each test, and skips where memtrap doctor says that this machine can't."""

import functools
import json
import os
import pathlib
import shutil
import signal
import tempfile

import pytest

import watching

# A shell without job control starts what runs behind it with SIGINT ignored, and so would be all that
# we start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What one test has left must not help another one.
os.environ["MEMTRAP_INDEX_CACHE"] = "off"


@pytest.fixture(autouse=True)
def time_limit():
    """A test that hangs fails by itself, with a trace of where it waited."""

    def too_long(*_):
        raise TimeoutError("the test took over 90 s")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(90)
    yield
    signal.alarm(0)


@pytest.fixture
def copy():
    """A copy of memtrap that every user may run."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(shutil.copy(watching.MEMTRAP, folder))


# What every watch needs; a test that needs more says so: @pytest.mark.needs("kernel-access").
ALWAYS = ("hw-write", "bpf", "ring")


@functools.cache
def doctor():
    """The trials of memtrap doctor by their names."""
    done = watching.run("doctor", "--json")
    return {trial["name"]: trial for trial in json.loads(done.stdout)["trials"]}


def pytest_runtest_setup(item):
    if item.get_closest_marker("unprivileged"):
        return
    named = [name for marker in item.iter_markers("needs") for name in marker.args]
    for name in (*ALWAYS, *named):
        trial = doctor()[name]
        if trial["result"] == "no":
            pytest.skip(f"memtrap doctor: {name}: {trial['detail']}")


def pytest_configure(config):
    config.addinivalue_line("markers", "unprivileged: needs no hardware breakpoint, so it is never skipped")
    config.addinivalue_line("markers", "needs(trial): skipped where memtrap doctor says no to that trial")
