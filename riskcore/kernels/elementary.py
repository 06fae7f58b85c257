"""Elementary and distribution functions from + - * / and sqrt alone: the same bits everywhere.

A C library's exp and log give other bits on other processors, so none is called. Every public
function is total: it has a documented answer for every argument, NaN included, raises nothing, and
does not even signal a floating-point exception, so plain Python runs under
``np.errstate(all="raise")``. Results that would be subnormal are exactly 0.0; results that would
overflow are LARGEST. Arguments and results are float64 scalars unless a docstring says otherwise.

Errors against 40 and more digits stay below (ulp: unit in the last place of the result):

=============================  ======================================  ==================
function                       domain                                  error
=============================  ======================================  ==================
exp                            -708.39 to 709.78                       1 ulp
log                            every positive double                   1 ulp
log_one_plus                   above -1                                1.5 ulp
power(x, y)                    where it does not saturate              see its docstring
log_gamma                      0 to 1e300                              1e-15, relative
normal_pdf                     -37.5 to 37.5                           2.5 ulp
normal_cdf                     -37.4 to 8.3                            8 ulp
normal_quantile                1e-305 to 1 - 2**-53                    1e-15, relative
student_t_pdf, student_t_cdf   df 2.05 to 1e6, lower tail from 1e-18   1e-14, relative
student_t_quantile             df 2.05 to 1e6, p from 1e-15            1e-14, relative
multipliers                    df 2.05 to 1e6                          1e-13, relative
=============================  ======================================  ==================
"""

import math

from riskcore.kernels.language import kernel

LARGEST = 1.7976931348623157e308  # the largest finite double
SMALLEST_NORMAL = 2.2250738585072014e-308  # 2**-1022

# --- exp: range reduction by ln 2 in two parts, then the rational form of fdlibm's e_exp ---------
EXP_HIGHEST = 709.782712893384  # exp of anything above exceeds LARGEST
EXP_LOWEST = -708.396418532264  # exp of anything below is subnormal
LN2_HIGH = 6.93147180369123816490e-01  # its last 21 bits are zero: k * LN2_HIGH is exact
LN2_LOW = 1.90821492927058770002e-10
INVERSE_LN2 = 1.44269504088896338700
EXP_P1 = 1.66666666666666019037e-01
EXP_P2 = -2.77777777770155933842e-03
EXP_P3 = 6.61375632143793436117e-05
EXP_P4 = -1.65339022054652515390e-06
EXP_P5 = 4.13813679705723846039e-08

# --- log: reduction to [sqrt(1/2), sqrt(2)), then the series of fdlibm's e_log -------------------
SQRT_2 = 1.4142135623730951
LOG_P1 = 6.666666666666735130e-01
LOG_P2 = 3.999999999940941908e-01
LOG_P3 = 2.857142874366239149e-01
LOG_P4 = 2.222219843214978396e-01
LOG_P5 = 1.818357216161805012e-01
LOG_P6 = 1.531383769920937332e-01
LOG_P7 = 1.479819860511658591e-01

# Exact powers of two.
TWO_1 = 2.0
TWO_2 = 4.0
TWO_4 = 16.0
TWO_8 = 256.0
TWO_16 = 65536.0
TWO_32 = 4294967296.0
TWO_64 = float.fromhex("0x1p64")
TWO_128 = float.fromhex("0x1p128")
TWO_256 = float.fromhex("0x1p256")
TWO_512 = float.fromhex("0x1p512")
TWO_62 = float.fromhex("0x1p62")
HALF_1 = 0.5
HALF_2 = 0.25
HALF_4 = 0.0625
HALF_8 = float.fromhex("0x1p-8")
HALF_16 = float.fromhex("0x1p-16")
HALF_32 = float.fromhex("0x1p-32")
HALF_64 = float.fromhex("0x1p-64")
HALF_128 = float.fromhex("0x1p-128")
HALF_256 = float.fromhex("0x1p-256")
HALF_512 = float.fromhex("0x1p-512")

# --- normal distribution -------------------------------------------------------------------------
INVERSE_SQRT_2PI = 0.3989422804014327
INVERSE_SQRT_PI = 0.5641895835477563
SPLITTER = 134217729.0  # 2**27 + 1: splits a double into two halves whose products are exact
CDF_LOWEST = -37.4  # normal_cdf is 0.0 below

