"""Snapshots: one copy that nobody can change, as NumPy views and as tables."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from riskcore import AdaptiveRiskManager, PlaceError, PublishedPage, Snapshot, UnknownNameError
from riskcore._core import Parts
from riskcore.layout import STATE_BLOCKS, Shape, state_dtype
from riskcore.store.checkpoint import write_checkpoint

NOW = 1_760_000_000_000_000_000


def trade(risk: AdaptiveRiskManager) -> AdaptiveRiskManager:
    """Money, a market and a position."""
    risk.transfer("binance-usdm", "USDT", 1_000_000, NOW)
    risk.quote("BTC-USDT-PERP", "37000.0", 12, "37000.1", 9, NOW)
    risk.fill("BTC-USDT-PERP", "buy", "0.5", "37000.1", strategy="trend", time=NOW)
    return risk


@pytest.fixture(scope="module")
def risk() -> AdaptiveRiskManager:
    return trade(AdaptiveRiskManager.from_config("growth", time_ns=NOW))


@pytest.fixture
def snapshot(risk: AdaptiveRiskManager) -> Snapshot:
    return Snapshot.from_manager(risk)


@pytest.fixture
def page(tmp_path: Path) -> Snapshot:
    with AdaptiveRiskManager.attach(
        tmp_path / "account", "growth", time_ns=NOW, capacity=512
    ) as risk:
        trade(risk)
        risk.sample(NOW)
        return PublishedPage(tmp_path / "account").read()


def test_a_snapshot_is_a_copy(risk: AdaptiveRiskManager, snapshot: Snapshot) -> None:
    assert snapshot.record.tobytes() == risk.core.state_bytes()
    before = snapshot.event_count
    risk.clock(NOW)
    assert snapshot.event_count == before
    assert risk.core.state.header.event_count == before + 1
    assert snapshot.time_ns == NOW


def test_nothing_in_a_snapshot_can_be_changed(snapshot: Snapshot, page: Snapshot) -> None:
    for one, block in ((snapshot, "account"), (snapshot, "positions"), (page, "reasons")):
        view = np.asarray(one[block])
        assert not view.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            view[...] = 0
    with pytest.raises((ValueError, TypeError)):
        snapshot.record.account.equity = 1.0
    column = snapshot.columns("positions")["net_lots"]
    assert np.shares_memory(column, np.asarray(snapshot["positions"]))


def test_every_block_is_a_table(risk: AdaptiveRiskManager, snapshot: Snapshot) -> None:
    assert snapshot.blocks == [block.name for block in STATE_BLOCKS]
    for block in snapshot.blocks:
        table = snapshot.to_arrow(block)
        frame = snapshot.to_pandas(block)
        assert table.num_rows == len(frame) > 0
    positions = snapshot.to_pandas("positions").set_index("instrument")
    assert list(positions.index) == list(risk.instruments)
    lots = risk.instrument("BTC-USDT-PERP").to_lots("0.5")
    assert positions.loc["BTC-USDT-PERP", "net_lots"] == lots
    holdings = snapshot.to_pandas("holdings").set_index(["strategy", "instrument"])
    assert holdings.loc[("trend", "BTC-USDT-PERP"), "lots"] == lots
    balances = snapshot.to_arrow("balances").to_pandas()
    row = balances[(balances.venue == "binance-usdm") & (balances.currency == "USDT")]
    assert row.amount.item() == 1_000_000.0


def test_columns_that_lie_together_are_not_copied(snapshot: Snapshot, page: Snapshot) -> None:
    matrix = np.asarray(snapshot["covariance"]["matrix"])
    column = snapshot.to_arrow("covariance", "matrix").column("matrix").chunk(0)
    assert column.type.list_size == matrix.shape[1]
    assert column.flatten().buffers()[1].address == matrix.ctypes.data
    frame = snapshot.to_pandas("covariance", "matrix")
    assert frame.shape == matrix.shape
    assert np.shares_memory(frame.to_numpy(), matrix)
    pnl = page.to_arrow("positions").column("position_pnl").chunk(0)
    assert pnl.buffers()[1].address == np.asarray(page["position_pnl"]).ctypes.data
    frame = snapshot.to_pandas("positions")
    rows = np.asarray(snapshot["positions"]["net_lots"])
    assert np.shares_memory(frame["net_lots"].to_numpy(), rows)


def test_tables_keep_their_memory(risk: AdaptiveRiskManager) -> None:
    table = Snapshot.from_manager(risk).to_arrow("covariance", "matrix")
    frame = Snapshot.from_manager(risk).to_pandas("positions")
    gc.collect()
    expected = np.asarray(risk.core.state.covariance.matrix)
    flat = table.column("matrix").chunk(0).flatten().to_numpy()
    assert (flat.reshape(expected.shape) == expected).all()
    assert frame["net_lots"].sum() > 0


def test_the_page_tells_what_a_monitor_asks(page: Snapshot) -> None:
    assert page.is_page
    assert page["equity"] > 0
    (row,) = page.to_pandas("positions").itertuples()
    assert row.instrument == "BTC-USDT-PERP"
    assert row.position_gross > 0
    names = page.to_arrow("venues").column("venue").to_pylist()
    assert names == ["binance-spot", "binance-usdm", "bitmex"]
    for block in page.blocks:
        assert page.to_arrow(block).num_rows == len(page.to_pandas(block))
    assert len(page.to_pandas("reasons")) == 128


def test_a_checkpoint_is_a_snapshot(risk: AdaptiveRiskManager, tmp_path: Path) -> None:
    path, state = tmp_path / "checkpoint", risk.core.state_bytes()
    write_checkpoint(path, Parts(), state, 77)
    found = Snapshot.from_checkpoint(path, risk.names())
    assert found.record.tobytes() == state
    assert found.sequence == 77
    assert found.to_pandas("instruments")["instrument"].tolist() == list(risk.instruments)
    data = bytearray(path.read_bytes())
    data[100_000] ^= 1
    path.write_bytes(data)
    with pytest.raises(PlaceError, match="TORN"):
        Snapshot.from_checkpoint(path)
    path.write_bytes(data[:-8])
    with pytest.raises(PlaceError, match="WRONG_SIZE"):
        Snapshot.from_checkpoint(path)
    path.write_bytes(b"")
    with pytest.raises(PlaceError, match="WRONG_S"):
        Snapshot.from_checkpoint(path)


def test_a_snapshot_of_a_place(tmp_path: Path) -> None:
    place = tmp_path / "account"
    with AdaptiveRiskManager.attach(place, "growth", time_ns=NOW, capacity=512) as risk:
        trade(risk)
        found = Snapshot.from_place(place)
        assert found.record.tobytes() == risk.core.state_bytes()
        assert risk.store is not None
        assert found.sequence == risk.store.journal.committed
        assert Snapshot.from_manager(risk).sequence == found.sequence
        assert Snapshot.from_page(place).is_page
    assert found.to_pandas("venues")["venue"].tolist()[0] == "binance-spot"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("position_count", -1),
        ("position_count", 65),
        ("position_count", 1 << 62),
        ("position_instrument", -1),
        ("position_instrument", -100),
        ("position_instrument", 64),
    ],
)
def test_a_page_with_impossible_positions_is_refused(
    page: Snapshot, field: str, value: int
) -> None:
    record = np.frombuffer(bytearray(page.record.tobytes()), page.record.dtype)
    assert record["position_count"] == 1
    record[field] = value
    crafted = Snapshot(record, page.shape, page.names)
    with pytest.raises(PlaceError, match=f"page is damaged: {field} is {value}: allowed is 0 to"):
        crafted.columns("positions")


@pytest.mark.parametrize("count", ["instrument_count", "venue_count", "scenario_count"])
@pytest.mark.parametrize("value", [-1, 65, 1 << 40])
def test_a_live_state_with_impossible_counts_is_refused(
    tmp_path: Path, count: str, value: int
) -> None:
    place = tmp_path / "account"
    AdaptiveRiskManager.attach(place, "growth", time_ns=NOW, capacity=512).close()
    assert Snapshot.from_place(place).columns("instruments")
    state = np.memmap(place / "state", state_dtype(Shape()), "r+", shape=(1,))
    state["header"][count] = value
    state.flush()
    with pytest.raises(PlaceError, match="/state: the copy is damaged"):
        Snapshot.from_place(place)


@pytest.mark.parametrize("name", ["nothing", "", "net_lots"])
def test_blocks_have_known_names(snapshot: Snapshot, name: str) -> None:
    for call in (snapshot.to_arrow, snapshot.to_pandas, snapshot.columns):
        with pytest.raises(UnknownNameError, match="allowed is one of header"):
            call(name)


def test_it_says_what_it_is(snapshot: Snapshot, page: Snapshot) -> None:
    shown: list[Any] = [repr(snapshot), repr(page)]
    assert shown[0].startswith("<Snapshot of a state: ")
    assert shown[1].startswith("<Snapshot of a page: ")
