"""Shared by all tests: the --slow switch, hypothesis profiles, a core of each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from riskcore._core import Core

# No deadline: machines are noisy and kernels compile on first use.
settings.register_profile(
    "default",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("long", settings.get_profile("default"), max_examples=5000)


_CLOSING: pytest.StashKey[dict[str, str]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --slow."""
    parser.addoption("--slow", action="store_true", help="run the long tests too")


def pytest_configure(config: pytest.Config) -> None:
    """More random examples with --slow."""
    config.stash[_CLOSING] = {}
    settings.load_profile("long" if config.getoption("--slow") else "default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked slow, unless asked for."""
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="takes long; run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what tests had to say, though they passed."""
    for title, text in config.stash[_CLOSING].items():
        terminalreporter.section(title)
        terminalreporter.write_line(text)


@pytest.fixture(scope="session")
def say_at_the_end(pytestconfig: pytest.Config) -> Callable[[str, str], None]:
    """Takes a title and a text that are printed at the end of the run, whatever its outcome."""

    def say(title: str, text: str) -> None:
        pytestconfig.stash[_CLOSING][title] = text

    return say


@pytest.fixture
def core() -> Core:
    """An empty account of the default shape."""
    from riskcore._core import Core

    return Core()
