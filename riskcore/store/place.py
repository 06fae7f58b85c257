"""Where an account lives: the files of its state, pages and journal, and who may open them.

A place is a folder, or ``shm:NAME``: POSIX shared memory, on Linux files in /dev/shm. Its parts
are ``state``, ``control``, ``published`` and ``journal``; ``checkpoint-a`` and ``checkpoint-b`` and
the folder ``archive`` are the drainer's. Only the owner may read or write them. One process at a
time writes the state: it holds a lock on its file.
"""

from __future__ import annotations

import errno
import fcntl
import json
import mmap
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from riskcore import codes
from riskcore._core import Parts
from riskcore.errors import PlaceError
from riskcore.layout import (
    ABI_VERSION,
    MAGIC,
    SHAPE_NAMES,
    Shape,
    layout_hash,
    record_dtype,
    state_dtype,
)

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
PARTS = ("state", "control", "published", "journal")
CHECKPOINTS = ("checkpoint-a", "checkpoint-b")
_RECORDS = {"control": "control_page", "published": "published_page", "journal": "journal"}
_SHM_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MEANINGS = {
    codes.WRONG_MAGIC: "it holds nothing that riskcore made",
    codes.WRONG_ABI: "another version of riskcore made it",
    codes.WRONG_SHAPE: "it has other sizes",
    codes.WRONG_SIZE: "it has another number of bytes",
    codes.WRONG_LAYOUT: "a build with another layout made it",
    codes.BAD_BUFFER: "it is damaged",
    codes.TORN: "it is damaged",
}
_HEADER_WORDS = 4 + len(SHAPE_NAMES)


def refuse(path: Path, status: int) -> PlaceError:
    """The error of a file that is not what its name says."""
    name = codes.STATUS_NAMES.get(status, str(status))
    return PlaceError(f"{path}: {name}: {_MEANINGS.get(status, 'it cannot be used')}")


class Place:
    """The names of an account's files.

    Parameters
    ----------
    name : str or Path
        A folder, or ``shm:NAME``.
    archive : str or Path, optional
        Folder of the drained journal; ``archive`` in the place's folder by default. Shared memory
        has none of its own.
    """

    def __init__(self, name: str | Path, archive: str | Path | None = None) -> None:
        self.name = str(name)
        if self.name.startswith("shm:"):
            stem = self.name.removeprefix("shm:")
            if not _SHM_NAME.fullmatch(stem):
                raise PlaceError(
                    f"place is {self.name!r}: allowed is shm: and a name of letters, digits, "
                    "dots, dashes and underscores"
                )
            self.folder, self._prefix = SHARED_MEMORY, f"{stem}."
        else:
            self.folder, self._prefix = Path(name), ""
        own = None if self._prefix else self.folder / "archive"
        self._archive = own if archive is None else Path(archive)

    @property
    def in_memory(self) -> bool:
        """True for shared memory."""
        return bool(self._prefix)

    def path(self, part: str) -> Path:
        """The file of a part."""
        return self.folder / f"{self._prefix}{part}"

    @property
    def archive(self) -> Path:
        """Folder of the drained journal; PlaceError where none is known."""
        if self._archive is None:
            raise PlaceError(f"{self.name}: shared memory has no archive of its own: name a folder")
        return self._archive

    @property
    def has_archive(self) -> bool:
        """True where a folder of the drained journal is known."""
        return self._archive is not None

    def missing(self) -> list[str]:
        """Parts that do not exist."""
        return [part for part in PARTS if not self.path(part).exists()]

    def exists(self) -> bool:
        """True where all parts exist; PlaceError where only some do."""
        missing = self.missing()
        if missing and len(missing) < len(PARTS):
            raise PlaceError(
                f"{self.name}: incomplete: {', '.join(missing)} missing; restore it, or remove "
                f"{', '.join(part for part in PARTS if part not in missing)} to begin anew"
            )
        return not missing

    def need(self) -> None:
        """PlaceError unless all parts exist and the folder is the owner's alone."""
        if not self.in_memory and len(self.missing()) < len(PARTS):
            check_folder(self.folder)
        if not self.exists():
            raise PlaceError(f"{self.name}: there is no account here")

    def shape(self) -> Shape:
        """The sizes of the account, from its state's header; PlaceError where it is not ours."""
        self.need()
        path = self.path("state")
        with opened(path) as file:
            words = np.frombuffer(os.pread(file, 8 * _HEADER_WORDS, 0), np.int64).tolist()
            size = os.fstat(file).st_size
        if len(words) < _HEADER_WORDS:
            raise PlaceError(f"{path}: WRONG_SIZE: {size} bytes are too few for a header")
        magic, abi, hash_, size_bytes, *sizes = words
        if magic != MAGIC:
            raise refuse(path, codes.WRONG_MAGIC)
        if abi != ABI_VERSION:
            raise refuse(path, codes.WRONG_ABI)
        try:
            shape = Shape(*sizes)
        except (TypeError, ValueError):
            raise refuse(path, codes.WRONG_SHAPE) from None
        if hash_ != layout_hash(shape):
            raise refuse(path, codes.WRONG_LAYOUT)
        if size_bytes != state_dtype(shape).itemsize:
            raise refuse(path, codes.WRONG_SIZE)
        check_size(path, size, size_bytes)
        return shape

    def names(self) -> dict[str, list[str]]:
        """Names by section (instruments, venues, ...) as the manager that made the place knew them.

        Empty where an engine made it that keeps none.
        """
        path = self.path("names.json")
        if not path.exists():
            return {}
        with opened(path) as file:
            text = os.pread(file, 1 << 24, 0)
        try:
            names = json.loads(text)
            return {str(key): [str(name) for name in names[key]] for key in names}
        except (ValueError, TypeError):
            raise PlaceError(f"{path}: no names can be read from it") from None

    def keep_names(self, names: Mapping[str, Sequence[str]]) -> None:
        """Keep the names beside the state."""
        data = json.dumps(names, indent=1).encode()
        write_whole(self.path("names.json"), lambda file: write_all(file, data))


