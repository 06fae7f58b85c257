"""Importing riskcore loads little and takes little."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("numba", "llvmlite", "pydantic", "yaml", "pyarrow", "pandas", "scipy", "arch", "typer")
BUDGET_S = 0.040
RUNS = 9


def run(code: str, cache: Path | None = None) -> str:
    """Standard output of a fresh interpreter, which keeps its byte code in `cache`."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    if cache is not None:
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(cache)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    "statement",
    ["import riskcore", "import riskcore; riskcore.AdaptiveRiskManager; riskcore.codes"],
)
def test_nothing_heavy_is_loaded(statement):
    code = f"{statement}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    loaded = {name.split(".")[0] for name in json.loads(run(code))}
    assert loaded.isdisjoint(HEAVY)


def test_the_facade_is_imported_within_its_budget(tmp_path):
    code = (
        "import time, numpy\n"
        "start = time.thread_time()\n"
        "import riskcore; riskcore.AdaptiveRiskManager\n"
        "print(time.thread_time() - start)"
    )
    run(code, tmp_path)  # compiles the modules once
    median = statistics.median(float(run(code, tmp_path)) for _ in range(RUNS))
    assert median <= BUDGET_S, f"{median * 1e3:.1f} ms beyond NumPy"
