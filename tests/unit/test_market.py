"""Quotes, trades, rates and the clock: marks, windows, and what a bad argument leaves untouched."""

import math

import numpy as np
import pytest

from riskcore import codes
from riskcore.kernels import market, system
from tests import support
from tests.support import (
    BTC,
    EUR,
    HOUR,
    INVERSE_BTC,
    LINEAR_BTC,
    MINUTE,
    SECOND,
    SPOT_BTC,
    USD,
    deposit,
    fill,
    make_empty,
    make_state,
    quote,
)

I = LINEAR_BTC  # noqa: E741  the instrument of most tests here
FULL_MINUTE = support.START_NS + MINUTE - support.START_NS % MINUTE + MINUTE
FULL_HOUR = support.START_NS + HOUR - support.START_NS % HOUR + HOUR


@pytest.fixture
def state():
    return make_state()


def mark_at(state, mark, time_ns):
    assert quote(state, I, mark - 1, mark + 1, time_ns=time_ns) == codes.OK


# --- quotes ---------------------------------------------------------------------------------------


def test_a_good_book_moves_the_mark_to_its_middle(state):
    assert quote(state, I, 4000, 4005) == codes.OK
    row = state.market[I]
    assert row.mark == 4002.5
    assert row.value_per_lot == 4002.5 * 0.125
    assert row.quote_state == codes.QUOTE_GOOD


def test_a_good_book_revalues_position_and_equity(state):
    equity = float(state.account.equity)
    fill(state, I, codes.BUY, 100, 4096)
    mark_at(state, 4160, support.now(state) + 1)
    assert state.positions[I].unrealized_pnl == 100 * 64 * 0.125
    assert state.account.equity == equity + 100 * 64 * 0.125


BAD_BOOKS = {
    "crossed": ((4100, 8, 4000, 8), codes.QUOTE_CROSSED),
    "locked": ((4100, 8, 4100, 8), codes.QUOTE_CROSSED),
    "no ask": ((4100, 8, 0, 0), codes.QUOTE_ONE_SIDED),
    "no bid": ((0, 0, 4100, 8), codes.QUOTE_ONE_SIDED),
    "ask without lots": ((4000, 8, 4100, 0), codes.QUOTE_ONE_SIDED),
    "bid without price": ((0, 8, 4100, 8), codes.QUOTE_ONE_SIDED),
    "empty": ((0, 0, 0, 0), codes.QUOTE_EMPTY),
}


@pytest.mark.parametrize(("book", "name"), BAD_BOOKS.values(), ids=BAD_BOOKS)
def test_a_bad_book_is_seen_and_keeps_the_mark(state, book, name):
    time_ns = support.now(state) + 5
    good = int(state.system.last_quote_ns)
    bid, bid_lots, ask, ask_lots = book
    assert market.on_quote(state, time_ns, I, bid, bid_lots, ask, ask_lots) == codes.OK
    row = state.market[I]
    assert (row.quote_state, row.quote_time_ns, row.bad_quotes) == (name, time_ns, 1)
    assert (row.mark, row.good_quote_ns, state.system.last_quote_ns) == (4096.0, good, good)
    assert (row.bid_ticks, row.bid_lots, row.ask_ticks, row.ask_lots) == book


def test_a_late_quote_moves_the_mark_and_is_as_old_as_it_says(state):
    first = support.now(state)
    last = first + 5 * SECOND
    assert market.on_clock(state, last) == codes.OK
    assert quote(state, I, 4000, 4002, time_ns=first + SECOND) == codes.OK
    row = state.market[I]
    assert (row.mark, row.quote_time_ns) == (4001.0, first + SECOND)
    assert (row.good_quote_ns, state.system.last_quote_ns) == (last, first + SECOND)
    assert support.now(state) == last
    assert state.counters.clock_steps_back == 1
    # An older one is what is in force then, and as old; the feed as a whole is not.
    assert quote(state, I, 3998, 4000, time_ns=first) == codes.OK
    assert (row.mark, row.quote_time_ns) == (3999.0, first)
    assert state.system.last_quote_ns == first + SECOND


