"""The command ``riskcore``: replay, journal, control, check limits, list checks, emit, profile.

Every command has ``--help``. A mistake of the user's is one line on stderr that says what to do,
and exit code 2; a failure, such as a broken drawdown limit, is exit code 1; a kill, a reset or
limits that still wait for the engine are exit code 3. Modules that take long to load are loaded by
the command that needs them.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

OK = 0
FAILURE = 1
BAD_INPUT = 2
WAITS = 3
INTERRUPTED = 130

# Of an option or an argument; where typer keeps the class differs from version to version.
UsageError: Any = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="riskcore",
    help="Pre-trade risk gate: replay history, check configurations, emit the native library.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> NoReturn:
    """Run the command line; every exception becomes one line and an exit code."""
    try:
        code = app(prog_name="riskcore", standalone_mode=False)
    except UsageError as error:
        message = " ".join(error.format_message().split())
        if type(error).__name__ != "NoArgsIsHelpError":
            command = error.ctx.command_path if error.ctx else "riskcore"
            _complain(f"{message} See {command} --help.")
        elif message:  # the help, unless it was shown already
            error.show()
        sys.exit(BAD_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone, as with ``| head``: nothing is left to say.
        sys.stderr.close()
        sys.exit(FAILURE)
    if code == INTERRUPTED:
        _complain("interrupted")
    sys.exit(code or OK)


def _complain(message: str) -> None:
    for line in message.splitlines():
        if line.strip():
            typer.echo(f"riskcore: {' '.join(line.split())}", err=True)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turn the package's own exceptions into one line and an exit code."""
    from riskcore.errors import PlaceError, RiskCoreError, TornError

    try:
        yield
    except (typer.Exit, BrokenPipeError):
        raise
    except PlaceError as error:
        _complain(str(error))
        raise typer.Exit(FAILURE if isinstance(error, TornError) else BAD_INPUT) from None
    except MemoryError:
        _complain("out of memory: take less at a time (replay has --from and --to)")
        raise typer.Exit(FAILURE) from None
    except (OSError, RuntimeError, ImportError) as error:
        _complain(str(error))
        raise typer.Exit(FAILURE) from None
    except (RiskCoreError, ValueError) as error:
        _complain(str(error))
        raise typer.Exit(BAD_INPUT) from None


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        from riskcore.layout import ABI_VERSION, Shape, layout_hash

        try:
            number = version("riskcore")
        except PackageNotFoundError:
            number = "(not installed)"
        typer.echo(f"riskcore {number}, ABI {ABI_VERSION}, layout {layout_hash(Shape()):016x}")
        raise typer.Exit(OK)


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Pre-trade risk gate: replay history, check configurations, emit the native library."""


# --- replay ---------------------------------------------------------------------------------------


@app.command()
def replay(
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            "-d",
            help="majors-30m, btc-1h, or a Parquet, Arrow or CSV file; may be repeated:"
            " files of one symbol are joined.",
            show_default="majors-30m",
        ),
    ] = None,
    config: Annotated[
        str, typer.Option("--config", "-c", help="Limits: default, growth, or a YAML file.")
    ] = "default",
    scenarios: Annotated[
        str, typer.Option("--scenarios", help="Stress scenarios: scenarios, or a YAML file.")
    ] = "scenarios",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for summary.json, decisions, fills and equity (Parquet), replay.png;"
            " with --journal, a file for the rebuilt state.",
        ),
    ] = None,
    journal: Annotated[
        str | None,
        typer.Option(
            "--journal",
            help="Rebuild an account from its journal instead: its folder, or shm:NAME.",
        ),
    ] = None,
    archive: Annotated[
        Path | None, typer.Option(help="With --journal: where its drained files are.")
    ] = None,
    equity: Annotated[float, typer.Option(help="Dollars at the start.")] = 1_000_000.0,
    symbols: Annotated[
        str | None, typer.Option(help="Only these symbols, separated by commas.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="First bar, such as 2020-03-01 (UTC).")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Bars before this time, such as 2020-04-01.")
    ] = None,
    fee: Annotated[float, typer.Option(help="Taker fee, fraction of notional, 0 to 0.1.")] = 0.0005,
    slippage: Annotated[
        float, typer.Option(help="Slippage, fraction of the price, 0 to 0.1.")
    ] = 0.0002,
    latency_bars: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Bars from a decision to its execution.")
    ] = 1,
    cooldown_hours: Annotated[
        float, typer.Option(min=0.0, max=1e6, help="Hours out of an instrument after a stop.")
    ] = 4.0,
    long_only: Annotated[bool, typer.Option("--long-only", help="Never go short.")] = False,
    drop_bad_rows: Annotated[
        bool, typer.Option("--drop-bad-rows", help="Drop rows with impossible prices.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print summary.json instead of the report.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Replay a trend strategy over a history, with and without the gate.

    The strategy asks for far more than the limits allow. The protected run sends every order
    through the gate; its twin does not. Exit code 1 tells that the drawdown limit was broken.
    Sampling and the time from a decision to its execution are the bars', whatever the file of
    limits says; venue and monitor report at every bar.

    With --journal: rebuild an account's state from its journal alone, archive and ring, and compare
    it byte for byte with the live state, or with the newest checkpoint where the writer does not
    pause. Exit code 1 tells that they differ.
    """
    if journal is not None:
        _replay_journal(journal, data, archive, out, as_json=as_json, quiet=quiet)
        return
    with _one_line_errors():
        from rich.console import Console

        from riskcore.replay.readers import parse_time, read_histories
        from riskcore.replay.run import replay as run_replay
        from riskcore.replay.summary import prepare_folder, show, write_files
        from riskcore.replay.venue import VenueModel
        from riskcore.strategies.trend import TrendStrategy

        console = Console()
        venue = VenueModel(fee=fee, slippage=slippage, latency_bars=latency_bars)
        if out is not None:
            prepare_folder(out)
        history = read_histories(
            data or ["majors-30m"],
            symbols=[s.strip() for s in symbols.split(",") if s.strip()] if symbols else None,
            start_ns=parse_time(start) if start else None,
            end_ns=parse_time(end) if end else None,
            drop_bad_rows=drop_bad_rows,
        )
        strategy = TrendStrategy(allow_short=not long_only)
        with _progress(hidden=as_json or quiet) as progress:
            result = run_replay(
                history,
                config=config,
                scenarios=scenarios,
                equity=equity,
                venue=venue,
                strategy=strategy.fitted_to(history.end_ns - history.start_ns),
                cooldown_hours=cooldown_hours,
                progress=progress,
            )
        if as_json:
            typer.echo(json.dumps(result.summary, indent=2))
        elif not quiet:
            show(result, console)
        if out is not None:
            paths = write_files(result, out)
            if not (as_json or quiet):
                typer.echo(f"wrote {len(paths)} files to {out}: summary.json, tables, picture")
        if not result.summary["comparison"]["limit_held"]:
            _complain("the drawdown limit was broken; see max_drawdown in the summary")
            raise typer.Exit(FAILURE)


