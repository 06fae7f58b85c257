"""Replays of both embedded histories under default.yaml, and a check of every decision.

The check reads only the files that a replay writes, the price history and the YAML files:
positions, equity, exposure, volatility, covariance, VaR and stress losses are worked out again with
pandas and plain arithmetic. A false row for each limit shows that the check would find it.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pa_parquet
import pytest
import yaml
from scipy import stats

from riskcore import codes
from riskcore.replay import engine
from riskcore.replay.readers import EMBEDDED, History, parse_time, read_history
from riskcore.replay.run import Result, replay
from riskcore.replay.setup import build_core
from riskcore.replay.summary import write_files
from riskcore.replay.venue import VenueModel
from riskcore.strategies.trend import TrendStrategy

ROOT = Path(__file__).resolve().parents[2]
EQUITY = 1_000_000.0
BUY = {"BUY": 1, "SELL": -1}
# What the set-up of a replay gives every instrument.
INITIAL_VOLATILITY, INITIAL_MARGIN, MAINTENANCE = 0.05, 0.10, 0.05
SETS = ("btc-1h", "majors-30m")
SHORT = ("--data", "btc-1h", "--from", "2020-02-01", "--to", "2020-04-01")


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


def outcome_of(name: str, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    if name not in _outcomes:
        result = replay(read_history(name), equity=EQUITY)
        folder = tmp_path_factory.mktemp(name)
        write_files(result, folder)
        _outcomes[name] = Outcome(name, result, folder)
    return _outcomes[name]


@pytest.fixture(params=SETS)
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return outcome_of(request.param, tmp_path_factory)


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


def test_a_control_call_during_the_replay_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    from riskcore.replay import run

    cores = []

    def build(*arguments: Any) -> Any:
        built = build_core(*arguments)
        cores.append(built[0])
        return built

    def reset_once(name: str, done: int, _: int) -> None:
        if (name, done) == ("protected", 1_000):
            now = int(cores[0].state.header.last_time_ns)
            assert cores[0].control(now, codes.CONTROL_RESET_LATCHES, 0, 0, 7) == codes.OK

    monkeypatch.setattr(run, "build_core", build)
    history = read_history("btc-1h", end_ns=parse_time("2018-09-01"))
    assert replay(history).summary["gate"]["manual_resets"] == 0
    cores.clear()
    assert replay(history, progress=reset_once).summary["gate"]["manual_resets"] == 1


def test_calls_are_timed(outcome: Outcome) -> None:
    calls = outcome.summary["call_latency_ns"]
    assert set(calls) == {"quote", "fill", "clock", "sample"}
    assert calls["fill"]["calls"] == outcome.summary["runs"]["protected"]["fills"]
    assert calls["clock"]["calls"] == calls["sample"]["calls"] > 1_000
    assert calls["quote"]["calls"] > 4_000
    for took in (outcome.summary["check_latency_ns"], *calls.values()):
        assert 0 < took["p50"] <= took["p90"] <= took["p99"] <= took["p99.9"] <= took["max"]


@pytest.mark.parametrize("every", [1, 1_000_000])
def test_events_sent_one_by_one_or_in_blocks_are_the_same(
    monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    history = read_history("majors-30m", end_ns=parse_time("2018-04-01"))
    expected = replay(history).summary["gate"]
    monkeypatch.setattr(engine, "TIMED_BARS", every)
    found = replay(history).summary
    assert found["gate"] == expected
    assert expected["orders"] > 500
    assert bool(found["call_latency_ns"]["quote"]["calls"]) == (every == 1)


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
#
# Money is a share of the equity at the decision here. The gate's verdicts are not looked at; of its
# figures only the budget is used, which may be no more than equity and high-water mark allow. Not
# worked out again: losses at the stops, which trail every quote, and what quotes and volumes say.

SLACK = 1e-9  # of equity, for rounding
NORMAL = "normal"  # the regime: a replay tells the core of no other


@cache
def yaml_of(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text()))


def multipliers() -> tuple[float, float]:
    """95 % VaR and ES of one standard deviation: Student's t of unit variance, closed form."""
    degrees = float(yaml_of("default")["models"]["tail_degrees_of_freedom"])
    law = stats.t(degrees)
    quantile = float(law.ppf(0.95))
    scale = np.sqrt((degrees - 2.0) / degrees)
    tail = float(law.pdf(quantile)) / 0.05 * (degrees + quantile**2) / (degrees - 1.0)
    return quantile * scale, tail * scale


