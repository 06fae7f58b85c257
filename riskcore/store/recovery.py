"""From files to a state: recovery of a writer, and a rebuild of all that the journal tells."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from riskcore import codes
from riskcore._core import Core, Parts
from riskcore.errors import InputError, PlaceError, TornError
from riskcore.layout import Shape, state_dtype
from riskcore.store.archive import stretches
from riskcore.store.checkpoint import Checkpoint, valid_checkpoints, write_checkpoint
from riskcore.store.journal import Journal
from riskcore.store.place import (
    CHECKPOINTS,
    PARTS,
    Part,
    Place,
    as_place,
    checked_name,
    refuse,
)

_PATIENCE_S = 1.0


@dataclass(frozen=True)
class Recovery:
    """How a writer got its state.

    Attributes
    ----------
    source : str
        ``new``; ``live``: the state was whole; ``checkpoint-a`` or ``-b``, ``start`` or
        ``archive``: what it was rebuilt from.
    sequence : int
        Last record in the state.
    replayed : int
        Records applied again.
    lost : int
        Facts that were applied without a record; a rebuilt state lacks them.
    """

    source: str
    sequence: int
    replayed: int
    lost: int

    @property
    def missing(self) -> int:
        """Facts that the account was rebuilt without; 0 where the state was whole.

        All since the account was made: the journal does not know which were reconciled since, so
        every rebuild asks a person anew.
        """
        return 0 if self.source in ("live", "new") else self.lost


def recover(
    place: Place, parts: Parts, state: Part, journal: Journal, *, rebuild: bool = False
) -> Recovery:
    """Bring the mapped state to the last committed record.

    Parameters
    ----------
    place : Place
    parts : Parts
    state : Part
        Mapped for writing by the one who holds its lock.
    journal : Journal
    rebuild : bool
        Do not trust the state as it lies there: after a power loss.

    Raises
    ------
    PlaceError
        Where the journal is torn, or does not reach back to a checkpoint.
    """
    committed, lost = journal.committed, journal.lost
    status = parts.state_attach(state.memory)
    if status == codes.OK and journal.is_quiet and not rebuild:
        return Recovery("live" if committed else "new", committed, 0, lost)
    core, source, sequence = newest_state(place, parts, journal, valid_checkpoints(place, parts))
    if sequence < committed:
        records = journal.ring
        reached = core.replay(records, 1, sequence + 1, committed)
        if reached != committed + 1:
            raise TornError(f"{place.path('journal')}: torn at record {reached}: nothing was done")
    if committed:
        journal.distrust_state()
    state.memory[:] = core.state_bytes()
    status = parts.state_attach(state.memory)
    if status != codes.OK:
        raise refuse(state.path, status)
    return Recovery(source, committed, committed - sequence, lost)


def newest_state(
    place: Place, parts: Parts, journal: Journal, checkpoints: Sequence[Checkpoint]
) -> tuple[Core, str, int]:
    """The newest state from which the ring reaches on: account, `Recovery.source`, last record.

    PlaceError where there is none.
    """
    core, drained = Core(parts.shape), journal.drained
    for checkpoint in checkpoints:
        if drained <= checkpoint.sequence <= journal.committed:
            core.load_state(checkpoint.state)
            return core, checkpoint.path.name, checkpoint.sequence
    if drained == 0:
        return core, "start", 0
    try:
        replay_all(place, parts, journal, drained, core)
    except PlaceError as error:
        raise PlaceError(
            f"{place.name}: no checkpoint is valid from record {drained} on, and {error}"
        ) from None
    return core, "archive", drained


def replay_all(place: Place, parts: Parts, journal: Journal, last: int, core: Core) -> None:
    """Apply all records up to `last` to an empty account."""
    sequence = 1
    for records in stretches(place, parts, journal, last):
        end = sequence + len(records) - 1
        reached = core.replay(records, sequence, sequence, end)
        if reached != end + 1:
            raise TornError(f"{place.name}: torn at record {reached}")
        sequence = end + 1
    if sequence != last + 1:
        raise PlaceError(f"{place.name}: the journal ends at record {sequence - 1}, not at {last}")


def quiet_state(state: Part, journal: Journal) -> tuple[int, bytes] | None:
    """A copy of the live state and its sequence, or None where the writer does not pause."""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        before = (journal.committed, journal.applied, journal.lost)
        if journal.is_quiet:
            copy = bytes(state.memory)
            if journal.is_quiet and (journal.committed, journal.applied, journal.lost) == before:
                return before[0], copy
        time.sleep(0.01)
    return None


# --- rebuild and compare -------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """The first field that differs: its name, and both values."""

    field: str
    rebuilt: str
    found: str


@dataclass(frozen=True)
class Replayed:
    """A rebuild of the journal beside what it should give.

    Attributes
    ----------
    sequence : int
        Last record applied.
    compared_with : str
        ``live``, ``checkpoint-a``, ``checkpoint-b``, or "" where there is nothing to compare with.
    difference : Difference or None
        None where both are equal byte for byte.
    lost : int
        Facts that were applied without a record.
    checksum : int
        Of the rebuilt state.
    state : bytes
        The rebuilt state.
    """

    sequence: int
    compared_with: str
    difference: Difference | None
    lost: int
    checksum: int
    state: bytes

    @property
    def equal(self) -> bool:
        """True where the rebuilt state is the one that was found."""
        return bool(self.compared_with) and self.difference is None


def replay_journal(
    place: str | Path | Place, *, archive: str | Path | None = None, out: str | Path | None = None
) -> Replayed:
    """Rebuild the state from nothing but the journal, and compare it byte for byte.

    Parameters
    ----------
    place : str, Path or Place
    archive : str or Path, optional
        Where the drained files are, if not in the place.
    out : str or Path, optional
        Write the rebuilt state there, as a checkpoint file; InputError for a folder or a file of
        the place.
    """
    where = as_place(place, archive)
    parts = Parts(where.shape())
    target = None if out is None else output_file(where, out)
    state, journal = Part(where, "state", parts), Journal(where, parts)
    found: bytes | None
    quiet = quiet_state(state, journal)
    if quiet is not None:
        compared, (sequence, found) = "live", quiet
    else:
        newest: Checkpoint | None = next(iter(valid_checkpoints(where, parts)), None)
        compared = newest.path.name if newest else ""
        sequence = newest.sequence if newest else journal.committed
        found = newest.state if newest else None
    core = Core(parts.shape)
    replay_all(where, parts, journal, sequence, core)
    rebuilt = core.state_bytes()
    if target is not None:
        write_checkpoint(target, parts, rebuilt, sequence)
    return Replayed(
        sequence=sequence,
        compared_with=compared,
        difference=None if found is None else first_difference(rebuilt, found, parts.shape),
        lost=journal.lost,
        checksum=int(parts.checksum(np.frombuffer(rebuilt, np.int64))),
        state=rebuilt,
    )


def output_file(place: Place, out: str | Path) -> Path:
    """Where a file may be written: not over a folder, nor over what is the account's own."""
    path = Path(os.path.realpath(checked_name("out", out)))
    own = [place.path(part) for part in (*PARTS, *CHECKPOINTS, "names.json")]
    folders = [] if place.in_memory else [place.folder]
    folders += [place.archive] if place.has_archive else []
    inside = any(path.is_relative_to(os.path.realpath(folder)) for folder in folders)
    if inside or path in [Path(os.path.realpath(one)) for one in own]:
        raise InputError(f"out is {out}: it belongs to the account: allowed is a file elsewhere")
    if path.is_dir():
        raise InputError(f"out is {out}: it is a folder: allowed is a file")
    if path.exists() and not path.is_file():
        raise InputError(f"out is {out}: it is a device or a pipe: allowed is a file")
    if not path.parent.is_dir():
        raise InputError(f"out is {out}: there is no folder {path.parent}: make it first")
    return path


