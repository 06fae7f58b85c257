"""Stable numbers for statuses, actions, checks, layers, states and events.

Numbers never change and are never reused: they are in journals, in C headers and in other
people's dashboards. Zero never means success. Kernels read these names as module constants.
"""

from __future__ import annotations

from typing import NamedTuple

# --- status of a call: what happened to the event -------------------------------------------
# Order of precedence when several apply: the smallest number above OK wins.
OK = 1
BAD_BUFFER = 2  # damaged, misaligned or not ours: nothing was read or written
INVALID_TIME = 3  # time not in [1, 2**62], or more than a year ahead of the last event
INVALID_INSTRUMENT = 4  # index out of range or never set
INVALID_STRATEGY = 5
INVALID_VENUE = 6
INVALID_CURRENCY = 7
INVALID_SIDE = 8  # not +1 or -1
INVALID_LOTS = 9  # out of range, or the resulting position would be
INVALID_PRICE = 10
INVALID_VALUE = 11  # a float argument is NaN, infinite or out of range
INVALID_CODE = 12  # unknown order type, flag, event kind, control code or state
INVALID_HANDLE = 13  # no such order: wrong slot or generation
INVALID_PARAMETERS = 14  # a parameter block failed validation
INVALID_IDENTIFIER = 15
DUPLICATE = 16  # a proven repeat of an execution: ignored, nothing changed
BOOKED_UNMATCHED = 17  # booked without its order, strategy or currency; its instrument is latched
BUSY = 18  # rows of the covariance pass remain; a page is being written
JOURNAL_FULL = 19  # no room in the journal: refused, nothing changed
NOT_JOURNALED = 20  # a fact was applied for which the journal had no room
WRONG_MAGIC = 21  # attach: the memory does not hold what was expected
WRONG_ABI = 22  # attach: another version of the binary interface
WRONG_SHAPE = 23  # attach: other sizes
WRONG_SIZE = 24  # attach: another number of bytes
WRONG_LAYOUT = 25  # attach: another layout hash
TORN = 26  # a record or a checkpoint whose checksum does not fit

STATUS_NAMES = {
    value: name
    for name, value in list(globals().items())
    if name.isupper() and isinstance(value, int)
}

# --- action of a decision ---------------------------------------------------------------------
REJECT = 0
RESIZE = 1
APPROVE = 2
ACTION_NAMES = {REJECT: "REJECT", RESIZE: "RESIZE", APPROVE: "APPROVE"}

# --- sides, order types, time in force, order flags ------------------------------------------
BUY = 1
SELL = -1
LIMIT = 1
MARKET = 2
STOP = 3
GTC = 1
IOC = 2
FOK = 3
POST_ONLY = 1
REDUCE_ONLY = 2

# --- contract kinds ---------------------------------------------------------------------------
SPOT = 1
LINEAR = 2
INVERSE = 3

# --- instrument, venue, strategy and account states ------------------------------------------
UNSET = 0
ACTIVE = 1
CLOSE_ONLY = 2  # instrument: retired or expiring; venue: exits and cancels only
DOWN = 3  # venue: unreachable, nothing can be sent; instrument: expired
DISABLED = 4  # strategy: no new exposure

NORMAL = 0
ACCOUNT_REDUCE_ONLY = 1
CANCEL_ONLY = 2

# Latches of the account (bits) and of an instrument (bits); a named person resets them.
LATCH_DRAWDOWN = 1
LATCH_DAILY_LOSS = 2  # also cleared by the day roll
LATCH_RECONCILIATION = 4
LATCH_OPERATOR = 8  # set by hand through control
LATCH_UNMATCHED_FILL = 16
LATCH_REPEATED_EXECUTION = 32

# --- state of a quote --------------------------------------------------------------------------
QUOTE_NONE = 0
QUOTE_GOOD = 1
QUOTE_CROSSED = 2  # bid >= ask
QUOTE_ONE_SIDED = 3
QUOTE_EMPTY = 4

