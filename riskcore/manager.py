"""AdaptiveRiskManager: the thin facade that validates, calls the core and names the answer."""

from __future__ import annotations

import time as _time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from riskcore import codes
from riskcore.decision import Decision, DecisionReader, Position, WorkingOrder
from riskcore.errors import (
    ConfigError,
    InputError,
    PlaceError,
    StateError,
    native_missing,
)
from riskcore.inputs import (
    Number,
    Time,
    need_kind,
    shown,
    to_author,
    to_flag,
    to_float,
    to_integer,
    to_ns,
    to_side,
    to_time_in_force,
    unknown_name,
)
from riskcore.instrument import Instrument
from riskcore.layout import Shape, record_dtype
from riskcore.views import (
    AdvancedDrawdownController,
    PositionSizer,
    RealTimeCorrelationTracker,
    VolatilityEstimator,
)

try:
    from riskcore._core import Core
except ImportError as error:
    raise native_missing(error) from error

if TYPE_CHECKING:
    from types import TracebackType

    from riskcore.config import InstrumentsConfig, RiskConfig, ScenariosConfig
    from riskcore.store.writer import Writer

_ORDER_STATUSES = {
    codes.ORDER_PENDING: "pending",
    codes.ORDER_WORKING: "working",
    codes.ORDER_CANCEL_PENDING: "cancel_pending",
    codes.ORDER_REPLACE_PENDING: "replace_pending",
    codes.ORDER_UNKNOWN: "unknown",
}
# Answers that are news, not mistakes: the event was booked, was a repeat, named an order that is
# no longer live, as happens when messages cross, or met a journal without room.
_NEWS = frozenset(
    (
        codes.OK,
        codes.DUPLICATE,
        codes.BOOKED_UNMATCHED,
        codes.BUSY,
        codes.INVALID_HANDLE,
        codes.JOURNAL_FULL,
        codes.NOT_JOURNALED,
    )
)
_REASONS = {
    codes.INVALID_TIME: "time is more than 366 days after the last event",
    codes.INVALID_LOTS: "quantity, or the position that it leads to, is beyond the core's bounds",
    codes.INVALID_PRICE: "price is missing or beyond the core's bounds",
    codes.INVALID_CURRENCY: "currency is the account's, or unknown to the core",
    codes.BAD_BUFFER: "the buffer is damaged or of another build",
}
_STATES = {
    "active": codes.ACTIVE,
    "close_only": codes.CLOSE_ONLY,
    "down": codes.DOWN,
    "disabled": codes.DISABLED,
}
_ORDER_STATES = {
    "working": codes.VENUE_ORDER_WORKING,
    "done": codes.VENUE_ORDER_DONE,
    "not_found": codes.VENUE_ORDER_NOT_FOUND,
}
_MAX_HANDLE = codes.MAX_IDENTIFIER
_NOWHERE = -2  # no strategy and no currency; -1 is nobody's funding
# How far a feed's stamps may lag behind the machine's clock when it starts.
_CLOCK_SLACK_NS = 60_000_000_000


