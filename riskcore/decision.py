"""Answers of the core with their names: what a caller of the facade gets back."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from riskcore.codes import (
    ACTION_NAMES,
    APPROVE,
    CHECKS,
    JOURNAL_FULL,
    LAYER_NAMES,
    SIZE_NAMES,
    STATUS_NAMES,
)
from riskcore.instrument import Instrument
from riskcore.layout import record_dtype

_LAYERS = LAYER_NAMES[1:]

# Places of the decision's fields, in words of eight bytes.
_WORDS = record_dtype("decision").itemsize // 8


def _place(name: str) -> int:
    fields = record_dtype("decision").fields
    assert fields is not None
    return int(fields[name][1]) // 8


_ACTION, _STATUS, _LOTS, _EXIT_LOTS = map(_place, ("action", "status", "lots", "exit_lots"))
_REASONS, _FIRST_CHECK, _LAYER = map(_place, ("reasons", "first_check", "layer"))
_HANDLE, _PRICE_TICKS, _UTILISATION = map(_place, ("handle", "price_ticks", "utilisation"))
_EQUITY, _BUDGET = map(_place, ("equity", "budget"))
_VAR_BEFORE, _VAR_AFTER = map(_place, ("var_before", "var_after"))
_GROSS_BEFORE, _GROSS_AFTER = map(_place, ("gross_before", "gross_after"))
_STRESS_BEFORE, _STRESS_AFTER = map(_place, ("stress_before", "stress_after"))


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate says to one order.

    Which quantity a figure belongs to: ``*_after`` to the `quantity` that was allowed, where lots
    that open were allowed; to the quantity asked, on a rejection. ``utilisation`` is always that of
    the quantity asked: above 1 it tells which layers had to make the order smaller.

    Attributes
    ----------
    action : str
        ``APPROVE``, ``RESIZE`` or ``REJECT``.
    quantity : Decimal
        What may be sent: all that was asked, less, or zero.
    exit_quantity : Decimal
        The part of it that reduces the position.
    reasons : tuple of str
        Every check that objected to the order as asked; ``JOURNAL_FULL`` where none was made, as
        the order could not be journaled.
    first_reason, layer : str
        The first objection of the lowest layer (its lowest check number) and the name of that
        layer; "" and "none" without one. Not necessarily the tightest limit, which is the one
        that set the quantity: see `reasons` and `utilisation` for the others.
    handle : int
        The reserved order, for ``ack``, ``cancel`` and the others; 0 where nothing was reserved.
    client_id : int
        Identifier that the order carried.
    price : Decimal
        The price that the order was valued at.
    utilisation : dict of str to float
        By layer, the largest measure / limit for the quantity asked, also after a resize.
    equity, budget : float
        Account money: equity, and the drawdown budget that was left.
    var_before, var_after, gross_before, gross_after, stress_before, stress_after : float
        Account money: portfolio VaR, gross exposure, worst scenario loss; without the
        order, and with the quantity allowed (on a rejection: asked).
    status : str
        ``OK``, or why this was no valid event.
    """

    action: str
    quantity: Decimal
    exit_quantity: Decimal
    reasons: tuple[str, ...]
    first_reason: str
    layer: str
    handle: int
    client_id: int
    price: Decimal
    utilisation: dict[str, float]
    equity: float
    budget: float
    var_before: float
    var_after: float
    gross_before: float
    gross_after: float
    stress_before: float
    stress_after: float
    status: str

    @property
    def approved(self) -> bool:
        """True where the whole order may go."""
        return self.action == ACTION_NAMES[APPROVE]

    @property
    def allowed(self) -> bool:
        """True where at least a part of the order may go."""
        return self.quantity > 0


class DecisionReader:
    """Reads records of decisions; two copies of the memory's words are faster than its fields.

    Parameters
    ----------
    records : numpy record or array of records
        DECISION; the reader sees what is written there later.
    """

    __slots__ = ("_floats", "_integers")

    def __init__(self, records: Any) -> None:
        self._integers = np.frombuffer(records, dtype=np.int64)
        self._floats = self._integers.view(np.float64)

    def status(self, number: int = 0) -> int:
        """The status of one of the records."""
        return int(self._integers[number * _WORDS + _STATUS])

    def read(self, instrument: Instrument, client_id: int, number: int = 0) -> Decision:
        """A Decision from one of the records, in the units of its instrument."""
        start = number * _WORDS
        integers = self._integers[start : start + _WORDS].tolist()
        floats = self._floats[start : start + _WORDS].tolist()
        first = integers[_FIRST_CHECK]
        utilisation = floats[_UTILISATION : _UTILISATION + len(_LAYERS)]
        reasons = _names(integers[_REASONS]) + _names(integers[_REASONS + 1], 64)
        first_reason = CHECKS[first].name if first >= 0 else ""
        layer = LAYER_NAMES[integers[_LAYER]]
        status = STATUS_NAMES[integers[_STATUS]]
        if integers[_STATUS] == JOURNAL_FULL:  # no check was made
            reasons, first_reason, layer = (status,), status, _LAYERS[-1]
        return Decision(
            action=ACTION_NAMES[integers[_ACTION]],
            quantity=instrument.from_lots(integers[_LOTS]),
            exit_quantity=instrument.from_lots(integers[_EXIT_LOTS]),
            reasons=reasons,
            first_reason=first_reason,
            layer=layer,
            handle=integers[_HANDLE],
            client_id=client_id,
            price=instrument.from_ticks(integers[_PRICE_TICKS]),
            utilisation=dict(zip(_LAYERS, utilisation, strict=True)),
            equity=floats[_EQUITY],
            budget=floats[_BUDGET],
            var_before=floats[_VAR_BEFORE],
            var_after=floats[_VAR_AFTER],
            gross_before=floats[_GROSS_BEFORE],
            gross_after=floats[_GROSS_AFTER],
            stress_before=floats[_STRESS_BEFORE],
            stress_after=floats[_STRESS_AFTER],
            status=status,
        )


