"""The write-ahead journal: a ring of fixed-size records in memory that outlives the process.

A record is written whole, then `committed` moves over it (release), then its event is applied, then
`applied` moves over it. The process may be killed between any two of these: what is committed is
never half, and the state is whole where `applied` equals `committed` and `lost_applied` equals
`lost`. An entry of several records (parameters, an instrument, a batch, ...) becomes visible by one
move.

Records up to `drained` are kept elsewhere and may be overwritten. With the ring full but for
`reserve` records, new orders and market data are refused and facts go on, exits too up to half of
the reserve; with no room at all facts are applied without a record and counted in `lost`. It
promises what shared memory promises: the records survive the process, not the machine.
"""

from riskcore.codes import (
    EVENT_ADVANCE,
    EVENT_CHECK,
    EVENT_CONTROL,
    EVENT_HEARTBEAT,
    EVENT_QUOTE,
    EVENT_REPLACE,
    INVALID_VALUE,
    MAX_IDENTIFIER,
    MAX_JOURNAL_RECORDS,
    MIN_JOURNAL_RECORDS,
    OK,
    TORN,
    WRONG_ABI,
    WRONG_LAYOUT,
    WRONG_MAGIC,
    WRONG_SIZE,
)
from riskcore.kernels.language import kernel
from riskcore.kernels.memory import (
    fence_release,
    load_acquire,
    mix,
    read_word,
    store_release,
    write_word,
)
from riskcore.layout import (
    ABI_VERSION,
    EVENT_PLACE,
    EVENT_WORDS,
    JOURNAL_APPLIED,
    JOURNAL_COMMITTED,
    JOURNAL_DRAINED,
    JOURNAL_LOST,
    JOURNAL_LOST_APPLIED,
    MAGIC,
)

SEQUENCE_INDEX = EVENT_WORDS  # places of sequence and parts in the checksum
PARTS_INDEX = EVENT_WORDS + 1


@kernel
def capacity_possible(capacity):
    """True for what a ring may have: a power of two from MIN_ to MAX_JOURNAL_RECORDS."""
    in_range = MIN_JOURNAL_RECORDS <= capacity <= MAX_JOURNAL_RECORDS
    return in_range and capacity & (capacity - 1) == 0


@kernel
def journal_init(journal, capacity, reserve, publish_interval, layout_hash, journal_bytes):
    """Make an empty journal in zeroed memory: this record, then `capacity` records of the ring.

    Parameters
    ----------
    journal : record, JOURNAL, zeroed, modified in place
    capacity : int64, records, a power of two, 256 to 2**32
    reserve : int64, records, 0 to capacity / 2
    publish_interval : int64, records between two published copies; 0: at samples only
    layout_hash, journal_bytes : int64
        Of this build.

    Returns
    -------
    int64
        INVALID_VALUE or OK.
    """
    if not capacity_possible(capacity):
        return INVALID_VALUE
    if reserve < 0 or reserve > capacity // 2:
        return INVALID_VALUE
    if publish_interval < 0 or publish_interval > MAX_IDENTIFIER:
        return INVALID_VALUE
    journal.capacity = capacity
    journal.reserve = reserve
    journal.publish_interval = publish_interval
    return identify(journal, layout_hash, journal_bytes)


@kernel
def identify(record, layout_hash, size_bytes):
    """Say what a finished record is; its magic number comes last."""
    record.abi_version = ABI_VERSION
    record.layout_hash = layout_hash
    record.size_bytes = size_bytes
    fence_release()
    record.magic = MAGIC
    return OK


@kernel
def check_identity(record, layout_hash, size_bytes):
    """Why the memory is not a record of this build: WRONG_MAGIC, _ABI, _SIZE, _LAYOUT or OK."""
    if record.magic != MAGIC:
        return WRONG_MAGIC
    if record.abi_version != ABI_VERSION:
        return WRONG_ABI
    if record.size_bytes != size_bytes:
        return WRONG_SIZE
    if record.layout_hash != layout_hash:
        return WRONG_LAYOUT
    return OK


