"""riskcore.hpp: clean, complete, and the same account whichever way it is called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from riskcore.manager import AdaptiveRiskManager
from tests.examples.programs import WARNINGS, build, run

HERE = Path(__file__).parent
NOW = 1_700_000_000_000_000_000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a configured account."""
    path = tmp_path_factory.mktemp("model") / "account.bin"
    path.write_bytes(AdaptiveRiskManager.from_config("growth", time_ns=NOW).core.state_bytes())
    return path


@pytest.mark.parametrize(
    "options", [(), ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")]
)
def test_core_and_session_do_the_same(
    link: tuple[object, ...], model: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    if options:
        (tmp_path / "probe.cpp").write_text("int main() {}\n")
        if run("g++", *options, tmp_path / "probe.cpp", "-o", tmp_path / "probe").returncode:
            pytest.skip("no runtime for the sanitizers")
    program = build(tmp_path / "exercise", "-O1", *options, HERE / "exercise.cpp", *link)
    done = run(program, model, tmp_path / "place")
    assert (done.returncode, done.stdout) == (0, "0 failures\n"), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("standard", "options"), [("c++17", ()), ("c++20", ("-fno-exceptions", "-fno-rtti"))]
)
def test_it_compiles_without_a_warning(
    link: tuple[object, ...], tmp_path: Path, standard: str, options: tuple[str, ...]
) -> None:
    source = tmp_path / "alone.cpp"
    source.write_text(
        "#include <riskcore.hpp>\nint main() { return riskcore::Core{}.killed() ? 1 : 0; }\n"
    )
    strict = (*WARNINGS, "-Wsign-conversion", "-Wold-style-cast", f"-std={standard}", *options)
    program = tmp_path / "alone"
    done = run("g++", *strict, source, *link, "-o", program)
    assert done.returncode == 0, done.stderr
    assert run(program).returncode == 0


def compiles(link: tuple[object, ...], folder: Path, program: str) -> bool:
    """Whether a program is C++17."""
    source = folder / "program.cpp"
    source.write_text(program)
    return run("g++", "-std=c++17", "-fsyntax-only", *link[:1], source).returncode == 0


def test_the_example_in_the_header_compiles(
    link: tuple[object, ...], tree: Path, tmp_path: Path
) -> None:
    lines = (tree / "include" / "riskcore.hpp").read_text(encoding="utf-8").splitlines()
    start = next(k for k, line in enumerate(lines) if line.endswith("#include <riskcore.hpp>"))
    end = lines.index("//     }", start)
    program = [line.removeprefix("//     ").removeprefix("//") for line in lines[start : end + 1]]
    rest = [
        "static rc_parameters limits;",
        "void send_to_venue(const riskcore::Order &, riskcore::Lots, riskcore::Handle);",
    ]
    assert compiles(link, tmp_path, "\n".join([program[0], *rest, *program[1:]]))


MISTAKES = {
    "": "core.clock(riskcore::Time{1});",
    "lots for ticks": "core.trade(riskcore::Time{1}, riskcore::Instrument{0}, riskcore::Lots{1},"
    " riskcore::Lots{1});",
    "a plain number": "core.clock(1);",
    "a fraction of a lot": "riskcore::Lots lots{1.5};",
    "a venue for an instrument": "core.settlement(riskcore::Time{1}, riskcore::Venue{0},"
    " riskcore::Ticks{1});",
    "a number for a side": "riskcore::Order order; order.side = -1;",
    "the sum of two times": "auto t = riskcore::Time{1} + riskcore::Time{2};",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_do_not_compile(link: tuple[object, ...], tmp_path: Path, mistake: str) -> None:
    program = "#include <riskcore.hpp>\nint main() {{ riskcore::Core core; {} }}\n"
    assert compiles(link, tmp_path, program.format(MISTAKES[mistake])) == (mistake == "")


def test_a_strong_type_costs_nothing(link: tuple[object, ...], tmp_path: Path) -> None:
    """A call through `Core` is the same machine code as the call of the library."""
    source, target = tmp_path / "cost.cpp", tmp_path / "cost.o"
    source.write_text(
        "#include <riskcore.hpp>\n"
        "using namespace riskcore;\n"
        'extern "C" int64_t plain(rc_state *const *s, int64_t t, int64_t i, int64_t p, int64_t l)'
        " { return rc_on_trade(*s, t, i, p, l); }\n"
        'extern "C" int64_t typed(Core *c, Time t, Instrument i, Ticks p, Lots l)'
        " { return c->trade(t, i, p, l).code(); }\n"
    )
    done = run("g++", "-std=c++17", "-O2", "-c", *link[:1], source, "-o", target)
    assert done.returncode == 0, done.stderr
    dump = run("objdump", "-d", "--no-show-raw-insn", "--no-addresses", target).stdout
    bodies = {}
    for block in dump.split("\n\n"):
        name, _, body = block.partition(">:\n")
        lines = [re.sub(r"<.*", "", line).strip() for line in body.splitlines()]
        bodies[name.strip().lstrip("<")] = [line for line in lines if not line.startswith("nop")]
    assert len(bodies["plain"]) <= 3
    assert bodies["plain"] == bodies["typed"]
