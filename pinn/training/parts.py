"""What a march through time needs of a problem, whatever the problem is."""

import abc
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from pinn.errors import RecipeError
from pinn.networks.grading import Grading
from pinn.networks.mirror import Mirrors, mirrors_of
from pinn.networks.window import Window
from pinn.noether.charge import Charge
from pinn.problem.axes import Interval
from pinn.problem.problem import Problem
from pinn.problem.scan import Variation
from pinn.training.conservation import Mode
from pinn.training.loop import LoopState, advance, begin, finished
from pinn.training.objective import AbstractObjective
from pinn.training.own_rows import PlacedRows, placed
from pinn.training.recipe import Recipe
from pinn.training.rows import Stage


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Front:
    """Where the march stands between two windows.

    Args:
        time: t at the start of the next window.
        state: the solution's state there, by entry.
        gained: what each charge's sources have added so far.
        parameters: flat parameters to start the next window from.
        grading: by space axis, the coordinate in which the state is a series.
    """

    time: Float[Array, ""]
    state: Mapping[str, Array]
    gained: Mapping[str, Array]
    parameters: Float[Array, " parameters"]
    grading: Mapping[str, Grading] = field(default_factory=dict)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Report:
    """What a trained window amounts to.

    Args:
        parameters: the trained parameters, flat.
        loss: the final loss.
        residual: the largest dimensionless residual on fresh points.
        drift: the largest relative drift of any charge on fresh points.
        state: the state at the window's end.
        gained: the charges' accumulated sources at the window's end.
        grading: by space axis, the coordinate in which that state is a series.
    """

    parameters: Float[Array, " parameters"]
    loss: Float[Array, ""]
    residual: Float[Array, ""]
    drift: Float[Array, ""]
    state: Mapping[str, Array]
    gained: Mapping[str, Array]
    grading: Mapping[str, Grading] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class AbstractMachinery(abc.ABC):
    """What one march needs, compiled once for all its windows and all seeds.

    Args:
        problem: what is solved.
        recipe: how, with nothing left open.
        charges: the verified charges.
        anchors: each charge's value at the start.
        scales: what each charge's drift is measured against.
        graph: the network's structure.
        unravel: from flat parameters to the network's state.
        times: where along time the statement varies.
        compile_seconds: what compiling each part took.
    """

    problem: Problem
    recipe: Recipe
    charges: Mapping[str, Charge]
    anchors: Mapping[str, np.ndarray]
    scales: Mapping[str, float]
    graph: nnx.GraphDef
    unravel: Callable[[Array], nnx.State]
    times: Variation = field(kw_only=True)
    compile_seconds: dict[str, float] = field(default_factory=dict, kw_only=True)

    @abc.abstractmethod
    def first_front(self, seed: int) -> Front:
        """Return the march's beginning."""

    @abc.abstractmethod
    def time_scale(self) -> float:
        """Return the shortest time on which the initial data change."""

    @abc.abstractmethod
    def open(self, front: Front, length: Array) -> Stage:
        """Return the window that starts at the front."""

    @abc.abstractmethod
    def prepare(self, stage: Stage) -> Any:
        """Return what is the same for all parameters in a window, as a tree of arrays."""

    @abc.abstractmethod
    def multiplier_count(self, stage: Stage) -> int:
        """Return how many multipliers the augmented rows of a window have."""

    @abc.abstractmethod
    def objective(self, stage: Stage, known: Any) -> AbstractObjective:
        """Return the rows of one window, with what `prepare` found."""

    @abc.abstractmethod
    def close(
        self, stage: Stage, known: Any, loop: LoopState, gained: Mapping[str, Array]
    ) -> Report:
        """Measure a trained window on fresh points and return the state at its end."""

    @abc.abstractmethod
    def state_at(
        self, window: Window, parameters: Float[Array, " parameters"], share: Array
    ) -> dict[str, Array]:
        """Return the state at a share of a window as its network has it, by entry."""

    def unprojected(self) -> "AbstractMachinery":
        """Return the same without levels that states are held to."""
        return self

    def restarted(self, front: Front) -> Front:
        """Return a front that any state may start from, whose charges are to stay as they are."""
        return front

    @cached_property
    def modes(self) -> dict[str, Mode]:
        """How each charge is held; over space, exact ones by a penalty until after training."""
        return self.recipe.holding(self.problem)

    @cached_property
    def own_rows(self) -> tuple[PlacedRows, ...]:
        """The user's own rows."""
        return placed(self.recipe.rows, self.problem)

    @property
    def dtype(self) -> np.dtype:
        """The type of every trained number."""
        return np.dtype(self.recipe.precision)

    @cached_property
    def span(self) -> Interval:
        """The evolution axis, with a breakpoint wherever the equation is not smooth in time."""
        whole = span(self.problem)
        return replace(whole, breakpoints=tuple(sorted({*whole.breakpoints, *self.times.jumps})))

    def fresh_shares(self, window: Window, count: int) -> Float[Array, " count"]:
        """Return times in a window, as shares of it, with a pulse's share for every pulse."""
        knots = jnp.asarray(self.times.knots, self.dtype)
        index = jnp.arange(knots.size, dtype=self.dtype)
        ends = jnp.interp(window.start + window.length * jnp.arange(2.0), knots, index)
        shares = (jnp.arange(count, dtype=self.dtype) + 0.5) / count
        found = jnp.interp(ends[0] + (ends[1] - ends[0]) * shares, index, knots)
        return jnp.clip((found - window.start) / window.length, 0.0, 1.0)

    def fresh(self, seed: int) -> Float[Array, " parameters"]:
        """Return untrained flat parameters."""
        _, state = nnx.split(network(self.problem, self.recipe, seed, self.mirrors))
        return ravel_pytree(state)[0]

    @property
    @abc.abstractmethod
    def mirrors(self) -> Mirrors:
        """The parities that the network has."""

    def following(self, trained: Array | np.ndarray, seed: int) -> Float[Array, " parameters"]:
        """Return what the next window starts from: the trained parameters, or fresh ones."""
        return jnp.asarray(trained) if self.warm else self.fresh(seed)

    @property
    @abc.abstractmethod
    def warm(self) -> bool:
        """Whether a window's network is a good beginning for the next window's."""

    @property
    def correction(self) -> float:
        """The part of a charge that one window may be asked to make good."""
        return math.inf

    def no_gain(self) -> dict[str, Array]:
        """Return what the charges' sources have added before the start: nothing."""
        return {name: jnp.zeros_like(jnp.asarray(value)) for name, value in self.anchors.items()}

    def targets(self, front: Front) -> dict[str, Array]:
        """Return what each charge should be at the front."""
        return {n: jnp.asarray(a) + front.gained[n] for n, a in self.anchors.items()}

    def first(self, front: Front, length: Array) -> tuple[Stage, LoopState]:
        """Open a window and begin its training."""
        stage = self.open(front, length)
        return stage, begin(self.recipe.step, front.parameters, self.multiplier_count(stage))

    def example(self) -> tuple[Stage, LoopState]:
        """Return the shapes of an open window and its training."""
        length = jnp.asarray(self.span.length, self.dtype)
        return jax.eval_shape(self.first, self.first_front(0), length)

    @cached_property
    def compiled(self) -> dict[str, Callable[..., Any]]:
        """The four compiled functions, and in `compile_seconds` what each took."""
        front = self.first_front(0)
        length = jnp.asarray(self.span.length, self.dtype)
        stage, loop = self.example()
        known = jax.eval_shape(self.prepare, stage)
        return {
            "first": self._compile("first", self.first, front, length),
            "prepare": self._compile("prepare", self.prepare, stage),
            "train": self._compile("train", self.train, stage, known, loop),
            "close": self._compile("close", self.close, stage, known, loop, front.gained),
        }

    def train(self, stage: Stage, known: Any, loop: LoopState) -> tuple[LoopState, Array]:
        """Train a window for a chunk of steps, and tell whether that was the last."""
        recipe = self.recipe
        target = 0.5 * (0.1 * recipe.windows.target(recipe.precision)) ** 2
        steps, patience = recipe.steps, recipe.patience
        objective = self.objective(stage, known)
        loop = advance(recipe.step, objective, loop, target, steps, recipe.chunk, patience)
        return loop, finished(loop, target, steps, objective.ramp, patience)

    def compile(self) -> None:
        """Compile everything now, so that training time holds no compilation."""
        self.compiled  # noqa: B018

    def _compile(self, name: str, function: Callable, *examples: Any) -> Callable[..., Any]:
        started = time.perf_counter()
        lowered = jax.jit(function).lower(*examples)
        compiled = lowered.compile(compiler_options=compiler_options())
        self.compile_seconds[name] = time.perf_counter() - started
        return compiled


