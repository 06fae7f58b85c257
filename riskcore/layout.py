"""The one table of the buffer: every block and field, from which dtypes and the C header come.

One 64-byte aligned block of memory holds one account. Its shape is fixed when it is made.

::

    +--------------+---------------------------------------------------------------+
    | header       | magic, ABI, layout hash, shape, last time, event count        |
    | parameters   | limits and model constants, one version at a time             |
    | account      | equity, drawdown, cached sums of all exposures, latches       |
    | regime       | probabilities and multipliers                                 |
    | system       | kill word, latency, errors, clock, free list, canary          |
    | instruments  | [instruments]  contract terms and limits                      |
    | market       | [instruments]  book, mark, liquidity, flash window            |
    | volatility   | [instruments]  EWMA variance, stop distances                  |
    | positions    | [instruments]  lots, cost, P&L, working orders, contributions |
    | venues       | [venues]       state, message buckets, margin, exposure       |
    | currencies   | [currencies]   rate to the account currency                   |
    | strategies   | [strategies]   budget, record, order rate                     |
    | holdings     | [strategies, instruments]  a strategy's share of a position   |
    | balances     | [venues, currencies]  cash                                    |
    | scenarios    | [scenarios]    horizon, flags                                |
    | stress       | cached loss of each scenario, side by side                    |
    | shocks       | [instruments]  rows of loss fractions per scenario            |
    | covariance   | matrix [N, N], its product with the weights, clusters         |
    | history      | [window, N]  ring of sampled returns                          |
    | orders       | [orders]  working orders: slots with generations              |
    | executions   | [orders]  recent execution identifiers, four ways a set       |
    | counters     | events, decisions and reasons since the start                 |
    +--------------+---------------------------------------------------------------+

Every field is int64 or float64; every block is padded to a multiple of 64 bytes, so a record of
an array never shares a cache line with its neighbour. Fields that one event touches together lie
together. NaN is never stored: what is not set is told by a flag or a state of zero. A buffer of
zero bytes rejects every order.

Units: ``ticks``, ``lots`` and ``ns`` are exact integers; ``money`` is account currency; ``cash`` is
the unit of the named currency; ``share`` is a fraction of equity; ``fraction`` is a plain ratio.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

MAGIC = 0x45524F434B534952  # "RISKCORE" read as little-endian bytes
ABI_VERSION = 1
ALIGNMENT = 64
CHECK_WORDS = 2


@dataclass(frozen=True)
class Shape:
    """Sizes of one buffer. All positive; ``orders`` is a multiple of four, at most 2**20."""

    instruments: int = 64
    strategies: int = 8
    venues: int = 8
    currencies: int = 8
    regimes: int = 4
    window: int = 512
    scenarios: int = 32
    orders: int = 4096

    def __post_init__(self) -> None:
        for field in dataclass_fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"shape.{field.name} must be an integer, not {value!r}")
            low, high = SHAPE_BOUNDS[field.name]
            if not low <= value <= high:
                raise ValueError(f"shape.{field.name} is {value}: allowed are {low} to {high}")
        if self.orders % 4:
            raise ValueError(f"shape.orders is {self.orders}: it must be a multiple of 4")

    def sizes(self) -> tuple[int, ...]:
        """The sizes in the order of the fields."""
        return tuple(getattr(self, field.name) for field in dataclass_fields(self))


SHAPE_BOUNDS = {
    "instruments": (1, 1024),
    "strategies": (1, 64),
    "venues": (1, 64),
    "currencies": (1, 64),
    "regimes": (4, 8),
    "window": (8, 4096),
    "scenarios": (1, 62),
    "orders": (16, 1 << 20),
}
SHAPE_NAMES = tuple(SHAPE_BOUNDS)


class Field(NamedTuple):
    """One field: name, type (``i8`` or ``f8``), symbolic shape, unit, meaning."""

    name: str
    type: str
    shape: tuple[str | int, ...]
    unit: str
    meaning: str


class Block(NamedTuple):
    """One block: name, symbolic dimensions (``()`` for a single record), fields, meaning."""

    name: str
    dims: tuple[str | int, ...]
    fields: tuple[Field, ...]
    meaning: str


def _table(text: str) -> tuple[Field, ...]:
    """Read rows ``name type[shape] unit: meaning`` into fields."""
    rows = []
    for line in text.strip().splitlines():
        head, meaning = line.strip().split(": ", 1)
        name, kind, unit = head.split()
        shape: tuple[str | int, ...] = ()
        if "[" in kind:
            kind, inner = kind.rstrip("]").split("[")
            shape = tuple(int(s) if s.isdigit() else s for s in inner.split(","))
        rows.append(Field(name, {"i": "i8", "f": "f8"}[kind], shape, unit, meaning))
    return tuple(rows)


HEADER = _table("""
    magic i -: MAGIC, or the buffer is not ours
    abi_version i -: ABI_VERSION of the code that made it
    layout_hash i -: hash of this table and the shape
    size_bytes i bytes: size of the whole block
    instruments i -: shape
    strategies i -: shape
    venues i -: shape
    currencies i -: shape
    regimes i -: shape
    window i -: shape
    scenarios i -: shape
    orders i -: shape
    event_count i -: valid events applied so far
    last_time_ns i ns: latest time seen; time never runs backwards in here
    instrument_count i -: instruments 0 .. count-1 have been set; loops stop there
    strategy_count i -: strategies 0 .. count-1 have been set
    venue_count i -: venues 0 .. count-1 have been set
    currency_count i -: currencies 0 .. count-1 have been set
    scenario_count i -: scenarios 0 .. count-1 have been set
    account_currency i -: index of the account currency
    sample_count i -: sampling intervals closed so far
    day i days: days since 1970-01-01 UTC of the last event
