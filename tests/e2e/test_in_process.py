# SPDX-License-Identifier: MIT
"""memtrap watch --in-process: the program traps its own memory, and a handler of ours in a shared object is called
inside it. The handler writes a line for each hit; the program itself says what it did."""

import os
import re
import signal
import subprocess

import pytest

from watching import (BUILD, CANNOT_EXECUTE, FAILED, FIXTURES, LIMIT, MEMTRAP, NO_PROGRAM, ROOT, fixture, run, truth_of)

LIBRARY = BUILD / "lib" / "libmemtrap.so.0"
HAS_I386 = (BUILD / "lib" / "i386" / "libmemtrap.so").exists()

HANDLER = r"""
#include <memtrap/memtrap.h>
#include <stdio.h>
#include <unistd.h>

/* dprintf() may not be safe in a handler of signals anywhere; in these programs it is. */
void on_hit(struct memtrap_hit *hit, void *arg)
{
	dprintf(2, "hit=%lld\n", hit->new_value ? (long long)memtrap_signed(hit->new_value, hit->len) : -1LL);
	(void)arg;
}

void on_call(struct memtrap_hit *hit, void *arg)
{
	dprintf(2, "call=%llu\n", (unsigned long long)hit->count);
	(void)arg;
}

void silent(struct memtrap_hit *hit, void *arg)
{
	(void)hit;
	(void)arg;
}
"""

# What a program and its child find of ours in the environment.
INHERITS = r"""
#include <stdio.h>
#include <stdlib.h>

volatile int counter;

int main(void)
{
	const char *order = getenv("MEMTRAP_IN_PROCESS"), *preload = getenv("LD_PRELOAD");

	counter = 7;
	printf("order=%s\npreload=%s\n", order ? "there" : "gone", preload ? preload : "none");
	fflush(stdout);
	return system("exit ${MEMTRAP_IN_PROCESS:+9}");
}
"""


def compiled(folder, name, source, *flags):
    path = folder / f"{name}.c"
    path.write_text(source)
    subprocess.run(["gcc", "-g", *flags, f"-I{ROOT / 'include'}", path, "-o", folder / name], check=True, timeout=LIMIT)
    return folder / name


@pytest.fixture(scope="module")
def handlers(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("handlers"), "cond.so", HANDLER, "-shared", "-fPIC")


@pytest.fixture
def within(handlers):
    """Runs a program with traps of its own: (the completed process, the values of its hits)."""

    def start(*arguments, program, handler="on_hit", library=handlers, env=None, stdin=""):
        done = run("watch", "--in-process", *arguments, "--handler", f"{library}:{handler}", program=program, env=env,
                   stdin=stdin)
        return done, [int(value) for value in re.findall(r"^hit=(-?\d+)$", done.stderr, re.MULTILINE)]

    return start


@pytest.mark.parametrize("backend", ["perf", "ptrace"])
@pytest.mark.parametrize("program", ["writes", "writes-nopie", "writes-fast", "writes-stripped", "writes-clang"])
def test_every_write_calls_the_handler(program, backend, within):
    # What is stripped has no names; its offset in the file is that of the whole program.
    expression = "counter"
    if program == "writes-stripped":
        symbols = subprocess.run(["nm", fixture("writes")], capture_output=True, text=True, check=True).stdout
        offset = re.search(r"^([0-9a-f]+) \w counter$", symbols, re.MULTILINE)[1]
        expression = f"{program}+0x{offset}:4"
    done, hits = within(expression, program=[fixture(program), 5], env={"MEMTRAP_BACKEND": backend})
    assert done.returncode == 0, done.stderr
    assert hits == [1, 2, 3, 4, 5] and truth_of(done.stdout)["last"] == 5
    lines = done.stderr.splitlines()
    assert lines[0].startswith(f"armed: {expression}: {backend}: 1 register on 1 of 1 thread")
    assert lines[-1].startswith(f"5 hits: {expression}: {backend}: 1 register on 1 of 1 thread")


def test_quiet_says_nothing_of_its_own(within):
    done, hits = within("-q", "counter", program=[fixture("writes"), 2])
    assert hits == [1, 2] and done.stderr == "hit=1\nhit=2\n"


def test_changes_leave_out_what_stays_the_same(within):
    _, hits = within("--changes", "steady", program=[fixture("samevalue")])
    assert hits == [5, 6, 7, 8]
    _, hits = within("steady", program=[fixture("samevalue")])
    assert hits == [5, 5, 5, 6, 6, 7, 7, 7, 7, 8]


def test_calls_of_a_function(within):
    done, _ = within("-x", "bump", program=[fixture("writes"), 4], handler="on_call")
    assert re.findall(r"^call=(\d+)$", done.stderr, re.MULTILINE) == ["1", "2", "3", "4"]


