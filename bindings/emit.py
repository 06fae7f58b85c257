"""Native code for any shape and CPU: object, static and shared library, or straight into memory.

>>> from riskcore import Shape
>>> from riskcore.bindings.emit import emit
>>> files = emit("out", Shape(instruments=256), "x86-64-v3")  # doctest: +SKIP

The same shape and CPU give the same bytes on any host. Objects are kept in a cache directory
(``RISKCORE_CACHE``, else ``$XDG_CACHE_HOME/riskcore``, else ``~/.cache/riskcore``) under a hash of
the kernels, the layout, the emitter and the versions of the compiler: nothing stale is ever used.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from riskcore import layout
from riskcore.bindings import files
from riskcore.kernels.api import EXPORTS
from riskcore.layout import Shape

PACKAGE = Path(layout.__file__).resolve().parent
WORKER = Path(__file__).resolve().parent / "worker.py"
LEVEL_FEATURES = {  # what each level needs beyond the one below
    "x86-64-v3": ("avx2", "fma", "bmi", "bmi2", "f16c", "lzcnt", "movbe"),
    "x86-64-v4": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
}
CPU_LEVELS = ("x86-64-v2", "x86-64-v3", "x86-64-v4", "native")
BAD_KERNEL = 2  # exit code of the worker where a kernel cannot be compiled
MEMORY_TABLE = "rc_functions"
SOURCE_SUMS = "sources.sha256"  # beside the library: what it and the extension were built from

# Everything that decides what Numba generates, so that no host and no user setting does.
ENVIRONMENT = {
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    "NUMBA_DISABLE_INTEL_SVML": "1",
    "NUMBA_DISABLE_JIT": "0",
    "NUMBA_OPT": "0",
    "NUMBA_DEBUGINFO": "0",
    "PYTHONHASHSEED": "0",
}


class EmitError(Exception):
    """Why no code could be made, in one line."""


class KernelError(EmitError):
    """A mistake in a kernel's source: file, line and what it is, in one line."""


@dataclass(frozen=True)
class Job:
    """One object: CPU level, and how its symbols are named.

    With a ``table`` the functions are local and the only global symbol is an array of their
    addresses in the order of the export table; otherwise each is global, as is the constant that
    the C header refers to (``layout_symbol``), with ``prefix`` and ``suffix`` around the names. A
    ``listing`` is the text of the same code with source lines, and with ``alone`` that of one
    kernel by itself.
    """

    cpu: str
    table: str = ""
    prefix: str = ""
    suffix: str = ""
    listing: bool = False
    alone: str = ""


def make_listings(shape: Shape, cpu: str, kernels: list[str]) -> list[dict[str, str]]:
    """The code of a shape as text, each instruction with its kernels and source lines.

    Parameters
    ----------
    shape : Shape
    cpu : str
        As in emit.
    kernels : list of str
        For each a listing of that kernel out of its callers and without anything else; for ""
        everything as it ships, with the table of ``emit_in_memory``.

    Returns
    -------
    list of dict of str to str
        ``assembly``, ``ir`` (optimised) and ``remarks`` of the optimiser about loops.
    """
    jobs = [Job(cpu, "" if name else MEMORY_TABLE, listing=True, alone=name) for name in kernels]
    return [json.loads(gzip.decompress(image)) for image in make_objects(shape, jobs)]


