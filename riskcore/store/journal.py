"""The journal's ring as other processes read it, and checks of its records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskcore import codes
from riskcore._core import Parts
from riskcore.errors import PlaceError, TornError
from riskcore.layout import EVENT_PLACE, EVENT_WORDS, record_dtype
from riskcore.store.place import Part, Place

Records = NDArray[Any]  # of `journal_record`
_LONGEST = codes.MIN_JOURNAL_RECORDS  # no entry has more
_NAMES = {**codes.EVENT_NAMES, **codes.ENTRY_NAMES}
_CONTROL_NAMES = {
    code: name.removeprefix("CONTROL_").lower()
    for name, code in vars(codes).items()
    if name.startswith("CONTROL_")
}
_PAYLOADS = {
    codes.ENTRY_PARAMETERS: "parameters",
    codes.ENTRY_INSTRUMENT: "instrument",
    codes.ENTRY_VENUE: "venue",
    codes.ENTRY_CURRENCY: "currency",
    codes.ENTRY_STRATEGY: "strategy",
    codes.ENTRY_SCENARIO: "scenario",
}


class Journal:
    """The ring of a place.

    Parameters
    ----------
    place : Place
    parts : Parts
        The native functions of the account's shape.
    write : bool
        Whether `drained` may be moved.
    populate : bool
        Whether its bytes are all to be there at once.

    Notes
    -----
    The numbers are read afresh each time: the writer moves them. Records up to `drained` may be
    overwritten at any moment.
    """

    def __init__(
        self, place: Place, parts: Parts, *, write: bool = False, populate: bool = False
    ) -> None:
        self.part = Part(place, "journal", parts, write=write, populate=populate)
        self.parts = parts
        self.record = self.part.record
        head = record_dtype("journal", parts.shape)
        self.capacity = int(self.record.capacity)
        self.ring: Records = np.frombuffer(
            self.part.memory, record_dtype("journal_record", parts.shape), offset=head.itemsize
        )

    @property
    def committed(self) -> int:
        """Sequence of the last record that is whole."""
        return int(self.record["committed"])

    @property
    def applied(self) -> int:
        """Sequence of the last record that is in the state."""
        return int(self.record["applied"])

    @property
    def drained(self) -> int:
        """Sequence of the last record that is kept elsewhere."""
        return int(self.record["drained"])

    @property
    def lost(self) -> int:
        """Facts that were applied without a record."""
        return int(self.record["lost"])

    @property
    def is_quiet(self) -> bool:
        """True where the state has all that is committed, and all that was lost."""
        record = self.record
        return bool(
            record["applied"] == record["committed"] and record["lost_applied"] == record["lost"]
        )

    @property
    def refused(self) -> int:
        """Events that were refused for want of room."""
        return int(self.record["refused"])

    def move_drained(self, sequence: int) -> None:
        """Let the writer overwrite records up to `sequence`: they are kept elsewhere now."""
        self.record["drained"] = sequence

    def distrust_state(self) -> None:
        """Say that the state lacks the last record, and facts that were lost.

        It is about to be overwritten in place.
        """
        self.record["applied"] = self.committed - 1
        if self.lost:
            self.record["lost_applied"] = self.lost - 1

    def copy(self, first: int, last: int) -> Records:
        """Copy records; PlaceError where they were overwritten meanwhile."""
        count = last - first + 1
        if count < 0 or count > self.capacity:
            raise PlaceError(f"{self.part.path}: records {first} to {last} are not in the ring")
        start = (first - 1) % self.capacity
        try:
            records = np.empty(count, self.ring.dtype)
        except MemoryError:
            raise PlaceError(
                f"{self.part.path}: no memory for a copy of records {first} to {last}"
            ) from None
        head = min(count, self.capacity - start)
        records[:head] = self.ring[start : start + head]
        records[head:] = self.ring[: count - head]
        if self.drained >= first:
            raise PlaceError(f"{self.part.path}: records {first} to {last} were drained meanwhile")
        return records

    def agrees(self, records: Records, first: int) -> bool:
        """False where records of the archive cannot be this journal's; `first` is their sequence.

        They are compared with those that still lie in the ring. Drained ones the writer may be
        overwriting, up to an entry ahead of `committed`.
        """
        last = first + len(records) - 1
        if last > self.committed:
            return False
        rows = self.ring[np.arange(first - 1, last) % self.capacity]
        same = (words_of(rows) == words_of(records)).all(axis=1)
        kept = min(self.drained, self.committed - self.capacity + _LONGEST) + 1
        return bool(same[max(0, kept - first) :].all())

    def close(self) -> None:
        """Give up the drainer's lock, where it is held."""
        self.part.close()


