"""Views on the buffer by subject: volatility, correlation, sizing, drawdown; they only read."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from riskcore import codes
from riskcore.decision import Reduction, Sizing, sizing_of
from riskcore.errors import StateError
from riskcore.inputs import need_kind, to_float, to_side

if TYPE_CHECKING:
    from riskcore.manager import AdaptiveRiskManager


class VolatilityEstimator:
    """Volatility of every instrument, as the gate sees it."""

    __slots__ = ("_manager",)

    def __init__(self, manager: AdaptiveRiskManager) -> None:
        self._manager = manager

    def volatility(self, symbol: str) -> float:
        """24 h standard deviation of returns, a fraction."""
        index = self._manager.instrument(symbol).index
        return float(self._manager.core.state.volatility[index].volatility)

    def table(self) -> dict[str, dict[str, float]]:
        """By symbol: volatility, last return, stop distance; samples seen and missed."""
        rows = self._manager.core.state.volatility
        names = ("volatility", "last_return", "stop_distance", "sample_count", "missing_count")
        return {
            symbol: {name: float(rows[instrument.index][name]) for name in names}
            for symbol, instrument in self._manager.instruments.items()
        }


class RealTimeCorrelationTracker:
    """Correlations of sampled returns, and the clusters they make."""

    __slots__ = ("_manager",)

    def __init__(self, manager: AdaptiveRiskManager) -> None:
        self._manager = manager

    def covariance(self) -> NDArray[np.float64]:
        """EWMA covariance per sample, float64 [instruments configured, same], a copy."""
        count = len(self._manager.instruments)
        matrix: NDArray[np.float64] = self._manager.core.state.covariance.matrix
        return np.array(matrix[:count, :count])

    def matrix(self) -> NDArray[np.float64]:
        """Correlations, float64 [instruments configured, same]; 0 where a variance is 0."""
        covariance = self.covariance()
        deviation = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        scale = np.outer(deviation, deviation)
        result = np.zeros_like(covariance)
        np.divide(covariance, scale, out=result, where=scale > 0.0)
        np.clip(result, -1.0, 1.0, out=result)
        np.fill_diagonal(result, 1.0)
        return result

    def correlation(self, first: str, second: str) -> float:
        """Correlation of two instruments."""
        i = self._manager.instrument(first).index
        j = self._manager.instrument(second).index
        return float(self.matrix()[i, j])

    def clusters(self) -> list[list[str]]:
        """Symbols by cluster: chains of correlations of at least ``cluster_correlation``."""
        labels = self._manager.core.state.covariance.cluster
        groups: dict[int, list[str]] = {}
        for symbol, instrument in self._manager.instruments.items():
            groups.setdefault(int(labels[instrument.index]), []).append(symbol)
        return list(groups.values())


class PositionSizer:
    """What a signal deserves."""

    __slots__ = ("_manager",)

    def __init__(self, manager: AdaptiveRiskManager) -> None:
        self._manager = manager

    def size(
        self,
        symbol: str,
        side: str | int,
        confidence: float,
        *,
        strategy: str,
        expected_return: float = 0.0,
        win_probability: float = 0.0,
        payoff: float = 0.0,
    ) -> Sizing:
        """The target position of a strategy for one signal.

        Parameters
        ----------
        symbol : str
            The instrument.
        side : str or int
            ``buy`` or ``sell``.
        confidence : float
            Calibrated probability of the strategy, 0 to 1.
        strategy : str
            Whose signal it is.
        expected_return : float
            Over 24 h in the direction of the side; 0 where unknown.
        win_probability, payoff : float
            Probability to win, and average win / average loss; 0 where unknown.
        """
        manager = self._manager
        instrument = manager.instrument(symbol)
        row = (
            instrument.index,
            manager.strategy_index(strategy),
            to_side(side),
            to_float("confidence", confidence, 0.0, 1.0),
            to_float("expected_return", expected_return, -codes.MAX_SHARE, codes.MAX_SHARE),
            to_float("win_probability", win_probability, 0.0, 1.0),
            to_float("payoff", payoff, 0.0, codes.MAX_SHARE),
        )
        signal = manager.core.signal
        names = (
            "instrument",
            "strategy",
            "side",
            "confidence",
            "expected_return",
            "win_probability",
            "payoff",
        )
        for name, value in zip(names, row, strict=True):
            signal[name] = value
        _answered("size", manager.core.size())
        return sizing_of(manager.core.sizing, instrument)

    def kelly(self, expected_returns: Mapping[str, float]) -> dict[str, float]:
        """Fractional Kelly weights (shares of equity) for expected returns over 24 h by symbol."""
        need_kind("expected_returns", expected_returns, Mapping)
        manager = self._manager
        returns = np.zeros(manager.core.shape.instruments)
        for symbol, value in expected_returns.items():
            name = f"expected_returns[{symbol!r}]"
            number = to_float(name, value, -codes.MAX_SHARE, codes.MAX_SHARE)
            returns[manager.instrument(symbol).index] = number
        weights = np.zeros(manager.core.shape.instruments)
        _answered("kelly", manager.core.kelly(returns, weights))
        return {
            symbol: float(weights[instrument.index])
            for symbol, instrument in manager.instruments.items()
        }


class AdvancedDrawdownController:
    """Drawdown, what may still be lost, and the way back."""

    __slots__ = ("_manager",)

    def __init__(self, manager: AdaptiveRiskManager) -> None:
        self._manager = manager

    @property
    def drawdown(self) -> float:
        """Fall from the high-water mark, a fraction, open positions included."""
        return float(self._manager.core.state.account.drawdown)

    @property
    def max_drawdown_seen(self) -> float:
        """Largest drawdown so far."""
        return float(self._manager.core.state.account.max_drawdown_seen)

    @property
    def high_water_mark(self) -> float:
        """Highest equity so far, account money, moved by transfers in proportion."""
        return float(self._manager.core.state.account.high_water_mark)

    @property
    def budget(self) -> float:
        """What may still be lost before the limit, account money."""
        return float(self._manager.core.state.account.budget)

    @property
    def cushion(self) -> float:
        """The budget as a share of equity; 0 without equity."""
        _answered("portfolio_risk", self._manager.core.compute_portfolio_risk())
        return float(self._manager.core.portfolio_risk.cushion)

    def derisk(self) -> list[Reduction]:
        """Reductions that bring every budget back; empty where all hold."""
        core = self._manager.core
        count = core.derisk()
        if count < 0:
            raise StateError("derisk: no parameters have been set")
        by_index = {i.index: i for i in self._manager.instruments.values()}
        steps = []
        for row in core.reductions[:count]:
            instrument = by_index[int(row.instrument)]
            steps.append(
                Reduction(
                    symbol=instrument.symbol,
                    side="buy" if int(row.side) == codes.BUY else "sell",
                    quantity=_lots(instrument, row.lots),
                    cancel_buy=_lots(instrument, row.cancel_buy_lots),
                    cancel_sell=_lots(instrument, row.cancel_sell_lots),
                    value=float(row.value),
                )
            )
        return steps


def _lots(instrument: Any, lots: Any) -> Decimal:
    quantity: Decimal = instrument.from_lots(int(lots))
    return quantity


def _answered(call: str, status: int) -> None:
    if status != codes.OK:
        raise StateError(f"{call}: the core refused it: {codes.STATUS_NAMES[int(status)]}")
