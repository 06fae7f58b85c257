"""The files that an engine includes and links, and how its build finds them.

One tree, wherever it is put; nothing in it knows where that is::

    include/riskcore.h, riskcore.hpp, riskcore.pxd
    lib/libriskcore.a, libriskcore.so
    lib/glibc-hwcaps/LEVEL/libriskcore.so    faster code, where the loader finds such a processor
    lib/pkgconfig/riskcore.pc, riskcore-static.pc
    lib/cmake/riskcore/riskcoreConfig.cmake, riskcoreConfigVersion.cmake
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from riskcore.bindings import header
from riskcore.kernels.api import EXPORTS
from riskcore.layout import Shape, layout_symbol

SHARED = "libriskcore.so"
STATIC = "libriskcore.a"


class LinkerError(Exception):
    """A shared library could not be linked; the message is one line."""


def write_headers(directory: Path, shape: Shape, rename: tuple[str, str] = ("", "")) -> list[Path]:
    """Write the C header and the Cython declarations of a shape; copy the C++ header."""
    directory.mkdir(parents=True, exist_ok=True)
    texts = {
        "riskcore.h": header.render(shape, rename),
        "riskcore.pxd": header.render_declarations(),
    }
    wrapper = header.HEADER.with_suffix(".hpp")
    if not wrapper.exists():  # installed: the headers have moved to where users include them
        wrapper = header.PACKAGE / "include" / wrapper.name
    if wrapper.exists():
        texts[wrapper.name] = wrapper.read_text(encoding="utf-8")
    return [_write(directory / name, text.encode()) for name, text in texts.items()]


def write_library(
    directory: Path,
    shape: Shape,
    cpu: str,
    image: bytes,
    *,
    faster: Mapping[str, bytes] | None = None,
    rename: tuple[str, str] = ("", ""),
) -> list[Path]:
    """Write ``lib/`` of the tree.

    Parameters
    ----------
    directory : Path
        ``lib`` itself; made if needed.
    shape : Shape
        Sizes frozen into the code.
    cpu : str
        Level that the code needs.
    image : bytes
        Object code with global functions and the constant ``layout_symbol``.
    faster : mapping of str to bytes
        Objects for higher levels, for the loader to choose from.
    rename : pair of str
        Prefix and suffix around the global names.

    Returns
    -------
    list of Path
        The files written; without the shared library where nothing can link one.

    Raises
    ------
    LinkerError
        If there is a linker and it fails.
    """
    symbols = [*(export.name for export in EXPORTS), layout_symbol(shape)]
    names = [f"{rename[0]}{symbol}{rename[1]}" for symbol in symbols]
    written = [_write(directory / STATIC, archive({"riskcore.o": image}, {"riskcore.o": names}))]
    images = {directory: image}
    images |= {directory / "glibc-hwcaps" / level: code for level, code in (faster or {}).items()}
    for place, code in images.items():
        # One of another shape must not stay behind where this one cannot be linked.
        (place / SHARED).unlink(missing_ok=True)
        command = link_command()
        if command:
            written.append(_link(command, code, place / SHARED))
    sizes = ", ".join(f"{value} {name}" for name, value in asdict(shape).items())
    texts = {
        "pkgconfig/riskcore.pc": _pkg_config(cpu, sizes, RUN_PATH),
        "pkgconfig/riskcore-static.pc": _pkg_config(cpu, sizes, f"${{libdir}}/{STATIC}"),
        "cmake/riskcore/riskcoreConfig.cmake": CMAKE,
        "cmake/riskcore/riskcoreConfigVersion.cmake": _cmake_version(),
    }
    return written + [_write(directory / name, text.encode()) for name, text in texts.items()]


def _write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# --- libraries ------------------------------------------------------------------------------------


def archive(members: dict[str, bytes], symbols: dict[str, list[str]]) -> bytes:
    """A static library: the common ``ar`` format with a symbol index, without times or owners.

    Parameters
    ----------
    members : dict of str to bytes
        Objects by file name (at most 15 characters).
    symbols : dict of str to list of str
        Global symbols of each.
    """

    def entry(name: str, data: bytes) -> bytes:
        head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'644':<8}{len(data):<10}`\n".encode()
        return head + data + b"\n" * (len(data) % 2)

    names = [symbol for member in members for symbol in symbols[member]]
    text = b"".join(name.encode() + b"\0" for name in names)
    text += b"\0" * (len(text) % 2)
    offset = 8 + 60 + 4 + 4 * len(names) + len(text)
    places = []
    for member, data in members.items():
        places += [offset] * len(symbols[member])
        offset += 60 + len(data) + len(data) % 2
    index = struct.pack(f">{len(places) + 1}I", len(places), *places) + text
    body = b"".join(entry(f"{name}/", data) for name, data in members.items())
    return b"!<arch>\n" + entry("/", index) + body


def link_command() -> list[str] | None:
    """How shared libraries are linked here, without input and output; None where nothing can.

    ``CC`` where it is set, else the first of cc, gcc, clang and ld that is installed.
    """
    options = [f"-soname={SHARED}", "--build-id=none", "-z", "relro", "-z", "now"]
    options += ["-z", "noexecstack"]
    chosen = os.environ.get("CC", "").split()
    compilers = [chosen] if chosen else [["cc"], ["gcc"], ["clang"]]
    for compiler in compilers:
        if shutil.which(compiler[0]):
            return [*compiler, "-shared", "-nostdlib", f"-Wl,{','.join(options)}"]
    return ["ld", "-shared", *options] if not chosen and shutil.which("ld") else None


def _link(command: list[str], image: bytes, target: Path) -> Path:
    """Make a shared library of an object."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="riskcore-") as directory:
        # Linked where the names of files are always the same, so the bytes are too.
        source = Path(directory) / "riskcore.o"
        source.write_bytes(image)
        done = subprocess.run(
            [*command, "-o", SHARED, source.name],
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = " ".join(done.stderr.split())[:200]
            raise LinkerError(f"{command[0]} could not link {SHARED}: {said}")
        shutil.copyfile(Path(directory) / SHARED, target)
    target.chmod(0o755)
    return target


# --- pkg-config and CMake -------------------------------------------------------------------------

# The tree is seldom where the loader looks, so programs remember it; they may be given another.
RUN_PATH = "-L${libdir} -lriskcore -Wl,-rpath,${libdir}"


def _pkg_config(cpu: str, sizes: str, libraries: str) -> str:
    """Text of a pkg-config file; found from wherever the tree is moved to."""
    return f"""prefix=${{pcfiledir}}/../..
libdir=${{prefix}}/lib
includedir=${{prefix}}/include

Name: riskcore
Description: pre-trade risk gate for {cpu} and better; {sizes}
Version: {header.package_version()}
Libs: {libraries}
Cflags: -I${{includedir}}
"""


CMAKE = """# riskcore::riskcore (shared, or static where that is all there is) and riskcore::static.
if(TARGET riskcore::riskcore)
  return()
endif()
get_filename_component(_riskcore_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

add_library(riskcore::static STATIC IMPORTED)
set_target_properties(riskcore::static PROPERTIES
  IMPORTED_LOCATION "${_riskcore_prefix}/lib/libriskcore.a"
  INTERFACE_INCLUDE_DIRECTORIES "${_riskcore_prefix}/include")

if(EXISTS "${_riskcore_prefix}/lib/libriskcore.so")
  add_library(riskcore::riskcore SHARED IMPORTED)
  set_target_properties(riskcore::riskcore PROPERTIES
    IMPORTED_LOCATION "${_riskcore_prefix}/lib/libriskcore.so"
    IMPORTED_SONAME "libriskcore.so"
    INTERFACE_INCLUDE_DIRECTORIES "${_riskcore_prefix}/include")
else()
  add_library(riskcore::riskcore INTERFACE IMPORTED)
  set_target_properties(riskcore::riskcore PROPERTIES
    INTERFACE_LINK_LIBRARIES riskcore::static)
endif()
unset(_riskcore_prefix)
"""


def _cmake_version() -> str:
    """Text of the version file: what is asked for fits this major and minor version."""
    version = header.package_version()
    major, minor, _ = version.split(".", 2)
    return f"""set(PACKAGE_VERSION "{version}")
if(NOT CMAKE_SIZEOF_VOID_P STREQUAL "" AND NOT CMAKE_SIZEOF_VOID_P EQUAL 8)
  set(PACKAGE_VERSION_UNSUITABLE TRUE)
elseif(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
elseif(PACKAGE_FIND_VERSION_MAJOR EQUAL {major} AND
    (PACKAGE_FIND_VERSION_COUNT EQUAL 1 OR PACKAGE_FIND_VERSION_MINOR EQUAL {minor}))
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
elseif(PACKAGE_FIND_VERSION STREQUAL "")
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
else()
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
endif()
"""
