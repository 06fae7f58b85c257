"""Where an account lives: the files of its state, pages and journal, and who may open them.

A place is a folder, or ``shm:NAME``: POSIX shared memory, on Linux files in /dev/shm. Its parts
are ``state``, ``control``, ``published`` and ``journal``; ``checkpoint-a`` and ``checkpoint-b`` and
the folder ``archive`` are the drainer's. Only the owner may read or write them. One process at a
time writes the state: it holds a lock on its file, and one on the place's name, which is there
even where the files are removed under it. A forked child of that process holds neither.
"""

from __future__ import annotations

import errno
import fcntl
import json
import mmap
import os
import re
import stat
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from riskcore import codes
from riskcore._core import Parts
from riskcore.errors import PlaceError
from riskcore.inputs import number_of_name, shown
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
_HEADER = state_dtype(Shape())["header"]
_HEADER_WORDS = 4 + len(SHAPE_NAMES)  # of a state: what it is, and its sizes
_LONGEST = "checkpoint-a.new"  # of the names that a place adds to its own
_MOST_NAMES_BYTES = 1 << 24  # of names.json
LOCK_PATIENCE = 5.0  # s
LOCK_POLL = 0.005  # s


def refuse(path: Path, status: int) -> PlaceError:
    """The error of a file that is not what its name says."""
    name = codes.STATUS_NAMES.get(status, str(status))
    return PlaceError(f"{path}: {name}: {_MEANINGS.get(status, 'it cannot be used')}")


