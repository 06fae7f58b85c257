"""How Cython sees the export table: the struct of function pointers inside the extension.

The struct is written out in ``cython/_core.pyx``, where it is read; the build and a test compare it
with the table, because a wrong order there would call the wrong function.
"""

from __future__ import annotations

import re

from riskcore.kernels.api import EXPORTS, Argument


def _cython_type(argument: Argument) -> str:
    if argument.kind == "record" or argument.kind == "u8":
        return "void *" if argument.writes else "const void *"
    if argument.is_pointer:
        name = {"i64": "int64_t", "f64": "double"}[argument.kind]
        return f"{name} *" if argument.writes else f"const {name} *"
    return {"i64": "int64_t ", "f64": "double "}[argument.kind]


def function_struct() -> list[str]:
    """The members that the struct must have, one per export, in order."""
    members = []
    for export in EXPORTS:
        state = "const void *state" if export.reads_only else "void *state"
        parts = [state] if export.takes_state else []
        parts += [f"{_cython_type(a)}{a.name}" for a in export.c_arguments]
        members.append(f"int64_t (*{export.method})({', '.join(parts)}) noexcept nogil")
    return members


def compare_struct(source: str) -> None:
    """Raise ValueError where the struct in the source of the extension is not the table.

    Parameters
    ----------
    source : str
        Text of ``_core.pyx``.
    """
    pattern = r"int64_t \(\*\w+\)\([^)]*\) noexcept nogil"
    found = [
        re.sub(r"\(\s+", "(", re.sub(r"\s+\)", ")", re.sub(r"\s+", " ", text)))
        for text in re.findall(pattern, source)
    ]
    wanted = function_struct()
    for number, member in enumerate(wanted):
        have = found[number] if number < len(found) else "nothing"
        if have != member:
            raise ValueError(f"_core.pyx: struct Functions has {have!r} in place of {member!r}")
    if len(found) != len(wanted):
        raise ValueError(
            f"_core.pyx: struct Functions has {len(found) - len(wanted)} members too many"
        )


if __name__ == "__main__":
    print("\n".join(f"    {member}" for member in function_struct()))
