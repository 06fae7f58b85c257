"""Numba's code generator reduced to what ahead-of-time compilation needs.

As it stands, every function that Numba compiles is linked with all it calls, optimised, turned
into machine code and given a Python wrapper, before its caller is treated the same way. Here each
function is only kept as IR, once; the emitter links and optimises the whole at the end. That more
than halves the time and changes nothing about the result. Only ``worker.py`` does this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from llvmlite import ir as llvm_ir
from numba.core import cgutils, codegen, debuginfo, types
from numba.core.base import BaseContext
from numba.core.cpu import CPUContext
from numba.core.dispatcher import Dispatcher
from numba.core.lowering import BaseLower
from numba.core.registry import cpu_target
from numba.np import arrayobj


class CollectedLibrary(codegen.AOTCodeLibrary):  # type: ignore[misc]
    """The IR of one compiled function, and which others it calls."""

    ir = ""  # the function's own module, callees declared

    def add_ir_module(self, ir_module: Any) -> None:
        """Keep a function's module as text; each library has one."""
        if self.ir:
            raise RuntimeError(f"{self.name} has two modules")
        self.ir = cgutils.normalize_ir_text(str(ir_module))

    def finalize(self) -> None:
        """Leave the code as it is: no linking, no optimisation."""
        self._finalized = True

    def walk(self, seen: set[CollectedLibrary]) -> Iterator[CollectedLibrary]:
        """This library and all below it that are not in `seen` yet, callees first."""
        # The set holds the objects: the address of one that is gone may serve another.
        if self in seen:
            return
        seen.add(self)
        for library in self._linking_libraries:
            yield from library.walk(seen)
        yield self


class CollectingCodegen(codegen.AOTCPUCodegen):  # type: ignore[misc]
    """Makes CollectedLibrary objects for a plain x86-64, whatever the host is."""

    _library_class = CollectedLibrary


class LineTable(debuginfo.DIBuilder):  # type: ignore[misc]
    """Notes where each instruction comes from, and changes nothing about the instructions.

    Numba's own line tables come with its debugging mode, which generates other code. Each function
    stands in a source file of its own here, named as the kernel: whatever is inlined where, the
    file of an instruction tells its kernel, and the line is that of the real file.
    """

    def __init__(self, module: Any, filepath: str, cgctx: Any, directives_only: bool) -> None:
        super().__init__(module, filepath, cgctx, directives_only=True)

    def initialize(self) -> None:
        """Wait until the function is known."""

    def mark_subprogram(
        self, function: Any, qualname: str, argnames: Any, argtypes: Any, line: int
    ) -> None:
        """Begin a function."""
        self.filepath = readable_name(function.name)
        self.difile = self.module.add_debug_info(
            "DIFile", {"filename": self.filepath, "directory": ""}
        )
        self.dicompileunit = self._di_compile_unit()
        kind = self.module.add_debug_info(
            "DISubroutineType", {"types": self.module.add_metadata([])}
        )
        self.subprograms.append(
            self.module.add_debug_info(
                "DISubprogram",
                {
                    "name": self.filepath,
                    "scope": self.difile,
                    "file": self.difile,
                    "line": line,
                    "type": kind,
                    "spFlags": llvm_ir.DIToken("DISPFlagDefinition"),
                    "unit": self.dicompileunit,
                },
                is_distinct=True,
            )
        )
        function.set_metadata("dbg", self.subprograms[-1])

    def mark_variable(self, *arguments: Any, **more: Any) -> None:
        """Nothing: a described variable keeps code alive."""


def readable_name(mangled: str) -> str:
    """The dotted name inside a mangled symbol, as profilers and debuggers should show it.

    Parameters
    ----------
    mangled : str
        A symbol of Numba, ``_ZN<length><part><length><part>B...``.

    Returns
    -------
    str
        ``gate.check_order`` for a kernel of the project.
    """
    parts, position = [], len("_ZN")
    while match := re.compile(r"\d+").match(mangled, position):
        position = match.end() + int(match.group())
        parts.append(mangled[match.end() : position])
    name = re.sub("_3[ce]", "", ".".join(parts))  # < and > of nested functions
    return re.sub(r"[^\w.]", "", name).removeprefix("riskcore.kernels.") or "local"


def install() -> None:
    """Use the reduced code generator in this process, for good."""

    def no_executable(context: Any, library: Any, descriptor: Any, environment: Any) -> Any:
        return [].append  # any C function of its own: it is a key and is never called

    def call_template(self: Any, arguments: Any, keywords: Any) -> Any:
        return template(self, [types.unliteral(a) for a in arguments], keywords)

    def nothing(*arguments: Any) -> None:
        """No wrapper for Python or C: the emitter writes its own."""

    def plain_index(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
        """The index as it is: the kernels count from zero and never from the end."""
        return context.cast(builder, index, kind, types.intp)

    def known_size(context: Any, kind: Any) -> int:
        """Bytes of a type; each time Numba asks, LLVM would make a module to find out."""
        text = str(kind)
        if text not in sizes:
            sizes[text] = abi_size(context, kind)
        return sizes[text]

    sizes: dict[str, int] = {}
    abi_size, BaseContext.get_abi_sizeof = BaseContext.get_abi_sizeof, known_size
    debuginfo.DummyDIBuilder = LineTable
    arrayobj.fix_integer_index = plain_index
    BaseLower.create_cpython_wrapper = nothing
    BaseLower.create_cfunc_wrapper = nothing
    # Numba formats the types of every call for its event log; ours would fill pages.
    types.Record.__repr__ = lambda self: f"Record of {self.size} bytes"
    # One compilation serves all constant arguments; inlining makes them constants again.
    template = Dispatcher.get_call_template
    Dispatcher.get_call_template = call_template
    cpu_target.target_context._internal_codegen = CollectingCodegen("riskcore", "generic")
    CPUContext.get_executable = no_executable