UNFINISHED = "unfinished"  # a section of the names while instruments are being changed


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
        self.name = checked_name("place", name)
        if self.name.startswith("shm:"):
            stem = self.name.removeprefix("shm:")
            if not _SHM_NAME.fullmatch(stem):
                raise PlaceError(
                    f"place is {shown(self.name)}: allowed is shm: and a name of at most 201 "
                    "letters, digits, dots, dashes and underscores"
                )
            self.folder, self._prefix = SHARED_MEMORY, f"{stem}."
        else:
            self.folder, self._prefix = _absolute(self.name), ""
        own = None if self._prefix else self.folder / "archive"
        self._kept: set[str] = set()  # authors' names that the file is known to have
        self._archive = own if archive is None else _absolute(checked_name("archive", archive))

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
            raise PlaceError(
                f"{self.name}: shared memory has no archive of its own: name a folder with "
                "--archive (archive=)"
            )
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
        while 0 < len(missing) < len(PARTS) and not self.is_unfinished():
            if missing == (again := self.missing()):
                raise PlaceError(
                    f"{self.name}: incomplete: {', '.join(missing)} missing; restore it, or remove "
                    f"{', '.join(part for part in PARTS if part not in missing)} to begin anew"
                )
            missing = again  # somebody makes it right now
        return not missing

    def is_unfinished(self) -> bool:
        """True where files are left that never became an account: their maker died, or works yet.

        The journal appears last, and a state without an event has nothing to lose.
        """
        others = (*CHECKPOINTS, "journal", "names.json")
        if any(self.path(name).exists() for name in others):
            return False
        try:
            with opened(self.path("state")) as file:
                head = os.pread(file, _HEADER.itemsize, 0)
        except PlaceError:
            return False
        if not any(head):
            return True
        if len(head) < _HEADER.itemsize:
            return False
        found = np.frombuffer(head, _HEADER)[0]
        # The magic number comes last: without it the header is being written, or was.
        ours = found["magic"] == MAGIC or (found["magic"], found["abi_version"]) == (0, ABI_VERSION)
        return bool(ours and found["event_count"] == 0)

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
            head, size = os.pread(file, 8 * _HEADER_WORDS, 0), os.fstat(file).st_size
        shape = shape_in(path, head)
        check_size(path, size, state_dtype(shape).itemsize)
        return shape

    def names(self) -> dict[str, list[str]]:
        """Names by section (instruments, venues, ...) as the manager that made the place knew them.

        And of ``authors`` who steered the account by name.

        Empty where an engine made it that keeps none.
        """
        path = self.path("names.json")
        if not path.exists():
            return {}
        with opened(path) as file:
            text = os.pread(file, _MOST_NAMES_BYTES, 0)
        try:
            names = json.loads(text)
        except (ValueError, RecursionError):
            names = None
        lists = names.values() if isinstance(names, dict) else [None]
        if not all(isinstance(one, list) and all(map(_is_name, one)) for one in lists):
            raise PlaceError(f"{path}: no names can be read from it: allowed is lists of texts")
        return dict(names)

    def keep_names(self, names: Mapping[str, Sequence[str]]) -> None:
        """Keep the names beside the state; those of authors stay."""
        with self.naming() as known:
            known |= {section: list(listed) for section, listed in names.items()}

    def authors(self) -> dict[int, str]:
        """Names of authors by their numbers: of those who steered this account by name."""
        return {number_of_name(name): name for name in self.names().get("authors", [])}

    def keep_author(self, author: int | str) -> None:
        """Keep the name behind an author's number, so that readers can show it."""
        if isinstance(author, str) and _is_name(author) and author.strip() not in self._kept:
            with self.naming(0.0) as known:
                known.setdefault("authors", [])
                if author.strip() not in known["authors"]:
                    known["authors"].append(author.strip())
                self._kept.update(known["authors"])

    @contextmanager
    def naming(
        self, patience: float = LOCK_PATIENCE, first: Mapping[str, list[str]] | None = None
    ) -> Iterator[dict[str, list[str]]]:
        """The names, to be changed and kept by one process at a time.

        Those in `first` are kept with them before, whatever becomes of the process: what would keep
        them from it shows before anything else is done.
        """
        with opened(self.path("control"), write=True) as file:
            lock(file, f"{self.name}: the control page is being written", patience)
            try:
                known = self.names()
                kept = json.dumps({**known, **(first or {})})
                if first:
                    self._write_names(json.loads(kept))
                try:
                    yield known
                finally:
                    if json.dumps(known) != kept:
                        self._write_names(known)
            finally:  # a child that was forked meanwhile has the descriptor too
                fcntl.flock(file, fcntl.LOCK_UN)

    def _write_names(self, names: Mapping[str, Sequence[str]]) -> None:
        path, data = self.path("names.json"), json.dumps(names, indent=1).encode()
        if len(data) > _MOST_NAMES_BYTES:
            raise PlaceError(f"{path}: full: allowed are {_MOST_NAMES_BYTES} bytes of names")
        write_whole(path, lambda file: write_all(file, data))


def _is_name(name: object) -> bool:
    """True for a text that fits in a line."""
    return isinstance(name, str) and bool(name.strip()) and name.isprintable()


def as_place(place: str | Path | Place, archive: str | Path | None = None) -> Place:
    """A Place of whatever names one."""
    return place if isinstance(place, Place) else Place(place, archive)


def checked_name(what: str, name: object) -> str:
    """The text of a path that the system can take, in one line; PlaceError where it is none."""
    allowed = "allowed is a path"
    if not isinstance(name, str | os.PathLike):
        raise PlaceError(f"{what} is {shown(name)}: {allowed}")
    text = str(name)
    if not text.strip() or not text.isprintable():
        raise PlaceError(f"{what} is {shown(text)}: {allowed}, of printable characters")
    try:
        os.lstat(os.path.join(text, _LONGEST))
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            length = len(os.fsencode(text))
            raise PlaceError(f"{what} is {shown(text)}: {length} bytes are too many") from None
    return text


