"""Layer 3: the account. Drawdown, its budget, daily loss, margin, turnover, cool-down."""

from riskcore.codes import (
    CUSHION_EXPOSURE_EXCEEDED,
    DAILY_LOSS_EXCEEDS_MAX,
    DAILY_TURNOVER_EXCEEDS_MAX,
    DRAWDOWN_BUDGET_EXCEEDED,
    DRAWDOWN_EXCEEDS_MAX,
    EQUITY_NOT_POSITIVE,
    FREE_MARGIN_BELOW_MIN,
    LOSING_STREAK_COOLDOWN,
    OPEN_ORDERS_EXCEEDS_MAX,
    SPOT,
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
from riskcore.kernels.layers.portfolio import cap_gross, cap_scenarios


@kernel
def most_open_orders(state):
    """Orders that may be open behind one that opens: the limit, and room that is left to exits.

    Whatever the limit says, exits find a 64th of the table: they need a slot too.
    """
    orders = state.header.orders
    return minimum(state.parameters.max_open_orders, orders - (orders + 63) // 64)


@kernel
def flag_account(state, now, replaced):
    """Objections that do not depend on the size of the order, and their utilisation.

    `replaced` is how many of the open orders (0 or 1) the order takes the place of.
    """
    account = state.account
    parameters = state.parameters
    mask = 0
    use = 0.0
    if not (account.drawdown <= parameters.max_drawdown):
        mask |= 1 << DRAWDOWN_EXCEEDS_MAX
    use = raise_use(use, account.drawdown, parameters.max_drawdown)
    start = account.day_start_equity
    loss = start - account.equity
    limit = parameters.max_daily_loss * start
    if not (loss <= limit):
        mask |= 1 << DAILY_LOSS_EXCEEDS_MAX
    use = raise_use(use, loss, limit)
    open_orders = account.open_orders - replaced + 1
    limit_orders = most_open_orders(state)
    if open_orders > limit_orders:
        mask |= 1 << OPEN_ORDERS_EXCEEDS_MAX
    use = raise_use(use, float(open_orders), float(limit_orders))
    if now < account.cooldown_until_ns:
        mask |= 1 << LOSING_STREAK_COOLDOWN
    if not (account.equity > 0.0):
        mask |= 1 << EQUITY_NOT_POSITIVE
    return mask, use


@kernel
def margin_after(state, i, side, lots, long_value, short_value):
    """Initial margin of the position with the order; spot: what its working buys cost."""
    instrument = state.instruments[i]
    if instrument.kind == SPOT:
        if side > 0:
            buys = state.positions[i].working_buy_lots + lots
            return float(buys) * state.market[i].value_per_lot
        return state.positions[i].margin
    return maximum(long_value, -short_value) * instrument.initial_margin


@kernel
def measure_account(
    state,
    i,
    side,
    lots,
    released,
    opening,
    order_value,
    long_value,
    short_value,
    gross,
    worst_budget,
):
    """Sized objections of layer 3 (but the drawdown budget's own) and its utilisation.

    `lots` is what the order adds to what works, beyond the lots `released` that it replaces.
    """
    account = state.account
    parameters = state.parameters
    position = state.positions[i]
    venue = state.venues[state.instruments[i].venue]
    equity = account.equity
    mask = 0
    use = 0.0
    use = raise_use(use, worst_budget, account.budget)
    measure = account.gross + (gross - position.gross)
    limit = parameters.cushion_multiplier * account.budget
    if exceeds(measure, account.gross, limit):
        mask |= 1 << CUSHION_EXPOSURE_EXCEEDED
    use = raise_use(use, measure, limit)
    margin = margin_after(state, i, side, lots, long_value, short_value)
    measure = venue.margin + (margin - position.margin)
    limit = (1.0 - parameters.min_free_margin) * venue.equity
    if exceeds(measure, venue.margin, limit):
        mask |= 1 << FREE_MARGIN_BELOW_MIN
    use = raise_use(use, measure, limit)
    working = account.working_notional - float(released) * state.market[i].value_per_lot
    measure = account.turnover_day + working + float(opening) * order_value
    limit = parameters.max_daily_turnover * equity
    if not (measure <= limit):
        mask |= 1 << DAILY_TURNOVER_EXCEEDS_MAX
    use = raise_use(use, measure, limit)
    return mask, use


@kernel
def cap_margin(state, i, side, own_before):
    """Lots that leave the venue's free margin."""
    instrument = state.instruments[i]
    position = state.positions[i]
    venue = state.venues[instrument.venue]
    value = state.market[i].value_per_lot
    limit = (1.0 - state.parameters.min_free_margin) * venue.equity
    allowed = position.margin + maximum(limit - venue.margin, 0.0)
    if instrument.kind == SPOT:
        if side < 0:
            return NO_CAP
        return lots_within(allowed, value) - float(position.working_buy_lots)
    rate = instrument.initial_margin
    return lots_within(allowed, value * rate) - float(own_before)


@kernel
def cap_account(state, mask, i, side, exit_lots, own_before, order_value, excess):
    """Most lots (float64) that every objecting check of the layer lets through."""
    account = state.account
    parameters = state.parameters
    cap = NO_CAP
    if mask & (1 << DRAWDOWN_BUDGET_EXCEEDED):
        cap = smaller(cap, cap_scenarios(state, i, side, own_before, excess, account.budget, 1))
    if mask & (1 << CUSHION_EXPOSURE_EXCEEDED):
        slack = maximum(parameters.cushion_multiplier * account.budget - account.gross, 0.0)
        cap = smaller(cap, cap_gross(state, i, own_before, state.positions[i].gross + slack))
    if mask & (1 << FREE_MARGIN_BELOW_MIN):
        cap = smaller(cap, cap_margin(state, i, side, own_before))
    if mask & (1 << DAILY_TURNOVER_EXCEEDS_MAX):
        left = (
            parameters.max_daily_turnover * account.equity
            - account.turnover_day
            - account.working_notional
        )
        cap = smaller(cap, float(exit_lots) + lots_within(left, order_value))
    return cap
