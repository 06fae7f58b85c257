"""Pre-trade risk gate and adaptive risk management for automated trading.

``from riskcore import AdaptiveRiskManager`` is the way in. Names are loaded when they are first
used, so that importing the package costs next to nothing beyond NumPy.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from riskcore import codes as codes
    from riskcore.decision import Decision as Decision
    from riskcore.errors import ConfigError as ConfigError
    from riskcore.errors import InputError as InputError
    from riskcore.errors import PlaceError as PlaceError
    from riskcore.errors import RiskCoreError as RiskCoreError
    from riskcore.errors import StateError as StateError
    from riskcore.errors import UnknownNameError as UnknownNameError
    from riskcore.inputs import author_id as author_id
    from riskcore.instrument import Instrument as Instrument
    from riskcore.layout import Shape as Shape
    from riskcore.manager import AdaptiveRiskManager as AdaptiveRiskManager
    from riskcore.store.pages import ControlPage as ControlPage
    from riskcore.store.pages import PublishedPage as PublishedPage
    from riskcore.store.snapshot import Snapshot as Snapshot
    from riskcore.views import AdvancedDrawdownController as AdvancedDrawdownController
    from riskcore.views import PositionSizer as PositionSizer
    from riskcore.views import RealTimeCorrelationTracker as RealTimeCorrelationTracker
    from riskcore.views import VolatilityEstimator as VolatilityEstimator

__version__ = "0.1.0"

_HERE = Path(__file__).parent


def get_include() -> str:
    """Directory of ``riskcore.h`` and ``riskcore.hpp``, for the compiler's ``-I``."""
    return str(_HERE / "include")


def get_library_dir() -> str:
    """Directory of ``libriskcore.a`` and ``libriskcore.so``, for the linker's ``-L``.

    Below it are ``pkgconfig`` and ``cmake``; ``riskcore paths`` prints them.
    """
    return str(_HERE / "lib")


_HOMES = {
    "AdaptiveRiskManager": "manager",
    "AdvancedDrawdownController": "views",
    "ConfigError": "errors",
    "ControlPage": "store.pages",
    "Decision": "decision",
    "InputError": "errors",
    "Instrument": "instrument",
    "PlaceError": "errors",
    "PositionSizer": "views",
    "PublishedPage": "store.pages",
    "RealTimeCorrelationTracker": "views",
    "RiskCoreError": "errors",
    "Shape": "layout",
    "Snapshot": "store.snapshot",
    "StateError": "errors",
    "UnknownNameError": "errors",
    "VolatilityEstimator": "views",
    "author_id": "inputs",
}

__all__ = [*_HOMES, "codes", "get_include", "get_library_dir"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name == "codes":
        return import_module("riskcore.codes")
    if name not in _HOMES:
        raise AttributeError(f"module 'riskcore' has no attribute {name!r}")
    value = getattr(import_module(f"riskcore.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
