"""The native loop that repeats a recorded session, and a timer that notes where it is.

Both are a few lines of LLVM IR, so neither Python nor a C compiler stands between two calls. The
timer is the kernel's (``setitimer``, real time); its signal handler writes down the address of the
interrupted instruction and the number of the call in progress, and does nothing else. A fence
before each call keeps the processor from working at two of them at once: an engine's calls lie
apart.
"""

from __future__ import annotations

import ctypes
import signal
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskcore.bindings import link
from riskcore.bindings.emit import load_object
from riskcore.kernels.api import EXPORTS, Export
from riskcore.layout import ALIGNMENT, allocate, state_dtype
from riskcore.profile.session import COLUMNS, Recording

MAX_SAMPLES = 1 << 20
REGISTERS_AT = 40  # of a ucontext_t
INSTRUCTION_POINTER = REGISTERS_AT + 16 * 8  # x86-64 Linux: gregs[REG_RIP]


def _thunk(export: Export) -> str:
    """IR that takes one export's arguments out of a row and calls it."""
    lines, passed = [], ["ptr %state"] if export.takes_state else []
    for number, argument in enumerate(export.c_arguments, 1):
        kind = "ptr" if argument.is_pointer else {"i64": "i64", "f64": "double"}[argument.kind]
        lines += [
            f"  %p{number} = getelementptr i64, ptr %row, i64 {number}",
            f"  %a{number} = load {kind}, ptr %p{number}",
        ]
        passed.append(f"{kind} %a{number}")
    body = "\n".join(lines)
    return f"""
define internal i64 @thunk.{export.name}(ptr %function, ptr %state, ptr %row) nounwind {{
{body}
  %answer = call i64 %function({", ".join(passed)})
  ret i64 %answer
}}
"""


def _program() -> str:
    """IR of the loop and of the signal handler."""
    thunks = ", ".join(f"ptr @thunk.{export.name}" for export in EXPORTS)
    return f"""
@row_in_progress = global i64 -1
@samples_taken = global i64 0
@samples = global [{2 * MAX_SAMPLES} x i64] zeroinitializer
@thunks = internal constant [{len(EXPORTS)} x ptr] [{thunks}]

define void @on_signal(i32 %number, ptr %information, ptr %context) nounwind {{
  %taken = load i64, ptr @samples_taken
  %room = icmp ult i64 %taken, {MAX_SAMPLES}
  br i1 %room, label %note, label %leave
note:
  %at = getelementptr i8, ptr %context, i64 {INSTRUCTION_POINTER}
  %instruction = load i64, ptr %at
  %row = load volatile i64, ptr @row_in_progress
  %first = shl i64 %taken, 1
  %second = or i64 %first, 1
  %to = getelementptr i64, ptr @samples, i64 %first
  %to.row = getelementptr i64, ptr @samples, i64 %second
  store i64 %instruction, ptr %to
  store i64 %row, ptr %to.row
  %more = add i64 %taken, 1
  store i64 %more, ptr @samples_taken
  br label %leave
leave:
  ret void
}}

define void @run(ptr %functions, ptr %state, ptr %rows, i64 %count, ptr %answers) nounwind {{
entry:
  %empty = icmp sle i64 %count, 0
  br i1 %empty, label %end, label %next
next:
  %k = phi i64 [0, %entry], [%following, %next]
  store volatile i64 %k, ptr @row_in_progress
  %place = mul i64 %k, {COLUMNS}
  %row = getelementptr i64, ptr %rows, i64 %place
  %export = load i64, ptr %row
  %at.function = getelementptr ptr, ptr %functions, i64 %export
  %function = load ptr, ptr %at.function
  %at.thunk = getelementptr ptr, ptr @thunks, i64 %export
  %thunk = load ptr, ptr %at.thunk
  call void asm sideeffect "lfence", "~{{memory}}"()
  %answer = call i64 %thunk(ptr %function, ptr %state, ptr %row)
  %to = getelementptr i64, ptr %answers, i64 %k
  store i64 %answer, ptr %to
  %following = add i64 %k, 1
  %more = icmp slt i64 %following, %count
  br i1 %more, label %next, label %end
end:
  store volatile i64 -1, ptr @row_in_progress
  ret void
}}
{"".join(_thunk(export) for export in EXPORTS)}"""


def aligned_bytes(size: int) -> NDArray[np.uint8]:
    """Zeroed memory that begins at a cache line."""
    raw = np.zeros(size + ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size]


