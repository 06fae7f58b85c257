"""What a replay leaves behind: a report on the screen, tables, a picture.

``write_files`` makes ``summary.json``, ``decisions.parquet``, ``fills.parquet``,
``equity.parquet`` and ``replay.png`` in one folder. The tables hold enough to check every decision
again without riskcore.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from riskcore import codes
from riskcore.layout import DECISION
from riskcore.replay.engine import PURPOSES, Run
from riskcore.replay.metrics import DAY_NS
from riskcore.replay.readers import DataError
from riskcore.replay.run import Result

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

SIDE_NAMES = {codes.BUY: "BUY", codes.SELL: "SELL"}
PICTURE_POINTS = 4_000  # more would not show
SHOWN_OBJECTIONS = 3
SHOWN_SOURCES = 2
LEAST_DAYS = 30  # below it a yearly figure says nothing
SIGNIFICANCE = 0.05  # of the VaR's test
EXPECTED_SHARE = 0.05  # of the bars that lose more than their 95 % VaR
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
        raise _unwritable(folder, error) from None
    return paths


def prepare_folder(folder: Path) -> None:
    """Make the folder and try to write in it: to be told after a long replay is too late."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder: Path, error: OSError) -> DataError:
    reason = error.strerror or str(error)
    return DataError(f"{folder}: cannot be written ({reason}); choose another --out")


# --- tables ---------------------------------------------------------------------------------------

# Unit and meaning of the columns that are no fields of the core's decision record.
_ASKED = {
    "time": ("ns", "when the order was decided, UTC"),
    "bar": ("-", "index of the bar at whose close it was decided"),
    "client_id": ("-", "number of the order"),
    "symbol": ("-", "instrument"),
    "purpose": (
        "code",
        "strategy: its own order; derisk: a reduction that the gate asked for; stop: a stop;"
        " settlement: the instrument's bars end",
    ),
    "side": ("code", "BUY or SELL"),
    "lots": ("lots", "asked"),
    "confidence": ("fraction", "of the strategy, 0 to 1"),
    "position_lots": ("lots", "position before the order, signed"),
    "mark_ticks": ("ticks", "close of the bar"),
    "mark": ("quote currency", "the same as a price"),
    "contract_value": ("money", "of one lot at one tick"),
    "action": ("code", "APPROVE, RESIZE or REJECT"),
    "reasons_0": ("bits", "objections of the checks 0 to 62, by number"),
    "reasons_1": ("bits", "objections of the checks from 64, by number less 64"),
    "reason_names": ("-", "names of every check that objected to the order as asked"),
    "first_check": ("-", "lowest layer's first objection, missing where there is none"),
    "layer": ("-", "its layer, none where there is none"),
    "latency_ns": ("ns", "time that the call took from Python, the timer included"),
}
_FILLS = {
    "run": ("-", "protected or unprotected"),
    "time": ("ns", "of the execution, UTC"),
    "bar": ("-", "index of the bar"),
    "symbol": ("-", "instrument"),
    "side": ("code", "BUY or SELL"),
    "lots": ("lots", "executed"),
    "quantity": ("units of the instrument", "the same as a quantity"),
    "price_ticks": ("ticks", "of the execution"),
    "price": ("quote currency", "the same as a price"),
    "notional": ("money", "quantity x price"),
    "fee": ("money", "paid"),
}


def _columns_of(columns: dict[str, Any], described: dict[str, tuple[str, str]]) -> pa.Table:
    """A table whose fields carry unit and meaning as metadata."""
    import pyarrow as pa

    arrays = [
        column if isinstance(column, pa.Array) else pa.array(np.ascontiguousarray(column))
        for column in columns.values()
    ]
    fields = [
        pa.field(name, array.type, metadata=dict(zip(("unit", "meaning"), told, strict=True)))
        for name, array, told in zip(
            columns, arrays, (described[name] for name in columns), strict=True
        )
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _times(values: NDArray[np.int64]) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, pa.int64()).cast(pa.timestamp("ns", tz="UTC"))


