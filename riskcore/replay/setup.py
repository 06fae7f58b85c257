"""Sets up a core for a replay: the limits of a configuration, the instruments of a history.

Limits come unchanged from the file. Only what a bar dictates is adapted: a sample is a bar, decays
stay per sample, the stop's horizon keeps its number of samples, and a decision is due once a bar.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from riskcore import codes
from riskcore.config import load_config, load_scenarios
from riskcore.config.models import InstrumentsConfig, RiskConfig, ScenariosConfig
from riskcore.config.reading import Document, validate
from riskcore.config.values import shown_duration
from riskcore.config.writing import parameter_record, write_instruments, write_scenarios
from riskcore.errors import ConfigError
from riskcore.layout import Shape
from riskcore.replay.panel import DECISION_NS, FILL_NS, Panel
from riskcore.replay.readers import DataError
from riskcore.replay.venue import Terms, VenueModel

VENUE = "replay"
CURRENCY = "USD"
STRATEGY = "trend"
UNKNOWN_GROUP = "default"  # of instruments whose name starts like none of the scenarios' groups
SETUP_NS = 1_000_000_000  # before the first bar
INITIAL_VOLATILITY = 0.05  # 24 h, before the first samples


def build_core(
    panel: Panel,
    venue: VenueModel,
    equity: float,
    config: str | Path = "default",
    scenarios: str | Path = "scenarios",
) -> tuple[Any, RiskConfig, list[str]]:
    """A core with the limits of ``config``, the panel's instruments and ``equity`` dollars.

    Returns
    -------
    core : Core
    risk : RiskConfig
        The file as it was read.
    notes : list of str
        Instruments that no scenario names.
    """
    from riskcore._core import Core

    risk = load_config(config)
    shocks = without_venues(load_scenarios(scenarios))
    shape = risk.shape or Shape()
    if len(panel.terms) > shape.instruments:
        raise DataError(
            f"{len(panel.terms)} instruments: the buffer's shape has room for {shape.instruments}"
        )
    core = Core(shape)
    time_ns = int(panel.time_ns[0]) - SETUP_NS
    _must(core.set_parameters(time_ns, adapted_parameters(risk, shape, panel, venue)), "parameters")
    try:
        instruments = instrument_config(panel, venue, equity, risk, shocks)
    except ConfigError as error:
        raise DataError(str(error).splitlines()[0]) from None  # one mistake is enough
    write_instruments(core, instruments, time_ns)
    write_scenarios(core, shocks, instruments, time_ns)
    _must(core.on_transfer(time_ns, 0, 0, equity), "first deposit")
    return core, risk, [*_stress_notes(instruments), *_budget_notes(core)]


def _budget_notes(core: Any) -> list[str]:
    """A note where the time from a decision to its execution is longer than every scenario."""
    parameters, scenarios = core.state.parameters, core.state.scenarios
    span = int(parameters.decision_interval_ns + parameters.execution_latency_ns)
    enabled = scenarios["enabled"] != 0
    if not enabled.any() or scenarios["in_budget"][enabled].any():
        return []
    return [
        f"{shown_duration(span)} from a decision to its execution are longer than every scenario: "
        "none is in the drawdown budget"
    ]


def _stress_notes(instruments: InstrumentsConfig) -> list[str]:
    """A note on the instruments that are stressed by the scenarios' moves for unknown ones."""
    unknown = [
        symbol for symbol, terms in instruments.instruments.items() if terms.group == UNKNOWN_GROUP
    ]
    note = f"{', '.join(unknown)}: no known coin by name: stressed as '{UNKNOWN_GROUP}'"
    return [note] if unknown else []


def without_venues(shocks: ScenariosConfig) -> ScenariosConfig:
    """The scenarios that hit every venue: a replay has one venue, and it is none of the file's."""
    kept = {name: shock for name, shock in shocks.scenarios.items() if shock.venue is None}
    return shocks.model_copy(update={"scenarios": kept})


