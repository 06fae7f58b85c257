"""A compiled loop that asks the gate itself: ``python with_numba.py``.

The loop holds the address of ``rc_check`` and calls it as C would; no Python is between two orders.
"""

import ctypes

import numba
import numpy as np
from account import LIBRARY, make_account, make_decision, make_order, show

ORDERS = 1000

library = ctypes.CDLL(str(LIBRARY))
address = ctypes.cast(library.rc_check, ctypes.c_void_p).value
check = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 3)(address)


@numba.njit
def ask_all(state, orders, decisions):
    """Check orders one after the other; the sum of the lots that may go."""
    allowed = 0
    for k in range(len(orders)):
        check(state.ctypes.data, orders[k:].ctypes.data, decisions[k:].ctypes.data)
        allowed += decisions[k].lots
    return allowed


state = make_account()
orders = np.concatenate([make_order(client_id=k + 1, lots=8000) for k in range(ORDERS)])
decisions = np.concatenate([make_decision()] * ORDERS)
lots = ask_all(state, orders, decisions)
show(decisions)
print(f"{lots} lots of {ORDERS} orders may go")
