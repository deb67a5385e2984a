"""The ansatz that a recipe gives a box, its gradings, and the quadratures over it."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from pinn.networks.ansatz import Ansatz, box_grid
from pinn.networks.box import Box
from pinn.networks.grading import Grading, balanced, even_grading, grading_of
from pinn.networks.mirror import halved, mirrors_of
from pinn.problem.axes import Periodic
from pinn.problem.problem import Problem
from pinn.spectral import Grid
from pinn.training.recipe import Recipe

STATIONS = 1025


def box_ansatz(problem: Problem, recipe: Recipe, graph: nnx.GraphDef) -> Ansatz:
    """Return the ansatz over a problem's box."""
    mirrors = mirrors_of(problem)
    linear = recipe.network.resolution(problem) is not None
    grid = box_grid(problem, mirrors, recipe.modes, recipe.modes if linear else 33)
    complete = recipe.network.holds(problem)
    return Ansatz(Box(problem, mirrors), recipe.network, graph, grid, complete)


def even_gradings(problem: Problem, dtype: np.dtype) -> dict[str, Grading]:
    """Return the identity along the only axis of space; several axes are not graded.

    Nor are those with breakpoints, which a change of coordinate would move.
    """
    plain = len(problem.extent) == 1 and not interfaces(problem)
    extent = problem.extent if plain else {}
    return {name: even_grading(axis, dtype) for name, axis in extent.items()}


def interfaces(problem: Problem) -> dict[str, tuple[float, ...]]:
    """Return the breakpoints of each axis of space that has some."""
    found = {name: getattr(axis, "breakpoints", ()) for name, axis in problem.extent.items()}
    return {name: places for name, places in found.items() if places}


def suited_grading(
    ansatz: Ansatz, current: Mapping[str, Grading], functions: Mapping[str, Callable[..., Array]]
) -> dict[str, Grading]:
    """Return the coordinate that suits functions of space, which the current one resolves.

    Where the network holds every wave of the solution, the even one does.
    """
    if not current or ansatz.complete:
        return {**current}
    ((name, axis),) = ansatz.problem.extent.items()
    shares = jnp.linspace(axis.lower, axis.upper, STATIONS, dtype=current[name].dtype)
    places = ansatz.box.placed(shares[:, None], current)[:, 0]
    values = [jax.vmap(f)(places).reshape(STATIONS, -1) for f in functions.values()]
    sizes = [jnp.maximum(jnp.max(jnp.abs(v)), 1e-300) for v in values]
    units = [v / s for v, s in zip(values, sizes, strict=True)]
    grading = grading_of(axis, places, jnp.concatenate(units, axis=1))
    even = halved(ansatz.box.mirrors, name, axis)
    return {name: balanced(axis, grading) if even else grading}


def quadrature(problem: Problem, modes: int) -> Grid:
    """Return the quadrature over space that charges are reported with."""
    return even_quadrature(problem, {1: max(2 * modes, 1025), 2: 97, 3: 33}[len(problem.extent)])


def even_quadrature(problem: Problem, count: int) -> Grid:
    """Return `count` nodes along each circle, and half as many between walls, where they crowd."""
    counts = {
        name: count if isinstance(axis, Periodic) else count // 2 + 1
        for name, axis in problem.extent.items()
    }
    return Grid.of(problem.extent, counts)
