"""Unknown functions as series, with the smoothness that is expected of them before the data."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pinn.spectral import AbstractBasis, Chebyshev, Fourier, functions

# How large coefficients are before the data, in units of the first value, smooth or not.
WIDE = 3.0


@dataclass(frozen=True)
class Series:
    """A function of a few numbers, f(x) = Σ c_k φ_k(x), or its exponential above a lower bound.

    The φ_k are products of one function an axis, of total degree below `count`. What is expected of
    f before the data is that of a smoothing spline: c is normal with
    Σ_axes ∫ (∂ᵐf/∂zᵐ)² dz = |P c|², z being each axis scaled to [−1, 1], so that |P c|²/τ² is minus
    twice the logarithm of the prior; τ and m are for the data to choose
    (Wahba 1990, Spline Models for Observational Data, doi:10.1137/1.9781611970128).

    Args:
        bases: the functions along each axis.
        outputs: how many numbers it returns; 0 for a scalar.
        lower: f is larger than this.
        guess: a first value.
        order: m.
    """

    bases: tuple[AbstractBasis, ...]
    outputs: int = 0
    lower: float | None = None
    guess: float | None = None
    order: int = 2

    @cached_property
    def _chosen(self) -> np.ndarray:
        """Which function of each axis every product is made of."""
        degrees = [_degrees(basis) for basis in self.bases]
        most = max(max(d) for d in degrees)
        every = itertools.product(*(range(len(d)) for d in degrees))
        kept = [k for k in every if sum(d[i] for d, i in zip(degrees, k, strict=True)) <= most]
        return np.array(kept).reshape(-1, len(self.bases))

    @property
    def size(self) -> int:
        """How many coefficients there are."""
        return len(self._chosen) * max(self.outputs, 1)

    def function(self, coefficients: Float[Array, " size"]) -> Callable[..., Array]:
        """Return f for some coefficients."""
        table = coefficients.reshape(len(self._chosen), max(self.outputs, 1))

        def f(*point: Array) -> Array:
            at = jnp.concatenate([jnp.atleast_1d(jnp.asarray(p, table.dtype)) for p in point])
            factors = [_continued(b, at[i])[self._chosen[:, i]] for i, b in enumerate(self.bases)]
            value = reduce(jnp.multiply, factors) @ table
            value = value if self.lower is None else self.lower + jnp.exp(value)
            return value if self.outputs else value[0]

        return f

    @property
    def start(self) -> np.ndarray:
        """The coefficients of the first value."""
        level = 0.0 if self.guess is None else self.guess
        if self.lower is not None:
            level = np.log(level - self.lower) if self.guess is not None else 0.0
        found = np.zeros((len(self._chosen), max(self.outputs, 1)))
        found[self._chosen.sum(axis=1) == 0] = level
        return found.ravel()

    @cached_property
    def penalty(self) -> Float[np.ndarray, "size size"]:
        """P, as an upper triangular matrix."""
        blocks = [self._roughness(axis) for axis in range(len(self.bases))]
        root = np.linalg.qr(np.concatenate(blocks), mode="r")
        return np.kron(root, np.eye(max(self.outputs, 1)))

    @cached_property
    def rank(self) -> int:
        """How many combinations of coefficients P sees."""
        return int(np.linalg.matrix_rank(self.penalty))

    @property
    def width(self) -> float:
        """The standard deviation of every coefficient before the data, however smooth f is."""
        return WIDE * max(float(np.max(np.abs(self.start))), 1.0)

    def log_prior(self, scale: float) -> float:
        """Return log |det| of the rows of the prior, [P/τ; 1/width]."""
        rows = np.concatenate([self.penalty / scale, np.eye(self.size) / self.width])
        return float(np.sum(np.log(np.abs(np.diag(np.linalg.qr(rows, mode="r"))))))

    def _roughness(self, axis: int) -> np.ndarray:
        """Return √weight · ∂ᵐφ/∂zᵐ on a tensor grid of quadrature nodes, one column a function."""
        factors = []
        for place, basis in enumerate(self.bases):
            z, weights = np.polynomial.legendre.leggauss(2 * basis.count)
            half = 0.5 * (basis.upper - basis.lower)
            values = basis.vandermonde(basis.lower + half * (z + 1.0))
            if place == axis:
                values = values @ np.linalg.matrix_power(half * basis.derivative, self.order)
            factors.append(np.sqrt(weights)[:, None] * values[:, self._chosen[:, place]])
        combine = lambda a, b: (a[:, None] * b[None]).reshape(-1, a.shape[1])  # noqa: E731
        return np.linalg.qr(reduce(combine, factors), mode="r")


def _continued(basis: AbstractBasis, x: Float[Array, ""]) -> Float[Array, " count"]:
    """Return a basis's functions, as straight lines beyond the ends of an interval.

    A polynomial would run away there, and with it a solution that comes near.
    """
    if isinstance(basis, Fourier):
        return functions(basis, x)
    inside = jnp.clip(x, basis.lower, basis.upper)
    values = functions(basis, inside)
    return values + (x - inside) * (jnp.asarray(basis.derivative.T, x.dtype) @ values)


def _degrees(basis: AbstractBasis) -> list[int]:
    if isinstance(basis, Fourier):
        half = basis.count // 2
        return [0, *range(1, half + 1), *range(1, half + 1)]
    return list(range(basis.count))


def polynomials(lower: tuple[float, ...], upper: tuple[float, ...], count: int) -> tuple:
    """Return the bases of polynomials over a box."""
    return tuple(Chebyshev(a, b, count) for a, b in zip(lower, upper, strict=True))
