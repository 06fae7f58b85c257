"""The Python binding: arguments are checked before anything changes; views see the buffer."""

from __future__ import annotations

import inspect
import pickle
import re

import numpy as np
import pytest

from riskcore import _core, codes
from riskcore._core import Core, JournaledCore, Parts
from riskcore.bindings import declarations
from riskcore.bindings.emit import WORKER
from riskcore.kernels.api import EXPORTS
from riskcore.layout import ALIGNMENT, EVENT, ORDER, Shape, record_dtype, state_dtype
from tests.support import SMALL

TIME = 1_700_000_000_000_000_000
SOURCE = (WORKER.parent / "cython" / "_core.pyx").read_text()
ORDER_ARGUMENTS = (1, TIME, 0, 0, 1, 1, 1, 0, 100, 1000, 0, 1.0)

# One valid call of every method that takes plain numbers.
CALLS = {
    "on_quote": (TIME, 0, 99, 1, 101, 1),
    "on_trade": (TIME, 0, 100, 1),
    "on_rate": (TIME, 1, 1.5),
    "on_clock": (TIME,),
    "on_sample": (TIME,),
    "advance": (8,),
    "check": ORDER_ARGUMENTS,
    "what_if": ORDER_ARGUMENTS,
    "cancel": (TIME, 1),
    "replace": (TIME, 1, 5, 100),
    "on_ack": (TIME, 1, 7),
    "on_reject": (TIME, 1, 7),
    "on_canceled": (TIME, 1),
    "on_cancel_reject": (TIME, 1, 7),
    "on_replaced": (TIME, 1, 5, 100),
    "on_expire": (TIME, 1),
    "on_fill": (TIME, 0, 0, 0, 1, 5, 100, 0.5, 0, 9),
    "on_bust": (TIME, 0, 0, 1, 5, 100, 0.5, 0, 9),
    "on_funding": (TIME, 0, 0, 0, 1.5),
    "on_transfer": (TIME, 0, 0, 1.5),
    "on_settlement": (TIME, 0, 100),
    "on_position": (TIME, 0, 5, 100),
    "on_order_status": (TIME, 1, 2, 0),
    "on_heartbeat": (TIME, -1),
    "on_latency": (TIME, 1000),
    "on_error": (TIME, 1),
    "control": (TIME, 1, 0, 0, 7),
    "on_regime": (TIME, 1, 0.5),
    "compute_position_risk": (0,),
}
ANY_FLOAT = {
    (name, n) for name, values in CALLS.items() for n, v in enumerate(values) if v != int(v)
}
ANY_FLOAT |= {("check", 11), ("what_if", 11)}


def positions():
    """Every argument of every method."""
    return [(name, n) for name, values in CALLS.items() for n in range(len(values))]


def refused(core, name, values, error):
    before = core.state_bytes()
    with pytest.raises(error):
        getattr(core, name)(*values)
    assert core.state_bytes() == before


def test_the_struct_of_functions_is_the_export_table():
    declarations.compare_struct(SOURCE)


def test_a_wrong_struct_is_noticed():
    swapped = SOURCE.replace("(*on_ack)(", "(*on_nothing)(")
    with pytest.raises(ValueError, match="on_nothing"):
        declarations.compare_struct(swapped)
    with pytest.raises(ValueError, match="too many"):
        declarations.compare_struct(SOURCE + "int64_t (*more)(void *state) noexcept nogil")


@pytest.mark.parametrize(("struct", "table"), [("Order", ORDER), ("Event", EVENT)])
def test_the_structs_are_the_records(struct, table):
    text = SOURCE[SOURCE.index(f"cdef struct {struct}:") :]
    members = re.findall(r"^    (int64_t|double) (\w+)$", text, re.MULTILINE)[: len(table)]
    types = {"int64_t": "i8", "double": "f8"}
    assert [(name, types[kind]) for kind, name in members] == [(f.name, f.type) for f in table]


def test_every_export_has_a_method():
    inside = {"state_size", "state_align", "layout_hash", "checkpoint"}
    called = {
        "position_risk": "compute_position_risk",
        "portfolio_risk": "compute_portfolio_risk",
        "journal_resume": "resume",
    }
    for export in EXPORTS:
        if export.method not in inside:
            name = called.get(export.method, export.method)
            homes = [home for home in (Core, JournaledCore, Parts) if hasattr(home, name)]
            assert homes, name
            assert all(callable(getattr(home, name)) for home in homes)


