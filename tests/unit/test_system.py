"""Heartbeats, latency, errors, controls and regimes."""

import math

import pytest

from riskcore import codes
from riskcore.kernels import system
from tests import support
from tests.support import EXCHANGE, HOUR, LINEAR_BTC, MINUTE, SECOND, TREND, make_empty, make_state

ANNA = 7  # a named person


@pytest.fixture
def state():
    return make_state()


def control(state, code, target=0, value=0, author=ANNA):
    return system.control(state, support.now(state), code, target, value, author)


# --- signs of life --------------------------------------------------------------------------------


def test_a_heartbeat_is_the_venues(state):
    time_ns = support.now(state) + SECOND
    assert system.on_heartbeat(state, time_ns, EXCHANGE) == codes.OK
    assert state.venues[EXCHANGE].heartbeat_ns == time_ns
    assert state.system.monitor_heartbeat_ns == 0


def test_venue_minus_one_is_the_monitor(state):
    time_ns = support.now(state) + SECOND
    assert system.on_heartbeat(state, time_ns, -1) == codes.OK
    assert state.system.monitor_heartbeat_ns == time_ns


@pytest.mark.parametrize("venue", [EXCHANGE, -1])
def test_a_late_heartbeat_is_as_old_as_it_says(state, venue):
    first = support.now(state)
    assert system.on_heartbeat(state, first + 5 * SECOND, 1 - abs(venue)) == codes.OK
    for late, seen in ((SECOND, SECOND), (0, SECOND)):
        assert system.on_heartbeat(state, first + late, venue) == codes.OK
        last = state.system.monitor_heartbeat_ns if venue < 0 else state.venues[venue].heartbeat_ns
        assert last == first + seen


# --- latency and errors ---------------------------------------------------------------------------


def test_the_first_latency_counts_whole_and_later_ones_are_smoothed(state):
    assert system.on_latency(state, support.now(state), 1000) == codes.OK
    assert state.system.latency_ewma_ns == 1000.0
    assert system.on_latency(state, support.now(state), 5000) == codes.OK
    assert state.system.latency_ewma_ns == 0.75 * 1000 + 0.25 * 5000
    assert system.on_latency(state, support.now(state), 10) == codes.OK
    assert state.system.latency_max_ns == 5000


def test_a_latency_of_zero_fades_to_zero(state):
    assert system.on_latency(state, support.now(state), 1 << 40) == codes.OK
    for _ in range(200):
        assert system.on_latency(state, support.now(state), 0) == codes.OK
    assert state.system.latency_ewma_ns == 0.0


def test_errors_fill_a_bucket_that_drains(state):
    time_ns = support.now(state)
    for _ in range(3):
        assert system.on_error(state, time_ns, 404) == codes.OK
    assert state.system.error_arrival_ns == time_ns + 3 * SECOND
    assert state.system.errors == 3
    assert system.on_error(state, time_ns + MINUTE, 404) == codes.OK
    assert state.system.error_arrival_ns == time_ns + MINUTE + SECOND


def test_the_error_bucket_never_runs_more_than_a_year_ahead():
    state = make_state(error_interval_ns=200 * support.DAY)
    for _ in range(100):
        assert system.on_error(state, support.now(state), 0) == codes.OK
    assert state.system.error_arrival_ns == support.now(state) + codes.MAX_TIME_JUMP_NS


# --- controls -------------------------------------------------------------------------------------


def test_kill_and_its_reset(state):
    assert control(state, codes.CONTROL_KILL) == codes.OK
    assert (state.system.kill, state.system.kill_author) == (1, ANNA)
    assert state.account.state == codes.CANCEL_ONLY
    assert control(state, codes.CONTROL_RESET_KILL) == codes.OK
    assert (state.system.kill, state.account.state) == (0, codes.NORMAL)


def test_a_kill_needs_no_name(state):
    assert control(state, codes.CONTROL_KILL, author=0) == codes.OK
    assert state.system.kill == 1


def test_a_reset_of_the_kill_leaves_the_latches(state):
    assert control(state, codes.CONTROL_LATCH_ACCOUNT) == codes.OK
    assert control(state, codes.CONTROL_KILL) == codes.OK
    assert control(state, codes.CONTROL_RESET_KILL) == codes.OK
    assert state.account.state == codes.ACCOUNT_REDUCE_ONLY


def test_account_latches(state):
    assert control(state, codes.CONTROL_LATCH_ACCOUNT) == codes.OK
    assert state.account.latches == codes.LATCH_OPERATOR
    assert state.account.state == codes.ACCOUNT_REDUCE_ONLY
    assert control(state, codes.CONTROL_RESET_LATCHES) == codes.OK
    assert (state.account.latches, state.account.state) == (0, codes.NORMAL)


def test_a_loss_that_persists_latches_again():
    state = make_state(max_drawdown=0.125)
    support.fill(state, LINEAR_BTC, codes.BUY, 2048, 4096)
    support.quote(state, LINEAR_BTC, 2047, 2049)  # 2048 x 2048 x 0.125: a quarter of the account
    assert state.account.latches & codes.LATCH_DRAWDOWN
    assert control(state, codes.CONTROL_RESET_LATCHES) == codes.OK
    assert state.account.latches & codes.LATCH_DRAWDOWN


