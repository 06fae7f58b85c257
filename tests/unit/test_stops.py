"""Stops trail and never retreat; targets never move away; the gate is charged the distance left."""

import numpy as np
import pytest

from riskcore import codes
from riskcore.kernels import stops
from tests import support
from tests.support import LINEAR_BTC, make_state, quote

I = LINEAR_BTC  # noqa: E741  the instrument of every test here
MARK = 4096
GAP = support.PARAMETER_VALUES["stop_gap"]
# stop_multiple 2 x volatility 1/16 over the stop horizon of a day
D = 0.125


@pytest.fixture
def state():
    return make_state()


def close(value):
    """Equal but for the rounding of a square root."""
    return pytest.approx(value, rel=1e-12)


def hold(state, lots, price=MARK):
    """Trade `lots` (signed) of the instrument."""
    side = codes.BUY if lots > 0 else codes.SELL
    assert support.fill(state, I, side, abs(lots), price) == codes.BOOKED_UNMATCHED


def mark_at(state, mark):
    assert quote(state, I, mark - 1, mark + 1) == codes.OK


def set_volatility(state, volatility):
    state.volatility[I].volatility = volatility
    stops.refresh(state, I)


# --- placing --------------------------------------------------------------------------------------


def test_a_long_gets_its_stop_below_and_its_target_above(state):
    hold(state, 100)
    position = state.positions[I]
    assert position.stop_price == close(MARK * (1 - D))
    assert position.target_price == close(MARK * (1 + 2 * D))
    assert position.stop_breached == 0


def test_a_short_gets_its_stop_above_and_its_target_below(state):
    hold(state, -100)
    position = state.positions[I]
    assert position.stop_price == close(MARK * (1 + D))
    assert position.target_price == close(MARK * (1 - 2 * D))


def test_the_regime_widens_the_stop(state):
    state.regime.stop_multiplier = 2.0
    hold(state, 100)
    assert state.positions[I].stop_price == close(MARK * (1 - 2 * D))


def test_the_distance_scales_with_the_root_of_the_horizon():
    state = make_state(stop_horizon_ns=6 * support.HOUR)
    assert stops.model_distance(state, I) == close(D / 2)


def test_a_stop_of_a_long_stays_above_zero(state):
    state.regime.stop_multiplier = 1000.0
    hold(state, 100)
    assert state.positions[I].stop_price == close(MARK * 0.01)


def test_a_target_of_a_short_below_zero_is_none(state):
    state.regime.stop_multiplier = 6.0
    hold(state, -100)
    assert state.positions[I].target_price == 0.0


def test_flat_means_no_stop(state):
    hold(state, 100)
    hold(state, -100)
    position = state.positions[I]
    assert (position.stop_price, position.target_price, position.stop_breached) == (0.0, 0.0, 0)


def test_a_flip_places_the_stop_anew(state):
    hold(state, 100)
    hold(state, -300)
    assert state.positions[I].stop_price == close(MARK * (1 + D))


def test_adding_does_not_widen_the_stop(state):
    hold(state, 100)
    stop = float(state.positions[I].stop_price)
    mark_at(state, 3900)
    hold(state, 100, 3900)
    assert state.positions[I].stop_price == stop


def test_reducing_keeps_the_stop(state):
    hold(state, 100)
    stop = float(state.positions[I].stop_price)
    hold(state, -50)
    assert state.positions[I].stop_price == stop


def test_a_position_without_a_known_distance_has_no_stop_and_may_lose_everything(state):
    state.volatility[I].volatility = 0.0
    hold(state, 100)
    position = state.positions[I]
    assert position.stop_price == 0.0
    assert position.stop_fraction_long == 1.0 + GAP
    set_volatility(state, 0.0625)
    assert position.stop_price == close(MARK * (1 - D))


# --- trailing -------------------------------------------------------------------------------------


def test_a_stop_follows_a_rise_and_not_a_fall(state):
    hold(state, 100)
    mark_at(state, 5000)
    assert state.positions[I].stop_price == close(5000 * (1 - D))
    mark_at(state, 4900)
    assert state.positions[I].stop_price == close(5000 * (1 - D))


