"""Cached contributions of each position to the sums that the gate reads, and equity.

The gate is O(1) because every sum over instruments is kept here: when lots, working orders, mark,
stop or rate of one instrument change, `revalue_position` replaces its old contribution by the new
one. `sum_all` builds every sum from scratch at each sample, `revalue_all` the contributions too.
"""

from riskcore.codes import (
    BUY,
    INVERSE,
    LATCH_DAILY_LOSS,
    LATCH_DRAWDOWN,
    SELL,
    SPOT,
)
from riskcore.kernels.covariance import change_weight, sum_cluster_risk
from riskcore.kernels.elementary import maximum, minimum
from riskcore.kernels.entry import refresh_account_state
from riskcore.kernels.language import kernel

SMALLEST_EQUITY = 1e-6  # money; below it proportions mean nothing
SWALLOWING_RATIO = 1048576.0  # of a contribution that goes to all that remain


@kernel
def cost_of(kind, lots, ticks):
    """Cost units of `lots` (signed) at `ticks` > 0: lots x ticks, inverse lots / ticks."""
    if kind == INVERSE:
        return float(lots) / ticks
    return float(lots) * ticks


@kernel
def lot_value(state, i, ticks):
    """Money value of one lot of instrument `i` at `ticks` (float64 >= 0); 0 without a price."""
    instrument = state.instruments[i]
    if not (ticks > 0.0):
        return 0.0
    rate = state.currencies[instrument.currency].rate
    if instrument.kind == INVERSE:
        return instrument.contract_value / ticks * rate
    return instrument.contract_value * ticks * rate


@kernel
def value_of_lots(state, i, lots, ticks):
    """Money value of `lots` (signed int64) of instrument `i` at `ticks`."""
    return float(lots) * lot_value(state, i, float(ticks))


@kernel
def unrealized_cash(kind, contract_value, lots, cost, mark):
    """Unrealised P&L in settlement currency of `lots` with `cost` at `mark` (ticks > 0).

    Linear: (lots x mark - cost) x contract_value; inverse: (cost - lots / mark) x contract_value.
    """
    if lots == 0:
        return 0.0
    if kind == INVERSE:
        return (cost - float(lots) / mark) * contract_value
    return (float(lots) * mark - cost) * contract_value


@kernel
def rate_rise(state, c):
    """Largest relative rise of the rate of currency `c` in any scenario; 0 for the account's."""
    currency = state.currencies[c]
    if currency.is_account != 0:
        return 0.0
    if currency.instrument == 0:
        return currency.shock
    rise = 0.0
    up = state.shocks[currency.instrument - 1].up
    for s in range(state.header.scenario_count):
        rise = maximum(rise, up[s])
    return rise


@kernel
def price_excess(state, i, side, ticks):
    """Money that a lot of `side` loses at once when it fills at `ticks`, through the mark; else 0.

    An order that the market has passed, or that is priced to take, fills at its own price: that
    loss is not in the mark yet. In a foreign currency it also grows with the currency's rate.
    `ticks` = 0 is no order.
    """
    market = state.market[i]
    if ticks == 0 or market.mark_set == 0:
        return 0.0
    price = float(ticks)
    if (price - market.mark) * float(side) > 0.0:
        loss = abs(lot_value(state, i, price) - market.value_per_lot)
        return loss * (1.0 + rate_rise(state, state.instruments[i].currency))
    return 0.0


@kernel
def scenario_loss(long_value, short_value, filled_value, buy_excess, sell_excess, down, up):
    """Larger loss at either end of a position, fills through the mark included; a gain is zero.

    Beyond its ends a position loses most where an order fills so far through the mark that what
    the lots then gain in the move does not make up for it: where the orders of both sides fill.
    Without such fills that is never more than at the ends, between which `filled_value` lies.
    """
    fall = long_value * down + buy_excess
    rise = sell_excess - short_value * up
    moved = maximum(filled_value * down, -filled_value * up) + (buy_excess + sell_excess)
    return maximum(maximum(maximum(fall, rise), 0.0), moved)


