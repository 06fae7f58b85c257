"""BLAS from Python: NumPy as a quant would write it, and SciPy's rank-one update in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from bench.figures import PEER, Figure, time_calls
from bench.peers import rounds

DECAY = 0.97
Row = NDArray[np.float64]


def _with_numpy(count: int) -> Callable[[Row], float]:
    weights = np.full(count, 1.0 / count)
    matrix = 1e-4 * np.eye(count)
    outer = np.empty((count, count))

    def update(row: Row) -> float:
        np.multiply(matrix, DECAY, out=matrix)
        np.multiply(((1.0 - DECAY) * row)[:, None], row, out=outer)
        np.add(matrix, outer, out=matrix)
        return float(weights @ (matrix @ weights))

    return update


def _with_scipy(count: int) -> Callable[[Row], float]:
    from scipy.linalg import blas

    weights = np.full(count, 1.0 / count)
    matrix = np.asfortranarray(1e-4 * np.eye(count))
    flat = matrix.reshape(-1, order="F")

    def update(row: Row) -> float:
        blas.dscal(DECAY, flat)
        blas.dsyr(1.0 - DECAY, row, lower=0, a=matrix, overwrite_a=1)
        return float(np.dot(weights, blas.dsymv(1.0, matrix, weights, lower=0)))

    return update


def _ways(count: int) -> Iterator[tuple[str, Callable[[Row], float]]]:
    yield f"NumPy {np.__version__}", _with_numpy(count)
    try:
        yield f"BLAS through SciPy {version('scipy')} (dscal, dsyr, dsymv)", _with_scipy(count)
    except ImportError:
        return


def _figure(name: str, count: int, update: Callable[[Row], float], quick: bool) -> Figure:
    rng = np.random.default_rng(0)
    rows = [0.01 * rng.standard_normal(count) for _ in range(64)]
    calls = max(20, 200_000 // count**2) if quick else max(100, 2_000_000 // count**2)
    times = time_calls(lambda k: (rows[k & 63],), update, rounds(quick), calls)
    return Figure(PEER, name, f"{count} instruments: covariance and variance only", **times)


def known_work(count: int) -> float:
    """Median of the quickest round of BLAS on so many instruments, ns."""
    return _figure("BLAS", count, _with_scipy(count), quick=False).best


def measure(quick: bool) -> list[Figure]:
    """One return vector into the matrix, and the variance of the portfolio."""
    return [
        _figure(name, count, update, quick)
        for count in (16, 64, 256, 512)
        for name, update in _ways(count)
    ]
