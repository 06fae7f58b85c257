"""One writer, and others that watch and steer it at full speed: nothing is ever seen half.

``litmus.cpp`` does it in threads of one process; memory shared between processes is no different
to a processor.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from riskcore.bindings.emit import emit
from riskcore.profile.engines import NativeEngine
from tests.abi.native import compile_program
from tests.simulation.worlds import build_world
from tests.support import SMALL

SOURCE = Path(__file__).with_name("litmus.cpp")


@pytest.fixture(scope="module")
def litmus(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The program, and the image of an account for it."""
    directory = tmp_path_factory.mktemp("litmus")
    emit(directory, SMALL)
    engine = NativeEngine(SMALL)
    build_world(engine, 1, SMALL)
    (directory / "state").write_bytes(engine.state_bytes())
    program = compile_program(
        SOURCE.read_text(),
        directory,
        *("-O2", "-pthread", f"-I{directory / 'include'}", directory / "lib" / "libriskcore.a"),
        language="c++",
    )
    return [str(program), str(directory / "state")]


def run(litmus: list[str], seconds: float) -> dict[str, dict[str, float]]:
    """Figures by run; fails where something was torn."""
    done = subprocess.run([*litmus, str(seconds)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        line.split()[0]: {key: float(value) for key, value in re.findall(r"(\w+)=(\S+)", line)}
        for line in done.stdout.splitlines()
    }


def test_nothing_is_seen_half(litmus: list[str]) -> None:
    figures = run(litmus, 1.5)
    assert figures["page"]["read"] > 1000 * 1.5
    assert figures["journal"]["drained"] > 1000
    assert figures["control"]["taken"] > 100
    assert figures["kills"]["pulled"] > 100_000


@pytest.mark.slow
def test_readers_do_not_slow_the_writer(litmus: list[str]) -> None:
    figures = run(litmus, 60)
    assert figures["page"]["read"] > 1000 * 60
    assert figures["latency"]["reads_per_second"] > 1000
    assert figures["latency"]["ratio"] <= 1.2
