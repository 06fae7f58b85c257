"""Writers of a place for tests, in this process or another, and what their journal must give.

``python -m tests.simulation.places PLACE SEED CAPACITY INTERVAL SAMPLES`` attaches, writes random
events for ever, and so many samples after each block, and acknowledges on its standard output: the
sequence of the last record that was answered, as eight bytes; 0 when it is ready.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from riskcore import codes
from riskcore._core import Core, Parts
from riskcore.layout import Shape, record_dtype
from riskcore.store.journal import entries
from riskcore.store.place import Place
from riskcore.store.writer import Writer
from tests.simulation.stream import EventStream
from tests.simulation.worlds import build_world, draw_parameters

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_760_000_000_000_000_000  # where these tests begin: 9 October 2025
BLOCK = 50
ACKNOWLEDGEMENT = struct.Struct("<q")


def open_writer(path: str | Path, seed: int, **sizes: Any) -> Writer:
    """Attach to a place and configure it at random, or tell of the restart."""
    writer = Writer(Place(path), Shape(), **sizes)
    if writer.unused:
        build_world(writer.core, seed, writer.shape)
    else:
        writer.restart()
    writer.core.publish()
    return writer


def random_batch(rng: np.random.Generator, core: Any) -> np.ndarray:
    """A few orders at the current time."""
    orders = np.zeros(int(rng.integers(1, 5)), record_dtype("order", core.shape))
    first = int(core.state.strategies[0].last_client_id) + 1
    orders["client_id"] = first + np.arange(len(orders))
    orders["time_ns"] = max(1, int(core.state.header.last_time_ns))
    orders["instrument"] = rng.integers(0, int(core.state.header.instrument_count), len(orders))
    orders["side"], orders["type"], orders["time_in_force"] = codes.BUY, codes.LIMIT, codes.GTC
    orders["lots"] = rng.integers(1, 100, len(orders))
    marks = core.state.market["mark"][orders["instrument"]]
    orders["price_ticks"] = np.maximum(1, marks.astype(np.int64))
    orders["confidence"] = 1.0
    return orders


class Life:
    """Random events of every kind, batches and changes of limits, for a journaled core.

    The same seed and core give the same events.
    """

    def __init__(self, core: Any, seed: int) -> None:
        self.core, self.seed = core, seed
        self.stream = EventStream(seed, core.state, core.shape)
        self.rng = np.random.default_rng([seed, 99])

    def blocks(self) -> Any:
        """The next thing to do: ("events", records), ("batch", orders) or ("limits", record)."""
        draw = self.rng.random()
        if draw < 0.05:
            return "batch", random_batch(self.rng, self.core)
        if draw < 0.08:
            version = int(self.core.state.parameters.version) + 1
            return "limits", draw_parameters(self.rng, self.core.shape, version)
        return "events", self.stream.block(BLOCK)

    def step(self) -> None:
        """Do the next thing."""
        kind, thing = self.blocks()
        core = self.core
        if kind == "batch":
            core.check_batch(thing, np.zeros(len(thing), record_dtype("decision", core.shape)))
        elif kind == "limits":
            core.set_parameters(max(1, int(core.state.header.last_time_ns)), thing)
        else:
            core.apply_many(thing)


_SETTERS = {
    "instrument": "instrument_set",
    "venue": "venue_set",
    "currency": "currency_set",
    "strategy": "strategy_set",
}


def apply_plainly(core: Core, records: np.ndarray) -> None:
    """Apply whole entries through the plain calls: no journal, no replay of the core's own."""
    dtype = record_dtype("event", core.shape)
    single = (records["parts"] == 1) & (records["kind"] < codes.ENTRY_PARAMETERS)
    others, start = np.append(np.flatnonzero(~single), len(records)), 0
    while start < len(records):
        if single[start]:
            end = int(others[np.searchsorted(others, start)])
            events = np.zeros(end - start, dtype)
            for name in dtype.names or ():
                if name != "padding":
                    events[name] = records[name][start:end]
            core.apply_many(events)
        else:
            end = start + int(records["parts"][start])
            apply_entry(core, records[start:end])
        start = end


def apply_entry(core: Core, records: np.ndarray) -> None:
    """Apply a change of configuration or a batch through the plain call."""
    (entry,) = entries(records, Parts(core.shape))
    now, index = int(entry.head["time_ns"]), int(entry.head["instrument"])
    if entry.name == "parameters":
        core.set_parameters(now, entry.payload)
    elif entry.name in _SETTERS:
        getattr(core, _SETTERS[entry.name])(now, index, entry.payload)
    elif entry.name == "batch":
        legs = np.asarray(entry.payload).view(record_dtype("order", core.shape))
        core.check_batch(legs, np.zeros(len(legs), record_dtype("decision", core.shape)))
    else:
        words = records[1:].view(np.int64).reshape(len(records) - 1, -1)[:, 3:].reshape(-1)
        size, moves = core.shape.instruments, words[128:].view(np.float64)
        down, up = moves[:size].copy(), moves[size : 2 * size].copy()
        core.scenario_set(now, index, entry.payload, down, up)


def samples(core: Any, count: int) -> np.ndarray:
    """Samples and slices of their passes: events that take long, so that a kill meets one."""
    events = np.zeros(count, record_dtype("event", core.shape))
    events["kind"] = codes.EVENT_SAMPLE
    events["kind"][1::2] = codes.EVENT_ADVANCE
    events["lots"] = core.shape.instruments
    events["time_ns"] = int(core.state.header.last_time_ns) + 1 + np.arange(count)
    return events


def start_child(
    place: str | Path, seed: int, capacity: int, interval: int = 1000, heavy: int = 0
) -> Any:
    """A writer in a process of its own, attached and ready."""
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.simulation.places",
            *map(str, (place, seed, capacity, interval, heavy)),
        ],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert ACKNOWLEDGEMENT.unpack(child.stdout.read(ACKNOWLEDGEMENT.size)) == (0,)
    return child


def main() -> None:
    """Write until somebody kills it."""
    place, seed, capacity, interval, heavy = sys.argv[1], *map(int, sys.argv[2:6])
    writer = open_writer(place, seed, capacity=capacity, publish_interval=interval)
    life, journal = Life(writer.core, seed), writer.journal
    os.write(1, ACKNOWLEDGEMENT.pack(0))
    while True:
        while journal.committed - journal.drained > journal.capacity // 2:
            time.sleep(0.0005)
        life.step()
        writer.core.apply_many(samples(writer.core, heavy))
        os.write(1, ACKNOWLEDGEMENT.pack(journal.committed))


if __name__ == "__main__":
    main()
