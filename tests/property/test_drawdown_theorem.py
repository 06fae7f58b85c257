"""The drawdown theorem: with the gate's budget respected and reductions done, the limit holds.

Random orders go through the gate, fill in part or whole, are cancelled or replaced by others; every
instrument then moves either way by as much as one budget scenario allows, working orders filling on
the way; `derisk` is executed at the assumed cost before the next move. Equity must never fall below
high_water_mark x (1 - max_drawdown). Equity is also kept by an independent ledger. Orders that the
market trades through fill at their price or end: none rests on the wrong side of the mark.
"""

import numpy as np
import pytest

from riskcore import codes
from riskcore.kernels import drawdown, gate, market, orders, setup
from riskcore.layout import record_dtype
from tests import support
from tests.support import BTC, EUR, MINUTE, SMALL, USD, make_state

EXIT_COST = 1 / 256  # assumed; executing costs 3/4 of it and opening the rest
FEE = EXIT_COST / 4
TICKS = 400_000  # fine ticks: rounding a mark to its grid never leaves the scenario
FALL = np.array([[0.1, 0.15, 0.2, 0.12], [0.35, 0.0, 0.3, 0.5], [0.0, 0.6, 0.0, 0.0]])
RISE = np.array([[0.1, 0.2, 0.15, 0.12], [0.1, 0.55, 0.4, 0.0], [0.0, 0.0, 1.5, 0.3]])
KINDS = (codes.LINEAR, codes.LINEAR, codes.INVERSE, codes.SPOT)
CONTRACT = (0.002, 0.005, 4e8, 0.001)  # a lot is worth 800, 2000, 1000 and 400 at the start

INSTRUMENTS = {
    i: {
        "kind": kind,
        "venue": i % 2,
        "currency": EUR if kind == codes.INVERSE else USD,
        "underlying": i,
        "contract_value": CONTRACT[i],
        "exit_cost": EXIT_COST,
        "shorting_allowed": int(kind != codes.SPOT),
    }
    for i, kind in enumerate(KINDS)
}


def make_account(max_drawdown, **parameters):
    """An account that only the drawdown budget holds back; euro has a rate that does not move."""
    limits = {
        "max_drawdown": max_drawdown,
        "target_drawdown": max_drawdown,
        "max_daily_loss": 1.0,
        "max_stress_loss": 1e5,
        "stop_multiple": 100.0,
        "max_flash_move": 1e5,
        "execution_interval_ns": 0,
        "max_losing_streak": 1_000_000,
        "performance_floor": -1e5,
    }
    state = make_state(marks=False, instruments=INSTRUMENTS, **(limits | parameters))
    assert market.on_rate(state, support.now(state), EUR, 1.0) == codes.OK
    values = {"state": codes.ACTIVE, "shock": 0.0}
    for c in (BTC, EUR):
        row = support.record("currency", SMALL, values)
        assert setup.currency_set(state, support.now(state), c, row) == codes.OK
    for s in range(3):
        values = {"enabled": 1, "horizon_ns": support.HOUR, "scenario_id": s + 1}
        row = support.record("scenario", SMALL, values)
        moves = [np.append(table[s], np.zeros(4)) for table in (FALL, RISE)]
        assert setup.scenario_set(state, support.now(state), s, row, *moves) == codes.OK
    for i in range(4):
        show_market(state, i, TICKS, support.now(state))
    return state


def show_market(state, i, mark, time):
    """A book around the mark and a trade large enough not to bound any order."""
    assert support.quote(state, i, mark - 1, mark + 1, time_ns=time) == codes.OK
    assert market.on_trade(state, time, i, mark, 1 << 36) == codes.OK


def room_to_move(state, i, scenario):
    """Largest fall and rise whose loss, with the exit at the new mark, is within the scenario."""
    down = float(state.shocks[i].down[scenario])
    up = float(state.shocks[i].up[scenario])
    if KINDS[i] == codes.INVERSE:  # (x + cost) / (1 - x) and (x + cost) / (1 + x)
        fall = (down - EXIT_COST) / (1 + down)
        rise = (up - EXIT_COST) / (1 - up) if up < 1 else 1.0
    else:  # x + cost (1 - x) and x + cost (1 + x)
        fall = down - EXIT_COST
        rise = (up - EXIT_COST) / (1 + EXIT_COST)
    return min(max(fall, 0.0), FALL[scenario][i]), min(max(rise, 0.0), RISE[scenario][i])


