"""What builds do with the files that `riskcore emit` writes: pkg-config, CMake, Cython."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cmake
import pytest

import riskcore
from riskcore.bindings import emit, files
from riskcore.layout import Shape, layout_hash, state_dtype
from tests.abi.native import compile_program, output, pkg_config, run_cython
from tests.support import SMALL

PROJECT = Path(__file__).resolve().parents[2]
FILES = {
    *("include/riskcore.h", "include/riskcore.pxd", "lib/libriskcore.a", "lib/libriskcore.so"),
    *("lib/pkgconfig/riskcore.pc", "lib/pkgconfig/riskcore-static.pc"),
    "lib/cmake/riskcore/riskcoreConfig.cmake",
    "lib/cmake/riskcore/riskcoreConfigVersion.cmake",
}
CONSUMER = """
#include <riskcore.h>
#include <stdio.h>
static struct rc_state state;
int main(void)
{
    int made = rc_state_init(&state) == RC_OK;
    printf("%d %d %lld\\n", rc_library_matches(), made, (long long)state.header.layout_hash);
    return 0;
}
"""
PRINTED = f"1 1 {layout_hash(SMALL)}\n"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The native files of a small shape, moved away from where they were written."""
    base = tmp_path_factory.mktemp("files")
    emit.emit(base / "written", SMALL, "v2")
    return (base / "written").rename(base / "moved")


