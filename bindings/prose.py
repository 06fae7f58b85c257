"""What users of C read in ``riskcore.h`` beyond what stands beside the code.

One entry per part, enumeration, record, block and function; ``header.py`` puts them together, and a
test asks for an entry for each. Names are written as in the Python sources (``OK``, ``on_fill`` in
backticks) or in C; lines that are indented keep their form.
"""

from __future__ import annotations

from typing import NamedTuple

from riskcore import codes

# The program in here is compiled, linked and run by the tests, which compare what it prints.
INTRODUCTION = """
riskcore: the safety net of an automated trading system

Every order passes through `rc_check` before it leaves. The library keeps one account in one block of
memory that you allocate: limits, books, positions, working orders, balances, risk. From it, it
answers in well under a microsecond whether an order may go, how much of it, and if not, why not.
What happens at the venues you report (`rc_on_fill`, `rc_on_ack`, ...), and the limits adapt by
themselves.

The library is plain machine code without any undefined symbol: no allocation, no exception, no
clock, no system call, no thread, no global variable, no Python. The same events give the same bytes
in the buffer, on any x86-64 processor and in the Python package of the same name, so what you
back-test is what you ship.

How to get it: `pip install riskcore`, then

    cc engine.c $(pkg-config --cflags --libs riskcore)      with PKG_CONFIG_PATH from
                                                            "riskcore paths --pkgconfig"
    find_package(riskcore) and riskcore::riskcore           with CMAKE_PREFIX_PATH from
                                                            "riskcore paths --prefix"
    riskcore emit --instruments 256 --cpu v4 --out DIR      the same for another shape, then with
                                                            $(realpath DIR)/lib/pkgconfig

This header and the library belong together: both are made for one shape, the sizes below. With the
library of another shape a program does not link (undefined reference to rc_layout_ and a hash).

A complete program. It takes over an account that was configured from YAML files, with

    python3 -c "import riskcore; open('account.bin', 'wb').write(
        riskcore.AdaptiveRiskManager.from_config('growth', time_ns=1700000000000000000)
        .core.state_bytes())"

(in the shape of this header: with shape=riskcore.Shape(instruments=256) beside 'growth' for one
that was emitted with --instruments 256) and asks for eight bitcoin:

    #include <riskcore.h>
    #include <stdio.h>
    #include <string.h>

    static struct rc_state state; // one account; any memory with its alignment will do

    int main(void)
    {
        // Indices follow the order in the YAML files: a perpetual on bitcoin, its venue, dollars.
        const int64_t bitcoin = 5, venue = 1, dollar = 0;
        int64_t now = 1700000000000000000; // ns since 1970, UTC: the library reads no clock
        FILE *file = fopen("account.bin", "rb");
        if (!file || fread(&state, sizeof state, 1, file) != 1) {
            puts("account.bin: missing, or too short for this shape");
            return 1;
        }
        fclose(file);
        int64_t status = rc_state_attach(&state);
        if (status != RC_OK) {
            puts(rc_status_name(status)); // of another shape, or damaged
            return 2;
        }

        // Money arrives, the book fills, somebody trades.
        rc_on_transfer(&state, now, venue, dollar, 1e6);
        rc_on_quote(&state, now, bitcoin, 370000, 12000, 370001, 9000);
        rc_on_trade(&state, now, bitcoin, 370001, 250000);

        // Prices are ticks (0.1 dollars here), quantities are lots (0.001 bitcoin).
        struct rc_order order;
        struct rc_decision decision;
        memset(&order, 0, sizeof order);
        order.client_id = 1;
        order.time_ns = now;
        order.instrument = bitcoin;
        order.side = RC_BUY;
        order.type = RC_LIMIT;
        order.time_in_force = RC_GTC;
        order.lots = 8000;
        order.price_ticks = 370001;
        order.confidence = 0.9;
        int64_t action = rc_check(&state, &order, &decision);
        printf("%s %lld lots\\n", rc_action_name(action), (long long)decision.lots);
        for (int64_t r = rc_next_reason(&decision, -1); r >= 0; r = rc_next_reason(&decision, r))
            printf("  %s\\n", rc_reason_name(r));

        // Send decision.lots to the venue. What comes back names the order by its handle.
        rc_on_ack(&state, now + 1000000, decision.handle, 77);
        rc_on_fill(&state, now + 2000000, decision.handle, order.instrument, order.strategy,
                   order.side, decision.lots, 370001, 25.0, dollar, 1);
        printf("holding %lld lots, equity %.2f\\n", (long long)state.positions[bitcoin].net_lots,
               state.account.equity);
        return 0;
    }

It prints

    RESIZE 2702 lots
      ORDER_NOTIONAL_EXCEEDS_MAX
      POSITION_STOP_LOSS_EXCEEDS_MAX
      POSITION_VAR_EXCEEDS_MAX
      STRESS_LOSS_EXCEEDS_MAX
      DRAWDOWN_BUDGET_EXCEEDED
      CUSHION_EXPOSURE_EXCEEDED
    holding 2702 lots, equity 999974.86

Contents: version and shape; conventions; codes; records; the buffer, block by block; functions
({sections}); names; the layout, asserted. Clean under -Wall -Wextra -Wpadded -pedantic as C11 and as
C++17.
"""

