# cython: language_level=3
"""One order through the gate with Cython: the declarations of riskcore.h come with the package.

    cythonize with_cython.pyx; compile with -I from riskcore.get_include(); link with -lriskcore, and
    -L and -Wl,-rpath, from riskcore.get_library_dir()

    python -c "import with_cython; with_cython.main()"
"""

from libc.stdint cimport int64_t, uintptr_t

from riskcore cimport rc_check, rc_decision, rc_library_matches, rc_order, rc_state

from account import make_account, make_decision, make_order, show


cdef int64_t ask(rc_state *state, const rc_order *order, rc_decision *decision) noexcept nogil:
    """A call of C, without the interpreter's lock."""
    return rc_check(state, order, decision)


def main():
    """Ask and print the answer."""
    if not rc_library_matches():
        raise SystemExit("riskcore.h and the library are of different builds")
    account, order, answer = make_account(), make_order(), make_decision()
    cdef uintptr_t state = account.ctypes.data
    cdef uintptr_t wish = order.ctypes.data
    cdef uintptr_t decision = answer.ctypes.data
    with nogil:
        ask(<rc_state *>state, <const rc_order *>wish, <rc_decision *>decision)
    show(answer)
