"""Decimals to ticks and lots: exact, or refused."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskcore.codes import MAX_TICKS
from riskcore.errors import InputError
from riskcore.instrument import Grid, Instrument

BTC = Instrument(
    "BTC-USDT", 0, "spot", "alpha", "USDT", "BTC", "BTC", Decimal("0.01"), Decimal("0.00001")
)


@pytest.mark.parametrize(
    ("price", "ticks"),
    [
        ("43000.01", 4_300_001),
        (43000.01, 4_300_001),
        (Decimal("43000.010"), 4_300_001),
        (43000, 4_300_000),
        (np.float64(43000.01), 4_300_001),
        (np.int64(43000), 4_300_000),
        ("4.3e4", 4_300_000),
        (0.01, 1),
    ],
)
def test_a_price_on_the_grid(price, ticks):
    assert BTC.to_ticks(price) == ticks


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        (43000.005, "43000.005"),
        ("43000.001", "'43000.001'"),
        (0.1 + 0.2, "0.30000000000000004"),
        (0, "0"),
        (0.0, "0.0"),
        (-1, "-1"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (Decimal("NaN"), "NaN"),
        (Decimal("sNaN"), "sNaN"),
        (1e300, "1e+300"),
        (Decimal("1e999999"), "1E+999999"),
        (Decimal("1e-999999"), "1E-999999"),
        (10**400, "an integer of 1329 bits"),
        ("ten", "'ten'"),
        ("", "''"),
        (None, "None"),
        (True, "True"),
        ([1], "[1]"),
        (1 + 0j, "(1+0j)"),
    ],
)
def test_a_price_that_is_none(price, shown):
    with pytest.raises(InputError) as caught:
        BTC.to_ticks(price)
    assert str(caught.value) == (
        f"price is {shown}: allowed is a multiple of 0.01 from 0.01 to 10995116277.76"
    )


def test_a_position_may_be_zero_or_negative_and_an_order_may_not():
    assert BTC.to_signed_lots("-0.5") == -50_000
    assert BTC.to_signed_lots(0) == 0
    with pytest.raises(InputError, match=r"^quantity is -0\.5: "):
        BTC.to_lots(-0.5)


@given(st.integers(1, MAX_TICKS), st.integers(0, 12), st.sampled_from([1, 2, 5, 25]))
def test_every_tick_survives_the_round_trip(ticks, places, coefficient):
    grid = Grid("price", Decimal(coefficient).scaleb(-places), 1, MAX_TICKS)
    value = grid.value(ticks)
    assert grid.count(value) == ticks
    assert grid.count(str(value)) == ticks
    if ticks * coefficient < 10**15:
        assert grid.count(float(value)) == ticks


@given(st.floats(0.01, 1e7))
def test_a_float_is_the_decimal_that_it_prints(price):
    exact = Decimal(repr(price))
    on_grid = exact % Decimal("0.01") == 0
    if on_grid:
        assert BTC.to_ticks(price) == int(exact / Decimal("0.01"))
    else:
        with pytest.raises(InputError):
            BTC.to_ticks(price)


def test_the_decimal_context_has_no_say():
    with localcontext() as context:
        context.prec = 3
        assert BTC.to_ticks("43000.01") == 4_300_001
        assert BTC.from_ticks(4_300_001) == Decimal("43000.01")


def test_rounding_is_to_the_nearest_price_and_down_to_lots():
    assert BTC.round_price(43000.014) == Decimal("43000.01")
    assert BTC.round_price("43000.015") == Decimal("43000.02")
    assert BTC.round_lots("0.123456789") == Decimal("0.12345")
    with pytest.raises(InputError, match=r"^quantity is 1e-06: "):
        BTC.round_lots(0.000001)


@pytest.mark.parametrize("step", ["0", "-1", "NaN", "1e-16", "1e16"])
def test_a_step_that_makes_no_grid(step):
    with pytest.raises(InputError, match=r"^price step is "):
        Grid("price", Decimal(step), 1, 10)


def test_a_step_above_one():
    grid = Grid("price", Decimal("1E+2"), 1, 10)
    assert grid.count(300) == 3
    assert grid.value(3) == 300
