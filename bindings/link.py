"""LLVM IR to machine code for one CPU level, and a look at what came out."""

from __future__ import annotations

import os
import re
import struct
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm

CPU_LEVELS = ("x86-64-v2", "x86-64-v3", "x86-64-v4", "native")


class LinkError(Exception):
    """Machine code that would need something from outside; the message is one line."""


def target_machine(cpu: str) -> Any:
    """The code generator of a CPU level: position independent, no extras beyond the level."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    # At this level LLVM still uses vectors of half its width unless told.
    features = "-prefer-256-bit" if cpu == "x86-64-v4" else ""
    if cpu == "native":
        cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_triple("x86_64-unknown-linux-gnu")
    return target.create_target_machine(
        cpu=cpu, features=features, opt=3, reloc="pic", codemodel="small"
    )


def add_table(ir: str, names: list[str], table: str) -> str:
    """Make the functions local and export an array of their addresses instead.

    Parameters
    ----------
    ir : str
        Module as text.
    names : list of str
        Functions, in the order of the array.
    table : str
        Symbol of the array, the only global one.
    """
    ir = re.sub(
        rf"^define (i64 @(?:{'|'.join(map(re.escape, names))})\()",
        r"define internal \1",
        ir,
        flags=re.MULTILINE,
    )
    entries = ", ".join(f"ptr @{name}" for name in names)
    return f"{ir}\n@{table} = constant [{len(names)} x ptr] [{entries}]\n"


def add_constant(ir: str, name: str, value: int) -> str:
    """Export an int64 that never changes."""
    return f"{ir}\n@{name} = constant i64 {value}\n"


def rename(ir: str, names: list[str], prefix: str = "", suffix: str = "") -> str:
    """Rename the exported functions."""
    if not prefix and not suffix:
        return ir
    pattern = rf"@({'|'.join(sorted(map(re.escape, names), key=len, reverse=True))})(?=\()"
    return re.sub(pattern, rf"@{prefix}\1{suffix}", ir)


def optimise(ir: str, machine: Any) -> Any:
    """Run the standard O3 pipeline; floating point is neither reassociated nor contracted."""
    module = llvm.parse_assembly(ir)
    module.triple = machine.triple
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    options.slp_vectorization = True
    options.loop_unrolling = True
    options.loop_interleaving = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    module.verify()
    return module


def without_lines(ir: str) -> str:
    """The module without the source lines: what ships."""
    ir = re.sub(r",? !dbg !\d+", "", ir)
    return re.sub(r"^!llvm\.(dbg\.cu|module\.flags) = .*$", "", ir, flags=re.MULTILINE)


def assemble(ir: str, cpu: str) -> bytes:
    """Object code of a module for a CPU level.

    Parameters
    ----------
    ir : str
        Module as text.
    cpu : str
        One of CPU_LEVELS, or any name LLVM knows.

    Returns
    -------
    bytes
        A relocatable ELF file without undefined symbols.

    Raises
    ------
    LinkError
        If the code refers to a symbol that it does not define.
    """
    machine = target_machine(cpu)
    module = optimise(without_lines(ir), machine)
    image: bytes = machine.emit_object(module)
    _refuse_foreign(undefined_symbols(image))
    return image


def _refuse_foreign(symbols: Iterable[str]) -> None:
    """Raise LinkError if there is any symbol from outside."""
    names = ", ".join(sorted(symbols))
    if names:
        raise LinkError(
            f"the code calls {names}: outside the kernel language, which has + - * / and sqrt"
        )


def listing(ir: str, cpu: str, alone: str) -> dict[str, str]:
    """What the optimiser made of a module with source lines, as text.

    Parameters
    ----------
    ir : str
        Module as text.
    cpu : str
        As in assemble.
    alone : str
        Kernel to keep out of its callers, without anything else; the whole as it ships if empty.

    Returns
    -------
    dict
        ``assembly``, ``ir`` and ``remarks``: what the loop passes said.

    Raises
    ------
    LinkError
        If the code refers to a symbol that it does not define.
    """
    machine = target_machine(cpu)
    machine.set_asm_verbosity(True)
    _ask_for_remarks()
    if alone:
        ir = _stand_alone(ir, alone)
    with tempfile.TemporaryFile() as said:
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            module = optimise(ir, machine)
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        said.seek(0)
        remarks = said.read().decode(errors="replace")
    assembly = machine.emit_assembly(module)
    needed = set(re.findall(r"\b([A-Za-z_][\w.]*)@(?:PLT|GOTPCREL)", assembly))
    _refuse_foreign(needed - set(re.findall(r"^([A-Za-z_][\w.]*):", assembly, re.MULTILINE)))
    return {"assembly": assembly, "ir": str(module), "remarks": remarks}


@lru_cache(maxsize=1)
def _ask_for_remarks() -> None:
    """Let the loop passes of this process say on standard error what they did and why not."""
    for option, passes in (
        ("pass-remarks", "loop-vectorize|loop-unroll"),
        ("pass-remarks-missed", "loop-vectorize"),
        ("pass-remarks-analysis", "loop-vectorize"),
    ):
        llvm.set_option("riskcore", f"-{option}={passes}")


def assemble_text(assembly: str, cpu: str) -> bytes:
    """Object code of assembly text; no assembler program is needed."""
    machine = target_machine(cpu)
    escaped = assembly.replace("\\", "\\5C").replace('"', "\\22").replace("\t", "\\09")
    text = "".join(f'module asm "{line}"\n' for line in escaped.splitlines())
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    image: bytes = machine.emit_object(module)
    return image


def code_sections(image: bytes) -> dict[str, bytes]:
    """The machine code of an ELF object, by the name of its section."""
    sections, names = _sections(image)
    found = {}
    for section in sections:
        if section[2] & 4:  # SHF_EXECINSTR
            start = names + section[0]
            name = image[start : image.index(b"\0", start)].decode()
            found[name] = image[section[4] : section[4] + section[5]]
    return found


def _sections(image: bytes) -> tuple[list[tuple[int, ...]], int]:
    """Section headers of an ELF object, and where their names are."""
    (sections_at,) = struct.unpack_from("<Q", image, 0x28)
    size, count, names = struct.unpack_from("<HHH", image, 0x3A)
    sections = [
        struct.unpack_from("<IIQQQQIIQQ", image, sections_at + i * size) for i in range(count)
    ]
    return sections, sections[names][4]


def _stand_alone(ir: str, kernel: str) -> str:
    """Make the functions of a kernel the only global ones, and never inlined."""
    own = re.compile(rf"{re.escape(kernel)}(\.\d+)?")
    lines = []
    for line in ir.splitlines():
        found = re.match(r"define (internal )?(\w+ )@([\w.]+)(\(.*)", line)
        if found and own.fullmatch(found[3]):
            line = re.sub(r"\balwaysinline\b", "", f"define {found[2]}@{found[3]}{found[4]}")
            head, mark, rest = line.removesuffix("{").partition(" !dbg")
            line = f"{head} noinline{mark}{rest} {{"
        elif found and not found[1]:
            line = f"define internal {found[2]}@{found[3]}{found[4]}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def undefined_symbols(image: bytes) -> list[str]:
    """Names of the symbols that an ELF object expects from elsewhere."""
    sections, _ = _sections(image)
    names = []
    for section in sections:
        if section[1] != 2:  # SHT_SYMTAB
            continue
        strings = sections[section[6]][4]
        for offset in range(section[4] + 24, section[4] + section[5], 24):
            name, _, _, where = struct.unpack_from("<IBBH", image, offset)
            if where == 0:
                end = image.index(b"\0", strings + name)
                names.append(image[strings + name : end].decode())
    return sorted(names)
