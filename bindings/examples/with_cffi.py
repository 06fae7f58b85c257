"""One order through the gate with cffi: ``pip install cffi``, ``python with_cffi.py``."""

from account import LIBRARY, make_account, make_decision, make_order, show
from cffi import FFI

ffi = FFI()
ffi.cdef("""
    struct rc_state; struct rc_order; struct rc_decision;
    int64_t rc_check(struct rc_state *, const struct rc_order *, struct rc_decision *);
    int64_t rc_layout_hash(void);
""")
library = ffi.dlopen(str(LIBRARY))

state, order, decision = make_account(), make_order(), make_decision()
assert library.rc_layout_hash() == state["header"]["layout_hash"][0]  # one shape, one build
library.rc_check(
    ffi.from_buffer("struct rc_state *", state),
    ffi.from_buffer("struct rc_order *", order),
    ffi.from_buffer("struct rc_decision *", decision, require_writable=True),
)
show(decision)
