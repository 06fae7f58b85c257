"""Fills through the mark and open profit in foreign currency, as scenario losses count them."""

import numpy as np
import pytest

from riskcore import codes
from riskcore.kernels import exposure, gate, market, orders, setup, volatility
from tests import support
from tests.support import (
    BROKER,
    BTC,
    BTC_RATE,
    CRASH_DAY,
    CRASH_HOUR,
    EUR,
    EXCHANGE,
    INVERSE_BTC,
    LINEAR_BTC,
    LINEAR_ETH,
    SMALL,
    SPOT_BTC,
    SQUEEZE,
    USD,
    make_state,
)

COST = 1 / 256  # exit cost
MARK = 4096
TICK_VALUE = 0.125  # of a lot of linear bitcoin
LOT = MARK * TICK_VALUE
RISE = 0.5 + 1.5 * COST  # of spot bitcoin, to which bitcoin is linked, in the squeeze
SCENARIOS = (CRASH_HOUR, CRASH_DAY, SQUEEZE)


@pytest.fixture(autouse=True)
def raising():
    """Plain Python must not even signal a floating-point exception."""
    with np.errstate(all="raise", under="ignore"):
        yield


def losses(state):
    """Loss of each scenario as it is kept; as it is from scratch, to the last bit."""
    kept = [float(state.stress.loss[s]) for s in SCENARIOS]
    again = support.copy_state(state)
    exposure.revalue_all(again)
    assert [float(again.stress.loss[s]) for s in SCENARIOS] == kept
    return np.array(kept)


def excess(state, instrument):
    """Cached loss of filling through the mark, of the buys and of the sells."""
    position = state.positions[instrument]
    return float(position.buy_excess), float(position.sell_excess)


def check(state, side, lots, kind=codes.MARKET, price=0, instrument=LINEAR_BTC):
    """An order through the gate, in a market that has traded; returns the decision."""
    assert market.on_trade(state, support.now(state), instrument, MARK, 1 << 30) == codes.OK
    values = {"client_id": 1, "time_ns": support.now(state), "instrument": instrument}
    values |= {"side": side, "type": kind, "time_in_force": codes.GTC, "lots": lots}
    values |= {"price_ticks": price, "confidence": 1.0}
    decision = support.record("decision", SMALL, {})
    gate.check_order(state, support.record("order", SMALL, values), decision)
    return decision


# --- fills through the mark ----------------------------------------------------------------------


def test_a_buy_above_the_mark_raises_the_loss_of_every_scenario_by_lots_times_distance():
    at_mark, above = make_state(), make_state()
    support.reserve(at_mark, LINEAR_BTC, codes.BUY, 10, MARK)
    support.reserve(above, LINEAR_BTC, codes.BUY, 10, MARK + 64)
    assert excess(at_mark, LINEAR_BTC) == (0.0, 0.0)
    assert excess(above, LINEAR_BTC) == (10 * 64 * TICK_VALUE, 0.0)
    assert (losses(above) - losses(at_mark) == 10 * 64 * TICK_VALUE).all()


def test_a_sell_below_the_mark_raises_the_loss_of_every_scenario_by_lots_times_distance():
    at_mark, below = make_state(), make_state()
    support.reserve(at_mark, LINEAR_BTC, codes.SELL, 10, MARK)
    support.reserve(below, LINEAR_BTC, codes.SELL, 10, MARK - 64)
    assert excess(below, LINEAR_BTC) == (0.0, 10 * 64 * TICK_VALUE)
    assert (losses(below) - losses(at_mark) == 10 * 64 * TICK_VALUE).all()


def test_an_order_on_its_own_side_of_the_mark_costs_nothing_at_once():
    state = make_state()
    support.reserve(state, LINEAR_BTC, codes.BUY, 10, MARK - 1)
    support.reserve(state, LINEAR_BTC, codes.SELL, 10, MARK + 1)
    assert excess(state, LINEAR_BTC) == (0.0, 0.0)


def test_an_order_that_the_market_passes_counts_from_then_on_and_until_the_market_is_back():
    state = make_state()
    support.reserve(state, LINEAR_BTC, codes.BUY, 10, MARK)
    support.quote(state, LINEAR_BTC, 3071, 3073)
    assert excess(state, LINEAR_BTC) == (10 * 1024 * TICK_VALUE, 0.0)
    value = 10 * 3072 * TICK_VALUE
    assert losses(state)[CRASH_HOUR] == value * (0.25 + COST) + 10 * 1024 * TICK_VALUE
    support.quote(state, LINEAR_BTC, MARK - 1, MARK + 1)
    assert excess(state, LINEAR_BTC) == (0.0, 0.0)