def test_a_late_rate_is_as_old_as_it_says(state):
    first = support.now(state)
    assert market.on_clock(state, first + 5 * SECOND) == codes.OK
    for late, seen in ((SECOND, SECOND), (0, 0)):
        assert market.on_rate(state, first + late, BTC, 4096.0) == codes.OK
        assert state.currencies[BTC].rate_time_ns == first + seen


BAD_QUOTES = {
    "time zero": ((0, I, 1, 1, 2, 1), codes.INVALID_TIME),
    "time negative": ((-5, I, 1, 1, 2, 1), codes.INVALID_TIME),
    "time huge": (((1 << 62) + 1, I, 1, 1, 2, 1), codes.INVALID_TIME),
    "time a year ahead": ((support.START_NS * 2, I, 1, 1, 2, 1), codes.INVALID_TIME),
    "instrument negative": ((None, -1, 1, 1, 2, 1), codes.INVALID_INSTRUMENT),
    "instrument never set": ((None, 4, 1, 1, 2, 1), codes.INVALID_INSTRUMENT),
    "instrument outside": ((None, 8, 1, 1, 2, 1), codes.INVALID_INSTRUMENT),
    "bid lots negative": ((None, I, 1, -1, 2, 1), codes.INVALID_LOTS),
    "bid lots huge": ((None, I, 1, codes.MAX_LOTS + 1, 2, 1), codes.INVALID_LOTS),
    "ask lots negative": ((None, I, 1, 1, 2, -1), codes.INVALID_LOTS),
    "ask lots huge": ((None, I, 1, 1, 2, codes.MAX_LOTS + 1), codes.INVALID_LOTS),
    "bid negative": ((None, I, -1, 1, 2, 1), codes.INVALID_PRICE),
    "bid huge": ((None, I, codes.MAX_TICKS + 1, 1, 2, 1), codes.INVALID_PRICE),
    "ask negative": ((None, I, 1, 1, -2, 1), codes.INVALID_PRICE),
    "ask huge": ((None, I, 1, 1, codes.MAX_TICKS + 1, 1), codes.INVALID_PRICE),
    "lots before price": ((None, I, -1, -1, 2, 1), codes.INVALID_LOTS),
    "instrument before lots": ((None, 9, 1, -1, 2, 1), codes.INVALID_INSTRUMENT),
    "time before instrument": ((0, 9, 1, 1, 2, 1), codes.INVALID_TIME),
}


@pytest.mark.parametrize(("arguments", "status"), BAD_QUOTES.values(), ids=BAD_QUOTES)
def test_an_invalid_quote_changes_no_byte(state, arguments, status):
    before = state.tobytes()
    time_ns, *rest = arguments
    assert (
        market.on_quote(state, support.now(state) if time_ns is None else time_ns, *rest) == status
    )
    assert state.tobytes() == before


def test_the_largest_quote_is_valid(state):
    top = codes.MAX_TICKS
    assert market.on_quote(state, support.now(state), I, top - 1, 1 << 40, top, 1 << 40) == codes.OK
    assert state.market[I].mark == top - 0.5


# --- the flash window -----------------------------------------------------------------------------


def flash(state, time_ns):
    low, high = market.flash_range(state, I, time_ns)
    return float(low), float(high)


def start_window(state):
    """One quote at 4096 at the start of a full minute, long after the others."""
    mark_at(state, 4096, FULL_MINUTE + 10 * MINUTE)
    return FULL_MINUTE + 10 * MINUTE


def test_the_window_holds_the_range_of_the_marks(state):
    t = start_window(state)
    for second, mark in [(1, 4000), (2, 4200), (3, 4100)]:
        mark_at(state, mark, t + second * SECOND)
    assert flash(state, t + 4 * SECOND) == (4000.0, 4200.0)


def test_the_window_spans_the_bucket_before(state):
    t = start_window(state)
    mark_at(state, 4200, t + SECOND)
    mark_at(state, 4100, t + MINUTE + SECOND)
    assert flash(state, t + MINUTE + 2 * SECOND) == (4096.0, 4200.0)
    assert flash(state, t + 2 * MINUTE) == (4100.0, 4200.0)
    assert flash(state, t + 3 * MINUTE) == (4100.0, 4100.0)


