"""What the network sees of a point: time in its window, angles on circles, and intervals."""

from collections.abc import Collection, Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.networks.mirror import period
from pinn.problem.axes import Axis, Periodic


def embedding_size(extent: Mapping[str, Axis], harmonics: int) -> int:
    """Return how many numbers the space coordinates become."""
    return 2 * harmonics * len(extent)


def embed(
    extent: Mapping[str, Axis],
    harmonics: int,
    point: tuple[Array, ...],
    mirrored: Collection[str] = (),
) -> Float[Array, " inputs"]:
    """Return cos kθ and sin kθ on a circle, and polynomials T_k(z) on an interval, as many.

    Between mirrors cos 2πkξ takes the polynomials' place, even about both of them.
    A function of the angles is periodic with all its derivatives, whatever it is (Dong & Ni 2021,
    doi:10.1016/j.jcp.2021.110242).
    """
    parts = []
    for (name, axis), x in zip(extent.items(), point, strict=True):
        if name in mirrored:
            order = jnp.asarray(np.arange(1, 2 * harmonics + 1), x.dtype)
            parts.append(jnp.cos(2.0 * np.pi / period(axis) * (x - axis.lower) * order))
        elif isinstance(axis, Periodic):
            order = jnp.asarray(np.arange(1, harmonics + 1), x.dtype)
            angle = 2.0 * np.pi / axis.length * (x - axis.lower) * order
            parts += [jnp.cos(angle), jnp.sin(angle)]
        else:
            z = (2.0 * x - axis.lower - axis.upper) / axis.length
            parts.append(chebyshev(z, 2 * harmonics + 1)[1:])
    return jnp.concatenate(parts)


def chebyshev(z: Array, count: int) -> Float[Array, " count"]:
    """Return T_0(z) … T_{count−1}(z) by their recurrence, which differentiates to any order."""
    values = [jnp.ones_like(z), z]
    while len(values) < count:
        values.append(2.0 * z * values[-1] - values[-2])
    return jnp.stack(values[:count])
