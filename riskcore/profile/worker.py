"""Repeat a recorded session in one execution, in a process of its own; started by ``run.py`` only.

Numba reads its options when it is imported, so each execution has its process: ``emitted``,
``jit`` or ``python``. The package is made known here without running its ``__init__``: a kernel
just edited is profiled without building the extension again.

Standard input: a line of JSON with ``package`` (directory of riskcore), ``execution``, ``shape``,
``object`` (file of the emitted code) and ``calls`` (exports to compile). The worker prints the name
of each call that it compiles, then ``ready``, and waits for a second line: ``recording``,
``answers`` (file to write), ``checkpoints`` (calls after which to keep the buffer), ``seconds`` to
time for, ``interval_us`` of the sampling timer.
"""

import json
import sys
import types
from pathlib import Path
from time import perf_counter
from typing import Any

GOLDEN = 0.6180339887498949  # multiples of it fill the unit interval evenly


def main() -> int:
    """Serve one request; returns the exit code."""
    request = json.loads(sys.stdin.readline())
    package = types.ModuleType("riskcore")
    package.__path__ = [request["package"]]
    sys.modules["riskcore"] = package
    try:
        from riskcore.layout import Shape

        shape = Shape(**request["shape"])
        code = compile_calls(request, shape)
        print("ready", flush=True)
        line = sys.stdin.readline()
        if line:
            serve(json.loads(line), request["execution"], code, shape)
    except Exception as error:  # noqa: BLE001  an edited kernel may fail in any way: one line for the caller
        print(f"{type(error).__name__}: {' '.join(str(error).split())[:400]}", file=sys.stderr)
        return 1
    return 0


def compile_calls(request: dict[str, Any], shape: Any) -> tuple[dict[str, int], int]:
    """Addresses of what the session calls, by export, and of the table of places (0: none)."""
    from riskcore.bindings import emit, lower
    from riskcore.kernels.api import EXPORTS

    if request["execution"] == "emitted":
        symbols = [emit.MEMORY_TABLE, "rc_places"]
        loaded = emit.load_object(Path(request["object"]).read_bytes(), symbols)
        return emit.table_addresses(loaded[emit.MEMORY_TABLE]), loaded["rc_places"]
    if request["execution"] == "python":
        return {}, 0
    import numba

    addresses = {}
    for export in EXPORTS:
        if export.name in request["calls"]:
            print(export.name, flush=True)
            entry, signature = lower.entry_function(export, shape)
            # An entry that is called from C; what it calls is compiled as the kernels ask for.
            addresses[export.name] = numba.cfunc(signature, error_model="numpy")(entry).address
    return addresses, 0


def serve(
    task: dict[str, Any], execution: str, code: tuple[dict[str, int], int], shape: Any
) -> None:
    """Check and time the session; write what it left behind."""
    import numpy as np

    from riskcore.profile.session import Recording

    recording = Recording.load(Path(task["recording"]))
    checkpoints = task["checkpoints"]
    if execution == "python":
        found = run_in_python(recording, shape, checkpoints)
    else:
        found = run_natively(recording, shape, code, task)
    np.savez(task["answers"], **found)


def run_in_python(recording: Any, shape: Any, checkpoints: list[int]) -> dict[str, Any]:
    """The session up to the last checkpoint, every floating-point error an exception."""
    import numpy as np

    from riskcore.kernels.api import EXPORTS
    from riskcore.profile.driver import aligned_bytes
    from riskcore.profile.engines import KernelEngine
    from riskcore.profile.session import arguments_of

    engine = KernelEngine(shape)
    engine.load_state(recording.image.tobytes())
    records, outputs = recording.records.copy(), aligned_bytes(int(recording.output_size[0]))
    images: list[Any] = []
    answers: list[int] = []
    with np.errstate(all="raise"):
        for number, row in enumerate(recording.rows[: checkpoints[-1]], 1):
            call = getattr(engine, EXPORTS[row[0]].method)
            answers.append(call(*arguments_of(row, shape, records, outputs)))
            if number in checkpoints:
                images.append(np.frombuffer(engine.state_bytes(), dtype=np.uint8))
    return {"images": np.array(images), "answers": np.array(answers), "outputs": outputs}


def run_natively(
    recording: Any, shape: Any, code: tuple[dict[str, int], int], task: dict[str, Any]
) -> dict[str, Any]:
    """The session call by call between checkpoints, then timed, then timed with samples."""
    import numpy as np

    from riskcore.profile.driver import Driver, read_places

    functions, places = code
    driver = Driver(recording, shape, functions)
    images: list[Any] = []
    first = 0
    for last in task["checkpoints"]:
        driver.run(driver.rows, first, last)
        images.append(driver.memory.view(np.uint8).reshape(-1).copy())
        first = last
    found = {
        "images": np.array(images),
        "answers": driver.answers[:first].copy(),
        "outputs": driver.outputs.copy(),
    }
    driver.time()  # warms up
    times: list[int] = []
    sampled: list[int] = []
    end = perf_counter() + task["seconds"]
    interval = task["interval_us"]
    while perf_counter() < end or len(times) < 3:
        times.append(driver.time())
        # Each run is met at other places: the first sample comes after another delay each time.
        # A session shorter than the interval is covered evenly, and some time on both sides.
        span = min(interval, 20.0 + 2e-3 * times[-1])
        sampled.append(driver.sample(interval, 1.0 + GOLDEN * len(times) % 1.0 * span))
    samples = driver.samples()
    return {
        **found,
        "times": np.array(times),
        "sampled": np.array(sampled),
        "addresses": samples.addresses,
        "rows": samples.rows,
        "places": read_places(places),
        "harness": np.array(driver.harness),
    }


if __name__ == "__main__":
    sys.exit(main())
