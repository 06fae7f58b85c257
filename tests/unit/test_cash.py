"""Funding, transfers and final settlement."""

import numpy as np
import pytest

from riskcore import codes
from riskcore.codes import BUY, OK, SELL
from riskcore.kernels import cash, market, setup
from tests import support
from tests.support import (
    BROKER,
    BTC,
    EUR,
    EXCHANGE,
    INVERSE_BTC,
    LINEAR_BTC,
    LINEAR_ETH,
    REVERSION,
    SPOT_BTC,
    TREND,
    USD,
    assert_refused,
    check_books,
    check_lists,
    copy_state,
    fill,
    make_state,
    now,
    quote,
    reserve,
    unset_currency,
)

CASH = 1024.0  # at each of two venues
PLACES = support.SMALL.currencies


@pytest.fixture(scope="module")
def prepared():
    with np.errstate(all="raise"):
        return make_state(cash=CASH, max_drawdown=1.0, max_daily_loss=1.0)


@pytest.fixture
def state(prepared):
    with np.errstate(all="raise"):
        yield copy_state(prepared)


# --- funding --------------------------------------------------------------------------------------


def test_received_funding_raises_balance_equity_and_the_strategy(state):
    assert cash.on_funding(state, now(state), LINEAR_BTC, TREND, USD, 16.0) == OK
    assert state.balances[EXCHANGE, USD].amount == CASH + 16.0
    assert state.account.equity == 2 * CASH + 16.0
    assert state.account.funding == 16.0
    assert state.positions[LINEAR_BTC].funding == 16.0
    assert state.strategies[TREND].realized == 16.0
    assert state.strategies[TREND].pnl == 16.0
    check_books(state)


def test_paid_funding_in_bitcoin_converts_at_the_rate(state):
    assert cash.on_funding(state, now(state), INVERSE_BTC, -1, BTC, -0.015625) == OK
    assert state.balances[BROKER, BTC].amount == -0.015625
    assert state.account.funding == -64.0
    assert state.account.equity == 2 * CASH - 64.0
    assert state.strategies[TREND].realized == 0.0
    assert state.positions[SPOT_BTC].linked_balance == -64.0
    check_books(state)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((0, LINEAR_BTC, TREND, USD, 1.0), codes.INVALID_TIME),
        ((None, -1, TREND, USD, 1.0), codes.INVALID_INSTRUMENT),
        ((None, 4, TREND, USD, 1.0), codes.INVALID_INSTRUMENT),
        ((None, LINEAR_BTC, TREND, -1, 1.0), codes.INVALID_CURRENCY),
        ((None, LINEAR_BTC, TREND, PLACES, 1.0), codes.INVALID_CURRENCY),
        ((None, LINEAR_BTC, TREND, USD, float("nan")), codes.INVALID_VALUE),
        ((None, LINEAR_BTC, TREND, USD, -1.1e15), codes.INVALID_VALUE),
    ],
)
def test_invalid_funding_changes_nothing(state, arguments, status):
    time = now(state) if arguments[0] is None else arguments[0]
    assert_refused(state, status, cash.on_funding, time, *arguments[1:])


@pytest.mark.parametrize("strategy", [-(1 << 62), -2, 2, 1 << 62])
def test_funding_of_an_unset_strategy_is_nobodys_and_latches(state, strategy):
    status = cash.on_funding(state, now(state), LINEAR_BTC, strategy, USD, 16.0)
    assert status == codes.BOOKED_UNMATCHED
    assert state.account.equity == 2 * CASH + 16.0
    assert state.account.funding == 16.0
    assert [float(s.realized) for s in state.strategies] == [0.0] * len(state.strategies)
    assert state.positions[LINEAR_BTC].latches == codes.LATCH_RECONCILIATION
    check_books(state)


def test_funding_in_an_unset_currency_is_kept_in_its_balance(state):
    unset_currency(state, EUR)
    status = cash.on_funding(state, now(state), LINEAR_BTC, TREND, EUR, 16.0)
    assert status == codes.BOOKED_UNMATCHED
    assert state.balances[EXCHANGE, EUR].funding == 16.0
    assert state.account.equity == 2 * CASH
    assert state.positions[LINEAR_BTC].latches == codes.LATCH_RECONCILIATION
    check_books(state)


# --- transfers ------------------------------------------------------------------------------------


def test_first_deposit_is_the_high_water_mark(state):
    assert state.account.equity == 2 * CASH
    assert state.account.high_water_mark == 2 * CASH
    assert state.account.day_start_equity == 2 * CASH
    assert state.account.transfers == 2 * CASH
    assert state.account.drawdown == 0.0


