"""Working orders: slots, handles, reservations, and the answers of the venues.

An order occupies a slot from the check that lets it go until nothing of it can trade any more. Its
handle is ``generation << 20 | slot``; a slot's generation grows each time it is taken, so an old
handle never names a new order. Slots hang in doubly linked lists, stored as slot + 1 (0 is none):
the free list, one list for each side of each instrument, and one first-in-first-out list of the
orders that wait for an answer.

Two rules hold between any two events:

- ``reserved_lots = max(lots, replace_lots) - filled_lots``, never below 0, and the working lots of
  a position and of its holdings are the sums of them. A replace thus counts the larger of both
  sizes until the venue has answered, and the own best price covers both prices.
- An order waits from its first unanswered request; a further request does not renew the wait. What
  waits too long is UNKNOWN: it keeps its reservation until an answer or a reconciliation.
"""

from riskcore.codes import (
    BOOKED_UNMATCHED,
    BUY,
    EVENT_ACK,
    EVENT_CANCEL,
    EVENT_CANCEL_REJECT,
    EVENT_CANCELED,
    EVENT_EXPIRE,
    EVENT_ORDER_STATUS,
    EVENT_REJECT,
    EVENT_REPLACED,
    HANDLE_SLOT_BITS,
    HANDLE_SLOT_MASK,
    INVALID_CODE,
    INVALID_HANDLE,
    INVALID_IDENTIFIER,
    INVALID_LOTS,
    INVALID_PRICE,
    LATCH_RECONCILIATION,
    MAX_IDENTIFIER,
    MAX_LOTS,
    MAX_POSITION_LOTS,
    MAX_TICKS,
    MAX_TIME_JUMP_NS,
    OK,
    ORDER_CANCEL_PENDING,
    ORDER_FREE,
    ORDER_PENDING,
    ORDER_REPLACE_PENDING,
    ORDER_UNKNOWN,
    ORDER_WORKING,
    VENUE_ORDER_DONE,
    VENUE_ORDER_NOT_FOUND,
    VENUE_ORDER_WORKING,
)
from riskcore.kernels.elementary import maximum, minimum
from riskcore.kernels.entry import check_time, touch
from riskcore.kernels.exposure import revalue_position
from riskcore.kernels.language import kernel

EXPIRY_BATCH = 64  # orders that one call may declare unknown
SMALLEST_RATE = 1e-15  # a smoothed rate below this is zero; it must not decay into subnormals


@kernel
def smooth(decay, old, value):
    """One step of exponential smoothing, decay x old + (1 - decay) x value; 0 near zero."""
    result = decay * old + (1.0 - decay) * value
    if abs(result) < SMALLEST_RATE:
        return 0.0
    return result


@kernel
def find_order(state, handle):
    """Slot of the live order that `handle` names, -1 where there is none."""
    if handle < 1 or handle > MAX_IDENTIFIER:
        return -1
    slot = handle & HANDLE_SLOT_MASK
    if slot >= state.header.orders:
        return -1
    order = state.orders[slot]
    if order.status == ORDER_FREE or order.generation != handle >> HANDLE_SLOT_BITS:
        return -1
    return slot


@kernel
def handle_has_ended(state, handle):
    """True for the handle of an order that once lived in its slot and does no longer."""
    if handle < 1 or handle > MAX_IDENTIFIER:
        return False
    slot = handle & HANDLE_SLOT_MASK
    if slot >= state.header.orders:
        return False
    order = state.orders[slot]
    generation = handle >> HANDLE_SLOT_BITS
    if generation < 1 or generation > order.generation:
        return False
    return generation < order.generation or order.status == ORDER_FREE


# --- lists ----------------------------------------------------------------------------------------


@kernel
def link_order(state, slot):
    """Put an order at the head of the list of its instrument's side."""
    order = state.orders[slot]
    position = state.positions[order.instrument]
    if order.side == BUY:
        head = position.buy_head
        position.buy_head = slot + 1
    else:
        head = position.sell_head
        position.sell_head = slot + 1
    order.next = head
    order.previous = 0
    if head != 0:
        state.orders[head - 1].previous = slot + 1


