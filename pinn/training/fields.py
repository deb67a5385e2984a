"""The march of a problem over space: windows of time, and a series for the state between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from pinn.errors import ProblemError
from pinn.jets import Jet
from pinn.networks.box import Ansatz, box_grid, sampled
from pinn.networks.mirror import mirrors_of
from pinn.networks.window import Window
from pinn.noether.beginning import initial_jet_at
from pinn.noether.totals import total
from pinn.problem.axes import Periodic
from pinn.problem.problem import Problem
from pinn.spectral import Grid
from pinn.training.collocation import slice_places
from pinn.training.constrained import constrained
from pinn.training.field_rows import charge_rows, condition_rows, equation_rows, row_scale
from pinn.training.loop import LoopState, outcome
from pinn.training.objective import AbstractObjective, Stacked
from pinn.training.parts import AbstractMachinery, Front, Report
from pinn.training.recipe import Recipe
from pinn.training.rows import Nodes, Stage
from pinn.trajectory import rates

CHARGE_NODES = {1: 129, 2: 24, 3: 12}
CHARGE_SLICES = {True: 4, False: 10}
FRESH = {1: 61, 2: 13, 3: 7}


def box_ansatz(problem: Problem, recipe: Recipe, graph: nnx.GraphDef) -> Ansatz:
    """Return the ansatz over a problem's box."""
    mirrors = mirrors_of(problem)
    grid = box_grid(problem, mirrors, recipe.modes)
    return Ansatz(problem, recipe.network, graph, grid, mirrors)


def time_slices(recipe: Recipe) -> Nodes:
    """Return the times in a window at which space has collocation points.

    The end is among them: what the equation asks of the walls there, the next window starts with.
    """
    return Nodes.radau(recipe.slices)


def quadrature(problem: Problem, modes: int) -> Grid:
    """Return the quadrature over space that charges are reported with."""
    return _quadrature(problem, {1: 2 * modes, 2: 97, 3: 33}[len(problem.extent)])


def _quadrature(problem: Problem, count: int) -> Grid:
    """Return `count` nodes along each circle, and half as many between walls, where they crowd."""
    counts = {
        name: count if isinstance(axis, Periodic) else count // 2 + 1
        for name, axis in problem.extent.items()
    }
    return Grid.of(problem.extent, counts)


