"""Validated models to records, and records into the buffer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from riskcore import codes
from riskcore.codes import MAX_POSITION_LOTS, MAX_TICKS
from riskcore.config.models import (
    PARAMETER_SECTIONS,
    InstrumentsConfig,
    RiskConfig,
    ScenariosConfig,
    Strategy,
)
from riskcore.config.reading import names_of
from riskcore.config.values import shown_duration
from riskcore.errors import ConfigError
from riskcore.instrument import Grid
from riskcore.layout import Shape, allocate, record_dtype

_STATES = {"active": codes.ACTIVE, "close_only": codes.CLOSE_ONLY, "down": codes.DOWN}
# What a file gives of each section; all else in a record is the account's.
CONFIGURED: dict[str, tuple[str, ...]] = {
    "venues": (
        *("state", "message_interval_ns", "message_burst_ns", "message_reserve_ns"),
        *("window_ns", "window_limit", "window_reserve", "reject_decay"),
    ),
    "currencies": ("state", "is_account", "instrument", "shock"),
    "strategies": (
        *("state", "regime_mask", "budget", "max_drawdown", "max_daily_loss"),
        *("order_interval_ns", "order_burst_ns"),
    ),
    "instruments": record_dtype("instrument", Shape()).names or (),
    "scenarios": ("enabled", "horizon_ns", "scenario_id"),
}
_KINDS = {"spot": codes.SPOT, "linear": codes.LINEAR, "inverse": codes.INVERSE}


def _record(name: str, shape: Shape) -> Any:
    return allocate(record_dtype(name, shape))[0]


def parameter_record(config: RiskConfig, shape: Shape) -> Any:
    """The parameter block of a configuration; derived fields are left to the core.

    ConfigError where openings could fill the order table of this shape: an exit needs a slot too.
    """
    _leave_slots_for_exits(config, shape)
    record = _record("parameters", shape)
    for name, value in config.parameters(shape.regimes).items():
        record[name] = value
    return record


def need_new_version(config: RiskConfig, record: Any, shape: Shape) -> None:
    """ConfigError where a parameter block is of a later version, or of the same with other limits.

    So a version names one set of limits for good. The first ones of an account are free, and the
    same ones may be sent again by anybody.
    """
    version = int(record["version"])
    if version == 0 or config.version > version:
        return
    if config.version < version:
        raise ConfigError(
            f"{config.source}: version is {config.version}, where {version} is in force: raise it"
        )
    if not same_limits(config, record, shape):
        raise ConfigError(
            f"{config.source}: version is {version}, which is in force with other limits: raise it"
        )


def same_limits(config: RiskConfig, record: Any, shape: Shape) -> bool:
    """Whether a parameter block has the limits and the version of a file, whoever set them."""
    wanted = parameter_record(config, shape)
    names = [name for name in config.parameters() if name != "author"]
    return all(np.array_equal(wanted[name], record[name]) for name in names)


def need_budget(config: RiskConfig, horizons: Sequence[int]) -> None:
    """ConfigError where no scenario would be in the drawdown budget, of horizons (ns) like these.

    Shorter moves than from a decision to its execution are none that the budget has to bear.
    """
    limits = config.risk_limits
    span = limits.decision_interval + limits.execution_latency
    longest = max(horizons, default=span)
    if longest < span:
        raise ConfigError(
            f"{config.source}: decision_interval + execution_latency is {shown_duration(span)}, "
            f"longer than every scenario ({shown_duration(int(longest))} at most): none would be "
            "in the drawdown budget"
        )


def _leave_slots_for_exits(config: RiskConfig, shape: Shape) -> None:
    """ConfigError where openings may take more than 15 of 16 order slots."""
    found, most = config.risk_limits.max_open_orders, shape.orders - shape.orders // 16
    if found > most:
        raise ConfigError(
            f"{config.source}: risk_limits.max_open_orders is {found}: allowed is at most {most}: "
            f"a sixteenth of the account's {shape.orders} order slots is left to exits"
        )


def config_in_force(config: RiskConfig, record: Any, shape: Shape) -> RiskConfig:
    """The limits of a parameter block: `config` itself where it has the same."""
    wanted = parameter_record(config, shape)
    if all(np.array_equal(wanted[name], record[name]) for name in config.parameters()):
        return config
    sections: dict[str, Any] = {}
    for section in PARAMETER_SECTIONS:
        part, values = getattr(config, section), {}
        for key, old in part:
            name = key if key in record.dtype.names else f"{key}_ns"
            if name in record.dtype.names:
                value = record[name].item()
                values[key] = bool(value) if isinstance(old, bool) else value
        sections[section] = part.model_copy(update=values)
    rows = {
        regime: getattr(config.regimes, regime).model_copy(
            update={
                "risk_multiplier": float(record["regime_risk_multiplier"][i]),
                "position_size_multiplier": float(record["regime_size_multiplier"][i]),
                "confidence_threshold": float(record["regime_confidence_threshold"][i]),
                "stop_multiplier": float(record["regime_stop_multiplier"][i]),
            }
        )
        for i, regime in enumerate(codes.REGIME_NAMES)
    }
    return config.model_copy(
        update={
            **sections,
            "regimes": config.regimes.model_copy(update=rows),
            "source": "limits in force",
            "version": int(record["version"]),
            "author": int(record["author"]),
        }
    )


def instrument_record(config: InstrumentsConfig, symbol: str, shape: Shape) -> Any:
    """The configuration fields of one instrument's record."""
    terms = config.instruments[symbol]
    symbols = list(config.instruments)
    underlyings = [config.instruments[s].underlying for s in symbols]
    prices = Grid("price", terms.tick_size, 1, MAX_TICKS)
    lots = Grid("quantity", terms.lot_size, 1, MAX_POSITION_LOTS)
    record = _record("instrument", shape)
    record["state"] = _STATES[terms.state]
    record["kind"] = _KINDS[terms.kind]
    record["venue"] = list(config.venues).index(terms.venue)
    record["currency"] = list(config.currencies).index(terms.currency)
    record["underlying"] = underlyings.index(terms.underlying)
    record["symbol_id"] = symbols.index(symbol) + 1
    record["contract_value"] = terms.contract_value()
    for key in (
        "initial_volatility",
        "initial_margin",
        "maintenance_margin",
        "taker_fee",
        "exit_cost",
        "min_notional",
        "max_order_notional",
        "max_position_notional",
        "lot_step",
        "tick_step",
    ):
        record[key] = getattr(terms, key)
    record["max_order_lots"] = lots.count(terms.max_order_quantity)
    record["max_position_lots"] = lots.count(terms.max_position_quantity)
    record["min_lots"] = lots.count(terms.min_quantity)
    record["min_price_ticks"] = prices.count(terms.min_price)
    record["max_price_ticks"] = prices.count(terms.max_price)
    record["shorting_allowed"] = int(terms.shorting_allowed)
    record["expiry_ns"] = terms.expiry
    return record


