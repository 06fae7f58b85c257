"""EWMA volatility against arch and pandas, and the close of a sampling interval."""

import numpy as np
import pandas as pd
import pytest
from arch.univariate import EWMAVariance

from riskcore import codes
from riskcore.kernels import covariance, volatility
from tests import support
from tests.support import HOUR, LINEAR_BTC, LINEAR_ETH, MARKS, fill, make_empty, make_state, quote

DECAY = support.PARAMETER_VALUES["variance_decay"]


@pytest.fixture
def returns():
    return np.random.default_rng(20240229).standard_t(4, 2000) * 0.01


def sample(state, time_ns=None):
    status = volatility.on_sample(state, time_ns or support.now(state) + HOUR)
    assert status == codes.OK


def move(state, i, mark):
    """A good book around `mark`, a nanosecond later."""
    assert quote(state, i, mark - 1, mark + 1, time_ns=support.now(state) + 1) == codes.OK


# --- the recursion ------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0.94, 0.97, 0.5])
def test_the_pass_equals_arch_with_the_same_backcast(returns, decay):
    out, reference = np.empty_like(returns), np.empty_like(returns)
    volatility.ewma_pass(returns, 2.5e-4, decay, out)
    inactive = np.tile([0.0, 1e300], (returns.size, 1))
    EWMAVariance(decay).compute_variance(np.empty(0), returns, reference, 2.5e-4, inactive)
    np.testing.assert_allclose(out, reference, rtol=1e-12, atol=0.0)


def test_the_pass_equals_pandas(returns):
    out = np.empty(returns.size - 1)
    last = volatility.ewma_pass(returns[1:], returns[0] ** 2, 0.94, out)
    expected = (pd.Series(returns) ** 2).ewm(alpha=0.06, adjust=False).mean().to_numpy()
    np.testing.assert_allclose([*out, last], expected, rtol=1e-12)


def test_steps_equal_the_pass_to_the_bit(returns):
    out = np.empty_like(returns)
    last = volatility.ewma_pass(returns, 1e-4, 0.94, out)
    variance = 1e-4
    for t, value in enumerate(returns):
        assert out[t] == variance
        variance = volatility.ewma_step(variance, 0.94, value)
    assert last == variance


def test_a_pass_cut_in_halves_equals_the_whole(returns):
    whole, first, second = np.empty(2000), np.empty(800), np.empty(1200)
    volatility.ewma_pass(returns, 1e-4, 0.94, whole)
    middle = volatility.ewma_pass(returns[:800].copy(), 1e-4, 0.94, first)
    volatility.ewma_pass(returns[800:].copy(), middle, 0.94, second)
    assert np.concatenate([first, second]).tobytes() == whole.tobytes()


# --- the sample -----------------------------------------------------------------------------------


def test_a_new_instrument_has_its_initial_volatility_over_a_day():
    state = make_state()
    record = state.volatility[LINEAR_BTC]
    assert record.volatility == pytest.approx(0.0625, rel=1e-15)
    assert record.variance == 0.0625**2 / 24


def test_the_first_sample_only_takes_the_mark():
    state = make_state()
    before = float(state.volatility[LINEAR_BTC].variance)
    sample(state)
    record = state.volatility[LINEAR_BTC]
    assert record.sample_mark == MARKS[LINEAR_BTC]
    assert (record.sample_set, record.sample_count, record.missing_count) == (1, 0, 1)
    assert record.variance == before


def test_a_sample_works_the_simple_return_into_the_variance():
    state = make_state()
    sample(state)
    before = float(state.volatility[LINEAR_BTC].variance)
    move(state, LINEAR_BTC, 4096 + 1024)  # + 25 %
    sample(state)
    record = state.volatility[LINEAR_BTC]
    assert record.last_return == 0.25
    assert record.variance == DECAY * before + (1 - DECAY) * 0.0625
    assert record.volatility == np.sqrt(record.variance * 24)
    assert record.stop_distance == state.parameters.stop_scale * record.volatility
    assert state.history.returns[1, LINEAR_BTC] == 0.25


