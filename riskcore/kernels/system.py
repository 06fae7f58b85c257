"""Signs of life, latency, errors, the hand of a person, and the decided regime."""

from riskcore.codes import (
    ACTIVE,
    CLOSE_ONLY,
    CONTROL_KILL,
    CONTROL_LATCH_ACCOUNT,
    CONTROL_LATCH_INSTRUMENT,
    CONTROL_REBASE_PEAK,
    CONTROL_RESET_COOLDOWN,
    CONTROL_RESET_INSTRUMENT,
    CONTROL_RESET_KILL,
    CONTROL_RESET_LATCHES,
    CONTROL_RESTART,
    CONTROL_SET_STRATEGY_STATE,
    CONTROL_SET_VENUE_STATE,
    CONTROL_VENUE_USAGE,
    DISABLED,
    DOWN,
    EVENT_CONTROL,
    EVENT_ERROR,
    EVENT_HEARTBEAT,
    EVENT_LATENCY,
    EVENT_REGIME,
    INVALID_CODE,
    INVALID_IDENTIFIER,
    INVALID_INSTRUMENT,
    INVALID_STRATEGY,
    INVALID_VALUE,
    INVALID_VENUE,
    LATCH_OPERATOR,
    LATCH_RECONCILIATION,
    MAX_IDENTIFIER,
    MAX_LOTS,
    MAX_TIME_JUMP_NS,
    MAX_TIME_NS,
    OK,
)
from riskcore.kernels.elementary import maximum, minimum
from riskcore.kernels.entry import (
    check_time,
    instrument_is_set,
    refresh_account_state,
    strategy_is_set,
    touch,
    venue_is_set,
)
from riskcore.kernels.exposure import revalue_position, update_equity
from riskcore.kernels.language import kernel
from riskcore.kernels.orders import doubt_orders
from riskcore.kernels.setup import apply_regime

MONITOR = -1  # the venue number by which the monitor beats


@kernel
def on_heartbeat(state, time_ns, venue):
    """A sign of life of a venue, or of the monitor (`venue` = -1). A late one is as old as it says.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_VENUE or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if venue != MONITOR and not venue_is_set(state, venue):
        return INVALID_VENUE
    touch(state, time_ns, EVENT_HEARTBEAT)
    if venue == MONITOR:
        state.system.monitor_heartbeat_ns = maximum(state.system.monitor_heartbeat_ns, time_ns)
    else:
        record = state.venues[venue]
        record.heartbeat_ns = maximum(record.heartbeat_ns, time_ns)
    return OK


@kernel
def on_latency(state, time_ns, latency_ns):
    """Smooth a measured processing latency; the first measurement counts whole.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    latency_ns : int64, ns, 0 to MAX_TIME_NS

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_VALUE or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if latency_ns < 0 or latency_ns > MAX_TIME_NS:
        return INVALID_VALUE
    first = state.counters.events[EVENT_LATENCY] == 0
    touch(state, time_ns, EVENT_LATENCY)
    system = state.system
    measured = float(latency_ns)
    if first:
        system.latency_ewma_ns = measured
    else:
        decay = state.parameters.latency_decay
        smoothed = decay * system.latency_ewma_ns + (1.0 - decay) * measured
        # A mean below a thousandth of a nanosecond is none: it must not fade into subnormals.
        system.latency_ewma_ns = smoothed if smoothed >= 1e-3 else 0.0
    system.latency_max_ns = maximum(system.latency_max_ns, latency_ns)
    return OK


