"""The replay itself: one strategy over one history, once through the gate and once without.

Both runs share the strategy, the venue model and the account; only the gate differs. Per bar: the
quotes at its open arrive, orders that are due execute there, then come the extremes, the close,
the volume, the clock and the sample, and at the close the run decides. In the protected run the
core sees every one of these events, every order passes ``Core.check``, and what ``Core.derisk``
asks for is sent first.

The ledger here is plain and independent of the core: at the end their equities must agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from time import perf_counter, perf_counter_ns
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from riskcore import codes
from riskcore.errors import RiskCoreError
from riskcore.layout import record_dtype
from riskcore.replay.metrics import Figures, figures
from riskcore.replay.panel import (
    ACKNOWLEDGE_NS,
    DECISION_NS,
    FILL_NS,
    MICROSECOND,
    Panel,
    market_events,
)
from riskcore.replay.venue import VenueModel

CHUNK = 2_048  # bars whose events are prepared at once
PROGRESS_BARS = 1_000
TIMED_BARS = 31  # one bar in so many goes to the core call by call; prime, so any hour of the day
REBALANCE_BAND = 0.10  # of the wanted position: smaller changes are not worth the cost

ENTRY = 0
DERISK = 1
STOP = 2
SETTLEMENT = 3
PURPOSES = ("strategy", "derisk", "stop", "settlement")
TIMED_CALLS = ("quote", "fill", "clock", "sample")
_EVENT_FIELDS = [
    "kind",
    "time_ns",
    "instrument",
    "venue",
    "price_ticks",
    "lots",
    "price_ticks_2",
    "lots_2",
]
FILL_COLUMNS = ("time_ns", "bar", "instrument", "side", "lots", "price_ticks", "fee")

Progress = Callable[[int], None]


class ReplayError(RiskCoreError, RuntimeError):
    """The core refused an event that a replay must be able to send; one line."""


class Strategy(Protocol):
    """What a replay asks of a strategy: weights from closes, row by row, no hindsight."""

    def weights(
        self, close: NDArray[np.float64], interval_ns: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...


@dataclass(slots=True)
class _Working:
    """An order between its decision and its execution."""

    due: int
    instrument: int
    side: int
    lots: int
    handle: int


@dataclass
class Run:
    """One run: positions, fills and equity, ready for figures.

    Attributes
    ----------
    name : str
        ``protected`` or ``unprotected``.
    held : int64[n, instruments], lots
        Position from just after each bar's open to its close; a settlement comes after that.
    cash : float64[n], money
        Start equity less the net cost of ``held`` and fees, after the fills at the bar's open.
    path : float64[n, 5], money
        Equity before and after the fills at the open, at both extremes and at the close.
    fills : dict of columns
        Time, bar, instrument, side, lots, price, fee.
    """

    name: str
    held: NDArray[np.int64]
    cash: NDArray[np.float64]
    path: NDArray[np.float64]
    fills: dict[str, list[Any]]
    turnover: float
    figures: Figures | None = None

    @property
    def equity(self) -> NDArray[np.float64]:
        """Equity at each close."""
        return self.path[:, -1]


@dataclass
class GateLog:
    """What the gate was asked and said, and how long it took.

    ``asked`` are columns of the orders, ``decisions`` the core's own records in the same order,
    ``covariance`` the core's matrix at each close, per bar. ``latency_ns`` has the time of each
    ``Core.check``, ``calls`` those of other calls by name: every fill, and the market events of one
    bar in ``TIMED_BARS``, a sample with the matrix pass that follows. ``market_seconds`` is what
    the other ``block_events`` took, in blocks.
    ``controls`` counts the control events since the replay's first bar.
    """

    asked: dict[str, NDArray[Any]]
    decisions: NDArray[np.void]
    covariance: NDArray[np.float64]
    latency_ns: NDArray[np.int64]
    calls: dict[str, NDArray[np.int64]]
    timer_ns: int
    market_events: int
    block_events: int
    market_seconds: float
    final_equity: float
    max_drawdown_seen: float
    budget: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    latches: int = 0
    latched_bars: int = 0
    stops: int = 0
    controls: int = 0


class Gate:
    """The protected run's side of the core: sends events, asks, and writes down every answer."""

    def __init__(self, core: Any, panel: Panel, strategy: int, fee_currency: int) -> None:
        self.core = core
        self.panel = panel
        self.strategy = strategy
        self.fee_currency = fee_currency
        self.client_id = 0
        self.execution_id = 0
        self.fee_time = 0
        # The gate values a market sell at the collar, and the venue's minimum holds there too.
        self.worst_price = 1.0 - float(core.state.parameters.exit_collar)
        rows, count = panel.present.shape
        state = core.state.base  # the array of one record: its fields are views, not copies
        self._account = {
            name: _scalar(state["account"][name])
            for name in ("equity", "budget", "max_drawdown_seen", "latches")
        }
        self._counted = np.asarray(state["counters"]["events"])[0]  # by kind
        self._set_up = int(self._counted[codes.EVENT_CONTROL])  # what setting the core up took
        self._breached = np.asarray(state["positions"]["stop_breached"])[0]
        self._matrix = np.asarray(state["covariance"]["matrix"])[0][:count, :count]
        self._decision = np.asarray(core.decision.base).view(np.uint8)
        self._size = record_dtype("decision").itemsize
        self._capacity = 4_096
        self._decisions = np.zeros((self._capacity, self._size), dtype=np.uint8)
        self._asked: list[tuple[Any, ...]] = []
        self._latency: list[int] = []
        self._calls: dict[str, list[int]] = {name: [] for name in TIMED_CALLS}
        self._covariance = np.zeros((rows, count, count))
        self._budget = np.zeros(rows)
        self._latched_bars = 0
        self._stops = 0
        self._events = 0
        self._block_events = 0
        self._seconds = 0.0
        self._chunk_start = self._chunk_stop = 0
        self._block: NDArray[np.void] = np.zeros(0, dtype=record_dtype("event"))
        self._cuts: list[list[int]] = []

    def open(self, bar: int) -> None:
        """Quotes at the open."""
        if bar >= self._chunk_stop:
            self._chunk_start, self._chunk_stop = bar, min(bar + CHUNK, len(self.panel))
            self._block, self._cuts = market_events(self.panel, bar, self._chunk_stop)
        first, middle, _ = self._cuts[bar - self._chunk_start]
        self._apply(bar, first, middle)

    def rest(self, bar: int) -> None:
        """Everything from the open to the moment of decision."""
        _, middle, last = self._cuts[bar - self._chunk_start]
        self._apply(bar, middle, last)
        self._covariance[bar] = self._matrix
        self._budget[bar] = self._account["budget"][0]
        self._latched_bars += self._account["latches"][0] != 0

    def _apply(self, bar: int, first: int, last: int) -> None:
        if first == last:
            return
        block = self._block[first:last]
        self._events += last - first
        if bar % TIMED_BARS == TIMED_BARS - 1:
            self._apply_singly(block)
            return
        begin = perf_counter()
        applied = self.core.apply_many(block)
        self._seconds += perf_counter() - begin
        self._block_events += last - first
        if applied != last - first:
            event = block[applied]
            self._refused(int(event["kind"]), int(event["time_ns"]))

    def _apply_singly(self, block: NDArray[np.void]) -> None:
        """The same events as an engine sends them, one call each, and how long each call took."""
        for event in block[_EVENT_FIELDS].tolist():
            kind, time_ns = event[:2]
            call, arguments = self._call(event)
            begin = perf_counter_ns()
            status = call(*arguments)
            took = perf_counter_ns() - begin
            if status != codes.OK:
                self._refused(kind, time_ns)
            name = codes.EVENT_NAMES[kind]
            if name in self._calls:
                self._calls[name].append(took)
            elif kind == codes.EVENT_ADVANCE:  # the matrix pass of the sample just taken
                self._calls["sample"][-1] += took

    def _call(self, event: tuple[Any, ...]) -> tuple[Callable[..., int], tuple[Any, ...]]:
        """The core's call for a market event, and its arguments."""
        core = self.core
        kind, time_ns, instrument, venue, price_ticks, lots, price_ticks_2, lots_2 = event
        if kind == codes.EVENT_QUOTE:
            return core.on_quote, (time_ns, instrument, price_ticks, lots, price_ticks_2, lots_2)
        if kind == codes.EVENT_TRADE:
            return core.on_trade, (time_ns, instrument, price_ticks, lots)
        if kind == codes.EVENT_HEARTBEAT:
            return core.on_heartbeat, (time_ns, venue)
        if kind == codes.EVENT_CLOCK:
            return core.on_clock, (time_ns,)
        if kind == codes.EVENT_SAMPLE:
            return core.on_sample, (time_ns,)
        return core.advance, (lots,)

    @staticmethod
    def _refused(kind: int, time_ns: int) -> NoReturn:
        name = codes.EVENT_NAMES.get(kind, "unknown")
        raise ReplayError(f"the core refused a {name} event at {time_ns} ns")

    def stopped(self, instrument: int) -> bool:
        """True where the stop of the open position is breached."""
        return bool(self._breached[instrument])

    def reductions(self) -> list[tuple[int, int, int, bool, bool]]:
        """What brings every budget back.

        Instrument, side and lots to trade, and whether its working buys and sells are to go.
        """
        count = self.core.derisk()
        return [
            (
                int(row["instrument"]),
                int(row["side"]),
                int(row["lots"]),
                bool(row["cancel_buy_lots"] > 0),
                bool(row["cancel_sell_lots"] > 0),
            )
            for row in self.core.reductions[:count]
        ]

    def ask(
        self,
        bar: int,
        time_ns: int,
        instrument: int,
        side: int,
        lots: int,
        confidence: float,
        purpose: int,
        position: int,
    ) -> tuple[int, int]:
        """Lots allowed and the order's handle; the decision is logged either way."""
        self.client_id += 1
        flags = 0 if purpose == ENTRY else codes.REDUCE_ONLY
        check = self.core.check
        begin = perf_counter_ns()
        action = check(
            self.client_id,
            time_ns,
            instrument,
            self.strategy,
            side,
            codes.MARKET,
            codes.IOC,
            flags,
            lots,
            0,
            0,
            confidence,
        )
        self._latency.append(perf_counter_ns() - begin)
        row = len(self._asked)
        if row == self._capacity:
            self._decisions = np.concatenate([self._decisions, np.zeros_like(self._decisions)])
            self._capacity *= 2
        self._decisions[row] = self._decision
        mark = int(self.panel.marks[bar, -1, instrument])
        self._asked.append(
            (
                bar,
                time_ns,
                self.client_id,
                instrument,
                side,
                lots,
                confidence,
                purpose,
                position,
                mark,
            )
        )
        self._stops += purpose == STOP
        if action == codes.REJECT:
            return 0, 0
        decision = self._decisions[row].view(record_dtype("decision"))[0]
        return int(decision["lots"]), int(decision["handle"])

    def acknowledge(self, time_ns: int, handle: int) -> None:
        """The venue has the order."""
        self._must(self.core.on_ack(time_ns, handle, handle), "acknowledgement")

    def fill(self, time_ns: int, order: _Working, lots: int, price_ticks: int, fee: float) -> None:
        """An execution."""
        self.execution_id += 1
        on_fill = self.core.on_fill
        begin = perf_counter_ns()
        status = on_fill(
            time_ns,
            order.handle,
            order.instrument,
            self.strategy,
            order.side,
            lots,
            price_ticks,
            fee,
            self.fee_currency,
            self.execution_id,
        )
        self._calls["fill"].append(perf_counter_ns() - begin)
        self._must(status, "fill")

    def cancel(self, time_ns: int, handle: int) -> None:
        """Take an order back; the venue confirms at once."""
        self._must(self.core.cancel(time_ns, handle), "cancel")
        self._must(self.core.on_canceled(time_ns, handle), "cancellation")

    def expire(self, time_ns: int, handle: int) -> None:
        """The rest of an order is gone."""
        self._must(self.core.on_expire(time_ns, handle), "expiry")

    @staticmethod
    def _must(status: int, what: str) -> None:
        if status != codes.OK:
            name = codes.STATUS_NAMES.get(int(status), str(status))
            raise ReplayError(f"the core answered {name} to a {what}")

    def log(self) -> GateLog:
        """Everything written down."""
        names = (
            "bar",
            "time_ns",
            "client_id",
            "instrument",
            "side",
            "lots",
            "confidence",
            "purpose",
            "position_lots",
            "mark_ticks",
        )
        columns = list(zip(*self._asked, strict=True)) or [()] * len(names)
        asked = {
            name: np.array(column, dtype=np.float64 if name == "confidence" else np.int64)
            for name, column in zip(names, columns, strict=True)
        }
        rows = len(self._asked)
        records = self._decisions[:rows].reshape(-1).view(record_dtype("decision"))
        return GateLog(
            asked=asked,
            decisions=records,
            covariance=self._covariance,
            latency_ns=np.array(self._latency, dtype=np.int64),
            calls={name: np.array(took, dtype=np.int64) for name, took in self._calls.items()},
            timer_ns=timer_cost_ns(),
            market_events=self._events,
            block_events=self._block_events,
            market_seconds=self._seconds,
            final_equity=float(self._account["equity"][0]),
            max_drawdown_seen=float(self._account["max_drawdown_seen"][0]),
            budget=self._budget,
            latches=int(self._account["latches"][0]),
            latched_bars=int(self._latched_bars),
            stops=self._stops,
            controls=int(self._counted[codes.EVENT_CONTROL]) - self._set_up,
        )


