"""Sizing: Kelly against closed forms and independent optimisers, and sizes worked out by hand."""

import math

import numpy as np
import pytest
from scipy import optimize

from riskcore import codes
from riskcore.kernels import sizing
from tests import support
from tests.support import LINEAR_BTC, LINEAR_ETH, REVERSION, SMALL, SPOT_BTC, TREND, make_state

PROBABILITIES = (0.35, 0.5, 0.52, 0.6, 0.75, 0.95)
PAYOFFS = (0.5, 1.0, 1.7, 3.0)


@pytest.fixture(autouse=True)
def raising():
    """Plain Python must not even signal a floating-point exception."""
    with np.errstate(all="raise", under="ignore"):
        yield


# --- one bet -----------------------------------------------------------------------------------


def test_even_bet_with_55_percent_risks_a_tenth_of_wealth():
    assert sizing.kelly_binary(0.55, 1.0) == pytest.approx(0.1, rel=1e-14)


@pytest.mark.parametrize("p", PROBABILITIES)
@pytest.mark.parametrize("b", PAYOFFS)
def test_binary_kelly_is_the_numeric_optimum_of_expected_log_wealth(p, b):
    def loss(f):
        return -(p * math.log1p(b * f) + (1 - p) * math.log1p(-f))

    best = optimize.minimize_scalar(loss, bounds=(0.0, 1 - 1e-9), options={"xatol": 1e-10})
    assert sizing.kelly_binary(p, b) == pytest.approx(best.x, abs=2e-6)


@pytest.mark.parametrize(("p", "b"), [(0.5, 1.0), (0.3, 1.0), (0.0, 5.0), (0.9, 0.0)])
def test_no_edge_no_bet(p, b):
    assert sizing.kelly_binary(p, b) == 0.0
    assert sizing.constrained_kelly_binary(p, b, 5.0) == 0.0


def test_gaussian_kelly_is_the_numeric_optimum_of_growth():
    mean, variance = 0.002, 0.0016
    best = optimize.minimize_scalar(lambda f: -(f * mean - f * f * variance / 2))
    assert sizing.kelly_gaussian(mean, variance) == pytest.approx(1.25, rel=1e-14)
    assert best.x == pytest.approx(1.25, rel=1e-6)


def test_aversion_is_log_beta_over_log_alpha():
    expected = math.log(0.1) / math.log(0.7)
    assert sizing.floor_aversion(0.7, 0.1) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 0.1), (1.0, 0.1), (0.7, 0.0), (0.7, 1.0)])
def test_aversion_outside_its_domain_bets_nothing(alpha, beta):
    aversion = sizing.floor_aversion(alpha, beta)
    assert aversion == -1.0
    assert sizing.constrained_kelly_binary(0.6, 1.0, aversion) == 0.0
    assert sizing.constrained_kelly_gaussian(0.01, 0.01, aversion) == 0.0


def excess(f, p, b, aversion):
    """The constraint of risk-constrained Kelly, as the paper writes it, less one."""
    return p * (1 + b * f) ** -aversion + (1 - p) * (1 - f) ** -aversion - 1


@pytest.mark.parametrize("p", PROBABILITIES)
@pytest.mark.parametrize("b", PAYOFFS)
@pytest.mark.parametrize("aversion", [0.3, 1.5, 6.456, 40.0, 300.0])
def test_constrained_bet_is_the_largest_that_satisfies_the_constraint(p, b, aversion):
    kelly = sizing.kelly_binary(p, b)
    bet = sizing.constrained_kelly_binary(p, b, aversion)
    if kelly == 0.0:
        assert bet == 0.0
        return
    assert 0.0 < bet <= kelly
    assert excess(bet, p, b, aversion) <= 1e-13
    if bet < kelly:
        bracket = 0.5 * bet, min(kelly, 1.1 * bet)
        root = optimize.brentq(excess, *bracket, (p, b, aversion), xtol=1e-15)
        assert bet == pytest.approx(root, rel=1e-9)


@pytest.mark.parametrize("p", PROBABILITIES)
def test_up_to_an_aversion_of_one_kelly_itself_satisfies_the_constraint(p):
    # At Kelly's bet E[1 / r] = 1; a smaller exponent gives less, by Jensen's inequality.
    assert sizing.constrained_kelly_binary(p, 2.0, 0.99) == sizing.kelly_binary(p, 2.0)


