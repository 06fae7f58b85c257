"""Types of the native core; see `bindings/cython/_core.pyx`."""

from typing import Any, Final, SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt

from riskcore.layout import Shape

CPU_LEVELS: Final[tuple[str, str]]
CPU_LEVEL: Final[str]
DEFAULT_SHAPE: Final[Shape]

_Record: TypeAlias = Any  # numpy.record: fields are attributes
_Records: TypeAlias = npt.NDArray[np.void]
_Floats: TypeAlias = npt.NDArray[np.float64]

class Core:
    @property
    def shape(self) -> Shape: ...
    @property
    def cpu(self) -> str: ...
    @property
    def address(self) -> int: ...
    @property
    def state(self) -> _Record: ...
    @property
    def order(self) -> _Record: ...
    @property
    def decision(self) -> _Record: ...
    @property
    def event(self) -> _Record: ...
    @property
    def position_risk(self) -> _Record: ...
    @property
    def portfolio_risk(self) -> _Record: ...
    @property
    def signal(self) -> _Record: ...
    @property
    def sizing(self) -> _Record: ...
    @property
    def reductions(self) -> Any: ...
    def __init__(self, shape: Shape | None = None, *, cpu: str = "") -> None: ...
    def state_bytes(self) -> bytes: ...
    def load_state(self, data: bytes | bytearray | memoryview) -> None: ...
    def set_parameters(self, time_ns: SupportsIndex, record: _Record) -> int: ...
    def instrument_set(
        self, time_ns: SupportsIndex, index: SupportsIndex, record: _Record
    ) -> int: ...
    def venue_set(self, time_ns: SupportsIndex, index: SupportsIndex, record: _Record) -> int: ...
    def currency_set(
        self, time_ns: SupportsIndex, index: SupportsIndex, record: _Record
    ) -> int: ...
    def strategy_set(
        self, time_ns: SupportsIndex, index: SupportsIndex, record: _Record
    ) -> int: ...
    def scenario_set(
        self,
        time_ns: SupportsIndex,
        index: SupportsIndex,
        record: _Record,
        down: _Floats,
        up: _Floats,
    ) -> int: ...
    def on_quote(
        self,
        time_ns: SupportsIndex,
        instrument: SupportsIndex,
        bid_ticks: SupportsIndex,
        bid_lots: SupportsIndex,
        ask_ticks: SupportsIndex,
        ask_lots: SupportsIndex,
    ) -> int: ...
    def on_trade(
        self,
        time_ns: SupportsIndex,
        instrument: SupportsIndex,
        price_ticks: SupportsIndex,
        lots: SupportsIndex,
    ) -> int: ...
    def on_rate(self, time_ns: SupportsIndex, currency: SupportsIndex, rate: float) -> int: ...
    def on_clock(self, time_ns: SupportsIndex) -> int: ...
    def on_sample(self, time_ns: SupportsIndex) -> int: ...
    def advance(self, max_rows: SupportsIndex) -> int: ...
    def check(
        self,
        client_id: SupportsIndex,
        time_ns: SupportsIndex,
        instrument: SupportsIndex,
        strategy: SupportsIndex,
        side: SupportsIndex,
        type: SupportsIndex,
        time_in_force: SupportsIndex,
        flags: SupportsIndex,
        lots: SupportsIndex,
        price_ticks: SupportsIndex,
        stop_ticks: SupportsIndex,
        confidence: float,
    ) -> int: ...
    def what_if(
        self,
        client_id: SupportsIndex,
        time_ns: SupportsIndex,
        instrument: SupportsIndex,
        strategy: SupportsIndex,
        side: SupportsIndex,
        type: SupportsIndex,
        time_in_force: SupportsIndex,
        flags: SupportsIndex,
        lots: SupportsIndex,
        price_ticks: SupportsIndex,
        stop_ticks: SupportsIndex,
        confidence: float,
    ) -> int: ...
    def check_order(self) -> int: ...
    def what_if_order(self) -> int: ...
    def check_batch(self, orders: _Records, decisions: _Records) -> int: ...
    def cancel(self, time_ns: SupportsIndex, handle: SupportsIndex) -> int: ...
    def replace(
        self,
        time_ns: SupportsIndex,
        handle: SupportsIndex,
        lots: SupportsIndex,
        price_ticks: SupportsIndex,
    ) -> int: ...
    def on_ack(
        self, time_ns: SupportsIndex, handle: SupportsIndex, venue_order_id: SupportsIndex
    ) -> int: ...
    def on_reject(
        self, time_ns: SupportsIndex, handle: SupportsIndex, code: SupportsIndex
    ) -> int: ...
    def on_canceled(self, time_ns: SupportsIndex, handle: SupportsIndex) -> int: ...
    def on_cancel_reject(
        self, time_ns: SupportsIndex, handle: SupportsIndex, code: SupportsIndex
    ) -> int: ...
    def on_replaced(
        self,
        time_ns: SupportsIndex,
        handle: SupportsIndex,
        lots: SupportsIndex,
        price_ticks: SupportsIndex,
    ) -> int: ...
    def on_expire(self, time_ns: SupportsIndex, handle: SupportsIndex) -> int: ...
    def on_fill(
        self,
        time_ns: SupportsIndex,
        handle: SupportsIndex,
        instrument: SupportsIndex,
        strategy: SupportsIndex,
        side: SupportsIndex,
        lots: SupportsIndex,
        price_ticks: SupportsIndex,
        fee: float,
        fee_currency: SupportsIndex,
        execution_id: SupportsIndex,
    ) -> int: ...
    def on_bust(
        self,
        time_ns: SupportsIndex,
        instrument: SupportsIndex,
        strategy: SupportsIndex,
        side: SupportsIndex,
        lots: SupportsIndex,
        price_ticks: SupportsIndex,
        fee: float,
        fee_currency: SupportsIndex,
        execution_id: SupportsIndex,
    ) -> int: ...
    def on_funding(
        self,
        time_ns: SupportsIndex,
        instrument: SupportsIndex,
        strategy: SupportsIndex,
        currency: SupportsIndex,
        amount: float,
    ) -> int: ...
    def on_transfer(
        self, time_ns: SupportsIndex, venue: SupportsIndex, currency: SupportsIndex, amount: float
    ) -> int: ...
    def on_settlement(
        self, time_ns: SupportsIndex, instrument: SupportsIndex, price_ticks: SupportsIndex
    ) -> int: ...
    def on_position(
        self,
        time_ns: SupportsIndex,
        instrument: SupportsIndex,
        lots: SupportsIndex,
        price_ticks: SupportsIndex,
    ) -> int: ...
    def on_order_status(
        self,
        time_ns: SupportsIndex,
        handle: SupportsIndex,
        code: SupportsIndex,
        filled_lots: SupportsIndex,
    ) -> int: ...
    def on_heartbeat(self, time_ns: SupportsIndex, venue: SupportsIndex) -> int: ...
    def on_latency(self, time_ns: SupportsIndex, latency_ns: SupportsIndex) -> int: ...
    def on_error(self, time_ns: SupportsIndex, code: SupportsIndex) -> int: ...
    def control(
        self,
        time_ns: SupportsIndex,
        code: SupportsIndex,
        target: SupportsIndex,
        value: SupportsIndex,
        author: SupportsIndex,
    ) -> int: ...
    def on_regime(
        self, time_ns: SupportsIndex, regime: SupportsIndex, probability: float
    ) -> int: ...
    def apply(self, event: _Record) -> int: ...
    def apply_many(
        self, events: _Records, statuses: npt.NDArray[np.int64] | None = None
    ) -> int: ...
    def size(self) -> int: ...
    def derisk(self) -> int: ...
    def compute_position_risk(self, instrument: SupportsIndex) -> int: ...
    def compute_portfolio_risk(self) -> int: ...
    def kelly(self, expected_returns: _Floats, weights: _Floats) -> int: ...
