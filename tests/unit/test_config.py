"""Configuration files: what they hold, every way to get one wrong, and that all of it arrives."""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from riskcore import codes
from riskcore._core import Core
from riskcore.config import (
    ConfigError,
    config_path,
    load_config,
    load_instruments,
    load_scenarios,
    write_instruments,
    write_parameters,
    write_scenarios,
)
from riskcore.config.models import DERIVED
from riskcore.config.remarks import remarks
from riskcore.config.writing import (
    CONFIGURED,
    currency_record,
    instrument_record,
    need_budget,
    parameter_record,
    scenario_moves,
    strategy_record,
    venue_record,
)
from riskcore.layout import PARAMETERS, Shape

GROWTH = config_path("growth").read_text(encoding="utf-8")
INSTRUMENTS = config_path("instruments").read_text(encoding="utf-8")
SCENARIOS = config_path("scenarios").read_text(encoding="utf-8")
START = 1_760_000_000_000_000_000


def with_value(text: str, key: str, value: str) -> str:
    """The text with the first value of `key` replaced."""
    changed, count = re.subn(rf"(?m)^(\s*{key}:) \S+", rf"\1 {value}", text, count=1)
    assert count == 1
    return changed


def without(text: str, key: str) -> str:
    """The text without the first line of `key`; the line stays, empty, so that numbers hold."""
    changed, count = re.subn(rf"(?m)^\s*{key}:.*$", "", text, count=1)
    assert count == 1
    return changed


def line_of(text: str, key: str) -> int:
    """Number of the first line with `key`."""
    return next(
        n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith(f"{key}:")
    )


@pytest.fixture
def mistake(tmp_path, monkeypatch):
    """The message that a loader gives for a text."""
    monkeypatch.chdir(tmp_path)

    def message(load, content: str | bytes) -> str:
        raw = content if isinstance(content, bytes) else content.encode()
        Path("bad.yaml").write_bytes(raw)
        with pytest.raises(ConfigError) as caught:
            load("bad.yaml")
        text = str(caught.value)
        assert all(line.startswith("bad.yaml") for line in text.splitlines())
        return text

    return message


# --- what the packaged files hold --------------------------------------------------------------


def test_growth_holds_the_agreed_limits():
    limits = load_config("growth").risk_limits
    assert limits.max_portfolio_risk == 0.02
    assert limits.max_position_risk == 0.01
    assert limits.max_correlation_risk == 0.05
    assert limits.max_drawdown == 0.10
    assert limits.var_95 == 0.02
    assert limits.expected_shortfall == 0.03


def test_growth_holds_the_agreed_sizing():
    sizing = load_config("growth").position_sizing
    assert sizing.base_size == 0.01
    assert sizing.volatility_multiplier == 1.0
    assert sizing.confidence_threshold == 0.7
    assert sizing.max_leverage == 3.0
    assert sizing.risk_per_trade == 0.005


@pytest.mark.parametrize(
    ("regime", "risk", "size", "confidence"),
    [
        ("normal", 1.0, 1.0, 0.7),
        ("volatile", 1.5, 0.7, 0.8),
        ("trending", 0.8, 1.2, 0.65),
        ("crash", 2.0, 0.3, 0.9),
    ],
)
def test_growth_holds_the_agreed_regimes(regime, risk, size, confidence):
    row = getattr(load_config("growth").regimes, regime)
    assert row.risk_multiplier == risk
    assert row.position_size_multiplier == size
    assert row.confidence_threshold == confidence


def test_growth_opens_in_a_crash_and_default_does_not():
    assert load_config("growth").market.crash_reduce_only is False
    assert load_config("default").market.crash_reduce_only is True


def test_default_limits_losses_to_a_tenth_of_growth():
    default, growth = load_config().parameters(), load_config("growth").parameters()
    losses = (
        "max_position_risk var_95 expected_shortfall max_portfolio_risk max_correlation_risk "
        "max_stress_loss max_drawdown target_drawdown max_daily_loss risk_per_trade"
    )
    for name in losses.split():
        assert default[name] == pytest.approx(growth[name] / 10, rel=1e-12), name
    assert default["max_drawdown"] == 0.01
    assert default["target_drawdown"] == 0.005
    assert default["cushion_multiplier"] == 0.5


def test_default_is_nowhere_looser_than_growth():
    default, growth = load_config().parameters(), load_config("growth").parameters()
    smaller_is_stricter = [
        name
        for name in default
        if name.startswith("max_") or name in ("cushion_multiplier", "base_size", "kelly_fraction")
    ]
    for name in smaller_is_stricter:
        assert default[name] <= growth[name], name
    for name in ("min_liquidation_distance", "min_free_margin", "stop_gap", "initial_correlation"):
        assert default[name] >= growth[name], name


@pytest.mark.parametrize("name", ["default", "growth"])
def test_every_parameter_is_in_the_file(name):
    scalars = {field.name for field in PARAMETERS} - set(DERIVED)
    assert set(load_config(name).parameters()) == scalars


