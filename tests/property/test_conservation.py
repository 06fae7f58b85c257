"""What no order of events may change: lots, cash and reservations are conserved.

The oracle is a ledger that knows no orders, costs or averages: it sums trades and cash. A position
is the sum of its fills; equity is the sum of what every trade has gained by now and of all cash.

Domains: 1 to 64 lots at prices within 1/2 to 3/2 of the mark, up to forty events on four
instruments of every contract kind, two strategies and some that were never set, fees and funding
in three currencies, fees in one that the tables have no place for.
"""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskcore import codes
from riskcore.codes import BUY, OK, SELL
from riskcore.kernels import cash, gate, market, orders, positions, reconciliation
from riskcore.layout import record_dtype
from tests.property.examples import examples
from tests.support import (
    BTC,
    BTC_RATE,
    EUR,
    INSTRUMENTS,
    INVERSE_BTC,
    LINEAR_BTC,
    LINEAR_ETH,
    MARKS,
    SECOND,
    SMALL,
    SPOT_BTC,
    USD,
    check_books,
    check_lists,
    copy_state,
    fill,
    live_slots,
    make_state,
    now,
    quote,
    reserve,
)

CASH = 65536.0
BOOKED = (OK, codes.BOOKED_UNMATCHED)
RELAXED = settings(
    max_examples=examples(120),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def prepared():
    with np.errstate(all="raise"):
        return make_state(cash=CASH)


class Ledger:
    """Sums of trades and cash: the oracle."""

    def __init__(self):
        self.trades = []  # strategy, instrument, signed lots, price
        self.cash = {USD: 2 * CASH, BTC: 0.0, EUR: 0.0}
        self.size = 2 * CASH

    def trade(self, strategy, instrument, lots, price):
        self.trades.append((strategy, instrument, lots, float(price)))
        self.size += abs(lots) * 8192.0

    def pay(self, currency, amount):
        self.cash[currency] += amount
        self.size += abs(amount) * BTC_RATE

    def lots(self, instrument, strategy=None):
        return sum(
            lots for s, i, lots, _ in self.trades if i == instrument and strategy in (None, s)
        )

    def gain(self, trade, marks, rates):
        _, i, lots, price = trade
        terms = INSTRUMENTS[i]
        unit = lots * terms["contract_value"] * rates[terms["currency"]]
        if terms["kind"] == codes.INVERSE:
            return unit * (1.0 / price - 1.0 / marks[i])
        return unit * (marks[i] - price)

    def equity(self, marks, rates):
        gains = sum(self.gain(trade, marks, rates) for trade in self.trades)
        return gains + sum(amount * rates[c] for c, amount in self.cash.items())


class World:
    """A state and its ledger; every action is one event sent to both."""

    def __init__(self, state):
        self.state = state
        self.ledger = Ledger()
        self.handles = []
        self.executions = []

    def marks(self):
        return {i: float(self.state.market[i].mark) for i in INSTRUMENTS}

    def rates(self):
        return {c: float(self.state.currencies[c].rate) for c in (USD, BTC, EUR)}

    def price(self, instrument, offset):
        """A price between half and three halves of the mark at the start."""
        return MARKS[instrument] + MARKS[instrument] * offset // 128

    def pick(self, number):
        """Handle of some order, live or dead; 0 where there is none yet."""
        return self.handles[number % len(self.handles)] if self.handles else 0

    def do(self, action):
        name, a, b, c, d = action
        getattr(self, name)(a, b, c, d)

    # Orders: a, b, c, d are small numbers that each action reads as it needs.

    def order(self, a, b, c, d):
        if self.state.system.free_head == 0:
            return
        instrument, side, strategy = a % 4, (BUY, SELL)[b % 2], b // 2 % 2
        price = self.price(instrument, d)
        self.handles.append(reserve(self.state, instrument, side, 1 + c, price, strategy=strategy))

    def ack(self, a, b, c, d):
        orders.on_ack(self.state, now(self.state), self.pick(a), b)

    def reject(self, a, b, c, d):
        orders.on_reject(self.state, now(self.state), self.pick(a), b)

    def cancel(self, a, b, c, d):
        orders.cancel_order(self.state, now(self.state), self.pick(a))

    def canceled(self, a, b, c, d):
        orders.on_canceled(self.state, now(self.state), self.pick(a))

    def refuse(self, a, b, c, d):
        orders.on_cancel_reject(self.state, now(self.state), self.pick(a), b)

    def replace(self, a, b, c, d):
        slot = int(orders.find_order(self.state, self.pick(a)))
        if slot >= 0:
            order = self.state.orders[slot]
            price = self.price(int(order.instrument), d)
            lots = int(order.filled_lots) + 1 + c
            orders.begin_replace(self.state, now(self.state), slot, lots, price)

    def replaced(self, a, b, c, d):
        orders.on_replaced(self.state, now(self.state), self.pick(a), 1 + c, 4096 + d)

    def expire(self, a, b, c, d):
        orders.on_expire(self.state, now(self.state), self.pick(a))

    def status(self, a, b, c, d):
        orders.on_order_status(self.state, now(self.state), self.pick(a), 1 + b % 3, c)

    def clock(self, a, b, c, d):
        assert market.on_clock(self.state, now(self.state) + c * SECOND) == OK

    # Facts.

    def execute(self, handle, instrument, strategy, side, lots, d, identifier):
        price = self.price(instrument, d)
        fee, fee_currency = (d % 5 - 1) * 0.25, d % 4
        terms = (instrument, side, lots, price)
        options = {
            "handle": handle,
            "strategy": strategy,
            "fee": fee,
            "fee_currency": fee_currency,
            "execution_id": identifier,
        }
        assert fill(self.state, *terms, **options) in BOOKED
        if identifier:
            self.executions.append((terms, options))
        self.book(strategy, instrument, side * lots, price, fee_currency, -fee)

    def book(self, strategy, instrument, lots, price, currency, paid):
        """In the ledger: strategy 0 holds what is nobody's; the last currency has no place."""
        self.ledger.trade(strategy if strategy in (0, 1) else 0, instrument, lots, price)
        if currency < 3:
            self.ledger.pay(currency, paid)

    def fill(self, a, b, c, d):
        """A fill of an order, with its fields as long as it lives."""
        handle = self.pick(a)
        slot = int(orders.find_order(self.state, handle))
        instrument, strategy, side = b % 4, b // 4 % 2, (BUY, SELL)[b // 8 % 2]
        if slot >= 0:
            order = self.state.orders[slot]
            instrument, strategy = int(order.instrument), int(order.strategy)
            side = int(order.side)
        identifier = len(self.executions) + 1 if c % 3 else 0
        self.execute(handle, instrument, strategy, side, 1 + c, d, identifier)

    def stray(self, a, b, c, d):
        """A fill that names no order, or somebody else's."""
        handle = self.pick(a) if d % 2 else 0
        identifier = len(self.executions) + 1
        self.execute(handle, b % 4, b // 4 % 4 - 1, (BUY, SELL)[c % 2], 1 + c, d, identifier)

    def repeat(self, a, b, c, d):
        if self.executions:
            terms, options = self.executions[-1 - a % min(4, len(self.executions))]
            before = self.state.tobytes()
            assert fill(self.state, *terms, **options) == codes.DUPLICATE
            assert self.state.tobytes() == before

    def bust(self, a, b, c, d):
        if not self.executions:
            return
        (instrument, side, lots, price), options = self.executions[-1]
        arguments = (
            options["strategy"],
            side,
            lots,
            price,
            options["fee"],
            options["fee_currency"],
            options["execution_id"],
        )
        status = positions.on_bust(self.state, now(self.state), instrument, *arguments)
        assert status in (*BOOKED, codes.DUPLICATE)
        if status in BOOKED:
            terms = (options["strategy"], instrument, -side * lots, price)
            self.book(*terms, options["fee_currency"], options["fee"])

    def funding(self, a, b, c, d):
        amount = (b - 8) * 0.125
        time = now(self.state)
        strategy = c % 4 - 2
        status = cash.on_funding(self.state, time, a % 4, strategy, d % 3, amount)
        assert status == (OK if strategy >= -1 else codes.BOOKED_UNMATCHED)
        self.ledger.pay(d % 3, amount)

    def transfer(self, a, b, c, d):
        amount = (b - 8) * 0.125
        assert cash.on_transfer(self.state, now(self.state), a % 2, d % 3, amount) == OK
        self.ledger.pay(d % 3, amount)

    def settlement(self, a, b, c, d):
        i, price = a % 4, self.price(a % 4, d)
        assert cash.on_settlement(self.state, now(self.state), i, price) == OK
        for s in (0, 1):
            held = self.ledger.lots(i, s)
            if held:
                self.ledger.trade(s, i, -held, price)

    def position(self, a, b, c, d):
        i, price = a % 4, self.price(a % 4, d) if d % 2 else 0
        difference = (c - 32) - self.ledger.lots(i)
        mark = self.marks()[i]
        status = reconciliation.on_position(self.state, now(self.state), i, c - 32, price)
        assert status == (codes.BOOKED_UNMATCHED if difference else OK)
        if difference:
            self.ledger.trade(0, i, difference, price or mark)

    # The market.

    def quote(self, a, b, c, d):
        mark = self.price(a % 4, d)
        assert quote(self.state, a % 4, mark - 1, mark + 1) == OK

    def rate(self, a, b, c, d):
        assert market.on_rate(self.state, now(self.state), BTC, BTC_RATE + 16.0 * d) == OK

    # What must hold.

    def check(self):
        state, ledger = self.state, self.ledger
        check_lists(state)
        check_books(state)
        for i in INSTRUMENTS:
            assert state.positions[i].net_lots == ledger.lots(i)
            for s in (0, 1):
                assert state.holdings[s, i].lots == ledger.lots(i, s)
        expected = ledger.equity(self.marks(), self.rates())
        assert abs(state.account.equity - expected) <= 1e-10 * ledger.size

    def check_strategies(self):
        """With constant rates and no funding, strategies gain what their trades gain less fees."""
        rates, marks = self.rates(), self.marks()
        gains = sum(self.ledger.gain(trade, marks, rates) for trade in self.ledger.trades)
        booked = sum(float(strategy.pnl) for strategy in self.state.strategies)
        expected = gains - float(self.state.account.fees)
        assert abs(booked - expected) <= 1e-10 * self.ledger.size


ORDER_ACTIONS = [
    "order",
    "ack",
    "reject",
    "cancel",
    "canceled",
    "refuse",
    "replace",
    "replaced",
    "expire",
    "status",
    "clock",
]
FACTS = ["fill", "stray", "repeat", "bust", "funding", "transfer", "settlement", "position"]
MARKET = ["quote", "rate"]
# Orders and fills come more often than the rest.
NAMES = ["order"] * 4 + ["fill"] * 6 + ["ack"] * 2 + ORDER_ACTIONS + FACTS + MARKET
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.integers(0, 15),
        st.integers(0, 15),
        st.integers(0, 63),
        st.integers(-63, 63),
    ),
    min_size=1,
    max_size=40,
)