def test_a_short_stop_follows_a_fall_and_not_a_rise(state):
    hold(state, -100)
    mark_at(state, 3000)
    assert state.positions[I].stop_price == close(3000 * (1 + D))
    mark_at(state, 3100)
    assert state.positions[I].stop_price == close(3000 * (1 + D))


@pytest.mark.parametrize("lots", [100, -100])
def test_more_volatility_neither_widens_a_stop_nor_moves_a_target_away(state, lots):
    hold(state, lots)
    position = state.positions[I]
    before = float(position.stop_price), float(position.target_price)
    set_volatility(state, 0.125)
    assert (position.stop_price, position.target_price) == before


@pytest.mark.parametrize("lots", [100, -100])
def test_less_volatility_tightens_both(state, lots):
    hold(state, lots)
    set_volatility(state, 0.03125)
    position, side = state.positions[I], np.sign(lots)
    assert position.stop_price == close(MARK * (1 - side * D / 2))
    assert position.target_price == close(MARK * (1 + side * D))


@pytest.mark.parametrize("lots", [100, -100])
def test_over_any_path_a_stop_only_moves_in_favour(state, lots):
    rng, side = np.random.default_rng(3), np.sign(lots)
    hold(state, lots)
    position = state.positions[I]
    stop, target, mark = float(position.stop_price), float(position.target_price), float(MARK)
    for _ in range(200):
        mark *= np.exp(0.01 * rng.standard_normal())
        state.volatility[I].volatility = 0.0625 * np.exp(0.2 * rng.standard_normal())
        mark_at(state, round(mark))
        assert side * position.stop_price >= side * stop
        assert side * position.target_price <= side * target
        stop, target = float(position.stop_price), float(position.target_price)


# --- breach ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lots", "beyond", "back"), [(100, 3500, 5000), (-100, 4700, 3000)])
def test_a_breach_stays_until_the_position_is_flat(state, lots, beyond, back):
    hold(state, lots)
    stop = float(state.positions[I].stop_price)
    mark_at(state, beyond)
    assert state.positions[I].stop_breached == 1
    mark_at(state, back)
    assert state.positions[I].stop_breached == 1
    assert state.positions[I].stop_price == stop
    hold(state, -lots, back)
    assert state.positions[I].stop_breached == 0


@pytest.mark.parametrize("side", [1, -1])
def test_the_stop_itself_is_a_breach(state, side):
    hold(state, side * 100)
    mark_at(state, MARK - side)  # close by
    assert state.positions[I].stop_breached == 0
    state.positions[I].stop_price = MARK - side
    stops.refresh(state, I)
    assert state.positions[I].stop_breached == 1


# --- loss fractions -------------------------------------------------------------------------------


def test_flat_both_sides_are_charged_the_model_distance_and_the_gap(state):
    position = state.positions[I]
    assert position.stop_fraction_long == close(D + GAP)
    assert position.stop_fraction_short == close(D + GAP)


@pytest.mark.parametrize("lots", [100, -100])
def test_the_open_side_is_charged_the_distance_to_its_stop(state, lots):
    hold(state, lots)
    set_volatility(state, 0.125)  # the stop stays; a new position would have a wider one
    position = state.positions[I]
    own, other = position.stop_fraction_long, position.stop_fraction_short
    if lots < 0:
        own, other = other, own
    assert own == close(D + GAP)
    assert other == close(2 * D + GAP)


@pytest.mark.parametrize(("lots", "mark"), [(100, 3500), (-100, 4700)])
def test_past_the_stop_only_the_gap_is_left(state, lots, mark):
    hold(state, lots)
    mark_at(state, mark)
    position = state.positions[I]
    own = position.stop_fraction_long if lots > 0 else position.stop_fraction_short
    assert own == GAP


def test_the_loss_at_the_stop_reaches_the_account(state):
    before = float(state.account.stop_loss)
    hold(state, 100)
    value = 100 * MARK * 0.125
    assert state.account.stop_loss - before == close(value * (D + GAP))
