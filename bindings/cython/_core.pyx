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
from libc.string cimport memcpy

import numpy as np

from riskcore.layout import ABI_VERSION, MAGIC, SHAPE_NAMES, Shape
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
    int64_t (*publish)(const void *state, const void *journal, void *page) noexcept nogil
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


if record_dtype("order").names[:12] != (
    "client_id", "time_ns", "instrument", "strategy", "side", "type", "time_in_force", "order_flags",
    "lots", "price_ticks", "stop_ticks", "confidence",
):
    raise ImportError("riskcore was built from another layout: build it again")

CPU_LEVELS = ("x86-64-v2", "x86-64-v3")
CPU_LEVEL = CPU_LEVELS[1] if rc_runs_v3() else CPU_LEVELS[0]
DEFAULT_SHAPE = Shape()

cdef int64_t OK = 1
cdef int64_t BOOKED_UNMATCHED = 17
cdef int64_t BUSY = 18


cdef inline int64_t integer(object value) except? -1:
    """An int64; TypeError for a float, which C would cut off in silence."""
    if PyLong_Check(value):
        return <long long>value
    return <long long>PyNumber_Index(value)


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


cdef class Core:
    """One account: its buffer, and the native functions that read and change it.

    Parameters
    ----------
    shape : Shape, optional
        Sizes of the buffer. Another than the default is compiled when it is first asked for, which
        takes some seconds, and kept in a cache directory.
    cpu : str, optional
        Code to run: ``x86-64-v2`` or ``x86-64-v3``; what the machine has by default.

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

    def __cinit__(self, shape=None, *, str cpu=""):
        if shape is None:
            shape = DEFAULT_SHAPE
        if not isinstance(shape, Shape):
            raise TypeError(f"shape must be a Shape, not {type(shape).__name__}")
        self.shape = shape
        self.cpu = cpu or CPU_LEVEL
        self.instruments = shape.instruments
        self.select_functions()
        self.size_bytes = state_dtype(shape).itemsize
        if self.functions.state_size() != self.size_bytes:
            raise RuntimeError("riskcore was built from another layout: build it again")
        self.owners = []
        self.memory = self.allocate("state", state_dtype(shape))
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
        cdef int64_t status = self.functions.state_init(self.memory)
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

    cdef int select_functions(self) except -1:
        """Point to the code of this shape and CPU."""
        if self.cpu not in CPU_LEVELS or (self.cpu == CPU_LEVELS[1] and CPU_LEVEL != self.cpu):
            raise ValueError(f"this machine runs no {self.cpu!r} code; choose {CPU_LEVEL}")
        if self.shape == DEFAULT_SHAPE:
            if self.cpu == CPU_LEVELS[1]:
                self.functions = <const Functions *>rc_functions_v3
            else:
                self.functions = <const Functions *>rc_functions_v2
            return 0
        from riskcore.bindings.emit import emit_in_memory

        addresses = list(emit_in_memory(self.shape, self.cpu).values())
        cdef uintptr_t *slots = <uintptr_t *>&self.own_functions
        if len(addresses) * sizeof(uintptr_t) != sizeof(Functions):
            raise RuntimeError("the export table has changed: build riskcore again")
        for number, address in enumerate(addresses):
            slots[<Py_ssize_t>number] = <uintptr_t>address
        self.functions = &self.own_functions
        return 0

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