class _SignalAction(ctypes.Structure):
    """``struct sigaction`` of the C library."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_uint64 * 16),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class Samples:
    """Where the timer found the program: addresses int64[n] and calls in progress int64[n]."""

    addresses: NDArray[np.int64]
    rows: NDArray[np.int64]


class Driver:
    """A recorded session on a buffer of its own, ready to run.

    Parameters
    ----------
    recording : Recording
    shape : Shape
        Of its buffer.
    functions : dict of str to int
        Address of each C function that the session calls, by export.
    """

    def __init__(self, recording: Recording, shape: Any, functions: dict[str, int]) -> None:
        self.recording = recording
        self.memory = allocate(state_dtype(shape))
        self.records = aligned_bytes(recording.records.size)
        self.records[:] = recording.records
        self.outputs = aligned_bytes(int(recording.output_size[0]))
        self.answers = np.zeros(len(recording.rows), dtype=np.int64)
        self.rows = self._addresses(recording.rows)
        self.shared = self._addresses(recording.shared)
        self.functions = np.array(
            [functions.get(export.name, 0) for export in EXPORTS], dtype=np.uint64
        )
        symbols = ["run", "on_signal", "samples", "samples_taken"]
        machine = link.target_machine("x86-64-v2")
        image = machine.emit_object(link.optimise(_program(), machine))
        self.symbols = load_object(image, symbols)
        # The handler is the first function of the program: where its code begins, and its size.
        self.harness = (self.symbols["on_signal"], len(link.code_sections(image)[".text"]))
        self._run = ctypes.CFUNCTYPE(
            None, *(ctypes.c_void_p,) * 3, ctypes.c_int64, ctypes.c_void_p
        )(self.symbols["run"])
        self.restore()

    def _addresses(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows with addresses for offsets."""
        result = rows.copy()
        for number, export in enumerate(EXPORTS):
            these = rows[:, 0] == number
            for column, argument in enumerate(export.c_arguments, 1):
                if argument.is_pointer:
                    memory = self.outputs if argument.writes else self.records
                    result[these, column] += memory.ctypes.data
        return result

    def restore(self) -> None:
        """The buffer as it was before the first call."""
        self.memory.view(np.uint8).reshape(-1)[:] = self.recording.image

    def run(self, rows: NDArray[np.int64], first: int, last: int) -> int:
        """Make the calls from `first` to before `last`; the time until Python had it back, ns."""
        part = rows[first:last]
        answers = self.answers[first:last]
        start = perf_counter_ns()
        self._run(
            self.functions.ctypes.data,
            self.memory.ctypes.data,
            part.ctypes.data,
            len(part),
            answers.ctypes.data,
        )
        return perf_counter_ns() - start

    def time(self) -> int:
        """The whole session from its start, ns; outputs go where an engine keeps them."""
        self.restore()
        empty = min(self.run(self.shared, 0, 0) for _ in range(8))  # Python's part
        return self.run(self.shared, 0, len(self.shared)) - empty

    def sample(self, interval_us: float, delay_us: float) -> int:
        """The same with the timer running from after a delay; the time it took, ns."""
        libc = ctypes.CDLL(None, use_errno=True)
        flags = 0x4 | 0x10000000  # SA_SIGINFO, SA_RESTART
        action = _SignalAction(self.symbols["on_signal"], (ctypes.c_uint64 * 16)(), flags, None)
        before = _SignalAction()
        if libc.sigaction(signal.SIGALRM, ctypes.byref(action), ctypes.byref(before)):
            raise OSError(ctypes.get_errno(), "the sampling timer's signal cannot be handled")
        self.restore()
        try:
            signal.setitimer(signal.ITIMER_REAL, delay_us * 1e-6, interval_us * 1e-6)
            return self.run(self.shared, 0, len(self.shared))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            libc.sigaction(signal.SIGALRM, ctypes.byref(before), None)

    def samples(self) -> Samples:
        """What the timer found so far, within calls."""
        taken = ctypes.c_int64.from_address(self.symbols["samples_taken"]).value
        pairs = _words(self.symbols["samples"], 2 * taken).view(np.int64).reshape(-1, 2)
        pairs = pairs[pairs[:, 1] >= 0]
        return Samples(pairs[:, 0].copy(), pairs[:, 1].copy())


def _words(address: int, size: int) -> NDArray[np.uint64]:
    """A copy of the 64-bit words at an address."""
    return np.array((ctypes.c_uint64 * size).from_address(address), dtype=np.uint64)


def read_places(table: int) -> NDArray[np.uint64]:
    """The addresses in a table that begins with their number; none where there is no table."""
    if not table:
        return np.zeros(0, dtype=np.uint64)
    return _words(table + 8, ctypes.c_uint64.from_address(table).value)
