# SPDX-License-Identifier: MIT
"""memtrap, and the other ways to watch a variable, behind one interface."""

import dataclasses
import re
import shutil
import subprocess
import time
import typing

from programs import wait_with_usage

ARMING_LIMIT = 60  # seconds
TAIL = 65536  # bytes at the end of a log that hold its count


@dataclasses.dataclass(frozen=True)
class Watcher:
    """How to start one, and what its log says."""

    name: str
    command: typing.Callable  # (program, folder) -> the arguments
    armed: str  # a pattern that its log has as soon as it watches
    count: str  # a pattern: the numbers in its groups are the hits that it has seen; "": it doesn't tell
    needs: str = ""  # what has to be installed
    stdin: str = ""  # what it is told when it starts
    share: float = 1  # of the writes that the floor is given
    stops: bool = False  # it stops the program at each hit, which costs time more than the processor's

    @property
    def installed(self):
        return not self.needs or shutil.which(self.needs) is not None


class Watching:
    """A watcher at work on a program, armed. Use as a context."""

    def __init__(self, watcher, program, folder):
        self.watcher = watcher
        self.log = folder / "log"
        self.cpu = 0.0
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(watcher.command(program, folder), stdin=subprocess.PIPE,
                                            stdout=log, stderr=log, text=True)
        self.process.stdin.write(watcher.stdin)
        self.process.stdin.flush()

    def _wait_until_armed(self):
        limit = time.monotonic() + ARMING_LIMIT
        while not re.search(self.watcher.armed, self.tail()):
            if self.process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"{self.watcher.name} did not begin to watch: {self.tail()}")
            time.sleep(0.001)

    def tail(self):
        with open(self.log, "rb") as log:
            log.seek(max(0, log.seek(0, 2) - TAIL))
            return log.read().decode(errors="replace")

    def forget_log(self):
        """Gives its space on the disk back."""
        with open(self.log, "r+b") as log:
            log.truncate(0)

    def memory_kb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def finish(self):
        """Waits for its end: the number of hits that it has seen, or None."""
        self.cpu = wait_with_usage(self.process)
        if not self.watcher.count:
            return None
        return sum(int(number.replace(",", "")) for found in re.finditer(self.watcher.count, self.tail())
                   for number in found.groups() if number)

    def __enter__(self):
        try:
            self._wait_until_armed()
        except RuntimeError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()


# ---- memtrap -------------------------------------------------------------------------------------


def memtrap(path, name, *options, expression="counter"):
    def command(program, folder):
        return [path, "watch", "-p", str(program.pid), "-o", folder / "log", *options, expression]

    return Watcher(f"memtrap {name}", command, armed=r"armed: ",
                   count=r"(?m)^(\d+) hits? in (?:.*?(\d+) left out)?")


# ---- The others ----------------------------------------------------------------------------------


def gdb_script(folder, *lines):
    script = folder / "commands.gdb"
    script.write_text("\n".join(["set pagination off", "set debuginfod enabled off", *lines, ""]))
    return ["gdb", "-nx", "-q", "-batch", "-x", script]


def gdb(name, share, watch, commands):
    """`commands` run at each hit, before it goes on; None: gdb is never to stop, and doesn't count."""

    def command(program, folder):
        at_hit = [] if commands is None else ["commands", "silent", *commands, "continue", "end"]
        lines = [watch, *at_hit, "echo armed\\n", "continue", "info watchpoints"]
        return [*gdb_script(folder, *lines), "-p", str(program.pid)]

    return Watcher(f"gdb {name}", command, armed=r"(?m)^armed$",
                   count="" if commands is None else r"already hit (\d+) time", needs="gdb", share=share, stops=True)


def perf_record():
    def command(program, folder):
        event = f"mem:{program.truth['addr']:#x}/8:w"
        return ["perf", "record", "-c", "1", "-D", "-1", "--control=fd:0,1", "-o", folder / "perf.data",
                "-p", str(program.pid), "-e", event]

    return Watcher("perf record -e mem:", command, armed=r"\back\b", count=r"\((\d+) samples\)",
                   needs="perf", stdin="enable\n")


def bpftrace(name, action):
    def command(program, folder):
        addr = hex(program.truth["addr"])
        script = f"watchpoint:{addr}:8:w {{ @hits = count(); {action.replace('ADDR', addr)} }}"
        ready = 'interval:ms:20 { if (!@ready) { @ready = 1; printf("armed\\n"); } }'
        return ["bpftrace", "-p", str(program.pid), "-e", f"{script} {ready}"]

    return Watcher(f"bpftrace {name}", command, armed=r"(?m)^armed$", count=r"@hits: (\d+)", needs="bpftrace")


def ptrace_loop(path):
    def command(program, folder):
        return [path, str(program.pid), hex(program.truth["addr"])]

    return Watcher("a bare ptrace loop", command, armed=r"armed", count=r"hits=(\d+)", share=0.3, stops=True)
