"""``riskcore profile``: shares that add up, code of one kernel, executions compared, edits seen."""

from __future__ import annotations

import dis
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from riskcore.bindings import emit, link, lower, screen
from riskcore.errors import InputError
from riskcore.kernels.api import EXPORTS
from riskcore.layout import Shape, allocate, record_dtype, state_dtype
from riskcore.profile import catalog, code
from riskcore.profile.compare import disagreement, field_at, first_difference
from riskcore.profile.driver import read_places
from riskcore.profile.engines import NativeEngine
from riskcore.profile.session import CALLS, Recording, arguments_of, record

ROOT = Path(__file__).resolve().parents[2]
SHAPE = Shape()


def run(*arguments: str, package: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ, COLUMNS="120", NO_COLOR="1", PYTHONPATH=str(package))
    return subprocess.run(
        [sys.executable, "-P", "-m", "riskcore.cli", "profile", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        cwd=package,
        check=False,
    )


@pytest.fixture(scope="module")
def profile() -> dict:
    """One profile of the kernels as they are."""
    done = run("--calls", "rc_position_risk,rc_on_trade", "--seconds", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


# --- times ----------------------------------------------------------------------------------------


def test_shares_of_calls_and_kernels_add_up_to_all(profile: dict) -> None:
    for table in (profile["calls"], profile["kernels"]):
        assert sum(row["share"] for row in table) == pytest.approx(1.0, abs=1e-9)
    for call in profile["calls"]:
        assert sum(kernel["share"] for kernel in call["kernels"]) == pytest.approx(1.0, abs=1e-9)
        assert sum(kernel["ns"] for kernel in call["kernels"]) == pytest.approx(call["ns"])


def test_times_add_up_to_what_was_measured(profile: dict) -> None:
    library = profile["library_ns"]
    assert 0 < library < profile["session_ns"]
    assert sum(row["ns"] for row in profile["kernels"]) == pytest.approx(library)
    assert sum(row["ns"] * row["count"] for row in profile["calls"]) == pytest.approx(library)


def test_kernels_of_a_call_are_those_that_it_calls(profile: dict) -> None:
    (risk,) = (call for call in profile["calls"] if call["name"] == "rc_position_risk")
    names = {kernel["name"] for kernel in risk["kernels"]}
    assert "tail.position_risk" in names
    assert {name.partition(".")[0] for name in names} <= {
        "tail",
        "covariance",
        "entry",
        "elementary",
    }


def called_by(kernel: Any) -> dict[str, Any]:
    """The kernels that one names, by module and function."""
    function = getattr(kernel, "py_func", kernel)
    named = {s.argval for s in dis.get_instructions(function) if s.opname == "LOAD_GLOBAL"}
    functions = [getattr(function.__globals__.get(name), "py_func", None) for name in named]
    return {
        f"{f.__module__.removeprefix('riskcore.kernels.')}.{f.__name__}": f for f in functions if f
    }


def reachable(call: str) -> set[str]:
    """The kernels that an export may call, directly or not."""
    (export,) = (export for export in EXPORTS if export.name == call)
    found, left = {export.kernel}, [export.load()]
    while left:
        new = {name: f for name, f in called_by(left.pop()).items() if name not in found}
        found |= set(new)
        left += new.values()
    return found


def test_every_kernel_of_a_call_can_be_reached_from_it() -> None:
    done = run("--calls", "rc_check", "--seconds", "1", "--no-compare", "--json")
    assert done.returncode == 0, done.stderr
    calls = json.loads(done.stdout)["calls"]
    assert "rc_check" in {call["name"] for call in calls}
    for call in calls:
        assert {kernel["name"] for kernel in call["kernels"]} <= reachable(call["name"])


SECTIONS = """
	.text
	.type	first,@function
first:
	.loc	1 1 0	# tail.a:5:0
	nop
	.size	first, 1
	.section	.text.unlikely.,"ax",@progbits
	.type	cold,@function
cold:
	nop
	.size	cold, 1
	.text
	.type	second,@function
second:
	nop
	.size	second, 1
"""


def test_addresses_belong_to_the_place_before_them_in_any_order_of_sections() -> None:
    assembly = code.read_assembly(SECTIONS)
    names = [place.function for place in assembly.places]
    assert names == ["first", "first", "cold", "second"]
    # The cold section lies before the other; between them is what is no kernel's.
    table = np.array([200, 200, 100, 201, 200, 202, 100, 101], dtype=np.uint64)
    addresses = np.array([99, 100, 101, 199, 200, 201, 202], dtype=np.int64)
    found = assembly.locate(addresses, table)
    assert found.tolist() == [-1, 2, -1, -1, 1, 3, -1]


def test_table_of_places_has_begin_and_end_of_every_section() -> None:
    image = link.assemble_text(code.read_assembly(SECTIONS).labelled, "x86-64-v2")
    assert link.code_sections(image) == {".text": b"\x90\x90", ".text.unlikely.": b"\x90"}
    table = read_places(emit.load_object(image, [code.TABLE])[code.TABLE])
    assert len(table) == 4 + 2 * 2
    begin, end, cold_begin, cold_end = table[4:].tolist()
    assert (end - begin, cold_end - cold_begin) == (2, 1)
    assert table[:4].tolist() == [begin, begin, cold_begin, begin + 1]


def test_sampled_code_is_the_code_that_ships(profile: dict) -> None:
    assert profile["same_code"] is True


def test_executions_agree_and_each_call_has_a_time_under_the_jit(profile: dict) -> None:
    agreement = profile["agreement"]
    assert agreement["agree"] is True
    assert agreement["jit_calls"] == profile["session_calls"]
    assert agreement["python_calls"] == 300
    assert all(call["jit_ns"] >= 0 for call in profile["calls"])


# --- code of one kernel ---------------------------------------------------------------------------


def test_assembly_of_a_layer_shows_its_source() -> None:
    done = run("--asm", "check_account")
    assert done.returncode == 0, done.stderr
    for words in (
        "layers.account.flag_account (riskcore/kernels/layers/account.py:",
        "layers.account.cap_account",
        "inlined (instructions) into gate.",
        "if not (account.drawdown <= parameters.max_drawdown):",
        "divsd",
        "(layers.measure.raise_use, called in line",
    ):
        assert words in done.stdout
    assert "_ZN" not in done.stdout


def test_ir_of_an_export_is_optimised_and_shows_its_source() -> None:
    done = run("--ir", "rc_position_risk", "--json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert found["kernel"] == "tail.position_risk"
    assert found["stands_alone"]
    text = "\n".join(found["ir"])
    assert text.startswith("define ")
    assert "out.gross = position.gross" in text
    assert "alloca i64" not in text
    assert "!dbg" not in "\n".join(found["ir"][1:])


def test_loops_say_whether_they_are_vectorised_and_why_not() -> None:
    done = run("--loops", "covariance", "--json")
    assert done.returncode == 0, done.stderr
    loops = {k["kernel"]: k["loops"] for k in json.loads(done.stdout)}
    (inner,) = loops["covariance.update_four_alike"]
    assert inner["outcome"] == code.VECTORISED
    assert inner["width"] in (2, 4)
    others = [loop for found in loops.values() for loop in found if loop["outcome"] == code.SCALAR]
    assert others
    assert all(loop["details"] for loop in others)


@pytest.mark.parametrize(
    ("messages", "outcome", "words"),
    [
        (["vectorized loop (vectorization width: 4, interleaved count: 2)"], code.VECTORISED, "4 "),
        (["completely unrolled loop with 7 iterations"], code.UNROLLED, "7 steps"),
        (
            ["loop not vectorized: cannot prove it is safe to reorder floating-point operations"],
            code.SCALAR,
            "accumulators",
        ),
        (["loop not vectorized: something new"], code.SCALAR, "something new"),
        ([], code.GONE, ""),
    ],
)
def test_remarks_become_plain_words(messages: list[str], outcome: str, words: str) -> None:
    kernel = catalog.Kernel("tail.x", Path("x.py"), 1, 9, (catalog.Loop(3, 5, "for k in n:"),))
    remarks = "\n".join(f"remark: tail.x:4:1: {message}" for message in messages)
    (report,) = code.loop_reports(kernel, remarks + "\nremark: tail.y:4:1: loop not vectorized")
    assert report.outcome == outcome
    assert words in " ".join(report.details)


# --- names ----------------------------------------------------------------------------------------


def test_kernel_is_found_by_each_of_its_names() -> None:
    for name in ("gate.check_order", "check_order", "rc_check"):
        assert [kernel.name for kernel in catalog.find(name)] == ["gate.check_order"]
    layer = {kernel.name for kernel in catalog.find("check_account")}
    assert layer == {kernel.name for kernel in catalog.find("layers.account")}
    assert "layers.account.measure_account" in layer


def test_unknown_kernel_gets_the_nearest_names_in_one_line() -> None:
    with pytest.raises(InputError, match=r"no kernel is called 'chek_order': .*gate\.check_order"):
        catalog.find("chek_order")
    done = run("--asm", "chek_order")
    assert done.returncode == 2
    assert done.stdout.startswith(f"{ROOT}/riskcore")
    assert done.stdout.count("\n") == 1
    said = "riskcore: no kernel is called 'chek_order': did you mean "
    assert done.stderr.startswith(said)
    names = done.stderr.removeprefix(said).strip().rstrip("?").split(" or ")
    assert len(names) == len(set(names)) == 3
    assert done.stderr.count("\n") == 1


def test_unknown_call_and_cpu_are_input_errors() -> None:
    for arguments in (("--calls", "rc_chek"), ("--cpu", "z80")):
        done = run(*arguments)
        assert done.returncode == 2
        assert done.stdout.count("\n") <= 1
        assert "allowed is" in done.stderr


# --- comparison -----------------------------------------------------------------------------------


def test_changed_byte_is_named_with_its_field_and_values() -> None:
    dtype = state_dtype(SHAPE)
    one, other = allocate(dtype), allocate(dtype)
    other[0].positions[3].net_lots = 7
    images = [memory.view(np.uint8).reshape(-1) for memory in (one, other)]
    assert first_difference(dtype, images[0], images[0]) is None
    assert first_difference(dtype, *images) == "positions[3].net_lots (0 against 7)"


def test_every_field_of_a_record_is_found_at_its_offset() -> None:
    dtype = record_dtype("decision", SHAPE)
    assert dtype.fields is not None
    for name, about in dtype.fields.items():
        path, _, start = field_at(dtype, about[1])
        assert path.startswith(name)
        assert start == about[1]


@pytest.fixture(scope="module")
def recording() -> Recording:
    """A short session of every call on a small account."""
    return record(NativeEngine(SHAPE), SHAPE.instruments, 8, 2)


def replayed(recording: Recording) -> dict:
    """What emitted code for the other level leaves behind."""
    engine = NativeEngine(SHAPE, "x86-64-v2")
    engine.load_state(recording.image.tobytes())
    outputs = np.zeros(int(recording.output_size[0]), dtype=np.uint8)
    records = recording.records.copy()
    answers = []
    for row in recording.rows:
        call = getattr(engine, EXPORTS[row[0]].method)
        answers.append(call(*arguments_of(row, engine.shape, records, outputs)))
    image = np.frombuffer(engine.state_bytes(), dtype=np.uint8)
    return {"images": image[None, :].copy(), "answers": np.array(answers), "outputs": outputs}


def test_session_repeats_to_the_same_bytes_and_every_kind_of_change_is_found(
    recording: Recording,
) -> None:
    end = [len(recording.rows)]
    one, other = replayed(recording), replayed(recording)
    assert (one["answers"] == recording.answers).all()
    assert disagreement(recording, SHAPE, end, one, other) is None
    equity = state_dtype(SHAPE).fields["account"][1]
    other["images"][0, equity] ^= 1
    found = disagreement(recording, SHAPE, end, one, other)
    assert found is not None
    assert found.startswith("buffer: account.")
    other["answers"][5] += 1
    assert "call 5, rc_" in str(disagreement(recording, SHAPE, end, one, other))


def test_session_has_every_hot_call(recording: Recording) -> None:
    made = {EXPORTS[row[0]].method for row in recording.rows}
    assert {name.removeprefix("rc_") for name in CALLS} <= made


# --- an edited kernel -----------------------------------------------------------------------------


def copy_of_package(folder: Path) -> Path:
    package = folder / "riskcore"
    shutil.copytree(ROOT / "riskcore", package, ignore=shutil.ignore_patterns("*.so", "*.parquet"))
    return package


def test_package_in_the_working_directory_that_is_not_profiled_is_told(tmp_path: Path) -> None:
    package = tmp_path / "riskcore"
    (package / "kernels").mkdir(parents=True)
    environment = dict(os.environ, NO_COLOR="1", PYTHONPATH=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "riskcore", "profile", "--asm", "no_such_kernel"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        check=False,
    )
    assert done.stdout.startswith(f"{ROOT}/riskcore")
    assert f"{package} is not what is profiled" in done.stderr


def test_sources_edited_since_the_build_are_named(tmp_path: Path, monkeypatch) -> None:
    package = copy_of_package(tmp_path)
    monkeypatch.setattr(emit, "PACKAGE", package)
    (package / "lib" / emit.SOURCE_SUMS).write_text(emit.source_sums())
    assert emit.edited_sources() == []
    (package / "codes.py").write_text("")
    (package / "kernels" / "tail.py").unlink()
    assert emit.edited_sources() == ["codes.py", "kernels/tail.py"]
    (package / "lib" / emit.SOURCE_SUMS).unlink()
    assert emit.edited_sources() is None


def test_kernel_just_edited_is_profiled_and_a_disagreement_is_named(tmp_path: Path) -> None:
    # What is added is seen by compiled code only, so plain Python leaves other bytes.
    source = copy_of_package(tmp_path) / "kernels" / "tail.py"
    text = source.read_text()
    assert text.count("    out.exposure = exposure\n") == 1
    text = text.replace("    out.exposure = exposure\n", "    out.exposure = exposure + ADDED\n")
    text += "\n\nfrom numba.core import config\n\nADDED = 0.0 if config.DISABLE_JIT else 1234.5\n"
    source.write_text(text)
    listing = run("--asm", "position_risk", package=tmp_path)
    assert listing.returncode == 0, listing.stderr
    first = listing.stdout.splitlines()[0]
    assert first == f"{tmp_path}/riskcore: edited since the extension was built: kernels/tail.py"
    assert "out.exposure = exposure + ADDED" in listing.stdout
    assert "= 1234.5" in listing.stdout
    done = run("--calls", "rc_position_risk", "--seconds", "0.3", package=tmp_path)
    assert done.returncode == 1
    assert "call 0, rc_position_risk: risk.exposure (" in done.stderr
    assert "emitted code against plain Python" in done.stderr
    assert done.stderr.count("\n") == 1


MAXIMUM = "    return a if a > b else b\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return a if a > > b else b", "expected 'else' after 'if' expression"),
        ("return a if a > bb else b", "name 'bb' is not defined"),
        ("return max([a, b])", "max() is outside the kernel language"),
        ("return a.drawdwn", "no record has a field 'drawdwn': did you mean drawdown?"),
    ],
)
def test_mistake_in_an_edited_kernel_is_one_line_with_its_place(
    tmp_path: Path, body: str, words: str
) -> None:
    source = copy_of_package(tmp_path) / "kernels" / "elementary.py"
    text = source.read_text()
    line = text[: text.index(MAXIMUM)].count("\n") + 1
    source.write_text(text.replace(MAXIMUM, f"    {body}\n", 1))
    done = run("--asm", "maximum", package=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"riskcore: riskcore/kernels/elementary.py:{line}: {words}")
    assert done.stderr.count("\n") == 1


