"""The facade: names and decimals in, named answers out, and nothing changed by a mistake."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest

import riskcore
from riskcore import codes
from riskcore.config import ConfigError, config_path, load_config, load_instruments, load_scenarios
from riskcore.errors import InputError, RiskCoreError, StateError, UnknownNameError
from riskcore.inputs import to_ns
from riskcore.layout import Shape
from riskcore.manager import AdaptiveRiskManager

START = 1_760_000_000_000_000_000
SECOND = 1_000_000_000
PERP = "BTC-USDT-PERP"


def make(config: str = "growth") -> AdaptiveRiskManager:
    """A funded account with a fresh book of the perpetual at 120,000 and of spot beside it."""
    risk = AdaptiveRiskManager.from_config(config, time_ns=START)
    risk.transfer("binance-usdm", "USDT", 1_000_000, START)
    for symbol, bid, ask in (
        (PERP, "119999.9", "120000.1"),
        ("BTC-USDT", "119999.99", "120000.01"),
    ):
        risk.quote(symbol, bid, 10, ask, 10, START)
        risk.trade(symbol, 120000, 1000, START)
    return risk


@pytest.fixture
def risk() -> AdaptiveRiskManager:
    return make()


# One manager for the refusals: they must leave it as it was.
@pytest.fixture(scope="module")
def steady() -> AdaptiveRiskManager:
    return make()


def order(risk: AdaptiveRiskManager, **changes):
    """A small buy that passes, with changes."""
    arguments = {
        "symbol": PERP,
        "side": "buy",
        "quantity": "0.1",
        "price": 120000,
        "strategy": "trend",
        "time": START + SECOND,
        "confidence": 0.9,
        **changes,
    }
    return risk.check(**arguments)


def leg(**changes):
    """One leg of a batch, with changes."""
    return {
        "symbol": PERP,
        "side": "buy",
        "quantity": "0.1",
        "price": 120000,
        "strategy": "trend",
        "confidence": 0.9,
        **changes,
    }


def refused(risk: AdaptiveRiskManager, call, kind: type[Exception] = InputError) -> str:
    """The message of a refusal; not one byte may differ after it."""
    before = risk.core.state_bytes()
    with pytest.raises(kind) as caught:
        call()
    assert risk.core.state_bytes() == before
    text = str(caught.value)
    assert "\n" not in text
    assert isinstance(caught.value, RiskCoreError)
    return text


# --- making one --------------------------------------------------------------------------------


def test_it_is_made_from_packaged_files():
    risk = AdaptiveRiskManager.from_config(time_ns=START)
    assert risk.config.source == "default.yaml"
    assert risk.core.shape == Shape()
    assert risk.core.state.parameters.max_drawdown == 0.01
    assert list(risk.instruments) == list(load_instruments().instruments)
    assert risk.last_time_ns == START
    assert repr(risk) == (
        "<AdaptiveRiskManager default.yaml: 11 instruments, equity 0.00, drawdown 0.0000>"
    )


def test_it_starts_at_the_clock_of_the_machine_where_nothing_is_said():
    risk = AdaptiveRiskManager(load_config(), load_instruments(), load_scenarios())
    assert abs(risk.last_time_ns - datetime.now(UTC).timestamp() * 1e9) < 600 * SECOND


def test_it_is_made_from_files_of_one_s_own(tmp_path):
    limits = tmp_path / "limits.yaml"
    limits.write_text(config_path("growth").read_text(encoding="utf-8"), encoding="utf-8")
    risk = AdaptiveRiskManager.from_config(
        limits,
        instruments=config_path("instruments"),
        scenarios=str(config_path("scenarios")),
        time_ns=datetime(2025, 10, 9, tzinfo=UTC),
    )
    assert risk.config.source == str(limits)
    assert risk.last_time_ns == 1_759_968_000_000_000_000


def test_a_wrong_file_is_a_configuration_error():
    with pytest.raises(ConfigError, match=r"^nowhere: no such file; packaged "):
        AdaptiveRiskManager.from_config("nowhere")


def test_the_package_exports_it():
    assert riskcore.AdaptiveRiskManager is AdaptiveRiskManager
    assert riskcore.Shape is Shape
    assert riskcore.codes is codes
    assert "AdaptiveRiskManager" in dir(riskcore)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        riskcore.Nonsense  # noqa: B018


def test_without_a_time_a_replay_is_told_to_give_one():
    risk = AdaptiveRiskManager.from_config("growth")
    made = risk.last_time_ns
    assert risk.transfer("binance-usdm", "USDT", 1_000_000, START) == "OK"  # facts are booked
    hint = (
        f"time is {START}: allowed is from {made - 60 * SECOND}, as the manager was made at the "
        "machine's clock; for a replay, make it with time_ns=, the start of the history"
    )
    for call in (
        lambda: risk.quote(PERP, "119999.9", 10, "120000.1", 10, START),
        lambda: risk.trade(PERP, 120000, 1000, START),
        lambda: risk.rate("BTC", 120000, START),
        lambda: risk.clock(START),
        lambda: risk.sample(START),
        lambda: risk.regime("normal", START),
        lambda: order(risk, time=START),
        lambda: risk.check_batch([leg()], time=START),
    ):
        assert refused(risk, call) == hint
    assert risk.clock(made - 59 * SECOND) == "OK"  # a feed may lag a little
    assert risk.clock(made + SECOND) == "OK"


def test_a_restored_account_is_of_its_own_time():
    saved = make().core.state_bytes()
    risk = AdaptiveRiskManager.from_config("growth")
    risk.core.load_state(saved)
    assert risk.clock(START + SECOND) == "OK"


def test_with_a_time_older_events_are_the_core_s_business(risk):
    assert risk.clock(START - 3600 * SECOND) == "OK"


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (1_760_000_000, "looks like seconds: multiply by 1_000_000_000"),
        (1_760_000_000_000, "looks like milliseconds: multiply by 1_000_000"),
        (1_760_000_000_000_000, "looks like microseconds: multiply by 1_000"),
        (10**17 - 1, "looks like microseconds: multiply by 1_000"),
        (10**8 - 1, "allowed is 100000000000000000 to 4611686018427387904 nanoseconds since "),
        (-1, "allowed is 100000000000000000 to 4611686018427387904 nanoseconds since "),
    ],
)
def test_an_integer_that_counts_no_nanoseconds(steady, number, hint):
    assert refused(steady, lambda: steady.clock(number)).startswith(f"time is {number}: {hint}")
    with pytest.raises(InputError, match=f"^time_ns is {number}: "):
        AdaptiveRiskManager.from_config("growth", time_ns=number)


def test_the_smallest_time():
    assert to_ns(10**17) == 10**17
    assert to_ns(datetime(1970, 1, 2, tzinfo=UTC)) == 86_400 * SECOND  # a datetime is no mistake


@pytest.mark.parametrize("call", ["check", "what_if"])
def test_an_order_without_confidence_is_none(steady, call):
    before = steady.core.state_bytes()
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'confidence'"):
        getattr(steady, call)(PERP, "buy", "0.1", 120000, strategy="trend", time=START + SECOND)
    assert steady.core.state_bytes() == before


# --- a tree that is not built ------------------------------------------------------------------

REMEDY = "run `make test` or `pip install -e .`, or leave the source tree"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("ModuleNotFoundError('no')", ""),
        (
            "ImportError('riskcore was built from another layout: build it again')",
            " (riskcore was built from another layout: build it again)",
        ),
    ],
)
def test_a_tree_without_its_extension_says_what_to_do(error, reason):
    code = f"""
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "riskcore._core":
            raise {error}