def shocks(symbols: list[str], interval: pd.Timedelta) -> list[tuple[bool, np.ndarray, np.ndarray]]:
    """In the budget, loss fractions of longs, of shorts; exit costs included."""
    venue = VenueModel()
    exit_cost = venue.fee + venue.slippage + venue.spread / 2
    rows = []
    for scenario in yaml_of("scenarios")["scenarios"].values():
        if "venue" in scenario:
            continue
        moves = [scenario["moves"].get(symbol, scenario["moves"]["default"]) for symbol in symbols]
        down = np.array([float(move["down"]) for move in moves]) + exit_cost
        up = np.array([float(move["up"]) for move in moves]) + exit_cost
        rows.append((pd.Timedelta(scenario["horizon"].replace("d", "D")) >= interval, down, up))
    return rows


@dataclass(frozen=True)
class Files:
    """What a replay wrote, and the closes that it read: NaN where a bar is absent."""

    interval: pd.Timedelta
    closes: pd.DataFrame
    decisions: pd.DataFrame
    fills: pd.DataFrame
    equity: pd.DataFrame

    @property
    def symbols(self) -> list[str]:
        return list(self.closes.columns)

    def until(self, row: int) -> Files:
        """Up to one decision."""
        bar = int(self.decisions["bar"].iloc[row])
        return Files(
            self.interval,
            self.closes.iloc[: bar + 1],
            self.decisions.iloc[: row + 1],
            self.fills[self.fills["bar"] <= bar],
            self.equity.iloc[: bar + 1],
        )

    def falsified(self, table: str, row: int, **values: Any) -> Files:
        """With other values in one row of a table."""
        copy = getattr(self, table).copy()
        for column, value in values.items():
            copy.iloc[row, copy.columns.get_loc(column)] = value
        return replace(self, **{table: copy})


_files: dict[str, Files] = {}


def files_of(outcome: Outcome) -> Files:
    if outcome.name not in _files:
        _files[outcome.name] = read_files(outcome)
    return _files[outcome.name]


def read_files(outcome: Outcome) -> Files:
    prices = pd.read_parquet(ROOT / "riskcore" / "replay" / "data" / EMBEDDED[outcome.name])
    symbols = list(dict.fromkeys(prices["symbol"]))
    closes = prices.pivot_table(index="date", columns="symbol", values="close", observed=True)
    return Files(
        pd.Timedelta("1h") if outcome.name == "btc-1h" else pd.Timedelta("30min"),
        closes[symbols].astype(np.float64).reset_index(drop=True),
        outcome.table("decisions"),
        outcome.table("fills").query("run == 'protected'").reset_index(drop=True),
        outcome.table("equity"),
    )


def variances(marks: pd.DataFrame, samples: float) -> tuple[np.ndarray, np.ndarray]:
    """24 h volatility and covariance at each close (EWMA, zero mean, J.P. Morgan 1996).

    An absent instrument keeps its variance; its covariances age with its partners.
    """
    models = yaml_of("default")["models"]
    start = INITIAL_VOLATILITY**2 / samples
    returns = pd.DataFrame({name: marks[name].dropna().pct_change() for name in marks})
    returns = returns.reindex(marks.index)
    variance = pd.DataFrame(
        {
            name: (marks[name].dropna().pct_change() ** 2)
            .fillna(start)
            .ewm(alpha=1.0 - float(models["variance_decay"]), adjust=False)
            .mean()
            for name in marks
        }
    )
    volatility = np.sqrt(variance.reindex(marks.index).ffill().fillna(start) * samples)
    decay, count = float(models["covariance_decay"]), len(marks.columns)
    ageing = np.where(returns.isna(), 1.0, np.sqrt(decay))
    news = np.sqrt(1.0 - decay) * returns.fillna(0.0).to_numpy()
    matrix = np.full((count, count), start * float(models["initial_correlation"]))
    np.fill_diagonal(matrix, start)
    path = np.empty((len(marks), count, count))
    for bar, (age, new) in enumerate(zip(ageing, news, strict=True)):
        matrix = np.outer(age, age) * matrix + np.outer(new, new)
        path[bar] = matrix
    return volatility.to_numpy(), path * samples


