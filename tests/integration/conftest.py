"""An account in files, and its writer; a name for one in shared memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from riskcore import AdaptiveRiskManager
from riskcore.store.place import SHARED_MEMORY
from tests.simulation.places import NOW


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "account"


@pytest.fixture
def memory_name() -> Iterator[str]:
    """A name for shared memory, cleared afterwards."""
    name = f"riskcore-test-{uuid.uuid4().hex}"
    yield name
    for file in SHARED_MEMORY.glob(f"{name}.*"):
        file.unlink()


@pytest.fixture
def risk(place: Path) -> Iterator[AdaptiveRiskManager]:
    """A writer with money and a market."""
    with AdaptiveRiskManager.attach(place, "growth", time_ns=NOW, capacity=2048) as manager:
        manager.transfer("binance-usdm", "USDT", 1_000_000, NOW)
        manager.quote("BTC-USDT-PERP", "37000.0", 12, "37000.1", 9, NOW)
        manager.trade("BTC-USDT-PERP", "37000.1", 250, NOW)
        yield manager
