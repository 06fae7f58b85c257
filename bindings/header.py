"""The C header and the Cython declarations, from the layout, the codes and the export table.

What is written here is form. The words come from beside the code that they describe: fields and
units from ``layout.py``, codes from the comments in ``codes.py``, purposes from ``kernels/api.py``,
arguments and statuses from the docstrings of the kernels; ``prose.py`` has the rest, what only
users of C want to know. ``python -m riskcore.bindings.header`` writes the files that are checked
in.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from riskcore import codes, layout
from riskcore.bindings import prose
from riskcore.kernels.api import EXPORTS, Argument, Export
from riskcore.layout import RECORDS, SHAPE_NAMES, STATE_BLOCKS, Field, Shape

PACKAGE = Path(layout.__file__).resolve().parent
HERE = Path(__file__).resolve().parent
HEADER = HERE / "include" / "riskcore.h"
DECLARATIONS = HERE / "cython" / "riskcore.pxd"

WIDTH = 100
COMMENT_AT = 38
C_TYPES = {"i8": "int64_t", "f8": "double"}
# Units that the meaning of a field says already.
SILENT_UNITS = ("-", "code", "flag", "bits")


def package_version() -> str:
    """The version of the package, read from its source: the extension may not be built yet."""
    text = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if not found:
        raise ValueError(f"{PACKAGE / '__init__.py'} has no __version__")
    return found[1]


# --- codes ----------------------------------------------------------------------------------------


class Constant(NamedTuple):
    """One number of ``codes.py``: its name there, its value, what its comment says."""

    name: str
    value: int | float
    meaning: str


class Enum(NamedTuple):
    """One C enumeration: name, what it is, constants, and the name that C shows of each."""

    name: str
    title: str
    constants: tuple[Constant, ...]
    shown: dict[int, str]


@lru_cache(maxsize=1)
def constants() -> dict[str, Constant]:
    """Every public number of ``codes.py`` by name, in its order, with the comment beside it."""
    found = {}
    pattern = re.compile(r"^([A-Z][A-Z0-9_]*) = .*?(?:  # (.*))?$", re.MULTILINE)
    for name, comment in pattern.findall((PACKAGE / "codes.py").read_text(encoding="utf-8")):
        value = getattr(codes, name)
        if isinstance(value, (int, float)):
            found[name] = Constant(name, value, comment)
    return found


def _marks(check: codes.Check) -> str:
    marks = f"{'R' if check.resizes else ''}{'X' if check.blocks_exits else ''}"
    return f" [{marks}]" if marks else ""


@lru_cache(maxsize=1)
def enums() -> tuple[tuple[Enum, ...], tuple[Constant, ...]]:
    """The enumerations, and the constants that are in none: they become macros."""
    left = dict(constants())
    result = []
    for group in prose.ENUMS:
        if group.name == "rc_reason":
            members = [
                Constant(check.name, number, f"{check.meaning}{_marks(check)}")
                for number, check in sorted(codes.CHECKS.items())
            ]
        elif group.name == "rc_layer":
            members = [
                Constant(f"LAYER_{name.upper()}", number, "")
                for number, name in enumerate(codes.LAYER_NAMES)
            ]
        else:
            names = group.names or [name for name in left if name.startswith(group.prefix)]
            members = [left[name] for name in names if name not in group.without]
        for member in members:
            left.pop(member.name, None)
        shown = {int(m.value): m.name.removeprefix(group.prefix) for m in members}
        if group.lower:
            shown = {number: name.lower() for number, name in shown.items()}
        result.append(Enum(group.name, group.title, tuple(members), shown))
    return tuple(result), tuple(left.values())


# --- text -----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _code_pattern() -> re.Pattern[str]:
    names = [*constants(), *(f"LAYER_{name.upper()}" for name in codes.LAYER_NAMES)]
    names += ["MAGIC", "ABI_VERSION"]
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])({'|'.join(longest_first)}|[A-Z][A-Z_]*_(?=\*))(?![\w-])")


def _in_c(text: str, names: dict[str, str] | None = None) -> str:
    """A text of the Python sources as C readers know the names in it.

    Codes get their prefix, kernels and their arguments the names of the export table; backticks go.
    """
    known = {export.kernel: export.name for export in EXPORTS if export.kernel}
    known |= {kernel.rpartition(".")[2]: name for kernel, name in known.items()}
    known |= names or {}

    def unquote(match: re.Match[str]) -> str:
        return known.get(match[1], match[1])

    text = re.sub(r"`+([^`]+)`+", unquote, text)
    for name, other in (names or {}).items():
        text = re.sub(rf"\b{name}\.(?=\w)", f"{other}.", text)
    return _code_pattern().sub(r"RC_\1", text)


def _paragraphs(text: str) -> list[str]:
    """Paragraphs of a text; one that is indented keeps its lines."""
    return [p for p in re.split(r"\n[ \t]*\n", inspect.cleandoc(text)) if p.strip()]


def _fill(text: str, width: int = WIDTH - 3, hang: str = "") -> list[str]:
    """Wrap paragraphs to lines with an empty one between; indented paragraphs stay as they are."""
    lines: list[str] = []
    for paragraph in _paragraphs(text):
        if lines:
            lines.append("")
        if paragraph.startswith(" "):
            lines += [line.rstrip() for line in paragraph.splitlines()]
            continue
        bullets = re.split(r"\n(?=- )", paragraph)
        for bullet in bullets:
            indent = "  " if bullet.startswith("- ") else hang
            lines += textwrap.wrap(
                " ".join(bullet.split()),
                width,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return lines


def _comment(lines: Iterable[str]) -> list[str]:
    """A block comment."""
    inner = list(lines)
    for line in inner:
        if "*/" in line or "/*" in line:
            raise ValueError(f"a comment cannot hold {line!r}")
    if len(inner) == 1:
        return [f"/* {inner[0]} */"]
    return [f"/* {inner[0]}", *(f" * {line}".rstrip() for line in inner[1:]), " */"]


def _heading(title: str) -> list[str]:
    """The start of a part of the header."""
    bar = "=" * (WIDTH - 4)
    return ["", f"/* {bar}", f" * {title}", f" * {bar} */", ""]


def _beside(declaration: str, text: str, column: int = COMMENT_AT) -> list[str]:
    """A declaration with its meaning beside it, wrapped."""
    if not text:
        return [declaration]
    column = max(column, len(declaration) + 2)
    lines = textwrap.wrap(text, WIDTH - column - 6, break_on_hyphens=False)
    result = [f"{declaration:<{column}}/* {lines[0]}"]
    result += [f"{'':<{column}} * {line}" for line in lines[1:]]
    result[-1] += " */"
    return result


# --- codes as C -----------------------------------------------------------------------------------


def _number(value: int | float) -> str:
    """A literal: plain where an int holds it, else 64 bits wide."""
    if isinstance(value, float):
        return repr(value)
    return str(value) if abs(value) < 1 << 31 else f"INT64_C({value})"


def _enum(enum: Enum) -> Iterator[str]:
    """One enumeration."""
    yield from _comment(_fill(_in_c(enum.title)))
    yield f"enum {enum.name} {{"
    rows = [f"    RC_{member.name} = {member.value}," for member in enum.constants]
    rows[-1] = rows[-1].rstrip(",")
    column = max(map(len, rows)) + 2
    layer = 0
    for row, member in zip(rows, enum.constants, strict=True):
        check = codes.CHECKS[int(member.value)] if enum.name == "rc_reason" else None
        if check and check.layer != layer:
            layer = check.layer
            yield f"    /* layer {layer}, {codes.LAYER_NAMES[layer]} */"
        yield from _beside(row, _in_c(member.meaning), column)
    yield "};"
    yield ""


def _name_function(enum: Enum) -> Iterator[str]:
    """The function from a number of an enumeration to its name."""
    yield f"static inline const char *{enum.name}_name(int64_t number)"
    yield "{"
    yield "    switch (number) {"
    for number, name in enum.shown.items():
        yield f'    case {number}: return "{name}";'
    yield '    default: return "unknown";'
    yield "    }"
    yield "}"
    yield ""


# --- structures -----------------------------------------------------------------------------------


class Struct(NamedTuple):
    """One C structure: tag, fields, what it is, and which record or else block it lays out."""

    name: str
    fields: tuple[Field, ...]
    text: str
    record: str = ""
    block: str = ""

    def dtype(self, shape: Shape) -> Any:
        """The layout of one of it."""
        if self.record:
            return layout.record_dtype(self.record, shape)
        return layout.state_dtype(shape)[self.block].base


@lru_cache(maxsize=1)
def structs() -> tuple[tuple[Struct, ...], tuple[Struct, ...]]:
    """Structures of the records, and those of the blocks that are no records as well."""
    records = tuple(
        Struct(record_struct(name), table, prose.RECORDS.get(name, ""), record=name)
        for name, table in RECORDS.items()
    )
    blocks = tuple(
        Struct(
            block_struct(block.name),
            block.fields,
            prose.BLOCKS.get(block.name, ""),
            block=block.name,
        )
        for block in STATE_BLOCKS
        if not any(block.fields is table for table in RECORDS.values())
    )
    return records, blocks


def record_struct(name: str) -> str:
    """Tag of the structure of a record."""
    return f"rc_{prose.RECORD_STRUCTS.get(name, name)}"


def block_struct(name: str) -> str:
    """Tag of the structure of a block, that of a record where both are one table."""
    (block,) = (block for block in STATE_BLOCKS if block.name == name)
    for record, table in RECORDS.items():
        if table is block.fields:
            return record_struct(record)
    return f"rc_{prose.BLOCK_STRUCTS.get(name, name)}"


def _dimensions(shape: Iterable[str | int]) -> str:
    """Array bounds as C has them: sizes of the shape by their macros."""
    return "".join(f"[RC_{s.upper()}]" if isinstance(s, str) else f"[{s}]" for s in shape)


def _meaning(field: Field) -> str:
    """What stands beside a field."""
    unit = "" if field.unit in SILENT_UNITS else f" [{field.unit}]"
    return _in_c(field.meaning) + unit


def _padding(struct: Struct, shape: Shape) -> int:
    """Number of int64 that fill the record's last cache line."""
    dtype = struct.dtype(shape)
    return int(dtype["padding"].shape[0]) if "padding" in dtype.names else 0


