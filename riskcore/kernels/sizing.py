"""How much to hold: Kelly bets, and the size that a signal deserves.

`size` answers with a target: the size of the strategy's whole position in the signal's direction,
not an order. The caller subtracts what the strategy already holds in that direction.
"""

from math import sqrt

from riskcore.codes import (
    ACTIVE,
    BAD_BUFFER,
    BUY,
    INVALID_INSTRUMENT,
    INVALID_PARAMETERS,
    INVALID_SIDE,
    INVALID_STRATEGY,
    INVALID_VALUE,
    MAX_LOTS,
    MAX_MONEY,
    MAX_SHARE,
    OK,
    SELL,
    SIZE_BASE,
    SIZE_BUDGET,
    SIZE_CONFIDENCE,
    SIZE_DRAWDOWN,
    SIZE_EQUITY,
    SIZE_KELLY,
    SIZE_LEVERAGE,
    SIZE_MARK,
    SIZE_MINIMUM,
    SIZE_PERFORMANCE,
    SIZE_REGIME,
    SIZE_SHORTING,
    SIZE_STOP,
    SIZE_VOLATILITY,
)
from riskcore.kernels.covariance import value_before_pass
from riskcore.kernels.drawdown import drawdown_factor
from riskcore.kernels.elementary import (
    exp,
    floor_to_int,
    floor_to_step,
    is_bounded,
    log,
    maximum,
    minimum,
    power,
)
from riskcore.kernels.entry import buffer_intact, instrument_is_set, strategy_is_set
from riskcore.kernels.language import kernel

ABSENT = -1.0  # the Kelly candidate where its inputs are unknown
ROOT_STEPS = 40  # Newton needs 3 to 6; the bound is for odd inputs
ROOT_TOLERANCE = 1e-7  # of the bet; the error after such a step is its square times lambda
ROOT_MARGIN = 1e-10
PIVOT_TOLERANCE = 1e-12  # pivots below this part of the variance mark a redundant asset
BOUND_PASSES = 256
BOUND_TOLERANCE = 1e-8  # of a weight, share of equity


# --- one bet -----------------------------------------------------------------------------------


@kernel
def kelly_binary(win_probability, payoff):
    """Kelly's part of wealth to risk on a bet that wins `payoff` per unit, or loses the unit.

    Parameters
    ----------
    win_probability : float64 in [0, 1]
    payoff : float64 > 0

    Returns
    -------
    float64 in [0, 1]
        f = p - (1 - p) / b, 0 where there is no edge or the payoff is not positive.

    Notes
    -----
    Maximises p log(1 + b f) + (1 - p) log(1 - f). Kelly (1956), Bell System Technical Journal 35;
    in this form Thorp (2006), "The Kelly criterion in blackjack, sports betting and the stock
    market".
    """
    if not (payoff > 0.0):
        return 0.0
    return maximum(0.0, win_probability - (1.0 - win_probability) / payoff)


@kernel
def kelly_gaussian(expected_return, variance):
    """Kelly's notional as a part of wealth for a return with this mean and variance.

    Parameters
    ----------
    expected_return : float64, fraction, over the same horizon as the variance
    variance : float64, fraction^2

    Returns
    -------
    float64
        f = mu / sigma^2, which maximises the growth rate f mu - f^2 sigma^2 / 2 of continuous
        trading; 0 where the variance is not positive. Signed like the mean.

    Notes
    -----
    Merton (1969), Review of Economics and Statistics 51, with logarithmic
    utility; Thorp (2006), the continuous approximation.
    """
    if not (variance > 0.0):
        return 0.0
    return expected_return / variance


@kernel
def floor_aversion(wealth_floor, floor_probability):
    """The exponent lambda = log(beta) / log(alpha) of risk-constrained Kelly.

    Parameters
    ----------
    wealth_floor : float64, alpha in (0, 1)
        Wealth level, as part of the initial wealth.
    floor_probability : float64, beta in (0, 1)
        Largest probability of ever falling to it.

    Returns
    -------
    float64
        lambda > 0, or -1 outside the domain: the callers then bet nothing.

    Notes
    -----
    Busseti, Ryu, Boyd (2016), "Risk-constrained Kelly gambling", Journal of Investing 25(3): if the
    return r of a bet satisfies E[r^(-lambda)] <= 1, then wealth that starts at 1 ever falls below
    alpha with a probability below beta (their bound on drawdown risk). It bounds the minimum from
    the start, not the fall from a peak.
    """
    inside = 0.0 < wealth_floor < 1.0
    if not (inside and floor_probability > 0.0 and floor_probability < 1.0):
        return -1.0
    denominator = log(wealth_floor)
    if not (denominator < 0.0):
        return -1.0
    return log(floor_probability) / denominator


