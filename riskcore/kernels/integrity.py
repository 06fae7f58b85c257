"""Is a buffer that somebody hands us whole? Every index and list in it, before any is followed.

A buffer from a file or from another process may be damaged behind a good header. Kernels follow the
indices in it without looking; so attaching looks at all of them once.
"""

from riskcore.codes import (
    ACTIVE,
    BUY,
    DOWN,
    INVERSE,
    MAX_TIME_NS,
    ORDER_FREE,
    ORDER_UNKNOWN,
    SELL,
    SPOT,
    UNSET,
)
from riskcore.kernels.elementary import maximum
from riskcore.kernels.language import kernel

EXECUTION_WAYS = 4


@kernel
def counts_whole(state):
    """True where every count and head of the single records lies in its range."""
    header = state.header
    system = state.system
    covariance = state.covariance
    history = state.history
    return (
        0 <= header.last_time_ns <= MAX_TIME_NS
        and 0 <= header.instrument_count <= header.instruments
        and 0 <= header.strategy_count <= header.strategies
        and 0 <= header.venue_count <= header.venues
        and 0 <= header.currency_count <= header.currencies
        and 0 <= header.scenario_count <= header.scenarios
        and 0 <= header.account_currency < header.currencies
        and 0 <= system.free_head <= header.orders
        and 0 <= system.pending_head <= header.orders
        and 0 <= system.pending_tail <= header.orders
        and 0 <= history.head < header.window
        and 0 <= history.rows <= header.window
        and 0 <= covariance.pending <= 1
        and 0 <= covariance.labelled <= covariance.cursor <= header.instruments
        and 0 <= state.regime.current < header.regimes
    )


@kernel
def instruments_whole(state):
    """True where every set instrument points at set venues, currencies, groups and clusters."""
    header = state.header
    covariance = state.covariance
    for i in range(header.instruments):
        in_range = (
            0 <= covariance.cluster[i] < header.instruments
            and 0 <= covariance.cluster_next[i] < header.instruments
            and 0 <= covariance.neighbour[i] < header.instruments
            and 0 <= covariance.frozen[i] <= 1
            and 0 <= state.positions[i].buy_head <= header.orders
            and 0 <= state.positions[i].sell_head <= header.orders
        )
        if not in_range:
            return False
        instrument = state.instruments[i]
        if i >= header.instrument_count:
            if instrument.state != UNSET:
                return False
            continue
        good = (
            ACTIVE <= instrument.state <= DOWN
            and SPOT <= instrument.kind <= INVERSE
            and 0 <= instrument.venue < header.venue_count
            and 0 <= instrument.currency < header.currency_count
            and 0 <= instrument.underlying < header.instruments
            and instrument.lot_step > 0
            and instrument.tick_step > 0
        )
        if not good:
            return False
    for c in range(header.currencies):
        if not (0 <= state.currencies[c].instrument <= header.instrument_count):
            return False
    return True


@kernel
def slots_whole(state):
    """True where every order slot and execution entry holds indices of its range."""
    header = state.header
    for slot in range(header.orders):
        order = state.orders[slot]
        good = (
            ORDER_FREE <= order.status <= ORDER_UNKNOWN
            and 0 <= order.next <= header.orders
            and 0 <= order.previous <= header.orders
            and 0 <= order.pending_next <= header.orders
            and 0 <= order.pending_previous <= header.orders
            and 0 <= state.executions[slot].cursor < EXECUTION_WAYS
        )
        if good and order.status != ORDER_FREE:
            good = (
                0 <= order.instrument < header.instrument_count
                and 0 <= order.strategy < header.strategy_count
                and (order.side == BUY or order.side == SELL)
                and 0 <= order.filled_lots <= maximum(order.lots, order.replace_lots)
                and order.reserved_lots >= 0
            )
        if not good:
            return False
    return True


@kernel
def count_free(state):
    """Length of the free list, -1 where it holds an occupied slot or does not end."""
    count = 0
    link = state.system.free_head
    for _ in range(state.header.orders + 1):
        if link == 0:
            return count
        if state.orders[link - 1].status != ORDER_FREE:
            return -1
        link = state.orders[link - 1].next
        count += 1
    return -1


@kernel
def count_side(state, i, side, head):
    """Length of the list of working orders of one side, -1 where a foreign slot stands in it."""
    count = 0
    link = head
    before = 0
    for _ in range(state.header.orders + 1):
        if link == 0:
            return count
        order = state.orders[link - 1]
        own = order.instrument == i and order.side == side and order.previous == before
        if order.status == ORDER_FREE or not own:
            return -1
        before = link
        link = order.next
        count += 1
    return -1


@kernel
def pending_whole(state):
    """True where the list of unanswered orders ends at its tail and holds all that wait."""
    waiting = 0
    for slot in range(state.header.orders):
        if state.orders[slot].in_pending != 0:
            waiting += 1
    link = state.system.pending_head
    before = 0
    for _ in range(state.header.orders + 1):
        if link == 0:
            return before == state.system.pending_tail and waiting == 0
        order = state.orders[link - 1]
        if order.status == ORDER_FREE or order.in_pending == 0 or order.pending_previous != before:
            return False
        waiting -= 1
        before = link
        link = order.pending_next
    return False


@kernel
def lists_whole(state):
    """True where free list and side lists together hold every slot once."""
    total = count_free(state)
    if total < 0:
        return False
    for i in range(state.header.instrument_count):
        position = state.positions[i]
        buys = count_side(state, i, BUY, position.buy_head)
        sells = count_side(state, i, SELL, position.sell_head)
        if buys < 0 or sells < 0 or buys + sells != position.open_order_count:
            return False
        total += buys + sells
    return total == state.header.orders and pending_whole(state)


@kernel
def buffer_whole(state):
    """True where every count, index and list of the buffer could have been written by this code."""
    return (
        counts_whole(state)
        and instruments_whole(state)
        and slots_whole(state)
        and lists_whole(state)
    )
