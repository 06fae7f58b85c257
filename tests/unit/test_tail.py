"""Risk of positions and account: closed forms, SciPy, Riskfolio-Lib, skfolio and worked numbers."""

import importlib
import math
import warnings

import numpy as np
import pytest
from scipy import integrate, stats

from riskcore import codes
from riskcore.kernels import covariance, exposure, setup, tail
from tests import support
from tests.support import (
    BROKER,
    EXCHANGE,
    INVERSE_BTC,
    LINEAR_BTC,
    LINEAR_ETH,
    SMALL,
    SPOT_BTC,
    make_state,
)


@pytest.fixture(autouse=True)
def raising():
    """Plain Python must not even signal a floating-point exception."""
    with np.errstate(all="raise", under="ignore"):
        yield


def position_of(state, i):
    """The record of one position."""
    out = support.record("position_risk", SMALL, {})
    assert tail.position_risk(state, i, out) == codes.OK
    return out


def portfolio_of(state):
    """The record of the account."""
    out = support.record("portfolio_risk", SMALL, {})
    assert tail.portfolio_risk(state, out) == codes.OK
    return out


def reference(name):
    """A reference library, or a skip; their imports warn about their own dependencies."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError:
            pytest.skip(f"{name} belongs to the references extra")


LOTS = {SPOT_BTC: 100, LINEAR_BTC: 400, INVERSE_BTC: 300, LINEAR_ETH: -250}
# values of one lot: 0.25 x 4096, 0.125 x 4096, 128 / 4096 coins at 4096, 0.5 x 2048
WEIGHTS = np.array([100 * 1024.0, 400 * 512.0, 300 * 128.0, -250 * 1024.0])
VAR_95 = stats.norm.ppf(0.95)
ES_95 = stats.norm.pdf(VAR_95) / 0.05


@pytest.fixture
def returns():
    """250 hourly returns of four correlated instruments."""
    rng = np.random.default_rng(42)
    common = rng.normal(0.0, 0.004, 250)
    return common[:, None] * [1.0, 1.1, 1.2, 1.5] + rng.normal(0.0, 0.003, (250, 4))


@pytest.fixture
def state(returns):
    """Three longs and a short; the covariance is that of the returns."""
    state = make_state()
    for i, lots in LOTS.items():
        support.fill(state, i, codes.BUY if lots > 0 else codes.SELL, abs(lots), support.MARKS[i])
    matrix = np.cov(returns.T)
    state.covariance.matrix[:4, :4] = matrix
    for i in range(4):
        state.volatility[i].variance = matrix[i, i]
        state.volatility[i].volatility = math.sqrt(24 * matrix[i, i])
    covariance.recompute(state)
    exposure.revalue_all(state)
    exposure.update_equity(state)
    return state


def daily_sigma(weights, returns):
    """24 h standard deviation in NumPy."""
    return math.sqrt(24 * weights @ np.cov(returns.T) @ weights)


# --- one position ------------------------------------------------------------------------------


def test_standalone_figures_are_the_closed_forms_of_the_normal(state, returns):
    for i in range(4):
        out = position_of(state, i)
        sigma = math.sqrt(24 * np.cov(returns.T)[i, i])
        assert out.exposure == WEIGHTS[i]
        assert out.volatility == pytest.approx(sigma, rel=1e-13)
        assert out.value_at_risk == pytest.approx(abs(WEIGHTS[i]) * sigma * VAR_95, rel=1e-12)
        assert out.expected_shortfall == pytest.approx(abs(WEIGHTS[i]) * sigma * ES_95, rel=1e-12)


def test_student_t_figures_agree_with_scipy():
    df = 4.5
    state = make_state(tail_degrees_of_freedom=df)
    support.fill(state, LINEAR_ETH, codes.BUY, 100, 2048)
    out = position_of(state, LINEAR_ETH)
    law = stats.t(df, scale=math.sqrt((df - 2) / df))  # of unit variance
    quantile = law.ppf(0.95)
    with np.errstate(all="ignore"):
        mean_beyond = integrate.quad(lambda x: x * law.pdf(x), quantile, np.inf)[0] / 0.05
    sigma = 100 * 1024.0 * 0.0625
    assert out.value_at_risk == pytest.approx(sigma * quantile, rel=1e-10)
    assert out.expected_shortfall == pytest.approx(sigma * mean_beyond, rel=1e-7)


def test_components_sum_to_portfolio_var(state, returns):
    components = [position_of(state, i).component_var for i in range(4)]
    total = daily_sigma(WEIGHTS, returns) * VAR_95
    assert sum(components) == pytest.approx(total, rel=1e-12)
    assert portfolio_of(state).value_at_risk == pytest.approx(total, rel=1e-12)


def test_marginal_var_is_the_derivative_of_var_by_the_weight(state, returns):
    for i in range(4):
        step = np.zeros(4)
        step[i] = 100.0
        up = daily_sigma(WEIGHTS + step, returns) - daily_sigma(WEIGHTS - step, returns)
        assert position_of(state, i).marginal_var == pytest.approx(up / 200 * VAR_95, rel=1e-6)


def test_incremental_var_is_var_with_less_var_without(state, returns):
    for i in range(4):
        rest = WEIGHTS.copy()
        rest[i] = 0.0
        expected = (daily_sigma(WEIGHTS, returns) - daily_sigma(rest, returns)) * VAR_95
        assert position_of(state, i).incremental_var == pytest.approx(expected, rel=1e-10)
    assert position_of(state, LINEAR_ETH).incremental_var < 0.0  # the short hedges


def test_components_agree_with_riskfolio(state, returns):
    riskfolio = reference("riskfolio")
    import pandas

    weights = pandas.DataFrame(WEIGHTS / 1e6)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = riskfolio.Risk_Contribution(
            weights, pandas.DataFrame(returns), np.cov(returns.T), rm="MV"
        )
    expected = np.ravel(parts) * 1e6 * math.sqrt(24) * VAR_95
    components = [position_of(state, i).component_var for i in range(4)]
    np.testing.assert_allclose(components, expected, rtol=1e-3)


# Equally likely outcomes that stand for a law: their quantiles and tail means are the law's.
OUTCOMES = (np.arange(400_000) + 0.5) / 400_000


def historical(state, law):
    """24 h profits of the portfolio of `state` under a law of unit variance."""
    return float(portfolio_of(state).volatility) * law.ppf(OUTCOMES)


@pytest.mark.parametrize("degrees", [0.0, 4.5, 8.0])
def test_portfolio_var_and_es_agree_with_skfolio_and_riskfolio(state, degrees):
    measures, riskfolio = reference("skfolio.measures"), reference("riskfolio.src.RiskFunctions")
    law = stats.norm()
    if degrees:
        record = support.make_parameters(SMALL, tail_degrees_of_freedom=degrees)
        assert setup.set_parameters(state, support.now(state), record) == codes.OK
        law = stats.t(degrees, scale=math.sqrt((degrees - 2) / degrees))
    out = portfolio_of(state)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        profits = historical(state, law)
        found_var = (
            measures.value_at_risk(profits, beta=0.95),
            riskfolio.VaR_Hist(profits.reshape(-1, 1), alpha=0.05),
        )
        found_es = (
            measures.cvar(profits, beta=0.95),
            riskfolio.CVaR_Hist(profits.reshape(-1, 1), alpha=0.05),
        )
    for found in found_var:
        assert out.value_at_risk == pytest.approx(float(found), rel=2e-4)
    for found in found_es:
        assert out.expected_shortfall == pytest.approx(float(found), rel=2e-3)


def test_volatility_agrees_with_skfolio(state, returns):
    measures = reference("skfolio.measures")
    pnl = returns @ WEIGHTS
    hourly = measures.standard_deviation(pnl)
    assert portfolio_of(state).volatility == pytest.approx(hourly * math.sqrt(24), rel=1e-12)


def test_a_portfolio_without_variance_has_no_marginal_risk():
    out = position_of(make_state(), LINEAR_ETH)
    assert (out.marginal_var, out.component_var, out.incremental_var) == (0.0, 0.0, 0.0)


# --- liquidation -------------------------------------------------------------------------------


def free_margin_after(state, i, price):
    """Venue equity less maintenance, if the mark of `i` were `price` and nothing else moved."""
    terms, position = state.instruments[i], state.positions[i]
    rate = state.currencies[terms.currency].rate
    there = exposure.unrealized_cash(
        terms.kind, terms.contract_value, position.net_lots, position.cost, price
    )
    venue = state.venues[terms.venue]
    return venue.equity - venue.maintenance + (there - position.unrealized_pnl) * rate


def test_liquidation_of_a_long_by_hand():
    # 1,048,576 at the venue; 4000 x 512 = 2,048,000 long at 1/16 maintenance: 128,000
    state = make_state()
    support.fill(state, LINEAR_BTC, codes.BUY, 4000, 4096)
    out = position_of(state, LINEAR_BTC)
    assert out.liquidation_distance == pytest.approx((1_048_576 - 128_000) / 2_048_000)
    assert out.liquidation_price == pytest.approx(4096 * (1 - 920_576 / 2_048_000))


@pytest.mark.parametrize("side", [codes.BUY, codes.SELL])
@pytest.mark.parametrize(("i", "lots"), [(LINEAR_BTC, 4000), (INVERSE_BTC, 12_000)])
def test_at_the_liquidation_price_the_margin_is_used_up(i, lots, side):
    state = make_state()
    support.fill(state, i, side, lots, 4096)
    out = position_of(state, i)
    assert 0.0 < out.liquidation_distance < 3.0
    assert (out.liquidation_price - 4096) * side < 0
    left = free_margin_after(state, i, float(out.liquidation_price))
    assert left == pytest.approx(0.0, abs=1e-6)


def test_no_liquidation_for_spot_for_nothing_and_for_what_the_margin_covers(state):
    for i in (SPOT_BTC, LINEAR_BTC, INVERSE_BTC):
        out = position_of(make_state() if i == INVERSE_BTC else state, i)
        assert (out.liquidation_distance, out.liquidation_price) == (1e6, 0.0)
    small_short = make_state()
    support.fill(small_short, INVERSE_BTC, codes.SELL, 10, 4096)
    assert position_of(small_short, INVERSE_BTC).liquidation_distance == 1e6


def test_a_margin_already_short_is_a_distance_of_zero(state):
    state.venues[EXCHANGE].equity = 1.0
    out = position_of(state, LINEAR_BTC)
    assert (out.liquidation_distance, out.liquidation_price) == (0.0, 4096.0)


# --- the account -------------------------------------------------------------------------------


def test_account_figures_by_hand(state):
    support.reserve(state, LINEAR_ETH, codes.SELL, 100, 2048)
    out = portfolio_of(state)
    equity = 2_097_152.0
    gross = 102_400 + 204_800 + 38_400 + 350 * 1024
    assert out.equity == equity
    assert out.gross_leverage == pytest.approx(gross / equity)
    # net if every working buy fills: 345,600 - 256,000; if every sell fills: -12,800
    assert out.net_leverage == pytest.approx(89_600 / equity)
    squares = 102_400**2 + 204_800**2 + 38_400**2 + (350 * 1024) ** 2
    assert out.herfindahl == pytest.approx(squares / equity**2)
    assert out.largest_weight == pytest.approx(350 * 1024 / equity)  # ether above all bitcoin
    # the squeeze takes half of the short, which leaves at 1.5 times the price; leaving costs 1/256
    cost = 1 / 256
    squeeze = 350 * 1024 * (0.5 + 1.5 * cost) + 345_600 * cost
    assert out.stress_loss == pytest.approx(squeeze)
    assert out.stress_scenario == support.SQUEEZE
    assert out.budget == pytest.approx(0.5 * equity)
    assert out.cushion == pytest.approx(0.5)
    margins = (204_800 + 38_400 + 350 * 1024) * 0.125
    assert out.free_margin == pytest.approx(2_097_152 - 102_400 - margins)
    assert out.open_orders == 1
    assert (out.drawdown, out.daily_loss) == (0.0, 0.0)


def test_working_orders_add_their_own_sigma(state, returns):
    support.reserve(state, LINEAR_ETH, codes.BUY, 100, 2048)
    sigma = daily_sigma(WEIGHTS, returns)
    more = 100 * 1024.0 * float(state.volatility[LINEAR_ETH].volatility)
    out = portfolio_of(state)
    assert out.value_at_risk_working == pytest.approx((sigma + more) * VAR_95, rel=1e-12)
    assert out.expected_shortfall_working == pytest.approx((sigma + more) * ES_95, rel=1e-12)
    assert out.expected_shortfall == pytest.approx(sigma * ES_95, rel=1e-12)


def test_losses_show_as_drawdown_daily_loss_and_a_smaller_budget(state):
    support.quote(state, LINEAR_BTC, 2047, 2049)  # 400 x 0.125 x 2048 lost
    out = portfolio_of(state)
    start = 2_097_152.0
    assert out.drawdown == pytest.approx(102_400 / start)
    assert out.daily_loss == pytest.approx(102_400 / start)
    assert out.budget == pytest.approx(0.5 * start - 102_400)
    drawdown = 102_400 / start
    assert out.cushion == pytest.approx((0.5 - drawdown) / (1 - drawdown))


def test_the_largest_cluster_is_the_largest_sum_of_standalone_var(state):
    risks = np.array([position_of(state, i).value_at_risk for i in range(4)])
    labels = np.array([position_of(state, i).cluster for i in range(4)])
    largest = max(risks[labels == label].sum() for label in set(labels.tolist()))
    assert portfolio_of(state).cluster_risk == pytest.approx(largest, rel=1e-12)


def test_no_enabled_scenario_is_index_minus_one(state):
    for s in range(3):
        state.scenarios[s].enabled = 0
    out = portfolio_of(state)
    assert (out.stress_scenario, out.stress_loss) == (-1, 0.0)


def test_ratios_to_an_equity_that_is_gone_are_the_largest_share(state):
    state.account.equity = -1.0
    out = portfolio_of(state)
    assert (out.gross_leverage, out.herfindahl, out.cushion) == (codes.MAX_SHARE,) * 2 + (0.0,)
    assert tail.ratio(0.0, 0.0) == 0.0


def test_risk_reads_only_and_refuses_what_is_not_set(state):
    before = state.tobytes()
    position_of(state, LINEAR_BTC)
    portfolio_of(state)
    out = support.record("position_risk", SMALL, {"exposure": 5.0})
    for i in (-1, 4, 8):
        assert tail.position_risk(state, i, out) == codes.INVALID_INSTRUMENT
    assert out.exposure == 5.0
    assert state.tobytes() == before
    state.header.magic = 0
    assert tail.position_risk(state, 0, out) == codes.BAD_BUFFER
    assert tail.portfolio_risk(state, support.record("portfolio_risk", SMALL, {})) == 2
    assert state.venues[BROKER].state == codes.ACTIVE
