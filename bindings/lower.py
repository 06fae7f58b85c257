"""Kernels to LLVM IR: every row of the export table becomes one plain C function.

Numba compiles a small entry function per export with an explicit signature of pointers and
scalars. Its native convention is ``(result *, exception **, arguments...) -> status``; a few lines
of IR wrap that in ``int64_t rc_xxx(void *state, ...)``. Kernels never raise, so the status folds
away; if one ever did, the wrapper returns 0, which never means success.

Runs in a process of its own (see ``worker.py``), because Numba reads its options at import.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable
from typing import Any

import llvmlite.binding as llvm
import numba
from numba.core import errors, types
from numba.core.ir import Loc
from numba.extending import intrinsic

from riskcore.bindings import collect, screen, tune
from riskcore.codes import BAD_BUFFER, OK
from riskcore.kernels.api import EXPORTS, Argument, Export, constants
from riskcore.layout import Shape, record_dtype, state_dtype

OPTIONS = {
    "error_model": "numpy",
    "boundscheck": False,
    "fastmath": False,
    "nogil": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
POINTER_ATTRIBUTES = "nocapture nonnull noundef"
# Other processes write these while a function looks at them. Of an argument that is noalias and
# only read the compiler may take it that nobody does, and move loads over fences.
SHARED_RECORDS = ("journal", "journal_record", "control_page", "published_page")
ATTRIBUTES = 'nounwind uwtable "no-builtins"'

# Block copies and fills that code generation may ask for; local symbols, so nothing is undefined.
SUPPORT = f"""
define internal ptr @memset(ptr %to, i32 %value, i64 %size) {ATTRIBUTES} {{
  %byte = trunc i32 %value to i8
  %end = call {{ ptr, i64 }} asm sideeffect "rep stosb",
    "={{di}},={{cx}},{{al}},0,1,~{{memory}},~{{dirflag}},~{{fpsr}},~{{flags}}"(
    i8 %byte, ptr %to, i64 %size)
  ret ptr %to
}}
define internal ptr @memcpy(ptr %to, ptr %from, i64 %size) {ATTRIBUTES} {{
  %end = call {{ ptr, ptr, i64 }} asm sideeffect "rep movsb",
    "={{di}},={{si}},={{cx}},0,1,2,~{{memory}},~{{dirflag}},~{{fpsr}},~{{flags}}"(
    ptr %to, ptr %from, i64 %size)
  ret ptr %to
}}
@llvm.compiler.used = appending global [2 x ptr] [ptr @memset, ptr @memcpy], section "llvm.metadata"
"""


class LoweringError(Exception):
    """A kernel that does not exist or does not compile; the message is one line."""


@intrinsic
def dereference(typing_context: Any, pointer: Any) -> Any:
    """The record behind a pointer; records are passed by address, so this costs nothing."""
    if not isinstance(pointer, types.CPointer):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return arguments[0]

    return pointer.dtype(pointer), generate


def _numba_type(argument: Argument, shape: Shape) -> Any:
    """The Numba type in which an argument reaches the entry function."""
    if argument.kind == "record":
        return types.CPointer(numba.from_dtype(record_dtype(argument.record, shape)))
    scalar = {"i64": types.int64, "f64": types.float64}[argument.kind]
    return types.CPointer(scalar) if argument.is_pointer else scalar


def _length(argument: Argument) -> str:
    """The length behind a pointer as an expression of constants and other arguments."""
    return argument.size


def _entry_source(export: Export) -> str:
    """Source of the entry function: pointers to records and arrays, then the kernel."""
    passed = []
    for argument in export.arguments:
        if argument.size:
            passed.append(f"carray({argument.name}, ({_length(argument)},))")
        elif argument.kind == "record":
            passed.append(f"dereference({argument.name})")
        else:
            passed.append(argument.name)
    names = [a.name for a in export.c_arguments]
    if export.takes_state:
        names, passed = ["state", *names], ["dereference(state)", *passed]
    parameters, body = ", ".join(names), ", ".join(passed)
    return f"def {export.name}({parameters}):\n    return kernel({body})\n"


def _load(export: Export) -> Any:
    """The kernel of an export, or LoweringError where its module cannot be loaded."""
    try:
        return export.load()
    except SyntaxError as error:
        raise LoweringError(screen.shown_syntax(error)) from error
    except Exception as error:  # whatever an edited module does while it is loaded
        cause = f"{_raised_at(error)}{type(error).__name__}: {error}"
        raise LoweringError(f"{cause} (importing {_where(export)})") from error


def entry_function(export: Export, shape: Shape) -> tuple[Any, Any]:
    """The Python function of pointers and scalars that calls an export's kernel, and its signature.

    Raises
    ------
    LoweringError
        If the kernel cannot be imported.
    """
    kernel = _load(export)
    frozen = constants(shape)
    names = {a.name for a in export.c_arguments}
    scope: dict[str, Any] = {
        "kernel": kernel,
        "dereference": dereference,
        "carray": numba.carray,
        "ring_records": 1,  # the true length stands in the journal; no index leaves it
        **{key: value for key, value in frozen.items() if key not in names},
    }
    exec(compile(_entry_source(export), f"<{export.name}>", "exec"), scope)  # noqa: S102
    parameters = [_numba_type(a, shape) for a in export.c_arguments]
    if export.takes_state:
        parameters.insert(0, types.CPointer(numba.from_dtype(state_dtype(shape))))
    return scope[export.name], types.int64(*parameters)


def _where(export: Export) -> str:
    return f"{export.name} (riskcore.kernels.{export.kernel})"


def _compile(
    export: Export, shape: Shape, seen: set[collect.CollectedLibrary]
) -> tuple[str, list[str]]:
    """Compile one export; returns its native symbol and the modules not in `seen` yet."""
    function, signature = entry_function(export, shape)
    try:
        entry = numba.njit(signature, **OPTIONS)(function)
    except errors.NumbaError as error:
        raise LoweringError(f"{_cause(error)} (compiling {_where(export)})") from error
    except KeyError as error:
        cause = _missing_field(error)
        if not cause:
            raise
        raise LoweringError(f"{cause} (compiling {_where(export)})") from error
    compiled = entry.overloads[signature.args]
    modules = [library.ir for library in compiled.library.walk(seen)]
    return compiled.fndesc.llvm_func_name, modules


def refuse_foreign(exports: Iterable[Export]) -> None:
    """Load the kernels and raise LoweringError if one is outside the kernel language."""
    for export in exports:
        if export.kernel:
            _load(export)
    for offence in screen.offences():
        raise LoweringError(offence)


def _raised_at(error: Exception) -> str:
    """File and line of a kernel's module that an exception passed last, or nothing."""
    steps = traceback.extract_tb(error.__traceback__)
    places = [
        screen.shown_place(step.filename, step.lineno or 0)
        for step in steps
        if "/riskcore/kernels/" in step.filename and not step.filename.endswith("api.py")
    ]
    return f"{places[-1]}: " if places else ""