def _split(struct: Struct, shape: Shape) -> tuple[tuple[Field, ...], str]:
    """Fields of a structure, and the record, if any, that makes up the rest of it word by word."""
    for name, table in RECORDS.items():
        before = len(struct.fields) - len(table)
        if before > 0 and struct.fields[before:] == table:
            dtype: Any = struct.dtype(shape)
            offset = dtype.fields[table[0].name][1]
            if offset + layout.record_dtype(name, shape).itemsize == dtype.itemsize:
                return struct.fields[:before], name
    return struct.fields, ""


def _struct(struct: Struct, shape: Shape) -> Iterator[str]:
    """One structure."""
    if struct.text:
        yield from _comment(_fill(_in_c(struct.text)))
    yield f"struct {struct.name} {{"
    fields, inner = _split(struct, shape)
    for field in fields:
        kind = C_TYPES[field.type]
        declaration = f"    {kind} {field.name}{_dimensions(field.shape)};"
        yield from _beside(declaration, _meaning(field))
    if inner:
        yield f"    struct {record_struct(inner)} {inner};"
    padding = 0 if inner else _padding(struct, shape)
    if padding:
        yield from _beside(f"    int64_t padding[{padding}];", "to a whole cache line")
    yield "};"
    yield f"typedef struct {struct.name} {struct.name};"
    yield ""