# --- Student's t distribution --------------------------------------------------------------------
MIN_DEGREES_OF_FREEDOM = 2.05  # of the multipliers; variance is infinite at 2
MAX_DEGREES_OF_FREEDOM = 1e9
CENTRE_END = 1.7320508075688772  # the series serves below, the continued fraction above
TAIL_TERMS = 96  # of the continued fraction; enough wherever it is used
SERIES_TERMS = 200  # bound of the central series, which ends when its terms vanish
QUANTILE_STEPS = 64  # bound of the search; three to seven are taken
LOWEST_TAIL = 1e-290  # smallest tail probability that student_t_quantile inverts
UNDEFINED_MULTIPLIER = 1e6  # no limit lets a risk multiplied by this through

HALF_LOG_2PI = 0.9189385332046728


@kernel
def maximum(a, b):
    """The larger of two numbers of one type; `b` where `a` is NaN."""
    return a if a > b else b


@kernel
def minimum(a, b):
    """The smaller of two numbers of one type; `b` where `a` is NaN."""
    return a if a < b else b


@kernel
def absolute(x):
    """The absolute value of a float64 or int64 above -2**63."""
    return -x if x < 0 else x


@kernel
def is_bounded(x, bound):
    """True where -bound <= x <= bound; false for NaN."""
    return -bound <= x and x <= bound


@kernel
def is_finite(x):
    """True where a float64 is neither NaN nor infinite."""
    return x >= -LARGEST and x <= LARGEST


@kernel
def floor_to_int(x):
    """The largest int64 that is not above a float64.

    Domain: -2**62 < x < 2**62. Outside, and for NaN, 0: check with `is_bounded` first.
    """
    if not (x > -TWO_62 and x < TWO_62):
        return 0
    whole = int(x)
    return whole - 1 if float(whole) > x else whole


@kernel
def floor_to_step(lots, step):
    """The largest multiple of int64 `step` not above int64 `lots`; 0 where either is <= 0."""
    if lots <= 0 or step <= 0:
        return 0
    return lots - lots % step


@kernel
def power_of_two(exponent):
    """2**exponent, exact, for int64 -1022 <= exponent <= 1023; outside, the nearer end."""
    scale = 1.0
    if exponent >= 0:
        k = exponent if exponent < 1023 else 1023
        scale *= TWO_1 if k & 1 else 1.0
        scale *= TWO_2 if k & 2 else 1.0
        scale *= TWO_4 if k & 4 else 1.0
        scale *= TWO_8 if k & 8 else 1.0
        scale *= TWO_16 if k & 16 else 1.0
        scale *= TWO_32 if k & 32 else 1.0
        scale *= TWO_64 if k & 64 else 1.0
        scale *= TWO_128 if k & 128 else 1.0
        scale *= TWO_256 if k & 256 else 1.0
        scale *= TWO_512 if k & 512 else 1.0
    else:
        k = -exponent if exponent > -1022 else 1022
        scale *= HALF_1 if k & 1 else 1.0
        scale *= HALF_2 if k & 2 else 1.0
        scale *= HALF_4 if k & 4 else 1.0
        scale *= HALF_8 if k & 8 else 1.0
        scale *= HALF_16 if k & 16 else 1.0
        scale *= HALF_32 if k & 32 else 1.0
        scale *= HALF_64 if k & 64 else 1.0
        scale *= HALF_128 if k & 128 else 1.0
        scale *= HALF_256 if k & 256 else 1.0
        scale *= HALF_512 if k & 512 else 1.0
    return scale


@kernel
def exp_of_sum(x, small):
    """exp(x + small) for |small| far below |x|: the argument in twice the precision.

    Saturates like `exp`. The callers are the densities, whose exponents are squares.
    """
    if not (x <= EXP_HIGHEST):
        return LARGEST
    if x < EXP_LOWEST:
        return 0.0
    if x > -HALF_32 and x < HALF_32:
        return 1.0 + (x + small)
    k = floor_to_int(x * INVERSE_LN2 + 0.5)
    high = x - float(k) * LN2_HIGH
    low = float(k) * LN2_LOW - small
    r = high - low
    t = r * r
    c = r - t * (EXP_P1 + t * (EXP_P2 + t * (EXP_P3 + t * (EXP_P4 + t * EXP_P5))))
    y = 1.0 - ((low - (r * c) / (2.0 - c)) - high)
    if k > 1023:
        return (y * power_of_two(1023)) * 2.0
    if k < -1021 and y < 1.0:  # below 2**-1022
        return 0.0
    return y * power_of_two(k)


