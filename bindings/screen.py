"""What no compiled kernel may hold, found before anything is compiled, with file and line.

The lint test knows every rule of the kernel language. Here are those whose breach Numba compiles
without a word, or reports far from its place: names that are not there, functions of Python and
of other libraries, containers, powers, exceptions, fields that no record has.
"""

from __future__ import annotations

import builtins
import dis
import math
import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from riskcore.layout import RECORDS, record_dtype, state_dtype

ALLOWED = frozenset({"range", "float", "abs", "int"})  # of the builtins
_PREFIX = "riskcore.kernels."
_OPERATIONS = {
    "BUILD_LIST": "a list",
    "BUILD_SET": "a set",
    "BUILD_MAP": "a dict",
    "BUILD_CONST_KEY_MAP": "a dict",
    "BUILD_STRING": "a text",
    "RAISE_VARARGS": "raise or assert",
    "YIELD_VALUE": "yield",
}


def shown_place(path: str, line: int) -> str:
    """File and line as editors read them, from the package on."""
    parts = Path(path).parts
    if "riskcore" in parts:
        start = len(parts) - 1 - parts[::-1].index("riskcore")
        path = str(Path(*parts[start:]))
    return f"{path}:{line}"


def shown_syntax(error: SyntaxError) -> str:
    """A syntax error on one line."""
    text = " ".join((error.text or "").split())
    return f"{shown_place(error.filename or '', error.lineno or 0)}: {error.msg}: {text}"


def unknown_field(problem: str, name: str, fields: Iterable[str]) -> str:
    """The problem with a name, and which of `fields` may be meant."""
    near = get_close_matches(name, fields, n=1)
    return f"{problem} {name!r}" + (f": did you mean {near[0]}?" if near else "")


@lru_cache(maxsize=1)
def _fields() -> frozenset[str]:
    """The fields of all records, and the one attribute of arrays."""

    def names(dtype: np.dtype) -> set[str]:
        inner = (names(about[0].base) for about in (dtype.fields or {}).values())
        return set(dtype.names or ()).union(*inner)

    records = (names(record_dtype(name)) for name in RECORDS)
    return frozenset({"shape"}.union(names(state_dtype()), *records))


def offences() -> Iterator[str]:
    """Every offence in the kernels that are loaded: place, what it is, on one line each."""
    for name, module in sorted(sys.modules.items()):
        if not name.startswith(_PREFIX):
            continue
        for value in vars(module).values():
            function = getattr(value, "py_func", None)
            if function is not None and function.__module__ == name:
                yield from function_offences(function)


def function_offences(function: Any) -> Iterator[str]:
    """The offences in one kernel, given as plain Python function."""
    owner: Any = None
    for step in dis.get_instructions(function):
        found = _OPERATIONS.get(step.opname, "")
        if step.opname == "BINARY_OP" and step.argrepr in ("**", "**="):
            found = "a power"
        elif step.opname == "LOAD_GLOBAL":
            name = str(step.argval)
            owner = function.__globals__.get(name)
            if name in function.__globals__:
                if isinstance(owner, ModuleType) and owner is not math:
                    found = f"module {name}"
            elif not hasattr(builtins, name):
                yield f"{_place(function, step)}: name {name!r} is not defined"
            elif name not in ALLOWED:
                found = f"{name}()"
        elif owner is math and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            found = "" if step.argval == "sqrt" else f"math.{step.argval}"
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR") and not (
            step.argval in _fields() or isinstance(owner, ModuleType)
        ):
            said = unknown_field("no record has a field", step.argval, sorted(_fields()))
            yield f"{_place(function, step)}: {said}"
        if step.opname not in ("LOAD_GLOBAL", "PUSH_NULL", "CACHE"):
            owner = None
        if found:
            yield f"{_place(function, step)}: {found} is outside the kernel language"


def _place(function: Any, step: dis.Instruction) -> str:
    line = step.positions.lineno if step.positions else None
    return shown_place(function.__code__.co_filename, line or function.__code__.co_firstlineno)