def _replay_journal(
    place: str,
    data: list[str] | None,
    archive: Path | None,
    out: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Rebuild a state from a journal and say whether it is the one that was found."""
    with _one_line_errors():
        from riskcore.errors import InputError
        from riskcore.store.recovery import replay_journal

        if data:
            raise InputError("--data has no meaning beside --journal: allowed is one of them")
        result = replay_journal(place, archive=archive, out=out)
        difference = result.difference
        if as_json:
            row = {
                "place": place,
                "sequence": result.sequence,
                "compared_with": result.compared_with,
                "equal": result.equal,
                "difference": difference and vars(difference),
                "lost": result.lost,
                "checksum": result.checksum & (1 << 64) - 1,
            }
            typer.echo(json.dumps(row, indent=2))
        elif not quiet:
            against = result.compared_with or "nothing: there is no checkpoint"
            typer.echo(
                f"{place}: {result.sequence} records rebuilt; compared with {against}"
                + (": equal byte for byte" if result.equal else "")
            )
        if difference is not None:
            _complain(
                f"{place}: differs from {result.compared_with}: {difference.field} is "
                f"{difference.rebuilt} rebuilt, {difference.found} there"
            )
            if result.lost:
                _complain(
                    f"{result.lost} facts were applied without a record: the journal was full"
                )
        if not result.equal:
            raise typer.Exit(FAILURE)


@contextmanager
def _progress(*, hidden: bool) -> Iterator[Any]:
    """A progress bar on stderr, or nothing when it is no terminal or not wanted."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if hidden or not console.is_terminal:
        yield None
        return
    with Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bar:
        tasks: dict[str, Any] = {}

        def advance(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
            bar.update(tasks[name], completed=done)

        yield advance


# --- journal --------------------------------------------------------------------------------------

journal_app = typer.Typer(
    help="Drain and check the journal of an account.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(journal_app, name="journal")

PlaceArgument = Annotated[str, typer.Argument(help="The account's folder, or shm:NAME.")]
ArchiveOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the drained files; archive in the account's folder by default: shared"
        " memory needs one."
    ),
]


@journal_app.command()
def drain(
    place: PlaceArgument,
    once: Annotated[
        bool, typer.Option("--once", help="Drain what is committed by now, then exit.")
    ] = False,
    segment: Annotated[
        int | None, typer.Option(help="Records of a file; 16,384, or a quarter of the ring.")
    ] = None,
    format: Annotated[str, typer.Option("--format", help="parquet or arrow.")] = "parquet",
    flush: Annotated[
        float | None,
        typer.Option(
            help="Flush the ring to the medium every so many seconds. The journal survives a crash"
            " of the process without it; a power loss only up to the last flush. Without effect in"
            " shared memory."
        ),
    ] = None,
    archive: ArchiveOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Move full segments of the journal into files, and keep two checkpoints.

    Runs beside the engine until it is interrupted or terminated, then exits with code 0. It may be
    killed at any moment and started again: nothing is lost. One drainer at a time.
    """
    with _one_line_errors():
        from riskcore.store.drainer import Drainer

        drainer = Drainer(place, archive=archive, segment=segment, format=format, flush=flush)
        if not (quiet or once):
            typer.echo(
                f"watching {place}: files of {drainer.segment} records go to "
                f"{drainer.place.archive}; {drainer.journal.drained} of "
                f"{drainer.journal.committed} records are drained",
            )

        def tell(first: int, last: int) -> None:
            if not quiet:
                typer.echo(f"drained {first} to {last}")

        try:
            if once:
                before = drainer.journal.drained
                if drainer.drain_all():
                    tell(before + 1, drainer.journal.drained)
                elif not quiet:
                    typer.echo(f"nothing to drain: all {before} records are drained")
            else:
                _until_terminated(lambda stopped: drainer.run(stopped, tell))
        finally:
            drainer.close()


def _until_terminated(run: Callable[[Callable[[], bool]], None]) -> None:
    """Call `run` with a question that SIGTERM and SIGINT answer with yes."""
    import signal

    told: list[int] = []
    kinds = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(kind, lambda number, _: told.append(number)) for kind in kinds]
    try:
        run(lambda: bool(told))
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


@journal_app.command("verify")
def verify_journal(
    place: PlaceArgument,
    archive: ArchiveOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check every record of archive and ring, and the checkpoints.

    Exit code 1 tells that something is torn or missing; each problem is one line on stderr.
    """
    with _one_line_errors():
        from riskcore.store.verify import verify

        report = verify(place, archive=archive)
        if as_json:
            typer.echo(json.dumps(vars(report), indent=2))
        else:
            typer.echo(
                f"{place}: {report.committed} records committed, {report.applied} applied, "
                f"{report.drained} drained; {sum(report.entries.values())} entries"
                + ("" if report.problems else ", all whole")
            )
            for name, sequence in report.checkpoints.items():
                typer.echo(f"  {name}: to record {sequence}")
            if report.authors:
                told = ", ".join(f"{name}: {count}" for name, count in report.authors.most_common())
                typer.echo(f"  control and limits by author: {told}")
        for problem in report.problems:
            _complain(problem)
        if report.problems:
            raise typer.Exit(FAILURE)


# --- control --------------------------------------------------------------------------------------

control_app = typer.Typer(
    help="Watch an account and steer it beside its engine: kill, reset, limits.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(control_app, name="control")

AuthorOption = Annotated[
    str, typer.Option("--author", "-a", help="Who asks: a name, kept in the journal.")
]
WaitOption = Annotated[
    float, typer.Option(min=0.0, max=3600.0, help="Seconds to wait for the engine to take it.")
]
ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="In the place of one that still waits.")
]


@control_app.command("show")
def show_account(
    place: PlaceArgument,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every field of the published page as JSON.")
    ] = False,
) -> None:
    """Say how an account stands: what its engine published last, and what waits for the engine."""
    with _one_line_errors():
        from riskcore.store.pages import ControlPage, PublishedPage

        control = ControlPage(place)
        committed = control.journal_sequence  # read first: what comes after the page is not behind
        page = PublishedPage(place).read()
        waits = {
            "kill": control.kill_waits,
            "request": control.request_waits,
            "limits": control.config_waits,
        }
        tables = {name: page.to_arrow(name).to_pylist() for name in page.blocks}
        behind = max(0, committed - tables["page"][0]["journal_sequence"])
        if as_json:
            typer.echo(json.dumps({**tables, "waits": waits, "records_behind": behind}, indent=2))
            return
        for line in _account_lines(tables, waits, behind):
            typer.echo(line)


