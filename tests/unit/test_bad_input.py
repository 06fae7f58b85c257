"""Every public call, every number of it replaced by one that is none: refused whole, or answered.

The tables hold one valid call of every public method of the facade, its views and the native core.
Each number in them is replaced in turn by each of BAD. What is refused has changed not one byte,
and whatever is answered, no float of the account is NaN or infinite.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from riskcore import AdaptiveRiskManager, codes
from riskcore._core import Core
from riskcore.decision import Decision
from riskcore.errors import InputError, RiskCoreError
from riskcore.layout import not_finite, record_dtype

START = 1_760_000_000_000_000_000
NOW = START + 5_000_000_000
PERP, SPOT = "BTC-USDT-PERP", "BTC-USDT"
BAD = [
    float("nan"),
    float("inf"),
    float("-inf"),
    0,
    -1,
    1e308,
    5e-324,
    1 << 63,
    -(1 << 63) - 1,
    True,
    None,
    "x",
    Decimal("NaN"),
]
BAD_FIELDS = [*BAD[:7], (1 << 63) - 1, -(1 << 63)]  # of a record, which holds nothing else
# What a call says of an event that has been taken; after anything else nothing may differ.
TAKEN = {codes.OK, codes.BOOKED_UNMATCHED, codes.DUPLICATE, codes.BUSY}
VIEWS = ("volatility_monitor", "correlation_monitor", "position_sizer", "drawdown_controller")


def make() -> AdaptiveRiskManager:
    """An account with a position, and an order that the venue has acknowledged."""
    risk = AdaptiveRiskManager.from_config("growth", time_ns=START)
    risk.transfer("binance-usdm", "USDT", 1_000_000, START)
    for symbol in (PERP, SPOT):
        risk.quote(symbol, "119999.9", 10, "120000.1", 10, START)
        risk.trade(symbol, 120000, 1000, START)
    order = {"strategy": "trend", "confidence": 0.9, "time": START}
    held = risk.check(PERP, "buy", "0.05", 120000, **order).handle
    fill = {"strategy": "trend", "time": START, "handle": held, "execution_id": 5}
    assert risk.fill(PERP, "buy", "0.05", 120000, **fill) == "OK"
    working = risk.check(PERP, "buy", "0.1", 119000, **order).handle
    assert risk.ack(working, 77, START) == "OK"
    return risk


RISK = make()
IMAGE = RISK.core.state_bytes()
(HANDLE,) = (
    int(order.generation) << codes.HANDLE_SLOT_BITS | slot
    for slot, order in enumerate(RISK.core.state.orders)
    if order.status != codes.ORDER_FREE
)
ORDER = {
    "symbol": PERP,
    "side": 1,
    "quantity": Decimal("0.1"),
    "price": 119000,
    "strategy": "trend",
    "time": NOW,
    "confidence": 0.9,
    "client_id": 9,
}
EXECUTION = {
    "symbol": PERP,
    "side": 1,
    "quantity": Decimal("0.05"),
    "price": 120000,
    "strategy": "trend",
    "time": NOW,
    "fee": 0.5,
    "execution_id": 9,
}
LEG = {name: value for name, value in ORDER.items() if name != "time"}

# By method: the arguments of one valid call, numbers as numbers.
MANAGER: dict[str, dict[str, Any]] = {
    "ack": {"handle": HANDLE, "venue_order_id": 78, "time": NOW},
    "advance": {"max_rows": 8},
    "bust": EXECUTION | {"execution_id": 5},
    "cancel": {"handle": HANDLE, "time": NOW},
    "cancel_reject": {"handle": HANDLE, "time": NOW, "code": 3},
    "canceled": {"handle": HANDLE, "time": NOW},
    "check": ORDER,
    "check_batch": {"legs": [LEG, LEG | {"client_id": 10}], "time": NOW},
    "clock": {"time": NOW},
    "close": {},
    "error": {"time": NOW, "code": 3},
    "expired": {"handle": HANDLE, "time": NOW},
    "fill": EXECUTION | {"handle": HANDLE},
    "flush": {},
    "funding": {"symbol": PERP, "amount": 1.5, "time": NOW},
    "heartbeat": {"time": NOW},
    "instrument": {"symbol": PERP},
    "kill": {"author": 7, "time": NOW},
    "latch": {"author": 7, "time": NOW},
    "latency": {"latency_ns": 1000, "time": NOW},
    "names": {},
    "orders": {},
    "order_status": {"handle": HANDLE, "state": "working", "filled": 0, "time": NOW},
    "portfolio_risk": {},
    "position": {"symbol": PERP},
    "position_risk": {"symbol": PERP},
    "positions": {},
    "quote": {
        "symbol": PERP,
        "bid": 119999,
        "bid_size": 10,
        "ask": 120001,
        "ask_size": 10,
        "time": NOW,
    },
    "rate": {"currency": "BTC", "rate": 120000.0, "time": NOW},
    "reconcile": {"symbol": PERP, "quantity": Decimal("0.05"), "time": NOW, "price": 120000},
    "regime": {"name": "normal", "time": NOW, "probability": 0.5},
    "reject": {"handle": HANDLE, "time": NOW, "code": 3},
    "replace": {"handle": HANDLE, "quantity": Decimal("0.05"), "price": 118999, "time": NOW},
    "replaced": {"handle": HANDLE, "quantity": Decimal("0.05"), "price": 118999, "time": NOW},
    "reset": {"author": 7, "cooldown": True, "time": NOW},
    "sample": {"time": NOW},
    "set_config": {"config": "growth", "time": NOW},
    "set_instruments": {"config": "instruments", "time": NOW},
    "set_strategy_state": {"strategy": "trend", "state": "active", "author": 7, "time": NOW},
    "set_venue_state": {"venue": "bitmex", "state": "active", "author": 7, "time": NOW},
    "settlement": {"symbol": PERP, "price": 120000, "time": NOW},
    "strategy_index": {"strategy": "trend"},
    "trade": {"symbol": PERP, "price": 120000, "quantity": 1, "time": NOW},
    "transfer": {"venue": "binance-usdm", "currency": "USDT", "amount": 1.5, "time": NOW},
    "venue_usage": {"venue": "bitmex", "used": 5, "author": 7, "time": NOW},
    "what_if": ORDER,
    "volatility_monitor.table": {},
    "volatility_monitor.volatility": {"symbol": PERP},
    "correlation_monitor.clusters": {},
    "correlation_monitor.correlation": {"first": PERP, "second": SPOT},
    "correlation_monitor.covariance": {},
    "correlation_monitor.matrix": {},
    "drawdown_controller.derisk": {},
    "position_sizer.kelly": {"expected_returns": {PERP: 0.01, SPOT: 0.02}},
    "position_sizer.size": {
        "symbol": PERP,
        "side": 1,
        "confidence": 0.9,
        "strategy": "trend",
        "expected_return": 0.01,
        "win_probability": 0.5,
        "payoff": 1.5,
    },
}
# They make a manager; below.
MAKERS: dict[str, dict[str, Any]] = {
    "attach": {
        "path": "growth",
        "time_ns": START,
        "capacity": 512,
        "reserve": 64,
        "publish_interval": 100,
    },
    "from_config": {"path": "growth", "time_ns": START},
}


def record_of(name: str, block: str | None = None, index: int = 0) -> np.ndarray:
    """One record with the values that the account has in a block."""
    dtype = record_dtype(name)
    result = np.zeros(1, dtype)
    source = RISK.core.state[block or name]
    row = source[index] if block else source
    for field in dtype.names:
        result[field] = row[field]
    return result


def record_with(name: str, **values: Any) -> np.ndarray:
    """One record with the given values."""
    result = np.zeros(1, record_dtype(name))
    for field, value in values.items():
        result[field] = value
    return result


INDEX = RISK.instruments[PERP].index
MOVES = [RISK.core.state.shocks[way][:, 0].copy() for way in ("down", "up")]
CORE_ORDER = {
    "client_id": 9,
    "time_ns": NOW,
    "instrument": INDEX,
    "strategy": 0,
    "side": 1,
    "type": codes.LIMIT,
    "time_in_force": codes.GTC,
    "order_flags": 0,
    "lots": 100,
    "price_ticks": 1_190_000,
    "stop_ticks": 0,
    "confidence": 0.9,
}
EVENT = record_with("event", kind=codes.EVENT_TRANSFER, time_ns=NOW, venue=1, value=1.5)
RETURNS = np.full(RISK.core.shape.instruments, 0.01)

CORE: dict[str, tuple[Any, ...]] = {
    "advance": (8,),
    "apply": (EVENT,),
    "apply_many": (EVENT,),
    "cancel": (NOW, HANDLE),
    "check": tuple(CORE_ORDER.values()),
    "check_batch": (record_with("order", **CORE_ORDER), record_with("decision")),
    "check_order": (record_with("order", **CORE_ORDER),),
    "compute_portfolio_risk": (),
    "compute_position_risk": (INDEX,),
    "control": (NOW, codes.CONTROL_KILL, 0, 0, 7),
    "currency_set": (NOW, 1, record_of("currency", "currencies", 1)),
    "derisk": (),
    "instrument_set": (NOW, INDEX, record_of("instrument", "instruments", INDEX)),
    "kelly": (RETURNS, np.zeros_like(RETURNS)),
    "load_state": (IMAGE,),
    "on_ack": (NOW, HANDLE, 78),
    "on_bust": (NOW, INDEX, 0, 1, 50, 1_200_000, 0.5, 0, 5),
    "on_cancel_reject": (NOW, HANDLE, 3),
    "on_canceled": (NOW, HANDLE),
    "on_clock": (NOW,),
    "on_error": (NOW, 3),
    "on_expire": (NOW, HANDLE),
    "on_fill": (NOW, HANDLE, INDEX, 0, 1, 50, 1_200_000, 0.5, 0, 9),
    "on_funding": (NOW, INDEX, 0, 0, 1.5),
    "on_heartbeat": (NOW, 1),
    "on_latency": (NOW, 1000),
    "on_order_status": (NOW, HANDLE, codes.VENUE_ORDER_WORKING, 0),
    "on_position": (NOW, INDEX, 50, 1_200_000),
    "on_quote": (NOW, INDEX, 1_199_990, 10, 1_200_010, 10),
    "on_rate": (NOW, 1, 120000.0),
    "on_regime": (NOW, 1, 0.5),
    "on_reject": (NOW, HANDLE, 3),
    "on_replaced": (NOW, HANDLE, 50, 1_189_990),
    "on_sample": (NOW,),
    "on_settlement": (NOW, INDEX, 1_200_000),
    "on_trade": (NOW, INDEX, 1_200_000, 1),
    "on_transfer": (NOW, 1, 0, 1.5),
    "replace": (NOW, HANDLE, 50, 1_189_990),
    "replay": (np.zeros(4, record_dtype("journal_record")), 1, 1, 4),
    "scenario_set": (NOW, 0, record_of("scenario", "scenarios", 0), *MOVES),
    "set_parameters": (NOW, record_of("parameters")),
    "size": (record_with("signal", instrument=INDEX, side=1, confidence=0.9, payoff=1.5),),
    "state_bytes": (),
    "strategy_set": (NOW, 0, record_of("strategy", "strategies", 0)),
    "venue_set": (NOW, 1, record_of("venue", "venues", 1)),
    "what_if": tuple(CORE_ORDER.values()),
    "what_if_order": (record_with("order", **CORE_ORDER),),
}
# Calls that read a record of the core.
IN_A_RECORD = {"check_order": "order", "what_if_order": "order", "size": "signal"}
# Calls whose answer is no status: an action (its status is in the decision), a count, a sequence.
DECIDED = {"check", "check_batch", "check_order", "replace", "what_if", "what_if_order"}
UNCHANGED = {"compute_portfolio_risk", "compute_position_risk", "derisk", "kelly", "size"}
UNCHANGED |= {"state_bytes", "what_if", "what_if_order", "load_state"}
UNCHANGED |= {"replay"}  # of records that are torn


def is_number(value: Any) -> bool:
    """A number, and not a flag."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def spoilt(value: Any) -> Iterator[tuple[str, Any]]:
    """The value with each number in it replaced by each of BAD, and what was put where."""
    if is_number(value):
        for bad in BAD:
            yield f"= {bad!r}", bad
    elif isinstance(value, np.ndarray) and value.dtype.names:
        for field, bad in itertools.product(value.dtype.names, BAD_FIELDS):
            copy = value.copy()
            if value.dtype[field].base.kind == "f" or isinstance(bad, int):
                copy[field] = bad
                yield f".{field} = {bad!r}", copy
    elif isinstance(value, np.ndarray):
        for bad in BAD[:7]:
            copy = value.copy()
            copy[INDEX] = bad
            yield f"[{INDEX}] = {bad!r}", copy
    elif isinstance(value, dict | list | tuple):
        places = value.items() if isinstance(value, dict) else enumerate(value)
        for place, inner in places:
            for told, bad in spoilt(inner):
                copy = dict(value) if isinstance(value, dict) else list(value)
                copy[place] = bad
                yield f"[{place!r}] {told}", copy


