"""The native harness: emitted library and driver.c, compiled, run, and read back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from bench.figures import NATIVE, Figure
from riskcore.bindings.emit import emit, host_level
from riskcore.layout import Shape, record_dtype, state_dtype
from riskcore.profile import workload
from riskcore.profile.engines import NativeEngine

HERE = Path(__file__).resolve().parent
SLICE_ROWS = 16  # rows of the covariance that one rc_advance works in

# name in driver.c: what it is, p50 and p99.9 aimed for (ns)
CASES: dict[str, tuple[str, float, float]] = {
    "check_approve": ("rc_check, approved", 100, 250),
    "check_reject": ("rc_check, rejected", 0, 250),
    "check_resize": ("rc_check, resized", 0, 0),
    "check_exit": ("rc_check, exit", 100, 250),
    "check_beside_quotes": ("rc_check after a quote", 0, 0),
    "check_while_samples_run": ("rc_check after each slice of a sample", 0, 0),
    "what_if": ("rc_what_if", 0, 0),
    "cancel": ("rc_cancel", 0, 0),
    "ack": ("rc_on_ack", 0, 0),
    "fill": ("rc_on_fill", 0, 0),
    "quote": ("rc_on_quote", 0, 0),
    "size": ("rc_size", 0, 0),
    "position_risk": ("position: quote, mark, volatility, VaR, ES, stop, size", 0, 500),
    "portfolio_update": ("portfolio: sample, covariance, all risk figures", 0, 0),
    "sample": ("of which rc_on_sample", 0, 0),
    "dearest_slice": (f"of which the dearest rc_advance({SLICE_ROWS})", 5_000, 0),
    "portfolio_risk": ("of which rc_portfolio_risk", 0, 0),
}
UPDATE_TARGETS = {64: 2_000.0, 512: 50_000.0}  # p50 of a portfolio update by instruments, ns
REFERENCES = ("reference", "reference_wide")


def find_compiler() -> str | None:
    """A C compiler, if there is one."""
    return os.environ.get("CC") or shutil.which("gcc") or shutil.which("cc")


def constants(shape: Shape) -> str:
    """Text of layout.h: where driver.c finds the few fields it touches."""
    state, order = state_dtype(shape), record_dtype("order", shape)
    decision, signal = record_dtype("decision", shape), record_dtype("signal", shape)

    def offset(dtype: Any, *path: str) -> int:
        total = 0
        for name in path:
            dtype, start = dtype.fields[name][:2]
            total += start
        return total

    values = {
        "ORDER_SIZE": order.itemsize,
        "ORDER_TIME_NS": offset(order, "time_ns"),
        "ORDER_CLIENT_ID": offset(order, "client_id"),
        "ORDER_INSTRUMENT": offset(order, "instrument"),
        "ORDER_STRATEGY": offset(order, "strategy"),
        "ORDER_SIDE": offset(order, "side"),
        "ORDER_PRICE_TICKS": offset(order, "price_ticks"),
        "DECISION_HANDLE": offset(decision, "handle"),
        "SIGNAL_INSTRUMENT": offset(signal, "instrument"),
        "STATE_INSTRUMENT_COUNT": offset(state, "header", "instrument_count"),
        "STATE_LAST_TIME_NS": offset(state, "header", "last_time_ns"),
        "STATE_OPEN_ORDERS": offset(state, "account", "open_orders"),
        "SLICE_ROWS": SLICE_ROWS,
    }
    return "".join(f"#define {name} {value}\n" for name, value in values.items())


class Harness:
    """One shape's library and driver in a directory of its own.

    Parameters
    ----------
    directory : Path
        Made if needed.
    shape : Shape
    cpu : str
        As in `emit`; the host's level of the two in the wheel if empty.
    """

    def __init__(self, directory: Path, shape: Shape, cpu: str = "") -> None:
        compiler = find_compiler()
        if compiler is None:
            raise RuntimeError("the native harness needs a C compiler: install gcc")
        self.directory = directory
        self.shape = shape
        self.cpu = cpu or host_level()
        emit(directory, shape, self.cpu)
        (directory / "layout.h").write_text(constants(shape))
        self.program = directory / "driver"
        done = subprocess.run(
            [*compiler.split(), "-O2", "-march=x86-64-v2", f"-I{directory}", "-o",
             str(self.program), str(HERE / "native" / "driver.c"),
             str(directory / "lib" / "libriskcore.a")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"driver.c does not compile: {done.stderr.strip()[:400]}")

    def prepare(self, instruments: int, open_orders: int) -> Path:
        """Write an account and its orders; returns their directory."""
        place = self.directory / f"{instruments}-{open_orders}"
        place.mkdir(exist_ok=True)
        engine = NativeEngine(self.shape, self.cpu)
        workload.build(engine, instruments, open_orders)
        (place / "state.bin").write_bytes(engine.state_bytes())
        for orders in workload.orders(instruments):
            (place / f"orders-{orders.name}.bin").write_bytes(orders.records.tobytes())
        (place / "quotes.bin").write_bytes(workload.quotes(instruments, 64, seed=7).tobytes())
        (place / "signal.bin").write_bytes(workload.signal().tobytes())
        return place

    def run(
        self, place: Path, cases: list[str], rounds: int, samples: int, core: int = -1
    ) -> dict[str, Any]:
        """Run the driver; its JSON.

        Parameters
        ----------
        place : Path
            From `prepare`.
        cases : list of str
            Names of CASES or REFERENCES.
        rounds, samples : int
            Rounds of so many calls each.
        core : int
            Core to run on, -1 for any.
        """
        done = subprocess.run(
            [str(self.program), str(place), str(core), str(rounds), str(samples), *cases],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr.strip() or f"the driver ended with {done.returncode}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def figures(answer: dict[str, Any]) -> list[Figure]:
    """The driver's answer as figures."""
    instruments, open_orders = answer["instruments"], answer["open_orders"]
    found = []
    for name, case in answer["cases"].items():
        if name in REFERENCES:
            continue
        title, target_p50, target_p999 = CASES[name]
        work = f"{instruments} instruments"
        if name.startswith("check") or name == "what_if":
            work += f", {open_orders} open orders"
        if name == "portfolio_update":
            target_p50 = UPDATE_TARGETS.get(instruments, 0.0)
        found.append(
            Figure(
                NATIVE,
                title,
                work,
                case["p50"],
                case["p99"],
                case["p999"],
                case["max_best"],
                case["p50_best"],
                answer["timer_ns"],
                target_p50,
                target_p999,
            )
        )
    return found
