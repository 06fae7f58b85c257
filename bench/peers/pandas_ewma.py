"""pandas: the covariance of a window again at each sample, as it has no update."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.figures import PEER, Figure, time_calls

ROWS = 500


def measure(quick: bool) -> list[Figure]:
    """``ewm(alpha).cov()`` of 500 samples, divided by them, and once whole."""
    frame = pd.DataFrame(0.01 * np.random.default_rng(0).standard_normal((ROWS, 16)))

    def recompute() -> object:
        return frame.ewm(alpha=0.03).cov()

    times = time_calls(lambda k: (), recompute, 2 if quick else 3, 1 if quick else 5)
    name = f"pandas {pd.__version__} ewm().cov()"
    each = {key: value / ROWS for key, value in times.items()}
    return [
        Figure(PEER, name, f"16 instruments, {ROWS} samples again: covariance only", **times),
        Figure(PEER, name, f"16 instruments, of that one of the {ROWS} samples", **each),
    ]
