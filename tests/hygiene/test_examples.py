"""The examples in the facade's docstrings run and give what they say."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = (
    "riskcore.config",
    "riskcore.config_models",
    "riskcore.config_reading",
    "riskcore.inputs",
    "riskcore.instrument",
    "riskcore.manager",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
