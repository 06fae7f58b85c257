"""Reconciliation of positions: what the venue says is what is held."""

from riskcore.codes import (
    BOOKED_UNMATCHED,
    EVENT_POSITION,
    INVALID_INSTRUMENT,
    INVALID_LOTS,
    INVALID_PRICE,
    LATCH_RECONCILIATION,
    MAX_POSITION_LOTS,
    MAX_TICKS,
    OK,
)
from riskcore.kernels.entry import (
    UNATTRIBUTED_STRATEGY,
    check_time,
    instrument_is_set,
    touch,
)
from riskcore.kernels.exposure import change_balance, lot_value, update_strategy
from riskcore.kernels.language import kernel
from riskcore.kernels.positions import book_trade, position_fits, refresh_position


@kernel
def on_position(state, time_ns, instrument, lots, price_ticks):
    """Reconcile a position with the venue's: book the difference, record it, latch.

    An agreement changes only the time: latches stay until a named person resets them. A
    difference is booked at the given price in strategy 0, as adjusted lots and adjusted cash.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    instrument : int64
    lots : int64, lots
        Net position at the venue, signed, at most MAX_POSITION_LOTS in size; so is the difference.
    price_ticks : int64, ticks
        At which a difference is booked; 0 for the mark.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_INSTRUMENT, INVALID_LOTS, INVALID_PRICE (also: no price
        and no mark, with a difference to book; nothing changed), OK, or BOOKED_UNMATCHED.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if not instrument_is_set(state, instrument):
        return INVALID_INSTRUMENT
    if not (-MAX_POSITION_LOTS <= lots <= MAX_POSITION_LOTS):
        return INVALID_LOTS
    before = state.positions[instrument].net_lots
    difference = lots - before
    if not position_fits(state, instrument, 0, 0, difference):
        return INVALID_LOTS
    if not (0 <= price_ticks <= MAX_TICKS):
        return INVALID_PRICE
    if difference != 0 and price_ticks == 0 and state.market[instrument].mark_set == 0:
        return INVALID_PRICE
    now = touch(state, time_ns, EVENT_POSITION)
    if difference == 0:
        return OK
    ticks = float(price_ticks) if price_ticks > 0 else state.market[instrument].mark
    book_difference(state, now, instrument, difference, ticks)
    refresh_position(state, instrument, before)
    update_strategy(state, UNATTRIBUTED_STRATEGY)
    return BOOKED_UNMATCHED


@kernel
def book_difference(state, now, i, difference, ticks):
    """Book `difference` (lots, signed) at `ticks` (float64) as a break of instrument `i`."""
    record = state.instruments[i]
    position = state.positions[i]
    position.adjusted_lots += difference
    position.latches |= LATCH_RECONCILIATION
    cash = book_trade(state, now, i, UNATTRIBUTED_STRATEGY, difference, ticks, 0.0, 0, 0)
    state.balances[record.venue, record.currency].adjusted += cash
    change_balance(state, record.venue, record.currency, cash)
    account = state.account
    account.break_count += 1
    account.breaks += float(abs(difference)) * lot_value(state, i, ticks)