def need_same_units(config: InstrumentsConfig, before: InstrumentsConfig) -> None:
    """ConfigError where an instrument would count in other units than what is booked of it."""
    for symbol, old in before.instruments.items():
        new = config.instruments[symbol]
        for key in ("kind", "venue", "currency", "tick_size", "lot_size", "contract_size"):
            found, there = getattr(new, key), getattr(old, key)
            if found != there:
                raise ConfigError(
                    f"{config.source}: instruments.{symbol}.{key} is {found}, where {there} is in "
                    "force and what is booked counts in it: add it under another symbol, and make "
                    "this one close_only"
                )


def with_states_in_force(
    config: InstrumentsConfig, before: InstrumentsConfig, state: Any
) -> InstrumentsConfig:
    """The configuration with today's state of whatever the file does not change the state of.

    So an operator's word, or a settlement, outlives a file that says nothing new about it.
    """

    def is_same(section: str, name: str, code: int) -> bool:
        old = getattr(before, section).get(name)
        return old is not None and _state_of(old) == _state_of(getattr(config, section)[name])

    return _with_states(config, state, is_same)


def with_looser_states_in_force(config: InstrumentsConfig, state: Any) -> InstrumentsConfig:
    """The configuration with the state in force of whatever the file allows less than that."""

    def is_looser(section: str, name: str, code: int) -> bool:
        return code < _state_of(getattr(config, section)[name])

    return _with_states(config, state, is_looser)


