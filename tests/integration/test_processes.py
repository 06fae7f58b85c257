"""Several processes around one account: killed writers, monitors that steer, readers at full speed.

Nothing is simulated: real files, real processes, real signals.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml

from riskcore import (
    AdaptiveRiskManager,
    ConfigError,
    ControlPage,
    InputError,
    PlaceError,
    PublishedPage,
    Shape,
    Snapshot,
    StateError,
    UnknownNameError,
    author_id,
    codes,
)
from riskcore._core import Core, Parts
from riskcore.config import load_config
from riskcore.inputs import to_author
from riskcore.layout import PAGE_SEQUENCE
from riskcore.store.archive import journal_table, stretches
from riskcore.store.drainer import Drainer
from riskcore.store.journal import Journal, entries, name_of
from riskcore.store.place import Place
from riskcore.store.recovery import replay_journal
from riskcore.store.verify import verify
from riskcore.store.writer import Writer
from tests.simulation.places import (
    ACKNOWLEDGEMENT,
    NOW,
    ROOT,
    Life,
    apply_plainly,
    open_writer,
    start_child,
)

KILLS = 20
READ_S, READ_LONG_S = 3.0, 60.0
MIN_READS_PER_S = 1000.0


def python(code: str, *arguments: object) -> str:
    """Standard output of another process."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.stdout