@pytest.mark.parametrize("name", ["default", "growth"])
def test_every_limit_names_its_checks(name):
    lines = config_path(name).read_text(encoding="utf-8").splitlines()
    sections = {
        **dict.fromkeys((1, 2, 3), ("risk_limits",)),
        4: ("exchange",),
        5: ("market",),
        6: ("strategy", "position_sizing", "regimes"),
        7: ("", "system"),
    }
    found: set[str] = set()
    section = ""
    for line in lines:
        match = re.match(r"( *)(\w+):([^#]*)(.*)$", line)
        if match is None:
            continue
        indent, key, value, comment = match.groups()
        if not indent:
            section = "" if value.strip() else key
        wanted = [
            check.name
            for check in codes.CHECKS.values()
            if section in sections[check.layer] and check.parameter.removesuffix("_ns") == key
        ]
        named = re.findall(r"\b[A-Z][A-Z_]{7,}\b", comment)
        assert named == wanted, key
        found |= set(wanted)
    # What is left of the parameters' checks has its limits with each strategy.
    parameters = {field.name for field in PARAMETERS}
    checks = {check.name for check in codes.CHECKS.values() if check.parameter in parameters}
    assert checks - found == {"STRATEGY_DRAWDOWN_EXCEEDS_MAX", "STRATEGY_DAILY_LOSS_EXCEEDS_MAX"}


@pytest.mark.parametrize("name", ["default", "growth"])
def test_every_key_states_its_unit_in_a_comment(name):
    lines = config_path(name).read_text(encoding="utf-8").splitlines()
    keys = [line for line in lines if re.match(r"\s+\w+: \S", line) and not line.startswith("#")]
    assert len(keys) > 80
    for line in keys:
        assert re.search(r"# [a-z^0-9]+: ", line), line


def test_instruments_cover_spot_perpetuals_and_an_inverse_contract():
    kinds = {symbol: terms.kind for symbol, terms in load_instruments().instruments.items()}
    for asset in ("BTC", "ETH", "LTC", "XRP", "EOS"):
        assert kinds[f"{asset}-USDT"] == "spot"
        assert kinds[f"{asset}-USDT-PERP"] == "linear"
    assert "inverse" in kinds.values()


def test_scenarios_cover_the_documented_and_the_hypothetical_shocks():
    scenarios = load_scenarios().scenarios
    for name in [
        "october_1987",
        "october_2008",
        "march_2020",
        "may_2021",
        "luna_2022",
        "ftx_2022",
        "august_2024",
        "october_2025",
        "correlation_to_one",
        "volatility_x5",
        "gap_5m",
        "gap_1h",
        "liquidity_freeze",
    ]:
        move = scenarios[name].moves["default"]
        assert move.down > 0
        assert move.up > 0
    assert any(scenario.venue for scenario in scenarios.values())
    five_minutes, hour = scenarios["gap_5m"], scenarios["gap_1h"]
    assert five_minutes.horizon == 300_000_000_000
    assert hour.horizon == 3_600_000_000_000
    for side in ("down", "up"):
        assert getattr(five_minutes.moves["BTC"], side) == 0.10
        assert getattr(hour.moves["BTC"], side) == 0.35
        assert getattr(five_minutes.moves["default"], side) == 0.35
        assert getattr(hour.moves["default"], side) == 0.55


def test_packaged_scenarios_name_packaged_venues():
    venues = load_instruments().venues
    named = {s.venue for s in load_scenarios().scenarios.values() if s.venue}
    assert named == set(venues)


def test_packaged_files_fit_the_default_shape():
    shape, instruments = Shape(), load_instruments()
    for section in ("venues", "currencies", "strategies", "instruments"):
        assert len(getattr(instruments, section)) <= getattr(shape, section)
    assert len(load_scenarios().scenarios) <= shape.scenarios


# --- mistakes in a file of limits --------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown", "hint"),
    [
        ("2", "2", '; likely a percentage: write 0.02 or "2%"'),
        ("25.0", "25.0", '; likely a percentage: write 0.25 or "25%"'),
        ("1", "1", '; likely a percentage: write 0.01 or "1%"'),
        ("0", "0", ""),
        ("-0.1", "-0.1", ""),
        (".nan", "nan", ""),
        (".inf", "inf", ""),
        ("-.inf", "-inf", ""),
        ("2e400", "inf", ""),
        ("ten", "'ten'", ""),
        ('"0.1"', "'0.1'", "; without quotes"),
        ('"150%"', "'150%'", ""),
        ('"nan%"', "'nan%'", ""),
        ("1:30", "'1:30'", ""),
        ("true", "true", ""),
        ("null", "empty", ""),
        ("[0.1]", "the list [0.1]", ""),
        ("{a: 1}", "a section", ""),
    ],
)
def test_a_fraction_out_of_its_domain(mistake, value, shown, hint):
    text = with_value(GROWTH, "max_drawdown", value)
    line = line_of(text, "max_drawdown")
    assert mistake(load_config, text) == (
        f"bad.yaml:{line}: risk_limits.max_drawdown is {shown}: "
        f"allowed is a fraction above 0, below 1{hint}"
    )


