# SPDX-License-Identifier: MIT
"""Starts the programs that are watched, and reads what they tell of themselves."""

import os
import subprocess
import time


class Program:
    """A target that waits for its go. Use as a context: it is killed at the end if it still lives."""

    def __init__(self, path, *arguments, environment=None):
        self.process = subprocess.Popen([path, *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, **(environment or {})))
        self.truth = {}
        while "ready" not in self.truth:
            self._read_line()

    def _read_line(self):
        key, _, value = self.process.stdout.readline().strip().partition("=")
        if not key:
            raise RuntimeError("a target ended before its time")
        self.truth[key] = int(value, 0)
        return self.truth[key]

    @property
    def pid(self):
        return self.process.pid

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def longest_pause(self):
        """Of `target idle`: in seconds, since this was asked last."""
        self.go()
        return self._read_line() / 1e9

    def finish(self, meanwhile=None):
        """Waits for its end, calling `meanwhile` now and then; what it told, as numbers."""
        self.process.stdin.close()
        while meanwhile and self.process.poll() is None:
            meanwhile()
            time.sleep(0.02)
        for line in self.process.stdout:
            key, _, value = line.strip().partition("=")
            self.truth[key] = int(value, 0)
        if self.process.wait():
            raise RuntimeError(f"a target ended with status {self.process.returncode}")
        return self.truth

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def wait_with_usage(process):
    """Waits for a child: the processor time that it took, in seconds."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime
