"""What the optimiser is told about the kernels beyond what their IR says.

Speed only: the bits that the code computes do not depend on it, and a name that no longer exists
changes nothing else.
"""

from __future__ import annotations

import re

# The parts of one judgement of one order, and of one revaluation, compiled apart but run together:
# inlined, the fields that several of them read are loaded once.
INLINED = re.compile(
    r"(layers\.\w+\.(?!cap_)\w+?|gate\.(judge|measure_order)|exposure\.(value_ends|price_excess))"
    r"(\.\d+)?"
)

# Kernels of one loop whose iterations touch different elements. The optimiser would compare the
# addresses of all their arrays before each run of the loop, which costs as much as the loop.
PARALLEL = re.compile(r"covariance\.update_(row|four_rows|four_alike)(\.\d+)?")

FIRST_METADATA = 1_000_000  # numbers beyond those of the module itself
_DEFINITION = re.compile(r"define internal i32 @([\w.]+)\(")
_ACCESS = re.compile(r"\s+(%\S+ = load|store) ")
_JUMP = re.compile(r"\s+br label ")


def with_attributes(definition: str, attributes: str) -> str:
    """The first line of a function with more attributes; metadata follows them."""
    head, mark, metadata = definition.removesuffix("{").partition(" !dbg")
    return f"{head.rstrip()} {attributes}{mark}{metadata.rstrip()} {{"


def tune(ir: str) -> str:
    """Mark what is to be inlined, and the loops that are parallel.

    Parameters
    ----------
    ir : str
        Module as text, functions under their short names.

    Returns
    -------
    str
        The same module.
    """
    lines: list[str] = []
    metadata: list[str] = []
    group = 0
    for line in ir.splitlines():
        found = _DEFINITION.match(line)
        if found:
            group = 0
            if INLINED.fullmatch(found[1]):
                line = with_attributes(line, "alwaysinline")
            if PARALLEL.fullmatch(found[1]):
                group = FIRST_METADATA + len(metadata)
                metadata += [
                    f"!{group} = distinct !{{}}",
                    f'!{group + 1} = distinct !{{!{group + 1}, !{{!"llvm.loop.parallel_accesses", '
                    f"!{group}}}}}",
                ]
        elif line == "}":
            group = 0
        elif group and _ACCESS.match(line):
            line = f"{line}, !llvm.access.group !{group}"
        elif group and _JUMP.match(line):
            line = f"{line}, !llvm.loop !{group + 1}"
        lines.append(line)
    return "\n".join(lines + metadata) + "\n"