def test_several_expressions_each_with_its_kind(within):
    done, hits = within("counter", "-x", "bump", program=[fixture("writes"), 3])
    assert sorted(hits) == [-1, -1, -1, 1, 2, 3]
    assert re.findall(r"^(\d) hits: (\w+):", done.stderr, re.MULTILINE) == [("3", "counter"), ("3", "bump")]


def test_a_librarys_variable(within):
    done, hits = within("library_counter", program=[fixture("loader")])
    assert hits == [42, 43, 44], done.stderr
    assert within("library_counter", program=[fixture("loader-nopie")])[1] == [42, 43, 44]


def test_every_thread_is_covered(within):
    done, _ = within("last_writer", program=[fixture("threads"), "after", 100], handler="silent")
    assert re.search(r"^400 hits: last_writer: ", done.stderr, re.MULTILINE), done.stderr


@pytest.mark.parametrize("flags", [[], ["-Wl,--build-id=none"]])
def test_children_find_nothing_of_ours(flags, within, tmp_path):
    program = compiled(tmp_path, "inherits", INHERITS, *flags)
    done, hits = within("counter", program=[program])
    assert done.returncode == 0 and hits == [7], done.stderr
    assert done.stdout == "order=gone\npreload=none\n"


def test_what_else_is_preloaded_stays(within, tmp_path):
    program = compiled(tmp_path, "inherits", INHERITS)
    other = compiled(tmp_path, "other.so", "int other = 1;", "-shared", "-fPIC")
    done, hits = within("counter", program=[program], env={"LD_PRELOAD": str(other)})
    assert hits == [7] and done.stdout == f"order=gone\npreload={other}\n"


def test_children_that_run_the_program_are_followed(within):
    _, hits = within("generation", program=[fixture("execs"), "fork", fixture("writes")])
    assert hits == [1, 2, 3, 4]
    done, hits = within("-f", "generation", program=[fixture("execs"), "fork", fixture("writes")])
    assert hits == [1, 2, 3, 11, 12, 4], done.stderr


def test_exec_in_the_same_process_is_followed(within):
    assert within("generation", program=[fixture("execs"), "again"])[1] == [1, 2, 3]
    assert within("-f", "generation", program=[fixture("execs"), "again"])[1] == [1, 2, 3, 11, 12]


