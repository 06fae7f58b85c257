"""The examples in docstrings and in the pages of documentation run and give what they say."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Pages and the number of Python blocks that each has.
PAGES = (("README.md", 2), ("ARCHITECTURE.md", 1))
MODULES = (
    "riskcore.config",
    "riskcore.config.models",
    "riskcore.config.reading",
    "riskcore.inputs",
    "riskcore.instrument",
    "riskcore.manager",
    "riskcore.store.snapshot",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(("page", "blocks"), PAGES)
def test_pages(page, blocks):
    """Each block runs by itself and prints what the comments beside its prints say."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(found) >= blocks
    for block in found:
        # In plain Python, as a block may call kernels; the extension is compiled either way.
        done = subprocess.run(
            [sys.executable, "-c", block],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, done.stderr
        printed = done.stdout.splitlines()
        said = re.findall(r"^ *print\(.*\)  # (.*)$", block, re.MULTILINE)
        assert len(printed) == len(said) > 0
        for line, comment in zip(printed, said, strict=True):
            pattern = re.escape(comment).replace(re.escape("..."), ".*")
            assert re.fullmatch(pattern, line), line
