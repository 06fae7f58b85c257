"""Reads price history: OHLCV bars or top of book, from Parquet, Arrow IPC or CSV.

Every failure is a :class:`DataError` of one line that says what is wrong, where, and what to do.
A history that starts with its newest row is turned round, files of one symbol are joined. Rows
whose time stamp repeats or goes back are dropped, counted and reported; a price that cannot be is
an error unless the caller asks for such rows to be dropped as well.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from riskcore.errors import RiskCoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

EMBEDDED = {"majors-30m": "majors-30m.parquet", "btc-1h": "btc-1h.parquet"}

# The twelve columns of a Binance kline file, which often comes without a header.
KLINE_COLUMNS = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
)
TIME_NAMES = ("date", "time", "timestamp", "datetime", "open_time", "opentime", "time_ns", "unix")
ALIASES = {
    "symbol": ("symbol", "ticker", "pair", "instrument"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close",),
    "volume": ("volume", "vol", "base_volume", "volume_btc"),
    "bid": ("bid", "bid_price", "best_bid", "best_bid_price"),
    "ask": ("ask", "ask_price", "best_ask", "best_ask_price"),
    "bid_size": ("bid_size", "bid_qty", "best_bid_qty", "best_bid_size", "bid_amount"),
    "ask_size": ("ask_size", "ask_qty", "best_ask_qty", "best_ask_size", "ask_amount"),
}
BAR_COLUMNS = ("open", "high", "low", "close")
BOOK_COLUMNS = ("bid", "ask")
# Whole numbers are seconds, milliseconds, microseconds or nanoseconds since 1970 by their size:
# each unit covers 1973 to 5138 without touching the next.
EPOCH_UNITS = ((10**8, 10**11, 10**9), (10**11, 10**14, 10**6), (10**14, 10**17, 10**3))
MINUTE_NS = 60_000_000_000
# ``BTCUSDT-1h-2023-11`` and ``BTCUSDT-1h-2023-11-30``: how exchanges name their archives.
ARCHIVE_NAME = re.compile(r"(.+?)-\d+(?:s|m|h|d|w|mo|M)-\d{4}(?:-\d{2}){0,2}")
CSV_EXAMPLE = "date,open,high,low,close,volume"
SHOWN_CHARACTERS = 40  # of a line that cannot be read
ARROW_MAGIC = b"ARROW1"
PARQUET_MAGIC = b"PAR1"
_FIRST_LINE = b"riskcore.first_line"  # line of a CSV table's first row


class DataError(RiskCoreError, ValueError):
    """A history that cannot be read; the message is one line for the user."""


class NothingSelectedError(DataError):
    """A readable history without a bar of the symbols and the period asked for."""


@dataclass(frozen=True)
class Bars:
    """Bars of one instrument, in order of time.

    Attributes
    ----------
    symbol : str
        Name of the instrument.
    time_ns : int64[n], ns
        Bar opens, strictly increasing.
    open, high, low, close : float64[n], quote currency
        Positive; ``low <= open, close <= high``.
    volume : float64[n], units of the instrument
        Not negative; zeros where the source has none.
    spread : float64[n], fraction of the price, or None
        Seen spread at the close; only where the source was a book.
    bid_size, ask_size : float64[n], units of the instrument, or None
        Seen sizes at the close; only where the source was a book.
    """

    symbol: str
    time_ns: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    spread: NDArray[np.float64] | None = None
    bid_size: NDArray[np.float64] | None = None
    ask_size: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.time_ns)

    def select(self, keep: NDArray[np.bool_] | slice) -> Bars:
        """The same instrument with some of the rows."""
        names = ("time_ns", "open", "high", "low", "close", "volume")
        optional = [n for n in ("spread", "bid_size", "ask_size") if getattr(self, n) is not None]
        return replace(self, **{n: getattr(self, n)[keep] for n in (*names, *optional)})


@dataclass(frozen=True)
class History:
    """What was read: bars by symbol, the bar interval and what had to be left out."""

    source: str
    interval_ns: int
    series: dict[str, Bars]
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Bars of all instruments."""
        return sum(len(bars) for bars in self.series.values())

    @property
    def start_ns(self) -> int:
        """Open of the earliest bar."""
        return min(int(bars.time_ns[0]) for bars in self.series.values())

    @property
    def end_ns(self) -> int:
        """Close of the latest bar."""
        return max(int(bars.time_ns[-1]) for bars in self.series.values()) + self.interval_ns


