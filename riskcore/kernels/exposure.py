"""Cached contributions of each position to the sums that the gate reads, and equity.

The gate is O(1) because every sum over instruments is kept here: when lots, working orders, mark,
stop or rate of one instrument change, `revalue_position` replaces its old contribution by the new
one. `revalue_all` builds every sum from scratch; it runs at each sample, so rounding cannot pile up.
"""

from riskcore.codes import (
    ACCOUNT_REDUCE_ONLY,
    CANCEL_ONLY,
    INVERSE,
    LATCH_DAILY_LOSS,
    LATCH_DRAWDOWN,
    NORMAL,
    SPOT,
)
from riskcore.kernels.covariance import change_weight
from riskcore.kernels.elementary import maximum
from riskcore.kernels.language import kernel


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
def scenario_loss(long_value, short_value, down, up):
    """Larger loss at either end of a position; a gain counts as zero."""
    return maximum(maximum(long_value * down, -short_value * up), 0.0)


@kernel
def revalue_scenarios(state, i, old_long, old_short, long_value, short_value):
    """Replace the contribution of instrument `i` to every scenario's loss."""
    down = state.shocks[i].down
    up = state.shocks[i].up
    for s in range(state.header.scenario_count):
        before = scenario_loss(old_long, old_short, down[s], up[s])
        after = scenario_loss(long_value, short_value, down[s], up[s])
        state.scenarios[s].loss += after - before


@kernel
def revalue_holding(state, s, i, value_per_lot):
    """Replace the contribution of a holding of instrument `i` to the gross of strategy `s`."""
    holding = state.holdings[s, i]
    gross = maximum(
        float(holding.lots + holding.working_buy_lots) * value_per_lot,
        float(holding.working_sell_lots - holding.lots) * value_per_lot,
    )
    state.strategies[s].gross += gross - holding.gross
    holding.gross = gross


@kernel
def revalue_holdings(state, i, value_per_lot):
    """Replace the contributions of instrument `i` to the strategies' gross and unrealised P&L."""
    instrument = state.instruments[i]
    mark = state.market[i].mark
    rate = state.currencies[instrument.currency].rate
    for s in range(state.header.strategy_count):
        holding = state.holdings[s, i]
        if (
            holding.lots == 0
            and holding.working_buy_lots == 0
            and holding.working_sell_lots == 0
            and holding.gross == 0.0
            and holding.unrealized == 0.0
        ):
            continue
        revalue_holding(state, s, i, value_per_lot)
        unrealized = 0.0
        if mark > 0.0:
            unrealized = rate * unrealized_cash(
                instrument.kind, instrument.contract_value, holding.lots, holding.cost, mark
            )
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
def revalue_mark(state, i):
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
        equity_value = float(position.net_lots) * value
        more = equity_value - position.equity_value
    else:
        equity_value = unrealized * state.currencies[instrument.currency].rate
        more = equity_value - position.equity_value
        state.venues[instrument.venue].equity += more
    state.account.holdings_value += more
    position.equity_value = equity_value


@kernel
def revalue_ends(state, i):
    """Replace what instrument `i` contributes at its two ends, working orders filled or not."""
    instrument = state.instruments[i]
    position = state.positions[i]
    account = state.account
    venue = state.venues[instrument.venue]
    covariance = state.covariance
    value = state.market[i].value_per_lot
    sigma = state.volatility[i].volatility

    old_long = position.long_value
    old_short = position.short_value
    long_value = float(position.net_lots + position.working_buy_lots) * value
    short_value = float(position.net_lots - position.working_sell_lots) * value
    ends = maximum(long_value, -short_value)
    gross = ends + abs(position.linked_balance)
    value_at_risk = gross * sigma * state.parameters.var_multiplier
    if instrument.kind == SPOT:
        margin = float(position.working_buy_lots) * value
        maintenance = 0.0
    else:
        margin = ends * instrument.initial_margin
        maintenance = ends * instrument.maintenance_margin
    stop_loss = maximum(
        maximum(long_value, 0.0) * position.stop_fraction_long,
        maximum(-short_value, 0.0) * position.stop_fraction_short,
    )
    more_gross = gross - position.gross
    more_squared = gross * gross - position.gross * position.gross
    more_working = (long_value - short_value) - (old_long - old_short)
    more_stop_loss = stop_loss - position.stop_loss
    more_margin = margin - position.margin
    more_maintenance = maintenance - position.maintenance
    more_risk = value_at_risk - position.value_at_risk

    position.gross = gross
    position.long_value = long_value
    position.short_value = short_value
    position.margin = margin
    position.maintenance = maintenance
    position.stop_loss = stop_loss
    position.value_at_risk = value_at_risk
    account.gross += more_gross
    account.net_long += long_value - old_long
    account.net_short += short_value - old_short
    account.stop_loss += more_stop_loss
    account.herfindahl += more_squared
    account.working_sigma += more_working * sigma
    account.working_notional += more_working
    venue.gross += more_gross
    venue.margin += more_margin
    venue.maintenance += more_maintenance
    covariance.cluster_risk[covariance.cluster[i]] += more_risk
    covariance.underlying_gross[instrument.underlying] += more_gross
    revalue_scenarios(state, i, old_long, old_short, long_value, short_value)