@kernel
def unlink_order(state, slot):
    """Take an order out of the list of its instrument's side."""
    order = state.orders[slot]
    position = state.positions[order.instrument]
    if order.previous != 0:
        state.orders[order.previous - 1].next = order.next
    elif order.side == BUY:
        position.buy_head = order.next
    else:
        position.sell_head = order.next
    if order.next != 0:
        state.orders[order.next - 1].previous = order.previous
    order.next = 0
    order.previous = 0


@kernel
def append_pending(state, slot, now):
    """Let an order wait for an answer from `now` on, unless it waits already."""
    order = state.orders[slot]
    if order.in_pending != 0:
        return
    system = state.system
    tail = system.pending_tail
    order.sent_ns = now
    order.in_pending = 1
    order.pending_next = 0
    order.pending_previous = tail
    if tail != 0:
        state.orders[tail - 1].pending_next = slot + 1
    else:
        system.pending_head = slot + 1
    system.pending_tail = slot + 1


@kernel
def remove_pending(state, slot):
    """Take an order out of the list of those that wait, if it is there."""
    order = state.orders[slot]
    if order.in_pending == 0:
        return
    system = state.system
    if order.pending_previous != 0:
        state.orders[order.pending_previous - 1].pending_next = order.pending_next
    else:
        system.pending_head = order.pending_next
    if order.pending_next != 0:
        state.orders[order.pending_next - 1].pending_previous = order.pending_previous
    else:
        system.pending_tail = order.pending_previous
    order.in_pending = 0
    order.pending_next = 0
    order.pending_previous = 0


# --- own best price -------------------------------------------------------------------------------


@kernel
def most_aggressive_ticks(state, slot):
    """An order's price nearest to the other side, that of a pending replace included."""
    order = state.orders[slot]
    price = order.price_ticks
    other = order.replace_ticks
    if other > 0:
        if order.side == BUY and other > price:
            price = other
        if order.side != BUY and other < price:
            price = other
    return price


@kernel
def improve_own_best(state, slot):
    """Move the own best price of an order's side to its price where that is better."""
    order = state.orders[slot]
    position = state.positions[order.instrument]
    price = most_aggressive_ticks(state, slot)
    if order.side == BUY:
        if price > position.own_best_bid:
            position.own_best_bid = price
    elif position.own_best_ask == 0 or price < position.own_best_ask:
        position.own_best_ask = price


@kernel
def refresh_own_best(state, instrument, side):
    """Find the own best price of one side of an instrument again from its list of orders."""
    position = state.positions[instrument]
    if side == BUY:
        position.own_best_bid = 0
        link = position.buy_head
    else:
        position.own_best_ask = 0
        link = position.sell_head
    for _ in range(state.header.orders):
        if link == 0:
            break
        improve_own_best(state, link - 1)
        link = state.orders[link - 1].next


# --- reservations ---------------------------------------------------------------------------------


@kernel
def change_reservation(state, slot, reserved_lots):
    """Let an order reserve `reserved_lots` (int64 >= 0) in its position and holding."""
    order = state.orders[slot]
    change = reserved_lots - order.reserved_lots
    order.reserved_lots = reserved_lots
    position = state.positions[order.instrument]
    holding = state.holdings[order.strategy, order.instrument]
    if order.side == BUY:
        position.working_buy_lots += change
        holding.working_buy_lots += change
    else:
        position.working_sell_lots += change
        holding.working_sell_lots += change


@kernel
def refresh_reservation(state, slot):
    """Reserve what may still trade: the larger of the size and a requested one, less the filled."""
    order = state.orders[slot]
    reserved = maximum(order.lots, order.replace_lots) - order.filled_lots
    change_reservation(state, slot, maximum(reserved, 0))


