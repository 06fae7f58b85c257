"""Take a place for writing, and see that its account is the one the caller has in mind."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskcore._core import JournaledCore, Parts
from riskcore.config.writing import currency_record, instrument_record
from riskcore.errors import ConfigError, InputError
from riskcore.layout import Shape
from riskcore.store.place import UNFINISHED, Place, part_size
from riskcore.store.writer import Writer, journal_sizes

if TYPE_CHECKING:
    from riskcore.config.models import InstrumentsConfig

# What turns prices, quantities and money of the caller into the core's; it must not change.
_TERMS = ("kind", "venue", "currency", "contract_value", "lot_step", "tick_step")
_SECTIONS = ("venues", "currencies", "strategies", "instruments")


def attach(
    place: str | Path,
    archive: str | Path | None,
    shape: Shape,
    instruments: InstrumentsConfig,
    configure: Callable[[Any], None],
    *,
    capacity: int | None,
    reserve: int | None,
    publish_interval: int,
    rebuild: bool,
    create: bool,
) -> Writer:
    """Open a place for writing; ConfigError where the instruments are not those of the account.

    `configure` writes the configuration into a core. Before a place is made it is tried on one that
    nobody sees: what the core refuses, or the journal has no room for, leaves nothing behind.
    """
    where = Place(place, archive)
    records, _, _ = journal_sizes(capacity, reserve, publish_interval)
    if create and not where.exists():
        need_room(shape, configure, records, reserve)
    store = Writer(
        where,
        shape,
        capacity=capacity,
        reserve=reserve,
        publish_interval=publish_interval,
        rebuild=rebuild,
        create=create,
    )
    try:
        if not store.unused:
            known = where.names()
            compare_names(where, known, instruments)
            compare_terms(store, instruments, cut_short=UNFINISHED in known)
    except BaseException:
        store.discard()
        raise
    return store


def trial_records(
    shape: Shape, configure: Callable[[Any], None], state: bytes | None = None
) -> int:
    """Records that a change of configuration takes, tried on an account of its own.

    Parameters
    ----------
    shape : Shape
    configure : callable
        Given a core, changes its configuration; what it raises is raised.
    state : bytes, optional
        The account to begin with; an empty one otherwise.
    """
    parts = Parts(shape)
    records = 1 << 16  # more than any configuration takes; the system gives what is written
    memory, journal, control, page = (
        mmap.mmap(-1, part_size(part, shape, records if part == "journal" else 0))
        for part in ("state", "journal", "control", "published")
    )
    if state is None:
        parts.state_init(memory)
    else:
        memory[: len(state)] = state
    parts.journal_init(journal, records, 0, 0)
    parts.control_init(control)
    parts.page_init(page)
    core = JournaledCore(shape, memory=memory)
    core.link(journal, control, page)
    configure(core)
    needed = int(core.journal.committed)
    core.unlink()
    return needed


def need_room(
    shape: Shape, configure: Callable[[Any], None], capacity: int, reserve: int | None
) -> None:
    """InputError where a new journal of that size cannot take the configuration."""
    needed = trial_records(shape, configure)

    def kept(capacity: int) -> int:
        return journal_sizes(capacity, reserve, 0)[1]

    least = capacity
    while needed + kept(least) > least:
        least *= 2
    if least > capacity:
        raise InputError(
            f"capacity is {capacity}, {kept(capacity)} of it in reserve: the configuration takes "
            f"{needed} records: allowed is a power of two from {least}"
        )


def compare_names(place: Place, known: dict[str, list[str]], config: InstrumentsConfig) -> None:
    """Names must be those that the place has, in the same order."""
    for section in _SECTIONS:
        here = list(getattr(config, section))
        there = known.get(section, here)
        if here != there:
            raise ConfigError(
                f"{config.source}: {section} are {', '.join(here)}: the account at "
                f"{place.name} has {', '.join(there)}, in this order"
            )


def compare_terms(store: Writer, config: InstrumentsConfig, *, cut_short: bool) -> None:
    """Counts and terms must be those in the account; it has fewer where a change was cut short."""
    state, shape = store.core.state, store.shape
    counts = (
        ("venues", "venue_count"),
        ("currencies", "currency_count"),
        ("strategies", "strategy_count"),
        ("instruments", "instrument_count"),
    )
    for section, count in counts:
        here, there = len(getattr(config, section)), int(state.header[count])
        if here < there or (here > there and not cut_short):
            raise ConfigError(
                f"{config.source}: {section} has {here} entries: the account at "
                f"{store.place.name} has {there}"
            )
    for index, symbol in enumerate(list(config.instruments)[: state.header.instrument_count]):
        wanted, found = instrument_record(config, symbol, shape), state.instruments[index]
        for name in _TERMS:
            if wanted[name] != found[name]:
                raise ConfigError(
                    f"{config.source}: instruments.{symbol}: {name} would be {wanted[name]}: the "
                    f"account at {store.place.name} has {found[name]}"
                )
    for index, code in enumerate(list(config.currencies)[: state.header.currency_count]):
        wanted = currency_record(config, code, shape)
        if wanted["is_account"] != state.currencies[index]["is_account"]:
            raise ConfigError(f"{config.source}: the account's currency is not {code}")