@kernel
def revalue_scenarios(state, i):
    """Replace the contribution of instrument `i` to every scenario's loss."""
    position = state.positions[i]
    long_value = position.long_value
    short_value = position.short_value
    filled = position.filled_value
    buy = position.buy_excess
    sell = position.sell_excess
    shocks = state.shocks[i]
    down = shocks.down
    up = shocks.up
    own = shocks.loss
    loss = state.stress.loss
    for s in range(state.header.scenario_count):
        after = scenario_loss(long_value, short_value, filled, buy, sell, down[s], up[s])
        loss[s] += after - own[s]
        own[s] = after


@kernel
def value_mark(state, i):
    """Value of a lot of instrument `i` at its mark, unrealised P&L and contribution to equity."""
    instrument = state.instruments[i]
    market = state.market[i]
    position = state.positions[i]
    value = 0.0
    unrealized = 0.0
    if market.mark_set != 0:
        value = lot_value(state, i, market.mark)
        unrealized = unrealized_cash(
            instrument.kind,
            instrument.contract_value,
            position.net_lots,
            position.cost,
            market.mark,
        )
    market.value_per_lot = value
    position.unrealized_pnl = unrealized
    if instrument.kind == SPOT:
        position.equity_value = float(position.net_lots) * value
    else:
        position.equity_value = unrealized * state.currencies[instrument.currency].rate


@kernel
def value_risk(state, i):
    """What instrument `i` contributes to the sums that follow volatilities and stops."""
    position = state.positions[i]
    position.stop_loss = maximum(
        maximum(position.long_value, 0.0) * position.stop_fraction_long,
        maximum(-position.short_value, 0.0) * position.stop_fraction_short,
    )
    sigma = state.volatility[i].volatility
    position.value_at_risk = position.gross * sigma * state.parameters.var_multiplier


@kernel
def value_ends(state, i):
    """What instrument `i` contributes at its two ends, working orders filled or not."""
    instrument = state.instruments[i]
    position = state.positions[i]
    value = state.market[i].value_per_lot
    long_value = float(position.net_lots + position.working_buy_lots) * value
    short_value = float(position.net_lots - position.working_sell_lots) * value
    ends = maximum(long_value, -short_value)
    gross = ends + abs(position.linked_balance)
    position.gross = gross
    position.long_value = long_value
    position.short_value = short_value
    position.filled_value = (
        float(position.net_lots + position.working_buy_lots - position.working_sell_lots) * value
    )
    position.buy_excess = float(position.working_buy_lots) * price_excess(
        state, i, BUY, position.own_best_bid
    )
    position.sell_excess = float(position.working_sell_lots) * price_excess(
        state, i, SELL, position.own_best_ask
    )
    if instrument.kind == SPOT:
        position.margin = float(position.working_buy_lots) * value
        position.maintenance = 0.0
    else:
        position.margin = ends * instrument.initial_margin
        position.maintenance = ends * instrument.maintenance_margin
    value_risk(state, i)


@kernel
def holding_gross(holding, value_per_lot):
    """Gross value of a strategy's holding, the larger end, money."""
    return maximum(
        float(holding.lots + holding.working_buy_lots) * value_per_lot,
        float(holding.working_sell_lots - holding.lots) * value_per_lot,
    )


@kernel
def holding_unrealized(state, i, holding):
    """Unrealised P&L of a strategy's holding of instrument `i`, money; 0 without a mark."""
    instrument = state.instruments[i]
    mark = state.market[i].mark
    if not (mark > 0.0):
        return 0.0
    return state.currencies[instrument.currency].rate * unrealized_cash(
        instrument.kind, instrument.contract_value, holding.lots, holding.cost, mark
    )


@kernel
def holding_is_empty(holding):
    """True for a holding without lots, working ones included."""
    return holding.lots == 0 and holding.working_buy_lots == 0 and holding.working_sell_lots == 0