@pytest.mark.parametrize(("value", "expected"), [('"2%"', 0.02), ("0.02", 0.02), ("2e-2", 0.02)])
def test_a_fraction_may_be_a_percentage(tmp_path, value, expected):
    file = tmp_path / "limits.yaml"
    file.write_text(with_value(GROWTH, "var_95", value), encoding="utf-8")
    assert load_config(file).risk_limits.var_95 == expected


@pytest.mark.parametrize(
    ("value", "rest"),
    [
        ("5", '5: {}; 5 has no unit: write "5s" or "5ms"'),
        ("0.5", '0.5: {}; 0.5 has no unit: write "0.5s" or "0.5ms"'),
        ('"5 sec"', "'5 sec': {}"),
        ('"-5s"', "'-5s': {}"),
        ('"0.5ns"', "'0.5ns': {}; in whole nanoseconds"),
        ('"0s"', "'0s': {}"),
        ('"400d"', "'400d': {}"),
        ("true", "true: {}"),
    ],
)
def test_a_duration_out_of_its_domain(mistake, value, rest):
    text = with_value(GROWTH, "max_quote_age", value)
    allowed = 'allowed is a duration such as "250ms", "5s" or "1h", from 1ns to 366d'
    line = line_of(text, "max_quote_age")
    assert mistake(load_config, text) == (
        f"bad.yaml:{line}: market.max_quote_age is {rest.format(allowed)}"
    )


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("250ms", 250_000_000), ("1h", 3_600_000_000_000), ("1.5s", 1_500_000_000), ("20 us", 20_000)],
)
def test_a_duration_carries_its_unit(tmp_path, text, nanoseconds):
    file = tmp_path / "limits.yaml"
    file.write_text(with_value(GROWTH, "max_quote_age", f'"{text}"'), encoding="utf-8")
    assert load_config(file).parameters()["max_quote_age_ns"] == nanoseconds


@pytest.mark.parametrize("value", ["2.5", "0", "-1", "true", '"3"', "1e3"])
def test_a_count_out_of_its_domain(mistake, value):
    text = mistake(load_config, with_value(GROWTH, "max_open_orders", value))
    assert text.startswith(f"bad.yaml:{line_of(GROWTH, 'max_open_orders')}: risk_limits.")
    assert text.endswith(": allowed is a whole number from 1 to 1000000000")


def test_a_flag_is_true_or_false_and_nothing_like_it(mistake):
    for value, shown in (("yes", "'yes'"), ("1", "1"), ('"true"', "'true'")):
        text = with_value(GROWTH, "crash_reduce_only", value)
        assert mistake(load_config, text) == (
            f"bad.yaml:{line_of(GROWTH, 'crash_reduce_only')}: "
            f"market.crash_reduce_only is {shown}: allowed is true or false"
        )


def test_tail_degrees_of_freedom_are_a_number_or_normal(mistake, tmp_path):
    text = with_value(GROWTH, "tail_degrees_of_freedom", "2")
    assert mistake(load_config, text) == (
        f"bad.yaml:{line_of(GROWTH, 'tail_degrees_of_freedom')}: models.tail_degrees_of_freedom "
        "is 2: allowed is a number above 2.05, at most 200, or normal"
    )
    file = tmp_path / "limits.yaml"
    file.write_text(with_value(GROWTH, "tail_degrees_of_freedom", "normal"), encoding="utf-8")
    assert load_config(file).models.tail_degrees_of_freedom == 0.0


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("max_drawdwn", "max_drawdown"), ("var95", "var_95"), ("max_latency_ns", "max_latency")],
)
def test_a_misspelt_key_names_the_nearest(mistake, wrong, right):
    text = GROWTH.replace(f"  {right}:", f"  {wrong}:")
    message = mistake(load_config, text)
    assert message.startswith(f"bad.yaml:{line_of(GROWTH, right)}: ")
    assert f".{wrong} is unknown (value " in message
    assert message.endswith(f": did you mean {right}?")


def test_a_key_in_the_wrong_section_names_the_right_one(mistake):
    text = GROWTH.replace("\nmarket:\n", "\nmarket:\n  var_95: 0.02\n")
    line = line_of(text, "market") + 1
    assert mistake(load_config, text) == (
        f"bad.yaml:{line}: market.var_95 is unknown (value 0.02): it belongs in risk_limits"
    )


def test_a_key_like_no_other_lists_what_is_allowed(mistake):
    text = GROWTH.replace("\nstrategy:\n", "\nstrategy:\n  colour: red\n")
    assert mistake(load_config, text).endswith(
        "strategy.colour is unknown (value 'red'): allowed are performance_floor, "
        "performance_min_trades, performance_decay, probation_factor"
    )


def test_a_missing_limit_is_never_a_missing_check(mistake):
    assert mistake(load_config, without(GROWTH, "max_drawdown")) == (
        f"bad.yaml:{line_of(GROWTH, 'risk_limits')}: "
        "risk_limits.max_drawdown is missing: allowed is a fraction above 0, below 1"
    )


@pytest.mark.parametrize("field", [f for f in PARAMETERS if f.name not in DERIVED and not f.shape])
def test_no_limit_may_be_left_out(mistake, field):
    key = field.name.removesuffix("_ns")
    assert f"{key} is missing: allowed is " in mistake(load_config, without(GROWTH, key))


