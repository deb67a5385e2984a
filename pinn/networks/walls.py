"""Boundary conditions built into the ansatz: distance factors, and functional connections."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.errors import ProblemError
from pinn.jets import JetSpace, prolong
from pinn.problem.axes import Axis
from pinn.problem.conditions import AbstractCondition
from pinn.problem.problem import Problem
from pinn.problem.statement import face_value

# A field's value at a point, one scalar a coordinate in the axes' order.
FieldAt = Callable[..., Array]


@dataclass(frozen=True, eq=False)
class Wall:
    """The hard conditions on one field across one axis.

    Args:
        field: the field.
        index: the axis's place among the coordinates.
        axis: the axis.
        rows: each condition with its end.
    """

    field: str
    index: int
    axis: Axis
    rows: tuple[tuple[AbstractCondition, int], ...]

    def values_only(self, space: JetSpace) -> bool:
        """Tell whether every condition is on the field's value."""
        return all(condition.pure_order(space) == 0 for condition, _ in self.rows)

    def place(self, end: int) -> float:
        """Return the coordinate of an end."""
        return self.axis.upper if end else self.axis.lower

    def distance(self, x: Array) -> Array:
        """Return a polynomial that vanishes at the ends with conditions and is 1 in between."""
        z = (2.0 * x - self.axis.lower - self.axis.upper) / self.axis.length
        ends = {end for _, end in self.rows}
        if ends == {0, 1}:
            return 1.0 - z * z
        return 0.5 * (1.0 + z) if ends == {0} else 0.5 * (1.0 - z)

    def measured(self, space: JetSpace, function: FieldAt, point: tuple[Array, ...]) -> list[Array]:
        """Return each condition's left side, as of `function`, at its face."""
        values = []
        for condition, end in self.rows:
            left = condition.operator(space)
            jet_at = prolong(lambda *p: _only(space, self.field, function(*p)), space, left.needs)
            values.append(left(jet_at(*self.on_face(point, end))))
        return values

    def on_face(self, point: tuple[Array, ...], end: int) -> tuple[Array, ...]:
        """Return the point moved along the axis to one end."""
        moved = jnp.full_like(point[self.index], self.place(end))
        return (*point[: self.index], moved, *point[self.index + 1 :])

    def supports(self, space: JetSpace) -> np.ndarray:
        """Return polynomials p_k in z, one row each, with condition j of p_k equal to δ_jk.

        Raises:
            ProblemError: the conditions are not independent.
        """
        count = len(self.rows)
        degrees = range(count + 3)
        scalar = JetSpace(space.coordinates, ((self.field, ()),))
        with jax.ensure_compile_time_eval():
            table = np.array([self._of_monomial(scalar, degree) for degree in degrees]).T
        chosen = _independent(table)
        if len(chosen) < count:
            raise ProblemError(
                f"The boundary conditions on {self.field!r} across "
                f"{space.coordinates[self.index]!r} repeat or contradict each other: remove one, "
                "or pass hard=False."
            )
        supports = np.zeros((count, len(degrees)))
        supports[:, chosen] = np.linalg.inv(table[:, chosen]).T
        return supports

    def _of_monomial(self, scalar: JetSpace, degree: int) -> list[float]:
        lower, upper, length = self.axis.lower, self.axis.upper, self.axis.length

        def monomial(*point: Array) -> Array:
            z = (2.0 * point[self.index] - lower - upper) / length
            return z**degree if degree else jnp.ones_like(z)

        origin = tuple(jnp.zeros(()) for _ in scalar.coordinates)
        return [float(value) for value in self.measured(scalar, monomial, origin)]


def _independent(table: np.ndarray) -> list[int]:
    """Return the first columns that span as much as there are rows."""
    chosen: list[int] = []
    for column in range(table.shape[1]):
        trial = table[:, [*chosen, column]]
        scaled = trial / np.maximum(np.abs(trial).max(axis=0), 1e-300)
        if np.linalg.matrix_rank(scaled, tol=1e-10) == len(chosen) + 1:
            chosen.append(column)
        if len(chosen) == table.shape[0]:
            break
    return sorted(chosen)