# --- status of an order slot ------------------------------------------------------------------
ORDER_FREE = 0
ORDER_PENDING = 1  # sent, no acknowledgement yet
ORDER_WORKING = 2
ORDER_CANCEL_PENDING = 3
ORDER_REPLACE_PENDING = 4
ORDER_UNKNOWN = 5  # no answer in time: keeps its reservation until reconciled

# Final states reported through rc_on_order_status.
VENUE_ORDER_WORKING = 1
VENUE_ORDER_DONE = 2  # filled, cancelled, expired or rejected: nothing is left at the venue
VENUE_ORDER_NOT_FOUND = 3

# --- regimes -----------------------------------------------------------------------------------
REGIME_NORMAL = 0
REGIME_VOLATILE = 1
REGIME_TRENDING = 2
REGIME_CRASH = 3
REGIME_NAMES = ("normal", "volatile", "trending", "crash")

# --- control codes ------------------------------------------------------------------------------
CONTROL_KILL = 1
CONTROL_RESET_KILL = 2
CONTROL_RESET_LATCHES = 3  # account latches
CONTROL_LATCH_ACCOUNT = 4
CONTROL_RESET_INSTRUMENT = 5  # instrument latches
CONTROL_LATCH_INSTRUMENT = 6
CONTROL_SET_VENUE_STATE = 7  # value: ACTIVE, CLOSE_ONLY, DOWN
CONTROL_SET_STRATEGY_STATE = 8  # value: ACTIVE, DISABLED
CONTROL_VENUE_USAGE = 9  # value: messages used in the current window as the venue reports it
CONTROL_RESET_COOLDOWN = 10
CONTROL_REBASE_PEAK = 11  # high-water mark and start of day to today's equity: a loss accepted
CONTROL_RESTART = 12  # the process was away: live orders are of unknown fate; value: missing facts

# --- event kinds ---------------------------------------------------------------------------------
EVENT_QUOTE = 1
EVENT_TRADE = 2
EVENT_RATE = 3
EVENT_CLOCK = 4
EVENT_SAMPLE = 5
EVENT_ADVANCE = 6
EVENT_CHECK = 7
EVENT_CANCEL = 8
EVENT_REPLACE = 9
EVENT_ACK = 10
EVENT_REJECT = 11
EVENT_CANCELED = 12
EVENT_CANCEL_REJECT = 13
EVENT_REPLACED = 14
EVENT_EXPIRE = 15
EVENT_FILL = 16
EVENT_BUST = 17
EVENT_FUNDING = 18
EVENT_TRANSFER = 19
EVENT_SETTLEMENT = 20
EVENT_POSITION = 21
EVENT_ORDER_STATUS = 22
EVENT_HEARTBEAT = 23
EVENT_LATENCY = 24
EVENT_ERROR = 25
EVENT_CONTROL = 26
EVENT_REGIME = 27
EVENT_KINDS = 27
EVENT_NAMES = {
    value: name.removeprefix("EVENT_").lower()
    for name, value in list(globals().items())
    if name.startswith("EVENT_") and isinstance(value, int) and name != "EVENT_KINDS"
}

# --- entries of the journal that are more than one event record -------------------------------------
# Their first record has the fields of an event; the records after it carry words.
ENTRY_PARAMETERS = 64
ENTRY_INSTRUMENT = 65
ENTRY_VENUE = 66
ENTRY_CURRENCY = 67
ENTRY_STRATEGY = 68
ENTRY_SCENARIO = 69
ENTRY_BATCH = 70
ENTRY_NAMES = {
    value: name.removeprefix("ENTRY_").lower()
    for name, value in list(globals().items())
    if name.startswith("ENTRY_") and isinstance(value, int)
}

