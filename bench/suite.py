"""Everything that is measured, in one run on one core, and the budgets that it must keep."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench import calls, driver, peers
from bench.budgets import (
    BUDGETS,
    DEFAULT,
    LARGE,
    RATIOS,
    Ratio,
    Verdict,
    exceeded_counts,
    judge,
    read_table,
    table_level,
)
from bench.cases import CASES, COLD, COUNT_CALLS, COUNT_CALLS_LONG, SAMPLES, WARM
from bench.figures import NATIVE, Figure, machine, one_core, table
from bench.latency import Latency, grain_of, summarise
from bench.layers import Share, break_down
from bench.layers import table as share_table
from bench.peers.blas import known_work
from riskcore.bindings.emit import host_level
from riskcore.layout import Shape

MS = 1e6
LARGE_SHAPE = 128  # instruments beyond which code for wide vectors pays
POSITION_BUDGET_NS = 10 * MS
PORTFOLIO_BUDGET_NS = 50 * MS
LOOPS = ("divisions", "mixture")
UPDATE = ["portfolio", "on_sample", "advance", "portfolio_risk"]
# Instruments of the shape and of the account, open orders; cases; how many times fewer calls.
ACCOUNTS = (
    ((64, 1, 1), ["check_approve"], 1),
    ((64, 64, 1), ["check_approve"], 1),
    ((64, 64, 4_000), ["check_approve"], 1),
    ((64, 16, 200), UPDATE, 1),
    ((256, 256, 200), UPDATE, 16),
    (LARGE, UPDATE, 32),
    (LARGE, ["check_approve"], 1),
)
QUICK_ACCOUNTS = 4  # the first, all of the default shape

Progress = Callable[[str], None]


@dataclass
class Report:
    """What a run found.

    Attributes
    ----------
    machine : dict
        Processor, load, versions.
    cpu : str
        Level that the code was made for.
    timer : Latency
        An empty call: what the timer adds to every native time.
    references : dict of str to float
        Loops of known work and, where the largest portfolio was measured, BLAS on it, ns: runs on
        other machines compare by their ratios.
    figures : list of Figure
        The table.
    latencies : list of Latency
        Every native case in every condition, with its histogram.
    instructions : dict of str to float
        Of one call of each case on its account.
    layers : list of Share
        Where the instructions and the time of an approved check go.
    ratios : dict of str to list of float
        By the title of a ratio: its value in each turn.
    verdicts : list of Verdict
        Budgets held against this run.
    notes : list of str
        What was not measured, and why.
    """

    machine: dict[str, Any]
    cpu: str = ""
    timer: Latency | None = None
    references: dict[str, float] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    instructions: dict[str, float] = field(default_factory=dict)
    layers: list[Share] = field(default_factory=list)
    ratios: dict[str, list[float]] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def table(self) -> str:
        """All of it in Markdown."""
        about = self.machine
        lines = [
            f"{about['cpu']}, {about['cores']} cores, load {about['load']:.1f}, Python "
            f"{about['python']}, {self.cpu} code (above {LARGE_SHAPE} instruments "
            f"{host_level('x86-64-v4')}). Single calls. Times include the clock, "
            f"{about['timer_ns']:.0f} ns in native code (it ticks every "
            f"{about['timer_grain_ns']:.0f} ns) and {about['python_timer_ns']:.0f} ns in Python; "
            "it is taken off only where a time is held against its aim. Native percentiles are "
            "over all calls, the others medians over rounds.",
            "",
            table(self.figures),
        ]
        lines += ["", share_table(self.layers, "rc_check, approved")]
        lines += ["", *(f"{'MISSED' if v.missed else 'met'}: {v.text()}" for v in self.verdicts)]
        return "\n".join(lines + [f"\n{note}" for note in self.notes])

    def write(self, path: Path) -> None:
        """All of it in JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1, allow_nan=True) + "\n")


def run(
    *,
    quick: bool = False,
    with_peers: bool = True,
    directory: Path | None = None,
    progress: Progress = lambda _: None,
) -> Report:
    """Measure everything.

    Parameters
    ----------
    quick : bool
        The default shape and few rounds: shows that everything works, not how fast it is.
    with_peers : bool
        Peers too.
    directory : Path, optional
        Where libraries and accounts are built; a temporary one if None.
    progress : callable, optional
        Called with what comes next.
    """
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="riskcore-bench-") as name:
            return run(quick=quick, with_peers=with_peers, directory=Path(name), progress=progress)
    report = Report(machine())
    with one_core() as core:
        native = Native(report, directory, core, QUICK if quick else FULL, progress)
        native.calls()
        native.accounts(ACCOUNTS[:QUICK_ACCOUNTS] if quick else ACCOUNTS)
        native.ratios([ratio for ratio in RATIOS if native.knows(ratio)])
        assert report.timer is not None
        blas = report.references.get("blas", 0.0)
        report.verdicts = judge(report.latencies, report.timer, report.ratios, blas)
        progress("calls from Python")
        effort = (3, 200, calls.QUICK_SIZES) if quick else (9, 4_000, calls.SIZES)
        found = calls.measure(*effort)
        report.machine["python_timer_ns"] = found[0].timer
        report.figures += found
        for name, answer in peers.measure_all(quick) if with_peers else ():
            progress(f"peer: {name}")
            if isinstance(answer, str):
                report.notes.append(f"{name}: {answer}")
            else:
                report.figures += answer
    return report


