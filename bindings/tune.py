"""What the optimiser is told about the kernels beyond what their IR says.

Speed only: the bits that the code computes do not depend on it, and a name that no longer exists
changes nothing else.
"""

from __future__ import annotations

import re
from itertools import pairwise

# The parts of one judgement of one order, and of one revaluation, compiled apart but run together:
# inlined, the fields that several of them read are loaded once.
INLINED = re.compile(
    r"(layers\.\w+\.(?!cap_|raised_)\w+?"
    r"|gate\.(evaluate|check_order_fields|structural_check|judge|measure_order)"
    r"|exposure\.(value_ends|value_risk|price_excess))(\.\d+)?"
)

# What an order may not need: kept out of the code around it, whose values it would push out of the
# registers.
APART = re.compile(r"layers\.portfolio\.raised_losses(\.\d+)?")
RARE = re.compile(r"gate\.(resize|find_first|refuse|grant)(\.\d+)?")

# Kernels of one loop whose iterations touch different elements. The optimiser would compare the
# addresses of all their arrays before each run of the loop, which costs as much as the loop.
PARALLEL = re.compile(r"covariance\.update_(row|four_rows|four_alike)(\.\d+)?")

# Loops over the scenarios: a dozen iterations. Unrolled beyond one vector they would never start.
SHORT = re.compile(
    r"(exposure\.(revalue_scenarios|value_losses|add_losses|add_four_losses)|layers\.portfolio\.measure_scenarios)"
    r"(\.\d+)?"
)

# The larger of two numbers in a form that may be reordered among many: the order decides nothing
# but the sign of a zero and what becomes of a NaN. Both are looked after where it is called.
WORSE = re.compile(r"layers\.measure\.worse(\.\d+)?")
WORSE_BODY = """entry:
  %larger = fcmp nnan nsz ogt double %arg.a, %arg.b
  %answer = select nnan nsz i1 %larger, double %arg.a, double %arg.b
  store double %answer, ptr %retptr, align 8
  ret i32 0"""

# Where the layers object: in a block that begins with a check's bit. Objections are rare, so the
# code for them stands aside; as straight code every check would work its bit out each time.
JUDGING = re.compile(r"layers\.\w+\.(flag|measure|check)_\w+?(\.\d+)?")
_BIT = re.compile(r"\s+%\S+ = (shl i64 1|sub nsw i64 \d+), ")
_LABEL = re.compile(r"([\w.]+):")
_FORK = re.compile(r"\s+br i1 %\S+, label %([\w.]+), label %([\w.]+)(, !dbg !\d+)?$")

# Kernels whose first test mostly holds, and those where it mostly does not.
OFTEN = re.compile(r"layers\.measure\.raise_use(\.\d+)?")
SELDOM = re.compile(r"layers\.measure\.exceeds(\.\d+)?")

FIRST_METADATA = 1_000_000  # numbers beyond those of the module itself
_DEFINITION = re.compile(r"define internal i32 @([\w.]+)\(")
_ACCESS = re.compile(r"\s+(%\S+ = load|store) ")
_JUMP = re.compile(r"\s+br label ")


def with_attributes(definition: str, attributes: str) -> str:
    """The first line of a function with more attributes; metadata follows them."""
    head, mark, metadata = definition.removesuffix("{").partition(" !dbg")
    return f"{head.rstrip()} {attributes}{mark}{metadata.rstrip()} {{"


def _rare_blocks(body: list[str]) -> set[str]:
    """Labels of the blocks of a function that begin with the bit of a check."""
    rare = set()
    for label, first in pairwise(body):
        if _BIT.match(first) and (found := _LABEL.match(label)):
            rare.add(found[1])
    return rare


def _weigh(line: str, rare: set[str]) -> str:
    """A branch with the weights of its ways, where just one of them is rare."""
    found = _FORK.match(line)
    if not found or (found[1] in rare) == (found[2] in rare):
        return line
    return f"{line}, !prof !{FIRST_METADATA + (0 if found[1] in rare else 1)}"


def tune(ir: str) -> str:
    """Mark what is to be inlined, the loops that are parallel, and the branches seldom taken.

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
    metadata = [
        f'!{FIRST_METADATA} = !{{!"branch_weights", i32 1, i32 4096}}',
        f'!{FIRST_METADATA + 1} = !{{!"branch_weights", i32 4096, i32 1}}',
    ]
    group = 0
    rare: set[str] = set()
    replaced = False
    first = ""
    source = ir.splitlines()
    for number, line in enumerate(source):
        found = _DEFINITION.match(line)
        if found:
            group = 0
            rare = set()
            first = ""
            if OFTEN.fullmatch(found[1]) or SELDOM.fullmatch(found[1]):
                first = f", !prof !{FIRST_METADATA + (OFTEN.fullmatch(found[1]) is not None)}"
            if JUDGING.fullmatch(found[1]):
                rare = _rare_blocks(source[number : source.index("}", number)])
            replaced = WORSE.fullmatch(found[1]) is not None
            if INLINED.fullmatch(found[1]):
                line = with_attributes(line, "alwaysinline")
            elif APART.fullmatch(found[1]):
                line = with_attributes(line, "noinline")
            elif RARE.fullmatch(found[1]):
                line = with_attributes(line, "noinline cold")
            short = SHORT.fullmatch(found[1])
            if short or PARALLEL.fullmatch(found[1]):
                group = FIRST_METADATA + len(metadata)
                once = ', !{!"llvm.loop.interleave.count", i32 1}' if short else ""
                metadata += [
                    f"!{group} = distinct !{{}}",
                    f'!{group + 1} = distinct !{{!{group + 1}, !{{!"llvm.loop.parallel_accesses", '
                    f"!{group}}}{once}}}",
                ]
            if replaced:
                line += f"\n{WORSE_BODY}"
        elif line == "}":
            group = 0
            replaced = False
        elif replaced:
            continue
        elif first and _FORK.match(line):
            line += first
            first = ""
        elif rare and _FORK.match(line):
            line = _weigh(line, rare)
        elif group and _ACCESS.match(line):
            line = f"{line}, !llvm.access.group !{group}"
        elif group and _JUMP.match(line):
            line = f"{line}, !llvm.loop !{group + 1}"
        lines.append(line)
    return "\n".join(lines + metadata) + "\n"
