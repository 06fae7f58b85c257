"""Kinds of value in configuration files: each converts one YAML scalar or says what is allowed."""

from __future__ import annotations

import difflib
import math
import re
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainSerializer

from riskcore import codes
from riskcore.codes import MAX_IDENTIFIER, MAX_MONEY
from riskcore.inputs import shown
from riskcore.layout import SHAPE_BOUNDS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
ALL_REGIMES = (1 << SHAPE_BOUNDS["regimes"][1]) - 1


class Kind(ABC):
    """A kind of value: callable that converts, with ``allowed`` for messages."""

    allowed: str

    @abstractmethod
    def __call__(self, value: Any) -> Any:
        """The value as the model keeps it; ValueError where it is none."""

    def refuse(self, hint: str = "") -> ValueError:
        return ValueError(f"allowed is {self.allowed}" + (f"; {hint}" if hint else ""))


class NumberKind(Kind):
    """A finite float between bounds; percentages are accepted where ``percent`` is set."""

    def __init__(
        self,
        unit: str,
        low: float,
        high: float,
        *,
        low_open: bool = False,
        high_open: bool = False,
        percent: bool = True,
    ) -> None:
        self.low, self.high, self.low_open, self.high_open = low, high, low_open, high_open
        self.percent = percent
        lower = f"above {low:g}" if low_open else f"from {low:g}"
        upper = f"below {high:g}" if high_open else f"{'at most' if low_open else 'to'} {high:g}"
        article = "an" if unit[0] in "aeiou" else "a"
        self.allowed = f"{article} {unit} {lower}{',' if low_open or high_open else ''} {upper}"

    def __call__(self, value: Any) -> float:
        number = self._read(value)
        if not math.isfinite(number):
            raise self.refuse()
        if number < self.low or (self.low_open and number == self.low):
            raise self.refuse()
        if number > self.high or (self.high_open and number == self.high):
            hint = ""
            bare = not isinstance(value, str)
            if bare and self.percent and self.high <= 1.0 and number <= 100.0:
                hint = f'likely a percentage: write {number / 100.0:g} or "{number:g}%"'
            raise self.refuse(hint)
        return number

    def _read(self, value: Any) -> float:
        if isinstance(value, str):
            text = value.strip()
            if not (self.percent and text.endswith("%")):
                raise self.refuse("without quotes" if is_decimal(text) else "")
            text = text[:-1].strip()
            if not is_decimal(text):
                raise self.refuse()
            return float(Decimal(text) / 100)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse()
        try:
            return float(value)
        except OverflowError:
            raise self.refuse() from None


class TailDegreesKind(NumberKind):
    """Degrees of freedom of Student's t, or the word ``normal`` (stored as 0)."""

    def __init__(self) -> None:
        super().__init__("number", 2.05, 200.0, low_open=True, percent=False)
        self.allowed = "a number above 2.05, at most 200, or normal"

    def __call__(self, value: Any) -> float:
        return 0.0 if value == "normal" else super().__call__(value)


