"""The journaled entry: the same state as the plain functions, and the journal tells it all.

Journal, pages and state are compared byte for byte between plain Python, the JIT and emitted code.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from riskcore import codes
from riskcore.layout import PAGE_CONTENT, PAGE_SEQUENCE, allocate, record_dtype
from riskcore.profile.engines import Engine, KernelEngine, NativeEngine
from tests.simulation.sessions import Session, aligned_records
from tests.simulation.stream import EventStream
from tests.simulation.worlds import build_world
from tests.support import SMALL

EVENTS = int(os.environ.get("RISKCORE_SESSION_EVENTS", "3000"))
SEEDS = (1, 2, 3)


def run_world(session: Session, seed: int, count: int) -> None:
    """Build a world through the journal and run a stream."""
    build_world(session, seed, session.shape)
    stream = EventStream(seed, session.state, session.shape)
    for _ in range(0, count, 100):
        session.submit_many(stream.block(100))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_journaled_entry_leaves_the_state_of_the_plain_functions(seed: int) -> None:
    session, plain = Session(NativeEngine(SMALL), 1 << 14), NativeEngine(SMALL)
    build_world(plain, seed, SMALL)
    build_world(session, seed, SMALL)
    assert session.engine.state_bytes() == plain.state_bytes()
    stream = EventStream(seed, plain.state, SMALL)
    for _ in range(EVENTS // 100):
        block = stream.block(100)
        assert (plain.apply_many(block) == session.submit_many(block)).all()
        session.journal.drained = max(0, session.journal.committed - 8000)
    assert session.engine.state_bytes() == plain.state_bytes()
    assert session.journal.lost == session.journal.refused == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_replaying_the_journal_rebuilds_the_state(seed: int) -> None:
    session = Session(NativeEngine(SMALL), 1 << 14)
    run_world(session, seed, EVENTS)
    assert session.journal.committed == session.journal.applied < len(session.ring)
    other = NativeEngine(SMALL)
    assert session.replay_into(other) == session.journal.committed + 1
    assert other.state_bytes() == session.engine.state_bytes()


def test_replay_goes_on_from_where_it_stopped() -> None:
    session, other = Session(NativeEngine(SMALL), 1 << 14), NativeEngine(SMALL)
    run_world(session, 4, 1000)
    last = int(session.journal.committed)
    sequence = 1
    for end in (1, 2, 3, 40, 41, 500, last):
        sequence = session.replay_into(other, sequence, end)
        assert sequence <= end + 1
    assert sequence == last + 1
    assert other.state_bytes() == session.engine.state_bytes()


def others() -> dict[str, Engine]:
    return {"kernels": KernelEngine(SMALL), "x86-64-v2": NativeEngine(SMALL, "x86-64-v2")}


def test_every_execution_writes_the_same_journal_and_pages() -> None:
    sessions = {name: Session(engine, 1024) for name, engine in others().items()}
    sessions["x86-64-v3"] = Session(NativeEngine(SMALL, "x86-64-v3"), 1024)
    for session in sessions.values():
        build_world(session, 5, SMALL)
    first = sessions["x86-64-v3"]
    stream = EventStream(5, first.state, SMALL)
    for _ in range(8):
        block = stream.block(100)
        for session in sessions.values():
            session.submit_many(block)
            session.journal.drained = max(0, session.journal.committed - 500)
    for name, session in sessions.items():
        for part in ("journal_memory", "ring", "page_memory"):
            assert getattr(session, part).tobytes() == getattr(first, part).tobytes(), (name, part)
        assert session.engine.state_bytes() == first.engine.state_bytes(), name


@pytest.mark.parametrize("place", range(24))
def test_a_torn_record_is_recognised(place: int) -> None:
    session = Session(NativeEngine(SMALL), 1 << 12)
    build_world(session, 6, SMALL)
    for at in (1, int(session.journal.committed) // 2, int(session.journal.committed)):
        words = session.ring[at - 1 : at].view(np.int64)
        before = int(words[place])
        for damage in (1, -1, 1 << 40, ~before):
            if damage == before:
                continue
            words[place] ^= damage
            other = NativeEngine(SMALL)
            assert session.replay_into(other) <= at
            words[place] = before
    other: Any = NativeEngine(SMALL)
    assert session.replay_into(other) == session.journal.committed + 1


def check_event(session: Session, client_id: int, time_ns: int) -> Any:
    event = np.zeros(1, record_dtype("event", session.shape)).view(np.recarray)[0]
    event.kind, event.time_ns, event.id = codes.EVENT_CHECK, time_ns, client_id
    event.side, event.type, event.time_in_force = codes.BUY, codes.LIMIT, codes.GTC
    event.lots, event.price_ticks, event.confidence = 1, 1, 1.0
    return event


def test_a_full_journal_refuses_orders_and_quotes_and_books_facts() -> None:
    session = Session(NativeEngine(SMALL), 256, reserve=64)
    build_world(session, 7, SMALL)
    session.journal.drained = session.journal.committed
    now = int(session.state.header.last_time_ns)
    start = int(session.journal.committed)
    for k in range(192):
        assert session.submit(check_event(session, k + 1, now)) == codes.OK
    before = session.engine.state_bytes()
    assert session.submit(check_event(session, 1000, now)) == codes.JOURNAL_FULL
    assert session.decision.action == codes.REJECT
    assert session.decision.status == codes.JOURNAL_FULL
    assert session.on_quote(now, 0, 1, 1, 2, 1) == codes.JOURNAL_FULL
    assert session.engine.state_bytes() == before
    assert session.journal.refused == 2
    for _ in range(64):
        assert session.on_transfer(now, 0, 0, 1.0) == codes.OK
    assert session.journal.committed == start + 256
    balance = float(session.state.balances[0, 0].amount)
    assert session.on_transfer(now, 0, 0, 1.0) == codes.NOT_JOURNALED
    assert session.state.balances[0, 0].amount == balance + 1.0
    assert session.journal.lost == session.journal.lost_applied == 1
    assert session.page.journal_lost == 1
    # A fact that is refused has changed nothing: nothing is lost.
    before = session.engine.state_bytes()
    assert session.on_transfer(0, 0, 0, 1.0) == codes.INVALID_TIME
    assert session.engine.state_bytes() == before
    assert session.journal.lost == session.journal.lost_applied == 1
    session.journal.drained += 256
    assert session.submit(check_event(session, 2000, now)) == codes.OK


def test_exits_may_use_half_of_the_reserve() -> None:
    session = Session(NativeEngine(SMALL), 256, reserve=64)
    build_world(session, 7, SMALL)
    now = int(session.state.header.last_time_ns)
    session.state.positions[0].net_lots = 5  # nothing else of a fill is looked at here

    def status(side: int, lots: int, instrument: int = 0) -> int:
        event = check_event(session, int(session.journal.committed), now)
        event.side, event.lots, event.instrument = side, lots, instrument
        return int(session.submit(event))

    for room, answer in ((64, codes.OK), (33, codes.OK), (32, codes.JOURNAL_FULL)):
        session.journal.drained = int(session.journal.committed) + room - 256
        assert status(codes.SELL, 5) == answer
        session.journal.drained = int(session.journal.committed) + room - 256
        before = session.engine.state_bytes()
        for side, lots, instrument in (
            (codes.SELL, 6, 0),
            (codes.SELL, 0, 0),
            (codes.SELL, -5, 0),
            (codes.BUY, 1, 0),
            (0, 1, 0),
            (-5, 1, 0),
            (codes.SELL, 1, 1),
            (codes.SELL, 1, -1),
            (codes.SELL, 1, SMALL.instruments),
        ):
            assert status(side, lots, instrument) == codes.JOURNAL_FULL
        assert session.engine.state_bytes() == before


@pytest.mark.parametrize("entry", ["event", "batch", "configuration"])
def test_a_kill_is_taken_and_published_though_the_journal_is_full(entry: str) -> None:
    session = Session(NativeEngine(SMALL), 256, reserve=64)
    build_world(session, 7, SMALL)
    session.journal.drained = int(session.journal.committed) + 64 - 256
    now = int(session.state.header.last_time_ns)
    session.control_kill(session.control_page, 7)
    if entry == "event":
        assert session.on_quote(now, 0, 1, 1, 2, 1) == codes.JOURNAL_FULL
    elif entry == "batch":
        orders = aligned_records("order", 2, SMALL)
        decisions = aligned_records("decision", 2, SMALL)
        assert session.engine.submit_batch(*session.links, orders, decisions, 2) == codes.REJECT
        assert (decisions.status == codes.JOURNAL_FULL).all()
    else:
        assert session.set_parameters(now, session.state.parameters) == codes.JOURNAL_FULL
    assert (session.state.system.kill, session.page.kill) == (1, 1)
    assert session.journal.refused == 1


def test_a_beating_monitor_spends_nothing_of_the_reserve() -> None:
    session = Session(NativeEngine(SMALL), 256, reserve=64)
    build_world(session, 7, SMALL)
    now = int(session.state.header.last_time_ns)
    for room in (64, 65, 66):  # the quote takes one, then the heartbeat
        session.journal.drained = int(session.journal.committed) + room - 256
        session.control_beat(session.control_page, room)
        before = int(session.journal.committed)
        assert session.on_quote(now, 0, 1, 1, 2, 1) == (
            codes.JOURNAL_FULL if room == 64 else codes.OK
        )
        assert session.journal.committed - before == (0, 1, 2)[room - 64]
        assert int(session.journal.heartbeat_seen_ns) == (66 if room == 66 else 0)


def clock_event(time_ns: int) -> Any:
    event = np.zeros(1, record_dtype("event", SMALL)).view(np.recarray)[0]
    event.kind, event.time_ns = codes.EVENT_CLOCK, time_ns
    return event


def test_limits_that_waited_for_the_first_event_do_not_undo_later_ones() -> None:
    session = Session(NativeEngine(SMALL))
    old, new = (allocate(record_dtype("parameters", SMALL))[0] for _ in range(2))
    donor = NativeEngine(SMALL)
    build_world(donor, 8, SMALL)
    for record, version in ((old, 5), (new, 7)):
        for name in record.dtype.names:
            record[name] = donor.state.parameters[name]
        record.version = version
    session.control_parameters(session.control_page, old)
    assert session.set_parameters(1, new) == codes.OK
    assert session.submit(clock_event(1)) == codes.OK
    before = int(session.journal.committed)
    assert session.submit(clock_event(2)) == codes.OK
    assert session.state.parameters.version == 7
    assert session.journal.parameters_status == codes.INVALID_PARAMETERS
    assert session.journal.parameters_seen == session.control_page.parameters_sequence
    assert session.journal.committed == before + 1
    old.version = 7  # of the same version they may be sent again
    session.control_parameters(session.control_page, old)
    assert session.submit(clock_event(3)) == codes.OK
    assert session.journal.parameters_status == codes.OK


def test_a_kill_before_the_first_event_waits_and_moves_no_clock() -> None:
    session = Session(NativeEngine(SMALL))
    session.control_kill(session.control_page, 7)
    assert session.on_quote(codes.MAX_TIME_NS, -1, 1, 1, 2, 1) == codes.INVALID_INSTRUMENT
    assert session.state.header.last_time_ns == 0
    build_world(session, 8, SMALL)
    assert session.state.system.kill == 1


def test_a_kill_on_the_control_page_comes_before_the_next_check() -> None:
    session = Session(NativeEngine(SMALL))
    build_world(session, 8, SMALL)
    now = int(session.state.header.last_time_ns)
    assert session.control_kill(session.control_page, 7) == codes.OK
    assert session.submit(check_event(session, 1, now)) == codes.OK
    assert session.decision.action == codes.REJECT
    assert "KILL_SWITCH" in " ".join(codes.check_names(session.decision.reasons))
    assert session.state.system.kill == 1
    assert session.state.system.kill_author == 7
    kinds = [int(r.kind) for r in session.ring[int(session.journal.committed) - 2 :][:2]]
    assert kinds == [codes.EVENT_CONTROL, codes.EVENT_CHECK]
    reset = codes.CONTROL_RESET_KILL
    assert session.control_request(session.control_page, reset, 0, 0, 9) == codes.OK
    assert session.on_trade(now, 0, 1, 1) == codes.OK
    assert session.state.system.kill == 0
    assert session.journal.request_status == codes.OK
    other = NativeEngine(SMALL)
    session.replay_into(other)
    assert other.state_bytes() == session.engine.state_bytes()


def test_a_kill_wins_over_a_reset_that_waits() -> None:
    session = Session(NativeEngine(SMALL))
    build_world(session, 8, SMALL)
    now = int(session.state.header.last_time_ns)
    session.control_kill(session.control_page, 7)
    assert session.on_trade(now, 0, 1, 1) == codes.OK
    session.control_request(session.control_page, codes.CONTROL_RESET_KILL, 0, 0, 9)
    session.control_kill(session.control_page, 11)
    assert session.submit(check_event(session, 1, now)) == codes.OK
    assert session.decision.action == codes.REJECT
    assert (session.state.system.kill, session.state.system.kill_author) == (1, 11)
    assert session.journal.request_status == codes.INVALID_VALUE


@pytest.mark.parametrize("author", [0, -1, 9])
def test_a_reset_takes_back_no_kill_that_it_does_not_reset(author: int) -> None:
    session = Session(NativeEngine(SMALL))
    build_world(session, 8, SMALL)
    now = int(session.state.header.last_time_ns)
    session.control_kill(session.control_page, 7)
    session.control_request(session.control_page, codes.CONTROL_RESET_KILL, 0, 0, author)
    if author > 0:  # replaced before it was taken
        session.control_request(session.control_page, codes.CONTROL_RESET_LATCHES, 0, 0, author)
    assert session.submit(check_event(session, 1, now)) == codes.OK
    assert session.decision.action == codes.REJECT
    assert session.state.system.kill == 1


def test_a_reset_by_the_writer_holds_for_kills_that_were_taken() -> None:
    session = Session(NativeEngine(SMALL))
    build_world(session, 8, SMALL)
    now = int(session.state.header.last_time_ns)
    session.control_kill(session.control_page, 7)
    event = check_event(session, 9, now)
    event.kind, event.code = codes.EVENT_CONTROL, codes.CONTROL_RESET_KILL
    assert session.submit(event) == codes.INVALID_VALUE  # its author cannot have known of the kill
    assert (session.state.system.kill, session.page.kill) == (1, 1)
    assert session.submit(event) == codes.OK
    assert session.state.system.kill == 0
    assert session.on_trade(now, 0, 1, 1) == codes.OK
    assert session.state.system.kill == 0


@pytest.mark.parametrize("page", ["control_page", "page"])
def test_facts_and_cancels_go_on_beside_a_damaged_page(page: str) -> None:
    session = Session(NativeEngine(SMALL), 256, reserve=64)
    build_world(session, 8, SMALL)
    now = int(session.state.header.last_time_ns)
    getattr(session, page).magic ^= 1
    before = session.engine.state_bytes()
    assert session.submit(check_event(session, 1, now)) == codes.BAD_BUFFER
    assert session.decision.action == codes.REJECT
    assert session.on_quote(now, 0, 1, 1, 2, 1) == codes.BAD_BUFFER
    assert session.engine.state_bytes() == before
    start, balance = int(session.journal.committed), float(session.state.balances[0, 0].amount)
    assert session.on_transfer(now, 0, 0, 1.0) == codes.OK
    event = check_event(session, 2, now)
    event.kind = codes.EVENT_CANCEL
    assert session.submit(event) == codes.INVALID_HANDLE  # as the plain function answers
    assert session.state.balances[0, 0].amount == balance + 1.0
    assert session.journal.committed == session.journal.applied == start + 2
    session.journal.drained = start + 2 - 256
    assert session.on_transfer(now, 0, 0, 1.0) == codes.NOT_JOURNALED
    assert session.journal.lost == session.journal.lost_applied == 1
    session.journal.magic ^= 1
    assert session.on_transfer(now, 0, 0, 1.0) == codes.BAD_BUFFER


def test_what_people_want_moves_no_clock() -> None:
    session = Session(NativeEngine(SMALL))
    build_world(session, 8, SMALL)
    now = int(session.state.header.last_time_ns)
    session.control_kill(session.control_page, 7)
    assert session.on_quote(now + 10**15, -1, 1, 1, 2, 1) == codes.INVALID_INSTRUMENT
    assert (session.state.header.last_time_ns, session.state.system.kill) == (now, 1)


def test_a_heartbeat_that_meets_a_refused_event_moves_no_clock() -> None:
    session = Session(NativeEngine(SMALL))
    build_world(session, 8, SMALL)
    now = int(session.state.header.last_time_ns)
    session.control_beat(session.control_page, 123)
    assert session.on_quote(now + 10**15, -1, 1, 1, 2, 1) == codes.INVALID_INSTRUMENT
    assert session.state.header.last_time_ns == now
    assert session.state.system.monitor_heartbeat_ns == now
    session.control_beat(session.control_page, 124)
    for wrong in (0, -1, now + 400 * 86_400 * 10**9):
        assert session.on_quote(wrong, 0, 1, 1, 2, 1) == codes.INVALID_TIME
    assert session.state.header.last_time_ns == now
    assert session.state.counters.events[codes.EVENT_HEARTBEAT] == 2
    # One that is accepted moves the clock, and the heartbeat is of its time.
    session.control_beat(session.control_page, 125)
    assert session.on_trade(now + 7, 0, 1, 1) == codes.OK
    assert session.state.system.monitor_heartbeat_ns == now + 7
    kinds = [int(r.kind) for r in session.ring[int(session.journal.committed) - 2 :][:2]]
    assert kinds == [codes.EVENT_TRADE, codes.EVENT_HEARTBEAT]
    other = NativeEngine(SMALL)
    session.replay_into(other)
    assert other.state_bytes() == session.engine.state_bytes()


def test_a_heartbeat_before_the_first_event_waits_for_a_time() -> None:
    session = Session(NativeEngine(SMALL))
    session.control_beat(session.control_page, 123)
    assert session.on_quote(0, 0, 1, 1, 2, 1) == codes.INVALID_TIME
    assert session.journal.heartbeat_seen_ns == 0
    build_world(session, 8, SMALL)
    assert session.journal.heartbeat_seen_ns == 123
    assert session.state.counters.events[codes.EVENT_HEARTBEAT] == 1


def test_every_execution_takes_what_the_control_page_tells_alike() -> None:
    """Kills, requests, limits and heartbeats, before events that pass and events that do not."""
    sessions = {name: Session(engine, 1 << 12) for name, engine in others().items()}
    for session in sessions.values():
        build_world(session, 14, SMALL)
    first = sessions["kernels"]
    now = int(first.state.header.last_time_ns)
    rng = np.random.default_rng(14)
    limits = np.zeros(1, record_dtype("parameters", SMALL)).view(np.recarray)[0]
    for name in limits.dtype.names:
        limits[name] = first.state.parameters[name]
    for number in range(200):
        what, time_ns = (
            int(rng.integers(5)),
            now + int(rng.choice([0, 1, 10**6, 10**15, -(10**18)])),
        )
        instrument = int(rng.choice([0, 1, -1]))
        limits.version = number
        for session in sessions.values():
            page = session.control_page
            if what == 0:
                session.control_kill(page, number)
            elif what == 1:
                session.control_request(page, codes.CONTROL_RESET_KILL, 0, 0, 1 + number)
            elif what == 2:
                session.control_parameters(page, limits)
            elif what == 3:
                page.request |= number & 1  # an author that died, or did not
                page.parameters_sequence |= number & 1
            session.control_beat(page, number if number % 3 else number - 1)
            session.on_trade(time_ns, instrument, 1 + number, 1)
        now = int(first.state.header.last_time_ns)
    assert first.state.counters.events[codes.EVENT_HEARTBEAT] > 50
    for name, session in sessions.items():
        for part in ("journal_memory", "ring", "page_memory"):
            assert getattr(session, part).tobytes() == getattr(first, part).tobytes(), (name, part)
        assert session.engine.state_bytes() == first.engine.state_bytes(), name
    other: Any = NativeEngine(SMALL)
    first.replay_into(other)
    assert other.state_bytes() == first.engine.state_bytes()


@pytest.mark.parametrize("engine", [KernelEngine, NativeEngine])
def test_a_page_that_a_killed_writer_left_half_written_is_made_whole(engine: Any) -> None:
    session = Session(engine(SMALL))
    build_world(session, 8, SMALL)
    session.publish(session.journal, session.page)
    words = session.page_memory.view(np.int64)
    whole, content = words.copy(), slice(PAGE_CONTENT, None)
    assert whole[PAGE_SEQUENCE] % 2 == 0
    for damage in (
        slice(PAGE_CONTENT, 400),
        slice(PAGE_CONTENT, PAGE_CONTENT + 1),
        slice(-1, None),
    ):
        words[damage] = ~whole[damage]
        words[PAGE_SEQUENCE] |= 1
        assert session.publish(session.journal, session.page) == codes.OK
        assert (words[content] == whole[content]).all()
        assert words[PAGE_SEQUENCE] % 2 == 0


def test_a_damaged_state_is_not_published() -> None:
    session = Session(NativeEngine(SMALL))
    build_world(session, 8, SMALL)
    session.publish(session.journal, session.page)
    before = session.page_memory.tobytes()
    session.state.system.canary = 0
    assert session.publish(session.journal, session.page) == codes.BAD_BUFFER
    assert session.page_memory.tobytes() == before


def test_what_the_control_page_told_is_published_at_once() -> None:
    session = Session(NativeEngine(SMALL), publish_interval=1000)
    build_world(session, 8, SMALL)
    now = int(session.state.header.last_time_ns)
    session.control_kill(session.control_page, 7)
    assert session.page.kill == 0
    session.on_trade(now, 0, 1, 1)
    assert session.page.kill == 1
    session.control_request(session.control_page, codes.CONTROL_RESET_KILL, 0, 0, 9)
    session.on_trade(now, 0, 1, 1)
    assert session.page.kill == 0
    event = check_event(session, 1, now)
    event.kind, event.code = codes.EVENT_CONTROL, codes.CONTROL_KILL
    session.submit(event)
    assert session.page.kill == 1


def test_parameters_from_the_mailbox_are_journaled_with_version_and_author() -> None:
    session = Session(NativeEngine(SMALL))
    build_world(session, 9, SMALL)
    now = int(session.state.header.last_time_ns)
    record = np.zeros(1, record_dtype("parameters", SMALL)).view(np.recarray)[0]
    for name in record.dtype.names:
        record[name] = session.state.parameters[name]
    record.version, record.author, record.max_drawdown = 41, 17, 0.0125
    before = session.engine.state_bytes()
    session.control_parameters(session.control_page, record)
    assert session.engine.state_bytes() == before
    assert session.on_trade(now, 0, 1, 1) == codes.OK
    assert session.journal.parameters_status == codes.OK
    parameters = session.state.parameters
    assert (parameters.version, parameters.author, parameters.max_drawdown) == (41, 17, 0.0125)
    other = NativeEngine(SMALL)
    session.replay_into(other)
    assert other.state_bytes() == session.engine.state_bytes()
    record.max_drawdown = np.nan
    session.control_parameters(session.control_page, record)
    assert session.on_trade(now, 0, 1, 1) == codes.OK
    assert session.journal.parameters_status == codes.INVALID_PARAMETERS
    assert session.state.parameters.max_drawdown == 0.0125


def test_a_half_written_mailbox_is_left_alone() -> None:
    session = Session(NativeEngine(SMALL))
    build_world(session, 10, SMALL)
    now = int(session.state.header.last_time_ns)
    committed = int(session.journal.committed)
    session.control_page.parameters_sequence = 1
    session.control_page.request = 1
    assert session.on_trade(now, 0, 1, 1) == codes.OK
    assert session.journal.committed == committed + 1
    assert session.journal.parameters_seen == session.journal.request_seen == 0
    # Its author may have died: it costs nothing from then on, not even a copy to the page.
    copies = int(session.page.sequence)
    assert session.on_trade(now, 0, 1, 1) == codes.OK
    assert session.page.sequence == copies


def test_the_monitors_heartbeat_is_an_event() -> None:
    session = Session(NativeEngine(SMALL))
    build_world(session, 11, SMALL)
    now = int(session.state.header.last_time_ns)
    session.control_beat(session.control_page, 123)
    for _ in range(2):
        assert session.on_trade(now + 5, 0, 1, 1) == codes.OK
    assert session.state.system.monitor_heartbeat_ns == now + 5
    assert session.state.counters.events[codes.EVENT_HEARTBEAT] == 1
    session.journal_resume(session.journal, session.control_page)
    assert session.journal.heartbeat_seen_ns == 123


def test_another_builds_parts_are_refused() -> None:
    session = Session(NativeEngine(SMALL))
    now = 1_700_000_000_000_000_000
    for record in (session.journal, session.control_page, session.page):
        for field in ("magic", "layout_hash"):
            before = int(record[field])
            record[field] = before + 1
            assert session.submit(check_event(session, 1, now)) == codes.BAD_BUFFER
            assert session.decision.action == codes.REJECT
            record[field] = before
    attach = {
        "journal": session.journal_attach,
        "control_page": session.control_attach,
        "page": session.page_attach,
    }
    wrong = {
        "magic": codes.WRONG_MAGIC,
        "abi_version": codes.WRONG_ABI,
        "size_bytes": codes.WRONG_SIZE,
        "layout_hash": codes.WRONG_LAYOUT,
    }
    for name, call in attach.items():
        record = getattr(session, name)
        assert call(record) == codes.OK
        for field, status in wrong.items():
            record[field] += 1
            assert call(record) == status, (name, field)
            record[field] -= 1


def test_an_unknown_kind_is_not_journaled() -> None:
    session = Session(NativeEngine(SMALL))
    event = check_event(session, 1, 1_700_000_000_000_000_000)
    for kind in (0, -1, 28, codes.ENTRY_PARAMETERS, codes.ENTRY_BATCH, 1 << 62):
        event.kind = kind
        assert session.submit(event) == codes.INVALID_CODE
    assert session.journal.committed == 0


def test_a_batch_is_one_entry() -> None:
    session = Session(NativeEngine(SMALL))
    build_world(session, 12, SMALL)
    now = int(session.state.header.last_time_ns)
    orders = aligned_records("order", 3, SMALL)
    decisions = aligned_records("decision", 3, SMALL)
    for k in range(3):
        orders[k].client_id, orders[k].time_ns = k + 1, now
        orders[k].side, orders[k].type, orders[k].time_in_force = codes.BUY, codes.LIMIT, codes.GTC
        orders[k].lots, orders[k].price_ticks, orders[k].confidence = 1, 1, 1.0
    before = int(session.journal.committed)
    session.engine.submit_batch(*session.links, orders, decisions, 3)
    assert session.journal.committed == before + 4
    other = NativeEngine(SMALL)
    assert session.replay_into(other) == before + 5
    assert other.state_bytes() == session.engine.state_bytes()
    # An entry that is not committed whole is no entry.
    assert session.replay_into(NativeEngine(SMALL), 1, before + 3) == before + 1


def test_a_restart_puts_every_live_order_in_doubt() -> None:
    session = Session(NativeEngine(SMALL), 1 << 14)
    for seed in range(13, 40):
        session = Session(NativeEngine(SMALL), 1 << 14)
        run_world(session, seed, 1500)
        if session.state.account.open_orders > 3:
            break
    live = session.state.orders["status"] != codes.ORDER_FREE
    event = check_event(session, 1, int(session.state.header.last_time_ns))
    event.kind, event.code = codes.EVENT_CONTROL, codes.CONTROL_RESTART
    assert session.submit(event) == codes.OK
    assert live.sum() > 3
    assert (session.state.orders["status"][live] == codes.ORDER_UNKNOWN).all()
    assert session.state.system.unknown_orders == live.sum()
    assert session.state.system.pending_head == session.state.system.pending_tail == 0
    assert session.engine.state_attach() == codes.OK
