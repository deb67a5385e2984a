"""Where the fields of a problem are defined, and what a value anywhere else is."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from pinn.problem.axes import Axis, Periodic

ULPS = 8
"""How far beyond an end a point may lie, in units of its last place there: rounding of a sum."""

Coordinates = Sequence[Any]


def wrapped(axes: Sequence[Axis], points: Coordinates) -> tuple[Any, ...]:
    """Return points, NumPy arrays or JAX's, with periodic coordinates moved into their period."""
    return tuple(
        _moved(axis, point) if isinstance(axis, Periodic) else point
        for axis, point in zip(axes, points, strict=True)
    )


def _moved(axis: Periodic, point: Any) -> Any:
    xp = np if isinstance(point, np.ndarray) else jnp
    periods = xp.floor((point - axis.lower) / axis.length)
    # The upper end stays what it is, and so does every point inside, to the last bit.
    outside = (point < axis.lower) | (point > axis.upper)
    shift = xp.where(outside, periods, 0.0).astype(point.dtype)
    if xp is jnp:
        shift = jax.lax.stop_gradient(shift)
    return (point - axis.length * shift).astype(point.dtype)


def inside(
    axes: Sequence[Axis], points: Coordinates, given: Coordinates
) -> Bool[Array, "..."] | np.ndarray:
    """Tell which points lie between the ends of every axis, up to a few units in the last place.

    Args:
        axes: of the coordinates, in their order.
        points: one array a coordinate, all of one shape.
        given: the same as a caller gave them, in single precision perhaps, where the end of an
            interval may be rounded up.
    """
    xp = np if all(isinstance(point, np.ndarray) for point in points) else jnp
    within = xp.ones(np.shape(points[0]), bool)
    for axis, point, source in zip(axes, points, given, strict=True):
        if not isinstance(axis, Periodic):
            unit = max(_unit(point), _unit(source)) * max(abs(axis.lower), abs(axis.upper))
            slack = ULPS * unit
            within = within & (point >= axis.lower - slack) & (point <= axis.upper + slack)
    return within


def _unit(value: Any) -> float:
    """Return the relative spacing of numbers of a value's type, in double precision at least."""
    kind = getattr(value, "dtype", np.dtype(float))
    return float(jnp.finfo(kind if jnp.issubdtype(kind, jnp.floating) else np.dtype(float)).eps)


def defined(values: Array, within: Any) -> Float[Array, "..."]:
    """Return values where they are defined and NaN elsewhere, with every derivative of theirs.

    A product rather than a choice: the derivative of a choice would be zero outside.
    """
    if not jnp.issubdtype(values.dtype, jnp.inexact):
        return values
    factor = jnp.where(within, 1.0, jnp.nan).astype(values.dtype)
    return values * factor.reshape(factor.shape + (1,) * (values.ndim - factor.ndim))
