"""States for tests: a small realistic account, events in short form, invariants of the lists."""

from __future__ import annotations

import numpy as np

from riskcore import codes
from riskcore.kernels import cash as cash_events
from riskcore.kernels import exposure, market, orders, positions, setup
from riskcore.layout import (
    PARAMETERS,
    SHAPE_NAMES,
    Shape,
    allocate,
    layout_hash,
    record_dtype,
    state_dtype,
)

SMALL = Shape(
    instruments=8, strategies=2, venues=2, currencies=3, window=16, scenarios=6, orders=64
)

# Indices of the account that make_state builds.
SPOT_BTC, LINEAR_BTC, INVERSE_BTC, LINEAR_ETH = range(4)
USD, BTC, EUR = range(3)
EXCHANGE, BROKER = range(2)
TREND, REVERSION = range(2)
CRASH_HOUR, CRASH_DAY, SQUEEZE = range(3)

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START_NS = 1_700_000_000 * SECOND  # 2023-11-14 22:13:20 UTC

# Dyadic marks: products and sums in tests are exact.
MARKS = {SPOT_BTC: 4096, LINEAR_BTC: 4096, INVERSE_BTC: 4096, LINEAR_ETH: 2048}
BTC_RATE = 4096.0

PARAMETER_VALUES = {
    "version": 1,
    "max_drawdown": 0.5,
    "target_drawdown": 0.25,
    "max_daily_loss": 0.5,
    "max_reject_rate": 0.5,
    "cluster_correlation": 0.7,
    "price_collar": 0.125,
    "exit_collar": 0.25,
    "max_spread": 0.125,
    "crash_probability": 0.9,
    "performance_decay": 0.5,
    "probation_factor": 0.25,
    "latency_decay": 0.75,
    "variance_decay": 0.9375,
    "covariance_decay": 0.9375,
    "initial_correlation": 0.5,
    "stop_gap": 0.015625,
    "kelly_fraction": 0.25,
    "kelly_shrinkage": 0.125,
    "kelly_wealth_floor": 0.75,
    "kelly_floor_probability": 0.125,
    "max_position_share": 64.0,
    "max_position_risk": 16.0,
    "max_gross_leverage": 64.0,
    "max_net_leverage": 64.0,
    "var_95": 16.0,
    "expected_shortfall": 16.0,
    "max_portfolio_risk": 16.0,
    "max_herfindahl": 4096.0,
    "max_weight": 64.0,
    "max_correlation_risk": 16.0,
    "max_stress_loss": 16.0,
    "cushion_multiplier": 64.0,
    "max_daily_turnover": 1024.0,
    "max_order_to_trade": 1024.0,
    "max_venue_exposure": 64.0,
    "max_visible_share": 1024.0,
    "max_traded_share": 1024.0,
    "max_volatility": 4.0,
    "max_flash_move": 0.5,
    "stop_multiple": 2.0,
    "target_multiple": 2.0,
    "base_size": 0.25,
    "volatility_target": 0.125,
    "volatility_multiplier": 1.0,
    "max_leverage": 2.0,
    "risk_per_trade": 0.0625,
    "drawdown_sizing_power": 1.0,
    "performance_floor": -0.25,
    "performance_min_trades": 3,
    "max_open_orders": 1000,
    "max_losing_streak": 3,
    "losing_streak_cooldown_ns": HOUR,
    "decision_interval_ns": MINUTE,
    "execution_latency_ns": SECOND,
    "order_to_trade_grace": 1_000_000,
    "heartbeat_timeout_ns": HOUR,
    "execution_interval_ns": SECOND,
    "execution_burst_ns": HOUR,
    "acknowledgement_timeout_ns": 5 * SECOND,
    "max_quote_age_ns": HOUR,
    "max_rate_age_ns": DAY,
    "max_latency_ns": SECOND,
    "error_interval_ns": SECOND,
    "error_burst_ns": MINUTE,
    "max_data_gap_ns": HOUR,
    "monitor_timeout_ns": HOUR,
    "max_same_time_events": 1_000_000,
    "stop_horizon_ns": DAY,
    "liquidity_window_ns": HOUR,
    "flash_window_ns": MINUTE,
    "sample_interval_ns": HOUR,
}
INSTRUMENT_VALUES = {
    "state": codes.ACTIVE,
    "initial_volatility": 0.0625,
    "initial_margin": 0.125,
    "maintenance_margin": 0.0625,
    "taker_fee": 0.0009765625,
    "exit_cost": 0.00390625,
    "max_order_notional": 1e9,
    "max_position_notional": 1e10,
    "max_order_lots": 1 << 30,
    "max_position_lots": 1 << 40,
    "min_lots": 1,
    "lot_step": 1,
    "tick_step": 1,
    "min_price_ticks": 1,
    "max_price_ticks": 1 << 30,
    "shorting_allowed": 1,
}
INSTRUMENTS = {
    SPOT_BTC: {
        "kind": codes.SPOT,
        "venue": EXCHANGE,
        "currency": USD,
        "underlying": 0,
        "contract_value": 0.25,
        "shorting_allowed": 0,
    },
    LINEAR_BTC: {
        "kind": codes.LINEAR,
        "venue": EXCHANGE,
        "currency": USD,
        "underlying": 0,
        "contract_value": 0.125,
    },
    INVERSE_BTC: {
        "kind": codes.INVERSE,
        "venue": BROKER,
        "currency": BTC,
        "underlying": 0,
        "contract_value": 128.0,
    },
    LINEAR_ETH: {
        "kind": codes.LINEAR,
        "venue": BROKER,
        "currency": USD,
        "underlying": 1,
        "contract_value": 0.5,
    },
}
VENUE_VALUES = {
    "state": codes.ACTIVE,
    "message_interval_ns": SECOND,
    "message_burst_ns": HOUR,
    "message_reserve_ns": MINUTE,
    "window_ns": MINUTE,
    "window_limit": 1 << 20,
    "window_reserve": 1 << 10,
    "reject_decay": 0.75,
}
STRATEGY_VALUES = {
    "state": codes.ACTIVE,
    "regime_mask": 0b1111,
    "budget": 64.0,
    "max_drawdown": 4.0,
    "max_daily_loss": 4.0,
    "order_interval_ns": 1,
    "order_burst_ns": HOUR,
}
# horizon, falling move, rising move
SCENARIOS = {
    CRASH_HOUR: (HOUR, 0.25, 0.0),
    CRASH_DAY: (DAY, 0.5, 0.0),
    SQUEEZE: (HOUR, 0.0, 0.5),
}


