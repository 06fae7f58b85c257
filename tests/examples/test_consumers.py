"""The other examples: each runs, and all of them get the same answer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import cmake
import pytest

from tests.examples.programs import EXAMPLES, build, package_environment, python_example, run

DEBUG = "-DCMAKE_BUILD_TYPE=Debug"  # compiles in half the time
ANSWER = """RESIZE 2702 lots
  ORDER_NOTIONAL_EXCEEDS_MAX
  POSITION_STOP_LOSS_EXCEEDS_MAX
  POSITION_VAR_EXCEEDS_MAX
  STRESS_LOSS_EXCEEDS_MAX
  DRAWDOWN_BUDGET_EXCEEDED
  CUSHION_EXPOSURE_EXCEEDED
"""


def test_plain_c(link: tuple[object, ...], tmp_path: Path) -> None:
    program = build(tmp_path / "check", EXAMPLES / "check.c", *link, language="c")
    assert run(program).stdout == "RESIZE 2702 lots\n  ORDER_NOTIONAL_EXCEEDS_MAX\n"


@pytest.mark.parametrize("name", ["with_ctypes.py", "with_cffi.py"])
def test_python_without_a_build(name: str) -> None:
    assert python_example(name) == ANSWER


def test_a_compiled_loop_of_numba_asks_the_gate_itself() -> None:
    assert python_example("with_numba.py") == f"{ANSWER}2702 lots of 1000 orders may go\n"


def test_cython(tree: Path, tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "with_cython.pyx", tmp_path)
    path = os.pathsep.join((package_environment()["PYTHONPATH"], str(EXAMPLES)))
    environment = package_environment(PYTHONPATH=path)
    run(sys.executable, "-m", "cython", "with_cython.pyx", cwd=tmp_path, env=environment)
    module = tmp_path / f"with_cython{sysconfig.get_config_var('EXT_SUFFIX')}"
    includes = (f"-I{sysconfig.get_path('include')}", f"-I{tree / 'include'}")
    library = tree / "lib" / "libriskcore.a"
    compiler = ("gcc", "-shared", "-fPIC", "-O1", tmp_path / "with_cython.c", *includes)
    done = run(*compiler, library, "-o", module)
    assert done.returncode == 0, done.stderr
    command = (sys.executable, "-c", "import with_cython; with_cython.main()")
    done = run(*command, cwd=tmp_path, env=environment)
    assert done.stdout == ANSWER, done.stderr


def test_cmake_builds_them(tree: Path, tmp_path: Path) -> None:
    program = Path(cmake.CMAKE_BIN_DIR) / "cmake"
    folder = tmp_path / "build"
    done = run(program, "-S", EXAMPLES, "-B", folder, f"-DCMAKE_PREFIX_PATH={tree}", DEBUG)
    assert done.returncode == 0, done.stderr
    done = run(program, "--build", folder)
    assert done.returncode == 0, done.stderr
    assert_built(folder)


def test_make_builds_them(tree: Path, tmp_path: Path) -> None:
    folder = tmp_path / "build"
    tool = f"PKG_CONFIG={sys.executable} -m pkgconf"
    options = (f"PREFIX={tree}", f"BUILD={folder}", "CFLAGS=-O0", "CXXFLAGS=-O0", tool)
    done = run("make", "-C", EXAMPLES, *options)
    assert done.returncode == 0, done.stderr
    assert_built(folder)


def assert_built(folder: Path) -> None:
    assert subprocess.run([folder / "check"], check=False, capture_output=True).returncode == 0
    assert "usage: engine" in run(folder / "engine", "--help").stdout
    assert (folder / "liballocations.so").is_file()