@kernel
def exp(x):
    """e**x, a float64 in [0, LARGEST].

    Above 709.78, and for NaN, LARGEST; below -708.39, where the result would be subnormal, 0.0.
    Method: fdlibm e_exp, with powers of two by multiplication.
    """
    return exp_of_sum(x, 0.0)


@kernel
def log_reduced(f, k):
    """k ln 2 + ln(1 + f) for sqrt(1/2) - 1 <= f <= sqrt(2) - 1 and |f| >= 2**-60 or zero."""
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    odd = z * (LOG_P1 + w * (LOG_P3 + w * (LOG_P5 + w * LOG_P7)))
    even = w * (LOG_P2 + w * (LOG_P4 + w * LOG_P6))
    half_square = 0.5 * f * f
    tail = s * (half_square + (odd + even)) + float(k) * LN2_LOW
    return float(k) * LN2_HIGH - ((half_square - tail) - f)


@kernel
def log(x):
    """The natural logarithm of a float64 x > 0, subnormal numbers included.

    For x <= 0 and NaN the answer is -LARGEST; for infinity it is log(LARGEST).
    Method: fdlibm e_log, the exponent found by exact scaling.
    """
    if not (x > 0.0):
        return -LARGEST
    y = x if x <= LARGEST else LARGEST
    k = 0
    if y >= 1.0:
        if y >= TWO_512:
            y *= HALF_512
            k += 512
        if y >= TWO_256:
            y *= HALF_256
            k += 256
        if y >= TWO_128:
            y *= HALF_128
            k += 128
        if y >= TWO_64:
            y *= HALF_64
            k += 64
        if y >= TWO_32:
            y *= HALF_32
            k += 32
        if y >= TWO_16:
            y *= HALF_16
            k += 16
        if y >= TWO_8:
            y *= HALF_8
            k += 8
        if y >= TWO_4:
            y *= HALF_4
            k += 4
        if y >= TWO_2:
            y *= HALF_2
            k += 2
        if y >= TWO_1:
            y *= HALF_1
            k += 1
    else:
        if y < HALF_512:
            y *= TWO_512
            k -= 512
        if y < HALF_512:  # down to the smallest subnormal, 2**-1074
            y *= TWO_512
            k -= 512
        if y < HALF_256:
            y *= TWO_256
            k -= 256
        if y < HALF_128:
            y *= TWO_128
            k -= 128
        if y < HALF_64:
            y *= TWO_64
            k -= 64
        if y < HALF_32:
            y *= TWO_32
            k -= 32
        if y < HALF_16:
            y *= TWO_16
            k -= 16
        if y < HALF_8:
            y *= TWO_8
            k -= 8
        if y < HALF_4:
            y *= TWO_4
            k -= 4
        if y < HALF_2:
            y *= TWO_2
            k -= 2
        if y < HALF_1:
            y *= TWO_1
            k -= 1
        y *= TWO_1  # now in [1, 2)
        k -= 1
    if y > SQRT_2:
        y *= 0.5
        k += 1
    return log_reduced(y - 1.0, k)


@kernel
def log_one_plus(x):
    """ln(1 + x) for x > -1, exact in the last place for small x; -LARGEST for x <= -1 and NaN."""
    if not (x > -1.0):
        return -LARGEST
    if x > -HALF_32 * HALF_32 and x < HALF_32 * HALF_32:
        return x
    if x > -0.29 and x < 0.41:
        return log_reduced(x, 0)
    if x > 1e17:
        return log(x)
    rounded = 1.0 + x
    lost = x - (rounded - 1.0) if x < 1.0 else 1.0 - (rounded - x)
    return log(rounded) + lost / rounded


@kernel
def power(x, y):
    """x**y = exp(y log x) for x > 0, saturating like `exp`; 0.0 for x <= 0 and where either is NaN.

    The relative error grows with the exponent: at most (2 + 2 |y log x|) * 2**-53.
    x**0 is 1, x**1 is x.
    """
    if not (x > 0.0 and y == y):
        return 0.0
    if y == 1.0 and x <= LARGEST:
        return x
    scale = log(x)
    if scale == 0.0 or y == 0.0:
        return 1.0
    # Beyond these, y * log(x) saturates exp whatever x is, and might itself overflow or vanish.
    if not is_bounded(y, 1e21):
        return LARGEST if (y > 0.0) == (scale > 0.0) else 0.0
    if is_bounded(y, 1e-21):
        return 1.0
    return exp(y * scale)


