"""The drainer: moves the journal from the ring into files, and keeps two checkpoints.

It holds a replica of the account. For each segment it writes a file of the archive, applies the
records to the replica, writes the older of the two checkpoints, and only then lets the writer
overwrite the records. So the ring always reaches back to the newest checkpoint, and a drainer that
dies between any two steps loses nothing: the next one finds what is there and goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from riskcore._core import Parts
from riskcore.errors import InputError, PlaceError, TornError
from riskcore.inputs import shown, to_float, to_integer
from riskcore.store.archive import FORMATS, archive_files, archive_steps, read_archive
from riskcore.store.checkpoint import checkpoint_steps, next_checkpoint_path, valid_checkpoints
from riskcore.store.journal import Journal, Records, check_records, entry_ends
from riskcore.store.place import Place, as_place, make_folder
from riskcore.store.recovery import newest_state

SEGMENT = 1 << 14  # records: 3 MB
_POLL_S = 0.02


class Drainer:
    """One drainer of a place; a second one is refused.

    Parameters
    ----------
    place : str, Path or Place
    archive : str or Path, optional
        Folder of the files; ``archive`` in the place by default. Shared memory needs one.
    segment : int, optional
        Records of a file; at most a quarter of the ring, which is also the least of what is free
        for the writer while a file is being written.
    format : str
        ``parquet`` or ``arrow``.
    flush : float, optional
        Seconds between two flushes of the ring to the medium: what was committed before one
        survives a power loss. A flush costs the writer a page fault on each page it writes next.
    """

    def __init__(
        self,
        place: str | Path | Place,
        *,
        archive: str | Path | None = None,
        segment: int | None = None,
        format: str = "parquet",
        flush: float | None = None,
    ) -> None:
        if format not in FORMATS:
            raise InputError(f"format is {shown(format)}: allowed is {' or '.join(FORMATS)}")
        self.place, self.format = as_place(place, archive), format
        self.flush_s = None if flush is None else to_float("flush", flush, 0.001, 1e6)
        self.parts = Parts(self.place.shape())
        make_folder(self.place.archive)
        self.journal = Journal(self.place, self.parts, write=True)
        try:
            most = self.journal.capacity // 4
            wanted = min(SEGMENT, most) if segment is None else segment
            self.segment = to_integer("segment", wanted, 1, most)
            self.journal.part.hold(
                f"{self.place.name}: refused: another process drains this journal"
            )
            self._find_replica()
        except BaseException:
            self.close()
            raise

    def _find_replica(self) -> None:
        """Load the newest checkpoint that the ring reaches back to."""
        place, drained = self.place, self.journal.drained
        for beside in place.archive.glob("journal-*.new"):
            try:
                beside.unlink()
            except OSError as error:
                raise PlaceError(f"{beside}: cannot be removed: {error.strerror}") from None
        files = archive_files(place)
        self.archived = files[-1].last if files else 0
        if self.archived < drained:
            raise PlaceError(
                f"{place.archive}: ends at record {self.archived}, where {drained} were drained: "
                "give the folder they went to with --archive"
            )
        if files:
            read_archive(files[-1], self.parts, self.journal)
        valid = valid_checkpoints(place, self.parts)
        self.newest = valid[0].path if valid else None
        self.replica, _, self.sequence = newest_state(place, self.parts, self.journal, valid)

    def _apply(self, records: Records, first: int) -> None:
        """Bring the replica forward by checked records that are whole entries."""
        last = first + len(records) - 1
        reached = self.replica.replay(records, first, first, last)
        if reached != last + 1:
            raise PlaceError(f"{self.place.name}: record {reached} cannot be replayed")
        self.sequence = last

    def steps(self, least: int | None = None, last: int | None = None) -> Iterator[str]:
        """Drain one segment, if there is one; yields the name of each step that is done.

        Parameters
        ----------
        least : int, optional
            Records that must be waiting; a whole segment by default.
        last : int, optional
            Sequence not to go beyond, the end of an entry; all that is committed by default.
        """
        journal, place, parts = self.journal, self.place, self.parts
        if journal.part.file < 0:
            raise PlaceError(
                f"{place.name}: this drainer is closed, or of the process that this one was forked "
                "from"
            )
        journal.part.need_file()
        drained = journal.drained
        if self.archived > drained:  # a drainer died behind this step
            end = self.archived
            self._compare_archive(drained)
        else:
            committed = journal.committed if last is None else min(last, journal.committed)
            end = self._next_end(drained, self.segment if least is None else least, committed)
            if end == drained:
                return
            records = journal.copy(drained + 1, end)
            yield "copied"
            for step in archive_steps(place, parts, records, drained + 1, self.format):
                yield f"archive {step}"
            self.archived = end
        if self.sequence < end:
            first = self.sequence + 1
            self._apply(journal.copy(first, end), first)
            yield "replayed"
            path = next_checkpoint_path(place, self.newest)
            state = self.replica.state_bytes()
            for step in checkpoint_steps(path, parts, state, self.sequence):
                yield f"checkpoint {step}"
            self.newest = path
        journal.move_drained(end)
        yield "drained"

    def _next_end(self, drained: int, least: int, committed: int) -> int:
        """Last record of the next segment: the end of an entry; `drained` where there is none."""
        journal = self.journal
        if committed - drained < max(1, least):
            return drained
        stretch = journal.copy(drained + 1, committed)
        path = journal.part.path
        whole = check_records(stretch, drained + 1, self.parts, str(path))
        if whole < len(stretch):  # what is committed ends with an entry
            raise TornError(f"{path}: torn at record {drained + 1 + whole}")
        ends = entry_ends(stretch)
        fitting = ends[ends <= self.segment]
        return drained + int(fitting[-1] if len(fitting) else ends[0])

    def _compare_archive(self, drained: int) -> None:
        """A file that an earlier drainer left must hold what the ring holds."""
        for file in archive_files(self.place):
            if file.last > drained:
                read_archive(file, self.parts, self.journal)

    def drain(self, least: int | None = None, last: int | None = None) -> int:
        """Drain one segment, if there is one; the number of records. Arguments as of `steps`."""
        before = self.journal.drained
        for _ in self.steps(least, last):
            pass
        return self.journal.drained - before

    def drain_all(self) -> int:
        """Drain all that is committed by now, not what a writer adds meanwhile.

        Returns
        -------
        int
            Number of records.
        """
        total, last = 0, self.journal.committed
        while count := self.drain(1, last):
            total += count
        return total

    def run(
        self,
        stopped: Callable[[], bool],
        told: Callable[[int, int], None] = lambda first, last: None,
    ) -> None:
        """Drain whole segments until told to stop.

        Parameters
        ----------
        stopped : callable
            Asked after each look.
        told : callable
            Called with the first and last sequence of each segment.
        """
        flushed = time.monotonic()
        while not stopped():
            before = self.journal.drained
            if self.drain():
                told(before + 1, self.journal.drained)
            else:
                time.sleep(_POLL_S)
            if self.flush_s is not None and time.monotonic() - flushed >= self.flush_s:
                self.journal.part.memory.flush()
                flushed = time.monotonic()

    def close(self) -> None:
        """Let another process drain."""
        self.journal.close()

    def __enter__(self) -> Drainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
