"""Checkpoint files: a copy of the whole state, with the sequence of the last record that is in it.

Two files take turns, so that one is always whole. The newest valid one counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from riskcore import codes
from riskcore._core import Core, Parts
from riskcore.errors import PlaceError
from riskcore.layout import (
    ABI_VERSION,
    MAGIC,
    Shape,
    layout_hash,
    record_dtype,
    state_dtype,
)
from riskcore.store.place import (
    CHECKPOINTS,
    Place,
    check_size,
    opened,
    refuse,
    shape_in,
    staged,
    write_all,
)

_HEAD = record_dtype("checkpoint")


@dataclass(frozen=True)
class Checkpoint:
    """A valid checkpoint: its file, the sequence of its last record, the state's bytes."""

    path: Path
    sequence: int
    state: bytes


def checkpoint_steps(path: Path, parts: Parts, state: bytes, sequence: int) -> Iterator[str]:
    """Write a checkpoint in steps: ``written`` beside its place, ``renamed`` into it."""
    copy = np.frombuffer(state, state_dtype(parts.shape), 1).view(np.recarray)[0]
    head = np.zeros(1, _HEAD)
    head["magic"], head["abi_version"] = MAGIC, ABI_VERSION
    head["layout_hash"], head["size_bytes"] = layout_hash(parts.shape), len(state)
    head["sequence"], head["event_count"] = sequence, copy.header.event_count
    head["last_time_ns"] = copy.header.last_time_ns
    head["checksum"] = _checksum(parts, head, state)

    def write(file: int) -> None:
        write_all(file, head.tobytes())
        write_all(file, state)

    return staged(path, write)


def _checksum(parts: Parts, head: np.ndarray[Any, Any], state: bytes) -> int:
    """Of the head's words, with the checksum of the state's in the place of its own."""
    whole = head.copy()
    whole["checksum"] = parts.checksum(np.frombuffer(state, np.int64))
    return int(parts.checksum(whole.view(np.int64)))


def write_checkpoint(path: Path, parts: Parts, state: bytes, sequence: int) -> None:
    """Write a checkpoint whole, or leave what was there."""
    for _ in checkpoint_steps(path, parts, state, sequence):
        pass


def checkpoint_shape(path: Path) -> Shape:
    """The sizes of the account in a checkpoint."""
    with opened(path) as file:
        head = os.pread(file, 4096, _HEAD.itemsize)
    return shape_in(path, head)


def read_checkpoint(path: Path, parts: Parts) -> Checkpoint:
    """A checkpoint; PlaceError says why a file is none, or damaged."""
    with opened(path) as file:
        size = os.fstat(file).st_size
        check_size(path, size, _HEAD.itemsize + state_dtype(parts.shape).itemsize)
        data = os.pread(file, size, 0)
    head = np.frombuffer(data, _HEAD, 1)
    state = data[_HEAD.itemsize :]
    wanted = (
        ("magic", MAGIC, codes.WRONG_MAGIC),
        ("abi_version", ABI_VERSION, codes.WRONG_ABI),
        ("size_bytes", len(state), codes.WRONG_SIZE),
        ("layout_hash", layout_hash(parts.shape), codes.WRONG_LAYOUT),
        ("checksum", _checksum(parts, head, state), codes.TORN),
    )
    for name, value, status in wanted:
        if int(head[name][0]) != value:
            raise refuse(path, status)
    try:
        Core(parts.shape).load_state(state)
    except ValueError as error:
        raise PlaceError(f"{path}: {error}") from None
    return Checkpoint(path, int(head["sequence"][0]), state)


def valid_checkpoints(place: Place, parts: Parts) -> list[Checkpoint]:
    """The valid ones of the two files, the newest first."""
    found = []
    for name in CHECKPOINTS:
        path = place.path(name)
        if path.exists():
            try:
                found.append(read_checkpoint(path, parts))
            except PlaceError:
                continue
    return sorted(found, key=lambda one: -one.sequence)


def next_checkpoint_path(place: Place, newest: Path | None) -> Path:
    """The file to write next: never the newest valid one."""
    return next(place.path(name) for name in CHECKPOINTS if place.path(name) != newest)