@pytest.mark.parametrize("amount", [1536.0, -768.0])
def test_transfer_leaves_the_drawdown_as_it_was(state, amount):
    fill(state, LINEAR_BTC, BUY, 8, 4096)
    fill(state, LINEAR_BTC, SELL, 8, 4096 - 512)
    account = state.account
    assert account.equity == 1536.0
    assert account.drawdown == 0.25
    assert cash.on_transfer(state, now(state), EXCHANGE, USD, amount) == OK
    assert account.equity == 1536.0 + amount
    assert account.high_water_mark == 2048.0 * (1536.0 + amount) / 1536.0
    assert account.drawdown == 0.25
    assert account.day_start_equity == 2048.0 + amount
    assert account.realized_pnl == -512.0
    assert state.balances[EXCHANGE, USD].deposits == CASH + amount
    check_books(state)


def test_withdrawing_everything_and_depositing_it_again_restores_the_peak(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096)
    fill(state, LINEAR_BTC, SELL, 8, 4096 - 512)
    cash.on_transfer(state, now(state), EXCHANGE, USD, -1536.0)
    assert state.account.equity == 0.0
    assert state.account.high_water_mark == 512.0
    cash.on_transfer(state, now(state), EXCHANGE, USD, 1536.0)
    assert state.account.high_water_mark == 2048.0
    assert state.account.drawdown == 0.25


def test_high_water_mark_is_never_negative(state):
    cash.on_transfer(state, now(state), EXCHANGE, USD, -4096.0)
    assert state.account.equity == -2048.0
    assert state.account.high_water_mark == 0.0
    check_books(state)


def test_a_currency_that_is_linked_or_not_takes_its_weight_along(state):
    cash.on_transfer(state, now(state), BROKER, BTC, 2.0)
    weights, product, variance = (
        state.covariance.weight.copy(), state.covariance.product.copy(), state.account.variance
    )  # fmt: skip
    assert variance > 0.0
    row = support.record("currency", support.SMALL, {"state": codes.ACTIVE, "shock": 0.125})
    assert setup.currency_set(state, now(state), BTC, row) == OK
    assert (state.positions[SPOT_BTC].linked_balance, state.covariance.weight[SPOT_BTC]) == (0, 0)
    assert state.account.variance == pytest.approx(0.0, abs=1e-9 * variance)
    row.instrument = SPOT_BTC + 1
    assert setup.currency_set(state, now(state), BTC, row) == OK
    assert state.positions[SPOT_BTC].linked_balance == 8192.0
    assert (state.covariance.weight == weights).all()
    assert state.covariance.product == pytest.approx(product)
    assert state.account.variance == pytest.approx(variance)
    check_books(state)


def test_bitcoin_deposit_counts_at_its_rate(state):
    assert cash.on_transfer(state, now(state), BROKER, BTC, 2.0) == OK
    assert state.account.equity == 2 * CASH + 8192.0
    assert state.account.transfers == 2 * CASH + 8192.0
    assert state.positions[SPOT_BTC].linked_balance == 8192.0
    assert state.covariance.weight[SPOT_BTC] == 8192.0
    check_books(state)


def test_deposit_in_a_currency_without_rate_is_booked_and_counts_as_nothing(state):
    assert cash.on_transfer(state, now(state), BROKER, EUR, 7.0) == OK
    assert state.balances[BROKER, EUR].amount == 7.0
    assert state.account.equity == 2 * CASH
    assert state.account.high_water_mark == 2 * CASH
    check_books(state)


def test_deposit_in_a_currency_that_is_set_later_is_not_lost(state):
    unset_currency(state, EUR)
    assert cash.on_transfer(state, now(state), BROKER, EUR, 7.0) == codes.BOOKED_UNMATCHED
    assert state.balances[BROKER, EUR].amount == 7.0
    assert state.account.equity == 2 * CASH
    values = support.record("currency", support.SMALL, {"state": codes.ACTIVE})
    assert setup.currency_set(state, now(state), EUR, values) == OK
    assert market.on_rate(state, now(state), EUR, 2.0) == OK
    assert state.account.equity == 2 * CASH + 14.0
    check_books(state)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((-1, EXCHANGE, USD, 1.0), codes.INVALID_TIME),
        ((None, -1, USD, 1.0), codes.INVALID_VENUE),
        ((None, 2, USD, 1.0), codes.INVALID_VENUE),
        ((None, EXCHANGE, -1, 1.0), codes.INVALID_CURRENCY),
        ((None, EXCHANGE, PLACES, 1.0), codes.INVALID_CURRENCY),
        ((None, EXCHANGE, USD, float("nan")), codes.INVALID_VALUE),
        ((None, EXCHANGE, USD, float("-inf")), codes.INVALID_VALUE),
        ((None, EXCHANGE, USD, 1.1e15), codes.INVALID_VALUE),
    ],
)
def test_invalid_transfer_changes_nothing(state, arguments, status):
    time = now(state) if arguments[0] is None else arguments[0]
    assert_refused(state, status, cash.on_transfer, time, *arguments[1:])


# --- settlement -----------------------------------------------------------------------------------