class AdaptiveRiskManager:
    """One account's risk: every order passes through ``check``, every fact is booked.

    Prices and quantities are decimals on the instrument's grid (Decimal, text, int, or a float that
    prints as such a decimal); times are integers, ns since 1970 UTC, or datetimes with a zone. An
    argument out of its domain raises InputError or UnknownNameError and changes nothing. Events
    answer with the name of their status: ``OK``; ``DUPLICATE`` for a proven repeat;
    ``BOOKED_UNMATCHED`` for a fact without its order, or with a strategy or fee currency that is
    not configured; ``INVALID_HANDLE`` for an order that is no longer live. With a journal
    (`attach`) also ``JOURNAL_FULL``: there was no room, market data was refused, and an order is a
    rejection with that reason; ``NOT_JOURNALED``: a fact was booked, but the journal has no record
    of it. Calls that change the account come from one thread at a time.

    Parameters
    ----------
    config : RiskConfig
        Limits and model constants.
    instruments : InstrumentsConfig
        Venues, currencies, strategies and instruments.
    scenarios : ScenariosConfig
        Stress scenarios.
    shape : Shape, optional
        Sizes of the buffer; what the configuration asks for, else the default.
    time_ns : int or datetime, optional
        When it starts; the machine's clock by default. A replay gives the start of its history:
        the configuration is an event too, and time does not run backwards. Without it, market data
        and orders more than a minute older than that clock are refused with InputError.

    Examples
    --------
    >>> risk = AdaptiveRiskManager.from_config("growth", time_ns=1_760_000_000_000_000_000)
    >>> now = 1_760_000_000_000_000_000
    >>> risk.transfer("binance-spot", "USDT", 1_000_000, time=now)
    'OK'
    >>> risk.quote("BTC-USDT", "119999.99", 2, "120000.01", 2, time=now)
    'OK'
    >>> risk.trade("BTC-USDT", 120000, 100, time=now)
    'OK'
    >>> decision = risk.check(
    ...     "BTC-USDT", "buy", 0.05, 120000, strategy="trend", confidence=0.9, time=now
    ... )
    >>> decision.action, decision.quantity
    ('APPROVE', Decimal('0.05000'))
    >>> risk.what_if(
    ...     "BTC-USDT", "buy", 50, 120000, strategy="trend", confidence=0.9, time=now
    ... ).layer
    'position'
    >>> risk.quote("BTC-USDT", "-0.01", 2, "120000.01", 2, time=now)
    Traceback (most recent call last):
    riskcore.errors.InputError: bid is '-0.01': allowed is a multiple of 0.01 from 0.01 to ...
    """

    __slots__ = (
        "_config",
        "_currencies",
        "_decision",
        "_earliest",
        "_instruments",
        "_last_client_ids",
        "_strategies",
        "_symbols",
        "_venues",
        "core",
        "correlation_monitor",
        "drawdown_controller",
        "instruments",
        "instruments_config",
        "position_sizer",
        "scenarios_config",
        "store",
        "volatility_monitor",
    )
    core: Core
    store: Writer | None

    def __init__(
        self,
        config: RiskConfig,
        instruments: InstrumentsConfig,
        scenarios: ScenariosConfig,
        *,
        shape: Shape | None = None,
        time_ns: Time | None = None,
    ) -> None:
        _need_models(config, instruments, scenarios)
        start = self._start(time_ns)
        try:
            core = Core(shape or config.shape or Shape())
        except RuntimeError as error:
            if "again" not in str(error):  # "... was built from another layout: build it again"
                raise
            raise native_missing(error) from error
        _configure(core, config, instruments, scenarios, start)
        self._take(core, config, instruments, scenarios)

    def _start(self, time_ns: Time | None) -> int:
        """When it starts; without a time, older market data is refused from now on."""
        start = _time.time_ns() if time_ns is None else to_ns(time_ns, "time_ns")
        self._earliest = 0 if time_ns is not None else start - _CLOCK_SLACK_NS
        return start

    def _take(
        self,
        core: Core,
        config: RiskConfig,
        instruments: InstrumentsConfig,
        scenarios: ScenariosConfig,
        store: Writer | None = None,
    ) -> None:
        """Work with a core, with the names of a configuration."""
        self.core, self.store = core, store
        self._decision = DecisionReader(core.decision)
        self._last_client_ids = core.state["strategies"]["last_client_id"]
        self._config, self.scenarios_config = config, scenarios
        self._name(instruments)
        self.volatility_monitor = VolatilityEstimator(self)
        self.position_sizer = PositionSizer(self)
        self.correlation_monitor = RealTimeCorrelationTracker(self)
        self.drawdown_controller = AdvancedDrawdownController(self)

    @classmethod
    def from_config(
        cls,
        path: str | Path = "default",
        *,
        instruments: str | Path | None = None,
        scenarios: str | Path | None = None,
        shape: Shape | None = None,
        time_ns: Time | None = None,
    ) -> AdaptiveRiskManager:
        """A manager from configuration files.

        Parameters
        ----------
        path : str or Path
            Limits: a file, or the packaged ``default`` or ``growth``.
        instruments, scenarios : str or Path, optional
            Files; the packaged ones by default.
        shape : Shape, optional
            Sizes of the buffer. Another than the default is compiled when it is first used, half a
            minute without a word, and kept (``RISKCORE_CACHE``).
        time_ns : int or datetime, optional
            When it starts; the machine's clock by default. A replay gives the start of its history.

        Raises
        ------
        ConfigError
            One line per mistake: file, key, value, what is allowed.
        """
        from riskcore.config import load_config, load_instruments, load_scenarios

        return cls(
            load_config(path),
            load_instruments("instruments" if instruments is None else instruments),
            load_scenarios("scenarios" if scenarios is None else scenarios),
            shape=shape,
            time_ns=time_ns,
        )

    @classmethod
    def attach(
        cls,
        place: str | Path,
        path: str | Path = "default",
        *,
        instruments: str | Path | None = None,
        scenarios: str | Path | None = None,
        shape: Shape | None = None,
        time_ns: Time | None = None,
        capacity: int | None = None,
        reserve: int | None = None,
        publish_interval: int = 1000,
        archive: str | Path | None = None,
        rebuild: bool = False,
        create: bool = True,
    ) -> AdaptiveRiskManager:
        """The writer of an account that outlives its process: every event is journaled.

        A new place is made with the configuration. Where one exists, the account is recovered as it
        was, its limits, instruments and scenarios too, with a warning where they are not those of
        the files: `set_config` and `set_instruments` change them, and a change of instruments that
        was cut short is finished. Every order that was live is of unknown fate then until it is
        reconciled, and its instrument opens nothing. ``store.recovery`` tells what was done. Leave
        with `close`, or use it as a context manager.

        The journal survives the process, also killed, not the machine: see `flush`.

        Parameters
        ----------
        place : str or Path
            A folder of its own, or ``shm:NAME`` for shared memory.
        path, instruments, scenarios, shape, time_ns
            As in `from_config`. The instruments must be those of the account.
        capacity : int, optional
            Records in the ring of a new journal, a power of two; 65,536 (12 MB) by default.
        reserve : int, optional
            Records of it that only facts, cancels and control may use, and exits half of them; a
            sixteenth by default.
        publish_interval : int
            Records between two copies to the published page; 0: at samples only. Of a new journal.
        archive : str or Path, optional
            Where the drained journal is, if not in the place.
        rebuild : bool
            Rebuild the state from checkpoint and journal even where it seems whole: after a power
            loss, when files may be of different age.
        create : bool
            False where the account must be there: after a restart a misspelt place is then refused
            instead of made anew, with all its limits unused. Parents of a folder are never made.

        Raises
        ------
        PlaceError
            The place is incomplete, of another build or shape, somebody else's, in use, or torn.
        InputError
            The journal's size, also where it cannot take the configuration.
        ConfigError
            The instruments are not those of the account, or it is unused and its limits are of a
            later version.
        """
        from riskcore.config import load_config, load_instruments, load_scenarios
        from riskcore.config.writing import need_new_version, same_limits
        from riskcore.store.attach import attach

        self = cls.__new__(cls)
        config = load_config(path)
        terms = load_instruments("instruments" if instruments is None else instruments)
        stress = load_scenarios("scenarios" if scenarios is None else scenarios)
        start = self._start(time_ns)
        store = attach(
            place,
            archive,
            shape or config.shape or Shape(),
            terms,
            lambda core: _configure(core, config, terms, stress, start),
            capacity=capacity,
            reserve=reserve,
            publish_interval=publish_interval,
            rebuild=rebuild,
            create=create,
        )
        self._take(store.core, config, terms, stress, store)
        try:
            if store.unused:
                with store.steady_limits() as blocks:
                    for block in blocks:
                        need_new_version(config, block, store.shape)
                    _configure(store.core, config, terms, stress, start)
                store.keep_names(self.names())
            else:
                limits, *_ = store.limits()  # those that the restart leaves
                if not same_limits(config, limits, store.shape):
                    warnings.warn(
                        f"{config.source}: not in force: the account at {store.place.name} keeps "
                        f"its limits, version {limits.version}, until set_config changes them",
                        stacklevel=2,
                    )
                self._compare_instruments(store, terms)
                store.restart()
            if store.recovery.missing:
                warnings.warn(
                    f"{store.place.name}: rebuilt without {store.recovery.missing} facts that were "
                    "applied while the journal was full: reconcile positions and balances, then "
                    "reset the account, which opens nothing until then",
                    stacklevel=2,
                )
            store.core.publish()
        except BaseException:
            store.discard()
            raise
        return self

    def _compare_instruments(self, store: Writer, terms: InstrumentsConfig) -> None:
        """Tell what of the files is not in force; finish a change that was cut short."""
        from riskcore.config.writing import not_in_force, with_looser_states_in_force
        from riskcore.store.place import UNFINISHED

        names, known, core = self.names(), store.place.names(), store.core
        now = max(1, int(core.state.header.last_time_ns))
        # What the file holds back and the account does not is for `set_instruments` to take.
        self.instruments_config = with_looser_states_in_force(terms, core.state)
        if UNFINISHED in known:
            self._change_instruments(store, terms, now)
            warnings.warn(
                f"{terms.source}: a change of instruments of the account at {store.place.name} was "
                "cut short and has been done again with this file",
                stacklevel=3,
            )
            return
        trial = Core(store.shape)
        trial.load_state(core.state_bytes())
        found = not_in_force(trial, terms, self.scenarios_config, now)
        if found:
            more = f" and {len(found) - 1} more are" if len(found) > 1 else " is"
            warnings.warn(
                f"{terms.source}: {found[0]}{more} not in force: the account at {store.place.name} "
                "keeps what it has until set_instruments changes it",
                stacklevel=3,
            )
        if any(known.get(section) != names[section] for section in names):
            store.keep_names(names)

    def names(self) -> dict[str, list[str]]:
        """Names by section, in the order of their places in the buffer."""
        return _names_of(self.instruments_config, self.scenarios_config)

    def flush(self) -> None:
        """Bring journal and state to the medium, so that they survive a power loss up to here.

        Takes milliseconds; without a journal, or in shared memory, there is nothing to bring.
        PlaceError where the files were removed or replaced.
        """
        if self.store is not None:
            self.store.flush()

    def close(self) -> None:
        """Give up the place: the state stays readable, calls that change it raise StateError.

        PlaceError, when that is done, where the files were removed or replaced meanwhile.
        """
        if self.store is not None:
            self.store.close()

    def __enter__(self) -> AdaptiveRiskManager:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except PlaceError as lost:
            if error is None:
                raise
            error.add_note(str(lost))

    def _name(self, config: InstrumentsConfig) -> None:
        """Keep what turns names into places."""
        self.instruments_config = config
        self._instruments = config.build()
        self._symbols = list(self._instruments)
        self.instruments = MappingProxyType(self._instruments)
        self._venues = {name: index for index, name in enumerate(config.venues)}
        self._currencies = {name: index for index, name in enumerate(config.currencies)}
        self._strategies = {name: index for index, name in enumerate(config.strategies)}

    # --- names to places -------------------------------------------------------------------------

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol, or UnknownNameError."""
        try:
            return self._instruments[symbol]
        except (KeyError, TypeError):
            raise unknown_name("symbol", symbol, self._instruments) from None

    def strategy_index(self, strategy: str) -> int:
        """The place of a strategy, or UnknownNameError."""
        return _place("strategy", strategy, self._strategies)

    def _now(self, time: Time) -> int:
        """Nanoseconds of market data or of an order.

        What is older than the clock that started the manager would leave every order
        CLOCK_BACKWARDS without a word about why; facts are booked whatever their time.
        """
        now = to_ns(time)
        if now < self._earliest <= self.last_time_ns:
            raise InputError(
                f"time is {now}: allowed is from {self._earliest}, as the manager was made at the "
                "machine's clock; for a replay, make it with time_ns=, the start of the history"
            )
        return now

    def _answer(self, call: str, status: int) -> str:
        """The name of a status, or the error that it stands for."""
        if status in _NEWS:
            return codes.STATUS_NAMES[status]
        name = codes.STATUS_NAMES.get(status, str(status))
        reason = _REASONS.get(status, "an argument is beyond the core's bounds")
        kind = StateError if status == codes.BAD_BUFFER else InputError
        raise kind(f"{call}: the core refused it ({name}): {reason}")

    # --- configuration ---------------------------------------------------------------------------

    @property
    def config(self) -> RiskConfig:
        """The limits in force, whoever set them; ``source`` names a file that has the same."""
        from riskcore.config.writing import config_in_force

        return config_in_force(self._config, self.core.state.parameters, self.core.shape)

    def set_config(self, config: RiskConfig | str | Path, *, time: Time) -> None:
        """Replace limits and model constants, from a file or a validated configuration.

        Other limits than those in force need a higher ``version``, and it never falls:
        ConfigError otherwise.
        """
        from riskcore.config import RiskConfig, load_config, write_parameters
        from riskcore.config.writing import need_budget, need_new_version

        loaded = load_config(config) if isinstance(config, str | Path) else config
        need_kind("config", loaded, RiskConfig)
        now = to_ns(time)
        scenarios = self.core.state.scenarios
        need_budget(loaded, scenarios["horizon_ns"][scenarios["enabled"] != 0])
        in_force = nullcontext([self.core.state.parameters])
        with in_force if self.store is None else self.store.steady_limits() as blocks:
            for block in blocks:
                need_new_version(loaded, block, self.core.shape)
            write_parameters(self.core, loaded, now)
        self._config = loaded

    def set_instruments(self, config: InstrumentsConfig | str | Path, *, time: Time) -> None:
        """Add or change venues, currencies, strategies, instruments; then set the scenarios again.

        The names so far must come first and in the same order, and their prices and lots count in
        the same units. States become those of the file where it changes them; an operator's word
        stands otherwise. All of it happens or, where the core refuses a part or the names cannot be
        written beside the state, nothing.
        """
        from riskcore.config import InstrumentsConfig, load_instruments
        from riskcore.config.writing import need_same_units

        now = to_ns(time)
        loaded = load_instruments(config) if isinstance(config, str | Path) else config
        need_kind("config", loaded, InstrumentsConfig)
        for section in ("venues", "currencies", "strategies", "instruments"):
            before = list(getattr(self.instruments_config, section))
            after = list(getattr(loaded, section))
            if after[: len(before)] != before:
                raise ConfigError(
                    f"{loaded.source}: {section} starts with {', '.join(after[: len(before)])}: "
                    f"allowed is the order so far ({', '.join(before)}), new names after it"
                )
        need_same_units(loaded, self.instruments_config)
        if self.store is None:
            trial = Core(self.core.shape)
            trial.load_state(self.core.state_bytes())
            self._write_instruments(trial, loaded, now)
            self._write_instruments(self.core, loaded, now)
            self._name(loaded)
        else:
            self._change_instruments(self.store, loaded, now)

    def _change_instruments(self, store: Writer, loaded: InstrumentsConfig, now: int) -> None:
        """Set instruments in a journaled account; where this is cut short, `attach` finishes it."""
        from riskcore.store.attach import trial_records
        from riskcore.store.place import UNFINISHED

        write = partial(self._write_instruments, config=loaded, now=now)
        records = trial_records(self.core.shape, write, self.core.state_bytes())
        store.need_room(records + 1)
        coming = {**_names_of(loaded, self.scenarios_config), UNFINISHED: []}
        # Whoever keeps names holds the control page: nobody leaves more there.
        with store.place.naming(first=coming) as known:
            self._answer("set_instruments", self.core.on_clock(now))  # what waits comes first
            store.need_room(records + 1)  # beside that; a kill may still come in between
            known.update(coming)
            write(self.core)
            self._name(loaded)
            del known[UNFINISHED]

    def _write_instruments(self, core: Core, config: InstrumentsConfig, now: int) -> None:
        """Put instruments and scenarios into a core, with the states that are in force there."""
        from riskcore.config import write_instruments, write_scenarios
        from riskcore.config.writing import with_states_in_force

        wanted = with_states_in_force(config, self.instruments_config, core.state)
        write_instruments(core, wanted, now)
        write_scenarios(core, self.scenarios_config, wanted, now)

    # --- market and clock ------------------------------------------------------------------------

    def quote(
        self,
        symbol: str,
        bid: Number | None,
        bid_size: Number | None,
        ask: Number | None,
        ask_size: Number | None,
        time: Time,
    ) -> str:
        """Best bid and ask; None for both fields of a missing side."""
        instrument = self.instrument(symbol)
        bid_ticks, bid_lots = _side_of_book(instrument, "bid", bid, bid_size)
        ask_ticks, ask_lots = _side_of_book(instrument, "ask", ask, ask_size)
        now = self._now(time)
        status = self.core.on_quote(now, instrument.index, bid_ticks, bid_lots, ask_ticks, ask_lots)
        return self._answer("quote", status)

    def trade(self, symbol: str, price: Number, quantity: Number, time: Time) -> str:
        """A public trade."""
        instrument = self.instrument(symbol)
        ticks, lots = instrument.to_ticks(price), instrument.to_lots(quantity)
        status = self.core.on_trade(self._now(time), instrument.index, ticks, lots)
        return self._answer("trade", status)

    def rate(self, currency: str, rate: Number, time: Time) -> str:
        """Account currency per unit of another currency."""
        place = _place("currency", currency, self._currencies)
        if currency == self.instruments_config.account_currency:
            raise InputError(f"currency is {currency}: allowed is another than the account's")
        number = to_float("rate", rate, 0.0, 1e12, low_open=True)
        return self._answer("rate", self.core.on_rate(self._now(time), place, number))

    def clock(self, time: Time) -> str:
        """Time has passed without another event."""
        return self._answer("clock", self.core.on_clock(self._now(time)))

    def sample(self, time: Time) -> str:
        """Close a sampling interval and work the whole covariance pass in."""
        answer = self._answer("sample", self.core.on_sample(self._now(time)))
        while self.core.advance(self.core.shape.instruments) == codes.BUSY:
            pass
        return answer

    def advance(self, max_rows: int) -> str:
        """Work in rows of a covariance pass; ``BUSY`` while more remain."""
        rows = to_integer("max_rows", max_rows, 1, 1 << 20)
        return self._answer("advance", self.core.advance(rows))

    def regime(self, name: str, time: Time, probability: Number = 1.0) -> str:
        """The decided market regime and its probability."""
        if not isinstance(name, str) or name not in codes.REGIME_NAMES:
            allowed = ", ".join(codes.REGIME_NAMES)
            raise InputError(f"regime is {shown(name)}: allowed is one of {allowed}")
        number = to_float("probability", probability, 0.0, 1.0)
        place = codes.REGIME_NAMES.index(name)
        return self._answer("regime", self.core.on_regime(self._now(time), place, number))

    # --- orders ----------------------------------------------------------------------------------

    def _order(
        self,
        symbol: str,
        side: str | int,
        quantity: Number,
        price: Number | None,
        strategy: str,
        time: Time,
        confidence: Number,
        client_id: int | None,
        stop: Number | None,
        time_in_force: str,
        post_only: bool,
        reduce_only: bool,
    ) -> tuple[Instrument, tuple[Any, ...]]:
        """The instrument and the core's arguments of an order."""
        instrument = self.instrument(symbol)
        place = self.strategy_index(strategy)
        side_code = to_side(side)
        lots = instrument.to_lots(quantity)
        price_ticks = 0 if price is None else instrument.to_ticks(price)
        stop_ticks = 0 if stop is None else instrument.to_ticks(stop, "stop")
        if price is not None and stop is not None:
            raise InputError(f"stop is {shown(stop)}: allowed is none beside a price")
        kind = codes.LIMIT if price_ticks else codes.STOP if stop_ticks else codes.MARKET
        force = to_time_in_force(time_in_force)
        flags = codes.POST_ONLY if to_flag("post_only", post_only) else 0
        flags |= codes.REDUCE_ONLY if to_flag("reduce_only", reduce_only) else 0
        if post_only and (kind != codes.LIMIT or force != codes.GTC):
            raise InputError("post_only is True: allowed is False but for limit orders with GTC")
        likelihood = to_float("confidence", confidence, 0.0, 1.0)
        if client_id is None:
            identifier = int(self._last_client_ids[place]) + 1
        else:
            identifier = to_integer("client_id", client_id, 1, codes.MAX_IDENTIFIER)
        now = self._now(time)
        return instrument, (
            identifier,
            now,
            instrument.index,
            place,
            side_code,
            kind,
            force,
            flags,
            lots,
            price_ticks,
            stop_ticks,
            likelihood,
        )

    def _decided(self, call: str, instrument: Instrument, client_id: int) -> Decision:
        """The core's decision, or the error of an order that is no valid event."""
        self._answer(call, self._decision.status())
        return self._decision.read(instrument, client_id)

    def check(
        self,
        symbol: str,
        side: str | int,
        quantity: Number,
        price: Number | None = None,
        *,
        strategy: str,
        time: Time,
        confidence: Number,
        client_id: int | None = None,
        stop: Number | None = None,
        time_in_force: str = "GTC",
        post_only: bool = False,
        reduce_only: bool = False,
    ) -> Decision:
        """May this order go, how much of it, and if not, why not? Reserves its exposure.

        Parameters
        ----------
        symbol : str
            The instrument.
        side : str or int
            ``buy`` or ``sell``.
        quantity : Decimal, str, int or float
            Positive, on the instrument's grid.
        price : Decimal, str, int or float, optional
            Limit price; without it the order is a market order, or a stop order with `stop`.
        strategy : str
            Who asks.
        time : int or datetime
            Now.
        confidence : float
            Calibrated probability of the strategy, 0 to 1. It has no default: below the regime's
            threshold nothing opens, and a strategy that states none must not pass for certain.
        client_id : int, optional
            Strictly increasing per strategy; the next free one by default.
        stop : Decimal, str, int or float, optional
            Trigger price of a stop order.
        time_in_force : str
            ``GTC``, ``IOC`` or ``FOK``.
        post_only, reduce_only : bool
            The order's flags.
        """
        instrument, order = self._order(
            symbol,
            side,
            quantity,
            price,
            strategy,
            time,
            confidence,
            client_id,
            stop,
            time_in_force,
            post_only,
            reduce_only,
        )
        self.core.check(*order)
        return self._decided("check", instrument, order[0])

    def what_if(
        self,
        symbol: str,
        side: str | int,
        quantity: Number,
        price: Number | None = None,
        *,
        strategy: str,
        time: Time,
        confidence: Number,
        client_id: int | None = None,
        stop: Number | None = None,
        time_in_force: str = "GTC",
        post_only: bool = False,
        reduce_only: bool = False,
    ) -> Decision:
        """The answer of ``check`` without any effect."""
        instrument, order = self._order(
            symbol,
            side,
            quantity,
            price,
            strategy,
            time,
            confidence,
            client_id,
            stop,
            time_in_force,
            post_only,
            reduce_only,
        )
        self.core.what_if(*order)
        return self._decided("what_if", instrument, order[0])

    def check_batch(self, legs: Sequence[Mapping[str, Any]], *, time: Time) -> list[Decision]:
        """All legs or none.

        Parameters
        ----------
        legs : sequence of mappings
            Each with the arguments of ``check`` but the time.
        time : int or datetime
            Now, for all of them.
        """
        if isinstance(legs, str | Mapping) or not isinstance(legs, Sequence) or not legs:
            raise InputError(f"legs is {shown(legs)}: allowed is a list of at least one order")
        shape = self.core.shape
        orders = np.zeros(len(legs), record_dtype("order", shape))
        names = orders.dtype.names or ()
        instruments: list[Instrument] = []
        taken: dict[int, int] = {}
        for number, leg in enumerate(legs):
            if not isinstance(leg, Mapping):
                raise InputError(f"legs[{number}] is {shown(leg)}: allowed is a mapping")
            instrument, order = self._order(**_leg(number, leg), time=time)
            place = order[3]
            if leg.get("client_id") is None:
                order = (max(order[0], taken.get(place, 0) + 1), *order[1:])
            taken[place] = order[0]
            instruments.append(instrument)
            for name, value in zip(names, order, strict=False):
                orders[name][number] = value
        decisions = np.zeros(len(legs), record_dtype("decision", shape))
        self.core.check_batch(orders, decisions)
        answers = DecisionReader(decisions)
        for number in range(len(legs)):
            self._answer("check_batch", answers.status(number))
        return [
            answers.read(instrument, int(orders["client_id"][number]), number)
            for number, instrument in enumerate(instruments)
        ]

    def _live(self, handle: int) -> Instrument | None:
        """The instrument of a live order, or None."""
        slot = handle & codes.HANDLE_SLOT_MASK
        if slot >= self.core.shape.orders:
            return None
        order = self.core.state.orders[slot]
        if int(order.status) == codes.ORDER_FREE:
            return None
        if int(order.generation) != handle >> codes.HANDLE_SLOT_BITS:
            return None
        return self._instruments[self._symbols[int(order.instrument)]]

    def cancel(self, handle: int, time: Time) -> str:
        """A cancel is being sent. Cancels always pass."""
        order = _handle(handle)
        return self._answer("cancel", self.core.cancel(to_ns(time), order))

    def replace(self, handle: int, quantity: Number, price: Number, time: Time) -> Decision:
        """May this order be replaced by one of this total quantity and price?

        A limit order that is acknowledged and has no cancel or replace pending; StateError else.
        """
        order, now = _handle(handle), to_ns(time)
        instrument = self._live(order)
        if instrument is None:
            # The decision of an order that no longer lives is in no instrument's units.
            self.core.replace(now, order, 1, 1)
            instrument = next(iter(self._instruments.values()))
            return self._decided("replace", instrument, 0)
        lots, ticks = instrument.to_lots(quantity), instrument.to_ticks(price)
        client_id = int(self.core.state.orders[order & codes.HANDLE_SLOT_MASK].client_id)
        self.core.replace(now, order, lots, ticks)
        if int(self.core.decision.status) == codes.INVALID_CODE:
            raise StateError(
                "replace: allowed is a limit order that the venue has acknowledged, with no cancel "
                "or replace pending"
            )
        return self._decided("replace", instrument, client_id)

    def ack(self, handle: int, venue_order_id: int, time: Time) -> str:
        """The venue took the order."""
        order = _handle(handle)
        identifier = to_integer("venue_order_id", venue_order_id, 0, codes.MAX_IDENTIFIER)
        return self._answer("ack", self.core.on_ack(to_ns(time), order, identifier))

    def reject(self, handle: int, time: Time, code: int = 0) -> str:
        """The venue refused the order; `code` is the venue's own."""
        order, number = _handle(handle), to_integer("code", code, 0, codes.MAX_IDENTIFIER)
        return self._answer("reject", self.core.on_reject(to_ns(time), order, number))

    def canceled(self, handle: int, time: Time) -> str:
        """The order is cancelled."""
        order = _handle(handle)
        return self._answer("canceled", self.core.on_canceled(to_ns(time), order))

    def cancel_reject(self, handle: int, time: Time, code: int = 0) -> str:
        """The venue refused the cancel."""
        order, number = _handle(handle), to_integer("code", code, 0, codes.MAX_IDENTIFIER)
        return self._answer("cancel_reject", self.core.on_cancel_reject(to_ns(time), order, number))

    def replaced(self, handle: int, quantity: Number, price: Number, time: Time) -> str:
        """The order was replaced; quantity is its new total, as the venue reports it."""
        order, now = _handle(handle), to_ns(time)
        instrument = self._live(order)
        if instrument is None:
            return codes.STATUS_NAMES[codes.INVALID_HANDLE]
        lots, ticks = instrument.to_lots(quantity), instrument.to_ticks(price)
        return self._answer("replaced", self.core.on_replaced(now, order, lots, ticks))

    def expired(self, handle: int, time: Time) -> str:
        """The order has expired."""
        order = _handle(handle)
        return self._answer("expired", self.core.on_expire(to_ns(time), order))

    def order_status(self, handle: int, state: str, filled: Number, time: Time) -> str:
        """The venue's state of an order: ``working``, ``done`` or ``not_found``, and its fills."""
        order, now = _handle(handle), to_ns(time)
        code = _choice("state", state, _ORDER_STATES)
        instrument = self._live(order)
        if instrument is None:
            return codes.STATUS_NAMES[codes.INVALID_HANDLE]
        lots = instrument.to_signed_lots(filled, "filled")
        if lots < 0:
            raise InputError(f"filled is {shown(filled)}: allowed is zero or more")
        return self._answer("order_status", self.core.on_order_status(now, order, code, lots))

    # --- facts -----------------------------------------------------------------------------------

    def fill(
        self,
        symbol: str,
        side: str | int,
        quantity: Number,
        price: Number,
        *,
        strategy: str,
        time: Time,
        handle: int = 0,
        fee: Number = 0.0,
        fee_currency: str | None = None,
        execution_id: int = 0,
    ) -> str:
        """An execution. It is booked whatever the state of its order; only a proven repeat is not.

        Parameters
        ----------
        symbol : str
            The instrument.
        side : str or int
            ``buy`` or ``sell``.
        quantity, price : Decimal, str, int or float
            On the instrument's grid.
        strategy : str
            Whose it is. One that is not configured does not stop the booking: the first holds it.
        time : int or datetime
            Time of the writer.
        handle : int
            Of its order; 0 where it is not known.
        fee : Decimal, str, int or float
            Positive when paid.
        fee_currency : str, optional
            The settlement currency by default. In one that is not configured a fee is left out.
        execution_id : int
            The venue's; 0 where it has none, and then no repeat can be recognised.
        """
        arguments = self._execution(
            symbol, side, quantity, price, strategy, fee, fee_currency, execution_id
        )
        order = to_integer("handle", handle, 0, _MAX_HANDLE)
        return self._answer("fill", self.core.on_fill(to_ns(time), order, *arguments))

    def bust(
        self,
        symbol: str,
        side: str | int,
        quantity: Number,
        price: Number,
        *,
        strategy: str,
        time: Time,
        fee: Number = 0.0,
        fee_currency: str | None = None,
        execution_id: int = 0,
    ) -> str:
        """An execution taken back: the arguments are those of the fill."""
        arguments = self._execution(
            symbol, side, quantity, price, strategy, fee, fee_currency, execution_id
        )
        return self._answer("bust", self.core.on_bust(to_ns(time), *arguments))

    def _execution(
        self,
        symbol: str,
        side: str | int,
        quantity: Number,
        price: Number,
        strategy: str,
        fee: Number,
        fee_currency: str | None,
        execution_id: int,
    ) -> tuple[Any, ...]:
        """The core's arguments of a fill or bust, without time and handle."""
        instrument = self.instrument(symbol)
        currency = instrument.currency if fee_currency is None else fee_currency
        return (
            instrument.index,
            _place_of_fact("strategy", strategy, self._strategies),
            to_side(side),
            instrument.to_lots(quantity),
            instrument.to_ticks(price),
            to_float("fee", fee, -codes.MAX_MONEY, codes.MAX_MONEY),
            _place_of_fact("fee_currency", currency, self._currencies),
            to_integer("execution_id", execution_id, 0, codes.MAX_IDENTIFIER),
        )

    def funding(
        self,
        symbol: str,
        amount: Number,
        time: Time,
        *,
        currency: str | None = None,
        strategy: str | None = None,
    ) -> str:
        """A funding payment, positive when received; in the settlement currency by default.

        It enters the record of the strategy, if one is named and configured.
        """
        instrument = self.instrument(symbol)
        named = instrument.currency if currency is None else currency
        code = _place("currency", named, self._currencies)
        place = -1
        if strategy is not None:
            place = _place_of_fact("strategy", strategy, self._strategies)
        number = to_float("amount", amount, -codes.MAX_MONEY, codes.MAX_MONEY)
        status = self.core.on_funding(to_ns(time), instrument.index, place, code, number)
        return self._answer("funding", status)

    def transfer(self, venue: str, currency: str, amount: Number, time: Time) -> str:
        """A deposit (positive) or a withdrawal (negative)."""
        place = _place("venue", venue, self._venues)
        code = _place("currency", currency, self._currencies)
        number = to_float("amount", amount, -codes.MAX_MONEY, codes.MAX_MONEY)
        return self._answer("transfer", self.core.on_transfer(to_ns(time), place, code, number))

    def settlement(self, symbol: str, price: Number, time: Time) -> str:
        """Final settlement: the position is closed at this price."""
        instrument = self.instrument(symbol)
        ticks = instrument.to_ticks(price)
        return self._answer(
            "settlement", self.core.on_settlement(to_ns(time), instrument.index, ticks)
        )

    def reconcile(
        self, symbol: str, quantity: Number, time: Time, price: Number | None = None
    ) -> str:
        """The venue's net position, signed. A difference is booked, at the mark without a price.

        ``BOOKED_UNMATCHED`` says that there was one; the instrument then opens nothing until a
        person resets it.
        """
        instrument = self.instrument(symbol)
        lots = instrument.to_signed_lots(quantity)
        ticks = 0 if price is None else instrument.to_ticks(price)
        status = self.core.on_position(to_ns(time), instrument.index, lots, ticks)
        return self._answer("reconcile", status)

    # --- system ----------------------------------------------------------------------------------

    def heartbeat(self, time: Time, venue: str | None = None) -> str:
        """A sign of life of a venue, or of the monitor where none is named."""
        place = -1 if venue is None else _place("venue", venue, self._venues)
        return self._answer("heartbeat", self.core.on_heartbeat(to_ns(time), place))

    def latency(self, latency_ns: int, time: Time) -> str:
        """A measured processing latency, ns."""
        number = to_integer("latency_ns", latency_ns, 0, codes.MAX_TIME_NS)
        return self._answer("latency", self.core.on_latency(to_ns(time), number))

    def error(self, time: Time, code: int = 0) -> str:
        """An error of the system around; enough of them stop opening."""
        number = to_integer("code", code, 0, codes.MAX_IDENTIFIER)
        return self._answer("error", self.core.on_error(to_ns(time), number))

    def _control(
        self, call: str, code: int, target: int, value: int, author: int | str, time: Time | None
    ) -> str:
        """A control event; without a time, at the time of the last event."""
        identifier = to_author(author)
        now = max(1, int(self.core.state.header.last_time_ns)) if time is None else to_ns(time)
        status = self.core.control(now, code, target, value, identifier)
        if status == codes.INVALID_VALUE and code == codes.CONTROL_RESET_KILL:
            raise StateError("reset: a kill came with it from the control page: look, then reset")
        answer = self._answer(call, status)
        if self.store is not None:
            self.store.keep_author(author)
        return answer

    def kill(self, author: int | str, time: Time | None = None) -> str:
        """Pull the kill switch: only cancels pass until a named person resets it."""
        return self._control("kill", codes.CONTROL_KILL, 0, 0, author, time)

    def reset(
        self,
        author: int | str,
        *,
        kill: bool = False,
        account: bool = False,
        cooldown: bool = False,
        peak: bool = False,
        symbol: str | None = None,
        time: Time | None = None,
    ) -> str:
        """A named person resets the kill switch, account latches, cool-down or an instrument.

        A drawdown latch comes back while the loss persists: `peak` accepts the loss, and measures
        drawdown and daily loss from today's equity on.

        Parameters
        ----------
        author : int or str
            Who resets; the journal keeps it.
        kill, account, cooldown, peak : bool
            What to reset.
        symbol : str, optional
            Instrument whose latches to reset.
        time : int or datetime, optional
            Time of the last event by default.
        """
        index = None if symbol is None else self.instrument(symbol).index
        wanted = [
            (to_flag("kill", kill), codes.CONTROL_RESET_KILL, 0),
            (to_flag("peak", peak), codes.CONTROL_REBASE_PEAK, 0),
            (to_flag("account", account), codes.CONTROL_RESET_LATCHES, 0),
            (to_flag("cooldown", cooldown), codes.CONTROL_RESET_COOLDOWN, 0),
            (index is not None, codes.CONTROL_RESET_INSTRUMENT, index or 0),
        ]
        chosen = [(code, target) for asked, code, target in wanted if asked]
        if not chosen:
            raise InputError(
                "reset is of nothing: allowed is kill, account, cooldown, peak or symbol"
            )
        answer = ""
        for code, target in chosen:
            answer = self._control("reset", code, target, 0, author, time)
        return answer

    def latch(
        self, author: int | str, *, symbol: str | None = None, time: Time | None = None
    ) -> str:
        """Hold the account, or one instrument, in reduce-only until a person resets it."""
        if symbol is None:
            return self._control("latch", codes.CONTROL_LATCH_ACCOUNT, 0, 0, author, time)
        index = self.instrument(symbol).index
        return self._control("latch", codes.CONTROL_LATCH_INSTRUMENT, index, 0, author, time)

    def set_venue_state(
        self, venue: str, state: str, author: int | str, time: Time | None = None
    ) -> str:
        """Make a venue ``active``, ``close_only`` or ``down``."""
        place = _place("venue", venue, self._venues)
        allowed = {name: _STATES[name] for name in ("active", "close_only", "down")}
        code = _choice("state", state, allowed)
        call = codes.CONTROL_SET_VENUE_STATE
        return self._control("set_venue_state", call, place, code, author, time)

    def set_strategy_state(
        self, strategy: str, state: str, author: int | str, time: Time | None = None
    ) -> str:
        """Make a strategy ``active`` or ``disabled``."""
        place = self.strategy_index(strategy)
        allowed = {name: _STATES[name] for name in ("active", "disabled")}
        code = _choice("state", state, allowed)
        call = codes.CONTROL_SET_STRATEGY_STATE
        return self._control("set_strategy_state", call, place, code, author, time)

    def venue_usage(
        self, venue: str, used: int, author: int | str = 1, time: Time | None = None
    ) -> str:
        """Messages used in the venue's current window, as the venue itself reports them."""
        place = _place("venue", venue, self._venues)
        number = to_integer("used", used, 0, codes.MAX_LOTS)
        call = codes.CONTROL_VENUE_USAGE
        return self._control("venue_usage", call, place, number, author, time)

    # --- questions -------------------------------------------------------------------------------

    @property
    def equity(self) -> float:
        """Balances, spot holdings and unrealised P&L, account money."""
        return float(self.core.state.account.equity)

    @property
    def drawdown(self) -> float:
        """Fall from the high-water mark, a fraction."""
        return float(self.core.state.account.drawdown)

    @property
    def killed(self) -> bool:
        """True while the kill switch is on."""
        return bool(self.core.state.system.kill)

    @property
    def last_time_ns(self) -> int:
        """The latest time seen."""
        return int(self.core.state.header.last_time_ns)

    @property
    def current_regime(self) -> str:
        """Name of the decided regime."""
        current = int(self.core.state.regime.current)
        return codes.REGIME_NAMES[current] if current < len(codes.REGIME_NAMES) else str(current)

    def position(self, symbol: str) -> Position:
        """One position as it stands."""
        instrument = self.instrument(symbol)
        row = self.core.state.positions[instrument.index]
        tick = float(instrument.tick_size)
        return Position(
            symbol=symbol,
            quantity=instrument.from_lots(int(row.net_lots)),
            working_buy=instrument.from_lots(int(row.working_buy_lots)),
            working_sell=instrument.from_lots(int(row.working_sell_lots)),
            average_price=float(row.average_price) * tick,
            mark=float(self.core.state.market[instrument.index].mark) * tick,
            stop_price=float(row.stop_price) * tick,
            target_price=float(row.target_price) * tick,
            gross=float(row.gross),
            unrealized_pnl=float(row.unrealized_pnl),
            realized_pnl=float(row.realized_pnl),
            fees=float(row.fees),
            funding=float(row.funding),
            latches=int(row.latches),
        )

    def positions(self) -> dict[str, Decimal]:
        """Filled positions that are not flat, by symbol."""
        rows = self.core.state.positions
        return {
            symbol: instrument.from_lots(int(rows[instrument.index].net_lots))
            for symbol, instrument in self._instruments.items()
            if int(rows[instrument.index].net_lots)
        }

    def orders(self) -> list[WorkingOrder]:
        """Every live order, in the order in which they were accepted."""
        table = self.core.state.orders
        strategies = list(self._strategies)
        live = np.flatnonzero(table["status"] != codes.ORDER_FREE)
        found = []
        for slot in live[np.argsort(table["sequence"][live])].tolist():
            row = table[slot]
            instrument = self._instruments[self._symbols[int(row.instrument)]]
            found.append(
                WorkingOrder(
                    handle=int(row.generation) << codes.HANDLE_SLOT_BITS | slot,
                    symbol=instrument.symbol,
                    side="buy" if int(row.side) == codes.BUY else "sell",
                    strategy=strategies[int(row.strategy)],
                    status=_ORDER_STATUSES[int(row.status)],
                    quantity=instrument.from_lots(int(row.lots)),
                    filled=instrument.from_lots(int(row.filled_lots)),
                    price=instrument.from_ticks(int(row.price_ticks)),
                    client_id=int(row.client_id),
                    venue_order_id=int(row.venue_order_id),
                    sent_ns=int(row.sent_ns),
                )
            )
        return found

    def position_risk(self, symbol: str) -> dict[str, float]:
        """Risk of one position; prices in the instrument's units, money in the account's."""
        instrument = self.instrument(symbol)
        self._answer("position_risk", self.core.compute_position_risk(instrument.index))
        row = _fields(self.core.position_risk)
        for name in ("stop_price", "target_price", "liquidation_price"):
            row[name] *= float(instrument.tick_size)
        return row

    def portfolio_risk(self) -> dict[str, float]:
        """Risk of the account."""
        self._answer("portfolio_risk", self.core.compute_portfolio_risk())
        return _fields(self.core.portfolio_risk)

    def __repr__(self) -> str:
        return (
            f"<AdaptiveRiskManager {self.config.source}: {len(self._instruments)} instruments, "
            f"equity {self.equity:.2f}, drawdown {self.drawdown:.4f}>"
        )


