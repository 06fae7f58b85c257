"""kill -9 at random moments: everything that was acknowledged is there, and nothing else.

The engine notes the checksum of each record that it was answered in a file of its own; the
simulated venue keeps its book in another. Both outlive it.
"""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from riskcore import codes
from riskcore.layout import ABI_VERSION, MAGIC, Shape, layout_hash, record_dtype
from tests.examples.programs import ENGINE_SECONDS, Engine, Files, Native, Replica, run, seal

CAPACITY = 1 << 17
ENDLESS = 10**9
NOTED = 1024  # acknowledgements that the engine's file keeps
MAX_RECORDS = 64  # of one entry, and more
PTRACE_SINGLESTEP, PTRACE_ATTACH = 9, 16  # <sys/ptrace.h>


def checkpoint(files: Files, replica: Replica, native: Native, name: str) -> None:
    """Do a drainer's work: keep the replica as a checkpoint, then let the ring be overwritten."""
    head = np.zeros(1, record_dtype("checkpoint"))
    head["magic"], head["abi_version"] = MAGIC, ABI_VERSION
    head["layout_hash"], head["size_bytes"] = layout_hash(Shape()), replica.state.nbytes
    head["sequence"] = replica.sequence
    seal(head, replica.state, native)
    path = files.path(name)
    path.touch(mode=0o600)
    path.write_bytes(head.tobytes() + replica.bytes())
    files.journal["drained"] = replica.sequence


def assert_acknowledged_is_there(path: Path, files: Files) -> int:
    """Every answer that the engine noted is in the journal; how many were looked at."""
    words = np.fromfile(path, np.int64)
    count, committed = int(words[0]), files.committed
    entries = words[1:].reshape(-1, 2)
    kept = [entries[k % NOTED] for k in range(max(0, count - NOTED + 1), count)]
    for sequence, checksum in kept:
        assert sequence <= committed, "acknowledged, and not in the journal"
        assert files.ring[(sequence - 1) % len(files.ring)]["checksum"] == checksum
    return len(kept)


