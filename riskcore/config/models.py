"""The sections of the configuration files as validated, frozen models."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from riskcore import codes
from riskcore.codes import MAX_LOTS, MAX_TICKS
from riskcore.config.values import (
    ContractKind,
    Count,
    CountOrZero,
    Duration,
    DurationOrZero,
    FeeFraction,
    Flag,
    Fraction,
    FractionBelowOne,
    FractionOrZero,
    Identifier,
    InnerFraction,
    IntegerKind,
    Interval,
    Leverage,
    Moment,
    Money,
    MoneyOrZero,
    Multiple,
    MultipleOrZero,
    Name,
    Ratio,
    RegimeMask,
    RiseFraction,
    SampleInterval,
    SignedFraction,
    Step,
    TailDegrees,
    Text,
    Tradable,
)
from riskcore.instrument import Instrument
from riskcore.layout import PARAMETERS, SHAPE_BOUNDS, Shape

# Parameters that the core works out itself from the others.
DERIVED = ("var_multiplier", "es_multiplier", "samples_per_day", "stop_scale")


# --- risk limits: default.yaml, growth.yaml ------------------------------------------------------


class Section(BaseModel):
    """A section of a file: unknown keys are refused, values do not change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RiskLimits(Section):
    """Layers 1 to 3: position, portfolio, account."""

    max_position_share: Leverage
    max_position_risk: Fraction
    min_liquidation_distance: Fraction
    max_gross_leverage: Leverage
    max_net_leverage: Leverage
    var_95: Fraction
    expected_shortfall: Fraction
    max_portfolio_risk: Fraction
    max_herfindahl: Ratio
    max_weight: Leverage
    max_correlation_risk: Fraction
    cluster_correlation: Fraction
    max_stress_loss: Fraction
    max_drawdown: InnerFraction
    target_drawdown: InnerFraction
    max_daily_loss: Fraction
    cushion_multiplier: Leverage
    min_free_margin: FractionBelowOne
    max_open_orders: Count
    max_daily_turnover: Ratio
    max_losing_streak: Count
    losing_streak_cooldown: Duration
    decision_interval: Duration
    execution_latency: Duration


class ExchangeLimits(Section):
    """Layer 4: the venues."""

    max_order_to_trade: Ratio
    order_to_trade_grace: CountOrZero
    max_reject_rate: Fraction
    max_venue_exposure: Leverage
    heartbeat_timeout: Duration
    require_heartbeat: Flag
    execution_interval: Duration
    execution_burst: Duration
    acknowledgement_timeout: Duration


class MarketLimits(Section):
    """Layer 5: the market's data and state."""

    price_collar: InnerFraction
    exit_collar: InnerFraction
    max_quote_age: Duration
    max_rate_age: Duration
    max_spread: Fraction
    max_visible_share: Fraction
    max_traded_share: Fraction
    liquidity_window: Duration
    max_volatility: Fraction
    max_flash_move: Fraction
    flash_window: Duration
    crash_reduce_only: Flag
    crash_probability: Fraction


class StrategyLimits(Section):
    """Layer 6: what every strategy's record must show."""

    performance_floor: SignedFraction
    performance_min_trades: Count
    performance_decay: InnerFraction
    probation_factor: FractionOrZero


class SystemLimits(Section):
    """Layer 7: the machine."""

    max_latency: Duration
    latency_decay: InnerFraction
    error_interval: Duration
    error_burst: Duration
    max_data_gap: Duration
    monitor_timeout: Duration
    require_monitor: Flag
    max_same_time_events: Count


class ModelConstants(Section):
    """Volatility, covariance, tail and stops."""

    sample_interval: SampleInterval
    variance_decay: InnerFraction
    covariance_decay: InnerFraction
    initial_correlation: FractionBelowOne
    tail_degrees_of_freedom: TailDegrees
    stop_multiple: Multiple
    target_multiple: Multiple
    stop_horizon: Duration
    stop_gap: FractionBelowOne


