"""The time budgets on a small run of the benchmarks: the slowest of many calls keeps them.

Absolute budgets are those of the product, far above what the code needs. What is tighter is held
against loops of known work in the same run, because machines differ and are shared.
"""

from __future__ import annotations

import json
import math
import os
from importlib import import_module
from pathlib import Path
from time import sleep

import pytest

from bench import calls, driver, figures, peers
from bench.cases import CASES
from bench.figures import NATIVE, PYTHON, Figure, percentile, summarise, table, time_text
from bench.suite import Report, broken_budgets

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(driver.find_compiler() is None, reason="no C compiler"),
]


def find(report: Report, name: str, work: str = "", place: str = NATIVE) -> Figure:
    """The figure of a name, on work that begins with `work`."""
    (found,) = [
        f for f in report.figures
        if f.name == name and f.place == place and f.work.startswith(work)
    ]  # fmt: skip
    return found


def test_slowest_position_and_slowest_portfolio_keep_their_budgets(report: Report) -> None:
    assert [f.name for f in report.figures if f.name.startswith(("position:", "portfolio:"))]
    assert broken_budgets(report) == []


def test_a_check_takes_less_than_a_few_dozen_divisions(report: Report) -> None:
    check = find(report, "rc_check, approved", "64 instruments, 200")
    assert check.best < 3.0 * report.references["divisions"]  # 64 divisions, one after the other


def test_position_risk_takes_less_than_a_few_hundred_divisions(report: Report) -> None:
    position = find(report, CASES["position"].title)
    assert position.best < 6.0 * report.references["divisions"]


def test_portfolio_update_takes_less_than_a_few_thousand_divisions(report: Report) -> None:
    update = find(report, CASES["portfolio"].title, "64 instruments")
    assert update.best < 60.0 * report.references["divisions"]


def test_sizing_and_portfolios_are_measured_from_c_and_from_python(report: Report) -> None:
    for native, python in (("rc_size", "Core.size"), ("rc_kelly", "Core.kelly")):
        for place, name in ((NATIVE, native), (PYTHON, python)):
            assert [f for f in report.figures if f.place == place and f.name.startswith(name)]
    aimed = find(report, CASES["kelly"].title, "20 instruments")
    assert aimed.target_p50 == 20_000.0
    assert calls.SIZES == (16, 64, 256, 512)
    for size in calls.QUICK_SIZES:
        find(report, calls.PORTFOLIO, f"{size} instruments", PYTHON)


def test_check_takes_as_long_with_many_instruments_and_orders(report: Report) -> None:
    small = find(report, "rc_check, approved", "1 instruments, 1 open")
    large = find(report, "rc_check, approved", "64 instruments, 4000 open")
    assert large.best < 2.0 * small.best


def test_python_adds_less_than_a_microsecond_to_a_check(report: Report) -> None:
    native = find(report, "rc_check, approved", "64 instruments, 200")
    python = find(report, "Core.check, approved", place=PYTHON)
    assert python.best - python.timer < native.best + 1_000.0


def test_report_names_everything_and_can_be_read_back(report: Report, tmp_path: Path) -> None:
    report.write(tmp_path / "results.json")
    again = json.loads((tmp_path / "results.json").read_text())
    assert len(again["figures"]) == len(report.figures)
    assert {f["place"] for f in again["figures"]} == {NATIVE, PYTHON}
    text = report.table()
    assert all(f.name in text for f in report.figures)


@pytest.mark.parametrize("name", peers.MODULES)
def test_peers_are_measured_where_they_are_installed(name: str) -> None:
    try:
        figures = import_module(f"bench.peers.{name}").measure(True)
    except ImportError as error:
        pytest.skip(f"{error.name} is not installed")
    assert figures
    assert all(f.p50 > 0.0 for f in figures)


def test_a_broken_budget_is_named() -> None:
    slow = Figure(NATIVE, "portfolio: all", "512 instruments", p50=1e6, slowest=6e7)
    (line,) = broken_budgets(Report({}, figures=[slow]))
    assert "60.000 ms" in line
    assert "50 ms" in line


def test_an_unmeasured_slowest_breaks_the_budget() -> None:
    assert broken_budgets(Report({}, figures=[Figure(NATIVE, "position: all", "", p50=1.0)]))


def test_percentiles_are_nearest_ranks_and_medians_over_rounds() -> None:
    assert percentile(range(1, 1_001), 0.5) == 501.0
    assert percentile(range(1, 1_001), 1.0) == 1_000.0
    three = summarise([[1, 2, 3], [10, 20, 30], [100, 200, 300]])
    assert three["p50"] == 20.0
    assert three["best"] == 2.0
    assert three["slowest"] == three["maximum"] == 300.0
    assert summarise([[1, 2, 300]], slowest=2.0)["slowest"] == 2.0


def test_a_stall_in_any_round_is_the_slowest_call(monkeypatch: pytest.MonkeyPatch) -> None:
    naps = iter([0.0] * 5 + [0.02] + [0.0] * 9)  # a warm-up round of five, then two of five
    monkeypatch.setattr(figures, "preemptions", lambda: 0)
    times = figures.time_calls(lambda k: (next(naps),), sleep, 2, 5, watched=True)
    assert times["slowest"] == times["maximum"] > 20e6


def test_only_a_call_that_lost_the_core_is_not_the_slowest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    naps = iter([0.0] * 5 + [0.02, 0.01] + [0.0] * 8)
    lost = 0
    monkeypatch.setattr(figures, "preemptions", lambda: lost)

    def prepare(k: int) -> tuple[float]:
        nonlocal lost
        nap = next(naps)
        lost += nap == 0.02
        return (nap,)

    times = figures.time_calls(prepare, sleep, 2, 5, watched=True)
    assert times["maximum"] > 20e6
    assert 10e6 < times["slowest"] < times["maximum"]


def test_a_run_gives_its_cores_back() -> None:
    before = os.sched_getaffinity(0)
    with figures.one_core() as core:
        assert os.sched_getaffinity(0) == {core} <= before
    assert os.sched_getaffinity(0) == before


def test_a_run_that_may_not_choose_its_core_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    with figures.one_core() as core:
        assert core == -1


def test_times_are_written_with_their_unit() -> None:
    assert [time_text(ns) for ns in (140.0, 2_500.0, 14_000.0, 3e6, 2e9)] == [
        "140 ns", "2.50 µs", "14.0 µs", "3.00 ms", "2.00 s",
    ]  # fmt: skip
    assert time_text(math.nan) == ""


def test_targets_are_held_against_the_time_without_the_clock() -> None:
    met = Figure(NATIVE, "a", "b", p50=110.0, timer=20.0, target_p50=100.0)
    missed = Figure(NATIVE, "a", "b", p50=130.0, timer=20.0, target_p50=100.0)
    assert "p50 100 ns: met" in table([met])
    assert "p50 100 ns: missed" in table([missed])
