"""A state with journal, control page and published page around it, in any execution."""

from __future__ import annotations

from typing import Any

import numpy as np

from riskcore import codes
from riskcore.layout import PAYLOAD_WORDS, allocate, record_dtype
from riskcore.profile.engines import Engine

LEGS = 64
EVENTS = {
    "on_rate": (codes.EVENT_RATE, ("currency", "value")),
    "on_transfer": (codes.EVENT_TRANSFER, ("venue", "currency", "value")),
    "on_quote": (
        codes.EVENT_QUOTE,
        ("instrument", "price_ticks", "lots", "price_ticks_2", "lots_2"),
    ),
    "on_trade": (codes.EVENT_TRADE, ("instrument", "price_ticks", "lots")),
}
ENTRIES = {
    "set_parameters": (codes.ENTRY_PARAMETERS, "parameters"),
    "instrument_set": (codes.ENTRY_INSTRUMENT, "instrument"),
    "venue_set": (codes.ENTRY_VENUE, "venue"),
    "currency_set": (codes.ENTRY_CURRENCY, "currency"),
    "strategy_set": (codes.ENTRY_STRATEGY, "strategy"),
    "scenario_set": (codes.ENTRY_SCENARIO, "scenario"),
}


def aligned_records(name: str, count: int, shape: Any) -> np.recarray:
    """Zeroed records in memory aligned to 64 bytes."""
    dtype = record_dtype(name, shape)
    raw = np.zeros(dtype.itemsize * count + 64, dtype=np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + dtype.itemsize * count].view(dtype).view(np.recarray)


class Session:
    """The calls of an engine, through its journal.

    Parameters
    ----------
    engine : Engine
        An empty state.
    capacity, reserve, publish_interval : int
        Of the journal.
    """

    def __init__(
        self, engine: Engine, capacity: int = 4096, reserve: int = 64, publish_interval: int = 0
    ) -> None:
        self.engine, self.shape, self.state = engine, engine.shape, engine.state
        self.journal_memory = allocate(record_dtype("journal", self.shape))
        self.control_memory = allocate(record_dtype("control_page", self.shape))
        self.page_memory = allocate(record_dtype("published_page", self.shape))
        self.ring = aligned_records("journal_record", capacity, self.shape)
        self.journal, self.control_page = self.journal_memory[0], self.control_memory[0]
        self.page = self.page_memory[0]
        self.decision = engine.decision
        assert engine.journal_init(self.journal, capacity, reserve, publish_interval) == codes.OK
        assert engine.control_init(self.control_page) == codes.OK
        assert engine.page_init(self.page) == codes.OK
        self.payload = allocate(record_dtype("payload", self.shape))[0]

    @property
    def links(self) -> tuple[Any, ...]:
        """What every submitting call takes behind the state."""
        return self.journal, self.ring, self.control_page, self.page

    def submit(self, event: Any) -> int:
        """Journal and apply one event."""
        return self.engine.submit(*self.links, event, self.decision)

    def submit_many(self, events: np.ndarray) -> np.ndarray:
        """Journal and apply events in order; their statuses."""
        records = events.view(np.recarray)
        return np.array([self.submit(records[k]) for k in range(len(events))], dtype=np.int64)

    def submit_event(self, call: str, time_ns: int, *values: float) -> int:
        """Journal and apply one event; the arguments of the plain call."""
        kind, fields = EVENTS[call]
        event = np.zeros(1, record_dtype("event", self.shape)).view(np.recarray)[0]
        event.kind, event.time_ns = kind, time_ns
        for field, value in zip(fields, values, strict=True):
            event[field] = value
        return self.submit(event)

    def submit_record(self, call: str, time_ns: int, index: int, record: Any, *moves: Any) -> int:
        """Journal and apply a change of configuration; the arguments of the plain call."""
        kind, name = ENTRIES[call]
        words = record_dtype(name, self.shape).itemsize // 8
        assert words <= PAYLOAD_WORDS
        self.payload.words[:] = 0
        self.payload.words[:words] = np.frombuffer(record.tobytes(), dtype=np.int64)
        if moves:
            self.payload.down[:], self.payload.up[:] = moves
        return self.engine.submit_set(*self.links, time_ns, kind, index, self.payload)

    def __getattr__(self, name: str) -> Any:
        if name == "set_parameters":
            return lambda time_ns, record: self.submit_record(name, time_ns, 0, record)
        if name in ENTRIES:
            return lambda *arguments: self.submit_record(name, *arguments)
        if name in EVENTS:
            return lambda *arguments: self.submit_event(name, *arguments)
        return getattr(self.engine, name)

    def replay_into(self, engine: Engine, first: int = 1, last: int | None = None) -> int:
        """Apply the ring's records to another engine's state; the sequence behind the last."""
        orders = aligned_records("order", LEGS, self.shape)
        decisions = aligned_records("decision", LEGS, self.shape)
        end = int(self.journal.committed) if last is None else last
        size = len(self.ring)
        return engine.replay(self.ring, size, 1, first, end, self.payload, orders, decisions, LEGS)
