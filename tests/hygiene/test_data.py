"""The market data in the package stays small."""

from __future__ import annotations

from pathlib import Path

import riskcore

DATA = Path(riskcore.__file__).parent / "replay" / "data"
MAX_BYTES = 5_000_000


def test_embedded_data_is_at_most_five_megabytes_together() -> None:
    sizes = {path.name: path.stat().st_size for path in DATA.rglob("*") if path.is_file()}
    assert "btc-1h.parquet" in sizes
    assert sum(sizes.values()) <= MAX_BYTES, sizes