@kernel
def largest_constrained_bet(win_probability, payoff, aversion, most):
    """Largest bet up to `most` that satisfies the constraint of risk-constrained Kelly.

    The constraint is g(f) = p (1 + b f)^(-lambda) + (1 - p) (1 - f)^(-lambda) <= 1. With an edge
    g falls from g(0) = 1 and, being convex, returns to 1 at one bet: the answer, if below `most`.

    Parameters
    ----------
    win_probability : float64 in [0, 1]
    payoff : float64 > 0
    aversion : float64
        lambda of `floor_aversion`.
    most : float64 in [0, 1]
        At most Kelly's bet.

    Returns
    -------
    float64 in [0, most]
        Part of wealth to risk; 0 without an edge or with a lambda that is not positive.

    Notes
    -----
    (1 - p)(1 - f)^(-lambda) <= 1 is necessary: f <= 1 - (1 - p)^(1 / lambda). From the smaller of
    that and `most`, where g is above 1, Newton's iterates fall to the root from above, so the
    last one is taken back by more than its error.
    """
    lose = 1.0 - win_probability
    if not (most > 0.0 and aversion > 0.0):
        return 0.0
    if not (lose > 0.0):
        return most
    f = minimum(most, 1.0 - exp(log(lose) / aversion))
    for _ in range(ROOT_STEPS):
        won = 1.0 + payoff * f
        lost = 1.0 - f
        if not (f > 0.0 and lost > 0.0):
            return 0.0
        up = win_probability * power(won, -aversion)
        down = lose * power(lost, -aversion)
        excess = up + down - 1.0
        if excess <= 0.0:
            return f
        slope = aversion * (down / lost - up * payoff / won)
        if not (slope > 0.0):
            return 0.0
        step = excess / slope
        f -= step
        if step <= ROOT_TOLERANCE * f:
            break
    return maximum(0.0, f * (1.0 - ROOT_MARGIN))


@kernel
def constrained_kelly_binary(win_probability, payoff, aversion):
    """Risk-constrained Kelly of a binary bet: the largest allowed bet up to Kelly's.

    Busseti, Ryu, Boyd (2016), their problem RCK for two outcomes. Parameters and answer as in
    `largest_constrained_bet`.
    """
    return largest_constrained_bet(
        win_probability, payoff, aversion, kelly_binary(win_probability, payoff)
    )


@kernel
def constrained_kelly_fraction(aversion):
    """Part of Kelly's bet that quadratic risk-constrained Kelly allows: 2 / (1 + lambda).

    With returns 1 + x, (1 + x)^(-lambda) = 1 - lambda x + lambda (lambda + 1) x^2 / 2 + ...; its
    mean is at most 1 when f sigma^2 (lambda + 1) / 2 <= mu, so f <= Kelly x 2 / (1 + lambda), in
    one asset or many. At most 1; 0 with a lambda that is not positive.

    Notes
    -----
    Busseti, Ryu, Boyd (2016), quadratic approximation (QRCK).
    """
    if not (aversion > 0.0):
        return 0.0
    return minimum(1.0, 2.0 / (1.0 + aversion))


@kernel
def constrained_kelly_gaussian(expected_return, variance, aversion):
    """Risk-constrained Kelly for a mean and variance: 2 mu / ((1 + lambda) sigma^2), see above."""
    return kelly_gaussian(expected_return, variance) * constrained_kelly_fraction(aversion)


# --- candidates of a size, each a notional in money --------------------------------------------


@kernel
def bounded_money(value):
    """A float64 money value held within [0, MAX_MONEY]; NaN counts as 0."""
    if not (value > 0.0):
        return 0.0
    return minimum(value, MAX_MONEY)


