"""What the tests of the examples share: an emitted library, built programs, prepared files."""

from __future__ import annotations

from pathlib import Path

import pytest

from riskcore.bindings import emit
from riskcore.layout import Shape
from tests.examples.programs import EXAMPLES, Engine, Native, build, python_example

ROWS = 100_000


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Headers and library of the default shape, as `riskcore emit` writes them."""
    out = tmp_path_factory.mktemp("tree")
    emit.emit(out, Shape(), "v2")
    return out


@pytest.fixture(scope="session")
def native(tree: Path) -> Native:
    """The library's functions in this process."""
    return Native(tree / "lib" / "libriskcore.so")


@pytest.fixture(scope="session")
def link(tree: Path) -> tuple[object, ...]:
    """Compiler options for a program that uses the library."""
    return (f"-I{tree / 'include'}", tree / "lib" / "libriskcore.a")


@pytest.fixture(scope="session")
def day(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Configuration image and recording."""
    out = tmp_path_factory.mktemp("day")
    library = tree / "lib" / "libriskcore.so"
    options = ("--out", out, "--rows", ROWS, "--library", library, "--steady")
    python_example("engine/prepare.py", *options)
    return out


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for built programs."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(scope="session")
def engine(link: tuple[object, ...], day: Path, programs: Path) -> Engine:
    """The engine, built as users build it."""
    source = EXAMPLES / "engine" / "engine.cpp"
    return Engine(build(programs / "engine", source, *link), day)


@pytest.fixture(scope="session")
def counted_engine(engine: Engine, programs: Path) -> Engine:
    """The engine with its allocations counted."""
    source = EXAMPLES / "engine" / "allocations.c"
    options = ("-shared", "-fPIC", "-fno-builtin", source)
    library = build(programs / "liballocations.so", *options, language="c")
    return Engine(engine.program, engine.day, str(library))
