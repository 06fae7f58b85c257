"""What the drawdown leaves to risk, and the reductions that bring every budget back.

The drawdown theorem. Let every position be such that in every budget scenario the sum of the
instruments' losses, exit costs and fills through the mark included and nothing offset, is at most
the drawdown budget. After any move inside a scenario, whichever orders fill in it or later, the
budget still covers the cost of closing everything; `derisk` then proposes reductions after whose
cost the sum holds again. So if the reductions complete at the assumed cost before the next such
move, equity never falls below high_water_mark x (1 - max_drawdown). What it assumes:

- Each market makes one move, within the scenario, before the reductions are complete: up to a new
  peak of equity and down again are two. A fill better than the mark, booked before the quote that
  explains it, is such a peak, since it looks like one that came late: the account may latch though
  equity is above the floor of its peak at marks that had moved.
- Entering and leaving cost at most `exit_cost` of the value at the mark, and what is open can be
  traded (a venue that is down cannot be left).
- Exits are not priced through the mark by more than that: the budget judges what opens, and an
  exit leaves at any price within its collar. One that the market passes later is counted.
- The rate of a linked currency moves as the contracts settled in it do and is given before their
  marks, any other foreign rate by at most its `shock`; what spot quoted in a foreign currency may
  lose is its scenario's move in account currency.
- Foreign money that alone breaks the budget is converted once everything else is closed: no
  reduction can do that.
"""

from math import sqrt

from riskcore.codes import BUY, DOWN, LATCH_DAILY_LOSS, LATCH_DRAWDOWN, SELL
from riskcore.kernels.covariance import value_before_pass
from riskcore.kernels.elementary import floor_to_int, floor_to_step, maximum, minimum, power
from riskcore.kernels.exposure import price_excess, scenario_loss
from riskcore.kernels.language import kernel

BISECTIONS = 24  # the kept part is found to 2**-24
LOSS_LATCHES = LATCH_DRAWDOWN | LATCH_DAILY_LOSS


@kernel
def cushion(drawdown, max_drawdown):
    """Part of today's equity that may be lost before the drawdown limit is reached.

    Parameters
    ----------
    drawdown, max_drawdown : float64, fraction of the high-water mark

    Returns
    -------
    float64, fraction of equity
        (limit - drawdown) / (1 - drawdown), the relative distance to the floor; 0 at and beyond
        the limit and where equity is not positive.

    Notes
    -----
    Grossman and Zhou (1993), "Optimal investment strategies for controlling drawdowns",
    Mathematical Finance 3(3): the optimal exposure is a multiple of W - alpha M; this is that
    surplus over W, with M the running peak and alpha = 1 - limit.
    """
    if not (drawdown < max_drawdown and drawdown < 1.0):
        return 0.0
    return (max_drawdown - drawdown) / (1.0 - drawdown)


@kernel
def drawdown_factor(drawdown, target_drawdown, exponent):
    """Factor of sizing: 1 at the peak, 0 from the target drawdown on.

    Parameters
    ----------
    drawdown, target_drawdown : float64, fraction of the high-water mark
    exponent : float64, >= 0
        Above 1 sizes shrink early, below 1 late; 0 leaves them whole up to the target.

    Returns
    -------
    float64 in [0, 1]
        (1 - drawdown / target) ** exponent; the surplus of `cushion` against the target, relative
        to its value at the peak and to the peak's equity. 0 where the target is not positive.
    """
    if not (drawdown < target_drawdown):
        return 0.0
    return power(1.0 - maximum(drawdown, 0.0) / target_drawdown, exponent)


@kernel
def round_up_to_step(lots, step):
    """The smallest multiple of int64 `step` >= 1 that is not below int64 `lots` >= 0."""
    rest = lots % step
    if rest == 0:
        return lots
    return lots + (step - rest)


@kernel
def can_trade(state, i):
    """True where neither instrument `i` nor its venue is down."""
    instrument = state.instruments[i]
    return instrument.state != DOWN and state.venues[instrument.venue].state != DOWN


@kernel
def tradable_lots(state, i):
    """Largest part of the open position of `i` that the venue's lot rules let one close, int64."""
    instrument = state.instruments[i]
    lots = floor_to_step(abs(state.positions[i].net_lots), instrument.lot_step)
    value = state.market[i].value_per_lot
    if lots < instrument.min_lots:
        return 0
    if value > 0.0 and float(lots) * value < instrument.min_notional:
        return 0
    return lots


