"""A box filled with collocation points, at which fields that obey their walls have derivatives."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import ProblemError
from pinn.jets import Jet, JetSpace
from pinn.problem.conditions import AbstractCondition
from pinn.problem.problem import Problem
from pinn.problem.statement import face_value
from pinn.references.series import harmonics
from pinn.spectral import AbstractBasis, Fourier, Grid, basis_of

MATRIX_LIMIT = 105
Wall = tuple[AbstractCondition, int]


@dataclass(frozen=True, eq=False)
class Side:
    """One coordinate of a box: its points, its series, and what the walls demand of each field.

    On a circle the points are the nodes of the Fourier basis. On an interval they are the zeros of
    T_n, and a field with m conditions is the polynomial of degree n + m − 1 that takes its values
    there and meets them: [V; B] c = [v; g] (rectangular collocation; Driscoll & Hale 2016,
    doi:10.1093/imanum/dru062).

    Args:
        basis: the series; of length n + max m.
        points: where the equation is imposed.
        walls: the conditions across this coordinate, field by field.
    """

    basis: AbstractBasis
    points: np.ndarray
    walls: Mapping[str, tuple[Wall, ...]]

    @property
    def periodic(self) -> bool:
        """Whether the coordinate runs around a circle."""
        return isinstance(self.basis, Fourier)

    @cached_property
    def synthesis(self) -> np.ndarray:
        """The matrix from a series to the values at the points."""
        return self.basis.vandermonde(self.points)

    @cached_property
    def extensions(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """By field, the matrices E, G of its series c = E v + G g."""
        return {field: self._extension(walls) for field, walls in self.walls.items()}

    def _extension(self, walls: Sequence[Wall]) -> tuple[np.ndarray, np.ndarray]:
        count = len(self.points) + len(walls)
        rows = [self._row(*wall) for wall in walls]
        scales = [np.max(np.abs(row[:count])) for row in rows]
        scaled = [(row / scale)[None] for row, scale in zip(rows, scales, strict=True)]
        inverse = np.linalg.inv(np.concatenate([self.synthesis, *scaled])[:, :count])
        padded = np.pad(inverse, ((0, self.basis.count - count), (0, 0)))
        values, faces = np.split(padded, [len(self.points)], axis=1)
        return values, faces / np.asarray(scales).reshape(1, -1)

    def _row(self, condition: AbstractCondition, end: int) -> np.ndarray:
        at = np.array([(self.basis.lower, self.basis.upper)[end]])
        basis, power = self.basis, np.linalg.matrix_power
        space = JetSpace((condition.axis,), ((condition.field, ()),))
        rows = _Rows(
            condition.field, lambda order: basis.vandermonde(at) @ power(basis.derivative, order)
        )
        return np.asarray(condition.left_side(Jet(space, rows)))

    def differentiated(self, array: Array, axis: int, order: int) -> Array:
        """Return the values at the points of a derivative, from a series (values on a circle)."""
        if not self.periodic:
            matrix = self.synthesis @ np.linalg.matrix_power(self.basis.derivative, order)
            return along(matrix, array, axis)
        if order == 0:
            return array
        if self.basis.count <= MATRIX_LIMIT:
            return along(self.basis.differentiation(order), array, axis)
        count = self.basis.count
        wave = 2.0 * np.pi / (self.basis.upper - self.basis.lower) * np.arange(count // 2 + 1)
        factor = ((1j * wave) ** order).reshape((-1,) + (1,) * (array.ndim - 1 - axis))
        factor = jnp.asarray(factor).reshape((1,) * axis + factor.shape)
        return jnp.fft.irfft(factor * jnp.fft.rfft(array, axis=axis), n=count, axis=axis)


class _Rows(Mapping):
    """The row of each derivative at one end, by the number of its subscripts."""

    def __init__(self, field: str, row: Callable[[int], np.ndarray]):
        self.field, self.row = field, row

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> np.ndarray:
        return self.row(0 if name == self.field else len(name) - len(self.field) - 1)[0]

    def __iter__(self):
        return iter(())

    def __len__(self) -> int:
        return 0


@dataclass(frozen=True, eq=False)
class Box:
    """The collocation points of a problem's space and the series of fields over it.

    Args:
        problem: whose space and walls.
        sides: one for each space coordinate, in order.
    """

    problem: Problem
    sides: tuple[Side, ...]

    @classmethod
    def of(cls, problem: Problem, counts: Sequence[int]) -> "Box":
        """Return the box with so many points along each coordinate.

        Raises:
            ProblemError: a condition is not linear in one field and its slopes across the face.
        """
        for condition in problem.boundary:
            _check_linear(problem, condition)
        pairs = zip(problem.extent, counts, strict=True)
        return cls(problem, tuple(_side(problem, c, count) for c, count in pairs))

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of points along each coordinate."""
        return tuple(len(side.points) for side in self.sides)

    @cached_property
    def grid(self) -> Grid:
        """The tensor product of the series."""
        return Grid(tuple(self.problem.extent), tuple(side.basis for side in self.sides))

    @cached_property
    def mesh(self) -> dict[str, np.ndarray]:
        """Each coordinate at every point."""
        arrays = np.meshgrid(*(side.points for side in self.sides), indexing="ij")
        return dict(zip(self.problem.extent, arrays, strict=True))

    def sampled(self, function) -> Array:
        """Return a function of one scalar a coordinate at every point."""
        flat = [jnp.asarray(array.ravel()) for array in self.mesh.values()]
        values = jax.vmap(function)(*flat)
        return values.astype(float).reshape(self.shape + values.shape[1:])

    def lifted(self, field: str, values: Array, time: Array | None, order: int = 0) -> Array:
        """Return the series (values on circles) of ∂_t^order field from its values at the points.

        Args:
            field: which field's walls hold.
            values: of shape `box.shape` followed by the field's.
            time: when; None in a stationary problem.
            order: how many time derivatives.
        """
        for axis, side in enumerate(self.sides):
            if side.periodic:
                continue
            extend, faces = side.extensions[field]
            values = along(extend, values, axis)
            for column, (condition, end) in zip(faces.T, side.walls[field], strict=True):
                if _vanishes(condition.ends[end]):
                    continue
                demand = jnp.expand_dims(self._face(condition, end, axis, time, order), axis)
                shape = (-1,) + (1,) * (demand.ndim - 1 - axis)
                column = jnp.asarray(column).reshape((1,) * axis + shape)
                values = values + column * demand
        return values

    def differentiated(self, series: Array, orders: Sequence[int]) -> Array:
        """Return a derivative at the points from a lifted field."""
        for axis, (side, order) in enumerate(zip(self.sides, orders, strict=True)):
            series = side.differentiated(series, axis, order)
        return series

    def coefficients(self, series: Array) -> Array:
        """Return the coefficients over `grid` of a lifted field."""
        for axis, side in enumerate(self.sides):
            if side.periodic:
                series = harmonics(series, axis)
        return series

    def _face(
        self, condition: AbstractCondition, end: int, axis: int, time: Array | None, order: int
    ) -> Float[Array, "..."]:
        """Return what a wall demands: a series before the wall's axis, values at points after."""
        problem = self.problem
        function = face_value(problem.space, condition, end)
        others = [i for i in range(len(self.sides)) if i != axis]
        mesh = np.meshgrid(*(self.sides[i].basis.nodes for i in others), indexing="ij")
        demand = lambda t: _over(function, mesh, t)  # noqa: E731
        for _ in range(order):
            demand = _rate(demand)
        values = demand(time)
        for position, i in enumerate(others):
            side = self.sides[i]
            if not side.periodic:
                analysis = side.basis.analysis
                matrix = analysis if i < axis else side.synthesis @ analysis
                values = along(matrix, values, position)
        return values