@RELAXED
@given(actions=ACTIONS)
def test_position_is_the_sum_of_fills_and_equity_of_gains_and_cash(prepared, actions):
    with np.errstate(all="raise"):
        world = World(copy_state(prepared))
        for action in actions:
            world.do(action)
        world.check()


@RELAXED
@given(actions=ACTIONS)
def test_reservations_are_gone_when_every_order_is_done(prepared, actions):
    with np.errstate(all="raise"):
        world = World(copy_state(prepared))
        for action in actions:
            world.do(action)
        state = world.state
        for slot in live_slots(state):
            handle = (int(state.orders[slot].generation) << codes.HANDLE_SLOT_BITS) | slot
            assert orders.on_canceled(state, now(state), handle) == OK
        world.check()
        assert state.account.open_orders == 0
        assert state.system.unknown_orders == 0
        assert state.system.pending_head == 0
        assert abs(state.account.working_notional) <= 1e-10 * world.ledger.size
        for i in INSTRUMENTS:
            position = state.positions[i]
            assert (position.working_buy_lots, position.working_sell_lots) == (0, 0)
            assert (position.own_best_bid, position.own_best_ask) == (0, 0)
            assert position.long_value == position.short_value


@RELAXED
@given(actions=ACTIONS)
def test_strategies_share_every_gain_while_rates_stand_still(prepared, actions):
    with np.errstate(all="raise"):
        world = World(copy_state(prepared))
        for action in actions:
            if action[0] not in ("rate", "funding"):
                world.do(action)
        world.check_strategies()


