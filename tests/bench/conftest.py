"""One quick run of the benchmarks for all tests of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.driver import Harness
from bench.suite import Report, broken_budgets, run
from riskcore.layout import Shape


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where libraries and accounts are built."""
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="session")
def report(directory: Path) -> Report:
    """A quick run without peers, another where a ceiling is broken, and a third one at most.

    What else a shared machine does can slow one case throughout a run, while the loops of known
    work beside it are as quick as ever. Code that is too slow breaks its ceiling each time.
    """
    for _ in range(3):
        found = run(quick=True, with_peers=False, directory=directory)
        if not broken_budgets(found):
            break
    return found


@pytest.fixture(scope="session")
def harness(directory: Path) -> Harness:
    """Library and driver of the default shape."""
    return Harness(directory / "default", Shape())
