"""A damaged account: C++ and Python make the same of it, and a refusal leaves it as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from riskcore.errors import PlaceError
from riskcore.layout import Shape, record_dtype, state_dtype
from riskcore.manager import AdaptiveRiskManager
from riskcore.store.drainer import Drainer
from riskcore.store.place import Place
from riskcore.store.writer import Writer
from tests.examples.programs import Files, Native, build, run, seal

NOW = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
HEAD = record_dtype("checkpoint").itemsize

# Recovers a place, with "rebuild" behind it if need be; says what it was rebuilt from and the first
# record that it replayed, or the refusal.
PROGRAM = """
#include <riskcore.hpp>
int main(int count, char **arguments)
{
    try {
        riskcore::Options options;
        options.create = false;
        options.rebuild = count > 2;
        const auto account = riskcore::Session::open(riskcore::Place::at(arguments[1]), options);
        const riskcore::Recovery &recovery = account.recovery();
        std::printf("%s %lld\\n", recovery.source_name(), static_cast<long long>(recovery.first));
    } catch (const riskcore::Error &error) {
        std::printf("%s\\n", error.what());
        return 1;
    }
}
"""


@pytest.fixture(scope="module")
def program(link: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program above."""
    folder = tmp_path_factory.mktemp("recover")
    (folder / "recover.cpp").write_text(PROGRAM)
    return build(folder / "recover", folder / "recover.cpp", *link)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An account whose writer died while it applied an event, and its drainer earlier.

    ``checkpoint-a`` is of the last record that was drained, ``checkpoint-b`` of a later one.
    """
    folder = tmp_path_factory.mktemp("killed") / "account"
    time = NOW
    with AdaptiveRiskManager.attach(folder, "growth", time_ns=time, capacity=4096) as risk:

        def trade() -> None:
            nonlocal time
            for _ in range(50):
                time += SECOND
                risk.quote("BTC-USDT-PERP", "37000.0", 12, "37000.1", 9, time)
                risk.trade("BTC-USDT-PERP", price="37000.1", quantity=250, time=time)
                terms = {"strategy": "trend", "confidence": 0.9, "time": time}
                risk.check("BTC-USDT-PERP", "buy", "0.01", "37000.1", **terms)

        risk.transfer("binance-usdm", "USDT", 1_000_000, time)
        with Drainer(folder) as drainer:
            trade()
            drainer.drain(1)
            trade()
            steps = drainer.steps(1)
            while next(steps) != "checkpoint renamed":
                pass
        trade()
    files = Files(folder)
    files.journal["applied"] = files.committed - 1
    np.memmap(folder / "state", np.uint8, "r+")[5000:] ^= 255
    shutil.rmtree(folder / "archive")
    return folder


def sequence(place: Path, name: str) -> int:
    """Last record of a checkpoint."""
    return int(np.fromfile(place / name, record_dtype("checkpoint"), 1)["sequence"][0])


def flip(place: Path, name: str) -> None:
    """Damage one byte of a checkpoint's state."""
    np.memmap(place / name, np.uint8, "r+")[HEAD + 5000] ^= 1


def forge(place: Path, name: str, native: Native) -> None:
    """Let an index in a checkpoint's state lead far astray, under a checksum that fits."""
    state = np.memmap(place / name, state_dtype(Shape()), "r+", offset=HEAD)
    state["header"]["instrument_count"] = 1 << 40
    state["system"]["free_head"] = 1 << 40
    head = np.memmap(place / name, record_dtype("checkpoint"), "r+", shape=(1,))
    seal(head, state, native)


def number(place: Path, name: str, field: str, value: int, native: Native | None = None) -> None:
    """Change a number in a checkpoint's head; with the library, under a checksum that fits."""
    head = np.memmap(place / name, record_dtype("checkpoint"), "r+", shape=(1,))
    head[field] += value
    if native is not None:
        seal(head, np.fromfile(place / name, np.int64, offset=HEAD), native)


def cut(place: Path, name: str) -> None:
    os.truncate(place / name, (place / name).stat().st_size - 8)


def link_away(place: Path, name: str) -> None:
    (place / name).rename(place.parent / f"{place.name}-{name}")
    (place / name).symlink_to(place.parent / f"{place.name}-{name}")