# --- interleavings --------------------------------------------------------------------------------

# Three orders and everything that is ever said about them; lots, price and identifier of each fill.
PLAN = (
    (LINEAR_BTC, BUY, 10, 4100, ((4, 4100, 1), (6, 4090, 2)), "filled"),
    (LINEAR_BTC, SELL, 7, 4120, ((7, 4120, 3),), "filled"),
    (INVERSE_BTC, BUY, 5, 4000, ((2, 4000, 4),), "canceled"),
)


def messages():
    """The stream, one tuple a message: order number, what happens, arguments."""
    stream = []
    for number, (_, _, lots, price, fills, end) in enumerate(PLAN):
        stream += [(number, "ack", ()), (number, "cancel", ()), (number, "refuse", ())]
        stream += [(number, "replaced", (lots, price))]
        stream += [(number, "fill", values) for values in fills]
        if end == "canceled":
            stream += [(number, "canceled", ())]
    return stream


def tell(state, handles, message, plan=PLAN):
    """Send one message of the plan."""
    number, what, values = message
    instrument, side = plan[number][:2]
    time, handle = now(state), handles[number]
    if what == "ack":
        orders.on_ack(state, time, handle, 1)
    elif what == "cancel":
        orders.cancel_order(state, time, handle)
    elif what == "refuse":
        orders.on_cancel_reject(state, time, handle, 1)
    elif what == "replaced":
        orders.on_replaced(state, time, handle, *values)
    elif what == "canceled":
        orders.on_canceled(state, time, handle)
    else:
        lots, price, identifier = values
        fill(state, instrument, side, lots, price, handle=handle, execution_id=identifier)


