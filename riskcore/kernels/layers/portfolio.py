"""Layer 2: the portfolio. Every sum is cached; the order replaces one contribution of it."""

from math import sqrt

from riskcore.codes import (
    CLUSTER_RISK_EXCEEDS_MAX,
    EXPECTED_SHORTFALL_EXCEEDS_MAX,
    GROSS_LEVERAGE_EXCEEDS_MAX,
    HERFINDAHL_EXCEEDS_MAX,
    LARGEST_WEIGHT_EXCEEDS_MAX,
    NET_LEVERAGE_EXCEEDS_MAX,
    PORTFOLIO_STOP_LOSS_EXCEEDS_MAX,
    PORTFOLIO_VAR_EXCEEDS_MAX,
    STRESS_LOSS_EXCEEDS_MAX,
)
from riskcore.kernels.elementary import LARGEST, maximum, minimum
from riskcore.kernels.exposure import scenario_loss
from riskcore.kernels.language import kernel
from riskcore.kernels.layers.measure import (
    NO_CAP,
    exceeds,
    lots_within,
    raise_use,
    smaller,
    worse,
)
from riskcore.kernels.layers.position import own_stop_fraction

STRESS_BIT = 1
BUDGET_BIT = 2


@kernel
def sigma_after(state, i, change):
    """24 h standard deviation of the filled portfolio with `change` (money) more of `i`."""
    covariance = state.covariance
    variance = (
        state.account.variance
        + 2.0 * change * covariance.product[i]
        + change * change * covariance.variance[i]
    )
    return sqrt(maximum(variance, 0.0) * state.parameters.samples_per_day)


@kernel
def net_ends(long_sum, short_sum):
    """Absolute net exposure at the worse end."""
    return maximum(long_sum, -short_sum)


@kernel
def measure_portfolio(state, i, side, lots, released, long_value, short_value, gross, decision):
    """Sized objections of layer 2 and its utilisation.

    Parameters
    ----------
    state : record, read
    i, side : int64
    lots, released : int64, lots
        The order, and the working lots that it replaces.
    long_value, short_value : float64, money
        Ends of the position with the order.
    gross : float64, money
        Its gross contribution with the order.
    decision : record, written
        Gross and VaR before and after.

    Returns
    -------
    mask, use
    """
    parameters = state.parameters
    account = state.account
    position = state.positions[i]
    covariance = state.covariance
    equity = account.equity
    multiplier = state.regime.risk_multiplier
    value = state.market[i].value_per_lot
    mask = 0
    use = 0.0

    more = gross - position.gross
    gross_after = account.gross + more
    limit = parameters.max_gross_leverage * equity
    if exceeds(gross_after, account.gross, limit):
        mask |= 1 << GROSS_LEVERAGE_EXCEEDS_MAX
    use = raise_use(use, gross_after, limit)

    measure = net_ends(
        account.net_long + (long_value - position.long_value),
        account.net_short + (short_value - position.short_value),
    )
    limit = parameters.max_net_leverage * equity
    if exceeds(measure, net_ends(account.net_long, account.net_short), limit):
        mask |= 1 << NET_LEVERAGE_EXCEEDS_MAX
    use = raise_use(use, measure, limit)

    change = float(side * lots) * value
    sigma = sigma_after(state, i, 0.0) + account.working_sigma
    replaced_sigma = float(released) * value * state.volatility[i].volatility
    sigma_with = sigma_after(state, i, change) + (account.working_sigma - replaced_sigma)
    scale = parameters.var_multiplier * multiplier
    limit = parameters.var_95 * equity
    if exceeds(sigma_with * scale, sigma * scale, limit):
        mask |= 1 << PORTFOLIO_VAR_EXCEEDS_MAX
    use = raise_use(use, sigma_with * scale, limit)
    scale = parameters.es_multiplier * multiplier
    limit = parameters.expected_shortfall * equity
    if exceeds(sigma_with * scale, sigma * scale, limit):
        mask |= 1 << EXPECTED_SHORTFALL_EXCEEDS_MAX
    use = raise_use(use, sigma_with * scale, limit)

    stop_loss = maximum(
        maximum(long_value, 0.0) * position.stop_fraction_long,
        maximum(-short_value, 0.0) * position.stop_fraction_short,
    )
    measure = (account.stop_loss + (stop_loss - position.stop_loss)) * multiplier
    limit = parameters.max_portfolio_risk * equity
    if exceeds(measure, account.stop_loss * multiplier, limit):
        mask |= 1 << PORTFOLIO_STOP_LOSS_EXCEEDS_MAX
    use = raise_use(use, measure, limit)

    measure = account.herfindahl + (gross * gross - position.gross * position.gross)
    limit = parameters.max_herfindahl * equity * equity
    if exceeds(measure, account.herfindahl, limit):
        mask |= 1 << HERFINDAHL_EXCEEDS_MAX
    use = raise_use(use, measure, limit)

    group = covariance.underlying_gross[state.instruments[i].underlying]
    limit = parameters.max_weight * equity
    if exceeds(group + more, group, limit):
        mask |= 1 << LARGEST_WEIGHT_EXCEEDS_MAX
    use = raise_use(use, group + more, limit)

    cluster = covariance.cluster_risk[covariance.cluster[i]]
    value_at_risk = gross * state.volatility[i].volatility * parameters.var_multiplier
    measure = (cluster + (value_at_risk - position.value_at_risk)) * multiplier
    limit = parameters.max_correlation_risk * equity
    if exceeds(measure, cluster * multiplier, limit):
        mask |= 1 << CLUSTER_RISK_EXCEEDS_MAX
    use = raise_use(use, measure, limit)

    decision.gross_before = account.gross
    decision.gross_after = gross_after
    decision.var_before = sigma * parameters.var_multiplier
    decision.var_after = sigma_with * parameters.var_multiplier
    return mask, use


