"""The two small pages beside an account: one to steer by, one to look at.

`ControlPage` leaves a wish that the writer takes before its next event; `PublishedPage` reads what
the writer last published. Neither stops or slows the writer.
"""

from __future__ import annotations

import time as _time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskcore import codes
from riskcore._core import Parts
from riskcore.errors import InputError, PlaceError, StateError
from riskcore.inputs import (
    Time,
    need_kind,
    to_author,
    to_flag,
    to_float,
    to_integer,
    to_ns,
    unknown_name,
)
from riskcore.layout import allocate, record_dtype
from riskcore.store.place import Part, Place, as_place
from riskcore.store.snapshot import Snapshot

if TYPE_CHECKING:
    from riskcore.config import RiskConfig


class ControlPage:
    """Steer an account from another process: kill, reset, new limits, a monitor's heartbeat.

    Parameters
    ----------
    place : str, Path or Place
        Where the account lives.

    Notes
    -----
    The kill switch, requests and limits each wait on the page until the writer's next event. A
    request or a set of limits that still waits is replaced only when told to; one whose author died
    while writing it is never applied, and waits for nothing. Authors are names or positive
    integers, as for `AdaptiveRiskManager.reset`.
    """

    def __init__(self, place: str | Path | Place) -> None:
        self.place = as_place(place)
        self._parts = Parts(self.place.shape())
        self._part = Part(self.place, "control", self._parts, write=True)
        self._journal = Part(self.place, "journal", self._parts)

    def kill(self, author: int | str) -> None:
        """Pull the kill switch: the writer's next event finds it on. Never refused, never waits.

        PlaceError, when it is done, where the page was removed or replaced: then only a writer that
        is older than that will see it.
        """
        self._parts.control_kill(self._part.memory, to_author(author))
        self._part.need_file()
        self._keep_name(author)

    def _keep_name(self, author: int | str) -> None:
        """Let readers know the name; what was asked for is done, also where that fails."""
        with suppress(PlaceError):
            self.place.keep_author(author)

    def request(
        self, code: int, target: int, value: int, author: int | str, *, replace: bool = False
    ) -> None:
        """Leave a control event for the writer.

        Parameters
        ----------
        code : int
            CONTROL_* of `riskcore.codes`.
        target, value : int
            As the code has them.
        author : int or str
        replace : bool
            Whether a request that the writer has not taken yet may be replaced; StateError if not.
        """
        number = to_integer("code", code, codes.CONTROL_KILL, codes.CONTROL_RESTART)
        target = to_integer("target", target, -(1 << 63), (1 << 63) - 1)
        value = to_integer("value", value, -(1 << 63), (1 << 63) - 1)
        person = to_author(author)
        with self._part.locked():
            if self.request_waits and not to_flag("replace", replace):
                raise StateError("the writer has not taken the last request: wait, or replace it")
            self._parts.control_request(self._part.memory, number, target, value, person)
        self._keep_name(author)

    def reset(
        self,
        author: int | str,
        *,
        kill: bool = False,
        account: bool = False,
        cooldown: bool = False,
        peak: bool = False,
        instrument: int | str | None = None,
        replace: bool = False,
    ) -> None:
        """A named person resets one thing: see `AdaptiveRiskManager.reset`.

        An instrument is given by its symbol or its number.
        """
        place = 0 if instrument is None else self._instrument(instrument)
        wanted = [
            (to_flag("kill", kill), codes.CONTROL_RESET_KILL, 0),
            (to_flag("peak", peak), codes.CONTROL_REBASE_PEAK, 0),
            (to_flag("account", account), codes.CONTROL_RESET_LATCHES, 0),
            (to_flag("cooldown", cooldown), codes.CONTROL_RESET_COOLDOWN, 0),
            (instrument is not None, codes.CONTROL_RESET_INSTRUMENT, place),
        ]
        chosen = [(code, target) for asked, code, target in wanted if asked]
        if len(chosen) != 1:
            raise InputError(
                f"reset is of {len(chosen)} things: allowed is one of kill, account, cooldown, "
                "peak, instrument"
            )
        ((code, target),) = chosen
        self.request(code, target, 0, author, replace=replace)

    def _instrument(self, instrument: int | str) -> int:
        """The number of an instrument; UnknownNameError where the account has no such symbol."""
        if not isinstance(instrument, str):
            return to_integer("instrument", instrument, 0, self._parts.shape.instruments - 1)
        symbols = self.place.names().get("instruments", [])
        if instrument not in symbols:
            raise unknown_name("instrument", instrument, symbols)
        return symbols.index(instrument)

    def set_config(
        self, config: RiskConfig | str | Path, author: int | str, *, replace: bool = False
    ) -> None:
        """Leave new limits, from a file or a validated configuration, for the writer.

        They apply before its next event, and stand in the journal with their version and author.
        Other limits than those in force need a higher ``version``, and it never falls:
        ConfigError otherwise.
        """
        from riskcore.config import RiskConfig, load_config
        from riskcore.config.writing import need_budget, need_new_version, parameter_record

        loaded = load_config(config) if isinstance(config, str | Path) else config
        need_kind("config", loaded, RiskConfig)
        record = parameter_record(loaded, self._parts.shape)
        record["author"] = to_author(author)
        with self._part.locked():
            if self.config_waits and not to_flag("replace", replace):
                raise StateError(
                    "the writer has not taken the last limits: wait, or replace them (--replace)"
                )
            state = Part(self.place, "state", self._parts).record
            for block in limits_ahead(self._part.record, self._journal.record, state):
                need_new_version(loaded, block, self._parts.shape)
            scenarios = _quiet_copy(state.scenarios)
            need_budget(loaded, scenarios["horizon_ns"][scenarios["enabled"] != 0])
            self._parts.control_parameters(self._part.memory, record)
        self._keep_name(author)

    def beat(self, time: Time | None = None) -> None:
        """The monitor is alive; the machine's clock by default. The writer counts its own time."""
        now = _time.time_ns() if time is None else to_ns(time)
        with self._part.locked():
            self._parts.control_beat(self._part.memory, now)

    @property
    def journal_sequence(self) -> int:
        """Sequence of the last record that the writer has committed."""
        return int(self._journal.record["committed"])

    @property
    def kill_waits(self) -> bool:
        """True while the writer has not taken the last kill."""
        return int(self._part.record["kill"]) != int(self._journal.record["kill_seen"])

    @property
    def request_waits(self) -> bool:
        """True while the writer has not taken the last request."""
        return self._waits("request", "request_seen")

    @property
    def config_waits(self) -> bool:
        """True while the writer has not taken the last limits."""
        return self._waits("parameters_sequence", "parameters_seen")

    def _waits(self, sent: str, seen: str) -> bool:
        """True where a whole wish was not taken: an odd number is of one that is half written."""
        number = int(self._part.record[sent])
        return number & 1 == 0 and number != int(self._journal.record[seen])

    @property
    def request_status(self) -> str:
        """What the core said of the last request that was taken; "" before the first."""
        return codes.STATUS_NAMES.get(int(self._journal.record["request_status"]), "")

    @property
    def config_status(self) -> str:
        """What the core said of the last limits that were taken; "" before the first."""
        return codes.STATUS_NAMES.get(int(self._journal.record["parameters_status"]), "")


