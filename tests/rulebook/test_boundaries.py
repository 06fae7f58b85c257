"""Every check at its exact boundary: just not tripped, and tripped by the smallest step.

Marks, sizes, equity and volatilities are dyadic, so that measures and limits are exact. A case
places the account so that the measure equals the limit; ``beyond`` moves the limit, or the measure,
by one unit, one lot or one unit in the last place. A check without a case fails here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from riskcore import codes
from riskcore.codes import BUY, CHECKS, LIMIT, SELL
from riskcore.layout import record_dtype
from riskcore.profile.engines import Engine, NativeEngine, make_record
from tests import support
from tests.rulebook import rulebook

SHAPE = support.SMALL
SECOND = 1_000_000_000
ETHER, INVERSE, SPOT = support.LINEAR_ETH, support.INVERSE_BTC, support.SPOT_BTC
MARK, LOT = 2048, 1024.0  # of ether: ticks, and the value of a lot
EQUITY = 2.0**21
LOTS = 256


class Account:
    """A small account with dyadic numbers, and an order on it that everything lets through."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.state = engine.state
        self.orders = np.zeros(1, dtype=record_dtype("order", SHAPE)).view(np.recarray)
        self.order = self.orders[0]
        for name, value in {
            "client_id": 1000,
            "instrument": ETHER,
            "strategy": 0,
            "side": BUY,
            "type": LIMIT,
            "time_in_force": codes.GTC,
            "lots": LOTS,
            "price_ticks": MARK,
            "confidence": 1.0,
        }.items():
            self.order[name] = value
        self.order["time_ns"] = self.now

    @property
    def now(self) -> int:
        """The last time seen."""
        return int(self.state["header"]["last_time_ns"])

    @property
    def limits(self) -> Any:
        """The parameters, to be written to."""
        return self.state["parameters"]

    @property
    def terms(self) -> Any:
        """The order's instrument."""
        return self.state["instruments"][self.order["instrument"]]

    @property
    def position(self) -> Any:
        """Its position."""
        return self.state["positions"][self.order["instrument"]]

    @property
    def market(self) -> Any:
        """Its market."""
        return self.state["market"][self.order["instrument"]]

    @property
    def venue(self) -> Any:
        """Its venue."""
        return self.state["venues"][self.terms["venue"]]

    @property
    def strategy(self) -> Any:
        """The order's strategy."""
        return self.state["strategies"][self.order["strategy"]]

    def accept(self, status: int) -> None:
        """The event must be valid."""
        assert status in (codes.OK, codes.BOOKED_UNMATCHED), codes.STATUS_NAMES.get(status)

    def hold(self, instrument: int, side: int, lots: int, price: int) -> None:
        """A position by a fill at a price."""
        arguments = (0, instrument, 0, side, lots, price, 0.0, 0, 0)
        self.accept(self.engine.on_fill(self.now, *arguments))
        self.state["positions"][instrument]["latches"] = 0

    def lose(self, amount: float) -> None:
        """Equity falls by funding."""
        self.accept(self.engine.on_funding(self.now, ETHER, -1, 0, -amount))

    def quote(self, bid: int, ask: int, lots: int = 1 << 20) -> None:
        """A book of ether; a side of 0 is missing."""
        sizes = lots if bid else 0, lots if ask else 0
        self.accept(self.engine.on_quote(self.now, ETHER, bid, sizes[0], ask, sizes[1]))

    def judge(self) -> tuple[Any, rulebook.Verdict]:
        """Decision of the gate and verdict of the rule book."""
        verdict = rulebook.judge(self.state, self.order)
        self.engine.what_if(self.order, self.engine.decision)
        return self.engine.decision, verdict

    def commit(self) -> Any:
        """Send the order; the decision."""
        self.engine.check(self.order, self.engine.decision)
        return self.engine.decision


def build_account(engine: Engine, quoted: bool = True) -> None:
    """The account of ``tests/support.py``, set through the engine, with dyadic multipliers."""

    def record(name: str, values: dict[str, Any]) -> Any:
        result = make_record(name, SHAPE)
        for key, value in values.items():
            result[key] = value
        return result

    def accept(status: int) -> None:
        assert status == codes.OK, codes.STATUS_NAMES.get(status)

    t = support.START_NS
    parameters = {
        **support.PARAMETER_VALUES,
        "sample_interval_ns": 5400 * SECOND,  # 16 samples a day
        "regime_risk_multiplier": 1.0,
        "regime_size_multiplier": 1.0,
        "regime_stop_multiplier": 1.0,
    }
    accept(engine.set_parameters(t, record("parameters", parameters)))
    # Quantiles are not dyadic; these stand in for them before anything is valued with them.
    engine.state["parameters"]["var_multiplier"] = 2.0
    engine.state["parameters"]["es_multiplier"] = 4.0
    for c in (support.USD, support.BTC, support.EUR):
        values = {"state": codes.ACTIVE, "is_account": int(c == support.USD), "shock": 0.125}
        accept(engine.currency_set(t, c, record("currency", values)))
    for v in (support.EXCHANGE, support.BROKER):
        accept(engine.venue_set(t, v, record("venue", support.VENUE_VALUES)))
    accept(engine.on_rate(t, support.BTC, support.BTC_RATE))
    for i, terms in support.INSTRUMENTS.items():
        accept(engine.instrument_set(t, i, record("instrument", support.INSTRUMENT_VALUES | terms)))
    for s in (support.TREND, support.REVERSION):
        accept(engine.strategy_set(t, s, record("strategy", support.STRATEGY_VALUES)))
    for s, (horizon, down, up) in support.SCENARIOS.items():
        moves = [np.full(SHAPE.instruments, move) for move in (down, up)]
        accept(
            engine.scenario_set(
                t, s, record("scenario", {"enabled": 1, "horizon_ns": horizon}), *moves
            )
        )
    for v in (support.EXCHANGE, support.BROKER):
        accept(engine.on_transfer(t, v, support.USD, EQUITY / 2))
    for i, mark in support.MARKS.items():
        if i != ETHER or quoted:
            accept(engine.on_quote(t, i, mark - 1, 1 << 20, mark + 1, 1 << 20))
        accept(engine.on_trade(t, i, mark, 1 << 20))


