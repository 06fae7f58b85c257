"""After init nothing is allocated: counted in C by a replaced allocator, and in Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from riskcore._core import Core
from riskcore.bindings.emit import emit
from riskcore.layout import record_dtype, state_dtype
from riskcore.profile.engines import NativeEngine
from tests.parity.replay import live
from tests.support import SMALL

EVENTS = 20_000

# Reads a state and events, applies them between two counts of every call that could get memory.
PROGRAM = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static long calls;
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *malloc(size_t n) { calls++; return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { calls++; return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { calls++; return __libc_realloc(p, n); }

int64_t rc_apply(void *state, const void *event, void *decision);
int64_t rc_state_attach(void *state);

int main(int argc, char **argv)
{
    size_t state_size = (size_t)atol(argv[2]), event_size = (size_t)atol(argv[3]);
    size_t decision_size = (size_t)atol(argv[4]), count = (size_t)atol(argv[5]);
    char *state = aligned_alloc(64, state_size);
    char *events = aligned_alloc(64, event_size * count);
    char *decision = aligned_alloc(64, decision_size);
    FILE *file = fopen(argv[1], "rb");
    if (argc != 6 || !file || fread(state, 1, state_size, file) != state_size) return 2;
    if (fread(events, event_size, count, file) != count) return 2;
    long before = calls;
    free(malloc(1)); /* the counter counts */
    long one = calls - before;
    if (rc_state_attach(state) != 1) return 3;
    before = calls;
    long valid = 0;
    for (size_t k = 0; k < count; k++)
        valid += rc_apply(state, events + k * event_size, decision) == 1;
    printf("%ld %ld %ld\n", one, calls - before, valid);
    return 0;
}
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A file of a configured state and the events after it."""
    engine = NativeEngine(SMALL)
    start, blocks = b"", []
    for image, events, _ in live(engine, 7, EVENTS):
        start = start or image
        blocks.append(events)
    events = np.concatenate(blocks)
    path = tmp_path_factory.mktemp("recording") / "events"
    path.write_bytes(start + events.tobytes())
    return path, len(events)


def test_native_events_allocate_nothing(recording: tuple[Path, int], tmp_path: Path) -> None:
    path, count = recording
    emit(tmp_path, SMALL)
    (tmp_path / "count.c").write_text(PROGRAM)
    program = str(tmp_path / "count")
    library = str(tmp_path / "lib" / "libriskcore.a")
    source = str(tmp_path / "count.c")
    subprocess.run(["gcc", "-O1", "-fno-builtin", "-o", program, source, library], check=True)
    sizes = [
        state_dtype(SMALL).itemsize,
        record_dtype("event", SMALL).itemsize,
        record_dtype("decision", SMALL).itemsize,
        count,
    ]
    done = subprocess.run(
        [program, str(path), *map(str, sizes)], capture_output=True, text=True, check=True
    )
    one, allocated, valid = map(int, done.stdout.split())
    assert one == 1
    assert valid > EVENTS // 4
    assert allocated == 0


def test_calls_from_python_keep_nothing() -> None:
    core = Core(SMALL)
    core.order["lots"] = 1

    def work() -> None:
        for k in range(1, 2001):
            core.on_quote(1_000_000 + k, 0, 100, 5, 101, 5)
            core.check_order()
            core.what_if_order()
            core.on_clock(1_000_000 + k)

    work()
    before = sys.getallocatedblocks()
    work()
    assert sys.getallocatedblocks() - before < 50