@kernel
def revalue_ends(state, i):
    """Recompute what instrument `i` contributes at its ends; move the sums by the difference."""
    instrument = state.instruments[i]
    position = state.positions[i]
    account = state.account
    venue = state.venues[instrument.venue]
    covariance = state.covariance
    old_gross = position.gross
    old_long = position.long_value
    old_short = position.short_value
    old_margin = position.margin
    old_maintenance = position.maintenance
    old_stop_loss = position.stop_loss
    old_risk = position.value_at_risk
    old_buy = position.buy_excess
    old_sell = position.sell_excess
    value_ends(state, i)
    gross = position.gross
    long_value = position.long_value
    short_value = position.short_value
    working = (long_value - short_value) - (old_long - old_short)
    account.gross += gross - old_gross
    account.net_long += long_value - old_long
    account.net_short += short_value - old_short
    account.fill_excess += (position.buy_excess - old_buy) + (position.sell_excess - old_sell)
    account.stop_loss += position.stop_loss - old_stop_loss
    account.herfindahl += gross * gross - old_gross * old_gross
    account.working_sigma += working * state.volatility[i].volatility
    account.working_notional += working
    venue.gross += gross - old_gross
    venue.margin += position.margin - old_margin
    venue.maintenance += position.maintenance - old_maintenance
    covariance.cluster_risk[covariance.cluster[i]] += position.value_at_risk - old_risk
    covariance.underlying_gross[instrument.underlying] += gross - old_gross
    revalue_scenarios(state, i)


@kernel
def revalue_holding(state, s, i):
    """Replace the contribution of a holding of instrument `i` to the gross of strategy `s`."""
    holding = state.holdings[s, i]
    gross = holding_gross(holding, state.market[i].value_per_lot)
    state.strategies[s].gross += gross - holding.gross
    holding.gross = gross


@kernel
def revalue_holdings(state, i):
    """Replace the contributions of instrument `i` to the strategies' gross and unrealised P&L."""
    for s in range(state.header.strategy_count):
        holding = state.holdings[s, i]
        if holding_is_empty(holding) and holding.gross == 0.0 and holding.unrealized == 0.0:
            continue
        revalue_holding(state, s, i)
        unrealized = holding_unrealized(state, i, holding)
        state.strategies[s].unrealized += unrealized - holding.unrealized
        holding.unrealized = unrealized
        update_strategy(state, s)


@kernel
def update_strategy(state, s):
    """P&L of strategy `s` from its parts, and its high-water mark."""
    strategy = state.strategies[s]
    strategy.pnl = strategy.realized + strategy.unrealized
    if strategy.pnl > strategy.high_water_mark:
        strategy.high_water_mark = strategy.pnl


@kernel
def revalue_position(state, i):
    """Recompute every cached contribution of instrument `i` and move the sums by the difference.

    Call it after any change of its lots, working lots, mark, rate, stop fractions or linked
    balance. O(strategies + scenarios). Its volatility is that of the last sample.
    """
    instrument = state.instruments[i]
    position = state.positions[i]
    old_gross = position.gross
    old_equity = position.equity_value
    old_unrealized = position.unrealized_pnl
    value_mark(state, i)
    state.account.holdings_value += position.equity_value - old_equity
    if instrument.kind != SPOT:
        state.venues[instrument.venue].equity += position.equity_value - old_equity
        currency = state.currencies[instrument.currency]
        currency.unrealized += position.unrealized_pnl - old_unrealized
        if currency.is_account == 0:
            revalue_currencies(state)
    revalue_ends(state, i)
    revalue_holdings(state, i)
    if old_gross > SWALLOWING_RATIO * state.account.gross:
        # What has gone was so large (a broken quote, a slip of digits) that its sum held too few
        # digits of what remains. The last position or order to go comes here too: zero is zero.
        revalue_all(state)


@kernel
def revalue_working(state, s, i):
    """What `revalue_position` does where only working lots of strategy `s` in `i` have changed."""
    revalue_ends(state, i)
    revalue_holding(state, s, i)


