"""Layer 6: the strategy. State, budget, record, confidence, order rate, self-match."""

from riskcore.codes import (
    ACTIVE,
    BUY,
    CONFIDENCE_BELOW_THRESHOLD,
    LIMIT,
    SELF_MATCH,
    STRATEGY_BUDGET_EXCEEDED,
    STRATEGY_DAILY_LOSS_EXCEEDS_MAX,
    STRATEGY_DISABLED,
    STRATEGY_DRAWDOWN_EXCEEDS_MAX,
    STRATEGY_ON_PROBATION,
    STRATEGY_ORDER_RATE_EXCEEDS_MAX,
    STRATEGY_REGIME_DISABLED,
)
from riskcore.kernels.elementary import maximum
from riskcore.kernels.language import kernel
from riskcore.kernels.layers.exchange import bucket_level
from riskcore.kernels.layers.measure import (
    NO_CAP,
    exceeds,
    lots_within,
    raise_use,
    smaller,
)

WORD = 64


@kernel
def would_match_own(state, i, side, type, price_ticks):
    """True where the order could trade with an own working order."""
    position = state.positions[i]
    if side == BUY:
        best = position.own_best_ask
        return best > 0 and (type != LIMIT or price_ticks >= best)
    best = position.own_best_bid
    return best > 0 and (type != LIMIT or price_ticks <= best)


@kernel
def order_rate_exceeded(strategy, now):
    """True where the strategy's order bucket has no room for one more."""
    level = bucket_level(strategy.order_arrival_ns, now, strategy.order_interval_ns)
    return level > strategy.order_burst_ns


@kernel
def flag_strategy(state, i, s, now, side, type, price_ticks, confidence):
    """Objections that do not depend on the size of the order, and their utilisation."""
    strategy = state.strategies[s]
    regime = state.regime
    equity = state.account.equity
    mask = 0
    use = 0.0
    if strategy.state != ACTIVE:
        mask |= 1 << (STRATEGY_DISABLED - WORD)
    if ((strategy.regime_mask >> regime.current) & 1) == 0:
        mask |= 1 << (STRATEGY_REGIME_DISABLED - WORD)
    measure = strategy.high_water_mark - strategy.pnl
    limit = strategy.max_drawdown * equity
    if not (measure <= limit):
        mask |= 1 << (STRATEGY_DRAWDOWN_EXCEEDS_MAX - WORD)
    use = raise_use(use, measure, limit)
    measure = strategy.day_start_pnl - strategy.pnl
    limit = strategy.max_daily_loss * equity
    if not (measure <= limit):
        mask |= 1 << (STRATEGY_DAILY_LOSS_EXCEEDS_MAX - WORD)
    use = raise_use(use, measure, limit)
    if not (confidence >= regime.confidence_threshold):
        mask |= 1 << (CONFIDENCE_BELOW_THRESHOLD - WORD)
    if order_rate_exceeded(strategy, now):
        mask |= 1 << (STRATEGY_ORDER_RATE_EXCEEDS_MAX - WORD)
    if would_match_own(state, i, side, type, price_ticks):
        mask |= 1 << (SELF_MATCH - WORD)
    return mask, use


@kernel
def holding_gross_after(state, i, s, side, lots):
    """Gross of a strategy's holding with `lots` more working on `side`, money."""
    holding = state.holdings[s, i]
    value = state.market[i].value_per_lot
    buys = holding.working_buy_lots
    sells = holding.working_sell_lots
    if side == BUY:
        buys += lots
    else:
        sells += lots
    return maximum(float(holding.lots + buys) * value, float(sells - holding.lots) * value)


@kernel
def probation_limit(state, s):
    """Largest gross of a strategy on probation, money."""
    strategy = state.strategies[s]
    return state.parameters.probation_factor * strategy.budget * state.account.equity


@kernel
def measure_strategy(state, i, s, side, lots):
    """Sized objections of layer 6: budget and probation."""
    strategy = state.strategies[s]
    mask = 0
    after = holding_gross_after(state, i, s, side, lots)
    measure = strategy.gross + (after - state.holdings[s, i].gross)
    limit = strategy.budget * state.account.equity
    if exceeds(measure, strategy.gross, limit):
        mask |= 1 << (STRATEGY_BUDGET_EXCEEDED - WORD)
    use = raise_use(0.0, measure, limit)
    if strategy.probation != 0:
        limit = probation_limit(state, s)
        if exceeds(measure, strategy.gross, limit):
            mask |= 1 << (STRATEGY_ON_PROBATION - WORD)
        use = raise_use(use, measure, limit)
    return mask, use


@kernel
def cap_holding(state, i, s, side, limit):
    """Lots that keep the strategy's gross within `limit` or no worse than it is."""
    holding = state.holdings[s, i]
    value = state.market[i].value_per_lot
    allowed = holding.gross + maximum(limit - state.strategies[s].gross, 0.0)
    own = holding.lots + holding.working_buy_lots
    if side != BUY:
        own = holding.working_sell_lots - holding.lots
    return lots_within(allowed, value) - float(own)


@kernel
def cap_strategy(state, mask, i, s, side):
    """Most lots (float64) that the layer lets through."""
    cap = NO_CAP
    if mask & (1 << (STRATEGY_BUDGET_EXCEEDED - WORD)):
        limit = state.strategies[s].budget * state.account.equity
        cap = smaller(cap, cap_holding(state, i, s, side, limit))
    if mask & (1 << (STRATEGY_ON_PROBATION - WORD)):
        cap = smaller(cap, cap_holding(state, i, s, side, probation_limit(state, s)))
    return cap