def test_every_mistake_of_a_file_has_a_line(mistake):
    text = with_value(GROWTH, "max_drawdown", "7")
    text = with_value(text, "max_quote_age", "5")
    text = without(text, "max_spread").replace("max_latency:", "max_latencies:")
    found = mistake(load_config, text).splitlines()
    assert found == [
        f"bad.yaml:{line_of(text, 'max_drawdown')}: risk_limits.max_drawdown is 7: allowed is a "
        'fraction above 0, below 1; likely a percentage: write 0.07 or "7%"',
        f"bad.yaml:{line_of(text, 'market')}: market.max_spread is missing: allowed is a fraction "
        "above 0, at most 1",
        f"bad.yaml:{line_of(text, 'max_quote_age')}: market.max_quote_age is 5: allowed is a "
        'duration such as "250ms", "5s" or "1h", from 1ns to 366d; 5 has no unit: write "5s" or '
        '"5ms"',
        f"bad.yaml:{line_of(text, 'max_latencies')}: system.max_latencies is unknown (value "
        "'5ms'): did you mean max_latency?",
    ]


def test_every_contradiction_of_a_file_has_a_line(mistake):
    text = with_value(GROWTH, "target_drawdown", "0.2")
    text = with_value(text, "exit_collar", "0.01")
    found = mistake(load_config, text).splitlines()
    assert [line.split(":")[2].split()[0] for line in found] == [
        "risk_limits.target_drawdown",
        "market.exit_collar",
    ]
    text = INSTRUMENTS.replace("    currency: USDT\n", "    currency: USD\n")
    found = mistake(load_instruments, text).splitlines()
    assert len(found) == text.count("    currency: USD\n") > 5
    text = SCENARIOS.replace("      default: ", "      others: ")
    found = mistake(load_scenarios, text).splitlines()
    assert len(found) == text.count("      others: ") > 10


def test_a_missing_section(mistake):
    text = GROWTH[: GROWTH.index("\nregimes:")]
    assert mistake(load_config, text) == (
        "bad.yaml: regimes is missing: allowed is a section with normal, volatile, trending, crash"
    )


def test_a_section_that_is_none(mistake):
    text = re.sub(r"(?m)^strategy:\n(  .*\n)*", "strategy: 3\n", GROWTH)
    assert mistake(load_config, text) == (
        f"bad.yaml:{line_of(text, 'strategy')}: strategy is 3: allowed is a section with "
        "performance_floor, performance_min_trades, performance_decay, probation_factor"
    )


def test_an_unknown_regime(mistake):
    text = GROWTH.replace("\n  crash:\n", "\n  crush:\n")
    assert mistake(load_config, text) == (
        f"bad.yaml:{line_of(text, 'crush')}: "
        "regimes.crush is unknown (value a section): did you mean crash?"
    )


def test_a_key_of_two_lines_is_one_line(mistake):
    text = GROWTH.replace("  var_95:", '  "a\\nb": 1\n  var_95:')
    assert mistake(load_config, text) == (
        f"bad.yaml:{line_of(GROWTH, 'var_95')}: risk_limits has the key 'a\\nb': allowed are "
        "texts of one line (in quotes if they look like numbers)"
    )


def test_a_key_given_twice(mistake):
    text = GROWTH.replace("  var_95:", "  max_drawdown: 0.5\n  var_95:")
    first = line_of(text, "max_drawdown")
    last = max(n for n, line in enumerate(text.splitlines(), 1) if "  max_drawdown:" in line)
    assert mistake(load_config, text) == (
        f"bad.yaml:{last}: risk_limits.max_drawdown is given twice (first in line {first}): "
        "keep one"
    )


@pytest.mark.parametrize(
    ("key", "value", "rest"),
    [
        ("target_drawdown", "0.2", "risk_limits.{} is 0.2: allowed is at most max_drawdown (0.1)"),
        (
            "expected_shortfall",
            "0.01",
            "risk_limits.{} is 0.01: allowed is at least var_95 (0.02), its quantile",
        ),
        (
            "exit_collar",
            "0.01",
            "market.{} is 0.01: allowed is at least price_collar (0.05), so that exits are freer",
        ),
    ],
)
def test_limits_that_contradict_each_other(mistake, key, value, rest):
    text = with_value(GROWTH, key, value)
    assert mistake(load_config, text) == f"bad.yaml:{line_of(text, key)}: {rest.format(key)}"


