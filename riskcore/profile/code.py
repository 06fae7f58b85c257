"""Assembly, IR and remarks of the optimiser, read back: which kernel, which line, which loop."""

from __future__ import annotations

import linecache
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from riskcore.kernels.api import EXPORTS
from riskcore.profile.catalog import Kernel, Loop, kernels

TABLE = "rc_places"  # what `Assembly.locate` reads, for whoever samples the code

_LOCATION = re.compile(r"\t\.loc\t\d+ \d+ \d+.*# (.*)$")
_FRAME = re.compile(r"([a-z][\w.]*):(\d+)")
_FUNCTION = re.compile(r"\t\.type\t([\w.]+),@function")
_SECTION = re.compile(r'\t(?:\.text\b|\.section\t[^,]+,"[a-z]*x[a-z]*",).*$')  # of code
_LABEL = re.compile(r"([\w.$]+):")
_CONSTANT = re.compile(r"\t\.(?:quad|long)\t(0x[0-9a-f]+|-?\d+)\s*(?:# (.*))?$")
_REMARK = re.compile(r"remark: ([\w.]+):(\d+):\d+: (.*)$")
_KERNELS = {export.name: export.kernel for export in EXPORTS if export.kernel}


class Frame(NamedTuple):
    """A line of a kernel."""

    kernel: str
    line: int


@dataclass(frozen=True)
class Place:
    """A run of instructions of one origin: the function they are in, the line, who inlined it."""

    function: str
    chain: tuple[Frame, ...]

    @property
    def kernel(self) -> str:
        """The kernel whose work these instructions are.

        Where no line is known (what begins and ends a function, what the optimiser made of several
        lines) it is that of the function.
        """
        known = kernels()
        inlined = next((frame.kernel for frame in self.chain if frame.kernel in known), "")
        name = re.sub(r"\.\d+$", "", self.function)
        return inlined or _KERNELS.get(name, name)


@dataclass
class Function:
    """One function of the machine code: its lines in order, each with its place."""

    name: str
    lines: list[tuple[Place, str]] = field(default_factory=list)

    @property
    def instructions(self) -> int:
        """How many."""
        return sum(text.startswith("\t") for _, text in self.lines)


@dataclass
class Assembly:
    """Machine code as text.

    Attributes
    ----------
    functions : dict of str to Function
    places : list of Place
        In the order of the text; their addresses are in another, section by section.
    labelled : str
        The text without lines, with a label at each place and a table: the number of addresses
        that follow, those of the places, and begin and end of each section of code.
    constants : dict of str to str
        Value of each label of a constant.
    """

    functions: dict[str, Function]
    places: list[Place]
    labelled: str
    constants: dict[str, str]

    def locate(
        self, addresses: NDArray[np.integer], table: NDArray[np.integer]
    ) -> NDArray[np.int64]:
        """The place of each address, as an index of `places`, -1 outside the code.

        Parameters
        ----------
        addresses : int[n]
        table : int[m]
            What follows the number in the table of `labelled`, where the code runs.
        """
        addresses, table = addresses.astype(np.int64), table.astype(np.int64)
        starts, bounds = table[: len(self.places)], table[len(self.places) :].reshape(-1, 2)
        order = np.argsort(starts, kind="stable")  # of several at one address the last has the code
        found = order[np.searchsorted(starts[order], addresses, side="right") - 1]
        inside = np.zeros(len(addresses), dtype=bool)
        for begin, end in bounds:
            inside |= (addresses >= begin) & (addresses < end)
        return np.where(inside, found, -1)


