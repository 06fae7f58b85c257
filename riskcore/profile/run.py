"""The profile: compile, record, check, time, sample, and put the samples where they belong.

What is sampled is the code just emitted, with every kernel inlined where it ships inlined: each
instruction knows the kernel and the line that it comes from. Times come from runs without the
timer; the samples only share them out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from riskcore.bindings import emit, link
from riskcore.bindings.emit import Job
from riskcore.errors import InputError
from riskcore.kernels.api import EXPORTS
from riskcore.layout import Shape
from riskcore.profile import catalog, code
from riskcore.profile.compare import disagreement
from riskcore.profile.engines import NativeEngine
from riskcore.profile.session import CALLS, Recording, record

WORKER = Path(__file__).resolve().parent / "worker.py"
INTERVAL_US = 97  # of the sampling timer
CHECKPOINTS = 8

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What to profile.

    Attributes
    ----------
    cpu : str
        Level of the emitted code; the host's of the two in the wheel if empty.
    instruments, open_orders : int
        Of the account; the shape has as many instruments.
    calls : tuple of str
        Exports of the session; all of ``session.CALLS`` if empty.
    rounds : int
        Of each call in one run of all calls; fewer calls make more rounds, so that a run is long
        enough for the caches to be as they are at work.
    seconds : float
        For which each execution is timed.
    plain_calls : int
        Calls that plain Python makes.
    """

    cpu: str = ""
    instruments: int = 64
    open_orders: int = 200
    calls: tuple[str, ...] = ()
    rounds: int = 256
    seconds: float = 3.0
    plain_calls: int = 300

    @property
    def shape(self) -> Shape:
        """Of the buffer."""
        return Shape(instruments=self.instruments)


class Worker:
    """A process that runs one execution of a session."""

    def __init__(self, execution: str, shape: Shape, calls: list[str], image: str = "") -> None:
        self.execution = execution
        environment = {k: v for k, v in os.environ.items() if k != "NUMBA_DISABLE_JIT"}
        environment["OPENBLAS_NUM_THREADS"] = "1"
        if execution == "python":
            environment["NUMBA_DISABLE_JIT"] = "1"
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed by close
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=environment,
            text=True,
        )
        self._send(
            {
                "package": str(emit.PACKAGE),
                "execution": execution,
                "shape": asdict(shape),
                "object": image,
                "calls": calls,
            }
        )

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def compiled(self) -> Iterator[str]:
        """What it compiles, call by call, until it is ready."""
        assert self.process.stdout
        for line in self.process.stdout:
            if line.strip() == "ready":
                return
            yield line.strip()
        self._fail()

    def run(self, task: dict[str, Any]) -> dict[str, Any]:
        """Give it the session; what it found."""
        self._send(task)
        if self.process.wait():
            self._fail()
        with np.load(task["answers"]) as found:
            return dict(found)

    def _fail(self) -> None:
        died_of = -self.process.wait()
        if died_of == signal.SIGILL:
            raise RuntimeError(
                "this processor cannot run such code: choose a lower --cpu to time it"
            )
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines() or ["the process died"]
        raise RuntimeError(f"{NAMES[self.execution]}: {lines[-1]}")

    def close(self) -> None:
        """End it where it still runs."""
        self.process.kill()
        self.process.communicate()
        self.errors.close()


NAMES = {"emitted": "emitted code", "jit": "JIT", "python": "plain Python"}


