"""Exceptions of the Python side: a line per mistake, with the name, the value, what is allowed."""

from __future__ import annotations


class RiskCoreError(Exception):
    """Base of every exception that riskcore raises on purpose."""


class ConfigError(RiskCoreError, ValueError):
    """A configuration file that cannot be used; each line names file, key, value and remedy."""


class InputError(RiskCoreError, ValueError):
    """An argument out of its domain; nothing was changed."""


class UnknownNameError(RiskCoreError, KeyError):
    """A symbol, venue, currency or strategy that was never configured; nothing was changed."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a sentence should not come in quotes.
        return str(self.args[0]) if self.args else ""


class StateError(RiskCoreError, RuntimeError):
    """The core refused a call for a reason that no argument explains, such as a damaged buffer."""


class PlaceError(RiskCoreError, RuntimeError):
    """A place of shared files that cannot be used; the message names the file and the reason."""


class TornError(PlaceError):
    """A record of a journal that is not what was written."""


def native_missing(error: Exception) -> ImportError:
    """What to raise, in one line, where the native extension is missing or of another build."""
    missing = isinstance(error, ModuleNotFoundError)
    reason = "" if missing else f" ({' '.join(str(error).split())})"
    return ImportError(
        f"the native extension is not built here{reason}: run `make test` or `pip install -e .`, "
        "or leave the source tree",
        name="riskcore._core",
    )
