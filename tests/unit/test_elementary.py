"""Elementary functions: accuracy against mpmath, printed tables, every double, the same bits."""

from __future__ import annotations

import inspect
import math
import os
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import mpmath
import numpy as np
import pytest

import riskcore.kernels.elementary as elementary
import riskcore.kernels.language as language
from riskcore.kernels.elementary import LARGEST, SMALLEST_NORMAL

ROOT = Path(__file__).resolve().parents[2]
SEED = 20240229
DEGREES = (2.05, 2.5, 3.0, 4.7, 8.0, 30.0, 250.0, 1e4, 1e6)


# --- helpers -------------------------------------------------------------------------------------


def load_plain() -> ModuleType:
    """The same source executed with a decorator that does nothing: plain Python beside the JIT."""
    twin = ModuleType("elementary_plain")
    source = Path(inspect.getsourcefile(elementary)).read_text(encoding="utf-8")
    decorator = language.kernel
    language.kernel = lambda function: function
    try:
        exec(compile(source, elementary.__file__, "exec"), twin.__dict__)  # noqa: S102
    finally:
        language.kernel = decorator
    return twin


PLAIN = load_plain()


def bits(value: float) -> int:
    """The 64 bits of a double, so that 0.0 and -0.0 differ."""
    return struct.unpack("<q", struct.pack("<d", value))[0]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


@pytest.fixture(autouse=True)
def forty_digits():
    with mpmath.workdps(40):
        yield


def worst_ulp(function, oracle, points) -> float:
    """Largest error of the function in units in the last place of its result."""
    worst = 0.0
    for x in map(float, points):
        got, want = function(x), oracle(mpmath.mpf(x))
        worst = max(worst, float(abs(mpmath.mpf(got) - want) / mpmath.mpf(math.ulp(got))))
    return worst


def worst_relative(function, oracle, points) -> float:
    """Largest relative error of the function."""
    worst = 0.0
    for x in map(float, points):
        got, want = function(x), oracle(mpmath.mpf(x))
        worst = max(worst, float(abs(mpmath.mpf(got) / want - 1)))
    return worst


def normal_cdf_oracle(x):
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def student_t_pdf_oracle(t, df):
    df = mpmath.mpf(df)
    peak = mpmath.gammaprod([(df + 1) / 2], [df / 2]) / mpmath.sqrt(df * mpmath.pi)
    return peak * (1 + t * t / df) ** (-(df + 1) / 2)


def student_t_tail_oracle(t, df):
    """P(T > t) with enough digits for tails down to 1e-18."""
    if t < 0:
        return 1 - student_t_tail_oracle(-t, df)
    df = mpmath.mpf(df)
    if t * t >= df:
        return mpmath.betainc(df / 2, mpmath.mpf("0.5"), 0, df / (df + t * t), regularized=True) / 2
    half = mpmath.mpf("0.5")
    centre = t * student_t_pdf_oracle(mpmath.mpf(0), df)
    return half - centre * mpmath.hyp2f1(half, (df + 1) / 2, 1 + half, -t * t / df)


# --- integers and comparisons --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "whole"),
    [
        (0.0, 0),
        (-0.0, 0),
        (2.0, 2),
        (2.999999999999999, 2),
        (-2.0, -2),
        (-2.000000000000001, -3),
        (-0.5, -1),
        (5e-324, 0),
        (-5e-324, -1),
        (2.0**53 + 2.0, 2**53 + 2),
        (math.nextafter(2.0**62, 0.0), 2**62 - 512),
        (math.nextafter(-(2.0**62), 0.0), -(2**62) + 512),
    ],
)
def test_floor_to_int_is_the_largest_integer_not_above(x, whole):
    assert elementary.floor_to_int(x) == whole == math.floor(x)


@pytest.mark.parametrize("x", [2.0**62, -(2.0**62), 1e300, math.inf, -math.inf, math.nan])
def test_floor_to_int_answers_zero_beyond_its_domain(x):
    assert elementary.floor_to_int(x) == 0