sys.meta_path.insert(0, Finder())
try:
    from riskcore import AdaptiveRiskManager
except ImportError as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    text = f"ImportError the native extension is not built here{reason}: {REMEDY}\n"
    assert done.stdout == text


def test_an_extension_of_another_layout_says_what_to_do(monkeypatch):
    def other(shape):
        raise RuntimeError("riskcore was built from another layout: build it again")

    monkeypatch.setattr("riskcore.manager.Core", other)
    with pytest.raises(ImportError) as caught:
        AdaptiveRiskManager.from_config("growth", time_ns=START)
    assert str(caught.value) == (
        "the native extension is not built here "
        f"(riskcore was built from another layout: build it again): {REMEDY}"
    )

    def failing(shape):
        raise RuntimeError("rc_state_init returned 3")

    monkeypatch.setattr("riskcore.manager.Core", failing)
    with pytest.raises(RuntimeError, match=r"^rc_state_init returned 3$"):
        AdaptiveRiskManager.from_config("growth", time_ns=START)


# --- orders ------------------------------------------------------------------------------------


def test_a_small_order_is_approved_and_reserved(risk):
    decision = order(risk)
    assert decision.action == "APPROVE"
    assert decision.approved
    assert decision.allowed
    assert decision.quantity == Decimal("0.100")
    assert decision.reasons == ()
    assert (decision.first_reason, decision.layer, decision.status) == ("", "none", "OK")
    assert decision.handle > 0
    assert decision.client_id == 1
    assert decision.price == Decimal("120000.0")
    assert set(decision.utilisation) == set(codes.LAYER_NAMES[1:])
    assert decision.equity == 1_000_000.0
    assert decision.budget == pytest.approx(100_000.0)
    assert (decision.gross_before, decision.gross_after) == (0.0, pytest.approx(12_000.0))
    assert decision.var_after > decision.var_before == 0.0
    assert decision.stress_after > decision.stress_before == 0.0
    assert risk.position(PERP).working_buy == Decimal("0.100")


def test_a_large_order_is_cut_to_what_the_limits_leave(risk):
    decision = order(risk, quantity=2)
    # growth.yaml: exposure at most 1 x the drawdown budget of 100,000: 0.833 at 120,000.
    assert decision.action == "RESIZE"
    assert not decision.approved
    assert decision.quantity == Decimal("0.833")
    assert "CUSHION_EXPOSURE_EXCEEDED" in decision.reasons


def test_a_rejection_names_its_first_reason_and_layer(risk):
    decision = order(risk, confidence=0.5)
    assert decision.action == "REJECT"
    assert decision.quantity == 0
    assert not decision.allowed
    assert decision.reasons == ("CONFIDENCE_BELOW_THRESHOLD",)
    assert decision.first_reason == "CONFIDENCE_BELOW_THRESHOLD"
    assert decision.layer == "strategy"
    assert decision.handle == 0


def test_client_identifiers_count_up_by_themselves(risk):
    assert [order(risk).client_id for _ in range(3)] == [1, 2, 3]
    assert order(risk, client_id=10).client_id == 10
    assert order(risk).client_id == 11
    repeated = order(risk, client_id=10)
    assert repeated.reasons == ("DUPLICATE_CLIENT_ID",)


def test_figures_after_are_of_what_is_allowed_and_utilisation_of_what_was_asked(risk):
    def ask(quantity, **changes):
        arguments = {"strategy": "trend", "confidence": 0.9, "time": START + SECOND, **changes}
        return risk.what_if(PERP, "buy", quantity, 120000, **arguments)

    def after(decision):
        return decision.var_after, decision.gross_after, decision.stress_after

    smaller = ask(8)
    assert smaller.action == "RESIZE"
    allowed = ask(smaller.quantity)
    assert allowed.action == "APPROVE"
    assert after(smaller) == after(allowed)
    assert smaller.gross_after == pytest.approx(float(smaller.quantity) * 120_000)
    assert max(smaller.utilisation.values()) > 1 >= max(allowed.utilisation.values())

    none = ask(8, confidence=0.0)
    assert (none.action, none.quantity) == ("REJECT", 0)
    assert none.gross_after == pytest.approx(8 * 120_000)
    assert none.utilisation["position"] == smaller.utilisation["position"]


