"""Quotes, trades, currency rates and the clock: the mark, the flash window and traded liquidity.

A window of the last W nanoseconds is kept as two buckets that start at multiples of W: the current
one and the one before. It covers W to 2 W of time with four numbers and no history.
"""

from riskcore.codes import (
    EVENT_CLOCK,
    EVENT_QUOTE,
    EVENT_RATE,
    EVENT_TRADE,
    INVALID_CURRENCY,
    INVALID_INSTRUMENT,
    INVALID_LOTS,
    INVALID_PRICE,
    INVALID_VALUE,
    MAX_LOTS,
    MAX_TICKS,
    OK,
    QUOTE_CROSSED,
    QUOTE_EMPTY,
    QUOTE_GOOD,
    QUOTE_ONE_SIDED,
)
from riskcore.kernels.elementary import maximum, minimum
from riskcore.kernels.entry import check_time, currency_is_set, instrument_is_set, touch
from riskcore.kernels.exposure import (
    move_marks,
    refresh_weight,
    revalue_all,
    revalue_position,
    update_equity,
)
from riskcore.kernels.language import kernel
from riskcore.kernels.orders import expire_pending
from riskcore.kernels.stops import refresh

MAX_RATE = 1e12
MIN_RATE = 1e-12


@kernel
def bucket_start(now, window_ns):
    """Start (int64, ns) of the bucket of length `window_ns` that holds `now`; 0 without one."""
    if window_ns <= 0:
        return 0
    return now - now % window_ns


@kernel
def flash_range(state, i, now):
    """Lowest and highest mark (float64, ticks) of the flash window of instrument `i` at `now`.

    Valid at any time from the last quote on, and writes nothing: a bucket without a quote holds the
    mark that stood through it.
    """
    market = state.market[i]
    window = state.parameters.flash_window_ns
    start = bucket_start(now, window)
    low = market.mark
    high = market.mark
    if start == market.flash_bucket_ns:
        low = minimum(market.flash_low, market.flash_low_before)
        high = maximum(market.flash_high, market.flash_high_before)
    elif start == market.flash_bucket_ns + window:
        low = market.flash_low
        high = market.flash_high
    return low, high


@kernel
def move_flash_window(state, i, mark, now):
    """Take the new mark (ticks) into the flash window; `market.mark` is still the one before.

    A new bucket starts from the mark before, so a jump between two buckets is seen.
    """
    market = state.market[i]
    window = state.parameters.flash_window_ns
    start = bucket_start(now, window)
    before = market.mark if market.mark_set != 0 else mark
    if not (market.flash_high > 0.0):
        market.flash_low_before = before
        market.flash_high_before = before
        market.flash_low = before
        market.flash_high = before
    elif start != market.flash_bucket_ns:
        if start == market.flash_bucket_ns + window:
            market.flash_low_before = market.flash_low
            market.flash_high_before = market.flash_high
        else:
            market.flash_low_before = before
            market.flash_high_before = before
        market.flash_low = before
        market.flash_high = before
    market.flash_bucket_ns = start
    market.flash_low = minimum(market.flash_low, mark)
    market.flash_high = maximum(market.flash_high, mark)


@kernel
def traded_lots(state, i, now):
    """Lots (float64) of instrument `i` traded in the liquidity window at `now`; writes nothing.

    The current bucket, and of the one before the part that still lies within the window.
    """
    market = state.market[i]
    window = state.parameters.liquidity_window_ns
    if window <= 0:
        return 0.0
    start = bucket_start(now, window)
    left = 1.0 - float(now - start) / float(window)
    if start == market.traded_bucket_ns:
        return market.traded_lots + market.traded_lots_before * left
    if start == market.traded_bucket_ns + window:
        return market.traded_lots * left
    return 0.0


@kernel
def count_traded(state, i, lots, now):
    """Add a trade of `lots` (int64) to the liquidity window."""
    market = state.market[i]
    window = state.parameters.liquidity_window_ns
    start = bucket_start(now, window)
    if start != market.traded_bucket_ns:
        if start == market.traded_bucket_ns + window:
            market.traded_lots_before = market.traded_lots
        else:
            market.traded_lots_before = 0.0
        market.traded_lots = 0.0
        market.traded_bucket_ns = start
    market.traded_lots += float(lots)


@kernel
def set_mark(state, i, mark, now):
    """Move the mark of instrument `i` (float64, ticks > 0) and all that is valued at it."""
    market = state.market[i]
    move_flash_window(state, i, mark, now)
    market.mark = mark
    market.mark_set = 1
    refresh(state, i)
    revalue_position(state, i)
    update_equity(state)


@kernel
def quote_state_of(bid_ticks, bid_lots, ask_ticks, ask_lots):
    """QUOTE_* of a book; a side is there where it has both a price and lots."""
    has_bid = bid_ticks > 0 and bid_lots > 0
    has_ask = ask_ticks > 0 and ask_lots > 0
    if not has_bid and not has_ask:
        return QUOTE_EMPTY
    if not (has_bid and has_ask):
        return QUOTE_ONE_SIDED
    if bid_ticks >= ask_ticks:
        return QUOTE_CROSSED
    return QUOTE_GOOD