def clusters(covariance: np.ndarray) -> np.ndarray:
    """True where two instruments are joined by a chain of high correlations."""
    least = float(yaml_of("default")["risk_limits"]["cluster_correlation"])
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    near = covariance**2 >= least**2 * variance[:, :, None] * variance[:, None, :]
    joined = near.astype(np.int64)
    for _ in range(covariance.shape[1]):
        joined = (joined @ joined > 0).astype(np.int64)
    return joined > 0


class Account:
    """The account before and after each decision, from fills, closes and what was allowed.

    Arrays are [decision] or [decision, instrument]; money is a share of the equity.
    """

    def __init__(self, files: Files) -> None:
        decisions, fills, equity, symbols = (
            files.decisions,
            files.fills,
            files.equity,
            files.symbols,
        )
        rows, bars = range(len(decisions)), range(len(files.closes))
        self.bar = bar = decisions["bar"].to_numpy()
        place = decisions["symbol"].map({name: i for i, name in enumerate(symbols)}).astype(int)
        self.place = place.to_numpy()
        self.side = decisions["side"].map(BUY).astype(int).to_numpy()
        self.own = np.equal.outer(self.place, np.arange(len(symbols)))
        self.lots = decisions["allowed_lots"].to_numpy()

        # Prices: ticks and the money of a lot and tick are the contract's.
        contract = decisions.drop_duplicates("symbol").set_index("symbol").reindex(symbols)
        money = contract["contract_value"].fillna(1.0).to_numpy()
        tick = (contract["mark"] / contract["mark_ticks"]).fillna(1.0).to_numpy()
        marks = (files.closes / tick).round()
        self.marks = marks.ffill().fillna(0.0).to_numpy()
        samples = pd.Timedelta("1D") / files.interval
        volatility, covariance = variances(marks, samples)
        self.volatility, self.covariance = volatility[bar], covariance[bar]
        self.joined = clusters(covariance)[bar]

        # Positions and cash: the fills of a bar come before its decisions.
        side = fills["side"].map(BUY).astype(int)
        traded = pd.DataFrame(
            {"bar": fills["bar"], "symbol": fills["symbol"].astype(str), "lots": side * fills.lots}
        ).pivot_table(index="bar", columns="symbol", values="lots", aggfunc="sum")
        held = traded.reindex(index=bars, columns=symbols).fillna(0.0).cumsum()
        self.net = held.to_numpy()[bar]
        paid = fills["lots"] * fills["price_ticks"] * money[fills["symbol"].map(symbols.index)]
        spent = (side * paid + fills["fee"]).groupby(fills["bar"]).sum().reindex(bars).fillna(0.0)
        self.value = self.marks[bar] * money
        self.worth = (EQUITY - spent.cumsum()).to_numpy()[bar] + (self.net * self.value).sum(axis=1)
        self.equity = decisions["equity"].to_numpy()
        self.value = self.value / self.equity[:, None]

        # Orders live for one bar: those decided before in the same bar are working.
        def before(lots: np.ndarray) -> np.ndarray:
            return (pd.DataFrame(lots).groupby(bar).cumsum() - lots).to_numpy()

        buying, selling = (self.own * ((self.side == s) * self.lots)[:, None] for s in (1, -1))
        self.buys, self.sells = before(buying), before(selling)
        self.open_orders = before((self.lots > 0)[:, None] * 1)[:, 0] + 1
        self.long = (self.net + self.buys) * self.value
        self.short = (self.net - self.sells) * self.value
        self.long_after = self.long + buying * self.value
        self.short_after = self.short - selling * self.value
        self.working = (self.buys + self.sells) * self.value

        # Of the order: what only closes is an exit.
        mine = (rows, self.place)
        claimed = np.where(self.side > 0, self.buys[mine], self.sells[mine])
        against = -self.side * self.net[mine] - claimed
        self.opening = np.maximum(self.lots - np.maximum(against, 0), 0)
        collar = float(yaml_of("default")["market"]["price_collar"])
        self.lot = self.value[mine]
        self.order = self.opening * self.lot * (1.0 + self.side * collar)

        # Of the day and of the peak, from the equity of each bar.
        day = (equity["time"] - pd.Timedelta("1ns")).dt.floor("1D")
        start = equity["protected"].shift(fill_value=EQUITY).groupby(day).transform("first")
        self.day_loss = (1.0 - equity["protected_low"].groupby(day).cummin() / start).to_numpy()[
            bar
        ]
        self.peak = np.maximum(equity["protected_high"].cummax(), EQUITY).to_numpy()[bar]
        self.close = equity["protected"].to_numpy()[bar]
        done = paid.groupby(fills["bar"]).sum().reindex(bars).fillna(0.0).to_numpy()
        self.traded = pd.Series(done).groupby(day.to_numpy()).cumsum().to_numpy()[bar] / self.equity

    def sigma(self) -> tuple[np.ndarray, np.ndarray]:
        """24 h standard deviation, every working order at its worst, before and with the order."""
        working = (self.working * self.volatility).sum(axis=1)
        filled = self.net * self.value
        added = self.own * (self.side * self.lots * self.lot)[:, None]
        before, after = (
            np.sqrt(np.maximum(np.einsum("ni,nij,nj->n", w, self.covariance, w), 0.0))
            for w in (filled, filled + added)
        )
        return before + working, after + working