""")

PARAMETERS = _table("""
    version i -: version of this block; 0 is unset and rejects every order
    author i -: identifier of the person or process that set it
    max_position_share f share: largest position, working orders included
    max_position_risk f share: largest standalone VaR (95 %, 24 h) and largest loss at the stop of one position
    min_liquidation_distance f fraction: smallest move of the mark that may separate a position from liquidation
    max_gross_leverage f share: largest sum of absolute positions
    max_net_leverage f share: largest absolute sum of signed positions
    var_95 f share: largest portfolio VaR at 95 % over 24 h
    expected_shortfall f share: largest portfolio ES at 95 % over 24 h
    max_portfolio_risk f share: largest sum of the losses at the stops, gaps included
    max_herfindahl f share^2: largest sum of squared weights
    max_weight f share: largest un-netted exposure to one underlying
    max_correlation_risk f share: largest un-netted sum of standalone VaR in a cluster
    cluster_correlation f fraction: instruments at least this correlated (absolute) share a cluster
    max_stress_loss f share: largest loss in any scenario
    max_drawdown f fraction: largest drawdown from the high-water mark
    target_drawdown f fraction: drawdown at which sizing has shrunk to nothing
    max_daily_loss f fraction: largest loss since the start of the UTC day
    cushion_multiplier f fraction: exposure per unit of cushion
    min_free_margin f fraction: part of a venue's equity that must stay free of margin
    max_open_orders i -: largest number of working orders
    max_daily_turnover f share: largest filled plus working notional of a UTC day
    max_losing_streak i -: losing round trips in a row that start the cool-down
    losing_streak_cooldown_ns i ns: length of the cool-down
    decision_interval_ns i ns: time between two looks at the market
    execution_latency_ns i ns: time from a decision to its execution
    max_order_to_trade f fraction: largest number of messages per fill of a day and venue
    order_to_trade_grace i -: messages of a day before that ratio counts
    max_reject_rate f fraction: largest smoothed share of orders that a venue rejects
    max_venue_exposure f share: largest gross position at one venue
    heartbeat_timeout_ns i ns: silence of a venue after which it counts as gone
    require_heartbeat i flag: 1 where a venue that never beat counts as gone too
    execution_interval_ns i ns: sustained time per fill of one instrument
    execution_burst_ns i ns: burst of fills tolerated above that
    acknowledgement_timeout_ns i ns: an order unanswered this long is of unknown fate
    price_collar f fraction: how far through the mark an order may be priced
    exit_collar f fraction: the same for exits on a stale or one-sided book
    max_quote_age_ns i ns: a quote older than this is stale
    max_rate_age_ns i ns: a currency rate older than this is stale
    max_spread f fraction: largest spread relative to the mark
    max_visible_share f fraction: largest part of the visible opposite size that a taking order may ask for
    max_traded_share f fraction: largest part of the lots traded in the liquidity window
    liquidity_window_ns i ns: length of the window of traded lots
    max_volatility f fraction: largest 24 h volatility of an instrument that may be opened
    max_flash_move f fraction: largest range of the mark within the flash window
    flash_window_ns i ns: length of the flash window (two buckets of it are kept)
    crash_reduce_only i flag: 1 where the crash regime allows exits only
    crash_probability f fraction: probability of the crash regime from which it counts as current
    performance_floor f fraction: smoothed return per trade below which a strategy is on probation
    performance_min_trades i -: trades before the floor counts
    performance_decay f fraction: weight kept by the old value at each closed trade
    probation_factor f fraction: part of its budget that a strategy on probation may use
    max_latency_ns i ns: largest smoothed processing latency
    latency_decay f fraction: weight kept by the old value at each measurement
    error_interval_ns i ns: sustained time per error
    error_burst_ns i ns: burst of errors tolerated above that
    max_data_gap_ns i ns: silence of all quotes after which nothing is opened
    monitor_timeout_ns i ns: silence of the monitor after which nothing is opened
    require_monitor i flag: 1 where a monitor that never spoke counts as silent
    max_same_time_events i -: events in a row at one time after which the clock counts as stalled
    sample_interval_ns i ns: length of a sampling interval
    variance_decay f fraction: lambda of the EWMA variance per sample
    covariance_decay f fraction: lambda of the EWMA covariance per sample
    initial_correlation f fraction: correlation of a new instrument with every other
    tail_degrees_of_freedom f -: Student t degrees of freedom (> 2.05) of VaR and ES; 0 is normal
    stop_multiple f fraction: stop distance in standard deviations over the stop horizon
    target_multiple f fraction: take-profit distance in stop distances
    stop_horizon_ns i ns: horizon of the stop distance
    stop_gap f fraction: move beyond the stop that a gap may add
    base_size f share: notional at confidence 1 in the normal regime
    volatility_target f fraction: target volatility over 24 h
    volatility_multiplier f -: exponent of target volatility / volatility
    max_leverage f share: largest notional that sizing proposes
    risk_per_trade f share: loss at the stop that sizing accepts for one trade
    kelly_fraction f fraction: part of the Kelly bet that sizing takes
    kelly_shrinkage f fraction: weight of the diagonal in the covariance that Kelly inverts
    kelly_wealth_floor f fraction: wealth level alpha of risk-constrained Kelly (0 < alpha < 1)
    kelly_floor_probability f fraction: largest probability beta of ever falling to it (0 < beta < 1)
    drawdown_sizing_power f -: exponent of the cushion factor of sizing
    regime_risk_multiplier f[regimes] fraction: multiplies measured risk; the gate uses at least 1
    regime_size_multiplier f[regimes] fraction: multiplies proposed size
    regime_confidence_threshold f[regimes] fraction: smallest confidence that may open
    regime_stop_multiplier f[regimes] fraction: multiplies stop distance
    var_multiplier f fraction: derived: VaR of one standard deviation at 95 %
    es_multiplier f fraction: derived: ES of one standard deviation at 95 %
    samples_per_day f -: derived: 24 h / sample_interval_ns
    stop_scale f fraction: derived: stop_multiple x sqrt(stop_horizon / 24 h)
