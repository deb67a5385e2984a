"""A coordinate that dwells where a field is steep, so that few functions resolve a front.

ξ(x) = (1 − w)(x − a) + w L Σ_j F((x − c_j)/d_j)/J + a is a monotone change of coordinate, with
Cauchy's distribution F(y) = ½ + arctan(y)/π, wrapped around a circle, and rescaled on an interval
so that the ends stay where they are: analytic, with poles at c_j ± i d_j only. With w = 0 it is the
identity. Bayliss & Turkel (1992), doi:10.1016/0021-9991(92)90012-N, use one such centre.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.problem.axes import Axis, Periodic

CENTRES = 12
SHARE = 0.8
OVERLAP = 4.0
EVEN, STEEP = 1.4, 2.4
BEND = 0.5
LEAST = 2e-3
ROUNDS = 60


# One row of centres c_j, one of widths d_j, and one of the weight w over and over.
Grading = Float[Array, "3 centres"]


def even_grading(axis: Axis, dtype: np.dtype) -> Grading:
    """Return the identity."""
    places = axis.lower + axis.length * (np.arange(CENTRES) + 0.5) / CENTRES
    widths = np.full(CENTRES, axis.length / CENTRES)
    return jnp.asarray(np.stack([places, widths, np.zeros(CENTRES)]), dtype)


def grading_of(
    axis: Axis, places: Float[Array, " nodes"], values: Float[Array, "nodes components"]
) -> Grading:
    """Return the grading with equal shares of what the values do between its centres.

    That is by halves their total variation and that of their slopes, so that a corner has its share
    as a front has. A field that does it evenly keeps the even coordinate: with m for the density
    of the shares, the measure is L ∫m² / (∫m)².
    """
    lengths = jnp.diff(places)
    slopes = jnp.diff(values, axis=0) / lengths[:, None]
    ends = slopes[:1] if not isinstance(axis, Periodic) else slopes[-1:]
    bends = _shares(jnp.diff(slopes, axis=0, prepend=ends))
    rises = _shares(jnp.diff(values, axis=0))
    density = (1.0 - BEND) * rises + BEND * 0.5 * (bends + jnp.roll(bends, -1))
    measure = axis.length * jnp.sum(density**2 / lengths)
    weight = SHARE * jnp.clip((measure - EVEN) / (STEEP - EVEN), 0.0, 1.0)
    running = jnp.concatenate([jnp.zeros(1, places.dtype), jnp.cumsum(density)])
    running = running + jnp.linspace(0.0, 1e-9, places.size, dtype=places.dtype)
    shares = (jnp.arange(CENTRES, dtype=places.dtype) + 0.5) / CENTRES
    quantile = lambda share: jnp.interp(share, running, places)  # noqa: E731
    step = 0.5 / CENTRES
    widths = OVERLAP * (quantile(shares + step) - quantile(shares - step))
    widths = jnp.maximum(widths, LEAST * axis.length)
    return jnp.stack([quantile(shares), widths, jnp.full_like(widths, weight)])


def balanced(axis: Axis, grading: Grading) -> Grading:
    """Return a grading made exactly symmetric about the middle of its axis."""
    centres, widths, weight = grading
    opposite = axis.lower + axis.upper - centres[::-1]
    return jnp.stack([0.5 * (centres + opposite), 0.5 * (widths + widths[::-1]), weight])


def _shares(differences: Float[Array, "places components"]) -> Float[Array, " places"]:
    """Return how much of a total variation happens at each place."""
    sizes = jnp.sum(jnp.abs(differences), axis=1)
    whole = jnp.sum(sizes)
    return sizes / jnp.where(whole > 0.0, whole, 1.0)


def graded(axis: Axis, mirrored: bool, grading: Grading, x: Float[Array, ""]) -> Float[Array, ""]:
    """Return ξ(x)."""
    centres, widths, weight = grading[0], grading[1], grading[2, 0]
    if mirrored:
        centres = jnp.concatenate([centres, 2.0 * axis.lower - centres])
        widths = jnp.concatenate([widths, widths])
    period = axis.length * (2.0 if mirrored else 1.0)
    if mirrored or isinstance(axis, Periodic):
        shape = partial(_wrapped, period, centres, widths)
        steep = period * (shape(x) - shape(jnp.full_like(x, axis.lower)))
    else:
        shape = partial(_distribution, centres, widths)
        low, high = (shape(jnp.full_like(x, end)) for end in (axis.lower, axis.upper))
        steep = axis.length * (shape(x) - low) / (high - low)
    return x + weight * (steep - (x - axis.lower))


def _distribution(centres: Array, widths: Array, x: Array) -> Array:
    return jnp.mean(jnp.arctan((x - centres) / widths)) / np.pi


def _wrapped(period: float, centres: Array, widths: Array, x: Array) -> Array:
    """Return ∫ of the wrapped Cauchy densities, which grows by one a period, free of jumps."""
    half = np.pi / period * (x - centres)
    q = 1.0 / jnp.tanh(np.pi / period * widths)
    sine, cosine = jnp.sin(half), jnp.cos(half)
    turn = jnp.arctan((q - 1.0) * sine * cosine / (cosine**2 + q * sine**2))
    return jnp.mean(half + turn) / np.pi


def ungraded(
    axis: Axis, mirrored: bool, grading: Grading, xi: Float[Array, " nodes"]
) -> Float[Array, " nodes"]:
    """Return x with ξ(x) = xi, by bisection."""
    reach = axis.length * (2.0 if mirrored else 1.0)
    at = jax.vmap(partial(graded, axis, mirrored, grading))

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        below = at(middle) < xi
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    start = (jnp.full_like(xi, axis.lower), jnp.full_like(xi, axis.lower + reach))
    low, high = jax.lax.fori_loop(0, ROUNDS, halve, start)
    return jnp.where(grading[2, 0] > 0.0, 0.5 * (low + high), xi)
