"""A volatility-targeted trend follower, deliberately over-eager so that the gate has work.

It knows nothing of budgets, cushions or limits: it asks for what its signal wants at every bar.
Replays run it once through the gate and once without.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HOUR_NS = 3_600_000_000_000
YEAR_NS = 365 * 24 * HOUR_NS
LEAST_VOLATILITY = 0.10  # a year: below it a quiet market would ask for absurd leverage


@dataclass(frozen=True)
class TrendStrategy:
    """Two moving averages of the price; position sized to a target volatility.

    The forecast is the distance of the fast from the slow average in units of the noise that the
    slow average sees, clipped to [-1, 1]; the wanted weight is the forecast times target volatility
    over forecast volatility, shared by sqrt(instruments). See Baltas and Kosowski (2020),
    "Demystifying time-series momentum strategies: volatility estimators, trading rules and pairwise
    correlations", for the form.

    Attributes
    ----------
    fast_hours, slow_hours : float
        Spans of the two exponential averages.
    volatility_hours : float
        Half-life of the variance.
    target_volatility : float, fraction a year
        Of the whole portfolio if the instruments were uncorrelated.
    eagerness : float
        Multiplies the forecast before clipping: 1 / eagerness of a noise unit asks for everything.
    largest_weight : float, share of equity
        Of one instrument.
    allow_short : bool
        False keeps the weights at or above zero.
    """

    fast_hours: float = 100.0
    slow_hours: float = 500.0
    volatility_hours: float = 72.0
    target_volatility: float = 0.40
    eagerness: float = 4.0
    largest_weight: float = 3.0
    allow_short: bool = True

    def fitted_to(self, span_ns: int) -> TrendStrategy:
        """The same strategy with spans short enough for a history of ``span_ns`` nanoseconds."""
        longest = span_ns / HOUR_NS / 8.0
        if self.slow_hours <= longest:
            return self
        scale = longest / self.slow_hours
        return TrendStrategy(
            self.fast_hours * scale,
            longest,
            min(self.volatility_hours, longest / 2.0),
            self.target_volatility,
            self.eagerness,
            self.largest_weight,
            self.allow_short,
        )

    def weights(
        self, close: NDArray[np.float64], interval_ns: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Wanted weights and confidences at the close of each bar.

        Parameters
        ----------
        close : float64[n, instruments], quote currency
            Closes; NaN where a bar is missing. Row t is used for rows t and later only.
        interval_ns : int, ns
            Bar interval.

        Returns
        -------
        weights : float64[n, instruments], share of equity
            Signed; 0 until the slow average has seen its span, and where the bar is missing.
        confidence : float64[n, instruments], fraction
            0.75 for the faintest trend to 0.95: an over-confident strategy.
        """
        weights = np.zeros(close.shape)
        forecast = np.zeros(close.shape)
        share = self.target_volatility / np.sqrt(close.shape[1])
        for i in range(close.shape[1]):
            rows = np.flatnonzero(~np.isnan(close[:, i]))
            signal, yearly = self._signal(close[rows, i], interval_ns)
            wanted = signal * share / np.maximum(yearly, LEAST_VOLATILITY)
            weights[rows, i] = np.clip(wanted, -self.largest_weight, self.largest_weight)
            forecast[rows, i] = np.abs(signal)
        return weights, 0.75 + 0.20 * forecast

    def _signal(
        self, close: NDArray[np.float64], interval_ns: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Forecast in [-1, 1] and yearly volatility of one instrument at each of its closes."""
        bars_per_hour = HOUR_NS / interval_ns
        slow_bars = max(self.slow_hours * bars_per_hour, 2.0)
        fast_gain = 2.0 / (max(self.fast_hours * bars_per_hour, 1.0) + 1.0)
        slow_gain = 2.0 / (slow_bars + 1.0)
        variance_gain = 1.0 - 0.5 ** (1.0 / max(self.volatility_hours * bars_per_hour, 1.0))
        prices = close.tolist()
        fast = slow = last = prices[0] if prices else 1.0
        variance = 0.0
        fasts, slows, variances = [], [], []
        for row, price in enumerate(prices):
            move = price / last - 1.0
            # A plain mean until there are enough returns for the half-life.
            variance += max(variance_gain, 1.0 / max(row, 1)) * (move * move - variance)
            fast += fast_gain * (price - fast)
            slow += slow_gain * (price - slow)
            last = price
            fasts.append(fast)
            slows.append(slow)
            variances.append(variance)
        noise = np.sqrt(np.array(variances))
        distance = np.array(fasts) / np.array(slows) - 1.0
        scale = noise * np.sqrt(slow_bars)
        signal = np.zeros(len(prices))
        ready = (np.arange(len(prices)) >= slow_bars) & (noise > 0.0)
        signal[ready] = np.clip(self.eagerness * distance[ready] / scale[ready], -1.0, 1.0)
        if not self.allow_short:
            signal = np.maximum(signal, 0.0)
        return signal, noise * np.sqrt(YEAR_NS / interval_ns)
