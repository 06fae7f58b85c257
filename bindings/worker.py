"""Compile the kernels of one shape in a process of its own; started by ``emit.py`` only.

Numba reads its options when it is imported and keeps compiled code for the life of the process, so
a fresh one gives the same bytes every time. The package is made known here without running its
``__init__``.

Standard input: a JSON object with ``package`` (directory of riskcore), ``shape``, ``ir_read`` (IR
of an earlier run, or empty), ``ir_write`` and ``jobs``, each with ``path`` and the fields of
``emit.Job``.
"""

import gc
import gzip
import json
import os
import sys
import types
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any


def generate(ir: str, job: dict[str, Any]) -> bytes:
    """The object of a job, or its listing as compressed JSON."""
    from riskcore.bindings import link

    if job["listing"]:
        listing = json.dumps(link.listing(ir, job["cpu"], job["alone"]))
        return gzip.compress(listing.encode(), 1, mtime=0)
    return link.assemble(ir, job["cpu"])


def main() -> int:
    """Write one object per job; returns the exit code."""
    gc.disable()  # the process is short, and nothing that Numba makes is done with before its end
    request = json.load(sys.stdin)
    package = types.ModuleType("riskcore")
    package.__path__ = [request["package"]]
    sys.modules["riskcore"] = package

    from riskcore.bindings import emit, link, lower
    from riskcore.kernels.api import EXPORTS
    from riskcore.layout import Shape, layout_hash, layout_symbol

    shape = Shape(**request["shape"])
    names = [export.name for export in EXPORTS]
    try:
        if request["ir_read"]:
            ir = gzip.decompress(Path(request["ir_read"]).read_bytes()).decode()
        else:
            ir = lower.lower(shape)
            Path(request["ir_write"]).write_bytes(gzip.compress(ir.encode(), 1, mtime=0))
        texts = []
        for job in request["jobs"]:
            text = link.rename(ir, names, job["prefix"], job["suffix"])
            if job["table"]:
                text = link.add_table(text, names, job["table"])
            elif not job["listing"]:
                symbol = f"{job['prefix']}{layout_symbol(shape)}{job['suffix']}"
                text = link.add_constant(text, symbol, layout_hash(shape))
            texts.append(text)
        # Each in a process of its own: code generation is all that is left, and takes seconds.
        workers = min(len(texts), os.cpu_count() or 1)
        with ProcessPoolExecutor(workers, get_context("fork")) as pool:
            images = list(pool.map(generate, texts, request["jobs"]))
        for job, image in zip(request["jobs"], images, strict=True):
            Path(job["path"]).write_bytes(image)
    except (lower.LoweringError, link.LinkError) as error:
        print(error, file=sys.stderr)
        return emit.BAD_KERNEL
    except Exception as error:  # noqa: BLE001  a defect of the emitter: still one line for the caller
        print(f"{type(error).__name__}: {' '.join(str(error).split())[:400]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
