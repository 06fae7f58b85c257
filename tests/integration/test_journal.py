"""The journal on real files: drained, recovered and replayed to the same bytes, come what may."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from riskcore import AdaptiveRiskManager, ControlPage, PlaceError, PublishedPage, Shape, codes
from riskcore._core import Core, Parts
from riskcore.config import config_path
from riskcore.errors import ConfigError, InputError, TornError
from riskcore.layout import record_dtype
from riskcore.store.archive import archive_files, journal_table, read_archive, stretches
from riskcore.store.checkpoint import read_checkpoint, valid_checkpoints
from riskcore.store.drainer import Drainer
from riskcore.store.journal import Journal, entries
from riskcore.store.place import Place
from riskcore.store.recovery import first_difference, replay_journal
from riskcore.store.verify import verify
from riskcore.store.writer import Writer
from tests.simulation.places import NOW, Life, apply_plainly, open_writer

CAPACITY = 1 << 13
STEPS = (
    "copied",
    "archive written",
    "archive renamed",
    "replayed",
    "checkpoint written",
    "checkpoint renamed",
    "drained",
)


def live_on(writer: Writer, seed: int, records: int, drainer: Drainer | None = None) -> None:
    """Random events until so many more records are committed."""
    life, end = Life(writer.core, seed), writer.journal.committed + records
    while writer.journal.committed < end:
        life.step()
        if drainer is not None:
            drainer.drain()
    assert writer.journal.lost == writer.journal.refused == 0


def all_records(place: Path) -> np.ndarray:
    """Every record of archive and ring."""
    where, parts = Place(place), Parts()
    return np.concatenate(list(stretches(where, parts, (j := Journal(where, parts)), j.committed)))


def undisturbed(place: Path) -> bytes:
    """The state of a plain account after every journaled event, through the plain calls."""
    core = Core()
    apply_plainly(core, all_records(place))
    return core.state_bytes()


def recovered(place: Path, **options: Any) -> tuple[str, bytes]:
    """Where the state of a copy of the place is recovered from, and its bytes."""
    copy = place.parent / f"{place.name}-copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(place, copy)
    writer = Writer(Place(copy), Shape(), **options)
    try:
        return writer.recovery.source, writer.core.state_bytes()
    finally:
        writer.close()


@pytest.mark.parametrize("format", ["parquet", "arrow"])
@pytest.mark.parametrize("seed", [1, 2])
def test_many_times_around_the_ring(place: Path, seed: int, format: str) -> None:
    writer = open_writer(place, seed, capacity=2048)
    drainer = Drainer(place, segment=300, format=format)
    live_on(writer, seed, 20_000, drainer)
    assert writer.journal.committed > 9 * writer.journal.capacity
    state = writer.core.state_bytes()
    assert undisturbed(place) == state
    replayed = replay_journal(place)
    assert replayed.equal
    assert replayed.compared_with == "live"
    assert replayed.state == state
    assert verify(place).problems == []
    assert {file.path.suffix for file in archive_files(Place(place))} == {f".{format}"}
    names = {entry.name for entry in entries(all_records(place), Parts())}
    assert {"parameters", "instrument", "scenario", "batch", "check", "fill"} <= names
    writer.close()
    source, bytes_ = recovered(place)
    assert (source, bytes_) == ("live", state)
    source, bytes_ = recovered(place, rebuild=True)
    assert source.startswith("checkpoint-")
    assert bytes_ == state


def test_a_state_that_was_caught_half_written_is_rebuilt(place: Path) -> None:
    writer = open_writer(place, 3, capacity=CAPACITY)
    live_on(writer, 3, 2000)
    state = writer.core.state_bytes()
    writer.close()
    for share in (0.1, 0.5, 0.9):
        damaged = np.memmap(place / "state", np.uint8, "r+")
        at = int(share * len(damaged))
        damaged[at : at + 5000] ^= 0xA5
        journal = Journal(Place(place), Parts(), write=True)
        journal.record["applied"] = journal.committed - 1
        journal.close()
        assert recovered(place) == ("start", state)
    assert recovered(place, rebuild=True) == ("start", state)
    assert replay_journal(place).compared_with == ""


def test_recovery_needs_no_checkpoint_where_the_archive_is_there(place: Path) -> None:
    writer = open_writer(place, 4, capacity=2048)
    live_on(writer, 4, 6000, Drainer(place, segment=500))
    state = writer.core.state_bytes()
    writer.close()
    for name in ("checkpoint-a", "checkpoint-b"):
        (place / name).unlink()
    assert recovered(place, rebuild=True) == ("archive", state)
    assert "no valid checkpoint" in " ".join(verify(place).problems)
    for file in archive_files(Place(place))[1:2]:
        file.path.unlink()
    with pytest.raises(PlaceError, match="no checkpoint is valid"):
        recovered(place, rebuild=True)


def test_a_damaged_checkpoint_is_passed_over(place: Path) -> None:
    writer = open_writer(place, 5, capacity=CAPACITY)
    drainer = Drainer(place, segment=500)
    live_on(writer, 5, 3000, drainer)
    state = writer.core.state_bytes()
    writer.close()
    drainer.close()
    found = valid_checkpoints(Place(place), Parts())
    assert [one.sequence for one in found] == sorted((o.sequence for o in found), reverse=True)
    assert len(found) == 2
    words = np.memmap(found[0].path, np.int64, "r+")
    words[-1000] ^= 1
    words.flush()
    with pytest.raises(PlaceError, match="TORN"):
        read_checkpoint(found[0].path, Parts())
    # The older one is behind what was drained: the archive takes over.
    assert recovered(place, rebuild=True) == ("archive", state)
    with_drainer = Drainer(place)
    assert with_drainer.sequence == with_drainer.journal.drained
    with_drainer.drain_all()
    assert recovered(place, rebuild=True)[1] == state
    assert verify(place).problems == []


@pytest.mark.parametrize("died_behind", range(len(STEPS) + 1))
def test_a_drainer_that_dies_between_two_steps_loses_nothing(place: Path, died_behind: int) -> None:
    writer = open_writer(place, 6, capacity=2048)
    live_on(writer, 6, 500)
    first = Drainer(place, segment=400)
    assert first.drain() > 0
    live_on(writer, 7, 500)
    before = all_records(place)
    steps = first.steps()
    for step in STEPS[:died_behind]:
        assert next(steps) == step
    drained = first.journal.drained
    first.close()
    # At this point the machine goes on: recovery, replay and a walk all find everything.
    assert (all_records(place) == before).all()
    state = writer.core.state_bytes()
    assert recovered(place, rebuild=True)[1] == state
    assert replay_journal(place).equal
    assert verify(place).problems == []
    live_on(writer, 8, 300)
    second = Drainer(place, segment=350, format="arrow")
    assert second.journal.drained == drained
    while second.drain(1):
        newest = valid_checkpoints(Place(place), Parts())[0]
        assert newest.sequence >= second.journal.drained
    assert second.journal.drained == writer.journal.committed
    assert (all_records(place)[: len(before)] == before).all()
    assert undisturbed(place) == writer.core.state_bytes()
    assert replay_journal(place).equal
    assert verify(place).problems == []
    assert not list(place.rglob("*.new"))


def test_one_drainer_at_a_time(place: Path) -> None:
    writer = open_writer(place, 6, capacity=2048)
    drainer = Drainer(place)
    with pytest.raises(PlaceError, match="another process drains"):
        Drainer(place)
    drainer.close()
    Drainer(place).close()
    writer.close()


def test_a_folder_in_the_place_of_an_unfinished_file_is_one_line(place: Path) -> None:
    writer = open_writer(place, 6, capacity=2048)
    (place / "archive").mkdir(0o700)
    (place / "archive" / "journal-1.parquet.new").mkdir()
    with pytest.raises(PlaceError, match=r"journal-1\.parquet\.new: cannot be removed: Is a dir"):
        Drainer(place)
    writer.close()


def test_a_drainer_with_another_folder_is_refused(place: Path, tmp_path: Path) -> None:
    writer = open_writer(place, 6, capacity=2048)
    drainer = Drainer(place, archive=tmp_path / "far")
    drainer.drain_all()
    drainer.close()
    with pytest.raises(PlaceError, match="--archive"):
        Drainer(place)
    with pytest.raises(PlaceError, match="--archive"):
        replay_journal(place)
    assert "neither in the ring nor in the archive" in " ".join(verify(place).problems)
    assert replay_journal(place, archive=tmp_path / "far").equal
    writer.close()


@pytest.mark.parametrize(
    ("options", "word"),
    [({"format": "csv"}, "format"), ({"segment": 0}, "segment"), ({"segment": 513}, "segment")],
)
def test_options_of_the_drainer_are_checked(
    place: Path, options: dict[str, Any], word: str
) -> None:
    open_writer(place, 6, capacity=2048).close()
    with pytest.raises(InputError, match=word):
        Drainer(place, **options)
    Drainer(place).close()


# --- torn records --------------------------------------------------------------------------------


@pytest.fixture
def quiet_place(place: Path) -> tuple[Path, int]:
    """A closed place whose state lacks its last record, and that record's sequence."""
    writer = open_writer(place, 9, capacity=2048)
    live_on(writer, 9, 300)
    writer.core.on_clock(int(writer.core.state.header.last_time_ns) + 1)
    last = writer.journal.committed
    writer.journal.record["applied"] = last - 1
    for held in (*writer._open, writer._name):
        held.close()
    return place, last