@kernel
def regime_risk(state):
    """Factor on measured risk in sizing: the regime's own, also below 1; 1 where none is set."""
    factor = state.parameters.regime_risk_multiplier[state.regime.current]
    if not (factor > 0.0):
        return 1.0
    return factor


@kernel
def trade_loss_fraction(state, i, side):
    """Loss per unit of notional at the stop, gap included.

    The larger of the stop as it stands and the model's distance: a trailing stop that has come
    close must not make the next trade large.
    """
    position = state.positions[i]
    present = position.stop_fraction_long if side == BUY else position.stop_fraction_short
    return maximum(present, state.volatility[i].stop_distance + state.parameters.stop_gap)


@kernel
def volatility_candidate(state, i, equity):
    """equity x (target / (volatility x regime risk)) ** volatility_multiplier, money.

    0 without a volatility: what cannot be measured is not held.
    """
    parameters = state.parameters
    measured = state.volatility[i].volatility * regime_risk(state)
    if not (measured > 0.0):
        return 0.0
    scale = power(parameters.volatility_target / measured, parameters.volatility_multiplier)
    return bounded_money(equity * minimum(scale, MAX_SHARE))


@kernel
def stop_candidate(state, i, side, equity):
    """equity x risk_per_trade / (loss at the stop x regime risk); 0 without a stop distance."""
    measured = trade_loss_fraction(state, i, side) * regime_risk(state)
    if not (measured > 0.0):
        return 0.0
    return bounded_money(equity * minimum(state.parameters.risk_per_trade / measured, MAX_SHARE))


@kernel
def asset_variance(state, i):
    """24 h variance of `i` from the covariance; from the volatility where that is unset."""
    variance = state.covariance.matrix[i, i] * state.parameters.samples_per_day
    if variance > 0.0:
        return variance
    return state.volatility[i].volatility * state.volatility[i].volatility


@kernel
def book_covariance(state, i, side, own_value):
    """Covariance of a bet on `side` with everything else held, money, 24 h, on the shrunk matrix.

    Never negative: a hedge that may be gone tomorrow does not make the bet larger. `own_value` is
    the strategy's signed position in `i` at the mark, which the bet replaces.
    """
    covariance = state.covariance
    weight = covariance.weight[i]
    own = value_before_pass(state, i, i)
    others = (1.0 - state.parameters.kelly_shrinkage) * (covariance.product[i] - own * weight)
    total = float(side) * (others + own * (weight - own_value)) * state.parameters.samples_per_day
    return maximum(0.0, total)


@kernel
def kelly_candidate(state, signal, equity):
    """The Kelly notional of a signal, money; ABSENT where nothing is known of its edge.

    With an expected return: (c mu equity - covariance with the book) / sigma^2, c the smaller of
    kelly_fraction and the risk-constrained part: the optimum of a bet beside the positions held.
    With win probability and payoff (the signal's, else the strategy's record): the smaller of
    kelly_fraction x Kelly and risk-constrained Kelly is wealth to *risk*, so it is divided by the
    loss per unit of notional at the stop. Where both are known the smaller counts.
    """
    parameters = state.parameters
    i = signal.instrument
    aversion = floor_aversion(parameters.kelly_wealth_floor, parameters.kelly_floor_probability)
    candidate = ABSENT
    if signal.expected_return != 0.0:
        own_lots = state.holdings[signal.strategy, i].lots
        own_value = float(own_lots) * state.market[i].value_per_lot
        part = minimum(parameters.kelly_fraction, constrained_kelly_fraction(aversion))
        wanted = part * signal.expected_return * equity
        wanted -= book_covariance(state, i, signal.side, own_value)
        variance = asset_variance(state, i)
        candidate = 0.0
        if variance > 1e-18:
            candidate = bounded_money(minimum(wanted, 1e12) / variance)
    win_probability = signal.win_probability
    payoff = signal.payoff
    if not (win_probability > 0.0 and payoff > 0.0):
        win_probability = state.strategies[signal.strategy].win_probability
        payoff = state.strategies[signal.strategy].payoff
    if win_probability > 0.0 and payoff > 0.0:
        most = parameters.kelly_fraction * kelly_binary(win_probability, payoff)
        risked = largest_constrained_bet(win_probability, payoff, aversion, most)
        loss = trade_loss_fraction(state, i, signal.side)
        bet = 0.0
        if loss > 1e-12:
            bet = bounded_money(equity * risked / loss)
        if candidate < 0.0 or bet < candidate:
            candidate = bet
    return candidate


