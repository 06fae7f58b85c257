"""The native harness: what it measures is what it says, and its budgets trip when they should."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from bench import budgets, driver, picture
from bench.budgets import BUDGETS, DEFAULT, REFERENCE_LOOPS_NS, Budget, judge
from bench.cases import CASES, COLD, COUNT_CALLS, NOT_HOT, SAMPLES, WARM
from bench.driver import Account, Harness
from bench.latency import Latency, histogram_of, summarise
from bench.layers import Share
from bench.suite import QUICK, Native, Report, broken_budgets
from riskcore.kernels.api import EXPORTS

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(driver.find_compiler() is None, reason="no C compiler"),
]


@pytest.fixture(scope="module")
def account(harness: Harness) -> Account:
    """The default account."""
    return harness.prepare(*DEFAULT[1:])


def slower(harness: Harness, drag: int) -> Path:
    """A driver whose check does so many additions more."""
    library = harness.directory / "lib" / "libriskcore.a"
    return harness.link(f"driver-{drag}", library, drag)


def count_check(harness: Harness, account: Account, program: Path | None = None) -> float:
    """Instructions of an approved check."""
    (work,) = harness.run(account, ["count:check_approve"], 1, COUNT_CALLS, program=program)
    return float(work.results.mean())


def latency(**values: Any) -> Latency:
    """An approved check on the default account of the reference machine."""
    times = dict.fromkeys(("p50", "p90", "p99", "p999", "p9999", "maximum"), 100.0)
    times |= {f"best_{name}": 100.0 for name in ("p50", "maximum", "mean")}
    times |= {f"median_{name}": 100.0 for name in ("p50", "p999")}
    account = dict(zip(("shape", "instruments", "open_orders"), DEFAULT, strict=True))
    words = {"case": "check_approve", "condition": WARM, "histogram": ""}
    rest = {"calls": 1, "loops": REFERENCE_LOOPS_NS, "preempted": 0, "slowest": 100.0}
    rest |= {"steady_p999": 100.0, "steady_loops": values.get("loops", REFERENCE_LOOPS_NS)}
    return Latency(**(times | account | words | rest | values))


NO_TIMER = latency(case="timer", **dict.fromkeys(("p50", "best_p50", "best_mean"), 0.0))


# --- what is measured -----------------------------------------------------------------------------


def test_every_export_is_measured_or_not_hot() -> None:
    measured = {case.exports for case in CASES.values() if case.exports}
    assert not measured & NOT_HOT
    assert measured | NOT_HOT == {export.name for export in EXPORTS}


def test_driver_and_table_know_the_same_cases() -> None:
    source = (driver.HERE / "driver.c").read_text()
    assert set(re.findall(r'^    \{"(\w+)", measure_', source, re.M)) == {*CASES, "timer"}


def test_every_case_is_timed_in_every_condition(report: Report) -> None:
    found = {(x.case, x.condition) for x in report.latencies}
    for name, case in CASES.items():
        for condition in (WARM, COLD, SAMPLES) if case.sampling else (WARM, COLD):
            assert (name, condition) in found
    assert all(x.p50 <= x.p99 <= x.p999 <= x.p9999 <= x.maximum for x in report.latencies)


def test_memory_is_slower_than_the_cache(report: Report) -> None:
    median = {(x.case, x.condition): x.p50 for x in reversed(report.latencies)}
    for name in CASES.keys() - {"kelly"}:  # its passes over a small matrix outweigh reading it
        assert median[name, COLD] > median[name, WARM]


def test_the_timer_is_counted_nowhere_as_instructions(harness: Harness, account: Account) -> None:
    (work,) = harness.run(account, ["count:timer"], 1, 10)
    assert (work.results == 0).all()


def test_a_case_is_refused_where_the_driver_does_not_know_it(
    harness: Harness, account: Account
) -> None:
    with pytest.raises(RuntimeError, match="warm:nothing"):
        harness.run(account, ["warm:nothing"], 1, 10)


def test_histograms_keep_percentiles_to_a_thousandth() -> None:
    times = np.sort(np.random.default_rng(1).lognormal(5.0, 1.0, 100_000))
    histogram = HdrHistogram.decode(histogram_of(times).encode())
    assert histogram.get_total_count() == times.size
    for share in (50.0, 90.0, 99.0, 99.9, 99.99, 100.0):
        exact = times[round(share * 1_000) - 1]
        assert histogram.get_value_at_percentile(share) == pytest.approx(exact, rel=1e-3, abs=1.0)


def test_the_quickest_round_is_that_of_the_smallest_percentile() -> None:
    results = np.array([[10, 30, 20, 40], [1, 2, 400, 3]], dtype=np.uint32)
    work = driver.Work("warm", "check_approve", results, np.array([[4, 6], [5, 2]]), 0.5, 0, 40)
    found = summarise(work, 64, Account(Path(), 64, 200, 0))
    assert (found.best_p50, found.best_maximum, found.median_p50) == (1.5, 20.0, 8.25)
    assert (found.maximum, found.loops) == (200.0, (2.0, 1.0))
    assert found.steady_loops == (2.125, 1.5)
    assert found.slowest == 20.0  # the driver's: the call of 400 was preempted


def test_only_a_call_that_lost_the_core_is_not_the_slowest(
    harness: Harness, account: Account
) -> None:
    core = max(os.sched_getaffinity(0))
    work = f"import os\nos.sched_setaffinity(0, {{{core}}})\nprint(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", work], stdout=subprocess.PIPE) as neighbour:
        try:
            neighbour.stdout.readline()  # type: ignore[union-attr]
            (beside,) = harness.run(account, ["warm:kelly"], 4, 500, core)
        finally:
            neighbour.kill()
    assert beside.preempted > 0
    assert 0 < beside.slowest < beside.results.max()
    assert beside.slowest in beside.results


# --- instructions ---------------------------------------------------------------------------------


def test_no_call_takes_more_instructions_than_the_table_says(report: Report) -> None:
    if report.cpu != budgets.table_level():
        pytest.skip(f"the table is about {budgets.table_level()} code")
    assert budgets.exceeded_counts(report.instructions, budgets.read_table()) == []
    assert budgets.read_table().keys() == CASES.keys()


def test_counts_are_the_same_every_time(report: Report, harness: Harness, account: Account) -> None:
    assert count_check(harness, account) == report.instructions["check_approve"]


def test_a_check_with_one_addition_too_many_trips_and_with_one_less_does_not(
    harness: Harness, account: Account
) -> None:
    plain = count_check(harness, account)
    frame = count_check(harness, account, slower(harness, 1)) - plain - 1.0
    last = int(budgets.ceiling_of(plain) - plain - frame)
    table = {"check_approve": plain}
    for drag, trips in ((last, False), (last + 1, True)):
        count = count_check(harness, account, slower(harness, drag))
        assert count == plain + frame + drag
        assert bool(budgets.exceeded_counts({"check_approve": count}, table)) is trips


def test_a_call_without_an_entry_is_named() -> None:
    assert budgets.exceeded_counts({"check_approve": 1.0}, {}) != []


# --- budgets --------------------------------------------------------------------------------------


def test_a_quick_run_keeps_its_ceilings(report: Report) -> None:
    assert len(report.verdicts) >= 12
    assert broken_budgets(report) == []


def test_a_check_made_slower_breaks_its_ceiling(
    harness: Harness, account: Account, report: Report
) -> None:
    assert report.timer is not None
    works = harness.run(account, ["warm:check_approve"], 9, 500, program=slower(harness, 4_000))
    found = judge([summarise(work, 64, account) for work in works], report.timer, {})
    assert [verdict.broken for verdict in found] == [True, True]


@pytest.mark.parametrize("budget", [b for b in BUDGETS if b.case == "check_approve"])
def test_a_ceiling_is_kept_at_it_and_broken_above(budget: Budget) -> None:
    ceiling, name = budget.ceiling or budget.aim, budgets.UNDISTURBED[budget.statistic]

    def breaks(value: float, slowness: float = 1.0) -> bool:
        loops = tuple(slowness * loop for loop in REFERENCE_LOOPS_NS)
        (verdict,) = [v for v in judge([latency(**{name: value}, loops=loops)], NO_TIMER, {})
                      if v.title == budget.title]  # fmt: skip
        return verdict.broken

    assert not breaks(ceiling)
    assert breaks(ceiling + 0.1)
    assert not breaks(1.5 * ceiling, slowness=1.5)
    assert breaks(1.5 * ceiling + 0.1, slowness=1.5)
    assert breaks(ceiling + 0.1, slowness=0.5)


@pytest.mark.parametrize("loop", [0, 1])
def test_a_ceiling_is_at_most_tripled(loop: int) -> None:
    loops = [0.0, 0.0]
    for slow, factor in ((2.9, 2.9), (3.0, 3.0), (3.1, 3.0), (50.0, 3.0)):
        loops[loop] = slow * REFERENCE_LOOPS_NS[loop]
        for verdict in judge([latency(loops=tuple(loops))], NO_TIMER, {}):
            ceilings = {b.title: b.ceiling or b.aim for b in BUDGETS}
            assert verdict.ceiling == pytest.approx(factor * ceilings[verdict.title])


def test_a_call_that_is_slow_in_every_round_is_in_the_steady_tail() -> None:
    rng = np.random.default_rng(1)
    results = np.full((12, 1_000), 150, dtype=np.uint32)
    for calls in results:  # each round is disturbed ten times, somewhere
        calls[rng.choice(1_000, 10, replace=False)] = 900
    loops = np.ones((12, 2), dtype=np.uint32)

    def tail() -> float:
        work = driver.Work("warm", "check_approve", results, loops, 1.0, 0, 900)
        return summarise(work, 64, Account(Path(), 64, 200, 0)).steady_p999

    assert tail() == 150.0
    results[:, 500] = 400
    assert tail() == 400.0


def test_a_tail_is_judged_by_the_steady_loops_and_a_median_by_the_quickest() -> None:
    slow = tuple(1.5 * loop for loop in REFERENCE_LOOPS_NS)
    for verdict in judge([latency(steady_loops=slow)], NO_TIMER, {}):
        ceilings = {b.title: b.ceiling or b.aim for b in BUDGETS}
        factor = 1.5 if verdict.title.endswith("p99.9") else 1.0
        assert verdict.ceiling == pytest.approx(factor * ceilings[verdict.title])


@pytest.mark.parametrize("slow", [1.0, 2.0])
@pytest.mark.parametrize("blas", [0.5, 1.5, 9.0])
def test_the_largest_portfolio_is_judged_by_the_slower_of_the_loops_and_blas(
    slow: float, blas: float
) -> None:
    for instruments, factor in ((512, max(slow, min(blas, 3.0))), (64, slow)):
        account = {"case": "portfolio", "shape": instruments, "instruments": instruments}
        loops = tuple(slow * loop for loop in REFERENCE_LOOPS_NS)
        times = blas * budgets.REFERENCE_BLAS_NS
        (verdict,) = judge([latency(**account, loops=loops)], NO_TIMER, {}, times)
        (budget,) = [b for b in BUDGETS if b.title == verdict.title]
        assert verdict.ceiling == pytest.approx(factor * budget.ceiling)


def test_aims_are_never_raised() -> None:
    for verdict in judge([latency(p50=150.0, loops=(1e4, 1e4))], NO_TIMER, {}):
        assert verdict.aim in (100.0, 250.0)
        assert verdict.missed == (verdict.aim == 100.0)


def test_every_ceiling_is_the_aim_or_above_it() -> None:
    for budget in (*BUDGETS, *budgets.RATIOS):
        assert budget.ceiling == 0.0 or budget.ceiling > budget.aim


def test_the_journal_costs_the_difference_of_the_dearest_event() -> None:
    calls = {"submit_check": 170.0, "apply_check": 160.0, "submit_clock": 60.0, "apply_clock": 30.0}
    found = [latency(case=name, p50=time, best_p50=time) for name, time in calls.items()]
    (verdict,) = judge(found, NO_TIMER, {})
    assert (verdict.measured, verdict.aim) == (30.0, 40.0)


def test_a_ratio_is_the_median_of_its_turns() -> None:
    title = "rejections against approvals"
    for turns, missed, broken in (
        ([0.9, 9.0, 1.0], False, False),
        ([0.9, 1.25, 9.0], True, False),
        ([0.9, 1.26, 9.0], True, True),
    ):
        (ratio,) = judge([], NO_TIMER, {title: turns})
        assert (ratio.measured, ratio.missed, ratio.broken) == (sorted(turns)[1], missed, broken)


def test_both_sides_of_a_ratio_are_times_without_the_timer(directory: Path, report: Report) -> None:
    assert report.timer is not None
    native = Native(Report({}), directory, -1, QUICK, lambda _: None)
    # An empty call is all timer: nothing remains of it.
    assert abs(native.beyond_timer(DEFAULT, "timer")) < 0.5 * report.timer.best_mean
    assert native.beyond_timer(DEFAULT, "check_approve") > 2.0 * report.timer.best_mean


def test_every_ratio_of_the_default_shape_was_taken_in_turns(report: Report) -> None:
    assert len(report.ratios) == len(budgets.RATIOS) - 1
    assert all(len(set(turns)) > 1 for turns in report.ratios.values())


# --- layers, picture, files -----------------------------------------------------------------------


def test_layers_share_every_instruction_of_a_check(report: Report) -> None:
    total = sum(share.instructions for share in report.layers)
    assert total == report.instructions["check_approve"]
    layers = {share.part for share in report.layers if share.is_layer}
    seven = {"position", "portfolio", "account", "exchange", "market", "strategy", "system"}
    assert seven <= layers
    assert sum(share.time for share in report.layers) == pytest.approx(1.0)


def test_results_hold_every_histogram(report: Report, tmp_path: Path) -> None:
    report.write(tmp_path / "results.json")
    again = json.loads((tmp_path / "results.json").read_text())
    for row in again["latencies"]:
        assert HdrHistogram.decode(row["histogram"]).get_total_count() == row["calls"]
    assert again["machine"]["timer_ns"] == report.timer.p50  # type: ignore[union-attr]
    assert [Share(**row) for row in again["layers"]] == report.layers


def test_picture_is_drawn(report: Report, tmp_path: Path) -> None:
    assert report.timer is not None
    picture.draw(report.latencies, report.timer, tmp_path / "latency.png")
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")