def test_all_lots_of_a_side_count_at_its_best_price():
    state = make_state()
    support.reserve(state, LINEAR_BTC, codes.BUY, 10, MARK + 8)
    support.reserve(state, LINEAR_BTC, codes.BUY, 30, MARK - 8)
    assert excess(state, LINEAR_BTC) == (40 * 8 * TICK_VALUE, 0.0)


def test_nothing_remains_of_it_once_the_order_is_cancelled():
    state = make_state()
    handle = support.reserve(state, LINEAR_BTC, codes.BUY, 10, MARK + 64)
    assert losses(state).all()
    assert orders.on_canceled(state, support.now(state), handle) == codes.OK
    assert excess(state, LINEAR_BTC) == (0.0, 0.0)
    assert not losses(state).any()


def test_a_fill_turns_it_into_a_loss_and_takes_it_out_of_the_scenarios():
    state = make_state()
    handle = support.reserve(state, LINEAR_BTC, codes.BUY, 10, MARK + 64)
    before, budget = losses(state), float(state.account.budget)
    support.fill(state, LINEAR_BTC, codes.BUY, 4, MARK + 64, handle=handle)
    assert excess(state, LINEAR_BTC) == (6 * 64 * TICK_VALUE, 0.0)
    support.fill(state, LINEAR_BTC, codes.BUY, 6, MARK + 64, handle=handle)
    assert excess(state, LINEAR_BTC) == (0.0, 0.0)
    lost = 10 * 64 * TICK_VALUE
    assert budget - state.account.budget == lost
    assert (before - losses(state) == lost).all()


def test_profit_that_a_passed_order_would_take_away_makes_no_new_peak():
    state = make_state()
    support.fill(state, LINEAR_BTC, codes.SELL, 10, MARK)
    handle = support.reserve(state, LINEAR_BTC, codes.BUY, 10, MARK)
    peak = float(state.account.high_water_mark)
    support.quote(state, LINEAR_BTC, 3071, 3073)
    profit = 10 * 1024 * TICK_VALUE
    assert state.account.equity == peak + profit
    assert state.account.fill_excess == profit
    assert state.account.high_water_mark == peak
    assert state.account.drawdown == 0.0
    assert orders.on_canceled(state, support.now(state), handle) == codes.OK
    assert market.on_clock(state, support.now(state)) == codes.OK
    assert state.account.fill_excess == 0.0
    assert state.account.high_water_mark == peak + profit


def test_what_a_fill_gains_against_the_mark_is_a_peak_at_once():
    # The mark is behind, or the fill is late: nothing tells. The higher peak fails closed.
    state = make_state()
    peak = float(state.account.high_water_mark)
    support.fill(state, LINEAR_BTC, codes.BUY, 10, MARK - 64)
    profit = 10 * 64 * TICK_VALUE
    assert state.account.high_water_mark == peak + profit
    support.quote(state, LINEAR_BTC, MARK - 65, MARK - 63)
    assert state.account.drawdown == profit / (peak + profit)


def test_an_order_through_the_mark_does_not_lower_the_peak():
    state = make_state()
    peak = float(state.account.high_water_mark)
    handle = support.reserve(state, LINEAR_BTC, codes.BUY, 10, MARK + 64)
    support.quote(state, LINEAR_BTC, MARK - 1, MARK + 1)
    assert state.account.high_water_mark == peak
    assert state.account.drawdown == 0.0
    support.fill(state, LINEAR_BTC, codes.BUY, 10, MARK + 64, handle=handle)
    lost = 10 * 64 * TICK_VALUE
    assert state.account.high_water_mark == peak
    assert state.account.drawdown == lost / peak


def test_a_market_order_counts_as_filled_at_the_collar():
    state = make_state()
    decision = check(state, codes.BUY, 10)
    assert decision.action == codes.APPROVE
    lost = 10 * LOT * 0.125
    assert excess(state, LINEAR_BTC) == (lost, 0.0)
    assert decision.stress_after == 10 * LOT * (0.5 + COST) + lost
    assert decision.stress_after == losses(state).max()


def test_a_limit_through_the_mark_is_cut_to_what_the_budget_covers():
    state = make_state(max_drawdown=0.125, target_drawdown=0.125)
    decision = check(state, codes.BUY, 10_000, codes.LIMIT, MARK + 256)
    assert decision.action == codes.RESIZE
    each = LOT * (0.5 + COST) + 256 * TICK_VALUE
    assert decision.lots == int(0.125 * 2**21 / each)


