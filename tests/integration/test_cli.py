"""The command line as a user meets it: exit codes, one-line errors, JSON, files, help."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from riskcore.layout import SHAPE_BOUNDS

ROOT = Path(__file__).resolve().parents[2]
SHORT = ("--data", "btc-1h", "--from", "2020-02-01", "--to", "2020-04-01")


def run(
    *arguments: str, cwd: Path | None = None, width: int = 120
) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ, COLUMNS=str(width), NO_COLOR="1", PYTHONPATH=str(ROOT))
    return subprocess.run(
        [sys.executable, "-m", "riskcore.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        cwd=cwd,
        check=False,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("riskcore: ")
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize(
    "command",
    [(), ("replay",), ("config",), ("checks",), ("emit",), ("paths",), ("profile",), ("control",)],
)
def test_every_command_has_help(command: tuple[str, ...]) -> None:
    done = run(*command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout
    assert "Traceback" not in done.stderr


def test_version_names_abi_and_layout() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert "ABI 1, layout " in done.stdout


def test_unknown_command_is_a_usage_error() -> None:
    done = run("predict")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


# --- replay -----------------------------------------------------------------------------------


def test_replay_reports_and_writes_its_files(tmp_path: Path) -> None:
    out = tmp_path / "made" / "here"
    done = run("replay", *SHORT, "--out", str(out))
    assert done.returncode == 0, done.stderr
    for words in ("protected", "unprotected", "drawdown limit", "held", "check from Python: p50"):
        assert words in done.stdout
    assert {path.name for path in out.iterdir()} == {
        "summary.json",
        "decisions.parquet",
        "fills.parquet",
        "equity.parquet",
        "replay.png",
    }
    summary = json.loads((out / "summary.json").read_text())
    assert summary["comparison"]["limit_held"] is True
    equity = pd.read_parquet(out / "equity.parquet")
    assert {"time", "protected", "unprotected"} <= set(equity.columns)
    decisions = pd.read_parquet(out / "decisions.parquet")
    assert len(decisions) == summary["gate"]["orders"]


def test_json_is_all_that_json_prints() -> None:
    done = run("replay", *SHORT, "--json")
    assert done.returncode == 0
    assert done.stderr == ""
    summary = json.loads(done.stdout)
    assert set(summary["runs"]) == {"protected", "unprotected"}
    assert summary["start"] == "2020-02-01T00:00:00Z"


def test_quiet_prints_nothing() -> None:
    done = run("replay", *SHORT, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_replay_of_a_file(tmp_path: Path) -> None:
    btc_file(tmp_path / "BTCUSDT.csv", "2022-05-01", "2022-06-01")
    done = run("replay", "--data", "BTCUSDT.csv", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["instruments"] == ["BTCUSDT"]


def btc_file(path: Path, start: str, end: str) -> Path:
    """A file of embedded bars as an exchange's archive names its columns."""
    from riskcore.replay.readers import parse_time, read_history

    bars = read_history("btc-1h", start_ns=parse_time(start), end_ns=parse_time(end)).series["BTC"]
    table = pd.DataFrame({"timestamp": bars.time_ns // 10**6})
    for name in ("open", "high", "low", "close", "volume"):
        table[name] = getattr(bars, name)
    table.to_csv(path, index=False)
    return path


def test_two_months_of_a_symbol_are_one_instrument(tmp_path: Path) -> None:
    btc_file(tmp_path / "BTCUSDT-1h-2022-05.csv", "2022-05-01", "2022-06-01")
    btc_file(tmp_path / "BTCUSDT-1h-2022-06.csv", "2022-06-01", "2022-07-01")
    files = ("--data", "BTCUSDT-1h-2022-06.csv", "--data", "BTCUSDT-1h-2022-05.csv")
    done = run("replay", *files, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["instruments"] == ["BTCUSDT"]
    assert (summary["start"][:10], summary["end"][:10]) == ("2022-05-01", "2022-07-01")
    assert summary["notes"] == ["BTCUSDT: joined from 2 files"]


@pytest.mark.parametrize(("bars", "is_noted"), [(120, False), (121, True)])
def test_executions_later_than_every_scenario_are_noted(
    tmp_path: Path, bars: int, is_noted: bool
) -> None:
    btc_file(tmp_path / "BTCUSDT.csv", "2022-05-01", "2022-05-28")
    done = run(
        "replay", "--data", "BTCUSDT.csv", "--latency-bars", str(bars), "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    note = "121h from a decision to its execution are longer than every scenario: none is in the "
    notes = json.loads(done.stdout)["notes"]
    assert notes == ([f"{note}drawdown budget"] if is_noted else [])


def test_report_fits_a_terminal_and_hides_yearly_figures_of_a_short_history(
    tmp_path: Path,
) -> None:
    btc_file(tmp_path / "HDR.csv", "2022-05-01", "2022-05-28")
    done = run("replay", "--data", "HDR.csv", "--out", "out", cwd=tmp_path, width=80)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    assert "note HDR: no known coin by name: stressed as 'default'" in lines
    for name in ("return a year", "volatility a year", "Sharpe ratio"):
        (line,) = [line for line in lines if line.startswith(name)]
        assert line.removeprefix(name).split() == ["-", "-"]
    assert any(line.startswith("strategy's orders: ") for line in lines)
    assert any(line.startswith("95 % VaR exceeded (expected 5 %)") for line in lines)


def test_symbol_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    path = btc_file(tmp_path / "ABC.csv", "2022-05-01", "2022-05-28")
    table = pd.read_csv(path)
    table["symbol"] = "BTC USDT"
    table.to_csv(path, index=False)
    done = run("replay", "--data", "ABC.csv", cwd=tmp_path)
    assert_one_line(done, 2, "'BTC USDT': allowed is a name")
    assert done.stderr.count("allowed is") == 1


def test_broken_limit_is_a_failure_that_scripts_see(tmp_path: Path) -> None:
    # Scenarios that assume next to nothing, and a hundred times the cushion at risk.
    text = (ROOT / "config" / "growth.yaml").read_text()
    for name, value in (
        ("max_drawdown", "0.001"),
        ("target_drawdown", "0.001"),
        ("cushion_multiplier", "100"),
    ):
        text = re.sub(rf"^  {name}: \S+", f"  {name}: {value}", text, flags=re.MULTILINE)
    (tmp_path / "tight.yaml").write_text(text)
    calm = "{horizon: 1d, moves: {default: {down: 0.001, up: 0.001}}}"
    (tmp_path / "calm.yaml").write_text(f"scenarios:\n  calm: {calm}\n")
    files = ("--config", "tight.yaml", "--scenarios", "calm.yaml")
    done = run("replay", *SHORT, *files, "--quiet", cwd=tmp_path)
    assert_one_line(done, 1, "drawdown limit was broken")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--data", "nothing.parquet"), ("no such file", "majors-30m, btc-1h")),
        (("--data", "btc-1h", "--data", "majors-30m"), ("files of one interval",)),
        (("--data", "btc-1h", "--symbols", "ETH"), ("no symbol ETH", "it has BTC")),
        (("--data", "btc-1h", "--from", "soon"), ("'soon' is not a date",)),
        (("--data", "btc-1h", "--from", "2031-01-01"), ("no bars in the period",)),
        ((*SHORT, "--equity", "10"), ("equity is 10", "1000 to 1e+12")),
        ((*SHORT, "--equity", "nan"), ("equity is nan",)),
        ((*SHORT, "--fee", "-1"), ("venue fee is -1: allowed is 0 to 0.1",)),
        ((*SHORT, "--fee", "5"), ("venue fee is 5: allowed is 0 to 0.1",)),
        ((*SHORT, "--slippage", "5"), ("venue slippage is 5: allowed is 0 to 0.1",)),
        ((*SHORT, "--config", "nowhere.yaml"), ("nowhere.yaml", "no such file")),
        ((*SHORT, "--scenarios", "nowhere.yaml"), ("nowhere.yaml", "no such file")),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert_one_line(run("replay", *arguments, cwd=tmp_path), 2, *words)


def test_output_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    # Before anything is read: of two mistakes this one is told.
    done = run("replay", "--data", "nothing.csv", "--out", "file/out", cwd=tmp_path)
    assert_one_line(done, 2, "cannot be written", "choose another --out")


# --- config -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("default", "parameters"),
        ("growth", "parameters"),
        ("instruments", "instruments"),
        ("scenarios", "scenarios"),
    ],
)
def test_packaged_configurations_are_valid(name: str, words: str) -> None:
    done = run("config", name)
    assert done.returncode == 0, done.stderr
    assert "valid" in done.stdout
    assert words in done.stdout


def test_kind_of_a_file_is_told_from_its_sections() -> None:
    done = run("config", str(ROOT / "config" / "scenarios.yaml"))
    assert done.returncode == 0, done.stderr
    assert "march_2020" in done.stdout


def test_mistake_in_a_configuration_is_one_line(tmp_path: Path) -> None:
    text = (ROOT / "config" / "default.yaml").read_text()
    path = tmp_path / "limits.yaml"
    path.write_text(text.replace("max_drawdown: 0.01 ", "max_drawdown: 5 "))
    assert_one_line(run("config", str(path)), 2, "limits.yaml", "risk_limits.max_drawdown", "5")


def test_configuration_as_json() -> None:
    done = run("config", "growth", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["risk_limits"]["max_drawdown"] == 0.1


@pytest.mark.parametrize("name", ["default", "growth", "instruments", "scenarios"])
def test_configuration_as_json_is_a_configuration_of_the_same_values(
    tmp_path: Path, name: str
) -> None:
    said = run("config", name, "--json").stdout
    path = tmp_path / "limits.json"
    path.write_text(said)
    again = run("config", str(path), "--json")
    assert again.stderr == ""
    assert again.stdout == said
    from riskcore import config

    load = {"instruments": config.load_instruments, "scenarios": config.load_scenarios}
    load_one = load.get(name, config.load_config)
    assert load_one(path).model_copy(update={"source": ""}) == load_one(name).model_copy(
        update={"source": ""}
    )


def test_bare_nanoseconds_are_answered_with_a_duration(tmp_path: Path) -> None:
    text = (ROOT / "config" / "default.yaml").read_text()
    path = tmp_path / "limits.yaml"
    old = next(line for line in text.splitlines() if line.strip().startswith("max_quote_age:"))
    path.write_text(text.replace(old, "  max_quote_age: 3600000000000"))
    done = run("config", str(path))
    assert_one_line(done, 2, "max_quote_age is 3600000000000", 'has no unit: write "1h"')


def test_limits_that_every_account_refuses_are_not_valid(tmp_path: Path) -> None:
    text = (ROOT / "config" / "growth.yaml").read_text()
    path = tmp_path / "limits.yaml"
    path.write_text(text.replace("max_open_orders: 200 ", "max_open_orders: 200000 "))
    done = run("config", str(path))
    assert_one_line(done, 2, "max_open_orders is 200000", "at most 3840")


def test_configuration_shows_the_limits_that_matter() -> None:
    lines = run("config", "growth").stdout.splitlines()
    shown = {line.split()[0]: line.split()[1:3] for line in lines[1:]}
    assert shown["max_drawdown"] == ["10", "%"]
    assert shown["cushion_multiplier"] == ["1", "x"]
    assert {"max_daily_loss", "max_gross_leverage", "var_95"} <= set(shown)
    assert {"expected_shortfall", "max_stress_loss"} <= set(shown)


# --- checks -------------------------------------------------------------------------------------


def test_checks_are_listed_with_parameters_as_the_files_spell_them() -> None:
    from riskcore.codes import CHECKS

    rows = json.loads(run("checks", "--json").stdout)
    assert [row["number"] for row in rows] == sorted(CHECKS)
    sections: dict[str, set[str]] = {}
    for name in ("default", "instruments"):
        for section, content in json.loads(run("config", name, "--json").stdout).items():
            if isinstance(content, dict):
                deep = section in ("venues", "strategies", "instruments")
                keys = next(iter(content.values())) if deep else content
                sections[f"{section}.*" if deep else section] = set(keys)
    for row in rows:
        if "." in row["parameter"]:
            section, _, key = row["parameter"].rpartition(".")
            assert key in sections[section], row
        else:
            assert row["parameter"] in ("", "version")
    text = run("checks").stdout
    assert len(text.splitlines()) == len(rows) + 1
    assert "risk_limits.max_drawdown" in text


def test_checks_are_listed_by_what_regulators_ask_for() -> None:
    rows = json.loads(run("checks", "--clauses", "--json").stdout)
    collar = next(row for row in rows if row["rts6"] == "15(1)(a)")
    assert "PRICE_OUTSIDE_COLLAR" in collar["checks"]
    text = run("checks", "--clauses").stdout
    assert "RTS 6 Art 15(1)(a)" in text
    assert "no legal advice" in text
    assert all(row["control"] in text for row in rows)


# --- emit ---------------------------------------------------------------------------------------


def test_emit_refuses_a_shape_that_cannot_be(tmp_path: Path) -> None:
    done = run("emit", "--out", str(tmp_path), "--orders", "18")
    assert_one_line(done, 2, "shape.orders", "multiple of 4")


def test_emit_says_at_once_that_a_folder_cannot_be_written() -> None:
    done = run("emit", "--out", "/proc/x")
    assert_one_line(done, 2, "/proc/x: cannot be written", "choose another --out")


@pytest.mark.parametrize("command", ["emit", "profile"])
def test_help_gives_the_range_of_each_size(command: str) -> None:
    text = " ".join(run(command, "--help", width=200).stdout.split())
    for name, (low, high) in SHAPE_BOUNDS.items():
        if f"--{name} " in text:
            said = text.partition(f"--{name} ")[2].partition("[default")[0]
            assert f"{low} to {high}" in said or f"{low}<=x<={high}" in said, name
    assert "--instruments " in text


def test_help_of_emit_names_the_folder_by_an_absolute_path() -> None:
    """Programs remember where the library is: a relative path would hold in one folder alone."""
    text = " ".join(run("emit", "--help", width=200).stdout.split())
    for line in (
        "PKG_CONFIG_PATH=$(realpath DIR)/lib/pkgconfig",
        "-DCMAKE_PREFIX_PATH=$(realpath DIR)",
    ):
        assert line in text


def test_emit_refuses_an_unknown_cpu(tmp_path: Path) -> None:
    done = run("emit", "--out", str(tmp_path), "--cpu", "6502")
    assert_one_line(done, 2, "cpu is '6502'", "x86-64-v3")
