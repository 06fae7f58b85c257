"""Take a place for writing, and see that its account is the one the caller has in mind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskcore.config_writing import currency_record, instrument_record
from riskcore.errors import ConfigError
from riskcore.layout import Shape
from riskcore.store.place import Place
from riskcore.store.writer import Writer

if TYPE_CHECKING:
    from riskcore.config_models import InstrumentsConfig

# What turns prices, quantities and money of the caller into the core's; it must not change.
_TERMS = ("kind", "venue", "currency", "contract_value", "lot_step", "tick_step", "symbol_id")
_SECTIONS = ("venues", "currencies", "strategies", "instruments")


def attach(
    place: str | Path,
    archive: str | Path | None,
    shape: Shape,
    instruments: InstrumentsConfig,
    **sizes: Any,
) -> Writer:
    """Open a place for writing; ConfigError where the instruments are not those of the account."""
    store = Writer(Place(place, archive), shape, **sizes)
    try:
        if not store.unused:
            compare_names(store, instruments)
            compare_terms(store, instruments)
    except BaseException:
        store.close()
        raise
    return store


def compare_names(store: Writer, config: InstrumentsConfig) -> None:
    """Names must be those that the place was made with, in the same order."""
    known = store.place.names()
    for section in _SECTIONS:
        here = list(getattr(config, section))
        there = known.get(section, here)
        if here != there:
            raise ConfigError(
                f"{config.source}: {section} are {', '.join(here)}: the account at "
                f"{store.place.name} has {', '.join(there)}, in this order"
            )


def compare_terms(store: Writer, config: InstrumentsConfig) -> None:
    """Counts and terms must be those in the account."""
    state, shape = store.core.state, store.shape
    counts = (
        ("venues", "venue_count"),
        ("currencies", "currency_count"),
        ("strategies", "strategy_count"),
        ("instruments", "instrument_count"),
    )
    for section, count in counts:
        here, there = len(getattr(config, section)), int(state.header[count])
        if here != there:
            raise ConfigError(
                f"{config.source}: {section} has {here} entries: the account at "
                f"{store.place.name} has {there}"
            )
    for index, symbol in enumerate(config.instruments):
        wanted, found = instrument_record(config, symbol, shape), state.instruments[index]
        for name in _TERMS:
            if wanted[name] != found[name]:
                raise ConfigError(
                    f"{config.source}: instruments.{symbol}: {name} would be {wanted[name]}: the "
                    f"account at {store.place.name} has {found[name]}"
                )
    for index, code in enumerate(config.currencies):
        wanted = currency_record(config, code, shape, linked=False)
        if wanted["is_account"] != state.currencies[index]["is_account"]:
            raise ConfigError(f"{config.source}: the account's currency is not {code}")
