"""Run events on a state between two unmapped pages; a step outside ends the process.

``python -m tests.abi.guarded END SEED EVENTS``: with END ``high`` the state and every record passed
end at the upper unmapped page, with ``low`` they start behind the lower one. Prints the state's
hash.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np

from riskcore.layout import ALIGNMENT, Shape, record_dtype, state_dtype
from riskcore.profile import engines
from riskcore.profile.engines import NativeEngine
from tests.simulation import sessions, worlds
from tests.simulation.sessions import Session
from tests.simulation.stream import EventStream
from tests.simulation.worlds import build_world
from tests.support import SMALL

PAGE = 4096
_PROT_NONE, _PROT_READ_WRITE = 0, 3
_MAP_PRIVATE_ANONYMOUS = 0x22

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long
]  # fmt: skip
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def guarded(size: int, end: str) -> np.ndarray:
    """Zeroed bytes that touch an unmapped page at their `end`, ``low`` or ``high``."""
    pages = -(-size // PAGE) * PAGE
    whole = _libc.mmap(None, pages + 2 * PAGE, _PROT_NONE, _MAP_PRIVATE_ANONYMOUS, -1, 0)
    if whole in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "mmap")
    if _libc.mprotect(whole + PAGE, pages, _PROT_READ_WRITE):
        raise OSError(ctypes.get_errno(), "mprotect")
    start = whole + PAGE + (pages - size if end == "high" else 0)
    assert start % ALIGNMENT == 0
    return np.frombuffer((ctypes.c_char * size).from_address(start), dtype=np.uint8)


def guarded_records(dtype: np.dtype, count: int, end: str) -> np.recarray:
    """Zeroed records at an unmapped page."""
    return guarded(dtype.itemsize * count, end).view(dtype).view(np.recarray)


def guard_everything(end: str) -> None:
    """Let engines, sessions and worlds make all their memory at unmapped pages."""

    def allocate(dtype: np.dtype) -> np.recarray:
        return guarded_records(dtype, 1, end)

    def make_record(name: str, shape: Shape) -> Any:
        return guarded_records(record_dtype(name, shape), 1, end)[0]

    def aligned_records(name: str, count: int, shape: Shape) -> np.recarray:
        return guarded_records(record_dtype(name, shape), count, end)

    engines.allocate = sessions.allocate = allocate  # type: ignore[assignment]
    engines.make_record = worlds.empty_record = make_record  # type: ignore[assignment]
    sessions.aligned_records = aligned_records  # type: ignore[assignment]


def main() -> int:
    """Run a stream through the plain and through the journaled calls, then every question."""
    end, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    guard_everything(end)
    engine, session = NativeEngine(SMALL), Session(NativeEngine(SMALL), 512)
    assert engine.memory.nbytes == state_dtype(SMALL).itemsize
    for target in (engine, session):
        build_world(target, seed, SMALL)
    stream = EventStream(seed, engine.state, SMALL)
    one = guarded_records(record_dtype("event", SMALL), 1, end)
    for _ in range(count // 100):
        block = stream.block(100)
        for k in range(len(block)):
            one[:] = block[k : k + 1]
            engine.apply(one[0], engine.decision)
            session.submit(one[0])
        session.journal.drained = max(0, int(session.journal.committed) - 200)
    n = SMALL.instruments
    for i in range(-1, n + 1):
        engine.position_risk(i, engines.make_record("position_risk", SMALL))
        signal = engines.make_record("signal", SMALL)
        signal.instrument, signal.side, signal.confidence = i, 1, 0.9
        engine.size(signal, engines.make_record("sizing", SMALL))
    engine.portfolio_risk(engines.make_record("portfolio_risk", SMALL))
    engine.derisk(guarded_records(record_dtype("reduction", SMALL), n, end), n)
    floats = [guarded(8 * size, end).view(np.float64) for size in (n, n, n * n)]
    engine.kelly(*floats)
    engine.page_read(
        session.page, guarded_records(record_dtype("published_page", SMALL), 1, end)[0]
    )
    engine.state_attach()
    copy = guarded(engine.memory.nbytes, end)
    ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(
        engine.addresses["rc_checkpoint"]
    )(engine.memory.ctypes.data, copy.ctypes.data)
    assert copy.tobytes() == engine.state_bytes() == session.engine.state_bytes()
    print(engine.digest())
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "outside":
        ctypes.memset(guarded(64, "high").ctypes.data + 64, 0, 1)
    sys.exit(main())
