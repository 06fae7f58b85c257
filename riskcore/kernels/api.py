"""The export table: every function of the native library, its kernel and its arguments.

The emitter, the C header and the Python binding are all made from this table. Adding a function is
one row here and one kernel; see ``bindings/`` for what is done with it.

A row reads ``name | kernel | arguments | purpose``. Every function takes the buffer first and
returns int64. The other arguments are written

=======================  =========================================================================
``time_ns``              an int64
``fee:f64``              a float64
``order:order``          pointer to one record of ``layout.RECORDS`` that is only read
``decision:decision!``   the same, written
``orders:order[count]``  pointer to as many records
``weights:f64[n]!``      pointer to as many float64; ``n`` is a size of the shape (``a*b`` for a
                         product), another argument, or ``ring_records``: the journal's capacity
``=size_bytes``          a constant that is frozen into the code; not an argument in C
=======================  =========================================================================

A ``*`` in front of a name marks a function that only reads the buffer, a ``-`` one that takes no
buffer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import NamedTuple

from riskcore.layout import (
    ALIGNMENT,
    SHAPE_NAMES,
    Shape,
    layout_hash,
    record_dtype,
    state_dtype,
)


class Argument(NamedTuple):
    """One argument of an exported function.

    name: as in C; kind: ``i64``, ``f64``, ``record`` or ``constant``; record: the key of
    ``layout.RECORDS`` behind a pointer, "" otherwise; size: symbolic length behind a pointer, ""
    for one record; writes: whether the function writes through the pointer.
    """

    name: str
    kind: str
    record: str = ""
    size: str = ""
    writes: bool = False

    @property
    def is_pointer(self) -> bool:
        """Whether C passes an address."""
        return self.kind == "record" or bool(self.size)


class Export(NamedTuple):
    """One exported function.

    name: the C symbol; kernel: ``module.function`` under ``riskcore.kernels``, "" where the emitter
    writes the body itself; arguments: without the buffer; reads_only: the buffer is not changed;
    section: heading in the header; purpose: one line; takes_state: the buffer comes first.
    """

    name: str
    kernel: str
    arguments: tuple[Argument, ...]
    reads_only: bool
    section: str
    purpose: str
    takes_state: bool

    @property
    def method(self) -> str:
        """The name without its prefix, as the Python binding calls it."""
        return self.name.removeprefix("rc_")

    @property
    def c_arguments(self) -> tuple[Argument, ...]:
        """The arguments that exist in C."""
        return tuple(a for a in self.arguments if a.kind != "constant")

    def load(self) -> Callable[..., int]:
        """Import the kernel."""
        module, function = self.kernel.rsplit(".", 1)
        kernel: Callable[..., int] = getattr(import_module(f"riskcore.kernels.{module}"), function)
        return kernel


_IDENTITY = " ".join(f"={name}" for name in ("layout_hash", "size_bytes", *SHAPE_NAMES))
_ORDER_ARGUMENTS = "order:order decision:decision!"
_SESSION = (  # the writer's side of everything that is shared
    "journal:journal! ring:journal_record[ring_records]! control:control_page page:published_page!"
)
_FILL = "side lots price_ticks fee:f64 fee_currency execution_id"  # shared by a fill and its bust

_TABLE = f"""
# life of a buffer
-rc_state_size | | | bytes of one buffer
-rc_state_align | | | alignment of a buffer in bytes
-rc_layout_hash | | | hash of the layout and shape that the library was made for
rc_state_init | setup.initialize | {_IDENTITY} | clear the memory and make an empty account of it
*rc_state_attach | setup.attach | {_IDENTITY} | OK where the memory holds an account of this build
*rc_checkpoint | | memory:u8[state_size]! | copy the whole buffer; for the writer's thread
# configuration
rc_set_parameters | setup.set_parameters | time_ns parameters:parameters | replace all limits
rc_instrument_set | setup.instrument_set | time_ns index instrument:instrument | add, change, retire
rc_venue_set | setup.venue_set | time_ns index venue:venue | add or change a venue
rc_currency_set | setup.currency_set | time_ns index currency:currency | add or change a currency
rc_strategy_set | setup.strategy_set | time_ns index strategy:strategy | add or change a strategy
rc_scenario_set | setup.scenario_set | time_ns index scenario:scenario \
 down:f64[instruments] up:f64[instruments] | add or change a stress scenario
