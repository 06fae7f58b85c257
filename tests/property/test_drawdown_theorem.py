"""The drawdown theorem: with the gate's budget respected and reductions done, the limit holds.

Random orders go through the gate, fill in part or whole, are cancelled or replaced by others; every
market then moves either way by as much as one budget scenario allows, at random or to where it
costs or brings most. Working orders fill on the way or do not: those that the market has passed
rest on, others are priced through the mark from the start, and both fill late, in parts, at their
own price. Some contracts are settled in a coin that moves with them, or in euro, whose rate moves
by itself. `derisk` is executed at the assumed cost before the next move. Equity must never fall
below its peak x (1 - max_drawdown). Equity and its peak are kept by an independent ledger, once at
marks that all have moved and once after every event; by the second the account's latch is set when
it should and not otherwise. The two differ where a fill is better than a mark that is behind.

What is assumed is what the module of `derisk` states: each market makes one move, within its
scenario; entering and leaving costs no more than `exit_cost`; orders that close are not priced
through the mark when they are sent; the coin's rate moves as the contracts settled in it and is
given first; foreign money that alone breaks the budget is converted when all else is closed.
"""

import numpy as np
import pytest

from riskcore import codes
from riskcore.kernels import drawdown, gate, market, orders, setup
from riskcore.layout import record_dtype
from tests import support
from tests.property.examples import examples
from tests.support import BROKER, BTC, EUR, EXCHANGE, MINUTE, SMALL, USD, make_state

EXIT_COST = 1 / 256  # assumed; executing costs 3/4 of it and opening the rest
FEE = EXIT_COST / 4
TICKS = 400_000  # fine ticks: rounding a mark to its grid never leaves the scenario
TICK = 2.0**-10  # of the coin, in account money
EURO_CONTRACT = 2  # inverse, settled in euro
COIN, CONTRACT_ON_COIN = 3, 4  # spot, and an inverse contract settled in the coin: one price
FALL = np.array([[0.1, 0.15, 0.2, 0.12], [0.35, 0.0, 0.3, 0.5], [0.0, 0.6, 0.0, 0.0]])
RISE = np.array([[0.1, 0.2, 0.15, 0.12], [0.1, 0.55, 0.4, 0.0], [0.0, 0.0, 1.5, 0.3]])
FALL, RISE = (np.column_stack([moves, moves[:, COIN]]) for moves in (FALL, RISE))
KINDS = (codes.LINEAR, codes.LINEAR, codes.INVERSE, codes.SPOT, codes.INVERSE)
SETTLED = (USD, USD, EUR, USD, BTC)
# a lot is worth 800, 2000, 1000 and 400 at the start, and always 1000
CONTRACT = (0.002, 0.005, 4e8, 0.001, 1000 / TICK)
EURO_MOVE = 1 / 16
HIGHEST_RATE = (1.0, 1 + RISE[:, COIN].max() * (1 + EXIT_COST) + EXIT_COST, 1 + EURO_MOVE)
FINE = 4000  # ticks; no mark falls below
EVERY = range(len(KINDS))
INVERSE = {i for i in EVERY if KINDS[i] == codes.INVERSE}
GROUPS = ((0,), (1,), (EURO_CONTRACT,), (COIN, CONTRACT_ON_COIN))  # what has one price

INSTRUMENTS = {
    i: {
        "kind": KINDS[i],
        "venue": BROKER if i % 2 else EXCHANGE,
        "currency": SETTLED[i],
        "underlying": min(i, COIN),
        "contract_value": CONTRACT[i],
        "exit_cost": EXIT_COST,
        "shorting_allowed": int(KINDS[i] != codes.SPOT),
    }
    for i in EVERY
}


