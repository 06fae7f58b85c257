"""Value at risk, expected shortfall and their parts, of one position and of the account.

Variance-covariance figures over 24 h from the EWMA covariance: VaR = multiplier x sigma, with the
multipliers of the normal or the unit-variance Student t (``elementary``). The decomposition is
Euler's: VaR is homogeneous of degree one in the money weights, so VaR = sum of w_i dVaR/dw_i
(McNeil, Frey, Embrechts, "Quantitative Risk Management", 2015, section 8.5, Euler allocation;
Jorion, "Value at Risk", 2007, chapter 7, marginal, incremental and component VaR). Losses are
positive. Reads only the buffer; measured risk is not multiplied by the regime here: that is the
gate's business.
"""

from math import sqrt

from riskcore.codes import (
    BAD_BUFFER,
    INVALID_INSTRUMENT,
    INVERSE,
    MAX_SHARE,
    OK,
    SPOT,
)
from riskcore.kernels.covariance import value_before_pass
from riskcore.kernels.elementary import maximum
from riskcore.kernels.entry import buffer_intact, instrument_is_set
from riskcore.kernels.language import kernel

NO_DISTANCE = 1e6  # liquidation_distance where no move of this instrument can liquidate


@kernel
def ratio(measure, base):
    """measure / base for base > 0; else 0 for no measure and MAX_SHARE for any."""
    if base > 0.0:
        return measure / base
    if measure == 0.0:
        return 0.0
    return MAX_SHARE


@kernel
def daily_sigma(state, variance):
    """24 h standard deviation, money, of a variance per sample, money^2; 0 for a negative one."""
    daily = variance * state.parameters.samples_per_day
    if not (daily > 0.0):
        return 0.0
    return sqrt(daily)


@kernel
def marginal_var(state, i):
    """Derivative of portfolio VaR by the money weight of `i`: multiplier x (C w)_i / sigma.

    C is the 24 h covariance. 0 for a portfolio without variance.
    """
    sigma = daily_sigma(state, state.account.variance)
    if not (sigma > 0.0):
        return 0.0
    parameters = state.parameters
    covariance = state.covariance.product[i] * parameters.samples_per_day
    return covariance / sigma * parameters.var_multiplier


@kernel
def incremental_var(state, i):
    """Portfolio VaR less the VaR without the weight of `i`; negative for a hedge.

    Variance without i: w'Cw - 2 w_i (Cw)_i + w_i^2 C_ii, exact.
    """
    covariance = state.covariance
    weight = covariance.weight[i]
    variance = state.account.variance
    without = variance - 2.0 * weight * covariance.product[i]
    without += weight * weight * value_before_pass(state, i, i)
    sigma = daily_sigma(state, variance)
    return (sigma - daily_sigma(state, without)) * state.parameters.var_multiplier


@kernel
def liquidation_distance(state, i):
    """Adverse move of the mark of `i` alone that takes its venue's equity to the maintenance.

    Linear: (equity - maintenance) / |value| = D. Inverse, whose loss in coin is |value| x / (1 - x)
    for a long and x / (1 + x) for a short: D / (1 + D) and D / (1 - D). Filled lots; maintenance
    margin at the present mark. NO_DISTANCE for spot, for no position and where no move of that
    sign is large enough; 0 where the margin is already short.

    Returns
    -------
    float64, fraction of the mark
    """
    instrument = state.instruments[i]
    net_lots = state.positions[i].net_lots
    value = abs(float(net_lots)) * state.market[i].value_per_lot
    if instrument.kind == SPOT or not (value > 0.0):
        return NO_DISTANCE
    venue = state.venues[instrument.venue]
    free = venue.equity - venue.maintenance
    if not (free > 0.0):
        return 0.0
    distance = free / value
    if instrument.kind == INVERSE:
        if net_lots > 0:
            distance = distance / (1.0 + distance)
        elif distance < 1.0:
            distance = distance / (1.0 - distance)
        else:
            distance = NO_DISTANCE
    elif net_lots > 0 and distance >= 1.0:
        distance = NO_DISTANCE
    if not (distance <= NO_DISTANCE):
        return NO_DISTANCE
    return distance


@kernel
def liquidation_price(state, i, distance):
    """Mark at which that happens, ticks; 0 for none."""
    if not (distance < NO_DISTANCE):
        return 0.0
    mark = state.market[i].mark
    if state.positions[i].net_lots > 0:
        return mark * (1.0 - distance)
    return mark * (1.0 + distance)


