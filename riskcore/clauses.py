"""What regulators and the industry ask of pre-trade risk controls, and what here answers it.

Clauses as quoted by others: the wording of SEC Rule 15c3-5 and of RTS 6 (Commission Delegated
Regulation (EU) 2017/589) was read in copies, not in the official journals; the section numbers of
FIA, "Best Practices for Automated Trading Risk Controls and System Safeguards" (2024), are
second-hand, and those marked ``?`` are not known. CFTC Regulation 38.251 binds exchanges, not their
members. The table helps to find things; it is no legal advice, and no claim of compliance.
"""

from __future__ import annotations

from typing import NamedTuple

RULES = {
    "sec": "SEC 15c3-5",
    "rts6": "RTS 6 Art",
    "cftc": "CFTC 38.251",
    "fia": "FIA 2024",
}


class Clause(NamedTuple):
    """One control that is asked for.

    control: what is asked; sec, rts6, cftc, fia: where, "" for nowhere; checks: names of the gate's
    checks that answer it; others: calls, files and commands that do, "" for none.
    """

    control: str
    sec: str
    rts6: str
    cftc: str
    fia: str
    checks: tuple[str, ...]
    others: str


def _clauses() -> tuple[Clause, ...]:
    rows = """
    price collar | (c)(1)(ii) | 15(1)(a) | (f) | 1.3 | PRICE_OUTSIDE_COLLAR FLASH_MOVE | -
    largest order value | (c)(1)(i) (c)(1)(ii) | 15(1)(b) | (f) | 1.1 | ORDER_NOTIONAL_EXCEEDS_MAX | -
    largest order volume; nothing passes where no limit is set | (c)(1)(ii) | 15(1)(c) | (f) | 1.1 | ORDER_LOTS_EXCEEDS_MAX PARAMETERS_UNSET VISIBLE_LIQUIDITY_EXCEEDED TRADED_LIQUIDITY_EXCEEDED | rc_replace: a changed order too
    most messages: new, changed and cancelled orders | (c)(1)(ii) | 15(1)(d) | (f) | 3.4 | MESSAGE_RATE_EXCEEDS_MAX MESSAGE_WINDOW_EXCEEDS_MAX STRATEGY_ORDER_RATE_EXCEEDS_MAX ORDER_TO_TRADE_EXCEEDS_MAX | cancels are counted and always pass
    all orders that were sent count at once | - | 15(2) | - | 1.2 | OPEN_ORDERS_EXCEEDS_MAX ORDER_TABLE_FULL | rc_check reserves: every measure of exposure has the working orders in it
    repeated automated execution is stopped until a named person allows it again | - | 15(3) | - | 3.? | REPEATED_EXECUTION | rc_control, ControlPage.reset
    duplicate orders | (c)(1)(ii) | - | - | - | DUPLICATE_CLIENT_ID | a fill of a known execution id is ignored
    thresholds of credit and capital | (c)(1)(i) | 15(4) | - | 4.2 | GROSS_LEVERAGE_EXCEEDS_MAX NET_LEVERAGE_EXCEEDS_MAX FREE_MARGIN_BELOW_MIN LIQUIDATION_DISTANCE_BELOW_MIN VENUE_EXPOSURE_EXCEEDS_MAX DAILY_TURNOVER_EXCEEDS_MAX EQUITY_NOT_POSITIVE | -
    no permission, restricted instrument | (c)(2)(ii) | 15(5) | - | - | INSTRUMENT_UNKNOWN INSTRUMENT_CLOSE_ONLY STRATEGY_UNKNOWN STRATEGY_DISABLED SHORTING_NOT_ALLOWED REDUCE_ONLY_WOULD_OPEN | -
    own thresholds by instrument, strategy and account | (c)(1)(i) | 15(5) | - | 1.2 | POSITION_SHARE_EXCEEDS_MAX POSITION_STOP_LOSS_EXCEEDS_MAX POSITION_VAR_EXCEEDS_MAX PORTFOLIO_STOP_LOSS_EXCEEDS_MAX HERFINDAHL_EXCEEDS_MAX LARGEST_WEIGHT_EXCEEDS_MAX CLUSTER_RISK_EXCEEDS_MAX STRATEGY_BUDGET_EXCEEDED STRATEGY_DRAWDOWN_EXCEEDS_MAX STRATEGY_DAILY_LOSS_EXCEEDS_MAX | -
    a block is lifted for a time, by a named person | (d) | 15(6) | - | - | ACCOUNT_IN_REDUCE_ONLY INSTRUMENT_UNRECONCILED | rc_control with an author, in the journal; limits with version and author
    kill: nothing new, everything unexecuted cancelled | - | 12(1)-(3) | - | 1.5 | KILL_SWITCH | rc_control, ControlPage.kill, riskcore control kill; the engine cancels: cancels pass
    disconnection and heartbeat | - | - | - | 1.4 | HEARTBEAT_STALE MONITOR_SILENT | rc_on_heartbeat, rc_control_beat
    largest long and short position | - | 17(4) | - | 1.2 | POSITION_LOTS_EXCEEDS_MAX POSITION_NOTIONAL_EXCEEDS_MAX | -
    records, replay, surveillance | - | 13 | - | - | - | the journal; riskcore replay --journal
    monitoring in real time; halts of the venue | (c)(2)(iv) | 16(2) 16(5) | (g) | - | REJECT_RATE_EXCEEDS_MAX ERROR_RATE_EXCEEDS_MAX LATENCY_EXCEEDS_MAX | PublishedPage, riskcore control show
    action after the trade: adjust, withdraw in good order | - | 17(1) | - | - | DRAWDOWN_EXCEEDS_MAX DRAWDOWN_BUDGET_EXCEEDED CUSHION_EXPOSURE_EXCEEDED DAILY_LOSS_EXCEEDS_MAX STOP_BREACHED LOSING_STREAK_COOLDOWN | rc_derisk; exits pass
    effective exposure to market and credit | - | 17(2) | - | - | PORTFOLIO_VAR_EXCEEDS_MAX EXPECTED_SHORTFALL_EXCEEDS_MAX STRESS_LOSS_EXCEEDS_MAX | rc_portfolio_risk
    reconciliation with venue and broker | - | 17(3) | - | 4.1 | INSTRUMENT_UNRECONCILED | rc_on_position, rc_on_order_status
    market data that makes sense | - | - | - | 3.1 | QUOTE_STALE BOOK_CROSSED BOOK_ONE_SIDED SPREAD_EXCEEDS_MAX RATE_STALE MARK_UNSET DATA_GAP CLOCK_BACKWARDS CLOCK_STALLED | -
    orders that would meet one another | - | (13) | - | 3.? | SELF_MATCH POST_ONLY_WOULD_TAKE | -
    pauses, bands and filters of the venue | - | 16(5) | (e) | 2 | VENUE_NOT_ACTIVE VENUE_DOWN PRICE_OFF_TICK LOTS_OFF_STEP LOTS_BELOW_MIN NOTIONAL_BELOW_MIN | rc_control, CONTROL_SET_VENUE_STATE
    requirements before an order, authorised access | (c)(2)(i) (c)(2)(iii) (d) | - | - | 1.5 | ORDER_INVALID BUFFER_INTEGRITY BATCH_LEG_REJECTED | files are their owner's alone; one writer; every author is named
    deployment under control | - | 8 | - | - | STRATEGY_ON_PROBATION STRATEGY_REGIME_DISABLED CONFIDENCE_BELOW_THRESHOLD | a strategy's budget
    review and stress tests | (e)(1) (e)(2) | 9 10 | - | conformance testing | - | riskcore replay with scenarios and histories of one's own; make bench
    conditions in which nothing opens (the desk's own) | - | - | - | - | VOLATILITY_EXCEEDS_MAX CRASH_REGIME | -
    """
    table = []
    for line in rows.strip().splitlines():
        cells = [cell.strip().removeprefix("-") for cell in line.split(" | ")]
        control, sec, rts6, cftc, fia, checks, others = cells
        table.append(Clause(control, sec, rts6, cftc, fia, tuple(checks.split()), others))
    return tuple(table)


CLAUSES = _clauses()