@kernel
def log_gamma_near_two(z):
    """ln Gamma(2 + z) for -1/2 <= z <= 1/2: sum of (-1)**k (zeta(k) - 1) z**k / k."""
    y = 5.731367241678862e-10
    y = y * z - 1.1921401405860912e-09
    y = y * z + 2.4836745438024785e-09
    y = y * z - 5.183475041970047e-09
    y = y * z + 1.0838659214896955e-08
    y = y * z - 2.2711094608943164e-08
    y = y * z + 4.7698101693639804e-08
    y = y * z - 1.0043224823968099e-07
    y = y * z + 2.1207184805554665e-07
    y = y * z - 4.492469198764566e-07
    y = y * z + 9.55141213040742e-07
    y = y * z - 2.039215753801366e-06
    y = y * z + 4.374866789907488e-06
    y = y * z - 9.439488275268397e-06
    y = y * z + 2.050721277567069e-05
    y = y * z - 4.492623673813314e-05
    y = y * z + 9.945751278180853e-05
    y = y * z - 0.00022315475845357939
    y = y * z + 0.0005096695247430425
    y = y * z - 0.001192753911703261
    y = y * z + 0.0028905103307415234
    y = y * z - 0.007385551028673986
    y = y * z + 0.020580808427784546
    y = y * z - 0.0673523010531981
    y = y * z + 0.3224670334241132
    y = y * z + 0.42278433509846713  # 1 - Euler's constant
    return y * z if not is_bounded(z, 1e-200) else 0.0


@kernel
def log_gamma(x):
    """ln Gamma(x) for 0 < x <= 1e300; LARGEST elsewhere and for NaN.

    Method: the Taylor series at 2 after moving the argument there, Stirling's series from 12.
    """
    if not (x > 0.0 and x <= 1e300):
        return LARGEST
    if x < 1e-17:
        return -log(x)
    if x < 0.5:
        return log_gamma_near_two(x) - log_one_plus(x) - log(x)
    if x < 1.5:
        z = x - 1.0
        return log_gamma_near_two(z) - log_one_plus(z)
    if x < 12.0:
        product = 1.0
        y = x
        for _ in range(10):
            if y >= 2.5:
                y -= 1.0
                product *= y
        return log_gamma_near_two(y - 2.0) + log(product)
    base = (x - 0.5) * (log(x) - 1.0) + (HALF_LOG_2PI - 0.5)
    if x > 1e17:
        return base
    v = 1.0 / (x * x)
    series = v * (-1.9175269175269176e-03 + v * 6.410256410256410e-03)
    series = v * (-5.952380952380953e-04 + v * (8.417508417508417e-04 + series))
    series = v * (-2.777777777777778e-03 + v * (7.936507936507937e-04 + series))
    return base + (8.333333333333333e-02 + series) / x


@kernel
def gaussian(x):
    """exp(-x**2 / 2); 0.0 beyond +-37.5 and for NaN.

    The square in the exponent is exact in two parts, so the tails keep the relative precision.
    """
    if not is_bounded(x, 37.5):
        return 0.0
    if is_bounded(x, 1e-10):
        return 1.0
    spread = x * SPLITTER
    high = spread - (spread - x)
    low = x - high
    square = x * x
    lost = ((high * high - square) + 2.0 * high * low) + low * low
    return exp_of_sum(-0.5 * square, -0.5 * lost)


@kernel
def normal_pdf(x):
    """Density of the standard normal distribution; 0.0 beyond +-37.5 and for NaN."""
    return INVERSE_SQRT_2PI * gaussian(x)