def test_field_of_another_record_is_one_line_with_its_place(tmp_path: Path) -> None:
    source = copy_of_package(tmp_path) / "kernels" / "layers" / "account.py"
    before, after = source.read_text().split("account.drawdown", 1)
    source.write_text(before + "account.drawdown_used" + after)
    done = run("--loops", "check_account", package=tmp_path)
    place = f"riskcore/kernels/layers/account.py:{before.count(chr(10)) + 1}"
    assert done.stderr.startswith(
        f"riskcore: {place}: this record has no field 'drawdown_used': did you mean drawdown?"
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


# --- what no kernel may hold ----------------------------------------------------------------------


def offending(a, b):
    total = [a, b][0]
    root = math.sqrt(a) + math.exp(b)
    return round(total) + np.exp(root) + a**b + unknown_name  # noqa: F821


def test_everything_from_outside_the_kernel_language_is_found_with_its_line() -> None:
    first = offending.__code__.co_firstlineno
    found = [text.split(":", 1)[1] for text in screen.function_offences(offending)]
    assert found == [
        f"{first + 1}: a list is outside the kernel language",
        f"{first + 2}: math.exp is outside the kernel language",
        f"{first + 3}: round() is outside the kernel language",
        f"{first + 3}: module np is outside the kernel language",
        f"{first + 3}: a power is outside the kernel language",
        f"{first + 3}: name 'unknown_name' is not defined",
    ]


def test_kernels_themselves_hold_nothing_from_outside() -> None:
    kernels = [export.load() for export in EXPORTS if export.kernel]
    functions = [getattr(kernel, "py_func", kernel) for kernel in kernels]
    assert [text for function in functions for text in screen.function_offences(function)] == []


@pytest.mark.parametrize("call", ["assemble(ir, 'x86-64-v3')", "listing(ir, 'x86-64-v3', '')"])
def test_function_of_a_library_is_refused_in_objects_and_listings(call: str) -> None:
    ir = """
    declare double @llvm.pow.f64(double, double)
    define double @rc_power(double %a, double %b) {
      %c = call double @llvm.pow.f64(double %a, double %b)
      ret double %c
    }
    """
    # In a process of its own: a listing sets options of the compiler for good.
    code = f"from riskcore.bindings import link\nir = {ir!r}\nlink.{call}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        check=False,
    )
    assert "LinkError: the code calls pow: outside the kernel language" in done.stderr


def test_cause_of_a_compiler_message_is_its_innermost_place() -> None:
    error = RuntimeError(
        "Failed in nopython mode pipeline (step: nopython frontend)\n"
        "No implementation of function gt\n"
        "During: typing of intrinsic-call at /a/riskcore/kernels/elementary.py (102)\n"
        'File "kernels/elementary.py", line 102:\n'
        "During: typing of call at /a/riskcore/kernels/covariance.py (170)\n"
    )
    assert lower._cause(error) == (
        "riskcore/kernels/elementary.py:102: No implementation of function gt"
    )
