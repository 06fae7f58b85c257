"""Fills and busts: lots, cost, realised P&L, round trips and each strategy's record.

A fill is exposure that exists. It is booked whatever state the book, the venue or the strategy is
in, with or without its order; only a proven repeat of an execution is left out. Cost is kept as the
sum of lots x ticks (inverse contracts: of lots / ticks), signed like the lots. A reduction releases
cost in proportion, and the realised gain is the difference between what the closed lots cost and
what they brought, so that a round trip's gains add up to its cash flows. A trade through zero is a
closing trade and an opening one.

A position nets all strategies; a holding is one strategy's share of it, with its own cost. Their
lots always add up, and so do their total gains; what is realised may differ in time. An execution
of a strategy that was never set is held by the first one, as reconciled differences are, and enters
no record of trades: its bust and a fill of the right strategy put it where it belongs.
"""

from riskcore.codes import (
    BOOKED_UNMATCHED,
    BUY,
    DUPLICATE,
    EVENT_BUST,
    EVENT_FILL,
    INVALID_IDENTIFIER,
    INVALID_INSTRUMENT,
    INVALID_LOTS,
    INVALID_PRICE,
    INVALID_SIDE,
    INVALID_VALUE,
    INVERSE,
    LATCH_RECONCILIATION,
    LATCH_REPEATED_EXECUTION,
    LATCH_UNMATCHED_FILL,
    MAX_IDENTIFIER,
    MAX_LOTS,
    MAX_MONEY,
    MAX_POSITION_LOTS,
    MAX_TICKS,
    MAX_TIME_JUMP_NS,
    OK,
    SELL,
    SPOT,
)
from riskcore.kernels.elementary import maximum, minimum
from riskcore.kernels.entry import (
    check_time,
    currency_has_balance,
    currency_is_set,
    holder_of,
    instrument_is_set,
    strategy_is_set,
    touch,
)
from riskcore.kernels.exposure import (
    change_balance,
    cost_of,
    refresh_weight,
    revalue_position,
    update_equity,
    update_strategy,
    value_of_lots,
)
from riskcore.kernels.language import kernel
from riskcore.kernels.market import set_mark
from riskcore.kernels.orders import fill_order, find_order, handle_has_ended, smooth
from riskcore.kernels.stops import on_position_change

WAYS = 4  # entries of one set of the execution table
# Hash of execution identifiers; products stay below 2**62.
HASH_MASK = (1 << 30) - 1
HASH_STEP = 7919  # a prime: instruments that number their executions alike use other sets
HIGH_STEP = 40503  # of the bits above the mask
GOLDEN_RATIO = 2654435769  # 2**32 / 1.618...
GOLDEN_MASK = (1 << 32) - 1
SMALLEST_EQUITY = 1e-6  # money; below it a trade's return on equity means nothing


# --- cost and gain --------------------------------------------------------------------------------


@kernel
def split_trade(kind, lots, cost, trade_lots, ticks):
    """Cost after a trade, gain of what it closes, and how many lots it closes.

    Parameters
    ----------
    kind : int64
        SPOT, LINEAR or INVERSE.
    lots : int64, lots
        Signed, before the trade.
    cost : float64, cost units
        Of those lots, signed alike.
    trade_lots : int64, lots
        Signed, not 0.
    ticks : float64, ticks, > 0
        Price of the trade.

    Returns
    -------
    cost : float64, cost units
        Exactly 0.0 where no lots remain.
    gain : float64, cost units
        Times the contract value: realised P&L in settlement currency. Linear and spot
        (exit - entry) x closed lots, inverse (1/entry - 1/exit) x closed lots, negated for a short.
    closed_lots : int64, lots, >= 0
    """
    if lots == 0 or (lots > 0) == (trade_lots > 0):
        return cost + cost_of(kind, trade_lots, ticks), 0.0, 0
    closed = abs(lots) if abs(lots) < abs(trade_lots) else abs(trade_lots)
    remaining = abs(lots) - closed
    kept = 0.0
    if remaining > 0:
        kept = cost * float(remaining) / float(abs(lots))
    brought = cost_of(kind, closed if lots > 0 else -closed, ticks)
    gain = brought - (cost - kept)
    if kind == INVERSE:
        gain = (cost - kept) - brought
    if abs(trade_lots) > closed:
        kept = cost_of(kind, lots + trade_lots, ticks)
    return kept, gain, closed


