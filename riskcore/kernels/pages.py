"""Two small pages beside the state: one by which others steer, one by which they look.

Control page: other processes write it, one at a time; the writer of the state compares its few
numbers at each entry (``session``). Requests and parameters are numbered, odd while they are being
written. Published page: the writer of the state copies into it under a sequence lock, so readers
never stop the writer: the sequence is odd during the copy, and a reader that sees another sequence
after its copy than before reads again (Boehm, Can Seqlocks Get Along With Programming Language
Memory Models?, MSPC 2012).
"""

from riskcore.codes import (
    BUSY,
    CONTROL_RESET_KILL,
    INVALID_IDENTIFIER,
    MAX_IDENTIFIER,
    OK,
)
from riskcore.kernels.entry import buffer_intact
from riskcore.kernels.journal import check_identity, identify
from riskcore.kernels.language import kernel
from riskcore.kernels.memory import (
    add_release,
    as_record,
    fence_acquire,
    fence_release,
    load_acquire,
    read_word,
    store_release,
    write_word,
)
from riskcore.kernels.tail import portfolio_risk
from riskcore.layout import (
    CONTROL_HEARTBEAT,
    CONTROL_KILL_WORD,
    CONTROL_PARAMETERS,
    CONTROL_PARAMETERS_SEQUENCE,
    CONTROL_REQUEST,
    JOURNAL_DRAFT,
    JOURNAL_PARAMETERS,
    PAGE_CONTENT,
    PAGE_FIXED,
    PAGE_PER_REGIME,
    PAGE_PER_STRATEGY,
    PAGE_PER_VENUE,
    PAGE_POSITIONS,
    PAGE_SEQUENCE,
    PARAMETER_ARRAYS,
    PARAMETER_SCALARS,
)

MAX_USED = 1e6
PAGE_ATTEMPTS = 64
LINE_WORDS = 8  # of a cache line


@kernel
def control_init(control, layout_hash, control_bytes):
    """Make an empty control page in zeroed memory."""
    return identify(control, layout_hash, control_bytes)


@kernel
def control_attach(control, layout_hash, control_bytes):
    """OK where the memory is a control page of this build; else WRONG_*."""
    return check_identity(control, layout_hash, control_bytes)


@kernel
def control_kill(control, author):
    """Pull the kill switch: the writer's next entry applies it. Never refused, needs no lock.

    Kills are counted in one addition, so that none is lost where several are pulled at once; of
    those one author is named.

    Parameters
    ----------
    control : record, CONTROL_PAGE, modified in place
    author : int64
        Who; 0 where nobody is named.
    """
    control.kill_author = author
    add_release(control, CONTROL_KILL_WORD, 1)
    return OK


@kernel
def control_request(control, code, target, value, author):
    """Leave a request that the writer's next entry turns into a control event.

    A request that is not taken yet is replaced. Resetting the kill switch is for the kills so far:
    it is refused where another one comes before it is taken. One process at a time.

    Returns
    -------
    int64
        INVALID_IDENTIFIER or OK. What the core says of it stands in the published page.
    """
    if author < 0 or author > MAX_IDENTIFIER:
        return INVALID_IDENTIFIER
    number = load_acquire(control, CONTROL_REQUEST) | 1
    store_release(control, CONTROL_REQUEST, number)
    fence_release()
    control.request_code = code
    control.request_target = target
    control.request_value = value
    control.request_author = author
    if code == CONTROL_RESET_KILL:
        control.request_target = load_acquire(control, CONTROL_KILL_WORD)
    store_release(control, CONTROL_REQUEST, number + 1)
    return OK


@kernel
def parameter_words(regimes):
    """Words of a parameter block of a shape with so many regimes, padding included."""
    words = PARAMETER_SCALARS + PARAMETER_ARRAYS * regimes
    return (words + 7) // 8 * 8


@kernel
def control_parameters(control, parameters, regimes):
    """Leave a parameter block that the writer's next entry applies; one process at a time.

    Parameters
    ----------
    control : record, CONTROL_PAGE, modified in place
    parameters : record, PARAMETERS, read
        With a version other than 0 and the author.
    regimes : int64
        Of the shape.

    Returns
    -------
    int64
        OK. What the core says of the block stands in the published page.
    """
    number = load_acquire(control, CONTROL_PARAMETERS_SEQUENCE) | 1
    store_release(control, CONTROL_PARAMETERS_SEQUENCE, number)
    fence_release()
    for k in range(parameter_words(regimes)):
        write_word(control, CONTROL_PARAMETERS + k, read_word(parameters, k))
    store_release(control, CONTROL_PARAMETERS_SEQUENCE, number + 1)
    return OK


