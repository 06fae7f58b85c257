"""A damaged buffer behind a good header is refused before any of its indices is followed."""

import numpy as np
import pytest

from riskcore import codes
from riskcore.kernels import setup
from riskcore.layout import SHAPE_NAMES, layout_hash, state_dtype
from tests import support
from tests.support import LINEAR_BTC, LINEAR_ETH, SMALL


def attach(state):
    """Status of attaching to the buffer as this build does."""
    sizes = [getattr(SMALL, name) for name in SHAPE_NAMES]
    return setup.attach(state, layout_hash(SMALL), state_dtype(SMALL).itemsize, *sizes)


@pytest.fixture
def state():
    """A busy account: positions, working orders on both sides, one free slot in between."""
    state = support.make_state()
    first = support.reserve(state, LINEAR_BTC, codes.BUY, 5, 4000)
    support.reserve(state, LINEAR_BTC, codes.BUY, 5, 4001)
    support.reserve(state, LINEAR_BTC, codes.SELL, 3, 4100)
    support.reserve(state, LINEAR_ETH, codes.SELL, 2, 2100)
    support.fill(state, LINEAR_BTC, codes.BUY, 5, 4000, handle=first)
    return state


def test_a_whole_buffer_is_taken(state):
    before = state.tobytes()
    assert attach(state) == codes.OK
    assert state.tobytes() == before


DAMAGES = {
    "count": lambda s: setattr(s.header, "instrument_count", SMALL.instruments + 1),
    "account currency": lambda s: setattr(s.header, "account_currency", -1),
    "regime": lambda s: setattr(s.regime, "current", 99),
    "history": lambda s: setattr(s.history, "head", SMALL.window),
    "cluster": lambda s: s.covariance.cluster.__setitem__(0, 1 << 40),
    "frozen": lambda s: s.covariance.frozen.__setitem__(0, 2),
    "venue": lambda s: setattr(s.instruments[0], "venue", 7),
    "currency": lambda s: setattr(s.instruments[0], "currency", -1),
    "underlying": lambda s: setattr(s.instruments[0], "underlying", SMALL.instruments),
    "lot step": lambda s: setattr(s.instruments[0], "lot_step", 0),
    "kind": lambda s: setattr(s.instruments[0], "kind", 9),
    "set beyond the count": lambda s: setattr(s.instruments[7], "state", codes.ACTIVE),
    "link": lambda s: setattr(s.currencies[1], "instrument", 8),
    "order's instrument": lambda s: setattr(s.orders[1], "instrument", 1 << 50),
    "order's side": lambda s: setattr(s.orders[1], "side", 0),
    "order's list": lambda s: setattr(s.orders[1], "instrument", LINEAR_ETH),
    "order's status": lambda s: setattr(s.orders[1], "status", 77),
    "occupied but free": lambda s: setattr(s.orders[1], "status", codes.ORDER_FREE),
    "endless free list": lambda s: setattr(s.orders[0], "next", 1),
    "side list": lambda s: setattr(s.positions[LINEAR_BTC], "buy_head", 0),
    "side list beyond": lambda s: setattr(s.positions[LINEAR_BTC], "buy_head", SMALL.orders + 1),
    "pending list": lambda s: setattr(s.system, "pending_tail", 0),
    "pending link": lambda s: setattr(s.orders[2], "pending_previous", 0),
    "execution set": lambda s: setattr(s.executions[0], "cursor", 4),
    "parameter": lambda s: setattr(s.parameters, "flash_window_ns", 0),
    "link of an unset currency": lambda s: (
        setattr(s.header, "currency_count", 2),
        setattr(s.currencies[2], "instrument", 1 << 40),
    ),
    "unset below the count": lambda s: (
        setattr(s.instruments[2], "state", codes.UNSET),
        setattr(s.instruments[2], "venue", 1 << 40),
    ),
    "pending flag outside the list": lambda s: setattr(s.orders[40], "in_pending", 1),
    "derived parameter": lambda s: setattr(s.parameters, "var_multiplier", 0.0),
    "parameter not a number": lambda s: setattr(s.parameters, "price_collar", np.nan),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_buffer_is_refused_and_left_alone(state, damage):
    damage(state)
    before = state.tobytes()
    assert attach(state) == codes.BAD_BUFFER
    assert state.tobytes() == before