def test_what_if_changes_nothing(risk):
    before = risk.core.state_bytes()
    asked = risk.what_if(
        PERP, "buy", "0.1", 120000, strategy="trend", confidence=0.9, time=START + SECOND
    )
    assert asked.action == "APPROVE"
    assert asked.handle == 0
    assert risk.core.state_bytes() == before


def test_orders_without_a_price_are_market_or_stop_orders(risk):
    assert order(risk, price=None).allowed
    assert int(risk.core.order.type) == codes.MARKET
    order(risk, price=None, stop=121000)
    assert int(risk.core.order.type) == codes.STOP
    assert int(risk.core.order.stop_ticks) == 1_210_000


def test_flags_and_time_in_force_reach_the_core(risk):
    order(risk, price=119000, post_only=True, reduce_only=True)
    assert int(risk.core.order.order_flags) == codes.POST_ONLY | codes.REDUCE_ONLY
    order(risk, time_in_force="ioc", side=-1)
    assert int(risk.core.order.time_in_force) == codes.IOC
    assert int(risk.core.order.side) == codes.SELL


def test_a_batch_passes_whole(risk):
    legs = [leg(quantity="0.1"), leg(quantity="0.2", price=119990)]
    decisions = risk.check_batch(legs, time=START + SECOND)
    assert [d.action for d in decisions] == ["APPROVE", "APPROVE"]
    assert [d.client_id for d in decisions] == [1, 2]
    assert risk.position(PERP).working_buy == Decimal("0.300")


def test_a_batch_fails_whole(risk):
    legs = [leg(quantity="0.1"), leg(quantity="9", price=119990)]
    decisions = risk.check_batch(legs, time=START + SECOND)
    assert [d.action for d in decisions] == ["REJECT", "REJECT"]
    assert "BATCH_LEG_REJECTED" in decisions[0].reasons
    assert risk.position(PERP).working_buy == 0


# --- the life of an order ----------------------------------------------------------------------


def test_an_order_is_acknowledged_filled_and_gone(risk):
    handle = order(risk).handle
    now = START + 2 * SECOND
    assert risk.ack(handle, 77, now) == "OK"
    fill = {"strategy": "trend", "handle": handle, "fee": "0.5", "execution_id": 9, "time": now}
    assert risk.fill(PERP, "buy", "0.1", 120000, **fill) == "OK"
    assert risk.fill(PERP, "buy", "0.1", 120000, **fill) == "DUPLICATE"
    position = risk.position(PERP)
    assert position.quantity == Decimal("0.100")
    assert position.working_buy == 0
    assert position.average_price == pytest.approx(120000)
    assert position.fees == 0.5
    assert risk.positions() == {PERP: Decimal("0.100")}
    assert risk.equity == pytest.approx(1_000_000 - 0.5)
    assert risk.cancel(handle, now) == "INVALID_HANDLE"
    assert risk.ack(handle, 77, now) == "INVALID_HANDLE"
    assert risk.replaced(handle, "0.1", 120000, now) == "INVALID_HANDLE"
    assert risk.order_status(handle, "done", "0.1", now) == "INVALID_HANDLE"
    late = risk.replace(handle, "0.1", 120000, now)
    assert (late.action, late.status) == ("REJECT", "INVALID_HANDLE")


def test_an_order_is_cancelled(risk):
    handle = order(risk).handle
    now = START + 2 * SECOND
    assert risk.cancel(handle, now) == "OK"
    assert risk.cancel_reject(handle, now, code=3) == "OK"
    assert risk.cancel(handle, now) == "OK"
    assert risk.canceled(handle, now) == "OK"
    assert risk.position(PERP).working_buy == 0


def test_an_order_is_rejected_or_expires(risk):
    assert risk.reject(order(risk).handle, START + SECOND, code=5) == "OK"
    assert risk.expired(order(risk).handle, START + SECOND) == "OK"
    assert risk.position(PERP).working_buy == 0


def test_an_order_is_replaced(risk):
    handle = order(risk).handle
    now = START + 2 * SECOND
    with pytest.raises(StateError, match="a limit order that the venue has acknowledged"):
        risk.replace(handle, "0.2", 119990, now)
    risk.ack(handle, 1, now)
    decision = risk.replace(handle, "0.2", 119990, now)
    assert (decision.action, decision.client_id) == ("APPROVE", 1)
    assert risk.position(PERP).working_buy == Decimal("0.200")
    with pytest.raises(StateError, match="no cancel or replace pending"):
        risk.replace(handle, "0.3", 119990, now)
    assert risk.replaced(handle, "0.2", 119990, now) == "OK"


def test_the_venue_may_be_asked_for_an_order(risk):
    handle = order(risk).handle
    now = START + 2 * SECOND
    assert risk.order_status(handle, "working", 0, now) == "OK"
    assert risk.order_status(handle, "not_found", 0, now) == "OK"
    assert risk.position(PERP).working_buy == 0


def test_a_fill_without_its_order_is_booked_and_said(risk):
    answer = risk.fill(PERP, "sell", 1, 120000, strategy="trend", time=START + SECOND)
    assert answer == "BOOKED_UNMATCHED"
    assert risk.positions() == {PERP: Decimal("-1.000")}
    assert risk.position(PERP).latches & codes.LATCH_UNMATCHED_FILL
    assert not order(risk, side="sell").allowed
    assert risk.reset("Ada", symbol=PERP) == "OK"
    assert risk.position(PERP).latches == 0


