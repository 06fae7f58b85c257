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
        images = _images()
        self.library_images = images[len(LEVELS) :]
        extension.extra_objects = []
        for cpu, image in zip(LEVELS.values(), images, strict=False):
            path = directory / f"{cpu}.o"
            if not path.exists() or path.read_bytes() != image:
                path.write_bytes(image)
            extension.extra_objects.append(str(path))
        extension.sources = [_translate(directory)]
        extension.depends = list(extension.extra_objects)
        super().run()
        self._write_native()

    def _write_native(self) -> None:
        """Headers and libraries of the default shape, for programs in C and C++.

        The library is for x86-64-v2; the loader of glibc takes the faster code beside it where the
        processor has that level. A build in the tree keeps the headers that are checked in.
        """
        from riskcore.bindings import emit, files
        from riskcore.layout import Shape

        package = ROOT / "riskcore" if self.inplace else Path(self.build_lib) / "riskcore"
        (base, code), *others = zip(LEVELS.values(), self.library_images, strict=True)
        try:
            files.write_library(package / "lib", Shape(), base, code, faster=dict(others))
        except files.LinkerError as error:
            raise SetupError(str(error)) from None
        (package / "lib" / emit.SOURCE_SUMS).write_text(emit.source_sums())
        if not self.inplace:
            files.write_headers(package / "include", Shape())


def _import_sources() -> None:
    """Make riskcore importable without running its __init__, which needs the extension."""
    import types

    package = types.ModuleType("riskcore")
    package.__path__ = [str(ROOT / "riskcore")]
    sys.modules["riskcore"] = package


def _images() -> list[bytes]:
    """Objects of all kernels for each CPU level: for the extension, then for the libraries."""
    _import_sources()
    from riskcore.bindings import emit
    from riskcore.layout import Shape

    jobs = [emit.Job(cpu, table) for table, cpu in LEVELS.items()]
    jobs += [emit.Job(cpu) for cpu in LEVELS.values()]
    print(f"compiling kernels for {', '.join(LEVELS.values())}", flush=True)
    try:
        return emit.make_objects(Shape(), jobs)
    except emit.EmitError as error:
        raise SetupError(f"kernels: {error}") from None


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