PREAMBLE = """
#ifdef __cplusplus
#define RC_NOEXCEPT noexcept
#define RC_ALIGNAS(bytes) alignas(bytes)
extern "C" {
#else
#define RC_NOEXCEPT
#define RC_ALIGNAS(bytes) _Alignas(bytes)
#endif
"""

VERSION = """
The shape is frozen into this header and into the library. A buffer carries its shape and
RC_LAYOUT_HASH, a hash of every field's name, type, size and place and of the shape:
rc_state_attach refuses a buffer that any other library made. A library of another shape or layout
than this header does not link, and a shared one does not load: the name of a constant in it ends
with the hash.
"""

LINK_CHECK = """
/* What a library of this header defines, and no other: a program that links another one stops here,
 * not at its first call. Define RC_WITHOUT_LIBRARY where a program only reads records and names.
 */
#ifndef RC_WITHOUT_LIBRARY
extern const int64_t {symbol};
#if defined(__has_attribute)
#if __has_attribute(retain)
__attribute__((retain)) /* also with --gc-sections */
#endif
#endif
__attribute__((used)) static const int64_t *const rc_linked_layout = &{symbol};
#endif
"""

CONVENTIONS = """
Units. Prices are int64 ticks, quantities int64 lots, times int64 nanoseconds since 1970 UTC; what a
tick and a lot are you decide per instrument, and the contract value ties them to money. Money is
double in the account currency, "cash" double in the named currency. A "share" is a fraction of
equity, a "fraction" a plain ratio. Nothing is ever rounded at the boundary, and NaN is never stored:
what is not set is told by a flag or a state of zero.

Arguments. These mean the same everywhere, and functions only speak of them where they add something.

- state: the buffer, accepted by rc_state_init or rc_state_attach. Functions trust it: a kernel
  follows its indices without looking. Never null, never overlapping with another argument.
- time_ns: your clock when you handle the event, 1 to MAX_TIME_NS. Later than the last event's by a
  year: INVALID_TIME. Earlier: the event is booked at the last time, orders are refused until the
  clock has caught up.
- instrument, strategy, venue, currency, scenario: indices from 0 that you chose when you set them.
- handle: the order, as `rc_check` named it in its decision. An old handle never names a new order.
- side: BUY or SELL. lots: 1 to MAX_LOTS. price_ticks: 1 to MAX_TICKS.
- pointers to records: yours, not null, aligned to 8 bytes, read or written during the call only.

Answers. Every function returns int64_t. An event returns a status: OK (1, never 0), BOOKED_UNMATCHED
and DUPLICATE where a fact is special, or why it was no event. Where several reasons apply, the
smallest number is returned. `rc_check` and its kin return the action of the decision instead, REJECT
(0) where anything at all is wrong.

Failing closed. What the library cannot evaluate, it rejects: a buffer of zero bytes, a missing
parameter, a stale mark or rate, an instrument that does not reconcile. An invalid event changes not
one byte. Facts (fills, funding, transfers, reconciliation) are always booked, matched or not: they
are exposure that exists. Exits and cancels stay possible.

Threads. All functions that change an account are called by one thread, the writer. Different
buffers share nothing, so different accounts may live in different threads. Other threads and
processes read a copy (`rc_checkpoint`) or the published page (rc_page_read): a buffer that is being
written can be seen half changed.

Signals, floating point. No function blocks, locks or calls anything outside. The bits of the results
rest on IEEE arithmetic with denormals and rounding to nearest, as every x86-64 process starts;
libraries linked with -ffast-math switch denormals off for the whole process.

Cost. "Hot" marks what may stand on the path of an order or a quote: bounded, O(1) in instruments and
orders unless said otherwise. "Cold" is for start-up and for people.
"""