def _scalar(view: NDArray[Any]) -> NDArray[Any]:
    """A field of the one record as a plain array of one element: fast to read, never a copy."""
    return np.asarray(view)


def timer_cost_ns() -> int:
    """Median of what two readings of the clock in a row are apart."""
    gaps = []
    for _ in range(2_001):
        begin = perf_counter_ns()
        gaps.append(perf_counter_ns() - begin)
    return int(np.median(gaps))


def simulate(
    panel: Panel,
    weights: NDArray[np.float64],
    confidence: NDArray[np.float64],
    venue: VenueModel,
    equity: float,
    *,
    gate: Gate | None = None,
    cooldown_bars: int = 1,
    patience_bars: int = 1,
    progress: Progress | None = None,
) -> Run:
    """One run over a panel.

    Parameters
    ----------
    panel : Panel
        What happens.
    weights : float64[n, instruments], share of equity
        Wanted at each close.
    confidence : float64[n, instruments], fraction
        Of the strategy at each close.
    venue : VenueModel
        How orders execute.
    equity : float, money
        At the start.
    gate : Gate, optional
        None runs unprotected.
    cooldown_bars : int, bars
        After a stop the protected run enters the instrument again no sooner.
    patience_bars : int, bars
        After the gate cut or refused an order, or asked for a reduction, the protected run asks for
        more of that position no sooner: every bar would cost more in fees than it is worth.
    progress : callable, optional
        Called with the number of bars done since the last call.

    Returns
    -------
    Run
    """
    simulation = _Simulation(
        panel, weights, confidence, venue, equity, gate, cooldown_bars, patience_bars
    )
    rows = len(panel)
    for bar in range(rows):
        simulation.step(bar)
        if progress is not None and bar % PROGRESS_BARS == PROGRESS_BARS - 1:
            progress(PROGRESS_BARS)
    if progress is not None:
        progress(rows % PROGRESS_BARS)
    return simulation.result(equity)


