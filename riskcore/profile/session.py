"""A trading session as a list of calls with their arguments, made once and repeated anywhere.

The state is a pure function of the buffer and the calls, so a recorded session runs alike in
emitted code, under the JIT and in plain Python, on the same events to the last handle.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import count
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskcore import codes
from riskcore.errors import InputError
from riskcore.kernels.api import EXPORTS, constants
from riskcore.layout import Shape, record_dtype
from riskcore.profile import workload
from riskcore.profile.engines import Engine, make_record

COLUMNS = 12  # the number of the export, then its arguments
SLICE_ROWS = 16  # rows of the covariance that one rc_advance works in
SAMPLE_EVERY = 32  # rounds from one sample to the next
REDUCTIONS = 64
NUMBERS = {export.name: number for number, export in enumerate(EXPORTS)}


@dataclass(frozen=True)
class Recording:
    """A session that can be repeated.

    Attributes
    ----------
    image : uint8[state size]
        The buffer before the first call.
    rows : int64[calls, COLUMNS]
        Each call's export and arguments: integers as they are, floats as their bits, and for a
        pointer an offset into `records` or, where the call writes, into its outputs.
    shared : int64[calls, COLUMNS]
        The same with one place for the outputs of all calls of a kind, as an engine has it.
    records : uint8[...]
        What calls read through pointers.
    output_size : int64[1]
        Bytes of all outputs.
    answers : int64[calls]
        What the calls returned when they were recorded.
    """

    image: NDArray[np.uint8]
    rows: NDArray[np.int64]
    shared: NDArray[np.int64]
    records: NDArray[np.uint8]
    output_size: NDArray[np.int64]
    answers: NDArray[np.int64]

    def save(self, path: Path) -> None:
        """Write it to a file."""
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Read it back."""
        with np.load(path) as stored:
            return cls(*(stored[field.name] for field in fields(cls)))


def arguments_of(
    row: NDArray[np.int64], shape: Shape, records: NDArray[np.uint8], outputs: NDArray[np.uint8]
) -> list[Any]:
    """The arguments of a recorded call as Python passes them."""
    export = EXPORTS[row[0]]
    words = row[1 : 1 + len(export.c_arguments)].tolist()
    values = constants(shape) | {a.name: w for a, w in zip(export.c_arguments, words, strict=True)}
    found: list[Any] = []
    for argument, word in zip(export.c_arguments, words, strict=True):
        if argument.is_pointer:
            dtype = np.dtype(np.float64)
            if argument.kind == "record":
                dtype = record_dtype(argument.record, shape)
            length = prod(values[name] for name in argument.size.split("*")) if argument.size else 1
            memory = outputs if argument.writes else records
            array = memory[word : word + length * dtype.itemsize].view(dtype).view(np.recarray)
            found.append(array if argument.size else array[0])
        elif argument.kind == "f64":
            found.append(struct.unpack("<d", struct.pack("<q", word))[0])
        else:
            found.append(word)
    return found


