"""Physics-informed neural networks that know the conservation laws of the problem they solve.

Importing this module is cheap: JAX is imported when a name is first used.
"""

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinn.errors import CheckpointError as CheckpointError
    from pinn.errors import PinnError as PinnError
    from pinn.errors import ProblemError as ProblemError
    from pinn.errors import RecipeError as RecipeError
    from pinn.jets import Jet as Jet
    from pinn.noether import symmetry as symmetry
    from pinn.problem.axes import Interval as Interval
    from pinn.problem.problem import Balance as Balance
    from pinn.problem.problem import Problem as Problem
    from pinn.problem.registry import get as get
    from pinn.problem.registry import register as register

try:
    __version__ = version("pinn")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0"

_HOME = {
    "Balance": "pinn.problem.problem",
    "CheckpointError": "pinn.errors",
    "Interval": "pinn.problem.axes",
    "Jet": "pinn.jets",
    "PinnError": "pinn.errors",
    "Problem": "pinn.problem.problem",
    "ProblemError": "pinn.errors",
    "RecipeError": "pinn.errors",
    "get": "pinn.problem.registry",
    "register": "pinn.problem.registry",
    "symmetry": "pinn.noether",
}
__all__ = sorted(_HOME)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name == "symmetry":
        return importlib.import_module("pinn.noether.symmetry")
    if name not in _HOME:
        raise AttributeError(f"module 'pinn' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
