"""Exceptions of the Python side: one line, naming the argument, its value and what is allowed."""

from __future__ import annotations


class RiskCoreError(Exception):
    """Base of every exception that riskcore raises on purpose."""


class ConfigError(RiskCoreError, ValueError):
    """A configuration file that cannot be used; the message names file, key, value and remedy."""


class InputError(RiskCoreError, ValueError):
    """An argument out of its domain; nothing was changed."""


class UnknownNameError(RiskCoreError, KeyError):
    """A symbol, venue, currency or strategy that was never configured; nothing was changed."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a sentence should not come in quotes.
        return str(self.args[0]) if self.args else ""


class StateError(RiskCoreError, RuntimeError):
    """The core refused a call for a reason that no argument explains, such as a damaged buffer."""