@dataclass(frozen=True, eq=False)
class Fields(AbstractMachinery):
    """The parts for fields over space, in time or in equilibrium.

    Args:
        ansatz: the fields in one window.
        slices: the times in a window at which space has collocation points.
    """

    ansatz: Ansatz
    slices: Nodes

    @cached_property
    def charge_grid(self) -> Grid:
        """The quadrature over space for the conservation rows."""
        return _quadrature(self.problem, CHARGE_NODES[len(self.problem.extent)])

    @cached_property
    def charge_slices(self) -> Nodes:
        """The times in a window of the conservation rows, its end among them.

        More of them where sources are integrated over time than where a value only stays.
        """
        return Nodes.radau(CHARGE_SLICES[all(c.conserved for c in self.charges.values())])

    @property
    def warm(self) -> bool:
        """Features that were bent to one window's shapes converge ten times worse in the next."""
        return False

    def first_front(self, seed: int) -> Front:
        """Return the march's beginning."""
        if self.problem.stationary:
            return Front(jnp.zeros((), self.dtype), {}, {}, self.fresh(seed))
        state = {
            name: sampled(self.ansatz, self._field(name), function, self.dtype)
            for name, function in self.problem.initial_state.items()
        }
        start = jnp.asarray(self.span.lower, self.dtype)
        return Front(start, state, self.no_gain(), self.fresh(seed))

    def time_scale(self) -> float:
        """Return the shortest time on which a time derivative at the start changes its field."""
        if self.problem.stationary:
            return self.span.length
        dynamics, times = self.problem.dynamics, [self.span.length]
        if not dynamics.pointwise:
            return 0.1 * self.span.length
        names = {
            f: [dynamics.entry(f, k) for k in range(n + 1)] for f, n in dynamics.orders.items()
        }
        try:
            jet_at = initial_jet_at(self.problem, {n for group in names.values() for n in group})
        except ProblemError:
            return 0.1 * self.span.length
        columns = jnp.asarray(self.ansatz.grid.points.T)
        jets = jax.jit(jax.vmap(jet_at))(*columns)
        size = lambda name: float(np.sqrt(np.mean(np.asarray(jets[name]) ** 2)))  # noqa: E731
        for group in names.values():
            first, last = size(group[0]), size(group[-1])
            if first > 0.0 and last > 0.0:
                times.append((first / last) ** (1.0 / max(len(group) - 1, 1)))
        return min(times)

    def open(self, front: Front, length: Array) -> Stage:
        """Return the window that starts at the front."""
        problem, dynamics = self.problem, self.problem.dynamics
        taylor, sizes = {}, {}
        for name, order in dynamics.orders.items():
            shape = (*self.ansatz.grid.shape, *problem.fields[name])
            entries = [dynamics.entry(name, k) for k in range(order)] if order else []
            series = [front.state[entry] for entry in entries]
            taylor[name] = jnp.stack(series) if series else jnp.zeros((0, *shape), self.dtype)
            largest = [
                length**k * jnp.max(jnp.abs(self.ansatz.grid.values(s)))
                for k, s in enumerate(series)
            ]
            sizes[name] = jnp.max(jnp.stack(largest)) if largest else jnp.zeros((), self.dtype)
        whole = jnp.max(jnp.stack(list(sizes.values())))
        whole = jnp.where(whole > 0.0, whole, 1.0)
        scale = {n: jnp.where(s > 1e-6 * whole, s, whole) for n, s in sizes.items()}
        window = Window(front.time, jnp.asarray(length, self.dtype), taylor, scale)
        places = slice_places(problem, self.ansatz.grid, self.recipe, taylor, self.dtype)
        return Stage(window, row_scale(self.ansatz, window), self._targets(front), places)

    def _targets(self, front: Front) -> dict[str, Array]:
        return {} if self.problem.stationary else self.targets(front)

    def objective(self, stage: Stage) -> AbstractObjective:
        """Return the rows of one window."""
        parts = self._equation(stage)
        return Stacked([*parts, self._laws(stage)] if self._keeps_laws else parts)

    @property
    def _keeps_laws(self) -> bool:
        kept = bool(self.charges) and not self.problem.stationary
        return kept and self.recipe.conservation > 0.0

    def _equation(self, stage: Stage) -> list[AbstractObjective]:
        equation = equation_rows(self.ansatz, stage, self.slices, self.unravel)
        return [equation, *condition_rows(self.ansatz, stage, self.slices, self.unravel)]

    def _laws(self, stage: Stage) -> AbstractObjective:
        return charge_rows(
            self.ansatz,
            stage,
            self.charge_slices,
            self.charge_grid,
            self.unravel,
            self.charges,
            self.scales,
            self.recipe.conservation,
        )

    def close(self, stage: Stage, loop: LoopState, gained: Mapping[str, Array]) -> Report:
        """Measure a trained window on fresh points and return the state at its end."""
        parameters, loss = outcome(self.objective(stage), loop)
        if self._keeps_laws:
            laws = self._laws(stage)
            parameters = constrained(Stacked(self._equation(stage)), laws, parameters)
        state, gained, drift = {}, dict(gained), jnp.zeros((), self.dtype)
        if not self.problem.stationary:
            state = self._end(stage.window, parameters)
            gained, drift = self._ledger(stage.window, parameters, gained)
        residual = self._fresh_residual(stage, parameters)
        return Report(parameters, loss, residual, drift, state, gained)

    def whole(self, window: Window, parameters: Array) -> Callable[..., dict[str, Array]]:
        """Return the trained fields of a window, as a function of the point with s for the time."""
        base = self.ansatz.base(window)
        learned = self.ansatz.learned(self.unravel(parameters), window)
        return lambda *point: jax.tree.map(jnp.add, base(*point), learned(*point))

    def _end(self, window: Window, parameters: Array) -> dict[str, Array]:
        entries = self.problem.dynamics.state_entries
        jet_at = self.at_time(window, parameters, entries)

        def series(name: str) -> Array:
            value = lambda *x: jet_at(window.length, *x)[name]  # noqa: E731
            return sampled(self.ansatz, self._field(name), value, self.dtype)

        return {name: series(name) for name in entries}

    def _field(self, entry: str) -> str:
        return self.problem.space.parse(entry).field

    def at_time(
        self, window: Window, parameters: Array, entries: tuple[str, ...]
    ) -> Callable[..., Jet]:
        """Return the jet as a function of the elapsed time, then the space coordinates."""
        jet_at = self.ansatz.jet(self.whole(window, parameters), window, entries)
        index = self.ansatz.time_index
        return lambda s, *x: jet_at(*x[:index], s, *x[index:])

    def _ledger(
        self, window: Window, parameters: Array, gained: Mapping[str, Array]
    ) -> tuple[dict[str, Array], Array]:
        """Return what the sources have added by the window's end, and the largest drift there."""
        charges, grid = self.charges, self.charge_grid
        if not charges:
            return {}, jnp.zeros((), self.dtype)
        needs = {n for c in charges.values() for n in c.needs}
        needs |= {n for c in charges.values() for flux in c.flux.values() for n in flux.needs}
        jet_at = self.at_time(window, parameters, tuple(sorted(needs)))
        changing = {n: c for n, c in charges.items() if not c.conserved}
        nodes = self.charge_slices

        def flows(s: Array) -> dict[str, Array]:
            return rates(changing, grid, lambda *x: jet_at(s * window.length, *x))

        totals = {}
        if changing:
            weights = jnp.asarray(nodes.weights, self.dtype)
            at = jax.vmap(flows)(jnp.asarray(nodes.points, self.dtype))
            totals = {n: window.length * jnp.tensordot(weights, r, axes=1) for n, r in at.items()}
        gained = {n: g + totals.get(n, 0.0) for n, g in gained.items()}
        drifts = [
            jnp.max(
                jnp.abs(
                    total(grid, charge.density, lambda *x: jet_at(window.length, *x))
                    - jnp.asarray(self.anchors[name])
                    - gained[name]
                )
            )
            / self.scales[name]
            for name, charge in charges.items()
        ]
        return gained, jnp.max(jnp.stack(drifts))

    def _fresh_residual(self, stage: Stage, parameters: Array) -> Float[Array, ""]:
        """Return the root mean square of the dimensionless residual on points of its own."""
        window, dynamics = stage.window, self.problem.dynamics
        extent, count = self.problem.extent, FRESH[len(self.problem.extent)]
        lines = [np.linspace(a.lower, a.upper, count + 2)[1:-1] for a in extent.values()]
        mesh = np.stack([m.ravel() for m in np.meshgrid(*lines, indexing="ij")])
        columns = jnp.asarray(mesh, self.dtype)
        jet = self.ansatz.jet(
            self.whole(window, parameters), window, tuple(dynamics.residual.needs)
        )
        index = self.ansatz.time_index

        def at(s: Array) -> Array:
            def one(*x: Array) -> Array:
                point = x if index is None else (*x[:index], s * window.length, *x[index:])
                return dynamics.residual(jet(*point)) / stage.row_scale

            return jnp.mean(jax.vmap(one)(*columns) ** 2)

        times = jnp.asarray([0.37, 0.73, 1.0] if index is not None else [0.0], self.dtype)
        return jnp.sqrt(jnp.mean(jax.vmap(at)(times)))