@kernel
def average_price(kind, lots, cost):
    """Average entry price in ticks, 0 when flat: cost / lots; inverse: lots / cost."""
    if lots == 0 or cost == 0.0:
        return 0.0
    if kind == INVERSE:
        return float(lots) / cost
    return cost / float(lots)


@kernel
def closed_share(amount, closed, trade_lots):
    """The part of `amount` that falls on the closing lots of a trade."""
    return amount * float(closed) / float(abs(trade_lots))


# --- positions and round trips --------------------------------------------------------------------


@kernel
def count_round_trip(state, pnl, now):
    """Count a round trip of the account; enough losing ones in a row start the cool-down."""
    account = state.account
    account.round_trips += 1
    if pnl > 0.0:
        account.winning_trips += 1
        account.losing_streak = 0
    elif pnl < 0.0:
        account.losing_streak += 1
        if account.losing_streak >= state.parameters.max_losing_streak:
            until = now + state.parameters.losing_streak_cooldown_ns
            account.cooldown_until_ns = maximum(account.cooldown_until_ns, until)
            account.losing_streak = 0


@kernel
def book_position(state, now, i, trade_lots, ticks, fee, counted):
    """Book a trade in the position of instrument `i`.

    Parameters
    ----------
    state : record, modified in place
    now : int64, ns
    i : int64
    trade_lots : int64, lots
        Signed, not 0.
    ticks : float64, ticks, > 0
    fee : float64, money
        Paid; enters the round trip's P&L only.
    counted : int64, flag
        1 where a closed round trip counts in the record, 0 for corrections.

    Returns
    -------
    float64, cash
        Realised P&L in settlement currency.
    """
    position = state.positions[i]
    instrument = state.instruments[i]
    kind = instrument.kind
    cost, gain, closed = split_trade(kind, position.net_lots, position.cost, trade_lots, ticks)
    realized = gain * instrument.contract_value
    money = realized * state.currencies[instrument.currency].rate
    position.net_lots += trade_lots
    position.cost = cost
    position.average_price = average_price(kind, position.net_lots, cost)
    position.realized_pnl += money
    state.account.realized_pnl += money
    closing_fee = closed_share(fee, closed, trade_lots)
    position.trip_pnl += money - closing_fee
    if closed > 0 and (position.net_lots == 0 or abs(trade_lots) > closed):
        if counted != 0:
            count_round_trip(state, position.trip_pnl, now)
        position.trip_pnl = 0.0
    position.trip_pnl -= fee - closing_fee
    return realized


@kernel
def count_trade(state, s, pnl):
    """Count a closed trade of strategy `s`; put it on probation or take it off.

    ``performance = decay x performance + (1 - decay) x pnl / equity``; the first trade takes its
    own return. Without equity a loss counts as all of it and a gain as nothing.
    """
    strategy = state.strategies[s]
    parameters = state.parameters
    equity = state.account.equity
    result = -1.0 if pnl < 0.0 else 0.0
    if equity > SMALLEST_EQUITY:
        result = pnl / equity
    if strategy.trades == 0:
        strategy.performance = result
    else:
        decay = parameters.performance_decay
        strategy.performance = smooth(decay, strategy.performance, result)
    strategy.trades += 1
    if pnl > 0.0:
        strategy.winning_trades += 1
    below = not (strategy.performance >= parameters.performance_floor)
    strategy.probation = 0
    if below and strategy.trades >= parameters.performance_min_trades:
        strategy.probation = 1


@kernel
def book_holding(state, now, s, i, trade_lots, ticks, fee, counted):
    """Book a trade in the share that strategy `s` has of instrument `i`; as `book_position`."""
    holding = state.holdings[s, i]
    instrument = state.instruments[i]
    kind = instrument.kind
    if holding.lots == 0:
        holding.open_ns = now
    cost, gain, closed = split_trade(kind, holding.lots, holding.cost, trade_lots, ticks)
    rate = state.currencies[instrument.currency].rate
    money = gain * instrument.contract_value * rate
    holding.lots += trade_lots
    holding.cost = cost
    holding.realized += money
    state.strategies[s].realized += money - fee
    closing_fee = closed_share(fee, closed, trade_lots)
    holding.trip_pnl += money - closing_fee
    if closed > 0 and (holding.lots == 0 or abs(trade_lots) > closed):
        if counted != 0:
            count_trade(state, s, holding.trip_pnl)
        holding.trip_pnl = 0.0
        holding.open_ns = now
    holding.trip_pnl -= fee - closing_fee


