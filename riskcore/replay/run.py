"""One call from a history to a result: protected and unprotected run, figures, the gate's log."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskcore import codes
from riskcore.replay.engine import (
    ENTRY,
    PURPOSES,
    Gate,
    GateLog,
    ReplayError,
    Run,
    run_figures,
    simulate,
)
from riskcore.replay.metrics import Figures, bar_returns, correlation, drawdown
from riskcore.replay.panel import Panel, make_panel
from riskcore.replay.readers import DataError, History
from riskcore.replay.setup import build_core
from riskcore.replay.venue import VenueModel
from riskcore.strategies.trend import HOUR_NS, TrendStrategy

# The core's equity and the ledger's may differ by rounding only.
LEDGER_TOLERANCE = 1e-9
LEAST_EQUITY, MOST_EQUITY = 1_000.0, 1e12
COOLDOWN_HOURS = 4.0
PATIENCE_HOURS = 4.0

Progress = Callable[[str, int, int], None]


@dataclass
class Result:
    """Everything a replay found out.

    Attributes
    ----------
    protected, unprotected : Run
        The same strategy with and without the gate.
    log : GateLog
        Every question to the gate and every answer.
    config : str
        Where the limits come from.
    summary : dict
        The figures, ready for JSON.
    """

    history: History
    panel: Panel
    protected: Run
    unprotected: Run
    log: GateLog
    limits: dict[str, float]
    config: str
    summary: dict[str, Any] = field(default_factory=dict)


def replay(
    history: History,
    *,
    config: str | Path = "default",
    scenarios: str | Path = "scenarios",
    equity: float = 1_000_000.0,
    venue: VenueModel | None = None,
    strategy: TrendStrategy | None = None,
    cooldown_hours: float = COOLDOWN_HOURS,
    patience_hours: float = PATIENCE_HOURS,
    progress: Progress | None = None,
) -> Result:
    """Replay a history with and without the gate.

    Parameters
    ----------
    history : History
        From :func:`riskcore.replay.readers.read_history`.
    config, scenarios : str or Path
        Limits and stress scenarios: files, or the names of packaged ones.
    equity : float, money
        Of the account at the start, from 1,000 to 1e12.
    venue : VenueModel, optional
        Costs and latency.
    strategy : TrendStrategy, optional
        Default: the trend follower, its spans fitted to the length of the history.
    cooldown_hours : float, hours
        After a stop the protected run stays out of the instrument so long.
    patience_hours : float, hours
        After the gate said less or no, the protected run asks for more of a position no sooner.
    progress : callable, optional
        Called as ``progress(run, done, total)`` with bars.

    Returns
    -------
    Result

    Examples
    --------
    >>> from riskcore.replay.readers import parse_time, read_history
    >>> result = replay(read_history("btc-1h", end_ns=parse_time("2018-09-01")))
    >>> result.summary["comparison"]["limit_held"]
    True
    """
    if not (isfinite(equity) and LEAST_EQUITY <= equity <= MOST_EQUITY):
        raise DataError(f"equity is {equity:g}: allowed is {LEAST_EQUITY:g} to {MOST_EQUITY:g}")
    began = perf_counter()
    venue = venue or VenueModel()
    strategy = strategy or TrendStrategy().fitted_to(history.end_ns - history.start_ns)
    panel = make_panel(history, venue, equity)
    weights, confidence = strategy.weights(panel.close, panel.interval_ns)
    core, risk, notes = build_core(panel, venue, equity, config, scenarios)
    gate = Gate(core, panel, strategy=0, fee_currency=0)
    bars_per_hour = HOUR_NS / panel.interval_ns
    cooldown_bars = max(1, round(cooldown_hours * bars_per_hour))
    patience_bars = max(1, round(patience_hours * bars_per_hour))

    def watch(name: str) -> Callable[[int], None] | None:
        if progress is None:
            return None
        done = 0

        def advance(bars: int) -> None:
            nonlocal done
            done += bars
            progress(name, done, len(panel))

        return advance

    runs = []
    for name, guard in (("protected", gate), ("unprotected", None)):
        runs.append(
            simulate(
                panel,
                weights,
                confidence,
                venue,
                equity,
                gate=guard,
                cooldown_bars=cooldown_bars,
                patience_bars=patience_bars,
                progress=watch(name),
            )
        )
    protected, unprotected = runs
    log = gate.log()
    parameters = core.state.parameters
    limits = {
        name: float(parameters[name])
        for name in ("max_drawdown", "cushion_multiplier", "var_multiplier", "max_stress_loss")
    }
    for run in runs:
        run.figures = run_figures(panel, run, equity, log.covariance, limits["var_multiplier"])
    gap = abs(log.final_equity / float(protected.equity[-1]) - 1.0)
    if not gap <= LEDGER_TOLERANCE:
        raise ReplayError(
            f"the core's equity {log.final_equity!r} and the ledger's"
            f" {float(protected.equity[-1])!r} differ"
        )
    history = replace(history, notes=[*history.notes, *_endings(panel), *notes])
    result = Result(history, panel, protected, unprotected, log, limits, risk.source)
    result.summary = _summary(result, str(core.cpu), equity, perf_counter() - began)
    return result


def _endings(panel: Panel) -> list[str]:
    """A note for each instrument whose bars end before the others'."""
    return [
        f"{symbol}: ends {_iso(int(panel.close_ns[last]))}, before the others;"
        " its position is closed there"
        for symbol, last in zip(panel.symbols, panel.last_bars.tolist(), strict=True)
        if last < len(panel) - 1
    ]


