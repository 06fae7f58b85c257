"""One fixed-size record for any event: the form of the journal and of the replayer."""

from riskcore.codes import (
    EVENT_ACK,
    EVENT_ADVANCE,
    EVENT_BUST,
    EVENT_CANCEL,
    EVENT_CANCEL_REJECT,
    EVENT_CANCELED,
    EVENT_CHECK,
    EVENT_CLOCK,
    EVENT_CONTROL,
    EVENT_ERROR,
    EVENT_EXPIRE,
    EVENT_FILL,
    EVENT_FUNDING,
    EVENT_HEARTBEAT,
    EVENT_LATENCY,
    EVENT_ORDER_STATUS,
    EVENT_POSITION,
    EVENT_QUOTE,
    EVENT_RATE,
    EVENT_REGIME,
    EVENT_REJECT,
    EVENT_REPLACE,
    EVENT_REPLACED,
    EVENT_SAMPLE,
    EVENT_SETTLEMENT,
    EVENT_TRADE,
    EVENT_TRANSFER,
    INVALID_CODE,
    INVALID_VALUE,
)
from riskcore.kernels.cash import on_funding, on_settlement, on_transfer
from riskcore.kernels.covariance import advance
from riskcore.kernels.elementary import floor_to_int, is_bounded
from riskcore.kernels.gate import replace_order, submit_order
from riskcore.kernels.language import kernel
from riskcore.kernels.market import on_clock, on_quote, on_rate, on_trade
from riskcore.kernels.orders import (
    cancel_order,
    on_ack,
    on_cancel_reject,
    on_canceled,
    on_expire,
    on_order_status,
    on_reject,
    on_replaced,
)
from riskcore.kernels.positions import on_bust, on_fill
from riskcore.kernels.reconciliation import on_position
from riskcore.kernels.system import (
    control,
    on_error,
    on_heartbeat,
    on_latency,
    on_regime,
)
from riskcore.kernels.volatility import on_sample

MAX_EXACT = 9.0e15


@kernel
def apply_market(state, event, kind):
    """Quotes, trades, rates, the clock and samples."""
    time_ns = event.time_ns
    if kind == EVENT_QUOTE:
        return on_quote(
            state,
            time_ns,
            event.instrument,
            event.price_ticks,
            event.lots,
            event.price_ticks_2,
            event.lots_2,
        )
    if kind == EVENT_TRADE:
        return on_trade(state, time_ns, event.instrument, event.price_ticks, event.lots)
    if kind == EVENT_RATE:
        return on_rate(state, time_ns, event.currency, event.value)
    if kind == EVENT_CLOCK:
        return on_clock(state, time_ns)
    if kind == EVENT_SAMPLE:
        return on_sample(state, time_ns)
    return advance(state, event.lots)


@kernel
def apply_check(state, event, decision):
    """An order asked for."""
    submit_order(
        state,
        event.id,
        event.time_ns,
        event.instrument,
        event.strategy,
        event.side,
        event.type,
        event.time_in_force,
        event.order_flags,
        event.lots,
        event.price_ticks,
        event.price_ticks_2,
        event.confidence,
        decision,
    )
    return decision.status


@kernel
def apply_order(state, event, decision, kind):
    """What happens to a working order."""
    time_ns = event.time_ns
    handle = event.handle
    if kind == EVENT_CANCEL:
        return cancel_order(state, time_ns, handle)
    if kind == EVENT_REPLACE:
        replace_order(state, time_ns, handle, event.lots_2, event.price_ticks_2, decision)
        return decision.status
    if kind == EVENT_ACK:
        return on_ack(state, time_ns, handle, event.id)
    if kind == EVENT_REJECT:
        return on_reject(state, time_ns, handle, event.code)
    if kind == EVENT_CANCELED:
        return on_canceled(state, time_ns, handle)
    if kind == EVENT_CANCEL_REJECT:
        return on_cancel_reject(state, time_ns, handle, event.code)
    if kind == EVENT_REPLACED:
        return on_replaced(state, time_ns, handle, event.lots, event.price_ticks)
    if kind == EVENT_EXPIRE:
        return on_expire(state, time_ns, handle)
    return on_order_status(state, time_ns, handle, event.code, event.lots)


@kernel
def apply_fact(state, event, kind):
    """Executions, cash and reconciliation."""
    time_ns = event.time_ns
    if kind == EVENT_FILL:
        return on_fill(
            state,
            time_ns,
            event.handle,
            event.instrument,
            event.strategy,
            event.side,
            event.lots,
            event.price_ticks,
            event.value,
            event.currency,
            event.id,
        )
    if kind == EVENT_BUST:
        return on_bust(
            state,
            time_ns,
            event.instrument,
            event.strategy,
            event.side,
            event.lots,
            event.price_ticks,
            event.value,
            event.currency,
            event.id,
        )
    if kind == EVENT_FUNDING:
        return on_funding(
            state, time_ns, event.instrument, event.strategy, event.currency, event.value
        )
    if kind == EVENT_TRANSFER:
        return on_transfer(state, time_ns, event.venue, event.currency, event.value)
    if kind == EVENT_SETTLEMENT:
        return on_settlement(state, time_ns, event.instrument, event.price_ticks)
    return on_position(state, time_ns, event.instrument, event.lots, event.price_ticks)


@kernel
def apply_system(state, event, kind):
    """Heartbeats, latency, errors, control and the regime."""
    time_ns = event.time_ns
    if kind == EVENT_HEARTBEAT:
        return on_heartbeat(state, time_ns, event.venue)
    if kind == EVENT_LATENCY:
        if not is_bounded(event.value, MAX_EXACT):
            return INVALID_VALUE
        return on_latency(state, time_ns, floor_to_int(event.value))
    if kind == EVENT_ERROR:
        return on_error(state, time_ns, event.code)
    if kind == EVENT_CONTROL:
        return control(state, time_ns, event.code, event.instrument, event.lots, event.id)
    return on_regime(state, time_ns, event.code, event.value)


@kernel
def apply(state, event, decision):
    """Apply any event.

    Parameters
    ----------
    state : record, modified in place
    event : record, EVENT, read
    decision : record, DECISION, output
        Of EVENT_CHECK and EVENT_REPLACE; else untouched.

    Returns
    -------
    int64
        The event's status; INVALID_CODE for an unknown kind.
    """
    kind = event.kind
    if kind == EVENT_CHECK:
        return apply_check(state, event, decision)
    if EVENT_QUOTE <= kind <= EVENT_ADVANCE:
        return apply_market(state, event, kind)
    if EVENT_CANCEL <= kind <= EVENT_EXPIRE or kind == EVENT_ORDER_STATUS:
        return apply_order(state, event, decision, kind)
    if EVENT_FILL <= kind <= EVENT_POSITION:
        return apply_fact(state, event, kind)
    if EVENT_HEARTBEAT <= kind <= EVENT_REGIME:
        return apply_system(state, event, kind)
    return INVALID_CODE