def test_floor_to_step_never_rounds_up():
    assert elementary.floor_to_step(17, 5) == 15
    assert elementary.floor_to_step(15, 5) == 15
    assert elementary.floor_to_step(4, 5) == 0
    assert elementary.floor_to_step(-7, 5) == 0
    assert elementary.floor_to_step(7, 0) == 0


def test_maximum_and_minimum_choose_by_comparison():
    assert elementary.maximum(2, 3) == 3
    assert elementary.maximum(2.5, -3.0) == 2.5
    assert elementary.minimum(2, 3) == 2
    assert elementary.minimum(2.5, -3.0) == -3.0
    assert elementary.maximum(math.nan, 1.0) == 1.0
    assert elementary.minimum(math.nan, 1.0) == 1.0


def test_absolute_keeps_the_type():
    assert elementary.absolute(-3) == 3
    assert isinstance(elementary.absolute(-3), int)
    assert elementary.absolute(-2.5) == 2.5


@pytest.mark.parametrize(
    ("x", "bounded"),
    [
        (1.0, True),
        (-1.0, True),
        (0.0, True),
        (1.0000001, False),
        (-2.0, False),
        (math.nan, False),
        (math.inf, False),
    ],
)
def test_is_bounded_includes_both_ends_and_refuses_nan(x, bounded):
    assert elementary.is_bounded(x, 1.0) is bounded


@pytest.mark.parametrize(
    ("x", "finite"),
    [
        (0.0, True),
        (LARGEST, True),
        (-LARGEST, True),
        (math.inf, False),
        (-math.inf, False),
        (math.nan, False),
    ],
)
def test_is_finite_needs_no_arithmetic(x, finite):
    assert elementary.is_finite(x) is finite


@pytest.mark.parametrize("exponent", [-1022, -1021, -512, -1, 0, 1, 2, 53, 1022, 1023])
def test_power_of_two_is_exact(exponent):
    assert elementary.power_of_two(exponent) == math.ldexp(1.0, exponent)


# --- exp, log, power -----------------------------------------------------------------------------


def test_exp_is_within_one_ulp(rng):
    points = np.concatenate(
        [
            rng.uniform(-708.39, 709.78, 2000),
            rng.uniform(-1.0, 1.0, 2000),
            rng.choice([-1.0, 1.0], 500) * 10.0 ** rng.uniform(-20.0, 0.0, 500),
            np.arange(-708, 710) * math.log(2.0) / 2.0,
            [-708.396418532264, 709.782712893384, 0.0],
        ]
    )
    points = points[(points >= -708.396418532264) & (points <= 709.782712893384)]
    assert worst_ulp(elementary.exp, mpmath.exp, points) < 1.0


def test_exp_saturates_without_overflow_and_flushes_subnormal_results_to_zero():
    assert elementary.exp(709.7827128933841) == LARGEST
    assert elementary.exp(1e4) == LARGEST
    assert elementary.exp(math.inf) == LARGEST
    assert elementary.exp(math.nan) == LARGEST
    assert elementary.exp(-708.396418532264) >= SMALLEST_NORMAL
    assert elementary.exp(-708.3964185322642) == 0.0
    assert elementary.exp(-745.2) == 0.0
    assert elementary.exp(-math.inf) == 0.0
    assert elementary.exp(0.0) == 1.0


def test_exp_never_decreases_across_its_seams():
    for start in (
        -708.396418532264,
        -1.0,
        -0.34657359027997264,
        0.0,
        0.34657359027997264,
        1.0,
        709.7827128933,
    ):
        previous, x = 0.0, start - 40 * math.ulp(start)
        for _ in range(80):
            value = elementary.exp(x)
            assert value >= previous
            previous, x = value, math.nextafter(x, math.inf)


def test_log_is_within_one_ulp(rng):
    points = np.concatenate(
        [
            np.ldexp(rng.uniform(0.5, 1.0, 3000), rng.integers(-1073, 1024, 3000)),
            rng.uniform(0.5, 2.0, 2000),
            1.0 + rng.uniform(-1.0, 1.0, 500) * 10.0 ** rng.uniform(-16.0, 0.0, 500),
            [
                5e-324,
                1e-310,
                SMALLEST_NORMAL,
                LARGEST,
                math.nextafter(1.0, 0.0),
                math.nextafter(1.0, 2.0),
            ],
        ]
    )
    points = points[(points > 0.0) & (points != 1.0)]
    assert worst_ulp(elementary.log, mpmath.log, points) < 1.0


