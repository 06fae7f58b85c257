"""Shared by the layers: utilisation, and lots that fit under a cap."""

from riskcore.kernels.elementary import floor_to_int, maximum
from riskcore.kernels.language import kernel

NO_CAP = 4.0e18  # more lots than any order may have
UNLIMITED_USE = 1.0e18  # utilisation reported for a measure above a limit of zero
SMALLEST_LIMIT = 1.0e-100  # a limit below it counts as zero: the ratio stays finite


@kernel
def raise_use(use, measure, limit):
    """The larger of a utilisation and measure / limit.

    A division each is cheaper than comparing cross products: the divider stands idle otherwise.
    """
    if limit > SMALLEST_LIMIT:
        return maximum(measure / limit, use)
    if measure > 0.0:
        return UNLIMITED_USE
    return use


@kernel
def exceeds(measure, before, limit):
    """True where a sum breaks its limit and is worse than before the order; true for NaN."""
    return not (measure <= limit) and not (measure <= before)


@kernel
def lots_within(value, value_per_lot):
    """Lots (float64, not rounded) whose value stays within `value`; NO_CAP where a lot is free."""
    if value_per_lot > 0.0:
        return value / value_per_lot
    return NO_CAP


@kernel
def smaller(a, b):
    """The smaller of two caps."""
    if a < b:
        return a
    return b


@kernel
def worse(a, b):
    """The larger of two losses; of zeros either, and NaN may be lost.

    Only on these terms is a loop over the scenarios that keeps the worst vectorised (`tune.py`).
    """
    return a if a > b else b


@kernel
def whole_lots(cap, lots):
    """Largest int64 in [0, lots] that is at most `cap`."""
    if cap >= float(lots):
        return lots
    if cap > 0.0:
        return floor_to_int(cap)
    return 0
