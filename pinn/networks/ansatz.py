"""The ansatz over a box: initial data and walls exactly, the rest by a network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from pinn.jets import Jet
from pinn.networks.base import base_jet
from pinn.networks.box import Box, Jets
from pinn.networks.features import Features
from pinn.networks.grading import Grading
from pinn.networks.learned import bent_jet, features_jet, linear_jet
from pinn.networks.marching import MarchingState
from pinn.networks.mirror import Mirrors, folded, period
from pinn.networks.network import AbstractNetwork
from pinn.networks.window import Window
from pinn.problem.axes import Periodic
from pinn.problem.problem import Problem
from pinn.spectral import Grid, basis_of


@dataclass(frozen=True, eq=False)
class Ansatz:
    """Fields in one window of time, u = base + scale (s/h)ⁿ d N, with s the time since its start.

    The base is Σ_{k<n} u⁽ᵏ⁾(x) sᵏ/k!, the state at the window's start as a spectral series, lifted
    to the boundary values; d N is the network, released so that it leaves initial data and boundary
    conditions alone whatever it is. A stationary problem has no s and no initial data.

    Source: Lagaris, Likas & Fotiadis (1998), doi:10.1109/72.712178.

    Args:
        box: the geometry.
        network: the network's shape.
        graph: the network's structure.
        grid: of the series that hold the state.
        complete: whether the network is known to hold every wave of the solution.
    """

    box: Box
    network: AbstractNetwork
    graph: nnx.GraphDef
    grid: Grid
    complete: bool = False

    @property
    def problem(self) -> Problem:
        """The problem whose fields these are."""
        return self.box.problem

    @property
    def time_index(self) -> int | None:
        """The place of time among the coordinates."""
        return self.box.time_index

    def jet(
        self, parameters: PyTree[Array], window: Window, entries: tuple[str, ...]
    ) -> Callable[..., Jet]:
        """Return the jet of the fields of a window, as `base` and what the network adds."""
        space, derivatives = self.problem.space, self.derivatives(entries)
        base_at, learned_at = (
            self.base(window, entries),
            self.learned(parameters, window, derivatives),
        )

        def jet_at(*point: Array) -> Jet:
            base, learned = base_at(*point), learned_at(*point)
            return Jet(space, {**base, **{n: base[n] + learned[n] for n in derivatives}})

        return jet_at

    def derivatives(self, entries: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of some entries that are not coordinates."""
        return tuple(n for n in entries if not self.problem.space.is_coordinate(n))

    def base(self, window: Window, entries: tuple[str, ...]) -> Callable[..., Jet]:
        """Return the jet of what the window starts from."""
        return base_jet(self.box, self.grid, window, entries)

    def learned(
        self, parameters: PyTree[Array], window: Window, entries: tuple[str, ...]
    ) -> Callable[..., Jets]:
        """Return the jet of what the network adds."""
        model = nnx.merge(self.graph, parameters)
        if self._features is None:
            return bent_jet(self.box, self.network, model, window, entries)
        kernel = model.last.kernel[...]
        return linear_jet(self.box, self._features, kernel, window, entries)

    def features(self, window: Window, entries: tuple[str, ...]) -> Callable[..., Jets]:
        """Return the jet of the features, where nothing in them is learned; else an empty one."""
        if self._features is None:
            return lambda *point: {}
        return features_jet(self.box, self._features, window, entries)

    @cached_property
    def _features(self) -> Features | None:
        box = self.box
        timed = box.time_index is not None
        return self.network.features(box.problem.extent, box.mirrors, timed)


def marching_box(ansatz: Ansatz, entries: tuple[str, ...]) -> Callable[..., Jet]:
    """Return the map from a trained march and one point to the jet there.

    A time before the first or after the last window is extrapolated by that window.
    """
    index = ansatz.time_index

    def jet_at(state: MarchingState, *point: Array) -> Jet:
        at = 0
        if index is not None:
            place = jnp.searchsorted(state.windows.start, point[index], side="right") - 1
            at = jnp.clip(place, 0, state.count - 1)
        window, parameters = jax.tree.map(lambda leaf: leaf[at], (state.windows, state.parameters))
        moved = [p - window.start if i == index else p for i, p in enumerate(point)]
        return ansatz.jet(parameters, window, entries)(*moved)

    return jet_at


def sampled(
    ansatz: Ansatz,
    entry: str,
    function: Callable[..., Array],
    grading: Mapping[str, Grading],
    dtype: DTypeLike,
) -> Float[Array, "..."]:
    """Return the series of a function with the parity of an entry's field, from nodal values.

    Nodes beyond a mirror are folded back into the box, where the function is known.
    """
    box, field = ansatz.box, ansatz.problem.space.parse(entry).field
    points = box.nodes(ansatz.grid, grading, dtype)
    sign = jnp.ones(len(points), dtype)
    for index, (name, axis) in enumerate(box.axes):
        if folded(box.mirrors, name, axis):
            beyond = points[:, index] > axis.upper
            inside = jnp.where(beyond, 2.0 * axis.upper - points[:, index], points[:, index])
            points = points.at[:, index].set(inside)
            sign = jnp.where(beyond, box.mirrors[name][field] * sign, sign)
    values = jax.vmap(function)(*points.T)
    signs = sign.reshape((-1,) + (1,) * (values.ndim - 1))
    return ansatz.grid.coefficients((values * signs).reshape(ansatz.grid.shape + values.shape[1:]))


def box_grid(problem: Problem, mirrors: Mirrors, modes: int, most_polynomials: int) -> Grid:
    """Return the grid of the series that hold the state between two windows.

    Fourier on circles, and between mirrors on the circle that the reflected box closes; Chebyshev
    on other intervals, with fewer functions, since each costs digits of the derivatives at walls.
    """
    bases = []
    for name, axis in problem.extent.items():
        if folded(mirrors, name, axis):
            closed = Periodic(axis.lower, axis.lower + period(axis))
            bases.append(basis_of(closed, 2 * modes - 1))
        else:
            count = modes if isinstance(axis, Periodic) else min(modes, most_polynomials)
            bases.append(basis_of(axis, count))
    return Grid(tuple(problem.extent), tuple(bases))