def _cause(error: Exception) -> str:
    """Where and why a compiler message says that it stopped, on one line; callers left out."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    text = re.sub(r"Record\(.*?;\d+;(True|False)\)", "Record", text)
    where = re.search(r"^During: [^\n]* at (/[^\n]*) \((\d+)\)", text, flags=re.MULTILINE)
    where = where or re.search(r'File "([^"]+)", line (\d+)', text)
    lines = [
        line.strip() for line in re.split(r"^(?:During: |File )", text, flags=re.M)[0].splitlines()
    ]
    kept = [
        line[:160]
        for line in lines
        if line and not re.match(r"(Failed in nopython|There are|- |This error is|\^|>>>)", line)
    ]
    place = f"{screen.shown_place(where[1], int(where[2]))}: " if where else ""
    return place + " | ".join(kept[:3])


def _missing_field(error: KeyError) -> str:
    """Where a kernel names a field of another record than its own, or nothing for other errors."""
    owners = [frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__)]
    places = [at for at in (getattr(owner, "loc", None) for owner in owners) if isinstance(at, Loc)]
    if not places or not isinstance(owners[-1], types.Record):
        return ""
    said = screen.unknown_field("this record has no field", error.args[0], owners[-1].fields)
    return f"{screen.shown_place(places[-1].filename, places[-1].line)}: {said}"


def _c_type(argument: Argument) -> str:
    return "ptr" if argument.is_pointer else {"i64": "i64", "f64": "double"}[argument.kind]


def _wrapper(export: Export, native: str, shape: Shape) -> str:
    """IR of the C function around a native entry function."""
    frozen = constants(shape)
    parameters, taken = [], []
    if export.takes_state:
        taken.append("ptr %state")
        parameters.append(
            f"ptr noalias {POINTER_ATTRIBUTES} align {frozen['alignment']} "
            f"dereferenceable({frozen['size_bytes']}) %state"
        )
    for argument in export.c_arguments:
        attributes = ""
        if argument.is_pointer:
            alone = "" if argument.record in SHARED_RECORDS else "noalias "
            attributes = f"{alone}{POINTER_ATTRIBUTES} align 8 "
            if not argument.size:
                size = record_dtype(argument.record, shape).itemsize
                attributes += f"dereferenceable({size}) "
        parameters.append(f"{_c_type(argument)} {attributes}%{argument.name}")
    taken += [f"{_c_type(a)} %{a.name}" for a in export.c_arguments]
    passed, types_only = ", ".join(taken), ", ".join(text.split()[0] for text in taken)
    head, tail = "", ""
    if export.name in ("rc_state_init", "rc_state_attach"):
        # Foreign memory: nothing about it may be assumed before it was looked at.
        parameters = ["ptr %state"]
        head = f"""
  %.address = ptrtoint ptr %state to i64
  %.low = and i64 %.address, {frozen["alignment"] - 1}
  %.misaligned = icmp ne i64 %.low, 0
  %.missing = icmp eq i64 %.address, 0
  %.refused = or i1 %.misaligned, %.missing
  br i1 %.refused, label %refuse, label %accept
