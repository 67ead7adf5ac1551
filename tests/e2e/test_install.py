# SPDX-License-Identifier: MIT
"""What `make install` leaves, from a stranger's point of view: what programs of theirs need to be compiled and
linked with libmemtrap, by each compiler, and nothing else."""

import os
import re
import subprocess

import pytest

from watching import BUILD, LIMIT, MEMTRAP, ROOT

HEADER = (ROOT / "include" / "memtrap" / "memtrap.h").read_text()
HAS_I386 = (BUILD / "lib" / "i386" / "libmemtrap.so").exists()

# In C11 and in C++17. It has names that the library uses inside, which must not meet.
PROGRAM = """
#include <memtrap/memtrap.h>
#include <stdio.h>

static volatile int counter;
static int seen;

int mt_alloc(void) { return 1; }
int mt_decode(void) { return 2; }
int mt_backend_perf, mt_traps_each, mt_error_new, mt_dr_split;

static void on_write(struct memtrap_hit *hit, void *arg)
{
	(void)arg;
	seen = seen * 10 + (int)memtrap_signed(hit->new_value, sizeof(counter));
}

static int set(struct memtrap **trap)
{
	struct memtrap_spec spec = {};

	spec.addr = &counter;
	spec.len = sizeof(counter);
	spec.kind = MEMTRAP_WRITE;
	spec.handler = on_write;
	return memtrap_set(trap, &spec);
}

int main(void)
{
	struct memtrap *trap;

	if (set(&trap) < 0) {
		fprintf(stderr, "%s\\n", memtrap_error());
		return 1;
	}
	counter = 4;
	counter = 2;
	memtrap_remove(trap);
	counter = 9;
	printf("%d%s\\n", seen, mt_alloc() + mt_decode() == 3 ? "" : " mixed up");
	return 0;
}
"""