def shape_in(path: Path, head: bytes) -> Shape:
    """The sizes of an account from the first bytes of its state; PlaceError if it is not ours."""
    if len(head) < 8 * _HEADER_WORDS:
        raise PlaceError(f"{path}: WRONG_SIZE: {len(head)} bytes are too few for a header")
    words = np.frombuffer(head, np.int64, _HEADER_WORDS).tolist()
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
    return shape


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
        limited = room.f_blocks > 0  # a tmpfs without a limit says 0
        if limited and size > room.f_bavail * room.f_frsize:  # else it is full when it fails
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
    try:
        beside.unlink(missing_ok=True)
    except OSError as error:
        raise PlaceError(f"{beside}: cannot be removed: {error.strerror}: remove it") from None
    file = create_file(beside)
    try:
        try:
            write(file)
            os.fsync(file)
        finally:
            os.close(file)
        yield "written"
        beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise PlaceError(f"{path}: cannot be written: {error.strerror}") from None
    yield "renamed"


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the medium."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def make_folder(path: Path, *, parents: bool = True) -> bool:
    """Make a folder of the user alone, or check the one that is there; True where it was made."""
    made = True
    try:
        path.mkdir(mode=0o700, parents=parents)
    except FileExistsError:
        made = False
        if not path.is_dir():
            raise PlaceError(f"{path}: cannot be made: it is no folder") from None
    except FileNotFoundError:
        raise PlaceError(
            f"{path}: cannot be made: there is no folder {path.parent}: make it first"
        ) from None
    except OSError as error:
        raise PlaceError(f"{path}: cannot be made: {error.strerror}") from None
    check_folder(path)
    return made


def map_file(file: int, size: int, *, write: bool, populate: bool = False) -> mmap.mmap:
    """The bytes of a file as shared memory."""
    flags = mmap.MAP_SHARED | (mmap.MAP_POPULATE if populate else 0)
    protection = mmap.PROT_READ | (mmap.PROT_WRITE if write else 0)
    return mmap.mmap(file, size, flags=flags, prot=protection)


def lock(file: int, refusal: str, patience: float = 0.0) -> None:
    """Take the lock of a file; PlaceError where another holds it for so many seconds."""
    end = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise PlaceError(refusal) from None
        time.sleep(LOCK_POLL)


def unlock(file: int) -> None:
    """Give up a lock and its descriptor, also where a forked child has a copy of it."""
    fcntl.flock(file, fcntl.LOCK_UN)
    os.close(file)


def is_at(path: Path, status: os.stat_result) -> bool:
    """True where a path still names the file that has this status."""
    try:
        return os.path.samestat(os.lstat(path), status)
    except OSError:
        return False


def _absolute(name: str) -> Path:
    """A path that stays the same wherever the process goes."""
    try:
        return Path(name).absolute()
    except OSError as error:
        raise PlaceError(f"{name}: {error.strerror}") from None


class Held:
    """A lock of this process, on a descriptor of its own that a forked child closes.

    Attributes
    ----------
    file : int
        The descriptor; -1 without the lock.
    """

    file = -1

    def keep(self, file: int) -> None:
        """Hold a lock that was taken."""
        self.file = file
        _HELD.add(self)

    def abandon(self) -> None:
        """Leave the lock to the process that this one was forked from."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1

    def close(self) -> None:
        """Give up the lock."""
        if self.file >= 0:
            unlock(self.file)
            self.file = -1


_HELD: weakref.WeakSet[Held] = weakref.WeakSet()


def _abandon_all() -> None:
    """In a forked child: what the parent holds stays the parent's."""
    for held in list(_HELD):
        held.abandon()


os.register_at_fork(after_in_child=_abandon_all)


