"""Everything that is measured, in one run on one core, and the budgets that it must keep."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench import calls, driver, peers
from bench.figures import Figure, machine, pin_to_core, table
from riskcore.layout import Shape

MS = 1e6
POSITION_BUDGET_NS = 10 * MS
PORTFOLIO_BUDGET_NS = 50 * MS
OPEN_ORDERS = 200
# Shape of the code and instruments in use: what a portfolio update is timed on.
PORTFOLIOS = ((64, 16), (64, 64), (256, 256), (512, 512))
# The same and open orders: where the check must take as long.
FLATNESS = ((64, 1, 1), (64, 64, 1), (64, 64, 4_000), (512, 512, OPEN_ORDERS))
UPDATE_CASES = ["portfolio_update", "sample", "dearest_slice", "portfolio_risk"]

Progress = Callable[[str], None]


@dataclass
class Report:
    """What a run found.

    Attributes
    ----------
    machine : dict
        Processor, load, versions.
    references : dict of str to float
        Medians of loops of known work, ns: runs on other machines compare by their ratios.
    figures : list of Figure
    notes : list of str
        What was not measured, and why.
    """

    machine: dict[str, Any]
    references: dict[str, float] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def table(self) -> str:
        """All of it in Markdown."""
        about = self.machine
        lines = [
            f"{about['cpu']}, {about['cores']} cores, load {about['load']:.1f}, Python "
            f"{about['python']}. Single calls; percentiles are medians over rounds and include the "
            f"clock: {about['timer_ns']:.0f} ns in native code, "
            f"{about['python_timer_ns']:.0f} ns in Python, taken off only where a time is held "
            "against its aim.",
            "",
            table(self.figures),
        ]
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
    core = pin_to_core()
    report = Report(machine())
    native = Native(report, directory, core, 3 if quick else 21, 500 if quick else 4_000, progress)
    native.calls()
    native.flatness(FLATNESS[:3] if quick else FLATNESS)
    native.portfolios(PORTFOLIOS[:2] if quick else PORTFOLIOS)
    progress("calls from Python")
    found = calls.measure(3 if quick else 9, 200 if quick else 4_000)
    report.machine["python_timer_ns"] = found[0].timer
    report.figures += found
    if with_peers:
        for name, answer in peers.measure_all(quick):
            progress(f"peer: {name}")
            if isinstance(answer, str):
                report.notes.append(f"{name}: {answer}")
            else:
                report.figures += answer
    return report


class Native:
    """The part of a run that the native driver does."""

    def __init__(
        self,
        report: Report,
        directory: Path,
        core: int,
        rounds: int,
        samples: int,
        progress: Progress,
    ) -> None:
        self.report, self.directory, self.core = report, directory, core
        self.rounds, self.samples, self.progress = rounds, samples, progress
        self.harnesses: dict[int, driver.Harness] = {}

    def harness(self, instruments: int) -> driver.Harness:
        """Library and driver of a shape, made when first asked for."""
        if instruments not in self.harnesses:
            self.progress(f"compiling the kernels for {instruments} instruments")
            self.harnesses[instruments] = driver.Harness(
                self.directory / f"shape-{instruments}", Shape(instruments=instruments)
            )
        return self.harnesses[instruments]

    def run(
        self, shape: int, instruments: int, open_orders: int, cases: list[str], samples: int
    ) -> dict[str, Any]:
        """Run cases on one account and keep their figures."""
        harness = self.harness(shape)
        place = harness.prepare(instruments, open_orders)
        self.progress(f"native: {instruments} instruments, {open_orders} open orders")
        answer = harness.run(place, cases, self.rounds, samples, self.core)
        self.report.figures += driver.figures(answer)
        self.report.machine["timer_ns"] = answer["timer_ns"]
        return answer

    def calls(self) -> None:
        """Every call on the account of the default shape, and the loops of known work."""
        single = [name for name in driver.CASES if name not in UPDATE_CASES]
        answer = self.run(64, 64, OPEN_ORDERS, [*driver.REFERENCES, *single], self.samples)
        for name in driver.REFERENCES:
            self.report.references[name] = answer["cases"][name]["p50_best"]

    def flatness(self, accounts: tuple[tuple[int, int, int], ...]) -> None:
        """The check on small and large accounts."""
        for shape, instruments, open_orders in accounts:
            self.run(shape, instruments, open_orders, ["check_approve"], self.samples)

    def portfolios(self, accounts: tuple[tuple[int, int], ...]) -> None:
        """Portfolio updates of several sizes."""
        for shape, instruments in accounts:
            samples = max(50, self.samples // max(1, instruments // 16))
            self.run(shape, instruments, OPEN_ORDERS, UPDATE_CASES, samples)


def broken_budgets(report: Report) -> list[str]:
    """The budgets that the slowest of all runs broke, each in one line."""
    broken = []
    for figure in report.figures:
        for word, budget in (("position", POSITION_BUDGET_NS), ("portfolio", PORTFOLIO_BUDGET_NS)):
            if figure.name.startswith(f"{word}:") and not figure.slowest < budget:
                broken.append(
                    f"{figure.name} ({figure.work}, from {figure.place}): the slowest took "
                    f"{figure.slowest / MS:.3f} ms, the budget is {budget / MS:.0f} ms"
                )
    return broken