def make_objects(shape: Shape, jobs: list[Job]) -> list[bytes]:
    """Compile the kernels once and generate one object per job.

    Parameters
    ----------
    shape : Shape
        Sizes frozen into the code.
    jobs : list of Job
        What to generate.

    Returns
    -------
    list of bytes
        Relocatable ELF files without undefined symbols; of a listing, compressed JSON.

    Raises
    ------
    KernelError
        If a kernel does not compile or uses something from outside the kernel language.
    EmitError
        If this machine has no such code, or the compiler fails.
    """
    if platform.machine() != "x86_64" or sys.platform != "linux":
        raise EmitError(
            f"native code is made for x86-64 Linux, not {sys.platform} {platform.machine()}"
        )
    base = _fingerprint(shape)
    paths = [_cache_directory() / f"{_digest(base, job)}.o" for job in jobs]
    absent = [(job, path) for job, path in zip(jobs, paths, strict=True) if not path.exists()]
    found = {path: path.read_bytes() for path in paths if path.exists()}
    if absent:
        kept_ir = _cache_directory() / f"{_digest(base, None)}.ll.gz"
        images = _run_worker(shape, [job for job, _ in absent], kept_ir)
        for (_, path), image in zip(absent, images, strict=True):
            found[path] = image
            _store(path, image)
    return [found[path] for path in paths]