accept:"""
        tail = f"\nrefuse:\n  ret i64 {BAD_BUFFER}"
    if export.name == "rc_state_init":
        head += f"\n  %.cleared = call ptr @memset(ptr %state, i32 0, i64 {frozen['size_bytes']})"
    return f"""
declare i32 @{native}(ptr, ptr, {types_only})
define i64 @{export.name}({", ".join(parameters)}) {ATTRIBUTES} {{
  %.result = alloca i64
  %.exception = alloca ptr
  store i64 0, ptr %.result
  store ptr null, ptr %.exception{head}
  %.status = call i32 @{native}(ptr %.result, ptr %.exception, {passed})
  %.value = load i64, ptr %.result
  %.fine = icmp eq i32 %.status, 0
  %.answer = select i1 %.fine, i64 %.value, i64 0
  ret i64 %.answer{tail}
}}
"""


def _constant(name: str, value: int) -> str:
    return f"define i64 @{name}() {ATTRIBUTES} {{ ret i64 {value} }}\n"


def _written_here(export: Export, shape: Shape) -> str:
    """IR of the functions that are no kernel."""
    frozen = constants(shape)
    if not export.takes_state:
        known = {"rc_state_size": "size_bytes", "rc_state_align": "alignment"}
        return _constant(export.name, frozen[known.get(export.name, export.method)])
    if export.name == "rc_checkpoint":
        return f"""