@kernel
def normal_cdf(x):
    """Distribution function of the standard normal; 0.0 below -37.4 and for NaN, 1.0 above 8.3.

    The upper tail is normal_cdf(-x), with its full relative precision.
    Source: W. J. Cody (1969), Rational Chebyshev approximations for the error function,
    Mathematics of Computation 23.
    """
    if not (x >= CDF_LOWEST):
        return 0.0
    if x > 8.3:
        return 1.0
    y = absolute(x)
    if y < 1e-17:
        return 0.5
    if y <= 0.67448975:
        s = y * y
        top = 0.065682337918207449113 * s
        top = (top + 2.2352520354606839287) * s
        top = (top + 161.02823106855587881) * s
        top = (top + 1067.6894854603709582) * s
        low = (s + 47.20258190468824187) * s
        low = (low + 976.09855173777669322) * s
        low = (low + 10260.932208618978205) * s
        half = x * (top + 18154.981253343561249) / (low + 45507.789335026729956)
        return 0.5 + half
    if y <= 5.656854249492381:
        top = 1.0765576773720192317e-8 * y
        top = (top + 0.39894151208813466764) * y
        top = (top + 8.8831497943883759412) * y
        top = (top + 93.506656132177855979) * y
        top = (top + 597.27027639480026226) * y
        top = (top + 2494.5375852903726711) * y
        top = (top + 6848.1904505362823326) * y
        top = (top + 11602.651437647350124) * y
        low = (y + 22.266688044328115691) * y
        low = (low + 235.38790178262499861) * y
        low = (low + 1519.377599407554805) * y
        low = (low + 6485.558298266760755) * y
        low = (low + 18615.571640885098091) * y
        low = (low + 34900.952721145977266) * y
        low = (low + 38912.003286093271411) * y
        mills = (top + 9842.7148383839780218) / (low + 19685.429676859990727)
        tail = mills * gaussian(y)
    else:
        s = 1.0 / (y * y)
        top = 0.02307344176494017303 * s
        top = (top + 0.21589853405795699) * s
        top = (top + 0.1274011611602473639) * s
        top = (top + 0.022235277870649807) * s
        top = (top + 0.001421619193227893466) * s
        low = (s + 1.28426009614491121) * s
        low = (low + 0.468238212480865118) * s
        low = (low + 0.0659881378689285515) * s
        low = (low + 0.00378239633202758244) * s
        ratio = s * (top + 2.9112874951168792e-5) / (low + 7.29751555083966205e-5)
        tail = gaussian(y) * ((INVERSE_SQRT_2PI - ratio) / y)
    return tail if x < 0.0 else 1.0 - tail