# --- files that are none -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "bad.yaml: the file is empty: allowed is a mapping of sections"),
        ("# nothing\n", "bad.yaml: the file is empty: allowed is a mapping of sections"),
        ("null\n", "bad.yaml: the file is empty: allowed is a mapping of sections"),
        ("- 1\n", "bad.yaml: the file holds [1]: allowed is a mapping of sections"),
        ("limits\n", "bad.yaml: the file holds 'limits': allowed is a mapping of sections"),
        (b"a: \xe9\n", "bad.yaml: not UTF-8 (byte 3 is 0xe9): save it as UTF-8"),
        ("a: &x 1\nb: *x\n", "bad.yaml:2: aliases (*name) are not supported"),
        (
            "1: 2\n",
            "bad.yaml:1: the file has the key '1': "
            "allowed are texts of one line (in quotes if they look like numbers)",
        ),
        (
            "a: !!python/name:os.system x\n",
            "bad.yaml:1: the tag tag:yaml.org,2002:python/name:os.system of 'x' is not supported",
        ),
        (
            "a: [1\nb: 2\n",
            "bad.yaml:2: not valid YAML: expected ',' or ']', but got ':'",
        ),
        ("a: 1\n---\nb: 1\n", "bad.yaml:2: not valid YAML: but found another document"),
        ("[" * 3_000 + "]" * 3_000, "bad.yaml: not valid YAML: nested too deeply"),
    ],
)
def test_a_file_that_is_no_configuration(mistake, content, message):
    assert mistake(load_config, content) == message


def test_a_file_with_forbidden_characters(mistake):
    assert mistake(load_config, "a: \x00\n").startswith("bad.yaml: not valid YAML: ")


def test_a_byte_order_mark_is_read_over(tmp_path):
    file = tmp_path / "limits.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GROWTH.encode())
    assert load_config(file).risk_limits.max_drawdown == 0.1


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path)
    assert str(caught.value) == f"{tmp_path}: is a directory: allowed is a YAML file"
    with pytest.raises(ConfigError) as caught:
        load_config("grwth")
    assert str(caught.value) == (
        "grwth: no such file; packaged configurations are default, growth, instruments, scenarios"
    )
    with pytest.raises(ConfigError, match=r"^path is 3: allowed is a path or a packaged name$"):
        load_config(3)
    with pytest.raises(ConfigError, match="cannot be read: "):
        load_config("a\0b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path):
    file = tmp_path / "limits.yaml"
    file.write_text(GROWTH, encoding="utf-8")
    file.chmod(0)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        load_config(file)


def test_a_huge_file_is_not_read(tmp_path):
    file = tmp_path / "limits.yaml"
    file.write_bytes(b"#" * (5 << 20))
    with pytest.raises(ConfigError, match="larger than"):
        load_config(file)


# --- mistakes in a file of instruments ---------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "rest"),
    [
        (
            "kind",
            "spott",
            "kind is 'spott': allowed is spot, linear or inverse; did you mean spot?",
        ),
        (
            "venue",
            "nowhere",
            "venue is 'nowhere': allowed is one of binance-spot, binance-usdm, bitmex",
        ),
        ("tick_size", "0", 'tick_size is 0: allowed is a positive decimal such as "0.01"'),
        ("tick_size", ".nan", 'tick_size is nan: allowed is a positive decimal such as "0.01"'),
        (
            "max_price",
            '"0.015"',
            "max_price is 0.015: allowed is a multiple of 0.01 from 0.01 to 10995116277.76",
        ),
        ("shorting_allowed", "1", "shorting_allowed is 1: allowed is true or false"),
        (
            "taker_fee",
            "2",
            "taker_fee is 2: allowed is a fraction from -0.1 to 0.1; "
            'likely a percentage: write 0.02 or "2%"',
        ),
    ],
)
def test_terms_out_of_their_domain(mistake, key, value, rest):
    start = INSTRUMENTS.index("\ninstruments:")
    head, text = INSTRUMENTS[:start], with_value(INSTRUMENTS[start:], key, value)
    line = head.count("\n") + line_of(text, key)
    assert mistake(load_instruments, head + text) == f"bad.yaml:{line}: instruments.BTC-USDT.{rest}"


def test_a_default_of_all_instruments_is_blamed_where_it_stands(mistake):
    text = with_value(INSTRUMENTS, "max_order_notional", "-5")
    assert mistake(load_instruments, text) == (
        f"bad.yaml:{line_of(text, 'max_order_notional')}: instruments.BTC-USDT.max_order_notional "
        "is -5: allowed is an amount above 0, at most 1e+15"
    )


def test_an_expiry_needs_its_zone(mistake, tmp_path):
    text = with_value(INSTRUMENTS, "expiry", '"2026-12-25T08:00:00"')
    assert mistake(load_instruments, text).endswith("; the zone is missing: append Z for UTC")
    file = tmp_path / "instruments.yaml"
    file.write_text(with_value(INSTRUMENTS, "expiry", '"2026-12-25T08:00:00Z"'), encoding="utf-8")
    assert load_instruments(file).instruments["BTC-USDT"].expiry == 1_798_185_600_000_000_000


