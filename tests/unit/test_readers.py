"""Reading price history: every format, and one clear line for every input that cannot be used."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from riskcore.codes import MAX_TIME_JUMP_NS
from riskcore.replay.panel import make_panel
from riskcore.replay.readers import (
    DataError,
    History,
    merge,
    parse_time,
    read_histories,
    read_history,
    symbol_of,
)
from riskcore.replay.venue import VenueModel

HOUR_NS = 3_600_000_000_000
START_NS = parse_time("2024-01-01")
OPENS = [100.0, 101.0, 102.0, 103.0]
HIGHS = [102.0, 103.0, 104.0, 105.0]
LOWS = [99.0, 100.0, 101.0, 102.0]
CLOSES = [101.0, 102.0, 103.0, 104.0]
VOLUMES = [10.0, 0.0, 12.0, 13.0]


def stamps(rows: int = 4, step: int = HOUR_NS) -> np.ndarray:
    return START_NS + step * np.arange(rows)


def columns(**changes: object) -> dict[str, object]:
    times = pa.array(stamps()).cast(pa.timestamp("ns", tz="UTC"))
    table: dict[str, object] = {
        "date": times,
        "open": list(OPENS),
        "high": list(HIGHS),
        "low": list(LOWS),
        "close": list(CLOSES),
        "volume": list(VOLUMES),
    }
    table.update(changes)
    return {name: column for name, column in table.items() if column is not None}


def parquet(folder: Path, **changes: object) -> Path:
    path = folder / "ABC.parquet"
    pa_parquet.write_table(pa.table(columns(**changes)), path)
    return path


def with_value(values: list[float], row: int, value: float) -> list[float]:
    changed = list(values)
    changed[row] = value
    return changed


def klines(scale: int, rows: int = 4) -> str:
    """Binance's twelve columns; ``scale`` is ticks of the clock per second."""
    lines = []
    for row in range(rows):
        opened = (START_NS + row * HOUR_NS) // 10**9 * scale
        closed = opened + 3600 * scale - 1
        at = row % len(OPENS)
        prices = f"{OPENS[at]},{HIGHS[at]},{LOWS[at]},{CLOSES[at]}"
        lines.append(f"{opened},{prices},{VOLUMES[at]},{closed},1000.5,42,5.0,500.2,0")
    return "\n".join(lines) + "\n"


HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    "taker_buy_volume,taker_buy_quote_volume,ignore\n"
)


def assert_four_bars(history: History, symbol: str = "ABC") -> None:
    bars = history.series[symbol]
    np.testing.assert_array_equal(bars.time_ns, stamps())
    np.testing.assert_array_equal(bars.open, OPENS)
    np.testing.assert_array_equal(bars.high, HIGHS)
    np.testing.assert_array_equal(bars.low, LOWS)
    np.testing.assert_array_equal(bars.close, CLOSES)
    np.testing.assert_array_equal(bars.volume, VOLUMES)
    assert history.interval_ns == HOUR_NS


# --- formats ----------------------------------------------------------------------------------


def test_parquet_is_read(tmp_path: Path) -> None:
    assert_four_bars(read_history(parquet(tmp_path)))


def test_arrow_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ABC.arrow"
    table = pa.table(columns())
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    assert_four_bars(read_history(path))


def test_arrow_stream_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ABC.arrows"
    table = pa.table(columns())
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert_four_bars(read_history(path))


@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000, 1_000_000_000])
def test_klines_without_header_are_read_in_any_unit_of_time(tmp_path: Path, scale: int) -> None:
    path = tmp_path / "ABC.csv"
    path.write_text(klines(scale))
    assert_four_bars(read_history(path))


