"""The emitted objects: self-contained, repeatable, and loaded alike from memory and from a file."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess

import pytest

from riskcore import codes
from riskcore.bindings import emit, lower
from riskcore.bindings.link import undefined_symbols
from riskcore.kernels.api import EXPORTS
from riskcore.layout import Shape, allocate, layout_symbol, state_dtype
from tests.support import SMALL

NAMES = [export.name for export in EXPORTS]
LEVELS = ("x86-64-v2", "x86-64-v3")


def symbols(path, *options):
    """Lines of nm, split."""
    done = subprocess.run(["nm", *options, path], capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Files of one emitted library, and the object in its archive."""
    out = tmp_path_factory.mktemp("library")
    files = {path.name: path for path in emit.emit(out, SMALL, "x86-64-v2")}
    subprocess.run(["ar", "x", files["libriskcore.a"]], cwd=out, check=True)
    return files | {"riskcore.o": out / "riskcore.o"}


def test_nothing_is_undefined(library):
    for name in ("riskcore.o", "libriskcore.a"):
        assert [row for row in symbols(library[name], "--undefined-only") if len(row) > 1] == []
    assert undefined_symbols(library["riskcore.o"].read_bytes()) == []


def test_a_missing_symbol_is_seen(tmp_path):
    source, target = tmp_path / "needs.c", tmp_path / "needs.o"
    source.write_text("double sin(double); double f(double x) { return sin(x); }")
    subprocess.run(["gcc", "-c", source, "-o", target], check=True)
    assert undefined_symbols(target.read_bytes()) == ["sin"]


def test_exactly_the_table_and_the_layout_are_exported(library):
    for name in ("riskcore.o", "libriskcore.a"):
        rows = symbols(library[name], "--extern-only", "--defined-only")
        kinds = {row[-1]: row[1] for row in rows if len(row) == 3}
        assert kinds == dict.fromkeys(NAMES, "T") | {layout_symbol(SMALL): "R"}


def test_the_index_of_the_archive_names_every_symbol(library):
    rows = symbols(library["libriskcore.a"], "--print-armap", "--defined-only", "--extern-only")
    index = [row[0] for row in rows if row[1:] == ["in", "riskcore.o"]]
    assert sorted(index) == sorted([*NAMES, layout_symbol(SMALL)])


def test_shared_library_exports_the_table_and_needs_nothing(library):
    rows = symbols(library["libriskcore.so"], "--dynamic", "--defined-only")
    assert sorted(row[-1] for row in rows) == sorted([*NAMES, layout_symbol(SMALL)])
    done = subprocess.run(
        ["readelf", "--dynamic", library["libriskcore.so"]],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "NEEDED" not in done.stdout
    assert "TEXTREL" not in done.stdout


def test_local_names_are_short_and_readable(library):
    names = [row[-1] for row in symbols(library["riskcore.o"])]
    assert max(map(len, names)) < 60
    assert any(name.startswith("gate.") for name in names)


def test_the_archive_links(library, tmp_path):
    source = tmp_path / "main.c"
    source.write_text(
        "#include <stdint.h>\nint64_t rc_state_size(void);\n"
        f"int main(void) {{ return rc_state_size() != {state_dtype(SMALL).itemsize}; }}\n"
    )
    program = tmp_path / "main"
    subprocess.run(["gcc", source, library["libriskcore.a"], "-o", program], check=True)
    assert subprocess.run([program], check=False).returncode == 0


def test_no_code_writes_to_a_global(library):
    done = subprocess.run(
        ["size", "--format=sysv", library["riskcore.o"]], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(".")]
    sizes = {row[0]: int(row[1]) for row in rows}
    assert sizes.get(".data", 0) == 0
    assert sizes.get(".bss", 0) == 0


def test_no_fused_multiply_add():
    """A fused step rounds once where the other executions round twice."""
    images = emit.make_objects(Shape(), [emit.Job(cpu) for cpu in LEVELS])
    for image in images:
        done = subprocess.run(
            ["objdump", "--disassemble", "--no-show-raw-insn", "/dev/stdin"],
            input=image,
            capture_output=True,
            check=False,
        )
        assert b"vfmadd" not in done.stdout
        assert b"vfmsub" not in done.stdout
        assert b"vfnmadd" not in done.stdout


def test_prefix_and_suffix(tmp_path):
    files = emit.emit(tmp_path, SMALL, "x86-64-v2", prefix="desk_", suffix="_2")
    (path,) = (path for path in files if path.name == "libriskcore.a")
    rows = symbols(path, "--extern-only", "--defined-only")
    names = {row[-1] for row in rows if len(row) == 3}
    assert names == {f"desk_{name}_2" for name in (*NAMES, layout_symbol(SMALL))}


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes(tmp_path, monkeypatch):
    job = emit.Job("x86-64-v3")
    images = []
    for number in range(2):
        monkeypatch.setenv("RISKCORE_CACHE", str(tmp_path / str(number)))
        images += emit.make_objects(SMALL, [job])
    assert images[0] == images[1]


def test_the_cache_gives_back_what_was_stored(tmp_path, monkeypatch):
    job = emit.Job("x86-64-v2")
    (image,) = emit.make_objects(SMALL, [job])
    monkeypatch.setattr(emit, "_run_worker", lambda *_: pytest.fail("compiled again"))
    assert emit.make_objects(SMALL, [job]) == [image]


def test_unknown_cpu_is_refused(tmp_path):
    with pytest.raises(emit.EmitError, match="unknown cpu 'z80'"):
        emit.emit(tmp_path, SMALL, "z80")


def test_a_kernel_that_does_not_compile_is_named_in_one_line(tmp_path, monkeypatch):
    package = tmp_path / "riskcore"
    shutil.copytree(emit.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    text = (package / "kernels" / "setup.py").read_text()
    marker = "def initialize("
    assert marker in text
    start = text.index(":\n", text.index(marker)) + 2
    broken = text[:start] + "    return open(state)\n" + text[start:]
    (package / "kernels" / "setup.py").write_text(broken)
    monkeypatch.setattr(emit, "PACKAGE", package)
    with pytest.raises(emit.EmitError, match=r"setup\.py:\d+: open\(\) is outside") as caught:
        emit._run_worker(SMALL, [emit.Job("x86-64-v2")])
    assert "\n" not in str(caught.value)


def test_code_in_memory_runs():
    addresses = emit.emit_in_memory(SMALL)
    assert list(addresses) == NAMES
    state = allocate(state_dtype(SMALL))
    size = ctypes.CFUNCTYPE(ctypes.c_int64)(addresses["rc_state_size"])
    init = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(addresses["rc_state_init"])
    attach = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(addresses["rc_state_attach"])
    assert size() == state_dtype(SMALL).itemsize
    assert attach(state.ctypes.data) == codes.WRONG_MAGIC
    assert init(state.ctypes.data) == codes.OK
    assert attach(state.ctypes.data) == codes.OK


def test_nothing_is_assumed_about_memory_that_others_write():
    """An argument that is noalias and only read lets the compiler move its loads over fences."""
    shared = {"journal", "journal_record", "control_page", "published_page"}
    seen = set()
    for export in EXPORTS:
        text = lower._wrapper(export, "native", SMALL)
        parameters = re.search(rf"define i64 @{export.name}\(([^{{]*)\)", text)
        for argument, parameter in zip(
            [None] * export.takes_state + list(export.c_arguments),
            parameters[1].split(", ") if parameters[1] else [],
            strict=True,
        ):
            if argument is not None and argument.record in shared:
                seen.add(argument.record)
                assert "noalias" not in parameter, (export.name, argument.name)
    assert seen == shared