Measure = tuple[Any, Any, Any]


def measures(files: Files, account: Account) -> dict[str, Measure]:
    """Limit, measure before and with the order, by the name of the check.

    Where there is no measure before, an order that opens may not pass beyond the limit at all. With
    several scenarios the first axis is theirs.
    """
    config = yaml_of("default")
    limits = config["risk_limits"]
    regime = config["regimes"][NORMAL]
    risk = max(1.0, float(regime["risk_multiplier"]))
    var, es = (risk * multiplier for multiplier in multipliers())
    a = account
    mine = (range(len(a.place)), a.place)
    largest = limits["cushion_multiplier"] * limits["max_drawdown"] * EQUITY / len(files.symbols)

    gross = np.maximum(a.long, -a.short)
    gross_after = np.maximum(a.long_after, -a.short_after)
    total, total_after = gross.sum(axis=1), gross_after.sum(axis=1)

    def net(long: np.ndarray, short: np.ndarray) -> np.ndarray:
        return np.maximum(long.sum(axis=1), -short.sum(axis=1))

    def own_end(long: np.ndarray, short: np.ndarray) -> np.ndarray:
        return np.maximum(np.where(a.side > 0, long[mine], -short[mine]), 0.0)

    def margins(ends: np.ndarray, own: np.ndarray) -> np.ndarray:
        return MAINTENANCE * ends.sum(axis=1) + limits["min_liquidation_distance"] * own

    def cluster(ends: np.ndarray) -> np.ndarray:
        return var * (ends * a.volatility * a.joined[mine]).sum(axis=1)

    def losses(long: np.ndarray, short: np.ndarray, only_budget: bool) -> np.ndarray:
        return np.array(
            [
                np.maximum(np.maximum(long * down, -short * up), 0.0).sum(axis=1)
                for counted, down, up in shocks(files.symbols, files.interval)
                if counted or not only_budget
            ]
        )

    before, after = (a.long, a.short), (a.long_after, a.short_after)
    own, own_after = own_end(*before), own_end(*after)
    sigma, sigma_after = a.sigma()
    budget = files.decisions["budget"].to_numpy() / a.equity
    volatility = a.volatility[mine]
    confidence = files.decisions["confidence"].to_numpy()
    turnover = a.traded + a.working.sum(axis=1) + a.order
    return {
        "ORDER_NOTIONAL_EXCEEDS_MAX": (2.0 * largest / a.equity, None, a.order),
        "POSITION_NOTIONAL_EXCEEDS_MAX": (largest / a.equity, None, own_after),
        "POSITION_SHARE_EXCEEDS_MAX": (limits["max_position_share"], None, own_after),
        "POSITION_VAR_EXCEEDS_MAX": (
            limits["max_position_risk"],
            None,
            own_after * volatility * var,
        ),
        "LIQUIDATION_DISTANCE_BELOW_MIN": (
            1.0,
            margins(gross, own),
            margins(gross_after, own_after),
        ),
        "GROSS_LEVERAGE_EXCEEDS_MAX": (limits["max_gross_leverage"], total, total_after),
        "NET_LEVERAGE_EXCEEDS_MAX": (limits["max_net_leverage"], net(*before), net(*after)),
        "PORTFOLIO_VAR_EXCEEDS_MAX": (limits["var_95"], var * sigma, var * sigma_after),
        "EXPECTED_SHORTFALL_EXCEEDS_MAX": (
            limits["expected_shortfall"],
            es * sigma,
            es * sigma_after,
        ),
        "HERFINDAHL_EXCEEDS_MAX": (
            limits["max_herfindahl"],
            (gross**2).sum(axis=1),
            (gross_after**2).sum(axis=1),
        ),
        # Each instrument is the only one on its coin.
        "LARGEST_WEIGHT_EXCEEDS_MAX": (limits["max_weight"], gross[mine], gross_after[mine]),
        "CLUSTER_RISK_EXCEEDS_MAX": (
            limits["max_correlation_risk"],
            cluster(gross),
            cluster(gross_after),
        ),
        "STRESS_LOSS_EXCEEDS_MAX": (
            limits["max_stress_loss"],
            losses(*before, False),
            losses(*after, False),
        ),
        "DRAWDOWN_EXCEEDS_MAX": (limits["max_drawdown"], None, 1.0 - a.close / a.peak),
        "DRAWDOWN_BUDGET_EXCEEDED": (budget, losses(*before, True), losses(*after, True)),
        # The latch lasts for the day.
        "DAILY_LOSS_EXCEEDS_MAX": (limits["max_daily_loss"], None, a.day_loss),
        "CUSHION_EXPOSURE_EXCEEDED": (limits["cushion_multiplier"] * budget, total, total_after),
        "FREE_MARGIN_BELOW_MIN": (
            1.0 - limits["min_free_margin"],
            INITIAL_MARGIN * total,
            INITIAL_MARGIN * total_after,
        ),
        "DAILY_TURNOVER_EXCEEDS_MAX": (limits["max_daily_turnover"], None, turnover),
        "OPEN_ORDERS_EXCEEDS_MAX": (limits["max_open_orders"], None, a.open_orders),
        # There is one venue.
        "VENUE_EXPOSURE_EXCEEDS_MAX": (
            config["exchange"]["max_venue_exposure"],
            total,
            total_after,
        ),
        "VOLATILITY_EXCEEDS_MAX": (config["market"]["max_volatility"], None, volatility),
        "CONFIDENCE_BELOW_THRESHOLD": (-regime["confidence_threshold"], None, -confidence),
    }