def test_a_fill_with_names_that_are_not_configured_is_booked_and_said(risk):
    stray = {"strategy": "nobody", "fee": 1, "fee_currency": "SHIB", "time": START + SECOND}
    assert risk.fill(PERP, "sell", 1, 120000, **stray) == "BOOKED_UNMATCHED"
    index = risk.instrument(PERP).index
    assert risk.core.state.positions[index].net_lots == -risk.instrument(PERP).to_lots(1)
    assert risk.core.state.account.fees == 0
    assert risk.bust(PERP, "sell", 1, 120000, **stray) == "BOOKED_UNMATCHED"
    assert risk.core.state.positions[index].net_lots == 0
    assert risk.funding(PERP, 5, START + SECOND, strategy="nobody") == "BOOKED_UNMATCHED"
    assert risk.core.state.account.funding == 5
    with pytest.raises(UnknownNameError):
        risk.fill(PERP, "sell", 1, 120000, strategy=None, time=START + SECOND)


def test_a_fill_is_taken_back(risk):
    handle, now = order(risk).handle, START + 2 * SECOND
    fill = {"strategy": "trend", "fee": 1, "execution_id": 9, "time": now}
    risk.fill(PERP, "buy", "0.1", 120000, handle=handle, **fill)
    assert risk.bust(PERP, "buy", "0.1", 120000, **fill) == "OK"
    assert risk.positions() == {}
    assert risk.equity == pytest.approx(1_000_000)


# --- facts, market, system ---------------------------------------------------------------------


def test_money_comes_and_goes(risk):
    assert risk.transfer("binance-spot", "USDT", "500.5", START) == "OK"
    assert risk.transfer("binance-spot", "USDT", Decimal("-0.5"), START) == "OK"
    assert risk.funding(PERP, -25, START, strategy="trend") == "OK"
    assert risk.funding(PERP, 5, START) == "OK"
    assert risk.equity == pytest.approx(1_000_000 + 500 - 20)


def test_other_currencies_count_at_their_rate(risk):
    risk.transfer("bitmex", "BTC", 2, START)
    assert risk.rate("BTC", 120000, START) == "OK"
    assert risk.equity == pytest.approx(1_000_000 + 240_000)


def test_a_difference_with_the_venue_is_booked_and_said(risk):
    assert risk.reconcile(PERP, 0, START) == "OK"
    assert risk.reconcile(PERP, "-0.5", START) == "BOOKED_UNMATCHED"
    assert risk.positions() == {PERP: Decimal("-0.500")}
    assert risk.reconcile(PERP, "-0.5", START, price=120000) == "OK"
    assert risk.settlement(PERP, 120000, START) == "OK"
    assert risk.positions() == {}


def test_a_missing_side_of_the_book_is_none(risk):
    assert risk.quote(PERP, None, None, "120000.1", 5, START + SECOND) == "OK"
    assert order(risk).reasons == ("BOOK_ONE_SIDED",)


def test_times_are_integers_or_datetimes_with_a_zone(risk):
    zone = timezone(timedelta(hours=2))
    moment = datetime(2025, 10, 9, 10, 53, 21, 123456, tzinfo=zone)
    assert risk.clock(moment) == "OK"
    assert risk.last_time_ns == 1_760_000_001_123_456_000
    assert risk.clock(np.int64(START + 2 * SECOND)) == "OK"
    assert risk.last_time_ns == START + 2 * SECOND


def test_a_sample_is_worked_in_whole(risk):
    before = int(risk.core.state.covariance.passes)
    assert risk.sample(START + 300 * SECOND) == "OK"
    assert risk.core.state.covariance.pending == 0
    assert risk.core.state.covariance.passes == before + 1
    assert risk.advance(8) == "OK"


def test_the_regime_is_set_by_name(risk):
    assert risk.regime("volatile", START, probability=0.9) == "OK"
    assert risk.current_regime == "volatile"
    assert risk.core.state.regime.risk_multiplier == 1.5
    risk.regime("trending", START)
    assert risk.core.state.regime.risk_multiplier == 1.0  # a multiplier of 0.8 loosens no limit


def test_the_kill_switch_stays_until_a_person_resets_it(risk):
    handle = order(risk).handle
    assert risk.kill("Ada Lovelace") == "OK"
    assert risk.killed
    assert "KILL_SWITCH" in order(risk).reasons
    assert risk.cancel(handle, START + SECOND) == "OK"
    assert risk.reset("Ada Lovelace", kill=True) == "OK"
    assert not risk.killed
    assert order(risk).approved


def test_the_account_is_latched_and_reset(risk):
    assert risk.latch(7) == "OK"
    assert order(risk).reasons == ("ACCOUNT_IN_REDUCE_ONLY",)
    assert risk.reset(7, account=True, cooldown=True) == "OK"
    assert order(risk).approved
    assert risk.latch(7, symbol=PERP) == "OK"
    assert order(risk).reasons == ("INSTRUMENT_UNRECONCILED",)


def test_venues_and_strategies_are_switched(risk):
    assert risk.set_venue_state("binance-usdm", "down", "Ada") == "OK"
    assert "VENUE_DOWN" in order(risk).reasons
    assert risk.set_venue_state("binance-usdm", "active", "Ada") == "OK"
    assert risk.set_strategy_state("trend", "disabled", "Ada") == "OK"
    assert order(risk).reasons == ("STRATEGY_DISABLED",)
    assert risk.set_strategy_state("trend", "active", "Ada") == "OK"
    assert risk.venue_usage("binance-usdm", 299) == "OK"
    assert order(risk).approved or "MESSAGE_WINDOW_EXCEEDS_MAX" in order(risk).reasons


