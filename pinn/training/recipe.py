"""The recipe: every choice of how a problem is trained, in one frozen value."""

from dataclasses import dataclass, field

from pinn.errors import RecipeError
from pinn.networks.mlp import Network
from pinn.precision import Precision
from pinn.training.gauss_newton import GaussNewton
from pinn.training.rows import SLICE
from pinn.training.step import AbstractStep
from pinn.training.windows import AbstractWindows, Adaptive


@dataclass(frozen=True)
class Recipe:
    """How to train. The default solves every problem in the catalogue.

    Args:
        network: the network in each time window.
        step: how to step, `GaussNewton` or `Optax`.
        windows: how time is cut, `Adaptive` or `Uniform`.
        points: Gauss–Legendre collocation points in each window.
        steps: the most steps in each window.
        conservation: the weight of the rows that hold every charge to its value at the start plus
            what its sources added; 0 leaves them out.
        precision: `float64`, or `float32` for first-order steps on large networks.
        chunk: steps on the device between two looks from the host.

    Raises:
        RecipeError: a count below one or a negative weight.
    """

    network: Network = field(default_factory=Network)
    step: AbstractStep = field(default_factory=GaussNewton)
    windows: AbstractWindows = field(default_factory=Adaptive)
    points: int = 32
    steps: int = 60
    conservation: float = 1.0
    precision: Precision = "float64"
    chunk: int = 200

    def __post_init__(self):
        for name, least in (("points", SLICE), ("steps", 1), ("chunk", 1)):
            if getattr(self, name) < least:
                raise RecipeError(f"{name}= must be at least {least}, got {getattr(self, name)}.")
        if self.conservation < 0.0:
            raise RecipeError(f"conservation= is a weight ≥ 0, got {self.conservation}.")
        if self.precision not in ("float64", "float32"):
            raise RecipeError(f"precision= is 'float64' or 'float32', got {self.precision!r}.")
