"""Where the equation is asked to hold over space: more densely where the state is steep."""

import math
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.problem.axes import Axis, Periodic
from pinn.problem.problem import Problem
from pinn.spectral import Grid
from pinn.training.recipe import Recipe

GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)


def slice_places(
    problem: Problem, grid: Grid, recipe: Recipe, taylor: Mapping[str, Array], dtype: np.dtype
) -> Float[Array, "slices nodes dimensions"]:
    """Return the collocation points of every slice.

    They are a tensor grid, shifted from slice to slice by the golden ratio on circles. Along one
    axis half of them follow the steepness of the state at the window's start, so that a front of
    any width has its share.
    """
    slices = 1 if problem.stationary else recipe.slices
    count = max(round((recipe.points / slices) ** (1.0 / len(problem.extent))), 4)
    shares = [_shares(axis, count, slices) for axis in problem.extent.values()]
    if len(shares) == 1 and not problem.stationary:
        (axis,) = problem.extent.values()
        placed = _equidistributed(grid, axis, taylor, jnp.asarray(shares[0], dtype))
        return placed[..., None]
    lines = [
        axis.lower + axis.length * share
        for axis, share in zip(problem.extent.values(), shares, strict=True)
    ]
    mesh = [np.stack(np.meshgrid(*rows, indexing="ij"), -1) for rows in zip(*lines, strict=True)]
    return jnp.asarray(np.stack([m.reshape(-1, len(lines)) for m in mesh]), dtype)


def _shares(axis, count: int, slices: int) -> np.ndarray:
    """Return points of (0, 1), one row a slice."""
    if isinstance(axis, Periodic):
        shifts = np.modf(GOLDEN * np.arange(1, slices + 1))[0]
        return (np.arange(count)[None] + shifts[:, None]) / count
    nodes = np.polynomial.legendre.leggauss(count)[0]
    return np.broadcast_to(0.5 * (nodes + 1.0), (slices, count))


def _equidistributed(
    grid: Grid, axis: Axis, taylor: Mapping[str, Array], shares: Float[Array, "slices nodes"]
) -> Float[Array, "slices nodes"]:
    """Return where the running integral of half the even and half the steep density is a share."""
    (basis,) = grid.bases
    inside = int(np.searchsorted(basis.nodes, axis.upper, side="right"))
    steep = jnp.zeros(basis.count, shares.dtype)
    for series in taylor.values():
        if series.shape[0]:
            slope = jnp.abs(grid.values(grid.differentiated(series[0], (1,))))
            steep = steep + jnp.sum(slope.reshape(basis.count, -1), axis=1)
    places = basis.nodes[:inside]
    last = [] if np.isclose(places[-1], axis.upper) else [axis.upper]
    widths = np.diff(np.append(places, last))
    padded = jnp.append(steep[:inside], steep[inside % basis.count])[: widths.size + 1]
    pieces = 0.5 * (padded[1:] + padded[:-1]) * jnp.asarray(widths, shares.dtype)
    whole = jnp.sum(pieces)
    even = jnp.asarray(widths / widths.sum(), shares.dtype)
    steeply = pieces / jnp.where(whole > 0.0, whole, 1.0)
    density = jnp.where(whole > 0.0, 0.5 * (even + steeply), even)
    running = jnp.concatenate([jnp.zeros(1, shares.dtype), jnp.cumsum(density)])
    edges = basis.lower + np.concatenate([[0.0], np.cumsum(widths)])
    return jnp.interp(shares, running / running[-1], jnp.asarray(edges, shares.dtype))