class Desk:
    """Drives one account at random and keeps its own ledger."""

    def __init__(self, seed, max_drawdown, **parameters):
        self.rng = np.random.default_rng(seed)
        self.state = make_account(max_drawdown, **parameters)
        self.floor_share = 1.0 - max_drawdown
        self.deposits = float(self.state.account.equity)
        self.fees = 0.0
        self.lots = np.zeros(4)
        self.cost = np.zeros(4)  # sum of lots x price; inverse: of lots / price
        self.peak = self.deposits
        self.client_id = 0
        self.trades = 0
        self.refused = 0
        self.lowest_room = np.inf

    def mark(self, i):
        return float(self.state.market[i].mark)

    def equity(self):
        """The ledger's equity at the present marks."""
        total = self.deposits - self.fees
        for i, kind in enumerate(KINDS):
            if kind == codes.INVERSE:
                total += (self.cost[i] - self.lots[i] / self.mark(i)) * CONTRACT[i]
            else:
                total += (self.lots[i] * self.mark(i) - self.cost[i]) * CONTRACT[i]
        return total

    def check(self):
        """Equity agrees with the ledger and the drawdown limit has not been crossed."""
        equity = self.equity()
        assert abs(self.state.account.equity - equity) <= 1e-7 * self.deposits
        self.peak = max(self.peak, equity)
        room = equity - self.peak * self.floor_share
        self.lowest_room = min(self.lowest_room, room / self.peak)
        assert room >= -1e-9 * self.peak, "the drawdown limit was crossed"
        # The latch also sees the moments within a move when only some marks have moved.
        latched = self.state.account.latches & codes.LATCH_DRAWDOWN
        assert not latched, "the drawdown limit was crossed"

    def book(self, i, side, lots, price, cost, handle=0):
        """A fill, in the account and in the ledger; `cost` is a fraction of its value."""
        value = lots * float(self.state.market[i].value_per_lot)
        fee = cost * value
        status = support.fill(self.state, i, side, lots, price, handle=handle, fee=fee)
        assert status in (codes.OK, codes.BOOKED_UNMATCHED)
        self.fees += fee
        self.lots[i] += side * lots
        inverse = KINDS[i] == codes.INVERSE
        self.cost[i] += side * lots / price if inverse else side * lots * price
        self.trades += 1

    def send(self, i, side, lots, kind, price, flags=0):
        """An order through the gate; returns the decision."""
        self.client_id += 1
        values = {"client_id": self.client_id, "time_ns": support.now(self.state), "instrument": i}
        values |= {"side": side, "type": kind, "time_in_force": codes.GTC, "lots": lots}
        values |= {"price_ticks": price, "confidence": 1.0, "order_flags": flags}
        decision = support.record("decision", SMALL, {})
        gate.check_order(self.state, support.record("order", SMALL, values), decision)
        return decision

    def order(self):
        """A passive order of random size; one that passes is acknowledged and may fill."""
        i = int(self.rng.integers(4))
        side = int(self.rng.choice([codes.BUY, codes.SELL]))
        lots = int(np.exp(self.rng.uniform(0, 9))) + 1
        away = self.rng.choice([0.0, 0.001, 0.05])
        price = int(
            np.floor(self.mark(i) * (1 - away)) if side > 0 else np.ceil(self.mark(i) * (1 + away))
        )
        decision = self.send(i, side, lots, codes.LIMIT, price)
        if decision.action == codes.REJECT:
            self.refused += 1
            return
        time = support.now(self.state)
        assert orders.on_ack(self.state, time, int(decision.handle), self.client_id) == codes.OK
        if away == 0.0 and self.rng.random() < 0.7:
            filled = int(self.rng.integers(1, decision.lots + 1))
            self.book(i, side, filled, price, FEE, int(decision.handle))

    def working(self):
        """Live orders as (handle, instrument, side, leaves, price)."""
        found = []
        for k in support.live_slots(self.state):
            row = self.state.orders[k]
            handle = int(row.generation) << codes.HANDLE_SLOT_BITS | k
            leaves = int(row.lots - row.filled_lots)
            found.append((handle, int(row.instrument), int(row.side), leaves, int(row.price_ticks)))
        return found

    def cancel(self, handle):
        time = support.now(self.state)
        assert orders.cancel_order(self.state, time, handle) == codes.OK
        assert orders.on_canceled(self.state, time, handle) == codes.OK

    def derisk(self):
        """Execute the reductions at the assumed cost, through the gate."""
        rows = np.zeros(8, dtype=record_dtype("reduction", SMALL)).view(np.recarray)
        for row in rows[: drawdown.derisk(self.state, rows, 8)]:
            i = int(row.instrument)
            for side, asked in ((1, int(row.cancel_buy_lots)), (-1, int(row.cancel_sell_lots))):
                lots = asked
                for handle, where, way, leaves, _ in self.working():
                    if lots > 0 and where == i and way == side:
                        self.cancel(handle)
                        lots -= leaves
                assert lots <= 0
            if row.lots > 0:
                side, lots = int(row.side), int(row.lots)
                decision = self.send(i, side, lots, codes.MARKET, 0, codes.REDUCE_ONLY)
                assert decision.action == codes.APPROVE, codes.check_names(decision.reasons)
                mark = int(self.mark(i))
                self.book(i, side, lots, mark, EXIT_COST - FEE, int(decision.handle))
            self.check()

    def pass_order(self, handle, i, side, leaves, price):
        """The market trades through a working order: it fills, at times in part, and is gone."""
        filled = leaves if self.rng.random() < 0.6 else int(self.rng.integers(0, leaves))
        if filled > 0:
            self.book(i, side, filled, price, FEE, handle)
        if filled < leaves:
            self.cancel(handle)

    def move(self):
        """Every mark moves within one scenario, mostly to its end; orders on the way fill."""
        scenario = int(self.rng.integers(3))
        time = support.now(self.state) + MINUTE
        for i in range(4):
            fall, rise = room_to_move(self.state, i, scenario)
            part = self.rng.choice([0.0, 0.5, 1.0, 1.0])
            old = self.mark(i)
            if self.rng.random() < 0.5:
                new = int(np.ceil(old * (1 - min(part * fall, 0.95))))
            else:
                new = int(np.floor(old * (1 + part * rise)))
            for handle, where, side, leaves, price in self.working():
                if where == i and (price - new) * side > 0:
                    self.pass_order(handle, i, side, leaves, price)
            show_market(self.state, i, new, time)
        self.check()

    def step(self):
        """One decision interval and the move after it."""
        for _ in range(int(self.rng.integers(1, 6))):
            if self.rng.random() < 0.2 and self.working():
                rows = self.working()
                self.cancel(rows[int(self.rng.integers(len(rows)))][0])
            self.order()
        self.check()
        self.derisk()
        self.move()
        self.derisk()


