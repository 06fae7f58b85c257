"""Fills and busts: lots, cost, realised and unrealised P&L, round trips, strategies' records."""

import numpy as np
import pytest

from riskcore import codes
from riskcore.codes import BUY, OK, SELL
from riskcore.kernels import market, orders, positions, setup
from tests import support
from tests.support import (
    BROKER,
    BTC,
    EUR,
    EXCHANGE,
    HOUR,
    INSTRUMENTS,
    INVERSE_BTC,
    LINEAR_BTC,
    LINEAR_ETH,
    REVERSION,
    SECOND,
    SPOT_BTC,
    TREND,
    USD,
    assert_refused,
    bust,
    check_books,
    check_lists,
    copy_state,
    deposit,
    fill,
    make_parameters,
    make_state,
    now,
    quote,
    reserve,
    unset_currency,
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


def balance(state, venue, currency):
    return float(state.balances[venue, currency].amount)


def with_parameters(state, **changes):
    """The state with single parameters replaced."""

    assert setup.set_parameters(state, now(state), make_parameters(**changes)) == OK
    return state


# --- linear contracts: contract value 1/8, mark 4096 ----------------------------------------------


def test_linear_buys_average_their_price(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096)
    fill(state, LINEAR_BTC, BUY, 8, 4104)
    position = state.positions[LINEAR_BTC]
    assert position.net_lots == 16
    assert position.cost == 8 * 4096 + 8 * 4104
    assert position.average_price == 4100.0
    assert position.unrealized_pnl == (4096 - 4100) * 16 / 8
    assert position.equity_value == -8.0
    assert state.account.equity == 2 * CASH - 8.0
    check_books(state)


def test_linear_sale_realises_in_proportion(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096)
    fill(state, LINEAR_BTC, BUY, 8, 4104)
    fill(state, LINEAR_BTC, SELL, 4, 4112)
    position = state.positions[LINEAR_BTC]
    assert position.realized_pnl == (4112 - 4100) * 4 / 8
    assert position.cost == 12 * 4100
    assert position.average_price == 4100.0
    assert balance(state, EXCHANGE, USD) == CASH + 6.0
    check_books(state)


def test_trade_through_zero_closes_and_opens(state):
    fill(state, LINEAR_BTC, BUY, 12, 4100)
    fill(state, LINEAR_BTC, SELL, 20, 4108)
    position = state.positions[LINEAR_BTC]
    assert position.net_lots == -8
    assert position.realized_pnl == (4108 - 4100) * 12 / 8
    assert position.cost == -8 * 4108
    assert position.average_price == 4108.0
    assert position.unrealized_pnl == (4108 - 4096) * 8 / 8
    check_books(state)


def test_linear_short_gains_when_the_price_falls(state):
    fill(state, LINEAR_BTC, SELL, 16, 4096)
    fill(state, LINEAR_BTC, BUY, 16, 4080)
    assert state.positions[LINEAR_BTC].realized_pnl == 16 * 16 / 8
    assert state.account.equity == 2 * CASH + 32.0
    check_books(state)


def test_flat_position_has_no_cost_at_all(state):
    for lots, price in ((7, 4099), (5, 4103), (9, 4111)):
        fill(state, LINEAR_BTC, BUY, lots, price)
    for lots, price in ((1, 4001), (3, 4007), (17, 4013)):
        fill(state, LINEAR_BTC, SELL, lots, price)
    position = state.positions[LINEAR_BTC]
    assert (position.net_lots, position.cost, position.average_price) == (0, 0.0, 0.0)
    assert position.unrealized_pnl == 0.0
    bought = 7 * 4099 + 5 * 4103 + 9 * 4111
    sold = 1 * 4001 + 3 * 4007 + 17 * 4013
    assert position.realized_pnl == pytest.approx((sold - bought) / 8, rel=1e-14)
    assert state.covariance.weight[LINEAR_BTC] == 0.0
    check_books(state)


# --- spot: contract value 1/4 ---------------------------------------------------------------------


def test_spot_moves_its_whole_price(state):
    fill(state, SPOT_BTC, BUY, 16, 4000)
    assert balance(state, EXCHANGE, USD) == CASH - 16 * 4000 / 4
    position = state.positions[SPOT_BTC]
    assert position.equity_value == 16 * 4096 / 4
    assert position.unrealized_pnl == 16 * 96 / 4
    assert state.account.equity == 2 * CASH + 384.0
    fill(state, SPOT_BTC, SELL, 16, 4032)
    assert position.realized_pnl == 16 * 32 / 4
    assert balance(state, EXCHANGE, USD) == CASH + 128.0
    assert state.account.equity == 2 * CASH + 128.0
    check_books(state)


def test_spot_sale_beyond_what_is_held_is_booked(state):
    fill(state, SPOT_BTC, BUY, 4, 4096)
    assert fill(state, SPOT_BTC, SELL, 12, 4096) == codes.BOOKED_UNMATCHED
    position = state.positions[SPOT_BTC]
    assert position.net_lots == -8
    assert position.equity_value == -8 * 4096 / 4
    assert balance(state, EXCHANGE, USD) == CASH + 8 * 4096 / 4
    assert state.account.equity == 2 * CASH
    check_books(state)


# --- inverse contracts ----------------------------------------------------------------------------


def test_inverse_cost_is_lots_over_price(state):
    # 128 dollars a contract; marks and prices are powers of two.
    fill(state, INVERSE_BTC, BUY, 64, 2048)
    position = state.positions[INVERSE_BTC]
    assert position.cost == 64 / 2048
    assert position.average_price == 2048.0
    assert position.unrealized_pnl == 128 * 64 * (1 / 2048 - 1 / 4096)
    assert position.equity_value == 2.0 * 1.0 * 4096
    fill(state, INVERSE_BTC, SELL, 32, 4096)
    assert balance(state, BROKER, BTC) == 128 * 32 * (1 / 2048 - 1 / 4096)
    assert position.realized_pnl == 1.0 * 4096
    assert position.cost == 32 / 2048
    check_books(state)


def inverse_account(tick, contract_value, price):
    """One inverse instrument settled in bitcoin whose tick is `tick` dollars."""
    terms = dict(INSTRUMENTS)
    terms[INVERSE_BTC] = terms[INVERSE_BTC] | {"contract_value": contract_value / tick}
    state = make_state(instruments=terms, marks=False)
    quote(state, INVERSE_BTC, round(price / tick) - 1, round(price / tick) + 1)
    return state


@pytest.mark.parametrize(
    ("source", "tick", "dollars", "lots", "side", "entry", "exit_price", "bitcoin"),
    [
        # BitMEX, "Inverse Futures Guide", XBTUSD futures example: 100,000 contracts of 1 USD,
        # bought at 10,000 and sold at 10,500.
        ("BitMEX futures", 0.5, 1.0, 100_000, BUY, 10_000, 10_500, 0.47619047619),
        # BitMEX, earlier inverse futures example: 60,000 contracts bought at 600; sold at 700 they
        # gain 14.286 XBT, sold at 500 they lose 20.
        ("BitMEX gain", 0.5, 1.0, 60_000, BUY, 600, 700, 14.2857142857),
        ("BitMEX loss", 0.5, 1.0, 60_000, BUY, 600, 500, -20.0),
        # Deribit, "Example (futures)": 100 contracts of 10 USD bought at 600, sold at 700.
        ("Deribit", 0.5, 10.0, 100, BUY, 600, 700, 0.238095238095),
        # An account of the XBTUSD swap: 885 contracts, 7299 to 6635.5, -1,212,403 satoshi.
        ("XBTUSD", 0.5, 1.0, 885, BUY, 7299, 6635.5, -0.01212403),
        # A short of one times the collateral keeps its dollars: 16,000 contracts from 8000 to 5000.
        ("hedge", 0.5, 1.0, 16_000, SELL, 8000, 5000, 1.2),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_inverse_contract_gains_what_the_exchange_says(
    source, tick, dollars, lots, side, entry, exit_price, bitcoin
):
    with np.errstate(all="raise"):
        # contract_value is "times tick per lot": dollars / tick, prices in ticks.
        state = inverse_account(tick, dollars, entry)
        fill(state, INVERSE_BTC, side, lots, int(entry / tick))
        fill(state, INVERSE_BTC, -side, lots, int(exit_price / tick))
        assert balance(state, BROKER, BTC) == pytest.approx(bitcoin, rel=1e-6)
        exact = dollars * lots * side * (1 / entry - 1 / exit_price)
        assert balance(state, BROKER, BTC) == pytest.approx(exact, rel=1e-13)
        check_books(state)


def test_inverse_fees_are_paid_in_bitcoin_as_in_the_deribit_example():
    # Two taker fees of 0.5 dollars: 0.5/600 + 0.5/700 BTC (the page's 0.00154755, to its rounding).
    with np.errstate(all="raise"):
        state = inverse_account(0.5, 10.0, 600)
        fill(state, INVERSE_BTC, BUY, 100, 1200, fee=0.5 / 600, fee_currency=BTC)
        fill(state, INVERSE_BTC, SELL, 100, 1400, fee=0.5 / 700, fee_currency=BTC)
        fees = float(state.balances[BROKER, BTC].fees)
        assert fees == pytest.approx(0.00154755, rel=1e-4)
        gain = 1000 / 600 - 1000 / 700
        assert balance(state, BROKER, BTC) == pytest.approx(gain - fees, rel=1e-12)
        check_books(state)


# --- fees and currencies --------------------------------------------------------------------------


def test_fee_leaves_the_balance_of_its_own_currency(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096, fee=0.25, fee_currency=BTC)
    assert balance(state, EXCHANGE, BTC) == -0.25
    assert balance(state, EXCHANGE, USD) == CASH
    assert state.positions[LINEAR_BTC].fees == 1024.0
    assert state.account.fees == 1024.0
    assert state.account.equity == 2 * CASH - 1024.0
    # Bitcoin is linked to the spot instrument: the debt is exposure there.
    assert state.positions[SPOT_BTC].linked_balance == -1024.0
    check_books(state)


def test_rebate_is_received(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096, fee=-2.0)
    assert balance(state, EXCHANGE, USD) == CASH + 2.0
    assert state.account.fees == -2.0
    check_books(state)


def test_fee_in_a_currency_without_rate_is_booked_and_counts_as_nothing(state):
    assert fill(state, LINEAR_BTC, BUY, 8, 4096, fee=3.0, fee_currency=EUR) != codes.INVALID_VALUE
    assert balance(state, EXCHANGE, EUR) == -3.0
    assert state.account.fees == 0.0
    assert state.account.equity == 2 * CASH
    check_books(state)


def test_settlement_in_a_currency_without_rate_is_booked():
    terms = dict(INSTRUMENTS)
    terms[LINEAR_ETH] = terms[LINEAR_ETH] | {"currency": EUR}
    with np.errstate(all="raise"):
        state = make_state(instruments=terms)
        fill(state, LINEAR_ETH, BUY, 8, 2048)
        fill(state, LINEAR_ETH, SELL, 8, 2064)
        assert balance(state, BROKER, EUR) == 8 * 16 / 2
        assert state.account.realized_pnl == 0.0
        assert state.account.equity == 2 * CASH
        check_books(state)


# --- the order of a fill --------------------------------------------------------------------------


def test_fills_use_up_their_order(state):
    handle = reserve(state, LINEAR_BTC, BUY, 8, 4096)
    assert fill(state, LINEAR_BTC, BUY, 3, 4096, handle=handle) == OK
    position = state.positions[LINEAR_BTC]
    assert (position.net_lots, position.working_buy_lots) == (3, 5)
    check_lists(state)
    assert fill(state, LINEAR_BTC, BUY, 5, 4095, handle=handle) == OK
    assert (position.net_lots, position.working_buy_lots) == (8, 0)
    assert state.account.open_orders == 0
    assert position.latches == 0
    check_lists(state)
    check_books(state)


def test_fill_answers_an_order_that_was_not_acknowledged(state):
    handle = reserve(state, LINEAR_BTC, BUY, 8, 4096)
    fill(state, LINEAR_BTC, BUY, 3, 4096, handle=handle)
    assert state.orders[0].status == codes.ORDER_WORKING
    assert orders.expire_pending(state, now(state) + HOUR) == 0
    check_lists(state)


def test_cancel_pending_order_fills_normally(state):
    handle = reserve(state, LINEAR_BTC, BUY, 8, 4096)
    orders.cancel_order(state, now(state), handle)
    assert fill(state, LINEAR_BTC, BUY, 8, 4096, handle=handle) == OK
    assert state.account.open_orders == 0
    check_lists(state)


def test_unknown_fill_is_booked_and_latches(state):
    assert fill(state, LINEAR_BTC, BUY, 8, 4096) == codes.BOOKED_UNMATCHED
    assert state.positions[LINEAR_BTC].net_lots == 8
    assert state.positions[LINEAR_BTC].latches == codes.LATCH_UNMATCHED_FILL
    assert state.counters.unknown_fills == 1
    check_books(state)


def test_late_fill_is_booked_and_latches(state):
    handle = reserve(state, LINEAR_BTC, BUY, 8, 4096)
    orders.on_canceled(state, now(state), handle)
    assert fill(state, LINEAR_BTC, BUY, 8, 4096, handle=handle) == codes.BOOKED_UNMATCHED
    other = reserve(state, LINEAR_BTC, BUY, 8, 4096)
    assert fill(state, LINEAR_BTC, BUY, 8, 4096, handle=handle) == codes.BOOKED_UNMATCHED
    assert state.counters.late_fills == 2
    assert state.counters.unknown_fills == 0
    assert state.positions[LINEAR_BTC].net_lots == 16
    assert state.positions[LINEAR_BTC].working_buy_lots == 8
    assert state.positions[LINEAR_BTC].latches == codes.LATCH_UNMATCHED_FILL
    assert other >> 20 == 2
    check_lists(state)


def test_fill_beyond_its_order_is_booked_and_latches(state):
    handle = reserve(state, LINEAR_BTC, SELL, 8, 4096)
    assert fill(state, LINEAR_BTC, SELL, 11, 4096, handle=handle) == codes.BOOKED_UNMATCHED
    position = state.positions[LINEAR_BTC]
    assert (position.net_lots, position.working_sell_lots) == (-11, 0)
    assert state.counters.over_fills == 1
    assert position.latches == codes.LATCH_UNMATCHED_FILL
    assert state.account.open_orders == 0
    check_lists(state)


@pytest.mark.parametrize(("instrument", "side"), [(LINEAR_BTC, SELL), (LINEAR_ETH, BUY)])
def test_fill_that_contradicts_its_order_leaves_the_order_alone(state, instrument, side):
    handle = reserve(state, LINEAR_BTC, BUY, 8, 4096)
    assert fill(state, instrument, side, 8, 2048, handle=handle) == codes.BOOKED_UNMATCHED
    assert state.orders[0].reserved_lots == 8
    assert state.positions[instrument].net_lots == 8 * side
    assert state.positions[instrument].latches == codes.LATCH_UNMATCHED_FILL
    assert state.counters.unknown_fills == 1
    check_lists(state)


@pytest.mark.parametrize("handle", [-1, 1, 64, (1 << 20) | 99, 5 << 20, 1 << 62])
def test_handle_that_names_nothing_never_stops_a_fill(state, handle):
    assert fill(state, LINEAR_BTC, BUY, 1, 4096, handle=handle) == codes.BOOKED_UNMATCHED
    assert state.counters.unknown_fills == 1


def test_fill_is_booked_whatever_state_things_are_in(state):
    handle = reserve(state, LINEAR_BTC, BUY, 8, 4096)
    state.instruments[LINEAR_BTC].state = codes.CLOSE_ONLY
    state.venues[EXCHANGE].state = codes.DOWN
    state.strategies[TREND].state = codes.DISABLED
    state.system.kill = 1
    state.account.latches = codes.LATCH_DRAWDOWN
    assert fill(state, LINEAR_BTC, BUY, 8, 4096, handle=handle) == OK
    assert state.positions[LINEAR_BTC].net_lots == 8


def test_fill_from_the_past_is_booked_now(state):
    time = now(state)
    assert fill(state, LINEAR_BTC, BUY, 8, 4096, time_ns=time - HOUR) == codes.BOOKED_UNMATCHED
    assert now(state) == time
    assert state.positions[LINEAR_BTC].last_fill_ns == time
    assert state.counters.clock_steps_back == 1


def test_fill_counts_in_venue_turnover_and_instrument(state):
    fill(state, LINEAR_BTC, BUY, 8, 4000)
    fill(state, INVERSE_BTC, SELL, 4, 2048)
    assert state.venues[EXCHANGE].fills_day == 1
    assert state.positions[LINEAR_BTC].fill_count == 1
    assert state.account.turnover_day == 8 * 4000 / 8 + 4 * 128 / 2048 * 4096


def test_first_fill_gives_a_mark_where_no_book_was_seen():
    with np.errstate(all="raise"):
        state = make_state(marks=False)
        fill(state, LINEAR_BTC, BUY, 8, 4096)
        market = state.market[LINEAR_BTC]
        assert (market.mark_set, market.mark) == (1, 4096.0)
        assert (market.flash_low, market.flash_high) == (4096.0, 4096.0)
        assert state.positions[LINEAR_BTC].long_value == 4096.0
        fill(state, LINEAR_BTC, BUY, 8, 5000)
        assert market.mark == 4096.0
        check_books(state)


def test_weight_and_variance_follow_the_position(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096)
    covariance = state.covariance
    assert covariance.weight[LINEAR_BTC] == 4096.0
    variance = 4096.0 * 4096.0 * float(covariance.matrix[LINEAR_BTC, LINEAR_BTC])
    assert state.account.variance == pytest.approx(variance, rel=1e-12)
    quote(state, LINEAR_BTC, 4351, 4353)
    fill(state, LINEAR_BTC, SELL, 8, 4352)
    assert covariance.weight[LINEAR_BTC] == 0.0
    assert state.account.variance == pytest.approx(0.0, abs=1e-9 * variance)


def test_weight_of_a_linked_instrument_includes_its_balance(state):
    deposit(state, EXCHANGE, BTC, 2.0)
    fill(state, SPOT_BTC, BUY, 8, 4096)
    assert state.covariance.weight[SPOT_BTC] == 2.0 * 4096 + 8 * 4096 / 4
    assert state.positions[SPOT_BTC].gross == 2.0 * 4096 + 8 * 4096 / 4
    fill(state, SPOT_BTC, SELL, 8, 4096)
    assert state.covariance.weight[SPOT_BTC] == 2.0 * 4096


# --- repeats --------------------------------------------------------------------------------------


def test_repeated_execution_changes_nothing(state):
    handle = reserve(state, LINEAR_BTC, BUY, 8, 4096)
    fill(state, LINEAR_BTC, BUY, 4, 4096, handle=handle, execution_id=71)
    before = state.tobytes()
    again = fill(state, LINEAR_BTC, BUY, 4, 4096, handle=handle, execution_id=71)
    assert again == codes.DUPLICATE
    assert state.tobytes() == before


def test_one_identifier_on_another_instrument_or_side_is_another_execution(state):
    fill(state, LINEAR_BTC, BUY, 4, 4096, execution_id=71)
    assert fill(state, INVERSE_BTC, BUY, 4, 4096, execution_id=71) == codes.BOOKED_UNMATCHED
    assert fill(state, LINEAR_BTC, SELL, 4, 4096, execution_id=71) == codes.BOOKED_UNMATCHED
    assert fill(state, LINEAR_BTC, SELL, 4, 4096, execution_id=71) == codes.DUPLICATE


def test_executions_without_identifier_are_never_repeats(state):
    for _ in range(3):
        assert fill(state, LINEAR_BTC, BUY, 4, 4096) == codes.BOOKED_UNMATCHED
    assert state.positions[LINEAR_BTC].net_lots == 12


@pytest.mark.parametrize("step", [1, 1000, 1 << 10, 1 << 42])
def test_table_remembers_a_third_as_many_executions_as_it_has_places(state, step):
    identifiers = [123_456 + step * k for k in range(96)]
    for k, identifier in enumerate(identifiers):
        fill(state, LINEAR_BTC, BUY, 1, 4096, execution_id=identifier)
        for recent in identifiers[max(0, k - 7) : k + 1]:
            again = fill(state, LINEAR_BTC, BUY, 1, 4096, execution_id=recent)
            assert again == codes.DUPLICATE
    for recent in identifiers[-21 if step > 1 else -42 :]:
        again = fill(state, LINEAR_BTC, BUY, 1, 4096, execution_id=recent)
        assert again == codes.DUPLICATE
    assert state.positions[LINEAR_BTC].net_lots == 96


def test_table_forgets_the_oldest_of_a_set(state):
    home = int(positions.execution_set(state, LINEAR_BTC, 1))
    same = [k for k in range(1, 200) if positions.execution_set(state, LINEAR_BTC, k) == home][:5]
    for k in same:
        fill(state, LINEAR_BTC, BUY, 1, 4096, execution_id=k)
    for k in same[1:]:
        assert fill(state, LINEAR_BTC, BUY, 1, 4096, execution_id=k) == codes.DUPLICATE
    assert fill(state, LINEAR_BTC, BUY, 1, 4096, execution_id=same[0]) == codes.BOOKED_UNMATCHED


def test_entry_that_is_overwritten_forgets_whether_it_was_a_fill_or_a_bust(state):
    home = int(positions.execution_set(state, LINEAR_BTC, 1))
    same = [k for k in range(1, 999) if positions.execution_set(state, LINEAR_BTC, k) == home][:12]
    for k in same[:4]:
        assert bust(state, LINEAR_BTC, BUY, 1, 4096, execution_id=k) == OK
    for k in same[4:8]:
        fill(state, LINEAR_BTC, BUY, 1, 4096, execution_id=k)
    assert bust(state, LINEAR_BTC, BUY, 1, 4096, execution_id=same[7]) == OK
    for k in same[8:]:
        assert bust(state, LINEAR_BTC, BUY, 1, 4096, execution_id=k) == OK
    assert fill(state, LINEAR_BTC, BUY, 1, 4096, execution_id=same[11]) == codes.BOOKED_UNMATCHED
    check_books(state)


@pytest.mark.parametrize("identifier", [1, (1 << 30) - 1, 1 << 61, codes.MAX_IDENTIFIER])
def test_every_identifier_has_a_set_within_the_table(state, identifier):
    for instrument in range(8):
        first = int(positions.execution_set(state, instrument, identifier))
        assert 0 <= first <= 60
        assert first % 4 == 0


def test_fills_too_fast_latch_the_instrument(state):
    with_parameters(state, execution_interval_ns=SECOND, execution_burst_ns=3 * SECOND)
    latch = codes.LATCH_REPEATED_EXECUTION
    for k in range(4):
        handle = reserve(state, LINEAR_BTC, BUY, 1, 4096)
        fill(state, LINEAR_BTC, BUY, 1, 4096, handle=handle)
        # The bucket holds 1, 2, 3 and then 4 seconds.
        assert bool(state.positions[LINEAR_BTC].latches & latch) == (k == 3)
    handle = reserve(state, LINEAR_ETH, BUY, 1, 2048)
    fill(state, LINEAR_ETH, BUY, 1, 2048, handle=handle)
    assert state.positions[LINEAR_ETH].latches == 0


def test_fills_at_the_sustained_rate_never_latch(state):
    with_parameters(state, execution_interval_ns=SECOND, execution_burst_ns=SECOND)
    for _ in range(8):
        handle = reserve(state, LINEAR_BTC, BUY, 1, 4096)
        time = now(state) + SECOND
        assert fill(state, LINEAR_BTC, BUY, 1, 4096, handle=handle, time_ns=time) == OK
    assert state.positions[LINEAR_BTC].latches == 0


# --- holdings, round trips and records ------------------------------------------------------------


def test_holdings_keep_their_own_cost(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096, strategy=TREND)
    fill(state, LINEAR_BTC, SELL, 8, 4112, strategy=REVERSION)
    position = state.positions[LINEAR_BTC]
    assert (position.net_lots, position.cost) == (0, 0.0)
    assert position.realized_pnl == 8 * 16 / 8
    long, short = state.holdings[TREND, LINEAR_BTC], state.holdings[REVERSION, LINEAR_BTC]
    assert (long.lots, long.cost) == (8, 8 * 4096)
    assert (short.lots, short.cost) == (-8, -8 * 4112)
    assert state.strategies[TREND].pnl == 0.0
    assert state.strategies[REVERSION].pnl == 8 * 16 / 8
    assert state.strategies[TREND].pnl + state.strategies[REVERSION].pnl == 16.0
    check_books(state)


def test_strategy_realises_after_fees(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096, fee=2.0)
    fill(state, LINEAR_BTC, SELL, 8, 4112, fee=3.0)
    strategy = state.strategies[TREND]
    assert strategy.realized == 16.0 - 5.0
    assert strategy.pnl == 11.0
    assert (strategy.trades, strategy.winning_trades) == (1, 1)
    assert state.holdings[TREND, LINEAR_BTC].trip_pnl == 0.0
    assert state.holdings[TREND, LINEAR_BTC].realized == 16.0


def test_round_trip_counts_when_the_position_is_flat(state):
    account = state.account
    fill(state, LINEAR_BTC, BUY, 8, 4096, fee=2.0)
    fill(state, LINEAR_BTC, SELL, 4, 4112, fee=1.0)
    assert account.round_trips == 0
    assert state.positions[LINEAR_BTC].trip_pnl == 8.0 - 3.0
    fill(state, LINEAR_BTC, SELL, 4, 4096, fee=1.0)
    assert (account.round_trips, account.winning_trips) == (1, 1)
    assert state.positions[LINEAR_BTC].trip_pnl == 0.0


def test_flip_shares_its_fee_between_the_old_and_the_new_round_trip(state):
    fill(state, LINEAR_BTC, BUY, 4, 4096)
    fill(state, LINEAR_BTC, SELL, 16, 4096, fee=4.0)
    assert state.account.round_trips == 1
    assert state.account.losing_streak == 1
    assert state.positions[LINEAR_BTC].trip_pnl == -3.0
    assert state.holdings[TREND, LINEAR_BTC].trip_pnl == -3.0
    assert state.strategies[TREND].trades == 1


def lose(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096)
    fill(state, LINEAR_BTC, SELL, 8, 4088)


def win(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096)
    fill(state, LINEAR_BTC, SELL, 8, 4104)


def test_losing_streak_starts_the_cool_down_and_begins_anew(state):
    account = state.account
    lose(state)
    lose(state)
    win(state)
    assert account.losing_streak == 0
    for _ in range(3):
        assert account.cooldown_until_ns == 0
        lose(state)
    assert account.cooldown_until_ns == now(state) + HOUR
    assert account.losing_streak == 0
    assert (account.round_trips, account.winning_trips) == (6, 1)


def test_performance_is_smoothed_and_puts_a_strategy_on_probation(state):
    with_parameters(state, performance_floor=0.0, performance_min_trades=2)
    strategy = state.strategies[TREND]
    equity = float(state.account.equity)
    win(state)
    first = 8.0 / equity
    assert strategy.performance == first
    assert strategy.probation == 0
    equity = float(state.account.equity)
    lose(state)
    # decay 1/2; the equity counts that held before the closing fill, whose mark is 4096
    assert strategy.performance == pytest.approx(0.5 * first - 0.5 * 8.0 / equity, abs=1e-18)
    lose(state)
    assert strategy.performance == pytest.approx(-0.5 * 8.0 / equity, rel=1e-4)
    assert strategy.probation == 1
    for _ in range(3):
        win(state)
    assert strategy.probation == 0
    assert (strategy.trades, strategy.winning_trades) == (6, 4)
    assert state.strategies[REVERSION].trades == 0


def test_trade_without_equity_counts_a_loss_as_total():
    with np.errstate(all="raise"):
        state = make_state(cash=0.0)
        lose(state)
        assert state.strategies[TREND].performance == -1.0


def test_holding_remembers_when_it_was_last_flat(state):
    holding = state.holdings[TREND, LINEAR_BTC]
    start = now(state)
    fill(state, LINEAR_BTC, BUY, 8, 4096, time_ns=start + SECOND)
    fill(state, LINEAR_BTC, BUY, 8, 4096, time_ns=start + 2 * SECOND)
    assert holding.open_ns == start + SECOND
    fill(state, LINEAR_BTC, SELL, 20, 4096, time_ns=start + 3 * SECOND)
    assert holding.open_ns == start + 3 * SECOND


# --- busts ----------------------------------------------------------------------------------------


def test_bust_takes_the_execution_and_its_fee_back(state):
    fill(state, LINEAR_BTC, BUY, 4, 4000, fee=1.0)
    before = copy_state(state)
    fill(state, LINEAR_BTC, BUY, 8, 4112, fee=2.0, execution_id=9)
    assert bust(state, LINEAR_BTC, BUY, 8, 4112, fee=2.0, execution_id=9) == OK
    position = state.positions[LINEAR_BTC]
    assert position.net_lots == 4
    assert (position.bought_lots, position.adjusted_lots) == (12, -8)
    assert state.account.equity == before.account.equity
    assert state.account.fees == 1.0
    assert state.counters.busts == 1
    assert position.latches & codes.LATCH_RECONCILIATION
    check_books(state)


def test_bust_to_flat_is_no_round_trip(state):
    fill(state, LINEAR_BTC, BUY, 8, 4112, fee=2.0, execution_id=9)
    bust(state, LINEAR_BTC, BUY, 8, 4112, fee=2.0, execution_id=9)
    assert state.account.round_trips == 0
    assert state.strategies[TREND].trades == 0
    assert state.positions[LINEAR_BTC].trip_pnl == 0.0
    assert state.account.equity == 2 * CASH


def test_second_bust_changes_nothing(state):
    fill(state, LINEAR_BTC, BUY, 8, 4096, execution_id=9)
    bust(state, LINEAR_BTC, BUY, 8, 4096, execution_id=9)
    before = state.tobytes()
    assert bust(state, LINEAR_BTC, BUY, 8, 4096, execution_id=9) == codes.DUPLICATE
    assert state.tobytes() == before
    assert fill(state, LINEAR_BTC, BUY, 8, 4096, execution_id=9) == codes.DUPLICATE
    assert state.tobytes() == before


def test_bust_may_overtake_its_fill(state):
    assert bust(state, LINEAR_BTC, BUY, 8, 4096, execution_id=9) == OK
    assert state.positions[LINEAR_BTC].net_lots == -8
    assert fill(state, LINEAR_BTC, BUY, 8, 4096, execution_id=9) == codes.BOOKED_UNMATCHED
    assert state.positions[LINEAR_BTC].net_lots == 0
    assert fill(state, LINEAR_BTC, BUY, 8, 4096, execution_id=9) == codes.DUPLICATE
    check_books(state)


# --- executions of nobody, fees in nothing --------------------------------------------------------

UNSET_STRATEGIES = [-(1 << 62), -1, 2, 1 << 62]  # of two
NO_CURRENCIES = [-(1 << 62), -1, 3, 1 << 62]  # out of the table


@pytest.mark.parametrize("strategy", UNSET_STRATEGIES)
def test_fill_of_an_unset_strategy_is_held_by_the_first_and_enters_no_record(state, strategy):
    handle = reserve(state, LINEAR_BTC, BUY, 8, 4096, strategy=REVERSION)
    terms = {"handle": handle, "strategy": strategy}
    assert fill(state, LINEAR_BTC, BUY, 8, 4096, **terms) == codes.BOOKED_UNMATCHED
    position = state.positions[LINEAR_BTC]
    assert (position.net_lots, position.working_buy_lots) == (8, 0)
    assert state.holdings[TREND, LINEAR_BTC].lots == 8
    assert position.latches == codes.LATCH_UNMATCHED_FILL
    assert state.counters.unknown_fills == 1
    assert fill(state, LINEAR_BTC, SELL, 8, 4112, strategy=strategy) == codes.BOOKED_UNMATCHED
    assert state.holdings[TREND, LINEAR_BTC].lots == 0
    assert state.strategies[TREND].realized == 16.0
    assert (state.strategies[TREND].trades, state.account.round_trips) == (0, 1)
    check_books(state)


def test_first_strategy_may_be_set_after_the_fills_that_it_holds(state):
    state.header.strategy_count = 0
    for s in (TREND, REVERSION):
        state.strategies[s].state = codes.UNSET
    assert fill(state, LINEAR_BTC, BUY, 8, 4080) == codes.BOOKED_UNMATCHED
    values = support.record("strategy", support.SMALL, support.STRATEGY_VALUES)
    assert setup.strategy_set(state, now(state), TREND, values) == OK
    assert state.strategies[TREND].gross == 8 * 512.0
    assert state.strategies[TREND].pnl == 16.0


def test_fee_in_a_currency_that_is_set_later_is_not_lost(state):
    unset_currency(state, EUR)
    handle = reserve(state, LINEAR_BTC, BUY, 8, 4096)
    terms = {"handle": handle, "fee": 3.0, "fee_currency": EUR}
    assert fill(state, LINEAR_BTC, BUY, 8, 4096, **terms) == codes.BOOKED_UNMATCHED
    assert state.positions[LINEAR_BTC].net_lots == 8
    assert state.positions[LINEAR_BTC].latches == codes.LATCH_UNMATCHED_FILL
    assert state.counters.unknown_fills == 1
    assert state.balances[EXCHANGE, EUR].amount == -3.0
    assert state.account.equity == 2 * CASH
    values = support.record("currency", support.SMALL, {"state": codes.ACTIVE})
    assert setup.currency_set(state, now(state), EUR, values) == OK
    assert market.on_rate(state, now(state), EUR, 2.0) == OK
    assert state.account.equity == 2 * CASH - 6.0
    check_books(state)


@pytest.mark.parametrize("currency", NO_CURRENCIES)
def test_fee_in_a_currency_without_a_place_is_left_out(state, currency):
    handle = reserve(state, LINEAR_BTC, BUY, 8, 4096)
    terms = {"handle": handle, "fee": 3.0, "fee_currency": currency}
    assert fill(state, LINEAR_BTC, BUY, 8, 4096, **terms) == codes.BOOKED_UNMATCHED
    assert state.positions[LINEAR_BTC].net_lots == 8
    assert state.positions[LINEAR_BTC].latches == codes.LATCH_UNMATCHED_FILL
    assert state.account.equity == 2 * CASH
    assert state.account.fees == 0.0
    check_books(state)


@pytest.mark.parametrize(("strategy", "currency"), [(-1, USD), (TREND, -1), (2, 3), (-2, 1 << 62)])
def test_bust_undoes_a_fill_of_nobody(state, strategy, currency):
    terms = {"strategy": strategy, "fee": 2.0, "fee_currency": currency, "execution_id": 9}
    assert fill(state, LINEAR_BTC, BUY, 8, 4112, **terms) == codes.BOOKED_UNMATCHED
    status = send(
        state, positions.on_bust, lots=8, price_ticks=4112, **(terms | {"execution_id": 9})
    )
    assert status == codes.BOOKED_UNMATCHED
    assert state.positions[LINEAR_BTC].net_lots == 0
    assert state.holdings[TREND, LINEAR_BTC].lots == 0
    assert state.balances["amount"].sum() == 2 * CASH
    assert state.account.equity == 2 * CASH
    assert state.positions[LINEAR_BTC].latches & codes.LATCH_RECONCILIATION
    check_books(state)


# --- refused events -------------------------------------------------------------------------------

GOOD = {
    "time_ns": None,
    "instrument": LINEAR_BTC,
    "strategy": TREND,
    "side": BUY,
    "lots": 1,
    "price_ticks": 4096,
    "fee": 0.0,
    "fee_currency": USD,
    "execution_id": 5,
}
BAD = [
    ("time_ns", 0, codes.INVALID_TIME),
    ("time_ns", codes.MAX_TIME_NS + 1, codes.INVALID_TIME),
    ("instrument", -1, codes.INVALID_INSTRUMENT),
    ("instrument", 4, codes.INVALID_INSTRUMENT),
    ("instrument", 8, codes.INVALID_INSTRUMENT),
    ("side", 0, codes.INVALID_SIDE),
    ("side", 2, codes.INVALID_SIDE),
    ("lots", 0, codes.INVALID_LOTS),
    ("lots", -1, codes.INVALID_LOTS),
    ("lots", codes.MAX_LOTS + 1, codes.INVALID_LOTS),
    ("price_ticks", 0, codes.INVALID_PRICE),
    ("price_ticks", codes.MAX_TICKS + 1, codes.INVALID_PRICE),
    ("fee", float("nan"), codes.INVALID_VALUE),
    ("fee", float("inf"), codes.INVALID_VALUE),
    ("fee", 1.1e15, codes.INVALID_VALUE),
    ("fee", -1.1e15, codes.INVALID_VALUE),
    ("execution_id", -1, codes.INVALID_IDENTIFIER),
    ("execution_id", codes.MAX_IDENTIFIER + 1, codes.INVALID_IDENTIFIER),
]


def send(state, event, **changes):
    """A fill or bust with single fields replaced."""
    values = GOOD | changes
    if values["time_ns"] is None:
        values["time_ns"] = now(state)
    fields = list(values.values())
    if event is positions.on_fill:
        fields.insert(1, 0)
    return event(state, *fields)


@pytest.mark.parametrize("event", [positions.on_fill, positions.on_bust])
@pytest.mark.parametrize(("field", "value", "status"), BAD)
def test_invalid_execution_changes_nothing(state, event, field, value, status):
    fill(state, LINEAR_BTC, BUY, 4, 4000)
    before = state.tobytes()
    assert send(state, event, **{field: value}) == status
    assert state.tobytes() == before


@pytest.mark.parametrize("event", [positions.on_fill, positions.on_bust])
def test_smallest_status_wins(state, event):
    wrong = {"fee": float("nan"), "execution_id": -1, "price_ticks": 0, "lots": 0}
    for field, status in [
        ("lots", codes.INVALID_LOTS),
        ("price_ticks", codes.INVALID_PRICE),
        ("fee", codes.INVALID_VALUE),
        ("execution_id", codes.INVALID_IDENTIFIER),
    ]:
        assert send(state, event, **wrong) == status
        del wrong[field]


@pytest.mark.parametrize("event", [positions.on_fill, positions.on_bust])
def test_execution_on_a_broken_buffer_changes_nothing(state, event):
    state.header.magic = 0
    before = state.tobytes()
    assert send(state, event) == codes.BAD_BUFFER
    assert state.tobytes() == before


@pytest.mark.parametrize(
    ("field", "side", "busted"),
    [
        ("bought_lots", BUY, False),
        ("sold_lots", SELL, False),
        ("adjusted_lots", SELL, True),
    ],
)
def test_running_sum_of_lots_stays_within_bounds(state, field, side, busted):
    position = state.positions[LINEAR_BTC]
    setattr(position, field, codes.MAX_POSITION_LOTS)
    # Keep the position itself small: only the sum is at its bound.
    event = positions.on_bust if busted else positions.on_fill
    arguments = (now(state), LINEAR_BTC, TREND, side, 1, 4096, 0.0, USD, 5)
    if not busted:
        arguments = (arguments[0], 0, *arguments[1:])
    assert_refused(state, codes.INVALID_LOTS, event, *arguments)


@pytest.mark.parametrize(("side", "net"), [(BUY, 1), (SELL, -1)])
def test_resulting_position_stays_within_bounds(state, side, net):
    state.positions[LINEAR_BTC].net_lots = net * codes.MAX_POSITION_LOTS
    before = state.tobytes()
    assert send(state, positions.on_fill, side=side) == codes.INVALID_LOTS
    assert send(state, positions.on_bust, side=-side) == codes.INVALID_LOTS
    assert state.tobytes() == before


def test_largest_execution_is_booked_exactly(state):
    lots, ticks = codes.MAX_LOTS, codes.MAX_TICKS
    assert fill(state, LINEAR_BTC, BUY, lots, ticks) == codes.BOOKED_UNMATCHED
    assert state.positions[LINEAR_BTC].cost == float(lots) * float(ticks)
    assert fill(state, LINEAR_BTC, SELL, lots, ticks) == codes.BOOKED_UNMATCHED
    assert state.positions[LINEAR_BTC].realized_pnl == 0.0
    assert state.positions[LINEAR_BTC].cost == 0.0


def test_a_fill_of_another_strategy_than_its_orders_is_booked_and_latches():
    state = make_state()
    handle = reserve(state, LINEAR_BTC, BUY, 10, 4096, strategy=TREND)
    status = fill(state, LINEAR_BTC, BUY, 10, 4096, handle=handle, strategy=REVERSION)
    assert status == codes.BOOKED_UNMATCHED
    assert state.positions[LINEAR_BTC].net_lots == 10
    assert state.positions[LINEAR_BTC].working_buy_lots == 0
    assert state.holdings[REVERSION, LINEAR_BTC].lots == 10
    assert state.positions[LINEAR_BTC].latches & codes.LATCH_UNMATCHED_FILL
