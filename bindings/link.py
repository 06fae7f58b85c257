"""LLVM IR to machine code for one CPU level, and a look at what came out."""

from __future__ import annotations

import re
import struct
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
    features = ""
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
    module = optimise(ir, machine)
    declared = [
        f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")
    ]
    if declared:
        raise LinkError(
            f"the code calls {', '.join(sorted(declared))}: kernels may only use + - * / sqrt"
        )
    image: bytes = machine.emit_object(module)
    missing = undefined_symbols(image)
    if missing:
        raise LinkError(f"the object needs {', '.join(missing)}: kernels may only use + - * / sqrt")
    return image


def undefined_symbols(image: bytes) -> list[str]:
    """Names of the symbols that an ELF object expects from elsewhere."""
    (sections_at,) = struct.unpack_from("<Q", image, 0x28)
    size, count = struct.unpack_from("<HH", image, 0x3A)
    sections = [
        struct.unpack_from("<IIQQQQIIQQ", image, sections_at + i * size) for i in range(count)
    ]
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