def read_history(
    source: str | Path,
    *,
    symbol: str | None = None,
    symbols: Iterable[str] | None = None,
    start_ns: int | None = None,
    end_ns: int | None = None,
    drop_bad_rows: bool = False,
    book_interval_ns: int = MINUTE_NS,
    partial: bool = False,
) -> History:
    """Read an embedded set by name, or a file.

    Parameters
    ----------
    source : str or Path
        ``"majors-30m"``, ``"btc-1h"`` or a file: Parquet, Arrow IPC (file or stream) or CSV (also
        ``.gz``).
    symbol : str, optional
        Name of the instrument where the file has no symbol column; default: the file's stem
        without the interval and the date of an archive (``BTCUSDT-1h-2023-11``).
    symbols : iterable of str, optional
        Read these only.
    start_ns, end_ns : int, optional
        Bars that open in ``[start_ns, end_ns)``.
    drop_bad_rows : bool
        Drop and count rows with an impossible price instead of stopping at the first.
    book_interval_ns : int
        Interval to which a top-of-book history is gathered.
    partial : bool
        Some of the symbols asked for will do.

    Returns
    -------
    History

    Raises
    ------
    DataError
        One line: missing file or column, corrupt or empty file, price that cannot be.

    Examples
    --------
    >>> history = read_history("btc-1h")
    >>> sorted(history.series), history.rows
    (['BTC'], 41635)
    """
    name = str(source)
    if name in EMBEDDED:
        path = Path(str(resources.files("riskcore.replay.data") / EMBEDDED[name]))
    else:
        path = Path(source)
        if not path.exists():
            known = ", ".join(EMBEDDED)
            raise DataError(f"{name}: no such file; embedded histories are {known}")
        if path.is_dir():
            raise DataError(f"{name}: is a folder; name one file in it")
    notes: list[str] = []
    columns = _columns(path, name, notes)
    groups = _by_symbol(columns, symbol or symbol_of(path), name)
    if symbols is not None:
        groups = _wanted(groups, list(symbols), name, partial)
    series = {}
    for key, group in groups.items():
        label = f"{name}: {key}" if len(groups) > 1 else name
        bars = _series(key, group, label, notes, drop_bad_rows, book_interval_ns)
        inside = np.ones(len(bars), dtype=bool)
        if start_ns is not None:
            inside &= bars.time_ns >= start_ns
        if end_ns is not None:
            inside &= bars.time_ns < end_ns
        if inside.any():
            series[key] = bars.select(inside)
        else:
            notes.append(f"{label}: no bars in the period asked for")
    if not series:
        raise NothingSelectedError(f"{name}: no bars in the period asked for")
    interval_ns = _interval(series, name)
    notes += _gaps(series, interval_ns)
    return History(name, interval_ns, series, notes)


def read_histories(
    sources: Iterable[str | Path],
    *,
    symbols: Iterable[str] | None = None,
    start_ns: int | None = None,
    end_ns: int | None = None,
    drop_bad_rows: bool = False,
) -> History:
    """Read one or several sources into one history; arguments as :func:`read_history` has them.

    Of several sources each symbol need be in one only, and a source without a bar of the symbols
    and the period asked for is left out and noted.
    """
    sources = [str(source) for source in sources]
    wanted = None if symbols is None else list(symbols)
    parts, empty = [], []
    for source in sources:
        try:
            part = read_history(
                source,
                symbols=wanted,
                start_ns=start_ns,
                end_ns=end_ns,
                drop_bad_rows=drop_bad_rows,
                partial=len(sources) > 1,
            )
        except NothingSelectedError as error:
            empty.append(error)
            continue
        parts.append(part)
    if not parts:
        raise empty[0]
    history = merge(parts)
    if wanted is not None:
        missing = [key for key in wanted if key not in history.series]
        if missing:
            known = ", ".join(history.series)
            raise DataError(f"{history.source}: no symbol {', '.join(missing)}; read: {known}")
        history = replace(history, series={key: history.series[key] for key in wanted})
    return replace(history, notes=[*(f"{error}" for error in empty), *history.notes])


