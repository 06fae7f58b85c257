"""Layer 4: the exchange. Message buckets, filters, state and conduct of one venue."""

from riskcore.codes import (
    ACTIVE,
    DOWN,
    HEARTBEAT_STALE,
    LATCH_REPEATED_EXECUTION,
    LIMIT,
    LOTS_BELOW_MIN,
    LOTS_OFF_STEP,
    MESSAGE_RATE_EXCEEDS_MAX,
    MESSAGE_WINDOW_EXCEEDS_MAX,
    NOTIONAL_BELOW_MIN,
    ORDER_TO_TRADE_EXCEEDS_MAX,
    PRICE_OFF_TICK,
    REJECT_RATE_EXCEEDS_MAX,
    REPEATED_EXECUTION,
    VENUE_DOWN,
    VENUE_EXPOSURE_EXCEEDS_MAX,
    VENUE_NOT_ACTIVE,
)
from riskcore.kernels.elementary import maximum
from riskcore.kernels.language import kernel
from riskcore.kernels.layers.measure import NO_CAP, exceeds, raise_use
from riskcore.kernels.layers.portfolio import cap_gross

WORD = 64


@kernel
def price_allowed(instrument, ticks):
    """True for a price on the venue's grid and inside its band."""
    if ticks < instrument.min_price_ticks or ticks > instrument.max_price_ticks:
        return False
    return instrument.tick_step > 0 and ticks % instrument.tick_step == 0


@kernel
def bucket_level(arrival_ns, now, interval_ns):
    """Level of a GCRA bucket after one more message, ns: max(0, arrival - now) + interval."""
    ahead = arrival_ns - now
    if ahead < 0:
        ahead = 0
    return ahead + interval_ns


@kernel
def check_messages(venue, now):
    """Message bucket and window of a venue: (objections, of them those that stop exits too)."""
    mask = 0
    blocking = 0
    bit = 1 << (MESSAGE_RATE_EXCEEDS_MAX - WORD)
    level = bucket_level(venue.message_arrival_ns, now, venue.message_interval_ns)
    if level > venue.message_burst_ns - venue.message_reserve_ns:
        mask |= bit
    if level > venue.message_burst_ns:
        blocking |= bit
    if venue.window_ns > 0:
        bit = 1 << (MESSAGE_WINDOW_EXCEEDS_MAX - WORD)
        used = 0
        if now < venue.window_start_ns + venue.window_ns:
            used = venue.window_used
        if used + 1 > venue.window_limit - venue.window_reserve:
            mask |= bit
        if used + 1 > venue.window_limit:
            blocking |= bit
    return mask, blocking


@kernel
def notional_allowed(instrument, lots, value):
    """True where `lots` of so much `value` each (money) reach the venue's minimum.

    A value of zero is one that nobody knows, as there is no mark or no rate: the venue will tell.
    Other checks stop what opens then.
    """
    return not (value > 0.0) or float(lots) * value >= instrument.min_notional


@kernel
def check_filters(instrument, type, price_ticks, stop_ticks, lots, value):
    """What the venue itself would refuse: off the grid, too small."""
    mask = 0
    if type == LIMIT:
        if not price_allowed(instrument, price_ticks):
            mask |= 1 << (PRICE_OFF_TICK - WORD)
    elif stop_ticks > 0 and not price_allowed(instrument, stop_ticks):
        mask |= 1 << (PRICE_OFF_TICK - WORD)
    if instrument.lot_step < 1 or lots % instrument.lot_step != 0:
        mask |= 1 << (LOTS_OFF_STEP - WORD)
    if lots < instrument.min_lots:
        mask |= 1 << (LOTS_BELOW_MIN - WORD)
    if not notional_allowed(instrument, lots, value):
        mask |= 1 << (NOTIONAL_BELOW_MIN - WORD)
    return mask


@kernel
def flag_exchange(state, i, now, type, price_ticks, stop_ticks, lots, value):
    """Objections of layer 4 that no smaller order mends, those that stop exits too, utilisation.

    `value` is that of a lot as the venue counts it, money.

    Returns
    -------
    mask, blocking : int64
        Bits of word 1.
    use : float64
    """
    instrument = state.instruments[i]
    venue = state.venues[instrument.venue]
    parameters = state.parameters
    mask, blocking = check_messages(venue, now)
    use = 0.0
    level = bucket_level(venue.message_arrival_ns, now, venue.message_interval_ns)
    use = raise_use(use, float(level), float(venue.message_burst_ns - venue.message_reserve_ns))
    wrong = check_filters(instrument, type, price_ticks, stop_ticks, lots, value)
    if venue.state == DOWN or instrument.state == DOWN:
        wrong |= 1 << (VENUE_DOWN - WORD)
    mask |= wrong
    blocking |= wrong
    if venue.state != ACTIVE and venue.state != DOWN:
        mask |= 1 << (VENUE_NOT_ACTIVE - WORD)
    if venue.heartbeat_ns > 0 or parameters.require_heartbeat != 0:
        if now - venue.heartbeat_ns > parameters.heartbeat_timeout_ns:
            mask |= 1 << (HEARTBEAT_STALE - WORD)
    messages = venue.messages_day + 1
    fills = venue.fills_day if venue.fills_day > 1 else 1
    if messages > parameters.order_to_trade_grace:
        if not (float(messages) <= parameters.max_order_to_trade * float(fills)):
            mask |= 1 << (ORDER_TO_TRADE_EXCEEDS_MAX - WORD)
    if not (venue.reject_rate <= parameters.max_reject_rate):
        mask |= 1 << (REJECT_RATE_EXCEEDS_MAX - WORD)
    use = raise_use(use, venue.reject_rate, parameters.max_reject_rate)
    if (state.positions[i].latches & LATCH_REPEATED_EXECUTION) != 0:
        mask |= 1 << (REPEATED_EXECUTION - WORD)
    return mask, blocking, use


@kernel
def measure_exchange(state, i, gross):
    """Sized objection of layer 4, the exposure at the venue, and its utilisation."""
    venue = state.venues[state.instruments[i].venue]
    mask = 0
    measure = venue.gross + (gross - state.positions[i].gross)
    limit = state.parameters.max_venue_exposure * state.account.equity
    if exceeds(measure, venue.gross, limit):
        mask |= 1 << (VENUE_EXPOSURE_EXCEEDS_MAX - WORD)
    use = raise_use(0.0, measure, limit)
    return mask, use


@kernel
def cap_exchange(state, mask, i, own_before):
    """Most lots (float64) that the layer lets through."""
    if not (mask & (1 << (VENUE_EXPOSURE_EXCEEDS_MAX - WORD))):
        return NO_CAP
    venue = state.venues[state.instruments[i].venue]
    limit = state.parameters.max_venue_exposure * state.account.equity
    slack = maximum(limit - venue.gross, 0.0)
    return cap_gross(state, i, own_before, state.positions[i].gross + slack)