@RELAXED
@given(
    stream=st.permutations(messages() * 2),
    pauses=st.lists(st.integers(0, 21), max_size=4),
)
def test_any_interleaving_of_answers_and_repeats_gives_the_same_positions(prepared, stream, pauses):
    with np.errstate(all="raise"):
        state = copy_state(prepared)
        handles = [
            reserve(state, instrument, side, lots, price)
            for instrument, side, lots, price, _, _ in PLAN
        ]
        for k, message in enumerate(stream):
            if k in pauses:
                market.on_clock(state, now(state) + 6 * SECOND)
            tell(state, handles, message)
        check_lists(state)
        check_books(state)
        linear, inverse = state.positions[LINEAR_BTC], state.positions[INVERSE_BTC]
        assert (linear.net_lots, linear.bought_lots, linear.sold_lots) == (3, 10, 7)
        assert (inverse.net_lots, inverse.bought_lots, inverse.sold_lots) == (2, 2, 0)
        gain = (4 * (4096 - 4100) + 6 * (4096 - 4090) + 7 * (4120 - 4096)) / 8
        gain += 2 * 128 * (1 / 4000 - 1 / 4096) * BTC_RATE
        assert state.account.equity == pytest.approx(2 * CASH + gain, rel=1e-12)
        assert state.account.open_orders == 0
        assert linear.working_buy_lots + linear.working_sell_lots + inverse.working_buy_lots == 0


# Orders that are asked to change: their terms, those asked for, what the venue answers, all fills.
CHANGES = (
    (LINEAR_BTC, BUY, (10, 4090), (14, 4100), "replaced", ((4, 4090, 1), (10, 4100, 2))),
    (LINEAR_BTC, SELL, (9, 4110), (5, 4120), "replaced", ((5, 4120, 3),)),
    (INVERSE_BTC, BUY, (5, 4000), (8, 4010), "refuse", ((2, 4000, 4), (3, 4000, 5))),
    (LINEAR_ETH, SELL, (6, 2056), (4, 2052), "refuse", ((1, 2056, 6), (5, 2056, 7))),
)