class NameLock(Held):
    """The name of a place, held while its writer runs; PlaceError where another process has it.

    The lock on the state goes with its file. This one is on a file of its own in shared memory,
    named after the folder that holds the place and its name there: where an account's files are
    removed under a writer, no second one starts at that name without a word. Where shared memory
    cannot be used, or somebody else has the file, there is no such lock.
    """

    def __init__(self, place: Place) -> None:
        whole = Path(os.path.realpath(place.path("state") if place.in_memory else place.folder))
        try:
            folder = whole.parent.stat()
        except OSError:
            return  # no place can be there
        # riskcore.hpp names it the same. What is beyond 200 bytes would be too long for a file.
        name = os.fsdecode(os.fsencode(whole.name)[:200])
        key = f"{folder.st_dev:x}-{folder.st_ino:x}-{name}"
        self.path = SHARED_MEMORY / f"riskcore-{key}.lock"
        while self._try(place):
            pass

    def _try(self, place: Place) -> bool:
        """True where the file was removed meanwhile by the one who had it."""
        try:
            file = os.open(self.path, _LOCK_FLAGS, 0o600)
        except OSError:
            return False
        if os.fstat(file).st_uid != os.geteuid():
            os.close(file)
            return False
        try:
            lock(file, _writer_there(place))
            if not is_at(self.path, os.fstat(file)):
                os.close(file)
                return True
        except PlaceError:
            os.close(file)
            raise
        self.keep(file)
        return False

    def close(self) -> None:
        """Give up the name."""
        if self.file >= 0 and is_at(self.path, os.fstat(self.file)):
            self.path.unlink(missing_ok=True)
        super().close()


_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def _writer_there(place: Place) -> str:
    """Why a writer is refused where another one has the name."""
    text = f"{place.name}: refused: another process is writing this account"
    if place.missing():
        return f"{text}; its files are not there: it makes them now, or they were removed under it"
    return text


# --- parts ---------------------------------------------------------------------------------------


def part_size(part: str, shape: Shape, capacity: int = 0) -> int:
    """Bytes of a part: of a journal with `capacity` records."""
    if part == "state":
        return state_dtype(shape).itemsize
    records = capacity * record_dtype("journal_record", shape).itemsize
    return record_dtype(_RECORDS[part], shape).itemsize + records


class Part(Held):
    """One mapped part of a place, checked before anything else looks at it.

    Sizes are compared before anything is mapped, and the writer has all bytes allocated, holes in a
    copied file too: later there is no access that the medium has no room for. What remains is a
    file that somebody cuts short while it is mapped: the system ends with SIGBUS whoever reads
    beyond its end. Nothing that holds a map of it can prevent that.

    Parameters
    ----------
    place : Place
    part : str
        One of PARTS.
    parts : Parts
        The native functions of the account's shape.
    write, populate : bool
        Whether it may be written, and its bytes are all to be there at once.

    Attributes
    ----------
    memory : mmap.mmap
        The bytes.
    file : int
        The descriptor that holds the part's lock; -1 without one. The memory goes with the last
        view on it, whatever becomes of the lock.
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
        self.write = write
        with opened(self.path, write=write) as file:
            self.status = os.fstat(file)
            size = self.status.st_size
            capacity = self._capacity(parts, file) if part == "journal" else 0
            check_size(self.path, size, part_size(part, self.shape, capacity))
            try:
                if write and populate:
                    allocate(file, size)
                self.memory = map_file(file, size, write=write, populate=populate)
            except OSError as error:
                raise PlaceError(f"{self.path}: no room for it: {error.strerror}") from None
        self._attach(parts)

    def _capacity(self, parts: Parts, file: int) -> int:
        """Records of a journal, whose header must be ours before that means anything."""
        head = record_dtype("journal", self.shape)
        data = os.pread(file, head.itemsize, 0)
        if len(data) < head.itemsize:
            raise PlaceError(f"{self.path}: WRONG_SIZE: {len(data)} bytes, too few for a header")
        aligned = np.empty(head.itemsize // 8 + 8, np.int64)
        start = -aligned.ctypes.data % 64 // 8
        copy = aligned[start : start + head.itemsize // 8]
        copy[:] = np.frombuffer(data, np.int64)
        status = parts.journal_attach(copy)
        if status != codes.OK:
            raise refuse(self.path, status)
        return int(copy.view(head)["capacity"][0])

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

    @property
    def is_there(self) -> bool:
        """True while the part's path still names the file that is mapped."""
        return is_at(self.path, self.status)

    def need_file(self) -> None:
        """PlaceError where the file was removed or replaced since it was opened."""
        if not self.is_there:
            raise PlaceError(f"{self.path}: removed or replaced since it was opened: open it again")

    def hold(self, refusal: str) -> None:
        """Take the part's lock until `close`; PlaceError with `refusal` where another has it.

        The map keeps its descriptor, so the lock has one of its own: a forked child closes it, and
        the lock stays with this process alone.
        """
        self.keep(self._locked(refusal))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the part's lock for a while; PlaceError where another does not give it up."""
        refusal = f"{self.path}: another process has held its lock for {LOCK_PATIENCE:.0f} s"
        file = self._locked(refusal, LOCK_PATIENCE)
        try:
            yield
        finally:
            unlock(file)

    def _locked(self, refusal: str, patience: float = 0.0) -> int:
        self.need_file()
        file = open_file(self.path, write=self.write)
        try:
            lock(file, refusal, patience)
            self.need_file()
        except PlaceError:
            os.close(file)
            raise
        return file


