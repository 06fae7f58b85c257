"""Programs in C and C++ as tests build them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

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
    return output(sys.executable, "-m", "pkgconf", *arguments, env=environment).split()


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
