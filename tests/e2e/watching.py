# SPDX-License-Identifier: MIT
"""Starts fixtures and memtrap, and holds what they said against each other.

Nothing here sleeps: a fixture says "ready" and waits for a line, memtrap says "armed".
"""

import json
import os
import pathlib
import re
import signal
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MEMTRAP_BUILD", ROOT / "build")).resolve()
MEMTRAP = pathlib.Path(os.environ.get("MEMTRAP", BUILD / "memtrap")).resolve()
FIXTURES = BUILD / "tests" / "fixtures"
LIMIT = 40  # seconds that any one program may take

ENGINE = None  # of memtrap watch; None: whichever it takes

INCOMPLETE = 123
FAILED = 125
CANNOT_EXECUTE = 126
NO_PROGRAM = 127


def fixture(name):
    return str(FIXTURES / name)


def value_of(key, text):
    """An integer where the text is one, decimal or with 0x; the digits of raw bytes stay text."""
    if not key.startswith("raw_") and re.fullmatch(r"-?[0-9]+|0x[0-9a-f]+", text):
        return int(text, 0)
    return text


def truth_of(output):
    """What a fixture told: its key=value lines. A key told twice keeps its first value."""
    truth = {}
    for line in output.splitlines():
        key, equals, text = line.partition("=")
        if equals:
            truth.setdefault(key, value_of(key, text))
    return truth


class Report:
    """What one run of memtrap said, and how it ended."""

    def __init__(self, status, lines, truth, out="", err=""):
        self.status = status
        self.lines = [json.loads(line) for line in lines]
        self.truth = truth
        self.out = out
        self.err = err

    def of_type(self, kind):
        return [line for line in self.lines if line["type"] == kind]

    @property
    def hits(self):
        return self.of_type("hit")

    @property
    def armed(self):
        return self.of_type("armed")[0]

    @property
    def summary(self):
        return self.of_type("summary")[-1]

    def column(self, field):
        return [hit[field] for hit in self.hits]


def with_engine(arguments):
    """`watch …` as the engine under test is asked for it."""
    if ENGINE and arguments[0] == "watch":
        return ["watch", f"--engine={ENGINE}", *arguments[1:]]
    return arguments


def decider():
    """Who decides conditions that the kernel could: an armed line's `condition`."""
    return "stream" if ENGINE == "ptrace" else "kernel"


def run(*arguments, program=(), stdin="", env=None, limit=LIMIT):
    """memtrap with these arguments to its end: a CompletedProcess with text."""
    command = [MEMTRAP, *map(str, with_engine(arguments)), *(["--", *map(str, program)] if program else [])]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=limit,
                          env=dict(os.environ, **(env or {})))


def watch(*arguments, program, tmp_path, stdin="", env=None):
    """Launches a program under memtrap watch --json, lets it run to its end."""
    hits = tmp_path / "hits.json"
    done = run("watch", "--json", "-o", hits, *arguments, program=program, stdin=stdin, env=env)
    lines = hits.read_text().splitlines() if hits.exists() else []
    return Report(done.returncode, lines, truth_of(done.stdout), done.stdout, done.stderr)


class Program:
    """A fixture that runs and waits. Use as a context: it is killed at the end if it still lives."""

    def __init__(self, name, *arguments):
        self.process = subprocess.Popen([fixture(name), *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.truth = {}
        while "ready" not in self.truth:
            line = self.process.stdout.readline()
            assert line, f"{name} ended before it was ready"
            self.truth.update(truth_of(line))

    @property
    def pid(self):
        return self.process.pid

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self):
        """Lets it run to its end: the rest of its output."""
        self.process.stdin.close()
        rest = self.process.stdout.read()
        self.process.wait(LIMIT)
        for key, value in truth_of(rest).items():
            self.truth.setdefault(key, value)
        return rest

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Attached:
    """memtrap watch -p PID --json, armed. Use as a context."""

    def __init__(self, pid, *arguments):
        command = [MEMTRAP, *with_engine(["watch", "--json", "-p", str(pid), *map(str, arguments)])]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self.until("armed")

    def next_line(self):
        line = self.process.stderr.readline()
        assert line, f"memtrap ended: {self.lines}"
        assert line.startswith("{"), line + self.process.stderr.read()
        self.lines.append(line)
        return json.loads(line)

    def until(self, kind):
        """Reads on to the next line of that type, and returns it."""
        while True:
            line = self.next_line()
            if line["type"] == kind:
                return line

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def report(self, truth=None):
        """To its end, which must be near: the target has ended, or memtrap was told to."""
        self.lines += self.process.stderr.read().splitlines()  # communicate() would miss what is buffered
        self.process.wait(LIMIT)
        return Report(self.process.returncode, self.lines, truth or {})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()


def watch_running(name, *program_arguments, watch_arguments):
    """Attaches to a fixture that waits, then lets it run to its end: the report."""
    with Program(name, *program_arguments) as program, Attached(program.pid, *watch_arguments) as memtrap:
        program.go()
        program.finish()
        return memtrap.report(program.truth)


def source_line(name, part):
    """The number of the one line in this fixture's source that has that text."""
    lines = (ROOT / "tests" / "fixtures" / name).read_text().splitlines()
    found = [i for i, line in enumerate(lines, 1) if part in line]
    assert len(found) == 1, f"{part!r} is in lines {found} of {name}"
    return found[0]


def base_name(path):
    return pathlib.PurePath(path or "").name


def place(hit):
    """Where a hit comes from, as text: function and line."""
    return f"{hit['function']} {base_name(hit['file'])}:{hit['line']}"


def let_go_whole(number, counts):
    """memtrap is sent that signal after so many lines, by turns; the program checks itself to its end."""
    for lines in counts:
        with Program("selfcheck") as program:
            with Attached(program.pid, "state") as memtrap:
                for _ in range(lines):
                    memtrap.next_line()
                os.kill(memtrap.process.pid, number)
                memtrap.report()
            assert program.finish().endswith("ok\n") and program.process.returncode == 0
