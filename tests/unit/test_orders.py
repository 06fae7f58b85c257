"""Working orders: slots, handles, reservations, answers of the venue, orders of unknown fate."""

import numpy as np
import pytest

from riskcore import codes
from riskcore.codes import BUY, OK, SELL
from riskcore.kernels import market, orders
from tests.support import (
    EXCHANGE,
    INVERSE_BTC,
    LINEAR_BTC,
    LINEAR_ETH,
    MINUTE,
    REVERSION,
    SECOND,
    START_NS,
    assert_refused,
    check_lists,
    copy_state,
    fill,
    make_state,
    now,
    reserve,
    walk,
)

TIMEOUT = 5 * SECOND


@pytest.fixture(scope="module")
def prepared():
    with np.errstate(all="raise"):
        return make_state()


@pytest.fixture
def state(prepared):
    with np.errstate(all="raise"):
        yield copy_state(prepared)


def order_of(state, handle):
    return state.orders[handle & codes.HANDLE_SLOT_MASK]


def slot_of(handle):
    return handle & codes.HANDLE_SLOT_MASK


def working(state, instrument, side, lots, price, **options):
    """A reserved and acknowledged order."""
    handle = reserve(state, instrument, side, lots, price, **options)
    assert orders.on_ack(state, now(state), handle, 900 + slot_of(handle)) == OK
    return handle


# --- reservation ----------------------------------------------------------------------------------


def test_reserved_order_counts_as_working_at_once(state):
    handle = reserve(state, LINEAR_BTC, BUY, 16, 4096)
    position = state.positions[LINEAR_BTC]
    assert position.working_buy_lots == 16
    assert position.long_value == 16 * 4096 * 0.125
    assert position.short_value == 0.0
    assert state.holdings[0, LINEAR_BTC].working_buy_lots == 16
    assert state.account.open_orders == 1
    assert state.account.gross == 8192.0
    assert order_of(state, handle).status == codes.ORDER_PENDING
    check_lists(state)


def test_handle_is_generation_and_slot(state):
    first = reserve(state, LINEAR_BTC, BUY, 1, 4096)
    second = reserve(state, LINEAR_BTC, BUY, 1, 4096)
    assert (first >> 20, first & 0xFFFFF) == (1, 0)
    assert (second >> 20, second & 0xFFFFF) == (1, 1)
    assert orders.on_canceled(state, now(state), first) == OK
    third = reserve(state, LINEAR_BTC, BUY, 1, 4096)
    assert (third >> 20, third & 0xFFFFF) == (2, 0)


def test_old_handle_never_names_the_next_order_in_its_slot(state):
    old = reserve(state, LINEAR_BTC, BUY, 1, 4096)
    assert orders.on_canceled(state, now(state), old) == OK
    new = reserve(state, LINEAR_BTC, SELL, 2, 4100)
    assert slot_of(new) == slot_of(old)
    assert_refused(state, codes.INVALID_HANDLE, orders.on_canceled, now(state), old)
    assert order_of(state, new).reserved_lots == 2


def test_every_slot_can_be_taken_and_given_back(state):
    handles = [
        reserve(state, (LINEAR_BTC, INVERSE_BTC)[k % 2], (BUY, SELL)[k % 3 % 2], 1 + k, 4000 + k)
        for k in range(64)
    ]
    assert state.system.free_head == 0
    check_lists(state)
    for handle in handles[::2] + handles[1::2]:
        assert orders.on_canceled(state, now(state), handle) == OK
        check_lists(state)
    assert state.account.gross == 0.0
    assert state.account.working_notional == 0.0


def test_own_best_price_is_the_best_of_the_side(state):
    position = state.positions[LINEAR_BTC]
    low = reserve(state, LINEAR_BTC, BUY, 1, 4000)
    high = reserve(state, LINEAR_BTC, BUY, 1, 4010)
    reserve(state, LINEAR_BTC, SELL, 1, 4200)
    near = reserve(state, LINEAR_BTC, SELL, 1, 4190)
    assert (position.own_best_bid, position.own_best_ask) == (4010, 4190)
    orders.on_canceled(state, now(state), high)
    orders.on_canceled(state, now(state), near)
    assert (position.own_best_bid, position.own_best_ask) == (4000, 4200)
    orders.on_canceled(state, now(state), low)
    assert (position.own_best_bid, position.own_best_ask) == (0, 4200)