@kernel
def currency_value(currency):
    """Money that moves with a currency's rate: its balance and the open profit settled in it."""
    return (currency.balance + currency.unrealized) * currency.rate


@kernel
def sum_unrealized(state):
    """Unrealised P&L of the derivatives settled in each currency.

    Neighbours mostly share a currency, whose sum then need not go through memory.
    """
    for c in range(state.header.currency_count):
        state.currencies[c].unrealized = 0.0
    c = 0
    total = 0.0
    for i in range(state.header.instrument_count):
        instrument = state.instruments[i]
        if instrument.kind != SPOT:
            if instrument.currency != c:
                state.currencies[c].unrealized = total
                c = instrument.currency
                total = state.currencies[c].unrealized
            total += state.positions[i].unrealized_pnl
    state.currencies[c].unrealized = total


@kernel
def revalue_currencies(state):
    """Cash, unlinked currency exposure and every scenario's currency loss.

    What is held in a currency linked to an instrument, open profits included, loses what a position
    in it would; in any other but the account's it loses the currency's `shock`. Nothing offsets
    between currencies.
    """
    header = state.header
    account = state.account
    cash = 0.0
    exposure = 0.0
    for c in range(header.currency_count):
        currency = state.currencies[c]
        cash += currency.balance * currency.rate
        if currency.is_account == 0 and currency.instrument == 0:
            exposure += abs(currency_value(currency))
    account.cash = cash
    account.currency_exposure = exposure
    for s in range(header.scenario_count):
        loss = 0.0
        for c in range(header.currency_count):
            currency = state.currencies[c]
            if currency.is_account == 0:
                value = currency_value(currency)
                if currency.instrument == 0:
                    loss += abs(value) * currency.shock
                else:
                    shocks = state.shocks[currency.instrument - 1]
                    down = shocks.down[s]
                    loss += scenario_loss(value, value, value, 0.0, 0.0, down, shocks.up[s])
        scenario = state.scenarios[s]
        state.stress.loss[s] += loss - scenario.currency_loss
        scenario.currency_loss = loss


@kernel
def refresh_weight(state, i):
    """Set the weight of instrument `i` to the value of its position and linked balance now.

    At the present mark, not moved by what a trade was worth: it is zero again when both are.
    """
    position = state.positions[i]
    value = float(position.net_lots) * state.market[i].value_per_lot
    change = value + position.linked_balance - state.covariance.weight[i]
    if change != 0.0:
        change_weight(state, i, change)


@kernel
def link_balance(state, c):
    """Move the linked balance of currency `c` into its instrument's exposure, where it has one."""
    currency = state.currencies[c]
    if currency.is_account != 0 or currency.instrument == 0:
        return
    i = currency.instrument - 1
    value = currency.balance * currency.rate
    change = value - state.positions[i].linked_balance
    state.positions[i].linked_balance = value
    change_weight(state, i, change)
    revalue_position(state, i)


@kernel
def change_balance(state, venue, currency, amount):
    """Add `amount` (cash, signed) to a balance and to everything that counts it."""
    record = state.currencies[currency]
    state.balances[venue, currency].amount += amount
    record.balance += amount
    value = amount * record.rate
    state.venues[venue].cash += value
    state.venues[venue].equity += value
    if record.is_account != 0:
        state.account.cash += value
    else:
        revalue_currencies(state)
        link_balance(state, currency)


@kernel
def clear_sums(state):
    """Set the sums that are kept by venue, underlying and cluster to zero; venues to their cash."""
    header = state.header
    for v in range(header.venue_count):
        venue = state.venues[v]
        cash = 0.0
        for c in range(header.currency_count):
            cash += state.balances[v, c].amount * state.currencies[c].rate
        venue.cash = cash
        venue.equity = cash
        venue.gross = 0.0
        venue.margin = 0.0
        venue.maintenance = 0.0
    for i in range(header.instruments):
        state.covariance.cluster_risk[i] = 0.0
        state.covariance.underlying_gross[i] = 0.0


