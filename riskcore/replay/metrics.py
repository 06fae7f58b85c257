"""Figures of an equity curve: return, risk, drawdown, VaR exceedances, turnover, time in market."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import erfc, expm1, log, sqrt

import numpy as np
from numpy.typing import NDArray

DAY_NS = 86_400_000_000_000
YEAR_DAYS = 365.0
# A position below this part of the run's own largest is dust, not presence in the market.
PRESENCE = 0.01


@dataclass(frozen=True)
class Figures:
    """What a run amounted to. Fractions unless said otherwise; yearly figures use 365 days.

    ``max_drawdown`` includes the wicks: it is taken over the equity at open, first extreme, second
    extreme and close of each bar. ``sharpe`` and ``volatility`` come from UTC days.
    ``var_exceedances`` counts bars that lost more than the 95 % VaR that stood at their start, of
    ``var_bars`` bars with a position; ``kupiec_p_value`` tests their share against 5 %.
    """

    start_equity: float
    final_equity: float
    total_return: float
    yearly_return: float
    volatility: float
    sharpe: float
    max_drawdown: float
    max_drawdown_at_close: float
    worst_day: float
    best_day: float
    var_bars: int
    var_exceedances: int
    kupiec_p_value: float
    turnover: float
    fees: float
    fills: int
    time_in_market: float
    largest_gross: float

    def as_dict(self) -> dict[str, float | int]:
        """Plain numbers by name."""
        return asdict(self)


def drawdown(path: NDArray[np.float64]) -> float:
    """Largest fall from the highest value before it, as a fraction of that value."""
    peak = np.maximum.accumulate(path)
    return float(np.max(1.0 - path / peak, initial=0.0))


def daily_returns(
    close_ns: NDArray[np.int64], equity: NDArray[np.float64], start_equity: float
) -> NDArray[np.float64]:
    """Return of each UTC day that has a bar.

    Parameters
    ----------
    close_ns : int64[n], ns
        Bar closes. A bar that closes at midnight belongs to the day that ends there.
    equity : float64[n], money
        At those closes.
    start_equity : float, money
        Before the first bar.
    """
    day = (close_ns - 1) // DAY_NS
    last = np.flatnonzero(np.concatenate((day[1:] != day[:-1], [True])))
    values = np.concatenate(([start_equity], equity[last]))
    return values[1:] / values[:-1] - 1.0


def kupiec(exceedances: int, observations: int, probability: float = 0.05) -> float:
    """P-value of the proportion-of-failures test (Kupiec 1995): likelihood ratio, chi-square(1).

    >>> round(kupiec(13, 255), 3)
    0.943
    """
    if observations == 0:
        return 1.0
    n, x, p = observations, exceedances, probability
    seen = x / n
    null = x * log(p) + (n - x) * log(1.0 - p)
    free = (x * log(seen) if x else 0.0) + ((n - x) * log(1.0 - seen) if x < n else 0.0)
    ratio = max(0.0, 2.0 * (free - null))
    return erfc(sqrt(0.5 * ratio))


def correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Pearson correlation of two return series; 0 where one of them never moves."""
    a, b = first - first.mean(), second - second.mean()
    scale = sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / scale if scale > 0.0 else 0.0


def bar_returns(equity: NDArray[np.float64], start_equity: float) -> NDArray[np.float64]:
    """Return of each bar, close to close."""
    values = np.concatenate(([start_equity], equity))
    return values[1:] / values[:-1] - 1.0


def figures(
    *,
    start_equity: float,
    close_ns: NDArray[np.int64],
    path: NDArray[np.float64],
    gross: NDArray[np.float64],
    bar_pnl: NDArray[np.float64],
    bar_var: NDArray[np.float64],
    turnover: float,
    fees: float,
    fills: int,
) -> Figures:
    """Figures of one run.

    Parameters
    ----------
    start_equity : float, money
        Before the first bar.
    close_ns : int64[n], ns
        Bar closes.
    path : float64[n, 4], money
        Equity at open (after fills), first extreme, second extreme, close of each bar.
    gross : float64[n], money
        Gross position held through each bar.
    bar_pnl : float64[n], money
        What the position held through each bar won by moves of the market.
    bar_var : float64[n], money
        95 % VaR of that position over one bar, as known at its start; 0 for unknown or flat.
    turnover : float, share of equity
        Filled notional over equity, summed.
    fees : float, money
        Paid.
    fills : int
        Executions.
    """
    equity = path[:, -1]
    days = daily_returns(close_ns, equity, start_equity)
    years = max((int(close_ns[-1]) - int(close_ns[0])) / DAY_NS / YEAR_DAYS, 1e-9)
    final = float(equity[-1])
    spread = float(days.std()) if len(days) > 1 else 0.0
    judged = bar_var > 0.0
    exceeded = int((-bar_pnl[judged] > bar_var[judged]).sum())
    largest = float(gross.max(initial=0.0))
    present = gross > PRESENCE * largest
    start = np.array([start_equity])
    growth = final / start_equity
    return Figures(
        start_equity=start_equity,
        final_equity=final,
        total_return=growth - 1.0,
        # Of a few minutes it would be beyond any number.
        yearly_return=expm1(min(log(growth) / years, 700.0)) if growth > 0.0 else -1.0,
        volatility=spread * sqrt(YEAR_DAYS),
        sharpe=float(days.mean()) / spread * sqrt(YEAR_DAYS) if spread > 0.0 else 0.0,
        max_drawdown=drawdown(np.concatenate((start, path.ravel()))),
        max_drawdown_at_close=drawdown(np.concatenate((start, equity))),
        worst_day=float(days.min()),
        best_day=float(days.max()),
        var_bars=int(judged.sum()),
        var_exceedances=exceeded,
        kupiec_p_value=kupiec(exceeded, int(judged.sum())),
        turnover=turnover,
        fees=fees,
        fills=fills,
        time_in_market=float(present.mean()) if largest > 0.0 else 0.0,
        largest_gross=largest,
    )