@kernel
def change_status(state, slot, status):
    """Set an order's status and keep the counts of orders of unknown fate."""
    order = state.orders[slot]
    change = 0
    if status == ORDER_UNKNOWN:
        change += 1
    if order.status == ORDER_UNKNOWN:
        change -= 1
    order.status = status
    state.positions[order.instrument].unknown_orders += change
    state.system.unknown_orders += change


@kernel
def reserve_order(
    state,
    time_ns,
    client_id,
    instrument,
    strategy,
    side,
    order_type,
    time_in_force,
    flags,
    lots,
    price_ticks,
):
    """Take a slot for an order that has passed, and count its lots as working at once.

    The caller has checked that a slot is free, moves the venue's message bucket and revalues the
    position afterwards.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
        Time that counts, from `touch`.
    client_id, instrument, strategy, side, order_type, time_in_force, flags : int64
        As in the order record, checked.
    lots : int64, lots, > 0
    price_ticks : int64, ticks, > 0
        Limit price; for market and stop orders the worst price at the collar.

    Returns
    -------
    int64
        The order's handle, > 0.
    """
    slot = state.system.free_head - 1
    order = state.orders[slot]
    state.system.free_head = order.next
    order.generation += 1
    order.status = ORDER_PENDING
    order.client_id = client_id
    order.venue_order_id = 0
    order.instrument = instrument
    order.strategy = strategy
    order.side = side
    order.type = order_type
    order.time_in_force = time_in_force
    order.order_flags = flags
    order.lots = lots
    order.filled_lots = 0
    order.reserved_lots = 0
    order.price_ticks = price_ticks
    order.replace_lots = 0
    order.replace_ticks = 0
    order.acknowledged = 0
    order.sequence = state.system.next_sequence
    state.system.next_sequence += 1
    link_order(state, slot)
    append_pending(state, slot, time_ns)
    refresh_reservation(state, slot)
    improve_own_best(state, slot)
    state.positions[instrument].open_order_count += 1
    state.account.open_orders += 1
    return (order.generation << HANDLE_SLOT_BITS) | slot


@kernel
def release_order(state, slot):
    """End an order: give back its reservation and its slot. The caller revalues the position."""
    order = state.orders[slot]
    instrument = order.instrument
    side = order.side
    position = state.positions[instrument]
    price = most_aggressive_ticks(state, slot)
    change_reservation(state, slot, 0)
    change_status(state, slot, ORDER_FREE)
    remove_pending(state, slot)
    unlink_order(state, slot)
    best = position.own_best_bid if side == BUY else position.own_best_ask
    if price == best:
        refresh_own_best(state, instrument, side)
    order.next = state.system.free_head
    state.system.free_head = slot + 1
    position.open_order_count -= 1
    state.account.open_orders -= 1


@kernel
def release_lots(state, slot, lots):
    """Give back `lots` of an order's reservation, at most all of it."""
    reserved = state.orders[slot].reserved_lots
    change_reservation(state, slot, reserved - (lots if lots < reserved else reserved))


@kernel
def fill_order(state, slot, lots):
    """Count a fill on a live order; release the order when nothing of it is left.

    A fill answers the request that placed the order. Returns True where the order had as many lots
    left, a pending larger size included.
    """
    order = state.orders[slot]
    within = lots <= order.reserved_lots
    release_lots(state, slot, lots)
    order.filled_lots += lots
    if order.filled_lots >= maximum(order.lots, order.replace_lots):
        release_order(state, slot)
    elif order.status == ORDER_PENDING:
        resume_order(state, slot)
    return within


@kernel
def resume_order(state, slot):
    """Let an order work: no request of it is open any more."""
    change_status(state, slot, ORDER_WORKING)
    remove_pending(state, slot)


# --- requests -------------------------------------------------------------------------------------


