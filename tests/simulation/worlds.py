"""Seeded random configurations: instruments, venues, limits and a first bit of history.

``build_world(engine, seed)`` configures an empty engine through its public setters only. Most
limits are loose; each seed makes a few of them tight, and now and then one is zero, so that over
many seeds every limit is met from both sides.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from riskcore import codes
from riskcore.layout import Shape, record_dtype

START_NS = 1_700_000_000_000_000_000
SECOND, HOUR = 1_000_000_000, 3_600_000_000_000

# Loose and tight range of each limit; a tight one is drawn log-uniformly between its two ends.
LIMITS = {
    "max_position_share": (50.0, (0.01, 2.0)),
    "max_position_risk": (50.0, (0.001, 0.2)),
    "min_liquidation_distance": (0.001, (0.02, 0.9)),
    "max_gross_leverage": (100.0, (0.02, 4.0)),
    "max_net_leverage": (100.0, (0.02, 4.0)),
    "var_95": (50.0, (0.001, 0.3)),
    "expected_shortfall": (50.0, (0.001, 0.3)),
    "max_portfolio_risk": (50.0, (0.001, 0.3)),
    "max_herfindahl": (1000.0, (0.0001, 1.0)),
    "max_weight": (50.0, (0.01, 2.0)),
    "max_correlation_risk": (50.0, (0.001, 0.3)),
    "max_stress_loss": (50.0, (0.005, 0.8)),
    "max_drawdown": (0.9, (0.0005, 0.05)),
    "max_daily_loss": (0.9, (0.0002, 0.05)),
    "cushion_multiplier": (500.0, (0.05, 5.0)),
    "min_free_margin": (0.01, (0.1, 0.95)),
    "max_daily_turnover": (1000.0, (0.05, 5.0)),
    "max_order_to_trade": (1e5, (0.5, 8.0)),
    "max_reject_rate": (0.99, (0.01, 0.3)),
    "max_venue_exposure": (100.0, (0.02, 3.0)),
    "price_collar": (0.3, (0.001, 0.02)),
    "exit_collar": (0.5, (0.002, 0.05)),
    "max_spread": (0.5, (0.0003, 0.01)),
    "max_visible_share": (1e5, (0.05, 5.0)),
    "max_traded_share": (1e5, (0.05, 5.0)),
    "max_volatility": (20.0, (0.01, 0.5)),
    "max_flash_move": (2.0, (0.0005, 0.02)),
    "probation_factor": (0.9, (0.01, 0.5)),
}
COUNTS = {
    "max_open_orders": (1000, (1, 20)),
    "max_losing_streak": (1000, (1, 4)),
    "order_to_trade_grace": (10**6, (1, 30)),
    "max_same_time_events": (1000, (1, 4)),
    "performance_min_trades": (1000, (1, 4)),
}
TIMES = {
    "losing_streak_cooldown_ns": (SECOND, (SECOND, HOUR)),
    "heartbeat_timeout_ns": (100 * HOUR, (SECOND, HOUR)),
    "execution_burst_ns": (HOUR, (SECOND // 10, 5 * SECOND)),
    "acknowledgement_timeout_ns": (100 * HOUR, (SECOND // 100, 60 * SECOND)),
    "max_quote_age_ns": (100 * HOUR, (SECOND // 100, 60 * SECOND)),
    "max_rate_age_ns": (1000 * HOUR, (SECOND, HOUR)),
    "max_latency_ns": (10**9, (1000, 100_000)),
    "error_burst_ns": (HOUR, (SECOND // 10, 10 * SECOND)),
    "max_data_gap_ns": (100 * HOUR, (SECOND // 100, 60 * SECOND)),
    "monitor_timeout_ns": (100 * HOUR, (SECOND, HOUR)),
}


def empty_record(name: str, shape: Shape) -> Any:
    """A zeroed record of the layout."""
    return np.zeros(1, dtype=record_dtype(name, shape)).view(np.recarray)[0]


class Swarm:
    """Draws limits: mostly loose, a few tight, seldom zero."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.share_tight = float(rng.choice([0.0, 0.02, 0.05, 0.1, 0.3]))
        self.share_zero = float(rng.choice([0.0, 0.0, 0.01]))

    def between(self, low: float, high: float) -> float:
        """Log-uniform."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def draw(self, loose: float, tight: tuple[float, float]) -> float:
        """One limit. Round binary fractions come often, as people like round numbers."""
        draw = self.rng.random()
        if draw < self.share_zero:
            return 0.0
        value = self.between(*tight) if draw < self.share_zero + self.share_tight else loose
        if self.rng.random() < 0.3 and value > 2**-20:
            value = float(2.0 ** np.floor(np.log2(value)))
        return min(value, max(loose, tight[1]))


def draw_parameters(rng: np.random.Generator, shape: Shape, version: int = 1) -> Any:
    """A random valid parameter block."""
    swarm, p = Swarm(rng), empty_record("parameters", shape)
    p.version, p.author = version, 7
    for name, (loose, tight) in LIMITS.items():
        p[name] = swarm.draw(loose, tight)
    for table in (COUNTS, TIMES):
        for name, (loose, tight) in table.items():
            p[name] = int(swarm.draw(loose, tight))
    p.target_drawdown = 0.5 * p.max_drawdown
    p.decision_interval_ns = int(rng.choice([SECOND, HOUR // 12]))
    p.execution_latency_ns = SECOND
    for name in ("require_heartbeat", "require_monitor", "crash_reduce_only"):
        p[name] = int(rng.random() < (0.5 if name == "crash_reduce_only" else 0.05))
    p.crash_probability = float(rng.choice([0.9, 0.5, 1.0]))
    p.execution_interval_ns = int(rng.choice([0, SECOND // 100, SECOND]))
    p.error_interval_ns = SECOND
    p.liquidity_window_ns = int(
        rng.choice([24 * HOUR, HOUR, 60 * SECOND, 7 * SECOND], p=[0.7, 0.15, 0.1, 0.05])
    )
    p.flash_window_ns = int(rng.choice([10 * SECOND, 60 * SECOND, HOUR]))
    p.performance_floor = float(rng.choice([-1.0, 0.0, 0.0001]))
    p.performance_decay, p.latency_decay = 0.75, 0.5
    p.cluster_correlation = float(rng.choice([0.7, 0.3, 0.0, 1.0]))
    p.sample_interval_ns = int(rng.choice([60 * SECOND, HOUR // 12, HOUR]))
    p.variance_decay = float(rng.choice([0.94, 0.97, 0.5]))
    p.covariance_decay = float(rng.choice([0.94, 0.99, 0.5]))
    p.initial_correlation = float(rng.choice([0.0, 0.5, 0.9]))
    p.tail_degrees_of_freedom = float(rng.choice([0.0, 4.0, 5.5]))
    p.stop_multiple, p.target_multiple, p.stop_horizon_ns = 2.0, 1.5, 4 * HOUR
    p.stop_gap = float(rng.choice([0.0, 0.01]))
    p.base_size, p.volatility_target, p.volatility_multiplier = 0.1, 0.02, 1.0
    p.max_leverage, p.risk_per_trade, p.drawdown_sizing_power = 2.0, 0.01, 1.0
    p.kelly_fraction, p.kelly_shrinkage = 0.25, 0.3
    p.kelly_wealth_floor, p.kelly_floor_probability = 0.8, 0.1
    for r in range(shape.regimes):
        p.regime_risk_multiplier[r] = (1.0, 1.5, 0.8, 2.0)[r % 4]
        p.regime_size_multiplier[r] = (1.0, 0.5, 1.2, 0.1)[r % 4]
        p.regime_confidence_threshold[r] = (0.0, 0.5, 0.3, 0.6)[r % 4]
        p.regime_stop_multiplier[r] = (1.0, 1.5, 1.2, 2.0)[r % 4]
    return p


def draw_venue(rng: np.random.Generator, shape: Shape) -> Any:
    """A random venue: message bucket, perhaps a fixed window."""
    swarm, v = Swarm(rng), empty_record("venue", shape)
    v.state = codes.ACTIVE
    v.message_interval_ns = int(rng.choice([0, SECOND // 1000, SECOND]))
    v.message_burst_ns = int(swarm.draw(HOUR, (SECOND, 10 * SECOND)))
    v.message_reserve_ns = int(v.message_burst_ns * rng.choice([0.0, 0.2, 0.5]))
    if rng.random() < 0.4:
        v.window_ns = int(rng.choice([SECOND, 60 * SECOND]))
        v.window_limit = int(swarm.draw(1000, (2, 20)))
        v.window_reserve = int(v.window_limit * rng.choice([0.0, 0.2, 0.5]))
    v.reject_decay = 0.75
    return v


def draw_instrument(
    rng: np.random.Generator, shape: Shape, venues: int, currencies: int, rates: np.ndarray
) -> tuple[Any, float]:
    """A random instrument and the price in ticks that its history starts at."""
    swarm, r = Swarm(rng), empty_record("instrument", shape)
    r.state = codes.ACTIVE
    r.kind = int(rng.choice([codes.SPOT, codes.LINEAR, codes.LINEAR, codes.INVERSE]))
    r.venue, r.currency = int(rng.integers(0, venues)), int(rng.integers(0, currencies))
    r.underlying = int(rng.integers(0, shape.instruments))
    r.symbol_id = int(rng.integers(1, 1000))
    mark, value = swarm.between(200.0, 200_000.0), swarm.between(0.5, 500.0)
    rate = float(rates[r.currency])
    contract = value * mark / rate if r.kind == codes.INVERSE else value / (mark * rate)
    r.contract_value = contract if rng.random() < 0.7 else float(2.0 ** np.floor(np.log2(contract)))
    r.initial_volatility = swarm.between(0.005, 0.2)
    r.initial_margin = float(rng.choice([0.02, 0.1, 0.5]))
    r.maintenance_margin = 0.5 * r.initial_margin
    r.taker_fee, r.exit_cost = 0.0005, float(rng.choice([0.0, 0.001, 0.01]))
    r.min_notional = swarm.draw(0.0, (1.0, 1000.0))
    r.max_order_notional = swarm.draw(1e12, (1e3, 1e6))
    r.max_position_notional = swarm.draw(1e12, (1e3, 1e6))
    r.max_order_lots = int(swarm.draw(1e11, (10.0, 10_000.0)))
    r.max_position_lots = int(swarm.draw(1e11, (10.0, 10_000.0)))
    r.lot_step = int(rng.choice([1, 1, 1, 5, 8]))
    r.min_lots = int(rng.choice([1, 1, 2, 10, 17]))
    r.tick_step = int(rng.choice([1, 1, 2, 5]))
    r.min_price_ticks = 1 if rng.random() < 0.8 else max(1, int(0.97 * mark))
    r.max_price_ticks = codes.MAX_TICKS if rng.random() < 0.8 else int(1.03 * mark) + 1
    r.shorting_allowed = int(rng.random() < 0.8)
    if rng.random() < 0.03:
        r.expiry_ns = START_NS + int(rng.integers(0, HOUR))
    return r, mark


def draw_strategy(rng: np.random.Generator, shape: Shape) -> Any:
    """A random strategy."""
    swarm, s = Swarm(rng), empty_record("strategy", shape)
    s.state = codes.ACTIVE
    every = (1 << shape.regimes) - 1
    s.regime_mask = every if rng.random() < 0.7 else int(rng.integers(0, every + 1))
    s.budget = swarm.draw(100.0, (0.01, 2.0))
    s.max_drawdown = swarm.draw(50.0, (0.0005, 0.05))
    s.max_daily_loss = swarm.draw(50.0, (0.0005, 0.05))
    s.order_interval_ns = int(rng.choice([0, SECOND // 1000, SECOND]))
    s.order_burst_ns = int(swarm.draw(HOUR, (SECOND, 10 * SECOND)))
    return s


def build_world(engine: Any, seed: int, shape: Shape) -> np.random.Generator:
    """Configure an empty engine at random; every setter must accept.

    Parameters
    ----------
    engine : Engine
        Freshly made: see ``riskcore/profile/engines.py``.
    seed : int
    shape : Shape
        Of the engine's state.

    Returns
    -------
    numpy.random.Generator
        To go on drawing from.
    """
    rng = np.random.default_rng([seed, 17])
    t = START_NS + int(rng.integers(0, 86_400)) * SECOND

    def accept(status: int) -> None:
        assert status == codes.OK, codes.STATUS_NAMES.get(status, status)

    currencies = int(rng.integers(1, shape.currencies + 1))
    rates = np.ones(currencies)
    for c in range(currencies):
        record = empty_record("currency", shape)
        record.state, record.is_account = codes.ACTIVE, int(c == 0)
        record.shock = float(rng.choice([0.0, 0.05, 0.2])) if c else 0.0
        accept(engine.currency_set(t, c, record))
        if c:
            rates[c] = float(rng.choice([0.5, 1.1, 250.0, 32_768.0]))
            if rng.random() < 0.97:
                accept(engine.on_rate(t, c, rates[c]))
    venues = int(rng.integers(1, shape.venues + 1))
    for v in range(venues):
        accept(engine.venue_set(t, v, draw_venue(rng, shape)))
    accept(engine.set_parameters(t, draw_parameters(rng, shape)))
    instruments = int(rng.integers(max(1, shape.instruments // 2), shape.instruments + 1))
    marks = np.ones(instruments)
    for i in range(instruments):
        record, marks[i] = draw_instrument(rng, shape, venues, currencies, rates)
        accept(engine.instrument_set(t, i, record))
    for c in range(1, currencies):
        if rng.random() < 0.5:
            record = empty_record("currency", shape)
            record.state = codes.ACTIVE
            record.instrument = c  # instrument c - 1: no two currencies share one
            accept(engine.currency_set(t, c, record))
    for s in range(int(rng.integers(1, shape.strategies + 1))):
        accept(engine.strategy_set(t, s, draw_strategy(rng, shape)))
    for s in range(int(rng.integers(0, shape.scenarios + 1))):
        record = empty_record("scenario", shape)
        record.enabled, record.scenario_id = int(rng.random() < 0.9), s + 1
        record.horizon_ns = int(rng.choice([SECOND, 300 * SECOND, HOUR]))
        down = rng.uniform(0.0, 0.5, shape.instruments)
        up = rng.uniform(0.0, 0.5, shape.instruments)
        accept(engine.scenario_set(t, s, record, down, up))
    deposit = float(rng.choice([1e4, 1e6, 2.0**20]))
    for v in range(venues):
        accept(engine.on_transfer(t, v, 0, deposit))
        if currencies > 1 and rng.random() < 0.5:
            accept(engine.on_transfer(t, v, 1, 0.1 * deposit / rates[1]))
    for i in range(instruments):
        if rng.random() < 0.85:
            bid = max(1, int(marks[i] * 0.9995))
            ask = max(bid + 1, int(marks[i] * 1.0005))
            accept(engine.on_quote(t, i, bid, 1000, ask, 1000))
            accept(engine.on_trade(t, i, bid, 100_000))
    return rng