# --- acknowledgement and rejection ----------------------------------------------------------------


def test_acknowledged_order_works_and_waits_no_more(state):
    handle = reserve(state, LINEAR_BTC, BUY, 1, 4000)
    assert orders.on_ack(state, now(state), handle, 77) == OK
    order = order_of(state, handle)
    assert order.status == codes.ORDER_WORKING
    assert order.venue_order_id == 77
    assert state.system.pending_head == 0
    check_lists(state)


def test_reject_rate_is_smoothed_over_first_answers(state):
    venue = state.venues[EXCHANGE]
    for k in range(2):
        handle = reserve(state, LINEAR_BTC, BUY, 1, 4000)
        assert orders.on_reject(state, now(state), handle, -2010) == OK
        # decay 3/4: 1/4, then 3/16 + 1/4
        assert venue.reject_rate == (0.25, 0.4375)[k]
    assert venue.rejects == 2
    handle = reserve(state, LINEAR_BTC, BUY, 1, 4000)
    orders.on_ack(state, now(state), handle, 1)
    assert venue.reject_rate == 0.328125
    orders.on_ack(state, now(state), handle, 1)
    assert venue.reject_rate == 0.328125


def test_reject_rate_decays_to_zero_and_not_into_subnormals(state):
    venue = state.venues[EXCHANGE]
    venue.reject_rate = 1.1e-15
    handle = reserve(state, LINEAR_BTC, BUY, 1, 4000)
    orders.on_ack(state, now(state), handle, 1)
    assert venue.reject_rate == 0.0


def test_rejected_order_gives_back_its_reservation(state):
    handle = reserve(state, LINEAR_BTC, SELL, 8, 4100)
    orders.on_reject(state, now(state), handle, 1)
    assert state.positions[LINEAR_BTC].working_sell_lots == 0
    assert state.account.gross == 0.0
    assert_refused(state, codes.INVALID_HANDLE, orders.on_reject, now(state), handle, 1)
    check_lists(state)


def test_repeated_acknowledgement_changes_only_clock_and_counters(state):
    handle = working(state, LINEAR_BTC, BUY, 1, 4000)
    before = copy_state(state)
    assert orders.on_ack(state, now(state), handle, 5) == OK
    for block in before.dtype.names:
        if block not in ("header", "system", "counters"):
            assert state[block].tobytes() == before[block].tobytes(), block


# --- cancels --------------------------------------------------------------------------------------


def test_cancel_waits_for_its_answer_and_keeps_the_reservation(state):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    assert orders.cancel_order(state, now(state), handle) == OK
    assert order_of(state, handle).status == codes.ORDER_CANCEL_PENDING
    assert state.positions[LINEAR_BTC].working_buy_lots == 8
    check_lists(state)
    assert orders.on_canceled(state, now(state), handle) == OK
    assert state.positions[LINEAR_BTC].working_buy_lots == 0
    check_lists(state)


def test_cancel_counts_a_message_in_every_bucket(state):
    venue = state.venues[EXCHANGE]
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    time = now(state)
    orders.cancel_order(state, time, handle)
    assert (venue.messages, venue.messages_day, venue.window_used) == (1, 1, 1)
    assert venue.message_arrival_ns == time + SECOND
    assert venue.window_start_ns == time - time % MINUTE
    orders.cancel_order(state, time, handle)
    assert venue.message_arrival_ns == time + 2 * SECOND
    end = time - time % MINUTE + MINUTE
    orders.cancel_order(state, end - 1, handle)
    assert (venue.messages, venue.window_used) == (3, 3)
    orders.cancel_order(state, end, handle)
    assert (venue.messages, venue.window_used) == (4, 1)
    assert venue.window_start_ns == end


def test_cancel_passes_under_kill_and_overdraws_the_bucket(state):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    state.system.kill = 1
    venue = state.venues[EXCHANGE]
    venue.message_arrival_ns = now(state) + venue.message_burst_ns
    level = venue.message_arrival_ns
    assert orders.cancel_order(state, now(state), handle) == OK
    assert venue.message_arrival_ns == level + SECOND


def test_refused_cancel_lets_the_order_work_on(state):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    orders.cancel_order(state, now(state), handle)
    assert orders.on_cancel_reject(state, now(state), handle, 3) == OK
    assert order_of(state, handle).status == codes.ORDER_WORKING
    check_lists(state)