def copy_place(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def recover(engine: Engine, place: Path) -> dict[str, object]:
    """Start the engine on a place, without trading."""
    report = engine.run(place, "--events", 0)
    assert report["account"]["positions_unlike_venue"] == 0
    assert report["account"]["open_orders"] == 0
    recovery: dict[str, object] = report["recovery"]
    return recovery


def stop_within_an_event(process: int, place: Path, random_: random.Random) -> bool:
    """Stop the engine's thread, and step it to a random instruction of an event that it applies.

    False where it has none, as its journal had filled before it was stopped.
    """
    trace = ctypes.CDLL(None).ptrace
    trace.argtypes, trace.restype = (
        [ctypes.c_long, ctypes.c_int, *2 * [ctypes.c_void_p]],
        ctypes.c_long,
    )

    def resume(request: int) -> None:
        assert trace(request, process, None, None) == 0
        _, status = os.waitpid(process, 0)
        assert os.WIFSTOPPED(status), status

    journal = Files(place).journal
    resume(PTRACE_ATTACH)
    further = random_.randrange(300)
    for _ in range(200_000):
        if journal["applied"][0] < journal["committed"][0]:
            if further == 0:
                return True
            further -= 1
        resume(PTRACE_SINGLESTEP)
    used = journal["committed"][0] - journal["drained"][0]
    room = journal["capacity"][0] - journal["reserve"][0] - used
    assert room <= MAX_RECORDS, "no event in 200,000 instructions"
    return False


def kill_at_random(
    engine: Engine, place: Path, noted: Path, random_: random.Random, *, within: bool = False
) -> bool:
    """Let the engine run for a moment under load, then kill it; `within` an event if asked.

    Whether it was known to be within one.
    """
    noted.unlink(missing_ok=True)
    options = ("--events", ENDLESS, "--capacity", CAPACITY, "--acknowledgements", noted)
    with engine.running(place, *options) as process:
        end = time.monotonic() + 30
        while not noted.exists() or np.fromfile(noted, np.int64, 1).sum() < 1:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
        # Within an event: soon, before the journal is full.
        time.sleep(random_.uniform(0.0, 0.01 if within else 0.1))
        stopped = within and stop_within_an_event(process.pid, place, random_)
        process.kill()
        process.wait()
    return stopped


@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_nothing_acknowledged_is_lost(
    engine: Engine, native: Native, tmp_path: Path, kills: int
) -> None:
    random_ = random.Random(kills)
    place, noted = tmp_path / "place", tmp_path / "noted"
    replica = Replica(native)
    sources, looked_at, doubtful, within = [], 0, 0, 0
    for kill in range(4 * kills):
        if kill >= kills and doubtful > 0 and within >= kills // 5:
            break
        aimed = within < (kill + 1) // 5  # one of five, and again where the journal was full
        within += kill_at_random(engine, place, noted, random_, within=aimed)
        files = Files(place)
        looked_at += assert_acknowledged_is_there(noted, files)
        committed, applied = files.committed, int(files.journal["applied"][0])
        assert 0 <= committed - applied <= 64

        # An undisturbed run over the journal's events; no record is torn.
        assert replica.replay(files.ring, committed) == committed + 1

        # What is live where it is whole, and what is rebuilt, is that run.
        if applied == committed:
            assert replica.bytes() == files.state.tobytes()
        other = copy_place(place, tmp_path / f"copy-{kill}")
        damaged = Files(other)
        damaged.journal["applied"] = committed - 1
        np.memmap(other / "state", np.uint8, "r+")[random_.randrange(4096, 1 << 20) :] ^= 255
        rebuilt = recover(engine, other)
        assert rebuilt["source"] == ("checkpoint" if damaged.journal["drained"][0] else "genesis")
        recovered = recover(engine, place)
        assert recovered["source"] in ("live", rebuilt["source"])
        assert rebuilt["committed"] == recovered["committed"] == committed
        sources.append(recovered["source"])
        doubtful += int(str(recovered["orders"]))

        # Restart, reconciliation and cancels are in the journals too: the state that the engine
        # went on from was the undisturbed run's, or it would not be now.
        for then, found in ((replica.copy(), damaged), (replica, files)):
            assert found.committed > committed
            assert then.replay(found.ring, found.committed) == found.committed + 1
            assert then.bytes() == found.state.tobytes()
        shutil.rmtree(other)
        if files.committed - int(files.journal["drained"][0]) > CAPACITY // 2:
            checkpoint(files, replica, native, "checkpoint-a" if kill % 2 else "checkpoint-b")
    assert looked_at > 50 * len(sources)
    assert doubtful > 0, "no kill met a working order"
    assert within >= kills // 5, "too few kills within an event"
    if kills >= 200:
        assert {"live", "checkpoint"} <= set(sources)


@pytest.fixture
def killed(engine: Engine, tmp_path: Path) -> Path:
    """A place whose writer was killed while it applied an event."""
    place = tmp_path / "killed"
    kill_at_random(engine, place, tmp_path / "noted", random.Random(1))
    files = Files(place)
    files.journal["applied"] = files.committed - 1
    return place


def test_a_torn_record_is_named(engine: Engine, killed: Path, tmp_path: Path) -> None:
    random_ = random.Random(2)
    for number in range(3):
        place = copy_place(killed, tmp_path / str(number))
        files = Files(place)
        at = random_.randrange(1, files.committed + 1)
        head = at
        while files.ring[head - 1]["parts"] == 0:  # an entry of several records is whole or not
            head -= 1
        words = files.ring[at - 1 : at].view(np.int64)
        words[random_.randrange(len(words))] ^= 1 << random_.randrange(64)
        files.ring.flush()
        assert f"journal: torn at record {head} of {files.committed}" in engine.refusal(place)


def test_a_damaged_checkpoint_does_not_count(engine: Engine, native: Native, killed: Path) -> None:
    files, replica = Files(killed), Replica(native)
    first = int(files.ring[0]["parts"])
    ends = np.flatnonzero(files.records()["parts"] == 1)
    for name, last in (("checkpoint-a", int(ends[10]) + 1), ("checkpoint-b", int(ends[20]) + 1)):
        assert last > first
        replica.replay(files.ring, last)
        checkpoint(files, replica, native, name)
    files.journal["drained"] = int(ends[10]) + 1
    older, newer = copy_place(killed, killed.parent / "o"), copy_place(killed, killed.parent / "n")
    assert recover(engine, newer)["first_replayed"] == int(ends[20]) + 2
    np.memmap(older / "checkpoint-b", np.uint8, "r+")[5000] ^= 1
    assert recover(engine, older)["first_replayed"] == int(ends[10]) + 2
    assert Files(older).state.tobytes() == Files(newer).state.tobytes()
    np.memmap(older / "checkpoint-a", np.uint8, "r+")[5000] ^= 1
    Files(older).journal["applied"] = 1
    assert "no checkpoint reaches" in engine.refusal(older)


def test_what_reconciliation_finds_is_booked_and_latched(engine: Engine, tmp_path: Path) -> None:
    place = tmp_path / "place"
    options = ("--events", ENDLESS, "--capacity", CAPACITY, "--fault", "lost-fill")
    done = run(*engine.command(place, *options), timeout=ENGINE_SECONDS)
    assert done.returncode == -signal.SIGKILL, done.stderr
    report = engine.run(place, "--events", 0, "--author", 0)
    assert report["account"]["positions_unlike_venue"] == 0
    assert report["recovery"]["breaks"] > 0
    state = Files(place).state
    latched = (state["positions"]["latches"] & codes.LATCH_RECONCILIATION) != 0
    assert latched.any()
    # Only a named person opens what is latched.
    report = engine.run(place, "--events", 2000, "--author", 5)
    assert not (Files(place).state["positions"]["latches"] & codes.LATCH_RECONCILIATION).any()
    assert report["engine"]["approved"] > 0
