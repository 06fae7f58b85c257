"""Cold calls: make and attach a buffer, set parameters, instruments, venues, strategies, scenarios.

Everything is validated before anything is written. A set is an event: it carries a time. What is
already running (lots, buckets, records) is kept when its configuration is set again.
"""

from math import sqrt

from numba import literal_unroll

from riskcore.codes import (
    ACTIVE,
    BAD_BUFFER,
    CLOSE_ONLY,
    DAY_NS,
    DISABLED,
    DOWN,
    EVENT_CONTROL,
    INVALID_CODE,
    INVALID_CURRENCY,
    INVALID_INSTRUMENT,
    INVALID_LOTS,
    INVALID_PARAMETERS,
    INVALID_PRICE,
    INVALID_STRATEGY,
    INVALID_VALUE,
    INVALID_VENUE,
    INVERSE,
    LINEAR,
    MAX_LOTS,
    MAX_MONEY,
    MAX_POSITION_LOTS,
    MAX_SHARE,
    MAX_TICKS,
    MAX_TIME_NS,
    OK,
    REGIME_NORMAL,
    SPOT,
    UNSET,
    WRONG_ABI,
    WRONG_LAYOUT,
    WRONG_MAGIC,
    WRONG_SHAPE,
    WRONG_SIZE,
)
from riskcore.kernels.covariance import rescale_samples, set_initial_covariance
from riskcore.kernels.elementary import (
    LARGEST,
    expected_shortfall_multiplier,
    maximum,
    value_at_risk_multiplier,
)
from riskcore.kernels.entry import check_time, currency_is_set, touch, venue_is_set
from riskcore.kernels.exposure import refresh_weight, revalue_all, update_equity
from riskcore.kernels.integrity import buffer_whole
from riskcore.kernels.language import kernel
from riskcore.kernels.stops import refresh
from riskcore.layout import ABI_VERSION, MAGIC, PARAMETERS

MAX_CONTRACT_VALUE = 1e12
MAX_HORIZON_NS = 366 * DAY_NS

# Domains of the parameters, by field name; what stands in no group is derived or an array.
UNIT_PARAMETERS = (
    "min_liquidation_distance",
    "cluster_correlation",
    "max_drawdown",
    "target_drawdown",
    "max_daily_loss",
    "min_free_margin",
    "max_reject_rate",
    "price_collar",
    "exit_collar",
    "max_spread",
    "crash_probability",
    "performance_decay",
    "probation_factor",
    "latency_decay",
    "variance_decay",
    "covariance_decay",
    "initial_correlation",
    "stop_gap",
    "kelly_fraction",
    "kelly_shrinkage",
)
OPEN_UNIT_PARAMETERS = ("kelly_wealth_floor", "kelly_floor_probability")
SHARE_PARAMETERS = (
    "max_position_share",
    "max_position_risk",
    "max_gross_leverage",
    "max_net_leverage",
    "var_95",
    "expected_shortfall",
    "max_portfolio_risk",
    "max_herfindahl",
    "max_weight",
    "max_correlation_risk",
    "max_stress_loss",
    "cushion_multiplier",
    "max_daily_turnover",
    "max_order_to_trade",
    "max_venue_exposure",
    "max_visible_share",
    "max_traded_share",
    "max_volatility",
    "max_flash_move",
    "stop_multiple",
    "target_multiple",
    "base_size",
    "volatility_target",
    "volatility_multiplier",
    "max_leverage",
    "risk_per_trade",
    "drawdown_sizing_power",
)
COUNT_PARAMETERS = (
    "max_open_orders",
    "max_losing_streak",
    "losing_streak_cooldown_ns",
    "decision_interval_ns",
    "execution_latency_ns",
    "order_to_trade_grace",
    "heartbeat_timeout_ns",
    "execution_interval_ns",
    "execution_burst_ns",
    "acknowledgement_timeout_ns",
    "max_quote_age_ns",
    "max_rate_age_ns",
    "performance_min_trades",
    "max_latency_ns",
    "error_interval_ns",
    "error_burst_ns",
    "max_data_gap_ns",
    "monitor_timeout_ns",
    "max_same_time_events",
    "stop_horizon_ns",
)
WINDOW_PARAMETERS = ("liquidity_window_ns", "flash_window_ns", "sample_interval_ns")
FLAG_PARAMETERS = ("require_heartbeat", "crash_reduce_only", "require_monitor")
COPIED_PARAMETERS = tuple(field.name for field in PARAMETERS if not field.shape)


