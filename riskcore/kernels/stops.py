"""Stops and targets of open positions, and the loss fractions that the gate charges for them.

The model distance of instrument i is ``d = stop_scale * volatility[i] * stop_multiplier``: standard
deviations over the stop horizon, widened or narrowed by the regime, as a fraction of the mark. A
stop trails the mark at that distance and never retreats; a target never moves away.
"""

from riskcore.kernels.elementary import maximum, minimum
from riskcore.kernels.language import kernel

MAX_STOP_DISTANCE = 0.99  # a long's stop stays above zero


@kernel
def model_distance(state, i):
    """Model stop distance of instrument `i` from its mark (float64, fraction, 0 to 0.99)."""
    distance = (
        state.parameters.stop_scale * state.volatility[i].volatility * state.regime.stop_multiplier
    )
    return minimum(distance, MAX_STOP_DISTANCE)


@kernel
def place_stop(state, i):
    """Put the stop and the target of a newly opened position around the mark."""
    position = state.positions[i]
    mark = state.market[i].mark
    distance = state.volatility[i].stop_distance
    target = state.parameters.target_multiple * distance
    position.stop_breached = 0
    if not (mark > 0.0 and distance > 0.0):
        position.stop_price = 0.0
        position.target_price = 0.0
    elif position.net_lots > 0:
        position.stop_price = mark * (1.0 - distance)
        position.target_price = mark * (1.0 + target)
    else:
        position.stop_price = mark * (1.0 + distance)
        # A target at or below zero cannot be reached: 0 is none.
        position.target_price = maximum(mark * (1.0 - target), 0.0)


@kernel
def clear_stop(state, i):
    """Forget the stop, the target and the breach of a position that is flat."""
    position = state.positions[i]
    position.stop_price = 0.0
    position.target_price = 0.0
    position.stop_breached = 0


@kernel
def move_long_stop(state, i):
    """Trail the stop of a long, bring its target closer, and see whether the stop is breached."""
    position = state.positions[i]
    mark = state.market[i].mark
    distance = state.volatility[i].stop_distance
    if position.stop_breached == 0:
        position.stop_price = maximum(position.stop_price, mark * (1.0 - distance))
        if position.average_price > 0.0:
            target = position.average_price * (1.0 + state.parameters.target_multiple * distance)
            position.target_price = minimum(position.target_price, target)
    if not (mark > position.stop_price):
        position.stop_breached = 1


@kernel
def move_short_stop(state, i):
    """The same for a short."""
    position = state.positions[i]
    mark = state.market[i].mark
    distance = state.volatility[i].stop_distance
    if position.stop_breached == 0:
        position.stop_price = minimum(position.stop_price, mark * (1.0 + distance))
        if position.average_price > 0.0:
            target = position.average_price * (1.0 - state.parameters.target_multiple * distance)
            position.target_price = maximum(position.target_price, target)
    if not (mark < position.stop_price):
        position.stop_breached = 1


@kernel
def open_loss_fraction(state, i):
    """Loss fraction of the open position from the mark to its stop, gap excluded.

    0 once the stop is passed. A position without a stop may lose everything: 1.
    """
    position = state.positions[i]
    mark = state.market[i].mark
    if not (mark > 0.0 and position.stop_price > 0.0):
        return 1.0
    distance = (mark - position.stop_price) / mark
    if position.net_lots < 0:
        distance = -distance
    return maximum(distance, 0.0)


@kernel
def update_fractions(state, i):
    """Loss fractions at the stop, gap included, of a long and of a short in instrument `i`.

    The side of the open position takes the distance to its stop; the other side, and both of a
    flat position, the model distance at which a stop would be placed. Where the model knows no
    distance there would be no stop, and everything may be lost.
    """
    position = state.positions[i]
    gap = state.parameters.stop_gap
    model = state.volatility[i].stop_distance
    if not (model > 0.0):
        model = 1.0
    long_fraction = model
    short_fraction = model
    if position.net_lots > 0:
        long_fraction = open_loss_fraction(state, i)
    elif position.net_lots < 0:
        short_fraction = open_loss_fraction(state, i)
    position.stop_fraction_long = long_fraction + gap
    position.stop_fraction_short = short_fraction + gap


@kernel
def refresh(state, i):
    """Bring model distance, stop, target, breach and loss fractions of instrument `i` up to date.

    Call it after a move of the mark, a sample or a change of parameters or regime; revalue the
    position afterwards. Once breached, a stop stays breached and in place until the position is
    flat.
    """
    position = state.positions[i]
    state.volatility[i].stop_distance = model_distance(state, i)
    if state.market[i].mark_set != 0:
        if position.net_lots == 0:
            clear_stop(state, i)
        elif not (position.stop_price > 0.0):
            place_stop(state, i)
        elif position.net_lots > 0:
            move_long_stop(state, i)
        else:
            move_short_stop(state, i)
    update_fractions(state, i)


@kernel
def on_position_change(state, i, net_before):
    """Place, keep or clear the stop after the lots of instrument `i` have changed.

    Parameters
    ----------
    state : record, modified in place
        `positions[i].net_lots` is the new position already.
    i : int64
    net_before : int64, lots
        Signed position before. Flat now: stop and target are cleared. Opened or flipped: they are
        placed around the mark. Increased or reduced: kept, so that adding cannot widen a stop.
    """
    state.volatility[i].stop_distance = model_distance(state, i)
    net = state.positions[i].net_lots
    if net == 0:
        clear_stop(state, i)
    elif net_before == 0 or (net_before > 0) != (net > 0):
        place_stop(state, i)
    update_fractions(state, i)
