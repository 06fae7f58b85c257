"""What a replay leaves behind: a report on the screen, tables, a picture.

``write_files`` makes ``summary.json``, ``decisions.parquet``, ``fills.parquet``,
``equity.parquet`` and ``replay.png`` in one folder. The tables hold enough to check every decision
again without riskcore.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from riskcore import codes
from riskcore.replay.engine import PURPOSES, Run
from riskcore.replay.readers import DataError
from riskcore.replay.run import Result

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

SIDE_NAMES = {codes.BUY: "BUY", codes.SELL: "SELL"}
PICTURE_POINTS = 4_000  # more would not show
SHOWN_OBJECTIONS = 8
DECISION_MONEY = (
    "equity",
    "budget",
    "var_before",
    "var_after",
    "gross_before",
    "gross_after",
    "stress_before",
    "stress_after",
)


def write_files(result: Result, folder: Path) -> list[Path]:
    """Write every output file into ``folder``, which is made if need be.

    Returns
    -------
    list of Path
        The files written.
    """
    import pyarrow.parquet as pa_parquet

    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / "summary.json"]
        paths[0].write_text(json.dumps(result.summary, indent=2, sort_keys=False) + "\n")
        for name, table in (
            ("decisions", decisions_table(result)),
            ("fills", fills_table(result)),
            ("equity", equity_table(result)),
        ):
            paths.append(folder / f"{name}.parquet")
            pa_parquet.write_table(table, paths[-1], compression="zstd")
        paths.append(folder / "replay.png")
        draw(result, paths[-1])
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{folder}: cannot be written ({reason}); choose another --out") from None
    return paths


def _times(values: NDArray[np.int64]) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, pa.int64()).cast(pa.timestamp("ns", tz="UTC"))


def _labels(indices: NDArray[np.int64], names: list[str]) -> pa.Array:
    """A dictionary-encoded column of names."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), pa.array(names))


