"""The example engine: it trades, shows what its hot loop does not do, and obeys other processes."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from riskcore import codes
from riskcore.config import load_instruments
from riskcore.layout import allocate, record_dtype
from tests.examples.programs import (
    EXAMPLES,
    PROJECT,
    Engine,
    Files,
    Native,
    Replica,
    build,
    package_environment,
    python_example,
    run,
)

EVENTS = 40_000
CAPACITY = 1 << 18  # holds every run of these tests whole
RUNNING_SECONDS = 60
TICKS = PROJECT.parent / "shared" / "data" / "ticks"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


def wait_for(condition: Any, process: subprocess.Popen[str], seconds: float = 30.0) -> None:
    """Wait until a condition holds while the engine runs."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it never came"
        time.sleep(0.002)


def assert_journal_gives_state(files: Files, native: Native) -> None:
    replica = Replica(native)
    assert replica.replay(files.ring, files.committed) == files.committed + 1
    assert replica.bytes() == files.state.tobytes()


def test_it_trades_and_reports(engine: Engine, native: Native, tmp_path: Path) -> None:
    place = tmp_path / "place"
    report = engine.run(place, "--events", EVENTS, "--capacity", CAPACITY)
    assert report["ended"] == "events"
    assert report["events"] >= EVENTS
    assert report["recovery"]["source"] == "created"
    did, venue, account = report["engine"], report["venue"], report["account"]
    assert did["quotes"] + did["reports"] == report["events"]
    assert did["orders"] == did["approved"] + did["resized"] + did["rejected"]
    assert did["approved"] > 50
    assert did["replaces"] > did["replaces_rejected"]
    assert did["unexpected"] == 0
    for answer in ("acks", "rejects", "fills", "canceled", "replaced", "expired"):
        assert venue[answer] > 0, answer
    assert account["positions_unlike_venue"] == 0
    assert account["open_orders"] == 0
    assert 9e5 < account["equity"] < 1e6
    for name, count in (("quote_to_order", did["quotes"]), ("report", None), ("check", None)):
        times = report["latency_ns"][name]
        assert count is None or times["count"] == count
        assert 0 < times["p50"] <= times["p99"] <= times["p99_9"]
        assert times["p99"] <= 1.04 * times["max"]
    files = Files(place)
    assert report["journal"] == {"committed": files.committed, "lost": 0, "refused": 0}
    assert_journal_gives_state(files, native)


def test_there_is_no_python_in_the_process(engine: Engine) -> None:
    needed = run("ldd", engine.program).stdout
    assert "libc.so" in needed
    assert "python" not in needed.lower()
    symbols = run("nm", engine.program).stdout
    assert " T rc_submit" in symbols
    for foreign in ("Py_", "PyObject", "NRT_", "numba"):
        assert foreign not in symbols


# --- the hot loop --------------------------------------------------------------------------------


def sealed_run(engine: Engine, place: Path, *options: object) -> dict[str, Any]:
    """A run with allocations and system calls counted."""
    report = engine.run(place, "--events", EVENTS, "--capacity", CAPACITY, "--seal", *options)
    if "seal_refused" in report["hot_loop"]:
        pytest.skip(f"seccomp is not allowed here: {report['hot_loop']['seal_refused']}")
    return report


def test_the_hot_loop_neither_allocates_nor_enters_the_kernel(
    counted_engine: Engine, tmp_path: Path
) -> None:
    report = sealed_run(counted_engine, tmp_path / "place")
    assert report["engine"]["approved"] > 50
    assert report["venue"]["fills"] > 50
    assert report["hot_loop"] == {"allocations": 0, "system_calls": 0}


@pytest.mark.parametrize(
    ("fault", "name"), [("allocation", "allocations"), ("system-call", "system_calls")]
)
def test_the_witnesses_see_what_they_are_to_see(
    counted_engine: Engine, tmp_path: Path, fault: str, name: str
) -> None:
    report = sealed_run(counted_engine, tmp_path / "place", "--fault", fault)
    assert report["hot_loop"][name] >= report["engine"]["quotes"] // 4096 > 0