def _only(space: JetSpace, field: str, value: Array) -> dict[str, Array]:
    zeros = {name: jnp.zeros(shape) for name, shape in space.fields.items() if name != field}
    return {field: value, **zeros}


def walls_of(problem: Problem) -> dict[str, tuple[Wall, ...]]:
    """Return the hard conditions of a problem, field by field and axis by axis."""
    coordinates, found = problem.space.coordinates, {}
    for field in problem.fields:
        walls = []
        for name, axis in problem.extent.items():
            rows = [
                (condition, end)
                for condition in problem.boundary
                if (condition.field, condition.axis) == (field, name)
                and condition.built_in(problem.space)
                for end in condition.ends
            ]
            if rows:
                walls.append(Wall(field, coordinates.index(name), axis, tuple(rows)))
        found[field] = tuple(walls)
    return found


def lift_of(problem: Problem, walls: Sequence[Wall], start: Array) -> FieldAt | None:
    """Return a function Σ p_k g_k that has every demanded value; None where all of them are zero.

    p_k(x) is a polynomial with B_j p_k = δ_jk for the conditions' left sides B_j (Mortari 2017,
    theory of connections, doi:10.3390/math5040057); axis by axis, each on what the last one left.
    """
    if all(condition.homogeneous for wall in walls for condition, _ in wall.rows):
        return None
    shape = problem.fields[walls[0].field]
    lift: FieldAt = lambda *point: jnp.zeros(shape, point[0].dtype)  # noqa: E731
    for wall in walls:
        targets = [_target(problem, wall, row, start) for row in wall.rows]
        lift = _connected(problem.space, wall, lift, targets)
    return lift


def relieved(space: JetSpace, walls: Sequence[Wall], function: FieldAt) -> FieldAt:
    """Return `function` less its own lift, u − Σ p_k B_k u, so that `lift_of` may be added."""
    for wall in walls:
        function = _connected(space, wall, function, [None] * len(wall.rows))
    return function


def released(space: JetSpace, walls: Sequence[Wall], free: FieldAt) -> FieldAt:
    """Return `free` changed so that every condition's left side vanishes, whatever it is.

    Across an axis with values only it is multiplied by the distance to the walls; otherwise its own
    lift is taken from it.
    """
    for wall in walls:
        values = wall.values_only(space)
        free = _damped(wall, free) if values else relieved(space, [wall], free)
    return free


def _damped(wall: Wall, function: FieldAt) -> FieldAt:
    return lambda *point: wall.distance(point[wall.index]) * function(*point)


def _target(problem: Problem, wall: Wall, row: tuple[AbstractCondition, int], start: Array):
    """Return g as a function of the whole point, whose time counts from `start`."""
    condition, end = row
    value = face_value(problem.space, condition, end)
    index = None if problem.stationary else problem.space.coordinates.index(problem.time)

    def target(*point: Array) -> Array:
        moved = [p + start if i == index else p for i, p in enumerate(point)]
        return jnp.asarray(value(*moved[: wall.index], *moved[wall.index + 1 :]), point[0].dtype)

    return target


def _connected(space: JetSpace, wall: Wall, function: FieldAt, targets: Sequence) -> FieldAt:
    supports = wall.supports(space)

    def corrected(*point: Array) -> Array:
        value = function(*point)
        x = point[wall.index]
        z = (2.0 * x - wall.axis.lower - wall.axis.upper) / wall.axis.length
        measured = wall.measured(space, function, point)
        for support, target, left in zip(supports, targets, measured, strict=True):
            gap = -left if target is None else target(*point) - left
            value = value + jnp.polyval(jnp.asarray(support[::-1], x.dtype), z) * gap
        return value

    return corrected
