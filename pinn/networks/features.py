"""Features that nothing is learned in: products of one function an axis."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.networks.embedding import chebyshev
from pinn.spectral import AbstractBasis, Chebyshev, Piecewise, functions


@dataclass(frozen=True)
class Features:
    """The products T_i(z) φ_j(x) over time and the axes of space.

    Args:
        bases: the functions along each space axis.
        even: whether only those that are even about the axis's lower end are used.
        times: polynomials in time; 0 without a time.
    """

    bases: tuple[AbstractBasis, ...]
    even: tuple[bool, ...]
    times: int

    @property
    def count(self) -> int:
        """How many there are."""
        return max(self.times, 1) * len(self._chosen[0])

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " features"]:
        """Evaluate at one point."""
        place = x[1:] if self.times else x
        factors = [functions(b, at) for b, at in zip(self.bases, place, strict=True)]
        return self.products([chebyshev(x[0], self.times), *factors] if self.times else factors)

    def products(self, factors: Sequence[Float[Array, " count"]]) -> Float[Array, " features"]:
        """Return the products of all functions of time, if there is one, and of each axis."""
        along = factors[1:] if self.times else factors
        chosen = [values[place] for values, place in zip(along, self._chosen, strict=True)]
        over_space = reduce(jnp.multiply, chosen)
        return jnp.outer(factors[0], over_space).ravel() if self.times else over_space

    @cached_property
    def _chosen(self) -> list[np.ndarray]:
        """Return, for each axis, which of its functions every feature is made of."""
        degrees = [_degrees(b, even) for b, even in zip(self.bases, self.even, strict=True)]
        shares = [[(k, d / max(max(ds.values()), 1)) for k, d in ds.items()] for ds in degrees]
        inside = [
            [k for k, _ in unit]
            for unit in itertools.product(*shares)
            if sum(share**2 for _, share in unit) <= 1.0 + 1e-9
        ]
        return list(np.array(inside, dtype=int).T)


def _degrees(basis: AbstractBasis, even: bool) -> dict[int, int]:
    """Return the degree, or wave number, of each function that is used, by its index."""
    if isinstance(basis, Piecewise):
        each = basis.count // len(basis.pieces)
        return {n: n % each for n in range(basis.count)}
    if isinstance(basis, Chebyshev):
        return {n: n for n in range(basis.count)}
    half = basis.count // 2
    cosines = {k: k for k in range(half + 1)}
    return cosines if even else cosines | {half + k: k for k in range(1, half + 1)}
