"""The writer's entry with everything around it: control page, journal, state, published page.

One call takes one event: what other processes left on the control page becomes events of its own
first; the event is appended to the journal, then applied, then answered. An answer is an
acknowledgement: what was answered survives the process. The plain functions (``gate``, ``market``,
...) and these must not be mixed on one state: the journal would not tell what they did.
"""

from riskcore.codes import (
    BAD_BUFFER,
    BUY,
    CONTROL_KILL,
    CONTROL_RESET_KILL,
    ENTRY_BATCH,
    ENTRY_CURRENCY,
    ENTRY_INSTRUMENT,
    ENTRY_PARAMETERS,
    ENTRY_SCENARIO,
    ENTRY_STRATEGY,
    ENTRY_VENUE,
    EVENT_CHECK,
    EVENT_CONTROL,
    EVENT_QUOTE,
    EVENT_REGIME,
    EVENT_SAMPLE,
    INVALID_CODE,
    INVALID_PARAMETERS,
    INVALID_VALUE,
    JOURNAL_FULL,
    MAX_BATCH,
    MAX_IDENTIFIER,
    NOT_JOURNALED,
    OK,
    REJECT,
    SELL,
)
from riskcore.kernels.entry import buffer_intact, check_time
from riskcore.kernels.events import apply
from riskcore.kernels.gate import check_batch, clear_decision, exit_capacity
from riskcore.kernels.journal import (
    append_control,
    append_event,
    append_heartbeat,
    append_orders,
    append_words,
    begin_lost,
    entry_whole,
    finish,
    forget_lost,
    has_room,
    is_fact,
    parts_of_words,
)
from riskcore.kernels.language import kernel
from riskcore.kernels.memory import as_record, fence_acquire, load_acquire, read_word, write_word
from riskcore.kernels.pages import copy_parameters, parameter_words, publish
from riskcore.kernels.setup import (
    currency_set,
    instrument_set,
    scenario_set,
    set_parameters,
    strategy_set,
    venue_set,
)
from riskcore.kernels.system import MONITOR, control, on_heartbeat
from riskcore.layout import (
    CONTROL_HEARTBEAT,
    CONTROL_KILL_WORD,
    CONTROL_PARAMETERS_SEQUENCE,
    CONTROL_REQUEST,
    CURRENCY_WORDS,
    EVENT_PLACE,
    EVENT_WORDS,
    INSTRUMENT_WORDS,
    JOURNAL_PARAMETERS,
    MAGIC,
    ORDER_WORDS,
    PAYLOAD_WORDS,
    STRATEGY_WORDS,
    VENUE_WORDS,
)


@kernel
def journal_linked(state, journal):
    """True where state and journal are of one build and shape."""
    return (
        buffer_intact(state)
        and journal.magic == MAGIC
        and journal.layout_hash == state.header.layout_hash
    )


@kernel
def pages_linked(state, control_page, page):
    """True where both pages are of the state's build and shape."""
    layout_hash = state.header.layout_hash
    return (
        control_page.magic == MAGIC
        and control_page.layout_hash == layout_hash
        and page.magic == MAGIC
        and page.layout_hash == layout_hash
    )


@kernel
def linked(state, journal, control_page, page):
    """True where state, journal and both pages are of one build and shape."""
    return journal_linked(state, journal) and pages_linked(state, control_page, page)


@kernel
def refuse_event(decision, status):
    """A rejection that is no event."""
    clear_decision(decision)
    decision.status = status
    return status


# --- what other processes want -------------------------------------------------------------------


@kernel
def is_new(number, seen):
    """True for the number of a wish that is whole and not taken; its author may have died at it."""
    return number != seen and number & 1 == 0


@kernel
def signalled(state, journal, control_page):
    """True where the control page holds something that was not taken yet, or is being written."""
    return (
        load_acquire(control_page, CONTROL_KILL_WORD) != journal.kill_seen
        or load_acquire(control_page, CONTROL_REQUEST) != journal.request_seen
        or load_acquire(control_page, CONTROL_PARAMETERS_SEQUENCE) != journal.parameters_seen
        or load_acquire(control_page, CONTROL_HEARTBEAT) != journal.heartbeat_seen_ns
    )