def test_samples_follow_arch_through_the_events():
    state = make_state()
    sample(state)
    rng, mark = np.random.default_rng(5), 1 << 20
    move(state, LINEAR_BTC, mark)
    sample(state)
    start = float(state.volatility[LINEAR_BTC].variance)
    marks, seen = [mark], []
    for _ in range(60):
        marks.append(int(marks[-1] * np.exp(0.01 * rng.standard_normal())))
        move(state, LINEAR_BTC, marks[-1])
        sample(state)
        seen.append(float(state.volatility[LINEAR_BTC].variance))
    values = np.array(marks[1:]) / np.array(marks[:-1]) - 1.0
    reference, inactive = np.empty(61), np.tile([0.0, 1e300], (61, 1))
    values = np.append(values, 0.0)
    EWMAVariance(DECAY).compute_variance(np.empty(0), values, reference, start, inactive)
    np.testing.assert_allclose(seen, reference[1:], rtol=1e-12)


def test_without_a_fresh_quote_the_variance_stays_and_the_next_return_spans_the_gap():
    state = make_state()
    sample(state)
    before = float(state.volatility[LINEAR_ETH].variance)
    for _ in range(3):
        sample(state)
    record = state.volatility[LINEAR_ETH]
    assert (record.variance, record.missing_count) == (before, 4)
    move(state, LINEAR_ETH, 2048 + 512)
    sample(state)
    assert record.last_return == 0.25
    assert record.sample_count == 1


def test_a_bad_book_is_no_fresh_quote():
    state = make_state()
    sample(state)
    assert quote(state, LINEAR_ETH, 3000, 2000, time_ns=support.now(state) + 1) == codes.OK
    sample(state)
    assert state.volatility[LINEAR_ETH].sample_count == 0


def test_a_good_quote_counts_even_when_a_bad_one_followed():
    state = make_state()
    sample(state)
    move(state, LINEAR_ETH, 2048 + 512)
    assert quote(state, LINEAR_ETH, 3000, 2000, time_ns=support.now(state) + 1) == codes.OK
    sample(state)
    assert state.volatility[LINEAR_ETH].last_return == 0.25


def test_a_still_market_never_reaches_zero_variance():
    state = make_state(variance_decay=0.125, covariance_decay=0.125)
    for _ in range(60):
        move(state, LINEAR_ETH, 2048)
        sample(state)
    assert state.volatility[LINEAR_ETH].variance == covariance.VARIANCE_FLOOR
    assert state.covariance.matrix[LINEAR_ETH, LINEAR_ETH] >= covariance.VARIANCE_FLOOR


def test_the_history_is_a_ring():
    state = make_state()
    sample(state)
    marks = [2048 * (1 + k % 2) for k in range(1, 21)]
    for mark in marks:
        move(state, LINEAR_ETH, mark)
        sample(state)
    assert (state.history.rows, state.history.head) == (16, 21 % 16)
    assert sorted(set(state.history.returns[:, LINEAR_ETH].tolist())) == [-0.5, 1.0]


def test_weights_are_positions_and_linked_balances_at_the_mark():
    state = make_state()
    support.deposit(state, support.EXCHANGE, support.BTC, 2.0)
    assert fill(state, LINEAR_ETH, codes.SELL, 8, 2048) == codes.BOOKED_UNMATCHED
    move(state, LINEAR_ETH, 4096)
    sample(state)
    weight = state.covariance.weight
    assert weight[LINEAR_ETH] == -8 * 4096 * 0.5
    assert weight[support.SPOT_BTC] == 2.0 * support.BTC_RATE


def test_a_sample_completes_a_pending_pass_and_starts_the_next():
    state = make_state()
    passes = int(state.covariance.passes)
    sample(state)
    assert (state.covariance.pending, state.covariance.passes) == (1, passes)
    sample(state)
    assert (state.covariance.pending, state.covariance.passes) == (1, passes + 1)


@pytest.mark.parametrize("time_ns", [0, -1, codes.MAX_TIME_NS + 1])
def test_an_invalid_time_changes_no_byte(time_ns):
    state = make_state()
    before = state.tobytes()
    assert volatility.on_sample(state, time_ns) == codes.INVALID_TIME
    assert state.tobytes() == before


def test_a_sample_needs_parameters():
    state = make_empty()
    before = state.tobytes()
    assert volatility.on_sample(state, support.START_NS) == codes.INVALID_PARAMETERS
    assert state.tobytes() == before
    state.header.magic = 0
    assert volatility.on_sample(state, support.START_NS) == codes.BAD_BUFFER