def test_log_is_exact_at_one_and_answers_a_sentinel_outside_its_domain():
    assert elementary.log(1.0) == 0.0
    for x in (0.0, -0.0, -1.0, -math.inf, math.nan):
        assert elementary.log(x) == -LARGEST
    assert elementary.log(math.inf) == elementary.log(LARGEST)


def test_log_of_every_power_of_two_is_its_exponent_times_log_two():
    for exponent in range(-1074, 1024):
        got = elementary.log(math.ldexp(1.0, exponent))
        want = exponent * mpmath.log(2)
        assert abs(mpmath.mpf(got) - want) <= math.ulp(got)


def test_log_one_plus_keeps_the_last_place_of_small_arguments(rng):
    points = np.concatenate(
        [
            rng.uniform(-1.0, 3.0, 2000),
            10.0 ** rng.uniform(-25.0, 30.0, 1500),
            -(10.0 ** rng.uniform(-25.0, -0.01, 1500)),
            [math.nextafter(-1.0, 0.0), -0.29, 0.41, LARGEST, 5e-324],
        ]
    )
    assert worst_ulp(elementary.log_one_plus, mpmath.log1p, points) < 1.5
    assert elementary.log_one_plus(-1.0) == -LARGEST
    assert elementary.log_one_plus(math.nan) == -LARGEST


def test_power_error_grows_only_with_the_exponent(rng):
    for _ in range(2000):
        x = float(10.0 ** rng.uniform(-6.0, 6.0))
        y = float(rng.uniform(-20.0, 20.0))
        got, want = elementary.power(x, y), mpmath.power(mpmath.mpf(x), mpmath.mpf(y))
        allowed = (2.0 + 2.0 * abs(y * math.log(x))) * 2.0**-53
        assert abs(mpmath.mpf(got) / want - 1) <= allowed


def test_power_at_the_edges():
    assert elementary.power(3.7, 0.0) == 1.0
    assert elementary.power(3.7, 1.0) == 3.7
    assert elementary.power(1.0, 1e300) == 1.0
    assert elementary.power(2.0, 1e300) == LARGEST
    assert elementary.power(0.5, 1e300) == 0.0
    assert elementary.power(0.5, -1e300) == LARGEST
    assert elementary.power(2.0, 5e-324) == 1.0
    assert elementary.power(0.0, 2.0) == 0.0
    assert elementary.power(-2.0, 2.0) == 0.0
    assert elementary.power(math.nan, 2.0) == 0.0
    assert elementary.power(0.5, math.nan) == 0.0


# --- gamma function ------------------------------------------------------------------------------


def test_log_gamma_to_fifteen_digits_also_beside_its_zeros(rng):
    points = np.concatenate(
        [
            10.0 ** rng.uniform(-300.0, 299.0, 800),
            10.0 ** rng.uniform(-2.0, 3.0, 1500),
            rng.uniform(0.3, 3.0, 1500),
            1.0 + 10.0 ** rng.uniform(-15.0, -1.0, 100),
            2.0 - 10.0 ** rng.uniform(-15.0, -1.0, 100),
            [0.5, 1.5, 2.5, 12.0, math.nextafter(12.0, 0.0), 1e17, 1e300],
        ]
    )
    assert worst_relative(elementary.log_gamma, mpmath.loggamma, points) < 1e-15


def test_log_gamma_counts_permutations():
    assert elementary.log_gamma(1.0) == 0.0
    assert elementary.log_gamma(2.0) == 0.0
    assert elementary.log_gamma(5.0) == pytest.approx(math.log(24.0), rel=1e-15)
    assert elementary.log_gamma(0.5) == pytest.approx(0.5 * math.log(math.pi), rel=1e-15)
    for x in (0.0, -1.5, math.nan, math.inf):
        assert elementary.log_gamma(x) == LARGEST


