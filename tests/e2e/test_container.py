# SPDX-License-Identifier: MIT
"""In a pid namespace, as in a container: threads have other numbers there than for the machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes namespaces")
@pytest.mark.parametrize("file, chosen", [
    ("test_threads.py", "four_threads or born"),
    ("test_processes.py", "children or exec"),
    ("test_debug_kernel.py", ""),
    ("test_then_debug.py", "signal_of_its_own"),
])
def test_what_holds_outside_holds_inside(file, chosen):
    tried = subprocess.run([*NAMESPACE, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(tried.stderr.strip())  # in a chroot, for one
    pytest_again = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen, str(TESTS / file)]
    done = subprocess.run([*NAMESPACE, *pytest_again], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+ passed", done.stdout, re.MULTILINE)
