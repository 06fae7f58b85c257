"""An account and an order for the consumers in this folder: what riskcore.h begins with.

State, order and decision are NumPy arrays with the memory layout of the C structures, so their
addresses are the pointers that the library wants.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import riskcore
from riskcore import AdaptiveRiskManager, codes
from riskcore.layout import allocate, record_dtype, state_dtype

LIBRARY = Path(riskcore.get_library_dir()) / "libriskcore.so"
NOW = 1_700_000_000_000_000_000


def make_account() -> np.ndarray[Any, Any]:
    """The state of an account with a million dollars and a market for bitcoin."""
    risk = AdaptiveRiskManager.from_config("growth", time_ns=NOW)
    risk.transfer("binance-usdm", "USDT", 1_000_000, NOW)
    risk.quote("BTC-USDT-PERP", "37000.0", 12, "37000.1", 9, NOW)
    risk.trade("BTC-USDT-PERP", "37000.1", 250, NOW)
    state = allocate(state_dtype())  # 64-byte aligned, as the library asks
    state.view(np.uint8)[:] = np.frombuffer(risk.core.state_bytes(), np.uint8)
    return state


def make_order(client_id: int = 1, lots: int = 8000) -> np.ndarray[Any, Any]:
    """Buy that many thousandths of a bitcoin."""
    order = allocate(record_dtype("order"))
    order["client_id"], order["time_ns"] = client_id, NOW
    order["instrument"], order["strategy"] = 5, 0
    order["side"], order["type"], order["time_in_force"] = codes.BUY, codes.LIMIT, codes.GTC
    order["lots"], order["price_ticks"], order["confidence"] = lots, 370_001, 0.9
    return order


def make_decision() -> np.ndarray[Any, Any]:
    """Room for an answer; zeroed it is a rejection."""
    return allocate(record_dtype("decision"))


def show(decision: np.ndarray[Any, Any]) -> None:
    """Print an answer."""
    answer = decision[0]
    print(codes.ACTION_NAMES[int(answer["action"])], int(answer["lots"]), "lots")
    for name in codes.check_names(answer["reasons"]):
        print(" ", name)