define i64 @{export.name}(ptr %state, ptr %memory) {ATTRIBUTES} {{
  %end = call ptr @memcpy(ptr %memory, ptr %state, i64 {frozen["size_bytes"]})
  ret i64 {OK}
}}
"""
    raise LoweringError(f"{export.name} has no kernel")


def _shorten(module: Any) -> None:
    """Give every local function and variable a short name: mangled ones run to 15 kB."""
    taken = {export.name for export in EXPORTS}
    for value in (*module.functions, *module.global_variables):
        name = value.name
        if not name.startswith("_ZN"):
            continue
        short = base = collect.readable_name(name)
        number = 1
        while short in taken:
            number += 1
            short = f"{base}.{number}"
        taken.add(short)
        value.name = short


def lower(shape: Shape, exports: Iterable[Export] = EXPORTS) -> str:
    """Compile the kernels of a shape to one module of IR, the same for every CPU.

    Parameters
    ----------
    shape : Shape
        Sizes frozen into the code.
    exports : iterable of Export
        Rows of the export table.

    Returns
    -------
    str
        Text of the module. All functions but the exports are local; every instruction tells its
        kernel and source line.

    Raises
    ------
    LoweringError
        If a kernel does not exist or does not compile.
    """
    parts = [llvm.parse_assembly(SUPPORT)]
    collect.install()
    seen: set[collect.CollectedLibrary] = set()
    wrappers, kept = [], ["memset", "memcpy"]
    exports = tuple(exports)
    refuse_foreign(exports)
    for export in exports:
        kept.append(export.name)
        if export.kernel:
            native, modules = _compile(export, shape, seen)
            parts += map(llvm.parse_assembly, modules)
            wrappers.append(_wrapper(export, native, shape))
        else:
            wrappers.append(_written_here(export, shape))
    module = _linked(parts)
    support = "declare ptr @memset(ptr, i32, i64)\ndeclare ptr @memcpy(ptr, ptr, i64)\n"
    module = _join(module, support + "".join(wrappers))
    for value in (*module.functions, *module.global_variables):
        if (
            not value.is_declaration
            and value.name not in kept
            and not value.name.startswith("llvm.")
        ):
            value.linkage = "internal"
    _shorten(module)
    module.verify()
    return _place_wrappers(tune.tune(_annotate(str(module))))


def _linked(parts: list[Any]) -> Any:
    """One module of many, in pairs of like size: each link looks at the whole of what is there."""
    while len(parts) > 1:
        for first, second in zip(parts[::2], parts[1::2], strict=False):
            first.link_in(second)
        parts = parts[::2]
    return parts[0]


def _join(module: Any, wrappers: str) -> Any:
    """Link the C functions to the kernels; local helpers must be visible while that happens."""
    for name in ("memset", "memcpy"):
        module.get_function(name).linkage = "external"
    module.link_in(llvm.parse_assembly(wrappers))
    for name in ("memset", "memcpy"):
        module.get_function(name).linkage = "internal"
    return module


def _annotate(ir: str) -> str:
    """Add the attributes of our own functions to those that Numba made.

    Views made from plain pointers own nothing, so counting their references is dropped; a kernel
    that really allocates still shows as an undefined symbol.
    """
    ir = re.sub(
        r"^define [^\n]*@(NRT_(?:incref|decref))\(.*?^}$",
        r"define internal void @\1(ptr %unused) alwaysinline {\n  ret void\n}",
        ir,
        flags=re.MULTILINE | re.DOTALL,
    )
    # The square root is one instruction; the C function of that name also sets errno.
    ir = ir.replace("call double @sqrt(", "call double @llvm.sqrt.f64(")
    ir = re.sub(r"^declare double @sqrt\(.*$", "", ir, flags=re.MULTILINE)
    if "@llvm.sqrt.f64(" in ir and "declare double @llvm.sqrt.f64(" not in ir:
        ir += "declare double @llvm.sqrt.f64(double)\n"
    lines = []
    for line in ir.splitlines():
        if line.startswith("define ") and line.endswith("{") and '"no-builtins"' not in line:
            line = tune.with_attributes(line, ATTRIBUTES)
        lines.append(line)
    return "\n".join(lines) + "\n"


def _place_wrappers(ir: str) -> str:
    """Give the functions written here a source of their own, so that what they inline keeps its."""
    unit = re.search(r"^!llvm\.dbg\.cu = !\{(!\d+)", ir, flags=re.MULTILINE)
    if unit is None:
        return ir
    lines: list[str] = []
    metadata: list[str] = []
    place = 0
    for line in ir.splitlines():
        found = re.match(r"define i64 @(rc_\w+)\(", line)
        if found:
            place = 2 * tune.FIRST_METADATA + len(metadata)
            line = tune.with_attributes(line, "").removesuffix("{") + f"!dbg !{place} {{"
            metadata += [
                f'!{place} = distinct !DISubprogram(name: "{found[1]}", scope: !{place + 2}, '
                f"file: !{place + 2}, line: 1, type: !{place + 3}, spFlags: DISPFlagDefinition, "
                f"unit: {unit[1]})",
                f"!{place + 1} = !DILocation(line: 1, scope: !{place})",
                f'!{place + 2} = !DIFile(filename: "{found[1]}", directory: "")',
                f"!{place + 3} = !DISubroutineType(types: !{{null}})",
            ]
        elif line == "}":
            place = 0
        elif place and " call " in line:
            line = f"{line}, !dbg !{place + 1}"
        lines.append(line)
    return "\n".join(lines + metadata) + "\n"
