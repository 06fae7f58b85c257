"""What every event does first: check the buffer and the time, then move the clock."""

from riskcore.codes import (
    ACCOUNT_REDUCE_ONLY,
    BAD_BUFFER,
    CANCEL_ONLY,
    DAY_NS,
    INVALID_TIME,
    LATCH_DAILY_LOSS,
    MAX_TIME_JUMP_NS,
    MAX_TIME_NS,
    NORMAL,
    OK,
    UNSET,
)
from riskcore.kernels.language import kernel
from riskcore.layout import ABI_VERSION, MAGIC

UNATTRIBUTED_STRATEGY = 0  # what is nobody's trade is held here, so that holdings add up


@kernel
def buffer_intact(state):
    """True where magic, ABI and canary are those of this code."""
    header = state.header
    return (
        header.magic == MAGIC
        and header.abi_version == ABI_VERSION
        and header.layout_hash > 0
        and state.system.canary == MAGIC
    )


@kernel
def check_time(state, time_ns):
    """Status of an event at `time_ns`: BAD_BUFFER, INVALID_TIME or OK. Writes nothing.

    A time before the last one is valid (the fact is booked at the last time); one more than a
    year ahead is not, or a single bad stamp would make every later one late.
    """
    if not buffer_intact(state):
        return BAD_BUFFER
    if time_ns < 1 or time_ns > MAX_TIME_NS:
        return INVALID_TIME
    last = state.header.last_time_ns
    if last > 0 and time_ns > last + MAX_TIME_JUMP_NS:
        return INVALID_TIME
    return OK


@kernel
def instrument_is_set(state, instrument):
    """True for the index of an instrument that has been set."""
    if instrument < 0 or instrument >= state.header.instrument_count:
        return False
    return state.instruments[instrument].state != UNSET


@kernel
def strategy_is_set(state, strategy):
    """True for the index of a strategy that has been set."""
    if strategy < 0 or strategy >= state.header.strategy_count:
        return False
    return state.strategies[strategy].state != UNSET


@kernel
def venue_is_set(state, venue):
    """True for the index of a venue that has been set."""
    if venue < 0 or venue >= state.header.venue_count:
        return False
    return state.venues[venue].state != UNSET


@kernel
def holder_of(state, strategy):
    """The strategy that a fact is booked in: its own, the first where that was never set."""
    return strategy if strategy_is_set(state, strategy) else UNATTRIBUTED_STRATEGY


@kernel
def currency_has_balance(state, currency):
    """True where the tables hold balances of a currency, which may not have been set yet.

    What is booked in it counts as 0 money until it is set and has a rate; nothing is lost.
    """
    return 0 <= currency < state.header.currencies


@kernel
def currency_is_set(state, currency):
    """True for the index of a currency that has been set."""
    if currency < 0 or currency >= state.header.currency_count:
        return False
    return state.currencies[currency].state != UNSET


@kernel
def refresh_account_state(state):
    """The account's state from the kill word and the latches."""
    account = state.account
    if state.system.kill != 0:
        account.state = CANCEL_ONLY
    elif account.latches != 0:
        account.state = ACCOUNT_REDUCE_ONLY
    else:
        account.state = NORMAL


@kernel
def roll_day(state, day):
    """Start the UTC day `day`: daily sums begin anew and the daily-loss latch opens."""
    state.header.day = day
    account = state.account
    account.day_start_equity = account.equity
    account.turnover_day = 0.0
    account.latches -= account.latches & LATCH_DAILY_LOSS
    refresh_account_state(state)
    for v in range(state.header.venue_count):
        state.venues[v].messages_day = 0
        state.venues[v].fills_day = 0
    for s in range(state.header.strategy_count):
        state.strategies[s].day_start_pnl = state.strategies[s].pnl


@kernel
def touch(state, time_ns, kind):
    """Count a valid event and move the clock; return the time that counts, never before the last.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
        Checked by `check_time`.
    kind : int64
        EVENT_* number.

    Returns
    -------
    int64
        max(last time, time_ns).
    """
    header = state.header
    now = time_ns
    last = header.last_time_ns
    if time_ns < last:
        now = last
        state.counters.clock_steps_back += 1
    if time_ns > last:
        state.system.same_time_events = 0
    else:
        state.system.same_time_events += 1
    header.last_time_ns = now
    header.event_count += 1
    state.counters.events[kind] += 1
    day = now // DAY_NS
    if day != header.day:
        roll_day(state, day)
    return now