@kernel
def control_beat(control, time_ns):
    """The monitor's sign of life: any number other than the last one.

    Parameters
    ----------
    control : record, CONTROL_PAGE, modified in place
    time_ns : int64, ns
        The monitor's clock; the writer counts the beat at its own time.
    """
    store_release(control, CONTROL_HEARTBEAT, time_ns)
    return OK


@kernel
def copy_parameters(journal, control, regimes):
    """Copy the control page's parameters beside the journal; their number, or -1 if they moved."""
    before = load_acquire(control, CONTROL_PARAMETERS_SEQUENCE)
    if before & 1 == 1:
        return -1
    for k in range(parameter_words(regimes)):
        write_word(journal, JOURNAL_PARAMETERS + k, read_word(control, CONTROL_PARAMETERS + k))
    fence_acquire()
    if load_acquire(control, CONTROL_PARAMETERS_SEQUENCE) != before:
        return -1
    return before


@kernel
def page_init(page, layout_hash, page_bytes):
    """Make an empty published page in zeroed memory."""
    return identify(page, layout_hash, page_bytes)


@kernel
def page_attach(page, layout_hash, page_bytes):
    """OK where the memory is a published page of this build; else WRONG_*."""
    return check_identity(page, layout_hash, page_bytes)


@kernel
def page_read(page, copy, page_bytes):
    """Copy a published page that was whole at one moment.

    Parameters
    ----------
    page : record, PUBLISHED_PAGE, read; another process may be writing it
    copy : record, PUBLISHED_PAGE, output
    page_bytes : int64
        Of this build.

    Returns
    -------
    int64
        BUSY where the writer was in the way 64 times, else OK.
    """
    for _ in range(PAGE_ATTEMPTS):
        before = load_acquire(page, PAGE_SEQUENCE)
        if before & 1 == 0:
            for k in range(page_bytes // 8):
                write_word(copy, k, read_word(page, k))
            fence_acquire()
            if load_acquire(page, PAGE_SEQUENCE) == before:
                return OK
    return BUSY


@kernel
def used(measure, limit):
    """Measure / limit, at most 1e6; 0 without a limit."""
    if not (limit > 0.0):
        return 0.0
    if not (measure < MAX_USED * limit):
        return MAX_USED
    return measure / limit


@kernel
def publish_limits(state, page):
    """How much of each limit of the account is used; portfolio figures are in the page already."""
    p = state.parameters
    equity = page.equity
    page.gross_leverage_used = used(page.gross_leverage, p.max_gross_leverage)
    page.net_leverage_used = used(abs(page.net_leverage), p.max_net_leverage)
    page.value_at_risk_used = used(page.value_at_risk_working, p.var_95 * equity)
    page.expected_shortfall_used = used(
        page.expected_shortfall_working, p.expected_shortfall * equity
    )
    page.stop_loss_used = used(page.stop_loss, p.max_portfolio_risk * equity)
    page.herfindahl_used = used(page.herfindahl, p.max_herfindahl)
    page.weight_used = used(page.largest_weight, p.max_weight)
    page.cluster_used = used(page.cluster_risk, p.max_correlation_risk * equity)
    page.stress_used = used(page.stress_loss, p.max_stress_loss * equity)
    page.drawdown_used = used(page.drawdown, p.max_drawdown)
    page.daily_loss_used = used(page.daily_loss, p.max_daily_loss)
    page.turnover_used = used(page.turnover_day, p.max_daily_turnover * equity)
    page.open_orders_used = used(float(page.open_orders), float(p.max_open_orders))


@kernel
def publish_positions(state, page):
    """Rows of instruments with a position, working orders or a latch; the first 64 of them."""
    row = 0
    total = 0
    for i in range(state.header.instrument_count):
        position = state.positions[i]
        if position.net_lots != 0 or position.open_order_count != 0 or position.latches != 0:
            total += 1
            if row < PAGE_POSITIONS:
                page.position_instrument[row] = i
                page.position_lots[row] = position.net_lots
                page.position_value[row] = float(position.net_lots) * state.market[i].value_per_lot
                page.position_gross[row] = position.gross
                page.position_var[row] = position.value_at_risk
                page.position_pnl[row] = position.unrealized_pnl
                page.position_stop[row] = position.stop_price
                page.position_latches[row] = position.latches
                row += 1
    page.position_count = row
    page.position_total = total


@kernel
def publish_account(state, journal, page):
    """Account, regime, system and journal."""
    header = state.header
    account = state.account
    system = state.system
    page.event_count = header.event_count
    page.last_time_ns = header.last_time_ns
    page.sample_count = header.sample_count
    page.journal_sequence = journal.committed
    page.journal_lost = journal.lost
    page.journal_refused = journal.refused
    page.parameters_version = state.parameters.version
    page.parameters_author = state.parameters.author
    page.parameters_seen = journal.parameters_seen
    page.parameters_status = journal.parameters_status
    page.request_seen = journal.request_seen
    page.request_status = journal.request_status
    page.kill = system.kill
    page.state = account.state
    page.latches = account.latches
    page.unknown_orders = system.unknown_orders
    page.high_water_mark = account.high_water_mark
    page.max_drawdown_seen = account.max_drawdown_seen
    page.realized_pnl = account.realized_pnl
    page.fees = account.fees
    page.funding = account.funding
    page.turnover_day = account.turnover_day
    page.cooldown_until_ns = account.cooldown_until_ns
    page.regime = state.regime.current
    page.regime_since_ns = state.regime.since_ns
    page.latency_ewma_ns = system.latency_ewma_ns
    page.latency_max_ns = system.latency_max_ns
    page.errors = system.errors
    page.last_quote_ns = system.last_quote_ns
    page.monitor_heartbeat_ns = system.monitor_heartbeat_ns


@kernel
def publish_tables(state, page):
    """Counters, regime probabilities, venues and strategies."""
    counters = state.counters
    for k in range(4):
        page.decisions[k] = counters.decisions[k]
    for k in range(128):
        page.reasons[k] = counters.reasons[k]
    for k in range(32):
        page.events[k] = counters.events[k]
    for r in range(state.header.regimes):
        page.regime_probability[r] = state.regime.probability[r]
    for v in range(state.header.venue_count):
        page.venue_state[v] = state.venues[v].state
        page.venue_gross[v] = state.venues[v].gross
    for s in range(state.header.strategy_count):
        page.strategy_state[s] = state.strategies[s].state
        page.strategy_pnl[s] = state.strategies[s].pnl


@kernel
def page_words(header):
    """Words of a published page of the shape, padding included."""
    words = PAGE_FIXED + PAGE_PER_REGIME * header.regimes
    words += PAGE_PER_VENUE * header.venues + PAGE_PER_STRATEGY * header.strategies
    return (words + LINE_WORDS - 1) // LINE_WORDS * LINE_WORDS


@kernel
def copy_changed(page, draft, words):
    """Copy the lines of the draft that differ from the page's.

    A line that is written must be fetched anew by each reader, and the writer's core waits while
    it hands it over: most lines of a page are the same as those of the one before.
    """
    for line in range(PAGE_CONTENT, words, LINE_WORDS):
        changed = 0
        for k in range(line, line + LINE_WORDS):
            changed |= read_word(page, k) ^ read_word(draft, k)
        if changed != 0:
            for k in range(line, line + LINE_WORDS):
                write_word(page, k, read_word(draft, k))


@kernel
def publish(state, journal, page):
    """Make a page of what a monitor needs, and bring the published page up to date with it.

    Parameters
    ----------
    state : record, read
    journal : record, JOURNAL, modified in place
        Its `draft`.
    page : record, PUBLISHED_PAGE, modified in place
        Written by this process alone.

    Returns
    -------
    int64
        BAD_BUFFER (the page stays as it is) or OK.
    """
    draft = as_record(journal, JOURNAL_DRAFT, page)
    status = portfolio_risk(state, draft)
    if not buffer_intact(state):
        return status
    publish_account(state, journal, draft)
    publish_limits(state, draft)
    publish_positions(state, draft)
    publish_tables(state, draft)
    number = read_word(page, PAGE_SEQUENCE) | 1
    store_release(page, PAGE_SEQUENCE, number)
    fence_release()
    copy_changed(page, draft, page_words(state.header))
    store_release(page, PAGE_SEQUENCE, number + 1)
    return status
