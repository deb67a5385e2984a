"""Rows of a user's own: what else the solution should obey, at points of the user's choice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import RecipeError, near_matches
from pinn.jets import Jet, JetFunction, on_jets
from pinn.networks.window import Window
from pinn.problem.axes import Interval
from pinn.problem.problem import Problem
from pinn.training.objective import Block

# Joints are known to so small a part of a window.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Rows:
    """One more block of the least-squares problem: a function of the jet that should vanish.

    A row is the function's value in units of its own size, Σ_J |∂f/∂u_J| · (size of u_J), so that a
    weight means the same whatever the units are; the block's share of the objective is half the
    weight times the rows' mean square. While time is marched through windows, a point has its part
    in the window it falls in. Rows that contradict the equation are weighed against it: neither
    holds then, which the residual on unseen points tells.

    At the initial time rows can change nothing: the initial data hold exactly.

    Args:
        name: what the rows are called.
        function: from the jet at one point to what should be zero there, a number or an array, as
            in `lambda j: j.u - 0.3`.
        points: by axis, one number, or as many as there are points.
        weight: of the rows; the equation's is 1.

    Raises:
        RecipeError: the points are no numbers or not as many along every axis, or the weight is
            negative.
    """

    name: str
    function: Callable[[Jet], Any]
    points: Any
    weight: float = 1.0

    def __post_init__(self):
        if not callable(self.function):
            raise RecipeError(
                f"The rows {self.name!r} need a function of the jet, got {self.function!r:.40}."
            )
        weight = self.weight
        if not isinstance(weight, int | float) or not 0.0 <= weight < float("inf"):
            raise RecipeError(f"The rows {self.name!r} need a weight ≥ 0, got {weight!r:.40}.")
        object.__setattr__(self, "points", self._columns())

    def _columns(self) -> tuple[tuple[str, tuple[float, ...]], ...]:
        """Return the points as plain data, which hashes and compares."""
        given = dict(self.points) if isinstance(self.points, tuple | Mapping) else {}
        if not given:
            raise RecipeError(
                f"The rows {self.name!r} need points by axis, as in points={{'t': 0.5, 'x': xs}}, "
                f"got {self.points!r:.40}."
            )
        columns = {name: self._column(name, value) for name, value in given.items()}
        sizes = {name: len(column) for name, column in columns.items()}
        count = max(sizes.values())
        if any(size not in (1, count) for size in sizes.values()):
            raise RecipeError(
                f"The rows {self.name!r} have {sizes} coordinates of points: give one number, or "
                "as many for every axis."
            )
        return tuple((n, c * (count // len(c))) for n, c in columns.items())

    def _column(self, name: str, value: Any) -> tuple[float, ...]:
        try:
            column = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            column = np.array(np.nan)
        if column.ndim > 1 or not column.size or not np.all(np.isfinite(column)):
            raise RecipeError(
                f"The rows {self.name!r} have points[{name!r}] = {value!r:.40}, expected a finite "
                "number or a vector of them."
            )
        return tuple(column.ravel().tolist())

    def at(self, problem: Problem) -> "PlacedRows":
        """Return the rows of a problem, after a look at what they name and where they lie.

        Raises:
            RecipeError: they miss or name other axes than the problem has, lie outside its domain,
                or take the name of other rows.
            ProblemError: the function cannot be evaluated on the problem's jets.
        """
        columns = {name: np.array(column) for name, column in self.points}
        if {*columns} != {*problem.axes}:
            strange = next((n for n in columns if n not in problem.axes), "")
            raise RecipeError(
                f"The rows {self.name!r} have points along {', '.join(columns)}, but the problem "
                f"{problem.name!r} has the axes {', '.join(problem.axes)}"
                f"{near_matches(strange, problem.axes)}."
            )
        for name, axis in problem.axes.items():
            outside = (columns[name] < axis.lower) | (columns[name] > axis.upper)
            if np.any(outside):
                raise RecipeError(
                    f"The rows {self.name!r} have a point at {name} = "
                    f"{columns[name][outside][0]:.6g}, outside the domain from {axis.lower:.6g} to "
                    f"{axis.upper:.6g}."
                )
        function = on_jets(problem.space, self.function, f"function of the rows {self.name!r}")
        if not any(not problem.space.is_coordinate(name) for name in function.needs):
            raise RecipeError(
                f"The rows {self.name!r} do not depend on the solution: their function must read a "
                f"field of the jet, {', '.join(problem.fields)} or a derivative."
            )
        points = np.stack([columns[name] for name in problem.space.coordinates], axis=-1)
        return PlacedRows(self.name, function, points, float(self.weight))


@dataclass(frozen=True, eq=False)
class PlacedRows:
    """Rows on the jets of a problem, with their points in the order of its coordinates."""

    name: str
    function: JetFunction
    points: Float[np.ndarray, "points coordinates"]
    weight: float

    @property
    def space(self):
        """The space of the jets."""
        return self.function.space

    def inside(
        self, window: Window, time_index: int | None, span: Interval
    ) -> tuple[Float[Array, "points coordinates"], Float[Array, " points"]]:
        """Return the points with elapsed time, those of other windows at its ends, and a mask."""
        points = jnp.asarray(self.points, window.length.dtype)
        if time_index is None:
            return points, jnp.ones_like(points[:, 0])
        elapsed, small = points[:, time_index] - window.start, ROUNDING * window.length
        first = (window.start == span.lower) & (elapsed >= 0.0)
        here = ((elapsed > small) | first) & (elapsed <= window.length + small)
        times = jnp.clip(elapsed, 0.0, window.length)
        return points.at[:, time_index].set(times), here.astype(points.dtype)

    def block(
        self, jets: Callable[[Array], Jet], points: Array, here: Array, units: Mapping[str, Array]
    ) -> Block:
        """Return the block of rows.

        Args:
            jets: the jet that the window starts from, as a function of one point.
            points: where.
            here: one where a point is in the window, else zero.
            units: the size of every derivative that the function needs.
        """
        scale = self._scale(jets, points, units)
        count = jnp.maximum(jnp.sum(here), 1.0)
        return Block(
            f"rows {self.name}",
            lambda jet: self._flat(jet) / scale,
            self.function.size,
            lambda values: values * here[:, None],
            weight=self.weight * here.size / count,
        )

    def _flat(self, jet: Jet) -> Float[Array, " size"]:
        return jnp.concatenate([jnp.ravel(v) for v in jax.tree.leaves(self.function(jet))])

    def _scale(
        self, jets: Callable[[Array], Jet], points: Array, units: Mapping[str, Array]
    ) -> Float[Array, " size"]:
        """Return Σ_J |∂f/∂u_J| · unit of u_J, the largest over the points; one where it is zero."""

        def sizes(point: Array) -> Array:
            jet = jets(point)
            rest = {n: jet[n] for n in self.function.needs if n not in units}
            at = lambda v: self._flat(Jet(self.space, {**rest, **v}))  # noqa: E731
            slopes = jax.jacfwd(at)({n: jet[n] for n in units})
            each = {n: jnp.abs(s).reshape(s.shape[0], -1).sum(axis=1) for n, s in slopes.items()}
            return jnp.sum(jnp.stack([units[n] * size for n, size in each.items()]), axis=0)

        largest = jnp.max(jax.vmap(sizes)(points), axis=0)
        return jnp.where(largest > 0.0, largest, 1.0)


def placed(rows: Sequence[Rows], problem: Problem) -> tuple[PlacedRows, ...]:
    """Return the rows of a recipe on the jets of a problem."""
    return tuple(one.at(problem) for one in rows)


def checked(rows: Any) -> tuple[Rows, ...]:
    """Return what a recipe holds for rows=, after a look at it.

    Raises:
        RecipeError: it is no sequence of rows with names of their own.
    """
    found = (rows,) if isinstance(rows, Rows) else tuple(rows or ())
    if strange := [one for one in found if not isinstance(one, Rows)]:
        raise RecipeError(
            f"rows= takes pinn.Rows(name, function, points, weight), got {strange[0]!r:.60}."
        )
    names = [one.name for one in found]
    if twice := [n for n in names if names.count(n) > 1]:
        raise RecipeError(f"Two blocks of rows are called {twice[0]!r}: give each its own name.")
    return found