@kernel
def sum_positions(state):
    """Add up all that positions contribute."""
    account = state.account
    covariance = state.covariance
    holdings_value = 0.0
    fill_excess = 0.0
    gross = 0.0
    net_long = 0.0
    net_short = 0.0
    stop_loss = 0.0
    herfindahl = 0.0
    working_sigma = 0.0
    working_notional = 0.0
    for i in range(state.header.instrument_count):
        instrument = state.instruments[i]
        position = state.positions[i]
        venue = state.venues[instrument.venue]
        working = position.long_value - position.short_value
        holdings_value += position.equity_value
        fill_excess += position.buy_excess + position.sell_excess
        gross += position.gross
        net_long += position.long_value
        net_short += position.short_value
        stop_loss += position.stop_loss
        herfindahl += position.gross * position.gross
        working_sigma += working * state.volatility[i].volatility
        working_notional += working
        if instrument.kind != SPOT:
            venue.equity += position.equity_value
        venue.gross += position.gross
        venue.margin += position.margin
        venue.maintenance += position.maintenance
        covariance.underlying_gross[instrument.underlying] += position.gross
    account.holdings_value = holdings_value
    account.fill_excess = fill_excess
    account.gross = gross
    account.net_long = net_long
    account.net_short = net_short
    account.stop_loss = stop_loss
    account.herfindahl = herfindahl
    account.working_sigma = working_sigma
    account.working_notional = working_notional


@kernel
def value_losses(state, i):
    """Work out what instrument `i` loses in every scenario."""
    position = state.positions[i]
    long_value = position.long_value
    short_value = position.short_value
    filled = position.filled_value
    buy = position.buy_excess
    sell = position.sell_excess
    shocks = state.shocks[i]
    down = shocks.down
    up = shocks.up
    own = shocks.loss
    for s in range(state.header.scenario_count):
        own[s] = scenario_loss(long_value, short_value, filled, buy, sell, down[s], up[s])


@kernel
def add_losses(state, i):
    """Add what instrument `i` loses to the loss of every scenario."""
    own = state.shocks[i].loss
    loss = state.stress.loss
    for s in range(state.header.scenario_count):
        loss[s] += own[s]


@kernel
def add_four_losses(state, i):
    """The same for instruments `i` to `i + 3`, one after the other: the sums are loaded once."""
    own0 = state.shocks[i].loss
    own1 = state.shocks[i + 1].loss
    own2 = state.shocks[i + 2].loss
    own3 = state.shocks[i + 3].loss
    loss = state.stress.loss
    for s in range(state.header.scenario_count):
        loss[s] = loss[s] + own0[s] + own1[s] + own2[s] + own3[s]


