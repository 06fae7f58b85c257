"""The files of an account: how they are made, who may open them, what is refused and why."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from riskcore import (
    AdaptiveRiskManager,
    ControlPage,
    PublishedPage,
    Shape,
    Snapshot,
    StateError,
    codes,
)
from riskcore._core import Parts
from riskcore.config import RiskConfig, load_config, load_instruments
from riskcore.errors import ConfigError, InputError, PlaceError
from riskcore.layout import SHAPE_NAMES, record_dtype, state_dtype
from riskcore.store.attach import need_room
from riskcore.store.drainer import Drainer
from riskcore.store.journal import Journal
from riskcore.store.place import PARTS, SHARED_MEMORY, Place
from riskcore.store.verify import verify
from riskcore.store.writer import Writer
from tests.simulation.places import NOW, ROOT

SMALL_RING: dict[str, Any] = {"capacity": 512}
READERS = {"control": ControlPage, "published": PublishedPage, "state": Snapshot.from_place}
HEADER = ("magic", "abi_version", "layout_hash", "size_bytes")
STATUS = {
    "magic": "WRONG_MAGIC",
    "abi_version": "WRONG_ABI",
    "layout_hash": "WRONG_LAYOUT",
    "size_bytes": "WRONG_SIZE",
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A place that a manager has made and left."""
    path = tmp_path / "account"
    with AdaptiveRiskManager.attach(path, "growth", time_ns=NOW, **SMALL_RING) as risk:
        risk.transfer("binance-usdm", "USDT", 1_000_000, NOW)
    return path


def attach(path: Path | str, **options: Any) -> AdaptiveRiskManager:
    return AdaptiveRiskManager.attach(path, "growth", time_ns=NOW, **options)


def refused(path: Path, *words: str, error: type[Exception] = PlaceError) -> None:
    """Attaching is refused in one line that has these words, and changes no file."""
    before = {file: file.read_bytes() for file in path.iterdir() if file.is_file()}
    with pytest.raises(error) as caught:
        attach(path)
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text, text
    assert {file: file.read_bytes() for file in path.iterdir() if file.is_file()} == before


def change_word(file: Path, word: int, by: int = 1) -> None:
    """Add to one word of a file."""
    words = np.memmap(file, np.int64, "r+")
    words[word] += by
    words.flush()


def test_all_files_are_the_owners_alone(place: Path) -> None:
    old = os.umask(0)
    try:
        attach(place.parent / "other", **SMALL_RING).close()
    finally:
        os.umask(old)
    for folder in (place, place.parent / "other"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        names = {file.name for file in folder.iterdir()}
        assert names == {*PARTS, "names.json"}
        for file in folder.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_an_account_outlives_its_manager(place: Path) -> None:
    with attach(place) as risk:
        assert risk.store is not None
        assert risk.store.recovery.source == "live"
        assert risk.equity == 1_000_000.0
        assert risk.config.source == "growth.yaml"
        with pytest.raises(PlaceError, match="another process"):
            attach(place)
    assert risk.equity == 1_000_000.0
    with pytest.raises(RuntimeError, match="closed"):
        risk.clock(NOW)
    risk.close()
    attach(place).close()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("field", HEADER)
def test_parts_of_another_build_are_refused_and_named(place: Path, part: str, field: str) -> None:
    change_word(place / part, HEADER.index(field))
    refused(place, f"/{part}: ", STATUS[field])
    reader = READERS.get(part)
    if reader:
        with pytest.raises(PlaceError, match=STATUS[field]):
            reader(place)


@pytest.mark.parametrize("size", SHAPE_NAMES)
def test_a_state_of_other_sizes_is_refused_and_named(place: Path, size: str) -> None:
    change_word(place / "state", 4 + SHAPE_NAMES.index(size), 4)
    refused(place, "/state: ", "WRONG_")


def test_another_shape_than_the_accounts_is_refused(place: Path) -> None:
    with pytest.raises(PlaceError, match="WRONG_SHAPE: it has window 512, not 256"):
        attach(place, shape=Shape(window=256))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("change", [-8, -4096, 8])
def test_files_of_another_length_are_refused_before_they_are_mapped(
    place: Path, part: str, change: int
) -> None:
    file = place / part
    os.truncate(file, max(0, file.stat().st_size + change))
    refused(place, f"/{part}: ", "WRONG_SIZE", "bytes")


@pytest.mark.parametrize("part", PARTS)
def test_an_empty_file_is_refused(place: Path, part: str) -> None:
    os.truncate(place / part, 0)
    refused(place, f"/{part}: ", "WRONG_SIZE")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666, 0o610])
def test_files_that_others_may_use_are_refused(place: Path, part: str, mode: int) -> None:
    (place / part).chmod(mode)
    refused(place, f"/{part}: refused", f"mode {mode:o}", "chmod 600")


def test_a_folder_that_others_may_use_is_refused(place: Path) -> None:
    place.chmod(0o755)
    refused(place, "refused", "mode 755", "chmod 700")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(place: Path) -> None:
    os.chown(place / "journal", 12345, -1)
    refused(place, "/journal: refused", "user 12345")