@kernel
def initialize(
    state,
    layout_hash,
    size_bytes,
    instruments,
    strategies,
    venues,
    currencies,
    regimes,
    window,
    scenarios,
    orders,
):
    """Write header, free list and the neutral regime into a buffer of zero bytes."""
    header = state.header
    header.abi_version = ABI_VERSION
    header.layout_hash = layout_hash
    header.size_bytes = size_bytes
    header.instruments = instruments
    header.strategies = strategies
    header.venues = venues
    header.currencies = currencies
    header.regimes = regimes
    header.window = window
    header.scenarios = scenarios
    header.orders = orders
    for slot in range(orders):
        state.orders[slot].next = slot + 2 if slot + 1 < orders else 0
    state.system.free_head = 1
    regime = state.regime
    regime.current = REGIME_NORMAL
    regime.risk_multiplier = 1.0
    regime.size_multiplier = 1.0
    regime.stop_multiplier = 1.0
    # Above any confidence: nothing opens before parameters give the true threshold.
    regime.confidence_threshold = 2.0
    regime.probability[REGIME_NORMAL] = 1.0
    for i in range(instruments):
        state.covariance.cluster[i] = i
    state.system.canary = MAGIC
    header.magic = MAGIC
    return OK


@kernel
def attach(
    state,
    layout_hash,
    size_bytes,
    instruments,
    strategies,
    venues,
    currencies,
    regimes,
    window,
    scenarios,
    orders,
):
    """OK where code of this layout and shape made the buffer and it is whole.

    Cold: every index and list in it is looked at once.

    Returns
    -------
    int64
        WRONG_MAGIC, WRONG_ABI, WRONG_SHAPE, WRONG_SIZE, WRONG_LAYOUT, BAD_BUFFER (damaged) or OK.
    """
    header = state.header
    if header.magic != MAGIC:
        return WRONG_MAGIC
    if header.abi_version != ABI_VERSION:
        return WRONG_ABI
    same = (
        header.instruments == instruments
        and header.strategies == strategies
        and header.venues == venues
        and header.currencies == currencies
        and header.regimes == regimes
        and header.window == window
        and header.scenarios == scenarios
        and header.orders == orders
    )
    if not same:
        return WRONG_SHAPE
    if header.size_bytes != size_bytes:
        return WRONG_SIZE
    if header.layout_hash != layout_hash:
        return WRONG_LAYOUT
    if state.system.canary != MAGIC:
        return BAD_BUFFER
    if not buffer_whole(state):
        return BAD_BUFFER
    # Divisors and domains stand in the parameters: a damaged block is no block.
    if state.parameters.version != 0 and not parameters_valid(state, state.parameters):
        return BAD_BUFFER
    if state.parameters.version != 0 and not derived_agree(state.parameters):
        return BAD_BUFFER
    return OK


@kernel
def derived_agree(parameters):
    """True where the derived parameters are what the others say."""
    degrees = parameters.tail_degrees_of_freedom
    return (
        parameters.var_multiplier == value_at_risk_multiplier(degrees)
        and parameters.es_multiplier == expected_shortfall_multiplier(degrees)
        and parameters.samples_per_day == float(DAY_NS) / float(parameters.sample_interval_ns)
    )


@kernel
def within(value, low, high):
    """True for low <= value <= high; false for NaN."""
    return low <= value and value <= high


