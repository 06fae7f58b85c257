"""Walk a place's archive, ring and checkpoints, and say where they are torn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from riskcore._core import Parts
from riskcore.errors import PlaceError
from riskcore.store.archive import ArchiveFile, listed_files, missing_records, read_archive
from riskcore.store.checkpoint import read_checkpoint
from riskcore.store.journal import Journal, Records, author_numbers, check_records, name_of
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
    authors : Counter
        Control events and blocks of limits by who sent them: a name, or ``author 1`` without one.
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
    authors: Counter[str] = field(default_factory=Counter)
    checkpoints: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def count(self, records: Records, parts: Parts, names: Mapping[int, str]) -> None:
        """Count the entries that start in checked records."""
        heads = records[records["parts"] != 0]
        self.entries.update(name_of(kind) for kind in heads["kind"].tolist())
        numbers = author_numbers(records, parts)
        numbers = numbers[numbers != 0]
        self.authors.update(names.get(number, f"author {number}") for number in numbers.tolist())


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
    report.drained, report.applied = journal.drained, journal.applied
    report.committed = journal.committed
    _walk(where, journal, parts, report)
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


def _walk(place: Place, journal: Journal, parts: Parts, report: Report) -> None:
    """Look once at every record up to `committed`, while a drainer may move them to the archive.

    A file is in the archive before `drained` says so: what had left the ring when `drained` was
    read is in the archive, or missing.
    """
    wanted, last, seen = 1, report.committed, set[ArchiveFile]()
    while wanted <= last:
        drained = min(journal.drained, last)
        for file in listed_files(place):
            if file.first > max(drained, wanted) or file.first > last:
                break  # of a drainer that works right now
            if file not in seen:
                _check_file(journal, place, file, wanted, parts, report)
                wanted = max(wanted, file.last + 1)
                seen.add(file)
        if wanted <= drained:
            report.problems.append(missing_records(place, wanted, drained))
            wanted = drained + 1
        if wanted > last:
            return
        try:
            records = journal.copy(wanted, last)
        except PlaceError as error:
            if journal.drained < wanted:
                report.problems.append(str(error))
                return
            continue
        _check_ring(place, records, wanted, parts, report)
        return


def _check_file(
    journal: Journal, place: Place, file: ArchiveFile, wanted: int, parts: Parts, report: Report
) -> None:
    """Look at one file, where record `wanted` is the next one."""
    if file.first > wanted:
        report.problems.append(missing_records(place, wanted, file.first - 1))
    elif file.first < wanted:
        report.problems.append(f"{file.path}: overlaps with the file before it")
    try:
        records = read_archive(file, parts, journal)
        records = records[max(0, wanted - file.first) : report.committed - file.first + 1]
        report.count(records, parts, place.authors())
    except PlaceError as error:
        report.problems.append(str(error))
    report.archived_from = report.archived_from or file.first
    report.archived_to = max(report.archived_to, file.last)


def _check_ring(place: Place, records: Records, first: int, parts: Parts, report: Report) -> None:
    """Look at what was copied from the ring."""
    where = str(place.path("journal"))
    try:
        whole = check_records(records, first, parts, where)
        if whole != len(records):
            report.problems.append(f"{where}: torn at record {first + whole}: it is cut off")
        report.count(records, parts, place.authors())
    except PlaceError as error:
        report.problems.append(str(error))