def record(name, shape, values):
    """One zeroed record of the layout with the given fields set."""
    result = allocate(record_dtype(name, shape))[0]
    for field, value in values.items():
        setattr(result, field, value)
    return result


def make_parameters(shape=SMALL, **changes):
    """Generous valid parameters; keyword arguments replace single ones."""
    known = {field.name for field in PARAMETERS}
    assert set(changes) <= known, set(changes) - known
    result = record("parameters", shape, PARAMETER_VALUES | changes)
    for name, value in {
        "regime_risk_multiplier": 1.0,
        "regime_size_multiplier": 1.0,
        "regime_confidence_threshold": 0.0,
        "regime_stop_multiplier": 1.0,
    }.items():
        if name not in changes:
            getattr(result, name)[:] = value
    return result


def make_empty(shape=SMALL):
    """An initialised buffer with nothing set."""
    dtype = state_dtype(shape)
    state = allocate(dtype)[0]
    sizes = [getattr(shape, name) for name in SHAPE_NAMES]
    assert setup.initialize(state, layout_hash(shape), dtype.itemsize, *sizes) == codes.OK
    return state


def make_state(shape=SMALL, *, cash=1048576.0, marks=True, instruments=INSTRUMENTS, **parameters):
    """A small realistic account at START_NS, with generous limits.

    Two venues; US dollar (the account's), bitcoin (linked to the spot instrument, rate 4096) and
    euro (rate unknown); spot, linear and inverse bitcoin and linear ether; two strategies; three
    scenarios. `cash` dollars are deposited at each venue. With `marks` every book is good at MARKS.
    Keyword arguments replace single parameters.
    """
    state = make_empty(shape)
    time = START_NS
    ok = codes.OK
    assert setup.set_parameters(state, time, make_parameters(shape, **parameters)) == ok
    for c in (USD, BTC, EUR):
        values = {"state": codes.ACTIVE, "is_account": int(c == USD), "shock": 0.125}
        assert setup.currency_set(state, time, c, record("currency", shape, values)) == ok
    for v in (EXCHANGE, BROKER):
        assert setup.venue_set(state, time, v, record("venue", shape, VENUE_VALUES)) == ok
    assert market.on_rate(state, time, BTC, BTC_RATE) == ok
    for i, terms in instruments.items():
        values = INSTRUMENT_VALUES | terms
        assert setup.instrument_set(state, time, i, record("instrument", shape, values)) == ok
    values = {"state": codes.ACTIVE, "shock": 0.125, "instrument": SPOT_BTC + 1}
    assert setup.currency_set(state, time, BTC, record("currency", shape, values)) == ok
    for s in (TREND, REVERSION):
        assert setup.strategy_set(state, time, s, record("strategy", shape, STRATEGY_VALUES)) == ok
    for number, (horizon, down, up) in SCENARIOS.items():
        values = {"enabled": 1, "horizon_ns": horizon, "scenario_id": 100 + number}
        moves = [np.full(shape.instruments, move) for move in (down, up)]
        row = record("scenario", shape, values)
        assert setup.scenario_set(state, time, number, row, *moves) == ok
    if cash:
        for v in (EXCHANGE, BROKER):
            deposit(state, v, USD, cash)
    if marks:
        for i, mark in MARKS.items():
            quote(state, i, mark - 1, mark + 1)
    return state