def _account_lines(
    tables: dict[str, list[dict[str, Any]]], waits: dict[str, bool], behind: int
) -> list[str]:
    """An account on a screen."""
    from datetime import UTC, datetime

    from riskcore.codes import CANCEL_ONLY, NORMAL, REGIME_NAMES

    (page,) = tables["page"]
    seconds = page["last_time_ns"] // 1_000_000_000
    when = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    states = {NORMAL: "normal", CANCEL_ONLY: "cancel only (kill switch)"}
    author = page.get("parameters_author_name") or f"author {page['parameters_author']}"
    regimes = dict(enumerate(REGIME_NAMES))
    rows = [
        ("time", f"{when}, {page['event_count']} events"),
        ("state", states.get(page["state"], "reduce only")),
        ("latches", ", ".join(_latches(page["latches"])) or "none"),
        ("equity", f"{page['equity']:,.2f}, peak {page['high_water_mark']:,.2f}"),
        ("drawdown", f"{page['drawdown']:.3%}, largest so far {page['max_drawdown_seen']:.3%}"),
        ("today", f"loss {page['daily_loss']:.3%}, turnover {page['turnover_day']:,.2f}"),
        ("regime", str(regimes.get(page["regime"], page["regime"]))),
        ("orders", f"{page['open_orders']} open, {page['unknown_orders']} of unknown fate"),
        ("limits", f"version {page['parameters_version']} by {author}"),
    ]
    if page["journal_lost"] or page["journal_refused"]:
        told = f"{page['journal_refused']} events refused, {page['journal_lost']} facts not written"
        rows.append(("journal", f"was full: {told}"))
    if behind:
        rows.insert(1, ("since", f"{behind} more records in the journal, not published yet"))
    used = {name.removesuffix("_used"): page[name] for name in page if name.endswith("_used")}
    largest = sorted(used.items(), key=lambda item: -item[1])
    parts = [f"{name.replace('_', ' ')} {share:.0%}" for name, share in largest if share >= 0.005]
    rows.append(("used", ", ".join(parts) or "nothing of any limit"))
    waiting = [name for name, waits_now in waits.items() if waits_now]
    if waiting:
        rows.append(("waiting", f"{', '.join(waiting)}: for the engine's next event"))
    lines = [f"{name:<9} {text}" for name, text in rows]
    for row in tables["positions"]:
        held = ", ".join(_latches(row["position_latches"]))
        lines.append(
            f"  {row['instrument']}: {row['position_lots']} lots, {row['position_value']:,.2f}, "
            f"VaR {row['position_var']:,.2f}" + (f"; latched: {held}" if held else "")
        )
    return lines