class PositionSizing(Section):
    """What sizing proposes; the gate's limits hold beside it."""

    base_size: Leverage
    volatility_target: Fraction
    volatility_multiplier: MultipleOrZero
    confidence_threshold: FractionOrZero
    max_leverage: Leverage
    risk_per_trade: Fraction
    kelly_fraction: Fraction
    kelly_shrinkage: FractionOrZero
    kelly_wealth_floor: InnerFraction
    kelly_floor_probability: InnerFraction
    drawdown_sizing_power: MultipleOrZero


class Regime(Section):
    """One regime. Without a threshold of its own it has that of ``position_sizing``."""

    risk_multiplier: Multiple
    position_size_multiplier: MultipleOrZero
    confidence_threshold: FractionOrZero | None = None
    stop_multiplier: Multiple


class Regimes(Section):
    """The four regimes, in the order of codes.REGIME_NAMES."""

    normal: Regime
    volatile: Regime
    trending: Regime
    crash: Regime


def _size(name: str) -> Any:
    return BeforeValidator(IntegerKind(*SHAPE_BOUNDS[name]))


class ShapeSection(Section):
    """Sizes of the buffer, where a file asks for others than the default."""

    instruments: Annotated[int, _size("instruments")] = Shape.instruments
    strategies: Annotated[int, _size("strategies")] = Shape.strategies
    venues: Annotated[int, _size("venues")] = Shape.venues
    currencies: Annotated[int, _size("currencies")] = Shape.currencies
    regimes: Annotated[int, _size("regimes")] = Shape.regimes
    window: Annotated[int, _size("window")] = Shape.window
    scenarios: Annotated[int, _size("scenarios")] = Shape.scenarios
    orders: Annotated[int, _size("orders")] = Shape.orders


class RiskConfig(Section):
    """A whole file of limits.

    Examples
    --------
    >>> from riskcore.config import load_config
    >>> config = load_config("growth")
    >>> config.risk_limits.max_drawdown, config.regimes.crash.risk_multiplier
    (0.1, 2.0)
    >>> config.parameters()["max_quote_age_ns"]
    5000000000
    """

    version: Identifier
    author: Identifier
    risk_limits: RiskLimits
    exchange: ExchangeLimits
    market: MarketLimits
    strategy: StrategyLimits
    system: SystemLimits
    models: ModelConstants
    position_sizing: PositionSizing
    regimes: Regimes
    shape_section: ShapeSection | None = Field(default=None, alias="shape")
    source: str = Field(default="", exclude=True, alias="<source>")

    @property
    def shape(self) -> Shape | None:
        """The shape the file asks for, or None."""
        return Shape(**self.shape_section.model_dump()) if self.shape_section else None

    def parameters(self, regimes: int = Shape.regimes) -> dict[str, Any]:
        """Every parameter by its name in the buffer; regime parameters as tuples.

        Parameters
        ----------
        regimes : int
            Number of regimes of the buffer. Those without a name get the most cautious value.
        """
        known = {field.name for field in PARAMETERS}
        values: dict[str, Any] = {"version": self.version, "author": self.author}
        for section in PARAMETER_SECTIONS:
            for key, value in getattr(self, section):
                name = key if key in known else f"{key}_ns"
                if name in known:  # confidence_threshold is the regimes' fallback, no parameter
                    values[name] = int(value) if isinstance(value, bool) else value
        rows = [getattr(self.regimes, name) for name in codes.REGIME_NAMES]
        fallback = self.position_sizing.confidence_threshold
        thresholds = [
            fallback if row.confidence_threshold is None else row.confidence_threshold
            for row in rows
        ]
        spare = regimes - len(rows)
        risk = [row.risk_multiplier for row in rows]
        size = [row.position_size_multiplier for row in rows]
        stop = [row.stop_multiplier for row in rows]
        values["regime_risk_multiplier"] = (*risk, *[max(risk)] * spare)
        values["regime_size_multiplier"] = (*size, *[min(size)] * spare)
        values["regime_confidence_threshold"] = (*thresholds, *[max(thresholds)] * spare)
        values["regime_stop_multiplier"] = (*stop, *[max(stop)] * spare)
        return values