def run_command(*arguments, path=None):
    """The command line, with another PATH where one is given."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "NO_COLOR": "1"}
    environment.pop("CC", None)
    if path is not None:
        environment["PATH"] = str(path)
    return subprocess.run(
        [sys.executable, "-m", "riskcore.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


# --- files ----------------------------------------------------------------------------------------


def test_the_files_are_all_there(tree):
    found = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    assert found - {"include/riskcore.hpp"} == FILES


def test_no_file_knows_where_it_is(tree):
    for path in tree.rglob("*"):
        if path.is_file():
            assert str(tree.parent).encode() not in path.read_bytes()


def test_the_same_input_gives_the_same_files(tree, tmp_path):
    for path in emit.emit(tmp_path, SMALL, "x86-64-v2"):
        other = tree / path.relative_to(tmp_path)
        assert path.read_bytes() == other.read_bytes(), path


def test_the_command_writes_any_shape(tmp_path):
    options = ["--instruments", 8, "--strategies", 2, "--venues", 2, "--currencies", 3]
    options += ["--window", 16, "--scenarios", 6, "--orders", 64, "--cpu", "v2", "--json"]
    done = run_command("emit", "--out", tmp_path, *options)
    assert done.returncode == 0, done.stderr
    written = {str(Path(path).relative_to(tmp_path)) for path in json.loads(done.stdout)}
    assert written - {"include/riskcore.hpp"} == FILES
    text = (tmp_path / "include" / "riskcore.h").read_text()
    assert re.search(rf"#define RC_STATE_SIZE +{state_dtype(SMALL).itemsize}\b", text)


def test_without_a_linker_the_rest_is_written_and_the_exit_code_is_zero(tmp_path):
    empty = tmp_path / "nothing"
    empty.mkdir()
    out = tmp_path / "out"
    options = ("--instruments", 8, "--strategies", 2, "--venues", 2, "--currencies", 3)
    options += ("--window", 16, "--scenarios", 6, "--orders", 64, "--cpu", "v2")
    # A shared library of an earlier shape must not survive beside the new header.
    (out / "lib").mkdir(parents=True)
    (out / "lib" / files.SHARED).write_bytes(b"old")
    done = run_command("emit", "--out", out, *options, path=empty)
    assert done.returncode == 0, done.stderr
    begins, ends, line = done.stderr.strip().splitlines()
    assert begins.startswith("compiling the kernels for 8 instruments, v2: ")
    assert re.fullmatch(r"done in \d+ s", ends)
    assert "libriskcore.so was left out" in line
    assert "apt install gcc" in line
    found = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert found - {"include/riskcore.hpp"} == FILES - {"lib/libriskcore.so"}
    # CMake then links the static library under both names.
    assert build_with_cmake(tmp_path, out) == [PRINTED, PRINTED]


def test_a_compiler_named_in_the_environment_is_the_one(monkeypatch):
    monkeypatch.setenv("CC", "gcc -m64")
    command = files.link_command()
    assert command is not None
    assert command[:2] == ["gcc", "-m64"]
    monkeypatch.setenv("CC", "no-such-compiler")
    assert files.link_command() is None


def test_ld_alone_links(tmp_path, tree, monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    linker = shutil.which("ld")
    only = tmp_path / "bin"
    only.mkdir()
    (only / "ld").symlink_to(linker)
    monkeypatch.setenv("PATH", str(only))
    (image,) = emit.make_objects(SMALL, [emit.Job("x86-64-v2")])
    written = files.write_library(tmp_path / "lib", SMALL, "x86-64-v2", image)
    assert tmp_path / "lib" / files.SHARED in written
    monkeypatch.undo()
    (tmp_path / "include").symlink_to(tree / "include")
    options = pkg_config(tmp_path / "lib" / "pkgconfig", "--cflags", "--libs", "riskcore")
    assert output(compile_program(CONSUMER, tmp_path, *options)) == PRINTED


# --- pkg-config -----------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["riskcore", "riskcore-static"])
@pytest.mark.parametrize("language", ["c", "c++"])
def test_pkg_config_links_and_the_program_runs(tree, tmp_path, module, language):
    options = pkg_config(tree / "lib" / "pkgconfig", "--cflags", "--libs", module)
    program = compile_program(CONSUMER, tmp_path, *options, language=language)
    assert output(program) == PRINTED
    needed = output("readelf", "--dynamic", program)
    assert ("libriskcore.so" in needed) == (module == "riskcore")


def test_pkg_config_tells_the_version(tree):
    directory = tree / "lib" / "pkgconfig"
    assert pkg_config(directory, "--modversion", "riskcore") == [riskcore.__version__]


# --- CMake ----------------------------------------------------------------------------------------

CMAKE_LISTS = """
cmake_minimum_required(VERSION 3.16)
project(consumer C)
find_package(riskcore %s REQUIRED)
add_executable(shared main.c)
target_link_libraries(shared PRIVATE riskcore::riskcore)
add_executable(static main.c)
target_link_libraries(static PRIVATE riskcore::static)
"""


def configure_cmake(directory: Path, prefix: Path, version: str) -> subprocess.CompletedProcess:
    """Configure a project that uses both targets."""
    source = directory / "source"
    source.mkdir(exist_ok=True)
    (source / "CMakeLists.txt").write_text(CMAKE_LISTS % version)
    (source / "main.c").write_text(CONSUMER)
    program = Path(cmake.CMAKE_BIN_DIR) / "cmake"
    command = [program, "-S", source, "-B", directory / "build", "-G", "Unix Makefiles"]
    return subprocess.run(
        [*map(str, command), f"-DCMAKE_PREFIX_PATH={prefix}"],
        capture_output=True,
        text=True,
        check=False,
    )


def build_with_cmake(directory: Path, prefix: Path) -> list[str]:
    """Configure, build and run both programs."""
    done = configure_cmake(directory, prefix, "0.1")
    assert done.returncode == 0, done.stderr
    output(Path(cmake.CMAKE_BIN_DIR) / "cmake", "--build", directory / "build")
    return [output(directory / "build" / name) for name in ("shared", "static")]


def test_cmake_finds_links_and_the_programs_run(tree, tmp_path):
    assert build_with_cmake(tmp_path, tree) == [PRINTED, PRINTED]
    needed = {
        name: "libriskcore.so" in output("readelf", "--dynamic", tmp_path / "build" / name)
        for name in ("shared", "static")
    }
    assert needed == {"shared": True, "static": False}


@pytest.mark.parametrize(
    ("version", "fits"),
    [("", True), ("0", True), ("0.1", True), ("0.1.0 EXACT", True), ("0.2", False), ("1", False)],
)
def test_cmake_takes_a_version_that_fits(tree, tmp_path, version, fits):
    assert (configure_cmake(tmp_path, tree, version).returncode == 0) == fits


# --- Cython ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["c", "c++"])
def test_cython_calls_the_library(tree, tmp_path, language):
    # Declarations are found where the package is: nothing but its parent is on the path.
    package = Path(riskcore.__file__).parents[1]
    printed = run_cython(tmp_path, package, tree / "include", tree / "lib", language)
    assert printed == f"(0, 'PARAMETERS_UNSET', 0.0, True, 7, {SMALL.instruments}, True)\n"


# --- the files that are installed -----------------------------------------------------------------


def test_the_package_says_where_its_files_are():
    assert (Path(riskcore.get_include()) / "riskcore.h").is_file()
    assert (Path(riskcore.get_library_dir()) / "libriskcore.a").is_file()
    done = run_command("paths", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["include"] == riskcore.get_include()
    assert found["lib"] == riskcore.get_library_dir()
    assert (Path(found["pkgconfig"]) / "riskcore.pc").is_file()
    assert (Path(found["cmake"]) / "riskcoreConfig.cmake").is_file()
    assert run_command("paths", "--lib").stdout == f"{riskcore.get_library_dir()}\n"


@pytest.mark.parametrize("module", ["riskcore", "riskcore-static"])
def test_the_installed_library_is_of_the_default_shape(tmp_path, module):
    directory = Path(riskcore.get_library_dir()) / "pkgconfig"
    options = pkg_config(directory, "--cflags", "--libs", module)
    program = compile_program(CONSUMER, tmp_path, *options)
    assert output(program) == f"1 1 {layout_hash(Shape())}\n"


@pytest.mark.parametrize("language", ["c", "c++"])
def test_the_program_of_the_readme_runs(tmp_path, language):
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```c\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    directory = Path(riskcore.get_library_dir()) / "pkgconfig"
    options = pkg_config(directory, "--cflags", "--libs", "riskcore")
    printed = output(compile_program(program, tmp_path, *options, language=language))
    (said,) = re.findall(r"// prints (.*)$", program, re.MULTILINE)
    assert printed == f"{said}\n"