def riskcore(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line."""
    return subprocess.run(
        [sys.executable, "-m", "riskcore.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "NO_COLOR": "1"},
    )


def check(risk: AdaptiveRiskManager, quantity: object = 1) -> Any:
    return risk.check(
        "BTC-USDT-PERP", "buy", quantity, "37000.1", strategy="trend", confidence=0.9, time=NOW
    )


# --- killed writers ------------------------------------------------------------------------------


class Reference:
    """A plain account that follows a place's journal through the plain calls."""

    def __init__(self, place: Path) -> None:
        self.place, self.core, self.sequence = Place(place), Core(), 0

    def follow(self) -> None:
        """Apply what was committed since."""
        parts = Parts()
        journal = Journal(self.place, parts)
        end = journal.committed
        for records in stretches(self.place, parts, journal, end, self.sequence + 1):
            apply_plainly(self.core, records)
        journal.close()
        self.sequence = end


def test_writers_killed_at_random_moments_lose_nothing(place: Path) -> None:
    rng = np.random.default_rng(20)
    reference, sources, answered = Reference(place), [], 0
    drainer: Drainer | None = None
    for number in range(KILLS):
        child = start_child(place, 100 + number, capacity=1 << 17, heavy=1000)
        drainer = drainer or Drainer(place, segment=3000)
        # The parent only sleeps: had it waited for acknowledgements, it would meet the child there.
        time.sleep(float(rng.uniform(0.03, 0.15)))
        os.kill(child.pid, signal.SIGKILL)
        answers = child.stdout.read()
        child.stdout.close()
        child.wait()
        whole = len(answers) // ACKNOWLEDGEMENT.size * ACKNOWLEDGEMENT.size
        acknowledged = [n for (n,) in ACKNOWLEDGEMENT.iter_unpack(answers[:whole])]
        answered += len(acknowledged)
        reference.follow()
        assert reference.sequence >= max(acknowledged, default=0), "an answered event is missing"
        copy = place.parent / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(place, copy)
        writer = Writer(Place(copy), Shape())
        sources.append(writer.recovery.source)
        assert writer.core.state_bytes() == reference.core.state_bytes()
        writer.close()
        # The same without trust in the state, whatever it looks like.
        shutil.rmtree(copy)
        shutil.copytree(place, copy)
        writer = Writer(Place(copy), Shape(), rebuild=True)
        assert writer.core.state_bytes() == reference.core.state_bytes()
        writer.close()
        while drainer.drain():
            pass
    assert reference.sequence > 1 << 15
    assert verify(place).problems == []
    assert answered > 0
    rebuilt = KILLS - sources.count("live")
    assert rebuilt > 0
    print(f"{rebuilt} of {KILLS} states were caught half written; {reference.sequence} records")
    last = Writer(Place(place), Shape())
    assert last.core.state_bytes() == reference.core.state_bytes()
    last.restart()
    assert replay_journal(place).equal
    last.close()


LOSER = (  # a full ring: each of these facts is applied without a record
    "import os, sys; import numpy as np; from riskcore import Shape, codes\n"
    "from riskcore.layout import record_dtype; from riskcore.store.place import Place\n"
    "from riskcore.store.writer import Writer\n"
    "writer = Writer(Place(sys.argv[1]), Shape())\n"
    "events = np.zeros(1000, record_dtype('event'))\n"
    "events['kind'], events['code'] = codes.EVENT_CONTROL, codes.CONTROL_RESTART\n"
    "events['time_ns'] = writer.core.state.header.last_time_ns\n"
    "os.write(1, b'ready')\n"
    "while True: writer.core.apply_many(events)\n"
)


def test_a_writer_killed_within_a_fact_without_a_record_is_rebuilt(place: Path) -> None:
    """Such a fact counts in `lost` before it is applied and in `lost_applied` behind it."""
    rng = np.random.default_rng(21)
    with AdaptiveRiskManager.attach(place, "growth", time_ns=NOW, capacity=512) as risk:
        while risk.transfer("binance-usdm", "USDT", 1, NOW) == "OK":
            pass
    reference = Reference(place)
    reference.follow()
    within, lost = 0, 1
    for _ in range(KILLS // 2):
        child = subprocess.Popen(
            [sys.executable, "-c", LOSER, str(place)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert child.stdout is not None
        assert child.stdout.read(5) == b"ready"
        time.sleep(float(rng.uniform(0.01, 0.05)))
        child.kill()
        child.wait()
        child.stdout.close()
        journal = Journal(Place(place), Parts())
        assert journal.lost > lost
        assert int(journal.record["lost_applied"]) in (journal.lost - 1, journal.lost)
        whole, lost, live = journal.is_quiet, journal.lost, (place / "state").read_bytes()
        within += not whole
        writer = Writer(Place(place), Shape())
        assert (writer.recovery.source, writer.recovery.lost) == (
            "live" if whole else "start",
            lost,
        )
        assert writer.core.state_bytes() == (live if whole else reference.core.state_bytes())
        writer.close()
        assert verify(place).problems == [f"{lost} facts were applied without a record"]
    assert within > 0
    print(f"{within} of {KILLS // 2} writers were killed within such a fact")


# --- steering ------------------------------------------------------------------------------------


def test_a_kill_from_another_process_rejects_the_next_order(
    place: Path, risk: AdaptiveRiskManager
) -> None:
    assert check(risk).allowed
    python("import sys, riskcore; riskcore.ControlPage(sys.argv[1]).kill('Ada')", place)
    assert not risk.killed
    decision = check(risk)
    assert decision.action == "REJECT"
    assert "KILL_SWITCH" in decision.reasons
    assert risk.core.state.system.kill_author == to_author("Ada")
    table = journal_table(place).slice(journal_table(place).num_rows - 2)
    assert table.column("name").to_pylist() == ["control", "check"]
    assert table.column("id").to_pylist()[0] == to_author("Ada")
    python("import sys, riskcore; riskcore.ControlPage(sys.argv[1]).reset('Bob', kill=True)", place)
    assert check(risk).allowed
    assert replay_journal(place).equal


def test_a_reset_holds_for_the_kills_before_it(place: Path, risk: AdaptiveRiskManager) -> None:
    page = ControlPage(place)
    assert not page.kill_waits
    page.kill("Ada")
    assert page.kill_waits
    assert risk.clock(NOW) == "OK"
    assert risk.killed
    assert not page.kill_waits
    assert PublishedPage(place).read()["kill"] == 1
    assert risk.reset("Bob", kill=True) == "OK"
    assert risk.clock(NOW) == "OK"
    assert not risk.killed
    page.kill("Ada")
    assert risk.clock(NOW) == "OK"
    page.reset("Bob", kill=True)
    page.kill("Eve")
    assert not check(risk).allowed
    assert risk.core.state.system.kill_author == to_author("Eve")
    page.reset("Bob", kill=True)
    assert risk.clock(NOW) == "OK"
    assert not risk.killed


def limits_file(path: Path, version: int, **limits: object) -> Path:
    """The growth limits with some changed."""
    document = yaml.safe_load((ROOT / "config" / "growth.yaml").read_text())
    document["version"] = version
    document["risk_limits"].update(limits)
    path.write_text(yaml.safe_dump(document))
    return path


def test_a_limit_changed_from_another_process_holds_for_the_next_event(
    place: Path, risk: AdaptiveRiskManager, tmp_path: Path
) -> None:
    before = check(risk, 3).quantity
    assert before > 1
    limits = limits_file(tmp_path / "limits.yaml", 7, max_gross_leverage=0.05)
    code = "import sys, riskcore; riskcore.ControlPage(sys.argv[1]).set_config(sys.argv[2], 'Ada')"
    python(code, place, limits)
    page = ControlPage(place)
    assert page.config_waits
    with pytest.raises(StateError, match="not taken"):
        page.set_config(limits, "Bob")
    decision = check(risk, 3)
    assert "GROSS_LEVERAGE_EXCEEDS_MAX" in decision.reasons
    assert not page.config_waits
    assert page.config_status == "OK"
    parameters = risk.core.state.parameters
    assert (parameters.version, parameters.author) == (7, to_author("Ada"))
    assert parameters.max_gross_leverage == 0.05
    records = np.concatenate(
        list(stretches(Place(place), Parts(), (j := Journal(Place(place), Parts())), j.committed))
    )
    *_, change, order = entries(records, Parts())
    assert (change.name, order.name) == ("parameters", "check")
    assert (change.payload.version, change.payload.author) == (7, to_author("Ada"))
    assert change.payload.max_gross_leverage == 0.05
    replayed = replay_journal(place)
    assert replayed.equal
    assert replayed.state == risk.core.state_bytes()


def test_other_limits_under_the_version_in_force_are_refused(
    place: Path, risk: AdaptiveRiskManager, tmp_path: Path
) -> None:
    page, before = ControlPage(place), (place / "control").read_bytes()
    edited = limits_file(tmp_path / "my.yaml", 1, max_gross_leverage=0.05)
    with pytest.raises(ConfigError, match="version is 1, which is in force with other limits: rai"):
        page.set_config(edited, "Ada")
    assert not page.config_waits
    assert (place / "control").read_bytes() == before
    page.set_config("growth", "Ada")  # the same limits again
    assert risk.clock(NOW) == "OK"
    assert risk.config.author == to_author("Ada")
    page.set_config(limits_file(edited, 2, max_gross_leverage=0.05), "Ada")
    assert risk.clock(NOW) == "OK"
    # It counts what is in force, not what the packaged files are called.
    with pytest.raises(ConfigError, match="version is 1, where 2 is in force: raise it"):
        page.set_config("growth", "Ada")
    assert risk.config.risk_limits.max_gross_leverage == 0.05


def test_limits_that_wait_count_as_their_version(
    place: Path, risk: AdaptiveRiskManager, tmp_path: Path
) -> None:
    """Whoever comes behind them, here or on the page, needs a higher one."""
    page, file = ControlPage(place), tmp_path / "my.yaml"
    page.set_config(limits_file(file, 3, max_gross_leverage=0.05), "Ada")
    for version in (2, 3):
        other = limits_file(file, version, max_gross_leverage=0.06)
        with pytest.raises(ConfigError, match=r"version is (2, where 3|3, which) is in force"):
            risk.set_config(other, time=NOW)
        with pytest.raises(ConfigError, match=r"version is (2, where 3|3, which) is in force"):
            page.set_config(other, "Ada", replace=True)
    risk.set_config(limits_file(file, 4, max_gross_leverage=0.06), time=NOW)
    assert risk.config.risk_limits.max_gross_leverage == 0.06
    assert page.config_status == "OK"
    assert not page.config_waits


def test_an_instrument_is_reset_by_its_symbol_or_its_number(
    place: Path, risk: AdaptiveRiskManager
) -> None:
    page, symbol = ControlPage(place), "ETH-USDT-PERP"
    index = risk.instrument(symbol).index
    assert index > 0
    for instrument in (symbol, index):
        assert risk.latch("Ada", symbol=symbol) == "OK"
        assert risk.core.state.positions[index].latches != 0
        page.reset("Ada", instrument=instrument)
        assert risk.clock(NOW) == "OK"
        assert page.request_status == "OK"
        assert risk.core.state.positions[index].latches == 0
    with pytest.raises(UnknownNameError, match=r"instrument is 'ETH': allowed is one of .*BTC-USD"):
        page.reset("Ada", instrument="ETH")
    assert not page.request_waits


def test_limits_that_the_core_refuses_change_nothing(
    place: Path, risk: AdaptiveRiskManager, tmp_path: Path
) -> None:
    page = ControlPage(place)
    config = load_config("growth")
    limits = config.risk_limits.model_copy(update={"max_drawdown": float("nan")})
    page.set_config(config.model_copy(update={"risk_limits": limits, "version": 2}), 5)
    version = int(risk.core.state.parameters.version)
    assert risk.clock(NOW) == "OK"
    assert page.config_status == "INVALID_PARAMETERS"
    assert risk.core.state.parameters.version == version
    assert replay_journal(place).equal


def test_requests_wait_for_the_writer_and_for_one_another(
    place: Path, risk: AdaptiveRiskManager
) -> None:
    page = ControlPage(place)
    page.request(codes.CONTROL_LATCH_ACCOUNT, 0, 0, "Ada")
    assert page.request_waits
    with pytest.raises(StateError, match="not taken"):
        page.reset("Ada", account=True)
    assert risk.clock(NOW) == "OK"
    assert not page.request_waits
    assert page.request_status == "OK"
    assert risk.core.state.account.latches == codes.LATCH_OPERATOR
    page.request(codes.CONTROL_KILL, 0, 0, "Ada")
    page.reset("Bob", account=True, replace=True)
    assert risk.clock(NOW) == "OK"
    assert risk.core.state.account.latches == 0
    assert not risk.killed
    for wrong in ({}, {"kill": True, "peak": True}):
        with pytest.raises(InputError, match="one of kill"):
            page.reset("Ada", **wrong)
    with pytest.raises(InputError, match="author"):
        page.kill("")
    assert replay_journal(place).equal


AUTHOR = (  # dies with the page half written, which its lock lets others know
    "import os, signal, sys\n"
    "from riskcore import ControlPage\n"
    "page = ControlPage(sys.argv[1])\n"
    "with page._part.locked():\n"
    "    page._part.record[sys.argv[2]] |= 1\n"
    "    if sys.argv[2] == 'request': page._part.record['request_code'] = 1\n"
    "    else: page._part.record['max_drawdown'] = 0.5\n"
    "    os.kill(os.getpid(), signal.SIGKILL)\n"
)


@pytest.mark.parametrize("waiting", [False, True])
@pytest.mark.parametrize("number", ["request", "parameters_sequence"])
def test_an_author_that_dies_while_writing_holds_nobody_up(
    place: Path, risk: AdaptiveRiskManager, number: str, *, waiting: bool
) -> None:
    page = ControlPage(place)
    if waiting:  # what it writes over is lost with it
        page.request(codes.CONTROL_LATCH_ACCOUNT, 0, 0, "Ada")
        page.set_config(load_config("default").model_copy(update={"version": 2}), "Ada")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", AUTHOR, str(place), number]
    assert subprocess.run(command, check=False, env=environment).returncode == -signal.SIGKILL
    waits = (page.request_waits, page.config_waits)
    assert waits == (waiting and number != "request", waiting and number == "request")
    before = risk.config.risk_limits.max_drawdown, int(risk.core.state.account.latches)
    for _ in range(3):
        assert risk.clock(NOW) == "OK"
    after = risk.config.risk_limits.max_drawdown, int(risk.core.state.account.latches)
    assert (after[0] != before[0]) == (waiting and number == "request")
    assert (after[1] != before[1]) == (waiting and number != "request")
    assert not risk.killed
    page.reset("Bob", account=True)
    page.set_config(load_config("growth").model_copy(update={"version": 3}), "Bob")
    assert page.request_waits
    assert page.config_waits
    assert risk.clock(NOW) == "OK"
    assert (page.request_status, page.config_status) == ("OK", "OK")
    assert risk.core.state.parameters.author == to_author("Bob")
    assert replay_journal(place).equal


@pytest.mark.parametrize("wrong", [1 << 63, -(1 << 63) - 1, 1 << 400, 1.5, "1", None, True])
def test_numbers_beyond_the_page_are_refused(
    place: Path, risk: AdaptiveRiskManager, wrong: Any
) -> None:
    page, latch = ControlPage(place), codes.CONTROL_LATCH_ACCOUNT
    before = (place / "control").read_bytes()
    for name, act in (
        ("code", lambda: page.request(wrong, 0, 0, 1)),
        ("target", lambda: page.request(latch, wrong, 0, 1)),
        ("value", lambda: page.request(latch, 0, wrong, 1)),
        ("author", lambda: page.request(latch, 0, 0, wrong)),
        ("author", lambda: page.kill(wrong)),
        ("author", lambda: page.set_config("default", wrong)),
        ("instrument", lambda: page.reset(1, instrument=wrong)),
        ("time", lambda: page.beat(wrong)),
    ):
        if (name, wrong) in (("author", "1"), ("instrument", None), ("time", None)):
            continue  # a name, no instrument, the machine's clock
        with pytest.raises((InputError, UnknownNameError), match=f"{name} is "):
            act()
    assert (place / "control").read_bytes() == before
    assert risk.clock(NOW) == "OK"


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1.0, "x", None])
def test_a_wait_that_is_no_time_is_refused(
    place: Path, risk: AdaptiveRiskManager, wrong: Any
) -> None:
    with pytest.raises(InputError, match="timeout is "):
        PublishedPage(place).read(timeout=wrong)
    assert PublishedPage(place).read(timeout=0).event_count > 0


def test_the_monitors_heartbeat_reaches_the_account(place: Path, risk: AdaptiveRiskManager) -> None:
    ControlPage(place).beat()
    assert risk.clock(NOW + 5) == "OK"
    assert risk.core.state.system.monitor_heartbeat_ns == NOW + 5


def test_a_writers_own_reset_does_not_undo_a_kill_that_waited(
    place: Path, risk: AdaptiveRiskManager
) -> None:
    """Its author cannot have known of that kill: it is taken, and the reset is refused."""
    page = ControlPage(place)
    page.kill("Ada")
    assert page.kill_waits
    with pytest.raises(StateError, match="a kill came with it"):
        risk.reset("Bob", kill=True)
    assert not page.kill_waits
    assert risk.killed
    assert PublishedPage(place).read()["kill"] == 1
    assert risk.reset("Bob", kill=True) == "OK"
    assert not risk.killed
    table = journal_table(place).to_pylist()[-2:]
    told = [(row["name"], row["code"], row["author"]) for row in table]
    assert told == [
        ("control", codes.CONTROL_KILL, "Ada"),
        ("control", codes.CONTROL_RESET_KILL, "Bob"),
    ]
    # One that comes later is none of its business.
    page.kill("Eve")
    assert risk.clock(NOW) == "OK"
    assert risk.killed
    assert risk.core.state.system.kill_author == author_id("Eve")
    assert replay_journal(place).equal


# --- who it was ----------------------------------------------------------------------------------


def test_authors_can_be_read_back_wherever_entries_are_shown(
    place: Path, risk: AdaptiveRiskManager, tmp_path: Path
) -> None:
    names = risk.names()
    python("import sys, riskcore; riskcore.ControlPage(sys.argv[1]).kill(' Ada ')", place)
    assert risk.clock(NOW) == "OK"
    assert risk.reset("Bob", kill=True) == "OK"
    ControlPage(place).set_config(limits_file(tmp_path / "a.yaml", 9), "Zo\u00eb Nguyen")
    assert risk.clock(NOW) == "OK"
    assert risk.latch(77) == "OK"
    ControlPage(place).kill("Ada")
    assert risk.clock(NOW) == "OK"
    where = Place(place)
    assert where.authors() == {author_id(name): name for name in ("Ada", "Bob", "Zo\u00eb Nguyen")}
    assert {key: where.names()[key] for key in names} == names
    expected = [
        ("parameters", "1", None, 1),
        ("control", "Ada", "kill", None),
        ("control", "Bob", "reset_kill", None),
        ("parameters", "Zo\u00eb Nguyen", None, 9),
        ("control", "77", "latch_account", None),
        ("control", "Ada", "kill", None),
    ]

    def told(table: Any) -> list[tuple[Any, ...]]:
        rows = [
            (name_of(row["kind"]), row["author"], row["what"], row["version"])
            for row in table.to_pylist()
        ]
        assert all(
            row[1:] == (None, None, None) for row in rows if row[0] not in ("control", "parameters")
        )
        return [row for row in rows if row[1] is not None]

    assert told(journal_table(place)) == expected
    with Drainer(place, segment=400, format="arrow") as drainer:
        drainer.drain_all()
    (file,) = (place / "archive").iterdir()
    assert told(pa.ipc.open_file(file).read_all()) == expected
    assert told(journal_table(place)) == expected
    for snapshot in (Snapshot.from_place(place), Snapshot.from_manager(risk)):
        system = snapshot.to_arrow("system")
        assert system.column("kill_author_name").to_pylist() == ["Ada"]
        assert system.column("kill_author").to_pylist() == [author_id("Ada")]
        parameters = snapshot.to_pandas("parameters")
        assert parameters["author_name"].tolist() == ["Zo\u00eb Nguyen"]
    page = PublishedPage(place).read().to_arrow("page")
    assert page.column("parameters_author_name").to_pylist() == ["Zo\u00eb Nguyen"]
    done = riskcore("journal", "verify", place)
    assert (
        "  control and limits by author: Ada: 2, author 1: 1, Bob: 1, Zo\u00eb Nguyen: 1, "
        "author 77: 1\n" in done.stdout
    )
    done = riskcore("journal", "verify", place, "--json")
    assert json.loads(done.stdout)["authors"]["Bob"] == 1


def test_names_of_authors_stay_when_instruments_are_added(
    place: Path, risk: AdaptiveRiskManager
) -> None:
    assert risk.kill("Ada") == "OK"
    risk.set_instruments("instruments", time=NOW)
    assert Place(place).authors() == {author_id("Ada"): "Ada"}
    for odd in ("a\nb", "\ud800"):  # numbers they have, names in a line they are not
        assert risk.kill(odd) == "OK"
    assert Place(place).authors() == {author_id("Ada"): "Ada"}


# --- looking -------------------------------------------------------------------------------------


def page_digest(page: Snapshot) -> bytes:
    """The content of a page, but for the number of its copy."""
    words = np.frombuffer(page.record, np.int64).copy()
    words[4] = 0
    return hashlib.blake2b(words, digest_size=16).digest()


def watch(place: Path, seconds: float) -> tuple[dict[int, set[bytes]], int]:
    """Read pages as fast as possible: contents by journal sequence, and the number of reads."""
    pages, seen, reads = PublishedPage(place), {}, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        page = pages.read()
        seen.setdefault(page.sequence, set()).add(page_digest(page))
        reads += 1
    return seen, reads


def expect(path: Path, seed: int, interval: int, seen: dict[int, set[bytes]]) -> int:
    """Compare what was seen with a writer that nobody disturbs; the number of pages compared."""
    writer = open_writer(path, seed, capacity=1 << 16, publish_interval=interval)
    pages, life, last = PublishedPage(path), Life(writer.core, seed), max(seen)
    compared: set[int] = set()
    live = pages._part.record

    def look() -> None:
        number = int(live["journal_sequence"])
        if number in seen and number not in compared:
            page = pages.read()
            assert seen[page.sequence] == {page_digest(page)}, page.sequence
            compared.add(page.sequence)

    look()
    plain = writer.core.apply_many
    life.core = Slow(writer.core, plain, look)
    while writer.journal.committed < last:
        life.step()
        look()
        writer.journal.move_drained(writer.journal.committed)
    writer.close()
    assert compared == set(seen)
    return len(compared)


class Slow:
    """A core whose blocks of events are applied one by one, with a look after each."""

    def __init__(self, core: Any, apply_many: Any, look: Any) -> None:
        self._core, self._apply_many, self._look = core, apply_many, look

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    def apply_many(self, events: np.ndarray) -> None:
        for number in range(len(events)):
            self._apply_many(events[number : number + 1])
            self._look()


def read_beside_a_writer(tmp_path: Path, seconds: float) -> None:
    place, seed, interval = tmp_path / "account", 40, 50
    child = start_child(place, seed, capacity=1 << 16, interval=interval)
    drain = (  # keeps nothing: the events can be made again from their seed
        "import sys, time\n"
        "from riskcore._core import Parts\n"
        "from riskcore.store.journal import Journal\n"
        "from riskcore.store.place import Place\n"
        "journal = Journal(Place(sys.argv[1]), Parts(), write=True)\n"
        "while True:\n"
        "    journal.move_drained(journal.applied); time.sleep(0.01)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    drainer = subprocess.Popen([sys.executable, "-c", drain, str(place)], env=environment)
    swallow = subprocess.Popen(["cat"], stdin=child.stdout, stdout=subprocess.DEVNULL)
    try:
        seen, reads = watch(place, seconds)
    finally:
        for process in (child, drainer, swallow):
            process.kill()
            process.wait()
        child.stdout.close()
    rate = reads / seconds
    assert rate >= MIN_READS_PER_S, f"{rate:.0f} reads a second"
    assert len(seen) > 10 * seconds
    pages = expect(tmp_path / "again", seed, interval, seen)
    print(f"{rate:.0f} reads/s of {pages} pages up to record {max(seen)}")


def test_every_read_of_the_published_page_is_whole(tmp_path: Path) -> None:
    read_beside_a_writer(tmp_path, READ_S)


@pytest.mark.slow
def test_every_read_of_the_published_page_is_whole_for_a_minute(tmp_path: Path) -> None:
    read_beside_a_writer(tmp_path, READ_LONG_S)


def test_a_page_that_a_dead_writer_left_half_written_is_told(place: Path) -> None:
    writer = open_writer(place, 1, capacity=2048)
    writer.close()
    words = np.memmap(place / "published", np.int64, "r+")
    words[PAGE_SEQUENCE] |= 1
    pages = PublishedPage(place)
    with pytest.raises(PlaceError, match="the writer has died"):
        pages.read(timeout=0.05)
    open_writer(place, 1).close()
    assert pages.read().sequence > 0


# --- the command line ----------------------------------------------------------------------------


def test_drain_verify_and_replay_as_commands(place: Path, tmp_path: Path) -> None:
    writer = open_writer(place, 30, capacity=2048)
    Life(writer.core, 30).step()
    done = riskcore("journal", "drain", place, "--once", "--segment", 100, "--format", "arrow")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"drained 1 to {writer.journal.committed}\n"
    done = riskcore("journal", "drain", place, "--once")
    assert done.stdout == f"nothing to drain: all {writer.journal.committed} records are drained\n"
    assert riskcore("journal", "drain", place, "--once", "--quiet").stdout == ""
    done = riskcore("journal", "verify", place, "--json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["drained"] == report["committed"] == writer.journal.committed
    assert "all whole" in riskcore("journal", "verify", place).stdout
    done = riskcore("replay", "--journal", place, "--json", "--out", tmp_path / "state")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["equal"] is True
    rebuilt = Snapshot.from_checkpoint(tmp_path / "state")
    assert rebuilt.record.tobytes() == writer.core.state_bytes()
    assert "equal byte for byte" in riskcore("replay", "--journal", place).stdout
    writer.core.state.account.fees += 1.0
    done = riskcore("replay", "--journal", place, "--quiet")
    assert done.returncode == 1
    assert "differs from live: account.fees is " in done.stderr
    assert done.stdout == ""
    first = sorted((place / "archive").iterdir())[0]
    first.rename(tmp_path / first.name)
    done = riskcore("journal", "verify", place)
    assert done.returncode == 1
    assert "records 1 to " in done.stderr
    assert "neither in the ring nor in the archive" in done.stderr
    writer.close()


def test_an_account_is_shown_and_steered_from_a_shell(
    place: Path, risk: AdaptiveRiskManager, tmp_path: Path
) -> None:
    def control(command: str, *options: object) -> subprocess.CompletedProcess[str]:
        return riskcore("control", command, place, *options)

    decision = check(risk)
    assert (
        risk.fill(
            "BTC-USDT-PERP", "buy", 1, "37000.1", strategy="trend", handle=decision.handle, time=NOW
        )
        == "OK"
    )
    by = ("--author", "Ada", "--wait", 0)
    waits = "it waits for the engine's next event; none came within 0 s"
    killed = control("kill", *by)
    assert (killed.returncode, killed.stdout) == (3, f"the kill switch is pulled: {waits}\n")
    shown = json.loads(control("show", "--json").stdout)
    assert shown["waits"] == {"kill": True, "request": False, "limits": False}
    assert risk.clock(NOW) == "OK"
    text = control("show").stdout
    assert "state     cancel only (kill switch)" in text
    assert "BTC-USDT-PERP: 1000 lots, 37,000.05, VaR " in text
    assert "waiting" not in text
    assert "since" not in text
    for k in range(1, 4):
        assert risk.clock(NOW + k) == "OK"
    assert "since     3 more records in the journal, not published yet" in control("show").stdout
    assert json.loads(control("show", "--json").stdout)["records_behind"] == 3
    # A second kill of one that is taken already is no other: nobody waits for it for ever.
    reset = control("reset", "--kill", *by)
    assert (reset.returncode, reset.stdout) == (3, f"reset: {waits}\n")
    again = control("reset", "--kill", *by)
    assert (again.returncode, again.stdout) == (1, "")
    assert "has not taken the last request: wait, or replace it" in again.stderr
    file = limits_file(tmp_path / "limits.yaml", 2, max_open_orders=50)
    limits = control("limits", file, *by)
    assert (limits.returncode, limits.stdout) == (3, f"limits: {waits}\n")
    assert "waiting   request, limits: for the engine's next event" in control("show").stdout
    assert risk.clock(NOW) == "OK"
    assert not risk.killed
    assert risk.config.risk_limits.max_open_orders == 50
    assert "limits    version 2 by Ada" in control("show").stdout
    refused = control("limits", "default", *by)
    assert refused.returncode == 2
    assert "version" in refused.stderr
    assert control("reset", "--instrument", "NO-SUCH", *by).returncode == 2


def test_a_shell_is_told_what_the_writer_made_of_it(place: Path, risk: AdaptiveRiskManager) -> None:
    command = [sys.executable, "-m", "riskcore.cli", "control", "reset", str(place)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    page = ControlPage(place)
    for options, code, told in (
        (("--instrument", "BTC-USDT-PERP"), 0, "reset: in force"),
        (("--kill",), 1, "reset: a kill came meanwhile, which it does not undo: look, then reset"),
    ):
        with subprocess.Popen(
            [*command, *options, "--author", "Ada", "--wait", "60"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        ) as process:
            while not page.request_waits:
                assert process.poll() is None, process.communicate()
                time.sleep(0.01)
            if code:
                page.kill("Eve")  # one that the author of the reset did not know of
            assert risk.clock(NOW) == "OK"
            output, errors = process.communicate(timeout=60)
        assert (process.returncode, (output + errors).strip()) == (
            code,
            told if code == 0 else f"riskcore: {told}",
        )


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("control", "show", "nowhere"), "no account here"),
        (("control", "kill", "nowhere", "--author", "Ada"), "no account here"),
        (("control", "kill", "nowhere"), "Missing option '--author'"),
        (("control", "kill"), "See riskcore control kill --help."),
        (("control", "kill", "nowhere", "--author", "Ada", "--wait", "-1"), "--wait"),
        (("control", "drain"), "No such command 'drain'"),
        (("replay", "--no-such"), "No such option: --no-such"),
        (("emit", "--out", "x", "--instruments", "many"), "--instruments"),
        (("journal", "drain", "nowhere"), "no account here"),
        (("journal", "verify", "shm:../x"), "allowed is shm:"),
        (("replay", "--journal", "nowhere"), "no account here"),
        (("replay", "--journal", "nowhere", "--data", "btc-1h"), "--data"),
    ],
)
def test_mistakes_are_one_line(arguments: tuple[str, ...], word: str) -> None:
    done = riskcore(*arguments)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("riskcore: ")
    assert word in line


def test_a_rebuilt_state_is_written_over_nothing_of_the_account(
    place: Path, tmp_path: Path
) -> None:
    writer = open_writer(place, 33, capacity=2048)
    with Drainer(place) as drainer:
        drainer.drain_all()
    writer.close()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(place / "state")
    before = {file: file.read_bytes() for file in place.rglob("*") if file.is_file()}
    for out in (
        *(place / name for name in ("state", "control", "journal", "names.json", "checkpoint-a")),
        *(place, place / "new", place / "archive" / "x", tmp_path / "link", tmp_path / "folder"),
        *(tmp_path / "nowhere" / "file", "a\nb", "x" * 300),
    ):
        done = riskcore("replay", "--journal", place, "--out", out)
        (line,) = done.stderr.splitlines()
        assert line.startswith("riskcore: out is ")
        assert (done.returncode, done.stdout) == (2, "")
    assert {file: file.read_bytes() for file in place.rglob("*") if file.is_file()} == before
    assert not list((tmp_path / "folder").iterdir())
    assert riskcore("replay", "--journal", place, "--out", tmp_path / "state").returncode == 0
    # Again: a file of one's own may be replaced.
    assert riskcore("replay", "--journal", place, "--out", tmp_path / "state").returncode == 0
    done = riskcore("journal", "drain", place, "--archive", place / "state")
    (line,) = done.stderr.splitlines()
    assert "/state: cannot be made: it is no folder" in line


def test_shared_memory_is_drained_to_a_folder_that_is_named(
    tmp_path: Path, memory_name: str
) -> None:
    name = f"shm:{memory_name}"
    open_writer(name, 34, capacity=2048).close()
    done = riskcore("journal", "drain", name, "--once")
    (line,) = done.stderr.splitlines()
    assert (done.returncode, "name a folder with --archive" in line) == (2, True)
    done = riskcore("journal", "drain", name, "--once", "--archive", tmp_path / "archive")
    assert done.stdout.startswith("drained 1 to ")
    done = riskcore("replay", "--journal", name, "--out", Place(name).path("state"))
    assert "it belongs to the account" in done.stderr


def test_a_drainer_runs_until_it_is_terminated(place: Path) -> None:
    writer = open_writer(place, 31, capacity=2048)
    options = ("--segment", "200", "--flush", "0.05")
    with subprocess.Popen(
        [sys.executable, "-m", "riskcore.cli", "journal", "drain", str(place), *options],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as drainer:
        assert drainer.stdout is not None
        life, end = Life(writer.core, 31), time.monotonic() + 30
        while writer.journal.committed < 10_000:
            assert time.monotonic() < end
            if writer.journal.committed - writer.journal.drained < 1000:
                life.step()
            else:
                time.sleep(0.001)
        drainer.send_signal(signal.SIGTERM)
        lines = drainer.stdout.read().splitlines()
    assert drainer.returncode == 0
    assert len(lines) > 20
    assert lines[0].startswith(
        f"watching {place}: files of 200 records go to {place / 'archive'}; "
    )
    assert lines[1].startswith("drained 1 to ")
    assert writer.journal.lost == writer.journal.refused == 0
    assert replay_journal(place).state == writer.core.state_bytes()
    writer.close()