def broken(files: Files) -> pd.DataFrame:
    """Limits that an allowed order breaks, and makes worse if it was broken before; exits pass."""
    account = Account(files)
    found = {}
    for name, (limit, before, after) in measures(files, account).items():
        wrong = ~(after <= limit + SLACK)
        if before is not None:
            wrong &= ~(after <= before + SLACK)
        found[name] = account.opening.astype(bool) & (
            wrong.any(axis=0) if wrong.ndim > 1 else wrong
        )
    return pd.DataFrame(found)


def untrue(files: Files) -> pd.DataFrame:
    """What a decision tells, and fills and closes say otherwise."""
    d, a = files.decisions, Account(files)
    mine = (range(len(d)), a.place)
    lots, allowed = d["lots"].to_numpy(), a.lots
    action = np.where(allowed == lots, "APPROVE", np.where(allowed > 0, "RESIZE", "REJECT"))
    multiplier, _ = multipliers()
    sigma, sigma_after = (multiplier * sigma * a.equity for sigma in a.sigma())
    gross, gross_after = (
        np.maximum(long, -short).sum(axis=1) * a.equity
        for long, short in ((a.long, a.short), (a.long_after, a.short_after))
    )
    judged = a.opening > 0  # of what was refused the measures are those of what was asked

    def off(column: str, truth: np.ndarray) -> np.ndarray:
        return np.abs(d[column].to_numpy() - truth) > 1e-9 * np.abs(truth) + 1e-6

    floor = a.peak * (1.0 - yaml_of("default")["risk_limits"]["max_drawdown"])
    return pd.DataFrame(
        {
            "mark_ticks": d["mark_ticks"].to_numpy() != a.marks[a.bar][mine],
            "position_lots": d["position_lots"].to_numpy() != a.net[mine],
            "equity": off("equity", a.worth) | off("equity", a.close),
            # The core's peak is at least the one seen between whole bars.
            "budget": ~(d["budget"].to_numpy() <= a.worth - floor + 1e-6),
            "allowed_lots": (allowed > lots) | (allowed < 0),
            "action": d["action"].astype(str).to_numpy() != action,
            "gross_before": off("gross_before", gross),
            "gross_after": judged & off("gross_after", gross_after),
            "var_before": off("var_before", sigma),
            "var_after": judged & off("var_after", sigma_after),
        }
    )


