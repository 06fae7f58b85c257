"""EWMA volatility, and the close of a sampling interval.

A sample takes the simple return of every mark since the last one. The O(instruments) part runs
here; the matrix part follows in slices of `covariance.advance`.
"""

from math import sqrt

from riskcore.codes import EVENT_SAMPLE, INVALID_PARAMETERS, OK
from riskcore.kernels.covariance import (
    RESTING_INNOVATION,
    VARIANCE_FLOOR,
    complete_pass,
    start_pass,
)
from riskcore.kernels.elementary import maximum
from riskcore.kernels.entry import check_time, touch
from riskcore.kernels.exposure import sum_all, update_equity, value_risk
from riskcore.kernels.language import kernel
from riskcore.kernels.stops import refresh


@kernel
def ewma_step(variance, decay, value):
    """One step of the EWMA variance (RiskMetrics Technical Document 1996, equation 5.3; zero mean).

    Parameters
    ----------
    variance : float64, fraction**2
        Before the step.
    decay : float64
        Lambda, 0 <= decay < 1.
    value : float64, fraction
        The return.

    Returns
    -------
    float64
        decay * variance + (1 - decay) * value**2.
    """
    return decay * variance + (1.0 - decay) * (value * value)


@kernel
def ewma_pass(returns, variance, decay, out):
    """The whole recursion: `out[t]` is the forecast for `returns[t]`, made from those before it.

    Parameters
    ----------
    returns : float64[T], fraction, read
    variance : float64, fraction**2
        Backcast: the forecast for the first return.
    decay : float64
        Lambda, 0 <= decay < 1.
    out : float64[T], fraction**2, output

    Returns
    -------
    float64
        The forecast after the last return.
    """
    for t in range(returns.shape[0]):
        out[t] = variance
        variance = ewma_step(variance, decay, returns[t])
    return variance


@kernel
def sample_return(state, i):
    """Return of instrument `i` since its last sampled mark (float64), and whether there is one.

    (0.0, False) without a good quote since the last sample or without a sampled mark; the next
    return then spans the gap.
    """
    market = state.market[i]
    record = state.volatility[i]
    if market.good_quote_ns <= record.sample_quote_ns:
        return 0.0, False
    if record.sample_set == 0 or not (record.sample_mark > 0.0):
        return 0.0, False
    return market.mark / record.sample_mark - 1.0, True


@kernel
def sample_instrument(state, i):
    """Close the interval for instrument `i`: return, EWMA variance, sampled mark and stop.

    Its return goes to `covariance.returns`, and whether there is one to `covariance.frozen`.
    """
    market = state.market[i]
    record = state.volatility[i]
    covariance = state.covariance
    value, known = sample_return(state, i)
    covariance.returns[i] = value
    record.last_return = value
    if known:
        step = ewma_step(record.variance, state.parameters.variance_decay, value)
        record.variance = maximum(step, VARIANCE_FLOOR)
        record.sample_count += 1
        covariance.frozen[i] = 0
    else:
        # A halted market is no calm one: its variance stays what it was.
        record.missing_count += 1
        covariance.frozen[i] = 1
    record.volatility = sqrt(record.variance * state.parameters.samples_per_day)
    if market.good_quote_ns > record.sample_quote_ns:
        record.sample_mark = market.mark
        record.sample_set = 1
        record.sample_quote_ns = market.good_quote_ns
    refresh(state, i)


@kernel
def prepare_pass(state):
    """Ageing factors and innovations of the matrix pass from the returns just sampled."""
    covariance = state.covariance
    decay = state.parameters.covariance_decay
    root = sqrt(decay)
    scale = sqrt(1.0 - decay)
    for i in range(state.header.instrument_count):
        innovation = scale * covariance.returns[i]
        variance = decay * covariance.variance[i] + innovation * innovation
        if not (variance >= VARIANCE_FLOOR):
            covariance.frozen[i] = 1
        if covariance.frozen[i] != 0:
            innovation = 0.0
            covariance.ageing[0, i] = root
            covariance.ageing[1, i] = 1.0
        else:
            covariance.ageing[0, i] = decay
            covariance.ageing[1, i] = root
        if innovation == 0.0:
            innovation = RESTING_INNOVATION
        covariance.innovation[i] = innovation


@kernel
def keep_history(state):
    """Write the sampled returns into the next row of the ring."""
    history = state.history
    ring = history.returns
    returns = state.covariance.returns
    head = history.head
    for i in range(state.header.instrument_count):
        ring[head, i] = returns[i]
    head += 1
    if head >= state.header.window:
        head = 0
    history.head = head
    if history.rows < state.header.window:
        history.rows += 1


@kernel
def weigh_positions(state):
    """Revalue the covariance weights: filled position and linked balance at the present mark."""
    weight = state.covariance.weight
    for i in range(state.header.instrument_count):
        position = state.positions[i]
        value = float(position.net_lots) * state.market[i].value_per_lot
        weight[i] = value + position.linked_balance


@kernel
def on_sample(state, time_ns):
    """Close a sampling interval: O(instruments). Rows of the covariance follow by `advance`.

    A pass that is still pending is completed first.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_PARAMETERS (none were ever set) or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if state.parameters.version < 1:
        return INVALID_PARAMETERS
    touch(state, time_ns, EVENT_SAMPLE)
    complete_pass(state)
    for i in range(state.header.instrument_count):
        sample_instrument(state, i)
    # Apart: read at once, the fractions that a stop has just written would still be on their way.
    for i in range(state.header.instrument_count):
        value_risk(state, i)
    state.header.sample_count += 1
    keep_history(state)
    prepare_pass(state)
    sum_all(state)
    weigh_positions(state)
    start_pass(state)
    update_equity(state)
    return OK
