"""Whether two executions left the same bytes, and which field is the first that differs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskcore.kernels.api import EXPORTS
from riskcore.layout import Shape, record_dtype, state_dtype
from riskcore.profile.session import Recording


def field_at(dtype: np.dtype[Any], offset: int) -> tuple[str, np.dtype[Any], int]:
    """The number that holds a byte of a record.

    Returns
    -------
    path : str
        ``positions[3].net_lots``; ``padding`` between fields.
    dtype : dtype
        Of the number.
    start : int
        Offset of its first byte.
    """
    path, start = "", 0
    while True:
        if dtype.subdtype is not None:
            dtype, sizes = dtype.subdtype
            number = (offset - start) // dtype.itemsize
            start += number * dtype.itemsize
            path += f"[{', '.join(str(int(i)) for i in np.unravel_index(number, sizes))}]"
        elif dtype.fields:
            fields = ((name, about[0], start + about[1]) for name, about in dtype.fields.items())
            holding = [f for f in fields if f[2] <= offset < f[2] + f[1].itemsize]
            if not holding:
                return f"{path}.padding".lstrip("."), np.dtype(np.uint8), offset
            name, dtype, start = holding[0]
            path = f"{path}.{name}"
        else:
            return path.lstrip("."), dtype, start


def first_difference(
    dtype: np.dtype[Any], one: NDArray[np.uint8], other: NDArray[np.uint8]
) -> str | None:
    """The first field in which two records differ, with both values; None where all are equal."""
    places = np.flatnonzero(one != other)
    if not places.size:
        return None
    path, kind, start = field_at(dtype, int(places[0]))
    values = [m[start : start + kind.itemsize].view(kind)[0].item() for m in (one, other)]
    return f"{path} ({values[0]!r} against {values[1]!r})"


def disagreement(
    recording: Recording,
    shape: Shape,
    checkpoints: list[int],
    one: dict[str, Any],
    other: dict[str, Any],
) -> str | None:
    """What first differs between two executions of a session; None where nothing does.

    Parameters
    ----------
    recording : Recording
    shape : Shape
    checkpoints : list of int
        Calls after which both kept the whole buffer.
    one, other : dict
        ``images`` uint8[checkpoints, state size], ``answers`` int64[calls], ``outputs`` uint8[...];
        either may have come less far.

    Returns
    -------
    str or None
        The call or field, with both values, in the order of the session.
    """
    first = 0
    for number, last in enumerate(checkpoints[: min(len(one["images"]), len(other["images"]))]):
        found = _different_call(recording, shape, first, last, one, other)
        if found:
            return found
        found = first_difference(state_dtype(shape), one["images"][number], other["images"][number])
        if found:
            return f"buffer: {found}, between calls {first} and {last}"
        first = last
    return None


def _different_call(
    recording: Recording,
    shape: Shape,
    first: int,
    last: int,
    one: dict[str, Any],
    other: dict[str, Any],
) -> str | None:
    """The first call of a stretch that returned or wrote something else."""
    for k in range(first, last):
        export = EXPORTS[recording.rows[k, 0]]
        answers = int(one["answers"][k]), int(other["answers"][k])
        if answers[0] != answers[1]:
            return f"call {k}, {export.name}: returned {answers[0]} against {answers[1]}"
        for column, argument in enumerate(export.c_arguments, 1):
            if not (argument.is_pointer and argument.writes):
                continue
            dtype = record_dtype(argument.record, shape)
            start = int(recording.rows[k, column])
            written = [found["outputs"][start : start + dtype.itemsize] for found in (one, other)]
            found = first_difference(dtype, *written)
            if found:
                return f"call {k}, {export.name}: {argument.name}.{found}"
    return None
