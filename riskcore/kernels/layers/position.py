"""Layer 1: one position. Its own end is what it is once every working order of the side fills."""

from riskcore.codes import (
    CLOSE_ONLY,
    INSTRUMENT_CLOSE_ONLY,
    LIQUIDATION_DISTANCE_BELOW_MIN,
    ORDER_LOTS_EXCEEDS_MAX,
    ORDER_NOTIONAL_EXCEEDS_MAX,
    POSITION_LOTS_EXCEEDS_MAX,
    POSITION_NOTIONAL_EXCEEDS_MAX,
    POSITION_SHARE_EXCEEDS_MAX,
    POSITION_STOP_LOSS_EXCEEDS_MAX,
    POSITION_VAR_EXCEEDS_MAX,
    REDUCE_ONLY,
    REDUCE_ONLY_WOULD_OPEN,
    SHORTING_NOT_ALLOWED,
    SPOT,
    STOP_BREACHED,
)
from riskcore.kernels.elementary import maximum, minimum
from riskcore.kernels.language import kernel
from riskcore.kernels.layers.measure import (
    NO_CAP,
    exceeds,
    lots_within,
    raise_use,
    smaller,
)


@kernel
def flag_position(state, i, now):
    """Objections that do not depend on the size of the order."""
    instrument = state.instruments[i]
    mask = 0
    if state.positions[i].stop_breached != 0:
        mask |= 1 << STOP_BREACHED
    expired = instrument.expiry_ns > 0 and now >= instrument.expiry_ns
    if instrument.state == CLOSE_ONLY or expired:
        mask |= 1 << INSTRUMENT_CLOSE_ONLY
    return mask


@kernel
def own_stop_fraction(state, i, side):
    """Loss fraction at the stop of a position on `side`, gap included."""
    if side > 0:
        return state.positions[i].stop_fraction_long
    return state.positions[i].stop_fraction_short


@kernel
def maintenance_after(state, i, own_value, other_value):
    """Maintenance margin of the whole venue with this position's ends at the two values."""
    instrument = state.instruments[i]
    venue = state.venues[instrument.venue]
    ends = maximum(maximum(own_value, other_value), 0.0)
    # A position that stays as it is must leave the sum to the bit.
    more = ends * instrument.maintenance_margin - state.positions[i].maintenance
    return venue.maintenance + more


@kernel
def measure_position(state, i, side, flags, lots, opening, own_before, order_value, other_value):
    """Sized objections of layer 1 and its utilisation.

    Parameters
    ----------
    state : record, read
    i, side, flags : int64
    lots, opening : int64, lots
        The order as evaluated and its opening part.
    own_before : int64, lots
        Own end without the order: side x net + working lots of the side.
    order_value : float64, money
        Value of one lot at the order's price.
    other_value : float64, money
        Value of the position at its other end.

    Returns
    -------
    mask : int64
        Bits of word 0.
    use : float64
        Largest utilisation.
    """
    instrument = state.instruments[i]
    parameters = state.parameters
    equity = state.account.equity
    multiplier = state.regime.risk_multiplier
    value = state.market[i].value_per_lot
    mask = 0
    use = 0.0

    if opening > instrument.max_order_lots:
        mask |= 1 << ORDER_LOTS_EXCEEDS_MAX
    use = raise_use(use, float(opening), float(instrument.max_order_lots))
    measure = float(opening) * order_value
    if not (measure <= instrument.max_order_notional):
        mask |= 1 << ORDER_NOTIONAL_EXCEEDS_MAX
    use = raise_use(use, measure, instrument.max_order_notional)

    own = own_before + lots
    held = own if own > 0 else 0
    own_value = float(held) * value
    if held > instrument.max_position_lots:
        mask |= 1 << POSITION_LOTS_EXCEEDS_MAX
    use = raise_use(use, float(held), float(instrument.max_position_lots))
    if not (own_value <= instrument.max_position_notional):
        mask |= 1 << POSITION_NOTIONAL_EXCEEDS_MAX
    limit = parameters.max_position_share * equity
    if not (own_value <= limit):
        mask |= 1 << POSITION_SHARE_EXCEEDS_MAX
    use = raise_use(use, own_value, minimum(limit, instrument.max_position_notional))

    limit = parameters.max_position_risk * equity
    stop_loss = own_value * own_stop_fraction(state, i, side) * multiplier
    if not (stop_loss <= limit):
        mask |= 1 << POSITION_STOP_LOSS_EXCEEDS_MAX
    measure = own_value * state.volatility[i].volatility * parameters.var_multiplier * multiplier
    if not (measure <= limit):
        mask |= 1 << POSITION_VAR_EXCEEDS_MAX
    use = raise_use(use, maximum(stop_loss, measure), limit)

    if instrument.kind != SPOT:
        minimum_distance = parameters.min_liquidation_distance
        held_before = own_before if own_before > 0 else 0
        before = state.venues[instrument.venue].maintenance + minimum_distance * (
            float(held_before) * value
        )
        measure = maintenance_after(state, i, own_value, other_value) + minimum_distance * own_value
        limit = state.venues[instrument.venue].equity
        if exceeds(measure, before, limit):
            mask |= 1 << LIQUIDATION_DISTANCE_BELOW_MIN
        use = raise_use(use, measure, limit)
    if side < 0 and own > 0 and instrument.shorting_allowed == 0:
        mask |= 1 << SHORTING_NOT_ALLOWED
    if (flags & REDUCE_ONLY) != 0 and opening > 0:
        mask |= 1 << REDUCE_ONLY_WOULD_OPEN
    return mask, use