@kernel
def budget_candidate(state, signal):
    """Largest notional that drawdown budget and cushion leave beside all other exposure, money.

    In every budget scenario: loss of all others + (their own end in this instrument + notional) x
    shock <= budget; with nothing else held that is budget / shock. And gross of all others +
    notional <= cushion_multiplier x budget. What the strategy itself holds and works in the
    instrument is replaced by the target and does not count.
    """
    i = signal.instrument
    side = signal.side
    position = state.positions[i]
    holding = state.holdings[signal.strategy, i]
    budget = state.account.budget
    if not (budget > 0.0):
        return 0.0
    end = side * (position.net_lots - holding.lots)
    if side == BUY:
        end += position.working_buy_lots - holding.working_buy_lots
    else:
        end += position.working_sell_lots - holding.working_sell_lots
    end_value = float(end) * state.market[i].value_per_lot
    ends = maximum(position.long_value, -position.short_value)
    room = state.parameters.cushion_multiplier * budget - (state.account.gross - ends) - end_value
    shocks = state.shocks[i]
    for s in range(state.header.scenario_count):
        scenario = state.scenarios[s]
        if scenario.enabled == 0 or scenario.in_budget == 0:
            continue
        down = shocks.down[s]
        up = shocks.up[s]
        shock = down if side == BUY else up
        if shock > 1e-12:
            others = state.stress.loss[s] - shocks.loss[s]
            room = minimum(room, (budget - others) / shock - end_value)
    return bounded_money(room)


# --- the size ----------------------------------------------------------------------------------


@kernel
def confidence_factor(confidence, threshold):
    """0 below the threshold, then linear from 0.5 at the threshold to 1 at certainty."""
    if not (confidence >= threshold):
        return 0.0
    if not (threshold < 1.0):
        return 1.0
    return 0.5 + 0.5 * (confidence - threshold) / (1.0 - threshold)


@kernel
def performance_factor(state, strategy):
    """probation_factor for a strategy on probation, else 1."""
    if state.strategies[strategy].probation != 0:
        return state.parameters.probation_factor
    return 1.0


@kernel
def check_signal(state, signal):
    """Status of a signal, smallest number first."""
    if not buffer_intact(state):
        return BAD_BUFFER
    if not instrument_is_set(state, signal.instrument):
        return INVALID_INSTRUMENT
    if not strategy_is_set(state, signal.strategy):
        return INVALID_STRATEGY
    if signal.side != BUY and signal.side != SELL:
        return INVALID_SIDE
    good = (
        signal.confidence >= 0.0
        and signal.confidence <= 1.0
        and is_bounded(signal.expected_return, MAX_SHARE)
        and signal.win_probability >= 0.0
        and signal.win_probability <= 1.0
        and signal.payoff >= 0.0
        and signal.payoff <= MAX_SHARE
    )
    if not good:
        return INVALID_VALUE
    if state.parameters.version < 1:
        return INVALID_PARAMETERS
    return OK


@kernel
def clear_sizing(out, status):
    """Write a size of nothing."""
    out.status = status
    out.lots = 0
    out.notional = 0.0
    out.limit_code = 0
    out.base_size = 0.0
    out.volatility = 0.0
    out.stop = 0.0
    out.kelly = ABSENT
    out.leverage = 0.0
    out.budget = 0.0
    out.confidence_factor = 0.0
    out.regime_factor = 0.0
    out.drawdown_factor = 0.0
    out.performance_factor = 0.0


@kernel
def write_candidates(state, signal, equity, out):
    """Fill the candidates and factors."""
    parameters = state.parameters
    i = signal.instrument
    out.base_size = bounded_money(equity * parameters.base_size)
    out.volatility = volatility_candidate(state, i, equity)
    out.stop = stop_candidate(state, i, signal.side, equity)
    out.kelly = kelly_candidate(state, signal, equity)
    out.leverage = bounded_money(equity * parameters.max_leverage)
    out.budget = budget_candidate(state, signal)
    out.confidence_factor = confidence_factor(signal.confidence, state.regime.confidence_threshold)
    out.regime_factor = state.regime.size_multiplier
    out.drawdown_factor = drawdown_factor(
        state.account.drawdown, parameters.target_drawdown, parameters.drawdown_sizing_power
    )
    out.performance_factor = performance_factor(state, signal.strategy)