def _state() -> Iterator[str]:
    """The structure of the whole buffer."""
    yield from _comment(_fill(_in_c(prose.STATE)))
    yield "struct rc_state {"
    rows = []
    for number, block in enumerate(STATE_BLOCKS):
        align = "RC_ALIGNAS(RC_STATE_ALIGNMENT) " if number == 0 else ""
        kind = f"{align}struct {block_struct(block.name)}"
        rows.append((f"    {kind} {block.name}{_dimensions(block.dims)};", block.meaning))
    yield from _rows(rows)
    yield "};"
    yield "typedef struct rc_state rc_state;"
    yield ""


def members(struct: Struct, shape: Shape) -> list[tuple[str, int]]:
    """Members of a structure in C, with their offsets."""
    fields: Any = struct.dtype(shape).fields
    own, inner = _split(struct, shape)
    if not inner:
        return [(name, offset) for name, (_, offset, *_) in fields.items()]
    first = RECORDS[inner][0].name
    return [*((field.name, fields[field.name][1]) for field in own), (inner, fields[first][1])]


def _assertions(shape: Shape) -> Iterator[str]:
    """Size of every structure and offset of every member."""
    records, blocks = structs()
    for struct in (*records, *blocks):
        yield f"RC_SIZE({struct.name}, {struct.dtype(shape).itemsize});"
        yield from _packed(
            f"RC_AT({struct.name}, {name}, {offset});" for name, offset in members(struct, shape)
        )
    state: Any = layout.state_dtype(shape)
    yield f"RC_SIZE(rc_state, {state.itemsize});"
    yield from _packed(f"RC_AT(rc_state, {name}, {state.fields[name][1]});" for name in state.names)