# market and clock
rc_on_quote | market.on_quote | time_ns instrument bid_ticks bid_lots ask_ticks ask_lots \
 | best bid and ask
rc_on_trade | market.on_trade | time_ns instrument price_ticks lots | a public trade
rc_on_rate | market.on_rate | time_ns currency rate:f64 | account currency per unit of a currency
rc_on_clock | market.on_clock | time_ns | time has passed without another event
rc_on_sample | volatility.on_sample | time_ns | close a sampling interval
rc_advance | covariance.advance | max_rows | work in rows of the covariance pass; BUSY: more remain
# orders
rc_check | gate.check_order | {_ORDER_ARGUMENTS} \
 | may this order go? reserves its exposure; returns the action
*rc_what_if | gate.what_if | {_ORDER_ARGUMENTS} | the same answer without any effect
rc_check_batch | gate.check_batch | orders:order[count] decisions:decision[count]! count \
 | all legs or none; returns the action of the group
rc_cancel | orders.cancel_order | time_ns handle | a cancel is being sent
rc_replace | gate.replace_order | time_ns handle lots price_ticks decision:decision! \
 | may this replace go? returns the action
rc_on_ack | orders.on_ack | time_ns handle venue_order_id | the venue took the order
rc_on_reject | orders.on_reject | time_ns handle code | the venue refused the order
rc_on_canceled | orders.on_canceled | time_ns handle | the order is cancelled
rc_on_cancel_reject | orders.on_cancel_reject | time_ns handle code | the venue refused the cancel
rc_on_replaced | orders.on_replaced | time_ns handle lots price_ticks | the order was replaced
rc_on_expire | orders.on_expire | time_ns handle | the order has expired
# facts
rc_on_fill | positions.on_fill | time_ns handle instrument strategy {_FILL} | an execution
rc_on_bust | positions.on_bust | time_ns instrument strategy {_FILL} | an execution taken back
rc_on_funding | cash.on_funding | time_ns instrument strategy currency amount:f64 \
 | a funding payment, positive when received
rc_on_transfer | cash.on_transfer | time_ns venue currency amount:f64 \
 | a deposit (positive) or withdrawal
rc_on_settlement | cash.on_settlement | time_ns instrument price_ticks | final settlement
rc_on_position | reconciliation.on_position | time_ns instrument lots price_ticks \
 | the venue's net position
rc_on_order_status | orders.on_order_status | time_ns handle code filled_lots \
 | the venue's state of an order
# system
rc_on_heartbeat | system.on_heartbeat | time_ns venue | a sign of life; venue -1 is the monitor
rc_on_latency | system.on_latency | time_ns latency_ns | a measured processing latency
rc_on_error | system.on_error | time_ns code | an error of the caller
rc_control | system.control | time_ns code target value author | kill, reset, states
rc_on_regime | system.on_regime | time_ns regime probability:f64 | the decided market regime
rc_apply | events.apply | event:event decision:decision! | any of the events above as one record
# questions
*rc_size | sizing.size | signal:signal sizing:sizing! | a signal in, a size out
*rc_derisk | drawdown.derisk | reductions:reduction[capacity]! capacity \
 | reductions that bring every budget back; returns their number
*rc_position_risk | tail.position_risk | instrument risk:position_risk! | risk of one position
*rc_portfolio_risk | tail.portfolio_risk | risk:portfolio_risk! | risk of the account
*rc_kelly | sizing.kelly_weights | expected_returns:f64[instruments] weights:f64[instruments]! \
 scratch:f64[instruments*instruments]! | fractional Kelly weights
