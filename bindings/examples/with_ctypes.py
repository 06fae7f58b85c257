"""One order through the gate with ctypes: ``python with_ctypes.py``."""

import ctypes

from account import LIBRARY, make_account, make_decision, make_order, show

library = ctypes.CDLL(str(LIBRARY))
library.rc_check.restype = ctypes.c_int64
library.rc_check.argtypes = [ctypes.c_void_p] * 3  # state, order, decision

state, order, decision = make_account(), make_order(), make_decision()
library.rc_check(state.ctypes.data, order.ctypes.data, decision.ctypes.data)
show(decision)
