"""Where the instructions and the time of a call go, layer by layer.

The driver is linked once more with the same machine code, assembled from its listing with a label
at each source line. Every instruction of a call is then known by the kernels that it comes from,
inlined or not: those of a layer count for that layer, the others for their module. Instructions are
those that the processor executed one by one, exact; the time is a timer's samples, of which each
falls on one instruction among the many that are under way.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.cases import COUNT_CALLS
from bench.driver import Account, Harness
from riskcore.bindings import link
from riskcore.bindings.emit import Job, make_objects
from riskcore.profile.catalog import kernels
from riskcore.profile.code import Place, read_assembly

PROFILED = (200, 4_000)  # rounds and calls
LAYER = "layers."


@dataclass(frozen=True)
class Share:
    """One part of a call.

    Attributes
    ----------
    part : str
        A layer or another module of the kernels.
    is_layer : bool
    instructions : float
        Executed in one call.
    time : float
        Share of the samples, 0 to 1.
    """

    part: str
    is_layer: bool
    instructions: float
    time: float


def part_of(place: Place) -> str:
    """The layer that a place works for, or else its module."""
    known = kernels()
    names = [frame.kernel for frame in place.chain if frame.kernel in known]
    for name in (*names, place.kernel):
        if name.startswith(LAYER):
            return ".".join(name.split(".")[:2])
    return place.kernel.partition(".")[0]


def break_down(harness: Harness, account: Account, case: str, core: int = -1) -> list[Share]:
    """The parts of a case, the largest first.

    Parameters
    ----------
    harness : Harness
    account : Account
    case : str
        Of `cases`.
    core : int
        Core to run on, -1 for any.
    """
    (listing,) = make_objects(harness.shape, [Job(harness.cpu, listing=True)])
    assembly = read_assembly(json.loads(gzip.decompress(listing))["assembly"])
    path = harness.directory / "lib" / "places.o"
    path.write_bytes(link.assemble_text(assembly.labelled, harness.cpu))
    program = harness.link("layers", path, places=True)
    names = [part_of(place) for place in assembly.places]

    def parts(addresses: NDArray[np.uint64], table: NDArray[np.uint64]) -> list[str]:
        """The part of each address within the library."""
        found = assembly.locate(addresses, table)
        return [names[number] for number in found[found >= 0]]

    def run(works: list[str], rounds: int, calls: int) -> tuple[list[str], ...]:
        places, *rest = harness.run(
            account, [f"places:{case}", *works], rounds, calls, core, program
        )
        return tuple(parts(work.results, places.results) for work in rest)

    (executed,) = run([f"trace:{case}"], 1, COUNT_CALLS)
    (sampled,) = run([f"profile:{case}"], *PROFILED)
    counts, ticks = Counter(executed), Counter(sampled)
    return [
        Share(
            part.removeprefix(LAYER),
            part.startswith(LAYER),
            count / COUNT_CALLS,
            ticks[part] / max(1, len(sampled)),
        )
        for part, count in counts.most_common()
    ]


def table(shares: list[Share], case: str) -> str:
    """The parts in Markdown."""
    total = sum(share.instructions for share in shares)
    lines = [f"| {case} | instructions | of all | of the time |", "|---|---:|---:|---:|"]
    for share in shares:
        name = f"{share.part} layer" if share.is_layer else share.part
        lines.append(
            f"| {name} | {share.instructions:,.0f} | {share.instructions / total:.0%} "
            f"| {share.time:.0%} |"
        )
    return "\n".join(lines)