""")

ACCOUNT = _table("""
    equity f money: balances + spot holdings + unrealised P&L
    cash f money: sum of balances at their rates
    holdings_value f money: sum of the equity contributions of all positions
    high_water_mark f money: highest equity less fill_excess so far, moved by transfers in proportion
    drawdown f fraction: 1 - equity / high_water_mark, never negative
    max_drawdown_seen f fraction: largest drawdown so far
    budget f money: equity - high_water_mark x (1 - max_drawdown): what may still be lost
    day_start_equity f money: equity at the start of the UTC day, moved by transfers
    gross f money: sum of position gross contributions and linked balances
    net_long f money: sum of signed values if every working buy fills
    net_short f money: sum of signed values if every working sell fills
    stop_loss f money: sum of losses at the stops
    herfindahl f money^2: sum of squared gross contributions
    working_sigma f money: sum over working orders of |value| x 24 h volatility
    working_notional f money: sum over working orders of |value|
    variance f money^2: variance per sample of the filled portfolio
    turnover_day f money: filled notional of the UTC day
    realized_pnl f money: sum since the start, before fees
    fees f money: sum since the start
    funding f money: sum since the start, positive when received
    transfers f money: sum since the start
    settlements f money: sum since the start
    breaks f money: sum of absolute differences booked by reconciliation
    currency_exposure f money: sum of |value| of balances not in account currency and not linked
    open_orders i -: occupied order slots
    losing_streak i -: losing round trips in a row
    cooldown_until_ns i ns: nothing is opened before
    latches i bits: LATCH_* that hold the account in reduce-only
    state i code: NORMAL, ACCOUNT_REDUCE_ONLY or CANCEL_ONLY
    break_count i -: reconciliation differences booked
    duplicate_fills i -: proven repeats ignored
    round_trips i -: positions opened and closed
    winning_trips i -: round trips with positive P&L after fees
    fill_excess f money: sum of the losses if every order through the mark fills at its own price
""")

REGIME = _table("""
    current i -: index of the decided regime
    since_ns i ns: time of the last change
    risk_multiplier f fraction: max(1, multiplier of the current regime): what the gate uses
    size_multiplier f fraction: of the current regime
    confidence_threshold f fraction: of the current regime
    stop_multiplier f fraction: of the current regime
    probability f[regimes] fraction: filtered probabilities, neutral until a filter feeds them
""")

SYSTEM = _table("""
    kill i flag: 1 after the kill switch: cancels only
    kill_author i -: who pulled it
    latency_ewma_ns f ns: smoothed processing latency
    latency_max_ns i ns: largest since the start
    error_arrival_ns i ns: theoretical arrival time of the error bucket
    errors i -: errors reported since the start
    last_quote_ns i ns: time of the last good quote of any instrument
    same_time_events i -: events in a row without the time moving
    monitor_heartbeat_ns i ns: last word of the monitor
    free_head i -: first free order slot + 1; 0 when the table is full
    pending_head i -: oldest unacknowledged order slot + 1
    pending_tail i -: newest unacknowledged order slot + 1
    unknown_orders i -: orders of unknown fate
    next_sequence i -: orders accepted so far
    canary i -: MAGIC: an overrun in front of it shows
""")

INSTRUMENTS = _table("""
    state i code: UNSET, ACTIVE, CLOSE_ONLY or DOWN
    kind i code: SPOT, LINEAR or INVERSE
    venue i -: index
    currency i -: settlement currency
    underlying i -: group of instruments on one asset (index < instruments)
    symbol_id i -: opaque identifier of the caller
    contract_value f cash: linear and spot: per lot and tick; inverse: times tick per lot
    initial_volatility f fraction: 24 h volatility before the first samples
    initial_margin f fraction: of notional
    maintenance_margin f fraction: of notional
    taker_fee f fraction: of notional, used in costs
    exit_cost f fraction: half spread + slippage + fee of an exit, added to every scenario loss
    min_notional f money: the venue's minimum
    max_order_notional f money: limit
    max_position_notional f money: limit
    max_order_lots i lots: limit
    max_position_lots i lots: limit, working orders included
    min_lots i lots: the venue's minimum
    lot_step i lots: orders are multiples of it
    tick_step i ticks: prices are multiples of it
    min_price_ticks i ticks: the venue's band
    max_price_ticks i ticks: the venue's band
    shorting_allowed i flag: 1 where the position may be negative
    expiry_ns i ns: 0 for none; CLOSE_ONLY from here on
""")

MARKET = _table("""
    mark f ticks: mid of the last good book (or the first fill or trade where no book was seen)
    value_per_lot f money: |value| of one lot at the mark
    mark_set i flag: 1 once a mark exists
    quote_state i code: QUOTE_*
    quote_time_ns i ns: its own time of the last quote that came, good or not
    bid_ticks i ticks: best bid of the last quote
    ask_ticks i ticks: best ask of the last quote
    bid_lots i lots: size there
    ask_lots i lots: size there
    trade_ticks i ticks: last trade
    trade_time_ns i ns: time of the last trade
    traded_bucket_ns i ns: start of the current liquidity bucket
    traded_lots f lots: traded in the current bucket
    traded_lots_before f lots: traded in the bucket before
    flash_bucket_ns i ns: start of the current flash bucket
    flash_low f ticks: lowest mark of the current bucket
    flash_high f ticks: highest mark of the current bucket
    flash_low_before f ticks: of the bucket before
    flash_high_before f ticks: of the bucket before
    bad_quotes i -: crossed, one-sided or empty quotes so far
    good_quote_ns i ns: the account's time when the last good quote came
""")

VOLATILITY = _table("""
    variance f fraction^2: EWMA variance per sample
    volatility f fraction: sqrt(variance x samples_per_day): 24 h standard deviation
    sample_mark f ticks: mark at the last sample
    sample_set i flag: 1 once sample_mark exists
    sample_count i -: returns seen
    missing_count i -: samples without a fresh quote
    last_return f fraction: of the last sample
    stop_distance f fraction: model stop distance from the mark
    sample_quote_ns i ns: time of the last good quote at the last sample
