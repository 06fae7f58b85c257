# cython: language_level=3, binding=False, embedsignature=True, boundscheck=False, wraparound=False
"""The native core for Python: owns one buffer and calls the compiled kernels. No arithmetic here.

The extension carries the code of the default shape for two CPU levels and picks one when it is
loaded. Another shape is compiled in memory and fills the same table of functions.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.long cimport PyLong_Check
from cpython.number cimport PyNumber_Index
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memcpy, memset

import numpy as np

from riskcore import codes
from riskcore.errors import StateError
from riskcore.layout import ABI_VERSION, ALIGNMENT, MAGIC, SHAPE_NAMES, Shape
from riskcore.layout import allocate, layout_hash, not_finite, record_dtype, state_dtype

cdef extern from *:
    """
    extern const void *const rc_functions_v2[];
    extern const void *const rc_functions_v3[];

    /* The level as a whole where the compiler knows it, else the parts that its code uses. */
    static int rc_runs_v3(void)
    {
        __builtin_cpu_init();
    #if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
        return __builtin_cpu_supports("x86-64-v3") != 0;
    #else
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
            && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    #endif
    }
    """
    const void *rc_functions_v2[1]
    const void *rc_functions_v3[1]
    bint rc_runs_v3()


# One member per row of riskcore/kernels/api.py, in its order; the build compares them.
cdef struct Functions:
    int64_t (*state_size)() noexcept nogil
    int64_t (*state_align)() noexcept nogil
    int64_t (*layout_hash)() noexcept nogil
    int64_t (*state_init)(void *state) noexcept nogil
    int64_t (*state_attach)(const void *state) noexcept nogil
    int64_t (*checkpoint)(const void *state, void *memory) noexcept nogil
    int64_t (*set_parameters)(void *state, int64_t time_ns, const void *parameters) noexcept nogil
    int64_t (*instrument_set)(
        void *state, int64_t time_ns, int64_t index, const void *instrument
    ) noexcept nogil
    int64_t (*venue_set)(
        void *state, int64_t time_ns, int64_t index, const void *venue
    ) noexcept nogil
    int64_t (*currency_set)(
        void *state, int64_t time_ns, int64_t index, const void *currency
    ) noexcept nogil
    int64_t (*strategy_set)(
        void *state, int64_t time_ns, int64_t index, const void *strategy
    ) noexcept nogil
    int64_t (*scenario_set)(
        void *state, int64_t time_ns, int64_t index, const void *scenario, const double *down,
        const double *up
    ) noexcept nogil
    int64_t (*on_quote)(
        void *state, int64_t time_ns, int64_t instrument, int64_t bid_ticks, int64_t bid_lots,
        int64_t ask_ticks, int64_t ask_lots
    ) noexcept nogil
    int64_t (*on_trade)(
        void *state, int64_t time_ns, int64_t instrument, int64_t price_ticks, int64_t lots
    ) noexcept nogil
    int64_t (*on_rate)(void *state, int64_t time_ns, int64_t currency, double rate) noexcept nogil
    int64_t (*on_clock)(void *state, int64_t time_ns) noexcept nogil
    int64_t (*on_sample)(void *state, int64_t time_ns) noexcept nogil
    int64_t (*advance)(void *state, int64_t max_rows) noexcept nogil
    int64_t (*check)(void *state, const void *order, void *decision) noexcept nogil
    int64_t (*what_if)(const void *state, const void *order, void *decision) noexcept nogil
    int64_t (*check_batch)(
        void *state, const void *orders, void *decisions, int64_t count
    ) noexcept nogil
    int64_t (*cancel)(void *state, int64_t time_ns, int64_t handle) noexcept nogil
    int64_t (*replace)(
        void *state, int64_t time_ns, int64_t handle, int64_t lots, int64_t price_ticks,
        void *decision
    ) noexcept nogil
    int64_t (*on_ack)(
        void *state, int64_t time_ns, int64_t handle, int64_t venue_order_id
    ) noexcept nogil
    int64_t (*on_reject)(
        void *state, int64_t time_ns, int64_t handle, int64_t code
    ) noexcept nogil
    int64_t (*on_canceled)(void *state, int64_t time_ns, int64_t handle) noexcept nogil
    int64_t (*on_cancel_reject)(
        void *state, int64_t time_ns, int64_t handle, int64_t code
    ) noexcept nogil
    int64_t (*on_replaced)(
        void *state, int64_t time_ns, int64_t handle, int64_t lots, int64_t price_ticks
    ) noexcept nogil
    int64_t (*on_expire)(void *state, int64_t time_ns, int64_t handle) noexcept nogil
    int64_t (*on_fill)(
        void *state, int64_t time_ns, int64_t handle, int64_t instrument, int64_t strategy,
        int64_t side, int64_t lots, int64_t price_ticks, double fee, int64_t fee_currency,
        int64_t execution_id
    ) noexcept nogil
    int64_t (*on_bust)(
        void *state, int64_t time_ns, int64_t instrument, int64_t strategy, int64_t side,
        int64_t lots, int64_t price_ticks, double fee, int64_t fee_currency,
        int64_t execution_id
    ) noexcept nogil
    int64_t (*on_funding)(
        void *state, int64_t time_ns, int64_t instrument, int64_t strategy, int64_t currency,
        double amount
    ) noexcept nogil
    int64_t (*on_transfer)(
        void *state, int64_t time_ns, int64_t venue, int64_t currency, double amount
    ) noexcept nogil
    int64_t (*on_settlement)(
        void *state, int64_t time_ns, int64_t instrument, int64_t price_ticks
    ) noexcept nogil
    int64_t (*on_position)(
        void *state, int64_t time_ns, int64_t instrument, int64_t lots, int64_t price_ticks
    ) noexcept nogil
    int64_t (*on_order_status)(
        void *state, int64_t time_ns, int64_t handle, int64_t code, int64_t filled_lots
    ) noexcept nogil
    int64_t (*on_heartbeat)(void *state, int64_t time_ns, int64_t venue) noexcept nogil
    int64_t (*on_latency)(void *state, int64_t time_ns, int64_t latency_ns) noexcept nogil
    int64_t (*on_error)(void *state, int64_t time_ns, int64_t code) noexcept nogil
    int64_t (*control)(
        void *state, int64_t time_ns, int64_t code, int64_t target, int64_t value,
        int64_t author
    ) noexcept nogil
    int64_t (*on_regime)(
        void *state, int64_t time_ns, int64_t regime, double probability
    ) noexcept nogil
    int64_t (*apply)(void *state, const void *event, void *decision) noexcept nogil
    int64_t (*size)(const void *state, const void *signal, void *sizing) noexcept nogil
    int64_t (*derisk)(const void *state, void *reductions, int64_t capacity) noexcept nogil
    int64_t (*position_risk)(const void *state, int64_t instrument, void *risk) noexcept nogil
    int64_t (*portfolio_risk)(const void *state, void *risk) noexcept nogil
    int64_t (*kelly)(
        const void *state, const double *expected_returns, double *weights, double *scratch
    ) noexcept nogil
    int64_t (*journal_init)(
        void *journal, int64_t capacity, int64_t reserve, int64_t publish_interval
    ) noexcept nogil
    int64_t (*journal_attach)(const void *journal) noexcept nogil
    int64_t (*journal_resume)(void *journal, const void *control) noexcept nogil
    int64_t (*control_init)(void *control) noexcept nogil
    int64_t (*control_attach)(const void *control) noexcept nogil
    int64_t (*control_kill)(void *control, int64_t author) noexcept nogil
    int64_t (*control_request)(
        void *control, int64_t code, int64_t target, int64_t value, int64_t author
    ) noexcept nogil
    int64_t (*control_parameters)(void *control, const void *parameters) noexcept nogil
    int64_t (*control_beat)(void *control, int64_t time_ns) noexcept nogil
    int64_t (*page_init)(void *page) noexcept nogil
    int64_t (*page_attach)(const void *page) noexcept nogil
    int64_t (*page_read)(const void *page, void *copy) noexcept nogil
    int64_t (*publish)(const void *state, void *journal, void *page) noexcept nogil
    int64_t (*submit)(
        void *state, void *journal, void *ring, const void *control, void *page, const void
        *event, void *decision
    ) noexcept nogil
    int64_t (*submit_set)(
        void *state, void *journal, void *ring, const void *control, void *page, int64_t
        time_ns, int64_t kind, int64_t index, const void *payload
    ) noexcept nogil
    int64_t (*submit_batch)(
        void *state, void *journal, void *ring, const void *control, void *page, const void
        *orders, void *decisions, int64_t count
    ) noexcept nogil
    int64_t (*replay)(
        void *state, const void *records, int64_t capacity, int64_t base, int64_t first, int64_t
        last, void *payload, void *orders, void *decisions, int64_t legs
    ) noexcept nogil
    int64_t (*checksum)(const int64_t *words, int64_t count) noexcept nogil


# riskcore.layout.ORDER, field by field; compared below.
cdef struct Order:
    int64_t client_id
    int64_t time_ns
    int64_t instrument
    int64_t strategy
    int64_t side
    int64_t type
    int64_t time_in_force
    int64_t order_flags
    int64_t lots
    int64_t price_ticks
    int64_t stop_ticks
    double confidence


# riskcore.layout.EVENT, field by field; compared below.
cdef struct Event:
    int64_t kind
    int64_t time_ns
    int64_t venue_time_ns
    int64_t id
    int64_t handle
    int64_t instrument
    int64_t strategy
    int64_t venue
    int64_t currency
    int64_t side
    int64_t type
    int64_t time_in_force
    int64_t order_flags
    int64_t code
    int64_t lots
    int64_t price_ticks
    int64_t lots_2
    int64_t price_ticks_2
    double value
    double value_2
    double confidence


if record_dtype("order").names[:12] != (
    "client_id", "time_ns", "instrument", "strategy", "side", "type", "time_in_force", "order_flags",
    "lots", "price_ticks", "stop_ticks", "confidence",
) or record_dtype("event").names[:21] != (
    "kind", "time_ns", "venue_time_ns", "id", "handle", "instrument", "strategy", "venue",
    "currency", "side", "type", "time_in_force", "order_flags", "code", "lots", "price_ticks",
    "lots_2", "price_ticks_2", "value", "value_2", "confidence",
) or record_dtype("decision").names[0] != "action":
    raise ImportError("riskcore was built from another layout: build it again")

CPU_LEVELS = ("x86-64-v2", "x86-64-v3")
CPU_LEVEL = CPU_LEVELS[1] if rc_runs_v3() else CPU_LEVELS[0]
DEFAULT_SHAPE = Shape()

cdef int64_t OK = 1
cdef int64_t BOOKED_UNMATCHED = 17
cdef int64_t BUSY = 18
cdef int64_t LEGS = codes.MAX_BATCH
cdef int64_t EVENT_QUOTE = codes.EVENT_QUOTE
cdef int64_t EVENT_TRADE = codes.EVENT_TRADE
cdef int64_t EVENT_RATE = codes.EVENT_RATE
cdef int64_t EVENT_CLOCK = codes.EVENT_CLOCK
cdef int64_t EVENT_SAMPLE = codes.EVENT_SAMPLE
cdef int64_t EVENT_ADVANCE = codes.EVENT_ADVANCE
cdef int64_t EVENT_CHECK = codes.EVENT_CHECK
cdef int64_t EVENT_CANCEL = codes.EVENT_CANCEL
cdef int64_t EVENT_REPLACE = codes.EVENT_REPLACE
cdef int64_t EVENT_ACK = codes.EVENT_ACK
cdef int64_t EVENT_REJECT = codes.EVENT_REJECT
cdef int64_t EVENT_CANCELED = codes.EVENT_CANCELED
cdef int64_t EVENT_CANCEL_REJECT = codes.EVENT_CANCEL_REJECT
cdef int64_t EVENT_REPLACED = codes.EVENT_REPLACED
cdef int64_t EVENT_EXPIRE = codes.EVENT_EXPIRE
cdef int64_t EVENT_FILL = codes.EVENT_FILL
cdef int64_t EVENT_BUST = codes.EVENT_BUST
cdef int64_t EVENT_FUNDING = codes.EVENT_FUNDING
cdef int64_t EVENT_TRANSFER = codes.EVENT_TRANSFER
cdef int64_t EVENT_SETTLEMENT = codes.EVENT_SETTLEMENT
cdef int64_t EVENT_POSITION = codes.EVENT_POSITION
cdef int64_t EVENT_ORDER_STATUS = codes.EVENT_ORDER_STATUS
cdef int64_t EVENT_HEARTBEAT = codes.EVENT_HEARTBEAT
cdef int64_t EVENT_LATENCY = codes.EVENT_LATENCY
cdef int64_t EVENT_ERROR = codes.EVENT_ERROR
cdef int64_t EVENT_CONTROL = codes.EVENT_CONTROL
cdef int64_t EVENT_REGIME = codes.EVENT_REGIME


cdef inline int64_t integer(object value) except? -1:
    """An int64; TypeError for a float, which C would cut off in silence."""
    if PyLong_Check(value):
        return <long long>value
    return <long long>PyNumber_Index(value)


def status_name(status):
    """The name of a status in `riskcore.codes`."""
    return codes.STATUS_NAMES.get(status, str(status))


cdef class View:
    """Read or write access to the memory of another object for the length of a call."""

    cdef Py_buffer buffer
    cdef bint held

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.buffer)


cdef View view_records(object records, object dtype, str name, bint write, Py_ssize_t count):
    """The memory of a record (count -1) or of an array of them; TypeError where it is another."""
    if getattr(records, "dtype", None) != dtype:
        raise TypeError(f"{name} must have the dtype riskcore.layout gives it")
    if count < 0 and getattr(records, "shape", None) not in ((), (1,)):
        raise TypeError(f"{name} must be one record")
    if count >= 0 and getattr(records, "ndim", 0) != 1:
        raise TypeError(f"{name} must be a one-dimensional array of records")
    cdef View view = View.__new__(View)
    PyObject_GetBuffer(
        records, &view.buffer, (PyBUF_WRITABLE if write else PyBUF_SIMPLE) | PyBUF_C_CONTIGUOUS
    )
    view.held = True
    if count >= 0 and view.buffer.len < count * <Py_ssize_t>dtype.itemsize:
        raise ValueError(f"{name} must have room for {count} records")
    return view


cdef View view_memory(str name, object memory, Py_ssize_t size, bint write):
    """Aligned memory of at least `size` bytes that somebody else owns."""
    cdef View view = View.__new__(View)
    PyObject_GetBuffer(
        memory, &view.buffer, (PyBUF_WRITABLE if write else PyBUF_SIMPLE) | PyBUF_C_CONTIGUOUS
    )
    view.held = True
    if view.buffer.len < size:
        raise ValueError(f"{name} has {view.buffer.len} bytes: it needs {size}")
    if <uintptr_t>view.buffer.buf % <uintptr_t>ALIGNMENT:
        raise ValueError(f"{name} must be aligned to {ALIGNMENT} bytes")
    return view


cdef const Functions *functions_of(object shape, str cpu, Functions *own) except NULL:
    """The code of a shape and CPU; `own` is filled for another shape than the default."""
    if not isinstance(shape, Shape):
        raise TypeError(f"shape must be a Shape, not {type(shape).__name__}")
    if cpu not in CPU_LEVELS or (cpu == CPU_LEVELS[1] and CPU_LEVEL != cpu):
        raise ValueError(f"this machine runs no {cpu!r} code; choose {CPU_LEVEL}")
    if shape == DEFAULT_SHAPE:
        if cpu == CPU_LEVELS[1]:
            return <const Functions *>rc_functions_v3
        return <const Functions *>rc_functions_v2
    from riskcore.bindings.emit import emit_in_memory

    addresses = list(emit_in_memory(shape, cpu).values())
    cdef uintptr_t *slots = <uintptr_t *>own
    if len(addresses) * sizeof(uintptr_t) != sizeof(Functions):
        raise RuntimeError("the export table has changed: build riskcore again")
    for number, address in enumerate(addresses):
        slots[<Py_ssize_t>number] = <uintptr_t>address
    return own


cdef class Core:
    """One account: its buffer, and the native functions that read and change it.

    Parameters
    ----------
    shape : Shape, optional
        Sizes of the buffer. Another than the default is compiled when it is first asked for, which
        takes some seconds, and kept in a cache directory.
    cpu : str, optional
        Code to run: ``x86-64-v2`` or ``x86-64-v3``; what the machine has by default.
    memory : buffer, optional
        Writable memory, aligned to 64 bytes, that holds an account of this shape and goes on
        belonging to its owner; a mapped file, for example. ValueError where it holds none.

    Attributes
    ----------
    state : numpy.record
        The buffer, `riskcore.layout.state_dtype(shape)`. Reading it is free; do not write to it.
    order, decision, event, position_risk, portfolio_risk, signal, sizing : numpy.record
        One record each that calls read from or write to.
    reductions : numpy.recarray
        Written by `derisk`.
    shape : Shape
        Sizes of the buffer.
    cpu : str
        Level of the code that runs.
    address : int
        Where the buffer is, for other native code.

    Notes
    -----
    Methods take integers and floats and return an integer status of `riskcore.codes`. Arguments of a
    wrong type or beyond int64 raise TypeError or OverflowError before anything changes. Calls that
    change the account come from one thread at a time.

    Examples
    --------
    >>> from riskcore._core import Core
    >>> core = Core()
    >>> core.on_quote(1, 0, 100, 5, 101, 5)  # instrument 0 has not been set up
    4
    """

    cdef const Functions *functions
    cdef char *memory
    cdef Order *order_memory
    cdef char *decision_memory
    cdef char *event_memory
    cdef char *position_risk_memory
    cdef char *portfolio_risk_memory
    cdef char *signal_memory
    cdef char *sizing_memory
    cdef char *reductions_memory
    cdef double *scratch_memory
    cdef Functions own_functions
    cdef Py_ssize_t size_bytes
    cdef Py_ssize_t instruments
    cdef object scratch
    cdef object owners
    cdef readonly object shape
    cdef readonly str cpu
    cdef readonly object state
    cdef readonly object order
    cdef readonly object decision
    cdef readonly object event
    cdef readonly object position_risk
    cdef readonly object portfolio_risk
    cdef readonly object signal
    cdef readonly object sizing
    cdef readonly object reductions

    def __cinit__(self, shape=None, *, str cpu="", memory=None):
        if shape is None:
            shape = DEFAULT_SHAPE
        self.cpu = cpu or CPU_LEVEL
        self.functions = functions_of(shape, self.cpu, &self.own_functions)
        self.shape = shape
        self.instruments = shape.instruments
        self.size_bytes = state_dtype(shape).itemsize
        if self.functions.state_size() != self.size_bytes:
            raise RuntimeError("riskcore was built from another layout: build it again")
        self.owners = []
        if memory is None:
            self.memory = self.allocate("state", state_dtype(shape))
        else:
            self.memory = self.borrow(memory)
        self.order_memory = <Order *>self.allocate("order", record_dtype("order", shape))
        self.decision_memory = self.allocate("decision", record_dtype("decision", shape))
        self.event_memory = self.allocate("event", record_dtype("event", shape))
        self.position_risk_memory = self.allocate(
            "position_risk", record_dtype("position_risk", shape)
        )
        self.portfolio_risk_memory = self.allocate(
            "portfolio_risk", record_dtype("portfolio_risk", shape)
        )
        self.signal_memory = self.allocate("signal", record_dtype("signal", shape))
        self.sizing_memory = self.allocate("sizing", record_dtype("sizing", shape))
        self.reductions = np.zeros(self.instruments, record_dtype("reduction", shape)).view(
            np.recarray
        )
        self.reductions_memory = <char *><uintptr_t>self.reductions.ctypes.data
        cdef int64_t status
        if memory is None:
            status = self.functions.state_init(self.memory)
            if status != OK:
                raise RuntimeError(f"rc_state_init returned {status}")
        if self.state.header.layout_hash != layout_hash(shape):
            raise RuntimeError("riskcore was built from another layout: build it again")

    cdef char *allocate(self, str name, object dtype) except NULL:
        """Make one record, keep it as the attribute `name` and return its address."""
        owner = allocate(dtype)
        self.owners.append(owner)
        record = owner[0]
        if name == "state":
            self.state = record
        elif name == "order":
            self.order = record
        elif name == "decision":
            self.decision = record
        elif name == "event":
            self.event = record
        elif name == "position_risk":
            self.position_risk = record
        elif name == "portfolio_risk":
            self.portfolio_risk = record
        elif name == "signal":
            self.signal = record
        else:
            self.sizing = record
        return <char *><uintptr_t>owner.ctypes.data

    cdef char *borrow(self, object memory) except NULL:
        """Take memory of somebody else as the state."""
        cdef View view = view_memory("memory", memory, self.size_bytes, True)
        cdef int64_t status = self.functions.state_attach(view.buffer.buf)
        if status != OK:
            raise ValueError(f"the memory holds no account of this shape: {status_name(status)}")
        self.owners.append(view)
        self.state = np.frombuffer(memory, state_dtype(self.shape), 1).view(np.recarray)[0]
        return <char *>view.buffer.buf

    def __reduce__(self):
        raise TypeError("a Core is not pickled: use state_bytes and load_state")

    @property
    def address(self):
        """Address of the buffer."""
        return <uintptr_t>self.memory

    # --- the buffer as a whole --------------------------------------------------------------------

    def state_bytes(self):
        """A copy of the whole buffer."""
        copy = PyBytes_FromStringAndSize(NULL, self.size_bytes)
        self.functions.checkpoint(self.memory, PyBytes_AS_STRING(copy))
        return copy

    def load_state(self, data):
        """Replace the buffer by a copy that `state_bytes` made.

        Raises ValueError, and changes nothing, where the copy is of another build or shape.
        """
        data = bytes(data)
        if len(data) < 8 * 12:
            raise ValueError(f"the copy has {len(data)} bytes: too short for a header")
        words = np.frombuffer(data[: 8 * 12], dtype=np.int64).tolist()
        wanted = [MAGIC, ABI_VERSION, layout_hash(self.shape), self.size_bytes, *self.shape.sizes()]
        names = ["magic", "abi_version", "layout_hash", "size_bytes", *SHAPE_NAMES]
        # The shape first: it explains a different hash and size.
        for number in (0, 1, *range(4, 12), 3, 2):
            if words[number] != wanted[number]:
                raise ValueError(
                    f"the copy has another {names[number]}: "
                    f"{words[number]}, here {wanted[number]}"
                )
        if len(data) != self.size_bytes:
            raise ValueError(f"the copy has {len(data)} bytes, the buffer {self.size_bytes}")
        other = allocate(state_dtype(self.shape))
        cdef char *memory = <char *><uintptr_t>other.ctypes.data
        memcpy(memory, PyBytes_AS_STRING(data), self.size_bytes)
        cdef int64_t status = self.functions.state_attach(memory)
        if status != OK:
            raise ValueError(f"the copy is damaged: rc_state_attach returned {status}")
        for name in not_finite(other[0]):
            raise ValueError(f"the copy is damaged: {name} is not a finite number")
        memcpy(self.memory, memory, self.size_bytes)

    def replay(self, records, base, first, last):
        """Apply entries of a journal to the account as it stood before the first of them.

        Parameters
        ----------
        records : numpy.ndarray
            `journal_record` records: a ring (base 1), or a stretch of an archive.
        base : int
            Sequence that belongs into records[0].
        first, last : int
            Stretch of sequences to apply.

        Returns
        -------
        int
            Sequence behind the last entry that was applied: `last` + 1, or where a record is torn.
        """
        cdef Py_ssize_t count = len(records)
        cdef View view = view_records(
            records, record_dtype("journal_record", self.shape), "records", False, count
        )
        scratch = [
            np.zeros(rows, record_dtype(name, self.shape))
            for name, rows in (("payload", 1), ("order", LEGS), ("decision", LEGS))
        ]
        return self.functions.replay(
            self.memory, view.buffer.buf, count, integer(base), integer(first), integer(last),
            <void *><uintptr_t>scratch[0].ctypes.data, <void *><uintptr_t>scratch[1].ctypes.data,
            <void *><uintptr_t>scratch[2].ctypes.data, LEGS,
        )

    # --- configuration ----------------------------------------------------------------------------

    def set_parameters(self, time_ns, record):
        """Replace all limits by a `parameters` record."""
        cdef View view = self.view("parameters", record)
        return self.functions.set_parameters(self.memory, integer(time_ns), view.buffer.buf)

    def instrument_set(self, time_ns, index, record):
        """Add, change or retire an instrument."""
        cdef View view = self.view("instrument", record)
        return self.functions.instrument_set(
            self.memory, integer(time_ns), integer(index), view.buffer.buf,
        )

    def venue_set(self, time_ns, index, record):
        """Add or change a venue."""
        cdef View view = self.view("venue", record)
        return self.functions.venue_set(
            self.memory, integer(time_ns), integer(index), view.buffer.buf,
        )

    def currency_set(self, time_ns, index, record):
        """Add or change a currency."""
        cdef View view = self.view("currency", record)
        return self.functions.currency_set(
            self.memory, integer(time_ns), integer(index), view.buffer.buf,
        )

    def strategy_set(self, time_ns, index, record):
        """Add or change a strategy."""
        cdef View view = self.view("strategy", record)
        return self.functions.strategy_set(
            self.memory, integer(time_ns), integer(index), view.buffer.buf,
        )

    def scenario_set(self, time_ns, index, record, down, up):
        """Add or change a stress scenario; moves are float64, one per instrument of the shape."""
        cdef View view = self.view("scenario", record)
        cdef View falls = self.floats("down", down, False)
        cdef View rises = self.floats("up", up, False)
        return self.functions.scenario_set(
            self.memory, integer(time_ns), integer(index), view.buffer.buf,
            <const double *>falls.buffer.buf, <const double *>rises.buffer.buf,
        )

    cdef View view(self, str name, object record):
        """The memory of one record that is only read."""
        return view_records(record, record_dtype(name, self.shape), name, False, -1)

    cdef View floats(self, str name, object array, bint write):
        """The memory of one float64 per instrument."""
        if getattr(array, "dtype", None) != np.float64:
            raise TypeError(f"{name} must be a float64 array")
        if getattr(array, "shape", None) != (self.instruments,):
            raise ValueError(f"{name} must have {self.instruments} values, one per instrument")
        cdef View view = View.__new__(View)
        PyObject_GetBuffer(
            array, &view.buffer, (PyBUF_WRITABLE if write else PyBUF_SIMPLE) | PyBUF_C_CONTIGUOUS
        )
        view.held = True
        return view

    # --- market and clock -------------------------------------------------------------------------

    def on_quote(self, time_ns, instrument, bid_ticks, bid_lots, ask_ticks, ask_lots):
        """Best bid and ask; 0 for a missing side."""
        return self.functions.on_quote(
            self.memory, integer(time_ns), integer(instrument), integer(bid_ticks),
            integer(bid_lots), integer(ask_ticks), integer(ask_lots),
        )

    def on_trade(self, time_ns, instrument, price_ticks, lots):
        """A public trade."""
        return self.functions.on_trade(
            self.memory, integer(time_ns), integer(instrument), integer(price_ticks),
            integer(lots),
        )

    def on_rate(self, time_ns, currency, double rate):
        """Account currency per unit of a currency."""
        return self.functions.on_rate(self.memory, integer(time_ns), integer(currency), rate)

    def on_clock(self, time_ns):
        """Time has passed without another event."""
        return self.functions.on_clock(self.memory, integer(time_ns))

    def on_sample(self, time_ns):
        """Close a sampling interval; `advance` then works in the matrix."""
        return self.functions.on_sample(self.memory, integer(time_ns))

    def advance(self, max_rows):
        """Work in rows of the covariance pass; BUSY while more remain."""
        return self.functions.advance(self.memory, integer(max_rows))

    # --- orders -----------------------------------------------------------------------------------

    cdef inline void fill_order(
        self,
        int64_t client_id,
        int64_t time_ns,
        int64_t instrument,
        int64_t strategy,
        int64_t side,
        int64_t type,
        int64_t time_in_force,
        int64_t flags,
        int64_t lots,
        int64_t price_ticks,
        int64_t stop_ticks,
        double confidence,
    ) noexcept:
        """Put an order into `self.order`."""
        cdef Order *order = self.order_memory
        order.client_id = client_id
        order.time_ns = time_ns
        order.instrument = instrument
        order.strategy = strategy
        order.side = side
        order.type = type
        order.time_in_force = time_in_force
        order.order_flags = flags
        order.lots = lots
        order.price_ticks = price_ticks
        order.stop_ticks = stop_ticks
        order.confidence = confidence

    def check(
        self, client_id, time_ns, instrument, strategy, side, type, time_in_force, flags, lots,
        price_ticks, stop_ticks, double confidence,
    ):
        """May this order go? Reserves its exposure, fills `decision`, returns the action."""
        self.fill_order(
            integer(client_id), integer(time_ns), integer(instrument), integer(strategy),
            integer(side), integer(type), integer(time_in_force), integer(flags), integer(lots),
            integer(price_ticks), integer(stop_ticks), confidence,
        )
        return self.functions.check(self.memory, self.order_memory, self.decision_memory)

    def what_if(
        self, client_id, time_ns, instrument, strategy, side, type, time_in_force, flags, lots,
        price_ticks, stop_ticks, double confidence,
    ):
        """The answer of `check` without any effect."""
        self.fill_order(
            integer(client_id), integer(time_ns), integer(instrument), integer(strategy),
            integer(side), integer(type), integer(time_in_force), integer(flags), integer(lots),
            integer(price_ticks), integer(stop_ticks), confidence,
        )
        return self.functions.what_if(self.memory, self.order_memory, self.decision_memory)

    def check_order(self):
        """`check` of the record `order` as it is."""
        return self.functions.check(self.memory, self.order_memory, self.decision_memory)

    def what_if_order(self):
        """`what_if` of the record `order` as it is."""
        return self.functions.what_if(self.memory, self.order_memory, self.decision_memory)

    def check_batch(self, orders, decisions):
        """All legs or none: fills an array of `decision` records, returns the group's action."""
        cdef Py_ssize_t count = len(orders)
        cdef View legs = view_records(
            orders, record_dtype("order", self.shape), "orders", False, count
        )
        cdef View answers = view_records(
            decisions, record_dtype("decision", self.shape), "decisions", True, count
        )
        return self.functions.check_batch(
            self.memory, legs.buffer.buf, answers.buffer.buf, count
        )

    def cancel(self, time_ns, handle):
        """A cancel is being sent."""
        return self.functions.cancel(self.memory, integer(time_ns), integer(handle))

    def replace(self, time_ns, handle, lots, price_ticks):
        """May this replace go? Fills `decision`, returns the action."""
        return self.functions.replace(
            self.memory, integer(time_ns), integer(handle), integer(lots), integer(price_ticks),
            self.decision_memory,
        )

    def on_ack(self, time_ns, handle, venue_order_id):
        """The venue took the order."""
        return self.functions.on_ack(
            self.memory, integer(time_ns), integer(handle), integer(venue_order_id),
        )

    def on_reject(self, time_ns, handle, code):
        """The venue refused the order."""
        return self.functions.on_reject(
            self.memory, integer(time_ns), integer(handle), integer(code),
        )

    def on_canceled(self, time_ns, handle):
        """The order is cancelled."""
        return self.functions.on_canceled(self.memory, integer(time_ns), integer(handle))

    def on_cancel_reject(self, time_ns, handle, code):
        """The venue refused the cancel."""
        return self.functions.on_cancel_reject(
            self.memory, integer(time_ns), integer(handle), integer(code),
        )

    def on_replaced(self, time_ns, handle, lots, price_ticks):
        """The order was replaced."""
        return self.functions.on_replaced(
            self.memory, integer(time_ns), integer(handle), integer(lots), integer(price_ticks),
        )

    def on_expire(self, time_ns, handle):
        """The order has expired."""
        return self.functions.on_expire(self.memory, integer(time_ns), integer(handle))

    # --- facts ------------------------------------------------------------------------------------

    def on_fill(
        self, time_ns, handle, instrument, strategy, side, lots, price_ticks, double fee,
        fee_currency, execution_id,
    ):
        """An execution; booked whatever the state of its order."""
        return self.functions.on_fill(
            self.memory, integer(time_ns), integer(handle), integer(instrument),
            integer(strategy), integer(side), integer(lots), integer(price_ticks), fee,
            integer(fee_currency), integer(execution_id),
        )

    def on_bust(
        self, time_ns, instrument, strategy, side, lots, price_ticks, double fee, fee_currency,
        execution_id,
    ):
        """An execution taken back."""
        return self.functions.on_bust(
            self.memory, integer(time_ns), integer(instrument), integer(strategy), integer(side),
            integer(lots), integer(price_ticks), fee, integer(fee_currency),
            integer(execution_id),
        )

    def on_funding(self, time_ns, instrument, strategy, currency, double amount):
        """A funding payment, positive when received."""
        return self.functions.on_funding(
            self.memory, integer(time_ns), integer(instrument), integer(strategy),
            integer(currency), amount,
        )

    def on_transfer(self, time_ns, venue, currency, double amount):
        """A deposit (positive) or a withdrawal."""
        return self.functions.on_transfer(
            self.memory, integer(time_ns), integer(venue), integer(currency), amount,
        )

    def on_settlement(self, time_ns, instrument, price_ticks):
        """Final settlement of an instrument."""
        return self.functions.on_settlement(
            self.memory, integer(time_ns), integer(instrument), integer(price_ticks),
        )

    def on_position(self, time_ns, instrument, lots, price_ticks):
        """The venue's net position; a difference is booked."""
        return self.functions.on_position(
            self.memory, integer(time_ns), integer(instrument), integer(lots),
            integer(price_ticks),
        )

    def on_order_status(self, time_ns, handle, code, filled_lots):
        """The venue's state of an order."""
        return self.functions.on_order_status(
            self.memory, integer(time_ns), integer(handle), integer(code),
            integer(filled_lots),
        )

    # --- system -----------------------------------------------------------------------------------

    def on_heartbeat(self, time_ns, venue):
        """A sign of life; venue -1 is the monitor."""
        return self.functions.on_heartbeat(self.memory, integer(time_ns), integer(venue))

    def on_latency(self, time_ns, latency_ns):
        """A measured processing latency."""
        return self.functions.on_latency(self.memory, integer(time_ns), integer(latency_ns))

    def on_error(self, time_ns, code):
        """An error of the caller."""
        return self.functions.on_error(self.memory, integer(time_ns), integer(code))

    def control(self, time_ns, code, target, value, author):
        """Kill, reset a latch, set a state: CONTROL_* of `riskcore.codes`."""
        return self.functions.control(
            self.memory, integer(time_ns), integer(code), integer(target), integer(value),
            integer(author),
        )

    def on_regime(self, time_ns, regime, double probability):
        """The decided market regime."""
        return self.functions.on_regime(self.memory, integer(time_ns), integer(regime), probability)

    def apply(self, event):
        """Any event as one record; a check fills `decision`."""
        if event is self.event:
            return self.functions.apply(self.memory, self.event_memory, self.decision_memory)
        cdef View view = self.view("event", event)
        return self.functions.apply(self.memory, view.buffer.buf, self.decision_memory)

    def apply_many(self, events, statuses=None):
        """Apply an array of `event` records in order.

        Parameters
        ----------
        events : numpy.ndarray
            Records.
        statuses : numpy.ndarray, optional
            int64, as many: gets the status of each event.

        Returns
        -------
        int
            Number of events that were applied; the others were refused and changed nothing.
        """
        cdef Py_ssize_t count = len(events)
        cdef Py_ssize_t number
        cdef Py_ssize_t stride = record_dtype("event", self.shape).itemsize
        cdef View view = view_records(
            events, record_dtype("event", self.shape), "events", False, count
        )
        cdef View results = None
        cdef int64_t *answers = NULL
        if statuses is not None:
            results = view_records(statuses, np.dtype(np.int64), "statuses", True, count)
            answers = <int64_t *>results.buffer.buf
        cdef char *at = <char *>view.buffer.buf
        cdef int64_t status
        cdef int64_t applied = 0
        with nogil:
            for number in range(count):
                status = self.functions.apply(self.memory, at, self.decision_memory)
                at += stride
                if status == OK or status == BOOKED_UNMATCHED or status == BUSY:
                    applied += 1
                if answers != NULL:
                    answers[number] = status
        return applied

    # --- questions --------------------------------------------------------------------------------

    def size(self):
        """A size for the record `signal`, in the record `sizing`; returns its status."""
        return self.functions.size(self.memory, self.signal_memory, self.sizing_memory)

    def derisk(self):
        """Reductions that bring every budget back, in `reductions`; returns their number."""
        return self.functions.derisk(self.memory, self.reductions_memory, self.instruments)

    def compute_position_risk(self, instrument):
        """Risk of one position, in the record `position_risk`; returns its status."""
        return self.functions.position_risk(
            self.memory, integer(instrument), self.position_risk_memory,
        )

    def compute_portfolio_risk(self):
        """Risk of the account, in the record `portfolio_risk`; returns its status."""
        return self.functions.portfolio_risk(self.memory, self.portfolio_risk_memory)

    def kelly(self, expected_returns, weights):
        """Fractional Kelly weights of all instruments, written to `weights`; returns a status."""
        cdef View returns = self.floats("expected_returns", expected_returns, False)
        cdef View results = self.floats("weights", weights, True)
        if self.scratch is None:
            self.scratch = np.zeros(self.instruments * self.instruments)
            self.scratch_memory = <double *><uintptr_t>self.scratch.ctypes.data
        return self.functions.kelly(
            self.memory,
            <const double *>returns.buffer.buf,
            <double *>results.buffer.buf,
            self.scratch_memory,
        )


