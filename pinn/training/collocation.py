"""Where the equation is asked to hold over space: more densely where the state is steep."""

import math
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.networks.ansatz import Ansatz
from pinn.networks.grading import Grading
from pinn.networks.mirror import halved
from pinn.problem.axes import Periodic
from pinn.training.recipe import Recipe

GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)


def slice_places(
    ansatz: Ansatz, recipe: Recipe, grading: Mapping[str, Grading], dtype: np.dtype
) -> Float[Array, "slices nodes dimensions"]:
    """Return the collocation points of every slice.

    They are a tensor grid, shifted from slice to slice by the golden ratio on circles. Along one
    axis they are even in the graded coordinate, so that a front of any width has its share. A
    circle of which half tells the whole has points in that half.
    """
    problem = ansatz.problem
    slices = 1 if problem.stationary else recipe.slices
    parts = {n: 0.5 if halved(ansatz.box.mirrors, n, a) else 1.0 for n, a in ansatz.box.axes}
    count = (recipe.points / slices / math.prod(parts.values())) ** (1.0 / len(parts))
    lines = [
        axis.lower + axis.length * parts[n] * _shares(axis, max(round(parts[n] * count), 4), slices)
        for n, axis in ansatz.box.axes
    ]
    mesh = [np.stack(np.meshgrid(*rows, indexing="ij"), -1) for rows in zip(*lines, strict=True)]
    even = np.stack([m.reshape(-1, len(lines)) for m in mesh])
    return ansatz.box.placed(jnp.asarray(even, dtype), grading)


def _shares(axis, count: int, slices: int) -> np.ndarray:
    """Return points of (0, 1), one row a slice."""
    if isinstance(axis, Periodic):
        shifts = np.modf(GOLDEN * np.arange(1, slices + 1))[0]
        return (np.arange(count)[None] + shifts[:, None]) / count
    edges = (np.array([axis.lower, *axis.breakpoints, axis.upper]) - axis.lower) / axis.length
    nodes = np.polynomial.legendre.leggauss(-(-count // (edges.size - 1)))[0]
    inside = edges[:-1, None] + np.diff(edges)[:, None] * 0.5 * (nodes + 1.0)
    return np.broadcast_to(inside.ravel(), (slices, inside.size))