def output_of(*command, env=None):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=LIMIT,
                          env=dict(os.environ, **(env or {})))
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A root folder in which the build is installed."""
    folder = tmp_path_factory.mktemp("root")
    output_of("meson", "install", "--no-rebuild", "--quiet", "-C", BUILD, "--destdir", folder)
    return folder


def the_one(folder, pattern):
    found = list(folder.rglob(pattern))
    assert len(found) == 1, f"{pattern}: {found}"
    return found[0]


def folder_of_library(root, bits):
    return the_one(root, f"*/{'i386' if bits == 32 else 'x86_64'}-linux-gnu/libmemtrap.a").parent


def pkg_config(root, library, *arguments):
    """What pkg-config says to those who build against `root`, as words."""
    env = {"PKG_CONFIG_LIBDIR": str(library / "pkgconfig"), "PKG_CONFIG_SYSROOT_DIR": str(root)}
    return output_of("pkg-config", *arguments, "memtrap", env=env).split()


def skip_without_i386(bits):
    if bits == 32 and not HAS_I386:
        pytest.skip("the library for i386 is not built here: libzydis-dev:i386 is missing")


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("linked", ["shared", "static"])
@pytest.mark.parametrize("compiler", ["gcc -std=c11", "g++ -std=c++17 -xc++", "clang -std=c11", "clang++ -std=c++17 -xc++"])
def test_a_program_is_built_and_runs(compiler, linked, bits, root, tmp_path):
    skip_without_i386(bits)
    source = tmp_path / "program.c"
    source.write_text(PROGRAM)
    library = folder_of_library(root, bits)
    if linked == "shared":
        libraries = [*pkg_config(root, library, "--libs"), f"-Wl,-rpath,{library}"]
    else:
        libraries = ["-l:libmemtrap.a" if word == "-lmemtrap" else word
                     for word in pkg_config(root, library, "--static", "--libs")]
    program = tmp_path / "program"
    output_of(*compiler.split(), f"-m{bits}", "-Wall", "-Wextra", "-Werror", source, "-xnone",
              *pkg_config(root, library, "--cflags"), *libraries, "-o", program)
    assert output_of(program) == "42\n"
    needed = re.findall(r"NEEDED.*\[(libmemtrap.*)\]", output_of("readelf", "-d", program))
    assert needed == (["libmemtrap.so.0"] if linked == "shared" else [])


@pytest.mark.unprivileged
@pytest.mark.parametrize("language", ["gcc -std=c11 -xc", "g++ -std=c++17 -xc++", "clang -std=c11 -xc",
                                      "clang++ -std=c++17 -xc++"])
@pytest.mark.parametrize("bits", [64, 32])
def test_the_header_stands_alone(language, bits):
    output_of(*language.split(), f"-m{bits}", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror",
              "-fsyntax-only", ROOT / "include" / "memtrap" / "memtrap.h")


def names_of_header():
    bare = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL)
    return set(re.findall(r"^MEMTRAP_API\b[^;{]*?\b(memtrap_\w+)\(", bare, re.MULTILINE))


def names_that_stand_before_libc():
    """The functions that src/self/interpose*.c exports."""
    text = "".join(path.read_text() for path in (ROOT / "src" / "self").glob("interpose*.c"))
    return {name for name in re.findall(r"^[\w \*]*\b(\w+)\(", text, re.MULTILINE)}


def exported(library):
    """Name and version of each symbol that a shared library defines."""
    lines = [line.split() for line in output_of("nm", "-D", "--defined-only", library).splitlines()]
    return {tuple((words[-1] + "@").replace("@@", "@").split("@")[:2]) for words in lines if words[-2] != "A"}


@pytest.mark.unprivileged
@pytest.mark.parametrize("bits", [64, 32])
def test_the_shared_library_has_the_names_of_the_header(bits, root):
    skip_without_i386(bits)
    names = exported(folder_of_library(root, bits) / "libmemtrap.so")
    ours = {name for name, version in names if version}
    assert ours == names_of_header()
    assert {version for _, version in names} == {"MEMTRAP_0.1", ""}
    before_libc = {name for name, version in names if not version}
    assert before_libc >= {"sigaction", "signal", "pthread_create", "sigprocmask", "pthread_sigmask"}
    assert before_libc <= names_that_stand_before_libc()


@pytest.mark.unprivileged
@pytest.mark.parametrize("bits", [64, 32])
def test_the_static_library_has_the_names_of_the_header_alone(bits, root):
    skip_without_i386(bits)
    text = output_of("nm", "-g", "--defined-only", folder_of_library(root, bits) / "libmemtrap.a")
    assert set(re.findall(r"^[0-9a-f]+ \w (\S+)$", text, re.MULTILINE)) == names_of_header()


@pytest.mark.unprivileged
@pytest.mark.parametrize("bits", [64, 32])
def test_the_shared_library_needs_libc_and_the_decoder_alone(bits, root):
    skip_without_i386(bits)
    text = output_of("readelf", "-dW", folder_of_library(root, bits) / "libmemtrap.so")
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", text))
    assert {re.sub(r"\.so.*", "", name) for name in needed} <= {"libZydis", "libc", "ld-linux-x86-64", "ld-linux"}
    assert "[libmemtrap.so.0]" in text
    assert "NODELETE" in text and re.search(r"\bNOW\b", text)


@pytest.mark.unprivileged
def test_all_of_it_is_there(root):
    version = output_of(MEMTRAP, "--version").split()[1]
    library = folder_of_library(root, 64)
    assert (library / "libmemtrap.so").resolve() == library / f"libmemtrap.so.{version}"
    assert the_one(root, "memtrap.h").read_text() == HEADER
    assert pkg_config(root, library, "--modversion") == [version]
    assert os.access(the_one(root, "bin/memtrap"), os.X_OK)
    names = {"memtrap", "memtrap.1", "libmemtrap.3", "memtrap.h", "memtrap.pc", "libmemtrap.a", "libmemtrap.so",
             "libmemtrap.so.0", f"libmemtrap.so.{version}", "gnu", "llvm", "rust", "glib"}
    assert {path.name for path in root.rglob("*") if not path.is_dir()} == names


@pytest.mark.unprivileged
def test_the_installed_memtrap_finds_its_library(root, tmp_path):
    """It says what it lacks, and that is not the library."""
    done = subprocess.run([the_one(root, "bin/memtrap"), "watch", "--in-process", "environ", "--handler",
                           f"{tmp_path}/none.so:f", "--", "/bin/true"], capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 125 and "none.so" in done.stderr


@pytest.mark.unprivileged
def test_the_version_is_the_headers(root):
    numbers = re.findall(r"#define MEMTRAP_VERSION_M\w+ (\d+)", HEADER)
    assert output_of(MEMTRAP, "--version").split()[1].split(".")[:2] == numbers


def told(report):
    """The lines of a report that say what happened in the program itself, without numbers."""
    lines = [line for line in report.splitlines() if line.startswith("#") or "[fifty]" in line]
    return [re.sub(r"0x[0-9a-f]+|\d+", "N", line) for line in lines if "_start" not in line]


def test_the_program_of_the_readme_says_what_the_readme_shows(root, tmp_path):
    section = (ROOT / "README.md").read_text().split("## Trap your own memory")[1]
    source, shown = re.search(r"```c\n(.*?)```\n.*?```\n\$ (.*?)```", section, re.DOTALL).groups()
    (tmp_path / "fifty.c").write_text(source)
    library = folder_of_library(root, 64)
    output_of("cc", "-g", tmp_path / "fifty.c", *pkg_config(root, library, "--cflags", "--libs"),
              f"-Wl,-rpath,{library}", "-o", tmp_path / "fifty")
    done = subprocess.run([tmp_path / "fifty"], capture_output=True, text=True, timeout=LIMIT)
    assert told(done.stderr) == told(shown) != []


@pytest.mark.unprivileged
def test_the_man_page_has_every_function():
    done = subprocess.run(["man", "--warnings", "-l", ROOT / "data" / "libmemtrap.3"], capture_output=True, text=True,
                          env=dict(os.environ, MANWIDTH="120", LC_ALL="C.UTF-8"))
    assert (done.returncode, done.stderr) == (0, "")
    assert {name for name in names_of_header() if name not in done.stdout} == set()


@pytest.mark.unprivileged
def test_the_man_page_and_the_header_agree_on_what_is_signal_safe():
    comments = re.findall(r"/\*((?:[^*]|\*(?!/))*)\*/\n((?:MEMTRAP_API[^;]*;\n)+)", HEADER)
    safe = {name for comment, declarations in comments if "[signal-safe]" in comment
            for name in re.findall(r"\b(memtrap_\w+)\(", declarations)}
    page = (ROOT / "data" / "libmemtrap.3").read_text().split(".SH ASYNC-SIGNAL SAFETY")[1].split(".SH")[0]
    assert set(re.findall(r"\bmemtrap_\w+", page)) == safe