def copy_state(state, shape=SMALL):
    """Another buffer with the same bytes."""
    other = allocate(state_dtype(shape))
    other.view(np.uint8)[:] = np.frombuffer(state.tobytes(), dtype=np.uint8)
    return other[0]


def unset_currency(state, currency):
    """Take back the last currency set, which nothing holds yet."""
    assert state.header.currency_count == currency + 1
    state.header.currency_count = currency
    state.currencies[currency].state = codes.UNSET


def assert_refused(state, status, event, *arguments):
    """Assert that an event is refused with `status` and that not one byte changes."""
    before = state.tobytes()
    assert event(state, *arguments) == status
    assert state.tobytes() == before


def now(state):
    """The last time seen, as an int."""
    return int(state.header.last_time_ns)


def quote(state, instrument, bid, ask, lots=1 << 20, time_ns=None):
    """A book; returns the status."""
    return market.on_quote(state, time_ns or now(state), instrument, bid, lots, ask, lots)


def deposit(state, venue, currency, amount, time_ns=None):
    """A transfer that must be booked."""
    time = time_ns or now(state)
    assert cash_events.on_transfer(state, time, venue, currency, amount) == codes.OK


def reserve(
    state, instrument, side, lots, price, *, strategy=TREND, time_ns=None, order_type=codes.LIMIT
):
    """A working order as the gate reserves one that has passed; returns its handle."""
    time = time_ns or now(state)
    client_id = int(state.strategies[strategy].last_client_id) + 1
    state.strategies[strategy].last_client_id = client_id
    handle = orders.reserve_order(
        state, time, client_id, instrument, strategy, side, order_type, codes.GTC, 0, lots, price
    )
    exposure.revalue_position(state, instrument)
    return int(handle)


def fill(
    state,
    instrument,
    side,
    lots,
    price,
    *,
    handle=0,
    strategy=TREND,
    fee=0.0,
    fee_currency=USD,
    execution_id=0,
    time_ns=None,
):
    """An execution; returns the status."""
    return positions.on_fill(
        state,
        time_ns or now(state),
        handle,
        instrument,
        strategy,
        side,
        lots,
        price,
        fee,
        fee_currency,
        execution_id,
    )


def bust(state, instrument, side, lots, price, *, strategy=TREND, fee=0.0, execution_id=0):
    """An execution taken back; returns the status."""
    return positions.on_bust(
        state, now(state), instrument, strategy, side, lots, price, fee, USD, execution_id
    )


# --- invariants -----------------------------------------------------------------------------------


def walk(state, link, follow):
    """Slots of a list from a link (slot + 1), with a bound so that a cycle fails."""
    slots = []
    while link != 0:
        assert 0 < link <= state.header.orders
        slots.append(int(link) - 1)
        assert len(slots) <= state.header.orders, "cycle"
        link = getattr(state.orders[slots[-1]], follow)
    return slots


def live_slots(state):
    """Slots that are taken."""
    return [k for k in range(state.header.orders) if state.orders[k].status != codes.ORDER_FREE]


def reserved_of(order):
    """What an order must reserve."""
    return max(0, max(order.lots, order.replace_lots) - order.filled_lots)


def prices_of(order):
    """Prices an order may trade at."""
    return [p for p in (order.price_ticks, order.replace_ticks) if p > 0]


def check_lists(state):
    """Assert every invariant of slots, lists, reservations, own best prices and their counts."""
    live = live_slots(state)
    free = walk(state, state.system.free_head, "next")
    assert sorted(free + live) == list(range(state.header.orders))
    assert state.account.open_orders == len(live)
    for k in live:
        order = state.orders[k]
        assert order.generation >= 1
        assert order.reserved_lots == reserved_of(order)
        assert order.filled_lots < max(order.lots, order.replace_lots)
    check_side_lists(state, live)
    check_pending(state, live)