def as_place(place: str | Path | Place, archive: str | Path | None = None) -> Place:
    """A Place of whatever names one."""
    return place if isinstance(place, Place) else Place(place, archive)


# --- files ---------------------------------------------------------------------------------------


def check_folder(path: Path) -> None:
    """PlaceError unless the folder is the user's alone."""
    check_owner(path, path.stat(), "700")


def check_account_folder(place: Place) -> None:
    """PlaceError unless a folder that is there is the user's alone, and the account's own."""
    try:
        found = {path.name.removesuffix(".new") for path in place.folder.iterdir()}
    except OSError as error:
        raise PlaceError(f"{place.folder}: cannot be read: {error.strerror}") from None
    if found.isdisjoint(PARTS) and found - {*CHECKPOINTS, "names.json", "archive"}:
        raise PlaceError(
            f"{place.folder}: refused: it holds no account but other files: name a folder of the "
            "account's own"
        )
    check_folder(place.folder)


def check_owner(path: Path, status: os.stat_result, mode: str) -> None:
    """PlaceError unless file or folder belong to the user and nobody else may use them."""
    if status.st_uid != os.geteuid():
        raise PlaceError(f"{path}: refused: it belongs to user {status.st_uid}, not to you")
    if status.st_mode & _OTHERS:
        raise PlaceError(
            f"{path}: refused: group or others may use it (mode {stat.S_IMODE(status.st_mode):o}): "
            f"chmod {mode} it"
        )


def check_size(path: Path, size: int, wanted: int) -> None:
    """PlaceError unless a file has as many bytes as what it holds."""
    if size != wanted:
        raise PlaceError(f"{path}: WRONG_SIZE: {size} bytes, where {wanted} are expected")


def open_file(path: Path, *, write: bool = False) -> int:
    """Descriptor of a file of the user alone, never of what a link points to."""
    flags = os.O_RDWR if write else os.O_RDONLY
    try:
        # Not blocking: a pipe in the place of a file must not hold anybody up.
        file = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        reason = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise PlaceError(f"{path}: cannot be opened: {reason}") from None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise PlaceError(f"{path}: refused: it is no file")
        check_owner(path, status, "600")
    except PlaceError:
        os.close(file)
        raise
    return file