def test_instrument_latches(state):
    assert control(state, codes.CONTROL_LATCH_INSTRUMENT, LINEAR_BTC) == codes.OK
    assert state.positions[LINEAR_BTC].latches == codes.LATCH_OPERATOR
    assert control(state, codes.CONTROL_RESET_INSTRUMENT, LINEAR_BTC) == codes.OK
    assert state.positions[LINEAR_BTC].latches == 0


@pytest.mark.parametrize("value", [codes.ACTIVE, codes.CLOSE_ONLY, codes.DOWN])
def test_venue_states(state, value):
    assert control(state, codes.CONTROL_SET_VENUE_STATE, EXCHANGE, value) == codes.OK
    assert state.venues[EXCHANGE].state == value


@pytest.mark.parametrize("value", [codes.ACTIVE, codes.DISABLED])
def test_strategy_states(state, value):
    assert control(state, codes.CONTROL_SET_STRATEGY_STATE, TREND, value) == codes.OK
    assert state.strategies[TREND].state == value


def test_the_venues_own_count_of_messages_rules(state):
    assert control(state, codes.CONTROL_VENUE_USAGE, EXCHANGE, 77) == codes.OK
    venue = state.venues[EXCHANGE]
    assert venue.window_used == 77
    assert venue.window_start_ns == support.now(state) - support.now(state) % MINUTE


def test_the_cool_down_can_be_ended(state):
    state.account.cooldown_until_ns = support.now(state) + HOUR
    state.account.losing_streak = 2
    assert control(state, codes.CONTROL_RESET_COOLDOWN) == codes.OK
    assert (state.account.cooldown_until_ns, state.account.losing_streak) == (0, 0)


# --- regimes --------------------------------------------------------------------------------------


def test_a_regime_brings_its_multipliers():
    state = make_state(
        regime_risk_multiplier=[1.0, 2.0, 0.5, 4.0],
        regime_size_multiplier=[1.0, 0.5, 1.25, 0.25],
        regime_confidence_threshold=[0.5, 0.625, 0.5, 0.75],
        regime_stop_multiplier=[1.0, 1.5, 2.0, 3.0],
    )
    time_ns = support.now(state) + 1
    assert system.on_regime(state, time_ns, codes.REGIME_VOLATILE, 0.625) == codes.OK
    regime = state.regime
    assert (regime.current, regime.since_ns) == (codes.REGIME_VOLATILE, time_ns)
    assert regime.probability.tolist() == [0.125, 0.625, 0.125, 0.125]
    assert (regime.risk_multiplier, regime.size_multiplier) == (2.0, 0.5)
    assert (regime.confidence_threshold, regime.stop_multiplier) == (0.625, 1.5)


def test_no_regime_loosens_a_limit():
    state = make_state(regime_risk_multiplier=[1.0, 2.0, 0.5, 4.0])
    assert system.on_regime(state, support.now(state), codes.REGIME_TRENDING, 1.0) == codes.OK
    assert state.regime.risk_multiplier == 1.0


def test_the_same_regime_again_keeps_its_start(state):
    start = support.now(state) + 1
    for k in range(3):
        assert system.on_regime(state, start + k, codes.REGIME_CRASH, 0.5 + k / 4) == codes.OK
    assert state.regime.since_ns == start
    assert state.regime.probability[codes.REGIME_CRASH] == 1.0


# --- refusals -------------------------------------------------------------------------------------

