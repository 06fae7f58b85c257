"""How many random examples a property gets: many times as many where the run may take long."""

from hypothesis import settings

SHORT = 100  # what Hypothesis takes where nothing is said


def examples(count: int, most: int = 10_000) -> int:
    """`count`, multiplied as the profile in force multiplies Hypothesis' own number.

    `most` is for properties of which so many would take more than a minute or so.
    Decorators call it when a module is imported; the profile has been loaded before.
    """
    return max(count, min(most, count * settings().max_examples // SHORT))