class _Simulation:
    """Positions, cash and working orders of one run, bar by bar."""

    def __init__(
        self,
        panel: Panel,
        weights: NDArray[np.float64],
        confidence: NDArray[np.float64],
        venue: VenueModel,
        equity: float,
        gate: Gate | None,
        cooldown_bars: int,
        patience_bars: int,
    ) -> None:
        rows, count = panel.present.shape
        self.panel, self.venue, self.gate = panel, venue, gate
        self.weights, self.confidence = weights, confidence
        self.cooldown_bars = cooldown_bars
        self.patience_bars = patience_bars
        self.value = [terms.contract_value for terms in panel.terms]
        self.instruments = range(count)
        self.position = [0] * count
        self.inflight = [0] * count
        self.stopped_until = [0] * count  # no new position before this bar
        self.patient_until = [0] * count  # nothing added to a position before this bar
        self.cash = equity
        self.turnover = 0.0
        self.working: list[_Working] = []
        # Instruments whose last bar comes before the history's, by that bar.
        self.ending: dict[int, list[int]] = {}
        for i, last in enumerate(panel.last_bars.tolist()):
            if last < rows - 1:
                self.ending.setdefault(last, []).append(i)
        self.held = np.zeros((rows, count), dtype=np.int64)
        self.cash_path = np.zeros(rows)
        self.fills: dict[str, list[Any]] = {name: [] for name in FILL_COLUMNS}
        # Of the bar at hand.
        self.bar = 0
        self.time_ns = 0
        self.here: list[bool] = []
        self.closes: list[int] = []

    def step(self, bar: int) -> None:
        """One bar: its events, the orders that are due, the decision at its close."""
        panel, gate = self.panel, self.gate
        open_ns = int(panel.time_ns[bar])
        self.bar = bar
        self.here = panel.present[bar].tolist()
        self.closes = panel.marks[bar, -1].tolist()
        if gate is not None:
            gate.open(bar)
        if self.working:
            self.time_ns = open_ns + FILL_NS
            self._execute()
        self.held[bar] = self.position
        self.cash_path[bar] = self.cash
        if gate is not None:
            gate.rest(bar)
        self.time_ns = open_ns + panel.interval_ns + DECISION_NS
        for i in self.ending.get(bar, ()):
            self._settle(i)
        if gate is not None:
            self._reduce(gate)
            self._stop(gate)
        self._rebalance()
        if gate is not None:
            self.time_ns = open_ns + panel.interval_ns + ACKNOWLEDGE_NS
            for order in self.working:
                if order.due == bar + self.venue.latency_bars:  # sent just now
                    self.time_ns += MICROSECOND
                    gate.acknowledge(self.time_ns, order.handle)

    def _settle(self, i: int) -> None:
        """Close a position at the close of its instrument's last bar, whatever the volume.

        Nothing is sent for the instrument afterwards: its marks stand still.
        """
        bar, gate = self.bar, self.gate
        self._withdraw(gate, i, 0)
        self.here[i] = False
        left = self.position[i]
        if left == 0:
            return
        side, lots = (-1 if left > 0 else 1), abs(left)
        order = _Working(bar, i, side, lots, 0)
        if gate is not None:
            self.time_ns += MICROSECOND
            trust = float(self.confidence[bar, i])
            lots, order.handle = gate.ask(bar, self.time_ns, i, side, lots, trust, SETTLEMENT, left)
            if lots == 0:  # dust below the venue's minimum
                return
            self.time_ns += MICROSECOND
            gate.acknowledge(self.time_ns, order.handle)
        mark, half = self.closes[i], int(self.panel.half_spread[bar, i])
        _, price_ticks = self.venue.execute(side, lots, max(mark - half, 1), mark + half, inf)
        self._book(order, lots, price_ticks, self._worth(self.closes))

    def _worth(self, ticks: list[int]) -> float:
        """Equity at these marks."""
        return self.cash + sum(
            self.position[i] * ticks[i] * self.value[i] for i in self.instruments
        )

    def _execute(self) -> None:
        """Fill or expire the orders that are due at this bar's open."""
        bar, panel = self.bar, self.panel
        opens = panel.marks[bar, 0].tolist()
        worth = self._worth(opens)
        later = []
        for order in self.working:
            if order.due > bar:
                later.append(order)
                continue
            i = order.instrument
            filled = price_ticks = 0
            if self.here[i]:
                half = int(panel.half_spread[bar, i])
                filled, price_ticks = self.venue.execute(
                    order.side,
                    order.lots,
                    max(opens[i] - half, 1),
                    opens[i] + half,
                    float(panel.volume[bar, i]),
                )
            if filled:
                self._book(order, filled, price_ticks, worth)
            if filled < order.lots and self.gate is not None:
                self.time_ns += MICROSECOND
                self.gate.expire(self.time_ns, order.handle)
            self.inflight[i] -= order.side * order.lots
        self.working = later

    def _book(self, order: _Working, lots: int, price_ticks: int, worth: float) -> None:
        """One execution into the ledger, the log and the core."""
        notional = lots * price_ticks * self.value[order.instrument]
        fee = notional * self.venue.fee
        self.cash -= order.side * notional + fee
        self.position[order.instrument] += order.side * lots
        self.turnover += notional / worth
        self.time_ns += MICROSECOND
        row = (self.time_ns, self.bar, order.instrument, order.side, lots, price_ticks, fee)
        for name, item in zip(FILL_COLUMNS, row, strict=True):
            self.fills[name].append(item)
        if self.gate is not None:
            self.gate.fill(self.time_ns, order, lots, price_ticks, fee)

    def _send(self, i: int, side: int, lots: int, purpose: int) -> None:
        """One order: through the gate where there is one, which may shrink or refuse it."""
        self.time_ns += MICROSECOND
        handle = 0
        if self.gate is not None:
            trust, wanted = float(self.confidence[self.bar, i]), lots
            lots, handle = self.gate.ask(
                self.bar, self.time_ns, i, side, wanted, trust, purpose, self.position[i]
            )
            if lots < wanted or purpose != ENTRY:
                self.patient_until[i] = self.bar + self.patience_bars
        if lots:
            due = self.bar + self.venue.latency_bars
            self.working.append(_Working(due, i, side, lots, handle))
            self.inflight[i] += side * lots

    def _reduce(self, gate: Gate) -> None:
        """Send what brings every budget back."""
        for i, side, lots, buys, sells in gate.reductions():
            # Only orders that would open: those that close are counted as done below.
            opening = -side if self.position[i] else 0
            if (buys and opening >= 0) or (sells and opening <= 0):
                self._withdraw(gate, i, opening)
            # What is on its way out already need not be asked for twice.
            lots -= max(0, side * self.inflight[i])
            if not self.here[i] or lots <= 0:
                continue
            least = int(self._least_exit(gate) / (self.closes[i] * self.value[i])) + 1
            left = max(0, -side * (self.position[i] + self.inflight[i]))
            if left >= least:
                self._send(i, side, min(max(lots, least), left), DERISK)

    def _least_exit(self, gate: Gate) -> float:
        """Money below which an exit could be refused as too small."""
        return self.venue.min_notional / gate.worst_price

    def _withdraw(self, gate: Gate | None, i: int, side: int) -> None:
        """Cancel the working orders of an instrument on one side, on both where ``side`` is 0."""
        kept = []
        for order in self.working:
            if order.instrument == i and side in (0, order.side):
                if gate is not None:
                    self.time_ns += MICROSECOND
                    gate.cancel(self.time_ns, order.handle)
                self.inflight[i] -= order.side * order.lots
            else:
                kept.append(order)
        self.working = kept

    def _stop(self, gate: Gate) -> None:
        """Leave the positions whose stops are breached."""
        for i in self.instruments:
            left = self.position[i] + self.inflight[i]
            dust = abs(left) * self.closes[i] * self.value[i] < self._least_exit(gate)
            if self.here[i] and left * self.position[i] > 0 and not dust and gate.stopped(i):
                self._send(i, -1 if left > 0 else 1, abs(left), STOP)
                self.stopped_until[i] = self.bar + self.cooldown_bars

    def _rebalance(self) -> None:
        """Ask for what the strategy wants."""
        worth = self._worth(self.closes)
        wanted = self.weights[self.bar].tolist()
        for i in self.instruments:
            if not self.here[i]:
                continue
            lot_value = self.closes[i] * self.value[i]
            target = int(wanted[i] * worth / lot_value) if worth > 0.0 else 0
            expected = self.position[i] + self.inflight[i]
            change = target - expected
            if change * target > 0 and self.bar < self.stopped_until[i]:
                continue
            if change * expected > 0 and self.bar < self.patient_until[i]:
                continue
            band = REBALANCE_BAND * max(abs(target), abs(expected))
            if abs(change) > band and abs(change) * lot_value >= self.venue.min_notional:
                self._send(i, 1 if change > 0 else -1, abs(change), ENTRY)

    def result(self, equity: float) -> Run:
        """The run, with its equity path worked out from positions and cash."""
        path = equity_path(self.panel, self.held, self.cash_path, equity)
        name = "unprotected" if self.gate is None else "protected"
        return Run(name, self.held, self.cash_path, path, self.fills, self.turnover)