def test_constrained_bet_agrees_with_cvxpy():
    cvxpy = pytest.importorskip("cvxpy", reason="cvxpy belongs to the references extra")
    for p, b, alpha, beta in [(0.55, 1.0, 0.7, 0.1), (0.6, 1.5, 0.8, 0.05), (0.9, 0.4, 0.5, 0.2)]:
        aversion = math.log(beta) / math.log(alpha)
        f = cvxpy.Variable()
        wealth = cvxpy.hstack([1 + b * f, 1 - f])
        weights = np.array([p, 1 - p])
        with np.errstate(all="ignore"):
            risk = cvxpy.log_sum_exp(np.log(weights) - aversion * cvxpy.log(wealth))
            problem = cvxpy.Problem(
                cvxpy.Maximize(weights @ cvxpy.log(wealth)), [risk <= 0, f >= 0, f <= 0.999]
            )
            problem.solve(solver="CLARABEL")
        assert sizing.constrained_kelly_binary(p, b, aversion) == pytest.approx(f.value, rel=1e-4)


def test_constrained_bet_keeps_the_probability_of_the_floor_below_beta():
    p, b, alpha, beta = 0.55, 1.0, 0.75, 0.2
    bet = sizing.constrained_kelly_binary(p, b, sizing.floor_aversion(alpha, beta))
    rng = np.random.default_rng(20160322)
    wins = rng.random((4000, 1500)) < p
    lowest = np.log(np.where(wins, 1 + b * bet, 1 - bet)).cumsum(axis=1).min(axis=1)
    touched = (lowest < math.log(alpha)).mean()
    assert 0.5 * beta < touched < beta + 3 * math.sqrt(beta * (1 - beta) / 4000)


def test_for_small_edges_the_constrained_bet_is_two_over_one_plus_aversion_of_kelly():
    aversion = 6.0
    p = 0.5005
    whole, part = sizing.kelly_binary(p, 1.0), sizing.constrained_kelly_binary(p, 1.0, aversion)
    assert part / whole == pytest.approx(2 / 7, rel=1e-4)
    assert sizing.constrained_kelly_fraction(aversion) == pytest.approx(2 / 7, rel=1e-15)
    assert sizing.constrained_kelly_gaussian(0.01, 0.04, aversion) == pytest.approx(0.5 / 7)


# --- the size ----------------------------------------------------------------------------------


def signal_of(**values):
    """A confident buy of linear ether by the first strategy."""
    defaults = {"instrument": LINEAR_ETH, "strategy": TREND, "side": codes.BUY, "confidence": 1.0}
    return support.record("signal", SMALL, defaults | values)


def propose(state, **values):
    """The sizing record of a signal that must be valid."""
    out = support.record("sizing", SMALL, {})
    assert sizing.size(state, signal_of(**values), out) == codes.OK
    return out


@pytest.fixture
def state():
    """Two million in equity, nothing held; one lot of ether is worth 1024."""
    return make_state(cushion_multiplier=0.5, max_drawdown=0.5)


def test_every_candidate_is_what_one_works_out_by_hand(state):
    out = propose(state, win_probability=0.55, payoff=1.0)
    equity = 2_097_152.0
    assert out.base_size == 0.25 * equity
    assert out.volatility == pytest.approx(0.125 / 0.0625 * equity)
    # two standard deviations over a day, and a gap of 1/64
    stop = 2 * 0.0625 + 0.015625
    assert out.stop == pytest.approx(0.0625 / stop * equity)
    # the constrained bet is smaller than a quarter of Kelly's tenth of wealth; lost at the stop
    aversion = math.log(0.125) / math.log(0.75)
    risked = min(0.025, sizing.constrained_kelly_binary(0.55, 1.0, aversion))
    assert out.kelly == pytest.approx(risked / stop * equity)
    assert out.leverage == 2.0 * equity
    # budget: half the equity; shock of a long: 50 % in a day and 1/256 for the exit; cushion: half
    budget = 0.5 * equity
    assert out.budget == pytest.approx(min(budget / (0.5 + 0.00390625), 0.5 * budget))
    assert out.limit_code == codes.SIZE_KELLY
    assert out.lots == math.floor(out.kelly / 1024.0)
    assert out.notional == out.lots * 1024.0


def test_an_unknown_edge_is_an_absent_candidate_not_a_zero(state):
    out = propose(state)
    assert out.kelly == -1.0
    assert out.lots > 0