def test_memtrap_has_become_the_program(within, handlers):
    assert within("last_words", program=[fixture("exits"), "status", 42])[0].returncode == 42
    assert within("last_words", program=[fixture("exits"), "signal", 15])[0].returncode == -signal.SIGTERM
    done, _ = within("last_words", program=[fixture("exits"), "echo"], stdin="through\n")
    assert done.stdout == "through\n" and "to standard error\n" in done.stderr
    command = [MEMTRAP, "watch", "--in-process", "last_words", "--handler", f"{handlers}:on_hit", "--",
               fixture("exits"), "forever"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert truth_of(process.stdout.readline())["ready"] == process.pid
        process.kill()


@pytest.mark.skipif(not HAS_I386, reason="the library for i386 is not built here: libzydis-dev:i386 is missing")
@pytest.mark.parametrize("backend", ["perf", "ptrace"])
def test_a_program_of_32_bits(backend, within, tmp_path):
    library = compiled(tmp_path, "cond32.so", HANDLER, "-m32", "-shared", "-fPIC")
    done, hits = within("counter:4", program=[fixture("writes-i386"), 3], library=library, env={"MEMTRAP_BACKEND": backend})
    assert hits == [1, 2, 3], done.stderr


# ---- What is refused: a sentence, and nothing has run


def refused(handlers, *arguments, program=(fixture("writes"), 3), handler=None, status=FAILED, env=None):
    handler = ["--handler", handler or f"{handlers}:on_hit"]
    done = run("watch", "--in-process", *arguments, *handler, program=program, env=env)
    assert done.returncode == status, done.stderr
    assert done.stdout == "" and done.stderr.startswith("memtrap: ")
    return done.stderr


@pytest.mark.unprivileged
def test_names_that_mean_nothing(handlers):
    assert "did you mean counter?" in refused(handlers, "countr")
    assert refused(handlers, "counter[").splitlines()[-1].strip() == "^"


@pytest.mark.unprivileged
def test_what_is_known_only_while_it_runs(handlers):
    assert "--at" in refused(handlers, "head->next->refs", program=[fixture("pointers")])
    assert "--pending" in refused(handlers, "plugin_counter", program=[fixture("loader"), FIXTURES / "plugin.so"])
    assert "MODULE+0xOFFSET" in refused(handlers, "0x7f0000001000:8")


@pytest.mark.unprivileged
def test_more_than_four_registers(handlers):
    text = refused(handlers, "v_array", "v_conn:32", program=[fixture("types")])
    assert "register" in text


@pytest.mark.unprivileged
def test_programs_that_nothing_is_preloaded_into(handlers, tmp_path):
    assert "statically" in refused(handlers, "counter", program=[fixture("writes-static"), 3])
    assert "statically" in refused(handlers, "counter", program=[fixture("writes-static-pie"), 3])
    assert "script" in refused(handlers, "counter", program=["/usr/bin/ldd"])
    assert "nonesuch" in refused(handlers, "counter", program=["nonesuch"], status=NO_PROGRAM)
    plain = tmp_path / "plain"
    plain.write_text("no program")
    refused(handlers, "counter", program=[plain], status=CANNOT_EXECUTE)


@pytest.mark.unprivileged
def test_a_privileged_program(handlers, tmp_path):
    if os.getuid() != 0:
        pytest.skip("needs root, to make a program that is another user's")
    program = tmp_path / "setuid"
    program.write_bytes((FIXTURES / "writes").read_bytes())
    os.chown(program, 65534, 65534)
    program.chmod(0o4755)
    assert "privileges" in refused(handlers, "counter", program=[program, 3])


@pytest.mark.unprivileged
def test_handlers_that_are_not_there(handlers, tmp_path):
    assert "FILE:FUNCTION" in refused(handlers, "counter", handler=str(handlers))
    assert "FILE:FUNCTION" in refused(handlers, "counter", handler=":on_hit")
    assert "no function nope" in refused(handlers, "counter", handler=f"{handlers}:nope")
    assert "none.so" in refused(handlers, "counter", handler=f"{tmp_path}/none.so:on_hit")
    assert "not an ELF" in refused(handlers, "counter", handler="/etc/passwd:on_hit")
    assert "different machines" in refused(handlers, "counter", handler=f"{FIXTURES}/plugin-i386.so:plugin_run")


def test_a_handler_that_cannot_be_loaded(handlers, tmp_path):
    broken = compiled(tmp_path, "broken.so", "extern int nowhere; int *on_hit(void) { return &nowhere; }", "-shared", "-fPIC")
    assert "nowhere" in refused(handlers, "counter", handler=f"{broken}:on_hit")


@pytest.mark.unprivileged
def test_options_that_belong_outside(handlers):
    for option in ("--json", "-c", "-n3", "--if=new", "--at=main", "--then=stop", "--stack=fp", "-o/dev/null"):
        assert "no meaning with --in-process" in refused(handlers, option, "counter")
    assert run("watch", "--in-process", "counter", program=[fixture("writes"), 3]).returncode == FAILED
    assert run("watch", "counter", "--handler", "./x.so:f", program=[fixture("writes"), 3]).returncode == FAILED
    assert run("watch", "--in-process", "-p", os.getpid(), "counter", "--handler", "./x.so:f").returncode == FAILED


@pytest.mark.unprivileged
def test_a_library_that_is_not_the_right_one(handlers, tmp_path):
    def with_library(path):
        return refused(handlers, "counter", env={"MEMTRAP_LIBRARY": str(path)})

    assert "/nonesuch.so" in with_library("/nonesuch.so")
    assert "i386" in with_library(FIXTURES / "plugin-i386.so") or "x86-64" in with_library(FIXTURES / "plugin-i386.so")
    spaced = tmp_path / "a b"
    spaced.mkdir()
    (spaced / "libmemtrap.so.0").write_bytes(LIBRARY.read_bytes())
    assert "space" in with_library(spaced / "libmemtrap.so.0")


# ---- The order that the library finds in the environment is text from anybody


def ordered(order, program=(fixture("writes"), 3)):
    return subprocess.run([str(word) for word in program], capture_output=True, text=True, timeout=LIMIT, input="",
                          env=dict(os.environ, LD_PRELOAD=str(LIBRARY), MEMTRAP_IN_PROCESS=order))


@pytest.mark.unprivileged
@pytest.mark.parametrize("order", ["", " ", "garbage", "memtrap1", "memtrap1 0 0 /h f", "memtrap1 0 0 /h f write 0 99 % /a x",
                                   "memtrap1 0 0 /h f write 0 4 %zz /a x", "%" * 100000])
def test_an_order_that_is_none_is_refused(order):
    done = ordered(order)
    assert done.returncode == FAILED and done.stdout == ""
    assert done.stderr.startswith("memtrap: MEMTRAP_IN_PROCESS: ")


@pytest.mark.unprivileged
def test_an_order_for_another_file_is_refused(handlers):
    done = ordered(f"memtrap1 0 0 {handlers} on_hit write 0x4010 4 00ff {fixture('writes')} counter")
    assert done.returncode == FAILED and done.stdout == ""
    assert "no longer the file that it was" in done.stderr


def test_an_address_that_is_not_mapped_is_refused(handlers):
    done = ordered(f"memtrap1 0 0 {handlers} on_hit write 0x7fffffff0000 4 % {fixture('writes')} counter")
    assert done.returncode == FAILED and "counter" in done.stderr


def test_an_order_to_follow_is_nothing_to_other_programs(handlers):
    order = f"memtrap1 1 0 {handlers} on_hit write 0x4010 4 00ff /nonesuch counter"
    done = ordered(order, program=("/bin/echo", "as ever"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "as ever\n", "")