def compiler_options() -> dict[str, bool | int]:
    """On a CPU, compile for one thread: the matrices are small, and threads would only wait.

    The first level of optimisation is compiled a fifth faster than the last, and runs as fast.
    """
    if jax.default_backend() != "cpu":
        return {}
    return {"xla_cpu_multi_thread_eigen": False, "xla_backend_optimization_level": 1}


def span(problem: Problem) -> Interval:
    """Return the evolution axis; a stationary problem counts its only window from 0 to 1."""
    return Interval(0.0, 1.0) if problem.stationary else problem.interval


def network(
    problem: Problem, recipe: Recipe, seed: int, mirrors: Mirrors | None = None
) -> nnx.Module:
    """Return one window's fresh network.

    Raises:
        RecipeError: its parameters are not of the recipe's precision.
    """
    timed = not problem.stationary
    mirrors = mirrors_of(problem) if mirrors is None else mirrors
    outputs, dtype = problem.space.components, np.dtype(recipe.precision)
    model = recipe.network.fresh(problem.extent, mirrors, timed, outputs, dtype, seed)
    kinds = {str(leaf.dtype) for leaf in jax.tree.leaves(nnx.state(model))}
    if kinds - {dtype.name}:
        raise RecipeError(
            f"{type(recipe.network).__name__} has parameters of {', '.join(sorted(kinds))} in a "
            f"recipe of {dtype}: pass the dtype that fresh() is given on as param_dtype=."
        )
    return model