def test_ratio_of_gammas_half_a_step_apart_has_no_cancellation(rng):
    def oracle(a):
        return mpmath.gammaprod([a + mpmath.mpf("0.5")], [a])

    points = np.concatenate([10.0 ** rng.uniform(-0.3, 7.0, 1000), [0.5, 1.0, 12.0, 11.999999]])
    assert worst_relative(elementary.half_step_gamma_ratio, oracle, points) < 3e-15


# --- normal distribution -------------------------------------------------------------------------


def test_normal_pdf_keeps_its_precision_in_the_tails(rng):
    points = np.concatenate([rng.uniform(-37.5, 37.5, 2000), [0.0, 1e-10, 1e-12]])
    assert worst_ulp(elementary.normal_pdf, mpmath.npdf, points) < 2.5
    assert elementary.normal_pdf(37.6) == 0.0
    assert elementary.normal_pdf(math.nan) == 0.0


def test_normal_cdf_keeps_its_precision_in_the_lower_tail(rng):
    points = np.concatenate(
        [
            rng.uniform(-37.4, 0.0, 2000),
            rng.uniform(-6.0, 8.3, 2000),
            [-37.4, -5.656854249492381, -0.67448975, -1e-17, 0.67448975, 5.656854249492381],
        ]
    )
    assert worst_ulp(elementary.normal_cdf, normal_cdf_oracle, points) < 8.0
    assert worst_relative(elementary.normal_cdf, normal_cdf_oracle, points) < 1.5e-15


def test_normal_cdf_at_the_edges():
    assert elementary.normal_cdf(0.0) == 0.5
    assert elementary.normal_cdf(9.0) == 1.0
    assert elementary.normal_cdf(math.inf) == 1.0
    assert elementary.normal_cdf(-38.0) == 0.0
    assert elementary.normal_cdf(-math.inf) == 0.0
    assert elementary.normal_cdf(math.nan) == 0.0


def test_normal_quantile_to_fifteen_digits(rng):
    def error(p: float) -> float:
        got = elementary.normal_quantile(p)
        x = mpmath.mpf(got)
        for _ in range(3):
            if p < 0.5:
                x -= (normal_cdf_oracle(x) - mpmath.mpf(p)) / mpmath.npdf(x)
            else:
                x += (normal_cdf_oracle(-x) - (1 - mpmath.mpf(p))) / mpmath.npdf(x)
        return float(abs(got / x - 1))

    points = np.concatenate(
        [
            rng.uniform(0.0, 1.0, 800),
            10.0 ** rng.uniform(-305.0, -1.0, 500),
            0.5 + rng.choice([-1.0, 1.0], 200) * 10.0 ** rng.uniform(-15.0, -1.0, 200),
            [0.075, 0.925, math.nextafter(1.0, 0.0), math.nextafter(0.5, 1.0)],
        ]
    )
    assert max(error(float(p)) for p in points if p != 0.5) < 1e-15


@pytest.mark.parametrize(
    ("p", "published"),
    [
        (0.9, 1.281552),
        (0.95, 1.644854),
        (0.975, 1.959964),
        (0.99, 2.326348),
        (0.995, 2.575829),
        (0.999, 3.090232),
    ],
)
def test_normal_quantiles_of_the_printed_tables(p, published):
    assert elementary.normal_quantile(p) == pytest.approx(published, abs=5e-7)
    assert elementary.normal_quantile(1.0 - p) == pytest.approx(-published, abs=5e-7)


def test_normal_quantile_at_the_edges():
    assert elementary.normal_quantile(0.5) == 0.0
    for p in (0.0, -0.1, math.nan, -math.inf):
        assert elementary.normal_quantile(p) == -LARGEST
    for p in (1.0, 1.5, math.inf):
        assert elementary.normal_quantile(p) == LARGEST


# --- Student's t distribution --------------------------------------------------------------------


@pytest.mark.parametrize("df", DEGREES)
def test_student_t_pdf_and_both_tails_to_fourteen_digits(df, rng):
    points = np.concatenate(
        [
            10.0 ** rng.uniform(-6.0, 1.3, 40),
            rng.uniform(0.0, 6.0, 40),
            [1e-30, math.sqrt(3.0), 1.7320508, 1.74],
        ]
    )
    with mpmath.workdps(70):
        for t in map(float, points):
            tail = student_t_tail_oracle(mpmath.mpf(t), df)
            if tail > 1e-18:
                assert abs(elementary.student_t_cdf(-t, df) / tail - 1) < 1e-14
                assert abs(elementary.student_t_cdf(t, df) / (1 - tail) - 1) < 1e-15
                density = student_t_pdf_oracle(mpmath.mpf(t), df)
                assert abs(elementary.student_t_pdf(t, df) / density - 1) < 1e-14