def words_of(records: Records) -> NDArray[np.int64]:
    """The words of records, int64 [records, words of one]."""
    words = np.ascontiguousarray(records).view(np.int64)
    return words.reshape(len(records), records.dtype.itemsize // 8)


def count_whole(records: Records, first: int, parts: Parts) -> int:
    """How many records from the start on have the right sequence and checksum."""
    words = words_of(records)
    # Checksum of the event's words, then sequence and parts, as the kernel forms it.
    rows = np.concatenate([words[:, EVENT_PLACE:], words[:, 0:1], words[:, 2:3]], axis=1)
    sums = parts.checksum(np.ascontiguousarray(rows))
    good = (words[:, 1] == sums) & (words[:, 0] == first + np.arange(len(records)))
    return len(records) if good.all() else int(np.argmin(good))


def entry_ends(records: Records) -> NDArray[np.int64]:
    """Numbers of records up to the end of each whole entry; records start with an entry."""
    heads = np.flatnonzero(records["parts"] != 0)
    return np.asarray(heads + records["parts"][heads], np.int64)


def check_records(records: Records, first: int, parts: Parts, where: str) -> int:
    """How many records make whole entries; TornError where one is not what was written.

    The last entry may go on behind the stretch: it is not counted then.
    """
    if not len(records):
        return 0
    whole = count_whole(records, first, parts)
    if whole < len(records):
        raise TornError(f"{where}: torn at record {first + whole}")
    heads = np.flatnonzero(records["parts"] != 0)
    ends = entry_ends(records)
    good = (heads == np.append(0, ends[:-1])[: len(heads)]) & (ends > heads)
    if not len(heads) or not good.all():
        at = 0 if not len(heads) else int(heads[np.argmin(good)])
        raise TornError(f"{where}: torn at record {first + at}")
    complete = ends[ends <= len(records)]
    return int(complete[-1]) if len(complete) else 0


@dataclass(frozen=True)
class Entry:
    """One entry of a journal.

    Attributes
    ----------
    sequence : int
        Of its first record.
    name : str
        Kind: of an event (``check``, ``fill``, ...), ``parameters``, ``instrument``, ``batch``, ...
    head : numpy.void
        The first record; of an event, all of it.
    payload : numpy record, array of records, or None
        What a change of configuration sets, or the legs of a batch.
    """

    sequence: int
    name: str
    head: Any
    payload: Any


def entries(records: Records, parts: Parts) -> Iterator[Entry]:
    """The whole entries in checked records; TornError where a head does not fit what follows it."""
    start = 0
    for end in entry_ends(records).tolist():
        if not start < end <= len(records):
            return
        yield _entry(records[start:end], parts)
        start = end


def author_numbers(records: Records, parts: Parts) -> NDArray[np.int64]:
    """Who sent each control event and each block of limits, int64 [records]; 0 in all others."""
    numbers = np.where(
        (records["kind"] == codes.EVENT_CONTROL) & (records["parts"] != 0), records["id"], 0
    )
    heads, authors = _limits_words(records, parts, "author")
    numbers[heads] = authors
    return np.asarray(numbers, np.int64)


def version_numbers(records: Records, parts: Parts) -> NDArray[np.int64]:
    """The version of each block of limits, int64 [records]; 0 in all other records."""
    numbers = np.zeros(len(records), np.int64)
    heads, versions = _limits_words(records, parts, "version")
    numbers[heads] = versions
    return numbers


def control_name(code: int) -> str:
    """What a control event asks for: ``kill``, ``reset_kill``, ..."""
    return str(_CONTROL_NAMES.get(code, code))


def _limits_words(
    records: Records, parts: Parts, field: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First record of each block of limits, and an integer field of it; not where it is cut off."""
    heads = np.flatnonzero((records["kind"] == codes.ENTRY_PARAMETERS) & (records["parts"] != 0))
    fields = record_dtype("parameters", parts.shape).fields
    word = int(fields[field][1]) // 8 if fields else 0
    rows = heads + 1 + word // EVENT_WORDS
    rows, heads = rows[rows < len(records)], heads[rows < len(records)]
    return heads, words_of(records)[rows, EVENT_PLACE + word % EVENT_WORDS]


def _entry(records: Records, parts: Parts) -> Entry:
    head = records[0]
    kind, count = int(head["kind"]), int(head["lots"])
    payload: Any = None
    words = words_of(records)[1:, EVENT_PLACE:]
    needed = count if kind == codes.ENTRY_BATCH else -(-count // EVENT_WORDS)
    if kind in (*_PAYLOADS, codes.ENTRY_BATCH) and (count < 1 or needed != len(words)):
        raise TornError(f"torn at record {int(head['sequence'])}: its head tells of {count} words")
    if kind in _PAYLOADS:
        dtype = record_dtype(_PAYLOADS[kind], parts.shape)
        flat = np.zeros(dtype.itemsize // 8, np.int64)
        taken = min(count, len(flat))
        flat[:taken] = words.reshape(-1)[:taken]
        payload = flat.view(dtype).view(np.recarray)[0]
    elif kind == codes.ENTRY_BATCH:
        dtype = record_dtype("order", parts.shape)
        rows = np.zeros((count, dtype.itemsize // 8), np.int64)
        width = min(words.shape[1], rows.shape[1])
        rows[:, :width] = words[:count, :width]
        payload = rows.reshape(-1).view(dtype).view(np.recarray)
    return Entry(int(head["sequence"]), name_of(kind), head, payload)


def name_of(kind: int) -> str:
    """The name of a kind of entry."""
    return str(_NAMES.get(kind, kind))
