"""The compiled parts of a march through time: open a window, train it in chunks, close it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from pinn.jets import Jet
from pinn.networks.marching import window_fields
from pinn.networks.mlp import MLP, build_mlp
from pinn.networks.window import Window, window_jet
from pinn.noether.anchor import anchor
from pinn.noether.charge import Charge
from pinn.noether.verify import verified_charges
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.training.loop import LoopState, advance, begin, finished, outcome
from pinn.training.objective import Objective
from pinn.training.recipe import Recipe
from pinn.training.rows import Nodes, Stage, charge_block, equation_block

FRESH = 23


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Front:
    """Where the march stands between two windows.

    Args:
        time: t at the start of the next window.
        state: the solution's state there, by entry.
        gained: what each charge's sources have added so far.
        parameters: flat parameters to start the next window from.
    """

    time: Float[Array, ""]
    state: Mapping[str, Array]
    gained: Mapping[str, Array]
    parameters: Float[Array, " parameters"]


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
    """

    parameters: Float[Array, " parameters"]
    loss: Float[Array, ""]
    residual: Float[Array, ""]
    drift: Float[Array, ""]
    state: Mapping[str, Array]
    gained: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Machinery:
    """What one march needs, compiled once for all its windows and all seeds.

    Args:
        problem: what is solved.
        recipe: how.
        charges: the verified charges.
        graph: the network's structure.
        unravel: from flat parameters to the network's state.
        nodes: the collocation points on [0, 1].
        start: the jet of the exact initial data, by entry.
        anchors: each charge's value there.
        scales: what each charge's drift is measured against.
        compile_seconds: what compiling each part took.
    """

    problem: Problem
    recipe: Recipe
    charges: Mapping[str, Charge]
    graph: nnx.GraphDef
    unravel: Callable[[Array], nnx.State]
    nodes: Nodes
    start: Mapping[str, np.ndarray]
    anchors: Mapping[str, np.ndarray]
    scales: Mapping[str, float]
    compile_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def dtype(self) -> np.dtype:
        """The type of every trained number."""
        return np.dtype(self.recipe.precision)

    def fresh(self, seed: int) -> Float[Array, " parameters"]:
        """Return untrained flat parameters."""
        _, state = nnx.split(_network(self.problem, self.recipe, seed))
        return ravel_pytree(state)[0]

    def first_front(self, seed: int) -> Front:
        """Return the march's beginning."""
        zero = {name: jnp.zeros_like(jnp.asarray(value)) for name, value in self.anchors.items()}
        start = {name: jnp.asarray(value) for name, value in self.start.items()}
        state = {name: start[name] for name in self.problem.dynamics.state_entries}
        return Front(start[self.problem.time], state, zero, self.fresh(seed))

    def time_scale(self) -> float:
        """Return the shortest time on which a derivative at the start changes the one below it."""
        dynamics, times = self.problem.dynamics, [self.problem.interval.length]
        for f, order in dynamics.orders.items():
            sizes = [
                float(np.max(np.abs(self.start[dynamics.entry(f, k)]))) for k in range(order + 1)
            ]
            times += [a / b for a, b in pairwise(sizes) if a > 0.0 and b > 0.0]
        return min(times)

    def open(self, front: Front, length: Array) -> Stage:
        """Return the window that starts at the front."""
        dynamics, time_name = self.problem.dynamics, self.problem.time
        jet = dynamics.on_shell({**front.state, time_name: front.time})
        taylor, scale, unit = {}, {}, []
        for name, order in dynamics.orders.items():
            derivatives = [jet[dynamics.entry(name, k)] for k in range(order + 1)]
            sizes = [length**k * jnp.max(jnp.abs(d)) for k, d in enumerate(derivatives)]
            taylor[name] = jnp.stack(derivatives)
            scale[name] = jnp.maximum(jnp.max(jnp.stack(sizes)), jnp.finfo(self.dtype).tiny)
            shape = self.problem.fields[name]
            unit.append(jnp.full(int(np.prod(shape)), scale[name] / length**order))
        row_scale = jnp.abs(dynamics.mass_matrix(jet)) @ jnp.concatenate(unit)
        targets = {n: jnp.asarray(a) + front.gained[n] for n, a in self.anchors.items()}
        window = Window(front.time, jnp.asarray(length, self.dtype), taylor, scale)
        return Stage(window, row_scale, targets)

    def objective(self, stage: Stage) -> Objective:
        """Return the rows of one window."""
        weight = self.recipe.conservation
        blocks = [equation_block(self.problem, stage)]
        if weight > 0.0:
            blocks += [
                charge_block(charge, stage, self.nodes, self.scales[name], weight)
                for name, charge in self.charges.items()
            ]
        points = jnp.asarray(self.nodes.points, self.dtype)
        return Objective(self._jet_at(stage.window), points, blocks)

    def _jet_at(self, window: Window) -> Callable[[Array, Array], Jet]:
        charges = {n for charge in self.charges.values() for n in charge.needs}
        dynamics = self.problem.dynamics
        entries = tuple({*dynamics.residual.needs, *charges, *dynamics.state_entries})

        def jet_at(parameters: Array, node: Array) -> Jet:
            fields = window_fields(
                self.graph, self.unravel(parameters), window, self.problem.fields
            )
            at = window_jet(fields, self.problem.space, self.problem.time, entries, window.start)
            return at(node * window.length)

        return jet_at

    def close(self, stage: Stage, loop: LoopState, gained: Mapping[str, Array]) -> Report:
        """Measure a trained window on fresh points and return the state at its end."""
        objective, window = self.objective(stage), stage.window
        parameters, loss = outcome(objective, loop)
        jet_at = self._jet_at(window)
        fresh = jnp.linspace(0.0, 1.0, FRESH, dtype=self.dtype)[1:]
        rows = jax.vmap(lambda s: self.problem.dynamics.residual(jet_at(parameters, s)))(fresh)
        end = jet_at(parameters, jnp.ones((), self.dtype))
        sources = self._sources(lambda s: jet_at(parameters, s), window)
        gained = {name: gained[name] + sources.get(name, 0.0) for name in gained}
        drifts = [
            jnp.max(jnp.abs(charge.density(end) - jnp.asarray(self.anchors[name]) - gained[name]))
            / self.scales[name]
            for name, charge in self.charges.items()
        ]
        return Report(
            parameters,
            loss,
            jnp.max(jnp.abs(rows) / stage.row_scale[None]),
            jnp.max(jnp.stack(drifts)) if drifts else jnp.zeros((), self.dtype),
            {name: end[name] for name in self.problem.dynamics.state_entries},
            gained,
        )

    def _sources(self, jet_at: Callable[[Array], Jet], window: Window) -> dict[str, Array]:
        """Return ∫ source dt over the window, by Gauss–Legendre quadrature."""
        points, weights = (
            jnp.asarray(a, self.dtype) for a in (self.nodes.points, self.nodes.weights)
        )
        totals = {}
        for name, charge in self.charges.items():
            if charge.source is not None:
                rates = jax.vmap(lambda s, c=charge: c.source(jet_at(s)))(points)
                totals[name] = window.length * jnp.tensordot(weights, rates, axes=1)
        return totals

    def first(self, front: Front, length: Array) -> tuple[Stage, LoopState]:
        """Open a window and begin its training."""
        stage = self.open(front, length)
        return stage, begin(self.recipe.step, self.objective(stage), front.parameters)

    def example(self) -> tuple[Stage, LoopState]:
        """Return the shapes of an open window and its training."""
        length = jnp.asarray(self.problem.interval.length, self.dtype)
        return jax.eval_shape(self.first, self.first_front(0), length)

    @cached_property
    def compiled(self) -> dict[str, Callable[..., Any]]:
        """The three compiled functions, and in `compile_seconds` what each took."""
        recipe = self.recipe
        target = 0.5 * (0.1 * recipe.windows.target(recipe.precision)) ** 2
        steps, chunk = recipe.steps, recipe.chunk

        def train(stage: Stage, loop: LoopState) -> tuple[LoopState, Array]:
            objective = self.objective(stage)
            loop = advance(recipe.step, objective, loop, target, steps, chunk)
            return loop, finished(loop, target, steps)

        front = self.first_front(0)
        length = jnp.asarray(self.problem.interval.length, self.dtype)
        stage, loop = self.example()
        return {
            "first": self._compile("first", self.first, front, length),
            "train": self._compile("train", train, stage, loop),
            "close": self._compile("close", self.close, stage, loop, front.gained),
        }

    def compile(self) -> None:
        """Compile everything now, so that training time holds no compilation."""
        self.compiled  # noqa: B018

    def _compile(self, name: str, function: Callable, *examples: Any) -> Callable[..., Any]:
        started = time.perf_counter()
        lowered = jax.jit(function).lower(*examples)
        compiled = lowered.compile(compiler_options=_compiler_options())
        self.compile_seconds[name] = time.perf_counter() - started
        return compiled


