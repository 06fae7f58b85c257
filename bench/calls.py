"""The same work from Python, through ``riskcore._core.Core``, one call at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.cases import CASES
from bench.figures import PYTHON, Figure, time_calls
from riskcore import codes
from riskcore._core import DEFAULT_SHAPE, Core
from riskcore.layout import Shape, record_dtype
from riskcore.profile import workload

INSTRUMENTS = 64
SIZES = (16, 64, 256, 512)  # instruments of a portfolio update
QUICK_SIZES = (16, 64)  # the code of larger shapes must be emitted first
KELLY_INSTRUMENTS = CASES["kelly"].instruments
OPEN_ORDERS = 200
ORDER_FIELDS = (
    "instrument",
    "strategy",
    "side",
    "type",
    "time_in_force",
    "order_flags",
    "lots",
    "price_ticks",
    "stop_ticks",
    "confidence",
)
KINDS = {
    "approve": "Core.check, approved",
    "reject": "Core.check, rejected",
    "resize": "Core.check, resized",
    "exit": "Core.check, exit",
}
POSITION = "position: on_quote, compute_position_risk, size"
PORTFOLIO = "portfolio: on_sample, advance, compute_portfolio_risk"


class Desk:
    """A core with the account of `workload`, and arguments for its calls.

    The shape is the default one where the instruments fit, else one of their number.
    """

    def __init__(self, instruments: int = INSTRUMENTS, open_orders: int = OPEN_ORDERS) -> None:
        room = DEFAULT_SHAPE.instruments
        self.core = Core(Shape(instruments=instruments) if instruments > room else DEFAULT_SHAPE)
        self.instruments = instruments
        self.now = workload.build(self.core, instruments, open_orders)
        self.identifiers = count(1 << 40)
        self.books = workload.quotes(instruments, 64, seed=7).tolist()
        self.orders = {
            orders.name: [
                tuple(row[name].item() for name in ORDER_FIELDS) for row in orders.records
            ]
            for orders in workload.orders(instruments)
        }
        self.work = f"{instruments} instruments"
        signal = workload.signal()[0]
        for name in signal.dtype.names:
            if name != "padding":
                self.core.signal[name] = signal[name]

    def next_order(self, kind: str, k: int) -> tuple[Any, ...]:
        """Arguments of `Core.check` for order `k`, with a new identifier and time.

        What the order before reserved is released.
        """
        handle = int(self.core.decision.handle)
        if handle:
            self.core.on_ack(self.now, handle, handle)
            self.core.on_canceled(self.now, handle)
        self.now += 1_000
        listed = self.orders[kind]
        return (next(self.identifiers), self.now, *listed[k % len(listed)])

    def next_quote(self, k: int) -> tuple[Any, ...]:
        """Arguments of `Core.on_quote`."""
        self.now += 1_000
        i = k * 29 % self.instruments
        return (self.now, i, *self.books[k // self.instruments % 64][i])

    def verify(self, kind: str) -> None:
        """Raise RuntimeError where an order of a kind does not get the answer of its kind."""
        expected = {"resize": codes.RESIZE, "reject": codes.REJECT}.get(kind, codes.APPROVE)
        if self.core.check(*self.next_order(kind, 0)) != expected:
            raise RuntimeError(f"{kind}: {codes.check_names(tuple(self.core.decision.reasons))}")

    def position(self, *quote: int) -> None:
        """One position's whole risk after a quote."""
        core = self.core
        core.on_quote(*quote)
        core.compute_position_risk(quote[1])
        core.size()

    def next_update(self, k: int) -> tuple[int]:
        """Every book moves; the time of the sample that follows."""
        for i in range(self.instruments):
            self.core.on_quote(*self.next_quote(k * self.instruments + i))
        self.now += 1_000
        return (self.now,)

    def update(self, time_ns: int) -> None:
        """One sample, its covariance pass to the end, and all portfolio figures."""
        core = self.core
        core.on_sample(time_ns)
        while core.advance(1_024) == codes.BUSY:
            pass
        core.compute_portfolio_risk()


