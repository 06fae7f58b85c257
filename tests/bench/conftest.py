"""One quick run of the benchmarks for all tests of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.driver import Harness
from bench.suite import Report, run
from riskcore.layout import Shape


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where libraries and accounts are built."""
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="session")
def report(directory: Path) -> Report:
    """A quick run without peers."""
    return run(quick=True, with_peers=False, directory=directory)


@pytest.fixture(scope="session")
def harness(directory: Path) -> Harness:
    """Library and driver of the default shape."""
    return Harness(directory / "default", Shape())
