"""The drained journal: files of records in Parquet or Arrow, and the journal as an Arrow table.

A file ``journal-<first>-<last>`` holds whole entries, a column for each field, and beside control
events and limits the author's name, what was asked for and the version of the limits. The records
behind the first one of an entry carry words of another record: their columns are those words as
they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from riskcore import codes
from riskcore._core import Parts
from riskcore.errors import InputError, PlaceError
from riskcore.inputs import to_integer
from riskcore.layout import ABI_VERSION, layout_hash, record_dtype
from riskcore.store.journal import (
    Journal,
    Records,
    author_numbers,
    check_records,
    control_name,
    name_of,
    version_numbers,
)
from riskcore.store.place import Place, as_place, make_folder, opened, staged

FORMATS = ("parquet", "arrow")
_TOLD = ("author", "what", "version")  # columns beside the fields: `told_columns`
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


def author_column(records: Records, parts: Parts, authors: Mapping[int, str]) -> Any:
    """Who sent each control event and each block of limits: names, or numbers where none is known.

    Nothing in all other rows. An Arrow dictionary array of strings [records].
    """
    import pyarrow as pa

    numbers, places = np.unique(author_numbers(records, parts), return_inverse=True)
    names = [authors.get(number, str(number)) if number else None for number in numbers.tolist()]
    return pa.array(names, pa.string()).take(pa.array(places)).dictionary_encode()


def told_columns(records: Records, parts: Parts, authors: Mapping[int, str]) -> dict[str, Any]:
    """What the fields alone do not tell of control events and blocks of limits.

    Returns
    -------
    dict of str to pyarrow.Array [records]
        ``author``; ``what`` a control event asks for, such as ``reset_kill``; ``version`` of
        limits. Null in all other rows.
    """
    import pyarrow as pa

    control = (records["kind"] == codes.EVENT_CONTROL) & (records["parts"] != 0)
    kinds, places = np.unique(np.where(control, records["code"], 0), return_inverse=True)
    asked = pa.array([control_name(code) if code else None for code in kinds.tolist()], pa.string())
    versions = version_numbers(records, parts)
    columns = (
        author_column(records, parts, authors),
        asked.take(pa.array(places)).dictionary_encode(),
        pa.array(versions, mask=versions == 0),
    )
    return dict(zip(_TOLD, columns, strict=True))


def archive_steps(
    place: Place, parts: Parts, records: Records, first: int, kind: str
) -> Iterator[str]:
    """Write a file of the archive in steps: ``written`` and read back, then ``renamed``."""
    if kind not in FORMATS:
        raise InputError(f"format is {kind!r}: allowed is {' or '.join(FORMATS)}")
    make_folder(place.archive)
    last = first + len(records) - 1
    path = place.archive / f"journal-{first:012}-{last:012}.{kind}"
    table = to_table(records)
    for name, column in told_columns(records, parts, place.authors()).items():
        table = table.append_column(name, column)
    table = table.replace_schema_metadata(
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
    with opened(path) as file, os.fdopen(os.dup(file), "rb") as source:
        data = pa.py_buffer(source.read())
    try:
        if kind == "parquet":
            table = pq.ParquetFile(pa.BufferReader(data)).read()
        else:
            table = pa.ipc.open_file(data).read_all()
        table.validate(full=True)
    except Exception as error:  # noqa: BLE001 - a damaged file brings out any kind
        reason = " ".join(str(error).split())[:120]
        raise PlaceError(f"{path}: cannot be read: {reason}") from None
    metadata = table.schema.metadata or {}
    wanted = {b"riskcore.abi": ABI_VERSION, b"riskcore.layout": layout_hash(parts.shape)}
    for key, value in wanted.items():
        if metadata.get(key) != str(value).encode():
            name = key.decode().removeprefix("riskcore.")
            raise PlaceError(f"{path}: made by a build with another {name}")
    expected = {field.name: field.type for field in to_table(np.zeros(0, dtype)).schema}
    found = {field.name: field.type for field in table.schema if field.name in expected}
    others = [name for name in table.column_names if name not in _TOLD]
    if found != expected or len(others) != len(expected):
        raise PlaceError(f"{path}: has other columns than a journal")
    if any(table.column(name).null_count for name in expected):
        raise PlaceError(f"{path}: has rows without a value")
    return from_table(table, dtype)


def read_archive(file: ArchiveFile, parts: Parts, journal: Journal | None = None) -> Records:
    """The records of a file, checked, also beside the ring; PlaceError says what is wrong."""
    records = _read(file.path, file.path.suffix[1:], parts)
    if len(records) != file.last - file.first + 1:
        raise PlaceError(f"{file.path}: has {len(records)} records: its name says otherwise")
    if check_records(records, file.first, parts, str(file.path)) != len(records):
        raise PlaceError(f"{file.path}: its last entry is cut off")
    if journal is not None and not journal.agrees(records, file.first):
        raise PlaceError(f"{file.path}: holds other records than the journal: another account's?")
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
        before, drained = wanted, journal.drained
        if drained < wanted:
            try:  # from the start of an entry on, which `first` may lie within
                records = journal.copy(drained + 1, last)
            except PlaceError:
                if journal.drained == drained:
                    raise
                continue
            check_records(records, drained + 1, parts, str(place.path("journal")))
            yield records[wanted - drained - 1 :]
            return
        for file in archive_files(place):
            if file.first <= wanted <= min(file.last, last):
                records = read_archive(file, parts, journal)[
                    wanted - file.first : last - file.first + 1
                ]
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
        ``name`` of the kind, ``author`` of a control event or of limits, ``what`` a control event
        asks for, ``version`` of limits, then the fields of the records.
    """
    import pyarrow as pa

    where = as_place(place, archive)
    native = Parts(where.shape())
    journal = Journal(where, native)
    committed = journal.committed
    end = committed if last is None else to_integer("last", last, 0, committed)
    start = to_integer("first", first, 1, committed + 1)
    found = list(stretches(where, native, journal, end, start))
    dtype = record_dtype("journal_record", native.shape)
    records = np.concatenate(found) if found else np.zeros(0, dtype)
    told = told_columns(records, native, where.authors())
    if not parts:
        heads = records["parts"] != 0
        records = records[heads]
        told = {name: column.filter(pa.array(heads)) for name, column in told.items()}
    kinds, places = np.unique(records["kind"], return_inverse=True)
    names = pa.array([name_of(int(kind)) for kind in kinds], pa.string())
    column = pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), names)
    table = to_table(records)
    for place_of, (name, values) in enumerate({"name": column, **told}.items()):
        table = table.add_column(place_of, name, values)
    return table