def test_the_strategys_record_stands_in_for_an_unknown_edge(state):
    state.strategies[TREND].win_probability = 0.55
    state.strategies[TREND].payoff = 1.0
    assert propose(state).kelly == propose(state, win_probability=0.55, payoff=1.0).kelly
    assert propose(state, strategy=REVERSION).kelly == -1.0


def test_no_edge_is_a_size_of_zero(state):
    out = propose(state, win_probability=0.4, payoff=1.0)
    assert (out.kelly, out.lots, out.limit_code) == (0.0, 0, codes.SIZE_KELLY)
    out = propose(state, expected_return=-0.01)
    assert (out.kelly, out.lots, out.limit_code) == (0.0, 0, codes.SIZE_KELLY)


def test_expected_return_bets_a_part_of_mean_over_variance(state):
    state.parameters.kelly_fraction = 0.125
    out = propose(state, expected_return=0.001)
    assert out.kelly == pytest.approx(0.125 * 0.001 / 0.0625**2 * 2_097_152.0)


def test_expected_return_is_held_to_the_risk_constrained_part(state):
    state.parameters.kelly_fraction = 1.0
    part = 2 / (1 + math.log(0.125) / math.log(0.75))
    out = propose(state, expected_return=0.001)
    assert out.kelly == pytest.approx(part * 0.001 / 0.0625**2 * 2_097_152.0)


def test_a_correlated_book_lowers_the_kelly_bet_and_a_hedge_does_not_raise_it(state):
    alone = propose(state, expected_return=0.01).kelly
    support.fill(state, LINEAR_BTC, codes.BUY, 200, 4096, strategy=REVERSION)
    equity, book = state.account.equity, 200 * 512.0
    variance, correlation, shrinkage = 0.0625**2, 0.5, 0.125
    part = min(0.25, 2 / (1 + math.log(0.125) / math.log(0.75)))
    wanted = (part * 0.01 * equity - (1 - shrinkage) * correlation * variance * book) / variance
    with_book = propose(state, expected_return=0.01).kelly
    assert with_book == pytest.approx(wanted, rel=1e-9)
    assert with_book < alone
    against = propose(state, expected_return=0.01, side=codes.SELL).kelly
    assert against == pytest.approx(alone, rel=1e-9)


def test_the_size_is_a_target_the_strategys_own_position_does_not_lower_it(state):
    before = propose(state, expected_return=0.01)
    support.fill(state, LINEAR_ETH, codes.BUY, 100, 2048)
    support.reserve(state, LINEAR_ETH, codes.BUY, 50, 2048)
    after = propose(state, expected_return=0.01)
    assert after.budget == pytest.approx(before.budget, rel=1e-12)
    assert after.kelly == pytest.approx(before.kelly, rel=1e-9)
    assert after.lots == before.lots


def test_what_others_hold_leaves_less_budget(state):
    before = propose(state).budget
    support.fill(state, LINEAR_BTC, codes.BUY, 200, 4096, strategy=REVERSION)
    support.fill(state, LINEAR_ETH, codes.BUY, 100, 2048, strategy=REVERSION)
    assert propose(state).budget == pytest.approx(before - 200 * 512.0 - 100 * 1024.0)


def test_the_tightest_budget_scenario_binds_when_the_cushion_is_wide(state):
    state.parameters.cushion_multiplier = 64.0
    budget = 0.5 * 2_097_152.0
    assert propose(state).budget == pytest.approx(budget / 0.50390625)
    # the squeeze of 50 % is what a short fears
    assert propose(state, side=codes.SELL).budget == pytest.approx(budget / (0.5 + 1.5 / 256))


def test_scenarios_outside_the_budget_do_not_bind_it(state):
    state.parameters.cushion_multiplier = 64.0
    for s in range(3):
        state.scenarios[s].in_budget = 0
    assert propose(state).budget == 32.0 * 2_097_152.0


def test_the_proposed_size_fits_the_budget_once_it_is_held(state):
    state.parameters.base_size = 50.0
    state.parameters.volatility_target = 50.0
    state.parameters.risk_per_trade = 50.0
    state.parameters.max_leverage = 50.0
    out = propose(state)
    assert out.limit_code == codes.SIZE_BUDGET
    support.fill(state, LINEAR_ETH, codes.BUY, int(out.lots), 2048)
    assert state.account.gross <= 0.5 * state.account.budget
    assert state.account.gross + 1024.0 > 0.5 * state.account.budget