""")

POSITIONS = _table("""
    net_lots i lots: filled position, signed
    working_buy_lots i lots: reserved by working buys
    working_sell_lots i lots: reserved by working sells
    gross f money: cached max(net + buys, -(net - sells)) x value_per_lot, plus the linked balance
    long_value f money: cached (net + buys) x value_per_lot
    short_value f money: cached (net - sells) x value_per_lot
    margin f money: cached initial margin of the gross position (spot: of working buys)
    maintenance f money: cached maintenance margin
    stop_loss f money: cached loss at the stop
    value_at_risk f money: cached gross x volatility x var_multiplier
    stop_fraction_long f fraction: loss fraction of a long at its stop, gap included
    stop_fraction_short f fraction: the same for a short
    latches i bits: LATCH_* that hold the instrument in reduce-only
    stop_breached i flag: 1 when the mark has passed the stop of the open position
    unknown_orders i -: orders of unknown fate
    own_best_bid i ticks: highest own working buy; 0 for none
    own_best_ask i ticks: lowest own working sell; 0 for none
    buy_head i -: first working buy slot + 1
    sell_head i -: first working sell slot + 1
    linked_balance f money: value of balances in a currency linked to this instrument
    cost f cost: linear and spot: sum of lots x ticks; inverse: sum of lots / ticks, signed like net_lots
    average_price f ticks: of the open position; 0 when flat
    unrealized_pnl f cash: of the open position, settlement currency
    equity_value f money: contribution to equity: spot: net value; else unrealised P&L at the rate
    realized_pnl f money: since the start, before fees
    fees f money: since the start
    funding f money: since the start
    trip_pnl f money: realised after fees since the position was last flat
    stop_price f ticks: current stop; 0 for none
    target_price f ticks: current take-profit; 0 for none
    execution_arrival_ns i ns: theoretical arrival time of the execution bucket
    fill_count i -: fills booked
    open_order_count i -: working orders
    last_fill_ns i ns: time of the last fill
    bought_lots i lots: sum of all buys booked
    sold_lots i lots: sum of all sells booked
    adjusted_lots i lots: sum of reconciliation, bust and settlement adjustments, signed
    buy_excess f money: cached loss if every working buy fills at the best own bid, where above the mark
    sell_excess f money: cached loss if every working sell fills at the best own ask, where below the mark
    filled_value f money: cached (net + buys - sells) x value_per_lot
""")

VENUES = _table("""
    state i code: UNSET, ACTIVE, CLOSE_ONLY or DOWN
    message_interval_ns i ns: sustained time per message
    message_burst_ns i ns: burst tolerated above that
    message_reserve_ns i ns: part of the burst kept for exits
    message_arrival_ns i ns: theoretical arrival time of the bucket
    window_ns i ns: fixed window of the venue; 0 for none
    window_limit i -: messages (weights) a window allows
    window_reserve i -: part of that kept for exits
    window_start_ns i ns: start of the current window
    window_used i -: weights used in it
    heartbeat_ns i ns: last sign of life; 0 for none yet
    messages_day i -: messages of the UTC day: orders, replaces, cancels
    fills_day i -: fills of the UTC day
    reject_rate f fraction: smoothed share of rejected orders
    reject_decay f fraction: weight kept by the old value at each answer
    cash f money: balances at the venue at their rates
    equity f money: cash + unrealised P&L of its derivatives
    gross f money: cached sum of gross positions
    margin f money: cached sum of initial margins
    maintenance f money: cached sum of maintenance margins
    messages i -: since the start
    rejects i -: since the start
""")

CURRENCIES = _table("""
    state i code: UNSET or ACTIVE
    is_account i flag: 1 for the account currency
    rate f money: account currency per unit; 0 until known
    rate_time_ns i ns: time of the rate
    instrument i -: index + 1 of the instrument whose moves are this currency's; 0 for none
    shock f fraction: loss of value in every scenario where no instrument is linked
    balance f cash: sum over venues
    unrealized f cash: cached unrealised P&L of the derivatives settled in it
""")

STRATEGIES = _table("""
    state i code: UNSET, ACTIVE or DISABLED
    regime_mask i bits: regimes in which it may open
    budget f share: largest gross position
    max_drawdown f share: of its P&L from its own peak
    max_daily_loss f share: of its P&L since the start of the UTC day
    order_interval_ns i ns: sustained time per order
    order_burst_ns i ns: burst tolerated above that
    order_arrival_ns i ns: theoretical arrival time of the bucket
    last_client_id i -: highest client order identifier so far
    gross f money: cached sum of its gross positions
    pnl f money: realised - fees + funding + unrealised
    realized f money: realised - fees + funding
    unrealized f money: cached sum over its holdings
    high_water_mark f money: highest pnl so far
    day_start_pnl f money: pnl at the start of the UTC day
    performance f fraction: smoothed return on equity per closed trade
    trades i -: closed trades
    winning_trades i -: with positive P&L
    probation i flag: 1 below the performance floor
    orders i -: orders asked for
    win_probability f fraction: of its record, for sizing; 0 until fed
    payoff f fraction: average win / average loss, for sizing; 0 until fed
""")

HOLDINGS = _table("""
    lots i lots: filled, signed
    working_buy_lots i lots: reserved
    working_sell_lots i lots: reserved
    gross f money: cached max(lots + buys, -(lots - sells)) x value_per_lot
    cost f cost: as in positions
    unrealized f money: cached
    realized f money: since the start, before fees
    open_ns i ns: when it was last flat
    trip_pnl f money: realised after fees since it was last flat
""")

BALANCES = _table("""
    amount f cash: signed
    deposits f cash: sum of transfers
    funding f cash: sum of funding
    realized f cash: sum of realised P&L and spot proceeds
    fees f cash: sum of fees
    adjusted f cash: sum of reconciliation and settlement amounts
""")

SCENARIOS = _table("""
    enabled i flag: 1 where it counts
    in_budget i flag: derived: horizon at least decision interval + execution latency
    horizon_ns i ns: time over which the move happens
    scenario_id i -: opaque identifier of the caller
    currency_loss f money: the currencies' part of its loss
""")

STRESS = _table("""
    loss f[scenarios] money: cached sum over instruments of the larger loss at either end, and currencies
    ceiling f[scenarios] money: derived: what caps the loss that counts: none where enabled, else 0
    budget_ceiling f[scenarios] money: derived: the same for the loss that the drawdown budget must bear
""")

SHOCKS = _table("""
    down f[scenarios] fraction: loss fraction of a long, exit cost included
    up f[scenarios] fraction: loss fraction of a short, exit cost included
    loss f[scenarios] money: cached loss of the position, working orders included