def decisions_table(result: Result) -> pa.Table:
    """One row per question to the gate.

    The order as asked (``symbol, side, lots, price`` in the quote currency and so on), the answer
    (``action, allowed_lots, exit_lots``), every objection as two bit words and as names, and the
    account at that moment. ``contract_value`` x ``mark_ticks`` is the money of one lot.
    """
    import pyarrow as pa

    asked, decisions = result.log.asked, result.log.decisions
    symbols = list(result.panel.symbols)
    instrument = asked["instrument"]
    ticks = np.array([terms.tick_size for terms in result.panel.terms])
    value = np.array([terms.contract_value for terms in result.panel.terms])
    actions = [codes.ACTION_NAMES[code] for code in sorted(codes.ACTION_NAMES)]
    columns: dict[str, Any] = {
        "time": _times(asked["time_ns"]),
        "bar": asked["bar"],
        "client_id": asked["client_id"],
        "symbol": _labels(instrument, symbols),
        "purpose": _labels(asked["purpose"], list(PURPOSES)),
        "side": _labels((1 - asked["side"]) // 2, [SIDE_NAMES[1], SIDE_NAMES[-1]]),
        "lots": asked["lots"],
        "confidence": asked["confidence"],
        "position_lots": asked["position_lots"],
        "mark_ticks": asked["mark_ticks"],
        "mark": asked["mark_ticks"] * ticks[instrument],
        "contract_value": value[instrument],
        "action": _labels(decisions["action"], actions),
        "allowed_lots": decisions["lots"],
        "exit_lots": decisions["exit_lots"],
        "price_ticks": decisions["price_ticks"],
        "handle": decisions["handle"],
        "first_check": decisions["first_check"],
        "layer": decisions["layer"],
        "reasons_0": decisions["reasons"][:, 0],
        "reasons_1": decisions["reasons"][:, 1],
        "reason_names": _reason_names(decisions["reasons"]),
    }
    for name in DECISION_MONEY:
        columns[name] = decisions[name]
    for layer, name in enumerate(codes.LAYER_NAMES[1:]):
        columns[f"utilisation_{name}"] = decisions["utilisation"][:, layer]
    columns["latency_ns"] = result.log.latency_ns
    return pa.table(
        {
            name: column if isinstance(column, pa.Array) else np.ascontiguousarray(column)
            for name, column in columns.items()
        }
    )


def _reason_names(words: NDArray[np.int64]) -> pa.Array:
    """Names of all objections of each decision, separated by blanks."""
    pairs, inverse = np.unique(words, axis=0, return_inverse=True)
    names = [" ".join(codes.check_names((int(a), int(b)))) for a, b in pairs]
    return _labels(inverse.reshape(-1), names or [""])


def fills_table(result: Result) -> pa.Table:
    """Executions of both runs; ``price`` in the quote currency, ``fee`` in dollars."""
    import pyarrow as pa

    tables = []
    for run in (result.protected, result.unprotected):
        fills = {name: np.array(column) for name, column in run.fills.items()}
        instrument = fills["instrument"].astype(np.int64)
        ticks = np.array([terms.tick_size for terms in result.panel.terms])
        side = (1 - fills["side"].astype(np.int64)) // 2
        tables.append(
            pa.table(
                {
                    "run": _labels(np.zeros(len(side), dtype=np.int64), [run.name]),
                    "time": _times(fills["time_ns"].astype(np.int64)),
                    "bar": fills["bar"].astype(np.int64),
                    "symbol": _labels(instrument, list(result.panel.symbols)),
                    "side": _labels(side, [SIDE_NAMES[1], SIDE_NAMES[-1]]),
                    "lots": fills["lots"].astype(np.int64),
                    "price_ticks": fills["price_ticks"].astype(np.int64),
                    "price": fills["price_ticks"].astype(np.int64) * ticks[instrument],
                    "fee": fills["fee"].astype(np.float64),
                }
            )
        )
    return pa.concat_tables(tables).unify_dictionaries()


def equity_table(result: Result) -> pa.Table:
    """One row per bar: equity of each run at the close, its range in it, gross, budget."""
    import pyarrow as pa

    panel = result.panel
    value = np.array([terms.contract_value for terms in panel.terms])
    columns: dict[str, Any] = {"time": _times(panel.close_ns)}
    for run in (result.protected, result.unprotected):
        columns[run.name] = np.ascontiguousarray(run.equity)
    for run in (result.protected, result.unprotected):
        columns[f"{run.name}_low"] = run.path.min(axis=1)
        columns[f"{run.name}_high"] = run.path.max(axis=1)
        columns[f"{run.name}_gross"] = np.abs(run.held * value * panel.marks[:, -1]).sum(axis=1)
    columns["budget"] = result.log.budget
    return pa.table(columns)


# --- picture --------------------------------------------------------------------------------------


def draw(result: Result, path: Path) -> None:
    """Equity, drawdown against its limit, and exposure, protected beside unprotected."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    limit = result.limits["max_drawdown"]
    step = max(1, len(result.panel) // PICTURE_POINTS)
    times = result.panel.close_ns.astype("datetime64[ns]")[::step]
    figure, axes = pyplot.subplots(4, 1, figsize=(11, 12), sharex=True, layout="constrained")
    gross = {run.name: _gross(result, run) for run in (result.protected, result.unprotected)}
    colours = {"protected": "tab:green", "unprotected": "tab:red"}
    start = result.protected.path[0, 0]
    for axis, run in zip(axes, (result.unprotected, result.protected), strict=False):
        axis.plot(
            times, 100.0 * (run.equity[::step] / start - 1.0), color=colours[run.name], lw=0.9
        )
        axis.set_ylabel("return, %")
        axis.set_title(run.name, loc="left")
    fall = -100.0 * _drawdowns(result.protected, step)
    axes[2].fill_between(times, fall, color=colours["protected"], alpha=0.5, lw=0.0)
    axes[2].axhline(-100.0 * limit, color="black", ls="--", lw=1.0)
    axes[2].set_ylabel("drawdown, %")
    axes[2].set_title(f"protected drawdown, wicks included; limit {100 * limit:g} %", loc="left")
    for name, share in gross.items():
        axes[3].plot(times, 100.0 * share[::step], color=colours[name], lw=0.6, label=name)
    axes[3].set_yscale("symlog", linthresh=0.1)
    axes[3].set_ylabel("gross exposure, % of equity")
    axes[3].legend(loc="upper right")
    for axis in axes:
        axis.grid(alpha=0.3)
    figure.suptitle(f"{result.history.source}: {', '.join(result.panel.symbols)}")
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _gross(result: Result, run: Run) -> NDArray[np.float64]:
    """Gross exposure at each close as a share of equity."""
    value = np.array([terms.contract_value for terms in result.panel.terms])
    money = np.abs(run.held * value * result.panel.marks[:, -1]).sum(axis=1)
    return np.asarray(money / np.where(run.equity > 0.0, run.equity, np.inf))


def _drawdowns(run: Run, step: int) -> NDArray[np.float64]:
    """Largest drawdown within each group of ``step`` bars."""
    path = run.path.ravel()
    fall = (1.0 - path / np.maximum.accumulate(path)).reshape(run.path.shape).max(axis=1)
    return np.asarray(np.maximum.reduceat(fall, np.arange(0, len(fall), step)))


# --- screen ---------------------------------------------------------------------------------------


def show(result: Result, console: Console) -> None:
    """The report on the screen."""
    from rich.table import Table

    summary = result.summary
    console.print(
        f"[bold]{summary['source']}[/]  {', '.join(summary['instruments'])}"
        f"  {summary['start'][:10]} to {summary['end'][:10]}"
        f"  {summary['bars']:,} bars of {_span(summary['interval_seconds'])}"
        f"  limits: {summary['config']}",
        highlight=False,
    )
    for note in summary["notes"]:
        console.print(f"  [yellow]note[/] {note}", highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for name in ("protected", "unprotected"):
        table.add_column(name, justify="right")
    first, second = (summary["runs"][name] for name in ("protected", "unprotected"))
    for label, key, form in _ROWS:
        table.add_row(label, form(first[key]), form(second[key]))
    table.add_row("95 % VaR exceeded", _exceeded(first), _exceeded(second))
    console.print(table, highlight=False)
    _show_comparison(summary, console)
    _show_gate(summary["gate"], console)
    _show_speed(summary, console)


def _percent(value: float) -> str:
    return f"{100.0 * value:,.3f} %"


def _exceeded(run: dict[str, Any]) -> str:
    """Share of the bars with a position that lost more than their VaR, and Kupiec's p-value."""
    share = run["var_exceedances"] / max(run["var_bars"], 1)
    return f"{100.0 * share:.2f} % (p {run['kupiec_p_value']:.2g})"


_ROWS = (
    ("return", "total_return", _percent),
    ("return a year", "yearly_return", _percent),
    ("volatility a year", "volatility", _percent),
    ("Sharpe ratio", "sharpe", "{:.2f}".format),
    ("largest drawdown", "max_drawdown", _percent),
    ("worst day", "worst_day", _percent),
    ("best day", "best_day", _percent),
    ("turnover, times equity", "turnover", "{:,.2f}".format),
    ("fees, dollars", "fees", "{:,.2f}".format),
    ("fills", "fills", "{:,}".format),
    ("time in market", "time_in_market", _percent),
)


def _span(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


def _show_comparison(summary: dict[str, Any], console: Console) -> None:
    row = summary["comparison"]
    verdict = "[green]held[/]" if row["limit_held"] else "[red]BROKEN[/]"
    console.print(
        f"drawdown limit {_percent(row['max_drawdown_limit'])} {verdict}"
        f" (largest seen {_percent(row['max_drawdown'])}),"
        f" cushion left {_percent(row['final_cushion'])};"
        f" correlation of returns {row['return_correlation']:.3f},"
        f" time in market {row['time_in_market_ratio']:.3f} of the twin's",
        highlight=False,
    )


def _show_gate(gate: dict[str, Any], console: Console) -> None:
    actions = gate["actions"]
    console.print(
        f"gate: {gate['orders']:,} orders, {actions['APPROVE']:,} approved,"
        f" {actions['RESIZE']:,} resized, {actions['REJECT']:,} rejected;"
        f" {gate['purposes']['derisk']:,} reductions, {gate['purposes']['stop']:,} stops,"
        f" {gate['bars_latched']:,} bars latched, {gate['manual_resets']} resets by hand",
        highlight=False,
    )
    objections = list(gate["objections"].items())
    listed = ", ".join(f"{name} {count:,}" for name, count in objections[:SHOWN_OBJECTIONS])
    more = len(objections) - SHOWN_OBJECTIONS
    console.print(
        f"objections: {listed or 'none'}" + (f", {more} others" if more > 0 else ""),
        highlight=False,
    )


def _show_speed(summary: dict[str, Any], console: Console) -> None:
    latency, speed = summary["check_latency_ns"], summary["speed"]
    if latency["calls"]:
        console.print(
            f"check from Python: p50 {latency['p50']:,} ns, p99 {latency['p99']:,} ns,"
            f" p99.9 {latency['p99.9']:,} ns, max {latency['max']:,} ns"
            f" (timer {latency['timer']} ns included)",
            highlight=False,
        )
    console.print(
        f"core: {speed['market_events_per_second']:,} market events/s,"
        f" {speed['core_bars_per_second']:,} bars/s;"
        f" whole replay {speed['seconds']:.2f} s, {speed['bars_per_second']:,} bars/s"
        f" ({speed['cpu']})",
        highlight=False,
    )