@pytest.mark.parametrize("df", DEGREES)
def test_student_t_quantile_to_fourteen_digits(df, rng):
    points = np.concatenate(
        [
            10.0 ** rng.uniform(-15.0, -0.31, 20),
            0.5 + rng.choice([-1.0, 1.0], 12) * 10.0 ** rng.uniform(-9.0, -0.31, 12),
            [0.05, 0.1, 0.95, 0.9],
        ]
    )
    with mpmath.workdps(70):
        for p in map(float, points):
            got = elementary.student_t_quantile(p, df)
            x = mpmath.mpf(got)
            for _ in range(2):
                if p < 0.5:
                    x += (mpmath.mpf(p) - student_t_tail_oracle(-x, df)) / student_t_pdf_oracle(
                        x, df
                    )
                else:
                    x -= (1 - mpmath.mpf(p) - student_t_tail_oracle(x, df)) / student_t_pdf_oracle(
                        x, df
                    )
            assert abs(got / x - 1) < 1e-14


@pytest.mark.parametrize(
    ("p", "df", "published"),
    [
        (0.95, 3.0, 2.353),
        (0.95, 5.0, 2.015),
        (0.95, 10.0, 1.812),
        (0.95, 30.0, 1.697),
        (0.975, 3.0, 3.182),
        (0.975, 10.0, 2.228),
        (0.99, 4.0, 3.747),
        (0.99, 60.0, 2.390),
        (0.995, 20.0, 2.845),
        (0.9995, 5.0, 6.869),
        (0.9995, 120.0, 3.373),
    ],
)
def test_student_t_quantiles_of_the_printed_tables(p, df, published):
    assert elementary.student_t_quantile(p, df) == pytest.approx(published, abs=5e-4)


def test_student_t_has_closed_forms_for_one_and_two_degrees_of_freedom():
    for t in (0.1, 1.0, 1.9, 7.0, 300.0):
        cauchy = 0.5 - math.atan(1.0 / t) / math.pi if t > 1.0 else math.atan(t) / math.pi
        assert elementary.student_t_cdf(t, 1.0) == pytest.approx(0.5 + cauchy, rel=1e-15)
        two = 0.5 + t / (2.0 * math.sqrt(2.0 + t * t))
        assert elementary.student_t_cdf(t, 2.0) == pytest.approx(two, rel=1e-15)


@pytest.mark.parametrize("df", [2.0, 2.05, 3.0, 30.0, 1e3, 1e6, 1e9])
def test_student_t_quantile_and_cdf_undo_each_other_into_the_far_tails(df):
    for p in (1e-290, 1e-200, 1e-100, 1e-30, 1e-8, 1e-3, 0.1, 0.100001, 0.3, 0.49999):
        t = elementary.student_t_quantile(p, df)
        assert elementary.student_t_cdf(t, df) == pytest.approx(p, rel=1e-11)


def test_student_t_of_many_degrees_of_freedom_is_normal():
    for x in (-6.0, -2.0, -0.3, 0.7, 3.0):
        assert elementary.student_t_cdf(x, 1e9) == pytest.approx(elementary.normal_cdf(x), rel=1e-6)
    assert elementary.student_t_quantile(0.05, 1e9) == pytest.approx(-1.6448536269514722, rel=1e-8)