@kernel
def lots_to_cut(state, i, keep):
    """Lots to close so that at most the part `keep` of the position of `i` stays.

    Rounded up to a tradable size; the whole where too little to trade would be left. A position
    without a price cannot be measured and counts as too large.
    """
    if not can_trade(state, i):
        return 0
    most = tradable_lots(state, i)
    value = state.market[i].value_per_lot
    if most == 0 or not (value > 0.0) or not (keep > 0.0):
        return most
    if keep >= 1.0:
        return 0
    instrument = state.instruments[i]
    net_lots = abs(state.positions[i].net_lots)
    wanted = float(net_lots) * (1.0 - keep)
    lots = floor_to_int(wanted)
    if float(lots) < wanted:
        lots += 1
    lots = maximum(round_up_to_step(lots, instrument.lot_step), instrument.min_lots)
    smallest = instrument.min_notional / value
    if float(lots) < smallest:
        if not (smallest < float(most)):
            return most
        lots = floor_to_int(smallest) + 1
    lots = round_up_to_step(lots, instrument.lot_step)
    left = net_lots - lots
    if left < instrument.min_lots or float(left) * value < instrument.min_notional:
        return most
    return minimum(lots, most)


@kernel
def plan_reduction(state, i, keep, row):
    """Write the reduction of instrument `i` that keeps the part `keep` of its position.

    Working orders that would open are cancelled, and as many closing ones as would otherwise close
    more than what is left: the reduction is then exit for the gate.
    """
    position = state.positions[i]
    net_lots = position.net_lots
    lots = lots_to_cut(state, i, keep)
    row.instrument = i
    row.side = SELL if net_lots > 0 else BUY
    row.lots = lots
    row.value = float(lots) * state.market[i].value_per_lot
    row.cancel_buy_lots = 0
    row.cancel_sell_lots = 0
    if can_trade(state, i):
        left = abs(net_lots) - lots
        row.cancel_buy_lots = position.working_buy_lots
        row.cancel_sell_lots = position.working_sell_lots
        if net_lots > 0:
            row.cancel_sell_lots = maximum(0, position.working_sell_lots - left)
        elif net_lots < 0:
            row.cancel_buy_lots = maximum(0, position.working_buy_lots - left)


@kernel
def clear_reduction(i, row):
    """Write a row that does nothing."""
    row.instrument = i
    row.side = BUY
    row.lots = 0
    row.value = 0.0
    row.cancel_buy_lots = 0
    row.cancel_sell_lots = 0


@kernel
def ends_after(state, i, row):
    """Signed values of `i` after the reduction if all its working buys, its sells, or both fill."""
    position = state.positions[i]
    value = state.market[i].value_per_lot
    net_lots = position.net_lots + row.side * row.lots
    buys = position.working_buy_lots - row.cancel_buy_lots
    sells = position.working_sell_lots - row.cancel_sell_lots
    return (
        float(net_lots + buys) * value,
        float(net_lots - sells) * value,
        float(net_lots + buys - sells) * value,
    )


@kernel
def untradable_value(state, i, row):
    """Value of the part of what is left of `i` that the lot rules let nobody close: dust."""
    position = state.positions[i]
    dust = abs(position.net_lots) - tradable_lots(state, i)
    return float(minimum(dust, abs(position.net_lots) - row.lots)) * state.market[i].value_per_lot


@kernel
def cost_of_reductions(state, reductions):
    """Assumed cost of executing the rows: value x exit cost, money."""
    cost = 0.0
    for i in range(state.header.instrument_count):
        cost += reductions[i].value * state.instruments[i].exit_cost
    return cost


@kernel
def gross_after(state, i, row):
    """Gross contribution of `i` after the reduction, money."""
    long_value, short_value, _filled = ends_after(state, i, row)
    return maximum(long_value, -short_value) + abs(state.positions[i].linked_balance)


