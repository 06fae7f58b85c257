"""What a measurement is, and how a list of them becomes a table."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter_ns
from typing import Any

from riskcore.profile.report import time_text

NATIVE = "native"
PYTHON = "Python"
PEER = "peer"


@dataclass(frozen=True)
class Figure:
    """One thing that was timed, per call, in nanoseconds.

    Attributes
    ----------
    place : str
        NATIVE (from C), PYTHON (through the extension) or PEER.
    name : str
        What ran.
    work : str
        On what.
    p50, p99, p999 : float, ns
        Percentiles, medians over rounds; NaN where one call at a time was not timed.
    slowest : float, ns
        Longest of all calls in all rounds that kept the core: no other process took it meanwhile.
        Of all calls where that is not told, NaN where single calls were not timed.
    best : float, ns
        Median of the quickest round: what the code costs where nothing else uses the core.
    timer : float, ns
        Cost of reading the clock that is part of all of them.
    target_p50, target_p999 : float, ns
        What the design aims for; 0 for none.
    p90, p9999, maximum : float, ns
        Further percentiles.
    cold, sampling : tuple of float, ns
        p50 and p99.9 with the account out of the cache, and between the slices of a sample.
    instructions : float
        Executed in one call; NaN where they were not counted.
    """

    place: str
    name: str
    work: str
    p50: float
    p99: float = float("nan")
    p999: float = float("nan")
    slowest: float = float("nan")
    best: float = float("nan")
    timer: float = 0.0
    target_p50: float = 0.0
    target_p999: float = 0.0
    p90: float = float("nan")
    p9999: float = float("nan")
    maximum: float = float("nan")
    cold: tuple[float, ...] = ()
    sampling: tuple[float, ...] = ()
    instructions: float = float("nan")


def target_text(figure: Figure) -> str:
    """The targets of a figure, and whether it met them."""
    parts = []
    for label, target, value in (
        ("p50", figure.target_p50, figure.p50),
        ("p99.9", figure.target_p999, figure.p999),
    ):
        if target:
            met = "met" if value - figure.timer <= target else "missed"
            parts.append(f"{label} {time_text(target)}: {met}")
    return ", ".join(parts)


COLUMNS = (
    "what", "on", "from", "p50", "p90", "p99", "p99.9", "p99.99", "max", "quickest p50",
    "cold p50 / p99.9", "in samples p50 / p99.9", "instructions", "aim",
)  # fmt: skip


def table(figures: Iterable[Figure]) -> str:
    """A table in Markdown."""
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        f"|---|---|---|{'---:|' * (len(COLUMNS) - 4)}---|",
    ]
    for f in figures:
        cells = [f.name, f.work, f.place]
        times = (f.p50, f.p90, f.p99, f.p999, f.p9999, f.maximum, f.best)
        cells += [time_text(time) for time in times]
        cells += [" / ".join(time_text(time) for time in pair) for pair in (f.cold, f.sampling)]
        cells += ["" if f.instructions != f.instructions else f"{f.instructions:,.0f}"]
        lines.append(f"| {' | '.join(cells)} | {target_text(f)} |")
    return "\n".join(lines)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest rank of an ordered list."""
    return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))])


def summarise(rounds: list[list[int]], slowest: float = float("nan")) -> dict[str, float]:
    """Percentiles of each round of times in ns, then the median over rounds.

    Parameters
    ----------
    rounds : list of list of int
    slowest : float, optional
        Longest of the calls that kept the core, where that was told; of all if NaN.
    """
    ordered = [sorted(times) for times in rounds]
    middle = len(ordered) // 2

    def over_rounds(share: float) -> list[float]:
        return sorted(percentile(times, share) for times in ordered)

    p50 = over_rounds(0.5)
    return {
        "p50": p50[middle],
        "p99": over_rounds(0.99)[middle],
        "p999": over_rounds(0.999)[middle],
        "slowest": over_rounds(1.0)[-1] if slowest != slowest else slowest,
        "maximum": over_rounds(1.0)[-1],
        "best": p50[0],
    }


def preemptions() -> int:
    """Times that another process took the core from this one."""
    return getrusage(RUSAGE_SELF).ru_nivcsw


def timer_cost() -> float:
    """Cost of reading the clock twice around nothing, ns."""
    clock = perf_counter_ns
    times = []
    for _ in range(2_000):
        start = clock()
        times.append(clock() - start)
    return float(sorted(times)[len(times) // 2])


def time_calls(
    prepare: Callable[[int], tuple[Any, ...]],
    call: Callable[..., Any],
    rounds: int,
    calls: int,
    *,
    watched: bool = False,
) -> dict[str, float]:
    """Time single calls; `prepare` makes each one's arguments outside the clock.

    Parameters
    ----------
    prepare, call : callable
    rounds, calls : int
        Rounds of so many calls each.
    watched : bool
        Tell which calls kept the core. That is a system call before each, which leaves its traces
        in the caches: for what has a budget for its slowest call.

    Returns
    -------
    dict
        As `summarise`, with the clock's own cost as `timer`.
    """
    clock = perf_counter_ns
    collected = []
    slowest = float("nan")
    for round_number in range(-1, rounds):  # the first warms up
        times = []
        for k in range(calls):
            before = preemptions() if watched else 0
            arguments = prepare(k)
            start = clock()
            call(*arguments)
            times.append(clock() - start)
            longer = watched and round_number >= 0 and not times[-1] <= slowest
            if longer and preemptions() == before:
                slowest = times[-1]
        if round_number >= 0:
            collected.append(times)
    return {**summarise(collected, slowest), "timer": timer_cost()}


def machine() -> dict[str, Any]:
    """What everything ran on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
    }


@contextmanager
def one_core() -> Iterator[int]:
    """Keep this process on the last core it may use for a while; the core's number, -1 for none."""
    before = os.sched_getaffinity(0)
    core = max(before)
    try:
        os.sched_setaffinity(0, {core})
    except OSError:  # a sandbox that forbids it
        core = -1
    try:
        yield core
    finally:  # or all that is started later would share it
        if core >= 0:
            os.sched_setaffinity(0, before)