def make_account(max_drawdown, **parameters):
    """An account that only the drawdown budget holds back."""
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
        "price_collar": 0.25,
        "exit_collar": 0.25,
    }
    state = make_state(marks=False, instruments=INSTRUMENTS, **(limits | parameters))
    assert market.on_rate(state, support.now(state), EUR, 1.0) == codes.OK
    assert market.on_rate(state, support.now(state), BTC, TICKS * TICK) == codes.OK
    for c, linked in ((BTC, COIN + 1), (EUR, 0)):
        values = {"state": codes.ACTIVE, "shock": EURO_MOVE, "instrument": linked}
        row = support.record("currency", SMALL, values)
        assert setup.currency_set(state, support.now(state), c, row) == codes.OK
    for s in range(3):
        values = {"enabled": 1, "horizon_ns": support.HOUR, "scenario_id": s + 1}
        row = support.record("scenario", SMALL, values)
        moves = [np.append(table[s], np.zeros(3)) for table in (FALL, RISE)]
        assert setup.scenario_set(state, support.now(state), s, row, *moves) == codes.OK
    for i in EVERY:
        show_market(state, i, TICKS, support.now(state))
    return state


def show_market(state, i, mark, time):
    """A book around the mark and a trade large enough not to bound any order."""
    assert support.quote(state, i, mark - 1, mark + 1, time_ns=time) == codes.OK
    assert market.on_trade(state, time, i, mark, 1 << 36) == codes.OK


