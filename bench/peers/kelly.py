"""Kelly weights of the same account: a solve in NumPy without bounds, and cvxpy with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from bench.calls import KellyDesk
from bench.figures import PEER, Figure, time_calls
from bench.peers import rounds
from riskcore.profile.workload import KELLY_PARAMETERS, PARAMETERS

Row = NDArray[np.float64]


def covariance_of(desk: KellyDesk) -> NDArray[np.float64]:
    """Covariance over 24 h, shrunk towards its diagonal, as `rc_kelly` takes it."""
    count, state = desk.instruments, desk.core.state
    full = np.array(state.covariance.matrix[:count, :count])
    full *= float(state.parameters.samples_per_day)
    kept = 1.0 - PARAMETERS["kelly_shrinkage"]
    return kept * full + (1.0 - kept) * np.diag(np.diag(full))


def _with_numpy(matrix: NDArray[np.float64]) -> Callable[[Row], Row]:
    part = PARAMETERS["kelly_fraction"]

    def solve(means: Row) -> Row:
        return np.linalg.solve(matrix, part * means)

    return solve


def _with_cvxpy(matrix: NDArray[np.float64]) -> Callable[[Row], Row]:
    """The problem is made once; only its expected returns change."""
    import cvxpy

    wanted, weights = cvxpy.Parameter(len(matrix)), cvxpy.Variable(len(matrix))
    growth = wanted @ weights - 0.5 * cvxpy.sum_squares(np.linalg.cholesky(matrix).T @ weights)
    bound = KELLY_PARAMETERS["max_position_share"]
    problem = cvxpy.Problem(cvxpy.Maximize(growth), [cvxpy.abs(weights) <= bound])

    def solve(means: Row) -> Row:
        wanted.value = PARAMETERS["kelly_fraction"] * means
        problem.solve()
        return np.array(weights.value)

    return solve


def _ways(matrix: NDArray[np.float64]) -> Iterator[tuple[str, str, Callable[[Row], Row], int]]:
    yield f"NumPy {np.__version__} linalg.solve", "without bounds", _with_numpy(matrix), 10
    try:
        import cvxpy
    except ImportError:
        return
    yield f"cvxpy {cvxpy.__version__}, solved again", "with bounds", _with_cvxpy(matrix), 1


def measure(quick: bool) -> list[Figure]:
    """Weights for the expected returns of `rc_kelly`'s case."""
    desk = KellyDesk()
    rows = [row[: desk.instruments].copy() for row in desk.returns]
    found = []
    for name, bounds, solve, factor in _ways(covariance_of(desk)):
        calls = (20 if quick else 200) * factor
        times = time_calls(lambda k: (rows[k % len(rows)],), solve, rounds(quick), calls)
        found.append(Figure(PEER, name, f"{desk.work}: Kelly weights {bounds}", **times))
    return found