@kernel
def begin_replace(state, time_ns, slot, new_lots, new_price_ticks):
    """Note that a replace has been sent: reserve the larger size, cover both prices.

    An order of unknown fate stays unknown, and a cancel in flight stays one. Where a replace is
    already in flight, the larger size and the more aggressive price of both are kept.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
        Time that counts, from `touch`.
    slot : int64
        Of a live order.
    new_lots : int64, lots
        Requested total size, filled lots included.
    new_price_ticks : int64, ticks
    """
    order = state.orders[slot]
    order.replace_lots = maximum(order.replace_lots, new_lots)
    nearer = order.side * (new_price_ticks - order.replace_ticks) > 0
    if order.replace_ticks == 0 or nearer:
        order.replace_ticks = new_price_ticks
    refresh_reservation(state, slot)
    improve_own_best(state, slot)
    if order.status == ORDER_PENDING or order.status == ORDER_WORKING:
        change_status(state, slot, ORDER_REPLACE_PENDING)
    if order.status != ORDER_UNKNOWN:
        append_pending(state, slot, time_ns)


@kernel
def end_replace(state, slot):
    """Forget a pending replace: the order's own size and price hold alone."""
    order = state.orders[slot]
    order.replace_lots = 0
    order.replace_ticks = 0
    refresh_reservation(state, slot)
    refresh_own_best(state, order.instrument, order.side)


@kernel
def begin_cancel(state, time_ns, slot):
    """Note that a cancel has been sent. An order of unknown fate stays unknown."""
    if state.orders[slot].status != ORDER_UNKNOWN:
        change_status(state, slot, ORDER_CANCEL_PENDING)
        append_pending(state, slot, time_ns)


@kernel
def expire_pending(state, now):
    """Declare orders unknown that have waited longer than the time-out; oldest first.

    At most EXPIRY_BATCH in one call; the rest follows at the next. Returns how many.
    """
    timeout = state.parameters.acknowledgement_timeout_ns
    count = 0
    for _ in range(EXPIRY_BATCH):
        slot = state.system.pending_head - 1
        if slot < 0 or now - state.orders[slot].sent_ns <= timeout:
            break
        remove_pending(state, slot)
        change_status(state, slot, ORDER_UNKNOWN)
        count += 1
    return count


@kernel
def doubt_orders(state):
    """Declare every live order unknown: nobody listened for a while. Cold."""
    for slot in range(state.header.orders):
        if state.orders[slot].status != ORDER_FREE:
            remove_pending(state, slot)
            change_status(state, slot, ORDER_UNKNOWN)


@kernel
def count_message(state, venue_index, now):
    """Count one message in a venue's buckets; both may overdraw (the gate looks before)."""
    venue = state.venues[venue_index]
    venue.messages += 1
    venue.messages_day += 1
    arrival = maximum(venue.message_arrival_ns, now) + venue.message_interval_ns
    venue.message_arrival_ns = minimum(arrival, now + MAX_TIME_JUMP_NS)
    if venue.window_ns > 0:
        if now - venue.window_start_ns >= venue.window_ns:
            venue.window_start_ns = now - now % venue.window_ns
            venue.window_used = 0
        venue.window_used += 1


@kernel
def count_answer(state, slot, rejected):
    """Move a venue's smoothed reject rate by an order's first answer (1.0 rejected, 0.0 not)."""
    order = state.orders[slot]
    if order.acknowledged == 0:
        order.acknowledged = 1
        venue = state.venues[state.instruments[order.instrument].venue]
        venue.reject_rate = smooth(venue.reject_decay, venue.reject_rate, rejected)


# --- events ---------------------------------------------------------------------------------------


@kernel
def check_handle(state, time_ns, handle):
    """Status of an event on an order: BAD_BUFFER, INVALID_TIME, INVALID_HANDLE or OK."""
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if find_order(state, handle) < 0:
        return INVALID_HANDLE
    return OK


@kernel
def code_is_valid(code):
    """True for any code a venue may give: venues number their reasons freely, also below zero."""
    return -MAX_IDENTIFIER <= code <= MAX_IDENTIFIER