# --- bounds of exact arguments --------------------------------------------------------------------
MAX_LOTS = 1 << 40  # one order or fill
MAX_POSITION_LOTS = 1 << 50  # any running sum of lots
MAX_TICKS = 1 << 40
MAX_TIME_NS = 1 << 62
MAX_TIME_JUMP_NS = 366 * 86_400_000_000_000
MAX_IDENTIFIER = (1 << 62) - 1
MAX_MONEY = 1e15
MAX_SHARE = 1e6  # largest limit that is expressed as a fraction
DAY_NS = 86_400_000_000_000
HANDLE_SLOT_BITS = 20
HANDLE_SLOT_MASK = (1 << HANDLE_SLOT_BITS) - 1
MAX_BATCH = 64  # legs of a batch, and of the scratch memory of rc_replay
MIN_JOURNAL_RECORDS = 256  # capacity of a journal; its longest entry is a scenario, 104 records
MAX_JOURNAL_RECORDS = 1 << 32

# --- what limited a proposed size ------------------------------------------------------------------
# 1 to 6 are candidates: the smallest wins. The others say why nothing is proposed.
SIZE_BASE = 1  # base_size
SIZE_VOLATILITY = 2  # volatility target
SIZE_STOP = 3  # risk per trade over the stop distance
SIZE_KELLY = 4  # fractional or risk-constrained Kelly, whichever is smaller
SIZE_LEVERAGE = 5  # max_leverage
SIZE_BUDGET = 6  # what the drawdown budget and the cushion leave
SIZE_CONFIDENCE = 7  # confidence below the regime's threshold
SIZE_MINIMUM = 8  # less than a lot step or than the venue's minimum
SIZE_DRAWDOWN = 9  # the drawdown has reached target_drawdown
SIZE_REGIME = 10  # the regime's size multiplier is zero
SIZE_PERFORMANCE = 11  # the strategy is on probation with a factor of zero
SIZE_EQUITY = 12  # equity is not positive
SIZE_MARK = 13  # the instrument has no mark or its currency no rate
SIZE_SHORTING = 14  # a short side where shorting is not allowed
SIZE_NAMES = {
    value: name.removeprefix("SIZE_").lower()
    for name, value in list(globals().items())
    if name.startswith("SIZE_") and isinstance(value, int)
}

# --- layers ---------------------------------------------------------------------------------------
LAYER_NAMES = (
    "none",
    "position",
    "portfolio",
    "account",
    "exchange",
    "market",
    "strategy",
    "system",
)

# --- checks ----------------------------------------------------------------------------------------
# Check n is bit n % 64 of reason word n // 64; bit 63 of a word is never used, so that words are
# non-negative int64. Blocks of sixteen per layer leave room.

