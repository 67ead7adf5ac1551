# SPDX-License-Identifier: MIT
"""How things are measured: what a write costs, how long a start takes, and medians of such figures."""

import contextlib
import dataclasses
import os
import re
import signal
import statistics
import subprocess
import time
import typing

from programs import Program
from watchers import Watching


@dataclasses.dataclass
class Cost:
    """Of one run: seconds a write."""

    cpu: float  # the program's processor time
    elapsed: float  # on the clock
    watcher_cpu: float = 0.0
    missed: typing.Optional[int] = 0  # writes that the watcher did not see; None: it doesn't tell


class Series:
    """The same figure from every round."""

    def __init__(self, values=()):
        self.values = list(values)

    def add(self, value):
        self.values.append(value)

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def middle(self):
        """The range of the middle half."""
        if len(self.values) < 3:
            return min(self.values), max(self.values)
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return low, high


class Bench:
    """Where the programs are, and how much is run."""

    def __init__(self, build, folder, long):
        self.build = build
        self.memtrap = build / "memtrap"
        self.folder = folder
        self.long = long
        self.strays = 0  # writes that no watcher could see: see target.c
        self.writes = 5000
        floor = self.unwatched("target", "writes", self.writes, "floor")
        self.writes = max(5000, round(0.2 / floor.cpu))  # a fifth of a second

    def program(self, name):
        return self.build / "bench" / name

    def _cost(self, writes, truth):
        self.strays += truth["strays"]
        return Cost(truth["cpu_ns"] / writes / 1e9, truth["elapsed_ns"] / writes / 1e9)

    def unwatched(self, name, mode, writes, *arguments, threads=1):
        """A run on its own; the floor, when the last argument is that."""
        with Program(self.program(name), mode, writes, *arguments) as program:
            program.go()
            truth = program.finish()
        if "counted" in truth and truth["counted"] != writes * threads - truth["strays"]:
            raise RuntimeError(f"the floor counted {truth['counted']} of {writes * threads} writes")
        return self._cost(writes * threads, truth)

    def watched(self, watcher, name, mode, writes, *arguments, threads=1, meanwhile=None):
        """A run with a watcher."""
        with Program(self.program(name), mode, writes, *arguments) as program:
            with Watching(watcher, program, self.folder) as watching:
                program.go()
                truth = program.finish(meanwhile and (lambda: meanwhile(watching)))
                seen = watching.finish()
        cost = self._cost(writes * threads, truth)
        cost.missed = None if seen is None else writes * threads - truth["strays"] - seen
        cost.watcher_cpu = watching.cpu / (writes * threads)
        return cost

    def time_to_line(self, command, pattern):
        """Starts a command: seconds until it prints a line with the pattern. It is let run to its end."""
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        found = any(re.search(pattern, line) for line in process.stdout)
        took = time.monotonic() - began
        process.stdout.read()
        process.wait()
        if not found:
            raise RuntimeError(f"{command[0]} did not print {pattern}")
        return took

    @contextlib.contextmanager
    def attached(self, pid):
        """memtrap on a process, armed: gives the seconds that this took."""
        began = time.monotonic()
        process = subprocess.Popen([self.memtrap, "watch", "-p", str(pid), "counter"],
                                   stderr=subprocess.PIPE, text=True)
        armed = process.stderr.readline()
        took = time.monotonic() - began
        try:
            if not armed.startswith("armed"):
                raise RuntimeError(f"memtrap did not arm: {armed}{process.stderr.read()}")
            yield took
        finally:
            os.kill(process.pid, signal.SIGINT)
            process.stderr.read()
            process.wait()
            process.stderr.close()