@kernel
def submit_control(state, journal, ring, time_ns, code, target, value, author):
    """Journal and apply one control event; a full journal does not stop it."""
    if has_room(journal, 1, 0):
        append_control(journal, ring, time_ns, code, target, value, author)
        status = control(state, time_ns, code, target, value, author)
    else:
        before = state.header.event_count
        begin_lost(journal)
        status = control(state, time_ns, code, target, value, author)
        if state.header.event_count == before:
            forget_lost(journal)
    finish(journal)
    return status


@kernel
def take_kill(state, journal, ring, control_page, time_ns):
    """The kill switch, as often as it was pulled: once is enough for many."""
    kills = load_acquire(control_page, CONTROL_KILL_WORD)
    if kills == journal.kill_seen:
        return
    author = control_page.kill_author
    if author < 0 or author > MAX_IDENTIFIER:  # nobody
        author = 0
    submit_control(state, journal, ring, time_ns, CONTROL_KILL, 0, 0, author)
    journal.kill_seen = kills


@kernel
def take_request(state, journal, ring, control_page, time_ns):
    """The control page's request, if it is whole."""
    number = load_acquire(control_page, CONTROL_REQUEST)
    if not is_new(number, journal.request_seen):
        return
    code = control_page.request_code
    target = control_page.request_target
    value = control_page.request_value
    author = control_page.request_author
    fence_acquire()
    if load_acquire(control_page, CONTROL_REQUEST) != number:
        return
    if code == CONTROL_RESET_KILL and target != journal.kill_seen:
        journal.request_status = INVALID_VALUE
        journal.request_seen = number
        return
    journal.request_status = submit_control(
        state, journal, ring, time_ns, code, target, value, author
    )
    journal.request_seen = number


@kernel
def take_parameters(state, journal, ring, control_page, time_ns):
    """The control page's parameters, if they are whole and there is room for them.

    Versions never fall: those of an earlier version than that in force are too late, and no event.
    """
    if load_acquire(control_page, CONTROL_PARAMETERS_SEQUENCE) == journal.parameters_seen:
        return
    words = parameter_words(state.header.regimes)
    if not has_room(journal, 1 + parts_of_words(words), 0):
        return
    number = copy_parameters(journal, control_page, state.header.regimes)
    if number < 0:
        return
    parameters = as_record(journal, JOURNAL_PARAMETERS, state.parameters)
    if parameters.version < state.parameters.version:
        journal.parameters_status = INVALID_PARAMETERS
        journal.parameters_seen = number
        return
    append_words(journal, ring, ENTRY_PARAMETERS, time_ns, 0, journal, JOURNAL_PARAMETERS, words)
    journal.parameters_status = set_parameters(state, time_ns, parameters)
    finish(journal)
    journal.parameters_seen = number


@kernel
def take_heartbeat(state, journal, ring, control_page):
    """The monitor's sign of life, at the time to which the event that met it has moved the clock.

    Behind that event, not before it: one that is refused moves no clock, and the time that it names
    is nobody's. What the journal keeps in reserve for facts is not spent on it: it waits.
    """
    beat = load_acquire(control_page, CONTROL_HEARTBEAT)
    now = state.header.last_time_ns
    if beat == journal.heartbeat_seen_ns or now == 0:
        return
    if has_room(journal, 1, journal.reserve):
        append_heartbeat(journal, ring, now, MONITOR)
        on_heartbeat(state, now, MONITOR)
        finish(journal)
        journal.heartbeat_seen_ns = beat


@kernel
def take_signals(state, journal, ring, control_page):
    """Turn what people want into events, before the event that is at hand.

    They happen at the time of the last event, so that they move no clock; before the first one,
    when nothing is configured and nothing passes, they wait. A kill comes first, and a request to
    reset it counts only for the kills that its author knew of. What came of it is published with
    the event: true where anything whole was there, a heartbeat too if there is room for it.
    """
    told = (
        load_acquire(control_page, CONTROL_KILL_WORD) != journal.kill_seen
        or is_new(load_acquire(control_page, CONTROL_REQUEST), journal.request_seen)
        or is_new(load_acquire(control_page, CONTROL_PARAMETERS_SEQUENCE), journal.parameters_seen)
        or (
            load_acquire(control_page, CONTROL_HEARTBEAT) != journal.heartbeat_seen_ns
            and has_room(journal, 2, journal.reserve)
        )
    )
    now = state.header.last_time_ns
    if check_time(state, now) != OK:
        return told
    take_kill(state, journal, ring, control_page, now)
    take_request(state, journal, ring, control_page, now)
    take_parameters(state, journal, ring, control_page, now)
    return told


# --- events --------------------------------------------------------------------------------------


@kernel
def publish_if_due(state, journal, page, kind, told):
    """Copy to the published page after a sample, a control event and what the control page told.

    And every `publish_interval` records.
    """
    interval = journal.publish_interval
    due = interval > 0 and journal.committed >= journal.publish_next
    if due or told or kind == EVENT_SAMPLE or kind == EVENT_CONTROL:
        journal.publish_next = journal.committed + interval
        publish(state, journal, page)


@kernel
def only_reduces(state, event):
    """True for a new order whose lots all reduce the position."""
    i = event.instrument
    side = event.side
    if event.kind != EVENT_CHECK or (side != BUY and side != SELL):
        return False
    if i < 0 or i >= state.header.instruments:
        return False
    return 1 <= event.lots <= exit_capacity(state, i, side, 0)