# layer 7, system; the structural checks come first and stop the evaluation
BUFFER_INTEGRITY = 0
PARAMETERS_UNSET = 1
ORDER_INVALID = 2
INSTRUMENT_UNKNOWN = 3
STRATEGY_UNKNOWN = 4
DUPLICATE_CLIENT_ID = 5
ORDER_TABLE_FULL = 6
KILL_SWITCH = 7
ACCOUNT_IN_REDUCE_ONLY = 8
LATENCY_EXCEEDS_MAX = 9
ERROR_RATE_EXCEEDS_MAX = 10
CLOCK_BACKWARDS = 11
CLOCK_STALLED = 12
DATA_GAP = 13
MONITOR_SILENT = 14
INSTRUMENT_UNRECONCILED = 15
# layer 1, position
ORDER_LOTS_EXCEEDS_MAX = 16
ORDER_NOTIONAL_EXCEEDS_MAX = 17
POSITION_LOTS_EXCEEDS_MAX = 18
POSITION_NOTIONAL_EXCEEDS_MAX = 19
POSITION_SHARE_EXCEEDS_MAX = 20
POSITION_STOP_LOSS_EXCEEDS_MAX = 21
POSITION_VAR_EXCEEDS_MAX = 22
STOP_BREACHED = 23
LIQUIDATION_DISTANCE_BELOW_MIN = 24
SHORTING_NOT_ALLOWED = 25
REDUCE_ONLY_WOULD_OPEN = 26
INSTRUMENT_CLOSE_ONLY = 27
# layer 2, portfolio
GROSS_LEVERAGE_EXCEEDS_MAX = 32
NET_LEVERAGE_EXCEEDS_MAX = 33
PORTFOLIO_VAR_EXCEEDS_MAX = 34
EXPECTED_SHORTFALL_EXCEEDS_MAX = 35
PORTFOLIO_STOP_LOSS_EXCEEDS_MAX = 36
HERFINDAHL_EXCEEDS_MAX = 37
LARGEST_WEIGHT_EXCEEDS_MAX = 38
CLUSTER_RISK_EXCEEDS_MAX = 39
STRESS_LOSS_EXCEEDS_MAX = 40
# layer 3, account
DRAWDOWN_EXCEEDS_MAX = 48
DRAWDOWN_BUDGET_EXCEEDED = 49
CUSHION_EXPOSURE_EXCEEDED = 50
DAILY_LOSS_EXCEEDS_MAX = 51
FREE_MARGIN_BELOW_MIN = 52
OPEN_ORDERS_EXCEEDS_MAX = 53
DAILY_TURNOVER_EXCEEDS_MAX = 54
LOSING_STREAK_COOLDOWN = 55
EQUITY_NOT_POSITIVE = 56
# layer 4, exchange
MESSAGE_RATE_EXCEEDS_MAX = 64
MESSAGE_WINDOW_EXCEEDS_MAX = 65
HEARTBEAT_STALE = 66
ORDER_TO_TRADE_EXCEEDS_MAX = 67
REJECT_RATE_EXCEEDS_MAX = 68
VENUE_EXPOSURE_EXCEEDS_MAX = 69
PRICE_OFF_TICK = 70
LOTS_OFF_STEP = 71
LOTS_BELOW_MIN = 72
NOTIONAL_BELOW_MIN = 73
VENUE_NOT_ACTIVE = 74
VENUE_DOWN = 75
REPEATED_EXECUTION = 76
# layer 5, market
PRICE_OUTSIDE_COLLAR = 80
QUOTE_STALE = 81
BOOK_CROSSED = 82
BOOK_ONE_SIDED = 83
SPREAD_EXCEEDS_MAX = 84
VISIBLE_LIQUIDITY_EXCEEDED = 85
TRADED_LIQUIDITY_EXCEEDED = 86
VOLATILITY_EXCEEDS_MAX = 87
FLASH_MOVE = 88
CRASH_REGIME = 89
RATE_STALE = 90
MARK_UNSET = 91
POST_ONLY_WOULD_TAKE = 92
# layer 6, strategy
STRATEGY_DISABLED = 96
STRATEGY_REGIME_DISABLED = 97
STRATEGY_BUDGET_EXCEEDED = 98
STRATEGY_DRAWDOWN_EXCEEDS_MAX = 99
STRATEGY_DAILY_LOSS_EXCEEDS_MAX = 100
CONFIDENCE_BELOW_THRESHOLD = 101
STRATEGY_ON_PROBATION = 102
STRATEGY_ORDER_RATE_EXCEEDS_MAX = 103
SELF_MATCH = 104
# decisions about groups
BATCH_LEG_REJECTED = 112

CHECK_COUNT = 128


class Check(NamedTuple):
    """One row of the gate's table.

    number: stable bit; layer: 1-7; name: what a rejection is called; parameter: the limit's name in
    the configuration ("" where the check has none); unit: of the measure and its limit; resizes: True
    where a smaller order can pass; blocks_exits: True where even an exit is stopped; meaning: one line.
    """

    number: int
    layer: int
    name: str
    parameter: str
    unit: str
    resizes: bool
    blocks_exits: bool
    meaning: str