@kernel
def journal_attach(journal, layout_hash, journal_bytes):
    """OK where the memory holds a journal of this build.

    Returns
    -------
    int64
        WRONG_MAGIC, WRONG_ABI, WRONG_SIZE, WRONG_LAYOUT, TORN (numbers in it that cannot be) or OK.
    """
    status = check_identity(journal, layout_hash, journal_bytes)
    if status != OK:
        return status
    capacity = journal.capacity
    if not capacity_possible(capacity):
        return TORN
    committed = load_acquire(journal, JOURNAL_COMMITTED)
    drained = load_acquire(journal, JOURNAL_DRAINED)
    ordered = 0 <= drained <= committed <= MAX_IDENTIFIER and committed - drained <= capacity
    if not ordered or not (0 <= journal.applied <= committed):
        return TORN
    if not (0 <= journal.reserve <= capacity // 2) or journal.publish_interval < 0:
        return TORN
    if not (0 <= journal.lost <= MAX_IDENTIFIER):
        return TORN
    return OK


@kernel
def journal_resume(journal, control):
    """The writer takes over after a recovery: all that is committed is in the state now.

    A heartbeat that was there before is no sign of life. Facts that the state was rebuilt without
    still count as missing, until the first event behind it (CONTROL_RESTART) has told the account.
    """
    journal.heartbeat_seen_ns = control.heartbeat_ns
    journal.publish_next = journal.committed
    store_release(journal, JOURNAL_APPLIED, journal.committed)
    return OK


@kernel
def is_fact(kind):
    """True for kinds that may use the whole reserve: all but orders, replaces and market data."""
    return not (
        kind == EVENT_CHECK or kind == EVENT_REPLACE or EVENT_QUOTE <= kind <= EVENT_ADVANCE
    )


@kernel
def has_room(journal, records, keep):
    """True where so many records fit and `keep` stay free."""
    used = journal.committed - load_acquire(journal, JOURNAL_DRAINED)
    return used + records + keep <= journal.capacity


@kernel
def record_checksum(record, sequence, parts):
    """Checksum of a record with that sequence and number of parts."""
    total = mix(mix(0, sequence, SEQUENCE_INDEX), parts, PARTS_INDEX)
    for k in range(EVENT_WORDS):
        total = mix(total, read_word(record, EVENT_PLACE + k), k)
    return total


@kernel
def write_record(journal, ring, sequence, parts, source, first, words):
    """Copy up to EVENT_WORDS words of `source` from `first` on into the record of a sequence.

    Words beyond `words` are zero. Nothing shows before the entry is committed.
    """
    record = ring[(sequence - 1) & (journal.capacity - 1)]
    total = mix(mix(0, sequence, SEQUENCE_INDEX), parts, PARTS_INDEX)
    if words >= EVENT_WORDS:
        for k in range(EVENT_WORDS):
            word = read_word(source, first + k)
            write_word(record, EVENT_PLACE + k, word)
            total = mix(total, word, k)
    else:
        for k in range(EVENT_WORDS):
            word = read_word(source, first + k) if k < words else 0
            write_word(record, EVENT_PLACE + k, word)
            total = mix(total, word, k)
    record.sequence = sequence
    record.parts = parts
    record.checksum = total


@kernel
def commit(journal, sequence):
    """Make all records up to `sequence` visible; what follows stays behind."""
    store_release(journal, JOURNAL_COMMITTED, sequence)
    fence_release()


@kernel
def begin_lost(journal):
    """Count a fact that is applied without a record; the state is not whole until `finish`."""
    store_release(journal, JOURNAL_LOST, journal.lost + 1)
    fence_release()


@kernel
def forget_lost(journal):
    """Take the count of a fact back that was refused: it has changed nothing."""
    store_release(journal, JOURNAL_LOST, journal.lost - 1)


@kernel
def finish(journal):
    """Note that the state has all that is committed, and all that was lost."""
    store_release(journal, JOURNAL_LOST_APPLIED, journal.lost)
    store_release(journal, JOURNAL_APPLIED, journal.committed)


@kernel
def append_event(journal, ring, event):
    """Append and commit one event; the caller has looked for room."""
    sequence = journal.committed + 1
    write_record(journal, ring, sequence, 1, event, 0, EVENT_WORDS)
    commit(journal, sequence)


@kernel
def clear_event(record):
    """Zero the event's words of a record of the ring."""
    for k in range(EVENT_WORDS):
        write_word(record, EVENT_PLACE + k, 0)


@kernel
def seal(journal, record):
    """Finish and commit the record behind the last one, written in place."""
    sequence = journal.committed + 1
    record.sequence = sequence
    record.parts = 1
    record.checksum = record_checksum(record, sequence, 1)
    commit(journal, sequence)


@kernel
def append_control(journal, ring, time_ns, code, target, value, author):
    """Append and commit a control event."""
    record = ring[journal.committed & (journal.capacity - 1)]
    clear_event(record)
    record.kind = EVENT_CONTROL
    record.time_ns = time_ns
    record.code = code
    record.instrument = target
    record.lots = value
    record.id = author
    seal(journal, record)


@kernel
def append_heartbeat(journal, ring, time_ns, venue):
    """Append and commit a heartbeat."""
    record = ring[journal.committed & (journal.capacity - 1)]
    clear_event(record)
    record.kind = EVENT_HEARTBEAT
    record.time_ns = time_ns
    record.venue = venue
    seal(journal, record)


@kernel
def parts_of_words(words):
    """Records behind the first one that so many words take."""
    return (words + EVENT_WORDS - 1) // EVENT_WORDS


@kernel
def append_words(journal, ring, kind, time_ns, index, source, first, words):
    """Append and commit an entry of one head and `words` words of `source` from `first` on."""
    head = journal.committed + 1
    count = parts_of_words(words)
    for k in range(count):
        left = words - k * EVENT_WORDS
        write_record(journal, ring, head + 1 + k, 0, source, first + k * EVENT_WORDS, left)
    record = ring[(head - 1) & (journal.capacity - 1)]
    clear_event(record)
    record.kind = kind
    record.time_ns = time_ns
    record.instrument = index
    record.lots = words
    record.sequence = head
    record.parts = count + 1
    record.checksum = record_checksum(record, head, count + 1)
    commit(journal, head + count)


@kernel
def append_orders(journal, ring, kind, orders, count, words):
    """Append and commit an entry of one head and one record per order."""
    head = journal.committed + 1
    for k in range(count):
        write_record(journal, ring, head + 1 + k, 0, orders[k], 0, words)
    record = ring[(head - 1) & (journal.capacity - 1)]
    clear_event(record)
    record.kind = kind
    record.time_ns = orders[0].time_ns
    record.lots = count
    record.sequence = head
    record.parts = count + 1
    record.checksum = record_checksum(record, head, count + 1)
    commit(journal, head + count)


@kernel
def record_whole(record, sequence):
    """True where a record is the one of that sequence and its checksum fits."""
    return record.sequence == sequence and record.checksum == record_checksum(
        record, sequence, record.parts
    )


@kernel
def entry_whole(records, capacity, base, sequence, last):
    """True where the entry that starts at `sequence` is whole and ends at `last` or before.

    Parameters
    ----------
    records : record[capacity], JOURNAL_RECORD
    capacity : int64
    base : int64
        Sequence that belongs into records[0]; later ones follow, round and round.
    sequence, last : int64, base or more
    """
    record = records[(sequence - base) % capacity]
    if not record_whole(record, sequence):
        return False
    parts = record.parts
    if parts < 1 or parts > capacity or parts - 1 > last - sequence:
        return False
    for k in range(1, parts):
        part = records[(sequence + k - base) % capacity]
        if part.parts != 0 or not record_whole(part, sequence + k):
            return False
    return True


@kernel
def words_checksum(words, count):
    """Checksum of `count` words of a checkpoint; NumPy computes the same in readers.

    Parameters
    ----------
    words : int64[count]
    count : int64, 0 or more

    Returns
    -------
    int64
        The sum of word k times its odd factor, modulo 2**64, as int64.
    """
    total = 0
    for k in range(count):
        total = mix(total, words[k], k)
    return total