""")

COVARIANCE = _table("""
    pending i flag: 1 while rows of the matrix pass remain
    cursor i -: next row
    passes i -: completed passes
    cluster_count i -: clusters found by the last completed pass
    labelled i -: rows of the pass whose cluster is known
    spare i[3] -: zero; the vectors below start on a cache line
    weight f[instruments] money: signed value of each filled position and linked balance
    product f[instruments] money: covariance times weight, per sample
    product_next f[instruments] money: the product being accumulated
    returns f[instruments] fraction: returns of the sample being worked in
    cluster i[instruments] -: cluster label of each instrument: the lowest index in it
    cluster_next i[instruments] -: labels being worked out
    cluster_risk f[instruments] money: un-netted sum of standalone VaR by label
    underlying_gross f[instruments] money: un-netted gross by underlying
    variance f[instruments] fraction^2: the diagonal of the matrix, side by side
    innovation f[instruments] fraction: sqrt(1 - decay) x return, never quite zero
    frozen i[instruments] flag: 1 where the sample brought nothing: its variance does not age
    ageing f[2,instruments] fraction: factor of a row's elements: for rows that age, for frozen rows
    neighbour i[instruments] -: instrument whose cluster the last pass joined; tried first by the next
    matrix f[instruments,instruments] fraction^2: EWMA covariance per sample
""")

HISTORY = _table("""
    head i -: row of the next sample
    rows i -: rows filled
    returns f[window,instruments] fraction: sampled returns, ring
""")

ORDERS = _table("""
    status i code: ORDER_*
    generation i -: bumped when the slot is taken; part of the handle
    client_id i -: of the strategy
    venue_order_id i -: opaque; 0 until acknowledged
    instrument i -: index
    strategy i -: index
    side i code: BUY or SELL
    type i code: LIMIT, MARKET or STOP
    order_flags i bits: POST_ONLY, REDUCE_ONLY
    lots i lots: order size
    filled_lots i lots: filled so far
    reserved_lots i lots: counted as working: leaves, or the larger leaves of a pending replace
    price_ticks i ticks: limit price; market and stop: worst price at the collar
    replace_lots i lots: requested total size of a pending replace
    replace_ticks i ticks: requested price of a pending replace
    sent_ns i ns: time of the check or of the first request that is not answered
    next i -: list of the instrument's side, or the free list: slot + 1
    previous i -: slot + 1
    pending_next i -: list of unacknowledged orders: slot + 1
    pending_previous i -: slot + 1
    in_pending i flag: 1 while in that list
    time_in_force i code: GTC, IOC or FOK
    sequence i -: order of acceptance
    confidence f fraction: of the strategy when it asked; a replace is judged by it
    acknowledged i flag: 1 after the venue's first answer
""")

EXECUTIONS = _table("""
    execution_id i -: 0 for an empty place
    instrument i -: index
    venue i -: index
    busted i flag: 1 after its bust
    cursor i -: first entry of a set: the way to overwrite next
    booked i flag: 1 after its fill; 0 where only the bust has come
    side i code: BUY or SELL; both sides of a self-match carry one identifier
""")

COUNTERS = _table("""
    events i[32] -: valid events by kind
    decisions i[4] -: decisions by action
    reasons i[128] -: objections by check number
    exits i -: decisions that allowed an exit
    late_fills i -: fills after the end of their order
    unknown_fills i -: fills without a known order, or of another strategy or an unset fee currency
    over_fills i -: fills beyond the order's leaves
    busts i -: executions taken back
    clock_steps_back i -: events older than the last
""")

STATE_BLOCKS = (
    Block("header", (), HEADER, "identity, shape and clock"),
    Block("parameters", (), PARAMETERS, "limits and model constants"),
    Block("account", (), ACCOUNT, "equity, drawdown and cached sums"),
    Block("regime", (), REGIME, "probabilities and multipliers"),
    Block("system", (), SYSTEM, "kill, latency, clock, lists"),
    Block("instruments", ("instruments",), INSTRUMENTS, "contract terms and limits"),
    Block("market", ("instruments",), MARKET, "book, mark, liquidity"),
    Block("volatility", ("instruments",), VOLATILITY, "EWMA variance and stops"),
    Block("positions", ("instruments",), POSITIONS, "lots, cost, contributions"),
    Block("venues", ("venues",), VENUES, "message buckets, margin"),
    Block("currencies", ("currencies",), CURRENCIES, "rates"),
    Block("strategies", ("strategies",), STRATEGIES, "budgets and records"),
    Block("holdings", ("strategies", "instruments"), HOLDINGS, "positions by strategy"),
    Block("balances", ("venues", "currencies"), BALANCES, "cash"),
    Block("scenarios", ("scenarios",), SCENARIOS, "stress scenarios"),
    Block("stress", (), STRESS, "cached losses by scenario"),
    Block("shocks", ("instruments",), SHOCKS, "loss fractions by scenario"),
    Block("covariance", (), COVARIANCE, "matrix, product, clusters"),
    Block("history", (), HISTORY, "sampled returns"),
    Block("orders", ("orders",), ORDERS, "working orders"),
    Block("executions", ("orders",), EXECUTIONS, "recent execution identifiers"),
    Block("counters", (), COUNTERS, "since the start"),
)

# --- records that pass between the caller and the core ----------------------------------------

ORDER = _table("""
    client_id i -: strictly increasing per strategy, > 0
    time_ns i ns: time of the writer
    instrument i -: index
    strategy i -: index
    side i code: BUY or SELL
    type i code: LIMIT, MARKET or STOP
    time_in_force i code: GTC, IOC or FOK
    order_flags i bits: POST_ONLY, REDUCE_ONLY
    lots i lots: > 0
    price_ticks i ticks: limit price; 0 for market and stop orders
    stop_ticks i ticks: trigger of a stop order; else 0
    confidence f fraction: calibrated probability of the strategy, 0 to 1
