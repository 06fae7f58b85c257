"""The C++ engine writes an account; Python drains, watches, steers, verifies and replays it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from riskcore import AdaptiveRiskManager, ControlPage, PublishedPage, Snapshot
from riskcore.config import config_path, load_config
from riskcore.inputs import to_author
from riskcore.store.archive import journal_table
from riskcore.store.drainer import Drainer
from riskcore.store.place import Place
from riskcore.store.recovery import replay_journal
from riskcore.store.verify import verify
from tests.examples.programs import EXAMPLES, Engine, package_environment, run

ENDLESS = 10**9
PATIENCE_S = 30.0


def until(happened: Callable[[], bool]) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_python_beside_a_cpp_engine(engine: Engine, tmp_path: Path) -> None:
    place = tmp_path / "account"
    with engine.running(place, "--events", ENDLESS, "--capacity", 1 << 15) as process:
        until(lambda: process.poll() is not None or not Place(place).missing())
        assert process.poll() is None, process.communicate()
        page, control = PublishedPage(place), ControlPage(place)
        with Drainer(place, segment=4000) as drainer:
            until(lambda: drainer.drain() >= 0 and drainer.journal.drained > 1 << 16)
            watched = page.read()
            assert watched["equity"] > 0
            control.set_config(load_config("default").model_copy(update={"version": 2}), "Ada")
            until(lambda: drainer.drain() >= 0 and not control.config_waits)
            assert control.config_status == "OK"
            control.kill("Bob")
            until(lambda: drainer.drain() >= 0 and page.read()["kill"] == 1)
            assert page.read()["parameters_author"] == to_author("Ada")
            process.kill()
            process.wait()
    assert verify(place).problems == []
    table = journal_table(place).to_pandas()
    (limits,) = table.index[table["name"] == "parameters"][-1:]
    kills = table[(table["name"] == "control") & (table["id"] == to_author("Bob"))]
    assert kills.index[0] > limits
    replayed = replay_journal(place)
    assert replayed.difference is None
    if replayed.compared_with == "live":
        snapshot = Snapshot.from_place(place)
        assert snapshot.record.tobytes() == replayed.state
        assert snapshot["parameters"]["author"] == to_author("Ada")
        assert snapshot["system"]["kill"] == 1
    # The engine was configured from the packaged files: Python takes its account over.
    with pytest.warns(UserWarning, match="keeps its limits, version 2"):
        risk = AdaptiveRiskManager.attach(place)
    with risk:
        assert risk.killed
        assert risk.equity > 0
        assert risk.store is not None
        assert risk.store.recovery.sequence == len(journal_table(place, parts=True)) - 1
    assert replay_journal(place).equal


def test_the_watcher_of_the_examples_shows_steers_and_kills(engine: Engine, tmp_path: Path) -> None:
    place, limits = tmp_path / "account", tmp_path / "limits.yaml"
    text = config_path("growth").read_text()
    limits.write_text(text.replace("version: 1", "version: 2"))
    script = EXAMPLES / "engine" / "watch.py"
    options = ("--seconds", PATIENCE_S, "--interval", 0.05, "--author", "Ada", "--limits", limits)
    with engine.running(place, "--events", ENDLESS, "--recycle") as process:
        until(lambda: process.poll() is not None or not Place(place).missing())
        assert process.poll() is None, process.communicate()
        page = PublishedPage(place)
        until(lambda: page.read()["event_count"] > 10_000)
        watcher = run(
            sys.executable, script, place, *options, "--kill-at", 0, env=package_environment()
        )
        assert watcher.returncode == 0, watcher.stderr
        seen = page.read()
    first, *_, last = watcher.stdout.splitlines()
    assert "running" in first
    assert "kill: drawdown is at or above 0.0000%" in watcher.stdout
    assert "KILLED" in last
    assert "limits v2" in last
    assert (seen["kill"], seen["parameters_author"]) == (1, to_author("Ada"))
    done = run(sys.executable, script, tmp_path / "nowhere", env=package_environment())
    assert done.returncode == 2
    assert "there is no account here" in done.stderr