@kernel
def normal_quantile(p):
    """The x with normal_cdf(x) = p for 0 < p < 1; -LARGEST for p <= 0 and NaN, LARGEST for p >= 1.

    Source: M. J. Wichura (1988), Algorithm AS 241 (PPND16), Applied Statistics 37; no step of
    Newton's method follows, since the distribution function is no more accurate than the algorithm.
    """
    if not (p > 0.0):
        return -LARGEST
    if p >= 1.0:
        return LARGEST
    q = p - 0.5
    if is_bounded(q, 0.425):
        r = 0.180625 - q * q if not is_bounded(q, 1e-100) else 0.180625
        top = 2.5090809287301226727e3 * r + 3.3430575583588128105e4
        top = (top * r + 6.7265770927008700853e4) * r + 4.5921953931549871457e4
        top = (top * r + 1.3731693765509461125e4) * r + 1.9715909503065514427e3
        top = (top * r + 1.3314166789178437745e2) * r + 3.3871328727963666080e0
        low = 5.2264952788528545610e3 * r + 2.8729085735721942674e4
        low = (low * r + 3.9307895800092710610e4) * r + 2.1213794301586595867e4
        low = (low * r + 5.3941960214247511077e3) * r + 6.8718700749205790830e2
        low = (low * r + 4.2313330701600911252e1) * r + 1.0
        return q * top / low
    r = math.sqrt(-log(p if q < 0.0 else 1.0 - p))  # the logarithm of a number below 0.075
    if r <= 5.0:
        r -= 1.6
        top = 7.74545014278341407640e-4 * r + 2.27238449892691845833e-2
        top = (top * r + 2.41780725177450611770e-1) * r + 1.27045825245236838258e0
        top = (top * r + 3.64784832476320460504e0) * r + 5.76949722146069140550e0
        top = (top * r + 4.63033784615654529590e0) * r + 1.42343711074968357734e0
        low = 1.05075007164441684324e-9 * r + 5.47593808499534494600e-4
        low = (low * r + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1
        low = (low * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0
        low = (low * r + 2.05319162663775882187e0) * r + 1.0
    else:
        r -= 5.0
        top = 2.01033439929228813265e-7 * r + 2.71155556874348757815e-5
        top = (top * r + 1.24266094738807843860e-3) * r + 2.65321895265761230930e-2
        top = (top * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0
        top = (top * r + 5.46378491116411436990e0) * r + 6.65790464350110377720e0
        low = 2.04426310338993978564e-15 * r + 1.42151175831644588870e-7
        low = (low * r + 1.84631831751005468180e-5) * r + 7.86869131145613259100e-4
        low = (low * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1
        low = (low * r + 5.99832206555887937690e-1) * r + 1.0
    return -(top / low) if q < 0.0 else top / low


@kernel
def half_step_gamma_ratio(a):
    """Gamma(a + 1/2) / Gamma(a) for 0 < a <= 1e15.

    Method: the recurrence up to a >= 12, then the series of Tricomi and Erdelyi in (a - 1/4)**-2.
    No difference of two large logarithms appears, so the precision is the same for every a.
    """
    top = 1.0
    low = 1.0
    b = a
    for _ in range(12):
        if b < 12.0:
            top *= b
            low *= b + 0.5
            b += 1.0
    w = b - 0.25
    v = 1.0 / (w * w)
    series = v * (0.0023855575127527118 - v * 0.006670963462056534)
    series = v * (0.0012035369873046875 + v * (-0.001298762857913971 + series))
    series = v * (0.015625 + v * (-0.0023193359375 + series))
    return math.sqrt(w) * (1.0 + series) * (top / low)


@kernel
def valid_degrees_of_freedom(df):
    """True for 1 <= df <= 1e9, the domain of the functions of Student's t distribution."""
    return df >= 1.0 and df <= MAX_DEGREES_OF_FREEDOM


@kernel
def student_t_pdf(t, df):
    """Density of Student's t distribution with float64 degrees of freedom 1 <= df <= 1e9.

    0.0 for other df, for NaN and where the density is below about 1e-300.
    """
    if not (valid_degrees_of_freedom(df) and is_bounded(t, 1e150)):
        return 0.0
    a = 0.5 * df
    peak = half_step_gamma_ratio(a) / math.sqrt(df) * INVERSE_SQRT_PI
    if is_bounded(t, 1e-20):
        return peak
    decay = exp(-(a + 0.5) * log_one_plus(t * t / df))
    return peak * decay if decay > 1e-300 else 0.0


@kernel
def student_t_tail(t, df):
    """P(T > t) for t >= CENTRE_END: half the regularised incomplete beta function I_x(df/2, 1/2).

    With z = df / t**2 it is x**(df/2) sqrt(1 + z) / (df B) times Gauss's continued fraction of
    2F1(1/2, 1; df/2 + 1; -z): all terms are positive, so nothing cancels, for any df.
    """
    if t > 1e150:
        return 0.0
    a = 0.5 * df
    square = t * t
    decay = exp(-a * log_one_plus(square / df))
    if decay < 1e-299:
        return 0.0
    z = df / square
    fraction = 1.0
    for index in range(TAIL_TERMS):
        m = float(TAIL_TERMS - index)
        fraction = 1.0 + m * (a + m - 0.5) / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)) * z / fraction
        m -= 1.0
        fraction = 1.0 + (m + 0.5) * (a + m) / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)) * z / fraction
    scale = half_step_gamma_ratio(a) * INVERSE_SQRT_PI / df
    return scale * (decay * math.sqrt(1.0 + z) / fraction)


@kernel
def student_t_centre(t, df):
    """P(0 < T < t) for 0 <= t < CENTRE_END: the series of I_y(1/2, df/2), y = t**2 / (df + t**2).

    All terms are positive; the relative precision holds down to t = 0.
    """
    if t < 1e-100:
        return 0.0
    a = 0.5 * df
    square = t * t
    y = square / (df + square)
    term = 1.0
    total = 1.0
    for n in range(SERIES_TERMS):
        term *= (a + 0.5 + float(n)) / (1.5 + float(n)) * y
        total += term
        if term < 1e-18 * total:
            break
    decay = exp(-a * log_one_plus(square / df)) if square > 1e-20 * df else 1.0
    scale = half_step_gamma_ratio(a) * INVERSE_SQRT_PI / math.sqrt(df + square)
    return scale * decay * total * t