cdef class JournaledCore(Core):
    """An account whose events go into a write-ahead journal before they are applied.

    The calls of `Core` and their answers are the same; every event passes the control page and the
    journal first. JOURNAL_FULL tells that an order, market data or a change of configuration was
    refused for want of room, NOT_JOURNALED that a fact was applied without a record.

    Parameters
    ----------
    shape, cpu
        As in `Core`.
    memory : buffer
        The state; `link` gives the other parts.
    """

    cdef char *journal_memory
    cdef char *ring_memory
    cdef char *control_memory
    cdef char *page_memory
    cdef char *payload_memory
    cdef Py_ssize_t payload_bytes
    cdef list links
    cdef str closed_because
    cdef readonly object journal
    cdef readonly object payload

    def link(self, journal, control, page):
        """Take the shared parts; ValueError where one is none of this shape.

        Parameters
        ----------
        journal : buffer, writable
            A journal record with the ring of its records behind it.
        control : buffer
            A control page.
        page : buffer, writable
            A published page.
        """
        shape = self.shape
        header = record_dtype("journal", shape)
        cdef Py_ssize_t head = header.itemsize
        cdef Py_ssize_t control_bytes = record_dtype("control_page", shape).itemsize
        cdef Py_ssize_t page_bytes = record_dtype("published_page", shape).itemsize
        cdef View view = view_memory("journal", journal, head, True)
        cdef View steering = view_memory("control", control, control_bytes, False)
        cdef View telling = view_memory("page", page, page_bytes, True)
        accept("journal", self.functions.journal_attach(view.buffer.buf))
        accept("control", self.functions.control_attach(steering.buffer.buf))
        accept("page", self.functions.page_attach(telling.buffer.buf))
        record = np.frombuffer(journal, header, 1).view(np.recarray)[0]
        wanted = head + int(record.capacity) * record_dtype("journal_record", shape).itemsize
        if view.buffer.len < wanted:
            raise ValueError(f"journal has {view.buffer.len} bytes: it needs {wanted}")
        payload = allocate(record_dtype("payload", shape))
        self.payload = payload[0]
        self.payload_memory = <char *><uintptr_t>payload.ctypes.data
        self.payload_bytes = self.payload.words.nbytes
        self.links = [view, steering, telling, payload]
        self.journal = record
        self.control_memory = <char *>steering.buffer.buf
        self.page_memory = <char *>telling.buffer.buf
        self.ring_memory = <char *>view.buffer.buf + head
        self.journal_memory = <char *>view.buffer.buf

    def unlink(self, str reason="the account is closed"):
        """Give the shared parts back; every event and every `what_if` raises from now on.

        Parameters
        ----------
        reason : str, optional
            What the StateError says.
        """
        self.closed_because = reason
        self.journal_memory = NULL
        self.links = None
        self.journal = None

    cdef int need_links(self) except -1:
        """Raise where there is no journal."""
        if self.journal_memory == NULL:
            raise StateError(self.closed_because or "the account has no journal: link it first")
        return 0

    cdef Event *blank(self, int64_t kind, object time_ns) except NULL:
        """The record `event`, cleared, with its kind and time."""
        cdef Event *event = <Event *>self.event_memory
        cdef int64_t now = integer(time_ns)
        memset(event, 0, sizeof(Event))
        event.kind = kind
        event.time_ns = now
        return event

    cdef int64_t submit_at(self, const void *event) except? -1:
        """Journal and apply one event."""
        self.need_links()
        return self.functions.submit(
            self.memory, self.journal_memory, self.ring_memory, self.control_memory,
            self.page_memory, event, self.decision_memory,
        )

    def submit(self, event):
        """Journal and apply any event; the same as `apply`."""
        if event is self.event:
            return self.submit_at(self.event_memory)
        cdef View view = self.view("event", event)
        return self.submit_at(view.buffer.buf)

    def apply(self, event):
        """Any event as one record; a check fills `decision`."""
        return self.submit(event)

    def apply_many(self, events, statuses=None):
        """Journal and apply an array of `event` records in order; see `Core.apply_many`."""
        cdef Py_ssize_t count = len(events)
        cdef Py_ssize_t number
        cdef Py_ssize_t stride = record_dtype("event", self.shape).itemsize
        cdef View view = view_records(
            events, record_dtype("event", self.shape), "events", False, count
        )
        cdef View results = None
        cdef int64_t *answers = NULL
        if statuses is not None:
            results = view_records(statuses, np.dtype(np.int64), "statuses", True, count)
            answers = <int64_t *>results.buffer.buf
        cdef char *at = <char *>view.buffer.buf
        cdef int64_t status
        cdef int64_t applied = 0
        for number in range(count):
            status = self.submit_at(at)
            at += stride
            if status == OK or status == BOOKED_UNMATCHED or status == BUSY:
                applied += 1
            if answers != NULL:
                answers[number] = status
        return applied

    def publish(self):
        """Write the published page now."""
        self.need_links()
        return self.functions.publish(self.memory, self.journal_memory, self.page_memory)

    def resume(self):
        """Take over: the state has all that is committed."""
        self.need_links()
        return self.functions.journal_resume(self.journal_memory, self.control_memory)

    def what_if(
        self, client_id, time_ns, instrument, strategy, side, type, time_in_force, flags, lots,
        price_ticks, stop_ticks, double confidence,
    ):
        """The answer of `check` without any effect; of an account that is still at hand."""
        self.need_links()
        return Core.what_if(
            self, client_id, time_ns, instrument, strategy, side, type, time_in_force, flags, lots,
            price_ticks, stop_ticks, confidence,
        )

    def what_if_order(self):
        """`what_if` of the record `order` as it is."""
        self.need_links()
        return Core.what_if_order(self)

    def load_state(self, data):
        """Refused: the journal would not tell of it."""
        raise TypeError("a journaled account is not replaced: make another one")

    def replay(self, records, base, first, last):
        """Refused: the journal would not tell of it."""
        raise TypeError("a journaled account is not replayed into: use a Core")

    # --- configuration ----------------------------------------------------------------------------

    def submit_set(self, time_ns, kind, index):
        """Journal and apply a change of configuration: the record `payload` as it is."""
        self.need_links()
        return self.functions.submit_set(
            self.memory, self.journal_memory, self.ring_memory, self.control_memory,
            self.page_memory, integer(time_ns), integer(kind), integer(index),
            self.payload_memory,
        )

    cdef int64_t set_record(self, object time_ns, int64_t kind, object index, View view) except? -1:
        """Journal and apply one record of configuration."""
        self.need_links()
        if view.buffer.len > self.payload_bytes:
            raise ValueError("the record is larger than a payload")
        memset(self.payload_memory, 0, self.payload_bytes)
        memcpy(self.payload_memory, view.buffer.buf, view.buffer.len)
        return self.submit_set(time_ns, kind, index)

    def set_parameters(self, time_ns, record):
        """Replace all limits by a `parameters` record."""
        return self.set_record(
            time_ns, codes.ENTRY_PARAMETERS, 0, self.view("parameters", record)
        )

    def instrument_set(self, time_ns, index, record):
        """Add, change or retire an instrument."""
        return self.set_record(
            time_ns, codes.ENTRY_INSTRUMENT, index, self.view("instrument", record)
        )

    def venue_set(self, time_ns, index, record):
        """Add or change a venue."""
        return self.set_record(time_ns, codes.ENTRY_VENUE, index, self.view("venue", record))

    def currency_set(self, time_ns, index, record):
        """Add or change a currency."""
        return self.set_record(time_ns, codes.ENTRY_CURRENCY, index, self.view("currency", record))

    def strategy_set(self, time_ns, index, record):
        """Add or change a strategy."""
        return self.set_record(time_ns, codes.ENTRY_STRATEGY, index, self.view("strategy", record))

    def scenario_set(self, time_ns, index, record, down, up):
        """Add or change a stress scenario; moves are float64, one per instrument of the shape."""
        cdef View view = self.view("scenario", record)
        cdef View falls = self.floats("down", down, False)
        cdef View rises = self.floats("up", up, False)
        self.need_links()
        cdef char *moves = self.payload_memory + self.payload_bytes
        memcpy(moves, falls.buffer.buf, falls.buffer.len)
        memcpy(moves + falls.buffer.len, rises.buffer.buf, rises.buffer.len)
        return self.set_record(time_ns, codes.ENTRY_SCENARIO, index, view)

    # --- market and clock -------------------------------------------------------------------------

    def on_quote(self, time_ns, instrument, bid_ticks, bid_lots, ask_ticks, ask_lots):
        """Best bid and ask; 0 for a missing side."""
        cdef Event *event = self.blank(EVENT_QUOTE, time_ns)
        event.instrument = integer(instrument)
        event.price_ticks = integer(bid_ticks)
        event.lots = integer(bid_lots)
        event.price_ticks_2 = integer(ask_ticks)
        event.lots_2 = integer(ask_lots)
        return self.submit_at(event)

    def on_trade(self, time_ns, instrument, price_ticks, lots):
        """A public trade."""
        cdef Event *event = self.blank(EVENT_TRADE, time_ns)
        event.instrument = integer(instrument)
        event.price_ticks = integer(price_ticks)
        event.lots = integer(lots)
        return self.submit_at(event)

    def on_rate(self, time_ns, currency, double rate):
        """Account currency per unit of a currency."""
        cdef Event *event = self.blank(EVENT_RATE, time_ns)
        event.currency = integer(currency)
        event.value = rate
        return self.submit_at(event)

    def on_clock(self, time_ns):
        """Time has passed without another event."""
        return self.submit_at(self.blank(EVENT_CLOCK, time_ns))

    def on_sample(self, time_ns):
        """Close a sampling interval; `advance` then works in the matrix."""
        return self.submit_at(self.blank(EVENT_SAMPLE, time_ns))

    def advance(self, max_rows):
        """Work in rows of the covariance pass; BUSY while more remain."""
        cdef Event *event = self.blank(EVENT_ADVANCE, 0)
        event.lots = integer(max_rows)
        return self.submit_at(event)

    # --- orders -----------------------------------------------------------------------------------

    def check(
        self, client_id, time_ns, instrument, strategy, side, type, time_in_force, flags, lots,
        price_ticks, stop_ticks, double confidence,
    ):
        """May this order go? Reserves its exposure, fills `decision`, returns the action."""
        self.fill_order(
            integer(client_id), integer(time_ns), integer(instrument), integer(strategy),
            integer(side), integer(type), integer(time_in_force), integer(flags), integer(lots),
            integer(price_ticks), integer(stop_ticks), confidence,
        )
        return self.check_order()

    def check_order(self):
        """`check` of the record `order` as it is."""
        cdef Order *order = self.order_memory
        cdef Event *event = self.blank(EVENT_CHECK, order.time_ns)
        event.id = order.client_id
        event.instrument = order.instrument
        event.strategy = order.strategy
        event.side = order.side
        event.type = order.type
        event.time_in_force = order.time_in_force
        event.order_flags = order.order_flags
        event.lots = order.lots
        event.price_ticks = order.price_ticks
        event.price_ticks_2 = order.stop_ticks
        event.confidence = order.confidence
        self.submit_at(event)
        return (<int64_t *>self.decision_memory)[0]

    def check_batch(self, orders, decisions):
        """All legs or none: fills an array of `decision` records, returns the group's action."""
        cdef Py_ssize_t count = len(orders)
        cdef View legs = view_records(
            orders, record_dtype("order", self.shape), "orders", False, count
        )
        cdef View answers = view_records(
            decisions, record_dtype("decision", self.shape), "decisions", True, count
        )
        return self.submit_batch_at(legs, answers, count)

    cdef int64_t submit_batch_at(self, View legs, View answers, int64_t count) except? -1:
        """Journal and judge a batch."""
        self.need_links()
        return self.functions.submit_batch(
            self.memory, self.journal_memory, self.ring_memory, self.control_memory,
            self.page_memory, legs.buffer.buf, answers.buffer.buf, count,
        )

    def submit_batch(self, orders, decisions):
        """Journal and judge a batch; the same as `check_batch`."""
        return self.check_batch(orders, decisions)

    def cancel(self, time_ns, handle):
        """A cancel is being sent."""
        return self.submit_handle(EVENT_CANCEL, time_ns, handle)

    cdef int64_t submit_handle(self, int64_t kind, object time_ns, object handle) except? -1:
        """Journal and apply an event of one handle."""
        cdef Event *event = self.blank(kind, time_ns)
        event.handle = integer(handle)
        return self.submit_at(event)

    def replace(self, time_ns, handle, lots, price_ticks):
        """May this replace go? Fills `decision`, returns the action."""
        cdef Event *event = self.blank(EVENT_REPLACE, time_ns)
        event.handle = integer(handle)
        event.lots_2 = integer(lots)
        event.price_ticks_2 = integer(price_ticks)
        self.submit_at(event)
        return (<int64_t *>self.decision_memory)[0]

    def on_ack(self, time_ns, handle, venue_order_id):
        """The venue took the order."""
        cdef Event *event = self.blank(EVENT_ACK, time_ns)
        event.handle = integer(handle)
        event.id = integer(venue_order_id)
        return self.submit_at(event)

    def on_reject(self, time_ns, handle, code):
        """The venue refused the order."""
        cdef Event *event = self.blank(EVENT_REJECT, time_ns)
        event.handle = integer(handle)
        event.code = integer(code)
        return self.submit_at(event)

    def on_canceled(self, time_ns, handle):
        """The order is cancelled."""
        return self.submit_handle(EVENT_CANCELED, time_ns, handle)

    def on_cancel_reject(self, time_ns, handle, code):
        """The venue refused the cancel."""
        cdef Event *event = self.blank(EVENT_CANCEL_REJECT, time_ns)
        event.handle = integer(handle)
        event.code = integer(code)
        return self.submit_at(event)

    def on_replaced(self, time_ns, handle, lots, price_ticks):
        """The order was replaced."""
        cdef Event *event = self.blank(EVENT_REPLACED, time_ns)
        event.handle = integer(handle)
        event.lots = integer(lots)
        event.price_ticks = integer(price_ticks)
        return self.submit_at(event)

    def on_expire(self, time_ns, handle):
        """The order has expired."""
        return self.submit_handle(EVENT_EXPIRE, time_ns, handle)

    # --- facts ------------------------------------------------------------------------------------

    def on_fill(
        self, time_ns, handle, instrument, strategy, side, lots, price_ticks, double fee,
        fee_currency, execution_id,
    ):
        """An execution; booked whatever the state of its order."""
        cdef Event *event = self.execution(
            EVENT_FILL, time_ns, instrument, strategy, side, lots, price_ticks, fee, fee_currency,
            execution_id,
        )
        event.handle = integer(handle)
        return self.submit_at(event)

    def on_bust(
        self, time_ns, instrument, strategy, side, lots, price_ticks, double fee, fee_currency,
        execution_id,
    ):
        """An execution taken back."""
        return self.submit_at(self.execution(
            EVENT_BUST, time_ns, instrument, strategy, side, lots, price_ticks, fee, fee_currency,
            execution_id,
        ))

    cdef Event *execution(
        self, int64_t kind, object time_ns, object instrument, object strategy, object side,
        object lots, object price_ticks, double fee, object fee_currency, object execution_id,
    ) except NULL:
        """The record `event` as an execution."""
        cdef Event *event = self.blank(kind, time_ns)
        event.instrument = integer(instrument)
        event.strategy = integer(strategy)
        event.side = integer(side)
        event.lots = integer(lots)
        event.price_ticks = integer(price_ticks)
        event.value = fee
        event.currency = integer(fee_currency)
        event.id = integer(execution_id)
        return event

    def on_funding(self, time_ns, instrument, strategy, currency, double amount):
        """A funding payment, positive when received."""
        cdef Event *event = self.blank(EVENT_FUNDING, time_ns)
        event.instrument = integer(instrument)
        event.strategy = integer(strategy)
        event.currency = integer(currency)
        event.value = amount
        return self.submit_at(event)

    def on_transfer(self, time_ns, venue, currency, double amount):
        """A deposit (positive) or a withdrawal."""
        cdef Event *event = self.blank(EVENT_TRANSFER, time_ns)
        event.venue = integer(venue)
        event.currency = integer(currency)
        event.value = amount
        return self.submit_at(event)

    def on_settlement(self, time_ns, instrument, price_ticks):
        """Final settlement of an instrument."""
        cdef Event *event = self.blank(EVENT_SETTLEMENT, time_ns)
        event.instrument = integer(instrument)
        event.price_ticks = integer(price_ticks)
        return self.submit_at(event)

    def on_position(self, time_ns, instrument, lots, price_ticks):
        """The venue's net position; a difference is booked."""
        cdef Event *event = self.blank(EVENT_POSITION, time_ns)
        event.instrument = integer(instrument)
        event.lots = integer(lots)
        event.price_ticks = integer(price_ticks)
        return self.submit_at(event)

    def on_order_status(self, time_ns, handle, code, filled_lots):
        """The venue's state of an order."""
        cdef Event *event = self.blank(EVENT_ORDER_STATUS, time_ns)
        event.handle = integer(handle)
        event.code = integer(code)
        event.lots = integer(filled_lots)
        return self.submit_at(event)

    # --- system -----------------------------------------------------------------------------------

    def on_heartbeat(self, time_ns, venue):
        """A sign of life; venue -1 is the monitor."""
        cdef Event *event = self.blank(EVENT_HEARTBEAT, time_ns)
        event.venue = integer(venue)
        return self.submit_at(event)

    def on_latency(self, time_ns, latency_ns):
        """A measured processing latency; beyond 9e15 ns (104 days) it is no valid event."""
        cdef Event *event = self.blank(EVENT_LATENCY, time_ns)
        event.value = <double>integer(latency_ns)
        return self.submit_at(event)

    def on_error(self, time_ns, code):
        """An error of the caller."""
        cdef Event *event = self.blank(EVENT_ERROR, time_ns)
        event.code = integer(code)
        return self.submit_at(event)

    def control(self, time_ns, code, target, value, author):
        """Kill, reset a latch, set a state: CONTROL_* of `riskcore.codes`."""
        cdef Event *event = self.blank(EVENT_CONTROL, time_ns)
        event.code = integer(code)
        event.instrument = integer(target)
        event.lots = integer(value)
        event.id = integer(author)
        return self.submit_at(event)

    def on_regime(self, time_ns, regime, double probability):
        """The decided market regime."""
        cdef Event *event = self.blank(EVENT_REGIME, time_ns)
        event.code = integer(regime)
        event.value = probability
        return self.submit_at(event)


