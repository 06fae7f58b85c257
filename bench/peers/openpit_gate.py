"""openpit: four pre-trade policies on one order, from Python."""

from __future__ import annotations

import datetime
from importlib.metadata import version

import openpit
from openpit import pretrade

from bench.figures import PEER, Figure, time_calls
from bench.peers import rounds


def _engine() -> openpit.Engine:
    """Order validation, P&L kill switch, rate limit and order size, without locks."""
    policies, values = pretrade.policies, openpit.param
    builder = openpit.Engine.builder().no_sync()
    builder = builder.builtin(policies.build_order_validation())
    builder = builder.builtin(
        policies.build_pnl_bounds_killswitch().broker_barriers(
            policies.PnlBoundsBrokerBarrier(
                settlement_asset="USD",
                lower_bound=values.Pnl("-500"),
                upper_bound=values.Pnl("500"),
            )
        )
    )
    builder = builder.builtin(
        policies.build_rate_limit().broker_barrier(
            policies.RateLimitBrokerBarrier(
                limit=policies.RateLimit(max_orders=10**9, window=datetime.timedelta(seconds=10))
            )
        )
    )
    builder = builder.builtin(
        policies.build_order_size_limit().broker_barrier(
            policies.OrderSizeBrokerBarrier(
                limit=policies.OrderSizeLimit(
                    max_quantity=values.Quantity("1000000"),
                    max_notional=values.Volume("100000000"),
                )
            )
        )
    )
    return builder.build()


def measure(quick: bool) -> list[Figure]:
    """One limit order that passes, its reservation committed."""
    engine, values = _engine(), openpit.param
    order = openpit.Order(
        operation=openpit.OrderOperation(
            instrument=openpit.Instrument("AAPL", "USD"),
            account_id=values.AccountId.from_int(99),
            side=values.Side.BUY,
            trade_amount=values.TradeAmount.quantity("100"),
            price=values.Price("185"),
        )
    )

    def ask() -> None:
        answer = engine.execute_pre_trade(order=order)
        if not answer:
            raise RuntimeError("openpit rejected the order")
        answer.reservation.commit()

    times = time_calls(lambda k: (), ask, rounds(quick), 2_000 if quick else 20_000)
    return [
        Figure(PEER, f"openpit {version('openpit')}", "order check: 4 policies, committed", **times)
    ]