def test_no_approved_order_creates_or_worsens_a_breach(outcome: Outcome) -> None:
    files = files_of(outcome)
    assert sum(counted for counted, _, _ in shocks(files.symbols, files.interval)) >= 10
    account = Account(files)
    assert (account.lots > 0).sum() > 5_000
    assert (account.opening > 0).sum() > 1_000
    found = broken(files).sum()
    assert not found.any(), found[found > 0]


def test_decisions_tell_what_fills_and_closes_say(outcome: Outcome) -> None:
    found = untrue(files_of(outcome)).sum()
    assert not found.any(), found[found > 0]


def test_no_fill_is_larger_than_what_was_approved_the_bar_before(outcome: Outcome) -> None:
    files = files_of(outcome)
    keys = ["bar", "symbol", "side"]
    filled = files.fills.astype({"symbol": str, "side": str}).groupby(keys)["lots"].sum()
    decisions = files.decisions.astype({"symbol": str, "side": str})
    decisions["bar"] += 1
    allowed = decisions.groupby(keys)["allowed_lots"].sum()
    assert len(filled) > 5_000
    assert (filled <= allowed.reindex(filled.index).fillna(0)).all()


# The check itself, checked: what is false is found, and what just meets a limit is not.


@dataclass(frozen=True)
class First:
    """The first order of a replay, which opens from flat; a full million is there to lose from."""

    bar: int
    place: int
    instruments: int
    samples: float
    lot: float  # all money is a share of the equity
    price: float  # that the order is valued at, in marks
    volatility: float
    sigma: float
    shock: float  # of the worst scenario


def first_of(outcome: Outcome) -> tuple[Files, First]:
    files = files_of(outcome).until(0)
    account = Account(files)
    assert account.opening[0] == account.lots[0] > 0
    i, side = int(account.place[0]), int(account.side[0])
    worst = {"BTC": (0.52, 0.58), "ETH": (0.59, 0.63)}.get(files.symbols[i], (0.71, 1.02))
    return files, First(
        bar=int(account.bar[0]),
        place=i,
        instruments=len(files.symbols),
        samples=pd.Timedelta("1D") / files.interval,
        lot=float(account.lot[0]),
        price=1.0 + 0.02 * side,
        volatility=float(account.volatility[0, i]),
        sigma=float(np.sqrt(account.covariance[0, i, i])),
        shock=worst[side < 0] + 0.0008,
    )