def sanitized(name: str, link: tuple[object, ...], day: Path, programs: Path) -> Engine:
    """The engine built with a sanitizer; skipped where its runtime is missing."""
    option = f"-fsanitize={name}"
    probe = programs / "probe.cpp"
    probe.write_text("int main() { return 0; }\n")
    done = run("g++", option, probe, "-o", programs / "probe")
    if done.returncode or run(programs / "probe").returncode:
        pytest.skip(f"no runtime for {option}")
    source = EXAMPLES / "engine" / "engine.cpp"
    options = (option, "-fno-sanitize-recover=all", "-g", "-O1")
    return Engine(build(programs / f"engine-{name}", source, *options, *link), day)


@pytest.mark.parametrize("name", ["address,undefined", "thread"])
def test_it_is_clean_under(
    name: str, link: tuple[object, ...], day: Path, programs: Path, tmp_path: Path
) -> None:
    engine = sanitized(name, link, day, programs)
    place = tmp_path / "place"
    first = engine.run(place, "--events", 20_000, "--capacity", CAPACITY)
    assert first["venue"]["fills"] > 0
    again = engine.run(place, "--events", 5_000)
    assert again["recovery"]["restarted"] is True


# --- other processes -----------------------------------------------------------------------------

SLOW = ("--events", 10**9, "--seconds", RUNNING_SECONDS, "--speed", 400, "--capacity", CAPACITY)


def read_page(native: Native, files: Files) -> Any:
    copy = allocate(record_dtype("published_page"))
    while native.rc_page_read(files.page, copy) == codes.BUSY:
        pass
    return copy[0]


def entries(files: Files, kind: int) -> np.ndarray:
    records = files.records()
    return records[(records["kind"] == kind) & (records["parts"] > 0)]