@contextmanager
def opened(path: Path, *, write: bool = False) -> Iterator[int]:
    """A descriptor for a while."""
    file = open_file(path, write=write)
    try:
        yield file
    finally:
        os.close(file)


def create_file(path: Path, size: int = 0) -> int:
    """Descriptor of a new file of so many bytes, all of them on the medium."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        file = os.open(path, flags, 0o600)
    except OSError as error:
        raise PlaceError(f"{path}: cannot be made: {error.strerror}") from None
    try:
        room = os.fstatvfs(file)
        if size > room.f_bavail * room.f_frsize:  # else the medium is full when it fails
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if size:
            os.posix_fallocate(file, 0, size)
    except OSError as error:
        os.close(file)
        path.unlink()
        raise PlaceError(f"{path}: no room for {size} bytes: {error.strerror}") from None
    return file


def write_all(file: int, data: Any) -> None:
    """Write bytes to the end of a file."""
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(file, view) :]


def write_whole(path: Path, write: Callable[[int], None]) -> None:
    """Make or replace a file: it is there whole, and on the medium, or as it was before."""
    for _ in staged(path, write):
        pass


def staged(path: Path, write: Callable[[int], None]) -> Iterator[str]:
    """The same in two steps: ``written`` beside its place, then ``renamed`` into it."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    file = create_file(beside)
    try:
        write(file)
        os.fsync(file)
    except OSError as error:
        raise PlaceError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        os.close(file)
    yield "written"
    beside.replace(path)
    sync_folder(path.parent)
    yield "renamed"


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the medium."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def make_folder(path: Path, *, parents: bool = True) -> None:
    """Make a folder of the user alone, or check the one that is there."""
    try:
        path.mkdir(mode=0o700, parents=parents, exist_ok=True)
    except FileNotFoundError:
        raise PlaceError(
            f"{path}: cannot be made: there is no folder {path.parent}: make it first"
        ) from None
    except OSError as error:
        raise PlaceError(f"{path}: cannot be made: {error.strerror}") from None
    check_folder(path)


def map_file(file: int, size: int, *, write: bool, populate: bool = False) -> mmap.mmap:
    """The bytes of a file as shared memory."""
    flags = mmap.MAP_SHARED | (mmap.MAP_POPULATE if populate else 0)
    protection = mmap.PROT_READ | (mmap.PROT_WRITE if write else 0)
    return mmap.mmap(file, size, flags=flags, prot=protection)