def test_klines_with_header_are_read(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    path.write_text(HEADER + klines(1_000))
    assert_four_bars(read_history(path))


def test_klines_may_change_from_ms_to_us_within_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    old, new = klines(1_000).splitlines(), klines(1_000_000).splitlines()
    path.write_text("\n".join(old[:2] + new[2:]) + "\n")
    assert_four_bars(read_history(path))


def test_gzipped_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv.gz"
    path.write_bytes(gzip.compress((HEADER + klines(1_000)).encode()))
    assert_four_bars(read_history(path))


def test_generic_csv_with_dates_and_comments_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    rows = [
        f"2024-01-01 0{hour}:00:00,{','.join(map(str, prices))}"
        for hour, prices in enumerate(zip(OPENS, HIGHS, LOWS, CLOSES, VOLUMES, strict=True))
    ]
    path.write_text("# a comment\nDate,Open,High,Low,Close,Volume\n" + "\n".join(rows) + "\n")
    assert_four_bars(read_history(path))


def test_symbol_column_makes_several_series(tmp_path: Path) -> None:
    path = tmp_path / "two.parquet"
    one = pa.table(columns()).append_column("symbol", pa.array(["ONE"] * 4))
    two = pa.table(columns()).append_column("symbol", pa.array(["TWO"] * 4))
    pa_parquet.write_table(pa.concat_tables([one, two]), path)
    history = read_history(path)
    assert list(history.series) == ["ONE", "TWO"]
    assert_four_bars(history, "TWO")
    assert list(read_history(path, symbols=["TWO"]).series) == ["TWO"]
    with pytest.raises(DataError, match="no symbol SIX; it has ONE, TWO"):
        read_history(path, symbols=["SIX"])


def test_top_of_book_is_gathered_into_bars_of_mid_prices(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    second = 1_000
    start = START_NS // 10**6
    quotes = [(0, 99, 101), (20, 97, 99), (59, 101, 103), (60, 100, 102), (119, 104, 108)]
    rows = [f"{start + s * second},{bid},{ask},3,5" for s, bid, ask in quotes]
    path.write_text("timestamp,bid,ask,bid_size,ask_size\n" + "\n".join(rows) + "\n")
    bars = read_history(path).series["ABC"]
    assert bars.open.tolist() == [100.0, 101.0]
    assert bars.high.tolist() == [102.0, 106.0]
    assert bars.low.tolist() == [98.0, 101.0]
    assert bars.close.tolist() == [102.0, 106.0]
    assert bars.spread is not None
    assert bars.spread.tolist() == [2.0 / 102.0, 4.0 / 106.0]
    assert bars.ask_size is not None
    assert bars.ask_size.tolist() == [5.0, 5.0]


def test_missing_volume_is_reported(tmp_path: Path) -> None:
    history = read_history(parquet(tmp_path, volume=None))
    assert np.isinf(history.series["ABC"].volume).all()
    assert any("no volume column" in note for note in history.notes)


def test_period_selects_bars(tmp_path: Path) -> None:
    history = read_history(
        parquet(tmp_path), start_ns=START_NS + HOUR_NS, end_ns=START_NS + 3 * HOUR_NS
    )
    assert history.series["ABC"].close.tolist() == CLOSES[1:3]


# --- rows that are dropped, counted and reported ------------------------------------------------


def test_rows_out_of_order_are_sorted_and_repeated_ones_dropped(tmp_path: Path) -> None:
    times = stamps()
    times[2] = times[1]  # repeated
    times = np.append(times, times[0] - HOUR_NS)  # back in time
    rows = {
        "date": pa.array(times).cast(pa.timestamp("ns")),
        **{
            name: [*values, values[0]]
            for name, values in (
                ("open", OPENS),
                ("high", HIGHS),
                ("low", LOWS),
                ("close", CLOSES),
                ("volume", VOLUMES),
            )
        },
    }
    path = tmp_path / "ABC.parquet"
    pa_parquet.write_table(pa.table(rows), path)
    history = read_history(path)
    assert history.series["ABC"].close.tolist() == [101.0, 101.0, 102.0, 104.0]
    for note in ("time goes back at 1 rows; sorted by time", "1 repeated time stamps dropped"):
        assert sum(note in line for line in history.notes) == 1


@pytest.mark.parametrize(
    ("leap_ns", "refused"), [(MAX_TIME_JUMP_NS, False), (MAX_TIME_JUMP_NS + 1, True)]
)
def test_a_leap_that_the_core_would_refuse_is_told(
    tmp_path: Path, leap_ns: int, refused: bool
) -> None:
    times = stamps()
    times[3] = times[2] + leap_ns
    path = tmp_path / "ABC.parquet"
    dates = pa.array(times).cast(pa.timestamp("ns"))
    prices = {"open": OPENS, "high": HIGHS, "low": LOWS, "close": CLOSES, "volume": VOLUMES}
    pa_parquet.write_table(pa.table({"date": dates, **prices}), path)
    history = read_history(path)
    if not refused:
        assert len(make_panel(history, VenueModel(), 1e5)) == 4
        return
    with pytest.raises(DataError) as caught:
        make_panel(history, VenueModel(), 1e5)
    assert str(caught.value) == (
        f"{path}: from {seconds(times[2])} to {seconds(times[3])} there is no row: allowed is a "
        "leap of 366 days at most"
    )
    # One instrument may rest for longer where another one goes on.
    bars = history.series["ABC"]
    middle = bars.time_ns + leap_ns // 2
    both = replace(history, series={**history.series, "DEF": replace(bars, time_ns=middle)})
    assert len(make_panel(both, VenueModel(), 1e5)) == 8


def seconds(time_ns: int) -> str:
    """A stamp as messages show it."""
    return str(np.datetime64(int(time_ns), "ns").astype("datetime64[s]"))


def test_newest_row_first_is_sorted_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    path.write_text(HEADER + "".join(reversed(klines(1_000).splitlines(keepends=True))))
    history = read_history(path)
    assert_four_bars(history)
    assert history.notes == [f"{path}: newest row first; sorted by time"]


def test_address_above_the_header_is_skipped_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    path.write_text("https://www.example.com\n" + HEADER + klines(1_000))
    history = read_history(path)
    assert_four_bars(history)
    assert history.notes == [f"{path}: line 1 skipped: 'https://www.example.com'"]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_delimiters_are_recognised(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "ABC.csv"
    path.write_text((HEADER + klines(1_000)).replace(",", mark))
    assert_four_bars(read_history(path))


def test_gaps_are_reported(tmp_path: Path) -> None:
    times = stamps()
    times[3] += 2 * HOUR_NS
    history = read_history(parquet(tmp_path, date=pa.array(times).cast(pa.timestamp("ns"))))
    assert history.notes == ["ABC: 1 gaps, 2 bars missing, longest 3 h"]


BAD_ROWS = [
    ({"open": with_value(OPENS, 1, 0.0)}, "a price is zero or negative"),
    ({"low": with_value(LOWS, 1, -5.0)}, "a price is zero or negative"),
    ({"close": with_value(CLOSES, 1, float("nan"))}, "a price is NaN or missing"),
    ({"close": with_value(CLOSES, 1, float("inf"))}, "a price is NaN or missing"),
    ({"high": with_value(HIGHS, 1, 90.0)}, "high is below low"),
    ({"close": with_value(CLOSES, 1, 200.0)}, "open or close lies outside low to high"),
    ({"volume": with_value(VOLUMES, 1, -1.0)}, "the volume is negative or missing"),
    ({"volume": with_value(VOLUMES, 1, float("nan"))}, "the volume is negative or missing"),
]


@pytest.mark.parametrize(("changes", "reason"), BAD_ROWS)
def test_impossible_prices_are_refused_with_time_and_reason(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    path = parquet(tmp_path, **changes)
    with pytest.raises(DataError, match=reason) as caught:
        read_history(path)
    message = str(caught.value)
    assert "2024-01-01T01:00:00" in message
    assert "\n" not in message


@pytest.mark.parametrize(("changes", "reason"), BAD_ROWS)
def test_impossible_prices_can_be_dropped_and_are_counted(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    del reason
    history = read_history(parquet(tmp_path, **changes), drop_bad_rows=True)
    assert len(history.series["ABC"]) == 3
    assert any("1 rows with an impossible price dropped" in note for note in history.notes)


def test_crossed_book_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    path.write_text("time,bid,ask\n2024-01-01T00:00:00,100,99\n2024-01-01T00:01:00,98,99\n")
    with pytest.raises(DataError, match="bid is not below ask"):
        read_history(path)


# --- files that cannot be used --------------------------------------------------------------------


def refused(path: Path | str) -> str:
    with pytest.raises(DataError) as caught:
        read_history(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_missing_file_names_the_embedded_sets() -> None:
    assert "majors-30m, btc-1h" in refused("no-such-file.parquet")


def test_folder_is_refused(tmp_path: Path) -> None:
    assert "is a folder" in refused(tmp_path)


def test_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    assert "the file is empty" in refused(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\n \n", "the file is empty"),
        ("# only a comment\n", "the file is empty"),
        ("# Notes\n\nThe prices of *today*.\n", "line 3 is 'The prices of *today*.'; expected a"),
        ("date,open,high,low,close\n2024-01-01,1,1\n", "line 2 has 3 columns, line 1 has 5"),
    ],
)
def test_text_that_is_no_table_is_named_by_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "ABC.csv"
    path.write_text(text)
    message = refused(path)
    assert words in message
    assert "corrupt" not in message


def test_header_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    path.write_text("date,open,high,low,close,volume\n")
    assert "no rows" in refused(path)


def test_one_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    path.write_text(klines(1_000, rows=1))
    assert "fewer than two" in refused(path)


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
def test_missing_column_is_named(tmp_path: Path, name: str) -> None:
    assert f"column {name} is missing" in refused(parquet(tmp_path, **{name: None}))


def test_missing_time_column_lists_the_names(tmp_path: Path) -> None:
    assert "no time column; expected one of date" in refused(parquet(tmp_path, date=None))


@pytest.mark.parametrize("kept", [4, 100, 500])
def test_truncated_parquet_is_refused(tmp_path: Path, kept: int) -> None:
    path = parquet(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    assert "corrupt or cut short" in refused(path)


def test_truncated_arrow_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ABC.arrow"
    table = pa.table(columns())
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    path.write_bytes(path.read_bytes()[:-40])
    assert "corrupt or cut short" in refused(path)


def test_garbage_named_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ABC.parquet"
    path.write_bytes(b"this is not parquet")
    assert "corrupt or cut short" in refused(path)


def test_binary_garbage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    path.write_bytes(bytes(range(256)) * 20)
    assert "corrupt or cut short" in refused(path)


def test_truncated_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv.gz"
    path.write_bytes(gzip.compress((HEADER + klines(1_000)).encode())[:-20])
    assert "corrupt or cut short" in refused(path)


def test_csv_with_a_short_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    path.write_text(HEADER + klines(1_000) + "17040, 5\n")
    assert "line 6 has 2 columns, line 1 has 12: '17040, 5'" in refused(path)


def test_text_in_a_price_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    path.write_text("date,open,high,low,close\n2024-01-01,1,1,1,one\n2024-01-02,1,1,1,1\n")
    assert "ABC.csv: line 2: close 'one' is not a number" in refused(path)


def test_a_line_is_named_only_where_rows_tell_lines(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    rows = "2024-01-01,1,1,1,1\n2024-01-02,1,1,1,\n{}2024-01-03,1,1,x,1\n"
    path.write_text("# prices\ndate,open,high,low,close\n" + rows.format(""))
    assert "ABC.csv: line 5: low 'x' is not a number" in refused(path)
    path.write_text("# prices\ndate,open,high,low,close\n" + rows.format("\n"))
    assert "ABC.csv: row 3: low 'x' is not a number" in refused(path)
    path.write_text(klines(1_000) + klines(1_000).replace(",", ",x", 1))  # four rows, no header
    assert "ABC.csv: line 5: open 'x" in refused(path)


def test_text_in_the_time_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    path.write_text("date,open,high,low,close\nmonday,1,1,1,1\ntuesday,1,1,1,1\n")
    assert "ABC.csv: line 2: date 'monday' is no time: allowed are ISO 8601" in refused(path)


@pytest.mark.parametrize("good", ["1704067200000", "2024-01-01", "2024-01-01T00:00:00Z"])
def test_first_text_among_times_is_named_with_its_row(tmp_path: Path, good: str) -> None:
    path = tmp_path / "ABC.csv"
    rows = "".join(f"{date},1,1,1,1\n" for date in (good, good, "total:", good, "n/a?"))
    path.write_text("date,open,high,low,close\n" + rows)
    assert "ABC.csv: line 4: date 'total:' is no time" in refused(path)


def test_column_of_another_type_holds_no_times(tmp_path: Path) -> None:
    path = parquet(tmp_path, date=pa.array([b"a", b"b", b"c", b"d"]))
    assert "column 'date' is binary and holds no times" in refused(path)


def test_texts_with_a_zone_are_times(tmp_path: Path) -> None:
    texts = [f"{np.datetime64(int(t), 'ns')}Z" for t in stamps()]
    assert_four_bars(read_history(parquet(tmp_path, date=pa.array(texts))))


def test_missing_time_stamp_is_refused(tmp_path: Path) -> None:
    times = pa.array([*stamps()[:3], None]).cast(pa.timestamp("ns"))
    assert "1 missing time stamps" in refused(parquet(tmp_path, date=times))


def test_small_numbers_are_no_times(tmp_path: Path) -> None:
    assert "is no time since 1970" in refused(parquet(tmp_path, date=[1, 2, 3, 4]))


def test_headerless_csv_of_another_width_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ABC.csv"
    path.write_text("1704067200000,1,1,1\n1704070800000,1,1,1\n")
    assert "klines without a header have 6 or 12" in refused(path)


def test_period_without_bars_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no bars in the period"):
        read_history(parquet(tmp_path), start_ns=START_NS + 100 * HOUR_NS)


def test_bad_date_argument_says_how_to_write_one() -> None:
    with pytest.raises(DataError, match="write for example 2020-03-12"):
        parse_time("yesterday")


# --- several files, embedded sets ---------------------------------------------------------------


def test_files_of_one_interval_are_merged(tmp_path: Path) -> None:
    first = read_history(parquet(tmp_path), symbol="ONE")
    second = read_history(parquet(tmp_path), symbol="TWO")
    assert list(merge([first, second]).series) == ["ONE", "TWO"]


def month(folder: Path, name: str, first: int, last: int) -> Path:
    """Rows ``[first, last)`` of a month of klines."""
    path = folder / f"{name}.csv"
    path.write_text(HEADER + "".join(klines(1_000, 4).splitlines(keepends=True)[first:last]))
    return path


def test_archives_of_one_symbol_are_joined_in_order_of_time(tmp_path: Path) -> None:
    later = month(tmp_path, "ABC-1h-2023-12", 2, 4)
    earlier = month(tmp_path, "ABC-1h-2023-11", 0, 3)
    history = read_histories([later, earlier])
    assert_four_bars(history)
    assert history.notes == [
        "ABC: 1 bars that came twice dropped",
        "ABC: joined from 2 files",
    ]


def test_gap_between_joined_files_is_reported(tmp_path: Path) -> None:
    rows = klines(1_000, 6).splitlines(keepends=True)
    paths = [tmp_path / "ABC-1h-2023-11-01.csv", tmp_path / "ABC-1h-2023-11-02.csv"]
    paths[0].write_text("".join(rows[:2]))
    paths[1].write_text("".join(rows[4:]))
    assert read_histories(paths).notes == [
        "ABC: joined from 2 files",
        "ABC: 1 gaps, 2 bars missing, longest 3 h",
    ]


def test_two_prices_of_one_bar_are_refused(tmp_path: Path) -> None:
    first = month(tmp_path, "ABC-1h-2023-11", 0, 4)
    second = month(tmp_path, "ABC-1h-2023-12", 0, 4)
    second.write_text(second.read_text().replace(",103.0,105.0,102.0,", ",103.0,105.0,102.5,"))
    with pytest.raises(DataError, match="ABC has two bars of 2024-01-01T03:00:00 with another low"):
        read_histories([first, second])


def test_files_without_a_bar_of_the_period_are_left_out(tmp_path: Path) -> None:
    first = month(tmp_path, "ABC-1h-2023-11", 0, 2)
    second = month(tmp_path, "ABC-1h-2023-12", 2, 4)
    history = read_histories([first, second], start_ns=START_NS + 2 * HOUR_NS)
    assert history.series["ABC"].close.tolist() == CLOSES[2:]
    assert history.notes == [f"{first}: no bars in the period asked for"]
    with pytest.raises(DataError, match="no bars in the period"):
        read_histories([first, second], start_ns=START_NS + 9 * HOUR_NS)


def test_symbols_may_be_spread_over_several_files(tmp_path: Path) -> None:
    one, two = month(tmp_path, "ONE", 0, 4), month(tmp_path, "TWO", 0, 4)
    assert list(read_histories([one, two], symbols=["TWO", "ONE"]).series) == ["TWO", "ONE"]
    assert list(read_histories([one, two], symbols=["TWO"]).series) == ["TWO"]
    with pytest.raises(DataError, match="no symbol SIX; read: ONE"):
        read_histories([one, two], symbols=["ONE", "SIX"])


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTCUSDT-1h-2023-11.csv", "BTCUSDT"),
        ("BTCUSDT-15m-2023-11-30.csv.gz", "BTCUSDT"),
        ("ETH-USD-1mo-2023.parquet", "ETH-USD"),
        ("BTC-USD.csv", "BTC-USD"),
        ("BTC-PERP-2023.csv", "BTC-PERP-2023"),
    ],
)
def test_symbol_of_a_file_name(name: str, symbol: str) -> None:
    assert symbol_of(Path(name)) == symbol


def test_files_of_two_intervals_are_refused(tmp_path: Path) -> None:
    first = read_history(parquet(tmp_path), symbol="ONE")
    with pytest.raises(DataError, match="give files of one interval"):
        merge([first, read_history("majors-30m", symbols=["BTC"])])


@pytest.mark.parametrize(
    ("name", "symbols", "rows", "interval_ns"),
    [
        ("btc-1h", ["BTC"], 41_635, HOUR_NS),
        ("majors-30m", ["BTC", "ETH", "LTC", "XRP", "EOS"], 175_005, HOUR_NS // 2),
    ],
)
def test_embedded_sets_are_whole(
    name: str, symbols: list[str], rows: int, interval_ns: int
) -> None:
    history = read_history(name)
    assert list(history.series) == symbols
    assert history.rows == rows
    assert history.interval_ns == interval_ns