def pipe(place: Path, name: str) -> None:
    (place / name).unlink()
    os.mkfifo(place / name, 0o600)


BAD_CHECKPOINTS: dict[str, Callable[[Path, str, Native], object]] = {
    "a byte of its state": lambda place, name, _: flip(place, name),
    "an index under a good checksum": forge,
    "another build's": lambda place, name, _: number(place, name, "layout_hash", 1),
    "of another record": lambda place, name, _: number(place, name, "sequence", 1),
    "ahead of the journal": lambda *to: number(*to[:2], "sequence", 1 << 40, to[2]),
    "of a record before the first": lambda *to: number(*to[:2], "sequence", -1 << 40, to[2]),
    "cut short": lambda place, name, _: cut(place, name),
    "empty": lambda place, name, _: os.truncate(place / name, 0),
    "a link": lambda place, name, _: link_away(place, name),
    "a pipe": lambda place, name, _: pipe(place, name),
    "open to others": lambda place, name, _: (place / name).chmod(0o644),
    "not there": lambda place, name, _: (place / name).unlink(),
}


def drained_to(place: Path, last: int) -> None:
    Files(place).journal["drained"] = last


def tear(place: Path, at: int) -> None:
    """Change a bit of a record."""
    files = Files(place)
    files.ring[at - 1 : at].view(np.int64)[7] ^= 4


def hole(place: Path, at: int) -> None:
    """Lose a record: zeros."""
    files = Files(place)
    files.ring[at - 1 : at] = np.zeros(1, files.ring.dtype)


def contents(place: Path) -> dict[str, bytes]:
    """Every file of a place, to the byte."""
    return {p.name: p.read_bytes() for p in sorted(place.iterdir()) if p.is_file()}


def in_python(place: Path, rebuild: bool) -> str:
    """What the package makes of a place: the same words as the program's."""
    try:
        writer = Writer(Place(place), Shape(), create=False, rebuild=rebuild)
    except PlaceError as error:
        return f"refused: {error}"
    recovery = writer.recovery
    writer.restart()
    writer.close()
    return f"{recovery.source} {recovery.sequence - recovery.replayed + 1}"


def recover_in_both(
    program: Path,
    killed: Path,
    tmp_path: Path,
    *damages: Callable[[Path], object],
    rebuild: bool = False,
) -> str:
    """What both say of the same place, the bytes being the same; C++'s words of a refusal."""
    places = [tmp_path / "cpp", tmp_path / "python"]
    for place in places:
        shutil.copytree(killed, place)
        for damage in damages:
            damage(place)
    one, other = places
    before = contents(one)
    done = run(program, one, *(["rebuild"] if rebuild else []))
    assert done.returncode in (0, 1), (done.returncode, done.stderr)
    (line,) = done.stdout.splitlines()
    words = in_python(other, rebuild)
    if done.returncode:
        assert words.startswith("refused"), (line, words)
        assert contents(one) == before
        return line
    source, first = line.split()
    names = {"checkpoint": ("checkpoint-a", "checkpoint-b"), "genesis": ("start",)}
    assert words.split()[0] in names.get(source, (source,))
    assert words.split()[1] == first
    for part in ("state", "journal"):
        assert (one / part).read_bytes() == (other / part).read_bytes(), part
    files = Files(one)
    assert int(files.journal["applied"][0]) == files.committed > 150
    return line


def test_the_newest_checkpoint_counts(program: Path, killed: Path, tmp_path: Path) -> None:
    first = sequence(killed, "checkpoint-b") + 1
    assert first > sequence(killed, "checkpoint-a") + 100
    assert recover_in_both(program, killed, tmp_path) == f"checkpoint {first}"


@pytest.mark.parametrize("damage", BAD_CHECKPOINTS)
def test_without_the_newest_checkpoint_the_other_one_counts(
    program: Path, killed: Path, tmp_path: Path, native: Native, damage: str
) -> None:
    line = recover_in_both(
        program,
        killed,
        tmp_path,
        lambda place: BAD_CHECKPOINTS[damage](place, "checkpoint-b", native),
    )
    assert line == f"checkpoint {sequence(killed, 'checkpoint-a') + 1}"


def damage_both(place: Path) -> None:
    flip(place, "checkpoint-a")
    cut(place, "checkpoint-b")