@kernel
def may_use_reserve(state, journal, event):
    """True for facts, and for exits while half of the reserve is left to facts."""
    if is_fact(event.kind):
        return True
    return only_reduces(state, event) and has_room(journal, 1, (journal.reserve + 1) // 2)


@kernel
def submit_lost(state, journal, event, decision):
    """Apply a fact for which the journal has no room; a refused one is no lost fact."""
    before = state.header.event_count
    begin_lost(journal)
    status = apply(state, event, decision)
    if state.header.event_count == before:
        forget_lost(journal)
    finish(journal)
    return NOT_JOURNALED if status == OK else status


@kernel
def submit_without_pages(state, journal, ring, event, decision):
    """Journal and apply a fact beside a damaged page; refuse what a kill could have stopped."""
    kind = event.kind
    known = EVENT_QUOTE <= kind <= EVENT_REGIME
    if not journal_linked(state, journal) or not known or not is_fact(kind):
        return refuse_event(decision, BAD_BUFFER)
    if not has_room(journal, 1, 0):
        return submit_lost(state, journal, event, decision)
    append_event(journal, ring, event)
    status = apply(state, event, decision)
    finish(journal)
    return status


@kernel
def submit(state, journal, ring, control_page, page, event, decision):
    """Journal one event, apply it and answer.

    Parameters
    ----------
    state : record, modified in place
    journal : record, JOURNAL, modified in place
    ring : record[capacity], JOURNAL_RECORD, modified in place
        The memory behind the journal's record.
    control_page : record, CONTROL_PAGE, read
    page : record, PUBLISHED_PAGE, modified in place
    event : record, EVENT, read
    decision : record, DECISION, output
        Of EVENT_CHECK and EVENT_REPLACE.

    Returns
    -------
    int64
        The event's status, as `events.apply` returns it; BAD_BUFFER where the parts are not of one
        build; JOURNAL_FULL where there is no room for an order or market data (nothing changed; an
        order that only reduces may use half of the reserve);
        NOT_JOURNALED where a fact was applied without a record, unless its own status tells more:
        the journal's `lost` counts both. INVALID_VALUE for a reset of the kill switch that met a
        kill which its author cannot have known of. Where only a page is damaged,
        facts, cancels and control go on, and nothing else does.
    """
    if not linked(state, journal, control_page, page):
        return submit_without_pages(state, journal, ring, event, decision)
    kind = event.kind
    if kind < EVENT_QUOTE or kind > EVENT_REGIME:
        return refuse_event(decision, INVALID_CODE)
    told = False
    if signalled(state, journal, control_page):
        kills = journal.kill_seen
        told = take_signals(state, journal, ring, control_page)
        if (
            kind == EVENT_CONTROL
            and event.code == CONTROL_RESET_KILL
            and journal.kill_seen != kills
        ):
            publish_if_due(state, journal, page, kind, True)
            return refuse_event(decision, INVALID_VALUE)
    if not has_room(journal, 1, journal.reserve):
        if not may_use_reserve(state, journal, event):
            journal.refused += 1
            publish_if_due(state, journal, page, 0, told)
            return refuse_event(decision, JOURNAL_FULL)
        if not has_room(journal, 1, 0):
            status = submit_lost(state, journal, event, decision)
            publish_if_due(state, journal, page, kind, True)
            return status
    append_event(journal, ring, event)
    status = apply(state, event, decision)
    finish(journal)
    if told:
        take_heartbeat(state, journal, ring, control_page)
    publish_if_due(state, journal, page, kind, told)
    return status


@kernel
def entry_words(state, kind):
    """Words of the payload of an entry; -1 where the kind has none."""
    if kind == ENTRY_PARAMETERS:
        return parameter_words(state.header.regimes)
    if kind == ENTRY_INSTRUMENT:
        return INSTRUMENT_WORDS
    if kind == ENTRY_VENUE:
        return VENUE_WORDS
    if kind == ENTRY_CURRENCY:
        return CURRENCY_WORDS
    if kind == ENTRY_STRATEGY:
        return STRATEGY_WORDS
    if kind == ENTRY_SCENARIO:
        return PAYLOAD_WORDS + 2 * state.header.instruments
    return -1


@kernel
def apply_payload(state, kind, time_ns, index, payload):
    """Apply parameters, an instrument, a venue, a currency, a strategy or a scenario."""
    if kind == ENTRY_PARAMETERS:
        return set_parameters(state, time_ns, as_record(payload, 0, state.parameters))
    if kind == ENTRY_INSTRUMENT:
        record = as_record(payload, 0, state.instruments[0])
        return instrument_set(state, time_ns, index, record)
    if kind == ENTRY_VENUE:
        return venue_set(state, time_ns, index, as_record(payload, 0, state.venues[0]))
    if kind == ENTRY_CURRENCY:
        return currency_set(state, time_ns, index, as_record(payload, 0, state.currencies[0]))
    if kind == ENTRY_STRATEGY:
        return strategy_set(state, time_ns, index, as_record(payload, 0, state.strategies[0]))
    scenario = as_record(payload, 0, state.scenarios[0])
    return scenario_set(state, time_ns, index, scenario, payload.down, payload.up)


@kernel
def submit_set(state, journal, ring, control_page, page, time_ns, kind, index, payload):
    """Journal a change of configuration, apply it and answer.

    Parameters
    ----------
    state, journal, ring, control_page, page
        As in `submit`.
    time_ns : int64, ns
    kind : int64
        ENTRY_PARAMETERS to ENTRY_SCENARIO.
    index : int64
        Of the instrument, venue, currency, strategy or scenario; ignored for parameters.
    payload : record, PAYLOAD, read
        The record in `words`; a scenario's moves in `down` and `up`.

    Returns
    -------
    int64
        Status of the plain function; BAD_BUFFER, INVALID_CODE or JOURNAL_FULL: nothing changed.
    """
    if not linked(state, journal, control_page, page):
        return BAD_BUFFER
    words = entry_words(state, kind)
    if words < 0:
        return INVALID_CODE
    told = False
    if signalled(state, journal, control_page):
        told = take_signals(state, journal, ring, control_page)
    if not has_room(journal, 1 + parts_of_words(words), journal.reserve):
        journal.refused += 1
        take_heartbeat(state, journal, ring, control_page)
        publish_if_due(state, journal, page, 0, told)
        return JOURNAL_FULL
    append_words(journal, ring, kind, time_ns, index, payload, 0, words)
    status = apply_payload(state, kind, time_ns, index, payload)
    finish(journal)
    take_heartbeat(state, journal, ring, control_page)
    publish_if_due(state, journal, page, kind, True)
    return status


@kernel
def submit_batch(state, journal, ring, control_page, page, orders, decisions, count):
    """Journal a batch of orders, judge it and answer.

    Parameters
    ----------
    state, journal, ring, control_page, page
        As in `submit`.
    orders, decisions, count
        As in `gate.check_batch`.

    Returns
    -------
    int64
        APPROVE or REJECT.
    """
    if count < 1 or count > MAX_BATCH:
        return check_batch(state, orders, decisions, count)
    whole = linked(state, journal, control_page, page)
    status = BAD_BUFFER
    told = False
    if whole:
        status = JOURNAL_FULL
        if signalled(state, journal, control_page):
            told = take_signals(state, journal, ring, control_page)
    if not whole or not has_room(journal, 1 + count, journal.reserve):
        for k in range(count):
            refuse_event(decisions[k], status)
        if whole:
            journal.refused += 1
            take_heartbeat(state, journal, ring, control_page)
            publish_if_due(state, journal, page, 0, told)
        return REJECT
    append_orders(journal, ring, ENTRY_BATCH, orders, count, ORDER_WORDS)
    action = check_batch(state, orders, decisions, count)
    finish(journal)
    if told:
        take_heartbeat(state, journal, ring, control_page)
    publish_if_due(state, journal, page, ENTRY_BATCH, told)
    return action


# --- replay --------------------------------------------------------------------------------------


@kernel
def gather(records, capacity, base, sequence, words, target):
    """Copy the words behind the head of an entry into a record."""
    for k in range(words):
        part = records[(sequence + 1 + k // EVENT_WORDS - base) % capacity]
        write_word(target, k, read_word(part, EVENT_PLACE + k % EVENT_WORDS))


@kernel
def gather_orders(records, capacity, base, sequence, count, orders):
    """Copy the legs of a batch."""
    for k in range(count):
        part = records[(sequence + 1 + k - base) % capacity]
        for w in range(ORDER_WORDS):
            write_word(orders[k], w, read_word(part, EVENT_PLACE + w))


@kernel
def replay(state, records, capacity, base, first, last, payload, orders, decisions, legs):
    """Apply entries of a journal to the state that it began from.

    Parameters
    ----------
    state : record, modified in place
        As of record `first` - 1.
    records : record[capacity], JOURNAL_RECORD, read
        A ring, or a stretch of an archive.
    capacity : int64
    base : int64
        Sequence of records[0]; 1 for a ring.
    first, last : int64
        Stretch of sequences to apply.
    payload : record, PAYLOAD, scratch
    orders, decisions : record[legs], ORDER and DECISION, scratch
    legs : int64, at least 64

    Returns
    -------
    int64
        Sequence behind the last entry that was applied; `last` + 1 where all were. A record that
        is torn, or an entry that does not end at `last` or before, stops it.
    """
    sequence = first
    if not buffer_intact(state) or capacity < 1 or first < base or legs < MAX_BATCH:
        return sequence
    for _ in range(last - first + 1):
        if sequence > last:
            return sequence
        if not entry_whole(records, capacity, base, sequence, last):
            return sequence
        record = records[(sequence - base) % capacity]
        kind = record.kind
        count = record.lots
        words = entry_words(state, kind)
        if kind == ENTRY_BATCH:
            if count < 1 or count > MAX_BATCH or record.parts != 1 + count:
                return sequence
            gather_orders(records, capacity, base, sequence, count, orders)
            check_batch(state, orders, decisions, count)
        elif words >= 0:
            if count != words or record.parts != 1 + parts_of_words(words):
                return sequence
            gather(records, capacity, base, sequence, words, payload)
            apply_payload(state, kind, record.time_ns, record.instrument, payload)
        else:
            apply(state, record, decisions[0])
        sequence += record.parts
    return sequence