def test_refused_cancel_of_an_unanswered_order_leaves_it_unanswered(state):
    handle = reserve(state, LINEAR_BTC, BUY, 8, 4000)
    orders.cancel_order(state, now(state), handle)
    orders.on_cancel_reject(state, now(state), handle, 3)
    assert order_of(state, handle).status == codes.ORDER_PENDING
    check_lists(state)


def test_acknowledgement_overtaken_by_a_cancel_keeps_the_cancel_waiting(state):
    handle = reserve(state, LINEAR_BTC, BUY, 8, 4000)
    orders.cancel_order(state, now(state), handle)
    orders.on_ack(state, now(state) + SECOND, handle, 9)
    order = order_of(state, handle)
    assert order.status == codes.ORDER_CANCEL_PENDING
    assert order.sent_ns == START_NS + SECOND
    check_lists(state)


def test_expired_order_gives_back_its_reservation(state):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    assert orders.on_expire(state, now(state), handle) == OK
    assert state.account.open_orders == 0
    check_lists(state)


# --- replaces -------------------------------------------------------------------------------------


def test_replace_reserves_the_larger_size_and_covers_both_prices(state):
    position = state.positions[LINEAR_BTC]
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    orders.begin_replace(state, now(state), slot_of(handle), 12, 3990)
    assert order_of(state, handle).status == codes.ORDER_REPLACE_PENDING
    assert (position.working_buy_lots, position.own_best_bid) == (12, 4000)
    check_lists(state)
    assert orders.on_replaced(state, now(state), handle, 12, 3990) == OK
    assert order_of(state, handle).status == codes.ORDER_WORKING
    assert (position.working_buy_lots, position.own_best_bid) == (12, 3990)
    assert position.long_value == 12 * 4096 * 0.125
    check_lists(state)


def test_smaller_replace_keeps_the_old_reservation_until_answered(state):
    position = state.positions[LINEAR_BTC]
    handle = working(state, LINEAR_BTC, SELL, 8, 4200)
    orders.begin_replace(state, now(state), slot_of(handle), 3, 4150)
    assert (position.working_sell_lots, position.own_best_ask) == (8, 4150)
    orders.on_replaced(state, now(state), handle, 3, 4150)
    assert (position.working_sell_lots, position.own_best_ask) == (3, 4150)
    check_lists(state)


@pytest.mark.parametrize("answer", [orders.on_cancel_reject, orders.on_reject])
def test_refused_replace_restores_the_old_terms(state, answer):
    position = state.positions[LINEAR_BTC]
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    orders.begin_replace(state, now(state), slot_of(handle), 12, 4050)
    assert position.own_best_bid == 4050
    assert answer(state, now(state), handle, 1) == OK
    assert order_of(state, handle).status == codes.ORDER_WORKING
    assert (position.working_buy_lots, position.own_best_bid) == (8, 4000)
    assert position.long_value == 8 * 4096 * 0.125
    check_lists(state)


def test_fill_lowers_the_reservation_of_a_pending_replace(state):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    orders.begin_replace(state, now(state), slot_of(handle), 12, 4000)
    assert fill(state, LINEAR_BTC, BUY, 5, 4000, handle=handle) == OK
    assert state.positions[LINEAR_BTC].working_buy_lots == 7
    check_lists(state)


def test_order_filled_to_its_old_size_lives_while_a_larger_one_may_hold(state):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    orders.begin_replace(state, now(state), slot_of(handle), 12, 4000)
    assert fill(state, LINEAR_BTC, BUY, 8, 4000, handle=handle) == OK
    assert order_of(state, handle).reserved_lots == 4
    check_lists(state)
    refused = copy_state(state)
    orders.on_cancel_reject(refused, now(state), handle, 1)
    assert refused.account.open_orders == 0
    check_lists(refused)
    orders.on_replaced(state, now(state), handle, 12, 4000)
    assert order_of(state, handle).reserved_lots == 4
    check_lists(state)


def test_replace_below_what_has_filled_ends_the_order(state):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    orders.begin_replace(state, now(state), slot_of(handle), 4, 4000)
    fill(state, LINEAR_BTC, BUY, 5, 4000, handle=handle)
    assert order_of(state, handle).reserved_lots == 3
    assert orders.on_replaced(state, now(state), handle, 4, 4000) == OK
    assert state.account.open_orders == 0
    assert state.positions[LINEAR_BTC].net_lots == 5
    check_lists(state)


