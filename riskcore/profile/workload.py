"""The account that everything is measured on: a busy desk with positions in every instrument.

Limits are generous, so that orders pass; every check is worked out all the same. Numbers come from
a fixed seed: two runs measure the same work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskcore import codes
from riskcore.layout import allocate, record_dtype

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
START_NS = 1_700_000_000 * SECOND
SCENARIOS = 13
VENUES = 4
STRATEGIES = 4
SAMPLES = 48  # sampling intervals closed before anything is measured
EQUITY_PER_INSTRUMENT = 2e6
HELD_LOTS = 4_000  # filled position of each instrument, long or short, by two strategies
SEED = 20_240_801

PARAMETERS = {
    "version": 1,
    "author": 1,
    "max_position_share": 10.0,
    "max_position_risk": 10.0,
    "min_liquidation_distance": 0.01,
    "max_gross_leverage": 100.0,
    "max_net_leverage": 100.0,
    "var_95": 100.0,
    "expected_shortfall": 100.0,
    "max_portfolio_risk": 100.0,
    "max_herfindahl": 100.0,
    "max_weight": 100.0,
    "max_correlation_risk": 100.0,
    "cluster_correlation": 0.7,
    "max_stress_loss": 100.0,
    "max_drawdown": 0.9,
    "target_drawdown": 0.5,
    "max_daily_loss": 0.9,
    "cushion_multiplier": 100.0,
    "min_free_margin": 0.01,
    "max_open_orders": 1_000_000,
    "max_daily_turnover": 1e6,
    "max_losing_streak": 1_000_000,
    "losing_streak_cooldown_ns": SECOND,
    "decision_interval_ns": 60 * SECOND,
    "execution_latency_ns": SECOND,
    "max_order_to_trade": 1e6,
    "order_to_trade_grace": 1 << 40,
    "max_reject_rate": 0.9,
    "max_venue_exposure": 100.0,
    "heartbeat_timeout_ns": 24 * HOUR,
    "execution_interval_ns": 1,
    "execution_burst_ns": 24 * HOUR,
    "acknowledgement_timeout_ns": 24 * HOUR,
    "price_collar": 0.05,
    "exit_collar": 0.1,
    "max_quote_age_ns": 24 * HOUR,
    "max_rate_age_ns": 24 * HOUR,
    "max_spread": 0.05,
    "max_visible_share": 1.0,
    "max_traded_share": 1.0,
    "liquidity_window_ns": 24 * HOUR,
    "max_volatility": 10.0,
    "max_flash_move": 0.9,
    "flash_window_ns": 60 * SECOND,
    "crash_probability": 0.9,
    "performance_floor": -0.9,
    "performance_min_trades": 10,
    "performance_decay": 0.9,
    "probation_factor": 0.5,
    "max_latency_ns": SECOND,
    "latency_decay": 0.9,
    "error_interval_ns": SECOND,
    "error_burst_ns": HOUR,
    "max_data_gap_ns": 24 * HOUR,
    "monitor_timeout_ns": 24 * HOUR,
    "max_same_time_events": 1 << 40,
    "sample_interval_ns": 60 * SECOND,
    "variance_decay": 0.97,
    "covariance_decay": 0.97,
    "initial_correlation": 0.5,
    "tail_degrees_of_freedom": 5.0,
    "stop_multiple": 3.0,
    "target_multiple": 2.0,
    "stop_horizon_ns": 24 * HOUR,
    "stop_gap": 0.01,
    "base_size": 0.01,
    "volatility_target": 0.02,
    "volatility_multiplier": 1.0,
    "max_leverage": 3.0,
    "risk_per_trade": 0.005,
    "kelly_fraction": 0.25,
    "kelly_shrinkage": 0.3,
    "kelly_wealth_floor": 0.7,
    "kelly_floor_probability": 0.1,
    "drawdown_sizing_power": 1.0,
}
KELLY_PARAMETERS = {"version": 2, "max_position_share": 0.2}  # bounds that Kelly's weights meet
REGIMES = {
    "regime_risk_multiplier": 1.0,
    "regime_size_multiplier": 1.0,
    "regime_confidence_threshold": 0.5,
    "regime_stop_multiplier": 1.0,
}


@dataclass(frozen=True)
class Orders:
    """Orders of one kind, as records ready to be sent, and the action that each must get."""

    name: str
    action: int
    records: NDArray[np.void]


def mid_ticks(instrument: int) -> int:
    """Mid price of an instrument at the start, ticks."""
    return 20_000 + 97 * instrument


def held_side(instrument: int) -> int:
    """Side of the position that is held in an instrument."""
    return codes.BUY if instrument % 3 else codes.SELL


def _record(core: Any, name: str, values: dict[str, Any]) -> Any:
    record = allocate(record_dtype(name, core.shape))[0]
    for field, value in values.items():
        record[field] = value
    return record


def _must(status: int, what: str) -> None:
    if status != codes.OK:
        raise RuntimeError(f"{what}: {codes.STATUS_NAMES.get(int(status), status)}")


def _configure(core: Any, instruments: int) -> None:
    """Parameters, venues, currencies, strategies, instruments and scenarios."""
    now = START_NS
    _must(core.set_parameters(now, _record(core, "parameters", PARAMETERS | REGIMES)), "parameters")
    for c in range(2):
        values = {"state": codes.ACTIVE, "is_account": int(c == 0), "shock": 0.1 * c}
        _must(core.currency_set(now, c, _record(core, "currency", values)), "currency")
    _must(core.on_rate(now, 1, 1.25), "rate")
    for v in range(VENUES):
        values = {
            "state": codes.ACTIVE,
            "message_interval_ns": 1,
            "message_burst_ns": HOUR,
            "message_reserve_ns": SECOND,
            "window_ns": 10 * SECOND,
            "window_limit": 1 << 40,
            "window_reserve": 1 << 10,
            "reject_decay": 0.95,
        }
        _must(core.venue_set(now, v, _record(core, "venue", values)), "venue")
        _must(core.on_transfer(now, v, 0, EQUITY_PER_INSTRUMENT * instruments / VENUES), "transfer")
    _must(core.on_transfer(now, 0, 1, 1e5), "transfer")
    for s in range(STRATEGIES):
        values = {
            "state": codes.ACTIVE,
            "regime_mask": 0b1111,
            "budget": 100.0,
            "max_drawdown": 10.0,
            "max_daily_loss": 10.0,
            "order_interval_ns": 1,
            "order_burst_ns": HOUR,
        }
        _must(core.strategy_set(now, s, _record(core, "strategy", values)), "strategy")
    for i in range(instruments):
        values = {
            "state": codes.ACTIVE,
            "kind": codes.LINEAR,
            "venue": i % VENUES,
            "currency": 1 if i % 8 == 7 else 0,
            "underlying": i - i % 2,
            "symbol_id": i + 1,
            "contract_value": 0.01,
            "initial_volatility": 0.03 + 0.0005 * (i % 40),
            "initial_margin": 0.1,
            "maintenance_margin": 0.05,
            "taker_fee": 0.0005,
            "exit_cost": 0.001,
            "min_notional": 10.0,
            "max_order_notional": 1e8,
            "max_position_notional": 1e9,
            "max_order_lots": 10_000,
            "max_position_lots": 1 << 40,
            "min_lots": 1,
            "lot_step": 1,
            "tick_step": 1,
            "min_price_ticks": 1,
            "max_price_ticks": 1 << 30,
            "shorting_allowed": 1,
        }
        _must(core.instrument_set(now, i, _record(core, "instrument", values)), "instrument")
    n = core.shape.instruments
    for s in range(SCENARIOS):
        values = {"enabled": 1, "horizon_ns": (s + 1) * HOUR, "scenario_id": s + 1}
        down = np.full(n, 0.05 + 0.02 * s)
        up = np.full(n, 0.04 + 0.02 * s)
        _must(core.scenario_set(now, s, _record(core, "scenario", values), down, up), "scenario")


def quotes(instruments: int, rows: int, seed: int = SEED) -> NDArray[np.int64]:
    """Books of every instrument through `rows` intervals: one common factor and noise.

    Returns
    -------
    int64[rows, instruments, 4]
        Bid, bid lots, ask, ask lots.
    """
    rng = np.random.default_rng(seed)
    common = rng.normal(0.0, 0.002, (rows, 1))
    own = rng.normal(0.0, 0.0012, (rows, instruments))
    start = np.array([mid_ticks(i) for i in range(instruments)], dtype=np.float64)
    mids = (start * np.cumprod(1.0 + 0.2 * (common + own), axis=0)).astype(np.int64)
    books = np.empty((rows, instruments, 4), dtype=np.int64)
    books[:, :, 0] = mids - 2
    books[:, :, 1] = rng.integers(5_000, 50_000, (rows, instruments))
    books[:, :, 2] = mids + 2
    books[:, :, 3] = rng.integers(5_000, 50_000, (rows, instruments))
    return books


def build(core: Any, instruments: int, open_orders: int) -> int:
    """Fill a fresh core with the account; returns the time of its last event.

    Parameters
    ----------
    core : Core
        Fresh, of any shape with room for it.
    instruments : int
        Instruments in use, all with a position.
    open_orders : int
        Working orders, spread over instruments, sides and strategies.
    """
    _configure(core, instruments)
    now = START_NS + SECOND
    books = quotes(instruments, SAMPLES)
    for i in range(instruments):
        _must(core.on_quote(now, i, *map(int, books[0, i])), "quote")
        _must(core.on_trade(now, i, mid_ticks(i), 1_000_000), "trade")
        for s in (i % STRATEGIES, (i + 1) % STRATEGIES):
            now += 1_000
            lots = HELD_LOTS // 2
            price = int(books[0, i, 2])
            status = core.on_fill(now, 0, i, s, held_side(i), lots, price, 1.0, 0, now)
            if status != codes.BOOKED_UNMATCHED:
                raise RuntimeError(f"fill: {status}")
        _must(core.control(now, codes.CONTROL_RESET_INSTRUMENT, i, 0, 1), "reset")
    for row in range(SAMPLES):
        now += 60 * SECOND
        for i in range(instruments):
            _must(core.on_quote(now, i, *map(int, books[row, i])), "quote")
        _must(core.on_sample(now), "sample")
        while core.advance(core.shape.instruments) == codes.BUSY:
            pass
    for k in range(open_orders):
        now += 1_000
        core.order.client_id = k + 1
        core.order.time_ns = now
        for name, value in passive_order(k, instruments, books[-1]).items():
            core.order[name] = value
        if core.check_order() != codes.APPROVE:
            names = codes.check_names(tuple(core.decision.reasons))
            raise RuntimeError(f"order {k}: {names}")
        _must(core.on_ack(now, int(core.decision.handle), k + 1), "acknowledgement")
    return now


def passive_order(k: int, instruments: int, books: NDArray[np.int64]) -> dict[str, Any]:
    """Order `k` of a list: away from the market, on the side of the position, always the same."""
    i = (k * 37) % instruments
    side = held_side(i)
    away = 10 + k % 50
    price = int(books[i, 0]) - away if side == codes.BUY else int(books[i, 2]) + away
    return {
        "instrument": i,
        "strategy": k % STRATEGIES,
        "side": side,
        "type": codes.LIMIT,
        "time_in_force": codes.GTC,
        "order_flags": 0,
        "lots": 1 + k % 7,
        "price_ticks": price,
        "stop_ticks": 0,
        "confidence": 0.9,
    }


def signal() -> NDArray[np.void]:
    """One signal whose edge is known, so that every candidate of a size is worked out."""
    record = np.zeros(1, dtype=record_dtype("signal"))
    record["side"] = codes.BUY
    record["confidence"] = 0.8
    record["expected_return"] = 0.002
    record["win_probability"] = 0.55
    record["payoff"] = 1.2
    return record


def bounded_parameters(core: Any) -> Any:
    """Parameters in which about a third of the weights for `expected_returns` are at a bound."""
    return _record(core, "parameters", PARAMETERS | REGIMES | KELLY_PARAMETERS)


def expected_returns(core: Any, instruments: int, rows: int = 16) -> NDArray[np.float64]:
    """Means over 24 h, a few hundredths of the volatility, in rows as `rc_kelly` reads them.

    Returns
    -------
    float64[rows, instruments of the shape], fraction
    """
    means = np.zeros((rows, core.shape.instruments))
    means[:, :instruments] = np.random.default_rng(SEED).normal(0.0, 0.0003, (rows, instruments))
    return means


def orders(instruments: int, count: int = 1024) -> list[Orders]:
    """Orders that are approved, that exit, that are resized and that are rejected.

    Parameters
    ----------
    instruments : int
    count : int
        Orders of each kind; the same list serves again with new identifiers and times.
    """
    books = quotes(instruments, SAMPLES)[-1]
    kinds = []
    for name, action in (
        ("approve", codes.APPROVE),
        ("exit", codes.APPROVE),
        ("resize", codes.RESIZE),
        ("reject", codes.REJECT),
    ):
        records = np.zeros(count, dtype=record_dtype("order"))
        for k in range(count):
            order = passive_order(k, instruments, books)
            if name == "exit":
                order["side"] = -order["side"]
                i = order["instrument"]
                order["price_ticks"] = int(books[i, 2] if order["side"] > 0 else books[i, 0])
            elif name == "resize":
                order["lots"] = 11_000 + k % 7  # above max_order_lots
            elif name == "reject":
                order["price_ticks"] *= 2 if order["side"] == codes.BUY else 1
                if order["side"] == codes.SELL:
                    order["price_ticks"] //= 2  # outside the collar
            for field, value in order.items():
                records[field][k] = value
        kinds.append(Orders(name, action, records))
    return kinds