cdef int accept(str name, int64_t status) except -1:
    """Raise where memory is not what it should be."""
    if status != OK:
        raise ValueError(f"{name}: {status_name(status)}")
    return 0


cdef class Parts:
    """The native functions on what several processes map; none needs an account of its own.

    Parameters
    ----------
    shape, cpu
        As in `Core`.

    Notes
    -----
    Each argument that is memory is a buffer, aligned to 64 bytes; a journal's has the ring behind
    it. Methods return an integer status of `riskcore.codes` and raise ValueError where the memory
    is too small.
    """

    cdef const Functions *functions
    cdef Functions own_functions
    cdef readonly object shape
    cdef readonly str cpu

    def __cinit__(self, shape=None, *, str cpu=""):
        self.shape = DEFAULT_SHAPE if shape is None else shape
        self.cpu = cpu or CPU_LEVEL
        self.functions = functions_of(self.shape, self.cpu, &self.own_functions)

    cdef View part(self, str name, object memory, bint write):
        """The memory of a part."""
        dtype = state_dtype(self.shape) if name == "state" else record_dtype(name, self.shape)
        return view_memory(name, memory, dtype.itemsize, write)

    def state_init(self, state):
        """Clear the memory and make an empty account of it."""
        return self.functions.state_init(self.part("state", state, True).buffer.buf)

    def state_attach(self, state):
        """OK where the memory holds an account of this build."""
        return self.functions.state_attach(self.part("state", state, False).buffer.buf)

    def journal_init(self, journal, capacity, reserve, publish_interval):
        """Make an empty journal in zeroed memory."""
        return self.functions.journal_init(
            self.part("journal", journal, True).buffer.buf, integer(capacity), integer(reserve),
            integer(publish_interval),
        )

    def journal_attach(self, journal):
        """OK where the memory holds a journal of this build."""
        return self.functions.journal_attach(self.part("journal", journal, False).buffer.buf)

    def control_init(self, control):
        """Make an empty control page in zeroed memory."""
        return self.functions.control_init(self.part("control_page", control, True).buffer.buf)

    def control_attach(self, control):
        """OK where the memory holds a control page of this build."""
        return self.functions.control_attach(self.part("control_page", control, False).buffer.buf)

    def control_kill(self, control, author):
        """Pull the kill switch; never refused."""
        return self.functions.control_kill(
            self.part("control_page", control, True).buffer.buf, integer(author),
        )

    def control_request(self, control, code, target, value, author):
        """Leave a control event for the writer."""
        return self.functions.control_request(
            self.part("control_page", control, True).buffer.buf, integer(code), integer(target),
            integer(value), integer(author),
        )

    def control_parameters(self, control, parameters):
        """Leave a `parameters` record for the writer."""
        cdef View record = view_records(
            parameters, record_dtype("parameters", self.shape), "parameters", False, -1
        )
        return self.functions.control_parameters(
            self.part("control_page", control, True).buffer.buf, record.buffer.buf,
        )

    def control_beat(self, control, time_ns):
        """The monitor is alive."""
        return self.functions.control_beat(
            self.part("control_page", control, True).buffer.buf, integer(time_ns),
        )

    def page_init(self, page):
        """Make an empty published page in zeroed memory."""
        return self.functions.page_init(self.part("published_page", page, True).buffer.buf)

    def page_attach(self, page):
        """OK where the memory holds a published page of this build."""
        return self.functions.page_attach(self.part("published_page", page, False).buffer.buf)

    def page_read(self, page, copy):
        """Copy a page that was whole at one moment; BUSY: try again."""
        cdef View source = self.part("published_page", page, False)
        cdef View target = self.part("published_page", copy, True)
        return self.functions.page_read(source.buffer.buf, target.buffer.buf)

    def checksum(self, words):
        """Checksum of int64 words; of a matrix, one for each row."""
        if getattr(words, "dtype", None) != np.int64 or words.ndim not in (1, 2):
            raise TypeError("words must be an int64 array of one or two dimensions")
        cdef View view = View.__new__(View)
        PyObject_GetBuffer(words, &view.buffer, PyBUF_SIMPLE | PyBUF_C_CONTIGUOUS)
        view.held = True
        cdef const int64_t *at = <const int64_t *>view.buffer.buf
        cdef Py_ssize_t count = words.shape[words.ndim - 1]
        if words.ndim == 1:
            return self.functions.checksum(at, count)
        cdef Py_ssize_t row
        sums = np.zeros(words.shape[0], np.int64)
        cdef int64_t *results = <int64_t *><uintptr_t>sums.ctypes.data
        for row in range(words.shape[0]):
            results[row] = self.functions.checksum(at, count)
            at += count
        return sums
