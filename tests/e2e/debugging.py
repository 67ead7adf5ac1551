# SPDX-License-Identifier: MIT
"""Runs memtrap debug with commands, or types them at a pseudo-terminal; and gdb beside it."""

import os
import pty
import re
import select
import signal
import subprocess
import time

import watching

LIMIT = 40  # seconds


class Done:
    """What a run said: `out` with the program's own output in it, `err`, and the status."""

    def __init__(self, done):
        self.out, self.err, self.status = done.stdout, done.stderr, done.returncode

    def lines(self, pattern):
        """The lines of standard output in which the pattern is found."""
        return [line for line in self.out.splitlines() if re.search(pattern, line)]

    def values(self):
        """What print said: the text after "$1 = ", by its number."""
        return {int(n): text for n, text in re.findall(r"^\$(\d+) = (.*)$", self.out, re.MULTILINE)}


def arguments_of(commands):
    return [word for command in commands for word in ("-ex", command)]


def debug(*commands, program=(), options=(), env=None, stdin="", before=None):
    """memtrap debug -batch with these commands, one after the other; `before`: what its process does before exec."""
    command = [watching.MEMTRAP, "debug", "-batch", *options, *arguments_of(commands), *map(str, program)]
    return Done(subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=LIMIT,
                               errors="replace", env=dict(os.environ, **(env or {})), preexec_fn=before))


def gdb(*commands, program):
    """gdb with the same commands; without what it says only because it is gdb."""
    quiet = ["set debuginfod enabled off", "set width 0", "set startup-with-shell off"]
    command = ["gdb", "-nx", "-batch", *arguments_of([*quiet, *commands]), *map(str, program)]
    return Done(subprocess.run(command, input="", capture_output=True, text=True, timeout=LIMIT))


def debuggee(*arguments):
    return [watching.fixture("debuggee"), *arguments]


def line_of(part, name="debuggee.c"):
    return watching.source_line(name, part)


def marked(name):
    """The line after NEXT_LINE(name) in debuggee.c."""
    return line_of(f"NEXT_LINE({name})") + 1


class Terminal:
    """memtrap debug at a terminal of its own, with somebody typing. Use as a context."""

    PROMPT = "(memtrap) "

    def __init__(self, *arguments, home, env=None, command="debug"):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.environ.update({"HOME": str(home), "TERM": "xterm", "NO_COLOR": "1", **(env or {})})
            os.environ.pop("XDG_STATE_HOME", None)
            self._become([str(watching.MEMTRAP), command, *map(str, arguments)])
        self.seen = ""

    @staticmethod
    def _become(command):
        """In the child, which must not go on as a second pytest: what a linker is writing just now is no program yet."""
        try:
            os.execv(command[0], command)
        except OSError as error:
            os.write(2, f"{error}\n".encode())
        finally:
            os._exit(127)

    def until(self, text):
        """Reads on until that text has come; returns all that came, text included."""
        end = time.monotonic() + LIMIT
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} did not come: {self.seen!r}"
            self._take()
        at = self.seen.index(text) + len(text)
        came, self.seen = self.seen[:at], self.seen[at:]
        return came

    def insist(self, text, answer):
        """Types it as often as a person would until the answer has come. (Two Ctrl-C at once are one signal, and one
        that comes late throws away what is being typed.)"""
        for _ in range(LIMIT):
            self.type(text)
            end = time.monotonic() + 1
            while answer not in self.seen and select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                self._take()
            if answer in self.seen:
                return self.until(answer)
        raise AssertionError(f"{answer!r} did not come: {self.seen!r}")

    def _take(self):
        try:
            piece = os.read(self.fd, 65536)
        except OSError:
            piece = b""
        assert piece, f"ended: {self.seen!r}"
        self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x07", "", piece.decode(errors="replace"))

    def type(self, text):
        os.write(self.fd, text.encode())

    def do(self, line, until=PROMPT):
        """Types a line and returns what came up to the next prompt."""
        self.type(line + "\n")
        self.until("\n")  # the echo
        return self.until(until)

    def end(self):
        """Waits for memtrap to end: its status."""
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def __enter__(self):
        self.until(self.PROMPT)
        return self

    def __exit__(self, *_):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