def _latches(bits: int) -> list[str]:
    from riskcore import codes

    return [
        name.removeprefix("LATCH_").lower().replace("_", " ")
        for name, bit in vars(codes).items()
        if name.startswith("LATCH_") and bits & bit
    ]


@control_app.command()
def kill(place: PlaceArgument, author: AuthorOption, wait: WaitOption = 1.0) -> None:
    """Pull the kill switch: from the engine's next event on nothing leaves but cancels.

    Exit code 3: it waits for that event.
    """
    with _one_line_errors():
        from riskcore.store.pages import ControlPage

        control = ControlPage(place)
        control.kill(author)
        if _taken(lambda: control.kill_waits, wait):
            typer.echo("killed: nothing leaves but cancels")
        else:
            _tell_waiting("the kill switch is pulled", wait)


@control_app.command()
def reset(
    place: PlaceArgument,
    author: AuthorOption,
    kill: Annotated[bool, typer.Option("--kill", help="The kill switch.")] = False,
    account: Annotated[bool, typer.Option("--account", help="The account's latches.")] = False,
    cooldown: Annotated[
        bool, typer.Option("--cooldown", help="The cool-down after losses in a row.")
    ] = False,
    peak: Annotated[
        bool, typer.Option("--peak", help="High-water mark to today's equity: a loss accepted.")
    ] = False,
    instrument: Annotated[
        str | None, typer.Option(help="The latches of an instrument.", metavar="SYMBOL")
    ] = None,
    replace: ReplaceOption = False,
    wait: WaitOption = 1.0,
) -> None:
    """A named person resets one thing. Exit code 1: the core refused it; 3: it waits."""
    with _one_line_errors():
        from riskcore.store.pages import ControlPage

        control = ControlPage(place)
        control.reset(
            author,
            kill=kill,
            account=account,
            cooldown=cooldown,
            peak=peak,
            instrument=instrument,
            replace=replace,
        )
        if _taken(lambda: control.request_waits, wait):
            _tell_answer("reset", control.request_status)
        else:
            _tell_waiting("reset", wait)


