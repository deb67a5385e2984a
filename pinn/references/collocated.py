"""A stationary problem as rows: its equation at points inside, its conditions at points outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from pinn.jets import Jet, JetFunction
from pinn.problem.axes import Periodic
from pinn.problem.conditions import AbstractCondition
from pinn.problem.problem import Problem
from pinn.problem.statement import face_value
from pinn.references.box import along
from pinn.spectral import AbstractBasis, Fourier, Grid, basis_of

Lines = Sequence[np.ndarray]


@dataclass(frozen=True, eq=False)
class Collocated:
    """The rows of a stationary problem as a function of the coefficients of its fields.

    A field whose derivatives along an axis of n points are of order m is a polynomial of degree
    n + m − 1 there, so that there are as many rows as coefficients where there are as many
    conditions as derivatives (rectangular collocation; Driscoll & Hale 2016,
    doi:10.1093/imanum/dru062). In systems that need fewer conditions, as a pressure does, m is the
    number of the field's conditions. Conditions may be of any kind, nonlinear ones and those of
    several fields included.

    Args:
        problem: what to collocate.
        counts: how many points there are along each axis, odd on circles.
    """

    problem: Problem
    counts: tuple[int, ...]

    @classmethod
    def of(cls, problem: Problem, counts: Sequence[int]) -> "Collocated":
        """Return the rows with about so many points along each axis."""
        axes = problem.extent.values()
        odd = (n + (1 - n % 2) * isinstance(a, Periodic) for n, a in zip(counts, axes, strict=True))
        return cls(problem, tuple(odd))

    @cached_property
    def bases(self) -> dict[str, tuple[AbstractBasis, ...]]:
        """By field, the basis along each axis."""
        return {
            field: tuple(
                basis_of(axis, count + self._extra(field, name))
                for (name, axis), count in zip(
                    self.problem.extent.items(), self.counts, strict=True
                )
            )
            for field in self.problem.fields
        }

    def _extra(self, field: str, axis: str) -> int:
        """Return by how many coefficients a field's series is longer than there are points."""
        problem = self.problem
        if isinstance(problem.extent[axis], Periodic):
            return 0
        orders = {
            f: max(problem.dynamics.residual.highest_order(f, axis), 0) for f in problem.fields
        }
        demands = {f: self._demands(f, axis) for f in problem.fields}
        sizes = {f: prod(shape) for f, shape in problem.fields.items()}
        balance = sum((orders[f] - demands[f]) * sizes[f] for f in problem.fields)
        return (orders if len(problem.extent) == 1 or not balance else demands)[field]

    def _demands(self, field: str, axis: str) -> int:
        conditions = (c for c in self.problem.boundary if c.field == field and c.axis == axis)
        return sum(len(c.ends) for c in conditions)

    @cached_property
    def grid(self) -> Grid:
        """One grid that holds the series of every field."""
        longest = [
            max(bases, key=lambda b: b.count) for bases in zip(*self.bases.values(), strict=True)
        ]
        return Grid(tuple(self.problem.extent), tuple(longest))

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """By field, the shape of its coefficients: modes, then components."""
        fields = self.problem.fields
        return {f: (*(b.count for b in bases), *fields[f]) for f, bases in self.bases.items()}

    @cached_property
    def size(self) -> int:
        """How many coefficients there are."""
        return sum(map(prod, self.shapes.values()))

    @cached_property
    def constants(self) -> dict[tuple[str, int], int]:
        """The place of each component's constant among the coefficients."""
        found, start = {}, 0
        for field, shape in self.shapes.items():
            components = prod(self.problem.fields[field])
            found |= {(field, i): start + i for i in range(components)}
            start += prod(shape)
        return found

    def series(self, flat: Float[Array, " size"]) -> dict[str, Array]:
        """Return each field's coefficients."""
        values, start = {}, 0
        for field, shape in self.shapes.items():
            values[field] = flat[start : start + prod(shape)].reshape(shape)
            start += prod(shape)
        return values

    def padded(self, flat: Float[Array, " size"]) -> Float[Array, "components *modes"]:
        """Return the coefficients of all components over `grid`."""
        parts = []
        for field, values in self.series(flat).items():
            ends = [(0, n - m) for n, m in zip(self.grid.shape, values.shape, strict=False)]
            shape = self.problem.fields[field]
            longer = jnp.pad(values, [*ends, *((0, 0) for _ in shape)])
            parts.append(jnp.moveaxis(longer.reshape((*self.grid.shape, -1)), -1, 0))
        return jnp.concatenate(parts)

    def fitted(self, coefficients: np.ndarray, grid: Grid) -> Float[np.ndarray, " size"]:
        """Return the coefficients of a solution over another grid, cut or filled with zeros."""
        parts, start = [], 0
        for field, shape in self.shapes.items():
            components = prod(self.problem.fields[field])
            values = np.moveaxis(coefficients[start : start + components], 0, -1)
            start += components
            for axis, (old, new) in enumerate(zip(grid.bases, self.bases[field], strict=True)):
                values = np.moveaxis(_refitted(np.moveaxis(values, axis, 0), old, new), 0, axis)
            parts.append(values.reshape(shape).ravel())
        return np.concatenate(parts)

    @cached_property
    def inside(self) -> list[np.ndarray]:
        """The places along each axis where the equation is imposed."""
        return self.places(self.counts)

    def places(self, counts: Sequence[int]) -> list[np.ndarray]:
        """Return so many places along each axis, none of them at an end."""
        axes = self.problem.extent.values()
        return [_points(axis, count) for axis, count in zip(axes, counts, strict=True)]

    def equation(
        self, flat: Array, lines: Lines | None = None
    ) -> Float[Array, "equations *points"]:
        """Return the equation's left side on a tensor product of places."""
        return self._at(self.problem.dynamics.residual, self.series(flat), lines or self.inside)

    def rows(self, flat: Float[Array, " size"]) -> Float[Array, " size"]:
        """Return the equation inside and the conditions on the faces; a solution has none."""
        return jnp.concatenate([self.equation(flat).ravel(), *self.conditions(flat)])

    def conditions(self, flat: Array) -> list[Array]:
        """Return the rows of every condition at every end."""
        series = self.series(flat)
        return [
            self._condition(series, condition, end).ravel()
            for condition in self.problem.boundary
            for end in condition.ends
        ]

    def _condition(
        self, series: Mapping[str, Array], condition: AbstractCondition, end: int
    ) -> Array:
        problem, axes = self.problem, list(self.problem.extent)
        position = axes.index(condition.axis)
        lines = [*self.inside]
        # Corners belong to the faces of the last axis.
        for later in range(position):
            lines[later] = self.bases[condition.field][later].nodes
        axis = problem.extent[condition.axis]
        lines[position] = np.array([axis.upper if end else axis.lower])
        value = face_value(problem.space, condition, end)
        mesh = np.meshgrid(*(lines[:position] + lines[position + 1 :]), indexing="ij")
        places = [jnp.asarray(m.ravel()) for m in mesh]
        demanded = jax.vmap(value)(*places) if places else value()[None]
        left = self._at(condition.operator(problem.space), series, lines)
        return left.reshape(-1) - jnp.moveaxis(demanded.reshape((len(demanded), -1)), -1, 0).ravel()

    def _at(self, function: JetFunction, series: Mapping[str, Array], lines: Lines) -> Array:
        """Return a function of the jet on a tensor product of places, its components in front."""
        space, shape, values = self.problem.space, tuple(map(len, lines)), {}
        mesh = dict(zip(space.coordinates, np.meshgrid(*lines, indexing="ij"), strict=True))
        for name in function.needs:
            if space.is_coordinate(name):
                values[name] = jnp.asarray(mesh[name].ravel())
                continue
            entry = space.parse(name)
            array = series[entry.field]
            for axis, basis in enumerate(self.bases[entry.field]):
                power = np.linalg.matrix_power(basis.derivative, entry.orders[axis])
                array = along(basis.vandermonde(lines[axis]) @ power, array, axis)
            values[name] = array.reshape((prod(shape), *space.shape(name)))
        if not values:  # a condition that reads nothing
            return jnp.broadcast_to(
                function(Jet(space, {}))[..., None], (*function.shape, prod(shape))
            )
        rows = jax.vmap(lambda v: jnp.ravel(function(Jet(space, v))))(values)
        return rows.T.reshape((-1, *shape))

    @cached_property
    def between(self) -> list[np.ndarray]:
        """Places along each axis between those of `inside`, where the equation is only tested."""
        return self.places([n + n // 2 + 1 for n in self.counts])

    def remainder(self, flat: Array, matrix: np.ndarray) -> float:
        """Return what is left of the equation between its points, in units of its terms there."""
        left = np.abs(np.asarray(self.equation(jnp.asarray(flat), self.between)))
        count = prod(map(len, self.inside))
        zero = np.abs(np.asarray(self.equation(jnp.zeros(self.size))))
        terms = np.abs(matrix[: len(left) * count]) @ np.abs(np.asarray(flat))
        sizes = np.max(terms.reshape((len(left), count)) + zero.reshape((len(left), count)), axis=1)
        return float(np.max(np.max(left.reshape((len(left), -1)), axis=1) / (sizes + 1e-300)))

    @cached_property
    def linearised(self) -> Callable[[ArrayLike], tuple[np.ndarray, np.ndarray]]:
        """The matrix ∂rows/∂coefficients and the rows, at given coefficients."""
        both = jax.jit(lambda flat: (jax.jacfwd(self.rows)(flat), self.rows(flat)))

        def at(flat: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
            matrix, rows = both(jnp.asarray(flat))
            return np.asarray(matrix), np.asarray(rows)

        return at


def _points(axis, count: int) -> np.ndarray:
    """Return the zeros of a Chebyshev polynomial, or even places around a circle."""
    if isinstance(axis, Periodic):
        return basis_of(axis, count).nodes
    z = np.sin(0.5 * np.pi * (2.0 * np.arange(count) + 1.0 - count) / count)
    return 0.5 * (axis.lower + axis.upper) + 0.5 * axis.length * z


def _refitted(values: np.ndarray, old: AbstractBasis, new: AbstractBasis) -> np.ndarray:
    """Return the series of one basis in another of the same kind, along the first axis."""
    found = np.zeros((new.count, *values.shape[1:]))
    if not isinstance(old, Fourier):
        kept = min(old.count, new.count)
        found[:kept] = values[:kept]
        return found
    kept = min(old.count, new.count) // 2
    found[: kept + 1] = values[: kept + 1]
    sines = slice(new.count // 2 + 1, new.count // 2 + 1 + kept)
    found[sines] = values[old.count // 2 + 1 : old.count // 2 + 1 + kept]
    return found