def lock(file: int, refusal: str | None = None) -> None:
    """Take the lock of a file; wait for it, or PlaceError where `refusal` says why not to."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if refusal else 0))
    except BlockingIOError:
        raise PlaceError(str(refusal)) from None


# --- parts ---------------------------------------------------------------------------------------


def part_size(place: Place, part: str, shape: Shape, file: int) -> int:
    """Bytes that the file of a part must have."""
    if part == "state":
        return state_dtype(shape).itemsize
    head = record_dtype(_RECORDS[part], shape)
    if part != "journal":
        return head.itemsize
    data = os.pread(file, head.itemsize, 0)
    if len(data) < head.itemsize:
        path = place.path(part)
        raise PlaceError(f"{path}: WRONG_SIZE: {len(data)} bytes are too few for a header")
    capacity = int(np.frombuffer(data, head)["capacity"][0])
    if not 0 < capacity <= 1 << 32:
        raise refuse(place.path(part), codes.TORN)
    return head.itemsize + capacity * record_dtype("journal_record", shape).itemsize


class Part:
    """One mapped part of a place, checked before anything else looks at it.

    Parameters
    ----------
    place : Place
    part : str
        One of PARTS.
    parts : Parts
        The native functions of the account's shape.
    write, populate : bool
        Whether it may be written, and its pages are all to be there at once.

    Attributes
    ----------
    memory : mmap.mmap
        The bytes.
    file : int
        The descriptor of a part that may be written, for locks; else -1.
    """

    def __init__(
        self,
        place: Place,
        part: str,
        parts: Parts,
        *,
        write: bool = False,
        populate: bool = False,
    ) -> None:
        self.path, self.part, self.shape = place.path(part), part, parts.shape
        self.file = open_file(self.path, write=write)
        try:
            size = os.fstat(self.file).st_size
            if part == "journal":
                self._check_head(parts)
            check_size(self.path, size, part_size(place, part, self.shape, self.file))
            self.memory = map_file(self.file, size, write=write, populate=populate)
            self._attach(parts)
            if not write:  # a reader takes no lock, and the map stays without the descriptor
                self.close()
        except BaseException:
            self.close()
            raise

    def _check_head(self, parts: Parts) -> None:
        """A journal's header must be ours before its capacity means anything."""
        head = record_dtype("journal", self.shape)
        data = os.pread(self.file, head.itemsize, 0)
        if len(data) < head.itemsize:
            raise PlaceError(f"{self.path}: WRONG_SIZE: {len(data)} bytes, too few for a header")
        aligned = np.empty(head.itemsize // 8 + 8, np.int64)
        start = -aligned.ctypes.data % 64 // 8
        copy = aligned[start : start + head.itemsize // 8]
        copy[:] = np.frombuffer(data, np.int64)
        status = parts.journal_attach(copy)
        if status != codes.OK:
            raise refuse(self.path, status)

    def _attach(self, parts: Parts) -> None:
        """Ask the native code whether the memory is what it should be."""
        attach = {
            "control": parts.control_attach,
            "published": parts.page_attach,
            "journal": parts.journal_attach,
        }.get(self.part)
        if attach is not None:
            status = attach(self.memory)
            if status != codes.OK:
                raise refuse(self.path, status)

    @property
    def record(self) -> Any:
        """The record at the start of the memory."""
        name = _RECORDS.get(self.part)
        dtype = state_dtype(self.shape) if name is None else record_dtype(name, self.shape)
        return np.frombuffer(self.memory, dtype, 1).view(np.recarray)[0]

    def touch(self) -> None:
        """Write to each page what is there, so that no later write meets the first one's fault.

        For the one who alone writes them.
        """
        bytes_ = np.frombuffer(self.memory, np.uint8)
        bytes_[:: mmap.PAGESIZE] = bytes_[:: mmap.PAGESIZE].copy()

    def close(self) -> None:
        """Give up the lock; the memory goes with the last view on it."""
        if self.file >= 0:
            fcntl.flock(self.file, fcntl.LOCK_UN)  # the map has a descriptor of its own
            os.close(self.file)
            self.file = -1


def create_place(
    place: Place, parts: Parts, capacity: int, reserve: int, publish_interval: int
) -> None:
    """Make all files of an empty account, or none; the journal appears last, when all is whole."""
    shape = parts.shape
    if not place.in_memory:
        make_folder(place.folder, parents=False)
    sizes = {
        "state": state_dtype(shape).itemsize,
        "control": record_dtype("control_page", shape).itemsize,
        "published": record_dtype("published_page", shape).itemsize,
        "journal.new": record_dtype("journal", shape).itemsize
        + capacity * record_dtype("journal_record", shape).itemsize,
    }
    place.path("journal.new").unlink(missing_ok=True)
    made: list[Path] = []
    try:
        for part, size in sizes.items():
            path = place.path(part)
            file = create_file(path, size)
            made.append(path)
            try:
                memory = map_file(file, size, write=True, populate=True)
                _initialise(part, parts, memory, (capacity, reserve, publish_interval))
                memory.close()
            finally:
                os.close(file)
        place.path("journal.new").rename(place.path("journal"))
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise


def _initialise(part: str, parts: Parts, memory: mmap.mmap, sizes: tuple[int, int, int]) -> None:
    if part == "state":
        status = parts.state_init(memory)
    elif part == "control":
        status = parts.control_init(memory)
    elif part == "published":
        status = parts.page_init(memory)
    else:
        status = parts.journal_init(memory, *sizes)
    if status != codes.OK:
        raise PlaceError(f"{part}: cannot be made: {codes.STATUS_NAMES[status]}")