def _state_of(row: Any) -> int:
    """The code of a row's state; the larger, the less is allowed."""
    if isinstance(row, Strategy):
        return codes.ACTIVE if row.enabled else codes.DISABLED
    return _STATES[row.state]


def _with_states(
    config: InstrumentsConfig, state: Any, takes: Callable[[str, str, int], bool]
) -> InstrumentsConfig:
    """The configuration with the account's state of those rows that `takes` says."""
    names = {code: name for name, code in _STATES.items()}
    parts: dict[str, dict[str, Any]] = {}
    for section in ("venues", "strategies", "instruments"):
        rows = dict(getattr(config, section))
        for index, (name, row) in enumerate(rows.items()):
            code = int(state[section][index]["state"])
            if code != 0 and takes(section, name, code):
                now = code == codes.ACTIVE
                new = {"enabled": now} if section == "strategies" else {"state": names[code]}
                rows[name] = row.model_copy(update=new)
        parts[section] = rows
    return config.model_copy(update=parts)


def not_in_force(
    core: Any, config: InstrumentsConfig, scenarios: ScenariosConfig, time_ns: int
) -> list[str]:
    """Fields (``section.name.field``) that these files would change in an account.

    What is less strict than the file counts, of states; `core` holds a copy of the account and
    takes the files.
    """
    before = core.state.copy()
    looser = with_looser_states_in_force(config, before)
    write_instruments(core, with_states_in_force(config, looser, before), time_ns)
    write_scenarios(core, scenarios, config, time_ns)
    after, found = core.state, []
    for section, fields in CONFIGURED.items():
        model = scenarios if section == "scenarios" else config
        for index, name in enumerate(getattr(model, section)):
            was, wanted = before[section][index], after[section][index]
            found += [f"{section}.{name}.{key}" for key in fields if was[key] != wanted[key]]
    for index, name in enumerate(config.instruments):
        for field in ("down", "up"):
            if not np.array_equal(before["shocks"][index][field], after["shocks"][index][field]):
                found.append(f"scenarios: {field} of {name}")
    return found


def venue_record(config: InstrumentsConfig, name: str, shape: Shape) -> Any:
    """The configuration fields of one venue's record."""
    venue = config.venues[name]
    record = _record("venue", shape)
    record["state"] = _STATES[venue.state]
    record["message_interval_ns"] = venue.message_interval
    record["message_burst_ns"] = venue.message_burst
    record["message_reserve_ns"] = venue.message_reserve
    record["window_ns"] = venue.window
    record["window_limit"] = venue.window_limit
    record["window_reserve"] = venue.window_reserve
    record["reject_decay"] = venue.reject_decay
    return record


def currency_record(config: InstrumentsConfig, code: str, shape: Shape) -> Any:
    """The configuration fields of one currency's record."""
    currency = config.currencies[code]
    record = _record("currency", shape)
    record["state"] = codes.ACTIVE
    record["is_account"] = int(code == config.account_currency)
    record["shock"] = currency.shock
    if currency.linked_instrument is not None:
        record["instrument"] = list(config.instruments).index(currency.linked_instrument) + 1
    return record


def strategy_record(config: InstrumentsConfig, name: str, shape: Shape) -> Any:
    """The configuration fields of one strategy's record."""
    strategy = config.strategies[name]
    record = _record("strategy", shape)
    record["state"] = codes.ACTIVE if strategy.enabled else codes.DISABLED
    record["regime_mask"] = strategy.regimes & ((1 << shape.regimes) - 1)
    record["budget"] = strategy.budget
    record["max_drawdown"] = strategy.max_drawdown
    record["max_daily_loss"] = strategy.max_daily_loss
    record["order_interval_ns"] = strategy.order_interval
    record["order_burst_ns"] = strategy.order_burst
    return record