@kernel
def cancel_order(state, time_ns, handle):
    """Send a cancel: allowed for every live order, also under kill and with the bucket overdrawn.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    handle : int64

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_HANDLE (nothing changed) or OK.
    """
    status = check_handle(state, time_ns, handle)
    if status != OK:
        return status
    now = touch(state, time_ns, EVENT_CANCEL)
    slot = find_order(state, handle)
    count_message(state, state.instruments[state.orders[slot].instrument].venue, now)
    begin_cancel(state, now, slot)
    return OK


@kernel
def on_ack(state, time_ns, handle, venue_order_id):
    """The venue has accepted an order. Requests sent since then keep waiting, from now on.

    An order of unknown fate works again, also by a repeat, which else changes only the time.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    handle : int64
    venue_order_id : int64
        Opaque, 0 to MAX_IDENTIFIER.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_HANDLE, INVALID_IDENTIFIER (nothing changed) or OK.
    """
    status = check_handle(state, time_ns, handle)
    if status != OK:
        return status
    if not (0 <= venue_order_id <= MAX_IDENTIFIER):
        return INVALID_IDENTIFIER
    now = touch(state, time_ns, EVENT_ACK)
    slot = find_order(state, handle)
    order = state.orders[slot]
    if order.acknowledged == 0:
        count_answer(state, slot, 0.0)
        order.venue_order_id = venue_order_id
        if order.status == ORDER_CANCEL_PENDING or order.status == ORDER_REPLACE_PENDING:
            remove_pending(state, slot)
            append_pending(state, slot, now)
    if order.status == ORDER_PENDING or order.status == ORDER_UNKNOWN:
        resume_order(state, slot)
    return OK


@kernel
def on_reject(state, time_ns, handle, code):
    """The venue has refused an order, which is released; where a replace waits, only that is over.

    A replace can only have been asked of an order that works: no refusal of it releases the order,
    whatever has been asked or has become of it since. A cancel in flight keeps waiting.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    handle : int64
    code : int64
        The venue's reason, |code| <= MAX_IDENTIFIER; not interpreted.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_CODE, INVALID_HANDLE (nothing changed) or OK.
    """
    status = check_handle(state, time_ns, handle)
    if status != OK and status != INVALID_HANDLE:
        return status
    if not code_is_valid(code):
        return INVALID_CODE
    if status != OK:
        return status
    touch(state, time_ns, EVENT_REJECT)
    slot = find_order(state, handle)
    order = state.orders[slot]
    instrument = order.instrument
    state.venues[state.instruments[instrument].venue].rejects += 1
    if order.replace_lots != 0:
        refuse_replace(state, slot)
    else:
        count_answer(state, slot, 1.0)
        release_order(state, slot)
    revalue_position(state, instrument)
    return OK


@kernel
def refuse_replace(state, slot):
    """The old terms of an order hold again; it is over where they are filled already."""
    order = state.orders[slot]
    end_replace(state, slot)
    if order.filled_lots >= order.lots:
        release_order(state, slot)
    elif order.status != ORDER_CANCEL_PENDING:
        resume_order(state, slot)


@kernel
def end_order(state, time_ns, handle, kind):
    """Release an order of which the venue says that nothing is left."""
    status = check_handle(state, time_ns, handle)
    if status != OK:
        return status
    touch(state, time_ns, kind)
    slot = find_order(state, handle)
    instrument = state.orders[slot].instrument
    release_order(state, slot)
    revalue_position(state, instrument)
    return OK


@kernel
def on_canceled(state, time_ns, handle):
    """The venue has cancelled the rest of an order, asked or not.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_HANDLE (nothing changed) or OK.
    """
    return end_order(state, time_ns, handle, EVENT_CANCELED)


@kernel
def on_expire(state, time_ns, handle):
    """The rest of an order has expired at the venue.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_HANDLE (nothing changed) or OK.
    """
    return end_order(state, time_ns, handle, EVENT_EXPIRE)


