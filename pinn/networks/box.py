"""The ansatz over a box: initial data and walls exactly, the rest by a network."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from pinn.jets import Jet, prolong
from pinn.networks.grading import Grading, graded, ungraded
from pinn.networks.marching import MarchingState
from pinn.networks.mirror import Mirrors
from pinn.networks.network import AbstractNetwork
from pinn.networks.separable import Separable
from pinn.networks.walls import Wall, lifted, released, walls_of
from pinn.networks.window import Window
from pinn.problem.axes import Periodic
from pinn.problem.problem import Problem
from pinn.spectral import Grid, basis_of, evaluate

Point = tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Ansatz:
    """Fields in one window of time, u = base + scale (s/h)ⁿ d N, with s the time since its start.

    The base is Σ_{k<n} u⁽ᵏ⁾(x) sᵏ/k!, the state at the window's start as a spectral series, lifted
    to the boundary values; d N is the network, released so that it leaves initial data and boundary
    conditions alone whatever it is. A stationary problem has no s and no initial data.

    Source: Lagaris, Likas & Fotiadis (1998), doi:10.1109/72.712178.

    Args:
        problem: whose fields.
        network: the network's shape.
        graph: the network's structure.
        grid: of the series that hold the state.
        mirrors: the axes between mirrors, with the parity of each field.
    """

    problem: Problem
    network: AbstractNetwork
    graph: nnx.GraphDef
    grid: Grid
    mirrors: Mirrors

    @cached_property
    def walls(self) -> dict[str, tuple[Wall, ...]]:
        """The hard boundary conditions by field."""
        return walls_of(self.problem)

    @cached_property
    def time_index(self) -> int | None:
        """The place of time among the coordinates."""
        problem = self.problem
        return None if problem.stationary else problem.space.coordinates.index(problem.time)

    def base(self, window: Window) -> Callable[..., dict[str, Array]]:
        """Return what the window starts from, as a function of the point with s for the time."""

        def of(field: str):
            plain = lambda *point: self._polynomial(window, field, point)  # noqa: E731
            return lifted(self.problem, self.walls[field], plain, window.start)

        parts = {field: of(field) for field in self.problem.fields}
        return lambda *point: {field: part(*point) for field, part in parts.items()}

    def learned(self, parameters: PyTree[Array], window: Window) -> Callable[..., dict[str, Array]]:
        """Return what the network adds."""
        model = nnx.merge(self.graph, parameters)
        columns, shapes = self.problem.space.columns, self.problem.fields

        def output(field: str) -> Callable[[Array], Array]:
            return lambda inputs: model(inputs)[columns[field]].reshape(shapes[field])

        return self._released(output, window)

    def units(self, window: Window) -> Callable[..., dict[str, Array]]:
        """Return, for each field, what each of its components is linear in: a vector."""
        assert isinstance(self.network, Separable)
        timed = self.time_index is not None
        units = self.network.units(self.problem.extent, self.mirrors, timed)
        return self._released(lambda field: units, window)

    def _released(
        self, output: Callable[[str], Callable[[Array], Array]], window: Window
    ) -> Callable[..., dict[str, Array]]:
        """Return outputs that leave initial data and boundary conditions alone, field by field."""

        def of(field: str):
            free = lambda *point: self._free(output(field), window, field, point)  # noqa: E731
            walls = [w for w in self.walls[field] if self._axis_of(w) not in self.mirrors]
            return released(self.problem.space, walls, free)

        parts = {field: of(field) for field in self.problem.fields}
        return lambda *point: {field: part(*point) for field, part in parts.items()}

    def jet(
        self, fields: Callable[..., dict[str, Array]], window: Window, entries: tuple[str, ...]
    ) -> Callable[..., Jet]:
        """Return the jet of fields of the window, whose time coordinate is the true one."""
        space, index = self.problem.space, self.time_index
        names = [name for name in entries if not space.is_coordinate(name)]
        derivatives = prolong(fields, space, names)

        def jet_at(*point: Array) -> Jet:
            at = dict(zip(space.coordinates, point, strict=True))
            if index is not None:
                at[space.coordinates[index]] = point[index] + window.start
            kept = {name: at[name] for name in entries if space.is_coordinate(name)}
            return Jet(space, {**derivatives(*point), **kept})

        return jet_at

    def _axis_of(self, wall: Wall) -> str:
        return self.problem.space.coordinates[wall.index]

    def _parity_factor(self, field: str, place: Point) -> Array:
        """Return a product of sin πξ over the axes about whose walls the field is odd."""
        factor = jnp.ones_like(place[0])
        for (name, axis), x in zip(self.problem.extent.items(), place, strict=True):
            if self.mirrors.get(name, {}).get(field) == -1:
                factor = factor * jnp.sin(jnp.pi / axis.length * (x - axis.lower))
        return factor

    def _graded(self, window: Window, place: Point) -> Point:
        """Return the place in the coordinates in which the window's functions are smooth."""
        if not window.grading:
            return place
        return tuple(
            graded(axis, name in self.mirrors, window.grading[name], x)
            for (name, axis), x in zip(self.problem.extent.items(), place, strict=True)
        )

    def nodes(
        self, grid: Grid, grading: Mapping[str, Grading], dtype: DTypeLike
    ) -> Float[Array, "nodes dimensions"]:
        """Return a grid's nodes, placed evenly in the graded coordinate."""
        return self.placed(jnp.asarray(grid.points, dtype), grading)

    def placed(
        self, even: Float[Array, "*shape dimensions"], grading: Mapping[str, Grading]
    ) -> Float[Array, "*shape dimensions"]:
        """Return where points are whose graded coordinates are given."""
        if not grading:
            return even
        ((name, axis),) = self.problem.extent.items()
        places = ungraded(axis, name in self.mirrors, grading[name], even.ravel())
        return places.reshape(even.shape)

    def weights(
        self, grid: Grid, grading: Mapping[str, Grading], dtype: DTypeLike
    ) -> Float[Array, " nodes"]:
        """Return the quadrature weights that belong to `nodes`, w dx/dξ."""
        weights = jnp.asarray(grid.weights, dtype)
        if not grading:
            return weights
        ((name, axis),) = self.problem.extent.items()
        slope = jax.vmap(jax.grad(partial(graded, axis, name in self.mirrors, grading[name])))
        return weights / slope(self.nodes(grid, grading, dtype)[:, 0])

    def _space_part(self, point: Point) -> Point:
        index = self.time_index
        return point if index is None else (*point[:index], *point[index + 1 :])

    def _polynomial(self, window: Window, field: str, point: Point) -> Array:
        if self.time_index is None or not window.taylor[field].shape[0]:
            return jnp.zeros(self.problem.fields[field], point[0].dtype)
        elapsed, total = point[self.time_index], None
        place = self._graded(window, self._space_part(point))
        for order in reversed(range(window.taylor[field].shape[0])):
            series = window.taylor[field][order]
            value = evaluate(self.grid, series, place) / math.factorial(order)
            total = value if total is None else total * elapsed + value
        assert total is not None
        return total

    def _free(
        self, output: Callable[[Array], Array], window: Window, field: str, point: Point
    ) -> Array:
        scale, place = window.scale[field], self._graded(window, self._space_part(point))
        inputs = self.network.seen(self.problem.extent, self.mirrors, place)
        scale = scale * self._parity_factor(field, place)
        if self.time_index is not None:
            fraction = point[self.time_index] / window.length
            inputs = jnp.concatenate([(2.0 * fraction - 1.0)[None], inputs])
            # A field without evolution is free from the start.
            scale = scale * fraction ** max(self.problem.dynamics.orders[field], 0)
        return scale * output(inputs)


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
        base, learned = ansatz.base(window), ansatz.learned(parameters, window)

        def fields(*p: Array) -> dict[str, Array]:
            return jax.tree.map(jnp.add, base(*p), learned(*p))

        return ansatz.jet(fields, window, entries)(*moved)

    return jet_at


