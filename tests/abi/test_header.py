"""The C header: up to date, complete, clean, and its example does what it says."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from riskcore import codes
from riskcore._core import Core
from riskcore.bindings import emit, header, prose
from riskcore.kernels.api import EXPORTS, Export
from riskcore.layout import (
    RECORDS,
    STATE_BLOCKS,
    Shape,
    layout_symbol,
    record_dtype,
    state_dtype,
)
from tests.abi.native import (
    COMPILERS,
    WARNINGS,
    compile_program,
    introduction,
    output,
    preparation,
)
from tests.support import SMALL

TEXT = header.render(Shape())
PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The native files of the default shape."""
    out = tmp_path_factory.mktemp("default")
    emit.emit(out, Shape(), "v2")
    return out


@pytest.fixture(scope="module")
def small_tree(tmp_path_factory):
    """The native files of a small shape."""
    out = tmp_path_factory.mktemp("small")
    emit.emit(out, SMALL, "v2")
    return out


def check_syntax(path, language):
    """What a compiler says of a header by itself."""
    command = [*COMPILERS[language], *WARNINGS, "-fsyntax-only", "-x", language, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_files_checked_in_are_those_of_the_tables():
    """After a change of the tables: python -m riskcore.bindings.header."""
    assert (PROJECT / "bindings" / "include" / "riskcore.h").read_text() == TEXT
    declarations = PROJECT / "bindings" / "cython" / "riskcore.pxd"
    assert declarations.read_text() == header.render_declarations()


@pytest.mark.parametrize("language", COMPILERS)
@pytest.mark.parametrize("shape", [Shape(), SMALL, Shape(instruments=512, regimes=8, orders=16)])
def test_the_header_alone_compiles_without_a_warning(tmp_path, language, shape):
    path = tmp_path / "riskcore.h"
    path.write_text(header.render(shape))
    done = check_syntax(path, language)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("language", COMPILERS)
@pytest.mark.parametrize("macro", ["RC_SIZE(rc_order, ", "RC_AT(rc_state, orders, "])
def test_a_layout_that_differs_does_not_compile(tmp_path, language, macro):
    assert macro in TEXT
    path = tmp_path / "riskcore.h"
    path.write_text(TEXT.replace(macro, f"{macro}8 + "))
    assert "rc_" in check_syntax(path, language).stderr


def test_every_offset_is_asserted():
    records, blocks = header.structs()
    for struct in (*records, *blocks):
        inside = {field.name for field in RECORDS["parameters"]} - {"parameters"}
        nested = "parameters" in dict(header.members(struct, Shape()))
        for name, (_, offset, *_) in struct.dtype(Shape()).fields.items():
            if not (nested and name in inside | {"padding"}):
                assert f"RC_AT({struct.name}, {name}, {offset})" in TEXT
        if nested:
            version = struct.dtype(Shape()).fields["version"][1]
            assert f"RC_AT({struct.name}, parameters, {version})" in TEXT
    for name in state_dtype().names:
        assert f"RC_AT(rc_state, {name}, {state_dtype().fields[name][1]})" in TEXT
    assert f"RC_SIZE(rc_state, {state_dtype().itemsize})" in TEXT
    assert f"RC_SIZE(rc_order, {record_dtype('order').itemsize})" in TEXT


@pytest.mark.parametrize("language", COMPILERS)
def test_the_introduction_is_a_program_that_prints_what_it_says(tmp_path, tree, language):
    program, printed = introduction((tree / "include" / "riskcore.h").read_text())
    subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(PROJECT)!r})\n"
         + preparation(TEXT)],
        cwd=tmp_path,
        check=True,
    )  # fmt: skip
    library = tree / "lib" / "libriskcore.a"
    built = compile_program(program, tmp_path, f"-I{tree / 'include'}", library, language=language)
    assert output(built, cwd=tmp_path) == printed


# --- nothing is left unsaid -----------------------------------------------------------------------


def comment_before(declaration: str) -> str:
    """The comment in front of a declaration, as one line."""
    before = TEXT[: TEXT.index(f"\n{declaration}")]
    return " ".join(before[before.rindex("/*") :].replace("\n *", " ").split())


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_every_function_says_what_it_returns_costs_and_who_may_call_it(export):
    assert export.name in prose.FUNCTIONS, f"bindings/prose.py: no entry for {export.name}"
    comment = comment_before(f"int64_t {export.name}(")
    assert "Returns: " in comment, comment
    assert re.search(r"Cost: .+\. .*(thread|process|Whoever)", comment, re.IGNORECASE), comment


def test_every_status_that_a_kernel_returns_is_named():
    """Where the header lists the codes of an event, BAD_BUFFER and OK are among them."""
    for export in EXPORTS:
        comment = comment_before(f"int64_t {export.name}(")
        event = export.takes_state and any(a.name == "time_ns" for a in export.arguments)
        if event and export.name not in ("rc_on_bust", "rc_submit_set"):  # they refer to another
            found = set(re.findall(r"RC_\w+", comment))
            assert "RC_APPROVE" in found or {"RC_BAD_BUFFER", "RC_OK"} <= found, comment