def test_every_call_that_changes_an_account_is_journaled():
    """The journaled core has its own version of each; what it inherits only reads."""
    readers = {"size", "derisk", "kelly", "state_bytes"}
    readers |= {"compute_position_risk", "compute_portfolio_risk"}
    for name, method in inspect.getmembers(Core, callable):
        if not name.startswith("_"):
            assert (getattr(JournaledCore, name) is method) == (name in readers), name


def test_the_stub_names_every_method():
    stub = (WORKER.parent.parent / "riskcore" / "_core.pyi").resolve()
    if not stub.exists():
        stub = WORKER.parent.parent / "_core.pyi"
    text = stub.read_text()
    for home in (Core, JournaledCore, Parts):
        for name, _ in inspect.getmembers(home, callable):
            if not name.startswith("_"):
                assert f"def {name}(" in text


def test_the_buffer_is_aligned_and_initialised(core):
    assert core.address % ALIGNMENT == 0
    assert core.shape == Shape()
    assert core.state.header.orders == core.shape.orders
    assert core.state.dtype == state_dtype()


def test_views_are_the_memory_itself(core):
    status = core.on_clock(TIME)
    assert status == codes.OK
    assert core.state.header.last_time_ns == TIME
    assert core.state.__array_interface__["strides"] is None
    core.check(*ORDER_ARGUMENTS)
    assert core.order.client_id == 1
    assert core.order.price_ticks == 1000
    assert core.decision.action == codes.REJECT


@pytest.mark.parametrize(("name", "number"), positions())
@pytest.mark.parametrize("bad", ["7", None, 1j, [1]])
def test_wrong_types_are_refused(core, name, number, bad):
    values = list(CALLS[name])
    values[number] = bad
    refused(core, name, values, TypeError)


@pytest.mark.parametrize(("name", "number"), sorted(set(positions()) - ANY_FLOAT))
def test_integers_are_neither_cut_nor_wrapped(core, name, number):
    values = list(CALLS[name])
    values[number] = 1.0
    refused(core, name, values, TypeError)
    for bad in (1 << 63, -(1 << 63) - 1, 1 << 100):
        values[number] = bad
        refused(core, name, values, OverflowError)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_the_number_of_arguments_is_checked(core, name):
    refused(core, name, CALLS[name][:-1], TypeError)
    refused(core, name, (*CALLS[name], 0), TypeError)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_numpy_numbers_are_numbers(core, name):
    other = Core()
    values = [
        np.float64(v) if (name, n) in ANY_FLOAT else np.int64(v) for n, v in enumerate(CALLS[name])
    ]
    assert getattr(core, name)(*values) == getattr(other, name)(*CALLS[name])
    assert core.state_bytes() == other.state_bytes()


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("instrument_set", "instrument"),
        ("venue_set", "venue"),
        ("currency_set", "currency"),
        ("strategy_set", "strategy"),
    ],
)
def test_records_of_another_kind_are_refused(core, name, record):
    wrong = np.zeros(1, record_dtype("signal"))[0]
    right = np.zeros(1, record_dtype(record))
    for bad in (wrong, None, 3, {}, np.zeros(4), np.zeros(2, right.dtype)):
        refused(core, name, (TIME, 0, bad), TypeError)
    assert getattr(core, name)(TIME, 0, right[0]) != codes.BAD_BUFFER
    assert getattr(core, name)(TIME, 0, right) != codes.BAD_BUFFER


def test_scenario_moves_have_one_value_per_instrument(core):
    record = np.zeros(1, record_dtype("scenario"))[0]
    moves = np.zeros(core.shape.instruments)
    refused(core, "scenario_set", (TIME, 0, record, moves[:-1], moves), ValueError)
    refused(core, "scenario_set", (TIME, 0, record, moves, moves.astype(int)), TypeError)
    refused(core, "scenario_set", (TIME, 0, record, moves.tolist(), moves), TypeError)


