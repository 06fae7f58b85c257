"""Cushion, drawdown factor and the reductions that bring every budget back, by hand."""

import numpy as np
import pytest

from riskcore import codes
from riskcore.kernels import drawdown, gate
from riskcore.layout import allocate, record_dtype
from tests import support
from tests.support import (
    BROKER,
    INVERSE_BTC,
    LINEAR_BTC,
    LINEAR_ETH,
    REVERSION,
    SMALL,
    SPOT_BTC,
    TREND,
    make_state,
)

EQUITY = 2_097_152.0
SHOCK = 0.5 + 1 / 256  # the day's crash for a long, with the exit
SQUEEZE = 0.5 + 1.5 / 256  # a rise of half for a short: the exit costs more at the higher price


@pytest.fixture(autouse=True)
def raising():
    """Plain Python must not even signal a floating-point exception."""
    with np.errstate(all="raise", under="ignore"):
        yield


def make_rows(count=SMALL.instruments):
    """Space for reductions, filled with what a caller might have left in it."""
    dtype = record_dtype("reduction", SMALL)
    rows = np.frombuffer(bytearray(b"\x07" * (dtype.itemsize * count)), dtype=dtype)
    return rows.view(np.recarray)


def reduce(state):
    """The reductions as tuples (instrument, side, lots, cancel buys, cancel sells)."""
    rows = make_rows()
    count = drawdown.derisk(state, rows, len(rows))
    assert count >= 0
    fields = ("instrument", "side", "lots", "cancel_buy_lots", "cancel_sell_lots")
    return [tuple(int(row[name]) for name in fields) for row in rows[:count]]


def at_budget(drawdown_limit, **parameters):
    """An account that may lose this share of its equity."""
    return make_state(max_drawdown=drawdown_limit, target_drawdown=drawdown_limit, **parameters)


# --- cushion -------------------------------------------------------------------------------------


def test_cushion_is_the_distance_to_the_floor_as_a_part_of_equity():
    # peak 100, equity 95, floor 90: 5 of 95
    assert drawdown.cushion(0.05, 0.1) == pytest.approx(5 / 95, rel=1e-14)
    assert drawdown.cushion(0.0, 0.1) == 0.1
    assert drawdown.cushion(0.1, 0.1) == 0.0
    assert drawdown.cushion(0.5, 0.1) == 0.0
    assert drawdown.cushion(1.5, 2.0) == 0.0
    assert drawdown.cushion(np.nan, 0.1) == 0.0


def test_cushion_is_the_budget_over_equity():
    state = at_budget(0.25)
    support.fill(state, LINEAR_BTC, codes.BUY, 400, 4096)
    support.quote(state, LINEAR_BTC, 2047, 2049)
    account = state.account
    expected = account.budget / account.equity
    assert drawdown.cushion(account.drawdown, 0.25) == pytest.approx(expected, rel=1e-13)


def test_factor_falls_from_one_at_the_peak_to_nothing_at_the_target():
    assert drawdown.drawdown_factor(0.0, 0.1, 1.0) == 1.0
    assert drawdown.drawdown_factor(0.025, 0.1, 1.0) == pytest.approx(0.75, rel=1e-14)
    assert drawdown.drawdown_factor(0.05, 0.1, 2.0) == pytest.approx(0.25, rel=1e-14)
    assert drawdown.drawdown_factor(0.05, 0.1, 0.0) == 1.0
    assert drawdown.drawdown_factor(0.1, 0.1, 0.0) == 0.0
    assert drawdown.drawdown_factor(0.2, 0.1, 1.0) == 0.0
    assert drawdown.drawdown_factor(0.0, 0.0, 1.0) == 0.0


# --- reductions ----------------------------------------------------------------------------------


def test_within_every_budget_there_is_nothing_to_do():
    state = at_budget(0.125)
    support.fill(state, LINEAR_ETH, codes.BUY, 500, 2048)
    assert 500 * 1024 * SHOCK < 0.125 * EQUITY
    assert reduce(state) == []


def test_a_working_order_that_breaks_the_budget_is_cancelled_and_nothing_sold():
    state = at_budget(0.125)
    support.fill(state, LINEAR_ETH, codes.BUY, 500, 2048)
    support.reserve(state, LINEAR_ETH, codes.BUY, 20, 2048)
    assert reduce(state) == [(LINEAR_ETH, codes.SELL, 0, 20, 0)]


def test_working_exits_stay_while_the_position_covers_them():
    state = at_budget(0.125)
    support.fill(state, LINEAR_ETH, codes.BUY, 500, 2048)
    support.reserve(state, LINEAR_ETH, codes.SELL, 400, 2048)
    support.reserve(state, LINEAR_ETH, codes.BUY, 20, 2048)
    assert reduce(state) == [(LINEAR_ETH, codes.SELL, 0, 20, 0)]