def test_every_part_has_its_words():
    assert set(prose.FUNCTIONS) == {export.name for export in EXPORTS}
    assert set(prose.SECTIONS) == {export.section for export in EXPORTS}
    assert set(prose.RECORDS) == set(RECORDS)
    shared = list(RECORDS.values())
    alone = [b.name for b in STATE_BLOCKS if not any(b.fields is table for table in shared)]
    assert set(prose.BLOCKS) == set(alone)
    for struct in (*header.structs()[0], *header.structs()[1]):
        assert struct.text, struct.name


def test_what_is_added_to_the_tables_is_in_the_header_by_itself(monkeypatch):
    more = Export("rc_more", "", (), False, "questions", "more", takes_state=True)
    monkeypatch.setattr(header, "EXPORTS", (*EXPORTS, more))
    assert "int64_t rc_more(struct rc_state *state) RC_NOEXCEPT;" in header.render(Shape())


def test_every_number_of_the_codes_is_in_the_header():
    for name, constant in header.constants().items():
        value = re.search(rf"\bRC_{name}(?: =)? (?:INT64_C\()?(-?[\d.e+]+)", TEXT)
        assert value, name
        assert ast.literal_eval(value[1]) == constant.value


def test_every_name_in_a_comment_exists():
    defined = set(re.findall(r"#define (RC_\w+)", TEXT))
    defined |= set(re.findall(r"^    (RC_\w+) = ", TEXT, re.MULTILINE))
    used = set(re.findall(r"\bRC_[A-Z0-9_]+\b(?![*A-Z_])", TEXT)) - {"RISKCORE_H"}
    assert {name for name in used if not name.endswith("_")} <= defined | {
        "RC_NAME",
        "RC_WITHOUT_LIBRARY",
    }
    functions = set(re.findall(r"\b(rc_\w+)\(", TEXT))
    structs = set(re.findall(r"^(?:struct|enum) (rc_\w+) \{", TEXT, re.MULTILINE))
    named = set(re.findall(r"\brc_[a-z0-9_]*[a-z0-9]\b(?!_)", TEXT))
    constants = {layout_symbol(Shape()), "rc_linked_layout"}
    assert named <= functions | structs | constants | {f"{name}_name" for name in structs}


def test_two_thirds_of_the_header_are_words():
    # Indentation does not count, nor do the assertions at its end: they are nothing to read.
    comments = re.findall(r"/\*.*?\*/", TEXT, re.DOTALL)
    words = sum(len(" ".join(comment.replace("\n *", " ").split())) for comment in comments)
    rest = re.sub(r"/\*.*?\*/", "", TEXT, flags=re.DOTALL)
    rest = rest[: rest.index("RC_SIZE(rc_order")]
    assert words / (words + len(" ".join(rest.split()))) >= 0.62


# --- names and helpers ----------------------------------------------------------------------------


def test_names_are_those_of_python(tmp_path, tree):
    groups = {enum.name: enum for enum in header.enums()[0]}
    calls = [
        f'    printf("{name} %d %s\\n", {number}, {name}_name({number}));'
        for name, enum in groups.items()
        for number in [*enum.shown, 9999]
    ]
    source = "\n".join(
        ["#define RC_WITHOUT_LIBRARY", "#include <riskcore.h>", "#include <stdio.h>",
         "int main(void)", "{", *calls, "    return 0;", "}", ""]
    )  # fmt: skip
    printed = output(compile_program(source, tmp_path, f"-I{tree / 'include'}"))
    seen: dict[str, dict[int, str]] = {name: {} for name in groups}
    for line in printed.splitlines():
        name, number, shown = line.split(" ", 2)
        seen[name][int(number)] = shown
    for names in seen.values():
        assert names.pop(9999) == "unknown"
    assert seen["rc_status"] == codes.STATUS_NAMES
    assert seen["rc_action"] == codes.ACTION_NAMES
    assert seen["rc_reason"] == {number: check.name for number, check in codes.CHECKS.items()}
    assert seen["rc_event_kind"] == codes.EVENT_NAMES
    assert seen["rc_size_limit"] == codes.SIZE_NAMES
    assert seen["rc_layer"] == dict(enumerate(codes.LAYER_NAMES))
    assert seen["rc_regime_number"] == dict(enumerate(codes.REGIME_NAMES))
    assert seen["rc_order_state"][codes.ORDER_CANCEL_PENDING] == "CANCEL_PENDING"


def test_reasons_are_found_in_both_words(tmp_path, tree):
    source = """
#include <riskcore.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
    struct rc_decision decision;
    memset(&decision, 0, sizeof decision);
    decision.reasons[0] = INT64_C(1) << 62 | 1;
    decision.reasons[1] = 1 | INT64_C(1) << 48;
    for (int64_t r = rc_next_reason(&decision, -1); r >= 0; r = rc_next_reason(&decision, r))
        printf("%d ", (int)r);
    return 0;
}
"""
    program = compile_program(source, tmp_path, f"-I{tree / 'include'}", tree / "lib/libriskcore.a")
    assert output(program).split() == ["0", "62", "64", "112"]