def test_signs_of_life_latency_and_errors(risk):
    assert risk.heartbeat(START) == "OK"
    assert risk.heartbeat(START, venue="binance-usdm") == "OK"
    assert risk.latency(40_000_000, START) == "OK"
    assert order(risk).reasons == ("LATENCY_EXCEEDS_MAX",)
    assert risk.error(START, code=4) == "OK"
    assert risk.core.state.system.errors == 1


# --- configuration at run time -----------------------------------------------------------------


def test_limits_are_replaced_as_a_whole(risk):
    newer = load_config("default").model_copy(update={"version": 2})
    risk.set_config(newer, time=START + SECOND)
    assert risk.core.state.parameters.max_drawdown == 0.01
    assert risk.config.source == "default.yaml"
    assert risk.core.state.parameters.version == 2
    assert refused(risk, lambda: risk.set_config("nowhere", time=START), ConfigError)


def test_other_limits_need_a_higher_version(risk):
    """A version names one set of limits: the journal and the published page tell it alone."""
    config = load_config("growth")
    risk.set_config(config.model_copy(update={"version": 5}), time=START)
    limits = config.risk_limits.model_copy(update={"max_open_orders": 3})
    other = config.model_copy(update={"risk_limits": limits})
    for wanted, text in (
        (other.model_copy(update={"version": 5}), "5, which is in force with other limits"),
        (other.model_copy(update={"version": 4}), "4, where 5 is in force"),
        (config, "1, where 5 is in force"),  # the same limits: 2 could then mean others than before
    ):
        said = refused(risk, lambda c=wanted: risk.set_config(c, time=START), ConfigError)
        assert said == f"growth.yaml: version is {text}: raise it"
    # The same limits again, also under another author.
    risk.set_config(config.model_copy(update={"version": 5, "author": 9}), time=START)
    assert risk.core.state.parameters.author == 9
    risk.set_config(other.model_copy(update={"version": 6}), time=START)
    assert risk.core.state.parameters.max_open_orders == 3


def test_instruments_are_added_behind_those_there(risk, tmp_path):
    text = config_path("instruments").read_text(encoding="utf-8")
    block = text[text.index("  ETH-USDT-PERP:") : text.index("  LTC-USDT-PERP:")]
    more = tmp_path / "more.yaml"
    more.write_text(text + block.replace("ETH-USDT-PERP", "SOL-USDT-PERP"), encoding="utf-8")
    risk.set_instruments(more, time=START + SECOND)
    assert risk.instrument("SOL-USDT-PERP").index == 11
    assert risk.quote("SOL-USDT-PERP", 200, 1, "200.01", 1, START + SECOND) == "OK"


def test_instruments_keep_their_places(risk, tmp_path):
    text = config_path("instruments").read_text(encoding="utf-8")
    start, end = text.index("  LTC-USDT:"), text.index("  XRP-USDT:")
    fewer = tmp_path / "fewer.yaml"
    fewer.write_text(
        (text[:start] + text[end:]).replace("  LTC: {linked_instrument: LTC-USDT, ", "  LTC: {"),
        encoding="utf-8",
    )
    message = refused(risk, lambda: risk.set_instruments(fewer, time=START), ConfigError)
    assert "instruments starts with BTC-USDT, ETH-USDT, XRP-USDT" in message
    assert "allowed is the order so far (BTC-USDT, ETH-USDT, LTC-USDT" in message


def changed_instruments(tmp_path, *changes):
    """The packaged instruments with parts of their text replaced, as a file."""
    text = config_path("instruments").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "changed.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("key", "old", "new"), [("tick_size", '"0.1"', '"0.01"')])
def test_prices_and_lots_of_an_instrument_keep_their_units(risk, tmp_path, key, old, new):
    text = config_path("instruments").read_text(encoding="utf-8")
    start = text.index(f"  {PERP}:")
    at = text.index(f"{key}: {old}", start)
    path = tmp_path / "changed.yaml"
    path.write_text(
        text[:at] + text[at:].replace(f"{key}: {old}", f"{key}: {new}", 1), encoding="utf-8"
    )
    message = refused(risk, lambda: risk.set_instruments(path, time=START), ConfigError)
    assert f"instruments.{PERP}.{key} is 0.01, where 0.1 is in force" in message


def test_instruments_that_the_core_refuses_in_part_change_nothing(risk, tmp_path):
    config = load_instruments("instruments")
    rows = dict(config.instruments)
    rows[PERP] = rows[PERP].model_copy(update={"max_order_notional": 1e6})
    last = list(rows)[-1]
    rows[last] = rows[last].model_copy(update={"initial_margin": float("nan")})
    wanted = config.model_copy(update={"instruments": rows})
    message = refused(risk, lambda: risk.set_instruments(wanted, time=START), ConfigError)
    assert f"the core refused instruments.{last}" in message


def test_an_operators_word_outlives_a_file_that_says_nothing_new_of_it(risk, tmp_path):
    risk.set_strategy_state("trend", "disabled", "Ada")
    risk.set_venue_state("binance-usdm", "down", "Ada")
    path = changed_instruments(
        tmp_path, ("max_order_notional: 250000", "max_order_notional: 200000")
    )
    risk.set_instruments(path, time=START + SECOND)
    state = risk.core.state
    venue = list(risk.instruments_config.venues).index("binance-usdm")
    assert state.strategies[risk.strategy_index("trend")].state == codes.DISABLED
    assert state.venues[venue].state == codes.DOWN
    # The file's own word counts where it changes it.
    enabled = risk.instruments_config.strategies
    rows = {name: row.model_copy(update={"enabled": False}) for name, row in enabled.items()}
    off = risk.instruments_config.model_copy(update={"strategies": rows})
    risk.set_instruments(off, time=START + SECOND)
    on = off.model_copy(update={"strategies": dict(enabled)})
    risk.set_instruments(on, time=START + SECOND)
    assert state.strategies[risk.strategy_index("trend")].state == codes.ACTIVE


