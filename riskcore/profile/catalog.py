"""The kernels as their source files have them: names, lines, loops; and how a user names one."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from riskcore import layout
from riskcore.bindings.screen import shown_syntax
from riskcore.errors import InputError
from riskcore.kernels.api import EXPORTS

FOLDER = Path(layout.__file__).resolve().parent / "kernels"


@dataclass(frozen=True)
class Loop:
    """One loop of a kernel: its first and last line, and its heading."""

    first: int
    last: int
    heading: str


@dataclass(frozen=True)
class Kernel:
    """One kernel.

    Attributes
    ----------
    name : str
        ``layers.account.flag_account``: module and function under ``riskcore.kernels``.
    path : Path
        Its source file.
    first, last : int
        Lines of its definition.
    loops : tuple of Loop
        In the order of their first lines.
    """

    name: str
    path: Path
    first: int
    last: int
    loops: tuple[Loop, ...]

    @property
    def place(self) -> str:
        """File and line, as editors read them."""
        return f"{self.path.relative_to(FOLDER.parent.parent)}:{self.first}"


@lru_cache(maxsize=1)
def kernels() -> dict[str, Kernel]:
    """Every kernel by name; InputError where a file is no Python."""
    found = {}
    for path in sorted(FOLDER.rglob("*.py")):
        text = path.read_text()
        lines = text.splitlines()
        module = ".".join(path.relative_to(FOLDER).with_suffix("").parts)
        try:
            body = ast.parse(text, str(path)).body
        except SyntaxError as error:
            raise InputError(shown_syntax(error)) from None
        for node in body:
            if not isinstance(node, ast.FunctionDef):
                continue
            if not any(isinstance(d, ast.Name) and d.id == "kernel" for d in node.decorator_list):
                continue
            loops = sorted(
                (n.lineno, n.end_lineno or n.lineno)
                for n in ast.walk(node)
                if isinstance(n, ast.For | ast.While)
            )
            name = f"{module}.{node.name}"
            found[name] = Kernel(
                name,
                path,
                node.lineno,
                node.end_lineno or node.lineno,
                tuple(Loop(a, b, lines[a - 1].strip()) for a, b in loops),
            )
    return found


def find(wanted: str) -> list[Kernel]:
    """The kernels that a user means.

    Parameters
    ----------
    wanted : str
        A kernel (``flag_account``, ``gate.check_order``), an export (``rc_check``: its kernel), a
        module (``layers.account``, ``tail``: all of it) or ``check_`` and a layer
        (``check_account``: all kernels of that layer).

    Raises
    ------
    InputError
        If there is no such name, or several kernels have it.
    """
    known = kernels()
    for export in EXPORTS:
        if export.name == wanted and export.kernel:
            return [known[export.kernel]]
    if wanted in known:
        return [known[wanted]]
    same = [kernel for name, kernel in known.items() if name.endswith(f".{wanted}")]
    if len(same) > 1:
        raise InputError(
            f"kernel {wanted!r} is one of {', '.join(k.name for k in same)}: say which"
        )
    if same:
        return same
    layer = f"layers.{wanted.removeprefix('check_')}" if wanted.startswith("check_") else wanted
    for module in (layer, f"layers.{wanted}"):
        inside = [kernel for name, kernel in known.items() if name.rpartition(".")[0] == module]
        if inside:
            return inside
    raise InputError(f"no kernel is called {wanted!r}: {_nearest(wanted)}")


def _nearest(wanted: str) -> str:
    """A hint at the names that are most like one."""
    known = kernels()
    names = {name.rpartition(".")[2]: name for name in known}
    names |= {export.name: export.name for export in EXPORTS if export.kernel}
    modules = {name.rpartition(".")[0] for name in known}
    names |= {name: name for name in (*known, *modules)}
    names |= {f"check_{m.removeprefix('layers.')}": "" for m in modules if m.startswith("layers.")}
    found = get_close_matches(wanted, names, n=9, cutoff=0.6)  # a kernel has several names
    near = list(dict.fromkeys(names[name] or name for name in found))[:3]
    if not near:
        return "`riskcore profile` lists them"
    return f"did you mean {' or '.join(near)}?"
