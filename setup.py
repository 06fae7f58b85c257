"""Build of the extension: kernels -> machine code for two CPU levels -> Cython module.

Everything else about the package is in pyproject.toml.
"""

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import SetupError

ROOT = Path(__file__).resolve().parent
SOURCE = "riskcore/bindings/cython/_core.pyx"
LEVELS = {"rc_functions_v2": "x86-64-v2", "rc_functions_v3": "x86-64-v3"}


class BuildNative(build_ext):
    """Generate the object code, translate the Cython source, then compile as usual."""

    def run(self) -> None:
        """Build; a failure is one line that names its cause."""
        directory = Path(self.build_temp)
        directory.mkdir(parents=True, exist_ok=True)
        extension = self.extensions[0]
        extension.extra_objects = _objects(directory)
        extension.sources = [_translate(directory)]
        extension.depends = list(extension.extra_objects)
        super().run()


def _import_sources() -> None:
    """Make riskcore importable without running its __init__, which needs the extension."""
    import types

    package = types.ModuleType("riskcore")
    package.__path__ = [str(ROOT / "riskcore")]
    sys.modules["riskcore"] = package


def _objects(directory: Path) -> list[str]:
    """Machine code of all kernels, one object per CPU level."""
    _import_sources()
    from riskcore.bindings import emit
    from riskcore.layout import Shape

    jobs = [emit.Job(cpu, table) for table, cpu in LEVELS.items()]
    print(f"compiling kernels for {', '.join(LEVELS.values())}", flush=True)
    try:
        images = emit.make_objects(Shape(), jobs)
    except emit.EmitError as error:
        raise SetupError(f"kernels: {error}") from None
    paths = []
    for job, image in zip(jobs, images, strict=True):
        path = directory / f"{job.cpu}.o"
        if not path.exists() or path.read_bytes() != image:
            path.write_bytes(image)
        paths.append(str(path))
    return paths


def _translate(directory: Path) -> str:
    """C source of the extension."""
    from Cython.Build import cythonize

    from riskcore.bindings.declarations import compare_struct

    try:
        compare_struct((ROOT / SOURCE).read_text())
    except ValueError as error:
        raise SetupError(str(error)) from None
    (extension,) = cythonize(
        [Extension("riskcore._core", [SOURCE])], build_dir=str(directory), quiet=True
    )
    return str(extension.sources[0])


setup(
    ext_modules=[
        Extension(
            "riskcore._core",
            [SOURCE],
            extra_compile_args=["-O2", "-fvisibility=hidden", "-g0"],
            extra_link_args=["-Wl,-z,noexecstack", "-Wl,-z,relro", "-Wl,-z,now"],
        )
    ],
    cmdclass={"build_ext": BuildNative},
)