class Desk:
    """Drives one account at random and keeps its own ledger."""

    def __init__(self, seed, max_drawdown, **parameters):
        self.rng = np.random.default_rng(seed)
        self.state = make_account(max_drawdown, **parameters)
        self.floor_share = 1.0 - max_drawdown
        self.deposits = float(self.state.account.equity)
        self.cash = [0.0, 0.0, 0.0]
        self.cash[USD] = self.deposits
        self.lots = np.zeros(len(KINDS))
        self.cost = np.zeros(len(KINDS))  # sum of lots x price; inverse: of lots / price
        self.peak = self.deposits
        self.client_id = 0
        self.trades = 0
        self.late_trades = 0
        self.refused = 0
        self.lowest_room = np.inf
        self.peak_seen = self.deposits  # after every event
        self.should_latch = False
        self.gained_on_old_mark = False  # by a fill since the marks began to move last

    def mark(self, i):
        return float(self.state.market[i].mark)

    def rate(self, currency):
        return float(self.state.currencies[currency].rate)

    def equity(self, marks=None, rates=None, fills=()):
        """The ledger's equity, at the present marks or as it would be at others, after fills."""
        cash = list(self.cash)
        lots, cost = self.lots.tolist(), self.cost.tolist()
        for _, i, side, filled, price in fills:
            lots[i] += side * filled
            cost[i] += side * filled / price if i in INVERSE else side * filled * price
        for i in EVERY:
            mark = marks[i] if marks else self.mark(i)
            gain = cost[i] - lots[i] / mark if i in INVERSE else lots[i] * mark - cost[i]
            cash[SETTLED[i]] += gain * CONTRACT[i]
        rates = rates or [self.rate(c) for c in (USD, BTC, EUR)]
        return sum(amount * rate for amount, rate in zip(cash, rates, strict=True))

    def pending_loss(self):
        """What passed orders cost if each side fills at its best price, at the highest rates."""
        sides = {}
        for _, i, side, leaves, price in self.working():
            lots, best = sides.get((i, side), (0, price))
            sides[i, side] = (lots + leaves, max(best * side, price * side) * side)
        pending = 0.0
        for (i, side), (lots, price) in sides.items():
            if (price - self.mark(i)) * side > 0:
                filled = self.equity(fills=[(0, i, side, lots, price)])
                pending += (self.equity() - filled) * HIGHEST_RATE[SETTLED[i]]
        return pending

    def look(self):
        """Look at equity and the latch after an event, whether or not all marks have moved."""
        equity = self.equity()
        self.peak_seen = max(self.peak_seen, equity - self.pending_loss())
        room = equity - self.peak_seen * self.floor_share
        first = room < 0.0 and not self.should_latch
        self.should_latch |= first
        if abs(room) > 1e-9 * self.peak_seen:  # closer than that it is a matter of rounding
            latched = bool(self.state.account.latches & codes.LATCH_DRAWDOWN)
            assert latched == self.should_latch
        assert not first or self.gained_on_old_mark, "the drawdown limit was crossed"

    def check(self):
        """Equity agrees with the ledger and the drawdown limit has not been crossed."""
        assert market.on_clock(self.state, support.now(self.state)) == codes.OK
        equity = self.equity()
        assert abs(self.state.account.equity - equity) <= 1e-7 * max(self.deposits, self.peak)
        self.look()
        self.peak = max(self.peak, equity - self.pending_loss())
        room = equity - self.peak * self.floor_share
        self.lowest_room = min(self.lowest_room, room / self.peak)
        assert room >= -1e-9 * self.peak, "the drawdown limit was crossed"

    def book(self, i, side, lots, price, cost, handle=0):
        """A fill, in the account and in the ledger; `cost` is a fraction of its value."""
        currency = SETTLED[i]
        value = lots * float(self.state.market[i].value_per_lot)
        fee = cost * value / self.rate(currency)
        status = support.fill(
            self.state, i, side, lots, price, handle=handle, fee=fee, fee_currency=currency
        )
        assert status in (codes.OK, codes.BOOKED_UNMATCHED)
        self.cash[currency] -= fee
        self.lots[i] += side * lots
        self.cost[i] += side * lots / price if i in INVERSE else side * lots * price
        self.trades += 1
        self.look()

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
        """An order of random size; one that passes is acknowledged, may fill and may rest.

        Its price is at the mark, beyond it or, now and then, through it: that fills late.
        """
        i = int(self.rng.integers(len(KINDS)))
        side = int(self.rng.choice([codes.BUY, codes.SELL]))
        lots = int(np.exp(self.rng.uniform(2, 11))) + 1
        away = self.rng.choice([0.0, 0.0, 0.001, 0.05, -0.02, -0.2])
        if side * self.lots[i] < 0:  # exits are not judged by the budget
            away = abs(away)
        exact = self.mark(i) * (1 - side * away)
        price = int(np.floor(exact) if side > 0 else np.ceil(exact))
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
        table = self.state["orders"]
        slots = np.flatnonzero(table["status"] != codes.ORDER_FREE)
        names = ("generation", "instrument", "side", "lots", "filled_lots", "price_ticks")
        found = []
        for k, row in zip(slots.tolist(), table[slots][list(names)].tolist(), strict=True):
            generation, i, side, lots, filled, price = row
            handle = generation << codes.HANDLE_SLOT_BITS | k
            found.append((handle, i, side, lots - filled, price))
        return found

    def cancel(self, handle):
        time = support.now(self.state)
        assert orders.cancel_order(self.state, time, handle) == codes.OK
        assert orders.on_canceled(self.state, time, handle) == codes.OK

    def fill_passed(self, share):
        """Some of the orders that the market has passed fill, in part or whole, at their price."""
        for handle, i, side, leaves, price in self.working():
            if (price - self.mark(i)) * side > 0 and self.rng.random() < share:
                filled = leaves if self.rng.random() < 0.5 else int(self.rng.integers(0, leaves))
                if filled > 0:
                    self.book(i, side, filled, price, FEE, handle)
                    self.late_trades += 1
        self.check()

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
        self.convert()

    def convert(self):
        """Change foreign money into the account's where what is left breaks the budget."""
        worst = max(float(self.state.stress.loss[s]) for s in range(3))
        if worst <= self.state.account.budget:
            return
        for foreign in (BTC, EUR):
            amount = float(self.state.currencies[foreign].balance)
            moves = [(foreign, -amount), (USD, amount * self.rate(foreign))]
            for currency, moved in sorted(moves, key=lambda move: -move[1]):  # in comes first
                support.deposit(self.state, BROKER, currency, moved)
                self.cash[currency] += moved
        self.check()

    def ends(self, i, scenario):
        """The lowest and the highest mark that a scenario allows, where ticks are still fine."""
        mark = int(self.mark(i))
        low = int(np.ceil(mark * (1 - FALL[scenario][i])))
        high = int(np.floor(mark * (1 + RISE[scenario][i])))
        return low if low > FINE else mark, high if high < 1 << 29 else mark

    def random_move(self):
        """Marks somewhere in a scenario, mostly at its ends, and the orders that fill before."""
        scenario = int(self.rng.integers(3))
        marks = [self.mark(i) for i in EVERY]
        for group in GROUPS:
            end = self.ends(group[0], scenario)[int(self.rng.integers(2))]
            part = self.rng.choice([0.0, 0.5, 1.0, 1.0])
            old = marks[group[0]]
            new = int(old + part * (end - old))
            for i in group:
                marks[i] = new
        fills = []
        for handle, i, side, leaves, price in self.working():
            if (price - marks[i]) * side > 0 and self.rng.random() < 0.6:
                lots = leaves if self.rng.random() < 0.6 else int(self.rng.integers(0, leaves))
                fills.append((handle, i, side, lots, price))
        euro = self.rate(EUR) * (1 + self.rng.choice([-EURO_MOVE, 0.0, EURO_MOVE]))
        return marks, euro, fills

    def planned_move(self, sign):
        """Of all ends of all scenarios, and all orders that may fill, what costs or brings most.

        `sign` is 1 for the worst, -1 for the best.
        """
        now = [self.mark(i) for i in EVERY]
        working = self.working()
        chosen = (np.inf,)
        present = self.rate(EUR)
        euros = [present * (1 + move) for move in (-EURO_MOVE, EURO_MOVE)]
        for scenario in range(3):
            total, marks, fills = 0.0, list(now), []
            for group in GROUPS:
                options = []
                for end in (now[group[0]], *self.ends(group[0], scenario)):
                    moved = [end if i in group else now[i] for i in EVERY]
                    mine = [row for row in working if row[1] in group]
                    for sides in ((), (1,), (-1,), (1, -1)):
                        taken = [
                            row
                            for row in mine
                            if row[2] in sides
                            and max((row[4] - mark) * row[2] for mark in (end, now[row[1]])) > 0
                        ]
                        for euro in euros if EURO_CONTRACT in group else [present]:
                            rates = (1.0, moved[COIN] * TICK, euro)
                            equity = sign * self.equity(moved, rates, taken)
                            options.append((equity, end, euro, taken))
                equity, end, euro, taken = min(options, key=lambda option: option[0])
                total += equity
                if EURO_CONTRACT in group:
                    chosen_euro = euro
                fills += taken
                for i in group:
                    marks[i] = end
            if total < chosen[0]:
                chosen = (total, marks, chosen_euro, fills)
        return chosen[1:]

    def move(self):
        """Orders fill, and every mark moves within one scenario; the coin's rate comes first."""
        kind = self.rng.random()
        if kind < 0.5:
            marks, euro, fills = self.random_move()
        else:
            marks, euro, fills = self.planned_move(1 if kind < 0.7 else -1)
        time = support.now(self.state) + MINUTE
        late = []
        self.gained_on_old_mark = False
        for handle, i, side, lots, price in fills:
            if lots > 0 and self.rng.random() < 0.5:
                self.gained_on_old_mark |= (self.mark(i) - price) * side > 0
                self.book(i, side, lots, price, FEE, handle)
            elif lots > 0:
                late.append((handle, i, side, lots, price))
        for currency, rate in ((BTC, marks[COIN] * TICK), (EUR, euro)):
            assert market.on_rate(self.state, time, currency, rate) == codes.OK
            self.look()
        for i in EVERY:
            show_market(self.state, i, int(marks[i]), time)
            self.look()
        for handle, i, side, lots, price in late:
            self.book(i, side, lots, price, FEE, handle)
            self.late_trades += 1
        self.check()

    def step(self):
        """One decision interval and the move after it."""
        for _ in range(int(self.rng.integers(1, 6))):
            if self.rng.random() < 0.2 and self.working():
                rows = self.working()
                self.cancel(rows[int(self.rng.integers(len(rows)))][0])
            self.order()
            self.fill_passed(0.1)
        self.derisk()
        self.fill_passed(0.3)
        self.move()
        self.fill_passed(0.3)
        self.derisk()


