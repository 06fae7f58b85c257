/* One order through the gate, from C.
 *
 *     cc check.c $(pkg-config --cflags --libs riskcore) -o check && ./check
 *
 * An account needs limits before anything passes. They usually come from YAML files through the
 * Python package (see riskcore.h); here they are written out, as few as a single instrument needs.
 */
#include <riskcore.h>

#include <stdio.h>

static struct rc_state state; /* one account; no allocation, ever */

/* Wide limits: here only the instrument's own limit on the value of an order will matter. */
static struct rc_parameters limits(void)
{
    struct rc_parameters p = {.version = 1, .author = 1};
    p.max_position_share = p.max_position_risk = p.max_gross_leverage = p.max_net_leverage = 10.0;
    p.var_95 = p.expected_shortfall = p.max_portfolio_risk = p.max_herfindahl = 10.0;
    p.max_weight = p.max_correlation_risk = p.max_stress_loss = p.max_daily_turnover = 10.0;
    p.min_liquidation_distance = p.min_free_margin = 0.0;
    p.cluster_correlation = p.max_drawdown = p.max_daily_loss = 0.5;
    p.target_drawdown = 0.25;
    p.cushion_multiplier = 100.0;
    p.max_open_orders = p.max_losing_streak = p.order_to_trade_grace = 1000;
    p.max_order_to_trade = p.max_venue_exposure = 100.0;
    p.max_reject_rate = p.max_spread = p.max_visible_share = p.max_traded_share = 1.0;
    p.max_volatility = p.max_flash_move = p.crash_probability = 1.0;
    p.price_collar = p.exit_collar = 0.05;
    p.decision_interval_ns = p.execution_latency_ns = p.losing_streak_cooldown_ns = 1000000000;
    p.heartbeat_timeout_ns = p.execution_interval_ns = p.execution_burst_ns = 1000000000;
    p.acknowledgement_timeout_ns = p.max_quote_age_ns = p.max_rate_age_ns = 1000000000;
    p.liquidity_window_ns = p.flash_window_ns = p.max_latency_ns = 1000000000;
    p.error_interval_ns = p.error_burst_ns = p.max_data_gap_ns = p.monitor_timeout_ns = 1000000000;
    p.max_same_time_events = 1000;
    p.sample_interval_ns = p.stop_horizon_ns = INT64_C(60000000000);
    p.variance_decay = p.covariance_decay = p.latency_decay = p.performance_decay = 0.99;
    p.performance_min_trades = 10;
    p.performance_floor = -1.0;
    p.probation_factor = p.initial_correlation = 0.5;
    p.stop_multiple = p.target_multiple = p.volatility_multiplier = 1.0;
    p.base_size = p.volatility_target = p.max_leverage = p.risk_per_trade = 0.1;
    p.kelly_fraction = p.kelly_shrinkage = p.kelly_wealth_floor = 0.5;
    p.kelly_floor_probability = 0.1;
    p.drawdown_sizing_power = 1.0;
    for (int r = 0; r < RC_REGIMES; ++r) {
        p.regime_risk_multiplier[r] = p.regime_size_multiplier[r] = 1.0;
        p.regime_stop_multiplier[r] = 1.0;
        p.regime_confidence_threshold[r] = 0.5;
    }
    return p;
}

int main(void)
{
    const int64_t now = INT64_C(1700000000000000000); /* ns since 1970: the library reads no clock */
    if (!rc_library_matches() || rc_state_init(&state) != RC_OK) return 1;

    /* Limits; a venue, a currency, a strategy and a perpetual, all of them number 0. */
    const struct rc_parameters parameters = limits();
    const struct rc_venue venue = {.state = RC_ACTIVE, .message_interval_ns = 1000000,
                                   .message_burst_ns = 1000000000, .reject_decay = 0.95};
    const struct rc_currency dollar = {.state = RC_ACTIVE, .is_account = 1};
    const struct rc_strategy strategy = {.state = RC_ACTIVE, .regime_mask = (1 << RC_REGIMES) - 1,
                                         .budget = 10.0, .max_drawdown = 1.0, .max_daily_loss = 1.0,
                                         .order_interval_ns = 1000000,
                                         .order_burst_ns = 1000000000};
    const struct rc_instrument perpetual = {
        .state = RC_ACTIVE, .kind = RC_LINEAR, .symbol_id = 1,
        .contract_value = 0.0001, /* 0.001 bitcoin a lot, 0.1 dollars a tick */
        .initial_volatility = 0.03, .initial_margin = 0.1, .maintenance_margin = 0.05,
        .taker_fee = 0.0005, .exit_cost = 0.001, .max_order_notional = 1e5,
        .max_position_notional = 1e6, .max_order_lots = 10000, .max_position_lots = 100000,
        .min_lots = 1, .lot_step = 1, .tick_step = 1, .min_price_ticks = 1,
        .max_price_ticks = 10000000, .shorting_allowed = 1};
    int64_t status = rc_set_parameters(&state, now, &parameters);
    if (status == RC_OK) status = rc_venue_set(&state, now, 0, &venue);
    if (status == RC_OK) status = rc_currency_set(&state, now, 0, &dollar);
    if (status == RC_OK) status = rc_strategy_set(&state, now, 0, &strategy);
    if (status == RC_OK) status = rc_instrument_set(&state, now, 0, &perpetual);

    /* Money arrives, the book fills, somebody trades. */
    if (status == RC_OK) status = rc_on_transfer(&state, now, 0, 0, 1e6);
    if (status == RC_OK) status = rc_on_quote(&state, now, 0, 370000, 12000, 370001, 9000);
    if (status == RC_OK) status = rc_on_trade(&state, now, 0, 370001, 250000);
    if (status != RC_OK) {
        fprintf(stderr, "check: %s\n", rc_status_name(status));
        return 1;
    }

    /* Eight bitcoin are worth 296,000 dollars; an order may be worth 100,000. */
    const struct rc_order order = {.client_id = 1, .time_ns = now, .side = RC_BUY, .type = RC_LIMIT,
                                   .time_in_force = RC_GTC, .lots = 8000, .price_ticks = 370001,
                                   .confidence = 0.9};
    struct rc_decision decision;
    const int64_t action = rc_check(&state, &order, &decision);
    printf("%s %lld lots\n", rc_action_name(action), (long long)decision.lots);
    for (int64_t r = rc_next_reason(&decision, -1); r >= 0; r = rc_next_reason(&decision, r))
        printf("  %s\n", rc_reason_name(r));
    return action == RC_REJECT;
}