@pytest.fixture(scope="module")
def engine() -> Engine:
    """Native code, which is what ships."""
    return NativeEngine(SHAPE)


@pytest.fixture(scope="module")
def image(engine: Engine) -> bytes:
    """The account as it is built."""
    build_account(engine)
    return engine.state_bytes()


@pytest.fixture
def account(engine: Engine, image: bytes) -> Account:
    """A fresh account."""
    engine.load_state(image)
    return Account(engine)


# --- the cases ------------------------------------------------------------------------------------

Case = Callable[[Account, bool], None]
CASES: dict[int, Case] = {}
# At these boundaries another check objects for a good reason.
NOT_ALONE = {codes.DRAWDOWN_EXCEEDS_MAX, codes.EQUITY_NOT_POSITIVE}


def case(number: int) -> Callable[[Case], Case]:
    """Enter a boundary case under the number of its check."""

    def enter(function: Case) -> Case:
        assert number not in CASES
        CASES[number] = function
        return function

    return enter


def below(limit: float, beyond: bool) -> Any:
    """The limit, or the next smaller number of its kind."""
    if not beyond:
        return limit
    return limit - 1 if isinstance(limit, int) else math.nextafter(limit, -math.inf)


def above(limit: float, beyond: bool) -> Any:
    """The limit, or the next larger number of its kind."""
    if not beyond:
        return limit
    return limit + 1 if isinstance(limit, int) else math.nextafter(limit, math.inf)


@case(codes.BUFFER_INTEGRITY)
def _(a: Account, beyond: bool) -> None:
    a.state["system"]["canary"] = above(rulebook.MAGIC, beyond)


@case(codes.PARAMETERS_UNSET)
def _(a: Account, beyond: bool) -> None:
    a.limits["version"] = below(1, beyond)


@case(codes.ORDER_INVALID)
def _(a: Account, beyond: bool) -> None:
    a.order["lots"] = below(1, beyond)


@case(codes.INSTRUMENT_UNKNOWN)
def _(a: Account, beyond: bool) -> None:
    a.order["instrument"] = above(ETHER, beyond)  # ether is the last one set


@case(codes.STRATEGY_UNKNOWN)
def _(a: Account, beyond: bool) -> None:
    a.strategy["state"] = codes.UNSET if beyond else codes.ACTIVE


@case(codes.DUPLICATE_CLIENT_ID)
def _(a: Account, beyond: bool) -> None:
    a.strategy["last_client_id"] = 41
    a.order["client_id"] = below(42, beyond)


@case(codes.ORDER_TABLE_FULL)
def _(a: Account, beyond: bool) -> None:
    a.hold(ETHER, BUY, 2 * SHAPE.orders, MARK)
    a.order["side"], a.order["lots"] = SELL, 1  # exits: an opening order leaves slots to them
    for k in range(above(SHAPE.orders - 1, beyond)):
        a.order["client_id"] = k + 1
        assert a.commit()["action"] == codes.APPROVE
    a.order["client_id"] = 1000


@case(codes.KILL_SWITCH)
def _(a: Account, beyond: bool) -> None:
    a.state["system"]["kill"] = int(beyond)


@case(codes.ACCOUNT_IN_REDUCE_ONLY)
def _(a: Account, beyond: bool) -> None:
    a.state["account"]["latches"] = codes.LATCH_OPERATOR if beyond else 0


