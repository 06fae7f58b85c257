"""The native driver: compiled against the emitted library, run, and its raw results read back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskcore import codes
from riskcore.bindings.emit import emit, host_level
from riskcore.kernels.api import EXPORTS, Argument, Export
from riskcore.layout import Shape, record_dtype
from riskcore.profile import workload
from riskcore.profile.engines import NativeEngine

HERE = Path(__file__).resolve().parent / "native"
SLICE_ROWS = 16  # rows of the covariance that one rc_advance works in
RECORDS = ("order", "decision", "event", "signal", "journal")  # whose fields driver.c touches
SIZES = ("journal_record", "control_page", "published_page")
CODES = (
    "OK",
    "BUSY",
    "APPROVE",
    "RESIZE",
    "REJECT",
    "EVENT_CHECK",
    "EVENT_QUOTE",
    "EVENT_CLOCK",
    "VENUE_ORDER_WORKING",
)


def find_compiler() -> str | None:
    """A C compiler, if there is one."""
    return os.environ.get("CC") or shutil.which("gcc") or shutil.which("cc")


def _prototype(export: Export) -> str:
    """The declaration of an exported function; addresses are not told apart."""

    def parameter(argument: Argument) -> str:
        if argument.is_pointer:
            return "void *" if argument.writes else "const void *"
        return {"i64": "int64_t", "f64": "double"}[argument.kind]

    state = ["const void *" if export.reads_only else "void *"] if export.takes_state else []
    parameters = [*state, *(parameter(a) for a in export.c_arguments)] or ["void"]
    return f"int64_t {export.name}({', '.join(parameters)});"


def _struct(name: str, shape: Shape) -> str:
    """The declaration of a record."""
    dtype = record_dtype(name, shape)
    members = []
    for field in dtype.names or ():
        kind = dtype.fields[field][0]
        length = f"[{kind.shape[0]}]" if kind.shape else ""
        members.append(f"{ {'i': 'int64_t', 'f': 'double'}[kind.base.kind] } {field}{length};")
    return (
        f"typedef struct {{ {' '.join(members)} }} rc_{name};\n"
        f'_Static_assert(sizeof(rc_{name}) == {dtype.itemsize}, "rc_{name}");'
    )


def declarations(shape: Shape) -> str:
    """Text of layout.h: what driver.c knows of the library."""
    lines = ["#include <stdint.h>", "typedef void rc_state;"]
    lines += [_prototype(export) for export in EXPORTS]
    lines += [_struct(name, shape) for name in RECORDS]
    lines += [f"#define {name.upper()}_SIZE {record_dtype(name, shape).itemsize}" for name in SIZES]
    lines += [f"#define RC_{name} {getattr(codes, name)}" for name in CODES]
    lines += [f"#define SLICE_ROWS {SLICE_ROWS}", f"#define SHAPE_INSTRUMENTS {shape.instruments}"]
    lines += [f"#define ENTRIES {', '.join(f'(uint64_t){export.name}' for export in EXPORTS)}"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Work:
    """What the driver measured of one case in one mode.

    Attributes
    ----------
    mode, case : str
        As in driver.c.
    results : ndarray
        uint32[rounds, calls]: cycles of the counter, or instructions; uint64[n]: addresses.
    loops : uint32[rounds, 2]
        Cycles of the loops of known work, just before each round.
    ns_per_cycle : float
        Of the counter.
    preempted : int
        Times that another process took the core.
    slowest : int
        Longest call, cycles, among those during which no other process took the core.
    """

    mode: str
    case: str
    results: NDArray[Any]
    loops: NDArray[np.uint32]
    ns_per_cycle: float
    preempted: int
    slowest: int


def joined(works: Sequence[Work]) -> Work:
    """The rounds of one case that was timed in several runs."""
    return replace(
        works[0],
        results=np.concatenate([work.results for work in works]),
        loops=np.concatenate([work.loops for work in works]),
        ns_per_cycle=float(np.mean([work.ns_per_cycle for work in works])),
        preempted=sum(work.preempted for work in works),
        slowest=max(work.slowest for work in works),
    )


@dataclass(frozen=True)
class Account:
    """An account on disk, as the driver loads it."""

    place: Path
    instruments: int
    open_orders: int
    time_ns: int


class Harness:
    """One shape's library and driver in a directory of its own.

    Parameters
    ----------
    directory : Path
        Made if needed.
    shape : Shape
    cpu : str
        As in `emit`; the host's level of the two in the wheel if empty.
    drag : int
        Dependent additions that are put in front of each `rc_check`: a check made slower, to see
        that budgets notice.
    """

    def __init__(self, directory: Path, shape: Shape, cpu: str = "", drag: int = 0) -> None:
        self.directory = directory
        self.shape = shape
        self.cpu = cpu or host_level()
        emit(directory, shape, self.cpu)
        (directory / "layout.h").write_text(declarations(shape))
        self.program = self.link("driver", directory / "lib" / "libriskcore.a", drag)

    def link(self, name: str, library: Path, drag: int = 0, places: bool = False) -> Path:
        """Compile the driver and link it with a library, or an object that knows its places."""
        compiler = find_compiler()
        if compiler is None:
            raise RuntimeError("the native harness needs a C compiler: install gcc")
        program = self.directory / name
        options = [f"-DDRAG={drag}", "-Wl,--wrap=rc_check"] if drag else []
        options += ["-DPLACES"] if places else []
        done = subprocess.run(
            [*compiler.split(), "-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror",
             "-march=x86-64-v2", "-mno-red-zone", f"-I{self.directory}", *options, "-o",
             str(program), str(HERE / "driver.c"), str(library)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"driver.c does not compile: {done.stderr.strip()[:800]}")
        return program

    def prepare(self, instruments: int, open_orders: int) -> Account:
        """Write an account and its orders."""
        place = self.directory / f"{instruments}-{open_orders}"
        place.mkdir(exist_ok=True)
        engine = NativeEngine(self.shape, self.cpu)
        now = workload.build(engine, instruments, open_orders)
        (place / "state.bin").write_bytes(engine.state_bytes())
        for orders in workload.orders(instruments):
            (place / f"orders-{orders.name}.bin").write_bytes(orders.records.tobytes())
        (place / "quotes.bin").write_bytes(workload.quotes(instruments, 64, seed=7).tobytes())
        (place / "signal.bin").write_bytes(workload.signal().tobytes())
        (place / "bounds.bin").write_bytes(workload.bounded_parameters(engine).tobytes())
        returns = workload.expected_returns(engine, instruments)
        (place / "returns.bin").write_bytes(returns.tobytes())
        return Account(place, instruments, open_orders, now)

    def run(
        self,
        account: Account,
        works: Iterable[str],
        rounds: int,
        calls: int,
        core: int = -1,
        program: Path | None = None,
    ) -> list[Work]:
        """Run the driver.

        Parameters
        ----------
        account : Account
        works : iterable of str
            MODE:CASE, as in driver.c.
        rounds, calls : int
            Rounds of so many calls each.
        core : int
            Core to run on, -1 for any.
        program : Path, optional
            From `link`; the driver of the library that ships if None.
        """
        results = account.place / "results.bin"
        done = subprocess.run(
            [str(program or self.program), str(account.place), str(results), str(core),
             str(rounds), str(calls), str(account.instruments), str(account.time_ns), *works],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr.strip() or f"the driver ended with {done.returncode}")
        return list(read_results(json.loads(done.stdout), results.read_bytes()))


def read_results(answer: dict[str, Any], raw: bytes) -> Iterable[Work]:
    """The driver's JSON and its file of results, put together."""
    for work in answer["works"]:
        rounds, calls = work["rounds"], work["calls"]
        if work["mode"] in ("trace", "profile", "places"):
            results = np.frombuffer(raw, np.uint64, work["addresses"], work["offset"])
        else:
            results = np.frombuffer(raw, np.uint32, rounds * calls, work["offset"])
            results = results.reshape(rounds, calls)
        yield Work(
            work["mode"],
            work["case"],
            results,
            np.array(work["loops"], dtype=np.uint32),
            answer["ns_per_cycle"],
            work["preempted"],
            work["slowest"],
        )