def test_a_position_over_budget_is_cut_to_what_the_budget_covers_after_the_cost_of_cutting():
    state = at_budget(0.125)
    support.fill(state, LINEAR_ETH, codes.BUY, 600, 2048)
    # keep k lots: k x 1024 x shock <= budget - (600 - k) x 1024 / 256
    most = int((0.125 * EQUITY - 600 * 4.0) / (1024 * SHOCK - 4.0))
    assert most == 507
    assert reduce(state) == [(LINEAR_ETH, codes.SELL, 600 - most, 0, 0)]


def test_a_short_is_bought_back():
    state = at_budget(0.125)
    support.fill(state, LINEAR_ETH, codes.SELL, 600, 2048)
    most = int((0.125 * EQUITY - 600 * 4.0) / (1024 * SQUEEZE - 4.0))
    assert most == 505
    assert reduce(state) == [(LINEAR_ETH, codes.BUY, 600 - most, 0, 0)]


def test_exits_that_work_already_make_room_for_the_reduction():
    state = at_budget(0.125)
    support.fill(state, LINEAR_ETH, codes.BUY, 600, 2048)
    support.reserve(state, LINEAR_ETH, codes.SELL, 550, 2048)
    # 507 stay; sells beyond them would open a short once the reduction is done
    assert reduce(state) == [(LINEAR_ETH, codes.SELL, 93, 0, 43)]


def test_all_positions_keep_the_same_part_so_that_hedges_stay():
    state = at_budget(0.125)
    support.fill(state, LINEAR_BTC, codes.BUY, 1200, 4096)
    support.fill(state, LINEAR_ETH, codes.SELL, 600, 2048)
    rows = reduce(state)
    assert [row[:2] for row in rows] == [(LINEAR_BTC, codes.SELL), (LINEAR_ETH, codes.BUY)]
    # each scenario hurts one side by the shock and the other by the exit
    assert rows[0][2] == pytest.approx(2 * rows[1][2], abs=2)
    assert 0 < rows[1][2] < 300


def test_reductions_respect_lot_step_and_minimum_and_close_what_would_be_too_small():
    state = at_budget(0.125)
    support.fill(state, LINEAR_ETH, codes.BUY, 600, 2048)
    terms = state.instruments[LINEAR_ETH]
    terms.lot_step = 40
    assert reduce(state) == [(LINEAR_ETH, codes.SELL, 120, 0, 0)]  # 93 rounded up
    terms.min_lots = 200
    assert reduce(state) == [(LINEAR_ETH, codes.SELL, 200, 0, 0)]
    terms.min_lots = 480  # 120 would be left: nobody could sell them
    assert reduce(state) == [(LINEAR_ETH, codes.SELL, 600, 0, 0)]
    terms.min_lots, terms.lot_step, terms.min_notional = 1, 1, 250 * 1024.0
    # at the mark 250 lots make the minimum; one more, as a quotient is rounded
    assert reduce(state) == [(LINEAR_ETH, codes.SELL, 251, 0, 0)]


def test_dust_is_charged_as_lost():
    state = at_budget(0.125)
    support.fill(state, LINEAR_ETH, codes.BUY, 508, 2048)
    assert reduce(state) == []
    # 8 lots can never be sold: their whole value counts, and the rest must make up for it
    state.instruments[LINEAR_ETH].lot_step = 10
    [(_, _, lots, _, _)] = reduce(state)
    left = 500 - lots
    cost = lots * 4.0
    charged = left * 1024 * SHOCK + 8 * 1024
    assert charged <= 0.125 * EQUITY - cost < charged + 10 * (1024 * SHOCK - 4)


def test_a_loss_latch_or_a_spent_budget_closes_everything():
    for change in ("drawdown", "daily", "budget", "equity"):
        state = at_budget(0.125)
        support.fill(state, LINEAR_ETH, codes.BUY, 10, 2048)
        support.fill(state, SPOT_BTC, codes.BUY, 5, 4096)
        support.reserve(state, LINEAR_BTC, codes.BUY, 7, 4096)
        support.reserve(state, LINEAR_ETH, codes.SELL, 4, 2048)
        assert reduce(state) == []
        if change == "drawdown":
            state.account.latches = codes.LATCH_DRAWDOWN
        elif change == "daily":
            state.account.latches = codes.LATCH_DAILY_LOSS
        elif change == "budget":
            state.account.budget = 0.0
        else:
            state.account.equity = -1.0
        assert reduce(state) == [
            (SPOT_BTC, codes.SELL, 5, 0, 0),
            (LINEAR_BTC, codes.BUY, 0, 7, 0),
            (LINEAR_ETH, codes.SELL, 10, 0, 4),
        ], change


def test_an_operators_latch_alone_closes_nothing():
    state = at_budget(0.125)
    support.fill(state, LINEAR_ETH, codes.BUY, 10, 2048)
    state.account.latches = codes.LATCH_OPERATOR | codes.LATCH_RECONCILIATION
    assert reduce(state) == []


