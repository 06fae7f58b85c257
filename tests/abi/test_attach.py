"""A buffer is only taken for ours when every part of its identity agrees."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from riskcore import codes
from riskcore.bindings.emit import emit_in_memory
from riskcore.layout import ALIGNMENT, SHAPE_NAMES, allocate, state_dtype
from tests.support import SMALL

SIZE = state_dtype(SMALL).itemsize


def function(name):
    """A native function of one address."""
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(emit_in_memory(SMALL)[name])


@pytest.fixture
def state():
    """An initialised buffer."""
    memory = allocate(state_dtype(SMALL))
    assert function("rc_state_init")(memory.ctypes.data) == codes.OK
    return memory


def test_init_clears_what_was_there(state):
    fresh = state.tobytes()
    state.view(np.uint8)[:] = 0xA5
    assert function("rc_state_init")(state.ctypes.data) == codes.OK
    assert state.tobytes() == fresh


WRONG = {
    "magic": codes.WRONG_MAGIC,
    "abi_version": codes.WRONG_ABI,
    "size_bytes": codes.WRONG_SIZE,
    "layout_hash": codes.WRONG_LAYOUT,
}


@pytest.mark.parametrize("field", [*WRONG, *SHAPE_NAMES])
def test_attach_refuses_another_identity_and_says_which(state, field):
    state[0].header[field] += 1
    before = state.tobytes()
    status = function("rc_state_attach")(state.ctypes.data)
    assert status == WRONG.get(field, codes.WRONG_SHAPE)
    assert state.tobytes() == before


def test_attach_refuses_zeros():
    memory = allocate(state_dtype(SMALL))
    assert function("rc_state_attach")(memory.ctypes.data) == codes.WRONG_MAGIC


@pytest.mark.parametrize("name", ["rc_state_init", "rc_state_attach"])
@pytest.mark.parametrize("offset", [1, 8, 32, ALIGNMENT - 1])
def test_memory_off_its_alignment_is_refused(name, offset):
    raw = np.zeros(SIZE + 2 * ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNMENT + offset
    assert function(name)(raw.ctypes.data + start) == codes.BAD_BUFFER
    assert not raw.any()


@pytest.mark.parametrize("name", ["rc_state_init", "rc_state_attach"])
def test_no_memory_is_refused(name):
    assert function(name)(None) == codes.BAD_BUFFER


def test_checkpoint_copies_every_byte(state):
    copy = np.full(SIZE, 0xFF, dtype=np.uint8)
    call = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
    checkpoint = call(emit_in_memory(SMALL)["rc_checkpoint"])
    assert checkpoint(state.ctypes.data, copy.ctypes.data) == codes.OK
    assert copy.tobytes() == state.tobytes()
