"""Replays of both embedded histories under default.yaml, and a check of every decision.

The check reads only the files that a replay writes, the price history and the YAML files:
positions, equity, exposure and stress losses are worked out again with pandas and plain arithmetic.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pa_parquet
import pytest
import yaml

from riskcore.replay.readers import EMBEDDED, History, parse_time, read_history
from riskcore.replay.run import Result, replay
from riskcore.replay.summary import write_files
from riskcore.replay.venue import VenueModel
from riskcore.strategies.trend import TrendStrategy

ROOT = Path(__file__).resolve().parents[2]
EQUITY = 1_000_000.0
BUY = {"BUY": 1, "SELL": -1}
SETS = ("btc-1h", "majors-30m")


@dataclass(frozen=True)
class Outcome:
    """A replay and where its files are."""

    name: str
    result: Result
    folder: Path

    @property
    def summary(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "summary.json").read_text()))

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / f"{name}.parquet")


_outcomes: dict[str, Outcome] = {}  # made once, whatever the order of the tests


@pytest.fixture(params=SETS)
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    name = request.param
    if name not in _outcomes:
        result = replay(read_history(name), equity=EQUITY)
        folder = tmp_path_factory.mktemp(name)
        write_files(result, folder)
        _outcomes[name] = Outcome(name, result, folder)
    return _outcomes[name]


# --- what a replay must show ----------------------------------------------------------------------


def test_protected_drawdown_stays_inside_its_limit(outcome: Outcome) -> None:
    comparison = outcome.summary["comparison"]
    assert comparison["max_drawdown_limit"] == 0.01
    assert comparison["max_drawdown"] < 0.01
    assert comparison["limit_held"] is True
    assert outcome.summary["runs"]["unprotected"]["max_drawdown"] > 0.30


def test_equity_table_gives_the_same_drawdown(outcome: Outcome) -> None:
    equity = outcome.table("equity")
    peak = np.maximum(equity["protected_high"].cummax().shift(fill_value=EQUITY), EQUITY)
    assert (1.0 - equity["protected_low"] / peak).max() < 0.01


def test_protected_run_is_in_the_market_at_least_half_as_often(outcome: Outcome) -> None:
    assert outcome.summary["comparison"]["time_in_market_ratio"] >= 0.5


def test_returns_of_both_runs_go_together(outcome: Outcome) -> None:
    returns = outcome.table("equity")[["protected", "unprotected"]].pct_change().dropna()
    correlation = returns.corr().iloc[0, 1]
    assert correlation >= 0.7
    assert correlation == pytest.approx(
        outcome.summary["comparison"]["return_correlation"], abs=1e-3
    )


def test_a_fifth_of_the_cushion_is_left_at_the_end(outcome: Outcome) -> None:
    assert outcome.summary["comparison"]["final_cushion"] >= 0.2


def test_nobody_had_to_reset_a_latch(outcome: Outcome) -> None:
    gate = outcome.summary["gate"]
    assert gate["manual_resets"] == 0
    assert gate["latches_at_end"] == 0


def test_the_gate_had_work(outcome: Outcome) -> None:
    gate = outcome.summary["gate"]
    assert all(count > 1_000 for count in gate["actions"].values())
    assert sum(gate["actions"].values()) == gate["orders"]
    assert gate["objections"]["CUSHION_EXPOSURE_EXCEEDED"] > 1_000


def test_orders_of_the_strategy_are_counted_apart(outcome: Outcome) -> None:
    gate = outcome.summary["gate"]
    decisions = outcome.table("decisions").query("purpose == 'strategy'")
    assert gate["strategy"] == decisions["action"].value_counts().to_dict()
    assert sum(gate["strategy"].values()) == gate["purposes"]["strategy"]
    assert gate["strategy"]["APPROVE"] < gate["actions"]["APPROVE"]


def test_fills_tell_quantity_and_notional(outcome: Outcome) -> None:
    fills = outcome.table("fills")
    np.testing.assert_allclose(fills["quantity"] * fills["price"], fills["notional"])
    np.testing.assert_allclose(fills["fee"], fills["notional"] * VenueModel().fee)


@pytest.mark.parametrize("name", ["decisions", "fills", "equity"])
def test_every_column_has_unit_and_meaning(outcome: Outcome, name: str) -> None:
    for column in pa_parquet.read_schema(outcome.folder / f"{name}.parquet"):
        assert column.metadata is not None, column.name
        assert column.metadata[b"unit"], column.name
        assert column.metadata[b"meaning"], column.name


def test_core_and_ledger_agree_on_equity(outcome: Outcome) -> None:
    ledger = outcome.result.protected.equity[-1]
    assert outcome.result.log.final_equity == pytest.approx(ledger, rel=1e-12)


def test_picture_is_drawn(outcome: Outcome) -> None:
    picture = (outcome.folder / "replay.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 20_000


# --- every decision, checked again ----------------------------------------------------------------


def default_limits() -> dict[str, float]:
    limits = yaml.safe_load((ROOT / "config" / "default.yaml").read_text())["risk_limits"]
    return {
        name: float(limits[name])
        for name in ("max_drawdown", "max_stress_loss", "cushion_multiplier", "max_gross_leverage")
    }


def shocks(symbols: list[str], interval: pd.Timedelta) -> list[tuple[bool, np.ndarray, np.ndarray]]:
    """In the budget, loss fractions of longs, of shorts; exit costs included."""
    venue = VenueModel()
    exit_cost = venue.fee + venue.slippage + venue.spread / 2
    rows = []
    file = yaml.safe_load((ROOT / "config" / "scenarios.yaml").read_text())
    for scenario in file["scenarios"].values():
        if "venue" in scenario:
            continue
        moves = [scenario["moves"].get(symbol, scenario["moves"]["default"]) for symbol in symbols]
        down = np.array([float(move["down"]) for move in moves]) + exit_cost
        up = np.array([float(move["up"]) for move in moves]) + exit_cost
        rows.append((pd.Timedelta(scenario["horizon"].replace("d", "D")) >= interval, down, up))
    return rows


@dataclass
class Book:
    """Positions, working orders and cash as the files tell them."""

    lots: np.ndarray
    buys: np.ndarray
    sells: np.ndarray
    cash: float

    def ends(self, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Money if every working buy fills, and if every working sell does."""
        return (self.lots + self.buys) * value, (self.lots - self.sells) * value