def test_a_jump_into_a_new_bucket_is_seen(state):
    t = start_window(state)
    mark_at(state, 2048, t + 10 * MINUTE)
    assert flash(state, t + 10 * MINUTE) == (2048.0, 4096.0)


def test_asking_at_a_later_time_writes_nothing(state):
    t = start_window(state)
    before = state.tobytes()
    assert flash(state, t + 90 * SECOND) == (4096.0, 4096.0)
    assert state.tobytes() == before


def test_an_instrument_without_a_mark_has_no_range():
    state = make_state(marks=False)
    assert flash(state, support.now(state)) == (0.0, 0.0)


def test_the_window_covers_every_mark_of_the_last_minute(state):
    # Any path: never less than the range over one window, never more than over two.
    rng, t, mark = np.random.default_rng(1), start_window(state), 4096.0
    path = [(t, 4096.0)]
    for _ in range(300):
        t += int(rng.exponential(20 * SECOND))
        mark *= math.exp(0.02 * rng.standard_normal())
        mark_at(state, round(mark), t)
        path.append((t, float(round(mark))))
        later = t + int(rng.integers(0, 30)) * SECOND
        low, high = flash(state, later)

        def span(window, later=later):
            """The range of the marks that stood at some time within the window."""
            inside = [m for s, m in path if s > later - window]
            standing = [m for s, m in path if s <= later - window]
            return [*inside, *standing[-1:]]

        one, two = span(MINUTE), span(2 * MINUTE)
        assert low <= min(one)
        assert high >= max(one)
        assert low >= min(two)
        assert high <= max(two)


# --- trades ---------------------------------------------------------------------------------------


def test_a_trade_counts_and_moves_no_mark(state):
    assert market.on_trade(state, support.now(state), I, 5000, 7) == codes.OK
    row = state.market[I]
    assert (row.mark, row.trade_ticks, row.trade_time_ns) == (4096.0, 5000, support.now(state))
    assert market.traded_lots(state, I, support.now(state)) == 7.0


def test_the_first_trade_gives_the_mark_where_no_book_was_seen():
    state = make_state(marks=False)
    assert market.on_trade(state, support.now(state), I, 5000, 7) == codes.OK
    row = state.market[I]
    assert (row.mark, row.mark_set, row.quote_state) == (5000.0, 1, codes.QUOTE_NONE)
    assert row.value_per_lot == 625.0