def _rows(rows: list[tuple[str, str]]) -> Iterator[str]:
    """Declarations with their meanings in one column."""
    column = max(len(declaration) for declaration, _ in rows) + 2
    for declaration, text in rows:
        yield from _beside(declaration, text, column)


def _packed(items: Iterable[str]) -> Iterator[str]:
    """As many on a line as fit."""
    line = ""
    for item in items:
        if line and len(line) + 1 + len(item) > WIDTH:
            yield line
            line = ""
        line = f"{line} {item}".strip()
    if line:
        yield line


# --- functions ------------------------------------------------------------------------------------


class Docstring(NamedTuple):
    """A kernel's docstring: what it does, arguments as (names, type, text), returns, notes."""

    summary: str
    parameters: tuple[tuple[str, str, str], ...]
    returns: str
    notes: str


@lru_cache(maxsize=64)
def _kernel_functions(module: str) -> dict[str, ast.FunctionDef]:
    """Functions of a kernel module by name; read, not imported, which would load the compiler."""
    path = PACKAGE / "kernels" / f"{module.replace('.', '/')}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _docstring(node: ast.FunctionDef) -> Docstring:
    """Read a docstring in the form of numpydoc."""
    text = ast.get_docstring(node) or ""
    parts = re.split(r"^(Parameters|Returns|Notes)\n-+\n", text, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    parameters: list[tuple[str, str, str]] = []
    for line in sections.get("Parameters", "").splitlines():
        if line.startswith(" ") and parameters:
            names, kind, said = parameters[-1]
            parameters[-1] = (names, kind, f"{said} {line.strip()}".strip())
        elif line.strip():
            names, _, kind = line.partition(" : ")
            parameters.append((names, kind, ""))
    returns = textwrap.dedent("\n".join(sections.get("Returns", "").splitlines()[1:]))
    notes = sections.get("Notes", "")
    return Docstring(parts[0].strip(), tuple(parameters), returns.strip(), notes.strip())


def _constraint(kind: str) -> str:
    """What the type of a documented argument says beyond its C type and its usual unit."""
    dropped = r"(int64|float64|record|[A-Z_]+)(\[[\w *]+\])?|[A-Z_]+ and [A-Z_]+"
    dropped += r"|read|output|scratch|output; scratch|modified in place"
    dropped += r"|ns|lots|ticks|cash|fraction.*"
    parts = [part.strip().removeprefix("read; ") for part in kind.split(",")]
    return ", ".join(part for part in parts if part and not re.fullmatch(dropped, part))


def _arguments(export: Export, doc: Docstring, names: dict[str, str]) -> list[str]:
    """Lines about the arguments that need words of their own."""
    rows = []
    for documented, kind, said in doc.parameters:
        left = [names[n.strip()] for n in documented.split(",") if n.strip() in names]
        text = _in_c(" ".join(filter(None, (_constraint(kind), said))), names)
        if kind and said and _constraint(kind):
            text = _in_c(f"{_constraint(kind)}. {said}", names)
        if left and text:
            rows.append((", ".join(left), text))
    if not rows:
        return []
    width = min(max(len(row[0]) for row in rows), 28)
    lines = [""]
    for name, text in rows:
        filled = textwrap.wrap(text, WIDTH - 3 - width - 4, break_on_hyphens=False)
        if len(name) > width:
            lines.append(f"  {name}")
        else:
            filled[0] = f"  {name:<{width}}  {filled[0]}"
            lines.append(filled.pop(0))
        lines += [f"{'':<{width + 4}}{line}" for line in filled]
    return lines


def _parameter(argument: Argument) -> str:
    """One parameter of a prototype."""
    if not argument.is_pointer:
        return f"{C_TYPES[{'i64': 'i8', 'f64': 'f8'}[argument.kind]]} {argument.name}"
    if argument.kind == "record":
        kind = f"struct {record_struct(argument.record)}"
    else:
        kind = {"f64": "double", "i64": "int64_t", "u8": "void"}[argument.kind]
    return f"{'' if argument.writes else 'const '}{kind} *{argument.name}"


def parameters(export: Export) -> list[str]:
    """The parameters of a function in C."""
    state = []
    if export.takes_state:
        state = [f"{'const ' if export.reads_only else ''}struct rc_state *state"]
    return state + [_parameter(argument) for argument in export.c_arguments]


def _prototype(export: Export) -> list[str]:
    """A declaration, wrapped."""
    head = f"int64_t {export.name}("
    rows = ", ".join(parameters(export)) or "void"
    # A type and its name stay together.
    text = (head + rows + ") RC_NOEXCEPT;").replace(", ", ",\n").replace(") RC", ")\nRC")
    lines = [""]
    for part in text.split("\n"):
        if lines[-1] and len(lines[-1]) + 1 + len(part) > WIDTH:
            lines.append(" " * len(head) + part)
        else:
            lines[-1] = f"{lines[-1]} {part}" if lines[-1] else part
    return lines


def _thread(export: Export) -> str:
    words = prose.FUNCTIONS.get(export.name)
    if words and words.thread:
        return words.thread
    if not export.takes_state:
        return "Any thread."
    if export.reads_only:
        return "Reads only: the writer's thread, or any thread on a copy."
    return "The writer's thread."


def _function(export: Export) -> Iterator[str]:
    """One function: what it does, its arguments, what it returns, what it costs, who may call."""
    words = prose.FUNCTIONS.get(export.name, prose.Function(""))
    doc, names = Docstring(f"{export.purpose[0].upper()}{export.purpose[1:]}.", (), "", ""), {}
    if export.kernel:
        module, _, function = export.kernel.rpartition(".")
        node = _kernel_functions(module)[function]
        doc = _docstring(node)
        given = [argument.arg for argument in node.args.args][export.takes_state :]
        names = {
            kernel_name: argument.name
            for kernel_name, argument in zip(given, export.arguments, strict=True)
            if argument.kind != "constant"
        }
    lines = _fill(_in_c(words.summary or doc.summary, names))
    lines += _arguments(export, doc, names)
    for text in (_in_c(words.text, names), _in_c(doc.notes, names) if words.notes else ""):
        if text:
            lines += ["", *_fill(text)]
    returns = _in_c(words.returns or doc.returns, names)
    if returns:
        lines += ["", *_fill(f"Returns: {returns}")]
    cost = f"Cost: {words.cost}. " if words.cost else ""
    lines += ["", *_fill(f"{cost}{_thread(export)}")]
    yield from _comment(lines)
    yield from _prototype(export)
    yield ""


def _functions() -> Iterator[str]:
    """Every function by section, each section with what is common to it and a list."""
    section = ""
    for export in EXPORTS:
        if export.section != section:
            section = export.section
            yield from _heading(section.capitalize())
            about = _fill(_in_c(prose.SECTIONS.get(section, "")))
            rows = [e for e in EXPORTS if e.section == section]
            width = max(len(e.name) for e in rows)
            index = [
                line
                for e in rows
                for line in textwrap.wrap(
                    _in_c(e.purpose),
                    WIDTH - 3,
                    initial_indent=f"  {e.name:<{width}}  ",
                    subsequent_indent=" " * (width + 4),
                )
            ]
            yield from _comment([*about, *([""] if about else []), *index])
            yield ""
        yield from _function(export)


# --- the header -----------------------------------------------------------------------------------


def _macros(shape: Shape) -> Iterator[str]:
    """Version, identity and shape."""
    version = package_version()
    major, minor, patch = version.split(".")[:3]
    rows: list[tuple[str, str, str]] = [
        ("VERSION", f'"{version}"', "of the package"),
        ("VERSION_MAJOR", major, ""),
        ("VERSION_MINOR", minor, ""),
        ("VERSION_PATCH", re.sub(r"\D.*", "", patch), ""),
        ("ABI_VERSION", str(layout.ABI_VERSION), "raised when a function or field changes meaning"),
        ("MAGIC", f"INT64_C({layout.MAGIC})", "first eight bytes of a buffer, RISKCORE in ASCII"),
        ("LAYOUT_HASH", f"INT64_C({layout.layout_hash(shape)})", "of every field, and the shape"),
        ("STATE_SIZE", str(layout.state_dtype(shape).itemsize), "bytes of a buffer"),
        ("STATE_ALIGNMENT", str(layout.ALIGNMENT), "of its address, in bytes"),
    ]
    rows += [(name.upper(), str(getattr(shape, name)), f"shape: {name}") for name in SHAPE_NAMES]
    rows += [("EVENT_WORDS", str(layout.EVENT_WORDS), "int64 of an event in a journal record")]
    yield from _rows([(f"#define RC_{name} {value}", text) for name, value, text in rows])


def render(shape: Shape, rename: tuple[str, str] = ("", "")) -> str:
    """The C header of a shape.

    Parameters
    ----------
    shape : Shape
        Sizes frozen into the library that it describes.
    rename : pair of str
        Prefix and suffix around the names of the library's functions.

    Returns
    -------
    str
        Text of ``riskcore.h``; the same for the same shape.
    """
    groups, bounds = enums()
    records, blocks = structs()
    sections = ", ".join(dict.fromkeys(export.section for export in EXPORTS))
    lines = _comment(_fill(prose.INTRODUCTION.replace("{sections}", sections)))
    lines += ["#ifndef RISKCORE_H", "#define RISKCORE_H", ""]
    lines += ["#include <stddef.h>", "#include <stdint.h>", ""]
    lines += prose.PREAMBLE.strip().splitlines()
    lines += _heading("Version and shape")
    lines += [*_comment(_fill(prose.VERSION)), *_macros(shape), ""]
    symbol = f"{rename[0]}{layout.layout_symbol(shape)}{rename[1]}"
    lines += prose.LINK_CHECK.replace("{symbol}", symbol).strip().splitlines()
    lines += _heading("Conventions")
    lines += _comment(_fill(_in_c(prose.CONVENTIONS)))
    lines += _heading("Codes")
    lines += [*_comment(_fill(_in_c(prose.CODES))), ""]
    for enum in groups:
        lines += _enum(enum)
    lines += _comment(_fill(_in_c(prose.BOUNDS)))
    lines += _rows([(f"#define RC_{b.name} {_number(b.value)}", _in_c(b.meaning)) for b in bounds])
    lines += _heading("Records that pass between you and the library")
    lines += [*_comment(_fill(_in_c(prose.RECORDS_ABOUT))), ""]
    for struct in records:
        lines += _struct(struct, shape)
    lines += _heading("The buffer, block by block")
    lines += [*_comment(_fill(_in_c(prose.BLOCKS_ABOUT))), ""]
    for struct in blocks:
        lines += _struct(struct, shape)
    lines += [*_state(), *_functions()]
    lines += _heading("Names and small helpers")
    lines += [*_comment(_fill(_in_c(prose.NAMES))), ""]
    for enum in groups:
        lines += _name_function(enum)
    lines += prose.HELPERS.strip().splitlines()
    lines += _heading("The layout, asserted")
    lines += [*_comment(_fill(prose.ASSERTIONS)), *prose.ASSERTION_MACROS.strip().splitlines(), ""]
    lines += [*_assertions(shape), "", "#undef RC_AT", "#undef RC_SIZE", ""]
    lines += ["#ifdef __cplusplus", "}", "#endif", "", "#endif /* RISKCORE_H */"]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"
    prefix, suffix = rename
    called = "|".join(sorted((export.name for export in EXPORTS), key=len, reverse=True))
    return re.sub(rf"\b({called})(?=\()", rf"{prefix}\1{suffix}", text)


# --- Cython ---------------------------------------------------------------------------------------


def _cython_struct(struct: Struct) -> Iterator[str]:
    yield f"    struct {struct.name}:"
    fields, inner = _split(struct, Shape())
    for field in fields:
        yield f"        {C_TYPES[field.type]} {field.name}{_dimensions(field.shape)}"
    if inner:
        yield f"        {record_struct(inner)} {inner}"
    yield ""


def _cython_function(export: Export) -> str:
    texts = ", ".join(parameters(export)).replace("struct ", "")
    return f"    int64_t {export.name}({texts})"


def render_declarations() -> str:
    """The Cython declarations of the header; sizes are left to it, so they fit any shape."""
    groups, bounds = enums()
    records, blocks = structs()
    lines = [*(f"# {line}".rstrip() for line in _fill(prose.CYTHON)), ""]
    lines += ["from libc.stdint cimport int64_t", ""]
    lines += ['cdef extern from "riskcore.h" nogil:', "    enum:"]
    names = ["ABI_VERSION", "STATE_ALIGNMENT", *SHAPE_NAMES, "EVENT_WORDS"]
    lines += [f"        RC_{name.upper()}" for name in names]
    lines += ["", "    const char *RC_VERSION"]
    for bound in bounds:
        kind = "double" if isinstance(bound.value, float) else "int64_t"
        lines.append(f"    const {kind} RC_{bound.name}")
    lines += ["    const int64_t RC_MAGIC", "    const int64_t RC_LAYOUT_HASH"]
    lines += ["    const int64_t RC_STATE_SIZE", ""]
    for enum in groups:
        lines += [f"    enum {enum.name}:", *(f"        RC_{m.name}" for m in enum.constants), ""]
    for struct in (*records, *blocks):
        lines += _cython_struct(struct)
    lines += ["    struct rc_state:"]
    for block in STATE_BLOCKS:
        lines.append(f"        {block_struct(block.name)} {block.name}{_dimensions(block.dims)}")
    lines += ["", *(_cython_function(export) for export in EXPORTS), ""]
    lines += [f"    const char *{enum.name}_name(int64_t number)" for enum in groups]
    lines += [f"    {line}" for line in prose.CYTHON_HELPERS.strip().splitlines()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the files that are checked in."""
    HEADER.parent.mkdir(exist_ok=True)
    HEADER.write_text(render(Shape()), encoding="utf-8")
    DECLARATIONS.write_text(render_declarations(), encoding="utf-8")


if __name__ == "__main__":
    main()