@kernel
def count_outside_unit(parameters):
    """Parameters outside [0, 1] (or its open interior) among those that must be inside."""
    count = 0
    for name in literal_unroll(UNIT_PARAMETERS):
        if not within(parameters[name], 0.0, 1.0):
            count += 1
    for name in literal_unroll(OPEN_UNIT_PARAMETERS):
        if not (0.0 < parameters[name] and parameters[name] < 1.0):
            count += 1
    return count


@kernel
def count_outside_share(parameters):
    """Parameters outside [0, MAX_SHARE] among those that must be inside."""
    count = 0
    for name in literal_unroll(SHARE_PARAMETERS):
        if not within(parameters[name], 0.0, MAX_SHARE):
            count += 1
    return count


@kernel
def count_outside_integers(parameters):
    """Integer parameters out of their range."""
    count = 0
    for name in literal_unroll(COUNT_PARAMETERS):
        if not within(parameters[name], 0, MAX_TIME_NS >> 1):
            count += 1
    for name in literal_unroll(WINDOW_PARAMETERS):
        if not within(parameters[name], 1, MAX_HORIZON_NS):
            count += 1
    for name in literal_unroll(FLAG_PARAMETERS):
        if not within(parameters[name], 0, 1):
            count += 1
    return count


@kernel
def parameters_valid(state, parameters):
    """True where every parameter lies in its domain."""
    if not within(parameters.version, 1, MAX_TIME_NS):
        return False
    if count_outside_unit(parameters) + count_outside_share(parameters) > 0:
        return False
    if count_outside_integers(parameters) > 0:
        return False
    # A decay of one would never hear of anything new.
    if not (parameters.latency_decay < 1.0 and parameters.performance_decay < 1.0):
        return False
    # The recursions divide by 1 - decay when they are calibrated and never forget at 1.
    if not (parameters.variance_decay < 1.0 and parameters.covariance_decay < 1.0):
        return False
    # A collar of one would price a sell at zero.
    if not (parameters.price_collar < 1.0 and parameters.exit_collar < 1.0):
        return False
    if not within(parameters.performance_floor, -MAX_SHARE, MAX_SHARE):
        return False
    degrees = parameters.tail_degrees_of_freedom
    if degrees != 0.0 and not within(degrees, 2.05, MAX_SHARE):
        return False
    if not within(float(parameters.stop_horizon_ns), 0.0, float(MAX_HORIZON_NS)):
        return False
    for r in range(state.header.regimes):
        good = (
            within(parameters.regime_risk_multiplier[r], 0.0, MAX_SHARE)
            and within(parameters.regime_size_multiplier[r], 0.0, MAX_SHARE)
            and within(parameters.regime_confidence_threshold[r], 0.0, 1.0)
            and within(parameters.regime_stop_multiplier[r], 0.0, MAX_SHARE)
        )
        if not good:
            return False
    return True


@kernel
def apply_regime(state):
    """The current regime's multipliers from the parameters, and the stops that follow from them.

    The gate's risk multiplier is never below one. Revalue the positions afterwards.
    """
    regime = state.regime
    parameters = state.parameters
    current = regime.current
    regime.risk_multiplier = maximum(1.0, parameters.regime_risk_multiplier[current])
    regime.size_multiplier = parameters.regime_size_multiplier[current]
    regime.confidence_threshold = parameters.regime_confidence_threshold[current]
    regime.stop_multiplier = parameters.regime_stop_multiplier[current]
    for i in range(state.header.instrument_count):
        refresh(state, i)


@kernel
def derive_parameters(state):
    """Fill the derived parameters and the scenarios that enter the drawdown budget."""
    parameters = state.parameters
    degrees = parameters.tail_degrees_of_freedom
    parameters.var_multiplier = value_at_risk_multiplier(degrees)
    parameters.es_multiplier = expected_shortfall_multiplier(degrees)
    before = parameters.samples_per_day
    parameters.samples_per_day = float(DAY_NS) / float(parameters.sample_interval_ns)
    if before > 0.0:
        # The 24 h figures stay as they are when the sampling interval changes.
        rescale_samples(state, before / parameters.samples_per_day)
    parameters.stop_scale = parameters.stop_multiple * sqrt(
        float(parameters.stop_horizon_ns) / float(DAY_NS)
    )
    for s in range(state.header.scenario_count):
        count_scenario(state, s)
    for i in range(state.header.instrument_count):
        record = state.volatility[i]
        record.volatility = sqrt(record.variance * parameters.samples_per_day)