def first_difference(rebuilt: bytes, found: bytes, shape: Shape) -> Difference | None:
    """The first field in which two states differ, by its place in memory."""
    one, other = np.frombuffer(rebuilt, np.int64), np.frombuffer(found, np.int64)
    different = np.flatnonzero(one != other)
    if not len(different):
        return None
    at = int(different[0])
    name, is_float = _field_at(state_dtype(shape), 8 * at)
    kind = np.float64 if is_float else np.int64
    values = [repr(words[at : at + 1].view(kind)[0].item()) for words in (one, other)]
    return Difference(name, *values)


def _field_at(dtype: Any, offset: int) -> tuple[str, bool]:
    """Name of the field at an offset in bytes, such as ``positions[3].net_lots``; is it a float?"""
    name = ""
    while dtype.names is not None or dtype.subdtype is not None:
        if dtype.subdtype is not None:
            base, dims = dtype.subdtype
            index = np.unravel_index(offset // base.itemsize, dims)
            name += f"[{', '.join(str(int(i)) for i in index)}]"
            dtype, offset = base, offset % base.itemsize
            continue
        for field in dtype.names:
            inner, start = dtype.fields[field][:2]
            if start <= offset < start + inner.itemsize:
                name += f".{field}" if name else field
                dtype, offset = inner, offset - start
                break
    return name, dtype.kind == "f"