def _must(status: int, what: str) -> None:
    if status != codes.OK:
        name = codes.STATUS_NAMES.get(int(status), str(status))
        raise DataError(f"the core refused the {what}: {name}")


def adapted_parameters(risk: RiskConfig, shape: Shape, panel: Panel, venue: VenueModel) -> Any:
    """The parameter record of a file, its sampling adapted to bars.

    Decays are per sample in the file and stay so; the stop's horizon keeps its number of samples.

    Decision interval and execution latency add up to the bars between a decision and its execution:
    scenarios at least that long enter the drawdown budget.
    """
    record = parameter_record(risk, shape)
    interval = panel.interval_ns
    ratio = interval / int(record["sample_interval_ns"])
    record["stop_horizon_ns"] = round(int(record["stop_horizon_ns"]) * ratio)
    latency = FILL_NS - DECISION_NS
    record["sample_interval_ns"] = interval
    record["decision_interval_ns"] = interval - latency
    record["execution_latency_ns"] = (venue.latency_bars - 1) * interval + latency
    return record


def instrument_config(
    panel: Panel, venue: VenueModel, equity: float, risk: RiskConfig, shocks: ScenariosConfig
) -> InstrumentsConfig:
    """One venue, one currency, one strategy and the panel's instruments as linear contracts."""
    groups = {name for scenario in shocks.scenarios.values() for name in scenario.moves}
    limits = risk.risk_limits
    # An equal part of what the whole cushion allows; else the first instrument to ask takes it all.
    largest = limits.cushion_multiplier * limits.max_drawdown * equity / len(panel.terms)
    return validate(
        InstrumentsConfig,
        "replay",
        Document(
            {
                "account_currency": CURRENCY,
                "venues": {
                    VENUE: {
                        "message_interval": "10ms",
                        "message_burst": "10s",
                        "message_reserve": "1s",
                        "window": "0s",
                        "window_limit": 0,
                        "window_reserve": 0,
                        "reject_decay": 0.95,
                    }
                },
                "currencies": {CURRENCY: {"shock": 0.0}},
                "strategies": {
                    STRATEGY: {
                        "regimes": "all",
                        "budget": min(limits.max_gross_leverage, 100.0),
                        "max_drawdown": limits.max_drawdown,
                        "max_daily_loss": limits.max_daily_loss,
                        "order_interval": "10ms",
                        "order_burst": "10s",
                    }
                },
                "instruments": {
                    terms.symbol: _terms(terms, venue, largest, groups) for terms in panel.terms
                },
            },
            {},
        ),
    )


def _terms(terms: Terms, venue: VenueModel, largest: float, groups: set[str]) -> dict[str, Any]:
    """Settings of one instrument: a linear contract on one coin."""
    tick, lot = _decimal(terms.tick_size), _decimal(terms.lot_size)
    upper = terms.symbol.upper()
    group = next((name for name in sorted(groups) if upper.startswith(name.upper())), UNKNOWN_GROUP)
    return {
        "kind": "linear",
        "venue": VENUE,
        "currency": CURRENCY,
        "underlying": terms.symbol,
        "group": group,
        "tick_size": tick,
        "lot_size": lot,
        "contract_size": 1,
        "min_price": tick,
        "max_price": _decimal(terms.tick_size, codes.MAX_TICKS),
        "min_quantity": lot,
        "min_notional": venue.min_notional,
        "max_order_quantity": _decimal(terms.lot_size, codes.MAX_LOTS),
        "max_order_notional": 2.0 * largest,
        "max_position_quantity": _decimal(terms.lot_size, codes.MAX_LOTS),
        "max_position_notional": largest,
        "initial_volatility": INITIAL_VOLATILITY,
        "initial_margin": 0.10,
        "maintenance_margin": 0.05,
        "taker_fee": venue.fee,
        "exit_cost": venue.fee + venue.slippage + 0.5 * venue.spread,
        "shorting_allowed": True,
    }


def _decimal(step: float, count: int = 1) -> str:
    """A power of ten times a count, written exactly."""
    return format(Decimal(repr(step)) * count, "f")