@pytest.mark.parametrize(
    ("before", "after", "rest"),
    [
        (
            "account_currency: USDT",
            "account_currency: EUR",
            "account_currency is 'EUR': allowed is the first of currencies (USDT)",
        ),
        (
            "ETH: {linked_instrument: ETH-USDT",
            "ETH: {linked_instrument: BTC-USDT",
            "currencies.ETH.linked_instrument is 'BTC-USDT': "
            "allowed is one without another currency (BTC has it)",
        ),
        (
            "USDT: {shock",
            "USDT: {linked_instrument: BTC-USDT, shock",
            "currencies.USDT.linked_instrument is 'BTC-USDT': "
            "allowed is none for the account currency",
        ),
        (
            'message_reserve: "1200ms"',
            'message_reserve: "1h"',
            "venues.binance-spot.message_reserve is '1h': allowed is at most message_burst (6s)",
        ),
        (
            "window_limit: 100",
            "window_limit: 0",
            "venues.binance-spot.window_limit is 0: allowed is at least 1 where window is above 0s",
        ),
        (
            "window_reserve: 20",
            "window_reserve: 101",
            "venues.binance-spot.window_reserve is 101: allowed is at most window_limit (100)",
        ),
        (
            "  BTC-USDT:\n",
            '  "BTC USDT":\n',
            "instruments.BTC USDT is 'BTC USDT': "
            "allowed is a name of 1 to 32 letters, digits or any of - _ . : /",
        ),
        (
            'min_quantity: "0.00001"',
            'min_quantity: "10"',
            "instruments.BTC-USDT.min_quantity is 10: allowed is at most max_order_quantity (5)",
        ),
    ],
)
def test_instruments_that_do_not_fit_together(mistake, before, after, rest):
    assert before in INSTRUMENTS
    text = INSTRUMENTS.replace(before, after, 1)
    line = text[: text.index(after)].count("\n") + 1
    assert mistake(load_instruments, text) == f"bad.yaml:{line}: {rest}"


def test_an_unknown_regime_of_a_strategy(mistake):
    text = INSTRUMENTS.replace("regimes: [normal, volatile]", "regimes: [normal, bull]")
    assert (
        "strategies.mean_reversion.regimes is the list ['normal', 'bull']: allowed is all, or "
        in (mistake(load_instruments, text))
    )


@pytest.mark.parametrize("section", ["venues", "currencies", "strategies", "instruments"])
def test_an_empty_section(mistake, section):
    text = re.sub(rf"(?m)^{section}:\n(  .*\n|\n|  #.*\n)*", f"{section}: {{}}\n", INSTRUMENTS)
    message = mistake(load_instruments, text)
    assert message.endswith(f": {section} is empty: allowed is at least one")


# --- mistakes in a file of scenarios -----------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "rest"),
    [
        (
            "{down: 0.205",
            "{down: 20.5",
            "scenarios.october_1987.moves.equity.down is 20.5: allowed is a fraction from 0 to 1; "
            'likely a percentage: write 0.205 or "20.5%"',
        ),
        (
            "{down: 0.205",
            "{dwn: 0.205",
            "scenarios.october_1987.moves.equity.dwn is unknown (value 0.205): did you mean down?",
        ),
        (
            'horizon: "24h"',
            "horizon: 24",
            'scenarios.october_1987.horizon is 24: allowed is a duration such as "250ms", "5s" or '
            '"1h", from 1ns to 366d; 24 has no unit: write "24s" or "24ms"',
        ),
    ],
)
def test_a_scenario_out_of_its_domain(mistake, before, after, rest):
    text = SCENARIOS.replace(before, after, 1)
    line = text[: text.index(after)].count("\n") + 1
    assert mistake(load_scenarios, text) == f"bad.yaml:{line}: {rest}"


def test_a_scenario_says_what_happens_to_all_others(mistake):
    text = "scenarios:\n  gap:\n    horizon: 5m\n    moves:\n      BTC: {down: 0.1, up: 0.1}\n"
    assert mistake(load_scenarios, text) == (
        "bad.yaml:4: scenarios.gap.moves.default is missing: allowed is a section with down, up"
    )


def test_no_scenario_at_all(mistake):
    assert mistake(load_scenarios, "scenarios: {}\n") == (
        "bad.yaml:1: scenarios is empty: allowed is at least one"
    )


# --- the shape ---------------------------------------------------------------------------------


def test_a_file_may_ask_for_a_shape(tmp_path, mistake):
    file = tmp_path / "limits.yaml"
    file.write_text(GROWTH + "\nshape: {instruments: 8, orders: 64}\n", encoding="utf-8")
    assert load_config(file).shape == Shape(instruments=8, orders=64)
    assert load_config("growth").shape is None
    assert mistake(load_config, GROWTH + "shape: {orders: 18}\n").endswith(
        "shape.orders is 18: allowed is a multiple of 4"
    )
    assert mistake(load_config, GROWTH + "shape: {instruments: 5000}\n").endswith(
        "shape.instruments is 5000: allowed is a whole number from 1 to 1024"
    )


def test_regimes_without_a_name_are_the_most_cautious():
    values = load_config("growth").parameters(regimes=6)
    assert values["regime_risk_multiplier"] == (1.0, 1.5, 0.8, 2.0, 2.0, 2.0)
    assert values["regime_size_multiplier"] == (1.0, 0.7, 1.2, 0.3, 0.3, 0.3)
    assert values["regime_confidence_threshold"] == (0.7, 0.8, 0.65, 0.9, 0.9, 0.9)