CODES = """
Numbers are never changed or reused: journals and dashboards may keep them. Fields and arguments are
int64_t whatever the enumeration; each rc_NAME below has a function rc_NAME_name that gives a
number's name, "unknown" where it has none.
"""


class Enum(NamedTuple):
    """One enumeration: its constants by name, or all with a prefix; how C shows their names."""

    name: str
    title: str
    names: tuple[str, ...] = ()
    prefix: str = ""
    without: tuple[str, ...] = ()
    lower: bool = False


ENUMS = (
    Enum(
        "rc_status",
        """Status of a call: what became of the event. Where several of an event's apply, the smallest
        above OK is returned. From BAD_BUFFER to DUPLICATE, nothing at all has changed.""",
        tuple(codes.STATUS_NAMES.values()),
    ),
    Enum(
        "rc_action",
        """Action of a decision. RESIZE: send the lots of the decision, which are fewer than you
        asked for. REJECT: send nothing.""",
        ("REJECT", "RESIZE", "APPROVE"),
    ),
    Enum(
        "rc_reason",
        """The checks of the gate; each is the reason of an objection. Check n is bit n % 64 of
        rc_decision.reasons[n / 64]; see rc_next_reason. Bit 63 of a word is never used. Beside
        each, what it objects to; "after" means with this order, "own end" the position on the order's
        side if everything that works there fills. [R]: a smaller order can pass. [X]: stops exits too.""",
    ),
    Enum("rc_layer", "The seven layers of the gate.", prefix="LAYER_", lower=True),
    Enum("rc_side", "Side of an order or fill; also the sign of what it adds.", ("BUY", "SELL")),
    Enum(
        "rc_order_type",
        """Order types. Market and stop orders are valued at the mark moved by the price collar, the
        worst price that is accepted.""",
        ("LIMIT", "MARKET", "STOP"),
    ),
    Enum("rc_time_in_force", "How long an order lives.", ("GTC", "IOC", "FOK")),
    Enum(
        "rc_order_flag",
        "Bits of order_flags. POST_ONLY goes with LIMIT and GTC only.",
        ("POST_ONLY", "REDUCE_ONLY"),
    ),
    Enum(
        "rc_contract",
        """Contract kinds. SPOT: the asset itself, paid for. LINEAR: P&L in the quote currency.
        INVERSE: P&L in the base currency.""",
        ("SPOT", "LINEAR", "INVERSE"),
    ),
    Enum(
        "rc_entity_state",
        "States of an instrument, a venue, a currency or a strategy.",
        ("UNSET", "ACTIVE", "CLOSE_ONLY", "DOWN", "DISABLED"),
    ),
    Enum(
        "rc_account_state",
        "States of the account: everything, exits only (a latch is set), cancels only (killed).",
        ("NORMAL", "ACCOUNT_REDUCE_ONLY", "CANCEL_ONLY"),
    ),
    Enum(
        "rc_latch",
        """Bits of latches, of the account or of an instrument. While one is set, only exits pass. A
        named person resets them: CONTROL_RESET_LATCHES, CONTROL_RESET_INSTRUMENT.""",
        prefix="LATCH_",
    ),
    Enum(
        "rc_quote_state",
        "What the last quote was. Only a good one moves the mark.",
        prefix="QUOTE_",
    ),
    Enum("rc_order_state", "State of an order slot.", prefix="ORDER_"),
    Enum(
        "rc_venue_order",
        "What a venue says of an order; for `rc_on_order_status`.",
        prefix="VENUE_ORDER_",
    ),
    Enum("rc_regime_number", "Market regimes.", prefix="REGIME_", lower=True),
    Enum(
        "rc_control_code",
        "What `rc_control` can do; the target is an instrument, venue or strategy where one is named.",
        prefix="CONTROL_",
    ),
    Enum(
        "rc_event_kind",
        "Kinds of rc_event, one for each function that takes an event; see `rc_apply`.",
        prefix="EVENT_",
        without=("EVENT_KINDS",),
        lower=True,
    ),
    Enum(
        "rc_entry_kind",
        """Kinds of journal entries beyond the events: configuration and batches. The first record has the
        head, with the number of words or legs in lots; the records behind it carry them.""",
        prefix="ENTRY_",
        lower=True,
    ),
    Enum(
        "rc_size_limit",
        """What limited a proposed size. Up to SIZE_BUDGET these are candidates, of which the
        smallest wins; the others say why nothing is proposed.""",
        prefix="SIZE_",
        lower=True,
    ),
)

BOUNDS = "Bounds of exact arguments, and numbers that go with the codes."

