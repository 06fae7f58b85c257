"""One stream of events, the same bytes of the whole buffer in every execution of the kernels.

Plain Python, the JIT, and emitted code for two CPU levels; each stopped halfway, copied and
continued; and in a process whose C library is told that the CPU has no FMA. Worlds and events are
random with a seed: ``RISKCORE_PARITY_SEED``; ``RISKCORE_PARITY_EVENTS`` sets how many (1,000,000).
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numba
import numpy as np
import pytest

from riskcore import codes
from riskcore.bindings.emit import host_level
from riskcore.layout import record_dtype
from riskcore.profile import engines
from riskcore.profile.engines import Engine, KernelEngine, NativeEngine
from tests.parity.replay import BLOCK, live, record, replay
from tests.support import SMALL

ROOT = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("RISKCORE_PARITY_SEED", "1"))
EVENTS = int(os.environ.get("RISKCORE_PARITY_EVENTS", "1000000"))
PLAIN_EVENTS = 10_000
SHORTER_EVENTS = 600
EVENTS_PER_WORLD = 5_000
WITHOUT_FMA = "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2,-AVX2_Usable,-AVX512F"


@pytest.fixture
def native() -> Engine:
    """Code for a CPU with AVX2, and an empty account."""
    return NativeEngine(SMALL, "x86-64-v3")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short recorded run: start, events, hashes along the way."""
    path = tmp_path_factory.mktemp("parity") / "short.npz"
    engine = NativeEngine(SMALL, "x86-64-v3")
    np.savez(path, **record(engine, range(SEED, SEED + 5), PLAIN_EVENTS // 5))
    return path


@pytest.fixture(scope="module")
def shorter_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One world and few events."""
    path = tmp_path_factory.mktemp("parity") / "shorter.npz"
    np.savez(path, **record(NativeEngine(SMALL, "x86-64-v3"), [SEED], SHORTER_EVENTS))
    return path


def replay_elsewhere(
    recording: Path, execution: str, stop: int | None = None, **environment: str
) -> dict:
    """Replay a recording in a process of its own; what differed."""
    stops = [] if stop is None else [str(stop)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.parity.replay", str(recording), execution, *stops],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_plain_python_gives_the_same_bytes(recording: Path) -> None:
    # Every floating-point error raises there: overflow, invalid, division by zero, underflow.
    found = replay_elsewhere(recording, "kernels", NUMBA_DISABLE_JIT="1")
    assert found == {"events": PLAIN_EVENTS, "different": [], "jit": False}


def test_events_of_plain_python_are_of_every_kind(recording: Path) -> None:
    with np.load(recording) as runs:
        kinds = [runs[name]["kind"] for name in runs if name.endswith("/events")]
    assert set(np.concatenate(kinds).tolist()) >= set(codes.EVENT_NAMES)


STOPPED = {"events": SHORTER_EVENTS, "different": [], "copies": SHORTER_EVENTS // BLOCK}


def test_plain_python_that_is_stopped_and_copied_continues_to_the_same_bytes(
    shorter_recording: Path,
) -> None:
    found = replay_elsewhere(shorter_recording, "kernels", 37, NUMBA_DISABLE_JIT="1")
    assert found == {**STOPPED, "jit": False}


def test_jit_that_is_stopped_and_copied_continues_to_the_same_bytes(
    shorter_recording: Path,
) -> None:
    assert replay(shorter_recording, lambda: KernelEngine(SMALL), 37) == STOPPED


def test_events_from_a_file_are_of_the_type_that_the_loop_was_compiled_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    types = set()
    loop = [lambda state, events, decision, statuses: types.add(numba.typeof(events))]
    monkeypatch.setattr(engines, "_loop", loop)
    events = np.zeros(2, dtype=record_dtype("event", SMALL))
    file = io.BytesIO()
    np.save(file, events)
    file.seek(0)
    engine = KernelEngine(SMALL)
    for rows in (events, np.load(file), events[1:]):
        engine.apply_many(rows)
    assert len(types) == 1


FUNCTIONS_OF_LIBM = """
import math
print(*(f(n / 64) for n in range(1, 2000) for f in (math.exp, math.sin)))
"""


def test_the_c_library_takes_another_code_path_where_it_is_told_that_there_is_no_fma() -> None:
    # Where it does not, the test of that code path compares nothing.
    if " fma " not in Path("/proc/cpuinfo").read_text():
        pytest.skip("the processor has no FMA: the C library has no other code path to take")
    ours, others = (
        subprocess.run(
            [sys.executable, "-c", FUNCTIONS_OF_LIBM],
            env={**os.environ, "GLIBC_TUNABLES": mask},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for mask in ("", WITHOUT_FMA)
    )
    if ours == others:
        pytest.skip("the C library ignores GLIBC_TUNABLES: its other code path cannot be asked for")
    assert [float(x) for x in ours] == pytest.approx([float(x) for x in others], rel=1e-15)


def test_other_code_path_of_the_c_library_gives_the_same_bytes(recording: Path) -> None:
    found = replay_elsewhere(recording, "x86-64-v2", GLIBC_TUNABLES=WITHOUT_FMA)
    assert found["different"] == []
    plain = replay_elsewhere(
        recording, "kernels", NUMBA_DISABLE_JIT="1", GLIBC_TUNABLES=WITHOUT_FMA
    )
    assert plain["different"] == []


def test_jit_and_every_cpu_level_give_the_same_bytes(native: Engine) -> None:
    levels = {"x86-64-v2", host_level("x86-64-v4")} - {host_level()}
    others = {level: NativeEngine(SMALL, level) for level in sorted(levels)}
    others["JIT"] = KernelEngine(SMALL)
    empty, kinds, statuses, done, world = native.state_bytes(), Counter(), Counter(), 0, SEED
    assert all(other.state_bytes() == empty for other in others.values())
    print(f"\nseed {SEED}, {EVENTS} events")
    while done < EVENTS:
        count = min(EVENTS_PER_WORLD, EVENTS - done)
        native.load_state(empty)
        for number, (start, events, answers) in enumerate(live(native, world, count)):
            if number == 0:
                for other in others.values():
                    other.load_state(start)
            kinds.update(events["kind"].tolist())
            statuses.update(answers.tolist())
            for name, other in others.items():
                assert (other.apply_many(events) == answers).all(), (name, world, number)
                assert other.decision.tobytes() == native.decision.tobytes(), (name, world, number)
                if number % 16 == 0:
                    assert other.digest() == native.digest(), (name, world, number)
        assert len({engine.digest() for engine in (native, *others.values())}) == 1, world
        done += count
        world += 1
    print("kinds:", {codes.EVENT_NAMES.get(k, k): n for k, n in sorted(kinds.items())})
    print("statuses:", {codes.STATUS_NAMES.get(s, s): n for s, n in sorted(statuses.items())})
    if EVENTS >= 100_000:
        assert set(codes.EVENT_NAMES) <= set(kinds)
        # The numbers above BUSY are answers of journals and pages, not of events.
        expected = {status for status in codes.STATUS_NAMES if status <= codes.BUSY}
        expected -= {codes.BAD_BUFFER, codes.INVALID_PARAMETERS}
        assert expected <= set(statuses), expected - set(statuses)


def test_run_that_is_copied_halfway_continues_to_the_same_bytes(
    native: Engine, recording: Path
) -> None:
    with np.load(recording) as runs:
        for world in sorted({name.split("/")[0] for name in runs}):
            start, events = runs[f"{world}/start"], runs[f"{world}/events"]
            native.load_state(start.tobytes())
            half = len(events) // 2 + 7  # not between blocks
            native.apply_many(events[:half].copy())
            image = native.state_bytes()
            second = NativeEngine(SMALL, "x86-64-v2")
            second.load_state(image)
            second.apply_many(events[half:].copy())
            native.apply_many(events[half:].copy())
            assert second.digest() == native.digest() == str(runs[f"{world}/digests"][-1])


def test_invalid_event_changes_no_byte(native: Engine, recording: Path) -> None:
    refused = Counter()
    with np.load(recording) as runs:
        for world in sorted({name.split("/")[0] for name in runs}):
            native.load_state(runs[f"{world}/start"].tobytes())
            for event in runs[f"{world}/events"]:
                before = native.memory.tobytes()
                status = int(native.apply_many(event.reshape(1))[0])
                if status not in (codes.OK, codes.BOOKED_UNMATCHED, codes.BUSY):
                    refused[status] += 1
                    assert native.memory.tobytes() == before, (world, event)
    assert len(refused) > 8


def test_block_size_of_the_recording_is_what_replay_reads() -> None:
    assert PLAIN_EVENTS % (5 * BLOCK) == 0
