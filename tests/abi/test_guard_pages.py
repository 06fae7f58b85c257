"""The emitted code touches nothing outside the memory it is given.

Each run is a process of its own whose state and records lie against unmapped pages, once in front
and once behind.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from riskcore.profile.engines import NativeEngine
from tests.simulation.stream import EventStream
from tests.simulation.worlds import build_world
from tests.support import SMALL

ROOT = Path(__file__).resolve().parents[2]
EVENTS = 4000


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.abi.guarded", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_step_outside_ends_the_process() -> None:
    assert run("outside").returncode == -11


@pytest.mark.parametrize("seed", ["1", "2"])
def test_nothing_outside_is_touched(seed: str) -> None:
    plain = NativeEngine(SMALL)
    build_world(plain, int(seed), SMALL)
    stream = EventStream(int(seed), plain.state, SMALL)
    for _ in range(EVENTS // 100):
        plain.apply_many(stream.block(100))
    for end in ("low", "high"):
        done = run(end, seed, str(EVENTS))
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.strip() == plain.digest()
