# SPDX-License-Identifier: MIT
"""The facts of the machine that figures hold for."""

import os
import platform
import re
import subprocess


def output_of(*command):
    """What a command prints, or "" where there is no such command."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def first_line(*command):
    return (output_of(*command).splitlines() or ["not installed"])[0]


def cpu_facts():
    """The fields of lscpu that we show."""
    return dict(re.findall(r"^([^:\n]+):\s+(.*)$", output_of("lscpu"), re.MULTILINE))


def libc_debug():
    """Whether frames in libc can have lines, which cost time at the first hit."""
    installed = output_of("dpkg-query", "-W", "-f", "${db:Status-Status}", "libc6-dbg") == "installed"
    return "installed" if installed else "not installed"


def facts(memtrap):
    """Name and value of each fact."""
    cpu = cpu_facts()
    model = f"{cpu.get('Model name', 'unknown')} (family {cpu.get('CPU family')}, model {cpu.get('Model')})"
    virtual = cpu.get("Hypervisor vendor")
    return {
        "processor": model,
        "cores": str(os.cpu_count()),
        "hypervisor": f"{virtual}, {cpu.get('Virtualization type')} virtualization" if virtual else "none",
        "kernel": f"{platform.system()} {platform.release()}",
        "libc, compiler": f"{' '.join(platform.libc_ver())}, {first_line('gcc', '--version')}",
        "libc's debug information": libc_debug(),
        "memtrap": f"{first_line(memtrap, '--version')}, {first_line('git', 'describe', '--always', '--dirty')}",
        "gdb": first_line("gdb", "--version"),
        "perf": first_line("perf", "--version"),
        "bpftrace": first_line("bpftrace", "--version"),
    }


def load():
    """How many programs wanted a processor in the last minute, on average: noise, when it is above 1."""
    return f"{os.getloadavg()[0]:.1f}"