def test_refused_cancel_leaves_an_older_replace_waiting(state):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    orders.begin_replace(state, now(state), slot_of(handle), 12, 4010)
    orders.cancel_order(state, now(state), handle)
    check_lists(state)
    orders.on_cancel_reject(state, now(state), handle, 1)
    assert order_of(state, handle).status == codes.ORDER_REPLACE_PENDING
    assert order_of(state, handle).reserved_lots == 12
    orders.on_cancel_reject(state, now(state), handle, 1)
    assert order_of(state, handle).status == codes.ORDER_WORKING
    assert order_of(state, handle).reserved_lots == 8
    check_lists(state)


@pytest.mark.parametrize(("side", "near", "far"), [(SELL, 4150, 4180), (BUY, 4180, 4150)])
@pytest.mark.parametrize("swapped", [False, True])
def test_second_replace_keeps_larger_size_and_nearer_price(state, side, near, far, swapped):
    handle = working(state, LINEAR_BTC, side, 8, 4200 if side == SELL else 4100)
    requests = [(12, near), (10, far)]
    for lots, price in reversed(requests) if swapped else requests:
        orders.begin_replace(state, now(state), slot_of(handle), lots, price)
        check_lists(state)
    order = order_of(state, handle)
    assert (order.replace_lots, order.replace_ticks, order.reserved_lots) == (12, near, 12)


def test_answered_replace_leaves_a_later_cancel_waiting(state):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    orders.begin_replace(state, now(state), slot_of(handle), 12, 4010)
    orders.cancel_order(state, now(state), handle)
    orders.on_replaced(state, now(state), handle, 12, 4010)
    assert order_of(state, handle).status == codes.ORDER_CANCEL_PENDING
    check_lists(state)


def test_venue_may_change_terms_unasked(state):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    assert orders.on_replaced(state, now(state), handle, 6, 3999) == OK
    assert state.positions[LINEAR_BTC].working_buy_lots == 6
    check_lists(state)


# --- orders of unknown fate -----------------------------------------------------------------------


def test_unanswered_orders_become_unknown_oldest_first(state):
    first = reserve(state, LINEAR_BTC, BUY, 1, 4000, time_ns=START_NS)
    second = reserve(state, INVERSE_BTC, SELL, 2, 4200, time_ns=START_NS + SECOND)
    assert orders.expire_pending(state, START_NS + TIMEOUT) == 0
    assert orders.expire_pending(state, START_NS + TIMEOUT + 1) == 1
    assert order_of(state, first).status == codes.ORDER_UNKNOWN
    assert order_of(state, second).status == codes.ORDER_PENDING
    assert state.positions[LINEAR_BTC].unknown_orders == 1
    assert state.system.unknown_orders == 1
    assert state.positions[LINEAR_BTC].working_buy_lots == 1
    check_lists(state)


def test_one_call_expires_a_bounded_number(state):
    for _ in range(64):
        reserve(state, LINEAR_BTC, BUY, 1, 4000)
    assert orders.expire_pending(state, now(state) + TIMEOUT + 1) == orders.EXPIRY_BATCH
    check_lists(state)


def test_further_requests_do_not_renew_the_wait(state):
    handle = reserve(state, LINEAR_BTC, BUY, 1, 4000, time_ns=START_NS)
    orders.cancel_order(state, START_NS + 4 * SECOND, handle)
    assert orders.expire_pending(state, START_NS + TIMEOUT + 1) == 1


def test_acknowledged_unknown_order_works_again(state):
    handle = reserve(state, LINEAR_BTC, BUY, 1, 4000)
    orders.expire_pending(state, now(state) + TIMEOUT + 1)
    assert orders.on_ack(state, now(state) + TIMEOUT + 2, handle, 4) == OK
    assert order_of(state, handle).status == codes.ORDER_WORKING
    assert state.system.unknown_orders == 0
    check_lists(state)


def test_cancel_of_an_unknown_order_leaves_it_unknown(state):
    handle = reserve(state, LINEAR_BTC, BUY, 1, 4000)
    orders.expire_pending(state, now(state) + TIMEOUT + 1)
    assert orders.cancel_order(state, now(state), handle) == OK
    assert orders.on_cancel_reject(state, now(state), handle, 1) == OK
    assert order_of(state, handle).status == codes.ORDER_UNKNOWN
    check_lists(state)
    assert orders.on_canceled(state, now(state), handle) == OK
    assert state.system.unknown_orders == 0
    check_lists(state)