def scenario_moves(
    config: ScenariosConfig, name: str, instruments: InstrumentsConfig, shape: Shape
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Raw price moves of a scenario, down and up: float64 [instruments], fractions >= 0.

    Places without an instrument get the largest moves, so that an instrument added later is not
    taken for one that never moves.
    """
    scenario = config.scenarios[name]
    down = np.full(shape.instruments, max(move.down for move in scenario.moves.values()))
    up = np.full(shape.instruments, max(move.up for move in scenario.moves.values()))
    for index, terms in enumerate(instruments.instruments.values()):
        move = scenario.moves.get(terms.group, scenario.moves["default"])
        affected = scenario.venue in (None, terms.venue)
        down[index] = move.down if affected else 0.0
        up[index] = move.up if affected else 0.0
    return down, up


def scenario_record(config: ScenariosConfig, name: str, shape: Shape) -> Any:
    """The configuration fields of one scenario's record."""
    scenario = config.scenarios[name]
    record = _record("scenario", shape)
    record["enabled"] = int(scenario.enabled)
    record["horizon_ns"] = scenario.horizon
    record["scenario_id"] = list(config.scenarios).index(name) + 1
    return record


def _accept(status: int, source: str, what: str) -> None:
    if status != codes.OK:
        name = codes.STATUS_NAMES.get(int(status), str(status))
        raise ConfigError(f"{source}: the core refused {what}: {name}")


def _fits(source: str, what: str, count: int, room: int) -> None:
    if count > room:
        raise ConfigError(f"{source}: {what} has {count} entries: allowed by the shape are {room}")


def write_parameters(core: Any, config: RiskConfig, time_ns: int) -> None:
    """Put limits and model constants into the buffer.

    Parameters
    ----------
    core : Core
        The buffer's owner.
    config : RiskConfig
        What ``load_config`` returned.
    time_ns : int
        Time of the change, ns UTC.
    """
    status = core.set_parameters(time_ns, parameter_record(config, core.shape))
    _accept(status, config.source, "the parameters")


def write_instruments(core: Any, config: InstrumentsConfig, time_ns: int) -> None:
    """Put venues, currencies, strategies and instruments into the buffer, in the file's order."""
    shape = core.shape
    for section in ("venues", "currencies", "strategies", "instruments"):
        _fits(config.source, section, len(getattr(config, section)), getattr(shape, section))
    for index, name in enumerate(config.venues):
        status = core.venue_set(time_ns, index, venue_record(config, name, shape))
        _accept(status, config.source, f"venues.{name}")
    for index, code in enumerate(config.currencies):
        record = currency_record(config, code, shape)
        # It can name its instrument only after both are known; a link that stays is never cut.
        if record["instrument"] != core.state["currencies"][index]["instrument"]:
            record["instrument"] = 0
        _accept(core.currency_set(time_ns, index, record), config.source, f"currencies.{code}")
    for index, name in enumerate(config.strategies):
        status = core.strategy_set(time_ns, index, strategy_record(config, name, shape))
        _accept(status, config.source, f"strategies.{name}")
    for index, symbol in enumerate(config.instruments):
        status = core.instrument_set(time_ns, index, instrument_record(config, symbol, shape))
        _accept(status, config.source, f"instruments.{symbol}")
    for index, (code, currency) in enumerate(config.currencies.items()):
        if currency.linked_instrument is not None:
            record = currency_record(config, code, shape)
            _accept(core.currency_set(time_ns, index, record), config.source, f"currencies.{code}")


def write_scenarios(
    core: Any, config: ScenariosConfig, instruments: InstrumentsConfig, time_ns: int
) -> None:
    """Put the scenarios into the buffer, in the file's order."""
    shape = core.shape
    _fits(config.source, "scenarios", len(config.scenarios), shape.scenarios)
    for name, scenario in config.scenarios.items():
        if scenario.venue is not None and scenario.venue not in instruments.venues:
            raise ConfigError(
                f"{config.source}: scenarios.{name}.venue is {scenario.venue!r}: "
                f"allowed is {names_of(instruments.venues)}"
            )
    for index, name in enumerate(config.scenarios):
        record = scenario_record(config, name, shape)
        down, up = scenario_moves(config, name, instruments, shape)
        status = core.scenario_set(time_ns, index, record, down, up)
        _accept(status, config.source, f"scenarios.{name}")