@kernel
def on_quote(state, time_ns, instrument, bid_ticks, bid_lots, ask_ticks, ask_lots):
    """Take the best bid and ask of an instrument. Only a good book moves the mark.

    Orders of any instrument that got no answer in time are of unknown fate from here on.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
        Of the writer. A late one, before the last event, moves the mark, and is as old as it says.
    instrument : int64
    bid_ticks, ask_ticks : int64, ticks, 0 to MAX_TICKS
    bid_lots, ask_lots : int64, lots, 0 to MAX_LOTS
        A side without a price or without lots is missing.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_INSTRUMENT, INVALID_LOTS, INVALID_PRICE or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if not instrument_is_set(state, instrument):
        return INVALID_INSTRUMENT
    if bid_lots < 0 or bid_lots > MAX_LOTS or ask_lots < 0 or ask_lots > MAX_LOTS:
        return INVALID_LOTS
    if bid_ticks < 0 or bid_ticks > MAX_TICKS or ask_ticks < 0 or ask_ticks > MAX_TICKS:
        return INVALID_PRICE
    now = touch(state, time_ns, EVENT_QUOTE)
    expire_pending(state, now)
    market = state.market[instrument]
    market.quote_state = quote_state_of(bid_ticks, bid_lots, ask_ticks, ask_lots)
    market.quote_time_ns = time_ns
    market.bid_ticks = bid_ticks
    market.bid_lots = bid_lots
    market.ask_ticks = ask_ticks
    market.ask_lots = ask_lots
    if market.quote_state != QUOTE_GOOD:
        market.bad_quotes += 1
        return OK
    market.good_quote_ns = now
    state.system.last_quote_ns = maximum(state.system.last_quote_ns, time_ns)
    set_mark(state, instrument, float(bid_ticks + ask_ticks) * 0.5, now)
    return OK


@kernel
def on_trade(state, time_ns, instrument, price_ticks, lots):
    """Take a public trade: traded liquidity, and the first mark where no book was seen.

    Orders of any instrument that got no answer in time are of unknown fate from here on.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    instrument : int64
    price_ticks : int64, ticks, 1 to MAX_TICKS
    lots : int64, lots, 1 to MAX_LOTS

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_INSTRUMENT, INVALID_LOTS, INVALID_PRICE or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if not instrument_is_set(state, instrument):
        return INVALID_INSTRUMENT
    if lots < 1 or lots > MAX_LOTS:
        return INVALID_LOTS
    if price_ticks < 1 or price_ticks > MAX_TICKS:
        return INVALID_PRICE
    now = touch(state, time_ns, EVENT_TRADE)
    expire_pending(state, now)
    market = state.market[instrument]
    market.trade_ticks = price_ticks
    market.trade_time_ns = now
    count_traded(state, instrument, lots, now)
    if market.mark_set == 0:
        set_mark(state, instrument, float(price_ticks), now)
    return OK


@kernel
def weigh_currency(state, currency):
    """Give positions and balances that had no value before the first rate their weight."""
    for i in range(state.header.instrument_count):
        linked = state.currencies[currency].instrument == i + 1
        if linked or state.instruments[i].currency == currency:
            refresh_weight(state, i)


@kernel
def on_rate(state, time_ns, currency, rate):
    """Take the rate of a currency and revalue everything that depends on it.

    Weights of the covariance follow at the next sample, as they do for marks; only at the first
    rate, before which nothing in the currency had a value, they follow at once. What appears then
    is treated as a transfer, no profit; a debt that appears is a loss.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    currency : int64
        Not the account currency: its rate is 1.
    rate : float64, account currency per unit, 1e-12 to 1e12

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_CURRENCY, INVALID_VALUE or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if not currency_is_set(state, currency) or state.currencies[currency].is_account != 0:
        return INVALID_CURRENCY
    if not (rate >= MIN_RATE and rate <= MAX_RATE):
        return INVALID_VALUE
    touch(state, time_ns, EVENT_RATE)
    record = state.currencies[currency]
    first = not (record.rate > 0.0)
    record.rate = rate
    record.rate_time_ns = time_ns
    revalue_all(state)
    if first:
        weigh_currency(state, currency)
        # What the balances are worth at their first rate was there before: it is no profit. A debt
        # may be one: it lowers no mark, so the drawdown has it.
        equity = state.account.equity
        appeared = state.account.cash + state.account.holdings_value - equity
        move_marks(state, equity, maximum(appeared, 0.0))
    update_equity(state)
    return OK


@kernel
def on_clock(state, time_ns):
    """Time has passed without another event: the day may roll, requests may go unanswered.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    now = touch(state, time_ns, EVENT_CLOCK)
    expire_pending(state, now)
    update_equity(state)
    return OK
