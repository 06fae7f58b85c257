"""An instrument as people write it: exact conversion between decimals and ticks or lots.

Everything is integer arithmetic on the decimal digits, so no result depends on the decimal
context or on binary rounding. A float stands for the decimal that Python prints for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from riskcore.codes import MAX_LOTS, MAX_POSITION_LOTS, MAX_TICKS
from riskcore.errors import InputError
from riskcore.inputs import Number, shown, to_decimal

# A decimal of more places than this lies on no grid that fits the bounds.
_MAX_PLACES = 40
_POWERS = tuple(10**n for n in range(2 * _MAX_PLACES + 40))
# Floats up to here print as the decimal that they were written as.
_EXACT_FLOAT = 10**15


def _split(step: Decimal) -> tuple[int, int]:
    """Coefficient and number of decimal places of a positive step."""
    _, digits, exponent = step.as_tuple()
    assert isinstance(exponent, int)
    coefficient = int("".join(map(str, digits)))
    return (coefficient * 10**exponent, 0) if exponent > 0 else (coefficient, -exponent)


@dataclass(frozen=True, slots=True)
class Grid:
    """Multiples of a decimal step between two bounds.

    Examples
    --------
    >>> grid = Grid("price", Decimal("0.5"), 1, 1000)
    >>> grid.count("12.5")
    25
    >>> grid.value(25)
    Decimal('12.5')
    >>> grid.count(12.3)
    Traceback (most recent call last):
    riskcore.errors.InputError: price is 12.3: allowed is a multiple of 0.5 from 0.5 to 500.0
    """

    name: str
    step: Decimal
    lowest: int
    highest: int
    _coefficient: int = field(init=False, repr=False)
    _places: int = field(init=False, repr=False)
    _divisor: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.step.is_finite() or self.step <= 0 or not -15 <= self.step.adjusted() <= 15:
            raise InputError(
                f"{self.name} step is {self.step}: allowed is a positive decimal of 1e-15 to 1e15"
            )
        coefficient, places = _split(self.step)
        if places > _MAX_PLACES:
            raise InputError(
                f"{self.name} step is {self.step}: allowed are at most {_MAX_PLACES} places"
            )
        object.__setattr__(self, "_coefficient", coefficient)
        object.__setattr__(self, "_places", places)
        object.__setattr__(self, "_divisor", _POWERS[places])

    def allowed(self) -> str:
        """The domain in words."""
        low, high = self.value(self.lowest), self.value(self.highest)
        return f"a multiple of {self.step} from {low} to {high}"

    def value(self, count: int) -> Decimal:
        """The decimal of so many steps, exact."""
        return Decimal(f"{count * self._coefficient}E-{self._places}")

    def count(self, value: object, name: str | None = None) -> int:
        """The number of steps in a value that lies on the grid, else InputError."""
        # Fast path: a float equals the correctly rounded quotient of its grid point, or is off.
        if type(value) is float and 0.0 < value < 1e15:
            steps = round(value * self._divisor / self._coefficient)
            scaled = steps * self._coefficient
            if (
                self.lowest <= steps <= self.highest
                and scaled < _EXACT_FLOAT
                and self._places <= 22
                and scaled / self._divisor == value
            ):
                return steps
        exact, remainder = self._divide(value, name)
        if remainder or not self.lowest <= exact <= self.highest:
            raise InputError(f"{name or self.name} is {shown(value)}: allowed is {self.allowed()}")
        return exact

    def floor(self, value: object, name: str | None = None) -> int:
        """The number of whole steps in a value: the grid point at or below it."""
        steps, _ = self._divide(value, name)
        if not self.lowest <= steps <= self.highest:
            raise InputError(f"{name or self.name} is {shown(value)}: allowed is {self.allowed()}")
        return steps

    def nearest(self, value: object, name: str | None = None) -> int:
        """The nearest grid point, half a step rounds up."""
        steps, remainder = self._divide(value, name)
        # The remainder is in units of 1 / scale of a step: compare twice it with a whole step.
        steps += 1 if 2 * remainder >= 1 else 0
        if not self.lowest <= steps <= self.highest:
            raise InputError(f"{name or self.name} is {shown(value)}: allowed is {self.allowed()}")
        return steps

    def _divide(self, value: object, name: str | None) -> tuple[int, Any]:
        """Whole steps and the exact remainder, a Fraction of a step (0 for none)."""
        number = to_decimal(name or self.name, value, self.allowed())
        sign, digits, exponent = number.as_tuple()
        assert isinstance(exponent, int)
        if (number and not -_MAX_PLACES <= exponent <= _MAX_PLACES) or len(
            digits
        ) > 2 * _MAX_PLACES:
            raise InputError(f"{name or self.name} is {shown(value)}: allowed is {self.allowed()}")
        if not number:
            return 0, 0
        coefficient = int("".join(map(str, digits)))
        if sign:
            coefficient = -coefficient
        shift = exponent + self._places
        numerator = coefficient * _POWERS[shift] if shift > 0 else coefficient
        denominator = self._coefficient * (_POWERS[-shift] if shift < 0 else 1)
        steps, rest = divmod(numerator, denominator)
        if not rest:
            return steps, 0
        from fractions import Fraction

        return steps, Fraction(rest, denominator)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument: its place in the buffer and its grids.

    Examples
    --------
    >>> btc = Instrument("BTC-USDT", 0, "spot", "alpha", "USDT", "BTC", "BTC",
    ...                  Decimal("0.01"), Decimal("0.00001"))
    >>> btc.to_ticks("43000.01"), btc.to_lots(0.25)
    (4300001, 25000)
    >>> btc.from_ticks(4300001)
    Decimal('43000.01')
    >>> btc.round_price(43000.017)
    Decimal('43000.02')
    """

    symbol: str
    index: int
    kind: str
    venue: str
    currency: str
    underlying: str
    group: str
    tick_size: Decimal
    lot_size: Decimal
    prices: Grid = field(init=False, repr=False, compare=False)
    quantities: Grid = field(init=False, repr=False, compare=False)
    positions: Grid = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        most = MAX_POSITION_LOTS
        object.__setattr__(self, "prices", Grid("price", self.tick_size, 1, MAX_TICKS))
        object.__setattr__(self, "quantities", Grid("quantity", self.lot_size, 1, MAX_LOTS))
        object.__setattr__(self, "positions", Grid("quantity", self.lot_size, -most, most))

    def to_ticks(self, price: Number, name: str = "price") -> int:
        """Ticks of a price that lies on the grid; InputError otherwise."""
        return self.prices.count(price, name)

    def to_lots(self, quantity: Number, name: str = "quantity") -> int:
        """Lots of a positive quantity that lies on the grid; InputError otherwise."""
        return self.quantities.count(quantity, name)

    def to_signed_lots(self, quantity: Number, name: str = "quantity") -> int:
        """Lots of a position: zero and negative quantities are allowed."""
        return self.positions.count(quantity, name)

    def from_ticks(self, ticks: int) -> Decimal:
        """The price of so many ticks, exact."""
        return self.prices.value(int(ticks))

    def from_lots(self, lots: int) -> Decimal:
        """The quantity of so many lots, exact."""
        return self.quantities.value(int(lots))

    def round_price(self, price: Number) -> Decimal:
        """The nearest price on the grid; half a tick rounds up."""
        return self.prices.value(self.prices.nearest(price))

    def round_lots(self, quantity: Number) -> Decimal:
        """The largest quantity on the grid that is not above the one given."""
        return self.quantities.value(self.quantities.floor(quantity))
