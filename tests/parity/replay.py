"""Recording of random runs, and their replay in a process of its own.

``python -m tests.parity.replay RECORDING EXECUTION`` replays with the kernels as they are imported
(``kernels``: the JIT, or plain Python with NUMBA_DISABLE_JIT=1) or with emitted code for a CPU
level, and prints one line of JSON: how many events, and the blocks after which the buffer differed.
A number behind them is where to stop in every block, and go on with a copy.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from riskcore.profile.engines import Engine, KernelEngine, NativeEngine
from tests.simulation.stream import EventStream
from tests.simulation.worlds import build_world
from tests.support import SMALL

BLOCK = 100


def live(
    engine: Engine, world: int, count: int, block: int = BLOCK
) -> Iterator[tuple[bytes, np.ndarray, np.ndarray]]:
    """Build a world in an empty engine and apply blocks of events to it.

    Yields
    ------
    start, events, statuses
        The buffer before the first block, a block, and what the engine answered.
    """
    build_world(engine, world, engine.shape)
    start = engine.state_bytes()
    stream = EventStream(world, engine.state, engine.shape)
    for first in range(0, count, block):
        events = stream.block(min(block, count - first))
        yield start, events, engine.apply_many(events)


def record(engine: Engine, worlds: Iterable[int], count: int) -> dict[str, np.ndarray]:
    """Runs of several worlds: start, events and the hash after every block."""
    empty, runs = engine.state_bytes(), {}
    for world in worlds:
        engine.load_state(empty)
        blocks, digests = [], []
        for start, events, _ in live(engine, world, count):
            runs[f"{world}/start"] = np.frombuffer(start, dtype=np.uint8)
            blocks.append(events)
            digests.append(engine.digest())
        runs[f"{world}/events"] = np.concatenate(blocks)
        runs[f"{world}/digests"] = np.array(digests)
    return runs


def replay(path: Path, make: Callable[[], Engine], stop: int = 0) -> dict[str, Any]:
    """Replay a recording: how many events, and the blocks after which the buffer differed.

    With `stop`, every block is stopped after so many events, and an engine that is made anew goes
    on from a copy of the buffer; how often is told too.
    """
    engine, different, total, copies = make(), [], 0, 0
    with np.load(path) as runs, np.errstate(all="raise"):
        for world in sorted({name.split("/")[0] for name in runs}, key=int):
            engine.load_state(runs[f"{world}/start"].tobytes())
            events, digests = runs[f"{world}/events"], runs[f"{world}/digests"]
            for number, digest in enumerate(digests):
                block = events[number * BLOCK : (number + 1) * BLOCK].copy()
                if stop:
                    engine.apply_many(block[:stop])
                    image, engine = engine.state_bytes(), make()
                    engine.load_state(image)
                    copies += 1
                engine.apply_many(block[stop:])
                total += len(block)
                if engine.digest() != str(digest):
                    different.append([int(world), number])
                    break
    found = {"events": total, "different": different}
    return found | ({"copies": copies} if stop else {})


def main() -> int:
    """Replay a recording; the exit code is 0 whatever differs."""
    path, execution, *stops = sys.argv[1:]

    def make() -> Engine:
        return KernelEngine(SMALL) if execution == "kernels" else NativeEngine(SMALL, execution)

    found = replay(Path(path), make, int(stops[0]) if stops else 0)
    from numba.core import config

    print(json.dumps(found | {"jit": not config.DISABLE_JIT}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