def test_student_t_at_the_edges():
    assert elementary.student_t_cdf(0.0, 5.0) == 0.5
    assert elementary.student_t_cdf(math.inf, 5.0) == 1.0
    assert elementary.student_t_cdf(-math.inf, 5.0) == 0.0
    assert elementary.student_t_cdf(math.nan, 5.0) == 0.0
    assert elementary.student_t_cdf(1.0, 0.5) == 0.0
    assert elementary.student_t_cdf(1.0, math.nan) == 0.0
    assert elementary.student_t_pdf(math.nan, 5.0) == 0.0
    assert elementary.student_t_quantile(0.5, 5.0) == 0.0
    assert elementary.student_t_quantile(0.0, 5.0) == -LARGEST
    assert elementary.student_t_quantile(1.0, 5.0) == LARGEST
    assert elementary.student_t_quantile(math.nan, 5.0) == -LARGEST
    assert elementary.student_t_quantile(0.9, 1.9) == -LARGEST


# --- multipliers ---------------------------------------------------------------------------------


def test_normal_multipliers_are_the_textbook_ones():
    assert elementary.value_at_risk_multiplier(0.0) == pytest.approx(1.6448536269514722, rel=1e-15)
    assert elementary.expected_shortfall_multiplier(0.0) == pytest.approx(
        2.0627128075074257, rel=1e-14
    )


@pytest.mark.parametrize("df", [2.05, 2.5, 3.0, 4.0, 6.0, 30.0, 1e4, 1e6])
def test_student_t_multipliers_belong_to_unit_variance(df):
    # Oracle: quantile by root search, shortfall by integrating the quantile's tail.
    with mpmath.workdps(30):
        scale = mpmath.sqrt((mpmath.mpf(df) - 2) / df)
        start = elementary.student_t_quantile(0.95, df)
        q = mpmath.findroot(lambda x: student_t_tail_oracle(x, df) - mpmath.mpf("0.05"), start)
        mean = (
            student_t_pdf_oracle(q, df) * (df + q * q) / (mpmath.mpf(df) - 1) / mpmath.mpf("0.05")
        )
        assert elementary.value_at_risk_multiplier(df) == pytest.approx(float(q * scale), rel=1e-13)
        assert elementary.expected_shortfall_multiplier(df) == pytest.approx(
            float(mean * scale), rel=1e-13
        )


def test_expected_shortfall_is_the_mean_beyond_the_quantile():
    df = 4.0
    q = elementary.student_t_quantile(0.95, df)
    mean = mpmath.quad(
        lambda x: x * student_t_pdf_oracle(x, df), [q, 10, 100, mpmath.inf]
    ) / mpmath.mpf("0.05")
    scaled = float(mean) * math.sqrt(0.5)
    assert elementary.expected_shortfall_multiplier(df) == pytest.approx(scaled, rel=1e-10)


@pytest.mark.parametrize("df", [2.0, 2.0499, -1.0, 1.1e9, math.inf, -math.inf, math.nan])
def test_undefined_degrees_of_freedom_give_a_multiplier_that_no_limit_passes(df):
    assert elementary.value_at_risk_multiplier(df) == 1e6
    assert elementary.expected_shortfall_multiplier(df) == 1e6


# --- total, and the same bits in plain Python and under the JIT ----------------------------------

EDGES = (
    0.0,
    5e-324,
    1e-310,
    SMALLEST_NORMAL,
    1e-300,
    1e-160,
    1e-100,
    1e-17,
    2.0**-53,
    1e-10,
    0.05,
    0.1,
    0.5,
    math.nextafter(1.0, 0.0),
    1.0,
    math.nextafter(1.0, 2.0),
    2.0,
    2.05,
    8.3,
    12.0,
    37.4,
    37.5,
    38.0,
    708.396418532264,
    708.3964185322642,
    709.782712893384,
    709.7827128933841,
    745.2,
    1e9,
    2.0**62,
    1e17,
    1e150,
    1e160,
    1e300,
    LARGEST,
    math.inf,
)
EDGES = EDGES + tuple(-x for x in EDGES) + (math.nan,)

ONE_ARGUMENT = (
    "is_finite",
    "floor_to_int",
    "exp",
    "log",
    "log_one_plus",
    "log_gamma",
    "normal_pdf",
    "normal_cdf",
    "normal_quantile",
    "value_at_risk_multiplier",
    "expected_shortfall_multiplier",
)
TWO_ARGUMENTS = (
    "maximum",
    "minimum",
    "is_bounded",
    "power",
    "student_t_pdf",
    "student_t_cdf",
    "student_t_quantile",
)
COMPARISONS_ONLY = ("maximum", "minimum")  # return one of their arguments, whatever it is