def test_traded_lots_fade_with_the_bucket_before(state):
    for offset, lots in [(0, 100), (HOUR // 2, 60), (HOUR + HOUR // 4, 8)]:
        assert market.on_trade(state, FULL_HOUR + offset, I, 4096, lots) == codes.OK
    # A quarter into the second bucket three quarters of the first still count.
    assert market.traded_lots(state, I, FULL_HOUR + HOUR + HOUR // 4) == 8 + 0.75 * 160
    assert market.traded_lots(state, I, FULL_HOUR + HOUR + HOUR // 2) == 8 + 0.5 * 160
    assert market.traded_lots(state, I, FULL_HOUR + 2 * HOUR) == 8.0
    assert market.traded_lots(state, I, FULL_HOUR + 2 * HOUR + HOUR // 2) == 4.0
    assert market.traded_lots(state, I, FULL_HOUR + 3 * HOUR) == 0.0


def test_a_trade_after_a_pause_starts_the_window_anew(state):
    assert market.on_trade(state, FULL_HOUR, I, 4096, 100) == codes.OK
    assert market.on_trade(state, FULL_HOUR + 5 * HOUR, I, 4096, 1) == codes.OK
    assert market.traded_lots(state, I, FULL_HOUR + 5 * HOUR) == 1.0


BAD_TRADES = {
    "time": ((0, I, 1, 1), codes.INVALID_TIME),
    "instrument": ((None, 4, 1, 1), codes.INVALID_INSTRUMENT),
    "no lots": ((None, I, 1, 0), codes.INVALID_LOTS),
    "lots negative": ((None, I, 1, -1), codes.INVALID_LOTS),
    "lots huge": ((None, I, 1, codes.MAX_LOTS + 1), codes.INVALID_LOTS),
    "no price": ((None, I, 0, 1), codes.INVALID_PRICE),
    "price negative": ((None, I, -1, 1), codes.INVALID_PRICE),
    "price huge": ((None, I, codes.MAX_TICKS + 1, 1), codes.INVALID_PRICE),
}


@pytest.mark.parametrize(("arguments", "status"), BAD_TRADES.values(), ids=BAD_TRADES)
def test_an_invalid_trade_changes_no_byte(state, arguments, status):
    before = state.tobytes()
    time_ns, *rest = arguments
    assert (
        market.on_trade(state, support.now(state) if time_ns is None else time_ns, *rest) == status
    )
    assert state.tobytes() == before


# --- rates ----------------------------------------------------------------------------------------


def test_a_rate_revalues_balances_and_contracts(state):
    deposit(state, support.EXCHANGE, BTC, 2.0)
    before = float(state.account.equity)
    assert market.on_rate(state, support.now(state) + 1, BTC, 8192.0) == codes.OK
    assert state.account.equity == before + 2 * 4096.0
    assert state.currencies[BTC].rate_time_ns == support.now(state)
    assert state.market[INVERSE_BTC].value_per_lot == 128.0 / 4096 * 8192.0
    assert state.positions[SPOT_BTC].linked_balance == 2 * 8192.0


def test_the_first_rate_gives_what_had_no_value_its_weight():
    terms = {"kind": codes.LINEAR, "venue": 0, "currency": EUR, "underlying": 0}
    state = make_state(instruments={0: terms | {"contract_value": 0.5}}, marks=False)
    assert quote(state, 0, 1023, 1025) == codes.OK
    fill(state, 0, codes.BUY, 8, 1024)
    assert state.covariance.weight[0] == 0.0
    assert state.account.variance == 0.0
    assert market.on_rate(state, support.now(state), EUR, 2.0) == codes.OK
    assert state.covariance.weight[0] == 8 * 1024 * 0.5 * 2.0
    assert state.account.variance == pytest.approx((8192.0 * 0.0625) ** 2 / 24, rel=1e-12)


@pytest.mark.parametrize("amount", [4.0, -4.0])
def test_what_appears_at_the_first_rate_is_no_profit_and_a_debt_is_a_loss(amount):
    state = make_state()
    deposit(state, support.EXCHANGE, EUR, amount)
    before = float(state.account.equity)
    assert state.account.high_water_mark == before
    assert market.on_rate(state, support.now(state), EUR, 1024.0) == codes.OK
    account = state.account
    assert account.equity == before + amount * 1024.0
    if amount > 0:
        assert (account.drawdown, account.day_start_equity) == (0.0, account.equity)
    else:
        assert account.drawdown == 4096.0 / before
        assert account.day_start_equity == before


def test_later_rates_leave_the_weights_to_the_sample(state):
    deposit(state, support.EXCHANGE, BTC, 2.0)
    weight = state.covariance.weight.tobytes()
    assert market.on_rate(state, support.now(state) + 1, BTC, 8192.0) == codes.OK
    assert state.covariance.weight.tobytes() == weight


BAD_RATES = {
    "time": ((0, EUR, 1.0), codes.INVALID_TIME),
    "currency negative": ((None, -1, 1.0), codes.INVALID_CURRENCY),
    "currency outside": ((None, 3, 1.0), codes.INVALID_CURRENCY),
    "account currency": ((None, USD, 1.0), codes.INVALID_CURRENCY),
    "zero": ((None, EUR, 0.0), codes.INVALID_VALUE),
    "negative": ((None, EUR, -1.0), codes.INVALID_VALUE),
    "nan": ((None, EUR, math.nan), codes.INVALID_VALUE),
    "infinite": ((None, EUR, math.inf), codes.INVALID_VALUE),
    "minus infinite": ((None, EUR, -math.inf), codes.INVALID_VALUE),
    "huge": ((None, EUR, 1.0001e12), codes.INVALID_VALUE),
    "tiny": ((None, EUR, 0.999e-12), codes.INVALID_VALUE),
    "subnormal": ((None, EUR, 5e-324), codes.INVALID_VALUE),
}


@pytest.mark.parametrize(("arguments", "status"), BAD_RATES.values(), ids=BAD_RATES)
def test_an_invalid_rate_changes_no_byte(state, arguments, status):
    before = state.tobytes()
    time_ns, *rest = arguments
    assert (
        market.on_rate(state, support.now(state) if time_ns is None else time_ns, *rest) == status
    )
    assert state.tobytes() == before


# --- the clock ------------------------------------------------------------------------------------


def test_the_clock_finds_orders_without_an_answer(state):
    handle = support.reserve(state, I, codes.BUY, 10, 4000)
    slot = handle & codes.HANDLE_SLOT_MASK
    assert market.on_clock(state, support.now(state) + 5 * SECOND) == codes.OK
    assert state.orders[slot].status == codes.ORDER_PENDING
    assert market.on_clock(state, support.now(state) + 1) == codes.OK
    assert state.orders[slot].status == codes.ORDER_UNKNOWN


@pytest.mark.parametrize("event", ["quote", "bad quote", "trade"])
def test_market_data_finds_them_too(state, event):
    handle = support.reserve(state, I, codes.BUY, 10, 4000)
    slot = handle & codes.HANDLE_SLOT_MASK
    sent = support.now(state)

    def hear(time):
        if event == "trade":
            assert market.on_trade(state, time, I, 4096, 1) == codes.OK
        else:
            ask = 4097 if event == "quote" else 0
            assert support.quote(state, I, 4095, ask, time_ns=time) == codes.OK
        return state.orders[slot].status

    assert hear(sent + 5 * SECOND) == codes.ORDER_PENDING
    assert hear(sent + 5 * SECOND + 1) == codes.ORDER_UNKNOWN
    assert state.positions[I].unknown_orders == 1


def test_the_clock_rolls_the_day(state):
    fill(state, I, codes.BUY, 10, 4096)
    assert state.account.turnover_day > 0.0
    assert market.on_clock(state, support.now(state) + support.DAY) == codes.OK
    assert state.account.turnover_day == 0.0
    assert state.account.day_start_equity == state.account.equity


def test_any_event_of_the_next_day_opens_the_daily_loss_latch_and_the_account(state):
    fill(state, I, codes.BUY, 10, 4096)
    state.parameters.max_daily_loss = 1e-9
    support.quote(state, I, 4000, 4001)
    assert state.account.latches & codes.LATCH_DAILY_LOSS
    assert state.account.state == codes.ACCOUNT_REDUCE_ONLY
    tomorrow = support.now(state) + support.DAY
    assert system.on_heartbeat(state, tomorrow, system.MONITOR) == codes.OK
    assert state.account.latches & codes.LATCH_DAILY_LOSS == 0
    assert (state.account.state == codes.NORMAL) == (state.account.latches == 0)


@pytest.mark.parametrize("time_ns", [0, -1, codes.MAX_TIME_NS + 1])
def test_an_invalid_clock_changes_no_byte(state, time_ns):
    before = state.tobytes()
    assert market.on_clock(state, time_ns) == codes.INVALID_TIME
    assert state.tobytes() == before


def test_a_foreign_buffer_is_refused():
    state = make_empty()
    state.header.magic += 1
    before = state.tobytes()
    time_ns = support.START_NS
    assert market.on_quote(state, time_ns, 0, 1, 1, 2, 1) == codes.BAD_BUFFER
    assert market.on_trade(state, time_ns, 0, 1, 1) == codes.BAD_BUFFER
    assert market.on_rate(state, time_ns, 0, 1.0) == codes.BAD_BUFFER
    assert market.on_clock(state, time_ns) == codes.BAD_BUFFER
    assert state.tobytes() == before


def test_the_first_rate_of_a_currency_is_no_profit():
    state = support.make_state(cash=500.0)  # at each of two venues
    support.deposit(state, support.EXCHANGE, support.EUR, 500.0)
    before = state.account.drawdown
    now = int(state.header.last_time_ns)
    assert market.on_rate(state, now + 1, support.EUR, 2.0) == codes.OK
    assert state.account.equity == 2000.0
    assert state.account.high_water_mark == 2000.0
    assert state.account.day_start_equity == 2000.0
    assert state.account.drawdown == before
    assert market.on_rate(state, now + 2, support.EUR, 4.0) == codes.OK
    assert state.account.high_water_mark == 3000.0
    assert state.account.day_start_equity == 2000.0