# The share of the equity at which a first position meets the limit of default.yaml. VaR and ES are
# 1.5608 and 2.2388 standard deviations: Student's t with 5 degrees of freedom, of unit variance.
MET_AT: dict[str, Callable[[First], float]] = {
    "ORDER_NOTIONAL_EXCEEDS_MAX": lambda one: 2 * 0.005 / one.instruments / one.price,
    "POSITION_NOTIONAL_EXCEEDS_MAX": lambda one: 0.005 / one.instruments,
    "POSITION_SHARE_EXCEEDS_MAX": lambda _: 0.05,
    "POSITION_VAR_EXCEEDS_MAX": lambda one: 0.001 / (1.5608 * one.volatility),
    "LIQUIDATION_DISTANCE_BELOW_MIN": lambda _: 1.0 / (0.05 + 0.30),
    "GROSS_LEVERAGE_EXCEEDS_MAX": lambda _: 1.0,
    "NET_LEVERAGE_EXCEEDS_MAX": lambda _: 0.5,
    "PORTFOLIO_VAR_EXCEEDS_MAX": lambda one: 0.002 / (1.5608 * one.sigma),
    "EXPECTED_SHORTFALL_EXCEEDS_MAX": lambda one: 0.003 / (2.2388 * one.sigma),
    "HERFINDAHL_EXCEEDS_MAX": lambda _: 0.05**0.5,
    "LARGEST_WEIGHT_EXCEEDS_MAX": lambda _: 0.10,
    "CLUSTER_RISK_EXCEEDS_MAX": lambda one: 0.005 / (1.5608 * one.volatility),
    "STRESS_LOSS_EXCEEDS_MAX": lambda one: 0.01 / one.shock,
    "DRAWDOWN_BUDGET_EXCEEDED": lambda one: 0.01 / one.shock,
    "CUSHION_EXPOSURE_EXCEEDED": lambda _: 0.5 * 0.01,
    "FREE_MARGIN_BELOW_MIN": lambda _: 0.50 / 0.10,
    "DAILY_TURNOVER_EXCEEDS_MAX": lambda one: 5.0 / one.price,
    "VENUE_EXPOSURE_EXCEEDS_MAX": lambda _: 0.5,
}


def with_drawdown(files: Files, one: First, part: float) -> Files:
    return files.falsified("equity", one.bar, protected_high=EQUITY / (1.0 - part * 0.01))


def with_daily_loss(files: Files, one: First, part: float) -> Files:
    return files.falsified("equity", one.bar, protected_low=EQUITY * (1.0 - part * 0.003))


def with_open_orders(files: Files, _: First, part: float) -> Files:
    small = files.falsified("decisions", 0, allowed_lots=1).decisions
    return replace(files, decisions=pd.concat([small] * (int(part * 50) + 1)))


def with_volatility(files: Files, one: First, part: float) -> Files:
    closes = files.closes.copy()
    (before,) = variances(closes.iloc[: one.bar], one.samples)[0][-1:, one.place] ** 2
    move = part * np.sqrt((0.10**2 - 0.99 * before) / one.samples / 0.01)
    closes.iloc[one.bar, one.place] = closes.iloc[one.bar - 1, one.place] * (1.0 + move)
    return replace(files, closes=closes)


def with_confidence(files: Files, _: First, part: float) -> Files:
    return files.falsified("decisions", 0, confidence=0.8 / part)


OTHERWISE_MET = {
    "DRAWDOWN_EXCEEDS_MAX": with_drawdown,
    "DAILY_LOSS_EXCEEDS_MAX": with_daily_loss,
    "OPEN_ORDERS_EXCEEDS_MAX": with_open_orders,
    "VOLATILITY_EXCEEDS_MAX": with_volatility,
    "CONFIDENCE_BELOW_THRESHOLD": with_confidence,
}


@pytest.mark.parametrize("name", [*MET_AT, *OTHERWISE_MET])
def test_a_row_just_beyond_a_limit_is_found(outcome: Outcome, name: str) -> None:
    files, one = first_of(outcome)
    for part, expected in ((0.99, False), (1.01, True)):
        if name in MET_AT:
            lots = int(part * MET_AT[name](one) / one.lot)
            false = files.falsified("decisions", 0, lots=lots, allowed_lots=lots)
        else:
            false = OTHERWISE_MET[name](files, one, part)
        assert broken(false)[name].iloc[-1] == expected


def test_every_limit_that_is_checked_has_its_false_row(outcome: Outcome) -> None:
    files, _ = first_of(outcome)
    assert set(broken(files)) == {*MET_AT, *OTHERWISE_MET}


def test_fills_of_the_day_count_as_turnover(outcome: Outcome) -> None:
    files, one = first_of(outcome)
    row = files.decisions.iloc[0]
    for part, expected in ((0.99, False), (1.01, True)):
        lots = int(part * 2.5 / one.lot)
        fill = {
            "bar": one.bar,
            "symbol": row["symbol"],
            "lots": lots,
            "price_ticks": row["mark_ticks"],
            "fee": 0.0,
        }
        there_and_back = pd.DataFrame([{**fill, "side": "BUY"}, {**fill, "side": "SELL"}])
        false = replace(files, fills=there_and_back)
        assert broken(false)["DAILY_TURNOVER_EXCEEDS_MAX"].iloc[0] == expected