@pytest.mark.parametrize("cushion_multiplier", [0.5, 2.0, 64.0])
@pytest.mark.parametrize("max_drawdown", [0.01, 0.05, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_equity_never_crosses_the_drawdown_limit(seed, max_drawdown, cushion_multiplier):
    desk = Desk([seed, 1], max_drawdown, cushion_multiplier=cushion_multiplier)
    for _ in range(40):
        desk.step()
    assert desk.trades > 0


def test_the_simulation_comes_close_to_the_limit():
    # If it never did, the property above would prove little.
    closest = []
    for seed in range(12):
        desk = Desk(seed, 0.2)
        for _ in range(25):
            desk.step()
        closest.append(desk.lowest_room)
        assert desk.refused > 0
    assert min(closest) < 0.02


def fill_the_budget(desk):
    """Buy the first instrument until the gate lets nothing more through."""
    mark = int(desk.mark(0))
    decision = desk.send(0, codes.BUY, 1_000_000, codes.LIMIT, mark)
    assert decision.action == codes.RESIZE
    assert "DRAWDOWN_BUDGET_EXCEEDED" in codes.check_names(decision.reasons)
    desk.book(0, codes.BUY, int(decision.lots), mark, 0.0, int(decision.handle))


def test_a_move_to_the_end_of_the_scenario_leaves_enough_to_close_everything():
    desk = Desk(1, 0.1)
    fill_the_budget(desk)
    support.quote(desk.state, 0, int(TICKS * 0.65) - 1, int(TICKS * 0.65) + 1)
    desk.check()
    desk.derisk()
    assert desk.lots[0] <= 5
    assert desk.lowest_room < 1e-3


def test_a_move_beyond_the_scenario_does_cross_the_limit():
    desk = Desk(1, 0.1)
    fill_the_budget(desk)
    support.quote(desk.state, 0, int(TICKS * 0.64) - 1, int(TICKS * 0.64) + 1)
    with pytest.raises(AssertionError, match="the drawdown limit was crossed"):
        desk.check()
    assert desk.state.account.latches & codes.LATCH_DRAWDOWN


def crosses(desk):
    """Whether 25 steps cross the limit."""
    try:
        for _ in range(25):
            desk.step()
    except AssertionError:
        return bool(desk.state.account.latches & codes.LATCH_DRAWDOWN)
    return False


def test_skipping_the_reductions_crosses_the_limit():
    desks = [Desk(seed, 0.1) for seed in range(20)]
    for desk in desks:
        desk.derisk = lambda: None
    assert any(crosses(desk) for desk in desks)