@kernel
def loss_after(state, s, i, ends, excess):
    """Loss of scenario `s` with the position's `ends` and `excess` as they are with the order.

    `ends` are its values at the long end, at the short end and with every order filled; `excess`
    what fills through the mark lose, buys and sells.
    """
    shocks = state.shocks[i]
    down = shocks.down[s]
    up = shocks.up[s]
    with_order = scenario_loss(ends[0], ends[1], ends[2], excess[0], excess[1], down, up)
    return state.stress.loss[s] + (with_order - shocks.loss[s])


@kernel
def raised_losses(state, i, ends, excess):
    """Largest of the losses that the order makes worse, of all that count and of the budget's."""
    stress = state.stress
    raised = 0.0
    raised_budget = 0.0
    for s in range(state.header.scenario_count):
        loss = loss_after(state, s, i, ends, excess)
        if not (loss <= stress.loss[s]):
            raised = maximum(raised, minimum(loss, stress.ceiling[s]))
            raised_budget = maximum(raised_budget, minimum(loss, stress.budget_ceiling[s]))
    return raised, raised_budget


@kernel
def measure_scenarios(state, i, ends, excess, decision):
    """Which of the stress limit and the drawdown budget some scenario breaks.

    A loss that the order does not make worse breaks no limit; which they are is looked at only
    where some loss is too large.

    Parameters
    ----------
    state : record, read
    i : int64
    ends, excess : tuple of float64, money
        See `loss_after`.
    decision : record, written
        Worst loss before and after, budget.

    Returns
    -------
    broken : int64
        STRESS_BIT and BUDGET_BIT.
    worst, worst_budget : float64, money
        Largest loss with the order, of all enabled scenarios and of those in the budget.
    """
    limit = state.parameters.max_stress_loss * state.account.equity
    budget = state.account.budget
    stress = state.stress
    before = 0.0
    worst = 0.0
    worst_budget = 0.0
    unknown = 0
    for s in range(state.header.scenario_count):
        loss = loss_after(state, s, i, ends, excess)
        before = worse(before, minimum(stress.loss[s], stress.ceiling[s]))
        worst = worse(worst, minimum(loss, stress.ceiling[s]))
        worst_budget = worse(worst_budget, minimum(loss, stress.budget_ceiling[s]))
        unknown += not (loss <= LARGEST)
    broken = 0
    if not (worst <= limit and worst_budget <= budget):
        raised, raised_budget = raised_losses(state, i, ends, excess)
        if raised > 0.0 and not (raised <= limit):
            broken |= STRESS_BIT
        if raised_budget > 0.0 and not (raised_budget <= budget):
            broken |= BUDGET_BIT
    if unknown != 0:
        broken = STRESS_BIT | BUDGET_BIT
    worst += 0.0  # no negative zero
    decision.stress_before = before + 0.0
    decision.stress_after = worst
    decision.budget = budget
    return broken, worst, worst_budget + 0.0


@kernel
def cap_scenarios(state, i, side, own_before, excess, limit, only_budget):
    """Lots that keep every enabled scenario's loss within `limit` or no worse than it is.

    `excess` is what a lot of the side loses when it fills through the mark, money.
    """
    position = state.positions[i]
    value = state.market[i].value_per_lot
    down = state.shocks[i].down
    up = state.shocks[i].up
    working = position.working_buy_lots if side > 0 else position.working_sell_lots
    other = position.sell_excess if side > 0 else position.buy_excess
    own_excess = float(working) * excess
    filled = float(side) * position.filled_value
    crossing = excess + other > 0.0
    own = state.shocks[i].loss
    loss = state.stress.loss
    cap = NO_CAP
    for s in range(state.header.scenario_count):
        scenario = state.scenarios[s]
        if scenario.enabled == 0 or (only_budget != 0 and scenario.in_budget == 0):
            continue
        allowed = own[s] + maximum(limit - loss[s], 0.0)
        fraction = down[s] if side > 0 else up[s]
        shock = value * fraction
        already = float(own_before) * shock + own_excess
        cap = smaller(cap, lots_within(allowed - already, shock + excess))
        if crossing:
            # Both sides filled: after the move against the order, and after the other one.
            left = allowed - (own_excess + other)
            cap = smaller(cap, lots_within(left - filled * fraction, shock + excess))
            fraction = up[s] if side > 0 else down[s]
            gained = value * fraction
            cap = smaller(cap, lots_within(left + filled * fraction, excess - gained))
    return cap