def test_models_that_are_none_are_refused(risk):
    limits, instruments = load_config("growth"), load_instruments()
    for call, text in (
        (lambda: risk.set_config(5, time=START), "config is 5: allowed is a RiskConfig"),
        (lambda: risk.set_config(instruments, time=START), "allowed is a RiskConfig"),
        (lambda: risk.set_instruments(limits, time=START), "allowed is a InstrumentsConfig"),
        (lambda: risk.position_sizer.kelly([1]), "expected_returns is [1]: allowed is a Mapping"),
        (lambda: AdaptiveRiskManager(limits, limits, None), "instruments is "),
    ):
        assert text in refused(risk, call)


@pytest.mark.parametrize("currency", ["", 0, 0.0, False, [], {}, "EUR"])
def test_funding_in_no_currency_is_refused(risk, currency):
    refused(risk, lambda: risk.funding(PERP, 1, START, currency=currency), UnknownNameError)


def test_live_orders_are_listed(risk):
    assert risk.orders() == []
    first = order(risk)
    second = order(risk, side="sell", quantity="0.2", price=120100)
    risk.ack(first.handle, 77, START + SECOND)
    risk.fill(
        PERP, "buy", "0.05", 120000, strategy="trend", time=START + SECOND, handle=first.handle
    )
    one, two = risk.orders()
    assert (one.handle, one.status, one.venue_order_id) == (first.handle, "working", 77)
    assert (one.symbol, one.side, one.strategy) == (PERP, "buy", "trend")
    assert (one.quantity, one.filled, one.price) == (Decimal("0.1"), Decimal("0.05"), 120000)
    assert (two.handle, two.status, two.side) == (second.handle, "pending", "sell")
    risk.canceled(first.handle, START + SECOND)
    assert [row.handle for row in risk.orders()] == [second.handle]


def test_an_exit_passes_where_nobody_knows_what_it_is_worth(risk):
    inverse = "BTC-USD-INVERSE"
    risk.fill(inverse, "buy", 1000, 120000, strategy="trend", time=START)
    leave = risk.check(inverse, "sell", 1000, None, strategy="trend", confidence=0, time=START)
    assert leave.action == "APPROVE", leave.reasons
    more = risk.check(inverse, "buy", 1000, None, strategy="trend", confidence=1, time=START)
    assert "RATE_STALE" in more.reasons
    assert "NOTIONAL_BELOW_MIN" not in more.reasons


# --- views -------------------------------------------------------------------------------------


def test_volatility_is_the_configured_one_before_samples(risk):
    assert risk.volatility_monitor.volatility(PERP) == pytest.approx(0.035, rel=1e-12)
    row = risk.volatility_monitor.table()["ETH-USDT"]
    assert row["volatility"] == pytest.approx(0.045, rel=1e-12)
    assert row["sample_count"] == 0


def test_correlations_are_the_configured_ones_before_samples(risk):
    matrix = risk.correlation_monitor.matrix()
    assert matrix.shape == (11, 11)
    assert np.all(np.diag(matrix) == 1.0)
    off = matrix[~np.eye(11, dtype=bool)]
    assert np.allclose(off, 0.8, rtol=1e-12)
    assert risk.correlation_monitor.correlation(PERP, "ETH-USDT") == pytest.approx(0.8)
    # A correlation of 0.8 is above cluster_correlation (0.7): after a pass all share one cluster.
    risk.sample(START + 300 * SECOND)
    assert risk.correlation_monitor.clusters() == [list(risk.instruments)]


def test_a_view_gives_copies(risk):
    risk.correlation_monitor.covariance()[:] = 0.0
    assert risk.core.state.covariance.matrix[0, 0] > 0


def test_a_signal_gets_a_size(risk):
    size = risk.position_sizer.size(PERP, "buy", 0.9, strategy="trend")
    # base_size of 1 % of 1,000,000, confidence 0.5 + 0.5 x (0.9 - 0.7) / 0.3, floored to 0.001 BTC
    assert size.candidates["base_size"] == pytest.approx(10_000)
    assert size.factors["confidence"] == pytest.approx(0.5 + 0.5 * 0.2 / 0.3)
    assert size.limited_by == "base"
    assert size.quantity == Decimal("0.069")
    assert size.notional == pytest.approx(0.069 * 120_000)
    nothing = risk.position_sizer.size(PERP, "buy", 0.6, strategy="trend")
    assert (nothing.quantity, nothing.limited_by) == (0, "confidence")


def test_kelly_weights_follow_the_expected_returns(risk):
    weights = risk.position_sizer.kelly({PERP: 0.001})
    assert weights[PERP] > 0
    assert set(weights) == set(risk.instruments)
    assert set(risk.position_sizer.kelly({}).values()) == {0.0}


def test_drawdown_budget_and_the_way_back(risk):
    control = risk.drawdown_controller
    assert control.drawdown == 0.0
    assert control.budget == pytest.approx(100_000)
    assert control.cushion == pytest.approx(0.1)
    assert control.derisk() == []
    risk.reconcile(PERP, 5, START)
    (step,) = [r for r in control.derisk() if r.symbol == PERP]
    assert step.side == "sell"
    assert 0 < step.quantity <= 5
    assert step.value == pytest.approx(float(step.quantity) * 120_000)
    assert control.high_water_mark == pytest.approx(1_000_000)
    assert control.max_drawdown_seen == pytest.approx(risk.drawdown)


def test_risk_of_a_position_and_of_the_account(risk):
    risk.reconcile(PERP, "0.5", START)
    position, account = risk.position_risk(PERP), risk.portfolio_risk()
    assert position["exposure"] == pytest.approx(60_000)
    assert position["stop_price"] < 120_000
    assert position["value_at_risk"] == pytest.approx(account["value_at_risk"])
    assert account["gross_leverage"] == pytest.approx(0.06)
    assert "padding" not in account