RECORDS_ABOUT = """
All members are eight bytes wide, every record is a multiple of 64 bytes, and padding is explicit, so
there is none that the compiler adds. Units stand in brackets. Zero a record before you fill it:
later versions give meaning to what is padding now.

Each structure has a typedef of its name.
"""

RECORDS = {
    "order": """An order as you would like to send it: input of rc_check. client_id grows strictly
        within each strategy; that is how repeats are found for ever.""",
    "decision": """The answer to an order. Zeroed it is a rejection, so a decision that was never
        written lets nothing through. Look at the action first, then send `lots`. `status` other
        than OK means that the order was malformed and the account did not move at all.""",
    "event": """Any event as one record of fixed size: what a journal keeps and `rc_apply` takes. Each
        kind uses the members that its function has arguments for, and ignores the others:
        a quote has bid in lots and price_ticks and ask in lots_2 and price_ticks_2; a check its stop
        trigger in price_ticks_2 and client_id in id; a replace its new terms in lots_2 and
        price_ticks_2; a fill and a bust the fee in value, its currency in currency and the execution
        in id; a control its target in instrument, value in lots and author in id; rates, amounts,
        latencies and probabilities stand in value; an advance has its rows in lots.""",
    "position_risk": "Output of rc_position_risk. Losses are positive.",
    "portfolio_risk": "Output of rc_portfolio_risk. Losses are positive.",
    "signal": "What a strategy believes: input of rc_size.",
    "sizing": """Output of rc_size: the position that a signal deserves, every candidate of it in
        money, and the factors that scaled it.""",
    "reduction": """One row of rc_derisk: cancel first, then trade.""",
    "parameters": """Limits and model constants: input of rc_set_parameters and a block of the buffer.
        A limit of zero allows nothing. There are many; teams usually keep them in YAML files, let
        the Python package validate them (`riskcore config FILE`) and start from the buffer that it
        makes. Derived members are worked out by the library.""",
    "instrument": """An instrument: input of rc_instrument_set and element of state.instruments.
        Contract terms first, then limits, then the venue's filters. contract_value is what one lot
        gains when the price rises by one tick (SPOT, LINEAR), or the lot's worth in quote currency
        counted in ticks (INVERSE).""",
    "venue": """A venue: input of rc_venue_set and element of state.venues. You give the state, the
        message buckets and windows, and reject_decay; the rest is kept by the library. Buckets:
        every message moves the arrival time by message_interval_ns, and is refused while that is
        more than message_burst_ns ahead.""",
    "currency": """A currency: input of rc_currency_set and element of state.currencies. You give
        state, is_account, instrument and shock; the rate comes with rc_on_rate.""",
    "strategy": """A strategy: input of rc_strategy_set and element of state.strategies. You give
        state, regime_mask, the limits, the order rate, and win_probability and payoff where a
        record is known; the rest is kept by the library.""",
    "scenario": """A stress scenario: input of rc_scenario_set and element of state.scenarios. You
        give enabled, horizon_ns and scenario_id; the moves are arguments of their own.""",
    "shocks": """Loss fractions of one instrument in every scenario, derived from the moves: element
        of state.shocks.""",
    "journal": """The head of a journal; capacity records of rc_journal_record follow it in memory. The
        writer alone moves committed and applied. The drainer, who keeps the records elsewhere, moves
        drained when they are safe, with a release store (__atomic_store_n); what is not drained is
        never overwritten. parameters is a copy of the control page's last block.""",
    "journal_record": """One record of the journal: sequence, checksum, and an event from `kind` on.
        What is at or below rc_journal.committed (read it with an acquire load) is whole. The record
        of a sequence is ring[(sequence - 1) & (capacity - 1)]. An entry of several records has their
        number in `parts` of the first; each of the others has 0 there, and RC_EVENT_WORDS words of the
        payload, or one leg of a batch, from `kind` on.""",
    "control_page": """The page by which others steer: a small memory that other processes may write, apart
        from the state. Change it with the rc_control_* functions below, never by hand.""",
    "published_page": """The page by which others look: figures, limits used, latches and positions as of
        one moment. Take a copy with rc_page_read; `sequence` is odd while the writer is writing.""",
    "payload": """What rc_submit_set journals: the record of the kind of entry copied to the front of
        words, and a scenario's moves. Scratch memory of rc_replay.""",
    "checkpoint": """The head of a checkpoint in a file: which journal record the state behind it has
        seen. Its checksum: put rc_checksum over the state's words there, then rc_checksum over
        the head's.""",
}