def _summary(result: Result, cpu: str, equity: float, seconds: float) -> dict[str, Any]:
    """The figures of a replay as plain JSON values."""
    history, panel, log = result.history, result.panel, result.log
    assert result.protected.figures is not None
    assert result.unprotected.figures is not None
    rate = log.block_events / max(log.market_seconds, 1e-9)
    return {
        "source": history.source,
        "config": result.config,
        "start": _iso(history.start_ns),
        "end": _iso(history.end_ns),
        "interval_seconds": panel.interval_ns / 1e9,
        "bars": history.rows,
        "instruments": list(panel.symbols),
        "notes": history.notes,
        "runs": {
            "protected": _rounded(result.protected.figures),
            "unprotected": _rounded(result.unprotected.figures),
        },
        "comparison": _comparison(result, equity),
        "gate": _gate(log),
        "check_latency_ns": _latency(log.latency_ns, log.timer_ns),
        "call_latency_ns": {name: _latency(t, log.timer_ns) for name, t in log.calls.items()},
        "speed": {
            "market_events": log.market_events,
            "market_events_per_second": round(rate),
            "core_bars_per_second": round(rate * history.rows / log.market_events),
            "bars_per_second": round(2 * history.rows / seconds),
            "seconds": round(seconds, 3),
            "cpu": cpu,
        },
    }


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rounded(run: Figures) -> dict[str, float | int]:
    return {
        name: value if isinstance(value, int) else float(f"{value:.10g}")
        for name, value in run.as_dict().items()
    }


def _comparison(result: Result, equity: float) -> dict[str, Any]:
    """What protection cost and what it kept."""
    first, second = result.protected, result.unprotected
    assert first.figures is not None
    assert second.figures is not None
    limit = result.limits["max_drawdown"]
    path = np.concatenate(([equity], first.path.ravel()))
    left = 1.0 - (1.0 - path[-1] / path.max()) / limit
    # What the core saw includes moments between the quotes of two instruments.
    worst = max(drawdown(path), result.log.max_drawdown_seen)
    returns = [bar_returns(run.equity, equity) for run in (first, second)]
    presence = second.figures.time_in_market
    return {
        "max_drawdown_limit": limit,
        "max_drawdown": worst,
        "limit_held": bool(worst < limit),
        "final_cushion": float(left),
        "return_correlation": correlation(returns[0], returns[1]),
        "time_in_market_ratio": first.figures.time_in_market / presence if presence else 0.0,
    }


def _gate(log: GateLog) -> dict[str, Any]:
    """Decisions by action and purpose, objections by name, latches.

    ``orders`` and ``actions`` count every question; ``strategy`` those of the strategy alone, the
    rest being what the gate itself asked for. ``manual_resets`` counts every control event after
    the set-up, whatever it did: a replay needs none.
    """
    decisions = log.decisions
    actions = _actions(decisions)
    words = decisions["reasons"]
    reasons = {}
    for number, check in codes.CHECKS.items():
        count = int((words[:, number >> 6] >> (number & 63) & 1).sum())
        if count:
            reasons[check.name] = count
    first = {}
    for number, count in zip(*np.unique(decisions["first_check"], return_counts=True), strict=True):
        if number >= 0:
            first[codes.CHECKS[int(number)].name] = int(count)
    digest = hashlib.sha256(decisions.tobytes()).hexdigest()
    return {
        "orders": len(decisions),
        "actions": actions,
        "strategy": _actions(decisions[log.asked["purpose"] == ENTRY]),
        "purposes": {
            name: int((log.asked["purpose"] == code).sum()) for code, name in enumerate(PURPOSES)
        },
        "objections": dict(sorted(reasons.items(), key=lambda item: -item[1])),
        "first_objections": dict(sorted(first.items(), key=lambda item: -item[1])),
        "bars_latched": log.latched_bars,
        "latches_at_end": log.latches,
        "manual_resets": log.controls,
        "decisions_sha256": digest,
    }


def _actions(decisions: NDArray[np.void]) -> dict[str, int]:
    return {
        name: int((decisions["action"] == code).sum()) for code, name in codes.ACTION_NAMES.items()
    }


def _latency(values: NDArray[np.int64], timer_ns: int) -> dict[str, int]:
    """Percentiles of one call's times from Python, the timer's own cost beside them."""
    if not len(values):
        return {"calls": 0, "timer": timer_ns}
    percentiles = (50.0, 90.0, 99.0, 99.9)
    row = zip(percentiles, np.percentile(values, percentiles), strict=True)
    return {
        "calls": len(values),
        **{f"p{p:g}": int(value) for p, value in row},
        "max": int(values.max()),
        "timer": timer_ns,
    }