@kernel
def on_cancel_reject(state, time_ns, handle, code):
    """The venue has refused a cancel or a replace: the newest request is over, the order works on.

    It says nothing about an order of unknown fate, which stays unknown: "too late" may mean filled.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    handle : int64
    code : int64
        The venue's reason, |code| <= MAX_IDENTIFIER; not interpreted.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_CODE, INVALID_HANDLE (nothing changed) or OK.
    """
    status = check_handle(state, time_ns, handle)
    if status != OK and status != INVALID_HANDLE:
        return status
    if not code_is_valid(code):
        return INVALID_CODE
    if status != OK:
        return status
    touch(state, time_ns, EVENT_CANCEL_REJECT)
    slot = find_order(state, handle)
    order = state.orders[slot]
    instrument = order.instrument
    if order.status == ORDER_CANCEL_PENDING:
        if order.replace_lots != 0:
            change_status(state, slot, ORDER_REPLACE_PENDING)
        elif order.acknowledged == 0 and order.filled_lots == 0:
            change_status(state, slot, ORDER_PENDING)
        else:
            resume_order(state, slot)
    elif order.status == ORDER_REPLACE_PENDING:
        refuse_replace(state, slot)
        revalue_position(state, instrument)
    return OK


@kernel
def on_replaced(state, time_ns, handle, lots, price_ticks):
    """The venue reports new terms of an order, asked or not.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    handle : int64
    lots : int64, lots
        New total size, filled lots included, 1 to MAX_LOTS. The order ends where it is filled.
    price_ticks : int64, ticks
        1 to MAX_TICKS.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_LOTS, INVALID_PRICE, INVALID_HANDLE (nothing changed) or
        OK.
    """
    status = check_handle(state, time_ns, handle)
    if status != OK and status != INVALID_HANDLE:
        return status
    if not (1 <= lots <= MAX_LOTS):
        return INVALID_LOTS
    if not (1 <= price_ticks <= MAX_TICKS):
        return INVALID_PRICE
    if status != OK:
        return status
    touch(state, time_ns, EVENT_REPLACED)
    slot = find_order(state, handle)
    order = state.orders[slot]
    instrument = order.instrument
    order.lots = lots
    order.price_ticks = price_ticks
    end_replace(state, slot)
    if order.filled_lots >= lots:
        release_order(state, slot)
    elif order.status != ORDER_CANCEL_PENDING:
        resume_order(state, slot)
    revalue_position(state, instrument)
    return OK


@kernel
def on_order_status(state, time_ns, handle, code, filled_lots):
    """Reconcile one order with what the venue (drop copy, query) says of it.

    Lots that the venue counts as filled and we do not, or the other way round, are not booked
    here: fills come as fills or as a position. The difference counts as a break and latches the
    instrument.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    handle : int64
    code : int64
        VENUE_ORDER_WORKING: an order without answer, or of unknown fate, works. VENUE_ORDER_DONE
        and VENUE_ORDER_NOT_FOUND: nothing is left at the venue, the order is released.
    filled_lots : int64, lots
        0 to MAX_POSITION_LOTS.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_LOTS, INVALID_CODE, INVALID_HANDLE (nothing changed), OK,
        or BOOKED_UNMATCHED where the filled lots differ.
    """
    status = check_handle(state, time_ns, handle)
    if status != OK and status != INVALID_HANDLE:
        return status
    if not (0 <= filled_lots <= MAX_POSITION_LOTS):
        return INVALID_LOTS
    if code != VENUE_ORDER_WORKING and code != VENUE_ORDER_DONE and code != VENUE_ORDER_NOT_FOUND:
        return INVALID_CODE
    if status != OK:
        return status
    touch(state, time_ns, EVENT_ORDER_STATUS)
    slot = find_order(state, handle)
    order = state.orders[slot]
    instrument = order.instrument
    if filled_lots != order.filled_lots:
        state.positions[instrument].latches |= LATCH_RECONCILIATION
        state.account.break_count += 1
        status = BOOKED_UNMATCHED
    if code != VENUE_ORDER_WORKING:
        release_order(state, slot)
        revalue_position(state, instrument)
    elif order.status == ORDER_PENDING or order.status == ORDER_UNKNOWN:
        resume_order(state, slot)
    return status