def gross(ends: tuple[np.ndarray, np.ndarray]) -> float:
    return float(np.maximum(ends[0], -ends[1]).sum())


def loss(ends: tuple[np.ndarray, np.ndarray], down: np.ndarray, up: np.ndarray) -> float:
    return float(np.maximum(np.maximum(ends[0] * down, -ends[1] * up), 0.0).sum())


def test_no_approved_order_creates_or_worsens_a_breach(outcome: Outcome) -> None:
    limits = default_limits()
    prices = pd.read_parquet(ROOT / "riskcore" / "replay" / "data" / EMBEDDED[outcome.name])
    symbols = list(dict.fromkeys(prices["symbol"]))
    place = {symbol: i for i, symbol in enumerate(symbols)}
    interval = pd.Timedelta("1h") if outcome.name == "btc-1h" else pd.Timedelta("30min")
    scenarios = shocks(symbols, interval)
    assert sum(counted for counted, _, _ in scenarios) >= 10

    decisions = outcome.table("decisions")
    fills = outcome.table("fills").query("run == 'protected'")
    equity = outcome.table("equity")
    contract = decisions.drop_duplicates("symbol").set_index("symbol")
    money = contract["contract_value"].reindex(symbols).to_numpy()
    tick = (contract["mark"] / contract["mark_ticks"]).reindex(symbols).to_numpy()
    closes = prices.pivot_table(index="date", columns="symbol", values="close", observed=True)
    marks = np.rint(closes[symbols].ffill().to_numpy(dtype=np.float64) / tick)
    value = np.nan_to_num(marks) * money
    largest = limits["cushion_multiplier"] * limits["max_drawdown"] * EQUITY / len(symbols)

    count = len(symbols)
    book = Book(np.zeros(count), np.zeros(count), np.zeros(count), EQUITY)
    fill_rows = list(
        zip(
            fills["bar"],
            fills["symbol"].map(place),
            fills["side"].map(BUY),
            fills["lots"],
            fills["price_ticks"],
            fills["fee"],
            strict=True,
        )
    )
    peak = np.maximum(equity["protected_high"].cummax().to_numpy(), EQUITY)
    next_fill, bar_now, accepted, opened = 0, -1, 0, 0
    for row in decisions.itertuples(index=False):
        if row.bar != bar_now:
            # Orders live for one bar: what did not fill at the next open has expired.
            bar_now = row.bar
            book.buys[:] = 0
            book.sells[:] = 0
            while next_fill < len(fill_rows) and fill_rows[next_fill][0] <= bar_now:
                _, i, side, lots, ticks, fee = fill_rows[next_fill]
                book.lots[i] += side * lots
                book.cash -= side * lots * ticks * money[i] + fee
                next_fill += 1
            worth = book.cash + float((book.lots * value[bar_now]).sum())
            floor = peak[bar_now] * (1.0 - limits["max_drawdown"])
        i, side = place[row.symbol], BUY[row.side]
        lot_values = value[bar_now]
        assert row.mark_ticks == marks[bar_now, i]
        assert row.position_lots == book.lots[i]
        assert row.equity == pytest.approx(worth, rel=1e-9)
        # The core's peak is at least the one seen between whole bars.
        assert row.budget <= worth - floor + 1e-6
        assert row.allowed_lots <= row.lots
        if row.allowed_lots == 0:
            assert row.action == "REJECT"
            continue
        assert row.action == ("APPROVE" if row.allowed_lots == row.lots else "RESIZE")
        accepted += 1
        before = book.ends(lot_values)
        (book.buys if side > 0 else book.sells)[i] += row.allowed_lots
        after = book.ends(lot_values)
        slack = 1e-9 * worth
        for limit, measure in (
            (limits["cushion_multiplier"] * row.budget, gross),
            (limits["max_gross_leverage"] * worth, gross),
            *((row.budget, lambda e, d=d, u=u: loss(e, d, u)) for b, d, u in scenarios if b),
            *(
                (limits["max_stress_loss"] * worth, lambda e, d=d, u=u: loss(e, d, u))
                for _, d, u in scenarios
            ),
        ):
            then = measure(after)
            assert then <= limit + slack or then <= measure(before) + slack
        own = max(0.0, after[0][i] if side > 0 else -after[1][i])
        own_before = max(0.0, before[0][i] if side > 0 else -before[1][i])
        assert own <= largest + slack or own <= own_before + slack
        opened += own > own_before
    assert accepted > 5_000
    assert opened > 1_000