@kernel
def blocking_code(state, signal, out):
    """Why nothing can be proposed whatever the candidates, lowest concern last; 0 for no reason."""
    if not (state.account.equity > 0.0):
        return SIZE_EQUITY
    if not (state.market[signal.instrument].value_per_lot > 0.0):
        return SIZE_MARK
    if signal.side == SELL and state.instruments[signal.instrument].shorting_allowed == 0:
        return SIZE_SHORTING
    if not (out.confidence_factor > 0.0):
        return SIZE_CONFIDENCE
    if not (out.drawdown_factor > 0.0):
        return SIZE_DRAWDOWN
    if not (out.regime_factor > 0.0):
        return SIZE_REGIME
    if not (out.performance_factor > 0.0):
        return SIZE_PERFORMANCE
    return 0


@kernel
def smallest_candidate(out):
    """The smallest candidate and its code; the lowest code among equals."""
    notional = out.base_size
    code = SIZE_BASE
    if out.volatility < notional:
        notional = out.volatility
        code = SIZE_VOLATILITY
    if out.stop < notional:
        notional = out.stop
        code = SIZE_STOP
    if out.kelly != ABSENT and out.kelly < notional:
        notional = out.kelly
        code = SIZE_KELLY
    if out.leverage < notional:
        notional = out.leverage
        code = SIZE_LEVERAGE
    if out.budget < notional:
        notional = out.budget
        code = SIZE_BUDGET
    return notional, code


@kernel
def smallest_limit(out):
    """The smallest of the candidates that no factor may lift, and its code."""
    notional = out.stop
    code = SIZE_STOP
    if out.kelly != ABSENT and out.kelly < notional:
        notional = out.kelly
        code = SIZE_KELLY
    if out.leverage < notional:
        notional = out.leverage
        code = SIZE_LEVERAGE
    if out.budget < notional:
        notional = out.budget
        code = SIZE_BUDGET
    return notional, code


@kernel
def size(state, signal, out):
    """The position that a signal deserves.

    The smallest candidate wins (base_size, volatility target, risk per trade over the stop, Kelly,
    max_leverage, drawdown budget and cushion), times the factors of confidence, regime, drawdown
    and performance, floored to lots. A regime factor above 1 lifts the base and volatility
    candidates, never the result above the other four. A candidate whose inputs nobody knows is
    absent (Kelly); one that cannot be measured is zero.

    Parameters
    ----------
    state : record, read
    signal : record, SIGNAL, read
        `expected_return` is in the direction of the side: negative means an edge against it.
    out : record, SIZING, output
        `lots` is the target size of the strategy's position in the direction of the side, whatever
        it holds now: subtract it. All candidates and factors are written whatever limits.
        `limit_code` says what limited (SIZE_*).

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_INSTRUMENT, INVALID_STRATEGY, INVALID_SIDE, INVALID_VALUE,
        INVALID_PARAMETERS (lots are 0) or OK; also in out.status.
    """
    status = check_signal(state, signal)
    clear_sizing(out, status)
    if status != OK:
        return status
    equity = maximum(state.account.equity, 0.0)
    write_candidates(state, signal, equity, out)
    code = blocking_code(state, signal, out)
    if code != 0:
        out.limit_code = code
        return OK
    notional, code = smallest_candidate(out)
    factors = out.confidence_factor * out.regime_factor
    notional *= factors * out.drawdown_factor * out.performance_factor
    ceiling, ceiling_code = smallest_limit(out)
    if ceiling < notional:
        notional = ceiling
        code = ceiling_code
    instrument = state.instruments[signal.instrument]
    value = state.market[signal.instrument].value_per_lot
    lots = MAX_LOTS
    if notional < float(MAX_LOTS) * value:
        lots = floor_to_int(notional / value)
    lots = floor_to_step(lots, instrument.lot_step)
    small = lots < instrument.min_lots or float(lots) * value < instrument.min_notional
    if lots == 0 or small:
        lots = 0
        code = SIZE_MINIMUM if notional > 0.0 else code
    out.lots = lots
    out.notional = float(lots) * value
    out.limit_code = code
    return OK