def test_another_process_watches_changes_a_limit_and_pulls_the_kill_switch(
    engine: Engine, native: Native, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    with engine.running(place, *SLOW) as process:
        wait_for((place / "journal").exists, process)
        files = Files(place)
        wait_for(lambda: read_page(native, files)["decisions"].sum() > 5, process)
        page = read_page(native, files)
        assert page["parameters_version"] == 1
        assert 9e5 < page["equity"] < 1.1e6

        # No order may be open from now on: a limit with a version and an author.
        limits = allocate(record_dtype("parameters"))
        limits[0] = files.state["parameters"][0]
        limits["version"], limits["author"], limits["max_open_orders"] = 2, 77, 0
        assert native.rc_control_parameters(files.control, limits) == codes.OK
        reason = codes.OPEN_ORDERS_EXCEEDS_MAX
        wait_for(lambda: read_page(native, files)["reasons"][reason] > 0, process)
        page = read_page(native, files)
        assert page["parameters_version"] == 2
        assert page["parameters_author"] == 77
        assert page["parameters_status"] == codes.OK

        assert native.rc_control_kill(files.control, 88) == codes.OK
        out, error = process.communicate(timeout=30)
        assert process.returncode == 0, error

    report = json.loads(out)
    assert report["ended"] == "kill"
    assert report["engine"]["passed_after_kill"] == 0
    assert report["reasons"]["KILL_SWITCH"] == 1
    assert report["account"]["kill"] == 1
    assert report["account"]["parameters_version"] == 2
    assert report["account"]["parameters_author"] == 77
    assert report["account"]["open_orders"] == 0
    assert len(entries(files, codes.ENTRY_PARAMETERS)) == 2
    (kill,) = entries(files, codes.EVENT_CONTROL)
    assert (kill["code"], kill["id"]) == (codes.CONTROL_KILL, 88)
    # One check came after it, and was the last.
    checks = entries(files, codes.EVENT_CHECK)
    replaces = entries(files, codes.EVENT_REPLACE)
    asked = np.concatenate([checks, replaces])
    assert (asked["sequence"] > kill["sequence"]).sum() == 1
    # The journal alone gives the limits, the kill and everything else again.
    assert_journal_gives_state(files, native)


def test_a_signal_ends_it_in_order(engine: Engine, native: Native, tmp_path: Path) -> None:
    place = tmp_path / "place"
    with engine.running(place, *SLOW) as process:
        wait_for((place / "journal").exists, process)
        wait_for(lambda: Files(place).committed > 2000, process)
        process.send_signal(signal.SIGTERM)
        out, error = process.communicate(timeout=30)
        assert process.returncode == 0, error
    assert json.loads(out)["ended"] == "signal"
    assert_journal_gives_state(Files(place), native)


def test_one_writer_at_a_time(engine: Engine, tmp_path: Path) -> None:
    place = tmp_path / "place"
    with engine.running(place, *SLOW) as process:
        wait_for((place / "journal").exists, process)
        assert "another process writes it" in engine.refusal(place)


def test_it_lives_in_shared_memory(engine: Engine, native: Native, tmp_path: Path) -> None:
    name = f"riskcore-test-{os.getpid()}"
    options = ("--venue", tmp_path / "venue", "--capacity", CAPACITY)
    try:
        first = engine.run(f"shm:{name}", "--events", 5_000, *options)
        again = engine.run(f"shm:{name}", "--events", 5_000, *options)
        assert again["recovery"]["committed"] == first["journal"]["committed"]
        assert_journal_gives_state(Files(SHARED_MEMORY, f"{name}."), native)
    finally:
        for part in SHARED_MEMORY.glob(f"{name}.*"):
            part.unlink()


def test_a_ring_without_a_drainer_is_reused_on_request(engine: Engine, tmp_path: Path) -> None:
    place = tmp_path / "place"
    report = engine.run(place, "--events", 20_000, "--capacity", 4096, "--recycle")
    assert report["journal"]["committed"] > 4096
    assert report["journal"]["lost"] == report["journal"]["refused"] == 0


# --- places that are refused ---------------------------------------------------------------------


@pytest.fixture
def made(engine: Engine, tmp_path: Path) -> Path:
    """A place with an account."""
    place = tmp_path / "place"
    engine.run(place, "--events", 500, "--capacity", 4096)
    return place


@pytest.mark.parametrize("part", ["state", "control", "published", "journal"])
def test_a_file_that_others_may_read_is_refused(engine: Engine, made: Path, part: str) -> None:
    (made / part).chmod(0o640)
    assert f"{part}: group or others have access" in engine.refusal(made)


def test_a_folder_that_others_may_read_is_refused(engine: Engine, made: Path) -> None:
    made.chmod(0o755)
    assert "place: group or others have access" in engine.refusal(made)


@pytest.mark.parametrize("part", ["state", "control", "published", "journal"])
def test_a_file_of_another_size_is_refused(engine: Engine, made: Path, part: str) -> None:
    size = (made / part).stat().st_size
    os.truncate(made / part, size - 64)
    line = engine.refusal(made)
    assert f"{part}: has {size - 64} bytes, expected are {size}" in line


@pytest.mark.parametrize("part", ["control", "published", "journal"])
@pytest.mark.parametrize(
    ("word", "name"),
    [(0, "WRONG_MAGIC"), (1, "WRONG_ABI"), (2, "WRONG_LAYOUT"), (3, "WRONG_SIZE")],
)
def test_a_part_of_another_build_is_refused(
    engine: Engine, made: Path, part: str, word: int, name: str
) -> None:
    np.memmap(made / part, np.int64, "r+")[word] += 1
    assert f"{part}: {name}" in engine.refusal(made)


def test_an_incomplete_place_is_refused(engine: Engine, made: Path) -> None:
    (made / "control").unlink()
    line = engine.refusal(made)
    assert "incomplete: it has state, published, journal but not control" in line


def test_a_link_is_refused(engine: Engine, made: Path) -> None:
    (made / "control").rename(made / "elsewhere")
    (made / "control").symlink_to(made / "elsewhere")
    assert "symbolic links" in engine.refusal(made)


def test_a_new_account_needs_a_configuration_of_this_build(engine: Engine, tmp_path: Path) -> None:
    other = tmp_path / "other.image"
    image = bytearray((engine.day / "account.image").read_bytes())
    image[-100] ^= 1
    other.write_bytes(image)
    assert "is damaged" in engine.refusal(tmp_path / "a", "--config", other)
    image[16] ^= 1
    other.write_bytes(image)
    assert "WRONG_LAYOUT" in engine.refusal(tmp_path / "b", "--config", other)
    assert "No such file" in engine.refusal(tmp_path / "c", "--config", tmp_path / "none")


# --- recorded books ------------------------------------------------------------------------------


def prepare(out: Path, tree: Path, *options: object) -> np.ndarray:
    """Run prepare.py; the rows of its recording."""
    library = tree / "lib" / "libriskcore.so"
    python_example("engine/prepare.py", "--out", out, "--library", library, "--steady", *options)
    return np.fromfile(out / "quotes.bin", np.int64, offset=64).reshape(-1, 8)


def test_a_recorded_book_is_played_as_it_was(tree: Path, tmp_path: Path) -> None:
    book = tmp_path / "book.csv"
    book.write_text(
        "time,symbol,bid,bid_size,ask,ask_size,trade_price,trade_size\n"
        "1723161255000000002,ETH-USDT-PERP,2683.11,1.5,2683.12,2,,\n"
        "1723161255000000001,BTC-USDT-PERP,61800.2,2.507,61800.3,2.51,61800.3,0.006\n"
        "1723161255000000003,BTC-USDT-PERP,0,0,61800.4,1,,\n"
    )
    rows = prepare(tmp_path / "day", tree, "--book", book)
    terms = load_instruments().instruments
    places = list(terms)
    btc, eth = places.index("BTC-USDT-PERP"), places.index("ETH-USDT-PERP")
    ether = terms["ETH-USDT-PERP"]
    assert rows[:, 0].tolist() == [1723161255000000001 + k for k in range(3)]
    assert rows[0, 1:].tolist() == [btc, 618002, 2507, 618003, 2510, 618003, 6]
    assert rows[1, 1:].tolist() == [
        eth,
        int(Decimal("2683.11") / ether.tick_size),
        int(Decimal("1.5") / ether.lot_size),
        int(Decimal("2683.12") / ether.tick_size),
        int(Decimal("2") / ether.lot_size),
        0,
        0,
    ]
    assert rows[2, 1:].tolist() == [btc, 0, 0, 618004, 1000, 0, 0]
    book.write_text("time,symbol,bid,bid_size,ask,ask_size\n1,DOGE,1,1,2,1\n")
    script = EXAMPLES / "engine" / "prepare.py"
    done = run(sys.executable, script, "--out", tmp_path, "--book", book, env=package_environment())
    assert done.returncode == 1
    assert "symbol 'DOGE' is no instrument" in done.stderr


def exchange_rows(path: Path, symbol: str) -> list[dict[str, Any]]:
    """Best bid and ask of an exchange's stream, with the trade that came last between two."""
    rows: list[dict[str, Any]] = []
    nothing: dict[str, Any] = {"trade_price": None, "trade_size": None}
    traded = nothing
    with gzip.open(path, "rt") as stream:
        for line in stream:
            stamp, _, message = line.partition(" ")
            data = json.loads(message).get("data", {})
            if data.get("e") == "trade":
                traded = {"trade_price": float(data["p"]), "trade_size": float(data["q"])}
            elif data.get("e") == "bookTicker":
                book = zip(("bid", "bid_size", "ask", "ask_size"), "bBaA", strict=True)
                sides = {name: float(data[key]) for name, key in book}
                rows.append({"time": int(stamp), "symbol": symbol, **sides, **traded})
                traded = nothing
    return rows


def test_it_trades_on_an_exchanges_recording(
    engine: Engine, tree: Path, native: Native, tmp_path: Path
) -> None:
    if not TICKS.is_dir():
        pytest.skip("recorded order books are not part of the project")
    rows = exchange_rows(TICKS / "usdm_btcusdt_2024-08-08.jsonl.gz", "BTC-USDT-PERP")
    rows += exchange_rows(TICKS / "usdm_ethusdt_2024-08-08.jsonl.gz", "ETH-USDT-PERP")
    book = tmp_path / "book.parquet"
    pq.write_table(pa.Table.from_pylist(rows), book)
    recorded = prepare(tmp_path / "day", tree, "--book", book, "--rows", len(rows))
    assert len(recorded) == len(rows) > 100_000
    live = Engine(engine.program, tmp_path / "day")
    place = tmp_path / "place"
    report = live.run(place, "--events", EVENTS, "--capacity", CAPACITY)
    assert report["engine"]["quotes"] > EVENTS / 2
    assert report["engine"]["approved"] + report["engine"]["resized"] > 50
    assert report["engine"]["unexpected"] == 0
    assert report["account"]["positions_unlike_venue"] == 0
    assert_journal_gives_state(Files(place), native)