def test_replace_of_an_unknown_order_leaves_it_unknown_and_reserves(state):
    handle = reserve(state, LINEAR_BTC, BUY, 1, 4000)
    orders.expire_pending(state, now(state) + TIMEOUT + 1)
    orders.begin_replace(state, now(state), slot_of(handle), 5, 4000)
    assert order_of(state, handle).status == codes.ORDER_UNKNOWN
    assert order_of(state, handle).reserved_lots == 5
    check_lists(state)


def test_filled_unknown_order_is_unknown_no_more(state):
    handle = reserve(state, LINEAR_BTC, BUY, 2, 4000)
    orders.expire_pending(state, now(state) + TIMEOUT + 1)
    fill(state, LINEAR_BTC, BUY, 1, 4000, handle=handle)
    assert state.system.unknown_orders == 1
    fill(state, LINEAR_BTC, BUY, 1, 4000, handle=handle)
    assert state.system.unknown_orders == 0
    check_lists(state)


# --- reconciliation of orders ---------------------------------------------------------------------


@pytest.mark.parametrize("code", [codes.VENUE_ORDER_DONE, codes.VENUE_ORDER_NOT_FOUND])
def test_order_that_the_venue_no_longer_has_is_released(state, code):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    assert orders.on_order_status(state, now(state), handle, code, 0) == OK
    assert state.account.open_orders == 0
    assert state.positions[LINEAR_BTC].latches == 0
    check_lists(state)


def test_working_order_status_answers_pending_and_unknown_orders(state):
    pending = reserve(state, LINEAR_BTC, BUY, 8, 4000)
    unknown = reserve(state, LINEAR_ETH, BUY, 8, 2000)
    orders.expire_pending(state, now(state) + TIMEOUT + 1)
    pending = reserve(state, LINEAR_BTC, BUY, 8, 4000)
    for handle in (pending, unknown):
        code = codes.VENUE_ORDER_WORKING
        assert orders.on_order_status(state, now(state), handle, code, 0) == OK
        assert order_of(state, handle).status == codes.ORDER_WORKING
    check_lists(state)


def test_working_order_status_does_not_answer_a_cancel(state):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    orders.cancel_order(state, now(state), handle)
    orders.on_order_status(state, now(state), handle, codes.VENUE_ORDER_WORKING, 0)
    assert order_of(state, handle).status == codes.ORDER_CANCEL_PENDING


@pytest.mark.parametrize("filled", [3, 1])
def test_other_filled_lots_latch_the_instrument_and_book_nothing(state, filled):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    fill(state, LINEAR_BTC, BUY, 2, 4000, handle=handle)
    code = codes.VENUE_ORDER_DONE
    status = orders.on_order_status(state, now(state), handle, code, filled)
    assert status == codes.BOOKED_UNMATCHED
    assert state.positions[LINEAR_BTC].latches == codes.LATCH_RECONCILIATION
    assert state.positions[LINEAR_BTC].net_lots == 2
    assert state.account.break_count == 1
    check_lists(state)


# --- refused events -------------------------------------------------------------------------------

DEAD = 3 << 20
HUGE = codes.MAX_IDENTIFIER + 1

HANDLE_EVENTS = [
    (orders.cancel_order, ()),
    (orders.on_ack, (1,)),
    (orders.on_reject, (1,)),
    (orders.on_canceled, ()),
    (orders.on_cancel_reject, (1,)),
    (orders.on_replaced, (1, 1)),
    (orders.on_expire, ()),
    (orders.on_order_status, (codes.VENUE_ORDER_DONE, 0)),
]
EVENT_IDS = [event.__name__ for event, _ in HANDLE_EVENTS]


@pytest.mark.parametrize(("event", "rest"), HANDLE_EVENTS, ids=EVENT_IDS)
@pytest.mark.parametrize("handle", [0, -1, 1, DEAD, (1 << 20) | 64, (2 << 20), HUGE])
def test_event_on_no_live_order_changes_nothing(state, event, rest, handle):
    working(state, LINEAR_BTC, BUY, 8, 4000)
    assert_refused(state, codes.INVALID_HANDLE, event, now(state), handle, *rest)


@pytest.mark.parametrize(("event", "rest"), HANDLE_EVENTS, ids=EVENT_IDS)
def test_event_at_no_time_changes_nothing(state, event, rest):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    for time in (0, -1, codes.MAX_TIME_NS + 1, now(state) + codes.MAX_TIME_JUMP_NS + 1):
        assert_refused(state, codes.INVALID_TIME, event, time, handle, *rest)


