"""Calls from Python under pytest-benchmark; a part of ``make test``, as it takes seconds.

``pytest bench --benchmark-autosave`` keeps a run to compare later ones with.

The table of the README, native code and peers included, is ``python -m bench``.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest

from bench.calls import KINDS, QUICK_SIZES, Desk, KellyDesk
from bench.figures import preemptions

pytestmark = pytest.mark.bench
ROUNDS = 5_000


@pytest.fixture(scope="module")
def desk() -> Desk:
    """One account for all."""
    return Desk()


def time_it(
    benchmark: Any, prepare: Callable[[int], tuple[Any, ...]], call: Callable[..., Any], rounds: int
) -> float:
    """Time single calls with fresh arguments.

    Returns the slowest, s, of all calls that kept the core: no other process took it between the
    preparation of the call and that of the next.
    """
    numbers = count()
    taken = []

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        taken.append(preemptions())
        return prepare(next(numbers)), {}

    benchmark.pedantic(call, setup=setup, rounds=rounds, warmup_rounds=50)
    taken.append(preemptions())
    if not benchmark.stats:
        return 0.0
    times = benchmark.stats.stats.data
    lost = np.diff(taken)[-len(times) :]
    return max(time for time, gone in zip(times, lost, strict=True) if not gone)


@pytest.mark.parametrize("kind", KINDS)
def test_check(benchmark: Any, desk: Desk, kind: str) -> None:
    desk.verify(kind)
    time_it(benchmark, lambda k: desk.next_order(kind, k), desk.core.check, ROUNDS)


def test_quote(benchmark: Any, desk: Desk) -> None:
    time_it(benchmark, desk.next_quote, desk.core.on_quote, ROUNDS)


def test_size(benchmark: Any, desk: Desk) -> None:
    time_it(benchmark, lambda k: (), desk.core.size, ROUNDS)


def test_position(benchmark: Any, desk: Desk) -> None:
    assert time_it(benchmark, desk.next_quote, desk.position, ROUNDS) < 0.010


def test_kelly(benchmark: Any) -> None:
    desk = KellyDesk()
    time_it(benchmark, desk.next_returns, desk.core.kelly, ROUNDS // 10)


@pytest.mark.parametrize("instruments", QUICK_SIZES)
def test_portfolio(benchmark: Any, instruments: int) -> None:
    desk = Desk(instruments)
    assert time_it(benchmark, desk.next_update, desk.update, ROUNDS // 10) < 0.050