def test_strided_arrays_are_refused(core):
    moves = np.zeros(2 * core.shape.instruments)[::2]
    record = np.zeros(1, record_dtype("scenario"))[0]
    refused(core, "scenario_set", (TIME, 0, record, moves, moves), (BufferError, ValueError))
    events = np.zeros(8, record_dtype("event"))[::2]
    refused(core, "apply_many", (events,), (BufferError, ValueError))


def test_kelly_writes_into_the_array_it_was_given(core):
    returns, weights = np.zeros(core.shape.instruments), np.ones(core.shape.instruments)
    assert core.kelly(returns, weights) in codes.STATUS_NAMES
    weights.flags.writeable = False
    refused(core, "kelly", (returns, weights), (BufferError, ValueError))


def test_batches_need_room_for_every_answer(core):
    orders = np.zeros(3, record_dtype("order"))
    decisions = np.zeros(2, record_dtype("decision"))
    refused(core, "check_batch", (orders, decisions), ValueError)
    refused(core, "check_batch", (orders, orders), TypeError)


def test_apply_many_is_apply_in_order():
    one, many = Core(), Core()
    events = np.zeros(5, record_dtype("event"))
    events["kind"] = codes.EVENT_CLOCK
    events["time_ns"] = [TIME, TIME + 1, 0, TIME + 2, -1]
    statuses = np.zeros(5, np.int64)
    assert many.apply_many(events, statuses) == 3
    single = []
    for event in events:
        for name in event.dtype.names:
            one.event[name] = event[name]
        single.append(one.apply(one.event))
    assert statuses.tolist() == single
    assert one.state_bytes() == many.state_bytes()
    assert [Core().apply(event) for event in events[:1]] == single[:1]


def test_state_bytes_restore_the_account():
    core, other = Core(), Core()
    core.on_clock(TIME)
    copy = core.state_bytes()
    assert len(copy) == state_dtype().itemsize
    other.load_state(copy)
    assert other.state.header.last_time_ns == TIME
    assert other.state_bytes() == copy


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("magic", "magic"),
        ("abi_version", "abi_version"),
        ("layout_hash", "layout_hash"),
        ("size_bytes", "size_bytes"),
        ("instruments", "instruments"),
        ("orders", "orders"),
    ],
)
def test_load_state_names_what_differs(core, field, text):
    other = Core()
    other.state.header[field] += 1
    before = core.state_bytes()
    with pytest.raises(ValueError, match=f"another {text}"):
        core.load_state(other.state_bytes())
    assert core.state_bytes() == before


def test_load_state_refuses_a_part(core):
    copy = core.state_bytes()
    for part in (b"", copy[:50], copy[:-8], copy + bytes(8)):
        with pytest.raises(ValueError, match="bytes"):
            core.load_state(part)


def test_another_shape_gets_its_own_code():
    small = Core(SMALL)
    assert small.state.header.instruments == SMALL.instruments
    assert small.on_clock(TIME) == codes.OK
    with pytest.raises(ValueError, match="another instruments"):
        small.load_state(Core().state_bytes())


def test_both_levels_give_the_same_bytes():
    cores = [Core(cpu=cpu) for cpu in _core.CPU_LEVELS if cpu <= _core.CPU_LEVEL]
    for core in cores:
        for name, values in CALLS.items():
            getattr(core, name)(*values)
    assert len({core.state_bytes() for core in cores}) == 1


@pytest.mark.parametrize(
    ("arguments", "error"), [({"shape": 3}, TypeError), ({"cpu": "x86-64-v9"}, ValueError)]
)
def test_bad_construction(arguments, error):
    with pytest.raises(error):
        Core(**arguments)


def test_a_core_is_not_pickled(core):
    with pytest.raises(TypeError, match="state_bytes"):
        pickle.dumps(core)


def test_memory_outlives_the_core():
    state = Core().state
    assert state.header.orders == Shape().orders


def test_a_copy_with_a_number_that_is_none_is_refused():
    core = Core()
    state = np.frombuffer(bytearray(core.state_bytes()), dtype=state_dtype())
    state["account"]["variance"] = np.nan
    before = core.state_bytes()
    with pytest.raises(ValueError, match=r"account\.variance is not a finite number"):
        core.load_state(state.tobytes())
    assert core.state_bytes() == before
