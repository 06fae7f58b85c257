"""Seeded random streams of events of every kind, as journal records.

``EventStream(seed, state)`` draws blocks of events. What kinds come, how fast time moves and how
wild prices are differs from seed to seed (swarm testing); values are drawn around where they
matter, with edges mixed in, and a few per cent of the events are spoilt. Drawing a block looks at
the state, so that handles, fills and exits hit, but never writes it: the same seed and the same
states give the same events. Recorded blocks replay anywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from riskcore import codes
from riskcore.layout import Shape, record_dtype

MILLISECOND, SECOND, HOUR = 1_000_000, 1_000_000_000, 3_600_000_000_000

# How often a kind comes, before the seed shakes the weights.
WEIGHTS = {
    codes.EVENT_QUOTE: 24.0,
    codes.EVENT_TRADE: 6.0,
    codes.EVENT_RATE: 2.0,
    codes.EVENT_CLOCK: 2.0,
    codes.EVENT_SAMPLE: 1.5,
    codes.EVENT_ADVANCE: 3.0,
    codes.EVENT_CHECK: 30.0,
    codes.EVENT_CANCEL: 3.0,
    codes.EVENT_REPLACE: 3.0,
    codes.EVENT_ACK: 4.0,
    codes.EVENT_REJECT: 1.0,
    codes.EVENT_CANCELED: 1.0,
    codes.EVENT_CANCEL_REJECT: 0.5,
    codes.EVENT_REPLACED: 1.0,
    codes.EVENT_EXPIRE: 0.7,
    codes.EVENT_FILL: 3.0,
    codes.EVENT_BUST: 0.3,
    codes.EVENT_FUNDING: 0.7,
    codes.EVENT_TRANSFER: 0.7,
    codes.EVENT_SETTLEMENT: 0.1,
    codes.EVENT_POSITION: 0.4,
    codes.EVENT_ORDER_STATUS: 0.8,
    codes.EVENT_HEARTBEAT: 3.0,
    codes.EVENT_LATENCY: 1.0,
    codes.EVENT_ERROR: 0.5,
    codes.EVENT_CONTROL: 2.5,
    codes.EVENT_REGIME: 0.7,
}
ESSENTIAL = (codes.EVENT_QUOTE, codes.EVENT_CHECK, codes.EVENT_FILL, codes.EVENT_CONTROL)

FACTS = (
    codes.EVENT_FILL,
    codes.EVENT_BUST,
    codes.EVENT_FUNDING,
    codes.EVENT_TRANSFER,
    codes.EVENT_SETTLEMENT,
    codes.EVENT_POSITION,
)

CONTROLS = np.array([1, 2, 2, 2, 3, 3, 3, 4, 5, 5, 5, 5, 6, 7, 8, 8, 9, 10, 10, 12])

INTEGER_EDGES = np.array(
    [
        *(0, 1, -1, 2, 3, 255, 1 << 40, (1 << 40) + 1, -(1 << 40), 1 << 50, 1 << 52),
        *(1 << 62, (1 << 62) - 1, (1 << 62) + 1, -(1 << 62), (1 << 63) - 1, -(1 << 63)),
    ],
    dtype=np.int64,
)
FLOAT_EDGES = np.array(
    [
        *(0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 5e-324, 1e15, 1e16, -1e15, 1e300, 1.7e308),
        *(np.nan, np.inf, -np.inf, 2.0**62, 2.0**63, -(2.0**63)),
    ]
)


def event_array(count: int, shape: Shape) -> np.ndarray:
    """Zeroed event records."""
    return np.zeros(count, dtype=record_dtype("event", shape))


class EventStream:
    """Random events for one configured state.

    Parameters
    ----------
    seed : int
    state : record of layout.state_dtype
        Configured; read at the start of each block.
    shape : Shape
        Of the state.
    spoilt : float, optional
        Share of events with one field replaced by an edge value.
    """

    def __init__(self, seed: int, state: Any, shape: Shape, spoilt: float = 0.02) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.seed, self.shape, self.spoilt, self.state = seed, shape, spoilt, state
        weights = np.array([WEIGHTS[kind] for kind in sorted(WEIGHTS)])
        weights *= np.exp(rng.normal(0.0, 0.7, weights.size))
        quiet = rng.random(weights.size) < 0.1
        for kind in ESSENTIAL:
            quiet[kind - 1] = False
        weights[quiet] = 0.0
        self.weights = weights / weights.sum()
        self.time_ns = max(1, int(state["header"]["last_time_ns"]))
        self.mean_gap_ns = float(rng.choice([MILLISECOND, 50 * MILLISECOND, SECOND, 20 * SECOND]))
        self.share_waiting = float(rng.choice([0.0, 0.0002, 0.002]))
        self.move = float(rng.choice([1e-4, 1e-3, 5e-3]))
        self.jump = float(rng.choice([0.0, 0.002, 0.01]))
        self.size = float(rng.choice([0.02, 0.1, 0.5]))
        self.next_id = 1
        count = int(state["header"]["instrument_count"])
        marks = state["market"]["mark"][:count]
        self.base = np.where(marks > 0, marks, 1000.0)
        self.drift = np.zeros(count)

    def block(self, count: int) -> np.ndarray:
        """The next events."""
        rng, state = self.rng, self.state
        events = event_array(count, self.shape)
        header = state["header"]
        events["kind"] = rng.choice(np.arange(1, codes.EVENT_KINDS + 1), count, p=self.weights)
        self._times(events)
        instruments = int(header["instrument_count"])
        events["instrument"] = rng.integers(0, instruments, count)
        events["strategy"] = rng.integers(0, max(1, int(header["strategy_count"])), count)
        events["venue"] = rng.integers(0, max(1, int(header["venue_count"])), count)
        events["currency"] = rng.integers(0, max(1, int(header["currency_count"])), count)
        events["side"] = rng.integers(0, 2, count) * 2 - 1
        events["code"] = rng.integers(0, 5, count)
        self._markets(events)
        self._orders(events)
        self._handles(events)
        self._facts(events)
        self._system(events)
        self._spoil(events, self.spoilt)
        return events

    def orders(self, count: int, spoilt: float = 0.005) -> np.ndarray:
        """Only checks, as order records; a share of them spoilt."""
        events = event_array(count, self.shape)
        rng, header = self.rng, self.state["header"]
        events["kind"] = codes.EVENT_CHECK
        self._times(events)
        events["instrument"] = rng.integers(0, int(header["instrument_count"]), count)
        events["strategy"] = rng.integers(0, int(header["strategy_count"]), count)
        events["side"] = rng.integers(0, 2, count) * 2 - 1
        self._markets(events)
        self._orders(events)
        self._spoil(events, spoilt)
        orders = np.zeros(count, dtype=record_dtype("order", self.shape))
        for name in orders.dtype.names:
            if name in events.dtype.names and name != "padding":
                orders[name] = events[name]
        orders["client_id"], orders["stop_ticks"] = events["id"], events["price_ticks_2"]
        return orders

    # the parts of a block

    def _times(self, events: np.ndarray) -> None:
        rng, count = self.rng, len(events)
        gaps = rng.exponential(self.mean_gap_ns, count)
        gaps[rng.random(count) < 0.1] = 0.0
        long_wait = rng.random(count) < self.share_waiting
        gaps[long_wait] = rng.choice([60 * SECOND, HOUR, 26 * HOUR], int(long_wait.sum()))
        times = max(self.time_ns, int(self.state["header"]["last_time_ns"])) + np.cumsum(
            gaps.astype(np.int64)
        )
        self.time_ns = int(times[-1])
        back = rng.random(count) < 0.01
        times[back] -= rng.integers(0, 3 * SECOND, int(back.sum()))
        events["time_ns"] = times
        events["venue_time_ns"] = times - rng.integers(0, SECOND, count)

    def _markets(self, events: np.ndarray) -> None:
        """Quotes, trades and the price that everything else is drawn around."""
        rng, count = self.rng, len(events)
        size = self.drift.size
        self.drift = 0.98 * self.drift + rng.normal(0.0, 3.0 * self.move, size)
        if rng.random() < self.jump:
            self.drift[rng.integers(0, size)] += rng.choice([-0.4, -0.1, 0.1, 0.4])
        noise = rng.normal(0.0, self.move, count)
        self.middle = (self.base * np.exp(self.drift))[events["instrument"]] * (1.0 + noise)
        kind = events["kind"]
        quotes = np.flatnonzero(kind == codes.EVENT_QUOTE)
        half = rng.choice([0.0002, 0.0005, 0.002, 0.02], quotes.size, p=[0.6, 0.25, 0.12, 0.03])
        bid = np.floor(self.middle[quotes] * (1.0 - half)).astype(np.int64)
        ask = np.ceil(self.middle[quotes] * (1.0 + half)).astype(np.int64)
        ask = np.maximum(ask, bid + 1)
        bad = rng.random(quotes.size)
        bid, ask = np.where(bad < 0.01, ask, bid), np.where(bad < 0.01, bid, ask)  # crossed
        sizes = np.exp(rng.uniform(0.0, 9.0, (2, quotes.size))).astype(np.int64) + 1
        no_bid, no_ask = (bad > 0.01) & (bad < 0.02), (bad > 0.015) & (bad < 0.025)
        events["price_ticks"][quotes] = np.where(no_bid, 0, np.maximum(bid, 1))
        events["lots"][quotes] = np.where(no_bid, 0, sizes[0])
        events["price_ticks_2"][quotes] = np.where(no_ask, 0, np.maximum(ask, 1))
        events["lots_2"][quotes] = np.where(no_ask, 0, sizes[1])
        trades = np.flatnonzero(kind == codes.EVENT_TRADE)
        events["price_ticks"][trades] = np.maximum(1, np.rint(self.middle[trades]))
        events["lots"][trades] = np.exp(rng.uniform(0.0, 13.0, trades.size)) + 1
        rates = np.flatnonzero(kind == codes.EVENT_RATE)
        known = self.state["currencies"]["rate"][events["currency"][rates]]
        factor = np.exp(rng.normal(0.0, 3.0 * self.move, rates.size))
        events["value"][rates] = np.where(known > 0, known, 1.0) * factor

    def _orders(self, events: np.ndarray) -> None:
        """Orders, with lots around what the account can bear and around open positions."""
        rng, state = self.rng, self.state
        rows = np.flatnonzero(events["kind"] == codes.EVENT_CHECK)
        count = rows.size
        i = events["instrument"][rows]
        terms = state["instruments"]
        value = state["market"]["value_per_lot"][i]
        equity = max(1.0, float(state["account"]["equity"]))
        wanted = equity * self.size * np.exp(rng.uniform(-8.0, 1.0, count))
        lots = np.minimum(wanted / np.maximum(value, 1e-6), 1e11).astype(np.int64) + 1
        step = np.maximum(1, terms["lot_step"][i])
        lots = np.where(rng.random(count) < 0.97, np.maximum(1, lots // step) * step, lots)
        side = events["side"][rows]
        # Close, or nearly, or beyond: what is filled less what works to close it.
        net = state["positions"]["net_lots"][i]
        working = np.where(
            net > 0,
            state["positions"]["working_sell_lots"][i],
            state["positions"]["working_buy_lots"][i],
        )
        closing = (rng.random(count) < 0.3) & (net != 0)
        side = np.where(closing, -np.sign(net), side)
        capacity = np.maximum(1, np.abs(net) - working)
        beyond = rng.choice([0, 0, 0, -1, 1, 2], count) * step + np.where(
            rng.random(count) < 0.2, lots, 0
        )
        part = np.where(rng.random(count) < 0.4, rng.random(count), 1.0)
        closing_lots = np.maximum(1, (capacity * part).astype(np.int64) + beyond)
        whole = rng.random(count) < 0.8
        closing_lots = np.where(whole, np.maximum(1, closing_lots // step) * step, closing_lots)
        lots = np.where(closing, np.minimum(closing_lots, codes.MAX_LOTS), lots)
        smallest = -(-terms["min_lots"][i] // step) * step
        lots = np.where(rng.random(count) < 0.8, np.maximum(lots, smallest), lots)
        edge = rng.random(count)
        for low, name in (
            (0.0, "max_order_lots"),
            (0.01, "min_lots"),
            (0.015, "max_position_lots"),
        ):
            hit = (edge >= low) & (edge < low + 0.005)
            lots = np.where(hit, terms[name][i] + rng.integers(-1, 2, count), lots)
        kinds = rng.choice([codes.LIMIT, codes.MARKET, codes.STOP], count, p=[0.82, 0.12, 0.06])
        spread = rng.choice([0.0005, 0.003, 0.02, 0.2], count, p=[0.4, 0.4, 0.18, 0.02])
        price = self.middle[rows] * (1.0 + rng.normal(0.0, 1.0, count) * spread)
        tick = np.maximum(1, terms["tick_step"][i])
        ticks = np.maximum(1, np.clip(price, 1.0, 1e12).astype(np.int64))
        ticks = np.where(rng.random(count) < 0.98, np.maximum(1, ticks // tick) * tick, ticks)
        is_limit, is_stop = kinds == codes.LIMIT, kinds == codes.STOP
        force = rng.choice([codes.GTC, codes.IOC, codes.FOK], count, p=[0.8, 0.1, 0.1])
        flags = np.where(rng.random(count) < 0.06, codes.REDUCE_ONLY, 0)
        post = (rng.random(count) < 0.1) & is_limit & (force == codes.GTC)
        confidence = np.where(rng.random(count) < 0.85, 1.0, rng.random(count))
        identifiers = self.next_id + np.arange(count)
        self.next_id += count
        identifiers -= np.where(rng.random(count) < 0.01, rng.integers(0, 50, count), 0)
        for name, column in (
            ("side", side),
            ("lots", lots),
            ("type", kinds),
            ("time_in_force", force),
            ("order_flags", flags + np.where(post, codes.POST_ONLY, 0)),
            ("price_ticks", np.where(is_limit, ticks, 0)),
            ("price_ticks_2", np.where(is_stop, ticks, 0)),
            ("confidence", confidence),
            ("id", np.maximum(identifiers, 1)),
        ):
            events[name][rows] = column

    def _handles(self, events: np.ndarray) -> None:
        """Answers of the venue and requests to it, mostly for orders that live."""
        rng, kind, table = self.rng, events["kind"], self.state["orders"]
        about_orders = ((kind >= codes.EVENT_CANCEL) & (kind <= codes.EVENT_FILL)) | (
            kind == codes.EVENT_ORDER_STATUS
        )
        rows = np.flatnonzero(about_orders)
        count = rows.size
        slots = rng.integers(0, min(len(table), 24), count)
        live = np.flatnonzero(table["status"] != codes.ORDER_FREE)
        if live.size:
            slots = np.where(rng.random(count) < 0.8, rng.choice(live, count), slots)
        slot_is_free = table["status"][slots] == codes.ORDER_FREE
        # A free slot is guessed at the generation that it will have when it is taken next.
        generation = table["generation"][slots] + slot_is_free
        generation -= np.where(rng.random(count) < 0.04, 1, 0)
        events["handle"][rows] = (np.maximum(generation, 0) << codes.HANDLE_SLOT_BITS) | slots
        events["handle"][rows[rng.random(count) < 0.01]] = 0
        events["code"][rows] = rng.integers(1, 4, count)
        events["id"][rows] = rng.integers(1, 1 << 40, count)
        lots, filled = table["lots"][slots], table["filled_lots"][slots]
        leaves = np.maximum(lots - filled, 1)
        price = np.maximum(np.rint(self.middle[rows]), 1).astype(np.int64)
        changed = np.maximum(
            1, (lots * rng.choice([0.5, 1.0, 1.0, 1.5, 2.0], count)).astype(np.int64)
        )
        events["lots_2"][rows] = changed
        near = np.maximum(table["price_ticks"][slots] + rng.integers(-3, 4, count), 1)
        events["price_ticks_2"][rows] = np.where(rng.random(count) < 0.7, near, price)
        replaced = rows[kind[rows] == codes.EVENT_REPLACED]
        asked = table["replace_lots"][slots], table["replace_ticks"][slots]
        events["lots"][rows] = np.where(asked[0] > 0, asked[0], changed)
        events["price_ticks"][rows] = np.where(asked[1] > 0, asked[1], price)
        jittered = replaced[rng.random(replaced.size) < 0.1]
        events["lots"][jittered] += 1
        fills = kind[rows] == codes.EVENT_FILL
        share = rng.choice([0.25, 0.5, 1.0, 1.0, 1.0, 1.5], count)
        part = np.maximum(1, (leaves * share).astype(np.int64))
        own = table["price_ticks"][slots]
        fill_price = np.where((own > 0) & (rng.random(count) < 0.5), own, price)
        hit = rows[fills]
        events["lots"][hit] = part[fills]
        events["price_ticks"][hit] = np.clip(fill_price[fills], 1, codes.MAX_TICKS)
        known = fills & ~slot_is_free & (rng.random(count) < 0.98)
        for name in ("instrument", "strategy", "side"):
            events[name][rows[known]] = table[name][slots[known]]
        status = rows[kind[rows] == codes.EVENT_ORDER_STATUS]
        events["lots"][status] = np.where(
            rng.random(status.size) < 0.9, filled[kind[rows] == codes.EVENT_ORDER_STATUS], 1
        )

    def _facts(self, events: np.ndarray) -> None:
        """Fees, funding, transfers, settlements and reconciliations."""
        rng, kind, state = self.rng, events["kind"], self.state
        equity = max(1000.0, float(state["account"]["equity"]))
        trades = np.flatnonzero((kind == codes.EVENT_FILL) | (kind == codes.EVENT_BUST))
        count = trades.size
        events["value"][trades] = equity * 1e-6 * rng.normal(0.3, 1.0, count)
        events["id"][trades] = np.where(
            rng.random(count) < 0.9,
            self.next_id * 1000 + np.arange(count),
            rng.integers(0, 50, count),
        )
        for name, size in (("strategy", "strategy_count"), ("currency", "currency_count")):
            # Somebody else's, or in a coin that nobody has set.
            unset = int(state["header"][size]) + rng.choice([0, 0, 1, 100], count)
            unset = np.where(rng.random(count) < 0.3, -1, unset)
            hit = rng.random(count) < 0.03
            events[name][trades[hit]] = unset[hit]
        busts = np.flatnonzero(kind == codes.EVENT_BUST)
        events["lots"][busts] = rng.integers(1, 50, busts.size)
        events["price_ticks"][busts] = np.maximum(1, np.rint(self.middle[busts]))
        executed = state["executions"]["execution_id"]
        executed = executed[executed > 0]
        if executed.size and busts.size:
            events["id"][busts] = rng.choice(executed, busts.size)
        funding = np.flatnonzero(kind == codes.EVENT_FUNDING)
        events["value"][funding] = equity * 1e-4 * rng.normal(0.0, 1.0, funding.size)
        events["strategy"][funding[rng.random(funding.size) < 0.3]] = -1
        events["strategy"][funding[rng.random(funding.size) < 0.05]] = -2
        unset_currency = int(state["header"]["currency_count"])
        events["currency"][funding[rng.random(funding.size) < 0.05]] = unset_currency
        transfers = np.flatnonzero(kind == codes.EVENT_TRANSFER)
        amount = equity * rng.choice([0.01, -0.01, 0.05, -0.03, 0.2], transfers.size)
        if state["account"]["equity"] < 1000.0:
            # Somebody pays in, or the rest of the stream would meet a dead account.
            events["currency"][transfers] = 0
            amount = np.full(transfers.size, min(1e14, 1e5 + 1.5 * abs(state["account"]["equity"])))
        rate = state["currencies"]["rate"][events["currency"][transfers]]
        events["value"][transfers] = amount / np.where(rate > 0, rate, 1.0)
        small = amount < 0.3 * equity
        events["currency"][transfers[small & (rng.random(transfers.size) < 0.03)]] = unset_currency
        others = np.flatnonzero((kind == codes.EVENT_SETTLEMENT) | (kind == codes.EVENT_POSITION))
        events["price_ticks"][others] = np.maximum(1, np.rint(self.middle[others]))
        venue_says = np.flatnonzero(kind == codes.EVENT_POSITION)
        i = events["instrument"][venue_says]
        difference = rng.choice([0, 0, 0, 1, -1, 10], venue_says.size)
        events["lots"][venue_says] = state["positions"]["net_lots"][i] + difference
        events["price_ticks"][venue_says[rng.random(venue_says.size) < 0.3]] = 0

    def _system(self, events: np.ndarray) -> None:
        """Slices of the matrix pass, heartbeats, latency, errors, controls and regimes."""
        rng, kind = self.rng, events["kind"]
        slices = np.flatnonzero(kind == codes.EVENT_ADVANCE)
        events["lots"][slices] = rng.choice([1, 2, 3, 5, 8, 1000], slices.size)
        beats = np.flatnonzero(kind == codes.EVENT_HEARTBEAT)
        events["venue"][beats[rng.random(beats.size) < 0.3]] = -1
        latency = np.flatnonzero(kind == codes.EVENT_LATENCY)
        events["value"][latency] = np.floor(np.exp(rng.uniform(4.0, 15.0, latency.size)))
        controls = np.flatnonzero(kind == codes.EVENT_CONTROL)
        code = rng.choice(CONTROLS, controls.size)
        events["code"][controls] = code
        events["id"][controls] = rng.integers(1, 100, controls.size)
        state = np.where(rng.random(controls.size) < 0.8, 1, rng.integers(0, 6, controls.size))
        usage = rng.integers(0, 100, controls.size)
        events["value"][controls] = np.where(code == codes.CONTROL_VENUE_USAGE, usage, state)
        events["lots"][controls] = events["value"][controls].astype(np.int64)
        regimes = np.flatnonzero(kind == codes.EVENT_REGIME)
        events["code"][regimes] = rng.choice([0, 0, 0, 1, 1, 2, 2, 3], regimes.size)
        events["value"][regimes] = rng.choice([1.0, 0.9, 0.5, 0.0, 0.3], regimes.size)

    def _spoil(self, events: np.ndarray, spoilt: float) -> None:
        """Replace one field of a few events by an edge value."""
        rng = self.rng
        names = [n for n in events.dtype.names if n not in ("kind", "padding", "venue_time_ns")]
        # A fact of absurd size is booked and ruins the account for good: seldom.
        chance = np.where(np.isin(events["kind"], FACTS), 0.02 * spoilt, spoilt)
        for row in np.flatnonzero(rng.random(len(events)) < chance):
            name = names[rng.integers(0, len(names))]
            if events.dtype[name].kind == "f":
                events[name][row] = rng.choice(FLOAT_EDGES)
            elif name == "id":
                events[name][row] = rng.choice([0, -1, 1, (1 << 62) + 1, -(1 << 63)])
            else:
                events[name][row] = rng.choice(INTEGER_EDGES)
            if rng.random() < 0.02:
                events["kind"][row] = rng.choice([0, -1, codes.EVENT_KINDS + 1, 1 << 40])