@case(codes.LATENCY_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.limits["max_latency_ns"] = 4096
    a.state["system"]["latency_ewma_ns"] = above(4096.0, beyond)


@case(codes.ERROR_RATE_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    arrival = a.now + int(a.limits["error_burst_ns"])
    a.state["system"]["error_arrival_ns"] = above(arrival, beyond)


@case(codes.CLOCK_BACKWARDS)
def _(a: Account, beyond: bool) -> None:
    a.order["time_ns"] = below(a.now, beyond)


@case(codes.CLOCK_STALLED)
def _(a: Account, beyond: bool) -> None:
    a.state["system"]["same_time_events"] = 5
    a.limits["max_same_time_events"] = below(5, beyond)


@case(codes.DATA_GAP)
def _(a: Account, beyond: bool) -> None:
    last = a.now - int(a.limits["max_data_gap_ns"])
    a.state["system"]["last_quote_ns"] = below(last, beyond)


@case(codes.MONITOR_SILENT)
def _(a: Account, beyond: bool) -> None:
    word = a.now - int(a.limits["monitor_timeout_ns"])
    a.state["system"]["monitor_heartbeat_ns"] = below(word, beyond)


@case(codes.INSTRUMENT_UNRECONCILED)
def _(a: Account, beyond: bool) -> None:
    a.position["latches"] = codes.LATCH_RECONCILIATION if beyond else 0


@case(codes.ORDER_LOTS_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.terms["max_order_lots"] = below(LOTS, beyond)


@case(codes.ORDER_NOTIONAL_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.terms["max_order_notional"] = below(LOTS * LOT, beyond)


@case(codes.POSITION_LOTS_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.hold(ETHER, BUY, 16, MARK)
    a.terms["max_position_lots"] = below(16 + LOTS, beyond)


@case(codes.POSITION_NOTIONAL_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.hold(ETHER, BUY, 16, MARK)
    a.terms["max_position_notional"] = below((16 + LOTS) * LOT, beyond)


@case(codes.POSITION_SHARE_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.limits["max_position_share"] = below(LOTS * LOT / EQUITY, beyond)


@case(codes.POSITION_STOP_LOSS_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    # Two deviations of 1/16 over a day, and a gap of 1/64.
    assert a.position["stop_fraction_long"] == 0.140625
    a.limits["max_position_risk"] = below(LOTS * LOT * 0.140625 / EQUITY, beyond)


@case(codes.POSITION_VAR_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.position["stop_fraction_long"] = 0.0
    a.limits["max_position_risk"] = below(LOTS * LOT * 0.0625 * 2.0 / EQUITY, beyond)


@case(codes.STOP_BREACHED)
def _(a: Account, beyond: bool) -> None:
    a.position["stop_breached"] = int(beyond)


@case(codes.LIQUIDATION_DISTANCE_BELOW_MIN)
def _(a: Account, beyond: bool) -> None:
    # 1024 lots are worth the venue's equity: maintenance takes 1/16 of it.
    a.order["lots"] = 1024
    a.limits["min_liquidation_distance"] = 0.9375 + (2.0**-40 if beyond else 0.0)


@case(codes.SHORTING_NOT_ALLOWED)
def _(a: Account, beyond: bool) -> None:
    a.hold(SPOT, BUY, 16, 4096)
    a.order["instrument"], a.order["side"], a.order["price_ticks"] = SPOT, SELL, 4096
    a.order["lots"] = above(16, beyond)


@case(codes.REDUCE_ONLY_WOULD_OPEN)
def _(a: Account, beyond: bool) -> None:
    a.hold(ETHER, SELL, 16, MARK)
    a.order["order_flags"], a.order["lots"] = codes.REDUCE_ONLY, above(16, beyond)


@case(codes.INSTRUMENT_CLOSE_ONLY)
def _(a: Account, beyond: bool) -> None:
    a.terms["expiry_ns"] = below(a.now + 1, beyond)


@case(codes.GROSS_LEVERAGE_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.hold(SPOT, BUY, 16, 4096)  # worth 1024 a lot as well
    a.limits["max_gross_leverage"] = below((16 + LOTS) * LOT / EQUITY, beyond)


@case(codes.NET_LEVERAGE_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.hold(support.LINEAR_BTC, SELL, 64, 4096)  # worth 512 a lot
    a.limits["max_net_leverage"] = below((LOTS - 32) * LOT / EQUITY, beyond)


@case(codes.PORTFOLIO_VAR_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.limits["var_95"] = below(LOTS * LOT * 0.0625 * 2.0 / EQUITY, beyond)


@case(codes.EXPECTED_SHORTFALL_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.limits["expected_shortfall"] = below(LOTS * LOT * 0.0625 * 4.0 / EQUITY, beyond)


@case(codes.PORTFOLIO_STOP_LOSS_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.limits["max_portfolio_risk"] = below(LOTS * LOT * 0.140625 / EQUITY, beyond)


@case(codes.HERFINDAHL_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.limits["max_herfindahl"] = below((LOTS * LOT / EQUITY) ** 2, beyond)


@case(codes.LARGEST_WEIGHT_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.hold(SPOT, BUY, 16, 4096)  # another underlying: does not count
    a.limits["max_weight"] = below(LOTS * LOT / EQUITY, beyond)


@case(codes.CLUSTER_RISK_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.limits["max_correlation_risk"] = below(LOTS * LOT * 0.0625 * 2.0 / EQUITY, beyond)


@case(codes.STRESS_LOSS_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    # The worst scenario halves the price; the exit costs 1/256.
    a.limits["max_stress_loss"] = below(LOTS * LOT * 0.50390625 / EQUITY, beyond)


@case(codes.DRAWDOWN_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.lose(EQUITY / 8)
    a.limits["max_drawdown"] = below(0.125, beyond)
    a.accept(a.engine.on_clock(a.now))


@case(codes.DRAWDOWN_BUDGET_EXCEEDED)
def _(a: Account, beyond: bool) -> None:
    # The budget is this part of equity; the step is one that 1 - x resolves.
    a.limits["max_drawdown"] = LOTS * LOT * 0.50390625 / EQUITY - (2.0**-40 if beyond else 0.0)
    a.accept(a.engine.on_clock(a.now))


@case(codes.CUSHION_EXPOSURE_EXCEEDED)
def _(a: Account, beyond: bool) -> None:
    assert a.state["account"]["budget"] == EQUITY / 2
    a.limits["cushion_multiplier"] = below(LOTS * LOT / (EQUITY / 2), beyond)


@case(codes.DAILY_LOSS_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.lose(EQUITY / 8)
    a.limits["max_daily_loss"] = below(0.125, beyond)


@case(codes.FREE_MARGIN_BELOW_MIN)
def _(a: Account, beyond: bool) -> None:
    # 1024 lots are worth the venue's equity: an eighth of it is margin.
    a.order["lots"] = 1024
    a.limits["min_free_margin"] = 0.875 + (2.0**-40 if beyond else 0.0)


@case(codes.OPEN_ORDERS_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.order["client_id"] = 999
    assert a.commit()["action"] == codes.APPROVE
    a.order["client_id"] = 1000
    a.limits["max_open_orders"] = below(2, beyond)


@case(codes.DAILY_TURNOVER_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.hold(ETHER, BUY, 16, MARK)
    a.limits["max_daily_turnover"] = below((16 + LOTS) * LOT / EQUITY, beyond)


@case(codes.LOSING_STREAK_COOLDOWN)
def _(a: Account, beyond: bool) -> None:
    a.state["account"]["cooldown_until_ns"] = above(a.now, beyond)


@case(codes.EQUITY_NOT_POSITIVE)
def _(a: Account, beyond: bool) -> None:
    a.lose(EQUITY if beyond else EQUITY - 2.0**-20)


@case(codes.MESSAGE_RATE_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    room = a.venue["message_burst_ns"] - a.venue["message_reserve_ns"]
    arrival = a.now + int(room - a.venue["message_interval_ns"])
    a.venue["message_arrival_ns"] = above(arrival, beyond)


@case(codes.MESSAGE_WINDOW_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.venue["window_start_ns"] = a.now
    used = int(a.venue["window_limit"] - a.venue["window_reserve"]) - 1
    a.venue["window_used"] = above(used, beyond)


@case(codes.HEARTBEAT_STALE)
def _(a: Account, beyond: bool) -> None:
    beat = a.now - int(a.limits["heartbeat_timeout_ns"])
    a.venue["heartbeat_ns"] = below(beat, beyond)


@case(codes.ORDER_TO_TRADE_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.limits["order_to_trade_grace"] = 0
    a.venue["messages_day"], a.venue["fills_day"] = 7, 2  # with this order: 8 for 2
    a.limits["max_order_to_trade"] = below(4.0, beyond)


@case(codes.REJECT_RATE_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.venue["reject_rate"] = 0.25
    a.limits["max_reject_rate"] = below(0.25, beyond)


@case(codes.VENUE_EXPOSURE_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.hold(SPOT, BUY, 16, 4096)  # at the other venue
    a.limits["max_venue_exposure"] = below(LOTS * LOT / EQUITY, beyond)


@case(codes.PRICE_OFF_TICK)
def _(a: Account, beyond: bool) -> None:
    a.terms["tick_step"] = 2
    a.order["price_ticks"] = above(MARK, beyond)


@case(codes.LOTS_OFF_STEP)
def _(a: Account, beyond: bool) -> None:
    a.terms["lot_step"] = 8
    a.order["lots"] = above(LOTS, beyond)


@case(codes.LOTS_BELOW_MIN)
def _(a: Account, beyond: bool) -> None:
    a.terms["min_lots"] = above(LOTS, beyond)


@case(codes.NOTIONAL_BELOW_MIN)
def _(a: Account, beyond: bool) -> None:
    a.terms["min_notional"] = above(LOTS * LOT, beyond)


@case(codes.VENUE_NOT_ACTIVE)
def _(a: Account, beyond: bool) -> None:
    a.venue["state"] = codes.CLOSE_ONLY if beyond else codes.ACTIVE


@case(codes.VENUE_DOWN)
def _(a: Account, beyond: bool) -> None:
    a.venue["state"] = codes.DOWN if beyond else codes.ACTIVE


@case(codes.REPEATED_EXECUTION)
def _(a: Account, beyond: bool) -> None:
    a.position["latches"] = codes.LATCH_REPEATED_EXECUTION if beyond else 0


@case(codes.PRICE_OUTSIDE_COLLAR)
def _(a: Account, beyond: bool) -> None:
    assert a.limits["price_collar"] == 0.125
    a.order["price_ticks"] = above(MARK + MARK // 8, beyond)


@case(codes.QUOTE_STALE)
def _(a: Account, beyond: bool) -> None:
    quoted = a.now - int(a.limits["max_quote_age_ns"])
    a.market["quote_time_ns"] = below(quoted, beyond)


@case(codes.BOOK_CROSSED)
def _(a: Account, beyond: bool) -> None:
    a.quote(above(MARK, beyond), MARK + 1)


@case(codes.BOOK_ONE_SIDED)
def _(a: Account, beyond: bool) -> None:
    a.quote(MARK - 1, 0 if beyond else MARK + 1)


@case(codes.SPREAD_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.limits["max_spread"] = below(2.0 / MARK, beyond)


@case(codes.VISIBLE_LIQUIDITY_EXCEEDED)
def _(a: Account, beyond: bool) -> None:
    a.order["price_ticks"] = MARK + 1
    a.limits["max_visible_share"] = below(LOTS / 2.0**20, beyond)


@case(codes.TRADED_LIQUIDITY_EXCEEDED)
def _(a: Account, beyond: bool) -> None:
    a.limits["max_traded_share"] = below(LOTS / 2.0**20, beyond)


@case(codes.VOLATILITY_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.limits["max_volatility"] = below(0.0625, beyond)


@case(codes.FLASH_MOVE)
def _(a: Account, beyond: bool) -> None:
    a.quote(MARK + MARK // 8 - 1, MARK + MARK // 8 + 1)
    a.order["price_ticks"] = MARK + MARK // 8
    a.limits["max_flash_move"] = below(0.125, beyond)


@case(codes.CRASH_REGIME)
def _(a: Account, beyond: bool) -> None:
    a.limits["crash_reduce_only"], a.limits["crash_probability"] = 1, 0.5
    likely = math.nextafter(0.5, 0.0)
    a.state["regime"]["probability"][codes.REGIME_CRASH] = above(likely, beyond)


@case(codes.RATE_STALE)
def _(a: Account, beyond: bool) -> None:
    a.order["instrument"], a.order["price_ticks"] = INVERSE, 4096
    known = a.now - int(a.limits["max_rate_age_ns"])
    a.state["currencies"][support.BTC]["rate_time_ns"] = below(known, beyond)


@case(codes.MARK_UNSET)
def _(a: Account, beyond: bool) -> None:
    if beyond:
        a.engine.load_state(bytes(len(a.engine.state_bytes())))
        a.engine.state_init()
        build_account(a.engine, quoted=False)
        a.market["mark_set"] = 0  # a public trade may have set it
        a.market["mark"] = 0.0


@case(codes.POST_ONLY_WOULD_TAKE)
def _(a: Account, beyond: bool) -> None:
    a.order["order_flags"], a.order["price_ticks"] = codes.POST_ONLY, above(MARK, beyond)


@case(codes.STRATEGY_DISABLED)
def _(a: Account, beyond: bool) -> None:
    a.strategy["state"] = codes.DISABLED if beyond else codes.ACTIVE


@case(codes.STRATEGY_REGIME_DISABLED)
def _(a: Account, beyond: bool) -> None:
    a.strategy["regime_mask"] = 0b1110 if beyond else 0b0001


@case(codes.STRATEGY_BUDGET_EXCEEDED)
def _(a: Account, beyond: bool) -> None:
    a.strategy["budget"] = below(LOTS * LOT / EQUITY, beyond)


@case(codes.STRATEGY_DRAWDOWN_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.strategy["high_water_mark"] = EQUITY / 16
    a.strategy["max_drawdown"] = below(0.0625, beyond)


@case(codes.STRATEGY_DAILY_LOSS_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    a.strategy["day_start_pnl"] = EQUITY / 16
    a.strategy["max_daily_loss"] = below(0.0625, beyond)


@case(codes.CONFIDENCE_BELOW_THRESHOLD)
def _(a: Account, beyond: bool) -> None:
    a.state["regime"]["confidence_threshold"] = 0.5
    a.order["confidence"] = below(0.5, beyond)


@case(codes.STRATEGY_ON_PROBATION)
def _(a: Account, beyond: bool) -> None:
    a.strategy["probation"], a.strategy["budget"] = 1, 64.0
    a.limits["probation_factor"] = below(LOTS * LOT / (64.0 * EQUITY), beyond)


@case(codes.STRATEGY_ORDER_RATE_EXCEEDS_MAX)
def _(a: Account, beyond: bool) -> None:
    room = int(a.strategy["order_burst_ns"] - a.strategy["order_interval_ns"])
    a.strategy["order_arrival_ns"] = above(a.now + room, beyond)


@case(codes.SELF_MATCH)
def _(a: Account, beyond: bool) -> None:
    a.order["side"], a.order["price_ticks"], a.order["client_id"] = SELL, MARK + 8, 999
    assert a.commit()["action"] == codes.APPROVE
    a.order["side"], a.order["client_id"] = BUY, 1000
    a.order["price_ticks"] = above(MARK + 7, beyond)


@pytest.mark.parametrize("beyond", [False, True], ids=["passes", "trips"])
@pytest.mark.parametrize(
    "number", [n for n in CHECKS if n != codes.BATCH_LEG_REJECTED], ids=lambda n: CHECKS[n].name
)
def test_check_is_exact_at_its_boundary(account: Account, number: int, beyond: bool) -> None:
    CASES[number](account, beyond)
    decision, verdict = account.judge()
    assert (CHECKS[number].name in codes.check_names(tuple(decision["reasons"]))) is beyond
    assert (CHECKS[number].name in verdict.names()) is beyond
    assert tuple(decision["reasons"].tolist()) == verdict.reasons
    assert (decision["action"], decision["lots"]) == (verdict.action, verdict.lots)
    if beyond:
        assert decision["action"] != codes.APPROVE
    elif number not in NOT_ALONE:
        assert decision["action"] == codes.APPROVE, verdict.names()


@pytest.mark.parametrize(
    "number", [n for n in CHECKS if CHECKS[n].resizes], ids=lambda n: CHECKS[n].name
)
def test_one_lot_less_passes_where_a_check_resizes(account: Account, number: int) -> None:
    CASES[number](account, True)
    decision, _ = account.judge()
    asked = int(account.order["lots"])
    assert (decision["action"], decision["lots"]) == (codes.RESIZE, asked - 1)


def legs(account: Account, second_lots: int) -> np.ndarray:
    """Two orders of one strategy, of which the limit takes both if they are no larger than LOTS."""
    orders = np.repeat(account.orders, 2)
    orders["client_id"] = 1000, 1001
    orders["lots"] = LOTS, second_lots
    account.terms["max_order_lots"] = LOTS
    return orders


@pytest.mark.parametrize("beyond", [False, True], ids=["passes", "trips"])
def test_batch_passes_whole_or_not_at_all(account: Account, beyond: bool) -> None:
    orders = legs(account, above(LOTS, beyond))
    decisions = np.zeros(2, dtype=record_dtype("decision", SHAPE))
    action = account.engine.check_batch(orders, decisions, 2)
    first, second = (codes.check_names(tuple(d["reasons"])) for d in decisions)
    if beyond:
        assert action == codes.REJECT
        assert first == ["BATCH_LEG_REJECTED"]
        # It would have been cut to what fits, and is refused because batches are not cut.
        assert second == ["ORDER_LOTS_EXCEEDS_MAX", "BATCH_LEG_REJECTED"]
        assert decisions["lots"].tolist() == [0, 0]
        assert account.position["working_buy_lots"] == 0
    else:
        assert action == codes.APPROVE
        assert first == second == []
        assert account.position["working_buy_lots"] == 2 * LOTS


def test_every_check_has_a_boundary_case() -> None:
    assert set(CASES) | {codes.BATCH_LEG_REJECTED} == set(CHECKS)
    assert set(rulebook.RULES) == {
        n for n in CHECKS if n > codes.ORDER_TABLE_FULL and n != codes.BATCH_LEG_REJECTED
    }


# --- replaces -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number",
    [n for n in CHECKS if CHECKS[n].resizes or n == codes.OPEN_ORDERS_EXCEEDS_MAX],
    ids=lambda n: CHECKS[n].name,
)
def test_replace_counts_once_what_it_replaces(account: Account, number: int) -> None:
    """At the limit an order may go, and so may what takes its place; one lot more may not."""
    CASES[number](account, False)
    price, side = int(account.order["price_ticks"]), int(account.order["side"])
    account.order["price_ticks"] = price - side
    decision = account.commit()
    assert decision["action"] == codes.APPROVE, codes.check_names(tuple(decision["reasons"]))
    handle, lots = int(decision["handle"]), int(decision["lots"])
    account.accept(account.engine.on_ack(account.now, handle, 1))
    for total in (lots + 1, lots) if CHECKS[number].resizes else (lots,):
        verdict = rulebook.judge_replace(account.state, account.now, handle, total, price)
        account.engine.replace(account.now, handle, total, price, account.engine.decision)
        assert decision["action"] == verdict.action
        assert tuple(decision["reasons"].tolist()) == verdict.reasons
        if total > lots:
            assert CHECKS[number].name in verdict.names()
    assert verdict.action == codes.APPROVE, verdict.names()


@pytest.mark.parametrize("lots", range(1, 25))
def test_same_lots_at_a_nearer_price_worsen_no_breach(account: Account, lots: int) -> None:
    a = account
    a.quote(2047, 2052)  # not dyadic: sums round
    a.limits["min_liquidation_distance"] = 0.1
    a.terms["maintenance_margin"] = 0.03
    a.hold(support.LINEAR_BTC, BUY, 7, 4096)
    a.order["lots"], a.order["price_ticks"] = lots, 2047
    handle = int(a.commit()["handle"])
    a.accept(a.engine.on_ack(a.now, handle, 1))
    a.limits["max_gross_leverage"] = a.limits["max_net_leverage"] = 0.0
    a.limits["min_free_margin"] = 1.0
    a.venue["equity"] = 0.0
    action = a.engine.replace(a.now, handle, lots, 2048, a.engine.decision)
    names = codes.check_names(tuple(a.engine.decision["reasons"]))
    assert action == codes.APPROVE, names


# --- exits ----------------------------------------------------------------------------------------


@pytest.fixture
def exit_account(account: Account) -> Account:
    """Short 16 lots of ether; the order buys them back."""
    account.hold(ETHER, SELL, 16, MARK)
    account.order["lots"] = 16
    return account


# Cases that leave nothing to exit: no position in the order's instrument, or all of it on its way.
WITHOUT_EXIT = {
    codes.MARK_UNSET,  # a position has a mark
    codes.RATE_STALE,
    codes.POSITION_LOTS_EXCEEDS_MAX,
    codes.POSITION_NOTIONAL_EXCEEDS_MAX,
    codes.DAILY_TURNOVER_EXCEEDS_MAX,
    codes.OPEN_ORDERS_EXCEEDS_MAX,
}


@pytest.mark.parametrize(
    "number",
    [n for n in CASES if not CHECKS[n].blocks_exits and n not in NOT_ALONE | WITHOUT_EXIT],
    ids=lambda n: CHECKS[n].name,
)
def test_exit_passes_what_stops_an_opening(exit_account: Account, number: int) -> None:
    a = exit_account
    CASES[number](a, True)
    net = int(a.position["net_lots"])
    a.order["side"] = BUY if net < 0 else SELL
    working = a.position["working_buy_lots" if net < 0 else "working_sell_lots"]
    a.order["lots"] = abs(net) - int(working)
    assert a.order["lots"] > 0
    decision, verdict = a.judge()
    assert verdict.action == codes.APPROVE, verdict.names()
    assert decision["action"] == codes.APPROVE, codes.check_names(tuple(decision["reasons"]))


def test_exit_may_use_the_reserve_of_the_message_bucket(exit_account: Account) -> None:
    a = exit_account
    room = int(a.venue["message_burst_ns"] - a.venue["message_interval_ns"])
    for arrival, action in ((a.now + room, codes.APPROVE), (a.now + room + 1, codes.REJECT)):
        a.venue["message_arrival_ns"] = arrival
        decision, verdict = a.judge()
        assert decision["action"] == verdict.action == action


def test_exit_may_use_the_reserve_of_the_message_window(exit_account: Account) -> None:
    a = exit_account
    a.venue["window_start_ns"] = a.now
    room = int(a.venue["window_limit"])
    for used, action in ((room - 1, codes.APPROVE), (room, codes.REJECT)):
        a.venue["window_used"] = used
        decision, verdict = a.judge()
        assert decision["action"] == verdict.action == action


def test_opening_part_is_cut_off_where_only_the_exit_passes(exit_account: Account) -> None:
    a = exit_account
    a.order["lots"] = 20
    a.state["account"]["latches"] = codes.LATCH_OPERATOR
    decision, verdict = a.judge()
    assert (decision["action"], decision["lots"], decision["exit_lots"]) == (codes.RESIZE, 16, 16)
    assert (verdict.action, verdict.lots, verdict.exit_lots) == (codes.RESIZE, 16, 16)


def test_working_reducing_orders_use_up_the_exit_capacity(exit_account: Account) -> None:
    a = exit_account
    a.order["lots"], a.order["client_id"] = 10, 999
    assert a.commit()["action"] == codes.APPROVE
    a.state["account"]["latches"] = codes.LATCH_OPERATOR
    a.order["client_id"] = 1000
    for lots, action in ((6, codes.APPROVE), (7, codes.RESIZE)):
        a.order["lots"] = lots
        decision, verdict = a.judge()
        assert decision["action"] == verdict.action == action
        assert decision["lots"] == verdict.lots == 6


@pytest.mark.parametrize("beyond", [False, True], ids=["passes", "trips"])
def test_exit_on_a_bad_book_uses_the_wider_collar(exit_account: Account, beyond: bool) -> None:
    a = exit_account
    a.quote(MARK - 1, 0)
    assert a.limits["exit_collar"] == 0.25
    a.order["price_ticks"] = above(MARK + MARK // 4, beyond)
    decision, verdict = a.judge()
    assert decision["action"] == verdict.action == (codes.REJECT if beyond else codes.APPROVE)


def test_openings_leave_slots_to_exits_whatever_the_limit(exit_account: Account) -> None:
    a = exit_account
    a.limits["max_open_orders"] = 1 << 40
    a.order["side"], a.order["lots"] = SELL, 1
    for k in range(SHAPE.orders - 1):
        a.order["client_id"] = k + 1
        assert a.commit()["action"] == codes.APPROVE
    a.order["client_id"] = SHAPE.orders
    decision, verdict = a.judge()
    assert codes.check_names(tuple(decision["reasons"])) == ["OPEN_ORDERS_EXCEEDS_MAX"]
    assert verdict.names() == ["OPEN_ORDERS_EXCEEDS_MAX"]
    a.order["side"] = BUY
    assert a.commit()["action"] == codes.APPROVE


@pytest.mark.parametrize("beyond", [False, True], ids=["passes", "trips"])
@pytest.mark.parametrize("type", [codes.MARKET, codes.STOP], ids=["market", "stop"])
def test_what_has_no_limit_price_is_large_enough_at_the_mark(
    exit_account: Account, type: int, beyond: bool
) -> None:
    a = exit_account
    a.order["type"], a.order["price_ticks"] = type, 0
    a.order["stop_ticks"] = MARK if type == codes.STOP else 0
    a.terms["min_notional"] = above(int(a.order["lots"]) * LOT, beyond)
    decision, verdict = a.judge()
    assert decision["action"] == verdict.action == (codes.REJECT if beyond else codes.APPROVE)
    assert ("NOTIONAL_BELOW_MIN" in verdict.names()) is beyond


# --- invalid orders -------------------------------------------------------------------------------

VALID_EDGES = [
    {"lots": codes.MAX_LOTS},
    {"price_ticks": codes.MAX_TICKS},
    {"price_ticks": 1},
    {"confidence": 0.0},
    {"client_id": codes.MAX_IDENTIFIER},
    {"order_flags": codes.POST_ONLY | codes.REDUCE_ONLY},
    {"type": codes.MARKET, "price_ticks": 0},
    {"type": codes.STOP, "price_ticks": 0, "stop_ticks": 1},
    {"type": codes.STOP, "price_ticks": 0, "stop_ticks": codes.MAX_TICKS},
    {"time_ns": 1},
    {"time_ns": support.START_NS + codes.MAX_TIME_JUMP_NS},
]
INVALID_EDGES = [
    (codes.INVALID_TIME, {"time_ns": 0}),
    (codes.INVALID_TIME, {"time_ns": codes.MAX_TIME_NS + 1}),
    (codes.INVALID_TIME, {"time_ns": support.START_NS + codes.MAX_TIME_JUMP_NS + 1}),
    (codes.INVALID_INSTRUMENT, {"instrument": -1}),
    (codes.INVALID_INSTRUMENT, {"instrument": SHAPE.instruments}),
    (codes.INVALID_STRATEGY, {"strategy": -1}),
    (codes.INVALID_STRATEGY, {"strategy": SHAPE.strategies}),
    (codes.INVALID_SIDE, {"side": 0}),
    (codes.INVALID_SIDE, {"side": 2}),
    (codes.INVALID_LOTS, {"lots": 0}),
    (codes.INVALID_LOTS, {"lots": codes.MAX_LOTS + 1}),
    (codes.INVALID_PRICE, {"price_ticks": 0}),
    (codes.INVALID_PRICE, {"price_ticks": codes.MAX_TICKS + 1}),
    (codes.INVALID_PRICE, {"stop_ticks": 1}),
    (codes.INVALID_PRICE, {"type": codes.MARKET}),
    (codes.INVALID_PRICE, {"type": codes.STOP, "price_ticks": 0}),
    (codes.INVALID_VALUE, {"confidence": math.nextafter(0.0, -1.0)}),
    (codes.INVALID_VALUE, {"confidence": math.nextafter(1.0, 2.0)}),
    (codes.INVALID_VALUE, {"confidence": math.nan}),
    (codes.INVALID_CODE, {"type": 4}),
    (codes.INVALID_CODE, {"type": 0}),
    (codes.INVALID_CODE, {"time_in_force": 0}),
    (codes.INVALID_CODE, {"time_in_force": 4}),
    (codes.INVALID_CODE, {"order_flags": 4}),
    (codes.INVALID_CODE, {"order_flags": -1}),
    (codes.INVALID_CODE, {"order_flags": codes.POST_ONLY, "time_in_force": codes.IOC}),
    (codes.INVALID_CODE, {"order_flags": codes.POST_ONLY, "type": codes.MARKET, "price_ticks": 0}),
    (codes.INVALID_IDENTIFIER, {"client_id": 0}),
    (codes.INVALID_IDENTIFIER, {"client_id": codes.MAX_IDENTIFIER + 1}),
    (codes.INVALID_TIME, {"time_ns": 0, "side": 0, "client_id": 0}),
    (codes.INVALID_SIDE, {"side": 0, "lots": 0, "confidence": math.nan}),
]


@pytest.mark.parametrize("fields", VALID_EDGES, ids=str)
def test_order_at_the_edge_of_its_domain_is_valid(account: Account, fields: dict) -> None:
    for name, value in fields.items():
        account.order[name] = value
    decision, verdict = account.judge()
    assert decision["status"] == verdict.status == codes.OK
    assert tuple(decision["reasons"].tolist()) == verdict.reasons


@pytest.mark.parametrize(("status", "fields"), INVALID_EDGES, ids=str)
def test_invalid_order_is_named_and_changes_nothing(
    account: Account, status: int, fields: dict
) -> None:
    for name, value in fields.items():
        account.order[name] = value
    before = account.engine.state_bytes()
    decision, verdict = account.judge()
    assert verdict.status == status
    assert account.commit()["status"] == status
    assert tuple(decision["reasons"].tolist()) == verdict.reasons
    assert decision["action"] == codes.REJECT
    assert account.engine.state_bytes() == before
