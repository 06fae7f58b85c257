"""Numba's code generator reduced to what ahead-of-time compilation needs.

As it stands, every function that Numba compiles is linked with all it calls, optimised, turned
into machine code and given a Python wrapper, before its caller is treated the same way. Here each
function is only kept as IR, once; the emitter links and optimises the whole at the end. That more
than halves the time and changes nothing about the result. Only ``worker.py`` does this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numba.core import codegen, types
from numba.core.cpu import CPUContext
from numba.core.dispatcher import Dispatcher
from numba.core.lowering import BaseLower
from numba.core.registry import cpu_target
from numba.np import arrayobj


class CollectedLibrary(codegen.AOTCodeLibrary):  # type: ignore[misc]
    """The IR of one compiled function, and which others it calls."""

    def finalize(self) -> None:
        """Leave the code as it is: no linking, no optimisation."""
        self._finalized = True

    @property
    def ir(self) -> str:
        """The function's own module, callees declared."""
        return str(self._final_module)

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
