"""The one writer of a place: its lock, its maps and its recovery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from riskcore import codes
from riskcore._core import JournaledCore, Parts
from riskcore.errors import InputError, PlaceError
from riskcore.inputs import to_integer
from riskcore.layout import Shape
from riskcore.store.journal import Journal
from riskcore.store.place import Part, Place, check_account_folder, create_place, lock
from riskcore.store.recovery import Recovery, recover

CAPACITY = 1 << 16  # records: 12 MB
PUBLISH_INTERVAL = 1000  # records
_LARGEST = 1 << 32


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
        self.place, self.shape = place, shape
        sizes = _sizes(capacity, reserve, publish_interval)
        parts = Parts(shape)
        if not place.in_memory and place.folder.exists():
            check_account_folder(place)
        if not place.exists():
            if not create:
                place.need()
            create_place(place, parts, *sizes)
        self._open: list[Part] = []
        try:
            self._attach(parts, rebuild)
        except BaseException:
            self.close()
            raise

    def _attach(self, parts: Parts, rebuild: bool) -> None:
        """Lock first; then map, check and recover."""
        place = self.place
        found = place.shape()
        if found != self.shape:
            different = [
                f"{name} {getattr(found, name)}, not {getattr(self.shape, name)}"
                for name in Shape.__dataclass_fields__
                if getattr(found, name) != getattr(self.shape, name)
            ]
            raise PlaceError(f"{place.path('state')}: WRONG_SHAPE: it has {', '.join(different)}")
        state = self._part("state", parts)
        lock(state.file, f"{place.name}: refused: another process is writing this account")
        self.journal = Journal(place, parts, write=True)
        self._open.append(self.journal.part)
        control = self._part("control", parts, write=False)
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
        return happened == 0 and not self.place.path("names.json").exists()

    def restart(self) -> None:
        """Tell the account that its process was away: every live order is of unknown fate."""
        now = max(1, int(self.core.state.header.last_time_ns))
        status = self.core.control(now, codes.CONTROL_RESTART, 0, 0, 0)
        if status not in (codes.OK, codes.NOT_JOURNALED):
            raise PlaceError(f"{self.place.name}: restart refused: {codes.STATUS_NAMES[status]}")

    def keep_names(self, names: Mapping[str, Sequence[str]]) -> None:
        """Keep the names of instruments, venues and the like beside the state, for readers."""
        self.place.keep_names(names)

    def flush(self) -> None:
        """Bring journal and state to the medium; in shared memory there is none."""
        for part in self._open:
            if part.part in ("journal", "state"):
                part.memory.flush()

    @property
    def closed(self) -> bool:
        """True when the lock is given up."""
        return not self._open

    def close(self) -> None:
        """Give up the lock. Views on the memory stay readable; calls on the account raise."""
        if hasattr(self, "core") and not self.closed:
            self.core.publish()
            self.core.unlink()
        # The lock on the state goes last.
        for part in reversed(self._open):
            part.close()
        self._open.clear()


def _sizes(
    capacity: int | None, reserve: int | None, publish_interval: int
) -> tuple[int, int, int]:
    """Sizes of a journal, or InputError."""
    records = CAPACITY if capacity is None else to_integer("capacity", capacity, 256, _LARGEST)
    if records & (records - 1):
        raise InputError(f"capacity is {records}: allowed is a power of two from 256 to 2**32")
    kept = records // 16 if reserve is None else to_integer("reserve", reserve, 0, records // 2)
    return records, kept, to_integer("publish_interval", publish_interval, 0, 1 << 40)