PARAMETER_SECTIONS = (
    "risk_limits",
    "exchange",
    "market",
    "strategy",
    "system",
    "models",
    "position_sizing",
)


# --- instruments.yaml ----------------------------------------------------------------------------


class Venue(Section):
    """One venue account: message budgets and state."""

    state: Tradable = "active"
    message_interval: Interval
    message_burst: DurationOrZero
    message_reserve: DurationOrZero
    window: DurationOrZero
    window_limit: CountOrZero
    window_reserve: CountOrZero
    reject_decay: InnerFraction


class Currency(Section):
    """One currency: the instrument whose moves are its own, or a flat shock."""

    linked_instrument: Name | None = None
    shock: FractionOrZero


class Strategy(Section):
    """One strategy: its part of the account and its own loss limits."""

    enabled: Flag = True
    regimes: RegimeMask
    budget: Leverage
    max_drawdown: Fraction
    max_daily_loss: Fraction
    order_interval: Interval
    order_burst: DurationOrZero


class InstrumentTerms(Section):
    """One instrument: contract terms, venue filters and limits."""

    state: Tradable = "active"
    kind: ContractKind
    venue: Name
    currency: Name
    underlying: Name
    group: Name
    tick_size: Step
    lot_size: Step
    contract_size: Step
    tick_step: Annotated[int, BeforeValidator(IntegerKind(1, MAX_TICKS))] = 1
    lot_step: Annotated[int, BeforeValidator(IntegerKind(1, MAX_LOTS))] = 1
    min_price: Step
    max_price: Step
    min_quantity: Step
    min_notional: MoneyOrZero
    max_order_quantity: Step
    max_order_notional: Money
    max_position_quantity: Step
    max_position_notional: Money
    initial_volatility: Fraction
    initial_margin: Fraction
    maintenance_margin: Fraction
    taker_fee: FeeFraction
    exit_cost: FractionOrZero
    shorting_allowed: Flag
    expiry: Moment = 0

    def contract_value(self) -> float:
        """Settlement cash per lot and tick; inverse: cash times ticks per lot."""
        amount = self.contract_size * self.lot_size
        ratio = amount / self.tick_size if self.kind == "inverse" else amount * self.tick_size
        return float(ratio)


class InstrumentsConfig(Section):
    """A whole file of instruments; places in the buffer follow the order in the file."""

    account_currency: Name
    venues: dict[Name, Venue]
    currencies: dict[Name, Currency]
    strategies: dict[Name, Strategy]
    instruments: dict[Name, InstrumentTerms]
    source: str = Field(default="", exclude=True, alias="<source>")

    def build(self) -> dict[str, Instrument]:
        """The instruments with their indices and grids, by symbol."""
        return {
            symbol: Instrument(
                symbol,
                index,
                terms.kind,
                terms.venue,
                terms.currency,
                terms.underlying,
                terms.group,
                terms.tick_size,
                terms.lot_size,
            )
            for index, (symbol, terms) in enumerate(self.instruments.items())
        }


# --- scenarios.yaml ------------------------------------------------------------------------------


class Move(Section):
    """Price moves as fractions: ``down`` hurts longs, ``up`` hurts shorts."""

    down: FractionOrZero
    up: RiseFraction


class Scenario(Section):
    """One scenario: a horizon and the moves of each group of instruments."""

    description: Text = ""
    enabled: Flag = True
    horizon: Duration
    venue: Name | None = None
    moves: dict[Name, Move]


class ScenariosConfig(Section):
    """A whole file of scenarios; places in the buffer follow the order in the file."""

    scenarios: dict[Name, Scenario]
    source: str = Field(default="", exclude=True, alias="<source>")