def _names(word: int, start: int = 0) -> tuple[str, ...]:
    """Names of the checks in one reason word, lowest number first."""
    names = []
    while word:
        lowest = word & -word
        names.append(CHECKS[start + lowest.bit_length() - 1].name)
        word ^= lowest
    return tuple(names)


@dataclass(frozen=True, slots=True)
class Sizing:
    """The position that a signal deserves.

    Attributes
    ----------
    quantity : Decimal
        Size of the strategy's whole position in the signal's direction, what it holds included.
    notional : float
        Value of that quantity, account money.
    limited_by : str
        What was smallest: ``base``, ``volatility``, ``stop``, ``kelly``, ``leverage``, ``budget``,
        or what allowed nothing, such as ``confidence``.
    candidates : dict of str to float
        Notional of each candidate, account money; -1 for one whose inputs nobody knows.
    factors : dict of str to float
        What the smallest candidate was multiplied with.
    """

    quantity: Decimal
    notional: float
    limited_by: str
    candidates: dict[str, float]
    factors: dict[str, float]


def sizing_of(record: Any, instrument: Instrument) -> Sizing:
    """A Sizing from the core's record."""
    names = record.dtype.names
    factors = [name for name in names if name.endswith("_factor")]
    others = ("status", "lots", "notional", "limit_code", "padding", *factors)
    candidates = [name for name in names if name not in others]
    return Sizing(
        quantity=instrument.from_lots(int(record["lots"])),
        notional=float(record["notional"]),
        limited_by=SIZE_NAMES.get(int(record["limit_code"]), "none"),
        candidates={name: float(record[name]) for name in candidates},
        factors={name.removesuffix("_factor"): float(record[name]) for name in factors},
    )


@dataclass(frozen=True, slots=True)
class Reduction:
    """One step back: cancel working orders first, then trade against the position.

    Attributes
    ----------
    symbol, side : str
        What to trade, and ``buy`` or ``sell``.
    quantity : Decimal
        How much to trade; zero where cancels are enough.
    cancel_buy, cancel_sell : Decimal
        How much of the working buys and sells to cancel at least.
    value : float
        Account money of the trade.
    """

    symbol: str
    side: str
    quantity: Decimal
    cancel_buy: Decimal
    cancel_sell: Decimal
    value: float


@dataclass(frozen=True, slots=True)
class Position:
    """One position as it stands.

    Attributes
    ----------
    symbol : str
        The instrument.
    quantity : Decimal
        Filled, signed.
    working_buy, working_sell : Decimal
        Reserved by working orders.
    average_price, mark, stop_price, target_price : float
        Prices; 0 for none.
    gross, unrealized_pnl, realized_pnl, fees, funding : float
        Account money, except unrealized_pnl, which is in the settlement currency.
    latches : int
        LATCH_* bits that hold the instrument in reduce-only.
    """

    symbol: str
    quantity: Decimal
    working_buy: Decimal
    working_sell: Decimal
    average_price: float
    mark: float
    stop_price: float
    target_price: float
    gross: float
    unrealized_pnl: float
    realized_pnl: float
    fees: float
    funding: float
    latches: int


@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """One live order.

    Attributes
    ----------
    handle : int
        What acknowledgements, fills and cancels name it by.
    symbol, side, strategy : str
        As the order had them.
    status : str
        ``pending``, ``working``, ``cancel_pending``, ``replace_pending``, or ``unknown``: no answer
        in time, or the process was away; `AdaptiveRiskManager.order_status` settles it.
    quantity, filled, price : Decimal
        Size, filled so far, and limit price; the worst price of a market or stop order.
    client_id, venue_order_id : int
        Of the strategy, and of the venue: 0 until acknowledged.
    sent_ns : int
        Time of the check or of the first request that is not answered, ns UTC.
    """

    handle: int
    symbol: str
    side: str
    strategy: str
    status: str
    quantity: Decimal
    filled: Decimal
    price: Decimal
    client_id: int
    venue_order_id: int
    sent_ns: int