def test_every_byte_of_the_last_record_counts(quiet_place: tuple[Path, int]) -> None:
    place, last = quiet_place
    head, size = record_dtype("journal").itemsize, record_dtype("journal_record").itemsize
    data = np.memmap(place / "journal", np.uint8, "r+")
    start = head + (last - 1) % 2048 * size
    parts = Parts()
    state = (place / "state").read_bytes()
    for at in range(start, start + size):
        before = int(data[at])
        data[at] = before ^ (1 + at % 255)
        with pytest.raises(TornError, match=f"torn at record {last}"):
            Writer(Place(place), Shape())
        data[at] = before
    assert (place / "state").read_bytes() == state
    assert len(all_records(place)) == last
    assert Writer(Place(place), Shape()).recovery.sequence == last
    assert parts.state_attach(np.memmap(place / "state", np.uint8, "r+")) == codes.OK


@pytest.mark.parametrize("start", range(0, 192, 16))
def test_ranges_of_bytes_that_never_arrived_are_found(
    quiet_place: tuple[Path, int], start: int
) -> None:
    """What a lost write looks like: a stretch of the record is what was there before."""
    place, last = quiet_place
    head, size = record_dtype("journal").itemsize, record_dtype("journal_record").itemsize
    data = np.memmap(place / "journal", np.uint8, "r+")
    row = data[head + (last - 1) % 2048 * size :][:size]
    whole = row.copy()
    for end in range(start + 8, size + 1, 8):
        row[start:end] = 0
        if (row == whole).all():
            continue
        with pytest.raises(TornError, match=f"torn at record {last}"):
            Writer(Place(place), Shape())
        assert f"torn at record {last}" in " ".join(verify(place).problems)
        row[:] = whole