def limits_ahead(control: Any, journal: Any, state: Any) -> list[Any]:
    """The parameter blocks that new limits come behind: any that waits, and the one in force.

    In this order: what the writer takes meanwhile is in force by the second look.
    """
    number = int(control["parameters_sequence"])
    waits = number & 1 == 0 and number != int(journal["parameters_seen"])
    waiting = [control.copy()] if waits else []  # it has a block's fields among its own
    return [*waiting, _quiet_copy(state.parameters)]


def _quiet_copy(records: Any) -> Any:
    """A copy of records in the state that did not change meanwhile."""
    copy = records.copy()
    while copy.tobytes() != (again := records.copy()).tobytes():
        copy = again
    return copy


class PublishedPage:
    """What the writer publishes: account, limits used, positions at risk, counters.

    Parameters
    ----------
    place : str, Path or Place
        Where the account lives.
    """

    def __init__(self, place: str | Path | Place) -> None:
        self.place = as_place(place)
        self._parts = Parts(self.place.shape())
        self._part = Part(self.place, "published", self._parts)
        self._names = self.place.names()

    def read(self, timeout: float = 1.0) -> Snapshot:
        """A copy that was whole at one moment.

        Parameters
        ----------
        timeout : float
            Seconds to go on trying for. PlaceError behind them: the writer died while it wrote.
        """
        patience = to_float("timeout", timeout, 0.0, 1e6)
        self._part.need_file()
        copy = allocate(record_dtype("published_page", self._parts.shape))
        end = _time.monotonic() + patience
        while self._parts.page_read(self._part.memory, copy) != codes.OK:
            if _time.monotonic() > end:
                raise PlaceError(
                    f"{self._part.path}: half written for {patience:g} s: the writer has died; it "
                    "is whole again when a writer attaches"
                )
        return Snapshot(copy[0], self._parts.shape, self._names, int(copy[0].journal_sequence))