def sampled(
    ansatz: Ansatz,
    field: str,
    function: Callable[..., Array],
    grading: Mapping[str, Grading],
    dtype: DTypeLike,
) -> Float[Array, "..."]:
    """Return the series of a function of space with a field's parity, from its values at the nodes.

    Nodes beyond a mirror are folded back into the box, where the function is known.
    """
    points = ansatz.nodes(ansatz.grid, grading, dtype)
    sign = jnp.ones(len(points), dtype)
    for index, (name, axis) in enumerate(ansatz.problem.extent.items()):
        if name in ansatz.mirrors:
            beyond = points[:, index] > axis.upper
            folded = jnp.where(beyond, 2.0 * axis.upper - points[:, index], points[:, index])
            points = points.at[:, index].set(folded)
            sign = jnp.where(beyond, ansatz.mirrors[name][field] * sign, sign)
    values = jax.vmap(function)(*points.T)
    signs = sign.reshape((-1,) + (1,) * (values.ndim - 1))
    return ansatz.grid.coefficients((values * signs).reshape(ansatz.grid.shape + values.shape[1:]))


def box_grid(
    problem: Problem, mirrors: Mapping[str, Any], modes: int, most_polynomials: int
) -> Grid:
    """Return the grid of the series that hold the state between two windows.

    Fourier on circles, and between mirrors on the circle that the reflected box closes; Chebyshev
    on other intervals, with fewer functions, since each costs digits of the derivatives at walls.
    """
    bases = []
    for name, axis in problem.extent.items():
        if name in mirrors:
            closed = Periodic(axis.lower, axis.upper + axis.length)
            bases.append(basis_of(closed, 2 * modes - 1))
        else:
            count = modes if isinstance(axis, Periodic) else min(modes, most_polynomials)
            bases.append(basis_of(axis, count))
    return Grid(tuple(problem.extent), tuple(bases))