@kernel
def enters_budget(state, horizon_ns):
    """1 where a move over `horizon_ns` can happen between a decision and its execution."""
    parameters = state.parameters
    if horizon_ns >= parameters.decision_interval_ns + parameters.execution_latency_ns:
        return 1
    return 0


@kernel
def count_scenario(state, s):
    """Derive where scenario `s` counts from whether it is enabled and from its horizon."""
    scenario = state.scenarios[s]
    scenario.in_budget = enters_budget(state, scenario.horizon_ns)
    state.stress.ceiling[s] = LARGEST if scenario.enabled != 0 else 0.0
    state.stress.budget_ceiling[s] = (
        LARGEST if scenario.enabled != 0 and scenario.in_budget != 0 else 0.0
    )


@kernel
def copy_parameters(target, source):
    """Copy every scalar parameter."""
    for name in literal_unroll(COPIED_PARAMETERS):
        target[name] = source[name]


@kernel
def copy_regimes(target, source, regimes):
    """Copy the multipliers of every regime."""
    for r in range(regimes):
        target.regime_risk_multiplier[r] = source.regime_risk_multiplier[r]
        target.regime_size_multiplier[r] = source.regime_size_multiplier[r]
        target.regime_confidence_threshold[r] = source.regime_confidence_threshold[r]
        target.regime_stop_multiplier[r] = source.regime_stop_multiplier[r]


@kernel
def set_parameters(state, time_ns, parameters):
    """Replace the whole parameter block.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    parameters : record, PARAMETERS
        Derived fields are ignored. `version` is at least 1.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_PARAMETERS or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    if not parameters_valid(state, parameters):
        return INVALID_PARAMETERS
    touch(state, time_ns, EVENT_CONTROL)
    copy_parameters(state.parameters, parameters)
    copy_regimes(state.parameters, parameters, state.header.regimes)
    derive_parameters(state)
    apply_regime(state)
    revalue_all(state)
    update_equity(state)
    return OK


@kernel
def check_instrument_terms(state, record):
    """Status of the contract terms of an instrument record."""
    if record.state != ACTIVE and record.state != CLOSE_ONLY and record.state != DOWN:
        return INVALID_CODE
    if record.kind != SPOT and record.kind != LINEAR and record.kind != INVERSE:
        return INVALID_CODE
    if not venue_is_set(state, record.venue):
        return INVALID_VENUE
    if not currency_is_set(state, record.currency):
        return INVALID_CURRENCY
    if record.underlying < 0 or record.underlying >= state.header.instruments:
        return INVALID_INSTRUMENT
    if not (0.0 < record.contract_value and record.contract_value <= MAX_CONTRACT_VALUE):
        return INVALID_VALUE
    if not (0.0 < record.initial_volatility and record.initial_volatility <= MAX_SHARE):
        return INVALID_VALUE
    fractions = (
        within(record.initial_margin, 0.0, 1.0)
        and within(record.maintenance_margin, 0.0, 1.0)
        and within(record.taker_fee, -1.0, 1.0)
        and within(record.exit_cost, 0.0, 1.0)
        and within(record.min_notional, 0.0, MAX_MONEY)
        and within(record.max_order_notional, 0.0, MAX_MONEY)
        and within(record.max_position_notional, 0.0, MAX_MONEY)
    )
    if not fractions:
        return INVALID_VALUE
    return OK


@kernel
def check_instrument_limits(record):
    """Status of the integer limits of an instrument record."""
    if not within(record.max_order_lots, 0, MAX_LOTS):
        return INVALID_LOTS
    if not within(record.max_position_lots, 0, MAX_POSITION_LOTS):
        return INVALID_LOTS
    if not within(record.min_lots, 1, MAX_LOTS) or not within(record.lot_step, 1, MAX_LOTS):
        return INVALID_LOTS
    if not within(record.tick_step, 1, MAX_TICKS):
        return INVALID_PRICE
    if not within(record.min_price_ticks, 1, MAX_TICKS):
        return INVALID_PRICE
    if not within(record.max_price_ticks, record.min_price_ticks, MAX_TICKS):
        return INVALID_PRICE
    if not within(record.shorting_allowed, 0, 1):
        return INVALID_CODE
    if not within(record.expiry_ns, 0, MAX_TIME_NS):
        return INVALID_VALUE
    return OK


@kernel
def copy_instrument(target, record):
    """Copy an instrument's terms and limits."""
    target.state = record.state
    target.kind = record.kind
    target.venue = record.venue
    target.currency = record.currency
    target.underlying = record.underlying
    target.symbol_id = record.symbol_id
    target.contract_value = record.contract_value
    target.initial_volatility = record.initial_volatility
    target.initial_margin = record.initial_margin
    target.maintenance_margin = record.maintenance_margin
    target.taker_fee = record.taker_fee
    target.exit_cost = record.exit_cost
    target.min_notional = record.min_notional
    target.max_order_notional = record.max_order_notional
    target.max_position_notional = record.max_position_notional
    target.max_order_lots = record.max_order_lots
    target.max_position_lots = record.max_position_lots
    target.min_lots = record.min_lots
    target.lot_step = record.lot_step
    target.tick_step = record.tick_step
    target.min_price_ticks = record.min_price_ticks
    target.max_price_ticks = record.max_price_ticks
    target.shorting_allowed = record.shorting_allowed
    target.expiry_ns = record.expiry_ns