@control_app.command()
def limits(
    place: PlaceArgument,
    file: Annotated[str, typer.Argument(help="Limits: default, growth, or a YAML file.")],
    author: AuthorOption,
    replace: ReplaceOption = False,
    wait: WaitOption = 1.0,
) -> None:
    """Give an account other limits, of a higher version.

    Exit code 1: the core refused them; 3: they wait.
    """
    with _one_line_errors():
        from riskcore.store.pages import ControlPage

        control = ControlPage(place)
        control.set_config(file, author, replace=replace)
        if _taken(lambda: control.config_waits, wait):
            _tell_answer("limits", control.config_status)
        else:
            _tell_waiting("limits", wait)


def _taken(waits: Callable[[], bool], seconds: float) -> bool:
    """Give the engine some time to take what waits for it; whether it did."""
    end = time.monotonic() + seconds
    while waits():
        if time.monotonic() >= end:
            return False
        time.sleep(0.01)
    return True


def _tell_waiting(what: str, waited: float) -> NoReturn:
    typer.echo(f"{what}: it waits for the engine's next event; none came within {waited:g} s")
    raise typer.Exit(WAITS)


def _tell_answer(what: str, status: str) -> None:
    if status == "OK":
        typer.echo(f"{what}: in force")
    elif status == "INVALID_VALUE" and what == "reset":
        _complain("reset: a kill came meanwhile, which it does not undo: look, then reset")
        raise typer.Exit(FAILURE)
    else:
        _complain(f"{what}: refused by the core: {status}")
        raise typer.Exit(FAILURE)


# --- config ---------------------------------------------------------------------------------------


# What somebody who knows nothing else of a file should know, and of what each is a part.
SHOWN_LIMITS = {
    "max_drawdown": "fall from the high-water mark",
    "max_daily_loss": "loss since the start of the UTC day",
    "max_gross_leverage": "sum of absolute positions over equity",
    "cushion_multiplier": "exposure per unit of what may still be lost",
    "var_95": "portfolio value at risk over equity, 24 h, 95 %",
    "expected_shortfall": "portfolio expected shortfall over equity, 24 h, 95 %",
    "max_stress_loss": "loss over equity in the worst scenario",
}
MULTIPLES = ("max_gross_leverage", "cushion_multiplier")