def restore() -> None:
    """Put the account back to what it was."""
    RISK.core.load_state(IMAGE)


def fault(call: Callable[[], Any], is_taken: Callable[[Any], bool], allowed: tuple) -> str:
    """What a call did that none may do; empty where it was refused whole or answered."""
    restore()
    try:
        answer = call()
    except allowed as error:
        taken, text = False, str(error)
        if not text or "\n" in text:
            return f"the message is not one line: {text!r}"
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return f"raised {error!r}"
    else:
        taken = is_taken(answer)
    if not taken and RISK.core.state_bytes() != IMAGE:
        return "refused, but bytes have changed"
    return ", ".join(f"{name} is not finite" for name in not_finite(RISK.core.state))


def call_manager(name: str, arguments: dict[str, Any]) -> tuple[str, Any]:
    """Call a method of the manager or of one of its views; its name and its answer."""
    owner: Any = RISK
    for part in name.split("."):
        owner = getattr(owner, part)
    return name, owner(**arguments)


def manager_takes(named: tuple[str, Any]) -> bool:
    """True where the facade's answer is that of an event that has been taken."""
    name, answer = named
    if isinstance(answer, list) and answer and isinstance(answer[0], Decision):
        return all(manager_takes((name, decision)) for decision in answer)
    status = answer.status if isinstance(answer, Decision) else answer
    if isinstance(status, str):
        return name != "what_if" and status in {codes.STATUS_NAMES[number] for number in TAKEN}
    return name in ("set_config", "set_instruments")  # any other answer is to a question


