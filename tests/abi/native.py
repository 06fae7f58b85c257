"""Programs in C and C++ as tests build them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pkgconf

WARNINGS = ("-Wall", "-Wextra", "-Wpadded", "-Wshadow", "-Wconversion", "-pedantic", "-Werror")
COMPILERS = {"c": ("gcc", "-std=c11"), "c++": ("g++", "-std=c++17")}


def compile_program(
    source: str, directory: Path, *options: str | Path, language: str = "c"
) -> Path:
    """Compile and link one file with all warnings as errors; the program's path."""
    file = directory / ("program.c" if language == "c" else "program.cpp")
    file.write_text(source)
    program = directory / "program"
    command = [*COMPILERS[language], *WARNINGS, str(file), *map(str, options), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return program


def output(*command: str | Path, **options: object) -> str:
    """What a program prints; it must succeed."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr}"
    return str(done.stdout)


def pkg_config(directory: Path, *arguments: str) -> list[str]:
    """Options that the pkgconf of PyPI prints with `directory` as its only search path."""
    environment = {**os.environ, "PKG_CONFIG_LIBDIR": str(directory)}
    environment.pop("PKG_CONFIG_PATH", None)
    # Not ``python -m pkgconf``: that looks into installed packages first.
    return output(pkgconf.get_executable(), *arguments, env=environment).split()


def introduction(header: str) -> tuple[str, str]:
    """The program in the introduction of a header, and what it says that the program prints."""
    text = header[: header.index("*/")]
    lines = [line.removeprefix(" * ").removeprefix(" *") for line in text.splitlines()]
    start = lines.index("    #include <riskcore.h>")
    end = lines.index("    }", start)
    says = lines.index("It prints", end)
    printed = [line for line in lines[says + 1 :] if line.startswith("    ")]
    return (
        "\n".join(line[4:] for line in lines[start : end + 1]) + "\n",
        "\n".join(line[4:] for line in printed) + "\n",
    )


def preparation(header: str) -> str:
    """The line of Python in the introduction that makes the program's account."""
    text = header[: header.index("*/")].replace("\n *", "\n")
    found = re.search(r'python3 -c "(.*?)"\n', text, re.DOTALL)
    assert found
    return " ".join(found[1].split()).replace(") .core", ").core")


CYTHON = '''# cython: language_level=3
from libc.stdint cimport int64_t
from libc.string cimport memset
cimport riskcore
from riskcore cimport (
    RC_APPROVE, RC_BUY, RC_INSTRUMENTS, RC_LAYOUT_HASH, RC_LIMIT, RC_OK, RC_SCENARIOS, rc_check,
    rc_decision, rc_next_reason, rc_order, rc_portfolio_risk, rc_portfolio_risk_result,
    rc_reason_name, rc_state, rc_state_init,
)

cdef rc_state state

def ask():
    """The action on an order to an empty account, its reason, and what the state says."""
    cdef rc_order order
    cdef rc_decision decision
    cdef rc_portfolio_risk_result risk
    memset(&order, 0, sizeof(order))
    assert riskcore.rc_library_matches() == 1
    assert rc_state_init(&state) == RC_OK
    order.client_id = order.time_ns = order.lots = order.price_ticks = 1
    order.side, order.type, order.time_in_force = RC_BUY, RC_LIMIT, riskcore.RC_GTC
    action = rc_check(&state, &order, &decision)
    assert action != RC_APPROVE
    assert rc_portfolio_risk(&state, &risk) == RC_OK
    state.holdings[1][RC_INSTRUMENTS - 1].lots = 7
    return (
        action, rc_reason_name(rc_next_reason(&decision, -1)).decode(), risk.equity,
        state.header.layout_hash == RC_LAYOUT_HASH, state.holdings[1][RC_INSTRUMENTS - 1].lots,
        RC_INSTRUMENTS, sizeof(state.shocks[0].down) // 8 == RC_SCENARIOS,
    )
'''


def run_cython(
    directory: Path, package: Path, include: Path, library: Path, language: str = "c"
) -> str:
    """Build a module in Cython with the declarations in `package`; what its answer looks like."""
    source = directory / "consumer.pyx"
    source.write_text(CYTHON)
    generated = directory / f"consumer.{'c' if language == 'c' else 'cpp'}"
    options = ["--cplus"] if language == "c++" else []
    output(
        *(sys.executable, "-m", "cython", *options, source, "-o", generated),
        env={**os.environ, "PYTHONPATH": str(package)},
        cwd=directory,
    )
    module = directory / f"consumer{sysconfig.get_config_var('EXT_SUFFIX')}"
    output(
        *(COMPILERS[language][0], "-shared", "-fPIC", "-O1", generated),
        *(f"-I{sysconfig.get_path('include')}", f"-I{include}"),
        *(library / "libriskcore.a", "-o", module),
    )
    return output(sys.executable, "-c", "import consumer; print(consumer.ask())", cwd=directory)
