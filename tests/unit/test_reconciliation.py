"""Reconciliation of positions with the venue."""

import numpy as np
import pytest

from riskcore import codes
from riskcore.codes import BUY, OK
from riskcore.kernels import reconciliation
from tests.support import (
    BROKER,
    BTC,
    EXCHANGE,
    INVERSE_BTC,
    LINEAR_BTC,
    REVERSION,
    SPOT_BTC,
    TREND,
    USD,
    assert_refused,
    check_books,
    copy_state,
    fill,
    make_state,
    now,
    reserve,
)

CASH = 1048576.0


@pytest.fixture(scope="module")
def prepared():
    with np.errstate(all="raise"):
        return make_state(cash=CASH)


@pytest.fixture
def state(prepared):
    with np.errstate(all="raise"):
        yield copy_state(prepared)


def report(state, instrument, lots, price_ticks=0):
    return reconciliation.on_position(state, now(state), instrument, lots, price_ticks)


def test_agreement_books_nothing_and_opens_no_latch(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096)
    latched = int(state.positions[LINEAR_BTC].latches)
    assert latched == codes.LATCH_UNMATCHED_FILL
    assert report(state, LINEAR_BTC, 8) == OK
    assert state.positions[LINEAR_BTC].latches == latched
    assert state.account.break_count == 0
    check_books(state)


def test_difference_is_booked_recorded_and_latched(state):
    handle = reserve(state, LINEAR_BTC, BUY, 8, 4096, strategy=REVERSION)
    fill(state, LINEAR_BTC, BUY, 8, 4096, strategy=REVERSION, handle=handle)
    assert report(state, LINEAR_BTC, -4, 4112) == codes.BOOKED_UNMATCHED
    position = state.positions[LINEAR_BTC]
    assert (position.net_lots, position.adjusted_lots, position.bought_lots) == (-4, -12, 8)
    assert position.latches == codes.LATCH_RECONCILIATION
    assert position.realized_pnl == 8 * 16 / 8
    assert state.balances[EXCHANGE, USD].adjusted == 16.0
    assert state.account.breaks == 12 * 4112 / 8
    assert state.account.break_count == 1
    assert state.holdings[TREND, LINEAR_BTC].lots == -12
    assert state.holdings[REVERSION, LINEAR_BTC].lots == 8
    check_books(state)


def test_difference_without_price_is_booked_at_the_mark(state):
    equity = float(state.account.equity)
    assert report(state, INVERSE_BTC, 64) == codes.BOOKED_UNMATCHED
    assert state.positions[INVERSE_BTC].cost == 64 / 4096
    assert state.account.equity == equity
    assert state.account.breaks == 64 * 128.0
    assert state.balances[BROKER, BTC].amount == 0.0
    check_books(state)


def test_spot_difference_moves_its_price(state):
    assert report(state, SPOT_BTC, 4, 4000) == codes.BOOKED_UNMATCHED
    assert state.balances[EXCHANGE, USD].adjusted == -4 * 4000 / 4
    check_books(state)


def test_closing_difference_is_no_round_trip(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096)
    assert report(state, LINEAR_BTC, 0, 4000) == codes.BOOKED_UNMATCHED
    assert state.account.round_trips == 0
    assert state.strategies[TREND].trades == 0
    assert state.positions[LINEAR_BTC].cost == 0.0


def test_difference_without_price_and_mark_changes_nothing():
    with np.errstate(all="raise"):
        state = make_state(marks=False)
        time = now(state)
        event = reconciliation.on_position
        assert_refused(state, codes.INVALID_PRICE, event, time, LINEAR_BTC, 4, 0)
        assert report(state, LINEAR_BTC, 0) == OK
        assert report(state, LINEAR_BTC, 4, 4096) == codes.BOOKED_UNMATCHED
        assert state.market[LINEAR_BTC].mark == 4096.0
        check_books(state)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((0, LINEAR_BTC, 1, 1), codes.INVALID_TIME),
        ((None, 4, 1, 1), codes.INVALID_INSTRUMENT),
        ((None, LINEAR_BTC, codes.MAX_POSITION_LOTS + 1, 1), codes.INVALID_LOTS),
        ((None, LINEAR_BTC, -codes.MAX_POSITION_LOTS - 1, 1), codes.INVALID_LOTS),
        ((None, LINEAR_BTC, 1, -1), codes.INVALID_PRICE),
        ((None, LINEAR_BTC, 1, codes.MAX_TICKS + 1), codes.INVALID_PRICE),
    ],
)
def test_invalid_report_changes_nothing(state, arguments, status):
    time = now(state) if arguments[0] is None else arguments[0]
    assert_refused(state, status, reconciliation.on_position, time, *arguments[1:])


def test_report_beyond_the_bound_of_adjustments_changes_nothing(state):
    state.positions[LINEAR_BTC].adjusted_lots = codes.MAX_POSITION_LOTS
    assert_refused(
        state, codes.INVALID_LOTS, reconciliation.on_position, now(state), LINEAR_BTC, 1, 4096
    )


def test_report_on_a_broken_buffer_changes_nothing(state):
    state.header.layout_hash = 0
    assert_refused(
        state, codes.BAD_BUFFER, reconciliation.on_position, now(state), LINEAR_BTC, 1, 4096
    )
