"""YAML to validated models to parameter records in the buffer: units and names, no risk formula.

Four kinds of file: risk limits (``default``, ``growth``), instruments, scenarios. Every mistake is
one ConfigError of one line that names the file, the key, its value and what is allowed. Durations
carry their unit ("250ms", "5s", "1h"); fractions are fractions (0.02) or percentages ("2%").
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from riskcore.codes import MAX_LOTS, MAX_POSITION_LOTS, MAX_TICKS
from riskcore.config_models import InstrumentsConfig, RiskConfig, ScenariosConfig
from riskcore.config_reading import (
    Document,
    KeyPath,
    config_path,
    dotted,
    error_at,
    load_document,
    mistake,
    names_of,
    outline,
    shown_duration,
    validate,
)
from riskcore.config_writing import (
    write_instruments,
    write_parameters,
    write_scenarios,
)
from riskcore.errors import ConfigError, InputError
from riskcore.instrument import Grid

__all__ = [
    "ConfigError",
    "InstrumentsConfig",
    "RiskConfig",
    "ScenariosConfig",
    "config_path",
    "load_config",
    "load_instruments",
    "load_scenarios",
    "write_instruments",
    "write_parameters",
    "write_scenarios",
]

# The core's bound on the value of one lot at one tick.
MAX_CONTRACT_VALUE = 1e12

# Makes the error for a key, a value and what is allowed.
Refuse = Callable[[KeyPath, object, str], ConfigError]


def load_config(path: str | Path = "default") -> RiskConfig:
    """Limits and model constants from a file, or from the packaged ``default`` or ``growth``.

    Raises
    ------
    ConfigError
        One line: file, key, value, what is allowed.

    Examples
    --------
    >>> load_config("default").risk_limits.max_drawdown
    0.01
    """
    name, document = load_document(path)
    config = validate(RiskConfig, name, document)
    refuse: Refuse = partial(mistake, name, document)
    limits, market = config.risk_limits, config.market
    if limits.target_drawdown > limits.max_drawdown:
        most = f"at most max_drawdown ({limits.max_drawdown:g})"
        raise refuse(("risk_limits", "target_drawdown"), limits.target_drawdown, most)
    if limits.expected_shortfall < limits.var_95:
        least = f"at least var_95 ({limits.var_95:g}), its quantile"
        raise refuse(("risk_limits", "expected_shortfall"), limits.expected_shortfall, least)
    if market.exit_collar < market.price_collar:
        least = f"at least price_collar ({market.price_collar:g}), so that exits are freer"
        raise refuse(("market", "exit_collar"), market.exit_collar, least)
    if config.shape_section is not None and config.shape_section.orders % 4:
        raise refuse(("shape", "orders"), config.shape_section.orders, "a multiple of 4")
    return config


def load_instruments(path: str | Path = "instruments") -> InstrumentsConfig:
    """Venues, currencies, strategies and instruments from a file.

    A section ``instrument_defaults`` fills what an instrument does not state itself.

    Examples
    --------
    >>> load_instruments().instruments["BTC-USDT"].tick_size
    Decimal('0.01')
    """
    name, document = load_document(path)
    _fill_defaults(name, document)
    config = validate(InstrumentsConfig, name, document)
    for section in ("venues", "currencies", "strategies", "instruments"):
        if not getattr(config, section):
            text = f"{section} is empty: allowed is at least one"
            raise error_at(name, document, (section,), text)
    refuse: Refuse = partial(mistake, name, document)
    _check_currencies(config, refuse)
    _check_venues(config, refuse)
    for symbol in config.instruments:
        _check_terms(config, symbol, refuse)
    return config


def _fill_defaults(name: str, document: Document) -> None:
    """Copy ``instrument_defaults`` into every instrument that does not say otherwise."""
    defaults = document.data.pop("instrument_defaults", {})
    if not isinstance(defaults, dict):
        text = f"instrument_defaults is {outline(defaults)}: allowed is a section"
        raise error_at(name, document, ("instrument_defaults",), text)
    instruments = document.data.get("instruments")
    if not isinstance(instruments, dict):
        return
    for symbol, terms in instruments.items():
        if isinstance(terms, dict):
            for key in defaults.keys() - terms.keys():
                line = document.lines[("instrument_defaults", key)]
                document.lines[("instruments", symbol, key)] = line
            instruments[symbol] = {**defaults, **terms}


def _check_currencies(config: InstrumentsConfig, refuse: Refuse) -> None:
    """The account currency comes first; links lead to instruments, one each."""
    first = next(iter(config.currencies))
    if config.account_currency != first:
        allowed = f"the first of currencies ({first})"
        raise refuse(("account_currency",), config.account_currency, allowed)
    links: dict[str, str] = {}
    for code, currency in config.currencies.items():
        linked, key = currency.linked_instrument, ("currencies", code, "linked_instrument")
        if linked is None:
            continue
        if linked not in config.instruments:
            raise refuse(key, linked, names_of(config.instruments))
        if code == first:
            raise refuse(key, linked, "none for the account currency")
        if linked in links:
            raise refuse(key, linked, f"one without another currency ({links[linked]} has it)")
        links[linked] = code


def _check_venues(config: InstrumentsConfig, refuse: Refuse) -> None:
    """Reserves are parts of their budgets."""
    for code, venue in config.venues.items():
        at = ("venues", code)
        if venue.message_reserve > venue.message_burst:
            reserve, burst = (
                shown_duration(venue.message_reserve),
                shown_duration(venue.message_burst),
            )
            raise refuse((*at, "message_reserve"), reserve, f"at most message_burst ({burst})")
        if venue.window and not venue.window_limit:
            raise refuse((*at, "window_limit"), 0, "at least 1 where window is above 0s")
        if venue.window_reserve > venue.window_limit:
            most = f"at most window_limit ({venue.window_limit})"
            raise refuse((*at, "window_reserve"), venue.window_reserve, most)


def _check_terms(config: InstrumentsConfig, symbol: str, refuse: Refuse) -> None:
    """Names that exist, values on their grids, minima below maxima."""
    terms, at = config.instruments[symbol], ("instruments", symbol)
    if terms.venue not in config.venues:
        raise refuse((*at, "venue"), terms.venue, names_of(config.venues))
    if terms.currency not in config.currencies:
        raise refuse((*at, "currency"), terms.currency, names_of(config.currencies))
    if not 0.0 < terms.contract_value() <= MAX_CONTRACT_VALUE:
        allowed = f"one that makes a lot worth at most {MAX_CONTRACT_VALUE:g} per tick"
        raise refuse((*at, "contract_size"), terms.contract_size, allowed)
    prices = Grid("price", terms.tick_size, 1, MAX_TICKS)
    orders = Grid("quantity", terms.lot_size, 1, MAX_LOTS)
    positions = Grid("quantity", terms.lot_size, 1, MAX_POSITION_LOTS)
    for key, grid in (
        ("min_price", prices),
        ("max_price", prices),
        ("min_quantity", orders),
        ("max_order_quantity", orders),
        ("max_position_quantity", positions),
    ):
        try:
            grid.count(getattr(terms, key))
        except InputError:
            raise refuse((*at, key), getattr(terms, key), grid.allowed()) from None
    for low, high in (
        ("min_price", "max_price"),
        ("min_quantity", "max_order_quantity"),
        ("min_notional", "max_order_notional"),
        ("maintenance_margin", "initial_margin"),
    ):
        value, most = getattr(terms, low), getattr(terms, high)
        if value > most:
            raise refuse((*at, low), value, f"at most {high} ({most})")


def load_scenarios(path: str | Path = "scenarios") -> ScenariosConfig:
    """Stress scenarios from a file. Each has moves for the group ``default`` at least.

    Examples
    --------
    >>> load_scenarios().scenarios["gap_1h"].moves["BTC"].down
    0.35
    """
    name, document = load_document(path)
    config = validate(ScenariosConfig, name, document)
    if not config.scenarios:
        raise error_at(
            name, document, ("scenarios",), "scenarios is empty: allowed is at least one"
        )
    for key, scenario in config.scenarios.items():
        if "default" not in scenario.moves:
            key_path = ("scenarios", key, "moves")
            text = f"{dotted(key_path)}.default is missing: allowed is a section with down, up"
            raise error_at(name, document, key_path, text)
    return config