# --- mistakes: one line, and not one byte changed ----------------------------------------------

PRICES = "a multiple of 0.1 from 0.1 to 109951162777.6"
LOTS = "a multiple of 0.001 from 0.001 to 1099511627.776"
SYMBOLS = ", ".join(load_instruments().instruments)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"symbol": "BTC"}, UnknownNameError, f"symbol is 'BTC': allowed is one of {SYMBOLS}"),
        ({"symbol": None}, UnknownNameError, f"symbol is None: allowed is one of {SYMBOLS}"),
        ({"symbol": []}, UnknownNameError, f"symbol is []: allowed is one of {SYMBOLS}"),
        (
            {"strategy": "trendy"},
            UnknownNameError,
            "strategy is 'trendy': allowed is one of trend, mean_reversion, defensive",
        ),
        ({"side": "long"}, InputError, "side is 'long': allowed is 'buy' or 'sell' (1 or -1)"),
        ({"side": 0}, InputError, "side is 0: allowed is 'buy' or 'sell' (1 or -1)"),
        ({"side": True}, InputError, "side is True: allowed is 'buy' or 'sell' (1 or -1)"),
        ({"quantity": 0}, InputError, f"quantity is 0: allowed is {LOTS}"),
        ({"quantity": -1}, InputError, f"quantity is -1: allowed is {LOTS}"),
        ({"quantity": float("nan")}, InputError, f"quantity is nan: allowed is {LOTS}"),
        ({"quantity": float("inf")}, InputError, f"quantity is inf: allowed is {LOTS}"),
        ({"quantity": 1e30}, InputError, f"quantity is 1e+30: allowed is {LOTS}"),
        ({"quantity": 0.0001}, InputError, f"quantity is 0.0001: allowed is {LOTS}"),
        ({"quantity": None}, InputError, f"quantity is None: allowed is {LOTS}"),
        ({"price": 120000.05}, InputError, f"price is 120000.05: allowed is {PRICES}"),
        ({"price": "free"}, InputError, f"price is 'free': allowed is {PRICES}"),
        ({"price": 0}, InputError, f"price is 0: allowed is {PRICES}"),
        (
            {"stop": 119000},
            InputError,
            "stop is 119000: allowed is none beside a price",
        ),
        ({"price": None, "stop": 0}, InputError, f"stop is 0: allowed is {PRICES}"),
        ({"confidence": 1.1}, InputError, "confidence is 1.1: allowed is a number from 0 to 1"),
        ({"confidence": -0.1}, InputError, "confidence is -0.1: allowed is a number from 0 to 1"),
        (
            {"confidence": float("nan")},
            InputError,
            "confidence is nan: allowed is a number from 0 to 1",
        ),
        ({"confidence": None}, InputError, "confidence is None: allowed is a number from 0 to 1"),
        (
            {"client_id": 0},
            InputError,
            "client_id is 0: allowed is an integer from 1 to 4611686018427387903",
        ),
        (
            {"client_id": 1.0},
            InputError,
            "client_id is 1.0: allowed is an integer from 1 to 4611686018427387903",
        ),
        (
            {"time_in_force": "DAY"},
            InputError,
            "time_in_force is 'DAY': allowed is 'GTC', 'IOC' or 'FOK'",
        ),
        ({"post_only": 1}, InputError, "post_only is 1: allowed is True or False"),
        (
            {"post_only": True, "price": None},
            InputError,
            "post_only is True: allowed is False but for limit orders with GTC",
        ),
        (
            {"time": datetime(2025, 10, 9)},
            InputError,
            "time is 2025-10-09T00:00:00: allowed is a datetime with a time zone",
        ),
        (
            {"time": 1.76e18},
            InputError,
            "time is 1.76e+18: allowed is nanoseconds since 1970 UTC, or a datetime with a time "
            "zone",
        ),
        (
            {"time": 0},
            InputError,
            "time is 0: allowed is 100000000000000000 to 4611686018427387904 nanoseconds since "
            "1970 UTC",
        ),
        (
            {"time": START + 400 * 86_400 * SECOND},
            InputError,
            "check: the core refused it (INVALID_TIME): "
            "time is more than 366 days after the last event",
        ),
    ],
)
def test_an_order_that_is_none(steady, change, kind, message):
    assert refused(steady, lambda: order(steady, **change), kind) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda r: r.quote(PERP, 119999.95, 1, 120000, 1, START),
            f"bid is 119999.95: allowed is {PRICES}",
        ),
        (
            lambda r: r.quote(PERP, 119999, float("nan"), 120000, 1, START),
            f"bid_size is nan: allowed is {LOTS}",
        ),
        (
            lambda r: r.quote(PERP, 119999, 1, 120000, None, START),
            "ask_size is None: allowed is a number, as ask has one",
        ),
        (lambda r: r.trade(PERP, -1, 1, START), f"price is -1: allowed is {PRICES}"),
        (
            lambda r: r.rate("USDT", 1, START),
            "currency is USDT: allowed is another than the account's",
        ),
        (
            lambda r: r.rate("BTC", 0, START),
            "rate is 0: allowed is a number above 0 to 1e+12",
        ),
        (
            lambda r: r.transfer("binance-spot", "USDT", float("inf"), START),
            "amount is inf: allowed is a number from -1e+15 to 1e+15",
        ),
        (
            lambda r: r.transfer("binance-spot", "USDT", Decimal("1e999999"), START),
            "amount is 1E+999999: allowed is a number from -1e+15 to 1e+15",
        ),
        (
            lambda r: r.fill(PERP, "buy", 1, 120000, strategy="trend", time=START, fee="NaN"),
            "fee is 'NaN': allowed is a number from -1e+15 to 1e+15",
        ),
        (
            lambda r: r.fill(PERP, "buy", 1, 120000, strategy="trend", time=START, handle=-1),
            "handle is -1: allowed is an integer from 0 to 4611686018427387903",
        ),
        (
            lambda r: r.ack("7", 1, START),
            "handle is '7': allowed is an integer from 1 to 4611686018427387903",
        ),
        (
            lambda r: r.order_status(1 << 20, "gone", 0, START),
            "state is 'gone': allowed is one of working, done, not_found",
        ),
        (
            lambda r: r.regime("calm", START),
            "regime is 'calm': allowed is one of normal, volatile, trending, crash",
        ),
        (
            lambda r: r.regime(np.array([1, 2]), START),
            "regime is array([1, 2]): allowed is one of normal, volatile, trending, crash",
        ),
        (
            lambda r: r.regime("crash", START, probability=2),
            "probability is 2: allowed is a number from 0 to 1",
        ),
        (
            lambda r: r.latency(-1, START),
            "latency_ns is -1: allowed is an integer from 0 to 4611686018427387904",
        ),
        (lambda r: r.kill(""), "author is '': allowed is a name or a positive integer"),
        (
            lambda r: r.kill(0),
            "author is 0: allowed is an integer from 1 to 4611686018427387903",
        ),
        (
            lambda r: r.reset("Ada"),
            "reset is of nothing: allowed is kill, account, cooldown, peak or symbol",
        ),
        (
            lambda r: r.set_venue_state("bitmex", "disabled", "Ada"),
            "state is 'disabled': allowed is one of active, close_only, down",
        ),
        (
            lambda r: r.advance(0),
            "max_rows is 0: allowed is an integer from 1 to 1048576",
        ),
        (
            lambda r: r.check_batch([], time=START),
            "legs is []: allowed is a list of at least one order",
        ),
        (
            lambda r: r.check_batch([{"symbol": PERP, "side": "buy"}], time=START),
            "legs[0] lacks quantity: allowed is an order with quantity",
        ),
        (
            lambda r: r.check_batch(
                [{k: v for k, v in leg().items() if k != "confidence"}], time=START
            ),
            "legs[0] lacks confidence: allowed is an order with confidence",
        ),
        (
            lambda r: r.position_sizer.size(PERP, "buy", 2, strategy="trend"),
            "confidence is 2: allowed is a number from 0 to 1",
        ),
        (
            lambda r: r.position_sizer.kelly({PERP: float("nan")}),
            f"expected_returns['{PERP}'] is nan: allowed is a number from -1e+06 to 1e+06",
        ),
    ],
)
def test_an_argument_out_of_its_domain(steady, call, message):
    assert refused(steady, lambda: call(steady)) == message