@kernel
def instrument_set(state, time_ns, instrument, record):
    """Add an instrument (in index order), or change the limits and state of one.

    The kind, venue, currency, underlying and contract value of one that has traded, or that has
    working orders, cannot change.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_INSTRUMENT, INVALID_VENUE, INVALID_CURRENCY,
        INVALID_LOTS, INVALID_PRICE, INVALID_VALUE, INVALID_CODE, INVALID_PARAMETERS (set those
        first) or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    header = state.header
    if instrument < 0 or instrument >= header.instruments or instrument > header.instrument_count:
        return INVALID_INSTRUMENT
    status = check_instrument_terms(state, record)
    if status != OK:
        return status
    status = check_instrument_limits(record)
    if status != OK:
        return status
    if state.parameters.version < 1:
        return INVALID_PARAMETERS
    target = state.instruments[instrument]
    position = state.positions[instrument]
    if position.fill_count > 0 or position.open_order_count > 0 or position.net_lots != 0:
        same = (
            target.kind == record.kind
            and target.venue == record.venue
            and target.currency == record.currency
            and target.underlying == record.underlying
            and target.contract_value == record.contract_value
        )
        if not same:
            return INVALID_CODE
    touch(state, time_ns, EVENT_CONTROL)
    known = target.state != UNSET
    copy_instrument(target, record)
    if not known:
        if instrument == header.instrument_count:
            header.instrument_count = instrument + 1
        set_initial_covariance(state, instrument)
        # Until a scenario says otherwise a new instrument can lose everything in each.
        for s in range(header.scenarios):
            state.shocks[instrument].down[s] = 1.0
            state.shocks[instrument].up[s] = 1.0
    revalue_all(state)
    update_equity(state)
    return OK


@kernel
def venue_set(state, time_ns, venue, record):
    """Add a venue (in index order), or change its buckets and state.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_VENUE, INVALID_VALUE, INVALID_CODE or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    header = state.header
    if venue < 0 or venue >= header.venues or venue > header.venue_count:
        return INVALID_VENUE
    if record.state != ACTIVE and record.state != CLOSE_ONLY and record.state != DOWN:
        return INVALID_CODE
    good = (
        within(record.message_interval_ns, 0, DAY_NS)
        and within(record.message_burst_ns, 0, MAX_HORIZON_NS)
        and within(record.message_reserve_ns, 0, record.message_burst_ns)
        and within(record.window_ns, 0, MAX_HORIZON_NS)
        and within(record.window_limit, 0, MAX_LOTS)
        and within(record.window_reserve, 0, record.window_limit)
        and within(record.reject_decay, 0.0, 1.0)
    )
    if not good:
        return INVALID_VALUE
    touch(state, time_ns, EVENT_CONTROL)
    target = state.venues[venue]
    target.state = record.state
    target.message_interval_ns = record.message_interval_ns
    target.message_burst_ns = record.message_burst_ns
    target.message_reserve_ns = record.message_reserve_ns
    target.window_ns = record.window_ns
    target.window_limit = record.window_limit
    target.window_reserve = record.window_reserve
    target.reject_decay = record.reject_decay
    if venue == header.venue_count:
        header.venue_count = venue + 1
    return OK


