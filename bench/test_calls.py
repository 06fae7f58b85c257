"""Calls from Python under pytest-benchmark: ``pytest bench --benchmark-autosave``.

The table of the README, native code and peers included, is ``python -m bench``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.calls import KINDS, Desk

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

    Returns the slowest, s, of the quietest fifth of the run: a neighbour on the core takes it away
    for milliseconds now and then.
    """
    numbers = iter(range(1 << 60))
    benchmark.pedantic(
        call, setup=lambda: (prepare(next(numbers)), {}), rounds=rounds, warmup_rounds=50
    )
    if not benchmark.stats:
        return 0.0
    times, part = benchmark.stats.stats.data, rounds // 5
    return float(min(max(times[k * part : (k + 1) * part]) for k in range(5)))


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


def test_portfolio(benchmark: Any, desk: Desk) -> None:
    assert time_it(benchmark, desk.next_update, desk.update, ROUNDS // 10) < 0.050