""")

DECISION = _table("""
    action i code: REJECT (0), RESIZE or APPROVE
    status i code: OK, or why the order is not a valid event
    lots i lots: allowed
    exit_lots i lots: part of them that is exit
    reasons i[2] bits: every check that objected to the order as asked
    first_check i -: lowest layer's first objection, -1 for none
    layer i -: its layer, 0 for none
    handle i -: of the reserved order slot, 0 for none
    price_ticks i ticks: price that the order was valued at
    utilisation f[7] fraction: largest measure / limit of each layer's limits on sizes, losses and rates, for the lots asked; of a message bucket without the exits' reserve; 1e18 or more of nothing
    equity f money: at the decision
    var_before f money: portfolio VaR 95 % with working orders
    var_after f money: the same with this order
    gross_before f money: gross exposure
    gross_after f money: the same with this order
    stress_before f money: worst scenario loss
    stress_after f money: the same with this order
    budget f money: drawdown budget
""")

EVENT = _table("""
    kind i code: EVENT_*
    time_ns i ns: time of the writer
    venue_time_ns i ns: the venue's own time, informational
    id i -: client order, execution or venue order identifier
    handle i -: order handle, 0 for none
    instrument i -: index
    strategy i -: index
    venue i -: index
    currency i -: index
    side i code: BUY or SELL
    type i code: order type
    time_in_force i code: GTC, IOC or FOK
    order_flags i bits: order flags
    code i code: control code, error code, venue order state
    lots i lots: quantity; bid size of a quote
    price_ticks i ticks: price; bid of a quote
    lots_2 i lots: ask size of a quote; new lots of a replace
    price_ticks_2 i ticks: ask of a quote; stop trigger of an order
    value f -: fee, rate, amount, latency, probability
    value_2 f -: second value where a kind has one
    confidence f fraction: of an order
""")

POSITION_RISK = _table("""
    exposure f money: signed value of the filled position
    gross f money: with working orders, the larger end
    volatility f fraction: 24 h standard deviation
    value_at_risk f money: standalone VaR 95 %, 24 h, filled position
    expected_shortfall f money: standalone ES 95 %, 24 h
    marginal_var f fraction: derivative of portfolio VaR by the money weight
    component_var f money: weight x marginal VaR; components sum to portfolio VaR
    incremental_var f money: portfolio VaR with the position less that without it
    stop_price f ticks: 0 for none
    target_price f ticks: 0 for none
    stop_loss f money: loss at the stop, working orders included
    liquidation_distance f fraction: adverse move of this instrument that exhausts the venue's equity; 1e6 for none
    liquidation_price f ticks: 0 for none
    unrealized_pnl f money: at the rate
    stop_breached i flag: 1 when breached
    cluster i -: label
""")

PORTFOLIO_RISK = _table("""
    equity f money: now
    gross_leverage f fraction: gross / equity
    net_leverage f fraction: net / equity
    volatility f money: 24 h standard deviation of the filled portfolio
    value_at_risk f money: VaR 95 %, filled positions
    value_at_risk_working f money: with every working order at its worst
    expected_shortfall f money: ES 95 %, filled positions
    expected_shortfall_working f money: with every working order at its worst
    herfindahl f fraction: sum of squared weights
    largest_weight f fraction: largest exposure to one underlying / equity
    cluster_risk f money: largest cluster
    stop_loss f money: sum of losses at stops
    stress_loss f money: worst scenario
    stress_scenario i -: its index, -1 for none
    drawdown f fraction: from the high-water mark
    daily_loss f fraction: since the start of the day, never negative
    budget f money: drawdown budget
    cushion f fraction: budget / equity
    free_margin f money: equity of all venues less initial margins
    open_orders i -: working
""")

SIGNAL = _table("""
    instrument i -: index
    strategy i -: index
    side i code: BUY or SELL
    confidence f fraction: calibrated probability, 0 to 1
    expected_return f fraction: over 24 h, in the direction of the side; 0 where unknown
    win_probability f fraction: for single-asset Kelly; 0 where unknown
    payoff f fraction: average win / average loss; 0 where unknown
""")

SIZING = _table("""
    status i code: OK or why not
    lots i lots: target size of the strategy's position in that direction, floored to the lot step
    notional f money: of those lots
    limit_code i -: which candidate was the smallest, SIZE_*
    base_size f money: base_size candidate
    volatility f money: volatility target candidate
    stop f money: risk per trade / stop distance candidate
    kelly f money: fractional Kelly candidate; -1 where neither signal nor record gives its inputs
    leverage f money: max_leverage candidate
    budget f money: what drawdown budget and cushion leave beside all other exposure
    confidence_factor f fraction: 0 below the threshold, else 0.5 to 1
    regime_factor f fraction: size multiplier of the regime
    drawdown_factor f fraction: cushion factor
    performance_factor f fraction: probation factor of a strategy on probation, else 1
""")

REDUCTION = _table("""
    instrument i -: index
    side i code: BUY or SELL, against the position
    lots i lots: to trade
    cancel_buy_lots i lots: working buys to cancel
    cancel_sell_lots i lots: working sells to cancel
    value f money: of the lots
""")

# --- records in memory that several processes map ----------------------------------------------

JOURNAL = (
    *_table("""
    magic i -: MAGIC
    abi_version i -: ABI_VERSION of the code that made it
    layout_hash i -: of the state whose events it keeps
    size_bytes i bytes: of this record; the ring of records follows it
    capacity i -: records in the ring, a power of two
    reserve i -: records kept for facts, cancels and control when the rest is used up; half of them for exits too
    publish_interval i -: records between two copies to the published page; 0: at samples only
    publish_next i -: sequence from which the next copy is due
    committed i -: sequence of the last record that is whole
    applied i -: sequence of the last record whose event is in the state
    lost i -: facts applied for which there was no room: the journal no longer tells all
    refused i -: events refused for want of room
    request_seen i -: number of the control page's last request that was taken
    request_status i code: status of it
    parameters_seen i -: number of the control page's last parameters that were taken
    parameters_status i code: status of them
    heartbeat_seen_ns i ns: the control page's last heartbeat that was taken
    kill_seen i -: the control page's number of kills that was taken
    lost_applied i -: of the lost facts, those that are in the state: less only within a call
    spare i[5] -: zero; what the drainer writes starts on a cache line
    drained i -: sequence of the last record that is kept elsewhere; those up to it are overwritten
    spare_2 i[7] -: zero
    draft i[1024] -: the next published page as it is made; room for that of any shape
