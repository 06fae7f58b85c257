"""Arguments as people write them to what the core takes; anything else is one InputError."""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from riskcore import codes
from riskcore.errors import InputError, UnknownNameError

Number: TypeAlias = Decimal | str | float | int
Time: TypeAlias = int | datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# 3 March 1973: a smaller integer counts something longer than nanoseconds, or is a mistake.
_MIN_INTEGER_NS = 10**17
# From this many on, an integer looks like a time in the unit; what takes it to nanoseconds.
_UNITS = (
    (10**14, "microseconds", "1_000"),
    (10**11, "milliseconds", "1_000_000"),
    (10**8, "seconds", "1_000_000_000"),
)
_SIDES = {"buy": codes.BUY, "sell": codes.SELL}
_TIMES_IN_FORCE = {"GTC": codes.GTC, "IOC": codes.IOC, "FOK": codes.FOK}
_MOST_AUTHOR_CHARACTERS = 200


def shown(value: object) -> str:
    """The value as an error message shows it: one line, at most 60 characters."""
    if isinstance(value, float):
        text = float.__repr__(value)
    elif isinstance(value, Decimal):
        text = str(value)
    elif isinstance(value, int) and value.bit_length() > 256:
        text = f"an integer of {value.bit_length()} bits"
    else:
        text = repr(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def need_kind(name: str, value: object, kind: type) -> None:
    """InputError unless the value is of that class."""
    if not isinstance(value, kind):
        raise InputError(f"{name} is {shown(value)}: allowed is a {kind.__name__}")


def unknown_name(argument: str, name: object, known: Iterable[str]) -> UnknownNameError:
    """What to raise for a name that was never configured."""
    listed = list(known)
    text = ", ".join(listed[:12]) + (", ..." if len(listed) > 12 else "")
    return UnknownNameError(f"{argument} is {shown(name)}: allowed is one of {text}")


def to_decimal(name: str, value: object, allowed: str) -> Decimal:
    """A finite decimal, or InputError.

    Parameters
    ----------
    name : str
        What the error message calls the argument.
    value : Decimal, str, float or int
        A float stands for its shortest decimal: 0.1 is one tenth.
    allowed : str
        What the error message says is allowed.
    """
    number: Decimal | None = None
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, float):
        number = Decimal(float.__repr__(value))
    elif isinstance(value, str):
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = None
    else:
        integer = _index(value)
        if integer is not None and integer.bit_length() <= 256:
            number = Decimal(integer)
    if number is None or not number.is_finite():
        raise InputError(f"{name} is {shown(value)}: allowed is {allowed}")
    return number