# --- header, library and buffer belong together ---------------------------------------------------

MATCH = """
#define RC_WITHOUT_LIBRARY
#include <riskcore.h>
#include <stdio.h>
static struct rc_state state;
int main(int argc, char **argv)
{
    FILE *file = fopen(argv[argc - 1], "rb");
    if (!file || fread(&state, sizeof state, 1, file) != 1) return 2;
    printf("%d %s %d %d\\n", rc_library_matches(), rc_status_name(rc_state_attach(&state)),
           rc_layout_hash() == RC_LAYOUT_HASH, rc_state_size() == (int64_t)sizeof state);
    return 0;
}
"""


def initialised(shape: Shape, path: Path) -> Path:
    """A file with an empty account of a shape."""
    path.write_bytes(Core(shape).state_bytes())
    return path


@pytest.mark.parametrize(
    ("library", "expected"), [("tree", "1 OK 1 1"), ("small_tree", "0 WRONG_SHAPE 0 0")]
)
def test_unchecked_a_library_of_another_shape_refuses_the_buffer(
    tmp_path, tree, library, expected, request
):
    linked = request.getfixturevalue(library)
    buffer = initialised(Shape(), tmp_path / "state")
    program = compile_program(
        MATCH, tmp_path, f"-I{tree / 'include'}", linked / "lib" / "libriskcore.a"
    )
    assert output(program, buffer).strip() == expected


def test_the_header_of_a_small_shape_fits_its_library(tmp_path, small_tree):
    buffer = initialised(SMALL, tmp_path / "state")
    program = compile_program(
        MATCH, tmp_path, f"-I{small_tree / 'include'}", small_tree / "lib" / "libriskcore.a"
    )
    assert output(program, buffer).strip() == "1 OK 1 1"


# One call that would write far beyond a smaller account, and no look at the library before it.
CARELESS = """
#include <riskcore.h>
static struct rc_state state;
int main(void) { return rc_state_init(&state) != RC_OK; }
"""


@pytest.mark.parametrize("language", COMPILERS)
@pytest.mark.parametrize("kind", ["a", "so"])
@pytest.mark.parametrize("options", [(), ("-O2", "-fdata-sections", "-Wl,--gc-sections")])
def test_a_library_of_another_shape_does_not_link(
    tmp_path, tree, small_tree, language, kind, options
):
    source = tmp_path / f"careless.{language[0]}"
    source.write_text(CARELESS)
    command = [*COMPILERS[language], *WARNINGS, *options, "-x", language, str(source), "-x", "none"]
    command += [f"-I{small_tree / 'include'}", f"-Wl,-rpath,{small_tree / 'lib'}"]
    command += ["-o", str(tmp_path / "careless")]
    path = Path("lib", f"libriskcore.{kind}")
    other, own = (
        subprocess.run([*command, folder / path], capture_output=True, text=True, check=False)
        for folder in (tree, small_tree)
    )
    assert other.returncode != 0
    assert f"undefined reference to `{layout_symbol(SMALL)}'" in other.stderr
    assert own.returncode == 0, own.stderr
    output(tmp_path / "careless")


def test_a_shared_library_of_another_shape_does_not_load(tmp_path, tree, small_tree):
    lib = tmp_path / "lib"
    lib.mkdir()
    shutil.copy(small_tree / "lib" / "libriskcore.so", lib)
    options = (f"-I{small_tree / 'include'}", f"-L{lib}", "-lriskcore", f"-Wl,-rpath,{lib}")
    program = compile_program(CARELESS, tmp_path, *options)
    output(program)
    shutil.copy(tree / "lib" / "libriskcore.so", lib)
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert layout_symbol(SMALL) in done.stderr


def test_two_files_of_a_program_include_it(tmp_path, small_tree):
    second = tmp_path / "second.c"
    second.write_text("#include <riskcore.h>\nint64_t size(void);\n"
                      "int64_t size(void) { return rc_state_size(); }\n")  # fmt: skip
    options = (f"-I{small_tree / 'include'}", second, small_tree / "lib" / "libriskcore.a")
    output(compile_program(CARELESS, tmp_path, *options))


def test_renamed_functions_are_declared_as_they_are_called(tmp_path):
    emit.emit(tmp_path, SMALL, "v2", prefix="desk_", suffix="_2")
    source = """
#include <riskcore.h>
int main(void) { return !(rc_library_matches() && desk_rc_state_size_2() == RC_STATE_SIZE); }
"""
    output(
        compile_program(
            source, tmp_path, f"-I{tmp_path / 'include'}", tmp_path / "lib" / "libriskcore.a"
        )
    )