def equity_path(
    panel: Panel, held: NDArray[np.int64], cash: NDArray[np.float64], equity: float
) -> NDArray[np.float64]:
    """Equity at five moments of each bar, from positions and cash alone.

    Parameters
    ----------
    panel : Panel
        Marks.
    held : int64[n, instruments], lots
        After the fills at each open.
    cash : float64[n], money
        After those fills.
    equity : float, money
        Before the first bar.

    Returns
    -------
    float64[n, 5], money
        Before the fills at the open, after them, first extreme, second extreme, close.
    """
    value = np.array([terms.contract_value for terms in panel.terms])
    lots = held * value
    path = np.empty((len(panel), panel.marks.shape[1] + 1))
    for point in range(panel.marks.shape[1]):
        path[:, point + 1] = cash + (lots * panel.marks[:, point]).sum(axis=1)
    path[0, 0] = equity
    path[1:, 0] = cash[:-1] + (lots[:-1] * panel.marks[1:, 0]).sum(axis=1)
    return path


def run_figures(
    panel: Panel,
    run: Run,
    equity: float,
    covariance: NDArray[np.float64],
    var_multiplier: float,
) -> Figures:
    """Figures of a run, its VaR judged by the covariance that the core held at each bar's start.

    Parameters
    ----------
    panel : Panel
    run : Run
    equity : float, money
        At the start.
    covariance : float64[n, instruments, instruments], fraction^2
        Of one bar's returns, as known at each close.
    var_multiplier : float, fraction
        95 % VaR of one standard deviation.
    """
    value = np.array([terms.contract_value for terms in panel.terms])
    money = run.held * value * panel.marks[:, 0]
    pnl = (run.held * value * (panel.marks[:, -1] - panel.marks[:, 0])).sum(axis=1)
    variance = np.zeros(len(panel))
    variance[1:] = np.einsum("ti,tij,tj->t", money[1:], covariance[:-1], money[1:])
    var = var_multiplier * np.sqrt(np.maximum(variance, 0.0))
    return figures(
        start_equity=equity,
        close_ns=panel.close_ns,
        path=run.path,
        gross=np.abs(money).sum(axis=1),
        bar_pnl=pnl,
        bar_var=var,
        turnover=run.turnover,
        fees=float(np.sum(run.fills["fee"])),
        fills=len(run.fills["lots"]),
    )