def _run_worker(shape: Shape, jobs: list[Job], kept_ir: Path | None = None) -> list[bytes]:
    """Start the compiler process and collect its objects; `kept_ir` is read, or else written."""
    with tempfile.TemporaryDirectory(prefix="riskcore-") as directory:
        paths = [Path(directory) / f"{number}.o" for number in range(len(jobs))]
        new_ir = Path(directory) / "kernels.ll.gz"
        request = {
            "package": str(PACKAGE),
            "shape": asdict(shape),
            "ir_read": str(kept_ir) if kept_ir and kept_ir.exists() else "",
            "ir_write": str(new_ir),
            "jobs": [
                {**asdict(job), "path": str(path)} for job, path in zip(jobs, paths, strict=True)
            ],
        }
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
        done = subprocess.run(
            [sys.executable, "-P", str(WORKER)],
            input=json.dumps(request),
            env={**inherited, **ENVIRONMENT},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["the compiler process died"]
            raise (KernelError if done.returncode == BAD_KERNEL else EmitError)(lines[-1])
        if kept_ir and not request["ir_read"]:
            _store(kept_ir, new_ir.read_bytes())
        return [path.read_bytes() for path in paths]


def _cache_directory() -> Path:
    """Where objects are kept."""
    chosen = os.environ.get("RISKCORE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "riskcore"


def _store(path: Path, image: bytes) -> None:
    """Write an object whole or not at all; a cache that cannot be written is no error."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(image)
        Path(name).replace(path)
    except OSError:
        return


def _sources() -> list[Path]:
    """Every source that ends up in the code."""
    tools = ("collect.py", "lower.py", "tune.py", "link.py", "worker.py", "emit.py")
    return [
        *sorted((PACKAGE / "kernels").rglob("*.py")),
        PACKAGE / "layout.py",
        PACKAGE / "codes.py",
        *(PACKAGE / "bindings" / name for name in tools),
    ]


@lru_cache(maxsize=1)
def _sources_hash() -> str:
    """Hash of every source that ends up in the code."""
    state = hashlib.sha256()
    for path in _sources():
        state.update(str(path.name).encode() + b"\0" + path.read_bytes() + b"\0")
    return state.hexdigest()


def source_sums() -> str:
    """A checksum and the path of each source, as ``sha256sum`` in the package's folder has them."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(PACKAGE)}\n"
        for path in _sources()
    )


def edited_sources() -> list[str] | None:
    """The sources that differ from what the extension was built from; None if that is unknown."""
    try:
        built = set((PACKAGE / "lib" / SOURCE_SUMS).read_text().splitlines())
    except OSError:
        return None
    now = set(source_sums().splitlines())
    return sorted({line.split("  ", 1)[1] for line in built ^ now})


def _fingerprint(shape: Shape) -> str:
    """What a cached object depends on, its job aside."""
    versions = [metadata.version(name) for name in ("numba", "llvmlite", "numpy")]
    return repr((_sources_hash(), versions, platform.python_version(), shape.sizes()))


def _digest(base: str, job: Job | None) -> str:
    """Name of a cached object, or of the IR behind all of them."""
    host = ""
    if job and job.cpu == "native":
        import llvmlite.binding as llvm

        host = llvm.get_host_cpu_name() + llvm.get_host_cpu_features().flatten()
    return hashlib.sha256(repr((base, job, host)).encode()).hexdigest()


def emit(
    out_dir: str | Path,
    shape: Shape | None = None,
    cpu: str = "x86-64-v3",
    *,
    prefix: str = "",
    suffix: str = "",
) -> list[Path]:
    """Write the native library of a shape: what an engine links, without Python.

    Parameters
    ----------
    out_dir : path
        Made if needed; gets the tree of ``files.py``: ``include/`` and ``lib/``, the shared
        library only where a linker is installed.
    shape : Shape
        Sizes of the buffer; the default shape if None.
    cpu : str
        ``x86-64-v2``, ``x86-64-v3``, ``x86-64-v4`` (or ``v2``, ``v3``, ``v4``) or ``native``. The
        wide vectors of v4 pay from about 128 instruments on; for 64 an order's check is a little
        quicker with v3.
    prefix, suffix : str
        Put around every exported name, so that two libraries can be linked into one program.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    EmitError
        If the CPU is not one of the four, a kernel does not compile, or linking fails.
    """
    shape = shape or Shape()
    cpu = full_level(cpu)
    (image,) = make_objects(shape, [Job(cpu, "", prefix, suffix)])
    out, rename = Path(out_dir), (prefix, suffix)
    headers = files.write_headers(out / "include", shape, rename)
    try:
        library = files.write_library(out / "lib", shape, cpu, image, rename=rename)
    except files.LinkerError as error:
        raise EmitError(str(error)) from None
    return headers + library


def full_level(cpu: str) -> str:
    """The name of a CPU level, also from its short form (``v3``); EmitError for any other."""
    known = {name.removeprefix("x86-64-"): name for name in CPU_LEVELS}
    level = known.get(cpu, cpu)
    if level not in CPU_LEVELS:
        raise EmitError(f"unknown cpu {cpu!r}: choose from {', '.join(CPU_LEVELS)}")
    return level


def host_level(highest: str = "x86-64-v3") -> str:
    """The highest level that this CPU runs, up to one: by default of the two in the wheel."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    known = "x86-64-v2"
    for level, names in LEVEL_FEATURES.items():
        if known == highest or not all(features.get(name) for name in names):
            break
        known = level
    return known


_loaded: list[Any] = []  # code stays mapped for the life of the process


@lru_cache(maxsize=256)
def emit_in_memory(shape: Shape, cpu: str = "") -> dict[str, int]:
    """Load the code of a shape into this process.

    Parameters
    ----------
    shape : Shape
        Sizes of the buffer.
    cpu : str
        As in emit; the host's level if empty.

    Returns
    -------
    dict of str to int
        Address of every exported function.
    """
    (image,) = make_objects(shape, [Job(cpu or host_level(), MEMORY_TABLE)])
    return table_addresses(load_object(image, [MEMORY_TABLE])[MEMORY_TABLE])


def table_addresses(table: int) -> dict[str, int]:
    """Address of every exported function, from that of their table."""
    import ctypes

    addresses = (ctypes.c_uint64 * len(EXPORTS)).from_address(table)
    return {export.name: int(at) for export, at in zip(EXPORTS, addresses, strict=True)}


def load_object(image: bytes, symbols: list[str]) -> dict[str, int]:
    """Load an object into this process, for good; addresses of its global symbols."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    compiler = llvm.create_lljit_compiler(machine)
    builder = llvm.JITLibraryBuilder().add_object_img(image)
    for symbol in symbols:
        builder = builder.export_symbol(symbol)
    tracker = builder.link(compiler, "riskcore")
    _loaded.append((compiler, tracker))
    return {symbol: int(tracker[symbol]) for symbol in symbols}
