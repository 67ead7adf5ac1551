# SPDX-License-Identifier: MIT
"""Indexes of names: answers stay, and the next start finds them."""

import os
import re
import subprocess
import textwrap

import pytest

import watching
from debugging import Terminal, debug

# Ourselves: the only program at hand with more debug information than is looked through each time.
PROGRAM = watching.MEMTRAP
QUESTIONS = ["print sizeof(struct mt_index_policy)", "print MT_INDEX_CACHED", "info line mt_index_hash",
             "print policy", "whatis nobody_has_this_name"]


@pytest.fixture
def cache(tmp_path):
    return {"XDG_CACHE_HOME": str(tmp_path), "MEMTRAP_INDEX_CACHE": ""}


def kept(cache):
    folder = os.path.join(cache["XDG_CACHE_HOME"], "memtrap")
    return os.listdir(folder) if os.path.isdir(folder) else None


def state(done):
    return [re.split(r"  +", line)[0] for line in done.lines(str(PROGRAM))]


def answers(done):
    return [line for line in done.out.splitlines() + done.err.splitlines() if str(PROGRAM) not in line]


def test_an_index_is_made_kept_and_found_again(cache):
    plain = debug("info index", *QUESTIONS, program=[PROGRAM])
    made = debug("index", "info index", *QUESTIONS, program=[PROGRAM], env=cache)
    assert state(plain) == ["no name was looked up"] and state(made) == ["indexed"]
    assert len(kept(cache)) == 1 and re.fullmatch(r"[0-9a-f]{40}\.index", kept(cache)[0])
    again = debug(QUESTIONS[0], "info index", *QUESTIONS[1:], program=[PROGRAM], env=cache)
    assert state(again) == ["indexed, from the cache"]
    assert answers(plain) == answers(made)
    assert [line for line in answers(again) if not line.startswith("Names")] == \
        [line for line in answers(plain) if not line.startswith("Names")]


def test_the_cache_can_be_turned_off(cache):
    for commands, env in ((["set index-cache off"], cache), ([], {**cache, "MEMTRAP_INDEX_CACHE": "off"})):
        done = debug(*commands, "show index-cache", "index", "info index", program=[PROGRAM], env=env)
        assert " off" in done.out and state(done) == ["indexed"] and kept(cache) is None


def test_watch_uses_what_is_there_and_makes_none(cache):
    command = [watching.MEMTRAP, "watch", "interrupt_count", "--if", "no_such_name", "--", PROGRAM]
    first = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **cache})
    assert kept(cache) is None
    debug("index", program=[PROGRAM], env=cache)
    again = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **cache})
    assert "no_such_name" in first.stderr
    assert first.stderr == again.stderr and first.returncode == again.returncode


def test_the_program_runs_beside_its_index(cache):
    """Stops, steps and names while the index is being made."""
    done = debug("break main", "run", "next", "print argc", "info line mt_index_hash", "kill",
                 program=["--args", PROGRAM, "--version"], env=cache)
    assert done.values()[1] == "2" and "mt_index_hash" in done.out and not done.err


def test_an_index_is_not_waited_for_at_a_prompt(tmp_path, cache):
    with Terminal("-q", PROGRAM, home=tmp_path, env=cache) as terminal:
        terminal.type("print sizeof(struct mt_index_policy)\nindex\ninfo index\n")
        assert "indexed" in terminal.until(str(PROGRAM))


@pytest.fixture
def gate(tmp_path):
    """What has indexes made only when the file `open` is there: the threads that make them step back first."""
    source = tmp_path / "gate.c"
    source.write_text(textwrap.dedent("""\
        #include <stdlib.h>
        #include <unistd.h>

        int setpriority(int which, unsigned who, int priority)
        {
            while (access(getenv("GATE"), F_OK))
                usleep(1000);
            return 0;
        }
        """))
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "gate.so", source], check=True)
    return tmp_path / "open"


def test_waiting_shows_how_far_it_is_and_ends_with_ctrl_c(tmp_path, cache, gate):
    env = {**cache, "LD_PRELOAD": str(tmp_path / "gate.so"), "GATE": str(gate)}
    with Terminal("-q", PROGRAM, home=tmp_path, env=env) as terminal:
        try:
            terminal.type("index\n")
            assert re.search(r"\r  0% \[ {40}\] memtrap$", terminal.until("] memtrap"))
            terminal.type("\x03")
            assert "Names of memtrap are being indexed while you go on." in terminal.until(Terminal.PROMPT)
            assert "being indexed " in terminal.do("info index")
        finally:
            gate.touch()
        terminal.do("index")
        assert "indexed " in terminal.do("info index") and len(kept(cache)) == 1
