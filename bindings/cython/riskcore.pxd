# Cython declarations of riskcore.h: `from riskcore cimport rc_check`. Compile with
# riskcore.get_include() among the include directories and link libriskcore from
# riskcore.get_library_dir(). Sizes come from the header, so these fit any shape. What everything
# means is said in riskcore.h.

from libc.stdint cimport int64_t

cdef extern from "riskcore.h" nogil:
    enum:
        RC_ABI_VERSION
        RC_STATE_ALIGNMENT
        RC_INSTRUMENTS
        RC_STRATEGIES
        RC_VENUES
        RC_CURRENCIES
        RC_REGIMES
        RC_WINDOW
        RC_SCENARIOS
        RC_ORDERS
        RC_EVENT_WORDS

    const char *RC_VERSION
    const int64_t RC_EVENT_KINDS
    const int64_t RC_MAX_LOTS
    const int64_t RC_MAX_POSITION_LOTS
    const int64_t RC_MAX_TICKS
    const int64_t RC_MAX_TIME_NS
    const int64_t RC_MAX_TIME_JUMP_NS
    const int64_t RC_MAX_IDENTIFIER
    const double RC_MAX_MONEY
    const double RC_MAX_SHARE
    const int64_t RC_DAY_NS
    const int64_t RC_HANDLE_SLOT_BITS
    const int64_t RC_HANDLE_SLOT_MASK
    const int64_t RC_MAX_BATCH
    const int64_t RC_MIN_JOURNAL_RECORDS
    const int64_t RC_MAX_JOURNAL_RECORDS
    const int64_t RC_CHECK_COUNT
    const int64_t RC_MAGIC
    const int64_t RC_LAYOUT_HASH
    const int64_t RC_STATE_SIZE

    enum rc_status:
        RC_OK
        RC_BAD_BUFFER
        RC_INVALID_TIME
        RC_INVALID_INSTRUMENT
        RC_INVALID_STRATEGY
        RC_INVALID_VENUE
        RC_INVALID_CURRENCY
        RC_INVALID_SIDE
        RC_INVALID_LOTS
        RC_INVALID_PRICE
        RC_INVALID_VALUE
        RC_INVALID_CODE
        RC_INVALID_HANDLE
        RC_INVALID_PARAMETERS
        RC_INVALID_IDENTIFIER
        RC_DUPLICATE
        RC_BOOKED_UNMATCHED
        RC_BUSY
        RC_JOURNAL_FULL
        RC_NOT_JOURNALED
        RC_WRONG_MAGIC
        RC_WRONG_ABI
        RC_WRONG_SHAPE
        RC_WRONG_SIZE
        RC_WRONG_LAYOUT
        RC_TORN

    enum rc_action:
        RC_REJECT
        RC_RESIZE
        RC_APPROVE

    enum rc_reason:
        RC_BUFFER_INTEGRITY
        RC_PARAMETERS_UNSET
        RC_ORDER_INVALID
        RC_INSTRUMENT_UNKNOWN
        RC_STRATEGY_UNKNOWN
        RC_DUPLICATE_CLIENT_ID
        RC_ORDER_TABLE_FULL
        RC_KILL_SWITCH
        RC_ACCOUNT_IN_REDUCE_ONLY
        RC_LATENCY_EXCEEDS_MAX
        RC_ERROR_RATE_EXCEEDS_MAX
        RC_CLOCK_BACKWARDS
        RC_CLOCK_STALLED
        RC_DATA_GAP
        RC_MONITOR_SILENT
        RC_INSTRUMENT_UNRECONCILED
        RC_ORDER_LOTS_EXCEEDS_MAX
        RC_ORDER_NOTIONAL_EXCEEDS_MAX
        RC_POSITION_LOTS_EXCEEDS_MAX
        RC_POSITION_NOTIONAL_EXCEEDS_MAX
        RC_POSITION_SHARE_EXCEEDS_MAX
        RC_POSITION_STOP_LOSS_EXCEEDS_MAX
        RC_POSITION_VAR_EXCEEDS_MAX
        RC_STOP_BREACHED
        RC_LIQUIDATION_DISTANCE_BELOW_MIN
        RC_SHORTING_NOT_ALLOWED
        RC_REDUCE_ONLY_WOULD_OPEN
        RC_INSTRUMENT_CLOSE_ONLY
        RC_GROSS_LEVERAGE_EXCEEDS_MAX
        RC_NET_LEVERAGE_EXCEEDS_MAX
        RC_PORTFOLIO_VAR_EXCEEDS_MAX
        RC_EXPECTED_SHORTFALL_EXCEEDS_MAX
        RC_PORTFOLIO_STOP_LOSS_EXCEEDS_MAX
        RC_HERFINDAHL_EXCEEDS_MAX
        RC_LARGEST_WEIGHT_EXCEEDS_MAX
        RC_CLUSTER_RISK_EXCEEDS_MAX
        RC_STRESS_LOSS_EXCEEDS_MAX
        RC_DRAWDOWN_EXCEEDS_MAX
        RC_DRAWDOWN_BUDGET_EXCEEDED
        RC_CUSHION_EXPOSURE_EXCEEDED
        RC_DAILY_LOSS_EXCEEDS_MAX
        RC_FREE_MARGIN_BELOW_MIN
        RC_OPEN_ORDERS_EXCEEDS_MAX
        RC_DAILY_TURNOVER_EXCEEDS_MAX
        RC_LOSING_STREAK_COOLDOWN
        RC_EQUITY_NOT_POSITIVE
        RC_MESSAGE_RATE_EXCEEDS_MAX
        RC_MESSAGE_WINDOW_EXCEEDS_MAX
        RC_HEARTBEAT_STALE
        RC_ORDER_TO_TRADE_EXCEEDS_MAX
        RC_REJECT_RATE_EXCEEDS_MAX
        RC_VENUE_EXPOSURE_EXCEEDS_MAX
        RC_PRICE_OFF_TICK
        RC_LOTS_OFF_STEP
        RC_LOTS_BELOW_MIN
        RC_NOTIONAL_BELOW_MIN
        RC_VENUE_NOT_ACTIVE
        RC_VENUE_DOWN
        RC_REPEATED_EXECUTION
        RC_PRICE_OUTSIDE_COLLAR
        RC_QUOTE_STALE
        RC_BOOK_CROSSED
        RC_BOOK_ONE_SIDED
        RC_SPREAD_EXCEEDS_MAX
        RC_VISIBLE_LIQUIDITY_EXCEEDED
        RC_TRADED_LIQUIDITY_EXCEEDED
        RC_VOLATILITY_EXCEEDS_MAX
        RC_FLASH_MOVE
        RC_CRASH_REGIME
        RC_RATE_STALE
        RC_MARK_UNSET
        RC_POST_ONLY_WOULD_TAKE
        RC_STRATEGY_DISABLED
        RC_STRATEGY_REGIME_DISABLED
        RC_STRATEGY_BUDGET_EXCEEDED
        RC_STRATEGY_DRAWDOWN_EXCEEDS_MAX
        RC_STRATEGY_DAILY_LOSS_EXCEEDS_MAX
        RC_CONFIDENCE_BELOW_THRESHOLD
        RC_STRATEGY_ON_PROBATION
        RC_STRATEGY_ORDER_RATE_EXCEEDS_MAX
        RC_SELF_MATCH
        RC_BATCH_LEG_REJECTED

    enum rc_layer:
        RC_LAYER_NONE
        RC_LAYER_POSITION
        RC_LAYER_PORTFOLIO
        RC_LAYER_ACCOUNT
        RC_LAYER_EXCHANGE
        RC_LAYER_MARKET
        RC_LAYER_STRATEGY
        RC_LAYER_SYSTEM

    enum rc_side:
        RC_BUY
        RC_SELL

    enum rc_order_type:
        RC_LIMIT
        RC_MARKET
        RC_STOP

    enum rc_time_in_force:
        RC_GTC
        RC_IOC
        RC_FOK

    enum rc_order_flag:
        RC_POST_ONLY
        RC_REDUCE_ONLY

    enum rc_contract:
        RC_SPOT
        RC_LINEAR
        RC_INVERSE

    enum rc_entity_state:
        RC_UNSET
        RC_ACTIVE
        RC_CLOSE_ONLY
        RC_DOWN
        RC_DISABLED

    enum rc_account_state:
        RC_NORMAL
        RC_ACCOUNT_REDUCE_ONLY
        RC_CANCEL_ONLY

    enum rc_latch:
        RC_LATCH_DRAWDOWN
        RC_LATCH_DAILY_LOSS
        RC_LATCH_RECONCILIATION
        RC_LATCH_OPERATOR
        RC_LATCH_UNMATCHED_FILL
        RC_LATCH_REPEATED_EXECUTION

    enum rc_quote_state:
        RC_QUOTE_NONE
        RC_QUOTE_GOOD
        RC_QUOTE_CROSSED
        RC_QUOTE_ONE_SIDED
        RC_QUOTE_EMPTY

    enum rc_order_state:
        RC_ORDER_FREE
        RC_ORDER_PENDING
        RC_ORDER_WORKING
        RC_ORDER_CANCEL_PENDING
        RC_ORDER_REPLACE_PENDING
        RC_ORDER_UNKNOWN

    enum rc_venue_order:
        RC_VENUE_ORDER_WORKING
        RC_VENUE_ORDER_DONE
        RC_VENUE_ORDER_NOT_FOUND

    enum rc_regime_number:
        RC_REGIME_NORMAL
        RC_REGIME_VOLATILE
        RC_REGIME_TRENDING
        RC_REGIME_CRASH

    enum rc_control_code:
        RC_CONTROL_KILL
        RC_CONTROL_RESET_KILL
        RC_CONTROL_RESET_LATCHES
        RC_CONTROL_LATCH_ACCOUNT
        RC_CONTROL_RESET_INSTRUMENT
        RC_CONTROL_LATCH_INSTRUMENT
        RC_CONTROL_SET_VENUE_STATE
        RC_CONTROL_SET_STRATEGY_STATE
        RC_CONTROL_VENUE_USAGE
        RC_CONTROL_RESET_COOLDOWN
        RC_CONTROL_REBASE_PEAK
        RC_CONTROL_RESTART

    enum rc_event_kind:
        RC_EVENT_QUOTE
        RC_EVENT_TRADE
        RC_EVENT_RATE
        RC_EVENT_CLOCK
        RC_EVENT_SAMPLE
        RC_EVENT_ADVANCE
        RC_EVENT_CHECK
        RC_EVENT_CANCEL
        RC_EVENT_REPLACE
        RC_EVENT_ACK
        RC_EVENT_REJECT
        RC_EVENT_CANCELED
        RC_EVENT_CANCEL_REJECT
        RC_EVENT_REPLACED
        RC_EVENT_EXPIRE
        RC_EVENT_FILL
        RC_EVENT_BUST
        RC_EVENT_FUNDING
        RC_EVENT_TRANSFER
        RC_EVENT_SETTLEMENT
        RC_EVENT_POSITION
        RC_EVENT_ORDER_STATUS
        RC_EVENT_HEARTBEAT
        RC_EVENT_LATENCY
        RC_EVENT_ERROR
        RC_EVENT_CONTROL
        RC_EVENT_REGIME

    enum rc_entry_kind:
        RC_ENTRY_PARAMETERS
        RC_ENTRY_INSTRUMENT
        RC_ENTRY_VENUE
        RC_ENTRY_CURRENCY
        RC_ENTRY_STRATEGY
        RC_ENTRY_SCENARIO
        RC_ENTRY_BATCH

    enum rc_size_limit:
        RC_SIZE_BASE
        RC_SIZE_VOLATILITY
        RC_SIZE_STOP
        RC_SIZE_KELLY
        RC_SIZE_LEVERAGE
        RC_SIZE_BUDGET
        RC_SIZE_CONFIDENCE
        RC_SIZE_MINIMUM
        RC_SIZE_DRAWDOWN
        RC_SIZE_REGIME
        RC_SIZE_PERFORMANCE
        RC_SIZE_EQUITY
        RC_SIZE_MARK
        RC_SIZE_SHORTING

    struct rc_order:
        int64_t client_id
        int64_t time_ns
        int64_t instrument
        int64_t strategy
        int64_t side
        int64_t type
        int64_t time_in_force
        int64_t order_flags
        int64_t lots
        int64_t price_ticks
        int64_t stop_ticks
        double confidence

    struct rc_decision:
        int64_t action
        int64_t status
        int64_t lots
        int64_t exit_lots
        int64_t reasons[2]
        int64_t first_check
        int64_t layer
        int64_t handle
        int64_t price_ticks
        double utilisation[7]
        double equity
        double var_before
        double var_after
        double gross_before
        double gross_after
        double stress_before
        double stress_after
        double budget

    struct rc_event:
        int64_t kind
        int64_t time_ns
        int64_t venue_time_ns
        int64_t id
        int64_t handle
        int64_t instrument
        int64_t strategy
        int64_t venue
        int64_t currency
        int64_t side
        int64_t type
        int64_t time_in_force
        int64_t order_flags
        int64_t code
        int64_t lots
        int64_t price_ticks
        int64_t lots_2
        int64_t price_ticks_2
        double value
        double value_2
        double confidence

    struct rc_position_risk_result:
        double exposure
        double gross
        double volatility
        double value_at_risk
        double expected_shortfall
        double marginal_var
        double component_var
        double incremental_var
        double stop_price
        double target_price
        double stop_loss
        double liquidation_distance
        double liquidation_price
        double unrealized_pnl
        int64_t stop_breached
        int64_t cluster

    struct rc_portfolio_risk_result:
        double equity
        double gross_leverage
        double net_leverage
        double volatility
        double value_at_risk
        double value_at_risk_working
        double expected_shortfall
        double expected_shortfall_working
        double herfindahl
        double largest_weight
        double cluster_risk
        double stop_loss
        double stress_loss
        int64_t stress_scenario
        double drawdown
        double daily_loss
        double budget
        double cushion
        double free_margin
        int64_t open_orders

    struct rc_signal:
        int64_t instrument
        int64_t strategy
        int64_t side
        double confidence
        double expected_return
        double win_probability
        double payoff

    struct rc_sizing:
        int64_t status
        int64_t lots
        double notional
        int64_t limit_code
        double base_size
        double volatility
        double stop
        double kelly
        double leverage
        double budget
        double confidence_factor
        double regime_factor
        double drawdown_factor
        double performance_factor

    struct rc_reduction:
        int64_t instrument
        int64_t side
        int64_t lots
        int64_t cancel_buy_lots
        int64_t cancel_sell_lots
        double value

    struct rc_parameters:
        int64_t version
        int64_t author
        double max_position_share
        double max_position_risk
        double min_liquidation_distance
        double max_gross_leverage
        double max_net_leverage
        double var_95
        double expected_shortfall
        double max_portfolio_risk
        double max_herfindahl
        double max_weight
        double max_correlation_risk
        double cluster_correlation
        double max_stress_loss
        double max_drawdown
        double target_drawdown
        double max_daily_loss
        double cushion_multiplier
        double min_free_margin
        int64_t max_open_orders
        double max_daily_turnover
        int64_t max_losing_streak
        int64_t losing_streak_cooldown_ns
        int64_t decision_interval_ns
        int64_t execution_latency_ns
        double max_order_to_trade
        int64_t order_to_trade_grace
        double max_reject_rate
        double max_venue_exposure
        int64_t heartbeat_timeout_ns
        int64_t require_heartbeat
        int64_t execution_interval_ns
        int64_t execution_burst_ns
        int64_t acknowledgement_timeout_ns
        double price_collar
        double exit_collar
        int64_t max_quote_age_ns
        int64_t max_rate_age_ns
        double max_spread
        double max_visible_share
        double max_traded_share
        int64_t liquidity_window_ns
        double max_volatility
        double max_flash_move
        int64_t flash_window_ns
        int64_t crash_reduce_only
        double crash_probability
        double performance_floor
        int64_t performance_min_trades
        double performance_decay
        double probation_factor
        int64_t max_latency_ns
        double latency_decay
        int64_t error_interval_ns
        int64_t error_burst_ns
        int64_t max_data_gap_ns
        int64_t monitor_timeout_ns
        int64_t require_monitor
        int64_t max_same_time_events
        int64_t sample_interval_ns
        double variance_decay
        double covariance_decay
        double initial_correlation
        double tail_degrees_of_freedom
        double stop_multiple
        double target_multiple
        int64_t stop_horizon_ns
        double stop_gap
        double base_size
        double volatility_target
        double volatility_multiplier
        double max_leverage
        double risk_per_trade
        double kelly_fraction
        double kelly_shrinkage
        double kelly_wealth_floor
        double kelly_floor_probability
        double drawdown_sizing_power
        double regime_risk_multiplier[RC_REGIMES]
        double regime_size_multiplier[RC_REGIMES]
        double regime_confidence_threshold[RC_REGIMES]
        double regime_stop_multiplier[RC_REGIMES]
        double var_multiplier
        double es_multiplier
        double samples_per_day
        double stop_scale

    struct rc_instrument:
        int64_t state
        int64_t kind
        int64_t venue
        int64_t currency
        int64_t underlying
        int64_t symbol_id
        double contract_value
        double initial_volatility
        double initial_margin
        double maintenance_margin
        double taker_fee
        double exit_cost
        double min_notional
        double max_order_notional
        double max_position_notional
        int64_t max_order_lots
        int64_t max_position_lots
        int64_t min_lots
        int64_t lot_step
        int64_t tick_step
        int64_t min_price_ticks
        int64_t max_price_ticks
        int64_t shorting_allowed
        int64_t expiry_ns

    struct rc_venue:
        int64_t state
        int64_t message_interval_ns
        int64_t message_burst_ns
        int64_t message_reserve_ns
        int64_t message_arrival_ns
        int64_t window_ns
        int64_t window_limit
        int64_t window_reserve
        int64_t window_start_ns
        int64_t window_used
        int64_t heartbeat_ns
        int64_t messages_day
        int64_t fills_day
        double reject_rate
        double reject_decay
        double cash
        double equity
        double gross
        double margin
        double maintenance
        int64_t messages
        int64_t rejects

    struct rc_currency:
        int64_t state
        int64_t is_account
        double rate
        int64_t rate_time_ns
        int64_t instrument
        double shock
        double balance
        double unrealized

    struct rc_strategy:
        int64_t state
        int64_t regime_mask
        double budget
        double max_drawdown
        double max_daily_loss
        int64_t order_interval_ns
        int64_t order_burst_ns
        int64_t order_arrival_ns
        int64_t last_client_id
        double gross
        double pnl
        double realized
        double unrealized
        double high_water_mark
        double day_start_pnl
        double performance
        int64_t trades
        int64_t winning_trades
        int64_t probation
        int64_t orders
        double win_probability
        double payoff

    struct rc_scenario:
        int64_t enabled
        int64_t in_budget
        int64_t horizon_ns
        int64_t scenario_id
        double currency_loss

    struct rc_shocks:
        double down[RC_SCENARIOS]
        double up[RC_SCENARIOS]
        double loss[RC_SCENARIOS]

    struct rc_journal:
        int64_t magic
        int64_t abi_version
        int64_t layout_hash
        int64_t size_bytes
        int64_t capacity
        int64_t reserve
        int64_t publish_interval
        int64_t publish_next
        int64_t committed
        int64_t applied
        int64_t lost
        int64_t refused
        int64_t request_seen
        int64_t request_status
        int64_t parameters_seen
        int64_t parameters_status
        int64_t heartbeat_seen_ns
        int64_t kill_seen
        int64_t lost_applied
        int64_t spare[5]
        int64_t drained
        int64_t spare_2[7]
        int64_t draft[1024]
        rc_parameters parameters

    struct rc_journal_record:
        int64_t sequence
        int64_t checksum
        int64_t parts
        int64_t kind
        int64_t time_ns
        int64_t venue_time_ns
        int64_t id
        int64_t handle
        int64_t instrument
        int64_t strategy
        int64_t venue
        int64_t currency
        int64_t side
        int64_t type
        int64_t time_in_force
        int64_t order_flags
        int64_t code
        int64_t lots
        int64_t price_ticks
        int64_t lots_2
        int64_t price_ticks_2
        double value
        double value_2
        double confidence

    struct rc_control_page:
        int64_t magic
        int64_t abi_version
        int64_t layout_hash
        int64_t size_bytes
        int64_t spare[4]
        int64_t kill
        int64_t kill_author
        int64_t request
        int64_t parameters_sequence
        int64_t heartbeat_ns
        int64_t spare_2[3]
        int64_t request_code
        int64_t request_target
        int64_t request_value
        int64_t request_author
        int64_t spare_3[4]
        rc_parameters parameters

    struct rc_published_page:
        int64_t magic
        int64_t abi_version
        int64_t layout_hash
        int64_t size_bytes
        int64_t spare[4]
        int64_t sequence
        int64_t spare_2[7]
        int64_t event_count
        int64_t last_time_ns
        int64_t sample_count
        int64_t journal_sequence
        int64_t journal_lost
        int64_t journal_refused
        int64_t parameters_version
        int64_t parameters_author
        int64_t parameters_seen
        int64_t parameters_status
        int64_t request_seen
        int64_t request_status
        int64_t kill
        int64_t state
        int64_t latches
        int64_t unknown_orders
        double high_water_mark
        double max_drawdown_seen
        double realized_pnl
        double fees
        double funding
        double turnover_day
        int64_t cooldown_until_ns
        int64_t regime
        int64_t regime_since_ns
        double latency_ewma_ns
        int64_t latency_max_ns
        int64_t errors
        int64_t last_quote_ns
        int64_t monitor_heartbeat_ns
        double gross_leverage_used
        double net_leverage_used
        double value_at_risk_used
        double expected_shortfall_used
        double stop_loss_used
        double herfindahl_used
        double weight_used
        double cluster_used
        double stress_used
        double drawdown_used
        double daily_loss_used
        double turnover_used
        double open_orders_used
        int64_t position_total
        int64_t position_count
        int64_t position_instrument[64]
        int64_t position_lots[64]
        double position_value[64]
        double position_gross[64]
        double position_var[64]
        double position_pnl[64]
        double position_stop[64]
        int64_t position_latches[64]
        int64_t decisions[4]
        int64_t reasons[128]
        int64_t events[32]
        double regime_probability[RC_REGIMES]
        int64_t venue_state[RC_VENUES]
        double venue_gross[RC_VENUES]
        int64_t strategy_state[RC_STRATEGIES]
        double strategy_pnl[RC_STRATEGIES]
        double equity
        double gross_leverage
        double net_leverage
        double volatility
        double value_at_risk
        double value_at_risk_working
        double expected_shortfall
        double expected_shortfall_working
        double herfindahl
        double largest_weight
        double cluster_risk
        double stop_loss
        double stress_loss
        int64_t stress_scenario
        double drawdown
        double daily_loss
        double budget
        double cushion
        double free_margin
        int64_t open_orders

    struct rc_payload:
        int64_t words[128]
        double down[RC_INSTRUMENTS]
        double up[RC_INSTRUMENTS]

    struct rc_checkpoint_header:
        int64_t magic
        int64_t abi_version
        int64_t layout_hash
        int64_t size_bytes
        int64_t sequence
        int64_t checksum
        int64_t event_count
        int64_t last_time_ns

    struct rc_header:
        int64_t magic
        int64_t abi_version
        int64_t layout_hash
        int64_t size_bytes
        int64_t instruments
        int64_t strategies
        int64_t venues
        int64_t currencies
        int64_t regimes
        int64_t window
        int64_t scenarios
        int64_t orders
        int64_t event_count
        int64_t last_time_ns
        int64_t instrument_count
        int64_t strategy_count
        int64_t venue_count
        int64_t currency_count
        int64_t scenario_count
        int64_t account_currency
        int64_t sample_count
        int64_t day

    struct rc_account:
        double equity
        double cash
        double holdings_value
        double high_water_mark
        double drawdown
        double max_drawdown_seen
        double budget
        double day_start_equity
        double gross
        double net_long
        double net_short
        double stop_loss
        double herfindahl
        double working_sigma
        double working_notional
        double variance
        double turnover_day
        double realized_pnl
        double fees
        double funding
        double transfers
        double settlements
        double breaks
        double currency_exposure
        int64_t open_orders
        int64_t losing_streak
        int64_t cooldown_until_ns
        int64_t latches
        int64_t state
        int64_t break_count
        int64_t duplicate_fills
        int64_t round_trips
        int64_t winning_trips
        double fill_excess

    struct rc_regime:
        int64_t current
        int64_t since_ns
        double risk_multiplier
        double size_multiplier
        double confidence_threshold
        double stop_multiplier
        double probability[RC_REGIMES]

    struct rc_system:
        int64_t kill
        int64_t kill_author
        double latency_ewma_ns
        int64_t latency_max_ns
        int64_t error_arrival_ns
        int64_t errors
        int64_t last_quote_ns
        int64_t same_time_events
        int64_t monitor_heartbeat_ns
        int64_t free_head
        int64_t pending_head
        int64_t pending_tail
        int64_t unknown_orders
        int64_t next_sequence
        int64_t canary

    struct rc_market:
        double mark
        double value_per_lot
        int64_t mark_set
        int64_t quote_state
        int64_t quote_time_ns
        int64_t bid_ticks
        int64_t ask_ticks
        int64_t bid_lots
        int64_t ask_lots
        int64_t trade_ticks
        int64_t trade_time_ns
        int64_t traded_bucket_ns
        double traded_lots
        double traded_lots_before
        int64_t flash_bucket_ns
        double flash_low
        double flash_high
        double flash_low_before
        double flash_high_before
        int64_t bad_quotes
        int64_t good_quote_ns

    struct rc_volatility:
        double variance
        double volatility
        double sample_mark
        int64_t sample_set
        int64_t sample_count
        int64_t missing_count
        double last_return
        double stop_distance
        int64_t sample_quote_ns

    struct rc_position:
        int64_t net_lots
        int64_t working_buy_lots
        int64_t working_sell_lots
        double gross
        double long_value
        double short_value
        double margin
        double maintenance
        double stop_loss
        double value_at_risk
        double stop_fraction_long
        double stop_fraction_short
        int64_t latches
        int64_t stop_breached
        int64_t unknown_orders
        int64_t own_best_bid
        int64_t own_best_ask
        int64_t buy_head
        int64_t sell_head
        double linked_balance
        double cost
        double average_price
        double unrealized_pnl
        double equity_value
        double realized_pnl
        double fees
        double funding
        double trip_pnl
        double stop_price
        double target_price
        int64_t execution_arrival_ns
        int64_t fill_count
        int64_t open_order_count
        int64_t last_fill_ns
        int64_t bought_lots
        int64_t sold_lots
        int64_t adjusted_lots
        double buy_excess
        double sell_excess
        double filled_value

    struct rc_holding:
        int64_t lots
        int64_t working_buy_lots
        int64_t working_sell_lots
        double gross
        double cost
        double unrealized
        double realized
        int64_t open_ns
        double trip_pnl

    struct rc_balance:
        double amount
        double deposits
        double funding
        double realized
        double fees
        double adjusted

    struct rc_stress:
        double loss[RC_SCENARIOS]
        double ceiling[RC_SCENARIOS]
        double budget_ceiling[RC_SCENARIOS]

    struct rc_covariance:
        int64_t pending
        int64_t cursor
        int64_t passes
        int64_t cluster_count
        int64_t labelled
        int64_t spare[3]
        double weight[RC_INSTRUMENTS]
        double product[RC_INSTRUMENTS]
        double product_next[RC_INSTRUMENTS]
        double returns[RC_INSTRUMENTS]
        int64_t cluster[RC_INSTRUMENTS]
        int64_t cluster_next[RC_INSTRUMENTS]
        double cluster_risk[RC_INSTRUMENTS]
        double underlying_gross[RC_INSTRUMENTS]
        double variance[RC_INSTRUMENTS]
        double innovation[RC_INSTRUMENTS]
        int64_t frozen[RC_INSTRUMENTS]
        double ageing[2][RC_INSTRUMENTS]
        int64_t neighbour[RC_INSTRUMENTS]
        double matrix[RC_INSTRUMENTS][RC_INSTRUMENTS]

    struct rc_history:
        int64_t head
        int64_t rows
        double returns[RC_WINDOW][RC_INSTRUMENTS]

    struct rc_order_slot:
        int64_t status
        int64_t generation
        int64_t client_id
        int64_t venue_order_id
        int64_t instrument
        int64_t strategy
        int64_t side
        int64_t type
        int64_t order_flags
        int64_t lots
        int64_t filled_lots
        int64_t reserved_lots
        int64_t price_ticks
        int64_t replace_lots
        int64_t replace_ticks
        int64_t sent_ns
        int64_t next
        int64_t previous
        int64_t pending_next
        int64_t pending_previous
        int64_t in_pending
        int64_t time_in_force
        int64_t sequence
        double confidence
        int64_t acknowledged

    struct rc_execution:
        int64_t execution_id
        int64_t instrument
        int64_t venue
        int64_t busted
        int64_t cursor
        int64_t booked
        int64_t side

    struct rc_counters:
        int64_t events[32]
        int64_t decisions[4]
        int64_t reasons[128]
        int64_t exits
        int64_t late_fills
        int64_t unknown_fills
        int64_t over_fills
        int64_t busts
        int64_t clock_steps_back

    struct rc_state:
        rc_header header
        rc_parameters parameters
        rc_account account
        rc_regime regime
        rc_system system
        rc_instrument instruments[RC_INSTRUMENTS]
        rc_market market[RC_INSTRUMENTS]
        rc_volatility volatility[RC_INSTRUMENTS]
        rc_position positions[RC_INSTRUMENTS]
        rc_venue venues[RC_VENUES]
        rc_currency currencies[RC_CURRENCIES]
        rc_strategy strategies[RC_STRATEGIES]
        rc_holding holdings[RC_STRATEGIES][RC_INSTRUMENTS]
        rc_balance balances[RC_VENUES][RC_CURRENCIES]
        rc_scenario scenarios[RC_SCENARIOS]
        rc_stress stress
        rc_shocks shocks[RC_INSTRUMENTS]
        rc_covariance covariance
        rc_history history
        rc_order_slot orders[RC_ORDERS]
        rc_execution executions[RC_ORDERS]
        rc_counters counters

    int64_t rc_state_size()
    int64_t rc_state_align()
    int64_t rc_layout_hash()
    int64_t rc_state_init(rc_state *state)
    int64_t rc_state_attach(const rc_state *state)
    int64_t rc_checkpoint(const rc_state *state, void *memory)
    int64_t rc_set_parameters(rc_state *state, int64_t time_ns, const rc_parameters *parameters)
    int64_t rc_instrument_set(rc_state *state, int64_t time_ns, int64_t index, const rc_instrument *instrument)
    int64_t rc_venue_set(rc_state *state, int64_t time_ns, int64_t index, const rc_venue *venue)
    int64_t rc_currency_set(rc_state *state, int64_t time_ns, int64_t index, const rc_currency *currency)
    int64_t rc_strategy_set(rc_state *state, int64_t time_ns, int64_t index, const rc_strategy *strategy)
    int64_t rc_scenario_set(rc_state *state, int64_t time_ns, int64_t index, const rc_scenario *scenario, const double *down, const double *up)
    int64_t rc_on_quote(rc_state *state, int64_t time_ns, int64_t instrument, int64_t bid_ticks, int64_t bid_lots, int64_t ask_ticks, int64_t ask_lots)
    int64_t rc_on_trade(rc_state *state, int64_t time_ns, int64_t instrument, int64_t price_ticks, int64_t lots)
    int64_t rc_on_rate(rc_state *state, int64_t time_ns, int64_t currency, double rate)
    int64_t rc_on_clock(rc_state *state, int64_t time_ns)
    int64_t rc_on_sample(rc_state *state, int64_t time_ns)
    int64_t rc_advance(rc_state *state, int64_t max_rows)
    int64_t rc_check(rc_state *state, const rc_order *order, rc_decision *decision)
    int64_t rc_what_if(const rc_state *state, const rc_order *order, rc_decision *decision)
    int64_t rc_check_batch(rc_state *state, const rc_order *orders, rc_decision *decisions, int64_t count)
    int64_t rc_cancel(rc_state *state, int64_t time_ns, int64_t handle)
    int64_t rc_replace(rc_state *state, int64_t time_ns, int64_t handle, int64_t lots, int64_t price_ticks, rc_decision *decision)
    int64_t rc_on_ack(rc_state *state, int64_t time_ns, int64_t handle, int64_t venue_order_id)
    int64_t rc_on_reject(rc_state *state, int64_t time_ns, int64_t handle, int64_t code)
    int64_t rc_on_canceled(rc_state *state, int64_t time_ns, int64_t handle)
    int64_t rc_on_cancel_reject(rc_state *state, int64_t time_ns, int64_t handle, int64_t code)
    int64_t rc_on_replaced(rc_state *state, int64_t time_ns, int64_t handle, int64_t lots, int64_t price_ticks)
    int64_t rc_on_expire(rc_state *state, int64_t time_ns, int64_t handle)
    int64_t rc_on_fill(rc_state *state, int64_t time_ns, int64_t handle, int64_t instrument, int64_t strategy, int64_t side, int64_t lots, int64_t price_ticks, double fee, int64_t fee_currency, int64_t execution_id)
    int64_t rc_on_bust(rc_state *state, int64_t time_ns, int64_t instrument, int64_t strategy, int64_t side, int64_t lots, int64_t price_ticks, double fee, int64_t fee_currency, int64_t execution_id)
    int64_t rc_on_funding(rc_state *state, int64_t time_ns, int64_t instrument, int64_t strategy, int64_t currency, double amount)
    int64_t rc_on_transfer(rc_state *state, int64_t time_ns, int64_t venue, int64_t currency, double amount)
    int64_t rc_on_settlement(rc_state *state, int64_t time_ns, int64_t instrument, int64_t price_ticks)
    int64_t rc_on_position(rc_state *state, int64_t time_ns, int64_t instrument, int64_t lots, int64_t price_ticks)
    int64_t rc_on_order_status(rc_state *state, int64_t time_ns, int64_t handle, int64_t code, int64_t filled_lots)
    int64_t rc_on_heartbeat(rc_state *state, int64_t time_ns, int64_t venue)
    int64_t rc_on_latency(rc_state *state, int64_t time_ns, int64_t latency_ns)
    int64_t rc_on_error(rc_state *state, int64_t time_ns, int64_t code)
    int64_t rc_control(rc_state *state, int64_t time_ns, int64_t code, int64_t target, int64_t value, int64_t author)
    int64_t rc_on_regime(rc_state *state, int64_t time_ns, int64_t regime, double probability)
    int64_t rc_apply(rc_state *state, const rc_event *event, rc_decision *decision)
    int64_t rc_size(const rc_state *state, const rc_signal *signal, rc_sizing *sizing)
    int64_t rc_derisk(const rc_state *state, rc_reduction *reductions, int64_t capacity)
    int64_t rc_position_risk(const rc_state *state, int64_t instrument, rc_position_risk_result *risk)
    int64_t rc_portfolio_risk(const rc_state *state, rc_portfolio_risk_result *risk)
    int64_t rc_kelly(const rc_state *state, const double *expected_returns, double *weights, double *scratch)
    int64_t rc_journal_init(rc_journal *journal, int64_t capacity, int64_t reserve, int64_t publish_interval)
    int64_t rc_journal_attach(const rc_journal *journal)
    int64_t rc_journal_resume(rc_journal *journal, const rc_control_page *control)
    int64_t rc_control_init(rc_control_page *control)
    int64_t rc_control_attach(const rc_control_page *control)
    int64_t rc_control_kill(rc_control_page *control, int64_t author)
    int64_t rc_control_request(rc_control_page *control, int64_t code, int64_t target, int64_t value, int64_t author)
    int64_t rc_control_parameters(rc_control_page *control, const rc_parameters *parameters)
    int64_t rc_control_beat(rc_control_page *control, int64_t time_ns)
    int64_t rc_page_init(rc_published_page *page)
    int64_t rc_page_attach(const rc_published_page *page)
    int64_t rc_page_read(const rc_published_page *page, rc_published_page *copy)
    int64_t rc_publish(const rc_state *state, rc_journal *journal, rc_published_page *page)
    int64_t rc_submit(rc_state *state, rc_journal *journal, rc_journal_record *ring, const rc_control_page *control, rc_published_page *page, const rc_event *event, rc_decision *decision)
    int64_t rc_submit_set(rc_state *state, rc_journal *journal, rc_journal_record *ring, const rc_control_page *control, rc_published_page *page, int64_t time_ns, int64_t kind, int64_t index, const rc_payload *payload)
    int64_t rc_submit_batch(rc_state *state, rc_journal *journal, rc_journal_record *ring, const rc_control_page *control, rc_published_page *page, const rc_order *orders, rc_decision *decisions, int64_t count)
    int64_t rc_replay(rc_state *state, const rc_journal_record *records, int64_t capacity, int64_t base, int64_t first, int64_t last, rc_payload *payload, rc_order *orders, rc_decision *decisions, int64_t legs)
    int64_t rc_checksum(const int64_t *words, int64_t count)

    const char *rc_status_name(int64_t number)
    const char *rc_action_name(int64_t number)
    const char *rc_reason_name(int64_t number)
    const char *rc_layer_name(int64_t number)
    const char *rc_side_name(int64_t number)
    const char *rc_order_type_name(int64_t number)
    const char *rc_time_in_force_name(int64_t number)
    const char *rc_order_flag_name(int64_t number)
    const char *rc_contract_name(int64_t number)
    const char *rc_entity_state_name(int64_t number)
    const char *rc_account_state_name(int64_t number)
    const char *rc_latch_name(int64_t number)
    const char *rc_quote_state_name(int64_t number)
    const char *rc_order_state_name(int64_t number)
    const char *rc_venue_order_name(int64_t number)
    const char *rc_regime_number_name(int64_t number)
    const char *rc_control_code_name(int64_t number)
    const char *rc_event_kind_name(int64_t number)
    const char *rc_entry_kind_name(int64_t number)
    const char *rc_size_limit_name(int64_t number)
    int rc_library_matches()
    int64_t rc_next_reason(const rc_decision *decision, int64_t after)