# --- many assets at once -----------------------------------------------------------------------


@kernel
def tradable(state, i):
    """True where Kelly may give instrument `i` a weight."""
    variance = state.covariance.matrix[i, i]
    return state.instruments[i].state == ACTIVE and 0.0 < variance <= MAX_SHARE


@kernel
def fill_shrunk_covariance(state, count, scratch):
    """Upper triangle of the 24 h covariance, off-diagonals shrunk by kelly_shrinkage.

    Shrinkage towards the diagonal (Ledoit and Wolf 2004 with a diagonal target): what is inverted
    is positive definite however few the samples. Rows and columns of what cannot trade are zero.
    """
    scale = state.parameters.samples_per_day
    shrunk = scale * (1.0 - state.parameters.kelly_shrinkage)
    matrix = state.covariance.matrix
    for i in range(count):
        base = i * count
        if tradable(state, i):
            for j in range(i + 1, count):
                scratch[base + j] = shrunk * matrix[i, j]
            scratch[base + i] = scale * matrix[i, i]
        else:
            for j in range(i, count):
                scratch[base + j] = 0.0


@kernel
def factorize(state, count, scratch):
    """Cholesky factor C = U'U in place in the upper triangle, rows contiguous.

    Golub and Van Loan, "Matrix computations", 2013, section 4.2, outer product form by rows: inner
    loops run over contiguous elements. A pivot that is not above PIVOT_TOLERANCE of its variance
    belongs to an asset that the others replicate: its row becomes zero, its weight too.
    """
    for k in range(count):
        row = k * count
        pivot = scratch[row + k]
        floor = PIVOT_TOLERANCE * state.covariance.matrix[k, k] * state.parameters.samples_per_day
        if not (pivot > floor and pivot > 0.0):
            for j in range(k, count):
                scratch[row + j] = 0.0
            continue
        root = sqrt(pivot)
        inverse = 1.0 / root
        scratch[row + k] = root
        for j in range(k + 1, count):
            scratch[row + j] *= inverse
        for i in range(k + 1, count):
            factor = scratch[row + i]
            if factor != 0.0:
                base = i * count
                for j in range(i, count):
                    scratch[base + j] -= factor * scratch[row + j]


@kernel
def solve(count, scratch, weights):
    """Solve U'U x = b in place in `weights`; zero where the factor's row is zero."""
    for k in range(count):
        row = k * count
        diagonal = scratch[row + k]
        value = 0.0
        if diagonal > 0.0:
            value = weights[k] / diagonal
        weights[k] = value
        if value != 0.0:
            for j in range(k + 1, count):
                weights[j] -= value * scratch[row + j]
    for step in range(count):
        k = count - 1 - step
        row = k * count
        diagonal = scratch[row + k]
        value = weights[k]
        for j in range(k + 1, count):
            value -= scratch[row + j] * weights[j]
        weights[k] = value / diagonal if diagonal > 0.0 else 0.0


@kernel
def weight_bounds(state, i):
    """Smallest and largest weight of instrument `i`, share of equity."""
    if not tradable(state, i):
        return 0.0, 0.0
    largest = state.parameters.max_position_share
    smallest = -largest if state.instruments[i].shorting_allowed != 0 else 0.0
    return smallest, largest


@kernel
def clip_weights(state, count, weights):
    """Hold the weights within their bounds; return how many moved."""
    moved = 0
    for i in range(count):
        low, high = weight_bounds(state, i)
        held = minimum(maximum(weights[i], low), high)
        if held != weights[i]:
            moved += 1
        weights[i] = held
    return moved


@kernel
def row_product(state, i, count, weights):
    """Row `i` of the EWMA covariance times the weights, in eight partial sums and a fixed tree."""
    matrix = state.covariance.matrix
    s0 = 0.0
    s1 = 0.0
    s2 = 0.0
    s3 = 0.0
    s4 = 0.0
    s5 = 0.0
    s6 = 0.0
    s7 = 0.0
    for block in range(count // 8):
        j = block * 8
        s0 += matrix[i, j] * weights[j]
        s1 += matrix[i, j + 1] * weights[j + 1]
        s2 += matrix[i, j + 2] * weights[j + 2]
        s3 += matrix[i, j + 3] * weights[j + 3]
        s4 += matrix[i, j + 4] * weights[j + 4]
        s5 += matrix[i, j + 5] * weights[j + 5]
        s6 += matrix[i, j + 6] * weights[j + 6]
        s7 += matrix[i, j + 7] * weights[j + 7]
    for j in range(count - count % 8, count):
        s0 += matrix[i, j] * weights[j]
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))


