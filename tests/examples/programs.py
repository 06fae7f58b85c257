"""The example programs as the tests build and run them, and a look at an account's files."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from riskcore import codes
from riskcore.layout import Shape, allocate, record_dtype, state_dtype

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLES = PROJECT / "bindings" / "examples"
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
LEGS = codes.MAX_BATCH
ENGINE_SECONDS = 120


def run(*command: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )


def build(target: Path, *arguments: object, language: str = "c++") -> Path:
    """Compile with all warnings as errors."""
    compiler = ("g++", "-std=c++17", "-pthread") if language == "c++" else ("gcc", "-std=c11")
    done = run(*compiler, *WARNINGS, "-O2", *arguments, "-o", target)
    assert done.returncode == 0, done.stderr
    return target


def package_environment(**more: str) -> dict[str, str]:
    """Environment of a Python process that finds this package."""
    return {**os.environ, "PYTHONPATH": str(PROJECT), **more}


class Engine:
    """The example engine with the files that it starts from.

    Parameters
    ----------
    program : Path
    day : Path
        Folder with ``account.image`` and ``quotes.bin``.
    preload : str
        A library for LD_PRELOAD.
    """

    def __init__(self, program: Path, day: Path, preload: str = "") -> None:
        self.program, self.day, self.preload = program, day, preload

    def command(self, place: object, *options: object) -> list[str]:
        files = ["--config", self.day / "account.image", "--recording", self.day / "quotes.bin"]
        return [str(x) for x in (self.program, "--place", place, *files, "--json", *options)]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "LD_PRELOAD": self.preload} if self.preload else dict(os.environ)

    def run(self, place: object, *options: object) -> dict[str, Any]:
        """Run it to a good end; its report."""
        done = run(*self.command(place, *options), env=self.environment, timeout=ENGINE_SECONDS)
        assert done.returncode == 0, (done.returncode, done.stderr[-3000:], done.stdout[-3000:])
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def refusal(self, place: object, *options: object) -> str:
        """The one line with which it refuses to start."""
        done = run(*self.command(place, *options), env=self.environment, timeout=ENGINE_SECONDS)
        assert done.returncode == 2, (done.returncode, done.stdout)
        (line,) = done.stderr.splitlines()
        return line

    @contextmanager
    def running(self, place: object, *options: object) -> Iterator[subprocess.Popen[str]]:
        """The engine while it runs; killed at the end if it has not ended."""
        process = subprocess.Popen(
            self.command(place, *options),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


class Native:
    """The emitted library through ctypes: arrays go as addresses, the rest as int64."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._library, name)
        function.restype = ctypes.c_int64

        def call(*arguments: Any) -> int:
            given = [
                ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray) else ctypes.c_int64(a)
                for a in arguments
            ]
            return int(function(*given))

        return call


def seal(head: np.ndarray, state: np.ndarray, native: Native) -> None:
    """Give a checkpoint's head the checksum that fits it and its state."""
    for words in (state.view(np.int64), head.view(np.int64)):
        head["checksum"] = native.rc_checksum(words, len(words))


class Replica:
    """An account that is made of nothing but journal records."""

    def __init__(self, native: Native) -> None:
        self.native, self.sequence = native, 0
        self.state = allocate(state_dtype(Shape()))
        self._payload = allocate(record_dtype("payload"))
        self._orders = np.zeros(LEGS, record_dtype("order"))
        self._decisions = np.zeros(LEGS, record_dtype("decision"))
        assert native.rc_state_init(self.state) == codes.OK

    def replay(self, ring: np.ndarray, last: int) -> int:
        """Apply the records up to `last`; the sequence behind the last one applied."""
        scratch = (self._payload, self._orders, self._decisions, LEGS)
        first = self.sequence + 1
        reached = self.native.rc_replay(self.state, ring, len(ring), 1, first, last, *scratch)
        self.sequence = reached - 1
        return reached

    def bytes(self) -> bytes:
        return self.state.tobytes()

    def copy(self) -> Replica:
        """Another one at the same record."""
        other = Replica(self.native)
        other.state[:], other.sequence = self.state, self.sequence
        return other


class Files:
    """The mapped parts of a place, for a process that is not the writer."""

    def __init__(self, folder: Path, prefix: str = "") -> None:
        self.folder, self.prefix = folder, prefix
        self.state = self._map("state", state_dtype(Shape()), "r")
        self.control = self._map("control", record_dtype("control_page"), "r+")
        self.page = self._map("published", record_dtype("published_page"), "r")
        self.journal = self._map("journal", record_dtype("journal"), "r+", count=1)
        head = record_dtype("journal").itemsize
        self.ring = self._map("journal", record_dtype("journal_record"), "r+", offset=head)

    def path(self, part: str) -> Path:
        return self.folder / f"{self.prefix}{part}"

    def _map(
        self, part: str, dtype: Any, mode: Any, *, offset: int = 0, count: int | None = None
    ) -> np.ndarray:
        shape = None if count is None else (count,)
        return np.memmap(self.path(part), dtype, mode, offset, shape)

    @property
    def committed(self) -> int:
        return int(self.journal["committed"][0])

    def records(self) -> np.ndarray:
        """Committed records; only while the ring has not come round."""
        assert self.committed <= len(self.ring)
        return self.ring[: self.committed]


def python_example(name: str, *arguments: object) -> str:
    """What one of the Python examples prints."""
    done = run(sys.executable, EXAMPLES / name, *arguments, env=package_environment())
    assert done.returncode == 0, done.stderr
    return done.stdout
