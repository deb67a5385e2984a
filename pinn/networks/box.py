"""The box that fields live in: its walls and mirrors, and where points and functions lie in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from pinn.networks.grading import Grading, graded, ungraded
from pinn.networks.mirror import Mirrors, folded, period
from pinn.networks.products import Factor, Orders, product_jets
from pinn.networks.walls import FieldAt, Wall, walls_of
from pinn.problem.axes import Axis
from pinn.problem.problem import Problem
from pinn.spectral import AbstractBasis, Grid, functions

Jets = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Box:
    """The geometry of a problem's fields.

    Args:
        problem: whose fields.
        mirrors: the axes between mirrors, with the parity of each field.
    """

    problem: Problem
    mirrors: Mirrors

    @cached_property
    def axes(self) -> tuple[tuple[str, Axis], ...]:
        """The axes of space, by place, with their names."""
        return tuple(self.problem.extent.items())

    @cached_property
    def walls(self) -> dict[str, tuple[Wall, ...]]:
        """The hard boundary conditions by field, but for those that hold by parity."""
        name_of, every = self.problem.space.coordinates, walls_of(self.problem).items()
        return {f: tuple(w for w in ws if name_of[w.index] not in self.mirrors) for f, ws in every}

    @cached_property
    def time_index(self) -> int | None:
        """The place of time among the coordinates."""
        problem = self.problem
        return None if problem.stationary else problem.space.coordinates.index(problem.time)

    def space_part(self, point: tuple) -> tuple:
        """Return a point without its time."""
        index = self.time_index
        return point if index is None else (*point[:index], *point[index + 1 :])

    def time_first(self, point: tuple) -> tuple:
        """Return a point with its time, if there is one, before its place."""
        index = self.time_index
        return point if index is None else (point[index], *self.space_part(point))

    def graded(self, grading: Mapping[str, Grading], place: int, x: Array) -> Array:
        """Return a coordinate of space as the one in which a window's functions are smooth."""
        name, axis = self.axes[place]
        folds = folded(self.mirrors, name, axis)
        return graded(axis, folds, grading[name], x) if grading else x

    def placed(
        self, even: Float[Array, "*shape dimensions"], grading: Mapping[str, Grading]
    ) -> Float[Array, "*shape dimensions"]:
        """Return where points are whose graded coordinates are given."""
        if not grading:
            return even
        ((name, axis),) = self.axes
        folds = folded(self.mirrors, name, axis)
        places = ungraded(axis, folds, grading[name], even.ravel())
        return places.reshape(even.shape)

    def nodes(
        self, grid: Grid, grading: Mapping[str, Grading], dtype: DTypeLike
    ) -> Float[Array, "nodes dimensions"]:
        """Return a grid's nodes, placed evenly in the graded coordinate."""
        return self.placed(jnp.asarray(grid.points, dtype), grading)

    def weights(
        self, grid: Grid, grading: Mapping[str, Grading], dtype: DTypeLike
    ) -> Float[Array, " nodes"]:
        """Return the quadrature weights that belong to `nodes`, w dx/dξ."""
        weights = jnp.asarray(grid.weights, dtype)
        if not grading:
            return weights
        slope = jax.vmap(jax.grad(partial(self.graded, grading, 0)))
        return weights / slope(self.nodes(grid, grading, dtype)[:, 0])

    def along(self, basis: AbstractBasis, grading: Mapping[str, Grading], place: int) -> Factor:
        """Return a basis's functions along one axis of space, in its graded coordinate."""
        return lambda x: functions(basis, self.graded(grading, place, x))

    def odd(self, field: str, place: int, x: Array) -> Array | float:
        """Return sin 2πξ along an axis about whose mirrors the field is odd, else one."""
        name, axis = self.axes[place]
        if self.mirrors.get(name, {}).get(field) != -1:
            return 1.0
        return jnp.sin(2.0 * jnp.pi / period(axis) * (x - axis.lower))

    def at_walls(
        self,
        field: str,
        place: int,
        factor: Factor,
        change: Callable[[Sequence[Wall], FieldAt], FieldAt],
    ) -> Factor:
        """Return functions of one axis of space, changed at its walls."""
        coordinates = self.problem.space.coordinates
        index = coordinates.index(self.axes[place][0])
        walls = [wall for wall in self.walls[field] if wall.index == index]
        if not walls:
            return factor
        changed = change(walls, lambda *point: factor(point[index]))

        def at(x: Array) -> Array:
            elsewhere = jnp.zeros_like(x)
            return changed(*(x if i == index else elsewhere for i in range(len(coordinates))))

        return at

    def asked(self, entries: Sequence[str]) -> dict[str, dict[str, Orders]]:
        """Return the orders of the derivatives among some entries, by field and name."""
        space, asked = self.problem.space, {}
        for name in entries:
            if not space.is_coordinate(name):
                entry = space.parse(name)
                asked.setdefault(entry.field, {})[name] = entry.orders
        return asked

    def jets(
        self,
        factors: Sequence[Factor],
        combine: Callable[[Sequence[Array]], Array],
        names: Mapping[str, Orders],
    ) -> Callable[..., Jets]:
        """Return the jet of products of functions of time, if there is one, and of each axis."""
        wanted = {name: self.time_first(orders) for name, orders in names.items()}
        jets_at = product_jets(factors, combine, set(wanted.values()))

        def at(*point: Array) -> Jets:
            found = jets_at(*self.time_first(point))
            return {name: found[orders] for name, orders in wanted.items()}

        return at