def test_a_regime_without_threshold_has_that_of_sizing(tmp_path):
    start = GROWTH.index("\nregimes:")
    text = GROWTH[:start] + without(GROWTH[start:], "confidence_threshold")
    file = tmp_path / "limits.yaml"
    text = with_value(text, "confidence_threshold", "0.77")
    file.write_text(text, encoding="utf-8")
    thresholds = load_config(file).parameters()["regime_confidence_threshold"]
    assert thresholds == (0.77, 0.8, 0.65, 0.9)


# --- records and the buffer --------------------------------------------------------------------


def test_contract_values_follow_from_tick_lot_and_contract_size():
    config = load_instruments()
    spot = instrument_record(config, "BTC-USDT", Shape())
    assert spot["contract_value"] == 1e-7  # 0.00001 BTC x 0.01 USDT
    inverse = instrument_record(config, "BTC-USD-INVERSE", Shape())
    # 100 contracts of 1 USD a lot: 100 / (0.5 x ticks) bitcoin
    assert inverse["contract_value"] == 200.0
    assert inverse["max_order_lots"] == 2500
    assert inverse["underlying"] == spot["underlying"] == 0


def test_an_account_currency_has_no_link_and_the_others_have_one():
    config, shape = load_instruments(), Shape()
    symbols = list(config.instruments)
    assert currency_record(config, "USDT", shape)["is_account"] == 1
    assert currency_record(config, "USDT", shape)["instrument"] == 0
    linked = currency_record(config, "ETH", shape)
    assert linked["instrument"] == symbols.index("ETH-USDT") + 1


def test_a_regime_mask_has_the_bits_of_its_regimes():
    config = load_instruments()
    record = strategy_record(config, "mean_reversion", Shape())
    assert record["regime_mask"] == 1 << codes.REGIME_NORMAL | 1 << codes.REGIME_VOLATILE
    assert strategy_record(config, "defensive", Shape())["regime_mask"] == 0b1111


def test_venue_budgets_are_in_nanoseconds():
    record = venue_record(load_instruments(), "binance-spot", Shape())
    assert record["message_interval_ns"] == 120_000_000
    assert record["message_burst_ns"] == 6_000_000_000
    assert record["window_ns"] == 10_000_000_000
    assert record["window_limit"] == 100


def test_moves_follow_the_group_and_the_venue():
    scenarios, instruments, shape = load_scenarios(), load_instruments(), Shape()
    symbols = list(instruments.instruments)
    down, up = scenario_moves(scenarios, "gap_1h", instruments, shape)
    assert down.shape == up.shape == (shape.instruments,)
    assert down[symbols.index("BTC-USDT-PERP")] == up[symbols.index("BTC-USDT-PERP")] == 0.35
    assert down[symbols.index("EOS-USDT")] == 0.55  # no group of its own: default
    assert down[-1] == 0.55  # not configured yet: the largest
    lost, _ = scenario_moves(scenarios, "venue_loss_spot", instruments, shape)
    assert lost[symbols.index("BTC-USDT")] == 1.0
    assert lost[symbols.index("BTC-USDT-PERP")] == 0.0


@pytest.fixture(scope="module")
def core():
    made = Core()
    instruments = load_instruments()
    write_parameters(made, load_config("growth"), START)
    write_instruments(made, instruments, START)
    write_scenarios(made, load_scenarios(), instruments, START)
    return made


def test_each_parameter_reaches_the_buffer(core):
    for name, value in load_config("growth").parameters().items():
        stored = core.state.parameters[name]
        if isinstance(value, tuple):
            assert tuple(stored) == value, name
        else:
            assert stored == value, name


class EveryEvent:
    """A core after each of whose events `look` is called."""

    def __init__(self, core, look):
        self._core, self._look = core, look

    def __getattr__(self, name):
        found = getattr(self._core, name)

        def call(*arguments):
            answer = found(*arguments)
            self._look(self._core.state)
            return answer

        return call if callable(found) else found


def test_a_link_that_stays_is_never_cut_and_one_that_goes_is(core):
    config, changed = load_instruments(), Core(core.shape)
    changed.load_state(core.state_bytes())
    code = next(c for c, row in config.currencies.items() if row.linked_instrument is not None)
    index = list(config.currencies).index(code)
    seen = set()
    follow = EveryEvent(changed, lambda state: seen.add(int(state.currencies[index].instrument)))
    write_instruments(follow, config, START)
    assert seen == {currency_record(config, code, changed.shape)["instrument"]}
    cut = config.currencies[code].model_copy(update={"linked_instrument": None})
    config = config.model_copy(update={"currencies": {**config.currencies, code: cut}})
    write_instruments(follow, config, START)
    assert changed.state.currencies[index].instrument == 0


def test_the_core_derives_what_no_file_holds(core):
    assert all(core.state.parameters[name] > 0 for name in DERIVED)
    assert core.state.parameters.samples_per_day == 288.0


