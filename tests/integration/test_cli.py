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

ROOT = Path(__file__).resolve().parents[2]
SHORT = ("--data", "btc-1h", "--from", "2020-02-01", "--to", "2020-04-01")


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ, COLUMNS="120", NO_COLOR="1", PYTHONPATH=str(ROOT))
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


@pytest.mark.parametrize("command", [(), ("replay",), ("config",), ("emit",)])
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
    from riskcore.replay.readers import parse_time, read_history

    bars = read_history(
        "btc-1h", start_ns=parse_time("2022-05-01"), end_ns=parse_time("2022-06-01")
    ).series["BTC"]
    table = pd.DataFrame(
        {
            "timestamp": bars.time_ns // 10**6,
            "open": bars.open,
            "high": bars.high,
            "low": bars.low,
            "close": bars.close,
            "volume": bars.volume,
        }
    )
    table.to_csv(tmp_path / "BTCUSDT.csv", index=False)
    done = run("replay", "--data", "BTCUSDT.csv", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["instruments"] == ["BTCUSDT"]


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
        (("--data", "btc-1h", "--data", "btc-1h"), ("BTC was read already",)),
        (("--data", "btc-1h", "--data", "majors-30m"), ("files of one interval",)),
        (("--data", "btc-1h", "--symbols", "ETH"), ("no symbol ETH", "it has BTC")),
        (("--data", "btc-1h", "--from", "soon"), ("'soon' is not a date",)),
        (("--data", "btc-1h", "--from", "2031-01-01"), ("no bars in the period",)),
        ((*SHORT, "--equity", "10"), ("equity is 10", "1000 to 1e+12")),
        ((*SHORT, "--equity", "nan"), ("equity is nan",)),
        ((*SHORT, "--fee", "-1"), ("venue fee must not be negative",)),
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
    done = run("replay", *SHORT, "--quiet", "--out", "file/out", cwd=tmp_path)
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


# --- emit ---------------------------------------------------------------------------------------


def test_emit_refuses_a_shape_that_cannot_be(tmp_path: Path) -> None:
    done = run("emit", "--out", str(tmp_path), "--orders", "18")
    assert_one_line(done, 2, "shape.orders", "multiple of 4")


def test_emit_refuses_an_unknown_cpu(tmp_path: Path) -> None:
    done = run("emit", "--out", str(tmp_path), "--cpu", "6502")
    assert_one_line(done, 2, "cpu is '6502'", "x86-64-v3")
