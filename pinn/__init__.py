"""Physics-informed neural networks that know the conservation laws of the problem they solve.

Importing this module is cheap: JAX is imported when a name is first used.
"""

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinn import benchmark as benchmark
    from pinn import learning as learning
    from pinn import references as references
    from pinn.checking import check as check
    from pinn.checkpoint import load as load
    from pinn.errors import BrokenLaw as BrokenLaw
    from pinn.errors import CheckpointError as CheckpointError
    from pinn.errors import DataWarning as DataWarning
    from pinn.errors import FunctionError as FunctionError
    from pinn.errors import NotConverged as NotConverged
    from pinn.errors import NotSaveable as NotSaveable
    from pinn.errors import PinnError as PinnError
    from pinn.errors import PrecisionWarning as PrecisionWarning
    from pinn.errors import ProblemError as ProblemError
    from pinn.errors import RecipeError as RecipeError
    from pinn.jets import Jet as Jet
    from pinn.learning.discovery import discover as discover
    from pinn.measure import Scores as Scores
    from pinn.measure import compare as compare
    from pinn.networks.mlp import Network as Network
    from pinn.networks.module import Module as Module
    from pinn.networks.network import AbstractNetwork as AbstractNetwork
    from pinn.networks.separable import Separable as Separable
    from pinn.noether import group as group
    from pinn.noether import symmetry as symmetry
    from pinn.noether.multipliers import find_multipliers as find_multipliers
    from pinn.posterior import Posterior as Posterior
    from pinn.problem.axes import Interval as Interval
    from pinn.problem.axes import Periodic as Periodic
    from pinn.problem.conditions import AbstractCondition as AbstractCondition
    from pinn.problem.conditions import Derivative as Derivative
    from pinn.problem.conditions import Dirichlet as Dirichlet
    from pinn.problem.conditions import Neumann as Neumann
    from pinn.problem.conditions import Robin as Robin
    from pinn.problem.data import Data as Data
    from pinn.problem.derived import derived_fields as derived_fields
    from pinn.problem.ends import PeriodicOrbit as PeriodicOrbit
    from pinn.problem.metriplectic import metriplectic as metriplectic
    from pinn.problem.problem import Balance as Balance
    from pinn.problem.problem import Multiplier as Multiplier
    from pinn.problem.problem import Problem as Problem
    from pinn.problem.registry import get as get
    from pinn.problem.registry import register as register
    from pinn.problem.unknowns import Field as Field
    from pinn.problem.unknowns import Function as Function
    from pinn.problem.unknowns import Unknown as Unknown
    from pinn.references.reference import Reference as Reference
    from pinn.references.reference import reference as reference
    from pinn.solution import Solution as Solution
    from pinn.solver import resume as resume
    from pinn.solver import solve as solve
    from pinn.training.conservation import Augmented as Augmented
    from pinn.training.conservation import Exact as Exact
    from pinn.training.conservation import Penalty as Penalty
    from pinn.training.first_order import Optax as Optax
    from pinn.training.gauss_newton import GaussNewton as GaussNewton
    from pinn.training.own_rows import Rows as Rows
    from pinn.training.recipe import Recipe as Recipe
    from pinn.training.step import AbstractStep as AbstractStep
    from pinn.training.step import StepResult as StepResult
    from pinn.training.windows import AbstractWindows as AbstractWindows
    from pinn.training.windows import Adaptive as Adaptive
    from pinn.training.windows import Controlled as Controlled
    from pinn.training.windows import Joint as Joint
    from pinn.training.windows import Uniform as Uniform

try:
    __version__ = version("pinn")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0"

_HOME = {
    "AbstractCondition": "pinn.problem.conditions",
    "AbstractNetwork": "pinn.networks.network",
    "AbstractStep": "pinn.training.step",
    "AbstractWindows": "pinn.training.windows",
    "Adaptive": "pinn.training.windows",
    "Augmented": "pinn.training.conservation",
    "Controlled": "pinn.training.windows",
    "Balance": "pinn.problem.problem",
    "BrokenLaw": "pinn.errors",
    "CheckpointError": "pinn.errors",
    "Data": "pinn.problem.data",
    "DataWarning": "pinn.errors",
    "Derivative": "pinn.problem.conditions",
    "Dirichlet": "pinn.problem.conditions",
    "Exact": "pinn.training.conservation",
    "Field": "pinn.problem.unknowns",
    "Function": "pinn.problem.unknowns",
    "FunctionError": "pinn.errors",
    "GaussNewton": "pinn.training.gauss_newton",
    "Interval": "pinn.problem.axes",
    "Jet": "pinn.jets",
    "Joint": "pinn.training.windows",
    "Module": "pinn.networks.module",
    "Multiplier": "pinn.problem.problem",
    "Network": "pinn.networks.mlp",
    "Separable": "pinn.networks.separable",
    "Neumann": "pinn.problem.conditions",
    "NotConverged": "pinn.errors",
    "NotSaveable": "pinn.errors",
    "Optax": "pinn.training.first_order",
    "Penalty": "pinn.training.conservation",
    "Periodic": "pinn.problem.axes",
    "PeriodicOrbit": "pinn.problem.ends",
    "PinnError": "pinn.errors",
    "Posterior": "pinn.posterior",
    "PrecisionWarning": "pinn.errors",
    "Problem": "pinn.problem.problem",
    "ProblemError": "pinn.errors",
    "Recipe": "pinn.training.recipe",
    "RecipeError": "pinn.errors",
    "Reference": "pinn.references.reference",
    "Robin": "pinn.problem.conditions",
    "Rows": "pinn.training.own_rows",
    "Scores": "pinn.measure",
    "Solution": "pinn.solution",
    "StepResult": "pinn.training.step",
    "Uniform": "pinn.training.windows",
    "Unknown": "pinn.problem.unknowns",
    "check": "pinn.checking",
    "compare": "pinn.measure",
    "derived_fields": "pinn.problem.derived",
    "discover": "pinn.learning.discovery",
    "find_multipliers": "pinn.noether.multipliers",
    "get": "pinn.problem.registry",
    "load": "pinn.checkpoint",
    "metriplectic": "pinn.problem.metriplectic",
    "reference": "pinn.references.reference",
    "register": "pinn.problem.registry",
    "resume": "pinn.solver",
    "solve": "pinn.solver",
}
_MODULES = {
    "benchmark": "pinn.benchmark",
    "group": "pinn.noether.group",
    "learning": "pinn.learning",
    "references": "pinn.references",
    "symmetry": "pinn.noether.symmetry",
}
__all__ = sorted({**_HOME, **_MODULES})


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name not in _HOME:
        raise AttributeError(f"module 'pinn' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
