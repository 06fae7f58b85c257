"""A process that writes an account and forks: the account stays the parent's.

Nothing is simulated: real files, real forks, real signals.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from riskcore import AdaptiveRiskManager, ControlPage, PlaceError, PublishedPage, StateError
from riskcore.store.drainer import Drainer
from riskcore.store.recovery import replay_journal
from tests.simulation.places import NOW, ROOT

ORDER = ("BTC-USDT-PERP", "buy", 1, "37000.1")
TRADE: dict[str, Any] = {"strategy": "trend", "confidence": 0.9, "time": NOW}


def in_child(act: Callable[[], object]) -> str:
    """What a forked child makes of it: what it returns, or the class and text of its error."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            text = repr(act())
        except BaseException as error:  # noqa: BLE001 - nothing of pytest's may go on in the child
            text = f"{type(error).__name__}: {error}"
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answers:
        text = answers.read()
    assert os.waitpid(child, 0)[1] == 0
    return text


def test_a_child_that_was_forked_while_names_are_kept_holds_no_lock(
    risk: AdaptiveRiskManager,
) -> None:
    assert risk.store is not None
    with risk.store.place.naming():
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    try:
        begin = time.monotonic()
        ControlPage(risk.store.place).beat()
        assert time.monotonic() - begin < 1.0
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def second_writer(place: Path) -> str:
    """What another program that attaches is told; "attached" where it may."""
    code = (
        "import sys; from riskcore import AdaptiveRiskManager as A, PlaceError\n"
        "try: A.attach(sys.argv[1], 'growth', create=False).close(); print('attached')\n"
        "except PlaceError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(place)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "act",
    [
        lambda risk: risk.clock(NOW),
        lambda risk: risk.check(*ORDER, **TRADE),
        lambda risk: risk.what_if(*ORDER, **TRADE),
        lambda risk: risk.transfer("binance-usdm", "USDT", 5, NOW),
        lambda risk: risk.kill("Ada"),
        lambda risk: risk.set_config(risk.config, time=NOW),
        lambda risk: risk.flush(),
    ],
)
def test_a_forked_child_writes_nothing(
    place: Path, risk: AdaptiveRiskManager, act: Callable[[AdaptiveRiskManager], Any]
) -> None:
    before = {path: path.read_bytes() for path in place.iterdir()}
    text = in_child(lambda: act(risk))
    assert text.startswith(f"StateError: {place}: process {os.getpid()} writes this account")
    assert "forked" in text
    assert "\n" not in text
    assert {path: path.read_bytes() for path in place.iterdir()} == before
    assert risk.clock(NOW) == "OK"
    assert replay_journal(place).equal


def test_however_a_child_ends_its_parent_keeps_the_account(
    place: Path, risk: AdaptiveRiskManager
) -> None:
    def leave_with() -> str:
        with risk:
            return "left"

    store = risk.store
    assert store is not None
    lock = store._name.path
    for act, answer in (
        (risk.close, "None"),
        (leave_with, "'left'"),
        (store.discard, "None"),
        (lambda: sys.exit(3), "SystemExit: 3"),
    ):
        assert in_child(act) == answer
        assert "another process is writing this account" in second_writer(place)
    process = multiprocessing.get_context("fork").Process(target=risk.close)
    process.start()
    process.join()
    assert process.exitcode == 0
    assert "another process is writing this account" in second_writer(place)
    assert risk.clock(NOW) == "OK"
    assert lock.exists()
    risk.close()
    assert not lock.exists()
    assert second_writer(place) == "attached"


def test_a_child_that_outlives_its_parent_does_not_keep_the_account(place: Path) -> None:
    code = (
        "import os, sys; from riskcore import AdaptiveRiskManager as A\n"
        "risk = A.attach(sys.argv[1], 'growth', capacity=2048)\n"
        "if os.fork() == 0: sys.stdin.read(); os._exit(0)\n"
        "print(os.getpid(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert int(parent.stdout.readline()) == parent.pid
        assert "another process is writing this account" in second_writer(place)
        os.kill(parent.pid, signal.SIGKILL)
        os.waitpid(parent.pid, 0)
        assert second_writer(place) == "attached"
        parent.returncode = -signal.SIGKILL
        parent.stdin.close()  # the child ends


def test_pages_serve_in_a_child_too(place: Path, risk: AdaptiveRiskManager) -> None:
    control, published = ControlPage(place), PublishedPage(place)
    assert in_child(lambda: int(published.read()["kill"])) == "0"
    assert in_child(lambda: control.kill("Ada")) == "None"
    assert risk.clock(NOW) == "OK"
    assert risk.killed
    assert in_child(lambda: control.reset("Bob", kill=True)) == "None"
    assert risk.clock(NOW) == "OK"
    assert not risk.killed


def test_a_drainer_stays_its_parents(place: Path, risk: AdaptiveRiskManager) -> None:
    with Drainer(place) as drainer:
        text = in_child(drainer.drain_all)
        assert text.startswith("PlaceError: ")
        assert "forked from" in text
        assert in_child(drainer.close) == "None"
        assert not list((place / "archive").iterdir())
        with pytest.raises(PlaceError, match="another process drains"):
            Drainer(place)
        assert drainer.drain_all() > 0
    assert replay_journal(place).equal


def test_a_closed_account_says_so(risk: AdaptiveRiskManager) -> None:
    risk.close()
    for act in (lambda: risk.clock(NOW), risk.flush):
        with pytest.raises(StateError, match="the account is closed"):
            act()
