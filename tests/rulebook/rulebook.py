"""The rule book of the gate in plain Python: slow, simple, and independent of the kernels.

It shares nothing with the kernels but the numbers of the codes. Where the core keeps running sums,
this adds up from primary facts at every order: contract terms, marks, rates, lots and cost of the
positions, the table of working orders, balances. Outputs of models are read as they stand: 24 h
volatility, covariance matrix with its product and variance, stop fractions, cluster labels, shocks.

Each rule is one small function of the case and of a number of lots. It returns

- ``True`` or ``False`` where it is a plain objection, or
- readings ``(measure, limit)``, which pass while ``measure <= limit``, or
- readings of sums ``(measure, limit, before)``, which pass as well while ``measure <= before``: an
  order that does not worsen a breached limit goes through.

``judge(state, order)`` answers with a ``Verdict``.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from riskcore import codes
from riskcore.codes import CHECKS

MAGIC = int.from_bytes(b"RISKCORE", "little")
ABI_VERSION = 1
NEAR = 1e-12  # relative distance from a limit within which two ways of adding up may differ
Lots = int | None  # of the order that is judged; None for the state as it is without it


class Reading(NamedTuple):
    """One measure against its limit; ``scale`` is the size of what was added up to get them.

    ``moved`` tells, apart from the sums, whether the order moves the measure at all.
    """

    measure: float
    limit: float
    before: float | None = None
    scale: float = 0.0
    moved: bool = False

    def passes(self) -> bool:
        """Whether the measure is within the limit, or not worse than before."""
        if self.measure <= self.limit:
            return True
        return self.before is not None and self.measure <= self.before

    def utilisation(self) -> float:
        """Measure over limit; infinite where the limit is nothing and the measure is not."""
        if self.limit > 0:
            return max(0.0, self.measure / self.limit)
        return math.inf if self.measure > 0 else 0.0

    def slack(self) -> float:
        """What rounding in what was added up may change the utilisation by."""
        if self.limit > 0:
            return NEAR * abs(self.scale) / self.limit * (1.0 + self.utilisation())
        lost = NEAR * abs(self.scale)
        return math.inf if abs(self.measure) <= lost or 0 < abs(self.limit) <= lost else 0.0

    def is_near(self) -> bool:
        """Whether another order of additions could decide otherwise. Exact integers never are."""
        if isinstance(self.measure, int) and isinstance(self.limit, int):
            return False
        scale = max(abs(self.measure), abs(self.limit), abs(self.scale))
        if scale > 0 and abs(self.measure - self.limit) <= NEAR * scale:
            return True
        if self.before is None or self.measure <= self.limit:
            return False
        scale = max(scale, abs(self.before))
        difference = abs(self.measure - self.before)
        # A tie is exact where the order moves nothing; else rounding has lost what it moves.
        return difference <= NEAR * scale and (difference > 0 or self.moved)


class Change(NamedTuple):
    """A sum with the order and without it, and whether the order moves it at all."""

    after: float
    before: float
    moved: bool

    def __add__(self, other: Any) -> Change:
        """Sum of two sums."""
        moved = self.moved or other.moved
        return Change(self.after + other.after, self.before + other.before, moved)

    def __mul__(self, factor: Any) -> Change:
        """The sum in another measure."""
        return Change(self.after * factor, self.before * factor, self.moved)

    def against(self, limit: float, scale: float = 0.0) -> Reading:
        """Its reading against a limit."""
        return Reading(self.after, limit, self.before, scale, self.moved)


@dataclass
class Verdict:
    """What the rule book says about one order."""

    action: int = codes.REJECT
    status: int = codes.OK
    lots: int = 0
    exit_lots: int = 0
    reasons: tuple[int, int] = (0, 0)
    first_check: int = -1
    layer: int = 0
    price_ticks: int = 0
    evaluated: bool = False
    near: list[tuple[float, int]] = field(default_factory=list)
    answers: dict[int, Any] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    equity_is_lost: bool = False  # in the rounding of what it is made of
    utilised: list[list[tuple[int, Reading]]] = field(default_factory=list)  # of each layer

    def object_with(self, checks: list[int]) -> None:
        """Enter objections: their bits, and the first of the lowest layer."""
        words = list(self.reasons)
        for number in checks:
            words[number // 64] |= 1 << number % 64
        self.reasons = (words[0], words[1])
        ranked = [c for c in CHECKS.values() if words[c.number // 64] >> c.number % 64 & 1]
        if ranked:
            first = min(ranked, key=lambda c: (c.layer, c.number))
            self.first_check, self.layer = first.number, first.layer

    def names(self) -> list[str]:
        """Names of the objections."""
        return codes.check_names(self.reasons)


# --- the facts ------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _tuple_type(dtype: np.dtype) -> Any:
    return namedtuple("Row", dtype.names or ())  # type: ignore[misc]


def one(record: Any) -> Any:
    """A record as a named tuple of plain numbers."""
    return _tuple_type(record.dtype)._make(record.tolist())


def rows(records: Any) -> list[Any]:
    """An array of records as a list of named tuples of plain numbers."""
    make = _tuple_type(records.dtype)._make
    return [make(row) for row in records.tolist()]


def lot_value(kind: int, contract_value: float, price: float, rate: float) -> float:
    """Value of one lot at a price in ticks, in account money; nothing without a price."""
    if not price > 0:
        return 0.0
    if kind == codes.INVERSE:
        return contract_value / price * rate
    return contract_value * price * rate


class Case:
    """One order before one state, with everything that the rules ask about.

    Parameters
    ----------
    state : record of layout.state_dtype
        Read, never written.
    order : record of layout ``order``
        With valid instrument and strategy indices.
    replaced : row of the order table, optional
        The working order that this one replaces: its lots do not count beside it. Its price does
        until the venue has answered.
    """

    def __init__(self, state: Any, order: Any, replaced: Any = None) -> None:
        header = one(state["header"])
        count = header.instrument_count
        self.order, self.replaced = order, replaced
        self.released = replaced.reserved_lots if replaced else 0
        self.header = header
        self.limits = one(state["parameters"])
        self.account = one(state["account"])
        self.regime = one(state["regime"])
        self.system = one(state["system"])
        self.instruments = rows(state["instruments"][:count])
        self.markets = rows(state["market"][:count])
        self.positions = rows(state["positions"][:count])
        self.volatility = state["volatility"]["volatility"][:count].tolist()
        self.currencies = rows(state["currencies"][: header.currency_count])
        self.holdings = rows(state["holdings"][order.strategy, :count])
        self.strategy = one(state["strategies"][order.strategy])
        self.i = order.instrument
        self.terms = self.instruments[self.i]
        self.market = self.markets[self.i]
        self.position = self.positions[self.i]
        self.venue = one(state["venues"][self.terms.venue])
        self.balances = state["balances"]["amount"]
        self.scenarios = rows(state["scenarios"][: header.scenario_count])
        self.downs = state["shocks"]["down"][:count].tolist()
        self.ups = state["shocks"]["up"][:count].tolist()
        covariance = state["covariance"]
        self.clusters = covariance["cluster"][:count].tolist()
        self.product = float(covariance["product"][self.i])
        self.diagonal = float(covariance["matrix"][self.i, self.i])
        self._read_clock()
        self._read_working_orders(state["orders"])
        self._value()
        self._split()
        self._others: dict[Any, float] = {}

    # time

    def _read_clock(self) -> None:
        # The order is judged on the state as it stands: the tallies of the day and the count of
        # events at one time are those before its own time moves the clock.
        self.now = max(self.order.time_ns, self.header.last_time_ns)

    # working orders

    def _read_working_orders(self, table: Any) -> None:
        count = len(self.instruments)
        self.buys, self.sells = [0] * count, [0] * count
        self.strategy_buys, self.strategy_sells = [0] * count, [0] * count
        self.best_bids, self.best_asks, self.open_orders = [0] * count, [0] * count, 0
        for slot in rows(table[table["status"] != codes.ORDER_FREE]):
            self.open_orders += 1
            is_buy = slot.side == codes.BUY
            (self.buys if is_buy else self.sells)[slot.instrument] += slot.reserved_lots
            if slot.strategy == self.order.strategy:
                working = self.strategy_buys if is_buy else self.strategy_sells
                working[slot.instrument] += slot.reserved_lots
            # A replace that is not settled may trade at its new price already.
            for price in (slot.price_ticks, slot.replace_ticks):
                if price > 0 and is_buy:
                    best = self.best_bids[slot.instrument]
                    self.best_bids[slot.instrument] = max(best, price)
                elif price > 0:
                    best = self.best_asks[slot.instrument]
                    self.best_asks[slot.instrument] = min(best, price) if best else price
        self.best_bid, self.best_ask = self.best_bids[self.i], self.best_asks[self.i]
        if self.replaced:
            self.open_orders -= 1
            is_buy = self.order.side == codes.BUY
            for lots in (
                (self.buys, self.strategy_buys) if is_buy else (self.sells, self.strategy_sells)
            ):
                lots[self.i] -= self.released

    # values

    def rate(self, currency: int) -> float:
        """Account money per unit of a currency; nothing while unknown."""
        row = self.currencies[currency]
        return 1.0 if row.is_account else row.rate

    def mark(self, j: int) -> float:
        """Mark in ticks; nothing while unset."""
        return self.markets[j].mark if self.markets[j].mark_set else 0.0

    def _value(self) -> None:
        every = range(len(self.instruments))
        self.values = [
            lot_value(t.kind, t.contract_value, self.mark(j), self.rate(t.currency))
            for j, t in enumerate(self.instruments)
        ]
        self.value = self.values[self.i]
        self.linked = [0.0] * len(self.instruments)
        amounts = self.balances.tolist()
        totals = [sum(row[c] for row in amounts) for c in range(len(self.currencies))]
        cash = [total * self.rate(c) for c, total in enumerate(totals)]
        for c, row in enumerate(self.currencies):
            if not row.is_account and 0 < row.instrument <= len(self.linked):
                self.linked[row.instrument - 1] += cash[c]
        self.cash = cash
        self.at_rate = list(cash)
        gains = [
            self.unrealized(j, self.positions[j].net_lots, self.positions[j].cost) for j in every
        ]
        spot = codes.SPOT
        contributions = [
            self.positions[j].net_lots * self.values[j]
            if self.instruments[j].kind == spot
            else gains[j]
            for j in every
        ]
        for j in every:
            # Open profit settled in a currency moves with it as the balance does.
            if self.instruments[j].kind != spot:
                self.at_rate[self.instruments[j].currency] += gains[j]
        self.equity = sum(cash) + sum(contributions)
        self.money_scale = sum(map(abs, cash)) + sum(
            abs(p.net_lots) * v for p, v in zip(self.positions, self.values, strict=True)
        )
        at_venue = self.terms.venue
        self.venue_equity = sum(
            amount * self.rate(c) for c, amount in enumerate(amounts[at_venue][: len(cash)])
        ) + sum(
            gains[j]
            for j in every
            if self.instruments[j].venue == at_venue and self.instruments[j].kind != spot
        )
        own = [self.unrealized(j, h.lots, h.cost) for j, h in enumerate(self.holdings)]
        self.strategy_pnl = self.strategy.realized + sum(own)
        self.strategy_scale = abs(self.strategy.realized) + sum(
            abs(h.lots) * v for h, v in zip(self.holdings, self.values, strict=True)
        )

    def unrealized(self, j: int, lots: int, cost: float) -> float:
        """Gain of lots with that cost at the mark, in account money."""
        terms, mark = self.instruments[j], self.mark(j)
        if lots == 0 or not mark > 0:
            return 0.0
        gain = cost - lots / mark if terms.kind == codes.INVERSE else lots * mark - cost
        return gain * terms.contract_value * self.rate(terms.currency)

    # the order

    def _split(self) -> None:
        side, order = self.order.side, self.order
        held = side * self.position.net_lots
        self.working_same_side = self.buys[self.i] if side == codes.BUY else self.sells[self.i]
        self.exit_capacity = max(0, -held - self.working_same_side) if held < 0 else 0
        if self.replaced:
            # What only takes back of an order is judged like an exit.
            further = side * (order.price_ticks - self.replaced.price_ticks) <= 0
            if further and order.lots <= self.replaced.lots - self.replaced.filled_lots:
                self.exit_capacity = max(self.exit_capacity, order.lots)
        self.exit_lots = min(order.lots, self.exit_capacity)
        price = float(order.price_ticks)
        self.price_ticks = order.price_ticks
        if order.type != codes.LIMIT:
            price = self.mark(self.i) * (1.0 + side * self.limits.price_collar)
            self.price_ticks = max(1, math.floor(price))
        self.value_at_price = lot_value(
            self.terms.kind, self.terms.contract_value, price, self.rate(self.terms.currency)
        )
        self.is_good = self.market.quote_state == codes.QUOTE_GOOD
        self.is_stale = self.now - self.market.quote_time_ns > self.limits.max_quote_age_ns

    def opening(self, n: int) -> int:
        """Lots of an order of n that are not exit."""
        return max(0, n - self.exit_capacity)

    def added(self, j: int, n: Lots) -> tuple[int, int]:
        """Buys and sells that work in an instrument beside the others: n, or what n replaces."""
        if j != self.i:
            return 0, 0
        lots = self.released if n is None else n
        return (lots, 0) if self.order.side == codes.BUY else (0, lots)

    def own_end(self, n: Lots) -> int:
        """Lots held in the order's direction if everything working there and n more fill."""
        lots = sum(self.added(self.i, n))
        return self.order.side * self.position.net_lots + self.working_same_side + lots

    def ends(self, j: int, n: Lots) -> tuple[int, int]:
        """Long and short end of an instrument with n more lots working if it is the order's."""
        (more_buys, more_sells), net = self.added(j, n), self.positions[j].net_lots
        return net + self.buys[j] + more_buys, net - self.sells[j] - more_sells

    def through_the_mark(self, j: int, n: Lots) -> tuple[float, float]:
        """Money that the working buys, and the sells, lose at once by filling through the mark.

        All of a side are taken to fill at its best own price, the order's included. A loss
        in a foreign currency is counted at the highest rate of any scenario.
        """
        mark, terms = self.mark(j), self.instruments[j]
        if not mark > 0:
            return 0.0, 0.0
        bid, ask = self.best_bids[j], self.best_asks[j]
        more_buys, more_sells = self.added(j, n)
        buys, sells = self.buys[j] + more_buys, self.sells[j] + more_sells
        if j == self.i and n is not None and self.order.side == codes.BUY:
            bid = max(bid, self.price_ticks)
        elif j == self.i and n is not None:
            ask = min(ask, self.price_ticks) if ask else self.price_ticks
        rate = self.rate(terms.currency)

        def worth(price: float) -> float:
            return lot_value(terms.kind, terms.contract_value, price, rate)

        bought = abs(worth(bid) - worth(mark)) if bid > mark else 0.0
        sold = abs(worth(mark) - worth(ask)) if 0 < ask < mark else 0.0
        dearer = 1.0 + self.rise(terms.currency)
        return buys * bought * dearer, sells * sold * dearer

    def rise(self, c: int) -> float:
        """Largest rise of a currency's rate in any scenario, as a fraction."""
        row = self.currencies[c]
        if row.is_account:
            return 0.0
        if row.instrument > 0:
            return max([0.0, *self.ups[row.instrument - 1][: len(self.scenarios)]])
        return float(row.shock)

    def size(self, j: int, n: Lots) -> int:
        """Lots at the larger end."""
        long_end, short_end = self.ends(j, n)
        return max(long_end, -short_end)

    def gross(self, j: int, n: Lots) -> float:
        """Money at the larger end, and the balance that moves with the instrument."""
        return self.size(j, n) * self.values[j] + abs(self.linked[j])

    def working(self, j: int) -> int:
        """Lots of other orders working on both sides."""
        return self.buys[j] + self.sells[j]

    def total(
        self,
        key: Any,
        contribution: Callable[[int, Lots], float | tuple[float, ...]],
        n: int,
        members: Callable[[int], bool] = lambda j: True,
    ) -> Change:
        """Sum over the instruments with n more lots and as it is without the order.

        Of a contribution that is a tuple the largest counts. It is moved where one that the order
        has changed counts now, or would but for rounding.
        """

        def ends(j: int, m: Lots) -> tuple[float, ...]:
            value = contribution(j, m)
            return value if isinstance(value, tuple) else (value,)

        if key not in self._others:
            self._others[key] = sum(
                max(ends(j, None))
                for j in range(len(self.instruments))
                if j != self.i and members(j)
            )
        others = self._others[key]
        new, old = ends(self.i, n), ends(self.i, None)
        after, before = max(new), max(old)
        least = min(after, before) - NEAR * max(abs(after), abs(before))
        moved = any(x != y and x >= least for x, y in zip(new, old, strict=True))
        return Change(others + after, others + before, moved)

    # figures that several rules share

    @property
    def drawdown(self) -> float:
        """Fall of equity from its peak."""
        peak = self.account.high_water_mark
        return max(0.0, 1.0 - self.equity / peak) if peak > 0 else 0.0

    @property
    def budget(self) -> float:
        """What may still be lost before the drawdown limit."""
        return self.equity - self.account.high_water_mark * (1.0 - self.limits.max_drawdown)

    def sigma(self, n: Lots) -> float:
        """24 h deviation: filled portfolio with this order, and the other working ones on top."""
        change = self.order.side * (n or 0) * self.value
        variance = (
            self.account.variance + 2.0 * change * self.product + change * change * self.diagonal
        )
        filled = math.sqrt(max(0.0, variance) * self.limits.samples_per_day)
        if "working" not in self._others:
            self._others["working"] = sum(
                self.working(j) * self.values[j] * self.volatility[j]
                for j in range(len(self.instruments))
            )
        if n is None:
            filled += self.released * self.value * self.volatility[self.i]
        return filled + self._others["working"]

    def sigmas(self, n: int) -> Change:
        """Deviation with n lots of this order and without it."""
        moved = n * self.value != 0.0 and (self.product != 0.0 or self.diagonal != 0.0)
        return Change(self.sigma(n), self.sigma(None), moved or self.released > 0)

    def gross_total(self, n: int) -> Change:
        """Gross exposure of the account."""
        return self.total("gross", self.gross, n)

    def strategy_gross(self, n: int) -> Change:
        """Gross exposure of the strategy."""

        def gross(j: int, m: Lots) -> float:
            (buys, sells), lots = self.added(j, m), self.holdings[j].lots
            buys, sells = buys + self.strategy_buys[j], sells + self.strategy_sells[j]
            return max(lots + buys, sells - lots) * self.values[j]

        return self.total("strategy", gross, n)

    def currency_loss(self, s: int) -> float:
        """Loss of foreign money in a scenario: by the linked instrument's moves or by shock."""
        loss = 0.0
        for c, row in enumerate(self.currencies):
            if row.is_account:
                continue
            if row.instrument > 0:
                k = row.instrument - 1
                held = self.at_rate[c]
                loss += max(0.0, held * self.downs[k][s], -held * self.ups[k][s])
            else:
                loss += abs(self.at_rate[c]) * row.shock
        return loss

    def scenario_loss(self, s: int, n: int) -> Change:
        """Loss in a scenario: the larger end of each instrument, no offset."""

        def loss(j: int, m: Lots) -> tuple[float, ...]:
            long_end, short_end = self.ends(j, m)
            down, up = self.downs[j][s], self.ups[j][s]
            buying, selling = self.through_the_mark(j, m)
            fall = long_end * self.values[j] * down + buying
            rise = -short_end * self.values[j] * up + selling
            # Both sides may fill: what is through the mark costs that even where its lots gain.
            filled = (long_end + short_end - self.positions[j].net_lots) * self.values[j]
            both = max(filled * down, -filled * up) + buying + selling
            return 0.0, fall, rise, both

        if ("currency", s) not in self._others:
            self._others["currency", s] = self.currency_loss(s)
        rest = self._others["currency", s]
        return self.total(("scenario", s), loss, n) + Change(rest, rest, False)

    def taking(self) -> bool:
        """Whether the order would take from the book."""
        order, market = self.order, self.market
        if order.type != codes.LIMIT:
            return True
        if order.side == codes.BUY:
            return market.ask_ticks > 0 and order.price_ticks >= market.ask_ticks
        return market.bid_ticks > 0 and order.price_ticks <= market.bid_ticks

    def traded_lots(self) -> float:
        """Lots traded in the liquidity window, the older bucket fading out."""
        window, market = self.limits.liquidity_window_ns, self.market
        if window <= 0:
            return 0.0
        start = self.now - self.now % window
        elapsed = (self.now - start) / window
        if start == market.traded_bucket_ns:
            return market.traded_lots + market.traded_lots_before * (1.0 - elapsed)
        if start == market.traded_bucket_ns + window:
            return market.traded_lots * (1.0 - elapsed)
        return 0.0

    def flash_range(self) -> tuple[float, float]:
        """Lowest and highest mark of the flash window."""
        window, market, mark = self.limits.flash_window_ns, self.market, self.mark(self.i)
        if window <= 0 or not market.mark_set:
            return mark, mark
        start = self.now - self.now % window
        if start == market.flash_bucket_ns:
            return (
                min(market.flash_low, market.flash_low_before),
                max(market.flash_high, market.flash_high_before),
            )
        if start == market.flash_bucket_ns + window:
            return min(mark, market.flash_low), max(mark, market.flash_high)
        return mark, mark