def test_confidence_counts_from_half_at_the_threshold_to_one(state):
    state.regime.confidence_threshold = 0.5
    assert propose(state, confidence=0.4375).lots == 0
    assert propose(state, confidence=0.4375).limit_code == codes.SIZE_CONFIDENCE
    assert propose(state, confidence=0.5).confidence_factor == 0.5
    assert propose(state, confidence=0.75).confidence_factor == 0.75
    assert propose(state, confidence=1.0).confidence_factor == 1.0
    assert propose(state, confidence=0.5).lots == propose(state).lots // 2


def test_drawdown_shrinks_the_size_to_nothing_at_the_target(state):
    whole = propose(state).lots
    state.account.drawdown = 0.125  # target 0.25
    assert propose(state).drawdown_factor == 0.5
    assert propose(state).lots == whole // 2
    state.parameters.drawdown_sizing_power = 2.0
    assert propose(state).drawdown_factor == pytest.approx(0.25, rel=1e-14)
    state.account.drawdown = 0.25
    assert propose(state).lots == 0
    assert propose(state).limit_code == codes.SIZE_DRAWDOWN


def test_a_calm_regime_lifts_base_size_but_never_above_the_limits(state):
    state.parameters.volatility_target = 50.0
    state.regime.size_multiplier = 1.5
    lifted = propose(state)
    assert lifted.limit_code == codes.SIZE_BUDGET  # 0.25 x 1.5 of equity is above the cushion
    assert lifted.notional <= lifted.budget
    state.parameters.cushion_multiplier = 64.0
    assert propose(state).notional == pytest.approx(1.5 * 0.25 * 2_097_152.0)


def test_the_regimes_risk_multiplier_acts_on_measured_risk_also_below_one(state):
    whole = propose(state)
    state.parameters.regime_risk_multiplier[0] = 0.5
    half = propose(state)
    assert half.stop == pytest.approx(2 * whole.stop)
    assert half.volatility == pytest.approx(2 * whole.volatility)
    assert half.budget == whole.budget


def test_probation_scales_the_size(state):
    whole = propose(state).lots
    state.strategies[TREND].probation = 1
    assert propose(state).performance_factor == 0.25
    assert propose(state).lots == whole // 4


def test_a_trailing_stop_that_came_close_does_not_make_the_trade_larger(state):
    before = propose(state).stop
    state.positions[LINEAR_ETH].stop_fraction_long = 0.001
    assert propose(state).stop == before
    state.positions[LINEAR_ETH].stop_fraction_long = 0.5
    assert propose(state).stop == pytest.approx(0.0625 / 0.5 * 2_097_152.0)


def test_lots_are_floored_to_the_step_and_dropped_below_the_minimum(state):
    free = propose(state).lots
    state.instruments[LINEAR_ETH].lot_step = 50
    assert propose(state).lots == free - free % 50
    state.instruments[LINEAR_ETH].min_lots = int(free) + 1
    assert (propose(state).lots, propose(state).limit_code) == (0, codes.SIZE_MINIMUM)
    state.instruments[LINEAR_ETH].min_lots = 1
    state.instruments[LINEAR_ETH].min_notional = 1e9
    assert propose(state).lots == 0


def test_without_mark_equity_or_shorting_nothing_is_proposed(state):
    out = propose(state, instrument=SPOT_BTC, side=codes.SELL)
    assert (out.lots, out.limit_code) == (0, codes.SIZE_SHORTING)
    state.market[LINEAR_ETH].value_per_lot = 0.0
    assert propose(state).limit_code == codes.SIZE_MARK
    state.account.equity = -5.0
    out = propose(state)
    assert (out.lots, out.limit_code, out.base_size) == (0, codes.SIZE_EQUITY, 0.0)


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"instrument": 7}, codes.INVALID_INSTRUMENT),
        ({"instrument": -1}, codes.INVALID_INSTRUMENT),
        ({"strategy": 2}, codes.INVALID_STRATEGY),
        ({"side": 0}, codes.INVALID_SIDE),
        ({"confidence": math.nan}, codes.INVALID_VALUE),
        ({"confidence": 1.5}, codes.INVALID_VALUE),
        ({"expected_return": math.inf}, codes.INVALID_VALUE),
        ({"win_probability": -0.1}, codes.INVALID_VALUE),
        ({"payoff": math.nan}, codes.INVALID_VALUE),
    ],
)
def test_an_invalid_signal_gets_a_status_and_no_lots(state, values, status):
    out = support.record("sizing", SMALL, {"lots": 99})
    assert sizing.size(state, signal_of(**values), out) == status
    assert (out.status, out.lots) == (status, 0)