@kernel
def bounded_pass(state, count, expected_returns, part, weights):
    """One pass of projected coordinate ascent; return the largest change of a weight.

    Maximises part x mu'w - w'Cw / 2 in each weight in turn, held within its bounds. With C positive
    definite the passes converge to the optimum over the box (Bertsekas, "Nonlinear
    programming", 1999, proposition 2.7.1).
    """
    scale = state.parameters.samples_per_day
    shrunk = scale * (1.0 - state.parameters.kelly_shrinkage)
    largest = 0.0
    for i in range(count):
        low, high = weight_bounds(state, i)
        if not (low < high):
            weights[i] = 0.0
            continue
        own = state.covariance.matrix[i, i]
        others = row_product(state, i, count, weights) - own * weights[i]
        best = (part * expected_returns[i] - shrunk * others) / (scale * own)
        best = minimum(maximum(best, low), high)
        if best != weights[i]:  # what stays at its bound is not stored: the next row need not wait
            largest = maximum(largest, abs(best - weights[i]))
            weights[i] = best
    return largest


@kernel
def scale_to_leverage(state, count, weights):
    """Shrink all weights alike where their gross exceeds max_leverage or max_gross_leverage."""
    limit = minimum(state.parameters.max_leverage, state.parameters.max_gross_leverage)
    gross = 0.0
    for i in range(count):
        gross += abs(weights[i])
    if gross > limit:
        factor = limit / gross
        for i in range(count):
            weights[i] *= factor


@kernel
def kelly_weights(state, expected_returns, weights, scratch):
    """Fractional Kelly weights of all instruments, with bounds.

    Maximises part x mu'w - w'Cw / 2, C the 24 h EWMA covariance shrunk towards its diagonal and
    part the smaller of kelly_fraction and what risk-constrained Kelly allows (2 / (1 + lambda)).
    Without bounds that is part x C^-1 mu (own Cholesky factor). Where a bound of a single weight
    binds (max_position_share; no shorts where not allowed), projected coordinate passes find the
    optimum over the box. What is not active has no weight. A gross above max_leverage or
    max_gross_leverage is scaled down. While a covariance pass is pending, rows of two neighbouring
    samples mix: advance it first.

    Parameters
    ----------
    state : record, read
    expected_returns : float64[instruments], fraction over 24 h, read
    weights : float64[instruments], share of equity, output
    scratch : float64[instruments * instruments], scratch

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_VALUE (an expected return is not finite or beyond MAX_SHARE),
        INVALID_PARAMETERS: nothing is written; or OK.

    Notes
    -----
    Merton (1969) for logarithmic utility; Thorp (2006) for the multi-asset form and the fraction;
    Busseti, Ryu, Boyd (2016), quadratic approximation.
    """
    if not buffer_intact(state):
        return BAD_BUFFER
    count = state.header.instrument_count
    for i in range(count):
        if not is_bounded(expected_returns[i], MAX_SHARE):
            return INVALID_VALUE
    parameters = state.parameters
    if parameters.version < 1:
        return INVALID_PARAMETERS
    aversion = floor_aversion(parameters.kelly_wealth_floor, parameters.kelly_floor_probability)
    part = minimum(parameters.kelly_fraction, constrained_kelly_fraction(aversion))
    for i in range(state.header.instruments):
        weights[i] = 0.0
    for i in range(count):
        if tradable(state, i):
            weights[i] = part * expected_returns[i]
    fill_shrunk_covariance(state, count, scratch)
    factorize(state, count, scratch)
    solve(count, scratch, weights)
    if clip_weights(state, count, weights) > 0:
        for _ in range(BOUND_PASSES):
            if bounded_pass(state, count, expected_returns, part, weights) <= BOUND_TOLERANCE:
                break
    scale_to_leverage(state, count, weights)
    return OK