def symbol_of(path: Path) -> str:
    """The symbol that a file is named after.

    >>> symbol_of(Path("BTCUSDT-1h-2023-11.csv.gz")), symbol_of(Path("BTC-USD.csv"))
    ('BTCUSDT', 'BTC-USD')
    """
    stem = path.name.split(".")[0]
    archive = ARCHIVE_NAME.fullmatch(stem)
    return archive[1] if archive else stem


def parse_time(text: str) -> int:
    """Nanoseconds since 1970 of an ISO date or time; UTC where no zone is given.

    >>> parse_time("2020-03-12")
    1583971200000000000
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DataError(f"{text!r} is not a date; write for example 2020-03-12") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000


# --- files to columns ---------------------------------------------------------------------------


def _columns(path: Path, name: str, notes: list[str]) -> dict[str, NDArray[Any]]:
    """Columns of any of the formats under their canonical names; ``time_ns`` as int64."""
    import pyarrow as pa

    if path.stat().st_size == 0:
        raise DataError(f"{name}: the file is empty")
    with path.open("rb") as stream:
        head = stream.read(8)
    try:
        table = _table(path, head, name, notes)
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise DataError(f"{name}: corrupt or cut short, fetch it again ({reason})") from None
    if table.num_rows == 0:
        raise DataError(f"{name}: no rows")
    first = int((table.schema.metadata or {}).get(_FIRST_LINE, 0))
    twice = [title for title in table.column_names if table.column_names.count(title) > 1]
    if twice:
        raise DataError(f"{name}: column {twice[0]!r} is there {twice.count(twice[0])} times")
    found = {_plain(column): column for column in table.column_names}
    columns: dict[str, NDArray[Any]] = {}
    for key, aliases in ALIASES.items():
        for alias in aliases:
            if alias in found:
                title = found[alias]
                columns[key] = _values(table[title], title, key == "symbol", name, first)
                break
    times = [found[alias] for alias in TIME_NAMES if alias in found]
    if not times:
        raise DataError(f"{name}: no time column; expected one of {', '.join(TIME_NAMES)}")
    columns["time_ns"] = _stamps(table[times[0]], times[0], name, first)
    return columns


def _plain(column: str) -> str:
    """``BTC.open`` and ``Best Bid Qty`` as ``open`` and ``best_bid_qty``."""
    return column.strip().split(".")[-1].lower().replace(" ", "_")


def _table(path: Path, head: bytes, name: str, notes: list[str]) -> pa.Table:
    """The Arrow table of a file, by its first bytes rather than its name."""
    import pyarrow as pa

    if head.startswith(PARQUET_MAGIC):
        import pyarrow.parquet as pa_parquet

        return pa_parquet.read_table(path)
    if head.startswith(ARROW_MAGIC):
        with pa.OSFile(str(path)) as file:
            return pa.ipc.open_file(file).read_all()
    if head.startswith(b"\xff\xff\xff\xff"):
        with pa.OSFile(str(path)) as file:
            return pa.ipc.open_stream(file).read_all()
    if path.suffix in (".parquet", ".arrow", ".feather", ".ipc"):
        raise pa.ArrowInvalid(f"not a {path.suffix[1:]} file")
    return _csv(path, name, notes)


def _csv(path: Path, name: str, notes: list[str]) -> pa.Table:
    """A CSV table: with a header, or twelve columns of numbers in Binance's kline order.

    Comments and a lone address, as some archives have, may stand above it; cells are separated by
    commas, semicolons or tabs.
    """
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    with pa.input_stream(str(path)) as stream:
        data = stream.read()
    if b"\0" in data[:4096]:
        raise pa.ArrowInvalid("neither Parquet, Arrow nor text")
    skip, number, first = 0, 0, ""
    while skip < len(data):
        end = data.find(b"\n", skip) + 1 or len(data)
        number += 1
        first = data[skip:end].decode("utf-8-sig").strip()
        if first and not first.startswith("#"):
            if not first.startswith(("http://", "https://")):
                break
            notes.append(f"{name}: line {number} skipped: {_shown(first)}")
        skip, first = end, ""
    if not first:
        raise DataError(f"{name}: the file is empty")
    mark = max(",;\t", key=first.count)
    cells = [cell.strip().strip('"') for cell in first.split(mark)]
    if len(cells) == 1:
        raise DataError(
            f"{name}: line {number} is {_shown(first)}; expected a header such as {CSV_EXAMPLE}"
        )
    options = pa_csv.ReadOptions()
    if all(_is_number(cell) for cell in cells):
        if len(cells) not in (6, 12):
            raise DataError(
                f"{name}: no header and {len(cells)} columns; klines without a header have 6 or 12"
            )
        options = pa_csv.ReadOptions(column_names=list(KLINE_COLUMNS[: len(cells)]))
    body = data[skip:]
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(body),
            read_options=options,
            parse_options=pa_csv.ParseOptions(delimiter=mark),
        )
        # Empty lines and line ends within quotes are no rows: then rows do not tell lines.
        if not any(text in body for text in (b"\n\n", b"\n\r", b'"')):
            line = number if options.column_names else number + 1
            table = table.replace_schema_metadata({_FIRST_LINE: str(line)})
        return table
    except pa.ArrowInvalid:
        for row, line in enumerate(data[skip:].decode("utf-8", "replace").splitlines()):
            count = line.count(mark) + 1
            if line.strip() and '"' not in line and count != len(cells):
                raise DataError(
                    f"{name}: line {number + row} has {count} columns, line {number} has"
                    f" {len(cells)}: {_shown(line)}"
                ) from None
        raise


def _shown(line: str) -> str:
    """A line of a file, short enough for a message."""
    text = " ".join(line.split())
    return repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _row(row: int, first: int) -> str:
    """Where a row stands: its line where the first one's line is known, else its number."""
    return f"line {first + row}" if first else f"row {row + 1}"