class Session:
    """A recorded session and what its executions found; used in a ``with``.

    Parameters
    ----------
    options : Options
    progress : callable, optional
        Called with what comes next.

    Raises
    ------
    InputError
        If an option is out of its domain.
    """

    def __init__(self, options: Options, progress: Progress = lambda _: None) -> None:
        unknown = [name for name in options.calls if name not in CALLS]
        if unknown:
            raise InputError(f"call is {unknown[0]!r}: allowed is {', '.join(CALLS)}")
        self.options, self.progress = options, progress
        self.shape, self.cpu = options.shape, options.cpu or emit.host_level()
        self.cleanup = ExitStack()

    def __enter__(self) -> Session:
        name = self.cleanup.enter_context(tempfile.TemporaryDirectory(prefix="riskcore-profile-"))
        self.directory = Path(name)
        return self

    def __exit__(self, *about: object) -> None:
        self.cleanup.close()

    def emitted(self) -> dict[str, Any]:
        """Time the emitted code call by call and kernel by kernel.

        Returns
        -------
        dict
            Ready for JSON: what ran, ``calls`` and ``kernels``, each with its time and share.

        Raises
        ------
        EmitError, RuntimeError
            If a kernel does not compile, or the session comes to nothing.
        """
        options = self.options
        self.progress(f"emitting the kernels for {self.cpu}")
        (image,) = emit.make_objects(self.shape, [Job(self.cpu, emit.MEMORY_TABLE)])
        self.progress("recording a session")
        self.recording = record(
            NativeEngine(self.shape, self.cpu),
            options.instruments,
            options.open_orders,
            options.rounds * len(CALLS) // max(1, len(options.calls or CALLS)),
            list(options.calls),
        )
        self.recording.save(self.directory / "session.npz")
        self.calls = sorted({EXPORTS[n].name for n in np.unique(self.recording.rows[:, 0])})
        self.progress("emitting them once more with source lines")
        (listing,) = emit.make_listings(self.shape, self.cpu, [""])
        assembly = code.read_assembly(listing["assembly"])
        sampled = link.assemble_text(assembly.labelled, self.cpu)
        (self.directory / "sampled.o").write_bytes(sampled)
        machine_code = link.code_sections(sampled)
        self.found = self._run("emitted", self._checkpoints())
        return _summary(
            options,
            self.recording,
            assembly,
            remarks=listing["remarks"],
            found=self.found,
        ) | {
            "cpu": self.cpu,
            "same_code": machine_code == link.code_sections(image),
            "package": str(emit.PACKAGE),
            "edited": emit.edited_sources(),
        }

    def _checkpoints(self) -> list[int]:
        """Calls after which the whole buffer is compared; the first is plain Python's last."""
        size = len(self.recording.rows)
        plain = min(self.options.plain_calls, size)
        return sorted({plain + (size - plain) * k // CHECKPOINTS for k in range(CHECKPOINTS + 1)})

    def _run(self, execution: str, checkpoints: list[int]) -> dict[str, Any]:
        """Run the session in one execution."""
        image = str(self.directory / "sampled.o")
        worker = Worker(execution, self.shape, self.calls, image)
        with closing(worker):
            for name in worker.compiled():
                self.progress(f"compiling under the {NAMES[execution]}: {name}")
            self.progress(f"{NAMES[execution]}: {checkpoints[-1]} calls")
            return worker.run(
                {
                    "recording": str(self.directory / "session.npz"),
                    "answers": str(self.directory / f"{execution}.npz"),
                    "checkpoints": checkpoints,
                    "seconds": self.options.seconds,
                    "interval_us": INTERVAL_US,
                }
            )

    def compare(self, result: dict[str, Any]) -> None:
        """Run the same session in plain Python and under the JIT, after `emitted`.

        Adds the JIT's times to `result`, and ``agreement``: whether the executions returned and
        left the same bytes, and the first field that differs.
        """
        agreement: dict[str, Any] = {"agree": True, "first_difference": ""}
        checkpoints = self._checkpoints()
        for execution, stops in (("python", checkpoints[:1]), ("jit", checkpoints)):
            other = self._run(execution, stops)
            agreement[f"{execution}_calls"] = len(other["answers"])
            found = disagreement(self.recording, self.shape, checkpoints, self.found, other)
            if found and agreement["agree"]:
                first = f"{NAMES['emitted']} against {NAMES[execution]}: {found}"
                agreement |= {"agree": False, "first_difference": first}
            if execution == "jit":
                _add_jit(result, self.recording, other)
        result["agreement"] = agreement


def _counts(recording: Recording) -> dict[str, int]:
    """Calls of each export in a session."""
    numbers = Counter(recording.rows[:, 0].tolist())
    return {EXPORTS[number].name: count for number, count in sorted(numbers.items())}


def _summary(
    options: Options,
    recording: Recording,
    assembly: code.Assembly,
    *,
    remarks: str,
    found: dict[str, Any],
) -> dict[str, Any]:
    """Share out the time of emitted code to calls and kernels."""
    known = catalog.kernels()
    names = [EXPORTS[number].name for number in recording.rows[:, 0].tolist()]
    addresses = found["addresses"]
    located = assembly.locate(addresses, found["places"])
    inside = located >= 0
    own: dict[str, Counter[str]] = {"": Counter()}  # by call, and "" for all of them
    around: dict[str, Counter[str]] = {"": Counter()}  # with what is inlined into each kernel
    lines: dict[str, Counter[int]] = {}
    for number, row in zip(located[inside].tolist(), found["rows"][inside].tolist(), strict=True):
        place = assembly.places[number]
        kernel = place.kernel
        callers = {frame.kernel for frame in place.chain if frame.kernel in known} | {kernel}
        for group in ("", names[row]):
            own.setdefault(group, Counter())[kernel] += 1
            around.setdefault(group, Counter()).update(callers)
        line = next((frame.line for frame in place.chain if frame.kernel == kernel), 0)
        lines.setdefault(kernel, Counter())[line] += 1
    total = own[""].total()
    if not total:
        raise RuntimeError("the timer met no call: give more --seconds")
    session = float(np.median(found["times"]))
    library = session * total / len(addresses)
    counts = _counts(recording)

    def shares(group: str, scale: float) -> list[dict[str, Any]]:
        samples = own[group].total()
        return [
            {
                "name": kernel,
                "ns": n * scale,
                "share": n / samples,
                "with_inlined": around[group][kernel] / samples,
            }
            for kernel, n in own[group].most_common()
        ]

    calls = []
    for call in sorted(own.keys() - {""}, key=lambda name: -own[name].total()):
        scale = library / total / counts[call]
        samples = own[call].total()
        calls.append(
            {
                "name": call,
                "count": counts[call],
                "ns": samples * scale,
                "share": samples / total,
                "samples": samples,
                "kernels": shares(call, scale),
            }
        )
    table = shares("", library / total)
    for entry in table:
        kernel, samples, share = entry["name"], own[""][entry["name"]], entry["share"]
        reports = code.loop_reports(known[kernel], remarks) if kernel in known else []
        entry |= {
            "error": sqrt(share * (1.0 - share) / total),
            "samples": samples,
            "place": known[kernel].place if kernel in known else "",
            "lines": {str(k): n / samples for k, n in lines[kernel].most_common(5) if k},
            "loops": [loop_entry(report) for report in reports],
        }
    return {
        "instruments": options.instruments,
        "open_orders": options.open_orders,
        "session_calls": len(recording.rows),
        "session_ns": session,
        "library_ns": library,
        "runs": len(found["times"]),
        "fastest_ns": float(found["times"].min()),
        "slowest_ns": float(found["times"].max()),
        "samples": total,
        "interval_us": INTERVAL_US,
        "sampling_overhead": float(np.median(found["sampled"])) / session - 1.0,
        "calls": calls,
        "kernels": table,
    }


def loop_entry(report: code.LoopReport) -> dict[str, Any]:
    """A loop's report for JSON."""
    return {
        "line": report.loop.first,
        "heading": report.loop.heading,
        "outcome": report.outcome,
        "width": report.width,
        "details": list(report.details),
    }


def _add_jit(result: dict[str, Any], recording: Recording, found: dict[str, Any]) -> None:
    """Add the JIT's time of each call."""
    start, size = found["harness"].tolist()
    names = [EXPORTS[number].name for number in recording.rows[:, 0].tolist()]
    addresses = found["addresses"]
    inside = (addresses < start) | (addresses >= start + size)
    rows = Counter(names[row] for row in found["rows"][inside].tolist())
    median = float(np.median(found["times"]))
    per_sample = median / max(1, len(addresses))
    result["jit_session_ns"] = median
    result["jit_library_ns"] = per_sample * int(inside.sum())
    for call in result["calls"]:
        call["jit_ns"] = rows[call["name"]] * per_sample / call["count"]


# --- one kernel -----------------------------------------------------------------------------------


def inspect(
    wanted: str,
    shape: Shape,
    cpu: str = "",
    progress: Progress = lambda _: None,
    *,
    with_code: bool = True,
) -> list[dict[str, Any]]:
    """Machine code, IR and loops of one kernel, or of each kernel of a layer or module.

    Parameters
    ----------
    wanted : str
        See ``catalog.find``.
    shape : Shape
    cpu : str
        As in Options.
    progress : callable, optional
        Called with what comes next.
    with_code : bool
        Code too, not only loops.

    Returns
    -------
    list of dict
        Per kernel: ``package`` (its folder), ``kernel``, ``place``, ``cpu``, ``stands_alone``
        (whether the library has it as a function), ``instructions``, ``inlined_into``
        (instructions in each function), ``asm`` and ``ir`` (lines), ``loops``. Where the
        library has it only inlined, ``asm`` and ``ir`` are those of the kernel compiled by itself.
    """
    found = catalog.find(wanted)
    cpu = cpu or emit.host_level()
    progress(f"emitting the kernels for {cpu}")
    (whole,) = emit.make_listings(shape, cpu, [""])
    shipped = code.read_assembly(whole["assembly"])
    symbols = {k.name: code.symbols_of(k.name, shipped.functions) for k in found}
    if wanted.startswith("rc_"):
        symbols[found[0].name] = [wanted]
    inlined = [k.name for k in found if with_code and not symbols[k.name]]
    if inlined:
        progress("compiling what is inlined everywhere by itself")
    alone = dict(zip(inlined, emit.make_listings(shape, cpu, inlined), strict=True))
    result = []
    for kernel in found:
        listing, assembly, names = whole, shipped, symbols[kernel.name]
        if kernel.name in alone:
            listing = alone[kernel.name]
            assembly = code.read_assembly(listing["assembly"])
            names = code.symbols_of(kernel.name, assembly.functions)
        asm = []
        for name in names:
            asm += [f"{name}:"]
            asm += code.annotate(assembly.functions[name], kernel.name, assembly.constants)
        result.append(
            {
                "package": str(emit.PACKAGE),
                "kernel": kernel.name,
                "place": kernel.place,
                "cpu": cpu,
                "stands_alone": bool(symbols[kernel.name]),
                "instructions": sum(assembly.functions[name].instructions for name in names),
                "inlined_into": code.homes(kernel.name, shipped.functions),
                "asm": asm,
                "ir": code.read_ir(listing["ir"], names, kernel.name),
                "loops": [loop_entry(r) for r in code.loop_reports(kernel, whole["remarks"])],
            }
        )
    return result