@app.command("config")
def check_config(
    path: Annotated[
        str,
        typer.Argument(help="A YAML file, or default, growth, instruments, scenarios."),
    ] = "default",
    kind: Annotated[
        str | None,
        typer.Option(help="limits, instruments or scenarios; without it told from the sections."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was read, as JSON: a configuration too.")
    ] = False,
) -> None:
    """Check a configuration file and say what it holds. `riskcore paths --config` has templates."""
    with _one_line_errors():
        from riskcore.config import load_config, load_instruments, load_scenarios
        from riskcore.config.remarks import remarks
        from riskcore.config.writing import parameter_record
        from riskcore.errors import ConfigError
        from riskcore.layout import Shape

        loaders = {
            "limits": load_config,
            "instruments": load_instruments,
            "scenarios": load_scenarios,
        }
        kind = kind or _kind_of(path)
        if kind not in loaders:
            raise ConfigError(f"kind is {kind!r}: allowed is {', '.join(loaders)}")
        model: Any = loaders[kind](path)
        if kind == "limits":
            parameter_record(model, model.shape or Shape())
        if as_json:
            typer.echo(json.dumps(model.model_dump(mode="json", by_alias=True), indent=2))
            return
        if kind == "limits":
            count = f"{len(model.parameters())} parameters, version {model.version}"
        else:
            count = f"{len(getattr(model, kind))} {kind}: {', '.join(getattr(model, kind))}"
        typer.echo(f"{path}: valid; {count}")
        if kind == "limits":
            for key, meaning in SHOWN_LIMITS.items():
                typer.echo(f"  {key:<20} {_limit(model.risk_limits, key):>8}  {meaning}")
            for remark in remarks(model, load_scenarios("scenarios")):
                typer.echo(remark)


def _limit(limits: Any, key: str) -> str:
    value = getattr(limits, key)
    return f"{value:g} x" if key in MULTIPLES else f"{100.0 * value:g} %"


def _kind_of(path: str) -> str:
    """What a configuration file holds, from the name of a section that only one kind has."""
    from riskcore.config.reading import MAX_FILE_BYTES

    if path in ("instruments", "scenarios"):
        return path
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            text = stream.read(MAX_FILE_BYTES)
    except OSError:
        return "limits"  # the loader says what is wrong with the file
    if text.lstrip().startswith("{"):  # JSON: what --json printed
        try:
            text = "".join(f"{section}:\n" for section in json.loads(text))
        except ValueError:
            return "limits"
    for kind in ("instruments", "scenarios"):
        if any(line.rstrip().startswith(f"{kind}:") for line in text.splitlines()):
            return kind
    return "limits"


# --- checks ---------------------------------------------------------------------------------------

# Names in the buffer whose spelling in the files is another; durations lose their ``_ns``.
_FILE_NAMES = {
    "max_order_lots": "max_order_quantity",
    "max_position_lots": "max_position_quantity",
    "min_lots": "min_quantity",
    "regime_mask": "regimes",
}


@app.command()
def checks(
    clauses: Annotated[
        bool,
        typer.Option(
            "--clauses", help="What regulators ask for instead, and the checks that answer it."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """List the gate's checks: number, layer, name, parameter in the files, unit, what it stops.

    R marks a check that a smaller order can pass, X one that stops even an exit.
    """
    with _one_line_errors():
        if clauses:
            _list_clauses(as_json)
            return
        from riskcore.codes import CHECKS, LAYER_NAMES

        rows = [
            {
                "number": check.number,
                "layer": LAYER_NAMES[check.layer],
                "name": check.name,
                "parameter": _file_name(check.layer, check.parameter),
                "unit": "" if check.unit == "-" else check.unit,
                "resizes": check.resizes,
                "blocks_exits": check.blocks_exits,
                "meaning": check.meaning,
            }
            for check in sorted(CHECKS.values())
        ]
        if as_json:
            typer.echo(json.dumps(rows, indent=2))
            return
        titles = ("number", "layer", "name", "parameter", "unit", "RX", "meaning")
        lines: list[tuple[str, ...]] = [titles]
        for row in rows:
            marks = ("R" if row["resizes"] else ".") + ("X" if row["blocks_exits"] else ".")
            cells = {**row, "RX": marks}
            lines.append(tuple(str(cells[title]) or "-" for title in titles))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            text = "  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True))
            typer.echo(text.rstrip())


def _list_clauses(as_json: bool) -> None:
    """Each control that is asked for, where, and what answers it."""
    from textwrap import fill

    from riskcore.clauses import CLAUSES, RULES
    from riskcore.clauses import __doc__ as about

    if as_json:
        typer.echo(json.dumps([clause._asdict() for clause in CLAUSES], indent=2))
        return
    for clause in CLAUSES:
        asked = [(rule, getattr(clause, key)) for key, rule in RULES.items()]
        where = "; ".join(f"{rule} {place}" for rule, place in asked if place)
        typer.echo(f"{clause.control}\n    {where or 'no rule'}")
        for text in (", ".join(clause.checks), clause.others):
            if text:
                typer.echo(fill(text, 100, initial_indent="    ", subsequent_indent="    "))
    typer.echo("\n" + (about or "").partition("\n\n")[2].strip())


def _file_name(layer: int, name: str) -> str:
    """A check's parameter as the configuration files spell it, with its section."""
    from riskcore.codes import LAYER_NAMES
    from riskcore.config.models import InstrumentTerms, RiskConfig, Strategy, Venue

    if not name:
        return ""
    known = _FILE_NAMES.get(name, name)
    spellings = (known, known.removesuffix("_ns"))
    places: list[tuple[str, Any]] = [
        (f"{section}.", field.annotation) for section, field in RiskConfig.model_fields.items()
    ]
    places += [("venues.*.", Venue), ("instruments.*.", InstrumentTerms)]
    own = ("strategies.*.", Strategy)
    # A strategy has limits of the account's names.
    places = [own, *places] if LAYER_NAMES[layer] == "strategy" else [*places, own]
    if name in RiskConfig.model_fields:
        return name
    for prefix, model in places:
        for spelling in spellings:
            if spelling in getattr(model, "model_fields", {}):
                return f"{prefix}{spelling}"
    return known


# --- emit -----------------------------------------------------------------------------------------


@app.command()
def emit(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the library.")],
    instruments: Annotated[int, typer.Option(help="Instruments of the buffer, 1 to 1024.")] = 64,
    strategies: Annotated[int, typer.Option(help="Strategies of the buffer, 1 to 64.")] = 8,
    venues: Annotated[int, typer.Option(help="Venues of the buffer, 1 to 64.")] = 8,
    currencies: Annotated[int, typer.Option(help="Currencies of the buffer, 1 to 64.")] = 8,
    regimes: Annotated[int, typer.Option(help="Regimes of the buffer, 4 to 8.")] = 4,
    window: Annotated[int, typer.Option(help="Samples of return history, 8 to 4096.")] = 512,
    scenarios: Annotated[int, typer.Option(help="Stress scenarios of the buffer, 1 to 62.")] = 32,
    orders: Annotated[
        int, typer.Option(help="Order slots, 16 to 1048576, a multiple of four.")
    ] = 4096,
    cpu: Annotated[
        str, typer.Option(help="x86-64-v2, x86-64-v3, x86-64-v4 (short: v2, v3, v4) or native.")
    ] = "x86-64-v3",
    as_json: Annotated[bool, typer.Option("--json", help="Print the files as JSON.")] = False,
) -> None:
    """Write what an engine includes and links, for a shape and a CPU.

    Headers for C, C++ and Cython, a static and a shared library, and files for pkg-config and
    CMake. A build finds them by an absolute path, which programs remember:
    PKG_CONFIG_PATH=$(realpath DIR)/lib/pkgconfig, or -DCMAKE_PREFIX_PATH=$(realpath DIR).

    The kernels are compiled for the shape, which takes half a minute the first time; the objects
    are kept in a cache (RISKCORE_CACHE). Where neither a C compiler nor ld is installed (or named
    by CC), libriskcore.so is left out: stderr says so, and the exit code is still 0, as the static
    library is complete.
    """
    with _one_line_errors():
        from rich.console import Console

        from riskcore.bindings.emit import CPU_LEVELS, EmitError, KernelError
        from riskcore.bindings.emit import emit as emit_library
        from riskcore.bindings.files import SHARED
        from riskcore.errors import InputError
        from riskcore.layout import Shape
        from riskcore.replay.summary import prepare_folder

        if cpu not in CPU_LEVELS and f"x86-64-{cpu}" not in CPU_LEVELS:
            raise InputError(f"cpu is {cpu!r}: allowed is {', '.join(CPU_LEVELS)}")
        shape = Shape(
            instruments, strategies, venues, currencies, regimes, window, scenarios, orders
        )
        prepare_folder(out)
        typer.echo(
            f"compiling the kernels for {instruments} instruments, {cpu}: about half a minute, "
            "or a moment where they are in the cache",
            err=True,
        )
        begin = time.monotonic()
        try:
            with Console(stderr=True).status("compiling"):
                paths = emit_library(out, shape, cpu)
        except EmitError as error:
            _complain(str(error))
            code = BAD_INPUT if isinstance(error, KernelError) else FAILURE
            raise typer.Exit(code) from None
        typer.echo(f"done in {time.monotonic() - begin:.0f} s", err=True)
        if as_json:
            typer.echo(json.dumps([str(path) for path in paths], indent=2))
        else:
            for written in paths:
                typer.echo(str(written))
        if SHARED not in {written.name for written in paths}:
            _complain(
                f"no linker was found, so {SHARED} was left out; install a C compiler or binutils"
                " (on Debian: apt install gcc), or name one in CC, and run this again"
            )


# --- paths ----------------------------------------------------------------------------------------


@app.command()
def paths(
    include: Annotated[bool, typer.Option("--include", help="Headers, for -I.")] = False,
    lib: Annotated[bool, typer.Option("--lib", help="Libraries, for -L.")] = False,
    pkgconfig: Annotated[bool, typer.Option("--pkgconfig", help="For PKG_CONFIG_PATH.")] = False,
    cmake: Annotated[bool, typer.Option("--cmake", help="For riskcore_DIR.")] = False,
    prefix: Annotated[bool, typer.Option("--prefix", help="For CMAKE_PREFIX_PATH.")] = False,
    config: Annotated[
        bool, typer.Option("--config", help="Configuration files, to copy and edit.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """Say where the headers and libraries of the default shape are, and the configuration files.

    Without an option all of them, with their names. For other shapes see riskcore emit.
    """
    with _one_line_errors():
        from riskcore import get_include, get_library_dir
        from riskcore.config.reading import config_path

        library = Path(get_library_dir())
        found = {
            "include": Path(get_include()),
            "lib": library,
            "pkgconfig": library / "pkgconfig",
            "cmake": library / "cmake" / "riskcore",
            "prefix": library.parent,
            "config": config_path("default").parent,
        }
        flags = {
            "include": include,
            "lib": lib,
            "pkgconfig": pkgconfig,
            "cmake": cmake,
            "prefix": prefix,
            "config": config,
        }
        wanted = [name for name, flag in flags.items() if flag]
        for name in wanted or found:
            if not found[name].is_dir():
                raise FileNotFoundError(f"{found[name]} is missing: install riskcore again")
        if as_json:
            shown = {name: str(found[name]) for name in wanted or found}
            typer.echo(json.dumps(shown, indent=2))
        elif wanted:
            for name in wanted:
                typer.echo(str(found[name]))
        else:
            for name, path in found.items():
                typer.echo(f"{name:<10} {path}")


# --- profile --------------------------------------------------------------------------------------


@app.command()
def profile(
    asm: Annotated[
        str | None,
        typer.Option(
            help="Machine code of a kernel beside its source: check_order, gate.judge, rc_check,"
            " or check_account for all kernels of a layer.",
            metavar="KERNEL",
        ),
    ] = None,
    ir: Annotated[
        str | None,
        typer.Option(help="Optimised LLVM IR of a kernel, in the same way.", metavar="KERNEL"),
    ] = None,
    loops: Annotated[
        str | None,
        typer.Option(help="Loops of a kernel: vectorised, how wide, or why not.", metavar="KERNEL"),
    ] = None,
    calls: Annotated[
        str | None,
        typer.Option(
            help="Only these exports, separated by commas, and what belongs to them."
            " Fewer calls compile sooner under the JIT.",
            show_default="all",
        ),
    ] = None,
    cpu: Annotated[
        str | None,
        typer.Option(
            help="x86-64-v2, x86-64-v3, x86-64-v4 or native.", show_default="of this machine"
        ),
    ] = None,
    instruments: Annotated[int, typer.Option(min=1, max=1024, help="Instruments held.")] = 64,
    open_orders: Annotated[int, typer.Option(min=0, max=4000, help="Working orders.")] = 200,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="To time each execution for.")
    ] = 3.0,
    top: Annotated[int, typer.Option(min=0, help="Kernels to show of each call; 0 for all.")] = 5,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare/--no-compare",
            help="Run plain Python and the JIT on the same events too, and compare all bytes.",
        ),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Time the kernels as they are in the source now, and show what became of one.

    The kernels are those of the package that the first line names. For those of a checkout or a
    copy: `python -m riskcore profile` in the folder above it, or PYTHONPATH=FOLDER.

    The kernels are emitted afresh if they were edited; the extension need not be built again. A
    session of every hot call is timed and sampled, kernel by kernel, then repeated under the JIT
    and in plain Python. Exit code 1 tells that these did not leave the same bytes.
    """
    with _one_line_errors():
        from rich.console import Console

        from riskcore.bindings.emit import (
            CPU_LEVELS,
            PACKAGE,
            EmitError,
            KernelError,
            edited_sources,
        )
        from riskcore.errors import InputError
        from riskcore.profile import report, run

        if cpu and cpu not in CPU_LEVELS:
            raise InputError(f"cpu is {cpu!r}: allowed is {', '.join(CPU_LEVELS)}")
        listed = tuple(name.strip() for name in (calls or "").split(",") if name.strip())
        options = run.Options(cpu or "", instruments, open_orders, listed, seconds=seconds)
        here = Path("riskcore").resolve()
        if (here / "kernels").is_dir() and here != PACKAGE:
            _complain(f"NOTE: {here} is not what is profiled; for that: python -m riskcore profile")

        try:
            with Console(stderr=True).status("starting") as status:
                progress = status.update

                def say(lines: Iterator[str]) -> None:
                    status.stop()
                    for line in () if as_json else lines:
                        typer.echo(line)
                    status.start()

                say(report.source_lines(str(PACKAGE), edited_sources()))
                if asm or ir or loops:
                    name = asm or ir or loops or ""
                    if (asm, ir, loops).count(None) < 2:
                        raise InputError("--asm, --ir and --loops: one at a time")
                    found = run.inspect(
                        name, options.shape, options.cpu, progress, with_code=loops is None
                    )
                    for number, kernel in enumerate(found):
                        say(iter([""] if number else []))
                        say(report.kernel_lines(kernel, asm=bool(asm), ir=bool(ir)))
                    result: Any = found
                else:
                    with run.Session(options, progress) as session:
                        result = session.emitted()
                        say(report.profile_lines(result, top))
                        if compare:
                            session.compare(result)
                            say(report.comparison_lines(result))
        except EmitError as error:
            _complain(str(error))
            code = BAD_INPUT if isinstance(error, KernelError) else FAILURE
            raise typer.Exit(code) from None
        if as_json:
            typer.echo(json.dumps(result, indent=2))
        if isinstance(result, dict) and not result.get("agreement", {"agree": True})["agree"]:
            _complain(f"the executions disagree: {result['agreement']['first_difference']}")
            raise typer.Exit(FAILURE)


if __name__ == "__main__":
    main()
