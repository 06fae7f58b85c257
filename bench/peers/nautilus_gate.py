"""NautilusTrader: its risk engine on one order of a cash account.

A cash account, because for margin accounts that engine returns before its notional and balance
checks. Built as its own tests build it; what it hands the order on to does nothing.
"""

from __future__ import annotations

from typing import Any

import nautilus_trader
from nautilus_trader.accounting.factory import AccountFactory
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.enums import AccountType, OrderSide
from nautilus_trader.model.events import AccountState
from nautilus_trader.model.identifiers import AccountId, StrategyId
from nautilus_trader.model.objects import AccountBalance, Money
from nautilus_trader.portfolio.portfolio import Portfolio
from nautilus_trader.risk.config import RiskEngineConfig
from nautilus_trader.risk.engine import RiskEngine
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.component import TestComponentStubs
from nautilus_trader.test_kit.stubs.data import TestDataStubs
from nautilus_trader.test_kit.stubs.identifiers import TestIdStubs

from bench.figures import PEER, Figure, time_calls
from bench.peers import rounds

ORDERS_PER_TICK = 32  # of its clock, far below its default limit of 100 orders a second
TICK_NS = 2_000_000_000


class _Rig:
    """A risk engine with one spot instrument, a quote and a rich cash account."""

    def __init__(self) -> None:
        self.clock = TestClock()
        self.trader = TestIdStubs.trader_id()
        bus = MessageBus(trader_id=self.trader, clock=self.clock)
        cache = TestComponentStubs.cache()
        portfolio = Portfolio(msgbus=bus, cache=cache, clock=self.clock)
        self.instrument = TestInstrumentProvider.btcusdt_binance()
        cache.add_instrument(self.instrument)
        cache.add_quote_tick(TestDataStubs.quote_tick(self.instrument, 50_000.0, 50_000.1))
        cache.add_account(AccountFactory.create(_account()))
        limits = {str(self.instrument.id): 1_000_000}
        self.engine = RiskEngine(
            portfolio=portfolio,
            msgbus=bus,
            cache=cache,
            clock=self.clock,
            config=RiskEngineConfig(max_notional_per_order=limits),
        )
        self.sent, self.denied = 0, 0
        bus.register(endpoint="ExecEngine.execute", handler=self._count_sent)
        bus.register(endpoint="ExecEngine.process", handler=self._count_denied)
        self.factory = OrderFactory(
            trader_id=self.trader, strategy_id=StrategyId("S-001"), clock=self.clock
        )

    def _count_sent(self, _: Any) -> None:
        self.sent += 1

    def _count_denied(self, _: Any) -> None:
        self.denied += 1

    def command(self, k: int) -> SubmitOrder:
        """A command with a fresh limit order, ready to be checked; the clock moves now and then."""
        if k % ORDERS_PER_TICK == 0:
            self.clock.set_time(self.clock.timestamp_ns() + TICK_NS)
        order = self.factory.limit(
            self.instrument.id,
            OrderSide.BUY if k % 2 else OrderSide.SELL,
            self.instrument.make_qty(0.010 + 0.001 * (k % 50)),
            self.instrument.make_price(49_000 + 0.1 * (k % 5_000)),
        )
        return SubmitOrder(
            trader_id=self.trader,
            strategy_id=StrategyId("S-001"),
            order=order,
            command_id=UUID4(),
            ts_init=self.clock.timestamp_ns(),
        )


def _account() -> AccountState:
    def balance(total: int, currency: Any) -> AccountBalance:
        return AccountBalance(Money(total, currency), Money(0, currency), Money(total, currency))

    return AccountState(
        account_id=AccountId("BINANCE-001"),
        account_type=AccountType.CASH,
        base_currency=None,
        reported=True,
        balances=[balance(100_000_000, USDT), balance(10_000, BTC)],
        margins=[],
        info={},
        event_id=UUID4(),
        ts_event=0,
        ts_init=0,
    )


def measure(quick: bool) -> list[Figure]:
    """One limit order that passes every check of a cash account."""
    rig = _Rig()
    times = time_calls(
        lambda k: (rig.command(k),), rig.engine.execute, rounds(quick), 500 if quick else 5_000
    )
    if rig.denied or not rig.sent:
        raise RuntimeError(f"NautilusTrader denied {rig.denied} orders, sent {rig.sent}")
    return [
        Figure(
            PEER,
            f"NautilusTrader {nautilus_trader.__version__} RiskEngine",
            "order check: cash account, limit on notional",
            **times,
        )
    ]
