"""The march of a problem over space: windows of time, and a series for the state between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import Jet
from pinn.networks.ansatz import Ansatz, sampled
from pinn.networks.grading import Grading
from pinn.networks.mirror import Mirrors
from pinn.networks.window import Window
from pinn.noether.beginning import initial_jet_at
from pinn.problem.problem import Problem
from pinn.spectral import Grid
from pinn.training.box import even_gradings, even_quadrature, suited_grading
from pinn.training.collocation import slice_places
from pinn.training.constrained import constrained
from pinn.training.field_charges import at_the_end, charge_plan, charge_scales, ledger
from pinn.training.field_rows import (
    VARYING_TIMES,
    driven_size,
    equation_plan,
    fresh_plan,
    row_scale,
    soft_plans,
)
from pinn.training.loop import LoopState, outcome
from pinn.training.objective import AbstractObjective, Stacked
from pinn.training.parts import AbstractMachinery, Front, Report
from pinn.training.plan import Jets, Plan, objective_of, prepared
from pinn.training.recipe import Recipe
from pinn.training.rows import Nodes, Stage

CHARGE_NODES = {1: 257, 2: 48, 3: 16}
CHARGE_SLICES = {True: 4, False: 10}
UNSETTLED = 2.0
# Jets by the rows that they are for.
Prepared = dict[str, Any]


def time_slices(recipe: Recipe) -> Nodes:
    """Return the times in a window at which space has collocation points.

    The end is among them: what the equation asks of the walls there, the next window starts with.
    """
    return Nodes.radau(recipe.slices)


@dataclass(frozen=True, eq=False)
class Fields(AbstractMachinery):
    """The parts for fields over space, in time or in equilibrium.

    Args:
        ansatz: the fields in one window.
        slices: the times in a window at which space has collocation points.
        varied: places where the statement varies, which fresh points are to see.
    """

    ansatz: Ansatz
    slices: Nodes
    varied: np.ndarray

    def of(self, problem: Problem) -> "Fields":
        """Return the same parts for a problem that differs in the values of its unknowns only.

        What was found out about the first one is taken to hold for it: JAX may be tracing values.
        """
        ansatz = replace(self.ansatz, box=replace(self.ansatz.box, problem=problem))
        other = replace(self, problem=problem, ansatz=ansatz)
        vars(other).update(span=self.span, modes=self.modes)
        return other

    @property
    def mirrors(self) -> Mirrors:
        """Those of the problem that the parts were made for."""
        return self.ansatz.box.mirrors

    @cached_property
    def charge_grid(self) -> Grid:
        """The quadrature over space for the conservation rows."""
        return even_quadrature(self.problem, CHARGE_NODES[len(self.problem.extent)])

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
        begin = self.problem.initial_state
        grading = suited_grading(self.ansatz, even_gradings(self.problem, self.dtype), begin)
        state = {
            name: sampled(self.ansatz, name, function, grading, self.dtype)
            for name, function in begin.items()
        }
        start = jnp.asarray(self.span.lower, self.dtype)
        return Front(start, state, self.no_gain(), self.fresh(seed), grading)

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
        nothing = whole == 0.0
        whole = jnp.where(nothing, 1.0, whole)
        scale = {n: jnp.where(s > 1e-6 * whole, s, whole) for n, s in sizes.items()}
        window = Window(front.time, jnp.asarray(length, self.dtype), taylor, scale, front.grading)
        places = slice_places(self.ansatz, self.recipe, front.grading, self.dtype)
        stage = Stage(window, row_scale(self.ansatz, window), self._targets(front), places)
        return self._driven(stage, nothing)

    def _driven(self, stage: Stage, nothing: Array) -> Stage:
        """Return a stage in units of what sources make of fields that are nothing at its start."""
        plan = equation_plan(self.ansatz, stage, self.slices)
        driven = lambda: driven_size(self.ansatz, stage, plan)  # noqa: E731
        size = jax.lax.cond(nothing, driven, lambda: jnp.ones((), self.dtype))
        scale = {name: size * s for name, s in stage.window.scale.items()}
        window = replace(stage.window, scale=scale)
        return replace(stage, window=window, row_scale=size * stage.row_scale)

    def _targets(self, front: Front) -> dict[str, Array]:
        return {} if self.problem.stationary else self.targets(front)

    def prepare(self, stage: Stage) -> Prepared:
        """Return the jets that do not depend on the parameters, at every point of the window."""
        equation, fresh = equation_plan(self.ansatz, stage, self.slices), self._fresh(stage)
        both = replace(equation, points=jnp.concatenate([equation.points, fresh.points]))
        together, count = prepared(self.ansatz, stage.window, both), len(equation.points)
        found = {
            "equation": jax.tree.map(lambda a: a[:count], together),
            "fresh": jax.tree.map(lambda a: a[count:], together),
            "conditions": [prepared(self.ansatz, stage.window, p) for p in self._conditions(stage)],
        }
        if not self._has_laws:
            return found
        scales = charge_scales(
            self.ansatz, stage.window, self.charge_grid, self.charges, self.scales
        )
        laws = prepared(self.ansatz, stage.window, self._law_plan(stage, scales))
        return found | {"scales": scales, "laws": laws}

    def multiplier_count(self, stage: Stage) -> int:
        """Return how many multipliers the augmented rows have."""
        if not self._keeps_laws:
            return 0
        scales = {name: jnp.asarray(scale) for name, scale in self.scales.items()}
        return sum(block.multiplier_count for block in self._law_plan(stage, scales).blocks)

    def objective(self, stage: Stage, known: Prepared) -> AbstractObjective:
        """Return the rows of one window."""
        parts = self._equation(stage, known)
        return Stacked([*parts, self._laws(stage, known)] if self._keeps_laws else parts)

    @property
    def _has_laws(self) -> bool:
        return bool(self.charges) and not self.problem.stationary

    @property
    def _keeps_laws(self) -> bool:
        return self._has_laws and any(mode.weight for mode in self.modes.values())

    def _rows(self, stage: Stage, plan: Plan, known: tuple[Jets, Jets]):
        return objective_of(self.ansatz, stage.window, self.unravel, plan, known)

    def _fresh(self, stage: Stage) -> Plan:
        varying = self.fresh_shares(stage.window, VARYING_TIMES)
        return fresh_plan(self.ansatz, stage, varying, self.varied)

    def _conditions(self, stage: Stage) -> list[Plan]:
        return soft_plans(self.ansatz, stage, self.slices, self.own_rows, self.span)

    def _law_plan(self, stage: Stage, scales: Mapping[str, Array]) -> Plan:
        nodes, grid = self.charge_slices, self.charge_grid
        return charge_plan(self.ansatz, stage, nodes, grid, self.charges, scales, self.modes)

    def _equation(self, stage: Stage, known: Prepared) -> list[AbstractObjective]:
        plan = equation_plan(self.ansatz, stage, self.slices)
        soft = zip(self._conditions(stage), known["conditions"], strict=True)
        conditions = [self._rows(stage, condition, jets) for condition, jets in soft]
        return [self._rows(stage, plan, known["equation"]), *conditions]

    def _laws(self, stage: Stage, known: Prepared) -> AbstractObjective:
        return self._rows(stage, self._law_plan(stage, known["scales"]), known["laws"])

    def close(
        self, stage: Stage, known: Prepared, loop: LoopState, gained: Mapping[str, Array]
    ) -> Report:
        """Measure a trained window on fresh points and return the state at its end."""
        parameters, loss = outcome(self.objective(stage, known), loop)
        if self._keeps_laws:
            plan = at_the_end(self._law_plan(stage, known["scales"]))
            laws = self._rows(stage, plan, known["laws"])
            held = constrained(Stacked(self._equation(stage, known)), laws, parameters)
            parameters, residual = self._settled(stage, known, parameters, held)
        else:
            residual = self._residual(stage, known, parameters)
        if self.problem.stationary:
            return Report(parameters, loss, residual, jnp.zeros((), self.dtype), {}, dict(gained))
        state, grading = self._end(stage.window, parameters)
        gained, drift = self._ledger(stage, known, parameters, gained)
        return Report(parameters, loss, residual, drift, state, gained, grading)

    def _residual(self, stage: Stage, known: Prepared, parameters: Array) -> Array:
        """Return the root mean square of the dimensionless residual on points of its own."""
        fresh = self._rows(stage, self._fresh(stage), known["fresh"])
        return jnp.linalg.norm(fresh.rows(parameters))

    def _settled(
        self, stage: Stage, known: Prepared, free: Array, held: Array
    ) -> tuple[Array, Array]:
        """Return the parameters that hold the laws, unless the equation pays too much for it.

        With them, the residual that they leave.

        It does where a quadrature does not resolve a law: then the law as computed is not true.
        """
        before, after = jax.vmap(partial(self._residual, stage, known))(jnp.stack([free, held]))
        keep = after <= UNSETTLED * before + 0.1 * self.recipe.windows.target(self.recipe.precision)
        return jnp.where(keep, held, free), jnp.where(keep, after, before)

    def state_at(self, window: Window, parameters: Array, share: Array) -> dict[str, Array]:
        """Return the state at a share of a window, in the window's own coordinate."""
        return self._sampled(window, parameters, share * window.length, window.grading)

    def _sampled(
        self, window: Window, parameters: Array, elapsed: Array, grading: Mapping[str, Grading]
    ) -> dict[str, Array]:
        entries = self.problem.dynamics.state_entries
        jet_at = self.at_time(window, parameters, entries)
        return {
            n: sampled(
                self.ansatz,
                n,
                lambda *x, n=n: jet_at(elapsed, *x)[n],
                grading,
                self.dtype,
            )
            for n in entries
        }

    def _end(
        self, window: Window, parameters: Array
    ) -> tuple[dict[str, Array], dict[str, Grading]]:
        entries = self.problem.dynamics.state_entries
        jet_at = self.at_time(window, parameters, entries)
        end = {n: lambda *x, n=n: jet_at(window.length, *x)[n] for n in entries}
        grading = suited_grading(self.ansatz, window.grading, end)
        return self._sampled(window, parameters, window.length, grading), grading

    def at_time(
        self, window: Window, parameters: Array, entries: tuple[str, ...]
    ) -> Callable[..., Jet]:
        """Return the jet as a function of the elapsed time, then the space coordinates."""
        jet_at = self.ansatz.jet(self.unravel(parameters), window, entries)
        index = self.ansatz.time_index
        return lambda s, *x: jet_at(*x[:index], s, *x[index:])

    def _ledger(
        self, stage: Stage, known: Prepared, parameters: Array, gained: Mapping[str, Array]
    ) -> tuple[dict[str, Array], Array]:
        """Return what the sources have added by the window's end, and the largest drift there."""
        if not self.charges:
            return {}, jnp.zeros((), self.dtype)
        plan = self._law_plan(stage, known["scales"])
        jets = self._rows(stage, plan, known["laws"]).jets(parameters)
        found = ledger(plan, jets, self.charge_slices, self.charges, known["scales"])
        gained = {name: gained[name] + added for name, (_, added) in found.items()}
        drifts = [
            jnp.max(jnp.abs(value - jnp.asarray(self.anchors[n]) - gained[n])) / self.scales[n]
            for n, (value, _) in found.items()
        ]
        return gained, jnp.max(jnp.stack(drifts))