@pytest.mark.parametrize("name", ONE_ARGUMENT + TWO_ARGUMENTS)
def test_every_double_has_an_answer_without_a_floating_point_signal(name):
    plain, compiled = getattr(PLAIN, name), getattr(elementary, name)
    pairs = (
        [(x,) for x in EDGES] if name in ONE_ARGUMENT else [(x, y) for x in EDGES for y in EDGES]
    )
    with np.errstate(all="raise"):
        for arguments in pairs:
            got = plain(*map(np.float64, arguments))
            if name not in COMPARISONS_ONLY:
                assert -LARGEST <= got <= LARGEST, arguments
            assert bits(float(got)) == bits(float(compiled(*arguments))), arguments


SAMPLES = {
    "floor_to_int": (20_000, lambda r, n: (r.uniform(-1e6, 1e6, n),)),
    "exp": (50_000, lambda r, n: (r.uniform(-720.0, 720.0, n),)),
    "log": (50_000, lambda r, n: (np.ldexp(r.uniform(0.5, 1.0, n), r.integers(-1073, 1024, n)),)),
    "log_one_plus": (20_000, lambda r, n: (r.uniform(-1.0, 4.0, n),)),
    "power": (20_000, lambda r, n: (10.0 ** r.uniform(-9.0, 9.0, n), r.uniform(-40.0, 40.0, n))),
    "log_gamma": (10_000, lambda r, n: (10.0 ** r.uniform(-3.0, 5.0, n),)),
    "normal_pdf": (10_000, lambda r, n: (r.uniform(-38.0, 38.0, n),)),
    "normal_cdf": (20_000, lambda r, n: (r.uniform(-38.0, 9.0, n),)),
    "normal_quantile": (20_000, lambda r, n: (r.uniform(0.0, 1.0, n) ** r.integers(1, 30, n),)),
    "student_t_pdf": (2_000, lambda r, n: (r.normal(0.0, 4.0, n), 10.0 ** r.uniform(0.31, 6.0, n))),
    "student_t_cdf": (2_000, lambda r, n: (r.normal(0.0, 4.0, n), 10.0 ** r.uniform(0.31, 6.0, n))),
    "student_t_quantile": (
        300,
        lambda r, n: (r.uniform(0.0, 1.0, n), 10.0 ** r.uniform(0.32, 6.0, n)),
    ),
    "value_at_risk_multiplier": (100, lambda r, n: (10.0 ** r.uniform(0.32, 6.0, n),)),
    "expected_shortfall_multiplier": (100, lambda r, n: (10.0 ** r.uniform(0.32, 6.0, n),)),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_plain_python_and_the_jit_give_the_same_bits(name, rng):
    count, draw = SAMPLES[name]
    columns = [column.tolist() for column in draw(rng, count)]
    plain = np.array([float(x) for x in map(getattr(PLAIN, name), *columns)])
    compiled = np.array([float(x) for x in map(getattr(elementary, name), *columns)])
    different = np.flatnonzero(plain.view(np.int64) != compiled.view(np.int64))
    assert different.size == 0, (
        f"{different.size} of {count}, first at {[c[different[0]] for c in columns]}"
    )


FINGERPRINT = """
import struct, sys
from riskcore.kernels import elementary as e
words = []
for n in range(400):
    x = n * 0.37 - 70.0
    words += [e.exp(x), e.log(n + 0.123)]
    words += [e.normal_cdf(x / 3.0), e.normal_quantile((n + 0.5) / 400.0)]
for n in range(20):
    words += [e.student_t_cdf(n / 4.0 - 3.0, 2.05 + n), e.value_at_risk_multiplier(2.05 + n)]
sys.stdout.write(struct.pack(f"<{len(words)}d", *words).hex())
"""


def test_disabling_the_jit_by_environment_changes_no_bit():
    outputs = []
    for value in ("0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": value, "PYTHONPATH": str(ROOT)}
        run = subprocess.run(
            [sys.executable, "-c", FINGERPRINT],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        outputs.append(run.stdout)
    assert len(outputs[0]) == 16 * 1640
    assert outputs[0] == outputs[1]