class IntegerKind(Kind):
    """A whole number between bounds."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high
        self.allowed = f"a whole number from {low} to {high}"

    def __call__(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.refuse()
        if not self.low <= value <= self.high:
            raise self.refuse()
        return value


def shown_duration(nanoseconds: int) -> str:
    """A duration as the files spell it, in the largest unit that leaves it whole."""
    for unit in ("d", "h", "min", "s", "ms", "us"):
        if nanoseconds and nanoseconds % UNITS_NS[unit] == 0:
            return f"{nanoseconds // UNITS_NS[unit]}{unit}"
    return f"{nanoseconds}ns"


def shown_moment(nanoseconds: int) -> str:
    """A time since 1970 as the files spell it."""
    if not nanoseconds:
        return "never"
    return (_EPOCH + timedelta(microseconds=nanoseconds // 1000)).isoformat()


def shown_regimes(mask: int) -> str | list[str]:
    """A mask of regimes as the files spell it."""
    if mask == ALL_REGIMES:
        return "all"
    return [name for bit, name in enumerate(codes.REGIME_NAMES) if mask >> bit & 1]


class DurationKind(Kind):
    """Nanoseconds from a text with a unit."""

    pattern = re.compile(r"([0-9]+(?:\.[0-9]+)?) *(ns|us|ms|s|m|min|h|d)")

    def __init__(self, low: str, high: str) -> None:
        self.allowed = f'a duration such as "250ms", "5s" or "1h", from {low} to {high}'
        self.low, self.high = self.read(low), self.read(high)

    def read(self, text: str) -> int:
        match = self.pattern.fullmatch(text.strip())
        if match is None or len(text) > 32:
            raise self.refuse()
        duration = Decimal(match[1]) * UNITS_NS[match[2]]
        if duration != int(duration):
            raise self.refuse("in whole nanoseconds")
        return int(duration)

    def __call__(self, value: Any) -> int:
        if isinstance(value, int | float) and not isinstance(value, bool):
            text = shown(value)
            if isinstance(value, int) and value >= UNITS_NS["ms"]:  # hardly seconds
                raise self.refuse(f'{text} has no unit: write "{shown_duration(value)}"')
            raise self.refuse(f'{text} has no unit: write "{text}s" or "{text}ms"')
        if not isinstance(value, str):
            raise self.refuse()
        duration = self.read(value)
        if not self.low <= duration <= self.high:
            raise self.refuse()
        return duration


class FlagKind(Kind):
    allowed = "true or false"

    def __call__(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.refuse()
        return value


class ChoiceKind(Kind):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.allowed = ", ".join(words[:-1]) + f" or {words[-1]}"

    def __call__(self, value: Any) -> str:
        if value not in self.words:
            near = difflib.get_close_matches(str(value), self.words, 1)
            raise self.refuse(f"did you mean {near[0]}?" if near else "")
        return str(value)


class DecimalKind(Kind):
    """An exact positive decimal; a number without quotes stands for what was written."""

    allowed = 'a positive decimal such as "0.01"'

    def __call__(self, value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self.refuse()
        text = float.__repr__(value) if isinstance(value, float) else str(value)
        if len(text) > 40 or not is_decimal(text):
            raise self.refuse()
        number = Decimal(text)
        if not number > 0 or not -15 <= number.adjusted() <= 15:
            raise self.refuse("from 1e-15 to 1e15" if number > 0 else "")
        return number


class NameKind(Kind):
    """A symbol, currency, venue, group or strategy."""

    allowed = "a name of 1 to 32 letters, digits or any of - _ . : /"
    pattern = re.compile(r"[A-Za-z0-9_.:/-]{1,32}")

    def __call__(self, value: Any) -> str:
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            raise self.refuse('in quotes, such as "1INCH"' if isinstance(value, int) else "")
        return value


class TextKind(Kind):
    allowed = "a text of at most 500 characters"

    def __call__(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > 500:
            raise self.refuse()
        return value


class MomentKind(Kind):
    """Nanoseconds since 1970 of an ISO 8601 time with its zone; 0 for ``never``."""

    allowed = 'a time with its zone, such as "2026-12-25T08:00:00Z", or never'

    def __call__(self, value: Any) -> int:
        if value == "never":
            return 0
        if not isinstance(value, str):
            raise self.refuse()
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise self.refuse() from None
        if moment.tzinfo is None:
            raise self.refuse("the zone is missing: append Z for UTC")
        nanoseconds = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
        if not 0 < nanoseconds <= codes.MAX_TIME_NS:
            raise self.refuse()
        return nanoseconds


class RegimeMaskKind(Kind):
    """Bits of the regimes named in a list, or all of them."""

    allowed = f"all, or a list of {', '.join(codes.REGIME_NAMES)}"

    def __call__(self, value: Any) -> int:
        if value == "all":
            return ALL_REGIMES
        if not isinstance(value, list) or not value:
            raise self.refuse()
        mask = 0
        for name in value:
            if not isinstance(name, str) or name not in codes.REGIME_NAMES:
                raise self.refuse()
            mask |= 1 << codes.REGIME_NAMES.index(name)
        return mask


def is_decimal(text: str) -> bool:
    try:
        return len(text) <= 60 and Decimal(text).is_finite()
    except InvalidOperation:
        return False


Fraction = Annotated[float, BeforeValidator(NumberKind("fraction", 0, 1, low_open=True))]
InnerFraction = Annotated[
    float, BeforeValidator(NumberKind("fraction", 0, 1, low_open=True, high_open=True))
]
FractionOrZero = Annotated[float, BeforeValidator(NumberKind("fraction", 0, 1))]
FractionBelowOne = Annotated[float, BeforeValidator(NumberKind("fraction", 0, 1, high_open=True))]
SignedFraction = Annotated[float, BeforeValidator(NumberKind("fraction", -1, 1))]
Leverage = Annotated[
    float, BeforeValidator(NumberKind("multiple of equity", 0, 100, low_open=True))
]
Multiple = Annotated[
    float, BeforeValidator(NumberKind("number", 0, 1000, low_open=True, percent=False))
]
MultipleOrZero = Annotated[float, BeforeValidator(NumberKind("number", 0, 1000, percent=False))]
Ratio = Annotated[
    float, BeforeValidator(NumberKind("number", 0, 1e6, low_open=True, percent=False))
]
Money = Annotated[
    float, BeforeValidator(NumberKind("amount", 0, MAX_MONEY, low_open=True, percent=False))
]
MoneyOrZero = Annotated[float, BeforeValidator(NumberKind("amount", 0, MAX_MONEY, percent=False))]
RiseFraction = Annotated[float, BeforeValidator(NumberKind("fraction", 0, 100))]
FeeFraction = Annotated[float, BeforeValidator(NumberKind("fraction", -0.1, 0.1))]
# What is kept in another form than the files have is written as the files have it.
_AS_DURATION = PlainSerializer(shown_duration, when_used="json")
_AS_MOMENT = PlainSerializer(shown_moment, when_used="json")
_AS_REGIMES = PlainSerializer(shown_regimes, when_used="json")
_AS_DEGREES = PlainSerializer(lambda value: value or "normal", when_used="json")
TailDegrees = Annotated[float, BeforeValidator(TailDegreesKind()), _AS_DEGREES]
Count = Annotated[int, BeforeValidator(IntegerKind(1, 1_000_000_000))]
CountOrZero = Annotated[int, BeforeValidator(IntegerKind(0, 1_000_000_000))]
Identifier = Annotated[int, BeforeValidator(IntegerKind(1, MAX_IDENTIFIER))]
Duration = Annotated[int, BeforeValidator(DurationKind("1ns", "366d")), _AS_DURATION]
Interval = Annotated[int, BeforeValidator(DurationKind("1ns", "1d")), _AS_DURATION]
DurationOrZero = Annotated[int, BeforeValidator(DurationKind("0s", "366d")), _AS_DURATION]
SampleInterval = Annotated[int, BeforeValidator(DurationKind("1ms", "30d")), _AS_DURATION]
Flag = Annotated[bool, BeforeValidator(FlagKind())]
Step = Annotated[Decimal, BeforeValidator(DecimalKind())]
Name = Annotated[str, BeforeValidator(NameKind())]
Text = Annotated[str, BeforeValidator(TextKind())]
Moment = Annotated[int, BeforeValidator(MomentKind()), _AS_MOMENT]
RegimeMask = Annotated[int, BeforeValidator(RegimeMaskKind()), _AS_REGIMES]
Tradable = Annotated[
    Literal["active", "close_only", "down"],
    BeforeValidator(ChoiceKind("active", "close_only", "down")),
]
ContractKind = Annotated[
    Literal["spot", "linear", "inverse"], BeforeValidator(ChoiceKind("spot", "linear", "inverse"))
]
