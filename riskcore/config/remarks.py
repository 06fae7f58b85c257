"""What limits mean together: what the drawdown budget bears, and which limits nothing can meet."""

from __future__ import annotations

from collections.abc import Iterator

from riskcore.config.models import RiskConfig, ScenariosConfig
from riskcore.config.values import shown_duration

# Limits of exposure over equity: no order meets those above what the cushion allows.
_EXPOSURES = (
    "max_gross_leverage",
    "max_net_leverage",
    "max_weight",
    "max_position_share",
    "max_venue_exposure",
)
_ALWAYS_MET_FIRST = (
    ("max_net_leverage", "max_gross_leverage"),
    ("max_daily_loss", "max_drawdown"),
)


def remarks(config: RiskConfig, scenarios: ScenariosConfig) -> Iterator[str]:
    """Sentences for whoever sets the limits.

    Parameters
    ----------
    config : RiskConfig
    scenarios : ScenariosConfig
        Those that the drawdown budget is to bear.
    """
    limits = config.risk_limits
    span = limits.decision_interval + limits.execution_latency
    enabled = [scenario for scenario in scenarios.scenarios.values() if scenario.enabled]
    borne = sum(scenario.horizon >= span for scenario in enabled)
    yield (
        f"drawdown budget: {borne} of {len(enabled)} scenarios of {scenarios.source} are in it, "
        f"those of {shown_duration(span)} or longer (decision_interval + execution_latency)"
    )
    largest = limits.cushion_multiplier * limits.max_drawdown
    yield (
        f"exposure: orders open {100.0 * largest:g} % of equity at most (cushion_multiplier x "
        "max_drawdown)"
    )
    values = {**dict(limits), **dict(config.exchange)}
    idle = [name for name in _EXPOSURES if values[name] > largest]
    if idle:
        yield f"never met, above that exposure: {', '.join(idle)}"
    for name, first in _ALWAYS_MET_FIRST:
        if values[name] > values[first]:
            yield f"never met, above {first}: {name}"