BLOCKS_ABOUT = """
The rest of the buffer. Read what you like, from the writer's thread or in a copy:
state->account.equity, state->positions[i].net_lots, state->holdings[strategy][i].lots. Write nothing:
sums are cached all over the buffer, and every member depends on others. Blocks that are records as
well (parameters, instruments, venues, currencies, strategies, scenarios, shocks) are described above.
"""

# Tags where the name of the record is that of a function: in C++ and Cython it cannot be a type too.
RECORD_STRUCTS = {
    "position_risk": "position_risk_result",
    "portfolio_risk": "portfolio_risk_result",
    "checkpoint": "checkpoint_header",
}

# Tags where the name of the block is a plural, or taken.
BLOCK_STRUCTS = {
    "positions": "position",
    "holdings": "holding",
    "balances": "balance",
    "orders": "order_slot",
    "executions": "execution",
}

BLOCKS = {
    "header": """Identity, shape and clock. The first members tell whether the buffer is ours; loops
        run to the counts.""",
    "account": """Equity, drawdown, and the cached sums that the gate compares with the limits. budget
        is what may still be lost before the drawdown limit is reached.""",
    "regime": "The current market regime and what follows from it; `rc_on_regime` sets it.",
    "system": "Kill switch, latency, errors, signs of life, and the lists of order slots.",
    "market": """Book, mark, traded liquidity and the range of the mark, one per instrument. value_per_lot
        turns lots into money.""",
    "volatility": "Forecast variance and stop distance, one per instrument; moves at each sample.",
    "positions": """One per instrument: what is held, what is working, what it cost, its P&L, and its
        contribution to every sum. net_lots == bought_lots - sold_lots + adjusted_lots, always.""",
    "holdings": """A strategy's share of a position: state->holdings[strategy][instrument]. Over all
        strategies the lots add up to the position's.""",
    "balances": "Cash: state->balances[venue][currency].",
    "stress": """The account's loss in each scenario: state->stress.loss[scenario], what each instrument loses
        at its worse end and what foreign balances lose. The ceilings tell which of them count.""",
    "covariance": """The EWMA covariance of all instruments, its product with the money weights, and the
        clusters of correlated instruments. While pending is 1 a pass is under way: product and
        clusters are those of the sample before.""",
    "history": "The last returns: a ring of rows, head is the next to be written.",
    "orders": """A slot of the table of working orders. The slot of a handle is handle &
        HANDLE_SLOT_MASK, and the handle is alive while its upper bits are the slot's generation.""",
    "executions": "Recent executions, four ways a set, by which repeats and busts are recognised.",
    "counters": """Counts since the start: events by kind, decisions by action, objections by
        check.""",
}

STATE = """
The whole buffer: one account. Its address is a multiple of RC_STATE_ALIGNMENT, its size
sizeof(struct rc_state) == RC_STATE_SIZE. It holds no pointer, so it may lie on the heap, in static
memory, in shared memory or in a mapped file, and be copied, sent and stored byte by byte.
"""


class Function(NamedTuple):
    """Words about one function.

    cost: hot or cold, and what it grows with; text: more than the kernel's docstring says;
    summary, returns: in place of the docstring's; notes: whether its notes are for users of C;
    thread: who may call it, where the export table does not tell.
    """

    cost: str
    text: str = ""
    summary: str = ""
    returns: str = ""
    notes: bool = False
    thread: str = ""


SECTIONS = {
    "life of a buffer": """Memory is yours: allocate RC_STATE_SIZE bytes aligned to RC_STATE_ALIGNMENT (a
        static struct rc_state, aligned_alloc, mmap), make an account of them, and free them when you
        like. The library never allocates and keeps no pointer to what you pass. Touch the pages
        once before trading (rc_state_init does); lock them if you cannot bear a page fault.""",
    "configuration": """Each is an event and carries a time. Order matters: parameters first, then
        venues, currencies (the account's first), instruments, strategies, scenarios; each kind in
        the order of its indices, without gaps. What is already running is kept when its
        configuration is set again, also while trading.""",
    "market and clock": """What the markets do. Every quote and trade that you decide by should come
        through here first: the gate judges by what it has seen.""",
    "orders": """An order's life: ask (rc_check), send what was allowed, report what the venue says. The
        allowed lots count as exposure from the moment of the answer, so a burst of orders cannot
        pass a limit together. An order that the venue does not answer in time is of unknown fate
        and keeps its reservation until rc_on_order_status or a late answer resolves it. If you
        decide not to send an order after all, report rc_on_reject.""",
    "facts": """What has happened to the account. Facts are booked whatever the state of the gate;
        amounts are exact. Where a fact contradicts the books, the books follow, the difference is
        counted, and the instrument is latched until a named person has looked.""",
    "system": "Signs of life, measurements, people, and the record that carries any event.",
    "questions": "Answers that change nothing.",
    "journal and shared pages": """For engines that must survive their own end, and for the people who
        watch them. The writer calls rc_submit in place of the functions above: what other processes left
        on the control page happens first, then the event is written to the journal, applied and
        answered, and from time to time the published page is written. Journal, control page and
        published page are memory of yours beside the state, aligned to RC_STATE_ALIGNMENT and zeroed
        before their init; in shared memory they outlive the process.

        Recovery: attach state and journal; where applied equals committed, and lost_applied lost, the
        state is whole, else take
        the last checkpoint; rc_replay the records behind it, rc_journal_resume, and submit a control
        event CONTROL_RESTART, its lots journal.lost where the state was taken from elsewhere: facts that
        a full journal never had are missing then, and the account opens nothing until somebody has
        looked. Do not mix rc_submit with the plain functions on one state: the journal
        would not tell what those did.""",
}