def test_sizing_reads_only(state):
    before = state.tobytes()
    propose(state, expected_return=0.01, win_probability=0.6, payoff=2.0)
    assert state.tobytes() == before


# --- many assets -------------------------------------------------------------------------------


def kelly(state, means):
    """Weights of the kernel for the first instruments."""
    count = int(state.header.instrument_count)
    expected, weights = np.zeros(8), np.full(8, 99.0)
    expected[: len(means)] = means
    assert sizing.kelly_weights(state, expected, weights, np.full(64, np.nan)) == codes.OK
    assert not weights[count:].any()
    return weights[:count]


@pytest.fixture
def many():
    """Seven linear instruments with a random covariance, wide bounds, hourly samples."""
    terms = support.INSTRUMENTS[LINEAR_ETH] | {"venue": 0, "underlying": 0}
    state = make_state(
        marks=False,
        instruments=dict.fromkeys(range(7), terms),
        max_position_share=1e5,
        max_leverage=1e5,
        max_gross_leverage=1e5,
    )
    rng = np.random.default_rng(7)
    factors = rng.normal(size=(7, 3))
    correlated = factors @ factors.T + np.diag(rng.uniform(0.2, 1.0, 7))
    state.covariance.matrix[:7, :7] = correlated * 1e-5
    return state


def shrunk(state):
    """The 24 h covariance, shrunk, in NumPy."""
    count = int(state.header.instrument_count)
    full = np.array(state.covariance.matrix[:count, :count]) * float(
        state.parameters.samples_per_day
    )
    s = float(state.parameters.kelly_shrinkage)
    return (1 - s) * full + s * np.diag(np.diag(full))


def part_of(state):
    """Part of Kelly in force."""
    p = state.parameters
    aversion = math.log(p.kelly_floor_probability) / math.log(p.kelly_wealth_floor)
    return min(float(p.kelly_fraction), 2 / (1 + aversion))


MEANS = np.array([0.01, -0.004, 0.002, 0.0, 0.008, -0.01, 0.003])


def test_free_weights_solve_the_linear_system(many):
    expected = part_of(many) * np.linalg.solve(shrunk(many), MEANS)
    np.testing.assert_allclose(kelly(many, MEANS), expected, rtol=1e-11, atol=1e-13)


def test_free_weights_are_the_numeric_optimum_of_growth(many):
    many.parameters.kelly_fraction = 1.0
    many.parameters.kelly_floor_probability = 0.75  # an aversion of one: no constraint
    matrix = shrunk(many)
    best = optimize.minimize(
        lambda w: 1e4 * (w @ matrix @ w / 2 - MEANS @ w),
        np.zeros(7),
        jac=lambda w: 1e4 * (matrix @ w - MEANS),
        method="BFGS",
        options={"gtol": 1e-8},
    )
    np.testing.assert_allclose(kelly(many, MEANS), best.x, rtol=1e-5, atol=1e-5)


def bounded_optimum(matrix, means, part, low, high):
    """The optimum over a box by another method."""
    answer = optimize.minimize(
        lambda w: 1e4 * (w @ matrix @ w / 2 - part * means @ w),
        np.zeros(len(means)),
        jac=lambda w: 1e4 * (matrix @ w - part * means),
        bounds=list(zip(low, high, strict=True)),
        method="L-BFGS-B",
        options={"ftol": 1e-15, "gtol": 1e-12, "maxiter": 10_000},
    )
    return answer.x


def test_bounded_weights_are_the_optimum_over_the_box(many):
    many.parameters.max_position_share = 6.0
    many.instruments[5].shorting_allowed = 0
    high = np.full(7, 6.0)
    low = -high
    low[5] = 0.0
    weights = kelly(many, MEANS)
    expected = bounded_optimum(shrunk(many), MEANS, part_of(many), low, high)
    assert (weights >= low).all()
    assert (weights <= high).all()
    assert (weights == high).any()
    assert ((low < weights) & (weights < high) & (weights != 0.0)).any()
    np.testing.assert_allclose(weights, expected, atol=1e-6)


def test_bounded_weights_agree_with_cvxpy(many):
    cvxpy = pytest.importorskip("cvxpy", reason="cvxpy belongs to the references extra")
    many.parameters.max_position_share = 6.0
    w = cvxpy.Variable(7)
    with np.errstate(all="ignore"):
        goal = part_of(many) * MEANS @ w - cvxpy.quad_form(w, cvxpy.psd_wrap(shrunk(many))) / 2
        cvxpy.Problem(cvxpy.Maximize(1e4 * goal), [cvxpy.abs(w) <= 6.0]).solve(solver="CLARABEL")
    np.testing.assert_allclose(kelly(many, MEANS), w.value, atol=1e-4)


