"""What single native calls took: percentiles and histograms from the driver's raw results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hdrh.histogram import HdrHistogram
from numpy.typing import NDArray

from bench.driver import Account, Work

LONGEST_NS = 10**11
DIGITS = 3  # that a histogram keeps
STEADY = 0.25  # quantile over the rounds
KEPT = 0.99  # share of a round, the quicker part, that its mean is taken over
SHARES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9, "p9999": 99.99, "maximum": 100.0}


@dataclass(frozen=True)
class Latency:
    """One case in one condition on one account; times in ns with the timer's cost in them.

    Attributes
    ----------
    case, condition : str
        Of `cases`.
    shape, instruments, open_orders : int
        Instruments of the code's shape, instruments and orders of the account.
    calls : int
    p50, p90, p99, p999, p9999, maximum : float
        Over all calls, from the histogram.
    median_p50, median_p999 : float
        Of the median round: where single rounds were disturbed they do not count.
    best_p50, best_maximum : float
        The smallest of any round: what the code costs where nothing else uses the core.
    steady_p999 : float
        Over the calls of a round, each at its lower quartile over the rounds. All rounds make the
        same calls: what is slow in one round only was disturbed, a call that is slow in itself is
        slow in every round.
    best_mean : float
        Mean of the quicker 99 % of the quickest round. Where the timer ticks coarsely it tells
        apart what percentiles do not: the phase of the ticks is random.
    loops : tuple of float
        Loops of known work beside it, the quickest round.
    steady_loops : tuple of float
        The same, the lower quartile over the rounds.
    preempted : int
        Times that another process took the core.
    slowest : float
        Longest of all calls in all rounds that kept the core: no other process took it meanwhile.
        What interrupts, page faults and the host of a virtual machine take is in it.
    histogram : str
        All calls, ns; the common encoding of HdrHistogram.
    """

    case: str
    condition: str
    shape: int
    instruments: int
    open_orders: int
    calls: int
    p50: float
    p90: float
    p99: float
    p999: float
    p9999: float
    maximum: float
    median_p50: float
    median_p999: float
    best_p50: float
    best_maximum: float
    best_mean: float
    steady_p999: float
    loops: tuple[float, float]
    steady_loops: tuple[float, float]
    preempted: int
    slowest: float
    histogram: str


def histogram_of(times: NDArray[np.float64]) -> HdrHistogram:
    """A histogram of times in ns, to the ns."""
    histogram = HdrHistogram(1, LONGEST_NS, DIGITS)
    rounded = np.maximum(np.rint(times), 1.0).astype(np.int64)
    for value, count in zip(*np.unique(rounded, return_counts=True), strict=True):
        histogram.record_value(int(value), int(count))
    return histogram


def nearest_rank(ordered: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """The value of a rank along the last axis, which is sorted."""
    count = ordered.shape[-1]
    return ordered[..., min(count - 1, int(share * count))]


def summarise(work: Work, shape: int, account: Account) -> Latency:
    """Percentiles of a timed work."""
    times = work.results * work.ns_per_cycle
    histogram = histogram_of(times.ravel())
    rounds = np.sort(times, axis=1)
    kept = max(1, int(KEPT * rounds.shape[1]))
    loops = work.loops.min(axis=0) * work.ns_per_cycle
    steady = np.quantile(work.loops, STEADY, axis=0) * work.ns_per_cycle
    return Latency(
        work.case,
        work.mode,
        shape,
        account.instruments,
        account.open_orders,
        int(times.size),
        **{name: float(histogram.get_value_at_percentile(share)) for name, share in SHARES.items()},
        median_p50=float(np.median(nearest_rank(rounds, 0.5))),
        median_p999=float(np.median(nearest_rank(rounds, 0.999))),
        best_p50=float(nearest_rank(rounds, 0.5).min()),
        best_maximum=float(nearest_rank(rounds, 1.0).min()),
        best_mean=float(rounds[:, :kept].mean(axis=1).min()),
        steady_p999=float(nearest_rank(np.sort(np.quantile(times, STEADY, axis=0)), 0.999)),
        loops=(float(loops[0]), float(loops[1])),
        steady_loops=(float(steady[0]), float(steady[1])),
        preempted=work.preempted,
        slowest=float(work.slowest * work.ns_per_cycle or times.max()),
        histogram=histogram.encode().decode(),
    )


def grain_of(work: Work) -> float:
    """Smallest step between two readings of the timer, ns."""
    cycles = np.unique(work.results)
    steps = np.diff(cycles)
    return float(steps.min() * work.ns_per_cycle) if steps.size else float(work.ns_per_cycle)
