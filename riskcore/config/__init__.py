"""YAML to validated models to parameter records in the buffer: units and names, no risk formula.

Four kinds of file: risk limits (``default``, ``growth``), instruments, scenarios. A file's
mistakes are one ConfigError, a line each: file and line, key, value and what is allowed. Durations
carry their unit ("250ms", "5s", "1h"); fractions are fractions (0.02) or percentages ("2%").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from riskcore.codes import MAX_LOTS, MAX_POSITION_LOTS, MAX_TICKS
from riskcore.config.models import InstrumentsConfig, RiskConfig, ScenariosConfig
from riskcore.config.reading import (
    Document,
    KeyPath,
    config_path,
    dotted,
    error_at,
    load_document,
    mistake,
    names_of,
    outline,
    refuse_all,
    validate,
)
from riskcore.config.values import shown_duration
from riskcore.config.writing import (
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
        One line per mistake: file, key, value, what is allowed.

    Examples
    --------
    >>> load_config("default").risk_limits.max_drawdown
    0.01
    """
    name, document = load_document(path)
    config = validate(RiskConfig, name, document)
    refuse: Refuse = partial(mistake, name, document)
    refuse_all(_check_limits(config, refuse))
    return config


def _check_limits(config: RiskConfig, refuse: Refuse) -> Iterator[ConfigError]:
    """Limits that bound one another."""
    limits, market = config.risk_limits, config.market
    if limits.target_drawdown > limits.max_drawdown:
        most = f"at most max_drawdown ({limits.max_drawdown:g})"
        yield refuse(("risk_limits", "target_drawdown"), limits.target_drawdown, most)
    if limits.expected_shortfall < limits.var_95:
        least = f"at least var_95 ({limits.var_95:g}), its quantile"
        yield refuse(("risk_limits", "expected_shortfall"), limits.expected_shortfall, least)
    if market.exit_collar < market.price_collar:
        least = f"at least price_collar ({market.price_collar:g}), so that exits are freer"
        yield refuse(("market", "exit_collar"), market.exit_collar, least)
    if config.shape_section is not None and config.shape_section.orders % 4:
        yield refuse(("shape", "orders"), config.shape_section.orders, "a multiple of 4")


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
    refuse_all(
        error_at(name, document, (section,), f"{section} is empty: allowed is at least one")
        for section in ("venues", "currencies", "strategies", "instruments")
        if not getattr(config, section)
    )
    refuse: Refuse = partial(mistake, name, document)
    checks = [_check_currencies(config, refuse), _check_venues(config, refuse)]
    checks += [_check_terms(config, symbol, refuse) for symbol in config.instruments]
    refuse_all(chain.from_iterable(checks))
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


def _check_currencies(config: InstrumentsConfig, refuse: Refuse) -> Iterator[ConfigError]:
    """The account currency comes first; links lead to instruments, one each."""
    first = next(iter(config.currencies))
    if config.account_currency != first:
        allowed = f"the first of currencies ({first})"
        yield refuse(("account_currency",), config.account_currency, allowed)
    links: dict[str, str] = {}
    for code, currency in config.currencies.items():
        linked, key = currency.linked_instrument, ("currencies", code, "linked_instrument")
        if linked is None:
            continue
        if linked not in config.instruments:
            yield refuse(key, linked, names_of(config.instruments))
        elif code == first:
            yield refuse(key, linked, "none for the account currency")
        elif linked in links:
            yield refuse(key, linked, f"one without another currency ({links[linked]} has it)")
        else:
            links[linked] = code


def _check_venues(config: InstrumentsConfig, refuse: Refuse) -> Iterator[ConfigError]:
    """Reserves are parts of their budgets."""
    for code, venue in config.venues.items():
        at = ("venues", code)
        if venue.message_reserve > venue.message_burst:
            reserve, burst = (
                shown_duration(venue.message_reserve),
                shown_duration(venue.message_burst),
            )
            yield refuse((*at, "message_reserve"), reserve, f"at most message_burst ({burst})")
        if venue.window and not venue.window_limit:
            yield refuse((*at, "window_limit"), 0, "at least 1 where window is above 0s")
        elif venue.window_reserve > venue.window_limit:
            most = f"at most window_limit ({venue.window_limit})"
            yield refuse((*at, "window_reserve"), venue.window_reserve, most)


def _check_terms(config: InstrumentsConfig, symbol: str, refuse: Refuse) -> Iterator[ConfigError]:
    """Names that exist, values on their grids, minima below maxima."""
    terms, at = config.instruments[symbol], ("instruments", symbol)
    if terms.venue not in config.venues:
        yield refuse((*at, "venue"), terms.venue, names_of(config.venues))
    if terms.currency not in config.currencies:
        yield refuse((*at, "currency"), terms.currency, names_of(config.currencies))
    if not 0.0 < terms.contract_value() <= MAX_CONTRACT_VALUE:
        allowed = f"one that makes a lot worth at most {MAX_CONTRACT_VALUE:g} per tick"
        yield refuse((*at, "contract_size"), terms.contract_size, allowed)
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
            yield refuse((*at, key), getattr(terms, key), grid.allowed())
    for low, high in (
        ("min_price", "max_price"),
        ("min_quantity", "max_order_quantity"),
        ("min_notional", "max_order_notional"),
        ("maintenance_margin", "initial_margin"),
    ):
        value, most = getattr(terms, low), getattr(terms, high)
        if value > most:
            yield refuse((*at, low), value, f"at most {high} ({most})")


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
    refuse_all(_check_moves(config, name, document))
    return config


def _check_moves(config: ScenariosConfig, name: str, document: Document) -> Iterator[ConfigError]:
    """Every scenario says what happens to the groups that it does not name."""
    for key, scenario in config.scenarios.items():
        if "default" not in scenario.moves:
            key_path = ("scenarios", key, "moves")
            text = f"{dotted(key_path)}.default is missing: allowed is a section with down, up"
            yield error_at(name, document, key_path, text)