@pytest.mark.parametrize("floor_probability", [0.05, 0.2, 0.6])
def test_risk_constrained_weights_agree_with_cvxpy(many, floor_probability):
    """Growth under the constraint itself, in the authors' quadratic form, without our closed form.

    Busseti, Ryu, Boyd (2016), section 5: lambda (lambda + 1) w'Cw / 2 <= lambda mu'w.
    """
    cvxpy = pytest.importorskip("cvxpy", reason="cvxpy belongs to the references extra")
    p = many.parameters
    p.kelly_fraction, p.kelly_floor_probability = 1.0, floor_probability
    aversion = math.log(floor_probability) / math.log(p.kelly_wealth_floor)
    matrix = shrunk(many)
    w = cvxpy.Variable(7)
    with np.errstate(all="ignore"):
        spread = cvxpy.quad_form(w, cvxpy.psd_wrap(matrix))
        constraint = 1e4 * ((aversion + 1) / 2 * spread - MEANS @ w) <= 0
        goal = cvxpy.Maximize(1e4 * (MEANS @ w - spread / 2))
        cvxpy.Problem(goal, [constraint]).solve(solver="CLARABEL")
    np.testing.assert_allclose(kelly(many, MEANS), w.value, rtol=1e-3, atol=2e-4)


def test_gross_beyond_the_leverage_limit_is_scaled_down(many):
    free = kelly(many, MEANS)
    many.parameters.max_leverage = 1.5
    held = kelly(many, MEANS)
    assert np.abs(held).sum() == pytest.approx(1.5, rel=1e-14)
    np.testing.assert_allclose(held, free * 1.5 / np.abs(free).sum(), rtol=1e-13)


def test_what_cannot_trade_has_no_weight_and_the_rest_is_solved_without_it(many):
    many.instruments[2].state = codes.CLOSE_ONLY
    many.covariance.matrix[4, :] = 0.0
    many.covariance.matrix[:, 4] = 0.0
    weights = kelly(many, MEANS)
    keep = [0, 1, 3, 5, 6]
    assert weights[2] == 0.0
    assert weights[4] == 0.0
    expected = part_of(many) * np.linalg.solve(shrunk(many)[np.ix_(keep, keep)], MEANS[keep])
    np.testing.assert_allclose(weights[keep], expected, rtol=1e-11, atol=1e-13)


def test_a_redundant_asset_gets_no_weight_instead_of_an_enormous_one(many):
    many.parameters.kelly_shrinkage = 0.0
    many.covariance.matrix[:7, 1] = many.covariance.matrix[:7, 0]
    many.covariance.matrix[1, :7] = many.covariance.matrix[0, :7]
    means = MEANS.copy()
    means[1] = means[0]
    weights = kelly(many, means)
    keep = [0, 2, 3, 4, 5, 6]
    assert weights[1] == 0.0
    expected = part_of(many) * np.linalg.solve(shrunk(many)[np.ix_(keep, keep)], means[keep])
    np.testing.assert_allclose(weights[keep], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e7])
def test_an_invalid_expected_return_writes_nothing(many, bad):
    means, weights = np.zeros(8), np.full(8, 3.0)
    means[3] = bad
    assert sizing.kelly_weights(many, means, weights, np.zeros(64)) == codes.INVALID_VALUE
    assert (weights == 3.0).all()


def test_single_asset_weights_agree_with_the_single_asset_formula():
    state = make_state(max_position_share=100.0, max_leverage=100.0)
    means = np.zeros(8)
    means[LINEAR_ETH] = 0.002
    weights = np.zeros(8)
    for i in range(4):
        if i != LINEAR_ETH:
            state.instruments[i].state = codes.CLOSE_ONLY
    sizing.kelly_weights(state, means, weights, np.zeros(64))
    out = propose(state, expected_return=0.002)
    assert out.kelly == pytest.approx(weights[LINEAR_ETH] * state.account.equity, rel=1e-12)


def test_sizing_names_cover_every_code():
    names = [name for name in vars(codes) if name.startswith("SIZE_") and name != "SIZE_NAMES"]
    values = sorted(getattr(codes, name) for name in names)
    assert values == list(range(1, 15))
    assert sorted(codes.SIZE_NAMES) == values
