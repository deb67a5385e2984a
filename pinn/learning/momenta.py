"""Momenta of an optimiser: trees of arrays with one length and one direction."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree
from optax import tree

Number = Float[Array, ""]


def square(vector: PyTree[Array]) -> Number:
    """Return |π|²."""
    return tree.norm(vector, squared=True)


def size(vector: PyTree[Array]) -> Number:
    """Return |π|."""
    return jnp.sqrt(square(vector))


def directed(momentum: PyTree[Array], slope: PyTree[Array], noise: PyTree[Array]) -> PyTree[Array]:
    """Return the momentum; at rest the way down the slope; where that is level, any direction."""
    start = tree.where(square(slope) > 0.0, tree.scale(-1.0, slope), noise)
    return tree.where(square(momentum) > 0.0, momentum, start)


def resized(direction: PyTree[Array], length: Number) -> PyTree[Array]:
    """Return a vector of a given length along a direction."""
    norm = size(direction)
    return tree.scale(
        jnp.where(norm > 0.0, length / jnp.where(norm > 0.0, norm, 1.0), 0.0), direction
    )


def turned(momentum: PyTree[Array], angle: float, key: Array) -> PyTree[Array]:
    """Return a momentum of the same length, about an angle away in a random direction."""
    length = size(momentum)
    noise = tree.random_like(jax.random.fold_in(key, 1), momentum)
    return resized(tree.add(momentum, resized(noise, angle * length)), length)


def reflected(momentum: PyTree[Array], slope: PyTree[Array]) -> PyTree[Array]:
    """Return the momentum reflected off a slope that it runs up; reversed where it runs down."""
    uphill, steep = jnp.asarray(tree.vdot(momentum, slope)), square(slope)
    twice = 2.0 * uphill / jnp.where(steep > 0.0, steep, 1.0)
    mirrored = tree.sub(momentum, tree.scale(twice, slope))
    return tree.where(uphill > 0.0, mirrored, tree.scale(-1.0, momentum))
