"""The wheel, built outside the tree and used without it: what an engine developer gets from pip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from riskcore.layout import Shape
from tests.abi.native import (
    compile_program,
    introduction,
    output,
    pkg_config,
    preparation,
    run_cython,
)

PROJECT = Path(__file__).resolve().parents[2]
NATIVE = {
    *("riskcore/__init__.pxd", "riskcore/include/riskcore.h", "riskcore/lib/libriskcore.a"),
    *("riskcore/lib/libriskcore.so", "riskcore/lib/glibc-hwcaps/x86-64-v3/libriskcore.so"),
    *("riskcore/lib/pkgconfig/riskcore.pc", "riskcore/lib/pkgconfig/riskcore-static.pc"),
    "riskcore/lib/cmake/riskcore/riskcoreConfig.cmake",
    "riskcore/lib/cmake/riskcore/riskcoreConfigVersion.cmake",
    *("riskcore/__main__.py", "riskcore/lib/sources.sha256"),
}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A directory with the unpacked wheel, which comes from an sdist of a copy of the tree."""
    base = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns(
        *(".git", ".venv", "build", "dist", "out", "*.so", "*.egg-info", "__pycache__", "lib")
    )
    shutil.copytree(PROJECT, base / "tree", symlinks=True, ignore=ignored)
    backend = "from setuptools import build_meta; build_meta.build_sdist('..')"
    output(sys.executable, "-c", backend, cwd=base / "tree")
    (archive,) = base.glob("*.tar.gz")
    shutil.unpack_archive(archive, base / "source", filter="data")
    (source,) = (base / "source").iterdir()
    backend = "from setuptools import build_meta; build_meta.build_wheel('../..')"
    output(sys.executable, "-c", backend, cwd=source)
    (wheel,) = base.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(base / "site")
    return base / "site"


def run(site, *command, **options):
    """Run Python with nothing but the wheel's contents and its dependencies."""
    environment = {**os.environ, "PYTHONPATH": str(site), "NO_COLOR": "1"}
    return output(sys.executable, "-P", *command, env=environment, **options)


def test_the_native_files_are_in_it(site):
    found = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    assert found >= NATIVE
    assert not [name for name in found if name.startswith("riskcore/bindings/include")]


def test_pkg_config_builds_the_introduction(site, tmp_path):
    directory = run(site, "-m", "riskcore.cli", "paths", "--pkgconfig", cwd=tmp_path).strip()
    assert directory == str(site / "riskcore" / "lib" / "pkgconfig")
    header = (site / "riskcore" / "include" / "riskcore.h").read_text()
    source, printed = introduction(header)
    run(site, "-c", preparation(header), cwd=tmp_path)
    for module in ("riskcore", "riskcore-static"):
        options = pkg_config(Path(directory), "--cflags", "--libs", module)
        assert output(compile_program(source, tmp_path, *options), cwd=tmp_path) == printed


def test_the_loader_takes_the_code_of_the_processor(site, tmp_path):
    """Both levels give the same answer; which is loaded depends on the host alone."""
    source = "#include <riskcore.h>\nint main(void) { return !rc_library_matches(); }\n"
    options = pkg_config(site / "riskcore/lib/pkgconfig", "--cflags", "--libs", "riskcore")
    program = compile_program(source, tmp_path, *options)
    done = subprocess.run(
        [program], env={"LD_DEBUG": "libs"}, capture_output=True, text=True, check=True
    )
    loaded = [line for line in done.stderr.splitlines() if "calling init" in line]
    (line,) = (line for line in loaded if "libriskcore" in line)
    host = run(site, "-c", "from riskcore.bindings.emit import host_level; print(host_level())")
    assert ("glibc-hwcaps" in line) == (host.strip() == "x86-64-v3")


def test_cython_finds_the_declarations(site, tmp_path):
    package = site / "riskcore"
    printed = run_cython(tmp_path, site, package / "include", package / "lib")
    assert printed == f"(0, 'PARAMETERS_UNSET', 0.0, True, 7, {Shape().instruments}, True)\n"


def test_another_shape_is_emitted_from_it(site, tmp_path):
    arguments = ["emit", "--out", tmp_path / "out", "--instruments", 5, "--orders", 32]
    run(site, "-m", "riskcore.cli", *arguments, "--cpu", "v2", cwd=tmp_path)
    source = (
        "#include <riskcore.h>\n"
        "int main(void) { return !(rc_library_matches() && RC_INSTRUMENTS == 5); }\n"
    )
    options = pkg_config(tmp_path / "out/lib/pkgconfig", "--cflags", "--libs", "riskcore")
    output(compile_program(source, tmp_path, *options))