MONITOR = "Any process that may write the page; one at a time."
READER = "Any process that maps the page."

FUNCTIONS = {
    "rc_state_size": Function(
        "cold",
        """For programs that load the library at run time; with this header it is RC_STATE_SIZE.""",
        returns="the number of bytes, RC_STATE_SIZE of the header that belongs to the library.",
    ),
    "rc_state_align": Function("cold", returns="the number of bytes, RC_STATE_ALIGNMENT."),
    "rc_layout_hash": Function(
        "cold",
        """A library that is linked fits. One that is loaded at run time must be asked, before the
        first rc_state_init, whether this is RC_LAYOUT_HASH: a library of a larger shape would write
        beyond the end of a smaller struct rc_state.""",
        returns="RC_LAYOUT_HASH of the header that belongs to the library.",
    ),
    "rc_state_init": Function(
        "cold, writes every byte",
        """Whatever was in the memory is gone. The account is empty and rejects every order until
        parameters, an instrument and a strategy are set.""",
        summary="Clear the memory and make an empty account of it.",
        returns="BAD_BUFFER where the address is null or not aligned, else OK.",
    ),
    "rc_state_attach": Function(
        "cold, looks at every index once",
        """For a buffer that comes from a file, from shared memory or from another program. Refused
        are another magic number, ABI, layout hash, size or shape, and contents that no account can
        have: a list that leaves its table, a parameter out of its domain. So a library that was
        emitted for another shape never touches the buffer. Memory must hold at least RC_STATE_SIZE
        bytes; nothing is written.""",
        summary="Is this memory an account that this library may go on with?",
        returns="""WRONG_MAGIC, WRONG_ABI, WRONG_SHAPE, WRONG_SIZE, WRONG_LAYOUT, BAD_BUFFER (damaged,
        null or not aligned) or OK.""",
    ),
    "rc_checkpoint": Function(
        "cold, copies RC_STATE_SIZE bytes",
        """The copy is an account of its own: attach it, store it, read it in another thread. memory
        holds RC_STATE_SIZE bytes and does not overlap the buffer; align it to RC_STATE_ALIGNMENT
        where it will be used in place.""",
        returns="OK.",
    ),
    "rc_set_parameters": Function(
        "cold, O(instruments x scenarios)",
        """All limits change at once and apply from the next order on, also to what is already
        there: a position above a new limit stays, but may only shrink.""",
    ),
    "rc_instrument_set": Function(
        "cold, O(instruments x scenarios)",
        """To retire an instrument, set its state to CLOSE_ONLY. Until a scenario gives its moves, a new
        one is taken to lose everything in each: set the scenarios again after adding one.""",
    ),
    "rc_venue_set": Function("cold"),
    "rc_currency_set": Function("cold, O(instruments x scenarios)"),
    "rc_strategy_set": Function("cold"),
    "rc_scenario_set": Function(
        "cold, O(instruments x scenarios)",
        """down and up have RC_INSTRUMENTS elements. The exit cost is added, inverse contracts are
        revalued and foreign settlement is taken in by the library. Scenarios at least as long as
        decision interval + execution latency enter the drawdown budget.""",
    ),
    "rc_on_quote": Function("hot, O(strategies + scenarios)"),
    "rc_on_trade": Function(
        "hot, O(1)",
        """Without trades in the liquidity window nothing opens (TRADED_LIQUIDITY_EXCEEDED).""",
    ),
    "rc_on_rate": Function("cold, O(instruments x scenarios)"),
    "rc_on_clock": Function(
        "hot, O(1)",
        """Send it where no other event comes for a while, and before the first order of a UTC day.""",
    ),
    "rc_on_sample": Function(
        "hot, O(instruments x scenarios)",
        """Call it every sample_interval_ns, then `rc_advance` until it returns OK.""",
    ),
    "rc_advance": Function(
        "hot, O(max_rows x instruments)",
        """Cut the pass as finely as your slack between events allows; the result does not depend on
        it. The gate keeps answering meanwhile.""",
    ),
    "rc_check": Function(
        "hot, O(scenarios); well under a microsecond",
        """All seven layers are evaluated: reasons holds every objection, not only the first. An order
        that is rejected is an event as well: it moves time, counters and the strategy's order rate.
        An exit, what only reduces the position, is stopped only by what makes it wrong or
        unsendable.""",
    ),
    "rc_what_if": Function(
        "hot, O(scenarios)",
        """Reserves nothing, so two answers do not know of each other.""",
        returns="the action, as `rc_check` would.",
    ),
    "rc_check_batch": Function(
        "hot, O(count x scenarios)",
        """Each leg is judged with those before it reserved. Where the group is rejected the legs that had
        passed carry BATCH_LEG_REJECTED, and nothing stays reserved; the messages stay counted.""",
    ),
    "rc_cancel": Function(
        "hot, O(1)",
        """Call it before you send the cancel. The reservation stays until the venue confirms.""",
    ),
    "rc_replace": Function(
        "hot, O(scenarios)",
        """Send the replace on APPROVE only. There is no RESIZE: on REJECT the order works on as it
        was.""",
    ),
    "rc_on_ack": Function("hot, O(1)"),
    "rc_on_reject": Function("hot, O(scenarios); O(own orders of that side) where it was the best"),
    "rc_on_canceled": Function(
        "hot, O(scenarios); O(own orders of that side) where it was the best",
        """Fills that come later are still booked, by rc_on_fill.""",
    ),
    "rc_on_cancel_reject": Function("hot, O(scenarios)"),
    "rc_on_replaced": Function("hot, O(scenarios)"),
    "rc_on_expire": Function("hot, O(scenarios); O(own orders of that side) where it was the best"),
    "rc_on_fill": Function(
        "hot, O(strategies + scenarios + instruments)",
        """A fill carries all that is needed to book it, so it books without its order too. Report
        it as soon as you know of it, in any order; give the execution_id, or repeats cannot be told
        apart.""",
    ),
    "rc_on_bust": Function("cold, O(strategies + scenarios + instruments)"),
    "rc_on_funding": Function("cold, O(instruments)"),
    "rc_on_transfer": Function("cold, O(instruments)"),
    "rc_on_settlement": Function("cold, O(strategies + scenarios + instruments)"),
    "rc_on_position": Function(
        "cold, O(strategies + scenarios + instruments)",
        """For drop copies and for polling: the venue is right. Ask when nothing is in flight, or a
        fill under way will look like a difference.""",
    ),
    "rc_on_order_status": Function("cold, O(scenarios)"),
    "rc_on_heartbeat": Function("hot, O(1)"),
    "rc_on_latency": Function("hot, O(1)"),
    "rc_on_error": Function("hot, O(1)"),
    "rc_control": Function(
        "cold, O(1)",
        """author names a person or process in your own registry; journals keep it.""",
        notes=True,
    ),
    "rc_on_regime": Function("cold, O(instruments x scenarios)"),
    "rc_apply": Function(
        "that of the event",
        """A journal of these records, applied to the buffer that it began with, gives the same
        bytes. The set functions are not events of this form: take a checkpoint after each.""",
    ),
    "rc_size": Function("hot, O(scenarios)"),
    "rc_derisk": Function(
        "cold, some 26 evaluations of O(instruments x scenarios)",
        """Send the cancels, then the trades; each trade passes rc_check as an exit. Where even closing
        everything that can be closed does not help (dust, foreign balances, a venue that is down),
        all of it is proposed.""",
    ),
    "rc_position_risk": Function("hot, O(1)"),
    "rc_portfolio_risk": Function("cold, O(instruments + scenarios)"),
    "rc_journal_init": Function(
        "cold",
        """The memory is sizeof(struct rc_journal) + capacity x sizeof(struct rc_journal_record) bytes,
        zeroed. reserve is what new orders and market data leave to facts, cancels and control; orders that only
        reduce a position may use half of it.""",
        thread="The writer's thread, before it shares the memory.",
    ),
    "rc_journal_attach": Function("cold", thread="Any process that maps the journal."),
    "rc_journal_resume": Function("cold", returns="OK.", thread="The writer's thread."),
    "rc_control_init": Function(
        "cold", returns="OK.", thread="Whoever makes the page, before it is shared."
    ),
    "rc_control_attach": Function(
        "cold", returns="WRONG_MAGIC, WRONG_ABI, WRONG_SIZE, WRONG_LAYOUT or OK.", thread=READER
    ),
    "rc_control_kill": Function(
        "hot, O(1)",
        """Until CONTROL_RESET_KILL is requested, by a named person, only cancels pass.""",
        returns="OK.",
        thread=MONITOR,
    ),
    "rc_control_request": Function("cold", thread=MONITOR),
    "rc_control_parameters": Function(
        "cold",
        """Limits of an earlier version than those in force are refused when their turn comes
        (RC_INVALID_PARAMETERS in the published page), and no event.""",
        thread=MONITOR,
    ),
    "rc_control_beat": Function("cold", returns="OK.", thread=MONITOR),
    "rc_page_init": Function(
        "cold", returns="OK.", thread="Whoever makes the page, before it is shared."
    ),
    "rc_page_attach": Function(
        "cold", returns="WRONG_MAGIC, WRONG_ABI, WRONG_SIZE, WRONG_LAYOUT or OK.", thread=READER
    ),
    "rc_page_read": Function(
        "cold, copies the page",
        """Never stops the writer, and never returns a page of two moments.""",
        thread=READER,
    ),
    "rc_publish": Function(
        "cold, O(instruments + scenarios)",
        """rc_submit does it by itself after each sample and every publish_interval records.""",
        thread="The writer's thread.",
    ),
    "rc_submit": Function(
        "that of the event, and a copy of 192 bytes",
        """Fill the event as rc_apply takes it. Of an order, read decision.action. A status that is not
        OK comes with a decision that rejects.""",
    ),
    "rc_submit_set": Function("cold, that of the plain function"),
    "rc_submit_batch": Function("that of rc_check_batch, and a copy of each leg"),
    "rc_replay": Function(
        "cold, that of every event",
        """The same records from the same state give the same bytes as when they were first applied.""",
    ),
    "rc_checksum": Function("cold, O(count)", returns="the checksum."),
    "rc_kelly": Function(
        "cold, O(instruments^3)",
        """scratch has RC_INSTRUMENTS x RC_INSTRUMENTS elements; what is in it afterwards has no
        meaning.""",
    ),
}

