"""The one writer of a place: its lock, its maps and its recovery."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from riskcore import codes
from riskcore._core import JournaledCore, Parts
from riskcore.errors import InputError, PlaceError, StateError
from riskcore.inputs import to_integer
from riskcore.layout import Shape
from riskcore.store.journal import Journal
from riskcore.store.pages import limits_ahead
from riskcore.store.place import (
    NameLock,
    Part,
    Place,
    check_account_folder,
    create_place,
    remove,
)
from riskcore.store.recovery import Recovery, recover

CAPACITY = 1 << 16  # records: 12 MB
PUBLISH_INTERVAL = 1000  # records


class Writer:
    """The files of a place as the process that writes the account holds them.

    Parameters
    ----------
    place : Place
    shape : Shape
        Of the account; PlaceError where the place has another.
    capacity, reserve, publish_interval : int, optional
        Of a new journal; see `AdaptiveRiskManager.attach`.
    rebuild : bool
        Rebuild the state from checkpoint and journal even where it seems whole.
    create : bool
        Whether an account is made where there is none; PlaceError if not.

    Attributes
    ----------
    core : JournaledCore
        The account.
    journal : Journal
    recovery : Recovery
        How the state came about.

    Notes
    -----
    A forked child has the maps but not the account: there every event, `what_if` and `flush` raise
    StateError, and nothing that the child does or how it ends takes the lock from its parent. What
    is read there is the parent's account as it moves.

    Where the files are removed or replaced, the writer goes on with those that it has mapped, which
    no other process can find any more: `flush` and `close` say so, and no second writer starts at
    that name meanwhile.
    """

    def __init__(
        self,
        place: Place,
        shape: Shape,
        *,
        capacity: int | None = None,
        reserve: int | None = None,
        publish_interval: int = PUBLISH_INTERVAL,
        rebuild: bool = False,
        create: bool = True,
    ) -> None:
        self.place, self.shape, self.pid = place, shape, os.getpid()
        self._made: list[Path] = []
        self._discarded = False
        self._open: list[Part] = []
        sizes = journal_sizes(capacity, reserve, publish_interval)
        parts = Parts(shape)
        if not place.in_memory and place.folder.exists():
            check_account_folder(place)
        self._name = NameLock(place)
        try:
            if not place.exists():
                if not create:
                    place.need()
                self._made = create_place(place, parts, *sizes)
            self._attach(parts, rebuild)
        except BaseException:
            self.discard()
            raise
        _WRITERS.add(self)

    def _attach(self, parts: Parts, rebuild: bool) -> None:
        """Lock first; then map, check and recover."""
        place = self.place
        place.names()  # refused before anything is touched where they cannot be read
        found = place.shape()
        if found != self.shape:
            different = [
                f"{name} {getattr(found, name)}, not {getattr(self.shape, name)}"
                for name in Shape.__dataclass_fields__
                if getattr(found, name) != getattr(self.shape, name)
            ]
            raise PlaceError(f"{place.path('state')}: WRONG_SHAPE: it has {', '.join(different)}")
        state = self._part("state", parts)
        state.hold(f"{place.name}: refused: another process is writing this account")
        self.journal = Journal(place, parts, write=True, populate=True)
        self._open.append(self.journal.part)
        self.control = control = self._part("control", parts, write=False)
        page = self._part("published", parts)
        for part in (state, self.journal.part, page):
            part.touch()
        self.recovery: Recovery = recover(place, parts, state, self.journal, rebuild=rebuild)
        self.core = JournaledCore(self.shape, memory=state.memory)
        self.core.link(self.journal.part.memory, control.memory, page.memory)
        self.core.resume()

    def _part(self, name: str, parts: Parts, *, write: bool = True) -> Part:
        part = Part(self.place, name, parts, write=write, populate=True)
        self._open.append(part)
        return part

    @property
    def unused(self) -> bool:
        """True where the configuration may be half written, and nothing has happened since.

        The names are kept when all of it is there. Changes of configuration count as control.
        """
        events = self.core.state.counters.events
        happened = int(events.sum()) - int(events[codes.EVENT_CONTROL])
        return happened == 0 and "instruments" not in self.place.names()

    def restart(self) -> None:
        """Tell the account that its process was away: every live order is of unknown fate.

        It opens nothing where facts are missing that were never written.
        """
        now = max(1, int(self.core.state.header.last_time_ns))
        status = self.core.control(now, codes.CONTROL_RESTART, 0, self.recovery.missing, 0)
        if status not in (codes.OK, codes.NOT_JOURNALED):
            raise PlaceError(f"{self.place.name}: restart refused: {codes.STATUS_NAMES[status]}")

    def need_room(self, records: int) -> None:
        """StateError where the journal has not so many records beside its reserve."""
        journal = self.core.journal
        used = int(journal.committed) - int(journal.drained)
        free = int(journal.capacity) - used - int(journal.reserve)
        if records > free:
            raise StateError(
                f"{self.place.name}: the journal has {max(free, 0)} free records beside its "
                f"reserve, and this takes {records}: drain it first"
            )

    def limits(self) -> list[Any]:
        """The parameter blocks that new limits come behind."""
        return limits_ahead(self.control.record, self.journal.part.record, self.core.state)

    @contextmanager
    def steady_limits(self) -> Iterator[list[Any]]:
        """The same, while nobody can leave others."""
        with self.control.locked() if self.control.is_there else nullcontext():
            yield self.limits()

    def keep_names(self, names: Mapping[str, Sequence[str]]) -> None:
        """Keep the names of instruments, venues and the like beside the state, for readers."""
        self.place.keep_names(names)

    def keep_author(self, author: int | str) -> None:
        """Keep an author's name there too; what he did is done, also where that fails."""
        with suppress(PlaceError):
            self.place.keep_author(author)

    def flush(self) -> None:
        """Bring journal and state to the medium; in shared memory there is none.

        StateError where the account is closed or another process's, PlaceError where its files
        were removed or replaced.
        """
        if os.getpid() != self.pid:
            raise StateError(self._not_ours)
        if self.closed:
            raise StateError("the account is closed")
        for part in self._open:
            if part.part in ("journal", "state"):
                try:
                    part.memory.flush()
                except OSError as error:
                    raise PlaceError(f"{part.path}: cannot be flushed: {error.strerror}") from None
        self._need_files()

    def _need_files(self) -> None:
        """PlaceError where the account is no longer where it was."""
        gone = [str(part.path) for part in self._open if not part.is_there]
        if gone:
            raise PlaceError(
                f"{', '.join(gone)}: removed or replaced while this process wrote the account: "
                "what it wrote is in its own memory alone, and ends with it"
            )

    @property
    def _not_ours(self) -> str:
        return (
            f"{self.place.name}: process {self.pid} writes this account, and this process was "
            "forked from it: only one of them can"
        )

    @property
    def closed(self) -> bool:
        """True when the lock is given up."""
        return not self._open

    def abandon(self) -> None:
        """Leave the account to the process that this one was forked from."""
        for held in (*self._open, self._name):
            held.abandon()
        self._open.clear()
        if hasattr(self, "core"):
            self.core.unlink(self._not_ours)

    def close(self) -> None:
        """Give up the lock. Views on the memory stay readable; calls on the account raise.

        PlaceError, when all that is done, where the files were removed or replaced.
        """
        if os.getpid() != self.pid:
            self.abandon()
        try:
            if hasattr(self, "core") and not self.closed:
                self.core.publish()
                self.core.unlink()
                if not self._discarded:
                    self._need_files()
        finally:
            # The lock on the state goes last but for that on the name.
            for part in reversed(self._open):
                part.close()
            self._open.clear()
            self._name.close()

    def discard(self) -> None:
        """Give up, and take away what was made just now: an account that never came to be."""
        if os.getpid() != self.pid:
            self.abandon()
        if self._made and any(part.file >= 0 for part in self._open):  # nobody else can have it
            names = [self.place.path(name) for name in ("names.json", "names.json.new")]
            remove([*self._made, *names])
            self._discarded = True
        self.close()


_WRITERS: weakref.WeakSet[Writer] = weakref.WeakSet()


def _abandon_all() -> None:
    """In a forked child: what the parent writes stays the parent's."""
    for writer in list(_WRITERS):
        writer.abandon()


os.register_at_fork(after_in_child=_abandon_all)


def journal_sizes(
    capacity: int | None, reserve: int | None, publish_interval: int
) -> tuple[int, int, int]:
    """Sizes of a journal, or InputError."""
    low, high = codes.MIN_JOURNAL_RECORDS, codes.MAX_JOURNAL_RECORDS
    records = CAPACITY if capacity is None else to_integer("capacity", capacity, low, high)
    if records & (records - 1):
        raise InputError(f"capacity is {records}: allowed is a power of two from {low} to {high}")
    kept = records // 16 if reserve is None else to_integer("reserve", reserve, 0, records // 2)
    return records, kept, to_integer("publish_interval", publish_interval, 0, 1 << 40)
