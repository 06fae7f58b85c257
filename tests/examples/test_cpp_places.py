"""riskcore.hpp and the files of an account: made whole or not at all, and never a fatal signal."""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.examples.programs import build, run

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


@pytest.fixture(scope="module")
def opener(link: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program above."""
    folder = tmp_path_factory.mktemp("opener")
    (folder / "opener.cpp").write_text(OPENER)
    return build(folder / "opener", folder / "opener.cpp", *link)


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
    assert done.stdout.startswith(f"/dev/shm/{name}.journal.new: no room for ")
    assert list(Path("/dev/shm").glob(f"{name}.*")) == []


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
    assert "the place is incomplete: it has state, control, published but not journal" in done.stdout
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