def allocate(file: int, size: int) -> None:
    """Have all bytes of a file on the medium, as far as its kind can promise it."""
    try:
        os.posix_fallocate(file, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise


def create_place(
    place: Place, parts: Parts, capacity: int, reserve: int, publish_interval: int
) -> list[Path]:
    """Make all files of an empty account, or none; the journal appears last, when all is whole.

    Leftovers of a maker that was killed are removed first. One process makes it: the state is its
    lock. Returns what was made, in that order; nothing where another one was faster.
    """
    shape = parts.shape
    made: list[Path] = []
    if not place.in_memory and make_folder(place.folder, parents=False):
        made.append(place.folder)
    sizes = {
        "control": part_size("control", shape),
        "published": part_size("published", shape),
        "journal.new": part_size("journal", shape, capacity),
    }
    state = -1
    try:
        state = _begin(place, part_size("state", shape))
        if state < 0:
            return []
        made.append(place.path("state"))
        for part, size in sizes.items():
            path = place.path(part)
            file = create_file(path, size)
            made.append(path)
            try:
                _initialise(path, part, parts, file, (capacity, reserve, publish_interval))
            finally:
                os.close(file)
        _initialise(place.path("state"), "state", parts, state, (0, 0, 0))
        made[-1] = made[-1].rename(place.path("journal"))
    except BaseException:
        remove(made)
        raise
    finally:
        if state >= 0:
            unlock(state)
    return made


def remove(made: Sequence[Path]) -> None:
    """Take away files and folders, the last one first."""
    for path in reversed(made):
        if path.is_dir():
            with suppress(OSError):  # another one has begun in it
                path.rmdir()
        else:
            path.unlink(missing_ok=True)


def _begin(place: Place, size: int) -> int:
    """The locked state of an account that is about to be made; -1 where one is there."""
    path = place.path("state")
    refusal = f"{place.name}: refused: another process is making this account"
    while True:
        if place.exists():
            return -1
        new = not path.exists()
        try:
            file = create_file(path, size) if new else open_file(path, write=True)
        except PlaceError:
            if path.exists() != new:
                raise
            continue  # made, or removed, by another one in between
        try:
            lock(file, refusal)
            if is_at(path, os.fstat(file)):
                if new:
                    return file
                if not place.exists():
                    for part in ("control", "published", "journal.new", "state"):
                        place.path(part).unlink(missing_ok=True)
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _initialise(
    path: Path, part: str, parts: Parts, file: int, sizes: tuple[int, int, int]
) -> None:
    try:
        memory = map_file(file, os.fstat(file).st_size, write=True, populate=True)
    except OSError as error:
        raise PlaceError(f"{path}: cannot be made: {error.strerror}") from None
    if part == "state":
        status = parts.state_init(memory)
    elif part == "control":
        status = parts.control_init(memory)
    elif part == "published":
        status = parts.page_init(memory)
    else:
        status = parts.journal_init(memory, *sizes)
    memory.close()
    if status != codes.OK:
        raise PlaceError(f"{path}: cannot be made: {codes.STATUS_NAMES[status]}")