NAMES = """
Text for logs, and loops over reasons. They are functions of this header, not of the library, and need
no storage.
"""

HELPERS = """
/* 1 where the library that answers is that of this header, 0 where it was made for another shape or
 * version. With RC_WITHOUT_LIBRARY nothing else looks.
 */
static inline int rc_library_matches(void)
{
    return rc_layout_hash() == RC_LAYOUT_HASH && rc_state_size() == RC_STATE_SIZE;
}

/* The next check after number `after` that objected, -1 when there is none: start with -1. */
static inline int64_t rc_next_reason(const struct rc_decision *decision, int64_t after)
{
    if (after >= RC_CHECK_COUNT) return -1;
    int64_t check = after < 0 ? 0 : after + 1;
    while (check < RC_CHECK_COUNT && !(decision->reasons[check / 64] >> (check % 64) & 1))
        check++;
    return check < RC_CHECK_COUNT ? check : -1;
}
"""

ASSERTIONS = """
Size of every structure and offset of every member, as the library has them. A compiler that disagrees
stops here, not in production.
"""

ASSERTION_MACROS = """
#ifdef __cplusplus
#define RC_SIZE(type, size) static_assert(sizeof(struct type) == (size), "size of " #type)
#define RC_AT(type, member, offset) \\
    static_assert(offsetof(struct type, member) == (offset), #type "." #member)
#else
#define RC_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), "size of " #type)
#define RC_AT(type, member, offset) \\
    _Static_assert(offsetof(struct type, member) == (offset), #type "." #member)
#endif
"""

CYTHON = """
Cython declarations of riskcore.h: `from riskcore cimport rc_check`. Compile with
riskcore.get_include() among the include directories and link libriskcore from
riskcore.get_library_dir(). Sizes come from the header, so these fit any shape. What everything means
is said in riskcore.h.
"""

CYTHON_HELPERS = """
int rc_library_matches()
int64_t rc_next_reason(const rc_decision *decision, int64_t after)
"""