@kernel
def settle_cash(state, i, trade_lots, ticks, realized):
    """Cash that a trade moves: spot pays or brings its price, a derivative its realised P&L."""
    instrument = state.instruments[i]
    if instrument.kind == SPOT:
        return -cost_of(SPOT, trade_lots, ticks) * instrument.contract_value
    return realized


@kernel
def pay_fee(state, i, fee, currency):
    """Take a fee (cash, positive when paid) from its balance at the venue of instrument `i`.

    Returns its value in money, 0 while the rate of its currency is unknown. A fee in a currency
    that the tables have no place for is left out: no balance and no rate says what it is worth.
    """
    if fee == 0.0 or not currency_has_balance(state, currency):
        return 0.0
    venue = state.instruments[i].venue
    money = fee * state.currencies[currency].rate
    state.balances[venue, currency].fees += fee
    state.positions[i].fees += money
    state.account.fees += money
    change_balance(state, venue, currency, -fee)
    return money


@kernel
def book_trade(state, now, i, s, trade_lots, ticks, fee, counted, recorded):
    """Book a trade in position and holding; return the cash that it moves.

    Parameters as in `book_position`, ``s``: int64, the strategy, and ``recorded``: int64, flag, 1
    where a closed trade counts in its record.
    """
    set_first_mark(state, now, i, ticks)
    realized = book_position(state, now, i, trade_lots, ticks, fee, counted)
    book_holding(state, now, s, i, trade_lots, ticks, fee, recorded)
    return settle_cash(state, i, trade_lots, ticks, realized)


@kernel
def set_first_mark(state, now, i, ticks):
    """Take a trade's price as the mark of instrument `i` where no book was seen yet."""
    if state.market[i].mark_set == 0:
        set_mark(state, i, ticks, now)


@kernel
def refresh_position(state, i, lots_before):
    """Bring everything that depends on the lots of instrument `i` up to date, and equity."""
    refresh_weight(state, i)
    on_position_change(state, i, lots_before)
    revalue_position(state, i)
    update_equity(state)


# --- repeats --------------------------------------------------------------------------------------