@pytest.mark.parametrize("cushion_multiplier", [0.5, 2.0, 64.0])
@pytest.mark.parametrize("max_drawdown", [0.01, 0.05, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(max(3, examples(1))))  # 50 where the run may take long
def test_equity_never_crosses_the_drawdown_limit(seed, max_drawdown, cushion_multiplier):
    desk = Desk([seed, 1], max_drawdown, cushion_multiplier=cushion_multiplier)
    for _ in range(12):
        desk.step()
    assert desk.trades > 0


def test_a_fill_better_than_a_mark_that_is_behind_may_latch_above_the_limit():
    desk = Desk([9, 1], 0.05, cushion_multiplier=64.0)
    for _ in range(12):
        desk.step()
    assert desk.should_latch  # as `look` has compared with the account's latch
    assert desk.lowest_room >= 0.0


def test_the_simulation_comes_close_to_the_limit():
    # If it never did, the property above would prove little.
    desks = [Desk(seed, 0.2) for seed in range(6)]
    for desk in desks:
        for _ in range(12):
            desk.step()
        assert desk.refused > 0
        assert desk.late_trades > 0
    assert min(desk.lowest_room for desk in desks) < 1e-3


def open_order(desk, i, side, price):
    """Send an order of which the gate leaves as much as the budget covers; lots and handle."""
    decision = desk.send(i, side, 1_000_000, codes.LIMIT, price)
    assert decision.action == codes.RESIZE
    assert "DRAWDOWN_BUDGET_EXCEEDED" in codes.check_names(decision.reasons)
    return int(decision.lots), int(decision.handle)


def fill_the_budget(desk, i=0, side=codes.BUY):
    """Trade an instrument at the mark until the gate lets nothing more through."""
    mark = int(desk.mark(i))
    lots, handle = open_order(desk, i, side, mark)
    desk.book(i, side, lots, mark, FEE, handle)


def go_short(desk, lots):
    """Sell the first instrument at the mark."""
    decision = desk.send(0, codes.SELL, lots, codes.LIMIT, int(desk.mark(0)))
    desk.book(0, codes.SELL, lots, int(desk.mark(0)), 0.0, int(decision.handle))


def move_to(desk, *instruments, share):
    """Move marks to a share of what they are."""
    for i in instruments:
        show_market(desk.state, i, round(desk.mark(i) * share), support.now(desk.state))


def move_rate(desk, currency, share):
    """Move a rate to a share of what it is."""
    rate = desk.rate(currency) * share
    assert market.on_rate(desk.state, support.now(desk.state), currency, rate) == codes.OK


def move_coin(desk, share):
    """Move the coin and all that is priced in it, its rate first."""
    move_rate(desk, BTC, share)
    move_to(desk, COIN, CONTRACT_ON_COIN, share=share)


def test_an_order_that_fills_late_was_counted_all_the_time():
    desk = Desk(1, 0.1)
    lots, handle = open_order(desk, 0, codes.BUY, TICKS)
    move_to(desk, 0, share=0.65)
    for i in (0, COIN):
        assert desk.send(i, codes.BUY, 100, codes.LIMIT, int(desk.mark(i))).lots < 5
    desk.book(0, codes.BUY, lots // 3, TICKS, 0.0, handle)
    assert desk.send(COIN, codes.BUY, 100, codes.LIMIT, TICKS).lots < 5
    desk.book(0, codes.BUY, lots - lots // 3, TICKS, 0.0, handle)
    desk.check()
    desk.derisk()
    assert desk.lowest_room < 1e-3


def test_profit_is_no_peak_while_passed_orders_may_take_it_away():
    desk = Desk(1, 0.1)
    go_short(desk, 1000)
    lots, handle = open_order(desk, 0, codes.BUY, TICKS)
    assert lots > 1000
    move_to(desk, 0, share=0.65)
    assert desk.equity() > desk.deposits * 1.1
    desk.check()
    assert desk.state.account.high_water_mark < desk.deposits * 1.001
    desk.book(0, codes.BUY, lots, TICKS, 0.0, handle)
    desk.check()
    assert desk.lowest_room < 2e-3


def test_passed_exits_leave_the_rest_of_the_position_and_the_budget_covers_both():
    # The buys cost more than the lots that they close can lose in a rise.
    desk = Desk(1, 0.1)
    go_short(desk, 1000)
    decision = desk.send(0, codes.BUY, 500, codes.LIMIT, TICKS)
    move_to(desk, 0, share=0.65)
    desk.check()
    fill_the_budget(desk, 1, codes.SELL)
    desk.derisk()
    desk.book(0, codes.BUY, 500, TICKS, 0.0, int(decision.handle))
    move_to(desk, 0, share=1 + RISE[1][0])
    move_to(desk, 1, share=1 + RISE[1][1])
    desk.check()
    assert desk.lowest_room < 3e-3


def test_what_a_late_fill_loses_in_a_coin_is_paid_at_the_higher_rate():
    desk = Desk(1, 0.1)
    price = int(0.8 * TICKS)
    lots, handle = open_order(desk, CONTRACT_ON_COIN, codes.SELL, price)
    move_coin(desk, 1 + RISE[2][COIN])
    desk.book(CONTRACT_ON_COIN, codes.SELL, lots, price, 0.0, handle)
    desk.check()
    assert desk.lowest_room < 2e-3


def test_open_profit_in_a_coin_is_lost_with_the_coin():
    desk = Desk(1, 0.1)
    fill_the_budget(desk, CONTRACT_ON_COIN)
    move_coin(desk, 1 + RISE[2][COIN])
    desk.check()
    desk.derisk()
    move_coin(desk, 1 - FALL[1][COIN])
    desk.check()
    assert desk.lowest_room < 2e-3


def test_a_rise_to_the_end_of_the_scenario_leaves_enough_to_close_at_the_higher_price():
    desk = Desk(1, 0.5)
    fill_the_budget(desk, 1, codes.SELL)
    move_to(desk, 1, share=1 + RISE[1][1])
    desk.check()
    desk.derisk()
    assert abs(desk.lots[1]) <= 5
    assert desk.lowest_room < 1e-3


def test_a_loss_in_euro_is_paid_at_the_higher_rate():
    desk = Desk(1, 0.1)
    fill_the_budget(desk, EURO_CONTRACT, codes.SELL)
    move_rate(desk, EUR, 1 + EURO_MOVE)
    move_to(desk, EURO_CONTRACT, share=1 + RISE[2][EURO_CONTRACT])
    desk.check()
    assert desk.lowest_room < 2e-3


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


def test_an_exit_priced_through_the_mark_crosses_the_limit():
    # The budget judges what opens; an exit may always leave, at what it is priced.
    desk = Desk(1, 0.1)
    fill_the_budget(desk, 0, codes.SELL)
    lots, price = int(-desk.lots[0]), int(1.2 * TICKS)
    decision = desk.send(0, codes.BUY, lots, codes.LIMIT, price)
    assert decision.action == codes.APPROVE
    with pytest.raises(AssertionError, match="the drawdown limit was crossed"):
        desk.book(0, codes.BUY, lots, price, 0.0, int(decision.handle))
