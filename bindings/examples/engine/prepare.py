"""Write the two files that the example engine starts from.

``account.image``: the configuration of an account, from YAML through ``riskcore.config``: a journal
whose entries are parameters, venues, currencies, strategies, instruments, scenarios and a deposit
at every venue. ``quotes.bin``: top of book, recorded or made.

    python prepare.py --out day --config growth --book recorded.parquet
    python prepare.py --out day --config growth --from 2019-06-01 --rows 200000

A recorded book is a Parquet or CSV file with a row for each change: ``time`` (ns or timestamps,
UTC), ``symbol`` (as the file of instruments has it), ``bid``, ``bid_size``, ``ask``, ``ask_size``,
and ``trade_price`` and ``trade_size`` where a trade came with it (0 or empty for none). Without one
the book of the five perpetuals is made from the half-hourly bars that come with the package: a path
through each bar's open, extremes and close, with a spread, sizes and trades; drawn from a seed, so
the same arguments give the same file.
"""

from __future__ import annotations

import argparse
import ctypes
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import riskcore
from riskcore import codes
from riskcore.config import (
    load_config,
    load_instruments,
    load_scenarios,
    write_instruments,
    write_parameters,
    write_scenarios,
)
from riskcore.layout import PAYLOAD_WORDS, Shape, allocate, record_dtype, state_dtype
from riskcore.replay.readers import read_history

CAPACITY = 1 << 14
STEP_NS = 250_000_000  # between two quotes of one instrument
MAGIC = b"RCBOOK01"


class Image:
    """Stands in for the core while ``riskcore.config`` configures it, and journals what it does.

    Parameters
    ----------
    library : Path
        ``libriskcore.so`` of the default shape.
    time_ns : int
        Time of every entry.
    steady : bool
        Without the limits that stop a strategy for losing, as the example's does.
    """

    def __init__(self, library: Path, time_ns: int, *, steady: bool = False) -> None:
        self.shape, self.time_ns, self.steady = Shape(), time_ns, steady
        self.library = ctypes.CDLL(str(library))
        memory = allocate(state_dtype(self.shape))
        self.state = memory[0]
        names = ("journal", "control_page", "published_page", "payload", "event", "decision")
        self.records = {name: allocate(record_dtype(name, self.shape)) for name in names}
        self.ring = np.zeros(CAPACITY, record_dtype("journal_record", self.shape))
        self._call("rc_state_init", memory)
        self._call("rc_journal_init", self.records["journal"], CAPACITY, 0, 0)
        self._call("rc_control_init", self.records["control_page"])
        self._call("rc_page_init", self.records["published_page"])
        self.links = [memory, self.records["journal"], self.ring]
        self.links += [self.records["control_page"], self.records["published_page"]]

    def _call(self, name: str, *arguments: Any) -> int:
        """Call a function of the library with arrays and integers."""
        function = getattr(self.library, name)
        function.restype = ctypes.c_int64
        given = [
            ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray) else ctypes.c_int64(a)
            for a in arguments
        ]
        return int(function(*given))

    def _set(self, kind: int, index: int, record: Any, *moves: Any) -> int:
        payload = self.records["payload"][0]
        words = np.frombuffer(record.tobytes(), np.int64)
        assert len(words) <= PAYLOAD_WORDS
        payload["words"][: len(words)] = words
        if moves:
            payload["down"], payload["up"] = moves
        return self._call(
            "rc_submit_set", *self.links, self.time_ns, kind, index, self.records["payload"]
        )

    def set_parameters(self, _time_ns: int, record: Any) -> int:
        if self.steady:
            record["max_losing_streak"] = codes.MAX_LOTS
            record["performance_min_trades"] = codes.MAX_LOTS
        return self._set(codes.ENTRY_PARAMETERS, 0, record)

    def venue_set(self, _time_ns: int, index: int, record: Any) -> int:
        return self._set(codes.ENTRY_VENUE, index, record)

    def currency_set(self, _time_ns: int, index: int, record: Any) -> int:
        return self._set(codes.ENTRY_CURRENCY, index, record)

    def strategy_set(self, _time_ns: int, index: int, record: Any) -> int:
        return self._set(codes.ENTRY_STRATEGY, index, record)

    def instrument_set(self, _time_ns: int, index: int, record: Any) -> int:
        return self._set(codes.ENTRY_INSTRUMENT, index, record)

    def scenario_set(self, _time_ns: int, index: int, record: Any, down: Any, up: Any) -> int:
        return self._set(codes.ENTRY_SCENARIO, index, record, down, up)

    def deposit(self, venue: int, currency: int, amount: float) -> None:
        """Money that arrives at a venue."""
        event = self.records["event"]
        event[0] = np.zeros((), event.dtype)
        event[0]["kind"], event[0]["time_ns"] = codes.EVENT_TRANSFER, self.time_ns
        event[0]["venue"], event[0]["currency"], event[0]["value"] = venue, currency, amount
        status = self._call("rc_submit", *self.links, event, self.records["decision"])
        if status != codes.OK:
            raise SystemExit(f"deposit: {codes.STATUS_NAMES[status]}")

    def bytes(self) -> bytes:
        """The journal's head and the records that were written."""
        journal = self.records["journal"]
        return journal.tobytes() + self.ring[: int(journal[0]["committed"])].tobytes()


