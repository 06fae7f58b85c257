"""The gate: every order passes through here, through all seven layers, before it leaves.

An order is split into what only reduces the position (exit) and what opens. Exits are stopped only
by what makes them wrong or unsendable; the rest is judged by every check. Where smaller orders
pass, the largest that does is allowed. The state is judged as it stood before the order moved the
clock.
"""

from riskcore.codes import (
    APPROVE,
    BAD_BUFFER,
    BATCH_LEG_REJECTED,
    BUFFER_INTEGRITY,
    BUY,
    DRAWDOWN_BUDGET_EXCEEDED,
    DUPLICATE_CLIENT_ID,
    EVENT_CHECK,
    EVENT_REPLACE,
    FOK,
    GTC,
    HANDLE_SLOT_MASK,
    INSTRUMENT_UNKNOWN,
    INVALID_CODE,
    INVALID_HANDLE,
    INVALID_IDENTIFIER,
    INVALID_INSTRUMENT,
    INVALID_LOTS,
    INVALID_PRICE,
    INVALID_SIDE,
    INVALID_STRATEGY,
    INVALID_VALUE,
    KILL_SWITCH,
    LIMIT,
    LOTS_BELOW_MIN,
    MARKET,
    MAX_BATCH,
    MAX_IDENTIFIER,
    MAX_LOTS,
    MAX_TICKS,
    NOTIONAL_BELOW_MIN,
    OK,
    ORDER_INVALID,
    ORDER_TABLE_FULL,
    ORDER_WORKING,
    PARAMETERS_UNSET,
    POST_ONLY,
    REDUCE_ONLY,
    REJECT,
    RESIZE,
    SELL,
    STOP,
    STRATEGY_UNKNOWN,
    STRESS_LOSS_EXCEEDS_MAX,
)
from riskcore.kernels.elementary import floor_to_int, maximum
from riskcore.kernels.entry import (
    check_time,
    currency_is_set,
    instrument_is_set,
    strategy_is_set,
    touch,
    venue_is_set,
)
from riskcore.kernels.exposure import (
    lot_value,
    price_excess,
    revalue_position,
    revalue_working,
    update_equity,
)
from riskcore.kernels.language import kernel
from riskcore.kernels.layers.account import cap_account, flag_account, measure_account
from riskcore.kernels.layers.exchange import (
    cap_exchange,
    flag_exchange,
    measure_exchange,
    notional_allowed,
)
from riskcore.kernels.layers.market import cap_market, flag_market, measure_market
from riskcore.kernels.layers.measure import raise_use, smaller, whole_lots
from riskcore.kernels.layers.portfolio import (
    BUDGET_BIT,
    STRESS_BIT,
    cap_portfolio,
    measure_portfolio,
    measure_scenarios,
)
from riskcore.kernels.layers.position import cap_position, flag_position, measure_position
from riskcore.kernels.layers.strategy import (
    cap_strategy,
    flag_strategy,
    measure_strategy,
    order_rate_exceeded,
)
from riskcore.kernels.layers.system import flag_system
from riskcore.kernels.orders import (
    begin_replace,
    count_message,
    find_order,
    release_order,
    reserve_order,
)

WORD = 64


@kernel
def check_order_price(type, price_ticks, stop_ticks):
    """True where price and trigger fit the order type."""
    if type == LIMIT:
        return 1 <= price_ticks <= MAX_TICKS and stop_ticks == 0
    if type == MARKET:
        return price_ticks == 0 and stop_ticks == 0
    return price_ticks == 0 and 1 <= stop_ticks <= MAX_TICKS