BIG = 1 << 62
HEARTBEATS = [
    ((0, EXCHANGE), codes.INVALID_TIME),
    ((None, -2), codes.INVALID_VENUE),
    ((None, 2), codes.INVALID_VENUE),
    ((None, BIG), codes.INVALID_VENUE),
]
LATENCIES = [((-1, 5), codes.INVALID_TIME), ((None, -1), codes.INVALID_VALUE)]
LATENCIES += [((None, BIG + 1), codes.INVALID_VALUE)]
ERRORS = [((0, 5), codes.INVALID_TIME), ((None, -1), codes.INVALID_CODE)]
ERRORS += [((None, BIG), codes.INVALID_CODE)]
REGIMES = [
    ((0, 0, 0.5), codes.INVALID_TIME),
    ((None, -1, 0.5), codes.INVALID_CODE),
    ((None, 4, 0.5), codes.INVALID_CODE),
    ((None, 0, -0.001), codes.INVALID_VALUE),
    ((None, 0, 1.001), codes.INVALID_VALUE),
    ((None, 0, math.nan), codes.INVALID_VALUE),
    ((None, 0, math.inf), codes.INVALID_VALUE),
    ((None, 9, math.nan), codes.INVALID_VALUE),
]
CONTROLS = [
    ((0, codes.CONTROL_KILL, 0, 0, ANNA), codes.INVALID_TIME),
    ((None, 0, 0, 0, ANNA), codes.INVALID_CODE),
    ((None, 13, 0, 0, ANNA), codes.INVALID_CODE),
    ((None, -1, 0, 0, ANNA), codes.INVALID_CODE),
    ((None, codes.CONTROL_KILL, 0, 0, -1), codes.INVALID_IDENTIFIER),
    ((None, codes.CONTROL_KILL, 0, 0, BIG), codes.INVALID_IDENTIFIER),
    ((None, codes.CONTROL_RESET_KILL, 0, 0, 0), codes.INVALID_IDENTIFIER),
    ((None, codes.CONTROL_RESET_LATCHES, 0, 0, 0), codes.INVALID_IDENTIFIER),
    ((None, codes.CONTROL_RESET_INSTRUMENT, 0, 0, 0), codes.INVALID_IDENTIFIER),
    ((None, codes.CONTROL_RESET_COOLDOWN, 0, 0, 0), codes.INVALID_IDENTIFIER),
    ((None, codes.CONTROL_RESET_INSTRUMENT, 4, 0, ANNA), codes.INVALID_INSTRUMENT),
    ((None, codes.CONTROL_LATCH_INSTRUMENT, -1, 0, ANNA), codes.INVALID_INSTRUMENT),
    ((None, codes.CONTROL_SET_STRATEGY_STATE, 2, codes.ACTIVE, ANNA), codes.INVALID_STRATEGY),
    ((None, codes.CONTROL_SET_STRATEGY_STATE, 0, codes.DOWN, ANNA), codes.INVALID_CODE),
    ((None, codes.CONTROL_SET_VENUE_STATE, 2, codes.ACTIVE, ANNA), codes.INVALID_VENUE),
    ((None, codes.CONTROL_SET_VENUE_STATE, 0, codes.UNSET, ANNA), codes.INVALID_CODE),
    ((None, codes.CONTROL_SET_VENUE_STATE, 0, codes.DISABLED, ANNA), codes.INVALID_CODE),
    ((None, codes.CONTROL_VENUE_USAGE, 2, 1, ANNA), codes.INVALID_VENUE),
    ((None, codes.CONTROL_VENUE_USAGE, 0, -1, ANNA), codes.INVALID_VALUE),
    ((None, codes.CONTROL_VENUE_USAGE, 0, BIG, ANNA), codes.INVALID_VALUE),
]
REFUSED = [
    (kernel, arguments, status)
    for kernel, rows in (
        (system.on_heartbeat, HEARTBEATS),
        (system.on_latency, LATENCIES),
        (system.on_error, ERRORS),
        (system.on_regime, REGIMES),
        (system.control, CONTROLS),
    )
    for arguments, status in rows
]


@pytest.mark.parametrize(("kernel", "arguments", "status"), REFUSED)
def test_an_invalid_event_changes_no_byte(state, kernel, arguments, status):
    before = state.tobytes()
    time_ns, *rest = arguments
    assert kernel(state, support.now(state) if time_ns is None else time_ns, *rest) == status
    assert state.tobytes() == before


def test_a_foreign_buffer_is_refused():
    state = make_empty()
    state.header.abi_version += 1
    before = state.tobytes()
    time_ns = support.START_NS
    assert system.on_heartbeat(state, time_ns, -1) == codes.BAD_BUFFER
    assert system.on_latency(state, time_ns, 1) == codes.BAD_BUFFER
    assert system.on_error(state, time_ns, 1) == codes.BAD_BUFFER
    assert system.on_regime(state, time_ns, 0, 1.0) == codes.BAD_BUFFER
    assert system.control(state, time_ns, codes.CONTROL_KILL, 0, 0, 1) == codes.BAD_BUFFER
    assert state.tobytes() == before


def test_rebasing_the_peak_accepts_a_loss_so_that_a_reset_lasts():
    state = support.make_state(max_drawdown=0.125)
    support.fill(state, support.LINEAR_ETH, codes.BUY, 600, 2048)
    support.quote(state, support.LINEAR_ETH, 1023, 1025)  # 600 x 512 of 2,097,152 lost: 14.6 %
    assert state.account.latches & codes.LATCH_DRAWDOWN
    control(state, codes.CONTROL_RESET_LATCHES)
    assert state.account.latches & codes.LATCH_DRAWDOWN
    assert control(state, codes.CONTROL_REBASE_PEAK) == codes.OK
    assert state.account.drawdown == 0.0
    assert state.account.high_water_mark == state.account.equity
    control(state, codes.CONTROL_RESET_LATCHES)
    assert state.account.latches == 0


def test_a_broken_quote_does_not_swallow_the_other_positions():
    state = support.make_state()
    support.fill(state, support.LINEAR_ETH, codes.BUY, 3, 2048)
    support.fill(state, support.LINEAR_BTC, codes.BUY, 7, 4096)
    before = float(state.account.gross)
    ticks = 1 << 39
    support.quote(state, support.LINEAR_BTC, ticks, ticks + 2)
    support.quote(state, support.LINEAR_BTC, 4095, 4097)
    assert state.account.gross == before