def _index(value: object) -> int | None:
    """The integer that a value is; None for flags, and arrays but for those of one integer."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return None
    try:
        return operator.index(value)
    except TypeError:  # NumPy's arrays have the method, whatever is in them
        return None


def to_ns(time: Time, name: str = "time") -> int:
    """Nanoseconds since 1970 UTC of an integer or of a datetime with a zone.

    An integer before 1973 (below 10**17) is refused: it counts seconds, milliseconds or
    microseconds. (The core itself takes any time from 1 on.)

    Examples
    --------
    >>> to_ns(datetime(2025, 10, 10, 21, 15, tzinfo=UTC))
    1760130900000000000
    >>> to_ns(datetime(2025, 10, 10))
    Traceback (most recent call last):
    riskcore.errors.InputError: time is 2025-10-10T00:00:00: allowed is a datetime with a time zone
    >>> to_ns(1_760_130_900)
    Traceback (most recent call last):
    riskcore.errors.InputError: time is 1760130900: looks like seconds: multiply by 1_000_000_000
    """
    if isinstance(time, datetime):
        if time.tzinfo is None or time.utcoffset() is None:
            text = time.isoformat()
            raise InputError(f"{name} is {text}: allowed is a datetime with a time zone")
        # Subclasses with nanoseconds exist; they keep them in an attribute.
        extra = int(getattr(time, "nanosecond", 0))
        nanoseconds = (time - _EPOCH) // _MICROSECOND * 1000 + extra
    else:
        integer = _index(time)
        if integer is None:
            allowed = "nanoseconds since 1970 UTC, or a datetime with a time zone"
            raise InputError(f"{name} is {shown(time)}: allowed is {allowed}")
        nanoseconds = integer
        if nanoseconds < _MIN_INTEGER_NS:
            raise InputError(f"{name} is {shown(nanoseconds)}: {_hint(nanoseconds)}")
    if not 1 <= nanoseconds <= codes.MAX_TIME_NS:
        allowed = f"1 to {codes.MAX_TIME_NS} nanoseconds since 1970 UTC"
        raise InputError(f"{name} is {shown(nanoseconds)}: allowed is {allowed}")
    return nanoseconds


def _hint(number: int) -> str:
    """What a number that counts no nanoseconds may count, or what is allowed."""
    for least, unit, factor in _UNITS:
        if number >= least:
            return f"looks like {unit}: multiply by {factor}"
    return f"allowed is {_MIN_INTEGER_NS} to {codes.MAX_TIME_NS} nanoseconds since 1970 UTC"


def to_integer(name: str, value: object, low: int, high: int) -> int:
    """An integer between bounds."""
    number = _index(value)
    if number is None or not low <= number <= high:
        text = shown(value if number is None else number)
        raise InputError(f"{name} is {text}: allowed is an integer from {low} to {high}")
    return number


def to_float(name: str, value: object, low: float, high: float, *, low_open: bool = False) -> float:
    """A finite float between bounds."""
    lower = f"above {low:g}" if low_open else f"from {low:g}"
    allowed = f"a number {lower} to {high:g}"
    if type(value) is float:
        number = value
    else:
        exact = to_decimal(name, value, allowed)
        # Beyond the bounds a conversion could overflow; neither the copy nor the comparison does.
        number = float(exact) if exact.copy_abs() <= Decimal(10) ** 30 else math.inf
    if not low <= number <= high or (low_open and number == low):
        raise InputError(f"{name} is {shown(value)}: allowed is {allowed}")
    return number


def to_flag(name: str, value: object) -> bool:
    """True or False, nothing else."""
    if not isinstance(value, bool):
        raise InputError(f"{name} is {shown(value)}: allowed is True or False")
    return value


def to_side(side: object) -> int:
    """BUY or SELL of "buy", "sell", 1 or -1."""
    code = _SIDES.get(side.lower()) if isinstance(side, str) else side
    if isinstance(code, bool) or not isinstance(code, int) or code not in (codes.BUY, codes.SELL):
        raise InputError(f"side is {shown(side)}: allowed is 'buy' or 'sell' (1 or -1)")
    return int(code)


def to_time_in_force(value: object) -> int:
    """The code of "GTC", "IOC" or "FOK"."""
    code = _TIMES_IN_FORCE.get(value.upper()) if isinstance(value, str) else None
    if code is None:
        raise InputError(f"time_in_force is {shown(value)}: allowed is 'GTC', 'IOC' or 'FOK'")
    return code


def to_author(author: int | str) -> int:
    """The identifier of a person or process: a positive integer, or made from a name.

    A name has at most 200 characters.

    Examples
    --------
    >>> to_author(7), to_author("Ada Lovelace") == to_author("Ada Lovelace")
    (7, True)
    """
    if isinstance(author, str):
        name = author.strip()
        if not name:
            raise InputError("author is '': allowed is a name or a positive integer")
        if len(name) > _MOST_AUTHOR_CHARACTERS:
            allowed = f"a name of at most {_MOST_AUTHOR_CHARACTERS} characters"
            raise InputError(f"author is {shown(name)}, {len(name)} long: allowed is {allowed}")
        return number_of_name(name)
    return to_integer("author", author, 1, codes.MAX_IDENTIFIER)


author_id = to_author  # its public name


def number_of_name(name: str) -> int:
    """The identifier made from a name, of whatever length: it may come from a file."""
    digest = hashlib.blake2b(name.strip().encode("utf-8", "backslashreplace"), digest_size=8)
    return (int.from_bytes(digest.digest(), "little") >> 2) or 1