def _need_models(config: object, instruments: object, scenarios: object) -> None:
    """InputError unless these are the three models of a configuration."""
    from riskcore.config import InstrumentsConfig, RiskConfig, ScenariosConfig

    need_kind("config", config, RiskConfig)
    need_kind("instruments", instruments, InstrumentsConfig)
    need_kind("scenarios", scenarios, ScenariosConfig)


def _names_of(instruments: InstrumentsConfig, scenarios: ScenariosConfig) -> dict[str, list[str]]:
    """Names by section of a configuration."""
    sections = ("instruments", "venues", "currencies", "strategies")
    names = {section: list(getattr(instruments, section)) for section in sections}
    return {**names, "scenarios": list(scenarios.scenarios)}


def _configure(
    core: Core,
    config: RiskConfig,
    instruments: InstrumentsConfig,
    scenarios: ScenariosConfig,
    time_ns: int,
) -> None:
    """Put a whole configuration into a core."""
    from riskcore.config import write_instruments, write_parameters, write_scenarios
    from riskcore.config.writing import need_budget

    enabled = [one.horizon for one in scenarios.scenarios.values() if one.enabled]
    need_budget(config, enabled)
    write_parameters(core, config, time_ns)
    write_instruments(core, instruments, time_ns)
    write_scenarios(core, scenarios, instruments, time_ns)


