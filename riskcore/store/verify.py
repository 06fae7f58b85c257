"""Walk a place's archive, ring and checkpoints, and say where they are torn."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from riskcore._core import Parts
from riskcore.errors import PlaceError
from riskcore.store.archive import archive_files, read_archive
from riskcore.store.checkpoint import read_checkpoint
from riskcore.store.journal import Journal, Records, check_records, name_of
from riskcore.store.place import CHECKPOINTS, Place, as_place


@dataclass
class Report:
    """What a walk found.

    Attributes
    ----------
    committed, applied, drained, lost, refused : int
        The journal's numbers.
    archived_from, archived_to : int
        Records in the archive; 0 and 0 without one.
    entries : Counter
        Whole entries by kind.
    checkpoints : dict of str to int
        Sequence of each valid checkpoint.
    problems : list of str
        What is wrong, a line each; empty where all is whole.
    """

    committed: int = 0
    applied: int = 0
    drained: int = 0
    lost: int = 0
    refused: int = 0
    archived_from: int = 0
    archived_to: int = 0
    entries: Counter[str] = field(default_factory=Counter)
    checkpoints: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def count(self, records: Records) -> None:
        """Count whole entries."""
        heads = records[records["parts"] != 0]
        self.entries.update(name_of(kind) for kind in heads["kind"].tolist())


def verify(place: str | Path | Place, *, archive: str | Path | None = None) -> Report:
    """Check every record of a place's journal, and its checkpoints.

    Parameters
    ----------
    place : str, Path or Place
    archive : str or Path, optional
        Where the drained files are, if not in the place.

    Raises
    ------
    PlaceError
        Where the place cannot be opened at all.
    """
    where = as_place(place, archive)
    parts = Parts(where.shape())
    journal = Journal(where, parts)
    report = Report(lost=journal.lost, refused=journal.refused)
    if report.lost:
        report.problems.append(f"{report.lost} facts were applied without a record")
    _walk_archive(where, parts, report)
    _walk_ring(where, journal, parts, report)
    for name in CHECKPOINTS:
        path = where.path(name)
        if path.exists():
            try:
                report.checkpoints[name] = read_checkpoint(path, parts).sequence
            except PlaceError as error:
                report.problems.append(str(error))
    newest = max(report.checkpoints.values(), default=0)
    if newest < report.drained:
        report.problems.append(
            f"records to {report.drained} were drained, but no valid checkpoint has them: "
            "recovery needs the archive"
        )
    return report


def _walk_archive(place: Place, parts: Parts, report: Report) -> None:
    try:
        files = archive_files(place)
    except PlaceError as error:
        report.problems.append(str(error))
        return
    for file in files:
        try:
            report.count(read_archive(file, parts))
        except PlaceError as error:
            report.problems.append(str(error))
    if files:
        report.archived_from, report.archived_to = files[0].first, files[-1].last
        if files[0].first > 1:
            report.problems.append(f"the archive starts at record {files[0].first}, not at 1")


def _walk_ring(place: Place, journal: Journal, parts: Parts, report: Report) -> None:
    for attempt in range(5):
        report.committed, report.applied = journal.committed, journal.applied
        report.drained = journal.drained
        first = max(report.drained, report.archived_to) + 1
        try:
            records = journal.copy(first, report.committed)
            break
        except PlaceError:
            if attempt == 4:
                raise
    if place.has_archive and report.archived_to < report.drained:
        gap = f"records {report.archived_to + 1} to {report.drained}"
        report.problems.append(f"{gap} are neither in the archive nor in the ring")
    try:
        where = str(place.path("journal"))
        if check_records(records, first, parts, where) != len(records):
            report.problems.append(f"{where}: its last entry is cut off")
        report.count(records)
    except PlaceError as error:
        report.problems.append(str(error))