@kernel
def check_order_fields(
    state,
    client_id,
    time_ns,
    instrument,
    strategy,
    side,
    type,
    time_in_force,
    flags,
    lots,
    price_ticks,
    stop_ticks,
    confidence,
):
    """Status of an order's fields by themselves: BAD_BUFFER, INVALID_* or OK. Writes nothing."""
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if instrument < 0 or instrument >= state.header.instruments:
        return INVALID_INSTRUMENT
    if strategy < 0 or strategy >= state.header.strategies:
        return INVALID_STRATEGY
    if side != BUY and side != SELL:
        return INVALID_SIDE
    if lots < 1 or lots > MAX_LOTS:
        return INVALID_LOTS
    known = type == LIMIT or type == MARKET or type == STOP
    if known and not check_order_price(type, price_ticks, stop_ticks):
        return INVALID_PRICE
    if not (0.0 <= confidence <= 1.0):
        return INVALID_VALUE
    if not known or time_in_force < GTC or time_in_force > FOK:
        return INVALID_CODE
    if flags < 0 or flags > POST_ONLY + REDUCE_ONLY:
        return INVALID_CODE
    if (flags & POST_ONLY) != 0 and (type != LIMIT or time_in_force != GTC):
        return INVALID_CODE
    if client_id < 1 or client_id > MAX_IDENTIFIER:
        return INVALID_IDENTIFIER
    return OK


@kernel
def check_record_fields(state, order):
    """`check_order_fields` of an order record."""
    return check_order_fields(
        state,
        order.client_id,
        order.time_ns,
        order.instrument,
        order.strategy,
        order.side,
        order.type,
        order.time_in_force,
        order.order_flags,
        order.lots,
        order.price_ticks,
        order.stop_ticks,
        order.confidence,
    )


@kernel
def structural_check(state, status, instrument, strategy, client_id):
    """Number of the structural check that ends the evaluation, -1 for none.

    `status` is that of the order's fields.
    """
    if status != OK:
        if status == BAD_BUFFER:
            return BUFFER_INTEGRITY
        if status == INVALID_INSTRUMENT:
            return INSTRUMENT_UNKNOWN
        if status == INVALID_STRATEGY:
            return STRATEGY_UNKNOWN
        return ORDER_INVALID
    if state.parameters.version < 1:
        return PARAMETERS_UNSET
    if not instrument_is_set(state, instrument):
        return INSTRUMENT_UNKNOWN
    record = state.instruments[instrument]
    if not venue_is_set(state, record.venue) or not currency_is_set(state, record.currency):
        return INSTRUMENT_UNKNOWN
    if not strategy_is_set(state, strategy):
        return STRATEGY_UNKNOWN
    if client_id <= state.strategies[strategy].last_client_id:
        return DUPLICATE_CLIENT_ID
    if state.system.free_head == 0:
        return ORDER_TABLE_FULL
    return -1


@kernel
def clear_decision(decision):
    """A zeroed decision is a rejection."""
    decision.action = REJECT
    decision.status = OK
    decision.lots = 0
    decision.exit_lots = 0
    decision.reasons[0] = 0
    decision.reasons[1] = 0
    decision.first_check = -1
    decision.layer = 0
    decision.handle = 0
    decision.price_ticks = 0
    for layer in range(7):
        decision.utilisation[layer] = 0.0
    decision.equity = 0.0
    decision.var_before = 0.0
    decision.var_after = 0.0
    decision.gross_before = 0.0
    decision.gross_after = 0.0
    decision.stress_before = 0.0
    decision.stress_after = 0.0
    decision.budget = 0.0


@kernel
def lowest_bit(word):
    """Number of the lowest set bit of `word` > 0."""
    n = 0
    if (word & 0xFFFFFFFF) == 0:
        n = 32
    if ((word >> n) & 0xFFFF) == 0:
        n += 16
    if ((word >> n) & 0xFF) == 0:
        n += 8
    if ((word >> n) & 0xF) == 0:
        n += 4
    if ((word >> n) & 0x3) == 0:
        n += 2
    return n + 1 - ((word >> n) & 1)