def test_a_link_is_refused(place: Path) -> None:
    (place / "control").rename(place / "real")
    (place / "control").symlink_to(place / "real")
    refused(place, "/control: ", "a link")


@pytest.mark.parametrize("part", PARTS)
def test_an_incomplete_place_is_refused(place: Path, part: str) -> None:
    (place / part).unlink()
    refused(place, "incomplete", f"{part} missing")


@pytest.mark.parametrize(("word", "value"), [(4, 1), (10, -5), (10, -(1 << 63))])
def test_a_journal_whose_numbers_cannot_be_is_refused(place: Path, word: int, value: int) -> None:
    fields = record_dtype("journal", Shape()).fields
    assert [fields[name][1] for name in ("capacity", "lost")] == [8 * 4, 8 * 10]
    change_word(place / "journal", word, value)
    refused(place, "/journal: TORN")


def test_a_place_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "account"
    with pytest.raises(InputError, match="power of two"):
        attach(path, capacity=1000)
    for folder_was_there in (False, True):
        if folder_was_there:
            path.mkdir(0o700)
        with pytest.raises(PlaceError, match="journal"):
            attach(path, capacity=1 << 32)  # 800 GB
        assert path.exists() == folder_was_there
    assert list(path.iterdir()) == []
    attach(path, **SMALL_RING).close()


def test_a_journal_that_cannot_take_its_own_configuration_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "account"
    with attach(tmp_path / "roomy", **SMALL_RING) as risk:
        assert risk.store is not None
        needed = risk.store.journal.committed
    assert 256 < needed <= 512 - 32
    for name in (path, f"shm:riskcore-test-{uuid.uuid4().hex}"):
        for capacity, reserve in ((256, 16), (512, 512 - needed + 1)):
            with pytest.raises(InputError) as caught:
                attach(name, capacity=capacity, reserve=reserve)
            text = f"capacity is {capacity}, {reserve} of it in reserve: the configuration takes"
            assert str(caught.value).startswith(f"{text} {needed} records: allowed is")
            assert not Place(name).path("state").exists()
    assert not path.exists()
    attach(path, capacity=512, reserve=512 - needed).close()