def test_an_inverse_order_loses_the_difference_of_the_values_at_the_highest_rate():
    state = make_state()
    # 128 dollars a lot at the mark; at twice the price half, what is missing is paid in bitcoin
    support.reserve(state, INVERSE_BTC, codes.BUY, 10, 2 * MARK)
    assert excess(state, INVERSE_BTC) == (10 * 64.0 * (1 + RISE), 0.0)
    support.reserve(state, INVERSE_BTC, codes.SELL, 10, MARK // 2)
    assert excess(state, INVERSE_BTC)[1] == 10 * 128.0 * (1 + RISE)


def test_an_inverse_order_in_account_currency_loses_the_difference_of_the_values():
    terms = {"kind": codes.INVERSE, "venue": EXCHANGE, "currency": USD, "contract_value": 2.0**19}
    state = make_state(instruments=support.INSTRUMENTS | {4: terms}, marks=True)
    support.quote(state, 4, MARK - 1, MARK + 1)
    support.reserve(state, 4, codes.SELL, 10, MARK // 2)
    assert excess(state, 4) == (0.0, 10 * 128.0)


def test_where_lots_cost_more_than_they_gain_both_sides_count():
    # Short 20, buying 10 back so far above the mark that a rise of half would not pay for it.
    state = make_state()
    support.fill(state, LINEAR_BTC, codes.SELL, 20, MARK)
    support.reserve(state, LINEAR_BTC, codes.BUY, 10, 2 * MARK)
    lost = 10 * LOT
    assert losses(state)[SQUEEZE] == 10 * LOT * RISE + lost
    # where nothing rises the ten lots that stay short cost their exit
    assert losses(state)[CRASH_DAY] == 10 * LOT * COST + lost


def test_an_exit_within_the_move_does_not_raise_the_loss():
    state = make_state()
    support.fill(state, LINEAR_BTC, codes.SELL, 20, MARK)
    before = losses(state)[SQUEEZE]
    check(state, codes.BUY, 20)
    assert excess(state, LINEAR_BTC)[0] > 0.0
    assert losses(state)[SQUEEZE] == before


def test_without_a_mark_there_is_nothing_to_be_through():
    state = make_state(marks=False)
    support.reserve(state, LINEAR_BTC, codes.BUY, 10, MARK)
    assert excess(state, LINEAR_BTC) == (0.0, 0.0)


# --- open profit in foreign currency -------------------------------------------------------------


def make_euro_account():
    """Linear ether settled in euro, worth a dollar and a half, instead of in dollars."""
    terms = support.INSTRUMENTS | {LINEAR_ETH: support.INSTRUMENTS[LINEAR_ETH] | {"currency": EUR}}
    state = make_state(instruments=terms)
    assert market.on_rate(state, support.now(state), EUR, 1.5) == codes.OK
    return state


def test_open_profit_counts_with_the_currency_it_is_settled_in():
    state = make_euro_account()
    support.fill(state, LINEAR_ETH, codes.BUY, 100, 2048)
    support.quote(state, LINEAR_ETH, 2303, 2305)
    euro = state.currencies[EUR]
    profit = 100 * 256 * 0.5
    assert euro.unrealized == profit
    assert euro.balance == 0.0
    assert state.account.currency_exposure == profit * 1.5
    assert (np.array([state.scenarios[s].currency_loss for s in SCENARIOS]) == 2400.0).all()
    assert profit * 1.5 * 0.125 == 2400.0
    losses(state)


def test_closing_turns_open_profit_into_balance_and_nothing_else():
    state = make_euro_account()
    support.fill(state, LINEAR_ETH, codes.BUY, 100, 2048)
    support.quote(state, LINEAR_ETH, 2303, 2305)
    equity = float(state.account.equity)
    support.fill(state, LINEAR_ETH, codes.SELL, 100, 2304)
    euro = state.currencies[EUR]
    assert (euro.unrealized, euro.balance) == (0.0, 100 * 256 * 0.5)
    assert state.account.equity == equity
    assert (losses(state) == 2400.0).all()


def test_an_open_loss_is_money_owed_in_the_currency():
    state = make_euro_account()
    support.deposit(state, BROKER, EUR, 5000.0)
    support.fill(state, LINEAR_ETH, codes.BUY, 100, 2048)
    support.quote(state, LINEAR_ETH, 1791, 1793)
    assert state.currencies[EUR].unrealized == -100 * 256 * 0.5
    assert state.account.currency_exposure == (12800.0 - 5000.0) * 1.5


def test_open_profit_in_a_linked_currency_loses_what_a_position_in_its_instrument_would():
    state = make_state()
    # 4096 lots of 128 dollars bought at 4096 gain 64 bitcoin at 8192
    support.fill(state, INVERSE_BTC, codes.BUY, 4096, MARK)
    support.quote(state, INVERSE_BTC, 2 * MARK - 1, 2 * MARK + 1)
    assert state.currencies[BTC].unrealized == 4096 * 128.0 * (1 / MARK - 1 / 8192)
    held = 64.0 * BTC_RATE
    down = np.array([float(state.shocks[SPOT_BTC].down[s]) for s in SCENARIOS])
    kept = np.array([float(state.scenarios[s].currency_loss) for s in SCENARIOS])
    assert (kept == held * down).all()
    assert state.positions[SPOT_BTC].linked_balance == 0.0


def test_money_owed_in_a_linked_currency_loses_when_it_rises():
    state = make_state()
    support.fill(state, INVERSE_BTC, codes.SELL, 4096, MARK)
    support.quote(state, INVERSE_BTC, 2 * MARK - 1, 2 * MARK + 1)
    assert state.currencies[BTC].unrealized == -64.0
    assert state.scenarios[SQUEEZE].currency_loss == 64.0 * BTC_RATE * RISE


def test_it_follows_marks_rates_and_samples():
    state = make_euro_account()
    rng = np.random.default_rng(1)
    for _ in range(20):
        side = int(rng.choice([codes.BUY, codes.SELL]))
        i = int(rng.choice([INVERSE_BTC, LINEAR_ETH]))
        mark = int(rng.integers(1000, 9000))
        support.quote(state, i, mark - 1, mark + 1)
        support.fill(state, i, side, int(rng.integers(1, 100)), mark)
        rate = float(rng.uniform(0.5, 2.0))
        assert market.on_rate(state, support.now(state), EUR, rate) == codes.OK
        for c, instrument in ((BTC, INVERSE_BTC), (EUR, LINEAR_ETH)):
            expected = float(state.positions[instrument].unrealized_pnl)
            assert state.currencies[c].unrealized == pytest.approx(expected, rel=1e-12, abs=1e-9)
    assert volatility.on_sample(state, support.now(state) + support.HOUR) == codes.OK
    assert state.currencies[EUR].unrealized == state.positions[LINEAR_ETH].unrealized_pnl


def test_the_value_of_spot_and_profit_in_account_currency_are_no_foreign_money():
    state = make_state()
    support.fill(state, SPOT_BTC, codes.BUY, 10, MARK)
    support.fill(state, LINEAR_BTC, codes.BUY, 10, MARK)
    support.quote(state, SPOT_BTC, 5119, 5121)
    support.quote(state, LINEAR_BTC, 5119, 5121)
    assert state.currencies[USD].unrealized == 10 * 1024 * TICK_VALUE
    assert not any(float(state.scenarios[s].currency_loss) for s in SCENARIOS)
    assert state.account.currency_exposure == 0.0


# --- shocks in foreign currency ------------------------------------------------------------------


def test_a_loss_in_foreign_currency_is_paid_at_the_highest_rate():
    state = make_euro_account()
    shocks = state.shocks[LINEAR_ETH]
    assert shocks.down[CRASH_DAY] == (0.5 + COST) * 1.125
    assert shocks.up[SQUEEZE] == (0.5 + 1.5 * COST) * 1.125
    assert state.shocks[LINEAR_BTC].down[CRASH_DAY] == 0.5 + COST


def test_an_inverse_contract_in_its_own_coin_loses_the_move_and_no_more():
    state = make_state()
    assert state.shocks[INVERSE_BTC].down[CRASH_DAY] == 0.5 + COST
    assert state.shocks[INVERSE_BTC].up[SQUEEZE] == 0.5 + 1.5 * COST


def test_a_linear_contract_in_a_coin_loses_more_where_the_coin_rises():
    terms = support.INSTRUMENTS[LINEAR_ETH] | {"currency": BTC}
    state = make_state(instruments=support.INSTRUMENTS | {LINEAR_ETH: terms})
    row = support.record("scenario", SMALL, {"enabled": 1, "horizon_ns": support.HOUR})
    moves = [np.full(SMALL.instruments, move) for move in (0.25, 0.5)]
    assert setup.scenario_set(state, support.now(state), 0, row, *moves) == codes.OK
    assert state.shocks[LINEAR_ETH].down[0] == (0.25 + COST) * 1.5
