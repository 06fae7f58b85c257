"""The covariance pass against NumPy, pandas and SciPy; definiteness, slices, restarts, clusters."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.sparse.csgraph import connected_components

from riskcore import codes
from riskcore.kernels import covariance, setup, volatility
from riskcore.layout import allocate, state_dtype
from tests import support
from tests.support import HOUR, INSTRUMENT_VALUES, SMALL, make_state, quote

DECAY = support.PARAMETER_VALUES["covariance_decay"]
EIGHT = {
    i: {
        "kind": codes.LINEAR,
        "venue": support.EXCHANGE,
        "currency": support.USD,
        "underlying": i,
        "contract_value": 0.125,
        "initial_volatility": 0.03125 * (1 + i % 3),
    }
    for i in range(8)
}
N = len(EIGHT)


def make_eight(**parameters):
    """Eight linear instruments at a mark of 2**20 ticks, their marks sampled."""
    state = make_state(instruments=EIGHT, marks=False, **parameters)
    for i in EIGHT:
        move(state, i, 1 << 20)
    step(state)
    return state


def move(state, i, mark):
    mark = int(mark)
    assert quote(state, i, mark - 1, mark + 1, time_ns=support.now(state) + 1) == codes.OK


def step(state, rows=8):
    """Close an interval and work in all rows."""
    assert volatility.on_sample(state, support.now(state) + HOUR) == codes.OK
    finish(state, rows)


def finish(state, rows=8):
    while covariance.advance(state, rows) != codes.OK:
        pass


def walk(state, rng, *, present=None, scale=0.01):
    """Move the marks by correlated random steps; returns the returns, 0 where absent."""
    common = rng.standard_normal()
    result = np.zeros(N)
    for i in range(N):
        if present is None or present[i]:
            old = float(state.market[i].mark)
            mark = max(1000, int(old * np.exp(scale * (common + rng.standard_normal()))))
            move(state, i, mark)
            result[i] = mark / float(state.volatility[i].sample_mark) - 1.0
    return result


def copy_of(state):
    twin = allocate(state_dtype(SMALL))
    twin.view(np.uint8)[:] = np.frombuffer(state.tobytes(), np.uint8)
    return twin[0]


def set_matrix(state, matrix):
    """Put a matrix into the buffer as if passes had made it."""
    state.covariance.matrix[:] = matrix
    covariance.recompute(state)


def random_matrix(rng, samples=4):
    """A random covariance of low rank: correlations of every size."""
    r = rng.standard_normal((samples, N)) * rng.uniform(0.001, 0.1, N)
    return r.T @ r / samples


# --- the recursion -------------------------------------------------------------------------------


def test_the_matrix_follows_the_recursion():
    state, rng = make_eight(), np.random.default_rng(1)
    expected = state.covariance.matrix.copy()
    for _ in range(100):
        r = walk(state, rng)
        step(state)
        expected = DECAY * expected + (1 - DECAY) * np.outer(r, r)
    np.testing.assert_allclose(state.covariance.matrix, expected, rtol=1e-12, atol=1e-18)


def test_the_matrix_equals_pandas_once_the_start_is_forgotten():
    state, rng = make_eight(covariance_decay=0.5), np.random.default_rng(2)
    rows = []
    for _ in range(80):
        rows.append(walk(state, rng))
        step(state)
    frame = pd.DataFrame(rows)
    for i, j in [(0, 0), (1, 6), (7, 2)]:
        products = (frame[i] * frame[j]).ewm(alpha=0.5, adjust=False).mean()
        assert state.covariance.matrix[i, j] == pytest.approx(products.iloc[-1], rel=1e-12)


def test_the_matrix_is_symmetric_to_the_bit_and_its_diagonal_stands_apart():
    state, rng = make_eight(), np.random.default_rng(3)
    for _ in range(20):
        walk(state, rng, present=rng.random(N) < 0.8)
        step(state)
    matrix = state.covariance.matrix
    assert matrix.tobytes() == matrix.T.copy().tobytes()
    assert matrix.diagonal().tobytes() == state.covariance.variance.tobytes()


def test_product_and_variance_are_those_of_the_new_matrix():
    state, rng = make_eight(), np.random.default_rng(4)
    for i in range(N):
        side = codes.BUY if i % 2 else codes.SELL
        support.fill(state, i, side, 1000 * (i + 1), 1 << 20)
    walk(state, rng)
    step(state)
    c = state.covariance
    np.testing.assert_allclose(c.product, c.matrix @ c.weight, rtol=1e-12)
    assert state.account.variance == pytest.approx(c.weight @ c.matrix @ c.weight, rel=1e-12)
    assert np.all(c.weight != 0.0)


# --- slices and restarts -------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 7])
def test_slices_of_any_size_give_the_same_bytes(rows):
    whole, sliced = make_eight(), make_eight()
    support.fill(whole, 2, codes.BUY, 512, 1 << 20)
    support.fill(sliced, 2, codes.BUY, 512, 1 << 20)
    for state, size in ((whole, 8), (sliced, rows)):
        rng = np.random.default_rng(6)
        for _ in range(5):
            walk(state, rng, present=rng.random(N) < 0.8)
            step(state, size)
    # The slices themselves are events: only their count differs.
    sliced.header.event_count = whole.header.event_count
    sliced.counters.events[codes.EVENT_ADVANCE] = whole.counters.events[codes.EVENT_ADVANCE]
    assert whole.tobytes() == sliced.tobytes()


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_where_clusters_join_a_slice_does_fewer_rows_and_the_bytes_are_the_same(rows):
    star = np.eye(N) * 1e-4
    star[-1, :-1] = star[:-1, -1] = 0.9e-4  # the last instrument joins all others, alone so far
    whole, sliced = make_eight(), make_eight()
    calls = {}
    for state, size in ((whole, N), (sliced, rows)):
        set_matrix(state, np.eye(N) * 1e-4)
        state.covariance.matrix[:] = star
        assert volatility.on_sample(state, support.now(state) + HOUR) == codes.OK
        calls[size] = 1
        while covariance.advance(state, size) != codes.OK:
            calls[size] += 1
        assert state.covariance.cluster.tolist() == [0] * N
    # 8 rows; 6 joins, each with a look at the row before it, and a last look.
    assert calls[N] == 1
    assert calls[rows] > (N + 6) // (rows + 1)
    sliced.header.event_count = whole.header.event_count
    sliced.counters.events[codes.EVENT_ADVANCE] = whole.counters.events[codes.EVENT_ADVANCE]
    assert whole.tobytes() == sliced.tobytes()


@pytest.mark.parametrize("cut", [1, 3, 4, 6])
def test_a_pass_continues_from_a_copy_of_the_bytes(cut):
    state, rng = make_eight(), np.random.default_rng(7)
    walk(state, rng)
    assert volatility.on_sample(state, support.now(state) + HOUR) == codes.OK
    assert covariance.advance(state, cut) == codes.BUSY
    twin = copy_of(state)
    finish(state, 3)
    finish(twin, 3)
    assert state.covariance.pending == 0
    assert state.tobytes() == twin.tobytes()


def test_until_the_pass_ends_the_old_figures_stand():
    state, rng = make_eight(), np.random.default_rng(8)
    support.fill(state, 3, codes.BUY, 512, 1 << 20)
    product = state.covariance.product.copy()
    variance = float(state.account.variance)
    walk(state, rng, scale=0.1)
    assert volatility.on_sample(state, support.now(state) + HOUR) == codes.OK
    assert covariance.advance(state, 7) == codes.BUSY
    assert product.tobytes() == state.covariance.product.tobytes()
    assert state.account.variance == variance
    assert covariance.advance(state, 1) == codes.OK
    assert state.account.variance > variance


def test_advance_without_a_pass_changes_no_byte():
    state = make_eight()
    before = state.tobytes()
    assert covariance.advance(state, 5) == codes.OK
    assert state.tobytes() == before


@pytest.mark.parametrize("rows", [0, -1, -(1 << 62)])
def test_a_slice_has_at_least_one_row(rows):
    state = make_eight()
    assert volatility.on_sample(state, support.now(state) + HOUR) == codes.OK
    before = state.tobytes()
    assert covariance.advance(state, rows) == codes.INVALID_VALUE
    assert state.tobytes() == before


def test_a_huge_slice_is_the_rest_of_the_pass():
    state = make_eight()
    assert volatility.on_sample(state, support.now(state) + HOUR) == codes.OK
    assert covariance.advance(state, (1 << 63) - 1) == codes.OK


def test_a_foreign_buffer_is_refused():
    state = make_eight()
    state.system.canary = 0
    before = state.tobytes()
    assert covariance.advance(state, 1) == codes.BAD_BUFFER
    assert state.tobytes() == before


# --- weights between samples ---------------------------------------------------------------------


def test_a_change_of_weight_equals_a_full_product():
    state, rng = make_eight(), np.random.default_rng(9)
    walk(state, rng)
    step(state)
    for i, delta in [(0, 1e5), (5, -3e4), (0, -2e4), (7, 1e3)]:
        covariance.change_weight(state, i, delta)
    c = state.covariance
    np.testing.assert_allclose(c.product, c.matrix @ c.weight, rtol=1e-12)
    assert state.account.variance == pytest.approx(c.weight @ c.matrix @ c.weight, rel=1e-12)


@pytest.mark.parametrize("cut", [0, 1, 4, 5, 7])
def test_a_change_of_weight_within_a_pass_serves_both_matrices(cut):
    state, rng = make_eight(), np.random.default_rng(10)
    old = state.covariance.matrix.copy()
    walk(state, rng, present=np.arange(N) != 6, scale=0.05)
    assert volatility.on_sample(state, support.now(state) + HOUR) == codes.OK
    if cut:
        assert covariance.advance(state, cut) == codes.BUSY
    for i, delta in [(0, 1e5), (4, -3e4), (6, 1e4), (7, 1e3)]:
        covariance.change_weight(state, i, delta)
    c = state.covariance
    np.testing.assert_allclose(c.product, old @ c.weight, rtol=1e-11)
    assert state.account.variance == pytest.approx(c.weight @ old @ c.weight, rel=1e-11)
    finish(state)
    np.testing.assert_allclose(c.product, c.matrix @ c.weight, rtol=1e-12)
    assert state.account.variance == pytest.approx(c.weight @ c.matrix @ c.weight, rel=1e-12)


def test_rounding_never_makes_the_variance_negative():
    state = make_eight()
    for delta in (1e9, -1e9 + 1e-6, -1e-6):
        covariance.change_weight(state, 1, delta)
        assert state.account.variance >= 0.0


# --- definiteness and missing data ---------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_matrix_stays_positive_semidefinite_whatever_is_missing(seed):
    state, rng = make_eight(), np.random.default_rng(seed)
    for _ in range(60):
        walk(state, rng, present=rng.random(N) < rng.uniform(0.1, 0.9), scale=0.03)
        step(state)
        eigenvalues = np.linalg.eigvalsh(state.covariance.matrix)
        assert eigenvalues[0] >= -1e-14 * eigenvalues[-1]


def test_a_halted_instrument_keeps_its_variance_while_its_covariances_fade():
    state, rng = make_eight(), np.random.default_rng(11)
    for _ in range(10):
        walk(state, rng)
        step(state)
    before = state.covariance.matrix.copy()
    for _ in range(8):
        walk(state, rng, present=np.arange(N) != 3)
        step(state)
    after = state.covariance.matrix
    assert after[3, 3] == pytest.approx(before[3, 3], rel=1e-15)
    np.testing.assert_allclose(
        np.delete(after[3], 3), np.delete(before[3], 3) * DECAY**4, rtol=1e-12
    )


def test_fading_covariances_never_become_subnormal():
    # Subnormal numbers would make a pass a hundred times slower, and trap in strict Python.
    state, rng = make_eight(covariance_decay=0.0625), np.random.default_rng(12)
    walk(state, rng)
    step(state)
    for k in range(400):
        move(state, 0, (1 << 20) + k % 2 * 1024)  # the others are not even quoted
        step(state)
    sizes = np.abs(state.covariance.matrix)
    assert sizes.min() > 1e-70
    assert sizes[0, 1] < 1e-30


# --- a new instrument ----------------------------------------------------------------------------


def test_new_instruments_are_equally_correlated():
    state = make_state(instruments=EIGHT, marks=False)
    sd = np.array([t["initial_volatility"] for t in EIGHT.values()]) / np.sqrt(24)
    expected = np.outer(sd, sd) * (0.5 + 0.5 * np.eye(N))
    np.testing.assert_allclose(state.covariance.matrix, expected, rtol=1e-13)


def list_again(state, i):
    """Give instrument `i` its initial covariance anew."""
    covariance.set_initial_covariance(state, i)


def test_a_listing_keeps_any_matrix_positive_semidefinite():
    # Two instruments that move against each other cannot both be correlated 0.9 with a third.
    state = make_eight(initial_correlation=0.9)
    matrix = np.eye(N) * 1e-4
    matrix[0, 1] = matrix[1, 0] = -0.95e-4
    set_matrix(state, matrix)
    list_again(state, 7)
    assert np.linalg.eigvalsh(state.covariance.matrix)[0] >= -1e-18


def test_a_listing_has_the_initial_correlation_on_average():
    state, rng = make_eight(initial_correlation=0.25), np.random.default_rng(13)
    for _ in range(30):
        walk(state, rng)
        step(state)
    list_again(state, 2)
    matrix = state.covariance.matrix
    sd = np.sqrt(matrix.diagonal())
    row = np.delete((matrix / np.outer(sd, sd))[2], 2)
    assert row.mean() == pytest.approx(0.25, rel=1e-12)
    assert matrix[2, 2] == EIGHT[2]["initial_volatility"] ** 2 / 24


def test_a_listing_within_a_pass_completes_it_and_serves_every_figure():
    state, rng = make_eight(), np.random.default_rng(14)
    support.fill(state, 3, codes.BUY, 512, 1 << 20)
    support.fill(state, 5, codes.SELL, 256, 1 << 20)
    walk(state, rng)
    assert volatility.on_sample(state, support.now(state) + HOUR) == codes.OK
    assert covariance.advance(state, 3) == codes.BUSY
    list_again(state, 5)
    c = state.covariance
    assert c.pending == 0
    np.testing.assert_allclose(c.product, c.matrix @ c.weight, rtol=1e-12)
    assert state.account.variance == pytest.approx(c.weight @ c.matrix @ c.weight, rel=1e-12)


def test_the_first_instrument_needs_no_other():
    state = make_state(instruments={0: EIGHT[0]}, marks=False)
    assert state.covariance.matrix[0, 0] == EIGHT[0]["initial_volatility"] ** 2 / 24
    assert np.count_nonzero(state.covariance.matrix) == 1


def test_another_sampling_interval_keeps_the_daily_figures():
    state, rng = make_eight(), np.random.default_rng(15)
    support.fill(state, 3, codes.BUY, 512, 1 << 20)
    walk(state, rng)
    step(state)
    matrix, variance = state.covariance.matrix.copy(), float(state.account.variance)
    covariance.rescale_samples(state, 0.25)
    np.testing.assert_allclose(state.covariance.matrix, matrix / 4, rtol=1e-15)
    assert state.account.variance == pytest.approx(variance / 4, rel=1e-12)


# --- clusters ------------------------------------------------------------------------------------


def expected_labels(matrix, threshold):
    """Connected components of the correlation graph, named by their lowest index."""
    sd = np.sqrt(matrix.diagonal())
    _, groups = connected_components(np.abs(matrix / np.outer(sd, sd)) >= threshold)
    return [int(np.flatnonzero(groups == g)[0]) for g in groups]


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
def test_clusters_are_the_connected_groups(threshold):
    state, rng = make_eight(cluster_correlation=threshold), np.random.default_rng(16)
    seen = set()
    # One state throughout: hints left by one matrix must not change the answer for the next.
    for _ in range(60):
        matrix = random_matrix(rng, int(rng.integers(2, 12)))
        set_matrix(state, matrix)
        labels = state.covariance.cluster.tolist()
        assert labels == expected_labels(matrix, threshold)
        assert state.covariance.cluster_count == len(set(labels))
        seen.add(len(set(labels)))
    assert len(seen) >= 3


def test_a_chain_is_one_cluster_whatever_its_order():
    state = make_eight(cluster_correlation=0.5)
    order = [3, 7, 0, 6, 1, 5, 2, 4]
    matrix = np.eye(N) * 1e-4
    for a, b in pairwise(order):
        matrix[a, b] = matrix[b, a] = 0.5e-4 + 1e-18
    set_matrix(state, matrix)
    assert state.covariance.cluster.tolist() == [0] * N


def test_cluster_risk_is_the_unnetted_sum_of_standalone_var():
    state = make_eight()
    for i in range(N):
        support.fill(state, i, codes.BUY if i % 2 else codes.SELL, 100 * (i + 1), 1 << 20)
    matrix = np.eye(N) * 1e-4
    for a, b in [(1, 4), (2, 7)]:
        matrix[a, b] = matrix[b, a] = -0.8e-4
    set_matrix(state, matrix)
    var = [float(state.positions[i].value_at_risk) for i in range(N)]
    expected = [var[0], var[1] + var[4], var[2] + var[7], var[3], 0.0, var[5], var[6], 0.0]
    np.testing.assert_allclose(state.covariance.cluster_risk, expected, rtol=1e-12)


# --- what others read ----------------------------------------------------------------------------


def test_correlation_and_shrinkage():
    state, rng = make_eight(), np.random.default_rng(17)
    matrix = random_matrix(rng)
    set_matrix(state, matrix)
    expected = matrix[2, 5] / np.sqrt(matrix[2, 2] * matrix[5, 5])
    assert covariance.correlation(state, 2, 5) == pytest.approx(expected, rel=1e-12)
    assert covariance.correlation(state, 4, 4) == pytest.approx(1.0, rel=1e-15)
    assert covariance.shrunk_covariance(state, 2, 5) == pytest.approx(0.875 * matrix[2, 5])
    assert covariance.shrunk_covariance(state, 5, 5) == matrix[5, 5]


def test_a_matrix_read_within_a_pass_is_the_old_one():
    state, rng = make_eight(), np.random.default_rng(18)
    old = state.covariance.matrix.copy()
    walk(state, rng, present=np.arange(N) > 1, scale=0.05)
    assert volatility.on_sample(state, support.now(state) + HOUR) == codes.OK
    assert covariance.advance(state, 5) == codes.BUSY
    read = [[covariance.value_before_pass(state, i, j) for j in range(N)] for i in range(N)]
    np.testing.assert_allclose(read, old, rtol=1e-11)


def test_an_instrument_set_again_keeps_its_covariance():
    state, rng = make_eight(), np.random.default_rng(19)
    walk(state, rng)
    step(state)
    before = state.covariance.matrix.tobytes()
    record = support.record("instrument", SMALL, INSTRUMENT_VALUES | EIGHT[3])
    assert setup.instrument_set(state, support.now(state), 3, record) == codes.OK
    assert state.covariance.matrix.tobytes() == before