def test_what_a_dead_venue_holds_is_not_proposed_but_counts():
    state = at_budget(0.125)
    support.fill(state, LINEAR_BTC, codes.BUY, 600, 4096)
    support.fill(state, LINEAR_ETH, codes.BUY, 300, 2048)
    both = reduce(state)
    state.venues[BROKER].state = codes.DOWN
    assert [row[0] for row in both] == [LINEAR_BTC, LINEAR_ETH]
    [(i, side, lots, _, _)] = reduce(state)
    assert (i, side) == (LINEAR_BTC, codes.SELL)
    assert lots > both[0][2]


def test_a_position_without_a_price_is_closed():
    state = at_budget(0.125)
    support.fill(state, LINEAR_ETH, codes.BUY, 10, 2048)
    state.market[LINEAR_ETH].value_per_lot = 0.0
    assert reduce(state) == [(LINEAR_ETH, codes.SELL, 10, 0, 0)]


@pytest.mark.parametrize(
    "limit",
    [
        {"max_gross_leverage": 0.25},
        {"max_net_leverage": 0.25},
        {"var_95": 0.03},
        {"expected_shortfall": 0.04},
        {"max_stress_loss": 0.125},
        {"cushion_multiplier": 0.5},
        {"max_portfolio_risk": 0.02},
        {"max_herfindahl": 0.03},
        {"max_weight": 0.125},
        {"max_correlation_risk": 0.02},
    ],
    ids=lambda limit: next(iter(limit)),
)
def test_each_budget_by_itself_is_brought_back_and_not_much_further(limit):
    state = make_state(**limit)
    support.fill(state, LINEAR_ETH, codes.BUY, 600, 2048)
    support.fill(state, LINEAR_BTC, codes.BUY, 600, 4096, strategy=REVERSION)
    rows = make_rows()
    count = drawdown.derisk(state, rows, len(rows))
    assert count == 2
    for row in rows[:2]:
        strategy = TREND if row.instrument == LINEAR_ETH else REVERSION
        fee = float(row.value) / 256
        mark = support.MARKS[int(row.instrument)]
        support.fill(
            state,
            int(row.instrument),
            int(row.side),
            int(row.lots),
            mark,
            strategy=strategy,
            fee=fee,
        )
    assert reduce(state) == []
    account, parameters = state.account, state.parameters
    use = max(
        account.gross / (parameters.max_gross_leverage * account.equity),
        account.net_long / (parameters.max_net_leverage * account.equity),
        account.gross / (parameters.cushion_multiplier * account.budget),
        max(float(state.stress.loss[s]) for s in range(3))
        / (parameters.max_stress_loss * account.equity),
        np.sqrt(account.variance * 24)
        * parameters.var_multiplier
        / parameters.var_95
        / account.equity,
        np.sqrt(account.variance * 24)
        * parameters.es_multiplier
        / parameters.expected_shortfall
        / account.equity,
        account.stop_loss / (parameters.max_portfolio_risk * account.equity),
        account.herfindahl / (parameters.max_herfindahl * account.equity**2),
        max(state.covariance.underlying_gross) / (parameters.max_weight * account.equity),
        max(state.covariance.cluster_risk) / (parameters.max_correlation_risk * account.equity),
    )
    assert 0.99 < use <= 1.0 + 1e-12


def test_the_regime_multiplies_measured_var():
    state = make_state(var_95=0.1)
    support.fill(state, LINEAR_ETH, codes.BUY, 600, 2048)
    assert reduce(state) == []
    state.regime.risk_multiplier = 8.0
    assert len(reduce(state)) == 1


def test_every_reduction_passes_the_gate_as_an_exit():
    state = at_budget(0.125)
    support.fill(state, LINEAR_ETH, codes.BUY, 600, 2048)
    support.fill(state, INVERSE_BTC, codes.SELL, 500, 4096)
    rows = reduce(state)
    assert len(rows) == 2
    for number, (i, side, lots, _, _) in enumerate(rows):
        values = {"client_id": number + 1, "time_ns": support.now(state) + 1, "instrument": i}
        values |= {"side": side, "lots": lots, "type": codes.MARKET, "time_in_force": codes.IOC}
        values |= {"strategy": TREND, "order_flags": codes.REDUCE_ONLY, "confidence": 1.0}
        decision = support.record("decision", SMALL, {})
        gate.check_order(state, support.record("order", SMALL, values), decision)
        assert decision.action == codes.APPROVE, codes.check_names(decision.reasons)
        assert decision.exit_lots == lots


def test_too_little_space_or_no_parameters_writes_nothing():
    state = at_budget(0.125)
    rows = make_rows(3)
    before = rows.tobytes()
    assert drawdown.derisk(state, rows, 3) == -1
    fresh = support.make_empty()
    assert drawdown.derisk(fresh, make_rows(), 8) == -1
    assert rows.tobytes() == before


def test_reductions_are_only_a_question():
    state = at_budget(0.125)
    support.fill(state, LINEAR_ETH, codes.BUY, 600, 2048)
    before = state.tobytes()
    first, second = reduce(state), reduce(state)
    assert first == second
    assert state.tobytes() == before
    assert allocate(record_dtype("reduction", SMALL))[0].itemsize % 64 == 0
