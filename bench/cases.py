"""What the native driver measures: its cases by name, and the exports that it leaves out."""

from __future__ import annotations

from dataclasses import dataclass

WARM, COLD, SAMPLES = "warm", "cold", "samples"
COUNT_CALLS = 4  # of each case, the same in every run: counts can be compared
COUNT_CALLS_LONG = 1
INSTRUMENTS = 64  # of the account of a case


@dataclass(frozen=True)
class Case:
    """One case of driver.c.

    Attributes
    ----------
    title : str
        What is timed.
    exports : str
        Functions that it measures; none where it adds to another case.
    long : bool
        Tens of thousands of instructions.
    sampling : bool
        Can be measured between the slices of a sample; not where it is a part of a sample.
    instruments : int
        Of the account that it is measured on.
    """

    title: str
    exports: str = ""
    long: bool = False
    sampling: bool = True
    instruments: int = INSTRUMENTS


CASES = {
    "check_approve": Case("rc_check, approved", "rc_check"),
    "check_reject": Case("rc_check, rejected"),
    "check_resize": Case("rc_check, resized"),
    "check_exit": Case("rc_check, exit"),
    "check_after_quote": Case("rc_check after a quote"),
    "what_if": Case("rc_what_if", "rc_what_if"),
    "check_batch": Case("rc_check_batch, 4 legs", "rc_check_batch"),
    "cancel": Case("rc_cancel", "rc_cancel"),
    "replace": Case("rc_replace", "rc_replace"),
    "on_ack": Case("rc_on_ack", "rc_on_ack"),
    "on_reject": Case("rc_on_reject", "rc_on_reject"),
    "on_canceled": Case("rc_on_canceled", "rc_on_canceled"),
    "on_cancel_reject": Case("rc_on_cancel_reject", "rc_on_cancel_reject"),
    "on_replaced": Case("rc_on_replaced", "rc_on_replaced"),
    "on_expire": Case("rc_on_expire", "rc_on_expire"),
    "on_order_status": Case("rc_on_order_status", "rc_on_order_status"),
    "on_fill": Case("rc_on_fill", "rc_on_fill"),
    "on_bust": Case("rc_on_bust", "rc_on_bust"),
    "on_funding": Case("rc_on_funding", "rc_on_funding"),
    "on_quote": Case("rc_on_quote", "rc_on_quote"),
    "on_trade": Case("rc_on_trade", "rc_on_trade"),
    "on_rate": Case("rc_on_rate", "rc_on_rate", long=True),
    "on_clock": Case("rc_on_clock", "rc_on_clock"),
    "on_heartbeat": Case("rc_on_heartbeat", "rc_on_heartbeat"),
    "on_latency": Case("rc_on_latency", "rc_on_latency"),
    "on_error": Case("rc_on_error", "rc_on_error"),
    "on_regime": Case("rc_on_regime", "rc_on_regime", long=True),
    "size": Case("rc_size", "rc_size"),
    "kelly": Case("rc_kelly, with bounds", "rc_kelly", long=True, instruments=20),
    "position_risk": Case("rc_position_risk", "rc_position_risk"),
    "portfolio_risk": Case("rc_portfolio_risk", "rc_portfolio_risk"),
    "position": Case("position: quote, mark, volatility, VaR, ES, stop, size"),
    "portfolio": Case("portfolio: sample, covariance, all risk figures", long=True, sampling=False),
    "on_sample": Case("of which rc_on_sample", "rc_on_sample", long=True, sampling=False),
    "advance": Case("of which a slice, rc_advance(16)", "rc_advance", sampling=False),
    "submit_check": Case("rc_submit, a check", "rc_submit"),
    "apply_check": Case("rc_apply, a check", "rc_apply"),
    "submit_quote": Case("rc_submit, a quote"),
    "apply_quote": Case("rc_apply, a quote"),
    "submit_clock": Case("rc_submit, the clock"),
    "apply_clock": Case("rc_apply, the clock"),
    "publish": Case("rc_publish", "rc_publish"),
    "page_read": Case("rc_page_read", "rc_page_read"),
}
# The journal's part of an event is what rc_submit costs beyond rc_apply, on these.
JOURNALED = ("check", "quote", "clock")

# Not on the way of an order or a price: start, configuration, reconciliation, recovery, and what
# other processes do.
NOT_HOT = {
    f"rc_{name}"
    for names in (
        ("state_size", "state_align", "layout_hash", "state_init", "state_attach", "checkpoint"),
        ("set_parameters", "instrument_set", "venue_set", "currency_set", "strategy_set"),
        ("scenario_set", "on_transfer", "on_settlement", "on_position", "control"),
        ("derisk",),
        ("journal_init", "journal_attach", "journal_resume"),
        ("control_init", "control_attach", "control_kill", "control_request"),
        ("control_parameters", "control_beat", "page_init", "page_attach"),
        ("submit_set", "submit_batch", "replay", "checksum"),
    )
    for name in names
}