def read_assembly(text: str) -> Assembly:
    """Read the assembly of ``emit.make_listings``."""
    functions: dict[str, Function] = {}
    places: list[Place] = []
    constants: dict[str, str] = {}
    kept: list[str] = []
    sections: list[str] = []
    function, label, declared = None, "", ""

    def begin(place: Place) -> Place:
        kept.append(f".Lplace{len(places)}:")
        places.append(place)
        return place

    place = Place("", ())
    for line in text.splitlines():
        location = _LOCATION.match(line)
        if location and function:
            frames = _FRAME.findall(location[1])
            chain = tuple(Frame(name, int(number)) for name, number in frames)
            place = begin(Place(function.name, chain))
            continue
        if line.startswith(("\t.file", "\t.loc")):
            continue
        kept.append(line)
        if _SECTION.match(line) and line not in sections:
            kept.append(f".Lbegin{len(sections)}:")
            sections.append(line)
        if found := _FUNCTION.match(line):
            declared = found[1]
        elif found := _LABEL.match(line):
            label = found[1]
            if label == declared:
                function = functions.setdefault(label, Function(label))
                place = begin(Place(label, ()))
            elif function and label.startswith(".LBB"):
                function.lines.append((place, f"{label}:"))
        elif line.startswith("\t.size"):
            function, declared = None, ""
        elif found := _CONSTANT.match(line):
            constants.setdefault(label, (found[2] or found[1]).removeprefix("double "))
        elif function and line.startswith("\t") and not line.startswith(("\t.", "\t#")):
            function.lines.append((place, line))
    for number, section in enumerate(sections):
        kept += [section, f".Lend{number}:"]
    kept += ['\t.section\t.data.rel.ro,"aw",@progbits', "\t.p2align\t3", f"\t.globl\t{TABLE}"]
    kept += [f"{TABLE}:", f"\t.quad\t{len(places) + 2 * len(sections)}"]
    kept += [f"\t.quad\t.Lplace{number}" for number in range(len(places))]
    kept += [f"\t.quad\t.Lbegin{n}, .Lend{n}" for n in range(len(sections))]
    return Assembly(functions, places, "\n".join(kept) + "\n", constants)


def symbols_of(kernel: str, functions: dict[str, Function]) -> list[str]:
    """The functions of the machine code that are a kernel, one per combination of types."""
    return [name for name in functions if re.fullmatch(rf"{re.escape(kernel)}(\.\d+)?", name)]


def homes(kernel: str, functions: dict[str, Function]) -> dict[str, int]:
    """The functions that a kernel was inlined into, with the number of its instructions there."""
    own = set(symbols_of(kernel, functions))
    found: Counter[str] = Counter()
    for function in functions.values():
        if function.name in own:
            continue
        for place, text in function.lines:
            if text.startswith("\t") and place.kernel == kernel:
                found[function.name] += 1
    return dict(found.most_common())


def source_line(frame: Frame) -> str:
    """The text of a line of a kernel."""
    kernel = kernels().get(frame.kernel)
    return linecache.getline(str(kernel.path), frame.line).strip() if kernel else ""


def describe(chain: tuple[Frame, ...], own: str) -> str:
    """Where instructions come from: line and text, the kernel too where it is inlined."""
    known = kernels()
    frames = [frame for frame in chain if frame.kernel in known and frame.line]
    if not frames:
        return ""
    first = frames[0]
    text = f"{first.line:>5}  {source_line(first)}"
    if first.kernel != own:
        callers = [frame for frame in frames if frame.kernel == own]
        via = f", called in line {callers[0].line}" if callers else ""
        text += f"    ({first.kernel}{via})"
    return text


def annotate(function: Function, kernel: str, constants: dict[str, str]) -> list[str]:
    """The instructions of a function between the source lines that they come from."""
    result, shown = [], ""
    for place, text in function.lines:
        origin = describe(place.chain, kernel)
        if origin and origin != shown and text.startswith("\t"):
            result.append(f"; {origin}")
            shown = origin
        code, _, note = text.partition("#")
        code = code.rstrip().expandtabs(8)
        values = [
            constants[name] for name in re.findall(r"\.LCPI\d+_\d+", code) if name in constants
        ]
        note = f"= {values[0]}" if values else note.strip()
        result.append(f"{code:<56}# {note}" if note else code)
    return result


# --- IR -------------------------------------------------------------------------------------------