def _over(function, mesh: Sequence[np.ndarray], time: Array | None) -> Array:
    before = () if time is None else (time,)
    if not mesh:
        return jnp.asarray(function(*before), float)
    flat = [jnp.asarray(array.ravel()) for array in mesh]
    values = jax.vmap(lambda *point: function(*before, *point))(*flat)
    return values.astype(float).reshape(mesh[0].shape + values.shape[1:])


def _rate(function):
    return lambda t: jax.jvp(function, (t,), (jnp.ones_like(t),))[1]


def _vanishes(value: object) -> bool:
    return isinstance(value, int | float) and value == 0


def _check_linear(problem: Problem, condition: AbstractCondition) -> None:
    """Refuse a condition whose rows would not be those of a linear operator across its face."""
    operator, space = condition.operator(problem.space), problem.space
    across = re.compile(rf"{re.escape(condition.field)}(_{condition.axis}+)?")
    linear = all(across.fullmatch(name) for name in operator.needs)
    if linear:
        draw = np.random.default_rng(0).normal
        one, two = ({n: draw(size=space.shape(n)) for n in operator.needs} for _ in range(2))
        at = lambda v: np.asarray(operator(Jet(space, jax.tree.map(jnp.asarray, v))))  # noqa: E731
        both = {n: one[n] - 2.0 * two[n] for n in one}
        linear = np.allclose(at(both), at(one) - 2.0 * at(two), rtol=1e-12, atol=1e-12)
    if not linear:
        raise ProblemError(
            f"The condition {type(condition).__name__}({condition.field!r}, {condition.axis!r}) "
            "is not linear in its field and the slopes across the face, which the method of lines "
            "needs: give exact=, or compare with a solver of your own."
        )


def _side(problem: Problem, coordinate: str, count: int) -> Side:
    axis = problem.extent[coordinate]
    walls = {
        f: tuple(
            (c, end)
            for c in problem.boundary
            if c.field == f and c.axis == coordinate
            for end in c.ends
        )
        for f in problem.fields
    }
    basis = basis_of(axis, count + max(map(len, walls.values())))
    if isinstance(basis, Fourier):
        return Side(basis, basis.nodes, walls)
    z = np.sin(0.5 * np.pi * (2.0 * np.arange(count) + 1.0 - count) / count)
    points = 0.5 * (axis.lower + axis.upper) + 0.5 * (axis.upper - axis.lower) * z
    return Side(basis, points, walls)


def along(matrix: np.ndarray, array: Array, axis: int) -> Array:
    """Return a matrix applied along one axis of an array."""
    turned = jnp.tensordot(jnp.asarray(matrix, array.dtype), array, axes=(1, axis))
    return jnp.moveaxis(turned, 0, axis)
