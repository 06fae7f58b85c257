"""Other people's tools on the same work, in the same run: each measured where it is installed.

A module here has ``measure(quick)`` that returns figures, or raises ImportError where its package
is not installed; ``pip install 'riskcore[bench]'`` brings them all. They do less than the core on
the work that they share with it, as each says.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from bench.figures import Figure

MODULES = ("fused", "blas", "pandas_ewma", "river_ewma", "kelly", "openpit_gate", "nautilus_gate")


def measure_all(quick: bool) -> Iterator[tuple[str, list[Figure] | str]]:
    """Name of each peer with its figures, or with the reason why there are none."""
    for name in MODULES:
        try:
            yield name, import_module(f"bench.peers.{name}").measure(quick)
        except ImportError as error:
            yield name, f"not installed: {error.name or error}"
        except Exception as error:  # noqa: BLE001  a peer of another version must not end the run
            yield name, f"did not run: {type(error).__name__}: {error}"


def rounds(quick: bool) -> int:
    """Rounds of a measurement."""
    return 3 if quick else 9