def test_settlement_closes_position_and_holdings(state):
    fill(state, LINEAR_BTC, BUY, 16, 4096, strategy=TREND)
    fill(state, LINEAR_BTC, SELL, 8, 4096, strategy=REVERSION)
    handle = reserve(state, LINEAR_BTC, BUY, 4, 4000)
    assert cash.on_settlement(state, now(state), LINEAR_BTC, 4160) == OK
    position = state.positions[LINEAR_BTC]
    assert (position.net_lots, position.adjusted_lots, position.cost) == (0, -8, 0.0)
    assert position.realized_pnl == 8 * 64 / 8
    assert state.balances[EXCHANGE, USD].adjusted == 64.0
    assert state.account.settlements == 64.0
    assert state.account.equity == 2 * CASH + 64.0
    assert state.strategies[TREND].realized == 16 * 64 / 8
    assert state.strategies[REVERSION].realized == -8 * 64 / 8
    assert state.strategies[TREND].trades == 1
    assert state.account.round_trips == 1
    assert position.working_buy_lots == 4
    assert state.orders[handle & codes.HANDLE_SLOT_MASK].reserved_lots == 4
    check_books(state)
    check_lists(state)


def test_settlement_closes_holdings_that_net_to_nothing(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096, strategy=TREND)
    fill(state, LINEAR_BTC, SELL, 8, 4096, strategy=REVERSION)
    assert cash.on_settlement(state, now(state), LINEAR_BTC, 4112) == OK
    assert state.holdings[TREND, LINEAR_BTC].lots == 0
    assert state.holdings[REVERSION, LINEAR_BTC].lots == 0
    assert state.strategies[TREND].pnl == 16.0
    assert state.strategies[REVERSION].pnl == -16.0
    assert state.account.equity == 2 * CASH
    check_books(state)


def test_inverse_settlement_pays_bitcoin(state):
    fill(state, INVERSE_BTC, SELL, 64, 4096)
    assert cash.on_settlement(state, now(state), INVERSE_BTC, 2048) == OK
    assert state.balances[BROKER, BTC].amount == 128 * 64 * (1 / 2048 - 1 / 4096)
    assert state.account.settlements == 2.0 * 4096
    check_books(state)


def test_settlement_of_a_flat_position_moves_nothing_but_the_clock(state):
    assert cash.on_settlement(state, now(state), LINEAR_ETH, 2048) == OK
    assert state.account.settlements == 0.0
    assert state.positions[LINEAR_ETH].adjusted_lots == 0
    check_books(state)


def test_settlement_without_a_book_sets_the_first_mark(state):
    quote(state, LINEAR_BTC, 4095, 4097)
    with np.errstate(all="raise"):
        bare = make_state(marks=False)
        assert cash.on_settlement(bare, now(bare), LINEAR_BTC, 4096) == OK
        assert bare.market[LINEAR_BTC].mark == 4096.0


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((0, LINEAR_BTC, 4096), codes.INVALID_TIME),
        ((None, 4, 4096), codes.INVALID_INSTRUMENT),
        ((None, LINEAR_BTC, 0), codes.INVALID_PRICE),
        ((None, LINEAR_BTC, codes.MAX_TICKS + 1), codes.INVALID_PRICE),
    ],
)
def test_invalid_settlement_changes_nothing(state, arguments, status):
    fill(state, LINEAR_BTC, BUY, 8, 4096)
    time = now(state) if arguments[0] is None else arguments[0]
    assert_refused(state, status, cash.on_settlement, time, *arguments[1:])


def test_settlement_beyond_the_bound_of_adjustments_changes_nothing(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096)
    state.positions[LINEAR_BTC].adjusted_lots = -codes.MAX_POSITION_LOTS
    assert_refused(state, codes.INVALID_LOTS, cash.on_settlement, now(state), LINEAR_BTC, 4096)


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        (cash.on_funding, (LINEAR_BTC, TREND, USD, 1.0)),
        (cash.on_transfer, (EXCHANGE, USD, 1.0)),
        (cash.on_settlement, (LINEAR_BTC, 4096)),
    ],
)
def test_cash_event_on_a_broken_buffer_changes_nothing(state, event, arguments):
    state.header.abi_version = 0
    assert_refused(state, codes.BAD_BUFFER, event, now(state), *arguments)


def test_a_deposit_on_next_to_nothing_does_not_blow_up_the_peak():
    state = make_state(cash=512.0)
    time = int(state.header.last_time_ns)
    equity = float(state.account.equity)
    assert cash.on_funding(state, time, LINEAR_BTC, -1, USD, 1e-10 - equity) == codes.OK
    assert cash.on_transfer(state, time, EXCHANGE, USD, 1e6) == codes.OK
    assert state.account.high_water_mark <= 1024.0 + 1e6
    assert np.isfinite(state.account.drawdown)