def _values(column: pa.ChunkedArray, title: str, text: bool, name: str, first: int) -> NDArray[Any]:
    """A column as float64 (missing values become NaN) or as text; `first` as of `_row`."""
    import pyarrow as pa

    if text:
        return np.asarray(column.cast(pa.string()).to_pylist(), dtype=object)
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid as error:
        for row, cell in enumerate(column):
            if cell.is_valid and not _is_number(str(cell.as_py())):
                raise DataError(
                    f"{name}: {_row(row, first)}: {title} {_shown(str(cell.as_py()))} is not a "
                    "number"
                ) from None
        raise DataError(f"{name}: column {title!r} is not a number ({error})") from None
    except pa.ArrowNotImplementedError:
        raise DataError(f"{name}: column {title!r} is {column.type}, not a number") from None


def _dated(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """ISO 8601 texts as time stamps, all with a zone or all without one (UTC)."""
    import pyarrow as pa

    try:
        return texts.cast(pa.timestamp("ns"))
    except pa.ArrowInvalid:
        return texts.cast(pa.timestamp("ns", tz="UTC"))


def _no_time(column: pa.ChunkedArray, title: str, first: int) -> str:
    """Which row of a column is the first that holds no time, and what stands there."""
    import pyarrow as pa

    wanted = "allowed are ISO 8601, or numbers since 1970 in s, ms, us or ns"
    if not (pa.types.is_dictionary(column.type) or str(column.type) in ("string", "large_string")):
        return f"column {title!r} is {column.type} and holds no times: {wanted}"
    texts = column.cast(pa.string())

    def dated(rows: int) -> bool:
        """Whether the first rows hold times."""
        try:
            _dated(texts.slice(0, rows))
        except pa.ArrowInvalid:
            return False
        return True

    if _is_number(texts[0].as_py()):  # then one text among numbers made texts of all
        row = next((n for n, text in enumerate(texts) if not _is_number(text.as_py())), 0)
    else:
        row = bisect.bisect_left(range(1, len(texts) + 1), True, key=lambda rows: not dated(rows))
    return f"{_row(row, first)}: {title} {_shown(texts[row].as_py())} is no time: {wanted}"


def _stamps(column: pa.ChunkedArray, title: str, name: str, first: int) -> NDArray[np.int64]:
    """Time stamps as int64 ns UTC: timestamps, dates, ISO text, or numbers since 1970."""
    import pyarrow as pa

    if column.null_count:
        raise DataError(f"{name}: column {title!r} has {column.null_count} missing time stamps")
    kind = column.type
    try:
        if pa.types.is_dictionary(kind) or str(kind) in ("string", "large_string"):
            column = _dated(column.cast(pa.string()))
            kind = column.type
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            return np.asarray(column.cast(pa.timestamp("ns")).cast(pa.int64()).to_numpy())
        exact = pa.types.is_integer(kind)
        numbers = column.cast(pa.int64() if exact else pa.float64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(f"{name}: {_no_time(column, title, first)}") from None
    # One unit for each row: some exchanges changed from ms to us within one file.
    scale = ((numbers >= 10**17) & (numbers < 2**62)).astype(np.int64)
    for low, high, factor in EPOCH_UNITS:
        scale[(numbers >= low) & (numbers < high)] = factor
    if (scale == 0).any():
        row = int(np.argmax(scale == 0))
        raise DataError(f"{name}: {_row(row, first)}: {title} {numbers[row]} is no time since 1970")
    stamps = numbers * scale
    return np.asarray(stamps if exact else np.rint(stamps), dtype=np.int64)


# --- columns to bars ------------------------------------------------------------------------------


def _by_symbol(columns: dict[str, Any], default: str, name: str) -> dict[str, dict[str, Any]]:
    """Rows of each symbol, in the order in which the symbols first appear."""
    keys = columns.pop("symbol", None)
    if keys is None:
        return {default: columns}
    unset = np.array([key is None or key == "" for key in keys])
    if unset.any():
        raise DataError(f"{name}: row {int(np.argmax(unset)) + 1}: the symbol is missing")
    groups = {}
    for key in dict.fromkeys(keys):
        rows = keys == key
        groups[str(key)] = {title: column[rows] for title, column in columns.items()}
    return groups


def _wanted(groups: dict[str, Any], symbols: list[str], name: str, partial: bool) -> dict[str, Any]:
    missing = [key for key in symbols if key not in groups]
    if missing and (not partial or len(missing) == len(symbols)):
        text = f"{name}: no symbol {', '.join(missing)}; it has {', '.join(groups)}"
        raise NothingSelectedError(text)
    return {key: groups[key] for key in symbols if key in groups}


def _series(
    symbol: str,
    columns: dict[str, Any],
    label: str,
    notes: list[str],
    drop_bad_rows: bool,
    book_interval_ns: int,
) -> Bars:
    """Bars of one instrument: rows in order of time, prices that can be."""
    book = all(key in columns for key in BOOK_COLUMNS)
    needed = BOOK_COLUMNS if book else BAR_COLUMNS
    missing = [key for key in needed if key not in columns]
    if missing:
        raise DataError(
            f"{label}: column {', '.join(missing)} is missing;"
            " needed are open, high, low, close (volume) or bid, ask (bid_size, ask_size)"
        )
    columns = _in_order(columns, label, notes)
    reasons = _bad_book(columns) if book else _bad_bars(columns)
    bad = np.logical_or.reduce([rows for rows, _ in reasons])
    if bad.any():
        row = int(np.argmax(bad))
        what = next(text for rows, text in reasons if rows[row])
        if not drop_bad_rows:
            moment = np.datetime64(int(columns["time_ns"][row]), "ns").astype("datetime64[s]")
            raise DataError(
                f"{label}: {moment}: {what} ({int(bad.sum())} bad rows); use --drop-bad-rows"
            )
        notes.append(f"{label}: {int(bad.sum())} rows with an impossible price dropped")
        columns = {key: column[~bad] for key, column in columns.items()}
    if len(columns["time_ns"]) < 2:
        raise DataError(f"{label}: fewer than two usable rows")
    if book:
        return _gather_book(symbol, columns, book_interval_ns)
    volume = columns.get("volume")
    if volume is None:
        notes.append(f"{label}: no volume column; liquidity is taken as unlimited")
        volume = np.full(len(columns["time_ns"]), np.inf)
    prices = {key: columns[key] for key in BAR_COLUMNS}
    return Bars(symbol, columns["time_ns"], **prices, volume=volume)


def _in_order(columns: dict[str, Any], label: str, notes: list[str]) -> dict[str, Any]:
    """Sort rows by time where they are not; of a repeated stamp the first row stays."""
    times = columns["time_ns"]
    steps = np.diff(times)
    back = int((steps < 0).sum())
    if back:
        newest_first = back > (steps > 0).sum()
        found = "newest row first" if newest_first else f"time goes back at {back} rows"
        notes.append(f"{label}: {found}; sorted by time")
        order = np.argsort(times, kind="stable")
        columns = {key: column[order] for key, column in columns.items()}
        steps = np.diff(columns["time_ns"])
    later = np.concatenate(([True], steps > 0))
    if later.all():
        return columns
    notes.append(f"{label}: {int((~later).sum())} repeated time stamps dropped")
    return {key: column[later] for key, column in columns.items()}


def _bad_bars(columns: dict[str, Any]) -> list[tuple[NDArray[np.bool_], str]]:
    opens, highs, lows, closes = (columns[key] for key in BAR_COLUMNS)
    prices = np.stack([opens, highs, lows, closes])
    volume = columns.get("volume", np.zeros(1))
    with np.errstate(invalid="ignore"):
        return [
            (~np.isfinite(prices).all(axis=0), "a price is NaN or missing"),
            ((prices <= 0).any(axis=0), "a price is zero or negative"),
            (highs < lows, "high is below low"),
            (
                (np.maximum(opens, closes) > highs) | (np.minimum(opens, closes) < lows),
                "open or close lies outside low to high",
            ),
            (np.broadcast_to(~(volume >= 0), opens.shape), "the volume is negative or missing"),
        ]


def _bad_book(columns: dict[str, Any]) -> list[tuple[NDArray[np.bool_], str]]:
    bids, asks = columns["bid"], columns["ask"]
    none = np.zeros(1)
    with np.errstate(invalid="ignore"):
        sizes = [~(columns.get(key, none) >= 0) for key in ("bid_size", "ask_size")]
        return [
            (~(np.isfinite(bids) & np.isfinite(asks)), "bid or ask is NaN or missing"),
            ((bids <= 0) | (asks <= 0), "bid or ask is zero or negative"),
            (bids >= asks, "bid is not below ask"),
            (np.broadcast_to(sizes[0] | sizes[1], bids.shape), "a size is negative or missing"),
        ]


def _gather_book(symbol: str, columns: dict[str, Any], interval_ns: int) -> Bars:
    """Bars of mid prices from a top-of-book history; spread and sizes are those at the close."""
    times = columns["time_ns"]
    mid = 0.5 * (columns["bid"] + columns["ask"])
    bar = times - times % interval_ns
    first = np.flatnonzero(np.concatenate(([True], bar[1:] != bar[:-1])))
    last = np.concatenate((first[1:], [len(bar)])) - 1
    sizes = {}
    for key in ("bid_size", "ask_size"):
        if key in columns:
            sizes[key] = columns[key][last]
    return Bars(
        symbol,
        bar[first],
        mid[first],
        np.maximum.reduceat(mid, first),
        np.minimum.reduceat(mid, first),
        mid[last],
        np.full(len(first), np.inf),
        (columns["ask"][last] - columns["bid"][last]) / mid[last],
        sizes.get("bid_size"),
        sizes.get("ask_size"),
    )


def _interval(series: dict[str, Bars], name: str) -> int:
    """The most frequent step between stamps."""
    steps = np.concatenate([np.diff(bars.time_ns) for bars in series.values()])
    if len(steps) == 0:
        raise DataError(f"{name}: fewer than two bars in the period asked for")
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)])


