"""The profile as text."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Any


def time_text(ns: float) -> str:
    """A time with its unit, three digits; nothing for NaN."""
    if ns != ns:
        return ""
    for limit, unit, scale in ((1e3, "ns", 1.0), (1e6, "µs", 1e3), (1e9, "ms", 1e6)):
        if ns < limit:
            value = ns / scale
            digits = 0 if value >= 100 else 1 if value >= 10 or unit == "ns" else 2
            return f"{value:.{digits}f} {unit}"
    return f"{ns / 1e9:.2f} s"


def source_lines(package: str, edited: list[str] | None) -> Iterator[str]:
    """Which package is profiled, and how its sources differ from what the extension was built from.

    Parameters
    ----------
    package : str
        Its folder.
    edited : list of str or None
        Of ``emit.edited_sources``.
    """
    known = "the extension was built from these sources"
    if edited:
        known = f"edited since the extension was built: {', '.join(edited)}"
    yield package if edited is None else f"{package}: {known}"


def profile_lines(result: dict[str, Any], top: int) -> Iterator[str]:
    """What ran, where the time of each call goes, and the kernels over all calls.

    Parameters
    ----------
    result : dict
        Of ``run.Session.emitted``.
    top : int
        Kernels shown of each call, and three times as many in all; 0 for every one.
    """
    yield (
        f"{result['cpu']} code, {result['instruments']} instruments, {result['open_orders']} open"
        f" orders: {result['session_calls']} calls in {time_text(result['session_ns'])},"
        f" {time_text(result['library_ns'])} of it in the library"
    )
    yield (
        f"median of {result['runs']} runs, {time_text(result['fastest_ns'])} to"
        f" {time_text(result['slowest_ns'])}; shared out by {result['samples']} samples of as many"
        f" runs with a timer ({100 * result['sampling_overhead']:.0f} % slower, not counted)"
    )
    error = 100 * sqrt(0.1 * 0.9 / result["samples"])
    yield f"a share of 10 % is good to ±{error:.1f} (one standard error)"
    yield (
        "what is sampled is byte for byte the code just emitted"
        if result["same_code"]
        else "NOTE: the sampled code differs from the code just emitted"
    )
    yield ""
    yield f"{'one call, and in it each kernel':<50}{'time':>10}{'share':>10}{'with inlined':>15}"
    for call in result["calls"]:
        name = f"{call['name']}  x {call['count']}"
        yield f"{name:<50}{time_text(call['ns']):>10}{100 * call['share']:>8.1f} %"
        yield from _rows(call["kernels"], top, 4)
    yield ""
    yield f"{'each kernel, in all calls':<50}{'time':>10}{'share':>10}{'with inlined':>15}  loops"
    yield from _rows(result["kernels"], 3 * top, 0)


def _rows(kernels: list[dict[str, Any]], top: int, indent: int) -> Iterator[str]:
    """The dearest kernels, and the others together."""
    shown = kernels[: top or None]
    for kernel in shown:
        name = " " * indent + kernel["name"]
        yield (
            f"{name:<50}{time_text(kernel['ns']):>10}{100 * kernel['share']:>8.1f} %"
            f"{100 * kernel['with_inlined']:>13.1f} %  {loops_text(kernel.get('loops', []))}"
        ).rstrip()
    rest = kernels[len(shown) :]
    if rest:
        name = f"{' ' * indent}{len(rest)} more"
        time, share = sum(k["ns"] for k in rest), sum(k["share"] for k in rest)
        yield f"{name:<50}{time_text(time):>10}{100 * share:>8.1f} %"


def loops_text(loops: list[dict[str, Any]]) -> str:
    """The loops of a kernel in a few words."""
    if not loops:
        return ""
    outcomes = [loop["outcome"] for loop in loops]
    parts = [f"{outcomes.count(name)} {name}" for name in dict.fromkeys(outcomes)]
    return ", ".join(parts)


def comparison_lines(result: dict[str, Any]) -> Iterator[str]:
    """Emitted code and JIT side by side, and whether they agree."""
    yield ""
    yield "call                       emitted         JIT"
    for call in result["calls"]:
        yield f"{call['name']:<22}{time_text(call['ns']):>12}{time_text(call['jit_ns']):>12}"
    emitted, jit = result["library_ns"], result["jit_library_ns"]
    yield f"{'whole session':<22}{time_text(emitted):>12}{time_text(jit):>12}"
    agreement = result["agreement"]
    yield ""
    if agreement["agree"]:
        yield (
            f"emitted code, JIT ({agreement['jit_calls']} calls) and plain Python"
            f" ({agreement['python_calls']}) return and leave the same bytes"
        )
    else:
        yield f"DIFFERENT BYTES: {agreement['first_difference']}"


def kernel_lines(found: dict[str, Any], *, asm: bool, ir: bool) -> Iterator[str]:
    """One kernel: where its code is, its loops, and its code where that is wanted.

    Parameters
    ----------
    found : dict
        Of ``run.inspect``.
    asm, ir : bool
        Which code to show.
    """
    yield f"{found['kernel']} ({found['place']}), {found['cpu']}"
    inlined = [f"{name} ({n})" for name, n in found["inlined_into"].items()]
    more = f" and {len(inlined) - 8} more" if len(inlined) > 8 else ""
    where = f"{', '.join(inlined[:8])}{more}"
    if found["stands_alone"]:
        yield f"a function of the library, {found['instructions']} instructions"
    if inlined:
        yield f"inlined (instructions) into {where}"
    if not inlined and not found["stands_alone"]:
        yield "not in the library: no export calls it, or nothing of it was left"
    if found["asm"] and not found["stands_alone"]:
        yield f"shown compiled by itself, {found['instructions']} instructions"
    for loop in found["loops"]:
        yield f"loop in line {loop['line']}: {loop['heading']}  ->  {loop['outcome']}"
        for detail in loop["details"]:
            yield f"    {detail}"
        if not loop["details"]:
            yield "    the optimiser's loop passes met no such loop: unrolled early, or unused"
    if not found["loops"]:
        yield "no loops"
    for wanted, lines in ((asm, found["asm"]), (ir, found["ir"])):
        if wanted and lines:
            yield ""
            yield from lines