@kernel
def exposure_holds(state, reductions, equity, budget):
    """True where gross, net, cushion, stop loss and Herfindahl limits hold after the reductions."""
    parameters = state.parameters
    gross = 0.0
    herfindahl = 0.0
    net_long = 0.0
    net_short = 0.0
    stop_loss = 0.0
    for i in range(state.header.instrument_count):
        position = state.positions[i]
        long_value, short_value, _filled = ends_after(state, i, reductions[i])
        own = gross_after(state, i, reductions[i])
        gross += own
        herfindahl += own * own
        net_long += long_value
        net_short += short_value
        stop_loss += maximum(
            maximum(long_value, 0.0) * position.stop_fraction_long,
            maximum(-short_value, 0.0) * position.stop_fraction_short,
        )
    if not (gross <= parameters.max_gross_leverage * equity):
        return False
    if not (gross <= parameters.cushion_multiplier * budget):
        return False
    if not (stop_loss * state.regime.risk_multiplier <= parameters.max_portfolio_risk * equity):
        return False
    if not (herfindahl <= parameters.max_herfindahl * equity * equity):
        return False
    return maximum(net_long, -net_short) <= parameters.max_net_leverage * equity


@kernel
def groups_hold(state, reductions, equity):
    """True where each underlying's weight and each cluster's risk hold after the reductions.

    A group is summed up once, at the first of its instruments.
    """
    parameters = state.parameters
    cluster = state.covariance.cluster
    count = state.header.instrument_count
    scale = parameters.var_multiplier * state.regime.risk_multiplier
    for i in range(count):
        underlying = state.instruments[i].underlying
        weight = 0.0
        risk = 0.0
        first_of_underlying = True
        first_of_cluster = True
        for j in range(count):
            same_underlying = state.instruments[j].underlying == underlying
            same_cluster = cluster[j] == cluster[i]
            if j < i:
                first_of_underlying = first_of_underlying and not same_underlying
                first_of_cluster = first_of_cluster and not same_cluster
            elif same_underlying or same_cluster:
                gross = gross_after(state, j, reductions[j])
                if same_underlying:
                    weight += gross
                if same_cluster:
                    risk += gross * state.volatility[j].volatility
        if first_of_underlying and not (weight <= parameters.max_weight * equity):
            return False
        if first_of_cluster and not (risk * scale <= parameters.max_correlation_risk * equity):
            return False
    return True


@kernel
def scenarios_hold(state, reductions, equity, budget):
    """True where every enabled scenario is within the stress limit and, if it counts, the budget.

    Against the budget, dust is charged as lost: it cannot be closed before the next move.
    """
    header = state.header
    for s in range(header.scenario_count):
        scenario = state.scenarios[s]
        if scenario.enabled == 0:
            continue
        loss = scenario.currency_loss
        dust = 0.0
        for i in range(header.instrument_count):
            down = state.shocks[i].down[s]
            up = state.shocks[i].up[s]
            long_value, short_value, filled = ends_after(state, i, reductions[i])
            position = state.positions[i]
            buys = position.working_buy_lots - reductions[i].cancel_buy_lots
            sells = position.working_sell_lots - reductions[i].cancel_sell_lots
            buy_excess = float(buys) * price_excess(state, i, BUY, position.own_best_bid)
            sell_excess = float(sells) * price_excess(state, i, SELL, position.own_best_ask)
            loss += scenario_loss(
                long_value, short_value, filled, buy_excess, sell_excess, down, up
            )
            shock = down if state.positions[i].net_lots > 0 else up
            dust += untradable_value(state, i, reductions[i]) * maximum(0.0, 1.0 - shock)
        if not (loss <= state.parameters.max_stress_loss * equity):
            return False
        if scenario.in_budget != 0 and not (loss + dust <= budget):
            return False
    return True


@kernel
def variance_after(state, reductions):
    """Variance per sample of the filled portfolio after the reductions, money^2.

    w' = w + d: w'Cw' = w'Cw + 2 d'(Cw) + d'Cd, with Cw cached; only rows that trade are visited.
    """
    covariance = state.covariance
    count = state.header.instrument_count
    variance = state.account.variance
    for i in range(count):
        first = reductions[i]
        if first.lots == 0:
            continue
        change = float(first.side) * first.value
        variance += 2.0 * change * covariance.product[i]
        for j in range(count):
            second = reductions[j]
            if second.lots != 0:
                weight = float(second.side) * second.value
                variance += change * weight * value_before_pass(state, i, j)
    return maximum(variance, 0.0)


@kernel
def tail_holds(state, reductions, equity):
    """True where VaR and ES hold after the reductions, measured as the gate measures them."""
    parameters = state.parameters
    working = 0.0
    for i in range(state.header.instrument_count):
        long_value, short_value, _filled = ends_after(state, i, reductions[i])
        working += (long_value - short_value) * state.volatility[i].volatility
    daily = variance_after(state, reductions) * parameters.samples_per_day
    sigma = (sqrt(maximum(daily, 0.0)) + working) * state.regime.risk_multiplier
    if not (sigma * parameters.var_multiplier <= parameters.var_95 * equity):
        return False
    return sigma * parameters.es_multiplier <= parameters.expected_shortfall * equity


