"""riskcore.hpp: clean, complete, and the same account whichever way it is called."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from riskcore.manager import AdaptiveRiskManager
from riskcore.store.place import Place
from riskcore.store.writer import Writer
from tests.abi.native import introduction
from tests.examples.programs import WARNINGS, build, package_environment, run
from tests.support import SMALL

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


def test_the_example_in_the_header_is_a_program_that_runs(
    link: tuple[object, ...], tree: Path, tmp_path: Path
) -> None:
    text = (tree / "include" / "riskcore.hpp").read_text(encoding="utf-8")
    text = "\n".join(line.removeprefix("//").strip("\n") for line in text.splitlines())
    (preparation,) = re.findall(r'python3 -c "(.*?)"$', text, re.MULTILINE | re.DOTALL)
    code = " ".join(preparation.split()).replace("attach( ", "attach(")
    done = run(sys.executable, "-c", code, cwd=tmp_path, env=package_environment())
    assert done.returncode == 0, done.stderr
    start = text.index("     #include <riskcore.hpp>")
    source = tmp_path / "example.cpp"
    source.write_text(text[start : text.index("\n     }\n", start)] + "\n     }\n")
    done = run(build(tmp_path / "example", "-Wold-style-cast", source, *link), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, *reasons = done.stdout.splitlines()
    (promised,) = re.findall(r"riskcore\.h prints: (.*), and six reasons\.", text)
    assert (first, len(reasons)) == (promised, 6)
    header = (tree / "include" / "riskcore.h").read_text(encoding="utf-8")
    assert introduction(header)[1].splitlines()[:7] == [first, *reasons]


def test_an_older_standard_is_refused_in_one_line(link: tuple[object, ...], tmp_path: Path) -> None:
    source = tmp_path / "old.cpp"
    source.write_text("#include <riskcore.hpp>\n")
    done = run("g++", "-std=c++14", "-fsyntax-only", "-fmax-errors=1", *link[:1], source)
    assert done.returncode != 0
    assert "riskcore.hpp needs C++17 or later" in done.stderr


# Opens a place and says what came of it: "created" or another source, or the one line of an Error.
OPENER = """
#include <riskcore.hpp>
int main(int count, char **arguments)
{
    try {
        riskcore::Options options;
        options.capacity = 1024;
        options.create = count < 3;
        const riskcore::Place place = riskcore::Place::at(arguments[1]);
        std::puts(riskcore::Session::open(place, options).recovery().source_name());
    } catch (const riskcore::Error &error) {
        std::puts(error.what());
    }
}
"""


@pytest.fixture(scope="module")
def opener(link: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program above."""
    folder = tmp_path_factory.mktemp("opener")
    (folder / "opener.cpp").write_text(OPENER)
    return build(folder / "opener", folder / "opener.cpp", *link)


def opened(opener: Path, *arguments: object) -> str:
    """What it says."""
    done = run(opener, *arguments)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    return line


def test_a_place_is_made_only_where_it_may_be(opener: Path, tmp_path: Path) -> None:
    place, empty = tmp_path / "place", tmp_path / "empty"
    nothing = "there is no account here, and none may be made"
    assert opened(opener, place, "never") == f"{place}: {nothing}"
    assert not place.exists()
    empty.mkdir(mode=0o700)
    assert opened(opener, empty, "never") == f"{empty}/state: {nothing}"
    assert list(empty.iterdir()) == []
    name = f"shm:riskcore-test-{os.getpid()}"
    assert opened(opener, name, "never").endswith(nothing)
    assert opened(opener, place) == "created"
    assert opened(opener, place, "never") == "live"
    assert "No such file or directory" in opened(opener, tmp_path / "no" / "parents")
    assert not (tmp_path / "no").exists()


def test_a_folder_of_other_files_is_no_place(opener: Path, tmp_path: Path) -> None:
    own = "; name a directory of the account's own"
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o700)
    (mine / "letter.txt").touch()
    assert opened(opener, mine) == f"{mine}: holds other files and no account{own}"
    mine.chmod(0o755)
    assert opened(opener, mine) == f"{mine}: group or others have access{own}"
    for folder in (tmp_path / "empty", tmp_path / "place"):
        folder.mkdir(mode=0o700)
        if folder.name == "place":
            assert opened(opener, folder) == "created"
        folder.chmod(0o750)
        advice = "group or others have access; chmod go-rwx first"
        assert opened(opener, folder) == f"{folder}: {advice}"
    if os.geteuid() != 0:
        assert opened(opener, "/etc") == f"/etc: belongs to another user{own}"
    else:
        assert opened(opener, "/etc") == f"/etc: group or others have access{own}"


def test_an_account_of_another_shape_is_told_by_its_state(opener: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    Writer(Place(place), SMALL, capacity=1024).close()
    line = opened(opener, place)
    assert line.startswith(
        f"{place}/state: WRONG_SHAPE: it has instruments 8, not 64, strategies 2"
    )
    assert "orders 64, not 4096" in line


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