# --- the rules ------------------------------------------------------------------------------------

Answer = Any
Rule = Callable[[Case, int], Answer]
RULES: dict[int, Rule] = {}


def rule(number: int) -> Callable[[Rule], Rule]:
    """Enter a function into the book under the number of its check."""

    def enter(function: Rule) -> Rule:
        assert number not in RULES
        RULES[number] = function
        return function

    return enter


def readings(answer: Answer) -> Iterator[Reading]:
    """The readings in an answer; a plain objection has none."""
    if isinstance(answer, Reading):
        yield answer
    elif isinstance(answer, list):
        yield from answer
    elif not isinstance(answer, bool):
        raise TypeError(f"a rule answered {answer!r}")


def objects(answer: Answer) -> bool:
    """Whether an answer is an objection."""
    if isinstance(answer, bool):
        return answer
    return not all(reading.passes() for reading in readings(answer))


# layer 7, system


@rule(codes.KILL_SWITCH)
def _(c: Case, n: int) -> Answer:
    return c.system.kill != 0


@rule(codes.ACCOUNT_IN_REDUCE_ONLY)
def _(c: Case, n: int) -> Answer:
    return c.account.latches != 0


@rule(codes.LATENCY_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    return Reading(c.system.latency_ewma_ns, float(c.limits.max_latency_ns))


@rule(codes.ERROR_RATE_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    return Reading(c.system.error_arrival_ns - c.now, c.limits.error_burst_ns)


@rule(codes.CLOCK_BACKWARDS)
def _(c: Case, n: int) -> Answer:
    return c.order.time_ns < c.header.last_time_ns


@rule(codes.CLOCK_STALLED)
def _(c: Case, n: int) -> Answer:
    return Reading(c.system.same_time_events, c.limits.max_same_time_events)


@rule(codes.DATA_GAP)
def _(c: Case, n: int) -> Answer:
    if c.system.last_quote_ns == 0:
        return True
    return Reading(c.now - c.system.last_quote_ns, c.limits.max_data_gap_ns)


@rule(codes.MONITOR_SILENT)
def _(c: Case, n: int) -> Answer:
    last_word = c.system.monitor_heartbeat_ns
    if not c.limits.require_monitor and last_word == 0:
        return False
    return Reading(c.now - last_word, c.limits.monitor_timeout_ns)


@rule(codes.INSTRUMENT_UNRECONCILED)
def _(c: Case, n: int) -> Answer:
    latches = c.position.latches & ~codes.LATCH_REPEATED_EXECUTION
    return latches != 0 or c.position.unknown_orders > 0


# layer 1, position


@rule(codes.ORDER_LOTS_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    return Reading(c.opening(n), c.terms.max_order_lots)


@rule(codes.ORDER_NOTIONAL_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    return Reading(c.opening(n) * c.value_at_price, c.terms.max_order_notional)


@rule(codes.POSITION_LOTS_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    return Reading(max(0, c.own_end(n)), c.terms.max_position_lots)


@rule(codes.POSITION_NOTIONAL_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    return Reading(max(0, c.own_end(n)) * c.value, c.terms.max_position_notional)


@rule(codes.POSITION_SHARE_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    measure = max(0, c.own_end(n)) * c.value
    return Reading(measure, c.limits.max_position_share * c.equity)


@rule(codes.POSITION_STOP_LOSS_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    is_buy = c.order.side == codes.BUY
    fraction = c.position.stop_fraction_long if is_buy else c.position.stop_fraction_short
    loss = max(0, c.own_end(n)) * c.value * fraction * c.regime.risk_multiplier
    return Reading(loss, c.limits.max_position_risk * c.equity)


@rule(codes.POSITION_VAR_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    deviation = max(0, c.own_end(n)) * c.value * c.volatility[c.i]
    risk = deviation * c.limits.var_multiplier * c.regime.risk_multiplier
    return Reading(risk, c.limits.max_position_risk * c.equity)


@rule(codes.STOP_BREACHED)
def _(c: Case, n: int) -> Answer:
    return c.position.stop_breached != 0


def _maintenance(c: Case, n: int) -> Change:
    def contribution(j: int, m: Lots) -> float:
        if c.instruments[j].kind == codes.SPOT:
            return 0.0
        return c.instruments[j].maintenance_margin * c.size(j, m) * c.values[j]

    venue = c.terms.venue
    return c.total("maintenance", contribution, n, lambda j: c.instruments[j].venue == venue)


@rule(codes.LIQUIDATION_DISTANCE_BELOW_MIN)
def _(c: Case, n: int) -> Answer:
    if c.terms.kind == codes.SPOT:
        return False
    after, before = (
        c.limits.min_liquidation_distance * c.value * max(0, c.own_end(m)) for m in (n, None)
    )
    need = _maintenance(c, n) + Change(after, before, after != before)
    return need.against(c.venue_equity, c.money_scale)


@rule(codes.SHORTING_NOT_ALLOWED)
def _(c: Case, n: int) -> Answer:
    if c.terms.shorting_allowed or c.order.side == codes.BUY:
        return False
    return Reading(c.own_end(n), 0)


@rule(codes.REDUCE_ONLY_WOULD_OPEN)
def _(c: Case, n: int) -> Answer:
    if not c.order.order_flags & codes.REDUCE_ONLY:
        return False
    return Reading(c.opening(n), 0)


@rule(codes.INSTRUMENT_CLOSE_ONLY)
def _(c: Case, n: int) -> Answer:
    expired = c.terms.expiry_ns > 0 and c.now >= c.terms.expiry_ns
    return c.terms.state == codes.CLOSE_ONLY or expired


# layer 2, portfolio


@rule(codes.GROSS_LEVERAGE_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    return c.gross_total(n).against(c.limits.max_gross_leverage * c.equity)


@rule(codes.NET_LEVERAGE_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    ends = (
        c.total("long", lambda j, m: c.ends(j, m)[0] * c.values[j], n),
        c.total("short", lambda j, m: c.ends(j, m)[1] * c.values[j], n) * -1.0,
    )
    # Each end against the larger one before: the moved end may come up to the other one.
    before = max(end.before for end in ends)
    limit, scale = c.limits.max_net_leverage * c.equity, c.gross_total(n).after
    return [Reading(end.after, limit, before, scale, end.moved) for end in ends]


@rule(codes.PORTFOLIO_VAR_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    multiplier = c.limits.var_multiplier * c.regime.risk_multiplier
    return (c.sigmas(n) * multiplier).against(c.limits.var_95 * c.equity)


@rule(codes.EXPECTED_SHORTFALL_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    multiplier = c.limits.es_multiplier * c.regime.risk_multiplier
    return (c.sigmas(n) * multiplier).against(c.limits.expected_shortfall * c.equity)


@rule(codes.PORTFOLIO_STOP_LOSS_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    def loss(j: int, m: Lots) -> tuple[float, float]:
        long_end, short_end = c.ends(j, m)
        p, value = c.positions[j], c.values[j]
        of_long = max(0, long_end) * value * p.stop_fraction_long
        of_short = max(0, -short_end) * value * p.stop_fraction_short
        return of_long, of_short

    risk = c.total("stops", loss, n) * c.regime.risk_multiplier
    return risk.against(c.limits.max_portfolio_risk * c.equity)


@rule(codes.HERFINDAHL_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    squares = c.total("squares", lambda j, m: c.gross(j, m) * c.gross(j, m), n)
    return squares.against(c.limits.max_herfindahl * c.equity * c.equity)


@rule(codes.LARGEST_WEIGHT_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    asset = c.terms.underlying
    gross = c.total("underlying", c.gross, n, lambda j: c.instruments[j].underlying == asset)
    return gross.against(c.limits.max_weight * c.equity)


@rule(codes.CLUSTER_RISK_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    label = c.clusters[c.i]
    risk = c.total(
        "cluster",
        lambda j, m: c.gross(j, m) * c.volatility[j] * c.limits.var_multiplier,
        n,
        lambda j: c.clusters[j] == label,
    )
    return (risk * c.regime.risk_multiplier).against(c.limits.max_correlation_risk * c.equity)


@rule(codes.STRESS_LOSS_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    limit = c.limits.max_stress_loss * c.equity
    every = [s for s, scenario in enumerate(c.scenarios) if scenario.enabled]
    return [c.scenario_loss(s, n).against(limit) for s in every]


# layer 3, account


@rule(codes.DRAWDOWN_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    return Reading(c.drawdown, c.limits.max_drawdown, None, 1.0)


@rule(codes.DRAWDOWN_BUDGET_EXCEEDED)
def _(c: Case, n: int) -> Answer:
    every = [s for s, row in enumerate(c.scenarios) if row.enabled and row.in_budget]
    return [c.scenario_loss(s, n).against(c.budget, c.money_scale) for s in every]


@rule(codes.CUSHION_EXPOSURE_EXCEEDED)
def _(c: Case, n: int) -> Answer:
    return c.gross_total(n).against(c.limits.cushion_multiplier * c.budget, c.money_scale)


@rule(codes.DAILY_LOSS_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    start = c.account.day_start_equity
    return Reading(start - c.equity, c.limits.max_daily_loss * start, None, c.money_scale)


@rule(codes.FREE_MARGIN_BELOW_MIN)
def _(c: Case, n: int) -> Answer:
    def margin(j: int, m: Lots) -> float:
        if c.instruments[j].kind == codes.SPOT:
            return (c.buys[j] + c.added(j, m)[0]) * c.values[j]
        return c.instruments[j].initial_margin * c.size(j, m) * c.values[j]

    venue = c.terms.venue
    used = c.total("margin", margin, n, lambda j: c.instruments[j].venue == venue)
    return used.against((1.0 - c.limits.min_free_margin) * c.venue_equity, c.money_scale)


@rule(codes.OPEN_ORDERS_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    left_to_exits = math.ceil(c.header.orders / 64)
    return Reading(
        c.open_orders + 1, min(c.limits.max_open_orders, c.header.orders - left_to_exits)
    )


@rule(codes.DAILY_TURNOVER_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    filled = c.account.turnover_day
    working = sum(c.working(j) * c.values[j] for j in range(len(c.instruments)))
    measure = filled + working + c.opening(n) * c.value_at_price
    return Reading(measure, c.limits.max_daily_turnover * c.equity)


@rule(codes.LOSING_STREAK_COOLDOWN)
def _(c: Case, n: int) -> Answer:
    return c.now < c.account.cooldown_until_ns


@rule(codes.EQUITY_NOT_POSITIVE)
def _(c: Case, n: int) -> Answer:
    return not c.equity > 0


# layer 4, exchange


@rule(codes.MESSAGE_RATE_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    venue = c.venue
    level = max(0, venue.message_arrival_ns - c.now) + venue.message_interval_ns
    reserve = venue.message_reserve_ns if c.opening(n) > 0 else 0
    return Reading(level, venue.message_burst_ns - reserve)


@rule(codes.MESSAGE_WINDOW_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    venue = c.venue
    if venue.window_ns == 0:
        return False
    used = 0 if c.now >= venue.window_start_ns + venue.window_ns else venue.window_used
    reserve = venue.window_reserve if c.opening(n) > 0 else 0
    return Reading(used + 1, venue.window_limit - reserve)


@rule(codes.HEARTBEAT_STALE)
def _(c: Case, n: int) -> Answer:
    if not c.limits.require_heartbeat and c.venue.heartbeat_ns == 0:
        return False
    return Reading(c.now - c.venue.heartbeat_ns, c.limits.heartbeat_timeout_ns)


@rule(codes.ORDER_TO_TRADE_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    messages, fills = c.venue.messages_day + 1, c.venue.fills_day
    if messages <= c.limits.order_to_trade_grace:
        return False
    return Reading(float(messages), c.limits.max_order_to_trade * max(1, fills))


@rule(codes.REJECT_RATE_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    return Reading(c.venue.reject_rate, c.limits.max_reject_rate)


@rule(codes.VENUE_EXPOSURE_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    venue = c.terms.venue
    gross = c.total("venue", c.gross, n, lambda j: c.instruments[j].venue == venue)
    return gross.against(c.limits.max_venue_exposure * c.equity)


@rule(codes.PRICE_OFF_TICK)
def _(c: Case, n: int) -> Answer:
    if c.order.type == codes.MARKET:
        return False
    price = c.order.price_ticks if c.order.type == codes.LIMIT else c.order.stop_ticks
    in_band = c.terms.min_price_ticks <= price <= c.terms.max_price_ticks
    return not (in_band and price % c.terms.tick_step == 0)


@rule(codes.LOTS_OFF_STEP)
def _(c: Case, n: int) -> Answer:
    return n % c.terms.lot_step != 0


@rule(codes.LOTS_BELOW_MIN)
def _(c: Case, n: int) -> Answer:
    return Reading(c.terms.min_lots, n)


@rule(codes.NOTIONAL_BELOW_MIN)
def _(c: Case, n: int) -> Answer:
    # A venue counts a market or stop order at the mark; without a price or a rate nobody can tell.
    value = c.value_at_price if c.order.type == codes.LIMIT else c.value
    return Reading(c.terms.min_notional, n * value) if value > 0 else False


@rule(codes.VENUE_NOT_ACTIVE)
def _(c: Case, n: int) -> Answer:
    return c.venue.state == codes.CLOSE_ONLY


@rule(codes.VENUE_DOWN)
def _(c: Case, n: int) -> Answer:
    return codes.DOWN in (c.venue.state, c.terms.state)


@rule(codes.REPEATED_EXECUTION)
def _(c: Case, n: int) -> Answer:
    return c.position.latches & codes.LATCH_REPEATED_EXECUTION != 0


# layer 5, market


@rule(codes.PRICE_OUTSIDE_COLLAR)
def _(c: Case, n: int) -> Answer:
    if c.order.type != codes.LIMIT or not c.market.mark_set:
        return False
    fresh = c.is_good and not c.is_stale
    collar = c.limits.price_collar if fresh else c.limits.exit_collar
    mark, price = c.mark(c.i), float(c.order.price_ticks)
    if c.order.side == codes.BUY:
        return Reading(price, mark * (1.0 + collar))
    return Reading(mark * (1.0 - collar), price)


@rule(codes.QUOTE_STALE)
def _(c: Case, n: int) -> Answer:
    return c.is_stale


@rule(codes.BOOK_CROSSED)
def _(c: Case, n: int) -> Answer:
    return c.market.quote_state == codes.QUOTE_CROSSED


@rule(codes.BOOK_ONE_SIDED)
def _(c: Case, n: int) -> Answer:
    lacking = (codes.QUOTE_NONE, codes.QUOTE_ONE_SIDED, codes.QUOTE_EMPTY)
    return c.market.quote_state in lacking


@rule(codes.SPREAD_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    if not c.is_good:
        return False
    spread = float(c.market.ask_ticks - c.market.bid_ticks)
    return Reading(spread, c.limits.max_spread * c.mark(c.i))


@rule(codes.VISIBLE_LIQUIDITY_EXCEEDED)
def _(c: Case, n: int) -> Answer:
    if not (c.is_good and c.taking()):
        return False
    visible = c.market.ask_lots if c.order.side == codes.BUY else c.market.bid_lots
    return Reading(float(c.opening(n)), c.limits.max_visible_share * visible)


@rule(codes.TRADED_LIQUIDITY_EXCEEDED)
def _(c: Case, n: int) -> Answer:
    return Reading(float(c.opening(n)), c.limits.max_traded_share * c.traded_lots())


@rule(codes.VOLATILITY_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    return Reading(c.volatility[c.i], c.limits.max_volatility)


@rule(codes.FLASH_MOVE)
def _(c: Case, n: int) -> Answer:
    low, high = c.flash_range()
    return Reading(high - low, c.limits.max_flash_move * low)


@rule(codes.CRASH_REGIME)
def _(c: Case, n: int) -> Answer:
    if not c.limits.crash_reduce_only:
        return False
    likely = bool(c.regime.probability[codes.REGIME_CRASH] >= c.limits.crash_probability)
    return c.regime.current == codes.REGIME_CRASH or likely


@rule(codes.RATE_STALE)
def _(c: Case, n: int) -> Answer:
    currency = c.currencies[c.terms.currency]
    if currency.is_account:
        return False
    if not currency.rate > 0:
        return True
    return Reading(c.now - currency.rate_time_ns, c.limits.max_rate_age_ns)


@rule(codes.MARK_UNSET)
def _(c: Case, n: int) -> Answer:
    return c.market.mark_set == 0


@rule(codes.POST_ONLY_WOULD_TAKE)
def _(c: Case, n: int) -> Answer:
    return bool(c.order.order_flags & codes.POST_ONLY) and c.is_good and c.taking()


# layer 6, strategy


@rule(codes.STRATEGY_DISABLED)
def _(c: Case, n: int) -> Answer:
    return c.strategy.state != codes.ACTIVE


@rule(codes.STRATEGY_REGIME_DISABLED)
def _(c: Case, n: int) -> Answer:
    return not c.strategy.regime_mask >> c.regime.current & 1


@rule(codes.STRATEGY_BUDGET_EXCEEDED)
def _(c: Case, n: int) -> Answer:
    return c.strategy_gross(n).against(c.strategy.budget * c.equity)


@rule(codes.STRATEGY_DRAWDOWN_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    fall = c.strategy.high_water_mark - c.strategy_pnl
    return Reading(fall, c.strategy.max_drawdown * c.equity, None, c.strategy_scale)


@rule(codes.STRATEGY_DAILY_LOSS_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    start = c.strategy.day_start_pnl
    limit = c.strategy.max_daily_loss * c.equity
    return Reading(start - c.strategy_pnl, limit, None, c.strategy_scale)


@rule(codes.CONFIDENCE_BELOW_THRESHOLD)
def _(c: Case, n: int) -> Answer:
    return c.order.confidence < c.regime.confidence_threshold


@rule(codes.STRATEGY_ON_PROBATION)
def _(c: Case, n: int) -> Answer:
    if not c.strategy.probation:
        return False
    limit = c.limits.probation_factor * c.strategy.budget * c.equity
    return c.strategy_gross(n).against(limit)


@rule(codes.STRATEGY_ORDER_RATE_EXCEEDS_MAX)
def _(c: Case, n: int) -> Answer:
    level = max(0, c.strategy.order_arrival_ns - c.now) + c.strategy.order_interval_ns
    return Reading(level, c.strategy.order_burst_ns)


@rule(codes.SELF_MATCH)
def _(c: Case, n: int) -> Answer:
    if c.order.side == codes.BUY:
        priced_out = c.order.type == codes.LIMIT and c.order.price_ticks < c.best_ask
        return c.best_ask > 0 and not priced_out
    priced_out = c.order.type == codes.LIMIT and c.order.price_ticks > c.best_bid
    return c.best_bid > 0 and not priced_out


# Utilisation is told of limits on sizes, losses and rates; of a message bucket apart, see below. It
# is not of flags, ages, prices, minima, windows and the ratio of orders to trades.
UTILISED = [
    *(number for number, check in CHECKS.items() if check.resizes and check.unit != "flag"),
    codes.DRAWDOWN_EXCEEDS_MAX,
    codes.DAILY_LOSS_EXCEEDS_MAX,
    codes.OPEN_ORDERS_EXCEEDS_MAX,
    codes.REJECT_RATE_EXCEEDS_MAX,
    codes.SPREAD_EXCEEDS_MAX,
    codes.VOLATILITY_EXCEEDS_MAX,
    codes.FLASH_MOVE,
    codes.STRATEGY_DRAWDOWN_EXCEEDS_MAX,
    codes.STRATEGY_DAILY_LOSS_EXCEEDS_MAX,
    codes.LATENCY_EXCEEDS_MAX,
]
UTILISED.remove(codes.REDUCE_ONLY_WOULD_OPEN)
ORDERED = sorted(RULES)
FOR_EXITS = [number for number in ORDERED if CHECKS[number].blocks_exits]
RATIONED = (codes.MESSAGE_RATE_EXCEEDS_MAX, codes.MESSAGE_WINDOW_EXCEEDS_MAX)

# --- structural checks ----------------------------------------------------------------------------


def invalid_status(state: Any, order: Any) -> int:
    """OK, or why the order is no event at all; the smallest number of several."""
    header = state["header"]
    last = int(header["last_time_ns"])
    if not 1 <= order.time_ns <= codes.MAX_TIME_NS:
        return codes.INVALID_TIME
    if last > 0 and order.time_ns - last > codes.MAX_TIME_JUMP_NS:
        return codes.INVALID_TIME
    if not 0 <= order.instrument < header["instruments"]:
        return codes.INVALID_INSTRUMENT
    if not 0 <= order.strategy < header["strategies"]:
        return codes.INVALID_STRATEGY
    if order.side not in (codes.BUY, codes.SELL):
        return codes.INVALID_SIDE
    if not 1 <= order.lots <= codes.MAX_LOTS:
        return codes.INVALID_LOTS
    price, stop = order.price_ticks, order.stop_ticks
    prices_fit = {
        codes.LIMIT: 1 <= price <= codes.MAX_TICKS and stop == 0,
        codes.MARKET: price == 0 and stop == 0,
        codes.STOP: price == 0 and 1 <= stop <= codes.MAX_TICKS,
    }
    if not prices_fit.get(order.type, True):
        return codes.INVALID_PRICE
    if not 0.0 <= order.confidence <= 1.0:
        return codes.INVALID_VALUE
    if order.type not in prices_fit or order.time_in_force not in (codes.GTC, codes.IOC, codes.FOK):
        return codes.INVALID_CODE
    if not 0 <= order.order_flags <= codes.POST_ONLY | codes.REDUCE_ONLY:
        return codes.INVALID_CODE
    rests = order.type == codes.LIMIT and order.time_in_force == codes.GTC
    if order.order_flags & codes.POST_ONLY and not rests:
        return codes.INVALID_CODE
    if not 1 <= order.client_id <= codes.MAX_IDENTIFIER:
        return codes.INVALID_IDENTIFIER
    return codes.OK


def invalid_replace_status(state: Any, time_ns: int, handle: int, lots: int, price: int) -> int:
    """OK, or why a request to replace is no event; the smallest number of several."""
    last, row = int(state["header"]["last_time_ns"]), find_order(state, handle)
    if not 1 <= time_ns <= codes.MAX_TIME_NS or (
        last > 0 and time_ns - last > codes.MAX_TIME_JUMP_NS
    ):
        return codes.INVALID_TIME
    if not 1 <= lots <= codes.MAX_LOTS or (row and lots <= row.filled_lots):
        return codes.INVALID_LOTS
    if not 1 <= price <= codes.MAX_TICKS:
        return codes.INVALID_PRICE
    if row and (row.type != codes.LIMIT or row.status != codes.ORDER_WORKING):
        return codes.INVALID_CODE
    return codes.OK if row else codes.INVALID_HANDLE


def find_order(state: Any, handle: int) -> Any:
    """The live order of a handle, None where there is none."""
    slot, generation = handle & codes.HANDLE_SLOT_MASK, handle >> codes.HANDLE_SLOT_BITS
    if handle < 1 or slot >= len(state["orders"]):
        return None
    row = one(state["orders"][slot])
    return row if row.status != codes.ORDER_FREE and row.generation == generation else None


def buffer_is_ours(state: Any, layout_hash: int) -> bool:
    """Whether the identity of the buffer and its canary are intact."""
    header = state["header"]
    return bool(
        header["magic"] == MAGIC
        and header["abi_version"] == ABI_VERSION
        and header["layout_hash"] == layout_hash
        and state["system"]["canary"] == MAGIC
    )


def structural_objection(state: Any, order: Any, layout_hash: int) -> tuple[int, int]:
    """Status and number of the structural check that ends the evaluation; (OK, -1) for none."""
    if not buffer_is_ours(state, layout_hash):
        return codes.BAD_BUFFER, codes.BUFFER_INTEGRITY
    status = invalid_status(state, order)
    if status != codes.OK:
        named = {
            codes.INVALID_INSTRUMENT: codes.INSTRUMENT_UNKNOWN,
            codes.INVALID_STRATEGY: codes.STRATEGY_UNKNOWN,
        }
        return status, named.get(status, codes.ORDER_INVALID)
    if state["parameters"]["version"] < 1:
        return codes.OK, codes.PARAMETERS_UNSET
    terms = state["instruments"][order.instrument]
    if (
        terms["state"] == codes.UNSET
        or state["venues"]["state"][terms["venue"]] == codes.UNSET
        or state["currencies"]["state"][terms["currency"]] == codes.UNSET
    ):
        return codes.OK, codes.INSTRUMENT_UNKNOWN
    strategy = state["strategies"][order.strategy]
    if strategy["state"] == codes.UNSET:
        return codes.OK, codes.STRATEGY_UNKNOWN
    if order.client_id <= strategy["last_client_id"]:
        return codes.OK, codes.DUPLICATE_CLIENT_ID
    if state["system"]["free_head"] == 0:
        return codes.OK, codes.ORDER_TABLE_FULL
    return codes.OK, -1


# --- the decision ---------------------------------------------------------------------------------


def judge(state: Any, order: Any, layout_hash: int | None = None) -> Verdict:
    """What the gate has to answer to an order.

    Parameters
    ----------
    state : record of layout.state_dtype
        Read, never written.
    order : record of layout ``order``
    layout_hash : int, optional
        What the header must carry; its own value by default.
    """
    order = one(order)
    verdict = Verdict()
    if layout_hash is None:
        layout_hash = int(state["header"]["layout_hash"])
    verdict.status, number = structural_objection(state, order, layout_hash)
    if number >= 0:
        verdict.object_with([number])
        return verdict
    decide(Case(state, order), verdict)
    return verdict


def judge_replace(state: Any, time_ns: int, handle: int, lots: int, price_ticks: int) -> Verdict:
    """What the gate has to answer to a request to replace a working limit order.

    It is judged as a new order of what would be left, with the old order taken out, and passes
    whole or not at all; one that only takes back is judged like an exit.
    """
    verdict = Verdict()
    if not buffer_is_ours(state, int(state["header"]["layout_hash"])):
        verdict.status = codes.BAD_BUFFER
        verdict.object_with([codes.BUFFER_INTEGRITY])
        return verdict
    verdict.status = invalid_replace_status(state, time_ns, handle, lots, price_ticks)
    if verdict.status != codes.OK:
        verdict.object_with([codes.ORDER_INVALID])
        return verdict
    old = find_order(state, handle)
    terms = ("instrument", "strategy", "side", "type", "time_in_force", "order_flags", "confidence")
    order = SimpleNamespace(
        **{name: getattr(old, name) for name in terms},
        time_ns=time_ns,
        lots=lots - old.filled_lots,
        price_ticks=price_ticks,
        stop_ticks=0,
    )
    decide(Case(state, order, old), verdict)
    return verdict


def decide(case: Case, verdict: Verdict) -> None:
    """Ask every rule that applies and combine the answers."""
    lots = case.order.lots
    is_pure_exit = case.exit_lots == lots
    answers = {n: RULES[n](case, lots) for n in (FOR_EXITS if is_pure_exit else ORDERED)}
    objections = [n for n, answer in answers.items() if objects(answer)]
    verdict.evaluated = True
    verdict.price_ticks = case.price_ticks
    verdict.answers = answers
    note_near(verdict, answers)
    verdict.object_with(objections)
    _combine(case, verdict, objections)
    _note_figures(case, verdict)
    verdict.equity_is_lost = not abs(case.equity) > 1e-3 * case.money_scale
    verdict.utilised = [_utilised(case, layer) for layer in range(1, 8)]


def _combine(case: Case, verdict: Verdict, objections: list[int]) -> None:
    """Action and lots from the objections."""
    lots, exit_lots = case.order.lots, case.exit_lots
    if any(is_blocking(case, n) for n in objections):
        return
    if not objections:
        verdict.action, verdict.lots, verdict.exit_lots = codes.APPROVE, lots, exit_lots
        return

    if case.replaced:
        return
    step = case.terms.lot_step
    allowed = exit_lots
    if all(CHECKS[n].resizes for n in objections):
        passing = largest_passing(case, objections)
        allowed = max(passing, exit_lots)
        for nearby in (passing, passing + step):
            note_near(verdict, {n: RULES[n](case, nearby) for n in objections})
    allowed -= allowed % step
    if allowed == 0:
        return
    minimum = {n: RULES[n](case, allowed) for n in (codes.LOTS_BELOW_MIN, codes.NOTIONAL_BELOW_MIN)}
    note_near(verdict, minimum)
    too_small = [n for n, answer in minimum.items() if objects(answer)]
    if too_small:
        verdict.object_with(too_small[:1])
        return
    verdict.action, verdict.lots = codes.RESIZE, allowed
    verdict.exit_lots = min(allowed, exit_lots)
    assert allowed < lots


def is_blocking(case: Case, number: int) -> bool:
    """Whether an objection stops even the exit part. Rations keep a reserve for exits."""
    if number in RATIONED:
        return objects(RULES[number](case, case.exit_lots))
    return CHECKS[number].blocks_exits


def largest_passing(case: Case, numbers: list[int]) -> int:
    """Largest multiple of the lot step, at most the lots asked, to which none of them objects.

    Each measure is convex in the lots and passes at nothing if it passes anywhere, so a rule that
    passes the whole order passes every part of it, and bisection finds the end of the others.
    """
    step = case.terms.lot_step
    low, high = 0, case.order.lots // step  # high is known to fail
    while high - low > 1:
        middle = (low + high) // 2
        if any(objects(RULES[n](case, middle * step)) for n in numbers):
            high = middle
        else:
            low = middle
    return low * step


def note_near(verdict: Verdict, answers: dict[int, Answer]) -> None:
    """Remember readings that sit on their limit."""
    for number, answer in answers.items():
        for reading in readings(answer):
            if reading.is_near():
                verdict.near.append((reading.utilisation(), number))


def _note_figures(case: Case, verdict: Verdict) -> None:
    # "After" means with the lots that are allowed; with those asked where none are.
    multiplier, lots = case.limits.var_multiplier, verdict.lots or case.order.lots
    gross_after, gross_before, _ = case.gross_total(lots)
    losses = [case.scenario_loss(s, lots) for s, r in enumerate(case.scenarios) if r.enabled]
    verdict.figures = {
        "equity": case.equity,
        "var_before": case.sigma(None) * multiplier,
        "var_after": case.sigma(lots) * multiplier,
        "gross_before": gross_before,
        "gross_after": gross_after,
        "stress_before": max((loss.before for loss in losses), default=0.0),
        "stress_after": max((loss.after for loss in losses), default=0.0),
        "budget": case.budget,
    }


def _utilised(case: Case, layer: int) -> list[tuple[int, Reading]]:
    """Check and reading of each of a layer's limits, for the lots asked.

    The exits' reserve of the message bucket is beyond its limit, whoever asks.
    """
    lots, bucket = case.order.lots, codes.MESSAGE_RATE_EXCEEDS_MAX
    found = [
        (number, reading)
        for number in UTILISED
        if CHECKS[number].layer == layer
        for reading in readings(RULES[number](case, lots))
    ]
    if layer == CHECKS[bucket].layer:
        limit = case.venue.message_burst_ns - case.venue.message_reserve_ns
        every = readings(RULES[bucket](case, lots))
        found += [(bucket, reading._replace(limit=limit)) for reading in every]
    return found