def _fields(record: Any) -> dict[str, float]:
    """The scalar fields of a record."""
    names = [name for name in record.dtype.names if name != "padding"]
    return {name: float(record[name]) for name in names}


def _place(argument: str, name: str, places: Mapping[str, int]) -> int:
    try:
        return places[name]
    except (KeyError, TypeError):
        raise unknown_name(argument, name, places) from None


def _place_of_fact(argument: str, name: str, places: Mapping[str, int]) -> int:
    """A place, or one that does not exist: a fact is booked whatever name it carries."""
    if isinstance(name, str) and name not in places:
        return _NOWHERE
    return _place(argument, name, places)


def _choice(argument: str, name: object, allowed: Mapping[str, int]) -> int:
    if not isinstance(name, str) or name not in allowed:
        raise InputError(f"{argument} is {shown(name)}: allowed is one of {', '.join(allowed)}")
    return allowed[name]


def _handle(handle: int) -> int:
    return to_integer("handle", handle, 1, _MAX_HANDLE)


def _side_of_book(
    instrument: Instrument, name: str, price: Number | None, size: Number | None
) -> tuple[int, int]:
    """Ticks and lots of one side; zeros for a missing one."""
    if price is None and size is None:
        return 0, 0
    if price is None or size is None:
        empty, given = (name, f"{name}_size") if price is None else (f"{name}_size", name)
        raise InputError(f"{empty} is None: allowed is a number, as {given} has one")
    return instrument.to_ticks(price, name), instrument.to_lots(size, f"{name}_size")


_LEG_DEFAULTS: dict[str, Any] = {
    "price": None,
    "client_id": None,
    "stop": None,
    "time_in_force": "GTC",
    "post_only": False,
    "reduce_only": False,
}
_LEG_KEYS = ("symbol", "side", "quantity", "strategy", "confidence", *_LEG_DEFAULTS)


def _leg(number: int, leg: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of one leg of a batch, complete."""
    for key in leg:
        if key not in _LEG_KEYS:
            allowed = ", ".join(_LEG_KEYS)
            raise InputError(f"legs[{number}] has {shown(key)}: allowed are {allowed}")
    for key in _LEG_KEYS[:5]:
        if key not in leg:
            raise InputError(f"legs[{number}] lacks {key}: allowed is an order with {key}")
    return {**_LEG_DEFAULTS, **leg}
