"""A venue for replays: spread, fees, slippage, latency and partial fills over bars.

Takers only. An order decided at the close of a bar reaches the book ``latency_bars`` bars later and
executes at that bar's open, through half the spread and the slippage, for at most a share of the
bar's volume; the rest expires, as immediate-or-cancel orders do. Contracts are linear, margined in
dollars and without funding: the embedded data has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, inf, log10, sqrt

import numpy as np
from numpy.typing import NDArray

MOST_COST = 0.1  # fraction of a trade: a fee or a slippage above it is a slip of the decimal point


@dataclass(frozen=True)
class Terms:
    """Contract terms of one instrument: how a price and a quantity become ticks and lots."""

    symbol: str
    tick_size: float
    lot_size: float

    @property
    def contract_value(self) -> float:
        """Money per lot and tick."""
        return self.tick_size * self.lot_size

    @staticmethod
    def fit(symbol: str, lowest: float, typical: float, equity: float) -> Terms:
        """Powers of ten so fine that rounding does not show.

        A tick is at most 1e-5 of the lowest price, a lot about 1e-6 of the equity: a gate that
        allows 0.5 % of it still has thousands of lots to choose from.
        """
        tick = 10.0 ** floor(log10(lowest * 1e-5))
        lot = 10.0 ** floor(log10(equity * 1e-6 / typical) + 0.5)
        return Terms(symbol, tick, lot)


@dataclass(frozen=True)
class VenueModel:
    """Costs and limits of execution.

    Attributes
    ----------
    fee : float, fraction of notional
        Taker fee of each fill.
    spread : float, fraction of the price
        Least spread; ``range_spread`` of the bar's range where that is more.
    range_spread : float, fraction
        Part of a bar's relative high-low range that the spread widens to.
    slippage : float, fraction of the price
        Paid beyond the best price by any order.
    impact : float, fraction of the price
        Paid times the square root of the order's share of the bar's volume.
    participation : float, fraction
        Largest share of a bar's volume that one order gets.
    visible : float, fraction
        Share of a bar's volume that stands at the best price.
    latency_bars : int, bars
        Bars from decision to execution; 1 is the open that follows the deciding close.
    min_notional : float, money
        Smallest order.
    """

    fee: float = 0.0005
    spread: float = 0.0002
    range_spread: float = 0.02
    slippage: float = 0.0002
    impact: float = 0.01
    participation: float = 0.10
    visible: float = 0.05
    latency_bars: int = 1
    min_notional: float = 5.0

    def __post_init__(self) -> None:
        for name, most in (
            ("fee", MOST_COST),
            ("slippage", MOST_COST),
            ("spread", MOST_COST),
            ("range_spread", inf),
            ("impact", inf),
            ("min_notional", inf),
        ):
            value = getattr(self, name)
            if not 0.0 <= value <= most or value == inf:
                bound = "0 or more" if most == inf else f"0 to {most:g}"
                raise ValueError(f"venue {name} is {value:g}: allowed is {bound}")
        for name in ("participation", "visible"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"venue {name} must be in (0, 1]")
        if self.latency_bars < 1:
            raise ValueError("venue latency_bars must be 1 or more: no order fills in the past")

    def half_spread_ticks(
        self,
        price_ticks: NDArray[np.int64],
        high: NDArray[np.float64],
        low: NDArray[np.float64],
        seen: NDArray[np.float64] | None,
    ) -> NDArray[np.int64]:
        """Ticks from the mid to either side, at least one; the book's own spread where known."""
        if seen is None:
            width = np.maximum(self.spread, self.range_spread * (high / low - 1.0))
        else:
            width = seen
        return np.maximum(np.rint(0.5 * width * price_ticks), 1.0).astype(np.int64)

    def execute(
        self, side: int, lots: int, bid_ticks: int, ask_ticks: int, volume_lots: float
    ) -> tuple[int, int]:
        """Lots and price that a taking order gets.

        Parameters
        ----------
        side : int
            +1 buy, -1 sell.
        lots : int, lots
            Wanted.
        bid_ticks, ask_ticks : int, ticks
            Book at the bar's open.
        volume_lots : float, lots
            Of the bar; infinite where unknown.

        Returns
        -------
        filled : int, lots
            0 where the bar has no volume.
        price_ticks : int, ticks
            Rounded against the order, at least 1.
        """
        if volume_lots == inf:
            filled, share = lots, 0.0
        else:
            filled = min(lots, int(self.participation * volume_lots))
            share = filled / volume_lots if filled > 0 else 0.0
        if filled <= 0:
            return 0, 0
        cost = self.slippage + self.impact * sqrt(share)
        if side > 0:
            return filled, -floor(-ask_ticks * (1.0 + cost))
        return filled, max(floor(bid_ticks * (1.0 - cost)), 1)