def changes():
    """The stream, one tuple a message: order number, what happens, arguments."""
    stream = []
    for number, (*_, asked, answer, fills) in enumerate(CHANGES):
        stream += [(number, "ack", ()), (number, "cancel", ()), (number, "refuse", ())]
        stream += [(number, "replace", asked)] * 2
        stream += [(number, answer, asked if answer == "replaced" else ())]
        stream += [(number, "fill", values) for values in fills]
    return stream


class Exchange:
    """Orders that are changed while they fill; counts what became of the requests."""

    def __init__(self, state):
        self.state = state
        for i in INSTRUMENTS:  # trades enough not to bound any order
            assert market.on_trade(state, now(state), i, MARKS[i], 1 << 30) == OK
        self.decision = np.zeros(1, record_dtype("decision", SMALL)).view(np.recarray)[0]
        self.handles = [reserve(state, i, side, *terms) for i, side, terms, *_ in CHANGES]
        self.seen = Counter()

    def status(self, handle):
        slot = int(orders.find_order(self.state, handle))
        return int(self.state.orders[slot].status) if slot >= 0 else codes.ORDER_FREE

    def tell(self, message):
        """Send one message; only what the gate approves is asked of the venue."""
        number, what, values = message
        state, handle = self.state, self.handles[number]
        asked = self.status(handle) == codes.ORDER_REPLACE_PENDING
        if what == "replace":
            before = state.tobytes()
            action = gate.replace_order(state, now(state), handle, *values, self.decision)
            self.seen["approved"] += action == codes.APPROVE
            if self.decision.status != OK:
                assert state.tobytes() == before
        else:
            self.seen[what] += asked
            tell(state, self.handles, message, CHANGES)

    def check_filled(self):
        """Assert that every order that still lives has counted all its fills, once."""
        for handle, (*_, fills) in zip(self.handles, CHANGES, strict=True):
            slot = int(orders.find_order(self.state, handle))
            if slot >= 0:
                assert self.state.orders[slot].filled_lots == sum(lots for lots, *_ in fills)

    def end(self):
        """The venue says of every order that nothing is left."""
        for handle in self.handles:
            orders.on_canceled(self.state, now(self.state), handle)


@settings(RELAXED, max_examples=examples(120, most=1500))
@given(
    stream=st.permutations(changes() * 2),
    pauses=st.lists(st.integers(0, 60), max_size=3),
)
def test_replaces_asked_for_in_any_interleaving_leave_the_positions_to_the_fills(
    prepared, stream, pauses
):
    with np.errstate(all="raise"):
        exchange = Exchange(copy_state(prepared))
        state = exchange.state
        for k, message in enumerate(stream):
            if k in pauses:
                market.on_clock(state, now(state) + 6 * SECOND)
                check_lists(state)
            exchange.tell(message)
        exchange.check_filled()
        check_lists(state)
        check_books(state)
        exchange.end()
        check_lists(state)
        check_books(state)
        lots = [int(state.positions[i].net_lots) for i in INSTRUMENTS]
        assert lots == [0, 14 - 5, 5, -6]
        linear = state.positions[LINEAR_BTC]
        assert (linear.bought_lots, linear.sold_lots) == (14, 5)
        gain = (4 * (4096 - 4090) + 10 * (4096 - 4100) + 5 * (4120 - 4096)) / 8
        gain += 5 * 128 * (1 / 4000 - 1 / 4096) * BTC_RATE + 6 * (2056 - 2048) / 2
        assert state.account.equity == pytest.approx(2 * CASH + gain, rel=1e-12)
        assert state.account.open_orders == state.system.unknown_orders == 0
        assert state.system.pending_head == 0
        assert abs(state.account.working_notional) <= 1e-10 * CASH
        for i in INSTRUMENTS:
            position = state.positions[i]
            assert (position.working_buy_lots, position.working_sell_lots) == (0, 0)
            assert (position.own_best_bid, position.own_best_ask) == (0, 0)