@pytest.mark.parametrize(("event", "rest"), HANDLE_EVENTS, ids=EVENT_IDS)
def test_event_on_a_broken_buffer_changes_nothing(state, event, rest):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    state.system.canary = 1
    assert_refused(state, codes.BAD_BUFFER, event, now(state), handle, *rest)


@pytest.mark.parametrize(
    ("event", "rest", "status"),
    [
        (orders.on_ack, (-1,), codes.INVALID_IDENTIFIER),
        (orders.on_ack, (HUGE,), codes.INVALID_IDENTIFIER),
        (orders.on_reject, (HUGE,), codes.INVALID_CODE),
        (orders.on_reject, (-HUGE,), codes.INVALID_CODE),
        (orders.on_cancel_reject, (HUGE,), codes.INVALID_CODE),
        (orders.on_replaced, (0, 1), codes.INVALID_LOTS),
        (orders.on_replaced, (codes.MAX_LOTS + 1, 1), codes.INVALID_LOTS),
        (orders.on_replaced, (1, 0), codes.INVALID_PRICE),
        (orders.on_replaced, (1, codes.MAX_TICKS + 1), codes.INVALID_PRICE),
        (orders.on_order_status, (codes.VENUE_ORDER_DONE, -1), codes.INVALID_LOTS),
        (orders.on_order_status, (0, 0), codes.INVALID_CODE),
        (orders.on_order_status, (4, 0), codes.INVALID_CODE),
    ],
)
def test_argument_out_of_range_changes_nothing(state, event, rest, status):
    handle = working(state, LINEAR_BTC, BUY, 8, 4000)
    assert_refused(state, status, event, now(state), handle, *rest)
    if status < codes.INVALID_HANDLE:  # the smallest number wins
        assert_refused(state, status, event, now(state), DEAD, *rest)


def test_lists_survive_removal_from_head_middle_and_tail(state):
    handles = [
        reserve(state, LINEAR_BTC, BUY, 1, 4000 + k, strategy=k % (REVERSION + 1)) for k in range(5)
    ]
    for handle in (handles[2], handles[4], handles[0]):
        orders.on_canceled(state, now(state), handle)
        check_lists(state)
    assert walk(state, state.positions[LINEAR_BTC].buy_head, "next") == [3, 1]
    assert walk(state, state.system.pending_head, "pending_next") == [1, 3]


@pytest.mark.parametrize("first", ["ack", "fill", "status"])
@pytest.mark.parametrize("then", ["nothing", "cancel", "silence"])
def test_the_refusal_of_a_replace_never_releases_the_order(first, then):
    state = make_state()
    handle = reserve(state, LINEAR_BTC, codes.BUY, 10, 4000)
    time = int(state.header.last_time_ns)
    if first == "ack":
        assert orders.on_ack(state, time, handle, 1) == codes.OK
    elif first == "fill":
        fill(state, LINEAR_BTC, codes.BUY, 3, 4000, handle=handle)
    else:
        code = codes.VENUE_ORDER_WORKING
        assert orders.on_order_status(state, time, handle, code, 0) == codes.OK
    slot = orders.find_order(state, handle)
    orders.begin_replace(state, time, slot, 12, 4001)
    if then == "cancel":
        assert orders.cancel_order(state, time, handle) == codes.OK
    if then == "silence":
        assert market.on_clock(state, time + 60_000_000_000) == codes.OK
        assert state.orders[slot].status == codes.ORDER_UNKNOWN
    time = int(state.header.last_time_ns)
    assert orders.on_reject(state, time, handle, 5) == codes.OK
    wanted = codes.ORDER_CANCEL_PENDING if then == "cancel" else codes.ORDER_WORKING
    assert state.orders[slot].status == wanted
    assert state.positions[LINEAR_BTC].working_buy_lots == (7 if first == "fill" else 10)
    check_lists(state)


def test_cancels_without_end_do_not_wrap_the_message_bucket():
    state = make_state()
    state.venues[0].message_interval_ns = codes.DAY_NS
    time = int(state.header.last_time_ns)
    for _ in range(500):
        orders.count_message(state, 0, time)
    assert state.venues[0].message_arrival_ns == time + codes.MAX_TIME_JUMP_NS
