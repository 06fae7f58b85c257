"""The drained journal: files of records in Parquet or Arrow, and the journal as an Arrow table.

A file ``journal-<first>-<last>`` holds whole entries, a column for each field. The records behind
the first one of an entry carry words of another record: their columns are those words as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from riskcore._core import Parts
from riskcore.errors import InputError, PlaceError
from riskcore.layout import ABI_VERSION, layout_hash, record_dtype
from riskcore.store.journal import Journal, Records, check_records, name_of
from riskcore.store.place import Place, check_owner, make_folder, opened, staged

FORMATS = ("parquet", "arrow")
_NAME = re.compile(r"journal-(\d+)-(\d+)\.(parquet|arrow)")


@dataclass(frozen=True, order=True)
class ArchiveFile:
    """One file of the archive: sequences of its first and last record, and where it is."""

    first: int
    last: int
    path: Path


def listed_files(place: Place) -> list[ArchiveFile]:
    """The files of the archive by sequence, whether or not they follow one another."""
    if not place.has_archive or not place.archive.is_dir():
        return []
    files = []
    for path in place.archive.iterdir():
        match = _NAME.fullmatch(path.name)
        if match:
            files.append(ArchiveFile(int(match[1]), int(match[2]), path))
    return sorted(files)


def archive_files(place: Place) -> list[ArchiveFile]:
    """The files of the archive by sequence; PlaceError where they overlap or leave a gap."""
    files = listed_files(place)
    fault = _fault(files)
    # A drainer may have added files while they were listed: an earlier one can be missed.
    while fault and (again := listed_files(place)) != files:
        files, fault = again, _fault(again)
    if fault:
        raise PlaceError(fault)
    return files


def _fault(files: list[ArchiveFile]) -> str:
    """Where files do not follow one another; "" where they do."""
    for before, after in pairwise(files):
        if after.first != before.last + 1:
            what = "overlaps with" if after.first <= before.last else "leaves a gap behind"
            return f"{after.path}: {what} {before.path.name}"
    return ""


def to_table(records: Records) -> Any:
    """Records as an Arrow table: a column of int64 or float64 for each field."""
    import pyarrow as pa

    names = records.dtype.names or ()
    return pa.table({name: np.ascontiguousarray(records[name]) for name in names})


def from_table(table: Any, dtype: np.dtype[Any]) -> Records:
    """The records of a table that `to_table` made."""
    records = np.zeros(table.num_rows, dtype)
    for name in dtype.names or ():
        records[name] = table.column(name).to_numpy()
    return records


def archive_steps(
    place: Place, parts: Parts, records: Records, first: int, kind: str
) -> Iterator[str]:
    """Write a file of the archive in steps: ``written`` and read back, then ``renamed``."""
    if kind not in FORMATS:
        raise InputError(f"format is {kind!r}: allowed is {' or '.join(FORMATS)}")
    make_folder(place.archive)
    last = first + len(records) - 1
    path = place.archive / f"journal-{first:012}-{last:012}.{kind}"
    table = to_table(records).replace_schema_metadata(
        {"riskcore.abi": str(ABI_VERSION), "riskcore.layout": str(layout_hash(parts.shape))}
    )
    for step in staged(path, lambda file: _write(file, table, kind)):
        if step == "written":
            beside = path.with_name(f"{path.name}.new")
            if _read(beside, kind, parts).tobytes() != records.tobytes():
                raise PlaceError(f"{path}: what was written is not what can be read")
        yield step


def _write(file: int, table: Any, kind: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with os.fdopen(os.dup(file), "wb") as sink:
        if kind == "parquet":
            # A dictionary would take every NaN for the same one, and words may look like one.
            integers = [field.name for field in table.schema if pa.types.is_integer(field.type)]
            pq.write_table(
                table, sink, compression="zstd", use_dictionary=integers, write_statistics=integers
            )
        else:
            with pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)


def _read(path: Path, kind: str, parts: Parts) -> Records:
    import pyarrow as pa
    import pyarrow.parquet as pq

    dtype = record_dtype("journal_record", parts.shape)
    with opened(path) as file:
        check_owner(path, os.fstat(file), "600")
    try:
        if kind == "parquet":
            table = pq.ParquetFile(path).read()
        else:
            with pa.memory_map(str(path)) as source:
                table = pa.ipc.open_file(source).read_all()
    except (pa.ArrowException, OSError) as error:
        raise PlaceError(f"{path}: cannot be read: {error}") from None
    metadata = table.schema.metadata or {}
    wanted = {b"riskcore.abi": ABI_VERSION, b"riskcore.layout": layout_hash(parts.shape)}
    for key, value in wanted.items():
        if metadata.get(key) != str(value).encode():
            name = key.decode().removeprefix("riskcore.")
            raise PlaceError(f"{path}: made by a build with another {name}")
    if set(table.column_names) != set(dtype.names or ()):
        raise PlaceError(f"{path}: has other columns than a journal")
    return from_table(table, dtype)


def read_archive(file: ArchiveFile, parts: Parts) -> Records:
    """The records of a file, checked; PlaceError says what is wrong with it."""
    records = _read(file.path, file.path.suffix[1:], parts)
    if len(records) != file.last - file.first + 1:
        raise PlaceError(f"{file.path}: has {len(records)} records: its name says otherwise")
    if check_records(records, file.first, parts, str(file.path)) != len(records):
        raise PlaceError(f"{file.path}: its last entry is cut off")
    return records


def stretches(
    place: Place, parts: Parts, journal: Journal, last: int, first: int = 1
) -> Iterator[Records]:
    """All records from `first` to `last`, from the archive or the ring, checked.

    A drainer may work meanwhile: a file is in the archive before `drained` says so, hence what has
    left the ring by one look is in the archive by the next.
    """
    wanted = first
    while wanted <= last:
        if journal.drained < wanted:
            try:
                records = journal.copy(wanted, last)
            except PlaceError:
                if journal.drained < wanted:
                    raise
                continue
            check_records(records, wanted, parts, str(place.path("journal")))
            yield records
            return
        before, drained = wanted, journal.drained
        for file in archive_files(place):
            if file.first <= wanted <= min(file.last, last):
                records = read_archive(file, parts)[wanted - file.first : last - file.first + 1]
                yield records
                wanted += len(records)
        if wanted == before:
            raise PlaceError(missing_records(place, wanted, drained))


def missing_records(place: Place, first: int, last: int) -> str:
    """What to say of records that are nowhere."""
    text = f"{place.name}: records {first} to {last} are neither in the ring nor in the archive"
    if place.has_archive and listed_files(place):
        return text
    return f"{text}: give the folder they were drained to with --archive"


def journal_table(
    place: str | Path | Place,
    *,
    first: int = 1,
    last: int | None = None,
    archive: str | Path | None = None,
    parts: bool = False,
) -> Any:
    """The journal, archive and ring, as one Arrow table with a row per entry.

    Parameters
    ----------
    place : str, Path or Place
    first, last : int, optional
        Sequences; all that is committed by default.
    archive : str or Path, optional
        Where the drained files are, if not in the place.
    parts : bool
        A row per record instead, the ones behind an entry's first record too.

    Returns
    -------
    pyarrow.Table
        ``name`` of the kind, then the fields of the records.
    """
    import pyarrow as pa

    from riskcore.store.place import as_place

    where = as_place(place, archive)
    native = Parts(where.shape())
    journal = Journal(where, native)
    end = journal.committed if last is None else last
    found = list(stretches(where, native, journal, end, first))
    dtype = record_dtype("journal_record", native.shape)
    records = np.concatenate(found) if found else np.zeros(0, dtype)
    if not parts:
        records = records[records["parts"] != 0]
    kinds, places = np.unique(records["kind"], return_inverse=True)
    names = pa.array([name_of(int(kind)) for kind in kinds], pa.string())
    column = pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), names)
    return to_table(records).add_column(0, "name", column)