def call_core(name: str, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    """Call the core; the name and the status of its answer."""
    core = RISK.core
    if name in IN_A_RECORD:
        (record,), arguments = arguments, ()
        for field in record.dtype.names:
            getattr(core, IN_A_RECORD[name])[field] = record[field][0]
    answer = getattr(core, name)(*arguments)
    if name == "check_batch":
        return name, int(arguments[1]["status"][0])
    return name, int(core.decision.status) if name in DECIDED else answer


def core_takes(answer: tuple[str, Any]) -> bool:
    """True where the status is that of an event that has been taken."""
    name, status = answer
    if name == "apply_many":
        return status == 1
    return name not in UNCHANGED and status in TAKEN


@pytest.mark.parametrize("name", MANAGER)
def test_a_number_that_is_none_is_refused_whole_or_answered_by_the_manager(name: str) -> None:
    found = {}
    for told, arguments in spoilt(MANAGER[name]):
        error = fault(
            lambda arguments=arguments: call_manager(name, arguments),
            manager_takes,
            (RiskCoreError, ValueError, TypeError),
        )
        if error:
            found[told] = error
    assert not found


@pytest.mark.parametrize("name", CORE)
def test_a_number_that_is_none_is_refused_whole_or_answered_by_the_core(name: str) -> None:
    found = {}
    for told, arguments in spoilt(CORE[name]):
        error = fault(
            lambda arguments=arguments: call_core(name, tuple(arguments)),
            core_takes,
            (ValueError, TypeError, OverflowError),  # the last as for any int64
        )
        if error:
            found[told] = error
    assert not found


@pytest.mark.parametrize("name", MAKERS)
def test_a_number_that_is_none_makes_a_sound_manager_or_none(name: str, tmp_path: Path) -> None:
    found = {}
    for number, (told, arguments) in enumerate(spoilt(MAKERS[name])):
        place = {"place": tmp_path / str(number)} if name == "attach" else {}
        try:
            with getattr(AdaptiveRiskManager, name)(**place, **arguments) as risk:
                bad = not_finite(risk.core.state)
                if bad:
                    found[told] = bad
        except RiskCoreError as error:
            if "\n" in str(error):
                found[told] = str(error)
    assert not found


@pytest.mark.parametrize("name", MANAGER)
def test_the_call_of_the_manager_that_is_spoilt_is_valid(name: str) -> None:
    restore()
    _, answer = call_manager(name, MANAGER[name])
    if isinstance(answer, str):
        assert answer == "OK"
    for decision in answer if name == "check_batch" else [answer]:
        assert not isinstance(decision, Decision) or decision.allowed, decision


@pytest.mark.parametrize("name", sorted(set(CORE) - {"replay"}))
def test_the_call_of_the_core_that_is_spoilt_is_valid(name: str) -> None:
    restore()
    _, status = call_core(name, CORE[name])
    assert name in ("derisk", "load_state", "state_bytes") or status == codes.OK


def test_the_judge_of_this_file_sees_every_fault() -> None:
    def late() -> None:
        RISK.core.on_clock(NOW)
        raise InputError("too late")

    def lengthy() -> None:
        raise InputError("two\nlines")

    def poisoned() -> None:
        RISK.core.state.account.variance = np.nan

    faults = [
        fault(call, lambda answer: answer is None, (RiskCoreError,))
        for call in (late, lengthy, poisoned, lambda: 1 / 0, lambda: None)
    ]
    assert faults[:2] == [
        "refused, but bytes have changed",
        "the message is not one line: 'two\\nlines'",
    ]
    assert faults[2:] == [
        "account.variance is not finite",
        "raised ZeroDivisionError('division by zero')",
        "",
    ]
    restore()


def public(owner: Any) -> set[str]:
    """Names of the public methods."""
    names = (name for name in dir(owner) if not name.startswith("_"))
    return {name for name in names if callable(getattr(owner, name))}


def test_the_tables_have_every_public_method() -> None:
    views = {f"{view}.{name}" for view in VIEWS for name in public(getattr(RISK, view))}
    assert set(MANAGER) | set(MAKERS) == public(AdaptiveRiskManager) | views
    assert set(CORE) == public(Core)