class KellyDesk(Desk):
    """Expected returns, and bounds that bind for some of the weights."""

    def __init__(self) -> None:
        super().__init__(KELLY_INSTRUMENTS)
        status = self.core.set_parameters(self.now, workload.bounded_parameters(self.core))
        if status != codes.OK:
            raise RuntimeError(f"bounds: {codes.STATUS_NAMES.get(status, status)}")
        self.returns = workload.expected_returns(self.core, self.instruments)
        self.weights = np.zeros(self.core.shape.instruments)

    def next_returns(self, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Arguments of `Core.kelly`."""
        return self.returns[k % len(self.returns)], self.weights


def measure(rounds: int, calls: int, sizes: Iterable[int] = SIZES) -> list[Figure]:
    """Figures of every call that a Python engine makes often.

    Parameters
    ----------
    rounds, calls : int
        Rounds of so many calls each, fewer of what takes long.
    sizes : iterable of int
        Instruments of the portfolios.
    """
    desk = Desk()
    core, found = desk.core, []

    def add(
        name: str,
        prepare: Callable[[int], tuple[Any, ...]],
        call: Callable[..., Any],
        calls: int = calls,
        target_p50: float = 0.0,
        work: str = desk.work,
        watched: bool = False,
    ) -> None:
        times = time_calls(prepare, call, rounds, calls, watched=watched)
        found.append(Figure(PYTHON, name, work, target_p50=target_p50, **times))

    for kind, title in KINDS.items():
        desk.verify(kind)
        add(
            title,
            lambda k, kind=kind: desk.next_order(kind, k),
            core.check,
            target_p50=200.0 if kind == "approve" else 0.0,
            work=f"{desk.work}, {OPEN_ORDERS} open orders",
        )
    add("Core.on_quote", desk.next_quote, core.on_quote)
    add(POSITION, desk.next_quote, desk.position, watched=True)
    add("Core.size", lambda k: (), core.size)
    kelly = KellyDesk()
    add("Core.kelly, with bounds", kelly.next_returns, kelly.core.kelly, work=kelly.work)
    for size in sizes:
        of = desk if size == INSTRUMENTS else Desk(size)
        add(PORTFOLIO, of.next_update, of.update, calls // 10 + 1, work=of.work, watched=True)
    rate = replay_rate(rounds)
    found.append(
        Figure(
            PYTHON,
            "replay: an event of Core.apply_many",
            f"5 instruments, {rate / 1e6:.1f} million events/s",
            1e9 / rate,
            target_p50=2_000.0,
        )
    )
    return found


def bar_events(instruments: int, bars: int, start_ns: int) -> NDArray[np.void]:
    """Events of a replay: per bar and instrument four quotes and a trade, then one sample."""
    books = workload.quotes(instruments, 4 * bars, seed=11)
    size = instruments * 5 + 3
    events = np.zeros(bars * size, dtype=record_dtype("event"))
    k = 0
    for bar in range(bars):
        now = start_ns + (bar + 1) * 60 * workload.SECOND
        for step in range(4):
            for i in range(instruments):
                bid, bid_lots, ask, ask_lots = books[4 * bar + step, i]
                row = events[k]
                row["kind"], row["time_ns"], row["instrument"] = codes.EVENT_QUOTE, now + step, i
                row["price_ticks"], row["lots"] = bid, bid_lots
                row["price_ticks_2"], row["lots_2"] = ask, ask_lots
                k += 1
        for i in range(instruments):
            row = events[k]
            row["kind"], row["time_ns"], row["instrument"] = codes.EVENT_TRADE, now + 4, i
            row["price_ticks"], row["lots"] = books[4 * bar + 3, i, 0], 1_000
            k += 1
        for kind in (codes.EVENT_CLOCK, codes.EVENT_SAMPLE, codes.EVENT_ADVANCE):
            events[k]["kind"], events[k]["time_ns"], events[k]["lots"] = kind, now + 5, 1_024
            k += 1
    return events


def replay_rate(rounds: int, bars: int = 2_000) -> float:
    """Events a second through `Core.apply_many`: five instruments held, the best round."""
    desk = Desk(5, 20)
    events = bar_events(5, bars, desk.now)
    image = desk.core.state_bytes()
    best = 0.0
    for _ in range(rounds):
        desk.core.load_state(image)
        start = perf_counter()
        applied = desk.core.apply_many(events)
        seconds = perf_counter() - start
        if applied != len(events):
            raise RuntimeError(f"replay: event {applied} was refused")
        best = max(best, len(events) / seconds)
    return best