@kernel
def sum_scenarios(state):
    """Loss of every scenario from scratch: currencies, then instruments in their order."""
    for s in range(state.header.scenario_count):
        state.stress.loss[s] = state.scenarios[s].currency_loss
    count = state.header.instrument_count
    for block in range(count // 4):
        add_four_losses(state, 4 * block)
    for i in range(count - count % 4, count):
        add_losses(state, i)


@kernel
def value_holdings(state, s):
    """Gross value and unrealised P&L of every holding of strategy `s`."""
    for i in range(state.header.instrument_count):
        holding = state.holdings[s, i]
        if holding_is_empty(holding):
            holding.gross = 0.0
            holding.unrealized = 0.0
        else:
            holding.gross = holding_gross(holding, state.market[i].value_per_lot)
            holding.unrealized = holding_unrealized(state, i, holding)


@kernel
def publish_strategy(state, s, gross, unrealized):
    """Write the sums of strategy `s`, and its P&L."""
    strategy = state.strategies[s]
    strategy.gross = gross
    strategy.unrealized = unrealized
    update_strategy(state, s)


@kernel
def sum_holdings(state):
    """Gross and unrealised P&L of every strategy, and its P&L once both are known.

    Four strategies side by side, or each sum would wait for itself.
    """
    last = state.header.strategy_count - 1
    for group in range((last + 4) // 4):
        a = 4 * group
        b = minimum(a + 1, last)
        c = minimum(a + 2, last)
        d = minimum(a + 3, last)
        gross_a = 0.0
        gross_b = 0.0
        gross_c = 0.0
        gross_d = 0.0
        unrealized_a = 0.0
        unrealized_b = 0.0
        unrealized_c = 0.0
        unrealized_d = 0.0
        for i in range(state.header.instrument_count):
            gross_a += state.holdings[a, i].gross
            gross_b += state.holdings[b, i].gross
            gross_c += state.holdings[c, i].gross
            gross_d += state.holdings[d, i].gross
            unrealized_a += state.holdings[a, i].unrealized
            unrealized_b += state.holdings[b, i].unrealized
            unrealized_c += state.holdings[c, i].unrealized
            unrealized_d += state.holdings[d, i].unrealized
        publish_strategy(state, a, gross_a, unrealized_a)
        publish_strategy(state, b, gross_b, unrealized_b)
        publish_strategy(state, c, gross_c, unrealized_c)
        publish_strategy(state, d, gross_d, unrealized_d)


@kernel
def sum_all(state):
    """Every sum from scratch, in the order of the indices, so that rounding cannot pile up.

    The contributions are as they are cached.
    """
    clear_sums(state)
    sum_unrealized(state)
    revalue_currencies(state)
    sum_positions(state)
    sum_cluster_risk(state)
    sum_scenarios(state)
    sum_holdings(state)


@kernel
def revalue_all(state):
    """Every cached contribution and every sum from scratch."""
    header = state.header
    for c in range(header.currency_count):
        currency = state.currencies[c]
        if currency.is_account == 0 and currency.instrument > 0:
            i = currency.instrument - 1
            state.positions[i].linked_balance = currency.balance * currency.rate
    for i in range(header.instrument_count):
        value_mark(state, i)
        value_ends(state, i)
        value_losses(state, i)
    for s in range(header.strategy_count):
        value_holdings(state, s)
    sum_all(state)


@kernel
def move_peak(peak, equity, value):
    """High-water mark after a transfer of `value` money at `equity`: drawdown stays what it was.

    In proportion to equity; where equity was or would be nothing, or next to it, by the value
    itself: a residue of rounding must not blow the peak up.
    """
    after = equity + value
    moved = peak + value
    if equity > SMALLEST_EQUITY and after > SMALLEST_EQUITY:
        moved = peak * (after / equity)
    return moved if moved > 0.0 else 0.0


@kernel
def move_marks(state, equity, value):
    """Move high-water mark and start of day by money that is neither gain nor loss."""
    account = state.account
    account.high_water_mark = move_peak(account.high_water_mark, equity, value)
    account.day_start_equity += value


@kernel
def update_equity(state):
    """Equity, high-water mark, drawdown, budget and the loss latches.

    Profit that orders through the mark would take away when they fill makes no new peak yet.
    """
    account = state.account
    parameters = state.parameters
    equity = account.cash + account.holdings_value
    account.equity = equity
    certain = equity - account.fill_excess
    if certain > account.high_water_mark:
        account.high_water_mark = certain
    peak = account.high_water_mark
    drawdown = 0.0
    if peak > SMALLEST_EQUITY and peak > equity:
        drawdown = (peak - equity) / peak
    account.drawdown = drawdown
    if drawdown > account.max_drawdown_seen:
        account.max_drawdown_seen = drawdown
    account.budget = equity - peak * (1.0 - parameters.max_drawdown)
    if parameters.version > 0:
        if not (drawdown <= parameters.max_drawdown):
            account.latches |= LATCH_DRAWDOWN
        start = account.day_start_equity
        if start > 0.0 and not (start - equity <= parameters.max_daily_loss * start):
            account.latches |= LATCH_DAILY_LOSS
    refresh_account_state(state)