@pytest.mark.parametrize(
    "column",
    [
        "mark_ticks",
        "position_lots",
        "equity",
        "budget",
        "allowed_lots",
        "action",
        "gross_before",
        "gross_after",
        "var_before",
        "var_after",
    ],
)
def test_a_decision_that_tells_something_else_is_found(outcome: Outcome, column: str) -> None:
    files = files_of(outcome)
    openings = (files.decisions["purpose"] == "strategy") & (files.decisions["allowed_lots"] > 0)
    row = int(np.flatnonzero(openings)[100])
    files = files.until(row)
    told = files.decisions.iloc[row]
    false: dict[str, Any] = {
        "mark_ticks": told["mark_ticks"] + 1,
        "position_lots": told["position_lots"] - 1,
        "equity": told["equity"] * 1.000_001,
        "budget": told["equity"] * 0.010_001,
        "allowed_lots": told["lots"] + 1,
        "action": "REJECT",
        "gross_before": told["gross_before"] + 0.01,
        "gross_after": told["gross_after"] - 0.01,
        "var_before": told["var_before"] + 0.01,
        "var_after": told["var_after"] * 0.999,
    }
    assert not untrue(files).any(axis=None)
    assert untrue(files.falsified("decisions", row, **{column: false[column]}))[column].iloc[row]


def test_exit_passes_however_much_is_broken(outcome: Outcome) -> None:
    files = files_of(outcome)
    purposes = files.decisions["purpose"]
    row = int(np.flatnonzero(purposes == "derisk")[0])
    poor = files.until(row).falsified("decisions", row, equity=1.0, budget=-1.0)
    assert not broken(poor).iloc[row].any()
    opening = files.until(0).falsified("decisions", 0, equity=1.0, budget=-1.0)
    assert broken(opening).iloc[0].sum() > 10


def test_order_that_lessens_a_breach_passes_and_one_that_worsens_it_does_not(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    files = files_of(outcome_of("majors-30m", tmp_path_factory))
    account = Account(files)
    mine = (range(len(account.place)), account.place)
    # A purchase of a coin that is not held, while others are; had it been a sale, it had hedged.
    row = int(
        np.flatnonzero(
            (account.opening > 0)
            & (account.side > 0)
            & (account.long[mine] == 0.0)
            & (account.short[mine] == 0.0)
            & (account.short.sum(axis=1) > account.opening * account.lot)
        )[0]
    )
    poor = files.until(row).falsified("decisions", row, equity=1.0)
    bought = broken(poor).iloc[row]
    sold = broken(poor.falsified("decisions", row, side="SELL")).iloc[row]
    assert bought["NET_LEVERAGE_EXCEEDS_MAX"]
    assert not sold["NET_LEVERAGE_EXCEEDS_MAX"]
    assert sold["GROSS_LEVERAGE_EXCEEDS_MAX"]


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


# --- progress -------------------------------------------------------------------------------------


def on_terminal(*arguments: str) -> str:
    """What the command writes to a terminal that is its standard error."""
    terminal, end = pty.openpty()
    environment = dict(os.environ, COLUMNS="80", TERM="xterm", PYTHONPATH=str(ROOT))
    with subprocess.Popen(
        [sys.executable, "-m", "riskcore.cli", "replay", *SHORT, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=end,
        env=environment,
    ) as process:
        os.close(end)
        written = b""
        with suppress(OSError):  # what Linux says once the other end is closed
            while part := os.read(terminal, 4_096):
                written += part
        os.close(terminal)
        assert process.wait(timeout=120) == 0, written
    return written.decode()


def test_progress_of_both_runs_shows_on_a_terminal() -> None:
    written = on_terminal()
    for run in ("protected", "unprotected"):
        assert run in written
    assert "100 %" in written


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_no_progress_on_a_terminal_where_none_is_wanted(option: str) -> None:
    assert on_terminal(option) == ""


def test_no_progress_where_there_is_no_terminal() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "riskcore.cli", "replay", *SHORT],
        capture_output=True,
        text=True,
        timeout=120,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        check=True,
    )
    assert done.stderr == ""
    assert "drawdown limit" in done.stdout


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