@kernel
def execution_set(state, instrument, execution_id):
    """First entry of the set in which an execution identifier is kept.

    Multiples of the golden ratio, modulo one, lie evenly (three-distance theorem): identifiers that
    count up, by one or by any other step, fill the sets in turn. The table then remembers at least
    the last third of its number of entries, and two thirds where the step is one.
    """
    mixed = (execution_id + (execution_id >> 30) * HIGH_STEP + instrument * HASH_STEP) & HASH_MASK
    turn = (mixed * GOLDEN_RATIO) & GOLDEN_MASK
    return ((turn * (state.header.orders // WAYS)) >> 32) * WAYS


@kernel
def find_execution(state, instrument, side, execution_id):
    """Entry of a known execution, -1 where it is not known or has no identifier (0).

    Identifier, instrument and side must agree: at some venues both sides of a match with oneself
    carry one identifier, and neither repeats the other.
    """
    if execution_id == 0:
        return -1
    first = execution_set(state, instrument, execution_id)
    for way in range(WAYS):
        entry = state.executions[first + way]
        if (
            entry.execution_id == execution_id
            and entry.instrument == instrument
            and entry.side == side
            and entry.venue == state.instruments[instrument].venue
        ):
            return first + way
    return -1


@kernel
def remember_execution(state, instrument, side, execution_id, busted):
    """Keep an execution (busted 0) or its bust (1) in the table, over the oldest of its set."""
    if execution_id == 0:
        return
    found = find_execution(state, instrument, side, execution_id)
    if found < 0:
        first = execution_set(state, instrument, execution_id)
        way = state.executions[first].cursor
        state.executions[first].cursor = (way + 1) % WAYS
        found = first + way
        state.executions[found].execution_id = execution_id
        state.executions[found].instrument = instrument
        state.executions[found].venue = state.instruments[instrument].venue
        state.executions[found].side = side
        state.executions[found].busted = 0
        state.executions[found].booked = 0
    if busted != 0:
        state.executions[found].busted = 1
    else:
        state.executions[found].booked = 1


@kernel
def throttle_executions(state, now, i):
    """Move the bucket of fills of instrument `i`; latch it when they come faster than allowed."""
    position = state.positions[i]
    parameters = state.parameters
    arrival = maximum(position.execution_arrival_ns, now) + parameters.execution_interval_ns
    # A latch needs no more than this; an unbounded sum would wrap around and open the bucket.
    arrival = minimum(arrival, now + MAX_TIME_JUMP_NS)
    position.execution_arrival_ns = arrival
    if arrival - now > parameters.execution_burst_ns:
        position.latches |= LATCH_REPEATED_EXECUTION


# --- events ---------------------------------------------------------------------------------------


@kernel
def position_fits(state, i, bought, sold, adjusted):
    """True where every running sum of lots stays within bounds after these are added."""
    position = state.positions[i]
    net = position.net_lots + bought - sold + adjusted
    return (
        abs(net) <= MAX_POSITION_LOTS
        and position.bought_lots + bought <= MAX_POSITION_LOTS
        and position.sold_lots + sold <= MAX_POSITION_LOTS
        and abs(position.adjusted_lots + adjusted) <= MAX_POSITION_LOTS
    )


@kernel
def check_trade(state, time_ns, instrument, side, lots, busted):
    """Status of the integer fields of a fill (busted 0) or bust (1), all but the price."""
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if not instrument_is_set(state, instrument):
        return INVALID_INSTRUMENT
    if side != BUY and side != SELL:
        return INVALID_SIDE
    if not (1 <= lots <= MAX_LOTS):
        return INVALID_LOTS
    if busted != 0:
        fits = position_fits(state, instrument, 0, 0, -side * lots)
    elif side == BUY:
        fits = position_fits(state, instrument, lots, 0, 0)
    else:
        fits = position_fits(state, instrument, 0, lots, 0)
    return OK if fits else INVALID_LOTS


@kernel
def check_trade_values(price_ticks, fee, execution_id):
    """Status of the price, fee and identifier of a fill or bust."""
    if not (1 <= price_ticks <= MAX_TICKS):
        return INVALID_PRICE
    if not (-MAX_MONEY <= fee <= MAX_MONEY):
        return INVALID_VALUE
    if not (0 <= execution_id <= MAX_IDENTIFIER):
        return INVALID_IDENTIFIER
    return OK


@kernel
def match_order(state, handle, i, strategy, side, lots, fee_currency):
    """Count a fill on its order; True where the order lives, agrees and had the lots left.

    Any other fill is counted as late, unknown or too large, and latches the instrument; so is one
    whose fee is in a currency that was never set.
    """
    slot = find_order(state, handle)
    if slot >= 0 and state.orders[slot].instrument == i and state.orders[slot].side == side:
        known = state.orders[slot].strategy == strategy and currency_is_set(state, fee_currency)
        if not fill_order(state, slot, lots):
            state.counters.over_fills += 1
        elif known:
            return True
        else:
            state.counters.unknown_fills += 1
    elif handle_has_ended(state, handle):
        state.counters.late_fills += 1
    else:
        state.counters.unknown_fills += 1
    state.positions[i].latches |= LATCH_UNMATCHED_FILL
    return False


@kernel
def on_fill(
    state,
    time_ns,
    handle,
    instrument,
    strategy,
    side,
    lots,
    price_ticks,
    fee,
    fee_currency,
    execution_id,
):
    """Book an execution.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
        One before the last event's is booked at the last event's.
    handle : int64
        Of its order; 0 or any other number where that is not known.
    instrument : int64
    strategy : int64
        One that was never set, or any number, is booked in the first strategy's holding.
    side : int64
        BUY or SELL.
    lots : int64, lots
        1 to MAX_LOTS; the resulting sums stay within MAX_POSITION_LOTS.
    price_ticks : int64, ticks
        1 to MAX_TICKS.
    fee : float64, cash
        In `fee_currency`, positive when paid, at most MAX_MONEY in size.
    fee_currency : int64
        One that was never set counts as 0 money until it is; without a place in the tables the fee
        is left out.
    execution_id : int64
        0 where the venue gives none (repeats cannot be found then), else at most MAX_IDENTIFIER.

    Returns
    -------
    int64
        Nothing changed: BAD_BUFFER, INVALID_TIME, INVALID_INSTRUMENT, INVALID_SIDE, INVALID_LOTS,
        INVALID_PRICE, INVALID_VALUE, INVALID_IDENTIFIER, DUPLICATE. Booked: OK, or BOOKED_UNMATCHED
        where no live order of that strategy with so many lots left was found, or the fee's currency
        was never set; the instrument is latched then.
    """
    status = check_trade(state, time_ns, instrument, side, lots, 0)
    if status == OK:
        status = check_trade_values(price_ticks, fee, execution_id)
    if status != OK:
        return status
    known = find_execution(state, instrument, side, execution_id)
    if known >= 0 and state.executions[known].booked != 0:
        return DUPLICATE
    now = touch(state, time_ns, EVENT_FILL)
    position = state.positions[instrument]
    lots_before = position.net_lots
    matched = match_order(state, handle, instrument, strategy, side, lots, fee_currency)
    holder = holder_of(state, strategy)
    recorded = 1 if strategy_is_set(state, strategy) else 0
    if side == BUY:
        position.bought_lots += lots
    else:
        position.sold_lots += lots
    ticks = float(price_ticks)
    paid = pay_fee(state, instrument, fee, fee_currency)
    cash = book_trade(state, now, instrument, holder, side * lots, ticks, paid, 1, recorded)
    move_proceeds(state, instrument, cash)
    remember_execution(state, instrument, side, execution_id, 0)
    throttle_executions(state, now, instrument)
    position.fill_count += 1
    position.last_fill_ns = now
    state.venues[state.instruments[instrument].venue].fills_day += 1
    state.account.turnover_day += value_of_lots(state, instrument, lots, price_ticks)
    refresh_position(state, instrument, lots_before)
    update_strategy(state, holder)
    return OK if matched else BOOKED_UNMATCHED


@kernel
def move_proceeds(state, i, cash):
    """Move realised P&L or spot proceeds into the settlement balance of instrument `i`."""
    instrument = state.instruments[i]
    state.balances[instrument.venue, instrument.currency].realized += cash
    change_balance(state, instrument.venue, instrument.currency, cash)


@kernel
def on_bust(
    state,
    time_ns,
    instrument,
    strategy,
    side,
    lots,
    price_ticks,
    fee,
    fee_currency,
    execution_id,
):
    """Take an execution back: book its reverse at its own price and return its fee.

    The lots count as adjusted, not as bought or sold, and the instrument is latched until a person
    has looked. A bust may overtake its fill, which is then booked when it comes. The order's filled
    lots stay as they are: the venue reports an order that trades on.

    Parameters
    ----------
    state : record, modified in place
    time_ns, instrument, strategy, side, lots, price_ticks, fee, fee_currency, execution_id
        Those of the execution, as in `on_fill`.

    Returns
    -------
    int64
        As `on_fill`, but BOOKED_UNMATCHED only for a strategy or a fee's currency that was never
        set; DUPLICATE for a second bust of one execution.
    """
    status = check_trade(state, time_ns, instrument, side, lots, 1)
    if status == OK:
        status = check_trade_values(price_ticks, fee, execution_id)
    if status != OK:
        return status
    known = find_execution(state, instrument, side, execution_id)
    if known >= 0 and state.executions[known].busted != 0:
        return DUPLICATE
    now = touch(state, time_ns, EVENT_BUST)
    position = state.positions[instrument]
    lots_before = position.net_lots
    trade_lots = -side * lots
    holder = holder_of(state, strategy)
    position.adjusted_lots += trade_lots
    paid = pay_fee(state, instrument, -fee, fee_currency)
    cash = book_trade(state, now, instrument, holder, trade_lots, float(price_ticks), paid, 0, 0)
    move_proceeds(state, instrument, cash)
    remember_execution(state, instrument, side, execution_id, 1)
    state.counters.busts += 1
    position.latches |= LATCH_RECONCILIATION
    refresh_position(state, instrument, lots_before)
    update_strategy(state, holder)
    if strategy_is_set(state, strategy) and currency_is_set(state, fee_currency):
        return OK
    return BOOKED_UNMATCHED
