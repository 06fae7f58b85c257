"""The design's budgets, what a run is held to, and the instructions that each call may take.

Three things are told apart:

- the **aim** is the design's number, beyond the timer's cost, on the reference machine: two shared
  virtual cores of an AMD EPYC (Zen 5). A run lists every aim that it missed, and by how much.
- the **ceiling** is what fails a run. It is the aim where the code meets it with room. Where it
  does not, or only just, it is what the code took when the ceiling was set and a quarter more, so
  that nothing gets worse unseen. A ceiling is raised by the run's own slowness: beside every round
  the driver times two loops of known work, and the slower of them against the reference machine is
  the factor, at most 3: an older processor takes up to 1.5 times as long, and a neighbour on its
  core doubles that. Rounds are compared at their quickest: a neighbour on the core must be there
  all the time to matter. One call in a thousand meets a neighbour in every round, but not the same
  one: a p99.9 is that of the calls of a round, each at its lower quartile over the rounds, and so
  are its loops. What streams a matrix of 512 instruments is bound by the width of vectors, of which
  the loops know nothing: its factor is at least BLAS's on such a matrix. The two sides of a ratio
  are measured in turns, one right after the other, and the median turn counts.
- the **instructions** of each call are exact: the same on every machine for the same code. A count
  above the table (``native/instructions.json``) by more than the margin fails a run, however quick
  the machine. ``python -m bench --accept-instructions`` writes the table anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.cases import CASES, INSTRUMENTS, JOURNALED, WARM
from bench.latency import Latency

INSTRUCTIONS = Path(__file__).resolve().parent / "native" / "instructions.json"
INSTRUCTION_MARGIN = 0.02  # of a count
REFERENCE_LOOPS_NS = (260.0, 1_015.0)  # divisions, mixture: on the reference machine, unhindered
REFERENCE_BLAS_NS = 56_000.0  # a covariance of 512 instruments and its variance, there
MAX_SLOWNESS = 3.0  # beyond it a ceiling is not raised further
DEFAULT = (64, INSTRUMENTS, 200)  # instruments of the shape and of the account, open orders
LARGE = (512, 512, 200)
TWENTY = (64, 20, 200)
APPEND = "journal append"


@dataclass(frozen=True)
class Budget:
    """An aim of the design for one case.

    Attributes
    ----------
    case : str
    statistic : str
        p50, p999 or maximum.
    aim : float, ns
    ceiling : float, ns
        What fails a run; the aim if 0.
    account : tuple of int
        Instruments of the shape, instruments and orders of the account.
    """

    case: str
    statistic: str
    aim: float
    ceiling: float = 0.0
    account: tuple[int, int, int] = DEFAULT

    @property
    def title(self) -> str:
        """What it is about."""
        case = CASES.get(self.case)
        place = "" if self.account == DEFAULT else f", {self.account[1]} instruments"
        return f"{case.title if case else self.case}{place}, {LABELS[self.statistic]}"


@dataclass(frozen=True)
class Ratio:
    """An aim for one case on one account against another case or account: at most `aim` times."""

    title: str
    case: str
    account: tuple[int, int, int]
    base_case: str
    base_account: tuple[int, int, int]
    aim: float
    ceiling: float = 0.0


UNDISTURBED = {"p50": "best_p50", "p999": "steady_p999", "maximum": "best_maximum"}
LABELS = {"p50": "p50", "p999": "p99.9", "maximum": "maximum"}
BUDGETS = (
    Budget("check_approve", "p50", 100.0, 125.0),
    Budget("check_approve", "p999", 250.0),
    Budget("check_exit", "p50", 100.0, 140.0),
    Budget("check_exit", "p999", 250.0),
    Budget("check_reject", "p50", 100.0, 110.0),
    Budget("check_reject", "p999", 250.0),
    Budget(APPEND, "p50", 40.0),
    Budget("position", "p999", 500.0),
    Budget("kelly", "p50", 20_000.0, 23_000.0, TWENTY),
    Budget("portfolio", "p50", 2_000.0, 2_450.0),
    Budget("portfolio", "p50", 50_000.0, 68_000.0, LARGE),
    Budget("advance", "maximum", 5_000.0, 0.0, LARGE),
    Budget("publish", "p50", 1_000.0),
)
FLAT = 1.1  # what "flat" means: at most a tenth more
RATIOS = (
    Ratio("rejections against approvals", "check_reject", DEFAULT, "check_approve", DEFAULT, 1.0,
          1.25),
    Ratio("rc_check with 4,000 open orders against 1", "check_approve", (64, 64, 4_000),
          "check_approve", (64, 64, 1), FLAT),
    Ratio("rc_check with 64 instruments against 1", "check_approve", (64, 64, 1),
          "check_approve", (64, 1, 1), FLAT, 1.25),
    Ratio("rc_check with 512 instruments against 64", "check_approve", LARGE,
          "check_approve", DEFAULT, 1.6),
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """A budget or ratio held against a run.

    Attributes
    ----------
    title, unit : str
    measured : float
        Over all calls, the timer's cost taken off: what is held against the aim.
    median : float
        The same of the median round: what a few disturbed rounds do not change.
    undisturbed : float
        The same of the quickest round, of a p99.9 the steady one of `Latency`: what is held against
        the ceiling.
    aim, ceiling : float
        The ceiling as it was raised for this run.
    """

    title: str
    unit: str
    measured: float
    median: float
    undisturbed: float
    aim: float
    ceiling: float

    @property
    def missed(self) -> bool:
        """True where the aim is missed."""
        return not self.measured <= self.aim

    @property
    def broken(self) -> bool:
        """True where the run fails."""
        return not self.undisturbed <= self.ceiling

    def text(self) -> str:
        """One line."""
        digits = 2 if self.unit == "times" else 0
        parts = (
            f"{self.measured:,.{digits}f} {self.unit}",
            f"median round {self.median:,.{digits}f}",
            f"undisturbed {self.undisturbed:,.{digits}f}",
            f"aim {self.aim:,.{digits}f}",
            f"ceiling of this run {self.ceiling:,.{digits}f}",
        )
        return f"{self.title}: {', '.join(parts)}"


def slowness(latency: Latency, statistic: str = "p50") -> float:
    """How many times slower than the reference machine the core was beside a case: 1 to 3.

    As the rounds are compared: at its quickest; for a p99.9 in the lower quartile of the rounds.
    """
    loops = latency.steady_loops if statistic == "p999" else latency.loops
    pairs = zip(loops, REFERENCE_LOOPS_NS, strict=True)
    return min(MAX_SLOWNESS, max(1.0, *(measured / reference for measured, reference in pairs)))


Found = Mapping[tuple[str, tuple[int, int, int]], Latency]


def judge(
    latencies: Iterable[Latency],
    timer: Latency,
    turns: Mapping[str, Sequence[float]],
    blas: float = 0.0,
) -> list[Verdict]:
    """Every budget and ratio that was measured, in the order of the tables.

    Parameters
    ----------
    latencies : iterable of Latency
    timer : Latency
        An empty call.
    turns : mapping of str to sequence of float
        Values of a ratio by its title.
    blas : float
        What BLAS took of `LARGE`, ns; 0 where that was not measured.
    """
    found = {
        (x.case, (x.shape, x.instruments, x.open_orders)): x
        for x in latencies
        if x.condition == WARM
    }
    verdicts = [_judge_budget(budget, found, timer, blas) for budget in BUDGETS]
    verdicts += [
        _judge_ratio(ratio, turns[ratio.title]) for ratio in RATIOS if ratio.title in turns
    ]
    return [verdict for verdict in verdicts if verdict]


def _judge_budget(budget: Budget, found: Found, timer: Latency, blas: float) -> Verdict | None:
    """A budget; None where its case was not measured."""
    if budget.case == APPEND:
        pairs = [
            [found.get((f"{call}_{what}", budget.account)) for call in ("submit", "apply")]
            for what in JOURNALED
        ]
        costs = [(through, plain) for through, plain in pairs if through and plain]
        if not costs:
            return None
        # Both calls carry the timer's cost, which the difference takes off.
        latency, base = max(costs, key=lambda pair: pair[0].p50 - pair[1].p50)
    else:
        measured = found.get((budget.case, budget.account))
        if measured is None:
            return None
        latency, base = measured, timer

    undisturbed = getattr(latency, UNDISTURBED[budget.statistic]) - base.best_p50
    if budget.statistic == "maximum":  # one preemption makes that of all calls
        values = (undisturbed,) * 3
    else:
        usual = getattr(latency, f"median_{budget.statistic}") - base.median_p50
        values = (getattr(latency, budget.statistic) - base.p50, usual, undisturbed)
    factor = slowness(latency, budget.statistic)
    if budget.case == "portfolio" and budget.account == LARGE:
        factor = max(factor, min(MAX_SLOWNESS, blas / REFERENCE_BLAS_NS))
    ceiling = factor * (budget.ceiling or budget.aim)
    return Verdict(budget.title, "ns", *values, budget.aim, ceiling)


def _judge_ratio(ratio: Ratio, turns: Sequence[float]) -> Verdict:
    """A ratio: the median of its turns."""
    value = median(turns)
    return Verdict(ratio.title, "times", value, value, value, ratio.aim, ratio.ceiling or ratio.aim)


# --- instructions ---------------------------------------------------------------------------------


def read_table(path: Path = INSTRUCTIONS) -> dict[str, float]:
    """The table of instructions."""
    table: dict[str, float] = json.loads(path.read_text())["instructions"]
    return table


def table_level(path: Path = INSTRUCTIONS) -> str:
    """The CPU level whose code the table is about."""
    level: str = json.loads(path.read_text())["cpu"]
    return level


def write_table(counts: Mapping[str, float], cpu: str, path: Path = INSTRUCTIONS) -> None:
    """Accept counts as the new table."""
    about = {
        "cpu": cpu,
        "account": dict(zip(("shape", "instruments", "open_orders"), DEFAULT, strict=True)),
        "instructions": {name: round(count, 2) for name, count in counts.items()},
    }
    path.write_text(json.dumps(about, indent=1) + "\n")


def exceeded_counts(counts: Mapping[str, float], table: Mapping[str, float]) -> list[str]:
    """Calls that take more instructions than the table allows, each in one line."""
    lines = []
    for name, count in counts.items():
        if name not in table:
            lines.append(f"{name}: {count:,.1f} instructions a call, and no entry in the table")
        elif count > ceiling_of(table[name]):
            lines.append(
                f"{name}: {count:,.1f} instructions a call, the table says {table[name]:,.1f}"
            )
    return lines


def ceiling_of(count: float) -> float:
    """Instructions that a call of so many in the table may take."""
    return count * (1.0 + INSTRUCTION_MARGIN)