# journal and shared pages
-rc_journal_init | journal.journal_init | journal:journal! capacity reserve publish_interval \
 =layout_hash =journal_bytes | make an empty journal in zeroed memory
-rc_journal_attach | journal.journal_attach | journal:journal =layout_hash =journal_bytes \
 | OK where the memory holds a journal of this build
-rc_journal_resume | journal.journal_resume | journal:journal! control:control_page \
 | the writer takes over after a recovery
-rc_control_init | pages.control_init | control:control_page! =layout_hash =control_bytes \
 | make an empty control page in zeroed memory
-rc_control_attach | pages.control_attach | control:control_page =layout_hash =control_bytes \
 | OK where the memory holds a control page of this build
-rc_control_kill | pages.control_kill | control:control_page! author | pull the kill switch
-rc_control_request | pages.control_request | control:control_page! code target value author \
 | leave a control event for the writer
-rc_control_parameters | pages.control_parameters | control:control_page! parameters:parameters \
 =regimes | leave a parameter block for the writer
-rc_control_beat | pages.control_beat | control:control_page! time_ns | the monitor is alive
-rc_page_init | pages.page_init | page:published_page! =layout_hash =page_bytes \
 | make an empty published page in zeroed memory
-rc_page_attach | pages.page_attach | page:published_page =layout_hash =page_bytes \
 | OK where the memory holds a published page of this build
-rc_page_read | pages.page_read | page:published_page copy:published_page! =page_bytes \
 | copy a page that was whole at one moment; BUSY: try again
*rc_publish | pages.publish | journal:journal! page:published_page! | write the published page now
rc_submit | session.submit | {_SESSION} event:event decision:decision! \
 | journal one event, apply it and answer
rc_submit_set | session.submit_set | {_SESSION} time_ns kind index payload:payload \
 | journal a change of configuration and apply it
rc_submit_batch | session.submit_batch | {_SESSION} orders:order[count] \
 decisions:decision[count]! count | journal a batch of orders and judge it
rc_replay | session.replay | records:journal_record[capacity] capacity base first last \
 payload:payload! orders:order[legs]! decisions:decision[legs]! legs \
 | apply journal records to the state they began from; returns the next sequence
-rc_checksum | journal.words_checksum | words:i64[count] count | checksum of words
"""


def _argument(text: str) -> Argument:
    """Read one argument of the table."""
    if text.startswith("="):
        return Argument(text[1:], "constant")
    name, _, kind = text.partition(":")
    writes = kind.endswith("!")
    kind, _, size = kind.removesuffix("!").removesuffix("]").partition("[")
    if kind in ("", "i64", "f64", "u8"):
        return Argument(name, kind or "i64", "", size, writes)
    return Argument(name, "record", kind, size, writes)


def _exports() -> tuple[Export, ...]:
    """Read the table."""
    rows, section = [], ""
    for line in _TABLE.strip().splitlines():
        if line.startswith("#"):
            section = line[2:]
            continue
        name, kernel, arguments, purpose = (part.strip() for part in line.split("|"))
        rows.append(
            Export(
                name.lstrip("*-"),
                kernel,
                tuple(_argument(a) for a in arguments.split()),
                name.startswith("*"),
                section,
                purpose,
                not name.startswith("-"),
            )
        )
    return tuple(rows)


EXPORTS = _exports()


@lru_cache(maxsize=64)
def constants(shape: Shape) -> dict[str, int]:
    """Values of the constants that are frozen into the code of a shape."""
    return {
        "layout_hash": layout_hash(shape),
        "size_bytes": state_dtype(shape).itemsize,
        "alignment": ALIGNMENT,
        "journal_bytes": record_dtype("journal", shape).itemsize,
        "control_bytes": record_dtype("control_page", shape).itemsize,
        "page_bytes": record_dtype("published_page", shape).itemsize,
        **{name: getattr(shape, name) for name in SHAPE_NAMES},
    }
