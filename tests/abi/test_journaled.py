"""The journaled core: the answers and bytes of the plain one, on memory that somebody else owns."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from riskcore import codes
from riskcore._core import Core, JournaledCore, Parts
from riskcore.errors import StateError
from riskcore.layout import record_dtype, state_dtype
from tests.abi.test_core import CALLS, TIME
from tests.simulation.stream import EventStream
from tests.simulation.worlds import build_world

CAPACITY = 1024
NO_EVENT = ("what_if", "compute_position_risk")


def memory(size: int) -> mmap.mmap:
    """Anonymous memory, aligned to a page."""
    return mmap.mmap(-1, size)


class Ground:
    """The parts of a journaled account in anonymous memory."""

    def __init__(self, capacity: int = CAPACITY, publish_interval: int = 0) -> None:
        self.parts = Parts()
        head = record_dtype("journal").itemsize
        self.state = memory(state_dtype().itemsize)
        self.journal = memory(head + capacity * record_dtype("journal_record").itemsize)
        self.control = memory(record_dtype("control_page").itemsize)
        self.page = memory(record_dtype("published_page").itemsize)
        assert self.parts.state_init(self.state) == codes.OK
        assert self.parts.journal_init(self.journal, capacity, 64, publish_interval) == codes.OK
        assert self.parts.control_init(self.control) == codes.OK
        assert self.parts.page_init(self.page) == codes.OK

    def core(self) -> JournaledCore:
        core = JournaledCore(memory=self.state)
        core.link(self.journal, self.control, self.page)
        return core

    @property
    def ring(self) -> np.ndarray:
        head = record_dtype("journal").itemsize
        return np.frombuffer(self.journal, record_dtype("journal_record"), offset=head)


@pytest.fixture
def ground() -> Ground:
    return Ground()


@pytest.mark.parametrize("name", CALLS)
def test_every_call_answers_as_the_plain_one_and_is_in_the_journal(ground, name):
    plain, journaled = Core(), ground.core()
    for core in (plain, journaled):
        build_world(core, 3, core.shape)
    before = int(journaled.journal.committed)
    values = list(CALLS[name])
    if values[0] == TIME:
        values[0] = int(plain.state.header.last_time_ns) + 1
    elif name in ("check", "what_if"):
        values[1] = int(plain.state.header.last_time_ns) + 1
    assert getattr(plain, name)(*values) == getattr(journaled, name)(*values)
    assert plain.decision.tobytes() == journaled.decision.tobytes()
    assert plain.state_bytes() == journaled.state_bytes() == bytes(ground.state)
    assert journaled.journal.committed == before + (name not in NO_EVENT)
    other = Core()
    last = int(journaled.journal.committed)
    assert other.replay(ground.ring, 1, 1, last) == last + 1
    assert other.state_bytes() == plain.state_bytes()


def test_batches_and_records_answer_as_the_plain_ones(ground):
    plain, journaled = Core(), ground.core()
    for core in (plain, journaled):
        build_world(core, 4, core.shape)
    now = int(plain.state.header.last_time_ns)
    orders = np.zeros(3, record_dtype("order"))
    orders["client_id"], orders["time_ns"] = [1, 2, 3], now
    orders["side"], orders["type"], orders["time_in_force"] = 1, 1, 1
    orders["lots"], orders["price_ticks"], orders["confidence"] = 1, 1, 1.0
    answers = np.zeros((2, 3), record_dtype("decision"))
    groups = [
        core.check_batch(orders, row) for core, row in zip((plain, journaled), answers, strict=True)
    ]
    assert groups[0] == groups[1]
    assert answers[0].tobytes() == answers[1].tobytes()
    stream = EventStream(4, plain.state, plain.shape)
    statuses = np.zeros((2, 200), np.int64)
    block = stream.block(200)
    assert plain.apply_many(block, statuses[0]) == journaled.apply_many(block, statuses[1])
    assert (statuses[0] == statuses[1]).all()
    assert plain.state_bytes() == journaled.state_bytes()


def test_refusals_change_nothing(ground):
    core = ground.core()
    before = core.state_bytes()
    for name, values in CALLS.items():
        if name in NO_EVENT:
            continue
        with pytest.raises(TypeError):
            getattr(core, name)(*values[:-1], "x")
    assert core.journal.committed == 0
    assert core.state_bytes() == before


def test_an_account_without_its_journal_is_closed(ground):
    for core in (JournaledCore(memory=ground.state), ground.core()):
        core.unlink()
        with pytest.raises(RuntimeError, match="closed"):
            core.on_clock(TIME)
        with pytest.raises(RuntimeError, match="closed"):
            core.check(*CALLS["check"])
        with pytest.raises(RuntimeError, match="closed"):
            core.publish()
        with pytest.raises(StateError, match="closed"):
            core.what_if(*CALLS["check"])
        with pytest.raises(StateError, match="closed"):
            core.what_if_order()
        assert core.state.header.last_time_ns == 0


def test_a_journaled_account_is_not_replaced(ground):
    core = ground.core()
    with pytest.raises(TypeError, match="not replaced"):
        core.load_state(core.state_bytes())
    with pytest.raises(TypeError, match="not replayed"):
        core.replay(ground.ring, 1, 1, 1)


def test_a_core_works_on_the_memory_it_was_given(ground):
    core = Core(memory=ground.state)
    assert core.on_clock(TIME) == codes.OK
    assert bytes(ground.state) == core.state_bytes()
    assert Core(memory=ground.state).state.header.last_time_ns == TIME


def test_memory_without_an_account_is_refused(ground):
    with pytest.raises(ValueError, match="WRONG_MAGIC"):
        Core(memory=memory(state_dtype().itemsize))
    with pytest.raises(ValueError, match="bytes"):
        Core(memory=memory(4096))
    with pytest.raises(ValueError, match="aligned"):
        Core(memory=memoryview(memory(state_dtype().itemsize + 64))[8:])
    with pytest.raises((BufferError, ValueError)):
        Core(memory=bytes(ground.state))


@pytest.mark.parametrize("name", ["journal", "control", "page"])
def test_parts_of_another_kind_are_refused(ground, name):
    core = JournaledCore(memory=ground.state)
    parts = {"journal": ground.journal, "control": ground.control, "page": ground.page}
    for wrong, reason in ((memory(1 << 20), "WRONG_MAGIC"), (memory(64), "bytes")):
        with pytest.raises(ValueError, match=rf"{name}.*{reason}"):
            core.link(**{**parts, name: wrong})
    core.link(**parts)
    assert core.on_clock(TIME) == codes.OK


def test_a_journal_shorter_than_its_ring_is_refused(ground):
    short = memory(len(ground.journal) - 4096)
    short[:] = ground.journal[: len(short)]
    with pytest.raises(ValueError, match=f"{len(ground.journal)}"):
        JournaledCore(memory=ground.state).link(short, ground.control, ground.page)


def test_checksums_of_rows_are_those_of_each():
    words = np.random.default_rng(1).integers(-(1 << 62), 1 << 62, (5, 23))
    parts = Parts()
    assert parts.checksum(words).tolist() == [parts.checksum(row) for row in words]
    # The definition, in Python's own integers: an odd factor of its place for each word.
    factors = [((k + 1) * 0x9E3779B97F4A7C15 % (1 << 64)) | 1 for k in range(23)]
    total = sum(int(w) * f for w, f in zip(words[0], factors, strict=True)) % (1 << 64)
    assert int(parts.checksum(words[0])) % (1 << 64) == total
    for bad in (words.astype(float), words[0, 0], words.tolist()):
        with pytest.raises((TypeError, AttributeError)):
            parts.checksum(bad)
