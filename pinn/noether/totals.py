"""Integrals over space: totals of densities, and of fluxes through faces."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pinn.jets import Jet, JetFunction
from pinn.noether.charge import Charge
from pinn.spectral import Quadrature

# From one scalar a space coordinate, in the grid's order, to the jet there.
JetAt = Callable[..., Jet]


def total(grid: Quadrature, density: Callable[[Jet], Any], jet_at: JetAt) -> Any:
    """Return ∫ density over space ≈ Σ w density(node), of the density's shape.

    A density that returns several, in a dictionary, reads the jets once for all of them.
    """
    return _weighted(grid.points, grid.weights, density, jet_at)


def through(
    grid: Quadrature,
    flux: JetFunction,
    face: tuple[str, int],
    bounds: tuple[float, float],
    jet_at: JetAt,
) -> Array:
    """Return ∫ flux over one face, along the axis (not the outward normal)."""
    points, weights = face_nodes(grid, face, bounds)
    return _weighted(points, weights, flux, jet_at)


def outflow(
    charge: Charge, grid: Quadrature, jet_at: JetAt, faces: Iterable | None = None
) -> Array:
    """Return what leaves through the leaking faces, Σ upper − Σ lower ∫ flux."""
    lost = jnp.zeros(charge.density.shape)
    for axis, end in charge.leaks if faces is None else faces:
        basis = grid.bases[grid.coordinates.index(axis)]
        bounds = (basis.lower, basis.upper)
        passed = through(grid, charge.flux[axis], (axis, end), bounds, jet_at)
        lost = lost + (passed if end else -passed)
    return lost


def face_nodes(
    grid: Quadrature, face: tuple[str, int], bounds: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes on a face, of shape (nodes, dimensions), and their weights."""
    index = grid.coordinates.index(face[0])
    names = grid.coordinates[:index] + grid.coordinates[index + 1 :]
    if not names:
        return np.array([[bounds[face[1]]]]), np.ones(1)
    rest = replace(grid, coordinates=names, bases=grid.bases[:index] + grid.bases[index + 1 :])
    return np.insert(rest.points, index, bounds[face[1]], axis=1), rest.weights


def _weighted(points: np.ndarray, weights: np.ndarray, function, jet_at: JetAt) -> Array:
    real = jnp.result_type(float)
    columns = jnp.asarray(points.T, real)
    values = jax.vmap(lambda *point: function(jet_at(*point)))(*columns)
    summed = jnp.asarray(weights, real)
    return jax.tree.map(lambda v: jnp.tensordot(summed, v, axes=1), values)