@pytest.mark.parametrize(("reserve", "least"), [(None, 1024), (0, 512), (100, 1024)])
def test_the_capacity_that_a_refusal_names_is_enough(reserve: int | None, least: int) -> None:
    """A sixteenth of it is kept where no reserve is given: 490 records do not fit in 512 then."""

    def configure(core: Any) -> None:
        for second in range(490):
            core.on_clock(NOW + second)

    for capacity in (256, least // 2):
        with pytest.raises(InputError, match=f"allowed is a power of two from {least}$"):
            need_room(Shape(), configure, capacity, reserve)
    need_room(Shape(), configure, least, reserve)


def test_a_configuration_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    path, scenarios = tmp_path / "account", tmp_path / "scenarios.yaml"
    text = (ROOT / "config" / "scenarios.yaml").read_text()
    scenarios.write_text(text.replace('"24h"\n', '"24h"\n    venue: nowhere\n', 1))
    with pytest.raises(ConfigError, match="venue is 'nowhere'"):
        attach(path, scenarios=scenarios, **SMALL_RING)
    assert not path.exists()


# --- makers that die, and makers that race -------------------------------------------------------


@pytest.mark.parametrize("made", range(1, 5))
@pytest.mark.parametrize("in_memory", [False, True])
def test_what_a_killed_maker_left_is_made_anew(
    tmp_path: Path, memory_name: str, made: int, in_memory: bool
) -> None:
    """A maker makes these files in this order; the state is the last that is filled."""
    where = Place(f"shm:{memory_name}" if in_memory else tmp_path / "account")
    if not in_memory:
        where.folder.mkdir(0o700)
    for name in ("state", "control", "published", "journal.new")[:made]:
        where.path(name).touch(0o600)
        os.truncate(where.path(name), 100_000)
    with pytest.raises(PlaceError, match="there is no account here"):
        attach(where.name, create=False)
    with pytest.raises(PlaceError, match="there is no account here"):
        PublishedPage(where)
    with pytest.raises(InputError, match="the configuration takes"):
        attach(where.name, capacity=256)
    attach(where.name, **SMALL_RING).close()
    assert not where.path("journal.new").exists()
    attach(where.name, create=False).close()


def test_a_maker_killed_within_the_header_leaves_no_account(tmp_path: Path) -> None:
    """The magic number is the last word that is written to a state."""
    where = Place(tmp_path / "account")
    attach(where.name, **SMALL_RING).close()
    for name in ("journal", "names.json"):
        where.path(name).unlink()
    header = np.memmap(where.path("state"), state_dtype(Shape()), "r+", shape=(1,))["header"]
    assert header["event_count"] > 0
    header["event_count"] = header["magic"] = 0
    with pytest.raises(PlaceError, match="there is no account here"):
        PublishedPage(where)
    header["abi_version"] += 1  # what it is then, nobody knows
    refused(where.folder, "incomplete", "journal missing")
    header["abi_version"] -= 1
    attach(where.name, **SMALL_RING).close()
    attach(where.name, create=False).close()


def test_a_state_with_events_is_no_leftover(place: Path) -> None:
    for name in ("journal", "names.json"):
        (place / name).unlink()
    (place / "journal.new").touch(0o600)
    refused(place, "incomplete", "journal missing")


@pytest.mark.parametrize("head", [b"a state of mind", b"a state of mind" * 1000])
def test_files_of_others_are_no_leftover(tmp_path: Path, head: bytes) -> None:
    place = tmp_path / "mine"
    place.mkdir(0o700)
    for name in ("state", "control"):
        (place / name).touch(0o600)
        (place / name).write_bytes(head)
    refused(place, "incomplete", "published, journal missing")
    assert (place / "state").read_bytes() == (place / "control").read_bytes() == head


def test_order_filled_beyond_its_size_behind_a_pending_replace_recovers(tmp_path: Path) -> None:
    path, symbol = tmp_path / "account", "BTC-USDT-PERP"
    with attach(path, **SMALL_RING) as risk:
        now = int(risk.core.state.header.last_time_ns)
        risk.transfer("binance-usdm", "USDT", 1_000_000, now)
        risk.quote(symbol, "37000.0", 12, "37000.1", 9, now)
        risk.trade(symbol, "37000.1", 250, now)
        terms = {"strategy": "trend", "time": now}
        handle = risk.check(symbol, "buy", "0.01", "37000.0", confidence=0.9, **terms).handle
        risk.ack(handle, 1, now)
        assert risk.replace(handle, "0.02", "37000.0", now).action == "APPROVE"
        risk.fill(symbol, "buy", "0.015", "37000.0", handle=handle, execution_id=5, **terms)
        orders = risk.core.state.orders
        assert (orders["lots"].max(), orders["filled_lots"].max()) == (10, 15)
    for rebuild in (False, True):
        with attach(path, create=False, rebuild=rebuild) as risk:
            assert risk.core.state.orders["filled_lots"].max() == 15


MAKER = (
    "import sys; from riskcore import AdaptiveRiskManager as A, RiskCoreError\n"
    "import riskcore.store.place as place\n"
    "if sys.argv[2] == 'state': place.SHARED_MEMORY = place.Path('/gone')\n"
    "print('ready', flush=True); sys.stdin.readline()\n"
    "try: risk = A.attach(sys.argv[1], 'growth', capacity=1 << 16)\n"
    "except RiskCoreError as error: print(error, flush=True)\n"
    "else: print('attached', flush=True); sys.stdin.readline(); risk.close()"
)


def makers(place: Path, count: int, lock: str = "name") -> list[subprocess.Popen[str]]:
    """Processes that make the place when they get a line."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", MAKER, str(place), lock],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(count)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    return children


def tell(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


@pytest.mark.parametrize("lock", ["name", "state"])
@pytest.mark.parametrize("number", range(3))
def test_of_racing_makers_one_has_the_account(tmp_path: Path, lock: str, number: int) -> None:
    """Also where shared memory cannot be used, and the lock on the state alone decides."""
    path = tmp_path / f"account-{number}"
    children = makers(path, 4, lock)
    for child in children:
        tell(child)
    answers = [child.stdout.readline().strip() for child in children if child.stdout]
    assert answers.count("attached") == 1, answers
    for answer in set(answers) - {"attached"}:
        assert answer.startswith(f"{path}: refused: another process is "), answers
    assert sorted(file.name for file in path.iterdir()) == sorted([*PARTS, "names.json"])
    for child in children:
        child.communicate("\n")
    with attach(path, create=False) as risk:
        assert risk.transfer("binance-usdm", "USDT", 5, NOW) == "OK"


def test_makers_killed_at_any_moment_leave_a_place_that_can_be_had(tmp_path: Path) -> None:
    path = tmp_path / "account"
    rng = np.random.default_rng(5)
    found: set[bool] = set()
    for _ in range(8):
        (child,) = makers(path, 1)
        tell(child)
        time.sleep(float(rng.uniform(0.0, 0.06)))
        child.kill()
        child.communicate()
        found.add((path / "names.json").exists())
        with attach(path, **SMALL_RING) as risk:
            assert risk.clock(NOW) == "OK"
        assert sorted(file.name for file in path.iterdir()) == sorted([*PARTS, "names.json"])
        shutil.rmtree(path)
    assert False in found


# --- files that are taken away -------------------------------------------------------------------


def replace_files(place: Path) -> None:
    """What a restored backup looks like: the same files, but others."""
    copy = place.with_name("copy")
    shutil.copytree(place, copy)
    shutil.rmtree(place)
    copy.rename(place)


def remove_files(place: Path) -> None:
    for file in place.iterdir():
        if file.is_file():
            file.unlink()


@pytest.mark.parametrize("take", [remove_files, shutil.rmtree, replace_files])
def test_files_taken_from_under_a_writer_are_told(
    place: Path, take: Callable[[Path], None]
) -> None:
    risk = attach(place)
    control, page, drainer = ControlPage(place), PublishedPage(place), Drainer(place)
    take(place)
    # It goes on with what it has mapped.
    assert risk.transfer("binance-usdm", "USDT", 5, NOW) == "OK"
    assert risk.equity == 1_000_005.0
    with pytest.raises(PlaceError, match=r"/state.*/journal.*removed or replaced") as caught:
        risk.flush()
    assert "\n" not in str(caught.value)
    # No second one starts at that name without a word.
    before = sorted(place.iterdir()) if place.exists() else []
    for create in (True, False):
        with pytest.raises(PlaceError, match="another process is writing this account"):
            attach(place, create=create)
    assert (sorted(place.iterdir()) if place.exists() else []) == before
    # Nobody looks at, or steers, files that no writer has.
    for act in (
        page.read,
        lambda: control.kill("Ada"),
        lambda: control.reset("Ada", kill=True),
        drainer.drain_all,
    ):
        with pytest.raises(PlaceError, match="removed or replaced since it was opened"):
            act()
    with pytest.raises(PlaceError, match="removed or replaced while this process wrote"):
        risk.close()
    with pytest.raises(StateError, match="closed"):
        risk.clock(NOW)
    risk.close()
    drainer.close()
    with attach(place, **({} if take is replace_files else SMALL_RING)) as again:
        assert again.equity == (1_000_000.0 if take is replace_files else 0.0)


def test_an_error_of_the_callers_is_not_hidden_by_lost_files(place: Path) -> None:
    risk = attach(place)
    remove_files(place)
    with pytest.raises(ZeroDivisionError) as caught, risk:
        _ = 1 / 0
    assert "removed or replaced" in caught.value.__notes__[0]


def test_shared_memory_taken_from_under_a_writer_is_told(memory_name: str) -> None:
    where = f"shm:{memory_name}"
    risk = attach(where, **SMALL_RING)
    for file in SHARED_MEMORY.glob(f"{memory_name}.*"):
        file.unlink()
    with pytest.raises(PlaceError, match="its files are not there"):
        attach(where, **SMALL_RING)
    with pytest.raises(PlaceError, match="removed or replaced"):
        risk.close()
    attach(where, **SMALL_RING).close()


# --- damaged files -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[]",
        "7",
        "null",
        '"BTC-USDT"',
        '{"instruments": 7}',
        '{"instruments": "BTC-USDT"}',
        '{"instruments": {"BTC-USDT": 1}}',
        '{"instruments": ["BTC-USDT", 1]}',
        '{"instruments": ["a\\nb"]}',
        '{"authors": [null]}',
        '{"authors": [""]}',
        "{",
        "\xff",
    ],
)
def test_names_that_are_none_are_one_line(place: Path, text: str) -> None:
    (place / "names.json").write_bytes(text.encode("latin-1"))
    refused(place, "/names.json: no names can be read from it")
    for reader in (PublishedPage, Snapshot.from_place):
        with pytest.raises(PlaceError, match="no names can be read"):
            reader(place)


def test_a_folder_where_a_file_is_to_be_staged_is_one_line(place: Path) -> None:
    (place / "names.json.new").mkdir()
    with pytest.raises(PlaceError) as caught:
        Place(place).keep_author("Ada")
    assert "names.json.new: cannot be removed: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_never_outgrow_what_is_read_of_them(place: Path) -> None:
    for number in range(3):
        Place(place).keep_names({f"more-{number}": ["x" * 5_000_000]})
    with pytest.raises(PlaceError, match=r"names\.json: full: allowed are 16777216 bytes"):
        Place(place).keep_names({"more-3": ["x" * 5_000_000]})
    assert {"instruments", "more-0", "more-2"} <= set(Place(place).names())


def test_longer_names_of_authors_in_an_account_can_still_be_read(place: Path) -> None:
    Place(place).keep_names({"authors": ["x" * 1000]})
    assert list(Place(place).authors().values()) == ["x" * 1000]
    assert len(Snapshot.from_place(place).columns("parameters")["author_name"]) == 1


def test_a_copy_that_memory_cannot_hold_is_one_line(place: Path) -> None:
    journal = Journal(Place(place), Parts(Place(place).shape()))
    journal.capacity = 1 << 50  # as the header of a sparse file may have it
    with pytest.raises(PlaceError, match="/journal: no memory for a copy of records 1 to 11258"):
        journal.copy(1, 1 << 50)
    journal.close()


@pytest.mark.parametrize("part", [*PARTS, "names.json"])
@pytest.mark.parametrize("size", [1, 13, 63, 64, 100, 200])
def test_files_cut_short_are_one_line(place: Path, part: str, size: int) -> None:
    os.truncate(place / part, size)
    refused(place, f"/{part}: ")
    reader = READERS.get(part)
    if reader:
        with pytest.raises(PlaceError, match=f"/{part}: "):
            reader(place)


@pytest.mark.parametrize("size", [0, 13, 64, 77, 100, 160, 1000])
def test_checkpoints_cut_short_are_one_line(place: Path, size: int) -> None:
    attach(place).close()
    with Drainer(place) as drainer:
        drainer.drain_all()
    file = place / "checkpoint-a"
    os.truncate(file, size)
    with pytest.raises(PlaceError, match="/checkpoint-a: "):
        Snapshot.from_checkpoint(file)
    assert any("/checkpoint-a: WRONG_SIZE" in problem for problem in verify(place).problems)


def test_the_holes_of_a_copied_file_are_filled_by_the_writer(place: Path) -> None:
    for part in ("state", "journal", "published"):
        data, size = (place / part).read_bytes(), (place / part).stat().st_size
        whole = data.rstrip(b"\0")
        (place / part).write_bytes(whole)
        os.truncate(place / part, size)
    sparse = (place / "journal").stat()
    assert 512 * sparse.st_blocks < sparse.st_size
    attach(place).close()
    for part in ("state", "journal", "published"):
        status = (place / part).stat()
        assert 512 * status.st_blocks >= status.st_size


@pytest.mark.parametrize("kind", ["pipe", "folder"])
@pytest.mark.parametrize("part", [*PARTS, "names.json"])
def test_what_is_no_file_is_refused_without_waiting(place: Path, part: str, kind: str) -> None:
    (place / part).unlink()
    if kind == "pipe":
        os.mkfifo(place / part, 0o600)
    else:
        (place / part).mkdir(0o700)
    refused(place, f"/{part}: ")
    for reader in (ControlPage, Snapshot.from_place, verify, PublishedPage):
        if part in ("state", "journal")[: 1 + (reader is not PublishedPage)]:
            with pytest.raises(PlaceError, match=f"/{part}: "):
                reader(place)


# --- names ---------------------------------------------------------------------------------------


ODD_NAMES = (
    "",
    " ",
    "a\0b",
    "a\nb",
    "\x1b[31m",
    "\ud800",
    "x" * 256,
    "x/" * 3000,
    7,
    b"bytes",
    ["a"],
)


@pytest.mark.parametrize("name", [*ODD_NAMES, None, Path("x" * 300), "shm:" + "x" * 202])
def test_odd_names_are_one_line(tmp_path: Path, name: Any) -> None:
    with contextlib.chdir(tmp_path):
        for call in (attach, Place, ControlPage, PublishedPage, verify, Drainer):
            with pytest.raises(PlaceError, match=r"^place is ") as caught:
                call(name)
            assert str(caught.value).isprintable()
            assert len(str(caught.value)) < 250
        if name in ODD_NAMES:
            with pytest.raises(PlaceError, match=r"^archive is ") as caught:
                Place("account", name)
            assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["ein Konto", "konto-\u00e4", "a" * 200, "-x", "shm", "%s{0}"])
def test_names_that_the_system_takes_are_taken(tmp_path: Path, name: str) -> None:
    with attach(tmp_path / name, **SMALL_RING) as risk:
        assert risk.clock(NOW) == "OK"


def test_a_place_below_a_file_is_refused(place: Path) -> None:
    for name in (place / "state", place / "state" / "deeper"):
        with pytest.raises(PlaceError, match="/state"):
            attach(name)


def test_nothing_there_is_one_line(tmp_path: Path) -> None:
    for reader in READERS.values():
        with pytest.raises(PlaceError, match="there is no account here"):
            reader(tmp_path / "nowhere")


def test_a_misspelt_place_is_refused_where_none_is_to_be_made(place: Path) -> None:
    wrong = place.parent / "acount"
    for name in (wrong, f"shm:riskcore-test-{uuid.uuid4().hex}"):
        with pytest.raises(PlaceError, match="there is no account here"):
            attach(name, create=False)
    assert not wrong.exists()
    with attach(place, create=False) as risk:
        assert risk.equity == 1_000_000.0


def test_parents_of_a_place_are_not_made(tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match=r"there is no folder .*/misspelt: make it first"):
        attach(tmp_path / "misspelt" / "account", **SMALL_RING)
    assert not (tmp_path / "misspelt").exists()


@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_a_folder_of_other_files_is_no_place(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    folder.chmod(mode)
    (folder / "letter").touch()
    refused(folder, "other files", "name a folder of the account's own")
    with pytest.raises(PlaceError, match="there is no account here"):
        PublishedPage(folder)
    (folder / "letter").unlink()
    if mode == 0o755:
        refused(folder, "chmod 700 it")
    else:
        attach(folder, **SMALL_RING).close()


def test_a_second_writer_is_refused_until_the_first_is_gone(place: Path) -> None:
    code = (
        "import sys; from riskcore import AdaptiveRiskManager as A\n"
        "risk = A.attach(sys.argv[1], 'growth'); print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        with pytest.raises(PlaceError, match="refused: another process is writing this account"):
            attach(place)
        child.kill()
    attach(place).close()


def test_an_interrupted_start_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "account"
    whole = attach(tmp_path / "whole", **SMALL_RING)
    writer = Writer(Place(path), Shape(), capacity=512)
    writer.core.set_parameters(NOW, whole.core.state.parameters)
    writer.close()
    with attach(path) as risk:
        assert risk.transfer("binance-usdm", "USDT", 5, NOW) == "OK"
        assert len(risk.instruments) == int(risk.core.state.header.instrument_count)
    whole.close()


def write_instruments(target: Path, old: str, new: str) -> Path:
    """The packaged instruments with one change."""
    text = (ROOT / "config" / "instruments.yaml").read_text()
    assert old in text
    target.write_text(text.replace(old, new))
    return target


def test_other_instruments_than_the_accounts_are_refused(place: Path, tmp_path: Path) -> None:
    swapped = write_instruments(tmp_path / "a.yaml", "LTC-USDT-PERP:", "FOO-USDT-PERP:")
    with pytest.raises(ConfigError, match=r"FOO-USDT-PERP.*in this order"):
        attach(place, instruments=swapped)
    (place / "names.json").unlink()
    finer = write_instruments(tmp_path / "b.yaml", 'tick_size: "0.01"', 'tick_size: "0.001"')
    with pytest.raises(ConfigError, match="contract_value would be"):
        attach(place, instruments=finer)
    attach(place).close()


def test_an_unused_account_that_lost_its_names_keeps_its_limits(tmp_path: Path) -> None:
    place = tmp_path / "account"
    text = (ROOT / "config" / "growth.yaml").read_text()
    changed = tmp_path / "changed.yaml"
    changed.write_text(text.replace("version: 1", "version: 2").replace("0.10", "0.05"))
    attach(place).close()
    ControlPage(place).set_config(changed, "Ada")
    with pytest.warns(UserWarning, match="growth.yaml: not in force"):
        risk = attach(place)  # the restart takes them: control, so the account is unused
    with risk:
        assert risk.core.state.parameters.max_drawdown == 0.05
    (place / "names.json").unlink()
    with pytest.raises(ConfigError, match=r"growth.yaml: version is 1, where 2 is in force"):
        attach(place)
    with AdaptiveRiskManager.attach(place, changed, time_ns=NOW) as risk:
        assert risk.core.state.parameters.max_drawdown == 0.05
    assert "instruments" in Place(place).names()


def test_an_unused_account_takes_no_older_limits_than_those_that_wait(tmp_path: Path) -> None:
    place = tmp_path / "account"
    attach(place).close()
    (place / "names.json").unlink()
    ControlPage(place).set_config(newer("growth", 9), "Ada")
    with pytest.raises(ConfigError, match=r"growth.yaml: version is 1, where 9 is in force"):
        attach(place)


def one_more_instrument(path: Path) -> Path:
    """The packaged instruments and one behind them."""
    loaded = load_instruments("instruments").model_dump(mode="json", by_alias=True)
    listed = loaded["instruments"]
    listed["NEW-USDT-PERP"] = listed["LTC-USDT-PERP"]
    path.write_text(json.dumps(loaded))
    return path


CONFIGURED = ("venues", "currencies", "strategies", "instruments", "scenarios", "shocks")


def relinked_instruments(path: Path) -> Path:
    """The packaged instruments and two behind them; two currencies change places in their links."""
    loaded = load_instruments("instruments").model_dump(mode="json", by_alias=True)
    listed, currencies = loaded["instruments"], loaded["currencies"]
    for symbol in ("NEW-USDT-PERP", "NEXT-USDT-PERP"):
        listed[symbol] = listed["LTC-USDT-PERP"]
    btc, eth = currencies["BTC"], currencies["ETH"]
    listed["ETH-USDT"]["state"] = "close_only"
    btc["linked_instrument"], eth["linked_instrument"] = "ETH-USDT", "BTC-USDT"
    path.write_text(json.dumps(loaded))
    return path


def die_within_a_change(place: Path, file: Path, records: int) -> bool:
    """Whether a process that set these instruments was killed after so many records."""
    child = os.fork()
    if child == 0:
        accepted = []

        def accept(*answer: Any) -> None:
            accepted.append(answer)
            if len(accepted) == records:
                os.kill(os.getpid(), signal.SIGKILL)

        with pytest.MonkeyPatch.context() as patch:
            risk = attach(place)
            patch.setattr("riskcore.store.attach.trial_records", lambda *_: 100)
            patch.setattr("riskcore.config.writing._accept", accept)
            risk.set_instruments(file, time=NOW)
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_a_change_of_instruments_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    file, place = relinked_instruments(tmp_path / "more.yaml"), tmp_path / "account"
    with attach(place) as risk:
        for symbol, price in (("BTC-USDT", 30_000), ("ETH-USDT", 2_000)):
            risk.quote(symbol, price, 1, price + 1, 1, NOW)
        risk.transfer("binance-spot", "BTC", 1, time=NOW)
    kept = tmp_path / "kept"
    shutil.copytree(place, kept)
    with attach(place) as risk:
        risk.set_instruments(file, time=NOW)
        wanted = {
            name: risk.core.state[name].copy() for name in (*CONFIGURED, "positions", "stress")
        }
    records, killed = 1, True
    while killed:
        shutil.rmtree(place)
        shutil.copytree(kept, place)
        killed = die_within_a_change(place, file, records)
        if killed:
            with pytest.raises(ConfigError, match=r"NEW-USDT-PERP.*in this order"):
                attach(place)
            with pytest.warns(UserWarning, match="was cut short and has been done again"):
                risk = attach(place, instruments=file)
        else:
            risk = attach(place, instruments=file)
        with risk:
            for name, block in wanted.items():
                assert np.array_equal(risk.core.state[name], block), (records, name)
        attach(place, instruments=file).close()  # without a warning
        records += 1
    assert records > 40


def test_a_file_that_is_not_in_force_is_told_until_it_is(tmp_path: Path) -> None:
    place = tmp_path / "account"
    with attach(place) as risk:
        risk.set_strategy_state("trend", "disabled", "Ada", NOW)
    attach(place).close()  # an operator's word is none of the file's business
    loaded = load_instruments("instruments").model_dump(mode="json", by_alias=True)
    loaded["instruments"]["BTC-USDT"]["state"] = "close_only"
    retired, poorer = tmp_path / "retired.yaml", tmp_path / "poorer.yaml"
    retired.write_text(json.dumps(loaded))
    with pytest.warns(UserWarning, match=r"retired.yaml: instruments.BTC-USDT.state is not in"):
        attach(place, instruments=retired).close()
    loaded["strategies"]["trend"]["budget"] = 0.01
    loaded["currencies"]["LTC"]["linked_instrument"] = None
    poorer.write_text(json.dumps(loaded))
    with pytest.warns(UserWarning, match=r"and 2 more are not in force: .* until set_instruments"):
        risk = attach(place, instruments=poorer)
    with risk:
        risk.set_instruments(poorer, time=NOW)
        assert risk.core.state.instruments[0].state == codes.CLOSE_ONLY
        trend = risk.core.state.strategies[risk.strategy_index("trend")]
        assert (trend.budget, trend.state) == (0.01, codes.DISABLED)
    attach(place, instruments=poorer).close()
    stress = tmp_path / "stress.yaml"
    text = (ROOT / "config" / "scenarios.yaml").read_text()
    stress.write_text(text.replace("BTC: {down: 0.32,", "BTC: {down: 0.33,"))
    with pytest.warns(UserWarning, match=r"scenarios: down of BTC-USDT and \d more"):
        attach(place, instruments=poorer, scenarios=stress).close()


def test_names_that_leave_no_room_for_new_ones_change_nothing(tmp_path: Path) -> None:
    place, more = tmp_path / "account", relinked_instruments(tmp_path / "more.yaml")
    attach(place).close()
    names = json.loads((place / "names.json").read_text())
    names["authors"] = [""]
    room = (1 << 24) - len(json.dumps(names, indent=1)) - 13
    names["authors"] = ["x" * room]
    (place / "names.json").write_text(json.dumps(names, indent=1))
    with attach(place) as risk:
        before = risk.core.state_bytes()
        with pytest.raises(PlaceError, match=r"names.json: full"):
            risk.set_instruments(more, time=NOW)
        assert risk.core.state_bytes() == before
    assert Place(place).names() == names


def test_what_waits_on_the_control_page_outlives_new_instruments(tmp_path: Path) -> None:
    place, more = tmp_path / "account", one_more_instrument(tmp_path / "more.yaml")
    with attach(place) as risk:
        page = ControlPage(place)
        trend = risk.strategy_index("trend")
        page.request(codes.CONTROL_SET_STRATEGY_STATE, trend, codes.DISABLED, "Ada")
        risk.set_instruments(more, time=NOW)
        assert not page.request_waits
        assert risk.core.state.strategies[trend].state == codes.DISABLED


def test_instruments_for_which_a_journal_has_no_room_change_nothing(tmp_path: Path) -> None:
    place, more = tmp_path / "account", one_more_instrument(tmp_path / "more.yaml")
    with attach(place, capacity=4096) as risk:
        assert risk.store is not None
        free = 4096 - 4096 // 16
        while free - risk.store.journal.committed > 200:
            assert risk.clock(NOW) == "OK"
        before = risk.core.state_bytes()
        with pytest.raises(StateError, match="free records beside its reserve, and this takes"):
            risk.set_instruments(more, time=NOW)
        assert risk.core.state_bytes() == before
    attach(place).close()
    with Drainer(place) as drainer:
        drainer.drain_all()
    with attach(place) as risk:
        risk.set_instruments(more, time=NOW)
    attach(place, instruments=more).close()


def test_instruments_whose_names_cannot_be_kept_change_nothing(tmp_path: Path) -> None:
    place, more = tmp_path / "account", one_more_instrument(tmp_path / "more.yaml")
    with attach(place) as risk:
        before, known = risk.core.state_bytes(), list(risk.instruments)
        blocked = place / "names.json.new"
        (blocked / "in the way").mkdir(parents=True)
        with pytest.raises(PlaceError, match=r"names.json.new"):
            risk.set_instruments(more, time=NOW)
        assert risk.core.state_bytes() == before
        assert list(risk.instruments) == known
        shutil.rmtree(blocked)
        risk.set_instruments(more, time=NOW)
    attach(place, instruments=more).close()


def test_a_stopped_process_with_the_control_pages_lock_holds_up_no_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "account"
    attach(place).close()
    monkeypatch.setattr("riskcore.store.place.LOCK_PATIENCE", 0.1)
    page = ControlPage(place)
    more = one_more_instrument(tmp_path / "more.yaml")
    with (place / "control").open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with attach(place) as risk:
            before = risk.core.state_bytes()
            with pytest.raises(PlaceError, match="the control page is being written"):
                risk.set_instruments(more, time=NOW)
            assert risk.core.state_bytes() == before
            for held in (
                lambda: risk.set_config(newer("default"), time=NOW),
                lambda: page.set_config(newer("default"), "Ada"),
                lambda: page.request(codes.CONTROL_LATCH_ACCOUNT, 0, 0, "Ada"),
                page.beat,
            ):
                with pytest.raises(PlaceError, match="control: another process has held its lock"):
                    held()
            page.kill("Ada")
            assert risk.clock(NOW) == "OK"
            assert risk.killed
            fcntl.flock(file, fcntl.LOCK_UN)
            risk.set_config(newer("default"), time=NOW)


def newer(name: str, version: int = 2) -> RiskConfig:
    """Packaged limits under another version."""
    return load_config(name).model_copy(update={"version": version})


def test_limits_in_force_stay_in_force(place: Path) -> None:
    with attach(place) as risk:
        limit = float(risk.core.state.parameters.max_drawdown)
    with pytest.warns(UserWarning, match=r"^default.yaml: not in force: .* version 1, until set_"):
        risk = AdaptiveRiskManager.attach(place, "default", time_ns=NOW)
    with risk:
        assert risk.core.state.parameters.max_drawdown == limit
        risk.set_config(newer("default"), time=NOW)
        assert risk.core.state.parameters.max_drawdown < limit


def test_a_warning_that_is_an_error_changes_nothing(place: Path) -> None:
    before = (place / "state").read_bytes(), Journal(Place(place), Parts()).committed
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=r"default.yaml: not in force"):
            AdaptiveRiskManager.attach(place, "default", time_ns=NOW)
    assert ((place / "state").read_bytes(), Journal(Place(place), Parts()).committed) == before
    attach(place).close()


def test_the_configuration_shown_is_the_one_in_force(place: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="not in force"):
        risk = AdaptiveRiskManager.attach(place, "default", time_ns=NOW)
    with risk:
        growth, shown = load_config("growth"), risk.config
        assert shown.source == "limits in force"
        assert "default.yaml" not in repr(risk)
        assert shown.parameters() == growth.parameters()
        assert shown.regimes.crash.risk_multiplier == growth.regimes.crash.risk_multiplier
        ControlPage(place).set_config(newer("default"), "Ada")
        assert risk.config.parameters() == growth.parameters()
        assert risk.clock(NOW) == "OK"
        assert risk.config.risk_limits == load_config("default").risk_limits
        assert risk.config.author == risk.core.state.parameters.author
        risk.set_config(newer("growth", 3), time=NOW)
        assert risk.config.source == "growth.yaml"


def test_shared_memory_is_a_place_too(memory_name: str, tmp_path: Path) -> None:
    where = f"shm:{memory_name}"
    with attach(where, **SMALL_RING) as risk:
        assert risk.transfer("binance-usdm", "USDT", 7, NOW) == "OK"
        ControlPage(where).kill("Ada")
        assert risk.clock(NOW) == "OK"
        assert risk.killed
        assert PublishedPage(where).read()["event_count"] > 0
    with attach(where) as risk:
        assert risk.equity == 7.0
        assert risk.killed
    with pytest.raises(PlaceError, match="name a folder"):
        _ = Place(where).archive
    assert Place(where, tmp_path).archive == tmp_path


@pytest.mark.parametrize("name", ["shm:", "shm:../x", "shm:a/b", "shm:.hidden", "shm:a b"])
def test_names_of_shared_memory_are_plain(name: str) -> None:
    with pytest.raises(PlaceError, match="allowed is shm:"):
        Place(name)


def test_a_restart_puts_live_orders_in_doubt(place: Path) -> None:
    with attach(place) as risk:
        risk.quote("BTC-USDT-PERP", "37000.0", 12, "37000.1", 9, NOW)
        risk.trade("BTC-USDT-PERP", "37000.1", 250, NOW)
        decision = risk.check(
            "BTC-USDT-PERP", "buy", 1, "37000.1", strategy="trend", confidence=0.9, time=NOW
        )
        assert decision.allowed
    with attach(place) as risk:
        assert risk.core.state.system.unknown_orders == 1
        again = risk.check(
            "BTC-USDT-PERP", "buy", 1, "37000.1", strategy="trend", confidence=0.9, time=NOW
        )
        assert again.action == "REJECT"
        assert risk.ack(decision.handle, 5, NOW) == "OK"
        assert risk.core.state.system.unknown_orders == 0


def test_flush_works_where_there_is_a_medium_and_where_there_is_none(place: Path) -> None:
    with attach(place) as risk:
        risk.flush()
    plain = AdaptiveRiskManager.from_config("growth", time_ns=NOW)
    plain.flush()
    plain.close()
    assert plain.clock(NOW) == "OK"
    assert codes.STATUS_NAMES[codes.TORN] == "TORN"
