"""The windows of a trained solver, tailored to its laws one after the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optimistix
from flax import nnx
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from pinn.jets import Jet
from pinn.learning.errors import LearningError
from pinn.networks.marching import MarchingState, window_fields
from pinn.networks.window import Window, window_jet
from pinn.noether.anchor import anchor
from pinn.noether.charge import Charge
from pinn.noether.verify import verified_charges
from pinn.problem.problem import Problem
from pinn.solution import Solution
from pinn.training.machinery import network_structure
from pinn.training.rows import Nodes

State = Mapping[str, Array]
LAST = nnx.PathContains("last")
FRESH = 23


@dataclass(frozen=True, eq=False)
class TailoredWindows:
    """What tailoring one window after the other needs.

    Args:
        problem: with the new initial data.
        model: the trained windows.
        graph: the network's structure.
        charges: the verified laws.
        trained: the state that the solver was trained from.
        scales: what each is measured against.
        nodes: the times of a window at which laws are asked for.
        moving: the filter of what moves.
        steps: the most steps in a window.
    """

    problem: Problem
    model: MarchingState
    graph: nnx.GraphDef
    charges: Mapping[str, Charge]
    trained: State
    scales: Mapping[str, float]
    nodes: Nodes
    moving: Any
    steps: int

    @classmethod
    def of(
        cls, problem: Problem, solution: Solution, steps: int, points: int, tailored: Any
    ) -> "TailoredWindows":
        """Return the trained windows of a solver, for a problem with other initial data."""
        graph, _ = network_structure(solution.problem, solution.recipe)
        parameters = solution.model.parameters
        default = LAST if _matched(parameters, LAST) else nnx.Param
        moving = default if tailored is None else tailored
        if not _matched(parameters, moving):
            raise LearningError(
                f"The network has no weights that match tailored={tailored!r}: give a Flax filter "
                "that does, or leave it out for the last layer."
            )
        dtype = solution.model.windows.start.dtype
        return cls(
            problem,
            solution.model,
            graph,
            verified_charges(problem),
            {n: jnp.asarray(v, dtype) for n, v in solution.problem.initial_state.items()},
            anchor(problem).scales,
            Nodes.gauss_legendre(points),
            moving,
            steps,
        )

    def trained_pieces(self) -> list[dict[str, Any]]:
        """Return the weights of each window as they were trained."""
        count, leaves = self.model.count, self.model.parameters
        return [
            {"parameters": jax.tree.map(lambda leaf, i=i: leaf[i], leaves)} for i in range(count)
        ]

    def through(self, pieces: list[dict[str, Any]], share: float) -> list[dict[str, Any]]:
        """Return all windows, tailored to initial data a share of the way to the new ones."""
        state = self._start(share)
        levels = self._levels(state)
        gained, found = {name: jnp.zeros_like(value) for name, value in levels.items()}, []
        for index, piece in enumerate(pieces):
            window = jax.tree.map(lambda leaf, i=index: leaf[i], self.model.windows)
            targets = {name: level + gained[name] for name, level in levels.items()}
            found.append(self._compiled(window, piece["parameters"], state, targets))
            state, gained = found[-1]["state"], _added(gained, found[-1]["sources"])
        return found

    def _start(self, share: float) -> dict[str, Array]:
        """Return the state a share of the way from the trained start to the new one."""
        dtype = self.model.windows.start.dtype
        new = {n: jnp.asarray(v, dtype) for n, v in self.problem.initial_state.items()}
        return {n: old + float(share) * (new[n] - old) for n, old in self.trained.items()}

    def _levels(self, state: State) -> dict[str, Array]:
        """Return what each charge is at a state that begins the interval."""
        dynamics = self.problem.dynamics
        needs = tuple({n for charge in self.charges.values() for n in charge.needs})
        begin = jnp.asarray(self.problem.interval.lower, self.model.windows.start.dtype)
        jet = dynamics.on_shell({**state, dynamics.time: begin}, needs)
        return {name: charge.density(jet) for name, charge in self.charges.items()}

    @cached_property
    def _compiled(self) -> Callable[..., dict[str, Any]]:
        return jax.jit(self._tailored)

    def _tailored(
        self, window: Window, parameters: PyTree[Array], state: State, targets: State
    ) -> dict[str, Any]:
        window = self._begun(window, state)
        moving, rest = nnx.split_state(parameters, self.moving, ...)
        flat, unravel = ravel_pytree(moving)

        def rows(flat: Array, _: Any = None) -> Array:
            jet_at = self._jet_at(window, nnx.merge_state(unravel(flat), rest))
            return self._violations(jet_at, window, targets)[0]

        found = optimistix.least_squares(
            rows,
            optimistix.LevenbergMarquardt(rtol=1e-10, atol=1e-12),
            flat,
            max_steps=self.steps,
            throw=False,
        ).value
        before, after = rows(flat), rows(found)
        better = jnp.sum(after**2) < jnp.sum(before**2)
        whole = nnx.merge_state(unravel(jnp.where(better, found, flat)), rest)
        jet_at = self._jet_at(window, whole)
        end = jet_at(jnp.ones_like(window.start))
        total = self._violations(jet_at, window, targets)[1]
        return {
            "window": window,
            "parameters": whole,
            "state": {n: end[n] for n in self.problem.dynamics.state_entries},
            "sources": total,
            "before": jnp.mean(before**2),
            "after": jnp.mean(jnp.where(better, after, before) ** 2),
            "residual": self._residual(jet_at, window),
        }

    def _begun(self, window: Window, state: State) -> Window:
        """Return a window that begins at a state, in the units of the trained one."""
        dynamics = self.problem.dynamics
        jet = dynamics.on_shell({**state, dynamics.time: window.start})
        taylor = {
            name: jnp.stack([jet[dynamics.entry(name, k)] for k in range(order + 1)])
            for name, order in dynamics.orders.items()
        }
        return replace(window, taylor=taylor)

    def _jet_at(self, window: Window, parameters: PyTree[Array]) -> Callable[[Array], Jet]:
        """Return the map from the share of a window that has passed to the jet there."""
        problem, dynamics = self.problem, self.problem.dynamics
        needs = {n for charge in self.charges.values() for n in charge.needs}
        entries = tuple({*needs, *dynamics.residual.needs, *dynamics.state_entries})
        fields = window_fields(self.graph, parameters, window, problem.fields)
        at = window_jet(fields, problem.space, problem.time, entries, window.start)
        return lambda share: at(share * window.length)

    def _violations(
        self, jet_at: Callable[[Array], Jet], window: Window, targets: State
    ) -> tuple[Float[Array, " rows"], dict[str, Array]]:
        """Return (I(t) − I(0) − ∫ sources)/scale at the nodes, and the window's whole sources."""
        dtype = window.start.dtype
        jets = jax.vmap(jet_at)(jnp.asarray(self.nodes.points, dtype))
        running, weights = (jnp.asarray(a, dtype) for a in (self.nodes.running, self.nodes.weights))
        rows, totals = [], {}
        for name, charge in self.charges.items():
            values = jax.vmap(charge.density)(jets)
            gap = values - targets[name][None]
            if charge.source is not None:
                rates = window.length * jax.vmap(charge.source)(jets)
                gap = gap - jnp.tensordot(running, rates, axes=1)
                totals[name] = jnp.tensordot(weights, rates, axes=1)
            rows.append(jnp.ravel(gap) / self.scales[name])
        return jnp.concatenate(rows), totals

    def _residual(self, jet_at: Callable[[Array], Jet], window: Window) -> Array:
        """Return the largest residual of the equation, in units of its terms at the start."""
        dynamics = self.problem.dynamics
        shares = jnp.linspace(0.0, 1.0, FRESH, dtype=window.start.dtype)[1:]
        rows = jax.vmap(lambda s: dynamics.residual(jet_at(s)))(shares)
        unit = jnp.concatenate(
            [
                jnp.full(int(np.prod(self.problem.fields[n])), window.scale[n] / window.length**k)
                for n, k in dynamics.orders.items()
            ]
        )
        mass = dynamics.mass_matrix(jet_at(jnp.zeros_like(window.start)))
        return jnp.max(jnp.abs(rows) / (jnp.abs(mass) @ unit)[None])


def _added(gained: State, sources: State) -> dict[str, Array]:
    return {name: value + sources.get(name, 0.0) for name, value in gained.items()}


def _matched(parameters: PyTree[Array], moving: Any) -> bool:
    return bool(jax.tree.leaves(nnx.split_state(parameters, moving, ...)[0]))