@kernel
def cap_sigma(state, i, side, sigma_limit):
    """Lots that keep the standard deviation of the filled portfolio within `sigma_limit`.

    Larger root of a x^2 + 2 b x + c <= 0 with x the value added, in the form that does not cancel.
    """
    covariance = state.covariance
    a = covariance.matrix[i, i]
    b = float(side) * covariance.product[i]
    scale = state.parameters.samples_per_day
    target = 0.0
    if scale > 0.0:
        target = maximum(sigma_limit, 0.0) * maximum(sigma_limit, 0.0) / scale
    c = state.account.variance - target
    value = state.market[i].value_per_lot
    discriminant = b * b - a * c
    if not (discriminant > 0.0):
        return 0.0
    root = sqrt(discriminant)
    more = NO_CAP
    if b > 0.0:
        more = -c / (b + root)
    elif a > 0.0:
        more = (root - b) / a
    return lots_within(more, value)


@kernel
def cap_gross(state, i, own_before, allowed):
    """Lots whose own end keeps the gross contribution of the position within `allowed`."""
    value = state.market[i].value_per_lot
    held = allowed - abs(state.positions[i].linked_balance)
    return lots_within(held, value) - float(own_before)


@kernel
def cap_portfolio(state, mask, i, side, own_before, excess):
    """Most lots (float64) that every objecting check of the layer lets through."""
    parameters = state.parameters
    account = state.account
    position = state.positions[i]
    covariance = state.covariance
    equity = account.equity
    multiplier = state.regime.risk_multiplier
    value = state.market[i].value_per_lot
    gross = position.gross
    cap = NO_CAP
    if mask & (1 << GROSS_LEVERAGE_EXCEEDS_MAX):
        slack = maximum(parameters.max_gross_leverage * equity - account.gross, 0.0)
        cap = smaller(cap, cap_gross(state, i, own_before, gross + slack))
    if mask & (1 << NET_LEVERAGE_EXCEEDS_MAX):
        net = net_ends(account.net_long, account.net_short)
        allowed = maximum(parameters.max_net_leverage * equity, net)
        end = account.net_long if side > 0 else -account.net_short
        cap = smaller(cap, lots_within(allowed - end, value))
    sigma = sigma_after(state, i, 0.0)
    if mask & (1 << PORTFOLIO_VAR_EXCEEDS_MAX):
        scale = parameters.var_multiplier * multiplier
        limit = sigma
        if scale > 0.0:
            limit = maximum(sigma, parameters.var_95 * equity / scale - account.working_sigma)
        cap = smaller(cap, cap_sigma(state, i, side, limit))
    if mask & (1 << EXPECTED_SHORTFALL_EXCEEDS_MAX):
        scale = parameters.es_multiplier * multiplier
        limit = sigma
        if scale > 0.0:
            limit = maximum(
                sigma, parameters.expected_shortfall * equity / scale - account.working_sigma
            )
        cap = smaller(cap, cap_sigma(state, i, side, limit))
    if mask & (1 << PORTFOLIO_STOP_LOSS_EXCEEDS_MAX):
        slack = maximum(
            parameters.max_portfolio_risk * equity / multiplier - account.stop_loss, 0.0
        )
        fraction = own_stop_fraction(state, i, side)
        cap = smaller(
            cap, lots_within(position.stop_loss + slack, value * fraction) - float(own_before)
        )
    if mask & (1 << HERFINDAHL_EXCEEDS_MAX):
        slack = maximum(parameters.max_herfindahl * equity * equity - account.herfindahl, 0.0)
        cap = smaller(cap, cap_gross(state, i, own_before, sqrt(gross * gross + slack)))
    if mask & (1 << LARGEST_WEIGHT_EXCEEDS_MAX):
        group = covariance.underlying_gross[state.instruments[i].underlying]
        slack = maximum(parameters.max_weight * equity - group, 0.0)
        cap = smaller(cap, cap_gross(state, i, own_before, gross + slack))
    if mask & (1 << CLUSTER_RISK_EXCEEDS_MAX):
        cluster = covariance.cluster_risk[covariance.cluster[i]]
        slack = maximum(parameters.max_correlation_risk * equity / multiplier - cluster, 0.0)
        fraction = state.volatility[i].volatility * parameters.var_multiplier
        allowed = NO_CAP
        if fraction > 0.0:
            allowed = gross + slack / fraction
        cap = smaller(cap, cap_gross(state, i, own_before, allowed))
    if mask & (1 << STRESS_LOSS_EXCEEDS_MAX):
        limit = parameters.max_stress_loss * equity
        cap = smaller(cap, cap_scenarios(state, i, side, own_before, excess, limit, 0))
    return cap