def _compiler_options() -> dict[str, bool]:
    """On a CPU, compile for one thread: the matrices are small, and threads would only wait."""
    return {"xla_cpu_multi_thread_eigen": False} if jax.default_backend() == "cpu" else {}


@lru_cache(maxsize=16)
def machinery(problem: Problem, recipe: Recipe) -> Machinery:
    """Return the compiled parts for a problem and a recipe, made once for all seeds.

    Raises:
        ProblemError: the problem's claims or initial data are wrong.
    """
    begin_at = anchor(problem)
    graph, state = nnx.split(_network(problem, recipe, seed=0))
    return Machinery(
        problem,
        recipe,
        verified_charges(problem),
        graph,
        ravel_pytree(state)[1],
        Nodes.gauss_legendre(recipe.points),
        {name: value.astype(recipe.precision) for name, value in begin_at.jet.items()},
        {name: value.astype(recipe.precision) for name, value in begin_at.charges.items()},
        begin_at.scales,
    )


def network_structure(problem: Problem, recipe: Recipe) -> tuple[nnx.GraphDef, nnx.State]:
    """Return the structure of one window's network, and the shapes of its parameters."""
    with arithmetic(recipe.precision):
        return nnx.split(nnx.eval_shape(lambda: _network(problem, recipe, seed=0)))


def _network(problem: Problem, recipe: Recipe, seed: int) -> MLP:
    outputs = sum(int(np.prod(shape)) for shape in problem.fields.values())
    return build_mlp(outputs, recipe.network, np.dtype(recipe.precision), seed)
