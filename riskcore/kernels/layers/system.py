"""Layer 7: the system itself. Kill, latency, errors, clock, data, monitor, reconciliation."""

from riskcore.codes import (
    ACCOUNT_IN_REDUCE_ONLY,
    CLOCK_BACKWARDS,
    CLOCK_STALLED,
    DATA_GAP,
    ERROR_RATE_EXCEEDS_MAX,
    INSTRUMENT_UNRECONCILED,
    KILL_SWITCH,
    LATCH_REPEATED_EXECUTION,
    LATENCY_EXCEEDS_MAX,
    MONITOR_SILENT,
)
from riskcore.kernels.language import kernel
from riskcore.kernels.layers.measure import raise_use


@kernel
def flag_system(state, i, time_ns, now):
    """Objections of layer 7 after the structural ones, and its utilisation.

    Parameters
    ----------
    state : record, read
    i : int64
    time_ns : int64, ns
        Of the order.
    now : int64, ns
        max(time_ns, last time).

    Returns
    -------
    mask, use
    """
    system = state.system
    parameters = state.parameters
    position = state.positions[i]
    mask = 0
    use = 0.0
    if system.kill != 0:
        mask |= 1 << KILL_SWITCH
    if state.account.latches != 0:
        mask |= 1 << ACCOUNT_IN_REDUCE_ONLY
    if not (system.latency_ewma_ns <= float(parameters.max_latency_ns)):
        mask |= 1 << LATENCY_EXCEEDS_MAX
    use = raise_use(use, system.latency_ewma_ns, float(parameters.max_latency_ns))
    if system.error_arrival_ns - now > parameters.error_burst_ns:
        mask |= 1 << ERROR_RATE_EXCEEDS_MAX
    if time_ns < now:
        mask |= 1 << CLOCK_BACKWARDS
    if system.same_time_events > parameters.max_same_time_events:
        mask |= 1 << CLOCK_STALLED
    if system.last_quote_ns == 0 or now - system.last_quote_ns > parameters.max_data_gap_ns:
        mask |= 1 << DATA_GAP
    if system.monitor_heartbeat_ns > 0 or parameters.require_monitor != 0:
        if now - system.monitor_heartbeat_ns > parameters.monitor_timeout_ns:
            mask |= 1 << MONITOR_SILENT
    latched = position.latches - (position.latches & LATCH_REPEATED_EXECUTION)
    if latched != 0 or position.unknown_orders > 0:
        mask |= 1 << INSTRUMENT_UNRECONCILED
    return mask, use