"""),
    *PARAMETERS,
)

JOURNAL_RECORD = (
    *_table("""
    sequence i -: 1 for the first record of an account, then one by one
    checksum i -: of all other words
    parts i -: records of this entry, this one included; 0 where it continues another
"""),
    *EVENT,
)

CONTROL_PAGE = (
    *_table("""
    magic i -: MAGIC
    abi_version i -: ABI_VERSION of the code that made it
    layout_hash i -: of the state it steers
    size_bytes i bytes: of this record
    spare i[4] -: zero
    kill i -: how often the kill switch was pulled; the next entry pulls it when this has moved
    kill_author i -: who wants it
    request i -: number of the last request; odd while it is being written
    parameters_sequence i -: number of the last parameters; odd while they are being written
    heartbeat_ns i ns: last sign of life of the monitor
    spare_2 i[3] -: zero
    request_code i code: CONTROL_*
    request_target i -: instrument, venue or strategy; resetting a kill: the number of kills it is for
    request_value i -: new state
    request_author i -: named person
    spare_3 i[4] -: zero
"""),
    *PARAMETERS,
)

PUBLISHED_PAGE = (
    *_table("""
    magic i -: MAGIC
    abi_version i -: ABI_VERSION of the code that made it
    layout_hash i -: of the state it tells about
    size_bytes i bytes: of this record
    spare i[4] -: zero
    sequence i -: odd while it is being written
    spare_2 i[7] -: zero
    event_count i -: valid events applied
    last_time_ns i ns: of the state
    sample_count i -: sampling intervals closed
    journal_sequence i -: last record in the state
    journal_lost i -: facts without a record
    journal_refused i -: events refused for want of room
    parameters_version i -: of the limits in force
    parameters_author i -: who set them
    parameters_seen i -: number of the control page's parameters taken last
    parameters_status i code: status of them
    request_seen i -: number of the control page's request taken last
    request_status i code: status of it
    kill i flag: 1 after the kill switch
    state i code: NORMAL, ACCOUNT_REDUCE_ONLY or CANCEL_ONLY
    latches i bits: LATCH_* of the account
    unknown_orders i -: orders of unknown fate
    high_water_mark f money: highest equity
    max_drawdown_seen f fraction: largest drawdown so far
    realized_pnl f money: since the start, before fees
    fees f money: since the start
    funding f money: since the start
    turnover_day f money: filled notional of the UTC day
    cooldown_until_ns i ns: nothing is opened before
    regime i -: index of the decided regime
    regime_since_ns i ns: time of its last change
    latency_ewma_ns f ns: smoothed processing latency
    latency_max_ns i ns: largest since the start
    errors i -: reported since the start
    last_quote_ns i ns: time of the last good quote
    monitor_heartbeat_ns i ns: last word of the monitor
    gross_leverage_used f fraction: of the limit; 0 without a limit
    net_leverage_used f fraction: of the limit
    value_at_risk_used f fraction: of the limit, working orders included
    expected_shortfall_used f fraction: of the limit, working orders included
    stop_loss_used f fraction: of max_portfolio_risk
    herfindahl_used f fraction: of the limit
    weight_used f fraction: of the limit
    cluster_used f fraction: of max_correlation_risk
    stress_used f fraction: of the limit
    drawdown_used f fraction: of the limit
    daily_loss_used f fraction: of the limit
    turnover_used f fraction: of the limit
    open_orders_used f fraction: of the limit
    position_total i -: instruments with a position, working orders or a latch
    position_count i -: of them, rows below that are filled
    position_instrument i[64] -: index
    position_lots i[64] lots: filled, signed
    position_value f[64] money: signed, at the mark
    position_gross f[64] money: the larger end, working orders included
    position_var f[64] money: standalone VaR of that
    position_pnl f[64] cash: unrealised
    position_stop f[64] ticks: current stop; 0 for none
    position_latches i[64] bits: LATCH_* of the instrument
    decisions i[4] -: decisions by action
    reasons i[128] -: objections by check number
    events i[32] -: valid events by kind
    regime_probability f[regimes] fraction: filtered probabilities
    venue_state i[venues] code: as in the state
    venue_gross f[venues] money: gross positions
    strategy_state i[strategies] code: as in the state
    strategy_pnl f[strategies] money: since the start
"""),
    *PORTFOLIO_RISK,
)

PAYLOAD = _table("""
    words i[128] -: a record of parameters, instrument, venue, currency, strategy or scenario
    down f[instruments] fraction: of a scenario
    up f[instruments] fraction: of a scenario
""")

CHECKPOINT = _table("""
    magic i -: MAGIC
    abi_version i -: ABI_VERSION of the code that made it
    layout_hash i -: of the state
    size_bytes i bytes: of the state, which follows
    sequence i -: last journal record that is in the state
    checksum i -: of these words, with the checksum of the state's in this place
    event_count i -: of the state
    last_time_ns i ns: of the state