def test_without_any_checkpoint_a_whole_journal_is_enough(
    program: Path, killed: Path, tmp_path: Path
) -> None:
    line = recover_in_both(program, killed, tmp_path, damage_both, lambda p: drained_to(p, 0))
    assert line == "genesis 1"


def test_without_both_the_refusal_says_why_of_each(
    program: Path, killed: Path, tmp_path: Path
) -> None:
    line = recover_in_both(program, killed, tmp_path, damage_both)
    size = state_dtype(Shape()).itemsize + HEAD
    assert f"records {sequence(killed, 'checkpoint-a') + 1} to {Files(killed).committed}" in line
    assert "checkpoint-a: TORN: it is damaged; " in line
    assert f"checkpoint-b: has {size - 8} bytes, expected are {size}" in line


def test_a_checkpoint_behind_the_ring_does_not_count(
    program: Path, killed: Path, tmp_path: Path
) -> None:
    last = sequence(killed, "checkpoint-b")
    line = recover_in_both(
        program, killed, tmp_path, lambda p: drained_to(p, last), lambda p: flip(p, "checkpoint-b")
    )
    assert f"checkpoint-a: is of record {sequence(killed, 'checkpoint-a')}; " in line


@pytest.mark.parametrize("damage", [tear, hole])
@pytest.mark.parametrize("back", [0, 70])
def test_a_journal_that_is_not_whole_is_refused(
    program: Path, killed: Path, tmp_path: Path, damage: Callable[[Path, int], None], back: int
) -> None:
    at = Files(killed).committed - back
    line = recover_in_both(program, killed, tmp_path, lambda place: damage(place, at))
    assert f"torn at record {at} of {at + back}" in line


def test_a_hole_before_the_checkpoint_does_no_harm_until_that_is_damaged(
    program: Path, killed: Path, tmp_path: Path
) -> None:
    at = sequence(killed, "checkpoint-b") - 20
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    line = recover_in_both(program, killed, tmp_path / "1", lambda p: hole(p, at))
    assert line == f"checkpoint {sequence(killed, 'checkpoint-b') + 1}"
    line = recover_in_both(
        program, killed, tmp_path / "2", lambda p: hole(p, at), lambda p: flip(p, "checkpoint-b")
    )
    assert f"torn at record {at} of" in line


def test_a_damaged_state_is_rebuilt_though_the_journal_says_it_is_whole(
    program: Path, killed: Path, tmp_path: Path
) -> None:
    line = recover_in_both(program, killed, tmp_path, call_whole)
    assert line.startswith("checkpoint ")


def call_whole(place: Path) -> None:
    """Let the journal say that the state has all of it."""
    files = Files(place)
    files.journal["applied"] = files.committed


def test_a_state_that_nothing_speaks_against_is_rebuilt_on_request(
    program: Path, killed: Path, tmp_path: Path
) -> None:
    sound = tmp_path / "sound"
    shutil.copytree(killed, sound)
    assert run(program, sound).returncode == 0

    def miscount(place: Path) -> None:
        np.memmap(place / "state", state_dtype(Shape()), "r+")["counters"]["late_fills"] += 1

    for name, rebuild, words in (("0", False, "live"), ("1", True, "checkpoint")):
        (tmp_path / name).mkdir()
        line = recover_in_both(program, sound, tmp_path / name, miscount, rebuild=rebuild)
        assert line.startswith(words)
        counters = [Files(place).state["counters"] for place in (sound, tmp_path / name / "cpp")]
        late = [int(c["late_fills"][0]) for c in counters]
        assert (late[0] == late[1]) == rebuild


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("magic", "WRONG_MAGIC"),
        ("abi_version", "WRONG_ABI"),
        ("window", "WRONG_SHAPE"),
        ("layout_hash", "WRONG_LAYOUT"),
        ("size_bytes", "WRONG_SIZE"),
    ],
)
def test_a_state_of_something_else_is_never_overwritten(
    program: Path, killed: Path, tmp_path: Path, field: str, name: str
) -> None:
    def make_other(place: Path) -> None:
        np.memmap(place / "state", state_dtype(Shape()), "r+")["header"][field] += 1

    line = recover_in_both(program, killed, tmp_path, make_other, rebuild=True)
    assert f"state: {name}: " in line