class Recorder:
    """Makes calls on an engine and keeps them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.image = np.frombuffer(engine.state_bytes(), dtype=np.uint8)
        self.rows: list[list[int]] = []
        self.shared: list[list[int]] = []
        self.answers: list[int] = []
        self.records = bytearray()
        self.places: dict[tuple[str, str], int] = {}
        self.output_size = 0

    def call(self, name: str, *arguments: Any) -> int:
        """Make a call of the export table; pointers are records or arrays."""
        export = EXPORTS[NUMBERS[name]]
        row, shared = [NUMBERS[name]], [NUMBERS[name]]
        for argument, value in zip(export.c_arguments, arguments, strict=True):
            if not argument.is_pointer:
                is_float = argument.kind == "f64"
                word = struct.unpack("<q", struct.pack("<d", value))[0] if is_float else int(value)
                row.append(word)
                shared.append(word)
            elif argument.writes:
                place = self.places.setdefault((name, argument.name), self.output_size)
                row.append(self.output_size)
                shared.append(place)
                self.output_size += -(-value.nbytes // 64) * 64
            else:
                row.append(len(self.records))
                shared.append(len(self.records))
                self.records += value.tobytes().ljust(-(-value.nbytes // 64) * 64, b"\0")
        for words, kept in ((row, self.rows), (shared, self.shared)):
            kept.append(words + [0] * (COLUMNS - len(words)))
        answer = int(getattr(self.engine, export.method)(*arguments))
        self.answers.append(answer)
        return answer

    def recording(self) -> Recording:
        """What was called so far."""
        return Recording(
            self.image,
            np.array(self.rows, dtype=np.int64),
            np.array(self.shared, dtype=np.int64),
            np.frombuffer(bytes(self.records), dtype=np.uint8),
            np.array([self.output_size], dtype=np.int64),
            np.array(self.answers, dtype=np.int64),
        )


class Desk:
    """An account at work: each method is one round of one call, and of what belongs to it."""

    def __init__(self, engine: Engine, instruments: int, open_orders: int) -> None:
        self.engine, self.instruments = engine, instruments
        self.now = workload.build(engine, instruments, open_orders)
        self.recorder = Recorder(engine)
        self.call = self.recorder.call
        self.identifiers = count(1 << 40)
        self.books = workload.quotes(instruments, 64, seed=7)
        self.orders = {kind.name: kind for kind in workload.orders(instruments)}
        self.signal = workload.signal().view(np.recarray)[0]
        shape = engine.shape
        self.decision = engine.decision
        self.sizing = make_record("sizing", shape)
        self.position_risk_record = make_record("position_risk", shape)
        self.portfolio_risk_record = make_record("portfolio_risk", shape)
        self.reductions = np.zeros(REDUCTIONS, dtype=record_dtype("reduction", shape))

    def tick(self) -> int:
        """The time of the next event, ns."""
        self.now += 1_000
        return self.now

    def order(self, kind: str, k: int) -> Any:
        """Order `k` of a kind, with a new identifier and time."""
        listed = self.orders[kind].records
        order = listed.view(np.recarray)[k % len(listed)]
        order.client_id, order.time_ns = next(self.identifiers), self.tick()
        return order

    def check(self, kind: str, k: int) -> tuple[Any, int]:
        """Ask for an order, which must get the answer of its kind; the order and its handle."""
        order = self.order(kind, k)
        if self.call("rc_check", order, self.decision) != self.orders[kind].action:
            reasons = codes.check_names(tuple(self.decision.reasons))
            raise RuntimeError(f"an order to {kind} got another answer: {', '.join(reasons)}")
        return order, int(self.decision.handle)

    def working(self, k: int) -> tuple[Any, int]:
        """An order that the venue has taken."""
        order, handle = self.check("approve", k)
        self.call("rc_on_ack", self.tick(), handle, handle)
        return order, handle

    def done(self, handle: int) -> None:
        """The venue has cancelled an order."""
        self.call("rc_on_canceled", self.tick(), handle)

    def rc_check(self, k: int) -> None:
        kind = ("approve", "approve", "exit", "approve", "resize", "approve", "approve", "reject")
        _, handle = self.check(kind[k % 8], k)
        if handle:
            self.call("rc_on_ack", self.tick(), handle, handle)
            self.done(handle)

    def rc_what_if(self, k: int) -> None:
        self.call("rc_what_if", self.order("approve", k), self.decision)

    def rc_cancel(self, k: int) -> None:
        _, handle = self.working(k)
        self.call("rc_cancel", self.tick(), handle)
        self.done(handle)

    def rc_replace(self, k: int) -> None:
        order, handle = self.working(k)
        lots, price = int(order.lots) + 1, int(order.price_ticks)
        self.call("rc_replace", self.tick(), handle, lots, price, self.decision)
        self.call("rc_on_replaced", self.tick(), handle, lots, price)
        self.done(handle)

    def rc_on_fill(self, k: int) -> None:
        for kind in ("approve", "exit"):  # a lot in, then the same out
            order, handle = self.check(kind, k)
            self.call("rc_on_ack", self.tick(), handle, handle)
            place = (int(order.instrument), int(order.strategy), int(order.side))
            price, execution = int(order.price_ticks), next(self.identifiers)
            self.call("rc_on_fill", self.tick(), handle, *place, 1, price, 0.01, 0, execution)
            if order.lots > 1:
                self.done(handle)

    def rc_on_quote(self, k: int) -> None:
        for step in range(2 * k, 2 * k + 2):
            i = step * 29 % self.instruments
            book = self.books[step // self.instruments % len(self.books), i]
            self.call("rc_on_quote", self.tick(), i, *map(int, book))

    def rc_on_trade(self, k: int) -> None:
        i = k * 31 % self.instruments
        price = int(self.books[k // self.instruments % len(self.books), i, 0])
        self.call("rc_on_trade", self.tick(), i, price, 100)

    def rc_size(self, k: int) -> None:
        self.signal.instrument = k * 29 % self.instruments
        self.call("rc_size", self.signal, self.sizing)

    def rc_position_risk(self, k: int) -> None:
        self.call("rc_position_risk", k * 29 % self.instruments, self.position_risk_record)

    def rc_on_sample(self, k: int) -> None:
        if k % SAMPLE_EVERY == 0:
            self.call("rc_on_sample", self.tick())
            while self.call("rc_advance", SLICE_ROWS) == codes.BUSY:
                pass

    def rc_portfolio_risk(self, k: int) -> None:
        if k % SAMPLE_EVERY == 0:
            self.call("rc_portfolio_risk", self.portfolio_risk_record)

    def rc_derisk(self, k: int) -> None:
        if k % SAMPLE_EVERY == 0:
            self.call("rc_derisk", self.reductions, REDUCTIONS)

    def rc_on_clock(self, k: int) -> None:
        self.call("rc_on_clock", self.tick())

    def rc_on_heartbeat(self, k: int) -> None:
        self.call("rc_on_heartbeat", self.tick(), k % workload.VENUES)

    def rc_on_rate(self, k: int) -> None:
        if k % SAMPLE_EVERY == 0:
            self.call("rc_on_rate", self.tick(), 1, 1.25 + 1e-4 * (k % 7))

    def rc_on_funding(self, k: int) -> None:
        if k % SAMPLE_EVERY == 0:
            i = k % self.instruments
            self.call("rc_on_funding", self.tick(), i, i % workload.STRATEGIES, 0, 0.5)


# What a session is made of; the companions of a call come with it.
CALLS = tuple(name for name in vars(Desk) if name.startswith("rc_"))


def record(
    engine: Engine,
    instruments: int,
    open_orders: int,
    rounds: int,
    wanted: list[str] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Recording:
    """Record a session.

    Parameters
    ----------
    engine : Engine
        Empty; emitted code, or plain Python or the JIT where there is time.
    instruments : int
        In use, all with a position.
    open_orders : int
        Working orders at the start.
    rounds : int
        Of every call; samples come in every SAMPLE_EVERY.
    wanted : list of str, optional
        Only these of CALLS, and what belongs to them.
    progress : callable, optional
        Called with the rounds done.

    Raises
    ------
    InputError
        If a call is none of CALLS.
    RuntimeError
        If an order gets another answer than the session is made for.
    """
    names = wanted or list(CALLS)
    unknown = [name for name in names if name not in CALLS]
    if unknown:
        raise InputError(f"call is {unknown[0]!r}: allowed is {', '.join(CALLS)}")
    desk = Desk(engine, instruments, open_orders)
    steps = [getattr(desk, name) for name in names]
    for k in range(rounds):
        for step in steps:
            step(k)
        progress(k + 1)
    return desk.recorder.recording()