""")


def _word(table: tuple[Field, ...], name: str) -> int:
    """The place of a field in its record, in words; no field before it depends on the shape."""
    place = 0
    for field in table:
        if field.name == name:
            return place
        place += math.prod(int(size) for size in field.shape)
    raise KeyError(name)


def _per(table: tuple[Field, ...], symbol: str) -> int:
    """Fields of a record with one word for each of a size of the shape."""
    return sum(field.shape == (symbol,) for field in table)


JOURNAL_COMMITTED = _word(JOURNAL, "committed")
JOURNAL_APPLIED = _word(JOURNAL, "applied")
JOURNAL_DRAINED = _word(JOURNAL, "drained")
JOURNAL_LOST = _word(JOURNAL, "lost")
JOURNAL_LOST_APPLIED = _word(JOURNAL, "lost_applied")
JOURNAL_DRAFT = _word(JOURNAL, "draft")
JOURNAL_PARAMETERS = _word(JOURNAL, PARAMETERS[0].name)
CONTROL_KILL_WORD = _word(CONTROL_PAGE, "kill")
CONTROL_REQUEST = _word(CONTROL_PAGE, "request")
CONTROL_PARAMETERS_SEQUENCE = _word(CONTROL_PAGE, "parameters_sequence")
CONTROL_HEARTBEAT = _word(CONTROL_PAGE, "heartbeat_ns")
CONTROL_PARAMETERS = _word(CONTROL_PAGE, PARAMETERS[0].name)
PAGE_SEQUENCE = _word(PUBLISHED_PAGE, "sequence")
PAGE_CONTENT = _word(PUBLISHED_PAGE, "event_count")
PAGE_POSITIONS = 64  # rows of positions in the published page
PAGE_PER_REGIME = _per(PUBLISHED_PAGE, "regimes")
PAGE_PER_VENUE = _per(PUBLISHED_PAGE, "venues")
PAGE_PER_STRATEGY = _per(PUBLISHED_PAGE, "strategies")
PAGE_FIXED = _word(PUBLISHED_PAGE, "regime_probability") + len(PORTFOLIO_RISK)
PAYLOAD_WORDS = 128  # words of its first field
PARAMETER_SCALARS = sum(not field.shape for field in PARAMETERS)
PARAMETER_ARRAYS = len(PARAMETERS) - PARAMETER_SCALARS  # one number per regime each
INSTRUMENT_WORDS = len(INSTRUMENTS)
VENUE_WORDS = len(VENUES)
CURRENCY_WORDS = len(CURRENCIES)
STRATEGY_WORDS = len(STRATEGIES)
ORDER_WORDS = len(ORDER)
EVENT_WORDS = len(EVENT)
EVENT_PLACE = _word(JOURNAL_RECORD, EVENT[0].name)

RECORDS = {
    "order": ORDER,
    "decision": DECISION,
    "event": EVENT,
    "position_risk": POSITION_RISK,
    "portfolio_risk": PORTFOLIO_RISK,
    "signal": SIGNAL,
    "sizing": SIZING,
    "reduction": REDUCTION,
    "parameters": PARAMETERS,
    "instrument": INSTRUMENTS,
    "venue": VENUES,
    "currency": CURRENCIES,
    "strategy": STRATEGIES,
    "scenario": SCENARIOS,
    "shocks": SHOCKS,
    "journal": JOURNAL,
    "journal_record": JOURNAL_RECORD,
    "control_page": CONTROL_PAGE,
    "published_page": PUBLISHED_PAGE,
    "payload": PAYLOAD,
    "checkpoint": CHECKPOINT,
}


def resolve(shape: tuple[str | int, ...], sizes: Shape) -> tuple[int, ...]:
    """Replace the symbolic sizes of a field or block by numbers."""
    return tuple(getattr(sizes, s) if isinstance(s, str) else s for s in shape)


def _aligned(spec: dict[str, Any]) -> np.dtype[Any]:
    """A dtype from names, formats, offsets and size."""
    plain: np.dtype[Any] = np.dtype(spec, align=True)  # type: ignore[call-overload]
    return plain


def _record(table: tuple[Field, ...], sizes: Shape) -> np.dtype:
    """The dtype of one record, padded to a multiple of 64 bytes by an explicit last field."""
    names, formats, offsets, offset = [], [], [], 0
    for field in table:
        dims = resolve(field.shape, sizes)
        names.append(field.name)
        formats.append((field.type, dims) if dims else field.type)
        offsets.append(offset)
        offset += 8 * int(np.prod(dims, dtype=np.int64))
    missing = -offset % ALIGNMENT // 8
    if missing:
        names.append("padding")
        formats.append(("i8", (missing,)))
        offsets.append(offset)
        offset += 8 * missing
    spec = {"names": names, "formats": formats, "offsets": offsets, "itemsize": offset}
    return np.dtype((np.record, _aligned(spec)))


@lru_cache(maxsize=64)
def record_dtype(name: str, shape: Shape = Shape()) -> np.dtype:
    """The dtype of one of RECORDS, for example ``record_dtype("order")``."""
    return _record(RECORDS[name], shape)


@lru_cache(maxsize=64)
def state_dtype(shape: Shape = Shape()) -> np.dtype:
    """The dtype of the whole buffer."""
    names, formats, offsets, offset = [], [], [], 0
    for block in STATE_BLOCKS:
        inner = _record(block.fields, shape)
        dims = resolve(block.dims, shape)
        names.append(block.name)
        formats.append((inner, dims) if dims else inner)
        offsets.append(offset)
        offset += inner.itemsize * int(np.prod(dims, dtype=np.int64))
    spec = {"names": names, "formats": formats, "offsets": offsets, "itemsize": offset}
    return np.dtype((np.record, _aligned(spec)))


@lru_cache(maxsize=64)
def layout_hash(shape: Shape = Shape()) -> int:
    """A positive int64 that changes with any name, type, shape or order of a field."""
    text = repr(
        (
            ABI_VERSION,
            shape.sizes(),
            [(b.name, b.dims, [f[:3] for f in b.fields]) for b in STATE_BLOCKS],
            [(name, [f[:3] for f in table]) for name, table in RECORDS.items()],
        )
    )
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 2


def layout_symbol(shape: Shape = Shape()) -> str:
    """The constant that a library of the shape defines and its C header refers to."""
    return f"rc_layout_{layout_hash(shape):016x}"


def allocate(dtype: np.dtype) -> np.recarray:
    """One zeroed record of the dtype in memory aligned to 64 bytes."""
    raw = np.zeros(dtype.itemsize + ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + dtype.itemsize].view(dtype).view(np.recarray)


def not_finite(record: Any, prefix: str = "") -> list[str]:
    """Names of the float fields of a record, or of its inner records, that are NaN or infinite."""
    found: list[str] = []
    for name in record.dtype.names:
        value, inner = record[name], record.dtype[name]
        if inner.base.names is not None:
            found += not_finite(value, f"{prefix}{name}.")
        elif inner.base.kind == "f" and not np.isfinite(value).all():
            found.append(prefix + name)
    return found