def check_side_lists(state, live):
    """Assert that side lists, working lots and own best prices follow from the live orders."""
    rows = {k: state.orders[k] for k in live}
    for i in range(state.header.instruments):
        position = state.positions[i]
        mine = {k: row for k, row in rows.items() if row.instrument == i}
        assert position.open_order_count == len(mine)
        unknown = sum(row.status == codes.ORDER_UNKNOWN for row in mine.values())
        assert position.unknown_orders == unknown
        for side, head, working, best, pick in (
            (codes.BUY, "buy_head", "working_buy_lots", "own_best_bid", max),
            (codes.SELL, "sell_head", "working_sell_lots", "own_best_ask", min),
        ):
            group = {k: row for k, row in mine.items() if row.side == side}
            slots = walk(state, getattr(position, head), "next")
            assert sorted(slots) == sorted(group)
            for before, after in zip([-1, *slots], slots, strict=False):
                assert state.orders[after].previous == before + 1
            assert getattr(position, working) == sum(r.reserved_lots for r in group.values())
            prices = [price for row in group.values() for price in prices_of(row)]
            assert getattr(position, best) == pick(prices, default=0)
            for s in range(state.header.strategies):
                lots = sum(r.reserved_lots for r in group.values() if r.strategy == s)
                assert getattr(state.holdings[s, i], working) == lots


def check_pending(state, live):
    """Assert that the orders that wait are listed in the order in which their wait began."""
    waiting = walk(state, state.system.pending_head, "pending_next")
    expected = [
        k
        for k in live
        if state.orders[k].status
        in (codes.ORDER_PENDING, codes.ORDER_CANCEL_PENDING, codes.ORDER_REPLACE_PENDING)
    ]
    assert sorted(waiting) == sorted(expected)
    assert state.system.pending_tail == (waiting[-1] + 1 if waiting else 0)
    for before, after in zip([-1, *waiting], waiting, strict=False):
        assert state.orders[after].pending_previous == before + 1
    times = [state.orders[k].sent_ns for k in waiting]
    assert times == sorted(times)
    for k in range(state.header.orders):
        assert bool(state.orders[k].in_pending) == (k in waiting)
    unknown = sum(state.orders[k].status == codes.ORDER_UNKNOWN for k in live)
    assert state.system.unknown_orders == unknown


def check_books(state):
    """Assert that lots are conserved and that equity is what balances and marks say.

    Recomputed in plain Python from amounts, lots, costs and marks; tolerance for rounding only.
    """
    header = state.header
    cash = holdings = scale = 0.0
    for c in range(header.currency_count):
        rate = float(state.currencies[c].rate)
        total = 0.0
        for v in range(header.venue_count):
            b = state.balances[v, c]
            parts = (b.deposits, b.funding, b.realized, -b.fees, b.adjusted)
            size = sum(abs(float(p)) for p in parts)
            assert abs(b.amount - sum(parts)) <= 1e-9 * (1.0 + size)
            total += float(b.amount)
        assert abs(state.currencies[c].balance - total) <= 1e-9 * (1.0 + abs(total))
        cash += total * rate
        scale += abs(total * rate)
    for i in range(header.instrument_count):
        p, terms, mark = state.positions[i], state.instruments[i], float(state.market[i].mark)
        assert p.net_lots == p.bought_lots - p.sold_lots + p.adjusted_lots
        assert p.net_lots == sum(int(state.holdings[s, i].lots) for s in range(header.strategies))
        assert p.net_lots != 0 or (p.cost == 0.0 and p.average_price == 0.0)
        rate = float(state.currencies[terms.currency].rate)
        lots, unit = int(p.net_lots), float(terms.contract_value) * rate
        if terms.kind == codes.SPOT:
            value, size = lots * mark * unit, abs(lots) * mark * unit
        elif terms.kind == codes.LINEAR:
            value, size = (lots * mark - float(p.cost)) * unit, abs(lots) * mark * unit
        elif lots:
            value, size = (float(p.cost) - lots / mark) * unit, abs(lots) / mark * unit
        else:
            value, size = 0.0, 0.0
        holdings += value
        scale += size
    tolerance = 1e-9 * (1.0 + scale)
    assert abs(state.account.cash - cash) <= tolerance
    assert abs(state.account.holdings_value - holdings) <= tolerance
    assert abs(state.account.equity - (cash + holdings)) <= tolerance
