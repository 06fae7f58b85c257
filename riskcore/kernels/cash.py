"""Funding, transfers and final settlement: cash that moves without a fill."""

from riskcore.codes import (
    BOOKED_UNMATCHED,
    EVENT_FUNDING,
    EVENT_SETTLEMENT,
    EVENT_TRANSFER,
    INVALID_CURRENCY,
    INVALID_INSTRUMENT,
    INVALID_LOTS,
    INVALID_PRICE,
    INVALID_VALUE,
    INVALID_VENUE,
    LATCH_RECONCILIATION,
    MAX_MONEY,
    MAX_TICKS,
    OK,
)
from riskcore.kernels.entry import (
    check_time,
    currency_has_balance,
    currency_is_set,
    instrument_is_set,
    strategy_is_set,
    touch,
    venue_is_set,
)
from riskcore.kernels.exposure import change_balance, move_marks, update_equity, update_strategy
from riskcore.kernels.language import kernel
from riskcore.kernels.positions import (
    book_holding,
    book_position,
    position_fits,
    refresh_position,
    set_first_mark,
    settle_cash,
)

NO_STRATEGY = -1


@kernel
def on_funding(state, time_ns, instrument, strategy, currency, amount):
    """Book a funding payment on a position.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    instrument : int64
        Its venue's balance moves.
    strategy : int64
        Whose record it enters; -1 for nobody's, and so is one that was never set.
    currency : int64
        Any that the tables have a place for.
    amount : float64, cash
        Positive when received, at most MAX_MONEY in size. Counts as 0 money while the currency's
        rate is unknown.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_INSTRUMENT, INVALID_CURRENCY, INVALID_VALUE (nothing
        changed), OK, or BOOKED_UNMATCHED where strategy or currency was never set; the instrument
        is latched then.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if not instrument_is_set(state, instrument):
        return INVALID_INSTRUMENT
    if not currency_has_balance(state, currency):
        return INVALID_CURRENCY
    if not (-MAX_MONEY <= amount <= MAX_MONEY):
        return INVALID_VALUE
    touch(state, time_ns, EVENT_FUNDING)
    venue = state.instruments[instrument].venue
    money = amount * state.currencies[currency].rate
    state.balances[venue, currency].funding += amount
    state.positions[instrument].funding += money
    state.account.funding += money
    change_balance(state, venue, currency, amount)
    owned = strategy_is_set(state, strategy)
    if owned:
        state.strategies[strategy].realized += money
        update_strategy(state, strategy)
    update_equity(state)
    if (owned or strategy == NO_STRATEGY) and currency_is_set(state, currency):
        return OK
    state.positions[instrument].latches |= LATCH_RECONCILIATION
    return BOOKED_UNMATCHED


@kernel
def on_transfer(state, time_ns, venue, currency, amount):
    """Book a deposit or withdrawal. It is neither gain nor loss: the marks move along.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    venue : int64
    currency : int64
        Any that the tables have a place for.
    amount : float64, cash
        Positive for a deposit, at most MAX_MONEY in size. Counts as 0 money while the currency's
        rate is unknown.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_VENUE, INVALID_CURRENCY, INVALID_VALUE (nothing changed),
        OK, or BOOKED_UNMATCHED where the currency was never set.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if not venue_is_set(state, venue):
        return INVALID_VENUE
    if not currency_has_balance(state, currency):
        return INVALID_CURRENCY
    if not (-MAX_MONEY <= amount <= MAX_MONEY):
        return INVALID_VALUE
    touch(state, time_ns, EVENT_TRANSFER)
    account = state.account
    value = amount * state.currencies[currency].rate
    move_marks(state, account.equity, value)
    account.transfers += value
    state.balances[venue, currency].deposits += amount
    change_balance(state, venue, currency, amount)
    update_equity(state)
    return OK if currency_is_set(state, currency) else BOOKED_UNMATCHED


@kernel
def on_settlement(state, time_ns, instrument, price_ticks):
    """Close the whole position of an instrument at its final settlement price.

    Realised as by a fill without fee; the lots count as adjusted and the cash as a settlement. The
    share of every strategy is closed too. Working orders keep their reservation until the venue
    reports them gone.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    instrument : int64
    price_ticks : int64, ticks
        1 to MAX_TICKS.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_INSTRUMENT, INVALID_LOTS, INVALID_PRICE (nothing changed)
        or OK, also for a position that is flat.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if not instrument_is_set(state, instrument):
        return INVALID_INSTRUMENT
    position = state.positions[instrument]
    lots = position.net_lots
    if not position_fits(state, instrument, 0, 0, -lots):
        return INVALID_LOTS
    if not (1 <= price_ticks <= MAX_TICKS):
        return INVALID_PRICE
    now = touch(state, time_ns, EVENT_SETTLEMENT)
    ticks = float(price_ticks)
    set_first_mark(state, now, instrument, ticks)
    for s in range(state.header.strategies):
        held = state.holdings[s, instrument].lots
        if held != 0:
            book_holding(state, now, s, instrument, -held, ticks, 0.0, 1)
            update_strategy(state, s)
    if lots != 0:
        realized = book_position(state, now, instrument, -lots, ticks, 0.0, 1)
        position.adjusted_lots -= lots
        cash = settle_cash(state, instrument, -lots, ticks, realized)
        book_settlement(state, instrument, cash)
    refresh_position(state, instrument, lots)
    return OK


@kernel
def book_settlement(state, i, cash):
    """Move a settlement's cash into the balance of instrument `i`."""
    record = state.instruments[i]
    state.balances[record.venue, record.currency].adjusted += cash
    state.account.settlements += cash * state.currencies[record.currency].rate
    change_balance(state, record.venue, record.currency, cash)
