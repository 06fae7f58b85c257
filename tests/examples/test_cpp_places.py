"""riskcore.hpp and the files of an account: made whole or not at all, and never a fatal signal."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from riskcore.errors import PlaceError
from riskcore.layout import Shape, state_dtype
from riskcore.store.place import SHARED_MEMORY, Place
from riskcore.store.writer import Writer
from tests.examples.programs import build, run
from tests.support import SMALL as SMALL_SHAPE

# Opens a place with a journal of so many records; says what came of it.
OPENER = """
#include <riskcore.hpp>
int main(int, char **arguments)
{
    try {
        riskcore::Options options;
        options.capacity = std::atoll(arguments[2]);
        const riskcore::Place place = riskcore::Place::at(arguments[1]);
        riskcore::Session account = riskcore::Session::open(place, options);
        for (int k = 0; k < 900; ++k)
            account.clock(account.last_time() + std::chrono::seconds{1});
        std::printf("%s %lld\\n", account.recovery().source_name(),
                    static_cast<long long>(account.committed()));
    } catch (const riskcore::Error &error) {
        std::printf("%s\\n", error.what());
        return 1;
    }
}
"""
LARGE, SMALL = 1 << 16, 1 << 10  # records: 12 MB and 0.2 MB, beside a state of 1.8 MB


Build = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def build_program(link: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Build:
    """From a name and a source to a program."""
    folder = tmp_path_factory.mktemp("places")

    def build_it(name: str, source: str) -> Path:
        (folder / f"{name}.cpp").write_text(source)
        return build(folder / name, folder / f"{name}.cpp", *link)

    return build_it


@pytest.fixture(scope="module")
def opener(build_program: Build) -> Path:
    """The program above."""
    return build_program("opener", OPENER)


# --- an account is made whole or not at all ------------------------------------------------------


def limited(opener: Path, place: object, records: int, size: int) -> subprocess.CompletedProcess:
    """Open a place where no file may be larger than `size`."""
    return run(
        opener,
        place,
        records,
        restore_signals=False,  # Python ignores SIGXFSZ, and so does the program then
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


@pytest.mark.parametrize(
    ("size", "part"), [(1 << 20, "state"), (4 << 20, "journal.new")], ids=["first", "last"]
)
def test_nothing_stays_of_an_account_that_cannot_be_made(
    opener: Path, tmp_path: Path, size: int, part: str
) -> None:
    place = tmp_path / "place"
    done = limited(opener, place, LARGE, size)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(f"{place}/{part}: no room for ")
    assert done.stdout.endswith(" bytes: File too large\n")
    assert not place.exists()
    place.mkdir(mode=0o700)  # one that was there stays
    assert limited(opener, place, LARGE, size).returncode == 1
    assert list(place.iterdir()) == []
    assert run(opener, place, LARGE).stdout == "created 900\n"


def test_nothing_stays_of_shared_memory_that_cannot_be_made(opener: Path) -> None:
    name = f"riskcore-test-{os.getpid()}"
    done = limited(opener, f"shm:{name}", LARGE, 4 << 20)
    assert done.stdout.startswith(f"{SHARED_MEMORY}/{name}.journal.new: no room for ")
    assert list(SHARED_MEMORY.glob(f"{name}.*")) == []


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "-x", "a b", "ä", "x" * 202])
def test_names_of_shared_memory_are_plain(opener: Path, name: str) -> None:
    said = "allowed is shm: and a name of at most 201 letters, digits, dots, dashes and underscores"
    assert run(opener, f"shm:{name}", SMALL).stdout == f"place shm:{name}: {said}\n"
    with pytest.raises(PlaceError, match=said):
        Place(f"shm:{name}")


def test_nothing_is_made_for_a_journal_that_cannot_be(opener: Path, tmp_path: Path) -> None:
    assert "INVALID_VALUE" in run(opener, tmp_path / "place", 1000).stdout
    assert not (tmp_path / "place").exists()


def test_what_a_process_left_that_died_while_it_made_a_place(opener: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir(mode=0o700)
    (place / "journal.new").write_bytes(b"half")
    (place / "journal.new").chmod(0o600)
    assert run(opener, place, SMALL).stdout == "created 900\n"
    (place / "journal").rename(place / "journal.new")
    before = sorted(path.name for path in place.iterdir())
    done = run(opener, place, SMALL)
    assert (
        "the place is incomplete: it has state, control, published but not journal" in done.stdout
    )
    assert sorted(path.name for path in place.iterdir()) == before


def on_small_medium(folder: Path, size: str, script: str) -> str:
    """Run a shell script beside a small file system in `folder`, which goes with the script."""
    enter = ["unshare", "--map-root-user", "--mount"]
    mount = f"mount -t tmpfs -o size={size} none {shlex.quote(str(folder))}"
    try:
        if run(*enter, "sh", "-c", mount).returncode:
            pytest.skip("no file system can be mounted here")
    except FileNotFoundError:
        pytest.skip("there is no unshare on this system")
    done = run(*enter, "sh", "-c", f"{mount} && cd {shlex.quote(str(folder))} && {script}")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("size", ["512k", "1900k", "4m"])
def test_a_full_medium_is_one_line_and_leaves_nothing(
    opener: Path, tmp_path: Path, size: str
) -> None:
    printed = on_small_medium(tmp_path, size, f"{{ {opener} place {LARGE} || true; }}; ls -A")
    (line,) = printed.splitlines()
    assert "no room for" in line
    assert line.endswith("No space left on device")


def test_what_never_became_an_account_makes_way_for_one(opener: Path, tmp_path: Path) -> None:
    place, nothing = tmp_path / "place", tmp_path / "nothing"
    assert run(opener, place, SMALL).returncode == 0
    header = record_header(place)
    for parts in (["state"], ["state", "control"], ["state", "control", "published"]):
        for path in place.iterdir():
            path.unlink()
        for part in parts:  # as they are before anything is written
            (place / part).touch(mode=0o600)
            os.truncate(place / part, 1 << 20)
        assert run(opener, place, SMALL).stdout == "created 900\n"
    # The magic number is the last word that is written to a state.
    (place / "journal").unlink()
    head = np.memmap(place / "state", state_dtype(Shape()), "r+", shape=(1,))["header"]
    assert head["event_count"] > 0
    head["event_count"] = head["magic"] = 0
    assert run(opener, place, SMALL).stdout == "created 900\n"
    # A state with events is an account, whatever is missing beside it.
    assert record_header(place) == header
    (place / "journal").unlink()
    assert "the place is incomplete" in run(opener, place, SMALL).stdout
    assert record_header(place) == header
    nothing.mkdir(mode=0o700)
    for size in (14, 1400, 100_000):  # shorter and longer than what begins an account
        (nothing / "state").write_bytes((b"someone else's" * 10_000)[:size])
        (nothing / "state").chmod(0o600)
        assert "the place is incomplete" in run(opener, nothing, SMALL).stdout
        assert (nothing / "state").stat().st_size == size


def record_header(place: Path) -> bytes:
    """The first bytes of a state."""
    return (place / "state").read_bytes()[:192]


# --- a forked child is no second writer ----------------------------------------------------------

# The child is refused whatever it does with the account, but may steer it (the argument behind the
# place); then the parent goes on, and shows that it still has the lock.
FORKER = """
#include <riskcore.hpp>
#include <sys/wait.h>
int main(int count, char **arguments)
{
    const riskcore::Place place = riskcore::Place::at(arguments[1]);
    riskcore::Options options;
    options.capacity = 1024;
    auto account = std::make_unique<riskcore::Session>(riskcore::Session::open(place, options));
    riskcore::ControlPage control = riskcore::ControlPage::open(place);
    account->clock(riskcore::Time{1});
    const std::string what = count > 2 ? arguments[2] : "";
    const pid_t child = ::fork();
    if (child == 0) {
        riskcore::Decision decision;
        decision.record.action = RC_APPROVE;
        const bool refused = account->clock(riskcore::Time{2}) == RC_BAD_BUFFER
            && account->check(riskcore::Order{}, decision) == riskcore::Action::reject
            && decision.status() == RC_BAD_BUFFER
            && account->set_parameters(riskcore::Time{2}, rc_parameters{}) == RC_BAD_BUFFER
            && account->check_batch(nullptr, &decision.record, 1) == riskcore::Action::reject
            && account->publish() == RC_BAD_BUFFER && account->flush() == RC_BAD_BUFFER;
        const bool seen = account->last_time() == riskcore::Time{1} && account->committed() == 1;
        if (what == "kill") control.kill(riskcore::Author{7});
        if (what == "request") control.request(RC_CONTROL_KILL, 0, 0, riskcore::Author{7});
        account.reset();
        return refused && seen ? 0 : 3;
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    std::printf("child %d\\n", status);
    try {
        riskcore::Session::open(place, options);
    } catch (const riskcore::Error &error) {
        std::printf("%s\\n", error.what());
    }
    const riskcore::Status written = account->clock(riskcore::Time{3});
    std::printf("killed by %lld\\n", static_cast<long long>(account->state().system.kill_author));
    std::printf("%s %lld\\n", written.name(),
                static_cast<long long>(account->committed()));
}
"""


@pytest.fixture(scope="module")
def forker(build_program: Build) -> Path:
    """The program above."""
    return build_program("forker", FORKER)


@pytest.mark.parametrize("what", ["", "kill", "request"])
def test_a_forked_child_leaves_the_account_alone(forker: Path, tmp_path: Path, what: str) -> None:
    place = tmp_path / "place"
    done = run(forker, place, *([what] if what else []))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "child 0",
        f"{place}/state: another process writes it",
        f"killed by {7 if what else 0}",
        f"OK {3 if what else 2}",
    ]


# --- files that go from under a writer -----------------------------------------------------------

# Says at each line of input whether the account still has its files, and goes on with it.
HOLDER = """
#include <riskcore.hpp>
int main(int, char **arguments)
{
    riskcore::Options options;
    options.capacity = 1024;
    riskcore::Session account =
        riskcore::Session::open(riskcore::Place::at(arguments[1]), options);
    if (::chdir("/") != 0) return 1; // its files are where they were
    for (int k = 1; std::getchar() != EOF; ++k) {
        const bool booked = account.clock(riskcore::Time{k}).booked();
        std::printf("%d %d %d\\n", booked, account.flush().ok(), account.is_there());
        std::fflush(stdout);
    }
}
"""


@pytest.fixture(scope="module")
def holder(build_program: Build) -> Path:
    """The program above."""
    return build_program("holder", HOLDER)


@pytest.mark.parametrize("kind", ["folder", "relative", "linked", "long", "memory"])
def test_nobody_starts_where_files_were_removed_under_a_cpp_writer(
    holder: Path, opener: Path, tmp_path: Path, kind: str
) -> None:
    name = f"riskcore-test-{os.getpid()}"
    path = tmp_path / ("p" + "\u00e4" * 127 if kind == "long" else "place")
    (tmp_path / "link").symlink_to(".")
    place = {"memory": f"shm:{name}", "linked": tmp_path / "link" / "place"}.get(kind, path)

    def remove_files() -> None:
        if kind == "memory":
            for file in SHARED_MEMORY.glob(f"{name}.*"):
                file.unlink()
        else:
            shutil.rmtree(path)

    folder = (SHARED_MEMORY if kind == "memory" else tmp_path).stat()
    last = os.fsdecode(os.fsencode(f"{name}.state" if kind == "memory" else path.name)[:200])
    lock = SHARED_MEMORY / f"riskcore-{folder.st_dev:x}-{folder.st_ino:x}-{last}.lock"
    with subprocess.Popen(
        [holder, "place/" if kind == "relative" else place],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def step() -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            print(file=process.stdin, flush=True)
            return process.stdout.readline()

        assert step() == "1 1 1\n"
        assert lock.exists()
        remove_files()
        assert step() == "1 0 0\n"
        gone = "its files are not there: it makes them now, or they were removed under it"
        said = run(opener, place, SMALL).stdout
        assert said.endswith(f"state: another process writes it; {gone}\n")
        where = Place(place if kind == "memory" else path)
        with pytest.raises(PlaceError, match=f"another process is writing this account; {gone}"):
            Writer(where, Shape(), capacity=1024)
        assert not path.exists()
        process.communicate()
    assert not lock.exists()
    assert run(opener, place, SMALL).stdout == "created 900\n"
    remove_files()


def test_a_cpp_writer_does_not_start_where_files_were_removed_under_a_python_one(
    opener: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    writer = Writer(Place(place), Shape(), capacity=1024)
    shutil.rmtree(place)
    assert "its files are not there" in run(opener, place, SMALL).stdout
    assert not place.exists()
    with pytest.raises(PlaceError, match="removed or replaced"):
        writer.close()
    assert run(opener, place, SMALL).stdout == "created 900\n"


# --- files that are not whole --------------------------------------------------------------------


@pytest.mark.parametrize("part", ["state", "control", "published", "journal"])
@pytest.mark.parametrize("size", ["empty", "shorter", "longer"])
def test_a_file_of_another_size_is_refused_by_name(
    opener: Path, tmp_path: Path, part: str, size: str
) -> None:
    place = tmp_path / "place"
    assert run(opener, place, SMALL).returncode == 0
    whole = (place / part).stat().st_size
    found = {"empty": 0, "shorter": whole - 8, "longer": whole + 8}[size]
    os.truncate(place / part, found)
    done = run(opener, place, SMALL)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(f"{place}/{part}: has {found} bytes, expected are ")


def allocated(path: Path) -> bool:
    """True where a file has all of its bytes on the medium."""
    return path.stat().st_blocks * 512 >= path.stat().st_size


def test_holes_of_a_copied_account_are_filled(opener: Path, tmp_path: Path) -> None:
    place, copy = tmp_path / "place", tmp_path / "copy"
    assert run(opener, place, LARGE).returncode == 0
    copy.mkdir(mode=0o700)
    for path in place.iterdir():
        assert run("cp", "--sparse=always", "--preserve=mode", path, copy).returncode == 0
    if allocated(copy / "journal"):
        pytest.skip("this file system has no holes")
    done = run(opener, copy, LARGE)
    assert done.stdout == "live 1801\n", done.stderr
    assert all(allocated(path) for path in copy.iterdir())


def test_holes_that_a_full_medium_cannot_fill_are_one_line(opener: Path, tmp_path: Path) -> None:
    punch = "fallocate --punch-hole --offset 1m --length 8m place/journal"
    fill = "{ head -c 100m /dev/zero > rest || true; } 2> /dev/null"
    script = f"{opener} place {LARGE} && {punch} && {fill} && {{ {opener} place {LARGE} || true; }}"
    made, line = on_small_medium(tmp_path, "16m", script).splitlines()
    assert made == "created 900"
    assert line == "place/journal: no room for its holes: No space left on device"
    script = f"{opener} place {LARGE} && {punch} && {{ {opener} place {LARGE} || true; }}"
    assert on_small_medium(tmp_path, "16m", script).splitlines()[1] == "live 1801"


# --- pages of another account --------------------------------------------------------------------

PAGES = """
#include <riskcore.hpp>
template <class Page> void look(const riskcore::Place &place)
{
    try {
        Page::open(place);
        std::printf("open\\n");
    } catch (const riskcore::Error &error) {
        std::printf("%s\\n", error.what());
    }
}
int main(int, char **arguments)
{
    look<riskcore::ControlPage>(riskcore::Place::at(arguments[1]));
    look<riskcore::PublishedPage>(riskcore::Place::at(arguments[1]));
}
"""


@pytest.fixture(scope="module")
def pages(build_program: Build) -> Path:
    """Opens both pages of a place, and says of each what came of it."""
    return build_program("pages", PAGES)


def test_pages_of_another_shape_say_which(pages: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    Writer(Place(place), SMALL_SHAPE, capacity=1024).close()
    for line in run(pages, place).stdout.splitlines():
        assert line.startswith(f"{place}/state: WRONG_SHAPE: it has ")
        assert "orders 64, not 4096" in line


def test_pages_that_do_not_fit_their_account_say_why(
    opener: Path, pages: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    assert run(opener, place, SMALL).returncode == 0
    assert run(pages, place).stdout == "open\nopen\n"
    before = {part: (place / part).read_bytes() for part in ("control", "published")}
    for part, bytes_ in before.items():
        (place / part).write_bytes(bytes(64) + bytes_[64:])
    for part, line in zip(before, run(pages, place).stdout.splitlines(), strict=True):
        assert line == f"{place}/{part}: WRONG_MAGIC: it holds something else, or nothing"
    for part, bytes_ in before.items():
        (place / part).write_bytes(bytes_[:-64])
    for part, line in zip(before, run(pages, place).stdout.splitlines(), strict=True):
        size = len(before[part])
        assert line == f"{place}/{part}: has {size - 64} bytes, expected are {size}"
    # A page that is whole opens, whatever became of the state: it has the kill switch.
    for part, bytes_ in before.items():
        (place / part).write_bytes(bytes_)
    os.truncate(place / "state", 0)
    assert run(pages, place).stdout == "open\nopen\n"
