"""Layer 5: the market. Price collar, state of the book, liquidity, volatility, crash."""

from riskcore.codes import (
    BOOK_CROSSED,
    BOOK_ONE_SIDED,
    BUY,
    CRASH_REGIME,
    FLASH_MOVE,
    LIMIT,
    MARK_UNSET,
    POST_ONLY,
    POST_ONLY_WOULD_TAKE,
    PRICE_OUTSIDE_COLLAR,
    QUOTE_CROSSED,
    QUOTE_GOOD,
    QUOTE_STALE,
    RATE_STALE,
    REGIME_CRASH,
    SPREAD_EXCEEDS_MAX,
    TRADED_LIQUIDITY_EXCEEDED,
    VISIBLE_LIQUIDITY_EXCEEDED,
    VOLATILITY_EXCEEDS_MAX,
)
from riskcore.kernels.language import kernel
from riskcore.kernels.layers.measure import (
    NO_CAP,
    raise_use,
    smaller,
)
from riskcore.kernels.market import flash_range, traded_lots

WORD = 64


@kernel
def quote_is_stale(state, i, now):
    """True where the last quote is older than the limit, or there was none."""
    return now - state.market[i].quote_time_ns > state.parameters.max_quote_age_ns


@kernel
def order_takes(state, i, side, type, price_ticks):
    """True where the order would trade at once with the last quote."""
    if type != LIMIT:
        return True
    market = state.market[i]
    if side == BUY:
        return market.ask_ticks > 0 and price_ticks >= market.ask_ticks
    return market.bid_ticks > 0 and price_ticks <= market.bid_ticks


@kernel
def outside_collar(state, i, side, price_ticks, collar):
    """True where a limit price is through the mark by more than `collar`."""
    mark = state.market[i].mark
    if side == BUY:
        return not (float(price_ticks) <= mark * (1.0 + collar))
    return not (float(price_ticks) >= mark * (1.0 - collar))


@kernel
def rate_is_stale(state, i, now):
    """True where the settlement currency's rate is missing or too old."""
    currency = state.currencies[state.instruments[i].currency]
    if currency.is_account != 0:
        return False
    if not (currency.rate > 0.0):
        return True
    return now - currency.rate_time_ns > state.parameters.max_rate_age_ns


@kernel
def flag_market(state, i, now, side, type, flags, price_ticks):
    """Objections that do not depend on size: (mask, those that stop exits too, use)."""
    market = state.market[i]
    parameters = state.parameters
    mask = 0
    blocking = 0
    use = 0.0
    good = market.quote_state == QUOTE_GOOD
    stale = quote_is_stale(state, i, now)
    collar = parameters.exit_collar
    if good and not stale:
        collar = parameters.price_collar
    if market.mark_set == 0:
        mask |= 1 << (MARK_UNSET - WORD)
        blocking |= 1 << (MARK_UNSET - WORD)
    elif type == LIMIT and outside_collar(state, i, side, price_ticks, collar):
        mask |= 1 << (PRICE_OUTSIDE_COLLAR - WORD)
        blocking |= 1 << (PRICE_OUTSIDE_COLLAR - WORD)
    if stale:
        mask |= 1 << (QUOTE_STALE - WORD)
    if good:
        spread = float(market.ask_ticks - market.bid_ticks)
        limit = parameters.max_spread * market.mark
        if not (spread <= limit):
            mask |= 1 << (SPREAD_EXCEEDS_MAX - WORD)
        use = raise_use(use, spread, limit)
        if (flags & POST_ONLY) != 0 and order_takes(state, i, side, type, price_ticks):
            mask |= 1 << (POST_ONLY_WOULD_TAKE - WORD)
    elif market.quote_state == QUOTE_CROSSED:
        mask |= 1 << (BOOK_CROSSED - WORD)
    else:
        mask |= 1 << (BOOK_ONE_SIDED - WORD)
    volatility = state.volatility[i].volatility
    if not (volatility <= parameters.max_volatility):
        mask |= 1 << (VOLATILITY_EXCEEDS_MAX - WORD)
    use = raise_use(use, volatility, parameters.max_volatility)
    if market.mark_set != 0:
        low, high = flash_range(state, i, now)
        if not (high - low <= parameters.max_flash_move * low):
            mask |= 1 << (FLASH_MOVE - WORD)
        use = raise_use(use, high - low, parameters.max_flash_move * low)
    if parameters.crash_reduce_only != 0:
        likely = state.regime.probability[REGIME_CRASH] >= parameters.crash_probability
        if state.regime.current == REGIME_CRASH or likely:
            mask |= 1 << (CRASH_REGIME - WORD)
    if rate_is_stale(state, i, now):
        mask |= 1 << (RATE_STALE - WORD)
    return mask, blocking, use


@kernel
def measure_market(state, i, now, side, type, price_ticks, opening):
    """Sized objections of layer 5: size against visible and traded liquidity."""
    market = state.market[i]
    parameters = state.parameters
    mask = 0
    use = 0.0
    measure = float(opening)
    if market.quote_state == QUOTE_GOOD and order_takes(state, i, side, type, price_ticks):
        visible = market.ask_lots if side == BUY else market.bid_lots
        limit = parameters.max_visible_share * float(visible)
        if not (measure <= limit):
            mask |= 1 << (VISIBLE_LIQUIDITY_EXCEEDED - WORD)
        use = raise_use(use, measure, limit)
    limit = parameters.max_traded_share * traded_lots(state, i, now)
    if not (measure <= limit):
        mask |= 1 << (TRADED_LIQUIDITY_EXCEEDED - WORD)
    use = raise_use(use, measure, limit)
    return mask, use


@kernel
def cap_market(state, mask, i, now, side, exit_lots):
    """Most lots (float64) that the layer lets through."""
    market = state.market[i]
    parameters = state.parameters
    cap = NO_CAP
    if mask & (1 << (VISIBLE_LIQUIDITY_EXCEEDED - WORD)):
        visible = market.ask_lots if side == BUY else market.bid_lots
        cap = smaller(cap, float(exit_lots) + parameters.max_visible_share * float(visible))
    if mask & (1 << (TRADED_LIQUIDITY_EXCEEDED - WORD)):
        traded = traded_lots(state, i, now)
        cap = smaller(cap, float(exit_lots) + parameters.max_traded_share * traded)
    return cap
