"""How many random examples a property gets: many times as many where the run may take long."""

from hypothesis import settings

SHORT = 100  # what Hypothesis takes where nothing is said


def examples(count: int) -> int:
    """`count`, multiplied as the profile in force multiplies Hypothesis' own number.

    Decorators call it when a module is imported; the profile has been loaded before.
    """
    return max(count, count * settings().max_examples // SHORT)
