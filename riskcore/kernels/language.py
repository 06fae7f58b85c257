"""The kernel decorator: every compiler option of the project in one place.

A kernel is a plain function over the buffer in the kernel language: int64 and float64 only,
``+ - * /``, comparisons and ``math.sqrt``; elementary functions come from ``elementary``; integer
``//`` and ``%`` only on non-negative operands with a positive divisor; no ``**``, ``min``, ``max``,
``round``, NumPy mathematics, exception, allocation or unguarded division; no index below zero. The
same source runs as plain Python (``NUMBA_DISABLE_JIT=1``), under the JIT and ahead of time, with
the same bits.
"""

import numba

kernel = numba.njit(error_model="numpy", boundscheck=False, fastmath=False, nogil=True)