def test_exits_always_pass(outcome: Outcome) -> None:
    decisions = outcome.table("decisions")
    exits = decisions[decisions["purpose"].isin(["derisk", "stop"])]
    assert len(exits) > 1_000
    assert (exits["action"] == "APPROVE").all()
    assert (exits["exit_lots"] == exits["lots"]).all()


def test_reason_names_spell_the_reason_words(outcome: Outcome) -> None:
    from riskcore.codes import CHECKS, REJECT

    decisions = outcome.table("decisions")
    assert REJECT == 0
    for row in decisions.sample(500, random_state=7).itertuples(index=False):
        words = (row.reasons_0, row.reasons_1)
        named = {c.name for n, c in CHECKS.items() if words[n // 64] >> (n % 64) & 1}
        assert set(row.reason_names) == named
        assert not named if pd.isna(row.first_check) else row.first_check in named
        assert (row.layer == "none") == (not named)
        assert (row.action == "APPROVE") == (not named)


# --- variations -----------------------------------------------------------------------------------


@pytest.mark.parametrize("latency_bars", [1, 3])
def test_limit_holds_through_march_2020_with_late_executions(latency_bars: int) -> None:
    history = read_history(
        "btc-1h", start_ns=parse_time("2019-12-01"), end_ns=parse_time("2020-06-01")
    )
    result = replay(history, venue=VenueModel(latency_bars=latency_bars))
    assert result.summary["comparison"]["limit_held"]
    assert result.summary["comparison"]["final_cushion"] >= 0.2
    assert result.protected.figures is not None
    assert result.protected.figures.fills > 100


def test_the_same_history_gives_the_same_decisions() -> None:
    history = read_history(
        "btc-1h", start_ns=parse_time("2021-01-01"), end_ns=parse_time("2021-06-01")
    )
    first, second = (replay(history).summary for _ in range(2))
    assert first["gate"] == second["gate"]
    assert first["runs"] == second["runs"]
    assert first["gate"]["orders"] > 500


def test_thin_market_fills_orders_in_part() -> None:
    history = read_history(
        "btc-1h", start_ns=parse_time("2020-01-01"), end_ns=parse_time("2020-06-01")
    )
    thin = VenueModel(participation=1e-5)
    result = replay(history, venue=thin)
    decisions = result.log.decisions
    asked = int(decisions["lots"].sum())
    filled = sum(result.protected.fills["lots"])
    assert 0 < filled < asked
    assert result.summary["comparison"]["limit_held"]


def test_strategy_has_no_hindsight() -> None:
    close = read_history("btc-1h").series["BTC"].close[:3_000, None]
    strategy = TrendStrategy(slow_hours=200.0)
    whole, trust = strategy.weights(close, 3_600_000_000_000)
    part, part_trust = strategy.weights(close[:2_000], 3_600_000_000_000)
    np.testing.assert_array_equal(whole[:2_000], part)
    np.testing.assert_array_equal(trust[:2_000], part_trust)
    assert np.abs(whole).max() > 0.1


def test_growth_limits_allow_more() -> None:
    history = read_history(
        "btc-1h", start_ns=parse_time("2020-01-01"), end_ns=parse_time("2021-01-01")
    )
    careful = replay(history, config="default").protected.figures
    bold = replay(history, config="growth").protected.figures
    assert careful is not None
    assert bold is not None
    assert bold.largest_gross > 5.0 * careful.largest_gross


@pytest.mark.parametrize("latency_bars", [1, 3])
def test_position_of_a_series_that_ends_early_is_closed_there(latency_bars: int) -> None:
    history = read_history(
        "majors-30m",
        symbols=["BTC", "ETH"],
        start_ns=parse_time("2018-01-01"),
        end_ns=parse_time("2018-03-01"),
    )
    bars = history.series["ETH"]
    whole = replay(history, venue=VenueModel(latency_bars=latency_bars))
    held = np.flatnonzero(whole.protected.held[:, 1] * whole.unprotected.held[:, 1])
    last = int(held[len(held) // 2])  # both runs hold ETH here
    short = {**history.series, "ETH": bars.select(slice(0, last + 1))}
    cut = History(history.source, history.interval_ns, short)
    result = replay(cut, venue=VenueModel(latency_bars=latency_bars))
    for run in (result.protected, result.unprotected):
        assert run.held[last, 1] != 0
        assert not run.held[last + 1 :, 1].any()
        assert run.held[last + 1 :, 0].any()
    assert any(note.startswith("ETH: ends 2018-") for note in result.summary["notes"])
    assert result.summary["gate"]["purposes"]["settlement"] == 1
    assert result.log.final_equity == pytest.approx(result.protected.equity[-1], rel=1e-12)


def test_yearly_return_of_a_minute_is_a_number() -> None:
    from riskcore.replay.metrics import figures

    path = np.array([[1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 2.0]])
    none = np.zeros(2)
    found = figures(
        start_equity=1.0,
        close_ns=np.array([0, 1_000_000_000]),
        path=path,
        gross=none,
        bar_pnl=none,
        bar_var=none,
        turnover=0.0,
        fees=0.0,
        fills=0,
    )
    assert np.isfinite(found.yearly_return)
    assert found.yearly_return > 1e9