def write_image(path: Path, image: Image, config: str, instruments: Any, equity: float) -> None:
    """Write the configuration image."""
    write_parameters(image, load_config(config), image.time_ns)
    write_instruments(image, instruments, image.time_ns)
    write_scenarios(image, load_scenarios(), instruments, image.time_ns)
    for venue in range(len(instruments.venues)):
        image.deposit(venue, 0, equity / len(instruments.venues))
    path.write_bytes(image.bytes())


def bar_path(random: np.random.Generator, bar: Any, steps: int) -> np.ndarray:
    """Middle prices on the way through a bar: open, one extreme, the other, close."""
    low_first = bool(random.integers(2))
    first, second = (bar["low"], bar["high"]) if low_first else (bar["high"], bar["low"])
    corners = np.array([bar["open"], first, second, bar["close"]])
    at = np.array([0.0, *np.sort(random.uniform(0.1, 0.9, 2)), 1.0])
    path = np.interp(np.linspace(0.0, 1.0, steps), at, corners)
    noise = random.normal(0.0, 5e-5, steps) * path
    return np.clip(path + noise, bar["low"], bar["high"])


def recorded_quotes(paths: list[Path], instruments: Any) -> np.ndarray:
    """Rows of recorded books; prices to the grid outwards, sizes to whole lots."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv
    import pyarrow.parquet

    blocks = []
    places = {symbol: place for place, symbol in enumerate(instruments.instruments)}
    for path in paths:
        read = pa.csv.read_csv if path.suffix == ".csv" else pa.parquet.read_table
        table = read(path)
        missing = {"time", "symbol", "bid", "bid_size", "ask", "ask_size"} - {*table.column_names}
        if missing:
            raise SystemExit(f"{path}: no column {', '.join(sorted(missing))}")
        time = table["time"]
        if not pa.types.is_integer(time.type):
            time = time.cast(pa.timestamp("ns"))
        for symbol in table["symbol"].unique().to_pylist():
            if symbol not in places:
                raise SystemExit(f"{path}: symbol {symbol!r} is no instrument: {', '.join(places)}")
            chosen = pc.equal(table["symbol"], symbol)

            def numbers(name: str, step: Any, chosen: Any = chosen, table: Any = table) -> Any:
                if name not in table.column_names:
                    return np.zeros(pc.sum(chosen).as_py())
                column = table[name].filter(chosen).cast(pa.float64())
                # Twelve digits of a price over its tick: what is on the grid stays there.
                return np.round(column.fill_null(0.0).to_numpy() / float(step), 6)

            terms = instruments.instruments[symbol]
            block = np.zeros((pc.sum(chosen).as_py(), 8), np.int64)
            block[:, 0] = time.filter(chosen).cast(pa.int64()).to_numpy()
            block[:, 1] = places[symbol]
            block[:, 2] = np.floor(numbers("bid", terms.tick_size))
            block[:, 3] = numbers("bid_size", terms.lot_size)
            block[:, 4] = np.ceil(numbers("ask", terms.tick_size))
            block[:, 5] = numbers("ask_size", terms.lot_size)
            block[:, 6] = np.rint(numbers("trade_price", terms.tick_size))
            block[:, 7] = numbers("trade_size", terms.lot_size)
            blocks.append(block)
    return np.concatenate(blocks)


def made_quotes(instruments: Any, start_ns: int, rows: int, seed: int) -> np.ndarray:
    """Rows of a book made from half-hourly bars."""
    history = read_history("majors-30m", start_ns=start_ns)
    random = np.random.default_rng(seed)
    symbols = {s: f"{s}-USDT-PERP" for s in history.series}
    places = list(instruments.instruments)
    per_bar = history.interval_ns // STEP_NS
    table = []
    for number, (series, symbol) in enumerate(symbols.items()):
        terms, bars = instruments.instruments[symbol], history.series[series]
        count = -(-rows // len(symbols))
        used = -(-count // per_bar)
        if used > len(bars):
            raise SystemExit(f"--rows {rows}: the history has only {len(bars)} bars of {series}")
        middle, traded = [], []
        for k in range(used):
            bar = {n: float(getattr(bars, n)[k]) for n in ("open", "high", "low", "close")}
            middle.append(bar_path(random, bar, per_bar))
            traded.append(np.full(per_bar, float(bars.volume[k]) / per_bar))
        price = np.concatenate(middle)[:count] / float(terms.tick_size)
        volume = np.concatenate(traded)[:count] / float(terms.lot_size)
        half = np.maximum(0.5, price * 5e-5)
        block = np.zeros((count, 8), np.int64)
        block[:, 0] = int(bars.time_ns[0]) + STEP_NS * np.arange(count) + number
        block[:, 1] = places.index(symbol)
        block[:, 2] = np.floor(price - half)
        block[:, 4] = np.maximum(np.ceil(price + half), block[:, 2] + 1)
        for column in (3, 5):
            block[:, column] = 1 + volume * random.uniform(2.0, 20.0, count)
        block[:, 6] = np.where(random.integers(2, size=count) == 1, block[:, 2], block[:, 4])
        block[:, 7] = volume * random.exponential(1.0, count)
        table.append(block)
    return np.concatenate(table)


def write_quotes(path: Path, quotes: np.ndarray, rows: int) -> int:
    """Write the first rows in order of time; returns the time of the first."""
    quotes = quotes[np.argsort(quotes[:, 0], kind="stable")][:rows]
    head = np.zeros(7, np.int64)
    head[:2] = len(quotes), quotes.dtype.itemsize * quotes.shape[1]
    path.write_bytes(MAGIC + head.tobytes() + quotes.tobytes())
    return int(quotes[0, 0])


def main() -> None:
    """Read the arguments and write both files."""
    parser = argparse.ArgumentParser(description="Write the files that the engine starts from.")
    parser.add_argument("--out", type=Path, required=True, help="folder; made if needed")
    parser.add_argument("--config", default="growth", help="limits: default, growth or a YAML file")
    parser.add_argument("--instruments", default="instruments", help="a YAML file")
    parser.add_argument("--equity", type=float, default=1e6, help="dollars, split over the venues")
    parser.add_argument("--book", type=Path, nargs="+", default=[], help="recorded top of book")
    parser.add_argument("--from", dest="start", default="2019-06-01", help="first day (UTC)")
    parser.add_argument("--rows", type=int, default=200_000, help="quotes to write")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--library", type=Path, help="libriskcore.so; the package's by default")
    parser.add_argument(
        "--steady", action="store_true", help="without the limits that stop a losing strategy"
    )
    given = parser.parse_args()
    library = given.library or Path(riskcore.get_library_dir()) / "libriskcore.so"
    start = datetime.fromisoformat(given.start).replace(tzinfo=UTC)
    start_ns = int(start.timestamp()) * 1_000_000_000
    instruments = load_instruments(given.instruments)
    given.out.mkdir(parents=True, exist_ok=True)
    quotes = (
        recorded_quotes(given.book, instruments)
        if given.book
        else made_quotes(instruments, start_ns, given.rows, given.seed)
    )
    first = write_quotes(given.out / "quotes.bin", quotes, given.rows)
    image = Image(library, first, steady=given.steady)
    write_image(given.out / "account.image", image, given.config, instruments, given.equity)


if __name__ == "__main__":
    main()
