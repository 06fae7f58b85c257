"""Price history as aligned integer arrays: what the venue quotes and the core is told.

A panel holds the bars of all instruments on one time axis, in ticks and lots. ``market_events``
turns a range of it into the event records that ``Core.apply_many`` takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskcore import codes
from riskcore.layout import record_dtype
from riskcore.replay.metrics import DAY_NS
from riskcore.replay.readers import DataError, History
from riskcore.replay.venue import Terms, VenueModel

MILLISECOND = 1_000_000
MICROSECOND = 1_000
LEAST_INTERVAL_NS = 1_000 * MILLISECOND
UNLIMITED_LOTS = 1 << 36  # stands for a liquidity that the history does not tell
POINTS = 4  # open, first extreme, second extreme, close

# When things happen within a bar; microseconds apart, so that no two events share a time.
OPEN_NS = 1 * MILLISECOND
FILL_NS = 2 * MILLISECOND
CLOSE_NS = -20 * MILLISECOND  # before the end of the bar
TRADE_NS = -16 * MILLISECOND
HEARTBEAT_NS = -12 * MILLISECOND
DECISION_NS = -8 * MILLISECOND
ACKNOWLEDGE_NS = -4 * MILLISECOND


@dataclass(frozen=True)
class Panel:
    """Bars of all instruments on one time axis.

    Attributes
    ----------
    interval_ns : int, ns
        Bar interval.
    time_ns : int64[n], ns
        Bar opens.
    terms : tuple of Terms, [instruments]
        Contract terms.
    present : bool[n, instruments]
        True where the instrument has the bar.
    marks : int64[n, points, instruments], ticks
        Open, first and second extreme, close; carried forward where absent, 0 before the first.
    half_spread : int64[n, instruments], ticks
        From the mid to either side.
    volume : float64[n, instruments], lots
        Of the bar; 0 where absent, infinite where unknown.
    bid_lots, ask_lots : int64[n, instruments], lots
        Sizes at the best prices, at least 1.
    close : float64[n, instruments], quote currency
        What the strategy sees; NaN where absent.
    """

    interval_ns: int
    time_ns: NDArray[np.int64]
    terms: tuple[Terms, ...]
    present: NDArray[np.bool_]
    marks: NDArray[np.int64]
    half_spread: NDArray[np.int64]
    volume: NDArray[np.float64]
    bid_lots: NDArray[np.int64]
    ask_lots: NDArray[np.int64]
    close: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time_ns)

    @property
    def close_ns(self) -> NDArray[np.int64]:
        """Bar closes."""
        return self.time_ns + self.interval_ns

    @property
    def last_bars(self) -> NDArray[np.int64]:
        """Index of each instrument's last bar."""
        return np.asarray(len(self) - 1 - np.argmax(self.present[::-1], axis=0))

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the instruments, by index."""
        return tuple(terms.symbol for terms in self.terms)


def make_panel(history: History, venue: VenueModel, equity: float) -> Panel:
    """Align a history and turn prices into ticks, volumes into lots.

    The path within a bar is open, low, high, close in a bar that rises and open, high, low, close
    in one that falls: the usual convention, and the one that shows both wicks.
    """
    if history.interval_ns < LEAST_INTERVAL_NS:
        raise DataError(f"{history.source}: bars shorter than a second cannot be replayed")
    time_ns = np.unique(np.concatenate([bars.time_ns for bars in history.series.values()]))
    _need_no_leap(time_ns, history.source)
    rows, count = len(time_ns), len(history.series)
    present = np.zeros((rows, count), dtype=bool)
    marks = np.zeros((rows, POINTS, count), dtype=np.int64)
    half_spread = np.ones((rows, count), dtype=np.int64)
    volume = np.zeros((rows, count))
    bid_lots = np.ones((rows, count), dtype=np.int64)
    ask_lots = np.ones((rows, count), dtype=np.int64)
    close = np.full((rows, count), np.nan)
    terms = []
    for i, (symbol, bars) in enumerate(history.series.items()):
        term = Terms.fit(symbol, float(bars.low.min()), float(np.median(bars.close)), equity)
        terms.append(term)
        at = np.searchsorted(time_ns, bars.time_ns)
        if float(bars.high.max()) / term.tick_size > codes.MAX_TICKS / 4:
            raise DataError(f"{history.source}: {symbol}: highest over lowest price is above 10^6")
        ticks = [
            np.rint(p / term.tick_size).astype(np.int64)
            for p in (bars.open, bars.high, bars.low, bars.close)
        ]
        rising = bars.close >= bars.open
        path = (
            ticks[0],
            np.where(rising, ticks[2], ticks[1]),
            np.where(rising, ticks[1], ticks[2]),
            ticks[3],
        )
        present[at, i] = True
        for point, values in enumerate(path):
            marks[at, point, i] = values
        # Absent bars stand still at the last close.
        last = np.maximum.accumulate(np.where(present[:, i], np.arange(rows), -1))
        absent = ~present[:, i] & (last >= 0)
        marks[absent, :, i] = marks[last[absent], -1, i][:, None]
        half_spread[at, i] = venue.half_spread_ticks(ticks[3], bars.high, bars.low, bars.spread)
        lots = bars.volume / term.lot_size
        volume[at, i] = lots
        visible = np.minimum(venue.visible * lots, UNLIMITED_LOTS)
        for side, size in ((bid_lots, bars.bid_size), (ask_lots, bars.ask_size)):
            seen = visible if size is None else np.minimum(size / term.lot_size, UNLIMITED_LOTS)
            side[at, i] = np.maximum(seen, 1.0).astype(np.int64)
        close[at, i] = bars.close
    return Panel(
        history.interval_ns,
        time_ns,
        tuple(terms),
        present,
        marks,
        half_spread,
        volume,
        bid_lots,
        ask_lots,
        close,
    )


def _need_no_leap(time_ns: NDArray[np.int64], source: str) -> None:
    """DataError where the clock would leap further than the core lets it."""
    steps = np.diff(time_ns)
    if steps.max(initial=0) > codes.MAX_TIME_JUMP_NS:
        row = int(np.argmax(steps))
        here, there = time_ns[row : row + 2].astype("datetime64[ns]").astype("datetime64[s]")
        raise DataError(
            f"{source}: from {here} to {there} there is no row: allowed is a leap of "
            f"{codes.MAX_TIME_JUMP_NS // DAY_NS} days at most"
        )


def market_events(panel: Panel, start: int, stop: int) -> tuple[NDArray[np.void], list[list[int]]]:
    """Event records of bars ``[start, stop)``.

    Parameters
    ----------
    panel : Panel
    start, stop : int
        Range of bars.

    Returns
    -------
    events : event record[m]
        In order of time.
    cuts : list of [first, middle, last]
        Per bar: ``events[first:middle]`` are the quotes at its open, after which the orders that
        are due execute; ``events[middle:last]`` is the rest up to the moment of decision: quotes at
        the extremes and the close, trades, heartbeats, clock, sample and the matrix pass.
    """
    count = len(panel.terms)
    bars = stop - start
    width = count * (POINTS + 1) + 5
    events = np.zeros((bars, width), dtype=record_dtype("event"))
    wanted = np.ones((bars, width), dtype=bool)
    opens = panel.time_ns[start:stop, None]
    ends = opens + panel.interval_ns
    step = np.arange(count) * MICROSECOND
    third = panel.interval_ns // 3
    moments = (opens + OPEN_NS, opens + third, opens + 2 * third, ends + CLOSE_NS)
    present = panel.present[start:stop]
    half = panel.half_spread[start:stop]
    for point, moment in enumerate(moments):
        columns = slice(point * count, (point + 1) * count)
        block = events[:, columns]
        mark = panel.marks[start:stop, point]
        block["kind"] = codes.EVENT_QUOTE
        block["time_ns"] = moment + step
        block["instrument"] = np.arange(count)
        block["price_ticks"] = np.maximum(mark - half, 1)
        block["price_ticks_2"] = mark + half
        block["lots"] = panel.bid_lots[start:stop]
        block["lots_2"] = panel.ask_lots[start:stop]
        wanted[:, columns] = present
    columns = slice(POINTS * count, (POINTS + 1) * count)
    block = events[:, columns]
    lots = np.minimum(panel.volume[start:stop], UNLIMITED_LOTS).astype(np.int64)
    block["kind"] = codes.EVENT_TRADE
    block["time_ns"] = ends + TRADE_NS + step
    block["instrument"] = np.arange(count)
    block["price_ticks"] = panel.marks[start:stop, -1]
    block["lots"] = lots
    wanted[:, columns] = present & (lots > 0)
    tail = events[:, -5:]
    tail["kind"] = (
        codes.EVENT_HEARTBEAT,
        codes.EVENT_HEARTBEAT,
        codes.EVENT_CLOCK,
        codes.EVENT_SAMPLE,
        codes.EVENT_ADVANCE,
    )
    tail["venue"][:, 1] = -1  # the monitor
    tail["lots"][:, 4] = 1 << 20
    tail["time_ns"] = ends + HEARTBEAT_NS + np.arange(5) * MICROSECOND
    lengths = wanted.sum(axis=1)
    last = np.cumsum(lengths)
    first = last - lengths
    middle = first + wanted[:, :count].sum(axis=1)
    return events[wanted], np.stack([first, middle, last], axis=1).tolist()
