"""The gate against the rule book on random orders: not one may be decided otherwise.

``RISKCORE_RULEBOOK_ORDERS`` sets how many orders (200,000; with --slow 5,000,000),
``RISKCORE_RULEBOOK_SEED`` the first world, ``RISKCORE_RULEBOOK_SHARD`` (``2/8``: the second of
eight) one machine's part of them, ``RISKCORE_RULEBOOK_PROCESSES`` how many run side by side.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable

import numpy as np
import pytest

from riskcore import codes
from riskcore.codes import CHECKS
from riskcore.layout import record_dtype
from riskcore.profile.engines import NativeEngine
from tests.rulebook import rulebook
from tests.rulebook.compare import Comparison, Tally, differences, run, use_differences
from tests.simulation.stream import EventStream
from tests.simulation.worlds import build_world
from tests.support import SMALL

CHUNK = 10_000  # orders of one task; tasks have their own worlds
WORLDS_PER_CHUNK = 1_000
FULL_RUN = 100_000
LAYERS = range(1, 8)


def environment(name: str, default: int) -> int:
    """An integer from the environment."""
    return int(os.environ.get(f"RISKCORE_RULEBOOK_{name}", str(default)))


def run_chunk(task: tuple[int, int]) -> Tally:
    """One task in a process of its own."""
    first_world, orders = task
    return run(lambda: NativeEngine(SMALL), first_world, orders)


def tasks(wanted: int) -> list[tuple[int, int]]:
    """First world and orders of every chunk of this shard."""
    seed, orders = environment("SEED", 1), environment("ORDERS", wanted)
    part, parts = map(int, os.environ.get("RISKCORE_RULEBOOK_SHARD", "1/1").split("/"))
    sizes = [min(CHUNK, orders - start) for start in range(0, orders, CHUNK)]
    every = [(seed + k * WORLDS_PER_CHUNK, size) for k, size in enumerate(sizes)]
    return every[part - 1 :: parts]


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest, say_at_the_end: Callable[[str, str], None]) -> Tally:
    """All chunks, side by side."""
    NativeEngine(SMALL)  # compiles once, into the cache that the others read
    is_long = request.config.getoption("--slow", default=False)
    todo, total = tasks(5_000_000 if is_long else 200_000), Tally()
    processes = min(environment("PROCESSES", os.cpu_count() or 1), len(todo))
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for part in pool.imap_unordered(run_chunk, todo):
            total.add(part)
    title = f"rule book: seed {environment('SEED', 1)}, {len(todo)} chunks"
    say_at_the_end(title, total.table())
    return total


def test_gate_decides_every_order_as_the_rule_book_says(tally: Tally) -> None:
    assert not tally.disagreements, "\n".join(tally.disagreements[:20])


def test_few_orders_sit_on_a_limit(tally: Tally) -> None:
    assert tally.near <= 0.01 * (tally.orders + sum(tally.replaces.values()))
    assert tally.uses_in_doubt <= 0.1 * tally.uses


def test_every_check_was_met_from_both_sides(tally: Tally) -> None:
    if tally.orders < FULL_RUN:
        pytest.skip("too few orders to meet everything")
    alone = {codes.BATCH_LEG_REJECTED}  # below
    unmet = [c.name for n, c in CHECKS.items() if n not in alone and not tally.tripped[n]]
    assert not unmet
    assert not [CHECKS[n].name for n in rulebook.RULES if not tally.passed[n]]
    sized = [n for n in CHECKS if CHECKS[n].resizes]
    flags = {codes.SHORTING_NOT_ALLOWED, codes.REDUCE_ONLY_WOULD_OPEN}
    assert not [CHECKS[n].name for n in sized if n not in flags and not tally.just_passed[n]]
    assert min(tally.actions[action] for action in codes.ACTION_NAMES) > 0.01 * tally.orders
    assert min(tally.replaces[a] for a in (codes.APPROVE, codes.REJECT)) > 0.01 * tally.orders


def test_tie_with_the_sum_before_is_near_where_the_order_has_moved_it() -> None:
    """Another order of additions would break it; within the limit, or untouched, it is exact."""
    assert rulebook.Change(3.0, 3.0, True).against(2.0).is_near()
    assert not rulebook.Change(3.0, 3.0, False).against(2.0).is_near()
    assert not rulebook.Change(3.0, 3.0, True).against(4.0).is_near()
    assert not rulebook.Change(3.0, 3.0 + 1e-9, True).against(2.0).is_near()


def test_rounding_kept_by_a_running_sum_is_a_difference_where_it_has_held_nothing() -> None:
    check, decision = codes.GROSS_LEVERAGE_EXCEEDS_MAX, np.zeros(1, record_dtype("decision", SMALL))
    layer = CHECKS[check].layer
    nothing = rulebook.Change(0.0, 0.0, True).against(2.0)
    verdict = rulebook.Verdict(utilised=[[(check, nothing)] if k == layer else [] for k in LAYERS])
    decision["utilisation"][0, layer - 1] = 1e-13
    assert use_differences(verdict, decision[0], Tally(), {})
    assert not use_differences(verdict, decision[0], Tally(), {check: 1.0})
    decision["utilisation"][0, layer - 1] = 1e-11
    assert use_differences(verdict, decision[0], Tally(), {check: 1.0})


def test_batches_pass_whole_or_not_at_all() -> None:
    """Legs one by one on a copy tell what the batch has to answer."""
    engine = NativeEngine(SMALL)
    empty = engine.state_bytes()
    decisions = np.zeros(4, dtype=record_dtype("decision", SMALL))
    seen = {codes.APPROVE: 0, codes.REJECT: 0}
    for world in range(1, 100):
        engine.load_state(empty)
        rng = build_world(engine, world, SMALL)
        stream = EventStream(world, engine.state, SMALL, spoilt=0.002)
        engine.apply_many(stream.block(30))
        for _ in range(8):
            engine.apply_many(stream.block(6))
            count = int(rng.integers(1, 4))
            legs = stream.orders(count)
            legs["client_id"] += np.arange(count)
            action = compare_batch(engine, legs, decisions[:count])
            seen[action] += 1
    assert min(seen.values()) > 20


def compare_batch(engine: NativeEngine, legs: np.ndarray, decisions: np.ndarray) -> int:
    """Ask for a batch and check the answer; the action."""
    before = engine.state_bytes()
    order = np.zeros(1, dtype=legs.dtype).view(np.recarray)
    alone = []  # what the rule book says to each leg after the ones before it
    for leg in legs:
        order[0] = leg
        alone.append(rulebook.judge(engine.state, order[0]))
        if alone[-1].action != codes.APPROVE or alone[-1].near:
            break
        engine.check(order[0], engine.decision)
    engine.load_state(before)
    invalid = [rulebook.invalid_status(engine.state, rulebook.one(leg)) != codes.OK for leg in legs]
    action = engine.check_batch(legs, decisions, len(legs))
    if any(verdict.near for verdict in alone):
        return action
    whole = len(alone) == len(legs) and alone[-1].action == codes.APPROVE
    assert action == (codes.APPROVE if whole else codes.REJECT)
    if whole:
        for verdict, decision in zip(alone, decisions, strict=True):
            assert not differences(verdict, decision)
        return action
    for k, decision in enumerate(decisions):
        if any(invalid):
            # One invalid leg makes the batch no event: the others are not even judged.
            stopped = not invalid[k]
        else:
            # Legs that had passed, whole or cut, and those after the one that had not.
            stopped = k >= len(alone) or alone[k].action != codes.REJECT
        assert (decision["action"], decision["lots"], decision["handle"]) == (codes.REJECT, 0, 0)
        names = codes.check_names(tuple(decision["reasons"]))
        assert ("BATCH_LEG_REJECTED" in names) is stopped
        if not any(invalid) and k < len(alone):
            assert [n for n in names if n != "BATCH_LEG_REJECTED"] == alone[k].names()
    if any(invalid):
        assert engine.state_bytes() == before
    return action


def test_what_if_answers_the_same_and_changes_nothing() -> None:
    comparison = Comparison(lambda: NativeEngine(SMALL))
    engine = comparison.engine
    rng = build_world(engine, 5, SMALL)
    stream = EventStream(5, engine.state, SMALL)
    for _ in range(20):
        engine.apply_many(stream.block(int(rng.integers(1, 30))))
        for row in stream.orders(5):
            comparison.order_record[0] = row
            before = engine.state_bytes()
            engine.what_if(comparison.order, engine.decision)
            assumed = engine.decision.tobytes()
            assert engine.state_bytes() == before
            engine.check(comparison.order, engine.decision)
            engine.decision["handle"] = 0  # only a real one reserves a slot
            assert engine.decision.tobytes() == assumed