@kernel
def link_is_free(state, currency, instrument):
    """True where no other currency is linked to `instrument`."""
    for c in range(state.header.currency_count):
        if c != currency and state.currencies[c].instrument == instrument + 1:
            return False
    return True


@kernel
def currency_set(state, time_ns, currency, record):
    """Add a currency (in index order), or change its link and shock.

    Scenarios take both into the shocks of what is settled in it: set them again after a change.
    The first currency set with `is_account` = 1 is the account currency for ever; its rate is 1.
    A currency may link to an instrument once that instrument is set. Its balance weighs in VaR and
    ES from then on, at the present mark, and no longer where it was linked before.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_INSTRUMENT, INVALID_CURRENCY, INVALID_VALUE,
        INVALID_CODE or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    header = state.header
    if currency < 0 or currency >= header.currencies or currency > header.currency_count:
        return INVALID_CURRENCY
    if record.state != ACTIVE or not within(record.is_account, 0, 1):
        return INVALID_CODE
    new = currency == header.currency_count
    has_account = header.currency_count > 0
    if new:
        # Exactly one account currency, and it comes first.
        if (record.is_account != 0) == has_account:
            return INVALID_CODE
    elif record.is_account != state.currencies[currency].is_account:
        return INVALID_CODE
    if record.instrument < 0 or record.instrument > header.instrument_count:
        return INVALID_INSTRUMENT
    if record.instrument > 0 and record.is_account != 0:
        return INVALID_INSTRUMENT
    if record.instrument > 0 and not link_is_free(state, currency, record.instrument - 1):
        return INVALID_INSTRUMENT
    if not within(record.shock, 0.0, 1.0):
        return INVALID_VALUE
    touch(state, time_ns, EVENT_CONTROL)
    target = state.currencies[currency]
    linked = target.instrument - 1
    if linked >= 0:
        state.positions[linked].linked_balance = 0.0
    target.state = ACTIVE
    target.is_account = record.is_account
    target.instrument = record.instrument
    target.shock = record.shock
    if new:
        header.currency_count = currency + 1
        if record.is_account != 0:
            header.account_currency = currency
            target.rate = 1.0
    revalue_all(state)
    if linked >= 0:
        refresh_weight(state, linked)
    if target.instrument > 0:
        refresh_weight(state, target.instrument - 1)
    update_equity(state)
    return OK


@kernel
def strategy_set(state, time_ns, strategy, record):
    """Add a strategy (in index order), or change its budget, limits, regimes and order rate.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_STRATEGY, INVALID_VALUE, INVALID_CODE or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    header = state.header
    if strategy < 0 or strategy >= header.strategies or strategy > header.strategy_count:
        return INVALID_STRATEGY
    if record.state != ACTIVE and record.state != DISABLED:
        return INVALID_CODE
    good = (
        within(record.regime_mask, 0, (1 << header.regimes) - 1)
        and within(record.budget, 0.0, MAX_SHARE)
        and within(record.max_drawdown, 0.0, MAX_SHARE)
        and within(record.max_daily_loss, 0.0, MAX_SHARE)
        and within(record.order_interval_ns, 0, DAY_NS)
        and within(record.order_burst_ns, 0, MAX_HORIZON_NS)
        and within(record.win_probability, 0.0, 1.0)
        and within(record.payoff, 0.0, MAX_SHARE)
    )
    if not good:
        return INVALID_VALUE
    touch(state, time_ns, EVENT_CONTROL)
    target = state.strategies[strategy]
    target.state = record.state
    target.regime_mask = record.regime_mask
    target.budget = record.budget
    target.max_drawdown = record.max_drawdown
    target.max_daily_loss = record.max_daily_loss
    target.order_interval_ns = record.order_interval_ns
    target.order_burst_ns = record.order_burst_ns
    target.win_probability = record.win_probability
    target.payoff = record.payoff
    if strategy == header.strategy_count:
        header.strategy_count = strategy + 1
        # Facts may have been booked in it before.
        revalue_all(state)
        update_equity(state)
    return OK


