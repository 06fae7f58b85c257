"""One face for the executions of the kernels: plain Python or JIT, and emitted native code.

An engine owns a state and has a method for every row of the export table, without the state and
the frozen constants: ``engine.on_quote(time_ns, instrument, ...)``. Records and arrays are passed
as NumPy objects.
"""

from __future__ import annotations

import ctypes
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from riskcore.kernels.api import EXPORTS, Argument, Export, constants
from riskcore.layout import Shape, allocate, record_dtype, state_dtype


def make_record(name: str, shape: Shape) -> Any:
    """A zeroed record that owns its memory."""
    return np.zeros(1, dtype=record_dtype(name, shape)).view(np.recarray)[0]


class Engine(ABC):
    """A state and the calls on it."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.memory = allocate(state_dtype(shape))
        self.state = self.memory[0]
        self.order = make_record("order", shape)
        self.decision = make_record("decision", shape)
        for export in EXPORTS:
            if export.kernel:
                setattr(self, export.method, self.bind(export))
        self.state_init()  # type: ignore[attr-defined]

    @abstractmethod
    def bind(self, export: Export) -> Callable[..., int]:
        """A callable for one export, the state and the constants filled in."""

    @abstractmethod
    def apply_many(self, events: np.ndarray) -> np.ndarray:
        """Apply event records in order; their statuses."""

    def check_order(self) -> int:
        """Ask for `order`."""
        return int(self.check(self.order, self.decision))  # type: ignore[attr-defined]

    def state_bytes(self) -> bytes:
        """The whole buffer."""
        return self.memory.tobytes()

    def load_state(self, image: bytes) -> None:
        """Replace the whole buffer."""
        self.memory.view(np.uint8).reshape(-1)[:] = np.frombuffer(image, dtype=np.uint8)

    def digest(self) -> str:
        """Hash of the whole buffer."""
        return hashlib.blake2b(self.memory.view(np.uint8).data, digest_size=16).hexdigest()


class KernelEngine(Engine):
    """Calls the kernels as they are imported: under the JIT, or plain with NUMBA_DISABLE_JIT=1."""

    def bind(self, export: Export) -> Callable[..., int]:
        kernel = None
        frozen = constants(self.shape)
        values = [frozen[a.name] for a in export.arguments if a.kind == "constant"]
        taken = [self.state] if export.takes_state else []

        def call(*arguments: Any) -> int:
            nonlocal kernel
            if kernel is None:
                kernel = export.load()
            return int(kernel(*taken, *arguments, *values))

        return call

    def apply_many(self, events: np.ndarray) -> np.ndarray:
        statuses = np.zeros(len(events), dtype=np.int64)
        # A file does not keep that a dtype is aligned, which is another type to the JIT.
        records = events.view(record_dtype("event", self.shape)).view(np.recarray)
        _apply_loop()(self.state, records, self.decision, statuses)
        return statuses


_loop: list[Callable[..., None]] = []


def _apply_loop() -> Callable[..., None]:
    """The loop over events, compiled where the kernels are."""
    if not _loop:
        from riskcore.kernels.events import apply
        from riskcore.kernels.language import kernel

        @kernel
        def apply_all(state, events, decision, statuses):  # type: ignore[no-untyped-def]
            for k in range(events.size):
                statuses[k] = apply(state, events[k], decision)

        _loop.append(apply_all)
    return _loop[0]


class NativeEngine(Engine):
    """Calls the emitted machine code of a CPU level through ctypes."""

    def __init__(self, shape: Shape, cpu: str = "") -> None:
        from riskcore.bindings.emit import emit_in_memory

        self.addresses = emit_in_memory(shape, cpu)
        super().__init__(shape)

    def bind(self, export: Export) -> Callable[..., int]:
        types = [ctype(a) for a in export.c_arguments]
        taken = []
        if export.takes_state:
            types.insert(0, ctypes.c_void_p)
            taken.append(self.memory.ctypes.data)
        function = ctypes.CFUNCTYPE(ctypes.c_int64, *types)(self.addresses[export.name])
        is_pointer = [a.is_pointer for a in export.c_arguments]

        def call(*arguments: Any) -> int:
            plain = [
                _address(value) if pointer else value
                for value, pointer in zip(arguments, is_pointer, strict=True)
            ]
            return int(function(*taken, *plain))

        if export.name == "rc_apply":
            self.apply_at = function
        return call

    def apply_many(self, events: np.ndarray) -> np.ndarray:
        assert events.flags.c_contiguous
        function, state = self.apply_at, self.memory.ctypes.data
        decision, first, step = _address(self.decision), events.ctypes.data, events.itemsize
        return np.array(
            [function(state, first + k * step, decision) for k in range(len(events))],
            dtype=np.int64,
        )


def ctype(argument: Argument) -> Any:
    """The C type of an argument."""
    if argument.is_pointer:
        return ctypes.c_void_p
    return ctypes.c_double if argument.kind == "f64" else ctypes.c_int64


def _address(value: Any) -> int:
    """Address of a record or an array."""
    return np.frombuffer(value, dtype=np.uint8).ctypes.data