@kernel
def find_first(decision):
    """Fill in the first objection of the lowest layer: 1 to 3 and 7 in word 0, 4 to 6 in word 1.

    A layer has 16 bits; the seventh has the lowest of word 0 and what is left at the top of word 1.
    """
    word0 = decision.reasons[0]
    word1 = decision.reasons[1]
    upper = (word0 >> 16) << 16
    lower = word1 & ((1 << 48) - 1)
    if upper != 0:
        n = lowest_bit(upper)
        decision.first_check = n
        decision.layer = n >> 4
    elif lower != 0:
        n = lowest_bit(lower)
        decision.first_check = n + WORD
        decision.layer = 4 + (n >> 4)
    elif word0 != 0:
        decision.first_check = lowest_bit(word0)
        decision.layer = 7
    elif word1 != 0:
        decision.first_check = lowest_bit(word1) + WORD
        decision.layer = 7


@kernel
def refuse(decision, check):
    """Make the decision a rejection for one check."""
    decision.action = REJECT
    decision.lots = 0
    decision.reasons[check // WORD] |= 1 << (check % WORD)
    find_first(decision)


@kernel
def worst_price(state, i, side, type, price_ticks):
    """Price in ticks (float64) that an order is valued at: its limit, or the mark at the collar."""
    if type == LIMIT:
        return float(price_ticks)
    collar = state.parameters.price_collar
    return state.market[i].mark * (1.0 + float(side) * collar)


@kernel
def exit_capacity(state, i, side, released):
    """Lots of `side` that only reduce the position: what other working orders have not claimed."""
    position = state.positions[i]
    against = -side * position.net_lots
    if against <= 0:
        return 0
    working = position.working_buy_lots if side == BUY else position.working_sell_lots
    capacity = against - (working - released)
    if capacity > 0:
        return capacity
    return 0


@kernel
def order_excess(state, i, side, price_ticks):
    """Money a lot of `side` loses when it fills at the best own price, this order's included."""
    position = state.positions[i]
    best = price_ticks
    if side == BUY:
        if position.own_best_bid > best:
            best = position.own_best_bid
    elif position.own_best_ask > 0 and position.own_best_ask < best:
        best = position.own_best_ask
    return price_excess(state, i, side, best)


@kernel
def measure_order(
    state, now, i, s, side, type, flags, price_ticks, order_value, exit_lots, released, n, decision
):
    """Every sized check of all layers for `n` lots.

    Parameters
    ----------
    state : record, read
    now : int64, ns
    i, s, side, type, flags : int64
    price_ticks : int64, ticks
    order_value : float64, money
        Value of a lot at the order's price.
    exit_lots, released, n : int64, lots
        Exit part of the order, working lots it replaces, lots to judge.
    decision : record, written
        Risk before and after.

    Returns
    -------
    word0, word1 : int64
        Objections.
    uses : tuple of 6 float64
        Utilisation of layers 1 to 6.
    """
    position = state.positions[i]
    value = state.market[i].value_per_lot
    added = n - released
    opening = n - exit_lots
    if opening < 0:
        opening = 0
    long_value = position.long_value
    short_value = position.short_value
    if side == BUY:
        own_before = position.net_lots + position.working_buy_lots
        long_value = float(own_before + added) * value
        other_value = -short_value
    else:
        own_before = position.working_sell_lots - position.net_lots
        short_value = -float(own_before + added) * value
        other_value = long_value
    gross = maximum(long_value, -short_value) + abs(position.linked_balance)

    mask1, u1 = measure_position(
        state, i, side, flags, added, opening, own_before, order_value, other_value
    )
    mask2, u2 = measure_portfolio(
        state, i, side, n, released, long_value, short_value, gross, decision
    )
    working = position.working_buy_lots - position.working_sell_lots
    filled_value = float(position.net_lots + working + side * added) * value
    buy_excess = position.buy_excess
    sell_excess = position.sell_excess
    excess = order_excess(state, i, side, decision.price_ticks)
    if side == BUY:
        buy_excess = float(position.working_buy_lots + added) * excess
    else:
        sell_excess = float(position.working_sell_lots + added) * excess
    broken, worst, worst_budget = measure_scenarios(
        state,
        i,
        (long_value, short_value, filled_value),
        (buy_excess, sell_excess),
        decision,
    )
    if (broken & STRESS_BIT) != 0:
        mask2 |= 1 << STRESS_LOSS_EXCEEDS_MAX
    u2 = raise_use(u2, worst, state.parameters.max_stress_loss * state.account.equity)
    mask3, u3 = measure_account(
        state,
        i,
        side,
        added,
        released,
        opening,
        order_value,
        long_value,
        short_value,
        gross,
        worst_budget,
    )
    if (broken & BUDGET_BIT) != 0:
        mask3 |= 1 << DRAWDOWN_BUDGET_EXCEEDED
    mask4, u4 = measure_exchange(state, i, gross)
    mask5, u5 = measure_market(state, i, now, side, type, price_ticks, opening)
    mask6, u6 = measure_strategy(state, i, s, side, added)
    word0 = mask1 | mask2 | mask3
    word1 = mask4 | mask5 | mask6
    return word0, word1, (u1, u2, u3, u4, u5, u6)


@kernel
def cap_order(state, now, word0, word1, i, s, side, price_ticks, order_value, exit_lots):
    """Most lots (float64) that every objecting sized check lets through."""
    position = state.positions[i]
    if side == BUY:
        own_before = position.net_lots + position.working_buy_lots
        other_value = -position.short_value
    else:
        own_before = position.working_sell_lots - position.net_lots
        other_value = position.long_value
    excess = order_excess(state, i, side, price_ticks)
    cap = cap_position(state, word0, i, side, exit_lots, own_before, order_value, other_value)
    cap = smaller(cap, cap_portfolio(state, word0, i, side, own_before, excess))
    cap = smaller(
        cap, cap_account(state, word0, i, side, exit_lots, own_before, order_value, excess)
    )
    cap = smaller(cap, cap_exchange(state, word1, i, own_before))
    cap = smaller(cap, cap_market(state, word1, i, now, side, exit_lots))
    return smaller(cap, cap_strategy(state, word1, i, s, side))


@kernel
def resize(
    state,
    now,
    word0,
    word1,
    i,
    s,
    side,
    type,
    flags,
    price_ticks,
    order_value,
    exit_lots,
    lots,
    decision,
):
    """Largest multiple of the lot step below `lots` at which no sized check objects.

    The caps are worked out in closed form, then checked as they stand: from one step above, so that
    rounding cannot lose a lot, down to one step below. At least the exit lots.
    """
    step = state.instruments[i].lot_step
    cap = cap_order(
        state, now, word0, word1, i, s, side, decision.price_ticks, order_value, exit_lots
    )
    n = whole_lots(cap, lots)
    n = n - n % step + step
    if n > lots:
        n = lots
    for _ in range(3):
        if n <= exit_lots:
            return exit_lots
        more0, more1, _uses = measure_order(
            state,
            now,
            i,
            s,
            side,
            type,
            flags,
            price_ticks,
            order_value,
            exit_lots,
            0,
            n,
            decision,
        )
        if more0 == 0 and more1 == 0:
            return n
        n -= step
    return exit_lots


@kernel
def judge(
    state,
    time_ns,
    i,
    s,
    side,
    type,
    flags,
    lots,
    price_ticks,
    stop_ticks,
    confidence,
    released,
    reducing,
    decision,
):
    """All seven layers for a structurally sound order. Reads the state, writes the decision.

    Parameters
    ----------
    state : record, read
    time_ns : int64, ns
    i, s, side, type, flags : int64
    lots, price_ticks, stop_ticks : int64
    confidence : float64
    released : int64, lots
        Working lots of the same side that this order replaces; 0 for a new one.
    reducing : int64, flag
        1 where the order only lowers what is working: judged like an exit.
    decision : record, written
        Cleared before.
    """
    account = state.account
    now = time_ns
    if now < state.header.last_time_ns:
        now = state.header.last_time_ns
    capacity = exit_capacity(state, i, side, released)
    exit_lots = lots if lots < capacity else capacity
    if reducing != 0:
        exit_lots = lots
    ticks = worst_price(state, i, side, type, price_ticks)
    order_value = lot_value(state, i, ticks)
    decision.exit_lots = exit_lots
    decision.equity = account.equity
    decision.price_ticks = price_ticks
    if type != LIMIT:
        worst = floor_to_int(ticks)
        decision.price_ticks = worst if worst > 1 else 1

    system0, u7 = flag_system(state, i, time_ns, now)
    position0 = flag_position(state, i, now)
    account0, u3 = flag_account(state, now, 1 if released > 0 else 0)
    venue_value = order_value if type == LIMIT else state.market[i].value_per_lot
    exchange1, stop4, u4 = flag_exchange(
        state, i, now, type, price_ticks, stop_ticks, lots, venue_value
    )
    market1, stop5, u5 = flag_market(state, i, now, side, type, flags, price_ticks)
    strategy1, u6 = flag_strategy(state, i, s, now, side, type, price_ticks, confidence)
    fixed0 = system0 | position0 | account0
    fixed1 = exchange1 | market1 | strategy1
    stop0 = system0 & (1 << KILL_SWITCH)
    stop1 = stop4 | stop5
    if exit_lots == lots:
        fixed0 = stop0
        fixed1 = stop1
    sized0, sized1, uses = measure_order(
        state,
        now,
        i,
        s,
        side,
        type,
        flags,
        price_ticks,
        order_value,
        exit_lots,
        released,
        lots,
        decision,
    )
    if exit_lots == lots:
        sized0 = 0
        sized1 = 0
    decision.utilisation[0] = uses[0]
    decision.utilisation[1] = uses[1]
    decision.utilisation[2] = maximum(uses[2], u3)
    decision.utilisation[3] = maximum(uses[3], u4)
    decision.utilisation[4] = maximum(uses[4], u5)
    decision.utilisation[5] = maximum(uses[5], u6)
    decision.utilisation[6] = u7
    decision.reasons[0] = fixed0 | sized0
    decision.reasons[1] = fixed1 | sized1

    if (fixed0 | sized0) == 0 and (fixed1 | sized1) == 0:
        decision.action = APPROVE
        decision.lots = lots
        return
    # A replace passes whole or not at all.
    if stop0 == 0 and stop1 == 0 and released == 0:
        allowed = exit_lots
        if fixed0 == 0 and fixed1 == 0:
            allowed = resize(
                state,
                now,
                sized0,
                sized1,
                i,
                s,
                side,
                type,
                flags,
                price_ticks,
                order_value,
                exit_lots,
                lots,
                decision,
            )
        grant(state, i, allowed, venue_value, decision)
    if decision.exit_lots > decision.lots:
        decision.exit_lots = decision.lots
    find_first(decision)


@kernel
def grant(state, i, allowed, venue_value, decision):
    """Allow `allowed` lots, rounded down to the step, where the venue takes so small an order."""
    instrument = state.instruments[i]
    n = allowed - allowed % instrument.lot_step
    if n == 0:
        return
    if n < instrument.min_lots:
        decision.reasons[1] |= 1 << (LOTS_BELOW_MIN - WORD)
        return
    if not notional_allowed(instrument, n, venue_value):
        decision.reasons[1] |= 1 << (NOTIONAL_BELOW_MIN - WORD)
        return
    decision.action = RESIZE
    decision.lots = n


@kernel
def evaluate(
    state,
    client_id,
    time_ns,
    instrument,
    strategy,
    side,
    type,
    time_in_force,
    flags,
    lots,
    price_ticks,
    stop_ticks,
    confidence,
    decision,
):
    """Decide on an order without changing the state; the status goes into the decision."""
    clear_decision(decision)
    status = check_order_fields(
        state,
        client_id,
        time_ns,
        instrument,
        strategy,
        side,
        type,
        time_in_force,
        flags,
        lots,
        price_ticks,
        stop_ticks,
        confidence,
    )
    decision.status = status
    check = structural_check(state, status, instrument, strategy, client_id)
    if check >= 0:
        refuse(decision, check)
        return
    judge(
        state,
        time_ns,
        instrument,
        strategy,
        side,
        type,
        flags,
        lots,
        price_ticks,
        stop_ticks,
        confidence,
        0,
        0,
        decision,
    )


@kernel
def count_decision(state, decision):
    """Count a decision and its objections."""
    counters = state.counters
    counters.decisions[decision.action] += 1
    for w in range(2):
        word = decision.reasons[w]
        for _ in range(WORD):
            if word == 0:
                break
            counters.reasons[w * WORD + lowest_bit(word)] += 1
            word &= word - 1
    if decision.action != REJECT and decision.exit_lots > 0:
        counters.exits += 1


@kernel
def count_attempt(state, strategy, client_id, now):
    """Move a strategy's client identifier and order bucket for an order that was asked for."""
    record = state.strategies[strategy]
    record.last_client_id = client_id
    record.orders += 1
    if not order_rate_exceeded(record, now):
        arrival = record.order_arrival_ns
        if arrival < now:
            arrival = now
        record.order_arrival_ns = arrival + record.order_interval_ns


@kernel
def submit_order(
    state,
    client_id,
    time_ns,
    instrument,
    strategy,
    side,
    type,
    time_in_force,
    flags,
    lots,
    price_ticks,
    stop_ticks,
    confidence,
    decision,
):
    """Judge an order and reserve what is allowed of it; returns the action."""
    evaluate(
        state,
        client_id,
        time_ns,
        instrument,
        strategy,
        side,
        type,
        time_in_force,
        flags,
        lots,
        price_ticks,
        stop_ticks,
        confidence,
        decision,
    )
    if decision.status != OK:
        return REJECT
    now = touch(state, time_ns, EVENT_CHECK)
    count_decision(state, decision)
    first = decision.first_check
    if first == INSTRUMENT_UNKNOWN or first == STRATEGY_UNKNOWN or first == PARAMETERS_UNSET:
        return REJECT
    if first == DUPLICATE_CLIENT_ID:
        return REJECT
    count_attempt(state, strategy, client_id, now)
    if decision.action == REJECT:
        return REJECT
    decision.handle = reserve_order(
        state,
        now,
        client_id,
        instrument,
        strategy,
        side,
        type,
        time_in_force,
        flags,
        decision.lots,
        decision.price_ticks,
    )
    state.orders[decision.handle & HANDLE_SLOT_MASK].confidence = confidence
    count_message(state, state.instruments[instrument].venue, now)
    revalue_working(state, strategy, instrument)
    return decision.action


@kernel
def check_order(state, order, decision):
    """Judge an order and reserve what is allowed of it.

    Parameters
    ----------
    state : record, modified in place
    order : record, ORDER, read
    decision : record, DECISION, output
        `status` other than OK: the order was no valid event and nothing changed.

    Returns
    -------
    int64
        action: REJECT (0), RESIZE or APPROVE. The order may leave with `decision.lots` lots, under
        `decision.handle`.
    """
    return submit_order(
        state,
        order.client_id,
        order.time_ns,
        order.instrument,
        order.strategy,
        order.side,
        order.type,
        order.time_in_force,
        order.order_flags,
        order.lots,
        order.price_ticks,
        order.stop_ticks,
        order.confidence,
        decision,
    )


@kernel
def what_if(state, order, decision):
    """The decision that `check_order` would give now; not one byte of the state changes."""
    evaluate(
        state,
        order.client_id,
        order.time_ns,
        order.instrument,
        order.strategy,
        order.side,
        order.type,
        order.time_in_force,
        order.order_flags,
        order.lots,
        order.price_ticks,
        order.stop_ticks,
        order.confidence,
        decision,
    )
    return decision.action


@kernel
def release_leg(state, decision):
    """Take back the reservation of a leg that had passed."""
    if decision.handle != 0:
        slot = decision.handle & HANDLE_SLOT_MASK
        i = state.orders[slot].instrument
        release_order(state, slot)
        revalue_position(state, i)
        decision.handle = 0
        refuse(decision, BATCH_LEG_REJECTED)


@kernel
def check_batch(state, orders, decisions, count):
    """Judge legs one after the other; either all are approved whole or none is.

    Parameters
    ----------
    state : record, modified in place
    orders : record[count], ORDER, read
    decisions : record[count], DECISION, output
    count : int64
        1 to 64.

    Returns
    -------
    int64
        APPROVE or REJECT. One invalid leg makes the batch no event, and so does a count out of
        range: nothing changes. Of more than 64 legs the first 64 get a decision, INVALID_VALUE.
    """
    if count < 1:
        return REJECT
    if count > MAX_BATCH:
        for k in range(MAX_BATCH):
            clear_decision(decisions[k])
            decisions[k].status = INVALID_VALUE
            refuse(decisions[k], ORDER_INVALID)
        return REJECT
    valid = True
    for k in range(count):
        clear_decision(decisions[k])
        status = check_record_fields(state, orders[k])
        decisions[k].status = status
        if status != OK:
            refuse(
                decisions[k],
                structural_check(
                    state, status, orders[k].instrument, orders[k].strategy, orders[k].client_id
                ),
            )
            valid = False
    if not valid:
        for k in range(count):
            if decisions[k].status == OK:
                refuse(decisions[k], BATCH_LEG_REJECTED)
        return REJECT
    for k in range(count):
        if check_order(state, orders[k], decisions[k]) != APPROVE:
            for j in range(k + 1):
                release_leg(state, decisions[j])
            for j in range(k + 1, count):
                clear_decision(decisions[j])
                refuse(decisions[j], BATCH_LEG_REJECTED)
            return REJECT
    return APPROVE


@kernel
def check_replace_fields(state, time_ns, handle, lots, price_ticks):
    """Status of a replace request."""
    status = check_time(state, time_ns)
    if status != OK:
        return status
    slot = find_order(state, handle)
    filled = state.orders[slot].filled_lots if slot >= 0 else 0
    if lots < 1 or lots > MAX_LOTS or lots <= filled:
        return INVALID_LOTS
    if price_ticks < 1 or price_ticks > MAX_TICKS:
        return INVALID_PRICE
    if slot < 0:
        return INVALID_HANDLE
    order = state.orders[slot]
    if order.type != LIMIT or order.status != ORDER_WORKING:
        return INVALID_CODE
    return OK


@kernel
def replace_order(state, time_ns, handle, lots, price_ticks, decision):
    """Judge a change of a working limit order; reserve the larger of old and new until answered.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    handle : int64
        Of a working limit order.
    lots : int64, lots
        New total size, more than what has filled.
    price_ticks : int64, ticks
    decision : record, DECISION, output

    Returns
    -------
    int64
        APPROVE or REJECT. A change that only reduces passes as an exit does; any other must pass
        whole, as a new order with the old reservation taken out.
    """
    clear_decision(decision)
    status = check_replace_fields(state, time_ns, handle, lots, price_ticks)
    decision.status = status
    if status != OK:
        refuse(decision, BUFFER_INTEGRITY if status == BAD_BUFFER else ORDER_INVALID)
        return REJECT
    slot = find_order(state, handle)
    order = state.orders[slot]
    i = order.instrument
    remaining = lots - order.filled_lots
    leaves = order.lots - order.filled_lots
    further = order.side * (price_ticks - order.price_ticks) <= 0
    reducing = 1 if further and remaining <= leaves else 0
    judge(
        state,
        time_ns,
        i,
        order.strategy,
        order.side,
        LIMIT,
        order.order_flags,
        remaining,
        price_ticks,
        0,
        order.confidence,
        order.reserved_lots,
        reducing,
        decision,
    )
    if decision.action != APPROVE:
        decision.action = REJECT
        decision.lots = 0
    now = touch(state, time_ns, EVENT_REPLACE)
    count_decision(state, decision)
    if decision.action == REJECT:
        return REJECT
    begin_replace(state, now, slot, lots, price_ticks)
    decision.handle = handle
    count_message(state, state.instruments[i].venue, now)
    revalue_position(state, i)
    update_equity(state)
    return APPROVE
