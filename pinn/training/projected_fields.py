"""Fields whose totals hold to round-off: states are projected on the level set of the charges."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.errors import RecipeError
from pinn.flows import JetAt
from pinn.jets import Jet
from pinn.noether.field_levels import FieldLevels, between, moved_jet
from pinn.noether.verify import verified_charges
from pinn.points import in_chunks
from pinn.problem.problem import Problem
from pinn.training.box import quadrature
from pinn.training.conservation import Exact
from pinn.training.recipe import Recipe
from pinn.trajectory import TOGETHER, Trajectory

Coefficients = tuple[Float[Array, "... charges"], ...]


@lru_cache(maxsize=8)
def exact_levels(problem: Problem, recipe: Recipe) -> FieldLevels | None:
    """Return the level set of the totals that a recipe holds exactly; None if there are none.

    A blanket "exact" leaves charges with sources, or that leak, to their penalty.

    Raises:
        RecipeError: a charge that is asked for is not conserved, or not a function of the state.
    """
    charges, chosen = verified_charges(problem), recipe.holding(problem)
    held = {n: c for n, c in charges.items() if isinstance(chosen[n], Exact)}
    if not held:
        return None
    if problem.stationary:
        raise RecipeError(
            "A stationary problem has no totals that stay: choose a weight for its laws, or 'off'."
        )
    by_name = isinstance(recipe.conservation, tuple)
    changing = [n for n, c in held.items() if not c.conserved]
    if changing and (by_name or len(changing) == len(held)):
        raise RecipeError(
            f"The total of {changing[0]!r} changes by a source or a flux through walls: over "
            "space only conserved totals can be held exactly; choose 'penalty', which asks for "
            "its balance law."
        )
    kept = {n: c for n, c in held.items() if c.conserved}
    return FieldLevels.of(problem, kept, quadrature(problem, recipe.modes))


class Found(NamedTuple):
    """The state of a trajectory, with the coefficients at the one time that is asked for."""

    state: Any
    coefficients: Coefficients


class ProjectedFields(Trajectory):
    """A trajectory over space, moved on to the level set of its charges at every time.

    The coefficients of the move are found once for each time; `plan` and the rest are as for the
    unprojected `Trajectory`.

    Args:
        levels: the level set.
        plan: the unprojected jets.
        rest: what else a trajectory takes, with the quadrature of the levels.
    """

    def __init__(self, levels: FieldLevels, plan: Callable[[tuple[str, ...]], JetAt], *rest: Any):
        self._levels, self._unprojected = levels, plan
        problem = levels.problem
        self._index = problem.space.coordinates.index(problem.time)
        super().__init__(problem, self._projected, *rest, grid=levels.grid)
        self._height = lru_cache(maxsize=None)(self._order)
        self._solving = lru_cache(maxsize=None)(self._solver)
        self._moving = lru_cache(maxsize=None)(self._mover)

    def _projected(self, entries: tuple[str, ...]) -> JetAt:
        reads, height, moved = moved_jet(self._levels, entries)
        pair = self._pair(reads)

        def jet_at(state: Any, *point: Array) -> Jet:
            if not isinstance(state, Found):
                state = Found(state, self._coefficients(height, state, point[self._index]))
            jet = between(*pair(state.state, *point), state.coefficients[0][-1])
            return moved(jet, tuple(values[:-1] for values in state.coefficients))

        return jet_at

    def _pair(self, entries: tuple[str, ...]) -> Callable[..., tuple[Jet, Jet]]:
        """Return the raw jets at the nearest trained time, and at the time itself."""
        raw, index = self._unprojected(entries), self._index

        def pair(state: Any, *point: Array) -> tuple[Jet, Jet]:
            t, windows = point[index], state.windows
            end = windows.start[-1] + windows.length[-1]
            times = jnp.stack([jnp.clip(t, windows.start[0], end), t])
            both = jax.vmap(lambda at: raw(state, *point[:index], at, *point[index + 1 :]))(times)
            near, far = (jax.tree.map(lambda leaf, i=i: leaf[i], both) for i in (0, 1))
            return near, far

        return pair

    def _coefficients(self, height: int, state: Any, t: Array) -> Coefficients:
        """Return the coefficients, and the share of the way, with derivatives up to an order."""
        pair, index = self._pair(self._levels.needs), self._index
        columns = jnp.asarray(self._levels.grid.points.T, t.dtype)

        def at(time: Array) -> Array:
            near, far = jax.vmap(lambda *x: pair(state, *x[:index], time, *x[index:]))(*columns)
            return jnp.append(*self._levels.coefficients(near, far))

        return _lifted(at, height)(t)

    def _at_concrete(self, request: tuple[str, ...], points: tuple[np.ndarray, ...]) -> Any:
        times = points[self._index if request[0] == "jet" else 0]
        if not times.size:
            return super()._at_concrete(request, points)
        different, place = np.unique(times, return_inverse=True)
        solve = partial(self._solving(self._height(request)), self._state)
        coefficients = in_chunks(solve, (different,), TOGETHER)
        gathered = tuple(c[place.ravel()] for c in coefficients)
        move = partial(self._moving(request, len(points)), self._state)
        return in_chunks(move, (gathered, *points), self._sizes_of_chunks(request))

    def _order(self, request: tuple[str, ...]) -> int:
        """Return up to which time derivative of the coefficients a request reads."""
        return moved_jet(self._levels, self._reads(*request))[1]

    def _solver(self, height: int) -> Callable[..., Coefficients]:
        """Return the compiled map to the coefficients at several times."""
        return jax.jit(jax.vmap(partial(self._coefficients, height), in_axes=(None, 0)))

    def _mover(self, request: tuple[str, ...], dimensions: int) -> Callable[..., Any]:
        """Return the compiled map from the coefficients at points to what is asked for there."""
        function = self._function(*request)
        at_one = lambda state, found, *point: function(Found(state, found), *point)  # noqa: E731
        return jax.jit(jax.vmap(at_one, in_axes=(None, *[0] * (1 + dimensions))))


def _lifted(function: Callable[[Array], Array], order: int) -> Callable[[Array], Coefficients]:
    """Return the map to a function of time and its derivatives up to an order."""
    if order == 0:
        return lambda t: (function(t),)
    lower = _lifted(function, order - 1)

    def lifted(t: Array) -> Coefficients:
        values, slopes = jax.jvp(lower, (t,), (jnp.ones_like(t),))
        return (*values, slopes[-1])

    return lifted