def read_ir(ir: str, names: list[str], kernel: str) -> list[str]:
    """The IR of some functions, with source lines in place of metadata."""
    nodes: dict[str, tuple[int, str, str]] = {}
    scopes: dict[str, str] = {}
    for line in ir.splitlines():
        if found := re.match(
            r"(!\d+) = (?:distinct )?!DILocation\(line: (\d+)(?:, column: \d+)?, scope: (!\d+)"
            r"(?:, inlinedAt: (!\d+))?",
            line,
        ):
            nodes[found[1]] = int(found[2]), found[3], found[4] or ""
        elif found := re.match(r'(!\d+) = distinct !DISubprogram\(name: "([^"]*)"', line):
            scopes[found[1]] = found[2]

    def chain_of(node: str) -> tuple[Frame, ...]:
        frames = []
        while node in nodes:
            number, scope, node = nodes[node]
            frames.append(Frame(scopes.get(scope, ""), number))
        return tuple(frames)

    result: list[str] = []
    inside, shown = False, ""
    for line in ir.splitlines():
        if found := re.match(r"define .*@([\w.]+)\(", line):
            inside, shown = found[1] in names, ""
        if inside:
            mark = re.search(r", !dbg (!\d+)", line)
            origin = describe(chain_of(mark[1]), kernel) if mark else ""
            if origin and origin != shown:
                result.append(f"  ; {origin}")
                shown = origin
            result.append(re.sub(r",? !(?:dbg|tbaa|alias\.scope|noalias) !\d+", "", line))
        if line == "}":
            inside = False
    return result


# --- loops ----------------------------------------------------------------------------------------

VECTORISED, UNROLLED, SCALAR, GONE = "vectorised", "unrolled", "not vectorised", "gone"

# What the optimiser says: what that means for who writes the kernel.
_WORDS = (
    ("used outside the loop", "a value carried from step to step is used after the loop and is no "
     "plain integer sum, minimum or maximum"),
    ("reorder floating-point", "a floating-point sum: adding in another order changes its bits; "
     "write several accumulators"),
    ("call instruction", "it calls a function that is not inlined"),
    ("array bounds", "where its arrays lie is not known before it runs, so they might overlap"),
    ("unsafe dependent memory", "a step may read what an earlier step wrote"),
    ("early exit", "it can be left early (return or break)"),
    ("number of loop iterations", "how many steps it takes is not known when it begins"),
    ("uncountable", "how many steps it takes is not known when it begins"),
    ("unsupported switch", "it chooses between several branches"),
    ("substituted for a select", "a branch reads or writes memory that the others do not"),
    ("vectorization is not beneficial", "vector code would be no faster"),
    ("return type cannot", "it uses a value that has no vector form"),
    ("instruction cannot be vectorized", "it holds an instruction that has no vector form"),
    ("control flow is not understood", "its branches are not simple enough"),
)  # fmt: skip


@dataclass(frozen=True)
class LoopReport:
    """What became of one loop.

    Attributes
    ----------
    loop : Loop
    outcome : str
        The best of all copies of it that inlining made.
    details : tuple of str
        What happened in them and why, in words; the optimiser's own where there are no others.
    width : int
        Elements worked on at once; 1 where it is not vectorised.
    """

    loop: Loop
    outcome: str
    details: tuple[str, ...]
    width: int


def loop_reports(kernel: Kernel, remarks: str) -> list[LoopReport]:
    """What became of each loop of a kernel.

    Parameters
    ----------
    kernel : Kernel
    remarks : str
        Of ``emit.make_listings``.
    """
    said: dict[Loop, list[str]] = {loop: [] for loop in kernel.loops}
    for line in remarks.splitlines():
        found = _REMARK.match(line)
        if found and found[1] == kernel.name:
            around = [loop for loop in kernel.loops if loop.first <= int(found[2]) <= loop.last]
            if around:
                said[around[-1]].append(found[3])
    return [_report(loop, messages) for loop, messages in said.items()]


def _report(loop: Loop, messages: list[str]) -> LoopReport:
    """Sum up what the optimiser said about one loop."""
    details: dict[str, None] = {}  # each once, in order
    widths = []
    unrolled = False
    for message in messages:
        if found := re.search(r"vectorization width: (\d+), interleaved count: (\d+)", message):
            widths.append(int(found[1]))
            steps = f"{found[1]} elements at a time, {found[2]} such steps at once"
            details[f"vectorised: {steps}"] = None
        elif found := re.search(r"completely unrolled loop with (\d+)", message):
            unrolled = True
            details[f"unrolled: {found[1]} steps in a row, no loop is left"] = None
        elif re.match(r"loop not vectorized: |.*vectorization is not", message):
            cause = message.removeprefix("loop not vectorized: ")
            words = next((text for key, text in _WORDS if key in cause), cause)
            details[f"not vectorised: {words}"] = None
    outcome = VECTORISED if widths else UNROLLED if unrolled else SCALAR if messages else GONE
    if messages and not details:
        details["not vectorised: no reason given"] = None
    return LoopReport(loop, outcome, tuple(details), max(widths, default=1))