@kernel
def measurable(state, reductions):
    """True where nothing that stays lacks a price."""
    for i in range(state.header.instrument_count):
        position = state.positions[i]
        row = reductions[i]
        left = (abs(position.net_lots) - row.lots) + (
            position.working_buy_lots - row.cancel_buy_lots
        )
        left += position.working_sell_lots - row.cancel_sell_lots
        if left > 0 and not (state.market[i].value_per_lot > 0.0):
            return False
    return True


@kernel
def budgets_hold(state, reductions):
    """True where every budget holds after the rows are executed and their cost is paid."""
    cost = cost_of_reductions(state, reductions)
    equity = state.account.equity - cost
    budget = state.account.budget - cost
    if not measurable(state, reductions):
        return False
    if not exposure_holds(state, reductions, equity, budget):
        return False
    if not groups_hold(state, reductions, equity):
        return False
    if not scenarios_hold(state, reductions, equity, budget):
        return False
    return tail_holds(state, reductions, equity)


@kernel
def plan_reductions(state, reductions, keep):
    """Write row i for every instrument i; `keep` above 1 leaves everything as it is."""
    for i in range(state.header.instrument_count):
        if keep > 1.0:
            clear_reduction(i, reductions[i])
        else:
            plan_reduction(state, i, keep, reductions[i])


@kernel
def compact(state, reductions):
    """Move the rows that do something to the front; return their number."""
    count = 0
    for i in range(state.header.instrument_count):
        row = reductions[i]
        if row.lots == 0 and row.cancel_buy_lots == 0 and row.cancel_sell_lots == 0:
            continue
        target = reductions[count]
        target.instrument = row.instrument
        target.side = row.side
        target.lots = row.lots
        target.cancel_buy_lots = row.cancel_buy_lots
        target.cancel_sell_lots = row.cancel_sell_lots
        target.value = row.value
        count += 1
    return count


@kernel
def derisk(state, reductions, capacity):
    """Reductions that bring every budget back: cancels first, then one common cut.

    Budgets: loss in each budget scenario against the drawdown budget, gross against
    cushion_multiplier x budget, and every limit of the portfolio's layer as the gate measures it:
    gross and net leverage, VaR, ES, losses at the stops, Herfindahl, largest weight, clusters,
    stress loss. Limits of one position, a venue or a strategy judge what opens.

    If one fails, every working order that could open is cancelled; if that is not enough, the
    largest part of all positions that may stay is found by bisection, the same for all, so that
    hedges stay hedges, each position rounded up to what its venue lets one trade and the cost of
    the trades charged. With a loss latch set, or no budget or equity left, everything goes.
    Positions at a venue that is down are not proposed but count in full.

    Parameters
    ----------
    state : record, read
    reductions : REDUCTION[capacity], output; scratch
        The first rows, in order of instruments. `side` and `lots` are the trade, at the market;
        the cancels come before it and are at least that many lots of that instrument and side.
    capacity : int64
        At least header.instrument_count.

    Returns
    -------
    int64
        Number of rows; 0 where every budget holds or nothing can be done; -1 where the capacity is
        too small or no parameters are set (nothing is written).

    Notes
    -----
    Where even closing everything that can be closed does not help (dust, foreign balances, a
    venue that is down), all of it is proposed. Cost: at most 26 evaluations, each
    O(instruments x scenarios + instruments x instruments).
    """
    if capacity < state.header.instrument_count or state.parameters.version < 1:
        return -1
    account = state.account
    solvent = account.budget > 0.0 and account.equity > 0.0
    if not solvent or (account.latches & LOSS_LATCHES) != 0:
        plan_reductions(state, reductions, 0.0)
        return compact(state, reductions)
    plan_reductions(state, reductions, 2.0)
    if budgets_hold(state, reductions):
        return 0
    plan_reductions(state, reductions, 1.0)
    if budgets_hold(state, reductions):
        return compact(state, reductions)
    low = 0.0
    high = 1.0
    for _ in range(BISECTIONS):
        keep = 0.5 * (low + high)
        plan_reductions(state, reductions, keep)
        if budgets_hold(state, reductions):
            low = keep
        else:
            high = keep
    plan_reductions(state, reductions, low)
    return compact(state, reductions)
