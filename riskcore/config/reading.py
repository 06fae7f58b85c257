"""Reading configuration files: strict YAML, and every mistake as one line with its place.

What is no YAML mapping (syntax, duplicate keys, aliases) is reported alone, as nothing after it
can be trusted; every other mistake of a file is in one ConfigError, a line each. Limits that
contradict one another are looked for once every value is in its own domain.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ValidationError

from riskcore.config.models import Section
from riskcore.config.values import Kind
from riskcore.errors import ConfigError
from riskcore.inputs import shown

PACKAGED = ("default", "growth", "instruments", "scenarios")
MAX_FILE_BYTES = 4 << 20
MOST_MISTAKES = 20  # told at once


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars: 1e-3 is a number, ``on`` and ``1:30`` are texts."""

    # Not those of YAML 1.1, which are inherited otherwise.
    yaml_implicit_resolvers = {}  # noqa: RUF012

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse aliases: a value must stand where it is read."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise FileMistakeError("aliases (*name) are not supported", mark.line + 1)
        node: yaml.Node | None = super().compose_node(parent, index)
        return node


for _tag, _pattern, _first in (
    ("bool", r"true|false|True|False|TRUE|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:(?:0|[1-9][0-9_]*)?\.[0-9_]+|(?:0|[1-9][0-9_]*)\.?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), list(_first)
    )

KeyPath = tuple[str | int, ...]


class Document(NamedTuple):
    """Plain data of a file, and the line of every key."""

    data: dict[str, Any]
    lines: dict[KeyPath, int]


class FileMistakeError(Exception):
    """What is wrong with a document, with its line where known."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.line = line


def _scalar(node: yaml.ScalarNode) -> Any:
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    text = node.value
    if kind == "str":
        return text
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    try:
        if kind == "int":
            return int(text.replace("_", ""))
        if kind == "float":
            return float(
                text.replace("_", "").replace(".inf", "inf").lower().replace(".nan", "nan")
            )
    except ValueError:
        pass
    raise FileMistakeError(f"the tag {node.tag} of {shown(text)} is not supported", _line(node))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _plain(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int]) -> Any:
    """Plain data of a node; duplicate keys are refused, lines are noted."""
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str) or not key.isprintable():
                where = f"{dotted(path)} has" if path else "the file has"
                text = shown(getattr(key_node, "value", "a collection"))
                hint = "allowed are texts of one line (in quotes if they look like numbers)"
                raise FileMistakeError(f"{where} the key {text}: {hint}", _line(key_node))
            here = (*path, key)
            if key in result:
                raise FileMistakeError(
                    f"{dotted(here)} is given twice (first in line {lines[here]}): keep one",
                    _line(key_node),
                )
            lines[here] = _line(key_node)
            result[key] = _plain(value_node, here, lines)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, n), lines) for n, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    return _scalar(node)


def _parse(text: str) -> Document:
    """Plain data of a YAML text, or FileMistakeError."""
    lines: dict[KeyPath, int] = {}
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            raise FileMistakeError("the file is empty: allowed is a mapping of sections")
        data = _plain(node, (), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(error.problem or error.context).split())
        raise FileMistakeError(f"not valid YAML: {problem}", mark.line + 1 if mark else 0) from None
    except yaml.YAMLError as error:
        raise FileMistakeError(f"not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise FileMistakeError("not valid YAML: nested too deeply") from None
    if not isinstance(data, dict):
        if data is None:
            raise FileMistakeError("the file is empty: allowed is a mapping of sections")
        raise FileMistakeError(f"the file holds {shown(data)}: allowed is a mapping of sections")
    return Document(data, lines)


def config_path(name: str) -> Path:
    """The file of a packaged configuration: one of default, growth, instruments, scenarios.

    Examples
    --------
    >>> config_path("growth").name
    'growth.yaml'
    """
    if name not in PACKAGED:
        raise ConfigError(f"{shown(name)} is not packaged: allowed are {', '.join(PACKAGED)}")
    return Path(str(resources.files("riskcore"))) / "_config" / f"{name}.yaml"


def _read(path: str | Path) -> tuple[str, str]:
    """Name for messages, and text, of a file or of a packaged configuration."""
    if isinstance(path, str) and path in PACKAGED:
        file, name = config_path(path), f"{path}.yaml"
    elif isinstance(path, str | Path):
        file, name = Path(path), str(path)
    else:
        raise ConfigError(f"path is {shown(path)}: allowed is a path or a packaged name")
    try:
        with open(file, "rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"{name}: no such file; packaged configurations are {', '.join(PACKAGED)}"
        ) from None
    except IsADirectoryError:
        raise ConfigError(f"{name}: is a directory: allowed is a YAML file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{name}: cannot be read: {reason}") from None
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError(f"{name}: larger than {MAX_FILE_BYTES} bytes: allowed is less")
    try:
        return name, raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{name}: not UTF-8 (byte {error.start} is 0x{raw[error.start]:02x}): save it as UTF-8"
        ) from None


def dotted(path: KeyPath) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(
        "."
    )


# --- from pydantic's errors to lines ----------------------------------------------------

_Model = TypeVar("_Model", bound=Section)


def _fields(model: type[BaseModel]) -> dict[str, tuple[str, Any]]:
    """Key in the file to (attribute, field info)."""
    return {
        info.alias or name: (name, info)
        for name, info in model.model_fields.items()
        if info.alias != "<source>"
    }


def _inner_model(info: Any) -> type[BaseModel] | None:
    """The section that a field holds, or holds by name, or None."""
    annotation = info.annotation
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _sections(model: type[BaseModel], prefix: str = "") -> list[tuple[str, str]]:
    """Every (section, key) of a model, for suggestions across sections."""
    rows = []
    for key, (_, info) in _fields(model).items():
        rows.append((prefix, key))
        inner = _inner_model(info)
        if inner is not None:
            rows += _sections(inner, f"{prefix}.{key}".lstrip("."))
    return rows


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The section model at a location; names of a mapping are passed over."""
    current: type[BaseModel] | None = model
    pending: type[BaseModel] | None = None
    for part in path:
        if pending is not None:  # a free name inside dict[Name, Section]
            current, pending = pending, None
            continue
        if current is None:
            return None
        info = _fields(current).get(str(part), (None, None))[1]
        if info is None:
            return None
        inner = _inner_model(info)
        if inner is not None and getattr(info.annotation, "__origin__", None) is dict:
            pending = inner
        else:
            current = inner
    return current if pending is None else None


def _keys_of(section: type[BaseModel]) -> str:
    keys = list(_fields(section))
    return f"a section with {', '.join(keys[:8])}" + (", ..." if len(keys) > 8 else "")


def _allowed_of(info: Any) -> str:
    """What a field allows, for the message about its absence."""
    for candidate in (info, *getattr(info.annotation, "__args__", ())):
        marks = getattr(candidate, "metadata", ()) or getattr(candidate, "__metadata__", ())
        for item in marks or ():
            if isinstance(item, BeforeValidator) and isinstance(item.func, Kind):
                return item.func.allowed
    inner = _inner_model(info)
    if inner is None:
        return "a value"
    if getattr(info.annotation, "__origin__", None) is dict:
        return "a mapping of names to settings"
    return _keys_of(inner)


def _suggest(model: type[BaseModel], path: KeyPath) -> tuple[str, KeyPath]:
    """What an unknown key may have meant, or the keys allowed; and where the meant one stands."""
    key, section = str(path[-1]), _model_at(model, path[:-1])
    known = list(_fields(section)) if section else []
    near = difflib.get_close_matches(key.removesuffix("_ns"), known, 1, 0.6)
    if near:
        return f"did you mean {near[0]}?", (*path[:-1], near[0])
    for home, name in _sections(model):
        if name == key.removesuffix("_ns"):
            hint = f"it belongs in {home}" if home else "it belongs at the top of the file"
            return hint, (*(home.split(".") if home else ()), name)
    return f"allowed are {', '.join(known)}", ()


def _clean(location: KeyPath) -> KeyPath:
    """A location without pydantic's own marks for keys of mappings and unions."""
    return tuple(part for part in location if not (isinstance(part, str) and "[" in part))


def _describe(model: type[BaseModel], error: Any) -> tuple[KeyPath, str]:
    """Location and text of one error."""
    path: KeyPath = _clean(tuple(error["loc"]))
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        hint = _suggest(model, path)[0]
        return path, f"{dotted(path)} is unknown (value {outline(value)}): {hint}"
    if kind == "missing":
        section = _model_at(model, path[:-1])
        info = _fields(section)[str(path[-1])][1] if section else None
        allowed = _allowed_of(info) if info is not None else "a value"
        return path, f"{dotted(path)} is missing: allowed is {allowed}"
    if kind == "value_error":
        return path, f"{dotted(path)} is {outline(value)}: {error['ctx']['error']}"
    section = _model_at(model, path)
    allowed = "a mapping of names to settings" if section is None else _keys_of(section)
    return path, f"{dotted(path)} is {outline(value)}: allowed is {allowed}"


def outline(value: Any) -> str:
    """A YAML value in a few words."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a section"
    if isinstance(value, list):
        return f"the list {shown(value)}"
    return shown(value)


def validate(model: type[_Model], name: str, document: Document) -> _Model:
    """The model of a document, or all of its mistakes as one ConfigError."""
    try:
        return model.model_validate({**document.data, "<source>": name})
    except ValidationError as error:
        errors = error.errors(include_url=False)
    # A key that is misspelt or in the wrong section is one mistake, not a missing key as well.
    meant = [_suggest(model, _clean(e["loc"]))[1] for e in errors if e["type"] == "extra_forbidden"]
    found: dict[tuple[KeyPath, int], tuple[int, str]] = {}
    for item in errors:
        path, text = _describe(model, item)
        if item["type"] == "missing" and path in meant:
            continue
        line = line_of(document, path)
        # A default's mistake stands in one line, however many instruments take it.
        shared = line and line == document.lines.get(("instrument_defaults", *path[-1:]))
        found.setdefault((path[-1:] if shared else path, line), (line, text))
    rows = sorted(found.values(), key=lambda row: row[0])
    raise report(error_line(name, line, text) for line, text in rows)


def report(errors: Iterable[ConfigError]) -> ConfigError:
    """One error of several, a line each, and of many the first."""
    lines = list(dict.fromkeys(map(str, errors)))
    more = [f"and {len(lines) - MOST_MISTAKES} more"] if len(lines) > MOST_MISTAKES else []
    return ConfigError("\n".join(lines[:MOST_MISTAKES] + more))


def refuse_all(errors: Iterable[ConfigError]) -> None:
    """Raise what was found, if anything was."""
    found = list(errors)
    if found:
        raise report(found)


def line_of(document: Document, path: KeyPath) -> int:
    """The line of a key, or of the nearest section around it; 0 where there is none."""
    for length in range(len(path), 0, -1):
        line = document.lines.get(path[:length], 0)
        if line:
            return line
    return 0


def error_line(name: str, line: int, text: str) -> ConfigError:
    return ConfigError(f"{name}:{line}: {text}" if line else f"{name}: {text}")


def error_at(name: str, document: Document, path: KeyPath, text: str) -> ConfigError:
    """The error with the line of the key, or of the nearest section around it."""
    return error_line(name, line_of(document, path), text)


def mistake(
    name: str, document: Document, key: KeyPath, value: object, allowed: str
) -> ConfigError:
    """The error for a value that its key does not allow."""
    return error_at(name, document, key, f"{dotted(key)} is {shown(value)}: allowed is {allowed}")


def load_document(path: str | Path) -> tuple[str, Document]:
    name, text = _read(path)
    try:
        return name, _parse(text)
    except FileMistakeError as mistake:
        where = f"{name}:{mistake.line}" if mistake.line else name
        raise ConfigError(f"{where}: {mistake}") from None


def names_of(names: Mapping[str, object]) -> str:
    listed = list(names)
    text = ", ".join(listed[:12])
    return f"one of {text}" + (", ..." if len(listed) > 12 else "")