@kernel
def revalue_position(state, i):
    """Recompute every cached contribution of instrument `i` and move the sums by the difference.

    Call it after any change of its lots, working lots, mark, rate, stop fractions or linked
    balance. O(strategies + scenarios). Its volatility is that of the last sample.
    """
    revalue_mark(state, i)
    revalue_ends(state, i)
    revalue_holdings(state, i, state.market[i].value_per_lot)


@kernel
def revalue_working(state, s, i):
    """What `revalue_position` does where only working lots of strategy `s` in `i` have changed."""
    revalue_ends(state, i)
    revalue_holding(state, s, i, state.market[i].value_per_lot)


@kernel
def revalue_currencies(state):
    """Cash, unlinked currency exposure and every scenario's currency loss, from the balances.

    A balance linked to an instrument loses what a position in it would; any other balance not in
    account currency loses its currency's `shock`. Nothing offsets between currencies.
    """
    header = state.header
    account = state.account
    cash = 0.0
    exposure = 0.0
    for c in range(header.currency_count):
        currency = state.currencies[c]
        value = currency.balance * currency.rate
        cash += value
        if currency.is_account == 0 and currency.instrument == 0:
            exposure += abs(value)
    account.cash = cash
    account.currency_exposure = exposure
    for s in range(header.scenario_count):
        loss = 0.0
        for c in range(header.currency_count):
            currency = state.currencies[c]
            if currency.is_account == 0:
                value = currency.balance * currency.rate
                if currency.instrument == 0:
                    loss += abs(value) * currency.shock
                else:
                    shocks = state.shocks[currency.instrument - 1]
                    loss += scenario_loss(value, value, shocks.down[s], shocks.up[s])
        scenario = state.scenarios[s]
        scenario.loss += loss - scenario.currency_loss
        scenario.currency_loss = loss


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
    """Set every cached contribution and every sum of them to zero."""
    header = state.header
    account = state.account
    account.holdings_value = 0.0
    account.gross = 0.0
    account.net_long = 0.0
    account.net_short = 0.0
    account.stop_loss = 0.0
    account.herfindahl = 0.0
    account.working_sigma = 0.0
    account.working_notional = 0.0
    for v in range(header.venue_count):
        venue = state.venues[v]
        venue.gross = 0.0
        venue.margin = 0.0
        venue.maintenance = 0.0
    for s in range(header.scenario_count):
        state.scenarios[s].loss = 0.0
        state.scenarios[s].currency_loss = 0.0
    for s in range(header.strategy_count):
        state.strategies[s].gross = 0.0
        state.strategies[s].unrealized = 0.0
    for i in range(header.instrument_count):
        position = state.positions[i]
        position.equity_value = 0.0
        position.gross = 0.0
        position.long_value = 0.0
        position.short_value = 0.0
        position.margin = 0.0
        position.maintenance = 0.0
        position.stop_loss = 0.0
        position.value_at_risk = 0.0
        state.covariance.cluster_risk[i] = 0.0
    for i in range(header.instruments):
        state.covariance.underlying_gross[i] = 0.0
    for s in range(header.strategy_count):
        for i in range(header.instrument_count):
            state.holdings[s, i].gross = 0.0
            state.holdings[s, i].unrealized = 0.0


@kernel
def revalue_all(state):
    """Every cached contribution and sum from scratch, in the order of the indices."""
    header = state.header
    clear_sums(state)
    for v in range(header.venue_count):
        cash = 0.0
        for c in range(header.currency_count):
            cash += state.balances[v, c].amount * state.currencies[c].rate
        state.venues[v].cash = cash
        state.venues[v].equity = cash
    revalue_currencies(state)
    for c in range(header.currency_count):
        currency = state.currencies[c]
        if currency.is_account == 0 and currency.instrument > 0:
            i = currency.instrument - 1
            state.positions[i].linked_balance = currency.balance * currency.rate
    for i in range(header.instrument_count):
        revalue_position(state, i)
    for s in range(header.strategy_count):
        update_strategy(state, s)


@kernel
def move_peak(peak, equity, value):
    """High-water mark after a transfer of `value` money at `equity`: drawdown stays what it was.

    In proportion to equity; where equity was or would be no longer positive, by the value itself.
    """
    after = equity + value
    moved = peak + value
    if equity > 0.0 and after > 0.0:
        moved = peak * (after / equity)
    return moved if moved > 0.0 else 0.0


@kernel
def move_marks(state, equity, value):
    """Move high-water mark and start of day by money that is neither gain nor loss."""
    account = state.account
    account.high_water_mark = move_peak(account.high_water_mark, equity, value)
    account.day_start_equity += value


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
def update_equity(state):
    """Equity, high-water mark, drawdown, budget and the loss latches."""
    account = state.account
    parameters = state.parameters
    equity = account.cash + account.holdings_value
    account.equity = equity
    if equity > account.high_water_mark:
        account.high_water_mark = equity
    peak = account.high_water_mark
    drawdown = 0.0
    if peak > 0.0:
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
