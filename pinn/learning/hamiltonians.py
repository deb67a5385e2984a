"""Hamiltonians that optimisers move by: motion that is slow where the loss is small."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array


class Hamiltonian(NamedTuple):
    """A Hamiltonian of the momentum π and of V, the loss above its minimum.

    Args:
        potential: U(V).
        kinetic: K(|π|², V), zero at rest.
        square: |π|² that carries a kinetic energy, from (K, V).
        force: −dπ/dt as a multiple of ∇V, from (V, E).
        velocity: dθ/dt as a multiple of π, from (V, E, |π|²).
    """

    potential: Callable[[Array], Array]
    kinetic: Callable[[Array, Array], Array]
    square: Callable[[Array, Array], Array]
    force: Callable[[Array, Array], Array]
    velocity: Callable[[Array, Array, Array], Array]


def born_infeld() -> Hamiltonian:
    """Return H = √(V (V + |π|²)), whose speed is below √V."""
    return Hamiltonian(
        lambda v: v,
        # √(V² + Vπ²) − V without cancellation.
        lambda square, v: v * square / (jnp.sqrt(v * (v + square)) + v),
        lambda k, v: k * (k + 2.0 * v) / v,
        lambda v, energy: 0.5 * (v / energy + energy / v),
        lambda v, energy, square: v / energy,
    )


def separable(exponent: float, softening: float) -> Hamiltonian:
    """Return H = η log V + log(1 + |π|²/s).

    Args:
        exponent: η.
        softening: s.
    """
    return Hamiltonian(
        lambda v: exponent * jnp.log(v),
        lambda square, v: jnp.log1p(square / softening),
        lambda k, v: softening * jnp.expm1(k),
        lambda v, energy: exponent / v,
        lambda v, energy, square: 2.0 / (softening + square),
    )
