"""Snapshot: one consistent copy of an account, to look at with NumPy, Arrow or pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from riskcore._core import Core, Parts
from riskcore.errors import PlaceError, UnknownNameError
from riskcore.inputs import number_of_name
from riskcore.layout import (
    STATE_BLOCKS,
    Shape,
    record_dtype,
    state_dtype,
)

if TYPE_CHECKING:
    from riskcore.manager import AdaptiveRiskManager
    from riskcore.store.place import Place

# What a row of each dimension is, and the header's number of rows that are set.
_ROWS = {
    "instruments": ("instrument", "instrument_count"),
    "strategies": ("strategy", "strategy_count"),
    "venues": ("venue", "venue_count"),
    "currencies": ("currency", "currency_count"),
    "scenarios": ("scenario", "scenario_count"),
    "orders": ("slot", ""),
}
# Tables of the published page: what its fields start with, the dimension or number of their rows.
_PAGE_TABLES = {
    "positions": ("position_", "position_count"),
    "venues": ("venue_", "venues"),
    "strategies": ("strategy_", "strategies"),
    "regimes": ("regime_probability", "regimes"),
    "decisions": ("decisions", ""),
    "reasons": ("reasons", ""),
    "events": ("events", ""),
}
_DIMS = {block.name: tuple(str(dim) for dim in block.dims) for block in STATE_BLOCKS}


class Snapshot:
    """A copy of an account's state, or of its published page; nothing in it changes.

    Parameters
    ----------
    record : numpy record
        The state, or a PUBLISHED_PAGE, in memory of its own.
    shape : Shape
    names : mapping of str to sequence of str, optional
        Names of the rows: ``instruments``, ``strategies``, ``venues``, ``currencies``; and of
        ``authors``.
    sequence : int, optional
        Last journal record in it; 0 without a journal.

    Examples
    --------
    >>> from riskcore import AdaptiveRiskManager, Snapshot
    >>> risk = AdaptiveRiskManager.from_config(time_ns=1_760_000_000_000_000_000)
    >>> snapshot = Snapshot.from_manager(risk)
    >>> float(snapshot["parameters"]["max_drawdown"])
    0.01
    >>> snapshot.to_arrow("venues").column("venue").to_pylist()[0]
    'binance-spot'
    """

    __slots__ = ("names", "record", "sequence", "shape")

    def __init__(
        self,
        record: Any,
        shape: Shape,
        names: Mapping[str, Sequence[str]] | None = None,
        sequence: int = 0,
    ) -> None:
        # The record is made from its bytes: no view that could write is left.
        plain = np.frombuffer(record, record.dtype, 1)
        plain.flags.writeable = False
        self.record = plain.view(np.recarray)[0]
        self.shape, self.sequence = shape, sequence
        self.names = {key: list(value) for key, value in (names or {}).items()}

    # --- where it comes from ---------------------------------------------------------------------

    @classmethod
    def from_manager(cls, risk: AdaptiveRiskManager) -> Snapshot:
        """A copy of a manager's state; from the thread that makes its calls."""
        journal = getattr(risk.core, "journal", None)
        sequence = 0 if journal is None else int(journal.committed)
        names = {**({} if risk.store is None else risk.store.place.names()), **risk.names()}
        return cls._from_bytes(risk.core.state_bytes(), risk.core.shape, names, sequence)

    @classmethod
    def from_checkpoint(
        cls, path: str | Path, names: Mapping[str, Sequence[str]] | None = None
    ) -> Snapshot:
        """The state in a checkpoint file; PlaceError where it is none, or damaged."""
        from riskcore.store.checkpoint import checkpoint_shape, read_checkpoint

        file = Path(path)
        parts = Parts(checkpoint_shape(file))
        found = read_checkpoint(file, parts)
        return cls._from_bytes(found.state, parts.shape, names, found.sequence)

    @classmethod
    def from_place(cls, place: str | Path | Place) -> Snapshot:
        """The live state where its writer pauses, else the newest checkpoint.

        PlaceError where the one is damaged, or there is none of the other.
        """
        from riskcore.store.checkpoint import valid_checkpoints
        from riskcore.store.journal import Journal
        from riskcore.store.place import Part, as_place
        from riskcore.store.recovery import quiet_state

        where = as_place(place)
        parts = Parts(where.shape())
        live = Part(where, "state", parts)
        quiet = quiet_state(live, Journal(where, parts))
        if quiet is not None:
            sequence, state = quiet
            try:
                Core(parts.shape).load_state(state)
            except ValueError as error:
                raise PlaceError(f"{live.path}: {error}") from None
        else:
            found = valid_checkpoints(where, parts)
            if not found:
                raise PlaceError(f"{where.name}: the writer does not pause; there is no checkpoint")
            sequence, state = found[0].sequence, found[0].state
        return cls._from_bytes(state, parts.shape, where.names(), sequence)

    @classmethod
    def from_page(cls, place: str | Path | Place) -> Snapshot:
        """What the writer published last."""
        from riskcore.store.pages import PublishedPage

        return PublishedPage(place).read()

    @classmethod
    def _from_bytes(
        cls,
        state: bytes,
        shape: Shape,
        names: Mapping[str, Sequence[str]] | None,
        sequence: int,
    ) -> Snapshot:
        return cls(np.frombuffer(state, state_dtype(shape), 1), shape, names, sequence)

    # --- what is in it ---------------------------------------------------------------------------

    @property
    def is_page(self) -> bool:
        """True for a published page."""
        return bool(self.record.dtype == record_dtype("published_page", self.shape))

    @property
    def blocks(self) -> list[str]:
        """Names of the tables."""
        return ["page", *_PAGE_TABLES] if self.is_page else list(self.record.dtype.names)

    @property
    def event_count(self) -> int:
        """Valid events applied."""
        return int(self.record.event_count if self.is_page else self.record.header.event_count)

    @property
    def time_ns(self) -> int:
        """Time of the last event."""
        return int(self.record.last_time_ns if self.is_page else self.record.header.last_time_ns)

    def __getitem__(self, name: str) -> Any:
        """A block, or a field of the page, as a read-only NumPy view."""
        try:
            return self.record[name]
        except (KeyError, ValueError, IndexError):
            raise self._unknown(name) from None

    def _unknown(self, name: str) -> UnknownNameError:
        return UnknownNameError(f"block is {name!r}: allowed is one of {', '.join(self.blocks)}")

    def columns(self, block: str, field: str | None = None) -> dict[str, NDArray[Any]]:
        """The columns of a block: read-only views where memory is not copied for an index.

        Parameters
        ----------
        block : str
            One of `blocks`.
        field : str, optional
            One field with a row for each of its first dimension, such as ``matrix`` of
            ``covariance``.

        Returns
        -------
        dict of str to numpy.ndarray
            A block of records has a row for each that is set, and its place or name first; any
            other block has one row. Behind an author's number comes his name, where it is known.
        """
        if block not in self.blocks:
            raise self._unknown(block)
        if field is not None:
            return {field: np.atleast_1d(np.asarray(self[block][field]))}
        if self.is_page:
            return self._with_authors(self._page_columns(block))
        rows = np.asarray(self[block])
        dims = _DIMS[block]
        index: dict[str, NDArray[Any]] = {}
        if dims:
            counts = [self._count(dim, size) for dim, size in zip(dims, rows.shape, strict=True)]
            rows = rows[tuple(slice(count) for count in counts)]
            places = np.unravel_index(np.arange(rows.size), rows.shape)
            for dim, place in zip(dims, places, strict=True):
                label = _ROWS.get(dim, (dim.rstrip("s"), ""))[0]
                index[label] = self._named(dim, place)
        fields = [name for name in rows.dtype.names or () if name != "padding"]
        found = {name: rows[name].reshape(rows.size, *rows.dtype[name].shape) for name in fields}
        return self._with_authors({**index, **{k: v for k, v in found.items() if k not in index}})

    def _with_authors(self, columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Put names behind the numbers of authors."""
        known = {number_of_name(name): name for name in self.names.get("authors", [])}
        named: dict[str, NDArray[Any]] = {}
        for name, column in columns.items():
            named[name] = column
            if known and (name == "author" or name.endswith("_author")):
                texts = [known.get(number) for number in column.tolist()]
                named[f"{name}_name"] = np.array(texts, dtype=object)
        return named

    def _page_columns(self, block: str) -> dict[str, NDArray[Any]]:
        record, names = self.record, self.record.dtype.names
        if block == "page":
            scalars = [name for name in names if not record.dtype[name].shape]
            return {name: np.asarray(record[name]).reshape(1) for name in scalars}
        prefix, rows = _PAGE_TABLES[block]
        fields = [name for name in names if name.startswith(prefix) and record.dtype[name].shape]
        size = record.dtype[fields[0]].shape[0]
        count = self._count(rows, size)
        found = {name: np.asarray(record[name])[:count] for name in fields}
        if block == "positions":
            index = found.pop("position_instrument")
            odd = index[(index < 0) | (index >= self.shape.instruments)]
            if len(odd):
                most = self.shape.instruments - 1
                raise PlaceError(
                    f"the published page is damaged: position_instrument is {odd[0]}: allowed is "
                    f"0 to {most}"
                )
            return {"instrument": self._named("instruments", index), **found}
        label = _ROWS.get(rows, (rows.rstrip("s") or "number", ""))[0]
        return {label: self._named(rows, np.arange(count)), **found}

    def _count(self, dim: str, size: int) -> int:
        """Rows of a dimension that are set; PlaceError where there cannot be as many."""
        head = self.record if self.is_page else self.record.header
        kind = "published page" if self.is_page else "state"
        name = dim if dim.endswith("_count") else _ROWS.get(dim, ("", ""))[1]
        if name not in head.dtype.names:
            return min(size, len(self.names.get(dim, range(size)))) if self.is_page else size
        count = int(head[name])
        if not 0 <= count <= size:
            raise PlaceError(f"the {kind} is damaged: {name} is {count}: allowed is 0 to {size}")
        return count

    def _named(self, dim: str, places: NDArray[Any]) -> NDArray[Any]:
        """Names of places, or the places where their names are not known."""
        known = self.names.get(dim, [])
        if not known or (len(places) and int(places.max()) >= len(known)):
            return places
        named: NDArray[Any] = np.array(known, dtype=object)[places]
        return named

    # --- tables ----------------------------------------------------------------------------------

    def to_arrow(self, block: str, field: str | None = None) -> Any:
        """A block as a pyarrow.Table; a column that lies together in memory is not copied.

        Arrays within a record are columns of fixed-size lists. Fields of an array of records lie
        apart from one row to the next: Arrow needs a copy of those.
        """
        import pyarrow as pa

        arrays = {}
        for name, column in self.columns(block, field).items():
            if column.dtype == object:
                arrays[name] = pa.array(column.tolist(), pa.string())
                continue
            flat = pa.array(np.ascontiguousarray(column).reshape(-1))
            for size in reversed(column.shape[1:]):
                flat = pa.FixedSizeListArray.from_arrays(flat, size)
            arrays[name] = flat
        return pa.table(arrays)

    def to_pandas(self, block: str, field: str | None = None) -> Any:
        """A block as a pandas.DataFrame whose columns are views on the snapshot.

        A field with two dimensions gives a column for each of the second; arrays within records are
        left out otherwise.
        """
        import pandas as pd

        columns = self.columns(block, field)
        if field is not None and columns[field].ndim == 2:
            return pd.DataFrame(columns[field], copy=False)
        flat = {name: column for name, column in columns.items() if column.ndim == 1}
        rows = range(len(next(iter(columns.values()))))
        return pd.DataFrame(flat, index=rows, copy=False)

    def __repr__(self) -> str:
        kind = "page" if self.is_page else "state"
        return f"<Snapshot of a {kind}: {self.event_count} events, journal at {self.sequence}>"