def _checks() -> dict[int, Check]:
    rows = """
    0 7 BUFFER_INTEGRITY | - | - | . X | magic, ABI or canary differ, or the layout hash is gone; ends the evaluation
    1 7 PARAMETERS_UNSET | version | - | . X | no parameter block has been set; ends the evaluation
    2 7 ORDER_INVALID | - | - | . X | a field is out of range; the order is no event and changes nothing; ends the evaluation
    3 7 INSTRUMENT_UNKNOWN | - | - | . X | the instrument, its venue or its currency was never set; ends the evaluation
    4 7 STRATEGY_UNKNOWN | - | - | . X | the strategy was never set; ends the evaluation
    5 7 DUPLICATE_CLIENT_ID | - | - | . X | client_id <= the strategy's highest so far; ends the evaluation
    6 7 ORDER_TABLE_FULL | - | - | . X | no free order slot; ends the evaluation
    7 7 KILL_SWITCH | - | flag | . X | the kill switch is on
    8 7 ACCOUNT_IN_REDUCE_ONLY | - | flag | . . | an account latch is set
    9 7 LATENCY_EXCEEDS_MAX | max_latency_ns | ns | . . | smoothed processing latency > limit
    10 7 ERROR_RATE_EXCEEDS_MAX | error_burst_ns | ns | . . | error bucket: arrival - now > burst
    11 7 CLOCK_BACKWARDS | - | ns | . . | order time < last time
    12 7 CLOCK_STALLED | max_same_time_events | - | . . | events in a row at one time > limit
    13 7 DATA_GAP | max_data_gap_ns | ns | . . | now - last good quote of any instrument > limit, or none yet
    14 7 MONITOR_SILENT | monitor_timeout_ns | ns | . . | (monitor required or has spoken) and now - its last word > limit
    15 7 INSTRUMENT_UNRECONCILED | - | flag | . . | an instrument latch other than repeated execution is set, or orders of unknown fate
    16 1 ORDER_LOTS_EXCEEDS_MAX | max_order_lots | lots | R . | opening lots > limit
    17 1 ORDER_NOTIONAL_EXCEEDS_MAX | max_order_notional | money | R . | value of the opening lots at the order's price > limit
    18 1 POSITION_LOTS_EXCEEDS_MAX | max_position_lots | lots | R . | own end > limit
    19 1 POSITION_NOTIONAL_EXCEEDS_MAX | max_position_notional | money | R . | own end x value > limit
    20 1 POSITION_SHARE_EXCEEDS_MAX | max_position_share | share | R . | own end x value > limit x equity
    21 1 POSITION_STOP_LOSS_EXCEEDS_MAX | max_position_risk | share | R . | own end x value x stop fraction x regime multiplier > limit x equity
    22 1 POSITION_VAR_EXCEEDS_MAX | max_position_risk | share | R . | own end x value x volatility x VaR multiplier x regime multiplier > limit x equity
    23 1 STOP_BREACHED | - | flag | . . | the open position's stop is breached
    24 1 LIQUIDATION_DISTANCE_BELOW_MIN | min_liquidation_distance | fraction | R . | venue maintenance + limit x own end value > venue equity (not for spot)
    25 1 SHORTING_NOT_ALLOWED | shorting_allowed | flag | R . | own end of a sell > 0
    26 1 REDUCE_ONLY_WOULD_OPEN | - | lots | R . | a reduce-only order has opening lots
    27 1 INSTRUMENT_CLOSE_ONLY | - | code | . . | the instrument is retired or past its expiry
    32 2 GROSS_LEVERAGE_EXCEEDS_MAX | max_gross_leverage | share | R . | gross after > limit x equity
    33 2 NET_LEVERAGE_EXCEEDS_MAX | max_net_leverage | share | R . | max(net long end, -net short end) after > limit x equity
    34 2 PORTFOLIO_VAR_EXCEEDS_MAX | var_95 | share | R . | (sigma after + working sigma) x VaR multiplier x regime multiplier > limit x equity
    35 2 EXPECTED_SHORTFALL_EXCEEDS_MAX | expected_shortfall | share | R . | the same with the ES multiplier
    36 2 PORTFOLIO_STOP_LOSS_EXCEEDS_MAX | max_portfolio_risk | share | R . | sum of stop losses after x regime multiplier > limit x equity
    37 2 HERFINDAHL_EXCEEDS_MAX | max_herfindahl | share^2 | R . | sum of squared gross contributions after > limit x equity^2
    38 2 LARGEST_WEIGHT_EXCEEDS_MAX | max_weight | share | R . | gross of the instrument's underlying after > limit x equity
    39 2 CLUSTER_RISK_EXCEEDS_MAX | max_correlation_risk | share | R . | cluster VaR after x regime multiplier > limit x equity
    40 2 STRESS_LOSS_EXCEEDS_MAX | max_stress_loss | share | R . | loss after in some enabled scenario, fills through the mark included, > limit x equity
    48 3 DRAWDOWN_EXCEEDS_MAX | max_drawdown | fraction | . . | drawdown > limit
    49 3 DRAWDOWN_BUDGET_EXCEEDED | max_drawdown | money | R . | loss after in some budget scenario, fills through the mark included, > drawdown budget
    50 3 CUSHION_EXPOSURE_EXCEEDED | cushion_multiplier | money | R . | gross after > multiplier x drawdown budget
    51 3 DAILY_LOSS_EXCEEDS_MAX | max_daily_loss | fraction | . . | start of day equity - equity > limit x start of day equity
    52 3 FREE_MARGIN_BELOW_MIN | min_free_margin | fraction | R . | venue margin after > (1 - limit) x venue equity
    53 3 OPEN_ORDERS_EXCEEDS_MAX | max_open_orders | - | . . | open orders + 1 > limit or all but a 64th of the table, which is left to exits; a replace adds none
    54 3 DAILY_TURNOVER_EXCEEDS_MAX | max_daily_turnover | share | R . | filled + working notional of the day + opening lots at the order's price > limit x equity; never passes for not worsening
    55 3 LOSING_STREAK_COOLDOWN | max_losing_streak | ns | . . | now < end of the cool-down
    56 3 EQUITY_NOT_POSITIVE | - | money | . . | equity <= 0
    64 4 MESSAGE_RATE_EXCEEDS_MAX | message_burst_ns | ns | . X | message bucket full (for opening lots: its part without the exits' reserve)
    65 4 MESSAGE_WINDOW_EXCEEDS_MAX | window_limit | - | . X | fixed window used up (for opening lots: its part without the exits' reserve)
    66 4 HEARTBEAT_STALE | heartbeat_timeout_ns | ns | . . | (heartbeat required or the venue has beaten) and its last beat is older than the limit
    67 4 ORDER_TO_TRADE_EXCEEDS_MAX | max_order_to_trade | fraction | . . | messages of the day + 1 > grace and > limit x max(1, fills of the day)
    68 4 REJECT_RATE_EXCEEDS_MAX | max_reject_rate | fraction | . . | smoothed reject rate > limit
    69 4 VENUE_EXPOSURE_EXCEEDS_MAX | max_venue_exposure | share | R . | venue gross after > limit x equity
    70 4 PRICE_OFF_TICK | tick_step | ticks | . X | price or trigger not a multiple of the step or outside the venue's band
    71 4 LOTS_OFF_STEP | lot_step | lots | . X | lots not a multiple of the step
    72 4 LOTS_BELOW_MIN | min_lots | lots | . X | lots < minimum (also of a resized order)
    73 4 NOTIONAL_BELOW_MIN | min_notional | money | . X | value at a limit order's price, at the mark of another, < minimum (also of a resized order); not judged without mark or rate
    74 4 VENUE_NOT_ACTIVE | - | code | . . | the venue is close-only
    75 4 VENUE_DOWN | - | code | . X | the venue or the instrument is down
    76 4 REPEATED_EXECUTION | execution_burst_ns | ns | . . | the instrument's repeated-execution latch is set
    80 5 PRICE_OUTSIDE_COLLAR | price_collar | fraction | . X | limit price through the mark by more than the collar (exit_collar on a stale or bad book)
    81 5 QUOTE_STALE | max_quote_age_ns | ns | . . | now - quote time > limit
    82 5 BOOK_CROSSED | - | code | . . | the last quote was crossed
    83 5 BOOK_ONE_SIDED | - | code | . . | the last quote lacked a side, or there was none
    84 5 SPREAD_EXCEEDS_MAX | max_spread | fraction | . . | ask - bid > limit x mark
    85 5 VISIBLE_LIQUIDITY_EXCEEDED | max_visible_share | fraction | R . | opening lots of a taking order > limit x visible opposite lots
    86 5 TRADED_LIQUIDITY_EXCEEDED | max_traded_share | fraction | R . | opening lots > limit x lots traded in the window
    87 5 VOLATILITY_EXCEEDS_MAX | max_volatility | fraction | . . | 24 h volatility > limit
    88 5 FLASH_MOVE | max_flash_move | fraction | . . | highest - lowest mark of the flash window > limit x lowest
    89 5 CRASH_REGIME | crash_reduce_only | flag | . . | the flag is set and the regime is crash or its probability at or above crash_probability
    90 5 RATE_STALE | max_rate_age_ns | ns | . . | the settlement currency is not the account's and its rate is missing or too old
    91 5 MARK_UNSET | - | flag | . . | the instrument has no mark
    92 5 POST_ONLY_WOULD_TAKE | - | flag | . . | a post-only order would take on a good book
    96 6 STRATEGY_DISABLED | - | code | . . | the strategy is not active
    97 6 STRATEGY_REGIME_DISABLED | regime_mask | bits | . . | the current regime is not in its mask
    98 6 STRATEGY_BUDGET_EXCEEDED | budget | share | R . | strategy gross after > limit x equity
    99 6 STRATEGY_DRAWDOWN_EXCEEDS_MAX | max_drawdown | share | . . | peak P&L - P&L > limit x equity
    100 6 STRATEGY_DAILY_LOSS_EXCEEDS_MAX | max_daily_loss | share | . . | start of day P&L - P&L > limit x equity
    101 6 CONFIDENCE_BELOW_THRESHOLD | confidence_threshold | fraction | . . | confidence < threshold of the current regime
    102 6 STRATEGY_ON_PROBATION | probation_factor | share | R . | on probation and strategy gross after > factor x budget x equity
    103 6 STRATEGY_ORDER_RATE_EXCEEDS_MAX | order_burst_ns | ns | . . | the strategy's order bucket is full
    104 6 SELF_MATCH | - | ticks | . . | the order would match an own working order
    112 7 BATCH_LEG_REJECTED | - | - | . X | another leg of the batch did not pass whole
    """
    table = {}
    for line in rows.strip().splitlines():
        head, parameter, unit, marks, meaning = (part.strip() for part in line.split("|"))
        number, layer, name = head.split()
        resizes, blocks = marks.split()
        table[int(number)] = Check(
            int(number),
            int(layer),
            name,
            "" if parameter == "-" else parameter,
            unit,
            resizes == "R",
            blocks == "X",
            meaning,
        )
    return table


CHECKS = _checks()


def check_names(reasons: tuple[int, int]) -> list[str]:
    """Names of the checks in two reason words, lowest number first."""
    return [c.name for n, c in sorted(CHECKS.items()) if int(reasons[n >> 6]) >> (n & 63) & 1]