@dataclass(frozen=True)
class Effort:
    """How many rounds of how many calls each condition gets, and how often ratios are taken."""

    warm: tuple[int, int]
    cold: tuple[int, int]
    samples: tuple[int, int]
    turns: int


FULL = Effort((25, 4_000), (5, 2_000), (25, 4_000), 15)
QUICK = Effort((24, 1_000), (1, 100), (3, 500), 7)
TURN = (3, 1_000)  # rounds and calls of each side of a ratio in one turn


def spread(rounds: int) -> list[int]:
    """Rounds in parts of at most four."""
    parts = math.ceil(rounds / 4)
    return [rounds * (k + 1) // parts - rounds * k // parts for k in range(parts)]


class Native:
    """The part of a run that the native driver does."""

    def __init__(
        self, report: Report, directory: Path, core: int, effort: Effort, progress: Progress
    ) -> None:
        self.report, self.directory, self.core = report, directory, core
        self.effort, self.progress = effort, progress
        self.harnesses: dict[int, driver.Harness] = {}
        self.prepared: dict[tuple[int, int, int], driver.Account] = {}
        self.timer: Latency | None = None

    def harness(self, instruments: int) -> driver.Harness:
        """Library and driver of a shape, made when first asked for."""
        if instruments not in self.harnesses:
            self.progress(f"compiling the kernels for {instruments} instruments")
            shape = Shape(instruments=instruments)
            # The wheel has the default shape only. Who emits a larger one takes what suits it.
            cpu = host_level("x86-64-v4" if instruments > LARGE_SHAPE else "x86-64-v3")
            place = self.directory / f"shape-{instruments}"
            self.harnesses[instruments] = driver.Harness(place, shape, cpu)
        return self.harnesses[instruments]

    def account(self, account: tuple[int, int, int]) -> driver.Account:
        """An account on disk, made when first asked for."""
        if account not in self.prepared:
            shape, instruments, open_orders = account
            self.prepared[account] = self.harness(shape).prepare(instruments, open_orders)
        return self.prepared[account]

    def time(
        self,
        account: driver.Account,
        shape: int,
        condition: str,
        names: list[str],
        effort: tuple[int, int],
    ) -> dict[str, Latency]:
        """Time cases in one condition and keep what they took.

        Rounds of one case are spread over the run: a disturbed moment is not all of them.
        """
        rounds, calls = effort
        turns = [
            self.harness(shape).run(
                account, [f"{condition}:{name}" for name in names], count, calls, self.core
            )
            for count in spread(rounds)
        ]
        works = [driver.joined(work) for work in zip(*turns, strict=True)]
        found = {work.case: summarise(work, shape, account) for work in works}
        if "timer" in found:
            self.timer = found.pop("timer")
            self.report.timer = self.timer
            self.report.machine["timer_ns"] = self.timer.p50
            self.report.machine["timer_grain_ns"] = grain_of(works[0])
        self.report.latencies += found.values()
        return found

    def count(self, shape: int, account: driver.Account, names: list[str]) -> dict[str, float]:
        """Instructions of one call of each case."""
        counts = {}
        for long, number in ((False, COUNT_CALLS), (True, COUNT_CALLS_LONG)):
            some = [f"count:{name}" for name in names if CASES[name].long == long]
            if some:
                works = self.harness(shape).run(account, some, 1, number, self.core)
                counts |= {work.case: float(work.results.mean()) for work in works}
        return counts

    def calls(self) -> None:
        """Every call on its account of the default shape, in every condition."""
        shape, _, open_orders = DEFAULT
        warm, cold, sampling = {}, {}, {}
        self.report.cpu = self.harness(shape).cpu
        for instruments in dict.fromkeys(case.instruments for case in CASES.values()):
            account = self.account((shape, instruments, open_orders))
            names = [name for name, case in CASES.items() if case.instruments == instruments]
            timed = names if self.timer else ["timer", *names]
            self.progress(f"native: calls on {instruments} instruments with a warm cache")
            warm |= self.time(account, shape, WARM, timed, self.effort.warm)
            self.progress("native: the same with the account out of the cache")
            cold |= self.time(account, shape, COLD, names, self.effort.cold)
            self.progress("native: the same while samples run")
            some = [name for name in names if CASES[name].sampling]
            sampling |= self.time(account, shape, SAMPLES, some, self.effort.samples)
            self.progress("native: counting instructions")
            self.report.instructions |= self.count(shape, account, names)
        self.report.figures += [
            self.figure(latency, cold.get(name), sampling.get(name), self.report.instructions[name])
            for name, latency in warm.items()
        ]
        self.progress("native: layers of the check")
        account = self.account(DEFAULT)
        self.report.layers = break_down(self.harness(shape), account, "check_approve", self.core)
        for name, position in zip(LOOPS, range(2), strict=True):
            self.report.references[name] = min(x.loops[position] for x in warm.values())

    def accounts(self, works: Iterable[tuple[tuple[int, int, int], list[str], int]]) -> None:
        """A few cases on other accounts, warm; a factor takes so many times fewer calls."""
        for (shape, instruments, open_orders), names, factor in works:
            account = self.account((shape, instruments, open_orders))
            self.progress(f"native: {instruments} instruments, {open_orders} open orders")
            rounds, calls = self.effort.warm
            effort = (rounds, max(50, calls // factor))
            found = self.time(account, shape, WARM, names, effort)
            if shape == LARGE[0] and "portfolio" in names:
                self.report.references["blas"] = known_work(instruments)
            counted = self.count(shape, account, [n for n in names if n == "check_approve"])
            self.report.figures += [
                self.figure(latency, None, None, counted.get(name, math.nan))
                for name, latency in found.items()
            ]

    def knows(self, ratio: Ratio) -> bool:
        """True where both accounts of a ratio were measured."""
        return {ratio.account, ratio.base_account} <= self.prepared.keys()

    def ratios(self, ratios: Iterable[Ratio]) -> None:
        """Both sides of each ratio in turns, close together: a slow moment is one of both."""
        for ratio in ratios:
            self.progress(f"native: {ratio.title}")
            self.report.ratios[ratio.title] = [
                self.beyond_timer(ratio.account, ratio.case)
                / self.beyond_timer(ratio.base_account, ratio.base_case)
                for _ in range(self.effort.turns)
            ]

    def beyond_timer(self, account: tuple[int, int, int], case: str) -> float:
        """Mean time of a case without the timer's, ns, of the quickest of a few rounds."""
        works = self.harness(account[0]).run(
            self.account(account), [f"{WARM}:timer", f"{WARM}:{case}"], *TURN, self.core
        )
        timer, measured = (summarise(w, account[0], self.account(account)).best_mean for w in works)
        return measured - timer

    def figure(
        self,
        latency: Latency,
        cold: Latency | None,
        sampling: Latency | None,
        instructions: float,
    ) -> Figure:
        """A row of the table."""
        assert self.timer is not None
        account = (latency.shape, latency.instruments, latency.open_orders)
        aims = {b.statistic: b.aim for b in BUDGETS
                if (b.case, b.account) == (latency.case, account)}  # fmt: skip
        work = f"{latency.instruments} instruments"
        if latency.case.startswith("check"):
            work += f", {latency.open_orders} open orders"
        return Figure(
            NATIVE,
            CASES[latency.case].title,
            work,
            latency.p50,
            latency.p99,
            latency.p999,
            latency.slowest,
            latency.best_p50,
            self.timer.p50,
            aims.get("p50", 0.0),
            aims.get("p999", 0.0),
            latency.p90,
            latency.p9999 if latency.calls >= 50_000 else math.nan,
            latency.maximum,
            (cold.p50, cold.p999) if cold else (),
            (sampling.p50, sampling.p999) if sampling else (),
            instructions,
        )


def broken_budgets(report: Report) -> list[str]:
    """What fails a run, each in one line: slowest calls, ceilings and instructions."""
    broken = [verdict.text() for verdict in report.verdicts if verdict.broken]
    if report.cpu == table_level():
        broken += exceeded_counts(report.instructions, read_table())
    for figure in report.figures:
        for word, budget in (("position", POSITION_BUDGET_NS), ("portfolio", PORTFOLIO_BUDGET_NS)):
            if figure.name.startswith(f"{word}:") and not figure.slowest < budget:
                broken.append(
                    f"{figure.name} ({figure.work}, from {figure.place}): the slowest took "
                    f"{figure.slowest / MS:.3f} ms, the budget is {budget / MS:.0f} ms"
                )
    return broken