@pytest.mark.parametrize(
    "value", ["1e999999999", "-1e999999999", Decimal("sNaN"), np.array([1, 2]), np.array(1.0)]
)
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("amount", lambda r, x: r.transfer("binance-usdm", "USDT", x, START)),
        ("amount", lambda r, x: r.funding(PERP, x, START)),
        ("rate", lambda r, x: r.rate("BTC", x, START)),
        ("probability", lambda r, x: r.regime("crash", START, probability=x)),
        ("confidence", lambda r, x: r.check(**leg(confidence=x), time=START)),
        ("quantity", lambda r, x: r.check(**leg(quantity=x), time=START)),
        ("bid_size", lambda r, x: r.quote(PERP, 120000, x, 120001, 1, START)),
        ("price", lambda r, x: r.trade(PERP, x, 1, START)),
        ("venue_order_id", lambda r, x: r.ack(1 << 20, x, START)),
        ("time", lambda r, x: r.clock(x)),
        *(
            (
                name,
                lambda r, x, name=name: r.fill(
                    PERP, "buy", 1, 120000, strategy="trend", time=START, **{name: x}
                ),
            )
            for name in ("fee", "handle", "execution_id")
        ),
    ],
)
def test_a_number_that_is_none_is_one_line(steady, name, call, value):
    text = refused(steady, lambda: call(steady, value))
    assert text.startswith(f"{name} is ")
    assert "\n" not in text


def test_the_name_of_an_author_has_an_end(steady):
    assert steady.reset("x" * 200, kill=True) == "OK"
    for name in ("x" * 201, "a\n" * 1_000_000):
        text = refused(steady, lambda name=name: steady.kill(name))
        assert text.endswith("long: allowed is a name of at most 200 characters")
        assert text.isprintable()
        assert len(text) < 200
    assert refused(steady, lambda: steady.kill(np.array([1, 2]))).startswith("author is array")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda r: r.transfer("nasdaq", "USDT", 1, START),
            "venue is 'nasdaq': allowed is one of binance-spot, binance-usdm, bitmex",
        ),
        (
            lambda r: r.transfer("bitmex", "EUR", 1, START),
            "currency is 'EUR': allowed is one of USDT, BTC, ETH, LTC, XRP, EOS, USDC",
        ),
        (lambda r: r.position("BTC"), f"symbol is 'BTC': allowed is one of {SYMBOLS}"),
    ],
)
def test_a_name_that_was_never_configured(steady, call, message):
    assert refused(steady, lambda: call(steady), UnknownNameError) == message


def test_a_misspelt_argument_of_a_leg(steady):
    wrong = {"symbol": PERP, "side": "buy", "quantity": 1, "strategy": "trend", "prize": 1}
    message = refused(steady, lambda: steady.check_batch([wrong], time=START))
    assert message.startswith("legs[0] has 'prize': allowed are symbol, side, quantity, ")


def test_errors_are_those_that_callers_expect(steady):
    with pytest.raises(ValueError, match="quantity is"):
        order(steady, quantity=0)
    with pytest.raises(KeyError):
        order(steady, symbol="nothing")
