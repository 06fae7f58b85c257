"""Runs random orders through an engine and through the rule book, and tallies where they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from riskcore import codes
from riskcore.codes import CHECKS
from riskcore.layout import Shape, record_dtype
from riskcore.profile.engines import Engine
from tests.rulebook import rulebook
from tests.simulation.stream import EventStream
from tests.simulation.worlds import START_NS, build_world, draw_parameters
from tests.support import SMALL

ORDERS_PER_WORLD = 400
EVENTS_BETWEEN = 24
ORDERS_BETWEEN = 8
REPLACES_BETWEEN = 3
FIGURES_TOLERANCE = 1e-9
UNLIMITED = 1e18  # the gate calls the utilisation of a limit that is nothing at least this


@dataclass
class Tally:
    """What a run saw."""

    orders: int = 0
    near: int = 0
    near_and_different: int = 0
    uses: int = 0
    uses_in_doubt: int = 0
    actions: Counter = field(default_factory=Counter)
    replaces: Counter = field(default_factory=Counter)
    tripped: Counter = field(default_factory=Counter)
    passed: Counter = field(default_factory=Counter)
    just_passed: Counter = field(default_factory=Counter)
    on_limit: Counter = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take in the tally of another shard."""
        self.orders += other.orders
        self.near += other.near
        self.near_and_different += other.near_and_different
        self.uses += other.uses
        self.uses_in_doubt += other.uses_in_doubt
        for name in ("actions", "replaces", "tripped", "passed", "just_passed", "on_limit"):
            getattr(self, name).update(getattr(other, name))
        self.disagreements += other.disagreements

    def count(self, verdict: rulebook.Verdict, is_replace: bool = False) -> None:
        """Enter one verdict."""
        self.orders += not is_replace
        (self.replaces if is_replace else self.actions)[verdict.action] += 1
        self.on_limit.update({number for _, number in verdict.near})
        for number in CHECKS:
            if verdict.reasons[number // 64] >> number % 64 & 1:
                self.tripped[number] += 1
        for number, answer in verdict.answers.items():
            if not rulebook.objects(answer):
                self.passed[number] += 1
                if any(r.utilisation() > 0.8 for r in rulebook.readings(answer)):
                    self.just_passed[number] += 1

    def table(self) -> str:
        """How often each check objected, passed, and passed with more than 80 % used."""
        columns = f"{'objected':>10} {'passed':>10} {'just passed':>12} {'on limit':>9}"
        lines = [
            f"{self.orders} orders: "
            + ", ".join(f"{self.actions[a]} {n}" for a, n in codes.ACTION_NAMES.items())
            + f"; {self.near} on a limit within {rulebook.NEAR:g}, not compared"
            + f" ({self.near_and_different} of them decided otherwise)",
            f"and {sum(self.replaces.values())} replaces: "
            + ", ".join(f"{n} {codes.ACTION_NAMES[a]}" for a, n in sorted(self.replaces.items()))
            + f"; {self.uses} utilisations compared, {self.uses_in_doubt} in doubt of rounding",
            f"{'':4} {'check':34} {columns}",
        ]
        for number, check in sorted(CHECKS.items()):
            lines.append(
                f"{number:4} {check.name:34} {self.tripped[number]:10}"
                f" {self.passed[number]:10} {self.just_passed[number]:12} {self.on_limit[number]:9}"
            )
        return "\n".join(lines)


def differences(verdict: rulebook.Verdict, decision: Any) -> list[str]:
    """Where a decision is not the verdict."""
    pairs = [
        ("action", verdict.action, decision["action"]),
        ("status", verdict.status, decision["status"]),
        ("lots", verdict.lots, decision["lots"]),
        ("reasons", verdict.reasons, tuple(decision["reasons"].tolist())),
        ("first_check", verdict.first_check, decision["first_check"]),
        ("layer", verdict.layer, decision["layer"]),
    ]
    if verdict.action != codes.REJECT:
        granted_exit = min(decision["exit_lots"], decision["lots"])
        pairs.append(("exit_lots", verdict.exit_lots, granted_exit))
    if verdict.evaluated:
        pairs.append(("price_ticks", verdict.price_ticks, decision["price_ticks"]))
    found = [f"{name}: book {a}, gate {b}" for name, a, b in pairs if a != b]
    if any(text.startswith("reasons") for text in found):
        book, gate = set(verdict.names()), set(codes.check_names(tuple(decision["reasons"])))
        found.append(f"only book {sorted(book - gate)}, only gate {sorted(gate - book)}")
    return found


def figure_differences(verdict: rulebook.Verdict, decision: Any) -> list[str]:
    """Where the money figures of a decision are not those of the verdict.

    Figures "after" are compared where the lots that they belong to are beyond doubt.
    """
    scale = sum(map(abs, verdict.figures.values())) + 1e-6
    is_certain = verdict.action == codes.APPROVE or verdict.lots > verdict.exit_lots
    return [
        f"{name}: book {value!r}, gate {float(decision[name])!r}"
        for name, value in verdict.figures.items()
        if (is_certain or not name.endswith("after"))
        and not abs(value - decision[name]) <= FIGURES_TOLERANCE * scale
    ]


def use_differences(
    verdict: rulebook.Verdict, decision: Any, tally: Tally, held: dict[int, float]
) -> list[str]:
    """Where the utilisation of a layer is not that of the verdict.

    In doubt, and only counted, is one that rounding in large sums may change by more than a
    billionth: where equity or a limit is next to nothing beside what it is made of. ``held`` has
    by check the most that its sum has ever been: a running sum of the gate may keep a rounding
    error of that size after what it held is gone.
    """
    found, is_taken = [], decision["action"] == codes.APPROVE
    for layer, utilised in enumerate(verdict.utilised, start=1):
        told = float(decision["utilisation"][layer - 1])
        use, slack = 0.0, 0.0
        for number, reading in utilised:
            use = max(use, reading.utilisation())
            if reading.before is not None:
                most = max(held.get(number, 0.0), abs(reading.before))
                reading = reading._replace(scale=max(most, abs(reading.scale)))
                held[number] = max(most, abs(reading.measure)) if is_taken else most
            slack = max(slack, reading.slack())
        in_doubt = np.isinf(slack) or slack > FIGURES_TOLERANCE * max(use, 1.0)
        if verdict.equity_is_lost or in_doubt:
            tally.uses_in_doubt += 1
            continue
        tally.uses += 1
        if np.isinf(use):
            agrees = told >= UNLIMITED
        else:
            agrees = abs(use - told) <= FIGURES_TOLERANCE * use + slack
        if not agrees:
            found.append(f"utilisation {codes.LAYER_NAMES[layer]}: book {use!r}, gate {told!r}")
    return found


# --- states that streams seldom reach -------------------------------------------------------------

Poke = Callable[[Any, Any, np.random.Generator], tuple[Any, str, Any]]


def _pokes() -> list[Poke]:
    """Each gives (record, field, new value): facts that no running sum depends on."""

    def around(rng: np.random.Generator, value: int, scale: float) -> int:
        return bounded(int(value) + int(rng.choice([-1, 0, 1, int(scale), -int(scale)])))

    def bounded(value: int) -> int:
        return max(-codes.MAX_TIME_NS, min(codes.MAX_TIME_NS, value))

    second = 1_000_000_000

    def venue(s: Any, o: Any) -> Any:
        return s["venues"][s["instruments"]["venue"][o["instrument"]]]

    def now(s: Any, o: Any) -> int:
        return max(int(o["time_ns"]), int(s["header"]["last_time_ns"]))

    return [
        lambda s, o, r: (s["system"], "kill", 1),
        lambda s, o, r: (s["account"], "latches", int(1 << r.integers(0, 4))),
        lambda s, o, r: (
            s["system"],
            "latency_ewma_ns",
            float(around(r, int(s["parameters"]["max_latency_ns"]), 1e6)),
        ),
        lambda s, o, r: (
            s["system"],
            "error_arrival_ns",
            around(r, now(s, o) + int(s["parameters"]["error_burst_ns"]), second),
        ),
        lambda s, o, r: (
            s["system"],
            "same_time_events",
            around(r, int(s["parameters"]["max_same_time_events"]), 3),
        ),
        lambda s, o, r: (
            s["system"],
            "last_quote_ns",
            0
            if r.random() < 0.3
            else around(r, now(s, o) - int(s["parameters"]["max_data_gap_ns"]), 5),
        ),
        lambda s, o, r: (
            s["system"],
            "monitor_heartbeat_ns",
            around(r, now(s, o) - int(s["parameters"]["monitor_timeout_ns"]), 5),
        ),
        lambda s, o, r: (s["positions"][o["instrument"]], "latches", int(1 << r.integers(2, 6))),
        lambda s, o, r: (s["positions"][o["instrument"]], "unknown_orders", 1),
        lambda s, o, r: (s["positions"][o["instrument"]], "stop_breached", 1),
        lambda s, o, r: (s["instruments"][o["instrument"]], "state", int(r.integers(0, 4))),
        lambda s, o, r: (
            s["instruments"][o["instrument"]],
            "expiry_ns",
            around(r, now(s, o), second),
        ),
        lambda s, o, r: (venue(s, o), "state", int(r.integers(0, 4))),
        lambda s, o, r: (
            venue(s, o),
            "message_arrival_ns",
            bounded(
                now(s, o)
                + int(venue(s, o)["message_burst_ns"])
                - int(venue(s, o)["message_interval_ns"])
                - (int(venue(s, o)["message_reserve_ns"]) if r.random() < 0.5 else 0)
                + int(r.choice([-1, 0, 1]))
            ),
        ),
        lambda s, o, r: (
            venue(s, o),
            "window_used",
            int(venue(s, o)["window_limit"])
            - (int(venue(s, o)["window_reserve"]) if r.random() < 0.5 else 0)
            + int(r.choice([-2, -1, 0, 1])),
        ),
        lambda s, o, r: (
            venue(s, o),
            "heartbeat_ns",
            around(r, now(s, o) - int(s["parameters"]["heartbeat_timeout_ns"]), second),
        ),
        lambda s, o, r: (
            venue(s, o),
            "messages_day",
            around(r, int(s["parameters"]["order_to_trade_grace"]), 100),
        ),
        lambda s, o, r: (venue(s, o), "reject_rate", float(r.random())),
        lambda s, o, r: (
            s["market"][o["instrument"]],
            "quote_state",
            int(r.integers(0, 5)),
        ),
        lambda s, o, r: (
            s["market"][o["instrument"]],
            "quote_time_ns",
            max(0, around(r, now(s, o) - int(s["parameters"]["max_quote_age_ns"]), second)),
        ),
        lambda s, o, r: (s["market"][o["instrument"]], "traded_lots", float(r.integers(0, 1000))),
        lambda s, o, r: (s["market"][o["instrument"]], "ask_lots", int(r.integers(0, 100))),
        lambda s, o, r: (s["market"][o["instrument"]], "bid_lots", int(r.integers(0, 100))),
        lambda s, o, r: (
            s["market"][o["instrument"]],
            "flash_low",
            float(s["market"][o["instrument"]]["flash_low"]) * float(r.choice([0.5, 0.9, 0.99])),
        ),
        lambda s, o, r: (s["regime"], "current", int(r.integers(0, 4))),
        lambda s, o, r: (s["regime"], "confidence_threshold", float(r.choice([0.0, 0.5, 1.0]))),
        lambda s, o, r: (s["regime"], "risk_multiplier", float(r.choice([1.0, 1.25, 4.0]))),
        lambda s, o, r: (s["strategies"][o["strategy"]], "state", int(r.choice([0, 1, 4]))),
        lambda s, o, r: (s["strategies"][o["strategy"]], "regime_mask", int(r.integers(0, 16))),
        lambda s, o, r: (s["strategies"][o["strategy"]], "probation", 1),
        lambda s, o, r: (
            s["strategies"][o["strategy"]],
            "order_arrival_ns",
            bounded(
                now(s, o)
                + int(s["strategies"][o["strategy"]]["order_burst_ns"])
                - int(s["strategies"][o["strategy"]]["order_interval_ns"])
                + int(r.choice([-1, 0, 1]))
            ),
        ),
        lambda s, o, r: (s["strategies"][o["strategy"]], "last_client_id", int(o["client_id"])),
        lambda s, o, r: (s["account"], "cooldown_until_ns", around(r, now(s, o), second)),
        lambda s, o, r: (s["system"], "free_head", 0),
        lambda s, o, r: (s["system"], "canary", int(r.choice([0, 1]))),
        lambda s, o, r: (s["header"], "magic", 0),
        lambda s, o, r: (s["parameters"], "version", 0),
    ]


POKES = _pokes()


class Comparison:
    """One engine, many worlds."""

    def __init__(self, make_engine: Callable[[], Engine], shape: Shape = SMALL) -> None:
        self.engine = make_engine()
        self.empty = self.engine.state_bytes()
        self.shape, self.tally = shape, Tally()
        self.held: dict[int, float] = {}  # the most that the sum of each check was in this world
        self.order_record = np.zeros(1, dtype=record_dtype("order", shape))
        self.order = self.order_record.view(np.recarray)[0]

    def run_world(self, seed: int, orders: int) -> None:
        """A world's life: events, then orders, then events again."""
        engine, self.seed = self.engine, seed
        engine.load_state(self.empty)
        self.held.clear()
        rng = build_world(engine, seed, self.shape)
        # Orders are spoilt, events are not: a fact of absurd size leaves a residue of rounding in
        # running sums until the next sample adds them up again.
        stream = EventStream(seed, engine.state, self.shape, spoilt=0.0)
        engine.apply_many(stream.block(int(rng.choice([10, 60, 200]))))
        done = 0
        while done < orders:
            engine.apply_many(stream.block(EVENTS_BETWEEN))
            if rng.random() < 0.05:
                self._change_parameters(rng)
            if rng.random() < 0.4:
                # Answer what is still in doubt, or latches would end every world.
                self._recover(rng)
            for row in stream.orders(min(ORDERS_BETWEEN, orders - done)):
                self.order_record[0] = row
                self._judge(rng)
                done += 1
            for _ in range(REPLACES_BETWEEN):
                self._replace(rng, int(row["time_ns"]))

    def _change_parameters(self, rng: np.random.Generator) -> None:
        now = max(START_NS, int(self.engine.state["header"]["last_time_ns"]))
        status = self.engine.set_parameters(now, draw_parameters(rng, self.shape, 2))
        assert status == codes.OK

    def _recover(self, rng: np.random.Generator) -> None:
        engine = self.engine
        now = int(engine.state["header"]["last_time_ns"])
        for code in (codes.CONTROL_RESET_KILL, codes.CONTROL_RESET_LATCHES):
            engine.control(now, code, 0, 0, 1)
        for i in range(int(engine.state["header"]["instrument_count"])):
            engine.control(now, codes.CONTROL_RESET_INSTRUMENT, i, 0, 1)
        if engine.state["account"]["equity"] < 1000.0 and rng.random() < 0.5:
            missing = min(1e14, 1e5 + 1.5 * abs(float(engine.state["account"]["equity"])))
            engine.on_transfer(now, 0, 0, missing)

    def _judge(self, rng: np.random.Generator) -> None:
        engine, state, order = self.engine, self.engine.state, self.order
        poked = None
        indices_fit = (
            0 <= order["instrument"] < self.shape.instruments
            and 0 <= order["strategy"] < self.shape.strategies
        )
        if indices_fit and rng.random() < 0.25:
            record, name, value = POKES[rng.integers(0, len(POKES))](state, order, rng)
            poked = record, name, record[name]
            record[name] = value
        verdict = rulebook.judge(state, order)
        if poked or rng.random() < 0.2:
            engine.what_if(order, engine.decision)
        else:
            engine.check(order, engine.decision)
        if poked:
            poked[0][poked[1]] = poked[2]
        self.tally.count(verdict)
        fields = {n: order[n].item() for n in order.dtype.names if n != "padding"}
        self._compare(verdict, f"{fields} poked {poked[1]}" if poked else str(fields))

    def _replace(self, rng: np.random.Generator, time_ns: int) -> None:
        """Ask for another size and price of a working order, now and then for nonsense."""
        engine, table = self.engine, self.engine.state["orders"]
        live = np.flatnonzero(table["status"] != codes.ORDER_FREE)
        if not live.size:
            return
        slot = int(rng.choice(live))
        order = table[slot]
        handle = int(order["generation"]) << codes.HANDLE_SLOT_BITS | slot
        if order["status"] == codes.ORDER_PENDING and rng.random() < 0.9:
            engine.on_ack(max(time_ns, 1), handle, 1)
        lots, price = draw_replace(rng, engine.state, order)
        image, poked, request = None, "", {"instrument": order["instrument"]}
        if rng.random() < 0.25:
            image = engine.state_bytes()
            request |= {"strategy": order["strategy"], "client_id": 1, "time_ns": time_ns}
            record, poked, value = POKES[rng.integers(0, len(POKES))](engine.state, request, rng)
            # An order works only where venue, instrument and strategy have been set.
            record[poked] = codes.ACTIVE if poked == "state" and value == codes.UNSET else value
        asked = handle
        if rng.random() < 0.02:
            asked += int(rng.choice([1, -1, 1 << codes.HANDLE_SLOT_BITS, -handle]))
        verdict = rulebook.judge_replace(engine.state, time_ns, asked, lots, price)
        reserved = max(int(order["reserved_lots"]), lots - int(order["filled_lots"]))
        engine.replace(time_ns, asked, lots, price, engine.decision)
        self.tally.count(verdict, is_replace=True)
        terms = {n: order[n].item() for n in order.dtype.names if n != "padding"}
        self._compare(verdict, f"replace {(time_ns, asked, lots, price)} of {terms} poked {poked}")
        if engine.decision["action"] == codes.APPROVE and asked == handle:
            assert order["reserved_lots"] == reserved  # the larger of both until it is answered
        if image:
            engine.load_state(image)

    def _compare(self, verdict: rulebook.Verdict, about: str) -> None:
        """Enter where the gate's decision is not the verdict."""
        decision, tally = self.engine.decision, self.tally
        found = differences(verdict, decision)
        if verdict.near:
            tally.near += 1
            tally.near_and_different += bool(found)
            return
        if verdict.evaluated and not found:
            found = figure_differences(verdict, decision)
            found += use_differences(verdict, decision, tally, self.held)
        if found:
            tally.disagreements.append(
                f"world {self.seed} order {tally.orders}: {'; '.join(found)} | {about}"
            )


def draw_replace(rng: np.random.Generator, state: Any, order: Any) -> tuple[int, int]:
    """New total lots and price of a working order: less, the same or more of it."""
    terms = state["instruments"][order["instrument"]]
    filled, step = int(order["filled_lots"]), int(terms["lot_step"])
    leaves = max(1, int(order["lots"]) - filled)
    left = int(leaves * rng.choice([0.5, 1.0, 1.0, 1.0, 2.0, 10.0])) + int(
        rng.choice([0, 0, 1, -1])
    )
    if rng.random() < 0.8:
        left = max(1, left // step) * step
    price, tick = int(order["price_ticks"]), int(terms["tick_step"])
    if rng.random() < 0.3:
        price = int(float(state["market"]["mark"][order["instrument"]]) * rng.normal(1.0, 0.01))
    price += tick * int(rng.choice([0, 0, 1, -1, 5, -5]))
    if rng.random() < 0.8:
        price = max(1, price // tick) * tick
    edge = rng.random()
    if edge < 0.02:
        left = int(rng.choice([0, -filled, -1 - filled, codes.MAX_LOTS - filled + 1]))
    if 0.01 < edge < 0.03:
        price = int(rng.choice([0, -1, codes.MAX_TICKS, codes.MAX_TICKS + 1]))
    return filled + left, price


def run(
    make_engine: Callable[[], Engine], first_world: int, orders: int, stop_at: int = 20
) -> Tally:
    """Worlds from a first one on until so many orders are judged or disagreements found."""
    comparison = Comparison(make_engine)
    world = first_world
    while comparison.tally.orders < orders and len(comparison.tally.disagreements) < stop_at:
        left = orders - comparison.tally.orders
        comparison.run_world(world, min(ORDERS_PER_WORLD, left))
        world += 1
    return comparison.tally