@kernel
def cap_liquidation(state, i, own_before, other_value):
    """Lots that keep the distance to liquidation: piecewise linear in the own end."""
    instrument = state.instruments[i]
    position = state.positions[i]
    venue = state.venues[instrument.venue]
    value = state.market[i].value_per_lot
    distance = state.parameters.min_liquidation_distance
    held_before = own_before if own_before > 0 else 0
    allowed = maximum(venue.equity, venue.maintenance + distance * float(held_before) * value)
    # While the own end is the smaller one the margin stays as it is.
    flat = NO_CAP
    if distance > 0.0:
        flat = (allowed - venue.maintenance) / distance
    if flat > other_value:
        slope = instrument.maintenance_margin + distance
        flat = NO_CAP
        if slope > 0.0:
            flat = (allowed - venue.maintenance + position.maintenance) / slope
        flat = maximum(flat, other_value)
    return lots_within(flat, value) - float(own_before)


@kernel
def cap_position(state, mask, i, side, exit_lots, own_before, order_value, other_value):
    """Most lots (float64) that every objecting check of the layer lets through."""
    instrument = state.instruments[i]
    parameters = state.parameters
    equity = state.account.equity
    multiplier = state.regime.risk_multiplier
    value = state.market[i].value_per_lot
    own = float(own_before)
    cap = NO_CAP
    if mask & (1 << ORDER_LOTS_EXCEEDS_MAX):
        cap = smaller(cap, float(exit_lots + instrument.max_order_lots))
    if mask & (1 << ORDER_NOTIONAL_EXCEEDS_MAX):
        cap = smaller(
            cap, float(exit_lots) + lots_within(instrument.max_order_notional, order_value)
        )
    if mask & (1 << POSITION_LOTS_EXCEEDS_MAX):
        cap = smaller(cap, float(instrument.max_position_lots) - own)
    if mask & (1 << POSITION_NOTIONAL_EXCEEDS_MAX):
        cap = smaller(cap, lots_within(instrument.max_position_notional, value) - own)
    if mask & (1 << POSITION_SHARE_EXCEEDS_MAX):
        cap = smaller(cap, lots_within(parameters.max_position_share * equity, value) - own)
    risk = parameters.max_position_risk * equity
    if mask & (1 << POSITION_STOP_LOSS_EXCEEDS_MAX):
        fraction = own_stop_fraction(state, i, side) * multiplier
        cap = smaller(cap, lots_within(risk, value * fraction) - own)
    if mask & (1 << POSITION_VAR_EXCEEDS_MAX):
        fraction = state.volatility[i].volatility * parameters.var_multiplier * multiplier
        cap = smaller(cap, lots_within(risk, value * fraction) - own)
    if mask & (1 << LIQUIDATION_DISTANCE_BELOW_MIN):
        cap = smaller(cap, cap_liquidation(state, i, own_before, other_value))
    if mask & (1 << SHORTING_NOT_ALLOWED):
        cap = smaller(cap, -own)
    if mask & (1 << REDUCE_ONLY_WOULD_OPEN):
        cap = smaller(cap, float(exit_lots))
    return cap
