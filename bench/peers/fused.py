"""A fused loop in C, compiled here for this very machine: the floor under a portfolio update."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from bench.driver import find_compiler
from bench.figures import PEER, Figure, summarise
from bench.peers import rounds

SOURCE = Path(__file__).with_suffix(".c")
FLAGS = (
    "-O3",
    "-march=native",
    "-mprefer-vector-width=512",
    "-fassociative-math",
    "-fno-signed-zeros",
    "-fno-trapping-math",
    "-fno-math-errno",
    "-funroll-loops",
)


def measure(quick: bool) -> list[Figure]:
    """One pass over the matrix, with the product and the variance."""
    compiler = find_compiler()
    if compiler is None:
        raise FileNotFoundError("no C compiler: install gcc")
    with tempfile.TemporaryDirectory(prefix="riskcore-bench-") as directory:
        library = Path(directory) / "fused.so"
        subprocess.run(
            [*compiler.split(), *FLAGS, "-shared", "-fPIC", "-o", str(library), str(SOURCE)],
            check=True,
            capture_output=True,
        )
        run = ctypes.CDLL(str(library)).run
        run.restype = ctypes.c_double
        found = []
        for count in (16, 64, 256, 512):
            samples = 200 if quick else 1_000
            times = []
            for _ in range(rounds(quick)):
                out = np.empty(samples)
                run(
                    ctypes.c_int64(count),
                    ctypes.c_int64(samples),
                    out.ctypes.data_as(ctypes.c_void_p),
                )
                times.append(out.tolist())
            found.append(
                Figure(
                    PEER,
                    "C loop for this machine (AVX-512, FMA where it has them)",
                    f"{count} instruments: covariance and variance only",
                    **summarise(times),
                )
            )
        return found
