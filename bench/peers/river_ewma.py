"""river: an online covariance with a fading factor."""

from __future__ import annotations

import numpy as np
import river
from river.covariance import EwaCovariance

from bench.figures import PEER, Figure, time_calls
from bench.peers import rounds


def measure(quick: bool) -> list[Figure]:
    """One sample, a dict of returns, into the matrix."""
    found = []
    for count in (16, 64):
        rng = np.random.default_rng(0)
        names = [f"a{i}" for i in range(count)]
        rows = [
            dict(zip(names, (0.01 * rng.standard_normal(count)).tolist(), strict=True))
            for _ in range(64)
        ]
        covariance = EwaCovariance(fading_factor=0.03)
        times = time_calls(
            lambda k, rows=rows: (rows[k & 63],),
            covariance.update,
            rounds(quick),
            200 if quick else 2_000,
        )
        found.append(
            Figure(
                PEER,
                f"river {river.__version__} EwaCovariance.update",
                f"{count} instruments: covariance only",
                **times,
            )
        )
    return found
