"""The recipe: every choice of how a problem is trained, in one frozen value."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pinn.errors import RecipeError
from pinn.networks.mlp import Network
from pinn.networks.network import AbstractNetwork, Resolution
from pinn.networks.separable import Separable
from pinn.noether.verify import verified_charges
from pinn.precision import Precision
from pinn.problem.axes import Periodic
from pinn.problem.problem import Problem
from pinn.training.conservation import Mode, modes, normalised
from pinn.training.first_order import as_step
from pinn.training.gauss_newton import GaussNewton
from pinn.training.loop import PATIENCE
from pinn.training.own_rows import Rows, checked
from pinn.training.rows import SLICE
from pinn.training.step import AbstractStep
from pinn.training.windows import AbstractWindows, Adaptive, Controlled, Joint, Uniform

# A step solves for this many weights at most, unless more are asked for.
UNKNOWNS = 2000
OPEN: Any = None
"""What a choice is before `completed` makes it."""


@dataclass(frozen=True)
class Recipe:
    """How to train. What is left out is chosen for the problem; `completed` says what.

    Args:
        network: the network in each time window: `Network`, over space `Separable`, or `Module`
            with one of your own.
        step: how to step: `GaussNewton`, `Optax`, a transformation of Optax itself, or an
            `AbstractStep` of your own.
        windows: how time is cut: `Adaptive`, `Controlled`, `Uniform`, `Joint` for all windows at
            once, or `AbstractWindows` of your own.
        points: collocation points in each window: Gauss–Legendre in time, over space `slices` of
            it with an even share each.
        steps: the most steps in each window.
        patience: training in a window ends after so many steps in a row that hardly gained.
        conservation: how every charge is held to its value at the start plus what its sources
            added: the weight of a penalty, a mode such as `Exact()` or its name ("off", "penalty",
            "augmented", "exact"), or a dictionary of these by charge.
        precision: `float64`, or `float32` for first-order steps on large networks.
        chunk: steps on the device between two looks from the host.
        slices: over space, how many times in a window have collocation points.
        modes: over space, the functions along each axis in the series that hold the state between
            two windows.
        rows: more that the solution should obey, each `Rows` one more block of the objective.

    Raises:
        RecipeError: a count below one, a part of another kind, or a weight or mode of conservation
            that there is not.
    """

    network: AbstractNetwork = OPEN
    step: AbstractStep = OPEN
    windows: AbstractWindows = OPEN
    points: int = OPEN
    steps: int = OPEN
    conservation: Any = OPEN
    patience: int = OPEN
    precision: Precision = "float64"
    chunk: int = 200
    slices: int = OPEN
    modes: int = OPEN
    rows: Sequence[Rows] = ()

    def __post_init__(self):
        least = {"points": SLICE, "steps": 1, "patience": 1, "chunk": 1, "slices": 2, "modes": 5}
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise RecipeError(f"{name}= must be at least {low}, got {value}.")
        object.__setattr__(self, "conservation", normalised(self.conservation))
        object.__setattr__(self, "rows", checked(self.rows))
        if self.step is not None:
            object.__setattr__(self, "step", as_step(self.step))
        if not isinstance(self.network, AbstractNetwork | None):
            raise RecipeError(
                "network= takes pinn.Network(), pinn.Separable() or, for a Flax module of your "
                f"own, pinn.Module(build), got {self.network!r:.60}."
            )
        if not isinstance(self.windows, AbstractWindows | None):
            raise RecipeError(
                "windows= takes pinn.Uniform(), pinn.Adaptive(), pinn.Controlled() or a "
                f"pinn.AbstractWindows of your own, got {self.windows!r:.60}."
            )
        if self.precision not in ("float64", "float32"):
            raise RecipeError(f"precision= is 'float64' or 'float32', got {self.precision!r}.")

    def completed(self, problem: Problem) -> "Recipe":
        """Return the recipe with every choice made, as suits mechanics, fields or equilibria.

        Raises:
            RecipeError: time is to be cut into windows where there is none, or the network needs
                space where there is none.
        """
        if not problem.extent and self.network and self.network.resolution(problem):
            raise RecipeError(
                f"A Separable network lives over space, and the problem {problem.name!r} has time "
                "only: leave network= out, or give pinn.Network()."
            )
        chosen = _defaults(problem, self.network)
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        if problem.stationary and not _whole(self.windows):
            raise RecipeError(
                f"The problem {problem.name!r} is stationary and has no time to cut into windows, "
                f"got {self.windows}: leave windows= out, or give pinn.Uniform(1)."
            )
        if problem.two_point and self.windows is not None and not self.windows.together:
            raise RecipeError(
                f"The problem {problem.name!r} has conditions in time, so that no window can be "
                f"solved before the others, got {self.windows}: leave windows= out, or give "
                "pinn.Joint()."
            )
        windows = self.windows or (Joint() if problem.two_point else chosen["windows"])
        given["windows"] = windows.suited(chosen["windows"], self.precision)
        return Recipe(**{**chosen, **{n: v for n, v in given.items() if v is not None}})

    def holding(self, problem: Problem) -> dict[str, Mode]:
        """Return how each charge of a problem is held.

        Raises:
            RecipeError: a charge is named that the problem does not have.
        """
        usual = _defaults(problem, self.network)["conservation"]
        return modes(self.completed(problem).conservation, verified_charges(problem), usual)


def _whole(windows: AbstractWindows | None) -> bool:
    once = isinstance(windows, Uniform) and windows.count == 1 and not windows.together
    return windows is None or once


def perceptron(problem: Problem) -> Network:
    """Return the multilayer perceptron that suits a problem."""
    dimensions = len(problem.extent)
    if not dimensions:
        return Network()
    circles = any(isinstance(axis, Periodic) for axis in problem.extent.values())
    harmonics = {1: 4 if circles else 2, 2: 2, 3: 1}[dimensions]
    width = 32 if problem.stationary else 24
    return Network(width=width, depth=2, spread=1.0, harmonics=harmonics)


def _defaults(problem: Problem, network: AbstractNetwork | None) -> dict:
    if not problem.extent:
        network = network or perceptron(problem)
        return {
            "network": network,
            "step": GaussNewton(),
            "windows": Adaptive(network.tolerance),
            "points": 32,
            "steps": 60,
            "patience": PATIENCE,
            "conservation": 1.0,
            "slices": 32,
            "modes": 5,
        }
    network = network or Separable.within(UNKNOWNS, problem)
    resolved = network.resolution(problem)
    chosen = _bent(problem) if resolved is None else _linear(problem, resolved)
    if problem.stationary:
        chosen |= {"windows": Uniform(1, tolerance=1e-11), "slices": 2, "modes": 5}
    return {"network": network, "conservation": 0.01, **chosen}


def _linear(problem: Problem, resolved: Resolution) -> dict:
    """Return what suits a network that is linear in its weights: few steps, to the bottom."""
    slices = resolved.times + 2
    places = 2 * resolved.over_space
    return {
        "step": GaussNewton(
            factorisation="cholesky",
            damping=1e-13,
            factors=(1e-2, 1e2, 1e6),
            progress=0.5,
            scaled=True,
            refinements=4,
        ),
        "patience": 1,
        "windows": Controlled(
            # Each polynomial more is worth a digit.
            tolerance=max(min(10.0 ** (1 - resolved.times), 1e-5), 1e-12),
            order=max(resolved.times - 1, 1),
        ),
        "points": max(places if problem.stationary else slices * places, SLICE),
        "steps": 30,
        "slices": slices,
        # The highest waves of all are left to balance what the equation makes of the others.
        "modes": 2 * max(round(0.92 * resolved.waves), 2) + 1,
    }


def _bent(problem: Problem) -> dict:
    """Return what suits a network whose hidden layers are trained."""
    dimensions, count = len(problem.extent), _window_count(problem)
    return {
        "step": GaussNewton(
            factorisation="cholesky", factors=(0.1, 1.0, 10.0), progress=0.99, shrink=0.3
        ),
        "windows": Uniform(count, tolerance=1e-8),
        "points": 1024 if dimensions == 1 and not problem.stationary else 2048,
        "patience": PATIENCE,
        "steps": 400 if problem.stationary else 60 if count > 10 else 100,
        "slices": 8 if dimensions == 1 else 6,
        "modes": {1: 257, 2: 33, 3: 15}[dimensions],
    }


def _window_count(problem: Problem) -> int:
    """Return how many windows suit the equation: few where each inherits the last one's roughness.

    A wave keeps what a window adds to its high modes, and between walls it gathers in the corners;
    on circles fronts sharpen, and short windows are easier.
    """
    if max(problem.dynamics.orders.values()) > 1:
        return 10
    circles = all(isinstance(axis, Periodic) for axis in problem.extent.values())
    return 40 if circles and len(problem.extent) == 1 else 5