@kernel
def position_risk(state, i, out):
    """Everything about the risk of one position.

    Parameters
    ----------
    state : record, read
    i : int64
        Instrument index.
    out : record, POSITION_RISK, output
        Standalone figures use the mark of now and the 24 h EWMA volatility; marginal, component
        and incremental VaR use the portfolio of the covariance pass (weights of the last sample
        moved by fills since).

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_INSTRUMENT (nothing is written) or OK.
    """
    if not buffer_intact(state):
        return BAD_BUFFER
    if not instrument_is_set(state, i):
        return INVALID_INSTRUMENT
    parameters = state.parameters
    position = state.positions[i]
    sigma = state.volatility[i].volatility
    exposure = float(position.net_lots) * state.market[i].value_per_lot
    out.exposure = exposure
    out.gross = position.gross
    out.volatility = sigma
    out.value_at_risk = abs(exposure) * sigma * parameters.var_multiplier
    out.expected_shortfall = abs(exposure) * sigma * parameters.es_multiplier
    marginal = marginal_var(state, i)
    out.marginal_var = marginal
    out.component_var = state.covariance.weight[i] * marginal
    out.incremental_var = incremental_var(state, i)
    out.stop_price = position.stop_price
    out.target_price = position.target_price
    out.stop_loss = position.stop_loss
    distance = liquidation_distance(state, i)
    out.liquidation_distance = distance
    out.liquidation_price = liquidation_price(state, i, distance)
    rate = state.currencies[state.instruments[i].currency].rate
    out.unrealized_pnl = position.unrealized_pnl * rate
    out.stop_breached = position.stop_breached
    out.cluster = state.covariance.cluster[i]
    return OK


@kernel
def write_concentration(state, out):
    """Herfindahl, largest underlying and largest cluster."""
    header = state.header
    account = state.account
    equity = account.equity
    squared = equity * equity if equity > 0.0 else 0.0
    out.herfindahl = ratio(maximum(account.herfindahl, 0.0), squared)
    largest = 0.0
    for u in range(header.instruments):
        largest = maximum(largest, state.covariance.underlying_gross[u])
    out.largest_weight = ratio(largest, equity)
    risk = 0.0
    for i in range(header.instrument_count):
        risk = maximum(risk, state.covariance.cluster_risk[i])
    out.cluster_risk = risk


@kernel
def write_stress(state, out):
    """The worst enabled scenario; the lowest index among equals."""
    worst = 0.0
    index = -1
    for s in range(state.header.scenario_count):
        scenario = state.scenarios[s]
        if scenario.enabled != 0 and (index < 0 or state.stress.loss[s] > worst):
            worst = state.stress.loss[s]
            index = s
    out.stress_loss = worst
    out.stress_scenario = index


@kernel
def portfolio_risk(state, out):
    """Everything about the risk of the account.

    Parameters
    ----------
    state : record, read
    out : record, PORTFOLIO_RISK, output
        Ratios to an equity that is not positive are MAX_SHARE, or 0 where there is nothing to
        divide. ``*_working`` adds every working order at its worst: sigma(filled) + sum of the
        orders' own sigmas, a bound over all subsets of fills.

    Returns
    -------
    int64
        BAD_BUFFER (nothing is written) or OK.
    """
    if not buffer_intact(state):
        return BAD_BUFFER
    account = state.account
    parameters = state.parameters
    equity = account.equity
    out.equity = equity
    out.gross_leverage = ratio(maximum(account.gross, 0.0), equity)
    net = maximum(maximum(account.net_long, -account.net_short), 0.0)
    out.net_leverage = ratio(net, equity)
    sigma = daily_sigma(state, account.variance)
    working = sigma + maximum(account.working_sigma, 0.0)
    out.volatility = sigma
    out.value_at_risk = sigma * parameters.var_multiplier
    out.value_at_risk_working = working * parameters.var_multiplier
    out.expected_shortfall = sigma * parameters.es_multiplier
    out.expected_shortfall_working = working * parameters.es_multiplier
    write_concentration(state, out)
    out.stop_loss = account.stop_loss
    write_stress(state, out)
    out.drawdown = account.drawdown
    loss = maximum(account.day_start_equity - equity, 0.0)
    out.daily_loss = ratio(loss, account.day_start_equity)
    out.budget = account.budget
    out.cushion = 0.0
    if equity > 0.0:
        out.cushion = account.budget / equity
    free = 0.0
    for v in range(state.header.venue_count):
        free += state.venues[v].equity - state.venues[v].margin
    out.free_margin = free
    out.open_orders = account.open_orders
    return OK