def test_each_record_reaches_the_buffer(core):
    config, shape = load_instruments(), core.shape
    makers = {
        "instruments": instrument_record,
        "venues": venue_record,
        "currencies": currency_record,
        "strategies": strategy_record,
    }
    for section, maker in makers.items():
        for index, name in enumerate(getattr(config, section)):
            record, stored = maker(config, name, shape), core.state[section][index]
            for field in record.dtype.names:
                if field in CONFIGURED[section]:
                    assert stored[field] == record[field], (name, field)
                else:
                    assert not np.any(record[field]), (name, field)
    header = core.state.header
    assert header.venue_count == len(config.venues)
    assert header.strategy_count == len(config.strategies)
    assert header.scenario_count == len(load_scenarios().scenarios)


def test_scenarios_long_enough_enter_the_budget(core):
    names = list(load_scenarios().scenarios)
    # decision interval 4 minutes + execution 1 minute
    assert core.state.scenarios[names.index("gap_5m")].in_budget == 1
    assert core.state.scenarios[names.index("gap_1h")].enabled == 1


def with_latency(latency_ns):
    """Growth, a version up, with another time from a decision to its execution."""
    config = load_config("growth")
    limits = config.risk_limits.model_copy(update={"execution_latency": latency_ns})
    return config.model_copy(update={"version": 2, "risk_limits": limits})


def test_a_drawdown_budget_of_nothing_is_refused():
    horizons = [scenario.horizon for scenario in load_scenarios().scenarios.values()]
    just = max(horizons) - load_config("growth").risk_limits.decision_interval
    need_budget(with_latency(just), horizons)
    with pytest.raises(ConfigError) as caught:
        need_budget(with_latency(just + 1), horizons)
    assert str(caught.value) == (
        "growth.yaml: decision_interval + execution_latency is "
        f"{max(horizons) + 1}ns, longer than every scenario (5d at most): none would be in the "
        "drawdown budget"
    )
    need_budget(with_latency(just + 1), [])  # nothing is to be borne


def test_remarks_tell_what_limits_mean_together():
    config, shocks = load_config("growth"), load_scenarios()

    def said(**changes):
        limits = config.risk_limits.model_copy(update=changes)
        return list(remarks(config.model_copy(update={"risk_limits": limits}), shocks))

    budget, exposure, above = said()
    assert budget == (
        "drawdown budget: 16 of 16 scenarios of scenarios.yaml are in it, those of 5min or longer "
        "(decision_interval + execution_latency)"
    )
    assert exposure == (
        "exposure: orders open 10 % of equity at most (cushion_multiplier x max_drawdown)"
    )
    assert above.startswith("never met, above that exposure: max_gross_leverage, max_net_leverage,")
    assert said(execution_latency=2 * 86_400_000_000_000)[0].startswith("drawdown budget: 1 of 16")
    wide = {"cushion_multiplier": 1000.0}
    assert said(**wide)[2:] == []
    assert said(**wide, max_net_leverage=3.0, max_daily_loss=0.1)[2:] == []
    assert said(**wide, max_net_leverage=3.1, max_daily_loss=0.11)[2:] == [
        "never met, above max_gross_leverage: max_net_leverage",
        "never met, above max_drawdown: max_daily_loss",
    ]


def test_another_configuration_replaces_the_whole_block(core):
    write_parameters(core, load_config("default"), START + 1)
    try:
        assert core.state.parameters.max_drawdown == 0.01
        assert core.state.parameters.crash_reduce_only == 1
    finally:
        write_parameters(core, load_config("growth"), START + 2)


def test_more_entries_than_the_shape_has_room_for():
    class Tiny:
        shape = Shape(instruments=8, scenarios=6)

    with pytest.raises(ConfigError) as caught:
        write_instruments(Tiny(), load_instruments(), START)
    assert str(caught.value) == (
        "instruments.yaml: instruments has 11 entries: allowed by the shape are 8"
    )
    with pytest.raises(ConfigError, match=r"scenarios has 16 entries: allowed by the shape are 6$"):
        write_scenarios(Tiny(), load_scenarios(), load_instruments(), START)


def test_a_refusal_of_the_core_names_file_and_entry():
    class Refusing:
        shape = Shape()

        def set_parameters(self, time_ns, record):
            return codes.INVALID_PARAMETERS

    with pytest.raises(ConfigError) as caught:
        write_parameters(Refusing(), load_config("growth"), START)
    assert str(caught.value) == ("growth.yaml: the core refused the parameters: INVALID_PARAMETERS")


def test_openings_cannot_take_the_slots_of_exits(tmp_path):
    file = tmp_path / "wide.yaml"
    file.write_text(with_value(GROWTH, "max_open_orders", "3840"))
    assert parameter_record(load_config(file), Shape()).max_open_orders == 3840
    file.write_text(with_value(GROWTH, "max_open_orders", "3841"))
    with pytest.raises(ConfigError) as caught:
        parameter_record(load_config(file), Shape())
    assert str(caught.value) == (
        f"{file}: risk_limits.max_open_orders is 3841: allowed is at most 3840: a sixteenth of the "
        "account's 4096 order slots is left to exits"
    )


def test_derived_fields_are_left_to_the_core():
    record = parameter_record(load_config("growth"), Shape())
    assert all(record[name] == 0.0 for name in DERIVED)


def test_decimals_stay_exact():
    assert load_instruments().instruments["XRP-USDT"].tick_size == Decimal("0.0001")