@kernel
def on_error(state, time_ns, code):
    """Count an error of the caller in a bucket that drains one error per `error_interval_ns`.

    Errors are facts: the bucket overdraws, by at most a year, and opens again when it has drained.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    code : int64, 0 to MAX_IDENTIFIER
        Opaque; the journal keeps it.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_CODE or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if code < 0 or code > MAX_IDENTIFIER:
        return INVALID_CODE
    now = touch(state, time_ns, EVENT_ERROR)
    system = state.system
    interval = minimum(state.parameters.error_interval_ns, MAX_TIME_JUMP_NS)
    arrival = maximum(system.error_arrival_ns, now) + interval
    system.error_arrival_ns = minimum(arrival, now + MAX_TIME_JUMP_NS)
    system.errors += 1
    return OK


@kernel
def takes_instrument(code):
    """True for a control code whose target is an instrument."""
    return code == CONTROL_RESET_INSTRUMENT or code == CONTROL_LATCH_INSTRUMENT


@kernel
def takes_venue(code):
    """True for a control code whose target is a venue."""
    return code == CONTROL_SET_VENUE_STATE or code == CONTROL_VENUE_USAGE


@kernel
def is_reset(code):
    """True for a control code that gives up a protection: it needs a named person."""
    return (
        code == CONTROL_RESET_KILL
        or code == CONTROL_RESET_LATCHES
        or code == CONTROL_RESET_INSTRUMENT
        or code == CONTROL_RESET_COOLDOWN
        or code == CONTROL_REBASE_PEAK
    )


@kernel
def check_control(state, code, target, value, author):
    """Status of the arguments of `control`; writes nothing."""
    if takes_instrument(code) and not instrument_is_set(state, target):
        return INVALID_INSTRUMENT
    if code == CONTROL_SET_STRATEGY_STATE and not strategy_is_set(state, target):
        return INVALID_STRATEGY
    if takes_venue(code) and not venue_is_set(state, target):
        return INVALID_VENUE
    if code == CONTROL_VENUE_USAGE and (value < 0 or value > MAX_LOTS):
        return INVALID_VALUE
    if code < CONTROL_KILL or code > CONTROL_RESTART:
        return INVALID_CODE
    known = value == ACTIVE or value == CLOSE_ONLY or value == DOWN
    if code == CONTROL_SET_VENUE_STATE and not known:
        return INVALID_CODE
    if code == CONTROL_SET_STRATEGY_STATE and value != ACTIVE and value != DISABLED:
        return INVALID_CODE
    if author < 0 or author > MAX_IDENTIFIER:
        return INVALID_IDENTIFIER
    if author == 0 and is_reset(code):
        return INVALID_IDENTIFIER
    return OK


@kernel
def control_account(state, code, author):
    """Kill, its reset, the account's latches, cool-down and peak."""
    account = state.account
    if code == CONTROL_KILL:
        state.system.kill = 1
        state.system.kill_author = author
    elif code == CONTROL_RESET_KILL:
        state.system.kill = 0
        state.system.kill_author = author
    elif code == CONTROL_RESET_LATCHES:
        account.latches = 0
    elif code == CONTROL_LATCH_ACCOUNT:
        account.latches |= LATCH_OPERATOR
    elif code == CONTROL_RESET_COOLDOWN:
        account.cooldown_until_ns = 0
        account.losing_streak = 0
    elif code == CONTROL_REBASE_PEAK:
        account.high_water_mark = maximum(account.equity, 0.0)
        account.day_start_equity = account.equity
        update_equity(state)


@kernel
def set_venue_usage(state, venue, used, now):
    """Messages used in the current window, as the venue itself reports them."""
    record = state.venues[venue]
    if record.window_ns > 0 and now - record.window_start_ns >= record.window_ns:
        record.window_start_ns = now - now % record.window_ns
    record.window_used = used


@kernel
def control(state, time_ns, code, target, value, author):
    """What a person or the monitor decides: kill, latch, reset, state of a venue or strategy.

    CONTROL_RESTART is the first event of a process that takes over an account: answers may have
    been missed, so every live order is of unknown fate until it is reconciled. `value` is the
    number of facts that the account was rebuilt without, as a full journal never had them: above 0
    the account opens nothing until a named person has looked.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    code : int64
        CONTROL_*.
    target : int64
        Instrument, venue or strategy where the code has one; else ignored.
    value : int64
        New state, messages used, or facts that are missing; else ignored.
    author : int64, 0 to MAX_IDENTIFIER
        A reset needs a named person (> 0); a kill is never refused for want of a name.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_INSTRUMENT, INVALID_STRATEGY, INVALID_VENUE,
        INVALID_VALUE, INVALID_CODE, INVALID_IDENTIFIER or OK.

    Notes
    -----
    Resetting the account's latches while the loss that set them persists latches it again: the
    person who accepts the loss rebases the peak first.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    status = check_control(state, code, target, value, author)
    if status != OK:
        return status
    now = touch(state, time_ns, EVENT_CONTROL)
    if code == CONTROL_RESET_INSTRUMENT:
        state.positions[target].latches = 0
    elif code == CONTROL_LATCH_INSTRUMENT:
        state.positions[target].latches |= LATCH_OPERATOR
    elif code == CONTROL_SET_VENUE_STATE:
        state.venues[target].state = value
    elif code == CONTROL_SET_STRATEGY_STATE:
        state.strategies[target].state = value
    elif code == CONTROL_VENUE_USAGE:
        set_venue_usage(state, target, value, now)
    elif code == CONTROL_RESTART:
        doubt_orders(state)
        if value > 0:
            state.account.latches |= LATCH_RECONCILIATION
    else:
        control_account(state, code, author)
        if code == CONTROL_RESET_LATCHES:
            update_equity(state)
    refresh_account_state(state)
    return OK


@kernel
def on_regime(state, time_ns, regime, probability):
    """Take the decided market regime and its probability; the others share the rest equally.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    regime : int64
        REGIME_*, below the shape's number of regimes.
    probability : float64, 0 to 1

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_VALUE, INVALID_CODE or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if not (probability >= 0.0 and probability <= 1.0):
        return INVALID_VALUE
    count = state.header.regimes
    if regime < 0 or regime >= count:
        return INVALID_CODE
    now = touch(state, time_ns, EVENT_REGIME)
    record = state.regime
    if record.current != regime:
        record.current = regime
        record.since_ns = now
    rest = 0.0
    if count > 1:
        rest = (1.0 - probability) / float(count - 1)
    for r in range(count):
        record.probability[r] = rest
    record.probability[regime] = probability
    if state.parameters.version > 0:
        apply_regime(state)
        for i in range(state.header.instrument_count):
            revalue_position(state, i)
    return OK