@kernel
def student_t_cdf(t, df):
    """Distribution function of Student's t distribution, float64 degrees of freedom 1 <= df <= 1e9.

    0.0 for other df, for NaN and where it is below about 1e-299. The upper tail is
    student_t_cdf(-t, df).
    """
    if not (valid_degrees_of_freedom(df) and t == t):
        return 0.0
    size = absolute(t)
    if size >= CENTRE_END:
        tail = student_t_tail(size, df)
        return tail if t < 0.0 else 1.0 - tail
    centre = student_t_centre(size, df)
    return 0.5 - centre if t < 0.0 else 0.5 + centre


@kernel
def student_t_upper_quantile(tail, df):
    """The t >= 0 with P(T > t) = tail, LOWEST_TAIL <= tail <= 1/2, 2 <= df <= 1e9.

    Near the middle Newton's method on P(0 < T < t), which is concave, from the normal quantile,
    which is never too large: it converges from the left. In the tails Newton's method on
    log P(T > t) as a function of log t, which is nearly a straight line, inside a bracket.
    """
    t = -normal_quantile(tail)
    if not (t > 0.0):
        return 0.0
    low = t
    high = LARGEST
    for _ in range(QUANTILE_STEPS):
        density = student_t_pdf(t, df)
        if tail > 0.1:
            inside = student_t_centre(t, df) if t < CENTRE_END else 0.5 - student_t_tail(t, df)
            step = ((0.5 - tail) - inside) / density
            moved = t + step
        else:
            above = 0.5 - student_t_centre(t, df) if t < CENTRE_END else student_t_tail(t, df)
            if above > tail:
                low = t
            else:
                high = t
            moved = -1.0
            if above > 0.0 and density > 0.0:
                excess = (above - tail) / above
                # -log(1 - excess) is log(above / tail), precise near the solution.
                slope = t * density / above
                moved = t * exp(-log_one_plus(-excess) / slope) if excess < 1.0 else -1.0
            if not (low <= moved and moved <= high):
                moved = math.sqrt(low) * math.sqrt(high)
        done = is_bounded(moved - t, 4e-16 * t)
        t = moved
        if done:
            break
    return t


@kernel
def student_t_quantile(p, df):
    """The t with student_t_cdf(t, df) = p, for 1e-290 <= p < 1 and float64 2 <= df <= 1e9.

    -LARGEST for smaller p, for other df and for NaN; LARGEST for p >= 1.
    """
    if not (p >= LOWEST_TAIL and df >= 2.0 and df <= MAX_DEGREES_OF_FREEDOM):
        return -LARGEST
    if p >= 1.0:
        return LARGEST
    if p < 0.5:
        return -student_t_upper_quantile(p, df)
    return student_t_upper_quantile(1.0 - p, df)


@kernel
def value_at_risk_multiplier(df):
    """Value at risk, 95 %, of a loss with mean 0 and standard deviation 1.

    `df` is 0.0 for the normal distribution, or 2.05 <= df <= 1e9 for Student's t distribution
    scaled to unit variance: t_0.95(df) sqrt((df - 2) / df). Other df and NaN:
    UNDEFINED_MULTIPLIER, which no limit passes.
    """
    if df == 0.0:
        return -normal_quantile(0.05)
    if not (df >= MIN_DEGREES_OF_FREEDOM and df <= MAX_DEGREES_OF_FREEDOM):
        return UNDEFINED_MULTIPLIER
    return student_t_upper_quantile(0.05, df) * math.sqrt((df - 2.0) / df)


@kernel
def expected_shortfall_multiplier(df):
    """Expected shortfall, 95 %, of a loss with mean 0 and standard deviation 1.

    `df` as in `value_at_risk_multiplier`.
    Normal: pdf(q) / 0.05. Student's t: pdf(q) / 0.05 (df + q**2) / (df - 1) sqrt((df - 2) / df).
    Source: A. McNeil, R. Frey, P. Embrechts (2005), Quantitative Risk Management, example 2.19.
    """
    if df == 0.0:
        return normal_pdf(normal_quantile(0.05)) / 0.05
    if not (df >= MIN_DEGREES_OF_FREEDOM and df <= MAX_DEGREES_OF_FREEDOM):
        return UNDEFINED_MULTIPLIER
    q = student_t_upper_quantile(0.05, df)
    tail_mean = student_t_pdf(q, df) / 0.05 * ((df + q * q) / (df - 1.0))
    return tail_mean * math.sqrt((df - 2.0) / df)