def _gaps(series: dict[str, Bars], interval_ns: int) -> list[str]:
    """A note for each series with missing bars."""
    notes = []
    for symbol, bars in series.items():
        steps = np.diff(bars.time_ns)
        gaps = steps > interval_ns
        if gaps.any():
            longest = int(steps.max()) / 3.6e12
            missing = int((steps[gaps] // interval_ns - 1).sum())
            notes.append(
                f"{symbol}: {int(gaps.sum())} gaps, {missing} bars missing, longest {longest:.4g} h"
            )
    return notes


def merge(histories: list[History]) -> History:
    """One history from several of the same bar interval; the bars of one symbol are joined.

    Raises
    ------
    DataError
        Other intervals, or two different bars of a symbol at one time.
    """
    first = histories[0]
    if len(histories) == 1:
        return first
    notes: list[str] = []
    parts: dict[str, list[tuple[str, Bars]]] = {}
    for history in histories:
        if history.interval_ns != first.interval_ns:
            raise DataError(
                f"{history.source}: bars of {history.interval_ns / 1e9:g} s,"
                f" {first.source}: of {first.interval_ns / 1e9:g} s; give files of one interval"
            )
        inner = _gaps(history.series, history.interval_ns)  # found again below
        notes += [note for note in history.notes if note not in inner]
        for symbol, bars in history.series.items():
            parts.setdefault(symbol, []).append((history.source, bars))
    series = {symbol: _joined(symbol, found, notes) for symbol, found in parts.items()}
    notes += _gaps(series, first.interval_ns)
    sources = ", ".join(history.source for history in histories)
    return History(sources, first.interval_ns, series, notes)


def _joined(symbol: str, parts: list[tuple[str, Bars]], notes: list[str]) -> Bars:
    """One series from several of a symbol: in order of time, each bar once."""
    sources = [source for source, _ in parts]
    pieces = [piece for _, piece in parts]
    if len(pieces) == 1:
        return pieces[0]
    names = ("time_ns", "open", "high", "low", "close", "volume", "spread", "bid_size", "ask_size")
    present = [[n for n in names if getattr(piece, n) is not None] for piece in pieces]
    if any(found != present[0] for found in present):
        raise DataError(f"{sources[-1]}: {symbol} has other columns than in {sources[0]}")
    columns = {n: np.concatenate([getattr(piece, n) for piece in pieces]) for n in present[0]}
    order = np.argsort(columns["time_ns"], kind="stable")
    columns = {n: column[order] for n, column in columns.items()}
    again = np.concatenate(([False], np.diff(columns["time_ns"]) == 0))
    for name in BAR_COLUMNS:
        other = again[1:] & (np.diff(columns[name]) != 0.0)
        if other.any():
            at = np.datetime64(int(columns["time_ns"][1:][other][0]), "ns").astype("datetime64[s]")
            raise DataError(
                f"{', '.join(sources)}: {symbol} has two bars of {at} with another {name};"
                " give each market its own symbol"
            )
    if again.any():
        notes.append(f"{symbol}: {int(again.sum())} bars that came twice dropped")
    notes.append(f"{symbol}: joined from {len(pieces)} files")
    joined = Bars(symbol, **{n: columns[n] for n in present[0]})
    return joined.select(~again)