@kernel
def effective_shock(state, i, move, rising, rate_move):
    """Loss fraction of a position in `i` from a price move of `move` >= 0, exit cost included.

    A linear contract loses exactly the move, and so does in account currency an inverse one whose
    settlement currency is linked, as the rate moves with the price. An inverse contract settled in
    a currency that does not move loses 1 - 1/(1 + x) of its value: more than the move when the
    price falls, less when it rises. The exit cost is charged on the larger of the value before and
    after the move. What is lost in any other foreign currency may be paid for after its rate has
    risen by `rate_move` >= 0.
    """
    instrument = state.instruments[i]
    currency = state.currencies[instrument.currency]
    loss = move
    grown = 1.0
    dearer = 1.0 + rate_move
    if instrument.kind == INVERSE and currency.instrument != 0:
        dearer = 1.0
    if instrument.kind == INVERSE and currency.instrument == 0:
        left = maximum(1.0 - move, 1e-6)
        if rising != 0:
            loss = move / (1.0 + move)
        else:
            loss = move / left
            grown = 1.0 / left
    elif rising != 0:
        grown = 1.0 + move
    return (loss + instrument.exit_cost * grown) * dearer


@kernel
def scenario_set(state, time_ns, scenario, record, down, up):
    """Add a stress scenario (in index order), or replace one.

    Parameters
    ----------
    state : record, modified in place
    time_ns : int64, ns
    scenario : int64
    record : record, SCENARIOS
        `enabled`, `horizon_ns` and `scenario_id` are read.
    down, up : float64[instruments], fraction
        Sizes of the falling (0 to 1) and rising (0 to MAX_SHARE) moves of each instrument.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_TIME, INVALID_VALUE, INVALID_CODE or OK.
    """
    status = check_time(state, time_ns)
    if status != OK:
        return status
    header = state.header
    if scenario < 0 or scenario >= header.scenarios or scenario > header.scenario_count:
        return INVALID_CODE
    if not within(record.horizon_ns, 0, MAX_HORIZON_NS):
        return INVALID_VALUE
    if not within(record.enabled, 0, 1):
        return INVALID_CODE
    for i in range(header.instrument_count):
        if not within(down[i], 0.0, 1.0) or not within(up[i], 0.0, MAX_SHARE):
            return INVALID_VALUE
    touch(state, time_ns, EVENT_CONTROL)
    target = state.scenarios[scenario]
    target.enabled = record.enabled
    target.horizon_ns = record.horizon_ns
    target.scenario_id = record.scenario_id
    count_scenario(state, scenario)
    for i in range(header.instrument_count):
        currency = state.currencies[state.instruments[i].currency]
        rise = 0.0
        if currency.instrument > 0:
            rise = up[currency.instrument - 1]
        elif currency.is_account == 0:
            rise = currency.shock
        state.shocks[i].down[scenario] = effective_shock(state, i, down[i], 0, rise)
        state.shocks[i].up[scenario] = effective_shock(state, i, up[i], 1, rise)
    if scenario == header.scenario_count:
        header.scenario_count = scenario + 1
    revalue_all(state)
    update_equity(state)
    return OK
