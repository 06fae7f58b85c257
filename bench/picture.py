"""Latency by percentile, drawn as HdrHistogram's own plots are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hdrh.histogram import HdrHistogram

from bench.cases import CASES, COLD, SAMPLES, WARM
from bench.latency import Latency

DRAWN = ("check_approve", "check_reject", "on_fill", "on_quote", "position", "submit_check")
TITLES = {
    WARM: "warm",
    COLD: "account out of the cache",
    SAMPLES: "while samples run",
}
TICKS = (50.0, 90.0, 99.0, 99.9, 99.99, 99.999)


def curve(latency: Latency) -> tuple[list[float], list[float]]:
    """How many calls there are per slower one, and the time, at each value that was recorded."""
    histogram = HdrHistogram.decode(latency.histogram)
    rarity, times = [], []
    total, seen = histogram.get_total_count(), 0
    for item in histogram.get_recorded_iterator():
        seen += item.count_at_value_iterated_to
        rarity.append(total / max(total - seen, 0.5))
        times.append(float(item.value_iterated_to))
    return rarity, times


def draw(latencies: Iterable[Latency], timer: Latency, path: Path) -> None:
    """One panel per condition, a line per call; the default account."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [x for x in latencies if x.case in DRAWN]
    default = {(x.case, x.condition): x for x in reversed(shown)}  # the first is the default
    figure, axes = pyplot.subplots(
        1, len(TITLES), figsize=(14, 5), sharey=True, layout="constrained"
    )
    for axis, (condition, title) in zip(axes, TITLES.items(), strict=True):
        for name in DRAWN:
            if (name, condition) in default:
                axis.step(*curve(default[name, condition]), lw=1.1, label=CASES[name].title)
        axis.axhline(timer.p50, color="grey", ls=":", lw=1.0, label="timer's own cost")
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xticks([100.0 / (100.0 - t) for t in TICKS], [f"{t:g} %" for t in TICKS])
        axis.set_xticks([], minor=True)
        axis.set_title(title, loc="left")
        axis.set_xlabel("share of calls that are quicker")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("time of one call, ns")
    axes[1].legend(loc="upper left", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