def test_a_torn_archive_is_found(place: Path) -> None:
    writer = open_writer(place, 10, capacity=2048)
    drainer = Drainer(place, segment=300, format="arrow")
    live_on(writer, 10, 1500, drainer)
    file = archive_files(Place(place))[1]
    data = bytearray(file.path.read_bytes())
    records = read_archive(file, Parts())
    at = data.find(records["time_ns"].tobytes())
    assert at > 0
    data[at + 8] ^= 1
    file.path.write_bytes(data)
    with pytest.raises(TornError, match=f"{file.path.name}: torn at record {file.first + 1}"):
        replay_journal(place)
    assert f"torn at record {file.first + 1}" in " ".join(verify(place).problems)
    file.path.write_bytes(data[: len(data) // 2])
    assert "cannot be read" in " ".join(verify(place).problems)


def rewritten(kind: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Write a file of the archive again, as a valid file with something else in it."""

    def write(path: Path) -> None:
        table = (
            pq.ParquetFile(path).read() if kind == "parquet" else pa.ipc.open_file(path).read_all()
        )
        changed = change(table)
        if kind == "parquet":
            pq.write_table(changed, path)
        else:
            with pa.ipc.new_file(path, changed.schema) as writer:
                writer.write_table(changed)

    return write


def text_column(table: Any) -> Any:
    return table.set_column(1, table.column_names[1], pa.array(["x"] * table.num_rows))


def missing_values(table: Any) -> Any:
    return table.set_column(1, table.field(1), pa.nulls(table.num_rows, pa.int64()))


def damages(kind: str) -> dict[str, Callable[[Path], object]]:
    """What can become of a file, by what is said of it."""
    rng = np.random.default_rng(3)
    return {
        "empty": lambda path: path.write_bytes(b""),
        "random": lambda path: path.write_bytes(rng.bytes(10_000)),
        "magic only": lambda path: path.write_bytes(
            b"PAR1" if kind == "parquet" else b"ARROW1\0\0"
        ),
        "cut": lambda path: os.truncate(path, path.stat().st_size * 2 // 3),
        "another format": lambda path: path.write_bytes(b"a,b\n1,2\n"),
        "no columns": rewritten(kind, lambda table: table.select([])),
        "a column less": rewritten(kind, lambda table: table.drop_columns(["time_ns"])),
        "a column twice": rewritten(
            kind, lambda table: table.append_column("time_ns", table.column("time_ns"))
        ),
        "another type": rewritten(kind, text_column),
        "no values": rewritten(kind, missing_values),
        "no metadata": rewritten(kind, lambda table: table.replace_schema_metadata({})),
        "fewer rows": rewritten(kind, lambda table: table.slice(5)),
        "a folder": lambda path: (path.unlink(), path.mkdir(0o700)),
        "a pipe": lambda path: (path.unlink(), os.mkfifo(path, 0o600)),
    }


@pytest.mark.parametrize("what", damages("arrow"))
@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_a_damaged_file_of_the_archive_is_one_line_that_names_it(
    place: Path, format: str, what: str
) -> None:
    writer = open_writer(place, 15, capacity=2048)
    with Drainer(place, segment=300, format=format) as drainer:
        live_on(writer, 15, 1500, drainer)
    writer.close()
    for name in ("checkpoint-a", "checkpoint-b"):
        (place / name).unlink()
    file = archive_files(Place(place))[-1].path
    damages(format)[what](file)
    for act in (
        lambda: replay_journal(place),
        lambda: Writer(Place(place), Shape(), rebuild=True),
        lambda: Drainer(place),
        lambda: journal_table(place),
    ):
        with pytest.raises(PlaceError, match=file.name) as caught:
            act()
        assert str(caught.value).isprintable()
    assert any(file.name in problem for problem in verify(place).problems)


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_no_changed_byte_of_the_archive_goes_unseen(place: Path, format: str) -> None:
    writer = open_writer(place, 16, capacity=2048)
    drainer = Drainer(place, segment=100, format=format)
    live_on(writer, 16, 300, drainer)
    file = archive_files(Place(place))[0]
    data, records = file.path.read_bytes(), read_archive(file, Parts())
    rng = np.random.default_rng(16)
    seen = 0
    for _ in range(300):
        damaged = bytearray(data)
        for at in rng.integers(0, len(data), int(rng.integers(1, 4))):
            damaged[at] ^= int(rng.integers(1, 256))
        file.path.write_bytes(damaged)
        try:
            found = read_archive(file, Parts())
        except PlaceError:
            seen += 1
        else:
            assert found.tobytes() == records.tobytes()
    assert seen > 100
    drainer.close()
    writer.close()


def test_the_archive_of_another_account_is_refused(place: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for path, seed in ((place, 17), (other, 18)):
        writer = open_writer(path, seed, capacity=2048)
        with Drainer(path, segment=300) as drainer:
            live_on(writer, seed, 1500, drainer)
            drainer.drain_all()
        writer.close()
    for name in ("checkpoint-a", "checkpoint-b"):
        (place / name).unlink()
    foreign = other / "archive"
    for act in (
        lambda: replay_journal(place, archive=foreign),
        lambda: Writer(Place(place, foreign), Shape(), rebuild=True),
        lambda: Drainer(place, archive=foreign),
    ):
        with pytest.raises(PlaceError, match=f"{foreign}(/journal-.*another account's|: ends at)"):
            act()
    assert "another account's" in " ".join(verify(place, archive=foreign).problems)


# --- heads that tell of more than there is -------------------------------------------------------


def craft(place: Path, sequence: int, **fields: int) -> None:
    """Change a record of the ring and give it a valid checksum."""
    journal, parts = Journal(Place(place), Parts(), write=True), Parts()
    row = journal.ring[(sequence - 1) % journal.capacity : sequence]
    for name, value in fields.items():
        row[name] = value
    words = row.view(np.int64).reshape(1, -1)
    row["checksum"] = parts.checksum(
        np.ascontiguousarray(np.concatenate([words[:, 3:], words[:, 0:1], words[:, 2:3]], axis=1))
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"parts": 2},
        {"parts": 1 << 40},
        {"parts": (1 << 63) - 1},
        {"parts": -1},
        {"parts": 0},
        {"kind": codes.ENTRY_PARAMETERS},
        {"kind": codes.ENTRY_PARAMETERS, "lots": -1},
        {"kind": codes.ENTRY_BATCH, "lots": 1 << 40},
        {"kind": codes.ENTRY_BATCH, "lots": -5},
        {"kind": codes.ENTRY_SCENARIO, "parts": 3, "lots": 1 << 62},
    ],
)
@pytest.mark.parametrize("whole", [False, True])
def test_a_last_head_that_tells_of_more_than_there_is_is_torn(
    place: Path, fields: dict[str, int], *, whole: bool
) -> None:
    writer = open_writer(place, 19, capacity=2048)
    live_on(writer, 19, 300)
    drainer = Drainer(place, segment=50)
    if whole:
        drainer.drain_all()
    writer.core.on_clock(int(writer.core.state.header.last_time_ns) + 1)
    last = writer.journal.committed
    craft(place, last, **fields)
    drains = "kind" in fields and "parts" not in fields  # it is an entry of one record
    if not drains:
        with pytest.raises(TornError, match=f"torn at record {last}"):
            drainer.drain_all()
    drainer.close()
    writer.close()
    for act in (lambda: replay_journal(place), lambda: Writer(Place(place), Shape(), rebuild=True)):
        with pytest.raises(TornError, match=f"torn at record {last}"):
            act()
    if drains:
        with pytest.raises(TornError, match=f"torn at record {last}"):
            list(entries(all_records(place), Parts()))
    else:
        assert f"/journal: torn at record {last}" in " ".join(verify(place).problems)


def test_words_that_look_like_no_number_survive_the_archive(place: Path) -> None:
    """Columns of floats hold any 64 bits where a record carries a part of another one."""
    parts = Parts()
    from riskcore.store.archive import archive_steps
    from riskcore.store.place import make_folder

    make_folder(place)
    rng = np.random.default_rng(11)
    records = np.zeros(4, record_dtype("journal_record"))
    words = records.view(np.int64).reshape(4, -1)
    words[:] = rng.integers(-(1 << 62), 1 << 62, words.shape)
    nans = [0x7FF8000000000000, 0x7FF0000000000001, -0x7FFFFFFFFFFF, -1, 1 << 63]
    for k, bits in enumerate(nans):
        words[k % 4, -1 - k % 3] = np.uint64(bits & (1 << 64) - 1).astype(np.int64)
    for format in ("parquet", "arrow"):
        assert list(archive_steps(Place(place), parts, records, 1, format)) == [
            "written",  # read back and compared before it is renamed
            "renamed",
        ]


# --- comparing -----------------------------------------------------------------------------------


def test_the_first_field_that_differs_is_named() -> None:
    one, other = Core(), Core()
    assert first_difference(one.state_bytes(), other.state_bytes(), Shape()) is None
    cases: tuple[tuple[Callable[[Any], Any], str, str, Any], ...] = (
        (lambda s: s.orders[5], "venue_order_id", "orders[5].venue_order_id", 7),
        (lambda s: s.holdings[1, 2], "lots", "holdings[1, 2].lots", 3),
        (lambda s: s.positions[3], "net_lots", "positions[3].net_lots", 12),
        (lambda s: s.account, "equity", "account.equity", 2.5),
    )
    for block, field, name, value in cases:
        block(other.state)[field] = value
        found = first_difference(one.state_bytes(), other.state_bytes(), Shape())
        assert found is not None
        assert (found.field, found.found) == (name, repr(value))
    other.state.covariance.matrix[0, 1] = 0.5
    other.state.account.equity = 0.0
    other.state.orders[5].venue_order_id = other.state.positions[3].net_lots = 0
    other.state.holdings[1, 2].lots = 0
    found = first_difference(one.state_bytes(), other.state_bytes(), Shape())
    assert found is not None
    assert found.field == "covariance.matrix[0, 1]"


def test_a_state_that_is_not_its_journals_is_noticed(place: Path) -> None:
    writer = open_writer(place, 12, capacity=2048)
    live_on(writer, 12, 300)
    writer.core.state.account.turnover_day += 1.0
    found = replay_journal(place)
    assert not found.equal
    assert found.difference is not None
    assert found.difference.field == "account.turnover_day"
    writer.close()


# --- a full journal ------------------------------------------------------------------------------


def test_a_full_journal_refuses_orders_by_name_and_books_facts(tmp_path: Path) -> None:
    place = tmp_path / "full"
    risk = AdaptiveRiskManager.attach(place, "growth", time_ns=NOW, capacity=512, reserve=64)
    risk.transfer("binance-usdm", "USDT", 1_000_000, NOW)
    risk.quote("BTC-USDT-PERP", "37000.0", 12, "37000.1", 9, NOW)
    risk.trade("BTC-USDT-PERP", "37000.1", 250, NOW)

    def check() -> Any:
        return risk.check(
            "BTC-USDT-PERP", "buy", 1, "37000.1", strategy="trend", confidence=0.9, time=NOW
        )

    handle = check().handle
    while (decision := check()).status == "OK":
        pass
    assert decision.action == "REJECT"
    assert decision.reasons == ("JOURNAL_FULL",)
    assert (decision.first_reason, decision.layer) == ("JOURNAL_FULL", "system")
    assert not decision.allowed
    # A position can be closed, while half of the reserve is left to facts.
    free = 512 - risk.store.journal.committed if risk.store else 0
    assert free == 64
    assert (
        risk.fill(
            "BTC-USDT-PERP", "buy", "0.5", "37000.1", strategy="trend", handle=handle, time=NOW
        )
        == "OK"
    )
    leave = risk.check(
        "BTC-USDT-PERP", "sell", "0.5", "37000.0", strategy="trend", confidence=0, time=NOW
    )
    assert (leave.action, leave.exit_quantity) == ("APPROVE", leave.quantity)
    before = risk.core.state_bytes()
    assert risk.quote("BTC-USDT-PERP", "37001.0", 12, "37001.1", 9, NOW) == "JOURNAL_FULL"
    assert risk.replace(handle, 2, "37000.1", NOW).reasons == ("JOURNAL_FULL",)
    legs = [
        {"symbol": s, "side": "buy", "quantity": 1, "strategy": "trend", "confidence": 0.9}
        for s in ("BTC-USDT-PERP", "ETH-USDT-PERP")
    ]
    answers = risk.check_batch(legs, time=NOW)
    assert [one.reasons for one in answers] == [("JOURNAL_FULL",)] * 2
    assert risk.core.state_bytes() == before
    # Facts and cancels have the reserve; beyond it they are booked without a record.
    assert risk.cancel(handle, NOW) == "OK"
    free = 512 - risk.store.journal.committed if risk.store else 0
    assert free == 61
    answers_of_facts = [risk.funding("BTC-USDT-PERP", 1, NOW) for _ in range(free + 2)]
    assert answers_of_facts == ["OK"] * free + ["NOT_JOURNALED"] * 2
    assert risk.core.state.account.funding == free + 2
    assert risk.kill("Ada") == "NOT_JOURNALED"
    assert risk.killed
    # A request that is refused is no fact.
    ControlPage(place).request(codes.CONTROL_RESET_INSTRUMENT, 999, 0, "Ada")
    assert risk.funding("BTC-USDT-PERP", 1, NOW) == "NOT_JOURNALED"
    assert PublishedPage(place).read()["request_status"] == codes.INVALID_INSTRUMENT
    found = replay_journal(place)
    assert not found.equal
    assert found.lost == 4
    assert verify(place).problems == ["4 facts were applied without a record"]
    # With room again, everything goes on.
    with Drainer(place) as drainer:
        assert drainer.drain_all() == 512
    assert risk.reset("Ada", kill=True) == "OK"
    assert check().reasons != ("JOURNAL_FULL",)
    risk.close()
    with AdaptiveRiskManager.attach(place, "growth", time_ns=NOW) as risk:
        assert risk.core.state.account.funding == free + 3
    # Rebuilt from the journal the account has no fact that is not in it.
    # An attach that fails behind the rebuild leaves it to the next one to tell.
    other = tmp_path / "other.yaml"
    text = config_path("instruments").read_text()
    other.write_text(text.replace("  XRP-USDT-PERP:", "  XRQ-USDT-PERP:"))
    with pytest.raises(ConfigError):
        AdaptiveRiskManager.attach(place, "growth", time_ns=NOW, rebuild=True, instruments=other)
    with pytest.warns(UserWarning, match=r"rebuilt without 4 facts that were applied while"):
        risk = AdaptiveRiskManager.attach(place, "growth", time_ns=NOW)
    with risk:
        assert risk.core.state.account.funding == free
        assert risk.core.state.account.latches == codes.LATCH_RECONCILIATION
    # Whole again, it is as silent as any other, and opens nothing until a person has looked.
    with AdaptiveRiskManager.attach(place, "growth", time_ns=NOW) as risk:
        assert risk.store is not None
        assert risk.store.recovery.source == "live"
        assert "ACCOUNT_IN_REDUCE_ONLY" in check().reasons
        assert risk.reset("Ada", account=True) == "OK"
        assert "ACCOUNT_IN_REDUCE_ONLY" not in check().reasons


# --- as tables -----------------------------------------------------------------------------------


def test_the_journal_is_a_table(place: Path) -> None:
    writer = open_writer(place, 13, capacity=2048)
    drainer = Drainer(place, segment=300)
    live_on(writer, 13, 2000, drainer)
    records = all_records(place)
    heads = records[records["parts"] != 0]
    table = journal_table(place)
    assert table.num_rows == len(heads)
    assert table.column("sequence").to_numpy().tolist() == heads["sequence"].tolist()
    names = table.column("name").to_pylist()
    assert names.count("check") == int((heads["kind"] == codes.EVENT_CHECK).sum())
    assert journal_table(place, parts=True).num_rows == len(records)
    some = journal_table(place, first=301, last=700, parts=True)
    assert some.column("sequence").to_pylist() == list(range(301, 701))
    writer.close()


def test_a_table_may_begin_within_an_entry(place: Path) -> None:
    """In the ring and in the archive."""
    writer = open_writer(place, 27, capacity=2048)
    records = all_records(place)
    within = 2 + int(np.argmax(records["parts"]))  # behind the head of the longest entry
    behind = [int(r["sequence"]) for r in records[within - 1 :] if r["parts"]]
    assert behind[0] > within
    for _ in ("ring", "archive"):
        part = journal_table(place, first=within, parts=True)
        assert part["sequence"].to_pylist() == list(range(within, len(records) + 1))
        assert journal_table(place, first=within)["sequence"].to_pylist() == behind
        with Drainer(place) as drainer:
            drainer.drain_all()
    writer.close()


# --- read while a drainer works ------------------------------------------------------------------


class MovingJournal(Journal):
    """A journal whose records move to the archive between any two looks at `drained`."""

    drainer: Drainer | None = None

    @property
    def drained(self) -> int:
        before = super().drained
        if self.drainer is not None:
            self.drainer.drain(1)
        return before


def test_records_that_move_to_the_archive_are_read_once_each(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_writer(place, 20, capacity=2048)
    life = Life(writer.core, 20)

    def live() -> None:
        end = writer.journal.committed + 1000
        while writer.journal.committed < end:
            life.step()

    live()
    expected = all_records(place)
    with Drainer(place, segment=100) as drainer:
        drainer.drain()
        for module in ("archive", "recovery", "verify"):
            monkeypatch.setattr(f"riskcore.store.{module}.Journal", MovingJournal)
        monkeypatch.setattr(MovingJournal, "drainer", drainer)
        table = journal_table(place, parts=True)
        assert table["sequence"].to_pylist() == expected["sequence"].tolist()
        drainer.drain_all()
        live()
        assert replay_journal(place).equal
        drainer.drain_all()
        live()
        report = verify(place)
        assert report.problems == []
        heads = all_records(place)["parts"] != 0
        assert sum(report.entries.values()) == int(heads.sum())
    writer.close()


class GrowingJournal(Journal):
    """A journal whose writer goes on at each look at `committed`, for 5,000 records."""

    life: Life | None = None

    @property
    def committed(self) -> int:
        if self.life is not None and super().committed < 5000:
            self.life.step()
        return super().committed


def test_draining_beside_a_writer_ends_where_it_was_at_the_start(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_writer(place, 26, capacity=2048)
    life = Life(writer.core, 26)
    while writer.journal.committed < 1200:
        life.step()
    monkeypatch.setattr("riskcore.store.drainer.Journal", GrowingJournal)
    with Drainer(place, segment=200) as drainer:
        before = writer.journal.committed
        monkeypatch.setattr(GrowingJournal, "life", life)
        total = drainer.drain_all()
        monkeypatch.setattr(GrowingJournal, "life", None)
    after = writer.journal.committed
    assert before <= total == writer.journal.drained < after < 5000
    *full, last = [file.last - file.first + 1 for file in archive_files(Place(place))]
    # An entry that did not fit is in the next file; the longest has 104 records.
    assert len(full) > 5
    assert all(200 - 104 < count <= 200 for count in full)
    assert 0 < last <= 200
    assert verify(place).problems == []
    writer.close()


def test_a_file_that_appears_while_files_are_listed_leaves_no_gap(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_writer(place, 23, capacity=2048)
    with Drainer(place, segment=100) as drainer:
        live_on(writer, 23, 1000, drainer)
    writer.close()
    whole = archive_files(Place(place))
    looks = iter([[whole[0], *whole[2:]]])
    monkeypatch.setattr("riskcore.store.archive.listed_files", lambda _: next(looks, whole))
    assert archive_files(Place(place)) == whole


def test_a_missing_file_is_the_only_thing_missing(place: Path) -> None:
    writer = open_writer(place, 24, capacity=2048)
    with Drainer(place, segment=100) as drainer:
        live_on(writer, 24, 1500, drainer)
    writer.close()
    before, gone = verify(place), archive_files(Place(place))[2]
    assert before.problems == []
    lost = int((read_archive(gone, Parts())["parts"] != 0).sum())
    kept = gone.path.read_bytes()
    gone.path.unlink()
    report = verify(place)
    (problem,) = report.problems
    assert f"records {gone.first} to {gone.last} are neither in the ring" in problem
    assert sum(report.entries.values()) == sum(before.entries.values()) - lost
    # Twice the same records: said, and counted once.
    gone.path.write_bytes(kept)
    first = archive_files(Place(place))[0]
    again = first.path.with_name(f"journal-{first.first:012}-{first.first:012}.parquet")
    again.write_bytes(b"")
    again.chmod(0o600)
    problems = " ".join(verify(place).problems)
    assert "overlaps with the file before it" in problems
    assert "neither" not in problems


def test_shared_memory_without_its_archive_is_not_called_whole(
    tmp_path: Path, memory_name: str
) -> None:
    name = f"shm:{memory_name}"
    writer = open_writer(name, 25, capacity=2048)
    live_on(writer, 25, 500)
    with Drainer(name, archive=tmp_path / "archive") as drainer:
        drainer.drain_all()
    last = writer.journal.drained
    writer.close()
    (problem,) = verify(name).problems
    assert f"records 1 to {last} are neither in the ring nor in the archive" in problem
    assert "--archive" in problem
    assert verify(name, archive=tmp_path / "archive").problems == []