def _labels(indices: NDArray[np.int64], names: list[str]) -> pa.Array:
    """A dictionary-encoded column of names."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), pa.array(names))


def decisions_table(result: Result) -> pa.Table:
    """One row per question to the gate.

    The order as asked (``symbol, side, lots, mark`` in the quote currency and so on), the answer
    (``action, allowed_lots, exit_lots``), every objection as two bit words and as names, and the
    account at that moment. ``contract_value`` x ``mark_ticks`` is the money of one lot. Each
    column's unit and meaning are its metadata.
    """
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
        "first_check": _check_labels(decisions["first_check"]),
        "layer": _labels(decisions["layer"], list(codes.LAYER_NAMES)),
        "reasons_0": decisions["reasons"][:, 0],
        "reasons_1": decisions["reasons"][:, 1],
        "reason_names": _reason_names(decisions["reasons"]),
    }
    for name in DECISION_MONEY:
        columns[name] = decisions[name]
    for layer, name in enumerate(codes.LAYER_NAMES[1:]):
        columns[f"utilisation_{name}"] = decisions["utilisation"][:, layer]
    columns["latency_ns"] = result.log.latency_ns
    told = {field.name: (field.unit, field.meaning) for field in DECISION}
    described = {**told, "allowed_lots": told["lots"], **_ASKED}
    for name in codes.LAYER_NAMES[1:]:
        described[f"utilisation_{name}"] = (
            told["utilisation"][0],
            f"largest measure / limit of the layer {name}, for the lots asked",
        )
    return _columns_of(columns, described)


def _check_labels(numbers: NDArray[np.int64]) -> pa.Array:
    """Names of checks; missing where the number is negative."""
    import pyarrow as pa

    seen, inverse = np.unique(numbers, return_inverse=True)
    names = pa.array(
        [codes.CHECKS[int(number)].name if number >= 0 else None for number in seen], pa.string()
    )
    return names.take(pa.array(inverse.reshape(-1))).dictionary_encode()


def _reason_names(words: NDArray[np.int64]) -> pa.Array:
    """Names of all objections of each decision, as lists."""
    import pyarrow as pa

    pairs, inverse = np.unique(words, axis=0, return_inverse=True)
    lists = pa.array([codes.check_names((int(a), int(b))) for a, b in pairs], pa.list_(pa.string()))
    return lists.take(pa.array(inverse.reshape(-1)))


def fills_table(result: Result) -> pa.Table:
    """Executions of both runs; ``price`` in the quote currency, ``fee`` in dollars."""
    import pyarrow as pa

    tables = []
    for run in (result.protected, result.unprotected):
        fills = {name: np.array(column) for name, column in run.fills.items()}
        instrument = fills["instrument"].astype(np.int64)
        ticks = np.array([terms.tick_size for terms in result.panel.terms])
        sizes = np.array([terms.lot_size for terms in result.panel.terms])
        lots, price_ticks = (fills[name].astype(np.int64) for name in ("lots", "price_ticks"))
        quantity, price = lots * sizes[instrument], price_ticks * ticks[instrument]
        side = (1 - fills["side"].astype(np.int64)) // 2
        tables.append(
            _columns_of(
                {
                    "run": _labels(np.zeros(len(side), dtype=np.int64), [run.name]),
                    "time": _times(fills["time_ns"].astype(np.int64)),
                    "bar": fills["bar"].astype(np.int64),
                    "symbol": _labels(instrument, list(result.panel.symbols)),
                    "side": _labels(side, [SIDE_NAMES[1], SIDE_NAMES[-1]]),
                    "lots": lots,
                    "quantity": quantity,
                    "price_ticks": price_ticks,
                    "price": price,
                    "notional": quantity * price,
                    "fee": fills["fee"].astype(np.float64),
                },
                _FILLS,
            )
        )
    return pa.concat_tables(tables).unify_dictionaries()


def equity_table(result: Result) -> pa.Table:
    """One row per bar: equity of each run at the close, its range in it, gross, budget."""
    panel = result.panel
    value = np.array([terms.contract_value for terms in panel.terms])
    columns: dict[str, Any] = {"time": _times(panel.close_ns)}
    described = {"time": ("ns", "close of the bar, UTC")}
    for run in (result.protected, result.unprotected):
        columns[run.name] = np.ascontiguousarray(run.equity)
        described[run.name] = ("money", f"equity of the {run.name} run at the close")
    for run in (result.protected, result.unprotected):
        columns[f"{run.name}_low"] = run.path.min(axis=1)
        columns[f"{run.name}_high"] = run.path.max(axis=1)
        columns[f"{run.name}_gross"] = np.abs(run.held * value * panel.marks[:, -1]).sum(axis=1)
        described[f"{run.name}_low"] = ("money", "its lowest in the bar")
        described[f"{run.name}_high"] = ("money", "its highest in the bar")
        described[f"{run.name}_gross"] = ("money", "sum of absolute positions at the close")
    columns["budget"] = result.log.budget
    described["budget"] = ("money", "drawdown budget of the protected run at the close")
    return _columns_of(columns, described)


# --- picture --------------------------------------------------------------------------------------


def draw(result: Result, path: Path) -> None:
    """Equity, drawdown against its limit, and exposure, protected beside unprotected."""
    import matplotlib

    matplotlib.use("Agg")
    # Its list of fonts is the user's, who may have removed some: another one does as well.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    from matplotlib import dates, pyplot

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
    deepest = 0.0
    for run in (result.protected, result.unprotected):
        fall = -100.0 * _drawdowns(run, step)
        deepest = min(deepest, float(np.nanmin(fall)))
        axes[2].plot(times, fall, color=colours[run.name], lw=0.8, label=run.name)
    axes[2].axhline(-100.0 * limit, color="black", ls="--", lw=1.0, label="limit")
    # Linear to twice the limit, logarithmic below where the twin falls many times as far.
    if deepest < -200.0 * limit:
        axes[2].set_yscale("symlog", linthresh=200.0 * limit)
    axes[2].set_ylim(top=0.0)
    axes[2].set_ylabel("drawdown, %")
    axes[2].set_title(f"drawdown, wicks included; limit {100 * limit:g} %", loc="left")
    axes[2].legend(loc="lower right")
    for name, share in gross.items():
        axes[3].plot(times, 100.0 * share[::step], color=colours[name], lw=0.6, label=name)
    axes[3].set_yscale("symlog", linthresh=0.1)
    axes[3].set_ylabel("gross exposure, % of equity")
    axes[3].legend(loc="upper right")
    axes[3].xaxis.set_major_formatter(dates.ConciseDateFormatter(dates.AutoDateLocator()))
    for axis in axes:
        axis.grid(alpha=0.3)
    figure.suptitle(
        f"{_source(result)}: {', '.join(result.panel.symbols)}; limits: {result.config}",
        parse_math=False,
    )
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
    """The report on the screen: 80 columns by 24 lines do for one instrument."""
    from rich.markup import escape
    from rich.table import Table

    summary = result.summary
    _flow(
        console,
        [
            f"[bold]{escape(_source(result))}[/]",
            escape(", ".join(summary["instruments"])),
            f"{summary['start'][:10]} to {summary['end'][:10]}",
            f"{summary['bars']:,} bars of {_span(summary['interval_seconds'])}",
            f"limits: {escape(summary['config'])}",
        ],
        "  ",
    )
    for note in summary["notes"]:
        _flow(console, ["[yellow]note[/]", *escape(note).split()], " ")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for name in ("protected", "unprotected"):
        table.add_column(name, justify="right")
    first, second = (summary["runs"][name] for name in ("protected", "unprotected"))
    days = (result.history.end_ns - result.history.start_ns) / DAY_NS
    for label, key, form in _ROWS:
        if key in _YEARLY and days < LEAST_DAYS:
            table.add_row(label, "-", "-")
        else:
            table.add_row(label, form(first[key]), form(second[key]))
    expected = f"95 % VaR exceeded (expected {100 * EXPECTED_SHARE:g} %)"
    table.add_row(expected, _exceeded(first), _exceeded(second))
    console.print(table, highlight=False)
    _show_comparison(summary, console)
    _show_gate(summary["gate"], console)
    _show_speed(summary, console)


def _flow(console: Console, parts: list[str], joint: str) -> None:
    """Print parts one after the other; lines break between parts only, and are then indented."""
    from rich.text import Text

    line, used = "", 0
    for part in parts:
        width = Text.from_markup(part).cell_len
        if line and used + len(joint) + width > console.width:
            console.print(line + joint.rstrip(), highlight=False, soft_wrap=True)
            line, used = f"  {part}", 2 + width
        else:
            line += (joint if line else "") + part
            used += (len(joint) if used else 0) + width
    console.print(line, highlight=False, soft_wrap=True)


def _source(result: Result) -> str:
    """Where the history comes from, in a few words."""
    sources = result.history.source.split(", ")
    if len(sources) > SHOWN_SOURCES:
        return f"{sources[0]} and {len(sources) - 1} more"
    return result.history.source


def _percent(value: float) -> str:
    return f"{100.0 * value:,.3f} %"


def _exceeded(run: dict[str, Any]) -> str:
    """Share of the bars with a position that lost more than their VaR; a word if it is far off."""
    if not run["var_bars"]:
        return "-"
    share = run["var_exceedances"] / run["var_bars"]
    word = ""
    if run["kupiec_p_value"] < SIGNIFICANCE:
        word = "cautious, " if share < EXPECTED_SHARE else "too often, "
    return f"{word}{100.0 * share:.2f} %"


_YEARLY = ("yearly_return", "volatility", "sharpe")
_ROWS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("return", "total_return", _percent),
    ("return a year", "yearly_return", _percent),
    ("volatility a year", "volatility", _percent),
    ("Sharpe ratio", "sharpe", "{:.2f}".format),
    ("largest drawdown", "max_drawdown", _percent),
    ("worst day", "worst_day", _percent),
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
    _flow(
        console,
        [
            f"drawdown limit {100.0 * row['max_drawdown_limit']:g} % {verdict}",
            f"at any event {_percent(row['max_drawdown'])}",
            f"cushion {100.0 * row['final_cushion']:.0f} %",
            f"correlation {row['return_correlation']:.3f}",
        ],
        ", ",
    )


def _show_gate(gate: dict[str, Any], console: Console) -> None:
    actions, purposes = gate["strategy"], gate["purposes"]
    _flow(
        console,
        [
            f"strategy's orders: {purposes['strategy']:,}",
            f"{actions['APPROVE']:,} approved",
            f"{actions['RESIZE']:,} resized",
            f"{actions['REJECT']:,} rejected",
        ],
        ", ",
    )
    own = [f"gate's own: {purposes['derisk']:,} reductions", f"{purposes['stop']:,} stops"]
    if purposes["settlement"]:
        own.append(f"{purposes['settlement']:,} settlements")
    latched = [f"{gate['bars_latched']:,} bars latched", f"{gate['manual_resets']} resets by hand"]
    _flow(console, [*own, *latched], ", ")
    objections = list(gate["objections"].items())
    listed = [f"{name} {count:,}" for name, count in objections[:SHOWN_OBJECTIONS]]
    more = len(objections) - SHOWN_OBJECTIONS
    if more > 0:
        listed.append(f"{more} others")
    listed = listed or ["none"]
    _flow(console, [f"objections: {listed[0]}", *listed[1:]], ", ")


def _show_speed(summary: dict[str, Any], console: Console) -> None:
    latency, speed = summary["check_latency_ns"], summary["speed"]
    if latency["calls"]:
        _flow(
            console,
            [
                f"check from Python: p50 {latency['p50']:,} ns",
                f"p99 {latency['p99']:,} ns",
                f"p99.9 {latency['p99.9']:,} ns",
                f"timer {latency['timer']} ns",
            ],
            ", ",
        )
    # Without commas in the numbers all of them fit on one line.
    others = [
        f"{name} {took['p50']}/{took['p99']}"
        for name, took in summary["call_latency_ns"].items()
        if took["calls"]
    ]
    if others:
        _flow(console, [f"p50/p99 ns: {others[0]}", *others[1:]], ", ")
    _flow(
        console,
        [
            f"core: {speed['market_events_per_second']:,} market events/s",
            f"whole replay {speed['seconds']:.2f} s",
            str(speed["cpu"]),
        ],
        ", ",
    )