def test_replaces_in_those_interleavings_meet_every_answer_while_they_wait(prepared):
    # If the gate approved none, or nothing came in between, the property would prove little.
    shuffle, seen = random.Random(1), Counter()
    for _ in range(60):
        exchange, stream = Exchange(copy_state(prepared)), changes() * 2
        shuffle.shuffle(stream)
        for message in stream:
            exchange.tell(message)
        seen += exchange.seen
    assert {"approved", "ack", "fill", "cancel", "refuse", "replaced"} <= set(seen)
    assert min(seen.values()) > 5


# --- invalid events -------------------------------------------------------------------------------

EDGES = [
    -(1 << 62),
    -codes.MAX_POSITION_LOTS - 1,
    -2,
    -1,
    0,
    1,
    2,
    3,
    4,
    63,
    64,
    (1 << 20) | 1,
    codes.MAX_LOTS,
    codes.MAX_LOTS + 1,
    codes.MAX_POSITION_LOTS,
    codes.MAX_POSITION_LOTS + 1,
    codes.MAX_IDENTIFIER,
    codes.MAX_IDENTIFIER + 1,
]
INTEGERS = st.sampled_from(EDGES)
MONEYS = st.sampled_from([0.0, 1.0, -1.0, 1e15, -1e15, 1.1e15, float("nan"), float("inf")])
SMALL_INDEX = st.integers(-1, 4)
TIMES = st.sampled_from([-1, 0, 1, 1_700_000_001 * SECOND, 1 << 62, (1 << 62) + 1])
# instrument, strategy, side, lots, price, fee, fee currency, execution identifier
EXECUTION = (SMALL_INDEX, SMALL_INDEX, st.integers(-2, 2), INTEGERS, INTEGERS)
EXECUTION += (MONEYS, SMALL_INDEX, INTEGERS)
EVENTS = {
    positions.on_fill: (INTEGERS, *EXECUTION),
    positions.on_bust: EXECUTION,
    cash.on_funding: (SMALL_INDEX, SMALL_INDEX, SMALL_INDEX, MONEYS),
    cash.on_transfer: (SMALL_INDEX, SMALL_INDEX, MONEYS),
    cash.on_settlement: (SMALL_INDEX, INTEGERS),
    reconciliation.on_position: (SMALL_INDEX, INTEGERS, INTEGERS),
    orders.on_ack: (INTEGERS, INTEGERS),
    orders.on_reject: (INTEGERS, INTEGERS),
    orders.on_canceled: (INTEGERS,),
    orders.on_cancel_reject: (INTEGERS, INTEGERS),
    orders.on_replaced: (INTEGERS, INTEGERS, INTEGERS),
    orders.on_expire: (INTEGERS,),
    orders.cancel_order: (INTEGERS,),
    orders.on_order_status: (INTEGERS, st.integers(-1, 4), INTEGERS),
}


@pytest.mark.parametrize("event", list(EVENTS), ids=lambda event: event.__name__)
@settings(RELAXED, max_examples=examples(60))
@given(data=st.data())
def test_event_is_booked_whole_or_changes_nothing(prepared, event, data):
    with np.errstate(all="raise"):
        state = copy_state(prepared)
        reserve(state, SPOT_BTC, BUY, 8, 4000)
        handle = reserve(state, LINEAR_ETH, SELL, 8, 2100)
        fill(state, LINEAR_ETH, SELL, 3, 2100, handle=handle, execution_id=1)
        time = data.draw(TIMES)
        before = state.tobytes()
        status = event(state, time, *(data.draw(values) for values in EVENTS[event]))
        if status in BOOKED:
            assert state.header.event_count == 1 + int(np.frombuffer(before, dtype=np.int64)[12])
            check_lists(state)
            check_finite(state)
        else:
            assert state.tobytes() == before


def check_finite(state):
    """Assert that no NaN or infinity is stored anywhere in the accounting."""
    for block in ("account", "positions", "venues", "strategies", "holdings", "balances"):
        rows = np.atleast_1d(np.asarray(state[block]))
        for name in rows.dtype.names:
            if rows.dtype[name].kind == "f":
                assert np.isfinite(rows[name]).all(), (block, name)
